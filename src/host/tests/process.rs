//! Faults of processes and processors: slowness, panics, memory, other settings; and processes that give up.

use super::*;
use crate::host::{Key, MemoryLimit, PanicOn, PlantedPanic, Value};

const N0: NodeId = NodeId(0);

/// Every 10 ms, five times: says that it holds ten bytes more, works for a millisecond, and sends to the other.
const WORKER: Play = |rounds, heard, cx| match heard {
    Heard::Start if cx.me() == N0 => {
        cx.ready();
        cx.set_timer(0, ms(10));
    }
    Heard::Timer(_) => {
        rounds.push(1);
        cx.holds(10 * rounds.len() as u64);
        cx.work(ms(1));
        cx.send(NodeId(1), Word(rounds.len() as u32));
        if rounds.len() < 5 {
            cx.set_timer(0, ms(10));
        }
    }
    Heard::Request(id) => cx.reply(id, Reply::Ok(Value::Nil)),
    _ => {}
};

/// What becomes of the worker under some deeds, and what the other hears.
fn worker(deeds: &[Deed<'_>]) -> (Vec<String>, Vec<String>, u64) {
    let mut simulation = stage(2, WORKER);
    run(&mut simulation, deeds);
    let lives = story(&simulation, 0, &[Tag::Start, Tag::Crash, Tag::Note]);
    (lives, story(&simulation, 1, &[Tag::Deliver]), simulation.touched(FIRST))
}

#[test]
fn a_slow_processor_takes_longer_over_what_it_begins_then() {
    let (_, heard, touched) = worker(&[
        (15, &|s| s.begin_slowness(FIRST, N0, 3_000_000_000)),
        (25, &|s| s.begin_slowness(SECOND, N0, 2_000_000_000)),
        (31, &|s| s.end_slowness(FIRST, N0)),
    ]);
    let expected = ["12ms", "24ms", "37ms", "43ms", "53ms"].map(|at| at.to_owned());
    assert_eq!(heard.iter().map(|line| line.split(' ').next().unwrap_or_default()).collect::<Vec<_>>(), expected);
    assert_eq!(touched, 2);
}

#[test]
fn a_planted_panic_takes_back_what_the_handler_sent_and_the_process_comes_back() {
    let bug = |on, nth, times| PlantedPanic { on, nth, times, after: ms(5) };
    let check = |what: PlantedPanic, lives: &[&str], words: usize, touched| {
        let found = worker(&[(0, &move |s| s.begin_panics(FIRST, N0, what)), (200, &|s| s.end_panics(FIRST, N0))]);
        assert_eq!(
            (&found.0[..], found.1.len(), found.2),
            (&lives.iter().map(|&l| l.to_owned()).collect::<Vec<_>>()[..], words, touched),
            "{what:?}"
        );
    };
    let dies = "20ms note panics while it handles: timer";
    check(bug(PanicOn::Timer, 2, 1), &["0s start", dies, "20ms crash", "25ms start"], 1 + 5, 1);
    check(
        bug(PanicOn::Timer, 2, 2),
        &[
            "0s start",
            dies,
            "20ms crash",
            "25ms start",
            "45ms note panics while it handles: timer",
            "45ms crash",
            "50ms start",
        ],
        1 + 1 + 5,
        2,
    );
    check(bug(PanicOn::Message, 1, 1), &["0s start"], 5, 0);
    check(
        bug(PanicOn::Start, 1, 1),
        &["0s start", "0s note panics while it handles: start", "0s crash", "5ms start"],
        5,
        1,
    );
    // Healed while it is down: it starts at once.
    let (lives, ..) = worker(&[
        (0, &|s| s.begin_panics(FIRST, N0, PlantedPanic { after: ms(500), ..bug(PanicOn::Timer, 1, 9) })),
        (30, &|s| s.end_panics(FIRST, N0)),
    ]);
    assert_eq!(lives[2..], ["10ms crash", "30ms start"]);
}

#[test]
fn a_process_that_holds_too_much_is_killed() {
    let limit = |bytes| MemoryLimit { bytes, after: ms(5) };
    let check = |from: u64, bytes, lives: &[&str], touched| {
        let found = worker(&[
            (from, &move |s| s.begin_memory_limit(FIRST, N0, limit(bytes))),
            (70, &|s| s.end_memory_limit(FIRST, N0)),
        ]);
        let lives: Vec<_> = lives.iter().map(|&line| line.to_owned()).collect();
        assert_eq!((found.0, found.2), (lives, touched), "{bytes} bytes from {from} ms on");
    };
    check(5, 50, &["0s start"], 0);
    check(
        5,
        40,
        &["0s start", "50ms note is killed: it holds 50 bytes, and the limit is 40", "50ms crash", "55ms start"],
        1,
    );
    check(
        45,
        20,
        &["0s start", "45ms note is killed: it holds 40 bytes, and the limit is 20", "45ms crash", "50ms start"],
        1,
    );
}

#[test]
fn a_process_that_gives_up_is_started_again() {
    let play: Play = |_, heard, cx| match heard {
        Heard::Start => cx.ready(),
        Heard::Request(id) => {
            cx.reply(id, Reply::Ok(Value::Nil));
            cx.exit("no disk");
        }
        _ => {}
    };
    let settings = busy(|settings| settings.restart_after = ms(30));
    let mut simulation = stage_with(1, &settings, Link::default(), play);
    let answers = run(
        &mut simulation,
        &[(10, &|s| {
            s.call(NodeId(1), N0, Request::Read { key: Key(0) }, ms(50), 1);
        })],
    );
    assert_eq!(answers, ["12ms #1 reset"]);
    let lives = story(&simulation, 0, &[Tag::Start, Tag::Crash, Tag::Note]);
    assert_eq!(lives, ["0s start", "11ms note gives up: no disk", "11ms crash", "41ms start"]);
}

#[test]
fn other_settings_hold_from_the_next_start_on() {
    let mut builder = Builder::new(1);
    builder.keep_trace();
    let play: Play = |settings, heard, cx| {
        if matches!(heard, Heard::Start) {
            let settings = format!("{settings:?}");
            cx.note(&settings);
        }
    };
    let zones = [ZoneId(0)];
    builder.service("n", &zones, &HostSettings::default(), move |birth| Actor { play, memory: vec![birth.settings] });
    let mut simulation = builder.finish().expect("names are unique");
    let again = |s: &mut Simulation| {
        s.crash(SECOND, N0, DIES);
        s.restart(SECOND, N0);
    };
    let third = FaultId(3);
    let deeds: [Deed<'_>; 8] = [
        (10, &|s| s.change_settings(FIRST, N0, 1)),
        (20, &again),
        (30, &move |s| s.change_settings(third, N0, 2)),
        (40, &again),
        (50, &|s| s.restore_settings(FIRST, N0)),
        (60, &again),
        (70, &move |s| s.restore_settings(third, N0)),
        (80, &again),
    ];
    run(&mut simulation, &deeds);
    let notes = ["0s note [0]", "20ms note [1]", "40ms note [2]", "60ms note [2]", "80ms note [0]"];
    assert_eq!(story(&simulation, 0, &[Tag::Note]), notes);
    assert_eq!((simulation.touched(FIRST), simulation.touched(third)), (1, 2));
}

#[test]
fn a_paused_client_hears_and_asks_when_it_goes_on() {
    let client = NodeId(1);
    let ask = |tag| {
        move |s: &mut Simulation| {
            s.call(client, N0, Request::Read { key: Key(0) }, ms(30), tag);
        }
    };
    let answers = |deeds: &[Deed<'_>]| {
        let mut simulation = stage(1, |_, heard, cx| match heard {
            Heard::Start => cx.ready(),
            Heard::Request(id) => cx.reply(id, Reply::Ok(Value::Nil)),
            _ => {}
        });
        (run(&mut simulation, deeds), simulation.touched(FIRST))
    };
    let pause = |s: &mut Simulation| s.pause(FIRST, client);
    let resume = |s: &mut Simulation| s.resume(FIRST, client);
    let (one, two, three) = (ask(1), ask(2), ask(3));
    // The first answer waits, the second request too; the third is asked afterwards.
    let found = answers(&[(10, &one), (11, &pause), (15, &two), (35, &resume), (36, &three)]);
    assert_eq!(found, (["35ms #1 Ok(Nil)", "37ms #2 Ok(Nil)", "38ms #3 Ok(Nil)"].map(String::from).to_vec(), 2));
    // Given up while it stood still, although the answer had come: it sees the answer first.
    let found = answers(&[(10, &one), (11, &pause), (90, &resume)]);
    assert_eq!(found.0, ["90ms #1 Ok(Nil)"]);
    // It never came to ask in time.
    let found = answers(&[(10, &pause), (15, &two), (90, &resume)]);
    assert_eq!(found.0, ["90ms #2 timeout"]);
}
