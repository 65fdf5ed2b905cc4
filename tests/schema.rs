//! The schema of scenario files: committed, not stale, and of one mind with the reader.

#[path = "../src/scenario/input/tests/validator.rs"]
mod validator;

use std::path::{Path, PathBuf};

use partita::scenario::{Document, Registry, Scenario};
use serde_json::{Value, json};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn schema() -> Value {
    Scenario::schema(&Registry::standard())
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files with this extension in a folder of the repository and below; none if there is no such folder.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let (mut folders, mut files) = (vec![root().join(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension)
                && !path.ends_with("scenario.schema.json")
            {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Reader and schema must both accept a scenario.
fn accept(name: &str, text: &str) {
    let document = Document::parse(name, text.as_bytes()).unwrap_or_else(|problems| panic!("{problems}"));
    if let Err(problems) = Scenario::read(&document, &Registry::standard()) {
        panic!("{problems}");
    }
    assert_eq!(validator::violation(&schema(), &document.tree().to_value()), None, "{name}");
}

#[test]
fn the_committed_schema_is_what_is_printed() {
    let file = root().join("docs/scenario.schema.json");
    let stale = "stale: partita schema > docs/scenario.schema.json";
    assert!(read(&file) == format!("{:#}\n", schema()), "{stale}");
}

#[test]
fn every_scenario_of_ours_is_accepted() {
    let files: Vec<_> = [files("scenarios", "json"), vec![root().join("src/cli/template.json")]].concat();
    assert!(files.len() > 6, "{files:?}");
    for file in files {
        accept(&file.display().to_string(), &read(&file));
    }
}

/// The schema of a scenario that names kinds of its own is another; without them it is ours.
#[test]
fn examples_keep_to_the_schema_but_for_their_own_kinds() {
    for file in files("examples", "json") {
        let mut scenario: Value = serde_json::from_str(&read(&file)).expect("JSON");
        for service in scenario["services"].as_object_mut().into_iter().flat_map(|services| services.values_mut()) {
            let replicas =
                service.as_object().and_then(|s| s.values().find_map(|kind| kind.get("replicas"))).cloned();
            *service = json!({ "majority_register": { "replicas": replicas.unwrap_or(json!(3)) } });
        }
        assert_eq!(validator::violation(&schema(), &scenario), None, "{}", file.display());
    }
}

#[test]
fn resolved_scenarios_are_accepted() {
    for file in files("scenarios", "json") {
        let name = file.display().to_string();
        let scenario = Scenario::parse(&name, read(&file).as_bytes(), &Registry::standard()).expect("right");
        accept(&format!("{name} resolved"), &format!("{:#}", scenario.resolved));
    }
}

/// One mutation each of a right scenario: a pointer, and the JSON text that is set there; an empty one removes it.
const BROKEN: &[(&str, &str)] = &[
    ("/version", ""),
    ("/version", "2"),
    ("/version", "\"1\""),
    ("/title", ""),
    ("/title", "7"),
    ("/story", "[]"),
    ("/typo", "1"),
    ("/note", "1"),
    ("/seed", "-1"),
    ("/seed", "1.5"),
    ("/seed", "\"42\""),
    ("/duration", ""),
    ("/duration", "30"),
    ("/duration", "\"30\""),
    ("/duration", "\"0s\""),
    ("/duration", "\"-30s\""),
    ("/warm_up", "\"2 secs\""),
    ("/ties", "\"random\""),
    ("/limits", "{ \"events\": 0 }"),
    ("/limits", "{ \"event\": 5 }"),
    ("/network/latency", "2"),
    ("/network/latency", "{}"),
    ("/network/latency", "{ \"lognormal\": { \"median\": \"2ms\" } }"),
    ("/network/latency", "{ \"lognormal\": { \"median\": \"2ms\", \"p99\": \"15ms\" }, \"constant\": \"1ms\" }"),
    ("/network/latency", "{ \"gaussian\": {} }"),
    ("/network/loss", "1.5"),
    ("/network/loss", "\"101%\""),
    ("/network/loss", "-0.1"),
    ("/network/fifo", "\"yes\""),
    ("/network/bandwidth", "\"fast\""),
    ("/network/between", "[{ \"zones\": [1, 2] }]"),
    ("/hosts", "{ \"zones\": { \"Upper\": {} } }"),
    ("/hosts", "{ \"placement\": { \"store\": [] } }"),
    ("/services", ""),
    ("/services", "[]"),
    ("/services/store", "{}"),
    ("/services/store", "\"majority_register\""),
    ("/services/store", "{ \"majority_registre\": {} }"),
    ("/services/store/single", "{}"),
    ("/services/store/majority_register", "\"five\""),
    ("/services/store/majority_register/replicas", "2"),
    ("/services/store/majority_register/replicas", "1e9"),
    ("/services/store/majority_register/without", "[\"seatbelts\"]"),
    ("/services/store/majority_register/replica", "3"),
    ("/services/store/host", "{ \"cores\": 0 }"),
    ("/services/store/host", "{ \"disk\": { \"sink\": \"1ms\" } }"),
    ("/services/S", "{ \"single\": {} }"),
    ("/clients/shoppers/calls", ""),
    ("/clients/shoppers/calls", "\"No Name\""),
    ("/clients/shoppers/operations", ""),
    ("/clients/shoppers/operations", "{ \"raed\": 1 }"),
    ("/clients/shoppers/operations", "{ \"read\": -1 }"),
    ("/clients/shoppers/operations", "{ \"script\": [{ \"number\": 1, \"at\": \"1s\" }] }"),
    (
        "/clients/shoppers/operations",
        "{ \"script\": [{ \"number\": 1, \"at\": \"1s\", \"write\": { \"key\": 1 } }] }",
    ),
    ("/clients/shoppers/arrivals", "\"poisson\""),
    ("/clients/shoppers/arrivals", "{ \"poisson\": \"150\" }"),
    ("/clients/shoppers/arrivals", "{ \"poisson\": \"-1/s\" }"),
    ("/clients/shoppers/arrivals", "{ \"closed\": { \"sessions\": 0 } }"),
    ("/clients/shoppers/keys", "\"zipf\""),
    ("/clients/shoppers/keys", "{ \"uniform\": { \"count\": 0 } }"),
    ("/clients/shoppers/keys", "{ \"zipf\": { \"count\": 20, \"exponent\": 11 } }"),
    ("/clients/shoppers/timeout", "\"0s\""),
    ("/clients/shoppers/attempts", "0"),
    ("/faults", "{}"),
    ("/faults/0/crash", ""),
    ("/faults/0/pause", "{ \"where\": [\"store-0\"], \"at\": \"1s\" }"),
    ("/faults/0/id", "\"A fault\""),
    ("/faults/0/crash/at", ""),
    ("/faults/0/crash/for", "\"0s\""),
    ("/faults/0/crash/where", "\"store-0\""),
    ("/faults/0/crash/where", "{ \"some\": { \"of\": \"store\" } }"),
    ("/faults/0/crash/where", "{ \"count\": { \"of\": \"store\" } }"),
    ("/faults/0/crash/disk_keeps", "\"most\""),
    ("/faults/-", "{ \"clock_step\": { \"where\": [\"store-0\"], \"at\": \"1s\", \"by\": 5 } }"),
    ("/faults/-", "{ \"clock_drift\": { \"where\": [\"store-0\"], \"at\": \"1s\", \"rate\": \"fast\" } }"),
    ("/faults/-", "{ \"partition\": { \"groups\": [\"store\", \"rest\"], \"at\": \"1s\" } }"),
    ("/faults/-", "{ \"clog\": { \"links\": \"some\", \"at\": \"1s\" } }"),
    ("/faults/-", "{ \"clog\": { \"links\": [\"store-0\"], \"at\": \"1s\" } }"),
    ("/faults/-", "{ \"loss\": { \"at\": \"1s\" } }"),
    ("/faults/-", "{ \"latency\": { \"factor\": 0.5, \"at\": \"1s\" } }"),
    ("/faults/-", "{ \"swizzle_clog\": { \"where\": [\"store-0\"], \"at\": \"1s\" } }"),
    ("/faults/-", "{ \"message\": { \"from\": \"store-0\", \"to\": \"store-1\", \"nth\": 0, \"drop\": true } }"),
    ("/faults/-", "{ \"message\": { \"from\": \"store-0\", \"nth\": 1, \"drop\": true } }"),
    ("/faults/-", "{ \"partition\": { \"pattern\": { \"halfs\": { \"of\": \"store\" } }, \"at\": \"1s\" } }"),
    ("/hypothesis/always", "\"linearizable\""),
    ("/hypothesis/always/-", "\"linearisable\""),
    ("/hypothesis/always/-", "{ \"lost_writes\": { \"at_least\": 0 } }"),
    ("/hypothesis/before/-", "\"availability\""),
    ("/hypothesis/before/-", "{ \"availability\": { \"at_least\": \"200%\" } }"),
    ("/hypothesis/before/-", "{ \"latency\": { \"quantile\": 0.5 } }"),
    ("/hypothesis/after/hold", ""),
    ("/hypothesis/later", "[]"),
    ("/sweep", "[]"),
    ("/sweep", "{ \"repeat\": 0 }"),
    ("/sweep", "{ \"grid\": { \"/network/loss\": [] } }"),
    ("/sweep", "{ \"grid\": { \"network\": [0] } }"),
];

#[test]
fn each_broken_scenario_is_refused_by_reader_and_schema() {
    let text = read(&root().join("scenarios/first/majority-register.json"));
    let right = Document::parse("right.json", text.as_bytes()).expect("JSON");
    for (pointer, json) in BROKEN {
        let broken = match *json {
            "" => without(&right, pointer),
            json => right.set(pointer, json).unwrap_or_else(|says| panic!("{pointer}: {says}")),
        };
        let refused = Scenario::read(&broken, &Registry::standard()).err();
        let problems = refused.unwrap_or_else(|| panic!("the reader accepts {pointer} = {json}"));
        assert!(!problems.is_empty());
        let violation = validator::violation(&schema(), &broken.tree().to_value());
        assert!(violation.is_some(), "the schema accepts {pointer} = {json}");
    }
}

/// The document without what stands at the pointer.
fn without(document: &Document, pointer: &str) -> Document {
    let mut value = document.tree().to_value();
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let removed = value.pointer_mut(parent).and_then(Value::as_object_mut).and_then(|parent| parent.remove(key));
    assert!(removed.is_some(), "there is nothing at {pointer}");
    Document::from_value("broken.json", &value).expect("JSON")
}

/// The code blocks of a Markdown text that are marked as whole scenarios, with the number of their first line.
fn blocks(markdown: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut lines = markdown.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if line.trim() == "```json scenario" {
            let block = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```");
            blocks.push((number + 2, block.map(|line| format!("{line}\n")).collect()));
        }
    }
    blocks
}

#[test]
fn blocks_of_markdown_are_found() {
    let markdown = "a\n```json scenario\n{\n}\n```\n```json\n1\n```\n  ```json scenario\n2\n  ```\n";
    assert_eq!(blocks(markdown), [(3, "{\n}\n".to_owned()), (10, "2\n".to_owned())]);
}

#[test]
fn scenarios_in_the_documentation_are_right() {
    for file in files("docs", "md").into_iter().chain([root().join("README.md")]).filter(|file| file.exists()) {
        for (line, block) in blocks(&read(&file)) {
            accept(&format!("{}:{line}", file.display()), &block);
        }
    }
}
