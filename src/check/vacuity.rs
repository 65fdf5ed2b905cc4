//! When a consistency check that found nothing has proved nothing.

use std::collections::BTreeMap;

use super::writes::is_acknowledged_change;
use crate::host::{Key, Request};
use crate::kernel::Time;
use crate::load::{History, Operation, Outcome};

/// Whether some answered operation could have seen another session's write: on one object, session A's
/// acknowledged change, and an answered operation of session B that finds something and was not over when the change
/// was invoked. Where there is none, any store whatever would have passed.
pub(super) fn could_see_a_foreign_write(history: &History) -> bool {
    some_read_follows(history, |firsts, session| firsts.not_by(session))
}

/// The same where nobody knows which requests change their object: on one object, answered operations of two sessions of
/// which one was not over when the other was invoked.
pub(super) fn could_meet_another(history: &History, object: impl Fn(&Request) -> Option<Key>) -> bool {
    let answered = || history.operations.iter().filter(|operation| operation.outcome.is_answered());
    let mut firsts: BTreeMap<Key, FirstWrites> = BTreeMap::new();
    for operation in answered() {
        if let Some(key) = object(&operation.request) {
            firsts.entry(key).or_default().add(operation.invoked, operation.session);
        }
    }
    answered().any(|operation| {
        let first = object(&operation.request).and_then(|key| firsts.get(&key)?.not_by(operation.session));
        first.is_some_and(|invoked| invoked <= operation.completed)
    })
}

/// Whether some answered operation could have seen writes of two sessions at once, as [`could_see_a_foreign_write`]
/// could have seen one.
pub(super) fn could_see_a_conflict(history: &History) -> bool {
    some_read_follows(history, |firsts, _| firsts.other)
}

/// Whether some answered operation that sees its object's value was not over at the instant that `since` says, by the
/// first writes of its object and its own session.
fn some_read_follows(history: &History, since: impl Fn(&FirstWrites, u64) -> Option<Time>) -> bool {
    let mut firsts: BTreeMap<Key, FirstWrites> = BTreeMap::new();
    for operation in &history.operations {
        for key in written(operation) {
            firsts.entry(key).or_default().add(operation.invoked, operation.session);
        }
    }
    history.operations.iter().any(|operation| {
        let first = |key| since(firsts.get(&key)?, operation.session);
        seen(operation).into_iter().filter_map(first).any(|invoked| invoked <= operation.completed)
    })
}

/// The objects that an operation wrote, if it was acknowledged.
fn written(operation: &Operation) -> Vec<Key> {
    match (&operation.request, &operation.outcome) {
        (Request::Transaction(parts), Outcome::Ok(_)) => {
            parts.iter().filter(|part| !part.is_read()).filter_map(Request::key).collect()
        }
        (request, _) if is_acknowledged_change(operation) => request.key().into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The objects of which an operation learned what they hold.
fn seen(operation: &Operation) -> Vec<Key> {
    match (&operation.request, &operation.outcome) {
        (_, Outcome::Fail(_) | Outcome::Info(_)) => Vec::new(),
        (Request::Transaction(parts), Outcome::Ok(_)) => {
            parts.iter().filter(|part| part.is_read()).filter_map(Request::key).collect()
        }
        (
            request @ (Request::Read { .. }
            | Request::CompareAndSet { .. }
            | Request::Dequeue { .. }
            | Request::Acquire { .. }
            | Request::Release { .. }),
            _,
        )
        | (request, Outcome::No(_)) => request.key().into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Whether two transactions of different sessions ran at one time, committed both, and used one object that one of them
/// wrote. Where none did, the transactions ran one after the other as far as they could tell, and any store would have
/// passed.
pub(super) fn transactions_met(history: &History) -> bool {
    let mut ends: BTreeMap<Key, Ends> = BTreeMap::new();
    history.operations.iter().filter(|operation| matches!(operation.outcome, Outcome::Ok(_))).any(|operation| {
        let (writes, reads) = (written(operation), seen(operation));
        let mut use_of = |key: &Key, is_write: bool| {
            let ends = ends.entry(*key).or_default();
            let others = [Some(&ends.of_writes), is_write.then_some(&ends.of_reads)];
            let has_met = others.into_iter().flatten().any(|uses| uses.meet(operation));
            if is_write { &mut ends.of_writes } else { &mut ends.of_reads }.add(operation);
            has_met
        };
        let has_met = writes.iter().filter(|key| use_of(key, true)).count();
        has_met + reads.iter().filter(|key| use_of(key, false)).count() > 0
    })
}

/// When the uses of an object that began so far ended.
#[derive(Default)]
struct Ends {
    of_writes: LastTwo,
    of_reads: LastTwo,
}

/// The latest end, and the latest of another session.
#[derive(Default)]
struct LastTwo {
    last: Option<(Time, u64)>,
    other: Option<Time>,
}

impl LastTwo {
    fn add(&mut self, operation: &Operation) {
        let (completed, session) = (operation.completed, operation.session);
        match self.last {
            Some((last, by)) if by == session => self.last = Some((last.max(completed), session)),
            Some((last, _)) if completed > last => {
                self.other = Some(last);
                self.last = Some((completed, session));
            }
            Some(_) => self.other = self.other.max(Some(completed)),
            None => self.last = Some((completed, session)),
        }
    }

    /// Whether one of another session has not ended when this operation begins.
    fn meet(&self, operation: &Operation) -> bool {
        let other = match self.last {
            Some((last, by)) if by != operation.session => Some(last),
            _ => self.other,
        };
        other.is_some_and(|end| end >= operation.invoked)
    }
}

/// The earliest invocation of an acknowledged write, and the earliest by any other session.
#[derive(Default)]
struct FirstWrites {
    first: Option<(Time, u64)>,
    other: Option<Time>,
}

impl FirstWrites {
    fn add(&mut self, invoked: Time, session: u64) {
        match self.first {
            Some((first, by)) if invoked < first => {
                if by != session {
                    self.other = Some(first);
                }
                self.first = Some((invoked, session));
            }
            Some((_, by)) if by == session => {}
            Some(_) => self.other = Some(self.other.map_or(invoked, |other| other.min(invoked))),
            None => self.first = Some((invoked, session)),
        }
    }

    /// The earliest invocation by another session than this one.
    fn not_by(&self, session: u64) -> Option<Time> {
        match self.first {
            Some((first, by)) if by != session => Some(first),
            _ => self.other,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{draws, history, perform};
    use super::*;

    #[test]
    fn only_another_sessions_write_can_be_missed() {
        let check =
            |text: &str, expected: bool| assert_eq!(could_see_a_foreign_write(&history(text)), expected, "{text}");
        check("", false);
        check("1 w1 ok 0 1\n1 r ok1 2 3", false);
        check("1 w1 ok 0 1\n2 r ok1 2 3", true);
        check("1 w1 ok 0 1\n2 r ok0 0 1", true);
        check("1 w1@1 ok 0 1\n2 r@2 ok0 2 3", false);
        check("2 r ok0 0 1\n1 w1 ok 2 3", false);
        check("1 w1 info 0 1\n2 r ok1 2 3", false);
        check("1 w1 ok 0 1\n2 r info 2 3", false);
        check("1 w1 ok 0 1\n2 c4>5 no1 2 3", true);
        check("1 w1 ok 0 1\n2 w2 ok 2 3", false);
        check("1 +1 ok 0 1\n2 r ok[1] 2 3", true);
        check("1 i1 ok 0 1\n1 r ok[1] 2 3", false);
        check("1 a1 ok 0 1\n2 r ok1 2 3", true);
        check("1 a1 ok 0 1\n1 r ok1 2 3", false);
        check("1 e1 ok 0 1\n2 d ok1 2 3", true);
        check("1 e1 ok 0 1\n2 e2 ok 2 3", false);
        check("1 l ok1 0 1\n2 l no0 2 3", true);
    }

    #[test]
    fn only_writes_of_two_sessions_can_be_in_conflict() {
        let check = |text: &str, expected: bool| assert_eq!(could_see_a_conflict(&history(text)), expected, "{text}");
        check("1 w1 ok 0 1\n1 w2 ok 2 3\n2 r ok2 4 5", false);
        check("1 w1 ok 0 1\n2 w2 ok 2 3\n1 r ok2 4 5", true);
        check("1 w1 ok 0 1\n3 r ok1 2 3\n2 w2 ok 4 5", false);
        check("1 w1@1 ok 0 1\n2 w2@2 ok 2 3\n3 r@1 ok1 4 5", false);
        check("1 w1 ok 0 1\n2 w2 info 2 3\n3 r ok1 4 5", false);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_three_are_found_if_there_are_any(draws in draws(0..12, 2, 3)) {
            let history = perform(&draws, false);
            let writes = || history.operations.iter().filter(|operation| is_acknowledged_change(operation));
            let expected = history.operations.iter().any(|read| {
                let seen = |o: &&crate::load::Operation| o.request.key() == read.request.key() && read.completed >= o.invoked;
                let sessions: std::collections::BTreeSet<u64> = writes().filter(seen).map(|o| o.session).collect();
                read.outcome.is_answered() && read.request.kind() != "write" && sessions.len() > 1
            });
            prop_assert_eq!(could_see_a_conflict(&history), expected);
        }

        #[test]
        fn the_pair_is_found_if_there_is_one(draws in draws(0..12, 2, 3)) {
            let history = perform(&draws, false);
            let answered = || history.operations.iter().filter(|operation| operation.outcome.is_answered());
            let reads = |o: &&crate::load::Operation| o.request.kind() != "write";
            let expected = answered().filter(|o| is_acknowledged_change(o)).any(|write| {
                let foreign = |r: &crate::load::Operation| r.session != write.session && r.request.key() == write.request.key();
                answered().filter(reads).any(|read| foreign(read) && read.completed >= write.invoked)
            });
            prop_assert_eq!(could_see_a_foreign_write(&history), expected);
        }
    }
}
