//! The same scenario and seed are the same run, however it is watched, replayed or cut down.

use std::path::{Path, PathBuf};

use partita::explore::check_determinism;
use partita::report::{document, history_lines};
use partita::scenario::{Document, Registry, Run, RunOptions, Scenario, scripted};
use proptest::prelude::*;
use serde_json::{Value, json};

fn read(name: &str, value: &Value) -> Scenario {
    let document = Document::from_value(name, value).expect("not too deep");
    Scenario::read(&document, &Registry::standard()).unwrap_or_else(|problems| panic!("{problems}"))
}

fn run(scenario: &Scenario, seed: u64, keep_trace: bool) -> Run {
    scenario.run(RunOptions { seed, keep_trace }).expect("a run")
}

/// All that a run says, but not the trace.
fn said(run: &Run) -> (String, String) {
    (document("x", run).to_string(), history_lines(run.history()))
}

/// Every bundled scenario.
fn bundled() -> Vec<(PathBuf, Value)> {
    let (mut folders, mut found) = (vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                let text = std::fs::read_to_string(&path).expect("a scenario");
                found.push((path, serde_json::from_str(&text).expect("JSON")));
            }
        }
    }
    assert!(found.len() >= 6, "{found:?}");
    found
}

/// A run, the run of what it resolved to, and the run of its script are one run.
fn check_replays(name: &str, run_of: &Scenario, seed: u64) {
    let first = run(run_of, seed, false);
    for (how, value) in [("resolved", first.resolved.clone()), ("scripted", scripted(&first))] {
        let replayed = read(&format!("{name}, {how}"), &value);
        assert_eq!(replayed.seed, seed);
        let second = run(&replayed, seed, false);
        assert_eq!(second.digest().value(), first.digest().value(), "{name}, {how}, seed {seed}");
        assert_eq!(said(&second), said(&first), "{name}, {how}, seed {seed}");
    }
}

#[test]
fn a_run_that_is_watched_is_the_same_run() {
    for (path, value) in bundled() {
        let scenario = read("x", &value);
        let (seen, unseen) = (run(&scenario, 3, true), run(&scenario, 3, false));
        assert_eq!(seen.digest().value(), unseen.digest().value(), "{}", path.display());
        assert_eq!(said(&seen), said(&unseen), "{}", path.display());
        assert_eq!(seen.trace.records().len() as u64, unseen.digest().count(), "{}", path.display());
        assert!(unseen.trace.records().is_empty());
    }
}

/// Invariants, and the order in which requests take effect, are looked at from outside.
#[test]
fn a_service_that_is_watched_is_the_same() {
    for (kind, replicas) in [("single", 1), ("majority_register", 3), ("raft", 3), ("transactional", 3)] {
        let digests = [json!([]), json!(["linearizable"]), json!(["linearizable", "invariants"])].map(|expected| {
            let scenario = json!({
                "version": 1,
                "title": kind,
                "duration": "3s",
                "services": { "store": { (kind): { "replicas": replicas } } },
                "clients": { "c": {
                    "calls": "store", "arrivals": { "poisson": "100/s" }, "operations": { "read": 1, "write": 1 }
                } },
                "faults": [{ "crash": { "where": { "one": { "of": "store" } }, "at": "1s", "for": "500ms" } }],
                "hypothesis": { "always": expected }
            });
            run(&read(kind, &scenario), 3, false).digest().value()
        });
        assert!(digests.iter().all(|digest| *digest == digests[0]), "{kind}: {digests:?}");
    }
}

#[test]
fn bundled_scenarios_replay() {
    for (path, value) in bundled() {
        let scenario = read("x", &value);
        for seed in [scenario.seed, 0, u64::MAX] {
            check_replays(&path.display().to_string(), &scenario, seed);
        }
    }
}

/// One of several JSON values.
fn any_of<const N: usize>(values: [Value; N]) -> impl Strategy<Value = Value> {
    proptest::sample::select(values.to_vec())
}

fn clients() -> impl Strategy<Value = Value> {
    let arrivals =
        any_of([json!({ "poisson": "60/s" }), json!({ "constant": "40/s" }), json!({ "poisson": "3000/m" })]);
    let operations = any_of([
        json!({ "read": 1, "write": 1 }),
        json!({ "read": 0.2, "write": 0.5, "compare_and_set": 0.3 }),
        json!({ "write": 1 }),
    ]);
    let keys = any_of([
        json!("single"),
        json!({ "uniform": { "count": 3 } }),
        json!({ "zipf": { "count": 9 } }),
        json!({ "sequential": { "count": 4 } }),
    ]);
    (any_of([json!("store"), json!("log")]), arrivals, operations, keys, any_of([json!("80ms"), json!("300ms")]))
        .prop_map(|(calls, arrivals, operations, keys, patience)| {
            json!({
                "calls": calls,
                "arrivals": arrivals,
                "operations": operations,
                "keys": keys,
                "timeout": "300ms",
                "attempt_timeout": patience
            })
        })
}

/// Faults without an end last to the end of the run; some overlap, and some start at one instant.
fn faults() -> impl Strategy<Value = Value> {
    let whom = || any_of(["one", "minority", "majority", "all"].map(|which| json!({ which: { "of": "store" } })));
    let at = || any_of([json!("200ms"), json!("500ms"), json!("900ms")]);
    prop_oneof![
        (whom(), at(), any::<bool>()).prop_map(|(whom, at, silent)| {
            json!({ "crash": { "where": whom, "at": at, "for": "300ms", "silent": silent } })
        }),
        (whom(), at()).prop_map(|(whom, at)| json!({ "partition": { "groups": [whom, "rest"], "at": at } })),
        (whom(), at()).prop_map(|(whom, at)| json!({ "pause": { "where": whom, "at": at, "for": "200ms" } })),
        (whom(), at()).prop_map(|(whom, at)| json!({ "restart": { "where": whom, "at": at, "after": "5ms" } })),
        (whom(), at()).prop_map(|(whom, at)| json!({ "clock_drift": { "where": whom, "at": at, "rate": "20%" } })),
        (whom(), at())
            .prop_map(|(whom, at)| json!({ "clog": { "links": { "among": whom }, "at": at, "for": "300ms" } })),
        (whom(), at()).prop_map(|(whom, at)| {
            json!({ "loss": { "links": [{ "from": ["store-0"], "to": whom }], "share": 0.5, "at": at } })
        }),
        (whom(), at()).prop_map(|(whom, at)| {
            json!({ "duplication": { "links": { "among": whom }, "share": 0.5, "at": at, "for": "200ms" } })
        }),
        (whom(), at())
            .prop_map(|(whom, at)| { json!({ "swizzle_clog": { "where": whom, "at": at, "for": "300ms" } }) }),
        at().prop_map(|at| json!({ "partition": { "pattern": { "majorities_ring": { "of": "store" } }, "at": at } })),
        (1..99u32)
            .prop_map(|nth| json!({ "message": { "from": "store-0", "to": "store-1", "nth": nth, "drop": true } })),
        at().prop_map(|at| json!({ "partition": { "from": ["log-0"], "to": ["a"], "at": at, "for": "400ms" } })),
    ]
}

/// A small scenario: two services, two clients, up to three faults.
fn scenarios() -> impl Strategy<Value = Value> {
    let network = any_of([
        json!({ "latency": { "exponential": { "mean": "3ms" } }, "loss": "2%", "duplication": "1%" }),
        json!({ "latency": { "uniform": { "low": "1ms", "high": "4ms" } }, "fifo": true, "corruption": "1%" }),
        json!({ "latency": "1ms" }),
    ]);
    let log = any_of([json!("always"), json!("never"), json!({ "interval": "20ms" })]);
    let ties = any_of([json!("first_in_first_out"), json!("shuffled")]);
    let faults = proptest::collection::vec(faults(), 0..=3);
    (network, log, ties, clients(), clients(), faults).prop_map(|(network, sync, ties, a, b, mut faults)| {
        for (number, fault) in faults.iter_mut().enumerate() {
            fault["id"] = json!(format!("fault-{number}"));
        }
        json!({
            "version": 1,
            "title": "Drawn",
            "duration": "1500ms",
            "ties": ties,
            "network": network,
            "services": {
                "store": { "majority_register": { "replicas": 3 } },
                "log": { "single": { "sync": sync }, "host": { "cpu": "1ms", "cores": 2 } }
            },
            "clients": { "a": a, "b": b },
            "faults": faults,
            "hypothesis": { "always": ["linearizable", { "lost_writes": {} }, "convergence"] }
        })
    })
}

/// What a client is asked to do, and when.
fn asked(run: &Run, client: &str) -> Vec<String> {
    let history = run.history();
    let index = history.clients.iter().position(|name| name == client).expect("a client") as u32;
    let mut asked: Vec<_> = history.operations.iter().filter(|operation| operation.client == index).collect();
    asked.sort_by_key(|operation| operation.number);
    let line = |operation: &&partita::load::Operation| {
        // Not the value that is written: that it is unique takes the client's index.
        let (kind, key) = (operation.request.kind(), operation.request.key());
        format!("{} {} {kind} {key:?}", operation.number, operation.intended)
    };
    asked.iter().map(line).collect()
}

/// Whom each fault hits.
fn targets(run: &Run) -> Vec<(String, Vec<u32>)> {
    run.faults.iter().map(|fault| (fault.id.clone(), fault.targets.iter().map(|node| node.0).collect())).collect()
}

/// The scenario without one entry of an object or a list.
fn cut(scenario: &Value, part: &str, entry: usize) -> Value {
    let mut cut = scenario.clone();
    match &mut cut[part] {
        Value::Array(list) => drop(list.remove(entry)),
        Value::Object(map) => {
            let key = map.keys().nth(entry).expect("an entry").clone();
            map.shift_remove(&key);
        }
        _ => panic!("{part} has no entries"),
    }
    cut
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn a_drawn_scenario_is_one_run(value in scenarios(), seed in any::<u64>()) {
        let scenario = read("drawn", &value);
        let (first, second, difference) = check_determinism(&scenario, seed).expect("a run");
        prop_assert_eq!(difference, None);
        prop_assert_eq!(said(&first), said(&second));
        prop_assert_eq!(said(&first), said(&run(&scenario, seed, false)));
        check_replays("drawn", &scenario, seed);
    }

    #[test]
    fn what_is_taken_away_shifts_no_other_draw(value in scenarios(), seed in any::<u64>()) {
        let whole = run(&read("whole", &value), seed, false);
        for (gone, left) in [(0, "b"), (1, "a")] {
            let Ok(scenario) = try_read(&cut(&value, "clients", gone)) else { continue };
            let rest = run(&scenario, seed, false);
            prop_assert_eq!(asked(&rest, left), asked(&whole, left));
            prop_assert_eq!(targets(&rest), targets(&whole));
        }
        for gone in 0..value["faults"].as_array().map_or(0, Vec::len) {
            let rest = run(&read("rest", &cut(&value, "faults", gone)), seed, false);
            for client in ["a", "b"] {
                prop_assert_eq!(asked(&rest, client), asked(&whole, client));
            }
            let mut expected = targets(&whole);
            expected.remove(gone);
            prop_assert_eq!(targets(&rest), expected);
        }
    }
}

/// A scenario, unless a fault names what is gone.
fn try_read(value: &Value) -> Result<Scenario, ()> {
    let document = Document::from_value("cut", value).map_err(drop)?;
    Scenario::read(&document, &Registry::standard()).map_err(drop)
}

#[test]
fn another_seed_is_another_run() {
    let (path, value) = bundled().remove(0);
    let scenario = read("x", &value);
    assert_ne!(
        run(&scenario, 1, false).digest().value(),
        run(&scenario, 2, false).digest().value(),
        "{}",
        path.display()
    );
}
