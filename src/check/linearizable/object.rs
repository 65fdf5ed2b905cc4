//! One object's part of a history, in the form that the search walks: states are small integers.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::check::model::{Effect, Model};
use crate::kernel::Time;
use crate::load::{History, Operation, Outcome};

/// What an operation does to the interned state of its object; as [`Effect`], without the operations that do
/// and tell nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Action {
    Set(u32),
    Move {
        from: u32,
        to: u32,
    },
    Observe(u32),
    Never,
    /// Only the model knows; may change the state.
    Step,
    /// Only the model knows; changes nothing.
    Look,
}

impl Action {
    /// The one state in which it is legal.
    pub(super) const fn required(self) -> Option<u32> {
        match self {
            Self::Move { from, .. } => Some(from),
            Self::Observe(state) => Some(state),
            _ => None,
        }
    }

    /// The one state that it leads to, if it changes the state.
    pub(super) const fn produced(self) -> Option<u32> {
        match self {
            Self::Set(to) | Self::Move { to, .. } => Some(to),
            _ => None,
        }
    }

    /// Whether it changes nothing, so that it may take its turn as soon as it is legal.
    pub(super) const fn is_pure(self) -> bool {
        matches!(self, Self::Observe(_) | Self::Look)
    }
}

/// An operation that has to (bounded) or may (open) take effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    /// Its index in the history.
    pub(super) operation: usize,
    pub(super) session: u64,
    pub(super) action: Action,
    /// It takes effect no earlier than this.
    pub(super) call: Time,
    /// It takes effect no later than this; `None`: at any later time, or never.
    pub(super) end: Option<Time>,
}

impl Entry {
    pub(super) const fn is_open(&self) -> bool {
        self.end.is_none()
    }

    /// Its session, and when it was invoked and ended.
    pub(super) const fn times(&self) -> (u64, Time, Option<Time>) {
        (self.session, self.call, self.end)
    }

    /// When it must have taken effect, the end of time for an open one.
    pub(super) fn deadline(&self) -> Time {
        self.end.unwrap_or(Time::MAX)
    }
}

/// The states that a search has met, numbered in that order. The initial state is [`INITIAL`].
#[derive(Clone, Debug)]
pub(super) struct States<S> {
    numbers: BTreeMap<Rc<S>, u32>,
    states: Vec<Rc<S>>,
    /// What a search has done with them that its budget has not paid for.
    unpaid: Price,
}

/// What something costs of a [`Budget`](super::Budget).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Price {
    pub(super) steps: u64,
    pub(super) entries: u64,
}

/// What a new state costs of a budget's entries, besides its size.
const ENTRIES_PER_STATE: u64 = 2;

/// As much of a state's size as costs one entry: 40 bytes are five words.
const SIZE_PER_ENTRY: u64 = 5;

/// The number of the initial state.
pub(super) const INITIAL: u32 = 0;

impl<S: Clone + Ord> States<S> {
    fn new(initial: S) -> Self {
        let mut states = Self { numbers: BTreeMap::new(), states: Vec::new(), unpaid: Price::default() };
        states.number(initial, 0);
        states
    }

    /// The number of a state, which has this size.
    fn number(&mut self, state: S, size: u64) -> u32 {
        if let Some(&number) = self.numbers.get(&state) {
            return number;
        }
        let number = u32::try_from(self.states.len()).expect("each state costs a step, and the budget ends first");
        let state = Rc::new(state);
        self.numbers.insert(Rc::clone(&state), number);
        self.states.push(state);
        self.unpaid.entries += ENTRIES_PER_STATE + size / SIZE_PER_ENTRY;
        number
    }

    pub(super) fn get(&self, number: u32) -> &S {
        &self.states[number as usize]
    }

    /// What was done with them since the last call of [`States::take_unpaid`].
    pub(super) const fn unpaid(&self) -> Price {
        self.unpaid
    }

    pub(super) fn take_unpaid(&mut self) -> Price {
        std::mem::take(&mut self.unpaid)
    }

    pub(super) fn len(&self) -> usize {
        self.states.len()
    }
}

/// One object: its specification, its operations and the states it can be in.
pub(super) struct Object<'a, M: Model> {
    pub(super) model: &'a M,
    pub(super) history: &'a History,
    /// All that are about the object, by index, in the order of invocation.
    pub(super) operations: &'a [usize],
    pub(super) states: States<M::State>,
    /// In the order of invocation.
    pub(super) entries: Vec<Entry>,
}

impl<'a, M: Model> Object<'a, M> {
    /// The object that `operations` (indices, in the order of invocation) are about. Failed operations did not
    /// happen, and open ones without effect tell nothing: neither gets an entry.
    pub(super) fn new(model: &'a M, history: &'a History, operations: &'a [usize]) -> Self {
        let states = States::new(model.initial());
        let mut object = Self { model, history, operations, states, entries: Vec::new() };
        for &index in operations {
            let operation = &history.operations[index];
            if let Some(action) = object.action(operation) {
                object.entries.push(Entry {
                    operation: index,
                    session: operation.session,
                    action,
                    call: operation.invoked,
                    end: operation.outcome.is_answered().then_some(operation.completed.max(operation.invoked)),
                });
            }
        }
        // As many as there are operations at most, and there before any search.
        object.states.take_unpaid();
        object
    }

    fn action(&mut self, operation: &Operation) -> Option<Action> {
        let answer = match &operation.outcome {
            Outcome::Fail(_) => return None,
            Outcome::Info(_) => None,
            answer => Some(answer),
        };
        let is_pure = operation.request.is_read() || matches!(answer, Some(Outcome::No(_)));
        match self.model.effect(&operation.request, answer) {
            Effect::Set(to) => Some(Action::Set(self.number(to))),
            Effect::Move { from, to } => Some(Action::Move { from: self.number(from), to: self.number(to) }),
            Effect::Observe(state) => Some(Action::Observe(self.number(state))),
            Effect::Nothing => None,
            Effect::Never => Some(Action::Never),
            Effect::Other if is_pure && answer.is_none() => None,
            Effect::Other => Some(if is_pure { Action::Look } else { Action::Step }),
        }
    }

    /// The state after `entry` takes effect in `state`, if it can.
    pub(super) fn step(&mut self, state: u32, entry: &Entry) -> Option<u32> {
        match entry.action {
            Action::Set(to) => Some(to),
            Action::Move { from, to } => (from == state).then_some(to),
            Action::Observe(found) => (found == state).then_some(state),
            Action::Never => None,
            Action::Step | Action::Look => {
                let operation = &self.history.operations[entry.operation];
                let answer = (!entry.is_open()).then_some(&operation.outcome);
                let state = Rc::clone(&self.states.states[state as usize]);
                self.states.unpaid.steps += self.model.size(&state);
                let next = self.model.step(&state, &operation.request, answer)?;
                Some(self.number(next))
            }
        }
    }

    /// The number of a state.
    pub(super) fn number(&mut self, state: M::State) -> u32 {
        let size = self.model.size(&state);
        self.states.number(state, size)
    }
}
