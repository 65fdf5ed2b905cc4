//! `quorum`: an always writeable store on R and W of N replicas, without a leader.
//!
//! `DeCandia` et al., Dynamo: Amazon's Highly Available Key-value Store, SOSP 2007. Every replica
//! [coordinates](coordinator) what it is asked, with the replicas that the key's place on a [ring](ring) names; these
//! [hold](replica) [versions](version) of it.
//!
//! Quorums that overlap (R + W > N) let a read see every write that was acknowledged before it began, and no more than that:
//! a write that fails or is under way may be seen by one read and not by the next, so that objects are not linearizable.

mod coordinator;
mod failure_detector;
mod message;
mod record;
mod replica;
mod ring;
#[cfg(test)]
mod tests;
mod version;

use std::collections::BTreeMap;

use crate::host::{Birth, Context, DiskId, DiskResult, Key, Node, NodeId, NodeSet, Request, RequestId, View};
use crate::kernel::{Draw, Span};

use super::{Crashes, Promise, Protocol, Tolerance};
use coordinator::Operation;
use failure_detector::FailureDetector;
use message::QuorumMessage as Message;
use replica::Replica;
use ring::Ring;

/// How two writes of one object are put in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Versioning {
    /// By what the client had seen; those that had not seen each other are siblings, and reads answer with both.
    #[default]
    VersionVectors,
    /// By the coordinators' wall clocks; the older one is lost.
    LastWriterWins,
}

/// What a coordinator does when too few replicas seem to be alive.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TooFew {
    /// It refuses at once, and nothing is done.
    #[default]
    Fail,
    /// It asks on until its timeout.
    Wait,
}

/// The kind `quorum`, with its settings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quorum {
    /// How many replicas hold an object (N); from 1 to the number of replicas.
    pub n: u32,
    /// How many replicas have to answer a read (R); from 1 to N.
    pub r: u32,
    /// How many replicas have to store a write (W); from 1 to N.
    pub w: u32,
    /// How writes are put in order.
    pub versions: Versioning,
    /// What happens when too few replicas seem to be alive.
    pub too_few: TooFew,
    /// In how many places of the ring a replica stands; at least 1.
    pub virtual_nodes: u32,
    /// After how long a coordinator asks those replicas again that have not answered; more than nothing.
    pub ask_again_after: Span,
    /// How long a coordinator tries before it gives an operation up.
    pub timeout: Span,
    /// After how long a replica that does not answer is believed to have failed.
    pub suspect_after: Span,
    /// How long a replica remembers that an object was deleted; `None`: for ever.
    pub tombstones_for: Option<Span>,
}

impl Default for Quorum {
    /// N = 3, R = W = 2 (the common configuration of section 6), version vectors, 16 places on the ring; asks again after
    /// 50 ms, gives up after 500 ms, suspects after 200 ms, and keeps tombstones for ever.
    fn default() -> Self {
        Self {
            n: 3,
            r: 2,
            w: 2,
            versions: Versioning::default(),
            too_few: TooFew::default(),
            virtual_nodes: 16,
            ask_again_after: Span::from_millis(50),
            timeout: Span::from_millis(500),
            suspect_after: Span::from_millis(200),
            tombstones_for: None,
        }
    }
}

impl Protocol for Quorum {
    type Node = QuorumNode;

    fn node(&self, birth: Birth) -> QuorumNode {
        let first = NodeId(birth.id.0 - birth.replica);
        QuorumNode {
            ring: Ring::new(first, birth.replicas, self.virtual_nodes),
            replica: Replica::new(self.tombstones_for),
            settings: self.clone(),
            first,
            failures: FailureDetector::default(),
            operations: BTreeMap::new(),
            next_operation: 0,
            actor: 0,
            counters: BTreeMap::new(),
        }
    }

    /// An acknowledged write is on W disks, and goes only when a newer one replaces it; one that nobody calls newer stays as
    /// a sibling. It may go with a deletion that was forgotten too early.
    ///
    /// Where the quorums of a read and of a write always meet, a read sees every write that was acknowledged before it.
    /// Never is an object linearizable: a write that has reached one replica may be seen by a read, and not by the next.
    fn promises(&self) -> Vec<Promise> {
        let keeps_deletions = self.tombstones_for.is_none();
        let overlap = self.r + self.w > self.n;
        let promises = [(Promise::Durable, keeps_deletions), (Promise::Fresh, keeps_deletions && overlap)];
        promises.into_iter().filter(|(_, holds)| *holds).map(|(promise, _)| promise).collect()
    }

    fn tolerates(&self) -> Tolerance {
        let clocks = self.versions == Versioning::VersionVectors;
        Tolerance { clocks, ..Tolerance::asynchronous(Crashes::All) }
    }

    fn refuses(&self, replicas: u32) -> Option<String> {
        (self.n > replicas)
            .then(|| format!("each object is held by n = {} of them, so there must be as many", self.n))
    }

    /// By the numbers of the service; a request that wants other numbers is not known here.
    fn can_serve(&self, request: &Request, contact: NodeId, reachable: &NodeSet, replicas: &[NodeId]) -> bool {
        let (Some(&first), Some(key)) = (replicas.first(), request.key()) else { return false };
        let count = u32::try_from(replicas.len()).unwrap_or(u32::MAX);
        let ring = Ring::new(first, count, self.virtual_nodes);
        let needed = if request.is_read() { self.r } else { self.w };
        let preferred = ring.walk(key).take(self.n as usize);
        reachable.contains(contact) && preferred.filter(|node| reachable.contains(*node)).count() >= needed as usize
    }
}

/// A replica of [`Quorum`].
#[derive(Clone, Debug)]
pub struct QuorumNode {
    settings: Quorum,
    /// The first replica of the service.
    first: NodeId,
    ring: Ring,
    replica: Replica,
    failures: FailureDetector,
    /// What this node coordinates.
    operations: BTreeMap<u64, Operation>,
    /// The number of the next operation.
    next_operation: u64,
    /// Its name in the dots of the writes that it coordinates, of this incarnation alone.
    actor: u64,
    /// How many writes of each object this incarnation has coordinated.
    counters: BTreeMap<Key, u64>,
}

/// A timer of [`QuorumNode`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum QuorumTimer {
    /// To ask again for an operation that it coordinates.
    AskAgain(u64),
    /// To give one up.
    GiveUp(u64),
    /// To forget that an object was deleted.
    Bury(Key),
}

impl Node for QuorumNode {
    type Message = Message;
    type Timer = QuorumTimer;

    fn start(&mut self, cx: &mut Context<'_, Self>) {
        // Random numbers tell incarnations apart, but for a chance of about one in 2^63 for each ever started; a number on
        // the disk would be certain, and a sync more at every start.
        self.actor = cx.random().next_u64();
        self.next_operation = cx.random().next_u64();
        self.replica.start(cx);
    }

    fn request(&mut self, id: RequestId, request: &Request, cx: &mut Context<'_, Self>) {
        self.begin(id, request, cx);
    }

    fn receive(&mut self, from: NodeId, message: &Message, cx: &mut Context<'_, Self>) {
        self.failures.heard(from);
        match message {
            Message::Query { operation, key } => self.replica.query(from, *operation, *key, cx),
            Message::Found { operation, versions } => self.found(from, *operation, versions, cx),
            Message::Store { operation, key, versions } => self.replica.store(from, *operation, *key, versions, cx),
            Message::Stored { operation } => self.stored(from, *operation, cx),
        }
    }

    fn disk(&mut self, operation: DiskId, result: &DiskResult, cx: &mut Context<'_, Self>) {
        self.replica.disk(operation, result, cx);
    }

    fn timer(&mut self, timer: QuorumTimer, cx: &mut Context<'_, Self>) {
        match timer {
            QuorumTimer::AskAgain(operation) => self.ask(operation, cx),
            QuorumTimer::GiveUp(operation) => self.give_up(operation, cx),
            QuorumTimer::Bury(key) => self.replica.bury(key, cx),
        }
    }

    fn observe(&self, view: &mut View) {
        self.replica.observe(view);
        view.waits_for.extend(self.operations.values().map(|operation| operation.waits_for(self.first)));
    }
}
