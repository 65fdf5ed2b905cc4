//! Random words as a function of a count, for decisions that must not depend on how many others were taken.
//!
//! What happens to the n-th message from one place to another depends on the run's seed, the purpose, the two places and
//! n alone: taking another message, fault or client away shifts nothing. A [`Stream`](super::Stream) could do that
//! too, but opening one costs 100 ns and 300 bytes, too much for each pair of places.

use super::draw::Draw;
use super::hash::stable_hash_str;
use super::random::Purpose;

/// The golden ratio as a fraction of 2^64, odd: SplitMix64's step.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64's finaliser: a bijection in which each input bit reaches each output bit.
#[inline]
const fn finalise(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// The generator SplitMix64 (Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014, with
/// the finaliser "Mix13" of its reference implementation): word number n, from 0, is a bijection of
/// `seed + (n + 1) * GAMMA`.
#[derive(Clone, Debug)]
pub struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    /// The generator whose state starts at `seed`.
    #[inline]
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }
}

impl Draw for SplitMix64 {
    #[inline]
    fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GAMMA);
        finalise(self.state)
    }
}

/// The source of all fates of one purpose in one run: computed once, 8 bytes.
#[derive(Clone, Copy, Debug)]
pub struct FateKey(u64);

impl FateKey {
    /// The key of `purpose` in the run of `seed`. Each decision needs a purpose of its own: one purpose gives one word
    /// per link and ordinal.
    #[must_use]
    pub fn new(seed: u64, purpose: Purpose) -> Self {
        Self(finalise(finalise(seed) ^ stable_hash_str(purpose.name())))
    }

    /// The key of one of several that decide for the same purpose, given by the stable hash of its name.
    #[must_use]
    pub const fn of(self, name: u64) -> Self {
        Self(finalise(self.0 ^ name.wrapping_mul(GAMMA)))
    }

    /// The fates on the link from one place to another, each given by the stable hash of its name; the order matters.
    #[inline]
    #[must_use]
    pub const fn link(self, from: u64, to: u64) -> LinkKey {
        LinkKey(finalise(self.0.wrapping_add(from) ^ to.wrapping_mul(GAMMA)))
    }
}

/// The fates of one purpose on one link.
#[derive(Clone, Copy, Debug)]
pub struct LinkKey(u64);

impl LinkKey {
    /// Word number `ordinal`, from 0, of the SplitMix64 that starts at this key: for a decision that takes one word.
    #[inline]
    #[must_use]
    pub const fn draw(self, ordinal: u64) -> u64 {
        finalise(self.0.wrapping_add(ordinal.wrapping_add(1).wrapping_mul(GAMMA)))
    }

    /// A generator seeded with word number `ordinal`: for a sampler, which may take several words.
    #[inline]
    #[must_use]
    pub const fn draws(self, ordinal: u64) -> SplitMix64 {
        SplitMix64::new(self.draw(ordinal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The published outputs for the seed 1234567.
    const PUBLISHED: [u64; 5] = [
        6_457_827_717_110_365_317,
        3_203_168_211_198_807_973,
        9_817_491_932_198_370_423,
        4_593_380_528_125_082_431,
        16_408_922_859_458_223_821,
    ];

    #[test]
    fn splitmix64_gives_its_published_words() {
        let mut generator = SplitMix64::new(1_234_567);
        let link = LinkKey(1_234_567);
        for (ordinal, expected) in PUBLISHED.into_iter().enumerate() {
            assert_eq!(generator.next_u64(), expected);
            assert_eq!(link.draw(ordinal as u64), expected);
        }
    }

    #[test]
    fn golden_fates() {
        let link = FateKey::new(42, Purpose::new("latency")).link(1, 2);
        let words = [link.draw(0), link.draw(1), link.draw(u64::MAX), link.draws(0).next_u64()];
        assert_eq!(words, GOLDEN, "{words:#x?}");
    }

    #[test]
    fn every_part_of_the_key_counts() {
        let mut seen = BTreeSet::new();
        let mut words = 0;
        for seed in 0..3 {
            for purpose in ["loss", "latency"] {
                let key = FateKey::new(seed, Purpose::new(purpose));
                for (from, to) in (0..24).flat_map(|from| (0..24).map(move |to| (from, to))) {
                    seen.extend((0..8).map(|ordinal| key.link(from, to).draw(ordinal)));
                    words += 8;
                }
            }
        }
        assert_eq!(seen.len(), words);
    }

    /// Neighbouring links and ordinals: each bit of the words is set about half the time, and so is that of their
    /// differences.
    #[test]
    fn neighbours_are_unrelated() {
        let key = FateKey::new(0, Purpose::new("loss"));
        let pairs: [(u64, u64, u64); 3] = [(0, 0, 1), (1, 0, 0), (0, 1, 0)];
        for (from, to, ordinal) in pairs {
            let mut set = [0u32; 64];
            for n in 0..4096u64 {
                let (here, there) = (key.link(n % 64, n / 64), key.link(n % 64 + from, n / 64 + to));
                let difference = here.draw(n) ^ there.draw(n + ordinal);
                set.iter_mut().enumerate().for_each(|(bit, count)| *count += (difference >> bit & 1) as u32);
            }
            // Five standard errors of a fair coin thrown 4,096 times are 160.
            assert!(set.iter().all(|count| count.abs_diff(2048) < 160), "{set:?}");
        }
    }

    const GOLDEN: [u64; 4] =
        [0xddaf_be70_bb92_eafd, 0x62be_ee57_7110_3b1c, 0x9cf1_3e3b_e356_06f2, 0x62fb_faf9_9c51_df2e];
}
