//! Logs and grow-only sets whose elements are each put in by one operation: judged without a search.
//!
//! A read shows all that was put in before it, so the reads put the elements into an order, and with it every operation
//! ("recoverability" and "traceability" of Kingsbury and Alvaro, "Elle", VLDB 2020). An acknowledged operation
//! that no read shows comes after them all. So each operation has one place, and the history has a linearization if and
//! only if none precedes another one whose place is before its own: a pair of operations is always enough to refute it.

use std::collections::BTreeMap;

use super::zones::Pattern;
use crate::check::anomaly::{
    ABORTED_READ, CONTRADICTORY_ANSWER, DUPLICATE_ELEMENT, FUTURE_READ, GARBAGE_READ, NO_ORDER,
};
use crate::check::growing::elements;
use crate::check::model::Decision;
use crate::check::precedence::precedes;
use crate::check::sentence::clause;
use crate::check::writes::{Kind, Written, written};
use crate::host::{Request, Value};
use crate::kernel::Time;
use crate::load::{History, Outcome};

/// Decides about the operations of one log or set.
pub(in crate::check) fn decide(history: &History, kind: Kind, operations: &[usize]) -> Decision {
    let Some(grown) = Grown::new(history, kind, operations) else { return Decision::Search };
    match grown.contradiction() {
        None => Decision::Linearizable,
        Some(Pattern { anomaly, core, sentence }) => Decision::Refuted { anomaly, core, sentence },
    }
}

/// A linearization of operations on one log or set that have one, and what the object holds then.
pub(in crate::check) fn linearization(
    history: &History,
    kind: Kind,
    operations: &[usize],
) -> Option<(Vec<usize>, Value)> {
    Some(Grown::new(history, kind, operations)?.linearization())
}

/// One object's operations, and what they show.
struct Grown<'h> {
    history: &'h History,
    kind: Kind,
    /// In the order of invocation.
    operations: &'h [usize],
    /// The operation that put in each element, or may have.
    writers: BTreeMap<i64, usize>,
    /// The answered reads with what they found, the shortest first.
    reads: Vec<(usize, &'h Value)>,
}

impl<'h> Grown<'h> {
    /// The object of this kind that `operations` (indices, in the order of invocation) are about; `None` if two of them
    /// may have put in the same element.
    fn new(history: &'h History, kind: Kind, operations: &'h [usize]) -> Option<Self> {
        let (mut writers, mut reads) = (BTreeMap::new(), Vec::new());
        for &index in operations {
            let operation = &history.operations[index];
            if let Some(Written::Element(element)) = written(operation)
                && writers.insert(element, index).is_some()
            {
                return None;
            }
            if let (Request::Read { .. }, Outcome::Ok(found) | Outcome::No(found)) =
                (&operation.request, &operation.outcome)
            {
                reads.push((index, found));
            }
        }
        reads.sort_by_key(|(_, found)| elements(found).map(<[i64]>::len));
        Some(Self { history, kind, operations, writers, reads })
    }

    /// Why it has no linearization, if it has none.
    fn contradiction(&self) -> Option<Pattern> {
        let in_itself = self.reads.iter().find_map(|&(read, found)| self.in_itself(read, found));
        in_itself.or_else(|| self.fork()).or_else(|| self.out_of_order())
    }

    fn clause(&self, operation: usize) -> String {
        clause(self.history, operation)
    }

    fn precedes(&self, a: usize, b: usize) -> bool {
        precedes(&self.history.operations[a], &self.history.operations[b])
    }

    /// The participle for what puts an element in.
    const fn put_in(&self) -> &'static str {
        if matches!(self.kind, Kind::Set) { "inserted" } else { "appended" }
    }

    /// What a read found that no read can find.
    fn in_itself(&self, read: usize, found: &Value) -> Option<Pattern> {
        let (says, put_in) = (self.clause(read), self.put_in());
        let Some(found) = elements(found) else {
            let why = match found {
                Value::Siblings(_) => "it holds one value at a time",
                _ => "that is no list of elements",
            };
            return Some(pattern(CONTRADICTORY_ANSWER, [read], format!("{says}: {why}.")));
        };
        let mut sorted = found.to_vec();
        sorted.sort_unstable();
        for (place, &element) in sorted.iter().enumerate() {
            let Some(&writer) = self.writers.get(&element) else {
                let (anomaly, why) = match self.failed_writer(element) {
                    Some(failed) => {
                        (ABORTED_READ, format!("{element} certainly was not {put_in}: {}", self.clause(failed)))
                    }
                    None => (GARBAGE_READ, format!("nobody {put_in} {element}")),
                };
                return Some(pattern(anomaly, [read], format!("{says}, but {why}.")));
            };
            if place > 0 && sorted[place - 1] == element {
                let once = self.clause(writer);
                return Some(pattern(
                    DUPLICATE_ELEMENT,
                    [writer, read],
                    format!("{says}, but {element} was {put_in} only once: {once}."),
                ));
            }
            if self.precedes(read, writer) {
                let later = self.clause(writer);
                let sentence = format!("{says}, but {element} was {put_in} later: {later}.");
                return Some(pattern(FUTURE_READ, [read, writer], sentence));
            }
        }
        let is_disordered = self.kind == Kind::Set && sorted != found;
        is_disordered
            .then(|| pattern(CONTRADICTORY_ANSWER, [read], format!("{says}: a set answers in ascending order.")))
    }

    /// A failed operation that would have put in the element.
    fn failed_writer(&self, element: i64) -> Option<usize> {
        let puts_in = |&&index: &&usize| match self.history.operations[index].request {
            Request::Append { element: other, .. } | Request::Insert { element: other, .. } => other == element,
            _ => false,
        };
        self.operations.iter().find(puts_in).copied()
    }

    /// Two reads of which the longer does not continue the shorter.
    fn fork(&self) -> Option<Pattern> {
        let is_fork = |shorter: &[i64], longer: &[i64]| match self.kind {
            Kind::Set => !shorter.iter().all(|element| longer.binary_search(element).is_ok()),
            _ => !longer.starts_with(shorter),
        };
        let pairs = self.reads.windows(2).map(|pair| (pair[0], pair[1]));
        for ((one, shorter), (other, longer)) in pairs {
            if is_fork(elements(shorter)?, elements(longer)?) {
                let why = match self.kind {
                    Kind::Set => "neither has all that the other has",
                    _ => "neither continues the other",
                };
                let (one, other) = (one.min(other), one.max(other));
                let sentence = format!("{} and {}: {why}.", self.clause(one), self.clause(other));
                return Some(pattern(NO_ORDER, [one, other], sentence));
            }
        }
        None
    }

    /// The place of every operation that took effect, by index: an element's before that of the first read that shows it.
    fn places(&self) -> BTreeMap<usize, usize> {
        let mut places = BTreeMap::new();
        let mut shown = 0;
        for &(read, found) in &self.reads {
            let found = elements(found).unwrap_or_default();
            if found.len() > shown {
                for (offset, element) in found.iter().enumerate() {
                    let place = if self.kind == Kind::Set { found.len() } else { offset + 1 };
                    if let Some(&writer) = self.writers.get(element) {
                        places.entry(writer).or_insert(2 * place - 1);
                    }
                }
                shown = found.len();
            }
            places.insert(read, 2 * found.len());
        }
        for &writer in self.writers.values() {
            if self.history.operations[writer].outcome.is_answered() {
                places.entry(writer).or_insert(usize::MAX);
            }
        }
        places
    }

    /// Every operation at its place, if nothing contradicts that: those at one place in the order of invocation.
    fn linearization(&self) -> (Vec<usize>, Value) {
        let places = self.places();
        let mut order: Vec<usize> = places.keys().copied().collect();
        let operation = |index: usize| &self.history.operations[index];
        order.sort_by_key(|&index| (places[&index], operation(index).invoked, operation(index).number));
        let mut held: Vec<i64> = order
            .iter()
            .filter_map(|&index| match written(operation(index)) {
                Some(Written::Element(element)) => Some(element),
                _ => None,
            })
            .collect();
        if self.kind == Kind::Set {
            held.sort_unstable();
        }
        let state = if held.is_empty() { Value::Nil } else { Value::List(held) };
        (order, state)
    }

    /// An operation that precedes another one whose place is before its own.
    fn out_of_order(&self) -> Option<Pattern> {
        let places = self.places();
        let time = |&index: &usize| self.history.operations[index].completed;
        let mut by_completion: Vec<usize> = places.keys().copied().collect();
        by_completion.retain(|&index| self.history.operations[index].outcome.is_answered());
        by_completion.sort_by_key(time);
        let until = |at: Time| by_completion.partition_point(|index| time(index) < at);
        // The operation with the last place among those completed first.
        let mut last_of: Vec<usize> = Vec::with_capacity(by_completion.len());
        for &index in &by_completion {
            let last = last_of.last().copied().filter(|last| places[last] >= places[&index]);
            last_of.push(last.unwrap_or(index));
        }
        for &later in self.operations.iter().filter(|index| places.contains_key(index)) {
            let invoked = self.history.operations[later].invoked;
            let over = until(invoked);
            let touching = by_completion[over..].iter().take_while(|index| time(index) == invoked);
            let touching = touching.copied().filter(|&earlier| self.precedes(earlier, later));
            let earlier = over.checked_sub(1).map(|last| last_of[last]).into_iter().chain(touching);
            let earlier = earlier.max_by_key(|index| places[index]);
            if let Some(earlier) = earlier.filter(|earlier| places[earlier] > places[&later]) {
                return Some(self.inversion(earlier, later));
            }
        }
        None
    }

    /// `earlier` precedes `later`, and yet must come after it.
    fn inversion(&self, earlier: usize, later: usize) -> Pattern {
        let element = |index: usize| match written(&self.history.operations[index]) {
            Some(Written::Element(element)) => Some(element),
            _ => None,
        };
        let (one, other, put_in) = (self.clause(earlier), self.clause(later), self.put_in());
        match (element(earlier), element(later)) {
            (Some(missing), None) => pattern(
                NO_ORDER,
                [earlier, later],
                format!("{other}, but {missing} was {put_in} and acknowledged before it began: {one}."),
            ),
            (Some(first), Some(second)) => {
                let shows = |&&(_, found): &&(usize, &Value)| elements(found).is_some_and(|e| e.contains(&second));
                let read = self.reads.iter().find(shows).map(|&(read, _)| read);
                let says = read.map_or_else(String::new, |read| format!("{}, but ", self.clause(read)));
                let why = format!("{first} was acknowledged before {second} was {put_in}: {one}; {other}");
                pattern(NO_ORDER, read.into_iter().chain([earlier, later]), format!("{says}{why}."))
            }
            _ => {
                let sentence = format!("{other}, but more had been seen before it began: {one}.");
                pattern(NO_ORDER, [earlier, later], sentence)
            }
        }
    }
}

fn pattern(anomaly: &'static str, core: impl IntoIterator<Item = usize>, sentence: String) -> Pattern {
    let mut core: Vec<usize> = core.into_iter().collect();
    core.sort_unstable();
    Pattern { anomaly, core, sentence }
}

#[cfg(test)]
mod tests;
