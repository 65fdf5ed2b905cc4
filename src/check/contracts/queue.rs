//! The contract of a queue: what goes in comes out, once, in order.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::check::convergence::Replica;
use crate::check::precedence::{objects, precedes, series};
use crate::check::sentence::{clause, count, list};
use crate::host::{Key, Request, Value};
use crate::kernel::Time;
use crate::load::{History, Outcome};

/// A way in which a queue breaks its contract.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum QueueAnomaly {
    /// What was put in and acknowledged never came out, although the queue was found empty later, or is empty at the end.
    Lost,
    /// What was put in once was handed out to two at once: nobody had been told that it was out when it was asked for again.
    Duplicated,
    /// What was put in first came out after something that was put in later.
    Reordered,
    /// What was put in once came out again after it had come out.
    Redelivered,
    /// What came out had not been put in.
    Unexpected,
}

/// How many anomalies of each kind a queue may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QueueLimits {
    /// See [`QueueAnomaly::Lost`].
    pub lost: u64,
    /// See [`QueueAnomaly::Duplicated`].
    pub duplicated: u64,
    /// See [`QueueAnomaly::Reordered`].
    pub reordered: u64,
    /// See [`QueueAnomaly::Redelivered`].
    pub redelivered: u64,
    /// See [`QueueAnomaly::Unexpected`].
    pub unexpected: u64,
}

/// What was found of the queues of a history.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct QueueReport {
    /// Each anomaly with the operations that show it, as indices: first the one that it counts for.
    pub anomalies: Vec<(QueueAnomaly, Vec<usize>)>,
    /// How often something came out.
    pub deliveries: u64,
    /// What was put in, acknowledged and not seen again, where nothing shows whether it is still there.
    pub left: u64,
}

impl QueueAnomaly {
    /// Each of them.
    pub const ALL: [Self; 5] = [Self::Lost, Self::Duplicated, Self::Reordered, Self::Redelivered, Self::Unexpected];

    /// Its name, as scenario files and reports have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Duplicated => "duplicated",
            Self::Reordered => "reordered",
            Self::Redelivered => "redelivered",
            Self::Unexpected => "unexpected",
        }
    }
}

impl QueueLimits {
    /// How many anomalies of this kind there may be.
    #[must_use]
    pub const fn of(&self, anomaly: QueueAnomaly) -> u64 {
        match anomaly {
            QueueAnomaly::Lost => self.lost,
            QueueAnomaly::Duplicated => self.duplicated,
            QueueAnomaly::Reordered => self.reordered,
            QueueAnomaly::Redelivered => self.redelivered,
            QueueAnomaly::Unexpected => self.unexpected,
        }
    }

    /// The same with another limit for one kind.
    #[must_use]
    pub const fn with(mut self, anomaly: QueueAnomaly, limit: u64) -> Self {
        match anomaly {
            QueueAnomaly::Lost => self.lost = limit,
            QueueAnomaly::Duplicated => self.duplicated = limit,
            QueueAnomaly::Reordered => self.reordered = limit,
            QueueAnomaly::Redelivered => self.redelivered = limit,
            QueueAnomaly::Unexpected => self.unexpected = limit,
        }
        self
    }
}

impl fmt::Display for QueueLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let allowed = QueueAnomaly::ALL.into_iter().filter(|&anomaly| self.of(anomaly) > 0);
        let allowed: Vec<_> = allowed.map(|anomaly| format!("{} {}", self.of(anomaly), anomaly.name())).collect();
        match allowed.as_slice() {
            [] => f.write_str("what goes in comes out, once, in order"),
            allowed => write!(f, "at most {}", list(allowed, allowed.len())),
        }
    }
}

impl QueueReport {
    /// The anomalies of a kind among those that `counts` lets through, by the operation that each counts for.
    pub fn of(&self, anomaly: QueueAnomaly, counts: impl Fn(usize) -> bool) -> impl Iterator<Item = &[usize]> {
        let of_kind = self.anomalies.iter().filter(move |(kind, _)| *kind == anomaly);
        of_kind.map(|(_, shown_by)| shown_by.as_slice()).filter(move |shown_by| counts(shown_by[0]))
    }

    /// How many anomalies of each kind there are, in words: `2 lost, 1 redelivered`.
    #[must_use]
    pub fn observed(&self, counts: impl Fn(usize) -> bool) -> String {
        let number = |anomaly: QueueAnomaly| (self.of(anomaly, &counts).count(), anomaly.name());
        let found = QueueAnomaly::ALL.map(number).into_iter().filter(|(number, _)| *number > 0);
        let found: Vec<_> = found.map(|(number, name)| format!("{number} {name}")).collect();
        if found.is_empty() { "no anomaly".to_owned() } else { list(&found, found.len()) }
    }

    /// The first anomaly of which there are more than allowed, with a sentence and the operations that show it.
    #[must_use]
    pub fn broken(
        &self,
        history: &History,
        limits: QueueLimits,
        counts: impl Fn(usize) -> bool,
    ) -> Option<(QueueAnomaly, String, &[usize])> {
        let kind = QueueAnomaly::ALL
            .into_iter()
            .find(|&anomaly| self.of(anomaly, &counts).count() as u64 > limits.of(anomaly))?;
        let found = self.of(kind, &counts).count();
        let first = self.of(kind, &counts).next()?;
        let told: Vec<String> = first.iter().map(|&operation| clause(history, operation)).collect();
        let sentence = format!("{} {}; the first: {}.", count(found, "element"), kind.name(), told.join("; "));
        Some((kind, sentence, first))
    }
}

/// Holds the queues of a history to their contract. `replicas` are what the live replicas hold at the end, if that is
/// known: an element that one of them holds is not lost.
///
/// An element that was put in several times may come out as often. A taking of unknown outcome may have taken anything: for
/// each, one element less is lost. Order is judged among elements that were put in once, by their first taking.
#[must_use]
pub fn queue_contract(history: &History, replicas: &[Replica]) -> QueueReport {
    let mut report = QueueReport::default();
    for (key, operations) in objects(history) {
        let queue = Queue::new(history, &operations);
        report.deliveries += queue.takings.values().map(|takings| takings.len() as u64).sum::<u64>();
        queue.count_takings(&mut report);
        queue.find_lost(held(replicas, key), &mut report);
        queue.find_reordered(&mut report);
    }
    report.anomalies.sort();
    report
}

/// The elements of a queue that live replicas hold at the end; `None` if there is no such replica.
fn held(replicas: &[Replica], key: Key) -> Option<BTreeSet<i64>> {
    let entries = replicas.iter().flat_map(|replica| &replica.entries).filter(|(other, ..)| *other == key);
    let elements = entries.flat_map(|(_, _, value)| match value {
        Value::List(elements) => elements.clone(),
        Value::Int(element) => vec![*element],
        _ => Vec::new(),
    });
    (!replicas.is_empty()).then(|| elements.collect())
}

/// The operations of one queue.
struct Queue<'h> {
    history: &'h History,
    /// By element: who put it in, or may have, in the order of invocation.
    puts: BTreeMap<i64, Vec<usize>>,
    /// By element: who took it, in the order of invocation.
    takings: BTreeMap<i64, Vec<usize>>,
    /// The last invocation of a taking that found nothing.
    last_empty: Option<usize>,
    /// Takings of unknown outcome.
    unknown: usize,
    /// Takings of known outcome that followed each other.
    series: Vec<Vec<usize>>,
}

impl<'h> Queue<'h> {
    fn new(history: &'h History, operations: &[usize]) -> Self {
        let mut queue = Self {
            history,
            puts: BTreeMap::new(),
            takings: BTreeMap::new(),
            last_empty: None,
            unknown: 0,
            series: Vec::new(),
        };
        queue.series = series(history, operations);
        for &index in operations {
            let operation = &history.operations[index];
            match (&operation.request, &operation.outcome) {
                (Request::Enqueue { element, .. }, Outcome::Ok(_) | Outcome::Info(_)) => {
                    queue.puts.entry(*element).or_default().push(index);
                }
                (Request::Dequeue { .. }, Outcome::Info(_)) => queue.unknown += 1,
                (Request::Dequeue { .. }, Outcome::Ok(Value::Int(element))) => {
                    queue.takings.entry(*element).or_default().push(index);
                }
                (Request::Dequeue { .. }, Outcome::Ok(Value::Nil) | Outcome::No(_)) => queue.last_empty = Some(index),
                _ => {}
            }
        }
        queue
    }

    fn precedes(&self, one: usize, other: usize) -> bool {
        let [one, other] = [one, other].map(|index| &self.history.operations[index]);
        precedes(one, other) || one.is_in_series_with(other) && one.number < other.number
    }

    fn is_acknowledged(&self, put: usize) -> bool {
        matches!(self.history.operations[put].outcome, Outcome::Ok(_))
    }

    /// What came out and was not in, or came out more often than it went in. What a taking may have taken was put in before it was
    /// over. So of two takings one may have taken whatever the other may, and as many as can be are explained if those go first that
    /// may have taken least.
    fn count_takings(&self, report: &mut QueueReport) {
        for (element, takings) in &self.takings {
            let puts = self.puts.get(element).map_or(&[][..], Vec::as_slice);
            let in_time = |taking: usize| puts.iter().filter(|&&put| !self.precedes(taking, put)).count();
            let mut by_choice: Vec<(usize, usize)> =
                takings.iter().map(|&taking| (in_time(taking), taking)).collect();
            by_choice.sort_by_key(|&(in_time, _)| in_time);
            let mut explained = Vec::new();
            for (in_time, taking) in by_choice {
                let is_over = |&earlier: &usize| self.precedes(earlier, taking);
                let (anomaly, shown_by) = if in_time == 0 {
                    (QueueAnomaly::Unexpected, [&[taking], puts].concat())
                } else if explained.len() < in_time {
                    explained.push(taking);
                    continue;
                } else if takings.iter().any(is_over) {
                    (QueueAnomaly::Redelivered, [&[taking], &*explained].concat())
                } else {
                    (QueueAnomaly::Duplicated, [&[taking], &*explained].concat())
                };
                report.anomalies.push((anomaly, shown_by));
            }
        }
    }

    fn find_lost(&self, held: Option<BTreeSet<i64>>, report: &mut QueueReport) {
        let mut lost = Vec::new();
        for (element, puts) in &self.puts {
            let mut acknowledged: Vec<usize> =
                puts.iter().copied().filter(|&put| self.is_acknowledged(put)).collect();
            acknowledged.sort_by_key(|&put| self.history.operations[put].completed);
            let taken = self.takings.get(element).map_or(0, Vec::len);
            let is_held = held.as_ref().map(|held| held.contains(element));
            // Of what was put in again and again, those that were in last are the ones that are missing.
            for &put in acknowledged.iter().skip(taken) {
                let found_empty = self.last_empty.filter(|&empty| self.precedes(put, empty));
                match (is_held, found_empty) {
                    (Some(true), _) => {}
                    (Some(false), empty) => lost.push([vec![put], empty.into_iter().collect()].concat()),
                    (None, Some(empty)) => lost.push(vec![put, empty]),
                    (None, None) => report.left += 1,
                }
            }
        }
        lost.sort();
        let certain = lost.len().saturating_sub(self.unknown);
        report.anomalies.extend(lost.into_iter().take(certain).map(|shown_by| (QueueAnomaly::Lost, shown_by)));
    }

    /// For each element the one that was put in after it and came out first of all those, if that was before it.
    fn find_reordered(&self, report: &mut QueueReport) {
        let time = |index: usize| &self.history.operations[index];
        let mut elements: Vec<(usize, usize)> = Vec::new();
        for (element, puts) in &self.puts {
            if let (&[put], Some(takings)) = (puts.as_slice(), self.takings.get(element)) {
                elements.push((put, takings[0]));
            }
        }
        elements.sort_by_key(|&(put, _)| (time(put).invoked, put));
        // The taking that ended first among the elements from each place on.
        let mut first_out: Vec<(usize, usize)> = elements.clone();
        for place in (1..first_out.len()).rev() {
            let (earlier, later) = (first_out[place - 1], first_out[place]);
            if time(later.1).completed < time(earlier.1).completed {
                first_out[place - 1] = later;
            }
        }
        let overtaken = self.overtaken_in_series(&elements);
        for &(put, taking) in elements.iter().filter(|&&(put, _)| self.is_acknowledged(put)) {
            if let Some(&(other_put, other_taking)) = overtaken.get(&taking) {
                report.anomalies.push((QueueAnomaly::Reordered, vec![taking, put, other_put, other_taking]));
                continue;
            }
            let put_in: Time = time(put).completed;
            let place = elements.partition_point(|&(other, _)| time(other).invoked <= put_in);
            if let Some(&(other_put, other_taking)) = first_out.get(place)
                && time(other_taking).completed < time(taking).invoked
            {
                report.anomalies.push((QueueAnomaly::Reordered, vec![taking, put, other_put, other_taking]));
            }
        }
    }

    /// Of each series the takings that came after one of an element that was put in later, with that put and taking; of
    /// several the one that was put in last. `elements` are puts with their takings.
    fn overtaken_in_series(&self, elements: &[(usize, usize)]) -> BTreeMap<usize, (usize, usize)> {
        let put_of: BTreeMap<usize, usize> = elements.iter().map(|&(put, taking)| (taking, put)).collect();
        let time = |index: usize| &self.history.operations[index];
        let mut overtaken = BTreeMap::new();
        for series in &self.series {
            let mut last: Option<(usize, usize)> = None;
            for (put, taking) in series.iter().filter_map(|&taking| Some((*put_of.get(&taking)?, taking))) {
                if let Some(other) = last.filter(|&(other, _)| time(put).completed < time(other).invoked) {
                    overtaken.insert(taking, other);
                }
                last = last.filter(|&(other, _)| time(other).invoked >= time(put).invoked).or(Some((put, taking)));
            }
        }
        overtaken
    }
}
