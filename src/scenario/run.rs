//! One run of a scenario: builds the simulation, lets faults and clients act on it, and gathers what happened.

use std::fmt;

use crate::check::{
    Check, Expectation, Figure, Interval, Metrics, Phase, Quantity, Recovery, Verdict, Windows, load_figures,
};
use crate::fault::{FaultReport, Injector, PlanError};
use crate::host::{BuildError, Builder, Census, End, NodeId, Point, SentMessage, Simulation, Step, ZoneId, class};
use crate::kernel::{Digest, Streams, Time, Trace};
use crate::load::{ClientSettings, History, Load, LoadError, Operation, Recording};

use super::chaos::Unleashed;
use super::coverage::Covered;
use super::evidence::ServiceEvidence;
use super::file::{Client, Scenario, Service};
use super::judge::{Finished, judge};
use super::nemesis::Generator;
use super::points::Switch;
use super::reach::Reach;
use super::recovery::{Heal, Probing, freeze};
use super::registry::Watched;
use super::resolve;
use super::settling::Settling;

/// How to run a scenario.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RunOptions {
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// Whether every record of the trace is kept. The run is the same with and without.
    pub keep_trace: bool,
}

/// Where a node lives, and what it is part of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Home {
    /// The service that it is a replica of; `None` for a client.
    pub service: Option<String>,
    /// The name of its zone; empty if the scenario names no zones.
    pub zone: String,
}

/// A finished run.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its seed.
    pub seed: u64,
    /// Whether the hypothesis held.
    pub verdict: Verdict,
    /// Each expectation, judged, and what else decides the verdict.
    pub checks: Vec<Check>,
    /// What is worth knowing about the verdict, in sentences.
    pub notes: Vec<String>,
    /// Which families of faults took part by `chaos` or `swarm`, how intense they were, and what else the seed has drawn,
    /// in words.
    pub chaos: Option<String>,
    /// What the clients did and saw.
    pub recording: Recording,
    /// How many of the operations are final reads: the last ones of the history.
    pub final_reads: usize,
    /// By operation of the history: whether it was not answered, and at some instant could not have been, because
    /// of the faults.
    pub unavailable_by_design: Vec<bool>,
    /// When "before", "during" and "after" were.
    pub windows: Windows,
    /// Availability and latency without the warm-up.
    pub metrics: Metrics,
    /// What else was measured, whatever the hypothesis asks.
    pub figures: Vec<Figure>,
    /// What became of each fault.
    pub faults: Vec<FaultReport>,
    /// Where every message ended.
    pub census: Census,
    /// Why the run ended early, if it did.
    pub ended_early: Option<End>,
    /// When it ended.
    pub simulated: Time,
    /// How many events happened.
    pub events: u64,
    /// A hash of what the nodes and disks hold at the end.
    pub final_state: u64,
    /// What it covered: rare paths, roles, and the states in which faults found whom they hit.
    pub covered: Covered,
    /// The points that were switched on, by name, and how often nodes passed and took each.
    pub points: Vec<(String, Point)>,
    /// How often each rare path was reached.
    pub reached: Vec<(&'static str, u64)>,
    /// The names of the nodes, by number.
    pub names: Vec<String>,
    /// Where the nodes live and what they are part of, by number.
    pub homes: Vec<Home>,
    /// Digest and, if asked for, records.
    pub trace: Trace,
    /// If records were asked for: every message that was sent, in that order.
    pub messages: Vec<SentMessage>,
    /// The scenario with defaults, the seed and every choice of the faults filled in.
    pub resolved: serde_json::Value,
}

impl Run {
    /// The digest of everything that happened.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        self.trace.digest()
    }

    /// What the clients saw.
    #[must_use]
    pub const fn history(&self) -> &History {
        &self.recording.history
    }

    /// What the clients of the load did, without the final reads.
    #[must_use]
    pub fn load_operations(&self) -> &[Operation] {
        let operations = &self.history().operations;
        &operations[..operations.len() - self.final_reads]
    }

    /// The name of a node.
    #[must_use]
    pub fn name(&self, node: NodeId) -> &str {
        self.names.get(node.0 as usize).map_or("?", String::as_str)
    }
}

/// The tokens of the scenario floor, in class [`class::CHECK`].
const END_OF_LOAD: u64 = 0;
const END_OF_RUN: u64 = 1;
const END_OF_RECOVERY: u64 = 2;
const END_OF_PATIENCE: u64 = 3;

impl Scenario {
    /// Runs the scenario once.
    ///
    /// # Errors
    /// If it cannot be built: names whose random streams clash, or values that the seed has drawn and that do not fit
    /// together.
    pub fn run(&self, options: RunOptions) -> Result<Run, RunError> {
        let Some(varied) = &self.varied else { return Ok(self.driver(options, None)?.drive()) };
        let (scenario, words) = varied.draw(options.seed).map_err(RunError::Drawn)?;
        Ok(scenario.driver(options, Some(words))?.drive())
    }

    /// A run of the scenario as it stands, at its start; `drawn` says which of its values the seed has drawn.
    pub(super) fn driver(&self, options: RunOptions, drawn: Option<String>) -> Result<Driver<'_>, RunError> {
        let chaos = self.chaos.map(|chaos| chaos.unleashed(self, options.seed)).transpose();
        let chaos = chaos.map_err(|problems| RunError::Drawn(problems.to_string()))?;
        let simulation = self.simulation(options, chaos.as_ref()).map_err(RunError::Build)?;
        let mut driver = Driver::new(self, simulation, options.seed, chaos)?;
        driver.chaos = [driver.chaos, drawn].into_iter().flatten().reduce(|chaos, drawn| format!("{chaos} {drawn}"));
        Ok(driver)
    }

    /// The homes of the nodes, in their order: services as the file has them, then clients.
    pub(super) fn homes(&self) -> Vec<Home> {
        let zone = |zone: ZoneId| self.zones.get(zone.0 as usize).cloned().unwrap_or_default();
        let replicas = self.services.iter().flat_map(|service| {
            let home = |&at: &ZoneId| Home { service: Some(service.name.clone()), zone: zone(at) };
            service.placement.iter().map(home).collect::<Vec<_>>()
        });
        replicas.chain(self.clients.iter().map(|client| Home { service: None, zone: zone(client.zone) })).collect()
    }

    /// The simulation at its start, without faults and load.
    pub(super) fn simulation(
        &self,
        options: RunOptions,
        chaos: Option<&Unleashed>,
    ) -> Result<Simulation, BuildError> {
        let mut builder = Builder::new(options.seed);
        for _ in 1..self.zones.len() {
            builder.zone();
        }
        builder.links(self.link.clone()).limits(self.limits);
        for (from, to, link) in &self.zone_links {
            builder.zone_link(*from, *to, link.clone());
        }
        for (from, to, link) in &self.node_links {
            builder.link(*from, *to, link.clone());
        }
        if options.keep_trace {
            builder.keep_trace();
        }
        if self.shuffle_ties {
            builder.shuffle_ties();
        }
        if let Some(priorities) = self.priorities {
            builder.prioritize(priorities);
        }
        let expects = |is: fn(&Expectation) -> bool| self.hypothesis.expectations.iter().any(|(_, what)| is(what));
        let watched = Watched {
            invariants: expects(|what| *what == Expectation::Invariants),
            order: expects(Expectation::may_be_belied),
        };
        for (number, service) in self.services.iter().enumerate() {
            let others = chaos.and_then(|chaos| chaos.others.get(number)).unwrap_or(&service.others);
            let Service { name, what, host, placement, .. } = service;
            what.deploy(name, placement, host, watched, others, &mut builder);
        }
        let drawn = chaos.map_or(&[][..], |chaos| &chaos.points);
        self.points.iter().chain(drawn).for_each(|switch| switch.switch_on(&mut builder));
        for client in &self.clients {
            builder.client(&client.name, client.zone);
        }
        builder.finish()
    }
}

/// A run under way. A clone goes on as the original would.
#[derive(Clone)]
pub(super) struct Driver<'a> {
    scenario: &'a Scenario,
    seed: u64,
    pub(super) simulation: Simulation,
    pub(super) injector: Injector,
    /// What made faults, and how many, in their order. They stand in the plan after all others.
    made: Vec<(Generator, usize)>,
    /// What the seed has drawn of chaos, in words.
    chaos: Option<String>,
    /// The points that chaos has switched on.
    points: Vec<Switch>,
    load: Load,
    reach: Reach,
    pub(super) stage: Stage,
    /// When everything heals at the latest, although operations are open: their clients may be held, or their clocks crawl.
    patience: Time,
    /// What clients showed after everything had healed, if they were asked.
    recovery: Option<Recovery>,
    /// The replicas that have failed for good.
    frozen: Vec<NodeId>,
}

/// How far a run is.
#[derive(Clone)]
pub(super) enum Stage {
    /// Clients do what they are told.
    Load,
    /// Everything has healed, and clients are asked whether they get on.
    Recovery(Box<Probing>),
    /// All is over, and what is under way comes to rest.
    Settling(Box<Settling>),
}

impl Stage {
    /// The clients that something is for: those of the load, if it is meant for them, or those that act now. A client that
    /// was held may get on with the load only when others act already.
    fn load<'s>(&'s mut self, load: &'s mut Load, is_meant: impl FnOnce(&Load) -> bool) -> &'s mut Load {
        let others = match self {
            Self::Recovery(probing) => Some(&mut probing.load),
            Self::Settling(settling) => settling.load(),
            Self::Load => None,
        };
        others.filter(|_| !is_meant(load)).unwrap_or(load)
    }
}

impl<'a> Driver<'a> {
    fn new(
        scenario: &'a Scenario,
        mut simulation: Simulation,
        seed: u64,
        chaos: Option<Unleashed>,
    ) -> Result<Self, RunError> {
        let settings = scenario.clients.iter().map(|client| client_settings(scenario, client)).collect();
        let mut load = Load::new(settings, seed).map_err(RunError::Load)?;
        let (mut plan, mut made) = (scenario.plan.clone(), Vec::new());
        let mut streams = Streams::new(seed);
        let (words, points, unleashed) =
            chaos.map_or_else(Default::default, |chaos| (Some(chaos.words), chaos.points, chaos.generators));
        for generator in scenario.nemeses.iter().cloned().chain(unleashed) {
            let faults = generator.faults(&mut streams).map_err(RunError::Plan)?;
            made.push((generator, faults.len()));
            plan.faults.extend(faults);
        }
        // A run whose faults do not heal goes on until it has settled, twice if every key is read again.
        let horizon = scenario.patience() + scenario.settle.times(2);
        let mut injector = Injector::new(plan, seed, &simulation).map_err(RunError::Plan)?.up_to(horizon);
        let end = Time::ZERO + scenario.duration;
        simulation.tell_at(end, class::CHECK, END_OF_LOAD);
        injector.schedule(&mut simulation);
        load.schedule(&mut simulation);
        let reach = Reach::new(&simulation, scenario);
        Ok(Self {
            scenario,
            seed,
            simulation,
            injector,
            made,
            chaos: words,
            points,
            load,
            reach,
            stage: Stage::Load,
            patience: scenario.patience(),
            recovery: None,
            frozen: Vec::new(),
        })
    }

    /// Until the last operation has ended; then everything heals, clients show that they get on, and the run settles.
    pub(super) fn drive(mut self) -> Run {
        loop {
            let step = self.next_step();
            if let Some(ended) = self.follow(step) {
                return self.finish(ended);
            }
        }
    }

    /// Lets faults and clients act on what has happened. When the run is over: why it ended early, if it did.
    pub(super) fn follow(&mut self, step: Step) -> Option<Option<End>> {
        match step {
            // Nobody is told of it where the run does not stop after each event, so nothing may follow from it.
            Step::Ran if matches!(self.stage, Stage::Load) => return None,
            Step::Ran => {}
            Step::Turned { .. } => self.reach.look(&self.simulation),
            Step::Token { class: class::CHECK, token: END_OF_RUN } => {
                if !self.read_again() {
                    return Some(None);
                }
            }
            Step::Token { class: class::CHECK, .. } => {}
            Step::Token { class: class::CLIENT, .. } => {
                let now = self.simulation.now();
                self.stage.load(&mut self.load, |load| load.is_due(now)).wake(&mut self.simulation);
            }
            Step::Token { class, .. } => {
                self.injector.token(&mut self.simulation, class);
                self.reach.look(&self.simulation);
                self.follow_clients();
            }
            Step::Answer { client, tag, result, seen, .. } => {
                let load = self.stage.load(&mut self.load, |load| load.has_asked(tag));
                load.answer(&mut self.simulation, client, tag, result, seen);
            }
            Step::Ended(End::Quiet) => return Some(None),
            Step::Ended(end) => return Some(Some(end)),
        }
        let now = self.simulation.now();
        let is_read = if let Stage::Settling(settling) = &mut self.stage { settling.reads_end(now) } else { false };
        match &self.stage {
            Stage::Load if self.is_drained() => self.heal(),
            Stage::Recovery(probing) if now >= probing.deadline || probing.is_over() => self.settle(),
            Stage::Settling(_) if is_read => self.rest(),
            _ => {}
        }
        None
    }

    /// Whether operations and faults may still start at an instant.
    pub(super) fn may_start(&self, at: Time) -> bool {
        at < Time::ZERO + self.scenario.duration
    }

    /// Whether nothing is to happen any more before clients have been waited for long enough.
    pub(super) fn is_idle(&mut self) -> bool {
        !self.may_start(self.simulation.now()) && self.simulation.next_event().is_none_or(|next| next > self.patience)
    }

    /// Whether the last operation has ended, or was waited for long enough.
    fn is_drained(&self) -> bool {
        let now = self.simulation.now();
        !self.may_start(now) && (self.load.open() == 0 || now >= self.patience)
    }

    /// Runs until there is something to tell, and while the run settles looks at the replicas on the way.
    pub(super) fn next_step(&mut self) -> Step {
        match &mut self.stage {
            Stage::Settling(settling) => {
                if let Some(step) = self.simulation.run_until(settling.next_look()) {
                    return step;
                }
                settling.look(self.scenario, &self.simulation);
                Step::Ran
            }
            Stage::Load if self.simulation.now() >= Time::ZERO + self.scenario.duration => self.drain(),
            Stage::Load | Stage::Recovery(_) => self.simulation.run(),
        }
    }

    /// Runs on while operations are open, and no longer than clients are waited for. Only a run that comes so far has a
    /// token more.
    fn drain(&mut self) -> Step {
        match self.simulation.run_until(self.patience) {
            None | Some(Step::Ended(End::Quiet)) => {
                self.simulation.tell_at(self.patience, class::CHECK, END_OF_PATIENCE);
                self.simulation.run()
            }
            Some(step) => step,
        }
    }

    fn heal(&mut self) {
        let Self { scenario, seed, simulation, .. } = self;
        if scenario.heal == Heal::Core {
            self.frozen = freeze(simulation, scenario, *seed);
        }
        if scenario.heal != Heal::Nothing {
            self.injector.heal_all(simulation);
        }
        self.reach.look(simulation);
        self.follow_clients();
        let Self { scenario, seed, simulation, .. } = self;
        match Probing::new(scenario, &self.load, *seed, simulation) {
            Some(probing) => {
                simulation.tell_at(probing.deadline, class::CHECK, END_OF_RECOVERY);
                self.stage = Stage::Recovery(Box::new(probing));
            }
            None => self.settle(),
        }
    }

    /// Lets the load know which clients have crashed, and which have started again.
    fn follow_clients(&mut self) {
        for (client, is_up) in self.simulation.client_turns() {
            self.load.turn(&mut self.simulation, client, is_up);
        }
    }

    fn settle(&mut self) {
        let now = self.simulation.now();
        let healed = if let Stage::Recovery(probing) = &self.stage { probing.healed } else { now };
        let settling = Stage::Settling(Box::new(Settling::new(self.scenario, healed, now)));
        if let Stage::Recovery(probing) = std::mem::replace(&mut self.stage, settling) {
            self.recovery = Some(probing.finish(self.scenario, &self.simulation, &self.reach));
        }
        self.rest();
    }

    fn rest(&mut self) {
        let end = self.simulation.now() + self.scenario.settle;
        self.simulation.tell_at(end, class::CHECK, END_OF_RUN);
    }

    /// Begins the final reads, if there are any to come.
    fn read_again(&mut self) -> bool {
        let Self { scenario, seed, simulation, load, stage: Stage::Settling(settling), .. } = self else {
            return false;
        };
        if !scenario.final_reads || settling.load().is_some() {
            return false;
        }
        let history = load.clone().finish(simulation.now()).history;
        settling.begin_reads(scenario, *seed, &history, simulation)
    }

    pub(super) fn finish(self, ended_early: Option<End>) -> Run {
        let Self {
            scenario,
            seed,
            simulation,
            injector,
            made,
            chaos,
            points,
            load,
            reach,
            stage,
            recovery,
            frozen,
            ..
        } = self;
        let simulated = simulation.now();
        let mut settled = if let Stage::Settling(settling) = stage { Some(settling) } else { None };
        let mut recording = load.finish(simulated);
        let loaded = recording.history.operations.len();
        if let Some(reads) = settled.as_mut().and_then(|settling| settling.finish(simulated)) {
            recording.append(reads);
        }
        let history = &recording.history;
        let faults = injector.report(&simulation);
        let last = |fault: &FaultReport| Some(Interval { start: fault.start?, end: fault.end.unwrap_or(Time::MAX) });
        let lasted: Vec<_> = faults.iter().filter_map(last).collect();
        let (warm_up, end) = (Time::ZERO + scenario.warm_up, Time::ZERO + scenario.duration);
        let windows = Windows::new(warm_up, end, &lasted, scenario.hypothesis.within);
        let services = ServiceEvidence::of_all(scenario, history, &simulation);
        let names: Vec<_> = simulation.nodes().map(|node| simulation.name(node).to_owned()).collect();
        let finished = Finished {
            history,
            windows: &windows,
            services: &services,
            faults: &faults,
            recovery: recovery.as_ref(),
            ended_early: ended_early.as_ref(),
            simulation: &simulation,
        };
        let checks = judge(scenario, &finished);
        let verdict = Check::verdict_of(&checks);
        let metrics = Metrics::of(history, &windows, Phase::Always);
        let unavailable_by_design = reach.unavailable_by_design(scenario, history, simulated);
        let mut figures = load_figures(history, &windows, scenario.clients.len(), &unavailable_by_design);
        for (place, service) in services.iter().enumerate() {
            let converged = |replicas: &[_]| {
                settled.as_ref().map_or(Quantity::Nothing, |settling| settling.converged(place, replicas, simulated))
            };
            figures.extend(service.figures(converged));
        }
        let drawn = (chaos.as_deref(), points.as_slice());
        let resolved = resolve::resolved(scenario, seed, (&injector.resolved(), &made), drawn, &names);
        let notes = super::judge::notes(scenario, &frozen, &simulation);
        let notes = notes.into_iter().chain(super::judge::disk_notes(&simulation));
        let notes = notes.chain(super::judge::chaos_note(&faults));
        let notes = notes.chain(super::points::note(&simulation, &scenario.points)).collect();
        let points = simulation.maybes().map(|(name, point)| (name.to_owned(), point)).collect();
        let (census, events, final_state) = (simulation.census(), simulation.events(), simulation.final_state());
        let (reached, homes) = (simulation.reached().collect(), scenario.homes());
        let covered = Covered::by(&simulation, &homes, &faults);
        let (trace, messages) = simulation.into_trace();
        Run {
            seed,
            verdict,
            checks,
            notes,
            chaos,
            final_reads: history.operations.len() - loaded,
            unavailable_by_design,
            windows,
            metrics,
            figures,
            faults,
            census,
            ended_early,
            simulated,
            events,
            final_state,
            covered,
            points,
            reached,
            names,
            homes,
            trace,
            messages,
            resolved,
            recording,
        }
    }
}

/// What a client is told to do, and where it lives.
pub(super) fn client_settings(scenario: &Scenario, client: &Client) -> (NodeId, ClientSettings) {
    let written = client.written.clone();
    let settings = ClientSettings {
        name: client.name.clone(),
        targets: client.targets.clone(),
        prefer: client.prefer,
        policy: written.policy,
        answers: written.answers,
        inserts: written.inserts,
        timeout: written.timeout,
        stop: Time::ZERO + scenario.duration,
        workload: written.workload,
    };
    (client.node, settings)
}

/// Why a scenario cannot be run, although its file is well-formed.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RunError {
    /// Its nodes cannot be built.
    Build(BuildError),
    /// Its clients make no sense.
    Load(LoadError),
    /// Its faults make no sense.
    Plan(PlanError),
    /// What the seed has drawn of it is refused, in words.
    Drawn(String),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Build(error) => error.fmt(f),
            Self::Load(error) => error.fmt(f),
            Self::Plan(error) => error.fmt(f),
            Self::Drawn(says) => f.write_str(says),
        }
    }
}

impl std::error::Error for RunError {}
