//! Erasing message types: a service keeps its replicas and the messages between them by their own types, and
//! the simulation sees only this.
//!
//! Because messages stay inside one service, all of them can live in one typed pool: a packet carries a slot
//! number, sending allocates nothing, and handlers get a reference without a downcast.

use std::borrow::Cow;
use std::hint::black_box;
use std::sync::Arc;

use crate::kernel::{stable_hash, stable_hash_str};

use super::core::{Bodies, Core};
use super::event::{Packet, TimerHandle};
use super::pool::Pool;
use super::record::Tag;
use super::sign::Seen;
use super::timers::Timers;
use super::watch::{Watch, Watcher};
use super::{
    CallError, CallId, Context, DiskId, DiskResult, Message, Node, NodeId, Reply, Request, RequestId, Terms, View,
};

/// The terms of everything that is no request.
static NO_TERMS: Terms = Terms::NONE;

/// What a factory is told about the replica that it is to build.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Birth {
    /// The replica.
    pub id: NodeId,
    /// Its number in its service, from 0.
    pub replica: u32,
    /// How many replicas the service has.
    pub replicas: u32,
    /// How often it was started before.
    pub incarnation: u64,
    /// Which of its service's settings it has: 0 for its own, others where a fault has changed them.
    pub settings: u32,
}

/// Builds a replica at every start; what it knew before is on its disk or lost.
pub(crate) type Factory<N> = Arc<dyn Fn(Birth) -> N + Send + Sync>;

/// One service, its types erased.
pub(crate) trait Service {
    fn start(&mut self, core: &mut Core, node: NodeId);
    fn receive(&mut self, core: &mut Core, packet: &Packet, slot: u32);
    /// Reads a replica and a message for it, and does nothing with them.
    fn read_ahead(&self, node: NodeId, slot: u32);
    fn request(&mut self, core: &mut Core, node: NodeId, id: RequestId, request: &Request, terms: &Terms);
    fn answer(&mut self, core: &mut Core, node: NodeId, call: CallId, result: &Result<Reply, CallError>);
    fn disk(&mut self, core: &mut Core, node: NodeId, operation: DiskId, result: &DiskResult);
    /// Runs a timer that has fired, unless it was set again or cancelled while it waited.
    fn timer(&mut self, core: &mut Core, node: NodeId, handle: TimerHandle);
    /// Notes that a fired timer waits for its node.
    fn timer_waits(&mut self, node: NodeId, handle: TimerHandle);
    /// Drops a replica's value and timers.
    fn crash(&mut self, core: &mut Core, node: NodeId);
    /// Lets the outbox happen, after work.
    fn flush(&mut self, core: &mut Core, node: NodeId);
    /// Moves the pending timers of a node to where its changed clock puts them; answers how many moved.
    fn reschedule(&mut self, core: &mut Core, node: NodeId) -> u64;
    fn observe(&self, node: NodeId, view: &mut View);
    /// What took effect, in order, as far as a watch knows.
    fn applied(&self) -> Cow<'_, [Request]>;
    fn bodies(&mut self) -> &mut dyn Bodies;
    fn reset(&mut self);
    fn boxed_clone(&self) -> Box<dyn Service>;
}

/// The replicas of one service.
#[derive(Clone)]
pub(crate) struct Group<N: Node> {
    first: u32,
    /// `None` while a replica is down.
    nodes: Vec<Option<N>>,
    timers: Vec<Timers<N::Timer>>,
    messages: Pool<N::Message>,
    factory: Factory<N>,
    watcher: Option<Watcher<N>>,
}

impl<N: Node> Group<N> {
    pub(crate) fn new(first: u32, count: u32, factory: Factory<N>, watch: Option<Box<dyn Watch<N>>>) -> Self {
        Self {
            first,
            nodes: (0..count).map(|_| None).collect(),
            timers: (0..count).map(|_| Timers::default()).collect(),
            messages: Pool::default(),
            factory,
            watcher: watch.map(Watcher::new),
        }
    }

    fn local(&self, node: NodeId) -> usize {
        (node.0 - self.first) as usize
    }

    fn count(&self) -> u32 {
        u32::try_from(self.nodes.len()).expect("counted in 32 bits when built")
    }

    /// Runs a handler of a replica that is up, and lets its effects follow.
    #[inline]
    fn run(&mut self, core: &mut Core, node: NodeId, handler: impl FnOnce(&mut N, &mut Context<'_, N>)) {
        self.run_on_terms(core, node, &NO_TERMS, handler);
    }

    #[inline]
    fn run_on_terms(
        &mut self,
        core: &mut Core,
        node: NodeId,
        terms: &Terms,
        handler: impl FnOnce(&mut N, &mut Context<'_, N>),
    ) {
        let (local, first, count) = (self.local(node), self.first, self.count());
        let Some(state) = &mut self.nodes[local] else { return };
        let timers = &mut self.timers[local];
        let mut cx = Context { core, messages: &mut self.messages, timers, terms, me: node, first, count };
        handler(state, &mut cx);
        if let Some(watcher) = &mut self.watcher {
            let breaches = watcher.look(node, state);
            core.note_breaches(node, breaches);
        }
        core.finish(node, &mut self.messages);
    }
}

impl<N: Node> Service for Group<N> {
    fn start(&mut self, core: &mut Core, node: NodeId) {
        let local = self.local(node);
        let incarnation = core.part(node).incarnation;
        let settings = core.settings_at_start(node);
        let replica = node.0 - self.first;
        let birth = Birth { id: node, replica, replicas: self.count(), incarnation, settings };
        core.record(Tag::Start, (node, node, incarnation, 0), core.moment.record, String::new);
        self.nodes[local] = Some((self.factory)(birth));
        self.run(core, node, Node::start);
    }

    #[inline]
    fn receive(&mut self, core: &mut Core, packet: &Packet, slot: u32) {
        let message = self.messages.take(slot);
        let about = (packet.to, packet.from, packet.number, stable_hash(&message));
        core.record(Tag::Deliver, about, packet.cause, || label(&message));
        if core.lookouts.are_for_messages() && core.lookouts.are_for_kind(message.kind()) {
            core.show(packet.to, Seen::Message(message.kind()));
        }
        self.run(core, packet.to, |state, cx| state.receive(packet.from, &message, cx));
    }

    fn read_ahead(&self, node: NodeId, slot: u32) {
        black_box((self.nodes[self.local(node)].is_some(), self.messages.holds(slot)));
    }

    fn request(&mut self, core: &mut Core, node: NodeId, id: RequestId, request: &Request, terms: &Terms) {
        self.run_on_terms(core, node, terms, |state, cx| state.request(id, request, cx));
    }

    fn answer(&mut self, core: &mut Core, node: NodeId, call: CallId, result: &Result<Reply, CallError>) {
        self.run(core, node, |state, cx| state.answer(call, result.as_ref().map_err(|&error| error), cx));
    }

    fn disk(&mut self, core: &mut Core, node: NodeId, operation: DiskId, result: &DiskResult) {
        self.run(core, node, |state, cx| state.disk(operation, result, cx));
    }

    fn timer(&mut self, core: &mut Core, node: NodeId, handle: TimerHandle) {
        let local = self.local(node);
        let Some((timer, cause)) = self.timers[local].fire(handle) else { return };
        core.record(Tag::Timer, (node, node, 0, stable_hash(&timer)), cause, || format!("{timer:?}"));
        self.run(core, node, |state, cx| state.timer(timer, cx));
    }

    fn timer_waits(&mut self, node: NodeId, handle: TimerHandle) {
        let local = self.local(node);
        self.timers[local].waits(handle);
    }

    fn crash(&mut self, core: &mut Core, node: NodeId) {
        let local = self.local(node);
        for event in self.timers[local].pending() {
            core.agenda.cancel(event);
        }
        self.timers[local].clear();
        self.nodes[local] = None;
    }

    fn flush(&mut self, core: &mut Core, node: NodeId) {
        core.flush(node, &mut self.messages);
    }

    fn reschedule(&mut self, core: &mut Core, node: NodeId) -> u64 {
        let local = self.local(node);
        let timers = &mut self.timers[local];
        let now = core.now();
        let moved = timers.moved(&core.part(node).clock, now);
        for &(handle, event, at) in &moved {
            core.agenda.cancel(event);
            let event = core.schedule_timer(node, at, handle);
            timers.attach(handle, at, event);
        }
        moved.len() as u64
    }

    fn observe(&self, node: NodeId, view: &mut View) {
        if let Some(state) = &self.nodes[self.local(node)] {
            state.observe(view);
        }
    }

    fn applied(&self) -> Cow<'_, [Request]> {
        self.watcher.as_ref().map_or(Cow::Borrowed(&[]), Watcher::applied)
    }

    fn bodies(&mut self) -> &mut dyn Bodies {
        &mut self.messages
    }

    fn reset(&mut self) {
        self.nodes.fill_with(|| None);
        self.timers.iter_mut().for_each(Timers::clear);
        self.messages.clear();
        if let Some(watcher) = &mut self.watcher {
            watcher.reset();
        }
    }

    fn boxed_clone(&self) -> Box<dyn Service> {
        Box::new(self.clone())
    }
}

impl Clone for Box<dyn Service> {
    fn clone(&self) -> Self {
        (**self).boxed_clone()
    }
}

impl<M: Message> Bodies for Pool<M> {
    fn kind(&self, slot: u32) -> &'static str {
        self.get(slot).kind()
    }

    fn discard(&mut self, slot: u32) {
        self.take(slot);
    }

    fn duplicate(&mut self, slot: u32) -> u32 {
        let copy = self.get(slot).clone();
        self.put(copy)
    }

    fn corrupt(&mut self, slot: u32, draw: u64) -> bool {
        self.get_mut(slot).corrupt(draw)
    }

    fn size_bytes(&self, slot: u32) -> u32 {
        self.get(slot).size_bytes()
    }

    fn hash(&self, slot: u32) -> u64 {
        stable_hash(self.get(slot))
    }

    fn label(&self, slot: u32) -> String {
        label(self.get(slot))
    }
}

/// What a trace shows of a message: its kind, a tab, its content.
fn label(message: &impl Message) -> String {
    format!("{}\t{message:?}", message.kind())
}

/// The pool of clients, who have no messages.
pub(crate) struct NoBodies;

impl Bodies for NoBodies {
    fn kind(&self, _: u32) -> &'static str {
        ""
    }
    fn discard(&mut self, _: u32) {}
    fn duplicate(&mut self, slot: u32) -> u32 {
        slot
    }
    fn corrupt(&mut self, _: u32, _: u64) -> bool {
        false
    }
    fn size_bytes(&self, _: u32) -> u32 {
        0
    }
    fn hash(&self, _: u32) -> u64 {
        stable_hash_str("")
    }
    fn label(&self, _: u32) -> String {
        String::new()
    }
}
