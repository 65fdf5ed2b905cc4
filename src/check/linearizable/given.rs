//! Whether an order that somebody gives is a linearization: a proof that needs no search, and judges the search.
//!
//! Given are the requests that took effect, in that order. Operations that change nothing are placed as soon as they are
//! legal and nothing unplaced precedes them, which is never too early: moved there from their place in any linearization
//! with that order, they still are legal, and all others stay so.
//!
//! Which operation a request stands for is not given. It is one that asked for it, that nothing unplaced precedes and whose
//! answer is legal there: a queue's own state says what a taking took. Of several with one answer it is the one that ended
//! first, which is never wrong: in any linearization with that order the two may change places. Where there still is a choice
//! (takings of an unordered queue, operations that end at one instant) each is tried, within a bound.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::super::growing::{AppendLog, GrowOnlySet};
use super::super::model::{Effect, Model, Register};
use super::super::models::{Counter, FencedLock, Queue};
use super::super::precedence::{objects, objects_by, precedes};
use super::super::writes::{Kind, kind};
use crate::host::{Key, Request};
use crate::kernel::stable_hash;
use crate::load::{History, Operation, Outcome};

/// How many choices are taken back before an order is given up.
const SECOND_THOUGHTS: u32 = 1_000;

/// How many choices are remembered, so that they can be taken back.
const REMEMBERED: usize = 1_000;

/// Whether the requests `applied`, in that order, linearize the operations on `key`; on every object if there is no key. Each
/// object is judged as what it was taken for, as by [`linearizable_as_asked`](super::linearizable_as_asked).
///
/// `true` is a proof, whoever gives the order. `false` says that this order explains nothing, or that too much would have to
/// be tried; the operations may have another one.
#[must_use]
pub fn linearizes(history: &History, key: Option<Key>, applied: &[Request]) -> bool {
    let applied = by_object(applied, Request::key);
    let objects = objects(history).into_iter().filter(|(other, _)| key.is_none_or(|key| key == *other));
    objects.map(|(key, operations)| (kind(history, &operations), key, operations)).all(|(kind, key, operations)| {
        let given = (history, operations.as_slice(), applied.get(&key).map_or(&[][..], Vec::as_slice));
        match kind {
            Some(Kind::Register) => explains(&Register::default(), given),
            Some(Kind::Log) => explains(&AppendLog, given),
            Some(Kind::Set) => explains(&GrowOnlySet, given),
            Some(Kind::Counter) => explains(&Counter::default(), given),
            Some(Kind::Queue) => explains(&Queue, given),
            Some(Kind::Lock) => explains(&FencedLock, given),
            None => false,
        }
    })
}

/// The same for objects of this model, as by [`linearizable`](super::linearizable).
///
/// ```
/// use partita::check::{Queue, linearizes_as};
/// use partita::load::History;
///
/// assert!(linearizes_as(&Queue, &History::default(), None, &[]));
/// ```
#[must_use]
pub fn linearizes_as<M: Model>(model: &M, history: &History, key: Option<Key>, applied: &[Request]) -> bool {
    let object = |request: &Request| model.object(request);
    let happened = |operation: &&Operation| !matches!(operation.outcome, Outcome::Fail(_));
    let is_known = |request: &Request| model.supports(request) && object(request).is_some();
    let applied = by_object(applied, object);
    let mut objects =
        objects_by(history, object).into_iter().filter(|(other, _)| key.is_none_or(|key| key == *other));
    history.operations.iter().filter(happened).all(|operation| is_known(&operation.request))
        && objects.all(|(key, operations)| {
            explains(model, (history, &operations, applied.get(&key).map_or(&[][..], Vec::as_slice)))
        })
}

/// The requests about each object, in their order.
fn by_object(applied: &[Request], object: impl Fn(&Request) -> Option<Key>) -> BTreeMap<Key, Vec<&Request>> {
    let mut by_object: BTreeMap<Key, Vec<&Request>> = BTreeMap::new();
    for request in applied {
        if let Some(key) = object(request) {
            by_object.entry(key).or_default().push(request);
        }
    }
    by_object
}

/// Whether the requests explain these operations, which are those of one object.
fn explains<M: Model>(model: &M, (history, operations, applied): (&History, &[usize], &[&Request])) -> bool {
    Placing::new(model, history, operations).explains(applied)
}

/// The operations of an object, of which some have their places. Operations are named by their place among those that may
/// have happened, in the order of invocation.
struct Placing<'h, M: Model> {
    model: &'h M,
    operations: Vec<&'h Operation>,
    is_placed: Vec<bool>,
    /// Those that were answered, in the order of their ends; those before `ended` have their places.
    by_end: Vec<usize>,
    ended: usize,
    /// Those that change nothing; those before `looked` have their places.
    looks: Vec<usize>,
    looked: usize,
    /// Those that may change something, by what they ask.
    alike: BTreeMap<u64, Alike>,
    /// The placed ones, in that order.
    order: Vec<usize>,
}

/// Operations that ask for the same.
#[derive(Default)]
struct Alike {
    answered: Vec<usize>,
    /// Those before it have their places.
    next_answered: usize,
    /// Those of unknown outcome.
    open: Vec<usize>,
    next_open: usize,
    /// How many of the answered ones have no place.
    missing: usize,
}

impl Alike {
    /// Goes on to the first that have no place.
    fn pass_by(&mut self, is_placed: &[bool]) {
        while self.answered.get(self.next_answered).is_some_and(|&index| is_placed[index]) {
            self.next_answered += 1;
        }
        while self.open.get(self.next_open).is_some_and(|&index| is_placed[index]) {
            self.next_open += 1;
        }
    }
}

/// A point at which another operation could have been placed.
struct Choice<S> {
    /// Which of the requests is to be explained.
    request: usize,
    state: S,
    /// What else could be placed, the best last.
    others: Vec<usize>,
    /// As they were then.
    placed: usize,
    ended: usize,
    looked: usize,
}

impl<'h, M: Model> Placing<'h, M> {
    fn new(model: &'h M, history: &'h History, operations: &[usize]) -> Self {
        let operations = operations.iter().map(|&index| &history.operations[index]);
        let operations: Vec<&Operation> = operations.filter(|operation| may_matter(operation)).collect();
        let is_answered = |&index: &usize| operations[index].outcome.is_answered();
        let mut by_end: Vec<usize> = (0..operations.len()).filter(is_answered).collect();
        by_end.sort_by_key(|&index| (operations[index].completed, index));
        let (mut looks, mut alike): (Vec<usize>, BTreeMap<u64, Alike>) = (Vec::new(), BTreeMap::new());
        for (index, operation) in operations.iter().enumerate() {
            if changes_nothing(model, operation) {
                looks.push(index);
                continue;
            }
            let alike = alike.entry(stable_hash(&operation.request)).or_default();
            if operation.outcome.is_answered() {
                alike.answered.push(index);
                alike.missing += 1;
            } else {
                alike.open.push(index);
            }
        }
        let is_placed = vec![false; operations.len()];
        Self { model, operations, is_placed, by_end, ended: 0, looks, looked: 0, alike, order: Vec::new() }
    }

    fn explains(mut self, applied: &[&Request]) -> bool {
        let later = later(applied);
        let mut choices: Vec<Choice<M::State>> = Vec::new();
        let (mut request, mut state) = (0, self.model.initial());
        self.take_looks(&state);
        for _ in 0..=SECOND_THOUGHTS {
            if self.go_on(applied, &later, (request, state), &mut choices) && self.ended == self.by_end.len() {
                return true;
            }
            let Some(mut choice) = choices.pop() else { return false };
            self.take_back(&choice);
            let Some(other) = choice.others.pop() else { return false };
            let Some(next) = self.step(&choice.state, other) else { return false };
            request = choice.request + 1;
            self.place(other);
            if !choice.others.is_empty() {
                choices.push(choice);
            }
            self.take_looks(&next);
            state = next;
        }
        false
    }

    /// Explains the requests from one on; `false` if there is one that has to be explained and cannot be.
    fn go_on(
        &mut self,
        applied: &[&Request],
        later: &[usize],
        (first, mut state): (usize, M::State),
        choices: &mut Vec<Choice<M::State>>,
    ) -> bool {
        for (request, what) in applied.iter().enumerate().skip(first) {
            let mut candidates = self.candidates(&state, what);
            let Some((chosen, next)) = candidates.pop() else {
                if self.must_be_explained(&state, what, later[request]) {
                    return false;
                }
                continue;
            };
            if !candidates.is_empty() && choices.len() < REMEMBERED {
                let others = candidates.into_iter().map(|(other, _)| other).collect();
                let (placed, ended, looked) = (self.order.len(), self.ended, self.looked);
                choices.push(Choice { request, state, others, placed, ended, looked });
            }
            self.place(chosen);
            self.take_looks(&next);
            state = next;
        }
        true
    }

    /// The operations that a request may stand for, each with the state after it, the best last.
    fn candidates(&mut self, state: &M::State, request: &Request) -> Vec<(usize, M::State)> {
        let asked = stable_hash(request);
        if let Some(alike) = self.alike.get_mut(&asked) {
            alike.pass_by(&self.is_placed);
        }
        let Some(alike) = self.alike.get(&asked) else { return Vec::new() };
        let (answered, open) = (&alike.answered[alike.next_answered..], &alike.open[alike.next_open..]);
        let may_be = |&&index: &&usize| {
            !self.is_placed[index] && self.operations[index].request == *request && self.allows(index)
        };
        let begun = |index: &&usize| self.may_allow(**index);
        let legal = |&index: &usize| Some((index, self.step(state, index)?));
        let mut answered: Vec<_> =
            answered.iter().take_while(begun).filter(may_be).filter_map(legal).collect::<Vec<_>>();
        answered.sort_by_key(|&(index, _)| (self.operations[index].completed, index));
        // Of those with one answer the first to end, and what ends with it.
        let mut first: Vec<usize> = Vec::new();
        answered.retain(|&(index, _)| {
            let operation = self.operations[index];
            match first.iter().find(|&&other| self.operations[other].outcome == operation.outcome) {
                Some(&other) => self.operations[other].completed == operation.completed,
                None => {
                    first.push(index);
                    true
                }
            }
        });
        // What nobody was told of and nothing shows need not have happened. All that may begin now are alike.
        let mut open = open.iter().take_while(begun).filter(may_be).filter_map(legal);
        let open = open.next().filter(|(_, next)| next != state);
        open.into_iter().chain(answered.into_iter().rev()).collect()
    }

    /// Whether something is wrong if a request stands for no operation: too few equal ones come `later`, or it took effect, and
    /// some who asked for it have no place yet. Otherwise it was refused, or applied again, or nobody is known who asked for it.
    fn must_be_explained(&self, state: &M::State, request: &Request, later: usize) -> bool {
        let Some(alike) = self.alike.get(&stable_hash(request)) else { return false };
        let takes_effect = || self.model.step(state, request, None).is_some_and(|next| next != *state);
        let is_awaited = alike.missing > 0 || alike.next_open < alike.open.len();
        alike.missing > later || is_awaited && takes_effect()
    }

    fn step(&self, state: &M::State, index: usize) -> Option<M::State> {
        let operation = self.operations[index];
        self.model.step(state, &operation.request, answer(operation))
    }

    /// Places what changes nothing and is legal now.
    fn take_looks(&mut self, state: &M::State) {
        let mut place = self.looked;
        while let Some(&look) = self.looks.get(place).filter(|&&look| self.may_allow(look)) {
            if !self.is_placed[look] && self.allows(look) && self.is_seen_in(state, look) {
                self.place(look);
            }
            place += 1;
        }
        while self.looks.get(self.looked).is_some_and(|&look| self.is_placed[look]) {
            self.looked += 1;
        }
    }

    /// Whether what an operation was told, which changes nothing, is true in a state.
    fn is_seen_in(&self, state: &M::State, look: usize) -> bool {
        let operation = self.operations[look];
        match self.model.effect(&operation.request, answer(operation)) {
            Effect::Observe(seen) => seen == *state,
            Effect::Nothing => true,
            Effect::Never => false,
            Effect::Set(_) | Effect::Move { .. } | Effect::Other => self.step(state, look).is_some(),
        }
    }

    /// Whether an operation may be preceded by nothing that has no place, as far as the first of these tells. If not, neither
    /// may one that began later.
    fn may_allow(&self, index: usize) -> bool {
        let began = self.operations[index].invoked;
        self.by_end.get(self.ended).is_none_or(|&first| began <= self.operations[first].completed)
    }

    /// Whether nothing that has no place precedes an operation.
    fn allows(&self, index: usize) -> bool {
        let next = self.operations[index];
        let ended_before = |&&other: &&usize| self.operations[other].completed <= next.invoked;
        let mut earlier = self.by_end[self.ended..].iter().take_while(ended_before);
        earlier.all(|&other| self.is_placed[other] || other == index || !precedes(self.operations[other], next))
    }

    fn place(&mut self, index: usize) {
        self.set_placed(index, true);
        self.order.push(index);
        while self.by_end.get(self.ended).is_some_and(|&first| self.is_placed[first]) {
            self.ended += 1;
        }
    }

    fn set_placed(&mut self, index: usize, is_placed: bool) {
        self.is_placed[index] = is_placed;
        let operation = self.operations[index];
        if let Some(alike) = self.alike.get_mut(&stable_hash(&operation.request)) {
            let change = usize::from(operation.outcome.is_answered() && alike.answered.binary_search(&index).is_ok());
            if is_placed {
                alike.missing -= change;
            } else {
                alike.missing += change;
                (alike.next_answered, alike.next_open) = (0, 0);
            }
        }
    }

    fn take_back(&mut self, choice: &Choice<M::State>) {
        for index in self.order.split_off(choice.placed) {
            self.set_placed(index, false);
        }
        (self.ended, self.looked) = (choice.ended, choice.looked);
    }
}

/// What a client was told, if it was told anything.
fn answer(operation: &Operation) -> Option<&Outcome> {
    operation.outcome.is_answered().then_some(&operation.outcome)
}

/// Whether an operation may have taken effect, or says something of its object.
fn may_matter(operation: &Operation) -> bool {
    match &operation.outcome {
        Outcome::Fail(_) => false,
        Outcome::Info(_) => !operation.request.is_read(),
        Outcome::Ok(_) | Outcome::No(_) => true,
    }
}

/// Whether an operation that was answered changed nothing.
fn changes_nothing<M: Model>(model: &M, operation: &Operation) -> bool {
    let says_so =
        || matches!(model.effect(&operation.request, answer(operation)), Effect::Observe(_) | Effect::Nothing);
    operation.request.is_read() || matches!(operation.outcome, Outcome::No(_)) || says_so()
}

/// Of each request how many equal ones come after it.
fn later(applied: &[&Request]) -> Vec<usize> {
    let mut seen: BTreeMap<u64, usize> = BTreeMap::new();
    let mut later: Vec<usize> = applied
        .iter()
        .rev()
        .map(|request| {
            let seen = seen.entry(stable_hash(request)).or_default();
            std::mem::replace(seen, *seen + 1)
        })
        .collect();
    later.reverse();
    later
}
