//! A set of nodes as bits, iterated in the order of their numbers.

use std::hash::{Hash, Hasher};

use super::NodeId;

/// A set of nodes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NodeSet {
    /// Bit `n % 64` of word `n / 64` is node `n`; the last word is never zero, so that equal sets are equal words.
    words: Vec<u64>,
}

impl NodeSet {
    /// Puts a node in; answers whether it was new.
    pub fn insert(&mut self, node: NodeId) -> bool {
        let (word, bit) = place(node);
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        let new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        new
    }

    /// Takes a node out; answers whether it was in.
    pub fn remove(&mut self, node: NodeId) -> bool {
        let was_in = self.contains(node);
        if was_in {
            let (word, bit) = place(node);
            self.words[word] &= !bit;
            while self.words.last() == Some(&0) {
                self.words.pop();
            }
        }
        was_in
    }

    /// Whether a node is in.
    #[inline]
    #[must_use]
    pub fn contains(&self, node: NodeId) -> bool {
        let (word, bit) = place(node);
        self.words.get(word).is_some_and(|bits| bits & bit != 0)
    }

    /// How many nodes are in.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether none is in.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether more than half of `nodes`, which are different nodes, are in.
    #[must_use]
    pub fn majority_of(&self, nodes: &[NodeId]) -> bool {
        nodes.iter().filter(|&&node| self.contains(node)).count() > nodes.len() / 2
    }

    /// The nodes in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = NodeId> + '_ {
        (0u32..).zip(&self.words).flat_map(|(word, &bits)| {
            (0..64).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| NodeId(word * 64 + bit))
        })
    }
}

/// Word by word: the standard library hashes a slice of words as bytes, in an order that depends on the machine.
impl Hash for NodeSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.words.iter().for_each(|word| word.hash(state));
        state.write_u8(u8::MAX);
    }
}

impl FromIterator<NodeId> for NodeSet {
    fn from_iter<I: IntoIterator<Item = NodeId>>(nodes: I) -> Self {
        let mut set = Self::default();
        set.extend(nodes);
        set
    }
}

impl Extend<NodeId> for NodeSet {
    fn extend<I: IntoIterator<Item = NodeId>>(&mut self, nodes: I) {
        for node in nodes {
            self.insert(node);
        }
    }
}

#[inline]
const fn place(node: NodeId) -> (usize, u64) {
    ((node.0 / 64) as usize, 1 << (node.0 % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn behaves_as_a_sorted_set(steps in prop::collection::vec((any::<bool>(), 0u32..200), 0..100)) {
            let (mut set, mut model) = (NodeSet::default(), BTreeSet::new());
            for (add, number) in steps {
                let node = NodeId(number);
                if add {
                    prop_assert_eq!(set.insert(node), model.insert(node));
                } else {
                    prop_assert_eq!(set.remove(node), model.remove(&node));
                }
            }
            prop_assert_eq!(set.len(), model.len());
            let some: Vec<_> = (0..7).map(NodeId).collect();
            let twice_in = 2 * model.range(NodeId(0)..NodeId(7)).count();
            prop_assert_eq!(set.majority_of(&some), twice_in > some.len());
            prop_assert_eq!(set.majority_of(&some[..6]), 2 * model.range(NodeId(0)..NodeId(6)).count() > 6);
            prop_assert_eq!(set.is_empty(), model.is_empty());
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(set, model.into_iter().collect::<NodeSet>());
        }
    }
}
