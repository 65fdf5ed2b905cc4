//! The contracts of queues, counters and sources of ids, as `partita history` judges them.

use std::fmt;

use crate::check::{Consistent, QueueAnomaly, QueueLimits, counter_bounds, queue_contract, unique_ids};
use crate::load::History;

/// What is to hold of objects that need not be linearizable.
#[derive(Clone, Copy)]
pub(super) enum Contract {
    /// What goes in comes out, but for so many anomalies.
    Queue(QueueLimits),
    /// Sums lie between what was certainly added and what may have been, from this on.
    Bounds(i64),
    /// No id is given out twice.
    UniqueIds,
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
        }
    }
}

impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue(limits) => limits.fmt(f),
            Self::Bounds(_) => f.write_str("bounds"),
            Self::UniqueIds => f.write_str("no id twice"),
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
