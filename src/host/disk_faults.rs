//! What faults do to a disk at work.
//!
//! Each fault draws by a key of its own, for each operation anew, so that faults are independent of each other and of how
//! long operations take.

use crate::kernel::Draw;

use super::core::Core;
use super::drive::Pending;
use super::event::{Event, Task, class};
use super::parts::NodeParts;
use super::tally::Touch;
use super::{Disk, DiskError, DiskId, DiskOperation, DiskResult, FaultId, NodeId, Simulation};

/// What a fault does to a disk while it is at work. Shares are parts per billion; what is drawn is drawn for each operation
/// or sector by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DiskFault {
    /// Of the sectors that are read, this share is found to have rotted: one bit of each is flipped, for good.
    BitRot {
        /// Which share.
        ppb: u64,
    },
    /// Of the sectors that a sync writes, this share lands in the place of another sector, for good.
    Misdirection {
        /// Which share.
        ppb: u64,
    },
    /// Reads or writes fail, and change nothing.
    Errors {
        /// Which of them.
        of: DiskAccess,
        /// Which share.
        ppb: u64,
    },
    /// Syncs fail.
    FailedSync {
        /// Which share.
        ppb: u64,
        /// Whether the writes that it should have made durable are dropped from the cache. Otherwise they stay there, and
        /// another sync may make them durable.
        drops: bool,
    },
    /// There is no room: nothing grows.
    Full,
    /// Operations that are asked for meanwhile take longer.
    Slow {
        /// So many billionths of their time.
        factor_ppb: u64,
    },
    /// Nothing happens until the fault ends.
    Stall,
}

/// The factor of a disk that is as fast as it was.
const NO_LONGER_PPB: u64 = 1_000_000_000;

/// What is done to a disk, other than syncing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DiskAccess {
    /// Reading and listing.
    Reads,
    /// Every change.
    Writes,
    /// Both.
    Both,
}

impl DiskAccess {
    const fn includes(self, what: &DiskOperation) -> bool {
        match what {
            DiskOperation::Sync { .. } => false,
            DiskOperation::Read { .. } | DiskOperation::List => matches!(self, Self::Reads | Self::Both),
            _ => matches!(self, Self::Writes | Self::Both),
        }
    }
}

impl DiskFault {
    /// How much longer operations take, if they do.
    pub(crate) const fn slowness_ppb(self) -> Option<u64> {
        match self {
            Self::Slow { factor_ppb } => Some(factor_ppb),
            _ => None,
        }
    }
}

impl Simulation {
    /// Lets a fault act on a node's disk until [`Self::end_disk_fault`], beside what other faults do. Has no effect on
    /// clients.
    pub fn begin_disk_fault(&mut self, fault: FaultId, node: NodeId, what: DiskFault) {
        if self.replica(node).is_none() {
            return;
        }
        let now = self.now();
        let drive = &mut self.core.part(node).drive;
        drive.faults.push((fault, what));
        if what == DiskFault::Stall {
            let held = drive.queue.len() as u64;
            let events = drive.halt(now);
            events.into_iter().for_each(|event| {
                self.core.agenda.cancel(event);
            });
            self.core.touch(fault, Touch::DiskOperations, held);
        }
    }

    /// Ends what [`Self::begin_disk_fault`] did for this fault. What it damaged stays damaged.
    pub fn end_disk_fault(&mut self, fault: FaultId, node: NodeId) {
        let drive = &mut self.core.part(node).drive;
        let was_stalled = drive.is_stalled();
        drive.faults.retain(|&(other, _)| other != fault);
        if was_stalled && !drive.is_stalled() {
            self.core.run_drive(node);
        }
    }

    /// The operation at the head of a node's drive is done.
    pub(crate) fn complete_disk(&mut self, node: NodeId) {
        let drive = &mut self.core.part(node).drive;
        let Some(Pending { operation, what, cause, .. }) = drive.queue.pop_front() else { return };
        let result = if drive.faults.is_empty() {
            drive.disk.apply(&what)
        } else {
            self.core.apply_faultily(node, operation, &what)
        };
        self.run_or_wait(node, Task::Disk { operation, result, cause });
    }

    /// Keeps a copy of what is durable on a node's disk now, to restore it from ([`super::CrashKeeps::Backup`]).
    pub fn back_up_disk(&mut self, node: NodeId) {
        let now = self.now();
        self.core.part(node).drive.disk.back_up(now);
    }

    /// A node's disk.
    #[must_use]
    pub fn disk(&self, node: NodeId) -> &Disk {
        &self.core.parts[node.0 as usize].drive.disk
    }
}

impl Core {
    /// Gives a disk operation to the drive.
    pub(crate) fn start_disk(&mut self, node: NodeId, operation: DiskId, slot: u32) {
        let what = self.disk_operations.take(slot);
        let cause = self.moment.record;
        let now = self.now();
        let latencies = self.draws.disk;
        let part = self.part(node);
        let takes = part.drive.takes(&what, &mut latencies.link(part.name_hash, 0).draws(operation.0));
        let is_stalled = part.drive.is_stalled();
        let ends = (!is_stalled).then(|| part.drive.ends_at(now, takes));
        // What takes no time takes none on a slow disk, either.
        let delays = |(_, fault): &&(FaultId, DiskFault)| match fault {
            DiskFault::Slow { factor_ppb } => *factor_ppb != NO_LONGER_PPB && !takes.is_zero(),
            fault => *fault == DiskFault::Stall,
        };
        let delayed_by: Vec<_> = part.drive.faults.iter().filter(delays).map(|&(fault, _)| fault).collect();
        delayed_by.into_iter().for_each(|fault| self.touch(fault, Touch::DiskOperations, 1));
        let ends = ends.map(|at| (at, self.schedule(at, class::DISK, node, Event::Disk { node })));
        self.part(node).drive.queue.push_back(Pending { operation, what, cause, takes, ends });
    }

    /// Lets a drive go on after a stall.
    fn run_drive(&mut self, node: NodeId) {
        let now = self.now();
        for place in 0..self.part(node).drive.queue.len() {
            let drive = &mut self.part(node).drive;
            let at = drive.ends_at(now, drive.queue[place].takes);
            let event = self.schedule(at, class::DISK, node, Event::Disk { node });
            self.part(node).drive.queue[place].ends = Some((at, event));
        }
    }

    /// Executes a disk operation on a disk that faults are acting on.
    #[cold]
    pub(crate) fn apply_faultily(&mut self, node: NodeId, operation: DiskId, what: &DiskOperation) -> DiskResult {
        let mut result = None;
        let key = self.draws.disk_faults;
        for place in 0..self.part(node).drive.faults.len() {
            let part = self.part(node);
            let (fault, does) = part.drive.faults[place];
            let mut draws = key.link(part.name_hash, fault.0).draws(operation.0);
            let touched = match result {
                None => does.meet(part, what, &mut draws, &mut result),
                // Another fault has already let it fail.
                Some(_) => 0,
            };
            self.touch(fault, Touch::DiskOperations, touched);
        }
        result.unwrap_or_else(|| self.part(node).drive.disk.apply(what))
    }
}

impl DiskFault {
    /// Acts on an operation that is about to be executed; sets its result if it is executed here, or not at all. Answers how
    /// much it touched.
    fn meet(
        self,
        part: &mut NodeParts,
        what: &DiskOperation,
        draws: &mut impl Draw,
        result: &mut Option<DiskResult>,
    ) -> u64 {
        let disk = &mut part.drive.disk;
        match (self, what) {
            (Self::BitRot { ppb }, DiskOperation::Read { file, offset, length }) => {
                let sectors = disk.sectors_read(file, *offset, *length);
                let rotten = |sector: &u64| {
                    let (rots, bit) = (draws.chance(ppb), draws.next_u64());
                    rots && disk.rot(file, *sector, bit)
                };
                sectors.filter(rotten).count() as u64
            }
            (Self::Misdirection { ppb }, DiskOperation::Sync { file }) => {
                let mut astray = || {
                    let (strays, place) = (draws.chance(ppb), draws.next_u64());
                    strays.then_some(place)
                };
                disk.sync_astray(file, &mut astray)
            }
            (Self::Errors { of, ppb }, what) if of.includes(what) && draws.chance(ppb) => {
                *result = Some(Err(DiskError::Io));
                1
            }
            (Self::FailedSync { ppb, drops }, DiskOperation::Sync { file }) if draws.chance(ppb) => {
                if drops {
                    disk.drop_unsynced(file);
                }
                *result = Some(Err(DiskError::Io));
                1
            }
            (Self::Full, what) => {
                let grown = disk.would_grow(what);
                if grown {
                    *result = Some(Err(DiskError::Full));
                }
                u64::from(grown)
            }
            _ => 0,
        }
    }
}
