//! The rolling digest of a run.

use super::hash::fold;
use std::ops::Range;

/// A 64-bit digest of a sequence of records of five words, with a checkpoint every 1,024 records, so that two runs can be
/// bisected to their first differing record.
///
/// With `fold(a, b)` the two halves of the 128-bit product, xored, and sums and products modulo 2^64:
///
/// ```text
/// mixed = fold(w0 ^ X0, M0) + fold(w1 ^ X1, M1) + ... + fold(w4 ^ X4, M4)
/// state = rotate((state ^ mixed) * 0x9216d5d98979fb1b, 32)
/// ```
///
/// from the state 0x243f6a8885a308d3; the constants are words of the fractional part of pi. One factor of each
/// product is constant, so no word can wipe out another. The five products do not wait for each other, and the one
/// that waits for the last record is a bijection of the state: runs that differ in one record never agree again by
/// accident. It is no cryptographic hash.
#[derive(Clone, Debug)]
pub struct Digest {
    state: u64,
    count: u64,
    checkpoints: Vec<u64>,
}

const START: u64 = 0x243f_6a88_85a3_08d3;
const STEP: u64 = 0x9216_d5d9_8979_fb1b;
const MASKS: [u64; 5] = [
    0xd131_0ba6_98df_b5ac,
    0x2ffd_72db_d01a_dfb7,
    0xb8e1_afed_6a26_7e96,
    0xba7c_9045_f12c_7f99,
    0x24a1_9947_b391_6cf7,
];
const FACTORS: [u64; 5] = [
    0x6369_20d8_7157_4e69,
    0x7b54_a41d_c25a_59b5,
    0x9c30_d539_2af2_6013,
    0xc5d1_b023_2860_85f1,
    0x8e79_dcb0_603a_180f,
];

impl Digest {
    /// The number of records from one checkpoint to the next.
    pub const CHECKPOINT_EVERY: u64 = 1024;

    /// The digest of no record.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: START, count: 0, checkpoints: Vec::new() }
    }

    /// Takes in one record.
    #[inline]
    pub fn record(&mut self, words: [u64; 5]) {
        let [w0, w1, w2, w3, w4] = words;
        let mixed = fold(w0 ^ MASKS[0], FACTORS[0])
            .wrapping_add(fold(w1 ^ MASKS[1], FACTORS[1]))
            .wrapping_add(fold(w2 ^ MASKS[2], FACTORS[2]))
            .wrapping_add(fold(w3 ^ MASKS[3], FACTORS[3]))
            .wrapping_add(fold(w4 ^ MASKS[4], FACTORS[4]));
        self.state = (self.state ^ mixed).wrapping_mul(STEP).rotate_left(32);
        self.count += 1;
        if self.count.is_multiple_of(Self::CHECKPOINT_EVERY) {
            self.checkpoint();
        }
    }

    #[cold]
    fn checkpoint(&mut self) {
        self.checkpoints.push(self.state);
    }

    /// The digest of the records so far.
    #[inline]
    #[must_use]
    pub const fn value(&self) -> u64 {
        self.state
    }

    /// The number of records so far.
    #[inline]
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Where the first record lies that differs from the other run's (or that only one of them has), to within 1,024
    /// records; nothing if both runs are the same.
    #[must_use]
    pub fn first_difference(&self, other: &Self) -> Option<Range<u64>> {
        if self.state == other.state && self.count == other.count {
            return None;
        }
        let same =
            self.checkpoints.iter().zip(&other.checkpoints).take_while(|(ours, theirs)| ours == theirs).count();
        let start = same as u64 * Self::CHECKPOINT_EVERY;
        Some(start..(start + Self::CHECKPOINT_EVERY).min(self.count.max(other.count)))
    }

    /// Starts over and keeps the memory.
    pub fn reset(&mut self) {
        self.state = START;
        self.count = 0;
        self.checkpoints.clear();
    }
}

impl Default for Digest {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn digest(records: &[[u64; 5]]) -> Digest {
        let mut digest = Digest::new();
        records.iter().for_each(|words| digest.record(*words));
        digest
    }

    #[test]
    fn golden_values() {
        let check = |records: &[[u64; 5]], expected: u64| {
            let value = digest(records).value();
            assert_eq!(value, expected, "{value:#018x}");
        };
        check(&[], START);
        check(&[[0; 5]], GOLDEN[0]);
        check(&[[1, 2, 3, 4, 5]], GOLDEN[1]);
        check(&[[1, 2, 3, 4, 5], [u64::MAX; 5]], GOLDEN[2]);
        check(&(0..2048).map(|n| [n, 0, n * n, 1, 7]).collect::<Vec<_>>(), GOLDEN[3]);
    }

    /// Runs of `lengths` records, the second with another word in record `changed`.
    #[test]
    fn the_first_difference_is_found_to_within_a_checkpoint() {
        let check = |lengths: [u64; 2], changed: Option<u64>, expected: Option<Range<u64>>| {
            let [ours, theirs] = lengths.map(|length| (0..length).map(|n| [n, 0, 0, 0, n % 3]).collect::<Vec<_>>());
            let mut theirs = theirs;
            changed.into_iter().for_each(|n| theirs[n as usize][3] ^= 1);
            assert_eq!(digest(&ours).first_difference(&digest(&theirs)), expected, "{lengths:?} {changed:?}");
            assert_eq!(digest(&theirs).first_difference(&digest(&ours)), expected);
        };
        check([0, 0], None, None);
        check([5000, 5000], None, None);
        check([5000, 5000], Some(0), Some(0..1024));
        check([5000, 5000], Some(1023), Some(0..1024));
        check([5000, 5000], Some(1024), Some(1024..2048));
        check([5000, 5000], Some(4999), Some(4096..5000));
        check([5000, 3000], None, Some(2048..3072));
        check([5000, 5000 - 4096], None, Some(0..1024));
        check([2048, 2049], None, Some(2048..2049));
    }

    #[test]
    fn a_reset_digest_is_a_new_one() {
        let mut used = digest(&[[9; 5]; 3000]);
        used.reset();
        assert_eq!((used.value(), used.count()), (START, 0));
        (0..1500).for_each(|n| used.record([n; 5]));
        assert_eq!(used.first_difference(&digest(&(0..1500).map(|n| [n; 5]).collect::<Vec<_>>())), None);
        used.record([0; 5]);
        assert_eq!(used.first_difference(&digest(&[[7; 5]; 1501])), Some(0..1024));
        let other = digest(&(0..1501).map(|n| [n; 5]).collect::<Vec<_>>());
        assert_eq!(used.first_difference(&other), Some(1024..1501));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever the words, those that would zero a product included: one changed bit, two exchanged words and two
        /// exchanged records all change the digest.
        #[test]
        fn every_word_and_the_order_count(
            records in prop::collection::vec(prop::array::uniform5(
                prop_oneof![0..4u64, any::<u64>(), prop::sample::select(&MASKS[..]), Just(START)]), 2..8),
            at: prop::sample::Index, word in 0..5usize, bit in 0..64u32,
        ) {
            let original = digest(&records).value();
            let at = at.index(records.len() - 1);
            let mut flipped = records.clone();
            flipped[at][word] ^= 1 << bit;
            prop_assert_ne!(digest(&flipped).value(), original);
            let mut swapped = records.clone();
            swapped.swap(at, at + 1);
            prop_assert_eq!(digest(&swapped).value() == original, swapped == records);
            let mut turned = records.clone();
            turned[at].swap(word, (word + 1) % 5);
            prop_assert_eq!(digest(&turned).value() == original, turned == records);
        }
    }

    const GOLDEN: [u64; 4] =
        [0x0b1b_1d43_7a9d_5179, 0xf724_19e3_462e_403c, 0xb4c3_8e92_0172_7fc4, 0x4f0d_66dd_cd95_9743];
}
