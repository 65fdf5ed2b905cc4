//! A node's processor: what runs, what waits, and what the running handlers will send when they end.

use std::collections::BTreeMap;

use crate::kernel::{EventId, Span, Time};

use super::event::{Effect, Task};
use super::record::Tag;
use super::{FaultId, NodeId, Simulation};

/// Work under way: a handler has run, and its effects leave when the work ends.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// The record of the handler.
    pub(crate) cause: u64,
    pub(crate) effects: Vec<Effect>,
    pub(crate) ends: Ends,
}

/// When a job ends.
#[derive(Clone, Debug)]
pub(crate) enum Ends {
    /// At this time, by this event.
    At(Time, Option<EventId>),
    /// After so much more work, once the node goes on.
    AfterPause(Span),
}

/// The run queue of one node.
#[derive(Clone, Debug)]
pub(crate) struct RunQueue {
    /// How many handlers may be at work at once.
    pub(crate) cores: u32,
    /// How many tasks may wait; more messages are dropped.
    pub(crate) limit: u32,
    /// Jobs by number; a free number is `None`.
    pub(crate) jobs: Vec<Option<Job>>,
    /// The faults that hold the node paused.
    pub(crate) pauses: Vec<FaultId>,
    /// Whether the process is about to die of itself.
    pub(crate) is_dying: bool,
    waiting: BTreeMap<(u8, u64), Task>,
    arrivals: u64,
}

impl RunQueue {
    pub(crate) const fn new(cores: u32, limit: u32) -> Self {
        Self {
            cores,
            limit,
            jobs: Vec::new(),
            pauses: Vec::new(),
            is_dying: false,
            waiting: BTreeMap::new(),
            arrivals: 0,
        }
    }

    /// Whether no handler can run now.
    pub(crate) fn is_held(&self) -> bool {
        self.is_dying || !self.pauses.is_empty() || self.jobs.iter().flatten().count() >= self.cores as usize
    }

    /// Whether no further message may wait.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= self.limit as usize
    }

    /// Lets a task wait, behind those of its class.
    pub(crate) fn wait(&mut self, task: Task) {
        self.arrivals += 1;
        self.waiting.insert((task.class().number(), self.arrivals), task);
    }

    /// The task to run next.
    pub(crate) fn next(&mut self) -> Option<Task> {
        Some(self.waiting.pop_first()?.1)
    }

    /// How much a pause holds: work under way and what waits.
    pub(crate) fn held(&self) -> u64 {
        (self.jobs.iter().flatten().count() + self.waiting.len()) as u64
    }

    /// Starts a job and answers its number.
    pub(crate) fn begin(&mut self, job: Job) -> u32 {
        let free = self.jobs.iter().position(Option::is_none).unwrap_or(self.jobs.len());
        if free == self.jobs.len() {
            self.jobs.push(None);
        }
        self.jobs[free] = Some(job);
        u32::try_from(free).expect("fewer jobs than event slots")
    }

    /// Ends a job.
    pub(crate) fn end(&mut self, number: u32) -> Option<Job> {
        self.jobs.get_mut(number as usize)?.take()
    }

    /// Everything that waits, in order.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Task> {
        self.waiting.values()
    }

    /// Drops what runs and what waits, as a crash does, and answers both. Pauses belong to the host and stay.
    pub(crate) fn crash(&mut self) -> (Vec<Job>, Vec<Task>) {
        self.is_dying = false;
        let jobs = std::mem::take(&mut self.jobs).into_iter().flatten().collect();
        let tasks = std::mem::take(&mut self.waiting).into_values().collect();
        (jobs, tasks)
    }

    /// Back to the start.
    pub(crate) fn reset(&mut self) {
        self.jobs.clear();
        self.pauses.clear();
        self.is_dying = false;
        self.waiting.clear();
        self.arrivals = 0;
    }
}

impl Simulation {
    /// Work ends, and what it sends leaves.
    pub(crate) fn end_work(&mut self, node: NodeId, number: u32) {
        let Some(job) = self.core.part(node).run.end(number) else { return };
        self.core.record(Tag::WorkDone, (node, node, u64::from(number), 0), job.cause, String::new);
        self.core.outbox = job.effects;
        let (core, service) = self.parts(node);
        if let Some(service) = service {
            service.flush(core, node);
        }
        self.go_on(node);
    }

    /// Runs what waits, as long as the node is free.
    pub(crate) fn go_on(&mut self, node: NodeId) {
        loop {
            let run = &self.core.part(node).run;
            let is_held = run.is_held();
            self.core.state(node).is_held = is_held;
            if is_held {
                return;
            }
            let Some(task) = self.core.part(node).run.next() else { return };
            self.dispatch(node, task);
        }
    }
}
