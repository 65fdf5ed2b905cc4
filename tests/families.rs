//! Every family of faults of nodes, disks, clocks and processes, end to end: written in a scenario file it touches
//! something, changes the run, ends with everyone well again, and its resolved scenario plays the same notes.

use std::collections::{BTreeMap, BTreeSet};

use partita::check::Verdict;
use partita::fault::FAMILIES;
use partita::kernel::{Span, Time};
use partita::scenario::{Registry, Run, RunOptions, Scenario};

/// A store under load for four seconds. Its machines have clocks that drift and are kept right, and work costs something.
fn scenario(store: &str, faults: &str) -> String {
    format!(
        r#"{{
        "version": 1, "title": "A family", "seed": 7, "warm_up": "200ms", "duration": "4s", "settle": "3s",
        "hosts": {{ "zones": {{ "a": {{}}, "b": {{}} }}, "placement": {{ "store": ["a", "b"] }} }},
        "services": {{ "store": {{
            {store},
            "host": {{
                "cpu": "10us", "restart_after": "200ms", "clock_drift": "100ppm",
                "clock_sync": {{ "poll": "500ms", "error": "1ms", "step_threshold": "10ms" }}
            }}
        }} }},
        "clients": {{ "shoppers": {{
            "calls": "store", "arrivals": {{ "poisson": "60/s" }}, "operations": {{ "read": 1, "write": 1 }},
            "keys": {{ "uniform": {{ "count": 8 }} }}, "timeout": "300ms"
        }} }},
        "faults": [{faults}],
        "hypothesis": {{ "always": [{{ "availability": {{ "at_least": "1%" }} }}] }}
    }}"#
    )
}

const SINGLE: &str = r#""single": {}"#;
const REGISTER: &str = r#""majority_register": { "replicas": 5 }"#;

fn read(text: &str) -> Scenario {
    Scenario::parse("family", text.as_bytes(), &Registry::standard()).unwrap_or_else(|problems| panic!("{problems}"))
}

fn run(scenario: &Scenario, seed: u64) -> Run {
    scenario.run(RunOptions { seed, keep_trace: false }).expect("a run")
}

/// What the clients saw, and what was left: nothing of the faults themselves.
fn outcome(run: &Run) -> String {
    format!("{:?} {}", run.recording.history.operations, run.final_state)
}

/// The kind of store, and the fault.
const SHOWN: [(&str, &str); 34] = [
    (REGISTER, r#""crash": { "where": { "minority": { "of": "store" } }, "at": "1s", "for": "1s" }"#),
    (SINGLE, r#""crash": { "where": ["store-0"], "at": "1s", "for": "1s", "disk_keeps": "everything" }"#),
    (SINGLE, r#""crash": { "where": ["store-0"], "at": "1s", "for": "1s", "disk_keeps": "wiped" }"#),
    (SINGLE, r#""crash": { "where": ["store-0"], "at": "2s", "for": "1s", "disk_keeps": { "backup": "1s" } }"#),
    (REGISTER, r#""restart": { "where": { "zone": "a" }, "at": "1s", "after": "100ms", "disk_keeps": "wiped" }"#),
    (
        REGISTER,
        r#""restart": { "where": { "one": { "of": "store" } }, "at": "2s", "disk_keeps": { "backup": "500ms" } }"#,
    ),
    (REGISTER, r#""pause": { "where": { "all": { "of": "store" } }, "at": "1s", "for": "500ms" }"#),
    (REGISTER, r#""pause": { "where": ["shoppers"], "at": "1s", "for": "500ms" }"#),
    (
        REGISTER,
        r#""pauses": { "where": { "all": { "of": "store" } }, "every": { "exponential": { "mean": "200ms" } },
            "length": { "exponential": { "mean": "80ms" } }, "at": "1s", "for": "2s" }"#,
    ),
    (
        REGISTER,
        r#""crash_loop": { "where": { "count": { "of": "store", "n": 2 } }, "up": "150ms",
            "down": { "uniform": { "low": "50ms", "high": "90ms" } }, "at": "1s", "for": "2s" }"#,
    ),
    (
        REGISTER,
        r#""correlated_crash": { "where": { "zone": "a" }, "likelihood": "80%", "within": "300ms", "at": "1s",
            "for": "1s", "silent": true }"#,
    ),
    (
        REGISTER,
        r#""rolling_restart": { "where": { "all": { "of": "store" } }, "at": "1s", "down": "100ms", "every": "200ms" }"#,
    ),
    (
        REGISTER,
        r#""rolling_upgrade": { "where": { "all": { "of": "store" } }, "at": "1s", "down": "100ms", "every": "200ms",
            "to": { "majority_register": { "replicas": 5, "without": ["read_write_back"] } } }"#,
    ),
    (
        REGISTER,
        r#""wrong_settings": { "where": { "all": { "of": "store" } }, "at": "1s", "for": "1s",
            "to": { "majority_register": { "replicas": 5, "timeout": "1ms" } } }"#,
    ),
    (
        REGISTER,
        r#""slow": { "where": { "minority": { "of": "store" } }, "cpu": 500, "disk": 3, "at": "1s", "for": "1s" }"#,
    ),
    (REGISTER, r#""slow": { "where": ["store-1"], "network": 12.5, "at": "1s", "for": "1s" }"#),
    (SINGLE, r#""slow": { "where": ["store-0"], "disk": 30, "at": "1s", "for": "1s" }"#),
    (REGISTER, r#""clock_offset": { "where": ["store-0"], "by": "1s", "at": "1s", "for": "1s" }"#),
    (
        REGISTER,
        r#""clock_drift": { "where": { "all": { "of": "store" } }, "rate": "-50%", "at": "1s", "for": "1s" }"#,
    ),
    (REGISTER, r#""clock_step": { "where": ["store-0"], "by": "-1s", "at": "1s" }"#),
    (
        REGISTER,
        r#""clock_strobe": { "where": ["store-0"], "by": "200ms", "period": "100ms", "at": "1s", "for": "1s" }"#,
    ),
    (REGISTER, r#""clock_bound": { "where": ["store-0"], "bound": "1ns", "at": "1s", "for": "2s" }"#),
    (REGISTER, r#""clock_sync_loss": { "where": ["store-0"], "at": "1s", "for": "2s" }"#),
    (
        SINGLE,
        r#""panic": { "where": ["store-0"], "on": "request", "nth": 5, "times": 3, "after": "100ms", "at": "1s" }"#,
    ),
    (REGISTER, r#""panic": { "where": { "majority": { "of": "store" } }, "on": "disk", "at": "1s", "for": "2s" }"#),
    (
        SINGLE,
        r#""memory_limit": { "where": ["store-0"], "limit": "320B", "after": "100ms", "at": "1s", "for": "1s" }"#,
    ),
    (SINGLE, r#""disk_errors": { "where": ["store-0"], "share": "30%", "at": "1s", "for": "1s" }"#),
    (
        REGISTER,
        r#""disk_errors": { "where": { "majority": { "of": "store" } }, "of": "writes", "at": "1s", "for": "1s" }"#,
    ),
    (SINGLE, r#""failed_sync": { "where": ["store-0"], "share": "20%", "at": "1s", "for": "1s" }"#),
    (SINGLE, r#""failed_sync": { "where": ["store-0"], "drops": false, "at": "1s", "for": "1s" }"#),
    (SINGLE, r#""disk_full": { "where": ["store-0"], "at": "1s", "for": "1s" }"#),
    (SINGLE, r#""disk_slow": { "where": ["store-0"], "factor": 40.5, "at": "1s", "for": "1s" }"#),
    (SINGLE, r#""disk_stall": { "where": ["store-0"], "at": "1s", "for": "1s" }"#),
    (
        SINGLE,
        r#""misdirected_writes": { "where": ["store-0"], "share": "20%", "at": "1s", "for": "1s" },
        "note": "Found when the log is read again."  }, { "restart": { "where": ["store-0"], "at": "3s" }"#,
    ),
];

/// Those that change nothing for these stores, who read no clock, and whose timers do not fire while all goes well.
const UNFELT: [&str; 6] =
    ["clock_bound", "clock_drift", "clock_offset", "clock_step", "clock_strobe", "clock_sync_loss"];

#[test]
fn every_family_touches_changes_heals_and_replays() {
    let plain: BTreeMap<&str, String> =
        [SINGLE, REGISTER].map(|store| (store, outcome(&run(&read(&scenario(store, "")), 7)))).into();
    let mut shown: BTreeSet<_> = ["bit_rot"].into();
    for (store, fault) in SHOWN {
        let scenario = read(&scenario(store, &format!("{{ {fault} }}")));
        let first = run(&scenario, 7);
        let report = &first.faults[0];
        assert!(report.started, "{fault}");
        shown.insert(report.kind);
        let is_felt = !UNFELT.contains(&report.kind);
        if is_felt {
            assert!(report.touched > 0, "{fault} touched nothing");
            assert!(outcome(&first) != plain[store], "{fault} makes no difference");
        }
        assert_ne!(first.verdict, Verdict::Refuted(partita::check::Class::Crash), "{fault}");
        let text = serde_json::to_string_pretty(&first.resolved).expect("JSON");
        let again = run(&read(&text), 7);
        assert_eq!(again.digest().value(), first.digest().value(), "{fault}\nresolved to {text}");
        assert_eq!(again.faults, first.faults, "{fault}");
        assert_eq!(again.resolved, first.resolved, "{fault}: what is resolved stays so");
        let late = Time::ZERO + Span::from_millis(3_500);
        let mut last = first.history().operations.iter().filter(|operation| operation.invoked > late);
        assert!(last.all(|operation| operation.outcome.is_answered()), "{fault}: not all is well again");
    }
    let of_nodes: BTreeSet<_> =
        FAMILIES.iter().map(|family| family.name).take_while(|&name| name != "partition").collect();
    assert_eq!(shown, of_nodes);
}

/// Some bytes that are read have rotted: with a checksum per record, the log is cut there.
#[test]
fn what_rots_is_lost_and_the_report_says_that_the_disk_lied() {
    let rot = r#"{ "id": "rot", "bit_rot": { "where": ["store-0"], "at": "1s", "for": "2s" } },
                 { "id": "again", "restart": { "where": ["store-0"], "at": "2s" } }"#;
    let lost = |faults: &str| {
        let text = scenario(SINGLE, faults).replace(r#""always": ["#, r#""always": ["linearizable", "#);
        let run = run(&read(&text), 7);
        let check = run.checks.iter().find(|check| check.name == "linearizable").expect("judged");
        (check.verdict.name(), run.notes.iter().any(|note| note.contains("The disk of \"store-0\" lied")))
    };
    assert_eq!(lost(rot), ("refuted", true));
    assert_eq!(lost(r#"{ "restart": { "where": ["store-0"], "at": "2s" } }"#), ("holds", false));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let check = |fault: &str, expected: &str| {
        let text = scenario(REGISTER, &format!("{{ {fault} }}"));
        let Err(problems) = Scenario::parse("bad", text.as_bytes(), &Registry::standard()) else {
            panic!("{fault} was accepted");
        };
        let problems = problems.to_string();
        assert!(problems.contains(expected), "{fault}: {problems}");
    };
    check(r#""pauses": { "where": ["store-0"], "every": "1s", "length": "1s", "at": "1s" }"#, "\"for\" is missing");
    check(r#""rolling_restart": { "at": "1s" }"#, "it has either \"where\" or \"steps\"");
    check(
        r#""rolling_restart": { "steps": [{ "node": "store-0", "from": "2s", "until": "1s" }], "at": "1s" }"#,
        "it has to end after it begins",
    );
    check(r#""slow": { "where": ["store-0"], "at": "1s" }"#, "nothing is slower");
    check(r#""slow": { "where": ["store-0"], "cpu": 0.5, "at": "1s" }"#, "from 1");
    check(
        r#""crash": { "where": ["store-0"], "at": "1s", "disk_keeps": { "backup": "1s" } }"#,
        "the backup is taken at 1s, but the fault starts at 1s",
    );
    check(
        r#""wrong_settings": { "where": ["store-0"], "at": "1s", "to": { "single": {} } }"#,
        "\"store\" is another kind of service",
    );
    check(
        r#""wrong_settings": { "where": ["store-0"], "at": "1s", "to": { "majority_register": {} } }"#,
        "\"store\" has 5 replicas, and these settings must say so too",
    );
}
