//! `partita trace`, and the forms of `run --trace`.

use serde_json::Value;

use super::harness::{Folder, REFUTED, SMALL};

const FORMS: [&str; 5] = ["jsonl", "chrome", "otlp", "shiviz", "dot"];

#[test]
fn a_saved_trace_converts_to_what_the_run_would_have_written() {
    let folder = Folder::new("trace-forms");
    folder.write("lost.json", REFUTED);
    let wishes: Vec<_> = FORMS.iter().map(|form| format!("--trace {form}=written.{form}")).collect();
    folder.run(&format!("run lost.json --trace binary=saved.trace {}", wishes.join(" ")), 1);
    for form in FORMS {
        let converted = folder.run(&format!("trace saved.trace --as {form}"), 0).stdout;
        assert!(converted == folder.read(&format!("written.{form}")), "{form} differs");
    }
}

#[test]
fn events_are_narrowed_down_and_explained() {
    let folder = Folder::new("trace-select");
    folder.write("lost.json", REFUTED).run("run lost.json --trace binary=t", 1);
    let all = folder.run("trace t", 0).stdout;
    let crash = folder.check("trace t --kind crash --node store-0", 0, "store-0 crashes", "").stdout;
    assert_eq!(crash.lines().count(), 1);
    let number = crash.split_whitespace().next().expect("a number").to_owned();
    folder.check(&format!("trace t --why {number}"), 0, "(crash) starts", "");
    folder.check(&format!("trace t --why {number} --depth 1"), 0, "(crash) starts", "");
    let part = folder.run("trace t --from 500ms --until 600ms", 0).stdout;
    assert!(!part.is_empty() && all.contains(&part), "a window of all events");
    let lines = folder.run("trace t --operation shoppers-3 --as jsonl", 0).stdout;
    let events: Vec<Value> = lines.lines().skip(1).map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(events.iter().any(|event| event["operation"] == "shoppers-3"), "{lines}");
    assert!(events.iter().all(|event| event["operation"].is_null() || event["operation"] == "shoppers-3"), "{lines}");
}

#[test]
fn what_cannot_be_shown_is_refused() {
    let folder = Folder::new("trace-refused");
    folder.write("small.json", SMALL).run("run small.json --trace binary=t", 0);
    let check = |arguments: &str, says: &str| {
        folder.check(arguments, 2, "", says);
    };
    check("trace t --node stoer-1", "error: no node in this trace is called stoer-1; did you mean store-1?");
    check("trace t --as dot --node store-1", "error: --as dot: only jsonl can be narrowed down");
    check("trace t --why 1000000", "error: --why 1000000: the trace has ");
    check("trace t --why 1 --as dot", "cannot be used with");
    check("trace t --as svg", "it is one of jsonl, chrome, otlp, shiviz, dot");
    check("trace t --from soon", "--from");
    check("trace small.json", "error: cannot read the trace small.json: this is not a trace");
    check("run small.json --trace svg=x", "write KIND=PATH; the kinds are binary, jsonl, chrome, otlp, shiviz, dot");
    check("run small.json --trace jsonl=", "write KIND=PATH");
}
