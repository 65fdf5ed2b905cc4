//! Calls between services: one request to one node, one answer or none.
//!
//! Choosing a replica, trying another and retrying are the caller's business (`crate::call`).

use std::collections::BTreeMap;
use std::fmt;

use crate::kernel::{EventId, Time};

use super::{Clock, NodeId};

/// A call that a node or a client has open.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CallId(pub(crate) u64);

impl CallId {
    /// The call that a message was part of which died, by its label in the trace.
    pub(crate) fn of_dropped(label: &str) -> Option<Self> {
        let (_, said) = label.split_once('\t')?;
        let (number, _) = said.strip_prefix("call ")?.split_once(':')?;
        number.parse().ok().map(Self)
    }
}

/// A request that a node has to answer. Hand it to [`super::Context::reply`], once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestId {
    pub(crate) call: CallId,
    pub(crate) from: NodeId,
}

impl RequestId {
    /// Who asks.
    #[must_use]
    pub const fn from(self) -> NodeId {
        self.from
    }
}

/// Why a call has no reply.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum CallError {
    /// No process listened: the request certainly had no effect.
    Refused,
    /// The process died after it had received the request: it may have had an effect.
    Reset,
    /// No answer came in time: the request may have had an effect, or may still have one.
    Timeout,
}

impl CallError {
    /// Whether the request certainly had no effect.
    #[must_use]
    pub const fn certainly_not_done(self) -> bool {
        matches!(self, Self::Refused)
    }

    /// Its name in traces and histories.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Timeout => "timeout",
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "the connection was refused",
            Self::Reset => "the connection was reset",
            Self::Timeout => "no answer in time",
        })
    }
}

/// What the host remembers of an open call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) caller: NodeId,
    pub(crate) callee: NodeId,
    /// The record of the event at which it was made.
    pub(crate) cause: u64,
    /// What the caller knows the call by, handed back with the answer.
    pub(crate) tag: u64,
    /// When the caller gives up, on its monotonic clock.
    pub(crate) gives_up: u64,
    /// The instant of that if the clock does not change, and its event.
    pub(crate) deadline: Option<(Time, EventId)>,
    /// Whether the callee's process has the request: a crash then resets the connection.
    pub(crate) received: bool,
}

/// The open calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls {
    open: BTreeMap<CallId, Call>,
    made: u64,
}

impl Calls {
    pub(crate) fn open(&mut self, call: Call) -> CallId {
        let id = CallId(self.made);
        self.made += 1;
        self.open.insert(id, call);
        id
    }

    pub(crate) fn get_mut(&mut self, id: CallId) -> Option<&mut Call> {
        self.open.get_mut(&id)
    }

    pub(crate) fn close(&mut self, id: CallId) -> Option<Call> {
        self.open.remove(&id)
    }

    /// Closes every call of a caller.
    pub(crate) fn close_all_of(&mut self, caller: NodeId) -> Vec<Call> {
        let ids: Vec<_> = self.open.iter().filter(|(_, call)| call.caller == caller).map(|(&id, _)| id).collect();
        ids.into_iter().filter_map(|id| self.open.remove(&id)).collect()
    }

    /// The calls of a caller that it gives up at another instant by this clock: call, old event, new instant.
    pub(crate) fn moved(&self, caller: NodeId, clock: &Clock, now: Time) -> Vec<(CallId, EventId, Time)> {
        let moved = |(&id, call): (&CallId, &Call)| {
            let (before, event) = call.deadline?;
            let at = clock.when_monotonic(now, call.gives_up);
            (at != before).then_some((id, event, at))
        };
        self.open.iter().filter(|(_, call)| call.caller == caller).filter_map(moved).collect()
    }

    /// Every open call, with its caller and whom that asked.
    pub(crate) fn ends(&self) -> impl Iterator<Item = (CallId, NodeId, NodeId)> {
        self.open.iter().map(|(&id, call)| (id, call.caller, call.callee))
    }

    /// The open calls whose request this node has received, with their callers.
    pub(crate) fn received_by(&self, callee: NodeId) -> Vec<(CallId, NodeId)> {
        let received = |call: &&Call| call.received && call.callee == callee;
        self.open.iter().filter(|(_, call)| received(call)).map(|(&id, call)| (id, call.caller)).collect()
    }

    pub(crate) fn clear(&mut self) {
        self.open.clear();
        self.made = 0;
    }
}
