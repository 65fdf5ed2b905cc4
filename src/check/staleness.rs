//! Stale reads: reads that return what had been overwritten before they began.

use std::collections::{BTreeMap, BTreeSet};

use super::growing::elements;
use super::precedence::{objects, precedes};
use super::writes::{Kind, Written, is_acknowledged_write, kind, siblings, writers, written};
use crate::host::Value;
use crate::kernel::{Span, Time};
use crate::load::{History, Operation, Outcome};

/// A read of a value although a newer write had been acknowledged before the read was invoked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StaleRead {
    /// The read, as an index into the history.
    pub read: usize,
    /// The first write that had been acknowledged by then and was newer: invoked after every write of the value
    /// that was read had completed. If siblings were read, the one by which the last of them was overwritten; in a log
    /// or a set, the first that is missing.
    pub overwritten_by: usize,
    /// For how long that write had been acknowledged when the read was invoked.
    pub by: Span,
}

/// How fresh an answered read was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Freshness {
    /// The read, as an index into the history.
    pub read: usize,
    /// For how long a write of the object had been acknowledged when the read was invoked, the first one; `None` if none
    /// had been, so that the read could not be stale.
    pub first_write: Option<Span>,
    /// In what the read is stale, if it is.
    pub stale: Option<StaleRead>,
    /// How many acknowledged writes that precede the read are certainly newer than what it returned (k-staleness; Bailis et
    /// al., VLDB 2012, section 2.1); of siblings, than the newest of them; of a log or a set, how many of its elements are
    /// missing. 0 if the read is not stale.
    pub versions_behind: u64,
}

/// The stale reads of a history, by index. A write without a known outcome makes no read stale, and the value of
/// one is never stale, because it may have taken effect late. Siblings are stale if each of them is. A read of a log or
/// a set is stale if it lacks an element that had been acknowledged. An object that was taken for two kinds of object
/// has no stale reads.
#[must_use]
pub fn stale_reads(history: &History) -> Vec<StaleRead> {
    freshness(history).into_iter().filter_map(|freshness| freshness.stale).collect()
}

/// How fresh each answered read of a history was, by index.
#[must_use]
pub fn freshness(history: &History) -> Vec<Freshness> {
    let mut all: Vec<Freshness> = Vec::new();
    for operations in objects(history).values() {
        let Some(kind) = kind(history, operations) else { continue };
        let writes = Writes::new(history, operations);
        for &read in operations {
            let operation = &history.operations[read];
            let (true, Outcome::Ok(found)) = (operation.request.is_read(), &operation.outcome) else { continue };
            let (newer, versions_behind) = match kind {
                // What of these a read may miss is another matter.
                Kind::Counter | Kind::Queue | Kind::Lock => continue,
                Kind::Register => match writes.overwritten(found, operation) {
                    None => (None, 0),
                    newer => (newer, writes.versions_behind(found, operation)),
                },
                Kind::Log | Kind::Set => {
                    let missing = writes.missing(found, operation);
                    (missing.first().copied(), missing.len() as u64)
                }
            };
            let since = |write: usize| operation.invoked.since(history.operations[write].completed);
            let stale = newer.map(|write| StaleRead { read, overwritten_by: write, by: since(write) });
            all.push(Freshness {
                read,
                first_write: writes.first_before(operation).map(since),
                stale,
                versions_behind,
            });
        }
    }
    all.sort_unstable_by_key(|freshness| freshness.read);
    all
}

/// The acknowledged writes of one object, for "which was the first to be acknowledged of those invoked after?".
struct Writes<'h> {
    history: &'h History,
    writers: BTreeMap<&'h Value, Vec<usize>>,
    by_invocation: Vec<usize>,
    by_completion: Vec<usize>,
    /// For each place in `by_invocation`, the first to complete from there on.
    first_from: Vec<usize>,
    /// For each place in `by_invocation`, when the last of those up to there completed.
    last_until: Vec<Time>,
}

impl<'h> Writes<'h> {
    fn new(history: &'h History, operations: &[usize]) -> Self {
        let is_write = |&index: &usize| is_acknowledged_write(&history.operations[index]);
        let completed = |index: usize| (history.operations[index].completed, index);
        let by_invocation: Vec<usize> = operations.iter().copied().filter(is_write).collect();
        let mut by_completion = by_invocation.clone();
        by_completion.sort_unstable_by_key(|&index| completed(index));
        let mut first_from = by_invocation.clone();
        for place in (1..first_from.len()).rev() {
            let (here, later) = (first_from[place - 1], first_from[place]);
            first_from[place - 1] = if completed(later) < completed(here) { later } else { here };
        }
        let mut last = Time::ZERO;
        let last_until = by_invocation.iter().map(|&index| {
            last = last.max(history.operations[index].completed);
            last
        });
        let last_until = last_until.collect();
        Self { history, writers: writers(history, operations), by_invocation, by_completion, first_from, last_until }
    }

    /// The write by which all that a read found in a register had been overwritten before it began.
    fn overwritten(&self, found: &Value, read: &Operation) -> Option<usize> {
        let newer: Option<Vec<usize>> = siblings(found).iter().map(|value| self.first_newer(value, read)).collect();
        newer?.into_iter().max_by_key(|&write| (self.history.operations[write].completed, write))
    }

    /// The first acknowledged of the writes that precede `read`.
    fn first_before(&self, read: &Operation) -> Option<usize> {
        self.before(read).next()
    }

    /// The acknowledged elements that precede `read` and are not in what it found, in the order in which they were
    /// acknowledged.
    fn missing(&self, found: &Value, read: &Operation) -> Vec<usize> {
        let lists = siblings(found).iter().filter_map(elements);
        let shown: BTreeSet<i64> = lists.flatten().copied().collect();
        let is_missing = |&write: &usize| matches!(written(&self.history.operations[write]), Some(Written::Element(element)) if !shown.contains(&element));
        self.before(read).filter(is_missing).collect()
    }

    /// The acknowledged writes that precede `read`, in the order in which they were acknowledged.
    fn before<'w>(&'w self, read: &'w Operation) -> impl Iterator<Item = usize> + 'w {
        let operation = |index: usize| &self.history.operations[index];
        let completed = self.by_completion.iter().copied();
        let completed = completed.take_while(move |&write| operation(write).completed <= read.invoked);
        completed.filter(move |&write| precedes(operation(write), read))
    }

    /// The first acknowledged of the writes that follow every write of `found` and precede `read`.
    fn first_newer(&self, found: &Value, read: &Operation) -> Option<usize> {
        let between = self.between(found, read)?;
        let candidates = self.first_from.get(between.after).into_iter().chain(&between.touching).copied();
        candidates
            .filter(|&write| self.is_between(&between, write, read))
            .min_by_key(|&write| (self.history.operations[write].completed, write))
    }

    /// How many writes are newer than the newest of what was found.
    fn versions_behind(&self, found: &Value, read: &Operation) -> u64 {
        let newer = |value: &Value| self.between(value, read).map_or(0, |between| self.count(&between, read));
        siblings(found).iter().map(newer).min().unwrap_or_default()
    }

    /// How many writes lie between a value and a read: those that ended before the read, without those that began before the
    /// value was there, which a few may have outlasted.
    fn count(&self, between: &Between<'_>, read: &Operation) -> u64 {
        let operation = |index: usize| &self.history.operations[index];
        let ended = self.by_completion.partition_point(|&write| operation(write).completed < read.invoked);
        let lasted = (0..between.after).rev().take_while(|&place| self.last_until[place] >= read.invoked);
        let lasted = lasted.filter(|&place| operation(self.by_invocation[place]).completed >= read.invoked).count();
        let touching = between.touching.iter().filter(|&&write| self.is_between(between, write, read)).count();
        (ended + lasted + touching - between.after) as u64
    }

    fn is_between(&self, between: &Between<'_>, write: usize, read: &Operation) -> bool {
        let operation = |index: usize| &self.history.operations[index];
        precedes(operation(write), read)
            && between.sources.iter().all(|&source| precedes(operation(source), operation(write)))
    }

    /// What may be between a value and a read; `None` if nobody wrote the value.
    fn between(&self, found: &Value, read: &Operation) -> Option<Between<'_>> {
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
        let mut touching: Vec<usize> = touching_age.chain(touching_read).copied().collect();
        touching.sort_unstable();
        touching.dedup();
        Some(Between { sources, after, touching })
    }
}

/// The writes between a value and a read.
struct Between<'w> {
    /// What wrote the value, or may have.
    sources: &'w [usize],
    /// From this place in `by_invocation` on, writes began after the value was there for certain.
    after: usize,
    /// Writes that begin at the very instant at which the value was there, or end at the one at which the read begins.
    touching: Vec<usize>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::growing::holds;
    use super::super::testing::{draws, history, kinds, perform_on, with_siblings};
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
        // Siblings are stale if each is, since the last of them was overwritten.
        check("1 w1 ok 0 1\n2 w2 ok 0 2\n1 w3 ok 3 4\n2 r ok1|3 6 7", &[]);
        check("1 w1 ok 0 1\n2 w2 ok 0 2\n1 w3 ok 3 4\n2 r ok1|2 6 7", &[(3, 2)]);
        check("1 w1 ok 0 1\n1 w2 ok 2 3\n1 w3 ok 4 5\n2 r ok1|2 8 9", &[(3, 3)]);
        // Logs and sets: the first element that is missing.
        check("1 +1 ok 0 1\n1 +2 ok 2 3\n1 +3 ok 4 5\n2 r ok[1] 8 9", &[(3, 5)]);
        check("1 +1 ok 0 1\n1 +2 ok 2 3\n2 r ok[1,2] 8 9", &[]);
        check("1 i1 ok 0 1\n1 i2 info 2 3\n2 r ok[1] 8 9", &[]);
        check("1 i1 ok 0 1\n2 r ok0 8 9", &[(1, 7)]);
        check("1 i1 ok 0 1\n1 i2 ok 0 1\n2 r ok[1]|[2] 8 9", &[]);
        // Nobody knows what this object is.
        check("1 i1 ok 0 1\n1 w2 ok 2 3\n2 r ok[1] 8 9", &[]);
    }

    #[test]
    fn a_read_knows_how_many_versions_it_is_behind() {
        let check = |text: &str, expected: &[u64]| {
            let behind: Vec<u64> = freshness(&history(text)).iter().map(|read| read.versions_behind).collect();
            assert_eq!(behind, expected, "{text}");
        };
        check("1 w1 ok 0 1\n2 r ok1 2 3\n1 w2 ok 4 5\n1 w3 ok 6 7\n2 r ok1 8 9\n2 r ok3 10 11", &[0, 2, 0]);
        // One that began before what was read was there need not be newer, nor one that is not over.
        check("1 w1 ok 0 2\n3 w4 ok 1 7\n1 w2 ok 3 4\n1 w3 ok 5 9\n2 r ok1 8 9", &[1]);
        check("1 w1 ok 0 1\n1 w2 ok 1 2\n1 r ok1 2 3", &[1]);
        check("1 w1 ok 0 1\n1 w2 info 2 3\n2 r ok0 8 9", &[1]);
        check("1 w1 ok 0 1\n1 w2 ok 2 3\n1 w3 ok 4 5\n2 r ok1|2 8 9", &[1]);
        check("1 +1 ok 0 1\n1 +2 ok 2 3\n1 +3 ok 4 5\n2 r ok[1] 8 9", &[2]);
    }

    #[test]
    fn a_read_knows_how_long_it_could_have_been_stale() {
        let history = history("2 r ok0 0 1\n1 w1 ok 2 3\n1 w2 ok 4 5\n2 r ok2 7 8");
        let first_write: Vec<_> = freshness(&history).iter().map(|freshness| freshness.first_write).collect();
        assert_eq!(first_write, [None, Some(Span::from_secs(4))]);
    }

    /// The definition, read aloud: each stale read with the write that shows it, and how many versions it is behind.
    fn naive(history: &History) -> Vec<(usize, usize, u64)> {
        let operations = &history.operations;
        let completed = |&write: &usize| (operations[write].completed, write);
        let mut stale = Vec::new();
        for (index, read) in operations.iter().enumerate() {
            let (true, Outcome::Ok(found)) = (read.request.is_read(), &read.outcome) else { continue };
            let same_key = |o: &&Operation| o.request.key() == read.request.key();
            let preceding = |&write: &usize| {
                let operation = &operations[write];
                written(operation).is_some() && same_key(&operation) && precedes(operation, read)
            };
            let preceding = || (0..operations.len()).filter(preceding);
            let first_newer = |value: &Value| {
                let is_source = |o: &&Operation| written(o) == Some(Written::Value(value));
                let sources: Vec<_> = operations.iter().filter(same_key).filter(is_source).collect();
                let is_newer = |&write: &usize| sources.iter().all(|source| precedes(source, &operations[write]));
                let first = preceding().filter(is_newer).min_by_key(completed);
                first.filter(|_| !sources.is_empty() || *value == Value::Nil)
            };
            let is_missing = |&write: &usize| match written(&operations[write]) {
                Some(Written::Element(element)) => !siblings(found).iter().any(|value| holds(value, element)),
                _ => false,
            };
            let newer: Option<Vec<usize>> = siblings(found).iter().map(first_newer).collect();
            let count_newer = |value: &Value| {
                let is_source = |o: &&Operation| written(o) == Some(Written::Value(value));
                let sources: Vec<_> = operations.iter().filter(same_key).filter(is_source).collect();
                let is_acknowledged = |&write: &usize| operations[write].outcome.is_answered();
                let is_newer = |&write: &usize| sources.iter().all(|source| precedes(source, &operations[write]));
                preceding().filter(is_acknowledged).filter(is_newer).count() as u64
            };
            let is_growing =
                operations.iter().filter(same_key).any(|o| matches!(written(o), Some(Written::Element(_))));
            let by = match is_growing {
                true => preceding().filter(is_missing).min_by_key(completed),
                false => newer.and_then(|newer| newer.into_iter().max_by_key(completed)),
            };
            let behind = match is_growing {
                true => preceding().filter(is_missing).count() as u64,
                false => siblings(found).iter().map(count_newer).min().unwrap_or_default(),
            };
            stale.extend(by.map(|by| (index, by, behind)));
        }
        stale
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn stale_reads_are_those_of_the_definition(draws in draws(0..30, 2, 4), unique: bool, kind in kinds()) {
            let history = with_siblings(perform_on(&draws, unique, kind));
            let by = |read: &Freshness| Some((read.read, read.stale?.overwritten_by, read.versions_behind));
            let found: Vec<_> = freshness(&history).iter().filter_map(by).collect();
            prop_assert_eq!(found, naive(&history));
        }
    }
}
