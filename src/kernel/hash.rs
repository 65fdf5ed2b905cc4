//! A hash that is the same on every machine.

use std::hash::{Hash, Hasher};

const SEED: u64 = 0x243f_6a88_85a3_08d3;
const ABSORB: u64 = 0xc0ac_29b7_c97c_50dd;
const FINISH: u64 = 0x9216_d5d9_8979_fb1b;

/// The two halves of the 128-bit product, xored.
#[inline]
pub(super) const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128) * (b as u128);
    (product as u64) ^ ((product >> 64) as u64)
}

/// A hasher that gives the same value on 32-bit and 64-bit, little-endian and big-endian targets, also through a derived
/// `Hash`.
///
/// With `word` the next 64 bits of input and `fold(a, b)` the two halves of the 128-bit product `a * b`, xored:
///
/// ```text
/// state  = 0x243f6a8885a308d3
/// state  = fold(state ^ word, 0xc0ac29b7c97c50dd)    for each word
/// result = fold(state, 0x9216d5d98979fb1b)
/// ```
///
/// The constants are words of the fractional part of pi. The folded multiply is that of wyhash (Wang Yi, 2019); as one
/// factor is constant, no word can wipe out what came before it.
///
/// An integer of up to 64 bits is one word, the signed ones as their unsigned twin of the same width; `usize`, `isize`
/// and enum discriminants are widened to 64 bits, so that a derived `Hash` does not depend on the target's pointer
/// width; 128 bits are two words, the low one first. Bytes are read eight at a time, little-endian; a last word, always
/// there, holds the up to seven bytes that are left, with their number in its highest byte.
///
/// One hole cannot be closed here: std hands a slice or array of integers wider than a byte (`Vec<u64>`, `[u32; 4]`) to
/// a hasher as the bytes that lie in memory. Where a big-endian target (or, for `[usize]`, a 32-bit one) must agree,
/// wrap the integer in a type that derives `Hash`: slices of those are hashed element by element.
#[derive(Clone, Copy, Debug)]
pub struct StableHasher {
    state: u64,
}

impl StableHasher {
    /// A hasher that has read nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: SEED }
    }
}

impl Default for StableHasher {
    fn default() -> Self {
        Self::new()
    }
}

impl Hasher for StableHasher {
    #[inline]
    fn finish(&self) -> u64 {
        fold(self.state, FINISH)
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        last[7] = rest.len() as u8;
        self.write_u64(u64::from_le_bytes(last));
    }

    #[inline]
    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    #[inline]
    fn write_u16(&mut self, value: u16) {
        self.write_u64(u64::from(value));
    }

    #[inline]
    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.state = fold(self.state ^ value, ABSORB);
    }

    #[inline]
    fn write_u128(&mut self, value: u128) {
        self.write_u64(value as u64);
        self.write_u64((value >> 64) as u64);
    }

    #[inline]
    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    #[inline]
    fn write_isize(&mut self, value: isize) {
        self.write_u64(value as i64 as u64);
    }
}

/// The hash of a value by [`StableHasher`].
#[inline]
pub fn stable_hash<T: Hash + ?Sized>(value: &T) -> u64 {
    let mut hasher = StableHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The hash of a text's UTF-8 bytes by [`StableHasher`]. It does not depend on how std hashes a `str`, so names that choose a random
/// stream go through it.
#[inline]
#[must_use]
pub fn stable_hash_str(text: &str) -> u64 {
    let mut hasher = StableHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[derive(Hash)]
    struct Reading(u64);

    #[derive(Hash)]
    enum Shape {
        Empty,
        Named { name: String, sizes: Vec<Reading>, offset: isize, flag: Option<bool> },
    }

    fn named(offset: isize) -> Shape {
        Shape::Named { name: "leader".into(), sizes: vec![Reading(1), Reading(2)], offset, flag: Some(true) }
    }

    #[test]
    fn golden_values() {
        let check = |name: &str, actual: u64, expected: u64| assert_eq!(actual, expected, "{name}: {actual:#018x}");
        check("nothing", stable_hash(&()), GOLDEN[0]);
        check("u64", stable_hash(&1u64), GOLDEN[1]);
        check("u128", stable_hash(&(1u128 << 64 | 2)), GOLDEN[2]);
        check("str", stable_hash("store-0"), GOLDEN[3]);
        check("text", stable_hash_str("store-0"), GOLDEN[4]);
        check("long text", stable_hash_str("a longer text of more than two words"), GOLDEN[5]);
        check("unit variant", stable_hash(&Shape::Empty), GOLDEN[6]);
        check("struct variant", stable_hash(&named(-3)), GOLDEN[7]);
    }

    /// The same words, written out for a 64-bit little-endian reader: what a derived `Hash` must come to anywhere.
    #[test]
    fn derived_hashes_are_words_of_64_bits() {
        let by_words =
            |words: &[u64]| fold(words.iter().fold(SEED, |state, word| fold(state ^ word, ABSORB)), FINISH);
        assert_eq!(stable_hash(&-1i8), by_words(&[0xff]));
        assert_eq!(stable_hash(&-1isize), by_words(&[u64::MAX]));
        assert_eq!(stable_hash(&'x'), by_words(&[0x78]));
        assert_eq!(stable_hash(&Shape::Empty), by_words(&[0]));
        let leader = u64::from_le_bytes(*b"leader\0\x06");
        assert_eq!(stable_hash(&named(-3)), by_words(&[1, leader, 0xff, 2, 1, 2, -3i64 as u64, 1, 1]));
        assert_eq!(stable_hash(&[7u8; 9]), by_words(&[9, 0x0707_0707_0707_0707, 0x0100_0000_0000_0007]));
    }

    #[test]
    fn zeros_lengths_and_bits_all_count() {
        let mut texts: Vec<Vec<u8>> = (0..40).map(|length| vec![0; length]).collect();
        texts.extend([b"abcdefg".to_vec(), b"abcdefg\x07".to_vec(), b"abcdefg\x07\0".to_vec()]);
        for bit in 0..320 {
            let mut text = vec![0; 40];
            text[bit / 8] = 1 << (bit % 8);
            texts.push(text);
        }
        let hashes: BTreeSet<u64> = texts
            .iter()
            .map(|text| {
                let mut hasher = StableHasher::new();
                hasher.write(text);
                hasher.finish()
            })
            .collect();
        assert_eq!(hashes.len(), texts.len());
    }

    /// Flipping one input bit flips each output bit about half the time.
    #[test]
    fn every_input_bit_reaches_every_output_bit() {
        for input_bit in 0..64 {
            let mut flips = [0u32; 64];
            for value in 0..512u64 {
                let difference = stable_hash(&value) ^ stable_hash(&(value ^ 1 << input_bit));
                for (output_bit, count) in flips.iter_mut().enumerate() {
                    *count += (difference >> output_bit & 1) as u32;
                }
            }
            assert!(flips.iter().all(|count| (128..=384).contains(count)), "input bit {input_bit}: {flips:?}");
        }
    }

    const GOLDEN: [u64; 8] = [
        0x7b74_ed6c_9c5d_5e3e,
        0x9f1e_e60a_3e15_94a8,
        0x30cb_7e99_ccd6_2c84,
        0xa2ae_4a5a_70c9_2049,
        0xec1c_566f_b9d3_19a3,
        0x3af8_72e3_e653_88ea,
        0xadf5_99e0_c5fb_5bad,
        0xcc88_6f56_0c14_7af4,
    ];
}
