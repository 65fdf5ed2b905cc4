//! Exhaustive exploration: every run that a clone comes to is the run of its scenario from the start, and what has to be
//! found is found with as few deviations as it takes.

use partita::check::Verdict;
use partita::explore::{Exhaustive, Exploration, Extent, Level};
use partita::kernel::Span;
use partita::scenario::{Document, Registry, Run, RunOptions, Scenario};
use serde_json::{Value, json};

fn read(value: &Value) -> Scenario {
    let document = Document::from_value("explored", value).expect("JSON");
    Scenario::read(&document, &Registry::standard()).unwrap_or_else(|problems| panic!("{problems}\n{value:#}"))
}

fn bundled(name: &str) -> Value {
    let text = std::fs::read_to_string(format!("scenarios/{name}.json")).expect("a bundled scenario");
    serde_json::from_str(&text).expect("JSON")
}

const MS: Span = Span::from_millis(1);

struct Wish<'a> {
    bound: u32,
    budget: u64,
    within: Span,
    moved: &'a [&'a str],
}

const WISH: Wish<'_> = Wish { bound: 1, budget: 10_000, within: Span::ZERO, moved: &[] };

fn explore(scenario: &Value, wish: &Wish<'_>, see: &mut dyn FnMut(&Run)) -> Exploration {
    let scenario = read(scenario);
    let moved: Vec<_> = wish.moved.iter().map(|&id| id.to_owned()).collect();
    let Wish { bound, budget, within, .. } = *wish;
    let exhaustive = Exhaustive { seed: scenario.seed, bound, budget, within, moved: &moved };
    exhaustive.explore(&scenario, &|| false, see).unwrap_or_else(|error| panic!("{error}"))
}

/// The oracle: whatever a clone has come to, its resolved scenario comes to from the start.
fn check_replays(scenario: &Value, wish: &Wish<'_>, at_least: u64) {
    let found = explore(scenario, wish, &mut |run| {
        let again = read(&run.resolved).run(RunOptions { seed: run.seed, keep_trace: false }).expect("a run");
        let faults = &run.resolved["faults"];
        assert_eq!(again.digest().value(), run.digest().value(), "{faults:#}");
        assert_eq!(again.checks, run.checks, "{faults:#}");
        assert_eq!(again.recording, run.recording, "{faults:#}");
        assert_eq!(again.faults, run.faults, "{faults:#}");
        assert_eq!((again.final_state, again.events), (run.final_state, run.events), "{faults:#}");
        assert_eq!(again.resolved, run.resolved);
    });
    assert!(found.runs() >= at_least, "{:?}", found.levels);
    assert_eq!(found.digests, found.runs(), "each run is another one");
}

/// Two clients of three replicas that do the same at the same time, so that much is tied.
fn tied(kind: &Value, more: &Value) -> Value {
    let client = |prefer: &str| {
        json!({ "calls": "store", "prefer": prefer, "arrivals": { "constant": "100/s" }, "operations": { "read": 1, "write": 1 },
            "timeout": "200ms" })
    };
    let mut scenario = json!({
        "version": 1, "title": "Tied", "duration": "40ms", "settle": "10ms", "network": { "latency": "1ms" },
        "services": { "store": kind },
        "clients": { "a": client("store-0"), "b": client("store-1") },
        "hypothesis": { "always": ["linearizable"] }
    });
    let members = scenario.as_object_mut().expect("an object");
    members.extend(more.as_object().expect("an object").clone());
    scenario
}

fn majority_register() -> Value {
    json!({ "majority_register": { "replicas": 3 } })
}

#[test]
fn ties_are_explored_as_if_from_the_start() {
    check_replays(&tied(&majority_register(), &json!({})), &Wish { bound: 2, budget: 250, ..WISH }, 150);
    // Several deviations delay one message again and again, and several messages.
    check_replays(
        &tied(&majority_register(), &json!({ "duration": "12ms" })),
        &Wish { bound: 3, budget: 300, ..WISH },
        100,
    );
    check_replays(
        &tied(&json!({ "raft": { "replicas": 3 } }), &json!({ "duration": "400ms" })),
        &Wish { budget: 60, ..WISH },
        40,
    );
}

/// Chance, faults and triggers at work at the same time.
#[test]
fn what_else_happens_makes_no_difference() {
    let network = json!({ "latency": { "exponential": { "mean": "1ms" } }, "loss": "2%", "duplication": "10%" });
    let faults = json!([
        { "id": "slow", "latency": { "share": "30%", "factor": 3, "at": "5ms", "for": "20ms" } },
        { "id": "clogged", "clog": { "links": { "of": ["store-2"] }, "at": "8ms", "for": "6ms" } },
        { "id": "again", "crash": { "where": { "one": { "of": "store" } }, "at": { "acknowledged": { "operations": 2 } }, "for": "5ms" }, "may_miss": true }
    ]);
    let more = json!({ "network": network, "faults": faults, "ties": "shuffled" });
    let wish = Wish { within: MS.times(2), budget: 120, ..WISH };
    check_replays(&tied(&majority_register(), &more), &wish, 30);
    let scheduled =
        json!({ "scheduling": { "priorities": { "messages": 100, "spread": "5ms" } }, "final_reads": true });
    check_replays(&tied(&majority_register(), &scheduled), &wish, 30);
}

#[test]
fn faults_start_at_every_instant_of_those_whom_they_may_hit() {
    let faults = json!([
        { "id": "power", "crash": { "where": { "one": { "of": "store" } }, "at": "20ms", "for": "5ms" } },
        { "id": "cut", "partition": { "groups": [["store-0"], "rest"], "at": "10ms", "for": "5ms" } }
    ]);
    let scenario = tied(&majority_register(), &json!({ "faults": faults }));
    check_replays(&scenario, &Wish { bound: 2, budget: 400, moved: &["power", "cut"], ..WISH }, 400);
    let mut hit = std::collections::BTreeSet::new();
    let wish = Wish { moved: &["power"], ..WISH };
    let found = explore(&scenario, &wish, &mut |run| {
        let power = &run.resolved["faults"][0];
        hit.insert((power["crash"]["where"][0].to_string(), power["crash"]["at"].to_string()));
        assert_eq!(run.resolved["faults"][1]["partition"]["at"], "10ms");
    });
    let replicas = |name: &str| hit.iter().filter(|(whom, _)| *whom == format!("\"{name}\"")).count();
    assert!(["store-0", "store-1", "store-2"].iter().all(|name| replicas(name) > 10), "{hit:?}");
    assert_eq!(found.choices, found.levels[1].runs);
}

#[test]
fn without_deviations_there_is_the_scenarios_own_run() {
    let scenario = tied(&majority_register(), &json!({}));
    let own = read(&scenario).run(RunOptions { seed: 1, keep_trace: false }).expect("a run");
    let mut digests = Vec::new();
    let found = explore(&scenario, &Wish { bound: 0, ..WISH }, &mut |run| digests.push(run.digest().value()));
    assert_eq!(digests, [own.digest().value()]);
    assert_eq!(found.levels, [Level { deviations: 0, runs: 1, is_complete: true }]);
}

#[test]
fn a_spent_budget_and_an_interruption_are_said() {
    let scenario = tied(&majority_register(), &json!({}));
    let found = explore(&scenario, &Wish { budget: 7, ..WISH }, &mut |_| {});
    assert_eq!((found.extent, found.runs()), (Extent::BudgetSpent, 7));
    assert_eq!(found.levels.iter().map(|level| level.is_complete).collect::<Vec<_>>(), [true, false]);
    // As many as there are is enough.
    let all = explore(&scenario, &WISH, &mut |_| {});
    let enough = explore(&scenario, &Wish { budget: all.runs(), ..WISH }, &mut |_| {});
    assert_eq!((all.extent, enough.extent), (Extent::Exhausted, Extent::Exhausted));
    assert_eq!(all.levels, enough.levels);
    let scenario = read(&scenario);
    let exhaustive = Exhaustive { seed: 1, bound: 1, budget: 100, within: Span::ZERO, moved: &[] };
    let count = std::cell::Cell::new(0);
    let is_over = || count.replace(count.get() + 1) >= 3;
    let found = exhaustive.explore(&scenario, &is_over, &mut |_| {}).expect("it can be run");
    assert_eq!((found.extent, found.runs()), (Extent::Interrupted, 3));
}

#[test]
fn a_fault_that_cannot_be_moved_is_refused() {
    let faults = json!([
        { "id": "led", "crash": { "where": ["store-0"], "at": { "acknowledged": { "operations": 2 } } } },
        { "id": "lost", "message": { "from": "store-0", "to": "store-1", "nth": 1, "drop": true } }
    ]);
    let scenario = read(&tied(&majority_register(), &json!({ "faults": faults })));
    for (id, says) in [("led", "trigger"), ("lost", "waits for its message"), ("none", "there are: led, lost")] {
        let exhaustive = Exhaustive { seed: 1, bound: 1, budget: 9, within: Span::ZERO, moved: &[id.to_owned()] };
        let error =
            exhaustive.explore(&scenario, &|| false, &mut |_| {}).expect_err("it cannot be moved").to_string();
        assert!(error.contains(says), "{error}");
    }
}

/// A safeguard taken away is found by as few deviations as it takes, and with it every run within the bound holds.
fn check_safeguard(name: &str, kind: &str, wish: &Wish<'_>, deviations: u32) {
    let without = bundled(name);
    let found = explore(&without, wish, &mut |_| {});
    let first = found.failures.iter().find(|found| matches!(found.first.verdict, Verdict::Refuted(_)));
    let first = first.unwrap_or_else(|| panic!("nothing was found: {:?}", found.levels));
    assert_eq!(first.deviations, deviations);
    // It replays, and shrinks.
    let registry = Registry::standard();
    let again = read(&first.first.resolved);
    let shrunk = partita::explore::shrink(&again, again.seed, &registry, 300).expect("it fails");
    assert_eq!(shrunk.failure, first.failure);
    assert!(shrunk.after.faults + shrunk.after.messages <= deviations as usize, "{:#}", shrunk.scenario);
    // Random seeds do not find it.
    let holds = |seed| again_with(&without, seed).verdict == Verdict::Holds;
    assert!((0..200).all(holds));

    let mut intact = without;
    intact["services"]["store"][kind].as_object_mut().expect("settings").remove("without");
    let found = explore(&intact, wish, &mut |run| assert!(!matches!(run.verdict, Verdict::Refuted(_))));
    assert_eq!(found.extent, Extent::Exhausted);
    assert!(found.count("holds") > 2, "{:?}", found.verdicts);
}

fn again_with(scenario: &Value, seed: u64) -> Run {
    read(scenario).run(RunOptions { seed, keep_trace: false }).expect("a run")
}

#[test]
fn one_late_message_is_enough_for_a_lost_write() {
    let wish = Wish { bound: 2, within: MS.times(10), ..WISH };
    check_safeguard("schedules/late-store", "majority_register", &wish, 1);
}

#[test]
fn one_crash_at_the_right_instant_is_enough_for_a_lost_write() {
    check_safeguard("schedules/crash-point", "single", &Wish { bound: 2, moved: &["power"], ..WISH }, 1);
}
