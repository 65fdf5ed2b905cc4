//! Two scenarios side by side.

use serde_json::Value;

use super::harness::{Folder, REFUTED, SMALL};

#[test]
fn two_scenarios_are_shown_beside_each_other() {
    let folder = Folder::new("side-by-side");
    folder.write("small.json", SMALL).write("lost.json", REFUTED);
    let printed = folder.run("run small.json lost.json --seed 3", 1);
    for line in [
        "A  Small  (small.json, seed 3)",
        "lost.json, seed 3)",
        "\noperations ",
        "\nthe same: ",
        "\nA  HOLDS  digest ",
    ] {
        assert!(printed.stdout.contains(line), "no {line:?} in:\n{}", printed.stdout);
    }
    assert!(printed.stdout.contains("\nB alone:  partita run lost.json --seed 3\n"), "{}", printed.stdout);
    assert_eq!(folder.run("compare small.json lost.json --seed 3", 1).stdout, printed.stdout);
    folder.check(
        "run small.json lost.json",
        1,
        "(lost.json, seed 5)",
        "both run with seed 5; lost.json alone runs with 1",
    );
    folder.check("run small.json small.json", 0, "\nthe same: ", "");
}

#[test]
fn one_document_has_both_and_what_differs() {
    let folder = Folder::new("side-by-side-json");
    folder.write("small.json", SMALL).write("slow.json", SMALL.replace("\"2ms\"", "\"20ms\""));
    let document = folder.document("run small.json slow.json", 0);
    let alone = |name: &str| folder.document(&format!("run {name} --seed 5"), 0);
    assert_eq!(document["runs"], Value::from(vec![alone("small.json"), alone("slow.json")]));
    let differing = document["differing"].as_array().expect("a list");
    let row = |name: &str| {
        differing
            .iter()
            .find(|row| row["name"] == name && row["client"] == Value::Null && row["service"] == Value::Null)
    };
    let median = &row("latency_p50").expect("latencies differ")["values"];
    assert!(median[0]["ns"].as_u64() < median[1]["ns"].as_u64(), "{median}");
    assert_eq!(row("operations"), None, "both are asked as much");
    let same = folder.document("compare small.json small.json", 0);
    assert_eq!(same["differing"], Value::from(Vec::<Value>::new()));
}

#[test]
fn the_graver_verdict_is_the_exit_code() {
    let folder = Folder::new("side-by-side-exit");
    let vacuous = SMALL.replace("\"read\": 0.5, ", "");
    folder.write("small.json", SMALL).write("lost.json", REFUTED).write("vacuous.json", vacuous);
    let check = |files: &str, code| drop(folder.run(&format!("run {files}"), code));
    check("small.json vacuous.json", 3);
    check("vacuous.json small.json", 3);
    check("vacuous.json lost.json --seed 1", 1);
}

#[test]
fn two_scenarios_that_cannot_be_are_refused() {
    let folder = Folder::new("side-by-side-usage");
    folder.write("small.json", SMALL).write("bad.json", "{");
    let check = |arguments: &str, says: &str| drop(folder.check(arguments, 2, "", says));
    check("run small.json nowhere.json", "there is no file and no bundled scenario nowhere.json");
    check("run nowhere.json small.json", "there is no file and no bundled scenario nowhere.json");
    check("run small.json bad.json", "bad.json:1:");
    check("run small.json small.json small.json", "unexpected argument 'small.json'");
    check("compare small.json", "the following required arguments were not provided");
    check("compare small.json small.json small.json", "unexpected argument 'small.json'");
    for option in ["--out results", "--trace binary=t", "--check-determinism"] {
        check(&format!("run small.json small.json {option}"), "cannot be used with");
    }
    check("run small.json small.json --set /nowhere/x=1", "error: --set /nowhere/x=1");
}
