//! Shrinking: what is left fails as the original does, is no larger, and cannot be shrunk again.

use partita::explore::{Failure, ShrinkError, Shrunk, shrink};
use partita::scenario::{Document, Registry, RunOptions, Scenario};
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
    assert!(found.after.operations <= 3, "{}", found.scenario);
    assert_eq!(found.after.clients, 1);
    assert!(found.irrelevant.iter().any(|what| what == "5 of 6 faults"), "{:?}", found.irrelevant);
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
