use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::scenario::{Document, Registry, RunOptions, Scenario};

/// The page of a small scenario of which some texts are changed.
fn page_of(title: &str, note: &str) -> String {
    let scenario = json!({
        "version": 1, "title": title, "story": note, "duration": "2s",
        "services": { "store": { "majority_register": { "replicas": 3 } } },
        "clients": { "shoppers": {
            "calls": "store", "arrivals": { "poisson": "20/s" }, "operations": { "read": 0.5, "write": 0.5 },
        } },
        "faults": [{ "id": "split", "partition": { "groups": [["store-0"], "rest"], "at": "500ms", "for": "1s" } }],
        "hypothesis": { "always": ["linearizable"] },
    });
    let document = Document::parse("test", scenario.to_string().as_bytes()).expect("a scenario");
    let scenario = Scenario::read(&document, &Registry::standard()).unwrap_or_else(|problems| panic!("{problems:?}"));
    let run = scenario.run(RunOptions { seed: 3, keep_trace: true }).expect("a run");
    page(&[Side { name: "test", scenario: &scenario, run: &run }])
}

fn data(page: &str) -> Value {
    let (_, after) = page.split_once("<script type=\"application/json\" id=\"document\">").expect("the document");
    let (json, _) = after.split_once("</script>").expect("its end");
    serde_json::from_str(json).expect("JSON")
}

#[test]
fn the_document_tells_the_run() {
    let data = data(&page_of("A title", ""));
    let run = &data["runs"][0];
    let columns = |of: &Value| -> BTreeSet<usize> {
        of.as_object()
            .into_iter()
            .flatten()
            .filter_map(|(name, column)| {
                (!["dropped_calls", "by_design", "stale"].contains(&name.as_str()))
                    .then(|| column.as_array().map(Vec::len))?
            })
            .collect()
    };
    assert_eq!(columns(&run["events"]).len(), 1, "columns of one length");
    assert_eq!(columns(&run["operations"]).len(), 1, "columns of one length");
    assert_eq!(run["events"]["t"].as_array().map(Vec::len), run["events"]["total"].as_u64().map(|n| n as usize));
    assert_eq!(run["nodes"][0], json!({ "name": "store-0", "zone": null, "service": "store", "calls": null }));
    assert_eq!(run["nodes"][3], json!({ "name": "shoppers", "zone": null, "service": null, "calls": "store" }));
    let fault = &run["faults"][0];
    assert_eq!((&fault["start"], &fault["end"]), (&json!(500_000_000), &json!(1_500_000_000)));
    assert_eq!(fault["settings"]["groups"], json!([["store-0"], ["store-1", "store-2"]]));
}

#[test]
fn every_call_of_an_operation_is_in_the_trace() {
    let data = data(&page_of("A title", ""));
    let (events, operations) = (&data["runs"][0]["events"], &data["runs"][0]["operations"]);
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let tags = list(&events["tag"]);
    let asked = tags.iter().zip(list(&events["number"])).filter(|(tag, _)| **tag == json!(3)).map(|(_, call)| call);
    let dropped = list(&events["dropped_calls"]).into_iter().map(|pair| pair[1].clone());
    let seen: BTreeSet<u64> = asked.chain(dropped).filter_map(|call| call.as_u64()).collect();
    let calls: Vec<u64> =
        list(&operations["calls"]).iter().flat_map(&list).filter_map(|call| call.as_u64()).collect();
    assert!(calls.len() > 20 && calls.iter().all(|call| seen.contains(call)), "{calls:?} {seen:?}");
}

#[test]
fn nothing_that_an_author_writes_is_markup() {
    let evil = "</script><script>alert(1)</script><!-- \u{2028} {{script}} & \"";
    let page = page_of(evil, evil);
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script>").count(), 2);
    let (head, body) = page.split_once("</head>").expect("a head");
    assert!(!body.contains("alert(1)</script>") && !body.contains('\u{2028}') && !page.contains("<!-- "));
    assert!(head.contains("<title>&lt;/script&gt;"));
    assert_eq!(data(&page)["runs"][0]["title"], json!(evil));
}

#[test]
fn modules_share_no_name() {
    let script = script();
    let mut names = BTreeSet::new();
    for line in script.lines() {
        let line = line.strip_prefix("async ").unwrap_or(line);
        let declared = ["function ", "const ", "let ", "class "].into_iter().find_map(|word| line.strip_prefix(word));
        let Some(declared) = declared else { continue };
        let name: String = declared.chars().take_while(|c| c.is_alphanumeric() || "_$".contains(*c)).collect();
        assert!(names.insert(name.clone()), "{name} is declared twice");
    }
    assert!(names.len() > 10, "{names:?}");
    assert!(!script.contains("\nimport ") && !script.contains("\nexport "), "an import or export is not on one line");
}
