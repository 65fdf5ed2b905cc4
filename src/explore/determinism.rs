//! Whether the same scenario and seed give the same run: it is run twice, and the two are compared in full.

use crate::kernel::Trace;
use crate::scenario::{Run, RunError, RunOptions, Scenario};

/// How two runs of one scenario and seed differ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// What differs, in words: "digest", "verdict" ...
    pub what: Vec<&'static str>,
    /// The number of the first event that differs, or that only one of the runs has; `None` if all events agree.
    pub event: Option<usize>,
}

/// Runs a scenario twice with full traces; answers both runs, and how they differ if they do.
///
/// # Errors
/// If the scenario cannot be run.
pub fn check_determinism(scenario: &Scenario, seed: u64) -> Result<(Run, Run, Option<Difference>), RunError> {
    let options = RunOptions { seed, keep_trace: true };
    let (first, second) = (scenario.run(options)?, scenario.run(options)?);
    let same = [
        ("digest", first.digest().value() == second.digest().value()),
        ("verdict", first.verdict == second.verdict && first.checks == second.checks),
        ("history", first.history() == second.history()),
        ("metrics", first.metrics == second.metrics && first.census == second.census),
        ("final state", first.final_state == second.final_state),
        ("end", first.ended_early == second.ended_early && first.simulated == second.simulated),
    ];
    let what: Vec<_> = same.into_iter().filter(|(_, same)| !same).map(|(what, _)| what).collect();
    let event = first_difference(&first.trace, &second.trace);
    let difference = (!what.is_empty()).then_some(Difference { what, event });
    Ok((first, second, difference))
}

/// The number of the first record in which two kept traces differ, provenance apart.
#[must_use]
pub fn first_difference(one: &Trace, other: &Trace) -> Option<usize> {
    let (one, other) = (one.records(), other.records());
    let differs = one.iter().zip(other).position(|(a, b)| a.fact != b.fact);
    differs.or_else(|| (one.len() != other.len()).then_some(one.len().min(other.len())))
}
