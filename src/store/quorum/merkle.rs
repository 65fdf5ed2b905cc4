//! Hash trees over what a replica holds, to find where two replicas differ without telling each other everything.
//!
//! `DeCandia` et al., Dynamo, SOSP 2007, section 4.7, after Merkle, A Digital Signature Based on a Conventional Encryption
//! Function, 1988: leaves are hashes of the objects in a range of keys, and a parent is the hash of its children. Two
//! replicas compare roots, and go down where they differ. Where the paper has a tree for each range of the ring, here is
//! one for each pair of replicas, over the objects that both are to hold.

use crate::host::Key;
use crate::kernel::stable_hash;

/// A node has so many children.
const FAN_OUT: usize = 16;

/// The level of the leaves; the root has level 0.
pub(super) const LEAVES: u32 = 2;

/// A node of a tree on a level that goes without saying.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TreeNode {
    /// Its place on the level.
    pub(super) place: u32,
    pub(super) hash: u64,
}

/// A leaf: keys of one range of hashes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Leaf(pub(super) u32);

impl Leaf {
    /// Where the key belongs.
    pub(super) fn of(key: Key) -> Self {
        const BITS: u32 = FAN_OUT.ilog2() * LEAVES;
        Self((stable_hash(&key) >> (u64::BITS - BITS)) as u32)
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// From the root to the leaves.
    levels: Vec<Vec<u64>>,
}

impl Tree {
    /// Of these objects, given with a hash of what is held of them, in the order of their keys.
    pub(super) fn of(objects: impl Iterator<Item = (Key, u64)>) -> Self {
        let mut leaves = vec![0; FAN_OUT.pow(LEAVES)];
        for (key, hash) in objects {
            let leaf = &mut leaves[Leaf::of(key).0 as usize];
            *leaf = stable_hash(&(*leaf, key, hash));
        }
        let mut levels = vec![leaves];
        for _ in 0..LEAVES {
            let hash = |children: &[u64]| children.iter().fold(0, |hash, child| stable_hash(&(hash, *child)));
            let parents = levels[0].chunks(FAN_OUT).map(hash).collect();
            levels.insert(0, parents);
        }
        Self { levels }
    }

    pub(super) fn root(&self) -> TreeNode {
        TreeNode { place: 0, hash: self.levels[0][0] }
    }

    /// Those of another tree's nodes of this level that are not the same here.
    pub(super) fn differing<'a>(&'a self, level: u32, theirs: &'a [TreeNode]) -> impl Iterator<Item = u32> + 'a {
        let mine = self.levels.get(level as usize).map_or(&[][..], Vec::as_slice);
        theirs
            .iter()
            .filter(|node| mine.get(node.place as usize).is_some_and(|hash| *hash != node.hash))
            .map(|node| node.place)
    }

    /// The children of a node of this level.
    pub(super) fn children(&self, level: u32, place: u32) -> impl Iterator<Item = TreeNode> {
        let children = self.levels.get(level as usize + 1).map_or(&[][..], Vec::as_slice);
        let first = place as usize * FAN_OUT;
        let of_it = children.iter().skip(first).take(FAN_OUT);
        (place * FAN_OUT as u32..).zip(of_it).map(|(place, &hash)| TreeNode { place, hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// The leaves that two replicas find to differ, going down from the roots.
    fn differing_leaves(mine: &Tree, theirs: &Tree) -> BTreeSet<Leaf> {
        let mut asked = vec![theirs.root()];
        for level in 0..LEAVES {
            let differing: Vec<_> = mine.differing(level, &asked).collect();
            asked = differing.iter().flat_map(|&place| theirs.children(level, place)).collect();
        }
        mine.differing(LEAVES, &asked).map(Leaf).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn going_down_finds_exactly_what_differs(
            mine in prop::collection::btree_map(0..500u64, 0..3u64, 0..200),
            changes in prop::collection::btree_map(0..500u64, prop::option::of(0..3u64), 0..6),
        ) {
            let mut theirs = mine.clone();
            for (key, hash) in changes {
                match hash {
                    Some(hash) => theirs.insert(key, hash),
                    None => theirs.remove(&key),
                };
            }
            let keys: BTreeSet<u64> = mine.keys().chain(theirs.keys()).copied().collect();
            let expected: BTreeSet<Leaf> =
                keys.into_iter().filter(|key| mine.get(key) != theirs.get(key)).map(|key| Leaf::of(Key(key))).collect();
            let tree = |objects: &BTreeMap<u64, u64>| Tree::of(objects.iter().map(|(&key, &hash)| (Key(key), hash)));
            prop_assert_eq!(differing_leaves(&tree(&mine), &tree(&theirs)), expected);
        }
    }

    #[test]
    fn what_is_beyond_the_tree_differs_in_nothing() {
        let tree = Tree::of([(Key(1), 1)].into_iter());
        let stranger = TreeNode { place: 4_000, hash: 1 };
        assert_eq!(tree.differing(LEAVES, &[stranger]).count() + tree.differing(7, &[stranger]).count(), 0);
        assert_eq!(tree.children(LEAVES, 0).count() + tree.children(0, 9).count(), 0);
    }
}
