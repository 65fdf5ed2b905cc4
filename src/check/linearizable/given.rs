//! Whether an order that somebody gives is a linearization: a proof that needs no search, and judges the search.
//!
//! Given are the operations that change an object, in the order in which they took effect. Those that change nothing take
//! their turn as soon as they are legal and nothing unplaced precedes them, which is never too early: moved there from
//! their place in any linearization with that order, they still are legal, and all others stay so. So the answer is exact.

use std::collections::BTreeMap;

use super::super::growing::{AppendLog, GrowOnlySet};
use super::super::model::{Model, Register};
use super::super::models::Counter;
use super::super::precedence::{objects, precedes};
use super::super::writes::{Kind, kind};
use crate::host::{Key, Request};
use crate::kernel::{Time, stable_hash};
use crate::load::{History, Outcome};

/// Whether the changes that `applied` names, in that order, linearize the operations on `key`; on every object if there is no
/// key. Requests have to be told apart: an object on which two changes ask for the same is not decided (false).
#[must_use]
pub fn linearizes(history: &History, key: Option<Key>, applied: &[Request]) -> bool {
    let objects = objects(history).into_iter().filter(|(other, _)| key.is_none_or(|key| key == *other));
    objects.map(|(key, operations)| (kind(history, &operations), key, operations)).all(|(kind, key, operations)| {
        let applied = || applied.iter().filter(|request| request.key() == Some(key));
        match kind {
            Some(Kind::Register) => linearizes_as(&Register::default(), history, &operations, applied()),
            Some(Kind::Log) => linearizes_as(&AppendLog, history, &operations, applied()),
            Some(Kind::Set) => linearizes_as(&GrowOnlySet, history, &operations, applied()),
            Some(Kind::Counter) => linearizes_as(&Counter::default(), history, &operations, applied()),
            Some(Kind::Queue | Kind::Lock) | None => false,
        }
    })
}

fn linearizes_as<'r, M: Model>(
    model: &M,
    history: &History,
    operations: &[usize],
    applied: impl Iterator<Item = &'r Request>,
) -> bool {
    let operation = |index: usize| &history.operations[index];
    let happened = |&index: &usize| match &operation(index).outcome {
        Outcome::Fail(_) => false,
        Outcome::Info(_) => !operation(index).request.is_read(),
        _ => true,
    };
    let is_change =
        |&index: &usize| !operation(index).request.is_read() && !matches!(operation(index).outcome, Outcome::No(_));
    let (changes, mut looks): (Vec<usize>, Vec<usize>) =
        operations.iter().copied().filter(happened).partition(is_change);
    let mut by_request: BTreeMap<u64, usize> = BTreeMap::new();
    if !changes.iter().all(|&index| by_request.insert(stable_hash(&operation(index).request), index).is_none()) {
        return false;
    }
    let mut unplaced: Vec<usize> = [changes, looks.clone()].concat();
    unplaced.retain(|&index| operation(index).outcome.is_answered());
    unplaced.sort_by_key(|&index| (operation(index).completed, index));
    let mut unplaced =
        Unplaced { history, is_placed: vec![false; history.operations.len()], by_end: unplaced, ended: 0 };
    let mut state = model.initial();
    let mut take_looks = |state: &M::State, unplaced: &mut Unplaced<'_>| {
        let mut place = 0;
        // They are in the order of invocation.
        while let Some(&look) = looks.get(place).filter(|&&look| unplaced.may_allow_from(operation(look).invoked)) {
            let is_legal = || model.step(state, &operation(look).request, Some(&operation(look).outcome)).is_some();
            if unplaced.allows(look) && is_legal() {
                looks.remove(place);
                unplaced.place(look);
                place = 0;
            } else {
                place += 1;
            }
        }
    };
    take_looks(&state, &mut unplaced);
    for request in applied {
        let Some(&change) = by_request.get(&stable_hash(request)) else { continue };
        if operation(change).request != *request || unplaced.is_placed[change] {
            continue;
        }
        let answer = operation(change).outcome.is_answered().then_some(&operation(change).outcome);
        match model.step(&state, request, answer).filter(|_| unplaced.allows(change)) {
            Some(next) => state = next,
            // What nobody was told of need not have taken effect.
            None if answer.is_none() => continue,
            None => return false,
        }
        unplaced.place(change);
        take_looks(&state, &mut unplaced);
    }
    unplaced.is_empty()
}

/// The answered operations that have no place yet.
struct Unplaced<'h> {
    history: &'h History,
    is_placed: Vec<bool>,
    /// In the order of their answers; those before `ended` have their places.
    by_end: Vec<usize>,
    ended: usize,
}

impl Unplaced<'_> {
    /// Whether what began then or later may be preceded by none of them.
    fn may_allow_from(&self, invoked: Time) -> bool {
        self.by_end.get(self.ended).is_none_or(|&first| invoked <= self.history.operations[first].completed)
    }

    /// Whether none of them precedes this one.
    fn allows(&self, index: usize) -> bool {
        let next = &self.history.operations[index];
        let ended_before = |&&other: &&usize| self.history.operations[other].completed <= next.invoked;
        let mut earlier = self.by_end[self.ended..].iter().take_while(ended_before);
        earlier
            .all(|&other| self.is_placed[other] || other == index || !precedes(&self.history.operations[other], next))
    }

    fn place(&mut self, index: usize) {
        self.is_placed[index] = true;
        while self.by_end.get(self.ended).is_some_and(|&first| self.is_placed[first]) {
            self.ended += 1;
        }
    }

    fn is_empty(&self) -> bool {
        self.ended == self.by_end.len()
    }
}
