//! Liveness: once everything has healed, does every client get on?

use std::collections::{BTreeMap, BTreeSet};

use crate::host::Request;
use crate::kernel::{Span, Time};
use crate::load::{History, Operation};

use super::sentence::{count, list};

/// What clients were asked after everything had healed, and what nodes still waited for in the end.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recovery {
    /// When everything had healed.
    pub healed: Time,
    /// An operation by every client on every object that it uses.
    pub probes: History,
    /// By operation: whether nobody could have served it, because of what stays failed.
    pub excused: Vec<bool>,
    /// What nodes wait for, with their names, when the last of the operations has ended or was given up.
    pub pending: Vec<(String, Vec<String>)>,
}

/// What became of a recovery within a budget of time.
pub(super) enum Liveness {
    /// Nobody was asked anything that could have been answered.
    Vacuous,
    /// Every client got on; the slowest operation took so long from the heal on.
    Live { probes: usize, slowest: Span },
    /// Some operations did not end in time; the story of it.
    Stuck { observed: String, story: String },
}

/// How many objects and nodes a story names.
const NAMED: usize = 5;

impl Recovery {
    /// Whether every client completed an operation on every object that it uses within this time.
    pub(super) fn within(&self, within: Span) -> Liveness {
        let asked = self.probes.operations.iter().zip(&self.excused).filter(|&(_, &excused)| !excused);
        let asked: Vec<&Operation> = asked.map(|(operation, _)| operation).collect();
        let took = |operation: &Operation| operation.completed.since(self.healed);
        let is_stuck = |operation: &&&Operation| !operation.outcome.is_answered() || took(operation) > within;
        let stuck: Vec<&Operation> = asked.iter().filter(is_stuck).copied().collect();
        if asked.is_empty() {
            return Liveness::Vacuous;
        }
        if stuck.is_empty() {
            let slowest = asked.iter().map(|operation| took(operation)).max().unwrap_or_default();
            return Liveness::Live { probes: asked.len(), slowest };
        }
        let what = |operation: &&Operation| match operation.request.key() {
            Some(key) => key.to_string(),
            None => operation.request.kind().to_owned(),
        };
        let client = |index: u32| self.probes.clients.get(index as usize).map_or("?", String::as_str);
        let clients: BTreeSet<u32> = stuck.iter().map(|operation| operation.client).collect();
        let sentences = clients.into_iter().map(|index| {
            let on: Vec<_> = stuck.iter().filter(|operation| operation.client == index).map(what).collect();
            format!("{} on {}", client(index), list(&on, NAMED))
        });
        let sentences: Vec<_> = sentences.collect();
        let pending: Vec<_> =
            self.pending.iter().map(|(node, reasons)| format!("{node} waits for {}", list(reasons, NAMED))).collect();
        let pending = match pending.as_slice() {
            [] => "No node says that it waits for anything.".to_owned(),
            nodes => format!("{}.", nodes.join("; ")),
        };
        Liveness::Stuck {
            observed: format!("{} of {} got nowhere", stuck.len(), count(asked.len(), "operation")),
            story: format!(
                "Everything had healed at {}, and {within} later no operation had been completed by {}. {pending}",
                self.healed,
                list(&sentences, NAMED)
            ),
        }
    }
}

/// The operations that put a client's liveness to the test: for each object that it used the last read that it asked
/// for, or else a plain read.
#[must_use]
pub fn probes(history: &History, client: u32) -> Vec<Request> {
    let mut reads = BTreeMap::new();
    for operation in history.operations.iter().filter(|operation| operation.client == client) {
        let parts = match &operation.request {
            Request::Transaction(parts) => parts.as_slice(),
            request => std::slice::from_ref(request),
        };
        for request in parts {
            match request.key() {
                _ if request.is_read() => {
                    reads.insert(request.key(), request.clone());
                }
                Some(key) => {
                    reads.entry(Some(key)).or_insert(Request::Read { key });
                }
                None => {}
            }
        }
    }
    reads.into_values().collect()
}
