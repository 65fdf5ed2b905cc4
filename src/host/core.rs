//! Everything of a simulation except the nodes' own values: what handlers act on through their context.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::kernel::{
    Agenda, Class, EventId, Fact, FateKey, Full, Purpose, Span, Stream, Streams, Time, Trace, stable_hash,
    stable_hash_str,
};

use super::call::{Call, Calls};
use super::call_packet::CallPacket;
use super::event::{Body, Effect, Event, Packet, Task, TimerHandle, class};
use super::network::{Fate, Network};
use super::parts::{NodeParts, NodeState};
use super::point::Point;
use super::pool::Pool;
use super::record::{Census, Tag};
use super::run_queue::{Ends, Job};
use super::sign::Lookouts;
use super::tally::{Tally, Touch};
use super::{
    Breach, CallError, CallId, DiskOperation, DropCause, FaultId, NodeId, Reply, Request, RoleTaken, Terms, Violation,
};

/// "No record": what has no cause inside the run has this one.
pub(crate) const NO_RECORD: u64 = u64::MAX;

/// The service of a node that is a client.
pub(crate) const CLIENT: u32 = u32::MAX;

/// The event that is being handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) node: NodeId,
    /// Its record, the cause of what follows from it.
    pub(crate) record: u64,
    /// What the handler has asked to be charged for.
    pub(crate) work: Span,
    /// What it is.
    pub(crate) tag: Tag,
}

/// Why a simulation cannot go on.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum End {
    /// Nothing is pending any more.
    Quiet,
    /// More events happened at one instant than allowed.
    EndlessLoop {
        /// The instant.
        at: Time,
    },
    /// More events happened than allowed.
    BudgetSpent,
    /// The numbers of the pending events ran out: 2^36 events, or 2^24 pending at once.
    NumbersExhausted,
    /// A node's code panicked.
    Panic {
        /// The node.
        node: NodeId,
        /// The record of the event that it was handling.
        record: u64,
        /// What the panic said.
        message: String,
    },
}

/// Access to the messages of one service, whatever their type.
pub(crate) trait Bodies {
    fn kind(&self, slot: u32) -> &'static str;
    fn discard(&mut self, slot: u32);
    fn duplicate(&mut self, slot: u32) -> u32;
    fn corrupt(&mut self, slot: u32, draw: u64) -> bool;
    fn size_bytes(&self, slot: u32) -> u32;
    fn hash(&self, slot: u32) -> u64;
    fn label(&self, slot: u32) -> String;
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Core {
    pub(crate) agenda: Agenda<Event>,
    pub(crate) trace: Trace,
    pub(crate) network: Network,
    pub(crate) nodes: Vec<NodeState>,
    pub(crate) parts: Vec<NodeParts>,
    pub(crate) calls: Calls,
    pub(crate) moment: Moment,
    pub(crate) ended: Option<End>,
    pub(crate) census: Census,
    pub(crate) touched: BTreeMap<FaultId, Tally>,
    /// How many messages each fault has killed.
    pub(crate) killed: BTreeMap<FaultId, u64>,
    /// What faults are called where somebody is told of them.
    pub(crate) fault_names: BTreeMap<FaultId, String>,
    pub(crate) reached: BTreeMap<&'static str, u64>,
    pub(crate) violations: Vec<Violation>,
    /// Every role that was taken on, in the order of time.
    pub(crate) roles: Vec<RoleTaken>,
    pub(crate) outbox: Vec<Effect>,
    /// Parts of calls on their way.
    pub(crate) posts: Pool<CallPacket>,
    /// Disk operations that wait in an outbox.
    pub(crate) disk_operations: Pool<DiskOperation>,
    /// First replica and number of replicas by service, in the order of their names.
    pub(crate) services: BTreeMap<String, (u32, u32)>,
    pub(crate) streams: Streams,
    pub(crate) shuffle_ties: bool,
    /// The points of [`super::Context::maybe`] that are switched on.
    pub(crate) maybes: BTreeMap<String, Point>,
    pub(crate) draws: CoreDraws,
    pub(crate) lookouts: Lookouts,
    /// Clients that have crashed or started again, until somebody asks.
    pub(crate) client_turns: Vec<(NodeId, bool)>,
}

/// The host's own counter-based draws.
#[derive(Clone, Debug)]
pub(crate) struct CoreDraws {
    pub(crate) disk: FateKey,
    pub(crate) disk_faults: FateKey,
    pub(crate) clocks: FateKey,
    ties: FateKey,
    pub(super) maybe: FateKey,
}

impl CoreDraws {
    pub(crate) fn new(seed: u64) -> Self {
        let fates = |purpose| FateKey::new(seed, Purpose::new(purpose));
        Self {
            disk: fates("disk latency"),
            disk_faults: fates("disk fault"),
            clocks: fates("clock"),
            ties: fates("ties"),
            maybe: fates("maybe"),
        }
    }
}

impl Core {
    #[inline]
    pub(crate) fn now(&self) -> Time {
        self.agenda.now()
    }

    #[inline]
    pub(crate) fn state(&mut self, node: NodeId) -> &mut NodeState {
        &mut self.nodes[node.0 as usize]
    }

    #[inline]
    pub(crate) fn part(&mut self, node: NodeId) -> &mut NodeParts {
        &mut self.parts[node.0 as usize]
    }

    /// Notes that a node is in its role no longer, if it has one.
    pub(crate) fn end_role(&mut self, node: NodeId) {
        let now = self.now();
        let part = self.part(node);
        if part.role.take().is_some() {
            let place = part.role_place;
            self.roles[place].until = Some(now);
        }
    }

    /// Counts that a fault touched something, or so many things.
    pub(crate) fn touch(&mut self, fault: FaultId, what: Touch, times: u64) {
        if times > 0 {
            self.touched.entry(fault).or_default().add(what, times);
        }
    }

    /// Counts a reading of a clock whose rate is at fault.
    pub(crate) fn touch_rate(&mut self, node: NodeId) {
        let Self { parts, touched, .. } = self;
        for &fault in &parts[node.0 as usize].rate_faults {
            touched.entry(fault).or_default().add(Touch::ClockReadings, 1);
        }
    }

    /// Counts a reading of a wall clock: its rate and its steps may be at fault.
    pub(crate) fn touch_wall(&mut self, node: NodeId) {
        self.touch_rate(node);
        let Self { parts, touched, .. } = self;
        for &fault in &parts[node.0 as usize].wall_faults {
            touched.entry(fault).or_default().add(Touch::ClockReadings, 1);
        }
    }

    /// Schedules an event for a node. When numbers run out, the run ends.
    #[inline]
    pub(crate) fn schedule(&mut self, at: Time, class: Class, node: NodeId, event: Event) -> Option<EventId> {
        let scheduled = if self.shuffle_ties {
            let part = &mut self.parts[node.0 as usize];
            part.scheduled += 1;
            let tie = self.draws.ties.link(part.name_hash, u64::from(class.number())).draw(part.scheduled);
            self.agenda.schedule_with_tie(at, class, tie, event)
        } else {
            self.agenda.schedule(at, class, event)
        };
        self.scheduled(scheduled)
    }

    /// Schedules a token. Shuffled ties draw for it by what it is, not by how many there were before it, so that
    /// a token more or less shifts no other event.
    pub(crate) fn schedule_token(&mut self, at: Time, class: Class, token: u64) {
        let event = Event::Token(token);
        let scheduled = if self.shuffle_ties {
            let tie = self.draws.ties.link(token, u64::from(class.number())).draw(at.as_nanos());
            self.agenda.schedule_with_tie(at, class, tie, event)
        } else {
            self.agenda.schedule(at, class, event)
        };
        self.scheduled(scheduled);
    }

    fn scheduled(&mut self, scheduled: Result<EventId, Full>) -> Option<EventId> {
        if scheduled.is_err() {
            self.ended.get_or_insert(End::NumbersExhausted);
        }
        scheduled.ok()
    }

    /// Enters a record, which becomes the cause of what follows. `about` is (a, b, c, payload); `cause` is a
    /// record or [`NO_RECORD`].
    #[inline]
    pub(crate) fn record(
        &mut self,
        tag: Tag,
        about: (NodeId, NodeId, u64, u64),
        cause: u64,
        label: impl FnOnce() -> String,
    ) {
        let record = self.enter(tag, about, cause, label);
        self.moment = Moment { node: about.0, record, work: Span::ZERO, tag };
    }

    /// Enters a record about the event that is being handled, without becoming a cause itself.
    pub(crate) fn annotate(&mut self, tag: Tag, node: NodeId, c: u64, label: &str) {
        self.enter(tag, (node, node, c, stable_hash_str(label)), self.moment.record, || label.to_owned());
    }

    #[inline]
    pub(crate) fn enter(
        &mut self,
        tag: Tag,
        about: (NodeId, NodeId, u64, u64),
        cause: u64,
        label: impl FnOnce() -> String,
    ) -> u64 {
        let (a, b, c, payload) = about;
        let fact = Fact { time: self.agenda.now(), tag: tag as u8, a: a.0, b: b.0, c, payload };
        if !self.trace.is_keeping() {
            return self.trace.enter(fact, None, "");
        }
        self.trace.enter(fact, (cause != NO_RECORD).then_some(cause), &label())
    }

    /// Ends a handler: what it asked for happens now, or when its work ends.
    #[inline]
    pub(crate) fn finish(&mut self, node: NodeId, bodies: &mut dyn Bodies) {
        if self.moment.work.is_zero() && self.nodes[node.0 as usize].is_plain {
            if !self.outbox.is_empty() {
                self.flush(node, bodies);
            }
        } else {
            self.finish_with_care(node, bodies);
        }
    }

    #[cold]
    fn finish_with_care(&mut self, node: NodeId, bodies: &mut dyn Bodies) {
        if self.falls_ill(node) {
            let effects = std::mem::take(&mut self.outbox);
            self.discard(&effects, bodies);
            return;
        }
        let leaves = |effect: &&Effect| matches!(effect, Effect::Send { to, .. } if *to != node);
        let sent = self.outbox.iter().filter(leaves).count() as u64;
        let (work, part) = (self.moment.work, self.part(node));
        let work = work + part.send_cpu.times(sent);
        if work.is_zero() && part.cpu.is_zero() {
            return self.flush(node, bodies);
        }
        let slowness = part.ails.slowness_ppb(part.slowness_ppb);
        let cost = scale(part.cpu, slowness) + scale(work, slowness);
        self.touch_slowdowns(node);
        self.begin_work(node, cost);
    }

    fn begin_work(&mut self, node: NodeId, cost: Span) {
        let effects = std::mem::take(&mut self.outbox);
        let ends_at = self.now() + cost;
        let cause = self.moment.record;
        let run = &mut self.part(node).run;
        let job = run.begin(Job { cause, effects, ends: Ends::At(ends_at, None) });
        let event = self.schedule(ends_at, class::WORK, node, Event::WorkDone { node, job });
        let run = &mut self.part(node).run;
        if let Some(job) = &mut run.jobs[job as usize] {
            job.ends = Ends::At(ends_at, event);
        }
        let is_held = run.is_held();
        self.state(node).is_held = is_held;
    }

    /// Lets everything in the outbox happen.
    #[inline]
    pub(crate) fn flush(&mut self, node: NodeId, bodies: &mut dyn Bodies) {
        let mut next = 0;
        while let Some(&effect) = self.outbox.get(next) {
            match effect {
                Effect::Send { to, body } => self.send(node, to, body, bodies),
                Effect::Disk { operation, slot } => self.start_disk(node, operation, slot),
            }
            next += 1;
        }
        self.outbox.clear();
    }

    /// Frees what effects carry that will not happen.
    pub(crate) fn discard(&mut self, effects: &[Effect], bodies: &mut dyn Bodies) {
        for effect in effects {
            match *effect {
                Effect::Send { body, .. } => self.free(body, bodies),
                Effect::Disk { slot, .. } => drop(self.disk_operations.take(slot)),
            }
        }
    }

    fn free(&mut self, body: Body, bodies: &mut dyn Bodies) {
        match body {
            Body::Message(slot) => bodies.discard(slot),
            Body::Call(slot) => drop(self.posts.take(slot)),
        }
    }

    /// Sends a packet into the network.
    #[inline]
    pub(crate) fn send(&mut self, from: NodeId, to: NodeId, body: Body, bodies: &mut dyn Bodies) {
        self.census.sent += 1;
        let cause = self.moment.record;
        let Self { network, nodes, posts, agenda, .. } = self;
        let (kind, size) = (|| kind(body, bodies, posts), || size(body, bodies, posts));
        match network.send(nodes, agenda.now(), (from, to), kind, size) {
            Fate::Arrives { ordinal, at, damage: None, copy_at: None } => {
                let packet = Packet { from, to, cause, number: ordinal * 2, body };
                self.schedule(at, class::DELIVERY, to, Event::Arrive(packet));
            }
            fate => self.send_unluckily(Packet { from, to, cause, number: 0, body }, fate, bodies),
        }
    }

    /// A message dies: counts it, records it, and frees what it carried. Answers the record.
    pub(crate) fn drop_packet(&mut self, packet: Packet, cause: DropCause, bodies: &mut dyn Bodies) -> u64 {
        *self.census.dropped.entry(cause.name()).or_default() += 1;
        let fault = match cause {
            // The fault that holds the node longest, as with cuts; none if the node is only not ready yet.
            DropCause::ReceiverDown | DropCause::Refused(None) => {
                self.part(packet.to).crashes.first().map(|holder| holder.fault)
            }
            cause => cause.fault(),
        };
        if let Some(fault) = fault {
            self.touch(fault, Touch::of(packet.body), 1);
            *self.killed.entry(fault).or_default() += 1;
        }
        let (payload, label) = match packet.body {
            Body::Message(slot) => (bodies.hash(slot), self.trace.is_keeping().then(|| bodies.label(slot))),
            Body::Call(slot) => {
                let call = self.posts.get(slot);
                let label = self.trace.is_keeping().then(|| call.label());
                (stable_hash(call), label)
            }
        };
        let about = (packet.to, packet.from, packet.number * 16 + cause.number(), payload);
        let name = fault.and_then(|fault| self.fault_names.get(&fault).filter(|_| label.is_some())).cloned();
        let label = || format!("{}\t{}", label.unwrap_or_default(), name.unwrap_or_default());
        let record = self.enter(Tag::Drop, about, packet.cause, label);
        self.free(packet.body, bodies);
        record
    }

    /// Notes what is wrong with a node after the event at hand.
    pub(crate) fn note_breaches(&mut self, node: NodeId, breaches: Vec<Breach>) {
        let (at, record) = (self.now(), self.moment.record);
        self.violations.extend(breaches.into_iter().map(|breach| Violation { at, record, node, breach }));
    }

    /// Opens a call from a node or a client and answers its id and the packet that asks.
    pub(crate) fn open_call(
        &mut self,
        caller: NodeId,
        callee: NodeId,
        asked: (Request, Terms),
        timeout: Span,
        tag: u64,
    ) -> (CallId, Body) {
        self.touch_rate(caller);
        let now = self.now();
        let clock = &self.part(caller).clock;
        let gives_up = clock.monotonic_at(now).saturating_add(timeout.as_nanos());
        let at = clock.when_monotonic(now, gives_up);
        let cause = self.moment.record;
        let call = self.calls.open(Call { caller, callee, cause, tag, gives_up, deadline: None, received: false });
        self.schedule_give_up(caller, call, at);
        (call, Body::Call(self.posts.put(CallPacket::Request { call, request: Arc::new(asked) })))
    }

    fn schedule_give_up(&mut self, caller: NodeId, call: CallId, at: Time) {
        let event = self.schedule(at, class::TIMER, caller, Event::CallTimeout { call });
        if let Some(open) = self.calls.get_mut(call) {
            open.deadline = event.map(|event| (at, event));
        }
    }

    /// Moves the deadlines of a caller's calls to where its changed clock puts them; answers how many moved.
    pub(crate) fn reschedule_calls(&mut self, caller: NodeId) -> u64 {
        let moved = self.calls.moved(caller, &self.parts[caller.0 as usize].clock, self.agenda.now());
        for &(call, event, at) in &moved {
            self.agenda.cancel(event);
            self.schedule_give_up(caller, call, at);
        }
        moved.len() as u64
    }

    /// Hands an answer to the network: a reply, or the host's word that there is no process.
    pub(crate) fn answer_call(
        &mut self,
        from: NodeId,
        to: NodeId,
        call: CallId,
        result: Result<Reply, CallError>,
        bodies: &mut dyn Bodies,
    ) {
        let body = Body::Call(self.posts.put(CallPacket::Answer { call, result, seen: None }));
        self.send(from, to, body, bodies);
    }

    /// Drops what the drive was doing in a crash.
    pub(crate) fn stop_drive(&mut self, node: NodeId) {
        for event in self.parts[node.0 as usize].drive.stop() {
            self.agenda.cancel(event);
        }
    }

    /// Lets a task wait for its node, unless a message finds the queue full.
    pub(crate) fn wait(&mut self, node: NodeId, task: Task, bodies: &mut dyn Bodies) {
        // A queue that is full behind a pause is full for its sake.
        let paused_by = self.part(node).run.pauses.first().copied();
        match task {
            Task::Packet(packet) if self.part(node).run.is_full() => {
                self.drop_packet(packet, DropCause::QueueFull(paused_by), bodies);
            }
            task => {
                if let Some(fault) = paused_by {
                    self.touch(fault, Touch::of_task(&task), 1);
                }
                let (what, cause) = match &task {
                    Task::Packet(packet) => (Tag::Deliver, packet.cause),
                    Task::Answer { cause, .. } => (Tag::Answer, *cause),
                    Task::Disk { cause, .. } => (Tag::Disk, *cause),
                    Task::Timer { .. } => (Tag::Timer, NO_RECORD),
                    Task::Start => (Tag::Start, NO_RECORD),
                    Task::GiveUp { .. } => (Tag::CallTimeout, NO_RECORD),
                    Task::Leave { .. } => (Tag::Request, NO_RECORD),
                };
                self.record(Tag::Waits, (node, node, what as u64, 0), cause, || what.name().to_owned());
                self.part(node).run.wait(task);
            }
        }
    }

    /// The random stream of a node's present incarnation.
    pub(crate) fn stream(&mut self, node: NodeId) -> &mut Stream {
        let Self { parts, streams, .. } = self;
        let part = &mut parts[node.0 as usize];
        part.stream.get_or_insert_with(|| open_stream(streams, NODE_STREAM, &part.name, part.incarnation))
    }

    /// Schedules a timer of a node.
    pub(crate) fn schedule_timer(&mut self, node: NodeId, at: Time, handle: TimerHandle) -> Option<EventId> {
        self.schedule(at, class::TIMER, node, Event::Timer { node, handle })
    }
}

/// What a node's own code draws from.
const NODE_STREAM: Purpose = Purpose::new("node");

/// Opens the stream of a node's incarnation.
///
/// # Panics
/// If two names share a stream id, a chance of one in 10^19 for a pair of names; the panic names both, and
/// renaming one of them mends it.
pub(crate) fn open_stream(streams: &mut Streams, purpose: Purpose, name: &str, incarnation: u64) -> Stream {
    match streams.open_numbered(purpose, name, incarnation) {
        Ok(stream) => stream,
        Err(clash) => panic!("{clash}"),
    }
}

/// `span` times `ppb` billionths, rounded up: work never gets free.
pub(crate) fn scale(span: Span, ppb: u64) -> Span {
    if ppb == 1_000_000_000 {
        return span;
    }
    let nanoseconds = (u128::from(span.as_nanos()) * u128::from(ppb)).div_ceil(1_000_000_000);
    Span::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

/// What a packet carries, as the trace names it.
pub(crate) fn kind(body: Body, bodies: &dyn Bodies, posts: &Pool<CallPacket>) -> &'static str {
    match body {
        Body::Message(slot) => bodies.kind(slot),
        Body::Call(slot) => posts.get(slot).kind(),
    }
}

pub(crate) fn size(body: Body, bodies: &dyn Bodies, posts: &Pool<CallPacket>) -> u32 {
    match body {
        Body::Message(slot) => bodies.size_bytes(slot),
        Body::Call(slot) => posts.get(slot).size_bytes(),
    }
}
