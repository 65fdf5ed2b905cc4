//! The history: every operation that clients asked for, in true simulated time, as checkers read it.

use crate::host::{Request, Value};
use crate::kernel::Time;

/// How an operation ended (Jepsen's outcomes: ok, fail, info).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It took effect. Carries what a read found.
    Ok(Value),
    /// Answered "no", without effect; carries the value that was found (compare-and-set).
    No(Value),
    /// It certainly did not happen, and was not answered. Says why.
    Fail(String),
    /// It may have taken effect, or may at any later time, or never. Says why. Operations that are still
    /// open when the run ends are of this kind.
    Info(String),
}

/// One operation of one session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Operation {
    /// Whose it is: an index into [`History::clients`].
    pub client: u32,
    /// Its number among the client's operations, from 0. With the client's name it is its stable id, `shoppers-17`.
    pub number: u64,
    /// The session (Jepsen: process) that ran it: one operation at a time, in the whole history unique, retired
    /// after an unknown outcome.
    pub session: u64,
    /// What was asked.
    pub request: Request,
    /// When the arrival process meant it to start; serves only latency and windows.
    pub intended: Time,
    /// When it was first sent.
    pub invoked: Time,
    /// When the answer was received or the client gave up. For [`Outcome::Info`] the operation's effect is not
    /// bounded by it.
    pub completed: Time,
    /// How it ended.
    pub outcome: Outcome,
}

/// What all clients did, in the order of invocation.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct History {
    /// The clients' names.
    pub clients: Vec<String>,
    /// The operations, sorted by (`invoked`, `client`, `number`).
    pub operations: Vec<Operation>,
}

impl History {
    /// The stable id of an operation, `shoppers-17`.
    #[must_use]
    pub fn id(&self, operation: &Operation) -> String {
        let client = self.clients.get(operation.client as usize).map_or("?", String::as_str);
        format!("{client}-{}", operation.number)
    }
}

impl Operation {
    /// Whether this and another operation are parts of one series: takings from a queue by one session over one interval, one
    /// after the other in the order of their numbers. Nothing tells when within the interval each happened. Only a
    /// history from elsewhere has such (a drain); else a session has one operation at a time.
    #[must_use]
    pub fn is_in_series_with(&self, other: &Self) -> bool {
        let is_taking = |operation: &Self| matches!(operation.request, Request::Dequeue { .. });
        let times = |operation: &Self| (operation.session, operation.invoked, operation.completed);
        let lasts = self.invoked < self.completed || matches!(self.outcome, Outcome::Info(_));
        is_taking(self) && is_taking(other) && times(self) == times(other) && lasts
    }
}

impl Outcome {
    /// Whether the client got an answer, be it a definite "no": what availability counts.
    #[must_use]
    pub const fn is_answered(&self) -> bool {
        matches!(self, Self::Ok(_) | Self::No(_))
    }
}
