//! What faults do to nodes: to their processes, their disks and their clocks.

use crate::host::{
    CrashKeeps, CrashSettings, DiskFault, Drift, FaultId, LinkFault, MemoryLimit, NodeId, NodeSet, PlantedPanic,
    Simulation,
};
use crate::kernel::{Sampler, Span, Time};

use super::links::links_of;
use super::selector::WHOLE_PPB;

/// What a fault does to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeEffect {
    /// The process is down while the fault lasts, and starts again at its end.
    Crash(CrashSettings),
    /// A crash that ends by itself: the process starts again after a delay, or at once.
    Restart {
        /// How it dies.
        how: CrashSettings,
        /// How long it is down.
        after: Span,
    },
    /// The processor stands still while the fault lasts.
    Pause,
    /// Processor, disk and network each take so many billionths of their time, from 10^9 on, while the fault lasts.
    Slow {
        /// Work.
        cpu_ppb: u64,
        /// Disk operations.
        disk_ppb: u64,
        /// The latency of what it sends and receives.
        network_ppb: u64,
    },
    /// Something is wrong with the disk while the fault lasts; what it damages stays damaged.
    Disk(DiskFault),
    /// The wall clock is ahead by so many nanoseconds (behind, if negative) while the fault lasts.
    ClockOffset {
        /// Nanoseconds; above `i64::MIN`, so that they can be taken back.
        nanos: i64,
    },
    /// Both clocks run at another rate while the fault lasts; what they gained or lost stays.
    ClockDrift(Drift),
    /// The wall clock moves by so many nanoseconds, once. The fault is over at once and its effect is not undone.
    ClockStep {
        /// Nanoseconds.
        nanos: i64,
    },
    /// The host cannot reach its time server while the fault lasts.
    ClockSyncLoss,
    /// The wall clock claims this bound for its error while the fault lasts, true or not.
    ClockBound {
        /// The bound.
        bound: Span,
    },
    /// The process panics at some of what it handles while the fault lasts.
    Panic(PlantedPanic),
    /// The process is killed when it holds too much, while the fault lasts.
    MemoryLimit(MemoryLimit),
    /// The process is restarted at once with other settings of its service, and with its own again when the fault ends.
    Settings {
        /// Which ([`crate::host::Birth::settings`]).
        settings: u32,
    },
    /// The process is down while the fault lasts, and has other settings of its service from then on, for good.
    Upgrade {
        /// How it dies.
        how: CrashSettings,
        /// Which ([`crate::host::Birth::settings`]).
        settings: u32,
    },
}

/// How a process is restarted for new settings: by its host, which lives.
const REPLACED: CrashSettings = CrashSettings { silent: false, keeps: CrashKeeps::Everything };

impl NodeEffect {
    /// Its family's name in scenario files and reports.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Crash(_) => "crash",
            Self::Restart { .. } => "restart",
            Self::Pause => "pause",
            Self::Slow { .. } => "slow",
            Self::Disk(what) => match what {
                DiskFault::BitRot { .. } => "bit_rot",
                DiskFault::Misdirection { .. } => "misdirected_writes",
                DiskFault::Errors { .. } => "disk_errors",
                DiskFault::FailedSync { .. } => "failed_sync",
                DiskFault::Full => "disk_full",
                DiskFault::Slow { .. } => "disk_slow",
                DiskFault::Stall => "disk_stall",
            },
            Self::ClockOffset { .. } => "clock_offset",
            Self::ClockDrift(_) => "clock_drift",
            Self::ClockStep { .. } => "clock_step",
            Self::ClockSyncLoss => "clock_sync_loss",
            Self::ClockBound { .. } => "clock_bound",
            Self::Panic(_) => "panic",
            Self::MemoryLimit(_) => "memory_limit",
            Self::Settings { .. } => "wrong_settings",
            Self::Upgrade { .. } => "rolling_upgrade",
        }
    }

    /// Whether it acts on a replica's process or on a disk, which clients do not have. They can crash, and lose all they know.
    #[must_use]
    pub const fn needs_process(&self) -> bool {
        !matches!(
            self,
            Self::Crash(_)
                | Self::Restart { .. }
                | Self::Pause
                | Self::ClockOffset { .. }
                | Self::ClockDrift(_)
                | Self::ClockStep { .. }
                | Self::ClockSyncLoss
                | Self::ClockBound { .. }
        )
    }

    /// Whether it keeps a process from taking part: down, paused, dying now and then, or with a disk that keeps nothing.
    pub(super) const fn takes_out(&self) -> bool {
        matches!(
            self,
            Self::Crash(_)
                | Self::Restart { .. }
                | Self::Upgrade { .. }
                | Self::Settings { .. }
                | Self::Panic(_)
                | Self::MemoryLimit(_)
                | Self::Pause
                | Self::Disk(
                    DiskFault::Stall | DiskFault::Errors { .. } | DiskFault::FailedSync { .. } | DiskFault::Full
                )
        )
    }

    /// Whether a zone means only the replicas in it: its clients live where they live for the sake of latencies, and would be
    /// gone with what they are to see.
    #[must_use]
    pub const fn spares_clients_of_zones(&self) -> bool {
        self.needs_process() || matches!(self, Self::Crash(_) | Self::Restart { .. })
    }

    /// Whether it acts on clocks alone.
    pub(super) const fn is_of_clocks(&self) -> bool {
        matches!(
            self,
            Self::ClockOffset { .. }
                | Self::ClockDrift(_)
                | Self::ClockStep { .. }
                | Self::ClockSyncLoss
                | Self::ClockBound { .. }
        )
    }

    /// When the disk's backup is taken that it restores, if it restores one.
    pub(super) const fn backup(&self) -> Option<Time> {
        match self {
            Self::Crash(how) | Self::Restart { how, .. } | Self::Upgrade { how, .. } => match how.keeps {
                CrashKeeps::Backup { taken } => Some(taken),
                _ => None,
            },
            _ => None,
        }
    }

    pub(super) fn begin(self, simulation: &mut Simulation, fault: FaultId, node: NodeId) {
        match self {
            Self::Crash(how) | Self::Restart { how, .. } => simulation.crash(fault, node, how),
            Self::Pause => simulation.pause(fault, node),
            Self::Slow { cpu_ppb, disk_ppb, network_ppb } => {
                if cpu_ppb != WHOLE_PPB {
                    simulation.begin_slowness(fault, node, cpu_ppb);
                }
                if disk_ppb != WHOLE_PPB {
                    simulation.begin_disk_fault(fault, node, DiskFault::Slow { factor_ppb: disk_ppb });
                }
                let add = Sampler::constant(Span::ZERO);
                let slow = LinkFault::Latency { ppb: WHOLE_PPB, factor_ppb: network_ppb, add };
                if network_ppb != WHOLE_PPB {
                    simulation.disturb(fault, links_of(NodeSet::from_iter([node]), simulation), slow);
                }
            }
            Self::Disk(what) => simulation.begin_disk_fault(fault, node, what),
            Self::ClockOffset { nanos } | Self::ClockStep { nanos } => {
                simulation.step_clock(fault, node, nanos);
            }
            Self::ClockDrift(drift) => simulation.begin_drift(fault, node, drift),
            Self::ClockSyncLoss => simulation.begin_sync_loss(fault, node),
            Self::ClockBound { bound } => simulation.begin_bound_lie(fault, node, bound),
            Self::Panic(what) => simulation.begin_panics(fault, node, what),
            Self::MemoryLimit(limit) => simulation.begin_memory_limit(fault, node, limit),
            Self::Settings { settings } => {
                simulation.change_settings(fault, node, settings);
                simulation.crash(fault, node, REPLACED);
                simulation.restart(fault, node);
            }
            Self::Upgrade { how, settings } => {
                simulation.change_settings(fault, node, settings);
                simulation.crash(fault, node, how);
            }
        }
    }

    pub(super) fn undo(self, simulation: &mut Simulation, fault: FaultId, node: NodeId) {
        match self {
            Self::Crash(_) | Self::Restart { .. } | Self::Upgrade { .. } => simulation.restart(fault, node),
            Self::Pause => simulation.resume(fault, node),
            Self::Slow { network_ppb, .. } => {
                simulation.end_slowness(fault, node);
                simulation.end_disk_fault(fault, node);
                if network_ppb != WHOLE_PPB {
                    simulation.calm(fault, &links_of(NodeSet::from_iter([node]), simulation));
                }
            }
            Self::Disk(_) => simulation.end_disk_fault(fault, node),
            Self::ClockOffset { nanos } => simulation.step_clock_back(fault, node, nanos),
            Self::ClockDrift(drift) => simulation.end_drift(fault, node, drift),
            Self::ClockStep { .. } => {}
            Self::ClockSyncLoss => simulation.end_sync_loss(fault, node),
            Self::ClockBound { .. } => simulation.end_bound_lie(fault, node),
            Self::Panic(_) => simulation.end_panics(fault, node),
            Self::MemoryLimit(_) => simulation.end_memory_limit(fault, node),
            Self::Settings { .. } => {
                simulation.restore_settings(fault, node);
                simulation.crash(fault, node, REPLACED);
                simulation.restart(fault, node);
            }
        }
    }
}
