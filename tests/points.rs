//! Points of `cx.maybe`: those of the built-in kinds matter and break no promise, scenario files name them, and chaos draws them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use partita::check::Verdict;
use partita::host::{Birth, Node, Tag};
use partita::kernel::{Draw, SplitMix64};
use partita::load::Outcome;
use partita::scenario::{Document, Registry, Run, RunOptions, Scenario, points_page};
use partita::store::{Protocol, RarePoint};
use serde_json::{Value, json};

fn read_with(registry: &Registry, value: &Value) -> Result<Scenario, String> {
    let document = Document::from_value("test", value).expect("not too deep");
    Scenario::read(&document, registry).map_err(|problems| problems.to_string())
}

fn read(value: &Value) -> Result<Scenario, String> {
    read_with(&Registry::standard(), value)
}

fn run(value: &Value, seed: u64, keep_trace: bool) -> Run {
    let scenario = read(value).unwrap_or_else(|problems| panic!("{problems}"));
    scenario.run(RunOptions { seed, keep_trace }).expect("a run")
}

/// Three seconds of a store and of sessions that keep it busy.
fn scenario(store: &Value, maybe: &Value) -> Value {
    json!({
        "version": 1, "title": "Points", "duration": "3s", "settle": "1s",
        "network": { "latency": { "uniform": { "low": "1ms", "high": "5ms" } } },
        "services": { "store": store },
        "clients": { "a": {
            "calls": "store", "arrivals": { "poisson": "200/s" }, "operations": { "read": 1, "write": 1 },
            "keys": { "uniform": { "count": 4 } }, "timeout": "1s", "attempt_timeout": "300ms"
        } },
        "maybe": maybe,
        "hypothesis": { "always": [{ "availability": { "at_least": "0.1%" } }] }
    })
}

fn points() -> BTreeMap<&'static str, &'static [RarePoint]> {
    let kinds = ["majority_register", "quorum", "raft", "single", "transactional"];
    let registry = Registry::standard();
    let declared: BTreeMap<_, _> = registry.rare_points().map(|(kind, points)| (kind.to_owned(), points)).collect();
    kinds.map(|kind| (kind, declared[kind])).into()
}

#[test]
fn the_page_of_points_is_what_is_printed() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/points.md");
    let page = std::fs::read_to_string(file).unwrap_or_default();
    assert!(page == points_page(&Registry::standard()), "stale: partita list --points > docs/points.md");
}

#[test]
fn points_are_declared_in_order_and_by_the_name_of_their_kind() {
    for (kind, points) in points() {
        assert!(points.len() >= 3 && points.iter().all(|point| point.doc.ends_with('.')), "{kind}");
        assert!(
            points.iter().all(|point| ["log", kind].contains(&point.name.split_once('.').expect("a dot").0)),
            "{kind}"
        );
        let names: BTreeSet<_> = points.iter().map(|point| point.name).collect();
        assert_eq!(names.len(), points.len(), "{kind}");
    }
}

/// Something of a run that can be counted.
type Measure = fn(&Run) -> u64;

fn messages(run: &Run, kind: &str) -> u64 {
    run.messages.iter().filter(|message| message.kind == kind).count() as u64
}

fn records(run: &Run, tag: Tag) -> u64 {
    run.trace.records().iter().filter(|record| record.fact.tag == tag as u8).count() as u64
}

fn reached(run: &Run, path: &str) -> u64 {
    run.reached.iter().find(|(name, _)| *name == path).map_or(0, |&(_, count)| count)
}

/// How many operations ended so.
fn outcomes(run: &Run, is_meant: fn(&Outcome) -> bool) -> u64 {
    run.load_operations().iter().filter(|operation| is_meant(&operation.outcome)).count() as u64
}

/// How long operations that took effect took together, in nanoseconds.
fn waited(run: &Run) -> u64 {
    let done = run.load_operations().iter().filter(|operation| matches!(operation.outcome, Outcome::Ok(_)));
    done.map(|operation| operation.completed.since(operation.invoked).as_nanos()).sum()
}

const MORE: bool = true;
const LESS: bool = false;

/// A point, the store in which it matters, what breaks there, and what there is more or less of when it is taken.
type Row = (&'static str, Value, Value, bool, Measure);

fn rows() -> Vec<Row> {
    let crash = || json!([{ "crash": { "where": ["store-1"], "at": "1s", "for": "800ms" } }]);
    let loss = || json!([{ "loss": { "share": "30%", "at": "100ms" } }]);
    let silence = || json!([{ "pause": { "where": { "leader": { "of": "store" } }, "at": "1s", "for": "500ms" } }]);
    let none = || json!([]);
    let slow = json!({ "single": {}, "host": { "disk": { "sync": "20ms" } } });
    let lazy = json!({ "single": { "sync": { "interval": "100ms" } } });
    let register = || json!({ "majority_register": {} });
    let quorum = || json!({ "quorum": { "replicas": 5 } });
    let raft = || json!({ "raft": {} });
    let shards = || json!({ "transactional": {}, "host": { "disk": { "sync": "10ms" } } });
    vec![
        ("log.short_group", slow, none(), MORE, |run| records(run, Tag::Disk)),
        ("single.early_sync", lazy, none(), MORE, |run| records(run, Tag::Disk)),
        ("single.hold_answers", json!({ "single": {} }), none(), MORE, waited),
        ("single.refuse_write", json!({ "single": {} }), none(), MORE, |run| {
            outcomes(run, |outcome| matches!(outcome, Outcome::Fail(_)))
        }),
        ("majority_register.ask_fewer", register(), none(), LESS, |run| messages(run, "query")),
        ("majority_register.ask_twice", register(), none(), MORE, |run| messages(run, "query")),
        ("majority_register.give_up_early", register(), loss(), MORE, |run| {
            outcomes(run, |outcome| matches!(outcome, Outcome::Fail(_) | Outcome::Info(_)))
        }),
        ("majority_register.write_back", register(), none(), MORE, |run| reached(run, "a read wrote back")),
        ("quorum.ask_one_more", quorum(), none(), MORE, waited),
        ("quorum.compare_now", quorum(), none(), MORE, |run| messages(run, "compare")),
        ("quorum.hand_off_again", quorum(), crash(), MORE, |run| reached(run, "a hint was handed off")),
        ("quorum.skip_read_repair", quorum(), loss(), LESS, |run| reached(run, "a read repaired a replica")),
        ("quorum.stand_in_early", quorum(), none(), MORE, |run| reached(run, "a hint was kept")),
        ("raft.compact_now", raft(), crash(), MORE, |run| messages(run, "install_snapshot")),
        ("raft.hand_over", raft(), none(), MORE, |run| messages(run, "timeout_now")),
        ("raft.impatient", raft(), silence(), MORE, |run| messages(run, "request_vote")),
        ("raft.reject_append", raft(), none(), MORE, |run| messages(run, "rejected")),
        ("raft.short_append", raft(), crash(), MORE, |run| messages(run, "append")),
        ("raft.step_down", raft(), none(), MORE, |run| records(run, Tag::Role)),
        ("transactional.deliver_late", shards(), none(), MORE, |run| {
            reached(run, "a read waited for what is prepared")
        }),
        ("transactional.inquire_early", shards(), none(), MORE, |run| messages(run, "inquire")),
        ("transactional.refuse_prepare", shards(), none(), MORE, |run| {
            outcomes(run, |outcome| matches!(outcome, Outcome::No(_)))
        }),
        ("transactional.waste_timestamps", shards(), none(), MORE, waited),
    ]
}

#[test]
fn every_point_matters() {
    let declared: BTreeSet<_> = points().values().flat_map(|points| points.iter().map(|point| point.name)).collect();
    let tried: BTreeSet<_> = rows().iter().map(|row| row.0).collect();
    assert_eq!(tried, declared);
    for (point, store, faults, is_more, measure) in rows() {
        let with = |maybe: Value| {
            let mut scenario = scenario(&store, &maybe);
            scenario["faults"] = faults.clone();
            run(&scenario, 3, true)
        };
        let (off, on) = (with(json!({})), with(json!({ point: "40%" })));
        assert!(off.points.is_empty() && on.points.iter().all(|(name, _)| name == point));
        let taken = on.points[0].1.taken;
        assert!(taken > 0 && records(&on, Tag::Maybe) == taken, "{point}: {:?}", on.points);
        let (before, after) = (measure(&off), measure(&on));
        assert!(if is_more { after > before } else { after < before }, "{point}: {before} and then {after}");
        assert!(!matches!(on.verdict, Verdict::Refuted(_)), "{point}: {:?}", on.checks);
    }
}

/// Settings of stores, what these promise, and what clients ask.
fn stores() -> Vec<(Value, Value, Value)> {
    let registers = json!({ "read": 1, "write": 1 });
    let swaps = json!({ "read": 1, "write": 1, "compare_and_set": 1 });
    let sure = json!(["linearizable", { "lost_writes": {} }]);
    let watched = json!(["linearizable", { "lost_writes": {} }, "invariants"]);
    let lease = json!({ "lease": { "clock_drift_bound": "5%" } });
    vec![
        (json!({ "single": {} }), sure.clone(), swaps.clone()),
        (json!({ "majority_register": { "replicas": 5 } }), sure.clone(), registers.clone()),
        (json!({ "quorum": { "replicas": 5 } }), json!([{ "lost_writes": {} }, "convergence"]), registers.clone()),
        (
            json!({ "quorum": { "sloppy": false } }),
            json!([{ "lost_writes": {} }, { "stale_reads": {} }, "convergence"]),
            registers.clone(),
        ),
        (json!({ "raft": { "replicas": 5, "snapshot_after": 50 } }), watched.clone(), swaps.clone()),
        (
            json!({ "raft": { "reads": "read_index", "pre_vote": false, "check_quorum": false } }),
            watched.clone(),
            swaps.clone(),
        ),
        (json!({ "raft": { "reads": lease, "snapshot_after": 20 } }), watched, swaps),
        (json!({ "transactional": {} }), sure, registers),
    ]
}

/// A fault of a random family, begun in the first two seconds.
fn fault(draws: &mut SplitMix64) -> Value {
    let (at, lasts) = (format!("{}ms", draws.below(2_000)), format!("{}ms", draws.in_range(50..=800)));
    let of = json!({ "of": "store" });
    let keeps = draws.pick(&["some", "prefix", "torn_prefix", "nothing"]).copied();
    match draws.below(5) {
        0 => json!({ "crash": { "where": { "one": of }, "at": at, "for": lasts, "disk_keeps": keeps } }),
        1 => json!({ "restart": { "where": { "one": of }, "at": at, "disk_keeps": keeps } }),
        2 => json!({ "pause": { "where": { "one": of }, "at": at, "for": lasts } }),
        3 => json!({ "loss": { "share": "20%", "at": at, "for": lasts } }),
        _ => json!({ "partition": { "groups": [{ "one": of }, "rest"], "at": at, "for": lasts } }),
    }
}

/// With all its points on, a store keeps what it promises. `seeds` is what each of its settings is tried with.
fn keep_promises(seeds: std::ops::Range<u64>) {
    let mut taken = BTreeMap::<String, u64>::new();
    for (store, promises, operations) in stores() {
        let mut held = 0;
        for seed in seeds.clone() {
            let kind = store.as_object().and_then(|store| store.keys().next()).expect("a kind");
            let ratio = |point: &RarePoint| (point.name.to_owned(), json!({ "ratio": "10%", "may_miss": true }));
            let maybe: Value = points()[kind.as_str()].iter().map(ratio).collect::<serde_json::Map<_, _>>().into();
            let mut scenario = scenario(&store, &maybe);
            let mut draws = SplitMix64::new(seed);
            // A fault that finds everybody down already touches nothing.
            let faults: Vec<_> = (0..4)
                .map(|_| {
                    let mut fault = fault(&mut draws);
                    fault["may_miss"] = json!(true);
                    fault
                })
                .collect();
            scenario["faults"] = json!(faults);
            scenario["clients"]["a"]["arrivals"] = json!({ "poisson": "60/s" });
            scenario["clients"]["a"]["operations"] = operations.clone();
            scenario["services"]["store"]["host"] = json!({ "disk": { "sync": "4ms" } });
            scenario["hypothesis"]["always"] = promises.clone();
            let run = run(&scenario, seed, false);
            let refuted: Vec<_> =
                run.checks.iter().filter(|check| matches!(check.verdict, Verdict::Refuted(_))).collect();
            assert!(refuted.is_empty(), "{store}, seed {seed}: {refuted:#?}\n{:#}", run.resolved);
            held += u64::from(run.verdict == Verdict::Holds);
            for (name, point) in &run.points {
                *taken.entry(name.clone()).or_default() += point.taken;
            }
        }
        assert!(held * 10 >= (seeds.end - seeds.start) * 8, "{store}: {held} hold");
    }
    // The only one that needs another setting.
    taken.insert("single.early_sync".to_owned(), 1);
    let never: Vec<_> = points()
        .values()
        .flat_map(|points| points.iter())
        .filter(|point| taken.get(point.name).is_none_or(|&taken| taken == 0))
        .collect();
    assert!(never.is_empty(), "{never:?}");
}

#[test]
fn stores_keep_their_promises_with_all_points_on() {
    keep_promises(0..24);
}

#[test]
#[ignore = "takes minutes"]
fn stores_keep_their_promises_with_all_points_on_under_many_seeds() {
    keep_promises(1_000..2_000);
}

/// A follower has promised a leader whom it heard to vote for nobody else, and that includes itself.
#[test]
fn nobody_is_impatient_against_a_lease() {
    let votes = |reads: Value| {
        let maybe = json!({ "raft.impatient": { "ratio": 1, "start": "1s", "may_miss": true } });
        let run = run(&scenario(&json!({ "raft": { "reads": reads } }), &maybe), 1, true);
        run.messages
            .iter()
            .filter(|message| message.kind == "request_vote" && message.at.as_nanos() > 1_000_000_000)
            .count()
    };
    assert_eq!(votes(json!({ "lease": { "clock_drift_bound": "1%" } })), 0);
    assert!(votes(json!("read_index")) > 10);
}

/// Answers that are held back are of writes that took effect, whatever becomes of those behind them.
#[test]
fn held_answers_are_not_refused_when_the_disk_fails() {
    let mut scenario = scenario(&json!({ "single": {} }), &json!({ "single.hold_answers": 1 }));
    scenario["faults"] = json!([{ "disk_errors": { "where": ["store-0"], "share": "10%", "of": "writes", "at": "500ms", "for": "2s" } }]);
    scenario["services"]["store"]["host"] = json!({ "restart_after": "10ms", "disk": { "write": "100us" } });
    scenario["clients"]["a"]["arrivals"] = json!({ "poisson": "400/s" });
    scenario["clients"]["a"]["attempts"] = json!(1);
    scenario["hypothesis"]["always"] = json!(["linearizable", { "lost_writes": {} }]);
    for seed in 0..4 {
        let run = run(&scenario, seed, false);
        assert_eq!(run.verdict, Verdict::Holds, "{:?}", run.checks);
        assert!(outcomes(&run, |outcome| matches!(outcome, Outcome::Fail(_))) > 0);
    }
}

#[test]
fn names_are_checked_where_every_kind_declares_its_points() {
    let check = |maybe: Value, expected: &str| {
        let says = read(&scenario(&json!({ "raft": {} }), &maybe)).err().unwrap_or_default();
        assert!(if expected.is_empty() { says.is_empty() } else { says.contains(expected) }, "{maybe}: {says}");
    };
    check(json!({ "raft.step_down": 0.1, "log.short_group": "1%" }), "");
    check(json!({ "raft.stepdown": 0.1 }), "no point is named \"raft.stepdown\"");
    check(json!({ "raft.stepdown": 0.1 }), "did you mean \"raft.step_down\"?");
    check(json!({ "quorum.ask_one_more": 0.1 }), "no point is named \"quorum.ask_one_more\"");
    check(json!({ "Raft": 0.1 }), "\"Raft\" is not the name of a point");
    check(json!({ "raft.step_down": 2 }), "/maybe/raft.step_down");
    check(json!({ "raft.step_down": { "start": "1s" } }), "ratio");
    check(
        json!({ "raft.step_down": { "ratio": 0.1, "start": "2s", "stop": "2s" } }),
        "it ends at 2s, and begins at 2s",
    );
    // A service with broken settings may have had them.
    let broken = read(&scenario(&json!({ "raft": { "heartbeat": 3 } }), &json!({ "nonsense": 0.1 })));
    assert!(broken.is_err_and(|says| !says.contains("nonsense")));
}

#[derive(Clone)]
struct Mute;

impl Node for Mute {
    type Message = std::convert::Infallible;
    type Timer = ();
}

struct Silence;

impl Protocol for Silence {
    type Node = Mute;

    fn node(&self, _: Birth) -> Mute {
        Mute
    }
}

#[test]
fn a_kind_that_declares_no_points_may_have_any() {
    let registry = Registry::standard().with("silence", "It says nothing.", 1..=3, |_| Some(Silence));
    let mut scenario = scenario(&json!({ "silence": {} }), &json!({ "whatever": 0.1 }));
    assert!(read_with(&registry, &scenario).is_ok());
    scenario["services"]["other"] = json!({ "raft": {} });
    assert!(read_with(&registry, &scenario).is_ok(), "one of two kinds may have it");
}

#[test]
fn a_point_is_switched_on_for_a_while() {
    let with = |point: Value| {
        run(&scenario(&json!({ "majority_register": {} }), &json!({ "majority_register.ask_twice": point })), 1, true)
    };
    let when = |run: &Run| {
        let taken = run.trace.records().iter().filter(|record| record.fact.tag == Tag::Maybe as u8);
        let times: Vec<_> = taken.map(|record| record.fact.time.as_nanos() / 1_000_000).collect();
        (times.first().copied(), times.last().copied())
    };
    let (first, last) = when(&with(json!({ "ratio": 1, "start": "1s", "stop": "2s" })));
    assert!(first.is_some_and(|at| (1_000..1_100).contains(&at)), "{first:?}");
    assert!(last.is_some_and(|at| (1_900..2_000).contains(&at)), "{last:?}");
    // What has to be taken and never is makes a run inconclusive, and a note where it may miss.
    let late = with(json!({ "ratio": 1, "start": "1h" }));
    assert_eq!(late.verdict, Verdict::Inconclusive);
    let late = with(json!({ "ratio": 1, "start": "1h", "may_miss": true }));
    assert_eq!(late.verdict, Verdict::Holds);
    assert!(
        late.notes.iter().any(|note| note.contains("never taken: majority_register.ask_twice")),
        "{:?}",
        late.notes
    );
}

/// The points that a run was given by chaos, with what the resolved scenario says of each.
fn drawn(run: &Run) -> BTreeMap<String, Value> {
    run.resolved["maybe"].as_object().expect("an object").clone().into_iter().collect()
}

#[test]
fn a_swarm_switches_each_point_on_in_half_of_its_seeds() {
    let mut scenario = scenario(&json!({ "single": {} }), &json!({ "single.refuse_write": "3%" }));
    scenario["duration"] = json!("100ms");
    scenario["settle"] = json!("0s");
    scenario["swarm"] = json!("harsh");
    let (mut counts, mut small) = (BTreeMap::<String, u64>::new(), 0);
    for seed in 0..200 {
        let run = run(&scenario, seed, false);
        for (name, says) in drawn(&run).into_iter().filter(|(_, says)| says.is_object()) {
            *counts.entry(name.clone()).or_default() += 1;
            let percent: f64 = says["ratio"]
                .as_str()
                .and_then(|text| text.strip_suffix('%'))
                .expect("percent")
                .parse()
                .expect("a number");
            assert!((0.1..=10.0).contains(&percent), "{says}");
            small += u64::from(percent < 1.0);
            assert_eq!(
                (&says["may_miss"], &says["start"], &says["stop"]),
                (&json!(true), &json!("10ms"), &json!("80ms"))
            );
            assert!(run.chaos.as_deref().is_some_and(|words| words.contains(&format!("{name} {percent}%"))));
        }
        assert_eq!(run.resolved["maybe"]["single.refuse_write"], json!("3%"), "what the file says counts");
    }
    let names: Vec<_> = counts.keys().map(String::as_str).collect();
    assert_eq!(names, ["log.short_group", "single.early_sync", "single.hold_answers"]);
    // The deviation of 200 tosses is 7, of the sum of three 12.
    assert!(counts.values().all(|count| count.abs_diff(100) < 35), "{counts:?}");
    assert!(small.abs_diff(counts.values().sum::<u64>() / 2) < 50, "half are below 1%: {small}");
}

#[test]
fn points_and_families_of_a_swarm_are_drawn_apart() {
    let with = |maybe: Value| {
        let mut scenario = scenario(&json!({ "single": {} }), &maybe);
        scenario["swarm"] = json!("realistic");
        run(&scenario, 5, false)
    };
    let (drawn, written) = (
        with(json!({})),
        with(
            json!({ "log.short_group": 1, "single.early_sync": 0, "single.hold_answers": 1, "single.refuse_write": 0.1 }),
        ),
    );
    let faults = |run: &Run| run.faults.iter().map(|fault| (fault.id.clone(), fault.start)).collect::<Vec<_>>();
    assert_eq!(faults(&drawn), faults(&written));
}

#[test]
fn what_chaos_switches_on_replays_and_may_miss() {
    for chaos in [json!({ "swarm": "harsh" }), json!({ "chaos": "calm" })] {
        for (store, promises, _) in stores().into_iter().take(5) {
            let mut scenario = scenario(&store, &json!({}));
            scenario.as_object_mut().expect("an object").extend(chaos.as_object().expect("an object").clone());
            scenario["clients"]["a"]["arrivals"] = json!({ "poisson": "20/s" });
            scenario["hypothesis"]["always"] = promises;
            let first = run(&scenario, 11, false);
            assert!(
                !first.points.is_empty() && !matches!(first.verdict, Verdict::Refuted(_)),
                "{store}: {:?}",
                first.checks
            );
            assert!(first.checks.iter().all(|check| !check.name.starts_with("maybe:")), "{store}");
            let again = run(&first.resolved, 11, false);
            assert_eq!(again.digest().value(), first.digest().value(), "{store}");
            assert_eq!((&again.points, &again.checks, &again.notes), (&first.points, &first.checks, &first.notes));
            assert_eq!(again.resolved, first.resolved);
        }
    }
}
