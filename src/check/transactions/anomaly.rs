//! Anomalies, and which isolation levels each rules out.

use std::fmt;

use super::super::verdict::Edge;
use super::level::{IsolationLevel, Level, Order};

/// What went wrong, the gravest first. Cycles are cycles of dependencies: a write follows another (ww), a read sees a
/// write (wr), a write replaces what a read saw (rw).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum AnomalyKind {
    /// A read found what nobody wrote.
    GarbageRead,
    /// A list holds an element twice that was appended once.
    DuplicateElement,
    /// Writes go in a circle: ww edges only (Adya's G0, dirty write).
    G0,
    /// Two reads of a list, neither of which continues the other.
    IncompatibleOrder,
    /// A committed write builds on an aborted one.
    DirtyUpdate,
    /// A committed transaction read an aborted write (G1a).
    G1a,
    /// A committed transaction read what was not its writer's last write (G1b).
    G1b,
    /// Information goes in a circle: ww and wr edges (G1c).
    G1c,
    /// A transaction contradicts itself: it does not read its own writes, or reads one of its later ones, or reads
    /// two versions of one object.
    Internal,
    /// Two transactions read one version of an object and both replaced it.
    LostUpdate,
    /// A cycle with exactly one rw edge (G-single: read skew).
    GSingle,
    /// A cycle with several rw edges, no two of them in succession (long fork).
    GNonadjacent,
    /// A cycle with rw edges in succession (G2-item: write skew).
    G2Item,
    /// A search proved that no snapshots explain the history, and no smaller reason is known.
    NoSnapshots,
    /// A search proved that no serial order explains the history, and no smaller reason is known.
    NoSerialOrder,
}

/// One anomaly that the history shows: of each kind and order the first, of cycles the shortest that was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Anomaly {
    /// What went wrong.
    pub kind: AnomalyKind,
    /// The order that it takes to see it (Elle's suffixes `-process` and `-realtime`).
    pub order: Order,
    /// The transactions that show it, by their place in the history; of a cycle in its order.
    pub transactions: Vec<usize>,
    /// Why, in sentences; of a cycle one for each edge.
    pub story: Vec<String>,
    /// Of a cycle its edges, in its order; of a lost update how each who updated replaced what the next one had read.
    pub edges: Vec<Edge>,
}

impl AnomalyKind {
    /// The weakest level that does not allow it. Sources: Adya 1999, section 3; Cerone and Gotsman 2016 (snapshot
    /// isolation is free of G-nonadjacent); for what lies outside of Adya's histories Elle's classification.
    #[must_use]
    pub const fn weakest_ruled_out(self) -> IsolationLevel {
        match self {
            Self::GarbageRead | Self::DuplicateElement | Self::G0 => IsolationLevel::ReadUncommitted,
            Self::IncompatibleOrder | Self::DirtyUpdate | Self::G1a | Self::G1b | Self::G1c => {
                IsolationLevel::ReadCommitted
            }
            Self::Internal | Self::LostUpdate | Self::GSingle | Self::GNonadjacent | Self::NoSnapshots => {
                IsolationLevel::SnapshotIsolation
            }
            Self::G2Item | Self::NoSerialOrder => IsolationLevel::RepeatableRead,
        }
    }
}

impl Anomaly {
    /// The weakest level that a history which shows it is not of.
    #[must_use]
    pub const fn weakest_ruled_out(&self) -> Level {
        Level { isolation: self.kind.weakest_ruled_out(), order: self.order }
    }

    /// Whether a history that shows it is not of this level.
    #[must_use]
    pub fn rules_out(&self, level: Level) -> bool {
        level.implies(self.weakest_ruled_out())
    }
}

impl fmt::Display for AnomalyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GarbageRead => "garbage read",
            Self::DuplicateElement => "duplicate element",
            Self::G0 => "G0",
            Self::IncompatibleOrder => "incompatible order",
            Self::DirtyUpdate => "dirty update",
            Self::G1a => "G1a",
            Self::G1b => "G1b",
            Self::G1c => "G1c",
            Self::Internal => "internal",
            Self::LostUpdate => "lost update",
            Self::GSingle => "G-single",
            Self::GNonadjacent => "G-nonadjacent",
            Self::G2Item => "G2-item",
            Self::NoSnapshots => "no snapshots",
            Self::NoSerialOrder => "no serial order",
        })
    }
}

/// Its name, `G-single-realtime`.
impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = match self.order {
            Order::Any => "",
            Order::Session => "-process",
            Order::Realtime => "-realtime",
        };
        write!(f, "{}{suffix}", self.kind)
    }
}
