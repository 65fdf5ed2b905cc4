//! Linearizability (Herlihy and Wing 1990): can the operations on each object be put into one order that
//! respects real time and explains every answer?
//!
//! Linearizability is local (Herlihy and Wing, theorem 1), so each object is judged alone. An operation without
//! a known outcome may take effect at any time after its invocation or never; a failed one did not happen.

mod given;
pub(super) mod grown;
mod memo;
mod object;
mod search;
mod sequential;
mod witness;
mod zones;

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};

use super::growing::{AppendLog, GrowOnlySet};
use super::model::{Decision, Model, Register};
use super::models::{Counter, FencedLock, Queue};
use super::precedence::{objects, objects_by};
use super::writes::{Kind, kind};
use crate::host::{Key, Request};
use crate::load::{History, Outcome};
pub(super) use memo::mix;
use object::Object;
use search::{Found, search};
use zones::Pattern;

pub use given::{linearizes, linearizes_as};
pub use sequential::{Sequential, sequential};

/// What a check may spend, counted alike on every machine.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Operations that a search may look at; 10^8 are a second or two. What a model does to a state counts as much as the
    /// state's [size](Model::size).
    pub steps: u64,
    /// Configurations that a search may remember: one per 64 operations that are open together, and about
    /// 40 bytes each. Each state of an object that a search comes to counts as two, and as many more as its
    /// [size](Model::size) takes.
    pub entries: u64,
    /// When somebody sets this flag, the check gives up as if the budget were spent. No run has one, since what a
    /// run says may not depend on a clock.
    pub cancelled: Option<&'static AtomicBool>,
}

impl Default for Budget {
    /// Some seconds and 160 MB at most. A history without an anomaly spends a few dozen steps and about one entry
    /// per operation.
    fn default() -> Self {
        Self { steps: 400_000_000, entries: 4_000_000, cancelled: None }
    }
}

impl Budget {
    /// Whether nothing is left of it.
    pub(super) fn is_spent(&self) -> bool {
        self.steps == 0 || self.entries == 0 || self.is_cancelled()
    }

    /// Whether somebody outside wants no answer any more.
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.is_some_and(|flag| flag.load(Ordering::Relaxed))
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
    /// What kind of violation the core shows.
    pub anomaly: &'static str,
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
pub fn linearizable<M: Model>(model: &M, history: &History, budget: Budget) -> Linearizability
where
    M::State: Display,
{
    let mut judge = Judge::new(history, budget, |request| model.object(request).is_some());
    for (key, operations) in objects_by(history, |request| model.object(request)) {
        judge.object(model, key, &operations);
    }
    judge.answer()
}

/// Judges every object of the history as what it was taken for: an [`AppendLog`] if elements were appended to it, a
/// [`GrowOnlySet`] if they were inserted into it, a [`Counter`], a [`Queue`], a [`FencedLock`], otherwise a [`Register`].
/// Else as [`linearizable`].
#[must_use]
pub fn linearizable_as_asked(history: &History, budget: Budget) -> Linearizability {
    let mut judge = Judge::new(history, budget, |request| request.key().is_some());
    for (key, operations) in objects(history) {
        match kind(history, &operations) {
            None => judge.give_up(|| format!("{key} was asked to be objects of two kinds at once")),
            Some(Kind::Register) => judge.object(&Register::default(), key, &operations),
            Some(Kind::Log) => judge.object(&AppendLog, key, &operations),
            Some(Kind::Set) => judge.object(&GrowOnlySet, key, &operations),
            Some(Kind::Counter) => judge.object(&Counter::default(), key, &operations),
            Some(Kind::Queue) => judge.object(&Queue, key, &operations),
            Some(Kind::Lock) => judge.object(&FencedLock, key, &operations),
        }
    }
    judge.answer()
}

/// Of what a search may spend, explaining an answer that took none may spend this part.
const DECIDED_SHARE: u64 = 20;

/// Judges one object after the other.
struct Judge<'h> {
    history: &'h History,
    budget: Budget,
    /// For explanations.
    explaining: Budget,
    refutation: Option<Box<Refutation>>,
    also: Vec<Key>,
    unknown: Option<String>,
}

impl<'h> Judge<'h> {
    /// Requests that concern no object cannot be judged.
    fn new(history: &'h History, budget: Budget, has_object: impl Fn(&Request) -> bool) -> Self {
        let mut judge =
            Self { history, budget, explaining: budget, refutation: None, also: Vec::new(), unknown: None };
        let everything: Vec<usize> = (0..history.operations.len()).collect();
        judge.find_foreign(&everything, has_object);
        judge
    }

    fn give_up(&mut self, why: impl FnOnce() -> String) {
        self.unknown.get_or_insert_with(why);
    }

    /// Whether an operation that may have happened is none of those that are supported; that leaves the answer open.
    fn find_foreign(&mut self, operations: &[usize], supports: impl Fn(&Request) -> bool) -> bool {
        let history = self.history;
        let mut happened = operations
            .iter()
            .map(|&index| &history.operations[index])
            .filter(|operation| !matches!(operation.outcome, Outcome::Fail(_)));
        let foreign = happened.find(|operation| !supports(&operation.request));
        if let Some(operation) = foreign {
            let (id, request) = (history.id(operation), &operation.request);
            self.give_up(|| format!("{id} ({request}) is no operation of the model"));
        }
        foreign.is_some()
    }

    fn object<M: Model>(&mut self, model: &M, key: Key, operations: &[usize])
    where
        M::State: Display,
    {
        if self.find_foreign(operations, |request| model.supports(request)) {
            return;
        }
        let decision = model.decide(self.history, operations);
        if decision == Decision::Linearizable {
            return;
        }
        let mut object = Object::new(model, self.history, operations);
        let is_decided = decision != Decision::Search;
        // Where a search was to be avoided, the longest prefix is not worth as many steps as an answer.
        let share = if is_decided { DECIDED_SHARE } else { 1 };
        let pattern = match decision {
            Decision::Refuted { anomaly, core, sentence } => Some(Pattern { anomaly, core, sentence }),
            _ => match has_order(&mut object, &mut self.budget) {
                Some(true) => return,
                Some(false) => None,
                None => match zones::pattern(&object, &object.entries) {
                    None => return self.give_up(|| format!("the budget was spent on {key} before it was certain")),
                    pattern => pattern,
                },
            },
        };
        if self.refutation.is_none() {
            let Budget { steps, entries, .. } = self.explaining;
            let mut budget = Budget { steps: steps / share, entries: entries / share, ..self.explaining };
            self.refutation = Some(Box::new(witness::explain(&mut object, key, (pattern, is_decided), &mut budget)));
        } else {
            self.also.push(key);
        }
    }

    fn answer(self) -> Linearizability {
        match (self.refutation, self.unknown) {
            (Some(refutation), _) => Linearizability::Refuted { refutation, also: self.also },
            (None, Some(why)) => Linearizability::Unknown { why },
            (None, None) => Linearizability::Linearizable,
        }
    }
}

/// Whether an object's operations have a linearization: by the patterns of registers where these decide, else by a search.
/// `None`: the budget was spent before it was certain.
fn has_order<M: Model>(object: &mut Object<'_, M>, budget: &mut Budget) -> Option<bool>
where
    M::State: Display,
{
    let entries = object.entries.clone();
    if !budget.is_spent() && zones::decide(object, &entries) {
        return Some(zones::pattern(object, &entries).is_none());
    }
    match search(object, &entries, budget) {
        Found::Linearization { .. } => Some(true),
        Found::Nothing => Some(false),
        Found::Unknown => None,
    }
}

#[cfg(test)]
mod tests;
