//! What can be done to hosts from outside: crash, restart, pause, change clocks. What can be done to links is in
//! `disturb`.
//!
//! Every change belongs to a fault and ends with it: overlapping faults are independent, and ending one
//! removes only its own. A node is up when no fault keeps it down, and runs when no fault pauses it.

use crate::kernel::{Draw, Purpose, Span};

use super::core::{CLIENT, Moment, NO_RECORD, open_stream};
use super::event::{Body, Effect, Event, Task, class};
use super::record::Tag;
use super::run_queue::Ends;
use super::service::NoBodies;
use super::tally::Touch;
use super::{CallError, CrashKeeps, Drift, DropCause, NodeId, Simulation};

/// A fault: what touches something is counted by it. It stands in the trace, so it must not depend on which other
/// faults there are: the stable hash of the fault's name, not its place in a list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FaultId(pub u64);

/// How a process dies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CrashSettings {
    /// Loss of power: the host answers nothing. Otherwise it refuses requests and resets open calls.
    pub silent: bool,
    /// What the disk keeps of the writes that were not synced.
    pub keeps: CrashKeeps,
}

/// A fault that keeps a node down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeptDown {
    pub(crate) fault: FaultId,
    /// Whether its host answers nothing, either.
    silent: bool,
}

/// What a disk keeps in a crash.
const CRASH_STREAM: Purpose = Purpose::new("crash");

/// The same where the process was down already.
const CRASH_AGAIN_STREAM: Purpose = Purpose::new("crash while down");

impl Simulation {
    /// Kills a node's process and keeps it down until [`Self::restart`]. What it sent flies on; its volatile
    /// state, its timers, its calls and what waited for it are gone. Where the process is down already, the disk bears this
    /// crash too. A client has no disk; whoever drives it learns by [`Self::client_turns`] that it has forgotten everything.
    pub fn crash(&mut self, fault: FaultId, node: NodeId, settings: CrashSettings) {
        let was_up = self.core.state(node).is_up;
        self.core.part(node).crashes.push(KeptDown { fault, silent: settings.silent });
        if !was_up {
            return self.crash_again(fault, node, settings);
        }
        self.core.touch(fault, Touch::Processes, 1);
        self.tell(Tag::Crash, node, u64::from(settings.silent), 0);
        let crash = self.core.moment;
        let state = self.core.state(node);
        state.is_up = false;
        state.is_ready = false;
        state.is_silent = settings.silent;
        let (jobs, tasks) = self.core.part(node).run.crash();
        let is_held = self.core.part(node).run.is_held();
        self.core.state(node).is_held = is_held;
        for job in jobs {
            if let Ends::At(_, Some(event)) = job.ends {
                self.core.agenda.cancel(event);
            }
            if let (core, Some(service)) = self.parts(node) {
                core.discard(&job.effects, service.bodies());
            }
        }
        for task in tasks {
            match task {
                Task::Packet(packet) => self.drop_packet(packet, DropCause::ReceiverDown),
                // It has never left.
                Task::Leave { body: Body::Call(slot), .. } => drop(self.core.posts.take(slot)),
                _ => {}
            }
        }
        if self.core.state(node).service == CLIENT {
            self.core.client_turns.push((node, false));
        }
        if let (core, Some(service)) = self.parts(node) {
            service.crash(core, node);
        }
        self.core.moment = crash;
        self.crash_disk(node, settings.keeps, (CRASH_STREAM, self.core.parts[node.0 as usize].incarnation));
        self.end_calls(node, settings.silent);
        self.core.end_role(node);
        let part = self.core.part(node);
        part.stream = None;
        part.ails.crash();
        part.incarnation += 1;
    }

    /// A node crashes whose process is down already: a loss of power after a crash of the process takes what the page cache
    /// still had, and a disk that is replaced is replaced.
    fn crash_again(&mut self, fault: FaultId, node: NodeId, settings: CrashSettings) {
        let number = self.core.part(node).crashed_while_down;
        self.core.part(node).crashed_while_down += 1;
        let met = self.occasion();
        self.core.moment = Moment { node, record: met, work: Span::ZERO, tag: Tag::Token };
        let loses = self.crash_disk(node, settings.keeps, (CRASH_AGAIN_STREAM, number));
        self.core.touch(fault, Touch::DiskOperations, u64::from(loses));
        self.core.state(node).is_silent |= settings.silent;
    }

    /// Lets a disk crash with draws of a numbered stream of the node's; answers whether it lost anything.
    fn crash_disk(&mut self, node: NodeId, keeps: CrashKeeps, (purpose, number): (Purpose, u64)) -> bool {
        self.core.stop_drive(node);
        let core = &mut self.core;
        let part = &mut core.parts[node.0 as usize];
        let mut draws = open_stream(&mut core.streams, purpose, &part.name, number);
        let loss = part.drive.disk.crash(keeps, &mut || draws.next_u64());
        if loss.files_replaced > 0 {
            let note = format!("the disk was replaced: {} files are gone or set back", loss.files_replaced);
            core.annotate(Tag::Note, node, loss.files_replaced, &note);
        }
        if loss.changes_lost > 0 {
            let note = format!("the crash lost {} unsynced writes ({} bytes)", loss.changes_lost, loss.bytes_lost);
            core.annotate(Tag::Note, node, loss.changes_lost, &note);
        }
        loss.files_replaced + loss.changes_lost > 0
    }

    /// Closes the calls that a dead process had made, and resets those that it had received.
    fn end_calls(&mut self, node: NodeId, silent: bool) {
        for call in self.core.calls.close_all_of(node) {
            if let Some((_, deadline)) = call.deadline {
                self.core.agenda.cancel(deadline);
            }
        }
        if silent {
            return;
        }
        for (call, caller) in self.core.calls.received_by(node) {
            let (core, service) = self.parts(node);
            if let Some(service) = service {
                core.answer_call(node, caller, call, Err(CallError::Reset), service.bodies());
            }
        }
    }

    /// Ends what [`Self::crash`] did for this fault; the node starts again if no other fault keeps it down.
    pub fn restart(&mut self, fault: FaultId, node: NodeId) {
        let released = release(&mut self.core.part(node).crashes, fault, |holder| holder.fault);
        if released.is_some() {
            let is_silent = self.core.part(node).crashes.iter().any(|holder| holder.silent);
            self.core.state(node).is_silent = is_silent;
        }
        match released {
            Some(Release::Free) => {
                self.core.state(node).is_up = true;
                if self.replica(node).is_some() {
                    self.schedule_start(node);
                } else {
                    self.core.state(node).is_ready = true;
                    self.core.client_turns.push((node, true));
                }
            }
            // But for the next in line, the node would start.
            Some(Release::PassedTo(next)) => self.core.touch(next, Touch::Processes, 1),
            Some(Release::StillHeld) | None => {}
        }
    }

    /// The clients that have crashed or started again (`true`) since this was last asked, in that order.
    pub fn client_turns(&mut self) -> Vec<(NodeId, bool)> {
        std::mem::take(&mut self.core.client_turns)
    }

    /// Stops a node's processor until [`Self::resume`]: time runs on, what arrives waits, timers fire late. What a client
    /// asks meanwhile leaves when it goes on.
    pub fn pause(&mut self, fault: FaultId, node: NodeId) {
        if self.core.part(node).run.pauses.is_empty() {
            let held = self.core.part(node).run.held();
            self.core.touch(fault, Touch::Work, held);
            self.pause_jobs(node);
        }
        self.core.part(node).run.pauses.push(fault);
        self.core.state(node).is_held = true;
        self.tell(Tag::Pause, node, 0, 0);
    }

    /// Ends what [`Self::pause`] did for this fault; the node goes on if no other fault pauses it.
    pub fn resume(&mut self, fault: FaultId, node: NodeId) {
        let Some(released) = release(&mut self.core.part(node).run.pauses, fault, |&holder| holder) else { return };
        self.tell(Tag::Resume, node, 0, 0);
        match released {
            Release::Free => {
                self.core.schedule(self.core.now(), class::START, node, Event::GoOn { node });
            }
            Release::PassedTo(next) => {
                let held = self.core.part(node).run.held();
                self.core.touch(next, Touch::Work, held);
            }
            Release::StillHeld => {}
        }
    }

    /// Whether a node is a client that is paused.
    pub(crate) fn is_held_client(&mut self, node: NodeId) -> bool {
        let state = self.core.state(node);
        state.is_held && state.service == CLIENT
    }

    /// A client does one of the things that have waited, and the rest after it.
    pub(crate) fn go_on_as_client(&mut self, client: NodeId) {
        self.core.state(client).is_held = false;
        let Some(task) = self.core.part(client).run.next() else { return };
        if self.core.part(client).run.held() > 0 {
            self.core.schedule(self.core.now(), class::START, client, Event::GoOn { node: client });
        }
        match task {
            Task::Packet(packet) => {
                if let Body::Call(slot) = packet.body {
                    self.arrive_call(packet, slot);
                }
            }
            Task::GiveUp { call } => self.give_up(call),
            Task::Leave { to, body } => self.leave(client, to, body),
            Task::Answer { .. } | Task::Timer { .. } | Task::Disk { .. } | Task::Start => {}
        }
    }

    /// A client's request leaves.
    pub(crate) fn leave(&mut self, client: NodeId, to: NodeId, body: Body) {
        self.core.outbox.push(Effect::Send { to, body });
        self.core.flush(client, &mut NoBodies);
    }

    fn pause_jobs(&mut self, node: NodeId) {
        let now = self.now();
        let core = &mut self.core;
        for job in core.parts[node.0 as usize].run.jobs.iter_mut().flatten() {
            if let Ends::At(at, event) = job.ends {
                if let Some(event) = event {
                    core.agenda.cancel(event);
                }
                job.ends = Ends::AfterPause(at.since(now));
            }
        }
    }

    pub(crate) fn resume_jobs(&mut self, node: NodeId) {
        let now = self.now();
        for number in 0..self.core.part(node).run.jobs.len() {
            let Some(job) = &self.core.part(node).run.jobs[number] else { continue };
            let Ends::AfterPause(rest) = job.ends else { continue };
            let number_u32 = u32::try_from(number).unwrap_or(u32::MAX);
            let event = self.core.schedule(now + rest, class::WORK, node, Event::WorkDone { node, job: number_u32 });
            if let Some(job) = &mut self.core.part(node).run.jobs[number] {
                job.ends = Ends::At(now + rest, event);
            }
        }
    }

    /// Lets a node's clocks drift from now on, in addition to what other faults do; pending timers move.
    pub fn begin_drift(&mut self, fault: FaultId, node: NodeId, drift: Drift) {
        let now = self.now();
        let part = self.core.part(node);
        part.clock.add_drift(now, drift);
        if drift.ppb() != 0 {
            part.rate_faults.push(fault);
        }
        let moved = self.clock_changed(node, drift.ppb(), 0);
        self.core.touch(fault, Touch::Timers, moved);
    }

    /// Ends what [`Self::begin_drift`] did: the rate is what it was, what the clock has gained stays.
    pub fn end_drift(&mut self, fault: FaultId, node: NodeId, drift: Drift) {
        let now = self.now();
        let part = self.core.part(node);
        part.clock.remove_drift(now, drift);
        part.rate_faults.retain(|&other| other != fault);
        self.clock_changed(node, -drift.ppb(), 0);
    }

    /// Moves a node's wall clock by so many nanoseconds at once. Its monotonic clock does not step.
    pub fn step_clock(&mut self, fault: FaultId, node: NodeId, nanoseconds: i64) {
        let part = self.core.part(node);
        part.clock.step(nanoseconds);
        if nanoseconds != 0 {
            part.wall_faults.push(fault);
        }
        let moved = self.clock_changed(node, nanoseconds, 1);
        self.core.touch(fault, Touch::Timers, moved);
    }

    /// Takes back what [`Self::step_clock`] did; `nanoseconds` are those of the step, above `i64::MIN`.
    pub fn step_clock_back(&mut self, fault: FaultId, node: NodeId, nanoseconds: i64) {
        let part = self.core.part(node);
        part.clock.step(-nanoseconds);
        part.wall_faults.retain(|&other| other != fault);
        self.clock_changed(node, -nanoseconds, 1);
    }

    /// Records what is done to a host from outside.
    pub(crate) fn tell(&mut self, tag: Tag, node: NodeId, c: u64, payload: u64) {
        let cause = self.occasion();
        self.core.record(tag, (node, node, c, payload), cause, String::new);
    }

    /// The record of the token at which the present event happens, if it does: a fault acts when its token comes.
    fn occasion(&self) -> u64 {
        let Moment { record, tag, .. } = self.core.moment;
        if tag == Tag::Token {
            return record;
        }
        let is_from_outside =
            matches!(tag, Tag::Crash | Tag::Pause | Tag::Resume | Tag::Clock | Tag::Cut | Tag::Disturb | Tag::Heal);
        let place = usize::try_from(record).ok().filter(|_| is_from_outside);
        let before = place.and_then(|place| self.core.trace.records().get(place)?.cause);
        before.unwrap_or(NO_RECORD)
    }

    /// Records a change of rate (0) or a step (1), and moves timers and the deadlines of calls; answers how many.
    pub(crate) fn clock_changed(&mut self, node: NodeId, by: i64, kind: u64) -> u64 {
        self.tell(Tag::Clock, node, by.cast_unsigned(), kind);
        let deadlines = self.core.reschedule_calls(node);
        let (core, service) = self.parts(node);
        deadlines + service.map_or(0, |service| service.reschedule(core, node))
    }

    /// Sets by how much the wall clock of a node believes to be wrong at most; a fault may make that a lie.
    pub fn set_clock_error_bound(&mut self, node: NodeId, bound: Span) {
        self.core.part(node).clock.set_error_bound(bound);
    }
}

/// What the end of one of several faults that hold a node does.
enum Release {
    /// It was the last.
    Free,
    /// It was the first in line; now this one is.
    PassedTo(FaultId),
    /// Others held the node before it and still do.
    StillHeld,
}

/// Takes a fault out of those that hold a node, in the order in which they began; `None` if it is not among them.
fn release<T>(holders: &mut Vec<T>, fault: FaultId, id: impl Fn(&T) -> FaultId) -> Option<Release> {
    let place = holders.iter().position(|holder| id(holder) == fault)?;
    holders.remove(place);
    Some(match holders.first() {
        None => Release::Free,
        Some(next) if place == 0 => Release::PassedTo(id(next)),
        Some(_) => Release::StillHeld,
    })
}
