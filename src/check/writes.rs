//! Who wrote what to a register.

use std::collections::BTreeMap;

use super::model::{Effect, register_effect};
use crate::host::Value;
use crate::load::{History, Operation, Outcome};

/// The value that an operation wrote, or may have written.
pub(super) fn written(operation: &Operation) -> Option<&Value> {
    let answer = match &operation.outcome {
        Outcome::Fail(_) => return None,
        Outcome::Info(_) => None,
        answer => Some(answer),
    };
    match register_effect(&operation.request, answer) {
        Effect::Set(to) | Effect::Move { to, .. } => Some(to),
        _ => None,
    }
}

/// The operations that wrote each value of an object, or may have.
pub(super) fn writers<'h>(history: &'h History, operations: &[usize]) -> BTreeMap<&'h Value, Vec<usize>> {
    let mut writers: BTreeMap<&Value, Vec<usize>> = BTreeMap::new();
    for &index in operations {
        if let Some(value) = written(&history.operations[index]) {
            writers.entry(value).or_default().push(index);
        }
    }
    writers
}
