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
use crate::check::model::{Decision, Model};
use crate::check::sentence::{clause, count, list};
use crate::host::Key;
use crate::kernel::Time;
use crate::load::{History, Operation, Outcome};

/// How many operations of a core a sentence tells.
const TOLD: usize = 8;

/// Explains why the object is not linearizable. `known` is a contradiction that was found already, and whether the model
/// itself decides about the object.
pub(super) fn explain<M: Model>(
    object: &mut Object<'_, M>,
    key: Key,
    (known, is_decided): (Option<Pattern>, bool),
    budget: &mut Budget,
) -> Refutation
where
    M::State: Display,
{
    let prefix = longest_prefix(object, is_decided, budget);
    let stuck = prefix.stuck(object);
    let found = known.or_else(|| pattern(object, &prefix.refuted));
    let Pattern { anomaly, core, sentence } = found.unwrap_or_else(|| smallest_core(object, &prefix.refuted, budget));
    let name = || object.model.anomaly(&of(object.history, &core));
    let anomaly = if anomaly == NO_ORDER { name().unwrap_or(anomaly) } else { anomaly };
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
    /// Whether the budget sufficed to find the order.
    is_known: bool,
}

/// Finds where the object stops being linearizable, by bisection over the deadlines: a prefix of a linearizable
/// history is linearizable (Herlihy and Wing 1990, section 3).
fn longest_prefix<M: Model>(object: &mut Object<'_, M>, is_decided: bool, budget: &mut Budget) -> Prefix {
    let mut deadlines: Vec<Time> = object.entries.iter().filter_map(|entry| entry.end).collect();
    deadlines.sort_unstable();
    deadlines.dedup();
    let entries = object.entries.clone();
    let mut prefix = Prefix { order: Vec::new(), state: INITIAL, refuted: entries.clone(), is_known: true };
    let (mut known_good, mut known_bad) = (0, deadlines.len());
    // For how many deadlines the order is good.
    let mut ordered = 0;
    while known_good + 1 < known_bad {
        let middle = known_good.midpoint(known_bad);
        let end = deadlines[middle - 1];
        let part = until(&entries, end);
        match if is_decided { decided(object, end) } else { None } {
            Some(true) => known_good = middle,
            Some(false) => (known_bad, prefix.refuted) = (middle, part),
            None => match search(object, &part, budget) {
                Found::Linearization { order, state } => {
                    (known_good, ordered, prefix.order, prefix.state) = (middle, middle, order, state);
                }
                Found::Nothing => (known_bad, prefix.refuted) = (middle, part),
                Found::Unknown => break,
            },
        }
    }
    if ordered < known_good {
        let end = deadlines[known_good - 1];
        let order = order(object, end).or_else(|| match search(object, &until(&entries, end), budget) {
            Found::Linearization { order, state } => Some((order, state)),
            _ => None,
        });
        prefix.is_known = order.is_some();
        (prefix.order, prefix.state) = order.unwrap_or((Vec::new(), INITIAL));
    }
    prefix
}

/// The object's operations as they are known just after `end`.
fn known_by<M: Model>(object: &Object<'_, M>, end: Time) -> History {
    let was_known = |operation: &Operation| match operation.outcome.is_answered() && operation.completed > end {
        true => Operation { outcome: Outcome::Info("open".to_owned()), ..operation.clone() },
        false => operation.clone(),
    };
    let operations = object.operations.iter().map(|&index| &object.history.operations[index]);
    let operations = operations.take_while(|operation| operation.invoked <= end).map(was_known).collect();
    History { clients: object.history.clients.clone(), operations }
}

/// A history of these operations alone.
fn of(history: &History, operations: &[usize]) -> History {
    let operations = operations.iter().map(|&index| history.operations[index].clone()).collect();
    History { clients: history.clients.clone(), operations }
}

fn all(history: &History) -> Vec<usize> {
    (0..history.operations.len()).collect()
}

/// Whether the history as it is just after `end` has a linearization, if the model decides about it.
fn decided<M: Model>(object: &Object<'_, M>, end: Time) -> Option<bool> {
    let history = known_by(object, end);
    match object.model.decide(&history, &all(&history)) {
        Decision::Linearizable => Some(true),
        Decision::Refuted { .. } => Some(false),
        Decision::Search => None,
    }
}

/// Its linearization and the state after it, if the model knows of one.
fn order<M: Model>(object: &mut Object<'_, M>, end: Time) -> Option<(Vec<usize>, u32)> {
    let history = known_by(object, end);
    let (order, state) = object.model.linearization(&history, &all(&history))?;
    let order = order.into_iter().map(|place| object.operations[place]).collect();
    Some((order, object.number(state)))
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
        if !self.is_known {
            return Vec::new();
        }
        let actions: BTreeMap<usize, Action> = object.entries.iter().map(|e| (e.operation, e.action)).collect();
        let led_here = self.order.iter().rev().find(|&operation| !actions[operation].is_pure());
        let origin = led_here.map_or("the initial value".into(), |&operation| clause(object.history, operation));
        let holds = format!("{} ({origin})", object.states.get(self.state));
        let end = self.refuted.iter().filter_map(|entry| entry.end).max();
        let placed: BTreeSet<usize> = self.order.iter().copied().collect();
        let is_missing = |entry: &&Entry| Some(entry.call) <= end && !placed.contains(&entry.operation);
        let mut missing: Vec<Entry> = object.entries.iter().filter(is_missing).copied().collect();
        missing.sort_by_key(|entry| (entry.deadline(), entry.operation));
        let to_come = || object.entries.iter().filter(|entry| !placed.contains(&entry.operation));
        let led_to: BTreeSet<u32> = to_come().filter_map(|entry| entry.action.produced()).collect();
        let may_lead_anywhere = to_come().any(|entry| entry.action == Action::Step);
        let cannot_come = |from: u32| !(may_lead_anywhere || led_to.contains(&from));
        let is_lost = |entry: &Entry| entry.action.required().is_some_and(cannot_come);
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
