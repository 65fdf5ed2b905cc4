//! When operations are meant to start.

use std::num::{NonZeroU32, NonZeroU64};

use crate::kernel::{Draw, Sampler, Span, Time};

/// How many operations in how much time, exactly: 200 a second, 1 in three seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    operations: NonZeroU64,
    per: Span,
}

/// The unit of [`Rate::after`]: a billionth of the mean interval.
const INTERVAL: u64 = 1_000_000_000;

impl Rate {
    /// So many operations in `per`; `None` if that is no time.
    #[must_use]
    pub const fn new(operations: NonZeroU64, per: Span) -> Option<Self> {
        if per.is_zero() { None } else { Some(Self { operations, per }) }
    }

    /// How long `billionths` of the mean interval take, rounded down to the nanosecond. Computed from the start, never
    /// as a sum of rounded intervals, so that arrivals do not drift.
    fn after(self, billionths: u128) -> Span {
        let nanoseconds = billionths.saturating_mul(u128::from(self.per.as_nanos()))
            / (u128::from(self.operations.get()) * u128::from(INTERVAL));
        Span::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }
}

/// What makes operations start.
#[derive(Clone, PartialEq, Debug)]
pub enum Arrivals {
    /// Operations start at a rate, whatever becomes of those before them.
    Open {
        /// How often.
        rate: Rate,
        /// How regularly.
        spacing: Spacing,
        /// How many operations run at once at most; more wait for their start. `None`: as many as needed.
        sessions: Option<NonZeroU32>,
    },
    /// Each session thinks, runs an operation to its end, and thinks again.
    ClosedLoop {
        /// How long a session thinks.
        think: Sampler,
        /// How many sessions there are.
        sessions: NonZeroU32,
    },
}

/// How regularly operations start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spacing {
    /// Operation number k is meant for the start plus k intervals.
    Constant,
    /// Independently of each other: after exponential intervals, the first of them from the start.
    Poisson,
}

/// The instants of an open load, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Instants {
    start: Time,
    rate: Rate,
    /// The gap between two arrivals, as if the mean interval were a second.
    gap: Sampler,
    /// Where the next arrival is, in billionths of the mean interval.
    position: u128,
}

impl Instants {
    pub(super) fn new(rate: Rate, spacing: Spacing, start: Time, draws: &mut impl Draw) -> Self {
        let interval = Span::from_nanos(INTERVAL);
        let (gap, position) = match spacing {
            Spacing::Constant => (Sampler::constant(interval), Span::ZERO),
            Spacing::Poisson => {
                let gap = Sampler::exponential(interval, Span::ZERO).expect("the mean is not zero");
                let first = gap.sample(draws);
                (gap, first)
            }
        };
        Self { start, rate, gap, position: u128::from(position.as_nanos()) }
    }

    /// The next instant.
    pub(super) fn next(&mut self, draws: &mut impl Draw) -> Time {
        let at = self.start + self.rate.after(self.position);
        self.position += u128::from(self.gap.sample(draws).as_nanos());
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::SplitMix64;
    use proptest::prelude::*;

    fn rate(operations: u64, per: Span) -> Rate {
        Rate::new(NonZeroU64::new(operations).unwrap(), per).unwrap()
    }

    #[test]
    fn no_time_is_no_rate() {
        assert_eq!(Rate::new(NonZeroU64::MIN, Span::ZERO), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Arrival k is at the start plus k intervals, rounded down, for every k: no drift.
        #[test]
        fn constant_arrivals_are_exact(
            operations in 1..5_000u64,
            per in 1..100_000_000_000u64,
            start in 0..1_000_000_000u64,
        ) {
            let mut draws = SplitMix64::new(0);
            let rate = rate(operations, Span::from_nanos(per));
            let mut instants = Instants::new(rate, Spacing::Constant, Time::from_nanos(start), &mut draws);
            for k in 0..100u64 {
                let exact = u128::from(k) * u128::from(per) / u128::from(operations);
                prop_assert_eq!(u128::from(instants.next(&mut draws).as_nanos() - start), exact);
            }
        }
    }

    #[test]
    fn a_rate_that_is_no_whole_interval_does_not_drift() {
        let mut draws = SplitMix64::new(0);
        let mut instants = Instants::new(rate(300, Span::from_secs(1)), Spacing::Constant, Time::ZERO, &mut draws);
        let second = |_| (0..300).map(|_| instants.next(&mut draws)).last().unwrap().as_nanos();
        let lasts: Vec<u64> = (0..3).map(second).collect();
        assert_eq!(lasts, [996_666_666, 1_996_666_666, 2_996_666_666]);
    }

    /// An exponential interval has the mean and the deviation 1: over n arrivals, both lie within five standard errors.
    #[test]
    fn poisson_arrivals_have_their_mean_and_deviation() {
        let mean = 1e9 / 300.0;
        for seed in 0..5 {
            let mut draws = SplitMix64::new(seed);
            let rate = rate(300, Span::from_secs(1));
            let mut instants = Instants::new(rate, Spacing::Poisson, Time::from_nanos(7), &mut draws);
            let arrivals = 40_000u32;
            let (mut last, mut sum, mut squares) = (7, 0.0, 0.0);
            for _ in 0..arrivals {
                let at = instants.next(&mut draws).as_nanos();
                let gap = (at - last) as f64 / mean;
                (last, sum, squares) = (at, sum + gap, squares + gap * gap);
            }
            let n = f64::from(arrivals);
            let variance = squares / n - (sum / n) * (sum / n);
            assert!((sum / n - 1.0).abs() < 5.0 / n.sqrt(), "seed {seed}: mean {}", sum / n);
            // The variance of an exponential sample's variance is (9 - 1) / n.
            assert!((variance - 1.0).abs() < 5.0 * (8.0 / n).sqrt(), "seed {seed}: variance {variance}");
        }
    }

    #[test]
    fn beyond_the_end_of_time_is_its_end() {
        let mut draws = SplitMix64::new(0);
        let mut instants = Instants::new(rate(1, Span::MAX), Spacing::Constant, Time::ZERO, &mut draws);
        let last = (0..1_000).map(|_| instants.next(&mut draws)).last();
        assert_eq!(last, Some(Time::MAX));
    }
}
