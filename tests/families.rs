//! Every family of faults of nodes, disks, clocks and processes, end to end: written in a scenario file it touches
//! something, changes the run, ends with everyone well again, and its resolved scenario plays the same notes.

use std::collections::{BTreeMap, BTreeSet};

use partita::check::Verdict;
use partita::fault::FAMILIES;
use partita::kernel::Time;
use partita::prelude::*;
use partita::scenario::{Document, Run, RunOptions, Scenario, scripted};
use serde_json::{Value as Json, json};

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
/// A store that believes its wall clocks.
const CLOCKED: &str = r#""quorum": { "replicas": 3, "versions": "last_writer_wins", "sloppy": false }"#;
/// A service that says how wrong its clock may be.
const BOUND: &str = r#""bound": {}"#;

/// Answers everything with the bound that its wall clock claims.
#[derive(Clone)]
struct Bound;

#[derive(Clone, Debug, Hash)]
enum Nothing {}

impl Message for Nothing {
    fn kind(&self) -> &'static str {
        match *self {}
    }
}

impl Node for Bound {
    type Message = Nothing;
    type Timer = ();

    fn start(&mut self, cx: &mut Context<'_, Self>) {
        cx.ready();
    }

    fn request(&mut self, id: RequestId, _: &Request, cx: &mut Context<'_, Self>) {
        let error = i64::try_from(cx.wall_now().error.as_nanos()).unwrap_or(i64::MAX);
        cx.reply(id, Reply::Ok(Value::Int(error)));
    }
}

impl Protocol for Bound {
    type Node = Self;

    fn node(&self, _: Birth) -> Self {
        Self
    }
}

fn registry() -> Registry {
    Registry::standard().with("bound", "Says how wrong its clock may be.", 1..=1, |_| Some(Bound))
}

fn read(text: &str) -> Scenario {
    Scenario::parse("family", text.as_bytes(), &registry()).unwrap_or_else(|problems| panic!("{problems}"))
}

fn run(scenario: &Scenario, seed: u64) -> Run {
    scenario.run(RunOptions { seed, keep_trace: false }).expect("a run")
}

/// What the clients saw, and what was left: nothing of the faults themselves.
fn outcome(run: &Run) -> String {
    format!("{:?} {}", run.recording.history.operations, run.final_state)
}

/// The kind of store, and the fault.
const SHOWN: [(&str, &str); 38] = [
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
    (REGISTER, r#""crash": { "where": ["shoppers", "store-0"], "at": "1s", "for": "500ms" }"#),
    (REGISTER, r#""restart": { "where": ["shoppers"], "at": "1s", "after": "100ms", "silent": true }"#),
    (REGISTER, r#""crash_loop": { "where": ["shoppers"], "up": "150ms", "down": "50ms", "at": "1s", "for": "1s" }"#),
    (SINGLE, r#""slow": { "where": ["store-0"], "cpu": 900, "at": "1s", "for": "1s" }"#),
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
    (CLOCKED, r#""clock_offset": { "where": ["store-0"], "by": "1s", "at": "1s", "for": "1s" }"#),
    (CLOCKED, r#""clock_drift": { "where": { "all": { "of": "store" } }, "rate": "-50%", "at": "1s", "for": "1s" }"#),
    (CLOCKED, r#""clock_step": { "where": ["store-0"], "by": "-1s", "at": "1s" }"#),
    (
        CLOCKED,
        r#""clock_strobe": { "where": ["store-0"], "by": "200ms", "period": "100ms", "at": "1s", "for": "1s" }"#,
    ),
    (BOUND, r#""clock_bound": { "where": ["store-0"], "bound": "1ns", "at": "1s", "for": "2s" }"#),
    (CLOCKED, r#""clock_sync_loss": { "where": ["store-0"], "at": "1s", "for": "2s" }"#),
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

#[test]
fn every_family_touches_changes_heals_and_replays() {
    let plain: BTreeMap<&str, String> =
        [SINGLE, REGISTER, CLOCKED, BOUND].map(|store| (store, outcome(&run(&read(&scenario(store, "")), 7)))).into();
    let mut shown: BTreeSet<_> = ["bit_rot"].into();
    for (store, fault) in SHOWN {
        let scenario = read(&scenario(store, &format!("{{ {fault} }}")));
        let first = run(&scenario, 7);
        let report = &first.faults[0];
        assert!(report.started, "{fault}");
        shown.insert(report.kind);
        assert!(report.touched > 0, "{fault} touched nothing");
        assert_eq!(report.tally.total(), report.touched);
        assert!(outcome(&first) != plain[store], "{fault} makes no difference");
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

/// Every family again, and none that ends before everything does: then the run heals, everybody gets on, and the replicas
/// come to hold the same.
#[test]
fn every_family_that_lasts_to_the_end_heals() {
    for (store, fault) in SHOWN {
        let text = scenario(store, &format!("{{ {fault} }}"))
            .replace(r#""settle": "3s""#, r#""settle": "1s", "final_reads": true"#);
        let mut scenario: Json = serde_json::from_str(&text).expect("JSON");
        for fault in scenario["faults"].as_array_mut().into_iter().flatten() {
            let settings = fault.as_object_mut().and_then(|fault| fault.values_mut().next()).expect("one family");
            // Those with a timetable need an end.
            if settings.get("for").is_some() {
                settings["for"] = json!("1h");
            }
            if settings.get("after").is_some() {
                settings["after"] = json!("10s");
            }
        }
        scenario["hypothesis"] = json!({ "always": [{ "liveness": { "within": "5s" } }, "convergence"] });
        let document = Document::from_value("heals", &scenario).expect("not too deep");
        let scenario =
            Scenario::read(&document, &registry()).unwrap_or_else(|problems| panic!("{fault}: {problems}"));
        let healed = run(&scenario, 7);
        for check in &healed.checks {
            // One replica agrees with itself.
            let is_alone = [SINGLE, BOUND].contains(&store) && check.name == "convergence";
            let is_refuted = matches!(check.verdict, Verdict::Refuted(_));
            assert!(check.verdict == Verdict::Holds || is_alone && !is_refuted, "{fault}: {check:?}");
        }
        assert!(healed.ended_early.is_none());
    }
}

/// What a client did not hear of ends as unknown, what it was to do meanwhile never starts, and other sessions take the
/// place of its own. As a script it plays the same notes.
#[test]
fn a_client_that_crashes_leaves_its_operations_unknown() {
    let crash = r#"{ "id": "gone", "crash": { "where": ["shoppers", "others"], "at": "1s", "for": "500ms" } }"#;
    let mut value: Json = serde_json::from_str(&scenario(REGISTER, crash)).expect("JSON");
    let mut others = value["clients"]["shoppers"].clone();
    others["arrivals"] = json!({ "closed": { "sessions": 3, "think": "1ms" } });
    value["clients"]["others"] = others;
    value["clients"]["shoppers"]["sessions"] = json!(2);
    value["clients"]["shoppers"]["arrivals"] = json!({ "poisson": "600/s" });
    let read = |value: &Json| {
        let document = Document::from_value("clients", value).expect("not too deep");
        Scenario::read(&document, &registry()).unwrap_or_else(|problems| panic!("{problems}"))
    };
    let first = run(&read(&value), 7);
    let (from, until) = (Time::ZERO + Span::from_secs(1), Time::ZERO + Span::from_millis(1_500));
    let operations = &first.history().operations;
    let crashed: Vec<_> = operations.iter().filter(|operation| operation.completed == from).collect();
    assert!(crashed.len() >= 3, "{crashed:?}");
    for operation in &crashed {
        assert_eq!(operation.outcome, partita::load::Outcome::Info("its client crashed".to_owned()));
        let same = operations.iter().filter(|other| other.session == operation.session);
        assert!(same.clone().all(|other| other.invoked < from), "its session is retired");
    }
    assert!(operations.iter().all(|operation| operation.invoked < from || operation.invoked >= until));
    assert!((0..2).all(|client| operations.iter().any(|it| it.client == client && it.invoked > until)), "both go on");
    let sessions = |client: u32| {
        operations.iter().filter(|it| it.client == client).map(|it| it.session).collect::<BTreeSet<_>>()
    };
    assert_eq!((sessions(0).len(), sessions(1).len()), (4, 6));
    assert!(first.recording.never_started() > 200, "{}", first.recording.never_started());
    assert_eq!(
        first.faults[0].tally.iter().map(|(what, _)| what.name()).collect::<Vec<_>>(),
        ["requests", "processes"]
    );
    let script = scripted(&first);
    let again = run(&read(&script), 7);
    assert_eq!(again.digest().value(), first.digest().value());
    assert_eq!(again.history().operations, first.history().operations);
}

/// A fault that is overlapped by another does what it would do alone.
#[test]
fn a_disk_that_is_wiped_while_its_process_is_down_is_empty() {
    let lost = |faults: &str| {
        let text = scenario(SINGLE, faults).replace(r#""always": ["#, r#""always": ["linearizable", "#);
        run(&read(&text), 7).verdict.name()
    };
    let crash = |more: &str| format!(r#"{{ "crash": {{ "where": ["store-0"], "for": "1s", {more} }} }}"#);
    let (down, wiped) = (crash(r#""at": "1s""#), crash(r#""at": "1500ms", "disk_keeps": "wiped""#));
    assert_eq!((lost(&down), lost(&wiped)), ("holds", "refuted"));
    assert_eq!(lost(&format!("{down}, {wiped}")), "refuted");
}

/// A fault of which nothing was slower, later or wrong has touched nothing, whatever it was present at.
#[test]
fn what_changes_nothing_touches_nothing() {
    let touched = |fault: &str| {
        let host = r#"{ "disk": { "read": "0s", "write": "0s", "sync": "0s" }, "clock_error": "1ms" }"#;
        let mut value: Json = serde_json::from_str(&scenario(BOUND, &format!("{{ {fault} }}"))).expect("JSON");
        value["services"]["store"] =
            json!({ "single": {}, "host": serde_json::from_str::<Json>(host).expect("JSON") });
        let document = Document::from_value("nothing", &value).expect("not too deep");
        let run = run(&Scenario::read(&document, &registry()).unwrap_or_else(|problems| panic!("{problems}")), 7);
        (run.faults[0].touched, run.verdict)
    };
    for fault in [
        r#""slow": { "where": ["store-0"], "cpu": 3, "at": "1s" }"#,
        r#""disk_slow": { "where": ["store-0"], "factor": 3, "at": "1s" }"#,
        r#""slow": { "where": ["store-0"], "disk": 3, "at": "1s" }"#,
    ] {
        assert_eq!(touched(fault), (0, Verdict::Inconclusive), "{fault}");
    }
    let (_, verdict) = touched(r#""slow": { "where": ["store-0"], "network": 3, "at": "1s" }"#);
    assert_eq!(verdict, Verdict::Holds);
}

/// What a queue drops because its node stands still, the pause has dropped.
#[test]
fn a_queue_that_overflows_behind_a_pause_is_the_pause_s_doing() {
    let text = scenario(SINGLE, r#"{ "pause": { "where": ["store-0"], "at": "1s", "for": "1s" } }"#)
        .replace(r#""cpu": "10us""#, r#""queue": 5, "cpu": "10us""#);
    let run = run(&read(&text), 7);
    assert!(run.faults[0].dropped > 20, "{:?}", run.faults);
    assert_eq!(run.faults[0].dropped, run.census.dropped["queue_full"]);
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
        let Err(problems) = Scenario::parse("bad", text.as_bytes(), &registry()) else {
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
    check(r#""disk_slow": { "where": ["store-0"], "factor": 1, "at": "1s" }"#, "is not slow");
    check(r#""latency": { "at": "1s" }"#, "nothing takes longer");
    for family in ["clock_offset", "clock_step"] {
        check(&format!(r#""{family}": {{ "where": ["store-0"], "by": "0s", "at": "1s" }}"#), "moved by nothing");
    }
    check(
        r#""clock_strobe": { "where": ["store-0"], "by": "0s", "period": "1s", "at": "1s", "for": "1s" }"#,
        "moved by nothing",
    );
    check(r#""clock_drift": { "where": ["store-0"], "rate": "0ppm", "at": "1s" }"#, "a drift of nothing");
    check(
        r#""clock_strobe": { "where": ["store-0"], "by": "1s", "period": "1us", "at": "1s", "for": "1h" }"#,
        "clocks would jump more than 100000 times: every 1us for 4s",
    );
    check(r#""panic": { "where": ["store-0"], "after": "0s", "at": "1s" }"#, "/faults/0/panic/after");
    check(
        r#""memory_limit": { "where": ["store-0"], "limit": "1B", "after": "0s", "at": "1s" }"#,
        "/memory_limit/after",
    );
    // Clients can crash, and have no disks.
    check(r#""disk_full": { "where": ["store-0", "shoppers"], "at": "1s" }"#, "\"shoppers\" is a client");
    check(
        r#""wrong_settings": { "where": ["store-0", "shoppers"], "at": "1s", "to": { "majority_register": { "replicas": 5 } } }"#,
        "\"shoppers\" is a client",
    );
    // What only shows when the whole is known stands where it is written, too.
    let at = "(at /faults/0";
    check(
        r#""pause": { "where": { "count": { "of": "store", "n": 9 } }, "at": "1s" }"#,
        "9 replicas are wanted and there are 5",
    );
    check(r#""pause": { "where": { "count": { "of": "store", "n": 9 } }, "at": "1s" }"#, at);
    check(
        r#""partition": { "groups": [["store-0"], ["store-0", "store-1"]], "at": "1s" }"#,
        "\"store-0\" is in two groups",
    );
    check(
        r#""partition": { "groups": ["rest", ["store-0"], "rest"], "at": "1s" }"#,
        "only one group can be the rest",
    );
    check(
        r#""partition": { "pattern": { "groups": { "of": "store", "n": 6 } }, "at": "1s" }"#,
        "6 replicas are wanted",
    );
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
