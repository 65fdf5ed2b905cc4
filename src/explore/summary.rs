//! What many rows say together.

use std::collections::BTreeMap;

use crate::check::Verdict;

use super::figures::{FigureMean, figure_means};
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
    /// How many of them were made twice, and came to the same.
    pub rechecked: u64,
    /// The rate of runs whose hypothesis held, among all of them: an inconclusive one did not.
    pub holding: Option<Estimate>,
    /// The same among those that were conclusive.
    pub holding_of_conclusive: Option<Estimate>,
    /// The mean of the runs' availabilities.
    pub availability: Option<Estimate>,
    /// The mean of each figure over the runs.
    pub figures: Vec<FigureMean>,
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
        let runs: u64 = verdicts.values().sum();
        let inconclusive = verdicts.get(Verdict::Inconclusive.name()).copied().unwrap_or(0);
        let held = rows.clone().filter(|row| row.holds()).count() as u64;
        let availabilities: Vec<f64> = rows.clone().filter_map(Row::availability).collect();
        Self {
            runs,
            verdicts,
            rechecked: rows.clone().filter(|row| row.is_rechecked).count() as u64,
            holding: rate(held, runs, confidence),
            holding_of_conclusive: rate(held, runs - inconclusive, confidence),
            availability: mean(&availabilities, confidence).map(|mean| mean.within(0.0, 1.0)),
            figures: figure_means(rows.clone(), confidence),
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

#[cfg(test)]
mod tests {
    use super::super::row::testing::row;
    use super::*;

    #[test]
    fn a_share_has_an_interval_of_shares() {
        let rows: Vec<_> = [(10, 10), (10, 3)]
            .into_iter()
            .map(|(invoked, answered)| Row { invoked, answered, ..row(0, "holds", Vec::new()) })
            .collect();
        let availability = Summary::of(rows.iter(), 0.95).availability.expect("an availability");
        assert_eq!((availability.low, availability.high), (0.0, 1.0));
    }

    #[test]
    fn inconclusive_runs_do_not_hold_and_are_counted_apart() {
        let verdicts = ["holds", "inconclusive", "refuted", "inconclusive"];
        let rows: Vec<_> = (0..).zip(verdicts).map(|(seed, verdict)| row(seed, verdict, Vec::new())).collect();
        let summary = Summary::of(rows.iter(), 0.95);
        assert_eq!(summary.holding.map(|rate| rate.value), Some(0.25));
        assert_eq!(summary.holding_of_conclusive.map(|rate| rate.value), Some(0.5));
    }
}
