//! What many rows say together.

use std::collections::BTreeMap;

use super::latencies::Latencies;
use super::row::{Failure, Row};
use super::statistics::{Estimate, mean, rate};

/// What the runs at one point of a grid come to.
#[derive(Clone, Debug)]
pub struct Summary {
    /// How many runs.
    pub runs: u64,
    /// How many came to each verdict.
    pub verdicts: BTreeMap<String, u64>,
    /// The rate of runs whose hypothesis held.
    pub holding: Option<Estimate>,
    /// The mean of the runs' availabilities.
    pub availability: Option<Estimate>,
    /// The latencies of all runs together, in nanoseconds; [`u64::MAX`] where the operation of that rank was never
    /// answered.
    pub quantiles: Vec<(f64, u64)>,
    /// The failures, most frequent first.
    pub failures: Vec<FailureGroup>,
    /// In how many runs each rare path was reached.
    pub reached: BTreeMap<String, u64>,
}

/// Runs that failed alike.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FailureGroup {
    /// By what they failed.
    pub failure: Failure,
    /// How many there are.
    pub runs: u64,
    /// The lowest seed among them.
    pub lowest_seed: u64,
    /// The seed of the run with the fewest events.
    pub shortest_seed: u64,
    /// How many events that run has.
    pub shortest_events: u64,
}

/// The quantiles that summaries show.
const QUANTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

impl Summary {
    /// Sums up rows, with intervals of this confidence (between 0 and 1).
    #[must_use]
    pub fn of<'a>(rows: impl Iterator<Item = &'a Row> + Clone, confidence: f64) -> Self {
        let mut verdicts = BTreeMap::<String, u64>::new();
        let mut reached = BTreeMap::<String, u64>::new();
        for row in rows.clone() {
            *verdicts.entry(row.verdict.clone()).or_default() += 1;
            for name in &row.covered.paths {
                *reached.entry(name.clone()).or_default() += 1;
            }
        }
        let runs = verdicts.values().sum();
        let held = rows.clone().filter(|row| row.holds()).count() as u64;
        let availabilities: Vec<f64> = rows.clone().filter_map(Row::availability).collect();
        Self {
            runs,
            verdicts,
            holding: rate(held, runs, confidence),
            availability: mean(&availabilities, confidence),
            quantiles: quantiles(&pooled(rows.clone())),
            failures: groups(rows),
            reached,
        }
    }
}

/// The latencies of all runs together.
#[must_use]
pub fn pooled<'a>(rows: impl Iterator<Item = &'a Row>) -> Latencies {
    let mut pooled = Latencies::default();
    rows.for_each(|row| pooled.add_all(&row.latencies, row.invoked.saturating_sub(row.answered)));
    pooled
}

fn quantiles(latencies: &Latencies) -> Vec<(f64, u64)> {
    QUANTILES.iter().filter_map(|&share| Some((share, latencies.quantile(share)?))).collect()
}

fn groups<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<FailureGroup> {
    let mut groups = BTreeMap::<&Failure, FailureGroup>::new();
    for row in rows {
        let Some(failure) = &row.failure else { continue };
        let group = groups.entry(failure).or_insert_with(|| FailureGroup {
            failure: failure.clone(),
            runs: 0,
            lowest_seed: row.seed,
            shortest_seed: row.seed,
            shortest_events: row.events,
        });
        group.runs += 1;
        group.lowest_seed = group.lowest_seed.min(row.seed);
        if (row.events, row.seed) < (group.shortest_events, group.shortest_seed) {
            (group.shortest_events, group.shortest_seed) = (row.events, row.seed);
        }
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.runs));
    groups
}
