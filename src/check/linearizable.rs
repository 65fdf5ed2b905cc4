//! Linearizability (Herlihy and Wing 1990): can the operations on each object be put into one order that
//! respects real time and explains every answer?
//!
//! Linearizability is local (Herlihy and Wing, theorem 1), so each object is judged alone. An operation without
//! a known outcome may take effect at any time after its invocation or never; a failed one did not happen.

mod memo;
mod object;
mod search;
mod witness;
mod zones;

use std::fmt::Display;

use super::model::Model;
use super::precedence::objects;
use crate::host::Key;
use crate::load::{History, Outcome};
pub(super) use memo::mix;
use object::Object;
use search::{Found, search};

/// What a check may spend, counted alike on every machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    /// Operations that a search may look at; 10^8 are a second or two.
    pub steps: u64,
    /// Configurations that a search may remember: one per 64 operations that are open together, and about
    /// 40 bytes each.
    pub entries: u64,
}

impl Default for Budget {
    /// Some seconds and 160 MB at most. A history without an anomaly spends a few dozen steps and about one entry
    /// per operation.
    fn default() -> Self {
        Self { steps: 400_000_000, entries: 4_000_000 }
    }
}

impl Budget {
    const fn is_spent(&self) -> bool {
        self.steps == 0 || self.entries == 0
    }
}

/// The answer of [`linearizable`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Linearizability {
    /// Every object's operations have a linearization.
    Linearizable,
    /// Some object's operations have none.
    Refuted {
        /// Why, for the first such object.
        refutation: Box<Refutation>,
        /// The other objects that are refuted.
        also: Vec<Key>,
    },
    /// No object is refuted, and at least one could not be judged.
    Unknown {
        /// Why not.
        why: String,
    },
}

/// Why an object's operations have no linearization. Operations are indices into the history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refutation {
    /// The object.
    pub key: Key,
    /// A linearization of the longest prefix of the history (up to the end of some operation) that has one.
    /// Empty if the budget did not suffice to find it.
    pub linearized: Vec<usize>,
    /// What the object holds after it.
    pub state_after: String,
    /// The operations that cannot follow, and why each cannot; first the one with which the prefix ends.
    pub stuck: Vec<(usize, String)>,
    /// Few operations, in the order of invocation, that have no linearization among themselves: the history
    /// could not be linearizable whatever the others did.
    pub core: Vec<usize>,
    /// The core in a sentence.
    pub explanation: String,
}

/// Judges every object of the history. The budget is for all of them together; explaining a refutation may
/// spend as much again.
///
/// ```
/// use partita::check::{Budget, Linearizability, Register, linearizable};
/// use partita::load::History;
///
/// let answer = linearizable(&Register::default(), &History::default(), Budget::default());
/// assert_eq!(answer, Linearizability::Linearizable);
/// ```
#[must_use]
pub fn linearizable<M: Model>(model: &M, history: &History, mut budget: Budget) -> Linearizability
where
    M::State: Display,
{
    let mut explaining = budget;
    let mut unknown = unsupported(model, history);
    let (mut refutation, mut also) = (None, Vec::new());
    for (key, operations) in objects(history) {
        if !operations.iter().all(|&index| model.supports(&history.operations[index].request)) {
            continue;
        }
        let mut object = Object::new(model, history, &operations);
        let entries = object.entries.clone();
        let pattern = match search(&mut object, &entries, &mut budget) {
            Found::Linearization { .. } => continue,
            Found::Nothing => None,
            Found::Unknown => match zones::pattern(&object, &entries) {
                None => {
                    unknown.get_or_insert_with(|| format!("the budget was spent on {key} before it was certain"));
                    continue;
                }
                pattern => pattern,
            },
        };
        if refutation.is_none() {
            refutation = Some(Box::new(witness::explain(&mut object, key, pattern, &mut explaining)));
        } else {
            also.push(key);
        }
    }
    match (refutation, unknown) {
        (Some(refutation), _) => Linearizability::Refuted { refutation, also },
        (None, Some(why)) => Linearizability::Unknown { why },
        (None, None) => Linearizability::Linearizable,
    }
}

/// Why the model cannot judge the whole history, if it cannot.
fn unsupported<M: Model>(model: &M, history: &History) -> Option<String> {
    let is_foreign = |request| !model.supports(request) || request.key().is_none();
    let mut happened = history.operations.iter().filter(|o| !matches!(o.outcome, Outcome::Fail(_)));
    let operation = happened.find(|operation| is_foreign(&operation.request))?;
    Some(format!("{} ({}) is no operation of the model", history.id(operation), operation.request))
}

#[cfg(test)]
mod tests;
