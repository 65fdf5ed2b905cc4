//! Faults of links in whole plans.

use std::collections::BTreeSet;

use super::*;
use crate::host::{BurstLoss, ConnectionFault, Cut, FaultId, LinkFault, MessageDeed, MessageFault, NodeSet};

const HALF: u64 = 500_000_000;

fn disturb(links: LinkSelector, what: LinkFault) -> Effect {
    Effect::Links(LinkEffect::Disturb { links, what })
}

/// Every way to disturb links all the time.
fn disturbances() -> Vec<(&'static str, LinkFault)> {
    let after = Sampler::exponential(ms(30), Span::ZERO).expect("a mean");
    let burst = BurstLoss { starts: HALF / 5, ends: HALF / 2, within: 2 * HALF, between: HALF / 50 };
    vec![
        ("clog", LinkFault::Clog),
        ("loss", LinkFault::Loss { ppb: HALF }),
        ("burst", LinkFault::BurstLoss(burst)),
        ("duplication", LinkFault::Duplication { ppb: HALF, after: after.clone() }),
        ("reordering", LinkFault::Reordering { ppb: HALF, within: ms(9) }),
        ("found", LinkFault::Corruption { ppb: HALF, checksums: true }),
        ("unseen", LinkFault::Corruption { ppb: HALF, checksums: false }),
        ("latency", LinkFault::Latency { ppb: HALF, factor_ppb: 5 * HALF, add: after }),
        ("bandwidth", LinkFault::Bandwidth { rate: 100_000_000, queue: ms(20) }),
        ("refuse", LinkFault::Connections { ppb: 2 * HALF, how: ConnectionFault::Refuse }),
        ("reset", LinkFault::Connections { ppb: 2 * HALF, how: ConnectionFault::Reset }),
        ("half-open", LinkFault::Connections { ppb: 2 * HALF, how: ConnectionFault::HalfOpen }),
    ]
}

fn flap(links: LinkSelector) -> Effect {
    Effect::Links(LinkEffect::Flap { links, down: ms(25), up: ms(15) })
}

fn swizzle(among: Selector) -> Effect {
    Effect::Links(LinkEffect::SwizzleClog(Swizzle::Among(among)))
}

fn links(shape: LinkSelector) -> Effect {
    Effect::Partition { shape: Shape::Links(shape), cut_at: CutAt::SendAndArrival }
}

fn drawn(pattern: Pattern) -> Effect {
    Effect::Partition { shape: Shape::Drawn { of: "n".into(), pattern }, cut_at: CutAt::SendAndArrival }
}

const PATTERNS: [Pattern; 6] = [
    Pattern::Halves,
    Pattern::SplitOne,
    Pattern::Majority,
    Pattern::Groups(3),
    Pattern::Bridge,
    Pattern::MajoritiesRing,
];

/// One fault of every family of links, all of them upon node 1.
pub(super) fn families() -> Vec<Fault> {
    let of = || LinkSelector::Of(nodes(&[1]));
    let disturbances = disturbances().into_iter().map(|(id, what)| fault(id, disturb(of(), what), 100, Some(100)));
    let stepwise = [
        fault("flapping", flap(of()), 100, Some(100)),
        fault("swizzle", swizzle(nodes(&[1])), 100, Some(100)),
        fault("links", links(of()), 100, Some(100)),
        fault("ring", drawn(Pattern::MajoritiesRing), 100, Some(100)),
    ];
    disturbances.chain(stepwise).collect()
}

/// Any effect on links.
pub(super) fn any_effect() -> BoxedStrategy<Effect> {
    let any_selector = || any_selector().boxed();
    let links_of = prop_oneof![
        Just(LinkSelector::All),
        (any_selector(), any_selector()).prop_map(|(from, to)| LinkSelector::Pairs(vec![(from, to)])),
        (any_selector(), any_selector()).prop_map(|(one, other)| LinkSelector::Between(one, other)),
        any_selector().prop_map(LinkSelector::Among),
        any_selector().prop_map(LinkSelector::Of),
    ]
    .boxed();
    let what = prop::sample::select(disturbances());
    let deed = prop_oneof![
        Just(MessageDeed::Drop),
        (0u64..50).prop_map(|by| MessageDeed::Delay(ms(by))),
        (0u64..50).prop_map(|by| MessageDeed::Duplicate(ms(by))),
    ];
    let message = (0u32..5, 1u32..5, 1u64..40, deed).prop_map(|(from, step, nth, deed)| {
        let (from, to) = (NodeId(from), NodeId((from + step) % 5));
        Effect::Links(LinkEffect::Message(MessageFault { from, to, kind: None, nth, deed }))
    });
    prop_oneof![
        4 => (links_of.clone(), what).prop_map(|(links, (_, what))| disturb(links, what)),
        1 => links_of.clone().prop_map(flap),
        1 => any_selector().prop_map(swizzle),
        1 => links_of.prop_map(links),
        1 => prop::sample::select(&PATTERNS[..]).prop_map(drawn),
        1 => message,
    ]
    .boxed()
}

/// The groups of a cut of the five replicas by a pattern.
fn cut(pattern: Pattern, seed: u64) -> Cut {
    let (_, resolved) = hit(drawn(pattern), seed);
    let Effect::Partition { shape, .. } = resolved else { panic!("a partition") };
    let set = |selector: &Selector| match selector {
        Selector::Nodes(nodes) => nodes.iter().copied().collect::<NodeSet>(),
        Selector::Replicas { .. } => panic!("not resolved"),
    };
    match shape {
        Shape::Groups(groups) => Cut::Groups(
            groups
                .iter()
                .map(|group| match group {
                    Group::Of(selector) => set(selector),
                    Group::Rest => panic!("not resolved"),
                })
                .collect(),
        ),
        Shape::Links(LinkSelector::Pairs(pairs)) => {
            Cut::Links(crate::host::Links(pairs.iter().map(|(from, to)| (set(from), set(to))).collect()))
        }
        shape => panic!("{shape:?} is not resolved"),
    }
}

#[test]
fn patterns_split_as_they_say() {
    let check = |pattern, expected: &[usize]| {
        let mut seen = BTreeSet::new();
        for seed in 0..20 {
            let Cut::Groups(groups) = cut(pattern, seed) else { panic!("groups") };
            let sizes: Vec<_> = groups.iter().map(NodeSet::len).collect();
            assert_eq!(sizes, expected, "{pattern:?}");
            let all: NodeSet = groups.iter().flat_map(NodeSet::iter).collect();
            assert_eq!(all.len(), expected.iter().sum::<usize>(), "no node is in two groups");
            seen.insert(format!("{groups:?}"));
        }
        assert!(seen.len() > 3, "{pattern:?} is drawn");
    };
    check(Pattern::Halves, &[2, 3]);
    check(Pattern::SplitOne, &[1, 4]);
    check(Pattern::Majority, &[3, 2]);
    check(Pattern::Groups(2), &[3, 2]);
    check(Pattern::Groups(3), &[2, 2, 1]);
    check(Pattern::Groups(5), &[1; 5]);
    // The fifth is the bridge, and is in no group.
    check(Pattern::Bridge, &[2, 2]);
}

#[test]
fn in_a_ring_everyone_hears_a_majority_of_its_own() {
    for seed in 0..20 {
        let cut = cut(Pattern::MajoritiesRing, seed);
        let hears = |to: u32| (0..5).filter(|&from| !cut.severs(NodeId(from), NodeId(to))).collect::<Vec<_>>();
        let heard: BTreeSet<_> = (0..5).map(hears).collect();
        assert_eq!(heard.len(), 5, "no two hear the same: {heard:?}");
        assert!(heard.iter().all(|majority| majority.len() == 3), "{heard:?}");
        assert!((0..5).all(|node| hears(node).contains(&node)));
        let client = |node| cut.severs(NodeId(node), CLIENT) || cut.severs(CLIENT, NodeId(node));
        assert!((0..8).all(|node| !client(node)), "clients keep their links");
    }
}

#[test]
fn links_are_selected_as_they_say() {
    let check = |selector: LinkSelector, expected: &[(&[u32], &[u32])]| {
        let (_, resolved) = hit(disturb(selector, LinkFault::Clog), 1);
        let pairs = expected.iter().map(|&(from, to)| (nodes(from), nodes(to)));
        assert_eq!(resolved, disturb(LinkSelector::Pairs(pairs.collect()), LinkFault::Clog));
    };
    let all: &[u32] = &[0, 1, 2, 3, 4, 5, 6, 7];
    let leader = || replicas(Which::Leader);
    check(LinkSelector::All, &[(all, all)]);
    check(LinkSelector::Pairs(vec![(leader(), nodes(&[3, 7]))]), &[(&[0], &[3, 7])]);
    check(LinkSelector::Between(leader(), nodes(&[3, 7])), &[(&[0], &[3, 7]), (&[3, 7], &[0])]);
    check(LinkSelector::Among(replicas(Which::Followers)), &[(&[1, 2, 3, 4], &[1, 2, 3, 4])]);
    check(LinkSelector::Of(leader()), &[(&[0], all), (all, &[0])]);
}

#[test]
fn a_swizzle_clogs_one_by_one_and_lets_go_in_another_order() {
    let (mut sizes, mut shuffled) = (BTreeSet::new(), 0);
    for seed in 0..40 {
        let plan = Plan { faults: vec![fault("f", swizzle(replicas(Which::All)), 100, Some(200))] };
        let (simulation, injector) = carried_out(cluster(1, false, BUSY), plan, seed);
        let Effect::Links(LinkEffect::SwizzleClog(Swizzle::Explicit(mut steps))) =
            injector.resolved().faults.remove(0).what
        else {
            panic!("not resolved")
        };
        assert!(steps.iter().all(|step| step.from <= ms(100) && step.until >= ms(100) && step.until <= ms(200)));
        assert!(simulation.touched(FaultId(crate::kernel::stable_hash_str("f"))) > 0);
        steps.sort_by_key(|step| step.from);
        shuffled += u32::from(!steps.is_sorted_by_key(|step| step.until));
        sizes.insert(steps.len());
    }
    assert!(!sizes.contains(&0) && sizes.len() == 5, "{sizes:?}");
    assert!(shuffled > 10, "{shuffled}");
}

#[test]
fn flapping_links_are_cut_and_healed_in_turns() {
    let plan = Plan { faults: vec![fault("f", flap(LinkSelector::Of(nodes(&[1]))), 100, Some(100))] };
    let (simulation, _) = carried_out(cluster(1, false, BUSY), plan, 1);
    let told = simulation.trace().records().iter().filter_map(|record| {
        let tag = crate::host::Tag::from_number(record.fact.tag)?;
        matches!(tag.name(), "cut" | "heal").then(|| format!("{} {}", record.fact.time, tag.name()))
    });
    let expected = ["100ms cut", "125ms heal", "140ms cut", "165ms heal", "180ms cut", "200ms heal"];
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

#[test]
fn a_single_message_starts_and_ends_its_fault() {
    let what = MessageFault { from: NodeId(0), to: NodeId(1), kind: None, nth: 12, deed: MessageDeed::Drop };
    let at_once = |what: &MessageFault| {
        let what = Effect::Links(LinkEffect::Message(what.clone()));
        Plan { faults: vec![fault("f", what, 0, None)] }
    };
    let (plain, _) = carried_out(cluster(1, false, BUSY), Plan::default(), 1);
    let (simulation, injector) = carried_out(cluster(1, false, BUSY), at_once(&what), 1);
    let report = injector.report(&simulation).remove(0);
    assert_eq!((report.touched, report.started, report.targets.len()), (1, true, 2));
    assert_eq!(report.end, report.start);
    assert_eq!(simulation.census().dropped["loss"], plain.census().dropped["loss"] + 1);
    // Until then nothing differs, not even a token.
    let before = |simulation: &Simulation| {
        let facts = simulation.trace().records().iter().map(|record| record.fact);
        facts.take_while(|fact| Some(fact.time) < report.start).collect::<Vec<_>>()
    };
    assert!(report.start > Some(at(100)));
    assert_eq!(before(&simulation), before(&plain));
    let missed = at_once(&MessageFault { nth: 1_000, ..what });
    let (simulation, injector) = carried_out(cluster(1, false, BUSY), missed, 1);
    let report = injector.report(&simulation).remove(0);
    assert_eq!((report.touched, report.started, report.end), (0, false, None));
    assert_eq!(simulation.trace().digest().value(), plain.trace().digest().value());
}

#[test]
fn what_cannot_be_done_to_links_is_refused() {
    let simulation = cluster(1, false, IDLE);
    let check = |what: Effect, lasts, expected: &str| {
        let at = u64::from(what.kind() != "message");
        let plan = Plan { faults: vec![fault("f", what, at, lasts)] };
        let error = Injector::new(plan, 1, &simulation).expect_err("a bad plan");
        assert_eq!(error.to_string(), format!("fault \"f\": {expected}"));
    };
    let all = |what| disturb(LinkSelector::All, what);
    let above = "a share of 1000000001 parts per billion is more than the whole";
    check(all(LinkFault::Loss { ppb: 2 * HALF + 1 }), None, above);
    let nothing = LinkFault::Bandwidth { rate: 0, queue: Span::ZERO };
    check(all(nothing), None, "a bandwidth of nothing carries nothing; cut the links instead");
    let reordering = LinkFault::Reordering { ppb: HALF, within: Span::ZERO };
    check(all(reordering), None, "\"within\" must be more than no time");
    let stoer = Selector::Replicas { of: "stoer".into(), which: Which::All };
    check(disturb(LinkSelector::Of(stoer), LinkFault::Clog), None, "no service is named \"stoer\"");
    check(links(LinkSelector::Among(nodes(&[9]))), None, "there is no node number 9");
    check(drawn(Pattern::Groups(6)), None, "6 replicas are wanted and there are 5");
    check(drawn(Pattern::Groups(1)), None, "a partition needs at least two groups");
    check(flap(LinkSelector::All), None, "it takes its steps over its length, and none is given");
    check(swizzle(replicas(Which::All)), None, "it takes its steps over its length, and none is given");
    let still = LinkEffect::Flap { links: LinkSelector::All, down: ms(1), up: Span::ZERO };
    check(Effect::Links(still), Some(1), "\"up\" must be more than no time");
    let message = |from, to, nth| {
        let deed = MessageDeed::Drop;
        let what = MessageFault { from: NodeId(from), to: NodeId(to), kind: None, nth, deed };
        Effect::Links(LinkEffect::Message(what))
    };
    check(message(0, 1, 0), None, "messages are counted from 1");
    check(message(1, 1, 1), None, "a message of a node to itself crosses no link");
    check(message(0, 9, 1), None, "there is no node number 9");
    check(message(0, 1, 1), Some(1), "it ends by itself and cannot be given a length");
    let late = Plan { faults: vec![fault("f", message(0, 1, 1), 1, None)] };
    let error = Injector::new(late, 1, &simulation).expect_err("a bad plan");
    assert_eq!(error.mistake, PlanMistake::CountsFromStart);
}

/// What shrinking stands on: the messages that a fault loses, lost one by one by their numbers, are the same run.
#[test]
fn a_loss_is_the_loss_of_its_messages() {
    use crate::host::Tag;
    let loss = disturb(LinkSelector::All, LinkFault::Loss { ppb: HALF / 2 });
    let plan = Plan { faults: vec![fault("loss", loss, 100, Some(100))] };
    let (lossy, injector) = carried_out(cluster(1, false, BUSY), plan, 1);
    let lost = |fact: &crate::kernel::Fact| fact.tag == Tag::Drop as u8 && fact.c.is_multiple_of(16);
    let facts = lossy.trace().records().iter().map(|record| record.fact).filter(lost);
    let faults: Vec<_> = facts
        .zip(0..)
        .map(|(fact, number)| {
            let (from, to, nth) = (NodeId(fact.b), NodeId(fact.a), fact.c / 16 / 2 + 1);
            let what = MessageFault { from, to, kind: None, nth, deed: MessageDeed::Drop };
            fault(&format!("m{number}"), Effect::Links(LinkEffect::Message(what)), 0, None)
        })
        .collect();
    assert!(faults.len() as u64 >= injector.report(&lossy)[0].touched && faults.len() > 20);
    let (compiled, its_injector) = carried_out(cluster(1, false, BUSY), Plan { faults }, 1);
    assert_eq!(outcome(&compiled), outcome(&lossy));
    assert_eq!(compiled.final_state(), lossy.final_state());
    assert!(its_injector.report(&compiled).iter().all(|report| report.touched == 1));
}
