//! Whole plans, carried out on a small cluster that uses everything a fault can touch.

mod links;
mod nodes;
mod triggers;

use proptest::prelude::*;

use super::*;
use crate::host::tests::{Heard, Play, Word, actors, ms};
use crate::host::{
    Builder, CrashKeeps, CrashSettings, CutAt, DiskOperation, Drift, End, HostSettings, Key, Link, NodeId, Reply,
    Request, Simulation, Step, Value, WALL_EPOCH_NANOS, ZoneId, class,
};
use crate::kernel::{Draw, Sampler, Span, Time};

/// Node 0 leads. Every 10 ms each node works, sends to the others, reads its clocks, writes; forty times.
const BUSY: Play = |rounds, heard, cx| match heard {
    Heard::Start => {
        cx.ready();
        if cx.me() == NodeId(0) {
            cx.role("leader", 1);
        }
        cx.set_timer(0, ms(10));
        cx.set_wall_timer(1, WALL_EPOCH_NANOS + ms(250).as_nanos());
    }
    Heard::Timer(0) => {
        rounds.push(1);
        let word = cx.random().below(1 << 20) as u32;
        cx.others().for_each(|to| cx.send(to, Word(word)));
        cx.disk(DiskOperation::Append { file: "log".into(), data: word.to_le_bytes().to_vec() });
        if cx.wall_now().nanos % 3 == 0 {
            cx.disk(DiskOperation::Sync { file: "log".into() });
        }
        cx.work(Span::from_micros(300));
        if rounds.len() < 40 {
            cx.set_timer(0, ms(10));
        }
    }
    Heard::Request(id) => cx.reply(id, Reply::Ok(Value::Int(rounds.len() as i64))),
    _ => {}
};

const IDLE: Play = |_, _, _| {};

/// Five nodes "n", two nodes "m", and a client (number 7).
fn cluster(seed: u64, shuffled: bool, play: Play) -> Simulation {
    let mut builder = Builder::new(seed);
    let latency = Sampler::uniform(Span::from_micros(200), ms(4)).expect("in order");
    builder.links(Link { latency, loss_ppb: 10_000_000, duplication_ppb: 10_000_000, ..Link::default() });
    builder.keep_trace();
    if shuffled {
        builder.shuffle_ties();
    }
    actors(&mut builder, "n", 5, &HostSettings::default(), play);
    actors(&mut builder, "m", 2, &HostSettings::default(), play);
    builder.client("client", ZoneId(0));
    builder.finish().expect("names are unique")
}

const CLIENT: NodeId = NodeId(7);

/// Asks for the client's tokens and the faults'.
fn prepare(simulation: &mut Simulation, plan: Plan, seed: u64) -> Injector {
    let mut injector = Injector::new(plan, seed, simulation).expect("a good plan");
    for call in 0..50 {
        simulation.tell_at(at(5 + 10 * call), class::CLIENT, call);
    }
    injector.schedule(simulation);
    injector
}

/// Goes on until all is quiet, or to an instant.
fn go_on(simulation: &mut Simulation, injector: &mut Injector, until: Option<Time>) {
    if let Some(until) = until {
        simulation.tell_at(until, class::CHECK, 0);
    }
    loop {
        match simulation.run() {
            Step::Ran | Step::Turned { .. } | Step::Answer { .. } => {}
            Step::Token { class: class::CHECK, .. } => return,
            Step::Token { class: class::CLIENT, token } => {
                let to = NodeId((token % 7) as u32);
                simulation.call(CLIENT, to, Request::Read { key: Key(token) }, ms(40), token);
            }
            Step::Token { class, .. } => injector.token(simulation, class),
            Step::Ended(end) => {
                assert_eq!(end, End::Quiet);
                assert!(simulation.census().balances());
                return;
            }
        }
    }
}

fn carried_out(mut simulation: Simulation, plan: Plan, seed: u64) -> (Simulation, Injector) {
    let mut injector = prepare(&mut simulation, plan, seed);
    go_on(&mut simulation, &mut injector, None);
    (simulation, injector)
}

fn digest(simulation: &Simulation) -> (u64, u64) {
    (simulation.trace().digest().value(), simulation.final_state())
}

fn at(milliseconds: u64) -> Time {
    Time::ZERO + ms(milliseconds)
}

fn replicas(which: Which) -> Selector {
    Selector::Replicas { of: "n".into(), which }
}

fn nodes(nodes: &[u32]) -> Selector {
    Selector::Nodes(nodes.iter().copied().map(NodeId).collect())
}

fn fault(id: &str, what: Effect, from: u64, lasts: Option<u64>) -> Fault {
    Fault::new(id.into(), what, at(from), lasts.map(ms))
}

fn on(whom: Selector, what: NodeEffect) -> Effect {
    Effect::Nodes { whom, what }
}

fn groups(groups: Vec<Group>) -> Effect {
    Effect::Partition { shape: Shape::Groups(groups), cut_at: CutAt::SendAndArrival }
}

const DIES: CrashSettings = CrashSettings { silent: false, keeps: CrashKeeps::Independent };

fn drift(ppb: i64) -> Drift {
    Drift::from_ppb(ppb).expect("in range")
}

/// One fault of every family, all of them upon node 1.
fn families() -> Vec<Fault> {
    let target = || nodes(&[1]);
    let one_way = Shape::OneWay { from: Group::Of(target()), to: Group::Rest };
    let mut families = vec![
        fault("cut", groups(vec![Group::Of(target()), Group::Rest]), 100, Some(100)),
        fault("one-way", Effect::Partition { shape: one_way, cut_at: CutAt::Send }, 100, Some(100)),
        fault("client-cut", groups(vec![Group::Of(target()), Group::Of(nodes(&[7]))]), 0, None),
        fault("crash", on(target(), NodeEffect::Crash(DIES)), 100, Some(100)),
        fault("silent", on(target(), NodeEffect::Crash(CrashSettings { silent: true, ..DIES })), 100, None),
        fault("restart", on(target(), NodeEffect::Restart { how: DIES, after: Span::ZERO }), 100, None),
        fault("pause", on(target(), NodeEffect::Pause), 100, Some(100)),
        fault("offset", on(target(), NodeEffect::ClockOffset { nanos: -100_000_000 }), 100, Some(200)),
        fault("drift", on(target(), NodeEffect::ClockDrift(drift(100_000))), 100, Some(100)),
        fault("step", on(target(), NodeEffect::ClockStep { nanos: 50_000_000 }), 100, None),
    ];
    families.extend(links::families());
    families
}

/// What became of everything but the faults: every record of a delivery, a timer or an end of work.
fn outcome(simulation: &Simulation) -> Vec<crate::kernel::Fact> {
    use crate::host::Tag;
    let tells =
        |tag: u8| [Tag::Deliver, Tag::Timer, Tag::WorkDone, Tag::Answer].iter().any(|&told| told as u8 == tag);
    simulation.trace().records().iter().map(|record| record.fact).filter(|fact| tells(fact.tag)).collect()
}

#[test]
fn every_family_makes_a_difference_and_says_so() {
    let (without, _) = carried_out(cluster(1, false, BUSY), Plan::default(), 1);
    for fault in families() {
        let plan = Plan { faults: vec![fault.clone()] };
        let (simulation, injector) = carried_out(cluster(1, false, BUSY), plan, 1);
        let [report] = &injector.report(&simulation)[..] else { panic!("one fault") };
        assert_eq!((report.id.as_str(), report.kind), (fault.id.as_str(), fault.what.kind()));
        assert!(report.started && report.touched > 0, "{report:?}");
        assert_eq!((report.start, report.end), (fault.start.instant(), fault.end()));
        assert!(report.targets.contains(&NodeId(1)));
        assert_ne!(outcome(&simulation), outcome(&without), "{}", fault.id);
    }
}

#[test]
fn a_fault_that_nothing_meets_touches_nothing() {
    for fault in families() {
        let is_crash = fault.what.kind() == "crash" || fault.what.kind() == "restart";
        let mut simulation = cluster(1, false, IDLE);
        let mut injector = Injector::new(Plan { faults: vec![fault.clone()] }, 1, &simulation).expect("a good plan");
        injector.schedule(&mut simulation);
        go_on(&mut simulation, &mut injector, None);
        let report = &injector.report(&simulation)[0];
        assert!(report.started);
        assert_eq!(report.touched, u64::from(is_crash), "{}: a running process is something", fault.id);
    }
    let down = || on(nodes(&[1]), NodeEffect::Crash(DIES));
    let faults = vec![fault("a", down(), 10, Some(100)), fault("b", down(), 20, Some(30))];
    let (simulation, injector) = carried_out(cluster(1, false, IDLE), Plan { faults }, 1);
    assert_eq!(injector.report(&simulation)[1].touched, 0, "it was down already");
}

/// Who was on which side, or who was hit, by the report and the resolved plan.
fn hit(what: Effect, seed: u64) -> (Vec<u32>, Effect) {
    let plan = Plan { faults: vec![fault("f", what, 50, None)] };
    let (simulation, injector) = carried_out(cluster(1, false, BUSY), plan, seed);
    let targets = injector.report(&simulation)[0].targets.iter().map(|node| node.0).collect();
    (targets, injector.resolved().faults.remove(0).what)
}

#[test]
fn selectors_are_resolved_and_reported() {
    let check = |whom: Selector, expected: &[u32]| {
        let (targets, resolved) = hit(on(whom, NodeEffect::Crash(DIES)), 1);
        assert_eq!(targets, expected);
        assert_eq!(resolved, on(nodes(expected), NodeEffect::Crash(DIES)));
    };
    check(replicas(Which::All), &[0, 1, 2, 3, 4]);
    check(replicas(Which::Leader), &[0]);
    check(replicas(Which::Followers), &[1, 2, 3, 4]);
    check(Selector::Replicas { of: "m".into(), which: Which::Leader }, &[]);
    check(nodes(&[3, 1, 3]), &[1, 3]);
    // Clients can crash, and have no disk that could be full.
    check(nodes(&[6, 7]), &[6, 7]);
    assert_eq!(hit(on(nodes(&[6, 7]), NodeEffect::Disk(crate::host::DiskFault::Full)), 1).0, [6]);
    let chosen: std::collections::BTreeSet<_> =
        (0..40).map(|seed| hit(on(replicas(Which::One), NodeEffect::Pause), seed).0).collect();
    assert_eq!(chosen.len(), 5, "every replica is chosen under some seed");
}

#[test]
fn the_rest_is_the_rest_of_the_services_that_are_named() {
    let of = |selector| Group::Of(selector);
    let check = |sides: Vec<Group>, expected: &[&[u32]]| {
        let (_, resolved) = hit(groups(sides), 1);
        assert_eq!(resolved, groups(expected.iter().map(|side| Group::Of(nodes(side))).collect()));
    };
    check(vec![of(nodes(&[0, 1])), Group::Rest], &[&[0, 1], &[2, 3, 4]]);
    check(vec![Group::Rest, of(nodes(&[0, 1]))], &[&[2, 3, 4], &[0, 1]]);
    check(vec![of(nodes(&[0])), of(nodes(&[1, 2])), Group::Rest], &[&[0], &[1, 2], &[3, 4]]);
    check(vec![of(nodes(&[0, 5])), Group::Rest], &[&[0, 5], &[1, 2, 3, 4, 6]]);
    check(vec![of(nodes(&[0, 7])), Group::Rest], &[&[0, 7], &[1, 2, 3, 4]]);
    check(vec![of(replicas(Which::Leader)), Group::Rest], &[&[0], &[1, 2, 3, 4]]);
    // The first group that chooses a node keeps it.
    check(vec![of(replicas(Which::Leader)), of(replicas(Which::All))], &[&[0], &[1, 2, 3, 4]]);
    // Nobody leads "m": nobody is cut off from the rest of it.
    let nobody = Selector::Replicas { of: "m".into(), which: Which::Leader };
    check(vec![of(nobody), Group::Rest], &[&[], &[5, 6]]);
}

#[test]
fn at_one_instant_faults_end_before_others_start_and_go_by_id() {
    use crate::host::Tag;
    for shuffled in [false, true] {
        let pause = |node| on(nodes(&[node]), NodeEffect::Pause);
        let crash = |node| on(nodes(&[node]), NodeEffect::Crash(DIES));
        let step = on(nodes(&[1]), NodeEffect::ClockStep { nanos: 1 });
        let faults = vec![
            fault("a-step", step, 100, None),
            fault("d", pause(4), 100, Some(10)),
            fault("c", crash(3), 100, Some(10)),
            fault("b", pause(2), 50, Some(50)),
            fault("e", on(nodes(&[0]), NodeEffect::Restart { how: DIES, after: Span::ZERO }), 100, None),
            fault("a", pause(1), 50, Some(50)),
        ];
        let (simulation, _) = carried_out(cluster(1, shuffled, IDLE), Plan { faults }, 1);
        let tags = [Tag::Pause, Tag::Resume, Tag::Crash, Tag::Clock, Tag::Start];
        let told = simulation.trace().records().iter().filter_map(|record| {
            let tag = Tag::from_number(record.fact.tag).filter(|tag| tags.contains(tag))?;
            (record.fact.time == at(100)).then(|| format!("{} {}", tag.name(), record.fact.a))
        });
        let expected = ["resume 1", "resume 2", "crash 3", "pause 4", "crash 0", "clock 1", "start 0"];
        assert_eq!(told.collect::<Vec<_>>(), expected, "shuffled: {shuffled}");
    }
}

#[test]
fn healing_ends_what_is_at_work_and_calls_off_the_rest() {
    let mut faults = families();
    faults.iter_mut().for_each(|fault| {
        fault.start = Start::At(at(100));
        fault.lasts = fault.lasts.and(Some(ms(1_000)));
    });
    faults.push(fault("late", on(nodes(&[0]), NodeEffect::Pause), 300, None));
    let mut simulation = cluster(1, false, BUSY);
    let mut injector = prepare(&mut simulation, Plan { faults }, 1);
    go_on(&mut simulation, &mut injector, Some(at(200)));
    assert!(!simulation.is_up(NodeId(1)));
    injector.heal_all(&mut simulation);
    go_on(&mut simulation, &mut injector, None);
    assert!(simulation.is_up(NodeId(1)) && simulation.is_ready(NodeId(1)));
    assert_eq!(simulation.reachable(NodeId(1)).len(), 8);
    for report in injector.report(&simulation) {
        let ended = match report.id.as_str() {
            "late" => None,
            "restart" | "step" => Some(at(100)),
            _ => Some(at(200)),
        };
        assert_eq!((report.end, report.started), (ended, report.id != "late"), "{}", report.id);
    }
}

#[test]
fn what_cannot_be_carried_out_is_refused() {
    let simulation = cluster(1, false, IDLE);
    let refuse = |faults: Vec<Fault>, expected: &str| {
        let error = Injector::new(Plan { faults }, 1, &simulation).expect_err("a bad plan");
        assert_eq!(error.to_string(), format!("fault \"f\": {expected}"));
    };
    let check = |what: Effect, lasts, expected: &str| refuse(vec![fault("f", what, 1, lasts)], expected);
    let pause = |whom| on(whom, NodeEffect::Pause);
    let split = |sides: &[&[u32]]| groups(sides.iter().map(|side| Group::Of(nodes(side))).collect());
    refuse(
        vec![fault("f", pause(nodes(&[1])), 1, None), fault("f", pause(nodes(&[2])), 2, None)],
        "another fault has this id",
    );
    let stoer = Selector::Replicas { of: "stoer".into(), which: Which::All };
    check(pause(stoer), None, "no service is named \"stoer\"");
    check(pause(nodes(&[8])), None, "there is no node number 8");
    let full = on(nodes(&[7]), NodeEffect::Disk(crate::host::DiskFault::Full));
    check(full, None, "it acts on processes, and clients have none");
    check(pause(replicas(Which::Count(6))), None, "6 replicas are wanted and there are 5");
    check(
        pause(replicas(Which::Share(1_000_000_001))),
        None,
        "a share of 1000000001 parts per billion is more than the whole",
    );
    check(split(&[&[0, 1]]), None, "a partition needs at least two groups");
    check(split(&[&[0, 1], &[2, 1]]), None, "\"n-1\" is in two groups");
    check(groups(vec![Group::Rest, Group::Of(nodes(&[0])), Group::Rest]), None, "only one group can be the rest");
    check(
        groups(vec![Group::Of(nodes(&[7])), Group::Rest]),
        None,
        "the other groups name no service, so there is no rest of one",
    );
    let ends_by_itself = "it ends by itself and cannot be given a length";
    check(on(nodes(&[1]), NodeEffect::ClockStep { nanos: 1 }), Some(1), ends_by_itself);
    check(on(nodes(&[1]), NodeEffect::Restart { how: DIES, after: Span::ZERO }), Some(1), ends_by_itself);
    check(on(nodes(&[1]), NodeEffect::ClockOffset { nanos: i64::MIN }), None, "the offset cannot be taken back");
}

fn any_selector() -> impl Strategy<Value = Selector> {
    let which = prop_oneof![
        Just(Which::All),
        Just(Which::One),
        (0u32..=5).prop_map(Which::Count),
        (0u64..=1_000_000_000).prop_map(Which::Share),
        Just(Which::Leader),
        Just(Which::Followers),
        Just(Which::Minority),
        Just(Which::Majority),
    ];
    prop_oneof![which.prop_map(replicas), (0u32..7).prop_map(|node| nodes(&[node]))]
}

fn any_effect() -> impl Strategy<Value = Effect> {
    let keeps = prop_oneof![Just(CrashKeeps::Nothing), Just(CrashKeeps::Independent)];
    let how = (any::<bool>(), keeps).prop_map(|(silent, keeps)| CrashSettings { silent, keeps });
    let by = -300_000_000i64..300_000_000;
    let on_nodes = prop_oneof![
        how.clone().prop_map(NodeEffect::Crash),
        (how, 0u64..60).prop_map(|(how, after)| NodeEffect::Restart { how, after: ms(after) }),
        Just(NodeEffect::Pause),
        by.clone().prop_map(|nanos| NodeEffect::ClockOffset { nanos }),
        by.clone().prop_map(|ppb| NodeEffect::ClockDrift(drift(ppb))),
        by.prop_map(|nanos| NodeEffect::ClockStep { nanos }),
    ];
    let cut_at = prop_oneof![Just(CutAt::SendAndArrival), Just(CutAt::Send)];
    let cut = (any_selector(), any::<bool>(), cut_at).prop_map(|(side, one_way, cut_at)| {
        let (from, to) = (Group::Of(side), Group::Rest);
        let shape = if one_way { Shape::OneWay { from, to } } else { Shape::Groups(vec![from, to]) };
        Effect::Partition { shape, cut_at }
    });
    let on_nodes = (any_selector(), on_nodes).prop_map(|(whom, what)| on(whom, what));
    prop_oneof![2 => cut, 5 => on_nodes, 5 => links::any_effect()]
}

/// Few instants, so that faults meet.
fn any_plan() -> impl Strategy<Value = Plan> {
    let one = (any_effect(), 0u64..12, prop::option::of(0u64..6));
    prop::collection::vec(one, 0..7).prop_map(|drawn| {
        let numbered = drawn.into_iter().zip(1u32..).map(|((what, start, lasts), number)| {
            let needs_length = matches!(&what, Effect::Links(effect) if effect.goes_by_steps());
            let lasts =
                lasts.or(needs_length.then_some(4)).filter(|_| !what.ends_by_itself()).map(|lasts| lasts * 30);
            let start = if what.is_one_message() { 0 } else { start * 30 };
            fault(&format!("f{number}"), what, start, lasts)
        });
        Plan { faults: numbered.collect() }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_reused_or_cloned_simulation_plays_the_same_notes(
        plan in any_plan(), seed: u64, other: u64, shuffled: bool, half in 0u64..400,
    ) {
        let (fresh, injector) = carried_out(cluster(seed, shuffled, BUSY), plan.clone(), seed);
        let (mut used, _) = carried_out(cluster(other, shuffled, BUSY), plan.clone(), other);
        used.reset(seed);
        let (reused, _) = carried_out(used, plan.clone(), seed);
        prop_assert_eq!(digest(&reused), digest(&fresh));

        let mut original = cluster(seed, shuffled, BUSY);
        let mut its_injector = prepare(&mut original, plan, seed);
        go_on(&mut original, &mut its_injector, Some(at(half)));
        let (mut copy, mut copied_injector) = (original.clone(), its_injector.clone());
        go_on(&mut original, &mut its_injector, None);
        go_on(&mut copy, &mut copied_injector, None);
        prop_assert_eq!(digest(&copy), digest(&original));
        prop_assert_eq!(copied_injector.report(&copy), injector.report(&fresh));
    }

    #[test]
    fn the_resolved_plan_replays_to_the_same_run(plan in any_plan(), seed: u64) {
        let (run, injector) = carried_out(cluster(seed, false, BUSY), plan, seed);
        let resolved = injector.resolved();
        let (replay, replayed) = carried_out(cluster(seed, false, BUSY), resolved.clone(), !seed);
        prop_assert_eq!(digest(&replay), digest(&run));
        prop_assert_eq!(replayed.report(&replay), injector.report(&run));
        prop_assert_eq!(replayed.resolved(), resolved);
    }

    #[test]
    fn removing_a_fault_changes_nothing_before_its_start(plan in any_plan(), which: prop::sample::Index, seed: u64, shuffled: bool) {
        prop_assume!(!plan.faults.is_empty());
        let mut fewer = plan.clone();
        let removed = fewer.faults.remove(which.index(plan.faults.len()));
        let before = |simulation: &Simulation| {
            let facts = simulation.trace().records().iter().map(|record| record.fact);
            facts.take_while(|fact| Some(fact.time) < removed.start.instant()).collect::<Vec<_>>()
        };
        let (with, _) = carried_out(cluster(seed, shuffled, BUSY), plan, seed);
        let (without, _) = carried_out(cluster(seed, shuffled, BUSY), fewer, seed);
        prop_assert_eq!(before(&without), before(&with));
    }

    #[test]
    fn after_healing_everyone_is_back(plan in any_plan(), seed: u64, when in 0u64..400) {
        let mut simulation = cluster(seed, false, BUSY);
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
