//! `quorum`: an always writeable store on R and W of N replicas, without a leader.
//!
//! `DeCandia` et al., Dynamo: Amazon's Highly Available Key-value Store, SOSP 2007. Every replica
//! [coordinates](coordinator) what it is asked, with the replicas that the key's place on a [ring](ring) names; these
//! [hold](replica) [versions](version) of it. What one of them misses, it gets by a read that finds it behind, from those who
//! [kept it meanwhile](hints), or when replicas [compare what they hold](anti_entropy).
//!
//! Quorums that overlap (R + W > N) let a read see every write that was acknowledged before it began, and no more than that:
//! a write that fails or is under way may be seen by one read and not by the next, so that objects are not linearizable.

mod anti_entropy;
mod coordinator;
mod failure_detector;
mod hints;
mod merkle;
mod message;
mod points;
mod record;
mod replica;
mod ring;
#[cfg(test)]
mod tests;
mod version;

use std::collections::{BTreeMap, BTreeSet};

use crate::host::{Birth, Context, DiskId, DiskResult, Key, Node, NodeId, NodeSet, Request, RequestId, View};
use crate::kernel::{Draw, Span};

use super::log::TORN_TAIL;
use super::{Crashes, Promise, Protocol, RarePoint, Tolerance};
use coordinator::Operation;
use failure_detector::FailureDetector;
use message::{Errand, QuorumMessage as Message};
use replica::Replica;
use ring::Ring;
use version::Versions;

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

/// A part of the protocol that can be left out, to see what it is there for. (Others are settings: numbers that overlap,
/// [`Versioning::VersionVectors`].)
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum QuorumSafeguard {
    /// A read gives the newest versions to those replicas that it finds behind.
    ReadRepair,
    /// What a replica does not take is kept for it by another.
    HintedHandoff,
    /// Replicas compare what they hold.
    AntiEntropy,
}

impl QuorumSafeguard {
    /// Every safeguard.
    pub const ALL: [Self; 3] = [Self::ReadRepair, Self::HintedHandoff, Self::AntiEntropy];

    /// Its name in scenario files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadRepair => "read_repair",
            Self::HintedHandoff => "hinted_handoff",
            Self::AntiEntropy => "anti_entropy",
        }
    }
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
    /// Whether the first N replicas *within reach* serve, so that others stand in for those of the preference list; if not,
    /// none but these count. It needs hinted handoff.
    pub sloppy: bool,
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
    /// How often a replica offers what it keeps for others; more than nothing.
    pub hand_off_every: Span,
    /// How often a replica compares what it holds with another one; more than nothing. After a time without faults and load
    /// of one such span for each other replica, all hold the same.
    pub anti_entropy_every: Span,
    /// How long it is remembered that an object was deleted; `None`: for ever.
    pub tombstones_for: Option<Span>,
    /// What is left out of the protocol. It promises the same without.
    pub without: BTreeSet<QuorumSafeguard>,
}

impl Quorum {
    fn is_without(&self, safeguard: QuorumSafeguard) -> bool {
        self.without.contains(&safeguard)
    }

    fn is_sloppy(&self) -> bool {
        self.sloppy && !self.is_without(QuorumSafeguard::HintedHandoff)
    }
}

impl Default for Quorum {
    /// N = 3, R = W = 2 (the common configuration of section 6), sloppy, with version vectors and 16 places on the ring; asks
    /// again after 50 ms, gives up after 500 ms, suspects after 200 ms, hands off and compares every 200 ms, keeps tombstones
    /// for ever, and leaves nothing out.
    fn default() -> Self {
        Self {
            n: 3,
            r: 2,
            w: 2,
            versions: Versioning::default(),
            sloppy: true,
            too_few: TooFew::default(),
            virtual_nodes: 16,
            ask_again_after: Span::from_millis(50),
            timeout: Span::from_millis(500),
            suspect_after: Span::from_millis(200),
            hand_off_every: Span::from_millis(200),
            anti_entropy_every: Span::from_millis(200),
            tombstones_for: None,
            without: BTreeSet::new(),
        }
    }
}

impl Protocol for Quorum {
    type Node = QuorumNode;

    fn node(&self, birth: Birth) -> QuorumNode {
        let first = NodeId(birth.id.0 - birth.replica);
        QuorumNode {
            ring: Ring::new(first, birth.replicas, self.virtual_nodes),
            replica: Replica::new(birth.id),
            settings: self.clone(),
            me: birth.id,
            first,
            failures: FailureDetector::default(),
            operations: BTreeMap::new(),
            next_operation: 0,
            actor: 0,
            counters: BTreeMap::new(),
            handing_off: BTreeMap::new(),
            tour: Vec::new(),
        }
    }

    /// An acknowledged write is on W disks, and goes only when a newer one replaces it; one that nobody calls newer stays as
    /// a sibling. It may go with a deletion that was forgotten too early.
    ///
    /// Where the quorums of a read and of a write always meet, a read sees every write that was acknowledged before it.
    /// Sloppy quorums need not meet, whatever their numbers. Never is an object linearizable: a write that has reached one
    /// replica may be seen by a read, and not by the next.
    fn memory_bytes(&self, objects: u64) -> Option<u64> {
        Some(objects.saturating_mul(replica::OBJECT_BYTES))
    }

    fn rare_paths(&self) -> &'static [&'static str] {
        &[
            "a hint was handed off",
            "a hint was kept",
            "a read found siblings",
            "a read repaired a replica",
            "a tombstone was dropped",
            "an operation was refused, because too few replicas seemed alive",
            "anti-entropy brought a version",
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
        let keeps_deletions = self.tombstones_for.is_none();
        let overlap = self.r + self.w > self.n && !self.sloppy;
        let promises = [
            (Promise::Durable, keeps_deletions),
            (Promise::Fresh, keeps_deletions && overlap),
            (Promise::Convergent, true),
        ];
        promises.into_iter().filter(|(_, holds)| *holds).map(|(promise, _)| promise).collect()
    }

    fn reads_wall_clock(&self) -> bool {
        self.versions == Versioning::LastWriterWins || self.tombstones_for.is_some()
    }

    fn tolerates(&self) -> Tolerance {
        let timings = &["ask_again_after", "timeout", "suspect_after", "hand_off_every", "anti_entropy_every"];
        let tolerance = Tolerance { timings, ..Tolerance::asynchronous(Crashes::All) };
        match self.versions {
            Versioning::VersionVectors => tolerance,
            Versioning::LastWriterWins => Tolerance { clocks: false, drift_ppb: 0, ..tolerance },
        }
    }

    fn refuses(&self, replicas: u32) -> Option<String> {
        (self.n > replicas)
            .then(|| format!("each object is held by n = {} of them, so there must be as many", self.n))
    }

    fn holds(&self, key: Key, replica: NodeId, replicas: &[NodeId]) -> bool {
        self.walk(key, replicas).take(self.n as usize).any(|node| node == replica)
    }

    /// By the numbers of the service; a request that wants other numbers is not known here.
    fn can_serve(&self, request: &Request, contact: NodeId, reachable: &NodeSet, replicas: &[NodeId]) -> bool {
        let Some(key) = request.key() else { return false };
        let needed = if request.is_read() { self.r } else { self.w };
        let serve = if self.is_sloppy() { replicas.len() } else { self.n as usize };
        let within_reach = self.walk(key, replicas).take(serve).filter(|node| reachable.contains(*node));
        reachable.contains(contact) && within_reach.count() >= needed as usize
    }
}

impl Quorum {
    /// The replicas of a service in the order in which they are to store the key.
    fn walk(&self, key: Key, replicas: &[NodeId]) -> impl Iterator<Item = NodeId> + use<> {
        let first = replicas.first().copied().unwrap_or(NodeId(0));
        let count = u32::try_from(replicas.len()).unwrap_or(u32::MAX);
        let walk: Vec<_> = Ring::new(first, count, self.virtual_nodes).walk(key).collect();
        walk.into_iter()
    }
}

/// A replica of [`Quorum`].
#[derive(Clone, Debug)]
pub struct QuorumNode {
    settings: Quorum,
    me: NodeId,
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
    /// What it has offered to owners, by a number of its own.
    handing_off: BTreeMap<u64, (Key, NodeId, Versions)>,
    /// With whom it still compares what it holds before it begins anew; the next is the last.
    tour: Vec<NodeId>,
}

impl QuorumNode {
    /// A number that this incarnation has not used.
    const fn next_operation(&mut self) -> u64 {
        let number = self.next_operation;
        self.next_operation = number.wrapping_add(1);
        number
    }

    /// The key's preference list.
    fn preferred(&self, key: Key) -> impl Iterator<Item = NodeId> {
        self.ring.walk(key).take(self.settings.n as usize)
    }
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
    /// To offer what is kept for others.
    HandOff,
    /// To compare what is held with another replica.
    AntiEntropy,
}

impl Node for QuorumNode {
    type Message = Message;
    type Timer = QuorumTimer;

    fn start(&mut self, cx: &mut Context<'_, Self>) {
        // Random numbers tell incarnations apart, but for a chance of about one in 2^63 for each ever started; a number on
        // the disk would be certain, and a sync more at every start.
        self.actor = cx.random().next_u64();
        self.next_operation = cx.random().next_u64();
        // The next times are regular; the first ones are drawn, or all replicas would do it at once.
        let timers = [
            (QuorumTimer::HandOff, self.settings.hand_off_every, QuorumSafeguard::HintedHandoff),
            (QuorumTimer::AntiEntropy, self.settings.anti_entropy_every, QuorumSafeguard::AntiEntropy),
        ];
        for (timer, every, _) in timers.into_iter().filter(|(.., safeguard)| !self.settings.is_without(*safeguard)) {
            let first = cx.random().below(every.as_nanos().max(1));
            cx.set_timer(timer, Span::from_nanos(first));
        }
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
            Message::Store { errand, key, owner, versions } => {
                self.replica.store(from, *errand, *key, *owner, versions, cx);
            }
            Message::Stored { errand: Errand::Operation(operation), owner } => {
                self.stored(from, *operation, *owner, cx);
            }
            Message::Stored { errand: Errand::HandOff(number), .. } => self.handed_off(*number, cx),
            Message::Stored { errand: Errand::Repair, .. } => {}
            Message::Compare { level, nodes } => self.compare(from, *level, nodes, cx),
            Message::Offer { leaves, objects } => self.offered(from, leaves, objects, cx),
        }
    }

    fn disk(&mut self, operation: DiskId, result: &DiskResult, cx: &mut Context<'_, Self>) {
        self.replica.disk(operation, result, cx);
    }

    fn timer(&mut self, timer: QuorumTimer, cx: &mut Context<'_, Self>) {
        match timer {
            QuorumTimer::AskAgain(operation) => self.ask_again(operation, cx),
            QuorumTimer::GiveUp(operation) => self.give_up(operation, cx),
            QuorumTimer::Bury(key) => self.replica.bury(key, cx),
            QuorumTimer::HandOff => self.hand_off(cx),
            QuorumTimer::AntiEntropy => self.compare_with_next(cx),
        }
    }

    fn observe(&self, view: &mut View) {
        self.replica.observe(view);
        view.waits_for.extend(self.operations.values().filter_map(|operation| operation.waits_for(self.first)));
    }
}
