//! Why an object has no linearization, in a form that a person can follow.
//!
//! Everything here stands on one fact. Take operations out of a history such that no remaining one requires a
//! state that a removed one leads to: if the history has a linearization, so has what remains, because between
//! an operation and the one that led to the state it requires nothing was changed. So a *closed* part without a
//! linearization refutes the whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use super::object::{Action, Entry, INITIAL, Object};
use super::search::{Found, search};
use super::zones::{Pattern, pattern};
use super::{Budget, Refutation};
use crate::check::anomaly::NO_ORDER;
use crate::check::model::Model;
use crate::check::sentence::{clause, count, list};
use crate::host::Key;
use crate::kernel::Time;

/// How many operations of a core a sentence tells.
const TOLD: usize = 8;

/// Explains why the object is not linearizable. `known` is a contradiction that was found already.
pub(super) fn explain<M: Model>(
    object: &mut Object<'_, M>,
    key: Key,
    known: Option<Pattern>,
    budget: &mut Budget,
) -> Refutation
where
    M::State: Display,
{
    let prefix = longest_prefix(object, budget);
    let stuck = prefix.stuck(object);
    let found = known.or_else(|| pattern(object, &prefix.refuted));
    let Pattern { anomaly, core, sentence } = found.unwrap_or_else(|| smallest_core(object, &prefix.refuted, budget));
    Refutation {
        key,
        anomaly,
        linearized: prefix.order,
        state_after: object.states.get(prefix.state).to_string(),
        stuck,
        core,
        explanation: sentence,
    }
}

/// The longest prefix that has a linearization, and the shortest that has none: they differ by one deadline.
struct Prefix {
    order: Vec<usize>,
    state: u32,
    /// The entries up to the first deadline that cannot be met.
    refuted: Vec<Entry>,
}

/// Finds where the object stops being linearizable, by bisection over the deadlines: a prefix of a linearizable
/// history is linearizable (Herlihy and Wing 1990, section 3).
fn longest_prefix<M: Model>(object: &mut Object<'_, M>, budget: &mut Budget) -> Prefix {
    let mut deadlines: Vec<Time> = object.entries.iter().filter_map(|entry| entry.end).collect();
    deadlines.sort_unstable();
    deadlines.dedup();
    let mut prefix = Prefix { order: Vec::new(), state: INITIAL, refuted: object.entries.clone() };
    let (mut known_good, mut known_bad) = (0, deadlines.len());
    while known_good + 1 < known_bad {
        let middle = known_good.midpoint(known_bad);
        let part = until(&object.entries, deadlines[middle - 1]);
        match search(object, &part, budget) {
            Found::Linearization { order, state } => {
                (known_good, prefix.order, prefix.state) = (middle, order, state);
            }
            Found::Nothing => (known_bad, prefix.refuted) = (middle, part),
            Found::Unknown => break,
        }
    }
    prefix
}

/// The history as it is just after `end`: what was not answered by then is open.
fn until(entries: &[Entry], end: Time) -> Vec<Entry> {
    let invoked = entries.iter().take_while(|entry| entry.call <= end);
    let known = invoked.map(|entry| Entry { end: entry.end.filter(|&deadline| deadline <= end), ..*entry });
    known.filter(|entry| !(entry.is_open() && (entry.action.is_pure() || entry.action == Action::Never))).collect()
}

impl Prefix {
    /// The operation with which the prefix ends, and the others that overlap it and whose state can no longer
    /// come about, by deadline; and why each cannot come next.
    fn stuck<M: Model>(&self, object: &mut Object<'_, M>) -> Vec<(usize, String)>
    where
        M::State: Display,
    {
        let actions: BTreeMap<usize, Action> = object.entries.iter().map(|e| (e.operation, e.action)).collect();
        let led_here = self.order.iter().rev().find(|&operation| !actions[operation].is_pure());
        let origin = led_here.map_or("the initial value".into(), |&operation| clause(object.history, operation));
        let holds = format!("{} ({origin})", object.states.get(self.state));
        let end = self.refuted.iter().filter_map(|entry| entry.end).max();
        let placed: BTreeSet<usize> = self.order.iter().copied().collect();
        let is_missing = |entry: &&Entry| Some(entry.call) <= end && !placed.contains(&entry.operation);
        let mut missing: Vec<Entry> = object.entries.iter().filter(is_missing).copied().collect();
        missing.sort_by_key(|entry| (entry.deadline(), entry.operation));
        let to_come: BTreeSet<u32> = missing.iter().filter_map(|entry| entry.action.produced()).collect();
        let is_lost = |entry: &Entry| entry.action.required().is_some_and(|from| !to_come.contains(&from));
        missing.retain(|entry| !entry.is_open() && (entry.end <= end || is_lost(entry)));
        missing.retain(|entry| object.step(self.state, entry).is_none());
        let reason = |entry: Entry| {
            let why = format!("{}, but what came before leaves {holds}", clause(object.history, entry.operation));
            (entry.operation, why)
        };
        missing.into_iter().map(reason).collect()
    }
}

/// Takes operations out of `entries`, which have no linearization, as long as the rest is closed and has none:
/// halves first, then ever smaller pieces (Zeller and Hildebrandt 2002, "Simplifying and Isolating
/// Failure-Inducing Input").
fn smallest_core<M: Model>(object: &mut Object<'_, M>, entries: &[Entry], budget: &mut Budget) -> Pattern
where
    M::State: Display,
{
    let mut core = entries.to_vec();
    let mut size = core.len().div_ceil(2);
    while size > 0 && !budget.is_spent() {
        let mut start = 0;
        while start < core.len() {
            let rest = without(&core, start, size, object.states.len());
            if rest.len() < core.len() && matches!(search(object, &rest, budget), Found::Nothing) {
                core = rest;
            } else {
                start += size;
            }
        }
        size /= 2;
    }
    let mut operations: Vec<usize> = core.iter().map(|entry| entry.operation).collect();
    operations.sort_unstable();
    let told: Vec<String> = operations.iter().map(|&operation| clause(object.history, operation)).collect();
    let sentence = match told.as_slice() {
        [only] => format!("{only}: nothing explains this answer."),
        _ => format!("No order of {} explains them all: {}.", count(told.len(), "operation"), list(&told, TOLD)),
    };
    Pattern { anomaly: NO_ORDER, core: operations, sentence }
}

/// `entries` without those from `start` on, at most `size`, and without what requires a state that a removed one
/// leads to. An operation that only the model understands stays, unless it changes nothing.
fn without(entries: &[Entry], start: usize, size: usize, states: usize) -> Vec<Entry> {
    let mut lost = vec![false; states];
    let mut removed = vec![false; entries.len()];
    let closed_form = !entries.iter().any(|entry| matches!(entry.action, Action::Step | Action::Look));
    let mut queue: Vec<usize> = (start..entries.len().min(start + size)).collect();
    while !queue.is_empty() {
        for index in queue.drain(..) {
            let action = entries[index].action;
            removed[index] = closed_form || action.is_pure();
            if let (true, Some(to)) = (removed[index], action.produced()) {
                lost[to as usize] = true;
            }
        }
        let requires_lost = |index: &usize| {
            !removed[*index] && entries[*index].action.required().is_some_and(|from| lost[from as usize])
        };
        queue = (0..entries.len()).filter(requires_lost).collect();
    }
    let kept = entries.iter().zip(removed).filter(|(_, removed)| !removed);
    kept.map(|(entry, _)| *entry).collect()
}
