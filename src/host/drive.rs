//! A node's disk at work: operations take time and happen one after the other.

use std::collections::VecDeque;

use crate::kernel::{Draw, EventId, Sampler, Span, Time};

use super::{Disk, DiskId, DiskOperation};

/// A disk and what it is doing: one operation after the other.
#[derive(Clone, Debug)]
pub(crate) struct Drive {
    pub(crate) disk: Disk,
    pub(crate) timing: DiskTiming,
    pub(crate) queue: VecDeque<(DiskId, DiskOperation, Option<EventId>, u64)>,
    busy_until: Time,
    operations: u64,
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
        Self { disk, timing, queue: VecDeque::new(), busy_until: Time::ZERO, operations: 0 }
    }

    /// The number of a new operation.
    pub(crate) fn number(&mut self) -> DiskId {
        self.operations += 1;
        DiskId(self.operations)
    }

    /// When an operation that is asked for now ends, behind those asked for before.
    pub(crate) fn time(&mut self, now: Time, what: &DiskOperation, draws: &mut impl Draw) -> Time {
        self.busy_until = now.max(self.busy_until) + self.timing.of(what).sample(draws);
        self.busy_until
    }

    /// Stops in a crash. Writes under way reach the cache, to share its fate; syncs under way do not happen.
    /// Answers the events of what was under way.
    pub(crate) fn stop(&mut self) -> Vec<EventId> {
        self.busy_until = Time::ZERO;
        let mut events = Vec::new();
        for (_, what, event, _) in self.queue.drain(..) {
            events.extend(event);
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
        self.busy_until = Time::ZERO;
        self.operations = 0;
    }
}
