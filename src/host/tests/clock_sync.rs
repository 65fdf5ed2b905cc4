//! Clocks that drift by nature and are kept right.

use proptest::prelude::*;

use super::*;
use crate::host::{ClockSync, Drift, WALL_EPOCH_NANOS};

fn drift(ppb: i64) -> Drift {
    Drift::from_ppb(ppb).expect("in range")
}

const SYNC: ClockSync = ClockSync {
    poll: Span::from_millis(100),
    error: Span::from_micros(200),
    slew: Drift::from_ppb(5_000_000).expect("in range"),
    step_threshold: Span::from_millis(3),
};

/// Looks at its clocks every 10 ms: notes by how much the wall clock is wrong, in ns, and the bound that it claims.
const WATCHER: Play = |ticks, heard, cx| match heard {
    Heard::Start => cx.set_timer(0, ms(10)),
    Heard::Timer(_) => {
        ticks.push(1);
        let (wall, now) = (cx.wall_now(), cx.core.now().as_nanos());
        let off = i128::from(wall.nanos) - i128::from(WALL_EPOCH_NANOS + now);
        cx.note(&format!("{off} {}", wall.error.as_nanos()));
        cx.set_timer(0, ms(10));
    }
    _ => {}
};

/// Error and bound, every 10 ms for a second and a half.
fn watch(settings: &HostSettings, seed: u64, deeds: &[Deed<'_>]) -> (Vec<(i64, u64)>, u64) {
    let mut builder = Builder::new(seed);
    builder.keep_trace();
    actors(&mut builder, "n", 1, settings, WATCHER);
    let mut simulation = builder.finish().expect("names are unique");
    for (&(at, _), token) in deeds.iter().zip(0..) {
        simulation.tell_at(Time::ZERO + ms(at), class::FAULT_START, token);
    }
    simulation.tell_at(Time::ZERO + ms(1_500), class::CHECK, 0);
    loop {
        match simulation.run() {
            Step::Token { class: class::CHECK, .. } => break,
            Step::Token { token, .. } => deeds[token as usize].1(&mut simulation),
            _ => {}
        }
    }
    let note = |line: &String| {
        let mut words = line.rsplit(' ');
        let bound = words.next().and_then(|word| word.parse().ok()).expect("a bound");
        (words.next().and_then(|word| word.parse().ok()).expect("an error"), bound)
    };
    (story(&simulation, 0, &[Tag::Note]).iter().map(note).collect(), simulation.touched(FIRST))
}

fn worst(seen: &[(i64, u64)]) -> u64 {
    seen.iter().map(|(off, _)| off.unsigned_abs()).max().unwrap_or_default()
}

fn synced() -> HostSettings {
    busy(|settings| {
        settings.clock_drift = drift(10_000_000);
        settings.clock_sync = Some(SYNC);
    })
}

#[test]
fn a_clock_that_is_kept_right_is_never_far_off() {
    let alone = busy(|settings| settings.clock_drift = drift(10_000_000));
    let (without, _) = watch(&alone, 4, &[]);
    let (with, _) = watch(&synced(), 4, &[]);
    assert!(worst(&without) > 4_000_000, "a drift of up to 1% for 1.5 s: {}", worst(&without));
    assert!(worst(&with) < 3_000_000, "{}", worst(&with));
}

#[test]
fn the_loss_of_synchronisation_lets_the_clock_drift_away_and_the_bound_says_so() {
    let node = NodeId(0);
    let (lost, touched) = watch(
        &synced(),
        4,
        &[(300, &|s| s.begin_sync_loss(FIRST, node)), (1_200, &|s| s.end_sync_loss(FIRST, node))],
    );
    assert!((7..=10).contains(&touched), "polls missed: {touched}");
    assert!(worst(&lost[30..120]) > 4_000_000);
    assert!(worst(&lost[145..]) < 3_000_000, "right again soon");
    assert!(lost.iter().all(|&(off, bound)| off.unsigned_abs() <= bound), "the bound never lies by itself");
}

#[test]
fn a_bound_can_be_made_a_lie() {
    let node = NodeId(0);
    let (seen, touched) = watch(
        &synced(),
        4,
        &[(300, &|s| s.begin_bound_lie(FIRST, node, Span::from_nanos(1))), (500, &|s| s.end_bound_lie(FIRST, node))],
    );
    let lies = seen.iter().filter(|&&(off, bound)| off.unsigned_abs() > bound).count();
    assert_eq!((touched, seen.iter().filter(|(_, bound)| *bound == 1).count()), (20, 20));
    assert!(lies > 15, "{lies}");
}

#[test]
fn a_big_difference_is_stepped_and_a_small_one_slewed() {
    let node = NodeId(0);
    let still = busy(|settings| settings.clock_sync = Some(ClockSync { error: Span::ZERO, ..SYNC }));
    let after = |by: i64| watch(&still, 1, &[(305, &move |s| s.step_clock(FIRST, node, by))]).0;
    let big = after(50_000_000);
    let steps = |seen: &[(i64, u64)]| {
        let jump = |pair: &&[(i64, u64)]| pair[0].0.abs_diff(pair[1].0) > 100_000;
        seen.windows(2).filter(jump).count()
    };
    assert_eq!((steps(&big), big.last().map(|&(off, _)| off)), (2, Some(0)), "there and back");
    let small = after(2_000_000);
    assert_eq!((steps(&small), small.last().map(|&(off, _)| off)), (1, Some(0)), "there, and slowly back");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_bound_is_true_whatever_the_drift(
        seed: u64, most in 0i64..50_000_000, poll in 1u64..400, error in 0u64..2_000, slew in 100_000i64..400_000_000,
    ) {
        let sync = ClockSync {
            poll: ms(poll), error: Span::from_micros(error), slew: drift(slew), step_threshold: ms(2),
        };
        let settings = busy(|settings| {
            settings.clock_drift = drift(most);
            settings.clock_sync = Some(sync);
        });
        for (off, bound) in watch(&settings, seed, &[]).0 {
            prop_assert!(off.unsigned_abs() <= bound, "off by {off}, and claims {bound}");
        }
    }
}
