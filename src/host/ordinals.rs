//! How many messages a sender has sent to each receiver: a counter for every link in use, kept with the sender
//! so that a busy node's counters stay together in the cache.

use super::NodeId;

/// The counters of one sender. Sparse while it talks to few nodes; dense, one counter for each node, from the
/// point on at which that takes no more memory. So memory follows the links in use, never the square of the nodes.
/// Counters have 8 bits until the first one needs more: what does not fit into the cache costs more than counting.
#[derive(Clone, Debug)]
pub(crate) enum Ordinals {
    Sparse8(Sparse<u32, 8>),
    Dense8(Box<[u8]>),
    Sparse32(Sparse<u64, 32>),
    Dense32(Box<[u32]>),
}

/// Open addressing with linear probing, at most three quarters full. A slot is (receiver + 1) << `COUNT_BITS` |
/// ordinal of the next message; zero is an empty slot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sparse<S, const COUNT_BITS: u32> {
    slots: Box<[S]>,
    used: u32,
}

/// An integer as wide as what it stores.
pub(crate) trait Word: Copy + Default + Into<u64> {
    /// The low bits of a word.
    fn low_of(word: u64) -> Self;
}

macro_rules! words {
    ($($word:ty)*) => { $(
        impl Word for $word {
            #[inline]
            fn low_of(word: u64) -> Self {
                word as Self
            }
        }
    )* };
}

words!(u8 u32 u64);

/// The largest count of 8 bits.
const NARROW: u64 = u8::MAX as u64;
/// The largest number of nodes whose numbers, plus one, fit beside such a count.
const NARROW_NODES: usize = (1 << 24) - 1;
const FIRST_CAPACITY: usize = 8;

impl Default for Ordinals {
    fn default() -> Self {
        Self::Sparse8(Sparse::default())
    }
}

impl Ordinals {
    /// Forgets all counts and keeps the memory.
    pub(crate) fn clear(&mut self) {
        match self {
            Self::Sparse8(sparse) => sparse.clear(),
            Self::Sparse32(sparse) => sparse.clear(),
            Self::Dense8(counts) => counts.fill(0),
            Self::Dense32(counts) => counts.fill(0),
        }
    }

    /// The number of this message on its link, from 0, in a network of so many nodes. Wraps after 2^32 messages on
    /// one link, which repeats that link's fates and nothing else.
    #[inline]
    pub(crate) fn next(&mut self, to: NodeId, nodes: usize) -> u64 {
        let ordinal = match self {
            Self::Dense8(counts) => count(&mut counts[to.0 as usize]),
            Self::Dense32(counts) => {
                let count = &mut counts[to.0 as usize];
                let ordinal = *count;
                *count = ordinal.wrapping_add(1);
                return u64::from(ordinal);
            }
            Self::Sparse8(sparse) => sparse.next(to, NARROW),
            Self::Sparse32(sparse) => sparse.next(to, u64::MAX),
        };
        match ordinal {
            Some(ordinal) => ordinal,
            None => self.next_in_more_room(to, nodes),
        }
    }

    #[cold]
    #[inline(never)]
    fn next_in_more_room(&mut self, to: NodeId, nodes: usize) -> u64 {
        let counts = self.counts();
        let capacity = ((counts.len() + 1) * 4 / 3 + 1).next_power_of_two().max(FIRST_CAPACITY);
        let is_narrow = nodes <= NARROW_NODES && counts.iter().all(|&(_, count)| count < NARROW);
        *self = match is_narrow {
            true if capacity * size_of::<u32>() < nodes => Self::Sparse8(Sparse::filled(&counts, capacity)),
            true => Self::Dense8(dense(&counts, nodes)),
            false if capacity * size_of::<u64>() < nodes * size_of::<u32>() => {
                Self::Sparse32(Sparse::filled(&counts, capacity))
            }
            false => Self::Dense32(dense(&counts, nodes)),
        };
        self.next(to, nodes)
    }

    /// The links in use, as receivers and counts.
    fn counts(&self) -> Vec<(u32, u64)> {
        match self {
            Self::Sparse8(sparse) => sparse.counts(),
            Self::Sparse32(sparse) => sparse.counts(),
            Self::Dense8(counts) => in_use(counts),
            Self::Dense32(counts) => in_use(counts),
        }
    }
}

/// Counts one up, unless the count would not fit.
#[inline]
fn count(count: &mut u8) -> Option<u64> {
    let ordinal = *count;
    *count = ordinal.checked_add(1)?;
    Some(u64::from(ordinal))
}

fn in_use<C: Word>(counts: &[C]) -> Vec<(u32, u64)> {
    (0..).zip(counts.iter().map(|&count| count.into())).filter(|&(_, count)| count > 0).collect()
}

fn dense<C: Word>(counts: &[(u32, u64)], nodes: usize) -> Box<[C]> {
    let mut dense = vec![C::default(); nodes].into_boxed_slice();
    for &(to, count) in counts {
        dense[to as usize] = C::low_of(count);
    }
    dense
}

impl<S: Word, const COUNT_BITS: u32> Sparse<S, COUNT_BITS> {
    const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;

    fn clear(&mut self) {
        if self.used > 0 {
            self.slots.fill(S::default());
            self.used = 0;
        }
    }

    /// The next ordinal, unless there is no room for one more receiver or the count is `largest`.
    #[inline]
    fn next(&mut self, to: NodeId, largest: u64) -> Option<u64> {
        if self.used as usize * 4 >= self.slots.len() * 3 {
            return None;
        }
        let tag = u64::from(to.0) + 1;
        let index = self.find(tag);
        let slot: u64 = self.slots[index].into();
        let ordinal = slot & Self::COUNT_MASK;
        if ordinal == largest {
            return None;
        }
        self.used += u32::from(slot == 0);
        self.slots[index] = S::low_of(tag << COUNT_BITS | (ordinal + 1) & Self::COUNT_MASK);
        Some(ordinal)
    }

    /// The slot that holds this tag, or the empty one where it belongs.
    #[inline]
    fn find(&self, tag: u64) -> usize {
        let mask = self.slots.len() - 1;
        // Fibonacci hashing (Knuth, TAOCP 6.4): receivers are small consecutive numbers.
        let hash = tag.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let mut index = (hash & mask as u64) as usize;
        loop {
            let slot: u64 = self.slots[index].into();
            if slot == 0 || slot >> COUNT_BITS == tag {
                return index;
            }
            index = (index + 1) & mask;
        }
    }

    fn filled(counts: &[(u32, u64)], capacity: usize) -> Self {
        let mut sparse = Self { slots: vec![S::default(); capacity].into(), used: counts.len() as u32 };
        for &(to, count) in counts {
            let tag = u64::from(to) + 1;
            let index = sparse.find(tag);
            sparse.slots[index] = S::low_of(tag << COUNT_BITS | count);
        }
        sparse
    }

    fn counts(&self) -> Vec<(u32, u64)> {
        let slots = self.slots.iter().map(|&slot| slot.into()).filter(|&slot: &u64| slot != 0);
        slots.map(|slot| ((slot >> COUNT_BITS) as u32 - 1, slot & Self::COUNT_MASK)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn counts_as_a_sorted_map_does(
            receivers in prop::collection::vec(prop_oneof![0u32..40, 0u32..2], 0..1_200),
            nodes in prop::sample::select(vec![40usize, 100, 10_000, NARROW_NODES + 1]),
        ) {
            let mut model = BTreeMap::new();
            let mut ordinals = Ordinals::default();
            for _ in 0..2 {
                for &to in &receivers {
                    let expected = model.entry(to).or_insert(0u64);
                    prop_assert_eq!(ordinals.next(NodeId(to), nodes), *expected);
                    *expected += 1;
                }
                ordinals.clear();
                model.clear();
            }
        }
    }
}
