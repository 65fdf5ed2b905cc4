//! What was measured of many runs: the mean of each figure.

use super::row::{Row, Unit, figure_columns};
use super::statistics::{Estimate, deviation, mean, observations_for_width};

/// One figure over many runs.
#[derive(Clone, PartialEq, Debug)]
pub struct FigureMean {
    /// Its column.
    pub column: String,
    /// What its numbers are.
    pub unit: Unit,
    /// How many runs have a number.
    pub runs: u64,
    /// How many have none: it never came to an end, say.
    pub without: u64,
    /// The mean over the runs that have one, with Student's interval.
    pub mean: Estimate,
    /// The standard deviation of the runs' numbers; `None` with fewer than two.
    pub deviation: Option<f64>,
}

/// The means of all figures of these runs, in the order of their columns; without those that no run has a number of.
#[must_use]
pub fn figure_means<'a>(rows: impl Iterator<Item = &'a Row> + Clone, confidence: f64) -> Vec<FigureMean> {
    let figure = |column: &str| {
        let numbers: Vec<_> = rows.clone().map(|row| row.measure(column).number()).collect();
        let unit = numbers.iter().flatten().next()?.1;
        let known: Vec<f64> = numbers.iter().flatten().map(|&(number, _)| number).collect();
        let most = if unit == Unit::Share { 1.0 } else { f64::MAX };
        Some(FigureMean {
            column: column.to_owned(),
            unit,
            runs: known.len() as u64,
            without: (numbers.len() - known.len()) as u64,
            // Nothing that is measured is negative.
            mean: mean(&known, confidence)?.within(0.0, most),
            deviation: (known.len() > 1).then(|| deviation(&known)),
        })
    };
    figure_columns(rows.clone()).into_iter().filter_map(figure).collect()
}

impl FigureMean {
    /// About how many runs make the interval no wider than this: of a share as it stands, of anything else as a part of the
    /// mean. `None` where nothing is known of how much runs differ, or the mean is zero.
    #[must_use]
    pub fn runs_for_width(&self, width: f64, confidence: f64) -> Option<u64> {
        let width = if self.unit == Unit::Share { width } else { width * self.mean.value };
        let deviation = self.deviation.filter(|_| width > 0.0)?;
        Some(observations_for_width(deviation, width, confidence))
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::{Measure, testing::row};
    use super::*;

    #[test]
    fn figures_are_averaged_over_the_runs_that_have_them() {
        use Measure::{Count, Never, Share, Time};
        let figures = [
            [("ok", Count(4)), ("seen", Share(1_000_000_000)), ("max_ns", Time(7))],
            [("ok", Count(5)), ("seen", Share(100_000_000)), ("max_ns", Never)],
            [("ok", Count(6)), ("seen", Share(0)), ("max_ns", Never)],
        ];
        let rows: Vec<_> = (0..)
            .zip(figures)
            .map(|(seed, of)| row(seed, "holds", of.map(|(name, measure)| (name.to_owned(), measure)).to_vec()))
            .collect();
        let found = figure_means(rows.iter(), 0.95);
        let [ok, seen, max] = &found[..] else { panic!("{found:?}") };
        assert_eq!((ok.column.as_str(), ok.mean.value, ok.runs, ok.without), ("ok", 5.0, 3, 0));
        assert!((ok.mean.width() / 2.0 - 4.303 / 3f64.sqrt()).abs() < 1e-3, "{ok:?}");
        assert_eq!((seen.mean.low, seen.mean.high), (0.0, 1.0), "no share lies elsewhere");
        assert_eq!((max.runs, max.without, max.mean.value, max.deviation), (1, 2, 7.0, None));
        // A deviation of 1 and a width of a tenth of 5.
        assert_eq!(ok.runs_for_width(0.1, 0.95), Some(observations_for_width(1.0, 0.5, 0.95)));
        assert_eq!(max.runs_for_width(0.1, 0.95), None);
    }
}
