//! What an object is: which answers are legal in which state.

use std::fmt;

use crate::host::{Key, Request, Value};
use crate::load::{History, Outcome};

/// The sequential specification of one object.
///
/// A checker asks only about operations that may have taken effect. `answer` is the outcome if the client
/// learned it ([`Outcome::Ok`] or [`Outcome::No`]), and `None` if the operation may or may not have happened.
pub trait Model {
    /// What the object holds.
    type State: Clone + Ord + fmt::Display;

    /// What it holds before the first operation.
    fn initial(&self) -> Self::State;

    /// Whether this model says what the request does. A history with others cannot be judged by it.
    fn supports(&self, request: &Request) -> bool;

    /// The object that a request is about, if it is about one; by default what [`Request::key`] says. A model of custom
    /// requests has to say it.
    fn object(&self, request: &Request) -> Option<Key> {
        request.key()
    }

    /// The state after `request` was answered so in `state`; `None` if it cannot be answered so there.
    fn step(&self, state: &Self::State, request: &Request, answer: Option<&Outcome>) -> Option<Self::State>;

    /// The same as [`Model::step`] in closed form, where the operation has one. The search is faster by orders
    /// of magnitude, and finds better explanations, for objects all of whose operations have one.
    fn effect(&self, _request: &Request, _answer: Option<&Outcome>) -> Effect<Self::State> {
        Effect::Other
    }

    /// How much a state holds, in words of 8 bytes, if that is more than a few: to keep it, and to make another from it,
    /// costs a search as much of its [`Budget`](super::Budget).
    fn size(&self, _state: &Self::State) -> u64 {
        0
    }

    /// The answer without a search, for models that have a way to it. `operations` are all those of one object, in
    /// the order of invocation, each supported.
    fn decide(&self, _history: &History, _operations: &[usize]) -> Decision {
        Decision::Search
    }

    /// For operations that [`Model::decide`] finds linearizable: a linearization and the state after it, if that takes no
    /// search either. It shows how far a history that is refuted went well.
    fn linearization(&self, _history: &History, _operations: &[usize]) -> Option<(Vec<usize>, Self::State)> {
        None
    }

    /// What kind of violation operations show that a search found to have no linearization: a name without numbers. `None`:
    /// none that has a name.
    fn anomaly(&self, _refuted: &History) -> Option<&'static str> {
        None
    }
}

/// What a model knows of a whole object without a search.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    /// The operations have a linearization.
    Linearizable,
    /// They have none.
    Refuted {
        /// What kind of violation it is: a name without numbers.
        anomaly: &'static str,
        /// Few operations that have none among themselves, in the order of invocation.
        core: Vec<usize>,
        /// The core in a sentence.
        sentence: String,
    },
    /// That is to be searched for.
    Search,
}

/// What an operation does to the state of its object, in every state alike.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Effect<S> {
    /// Legal in every state and leads to this one.
    Set(S),
    /// Legal in `from` alone and leads to `to`.
    Move {
        /// The one state in which it is legal.
        from: S,
        /// The state that it leads to.
        to: S,
    },
    /// Legal in this state alone and changes nothing.
    Observe(S),
    /// Legal in every state and changes nothing: it says nothing of the object.
    Nothing,
    /// Legal in no state: the answer contradicts itself.
    Never,
    /// None of these: ask [`Model::step`].
    Other,
}

/// A register with compare-and-set.
///
/// A compare-and-set that was answered "no" observed the value that it carries, and that this is not the
/// expected one. An unknown compare-and-set either changes the register or might as well never have happened. A register
/// holds one value at a time: it never answers with siblings.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Register {
    /// What it holds at first.
    pub initial: Value,
}

impl Model for Register {
    type State = Value;

    fn initial(&self) -> Value {
        self.initial.clone()
    }

    fn supports(&self, request: &Request) -> bool {
        matches!(request, Request::Read { .. } | Request::Write { .. } | Request::CompareAndSet { .. })
    }

    fn step(&self, state: &Value, request: &Request, answer: Option<&Outcome>) -> Option<Value> {
        match register_effect(request, answer) {
            Effect::Set(value) => Some(value.clone()),
            Effect::Move { from, to } => (from == state).then(|| to.clone()),
            Effect::Observe(value) => (value == state).then(|| state.clone()),
            Effect::Nothing => Some(state.clone()),
            Effect::Never | Effect::Other => None,
        }
    }

    fn effect(&self, request: &Request, answer: Option<&Outcome>) -> Effect<Value> {
        match register_effect(request, answer) {
            Effect::Set(value) => Effect::Set(value.clone()),
            Effect::Move { from, to } => Effect::Move { from: from.clone(), to: to.clone() },
            Effect::Observe(value) => Effect::Observe(value.clone()),
            Effect::Nothing => Effect::Nothing,
            Effect::Never => Effect::Never,
            Effect::Other => Effect::Other,
        }
    }
}

/// What a request does to a register; [`Effect::Other`] for a request or an answer that says nothing of one.
pub(super) fn register_effect<'a>(request: &'a Request, answer: Option<&'a Outcome>) -> Effect<&'a Value> {
    match (request, answer) {
        (
            Request::Read { .. } | Request::CompareAndSet { .. },
            Some(Outcome::Ok(Value::Siblings(_)) | Outcome::No(Value::Siblings(_))),
        ) => Effect::Never,
        (Request::Read { .. }, Some(Outcome::Ok(found) | Outcome::No(found))) => Effect::Observe(found),
        (Request::Read { .. }, None) | (Request::Write { .. }, Some(Outcome::No(_))) => Effect::Nothing,
        (Request::Write { value, .. }, Some(Outcome::Ok(_)) | None) => Effect::Set(value),
        (Request::CompareAndSet { expected, new, .. }, Some(Outcome::Ok(_)) | None) => {
            Effect::Move { from: expected, to: new }
        }
        (Request::CompareAndSet { expected, .. }, Some(Outcome::No(found))) if found == expected => Effect::Never,
        (Request::CompareAndSet { .. }, Some(Outcome::No(found))) => Effect::Observe(found),
        _ => Effect::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_steps_as_its_answers_say() {
        let key = Key(0);
        let int = Value::Int;
        let read = Request::Read { key };
        let write = Request::Write { key, value: int(2) };
        let cas = Request::CompareAndSet { key, expected: int(1), new: int(3) };
        let ok = |value| Some(Outcome::Ok(value));
        let no = |value| Some(Outcome::No(value));
        let check = |state: i64, request: &Request, answer: Option<Outcome>, expected: Option<i64>| {
            let next = Register::default().step(&int(state), request, answer.as_ref());
            assert_eq!(next, expected.map(int), "{request} in {state} answered {answer:?}");
        };
        check(1, &read, ok(int(1)), Some(1));
        check(1, &read, ok(int(2)), None);
        check(1, &write, ok(Value::Nil), Some(2));
        check(1, &write, None, Some(2));
        check(1, &cas, ok(Value::Nil), Some(3));
        check(2, &cas, ok(Value::Nil), None);
        check(1, &cas, None, Some(3));
        check(2, &cas, None, None);
        check(2, &cas, no(int(2)), Some(2));
        check(2, &cas, no(int(4)), None);
        check(1, &cas, no(int(1)), None);
        check(1, &read, ok(Value::Siblings(vec![int(1), int(2)])), None);
        check(1, &cas, no(Value::Siblings(vec![int(1), int(2)])), None);
    }
}
