//! Messages that go to the wrong place or say what nobody said, calls that are cut short, and what the trace tells of
//! a message's death.

use super::*;
use crate::host::{ConnectionFault, Cut, CutAt, Key, LinkFault, Links, NodeSet, OldPlace, Value};

fn set(nodes: &[u32]) -> NodeSet {
    nodes.iter().copied().map(NodeId).collect()
}

fn links(from: &[u32], to: &[u32]) -> Links {
    Links(vec![(set(from), set(to))])
}

const WHOLE: u64 = 1_000_000_000;

/// Node 0 sends node 1 a word at its start, and whoever hears an even word answers with the odd one below. Requests are
/// answered with the node's number.
const PLAY: Play = |_, heard, cx| match heard {
    Heard::Start => {
        cx.ready();
        if cx.me() == NodeId(0) {
            cx.send(NodeId(1), Word(8));
        }
    }
    Heard::Word(from, word) if word % 2 == 0 => cx.send(from, Word(word - 1)),
    Heard::Request(id) => cx.reply(id, Reply::Ok(Value::Int(i64::from(cx.me().0)))),
    _ => {}
};

/// Three nodes "n", one of another service, and a client, who asks node 1 at 5 ms; all this under faults of links from the
/// start on.
fn story_under(faults: &[(FaultId, Links, LinkFault)], link: Link) -> (Vec<String>, Simulation) {
    let mut builder = Builder::new(1);
    builder.links(link).keep_trace();
    actors(&mut builder, "n", 3, &HostSettings::default(), PLAY);
    actors(&mut builder, "other", 1, &HostSettings::default(), PLAY);
    builder.client("client", ZoneId(0));
    let mut simulation = builder.finish().expect("names are unique");
    let disturb = |s: &mut Simulation| {
        s.name_fault(FIRST, "first");
        faults.iter().for_each(|(fault, links, what)| s.disturb(*fault, links.clone(), what.clone()));
    };
    let ask = |s: &mut Simulation| {
        let write = Request::Write { key: Key(0), value: Value::Int(1) };
        s.call(NodeId(4), NodeId(1), write, ms(50), 0);
    };
    let answers = run(&mut simulation, &[(0, &disturb), (5, &ask)]);
    (answers, simulation)
}

fn stale(old_place: OldPlace) -> [(FaultId, Links, LinkFault); 1] {
    [(FIRST, links(&[0, 4], &[1]), LinkFault::StaleName { old_place })]
}

#[test]
fn who_goes_by_an_old_name_reaches_what_is_there_now() {
    let check = |old_place: OldPlace, answer: &str, heard: [&[&str]; 2], lost: &[(&str, u64)], touched: u64| {
        let (answers, simulation) = story_under(&stale(old_place), Link::default());
        assert_eq!(answers, [answer], "{old_place:?}");
        assert_eq!(story(&simulation, 0, &[Tag::Deliver]), heard[0], "{old_place:?}");
        assert_eq!(story(&simulation, 2, &[Tag::Deliver]), heard[1], "{old_place:?}");
        assert_eq!(dropped(&simulation), lost.iter().copied().collect(), "{old_place:?}");
        assert_eq!(simulation.touched(FIRST), touched, "{old_place:?}");
        assert_eq!(simulation.killed(FIRST), lost.iter().map(|(_, count)| count).sum::<u64>());
    };
    check(OldPlace::Empty, "55ms #0 timeout", [&[], &[]], &[("stale_name", 2)], 2);
    check(OldPlace::Host, "7ms #0 refused", [&[], &[]], &[("refused", 1), ("stale_name", 1)], 2);
    // Node 2 answers for node 1, and its answers find their way.
    let taken = [&["2ms deliver Word(7)"][..], &["1ms deliver Word(8)"]];
    check(OldPlace::Taken(NodeId(2)), "7ms #0 Ok(Int(2))", taken, &[], 2);
    // A service that does not speak the protocol takes calls, and no messages; nobody takes a message from himself.
    check(OldPlace::Taken(NodeId(3)), "7ms #0 Ok(Int(3))", [&[], &[]], &[("stale_name", 1)], 2);
    check(OldPlace::Taken(NodeId(0)), "7ms #0 Ok(Int(0))", [&[], &[]], &[("stale_name", 1)], 2);
}

#[test]
fn a_message_led_astray_keeps_a_number_of_its_own() {
    let (_, simulation) = story_under(&stale(OldPlace::Taken(NodeId(2))), Link::default());
    let records = simulation.trace().records();
    let numbers =
        |tag: Tag| records.iter().filter(move |record| record.fact.tag == tag as u8).map(|record| record.fact.c);
    assert_eq!(numbers(Tag::Deliver).collect::<Vec<_>>(), [2 << 35, 0]);
}

#[test]
fn what_is_forged_is_believed_unless_links_are_authenticated() {
    let forged = |authenticated: bool, from: &[u32], to: &[u32]| {
        let faults = [(FIRST, links(from, to), LinkFault::Tampering { ppb: WHOLE })];
        story_under(&faults, Link { authenticated, ..Link::default() })
    };
    let (answers, simulation) = forged(false, &[0, 1], &[1, 4]);
    assert!(answers[0].starts_with("7ms #0 Ok(Int(-"), "{answers:?}");
    let heard = story(&simulation, 1, &[Tag::Deliver]);
    assert!(heard.len() == 1 && heard[0] != "1ms deliver Word(8)", "{heard:?}");
    assert!(dropped(&simulation).is_empty());
    assert_eq!(simulation.touched(FIRST), 2);
    let (answers, simulation) = forged(true, &[0, 1], &[1, 4]);
    assert_eq!(answers, ["55ms #0 timeout"]);
    assert_eq!((dropped(&simulation), simulation.touched(FIRST)), ([("corrupted", 2)].into(), 2));
    let (_, simulation) = forged(false, &[4], &[1]);
    let asked = story(&simulation, 1, &[Tag::Request]);
    assert!(asked[0].starts_with("6ms request write k0 = -"), "{asked:?}");
}

/// The server takes its time; connections are reset while it does.
#[test]
fn connections_that_are_open_are_reset_too() {
    const SLOW: Play = |_, heard, cx| match heard {
        Heard::Start => cx.ready(),
        Heard::Request(id) => {
            cx.work(ms(10));
            cx.reply(id, Reply::Ok(Value::Nil));
        }
        _ => {}
    };
    let check = |ppb: u64, how: ConnectionFault, answer: &str, touched: u64| {
        let mut simulation = stage(1, SLOW);
        let call = |s: &mut Simulation| {
            s.call(NodeId(1), NodeId(0), Request::Read { key: Key(0) }, ms(50), 0);
        };
        let begin = |s: &mut Simulation| s.disturb(FIRST, links(&[1], &[0]), LinkFault::Connections { ppb, how });
        let answers = run(&mut simulation, &[(0, &call), (5, &begin), (6, &|s| s.heal(FIRST))]);
        assert_eq!(answers, [answer], "{how:?}");
        assert_eq!(simulation.touched(FIRST), touched, "{how:?}");
    };
    check(WHOLE, ConnectionFault::Reset, "6ms #0 reset", 1);
    check(0, ConnectionFault::Reset, "12ms #0 Ok(Nil)", 0);
    check(WHOLE, ConnectionFault::HalfOpen, "12ms #0 Ok(Nil)", 0);
    check(WHOLE, ConnectionFault::Refuse, "12ms #0 Ok(Nil)", 0);
}

#[test]
fn the_trace_names_the_fault_that_a_message_died_of() {
    let told = |what: LinkFault| {
        let (_, simulation) = story_under(&[(FIRST, links(&[0], &[1]), what)], Link::default());
        let drops = story(&simulation, 1, &[Tag::Drop]);
        drops.into_iter().next().unwrap_or_default()
    };
    assert_eq!(told(LinkFault::Loss { ppb: WHOLE }), "0s drop Word(8)\tfirst");
    assert_eq!(told(LinkFault::Corruption { ppb: WHOLE, checksums: true }), "0s drop Word(8)\tfirst");
    assert_eq!(told(LinkFault::StaleName { old_place: OldPlace::Empty }), "0s drop Word(8)\tfirst");
    let mut simulation = stage(2, PLAY);
    let deeds: [Deed<'_>; 2] = [
        (0, &|s| {
            s.name_fault(FIRST, "cut");
            s.cut(FIRST, Cut::Links(links(&[1], &[0])), CutAt::SendAndArrival);
            s.name_fault(SECOND, "kill");
        }),
        (2, &|s| s.crash(SECOND, NodeId(1), DIES)),
    ];
    run(&mut simulation, &deeds);
    assert_eq!(story(&simulation, 0, &[Tag::Drop]), ["1ms drop Word(7)\tcut"]);
    let mut lossy = stage_with(2, &HostSettings::default(), Link { loss_ppb: WHOLE, ..Link::default() }, PLAY);
    run(&mut lossy, &[]);
    assert_eq!(story(&lossy, 1, &[Tag::Drop]), ["0s drop Word(8)"]);
}

#[test]
fn what_is_sent_costs_who_sends_it() {
    const MANY: Play = |_, heard, cx| {
        if let (Heard::Start, NodeId(0)) = (heard, cx.me()) {
            (0..3).for_each(|_| cx.send(NodeId(1), Word(1)));
            cx.send(NodeId(0), Word(1));
        }
    };
    let arrives = |send: u64, cpu: u64| {
        let settings = busy(|settings| (settings.send_cpu, settings.cpu) = (ms(send), ms(cpu)));
        let mut simulation = stage_with(2, &settings, Link::default(), MANY);
        run(&mut simulation, &[]);
        story(&simulation, 1, &[Tag::Deliver, Tag::Waits])[0].clone()
    };
    assert_eq!(arrives(0, 0), "1ms deliver Word(1)");
    assert_eq!(arrives(2, 0), "7ms deliver Word(1)");
    assert_eq!(arrives(2, 3), "10ms deliver Word(1)");
}
