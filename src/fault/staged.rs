//! Faults that hit their nodes again and again, or one after the other: each has a timetable, drawn when it starts.

use std::collections::BTreeSet;

use crate::host::{CrashSettings, FaultId, NodeId, NodeSet, Simulation};
use crate::kernel::{Draw, Sampler, Span, Time};

use super::budget::{Out, within, within_by_turns};
use super::found::{Found, look};
use super::{Keep, NodeEffect, Selector};

/// What a staged fault does, and by which plan.
#[derive(Clone, Debug, PartialEq)]
pub enum Program {
    /// Each node by itself stands still, again and again, as for garbage collection.
    Pauses {
        /// How long it runs each time, before it stands still.
        gap: Sampler,
        /// How long it stands still.
        length: Sampler,
    },
    /// Each node by itself crashes, at once and again and again.
    CrashLoop {
        /// How it dies.
        how: CrashSettings,
        /// How long it is up each time.
        up: Sampler,
        /// How long it is down.
        down: Sampler,
    },
    /// One node after the other is restarted.
    RollingRestart {
        /// How it dies.
        how: CrashSettings,
        /// How long each is down.
        down: Span,
        /// How long all are up before it is the next one's turn.
        gap: Span,
    },
    /// One node after the other is restarted with other settings of its service, which it keeps.
    RollingUpgrade {
        /// How it dies.
        how: CrashSettings,
        /// Which settings.
        settings: u32,
        /// How long each is down.
        down: Span,
        /// How long all are up before it is the next one's turn.
        gap: Span,
    },
    /// Nodes crash for one cause: some of them, one soon after the other.
    CorrelatedCrash {
        /// How they die.
        how: CrashSettings,
        /// How likely each of them is hit, in parts per billion.
        likelihood_ppb: u64,
        /// Each at a random instant up to this, from the start of the fault.
        within: Span,
    },
    /// The wall clock jumps ahead and back, all nodes at the same time.
    ClockStrobe {
        /// How far ahead, in nanoseconds; behind, if negative. Above `i64::MIN`.
        nanos: i64,
        /// How long it stays ahead, and then how long it is right. Above zero.
        period: Span,
    },
}

/// Whom a staged fault hits, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stages {
    /// These, as the program draws it when the fault starts.
    Drawn(Selector),
    /// At these times.
    Explicit(Vec<Stage>),
}

/// One node's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The node.
    pub node: NodeId,
    /// How long after the fault's start it begins.
    pub from: Span,
    /// How long after the fault's start it ends; later than that.
    pub until: Span,
}

impl Stages {
    /// Whom they are among.
    pub(super) fn whom(&self) -> Selector {
        match self {
            Self::Drawn(selector) => selector.clone(),
            Self::Explicit(stages) => Selector::Nodes(stages.iter().map(|stage| stage.node).collect()),
        }
    }
}

/// The shortest time between two turns of one node, so that a timetable has an end.
const LEAST_CYCLE: Span = Span::from_micros(100);

/// How many turns one node has at most in a fault: where a distribution gives less time than that, its cycles are longer.
pub const MOST_TURNS: u64 = 100_000;

/// The shortest turn.
const LEAST_TURN: Span = Span::from_nanos(1);

impl Program {
    /// Its family's name in scenario files and reports.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Pauses { .. } => "pauses",
            Self::CrashLoop { .. } => "crash_loop",
            Self::RollingRestart { .. } => "rolling_restart",
            Self::RollingUpgrade { .. } => "rolling_upgrade",
            Self::CorrelatedCrash { .. } => "correlated_crash",
            Self::ClockStrobe { .. } => "clock_strobe",
        }
    }

    /// What it does to a node in its turn.
    #[must_use]
    pub const fn effect(&self) -> NodeEffect {
        match *self {
            Self::Pauses { .. } => NodeEffect::Pause,
            Self::CrashLoop { how, .. } | Self::RollingRestart { how, .. } | Self::CorrelatedCrash { how, .. } => {
                NodeEffect::Crash(how)
            }
            Self::RollingUpgrade { how, settings, .. } => NodeEffect::Upgrade { how, settings },
            Self::ClockStrobe { nanos, .. } => NodeEffect::ClockOffset { nanos },
        }
    }

    /// Whether its timetable has an end of its own; otherwise the fault has to have one.
    pub(super) const fn ends_by_itself(&self) -> bool {
        matches!(self, Self::RollingRestart { .. } | Self::RollingUpgrade { .. })
    }

    /// Those of these nodes that a budget lets it hit.
    fn within(
        &self,
        budget: Option<&(Keep, Out)>,
        wanted: NodeSet,
        simulation: &Simulation,
        draws: &mut impl Draw,
    ) -> NodeSet {
        let allowed = if self.ends_by_itself() { within_by_turns } else { within };
        allowed(budget, wanted, simulation, draws)
    }

    /// The timetable for these nodes in a fault of this length. Nodes take their draws in ascending order.
    fn draw(&self, nodes: &NodeSet, lasts: Span, draws: &mut impl Draw) -> Vec<Stage> {
        let mut stages = Vec::new();
        match self {
            Self::Pauses { gap, length } => {
                for node in nodes.iter() {
                    let first = gap.sample(draws);
                    again_and_again(&mut stages, node, first, lasts, || (length.sample(draws), gap.sample(draws)));
                }
            }
            Self::CrashLoop { up, down, .. } => {
                for node in nodes.iter() {
                    again_and_again(&mut stages, node, Span::ZERO, lasts, || (down.sample(draws), up.sample(draws)));
                }
            }
            Self::ClockStrobe { period, .. } => {
                for node in nodes.iter() {
                    again_and_again(&mut stages, node, Span::ZERO, lasts, || (*period, *period));
                }
            }
            Self::RollingRestart { down, gap, .. } | Self::RollingUpgrade { down, gap, .. } => {
                let mut from = Span::ZERO;
                for node in nodes.iter() {
                    let until = from + (*down).max(LEAST_TURN);
                    stages.push(Stage { node, from, until });
                    from = until + *gap;
                }
            }
            Self::CorrelatedCrash { likelihood_ppb, within, .. } => {
                for node in nodes.iter() {
                    let is_hit = draws.chance(*likelihood_ppb);
                    let from = Span::from_nanos(draws.in_range(0..=within.as_nanos()));
                    if is_hit && from < lasts {
                        stages.push(Stage { node, from, until: lasts });
                    }
                }
            }
        }
        stages
    }
}

/// Adds a node's turns from `first` on, until the fault ends; each with its length and what comes after it.
fn again_and_again(
    stages: &mut Vec<Stage>,
    node: NodeId,
    first: Span,
    lasts: Span,
    mut turn: impl FnMut() -> (Span, Span),
) {
    let least_cycle = LEAST_CYCLE.max(Span::from_nanos(lasts.as_nanos() / MOST_TURNS));
    let mut from = first;
    while from < lasts {
        let (length, gap) = turn();
        let until = (from + length.max(LEAST_TURN)).min(lasts);
        stages.push(Stage { node, from, until });
        from = (until + gap).max(from + least_cycle);
    }
}

/// A staged fault that has started.
#[derive(Clone, Debug)]
pub(super) struct StagedHit {
    /// The timetable, with every choice made explicit.
    pub(super) stages: Vec<Stage>,
    what: NodeEffect,
    /// What is still to happen: when, whether a turn begins then, and whose. At one instant turns end before others begin.
    steps: BTreeSet<(Time, bool, NodeId)>,
    /// Whose turn it is.
    hit: BTreeSet<NodeId>,
}

impl StagedHit {
    /// Lets a program start now; `lasts` is how long the fault does, if that does not follow from the program. Against
    /// a budget counts everyone in the timetable, for as long as the fault is at work; who goes one at a time, as one.
    pub(super) fn begin(
        program: &Program,
        stages: &Stages,
        lasts: Option<Span>,
        (fault, budget): (FaultId, Option<&(Keep, Out)>),
        simulation: &mut Simulation,
        draws: &mut impl Draw,
        found: &mut Found,
    ) -> Self {
        let what = program.effect();
        let stages = match stages {
            Stages::Explicit(stages) => {
                let listed = stages.iter().map(|stage| stage.node).collect();
                let nodes = program.within(budget, listed, simulation, draws);
                stages.iter().copied().filter(|stage| nodes.contains(stage.node)).collect()
            }
            Stages::Drawn(selector) => {
                let chosen = selector.resolve(simulation, draws);
                let nodes = super::injector::affected(&chosen, what, simulation);
                let nodes = program.within(budget, nodes, simulation, draws);
                program.draw(&nodes, lasts.unwrap_or_default(), draws)
            }
        };
        let now = simulation.now();
        let both = |stage: &Stage| [(now + stage.from, true, stage.node), (now + stage.until, false, stage.node)];
        let steps = stages.iter().flat_map(both).collect();
        let mut started = Self { stages, what, steps, hit: BTreeSet::new() };
        started.step(fault, simulation, found);
        started
    }

    /// Those whose turn it is or will be.
    pub(super) fn to_come(&self) -> NodeSet {
        self.steps.iter().map(|&(.., node)| node).collect()
    }

    /// Everyone in the timetable.
    pub(super) fn targets(&self) -> NodeSet {
        self.stages.iter().map(|stage| stage.node).collect()
    }

    /// When its next step is due.
    pub(super) fn next(&self) -> Option<Time> {
        self.steps.first().map(|&(at, ..)| at)
    }

    /// Takes the steps that are due, and notes in what state it finds whoever's turn it is.
    pub(super) fn step(&mut self, fault: FaultId, simulation: &mut Simulation, found: &mut Found) {
        while let Some(&(at, begins, node)) = self.steps.first().filter(|(at, ..)| *at <= simulation.now()) {
            self.steps.remove(&(at, begins, node));
            if begins {
                self.hit.insert(node);
                look(&[node].into_iter().collect(), simulation, found);
                self.what.begin(simulation, fault, node);
            } else if self.hit.remove(&node) {
                self.what.undo(simulation, fault, node);
            }
        }
    }

    /// Ends whoever's turn it is, and calls the rest off.
    pub(super) fn end(&mut self, fault: FaultId, simulation: &mut Simulation) {
        self.steps.clear();
        for node in std::mem::take(&mut self.hit) {
            self.what.undo(simulation, fault, node);
        }
    }
}
