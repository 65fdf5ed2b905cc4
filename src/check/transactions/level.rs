//! Isolation levels, and which implies which.

use std::fmt;

/// What transactions may see of each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum IsolationLevel {
    /// Writes of two transactions do not interleave (Adya's PL-1).
    ReadUncommitted,
    /// Reads see what is committed, and final (PL-2).
    ReadCommitted,
    /// Reads see one state of the store; of two transactions that write one object at a time one aborts.
    SnapshotIsolation,
    /// What was read does not change (PL-2.99). It differs from the next level only in reads by predicate; there are
    /// none here, so a history has both or neither.
    RepeatableRead,
    /// As if one transaction ran after the other (PL-3).
    Serializable,
}

/// What order of transactions a level respects besides that of the data.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Order {
    /// None.
    Any,
    /// A session's transactions take effect in their order (Daudjee and Salem's strong session levels).
    Session,
    /// What was answered takes effect before what is invoked later, and sessions as above (the strong levels; strict
    /// serializability).
    Realtime,
}

/// An isolation level together with the order that it respects.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Level {
    /// What transactions may see.
    pub isolation: IsolationLevel,
    /// In what order.
    pub order: Order,
}

impl IsolationLevel {
    /// All, each implies those before it.
    pub const ALL: [Self; 5] = [
        Self::ReadUncommitted,
        Self::ReadCommitted,
        Self::SnapshotIsolation,
        Self::RepeatableRead,
        Self::Serializable,
    ];
}

impl Order {
    /// All, each implies those before it.
    pub const ALL: [Self; 3] = [Self::Any, Self::Session, Self::Realtime];
}

impl Level {
    /// As if one transaction ran after the other, in real time.
    pub const STRICT_SERIALIZABLE: Self = Self { isolation: IsolationLevel::Serializable, order: Order::Realtime };

    /// Reads see what is committed, and final.
    pub const READ_COMMITTED: Self = Self { isolation: IsolationLevel::ReadCommitted, order: Order::Any };

    /// All levels, each after those that it implies.
    pub fn all() -> impl Iterator<Item = Self> {
        let level = |order| IsolationLevel::ALL.map(|isolation| Self { isolation, order });
        Order::ALL.into_iter().flat_map(level)
    }

    /// Whether a history of this level has the other one too.
    #[must_use]
    pub fn implies(self, other: Self) -> bool {
        self.isolation >= other.isolation && self.order >= other.order
    }
}

impl fmt::Display for IsolationLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadUncommitted => "read uncommitted",
            Self::ReadCommitted => "read committed",
            Self::SnapshotIsolation => "snapshot isolation",
            Self::RepeatableRead => "repeatable read",
            Self::Serializable => "serializable",
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.order, self.isolation) {
            (Order::Any, isolation) => isolation.fmt(f),
            (Order::Session, isolation) => write!(f, "strong session {isolation}"),
            (Order::Realtime, IsolationLevel::Serializable) => f.write_str("strict serializable"),
            (Order::Realtime, isolation) => write!(f, "strong {isolation}"),
        }
    }
}
