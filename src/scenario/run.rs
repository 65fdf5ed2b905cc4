//! One run of a scenario: builds the simulation, lets faults and clients act on it, and gathers what happened.

use std::fmt;

use crate::check::{Check, Expectation, Interval, Metrics, Phase, Verdict, Windows};
use crate::fault::{FaultReport, Injector, PlanError};
use crate::host::{BuildError, Builder, Census, End, NodeId, Simulation, Step, class};
use crate::kernel::{Digest, Time, Trace};
use crate::load::{ClientSettings, History, Load, LoadError, Recording};

use super::evidence::ServiceEvidence;
use super::file::{Client, Scenario};
use super::judge::judge;
use super::reach::Reach;
use super::resolve;

/// How to run a scenario.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RunOptions {
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// Whether every record of the trace is kept. The run is the same with and without.
    pub keep_trace: bool,
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
    /// What the clients did and saw.
    pub recording: Recording,
    /// By operation of the history: whether it was not answered, and at some instant could not have been, because
    /// of the faults.
    pub unavailable_by_design: Vec<bool>,
    /// When "before", "during" and "after" were.
    pub windows: Windows,
    /// Availability and latency without the warm-up.
    pub metrics: Metrics,
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
    /// How often each rare path was reached.
    pub reached: Vec<(&'static str, u64)>,
    /// The names of the nodes, by number.
    pub names: Vec<String>,
    /// Digest and, if asked for, records.
    pub trace: Trace,
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

    /// The name of a node.
    #[must_use]
    pub fn name(&self, node: NodeId) -> &str {
        self.names.get(node.0 as usize).map_or("?", String::as_str)
    }
}

/// The tokens of the scenario floor, in class [`class::CHECK`].
const END_OF_LOAD: u64 = 0;
const END_OF_RUN: u64 = 1;

impl Scenario {
    /// Runs the scenario once.
    ///
    /// # Errors
    /// If it cannot be built: names whose random streams clash.
    pub fn run(&self, options: RunOptions) -> Result<Run, RunError> {
        let simulation = self.simulation(options).map_err(RunError::Build)?;
        let driver = Driver::new(self, simulation, options.seed)?;
        Ok(driver.drive())
    }

    /// The simulation at its start, without faults and load.
    fn simulation(&self, options: RunOptions) -> Result<Simulation, BuildError> {
        let mut builder = Builder::new(options.seed);
        for _ in 1..self.zones {
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
        let is_watched = self.hypothesis.expectations.iter().any(|(_, what)| *what == Expectation::Invariants);
        for service in &self.services {
            service.what.deploy(
                &service.name,
                &service.placement,
                &service.host,
                is_watched,
                &service.others,
                &mut builder,
            );
        }
        for client in &self.clients {
            builder.client(&client.name, client.zone);
        }
        builder.finish()
    }
}

/// A run under way.
struct Driver<'a> {
    scenario: &'a Scenario,
    seed: u64,
    simulation: Simulation,
    injector: Injector,
    load: Load,
    reach: Reach,
    /// Whether the load has ended and the run only settles.
    is_settling: bool,
}

impl<'a> Driver<'a> {
    fn new(scenario: &'a Scenario, mut simulation: Simulation, seed: u64) -> Result<Self, RunError> {
        let settings = scenario.clients.iter().map(|client| client_settings(scenario, client)).collect();
        let mut load = Load::new(settings, seed).map_err(RunError::Load)?;
        let mut injector = Injector::new(scenario.plan.clone(), seed, &simulation).map_err(RunError::Plan)?;
        let end = Time::ZERO + scenario.duration;
        simulation.tell_at(end, class::CHECK, END_OF_LOAD);
        injector.schedule(&mut simulation);
        load.schedule(&mut simulation);
        let reach = Reach::new(&simulation, scenario);
        Ok(Self { scenario, seed, simulation, injector, load, reach, is_settling: false })
    }

    /// Until the last operation has ended; then everything heals, and the run settles.
    fn drive(mut self) -> Run {
        let ended = loop {
            match self.simulation.run() {
                Step::Ran => {}
                Step::Token { class: class::CHECK, token: END_OF_RUN } => break None,
                Step::Token { class: class::CHECK, .. } => {}
                Step::Token { class: class::CLIENT, .. } => self.load.wake(&mut self.simulation),
                Step::Token { class, .. } => {
                    self.injector.token(&mut self.simulation, class);
                    self.reach.look(&self.simulation);
                }
                Step::Answer { client, tag, result, seen, .. } => {
                    self.load.answer(&mut self.simulation, client, tag, result, seen);
                }
                Step::Ended(End::Quiet) => break None,
                Step::Ended(end) => break Some(end),
            }
            let is_over = self.simulation.now() >= Time::ZERO + self.scenario.duration;
            if is_over && !self.is_settling && self.load.open() == 0 {
                self.settle();
            }
        };
        self.finish(ended)
    }

    fn settle(&mut self) {
        self.is_settling = true;
        self.injector.heal_all(&mut self.simulation);
        self.reach.look(&self.simulation);
        let end = self.simulation.now() + self.scenario.settle;
        self.simulation.tell_at(end, class::CHECK, END_OF_RUN);
    }

    fn finish(self, ended_early: Option<End>) -> Run {
        let Self { scenario, seed, simulation, injector, load, reach, .. } = self;
        let simulated = simulation.now();
        let recording = load.finish(simulated);
        let history = &recording.history;
        let faults = injector.report(&simulation);
        let last = |fault: &FaultReport| Interval { start: fault.start, end: fault.end.unwrap_or(Time::MAX) };
        let lasted: Vec<_> = faults.iter().filter(|fault| fault.started).map(last).collect();
        let (warm_up, end) = (Time::ZERO + scenario.warm_up, Time::ZERO + scenario.duration);
        let windows = Windows::new(warm_up, end, &lasted, scenario.hypothesis.within);
        let services = ServiceEvidence::of_all(scenario, history, &simulation);
        let names: Vec<_> = simulation.nodes().map(|node| simulation.name(node).to_owned()).collect();
        let checks = judge(scenario, history, &windows, &services, &faults, ended_early.as_ref(), &names);
        let verdict = Check::verdict_of(&checks);
        let metrics = Metrics::of(history, &windows, Phase::Always);
        let unavailable_by_design = reach.unavailable_by_design(scenario, history, simulated);
        let disks = super::judge::disk_notes(&simulation);
        let resolved = resolve::resolved(scenario, seed, &injector.resolved(), &names);
        Run {
            seed,
            verdict,
            checks,
            notes: super::judge::notes(scenario).into_iter().chain(disks).collect(),
            unavailable_by_design,
            windows,
            metrics,
            faults,
            census: simulation.census(),
            ended_early,
            simulated,
            events: simulation.events(),
            final_state: simulation.final_state(),
            reached: simulation.reached().collect(),
            names,
            trace: simulation.into_trace(),
            resolved,
            recording,
        }
    }
}

fn client_settings(scenario: &Scenario, client: &Client) -> (NodeId, ClientSettings) {
    let written = client.written.clone();
    let settings = ClientSettings {
        name: client.name.clone(),
        targets: client.targets.clone(),
        prefer: client.prefer,
        policy: written.policy,
        answers: written.answers,
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
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Build(error) => error.fmt(f),
            Self::Load(error) => error.fmt(f),
            Self::Plan(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RunError {}
