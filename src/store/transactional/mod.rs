//! `transactional`: objects spread over shards, and transactions across them.
//!
//! Every node holds the objects of one shard, as versions in the order of time, and coordinates the transactions that it
//! is asked for; the first also [hands out timestamps](oracle). Reads take place in a snapshot (Berenson and others,
//! "A Critique of ANSI SQL Isolation Levels", SIGMOD 1995, section 4.2; the snapshot's timestamp as in Percolator, OSDI
//! 2010), writes wait at the [coordinator] until the end, and are then committed by two phases with presumed abort
//! (Mohan, Lindsay and Obermarck, "Transaction Management in the R* Distributed Database Management System", ACM TODS 11(4),
//! 1986): every [shard] that is concerned prepares, which is the only time that anything is locked, and the coordinator's
//! record of the decision is the commit.
//!
//! Nothing is replicated: a shard that is down, or an oracle, is missed, and a coordinator that goes down in the middle leaves
//! what is prepared locked until it is back. That is what two-phase commit costs.

mod coordinator;
mod message;
mod oracle;
mod order;
mod points;
mod shard;
#[cfg(test)]
mod tests;
mod versions;

use std::collections::BTreeSet;

use crate::host::{
    Birth, Context, DiskId, DiskResult, Key, Node, NodeId, NodeSet, NotDone, Reply, Request, RequestId, View, Watch,
};
use crate::kernel::{Draw, Span};

use super::log::{Acceptance, Log, LogEvent, TORN_TAIL};
use super::{Crashes, Promise, Protocol, RarePoint, Tolerance};
use coordinator::Coordinator;
use message::{Record, TransactionalMessage as Message};
use oracle::Oracle;
use order::Order;
use shard::{Read, Shard};
use versions::Timestamp;

/// What the transactions of a store may see of each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Isolation {
    /// What is committed, and what may never be. Writes of two transactions do not mix.
    ReadUncommitted,
    /// What is committed at the time of each read.
    ReadCommitted,
    /// What was committed when the transaction began; of two that write one object at a time one is aborted.
    Snapshot,
    /// The same, and what was read has not changed until the commit.
    Serializable,
}

/// A part of the protocol that can be left out, to see what it is there for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TransactionalSafeguard {
    /// A shard says that it can commit only when what it prepared is durable.
    DurablePrepare,
    /// A coordinator tells of a decision only when it is durable.
    DurableDecision,
    /// A read in a snapshot waits for the fate of what is prepared and may belong to it.
    WaitForPrepared,
    /// A transaction is aborted that writes what another has written since its snapshot.
    FirstCommitterWins,
    /// A serializable transaction is aborted if what it read has changed.
    ReadValidation,
}

impl TransactionalSafeguard {
    /// Every safeguard.
    pub const ALL: [Self; 5] = [
        Self::DurablePrepare,
        Self::DurableDecision,
        Self::WaitForPrepared,
        Self::FirstCommitterWins,
        Self::ReadValidation,
    ];

    /// Its name in scenario files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DurablePrepare => "durable_prepare",
            Self::DurableDecision => "durable_decision",
            Self::WaitForPrepared => "wait_for_prepared",
            Self::FirstCommitterWins => "first_committer_wins",
            Self::ReadValidation => "read_validation",
        }
    }
}

/// The kind `transactional`, with its settings. A replica is a shard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transactional {
    /// What transactions may see of each other.
    pub isolation: Isolation,
    /// After how long is asked again what was not answered; more than nothing.
    pub resend_after: Span,
    /// How long a coordinator tries before it gives a transaction up. What it has decided it delivers for ever.
    pub timeout: Span,
    /// What is left out of the protocol. It promises the same without.
    pub without: BTreeSet<TransactionalSafeguard>,
}

impl Default for Transactional {
    /// Serializable; asks again after 50 ms, gives up after 500 ms, and leaves nothing out.
    fn default() -> Self {
        Self {
            isolation: Isolation::Serializable,
            resend_after: Span::from_millis(50),
            timeout: Span::from_millis(500),
            without: BTreeSet::new(),
        }
    }
}

impl Transactional {
    fn has(&self, safeguard: TransactionalSafeguard) -> bool {
        !self.without.contains(&safeguard)
    }
}

/// Which of `count` shards holds an object.
fn shard_of(key: Key, count: usize) -> usize {
    usize::try_from(key.0 % count as u64).unwrap_or(0)
}

/// How many versions of an object a run leaves, about; none is ever forgotten.
const VERSIONS: u64 = 16;

impl Protocol for Transactional {
    type Node = TransactionalNode;

    fn node(&self, birth: Birth) -> TransactionalNode {
        TransactionalNode {
            settings: self.clone(),
            birth,
            log: Log::new("transactions", Acceptance::Durable),
            is_open: false,
            deeds: Vec::new(),
            oracle: Oracle::default(),
            shard: Shard::default(),
            coordinator: Coordinator::default(),
        }
    }

    fn order(&self) -> Option<Box<dyn Watch<TransactionalNode>>> {
        Some(Box::new(Order::default()))
    }

    fn memory_bytes(&self, objects: u64) -> Option<u64> {
        Some(objects.saturating_mul(VERSIONS * shard::VERSION_BYTES))
    }

    fn rare_paths(&self) -> &'static [&'static str] {
        &[
            "a read waited for what is prepared",
            "a shard asked what became of a transaction",
            "a transaction met a conflict",
            TORN_TAIL,
        ]
    }

    fn rare_points() -> &'static [RarePoint] {
        &points::ALL
    }

    fn recovers(&self) -> bool {
        true
    }

    fn promises(&self) -> Vec<Promise> {
        let isolation = match self.isolation {
            Isolation::Serializable => Promise::StrictSerializable,
            Isolation::Snapshot => Promise::SnapshotIsolation,
            Isolation::ReadCommitted => Promise::ReadCommitted,
            Isolation::ReadUncommitted => Promise::ReadUncommitted,
        };
        vec![isolation, Promise::Durable]
    }

    fn reads_wall_clock(&self) -> bool {
        false
    }

    fn tolerates(&self) -> Tolerance {
        Tolerance::asynchronous(Crashes::All)
    }

    fn holds(&self, key: Key, replica: NodeId, replicas: &[NodeId]) -> bool {
        replicas.get(shard_of(key, replicas.len())) == Some(&replica)
    }

    /// The contact needs the oracle, and the shard of every object.
    fn can_serve(&self, request: &Request, contact: NodeId, reachable: &NodeSet, replicas: &[NodeId]) -> bool {
        let shards = coordinator::parts(request).iter().filter_map(Request::key);
        let shards = shards.map(|key| replicas[shard_of(key, replicas.len())]);
        reachable.contains(contact)
            && shards.chain(replicas.first().copied()).all(|needed| reachable.contains(needed))
    }
}

/// A node of [`Transactional`].
#[derive(Clone, Debug)]
pub struct TransactionalNode {
    settings: Transactional,
    birth: Birth,
    log: Log<Record>,
    is_open: bool,
    /// What is done once a record of this number is durable.
    deeds: Vec<(u64, Deed)>,
    oracle: Oracle,
    shard: Shard,
    coordinator: Coordinator,
}

/// What waits for the disk.
#[derive(Clone, Debug)]
enum Deed {
    Send(NodeId, Message),
    /// The oracle hands out timestamps up to this one.
    Reserved(Timestamp),
    /// The coordinator tells that it has committed a transaction.
    Announce(Timestamp),
}

/// A timer of [`TransactionalNode`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TransactionalTimer {
    /// To ask the oracle again for the begin of what was asked for under this number.
    Begin(u64),
    /// To give that up.
    GiveUpBegin(u64),
    /// To ask again what a transaction waits for.
    Press(Timestamp),
    /// To give it up.
    GiveUp(Timestamp),
    /// To tell shards again that it is committed.
    Deliver(Timestamp),
    /// To ask its coordinator again what has become of it.
    Inquire(Timestamp),
}

type Cx<'a> = Context<'a, TransactionalNode>;

impl Node for TransactionalNode {
    type Message = Message;
    type Timer = TransactionalTimer;

    fn start(&mut self, cx: &mut Cx<'_>) {
        // As in the majority register: messages to an earlier incarnation are still under way, and have other numbers.
        self.coordinator.next = cx.random().next_u64();
        self.log.open(cx);
    }

    fn request(&mut self, id: RequestId, request: &Request, cx: &mut Cx<'_>) {
        let is_known =
            |part: &Request| matches!(part, Request::Read { .. } | Request::Write { .. } | Request::Append { .. });
        if coordinator::parts(request).iter().all(is_known) {
            self.begin(id, request, cx);
        } else {
            cx.reply(id, Reply::NotDone(NotDone::Unsupported));
        }
    }

    /// A node that has not read its log yet knows nothing; it will be asked again.
    fn receive(&mut self, from: NodeId, message: &Message, cx: &mut Cx<'_>) {
        if !self.is_open {
            return;
        }
        match message {
            Message::Ask { number, purpose } => self.ask((from, *number, *purpose), cx),
            Message::Stamp { number, purpose, at } => self.stamped(*number, *purpose, *at, cx),
            Message::Read { id, place, key, version } => {
                self.read(from, Read { id: *id, place: *place, key: *key, version: *version }, cx);
            }
            Message::Found { id, place, value, since } => self.found(*id, *place, value, *since, cx),
            Message::Prepare { id, share } => self.prepare(from, *id, share, cx),
            Message::Vote { id, can_commit } => self.voted(from, *id, *can_commit, cx),
            Message::Commit { id, at } => self.finish(from, *id, Some(*at), cx),
            Message::Abort { id } => self.finish(from, *id, None, cx),
            Message::Done { id } => self.delivered(from, *id, cx),
            Message::Inquire { id } => self.inquired(from, *id, cx),
        }
    }

    fn disk(&mut self, operation: DiskId, result: &DiskResult, cx: &mut Cx<'_>) {
        match self.log.disk(operation, result, cx) {
            LogEvent::Nothing => {}
            LogEvent::Recovered(records) => {
                for (number, record) in records {
                    if let Record::Reserved(limit) = record {
                        self.oracle.recover(limit);
                    }
                    self.coordinator.recover(&record);
                    self.shard.recover(number, record);
                }
            }
            LogEvent::Opened => {
                self.is_open = true;
                self.shard.in_doubt().into_iter().for_each(|(id, _)| self.inquire(id, cx));
                self.coordinator.undelivered().into_iter().for_each(|id| self.deliver(id, cx));
                cx.holds(self.shard.memory_bytes());
                cx.ready();
            }
            LogEvent::Accepted(_) => self.do_what_waited(cx),
            // What it holds may not be what is on its disk, so it has to read that again.
            LogEvent::Failed(_) => cx.exit("its disk has failed"),
        }
    }

    fn timer(&mut self, timer: TransactionalTimer, cx: &mut Cx<'_>) {
        match timer {
            TransactionalTimer::Begin(number) => self.ask_to_begin(number, cx),
            TransactionalTimer::GiveUpBegin(number) => self.give_up_begin(number, cx),
            TransactionalTimer::Press(id) => self.press(id, cx),
            TransactionalTimer::GiveUp(id) => self.give_up(id, cx),
            TransactionalTimer::Deliver(id) => self.deliver(id, cx),
            TransactionalTimer::Inquire(id) => self.inquire(id, cx),
        }
    }

    fn observe(&self, view: &mut View) {
        self.shard.observe(view);
        self.coordinator.observe(self.birth.id.0 - self.birth.replica, view);
        view.applied(self.log.accepted());
        view.waits_for.extend(self.log.waits_for().map(|what| format!("waits for {what}")));
    }
}

impl TransactionalNode {
    /// Does something once the record of this number is durable.
    fn after(&mut self, record: u64, deed: Deed, cx: &mut Cx<'_>) {
        if record > self.log.accepted() {
            self.deeds.push((record, deed));
        } else {
            self.perform(deed, cx);
        }
    }

    fn do_what_waited(&mut self, cx: &mut Cx<'_>) {
        let accepted = self.log.accepted();
        let due: Vec<_> = self.deeds.extract_if(.., |(number, _)| *number <= accepted).collect();
        due.into_iter().for_each(|(_, deed)| self.perform(deed, cx));
    }

    fn perform(&mut self, deed: Deed, cx: &mut Cx<'_>) {
        match deed {
            Deed::Send(to, message) => cx.send(to, message),
            Deed::Reserved(limit) => self.reserved(limit, cx),
            Deed::Announce(id) => self.announce(id, cx),
        }
    }
}
