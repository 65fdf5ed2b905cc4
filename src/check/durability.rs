//! Lost writes: acknowledged writes that nothing shows any more.

use std::collections::{BTreeMap, BTreeSet};

use super::convergence::{Replica, held};
use super::growing::{elements, holds};
use super::precedence::{objects, precedes};
use super::sentence::{clause, list};
use super::verdict::Edge;
use super::writes::{Written, is_acknowledged_write, kind, siblings, writers, written};
use crate::host::{Key, Value};
use crate::kernel::Time;
use crate::load::{History, Operation, Outcome};

/// What the live replicas of a service hold when the run is over.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FinalState {
    nodes: Vec<String>,
    held: BTreeMap<Key, Vec<(u64, Value)>>,
}

impl FinalState {
    /// From what the live replicas say. Without a replica there is no evidence.
    #[must_use]
    pub fn new(replicas: &[Replica]) -> Self {
        Self { nodes: replicas.iter().map(|replica| replica.node.clone()).collect(), held: held(replicas) }
    }

    /// Whether no replica was alive.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// What each replica holds of the object, in the order of the replicas; nil where it was never written.
    fn values(&self, key: Key) -> Vec<&Value> {
        match self.held.get(&key) {
            Some(held) => held.iter().map(|(_, value)| value).collect(),
            None => vec![&Value::Nil; self.nodes.len()],
        }
    }
}

/// An acknowledged write that is lost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LostWrite {
    /// The write, as an index into the history.
    pub write: usize,
    /// The read that shows it, as an index into the history; `None` if the final state does.
    pub shown_by: Option<usize>,
    /// What shows it, in a sentence.
    pub evidence: String,
}

impl LostWrite {
    /// The way from the write to what shows that it is gone.
    pub(super) fn edge(&self, history: &History) -> Edge {
        let key = history.operations[self.write].request.key();
        Edge { from: self.write, to: self.shown_by, kind: "lost", key, words: self.evidence.clone() }
    }
}

/// The answer of [`lost_writes`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LostWrites {
    /// The lost writes, by index.
    pub lost: Vec<LostWrite>,
    /// How many acknowledged writes there were for which there is later evidence, lost or not.
    pub examined: usize,
}

/// The acknowledged writes of a history that are lost.
///
/// A write is lost if the last evidence shows a state older than it. A value is older than a write if each of
/// its own writes was over before this one was invoked; the initial nil is older than all, a value from nowhere
/// and one of an unknown outcome older than none. Siblings are older if each of them is. A log or a set is older
/// than an append or an insert whose element it lacks. The last evidence is what the live replicas hold at the
/// end, all of them; if none was alive, the read that was invoked last, unless another read that was not over
/// by then saw something newer. A write that a newer one covered is not missed: where only older states
/// show up for a while, reads are stale, and nothing is lost if what is newer shows up again. Of an object that was
/// taken for two kinds of object nothing is known.
#[must_use]
pub fn lost_writes(history: &History, end: &FinalState) -> LostWrites {
    let mut answer = LostWrites::default();
    for (key, object) in known_objects(history) {
        let is_acknowledged = |&&index: &&usize| is_acknowledged_write(&history.operations[index]);
        let acknowledged = object.operations.iter().filter(is_acknowledged).copied();
        if end.is_empty() {
            answer.by_last_read(&object, acknowledged);
        } else {
            answer.by_final_state(&object, acknowledged, end, key);
        }
    }
    answer.lost.sort_by_key(|lost| lost.write);
    answer
}

/// Something that is there at the end, and should not be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resurrection {
    /// The write that shows it, as an index into the history: one that failed, and is there; or one that somebody had read,
    /// and only what it had replaced is there.
    pub write: usize,
    /// The read that had seen it, if it was seen.
    pub seen_by: Option<usize>,
    /// What shows it, in a sentence.
    pub evidence: String,
}

/// The answer of [`resurrected`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Resurrected {
    /// What came back.
    pub found: Vec<Resurrection>,
    /// Of how many writes something could have come back.
    pub examined: usize,
}

/// What came back at the end of a history: a value or an element whose only writes failed, which some live replica holds; and an
/// older state, which all live replicas hold, although somebody had read what replaced it, whatever became of that
/// write. A replica that is merely behind raises nobody from the dead. Without a live replica there is no evidence.
#[must_use]
pub fn resurrected(history: &History, end: &FinalState) -> Resurrected {
    let mut answer = Resurrected::default();
    if end.is_empty() {
        return answer;
    }
    for (key, object) in known_objects(history) {
        let values = end.values(key);
        let elements: BTreeSet<i64> = object.operations.iter().filter_map(|&write| object.element(write)).collect();
        let seen = object.first_seen();
        for &write in &object.operations {
            let operation = &history.operations[write];
            let told =
                |says: &str| format!("{}{says}{}.", clause(history, write), holdings(&end.nodes, &values, key));
            if let Outcome::Fail(_) = operation.outcome {
                let attempted = Operation { outcome: Outcome::Info(String::new()), ..operation.clone() };
                let is_there = |value: &Value| match written(&attempted) {
                    Some(Written::Value(new)) if *new != Value::Nil && !object.writers.contains_key(new) => {
                        Some(siblings(value).contains(new))
                    }
                    Some(Written::Element(new)) if !elements.contains(&new) => Some(holds(value, new)),
                    _ => None,
                };
                let there: Vec<bool> = values.iter().filter_map(|&value| is_there(value)).collect();
                answer.examined += usize::from(!there.is_empty());
                if there.contains(&true) {
                    answer.found.push(Resurrection { write, seen_by: None, evidence: told(", but at the end ") });
                }
            } else if let Some(&read) = seen.get(&write) {
                answer.examined += 1;
                if values.iter().all(|value| object.is_older(value, write)) {
                    let read_told = clause(history, read);
                    let says = format!(", which was seen: {read_told}; but at the end ");
                    answer.found.push(Resurrection { write, seen_by: Some(read), evidence: told(&says) });
                }
            }
        }
    }
    answer.found.sort_by_key(|found| found.write);
    answer
}

/// Every object that was taken for one kind of object only.
fn known_objects(history: &History) -> impl Iterator<Item = (Key, Object<'_>)> {
    let known = objects(history).into_iter().filter(|(_, operations)| kind(history, operations).is_some());
    known.map(|(key, operations)| (key, Object { history, writers: writers(history, &operations), operations }))
}

struct Object<'h> {
    history: &'h History,
    operations: Vec<usize>,
    writers: BTreeMap<&'h Value, Vec<usize>>,
}

impl Object<'_> {
    fn precedes(&self, a: usize, b: usize) -> bool {
        precedes(&self.history.operations[a], &self.history.operations[b])
    }

    /// The element that an operation put into its log or set.
    fn element(&self, write: usize) -> Option<i64> {
        match written(&self.history.operations[write]) {
            Some(Written::Element(element)) => Some(element),
            _ => None,
        }
    }

    fn is_older(&self, value: &Value, write: usize) -> bool {
        if let Some(element) = self.element(write) {
            return !holds(value, element);
        }
        siblings(value).iter().all(|value| match self.writers.get(value) {
            Some(writers) => writers.iter().all(|&writer| self.precedes(writer, write)),
            None => *value == Value::Nil,
        })
    }

    /// The value that an operation shows: an answered read, or a compare-and-set that found another value.
    fn seen(&self, index: usize) -> Option<&Value> {
        let operation = &self.history.operations[index];
        match &operation.outcome {
            Outcome::Ok(found) if operation.request.is_read() => Some(found),
            Outcome::No(found) => Some(found),
            _ => None,
        }
    }

    /// The writes of which some read has seen the value or the element, which nobody else may have written; each with the
    /// first such read.
    fn first_seen(&self) -> BTreeMap<usize, usize> {
        let mut of_element: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for &write in &self.operations {
            if let Some(element) = self.element(write) {
                of_element.entry(element).or_default().push(write);
            }
        }
        let mut seen = BTreeMap::new();
        let mut note = |writers: Option<&Vec<usize>>, read: usize| {
            if let Some([write]) = writers.map(Vec::as_slice) {
                seen.entry(*write).or_insert(read);
            }
        };
        for &read in &self.operations {
            for value in self.seen(read).into_iter().flat_map(siblings) {
                note(self.writers.get(value), read);
                for element in elements(value).unwrap_or_default() {
                    note(of_element.get(element), read);
                }
            }
        }
        seen
    }

    /// When the last operation that wrote the value was over.
    fn written_at(&self, value: &Value) -> Option<Time> {
        let writers = self.writers.get(value)?;
        writers.iter().map(|&writer| self.history.operations[writer].completed).max()
    }

    /// Why `value` counts as older than `write`, to end a sentence.
    fn origin(&self, value: &Value, write: usize) -> String {
        if self.element(write).is_some() {
            return ".".into();
        }
        let newest = siblings(value).iter().max_by_key(|value| self.written_at(value)).unwrap_or(value);
        match self.writers.get(newest).and_then(|writers| writers.last()) {
            Some(&writer) => format!(", and {newest} is older: {}.", clause(self.history, writer)),
            None => format!(", and {newest} is the initial value."),
        }
    }
}

impl LostWrites {
    fn by_final_state(&mut self, object: &Object, writes: impl Iterator<Item = usize>, end: &FinalState, key: Key) {
        let values = end.values(key);
        let held = values.iter().flat_map(|value| siblings(value));
        let newest = held.max_by_key(|value| object.written_at(value)).unwrap_or(&Value::Nil);
        for write in writes {
            self.examined += 1;
            if values.iter().all(|value| object.is_older(value, write)) {
                let evidence = format!(
                    "{}, but at the end {}{}",
                    clause(object.history, write),
                    holdings(&end.nodes, &values, key),
                    object.origin(newest, write)
                );
                self.lost.push(LostWrite { write, shown_by: None, evidence });
            }
        }
    }

    fn by_last_read(&mut self, object: &Object, writes: impl Iterator<Item = usize>) {
        let reads = || object.operations.iter().copied().filter(|&index| object.seen(index).is_some());
        let invoked = |index: usize| object.history.operations[index].invoked;
        let Some(latest) = reads().map(invoked).max() else { return };
        let overlapping = |last: usize| reads().filter(move |&read| !object.precedes(read, last)).collect();
        let last: Vec<(usize, Vec<usize>)> =
            reads().filter(|&read| invoked(read) == latest).map(|read| (read, overlapping(read))).collect();
        for write in writes {
            let is_older = |&read: &usize| object.seen(read).is_some_and(|value| object.is_older(value, write));
            let mut later = last.iter().filter(|(read, _)| object.precedes(write, *read)).peekable();
            self.examined += usize::from(later.peek().is_some());
            let shown = later.find(|(_, overlapping)| overlapping.iter().all(is_older));
            if let Some((read, value)) = shown.and_then(|&(read, _)| Some((read, object.seen(read)?))) {
                let (history, origin) = (object.history, object.origin(value, write));
                let evidence = format!("{}, but at last {}{origin}", clause(history, write), clause(history, read));
                self.lost.push(LostWrite { write, shown_by: Some(read), evidence });
            }
        }
    }
}

/// Who holds what: `store-0 and store-1 hold 4 for k1`, `store-0 holds 4, store-1 holds nil for k1`.
fn holdings(nodes: &[String], values: &[&Value], key: Key) -> String {
    let mut holders: BTreeMap<&Value, Vec<&String>> = BTreeMap::new();
    for (node, value) in nodes.iter().zip(values) {
        holders.entry(value).or_default().push(node);
    }
    let part = |(value, nodes): (&&Value, &Vec<&String>)| {
        let verb = if nodes.len() == 1 { "holds" } else { "hold" };
        format!("{} {verb} {}", list(nodes, 5), value.in_brief())
    };
    format!("{} for {key}", holders.iter().map(part).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use proptest::prelude::*;

    use super::super::testing::{draws, history, kinds, perform_on, value, with_siblings};
    use super::*;

    fn end(values: &[i64]) -> FinalState {
        end_with(&values.iter().map(|&held| value(held)).collect::<Vec<_>>())
    }

    fn end_with(values: &[Value]) -> FinalState {
        let replica = |(index, held): (usize, &Value)| Replica {
            node: format!("store-{index}"),
            entries: if *held == Value::Nil { vec![] } else { vec![(Key(0), 1, held.clone())] },
            ..Replica::default()
        };
        FinalState::new(&values.iter().enumerate().map(replica).collect::<Vec<_>>())
    }

    #[test]
    fn what_failed_or_was_replaced_does_not_come_back() {
        let check = |text: &str, values: &[Value], expected: &[u64]| {
            let history = history(text);
            let found = resurrected(&history, &end_with(values)).found;
            let numbers: Vec<u64> = found.iter().map(|found| history.operations[found.write].number).collect();
            assert_eq!(numbers, expected, "{text} then {values:?}");
        };
        let (one, two) = (value(1), value(2));
        let failed = "1 w1 ok 0 1\n1 w2 fail 2 3";
        check(failed, &[one.clone(), one.clone()], &[]);
        check(failed, &[one.clone(), two.clone()], &[1]);
        check(failed, &[], &[]);
        check("1 w2 info 0 1\n2 w2 fail 2 3", from_ref(&two), &[]);
        check("1 +1 ok 0 1\n1 +2 fail 2 3", &[Value::List(vec![1, 2])], &[1]);
        check("1 +1 ok 0 1\n1 +2 fail 2 3", &[Value::List(vec![1])], &[]);
        // What was read is gone, and what it had replaced is back, acknowledged or not.
        let read = "1 w1 ok 0 1\n1 w2 info 2 3\n2 r ok2 4 5";
        check(read, &[one.clone(), one.clone()], &[1]);
        check(read, &[one.clone(), two.clone()], &[]);
        check("1 w1 ok 0 1\n1 w2 info 2 3\n2 r ok1 4 5", from_ref(&one), &[]);
        check("1 w1 ok 0 1\n1 w2 ok 2 3\n2 r ok2 4 5", from_ref(&one), &[1]);
        check("1 w1 ok 0 1\n3 w2 ok 0 3\n2 r ok2 4 5", &[one], &[]);
        check("1 +1 ok 0 1\n1 +2 info 2 3\n2 r ok[1,2] 4 5", &[Value::List(vec![1])], &[1]);
    }

    #[test]
    fn a_write_is_lost_if_only_older_states_are_left() {
        let check = |text: &str, values: &[i64], expected: &[u64]| {
            let history = history(text);
            let lost = lost_writes(&history, &end(values)).lost;
            let numbers: Vec<u64> = lost.iter().map(|lost| history.operations[lost.write].number).collect();
            assert_eq!(numbers, expected, "{text} then {values:?}");
        };
        let two = "1 w1 ok 0 1\n1 w2 ok 2 3";
        check(two, &[2], &[]);
        check(two, &[1], &[1]);
        check(two, &[0], &[0, 1]);
        check(two, &[1, 2], &[]);
        check(two, &[1, 0], &[1]);
        check(two, &[7], &[]);
        check(two, &[], &[]);
        // Concurrent writes may end in either order.
        check("1 w1 ok 0 5\n2 w2 ok 4 6", &[1], &[]);
        // An unknown write is never lost; its value may come late.
        check("1 w1 ok 0 1\n2 w2 info 2 3", &[1], &[]);
        check("2 w2 info 0 1\n1 w1 ok 2 3", &[2], &[]);
        check("1 w1 ok 0 1\n2 c1>2 ok 2 3", &[1], &[1]);
        check("1 w1 ok 0 1\n2 w2 fail 2 3", &[0], &[0]);
        // One session, without a pause.
        check("1 w1 ok 0 1\n1 w2 ok 1 2", &[1], &[1]);
        // Reads, when no replica is left.
        check("1 w1 ok 0 1\n2 r ok0 2 3", &[], &[0]);
        check("1 w1 ok 0 1\n2 r ok0 2 3\n2 r ok1 4 5", &[], &[]);
        check("1 w1 ok 0 1\n2 r ok0 2 6\n3 r ok1 1 4", &[], &[]);
        check("1 w1 ok 0 1\n2 r ok1 2 3\n3 r ok0 4 5", &[], &[0]);
        check("1 w1 ok 0 1\n2 c5>6 no0 2 3", &[], &[0]);
        // The final state outweighs reads.
        check("1 w1 ok 0 1\n2 r ok0 2 3", &[1], &[]);
    }

    #[test]
    fn elements_and_siblings_are_looked_for() {
        let check = |text: &str, values: &[Value], expected: &[u64]| {
            let history = history(text);
            let answer = lost_writes(&history, &end_with(values));
            let number = |lost: &LostWrite| history.operations[lost.write].number;
            assert_eq!(answer.lost.iter().map(number).collect::<Vec<_>>(), expected, "{text} then {values:?}");
        };
        let list = |elements: &[i64]| Value::List(elements.to_vec());
        let both = |one: Value, other: Value| Value::Siblings(vec![one, other]);
        let log = "1 +1 ok 0 1\n2 +2 ok 0 3\n3 +3 info 0 3\n4 +4 fail 0 3";
        check(log, &[list(&[1, 2])], &[]);
        check(log, &[list(&[2]), list(&[1])], &[]);
        check(log, &[list(&[1]), Value::Nil], &[1]);
        check(log, &[Value::Nil], &[0, 1]);
        check(log, &[both(list(&[1]), list(&[2]))], &[]);
        check("1 i1 ok 0 1\n2 r ok0 2 3", &[], &[0]);
        check("1 i1 ok 0 1\n2 r ok0 2 6\n3 r ok[1] 1 4", &[], &[]);
        let register = "1 w1 ok 0 1\n1 w2 ok 2 3\n1 w3 ok 4 5";
        check(register, &[both(value(1), value(2))], &[2]);
        check(register, &[both(value(1), value(3))], &[]);
        check("1 w1 ok 0 1\n2 r ok0|1 2 3", &[], &[]);
        // Nobody knows what this object is.
        check("1 i1 ok 0 1\n1 w2 ok 2 3", &[Value::Nil], &[]);
    }

    #[test]
    fn the_evidence_of_a_missing_element_is_a_sentence() {
        let history = history("1 +1 ok 0 1\n1 +2 ok 2 3");
        let lost = lost_writes(&history, &end_with(&[Value::List(vec![1])])).lost.remove(0);
        let expected = "s-1 appends 2 (2s, acknowledged at 3s), but at the end store-0 holds [1] for k0.";
        assert_eq!(lost.evidence, expected);
        let edge = lost.edge(&history);
        assert_eq!((edge.from, edge.to, edge.kind, edge.key), (1, None, "lost", Some(Key(0))));
    }

    #[test]
    fn the_evidence_is_a_sentence() {
        let history = history("1 w1 ok 0 1\n1 w2 ok 2 3");
        let lost = lost_writes(&history, &end(&[0, 1, 1])).lost.remove(0);
        assert_eq!(
            lost.evidence,
            "s-1 writes 2 (2s, acknowledged at 3s), but at the end store-0 holds nil, store-1 and store-2 hold 1 for k0, \
             and 1 is older: s-0 writes 1 (0s, acknowledged at 1s)."
        );
    }

    /// The definition, read aloud, where reads are the only evidence.
    fn naive(history: &History) -> Vec<usize> {
        let operations = &history.operations;
        let all: Vec<usize> = (0..operations.len()).collect();
        let object = Object { history, writers: writers(history, &all), operations: all.clone() };
        let shows = |read: usize, write: usize| object.seen(read).map(|value| object.is_older(value, write));
        let is_lost = |&write: &usize| {
            let acknowledged = is_acknowledged_write(&operations[write]);
            let newer = || all.iter().filter(|&&read| shows(read, write) == Some(false));
            let missed = |&read: &usize| {
                object.precedes(write, read)
                    && shows(read, write) == Some(true)
                    && newer().all(|&other| object.precedes(other, read))
            };
            acknowledged && all.iter().any(missed)
        };
        all.iter().copied().filter(is_lost).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn lost_writes_are_those_of_the_definition(draws in draws(0..30, 1, 4), unique: bool, kind in kinds()) {
            let history = with_siblings(perform_on(&draws, unique, kind));
            let lost: Vec<usize> = lost_writes(&history, &FinalState::default()).lost.iter().map(|l| l.write).collect();
            prop_assert_eq!(lost, naive(&history));
        }
    }
}
