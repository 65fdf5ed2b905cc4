//! Cycles in plain words, a sentence per edge.

use super::super::verdict::Edge;
use super::anomaly::Anomaly;
use super::cycles::{Cycle, Step};
use super::graph::{Dependency, Fact, Link};
use super::history::TransactionHistory;
use super::level::Order;

pub(super) fn tell(history: &TransactionHistory, cycle: Cycle) -> Anomaly {
    let edges: Vec<_> = cycle.steps.iter().map(|step| edge(history, step)).collect();
    let story = edges.iter().map(|edge| edge.words.clone()).collect();
    let transactions = cycle.steps.iter().map(|step| step.from).collect();
    Anomaly { kind: cycle.kind, order: cycle.order, transactions, story, edges }
}

fn edge(history: &TransactionHistory, step: &Step) -> Edge {
    let kind = match step.link {
        Link::Precedes(Order::Realtime) => "realtime",
        Link::Precedes(_) => "session",
        Link::Depends { dependency: Dependency::Write, .. } => "ww",
        Link::Depends { dependency: Dependency::Read, .. } => "wr",
        Link::Depends { .. } => "rw",
    };
    let key = step.fact.map(|fact| fact.key);
    Edge { from: step.from, to: Some(step.to), kind, key, words: sentence(history, step) }
}

/// Why the second transaction of an edge comes after the first.
fn sentence(history: &TransactionHistory, step: &Step) -> String {
    let (a, b) = (history.name(step.from), history.name(step.to));
    let (one, two) = (&history.transactions()[step.from], &history.transactions()[step.to]);
    match (step.link, step.fact) {
        (Link::Depends { dependency, by, .. }, Some(fact)) => dependence(a, b, dependency, by, &fact),
        (Link::Precedes(Order::Realtime), _) => {
            format!("{a} was over at {}, before {b} began at {}.", one.completed, two.invoked)
        }
        (Link::Precedes(_) | Link::Depends { .. }, _) => format!("{a} comes before {b} in session {}.", one.session),
    }
}

fn dependence(a: &str, b: &str, dependency: Dependency, by: Order, fact: &Fact) -> String {
    let Fact { key, is_list, .. } = fact;
    let shown = |version: Option<i64>| version.map_or_else(|| "nil".into(), |value| value.to_string());
    let (from, to) = (shown(fact.from), shown(fact.to));
    match (dependency, is_list) {
        // Of lists only.
        (Dependency::Write, _) => format!("{a} appends {from} to {key}, and {b} appends {to} after it."),
        (Dependency::Read, true) => format!("{a} appends {from} to {key}, which {b} reads."),
        (Dependency::Read, false) => format!("{a} writes {key} = {from}, which {b} reads."),
        (_, true) => match fact.from {
            None => format!("{a} reads {key} when it is empty, without {to}, which {b} appends."),
            Some(_) => format!("{a} reads {key} up to {from}, without {to}, which {b} appends."),
        },
        (_, false) => match by {
            Order::Any => format!("{a} reads {key} = {from}, which {b} replaces by {to}."),
            Order::Session => {
                format!("{a} reads {key} = {from}, and {b} writes {to}; in one session {from} was there before {to}.")
            }
            Order::Realtime => {
                format!("{a} reads {key} = {from}, and {b} writes {to}; in real time {from} was there before {to}.")
            }
        },
    }
}
