//! One object's part of a history, in the form that the search walks: states are small integers.

use std::collections::BTreeMap;

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

    /// When it must have taken effect, the end of time for an open one.
    pub(super) fn deadline(&self) -> Time {
        self.end.unwrap_or(Time::MAX)
    }
}

/// The states that a search has met, numbered in that order. The initial state is [`INITIAL`].
#[derive(Clone, Debug)]
pub(super) struct States<S> {
    numbers: BTreeMap<S, u32>,
    states: Vec<S>,
    /// How many a search has added that its budget has not paid for.
    unpaid: u64,
}

/// What a new state costs of a budget's entries: it is kept twice.
pub(super) const ENTRIES_PER_STATE: u64 = 2;

/// The number of the initial state.
pub(super) const INITIAL: u32 = 0;

impl<S: Clone + Ord> States<S> {
    fn new(initial: S) -> Self {
        let mut states = Self { numbers: BTreeMap::new(), states: Vec::new(), unpaid: 0 };
        states.number(initial);
        states
    }

    fn number(&mut self, state: S) -> u32 {
        if let Some(&number) = self.numbers.get(&state) {
            return number;
        }
        let number = u32::try_from(self.states.len()).expect("each state costs a step, and the budget ends first");
        self.numbers.insert(state.clone(), number);
        self.states.push(state);
        self.unpaid += 1;
        number
    }

    pub(super) fn get(&self, number: u32) -> &S {
        &self.states[number as usize]
    }

    /// How many states were added since the last call.
    pub(super) const fn take_unpaid(&mut self) -> u64 {
        std::mem::replace(&mut self.unpaid, 0)
    }

    pub(super) fn len(&self) -> usize {
        self.states.len()
    }
}

/// One object: its specification, its operations and the states it can be in.
pub(super) struct Object<'a, M: Model> {
    pub(super) model: &'a M,
    pub(super) history: &'a History,
    pub(super) states: States<M::State>,
    /// In the order of invocation.
    pub(super) entries: Vec<Entry>,
}

impl<'a, M: Model> Object<'a, M> {
    /// The object that `operations` (indices, in the order of invocation) are about. Failed operations did not
    /// happen, and open ones without effect tell nothing: neither gets an entry.
    pub(super) fn new(model: &'a M, history: &'a History, operations: &[usize]) -> Self {
        let mut object = Self { model, history, states: States::new(model.initial()), entries: Vec::new() };
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
            Effect::Set(to) => Some(Action::Set(self.states.number(to))),
            Effect::Move { from, to } => {
                Some(Action::Move { from: self.states.number(from), to: self.states.number(to) })
            }
            Effect::Observe(state) => Some(Action::Observe(self.states.number(state))),
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
                let next = self.model.step(self.states.get(state), &operation.request, answer)?;
                Some(self.states.number(next))
            }
        }
    }
}
