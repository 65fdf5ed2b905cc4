//! The part of a node that holds versions and answers coordinators.

use std::collections::BTreeMap;

use crate::host::{Context, DiskId, DiskResult, Key, NodeId, View};
use crate::kernel::stable_hash;
use crate::store::log::{Acceptance, Failure, Log, LogEvent};

use super::hints::Hints;
use super::message::{Errand, QuorumMessage as Message};
use super::record::Change;
use super::version::Versions;
use super::{QuorumNode, QuorumTimer as Timer};

/// What an object takes in memory, about: a key, and a version with its past.
pub(super) const OBJECT_BYTES: u64 = 256;

/// Versions in memory, and the log that they are recovered from.
///
/// A replica answers for what it holds durably and for nothing else: section 5 of the Dynamo paper offers to write to memory
/// first for its speed, and says that a crash then loses writes.
#[derive(Clone, Debug)]
pub(super) struct Replica {
    me: NodeId,
    log: Log<Change>,
    is_open: bool,
    held: BTreeMap<Key, Object>,
    pub(super) hints: Hints,
    /// The change that must be accepted first, and the answer that waits for it.
    waiting: Vec<(u64, NodeId, Message)>,
}

/// What a replica holds of one object.
#[derive(Clone, Debug, Default)]
pub(super) struct Object {
    pub(super) versions: Versions,
    /// Of the versions.
    pub(super) hash: u64,
}

type Cx<'a> = Context<'a, QuorumNode>;

impl Replica {
    pub(super) fn new(me: NodeId) -> Self {
        Self {
            me,
            log: Log::new("versions", Acceptance::Durable),
            is_open: false,
            held: BTreeMap::new(),
            hints: Hints::default(),
            waiting: Vec::new(),
        }
    }

    pub(super) fn start(&mut self, cx: &mut Cx<'_>) {
        self.log.open(cx);
    }

    /// Whether it knows what it holds.
    pub(super) const fn is_open(&self) -> bool {
        self.is_open
    }

    /// What this replica holds of an object, durably.
    pub(super) fn held(&self, key: Key) -> &Versions {
        self.held.get(&key).map_or(const { &Versions::NONE }, |object| &object.versions)
    }

    /// All that it holds, in the order of the keys.
    pub(super) fn objects(&self) -> impl Iterator<Item = (Key, &Object)> {
        self.held.iter().map(|(key, object)| (*key, object))
    }

    /// Answers a query, with what is kept for others too: a quorum of whoever is within reach meets another in those who
    /// stand in. A replica that has not read its log yet does not know the answer; it will be asked again.
    pub(super) fn query(&self, from: NodeId, operation: u64, key: Key, cx: &mut Cx<'_>) {
        if self.is_open {
            let mut versions = self.held(key).clone();
            self.hints.of(key).for_each(|kept| versions.merge(kept));
            cx.send(from, Message::Found { operation, versions });
        }
    }

    /// Holds these versions, or keeps them for their owner, and says so once they are durable. What a full or failed disk does
    /// not take is not acknowledged; the coordinator asks again.
    pub(super) fn store(
        &mut self,
        from: NodeId,
        errand: Errand,
        key: Key,
        owner: NodeId,
        new: &Versions,
        cx: &mut Cx<'_>,
    ) {
        let versions = new.clone();
        let is_kept =
            if owner == self.me { self.held(key).covers_all(new) } else { self.hints.covers_all(key, owner, new) };
        let change =
            if owner == self.me { Change::Merge { key, versions } } else { Change::Keep { key, owner, versions } };
        let awaited = if is_kept && self.is_open { Some(self.log.accepted()) } else { self.change(change, cx) };
        if let Some(number) = awaited {
            self.waiting.push((number, from, Message::Stored { errand, owner }));
            self.answer(cx);
        }
    }

    /// Writes a change to the log, unless it is on its way there. Answers the number of the record to wait for; `None` if the
    /// log takes none now.
    pub(super) fn change(&mut self, change: Change, cx: &mut Cx<'_>) -> Option<u64> {
        let pending = self.log.pending().find(|(_, pending)| **pending == change).map(|(number, _)| number);
        pending.or_else(|| self.log.push(change, cx))
    }

    /// Forgets an object of which only tombstones are left whose time is over. From now on a replica that missed the deletion
    /// all that time brings the old value back.
    pub(super) fn bury(&mut self, key: Key, cx: &mut Cx<'_>) {
        let now = cx.wall_now().nanos;
        let Some(at) = self.held(key).forgotten_at() else { return };
        if at > now {
            cx.set_wall_timer(Timer::Bury(key), at);
        } else if self.change(Change::Bury { key }, cx).is_some() {
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
            LogEvent::Failed(Failure::NotWritten) => self.waiting.clear(),
            // What it holds may not be what is on its disk, so it has to read that again.
            LogEvent::Failed(Failure::Unknown) => cx.exit("its disk has failed"),
        }
        cx.holds(self.held.len() as u64 * OBJECT_BYTES);
    }

    fn apply(&mut self, change: Change, cx: &mut Cx<'_>) {
        match change {
            Change::Merge { key, versions } => {
                let object = self.held.entry(key).or_default();
                object.versions.merge(&versions);
                object.hash = stable_hash(&object.versions);
                if let Some(at) = object.versions.forgotten_at() {
                    cx.set_wall_timer(Timer::Bury(key), at);
                }
            }
            Change::Bury { key } => {
                if self.held(key).is_deleted() {
                    self.held.remove(&key);
                }
            }
            Change::Keep { key, owner, versions } => self.hints.keep(key, owner, &versions),
            Change::Release { key, owner, versions } => self.hints.release(key, owner, &versions),
        }
    }

    fn answer(&mut self, cx: &mut Cx<'_>) {
        let accepted = self.log.accepted();
        for (_, to, message) in self.waiting.extract_if(.., |(number, ..)| *number <= accepted) {
            cx.send(to, message);
        }
    }

    pub(super) fn observe(&self, view: &mut View) {
        for (key, Object { versions, .. }) in &self.held {
            view.entry(*key, versions.age(), versions.value());
        }
        view.waits_for.extend(self.log.waits_for().map(|what| format!("waits for {what}")));
    }
}
