//! From a failing run to its cause: a standalone scenario, as small as can be found, that fails alike.
//!
//! It works on the resolved scenario, as a text that a person could have written: faults are explicit, operations are
//! listed one by one. Every step proposes a smaller scenario; it is kept if its run fails by the same check, class and anomaly.
//! Removing a fault or an operation shifts no other draw (kernel contract), which is what makes most removals succeed.

mod ddmin;
mod freeze;
mod irrelevant;
mod merge;
mod passes;

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use crate::kernel::stable_hash_str;
use crate::scenario::{Document, Problems, Registry, Run, RunError, RunOptions, Scenario, scripted};

use super::row::Failure;
use freeze::Lineage;

/// How large a scenario is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Size {
    /// Its faults, those of single messages apart.
    pub faults: usize,
    /// The messages that are lost, late or copied by name: faults of the family `message`.
    pub messages: usize,
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
    /// By what it fails, as the original does; it names no service if no other is left that is called.
    pub failure: Failure,
    /// Its run, with its trace.
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
    /// Hears before each run how many there were, and how large the smallest scenario is so far.
    pub watch: &'a dyn Fn(u64, Size),
}

impl<'a> Shrinking<'a> {
    /// Within so many runs, and as much time as they take; by what decides the verdict.
    #[must_use]
    pub const fn new(registry: &'a Registry, budget: u64) -> Self {
        Self { registry, budget, judge: &Failure::of_run, is_over: &|| false, watch: &|_, _| {} }
    }

    /// Shrinks the run of a scenario under a seed.
    ///
    /// # Errors
    /// If the run does not fail, or its resolved form does not fail alike.
    pub fn shrink(&self, scenario: &Scenario, seed: u64) -> Result<Shrunk, ShrinkError> {
        let run = scenario.run(RunOptions { seed, keep_trace: false }).map_err(ShrinkError::Run)?;
        let target = (self.judge)(&run).ok_or(ShrinkError::Holds)?;
        let original = scripted(&run);
        let (best, refused) = (original.clone(), BTreeSet::new());
        let mut shrinker = Shrinker { settings: *self, target, runs: 0, best, refused, lineage: None };
        match shrinker.run_of(&original) {
            Ok(run) if shrinker.is_alike(&run) => {}
            Ok(_) => return Err(ShrinkError::NotReplayed),
            Err(error) => return Err(error),
        }
        let before = passes::size(&original);
        passes::all(&mut shrinker);
        let is_exhausted = shrinker.is_exhausted();
        // Twice before anybody believes it.
        let smallest = shrinker.best.clone();
        let (run, again) = (shrinker.play(&smallest, true)?, shrinker.run_of(&smallest)?);
        if !shrinker.is_alike(&run) || run.digest().value() != again.digest().value() {
            return Err(ShrinkError::NotReplayed);
        }
        Ok(Shrunk {
            failure: (self.judge)(&run).unwrap_or(shrinker.target),
            after: passes::size(&smallest),
            irrelevant: irrelevant::irrelevant(&original, &smallest),
            scenario: smallest,
            run,
            before,
            runs: shrinker.runs,
            is_exhausted,
        })
    }
}

/// How many other seeds are tried for each part that goes, and for all of them at most.
const SEEDS_EACH: u64 = 4;
const MOST_SEEDS: u64 = 32;

/// A search under way.
struct Shrinker<'a> {
    settings: Shrinking<'a>,
    target: Failure,
    runs: u64,
    /// The smallest scenario so far that fails alike.
    best: Value,
    /// The hashes of those that did not fail alike: nobody runs them again.
    refused: BTreeSet<u64>,
    /// Which operation the messages of a scenario come of, kept for as long as it is the best.
    lineage: Option<(Value, Lineage)>,
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
        if self.is_exhausted() || *candidate == self.best {
            return false;
        }
        let hash = stable_hash_str(&candidate.to_string());
        if self.refused.contains(&hash) {
            return false;
        }
        let fails = self.run_of(candidate).is_ok_and(|run| self.is_alike(&run));
        if !fails {
            self.refused.insert(hash);
        }
        fails
    }

    /// Whether a run fails by the same check, on the same service, with the same class and anomaly. Where no other service is
    /// called any more, the failure does not name it, but its check knows it.
    fn is_alike(&self, run: &Run) -> bool {
        let Some(mut failure) = (self.settings.judge)(run) else { return false };
        if failure.service.is_none() && self.target.service.is_some() {
            let check = Failure::deciding(run.verdict, &run.checks);
            failure.service = check.and_then(|check| check.service.clone());
        }
        failure == self.target
    }

    /// Whether the budget or the time is spent.
    fn is_exhausted(&self) -> bool {
        self.runs >= self.settings.budget || (self.settings.is_over)()
    }

    /// Keeps the best scenario with fewer operations if it fails alike. Where messages are named, they stay the same
    /// messages.
    fn keep_without_operations(&mut self, candidate: Value) -> bool {
        if passes::size(&self.best).messages == 0 {
            return self.keep(candidate);
        }
        if self.lineage.as_ref().is_none_or(|(of, _)| *of != self.best) {
            self.lineage = self.traced().map(|run| (self.best.clone(), Lineage::of(&run)));
        }
        let renumbered = self.lineage.as_ref().map(|(of, lineage)| lineage.renumbered(of, candidate.clone()));
        renumbered.is_some_and(|renumbered| self.keep(renumbered)) || self.keep(candidate)
    }

    /// Keeps a scenario if it fails alike under one of the next seeds: where the failure hangs on chance that shifts when
    /// something goes, another seed may need less. The more goes, the more seeds it is worth.
    fn keep_under_another_seed(&mut self, candidate: Value) -> bool {
        let parts = |scenario: &Value| {
            let size = passes::size(scenario);
            (size.faults + size.messages + size.operations) as u64
        };
        let gone = parts(&self.best).saturating_sub(parts(&candidate));
        let first = candidate["seed"].as_u64().unwrap_or_default();
        let mut candidate = candidate;
        (1..=(SEEDS_EACH * gone).clamp(SEEDS_EACH, MOST_SEEDS)).any(|other| {
            candidate["seed"] = Value::from(first.wrapping_add(other));
            self.keep(candidate.clone())
        })
    }

    /// The run of the best scenario with its trace, if there is time for it.
    fn traced(&mut self) -> Option<Run> {
        let best = self.best.clone();
        if self.is_exhausted() { None } else { self.play(&best, true).ok() }
    }

    fn run_of(&mut self, candidate: &Value) -> Result<Run, ShrinkError> {
        self.play(candidate, false)
    }

    fn play(&mut self, candidate: &Value, keep_trace: bool) -> Result<Run, ShrinkError> {
        let resolved = |problems| ShrinkError::Resolved(Box::new(problems));
        let document = Document::from_value("shrunk scenario", candidate).map_err(resolved)?;
        let scenario = Scenario::read(&document, self.settings.registry).map_err(resolved)?;
        (self.settings.watch)(self.runs, passes::size(&self.best));
        self.runs += 1;
        scenario.run(RunOptions { seed: scenario.seed, keep_trace }).map_err(ShrinkError::Run)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |number: u64, noun| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
        let Self { faults, messages, operations, clients, replicas } = *self;
        let named = (messages > 0).then_some((messages as u64, "single message"));
        let counts = [(faults as u64, "fault")].into_iter().chain(named).chain([
            (operations as u64, "operation"),
            (clients as u64, "client"),
            (replicas, "replica"),
        ]);
        f.write_str(&counts.map(|(number, noun)| count(number, noun)).collect::<Vec<_>>().join(", "))
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
