//! The contracts of queues, counters, locks and sources of ids, and durability, as `partita history` judges them.

use std::fmt;

use crate::check::{
    Consistent, FinalState, QueueAnomaly, QueueLimits, counter_bounds, lost_writes, mutual_exclusion, queue_contract,
    unique_ids,
};
use crate::host::Request;
use crate::load::{History, Outcome};

/// What is to hold of objects that need not be linearizable.
#[derive(Clone, Copy)]
pub(super) enum Contract {
    /// What goes in comes out, but for so many anomalies.
    Queue(QueueLimits),
    /// Sums lie between what was certainly added and what may have been, from this on.
    Bounds(i64),
    /// No id is given out twice.
    UniqueIds,
    /// Nobody holds a lock while somebody else does.
    MutualExclusion,
    /// What was acknowledged is there when it is read last.
    Durable,
}

/// How many anomalies of a kind there may be: `redelivered=3`.
pub(super) fn allowed(text: &str) -> Result<(QueueAnomaly, u64), String> {
    let (name, limit) = text.split_once('=').ok_or("write KIND=N, as in redelivered=3")?;
    let kind = QueueAnomaly::ALL.into_iter().find(|anomaly| anomaly.name() == name);
    let kind = kind.ok_or("KIND is lost, duplicated, reordered, redelivered or unexpected")?;
    Ok((kind, limit.parse().map_err(|_| "N is a number from 0 on")?))
}

impl Contract {
    /// The contract of a queue that may have so many anomalies.
    pub(super) fn of_queue(allowed: &[(QueueAnomaly, u64)]) -> Self {
        let none = QueueLimits::default();
        Self::Queue(allowed.iter().fold(none, |limits, &(kind, limit)| limits.with(kind, limit)))
    }

    pub(super) fn judge(self, history: &History) -> Consistent {
        match self {
            Self::Queue(limits) => queue(history, limits),
            Self::Bounds(initial) => bounds(history, initial),
            Self::UniqueIds => ids(history),
            Self::MutualExclusion => exclusion(history),
            Self::Durable => durability(history),
        }
    }
}

impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(limits) => limits.fmt(f),
            Self::Bounds(_) => f.write_str("bounds"),
            Self::UniqueIds => f.write_str("no id twice"),
            Self::MutualExclusion => f.write_str("mutual exclusion"),
            Self::Durable => f.write_str("durable"),
        }
    }
}

fn queue(history: &History, limits: QueueLimits) -> Consistent {
    let report = queue_contract(history, &[]);
    if let Some((anomaly, explanation, operations)) = report.broken(history, limits, |_| true) {
        let anomaly = Some(anomaly.name().to_owned());
        return Consistent::No { anomaly, explanation, operations: operations.to_vec() };
    }
    if report.left > limits.lost {
        let why = format!(
            "of what was put in, {} was not seen again, and nobody found the queue empty: whether it is lost is not known",
            report.left
        );
        return Consistent::Unknown { why };
    }
    Consistent::Yes(Some(report.observed(|_| true)))
}

fn bounds(history: &History, initial: i64) -> Consistent {
    let report = counter_bounds(history, initial, (None, None));
    let Some(first) = report.out_of_bounds.first() else { return Consistent::Yes(None) };
    let operations = report.out_of_bounds.iter().map(|sum| sum.operation).collect();
    Consistent::No { anomaly: Some(first.anomaly().to_owned()), explanation: first.story(history), operations }
}

fn ids(history: &History) -> Consistent {
    let ids = unique_ids(history);
    let Some(explanation) = ids.story(history) else { return Consistent::Yes(None) };
    let operations = ids.repeated.iter().flat_map(|&(again, first)| [first, again]).collect();
    Consistent::No { anomaly: None, explanation, operations }
}

fn exclusion(history: &History) -> Consistent {
    let found = mutual_exclusion(history);
    let Some((anomaly, explanation, operations)) = found.worst(history) else {
        return Consistent::Yes(Some(count(found.acquisitions, "acquisition")));
    };
    Consistent::No { anomaly: Some(anomaly.to_owned()), explanation, operations: operations.to_vec() }
}

fn durability(history: &History) -> Consistent {
    let found = lost_writes(history, &FinalState::default());
    if let Some(first) = found.lost.first() {
        let lost = count(found.lost.len() as u64, "acknowledged write");
        return Consistent::No {
            anomaly: Some("lost write".to_owned()),
            explanation: format!("{lost} lost; the first: {}", first.evidence),
            operations: [first.write].into_iter().chain(first.shown_by).collect(),
        };
    }
    let is_write = |request: &Request| !request.is_read();
    let acknowledged = |o: &&crate::load::Operation| is_write(&o.request) && matches!(o.outcome, Outcome::Ok(_));
    let acknowledged = history.operations.iter().filter(acknowledged).count();
    if acknowledged > 0 && found.examined == 0 {
        let why = "nobody read what was written after it was acknowledged, so whether it is lost is not known";
        return Consistent::Unknown { why: why.to_owned() };
    }
    let examined = count(found.examined as u64, "acknowledged write");
    Consistent::Yes(Some(format!("{examined} looked for in what was read last")))
}

/// `1 write`, `2 writes`.
fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
