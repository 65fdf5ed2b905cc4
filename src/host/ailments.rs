//! What faults do to a node's process and its processor: slowness, planted panics, limits of memory, other settings.
//!
//! A process that panics, or is killed for its memory, dies at the end of the handler in which that happens: what the
//! handler sent does not leave. Its host lives, so the page cache keeps what was not synced, and a supervisor starts it
//! again after a while.

use crate::kernel::Span;

use super::core::{CLIENT, Core, scale};
use super::event::{Event, class};
use super::record::Tag;
use super::tally::Touch;
use super::{CrashKeeps, CrashSettings, FaultId, NodeId, Simulation, Step};

/// The events in whose handlers a process can be made to panic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PanicOn {
    /// Whatever it handles.
    Anything,
    /// Its start.
    Start,
    /// A message of another replica, or of itself.
    Message,
    /// A request.
    Request,
    /// A timer.
    Timer,
    /// The completion of a disk operation.
    Disk,
}

/// A bug that kills a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlantedPanic {
    /// What it is doing then.
    pub on: PanicOn,
    /// It dies at every so many-th of these events, counted from the start of the fault; at least 1.
    pub nth: u32,
    /// How often it dies at most, while the fault lasts.
    pub times: u32,
    /// After how long it is started again each time.
    pub after: Span,
}

/// How much a process may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemoryLimit {
    /// In bytes: a process that says that it holds more ([`super::Context::holds`]) is killed.
    pub bytes: u64,
    /// After how long it is started again each time.
    pub after: Span,
}

/// The holder of a process that has ended itself. It is no fault of the plan.
const ITSELF: FaultId = FaultId(u64::MAX);

/// What faults do to a process now. All lists are in the order in which the faults began.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ailments {
    slowdowns: Vec<(FaultId, u64)>,
    panics: Vec<Planted>,
    memory_limits: Vec<(FaultId, MemoryLimit)>,
    settings: Vec<(FaultId, u32)>,
    /// What the process says that it holds, in bytes.
    held: u64,
    /// How it will die when its handler ends, or at once if that has ended.
    death: Option<Death>,
}

#[derive(Clone, Debug)]
struct Planted {
    fault: FaultId,
    what: PlantedPanic,
    /// How many of its events there were.
    met: u32,
    deaths: u32,
}

/// How a process dies by itself.
#[derive(Clone, Debug)]
struct Death {
    fault: FaultId,
    after: Span,
    /// What is noted.
    why: String,
}

impl PanicOn {
    const fn is_met_by(self, tag: Tag) -> bool {
        match self {
            Self::Anything => true,
            Self::Start => matches!(tag, Tag::Start),
            Self::Message => matches!(tag, Tag::Deliver),
            Self::Request => matches!(tag, Tag::Request),
            Self::Timer => matches!(tag, Tag::Timer),
            Self::Disk => matches!(tag, Tag::Disk),
        }
    }
}

impl Ailments {
    /// How slow the processor is, if it is so slow without faults: billionths of the time.
    pub(crate) fn slowness_ppb(&self, base_ppb: u64) -> u64 {
        let span = Span::from_nanos(base_ppb);
        self.slowdowns.iter().fold(span, |span, &(_, factor)| scale(span, factor)).as_nanos()
    }

    /// Forgets what belongs to a process that has died.
    pub(crate) fn crash(&mut self) {
        self.held = 0;
        self.death = None;
    }

    /// Whether a handler's end concerns them.
    const fn wait_for_handlers(&self) -> bool {
        !self.panics.is_empty() || self.death.is_some()
    }

    fn panic_at(&mut self, tag: Tag) -> Option<Death> {
        let mut death = None;
        for planted in &mut self.panics {
            let PlantedPanic { on, nth, times, after } = planted.what;
            if planted.deaths >= times || !on.is_met_by(tag) {
                continue;
            }
            planted.met += 1;
            if planted.met >= nth && death.is_none() {
                planted.met = 0;
                planted.deaths += 1;
                let why = format!("panics while it handles: {}", tag.name());
                death = Some(Death { fault: planted.fault, after, why });
            }
        }
        death
    }

    /// The death of a process that holds more than one of its limits.
    fn out_of_memory(&self) -> Option<Death> {
        let passed = |(_, limit): &&(FaultId, MemoryLimit)| self.held > limit.bytes;
        let &(fault, MemoryLimit { bytes, after }) = self.memory_limits.iter().find(passed)?;
        let why = format!("is killed: it holds {} bytes, and the limit is {bytes}", self.held);
        Some(Death { fault, after, why })
    }
}

impl Core {
    /// Whether a node's process dies of the handler that has just run.
    pub(crate) fn falls_ill(&mut self, node: NodeId) -> bool {
        let tag = self.moment.tag;
        let ails = &mut self.part(node).ails;
        let Some(death) = ails.death.take().or_else(|| ails.panic_at(tag)) else { return false };
        self.let_die(node, death);
        true
    }

    fn let_die(&mut self, node: NodeId, death: Death) {
        self.annotate(Tag::Note, node, 0, &death.why);
        let part = self.part(node);
        part.ails.death = Some(death);
        part.run.is_dying = true;
        self.state(node).is_held = true;
        self.schedule(self.now(), class::FAULT_START, node, Event::Die { node });
    }

    /// A process says how much it holds.
    pub(crate) fn hold(&mut self, node: NodeId, bytes: u64) {
        let ails = &mut self.part(node).ails;
        ails.held = bytes;
        if !ails.memory_limits.is_empty() {
            ails.death = ails.death.take().or_else(|| ails.out_of_memory());
            self.refresh(node);
        }
    }

    /// A process ends itself.
    pub(crate) fn exit(&mut self, node: NodeId, why: &str) {
        let part = self.part(node);
        let after = part.restart_after;
        part.ails.death.get_or_insert_with(|| Death { fault: ITSELF, after, why: format!("gives up: {why}") });
        self.refresh(node);
    }

    fn refresh(&mut self, node: NodeId) {
        let part = self.part(node);
        let is_plain = part.works_for_nothing() && !part.ails.wait_for_handlers();
        self.state(node).is_plain = is_plain;
    }

    /// Counts work that faults make slow.
    pub(crate) fn touch_slowdowns(&mut self, node: NodeId) {
        let faults: Vec<_> = self.part(node).ails.slowdowns.iter().map(|&(fault, _)| fault).collect();
        faults.into_iter().for_each(|fault| self.touch(fault, Touch::Work, 1));
    }

    /// With which of its service's settings a node's process starts now; counts it where a fault has chosen them.
    pub(crate) fn settings_at_start(&mut self, node: NodeId) -> u32 {
        let Some(&(fault, settings)) = self.part(node).ails.settings.last() else { return 0 };
        self.touch(fault, Touch::Processes, 1);
        settings
    }
}

impl Simulation {
    /// The node, if it has a process: it is no client.
    pub(crate) fn replica(&mut self, node: NodeId) -> Option<NodeId> {
        (self.core.state(node).service != CLIENT).then_some(node)
    }

    /// Makes a node's processor slower: work takes so many billionths of its time, from what begins now on, until
    /// [`Self::end_slowness`]. Slowness of several faults multiplies.
    pub fn begin_slowness(&mut self, fault: FaultId, node: NodeId, factor_ppb: u64) {
        self.core.part(node).ails.slowdowns.push((fault, factor_ppb));
    }

    /// Ends what [`Self::begin_slowness`] did for this fault.
    pub fn end_slowness(&mut self, fault: FaultId, node: NodeId) {
        self.core.part(node).ails.slowdowns.retain(|&(other, _)| other != fault);
    }

    /// Lets a node's process panic at some of what it handles, until [`Self::end_panics`].
    pub fn begin_panics(&mut self, fault: FaultId, node: NodeId, what: PlantedPanic) {
        let Some(node) = self.replica(node) else { return };
        self.core.part(node).ails.panics.push(Planted { fault, what, met: 0, deaths: 0 });
        self.core.refresh(node);
    }

    /// Ends what [`Self::begin_panics`] did for this fault; a process that is down for it starts now.
    pub fn end_panics(&mut self, fault: FaultId, node: NodeId) {
        self.core.part(node).ails.panics.retain(|planted| planted.fault != fault);
        self.core.refresh(node);
        self.restart(fault, node);
    }

    /// Limits what a node's process may hold, until [`Self::end_memory_limit`]. One that holds more already is killed.
    pub fn begin_memory_limit(&mut self, fault: FaultId, node: NodeId, limit: MemoryLimit) {
        let Some(node) = self.replica(node) else { return };
        let ails = &mut self.core.part(node).ails;
        ails.memory_limits.push((fault, limit));
        if let (None, Some(death)) = (&ails.death, ails.out_of_memory()) {
            self.core.let_die(node, death);
        }
    }

    /// Ends what [`Self::begin_memory_limit`] did for this fault; a process that is down for it starts now.
    pub fn end_memory_limit(&mut self, fault: FaultId, node: NodeId) {
        self.core.part(node).ails.memory_limits.retain(|&(other, _)| other != fault);
        self.restart(fault, node);
    }

    /// From its next start on a node's process has other settings of its service ([`super::Birth::settings`]), until
    /// [`Self::restore_settings`]. Of several faults the last counts.
    pub fn change_settings(&mut self, fault: FaultId, node: NodeId, settings: u32) {
        self.core.part(node).ails.settings.push((fault, settings));
    }

    /// Ends what [`Self::change_settings`] did for this fault, from the process's next start on.
    pub fn restore_settings(&mut self, fault: FaultId, node: NodeId) {
        self.core.part(node).ails.settings.retain(|&(other, _)| other != fault);
    }

    /// A process dies of itself.
    pub(crate) fn die(&mut self, node: NodeId) {
        let Some(Death { fault, after, .. }) = self.core.part(node).ails.death.take() else { return };
        self.crash(fault, node, CrashSettings { silent: false, keeps: CrashKeeps::Everything });
        let at = self.now() + after;
        self.core.schedule(at, class::START, node, Event::Revive { node, fault });
        self.turned(fault, node);
    }

    /// The host starts a process again that has died of itself.
    pub(crate) fn revive(&mut self, fault: FaultId, node: NodeId) {
        self.restart(fault, node);
        self.turned(fault, node);
    }

    fn turned(&mut self, fault: FaultId, node: NodeId) {
        if fault != ITSELF {
            self.told = Some(Step::Turned { node });
        }
    }

    /// Whether a fault keeps a node down, or pauses it. A process that has ended itself is not kept down: that is its own
    /// doing, and it has to answer for it.
    pub(crate) fn is_taken_out(&self, node: NodeId) -> bool {
        let part = &self.core.parts[node.0 as usize];
        !part.run.pauses.is_empty() || part.crashes.iter().any(|holder| holder.fault != ITSELF)
    }
}
