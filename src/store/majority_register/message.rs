//! What the replicas of a majority register say to each other.

use crate::host::{Key, Message, NodeId, Value};
use crate::store::log::{Fields, Record, put_number, put_value};

/// The version of a register's value: any two writes of a register have different ones.
///
/// Lynch and Shvartsman (1997) order writes by a counter and, where two have the same, by the writer. Their writers run
/// one write after the other and never come back from a crash. A coordinator here runs many at once, and comes back
/// without knowing which counters it has used: so the writer is not the node but its operation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Tag {
    /// One more than the highest that a majority knew.
    pub(super) counter: u64,
    /// The coordinator of the write.
    pub(super) coordinator: NodeId,
    /// The write among all those of its coordinator, in all incarnations.
    pub(super) operation: u64,
}

/// What a register holds, with its version.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Tagged {
    pub(super) tag: Tag,
    pub(super) value: Value,
}

impl Tagged {
    /// What a register holds that was never written: less than every write.
    pub(super) const UNWRITTEN: Self =
        Self { tag: Tag { counter: 0, coordinator: NodeId(0), operation: 0 }, value: Value::Nil };
}

/// A message of the protocol. The operation is the coordinator's number for it, and ties an answer to what was asked.
#[derive(Clone, Hash, Debug)]
pub enum MajorityRegisterMessage {
    /// What do you hold?
    Query {
        /// For this operation.
        operation: u64,
        /// In this register.
        key: Key,
    },
    /// The answer to a query.
    Found {
        /// The operation that had asked.
        operation: u64,
        /// What the replica holds durably.
        held: Tagged,
    },
    /// Hold this, unless you hold something newer.
    Store {
        /// For this operation.
        operation: u64,
        /// In this register.
        key: Key,
        /// What to hold.
        newer: Tagged,
    },
    /// The answer to a store: the replica holds that or something newer, durably.
    Stored {
        /// The operation that had asked.
        operation: u64,
    },
}

impl Message for MajorityRegisterMessage {
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
            Self::Found { held, .. } => KIND + NUMBER + size_of_tagged(held),
            Self::Store { newer, .. } => KIND + 2 * NUMBER + size_of_tagged(newer),
            Self::Stored { .. } => KIND + NUMBER,
        }
    }

    /// The register trusts its network: it has no checksums of its own.
    fn corrupt(&mut self, draw: u64) -> bool {
        let bit = 1u64 << (draw % 64);
        match self {
            Self::Found { held: Tagged { value: Value::Int(value), .. }, .. }
            | Self::Store { newer: Tagged { value: Value::Int(value), .. }, .. } => *value ^= bit.cast_signed(),
            Self::Query { key, .. } => key.0 ^= bit,
            Self::Found { operation, .. } | Self::Store { operation, .. } | Self::Stored { operation } => {
                *operation ^= bit;
            }
        }
        true
    }
}

fn size_of_tagged(tagged: &Tagged) -> u32 {
    tagged.value.size_bytes().saturating_add(20)
}

/// What a replica's log records: a register came to hold something newer.
#[derive(Clone, Debug)]
pub(super) struct Update {
    pub(super) key: Key,
    pub(super) newer: Tagged,
}

impl Record for Update {
    fn encode(&self, bytes: &mut Vec<u8>) {
        let Tag { counter, coordinator, operation } = self.newer.tag;
        for number in [self.key.0, counter, u64::from(coordinator.0), operation] {
            put_number(number, bytes);
        }
        put_value(&self.newer.value, bytes);
    }

    fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        let key = Key(fields.number()?);
        let counter = fields.number()?;
        let coordinator = NodeId(u32::try_from(fields.number()?).ok()?);
        let tag = Tag { counter, coordinator, operation: fields.number()? };
        Some(Self { key, newer: Tagged { tag, value: fields.value()? } })
    }
}
