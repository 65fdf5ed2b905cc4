//! The families that act on nodes' disks, processors and processes, and those with a timetable.

use super::*;
use crate::host::{DiskAccess, DiskFault, MemoryLimit, PanicOn, PlantedPanic};

/// As [`BUSY`], and every node reads what it has written, says what it holds, and starts again with what it reads.
const BUSIER: Play = |rounds, heard, cx| {
    let is_timer = matches!(heard, Heard::Timer(0));
    BUSY(rounds, heard, cx);
    if is_timer {
        cx.disk(DiskOperation::Read { file: "log".into(), offset: 0, length: u64::MAX });
        cx.holds(10 * rounds.len() as u64);
    }
};

const WHOLE: u64 = 1_000_000_000;

fn staged(whom: Selector, program: Program) -> Effect {
    Effect::Staged { stages: Stages::Drawn(whom), program }
}

fn mean(milliseconds: u64) -> Sampler {
    Sampler::exponential(ms(milliseconds), Span::ZERO).expect("above zero")
}

/// One fault of every family, all of them upon node 1.
fn families() -> Vec<Fault> {
    let one = || nodes(&[1]);
    let disk = |name, what| fault(name, on(one(), NodeEffect::Disk(what)), 100, Some(100));
    let bug = PlantedPanic { on: PanicOn::Timer, nth: 2, times: 2, after: ms(20) };
    let (wiped, backup) = (CrashKeeps::Wiped, CrashKeeps::Backup { taken: at(50) });
    let dies = |keeps| CrashSettings { silent: false, keeps };
    let (down, gap) = (ms(30), ms(40));
    vec![
        fault("wiped", on(one(), NodeEffect::Crash(dies(wiped))), 100, Some(50)),
        fault("backup", on(one(), NodeEffect::Restart { how: dies(backup), after: ms(5) }), 100, None),
        fault(
            "slow",
            on(one(), NodeEffect::Slow { cpu_ppb: 50 * WHOLE, disk_ppb: 3 * WHOLE, network_ppb: WHOLE }),
            100,
            Some(100),
        ),
        fault(
            "nic",
            on(one(), NodeEffect::Slow { cpu_ppb: WHOLE, disk_ppb: WHOLE, network_ppb: 3 * WHOLE }),
            100,
            Some(100),
        ),
        fault("bound", on(one(), NodeEffect::ClockBound { bound: ms(5) }), 100, Some(100)),
        fault("panic", on(one(), NodeEffect::Panic(bug)), 100, Some(100)),
        fault(
            "memory",
            on(one(), NodeEffect::MemoryLimit(MemoryLimit { bytes: 150, after: ms(10) })),
            100,
            Some(100),
        ),
        fault("settings", on(one(), NodeEffect::Settings { settings: 1 }), 100, Some(100)),
        disk("rot", DiskFault::BitRot { ppb: WHOLE / 2 }),
        disk("astray", DiskFault::Misdirection { ppb: WHOLE }),
        disk("errors", DiskFault::Errors { of: DiskAccess::Both, ppb: WHOLE / 2 }),
        disk("sync", DiskFault::FailedSync { ppb: WHOLE, drops: true }),
        disk("full", DiskFault::Full),
        disk("disk-slow", DiskFault::Slow { factor_ppb: 4 * WHOLE }),
        disk("stall", DiskFault::Stall),
        fault("pauses", staged(one(), Program::Pauses { gap: mean(20), length: mean(20) }), 100, Some(100)),
        fault("loop", staged(one(), Program::CrashLoop { how: DIES, up: mean(20), down: mean(9) }), 100, Some(100)),
        fault("rolling", staged(one(), Program::RollingRestart { how: DIES, down, gap }), 100, None),
        fault("upgrade", staged(one(), Program::RollingUpgrade { how: DIES, settings: 1, down, gap }), 100, None),
        fault(
            "correlated",
            staged(one(), Program::CorrelatedCrash { how: DIES, likelihood_ppb: WHOLE, within: ms(50) }),
            100,
            Some(100),
        ),
        fault("strobe", staged(one(), Program::ClockStrobe { nanos: 9_000_000, period: ms(7) }), 100, Some(100)),
    ]
}

/// Everything that nodes did and found, whatever the faults were called.
fn doings(simulation: &Simulation) -> Vec<crate::kernel::Fact> {
    use crate::host::Tag;
    let faults = [Tag::Token as u8, Tag::Clock as u8];
    let facts = simulation.trace().records().iter().map(|record| record.fact);
    facts.filter(|fact| !faults.contains(&fact.tag)).collect()
}

#[test]
fn every_family_makes_a_difference_and_says_so() {
    let (without, _) = carried_out(cluster(1, false, BUSIER), Plan::default(), 1);
    for fault in families() {
        let plan = Plan { faults: vec![fault.clone()] };
        let (simulation, injector) = carried_out(cluster(1, false, BUSIER), plan, 1);
        let [report] = &injector.report(&simulation)[..] else { panic!("one fault") };
        assert!(report.started && report.touched > 0, "{report:?}");
        assert_eq!(report.targets, [NodeId(1)], "{report:?}");
        assert!(report.end.is_some(), "{report:?}");
        // The bound is what these nodes see and do not act upon.
        if fault.id != "bound" {
            assert_ne!(doings(&simulation), doings(&without), "{}", fault.id);
        }
    }
}

#[test]
fn a_fault_that_nothing_meets_touches_nothing() {
    for fault in families() {
        let mut simulation = cluster(1, false, IDLE);
        let mut injector = Injector::new(Plan { faults: vec![fault.clone()] }, 1, &simulation).expect("a good plan");
        injector.schedule(&mut simulation);
        go_on(&mut simulation, &mut injector, None);
        let report = &injector.report(&simulation)[0];
        let kills = matches!(
            report.kind,
            "crash" | "restart" | "wrong_settings" | "crash_loop" | "correlated_crash" | "rolling_restart"
        );
        // A running process is something, and so is a start with other settings.
        assert_eq!(report.touched > 0, kills || report.kind == "rolling_upgrade", "{report:?}");
    }
}

#[test]
fn a_rolling_restart_takes_one_after_the_other_and_ends() {
    let program = Program::RollingRestart { how: DIES, down: ms(30), gap: ms(40) };
    let plan = Plan { faults: vec![fault("rolling", staged(replicas(Which::All), program), 100, None)] };
    let (simulation, injector) = carried_out(cluster(1, false, BUSIER), plan, 1);
    let report = &injector.report(&simulation)[0];
    assert_eq!((report.start, report.end), (Some(at(100)), Some(at(100 + 5 * 30 + 4 * 40))));
    let crashes: Vec<_> = simulation
        .trace()
        .records()
        .iter()
        .filter(|record| record.fact.tag == crate::host::Tag::Crash as u8)
        .map(|record| (record.fact.time, record.fact.a))
        .collect();
    assert_eq!(crashes, (0..5).map(|n| (at(100 + u64::from(n) * 70), n)).collect::<Vec<_>>());
}

#[test]
fn timetables_follow_their_distributions() {
    let program = Program::Pauses { gap: mean(40), length: mean(10) };
    let whom = staged(replicas(Which::All), program);
    let plan = Plan { faults: vec![fault("gc", whom, 0, Some(20_000))] };
    let (_, injector) = carried_out(cluster(1, false, IDLE), plan, 1);
    let Effect::Staged { stages: Stages::Explicit(stages), .. } = &injector.resolved().faults[0].what else {
        panic!("it is resolved")
    };
    let paused: u64 = stages.iter().map(|stage| (stage.until.as_nanos() - stage.from.as_nanos()) / 1_000).sum();
    let share = paused as f64 / (5.0 * 20e6);
    // Five nodes, about 400 pauses each: the standard deviation of the share is about 0.005.
    assert!((share - 0.2).abs() < 0.025, "a fifth of the time is paused: {share}");
    assert!(stages.windows(2).all(|two| two[0].node < two[1].node || two[0].until < two[1].from));
}

#[test]
fn what_cannot_be_carried_out_is_refused() {
    let simulation = cluster(1, false, IDLE);
    let check = |what: Effect, lasts, expected: &str| {
        let error = Injector::new(Plan { faults: vec![fault("f", what, 10, lasts)] }, 1, &simulation);
        assert_eq!(error.expect_err("a bad plan").to_string(), format!("fault \"f\": {expected}"));
    };
    let pauses = |whom| staged(whom, Program::Pauses { gap: mean(1), length: mean(1) });
    let rolling = Program::RollingRestart { how: DIES, down: ms(1), gap: ms(1) };
    let turn = |node, from, until| Stage { node: NodeId(node), from: ms(from), until: ms(until) };
    let explicit = |turn| Effect::Staged { stages: Stages::Explicit(vec![turn]), program: rolling.clone() };
    let late = CrashSettings { silent: false, keeps: CrashKeeps::Backup { taken: at(10) } };
    check(pauses(nodes(&[1])), None, "it takes its steps over its length, and none is given");
    check(pauses(nodes(&[8])), Some(9), "there is no node number 8");
    check(staged(nodes(&[1]), rolling.clone()), Some(1), "it ends by itself and cannot be given a length");
    let upgrade = Program::RollingUpgrade { how: DIES, settings: 1, down: ms(1), gap: ms(1) };
    check(staged(nodes(&[7]), upgrade), None, "it acts on processes, and clients have none");
    check(explicit(turn(1, 5, 5)), None, "a turn has to end after it begins");
    check(explicit(turn(8, 4, 5)), None, "there is no node number 8");
    check(on(nodes(&[1]), NodeEffect::Crash(late)), None, "the backup has to be taken before the fault starts");
    let strobe = Program::ClockStrobe { nanos: i64::MIN, period: ms(1) };
    check(staged(nodes(&[1]), strobe), Some(5), "the offset cannot be taken back");
}

#[test]
fn a_backup_cannot_wait_for_a_trigger() {
    let how = CrashSettings { silent: false, keeps: CrashKeeps::Backup { taken: at(10) } };
    let what = on(nodes(&[1]), NodeEffect::Crash(how));
    let sign = crate::host::Sign::Acknowledgement;
    let start = Start::When(crate::fault::Trigger { sign, of: None, times: 1, until: at(100) });
    let plan = Plan { faults: vec![Fault { start, ..fault("f", what, 0, None) }] };
    let error = Injector::new(plan, 1, &cluster(1, false, IDLE)).expect_err("a bad plan").to_string();
    assert!(error.contains("a trigger may come before it"), "{error}");
}

#[test]
fn a_budget_counts_whom_timetables_and_bugs_take_out() {
    let bug = PlantedPanic { on: PanicOn::Timer, nth: 2, times: 2, after: ms(20) };
    let loops = || staged(replicas(Which::All), Program::CrashLoop { how: DIES, up: mean(20), down: mean(9) });
    let targets = |keep, first: Effect, second: Effect| {
        let faults = [("a", first, 100), ("b", second, 110)];
        let faults = faults.map(|(id, what, at)| Fault { keep, ..fault(id, what, at, Some(100)) });
        let plan = Plan { faults: faults.into() };
        let (simulation, injector) = carried_out(cluster(1, false, BUSIER), plan, 1);
        injector.report(&simulation).iter().map(|report| report.targets.len()).collect::<Vec<_>>()
    };
    let panics = |nodes| on(nodes, NodeEffect::Panic(bug));
    let pause = || on(replicas(Which::All), NodeEffect::Pause);
    assert_eq!(targets(None, loops(), pause()), [5, 5]);
    for first in [loops(), panics(replicas(Which::All))] {
        // Who is out already may be taken by another fault as well.
        assert_eq!(targets(Some(crate::fault::Keep::Majority), first, pause()), [2, 2]);
    }
    assert_eq!(targets(Some(crate::fault::Keep::Replicas(2)), panics(nodes(&[1])), loops()), [1, 3]);
    let explicit =
        Stages::Explicit((0..5).map(|node| Stage { node: NodeId(node), from: ms(1), until: ms(9) }).collect());
    let listed = Effect::Staged { stages: explicit, program: Program::Pauses { gap: mean(1), length: mean(1) } };
    assert_eq!(targets(Some(crate::fault::Keep::Majority), listed, pause()), [2, 2]);
}

fn any_keeps() -> impl Strategy<Value = CrashKeeps> + Clone {
    prop_oneof![Just(CrashKeeps::Everything), Just(CrashKeeps::Wiped), Just(CrashKeeps::Independent)]
}

fn any_disk_fault() -> impl Strategy<Value = DiskFault> {
    (0..=WHOLE, any::<bool>(), 0usize..7).prop_map(|(ppb, drops, which)| match which {
        0 => DiskFault::BitRot { ppb },
        1 => DiskFault::Misdirection { ppb },
        2 => DiskFault::Errors { of: if drops { DiskAccess::Both } else { DiskAccess::Writes }, ppb },
        3 => DiskFault::FailedSync { ppb, drops },
        4 => DiskFault::Full,
        5 => DiskFault::Slow { factor_ppb: WHOLE + 10 * ppb },
        _ => DiskFault::Stall,
    })
}

fn any_new_effect() -> impl Strategy<Value = Effect> {
    let how = (any::<bool>(), any_keeps()).prop_map(|(silent, keeps)| CrashSettings { silent, keeps });
    let panics = (prop_oneof![Just(PanicOn::Anything), Just(PanicOn::Start), Just(PanicOn::Message)], 1u32..9);
    let on_nodes = prop_oneof![
        how.clone().prop_map(NodeEffect::Crash),
        any_disk_fault().prop_map(NodeEffect::Disk),
        (1u64..30, 1u64..9).prop_map(|(cpu, disk)| NodeEffect::Slow {
            cpu_ppb: cpu * WHOLE,
            disk_ppb: disk * WHOLE,
            network_ppb: disk * WHOLE
        }),
        (0u64..9).prop_map(|bound| NodeEffect::ClockBound { bound: ms(bound) }),
        (panics, 1u32..4, 0u64..40).prop_map(|((on, nth), times, after)| {
            NodeEffect::Panic(PlantedPanic { on, nth, times, after: ms(after) })
        }),
        (0u64..400, 0u64..40)
            .prop_map(|(bytes, after)| { NodeEffect::MemoryLimit(MemoryLimit { bytes, after: ms(after) }) }),
        (1u32..3).prop_map(|settings| NodeEffect::Settings { settings }),
    ];
    let programs = prop_oneof![
        (1u64..40, 1u64..40).prop_map(|(gap, length)| Program::Pauses { gap: mean(gap), length: mean(length) }),
        (how.clone(), 1u64..40, 1u64..40).prop_map(|(how, up, down)| Program::CrashLoop {
            how,
            up: mean(up),
            down: mean(down)
        }),
        (how.clone(), 0u64..30, 0u64..30).prop_map(|(how, down, gap)| Program::RollingRestart {
            how,
            down: ms(down),
            gap: ms(gap)
        }),
        (how, 0..=WHOLE, 0u64..60).prop_map(|(how, likelihood_ppb, within)| {
            Program::CorrelatedCrash { how, likelihood_ppb, within: ms(within) }
        }),
        (-9_000_000i64..9_000_000, 1u64..20)
            .prop_map(|(nanos, period)| Program::ClockStrobe { nanos, period: ms(period) }),
    ];
    prop_oneof![
        2 => (any_selector(), on_nodes).prop_map(|(whom, what)| on(whom, what)),
        1 => (any_selector(), programs).prop_map(|(whom, program)| staged(whom, program)),
        1 => any_effect(),
    ]
}

/// Few instants, so that faults meet.
fn any_new_plan() -> impl Strategy<Value = Plan> {
    prop::collection::vec((any_new_effect(), 0u64..12, 1u64..6), 0..7).prop_map(|drawn| {
        let numbered = drawn.into_iter().zip(1u32..).map(|((what, start, lasts), number)| {
            let lasts = (!what.ends_by_itself()).then_some(lasts * 30);
            let start = if matches!(what, Effect::Links(LinkEffect::Message(_))) { 0 } else { start * 30 };
            fault(&format!("f{number}"), what, start, lasts)
        });
        Plan { faults: numbered.collect() }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_reused_or_cloned_simulation_plays_the_same_notes(plan in any_new_plan(), seed: u64, other: u64, half in 0u64..400) {
        let (fresh, injector) = carried_out(cluster(seed, false, BUSIER), plan.clone(), seed);
        let (mut used, _) = carried_out(cluster(other, false, BUSIER), plan.clone(), other);
        used.reset(seed);
        let (reused, _) = carried_out(used, plan.clone(), seed);
        prop_assert_eq!(digest(&reused), digest(&fresh));

        let mut original = cluster(seed, false, BUSIER);
        let mut its_injector = prepare(&mut original, plan, seed);
        go_on(&mut original, &mut its_injector, Some(at(half)));
        let (mut copy, mut copied_injector) = (original.clone(), its_injector.clone());
        go_on(&mut original, &mut its_injector, None);
        go_on(&mut copy, &mut copied_injector, None);
        prop_assert_eq!(digest(&copy), digest(&original));
        prop_assert_eq!(copied_injector.report(&copy), injector.report(&fresh));
    }

    #[test]
    fn the_resolved_plan_replays_to_the_same_run(plan in any_new_plan(), seed: u64) {
        let (run, injector) = carried_out(cluster(seed, false, BUSIER), plan, seed);
        let resolved = injector.resolved();
        let (replay, replayed) = carried_out(cluster(seed, false, BUSIER), resolved.clone(), !seed);
        prop_assert_eq!(digest(&replay), digest(&run));
        prop_assert_eq!(replayed.report(&replay), injector.report(&run));
        prop_assert_eq!(replayed.resolved(), resolved);
    }

    #[test]
    fn after_healing_everyone_is_back(plan in any_new_plan(), seed: u64, when in 0u64..400) {
        let mut simulation = cluster(seed, false, BUSIER);
        let mut injector = prepare(&mut simulation, plan, seed);
        go_on(&mut simulation, &mut injector, Some(at(when)));
        injector.heal_all(&mut simulation);
        go_on(&mut simulation, &mut injector, None);
        for node in simulation.nodes() {
            prop_assert!(simulation.is_ready(node));
            prop_assert_eq!(simulation.reachable(node).len(), 8);
        }
    }
}

/// However short its turns and however long it is said to last, a timetable ends with the run and has a bounded number of turns.
#[test]
fn timetables_are_bounded() {
    let turns = |lasts: u64, horizon: u64| {
        let mut simulation = cluster(1, false, IDLE);
        let strobe = Program::ClockStrobe { nanos: 1, period: Span::from_nanos(1) };
        let plan = Plan { faults: vec![fault("f", staged(nodes(&[1]), strobe), 10, Some(lasts))] };
        let mut injector = Injector::new(plan, 1, &simulation).expect("a good plan").up_to(at(horizon));
        injector.schedule(&mut simulation);
        go_on(&mut simulation, &mut injector, Some(at(20)));
        let Effect::Staged { stages: Stages::Explicit(stages), .. } = &injector.resolved().faults[0].what else {
            panic!("it has started");
        };
        stages.len() as u64
    };
    assert_eq!(turns(100, 1_000), 1_000, "a turn every 100 us");
    assert_eq!(turns(1_000_000, 110), 1_000, "no turn after the run");
    assert_eq!(turns(1_000_000, 10_000_000), MOST_TURNS, "not ten million");
}
