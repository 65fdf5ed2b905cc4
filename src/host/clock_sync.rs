//! Clocks that drift by nature, and hosts that keep them right as NTP does.
//!
//! Every so often a host polls a server that knows the true time, and learns by how much its wall clock is wrong, but for
//! an error of the measurement. It steps the wall clock if that is much, and otherwise slews it: both clocks run a little
//! faster or slower until the difference is made up (the step threshold and the slew limit of Mills, Martin, Burbank and
//! Kasch, RFC 5905, 2010, section 11.3; `ntpd` has 128 ms and 500 ppm). It does not discipline the frequency: a drift is
//! made up for at every poll anew. So `wall_now` can give a bound that is true: what was measured, the error of the
//! measurement, and what the clock may have drifted since.

use crate::kernel::{Draw, EventId, Span, Time};

use super::core::Core;
use super::event::{Event, class};
use super::tally::Touch;
use super::{Drift, FaultId, NodeId, Simulation, WallTime};

/// How a host keeps its clocks right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockSync {
    /// How often it polls, on its monotonic clock; above zero. The first poll comes within that time.
    pub poll: Span,
    /// By how much a measurement is wrong at most; every error up to that, either way, is equally likely.
    pub error: Span,
    /// How fast a difference is made up, in parts per billion; above zero.
    pub slew: Drift,
    /// A difference above this is made up at once.
    pub step_threshold: Span,
}

/// A host's daemon.
#[derive(Clone, Debug, Default)]
pub(crate) struct Daemon {
    polls: u64,
    /// The slew under way, and the event of its end.
    slew: Option<(Drift, Option<EventId>)>,
    /// The faults that keep it from its server.
    losses: Vec<FaultId>,
    /// The bounds that faults let its wall clock claim.
    lies: Vec<(FaultId, Span)>,
}

/// A drift by which no clock comes to a stop or runs twice as fast, from that many parts per billion.
fn drift(ppb: i64) -> Drift {
    Drift::from_ppb(ppb).unwrap_or_default()
}

impl Core {
    /// Gives each clock the drift of its oscillator, and lets the daemons begin.
    pub(crate) fn start_clocks(&mut self) {
        for index in 0..self.parts.len() {
            let node = NodeId(u32::try_from(index).unwrap_or(u32::MAX));
            let key = self.draws.clocks.link(self.parts[index].name_hash, 0);
            let part = &mut self.parts[index];
            let most = part.clock_drift.ppb();
            if most != 0 {
                let natural = drift(key.draws(0).in_range(0..=2 * most.unsigned_abs()).cast_signed() - most);
                part.clock.add_drift(Time::ZERO, natural);
                part.clock.set_error_growth(drift(most));
            }
            if let Some(sync) = part.clock_sync {
                let first = Span::from_nanos(key.draws(1).below(sync.poll.as_nanos()));
                self.schedule(Time::ZERO + first, class::CLOCK, node, Event::ClockPoll { node });
            }
        }
    }

    /// What a node's wall clock shows, with the bound that it claims.
    pub(crate) fn wall_at(&self, node: NodeId) -> WallTime {
        let part = &self.parts[node.0 as usize];
        let shown = part.clock.wall_at(self.now());
        part.daemon.lies.last().map_or(shown, |&(_, error)| WallTime { error, ..shown })
    }

    /// The faults that let a node's wall clock claim a bound.
    pub(crate) fn touch_bound(&mut self, node: NodeId) {
        let now = self.now();
        let Self { parts, touched, .. } = self;
        let part = &parts[node.0 as usize];
        let true_bound = part.clock.wall_at(now).error;
        // Who claims what is true anyway claims nothing.
        for &(fault, _) in part.daemon.lies.iter().filter(|&&(_, claimed)| claimed != true_bound) {
            touched.entry(fault).or_default().add(Touch::ClockReadings, 1);
        }
    }
}

impl Simulation {
    /// A node's host asks what time it is, and asks again later.
    pub(crate) fn poll_clock(&mut self, node: NodeId) {
        let now = self.now();
        let Some(sync) = self.core.part(node).clock_sync else { return };
        self.core.part(node).daemon.polls += 1;
        let losses = self.core.part(node).daemon.losses.clone();
        if losses.is_empty() {
            self.correct_clock(node, sync);
        }
        losses.into_iter().for_each(|fault| self.core.touch(fault, Touch::ClockReadings, 1));
        let clock = &self.core.part(node).clock;
        let next = clock.when_monotonic(now, clock.monotonic_at(now).saturating_add(sync.poll.as_nanos()));
        // A fast clock may be there at once.
        let next = next.max(now + Span::from_nanos(1));
        self.core.schedule(next, class::CLOCK, node, Event::ClockPoll { node });
    }

    fn correct_clock(&mut self, node: NodeId, sync: ClockSync) {
        let now = self.now();
        self.end_slew(node);
        let key = self.core.draws.clocks;
        let part = self.core.part(node);
        let error = i64::try_from(sync.error.as_nanos()).unwrap_or(i64::MAX / 4).min(i64::MAX / 4);
        let mut draws = key.link(part.name_hash, 1).draws(part.daemon.polls);
        let mistake = draws.in_range(0..=2 * error.unsigned_abs()).cast_signed() - error;
        let behind = part.clock.wall_behind(now).saturating_add(mistake);
        let missing = Span::from_nanos(behind.unsigned_abs());
        let measured = part.clock_error_bound + sync.error;
        if missing > sync.step_threshold {
            part.clock.step(behind);
            part.clock.set_error_bound_at(now, measured);
            self.clock_changed(node, behind, 1);
            return;
        }
        part.clock.set_error_bound_at(now, measured + missing);
        let slew = drift(sync.slew.ppb() * behind.signum());
        let takes =
            u128::from(missing.as_nanos()) * 1_000_000_000 / u128::from(sync.slew.ppb().unsigned_abs().max(1));
        let takes = Span::from_nanos(u64::try_from(takes).unwrap_or(u64::MAX));
        if takes.is_zero() {
            return;
        }
        part.clock.add_drift(now, slew);
        self.clock_changed(node, slew.ppb(), 0);
        let event = self.core.schedule(now + takes, class::CLOCK, node, Event::SlewEnd { node });
        self.core.part(node).daemon.slew = Some((slew, event));
    }

    /// Ends the slew that is under way, if there is one.
    pub(crate) fn end_slew(&mut self, node: NodeId) {
        let now = self.now();
        let Some((slew, event)) = self.core.part(node).daemon.slew.take() else { return };
        if let Some(event) = event {
            self.core.agenda.cancel(event);
        }
        self.core.part(node).clock.remove_drift(now, slew);
        self.clock_changed(node, -slew.ppb(), 0);
    }

    /// Keeps a host from its time server until [`Self::end_sync_loss`]. One that has none is not touched.
    pub fn begin_sync_loss(&mut self, fault: FaultId, node: NodeId) {
        self.core.part(node).daemon.losses.push(fault);
    }

    /// Ends what [`Self::begin_sync_loss`] did for this fault.
    pub fn end_sync_loss(&mut self, fault: FaultId, node: NodeId) {
        self.core.part(node).daemon.losses.retain(|&other| other != fault);
    }

    /// Lets a node's wall clock claim this bound for its error, true or not, until [`Self::end_bound_lie`]. Of several
    /// faults the last counts.
    pub fn begin_bound_lie(&mut self, fault: FaultId, node: NodeId, bound: Span) {
        self.core.part(node).daemon.lies.push((fault, bound));
    }

    /// Ends what [`Self::begin_bound_lie`] did for this fault.
    pub fn end_bound_lie(&mut self, fault: FaultId, node: NodeId) {
        self.core.part(node).daemon.lies.retain(|&(other, _)| other != fault);
    }
}
