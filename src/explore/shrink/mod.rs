//! From a failing run to its cause: a standalone scenario, as small as can be found, that fails alike.
//!
//! It works on the resolved scenario, as a text that a person could have written: faults are explicit, operations are
//! listed one by one. Every step proposes a smaller scenario; it is kept if its run fails by the same check and class.
//! Removing a fault or an operation shifts no other draw (kernel contract), which is what makes most removals succeed.

mod ddmin;
mod passes;

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::scenario::{Document, Problems, Registry, Run, RunError, RunOptions, Scenario, scripted};

use super::row::Failure;

/// How large a scenario is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Size {
    /// Its faults.
    pub faults: usize,
    /// The operations that its clients are asked to do.
    pub operations: usize,
    /// Its clients.
    pub clients: usize,
    /// The replicas of all its services.
    pub replicas: u64,
}

/// A failure, reduced.
#[derive(Debug)]
pub struct Shrunk {
    /// The scenario, complete and without generators.
    pub scenario: Value,
    /// By what it fails, as the original does.
    pub failure: Failure,
    /// Its run.
    pub run: Run,
    /// How large the original was, its operations listed.
    pub before: Size,
    /// How large the scenario is.
    pub after: Size,
    /// How many runs it took.
    pub runs: u64,
    /// Whether the budget ended before no step made it smaller.
    pub is_exhausted: bool,
    /// What turned out not to matter, in a few words each.
    pub irrelevant: Vec<String>,
}

/// Why a run cannot be shrunk.
#[derive(Debug)]
pub enum ShrinkError {
    /// It did not fail.
    Holds,
    /// It cannot be run.
    Run(RunError),
    /// Its resolved form is refused: a defect of the simulator.
    Resolved(Box<Problems>),
    /// Its resolved form does not fail alike: a defect of the simulator, or a node that draws on something outside its
    /// context.
    NotReplayed,
}

/// Shrinks the run of a scenario under a seed within a budget of runs.
///
/// # Errors
/// If the run does not fail, or its resolved form does not fail alike.
pub fn shrink(scenario: &Scenario, seed: u64, registry: &Registry, budget: u64) -> Result<Shrunk, ShrinkError> {
    Shrinking::new(registry, budget).shrink(scenario, seed)
}

/// How a failing run is shrunk.
#[derive(Clone, Copy)]
pub struct Shrinking<'a> {
    /// The kinds of service that its scenario may name.
    pub registry: &'a Registry,
    /// How many runs it may take.
    pub budget: u64,
    /// By what a run fails, if it does.
    pub judge: &'a dyn Fn(&Run) -> Option<Failure>,
    /// Whether time is up: asked before each run.
    pub is_over: &'a dyn Fn() -> bool,
}

impl<'a> Shrinking<'a> {
    /// Within so many runs, and as much time as they take; by what decides the verdict.
    #[must_use]
    pub const fn new(registry: &'a Registry, budget: u64) -> Self {
        Self { registry, budget, judge: &Failure::of_run, is_over: &|| false }
    }

    /// Shrinks the run of a scenario under a seed.
    ///
    /// # Errors
    /// If the run does not fail, or its resolved form does not fail alike.
    pub fn shrink(&self, scenario: &Scenario, seed: u64) -> Result<Shrunk, ShrinkError> {
        let run = scenario.run(RunOptions { seed, keep_trace: false }).map_err(ShrinkError::Run)?;
        let target = (self.judge)(&run).ok_or(ShrinkError::Holds)?;
        let original = scripted(&run.resolved, &run.recording);
        let mut shrinker =
            Shrinker { settings: *self, target, runs: 0, best: original.clone(), irrelevant: BTreeMap::new() };
        match shrinker.run_of(&original) {
            Ok(run) if shrinker.is_alike(&run) => {}
            Ok(_) => return Err(ShrinkError::NotReplayed),
            Err(error) => return Err(error),
        }
        let before = passes::size(&original);
        passes::all(&mut shrinker);
        let is_exhausted = shrinker.is_exhausted();
        // Twice before anybody believes it.
        let (run, again) = (shrinker.run_of(&shrinker.best.clone())?, shrinker.run_of(&shrinker.best.clone())?);
        if !shrinker.is_alike(&run) || run.digest().value() != again.digest().value() {
            return Err(ShrinkError::NotReplayed);
        }
        Ok(Shrunk {
            failure: shrinker.target,
            after: passes::size(&shrinker.best),
            scenario: shrinker.best,
            run,
            before,
            runs: shrinker.runs,
            is_exhausted,
            irrelevant: shrinker.irrelevant.into_values().collect(),
        })
    }
}

/// A search under way.
struct Shrinker<'a> {
    settings: Shrinking<'a>,
    target: Failure,
    runs: u64,
    /// The smallest scenario so far that fails alike.
    best: Value,
    /// What did not matter: a sentence for each pass that found something.
    irrelevant: BTreeMap<&'static str, String>,
}

impl Shrinker<'_> {
    /// Keeps a scenario if it fails alike.
    fn keep(&mut self, candidate: Value) -> bool {
        let fails = self.fails(&candidate);
        if fails {
            self.best = candidate;
        }
        fails
    }

    /// Whether a scenario fails alike. What is refused, or comes when the budget is spent, does not.
    fn fails(&mut self, candidate: &Value) -> bool {
        !self.is_exhausted() && *candidate != self.best && self.run_of(candidate).is_ok_and(|run| self.is_alike(&run))
    }

    fn is_alike(&self, run: &Run) -> bool {
        (self.settings.judge)(run).as_ref() == Some(&self.target)
    }

    /// Whether the budget or the time is spent.
    fn is_exhausted(&self) -> bool {
        self.runs >= self.settings.budget || (self.settings.is_over)()
    }

    fn run_of(&mut self, candidate: &Value) -> Result<Run, ShrinkError> {
        let resolved = |problems| ShrinkError::Resolved(Box::new(problems));
        let document = Document::from_value("shrunk scenario", candidate).map_err(resolved)?;
        let scenario = Scenario::read(&document, self.settings.registry).map_err(resolved)?;
        self.runs += 1;
        scenario.run(RunOptions { seed: scenario.seed, keep_trace: false }).map_err(ShrinkError::Run)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |number: u64, noun| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
        let Self { faults, operations, clients, replicas } = *self;
        let counts = [(faults as u64, "fault"), (operations as u64, "operation"), (clients as u64, "client")];
        let counts = counts.into_iter().chain([(replicas, "replica")]).map(|(number, noun)| count(number, noun));
        f.write_str(&counts.collect::<Vec<_>>().join(", "))
    }
}

impl fmt::Display for ShrinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds => f.write_str("the run does not fail: there is nothing to shrink"),
            Self::Run(error) => error.fmt(f),
            Self::Resolved(problems) => write!(f, "the resolved scenario is refused: {problems}"),
            Self::NotReplayed => {
                f.write_str("the resolved scenario does not fail as the run did: try --check-determinism on it")
            }
        }
    }
}

impl std::error::Error for ShrinkError {}
