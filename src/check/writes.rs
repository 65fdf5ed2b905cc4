//! Who wrote what, and what kind of object that makes.

use std::collections::BTreeMap;

use super::model::{Effect, register_effect};
use crate::host::{Request, Value};
use crate::load::{History, Operation, Outcome};

/// What an operation puts into its object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Written<'h> {
    /// The new value of a register.
    Value(&'h Value),
    /// An element of a log or a set.
    Element(i64),
}

/// What an operation wrote, or may have written.
pub(super) fn written(operation: &Operation) -> Option<Written<'_>> {
    let answer = match &operation.outcome {
        Outcome::Fail(_) => return None,
        Outcome::Info(_) => None,
        answer => Some(answer),
    };
    match &operation.request {
        Request::Append { element, .. } | Request::Insert { element, .. } => {
            (!matches!(answer, Some(Outcome::No(_)))).then_some(Written::Element(*element))
        }
        request => match register_effect(request, answer) {
            Effect::Set(to) | Effect::Move { to, .. } => Some(Written::Value(to)),
            _ => None,
        },
    }
}

/// Whether an operation changed its object, whatever that is, and was acknowledged.
pub(super) fn is_acknowledged_change(operation: &Operation) -> bool {
    let changes = matches!(
        operation.request,
        Request::Add { .. } | Request::Enqueue { .. } | Request::Acquire { .. } | Request::Release { .. }
    );
    is_acknowledged_write(operation) || changes && matches!(operation.outcome, Outcome::Ok(_))
}

/// Whether an operation wrote something and was acknowledged.
pub(super) fn is_acknowledged_write(operation: &Operation) -> bool {
    operation.outcome.is_answered() && written(operation).is_some()
}

/// The operations that wrote each value of a register, or may have.
pub(super) fn writers<'h>(history: &'h History, operations: &[usize]) -> BTreeMap<&'h Value, Vec<usize>> {
    let mut writers: BTreeMap<&Value, Vec<usize>> = BTreeMap::new();
    for &index in operations {
        if let Some(Written::Value(value)) = written(&history.operations[index]) {
            writers.entry(value).or_default().push(index);
        }
    }
    writers
}

/// What an object is, by what was asked of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Register,
    Log,
    Set,
    Counter,
    Queue,
    Lock,
}

/// The kind of the object that these operations are about, by what was asked of it; a register if it was only read. `None`
/// if it was taken for two of them. What certainly did not happen does not count.
pub(super) fn kind(history: &History, operations: &[usize]) -> Option<Kind> {
    let happened = operations.iter().map(|&index| &history.operations[index]);
    let mut kinds = happened.filter(|o| !matches!(o.outcome, Outcome::Fail(_))).filter_map(|o| match o.request {
        Request::Append { .. } => Some(Kind::Log),
        Request::Insert { .. } => Some(Kind::Set),
        Request::Write { .. } | Request::CompareAndSet { .. } => Some(Kind::Register),
        Request::Add { .. } => Some(Kind::Counter),
        Request::Enqueue { .. } | Request::Dequeue { .. } => Some(Kind::Queue),
        Request::Acquire { .. } | Request::Release { .. } => Some(Kind::Lock),
        _ => None,
    });
    let first = kinds.next().unwrap_or(Kind::Register);
    kinds.all(|kind| kind == first).then_some(first)
}

/// The values that a read of a register found: one, or several at once.
pub(super) fn siblings(found: &Value) -> &[Value] {
    match found {
        Value::Siblings(values) => values,
        one => std::slice::from_ref(one),
    }
}
