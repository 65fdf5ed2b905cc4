//! Whatever stands in a scenario file, it is refused or it is run: nothing panics.

#![recursion_limit = "256"]

use std::panic::{AssertUnwindSafe, catch_unwind};

use partita::scenario::{Document, Registry, RunOptions, Scenario};
use serde_json::{Value, json};

/// A scenario that has a little of everything.
fn everything() -> Value {
    json!({
        "version": 1,
        "title": "Everything",
        "seed": 1,
        "warm_up": "10ms",
        "duration": "300ms",
        "settle": "50ms",
        "ties": "shuffled",
        "limits": { "events": 500, "events_at_one_instant": 500 },
        "hosts": { "zones": { "east": {}, "west": {} }, "placement": { "store": ["east", "west"] } },
        "network": {
            "latency": { "mixture": [
                { "weight": 3, "of": { "lognormal": { "median": "2ms", "p99": "15ms" } } },
                { "weight": 1, "of": { "pareto": { "scale": "1ms", "shape": 1.5 } } },
                { "weight": 1, "of": { "normal": { "mean": "2ms", "deviation": "1ms" } } },
                { "weight": 1, "of": { "uniform": { "low": "1ms", "high": "3ms" } } },
                { "weight": 1, "of": { "empirical": [
                    { "quantile": 0.5, "value": "1ms" }, { "quantile": 1, "value": "9ms" }
                ] } }
            ] },
            "loss": "1%", "duplication": "1%", "corruption": "1%", "checksums": false, "fifo": true,
            "bandwidth": "10MB/s", "queue": "5ms",
            "between": [{ "zones": ["east", "west"], "latency": { "exponential": { "mean": "3ms", "floor": "1ms" } } }],
            "links": [{ "from": "store-0", "to": "store-1", "loss": "5%" }]
        },
        "services": {
            "store": { "majority_register": { "replicas": 3, "resend_after": "20ms", "timeout": "100ms" } },
            "log": {
                "single": { "replicas": 1, "sync": { "interval": "10ms" } },
                "host": { "cores": 2, "cpu": "100us", "speed": 0.5, "queue": 10, "disk": {
                    "read": "100us", "write": "20us", "sync": { "exponential": { "mean": "1ms" } }, "capacity": "1MiB"
                } }
            }
        },
        "clients": {
            "open": {
                "calls": "store", "zone": "west", "prefer": "store-1",
                "arrivals": { "poisson": "100/s" },
                "operations": { "read": 0.5, "write": 0.3, "compare_and_set": 0.2 },
                "keys": { "zipf": { "count": 9, "exponent": 1.1 } },
                "timeout": "100ms", "attempts": 3, "attempt_timeout": "30ms", "backoff": "5ms", "sessions": 5
            },
            "closed": {
                "calls": "log",
                "arrivals": { "closed": { "sessions": 2, "think": "20ms" } },
                "operations": { "write": 1 },
                "keys": { "sequential": { "count": 3 } }
            },
            "script": { "calls": "log", "operations": { "script": [
                { "number": 0, "session": 1, "at": "20ms", "write": { "key": 1, "value": 7 } },
                { "number": 1, "at": "40ms", "compare_and_set": { "key": 1, "expected": 7, "new": "nil" } }
            ] } }
        },
        "faults": [
            { "id": "a", "crash": { "where": ["store-0"], "at": "50ms", "for": "50ms", "disk_keeps": "torn_prefix" } },
            { "partition": { "groups": [{ "count": { "of": "store", "n": 1 } }, "rest"], "at": "60ms", "for": "40ms" } },
            { "clock_drift": { "where": { "share": { "of": "store", "part": "50%" } }, "at": "70ms", "for": "90ms", "rate": "10%" } },
            { "clock_step": { "where": ["log-0"], "at": "80ms", "by": "-5s" } },
            { "clock_offset": { "where": { "zone": "west" }, "at": "80ms", "for": "9ms", "by": "5s" } },
            { "pause": { "where": { "all": { "of": "log" } }, "at": "120ms", "for": "20ms" } },
            { "restart": { "where": ["log-0"], "at": "150ms", "after": "5ms" } },
            { "partition": { "pattern": { "groups": { "of": "store", "n": 2 } }, "at": "20ms", "for": "10ms" } },
            { "partition": { "links": { "between": [["open"], ["store-0"]] }, "at": "30ms", "for": "10ms" } },
            { "clog": { "links": { "of": ["store-1"] }, "at": "20ms", "for": "50ms" } },
            { "swizzle_clog": { "where": { "all": { "of": "store" } }, "at": "30ms", "for": "50ms" } },
            { "swizzle_clog": { "steps": [{ "node": "store-2", "from": "1ms", "until": "9ms" }], "at": "30ms", "for": "50ms" } },
            { "burst_loss": { "links": { "among": { "all": { "of": "store" } } }, "starts": 0.1, "ends": 0.5, "at": "5ms" } },
            { "duplication": { "share": 0.1, "after": "5ms", "at": "5ms" } },
            { "reordering": { "share": 0.1, "within": "5ms", "at": "5ms" } },
            { "corruption": { "share": 0.1, "checksums": false, "at": "5ms" } },
            { "latency": { "share": 0.1, "factor": 1.5, "add": "5ms", "at": "5ms" } },
            { "bandwidth": { "rate": "1MB/s", "queue": "5ms", "at": "5ms" } },
            { "flapping": { "links": { "of": ["store-0"] }, "down": "5ms", "up": "5ms", "at": "50ms", "for": "50ms" } },
            { "connections": { "how": "reset", "share": 0.1, "at": "5ms" } },
            { "message": { "from": "store-0", "to": "store-1", "kind": "query", "nth": 3, "delay": "5ms" } },
            { "slow": { "where": ["store-0"], "cpu": 2, "disk": 3, "network": 1.5, "at": "5ms" }, "may_miss": true },
            { "crash": { "where": ["open"], "at": "30ms", "for": "20ms" } },
            { "crash": { "where": ["store-1"], "at": "30ms", "for": "20ms", "disk_keeps": { "backup": "9ms" } }, "keep": 2 },
            { "pauses": { "where": ["store-2"], "every": "5ms", "length": "1ms", "at": "5ms", "for": "50ms" } },
            { "crash_loop": { "where": ["log-0"], "up": "5ms", "down": "1ms", "at": "5ms", "for": "50ms" }, "keep": "majority" },
            { "correlated_crash": { "where": ["log-0"], "likelihood": 0.5, "within": "1ms", "at": "5ms", "for": "50ms" } },
            { "clock_strobe": { "where": ["log-0"], "by": "1s", "period": "1ms", "at": "5ms", "for": "50ms" } },
            { "rolling_restart": { "where": ["log-0"], "down": "1ms", "every": "2ms", "at": "5ms" } },
            { "rolling_upgrade": { "steps": [{ "node": "log-0", "from": "1ms", "until": "9ms" }], "to": { "single": {} }, "at": "5ms" } },
            { "wrong_settings": { "where": ["log-0"], "to": { "single": { "sync": "never" } }, "at": "5ms" } },
            { "panic": { "where": ["log-0"], "on": "request", "nth": 2, "times": 2, "after": "5ms", "at": "5ms" } },
            { "memory_limit": { "where": ["log-0"], "limit": "1kB", "after": "5ms", "at": "5ms" } },
            { "disk_errors": { "where": ["log-0"], "of": "reads", "share": 0.1, "at": "5ms" } },
            { "failed_sync": { "where": ["log-0"], "share": 0.1, "drops": false, "at": "5ms" } },
            { "bit_rot": { "where": ["log-0"], "share": 0.1, "at": "5ms" } },
            { "disk_slow": { "where": ["log-0"], "factor": 2, "at": "5ms" } },
            { "clock_bound": { "where": ["log-0"], "bound": "1ms", "at": "5ms" } },
            { "stale_name": { "links": { "to": ["store-0"] }, "old_place": { "taken_by": "store-1" }, "at": "5ms" } },
            { "tampering": { "share": 0.1, "at": { "acknowledged": { "operations": 3 } } } },
            { "loss": { "share": 0.1, "at": { "message": { "of": "store", "kind": "query", "nth": 3 } } } }
        ],
        "nemesis": {
            "sleeper": { "pause": { "where": { "one": { "of": "store" } } }, "every": "50ms", "for": "5ms", "gap": "5ms",
                "start": "20ms", "stop": "200ms", "keep": "majority" }
        },
        "swarm": { "level": "harsh", "vary": { "/services/store/majority_register/timeout": { "from": "50ms", "to": "200ms" } } },
        "maybe": { "nowhere": 0.1 },
        "hypothesis": {
            "before": [{ "availability": { "at_least": "50%" } }],
            "during": [{ "latency": { "quantile": 0.9, "at_most": "90ms" } }],
            "after": { "within": "10ms", "hold": [{ "availability": { "at_least": "50%" } }] },
            "always": ["linearizable", { "lost_writes": { "at_most": 0 } }, { "stale_reads": { "at_most": 1 } }, "convergence"]
        }
    })
}

/// What stands in the place of every value, one at a time.
const ABSURD: [&str; 15] = [
    "null",
    "0",
    "-1",
    "0.5",
    "1e308",
    "18446744073709551615",
    "[]",
    "{}",
    "\"nil\"",
    "\"0s\"",
    "\"1ns\"",
    "\"18446744073s\"",
    "\"100%\"",
    "\"18446744073709551615/s\"",
    "[\"store-0\"]",
];

fn pointers(value: &Value, at: &str, pointers: &mut Vec<String>) {
    if !at.is_empty() {
        pointers.push(at.to_owned());
    }
    match value {
        Value::Object(entries) => {
            entries.iter().for_each(|(key, value)| self::pointers(value, &format!("{at}/{key}"), pointers))
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, value)| self::pointers(value, &format!("{at}/{index}"), pointers));
        }
        _ => {}
    }
}

#[test]
fn every_value_may_be_absurd() {
    let document = Document::from_value("everything.json", &everything()).expect("JSON");
    let registry = Registry::standard();
    let outcome = |document: &Document| match Scenario::read(document, &registry) {
        Err(problems) => problems.to_string().is_empty().then(|| "refused without a reason".to_owned()),
        Ok(scenario) => scenario.run(RunOptions { seed: 1, keep_trace: false }).map_or_else(
            |_| None,
            |run| {
                run.ended_early
                    .filter(|end| matches!(end, partita::host::End::Panic { .. }))
                    .map(|end| format!("{end:?}"))
            },
        ),
    };
    assert_eq!(outcome(&document), None);
    let (mut places, mut wrong) = (Vec::new(), Vec::new());
    pointers(&everything(), "", &mut places);
    assert!(places.len() > 300, "{}", places.len());
    for pointer in places {
        for json in ABSURD {
            // The budget of events is what keeps an absurd run short.
            if pointer.starts_with("/limits") || pointer == "/services" {
                continue;
            }
            let Ok(changed) = document.set(&pointer, json) else { continue };
            match catch_unwind(AssertUnwindSafe(|| outcome(&changed))) {
                Ok(None) => {}
                Ok(Some(what)) => wrong.push(format!("{pointer} = {json}: {what}")),
                Err(_) => wrong.push(format!("{pointer} = {json}: panicked")),
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// What would need more memory than there is, is refused, and no node is said to have panicked of it.
#[test]
fn more_zones_than_a_table_holds_are_refused() {
    let mut scenario = everything();
    scenario["hosts"]["zones"] = (0..66_000).map(|zone| (format!("z{zone}"), json!({}))).collect();
    scenario["hosts"]["placement"] = json!({});
    let document = Document::from_value("zones.json", &scenario).expect("JSON");
    let problems = Scenario::read(&document, &Registry::standard()).err().expect("too many").to_string();
    assert!(problems.contains("there are at most 1024 zones"), "{problems}");
}
