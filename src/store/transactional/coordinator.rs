//! The part of a node that carries out the transactions that it is asked for.
//!
//! A transaction asks the oracle for its snapshot, reads one object after the other, keeps what it writes to itself, and is
//! then committed: every shard prepares its share, the oracle gives a commit timestamp, and the coordinator writes down
//! that it is so. Of what no record says that it is committed, it is not: whoever asks is told so (presumed abort).

use std::collections::{BTreeMap, BTreeSet};

use crate::host::{Key, NodeId, NotDone, Reply, Request, RequestId, Value, View};
use crate::kernel::Span;

use super::message::{Purpose, Record, Share, TransactionalMessage as Message, Version, Write};
use super::points;
use super::shard_of;
use super::versions::{Put, Timestamp};
use super::{
    Cx, Deed, Isolation, TransactionalNode, TransactionalSafeguard as Safeguard, TransactionalTimer as Timer,
};

/// See the module. A crash forgets everything but what is decided.
#[derive(Clone, Debug, Default)]
pub(super) struct Coordinator {
    /// The number of the next question to the oracle.
    pub(super) next: u64,
    /// What waits for its snapshot, by the number of the question.
    beginning: BTreeMap<u64, Asked>,
    open: BTreeMap<Timestamp, Transaction>,
    /// What is committed, and the shards that have not said yet that they have it.
    decided: BTreeMap<Timestamp, (Timestamp, BTreeSet<NodeId>)>,
}

/// What a client asked for.
#[derive(Clone, Debug)]
struct Asked {
    by: RequestId,
    request: Request,
    /// When it is given up, on the monotonic clock.
    deadline: u64,
}

/// A transaction that is not decided, or whose decision nobody knows yet.
#[derive(Clone, Debug)]
struct Transaction {
    asked: Asked,
    progress: Progress,
    phase: Phase,
}

/// What a transaction has come to know, and wants to do.
#[derive(Clone, Debug, Default)]
struct Progress {
    /// What its reads found, in their order.
    answers: Vec<Value>,
    /// What it has seen of an object and goes on to see, without its own writes, and since when that was so.
    seen: BTreeMap<Key, (Value, Timestamp)>,
    writes: BTreeMap<Key, Vec<Put>>,
}

#[derive(Clone, Debug)]
enum Phase {
    /// It asks for what the operation at this place reads.
    Reading { place: u32, key: Key },
    /// It asks shards to prepare: those that have not said yes, and all of them.
    Preparing { missing: BTreeMap<NodeId, Share>, shards: Vec<NodeId> },
    /// It asks for a commit timestamp.
    Stamping { shards: Vec<NodeId> },
    /// It waits until its commit at this time is durable.
    Deciding { at: Timestamp, shards: Vec<NodeId> },
}

/// What a request asks for, one after the other.
pub(super) fn parts(request: &Request) -> &[Request] {
    match request {
        Request::Transaction(parts) => parts,
        alone => std::slice::from_ref(alone),
    }
}

/// What comes next in a transaction.
enum Next {
    Read { place: u32, key: Key },
    Commit,
}

impl Progress {
    /// Carries out what needs nobody else, from the operation at `place` on.
    fn go_on(&mut self, request: &Request, place: u32, isolation: Isolation) -> Next {
        let Self { answers, seen, writes } = self;
        for (place, part) in (0u32..).zip(parts(request)).skip(place as usize) {
            let put = match part {
                Request::Write { value, .. } => Put::Value(value.clone()),
                Request::Append { element, .. } => Put::Element(*element),
                _ => {
                    let Some(key) = part.key() else { continue };
                    let own = writes.get(&key).map_or(&[][..], Vec::as_slice);
                    let base = match seen.get(&key) {
                        Some((value, _)) if isolation >= Isolation::Snapshot || !own.is_empty() => value.clone(),
                        // What it wrote replaces whatever was there.
                        _ if own.iter().any(|put| matches!(put, Put::Value(_))) => Value::Nil,
                        _ => return Next::Read { place, key },
                    };
                    answers.push(own.iter().fold(base, |held, put| put.apply(held)));
                    continue;
                }
            };
            if let Some(key) = part.key() {
                writes.entry(key).or_default().push(put);
            }
        }
        Next::Commit
    }

    /// What each shard has to do with its commit.
    fn shares(&self, id: Timestamp, settings: &super::Transactional, nodes: &[NodeId]) -> BTreeMap<NodeId, Share> {
        let mut shares: BTreeMap<NodeId, Share> = BTreeMap::new();
        let shard = |key: Key| nodes[shard_of(key, nodes.len())];
        let is_snapshot = settings.isolation >= Isolation::Snapshot;
        // One that has seen nothing takes place in the snapshot of its commit.
        let snapshot = (is_snapshot && !self.seen.is_empty()).then_some(id);
        for (&key, puts) in &self.writes {
            let seen = self.seen.get(&key).map(|&(_, since)| since);
            let write = Write { key, puts: puts.clone(), unchanged_since: seen.filter(|_| !is_snapshot) };
            shares.entry(shard(key)).or_default().writes.push(write);
        }
        if settings.isolation == Isolation::Serializable && settings.has(Safeguard::ReadValidation) {
            for &key in self.seen.keys().filter(|key| !self.writes.contains_key(key)) {
                shares.entry(shard(key)).or_default().reads.push(key);
            }
        }
        shares.values_mut().for_each(|share| share.snapshot = snapshot);
        shares
    }
}

impl Transaction {
    fn waits_for(&self, id: Timestamp, first: u32) -> String {
        let number = |node: &NodeId| (node.0 - first).to_string();
        let what = match &self.phase {
            Phase::Reading { key, .. } => format!("the shard of {key} to answer"),
            Phase::Preparing { missing, .. } => {
                format!("shards {} to prepare", missing.keys().map(number).collect::<Vec<_>>().join(", "))
            }
            Phase::Stamping { .. } => "shard 0 to give a commit timestamp".to_owned(),
            Phase::Deciding { .. } => "its disk to keep the decision".to_owned(),
        };
        format!("in transaction {}, {what}", id.0)
    }
}

impl Coordinator {
    /// Takes note of what the disk holds.
    pub(super) fn recover(&mut self, record: &Record) {
        match record {
            Record::Decided { id, at, shards } => {
                self.decided.insert(*id, (*at, shards.iter().copied().collect()));
            }
            Record::Delivered(id) => {
                self.decided.remove(id);
            }
            _ => {}
        }
    }

    /// What is committed, and some shard may not know it.
    pub(super) fn undelivered(&self) -> Vec<Timestamp> {
        self.decided.keys().copied().collect()
    }

    /// What a client asked of a transaction that is open.
    pub(super) fn asked(&self, id: Timestamp) -> Option<&Request> {
        self.open.get(&id).map(|transaction| &transaction.asked.request)
    }

    /// Whether a transaction is committed, and some shard may not know it.
    pub(super) fn has_decided(&self, id: Timestamp) -> bool {
        self.decided.contains_key(&id)
    }

    pub(super) fn observe(&self, first: u32, view: &mut View) {
        if !self.beginning.is_empty() {
            view.waits_for(format!("shard 0 to give {} transactions a snapshot", self.beginning.len()));
        }
        view.waits_for.extend(self.open.iter().map(|(&id, transaction)| transaction.waits_for(id, first)));
        for (id, (_, missing)) in &self.decided {
            let missing: Vec<_> = missing.iter().map(|node| (node.0 - first).to_string()).collect();
            view.waits_for(format!("shards {} to commit transaction {}", missing.join(", "), id.0));
        }
    }
}

impl TransactionalNode {
    pub(super) fn begin(&mut self, by: RequestId, request: &Request, cx: &mut Cx<'_>) {
        let number = self.coordinator.next;
        self.coordinator.next = number.wrapping_add(1);
        let deadline = cx.monotonic_now().saturating_add(self.settings.timeout.as_nanos());
        self.coordinator.beginning.insert(number, Asked { by, request: request.clone(), deadline });
        cx.set_timer(Timer::GiveUpBegin(number), self.settings.timeout);
        self.ask_to_begin(number, cx);
    }

    pub(super) fn ask_to_begin(&mut self, number: u64, cx: &mut Cx<'_>) {
        if self.coordinator.beginning.contains_key(&number) {
            self.ask_oracle(number, Purpose::Begin, cx);
            cx.set_timer(Timer::Begin(number), self.settings.resend_after);
        }
    }

    fn ask_oracle(&self, number: u64, purpose: Purpose, cx: &mut Cx<'_>) {
        if let Some(oracle) = cx.replicas().next() {
            cx.send(oracle, Message::Ask { number, purpose });
        }
    }

    pub(super) fn give_up_begin(&mut self, number: u64, cx: &mut Cx<'_>) {
        if let Some(asked) = self.coordinator.beginning.remove(&number) {
            cx.cancel_timer(Timer::Begin(number));
            cx.reply(asked.by, Reply::NotDone(NotDone::Unavailable));
        }
    }

    pub(super) fn stamped(&mut self, number: u64, purpose: Purpose, at: Timestamp, cx: &mut Cx<'_>) {
        match purpose {
            Purpose::Begin => {
                let Some(asked) = self.coordinator.beginning.remove(&number) else { return };
                cx.cancel_timer(Timer::Begin(number));
                cx.cancel_timer(Timer::GiveUpBegin(number));
                let left = asked.deadline.saturating_sub(cx.monotonic_now());
                cx.set_timer(Timer::GiveUp(at), Span::from_nanos(left));
                self.go_on(at, asked, Progress::default(), 0, cx);
            }
            // A transaction is named by the timestamp that it began with, and asks under that.
            Purpose::Commit => self.decide(Timestamp(number), at, cx),
        }
    }

    /// Carries a transaction on from the operation at `place`.
    fn go_on(&mut self, id: Timestamp, asked: Asked, mut progress: Progress, place: u32, cx: &mut Cx<'_>) {
        let phase = match progress.go_on(&asked.request, place, self.settings.isolation) {
            Next::Read { place, key } => Phase::Reading { place, key },
            // What only reads has seen what it may see, and needs no more.
            Next::Commit if progress.writes.is_empty() => {
                cx.cancel_timer(Timer::GiveUp(id));
                return answer(asked, progress, cx);
            }
            Next::Commit => {
                let nodes: Vec<_> = cx.replicas().collect();
                let missing = progress.shares(id, &self.settings, &nodes);
                let shards = missing.keys().copied().collect();
                Phase::Preparing { missing, shards }
            }
        };
        self.coordinator.open.insert(id, Transaction { asked, progress, phase });
        self.press(id, cx);
    }

    /// Asks for what a transaction waits for, now and again.
    pub(super) fn press(&mut self, id: Timestamp, cx: &mut Cx<'_>) {
        let Some(transaction) = self.coordinator.open.get(&id) else { return };
        match &transaction.phase {
            Phase::Reading { place, key } => {
                let version = match self.settings.isolation {
                    Isolation::Serializable | Isolation::Snapshot => Version::At(id),
                    // What it is going to write is put behind what is committed.
                    Isolation::ReadUncommitted if !transaction.progress.writes.contains_key(key) => Version::Any,
                    Isolation::ReadCommitted | Isolation::ReadUncommitted => Version::Committed,
                };
                let message = Message::Read { id, place: *place, key: *key, version };
                let count = cx.replicas().len();
                if let Some(shard) = cx.replicas().nth(shard_of(*key, count)) {
                    cx.send(shard, message);
                }
            }
            Phase::Preparing { missing, .. } => {
                for (&shard, share) in missing {
                    cx.send(shard, Message::Prepare { id, share: share.clone() });
                }
            }
            Phase::Stamping { .. } => self.ask_oracle(id.0, Purpose::Commit, cx),
            Phase::Deciding { .. } => return,
        }
        cx.set_timer(Timer::Press(id), self.settings.resend_after);
    }

    /// A shard tells what an object held.
    pub(super) fn found(&mut self, id: Timestamp, place: u32, value: &Value, since: Timestamp, cx: &mut Cx<'_>) {
        let Some(Transaction { phase: Phase::Reading { place: awaited, key }, .. }) = self.coordinator.open.get(&id)
        else {
            return;
        };
        let key = *key;
        if place != *awaited {
            return;
        }
        let Some(Transaction { asked, mut progress, .. }) = self.close(id, cx) else { return };
        let own = progress.writes.get(&key);
        let held = own.into_iter().flatten().fold(value.clone(), |held, put| put.apply(held));
        progress.answers.push(held);
        if self.settings.isolation >= Isolation::Snapshot || own.is_some() {
            progress.seen.insert(key, (value.clone(), since));
        }
        self.go_on(id, asked, progress, place + 1, cx);
    }

    /// A shard says whether it can commit.
    pub(super) fn voted(&mut self, from: NodeId, id: Timestamp, can_commit: bool, cx: &mut Cx<'_>) {
        let Some(transaction) = self.coordinator.open.get_mut(&id) else { return };
        let Phase::Preparing { missing, shards } = &mut transaction.phase else { return };
        if !can_commit {
            return self.abort(id, Reply::No(Value::Nil), cx);
        }
        missing.remove(&from);
        if missing.is_empty() {
            transaction.phase = Phase::Stamping { shards: std::mem::take(shards) };
            self.press(id, cx);
        }
    }

    /// Commits what every shard has prepared.
    fn decide(&mut self, id: Timestamp, at: Timestamp, cx: &mut Cx<'_>) {
        let Some(transaction) = self.coordinator.open.get_mut(&id) else { return };
        let Phase::Stamping { shards } = &mut transaction.phase else { return };
        let shards = std::mem::take(shards);
        let Some(record) = self.log.push(Record::Decided { id, at, shards: shards.clone() }, cx) else { return };
        transaction.phase = Phase::Deciding { at, shards };
        let is_durable_first = self.settings.has(Safeguard::DurableDecision);
        self.after(if is_durable_first { record } else { 0 }, Deed::Announce(id), cx);
    }

    /// Tells client and shards that a transaction is committed.
    pub(super) fn announce(&mut self, id: Timestamp, cx: &mut Cx<'_>) {
        let Some(Transaction { phase: Phase::Deciding { at, shards }, .. }) = self.coordinator.open.get(&id) else {
            return;
        };
        self.coordinator.decided.insert(id, (*at, shards.iter().copied().collect()));
        if let Some(Transaction { asked, progress, .. }) = self.close(id, cx) {
            cx.cancel_timer(Timer::GiveUp(id));
            answer(asked, progress, cx);
        }
        if cx.maybe(points::DELIVER_LATE.name) {
            cx.set_timer(Timer::Deliver(id), self.settings.resend_after);
        } else {
            self.deliver(id, cx);
        }
    }

    /// Tells the shards that have not confirmed it that a transaction is committed, now and again.
    pub(super) fn deliver(&mut self, id: Timestamp, cx: &mut Cx<'_>) {
        if let Some((at, missing)) = self.coordinator.decided.get(&id) {
            missing.iter().for_each(|&shard| cx.send(shard, Message::Commit { id, at: *at }));
            cx.set_timer(Timer::Deliver(id), self.settings.resend_after);
        }
    }

    /// A shard has committed.
    pub(super) fn delivered(&mut self, from: NodeId, id: Timestamp, cx: &mut Cx<'_>) {
        let Some((_, missing)) = self.coordinator.decided.get_mut(&id) else { return };
        missing.remove(&from);
        if missing.is_empty() {
            self.coordinator.decided.remove(&id);
            cx.cancel_timer(Timer::Deliver(id));
            self.log.push(Record::Delivered(id), cx);
        }
    }

    /// A shard asks what has become of a transaction. Nothing yet, if it is open: the shard will be told.
    pub(super) fn inquired(&mut self, from: NodeId, id: Timestamp, cx: &mut Cx<'_>) {
        match self.coordinator.decided.get(&id) {
            Some(&(at, ref missing)) if missing.contains(&from) => cx.send(from, Message::Commit { id, at }),
            _ if self.coordinator.open.contains_key(&id) => {}
            // Not committed, or the shard has committed it already and this is an echo.
            _ => cx.send(from, Message::Abort { id }),
        }
    }

    /// Gives up what is not decided in time.
    pub(super) fn give_up(&mut self, id: Timestamp, cx: &mut Cx<'_>) {
        match self.coordinator.open.get(&id) {
            Some(Transaction { phase: Phase::Deciding { .. }, .. }) => {}
            _ => self.abort(id, Reply::NotDone(NotDone::Unavailable), cx),
        }
    }

    fn abort(&mut self, id: Timestamp, reply: Reply, cx: &mut Cx<'_>) {
        let Some(transaction) = self.coordinator.open.get(&id) else { return };
        if let Phase::Preparing { shards, .. } | Phase::Stamping { shards } = &transaction.phase {
            shards.iter().for_each(|&shard| cx.send(shard, Message::Abort { id }));
        }
        let by = transaction.asked.by;
        self.close(id, cx);
        cx.cancel_timer(Timer::GiveUp(id));
        cx.reply(by, reply);
    }

    fn close(&mut self, id: Timestamp, cx: &mut Cx<'_>) -> Option<Transaction> {
        cx.cancel_timer(Timer::Press(id));
        self.coordinator.open.remove(&id)
    }
}

/// Answers that a transaction is committed, and what it read.
fn answer(Asked { by, request, .. }: Asked, mut progress: Progress, cx: &mut Cx<'_>) {
    let found = match request {
        Request::Transaction(_) => Value::Answers(progress.answers),
        _ => progress.answers.pop().unwrap_or_default(),
    };
    cx.reply(by, Reply::Ok(found));
}
