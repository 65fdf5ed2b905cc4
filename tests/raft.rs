//! Intact raft under random crashes, pauses and partitions: its five invariants hold after every event, it is linearizable,
//! and no acknowledged write is lost.

use partita::check::Verdict;
use partita::kernel::{Draw, SplitMix64};
use partita::scenario::{Registry, RunOptions, Scenario};
use serde_json::{Value, json};

/// Settings that put different parts of the protocol to the test.
fn settings(draws: &mut SplitMix64) -> Value {
    let variants = [
        json!({}),
        json!({ "reads": "read_index", "snapshot_after": 20, "snapshot_chunk_bytes": 200 }),
        json!({ "reads": { "lease": { "clock_drift_bound": "1%" } }, "entries_per_append": 1 }),
        json!({ "pre_vote": false, "check_quorum": false, "snapshot_after": 7 }),
        json!({ "pre_vote": false, "reads": "read_index", "entries_per_append": 2, "snapshot_after": "never" }),
    ];
    draws.pick(&variants).expect("there are some").clone()
}

/// A fault that begins at an instant and is over three seconds later at most.
fn fault(at_ms: u64, draws: &mut SplitMix64) -> Value {
    let (at, lasts) = (format!("{at_ms}ms"), format!("{}ms", draws.in_range(100..=3_000)));
    let of = json!({ "of": "store" });
    let whom = match draws.below(4) {
        0 | 1 => json!({ "leader": of }),
        2 => json!({ "one": of }),
        _ => json!({ "minority": of }),
    };
    let keeps = draws.pick(&["some", "prefix", "torn_prefix", "nothing"]).copied();
    match draws.below(8) {
        0 | 1 => {
            json!({ "crash": { "where": whom, "at": at, "for": lasts, "disk_keeps": keeps, "silent": draws.chance(500_000_000) } })
        }
        2 => json!({ "crash": { "where": { "all": of }, "at": at, "for": "300ms", "disk_keeps": keeps } }),
        3 => json!({ "restart": { "where": whom, "at": at, "disk_keeps": keeps } }),
        4 => json!({ "pause": { "where": whom, "at": at, "for": lasts } }),
        5 => json!({ "partition": { "from": whom, "to": { "all": of }, "at": at, "for": lasts } }),
        _ => json!({ "partition": { "groups": [whom, "rest"], "at": at, "for": lasts } }),
    }
}

fn scenario(seed: u64) -> Scenario {
    let mut draws = SplitMix64::new(seed);
    let mut raft = settings(&mut draws);
    raft["replicas"] = json!(if draws.chance(500_000_000) { 3 } else { 5 });
    let mut at = 1_000;
    let mut faults = Vec::new();
    while at < 9_000 {
        faults.push(fault(at, &mut draws));
        at += draws.in_range(200..=1_500);
    }
    let value = json!({
        "version": 1,
        "title": "Drawn",
        "duration": "12s",
        "settle": "3s",
        "network": {
            "latency": { "lognormal": { "median": "2ms", "p99": "30ms" } }, "loss": "1%", "duplication": "1%"
        },
        "services": { "store": { "raft": raft } },
        "clients": {
            "shoppers": {
                "calls": "store",
                "arrivals": { "poisson": "60/s" },
                "operations": { "read": 2, "write": 1, "compare_and_set": 1 },
                "keys": { "uniform": { "count": 4 } },
                "timeout": "1s",
                "attempt_timeout": "300ms",
                "attempts": 20,
                "resend_writes": true
            }
        },
        "faults": faults,
        "hypothesis": { "always": ["invariants", "linearizable", { "lost_writes": { "at_most": 0 } }, "convergence"] }
    });
    let text = value.to_string();
    Scenario::parse("drawn", text.as_bytes(), &Registry::standard()).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Runs the seeds and answers in how many every expectation holds; none may be refuted. Faults overlap on purpose, so that
/// some meet nobody who is up: that says nothing against what is expected.
fn holding(seeds: std::ops::Range<u64>) -> usize {
    let holds = |&seed: &u64| {
        let run = scenario(seed).run(RunOptions { seed, keep_trace: false }).expect("a run");
        let refuted = run.checks.iter().find(|check| matches!(check.verdict, Verdict::Refuted(_)));
        let says =
            refuted.map(|check| format!("seed {seed}: {}: {} {}", check.name, check.observed, check.explanation));
        assert_eq!(says, None);
        let mut expected = run.checks.iter().filter(|check| !check.name.starts_with("touched:"));
        expected.all(|check| check.verdict == Verdict::Holds)
    };
    seeds.filter(holds).count()
}

#[test]
fn intact_raft_is_never_refuted() {
    assert!(holding(0..15) >= 14);
}

#[test]
#[ignore = "minutes"]
fn intact_raft_is_never_refuted_for_a_thousand_seeds() {
    assert!(holding(1_000..2_000) >= 900);
}
