//! Shrinking: what is left fails as the original does, is no larger, and cannot be shrunk again.

use partita::explore::{Failure, ShrinkError, Shrinking, Shrunk, shrink};
use partita::scenario::{Document, Registry, Run, RunOptions, Scenario};
use proptest::prelude::*;
use serde_json::json;

/// A register that forgets what it did not sync, with faults and clients of which most do not matter.
fn scenario(seed: u64, crash_at: u64, decoys: usize, clients: usize) -> Scenario {
    let crash = json!({ "id": "power", "crash": { "where": ["store-0"], "at": format!("{crash_at}ms"), "for": "50ms",
        "silent": true, "disk_keeps": "nothing" } });
    let decoy = |number: usize| {
        json!({ "id": format!("decoy-{number}"), "pause": { "where": ["store-0"], "at": format!("{}ms", 40 + 97 * number),
            "for": "5ms" } })
    };
    let client = |number: usize| {
        let client = json!({ "calls": "store", "arrivals": { "poisson": "60/s" }, "operations": { "read": 1, "write": 1 },
            "keys": { "uniform": { "count": 4 } }, "timeout": "200ms" });
        (format!("client{number}"), client)
    };
    let faults: Vec<_> = (0..decoys).map(decoy).chain([crash]).collect();
    let text = json!({
        "version": 1, "title": "Planted", "seed": seed, "duration": "1s",
        "network": { "latency": { "exponential": { "mean": "1ms" } } },
        "services": { "store": { "single": { "sync": "never", "without": ["sync_before_ack"] } } },
        "clients": (0..clients).map(client).collect::<serde_json::Map<_, _>>(),
        "faults": faults,
        "hypothesis": { "always": [{ "lost_writes": { "at_most": 0 } }, "linearizable"] }
    });
    let document = Document::from_value("planted", &text).expect("JSON");
    Scenario::read(&document, &Registry::standard()).unwrap_or_else(|problems| panic!("{problems}"))
}

fn shrunk(scenario: &Scenario, budget: u64) -> Result<Shrunk, ShrinkError> {
    shrink(scenario, scenario.seed, &Registry::standard(), budget)
}

#[test]
fn what_does_not_fail_is_not_shrunk() {
    let text = std::fs::read_to_string("scenarios/first/one-node.json").expect("a bundled scenario");
    let holds = Scenario::parse("one-node", text.as_bytes(), &Registry::standard()).expect("it is right");
    assert!(matches!(shrunk(&holds, 100), Err(ShrinkError::Holds)));
}

/// The planted failure is a handful of events, whatever was around it.
#[test]
fn a_planted_failure_is_found_among_decoys() {
    let found = shrunk(&scenario(7, 500, 5, 3), 600).expect("it fails");
    assert_eq!((found.before.faults, found.after.faults), (6, 1), "{}", found.scenario);
    assert_eq!(found.after.operations, 2, "{}", found.scenario);
    assert_eq!(found.after.clients, 1);
    assert!(found.irrelevant.iter().any(|what| what == "5 of 6 faults"), "{:?}", found.irrelevant);
}

/// A register without write-back fails only when messages overtake each other. What is left names these messages, on a network
/// that is otherwise the same for all.
#[test]
fn messages_that_matter_are_named() {
    let text = json!({
        "version": 1, "title": "Overtaking", "duration": "400ms",
        "network": { "latency": { "exponential": { "mean": "20ms" } } },
        "services": { "store": { "majority_register": { "replicas": 3, "without": ["read_write_back"] } } },
        "clients": { "a": { "calls": "store", "arrivals": { "poisson": "75/s" }, "operations": { "read": 2, "write": 1 } } },
        "hypothesis": { "always": ["linearizable"] }
    });
    let document = Document::from_value("overtaking", &text).expect("JSON");
    let mut scenario =
        Scenario::read(&document, &Registry::standard()).unwrap_or_else(|problems| panic!("{problems}"));
    let run = |scenario: &Scenario, seed| scenario.run(RunOptions { seed, keep_trace: false }).expect("a run");
    scenario.seed = (0..300).find(|&seed| Failure::of_run(&run(&scenario, seed)).is_some()).expect("some seed fails");
    let found = shrunk(&scenario, 1_000).expect("it fails");
    assert!(found.before.operations >= 20 && found.after.operations <= 4, "{:#}", found.scenario);
    assert!((1..=8).contains(&found.after.messages), "{:#}", found.scenario);
    assert!(found.scenario["network"]["latency"].is_string(), "{:#}", found.scenario["network"]);
    assert!(found.irrelevant.iter().any(|what| what == "the distribution of latency"), "{:?}", found.irrelevant);
}

/// What fails by chance alone, one run in eight, needs neither a fault nor more than one operation: other seeds show it.
#[test]
fn other_seeds_are_tried_for_a_smaller_scenario() {
    let mut original = scenario(7, 500, 3, 2);
    let fails = |run: &Run| run.digest().value() % 8 == 0 && !run.history().operations.is_empty();
    let judge = |run: &Run| {
        fails(run).then(|| Failure {
            check: "chance".to_owned(),
            service: None,
            class: "safety".to_owned(),
            anomaly: None,
        })
    };
    let run = |seed| original.run(RunOptions { seed, keep_trace: false }).expect("a run");
    original.seed = (0..100).find(|&seed| fails(&run(seed))).expect("some seed fails");
    let registry = Registry::standard();
    let shrinking = Shrinking { judge: &judge, ..Shrinking::new(&registry, 1_000) };
    let found = shrinking.shrink(&original, original.seed).expect("it fails");
    assert_eq!((found.after.faults, found.after.operations, found.after.clients), (0, 1, 1), "{:#}", found.scenario);
}

/// Neither of two pauses is long enough to keep a request waiting for so long. One in place of both is.
#[test]
fn faults_that_follow_each_other_become_one() {
    let pause = |id: &str, at: &str| json!({ "id": id, "pause": { "where": ["store-0"], "at": at, "for": "300ms" } });
    let text = json!({
        "version": 1, "title": "Two pauses", "duration": "1s",
        "services": { "store": { "single": {} } },
        "clients": { "a": { "calls": "store", "operations": {
            "script": [{ "number": 1, "session": 0, "at": "310ms", "write": { "key": 0, "value": 1 } }] } } },
        "faults": [pause("one", "300ms"), pause("two", "600ms")],
        "hypothesis": { "always": [{ "latency": { "quantile": 1, "at_most": "400ms" } }] }
    });
    let document = Document::from_value("two pauses", &text).expect("JSON");
    let original = Scenario::read(&document, &Registry::standard()).unwrap_or_else(|problems| panic!("{problems}"));
    let found = shrunk(&original, 1_000).expect("it fails");
    assert_eq!((found.before.faults, found.after.faults), (2, 1), "{:#}", found.scenario);
}

/// With its trace a run keeps what was sent: every message that the census counts, but for those that nodes send themselves.
#[test]
fn every_message_is_logged_with_a_trace() {
    let scenario = scenario(7, 500, 2, 2);
    let run = |keep_trace| scenario.run(RunOptions { seed: 7, keep_trace }).expect("a run");
    let (counted, kept) = (run(false), run(true));
    assert_eq!(counted.digest().value(), kept.digest().value());
    assert!(counted.messages.is_empty());
    assert_eq!(kept.messages.len() as u64, kept.census.sent);
    let requests = kept.messages.iter().filter(|message| message.kind == "request").count();
    assert!(requests >= kept.history().operations.len());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn shrinking_is_sound(seed in 0u64..1_000, crash_at in 200u64..900, decoys in 0usize..4, clients in 1usize..3) {
        let original = scenario(seed, crash_at, decoys, clients);
        let run = original.run(RunOptions { seed, keep_trace: false }).expect("a run");
        let failure = Failure::of(run.verdict, &run.checks);
        let found = match shrunk(&original, 400) {
            Err(ShrinkError::Holds) => {
                prop_assert_eq!(failure, None);
                return Ok(());
            }
            found => found.expect("it can be run"),
        };
        prop_assert_eq!(Some(&found.failure), failure.as_ref());
        prop_assert!(found.runs <= 400 + 3, "the budget, and the runs before and after");
        let (before, after) = (found.before, found.after);
        prop_assert!(after.faults <= before.faults && after.operations <= before.operations);
        prop_assert!(before.messages == 0 && after.messages <= 8);
        prop_assert!(after.clients <= before.clients && after.replicas <= before.replicas);
        // It stands alone, and fails alike.
        let document = Document::from_value("left", &found.scenario).expect("JSON");
        let left = Scenario::read(&document, &Registry::standard()).unwrap_or_else(|problems| panic!("{problems}"));
        let run = left.run(RunOptions { seed: left.seed, keep_trace: false }).expect("a run");
        prop_assert_eq!(Failure::of(run.verdict, &run.checks), failure);
        // And it is stable.
        if !found.is_exhausted {
            let again = shrunk(&left, 400).expect("it fails");
            prop_assert_eq!(again.after, found.after);
        }
    }
}
