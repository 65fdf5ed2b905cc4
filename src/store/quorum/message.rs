//! What the replicas of a quorum store say to each other.

use crate::host::{Key, Message, NodeId};

use super::merkle::{Leaf, TreeNode};
use super::version::{Clock, Versions};

/// A message of the protocol.
#[derive(Clone, Hash, Debug)]
pub enum QuorumMessage {
    /// What do you hold?
    Query {
        /// For this operation of the coordinator.
        operation: u64,
        /// Of this object.
        key: Key,
    },
    /// The answer to a query.
    Found {
        /// The operation that had asked.
        operation: u64,
        /// What the replica holds durably.
        versions: Versions,
    },
    /// Hold these, unless you hold newer ones.
    Store {
        /// What for.
        errand: Errand,
        /// Of this object.
        key: Key,
        /// Who is to hold them in the end: if it is not the receiver, that keeps them with a hint.
        owner: NodeId,
        /// What to hold.
        versions: Versions,
    },
    /// The answer to a store: the replica holds those or newer ones, durably.
    Stored {
        /// What for.
        errand: Errand,
        /// Who is to hold them in the end.
        owner: NodeId,
    },
    /// My hash tree of what we both are to hold has these nodes.
    Compare {
        /// On this level; the root is on level 0.
        level: u32,
        /// Those below the ones that differed one level higher.
        nodes: Vec<TreeNode>,
    },
    /// I hold these.
    Offer {
        /// And nothing else in these leaves of the tree.
        leaves: Vec<Leaf>,
        /// In the order of their keys.
        objects: Vec<(Key, Versions)>,
    },
}

/// What a version is sent for: ties the answer to what was asked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Errand {
    /// This operation of the coordinator.
    Operation(u64),
    /// A replica was found to lag behind.
    Repair,
    /// The hint of this number is handed off.
    HandOff(u64),
}

impl Message for QuorumMessage {
    fn kind(&self) -> &'static str {
        match self {
            Self::Query { .. } => "query",
            Self::Found { .. } => "found",
            Self::Store { .. } => "store",
            Self::Stored { .. } => "stored",
            Self::Compare { .. } => "compare",
            Self::Offer { .. } => "offer",
        }
    }

    fn size_bytes(&self) -> u32 {
        const KIND: u32 = 1;
        const NUMBER: u32 = 8;
        const ERRAND: u32 = 9;
        const NODE: u32 = 4;
        let many = |count: usize, each: u32| u32::try_from(count).unwrap_or(u32::MAX).saturating_mul(each);
        let body = match self {
            Self::Query { .. } => 2 * NUMBER,
            Self::Found { versions, .. } => size_of_versions(versions).saturating_add(NUMBER),
            Self::Store { versions, .. } => size_of_versions(versions).saturating_add(ERRAND + NUMBER + NODE),
            Self::Stored { .. } => ERRAND + NODE,
            Self::Compare { nodes, .. } => many(nodes.len(), 12).saturating_add(4),
            Self::Offer { leaves, objects } => {
                let sizes = objects.iter().map(|(_, versions)| size_of_versions(versions).saturating_add(NUMBER));
                sizes.fold(many(leaves.len(), 4), u32::saturating_add)
            }
        };
        body.saturating_add(KIND)
    }
}

/// A count, and of each version its dot, its value, when it may be forgotten, and a number or pairs of numbers.
fn size_of_versions(versions: &Versions) -> u32 {
    versions.iter().fold(4, |sum: u32, version| {
        let clock = match &version.clock {
            Clock::Wall(_) => 8,
            Clock::Past(past) => u32::try_from(past.to_context().0.len()).unwrap_or(u32::MAX).saturating_mul(16),
        };
        sum.saturating_add(25).saturating_add(clock).saturating_add(version.value.size_bytes())
    })
}
