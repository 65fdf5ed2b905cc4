//! A first-in first-out queue.

use std::collections::VecDeque;
use std::fmt;

use crate::check::model::{Decision, Effect, Model};
use crate::host::{Request, Value};
use crate::load::{History, Outcome};

/// A queue that is empty at first. To take from an empty queue is answered with nil, or "no".
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Queue;

/// What a [`Queue`] holds, the head first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Queued(VecDeque<i64>);

impl fmt::Display for Queued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl Model for Queue {
    type State = Queued;

    fn initial(&self) -> Queued {
        Queued::default()
    }

    fn supports(&self, request: &Request) -> bool {
        matches!(request, Request::Enqueue { .. } | Request::Dequeue { .. })
    }

    fn step(&self, state: &Queued, request: &Request, answer: Option<&Outcome>) -> Option<Queued> {
        let mut next = state.clone();
        match (request, answer) {
            (Request::Enqueue { element, .. }, Some(Outcome::Ok(_)) | None) => next.0.push_back(*element),
            (Request::Enqueue { .. }, _) => {}
            (Request::Dequeue { .. }, None) => drop(next.0.pop_front()),
            (Request::Dequeue { .. }, Some(Outcome::Ok(Value::Int(taken)))) => {
                next.0.pop_front().filter(|head| head == taken)?;
            }
            (Request::Dequeue { .. }, Some(Outcome::Ok(Value::Nil) | Outcome::No(_))) if next.0.is_empty() => {}
            _ => return None,
        }
        Some(next)
    }

    fn effect(&self, request: &Request, answer: Option<&Outcome>) -> Effect<Queued> {
        match (request, answer) {
            (Request::Enqueue { .. }, Some(Outcome::No(_))) => Effect::Nothing,
            (Request::Dequeue { .. }, Some(Outcome::Ok(Value::Nil) | Outcome::No(_))) => {
                Effect::Observe(Queued::default())
            }
            (Request::Dequeue { .. }, Some(Outcome::Ok(Value::List(_) | Value::Siblings(_)))) => Effect::Never,
            _ => Effect::Other,
        }
    }

    fn size(&self, state: &Queued) -> u64 {
        state.0.len() as u64
    }

    fn decide(&self, history: &History, operations: &[usize]) -> Decision {
        super::fifo::decide(history, operations)
    }
}
