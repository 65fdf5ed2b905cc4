//! A connection to a replicated service, as database drivers behave.

use std::sync::Arc;

use crate::host::{CallError, NodeId, NotDone, Reply, Request, Value};
use crate::kernel::Span;

/// How hard a driver tries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// How often one request is sent at most, the first time included. Zero counts as one.
    pub attempts: u32,
    /// How long one attempt waits for its answer; `None`: as long as the operation has.
    pub attempt_timeout: Option<Span>,
    /// The wait before a target is asked again by one operation.
    pub backoff: Span,
    /// Whether a request whose fate is unknown is sent again even if it changes something: safe where the service
    /// applies an operation once however often it arrives ([`IdempotencyKey`](crate::host::IdempotencyKey)).
    pub resends_writes: bool,
}

impl Default for Policy {
    /// 5 attempts, without a timeout of their own, 10 ms before asking a target again; nothing that may have had an effect
    /// is sent again, reads apart.
    fn default() -> Self {
        Self { attempts: 5, attempt_timeout: None, backoff: Span::from_millis(10), resends_writes: false }
    }
}

/// A request to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// To whom.
    pub to: NodeId,
    /// How long to wait for the answer.
    pub timeout: Span,
}

/// How an operation ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Done {
    /// It took effect; carries what a read found.
    Ok(Value),
    /// Answered with a definite "no", without effect; carries what was found.
    No(Value),
    /// No attempt had an effect, and none was answered. Says why the last one was not.
    NotDone(String),
    /// Some attempt may have had an effect, or may still have one. Says what became of the last one.
    Unknown(String),
}

/// What follows from the result of an attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Next {
    /// Try again.
    Try {
        /// How long to wait before.
        after: Span,
        /// What to send then.
        attempt: Attempt,
    },
    /// The operation is over.
    Done(Done),
}

/// A connection to a replicated service: a state machine that says whom to ask, one operation at a time.
///
/// - It stays with the target that answered last, across operations, until it is told to turn to another.
/// - It follows a redirect to one of its targets, and fails over to the next in the list when a target cannot serve.
///   Before it asks a target twice in one operation, it backs off.
/// - When the fate of an attempt is unknown (timeout, reset), a read is tried elsewhere, and so is anything else if the
///   policy resends writes. Otherwise it ends as unknown: sending it again could let it happen twice. The next operation
///   starts at another target.
#[derive(Clone, Debug)]
pub struct Driver {
    targets: Arc<[NodeId]>,
    policy: Policy,
    /// Whom the next attempt asks.
    current: NodeId,
    operation: Progress,
}

/// The operation under way.
#[derive(Clone, Debug, Default)]
struct Progress {
    may_resend: bool,
    timeout: Span,
    attempts: u32,
    /// Whether an attempt may have had an effect.
    is_uncertain: bool,
    /// Whom it has asked since it last backed off.
    asked: Vec<NodeId>,
}

/// Why an attempt did not do.
struct Setback {
    reason: String,
    /// Whether it certainly had no effect.
    is_certain: bool,
    /// Whether another target may do better.
    is_local: bool,
    /// Whom to ask instead, if the target knew.
    redirect: Option<NodeId>,
}

impl Driver {
    /// A connection that asks `first` first, and fails over within `targets` in their order.
    #[must_use]
    pub fn new(first: NodeId, targets: Arc<[NodeId]>, policy: Policy) -> Self {
        Self { targets, policy, current: first, operation: Progress::default() }
    }

    /// Makes the next operation begin at `target`, whoever answered last. From there it fails over as it always does.
    pub const fn turn_to(&mut self, target: NodeId) {
        self.current = target;
    }

    /// Begins an operation that may take `timeout` in all. An operation that was under way is forgotten.
    pub fn begin(&mut self, request: &Request, timeout: Span) -> Attempt {
        let operation = &mut self.operation;
        operation.may_resend = request.is_read() || self.policy.resends_writes;
        operation.timeout = timeout;
        operation.attempts = 0;
        operation.is_uncertain = false;
        operation.asked.clear();
        self.attempt(Span::ZERO)
    }

    /// Takes the result of the last attempt, `elapsed` after the operation began.
    pub fn next(&mut self, result: Result<Reply, CallError>, elapsed: Span) -> Next {
        let setback = match result {
            Ok(Reply::Ok(value)) => return Next::Done(Done::Ok(value)),
            Ok(Reply::No(value)) => return Next::Done(Done::No(value)),
            Ok(Reply::NotDone(why)) => Setback::not_done(&why),
            Ok(Reply::Unknown(reason)) => Setback::unknown(reason),
            Err(error) => Setback::failed(error, elapsed),
        };
        self.operation.is_uncertain |= !setback.is_certain;
        let mut may_retry = setback.is_local && (setback.is_certain || self.operation.may_resend);
        let mut after = Span::ZERO;
        if setback.is_local {
            after = self.move_on(setback.redirect);
        }
        may_retry &= self.operation.attempts < self.policy.attempts && elapsed + after < self.operation.timeout;
        if may_retry {
            Next::Try { after, attempt: self.attempt(elapsed + after) }
        } else if self.operation.is_uncertain {
            Next::Done(Done::Unknown(setback.reason))
        } else {
            Next::Done(Done::NotDone(setback.reason))
        }
    }

    /// An attempt at the current target, `elapsed` after the operation began.
    fn attempt(&mut self, elapsed: Span) -> Attempt {
        self.operation.attempts += 1;
        self.operation.asked.push(self.current);
        let left = self.operation.timeout - elapsed;
        let timeout = self.policy.attempt_timeout.map_or(left, |limit| limit.min(left));
        Attempt { to: self.current, timeout }
    }

    /// Leaves the current target for the one that it named, or the next in the list, if that was not asked yet.
    /// Answers how long to wait before.
    fn move_on(&mut self, redirect: Option<NodeId>) -> Span {
        let Self { targets, current, operation, .. } = self;
        let redirect = redirect.filter(|node| targets.contains(node));
        let following = targets.iter().position(|node| node == current).map_or(0, |place| place + 1);
        let (before, behind) = targets.split_at(following);
        let mut candidates = redirect.into_iter().chain(behind.iter().chain(before).copied());
        let first = candidates.clone().next().unwrap_or(*current);
        if let Some(fresh) = candidates.find(|node| !operation.asked.contains(node)) {
            *current = fresh;
            return Span::ZERO;
        }
        *current = first;
        operation.asked.clear();
        self.policy.backoff
    }
}

impl Setback {
    fn not_done(why: &NotDone) -> Self {
        let (reason, redirect) = match why {
            NotDone::Redirect(to) => ("redirected", *to),
            NotDone::Unavailable => ("the service is unavailable", None),
            NotDone::Overloaded => ("the service is overloaded", None),
            NotDone::Unsupported => ("the service has no such operation", None),
        };
        let is_local = *why != NotDone::Unsupported;
        Self { reason: reason.to_owned(), is_certain: true, is_local, redirect }
    }

    const fn unknown(reason: String) -> Self {
        Self { reason, is_certain: false, is_local: true, redirect: None }
    }

    fn failed(error: CallError, elapsed: Span) -> Self {
        let reason = match error {
            CallError::Timeout => format!("no answer in {elapsed}"),
            _ => error.to_string(),
        };
        Self { reason, is_certain: error.certainly_not_done(), is_local: true, redirect: None }
    }
}

#[cfg(test)]
mod tests;
