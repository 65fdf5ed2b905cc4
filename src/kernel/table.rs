//! The one look-up table with a fixed hash.

use super::hash::fold;
use std::fmt;
use std::marker::PhantomData;

/// A map from a small key to a value, with a fixed hash function.
///
/// It cannot be iterated, on purpose: the order of its slots means nothing, so nothing may come to depend on it. Who
/// needs an order keeps a `Vec` or a `BTreeMap` beside it. Two keys are the same if they convert to the same number.
///
/// Open addressing with linear probing, at most three quarters full; a removal shifts later entries back, so there
/// are no tombstones and no rehash on long churn (Knuth, The Art of Computer Programming 3, section 6.4, algorithm R).
#[derive(Clone)]
pub struct Table<K, V> {
    /// Empty, or a power of two of them, at least one vacant.
    slots: Vec<Option<(u64, V)>>,
    len: usize,
    key: PhantomData<fn(K)>,
}

const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
const OFFSET: u64 = 0x4528_21e6_38d0_1377;
const FIRST_SLOTS: usize = 8;

impl<K: Copy + Into<u64>, V> Table<K, V> {
    /// An empty table; it allocates at the first insertion.
    #[must_use]
    pub const fn new() -> Self {
        Self { slots: Vec::new(), len: 0, key: PhantomData }
    }

    /// The number of entries.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no entry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of `key`.
    #[inline]
    #[must_use]
    pub fn get(&self, key: K) -> Option<&V> {
        let slot = self.find(key.into()).ok()?;
        self.slots[slot].as_ref().map(|(_, value)| value)
    }

    /// The value of `key`, to change it.
    #[inline]
    #[must_use]
    pub fn get_mut(&mut self, key: K) -> Option<&mut V> {
        let slot = self.find(key.into()).ok()?;
        self.slots[slot].as_mut().map(|(_, value)| value)
    }

    /// The value of `key`, to change it; if there is none, the default value is inserted first.
    #[inline]
    pub fn get_or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        let key = key.into();
        let slot = match self.find(key) {
            Ok(slot) => slot,
            Err(_) => self.vacant_slot(key),
        };
        &mut self.slots[slot].get_or_insert_with(|| (key, V::default())).1
    }

    /// Sets the value of `key` and returns the one that it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let key = key.into();
        let slot = match self.find(key) {
            Ok(slot) => slot,
            Err(_) => self.vacant_slot(key),
        };
        self.slots[slot].replace((key, value)).map(|(_, old)| old)
    }

    /// Removes `key` and returns the value that it had.
    pub fn remove(&mut self, key: K) -> Option<V> {
        let mut hole = self.find(key.into()).ok()?;
        let (_, value) = self.slots[hole].take()?;
        self.len -= 1;
        let mask = self.slots.len() - 1;
        let mut slot = (hole + 1) & mask;
        while let Some((key, _)) = &self.slots[slot] {
            // An entry may move back into the hole unless that lies before the slot where its search starts.
            let distance = slot.wrapping_sub(self.home(*key)) & mask;
            if distance >= (slot.wrapping_sub(hole) & mask) {
                self.slots.swap(hole, slot);
                hole = slot;
            }
            slot = (slot + 1) & mask;
        }
        Some(value)
    }

    /// Removes every entry and keeps the memory.
    pub fn clear(&mut self) {
        self.slots.fill_with(|| None);
        self.len = 0;
    }

    /// Where the search for `key` starts; there must be slots.
    #[inline]
    fn home(&self, key: u64) -> usize {
        fold(key ^ OFFSET, SPREAD) as usize & (self.slots.len() - 1)
    }

    /// The slot that holds `key`, or where the search ended (nowhere, if there are no slots).
    #[inline]
    fn find(&self, key: u64) -> Result<usize, usize> {
        if self.slots.is_empty() {
            return Err(0);
        }
        let mask = self.slots.len() - 1;
        let mut slot = self.home(key);
        loop {
            match &self.slots[slot] {
                Some((found, _)) if *found == key => return Ok(slot),
                Some(_) => slot = (slot + 1) & mask,
                None => return Err(slot),
            }
        }
    }

    /// Makes room for an absent key and counts it.
    #[cold]
    fn vacant_slot(&mut self, key: u64) -> usize {
        self.len += 1;
        if self.len * 4 > self.slots.len() * 3 {
            let larger = (self.slots.len() * 2).max(FIRST_SLOTS);
            let entries = std::mem::take(&mut self.slots);
            self.slots.resize_with(larger, || None);
            for (key, value) in entries.into_iter().flatten() {
                let (Ok(slot) | Err(slot)) = self.find(key);
                self.slots[slot] = Some((key, value));
            }
        }
        let (Ok(slot) | Err(slot)) = self.find(key);
        slot
    }
}

impl<K: Copy + Into<u64>, V> Default for Table<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

/// Only the number of entries: their order means nothing.
impl<K, V> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("len", &self.len).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u64, u32),
        Add(u64),
        Remove(u64),
        Clear,
    }

    fn step() -> impl Strategy<Value = Step> {
        // Few keys, so that they meet; shifted ones, so that only high bits differ.
        let key = || (0..48u64, prop_oneof![Just(0), Just(32), Just(56)]).prop_map(|(key, shift)| key << shift);
        prop_oneof![
            6 => (key(), any::<u32>()).prop_map(|(key, value)| Step::Insert(key, value)),
            3 => key().prop_map(Step::Add),
            6 => key().prop_map(Step::Remove),
            1 => Just(Step::Clear),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn agrees_with_a_sorted_map(steps in prop::collection::vec(step(), 0..300)) {
            let mut table = Table::<u64, u32>::new();
            let mut oracle = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Insert(key, value) => prop_assert_eq!(table.insert(key, value), oracle.insert(key, value)),
                    Step::Remove(key) => prop_assert_eq!(table.remove(key), oracle.remove(&key)),
                    Step::Add(key) => {
                        *table.get_or_default(key) ^= 1;
                        *oracle.entry(key).or_default() ^= 1;
                    }
                    Step::Clear => {
                        table.clear();
                        oracle.clear();
                    }
                }
                prop_assert_eq!(table.len(), oracle.len());
            }
            let copy = table.clone();
            for key in (0..48).flat_map(|key| [key, key << 32, key << 56]) {
                prop_assert_eq!(copy.get(key), oracle.get(&key));
                prop_assert_eq!(table.get_mut(key), oracle.get_mut(&key));
            }
        }
    }

    #[test]
    fn clear_keeps_the_memory() {
        let mut table = Table::<u32, ()>::new();
        (0..1000).for_each(|key| assert_eq!(table.insert(key, ()), None));
        let slots = table.slots.len();
        table.clear();
        assert!(table.is_empty() && table.get(7).is_none());
        assert_eq!(table.slots.len(), slots);
    }
}
