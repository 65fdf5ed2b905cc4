//! Consistency up to a bounded staleness, in versions or in time.

use std::collections::VecDeque;
use std::fmt;

use super::Consistent;
use crate::check::linearizable::{Budget, Linearizability, linearizable};
use crate::check::model::{Effect, Model, Register};
use crate::host::{Request, Value};
use crate::kernel::{Span, Time};
use crate::load::{History, Outcome};

/// A register whose reads may return any of its last `versions` values, 1 or more. Compare-and-set acts on the last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KAtomic {
    /// What it holds at first.
    pub initial: Value,
    /// How many of the last values a read may return.
    pub versions: u32,
}

/// The last values of a register, the newest first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Recent(VecDeque<Value>);

impl fmt::Display for Recent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (age, value) in self.0.iter().enumerate() {
            write!(f, "{}{value}", if age == 0 { "" } else { " after " })?;
        }
        Ok(())
    }
}

impl Model for KAtomic {
    type State = Recent;

    fn initial(&self) -> Recent {
        Recent(VecDeque::from([self.initial.clone()]))
    }

    fn supports(&self, request: &Request) -> bool {
        self.register().supports(request)
    }

    fn step(&self, state: &Recent, request: &Request, answer: Option<&Outcome>) -> Option<Recent> {
        let newest = state.0.front()?;
        let to = match self.register().effect(request, answer) {
            Effect::Set(to) => to,
            Effect::Move { from, to } if from == *newest => to,
            Effect::Observe(found) if request.is_read() && state.0.contains(&found) => return Some(state.clone()),
            Effect::Observe(found) if found == *newest => return Some(state.clone()),
            Effect::Nothing => return Some(state.clone()),
            _ => return None,
        };
        let mut next = state.clone();
        next.0.push_front(to);
        next.0.truncate(self.versions.max(1) as usize);
        Some(next)
    }

    fn size(&self, state: &Recent) -> u64 {
        state.0.len() as u64 * VALUE
    }
}

/// The size of a value, in words.
const VALUE: u64 = 4;

impl KAtomic {
    fn register(&self) -> Register {
        Register { initial: self.initial.clone() }
    }
}

/// The least delay under which a history is linearizable: if every read had been invoked that much earlier. `Ok(None)`
/// if no delay explains it.
///
/// # Errors
///
/// Why it is not known.
pub fn least_delay<M: Model>(model: &M, history: &History, budget: Budget) -> Result<Option<Span>, String> {
    let is_within = |delay: Span| match linearizable(model, &begun_earlier(history, delay), budget) {
        Linearizability::Linearizable => Ok(true),
        Linearizability::Refuted { .. } => Ok(false),
        Linearizability::Unknown { why } => Err(why),
    };
    let latest = history.operations.iter().map(|operation| operation.invoked).max().unwrap_or(Time::ZERO);
    // Even at the very start, a read that began a moment earlier leaves its place among what its session did then.
    let mut enough = latest.since(Time::ZERO) + Span::from_nanos(1);
    if is_within(Span::ZERO)? {
        return Ok(Some(Span::ZERO));
    }
    if !is_within(enough)? {
        return Ok(None);
    }
    // To begin earlier only takes constraints away, so what is enough stays enough.
    let mut too_little = Span::ZERO;
    while too_little.as_nanos() + 1 < enough.as_nanos() {
        let middle = Span::from_nanos(too_little.as_nanos().midpoint(enough.as_nanos()));
        *(if is_within(middle)? { &mut enough } else { &mut too_little }) = middle;
    }
    Ok(Some(enough))
}

/// Whether the least delay is at most this.
pub(super) fn within(register: &Register, history: &History, at_most: Span, budget: Budget) -> Consistent {
    let least = match least_delay(register, history, budget) {
        Ok(Some(least)) if least <= at_most => {
            return Consistent::Yes(Some(format!("the least delay that explains it is {least}")));
        }
        Ok(least) => least,
        Err(why) => return Consistent::Unknown { why },
    };
    let late = match least {
        Some(least) => format!("Only a delay of {least} explains every read."),
        None => "No delay explains every read.".to_owned(),
    };
    match Consistent::from(linearizable(register, &begun_earlier(history, at_most), budget)) {
        Consistent::No { anomaly, explanation, operations } => {
            // The times in the explanation are those of reads that began earlier.
            let earlier = if at_most.is_zero() { "" } else { " Had reads begun that much earlier, still:" };
            let explanation = format!("{late}{earlier} {explanation}");
            Consistent::No { anomaly, explanation, operations }
        }
        answer => answer,
    }
}

/// The history as if whatever only observes had been invoked earlier. The indices of the operations stay.
pub(super) fn begun_earlier(history: &History, delay: Span) -> History {
    let mut earlier = history.clone();
    if delay.is_zero() {
        return earlier;
    }
    for (index, operation) in earlier.operations.iter_mut().enumerate() {
        if operation.request.is_read() || matches!(operation.outcome, Outcome::No(_)) {
            if operation.invoked == operation.completed {
                // It would change places with what its session did at that very instant.
                operation.session = u64::MAX - index as u64;
            }
            operation.invoked = operation.invoked - delay;
        }
    }
    earlier
}
