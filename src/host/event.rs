//! What is pending in a simulation, and the classes that order what happens at one instant.

use crate::kernel::Class;

use super::{CallError, CallId, DiskId, DiskResult, FaultId, NodeId, Reply};

/// The classes of events: at one instant, lower classes happen first. This order is a documented guarantee.
pub mod class {
    use crate::kernel::Class;

    /// A fault ends.
    pub const FAULT_END: Class = Class::new(0);
    /// A fault starts: before any delivery of the same instant.
    pub const FAULT_START: Class = Class::new(1);
    /// A clock is adjusted.
    pub const CLOCK: Class = Class::new(2);
    /// A node starts, restarts or goes on after a pause.
    pub const START: Class = Class::new(3);
    /// A disk operation completes.
    pub const DISK: Class = Class::new(4);
    /// A node's work ends.
    pub const WORK: Class = Class::new(5);
    /// A message arrives.
    pub const DELIVERY: Class = Class::new(6);
    /// A timer fires, or a call is given up.
    pub const TIMER: Class = Class::new(7);
    /// A client acts.
    pub const CLIENT: Class = Class::new(8);
    /// Something looks at the run.
    pub const CHECK: Class = Class::new(9);
}

/// A pending event.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    Arrive(Packet),
    Timer {
        node: NodeId,
        handle: TimerHandle,
    },
    Disk {
        node: NodeId,
    },
    WorkDone {
        node: NodeId,
        job: u32,
    },
    /// A process starts, if it is still this incarnation's turn.
    Start {
        node: NodeId,
        incarnation: u64,
    },
    /// A node goes on after its last pause, if no new one has begun.
    GoOn {
        node: NodeId,
    },
    CallTimeout {
        call: CallId,
    },
    /// A host asks a server what time it is.
    ClockPoll {
        node: NodeId,
    },
    /// A host has made up for what was wrong with its clocks.
    SlewEnd {
        node: NodeId,
    },
    /// A process dies of itself.
    Die {
        node: NodeId,
    },
    /// A process that died of itself is started again.
    Revive {
        node: NodeId,
        fault: FaultId,
    },
    Token(u64),
}

/// A message on its way. What it carries lies in a pool, so that a packet is small and moves cheaply.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet {
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
    /// The record of the event that sent it; its time is the time of sending.
    pub(crate) cause: u64,
    /// Its ordinal on the link, times two, plus one for a copy; with a mark if it was meant for another node.
    pub(crate) number: u64,
    pub(crate) body: Body,
}

impl Packet {
    /// Whether a packet of this number was meant for another node.
    pub(crate) const fn is_astray(number: u64) -> bool {
        number >= ASTRAY
    }

    /// The same, on its way to another node than it was meant for. With the mark its number is unique on the way that
    /// it takes now.
    pub(crate) fn led_astray(self, to: NodeId) -> Self {
        Self { number: self.number + (u64::from(self.to.0) + 1) * ASTRAY, to, ..self }
    }
}

/// More than any ordinal times two: a run has fewer messages.
const ASTRAY: u64 = 1 << 35;

/// What a packet carries.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body {
    /// A message of the service, in this slot of the service's pool.
    Message(u32),
    /// Part of a call between services, in this slot of the host's pool.
    Call(u32),
}

/// What waits for a node that is busy or paused, and what it runs.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    Packet(Packet),
    Answer {
        call: CallId,
        from: NodeId,
        result: Result<Reply, CallError>,
        cause: u64,
    },
    Timer {
        handle: TimerHandle,
    },
    Disk {
        operation: DiskId,
        result: DiskResult,
        cause: u64,
    },
    Start,
    /// A client gives a call up.
    GiveUp {
        call: CallId,
    },
    /// A client's request leaves.
    Leave {
        to: NodeId,
        body: Body,
    },
}

impl Task {
    /// The class in whose order it waits.
    pub(crate) const fn class(&self) -> Class {
        match self {
            Self::Start => class::START,
            Self::Disk { .. } => class::DISK,
            Self::Packet(_) | Self::Answer { .. } => class::DELIVERY,
            Self::Timer { .. } | Self::GiveUp { .. } => class::TIMER,
            Self::Leave { .. } => class::CLIENT,
        }
    }
}

/// One setting of one timer: the slot in its node's table, and the setting's number there, so that an older
/// setting which still waits in a run queue is known to be stale.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TimerHandle {
    pub(crate) slot: u32,
    pub(crate) number: u32,
}

/// What a handler asked for; it takes effect when the handler's work ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Effect {
    Send {
        to: NodeId,
        body: Body,
    },
    /// The operation lies in this slot of the host's pool.
    Disk {
        operation: DiskId,
        slot: u32,
    },
}
