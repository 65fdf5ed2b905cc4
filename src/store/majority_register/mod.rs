//! `majority_register`: linearizable registers on a majority of replicas, without a leader.
//!
//! Attiya, Bar-Noy and Dolev, Sharing Memory Robustly in Message-Passing Systems, Journal of the ACM 42(1), 1995 (the
//! unbounded emulator), for many writers as in Lynch and Shvartsman, Robust Emulation of Shared Memory Using Dynamic
//! Quorum-Acknowledged Broadcasts, FTCS 1997; a textbook account is Cachin, Guerraoui and Rodrigues, Reliable and Secure
//! Distributed Programming, 2011, section 4.4. Every replica [holds](replica) each register with a
//! [tag](message::Tag) and [coordinates](coordinator) what it is asked.
//!
//! There is no compare-and-set: registers of this kind cannot solve consensus (Herlihy, Wait-Free Synchronization, 1991),
//! which compare-and-set does.
//!
//! Replicas need not become equal: one that missed a write stays behind until an operation on that register reaches it.

mod coordinator;
mod message;
mod order;
mod points;
mod replica;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::host::{
    Birth, Context, DiskId, DiskResult, Node, NodeId, NodeSet, NotDone, Reply, Request, RequestId, View, Watch,
};
use crate::kernel::{Draw, Span};

use super::log::{Acceptance, TORN_TAIL};
use super::{Crashes, Promise, Protocol, RarePoint, Tolerance};
use coordinator::Operation;
use message::{MajorityRegisterMessage as Message, Update};
use order::Order;
use replica::Replica;

/// A part of the protocol that can be left out, to see what it is there for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MajorityRegisterSafeguard {
    /// A read lets a majority hold what it has found before it answers.
    ReadWriteBack,
    /// A replica acknowledges what it stores only when it is durable.
    SyncBeforeAck,
    /// A write asks a majority for the newest tag; otherwise its coordinator goes by what it holds itself.
    QuorumQuery,
}

impl MajorityRegisterSafeguard {
    /// Every safeguard.
    pub const ALL: [Self; 3] = [Self::ReadWriteBack, Self::SyncBeforeAck, Self::QuorumQuery];

    /// Its name in scenario files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadWriteBack => "read_write_back",
            Self::SyncBeforeAck => "sync_before_ack",
            Self::QuorumQuery => "quorum_query",
        }
    }
}

/// The kind `majority_register`, with its settings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MajorityRegister {
    /// After how long a coordinator asks those replicas again that have not answered; more than nothing.
    pub resend_after: Span,
    /// How long a coordinator tries before it gives an operation up.
    pub timeout: Span,
    /// What is left out of the protocol. It promises the same without.
    pub without: BTreeSet<MajorityRegisterSafeguard>,
}

impl Default for MajorityRegister {
    /// Asks again after 50 ms, gives up after 500 ms, and leaves nothing out.
    fn default() -> Self {
        Self { resend_after: Span::from_millis(50), timeout: Span::from_millis(500), without: BTreeSet::new() }
    }
}

impl Protocol for MajorityRegister {
    type Node = MajorityRegisterNode;

    fn node(&self, birth: Birth) -> MajorityRegisterNode {
        let acceptance = if self.without.contains(&MajorityRegisterSafeguard::SyncBeforeAck) {
            Acceptance::WrittenThenSynced
        } else {
            Acceptance::Durable
        };
        MajorityRegisterNode {
            settings: self.clone(),
            birth,
            replica: Replica::new(acceptance),
            operations: BTreeMap::new(),
            next_operation: 0,
            last_tagged: None,
        }
    }

    fn order(&self) -> Option<Box<dyn Watch<MajorityRegisterNode>>> {
        Some(Box::new(Order::default()))
    }

    fn memory_bytes(&self, objects: u64) -> Option<u64> {
        Some(objects.saturating_mul(replica::REGISTER_BYTES))
    }

    fn rare_paths(&self) -> &'static [&'static str] {
        &["a read wrote back", TORN_TAIL]
    }

    fn rare_points() -> &'static [RarePoint] {
        &points::ALL
    }

    fn recovers(&self) -> bool {
        true
    }

    fn promises(&self) -> Vec<Promise> {
        vec![Promise::Linearizable, Promise::Durable]
    }

    fn reads_wall_clock(&self) -> bool {
        false
    }

    fn tolerates(&self) -> Tolerance {
        Tolerance { timings: &["resend_after", "timeout"], ..Tolerance::asynchronous(Crashes::All) }
    }

    fn can_serve(&self, _: &Request, contact: NodeId, reachable: &NodeSet, replicas: &[NodeId]) -> bool {
        reachable.contains(contact) && reachable.majority_of(replicas)
    }
}

/// A replica of [`MajorityRegister`].
#[derive(Clone, Debug)]
pub struct MajorityRegisterNode {
    settings: MajorityRegister,
    birth: Birth,
    replica: Replica,
    /// What this node coordinates.
    operations: BTreeMap<u64, Operation>,
    /// The number of the next operation.
    next_operation: u64,
    /// The write that was the last to take a tag, for those who look on.
    last_tagged: Option<u64>,
}

/// A timer of [`MajorityRegisterNode`], for an operation that it coordinates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MajorityRegisterTimer {
    /// To ask again.
    Resend(u64),
    /// To give up.
    GiveUp(u64),
}

impl Node for MajorityRegisterNode {
    type Message = Message;
    type Timer = MajorityRegisterTimer;

    fn start(&mut self, cx: &mut Context<'_, Self>) {
        // An earlier incarnation's numbers are in tags, and in messages that are still under way. Numbers from a random one
        // on tell them apart, but for a chance of about one in 2^63 for each operation ever made here; a number on the
        // disk would be certain, and a sync more at every start.
        self.next_operation = cx.random().next_u64();
        self.replica.start(cx);
    }

    fn request(&mut self, id: RequestId, request: &Request, cx: &mut Context<'_, Self>) {
        match request {
            Request::Read { key } => self.read(id, *key, cx),
            Request::Write { key, value } => self.write(id, *key, value.clone(), cx),
            _ => cx.reply(id, Reply::NotDone(NotDone::Unsupported)),
        }
    }

    fn receive(&mut self, from: NodeId, message: &Message, cx: &mut Context<'_, Self>) {
        match message {
            Message::Query { operation, key } => self.replica.query(from, *operation, *key, cx),
            Message::Found { operation, held } => self.found(from, *operation, held, cx),
            Message::Store { operation, key, newer } => {
                self.replica.store(from, *operation, Update { key: *key, newer: newer.clone() }, cx);
            }
            Message::Stored { operation } => self.stored(from, *operation, cx),
        }
    }

    fn disk(&mut self, operation: DiskId, result: &DiskResult, cx: &mut Context<'_, Self>) {
        self.replica.disk(operation, result, cx);
    }

    fn timer(&mut self, timer: MajorityRegisterTimer, cx: &mut Context<'_, Self>) {
        match timer {
            MajorityRegisterTimer::Resend(operation) => self.ask_again(operation, cx),
            MajorityRegisterTimer::GiveUp(operation) => self.give_up(operation, cx),
        }
    }

    fn observe(&self, view: &mut View) {
        self.replica.observe(view);
        let first = self.birth.id.0 - self.birth.replica;
        let replicas: Vec<_> = (0..self.birth.replicas).map(|replica| (NodeId(first + replica), replica)).collect();
        view.waits_for.extend(self.operations.values().map(|operation| operation.waits_for(&replicas)));
    }
}
