//! A node's two clocks as functions of true time: piecewise linear, exact, in integers.
//!
//! Both clocks of a node stand on one oscillator. A rate change (drift, or the slew with which NTP corrects) acts
//! on both from now on, as it does on Linux; a step moves only the wall clock. The monotonic clock never steps and
//! never runs backwards. Readings lose no fraction at a rate change: they are kept in billionths of a nanosecond
//! and rounded down only when read.
//!
//! Absent here: the timers that run on these clocks. Whoever holds them asks [`Clock::when_monotonic`] again after a
//! rate change and [`Clock::when_wall`] also after a step.

use crate::kernel::{Span, Time};

/// What a wall clock without offset shows at [`Time::ZERO`]: 2025-01-01T00:00:00Z, in nanoseconds since
/// 1970-01-01T00:00:00Z.
pub const WALL_EPOCH_NANOS: u64 = 1_735_689_600_000_000_000;

/// Parts in one, for ratios in parts per billion; also the billionths of a nanosecond in a nanosecond.
const BILLION: i128 = 1_000_000_000;

/// How much faster than true time a clock runs, in parts per billion; a negative drift is a slow clock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Drift(i64);

/// What a wall clock says: a reading, and how far from true time it believes to be at most.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct WallTime {
    /// Nanoseconds since 1970-01-01T00:00:00Z; stays at 0 and at `u64::MAX` (the year 2554) beyond them.
    pub nanos: u64,
    /// The bound that the clock claims for its error. A fault may make it a lie.
    pub error: Span,
}

/// The wall clock and the monotonic clock of one node.
///
/// Faults stack: drifts and steps are summed, so that taking one back (`remove_drift`, `step` by the opposite)
/// leaves exactly the others. Instants given to one clock must not go back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clock {
    /// The sum of all drifts at work, in parts per billion.
    drift: i64,
    /// When the present rate began.
    since: Time,
    /// How far the monotonic clock was ahead of true time then, in billionths of a nanosecond.
    ahead: i128,
    /// The sum of all steps of the wall clock, in nanoseconds.
    stepped: i128,
    error_bound: Span,
    /// When that bound was right, and by how much it has to grow since, in parts per billion.
    bound_since: Time,
    bound_growth_ppb: u64,
}

impl Drift {
    /// A drift in parts per billion, above -10^9 (a clock that stands still) and at most 10^10 (eleven times as
    /// fast); `None` outside.
    #[must_use]
    pub const fn from_ppb(ppb: i64) -> Option<Self> {
        if ppb > -1_000_000_000 && ppb <= 10_000_000_000 { Some(Self(ppb)) } else { None }
    }

    /// The drift in parts per billion.
    #[must_use]
    pub const fn ppb(self) -> i64 {
        self.0
    }
}

impl Clock {
    /// A clock that reads true time, with an error bound of zero.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            drift: 0,
            since: Time::ZERO,
            ahead: 0,
            stepped: 0,
            error_bound: Span::ZERO,
            bound_since: Time::ZERO,
            bound_growth_ppb: 0,
        }
    }

    /// Whether the monotonic clock reads true time now and until the next rate change, so that timers need no
    /// conversion.
    #[inline]
    #[must_use]
    pub const fn is_true(&self) -> bool {
        self.drift == 0 && self.ahead == 0
    }

    /// The monotonic clock at `now`, in nanoseconds since the start of the run; stays at `u64::MAX` beyond it.
    #[inline]
    #[must_use]
    pub fn monotonic_at(&self, now: Time) -> u64 {
        if self.is_true() { now.as_nanos() } else { saturated(self.reading_at(now) / BILLION) }
    }

    /// The wall clock at `now`.
    #[must_use]
    pub fn wall_at(&self, now: Time) -> WallTime {
        let nanos = saturated(self.wall_ahead() + self.reading_at(now) / BILLION);
        let grown = u128::from(now.since(self.bound_since).as_nanos()) * u128::from(self.bound_growth_ppb);
        let grown = u64::try_from(grown.div_ceil(BILLION.unsigned_abs())).unwrap_or(u64::MAX);
        WallTime { nanos, error: self.error_bound + Span::from_nanos(grown) }
    }

    /// The earliest instant, not before `now`, at which the monotonic clock shows `target` nanoseconds or more if
    /// its rate stays; [`Time::MAX`] if that is not before the end of time.
    #[inline]
    #[must_use]
    pub fn when_monotonic(&self, now: Time, target: u64) -> Time {
        if self.is_true() { now.max(Time::from_nanos(target)) } else { self.earliest(now, i128::from(target)) }
    }

    /// The earliest instant, not before `now`, at which the wall clock shows `target` nanoseconds since 1970 or
    /// more if it is neither stepped nor changes its rate; [`Time::MAX`] if that is not before the end of time.
    #[must_use]
    pub fn when_wall(&self, now: Time, target: u64) -> Time {
        if target == 0 { now } else { self.earliest(now, i128::from(target) - self.wall_ahead()) }
    }

    /// Adds `drift` to the rate of both clocks from `now` on. Where the sum of drifts would stop the clocks or turn
    /// them back, they crawl at one part per billion.
    pub fn add_drift(&mut self, now: Time, drift: Drift) {
        self.change_rate(now, drift.0);
    }

    /// Takes back a drift that was added: from `now` on the rate is what it would be without it.
    pub fn remove_drift(&mut self, now: Time, drift: Drift) {
        self.change_rate(now, -drift.0);
    }

    /// Moves the wall clock by `nanoseconds`, forward or back. An offset is a step at the start.
    pub fn step(&mut self, nanoseconds: i64) {
        self.stepped += i128::from(nanoseconds);
    }

    /// Sets the error that the wall clock claims to have at most, whatever its true error.
    pub fn set_error_bound(&mut self, bound: Span) {
        self.error_bound = bound;
    }

    /// Sets the error that the wall clock claims to have had at most at `now`.
    pub fn set_error_bound_at(&mut self, now: Time, bound: Span) {
        self.error_bound = bound;
        self.bound_since = now;
    }

    /// Lets the bound of the error grow as it has to for a clock that may drift so much, either way.
    pub fn set_error_growth(&mut self, most: Drift) {
        self.bound_growth_ppb = most.ppb().unsigned_abs();
    }

    /// How far the wall clock is behind true time at `now`, in nanoseconds; negative if it is ahead. Stays at the ends of
    /// the range.
    #[must_use]
    pub fn wall_behind(&self, now: Time) -> i64 {
        let right = i128::from(WALL_EPOCH_NANOS) + i128::from(now.as_nanos());
        let behind = right - (self.wall_ahead() + self.reading_at(now) / BILLION);
        i64::try_from(behind).unwrap_or(if behind < 0 { i64::MIN + 1 } else { i64::MAX })
    }

    fn change_rate(&mut self, now: Time, by: i64) {
        let now = now.max(self.since);
        self.ahead = self.reading_at(now) - i128::from(now.as_nanos()) * BILLION;
        self.since = now;
        self.drift += by;
    }

    /// Billionths of a nanosecond on the monotonic clock per nanosecond of true time; at least one.
    fn rate(&self) -> i128 {
        (BILLION + i128::from(self.drift)).max(1)
    }

    /// The monotonic clock in billionths of a nanosecond. Below 2^98, since a rate is below 2^34.
    fn reading_at(&self, now: Time) -> i128 {
        self.reading_at_change() + i128::from(now.since(self.since).as_nanos()) * self.rate()
    }

    fn reading_at_change(&self) -> i128 {
        i128::from(self.since.as_nanos()) * BILLION + self.ahead
    }

    /// How far the wall clock is ahead of the monotonic clock, in nanoseconds.
    fn wall_ahead(&self) -> i128 {
        i128::from(WALL_EPOCH_NANOS) + self.stepped
    }

    fn earliest(&self, now: Time, target: i128) -> Time {
        let missing = target.saturating_mul(BILLION).saturating_sub(self.reading_at_change());
        if missing <= 0 {
            return now;
        }
        let rate = self.rate();
        let nanoseconds = missing / rate + i128::from(missing % rate != 0);
        now.max(Time::from_nanos(saturated(nanoseconds.saturating_add(i128::from(self.since.as_nanos())))))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

fn saturated(nanoseconds: i128) -> u64 {
    u64::try_from(nanoseconds.max(0)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    fn drift(ppb: i64) -> Drift {
        Drift::from_ppb(ppb).expect("a drift in range")
    }

    fn at(nanoseconds: u64) -> Time {
        Time::from_nanos(nanoseconds)
    }

    #[derive(Clone, Debug)]
    enum Act {
        Wait(u64),
        Add(i64),
        /// Heal one of the drifts at work, if there is one.
        Remove(usize),
        Step(i64),
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let ppb = prop_oneof![-500_000i64..=500_000, -999_999_999i64..=10_000_000_000];
        let act = prop_oneof![
            3 => prop_oneof![0u64..10, 0u64..100 * SECOND, 0u64..u64::MAX / 100].prop_map(Act::Wait),
            2 => ppb.prop_map(Act::Add),
            1 => any::<usize>().prop_map(Act::Remove),
            1 => prop_oneof![-10 * SECOND as i64..10 * SECOND as i64, any::<i64>()].prop_map(Act::Step),
        ];
        prop::collection::vec(act, 0..20)
    }

    /// The clock as its definition has it: the sum of all pieces, and of all steps.
    #[derive(Default)]
    struct Oracle {
        pieces: Vec<(u64, i128)>,
        drifts: Vec<i64>,
        steps: i128,
    }

    impl Oracle {
        fn wait(&mut self, nanoseconds: u64) {
            let rate = BILLION + self.drifts.iter().map(|&ppb| i128::from(ppb)).sum::<i128>();
            self.pieces.push((nanoseconds, rate.max(1)));
        }

        fn monotonic(&self) -> i128 {
            self.pieces.iter().map(|&(length, rate)| i128::from(length) * rate).sum::<i128>() / BILLION
        }
    }

    fn play(acts: &[Act], mut inspect: impl FnMut(&Clock, Time, &Oracle)) -> (Clock, Time, Oracle) {
        let (mut clock, mut now, mut oracle) = (Clock::new(), Time::ZERO, Oracle::default());
        for act in acts {
            match *act {
                Act::Wait(nanoseconds) => {
                    oracle.wait(nanoseconds.min(u64::MAX - now.as_nanos()));
                    now += Span::from_nanos(nanoseconds);
                }
                Act::Add(ppb) => {
                    oracle.drifts.push(ppb);
                    clock.add_drift(now, drift(ppb));
                }
                Act::Remove(which) if !oracle.drifts.is_empty() => {
                    let ppb = oracle.drifts.swap_remove(which % oracle.drifts.len());
                    clock.remove_drift(now, drift(ppb));
                }
                Act::Remove(_) => {}
                Act::Step(by) => {
                    oracle.steps += i128::from(by);
                    clock.step(by);
                }
            }
            inspect(&clock, now, &oracle);
        }
        (clock, now, oracle)
    }

    /// `found` is the earliest instant from `now` on at which `reading` reaches `target`.
    fn assert_earliest(found: Time, now: Time, target: u64, reading: impl Fn(Time) -> u64) {
        assert!(found >= now);
        assert!(reading(found) >= target || found == Time::MAX, "too early: {found:?}");
        assert!(found == now || reading(found - Span::from_nanos(1)) < target, "too late: {found:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_clock_reads_the_sum_of_its_pieces(acts in acts()) {
            play(&acts, |clock, now, oracle| {
                assert_eq!(clock.monotonic_at(now), saturated(oracle.monotonic()));
                let wall = i128::from(WALL_EPOCH_NANOS) + oracle.monotonic() + oracle.steps;
                assert_eq!(clock.wall_at(now).nanos, saturated(wall));
            });
        }

        #[test]
        fn the_monotonic_clock_never_runs_backwards(acts in acts()) {
            let mut last = 0;
            play(&acts, |clock, now, _| {
                let reading = clock.monotonic_at(now);
                assert!(reading >= last);
                last = reading;
            });
        }

        #[test]
        fn timers_fire_at_the_earliest_instant(acts in acts(), ahead in prop_oneof![0u64..1_000, any::<u64>()]) {
            let (clock, now, _) = play(&acts, |_, _, _| ());
            let target = clock.monotonic_at(now).saturating_add(ahead);
            assert_earliest(clock.when_monotonic(now, target), now, target, |t| clock.monotonic_at(t));
            let target = clock.wall_at(now).nanos.saturating_add(ahead);
            assert_earliest(clock.when_wall(now, target), now, target, |t| clock.wall_at(t).nanos);
            let past = clock.monotonic_at(now).saturating_sub(ahead);
            assert_eq!(clock.when_monotonic(now, past), now);
        }

        #[test]
        fn healing_every_fault_returns_the_rate_exactly(acts in acts(), length in 0u64..1_000 * SECOND) {
            let (mut clock, now, oracle) = play(&acts, |_, _, _| ());
            for &ppb in &oracle.drifts {
                clock.remove_drift(now, drift(ppb));
            }
            let before = clock.monotonic_at(now);
            let later = now + Span::from_nanos(length);
            prop_assert_eq!(clock.monotonic_at(later), before.saturating_add(later.since(now).as_nanos()));
        }
    }

    #[test]
    fn an_untouched_clock_reads_true_time() {
        let clock = Clock::new();
        assert!(clock.is_true());
        assert_eq!(clock.monotonic_at(at(7)), 7);
        assert_eq!(clock.wall_at(at(7)), WallTime { nanos: WALL_EPOCH_NANOS + 7, error: Span::ZERO });
        assert_eq!(clock.when_monotonic(at(7), 9), at(9));
        assert_eq!(clock.when_wall(at(7), WALL_EPOCH_NANOS + 9), at(9));
    }

    #[test]
    fn a_step_and_an_offset_move_only_the_wall_clock() {
        let mut clock = Clock::new();
        clock.step(-(SECOND as i64));
        assert!(clock.is_true());
        assert_eq!(clock.wall_at(Time::ZERO).nanos, WALL_EPOCH_NANOS - SECOND);
        assert_eq!(clock.when_wall(Time::ZERO, WALL_EPOCH_NANOS), at(SECOND));
        clock.step(SECOND as i64);
        assert_eq!(clock, Clock::new());
    }

    #[test]
    fn drift_changes_the_rate_of_both_clocks() {
        let mut clock = Clock::new();
        clock.add_drift(at(SECOND), drift(100_000));
        let later = at(11 * SECOND);
        assert_eq!(clock.monotonic_at(later), 11 * SECOND + 1_000_000);
        assert_eq!(clock.wall_at(later).nanos, WALL_EPOCH_NANOS + 11 * SECOND + 1_000_000);
        clock.remove_drift(later, drift(100_000));
        assert!(!clock.is_true(), "the lead that it gained stays");
        assert_eq!(clock.monotonic_at(at(12 * SECOND)), 12 * SECOND + 1_000_000);
    }

    #[test]
    fn drifts_that_would_stop_the_clock_let_it_crawl_and_heal_exactly() {
        let mut clock = Clock::new();
        clock.add_drift(Time::ZERO, drift(-600_000_000));
        clock.add_drift(Time::ZERO, drift(-600_000_000));
        assert_eq!(clock.monotonic_at(at(5 * SECOND)), 5);
        assert_eq!(clock.when_monotonic(Time::ZERO, u64::MAX), Time::MAX);
        clock.remove_drift(Time::ZERO, drift(-600_000_000));
        assert_eq!(clock.monotonic_at(at(5 * SECOND)), 2 * SECOND);
    }

    #[test]
    fn a_drift_keeps_the_clock_moving_forward() {
        let check = |ppb, accepted| assert_eq!(Drift::from_ppb(ppb).is_some(), accepted, "{ppb}");
        check(-1_000_000_000, false);
        check(-999_999_999, true);
        check(10_000_000_000, true);
        check(10_000_000_001, false);
        check(i64::MIN, false);
    }

    #[test]
    fn readings_stay_at_the_ends() {
        let mut clock = Clock::new();
        clock.add_drift(Time::ZERO, drift(10_000_000_000));
        assert_eq!(clock.monotonic_at(Time::MAX), u64::MAX);
        assert_eq!(clock.wall_at(Time::MAX).nanos, u64::MAX);
        clock.step(i64::MIN);
        assert_eq!(clock.wall_at(Time::ZERO).nanos, 0);
        assert_eq!(clock.when_wall(at(3), 0), at(3), "it shows 0 already");
        assert_eq!(Clock::new().when_wall(Time::ZERO, 0), Time::ZERO);
    }

    #[test]
    fn the_error_bound_is_whatever_it_was_set_to() {
        let mut clock = Clock::new();
        clock.set_error_bound(Span::from_millis(4));
        clock.step(SECOND as i64);
        assert_eq!(clock.wall_at(Time::ZERO).error, Span::from_millis(4));
    }
}
