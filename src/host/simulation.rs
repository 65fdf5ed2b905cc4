//! One run: takes the next event, and lets it happen.

mod looking;
mod running;

use crate::kernel::{Class, Fired, Span, Time, stable_hash};

use super::call_packet::{CallPacket, said};
use super::core::{Bodies, CLIENT, Core, CoreDraws, End, Moment, NO_RECORD};
use super::event::{Body, Event, Packet, Task, class};
use super::parts::{NodeParts, NodeState};
use super::point::Point;
use super::record::{Census, Tag};
use super::service::{NoBodies, Service};
use super::sign::Seen;
use super::{CallError, CallId, CausalContext, DropCause, NodeId, Reply, Request, RequestId, Terms};

/// So many pending events, and what they need, fit into the cache of a core.
const CACHED_EVENTS: usize = 4_096;

/// How much a run may do before it is ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Events in all.
    pub events: u64,
    /// Events at one instant: more are an endless loop.
    pub events_at_one_instant: u64,
}

impl Default for Limits {
    /// A billion events, a million of them at one instant.
    fn default() -> Self {
        Self { events: 1_000_000_000, events_at_one_instant: 1_000_000 }
    }
}

impl Limits {
    #[inline]
    const fn are_passed(&self, events: u64, at_this_instant: u64) -> bool {
        events > self.events || at_this_instant > self.events_at_one_instant
    }
}

/// What a step has to tell to whoever drives the simulation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// An event happened inside.
    Ran,
    /// An instant that was asked for has come.
    Token {
        /// Its class.
        class: Class,
        /// What it was asked for with.
        token: u64,
    },
    /// A client's call has ended.
    Answer {
        /// The client.
        client: NodeId,
        /// Whom it had asked.
        from: NodeId,
        /// What it knows the call by.
        tag: u64,
        /// The reply, or why there is none.
        result: Result<Reply, CallError>,
        /// What the client has seen of the object, if the service told.
        seen: Option<CausalContext>,
    },
    /// A process has died of a fault in the midst of what it did, or its host has started it again: who is up has changed, and no
    /// token tells of it.
    Turned {
        /// Whose it is.
        node: NodeId,
    },
    /// The run is over.
    Ended(End),
}

/// A simulation: hosts, nodes, network and what is pending. Built by [`super::Builder`].
///
/// A clone goes on as the original would.
#[derive(Clone)]
pub struct Simulation {
    pub(crate) core: Core,
    pub(crate) services: Vec<Box<dyn Service>>,
    pub(crate) limits: Limits,
    pub(crate) events: u64,
    pub(crate) at_this_instant: u64,
    /// What the last event has to tell.
    pub(crate) told: Option<Step>,
}

impl Simulation {
    /// Back to the start under another seed: the bytes that follow are those of a fresh simulation.
    pub fn reset(&mut self, seed: u64) {
        let core = &mut self.core;
        core.agenda.reset();
        core.trace.reset();
        core.network.reset(seed);
        core.nodes.iter_mut().for_each(NodeState::reset);
        core.parts.iter_mut().for_each(NodeParts::reset);
        core.nodes.iter_mut().zip(&core.parts).for_each(|(state, part)| state.is_plain = part.works_for_nothing());
        core.calls.clear();
        core.streams.reset(seed);
        core.draws = CoreDraws::new(seed);
        core.ended = None;
        core.census = Census::default();
        core.touched.clear();
        core.killed.clear();
        core.fault_names.clear();
        core.reached.clear();
        core.violations.clear();
        core.roles.clear();
        core.outbox.clear();
        core.posts.clear();
        core.disk_operations.clear();
        core.moment = Moment { node: NodeId(0), record: NO_RECORD, work: Span::ZERO, tag: Tag::Token };
        core.lookouts.clear();
        core.client_turns.clear();
        core.maybes.values_mut().for_each(Point::reset);
        self.services.iter_mut().for_each(|service| service.reset());
        self.events = 0;
        self.at_this_instant = 0;
        self.told = None;
        self.schedule_starts();
    }

    /// Every node starts at time 0, in the order of their numbers.
    pub(crate) fn schedule_starts(&mut self) {
        self.core.start_clocks();
        for index in 0..u32::try_from(self.core.nodes.len()).unwrap_or(u32::MAX) {
            let node = NodeId(index);
            if self.core.state(node).service != CLIENT {
                self.schedule_start(node);
            }
        }
    }

    /// Lets a node's process start at this instant, after all that ends or begins to fail at it.
    pub(crate) fn schedule_start(&mut self, node: NodeId) {
        let incarnation = self.core.part(node).incarnation;
        self.core.schedule(self.core.now(), class::START, node, Event::Start { node, incarnation });
    }

    /// Lets one event happen.
    pub fn step(&mut self) -> Step {
        self.advance();
        self.told.take().unwrap_or(Step::Ran)
    }

    /// Lets one event happen; what there is to tell of it is in `told` then.
    #[inline]
    fn advance(&mut self) {
        if self.core.ended.is_some() {
            return self.stop(End::Quiet);
        }
        let before = self.core.now();
        let Some(fired) = self.core.agenda.pop() else { return self.stop(End::Quiet) };
        self.events += 1;
        self.at_this_instant = if fired.time == before { self.at_this_instant + 1 } else { 1 };
        if self.limits.are_passed(self.events, self.at_this_instant) {
            return self.give_up_run(fired);
        }
        if self.core.agenda.len() > CACHED_EVENTS {
            self.read_ahead();
        }
        match fired.event {
            Event::Arrive(packet) => self.arrive(packet),
            event => self.happen(fired.class, event),
        }
    }

    /// Reads what the next event will need, so that it comes from memory while this one is handled: with 10^5
    /// events pending, a fifth to a third less time.
    #[inline(never)]
    fn read_ahead(&self) {
        if let Some(&Event::Arrive(Packet { to, body: Body::Message(slot), .. })) = self.core.agenda.upcoming()
            && let Some(service) = self.services.get(self.core.nodes[to.0 as usize].service as usize)
        {
            service.read_ahead(to, slot);
        }
    }

    /// Lets anything but an arrival happen.
    fn happen(&mut self, class: Class, event: Event) {
        match event {
            Event::Arrive(packet) => self.arrive(packet),
            Event::Timer { node, handle } => {
                if self.core.state(node).is_held {
                    self.service(node).timer_waits(node, handle);
                    self.wait(node, Task::Timer { handle });
                } else {
                    self.dispatch(node, Task::Timer { handle });
                }
            }
            Event::Disk { node } => self.complete_disk(node),
            Event::WorkDone { node, job } => self.end_work(node, job),
            Event::Start { node, incarnation } => {
                if self.is_up(node) && self.core.part(node).incarnation == incarnation {
                    self.core.moment.record = NO_RECORD;
                    self.run_or_wait(node, Task::Start);
                }
            }
            Event::GoOn { node } => {
                if self.core.part(node).run.pauses.is_empty() {
                    if self.replica(node).is_some() {
                        self.resume_jobs(node);
                        self.go_on(node);
                    } else {
                        self.go_on_as_client(node);
                    }
                }
            }
            Event::CallTimeout { call } => self.give_up(call),
            Event::ClockPoll { node } => self.by_itself().poll_clock(node),
            Event::SlewEnd { node } => self.by_itself().end_slew(node),
            Event::Die { node } => self.by_itself().die(node),
            Event::Revive { node, fault } => self.by_itself().revive(fault, node),
            Event::Token(token) => {
                let number = NodeId(u32::from(class.number()));
                self.core.record(Tag::Token, (number, number, token, 0), NO_RECORD, String::new);
                self.told = Some(Step::Token { class, token });
            }
        }
    }

    /// For what no record of the run led to.
    const fn by_itself(&mut self) -> &mut Self {
        self.core.moment.record = NO_RECORD;
        self
    }

    /// The run is over: the event that was to be next does not happen. It stays pending, so that a message in it
    /// is in flight.
    #[cold]
    fn give_up_run(&mut self, next: Fired<Event>) {
        let is_loop = self.events <= self.limits.events;
        let end = if is_loop { End::EndlessLoop { at: next.time } } else { End::BudgetSpent };
        self.core.schedule(next.time, next.class, self.core.moment.node, next.event);
        self.core.ended = Some(end.clone());
        self.stop(end);
    }

    #[cold]
    fn stop(&mut self, end: End) {
        self.told = Some(Step::Ended(self.core.ended.clone().unwrap_or(end)));
    }

    fn service(&mut self, node: NodeId) -> &mut dyn Service {
        let index = self.core.nodes[node.0 as usize].service;
        &mut *self.services[index as usize]
    }

    /// Splits the simulation into what a service acts on and the service.
    #[inline]
    pub(crate) fn parts(&mut self, node: NodeId) -> (&mut Core, Option<&mut (dyn Service + 'static)>) {
        let index = self.core.nodes[node.0 as usize].service;
        (&mut self.core, self.services.get_mut(index as usize).map(|service| &mut **service))
    }

    pub(crate) fn with_bodies(&mut self, node: NodeId, act: impl FnOnce(&mut Core, &mut dyn Bodies)) {
        let (core, service) = self.parts(node);
        match service {
            Some(service) => act(core, service.bodies()),
            None => act(core, &mut NoBodies),
        }
    }

    fn wait(&mut self, node: NodeId, task: Task) {
        self.with_bodies(node, |core, bodies| core.wait(node, task, bodies));
    }

    pub(crate) fn run_or_wait(&mut self, node: NodeId, task: Task) {
        if self.core.state(node).is_held { self.wait(node, task) } else { self.dispatch(node, task) }
    }

    pub(crate) fn drop_packet(&mut self, packet: Packet, cause: DropCause) {
        self.with_bodies(packet.to, |core, bodies| {
            core.drop_packet(packet, cause, bodies);
        });
    }

    #[inline]
    fn arrive(&mut self, packet: Packet) {
        let to = packet.to;
        if self.core.network.faults.meet_arrivals() && self.is_stopped(packet) {
            return;
        }
        let slot = match packet.body {
            Body::Message(slot) => slot,
            Body::Call(slot) => return self.arrive_call(packet, slot),
        };
        let NodeState { is_up, is_held, service, .. } = *self.core.state(to);
        if is_up && !is_held {
            self.core.census.delivered += 1;
            self.services[service as usize].receive(&mut self.core, &packet, slot);
        } else if is_up {
            self.wait(to, Task::Packet(packet));
        } else {
            self.drop_packet(packet, DropCause::ReceiverDown);
        }
    }

    /// A part of a call arrives at a host.
    pub(crate) fn arrive_call(&mut self, packet: Packet, slot: u32) {
        let is_held_client = self.is_held_client(packet.to);
        match *self.core.posts.get(slot) {
            CallPacket::Request { call, .. } => self.arrive_request(packet, call),
            CallPacket::Answer { .. } if !self.is_up(packet.to) => self.drop_packet(packet, DropCause::ReceiverDown),
            CallPacket::Answer { .. } if is_held_client => self.wait(packet.to, Task::Packet(packet)),
            CallPacket::Answer { .. } => {
                if self.core.network.faults.meet_arrivals() && self.is_reply_lost(&packet, slot) {
                    return;
                }
                let CallPacket::Answer { call, result, seen } = self.core.posts.take(slot) else { return };
                self.core.census.delivered += 1;
                let about = (packet.to, packet.from, call.0, stable_hash(&(&result, &seen)));
                self.core.record(Tag::Answer, about, packet.cause, || answer_label(&result));
                self.close_call(call, packet.from, result, seen);
            }
        }
    }

    /// A request arrives: the process gets it, or the host refuses it, or nobody is there.
    fn arrive_request(&mut self, packet: Packet, call: CallId) {
        let Packet { from, to, .. } = packet;
        let NodeState { is_up, is_ready, is_silent, service, .. } = *self.core.state(to);
        let refusal = if is_up && is_ready { self.core.refusing(&packet).map(Some) } else { Some(None) };
        if service == CLIENT || (!is_up && is_silent) {
            self.drop_packet(packet, DropCause::ReceiverDown);
        } else if let Some(fault) = refusal {
            self.with_bodies(to, |core, bodies| {
                core.moment.record = core.drop_packet(packet, DropCause::Refused(fault), bodies);
                core.answer_call(to, from, call, Err(CallError::Refused), bodies);
            });
        } else {
            if let Some(open) = self.core.calls.get_mut(call) {
                open.received = true;
                open.callee = to;
            }
            self.run_or_wait(to, Task::Packet(packet));
        }
    }

    /// Hands the end of a call to its caller, if it still waits for it.
    fn close_call(
        &mut self,
        id: CallId,
        from: NodeId,
        result: Result<Reply, CallError>,
        seen: Option<CausalContext>,
    ) {
        let Some(call) = self.core.calls.close(id) else { return };
        if let Some((_, deadline)) = call.deadline {
            self.core.agenda.cancel(deadline);
        }
        if self.core.state(call.caller).service == CLIENT {
            if matches!(result, Ok(Reply::Ok(_) | Reply::No(_))) {
                self.core.show(call.caller, Seen::Acknowledgement);
            }
            self.told = Some(Step::Answer { client: call.caller, from, tag: call.tag, result, seen });
            return;
        }
        let cause = self.core.moment.record;
        self.run_or_wait(call.caller, Task::Answer { call: id, from, result, cause });
    }

    pub(crate) fn give_up(&mut self, id: CallId) {
        let Some(call) = self.core.calls.get_mut(id) else { return };
        call.deadline = None;
        let (caller, callee, cause) = (call.caller, call.callee, call.cause);
        if self.is_held_client(caller) {
            return self.wait(caller, Task::GiveUp { call: id });
        }
        self.core.record(Tag::CallTimeout, (caller, callee, id.0, 0), cause, String::new);
        self.close_call(id, callee, Err(CallError::Timeout), None);
    }

    /// Runs a task on a node that is not held.
    pub(crate) fn dispatch(&mut self, node: NodeId, task: Task) {
        let (core, Some(service)) = self.parts(node) else { return };
        match task {
            Task::Packet(packet) => {
                core.census.delivered += 1;
                match packet.body {
                    Body::Message(slot) => service.receive(core, &packet, slot),
                    Body::Call(slot) => {
                        if let CallPacket::Request { call, request: asked } = core.posts.take(slot) {
                            let (request, terms) = &*asked;
                            let about = (node, packet.from, call.0, stable_hash(&*asked));
                            core.record(Tag::Request, about, packet.cause, || {
                                format!("{}\t{request}", request.kind())
                            });
                            let id = RequestId { call, from: packet.from };
                            service.request(core, node, id, request, terms);
                        }
                    }
                }
            }
            Task::Answer { call, from, result, cause } => {
                let about = (node, from, call.0, stable_hash(&result));
                core.record(Tag::Answer, about, cause, || answer_label(&result));
                service.answer(core, node, call, &result);
            }
            Task::Timer { handle } => service.timer(core, node, handle),
            Task::Disk { operation, result, cause } => {
                core.record(Tag::Disk, (node, node, operation.0, stable_hash(&result)), cause, String::new);
                service.disk(core, node, operation, &result);
            }
            Task::Start => service.start(core, node),
            Task::GiveUp { .. } | Task::Leave { .. } => unreachable!("clients are no services"),
        }
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Time {
        self.core.agenda.now()
    }

    /// Asks to be told when an instant has come. An instant that has passed is now.
    pub fn tell_at(&mut self, at: Time, class: Class, token: u64) {
        let at = at.max(self.now());
        self.core.schedule_token(at, class, token);
    }

    /// Lets a client ask a node; the answer comes as [`Step::Answer`] with this `tag`.
    pub fn call(&mut self, client: NodeId, to: NodeId, request: Request, timeout: Span, tag: u64) -> CallId {
        self.call_on_terms(client, to, request, Terms::NONE, timeout, tag)
    }

    /// As [`Self::call`], with [`Terms`].
    pub fn call_on_terms(
        &mut self,
        client: NodeId,
        to: NodeId,
        request: Request,
        terms: Terms,
        timeout: Span,
        tag: u64,
    ) -> CallId {
        let (call, body) = self.core.open_call(client, to, (request, terms), timeout, tag);
        if self.core.state(client).is_held {
            self.wait(client, Task::Leave { to, body });
        } else {
            self.leave(client, to, body);
        }
        call
    }
}

/// What a trace shows of the end of a call.
fn answer_label(result: &Result<Reply, CallError>) -> String {
    let kind = result.as_ref().err().map_or("reply", |error| error.name());
    format!("{kind}\t{}", said(result))
}
