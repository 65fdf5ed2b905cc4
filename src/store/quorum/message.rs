//! What the replicas of a quorum store say to each other.

use crate::host::{Key, Message};

use super::version::{Clock, Versions};

/// A message of the protocol. The operation is the coordinator's number for it, and ties an answer to what was asked.
#[derive(Clone, Hash, Debug)]
pub enum QuorumMessage {
    /// What do you hold?
    Query {
        /// For this operation.
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
        /// For this operation.
        operation: u64,
        /// Of this object.
        key: Key,
        /// What to hold.
        versions: Versions,
    },
    /// The answer to a store: the replica holds those or newer ones, durably.
    Stored {
        /// The operation that had asked.
        operation: u64,
    },
}

impl Message for QuorumMessage {
    fn kind(&self) -> &'static str {
        match self {
            Self::Query { .. } => "query",
            Self::Found { .. } => "found",
            Self::Store { .. } => "store",
            Self::Stored { .. } => "stored",
        }
    }

    fn size_bytes(&self) -> u32 {
        const KIND: u32 = 1;
        const NUMBER: u32 = 8;
        match self {
            Self::Query { .. } => KIND + 2 * NUMBER,
            Self::Found { versions, .. } => (KIND + NUMBER).saturating_add(size_of_versions(versions)),
            Self::Store { versions, .. } => (KIND + 2 * NUMBER).saturating_add(size_of_versions(versions)),
            Self::Stored { .. } => KIND + NUMBER,
        }
    }
}

/// A count, and of each version its dot, its value, and a number or pairs of numbers.
fn size_of_versions(versions: &Versions) -> u32 {
    versions.iter().fold(4, |sum: u32, version| {
        let clock = match &version.clock {
            Clock::Wall(_) => 8,
            Clock::Past(past) => u32::try_from(past.to_context().0.len()).unwrap_or(u32::MAX).saturating_mul(16),
        };
        sum.saturating_add(17).saturating_add(clock).saturating_add(version.value.size_bytes())
    })
}
