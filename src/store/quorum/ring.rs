//! Who stores which key: consistent hashing with virtual nodes.
//!
//! `DeCandia` et al., Dynamo, SOSP 2007, section 4.2: the output range of a hash function is a ring; each node has several
//! places on it (virtual nodes), and a key belongs to the nodes that follow its own place clockwise. Section 4.3: its
//! preference list are the first N *distinct* nodes of that walk.

use crate::host::{Key, NodeId, NodeSet};
use crate::kernel::stable_hash;

/// The places of all replicas of one service, the same at each of them.
#[derive(Clone, Debug)]
pub(super) struct Ring {
    replicas: usize,
    /// Places and whose they are, in ascending order.
    places: Vec<(u64, NodeId)>,
}

impl Ring {
    /// The ring of so many replicas, from number `first` on, with so many places each. Places depend on a replica's
    /// number in its service alone, so that they do not change when another service is added to a scenario.
    pub(super) fn new(first: NodeId, replicas: u32, virtual_nodes: u32) -> Self {
        let place = |replica, virtual_node| (stable_hash(&(replica, virtual_node)), NodeId(first.0 + replica));
        let of_one = |replica| (0..virtual_nodes).map(move |virtual_node| place(replica, virtual_node));
        let mut places: Vec<_> = (0..replicas).flat_map(of_one).collect();
        places.sort_unstable();
        Self { replicas: replicas as usize, places }
    }

    /// All replicas in the order in which they are to store the key: its preference list, then those that stand in.
    pub(super) fn walk(&self, key: Key) -> impl Iterator<Item = NodeId> {
        let start = self.places.partition_point(|(place, _)| *place < stable_hash(&key));
        let (before, behind) = self.places.split_at(start);
        let mut met = NodeSet::default();
        behind.iter().chain(before).map(|(_, node)| *node).filter(move |node| met.insert(*node)).take(self.replicas)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(replicas: u32, n: usize) -> Vec<Vec<u32>> {
        let ring = Ring::new(NodeId(0), replicas, 64);
        (0..2_000).map(|key| ring.walk(Key(key)).take(n).map(|node| node.0).collect()).collect()
    }

    #[test]
    fn a_walk_meets_every_replica_once_wherever_the_service_stands() {
        let (here, there) = (Ring::new(NodeId(0), 5, 8), Ring::new(NodeId(7), 5, 8));
        for key in (0..200).map(Key) {
            let walk: Vec<_> = here.walk(key).collect();
            let mut sorted = walk.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..5).map(NodeId).collect::<Vec<_>>());
            assert_eq!(there.walk(key).map(|node| NodeId(node.0 - 7)).collect::<Vec<_>>(), walk);
        }
    }

    #[test]
    fn keys_are_spread_over_the_replicas() {
        let mut owned = [0u32; 8];
        lists(8, 3).iter().flatten().for_each(|&replica| owned[replica as usize] += 1);
        // 6,000 places for 8 replicas: 750 each. The share of one has a deviation of about 1 / sqrt(64).
        assert!(owned.iter().all(|count| (450..1_050).contains(count)), "{owned:?}");
    }

    /// The principal advantage of consistent hashing (section 4.2): a newcomer takes over keys, and otherwise no key moves.
    #[test]
    fn a_new_replica_moves_only_the_keys_that_it_takes() {
        let mut taken = 0;
        for (before, after) in lists(8, 3).into_iter().zip(lists(9, 3)) {
            let (kept, new): (Vec<_>, Vec<_>) = after.into_iter().partition(|&replica| replica != 8);
            assert!(before.starts_with(&kept), "{before:?} {kept:?}");
            taken += new.len();
        }
        assert!((400..1_000).contains(&taken), "a third of 2,000 would be fair: {taken}");
    }
}
