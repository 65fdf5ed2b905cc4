//! What each command prints and answers when all is well.

use serde_json::Value;

use super::harness::{Folder, REFUTED, SMALL};

#[test]
fn a_scenario_is_run_by_file_and_by_name() {
    let folder = Folder::new("by-name");
    folder.write("small.json", SMALL).write("lost.json", REFUTED);
    let printed = folder.check("run small.json", 0, "Small  (small.json, seed 5)", "");
    assert!(printed.stdout.contains("\nHOLDS  digest "), "{}", printed.stdout);
    let printed = folder.check("run lost.json", 1, "\nREFUTED (safety)  digest ", "");
    for line in [
        "broke     crash \"crash-1\" from 1s to 2s: store-0; touched ",
        "refuted       always  linearizable: ",
        "\nagain:    partita run lost.json --seed 1\n",
        "\nlook:     partita run lost.json --seed 1 --trace jsonl=trace.jsonl\n",
    ] {
        assert!(printed.stdout.contains(line), "no {line:?} in:\n{}", printed.stdout);
    }
    let printed = folder.run(r#"run lost.json --set /title="it's""#, 1);
    let again = r#"again:    partita run lost.json --seed 1 --set '/title="it'\''s"'"#;
    assert!(printed.stdout.contains(again), "no {again} in:\n{}", printed.stdout);
    let name = folder.digest("run first/majority-register");
    for same in ["first/majority-register.json", "scenarios/first/majority-register.json"] {
        assert_eq!(folder.digest(&format!("run {same}")), name, "{same}");
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/first/majority-register.json");
    assert_eq!(folder.digest(&format!("run {file}")), name);
}

#[test]
fn a_seed_decides_everything() {
    let folder = Folder::new("seed");
    folder.write("small.json", SMALL);
    let run = |arguments: &str| folder.run(&format!("run small.json --format json {arguments}"), 0).stdout;
    assert_eq!(run("--seed 7"), run("--seed 7"));
    assert_eq!(run(""), run("--seed 5"));
    assert_eq!(run("--seed 7"), run("--set /seed=7"));
    assert_ne!(folder.digest("run small.json --seed 7"), folder.digest("run small.json --seed 8"));
    let largest = folder.document("run small.json --seed 18446744073709551615", 0);
    assert_eq!(largest["seed"], "18446744073709551615");
}

#[test]
fn a_value_of_the_file_is_set() {
    let folder = Folder::new("set");
    folder.write("small.json", SMALL);
    folder.check(r#"run small.json --set /title="Other" --set /duration="1s""#, 0, "Other  (small.json", "");
    folder.check(r#"run small.json --set /network/loss="100%""#, 3, "INCONCLUSIVE", "");
    folder.check(
        "run small.json --set /hypothesis/always/-={\"availability\":{\"at_least\":1.5}}",
        2,
        "",
        "(at /hypothesis/always/1/availability/at_least)",
    );
    folder.check("run small.json --set seed=1", 2, "", "\"seed\" is not a JSON Pointer");
    folder.check("run small.json --set /seed", 2, "", "write /pointer=JSON, as in --set /seed=7");
    folder.check("run small.json --set /sede/x=1", 2, "", "did you mean \"seed\"?");
    folder.check("run small.json --set /title=x", 2, "", "text needs double quotes");
}

/// The fields of a document: names, in dots where they nest.
const FIELDS: &str = "version scenario seed digest final_state verdict class simulated_ns events messages.sent \
    messages.duplicated messages.delivered messages.dropped messages.in_flight operations.invoked operations.ok \
    operations.fail operations.info operations.unavailable_by_design availability latency_ns.p50 latency_ns.p90 \
    latency_ns.p99 latency_ns.p999 latency_ns.max checks.0.name checks.0.phase checks.0.verdict checks.0.observed \
    checks.0.expected checks.0.explanation faults.0.id faults.0.kind faults.0.targets faults.0.start_ns \
    faults.0.end_ns faults.0.touched faults.0.touches.processes";

#[test]
fn a_document_has_its_fields_and_its_sums() {
    let folder = Folder::new("document");
    folder.write("lost.json", REFUTED);
    let document = folder.document("run lost.json", 1);
    for field in FIELDS.split_whitespace() {
        assert!(document.pointer(&format!("/{}", field.replace('.', "/"))).is_some(), "no {field} in {document:#}");
    }
    let number = |pointer: &str| document.pointer(pointer).and_then(Value::as_u64).expect(pointer);
    let dropped = document["messages"]["dropped"].as_object().expect("causes").values().filter_map(Value::as_u64);
    assert_eq!(
        number("/messages/sent") + number("/messages/duplicated"),
        number("/messages/delivered") + dropped.sum::<u64>() + number("/messages/in_flight")
    );
    let outcomes = ["ok", "no", "fail", "info"].map(|outcome| number(&format!("/operations/{outcome}")));
    assert_eq!(number("/operations/invoked"), outcomes.iter().sum::<u64>());
    let said = |pointer: &str| document.pointer(pointer).cloned().expect(pointer);
    assert_eq!(said("/verdict"), "refuted");
    assert_eq!(said("/class"), "safety");
    assert_eq!(said("/faults/0/targets"), serde_json::json!(["store-0"]));
    assert_eq!(said("/faults/0/end_ns"), 2_000_000_000u64);
    assert_eq!(said("/digest").as_str().map(str::len), Some(16));
}

#[test]
fn a_run_is_checked_for_determinism() {
    let folder = Folder::new("determinism");
    folder.write("small.json", SMALL).write("lost.json", REFUTED);
    folder.check("run small.json --check-determinism", 0, "HOLDS", "the second run agreed");
    folder.check("run lost.json --check-determinism", 1, "REFUTED", "the second run agreed");
    let twice = folder.run("run lost.json --check-determinism --format json", 1).stdout;
    assert_eq!(twice, folder.run("run lost.json --format json", 1).stdout);
}

#[test]
fn files_are_validated() {
    let folder = Folder::new("validate");
    folder.write("small.json", SMALL).write("bad.json", SMALL.replace("\"2s\"", "\"2\"")).write("empty.json", "");
    folder.check("validate small.json first/one-node", 0, "small.json: ok\nfirst/one-node: ok\n", "");
    let printed = folder.check(
        "validate bad.json small.json empty.json",
        2,
        "small.json: ok\n",
        "bad.json:5:15 (at /duration)",
    );
    assert!(printed.stderr.contains("the file is empty"), "{}", printed.stderr);
    folder.check("validate", 2, "", "Usage: partita validate");
}

#[test]
fn what_is_bundled_is_listed() {
    let folder = Folder::new("list");
    let printed = folder.check("list", 0, "majority_register", "partita run first/majority-register");
    let named: Vec<_> = printed.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    for name in ["first/one-node", "vacuous/idle-link", "single"] {
        assert!(named.contains(&name), "no {name} in:\n{}", printed.stdout);
    }
    let is_titled = |line: &str| line.starts_with("  first/one-node  ") && line.ends_with("  One node and its log");
    assert!(printed.stdout.lines().any(is_titled), "{}", printed.stdout);
}

#[test]
fn a_new_scenario_is_right_and_holds() {
    let folder = Folder::new("new");
    folder.check("new mine", 0, "mine.json\n", "run it: partita run mine.json");
    folder.check("validate mine.json", 0, "mine.json: ok\n", "");
    folder.check("run mine.json", 0, "\nHOLDS  digest ", "");
    folder.write("mine.json", "precious");
    for name in ["mine", "mine.json"] {
        folder.check(&format!("new {name}"), 2, "", "error: mine.json exists; choose another name");
    }
    assert_eq!(folder.read("mine.json"), "precious");
    folder.check("new no/such/folder", 2, "", "error: cannot write no/such/folder.json");
    assert_eq!(folder.files("."), ["mine.json"]);
}

#[test]
fn the_schema_is_json() {
    let schema = Folder::new("schema").check("schema", 0, "majority_register", "").stdout;
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
}

#[test]
fn every_command_explains_itself() {
    let folder = Folder::new("help");
    let help = folder.check("--help", 0, "Exit codes: 0 the hypothesis holds, 1 it is refuted", "").stdout;
    let commands = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("commands");
    for line in commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
        let (name, about) = line.trim().split_once(' ').unwrap_or_else(|| panic!("{line:?} says nothing"));
        assert!(!about.trim().is_empty());
        folder.check(&format!("help {name}"), 0, "Usage: partita", "");
    }
    folder.check("--version", 0, concat!("partita ", env!("CARGO_PKG_VERSION"), "\n"), "");
}

#[test]
fn a_wrong_command_line_is_explained() {
    let folder = Folder::new("usage");
    folder.write("small.json", SMALL);
    let check = |arguments: &str, says: &str| folder.check(arguments, 2, "", says);
    check("", "Usage: partita");
    check("rum first/one-node", "a similar subcommand exists: 'run'");
    check("run small.json --sead 7", "a similar argument exists: '--seed'");
    check("run", "<FILE|NAME>");
    check("run small.json --seed -1", "invalid value '-1' for '--seed <N>'");
    check("run small.json --seed x", "invalid value 'x' for '--seed <N>'");
    check("run small.json --format xml", "[possible values: human, json]");
    check("run small.json --script", "--out <DIR>");
    check("run small.json --trace t.bin", "error: --trace t.bin: write KIND=PATH; the kinds are binary, jsonl,");
    check("run small.json --trace binary=", "write KIND=PATH");
    check("run first/majority-registr", "did you mean first/majority-register?");
    check("run nothing-like-it", "`partita list` shows the bundled ones");
    check("diff one.bin", "<TRACE>");
}
