//! What faults touch, by kind.

use std::fmt;

use super::event::{Body, Task};

/// A kind of thing that a fault can touch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Touch {
    /// Messages between replicas: dropped, held, delayed, copied, changed, led astray.
    Messages,
    /// Parts of calls, and calls that were open: the same, and broken.
    Requests,
    /// Timers and deadlines of calls: moved, or late.
    Timers,
    /// Disk operations, and sectors: delayed, failed, damaged, lost.
    DiskOperations,
    /// Readings of a clock that is wrong or lies about its error, and polls of time servers.
    ClockReadings,
    /// Processes: killed, kept down, started with other settings.
    Processes,
    /// Work of processors: slow, or held.
    Work,
}

const KINDS: usize = 7;

impl Touch {
    /// Every kind, in the order in which reports list them.
    pub const ALL: [Self; KINDS] = [
        Self::Messages,
        Self::Requests,
        Self::Timers,
        Self::DiskOperations,
        Self::ClockReadings,
        Self::Processes,
        Self::Work,
    ];

    /// Its name in reports: `"disk_operations"`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Requests => "requests",
            Self::Timers => "timers",
            Self::DiskOperations => "disk_operations",
            Self::ClockReadings => "clock_readings",
            Self::Processes => "processes",
            Self::Work => "work",
        }
    }

    /// What it is called after a number.
    const fn noun(self, times: u64) -> &'static str {
        let [one, many] = match self {
            Self::Messages => ["message", "messages"],
            Self::Requests => ["request", "requests"],
            Self::Timers => ["timer", "timers"],
            Self::DiskOperations => ["disk operation", "disk operations"],
            Self::ClockReadings => ["clock reading", "clock readings"],
            Self::Processes => ["process", "processes"],
            Self::Work => ["piece of work", "pieces of work"],
        };
        if times == 1 { one } else { many }
    }

    pub(crate) const fn of(body: Body) -> Self {
        match body {
            Body::Message(_) => Self::Messages,
            Body::Call(_) => Self::Requests,
        }
    }

    pub(crate) const fn of_task(task: &Task) -> Self {
        match task {
            Task::Packet(packet) => Self::of(packet.body),
            Task::Answer { .. } | Task::Leave { .. } => Self::Requests,
            Task::Timer { .. } | Task::GiveUp { .. } => Self::Timers,
            Task::Disk { .. } => Self::DiskOperations,
            Task::Start => Self::Processes,
        }
    }
}

/// How often a fault touched something of each kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally([u64; KINDS]);

impl Tally {
    pub(crate) const fn add(&mut self, what: Touch, times: u64) {
        self.0[what as usize] += times;
    }

    /// How often it touched something of this kind.
    #[must_use]
    pub const fn of(&self, what: Touch) -> u64 {
        self.0[what as usize]
    }

    /// How often it touched anything.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The kinds that it touched, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (Touch, u64)> + '_ {
        Touch::ALL.into_iter().map(|what| (what, self.of(what))).filter(|&(_, times)| times > 0)
    }
}

/// `12 messages, 3 timers`; nothing if it is empty.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (what, times)) in self.iter().enumerate() {
            let comma = if place > 0 { ", " } else { "" };
            write!(f, "{comma}{times} {}", what.noun(times))?;
        }
        Ok(())
    }
}
