//! Generated faults: a run's resolved scenario needs no generator, and one fault less shifts no other.

use std::collections::BTreeSet;

use partita::check::Verdict;
use partita::kernel::Fact;
use partita::scenario::{Document, Registry, Run, RunOptions, Scenario};
use serde_json::{Value, json};

fn read(value: &Value) -> Scenario {
    let document = Document::from_value("test", value).expect("not too deep");
    Scenario::read(&document, &Registry::standard()).unwrap_or_else(|problems| panic!("{problems}\n{value:#}"))
}

fn run(value: &Value, seed: u64) -> Run {
    read(value).run(RunOptions { seed, keep_trace: true }).expect("a run")
}

/// Five registers, two clients, and what is to fail.
fn scenario(nemesis: Value) -> Value {
    json!({
        "version": 1, "title": "Chaos", "duration": "10s", "warm_up": "500ms",
        "network": { "latency": { "exponential": { "mean": "3ms" } }, "loss": "1%" },
        "services": { "store": { "majority_register": { "replicas": 5 } } },
        "clients": {
            "a": { "calls": "store", "arrivals": { "poisson": "20/s" }, "operations": { "read": 1, "write": 1 }, "timeout": "300ms" },
            "b": { "calls": "store", "arrivals": { "poisson": "20/s" }, "operations": { "read": 1 }, "timeout": "300ms" }
        },
        "nemesis": nemesis,
        "hypothesis": { "always": ["linearizable", { "lost_writes": {} }] }
    })
}

fn every_family() -> Value {
    let one = json!({ "one": { "of": "store" } });
    let every = json!({ "exponential": { "mean": "900ms" } });
    let lasts = json!({ "uniform": { "low": "50ms", "high": "700ms" } });
    json!({
        "killer": { "crash": { "where": one }, "every": every, "for": lasts, "keep": "majority" },
        "cutter": { "partition": { "groups": [{ "minority": { "of": "store" } }, "rest"] }, "every": every, "for": lasts, "keep": 3, "gap": "100ms" },
        "deafener": { "partition": { "from": one, "to": "rest" }, "every": every, "for": lasts, "start": "2s", "stop": "8s" },
        "sleeper": { "pause": { "where": { "share": { "of": "store", "part": "40%" } } }, "every": every, "for": lasts },
        "reviver": { "restart": { "where": one, "disk_keeps": "torn_prefix" }, "every": every, "gap": "10ms" },
        "skewer": { "clock_drift": { "where": one, "rate": "5%" }, "every": every, "for": lasts },
        "stepper": { "clock_step": { "where": one, "by": "-20ms" }, "every": every },
        "clogger": { "clog": { "links": { "of": one } }, "every": every, "for": lasts },
        "swizzler": { "swizzle_clog": { "where": { "all": { "of": "store" } } }, "every": every, "for": lasts },
        "flapper": { "flapping": { "links": { "of": one }, "down": "20ms", "up": "30ms" }, "every": every, "for": lasts },
        "loser": { "loss": { "links": { "from": one }, "share": "20%" }, "every": every, "for": lasts },
        "splitter": { "partition": { "pattern": { "bridge": { "of": "store" } } }, "every": every, "for": lasts, "keep": "majority" }
    })
}

/// Families that go by a timetable, or bring other settings, or act on disks and processes.
fn families_of_nodes() -> Value {
    let (one, all) = (json!({ "one": { "of": "store" } }), json!({ "all": { "of": "store" } }));
    let every = json!({ "exponential": { "mean": "2s" } });
    let lasts = json!({ "uniform": { "low": "200ms", "high": "900ms" } });
    let other = json!({ "majority_register": { "replicas": 5, "without": ["read_write_back"] } });
    let short = json!({ "uniform": { "low": "10ms", "high": "50ms" } });
    json!({
        "pauser": { "pauses": { "where": all, "every": short, "length": short }, "every": every, "for": lasts, "keep": "majority" },
        "looper": { "crash_loop": { "where": one, "up": short, "down": short }, "every": every, "for": lasts, "keep": 3 },
        "roller": { "rolling_restart": { "where": all, "down": "20ms", "every": "50ms" }, "every": every },
        "upgrader": { "rolling_upgrade": { "where": { "minority": { "of": "store" } }, "to": other }, "every": every },
        "muddler": { "wrong_settings": { "where": one, "to": other }, "every": every, "for": lasts, "keep": "majority" },
        "strober": { "clock_strobe": { "where": all, "by": "1s", "period": "30ms" }, "every": every, "for": lasts },
        "rewinder": { "restart": { "where": one, "disk_keeps": { "backup": "100ms" } }, "every": every },
        "filler": { "disk_full": { "where": one }, "every": every, "for": lasts },
        "slower": { "slow": { "where": one, "disk": 5, "network": 3 }, "every": every, "for": lasts },
        "bug": { "panic": { "where": one, "nth": 3 }, "every": every, "for": lasts, "keep": "majority" }
    })
}

/// All records, and what is said of the run.
fn notes(run: &Run) -> (Vec<Fact>, u64, Verdict) {
    (facts(run), run.digest().value(), run.verdict)
}

fn facts(run: &Run) -> Vec<Fact> {
    run.trace.records().iter().map(|record| record.fact).collect()
}

/// The resolved scenario replays to the same run, without a nemesis, whatever it was resolved from.
fn check_replay(first: &Run) {
    assert_eq!(first.resolved["nemesis"], json!({}), "seed {}", first.seed);
    let second = run(&first.resolved, first.seed);
    assert_eq!(second.digest().value(), first.digest().value(), "seed {}", first.seed);
    assert_eq!(notes(&second).2, notes(first).2);
    assert_eq!(second.faults, first.faults);
    assert!(second.resolved == first.resolved, "seed {}", first.seed);
}

/// Without one of its faults, a resolved scenario is the same run until that fault was to start.
fn check_removal(first: &Run, number: usize) {
    let mut fewer = first.resolved.clone();
    fewer["faults"].as_array_mut().expect("a list").remove(number);
    let start = first.faults[number].start.expect("an instant");
    let before = |run: &Run| facts(run).into_iter().take_while(|fact| fact.time < start).collect::<Vec<_>>();
    let without = run(&fewer, first.seed);
    assert_eq!(before(&without), before(first), "seed {}, without {}", first.seed, first.faults[number].id);
    let ids = |faults: &[partita::fault::FaultReport]| {
        faults.iter().map(|fault| (fault.id.clone(), fault.targets.clone())).collect::<Vec<_>>()
    };
    let mut expected = ids(&first.faults);
    expected.remove(number);
    assert_eq!(ids(&without.faults), expected);
}

#[test]
fn generated_faults_replay_without_their_generator() {
    for (seed, nemeses) in (0..8).zip([every_family(), families_of_nodes()].iter().cycle()) {
        let first = run(&scenario(nemeses.clone()), seed);
        let made: BTreeSet<_> = first.faults.iter().filter_map(|fault| fault.nemesis.clone()).collect();
        assert_eq!(made.len(), nemeses.as_object().expect("by name").len(), "{made:?}");
        assert!(first.faults.len() > 20);
        check_replay(&first);
    }
}

#[test]
fn one_fault_less_shifts_no_other() {
    let first = run(&scenario(every_family()), 11);
    for number in (0..first.faults.len()).step_by(7) {
        check_removal(&first, number);
    }
}

/// The greatest number of replicas that were down at once.
fn most_down(run: &Run) -> usize {
    let spans: Vec<_> = run
        .faults
        .iter()
        .map(|fault| (fault.start.expect("an instant"), fault.end.expect("healed"), &fault.targets))
        .collect();
    let down_at = |at| {
        let down = spans.iter().filter(|(start, end, _)| *start <= at && at < *end);
        down.flat_map(|(.., targets)| targets.iter()).collect::<BTreeSet<_>>().len()
    };
    spans.iter().map(|&(start, ..)| down_at(start)).max().unwrap_or_default()
}

#[test]
fn a_budget_keeps_a_majority() {
    let killer = |keep: Option<&str>| {
        let mut killer = json!({ "crash": { "where": { "one": { "of": "store" } } }, "every": "300ms", "for": "2s" });
        if let Some(keep) = keep {
            killer["keep"] = json!(keep);
        }
        json!({ "killer": killer })
    };
    for seed in 0..3 {
        assert_eq!(most_down(&run(&scenario(killer(Some("majority"))), seed)), 2);
        assert!(most_down(&run(&scenario(killer(None)), seed)) > 2);
    }
}

#[test]
fn a_nemesis_may_miss_and_all_its_faults_may_not() {
    let verdict = |of: &str, every: &str| {
        let nemesis =
            json!({ "sleeper": { "pause": { "where": { "one": { "of": of } } }, "every": every, "for": "20ms" } });
        let mut scenario = scenario(nemesis);
        scenario["services"]["idle"] = json!({ "majority_register": { "replicas": 3 } });
        let run = run(&scenario, 5);
        let deciding =
            run.checks.iter().filter(|check| check.verdict != Verdict::Holds).map(|check| check.name.clone());
        (run.faults.iter().any(|fault| fault.touched == 0), run.verdict.name(), deciding.collect::<Vec<_>>())
    };
    assert_eq!(verdict("store", "40ms"), (true, "holds", vec![]));
    assert_eq!(verdict("idle", "400ms"), (true, "inconclusive", vec!["touched:sleeper".to_owned()]));
    assert_eq!(verdict("store", "30s"), (false, "inconclusive", vec!["touched:sleeper".to_owned()]));
}

#[test]
fn a_fault_that_may_miss_is_not_held_against_the_run() {
    for (may_miss, expected) in [(true, "holds"), (false, "inconclusive")] {
        let mut scenario = scenario(json!({}));
        scenario["faults"] = json!([{ "id": "late", "may_miss": may_miss, "pause": { "where": { "leader": { "of": "store" } }, "at": "5s" } }]);
        assert_eq!(run(&scenario, 1).verdict.name(), expected);
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let check = |nemesis: Value, faults: Value, expected: &str| {
        let mut scenario = scenario(nemesis);
        scenario["faults"] = faults;
        let document = Document::from_value("test", &scenario).expect("not too deep");
        let Err(problems) = Scenario::read(&document, &Registry::standard()) else {
            panic!("accepted: {scenario:#}")
        };
        assert!(problems.to_string().contains(expected), "{problems}");
    };
    let pause = json!({ "where": { "all": { "of": "store" } } });
    let none = json!([]);
    check(json!({ "pause": { "pause": pause, "every": "1s" } }), none.clone(), "\"pause\" is a family of faults");
    check(
        json!({ "x": { "pause": pause, "every": "1s", "gap": "1s" } }),
        none.clone(),
        "a gap after a fault that lasts",
    );
    check(
        json!({ "x": { "restart": pause, "every": "1s", "for": "1s" } }),
        none.clone(),
        "\"restart\" ends by itself",
    );
    check(
        json!({ "x": { "pause": pause, "every": "1s", "start": "5s", "stop": "5s" } }),
        none.clone(),
        "starts at 5s and stops at 5s",
    );
    check(json!({ "x": { "pause": pause, "every": "1s", "stop": "11s" } }), none.clone(), "in a run of 10s");
    let drift = json!({ "where": { "all": { "of": "store" } }, "rate": "1%" });
    check(
        json!({ "x": { "clock_drift": drift, "every": "1s", "keep": 1 } }),
        none,
        "\"keep\" is of faults that stop nodes",
    );
    let named = json!([{ "id": "x-3", "pause": { "where": ["store-0"], "at": "1s" } }]);
    check(
        json!({ "x": { "pause": pause, "every": "1s" } }),
        named,
        "a fault of the nemesis \"x\" may have the id \"x-3\"",
    );
    let all = json!({ "all": { "of": "store" } });
    check(
        json!({ "x": { "rolling_restart": { "where": all }, "every": "1s", "gap": "1s" } }),
        json!([]),
        "how long \"rolling_restart\" takes follows from whom it hits",
    );
    let loops = json!({ "where": all, "up": "1s", "down": "1s" });
    check(json!({ "x": { "crash_loop": loops, "every": "1s" } }), json!([]), "takes its steps over its length");
    let backup = json!({ "where": all, "disk_keeps": { "backup": "2s" } });
    check(
        json!({ "x": { "restart": backup, "every": "1s", "start": "2s" } }),
        json!([]),
        "the backup is taken at 2s, but faults may start at 2s",
    );
    let at = json!({ "where": { "all": { "of": "store" } }, "at": "1s" });
    check(json!({ "x": { "pause": at, "every": "1s" } }), json!([]), "unknown field \"at\"");
    check(json!({ "x": { "pause": pause, "every": "1us" } }), json!([]), "it would make more than 10000 faults");
    let many = json!({ "where": { "count": { "of": "store", "n": 9 } } });
    check(json!({ "x": { "pause": many, "every": "1s" } }), json!([]), "9 replicas are wanted and there are 5");
}

#[test]
fn triggered_faults_replay_as_instants() {
    let minority = json!({ "minority": { "of": "store" } });
    let triggers = [
        json!({ "acknowledged": { "operations": 40 } }),
        json!({ "message": { "of": "store", "kind": "store", "nth": 25 } }),
        json!({ "reached": { "of": "store", "path": "a read wrote back" } }),
    ];
    for (seed, trigger) in (0..).zip(triggers) {
        let mut scenario = scenario(json!({}));
        scenario["faults"] = json!([
            { "id": "hit", "crash": { "where": minority, "at": trigger, "for": "500ms" } },
            { "id": "cut", "partition": { "groups": [minority, "rest"], "at": trigger, "for": "1s" } },
            { "id": "loop", "crash_loop": { "where": minority, "at": trigger, "for": "1s", "up": "50ms", "down": "50ms" } },
            { "id": "never", "may_miss": true, "clock_step": { "where": minority, "at": { "leader": { "of": "store" } }, "by": "1s" } }
        ]);
        let first = run(&scenario, seed);
        assert_eq!(first.faults.iter().map(|fault| fault.started).collect::<Vec<_>>(), [true, true, true, false]);
        assert_eq!(first.faults[0].start, first.faults[1].start);
        assert!(first.resolved["faults"][0]["crash"]["at"].is_string(), "{:#}", first.resolved["faults"]);
        check_replay(&first);
    }
}

/// A store, and what it promises.
const SWARMED: [(&str, &str); 4] = [
    ("majority_register", "linearizable"),
    ("raft", "linearizable"),
    ("quorum", "convergence"),
    ("transactional", "linearizable"),
];

/// A short scenario in which a harsh swarm is at work, and draws the size of a cluster, a timeout and a mix of operations.
fn swarm((store, promise): (&str, &str)) -> Value {
    let mut scenario = scenario(json!({}));
    scenario["duration"] = json!("6s");
    scenario["hosts"] = json!({ "zones": { "x": {}, "y": {} }, "placement": { "store": ["x", "y"] } });
    scenario["services"] = json!({ "store": { store: { "replicas": 5 } }, "log": { "single": {} } });
    scenario["clients"]["b"]["calls"] = json!("log");
    scenario["swarm"] = json!({ "level": "harsh", "vary": {
        format!("/services/store/{store}/replicas"): [3, 5, 7],
        "/clients/a/timeout": { "from": "100ms", "to": "1000ms" },
        "/clients/a/operations": [{ "read": 1, "write": 1 }, { "read": 9, "write": 1 }]
    } });
    scenario["settle"] = json!("3s");
    scenario["hypothesis"]["always"] = json!([promise, { "lost_writes": {} }, { "liveness": { "within": "10s" } }]);
    scenario
}

/// Every seed of a swarm: nothing is refuted, the resolved scenario has what was drawn and replays without generators, and
/// without some of its faults, each chosen by the seed, it is the same run until they were to start. Answers what there was.
fn check_swarm(store: (&str, &str), seeds: std::ops::Range<u64>, removals: usize) -> BTreeSet<&'static str> {
    let mut kinds = BTreeSet::new();
    for seed in seeds {
        let first = run(&swarm(store), seed);
        let refuted: Vec<_> =
            first.checks.iter().filter(|check| matches!(check.verdict, Verdict::Refuted(_))).collect();
        assert!(refuted.is_empty(), "{store:?}, seed {seed}: {refuted:?}");
        let chaos = first.chaos.as_deref().expect("a swarm");
        assert!(chaos.starts_with("Swarm, up to harsh: ") && first.resolved["note"] == json!(chaos), "{chaos}");
        if first.faults.is_empty() {
            continue;
        }
        kinds.extend(first.faults.iter().map(|fault| fault.kind));
        assert!(first.resolved.get("swarm").is_none());
        check_replay(&first);
        let step = first.faults.len().div_ceil(removals);
        (seed as usize % step..first.faults.len()).step_by(step).for_each(|number| check_removal(&first, number));
    }
    kinds
}

/// All that a swarm may draw against stores that read no wall clock.
fn swarmed() -> BTreeSet<&'static str> {
    let disks = ["disk_errors", "disk_full", "disk_slow", "disk_stall", "failed_sync"];
    let links = [
        "bandwidth",
        "burst_loss",
        "clog",
        "connections",
        "corruption",
        "duplication",
        "flapping",
        "latency",
        "loss",
        "partition",
        "reordering",
        "stale_name",
        "swizzle_clog",
    ];
    let processes = [
        "correlated_crash",
        "crash",
        "crash_loop",
        "memory_limit",
        "panic",
        "pause",
        "pauses",
        "restart",
        "rolling_restart",
        "rolling_upgrade",
        "slow",
        "wrong_settings",
    ];
    ["clock_drift"].into_iter().chain(disks).chain(links).chain(processes).collect()
}

#[test]
fn a_harsh_swarm_replays() {
    let kinds = check_swarm(SWARMED[0], 0..5, 1);
    assert!(kinds.is_subset(&swarmed()) && kinds.len() > 20, "{kinds:?}");
    SWARMED[1..].iter().for_each(|&store| drop(check_swarm(store, 0..1, 1)));
}

#[test]
#[ignore = "takes minutes"]
fn two_hundred_seeds_of_a_harsh_swarm_replay() {
    std::thread::scope(|scope| {
        for store in SWARMED {
            scope.spawn(move || assert!(check_swarm(store, 0..50, 3).is_subset(&swarmed())));
        }
    });
}

#[test]
fn chaos_is_one_line() {
    let mut touched = Vec::new();
    for level in ["calm", "realistic", "harsh"] {
        let mut scenario = scenario(json!({}));
        scenario["chaos"] = json!(level);
        let first = run(&scenario, 2);
        assert_eq!(first.verdict, Verdict::Holds, "{level}: {:?}", first.checks);
        touched.push(first.faults.len());
        check_replay(&first);
    }
    assert!(touched.is_sorted() && touched[2] > 5 * touched[0], "{touched:?}");
}

/// Every family that a kind tolerates meets something of that kind, in one of a few runs. A family that cannot would give false
/// confidence for ever, since no fault of chaos has to touch anything.
#[test]
fn every_family_of_chaos_touches_something() {
    let stores = [
        // A log as short as one that a few seconds fill: limits of memory go by its usual length.
        json!({ "raft": { "replicas": 5, "snapshot_after": 100 } }),
        json!({ "quorum": { "replicas": 5 } }),
        json!({ "transactional": { "replicas": 3 } }),
        json!({ "single": {} }),
    ];
    for store in stores {
        let mut touched = std::collections::BTreeMap::<String, u64>::new();
        let mut scenario = scenario(json!({}));
        // All families at once suppress each other; a swarm leaves half of them out.
        scenario["swarm"] = json!("harsh");
        scenario["duration"] = json!("15s");
        scenario["services"]["store"] = store.clone();
        scenario["services"]["store"]["host"] =
            json!({ "cpu": "20us", "clock_drift": "100ppm", "clock_sync": { "poll": "500ms" } });
        scenario["hosts"] = json!({ "zones": { "a": {}, "b": {} }, "placement": { "store": ["a", "b"] } });
        scenario["hypothesis"] = json!({ "always": [{ "availability": { "at_least": "0.1%" } }] });
        for seed in 0..40 {
            let run = run_lightly(&scenario, seed);
            // Nothing of a single register waits for a time.
            let is_timeless = |kind: &str| kind == "clock_drift" && store.get("single").is_some();
            for fault in run.faults.iter().filter(|fault| !is_timeless(fault.kind)) {
                let (family, _) = fault.id.rsplit_once('-').expect("a number");
                *touched.entry(family.to_owned()).or_default() += fault.touched;
            }
            // Each run names the families that missed in it.
            let mut missed = std::collections::BTreeMap::<&str, u64>::new();
            for fault in &run.faults {
                *missed.entry(fault.id.rsplit_once('-').expect("a number").0).or_default() += fault.touched;
            }
            let missed: Vec<_> =
                missed.iter().filter(|(_, touched)| **touched == 0).map(|(family, _)| *family).collect();
            let note =
                run.notes.iter().find_map(|note| note.strip_prefix("Faults that were drawn and touched nothing: "));
            assert_eq!(note.map(str::to_owned), (!missed.is_empty()).then(|| format!("{}.", missed.join(", "))));
            if seed >= 8 && touched.values().all(|&touched| touched > 0) {
                break;
            }
        }
        let idle: Vec<_> = touched.iter().filter(|(_, touched)| **touched == 0).collect();
        assert!(idle.is_empty(), "{store}: {idle:?}");
    }
}

fn run_lightly(value: &Value, seed: u64) -> Run {
    read(value).run(RunOptions { seed, keep_trace: false }).expect("a run")
}

/// A swizzle-clog of nobody takes no steps, and says so in a way that can be read.
#[test]
fn whatever_a_run_resolves_to_can_be_read() {
    let mut scenario = scenario(json!({}));
    let nobody = json!({ "leader": { "of": "store" } });
    scenario["faults"] = json!([
        { "swizzle_clog": { "where": nobody, "at": "1s", "for": "1s" }, "may_miss": true },
        { "pauses": { "where": nobody, "every": "10ms", "length": "1ms", "at": "1s", "for": "1s" }, "may_miss": true },
        { "rolling_restart": { "where": nobody, "at": "1s" }, "may_miss": true },
        { "flapping": { "links": { "of": nobody }, "down": "1ms", "up": "1ms", "at": "1s", "for": "1s" }, "may_miss": true },
        { "partition": { "groups": [nobody, "rest"], "at": "1s" }, "may_miss": true },
        { "crash": { "where": nobody, "at": "1s" }, "may_miss": true }
    ]);
    check_replay(&run(&scenario, 1));
}
