//! A node's world.

use crate::kernel::{Span, Stream};

use super::call_packet::CallPacket;
use super::core::Core;
use super::event::{Body, Effect};
use super::pool::Pool;
use super::record::Tag;
use super::sign::Seen;
use super::timers::{Deadline, Timers};
use super::{
    CallId, CausalContext, DiskId, DiskOperation, Node, NodeId, Reply, Request, RequestId, RoleTaken, Terms, WallTime,
};

/// What a handler can do. What it sends, calls, replies and writes leaves when its work ends; timers are set at
/// once.
pub struct Context<'a, N: Node> {
    pub(crate) core: &'a mut Core,
    pub(crate) messages: &'a mut Pool<N::Message>,
    pub(crate) timers: &'a mut Timers<N::Timer>,
    /// Of the request that is handled.
    pub(crate) terms: &'a Terms,
    pub(crate) me: NodeId,
    /// The first replica of this service, and how many there are.
    pub(crate) first: u32,
    pub(crate) count: u32,
}

impl<'a, N: Node> Context<'a, N> {
    /// This node.
    #[must_use]
    pub const fn me(&self) -> NodeId {
        self.me
    }

    /// Every replica of this service, this one included, in ascending order.
    pub fn replicas(&self) -> impl DoubleEndedIterator<Item = NodeId> + ExactSizeIterator + Clone + use<N> {
        (0..self.count as usize).map({
            let first = self.first;
            move |index| NodeId(first + u32::try_from(index).unwrap_or(u32::MAX))
        })
    }

    /// Every other replica of this service.
    pub fn others(&self) -> impl DoubleEndedIterator<Item = NodeId> + Clone + use<N> {
        let me = self.me;
        self.replicas().filter(move |&node| node != me)
    }

    /// How many replicas are more than half.
    #[must_use]
    pub const fn majority(&self) -> usize {
        self.count as usize / 2 + 1
    }

    /// The replicas of another service, if there is one of this name.
    pub fn service(&self, name: &str) -> Option<impl ExactSizeIterator<Item = NodeId> + Clone + use<N>> {
        let &(first, count) = self.core.services.get(name)?;
        Some((0..count as usize).map(move |index| NodeId(first + u32::try_from(index).unwrap_or(u32::MAX))))
    }

    /// Sends a message to a replica of this service; to itself it arrives at once, after this handler.
    ///
    /// # Panics
    /// If `to` is not a replica of this service: messages stay inside one service.
    #[inline]
    pub fn send(&mut self, to: NodeId, message: N::Message) {
        assert!(to.0.wrapping_sub(self.first) < self.count, "{to:?} is no replica of the sender's service");
        let slot = self.messages.put(message);
        self.core.outbox.push(Effect::Send { to, body: Body::Message(slot) });
    }

    /// Asks a node of another service. [`Node::answer`] hears the reply, or after `timeout` of this node's
    /// monotonic clock that there is none.
    pub fn call(&mut self, to: NodeId, request: Request, timeout: Span) -> CallId {
        let (call, body) = self.core.open_call(self.me, to, (request, Terms::NONE), timeout, 0);
        self.core.outbox.push(Effect::Send { to, body });
        call
    }

    /// On which terms the request is made that this handler is called with; none in other handlers than
    /// [`Node::request`].
    #[must_use]
    pub const fn terms(&self) -> &'a Terms {
        self.terms
    }

    /// Answers a request.
    pub fn reply(&mut self, id: RequestId, reply: Reply) {
        self.answer(id, reply, None);
    }

    /// Answers a request, and tells the client what it has seen of the object; the client shows that with its next
    /// request on it ([`Terms::seen`]).
    pub fn reply_seen(&mut self, id: RequestId, reply: Reply, seen: CausalContext) {
        self.answer(id, reply, Some(seen));
    }

    fn answer(&mut self, id: RequestId, reply: Reply, seen: Option<CausalContext>) {
        let body = Body::Call(self.core.posts.put(CallPacket::Answer { call: id.call, result: Ok(reply), seen }));
        self.core.outbox.push(Effect::Send { to: id.from, body });
    }

    /// Sets a timer to fire after `after` of this node's monotonic clock, instead of any earlier setting of it.
    pub fn set_timer(&mut self, timer: N::Timer, after: Span) {
        let deadline = self.monotonic_now().saturating_add(after.as_nanos());
        self.set(timer, Deadline::Monotonic(deadline));
    }

    /// Sets a timer to fire when this node's wall clock shows `at` (nanoseconds as in [`WallTime`]); it follows
    /// steps of that clock.
    pub fn set_wall_timer(&mut self, timer: N::Timer, at: u64) {
        self.core.touch_wall(self.me);
        self.set(timer, Deadline::Wall(at));
    }

    fn set(&mut self, timer: N::Timer, deadline: Deadline) {
        self.cancel_timer(timer);
        let now = self.core.now();
        let at = deadline.when(&self.core.part(self.me).clock, now);
        let handle = self.timers.add(timer, deadline, self.core.moment.record);
        let event = self.core.schedule_timer(self.me, at, handle);
        self.timers.attach(handle, at, event);
    }

    /// Takes back a timer's setting, if it has one.
    pub fn cancel_timer(&mut self, timer: N::Timer) {
        if let Some(event) = self.timers.remove(timer) {
            self.core.agenda.cancel(event);
        }
    }

    /// Nanoseconds on this node's monotonic clock, which never goes back but may run fast or slow.
    pub fn monotonic_now(&mut self) -> u64 {
        let now = self.core.now();
        let clock = &self.core.part(self.me).clock;
        if clock.is_true() {
            return now.as_nanos();
        }
        let shown = clock.monotonic_at(now);
        self.core.touch_rate(self.me);
        shown
    }

    /// What this node's wall clock shows, and how wrong it believes to be at most.
    pub fn wall_now(&mut self) -> WallTime {
        self.core.touch_wall(self.me);
        self.core.touch_bound(self.me);
        self.core.wall_at(self.me)
    }

    /// This incarnation's random numbers.
    pub fn random(&mut self) -> &mut Stream {
        self.core.stream(self.me)
    }

    /// Starts a disk operation; [`Node::disk`] hears its result. One disk works in order.
    pub fn disk(&mut self, what: DiskOperation) -> DiskId {
        let operation = self.core.part(self.me).drive.number();
        let slot = self.core.disk_operations.put(what);
        self.core.outbox.push(Effect::Disk { operation, slot });
        operation
    }

    /// Charges work to this handler: the node is busy for it, and what the handler sends leaves at its end.
    pub fn work(&mut self, duration: Span) {
        self.core.moment.work = self.core.moment.work + duration;
    }

    /// Says how much this process holds in memory, in bytes, so that a limit can be set to that. Until it says it again,
    /// that is what it holds; in the beginning it is nothing.
    pub fn holds(&mut self, bytes: u64) {
        self.core.hold(self.me, bytes);
    }

    /// Ends this process when the handler ends: what the handler sends does not leave. A supervisor starts it again after a
    /// while, as its host's settings say; its disk keeps everything.
    pub fn exit(&mut self, why: &str) {
        self.core.exit(self.me, why);
    }

    /// Says that this node can serve. Until then its host refuses requests; messages of replicas arrive.
    pub fn ready(&mut self) {
        if !self.core.state(self.me).is_ready {
            self.core.state(self.me).is_ready = true;
            self.core.annotate(Tag::Ready, self.me, 0, "");
        }
    }

    /// Says that this node takes on a role in an epoch (term, view, ballot). The leader of a service is its
    /// live replica with the role `"leader"` and the highest epoch.
    pub fn role(&mut self, role: &'static str, epoch: u64) {
        if self.core.part(self.me).role != Some((role, epoch)) {
            self.core.end_role(self.me);
            let (at, node) = (self.core.now(), self.me);
            let place = self.core.roles.len();
            let part = self.core.part(node);
            (part.role, part.role_place) = (Some((role, epoch)), place);
            self.core.roles.push(RoleTaken { at, node, role, epoch, until: None });
            self.core.annotate(Tag::Role, self.me, epoch, role);
            self.core.show(self.me, Seen::Role(role));
        }
    }

    /// Puts a remark into the trace. It must depend on nothing but what this node knows.
    pub fn note(&mut self, text: &str) {
        self.core.annotate(Tag::Note, self.me, 0, text);
        self.core.show(self.me, Seen::Note(text));
    }

    /// Says that a rare path was reached, so that it can be known which runs put it to the test.
    pub fn reached(&mut self, name: &'static str) {
        *self.core.reached.entry(name).or_default() += 1;
        self.core.annotate(Tag::Reached, self.me, 0, name);
        self.core.show(self.me, Seen::Reached(name));
    }

    /// Whether to do the rare thing of this name now (as `FoundationDB`'s BUGGIFY): never, unless the run has
    /// switched the name on.
    #[inline]
    pub fn maybe(&mut self, name: &str) -> bool {
        self.core.maybe(self.me, name)
    }
}
