//! Floor 1: what a node lives in: run queue, network, clock, disk, life and death; the [`Node`] trait.
//!
//! What a node's author may rely on:
//!
//! 1. Handlers run one at a time and to their end. What happens at one instant happens in the order of
//!    [`class`]: faults end, faults start, clocks change, nodes start, disks complete, work ends, messages
//!    arrive, timers fire, clients act. Within a class, first in is first out (or shuffled, on request).
//! 2. What a handler sends leaves when its work ends. A crash before that takes it back; a crash after that does
//!    not: messages fly on.
//! 3. A message ends once: delivered, dropped for one cause, or in flight at the end of the run.
//! 4. A crash drops everything but the disk, and of the disk what was not synced, in part. Timers and calls die
//!    with the incarnation. A pause drops nothing.
//! 5. A node can learn the time only from its own clocks, and chance only from its own stream.
//!
//! Absent here: JSON, scenarios, checkers, and any kind of store. Clients are ends of links without a process;
//! what they do is floor 4's business.

mod ailments;
mod builder;
mod call;
mod call_packet;
mod choice;
mod clock;
mod clock_sync;
mod context;
mod core;
mod disk;
mod disk_faults;
mod disturb;
mod drive;
mod event;
mod life;
mod link_faults;
mod links;
mod message_log;
mod network;
mod node;
mod node_set;
mod ordinals;
mod parts;
mod point;
mod pool;
mod priorities;
mod record;
mod request;
mod run_queue;
mod service;
mod sign;
mod simulation;
mod tally;
mod terms;
mod timers;
mod watch;

#[cfg(test)]
pub(crate) mod tests;

pub use ailments::{MemoryLimit, PanicOn, PlantedPanic};
pub use builder::{BuildError, Builder, HostSettings, MOST_ZONES, ZoneId};
pub use call::{CallError, CallId, RequestId};
pub use choice::Delivery;
pub use clock::{Clock, Drift, WALL_EPOCH_NANOS, WallTime};
pub use clock_sync::ClockSync;
pub use context::Context;
pub use core::End;
pub use disk::{
    CrashKeeps, CrashLoss, DEFAULT_CAPACITY, Disk, DiskError, DiskOperation, DiskOutput, DiskResult, LARGEST_FILE,
    SECTOR_BYTES,
};
pub use disk_faults::{DiskAccess, DiskFault};
pub use drive::DiskTiming;
pub use event::class;
pub use life::{CrashSettings, FaultId};
pub use links::{BurstLoss, ConnectionFault, Cut, CutAt, LinkFault, Links, MessageDeed, MessageFault, OldPlace};
pub use message_log::{Passage, SentMessage};
pub use network::{DropCause, Link};
pub use node::{Message, Node, NodeId, View};
pub use node_set::NodeSet;
pub use point::Point;
pub use priorities::PrioritySettings;
pub use record::{Census, Tag};
pub use request::{Key, NotDone, Reply, Request, Value};
pub use service::Birth;
pub use sign::{Lookout, Sign};
pub use simulation::{Limits, Simulation, Step};
pub use tally::{Tally, Touch};
pub use terms::{CausalContext, IdempotencyKey, Terms};
pub use watch::{Breach, Invariants, RoleTaken, Violation, Watch};

/// A disk operation that a node has started.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DiskId(pub(crate) u64);
