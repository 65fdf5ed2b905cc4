//! Cuts, and what links do to messages.

use super::*;
use crate::host::{Cut, CutAt, NodeSet};
use crate::kernel::Sampler;

fn set(nodes: &[u32]) -> NodeSet {
    nodes.iter().copied().map(NodeId).collect()
}

fn groups(groups: &[&[u32]]) -> Cut {
    Cut::Groups(groups.iter().map(|group| set(group)).collect())
}

/// Every node sends a word to every other node each 10 ms, five times.
const GOSSIP: Play = |_, heard, cx| match heard {
    Heard::Start => cx.set_timer(0, ms(10)),
    Heard::Timer(round) => {
        for to in cx.others() {
            cx.send(to, Word(u32::from(round)));
        }
        if round < 4 {
            cx.set_timer(round + 1, ms(10));
        }
    }
    _ => {}
};

/// Who hears whom while a cut is at work over all five rounds, in pairs (from, to).
fn heard_under(cut: &Cut) -> Vec<(u32, u32)> {
    let mut simulation = stage(3, GOSSIP);
    run(&mut simulation, &[(0, &|s| s.cut(FIRST, cut.clone(), CutAt::SendAndArrival))]);
    let delivered = simulation.trace().records().iter().filter(|record| record.fact.tag == Tag::Deliver as u8);
    let mut pairs: Vec<_> = delivered.map(|record| (record.fact.b, record.fact.a)).collect();
    pairs.sort_unstable();
    pairs.dedup();
    assert_eq!(simulation.touched(FIRST), (6 - pairs.len() as u64) * 5);
    assert_eq!(dropped(&simulation).values().sum::<u64>(), simulation.touched(FIRST));
    pairs
}

#[test]
fn a_cut_severs_its_links_and_no_others() {
    let check = |cut: Cut, expected: &[(u32, u32)]| assert_eq!(heard_under(&cut), expected);
    let all = [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)];
    check(groups(&[]), &all);
    check(groups(&[&[0, 1, 2]]), &all);
    check(groups(&[&[0], &[1, 2]]), &[(1, 2), (2, 1)]);
    check(groups(&[&[0], &[1], &[2]]), &[]);
    check(groups(&[&[0], &[1]]), &[(0, 2), (1, 2), (2, 0), (2, 1)]);
    check(Cut::OneWay { from: set(&[0]), to: set(&[1, 2]) }, &[(1, 0), (1, 2), (2, 0), (2, 1)]);
}

#[test]
fn a_cut_meets_messages_when_they_are_sent_and_when_they_arrive() {
    // Words of 10, 20, 30 ms arrive 1 ms later.
    let check = |from: u64, to: u64, at: CutAt, expected: &[&str]| {
        let mut simulation = stage(2, |_, heard, cx| match heard {
            Heard::Start if cx.me() == NodeId(0) => cx.set_timer(1, ms(10)),
            Heard::Timer(round) => {
                cx.send(NodeId(1), Word(u32::from(round)));
                if round < 3 {
                    cx.set_timer(round + 1, ms(10));
                }
            }
            _ => {}
        });
        let cut = groups(&[&[0], &[1]]);
        run(&mut simulation, &[(from, &|s| s.cut(FIRST, cut.clone(), at)), (to, &|s| s.heal(FIRST))]);
        assert_eq!(story(&simulation, 1, &[Tag::Deliver]), expected, "{from} to {to}, {at:?}");
        assert_eq!(simulation.touched(FIRST), 3 - expected.len() as u64);
    };
    let (one, two, three) = ("11ms deliver Word(1)", "21ms deliver Word(2)", "31ms deliver Word(3)");
    check(12, 19, CutAt::SendAndArrival, &[one, two, three]);
    check(19, 25, CutAt::SendAndArrival, &[one, three]);
    check(21, 25, CutAt::SendAndArrival, &[one, three]);
    check(21, 25, CutAt::Send, &[one, two, three]);
    check(20, 21, CutAt::Send, &[one, three]);
    check(0, 99, CutAt::Send, &[]);
}

#[test]
fn overlapping_cuts_heal_independently() {
    let mut simulation = stage(2, GOSSIP);
    let cut = groups(&[&[0], &[1]]);
    let deeds: [Deed<'_>; 4] = [
        (5, &|s| s.cut(FIRST, cut.clone(), CutAt::SendAndArrival)),
        (15, &|s| s.cut(SECOND, cut.clone(), CutAt::SendAndArrival)),
        (25, &|s| s.heal(FIRST)),
        (35, &|s| s.heal(SECOND)),
    ];
    run(&mut simulation, &deeds);
    assert_eq!(story(&simulation, 1, &[Tag::Deliver]), ["41ms deliver Word(3)", "51ms deliver Word(4)"]);
    // The rounds of 10 and 20 ms fall to the first, that of 30 ms to the second.
    assert_eq!((simulation.touched(FIRST), simulation.touched(SECOND)), (4, 2));
}

#[test]
fn clients_keep_their_links_unless_they_are_listed() {
    let check = |cut: Cut, expected: &[&str]| {
        let mut simulation = stage(2, |_, heard, cx| match heard {
            Heard::Start => cx.ready(),
            Heard::Request(id) => cx.reply(id, Reply::Ok(crate::host::Value::Nil)),
            _ => {}
        });
        let read = Request::Read { key: crate::host::Key(0) };
        let ask = |s: &mut Simulation| {
            s.call(NodeId(2), NodeId(0), read.clone(), ms(9), 0);
            s.call(NodeId(2), NodeId(1), read.clone(), ms(9), 1);
        };
        let answers = run(&mut simulation, &[(1, &|s| s.cut(FIRST, cut.clone(), CutAt::Send)), (2, &ask)]);
        assert_eq!(answers, expected);
    };
    check(groups(&[&[0], &[1]]), &["4ms #0 Ok(Nil)", "4ms #1 Ok(Nil)"]);
    check(groups(&[&[0, 2], &[1]]), &["4ms #0 Ok(Nil)", "11ms #1 timeout"]);
    check(Cut::OneWay { from: set(&[0]), to: set(&[2]) }, &["4ms #1 Ok(Nil)", "11ms #0 timeout"]);
}

#[test]
fn reachable_is_who_is_up_and_linked_both_ways() {
    let mut simulation = stage(4, |_, _, _| {});
    let reachable = |s: &Simulation, expected: &[u32]| assert_eq!(s.reachable(NodeId(0)), set(expected));
    let deeds: [Deed<'_>; 5] = [
        (1, &|s| reachable(s, &[0, 1, 2, 3, 4])),
        (2, &|s| {
            s.crash(FIRST, NodeId(1), DIES);
            reachable(s, &[0, 2, 3, 4]);
        }),
        (3, &|s| {
            s.pause(FIRST, NodeId(2));
            reachable(s, &[0, 3, 4]);
        }),
        (4, &|s| {
            s.cut(FIRST, Cut::OneWay { from: set(&[3]), to: set(&[0]) }, CutAt::Send);
            reachable(s, &[0, 4]);
        }),
        (5, &|s| {
            s.crash(SECOND, NodeId(0), DIES);
            reachable(s, &[]);
        }),
    ];
    run(&mut simulation, &deeds);
}

/// Node 0 sends 10,000 words to node 1, one each microsecond.
fn flood(link: Link) -> Simulation {
    let mut simulation = stage_with(2, &HostSettings::default(), link, |sent, heard, cx| {
        if cx.me() == NodeId(0) && matches!(heard, Heard::Start | Heard::Timer(_)) {
            cx.send(NodeId(1), Word(1_000_000 + sent.len() as u32));
            sent.push(0);
            if sent.len() < 10_000 {
                cx.set_timer(0, Span::from_micros(1));
            }
        }
    });
    run(&mut simulation, &[]);
    simulation
}

#[test]
fn loss_duplication_and_corruption_come_at_their_rates() {
    // 3% of 10,000: 300, standard error 17.
    let near = |count: u64| assert!(count.abs_diff(300) < 85, "{count}");
    let ppb = 30_000_000;
    let lossy = flood(Link { loss_ppb: ppb, ..Link::default() });
    near(dropped(&lossy)["loss"]);
    let doubling = flood(Link { duplication_ppb: ppb, ..Link::default() });
    near(doubling.census().duplicated);
    assert_eq!(doubling.census().delivered, 10_000 + doubling.census().duplicated);
    let caught = flood(Link { corruption_ppb: ppb, ..Link::default() });
    near(dropped(&caught)["corrupted"]);
    let unseen = flood(Link { corruption_ppb: ppb, checksums: false, ..Link::default() });
    assert_eq!(unseen.census().delivered, 10_000);
    let sent = words(&flood(Link::default()));
    near(words(&unseen).iter().zip(&sent).filter(|(heard, sent)| heard != sent).count() as u64);
}

/// What node 1 hears, in order, without the times.
fn words(simulation: &Simulation) -> Vec<String> {
    let heard = story(simulation, 1, &[Tag::Deliver]);
    heard.into_iter().map(|line| line.rsplit(' ').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn each_fate_has_a_draw_of_its_own() {
    let latency = Sampler::uniform(ms(1), ms(9)).expect("in order");
    let plain = flood(Link { latency: latency.clone(), ..Link::default() });
    let lossy = flood(Link { latency, loss_ppb: 500_000_000, ..Link::default() });
    let heard = story(&plain, 1, &[Tag::Deliver]);
    let left = story(&lossy, 1, &[Tag::Deliver]);
    assert!(left.len() < heard.len() && left.iter().all(|line| heard.contains(line)), "loss shifts no latency");
}

#[test]
fn fifo_links_keep_the_order_in_which_free_links_reorder() {
    let link = |fifo| Link {
        latency: Sampler::uniform(ms(1), ms(9)).expect("in order"),
        duplication_ppb: 100_000_000,
        fifo,
        ..Link::default()
    };
    assert!(!words(&flood(link(false))).is_sorted());
    assert!(words(&flood(link(true))).is_sorted());
}

#[test]
fn bandwidth_serialises_and_its_queue_is_bounded() {
    // Words of 1,000 bytes take 10 ms at 100,000 bytes a second; node 2's link is another one.
    let check = |queue: Span, expected: &[&str], lost: BTreeMap<&str, u64>| {
        let link = Link { bandwidth: Some(100_000), queue, ..Link::default() };
        let mut simulation = stage_with(3, &HostSettings::default(), link, |_, heard, cx| {
            if matches!(heard, Heard::Start) && cx.me() == NodeId(0) {
                (0..4).for_each(|_| cx.send(NodeId(1), Word(1_000)));
                cx.send(NodeId(2), Word(1_000));
            }
        });
        run(&mut simulation, &[]);
        let times = |node| story(&simulation, node, &[Tag::Deliver]);
        assert_eq!(times(1).iter().map(|line| line.replace(" deliver Word(1000)", "")).collect::<Vec<_>>(), expected);
        assert_eq!(times(2), ["11ms deliver Word(1000)"]);
        assert_eq!(dropped(&simulation), lost);
    };
    check(Span::MAX, &["11ms", "21ms", "31ms", "41ms"], [].into());
    check(ms(20), &["11ms", "21ms", "31ms"], [("queue_full", 1)].into());
    check(Span::ZERO, &["11ms"], [("queue_full", 3)].into());
}

#[test]
fn zones_and_single_links_have_settings_of_their_own() {
    let slow = |latency| Link { latency: Sampler::constant(ms(latency)), ..Link::default() };
    let mut builder = Builder::new(1);
    let far = builder.zone();
    let play: Play = |_, heard, cx| {
        if matches!(heard, Heard::Start) {
            cx.others().for_each(|to| cx.send(to, Word(cx.me().0)));
        }
    };
    builder.keep_trace();
    builder.service("n", &[ZoneId(0), ZoneId(0), far], &HostSettings::default(), move |_| Actor {
        play,
        memory: Vec::new(),
    });
    builder.zone_link(ZoneId(0), far, slow(5)).zone_link(far, ZoneId(0), slow(7));
    builder.link(NodeId(1), NodeId(2), slow(20));
    let mut simulation = builder.finish().expect("names are unique");
    run(&mut simulation, &[]);
    assert_eq!(story(&simulation, 0, &[Tag::Deliver]), ["1ms deliver Word(1)", "7ms deliver Word(2)"]);
    assert_eq!(story(&simulation, 1, &[Tag::Deliver]), ["1ms deliver Word(0)", "7ms deliver Word(2)"]);
    assert_eq!(story(&simulation, 2, &[Tag::Deliver]), ["5ms deliver Word(0)", "20ms deliver Word(1)"]);
}
