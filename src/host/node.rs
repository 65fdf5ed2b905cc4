//! The `Node` trait: what a protocol is written against.

use std::convert::Infallible;
use std::fmt::Debug;
use std::hash::Hash;

use super::{CallError, CallId, Context, DiskId, DiskResult, Key, Reply, Request, RequestId, Value};

/// A node of the simulated network: a replica of a service, or a client. Its name is in the topology.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NodeId(pub u32);

/// One replica of a protocol: a cloneable state machine behind callbacks.
///
/// The [`Context`] is its world: no other way to time, randomness, disk or network exists. Nodes share nothing
/// (no `Rc`, no statics); what one handler computes must depend only on the node's state, its arguments and the
/// context. A crash drops the value; a factory builds the next incarnation, which has only its disk.
///
/// Callbacks run one at a time, in the order of section "Order" of [the kernel](crate::kernel). A callback that
/// has nothing to say has an empty default.
pub trait Node: Clone + 'static {
    /// What replicas of this service say to each other. It never leaves the service; [`Infallible`] if they
    /// say nothing.
    type Message: Message;
    /// The key of a timer. Setting a key again replaces its pending timer.
    type Timer: Copy + Ord + Debug + Hash + 'static;

    /// Called once after every start and restart, before anything else. One that has nothing to prepare is ready at
    /// once.
    fn start(&mut self, cx: &mut Context<'_, Self>) {
        cx.ready();
    }

    /// A message from another replica (or from itself).
    fn receive(&mut self, from: NodeId, message: &Self::Message, cx: &mut Context<'_, Self>) {
        let _ = (from, message, cx);
    }

    /// A client or another service asks; answer with [`Context::reply`], now or later, once. A service without
    /// requests says so.
    fn request(&mut self, id: RequestId, request: &Request, cx: &mut Context<'_, Self>) {
        let _ = request;
        cx.reply(id, Reply::NotDone(super::NotDone::Unsupported));
    }

    /// The answer to [`Context::call`], or why there is none.
    fn answer(&mut self, call: CallId, result: Result<&Reply, CallError>, cx: &mut Context<'_, Self>) {
        let _ = (call, result, cx);
    }

    /// The completion of [`Context::disk`].
    fn disk(&mut self, operation: DiskId, result: &DiskResult, cx: &mut Context<'_, Self>) {
        let _ = (operation, result, cx);
    }

    /// A timer that this incarnation set has fired.
    fn timer(&mut self, timer: Self::Timer, cx: &mut Context<'_, Self>) {
        let _ = (timer, cx);
    }

    /// Shows what the node knows, for convergence, final state, invariants and liveness. Must not depend on
    /// anything but the node's state.
    fn observe(&self, view: &mut View) {
        let _ = view;
    }
}

/// A message between replicas of one service.
pub trait Message: Clone + Debug + Hash + 'static {
    /// Its type's name, as reports, triggers and message faults use it: `"vote"`.
    fn kind(&self) -> &'static str;

    /// Its size on the wire in bytes; matters where a link has a bandwidth.
    fn size_bytes(&self) -> u32 {
        u32::try_from(size_of::<Self>()).unwrap_or(u32::MAX)
    }

    /// Damages the message as a flipped bit would that no checksum catches; `draw` chooses where. Answers
    /// whether it could: if not, the damaged message is dropped as if a checksum had caught it.
    fn corrupt(&mut self, draw: u64) -> bool {
        let _ = draw;
        false
    }
}

/// For services whose replicas say nothing to each other.
impl Message for Infallible {
    fn kind(&self) -> &'static str {
        match *self {}
    }
}

/// What a node shows of itself to [`Node::observe`]'s callers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct View {
    /// What it holds of every object: key, version (comparable between replicas of one service), value.
    pub entries: Vec<(Key, u64, Value)>,
    /// The version (log index, timestamp) up to which it has applied, if it has such a thing.
    pub applied: Option<u64>,
    /// What it waits for, in words: the story of a liveness failure.
    pub waits_for: Vec<String>,
}

impl View {
    /// Shows one object.
    pub fn entry(&mut self, key: Key, version: u64, value: Value) {
        self.entries.push((key, version, value));
    }

    /// Shows how far it has applied.
    pub const fn applied(&mut self, version: u64) {
        self.applied = Some(version);
    }

    /// Says what it waits for.
    pub fn waits_for(&mut self, reason: impl Into<String>) {
        self.waits_for.push(reason.into());
    }
}
