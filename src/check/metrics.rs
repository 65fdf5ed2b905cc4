//! Availability and latency, exact: integers only, order statistics instead of buckets.

use super::window::{Phase, Windows};
use crate::kernel::Span;
use crate::load::{History, Operation, Outcome};

/// Ratios are in parts of this: 99.9% is 999,000,000.
pub const BILLION: u64 = 1_000_000_000;

/// What became of the operations that were meant to start in one window.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Metrics {
    /// How many there were.
    pub invoked: u64,
    /// How many took effect.
    pub ok: u64,
    /// How many were answered with a definite "no".
    pub no: u64,
    /// How many certainly did not happen and were not answered.
    pub fail: u64,
    /// How many had no known outcome.
    pub info: u64,
    /// From the intended start to the answer, ascending; of answered operations alone.
    latencies: Vec<Span>,
}

/// The latencies that reports show; [`Span::MAX`] where the operation of that rank was never answered, `None`
/// where there was no operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Quantiles {
    /// The median.
    pub p50: Option<Span>,
    /// 90%.
    pub p90: Option<Span>,
    /// 99%.
    pub p99: Option<Span>,
    /// 99.9%.
    pub p999: Option<Span>,
    /// The largest.
    pub max: Option<Span>,
}

impl Metrics {
    /// The metrics of a window.
    #[must_use]
    pub fn of(history: &History, windows: &Windows, phase: Phase) -> Self {
        Self::of_some(history, windows, phase, |_| true)
    }

    /// The metrics of a window for one client, by its place in the history.
    #[must_use]
    pub fn of_client(history: &History, windows: &Windows, phase: Phase, client: u32) -> Self {
        Self::of_some(history, windows, phase, |operation| operation.client == client)
    }

    fn of_some(history: &History, windows: &Windows, phase: Phase, is_one: impl Fn(&Operation) -> bool) -> Self {
        let in_window = |operation: &&Operation| windows.contains(phase, operation.intended) && is_one(operation);
        Self::of_operations(history.operations.iter().filter(in_window))
    }

    /// The metrics of some operations.
    pub(super) fn of_operations<'a>(operations: impl Iterator<Item = &'a Operation>) -> Self {
        let mut metrics = Self::default();
        for operation in operations {
            metrics.invoked += 1;
            match operation.outcome {
                Outcome::Ok(_) => metrics.ok += 1,
                Outcome::No(_) => metrics.no += 1,
                Outcome::Fail(_) => metrics.fail += 1,
                Outcome::Info(_) => metrics.info += 1,
            }
            if operation.outcome.is_answered() {
                metrics.latencies.push(operation.completed.since(operation.intended));
            }
        }
        metrics.latencies.sort_unstable();
        metrics
    }

    /// How many were answered, be it with a "no".
    #[must_use]
    pub const fn answered(&self) -> u64 {
        self.ok + self.no
    }

    /// Answered over invoked in parts per billion, rounded down; `None` without an operation.
    #[must_use]
    pub fn availability(&self) -> Option<u64> {
        (self.invoked > 0).then(|| share_of(self.answered(), self.invoked))
    }

    /// The latency that at least `quantile` (parts per billion, at most [`BILLION`]) of the operations did not
    /// exceed: the smallest such, an order statistic. An unanswered operation took for ever.
    #[must_use]
    pub fn latency(&self, quantile: u64) -> Option<Span> {
        let rank = share(self.invoked, quantile.min(BILLION)).max(1);
        let index = usize::try_from(rank - 1).ok()?;
        (self.invoked > 0).then(|| self.latencies.get(index).copied().unwrap_or(Span::MAX))
    }

    /// From the intended start to the answer, ascending; of answered operations alone.
    #[must_use]
    pub fn latencies(&self) -> &[Span] {
        &self.latencies
    }

    /// The latencies that reports show.
    #[must_use]
    pub fn quantiles(&self) -> Quantiles {
        Quantiles {
            p50: self.latency(BILLION / 2),
            p90: self.latency(BILLION / 10 * 9),
            p99: self.latency(BILLION / 100 * 99),
            p999: self.latency(BILLION / 1000 * 999),
            max: self.latency(BILLION),
        }
    }

    /// How many took longer than `limit`, unanswered ones included.
    #[must_use]
    pub fn slower_than(&self, limit: Span) -> u64 {
        self.invoked - self.latencies.partition_point(|&latency| latency <= limit) as u64
    }
}

/// `part` of `whole` in parts per billion, rounded down; all of nothing is all.
pub(super) fn share_of(part: u64, whole: u64) -> u64 {
    let scaled = u128::from(part) * u128::from(BILLION);
    scaled.checked_div(u128::from(whole)).and_then(|ratio| u64::try_from(ratio).ok()).unwrap_or(BILLION)
}

/// `number` times `ratio` parts per billion, rounded up.
fn share(number: u64, ratio: u64) -> u64 {
    let scaled = (u128::from(number) * u128::from(ratio)).div_ceil(u128::from(BILLION));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// What a target on a share of the operations comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reached {
    Yes,
    No,
    /// There were fewer operations than this, and they do not decide it.
    TooFew(u64),
}

/// Whether at least `target` parts per billion of `number` operations were good, `bad` of them not being so.
///
/// A share is tested by no fewer operations than let `allowed` bad ones pass: `allowed / (1 - target)`, one at
/// a target of 100%. With fewer nothing is proved, unless there are already more bad ones than that many
/// operations may have: then no better continuation would have saved it.
pub(super) fn reaches(target: u64, allowed: u64, number: u64, bad: u64) -> Reached {
    let tolerated = BILLION.saturating_sub(target);
    let least = match tolerated {
        0 => 1,
        _ => (u128::from(allowed) * u128::from(BILLION)).div_ceil(u128::from(tolerated)),
    };
    let judged = u128::from(number).max(least);
    if u128::from(bad) * u128::from(BILLION) > judged * u128::from(tolerated) {
        Reached::No
    } else if u128::from(number) < least {
        Reached::TooFew(u64::try_from(least).unwrap_or(u64::MAX))
    } else {
        Reached::Yes
    }
}

/// Parts per billion as a percentage, rounded down to four decimals: `99.9%`.
pub(super) fn percent(ratio: u64) -> String {
    let (whole, part) = (ratio / 10_000_000, ratio % 10_000_000 / 1_000);
    let digits = format!("{part:04}");
    match digits.trim_end_matches('0') {
        "" => format!("{whole}%"),
        decimals => format!("{whole}.{decimals}%"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_share_is_judged_exactly() {
        use Reached::{No, TooFew, Yes};
        let check = |target, allowed, number, bad, expected| {
            assert_eq!(reaches(target, allowed, number, bad), expected, "{bad} bad of {number} at {target}");
        };
        let three_nines = 999_000_000;
        check(three_nines, 1, 1_000, 0, Yes);
        check(three_nines, 1, 1_000, 1, Yes);
        check(three_nines, 1, 1_000, 2, No);
        check(three_nines, 1, 1_999, 2, No);
        check(three_nines, 1, 2_000, 2, Yes);
        check(three_nines, 1, 999, 0, TooFew(1_000));
        check(three_nines, 1, 3, 1, TooFew(1_000));
        check(three_nines, 1, 3, 2, No);
        check(three_nines, 1, 0, 0, TooFew(1_000));
        check(BILLION, 1, 0, 0, TooFew(1));
        check(BILLION, 1, 1, 0, Yes);
        check(BILLION, 1, 1_000_000, 1, No);
        check(990_000_000, 10, 1_000, 10, Yes);
        check(990_000_000, 10, 1_000, 11, No);
        check(990_000_000, 10, 999, 0, TooFew(1_000));
        check(0, 1, 1, 1, Yes);
        check(333_333_333, 1, 3, 2, Yes);
        check(333_333_334, 1, 3, 2, No);
    }

    #[test]
    fn percentages_never_flatter() {
        let check = |ratio, expected: &str| assert_eq!(percent(ratio), expected);
        check(BILLION, "100%");
        check(999_999_999, "99.9999%");
        check(999_000_000, "99.9%");
        check(0, "0%");
        check(50_000_000, "5%");
    }

    fn with(latencies: &[u64], unanswered: u64) -> Metrics {
        let mut latencies: Vec<Span> = latencies.iter().map(|&ms| Span::from_millis(ms)).collect();
        latencies.sort_unstable();
        let ok = latencies.len() as u64;
        Metrics { invoked: ok + unanswered, ok, info: unanswered, latencies, ..Metrics::default() }
    }

    #[test]
    fn quantiles_are_order_statistics_and_unanswered_operations_infinite() {
        let metrics = with(&[5, 1, 4, 2, 3], 5);
        let check = |quantile, expected| assert_eq!(metrics.latency(quantile), Some(expected), "{quantile}");
        check(0, Span::from_millis(1));
        check(BILLION / 10, Span::from_millis(1));
        check(BILLION / 10 + 1, Span::from_millis(2));
        check(BILLION / 2, Span::from_millis(5));
        check(BILLION / 2 + 1, Span::MAX);
        check(BILLION, Span::MAX);
        assert_eq!(Metrics::default().quantiles(), Quantiles::default());
        assert_eq!(metrics.availability(), Some(BILLION / 2));
        assert_eq!(Metrics::default().availability(), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_latency_target_agrees_with_the_quantile(
            latencies in proptest::collection::vec(0u64..20, 0..40), unanswered in 0u64..10,
            quantile in 1..=BILLION, limit in 0u64..20,
        ) {
            let metrics = with(&latencies, unanswered);
            let limit = Span::from_millis(limit);
            if let Some(latency) = metrics.latency(quantile) {
                let slow = u128::from(metrics.slower_than(limit)) * u128::from(BILLION);
                let enough = slow <= u128::from(metrics.invoked) * u128::from(BILLION - quantile);
                prop_assert_eq!(latency <= limit, enough);
            }
        }
    }
}
