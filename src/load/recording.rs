//! What a load leaves behind.

use std::collections::BTreeMap;

use crate::host::{CallId, NodeId};

use super::client::Ended;
use super::{History, Operation, ScriptedOperation};

/// The history of a run, and what else is known of its operations.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recording {
    /// What the clients did.
    pub history: History,
    /// For each operation of the history: whom it asked, attempt by attempt, the last one last.
    pub contacts: Vec<Vec<NodeId>>,
    /// For each operation of the history: by which calls it asked them. The trace knows these numbers.
    pub calls: Vec<Vec<CallId>>,
    /// For each operation of the history: its session, as its client counts them, and how many replicas it wanted to
    /// answer, if it said so itself.
    scripted: Vec<(u32, Option<u32>)>,
    /// Operations that were meant to start and never did, with their clients: no session was free in time.
    unstarted: Vec<(u32, ScriptedOperation)>,
}

impl Recording {
    /// Puts together what ended and what never started, each with the number of its client.
    pub(super) fn new(
        clients: Vec<String>,
        mut ended: Vec<(u32, Ended)>,
        unstarted: Vec<(u32, ScriptedOperation)>,
    ) -> Self {
        ended.sort_by_key(|(client, ended)| (ended.invoked, *client, ended.planned.number));
        let mut recording = Self {
            history: History { clients, operations: Vec::with_capacity(ended.len()) },
            contacts: Vec::with_capacity(ended.len()),
            calls: Vec::with_capacity(ended.len()),
            scripted: Vec::with_capacity(ended.len()),
            unstarted,
        };
        // Numbered in the order of their first operations, sessions are unique in the whole history.
        let mut ids = BTreeMap::new();
        for (client, ended) in ended {
            let unused = ids.len() as u64;
            let session = *ids.entry((client, ended.session, ended.replaced)).or_insert(unused);
            recording.scripted.push((ended.session, ended.planned.answers));
            recording.contacts.push(ended.contacts);
            recording.calls.push(ended.calls);
            recording.history.operations.push(Operation {
                client,
                number: ended.planned.number,
                session,
                request: ended.planned.request,
                intended: ended.planned.at,
                invoked: ended.invoked,
                completed: ended.completed,
                outcome: ended.outcome,
            });
        }
        recording
    }

    /// Adds what other clients did after all that is here: they are numbered, and so are their sessions, after those.
    pub fn append(&mut self, later: Self) {
        let history = &mut self.history;
        let first_client = u32::try_from(history.clients.len()).unwrap_or(u32::MAX);
        let first_session = history.operations.iter().map(|operation| operation.session + 1).max().unwrap_or(0);
        history.clients.extend(later.history.clients);
        history.operations.extend(later.history.operations.into_iter().map(|operation| Operation {
            client: first_client + operation.client,
            session: first_session + operation.session,
            ..operation
        }));
        self.contacts.extend(later.contacts);
        self.calls.extend(later.calls);
        self.scripted.extend(later.scripted);
        let unstarted = later.unstarted.into_iter().map(|(client, planned)| (first_client + client, planned));
        self.unstarted.extend(unstarted);
    }

    /// How many operations were meant to start and never did, because no session was free in time. They are not in
    /// the history.
    #[must_use]
    pub fn never_started(&self) -> usize {
        self.unstarted.len()
    }

    /// What the client of this number was asked to do, operation by operation: as a script it replays to the same
    /// history and the same digest, if nothing else is changed. Each says whom it asked first, so that it asks the same when
    /// others are taken out.
    #[must_use]
    pub fn script(&self, client: u32) -> Vec<ScriptedOperation> {
        let started = self.history.operations.iter().zip(&self.scripted).zip(&self.contacts);
        let mut script: Vec<_> = started
            .filter(|((operation, _), _)| operation.client == client)
            .map(|((operation, &(session, answers)), contacts)| ScriptedOperation {
                number: operation.number,
                session: Some(session),
                at: operation.intended,
                request: operation.request.clone(),
                answers,
                asks: contacts.first().copied(),
            })
            .chain(self.unstarted.iter().filter(|(of, _)| *of == client).map(|(_, planned)| planned.clone()))
            .collect();
        script.sort_by_key(|operation| (operation.at, operation.number));
        script
    }
}
