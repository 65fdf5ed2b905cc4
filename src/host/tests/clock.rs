//! Clock faults: which timers they move, and what counts as touched.

use super::*;
use crate::host::{Drift, Key, WALL_EPOCH_NANOS};

const N0: NodeId = NodeId(0);

/// Sets a timer (0) for 100 ms on the monotonic clock and one (1) for the same on the wall clock.
const BOTH: Play = |_, heard, cx| {
    if matches!(heard, Heard::Start) {
        cx.set_timer(0, ms(100));
        cx.set_wall_timer(1, WALL_EPOCH_NANOS + ms(100).as_nanos());
    }
};

fn drift(ppb: i64) -> Drift {
    Drift::from_ppb(ppb).expect("in range")
}

const TWICE: i64 = 1_000_000_000;

#[test]
fn drift_moves_all_timers_and_steps_only_those_of_the_wall_clock() {
    let check = |deeds: &[Deed<'_>], expected: [&str; 2], touched: u64| {
        let mut simulation = stage(1, BOTH);
        run(&mut simulation, deeds);
        assert_eq!(story(&simulation, 0, &[Tag::Timer]), expected);
        assert_eq!(simulation.touched(FIRST), touched);
    };
    let step = |by: i64| move |s: &mut Simulation| s.step_clock(FIRST, N0, by);
    let ten_ms = 10_000_000;
    check(&[], ["100ms timer 0", "100ms timer 1"], 0);
    // From 50 ms on the clocks run twice as fast; in the second, for 20 ms only.
    check(&[(50, &|s| s.begin_drift(FIRST, N0, drift(TWICE)))], ["75ms timer 0", "75ms timer 1"], 2);
    check(
        &[(50, &|s| s.begin_drift(FIRST, N0, drift(TWICE))), (70, &|s| s.end_drift(FIRST, N0, drift(TWICE)))],
        ["80ms timer 0", "80ms timer 1"],
        2,
    );
    check(&[(50, &|s| s.begin_drift(FIRST, N0, drift(-TWICE / 2)))], ["150ms timer 0", "150ms timer 1"], 2);
    check(&[(50, &step(ten_ms))], ["90ms timer 1", "100ms timer 0"], 1);
    check(&[(50, &step(-ten_ms))], ["100ms timer 0", "110ms timer 1"], 1);
    check(&[(50, &step(10 * ten_ms))], ["50ms timer 1", "100ms timer 0"], 1);
    // An offset: stepped, and stepped back before the timer was due.
    check(
        &[(50, &step(ten_ms)), (60, &|s| s.step_clock_back(FIRST, N0, ten_ms))],
        ["100ms timer 0", "100ms timer 1"],
        1,
    );
}

#[test]
fn readings_count_only_while_the_fault_bends_that_clock() {
    let monotonic: Play = |_, heard, cx| match heard {
        Heard::Start => cx.set_timer(0, ms(20)),
        Heard::Timer(_) => {
            let shown = Span::from_nanos(cx.monotonic_now()).to_string();
            cx.note(&shown);
        }
        _ => {}
    };
    let wall: Play = |_, heard, cx| match heard {
        Heard::Start => cx.set_timer(0, ms(20)),
        Heard::Timer(_) => {
            let shown = cx.wall_now().nanos - WALL_EPOCH_NANOS;
            cx.note(&Span::from_nanos(shown).to_string());
        }
        _ => {}
    };
    let check = |play: Play, begin: &dyn Fn(&mut Simulation), expected: &str, touched: u64| {
        let mut simulation = stage(1, play);
        run(&mut simulation, &[(5, begin)]);
        assert_eq!(story(&simulation, 0, &[Tag::Note]), [expected]);
        assert_eq!(simulation.touched(FIRST), touched);
    };
    let second = 1_000_000_000;
    check(monotonic, &|_| {}, "20ms note 20ms", 0);
    check(monotonic, &|s| s.step_clock(FIRST, N0, second), "20ms note 20ms", 0);
    check(wall, &|s| s.step_clock(FIRST, N0, second), "20ms note 1.02s", 1);
    // The timer moves, and the clock is read.
    check(monotonic, &|s| s.begin_drift(FIRST, N0, drift(TWICE)), "12.5ms note 20ms", 2);
    check(wall, &|s| s.begin_drift(FIRST, N0, drift(TWICE)), "12.5ms note 20ms", 2);
    // A step does not bend the monotonic clock, even while another fault does.
    let both = |s: &mut Simulation| {
        s.begin_drift(SECOND, N0, drift(TWICE));
        s.step_clock(FIRST, N0, second);
    };
    check(monotonic, &both, "12.5ms note 20ms", 0);
    // A clock that nobody reads, and that no timer stands on.
    let mut simulation = stage(1, |_, _, _| {});
    run(&mut simulation, &[(5, &both)]);
    assert_eq!((simulation.touched(FIRST), simulation.touched(SECOND)), (0, 0));
}

#[test]
fn calls_are_given_up_by_the_caller_s_own_clock() {
    let mut simulation = stage(1, |_, heard, cx| {
        if matches!(heard, Heard::Start) {
            cx.ready();
        }
    });
    let client = NodeId(1);
    let ask = |s: &mut Simulation| {
        s.call(client, N0, Request::Read { key: Key(0) }, ms(40), 0);
    };
    let deeds: [Deed<'_>; 3] = [(10, &ask), (20, &|s| s.begin_drift(FIRST, client, drift(TWICE))), (30, &ask)];
    // The first has waited 10 ms and waits 15 more; the second waits 20.
    assert_eq!(run(&mut simulation, &deeds), ["35ms #0 timeout", "50ms #0 timeout"]);
    assert_eq!(simulation.touched(FIRST), 2);
}

#[test]
fn the_error_bound_is_what_a_node_is_told() {
    let mut simulation = stage(1, |_, heard, cx| match heard {
        Heard::Start => cx.set_timer(0, ms(10)),
        Heard::Timer(_) => {
            let error = cx.wall_now().error.to_string();
            cx.note(&error);
        }
        _ => {}
    });
    run(&mut simulation, &[(5, &|s| s.set_clock_error_bound(N0, ms(4)))]);
    assert_eq!(story(&simulation, 0, &[Tag::Note]), ["10ms note 4ms"]);
}
