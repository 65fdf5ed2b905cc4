//! The part of a node that holds objects, and the transactions that are prepared on them.
//!
//! What is prepared holds the locks: until its coordinator says what has become of it, nobody else prepares a write of
//! what it writes, or of what it read and has to find unchanged. A prepare never waits for a lock but is refused, so there
//! are no deadlocks. Reads lock nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::host::{Key, NodeId, Value, View};

use super::message::{Record, Share, TransactionalMessage as Message, Version, Write};
use super::points;
use super::versions::{Object, Put, Timestamp};
use super::{Cx, Deed, TransactionalNode, TransactionalSafeguard as Safeguard, TransactionalTimer as Timer};

/// What a version takes in memory, about.
pub(super) const VERSION_BYTES: u64 = 48;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Shard {
    objects: BTreeMap<Key, Object>,
    prepared: BTreeMap<Timestamp, Prepared>,
    /// Transactions whose fate is known here: what comes late of them is not looked at again.
    finished: BTreeSet<Timestamp>,
    /// Reads that wait for the fate of what is prepared, with those who asked.
    waiting: Vec<(NodeId, Read)>,
    versions: u64,
}

/// A share that this node will commit if it is told so.
#[derive(Clone, Debug)]
struct Prepared {
    coordinator: NodeId,
    share: Share,
    /// The record that has to be durable first.
    record: u64,
}

/// A question for what an object holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Read {
    pub(super) id: Timestamp,
    pub(super) place: u32,
    pub(super) key: Key,
    pub(super) version: Version,
}

impl Prepared {
    fn write_of(&self, key: Key) -> Option<&Write> {
        self.share.writes.iter().find(|write| write.key == key)
    }
}

impl Shard {
    /// Takes note of what the disk holds.
    pub(super) fn recover(&mut self, record: u64, what: Record) {
        match what {
            Record::Prepared { id, coordinator, share } => {
                self.prepared.insert(id, Prepared { coordinator, share, record });
            }
            Record::Committed { id, at } => self.finish(id, Some(at)),
            Record::Aborted(id) => self.finish(id, None),
            Record::Reserved(_) | Record::Decided { .. } | Record::Delivered(_) => {}
        }
    }

    /// Commits what is prepared at a time, or drops it.
    fn finish(&mut self, id: Timestamp, commit: Option<Timestamp>) {
        self.finished.insert(id);
        let Some(Prepared { share, .. }) = self.prepared.remove(&id) else { return };
        if let Some(at) = commit {
            for Write { key, puts, .. } in share.writes {
                self.versions += puts.len() as u64;
                self.objects.entry(key).or_default().put(at, puts);
            }
        }
    }

    /// The transactions that are prepared here, with their coordinators.
    pub(super) fn in_doubt(&self) -> Vec<(Timestamp, NodeId)> {
        self.prepared.iter().map(|(&id, prepared)| (id, prepared.coordinator)).collect()
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        (self.versions + self.finished.len() as u64) * VERSION_BYTES
    }

    fn since(&self, key: Key) -> Timestamp {
        self.objects.get(&key).map_or_else(Timestamp::default, Object::since)
    }

    /// The prepared transaction that writes an object; there is one at most.
    fn writer(&self, key: Key) -> Option<(Timestamp, &Write)> {
        self.prepared.iter().find_map(|(&id, prepared)| Some((id, prepared.write_of(key)?)))
    }

    /// What a read finds; `None` if it has to wait.
    fn find(&self, read: &Read, waits: bool) -> Option<(Value, Timestamp)> {
        let committed = |at| self.objects.get(&read.key).map_or_else(Default::default, |object| object.at(at));
        let last = Timestamp(u64::MAX);
        match read.version {
            // What began later commits later. What began earlier may have been given a commit timestamp that is
            // earlier than this snapshot, while this shard has not heard of it.
            Version::At(at) => {
                let is_open = waits && self.writer(read.key).is_some_and(|(id, _)| id < at);
                (!is_open).then(|| committed(at))
            }
            Version::Committed => Some(committed(last)),
            Version::Any => {
                let (value, since) = committed(last);
                let puts = self.writer(read.key).map_or(&[][..], |(_, write)| &write.puts);
                Some((puts.iter().fold(value, |held, put: &Put| put.apply(held)), since))
            }
        }
    }

    /// Why a share cannot be committed, if it cannot: another is prepared on the same objects, or they are not what
    /// the transaction saw.
    fn conflict(&self, share: &Share, settings: &super::Transactional) -> bool {
        let is_newer = |key: Key| share.snapshot.is_some_and(|snapshot| self.since(key) > snapshot);
        let is_read = |key: Key| self.prepared.values().any(|prepared| prepared.share.reads.contains(&key));
        let written = |write: &Write| {
            let has_changed = write.unchanged_since.is_some_and(|since| since != self.since(write.key));
            let is_late = settings.has(Safeguard::FirstCommitterWins) && is_newer(write.key);
            has_changed || is_late || is_read(write.key) || self.writer(write.key).is_some()
        };
        share.writes.iter().any(written) || share.reads.iter().any(|&key| is_newer(key) || self.writer(key).is_some())
    }

    pub(super) fn observe(&self, view: &mut View) {
        for (key, object) in &self.objects {
            let (value, since) = object.at(Timestamp(u64::MAX));
            view.entry(*key, since.0, value);
        }
        for (id, Prepared { coordinator, .. }) in &self.prepared {
            view.waits_for(format!("node {} to tell what becomes of transaction {}", coordinator.0, id.0));
        }
    }
}

impl TransactionalNode {
    pub(super) fn read(&mut self, from: NodeId, read: Read, cx: &mut Cx<'_>) {
        match self.shard.find(&read, self.settings.has(Safeguard::WaitForPrepared)) {
            Some((value, since)) => {
                let Read { id, place, .. } = read;
                cx.send(from, Message::Found { id, place, value, since });
            }
            None if self.shard.waiting.contains(&(from, read)) => {}
            None => {
                cx.reached("a read waited for what is prepared");
                self.shard.waiting.push((from, read));
            }
        }
    }

    /// Makes sure that a share can be committed, whatever happens to this node; refuses it if it cannot be.
    pub(super) fn prepare(&mut self, coordinator: NodeId, id: Timestamp, share: &Share, cx: &mut Cx<'_>) {
        if self.shard.finished.contains(&id) {
            return;
        }
        let yes = Deed::Send(coordinator, Message::Vote { id, can_commit: true });
        let is_durable_first = self.settings.has(Safeguard::DurablePrepare);
        if let Some(prepared) = self.shard.prepared.get(&id) {
            let record = if is_durable_first { prepared.record } else { 0 };
            self.after(record, yes, cx);
        } else if cx.maybe(points::REFUSE_PREPARE.name) {
            cx.send(coordinator, Message::Vote { id, can_commit: false });
        } else if self.shard.conflict(share, &self.settings) {
            cx.reached("a transaction met a conflict");
            cx.send(coordinator, Message::Vote { id, can_commit: false });
        } else if let Some(record) = self.log.push(Record::Prepared { id, coordinator, share: share.clone() }, cx) {
            self.shard.prepared.insert(id, Prepared { coordinator, share: share.clone(), record });
            cx.set_timer(Timer::Inquire(id), self.settings.resend_after);
            self.after(if is_durable_first { record } else { 0 }, yes, cx);
            if cx.maybe(points::INQUIRE_EARLY.name) {
                self.inquire(id, cx);
            }
        }
    }

    /// A coordinator tells what has become of a transaction. What is not prepared here was finished before.
    pub(super) fn finish(&mut self, from: NodeId, id: Timestamp, commit: Option<Timestamp>, cx: &mut Cx<'_>) {
        let done = commit.map(|_| Deed::Send(from, Message::Done { id }));
        if !self.shard.prepared.contains_key(&id) {
            self.shard.finished.insert(id);
            if let Some(done) = done {
                // Its record may still be on the way to the disk.
                let last = self.log.pending().next_back().map_or(0, |(number, _)| number);
                self.after(last, done, cx);
            }
            return;
        }
        let record = match commit {
            Some(at) => Record::Committed { id, at },
            None => Record::Aborted(id),
        };
        let Some(number) = self.log.push(record, cx) else { return };
        self.shard.finish(id, commit);
        cx.cancel_timer(Timer::Inquire(id));
        if let Some(done) = done {
            self.after(number, done, cx);
        }
        for (from, read) in std::mem::take(&mut self.shard.waiting) {
            self.read(from, read, cx);
        }
        cx.holds(self.shard.memory_bytes());
    }

    /// Asks what has become of what is prepared, now and again.
    pub(super) fn inquire(&mut self, id: Timestamp, cx: &mut Cx<'_>) {
        if let Some(&Prepared { coordinator, .. }) = self.shard.prepared.get(&id) {
            cx.reached("a shard asked what became of a transaction");
            cx.send(coordinator, Message::Inquire { id });
            cx.set_timer(Timer::Inquire(id), self.settings.resend_after);
        }
    }
}
