//! Whether a queue is linearizable, in log-linear time, if its elements are unique.
//!
//! Henzinger, Sezgin and Vafeiadis (2013, "Aspect-Oriented Linearizability Proofs", section 4): a complete history of a
//! queue is linearizable unless an element is taken that was not put in before; or taken twice; or two elements come out
//! in the wrong order; or the queue is found empty although at every instant some element must have been in it. What
//! was put in with unknown outcome was put in if it was taken. An unknown taking could have taken anything: then each of
//! the four still is a contradiction, but there may be others.

use std::collections::BTreeMap;

use crate::check::anomaly::{DUPLICATE_ELEMENT, FUTURE_READ, GARBAGE_READ, NO_ORDER};
use crate::check::model::Decision;
use crate::check::precedence::precedes;
use crate::check::sentence::{clause, list};
use crate::host::{Request, Value};
use crate::kernel::Time;
use crate::load::{History, Operation, Outcome};

/// How many operations a sentence tells.
const TOLD: usize = 8;

/// An element: which operation put it in, and which took it out.
#[derive(Clone, Copy)]
struct Element {
    put: usize,
    taken: Option<usize>,
}

/// The operations of one queue.
struct Fifo<'h> {
    history: &'h History,
    elements: BTreeMap<i64, Element>,
    /// Those that found it empty.
    empty: Vec<usize>,
    /// Whether something of unknown outcome may have taken an element.
    may_be_taken: bool,
}

/// Decides about the operations of one queue.
pub(super) fn decide(history: &History, operations: &[usize]) -> Decision {
    match Fifo::new(history, operations) {
        Err(decision) => decision,
        Ok(fifo) => {
            let found = fifo.out_of_order().or_else(|| fifo.never_empty());
            let otherwise = if fifo.may_be_taken || touches(history, operations) {
                Decision::Search
            } else {
                Decision::Linearizable
            };
            found.unwrap_or(otherwise)
        }
    }
}

/// Whether a session goes on at the very instant of an answer: then its operations are in an order that their times
/// alone do not tell.
fn touches(history: &History, operations: &[usize]) -> bool {
    let mut latest: BTreeMap<u64, Time> = BTreeMap::new();
    operations.iter().any(|&index| {
        let Operation { session, invoked, completed, .. } = history.operations[index];
        latest.insert(session, completed) == Some(invoked)
    })
}

fn refuted(anomaly: &'static str, mut core: Vec<usize>, sentence: String) -> Decision {
    core.sort_unstable();
    core.dedup();
    Decision::Refuted { anomaly, core, sentence }
}

impl<'h> Fifo<'h> {
    /// Gathers the elements. An element that is taken without having been put in, or twice, decides already.
    fn new(history: &'h History, operations: &[usize]) -> Result<Self, Decision> {
        let mut fifo = Self { history, elements: BTreeMap::new(), empty: Vec::new(), may_be_taken: false };
        let mut takings: Vec<(i64, usize)> = Vec::new();
        for &index in operations {
            let operation = &history.operations[index];
            match (&operation.request, &operation.outcome) {
                (_, Outcome::Fail(_)) | (Request::Enqueue { .. }, Outcome::No(_)) => {}
                (Request::Enqueue { element, .. }, _) => {
                    if fifo.elements.insert(*element, Element { put: index, taken: None }).is_some() {
                        return Err(Decision::Search);
                    }
                }
                (_, Outcome::Info(_)) => fifo.may_be_taken = true,
                (_, Outcome::Ok(Value::Int(element))) => takings.push((*element, index)),
                (_, Outcome::Ok(Value::Nil) | Outcome::No(_)) => fifo.empty.push(index),
                _ => return Err(Decision::Search),
            }
        }
        for (element, taking) in takings {
            let told = clause(history, taking);
            let Some(Element { put, taken }) = fifo.elements.get_mut(&element) else {
                return Err(refuted(GARBAGE_READ, vec![taking], format!("{told}, but nobody put {element} in.")));
            };
            if precedes(&history.operations[taking], &history.operations[*put]) {
                let later = clause(history, *put);
                let sentence = format!("{told}, but {element} was put in only later: {later}.");
                return Err(refuted(FUTURE_READ, vec![*put, taking], sentence));
            }
            if let Some(first) = taken.replace(taking) {
                let first_told = clause(history, first);
                return Err(refuted(
                    DUPLICATE_ELEMENT,
                    vec![first, taking],
                    format!("{element} was taken twice: {first_told}; {told}."),
                ));
            }
        }
        let is_open = |index: usize| matches!(history.operations[index].outcome, Outcome::Info(_));
        fifo.elements.retain(|_, element| element.taken.is_some() || !is_open(element.put));
        Ok(fifo)
    }

    fn clause(&self, operation: usize) -> String {
        clause(self.history, operation)
    }

    fn invoked(&self, operation: usize) -> Time {
        self.history.operations[operation].invoked
    }

    /// By when it must have taken effect.
    fn deadline(&self, operation: usize) -> Time {
        let Operation { completed, outcome, .. } = &self.history.operations[operation];
        if matches!(outcome, Outcome::Info(_)) { Time::MAX } else { *completed }
    }

    /// The elements that must have been in the queue from the first time to the second, both exclusive.
    fn stays(&self) -> Vec<(Time, Time, Element)> {
        let stay = |element: &Element| {
            let until = match element.taken {
                Some(taken) => self.invoked(taken),
                None if self.may_be_taken => return None,
                None => Time::MAX,
            };
            Some((self.deadline(element.put), until, *element))
        };
        let mut stays: Vec<_> = self.elements.values().filter_map(stay).collect();
        stays.sort_by_key(|&(from, ..)| from);
        stays
    }

    /// An element that was taken before another one that was put in before it.
    fn out_of_order(&self) -> Option<Decision> {
        let stays = self.stays();
        let mut by_invocation: Vec<(i64, Element)> =
            self.elements.iter().map(|(&name, &element)| (name, element)).collect();
        by_invocation.sort_by_key(|(_, element)| self.invoked(element.put));
        let mut put_before = stays.iter().peekable();
        let mut last_to_leave: Option<&(Time, Time, Element)> = None;
        for (name, late) in by_invocation {
            while let Some(stay) = put_before.next_if(|(from, ..)| *from < self.invoked(late.put)) {
                last_to_leave = last_to_leave.filter(|last| last.1 >= stay.1).or(Some(stay));
            }
            let (Some(taken), Some((_, until, early))) = (late.taken, last_to_leave) else { continue };
            if self.deadline(taken) < *until {
                let after = match early.taken {
                    Some(taken) => self.clause(taken),
                    None => "nobody took that one".to_owned(),
                };
                let sentence = format!(
                    "{}, but another element was put in before {name}, and taken later: {}; {}; {after}.",
                    self.clause(taken),
                    self.clause(early.put),
                    self.clause(late.put)
                );
                let core = [taken, late.put, early.put].into_iter().chain(early.taken);
                return Some(refuted(NO_ORDER, core.collect(), sentence));
            }
        }
        None
    }

    /// A taking that found nothing, although at every instant of it some element must have been in the queue.
    fn never_empty(&self) -> Option<Decision> {
        let stays = self.stays();
        let mut filled: Vec<(Time, Time)> = Vec::new();
        for &(from, until, _) in stays.iter().filter(|(from, until, _)| from < until) {
            match filled.last_mut() {
                Some((_, end)) if from < *end => *end = until.max(*end),
                _ => filled.push((from, until)),
            }
        }
        let is_within = |&&empty: &&usize| {
            let before = filled.partition_point(|&(from, _)| from < self.invoked(empty));
            before > 0 && self.deadline(empty) < filled[before - 1].1
        };
        let &empty = self.empty.iter().find(is_within)?;
        // Of the elements that were there, the one that stays longest each time.
        let (mut at, mut core) = (self.invoked(empty), vec![empty]);
        while at <= self.deadline(empty) {
            let there = stays.iter().take_while(|(from, ..)| *from < at);
            let (_, until, element) = there.max_by_key(|(_, until, _)| *until)?;
            core.extend([element.put].into_iter().chain(element.taken));
            at = *until;
        }
        let told: Vec<String> = core[1..].iter().map(|&operation| self.clause(operation)).collect();
        let sentence =
            format!("{}, but the queue was never empty meanwhile: {}.", self.clause(empty), list(&told, TOLD));
        Some(refuted(NO_ORDER, core, sentence))
    }
}
