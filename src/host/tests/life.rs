//! Crash, restart, pause; work, cores and queues.

use super::*;
use crate::host::{DiskOperation, DiskOutput, Key, Value};

const N0: NodeId = NodeId(0);
const CLIENT: NodeId = NodeId(1);

fn read(simulation: &mut Simulation, to: NodeId, tag: u64) {
    let client = simulation.nodes().last().expect("a client");
    simulation.call(client, to, Request::Read { key: Key(0) }, ms(50), tag);
}

/// Is ready at once, sets a timer every 10 ms, counts its ticks, answers requests with how many there were.
const TICKER: Play = |ticks, heard, cx| match heard {
    Heard::Start => {
        cx.ready();
        cx.set_timer(0, ms(10));
    }
    Heard::Timer(_) => {
        ticks.push(1);
        if ticks.len() < 3 {
            cx.set_timer(0, ms(10));
        }
    }
    Heard::Request(id) => cx.reply(id, Reply::Ok(Value::Int(ticks.len() as i64))),
    _ => {}
};

#[test]
fn a_crash_drops_timers_and_memory() {
    let mut simulation = stage(1, TICKER);
    let answers = run(
        &mut simulation,
        &[(15, &|s| s.crash(FIRST, N0, DIES)), (22, &|s| s.restart(FIRST, N0)), (35, &|s| read(s, N0, 7))],
    );
    let expected = ["0s start", "10ms timer 0", "22ms start", "32ms timer 0", "42ms timer 0", "52ms timer 0"];
    assert_eq!(story(&simulation, 0, &[Tag::Start, Tag::Timer]), expected);
    assert_eq!(answers, ["37ms #7 Ok(Int(1))"]);
}

#[test]
fn a_dead_process_refuses_and_a_dead_machine_says_nothing() {
    let check = |how: CrashSettings, expected: &[&str]| {
        let mut simulation = stage(1, |_, heard, cx| {
            if matches!(heard, Heard::Start) {
                cx.ready();
            }
        });
        // Received before the crash; on its way at the crash; sent after it.
        let answers = run(
            &mut simulation,
            &[
                (10, &|s| read(s, N0, 1)),
                (15, &move |s| {
                    read(s, N0, 2);
                    s.crash(FIRST, N0, how);
                }),
                (20, &|s| read(s, N0, 3)),
            ],
        );
        assert_eq!(answers, expected);
    };
    check(DIES, &["16ms #1 reset", "17ms #2 refused", "22ms #3 refused"]);
    check(LOSES_POWER, &["60ms #1 timeout", "65ms #2 timeout", "70ms #3 timeout"]);
}

#[test]
fn a_node_that_is_not_ready_refuses() {
    let mut simulation = stage(1, |_, heard, cx| match heard {
        Heard::Start => cx.set_timer(0, ms(10)),
        Heard::Timer(_) => cx.ready(),
        Heard::Request(id) => cx.reply(id, Reply::Ok(Value::Nil)),
        _ => {}
    });
    let answers = run(&mut simulation, &[(5, &|s| read(s, N0, 1)), (15, &|s| read(s, N0, 2))]);
    assert_eq!(answers, ["7ms #1 refused", "17ms #2 Ok(Nil)"]);
    assert_eq!(dropped(&simulation), [("refused", 1)].into());
}

#[test]
fn a_call_of_a_node_is_answered_refused_or_given_up() {
    let calls: Play = |_, heard, cx| match heard {
        Heard::Start => cx.set_timer(0, ms(10)),
        Heard::Timer(_) => {
            let to = cx.service("m").and_then(|mut nodes| nodes.next()).expect("m has a replica");
            cx.call(to, Request::Read { key: Key(0) }, ms(20));
        }
        Heard::Answer(result) => cx.note(&format!("{result:?}")),
        _ => {}
    };
    let answers: Play = |_, heard, cx| match heard {
        Heard::Start => cx.ready(),
        Heard::Request(id) => cx.reply(id, Reply::Ok(Value::Int(5))),
        _ => {}
    };
    let (caller, callee) = (N0, NodeId(1));
    let check = |deeds: &[Deed<'_>], expected: &[&str]| {
        let mut builder = Builder::new(1);
        builder.keep_trace();
        actors(&mut builder, "n", 1, &HostSettings::default(), calls);
        actors(&mut builder, "m", 1, &HostSettings::default(), answers);
        let mut simulation = builder.finish().expect("names are unique");
        run(&mut simulation, deeds);
        assert_eq!(story(&simulation, 0, &[Tag::Note]), expected);
    };
    check(&[], &["12ms note Ok(Ok(Int(5)))"]);
    check(&[(5, &|s| s.crash(FIRST, callee, DIES))], &["12ms note Err(Refused)"]);
    check(&[(5, &|s| s.crash(FIRST, callee, LOSES_POWER))], &["30ms note Err(Timeout)"]);
    check(&[(5, &|s| s.pause(FIRST, callee)), (12, &|s| s.crash(SECOND, callee, DIES))], &["13ms note Err(Reset)"]);
    check(&[(5, &|s| s.pause(FIRST, callee)), (40, &|s| s.resume(FIRST, callee))], &["30ms note Err(Timeout)"]);
    check(&[(11, &|s| s.pause(FIRST, caller)), (50, &|s| s.resume(FIRST, caller))], &["50ms note Ok(Ok(Int(5)))"]);
    // The call dies with the caller; the next incarnation makes its own.
    check(
        &[(11, &|s| s.crash(FIRST, caller, DIES)), (15, &|s| s.restart(FIRST, caller))],
        &["27ms note Ok(Ok(Int(5)))"],
    );
}

#[test]
fn messages_outlive_their_sender_and_not_their_receiver() {
    let play: Play = |_, heard, cx| {
        if matches!(heard, Heard::Start) && cx.me() == N0 {
            cx.send(NodeId(1), Word(1));
        }
    };
    let check = |dies: NodeId, delivered: u64, expected: BTreeMap<&str, u64>| {
        let mut simulation = stage(2, play);
        run(&mut simulation, &[(0, &|_| {}), (1, &move |s| s.crash(FIRST, dies, DIES))]);
        assert_eq!((simulation.census().delivered, dropped(&simulation)), (delivered, expected));
        assert_eq!(simulation.touched(FIRST), 1 + (1 - delivered));
    };
    check(N0, 1, [].into());
    check(NodeId(1), 0, [("receiver_down", 1)].into());
}

#[test]
fn what_waits_for_a_busy_node_dies_with_it() {
    let mut simulation = stage(2, |_, heard, cx| match heard {
        Heard::Start if cx.me() == N0 => cx.work(ms(10)),
        Heard::Start => cx.send(N0, Word(1)),
        _ => {}
    });
    run(&mut simulation, &[(5, &|s| s.crash(FIRST, N0, DIES)), (6, &|s| s.restart(FIRST, N0))]);
    assert_eq!(dropped(&simulation), [("receiver_down", 1)].into());
    assert_eq!(simulation.touched(FIRST), 2);
}

#[test]
fn a_crash_before_the_end_of_work_takes_back_what_it_would_send() {
    let check = |at, sent| {
        let mut simulation = stage(2, |_, heard, cx| {
            if matches!(heard, Heard::Start) && cx.me() == N0 {
                cx.work(ms(10));
                cx.send(NodeId(1), Word(1));
            }
        });
        run(&mut simulation, &[(at, &|s| s.crash(FIRST, N0, DIES))]);
        assert_eq!(simulation.census().sent, sent);
        assert_eq!(simulation.census().delivered, sent);
    };
    check(9, 0);
    check(11, 1);
}

#[test]
fn a_pause_delays_and_loses_nothing() {
    let play: Play = |_, heard, cx| match heard {
        Heard::Start if cx.me() == N0 => cx.set_timer(0, ms(10)),
        Heard::Start => cx.send(N0, Word(5)),
        Heard::Timer(_) => cx.work(ms(4)),
        Heard::Word(from, word) if cx.me() == N0 => cx.send(from, Word(word)),
        _ => {}
    };
    let check = |pause: Option<(u64, u64)>, expected: &[&str], touched| {
        let mut simulation = stage(2, play);
        match pause {
            None => run(&mut simulation, &[]),
            Some((from, to)) => {
                run(&mut simulation, &[(from, &|s| s.pause(FIRST, N0)), (to, &|s| s.resume(FIRST, N0))])
            }
        };
        assert_eq!(story(&simulation, 0, &[Tag::Deliver, Tag::Timer, Tag::WorkDone]), expected);
        assert_eq!(simulation.touched(FIRST), touched);
        assert_eq!(simulation.census().delivered, 2);
    };
    check(None, &["1ms deliver Word(5)", "10ms timer 0", "14ms work_done"], 0);
    check(Some((2, 9)), &["1ms deliver Word(5)", "10ms timer 0", "14ms work_done"], 0);
    check(Some((1, 20)), &["20ms deliver Word(5)", "20ms timer 0", "24ms work_done"], 2);
    // In the middle of its work: the rest of it is done afterwards.
    check(Some((11, 30)), &["1ms deliver Word(5)", "10ms timer 0", "33ms work_done"], 1);
}

#[test]
fn overlapping_crashes_and_pauses_end_when_both_have_ended() {
    let starts = |deeds: &[Deed<'_>]| {
        let mut simulation = stage(1, |_, _, _| {});
        run(&mut simulation, deeds);
        let touched = (simulation.touched(FIRST), simulation.touched(SECOND));
        (story(&simulation, 0, &[Tag::Start]), touched)
    };
    let crash = |fault| move |s: &mut Simulation| s.crash(fault, N0, DIES);
    let restart = |fault| move |s: &mut Simulation| s.restart(fault, N0);
    let (first, second) = (crash(FIRST), crash(SECOND));
    let (first_ends, second_ends) = (restart(FIRST), restart(SECOND));
    // The second keeps down what the first would let start.
    let (story, touched) = starts(&[(10, &first), (15, &second), (20, &first_ends), (30, &second_ends)]);
    assert_eq!((story, touched), (vec!["0s start".to_owned(), "30ms start".to_owned()], (1, 1)));
    // The second lies within the first, and makes no difference.
    let (story, touched) = starts(&[(10, &first), (15, &second), (20, &second_ends), (30, &first_ends)]);
    assert_eq!((story, touched), (vec!["0s start".to_owned(), "30ms start".to_owned()], (1, 0)));
    // A fault that holds nothing lets nothing go.
    let (story, _) = starts(&[(10, &first), (20, &second_ends)]);
    assert_eq!(story, ["0s start"]);

    let mut simulation = stage(1, TICKER);
    let deeds: [Deed<'_>; 4] = [
        (5, &|s| s.pause(FIRST, N0)),
        (12, &|s| s.pause(SECOND, N0)),
        (15, &|s| s.resume(FIRST, N0)),
        (25, &|s| s.resume(SECOND, N0)),
    ];
    run(&mut simulation, &deeds);
    assert_eq!(super::story(&simulation, 0, &[Tag::Timer]), ["25ms timer 0", "35ms timer 0", "45ms timer 0"]);
    assert_eq!((simulation.touched(FIRST), simulation.touched(SECOND)), (1, 1));
}

#[test]
fn a_paused_node_that_is_restarted_starts_after_its_pause() {
    let mut simulation = stage(1, TICKER);
    let deeds: [Deed<'_>; 4] = [
        (5, &|s| s.pause(FIRST, N0)),
        (6, &|s| s.crash(SECOND, N0, DIES)),
        (8, &|s| s.restart(SECOND, N0)),
        (20, &|s| s.resume(FIRST, N0)),
    ];
    run(&mut simulation, &deeds);
    assert_eq!(story(&simulation, 0, &[Tag::Start]), ["0s start", "20ms start"]);
}

#[test]
fn crashes_at_the_instant_of_a_start_come_first() {
    let check = |deeds: &[Deed<'_>], expected: &[&str]| {
        let mut simulation = stage(1, |_, _, _| {});
        run(&mut simulation, deeds);
        assert_eq!(story(&simulation, 0, &[Tag::Start]), expected);
    };
    check(&[(0, &|s| s.crash(FIRST, N0, DIES))], &[]);
    check(&[(0, &|s| s.crash(FIRST, N0, DIES)), (0, &|s| s.restart(FIRST, N0))], &["0s start"]);
    let at_once: Deed<'_> = (5, &|s| {
        s.crash(FIRST, N0, DIES);
        s.restart(FIRST, N0);
        s.crash(SECOND, N0, DIES);
    });
    check(&[at_once], &["0s start"]);
    check(&[at_once, (5, &|s| s.restart(SECOND, N0))], &["0s start", "5ms start"]);
}

/// Its calls are forgotten, the answer to them dies, and neither a deadline nor what it had not sent yet comes back to it.
#[test]
fn a_client_that_crashes_knows_nothing_of_its_calls() {
    let mut simulation = stage(1, TICKER);
    let turns = std::cell::RefCell::new(Vec::new());
    let deeds: [Deed<'_>; 6] = [
        (1, &|s| read(s, N0, 1)),
        (2, &|s| s.crash(FIRST, CLIENT, DIES)),
        (8, &|s| s.restart(FIRST, CLIENT)),
        (9, &|s| turns.borrow_mut().extend(s.client_turns())),
        (10, &|s| {
            s.pause(SECOND, CLIENT);
            read(s, N0, 2);
            s.crash(FIRST, CLIENT, DIES);
            s.restart(FIRST, CLIENT);
            s.resume(SECOND, CLIENT);
        }),
        (20, &|s| read(s, N0, 3)),
    ];
    assert_eq!(run(&mut simulation, &deeds), ["22ms #3 Ok(Int(2))"]);
    assert_eq!(dropped(&simulation), [("receiver_down", 1)].into());
    assert_eq!(turns.into_inner(), [(CLIENT, false), (CLIENT, true)]);
    let tally = simulation.tally(FIRST);
    assert_eq!((tally.of(Touch::Processes), tally.of(Touch::Requests), tally.total()), (2, 1, 3));
    assert_eq!(tally.to_string(), "1 request, 2 processes");
}

/// Whatever crashes first: a loss of power takes the page cache of a host whose process had died, and its voice.
#[test]
fn overlapping_crashes_each_do_what_they_would_alone() {
    let play: Play = |_, heard, cx| match heard {
        Heard::Start => {
            cx.ready();
            cx.disk(DiskOperation::Read { file: "log".into(), offset: 0, length: 9 });
        }
        Heard::Disk(Ok(DiskOutput::Data(data))) => cx.note(&String::from_utf8_lossy(data)),
        Heard::Disk(Err(_)) => {
            cx.disk(DiskOperation::Append { file: "log".into(), data: b"synced".to_vec() });
            cx.disk(DiskOperation::Sync { file: "log".into() });
            cx.disk(DiskOperation::Append { file: "log".into(), data: b"cache".to_vec() });
        }
        _ => {}
    };
    let check = |second: CrashSettings, notes: &[&str], answers: &[&str], touched: u64| {
        let mut simulation = stage(1, play);
        let panics = CrashSettings { silent: false, keeps: CrashKeeps::Everything };
        let deeds: [Deed<'_>; 6] = [
            (10, &|s| s.crash(FIRST, N0, panics)),
            (20, &move |s| s.crash(SECOND, N0, second)),
            (30, &|s| read(s, N0, 1)),
            (40, &|s| s.restart(SECOND, N0)),
            (50, &|s| read(s, N0, 2)),
            (90, &|s| s.restart(FIRST, N0)),
        ];
        assert_eq!(run(&mut simulation, &deeds), answers);
        assert_eq!(story(&simulation, 0, &[Tag::Note]), notes);
        assert_eq!(simulation.touched(SECOND), touched);
    };
    let refused = ["32ms #1 refused", "52ms #2 refused"];
    check(CrashSettings { silent: false, keeps: CrashKeeps::Everything }, &["90.1ms note syncedcac"], &refused, 0);
    let lost = "20ms note the crash lost 1 unsynced writes (5 bytes)";
    let silent = ["52ms #2 refused", "80ms #1 timeout"];
    check(LOSES_POWER, &[lost, "90.1ms note synced"], &silent, 1);
    let wiped = CrashSettings { silent: false, keeps: CrashKeeps::Wiped };
    check(wiped, &["20ms note the disk was replaced: 1 files are gone or set back", lost], &refused, 1);
}

#[test]
fn unsynced_writes_die_with_the_machine_and_synced_ones_stay() {
    let play: Play = |_, heard, cx| match heard {
        Heard::Start => {
            cx.disk(DiskOperation::Read { file: "log".into(), offset: 0, length: 9 });
        }
        Heard::Disk(Ok(DiskOutput::Data(data))) => cx.note(&String::from_utf8_lossy(data)),
        Heard::Disk(Err(_)) => {
            cx.disk(DiskOperation::Append { file: "log".into(), data: b"synced".to_vec() });
            cx.disk(DiskOperation::Sync { file: "log".into() });
            cx.disk(DiskOperation::Append { file: "log".into(), data: b"lost".to_vec() });
        }
        _ => {}
    };
    let mut simulation = stage(1, play);
    run(&mut simulation, &[(50, &|s| s.crash(FIRST, N0, LOSES_POWER)), (60, &|s| s.restart(FIRST, N0))]);
    let notes = story(&simulation, 0, &[Tag::Note]);
    assert_eq!(notes, ["50ms note the crash lost 1 unsynced writes (4 bytes)", "60.1ms note synced"]);
}

#[test]
fn a_busy_node_serves_what_waits_in_the_order_of_classes() {
    let play: Play = |_, heard, cx| match heard {
        Heard::Start if cx.me() == N0 => {
            cx.set_timer(0, Span::from_micros(500));
            cx.disk(DiskOperation::List);
            cx.work(ms(5));
        }
        Heard::Start => cx.send(N0, Word(1)),
        _ => {}
    };
    let mut simulation = stage(2, play);
    // The disk operation leaves at the end of the work and takes 0.1 ms.
    run(&mut simulation, &[]);
    let told = story(&simulation, 0, &[Tag::Waits, Tag::Deliver, Tag::Timer, Tag::Disk]);
    let expected = ["500us waits timer", "1ms waits deliver", "5ms deliver Word(1)", "5ms timer 0", "5.1ms disk"];
    assert_eq!(told, expected);
}

#[test]
fn cores_cost_and_slowness_say_how_long_work_takes() {
    let check = |settings: HostSettings, expected: &[&str]| {
        let play: Play = |_, heard, cx| match heard {
            Heard::Start if cx.me() != N0 => cx.send(N0, Word(1)),
            Heard::Word(..) => cx.work(ms(10)),
            _ => {}
        };
        let mut simulation = stage_with(4, &settings, Link::default(), play);
        run(&mut simulation, &[]);
        assert_eq!(story(&simulation, 0, &[Tag::Deliver, Tag::WorkDone]), expected);
    };
    check(
        HostSettings::default(),
        &[
            "1ms deliver Word(1)",
            "11ms work_done",
            "11ms deliver Word(1)",
            "21ms work_done",
            "21ms deliver Word(1)",
            "31ms work_done",
        ],
    );
    check(
        busy(|settings| settings.cores = 2),
        &[
            "1ms deliver Word(1)",
            "1ms deliver Word(1)",
            "11ms work_done",
            "11ms deliver Word(1)",
            "11ms work_done",
            "21ms work_done",
        ],
    );
    check(
        busy(|settings| {
            settings.cores = 4;
            settings.slowness_ppb = 2_500_000_000;
        }),
        &[
            "1ms deliver Word(1)",
            "1ms deliver Word(1)",
            "1ms deliver Word(1)",
            "26ms work_done",
            "26ms work_done",
            "26ms work_done",
        ],
    );
    // Starting costs too: the others send at 2 ms.
    check(
        busy(|settings| {
            settings.cores = 3;
            settings.cpu = ms(2);
        }),
        &[
            "2ms work_done",
            "3ms deliver Word(1)",
            "3ms deliver Word(1)",
            "3ms deliver Word(1)",
            "15ms work_done",
            "15ms work_done",
            "15ms work_done",
        ],
    );
}

#[test]
fn a_full_queue_drops_messages_and_keeps_timers() {
    let play: Play = |_, heard, cx| match heard {
        Heard::Start if cx.me() == N0 => {
            cx.set_timer(0, ms(2));
            cx.work(ms(5));
        }
        Heard::Start => cx.send(N0, Word(cx.me().0)),
        _ => {}
    };
    let mut simulation = stage_with(5, &busy(|settings| settings.queue = 2), Link::default(), play);
    run(&mut simulation, &[]);
    let told = story(&simulation, 0, &[Tag::Deliver, Tag::Timer]);
    assert_eq!(told, ["5ms deliver Word(1)", "5ms deliver Word(2)", "5ms timer 0"]);
    assert_eq!(dropped(&simulation), [("queue_full", 2)].into());
}
