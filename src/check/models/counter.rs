//! A counter.

use crate::check::contracts::{OutOfBounds, counter_bounds};
use crate::check::model::{Effect, Model};
use crate::host::{Request, Value};
use crate::load::{History, Outcome};

/// A counter that can be added to and read. An addition that was answered with a number found that sum. A counter
/// that was never added to may be read as nil.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counter {
    /// What it counts from.
    pub initial: i64,
}

impl Model for Counter {
    /// The sum; as wide as 2^64 additions can make it.
    type State = i128;

    fn initial(&self) -> i128 {
        self.initial.into()
    }

    fn supports(&self, request: &Request) -> bool {
        matches!(request, Request::Read { .. } | Request::Add { .. })
    }

    fn step(&self, state: &i128, request: &Request, answer: Option<&Outcome>) -> Option<i128> {
        match self.effect(request, answer) {
            Effect::Move { from, to } => (from == *state).then_some(to),
            Effect::Observe(sum) => (sum == *state).then_some(sum),
            Effect::Nothing => Some(*state),
            Effect::Other => match request {
                Request::Add { delta, .. } => Some(state + i128::from(*delta)),
                _ => None,
            },
            Effect::Set(_) | Effect::Never => None,
        }
    }

    fn effect(&self, request: &Request, answer: Option<&Outcome>) -> Effect<i128> {
        match (request, answer) {
            (Request::Read { .. }, Some(Outcome::Ok(Value::Int(sum)))) => Effect::Observe((*sum).into()),
            (Request::Read { .. }, Some(Outcome::Ok(Value::Nil))) => Effect::Observe(0),
            (Request::Read { .. }, None) | (Request::Add { .. }, Some(Outcome::No(_))) => Effect::Nothing,
            (Request::Add { delta, .. }, Some(Outcome::Ok(Value::Int(sum)))) => {
                let to = i128::from(*sum);
                Effect::Move { from: to - i128::from(*delta), to }
            }
            (Request::Add { .. }, Some(Outcome::Ok(Value::Nil)) | None) => Effect::Other,
            _ => Effect::Never,
        }
    }

    /// A sum that the additions before it and beside it cannot have made.
    fn anomaly(&self, refuted: &History) -> Option<&'static str> {
        counter_bounds(refuted, self.initial, (None, None)).out_of_bounds.first().map(OutOfBounds::anomaly)
    }
}
