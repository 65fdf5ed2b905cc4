//! Lets a plan happen to a simulation, and accounts for it.

use std::collections::{BTreeMap, BTreeSet};

use crate::host::{Cut, Links, NodeId, NodeSet, Simulation, Tally, class};
use crate::kernel::{Class, Purpose, Stream, Streams, Time};

use super::budget::{Out, cut_off, granted, within};
use super::found::{Found, hit_by_cut, look};
use super::links::{LinkHit, LinkSelector};
use super::nodes::NodeEffect;
use super::plan::{Effect, Fault, Group, Plan, Shape};
use super::selector::Selector;
use super::staged::{StagedHit, Stages};
use super::trigger::Start;
use super::validate::{Ground, PlanError, PlanMistake, services_of, validate};

/// What became of a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultReport {
    /// Its id in the plan.
    pub id: String,
    /// Its family: `"partition"`, `"crash"` ...
    pub kind: &'static str,
    /// Whom it hit, ascending; for a partition, everyone on one of its sides.
    pub targets: Vec<NodeId>,
    /// When it started, or was to start; `None`: what would trigger it has not happened.
    pub start: Option<Time>,
    /// When it ended; `None` if it has not started or is still at work.
    pub end: Option<Time>,
    /// In what state it found those whom it hit, by node: the role that each had, or [`RECOVERING`](super::RECOVERING),
    /// [`SERVING`](super::SERVING) or [`CLIENT`](super::CLIENT). Of a cut, those whom it separates from most of their service; of
    /// others of links, those whose links they are. Who was down is not among them.
    pub found: Vec<(NodeId, &'static str)>,
    /// How much it touched: messages dropped, delayed, copied or damaged, processes killed, work delayed, clocks
    /// read.
    pub touched: u64,
    /// The same by kinds of things.
    pub tally: Tally,
    /// How many messages died of it.
    pub dropped: u64,
    /// Whether it started.
    pub started: bool,
    /// Whether it may touch nothing.
    pub may_miss: bool,
    /// The nemesis that made it, if one did.
    pub nemesis: Option<String>,
}

/// Lets the faults of one plan happen in one run. The host knows a fault by the stable hash of its id.
#[derive(Clone, Debug)]
pub struct Injector {
    pub(super) faults: Vec<Tracked>,
    /// What is to happen, by class: (when, id, place in the plan). A token only says that the first of its class
    /// is due; so the order at one instant holds however ties of events are broken.
    pub(super) due: BTreeMap<Class, BTreeSet<(Time, String, usize)>>,
    pub(super) seed: u64,
    /// Where those faults begin that were added under way.
    pub(super) planned: usize,
    /// No timetable goes beyond this.
    horizon: Time,
}

#[derive(Clone, Debug)]
pub(super) struct Tracked {
    pub(super) fault: Fault,
    /// For its random choices.
    pub(super) stream: Stream,
    /// The number of the host's lookout, if it has a trigger.
    pub(super) lookout: Option<usize>,
    pub(super) hit: Option<Hit>,
    /// In what state whom it hit was then.
    pub(super) found: Found,
    pub(super) ended: Option<Time>,
}

/// Whom a fault hit, once it has started.
#[derive(Clone, Debug)]
pub(super) enum Hit {
    Links(Cut),
    Disturbed(LinkHit),
    Nodes(NodeSet),
    Staged(StagedHit),
}

pub(super) const CHOICES: Purpose = Purpose::new("fault");

impl Injector {
    /// Prepares a plan for a run of this simulation under `seed`.
    ///
    /// # Errors
    /// If the plan asks for something that cannot be: a node or service that is not there, one id twice ...
    pub fn new(plan: Plan, seed: u64, simulation: &Simulation) -> Result<Self, PlanError> {
        validate(&plan, simulation)?;
        let mut streams = Streams::new(seed);
        let track = |fault: Fault| match streams.open(CHOICES, &fault.id) {
            Ok(stream) => Ok(Tracked { fault, stream, lookout: None, hit: None, found: Found::new(), ended: None }),
            Err(clash) => Err(PlanError { fault: fault.id, mistake: PlanMistake::StreamClash(clash) }),
        };
        let faults = plan.faults.into_iter().map(track).collect::<Result<Vec<_>, _>>()?;
        let planned = faults.len();
        Ok(Self { faults, due: BTreeMap::new(), seed, planned, horizon: Time::MAX })
    }

    /// Draws no timetable beyond an instant by which the run is over, however long a fault would last.
    #[must_use]
    pub fn up_to(self, horizon: Time) -> Self {
        Self { horizon, ..self }
    }

    /// Asks the simulation for a token at the start of every fault, or at what triggers it. Once, before the run. Faults
    /// of single messages need none: they wait for theirs from the beginning.
    pub fn schedule(&mut self, simulation: &mut Simulation) {
        for number in 0..self.faults.len() {
            let tracked = &mut self.faults[number];
            let class = tracked.class();
            simulation.name_fault(tracked.fault.host_id(), &tracked.fault.id);
            match &tracked.fault.start {
                _ if tracked.fault.what.is_one_message() => self.start(simulation, number),
                Start::At(at) => {
                    let at = *at;
                    if let Some(taken) = tracked.fault.what.backup_taken() {
                        self.ask(simulation, class, taken, number);
                    }
                    self.ask(simulation, class, at, number);
                }
                Start::When(trigger) => {
                    let lookout = trigger.lookout(simulation, class);
                    tracked.lookout = Some(simulation.look_out(lookout));
                }
            }
        }
    }

    /// Gives the faults whose triggers have fired their instants.
    fn collect(&mut self, simulation: &mut Simulation) {
        for (lookout, at) in simulation.signs() {
            let Some(number) = self.faults.iter().position(|tracked| tracked.lookout == Some(lookout)) else {
                continue;
            };
            let tracked = &mut self.faults[number];
            tracked.fault.start = Start::At(at);
            let due = (at, tracked.fault.id.clone(), number);
            self.due.entry(tracked.class()).or_default().insert(due);
        }
    }

    pub(super) fn ask(&mut self, simulation: &mut Simulation, class: Class, at: Time, number: usize) {
        let id = self.faults[number].fault.id.clone();
        self.due.entry(class).or_default().insert((at, id, number));
        simulation.tell_at(at, class, 0);
    }

    /// A token has come of the class `FAULT_END`, `FAULT_START` or `CLOCK`: lets the next fault of that class start
    /// or end.
    pub fn token(&mut self, simulation: &mut Simulation, class: Class) {
        self.collect(simulation);
        let Some(due) = self.due.get_mut(&class) else { return };
        // After everything was healed, tokens still come for what is called off.
        if due.first().is_none_or(|&(at, ..)| at > simulation.now()) {
            return;
        }
        let Some((_, _, number)) = due.pop_first() else { return };
        match &self.faults[number] {
            // It has taken its last step.
            Tracked { ended: Some(_), .. } => {}
            _ if class == class::FAULT_END => self.end(simulation, number),
            Tracked { hit: Some(_), .. } => self.go_on(simulation, number),
            Tracked { fault, .. } if fault.start.instant().is_some_and(|at| simulation.now() < at) => {
                self.back_up(simulation, number);
            }
            _ => self.start(simulation, number),
        }
    }

    /// Takes backups of all disks that a fault may restore.
    fn back_up(&self, simulation: &mut Simulation, number: usize) {
        let Some((_, whom)) = self.faults[number].fault.what.backup() else { return };
        whom.candidates(simulation).into_iter().for_each(|node| simulation.back_up_disk(node));
    }

    /// Lets a fault that has started take its next step.
    fn go_on(&mut self, simulation: &mut Simulation, number: usize) {
        let Tracked { fault, hit: Some(hit), found, .. } = &mut self.faults[number] else { return };
        let id = fault.host_id();
        match hit {
            Hit::Disturbed(hit) => hit.step(id, simulation, found),
            Hit::Staged(hit) => hit.step(id, simulation, found),
            Hit::Links(_) | Hit::Nodes(_) => {}
        }
        self.plan_next(simulation, number);
    }

    /// Asks for a token at a fault's next step. A rolling fault that has taken its last is over.
    fn plan_next(&mut self, simulation: &mut Simulation, number: usize) {
        let class = self.faults[number].class();
        let Tracked { fault, hit: Some(hit), ended, .. } = &mut self.faults[number] else { return };
        let next = match hit {
            Hit::Disturbed(hit) => hit.next(),
            Hit::Staged(hit) => hit.next(),
            Hit::Links(_) | Hit::Nodes(_) => None,
        };
        if let Some(next) = next {
            self.ask(simulation, class, next, number);
        } else if matches!(hit, Hit::Staged(_)) && fault.what.ends_by_itself() {
            *ended = Some(simulation.now());
        }
    }

    fn start(&mut self, simulation: &mut Simulation, number: usize) {
        let budget = self.faults[number].fault.keep.map(|keep| (keep, self.out(simulation)));
        let tracked = &mut self.faults[number];
        let id = tracked.fault.host_id();
        let now = simulation.now();
        match &tracked.fault.what {
            Effect::Partition { shape, cut_at } => {
                let mut cut = resolve(shape, simulation, &mut tracked.stream);
                if let Some((keep, out)) = &budget {
                    let wanted = cut_off(&cut, simulation);
                    // Half a partition would be another one: it happens whole or not at all.
                    if granted(*keep, &wanted, out, simulation, &mut tracked.stream).len() < wanted.len() {
                        cut = nothing_of(&cut);
                    }
                }
                look(&hit_by_cut(&cut, simulation), simulation, &mut tracked.found);
                simulation.cut(id, cut.clone(), *cut_at);
                tracked.hit = Some(Hit::Links(cut));
            }
            Effect::Links(effect) => {
                let lasts = tracked.fault.lasts;
                let whose = (id, budget.as_ref());
                let (stream, found) = (&mut tracked.stream, &mut tracked.found);
                let hit = LinkHit::begin(effect, lasts, whose, simulation, stream, found);
                tracked.hit = Some(Hit::Disturbed(hit));
            }
            Effect::Nodes { whom, what } => {
                let chosen = whom.resolve(simulation, &mut tracked.stream);
                let nodes = affected(&chosen, *what, simulation);
                let nodes = within(budget.as_ref(), nodes, simulation, &mut tracked.stream);
                look(&nodes, simulation, &mut tracked.found);
                nodes.iter().for_each(|node| what.begin(simulation, id, node));
                tracked.hit = Some(Hit::Nodes(nodes));
                if matches!(what, NodeEffect::ClockStep { .. }) {
                    tracked.ended = Some(now);
                    return;
                }
            }
            Effect::Staged { stages, program } => {
                let lasts = tracked.fault.lasts.map(|lasts| lasts.min(self.horizon.since(now)));
                let (stream, found) = (&mut tracked.stream, &mut tracked.found);
                let whose = (id, budget.as_ref());
                let hit = StagedHit::begin(program, stages, lasts, whose, simulation, stream, found);
                tracked.hit = Some(Hit::Staged(hit));
            }
        }
        // A fault of a single message waits for it as long as it takes.
        let span =
            if matches!(tracked.fault.what, Effect::Links(_)) { tracked.fault.lasts } else { tracked.fault.span() };
        self.plan_next(simulation, number);
        if let Some(span) = span {
            self.ask(simulation, class::FAULT_END, now + span, number);
        }
    }

    /// Whom the faults that are at work keep from taking part.
    fn out(&self, simulation: &Simulation) -> Out {
        let at_work = self.faults.iter().filter(|tracked| tracked.is_at_work() && tracked.fault.what.takes_out());
        let (mut nodes, mut rolling) = (Vec::new(), Vec::new());
        for Tracked { fault, hit, .. } in at_work {
            match hit {
                Some(Hit::Nodes(hit)) => nodes.extend(hit.iter()),
                Some(Hit::Links(cut)) => nodes.extend(cut_off(cut, simulation).iter()),
                Some(Hit::Staged(hit)) if fault.what.ends_by_itself() => rolling.push(hit.to_come()),
                Some(Hit::Staged(hit)) => nodes.extend(hit.targets().iter()),
                Some(Hit::Disturbed(hit)) => nodes.extend(hit.out(simulation).iter()),
                None => {}
            }
        }
        Out { nodes: nodes.into_iter().collect(), rolling }
    }

    fn end(&mut self, simulation: &mut Simulation, number: usize) {
        let tracked = &mut self.faults[number];
        let id = tracked.fault.host_id();
        match (&mut tracked.hit, &tracked.fault.what) {
            (Some(Hit::Nodes(nodes)), Effect::Nodes { what, .. }) => {
                nodes.iter().for_each(|node| what.undo(simulation, id, node));
            }
            (Some(Hit::Staged(hit)), _) => hit.end(id, simulation),
            _ => simulation.heal(id),
        }
        tracked.ended = Some(simulation.now());
    }

    /// Ends, by their ids, all faults that are at work, and calls off those still to start: from now on nothing
    /// fails.
    pub fn heal_all(&mut self, simulation: &mut Simulation) {
        self.collect(simulation);
        simulation.stop_looking_out();
        self.due.clear();
        let by_id = |(number, tracked): (usize, &Tracked)| (tracked.fault.id.clone(), number);
        let faults = self.faults.iter().enumerate();
        let at_work: BTreeSet<_> = faults.filter(|(_, tracked)| tracked.is_at_work()).map(by_id).collect();
        at_work.into_iter().for_each(|(_, number)| self.end(simulation, number));
    }

    /// What became of each fault so far, in the order of the plan.
    #[must_use]
    pub fn report(&self, simulation: &Simulation) -> Vec<FaultReport> {
        let report = |tracked: &Tracked| {
            let id = tracked.fault.host_id();
            let (start, end, started) = if tracked.fault.what.is_one_message() {
                let met = simulation.met(id);
                (met, met, met.is_some())
            } else {
                (tracked.fault.start.instant(), tracked.ended, tracked.hit.is_some())
            };
            FaultReport {
                id: tracked.fault.id.clone(),
                kind: tracked.fault.what.kind(),
                targets: tracked.hit.as_ref().map_or_else(Vec::new, Hit::targets),
                start,
                end,
                found: tracked.found.iter().copied().collect(),
                touched: simulation.touched(id),
                tally: simulation.tally(id),
                dropped: simulation.killed(id),
                started,
                may_miss: tracked.fault.may_miss,
                nemesis: tracked.fault.nemesis.clone(),
            }
        };
        self.faults.iter().map(report).collect()
    }

    /// The plan with every choice made explicit: it replays to the same run, whatever the seed. Faults that have
    /// not started stand as they were.
    #[must_use]
    pub fn resolved(&self) -> Plan {
        let resolve = |tracked: &Tracked| {
            let mut fault = tracked.fault.clone();
            if tracked.hit.is_some() {
                fault.keep = None;
            }
            match (&tracked.hit, &mut fault.what) {
                (Some(Hit::Links(cut)), Effect::Partition { shape, .. }) => *shape = explicit(cut),
                (Some(Hit::Nodes(nodes)), Effect::Nodes { whom, .. }) => *whom = listed(nodes),
                (Some(Hit::Disturbed(hit)), Effect::Links(effect)) => *effect = hit.explicit.clone(),
                (Some(Hit::Staged(hit)), Effect::Staged { stages, .. }) => {
                    *stages = Stages::Explicit(hit.stages.clone())
                }
                _ => {}
            }
            fault
        };
        Plan { faults: self.faults.iter().map(resolve).collect() }
    }
}

impl Tracked {
    /// The class of the tokens at which it starts and takes its steps: clocks change last.
    pub(super) const fn class(&self) -> Class {
        if self.fault.what.is_of_clocks() { class::CLOCK } else { class::FAULT_START }
    }

    const fn is_at_work(&self) -> bool {
        self.hit.is_some() && self.ended.is_none()
    }
}

impl Hit {
    fn targets(&self) -> Vec<NodeId> {
        let nodes = match self {
            Self::Nodes(nodes) => nodes.clone(),
            Self::Links(cut) => cut.ends(),
            Self::Disturbed(hit) => hit.targets.clone(),
            Self::Staged(hit) => hit.targets(),
        };
        nodes.iter().collect()
    }
}

/// Those of these nodes that an effect acts on: a zone may hold clients, who have no process.
pub(super) fn affected(chosen: &NodeSet, what: NodeEffect, simulation: &Simulation) -> NodeSet {
    let is_hit = |&node: &NodeId| !what.needs_process() || simulation.service_of(node).is_some();
    chosen.iter().filter(is_hit).collect()
}

/// The links that a shape means now. Groups choose in their order, and the first that has a node keeps it.
fn resolve(shape: &Shape, simulation: &Simulation, stream: &mut Stream) -> Cut {
    match shape {
        Shape::Links(links) => return Cut::Links(links.resolve(simulation, stream)),
        Shape::Drawn { of, pattern } => return pattern.draw(simulation.replicas(of).collect(), stream),
        Shape::Groups(_) | Shape::OneWay { .. } => {}
    }
    let mut taken = NodeSet::default();
    let choose = |group: &Group| match group {
        Group::Of(selector) => {
            let nodes = selector.resolve(simulation, stream);
            Some(nodes.iter().filter(|&node| taken.insert(node)).collect::<NodeSet>())
        }
        Group::Rest => None,
    };
    let chosen: Vec<_> = shape.groups().into_iter().map(choose).collect();
    let services = services_of(shape, simulation);
    let rest = services.iter().flat_map(|name| simulation.replicas(name)).filter(|&node| !taken.contains(node));
    let rest: NodeSet = rest.collect();
    let mut sides = chosen.into_iter().map(|side| side.unwrap_or_else(|| rest.clone()));
    if matches!(shape, Shape::OneWay { .. }) {
        let from = sides.next().unwrap_or_default();
        return Cut::OneWay { from, to: sides.next().unwrap_or_default() };
    }
    Cut::Groups(sides.collect())
}

/// A cut of the same shape that cuts nothing.
fn nothing_of(cut: &Cut) -> Cut {
    match cut {
        Cut::Groups(groups) => Cut::Groups(vec![NodeSet::default(); groups.len()]),
        Cut::OneWay { .. } => Cut::OneWay { from: NodeSet::default(), to: NodeSet::default() },
        Cut::Links(_) => Cut::Links(Links::default()),
    }
}

fn explicit(cut: &Cut) -> Shape {
    let group = |nodes: &NodeSet| Group::Of(listed(nodes));
    match cut {
        Cut::Groups(groups) => Shape::Groups(groups.iter().map(group).collect()),
        Cut::OneWay { from, to } => Shape::OneWay { from: group(from), to: group(to) },
        Cut::Links(links) => Shape::Links(LinkSelector::explicit(links)),
    }
}

fn listed(nodes: &NodeSet) -> Selector {
    Selector::Nodes(nodes.iter().collect())
}
