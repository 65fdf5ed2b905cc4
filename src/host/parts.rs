//! What the simulation keeps of each node besides the node's own value.

use std::collections::BTreeMap;

use crate::kernel::{Span, Stream, stable_hash_str};

use super::ailments::Ailments;
use super::clock_sync::Daemon;
use super::core::CLIENT;
use super::drive::Drive;
use super::life::KeptDown;
use super::run_queue::RunQueue;
use super::{Clock, ClockSync, Disk, Drift, FaultId, HostSettings, network};

/// What the hot path needs of a node, side by side in one cache line: among many nodes, each line of its own would
/// be a miss for every event.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(crate) struct NodeState {
    /// The index of its service; [`CLIENT`] for a client, which has no process of ours.
    pub(crate) service: u32,
    pub(crate) is_up: bool,
    /// Whether it has said that it can serve.
    pub(crate) is_ready: bool,
    /// Whether it is busy or paused, so that everything waits.
    pub(crate) is_held: bool,
    /// Whether its host answers for it while it is down.
    pub(crate) is_silent: bool,
    /// Whether a handler's end asks for nothing but to let its effects out: events cost nothing by themselves, and no
    /// fault waits for the node's handlers.
    pub(crate) is_plain: bool,
    pub(crate) end: network::End,
}

const _: () = assert!(size_of::<NodeState>() == 64);

/// The rest of a node's host.
#[derive(Clone, Debug)]
pub(crate) struct NodeParts {
    pub(crate) name: String,
    pub(crate) name_hash: u64,
    pub(crate) incarnation: u64,
    pub(crate) run: RunQueue,
    pub(crate) clock: Clock,
    /// By how much its oscillator may be wrong.
    pub(crate) clock_drift: Drift,
    pub(crate) clock_sync: Option<ClockSync>,
    /// What the wall clock believes of its error when it has just been set right.
    pub(crate) clock_error_bound: Span,
    pub(crate) daemon: Daemon,
    /// The faults that change the rate of both clocks now.
    pub(crate) rate_faults: Vec<FaultId>,
    /// The faults that have moved the wall clock.
    pub(crate) wall_faults: Vec<FaultId>,
    /// The faults that keep it down, in the order in which they began.
    pub(crate) crashes: Vec<KeptDown>,
    /// How many crashes met it when it was down already.
    pub(crate) crashed_while_down: u64,
    pub(crate) drive: Drive,
    pub(crate) stream: Option<Stream>,
    /// What an event costs before the handler adds to it.
    pub(crate) cpu: Span,
    /// What each message costs that leaves, besides.
    pub(crate) send_cpu: Span,
    /// After how long a process that has ended itself is started again.
    pub(crate) restart_after: Span,
    /// Work takes this many billionths of its time.
    pub(crate) slowness_ppb: u64,
    /// What faults do to the process and its processor.
    pub(crate) ails: Ailments,
    pub(crate) role: Option<(&'static str, u64)>,
    /// Where that stands among all roles that were taken on.
    pub(crate) role_place: usize,
    /// Events scheduled for this node; breaks ties when they are shuffled.
    pub(crate) scheduled: u64,
    /// How often it passed each point that is switched on, by the hash of the point's name.
    pub(super) maybes: BTreeMap<u64, u64>,
}

impl NodeState {
    pub(crate) fn new(service: u32, is_plain: bool, end: network::End) -> Self {
        let is_ready = service == CLIENT;
        Self { service, is_up: true, is_ready, is_held: false, is_silent: false, is_plain, end }
    }

    pub(crate) fn reset(&mut self) {
        self.is_up = true;
        self.is_ready = self.service == CLIENT;
        self.is_held = false;
        self.is_silent = false;
        self.end.reset();
    }
}

impl NodeParts {
    pub(crate) fn new(name: String, settings: &HostSettings) -> Self {
        Self {
            name_hash: stable_hash_str(&name),
            name,
            incarnation: 0,
            run: RunQueue::new(settings.cores.max(1), settings.queue),
            clock: Clock::new(),
            clock_drift: settings.clock_drift,
            clock_sync: settings.clock_sync,
            clock_error_bound: settings.clock_error_bound,
            daemon: Daemon::default(),
            rate_faults: Vec::new(),
            wall_faults: Vec::new(),
            crashes: Vec::new(),
            crashed_while_down: 0,
            drive: Drive::new(Disk::new(settings.disk_capacity), settings.disk.clone()),
            stream: None,
            cpu: settings.cpu,
            send_cpu: settings.send_cpu,
            restart_after: settings.restart_after,
            slowness_ppb: settings.slowness_ppb,
            ails: Ailments::default(),
            role: None,
            role_place: 0,
            scheduled: 0,
            maybes: BTreeMap::new(),
        }
    }

    /// Whether neither what it handles nor what it sends costs anything by itself.
    pub(crate) fn works_for_nothing(&self) -> bool {
        self.cpu.is_zero() && self.send_cpu.is_zero()
    }

    pub(crate) fn reset(&mut self) {
        self.incarnation = 0;
        self.run.reset();
        self.clock = Clock::new();
        self.clock.set_error_bound(self.clock_error_bound);
        self.daemon = Daemon::default();
        self.rate_faults.clear();
        self.wall_faults.clear();
        self.crashes.clear();
        self.crashed_while_down = 0;
        self.drive.reset();
        self.stream = None;
        self.ails = Ailments::default();
        self.role = None;
        self.scheduled = 0;
        self.maybes.clear();
    }
}
