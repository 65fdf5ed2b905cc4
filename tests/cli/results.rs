//! The files that a run writes, and what can be done with them.

use serde_json::Value;

use super::harness::{Folder, REFUTED, SMALL};

const FILES: [&str; 6] =
    ["history.edn", "history.jsonl", "manifest.json", "results.csv", "scenario.json", "timing.json"];

#[test]
fn a_folder_of_results_is_complete() {
    let folder = Folder::new("out");
    folder.write("small.json", SMALL).write("lost.json", REFUTED);
    let document = folder.document("run small.json --out held", 0);
    assert_eq!(folder.files("held"), FILES);
    let lines = folder.read("held/history.jsonl");
    assert_eq!(lines.lines().count() as u64, document["operations"]["invoked"].as_u64().expect("a number"));
    let first: Value = serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
    assert!(first["id"].as_str().is_some_and(|id| id.starts_with("shoppers-")), "{first}");
    let manifest: Value = serde_json::from_str(&folder.read("held/manifest.json")).expect("JSON");
    assert_eq!(manifest["result"], document);
    let table = folder.read("held/results.csv");
    let rows: Vec<Vec<_>> = table.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].len(), rows[1].len());
    let digest = rows[0].iter().position(|column| *column == "digest").expect("a column");
    assert_eq!(rows[1][digest], document["digest"].as_str().expect("a digest"));

    let all: Vec<_> = FILES.iter().copied().chain(["trace.bin"]).collect();
    folder.run("run lost.json --out deep/lost", 1);
    assert_eq!(folder.files("deep/lost"), all, "a refuted run leaves its trace");
    folder.run("run small.json --out held --trace jsonl=t.jsonl", 0);
    assert_eq!(folder.files("held"), all, "a trace was asked for");
}

#[test]
fn two_runs_leave_the_same_files() {
    let folder = Folder::new("same-files");
    folder.write("lost.json", REFUTED);
    for out in ["one", "other"] {
        folder.run(&format!("run lost.json --out {out}"), 1);
    }
    for file in folder.files("one").into_iter().filter(|file| file != "timing.json") {
        assert!(folder.bytes(&format!("one/{file}")) == folder.bytes(&format!("other/{file}")), "{file} differs");
    }
}

#[test]
fn a_resolved_scenario_is_the_same_run() {
    let folder = Folder::new("resolved");
    folder.write("lost.json", REFUTED);
    let check = |scenario: &str, options: &str| {
        let digest = folder.digest(&format!("run {scenario} {options} --out out"));
        folder.run("validate out/scenario.json", 0);
        assert_eq!(folder.digest("run out/scenario.json"), digest, "{scenario} {options}");
        let resolved: Value = serde_json::from_str(&folder.read("out/scenario.json")).expect("JSON");
        assert_eq!(resolved.get("$schema"), None, "its path would lead nowhere");
        assert_eq!(
            resolved["clients"]["shoppers"]["operations"].get("script").is_some(),
            options.contains("--script"),
            "{scenario} {options}"
        );
    };
    for options in ["", "--seed 9", "--script", "--seed 9 --script"] {
        check("lost.json", options);
        check("first/majority-register", options);
    }
}

#[test]
fn a_trace_is_written_and_compared() {
    let folder = Folder::new("trace");
    folder.write("small.json", SMALL);
    folder.run("run small.json --trace binary=a.trace --trace jsonl=a.jsonl", 0);
    folder.run("run small.json --trace binary=b.trace", 0);
    folder.run("run small.json --seed 6 --trace binary=c.trace", 0);
    folder.run("run small.json --trace binary=d.trace --set /network/loss=\"10%\"", 0);
    assert!(folder.bytes("a.trace") == folder.bytes("b.trace"));

    let lines = folder.read("a.jsonl");
    let header: Value = serde_json::from_str(lines.lines().next().expect("a header")).expect("JSON");
    assert_eq!(header["nodes"], serde_json::json!(["store-0", "store-1", "store-2", "shoppers"]));
    let events = lines.lines().count() - 1;
    for (number, line) in lines.lines().skip(1).enumerate() {
        let event: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(event["event"].as_u64(), Some(number as u64), "{line}");
        assert_eq!(event["what"] == "token", event["node"].is_null(), "{line}");
        assert_ne!(event["node"], "?", "{line}");
        assert!(event["cause"].is_null() || event["cause"].as_u64() < event["event"].as_u64(), "{line}");
    }
    folder.check("diff a.trace b.trace", 0, &format!("The traces agree in all {events} events.\n"), "");
    folder.check("diff a.trace c.trace", 1, "The runs agree in ", "");
    let parted = folder.check("diff a.trace d.trace", 1, " events and part at ", "").stdout;
    for side in ["first", "second"] {
        let shown = parted.split(&format!("\n{side}:\n")).nth(1).expect("the side is shown");
        let shown: Vec<_> = shown.lines().take_while(|line| !line.is_empty()).collect();
        assert!(shown.last().is_some_and(|line| line.starts_with("> event ")), "{parted}");
        let causes = &shown[..shown.len() - 1];
        assert!(causes.iter().all(|line| line.starts_with("  event ")), "{parted}");
        assert!(!causes.is_empty(), "the {side} side shows what led to it:\n{parted}");
    }
}

#[test]
fn what_is_no_trace_is_refused() {
    let folder = Folder::new("no-trace");
    folder.write("small.json", SMALL);
    folder.run("run small.json --trace binary=a.trace", 0);
    let bytes = folder.bytes("a.trace");
    let mut damaged = bytes.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    folder.write("short", &bytes[..bytes.len() / 2]).write("empty", "").write("damaged", &damaged);
    for other in ["short", "empty", "damaged", "small.json"] {
        folder.check(&format!("diff a.trace {other}"), 2, "", &format!("error: cannot read the trace {other}: "));
    }
    folder.check("diff a.trace missing", 2, "", "error: cannot read missing: ");
}
