//! Which object an operation concerns.

use std::num::NonZeroU64;

use crate::host::Key;
use crate::kernel::{Draw, Zipf};

/// How a client chooses keys. All clients that choose from n keys share the keys 0 to n - 1.
#[derive(Clone, PartialEq, Debug)]
pub enum Keys {
    /// Always the same.
    Single,
    /// All equally often.
    Uniform {
        /// How many there are.
        count: NonZeroU64,
    },
    /// Some much more often than others; key 0 the most often.
    Zipf(Zipf),
    /// One after the other, again and again.
    Sequential {
        /// How many there are.
        count: NonZeroU64,
    },
}

impl Keys {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        match self {
            Self::Single => 1,
            Self::Uniform { count } | Self::Sequential { count } => count.get(),
            Self::Zipf(zipf) => zipf.count(),
        }
    }

    /// The key of a client's operation of this number.
    pub(super) fn choose(&self, number: u64, draws: &mut impl Draw) -> Key {
        Key(match self {
            Self::Single => 0,
            Self::Uniform { count } => draws.below(count.get()),
            Self::Zipf(zipf) => zipf.sample_rank(draws),
            Self::Sequential { count } => number % count.get(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::SplitMix64;

    #[test]
    fn each_choice_keeps_to_its_keys() {
        let count = NonZeroU64::new(3).unwrap();
        let check = |keys: &Keys, expected: [bool; 5]| {
            let mut draws = SplitMix64::new(1);
            let mut seen = [false; 5];
            (0..200).for_each(|number| seen[keys.choose(number, &mut draws).0 as usize] = true);
            assert_eq!(seen, expected, "{keys:?}");
        };
        check(&Keys::Single, [true, false, false, false, false]);
        check(&Keys::Uniform { count }, [true, true, true, false, false]);
        check(&Keys::Zipf(Zipf::new(3, 1.1).unwrap()), [true, true, true, false, false]);
        check(&Keys::Sequential { count }, [true, true, true, false, false]);
    }

    #[test]
    fn sequential_keys_follow_the_numbers() {
        let keys = Keys::Sequential { count: NonZeroU64::new(3).unwrap() };
        let chosen: Vec<u64> = (0..7).map(|number| keys.choose(number, &mut SplitMix64::new(0)).0).collect();
        assert_eq!(chosen, [0, 1, 2, 0, 1, 2, 0]);
    }
}
