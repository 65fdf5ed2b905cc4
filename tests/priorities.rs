//! Scheduling by priorities finds what takes rare orders of messages, and leaves no other run as it is not.

use partita::check::Verdict;
use partita::explore::{Failure, shrink};
use partita::scenario::{Document, Registry, Run, RunOptions, Scenario};
use serde_json::{Value, json};

fn read(value: &Value) -> Scenario {
    let document = Document::from_value("scheduled", value).expect("JSON");
    Scenario::read(&document, &Registry::standard()).unwrap_or_else(|problems| panic!("{problems}\n{value:#}"))
}

fn run(scenario: &Scenario, seed: u64) -> Run {
    scenario.run(RunOptions { seed, keep_trace: false }).expect("a run")
}

/// The new-old inversion: a read meets a write that is under way, and a later one does not. All messages take the same time.
fn inversion(without: &Value, scheduling: Option<&Value>) -> Scenario {
    let mut scenario = json!({
        "version": 1, "title": "A read goes back in time", "duration": "200ms", "network": { "latency": "1ms" },
        "services": { "store": { "majority_register": { "replicas": 3, "without": without } } },
        "clients": { "a": { "calls": "store", "arrivals": { "poisson": "300/s" }, "operations": { "read": 2, "write": 1 } } },
        "hypothesis": { "always": ["linearizable"] }
    });
    if let Some(scheduling) = scheduling {
        scenario["scheduling"] = scheduling.clone();
    }
    read(&scenario)
}

fn refuted(scenario: &Scenario, seeds: std::ops::Range<u64>) -> Vec<u64> {
    seeds.filter(|&seed| matches!(run(scenario, seed).verdict, Verdict::Refuted(_))).collect()
}

#[test]
fn priorities_find_what_random_seeds_do_not() {
    let without = json!(["read_write_back"]);
    assert!(refuted(&inversion(&without, None), 0..200).is_empty());
    let scheduling = json!({ "priorities": { "depth": 3, "messages": 1000, "spread": "20ms" } });
    let scheduled = inversion(&without, Some(&scheduling));
    let found = refuted(&scheduled, 0..100);
    assert!(found.len() >= 2, "{found:?}");
    assert!(refuted(&inversion(&json!([]), Some(&scheduling)), 0..60).is_empty());

    // What was found is a scenario like any other, and becomes one without priorities.
    let failed = run(&scheduled, found[0]);
    assert_eq!(failed.resolved["scheduling"]["priorities"]["spread"], "20ms");
    let again = run(&read(&failed.resolved), found[0]);
    assert_eq!(again.digest().value(), failed.digest().value());
    let shrunk = shrink(&scheduled, found[0], &Registry::standard(), 1_000).expect("it fails");
    assert_eq!(Some(shrunk.failure), Failure::of_run(&failed));
    assert!(shrunk.scenario.get("scheduling").is_none(), "{:#}", shrunk.scenario);
    assert!((1..=8).contains(&shrunk.after.messages), "{:#}", shrunk.scenario);
}

/// Nothing is drawn anew when something goes: a client more or less shifts no link's hold.
#[test]
fn removing_a_client_leaves_the_others_alone() {
    let scenario = |clients: &[&str]| {
        let client = |name: &&str| {
            let script = json!([{ "number": 0, "at": "10ms", "read": { "key": 0 } }]);
            ((*name).to_owned(), json!({ "calls": "store", "prefer": "store-1", "operations": { "script": script } }))
        };
        read(&json!({
            "version": 1, "title": "Reads", "duration": "20ms", "network": { "latency": "1ms" },
            "services": { "store": { "majority_register": { "replicas": 3 } } },
            "scheduling": { "priorities": { "depth": 1 } },
            "clients": clients.iter().map(client).collect::<serde_json::Map<_, _>>(),
            "hypothesis": { "always": ["linearizable"] }
        }))
    };
    for seed in 0..20 {
        let [both, alone] = [&["a", "b"][..], &["b"]].map(|clients| run(&scenario(clients), seed));
        let took = |run: &Run| {
            let operation = &run.history().operations[run.history().operations.len() - 1];
            operation.completed.since(operation.invoked)
        };
        let of_b = both.history().operations.iter().find(|operation| operation.client == 1).expect("b reads");
        assert_eq!(of_b.completed.since(of_b.invoked), took(&alone));
    }
}
