//! The set of configurations that a search has been in: exact, compact, with a fixed hash.

/// Mixes 64 bits well (the finalizer of splitmix64; Steele, Lea, Flood 2014).
pub(in crate::check) const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// A set of bits whose hash follows each change at constant cost (Zobrist 1970).
#[derive(Clone, Debug)]
pub(super) struct Bits {
    words: Vec<u64>,
    hash: u64,
}

impl Bits {
    pub(super) fn new(bits: usize) -> Self {
        Self { words: vec![0; bits.div_ceil(64)], hash: 0 }
    }

    pub(super) fn flip(&mut self, bit: u32) {
        self.words[bit as usize / 64] ^= 1 << (bit % 64);
        self.hash ^= mix(u64::from(bit).wrapping_add(0x9e37_79b9_7f4a_7c15));
    }

    pub(super) const fn words(&self) -> usize {
        self.words.len()
    }
}

/// A set of (number, [`Bits`]) pairs, open addressing with linear probing. The pairs lie one after the other in
/// one vector, as `[hash, number, words ...]`.
pub(super) struct Memo {
    pairs: Vec<u64>,
    /// Indices into `pairs`, in units of one pair, plus 1; 0 is free. A power of two long.
    table: Vec<u32>,
    stride: usize,
}

impl Memo {
    /// A set whose bit sets are `words` words long.
    pub(super) fn new(words: usize) -> Self {
        Self { pairs: Vec::new(), table: vec![0; 1024], stride: words + 2 }
    }

    fn len(&self) -> usize {
        self.pairs.len() / self.stride
    }

    /// Adds a pair; false if it was there.
    pub(super) fn insert(&mut self, number: u64, bits: &Bits) -> bool {
        let hash = mix(number) ^ bits.hash;
        let mask = self.table.len() - 1;
        let mut place = fold(hash) & mask;
        while self.table[place] != 0 {
            let start = (self.table[place] as usize - 1) * self.stride;
            let pair = &self.pairs[start..start + self.stride];
            if pair[0] == hash && pair[1] == number && pair[2..] == bits.words {
                return false;
            }
            place = (place + 1) & mask;
        }
        self.pairs.extend([hash, number]);
        self.pairs.extend(&bits.words);
        self.table[place] = u32::try_from(self.len()).expect("a budget of entries is below 2^32");
        if self.len() * 2 > self.table.len() {
            self.grow();
        }
        true
    }

    fn grow(&mut self) {
        let mask = self.table.len() * 2 - 1;
        self.table = vec![0; mask + 1];
        for (index, pair) in self.pairs.chunks_exact(self.stride).enumerate() {
            let mut place = fold(pair[0]) & mask;
            while self.table[place] != 0 {
                place = (place + 1) & mask;
            }
            self.table[place] = u32::try_from(index + 1).expect("as many as before");
        }
    }
}

/// The low half of a hash, as a place in a table: the same on 32-bit targets.
const fn fold(hash: u64) -> usize {
    (hash & 0xffff_ffff) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 32, ..ProptestConfig::default() })]

        #[test]
        fn the_memo_is_a_set(flips in proptest::collection::vec((0u64..4, 0u32..70), 1..3000)) {
            let (mut memo, mut oracle) = (Memo::new(2), BTreeSet::new());
            let mut bits = Bits::new(70);
            for (number, bit) in flips {
                bits.flip(bit);
                prop_assert_eq!(memo.insert(number, &bits), oracle.insert((number, bits.words.clone())));
            }
        }
    }

    #[test]
    fn the_hash_forgets_what_was_undone() {
        let mut bits = Bits::new(128);
        bits.flip(3);
        let before = bits.hash;
        bits.flip(90);
        assert_ne!(bits.hash, before);
        bits.flip(90);
        assert_eq!(bits.hash, before);
    }
}
