//! Conflicting reads: reads that find several values at once.

use crate::host::Value;
use crate::load::{History, Outcome};

/// The answered reads of a history that found siblings, by index: values that the store could not put in order.
#[must_use]
pub fn conflicting_reads(history: &History) -> Vec<usize> {
    let is_conflicting = |&index: &usize| {
        let operation = &history.operations[index];
        operation.request.is_read() && matches!(operation.outcome, Outcome::Ok(Value::Siblings(_)))
    };
    (0..history.operations.len()).filter(is_conflicting).collect()
}
