//! A node's disk at work: operations take time and happen one after the other.

use std::collections::VecDeque;

use crate::kernel::{Draw, EventId, Sampler, Span, Time};

use super::core::scale;
use super::disk_faults::DiskFault;
use super::{Disk, DiskId, DiskOperation, FaultId};

/// A disk and what it is doing: one operation after the other.
#[derive(Clone, Debug)]
pub(crate) struct Drive {
    pub(crate) disk: Disk,
    pub(crate) timing: DiskTiming,
    pub(crate) queue: VecDeque<Pending>,
    /// What faults do to it now, in the order in which they began.
    pub(crate) faults: Vec<(FaultId, DiskFault)>,
    busy_until: Time,
    operations: u64,
}

/// An operation that a drive was given.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) operation: DiskId,
    pub(crate) what: DiskOperation,
    /// The record of the handler that asked for it.
    pub(crate) cause: u64,
    /// How long it has still to work, once those before it are done.
    pub(crate) takes: Span,
    /// When it is done, and the event of that; `None` while the drive is stalled.
    pub(crate) ends: Option<(Time, Option<EventId>)>,
}

/// How long disk operations take.
#[derive(Clone, Debug, PartialEq)]
pub struct DiskTiming {
    /// Reading, and listing files.
    pub read: Sampler,
    /// Writing into the cache: append, write, truncate, rename, remove.
    pub write: Sampler,
    /// Making writes durable.
    pub sync: Sampler,
}

impl Default for DiskTiming {
    /// A solid-state disk: 100 us to read, 20 us to write into the cache, 1 ms to sync.
    fn default() -> Self {
        Self {
            read: Sampler::constant(Span::from_micros(100)),
            write: Sampler::constant(Span::from_micros(20)),
            sync: Sampler::constant(Span::from_millis(1)),
        }
    }
}

impl DiskTiming {
    const fn of(&self, operation: &DiskOperation) -> &Sampler {
        match operation {
            DiskOperation::Read { .. } | DiskOperation::List => &self.read,
            DiskOperation::Sync { .. } => &self.sync,
            _ => &self.write,
        }
    }
}

impl Drive {
    pub(crate) const fn new(disk: Disk, timing: DiskTiming) -> Self {
        Self { disk, timing, queue: VecDeque::new(), faults: Vec::new(), busy_until: Time::ZERO, operations: 0 }
    }

    /// The number of a new operation.
    pub(crate) fn number(&mut self) -> DiskId {
        self.operations += 1;
        DiskId(self.operations)
    }

    /// How long an operation takes.
    pub(crate) fn takes(&self, what: &DiskOperation, draws: &mut impl Draw) -> Span {
        let takes = self.timing.of(what).sample(draws);
        self.faults.iter().filter_map(|(_, fault)| fault.slowness_ppb()).fold(takes, scale)
    }

    /// When an operation ends that is started now, behind those started before.
    pub(crate) fn ends_at(&mut self, now: Time, takes: Span) -> Time {
        self.busy_until = now.max(self.busy_until) + takes;
        self.busy_until
    }

    /// Whether a fault lets nothing happen.
    pub(crate) fn is_stalled(&self) -> bool {
        self.faults.iter().any(|(_, fault)| *fault == DiskFault::Stall)
    }

    /// Stops where it is; answers the events that do not happen then. What is under way keeps what is left of it to do.
    pub(crate) fn halt(&mut self, now: Time) -> Vec<EventId> {
        self.busy_until = Time::ZERO;
        let mut events = Vec::new();
        for pending in &mut self.queue {
            let Some((ends_at, event)) = pending.ends.take() else { continue };
            pending.takes = pending.takes.min(ends_at.since(now));
            events.extend(event);
        }
        events
    }

    /// Stops in a crash. Writes under way reach the cache, to share its fate; syncs under way do not happen.
    /// Answers the events of what was under way.
    pub(crate) fn stop(&mut self) -> Vec<EventId> {
        self.busy_until = Time::ZERO;
        let mut events = Vec::new();
        for Pending { what, ends, .. } in self.queue.drain(..) {
            events.extend(ends.and_then(|(_, event)| event));
            if !matches!(what, DiskOperation::Sync { .. }) {
                // The process that would hear of an error is dead.
                let _ = self.disk.apply(&what);
            }
        }
        events
    }

    /// Back to the start.
    pub(crate) fn reset(&mut self) {
        self.disk.clear();
        self.queue.clear();
        self.faults.clear();
        self.busy_until = Time::ZERO;
        self.operations = 0;
    }
}
