//! What can be drawn from a source of random 64-bit words.

use std::ops::RangeInclusive;

/// `draw` as a share of `count`: a number below `count`, each within one part in 2^64 of equally likely. One
/// multiplication, and always exactly one draw.
#[inline]
pub(super) fn scale(draw: u64, count: u64) -> u64 {
    ((u128::from(draw) * u128::from(count)) >> 64) as u64
}

/// A source of random words. What is provided here uses integers of fixed width only, never `usize`, so that it draws the
/// same on every target.
pub trait Draw {
    /// The next word, each of the 2^64 equally likely.
    fn next_u64(&mut self) -> u64;

    /// A number below `bound`, all exactly equally likely; zero if `bound` is zero. Draws once, and again only with a
    /// probability of less than `bound` / 2^64 (Lemire, Fast Random Integer Generation in an Interval, 2019,
    /// algorithm 5).
    #[inline]
    fn below(&mut self, bound: u64) -> u64 {
        let mut product = u128::from(self.next_u64()) * u128::from(bound);
        if (product as u64) < bound {
            let threshold = bound.wrapping_neg() % bound;
            while (product as u64) < threshold {
                product = u128::from(self.next_u64()) * u128::from(bound);
            }
        }
        (product >> 64) as u64
    }

    /// A number in `range`, all exactly equally likely; its start if it is empty. Draws as [`below`](Self::below) does.
    #[inline]
    fn in_range(&mut self, range: RangeInclusive<u64>) -> u64 {
        let (low, high) = range.into_inner();
        match high.saturating_sub(low).checked_add(1) {
            Some(width) => low + self.below(width),
            None => self.next_u64(),
        }
    }

    /// True with a probability of `parts_per_billion` / 10^9: never for 0, always for 10^9 or more. Always draws
    /// exactly once, so that changing a probability shifts no later draw.
    #[inline]
    fn chance(&mut self, parts_per_billion: u64) -> bool {
        scale(self.next_u64(), 1_000_000_000) < parts_per_billion
    }

    /// A number in [0, 1): a multiple of 2^-53, all equally likely. Draws exactly once.
    #[inline]
    fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A number from `low` to `high`, both above zero, whose logarithm is uniform: from 1 to 10 as likely as from 10 to
    /// 100. Draws exactly once; zero counts as one, and `low` is drawn where nothing lies between.
    fn log_uniform(&mut self, low: u64, high: u64) -> u64 {
        let (low, high) = (low.max(1), high.max(low).max(1));
        let ratio = high as f64 / low as f64;
        let drawn = low as f64 * libm::exp(self.unit() * libm::log(ratio));
        (libm::floor(drawn + 0.5) as u64).clamp(low, high)
    }

    /// Puts `items` into an order chosen at random, all equally likely (Durstenfeld, Algorithm 235, 1964).
    fn shuffle<T>(&mut self, items: &mut [T])
    where
        Self: Sized,
    {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    /// One of `items`, all equally likely; nothing, and no draw, if there are none.
    fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T>
    where
        Self: Sized,
    {
        if items.is_empty() { None } else { items.get(self.below(items.len() as u64) as usize) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::SplitMix64;

    #[test]
    fn log_uniform_numbers_have_uniform_logarithms() {
        let mut draws = SplitMix64::new(1);
        let drawn: Vec<u64> = (0..3_000).map(|_| draws.log_uniform(10, 10_000)).collect();
        for (low, high) in [(10, 100), (100, 1_000), (1_000, 10_001)] {
            let count = drawn.iter().filter(|&&number| (low..high).contains(&number)).count();
            // The deviation is about 26.
            assert!(count.abs_diff(1_000) < 130, "{count} from {low} to {high}");
        }
        // 10 * 1000^u, where u is the share of 2^64 of the published first words of this generator.
        assert_eq!(drawn[..4], [501, 1_727, 8_185, 215]);
        for (low, high, expected) in [(7, 7, 7), (7, 3, 7), (0, 0, 1)] {
            assert_eq!(draws.log_uniform(low, high), expected);
        }
    }

    /// A source that plays back given words.
    struct Script(Vec<u64>);

    impl Draw for Script {
        fn next_u64(&mut self) -> u64 {
            self.0.remove(0)
        }
    }

    #[test]
    fn edges() {
        let check = |word: u64, draw: &dyn Fn(&mut Script) -> u64, expected: u64| {
            let mut script = Script(vec![word]);
            assert_eq!(draw(&mut script), expected);
            assert!(script.0.is_empty(), "drew exactly once");
        };
        check(u64::MAX, &|d| d.below(0), 0);
        check(u64::MAX, &|d| d.below(1), 0);
        check(u64::MAX, &|d| d.below(u64::MAX), u64::MAX - 1);
        check(u64::MAX, &|d| d.in_range(3..=9), 9);
        check(u64::MAX / 7, &|d| d.in_range(3..=9), 3);
        check(42, &|d| d.in_range(0..=u64::MAX), 42);
        #[allow(clippy::reversed_empty_ranges)]
        check(u64::MAX, &|d| d.in_range(9..=3), 9);
        check(0, &|d| u64::from(d.chance(0)), 0);
        check(0, &|d| u64::from(d.chance(1)), 1);
        check(u64::MAX, &|d| u64::from(d.chance(999_999_999)), 0);
        check(u64::MAX, &|d| u64::from(d.chance(1_000_000_000)), 1);
        check(0, &|d| d.unit().to_bits(), 0f64.to_bits());
        check(u64::MAX, &|d| d.unit().to_bits(), 1f64.to_bits() - 1);
    }

    /// Of the words 0 and 1, which both scale to 0 of 2^64 - 1, only one may count: the other is drawn again.
    #[test]
    fn below_rejects_the_surplus_word() {
        let mut script = Script(vec![0, 5]);
        assert_eq!(script.below(u64::MAX), 4);
        assert!(script.0.is_empty());
    }

    #[test]
    fn every_outcome_is_about_equally_likely() {
        // 5 values, 6 orders, one in four: counts within five standard errors of 60,000 / n.
        let mut draws = SplitMix64::new(1);
        let mut check = |outcomes: usize, outcome: &dyn Fn(&mut SplitMix64) -> usize| {
            let mut counts = vec![0u32; outcomes];
            (0..60_000).for_each(|_| counts[outcome(&mut draws)] += 1);
            let share = 1.0 / outcomes as f64;
            let (mean, error) = (60_000.0 * share, (60_000.0 * share * (1.0 - share)).sqrt());
            assert!(counts.iter().all(|&n| (f64::from(n) - mean).abs() < 5.0 * error), "{counts:?}");
        };
        check(5, &|d| d.below(5) as usize);
        check(5, &|d| *d.pick(&[0, 1, 2, 3, 4]).unwrap());
        check(2, &|d| usize::from(d.chance(500_000_000)));
        check(4, &|d| (d.unit() * 4.0) as usize);
        check(6, &|d| {
            let mut items = [0, 1, 2];
            d.shuffle(&mut items);
            items[0] * 2 + usize::from(items[1] > items[2])
        });
    }

    #[test]
    fn nothing_to_pick_draws_nothing() {
        assert_eq!(Script(vec![]).pick::<u8>(&[]), None);
    }
}
