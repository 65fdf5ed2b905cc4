//! Every run of a small scenario that differs from its own by few deviations: a search that can end with "there is none".
//!
//! Delay-bounded scheduling (Emmi, Qadeer and Rakamaric, Delay-Bounded Scheduling, POPL 2011): there is one run without
//! deviations, the scenario's own. A deviation lets a message come after what happens next at its receiver, or a fault
//! start at another instant. All runs with no deviation are looked at, then all with one, with two, and so on, so what is
//! found first has the fewest, and most failures need very few.
//!
//! Runs that begin alike are not run again from the start: depth first, a run is stopped at each choice and cloned, the
//! clone deviates and comes to its end. What a clone comes to is what its resolved scenario comes to from the start; a test
//! holds every explored run to that. The order of runs depends on nothing but the scenario, and one thread makes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::kernel::{Span, stable_hash_str};
use crate::scenario::{Choice, Run, RunError, RunInProgress, Scenario};

use super::row::Failure;

/// What is to be explored.
#[derive(Clone, Debug)]
pub struct Exhaustive<'a> {
    /// The seed of all runs.
    pub seed: u64,
    /// How many deviations a run has at most.
    pub bound: u32,
    /// How many runs are made at most.
    pub budget: u64,
    /// A message may come after what happens at its receiver no later than this after it; zero: at the same instant.
    pub within: Span,
    /// The ids of the faults that may start at other instants.
    pub moved: &'a [String],
}

/// What the runs came to.
#[derive(Clone, Debug, Default)]
pub struct Exploration {
    /// In how many places the scenario's own run could have gone on otherwise.
    pub choices: u64,
    /// By number of deviations, from none on; the last one may be incomplete.
    pub levels: Vec<Level>,
    /// How many runs came to each verdict.
    pub verdicts: BTreeMap<String, u64>,
    /// How many runs differ in their digest.
    pub digests: u64,
    /// How many differ in what clients asked for and were answered, whatever the time.
    pub outcomes: u64,
    /// How many differ in what nodes and disks hold at the end.
    pub final_states: u64,
    /// The ways to fail, in the order in which they were found.
    pub failures: Vec<FoundFailure>,
    /// How much was looked at.
    pub extent: Extent,
}

/// The runs with so many deviations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Level {
    /// So many.
    pub deviations: u32,
    /// How many runs were made.
    pub runs: u64,
    /// Whether these are all.
    pub is_complete: bool,
}

/// How much of what was to be explored was looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Extent {
    /// Every run within the bound.
    #[default]
    Exhausted,
    /// The budget was spent before.
    BudgetSpent,
    /// It was called off.
    Interrupted,
}

/// Runs that failed alike.
#[derive(Clone, Debug)]
pub struct FoundFailure {
    /// By what they failed.
    pub failure: Failure,
    /// How many there are.
    pub runs: u64,
    /// How many deviations the first of them has, which has the fewest.
    pub deviations: u32,
    /// The first of them; its resolved scenario replays it.
    pub first: Box<Run>,
}

/// Why a scenario cannot be explored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ExploreError {
    /// It cannot be run.
    Run(RunError),
    /// A fault cannot start at another instant; says why.
    Fault(String),
}

impl Exploration {
    /// How many runs were made.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.levels.iter().map(|level| level.runs).sum()
    }

    /// How many runs came to a verdict of this name.
    #[must_use]
    pub fn count(&self, verdict: &str) -> u64 {
        self.verdicts.get(verdict).copied().unwrap_or(0)
    }
}

impl Exhaustive<'_> {
    /// Makes the runs, and shows each to `see`. Before each, `is_over` says whether enough time has gone by.
    ///
    /// # Errors
    /// If the scenario cannot be run, or a fault cannot be moved.
    pub fn explore(
        &self,
        scenario: &Scenario,
        is_over: &dyn Fn() -> bool,
        see: &mut dyn FnMut(&Run),
    ) -> Result<Exploration, ExploreError> {
        let scenario = scenario.drawn(self.seed).map_err(ExploreError::Run)?;
        let own = scenario.begin(self.seed, self.within).map_err(ExploreError::Run)?;
        let starts = self.starts(&own)?;
        let mut search =
            Search { settings: self, is_over, see, found: Exploration::default(), seen: Seen::default() };
        search.found.choices =
            starts.iter().filter(|start| start.put_off_count() <= 1).map(|start| choices(start.clone())).sum();
        for deviations in 0..=self.bound {
            search.found.levels.push(Level { deviations, runs: 0, is_complete: false });
            for start in starts.iter().filter(|start| start.put_off_count() as u64 <= u64::from(deviations)) {
                search.descend(start.clone(), deviations);
            }
            let is_empty = search.level().runs == 0;
            search.level().is_complete = search.found.extent == Extent::Exhausted;
            // Nothing is left that could be otherwise, or the end has come.
            if is_empty || search.found.extent != Extent::Exhausted {
                break;
            }
        }
        let Search { mut found, seen, .. } = search;
        found.digests = seen.digests.len() as u64;
        found.outcomes = seen.outcomes.len() as u64;
        found.final_states = seen.final_states.len() as u64;
        Ok(found)
    }

    /// The run at its start, with each set of the faults that may move put off.
    fn starts<'s>(&self, own: &RunInProgress<'s>) -> Result<Vec<RunInProgress<'s>>, ExploreError> {
        let ids: BTreeSet<_> = self.moved.iter().collect();
        let mut starts = vec![own.clone()];
        for id in ids {
            for number in 0..starts.len() {
                let mut start = starts[number].clone();
                start.put_off(id).map_err(ExploreError::Fault)?;
                starts.push(start);
            }
        }
        Ok(starts)
    }
}

/// How many choices a run has that deviates once: each of its deliveries, or each start of the fault that is put off.
fn choices(mut run: RunInProgress<'_>) -> u64 {
    let is_put_off = run.put_off_count() > 0;
    let mut count = 0;
    while let Some(choice) = run.advance() {
        count += u64::from(matches!(choice, Choice::Start { .. }) == is_put_off);
    }
    count
}

/// A search under way.
struct Search<'s, 'a> {
    settings: &'s Exhaustive<'a>,
    is_over: &'s dyn Fn() -> bool,
    see: &'s mut dyn FnMut(&Run),
    found: Exploration,
    seen: Seen,
}

/// What runs were like.
#[derive(Default)]
struct Seen {
    digests: BTreeSet<u64>,
    outcomes: BTreeSet<u64>,
    final_states: BTreeSet<u64>,
}

impl Search<'_, '_> {
    /// Makes all runs that go on from here with just so many more deviations.
    fn descend(&mut self, mut run: RunInProgress<'_>, deviations: u32) {
        let Some(fewer) = deviations.checked_sub(1) else {
            if self.may_go_on() {
                self.judge(&run.finish());
            }
            return;
        };
        while let Some(choice) = run.advance() {
            let is_start = matches!(choice, Choice::Start { .. });
            // Each fault that is put off takes a deviation.
            if run.put_off_count() > fewer as usize + usize::from(is_start) {
                continue;
            }
            let mut other = run.clone();
            other.deviate(&choice);
            self.descend(other, fewer);
            if self.found.extent != Extent::Exhausted {
                return;
            }
        }
    }

    fn may_go_on(&mut self) -> bool {
        if (self.is_over)() {
            self.found.extent = Extent::Interrupted;
        } else if self.found.runs() >= self.settings.budget {
            self.found.extent = Extent::BudgetSpent;
        }
        self.found.extent == Extent::Exhausted
    }

    fn judge(&mut self, run: &Run) {
        (self.see)(run);
        self.level().runs += 1;
        let deviations = self.level().deviations;
        *self.found.verdicts.entry(run.verdict.name().to_owned()).or_default() += 1;
        self.seen.digests.insert(run.digest().value());
        self.seen.final_states.insert(run.final_state);
        let operations = &run.history().operations;
        let said: String = operations
            .iter()
            .map(|operation| format!("{} {:?} {:?}\n", operation.client, operation.request, operation.outcome))
            .collect();
        self.seen.outcomes.insert(stable_hash_str(&said));
        let Some(failure) = Failure::of_run(run) else { return };
        match self.found.failures.iter_mut().find(|found| found.failure == failure) {
            Some(found) => found.runs += 1,
            None => {
                let first = Box::new(run.clone());
                self.found.failures.push(FoundFailure { failure, runs: 1, deviations, first });
            }
        }
    }

    fn level(&mut self) -> &mut Level {
        let last = self.found.levels.len() - 1;
        &mut self.found.levels[last]
    }
}

impl fmt::Display for ExploreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(error) => write!(f, "this scenario cannot run: {error}"),
            Self::Fault(says) => f.write_str(says),
        }
    }
}

impl std::error::Error for ExploreError {}
