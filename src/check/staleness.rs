//! Stale reads: reads that return what had been overwritten before they began.

use std::collections::BTreeMap;

use super::precedence::{objects, precedes};
use super::writes::{writers, written};
use crate::host::Value;
use crate::kernel::{Span, Time};
use crate::load::{History, Operation, Outcome};

/// A read of a value although a newer write had been acknowledged before the read was invoked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StaleRead {
    /// The read, as an index into the history.
    pub read: usize,
    /// The first write that had been acknowledged by then and was newer: invoked after every write of the value
    /// that was read had completed.
    pub overwritten_by: usize,
    /// For how long that write had been acknowledged when the read was invoked.
    pub by: Span,
}

/// The stale reads of a history, by index. A write without a known outcome makes no read stale, and the value of
/// one is never stale, because it may have taken effect late.
#[must_use]
pub fn stale_reads(history: &History) -> Vec<StaleRead> {
    let mut stale: Vec<StaleRead> = Vec::new();
    for operations in objects(history).values() {
        let writes = Writes::new(history, operations);
        for &read in operations {
            let operation = &history.operations[read];
            let (true, Outcome::Ok(found)) = (operation.request.is_read(), &operation.outcome) else { continue };
            if let Some(write) = writes.first_newer(found, operation) {
                let by = operation.invoked.since(history.operations[write].completed);
                stale.push(StaleRead { read, overwritten_by: write, by });
            }
        }
    }
    stale.sort_unstable_by_key(|stale| stale.read);
    stale
}

/// The acknowledged writes of one object, for "which was the first to be acknowledged of those invoked after?".
struct Writes<'h> {
    history: &'h History,
    writers: BTreeMap<&'h Value, Vec<usize>>,
    by_invocation: Vec<usize>,
    by_completion: Vec<usize>,
    /// For each place in `by_invocation`, the first to complete from there on.
    first_from: Vec<usize>,
}

impl<'h> Writes<'h> {
    fn new(history: &'h History, operations: &[usize]) -> Self {
        let is_write = |&index: &usize| {
            let operation = &history.operations[index];
            operation.outcome.is_answered() && written(operation).is_some()
        };
        let completed = |index: usize| (history.operations[index].completed, index);
        let by_invocation: Vec<usize> = operations.iter().copied().filter(is_write).collect();
        let mut by_completion = by_invocation.clone();
        by_completion.sort_unstable_by_key(|&index| completed(index));
        let mut first_from = by_invocation.clone();
        for place in (1..first_from.len()).rev() {
            let (here, later) = (first_from[place - 1], first_from[place]);
            first_from[place - 1] = if completed(later) < completed(here) { later } else { here };
        }
        Self { history, writers: writers(history, operations), by_invocation, by_completion, first_from }
    }

    /// The first acknowledged of the writes that follow every write of `found` and precede `read`.
    fn first_newer(&self, found: &Value, read: &Operation) -> Option<usize> {
        let operation = |index: usize| &self.history.operations[index];
        let sources = self.writers.get(found).map_or(&[][..], Vec::as_slice);
        if sources.is_empty() && *found != Value::Nil {
            return None;
        }
        let age = sources.iter().map(|&source| operation(source).completed).max();
        let after = self.by_invocation.partition_point(|&write| Some(operation(write).invoked) <= age);
        // Operations of one session may touch: the writes at the very instants are looked at one by one.
        let touching_age = self.by_invocation[..after].iter().rev();
        let touching_age = touching_age.take_while(|&&write| Some(operation(write).invoked) == age);
        let at = |time: Time| self.by_completion.partition_point(move |&write| operation(write).completed < time);
        let touching_read = self.by_completion[at(read.invoked)..].iter();
        let touching_read = touching_read.take_while(|&&write| operation(write).completed == read.invoked);
        let candidates = self.first_from.get(after).into_iter().chain(touching_age).chain(touching_read).copied();
        candidates
            .filter(|&write| precedes(operation(write), read))
            .filter(|&write| sources.iter().all(|&source| precedes(operation(source), operation(write))))
            .min_by_key(|&write| (operation(write).completed, write))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{draws, history, perform};
    use super::*;

    #[test]
    fn a_read_is_stale_if_its_value_was_overwritten_before_it_began() {
        let check = |text: &str, expected: &[(u64, u64)]| {
            let history = history(text);
            let number = |index: usize| history.operations[index].number;
            let line = |stale: &StaleRead| (number(stale.read), stale.by.as_nanos() / 1_000_000_000);
            assert_eq!(stale_reads(&history).iter().map(line).collect::<Vec<_>>(), expected, "{text}");
        };
        check("1 w1 ok 0 1\n1 w2 ok 2 3\n2 r ok1 5 6", &[(2, 2)]);
        check("1 w1 ok 0 1\n1 w2 ok 2 3\n2 r ok2 5 6", &[]);
        // Concurrent with the overwriting write, then nil.
        check("1 w1 ok 0 1\n1 w2 ok 2 5\n2 r ok1 5 6", &[]);
        check("1 w1 ok 0 1\n2 r ok0 4 5", &[(1, 3)]);
        check("1 w1 ok 0 1\n1 w0 ok 2 3\n2 r ok0 4 5", &[]);
        // The first of two overwriting writes counts.
        check("1 w1 ok 0 1\n1 w2 ok 2 3\n1 w3 ok 4 5\n2 r ok1 7 8", &[(3, 4)]);
        // Unknown writes neither overwrite nor grow old.
        check("1 w1 ok 0 1\n3 w2 info 2 3\n2 r ok1 5 6", &[]);
        check("3 w1 info 0 1\n1 w2 ok 2 3\n2 r ok1 5 6", &[]);
        // One session, without a pause.
        check("1 w1 ok 0 1\n1 w2 ok 1 2\n1 r ok1 2 3", &[(2, 0)]);
        check("1 w1 ok 0 1\n1 c1>2 ok 1 2\n2 r ok1 4 5", &[(2, 2)]);
        // A value from nowhere is another anomaly.
        check("1 w1 ok 0 1\n2 r ok7 4 5", &[]);
    }

    /// The definition, read aloud.
    fn naive(history: &History) -> Vec<(usize, usize)> {
        let operations = &history.operations;
        let mut stale = Vec::new();
        for (index, read) in operations.iter().enumerate() {
            let (true, Outcome::Ok(found)) = (read.request.is_read(), &read.outcome) else { continue };
            let same_key = |o: &&Operation| o.request.key() == read.request.key();
            let sources: Vec<_> = operations.iter().filter(same_key).filter(|o| written(o) == Some(found)).collect();
            let is_newer = |&write: &usize| {
                let operation = &operations[write];
                written(operation).is_some()
                    && same_key(&operation)
                    && precedes(operation, read)
                    && sources.iter().all(|source| precedes(source, operation))
            };
            let first = (0..operations.len()).filter(is_newer).min_by_key(|&w| (operations[w].completed, w));
            if let Some(first) = first.filter(|_| !sources.is_empty() || *found == Value::Nil) {
                stale.push((index, first));
            }
        }
        stale
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn stale_reads_are_those_of_the_definition(draws in draws(0..30, 2, 4), unique: bool) {
            let history = perform(&draws, unique);
            let found: Vec<_> = stale_reads(&history).iter().map(|stale| (stale.read, stale.overwritten_by)).collect();
            prop_assert_eq!(found, naive(&history));
        }
    }
}
