//! Shrinking: what is left fails as the original does, is no larger, and cannot be shrunk again.

use partita::explore::{Failure, ShrinkError, Shrinking, Shrunk, shrink};
use partita::scenario::{Document, Registry, Run, RunOptions, Scenario};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

fn read(text: &Value) -> Scenario {
    let document = Document::from_value("shrink", text).expect("JSON");
    Scenario::read(&document, &Registry::standard()).unwrap_or_else(|problems| panic!("{problems}"))
}

fn run(scenario: &Scenario, seed: u64) -> Run {
    scenario.run(RunOptions { seed, keep_trace: false }).expect("a run")
}

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
    read(&text)
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

#[test]
fn points_that_do_not_matter_are_switched_off() {
    let text = json!({
        "version": 1, "title": "Refused", "duration": "500ms",
        "services": { "store": { "single": {} } },
        "clients": { "a": { "calls": "store", "arrivals": { "poisson": "60/s" }, "operations": { "write": 1 }, "attempts": 1 } },
        "maybe": { "single.refuse_write": 1, "single.hold_answers": { "ratio": 1, "may_miss": true } },
        "hypothesis": { "always": [{ "availability": { "at_least": "50%" } }] }
    });
    let found = shrunk(&read(&text), 400).expect("it fails");
    let left = found.scenario["maybe"].as_object().expect("an object").keys().collect::<Vec<_>>();
    assert_eq!(left, ["single.refuse_write"], "{:#}", found.scenario);
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
    let mut scenario = read(&text);
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
    let fails = |run: &Run| run.digest().value().is_multiple_of(8) && !run.history().operations.is_empty();
    let judge = |run: &Run| {
        fails(run).then(|| Failure {
            check: "chance".to_owned(),
            service: None,
            class: "safety".to_owned(),
            anomaly: None,
        })
    };
    original.seed = (0..100).find(|&seed| fails(&run(&original, seed))).expect("some seed fails");
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
    let found = shrunk(&read(&text), 1_000).expect("it fails");
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

/// A failure is one of its service: the other goes, and the failure does not become one of it.
#[test]
fn of_several_services_the_one_that_fails_is_left() {
    let store = json!({ "single": { "sync": "never", "without": ["sync_before_ack"] } });
    let power = |id: &str, whom: &str, at: &str| json!({ "id": id, "restart": { "where": [whom], "at": at, "disk_keeps": "nothing" } });
    let client = |calls: &str| json!({ "calls": calls, "arrivals": { "poisson": "40/s" }, "operations": { "read": 1, "write": 1 } });
    let text = json!({
        "version": 1, "title": "Two services that forget", "duration": "1s",
        "services": { "cart": store, "stock": store },
        "clients": { "a": client("stock"), "b": client("cart") },
        "faults": [power("early", "stock-0", "500ms"), power("late", "cart-0", "600ms")],
        "hypothesis": { "always": ["linearizable"] }
    });
    let mut original = read(&text);
    let fails = |seed: &u64| Failure::of_run(&run(&original, *seed)).is_some();
    original.seed = (0..100).find(fails).expect("some seed fails");
    let found = shrunk(&original, 1_000).expect("it fails");
    let named = Failure::of_run(&run(&original, original.seed)).expect("it fails");
    let service = named.service.clone().expect("several services are called");
    assert_eq!(named.to_string(), format!("safety by linearizable:{service} (no order)"));
    assert_eq!(found.failure, Failure { service: None, ..named });
    let left = found.scenario["services"].as_object().expect("services").keys().collect::<Vec<_>>();
    assert_eq!(left, [&service], "{:#}", found.scenario);
    assert_eq!((found.after.faults, found.after.operations, found.after.clients), (1, 2, 1), "{:#}", found.scenario);
}

/// Whom an operation asks is left out where it does not matter, and stays where it does: here it is what fails.
#[test]
fn contacts_are_left_out_unless_they_matter() {
    let operation = |number: u64, asks: &str| json!({ "number": number, "session": 0, "at": format!("{}ms", 100 * number), "asks": asks, "write": { "key": 0, "value": number } });
    let text = |isolated: &str, asks: [&str; 3]| {
        let script: Vec<_> = (1..).zip(asks).map(|(number, asks)| operation(number, asks)).collect();
        json!({
            "version": 1, "title": "Contacts", "duration": "1s",
            "services": { "store": { "majority_register": { "replicas": 3 } } },
            "clients": { "a": { "calls": "store", "timeout": "300ms", "operations": { "script": script } } },
            "faults": [{ "id": "cut", "partition": { "groups": [[isolated], "rest"], "at": "50ms", "for": "900ms" } }],
            "hypothesis": { "always": [{ "availability": { "at_least": "100%" } }] }
        })
    };
    let check = |isolated: &str, asks: [&str; 3], expected: Value| {
        let found = shrunk(&read(&text(isolated, asks)), 1_000).expect("it fails");
        let script = &found.scenario["clients"]["a"]["operations"]["script"];
        assert_eq!(found.after.operations, 1, "{:#}", found.scenario);
        assert_eq!(script[0]["asks"], expected, "{:#}", found.scenario);
    };
    check("store-2", ["store-1", "store-2", "store-1"], json!("store-2"));
    check("store-0", ["store-1", "store-1", "store-0"], Value::Null);
}

/// A scenario to be made smaller: half a second of load on one or two services, and faults of which most do not matter.
fn small(family: &'static Family) -> impl Strategy<Value = Value> {
    let fault = (0..family.faults.len(), 20u64..400, 20u64..250, 1u64..8);
    (0u64..10_000, 1usize..=2, prop::collection::vec(fault, 1..=4)).prop_map(move |(seed, clients, faults)| {
        let services: Value = serde_json::from_str(family.services).expect("JSON");
        let called: Vec<_> = services.as_object().expect("services").keys().cloned().collect();
        let clients = clients.max(called.len());
        let client = |number: usize| {
            let client = json!({ "calls": called[number % called.len()], "arrivals": { "poisson": "60/s" },
                "operations": { "read": 1, "write": 1 }, "keys": { "uniform": { "count": 2 } }, "timeout": "200ms",
                "attempt_timeout": "50ms" });
            (format!("client{number}"), client)
        };
        let fault = |(number, (which, at, lasts, nth)): (usize, (usize, u64, u64, u64))| {
            let fault = family.faults[which].replace("AT", &format!("{at}ms")).replace("FOR", &format!("{lasts}ms"));
            let fault: Value = serde_json::from_str(&fault.replace("NTH", &nth.to_string())).expect("JSON");
            let (kind, settings) = fault.as_object().and_then(|fault| fault.iter().next()).expect("a family");
            json!({ "id": format!("fault-{number}"), kind: settings, "may_miss": true })
        };
        json!({
            "version": 1, "title": "Small", "seed": seed, "duration": "500ms", "settle": "500ms",
            "network": { "latency": { "exponential": { "mean": "3ms" } } },
            "services": services,
            "clients": (0..clients).map(client).collect::<serde_json::Map<_, _>>(),
            "faults": faults.into_iter().enumerate().map(fault).collect::<Vec<_>>(),
            "hypothesis": serde_json::from_str::<Value>(family.hypothesis).expect("JSON"),
        })
    })
}

/// A planted failure: services that lack a safeguard, and the faults that may bring it about.
struct Family {
    services: &'static str,
    faults: &'static [&'static str],
    hypothesis: &'static str,
}

const SAFE: &str = r#"{ "always": ["linearizable", { "lost_writes": { "at_most": 0 } }] }"#;
const PARTITION: &str =
    r#"{ "partition": { "groups": [{ "one": { "of": "store" } }, "rest"], "at": "AT", "for": "FOR" } }"#;
const RESTART: &str =
    r#"{ "restart": { "where": { "one": { "of": "store" } }, "at": "AT", "disk_keeps": "nothing" } }"#;
const PAUSE: &str = r#"{ "pause": { "where": { "one": { "of": "store" } }, "at": "AT", "for": "FOR" } }"#;
const LOSS: &str = r#"{ "loss": { "share": "20%", "at": "AT", "for": "FOR" } }"#;
const DROP: &str =
    r#"{ "message": { "from": "client0", "to": "store-0", "kind": "request", "nth": NTH, "drop": true } }"#;
const COPY: &str =
    r#"{ "message": { "from": "client0", "to": "store-0", "kind": "request", "nth": NTH, "duplicate": "FOR" } }"#;

const FAMILIES: [Family; 4] = [
    Family {
        services: r#"{ "store": { "single": { "sync": "never", "without": ["sync_before_ack"] } } }"#,
        faults: &[RESTART, PAUSE, LOSS, DROP, COPY],
        hypothesis: SAFE,
    },
    Family {
        services: r#"{ "store": { "majority_register": { "replicas": 3, "without": ["quorum_query"] } } }"#,
        faults: &[PARTITION, PAUSE, LOSS, DROP],
        hypothesis: SAFE,
    },
    Family {
        services: r#"{ "store": { "raft": { "replicas": 3, "without": ["persist_log"] } } }"#,
        faults: &[PARTITION, RESTART, PAUSE, LOSS],
        hypothesis: r#"{ "always": ["linearizable", { "lost_writes": { "at_most": 0 } }, "invariants"] }"#,
    },
    Family {
        services: r#"{ "store": { "single": { "sync": "never", "without": ["sync_before_ack"] } },
            "other": { "majority_register": { "replicas": 3 } } }"#,
        faults: &[RESTART, PAUSE, LOSS],
        hypothesis: SAFE,
    },
];

/// Of each family so many failures are shrunk, and no more scenarios than this are drawn for them.
const FAILURES: usize = 2;
const DRAWN: usize = 200;
const BUDGET: u64 = 2_000;

/// What is left fails alike, alone, is no larger, and cannot be shrunk again.
fn check_soundness(family: &'static Family) {
    let mut runner = TestRunner::deterministic();
    let mut failed = 0;
    for _ in 0..DRAWN {
        let text = small(family).new_tree(&mut runner).expect("a scenario").current();
        let original = read(&text);
        let failure = Failure::of_run(&run(&original, original.seed));
        let found = match shrunk(&original, BUDGET) {
            Err(ShrinkError::Holds) => {
                assert_eq!(failure, None, "{text:#}");
                continue;
            }
            found => found.unwrap_or_else(|error| panic!("{error}: {text:#}")),
        };
        let failure = failure.expect("it fails");
        failed += 1;
        let Shrunk { scenario, before, after, .. } = &found;
        // It names its service only where others are called, too.
        let service = found.failure.service.clone();
        assert!(service.is_none() || service == failure.service, "{scenario:#}");
        assert_eq!(found.failure, Failure { service, ..failure }, "{scenario:#}");
        assert!(!found.is_exhausted, "{} runs are enough for {text:#}", found.runs);
        assert!(after.faults <= before.faults && after.operations <= before.operations, "{scenario:#}");
        assert!(after.clients <= before.clients && after.replicas <= before.replicas, "{scenario:#}");
        assert!(after.messages <= 8, "{scenario:#}");
        // It stands alone.
        let left = read(scenario);
        let again = run(&left, left.seed);
        assert_eq!(Failure::of_run(&again).as_ref(), Some(&found.failure), "{scenario:#}");
        assert_eq!(again.digest().value(), found.run.digest().value(), "{scenario:#}");
        // And it is stable.
        let again = shrunk(&left, BUDGET).expect("it fails");
        assert!(!again.is_exhausted, "{scenario:#}");
        assert_eq!(again.after, *after, "{scenario:#}\n{:#}", again.scenario);
        if failed == FAILURES {
            return;
        }
    }
    panic!("only {failed} of {DRAWN} scenarios fail: {}", family.services);
}

#[test]
fn shrinking_what_a_single_node_forgets_is_sound() {
    check_soundness(&FAMILIES[0]);
}

#[test]
fn shrinking_what_a_register_does_not_ask_is_sound() {
    check_soundness(&FAMILIES[1]);
}

#[test]
fn shrinking_what_a_log_forgets_is_sound() {
    check_soundness(&FAMILIES[2]);
}

#[test]
fn shrinking_the_failure_of_one_of_two_services_is_sound() {
    check_soundness(&FAMILIES[3]);
}
