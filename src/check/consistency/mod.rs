//! Consistency models for registers, from the strongest to the weakest, each with a witness.
//!
//! Linearizability and sequential consistency are searched for. The models below them (causal consistency, read
//! atomicity, read committed, the session guarantees) are decided in polynomial time where each read tells which write
//! it saw (Biswas and Enea 2019, "On the Complexity of Checking Transactional Consistency"): every operation is there a
//! transaction of its own. Between them stand the models that allow a bounded staleness.

mod bounded;
mod graph;
mod reads_from;
mod visibility;

use std::fmt;

use super::anomaly::NO_ORDER;
use super::linearizable::{Budget, Linearizability, Sequential, linearizable, sequential};
use super::model::Register;
use super::sentence::list;
use crate::host::Value;
use crate::kernel::Span;
use crate::load::History;

pub use bounded::{KAtomic, Recent, least_delay};
pub use visibility::Guarantees;

/// How many objects a refutation names beside the first.
const NAMED: usize = 10;

/// What a history of registers can be held against.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Consistency {
    /// One order that respects real time explains each object (Herlihy and Wing 1990).
    Linearizable,
    /// One order that respects each session explains all objects together (Lamport 1979).
    Sequential,
    /// Who sees a write sees what happened before it: all session guarantees together (Ahamad et al. 1995, "Causal
    /// Memory"; with the writes of each object in one order, as in Biswas and Enea 2019).
    Causal,
    /// Sessions see their own writes, in one order that keeps to what was read from whom.
    ReadAtomic,
    /// Reads see what was written and not taken back, and nothing of their own future.
    ReadCommitted,
    /// Some of the session guarantees.
    Session(Guarantees),
    /// A read sees one of the last so many values of its object (Aiyer, Alvisi and Bazzi 2005, "On the Availability
    /// of Non-strict Quorum Systems"). 1 is linearizability.
    KAtomic(u32),
    /// The object is linearizable if each read had begun by so much earlier (Golab, Li and Shah 2011, "Analyzing
    /// Consistency Properties for Fun and Profit").
    DeltaAtomic(Span),
}

/// Whether a history is consistent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Consistent {
    /// It is. Says more, where there is more to say.
    Yes(Option<String>),
    /// It is not.
    No {
        /// What kind of violation that is, where it has a name of its own.
        anomaly: Option<String>,
        /// Why not, in sentences.
        explanation: String,
        /// The operations that show it, as indices into the history.
        operations: Vec<usize>,
    },
    /// It could not be judged.
    Unknown {
        /// Why not.
        why: String,
    },
}

impl Consistency {
    /// The name in scenario files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linearizable => "linearizable",
            Self::Sequential => "sequential",
            Self::Causal => "causal",
            Self::ReadAtomic => "read_atomic",
            Self::ReadCommitted => "read_committed",
            Self::Session(_) => "session_guarantees",
            Self::KAtomic(_) => "k_atomic",
            Self::DeltaAtomic(_) => "delta_atomic",
        }
    }

    /// Judges a history whose objects are registers that hold `initial` at first.
    #[must_use]
    pub fn judge(self, initial: &Value, history: &History, budget: Budget) -> Consistent {
        let register = Register { initial: initial.clone() };
        let weak = |visible, ordered| {
            visibility::judge(initial, history, visible, ordered, budget).unwrap_or_else(|why| why)
        };
        match self {
            Self::Linearizable => linearizable(&register, history, budget).into(),
            Self::Sequential => match self.without_causality(initial, history, budget) {
                Some(refuted) => refuted,
                None => sequential(&register, history, budget).into(),
            },
            Self::Causal => match weak(Guarantees::ALL, Guarantees::ALL) {
                refuted @ Consistent::No { .. } => {
                    // The fewest of the guarantees that are broken together tell more than all four.
                    let broken = Guarantees::sets().find_map(|set| match weak(set, set) {
                        broken @ Consistent::No { .. } => Some((set, broken)),
                        _ => None,
                    });
                    let (set, broken) = broken.unwrap_or((Guarantees::ALL, refuted));
                    broken.of_guarantees(set)
                }
                answer => answer,
            },
            Self::ReadAtomic => weak(
                Guarantees { read_your_writes: true, ..Guarantees::NONE },
                Guarantees { monotonic_writes: true, writes_follow_reads: true, ..Guarantees::NONE },
            ),
            Self::ReadCommitted => weak(Guarantees::NONE, Guarantees::NONE),
            Self::Session(guarantees) => weak(guarantees, guarantees),
            Self::KAtomic(versions) => {
                linearizable(&KAtomic { initial: initial.clone(), versions }, history, budget).into()
            }
            Self::DeltaAtomic(at_most) => bounded::within(&register, history, at_most, budget),
        }
    }

    /// What is not causal is not sequential either, and easier to explain.
    fn without_causality(self, initial: &Value, history: &History, budget: Budget) -> Option<Consistent> {
        let answer = Self::Causal.judge(initial, history, budget);
        matches!(answer, Consistent::No { .. }).then_some(answer)
    }
}

impl fmt::Display for Consistency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linearizable => f.write_str("linearizable"),
            Self::Sequential => f.write_str("sequential"),
            Self::Causal => f.write_str("causal"),
            Self::ReadAtomic => f.write_str("read atomic"),
            Self::ReadCommitted => f.write_str("read committed"),
            Self::Session(guarantees) => guarantees.fmt(f),
            Self::KAtomic(versions) => write!(f, "{versions}-atomic"),
            Self::DeltaAtomic(at_most) => write!(f, "atomic within {at_most}"),
        }
    }
}

impl Consistent {
    /// The same, and which guarantees are broken.
    fn of_guarantees(self, broken: Guarantees) -> Self {
        match self {
            Self::No { anomaly, explanation, operations } => Self::No {
                anomaly: anomaly.or_else(|| Some(broken.to_string())),
                explanation: format!("This breaks {broken}. {explanation}"),
                operations,
            },
            other => other,
        }
    }
}

impl From<Linearizability> for Consistent {
    fn from(answer: Linearizability) -> Self {
        match answer {
            Linearizability::Linearizable => Self::Yes(None),
            Linearizability::Refuted { refutation, also } => {
                let others = match also.as_slice() {
                    [] => String::new(),
                    also => format!(" The same holds for {}.", list(also, NAMED)),
                };
                let explanation = format!("On {}: {}{others}", refutation.key, refutation.explanation);
                Self::No { anomaly: Some(refutation.anomaly.to_owned()), explanation, operations: refutation.core }
            }
            Linearizability::Unknown { why } => Self::Unknown { why },
        }
    }
}

impl From<Sequential> for Consistent {
    fn from(answer: Sequential) -> Self {
        match answer {
            Sequential::Consistent(_) => Self::Yes(None),
            Sequential::Refuted { core, explanation } => {
                Self::No { anomaly: Some(NO_ORDER.to_owned()), explanation, operations: core }
            }
            Sequential::Unknown { why } => Self::Unknown { why },
        }
    }
}

#[cfg(test)]
mod tests;
