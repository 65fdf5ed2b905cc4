//! Locks: with fencing tokens, and without.

use std::collections::BTreeSet;
use std::fmt;

use crate::check::contracts::{MutualExclusion, mutual_exclusion};
use crate::check::model::{Effect, Model};
use crate::host::{Request, Value};
use crate::load::{History, Operation, Outcome};

/// A lock whose every holder gets a fencing token above all that were given out before (Kleppmann 2016, "How to do
/// distributed locking"). Only the holder's token gives it back. Whoever takes it without learning the token cannot
/// give it back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FencedLock;

/// A lock without tokens, as Jepsen's mutex: whoever gives it back is taken at his word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Mutex;

/// Who holds a lock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Holder {
    /// Nobody.
    Free,
    /// Somebody whose token nobody learned, or without one.
    Unknown,
    /// Who has this token.
    Token(i64),
}

/// The state of a [`FencedLock`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Fenced {
    holder: Holder,
    /// The last token that somebody learned.
    last: Option<i64>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Free => f.write_str("free"),
            Self::Unknown => f.write_str("held"),
            Self::Token(token) => write!(f, "held with token {token}"),
        }
    }
}

impl fmt::Display for Fenced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.holder, self.last) {
            (Holder::Token(_), _) | (_, None) => self.holder.fmt(f),
            (holder, Some(last)) => write!(f, "{holder}, last token {last}"),
        }
    }
}

/// Where nobody held a lock against the rules, a refusal that cannot be explained.
fn refusal(refuted: &History) -> Option<&'static str> {
    let refused = refuted.operations.iter().filter(|operation| matches!(operation.outcome, Outcome::No(_)));
    let (acquisitions, releases): (Vec<&Operation>, Vec<&Operation>) =
        refused.partition(|operation| matches!(operation.request, Request::Acquire { .. }));
    match (acquisitions.is_empty(), releases.is_empty()) {
        (false, true) => Some("refused while free"),
        (true, false) => Some("not given back"),
        _ => None,
    }
}

impl Model for FencedLock {
    type State = Fenced;

    fn initial(&self) -> Fenced {
        Fenced { holder: Holder::Free, last: None }
    }

    fn supports(&self, request: &Request) -> bool {
        matches!(request, Request::Acquire { .. } | Request::Release { .. })
    }

    fn step(&self, state: &Fenced, request: &Request, answer: Option<&Outcome>) -> Option<Fenced> {
        let Fenced { holder, last } = *state;
        match (request, answer) {
            (Request::Acquire { .. }, Some(Outcome::Ok(Value::Int(token)))) => (holder == Holder::Free
                && last.is_none_or(|last| last < *token))
            .then_some(Fenced { holder: Holder::Token(*token), last: Some(*token) }),
            (Request::Acquire { .. }, None) => {
                (holder == Holder::Free).then_some(Fenced { holder: Holder::Unknown, last })
            }
            (Request::Acquire { .. }, Some(Outcome::No(_))) => (holder != Holder::Free).then_some(*state),
            (Request::Release { token, .. }, Some(Outcome::Ok(_)) | None) => {
                (holder == Holder::Token(*token)).then_some(Fenced { holder: Holder::Free, last })
            }
            (Request::Release { token, .. }, Some(Outcome::No(_))) => {
                (holder != Holder::Token(*token)).then_some(*state)
            }
            _ => None,
        }
    }

    fn anomaly(&self, refuted: &History) -> Option<&'static str> {
        let token_of = |operation: &Operation| match (&operation.request, &operation.outcome) {
            (Request::Acquire { .. }, Outcome::Ok(Value::Int(token))) => Some(*token),
            _ => None,
        };
        let told: BTreeSet<i64> = refuted.operations.iter().filter_map(token_of).collect();
        let is_strange = |operation: &Operation| match (&operation.request, &operation.outcome) {
            (Request::Release { token, .. }, Outcome::Ok(_)) => !told.contains(token),
            _ => false,
        };
        let by_another = || refuted.operations.iter().any(is_strange).then_some("given back by another");
        let worst = mutual_exclusion(refuted).worst(refuted).map(|(anomaly, ..)| anomaly);
        worst.or_else(by_another).or_else(|| refusal(refuted))
    }
}

impl Model for Mutex {
    type State = Holder;

    fn initial(&self) -> Holder {
        Holder::Free
    }

    fn supports(&self, request: &Request) -> bool {
        matches!(request, Request::Acquire { .. } | Request::Release { .. })
    }

    fn step(&self, state: &Holder, request: &Request, answer: Option<&Outcome>) -> Option<Holder> {
        match self.effect(request, answer) {
            Effect::Move { from, to } => (from == *state).then_some(to),
            Effect::Observe(holder) => (holder == *state).then_some(holder),
            _ => None,
        }
    }

    fn effect(&self, request: &Request, answer: Option<&Outcome>) -> Effect<Holder> {
        let (free, held) = (Holder::Free, Holder::Unknown);
        match (request, answer) {
            (Request::Acquire { .. }, Some(Outcome::Ok(_)) | None) => Effect::Move { from: free, to: held },
            (Request::Acquire { .. }, Some(Outcome::No(_))) => Effect::Observe(held),
            (Request::Release { .. }, Some(Outcome::Ok(_)) | None) => Effect::Move { from: held, to: free },
            (Request::Release { .. }, Some(Outcome::No(_))) => Effect::Observe(free),
            _ => Effect::Other,
        }
    }

    fn anomaly(&self, refuted: &History) -> Option<&'static str> {
        let together = MutualExclusion { tokens: Vec::new(), ..mutual_exclusion(refuted) };
        together.worst(refuted).map(|(anomaly, ..)| anomaly).or_else(|| refusal(refuted))
    }
}
