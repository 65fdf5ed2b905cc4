//! The part of a node that holds versions and answers coordinators.

use std::collections::BTreeMap;

use crate::host::{Context, DiskId, DiskResult, Key, NodeId, View};
use crate::kernel::Span;
use crate::store::log::{Acceptance, Log, LogEvent};

use super::message::QuorumMessage as Message;
use super::record::Change;
use super::version::Versions;
use super::{QuorumNode, QuorumTimer as Timer};

/// Versions in memory, and the log that they are recovered from.
///
/// A replica answers for what it holds durably and for nothing else: section 5 of the Dynamo paper offers to write to memory
/// first for its speed, and says that a crash then loses writes.
#[derive(Clone, Debug)]
pub(super) struct Replica {
    log: Log<Change>,
    is_open: bool,
    held: BTreeMap<Key, Versions>,
    /// The change that must be accepted first, and the answer that waits for it.
    waiting: Vec<(u64, NodeId, Message)>,
    /// How long tombstones are kept; `None`: for ever.
    tombstones_for: Option<Span>,
}

type Cx<'a> = Context<'a, QuorumNode>;

impl Replica {
    pub(super) const fn new(tombstones_for: Option<Span>) -> Self {
        let log = Log::new("versions", Acceptance::Durable);
        Self { log, is_open: false, held: BTreeMap::new(), waiting: Vec::new(), tombstones_for }
    }

    pub(super) fn start(&mut self, cx: &mut Cx<'_>) {
        self.log.open(cx);
    }

    /// What this replica holds of an object, durably.
    fn held(&self, key: Key) -> &Versions {
        self.held.get(&key).unwrap_or(const { &Versions::NONE })
    }

    /// Answers a query. A replica that has not read its log yet does not know the answer; it will be asked again.
    pub(super) fn query(&self, from: NodeId, operation: u64, key: Key, cx: &mut Cx<'_>) {
        if self.is_open {
            cx.send(from, Message::Found { operation, versions: self.held(key).clone() });
        }
    }

    /// Holds these versions, and says so once they are durable. What a full or failed disk does not take is not
    /// acknowledged; the coordinator asks again.
    pub(super) fn store(&mut self, from: NodeId, operation: u64, key: Key, versions: &Versions, cx: &mut Cx<'_>) {
        if !self.is_open {
            return;
        }
        let is_pending = |change: &Change| match change {
            Change::Merge { key: of, versions: pending } => *of == key && pending.covers_all(versions),
            Change::Bury { .. } => false,
        };
        let awaited = if self.held(key).covers_all(versions) {
            Some(self.log.accepted())
        } else {
            let pending = self.log.pending().find(|(_, change)| is_pending(change)).map(|(number, _)| number);
            pending.or_else(|| self.log.push(Change::Merge { key, versions: versions.clone() }, cx))
        };
        if let Some(number) = awaited {
            self.waiting.push((number, from, Message::Stored { operation }));
            self.answer(cx);
        }
    }

    /// Forgets an object of which only tombstones are left. They took up room for as long as was asked; from now on a
    /// replica that missed the deletion all that time brings the old value back.
    pub(super) fn bury(&mut self, key: Key, cx: &mut Cx<'_>) {
        if self.held(key).is_deleted() && self.log.push(Change::Bury { key }, cx).is_some() {
            cx.reached("a tombstone was dropped");
        }
    }

    pub(super) fn disk(&mut self, done: DiskId, result: &DiskResult, cx: &mut Cx<'_>) {
        match self.log.disk(done, result, cx) {
            LogEvent::Nothing => {}
            LogEvent::Opened => {
                self.is_open = true;
                cx.ready();
            }
            LogEvent::Recovered(changes) | LogEvent::Accepted(changes) => {
                changes.into_iter().for_each(|(_, change)| self.apply(change, cx));
                self.answer(cx);
            }
            LogEvent::Failed(_) => self.waiting.clear(),
        }
    }

    fn apply(&mut self, change: Change, cx: &mut Cx<'_>) {
        match change {
            Change::Merge { key, versions } => {
                let held = self.held.entry(key).or_default();
                held.merge(&versions);
                if let Some(span) = self.tombstones_for.filter(|_| held.is_deleted()) {
                    cx.set_timer(Timer::Bury(key), span);
                }
            }
            // A version that came in the meantime stays.
            Change::Bury { key } => {
                if self.held(key).is_deleted() {
                    self.held.remove(&key);
                }
            }
        }
    }

    fn answer(&mut self, cx: &mut Cx<'_>) {
        let accepted = self.log.accepted();
        for (_, to, message) in self.waiting.extract_if(.., |(number, ..)| *number <= accepted) {
            cx.send(to, message);
        }
    }

    pub(super) fn observe(&self, view: &mut View) {
        for (key, versions) in &self.held {
            view.entry(*key, versions.age(), versions.value());
        }
        view.waits_for.extend(self.log.waits_for().map(|what| format!("waits for {what}")));
    }
}
