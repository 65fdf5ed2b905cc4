//! What faults do to links.

use proptest::prelude::*;

use super::*;
use crate::host::{
    BurstLoss, ConnectionFault, Cut, CutAt, Key, LinkFault, Links, MessageDeed, MessageFault, NodeSet, Value,
};
use crate::kernel::Sampler;

fn set(nodes: &[u32]) -> NodeSet {
    nodes.iter().copied().map(NodeId).collect()
}

fn links(from: &[u32], to: &[u32]) -> Links {
    Links(vec![(set(from), set(to))])
}

const HALF: u64 = 500_000_000;
const WHOLE: u64 = 1_000_000_000;

/// Node 0 sends words 0, 1, 2 ... to node 1 and to node 2, one each millisecond, a thousand times.
const STREAM: Play = |sent, heard, cx| {
    if cx.me() == NodeId(0) && matches!(heard, Heard::Start | Heard::Timer(_)) {
        cx.send(NodeId(1), Word(sent.len() as u32));
        cx.send(NodeId(2), Word(sent.len() as u32));
        sent.push(0);
        if sent.len() < 1_000 {
            cx.set_timer(0, ms(1));
        }
    }
};

fn constant(milliseconds: u64) -> Link {
    Link { latency: Sampler::constant(ms(milliseconds)), ..Link::default() }
}

fn wide() -> Link {
    Link { latency: Sampler::uniform(ms(1), ms(9)).expect("in order"), ..Link::default() }
}

/// The stream while these faults are on the link from 0 to 1, from the start to the end.
fn streamed(link: Link, faults: &[(FaultId, LinkFault)]) -> Simulation {
    let mut simulation = stage_with(3, &HostSettings::default(), link, STREAM);
    let disturb = |s: &mut Simulation| {
        faults.iter().for_each(|(fault, what)| s.disturb(*fault, links(&[0], &[1]), what.clone()));
    };
    run(&mut simulation, &[(0, &disturb)]);
    simulation
}

/// What a node hears: microseconds and word.
fn heard(simulation: &Simulation, node: u32) -> Vec<(u64, u32)> {
    let trace = simulation.trace();
    let delivered = trace.records().iter().filter(|record| record.fact.tag == Tag::Deliver as u8);
    let told = delivered.filter(|record| record.fact.a == node).map(|record| {
        let word = trace.label(record.label).rsplit("Word(").next().and_then(|text| text.strip_suffix(')'));
        (record.fact.time.as_nanos() / 1_000, word.and_then(|word| word.parse().ok()).expect("a word"))
    });
    told.collect()
}

fn words(simulation: &Simulation) -> Vec<u32> {
    heard(simulation, 1).into_iter().map(|(_, word)| word).collect()
}

/// Every fault of messages, at an intensity that shows.
fn each() -> Vec<LinkFault> {
    let within = ms(5);
    vec![
        LinkFault::Clog,
        LinkFault::Loss { ppb: HALF },
        LinkFault::BurstLoss(BurstLoss { starts: HALF / 10, ends: HALF / 5, within: WHOLE, between: 0 }),
        LinkFault::Duplication { ppb: HALF, after: Sampler::constant(ms(30)) },
        LinkFault::Reordering { ppb: HALF, within },
        LinkFault::Corruption { ppb: HALF, checksums: true },
        LinkFault::Corruption { ppb: HALF, checksums: false },
        LinkFault::Latency { ppb: HALF, factor_ppb: 2 * WHOLE, add: Sampler::constant(ms(2)) },
        LinkFault::Bandwidth { rate: 100_000, queue: within },
    ]
}

#[test]
fn a_fault_changes_its_own_links_and_no_other() {
    let plain = streamed(wide(), &[]);
    for what in each() {
        let disturbed = streamed(wide(), &[(FIRST, what.clone())]);
        assert_ne!(heard(&disturbed, 1), heard(&plain, 1), "{what:?}");
        assert_eq!(heard(&disturbed, 2), heard(&plain, 2), "{what:?}");
        assert!(disturbed.touched(FIRST) > 100, "{what:?}");
        assert_eq!(streamed(wide(), &[]).touched(FIRST), 0);
    }
}

#[test]
fn what_a_fault_does_not_touch_meets_its_own_fate() {
    let plain = heard(&streamed(wide(), &[]), 1);
    for what in [LinkFault::Loss { ppb: HALF }, LinkFault::Corruption { ppb: HALF, checksums: true }] {
        let left = heard(&streamed(wide(), &[(FIRST, what)]), 1);
        assert!(left.len() < 600 && left.iter().all(|told| plain.contains(told)));
    }
    let copied = LinkFault::Duplication { ppb: HALF, after: Sampler::constant(ms(30)) };
    let copied = heard(&streamed(wide(), &[(FIRST, copied)]), 1);
    assert!(copied.len() > 1_400 && plain.iter().all(|told| copied.contains(told)));
}

/// Losses draw apart: together they lose what each of them would lose alone, and each is blamed for the first look.
#[test]
fn overlapping_faults_are_independent() {
    let loss = LinkFault::Loss { ppb: HALF };
    let first = words(&streamed(wide(), &[(FIRST, loss.clone())]));
    let second = words(&streamed(wide(), &[(SECOND, loss.clone())]));
    let both = streamed(wide(), &[(FIRST, loss.clone()), (SECOND, loss)]);
    let expected: Vec<_> = first.iter().copied().filter(|word| second.contains(word)).collect();
    assert_eq!(words(&both), expected);
    assert!(expected.len().abs_diff(250) < 70, "{}", expected.len());
    assert_eq!(both.touched(FIRST) as usize, 1_000 - first.len());
    assert_eq!(both.touched(SECOND) as usize, first.len() - expected.len());
}

#[test]
fn a_clog_holds_and_releases_in_the_order_of_sending() {
    let (from, until) = (100, 200);
    let mut simulation = stage_with(3, &HostSettings::default(), wide(), STREAM);
    run(
        &mut simulation,
        &[
            (from, &|s| s.disturb(FIRST, links(&[0], &[1]), LinkFault::Clog)),
            (until, &|s| {
                assert_eq!(s.census().in_flight as usize, s.touched(FIRST) as usize + flying(s));
                s.heal(FIRST);
            }),
        ],
    );
    let told = heard(&simulation, 1);
    assert_eq!(told.len(), 1_000);
    assert!(told.iter().all(|&(at, _)| !(from * 1_000..until * 1_000).contains(&at)));
    let released: Vec<_> = told.iter().filter(|&&(at, _)| at == until * 1_000).map(|&(_, word)| word).collect();
    assert_eq!(released.len() as u64, simulation.touched(FIRST));
    assert!(released.len() > 80 && released.is_sorted(), "{released:?}");
    let plain = words(&streamed(wide(), &[]));
    assert!(!plain[90..200].is_sorted(), "the links themselves reorder");
}

fn flying(simulation: &Simulation) -> usize {
    simulation.core.agenda.iter().filter(|(_, event)| matches!(event, crate::host::event::Event::Arrive(_))).count()
}

#[test]
fn a_second_clog_goes_on_holding_and_a_cut_kills_what_is_released() {
    let clog = |fault| move |s: &mut Simulation| s.disturb(fault, links(&[0], &[1]), LinkFault::Clog);
    let check = |deeds: &[Deed<'_>], expected: (usize, u64, u64)| {
        let mut simulation = stage_with(3, &HostSettings::default(), constant(1), STREAM);
        run(&mut simulation, deeds);
        let told = heard(&simulation, 1).into_iter().filter(|&(at, _)| at < 300_000).count();
        assert_eq!((told, simulation.touched(FIRST), simulation.touched(SECOND)), expected);
    };
    check(&[(100, &clog(FIRST)), (200, &|s| s.heal(FIRST))], (299, 100, 0));
    // The second takes over all that the first one held, and what came since.
    check(
        &[(100, &clog(FIRST)), (150, &clog(SECOND)), (200, &|s| s.heal(FIRST)), (250, &|s| s.heal(SECOND))],
        (299, 100, 150),
    );
    let cut = |s: &mut Simulation| s.cut(SECOND, Cut::Links(links(&[0], &[1])), CutAt::SendAndArrival);
    check(&[(100, &clog(FIRST)), (199, &cut), (200, &|s| s.heal(FIRST)), (250, &|s| s.heal(SECOND))], (148, 99, 151));
}

#[test]
fn losses_in_bursts_come_together() {
    let runs = |what| {
        let left = words(&streamed(constant(1), &[(FIRST, what)]));
        (0..1_000).filter(|word| !left.contains(word) && (*word == 0 || left.contains(&(word - 1)))).count()
    };
    let burst = BurstLoss { starts: 25_000_000, ends: 100_000_000, within: WHOLE, between: 0 };
    let (bursts, even) = (runs(LinkFault::BurstLoss(burst)), runs(LinkFault::Loss { ppb: WHOLE / 5 }));
    assert!(bursts > 5 && even > 3 * bursts, "{bursts} runs of losses, {even} if independent");
}

#[test]
fn latencies_are_stretched_and_shifted() {
    let check = |what: LinkFault, expected: u64| {
        let told = heard(&streamed(constant(2), &[(FIRST, what)]), 1);
        assert!(told.iter().zip(0..).all(|(&told, word)| told == (u64::from(word) * 1_000 + expected, word)));
    };
    let latency = |factor_ppb, add| LinkFault::Latency { ppb: WHOLE, factor_ppb, add: Sampler::constant(ms(add)) };
    check(latency(WHOLE, 0), 2_000);
    check(latency(3 * WHOLE, 0), 6_000);
    check(latency(WHOLE + HALF, 5), 8_000);
    let both = streamed(constant(2), &[(FIRST, latency(2 * WHOLE, 1)), (SECOND, latency(3 * WHOLE, 10))]);
    assert_eq!(heard(&both, 1)[0], (23_000, 0), "factors multiply, additions add up");
}

#[test]
fn a_fault_that_reorders_makes_a_connection_wait() {
    let reordering = LinkFault::Reordering { ppb: HALF, within: ms(5) };
    let duplication = LinkFault::Duplication { ppb: HALF, after: Sampler::constant(ms(5)) };
    for what in [reordering, duplication] {
        assert!(!words(&streamed(constant(1), &[(FIRST, what.clone())])).is_sorted());
        assert!(words(&streamed(Link { fifo: true, ..constant(1) }, &[(FIRST, what)])).is_sorted());
    }
}

#[test]
fn a_narrow_link_queues_and_its_queue_is_bounded() {
    // Each link carries a word of 1,000 bytes in 10 ms.
    let check = |queue: Span, expected: &[&str], lost: BTreeMap<&str, u64>| {
        let mut simulation = stage(3, |_, heard, cx| {
            if matches!(heard, Heard::Timer(_)) {
                (0..4).for_each(|_| cx.send(NodeId(1), Word(1_000)));
                cx.send(NodeId(2), Word(1_000));
            } else if matches!(heard, Heard::Start) && cx.me() == NodeId(0) {
                cx.set_timer(0, ms(10));
            }
        });
        let narrow = LinkFault::Bandwidth { rate: 100_000, queue };
        run(&mut simulation, &[(0, &|s| s.disturb(FIRST, links(&[0], &[1, 2]), narrow.clone()))]);
        let times = |node| story(&simulation, node, &[Tag::Deliver]);
        assert_eq!(times(1).iter().map(|line| line.replace(" deliver Word(1000)", "")).collect::<Vec<_>>(), expected);
        assert_eq!(times(2), ["21ms deliver Word(1000)"]);
        assert_eq!(dropped(&simulation), lost);
        assert_eq!(simulation.touched(FIRST), 5);
    };
    check(Span::MAX, &["21ms", "31ms", "41ms", "51ms"], [].into());
    check(ms(20), &["21ms", "31ms", "41ms"], [("queue_full", 1)].into());
    check(Span::ZERO, &["21ms"], [("queue_full", 3)].into());
}

#[test]
fn damage_is_found_or_arrives() {
    let sent = words(&streamed(constant(1), &[]));
    let found = streamed(constant(1), &[(FIRST, LinkFault::Corruption { ppb: HALF, checksums: true })]);
    assert_eq!(dropped(&found)["corrupted"], found.touched(FIRST));
    let unseen = streamed(constant(1), &[(FIRST, LinkFault::Corruption { ppb: HALF, checksums: false })]);
    let damaged = words(&unseen).iter().zip(&sent).filter(|(heard, sent)| heard != sent).count();
    assert_eq!((unseen.census().delivered, damaged as u64), (2_000, unseen.touched(FIRST)));
}

/// A client asks node 0 five times, which counts what it is asked.
fn asked(deeds: &[Deed<'_>]) -> (Vec<String>, u64, Simulation) {
    let mut simulation = stage(1, |asked, heard, cx| match heard {
        Heard::Start => cx.ready(),
        Heard::Request(id) => {
            asked.push(1);
            cx.reply(id, Reply::Ok(Value::Nil));
        }
        _ => {}
    });
    let ask = |s: &mut Simulation| {
        (0..5).for_each(|tag| {
            s.call(NodeId(1), NodeId(0), Request::Read { key: Key(0) }, ms(9), tag);
        });
    };
    let deeds: Vec<Deed<'_>> = deeds.iter().copied().chain([(10, &ask as &dyn Fn(&mut Simulation))]).collect();
    let mut answers = run(&mut simulation, &deeds);
    answers.iter_mut().for_each(|answer| *answer = answer.rsplit(' ').next().unwrap_or_default().to_owned());
    let done = simulation.observe(NodeId(0)).applied.unwrap_or(0);
    (answers, done, simulation)
}

#[test]
fn calls_are_refused_reset_or_half_open() {
    let check = |how, ppb, links: &Links, expected: &str, done, touched| {
        let broken = LinkFault::Connections { ppb, how };
        let (answers, asked, simulation) = asked(&[(1, &|s| s.disturb(FIRST, links.clone(), broken.clone()))]);
        assert_eq!((answers.join(" ").as_str(), asked), (expected, done), "{how:?}");
        assert_eq!(simulation.touched(FIRST), touched);
    };
    let forth = links(&[1], &[0]);
    let five = |word: &str| [word; 5].join(" ");
    check(ConnectionFault::Refuse, WHOLE, &forth, &five("refused"), 0, 5);
    check(ConnectionFault::Reset, WHOLE, &forth, &five("reset"), 5, 5);
    check(ConnectionFault::HalfOpen, WHOLE, &forth, &five("timeout"), 5, 5);
    check(ConnectionFault::Refuse, WHOLE, &links(&[0], &[1]), &five("Ok(Nil)"), 5, 0);
    check(ConnectionFault::Reset, 0, &forth, &five("Ok(Nil)"), 5, 0);
    let half = LinkFault::Connections { ppb: HALF, how: ConnectionFault::Refuse };
    let (answers, done, simulation) = asked(&[(1, &|s| s.disturb(FIRST, forth.clone(), half.clone()))]);
    let refused = answers.iter().filter(|answer| *answer == "refused").count() as u64;
    assert_eq!((refused + done, refused), (5, simulation.touched(FIRST)));
}

#[test]
fn calls_are_never_copied_and_never_damaged() {
    let all = Links(vec![(set(&[0, 1]), set(&[0, 1]))]);
    let copies = LinkFault::Duplication { ppb: WHOLE, after: Sampler::constant(ms(1)) };
    let (answers, done, simulation) = asked(&[(1, &|s| s.disturb(FIRST, all.clone(), copies.clone()))]);
    assert_eq!((answers.join(" "), done), (["Ok(Nil)"; 5].join(" "), 5));
    assert_eq!((simulation.census().duplicated, simulation.touched(FIRST)), (0, 0));
    let damage = LinkFault::Corruption { ppb: WHOLE, checksums: false };
    let (answers, done, simulation) = asked(&[(1, &|s| s.disturb(FIRST, all.clone(), damage.clone()))]);
    assert_eq!((answers.join(" "), done, simulation.touched(FIRST)), (["timeout"; 5].join(" "), 0, 5));
}

#[test]
fn a_single_message_is_met_and_no_other() {
    let what = |kind: Option<&str>, nth, deed| MessageFault {
        from: NodeId(0),
        to: NodeId(1),
        kind: kind.map(str::to_owned),
        nth,
        deed,
    };
    let check = |what: MessageFault, expected: &[(u64, u32)], met: Option<u64>| {
        let mut simulation = stage_with(3, &HostSettings::default(), constant(1), STREAM);
        simulation.await_message(FIRST, what);
        run(&mut simulation, &[]);
        let plain: Vec<_> = (0..1_000).map(|word| (1_000 + u64::from(word) * 1_000, word)).collect();
        let told = heard(&simulation, 1);
        let missing: Vec<_> = plain.iter().filter(|line| !told.contains(line)).copied().collect();
        let added: Vec<_> = told.iter().filter(|line| !plain.contains(line)).copied().collect();
        assert_eq!([missing, added].concat(), expected);
        assert_eq!(simulation.met(FIRST), met.map(|at| Time::ZERO + ms(at)));
        assert_eq!(simulation.touched(FIRST), u64::from(met.is_some()));
    };
    check(what(None, 1, MessageDeed::Drop), &[(1_000, 0)], Some(0));
    check(what(Some("word"), 8, MessageDeed::Drop), &[(8_000, 7)], Some(7));
    check(what(Some("word"), 8, MessageDeed::Delay(ms(2))), &[(8_000, 7), (10_000, 7)], Some(7));
    check(what(None, 8, MessageDeed::Duplicate(ms(500))), &[(508_000, 7)], Some(7));
    check(what(Some("vote"), 1, MessageDeed::Drop), &[], None);
    check(what(None, 1_001, MessageDeed::Drop), &[], None);
    // The third request, and the reply to another.
    let to_server = |kind: &str, from, to| MessageFault {
        from: NodeId(from),
        to: NodeId(to),
        kind: Some(kind.to_owned()),
        nth: 3,
        deed: MessageDeed::Drop,
    };
    for (fault, done) in [(to_server("request", 1, 0), 4), (to_server("reply", 0, 1), 5)] {
        let (answers, asked, _) = asked(&[(1, &|s| s.await_message(FIRST, fault.clone()))]);
        assert_eq!(answers.iter().filter(|answer| *answer == "timeout").count(), 1);
        assert_eq!(asked, done);
    }
}

#[test]
fn whom_nothing_reaches_is_out_of_reach() {
    let forth = || links(&[3], &[0, 1]);
    let check = |what: LinkFault, from_client: &[u32]| {
        let mut simulation = stage(3, |_, _, _| {});
        run(
            &mut simulation,
            &[
                (1, &|s| s.disturb(FIRST, forth(), what.clone())),
                (2, &|s| assert_eq!(s.reachable(NodeId(3)), set(from_client), "{what:?}")),
                (3, &|s| s.heal(FIRST)),
                (4, &|s| assert_eq!(s.reachable(NodeId(3)), set(&[0, 1, 2, 3]))),
            ],
        );
    };
    check(LinkFault::Clog, &[2, 3]);
    check(LinkFault::Loss { ppb: WHOLE }, &[2, 3]);
    check(LinkFault::Loss { ppb: HALF }, &[0, 1, 2, 3]);
    check(LinkFault::Connections { ppb: WHOLE, how: ConnectionFault::HalfOpen }, &[2, 3]);
    // A damaged part of a call is dropped, whether or not a checksum finds it.
    check(LinkFault::Corruption { ppb: WHOLE, checksums: false }, &[2, 3]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    /// Up to the start of a fault nothing differs, and after its end no new message does.
    #[test]
    fn a_fault_acts_within_its_window(which in 0usize..9, from in 1u64..900, lasts in 1u64..90) {
        let what = each()[which].clone();
        let mut simulation = stage_with(3, &HostSettings::default(), wide(), STREAM);
        let begin = |s: &mut Simulation| s.disturb(FIRST, links(&[0], &[1]), what.clone());
        run(&mut simulation, &[(from, &begin), (from + lasts, &|s| s.heal(FIRST))]);
        let (plain, told) = (heard(&streamed(wide(), &[]), 1), heard(&simulation, 1));
        let before = |heard: &[(u64, u32)]| heard.iter().copied().filter(|&(at, _)| at < from * 1_000).collect::<Vec<_>>();
        prop_assert_eq!(before(&told), before(&plain));
        let after = |heard: &[(u64, u32)]| {
            let sent = |word: u32| u64::from(word) > from + lasts && u64::from(word) < 1_000;
            heard.iter().copied().filter(|&(_, word)| sent(word)).collect::<Vec<_>>()
        };
        // A damaged word may look like a later one.
        if !matches!(what, LinkFault::Corruption { checksums: false, .. }) {
            prop_assert_eq!(after(&told), after(&plain));
        }
    }
}
