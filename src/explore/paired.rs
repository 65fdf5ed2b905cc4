//! Two scenarios under the same seeds, seed by seed.
//!
//! A seed plays the same arrivals, keys and fates of messages to both (common random numbers), so what differs under one
//! seed differs because of the scenarios, and the difference of two means is known far better than each of them.

use std::collections::BTreeMap;

use super::row::{Row, Unit, figure_columns};
use super::statistics::{Estimate, PairedCounts, mean};

/// What two scenarios come to under the same seeds.
#[derive(Clone, Debug)]
pub struct Paired {
    /// How many seeds both have run.
    pub seeds: u64,
    /// Whose hypothesis held.
    pub holding: PairedCounts,
    /// The verdicts under the first and the second, and the seeds that came to them, ascending.
    pub verdicts: BTreeMap<(String, String), Vec<u64>>,
    /// The figures that differ under some seed.
    pub figures: Vec<PairedFigure>,
    /// How many figures are the same under every seed.
    pub same: usize,
    /// The figures that only one of the two has.
    pub one_sided: Vec<String>,
}

/// One figure under both.
#[derive(Clone, PartialEq, Debug)]
pub struct PairedFigure {
    /// Its column.
    pub column: String,
    /// What its numbers are.
    pub unit: Unit,
    /// Under how many seeds both runs have a number.
    pub pairs: u64,
    /// Under how many seeds the first has none (it never came to an end, say), and the second.
    pub without: [u64; 2],
    /// The mean of each over the pairs.
    pub means: [f64; 2],
    /// The mean of the second minus the first over the pairs, with the interval of the paired t-test.
    pub difference: Estimate,
    /// Whether the difference is not zero even if the intervals of all figures are to be right together (Bonferroni).
    pub is_clear: bool,
}

impl Paired {
    /// Pairs the rows of two scenarios by their seeds; rows without a partner are left out.
    #[must_use]
    pub fn of<'a>(one: impl Iterator<Item = &'a Row>, other: impl Iterator<Item = &'a Row>, confidence: f64) -> Self {
        let one: BTreeMap<u64, &Row> = one.map(|row| (row.seed, row)).collect();
        let others = other.filter_map(|row| Some([*one.get(&row.seed)?, row]));
        let pairs: BTreeMap<u64, [&Row; 2]> = others.map(|pair| (pair[0].seed, pair)).collect();
        let (mut holding, mut verdicts) = (PairedCounts::default(), BTreeMap::<_, Vec<u64>>::new());
        for (&seed, [a, b]) in &pairs {
            match (a.holds(), b.holds()) {
                (true, true) => holding.both += 1,
                (true, false) => holding.first += 1,
                (false, true) => holding.second += 1,
                (false, false) => holding.neither += 1,
            }
            verdicts.entry((a.verdict.clone(), b.verdict.clone())).or_default().push(seed);
        }
        let columns = [0, 1].map(|side| figure_columns(pairs.values().map(|pair| pair[side])));
        let is_common = |column: &&str| columns.iter().all(|columns| columns.contains(column));
        let one_sided = columns.iter().flatten().filter(|column| !is_common(column)).map(|&column| column.to_owned());
        let common: Vec<_> = columns[0].iter().copied().filter(is_common).collect();
        let is_same = |column: &str| pairs.values().all(|[a, b]| a.measure(column) == b.measure(column));
        let differing: Vec<_> = common.iter().copied().filter(|column| !is_same(column)).collect();
        let strict = 1.0 - (1.0 - confidence) / differing.len().max(1) as f64;
        let figure = |column: &&str| PairedFigure::of(column, &pairs, confidence, strict);
        Self {
            seeds: pairs.len() as u64,
            holding,
            verdicts,
            figures: differing.iter().filter_map(figure).collect(),
            same: common.len() - differing.len(),
            one_sided: one_sided.collect(),
        }
    }

    /// The seeds under which the two come to different verdicts.
    #[must_use]
    pub fn changed(&self) -> usize {
        self.verdicts.iter().filter(|((one, other), _)| one != other).map(|(_, seeds)| seeds.len()).sum()
    }
}

impl PairedFigure {
    /// `None` if no pair has numbers.
    fn of(column: &str, pairs: &BTreeMap<u64, [&Row; 2]>, confidence: f64, strict: f64) -> Option<Self> {
        let (mut unit, mut without, mut sums, mut differences) = (None, [0; 2], [0.0; 2], Vec::new());
        for pair in pairs.values() {
            let numbers = pair.map(|row| row.measure(column).number());
            for (number, without) in numbers.iter().zip(&mut without) {
                *without += u64::from(number.is_none());
            }
            if let [Some((a, its_unit)), Some((b, _))] = numbers {
                unit = Some(its_unit);
                sums[0] += a;
                sums[1] += b;
                differences.push(b - a);
            }
        }
        let number = differences.len() as f64;
        let (unit, strictly) = (unit?, mean(&differences, strict)?);
        let most = if unit == Unit::Share { 1.0 } else { f64::MAX };
        Some(Self {
            column: column.to_owned(),
            unit,
            pairs: differences.len() as u64,
            without,
            means: sums.map(|sum| sum / number),
            difference: mean(&differences, confidence)?.within(-most, most),
            is_clear: strictly.low > 0.0 || strictly.high < 0.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::{Measure, testing::row};
    use super::*;

    fn rows(verdicts: &[&str], figures: &[(&str, &[Measure])]) -> Vec<Row> {
        let figures =
            |at: usize| figures.iter().map(move |(name, values)| ((*name).to_owned(), values[at])).collect();
        let row = |(at, verdict): (usize, &&str)| row(at as u64, verdict, figures(at));
        verdicts.iter().enumerate().map(row).collect()
    }

    fn paired(one: &[Row], other: &[Row]) -> Paired {
        Paired::of(one.iter(), other.iter(), 0.95)
    }

    #[test]
    fn what_differs_is_paired_by_seed() {
        use Measure::{Count, Never, Nothing, Time};
        let one = rows(
            &["holds", "holds", "refuted", "holds"],
            &[
                ("fail", &[Count(10), Count(20), Count(30), Count(40)]),
                ("ok", &[Count(1); 4]),
                ("max_ns", &[Time(5), Never, Time(7), Nothing]),
                ("lost", &[Count(1); 4]),
            ],
        );
        let mut other = rows(
            &["holds", "refuted", "refuted", "refuted"],
            &[
                ("fail", &[Count(12), Count(21), Count(33), Count(42)]),
                ("ok", &[Count(1); 4]),
                ("max_ns", &[Time(6), Time(1), Time(8), Time(1)]),
            ],
        );
        other.reverse();
        let found = paired(&one, &other);
        assert_eq!((found.seeds, found.same, found.changed()), (4, 1, 2));
        assert_eq!(found.one_sided, ["lost"]);
        assert_eq!(found.holding, PairedCounts { both: 1, first: 2, second: 0, neither: 1 });
        assert_eq!(found.verdicts[&("holds".to_owned(), "refuted".to_owned())], [1, 3]);
        let [fail, max] = &found.figures[..] else { panic!("{:?}", found.figures) };
        assert_eq!((fail.column.as_str(), fail.means, fail.difference.value), ("fail", [25.0, 27.0], 2.0));
        // Differences 2, 1, 3, 2: a deviation of 0.8165, and 3.182 of the t-distribution with three degrees.
        assert!((fail.difference.width() / 2.0 - 3.182 * 0.8165 / 2.0).abs() < 1e-3, "{:?}", fail.difference);
        assert_eq!((max.pairs, max.without, max.difference.value, max.unit), (2, [2, 0], 1.0, Unit::Time));
    }

    /// The same luck in both runs: paired, a small difference is seen that is lost between two separate means.
    #[test]
    fn pairing_sees_what_separate_means_do_not() {
        let luck = [900, 100, 500, 300, 700, 200, 800, 400];
        let with = |more: u64| {
            let figures: Vec<_> = luck.iter().map(|&luck| Measure::Count(luck + more + luck % 3)).collect();
            rows(&["holds"; 8], &[("fail", &figures)])
        };
        let noisy: Vec<_> = luck.iter().map(|&luck| Measure::Count(luck)).collect();
        let (one, other) = (rows(&["holds"; 8], &[("fail", &noisy)]), with(5));
        let found = paired(&one, &other);
        assert!(found.figures[0].is_clear, "{:?}", found.figures);
        let separate = [&one, &other].map(|rows| {
            let numbers: Vec<_> =
                rows.iter().filter_map(|row| row.measure("fail").number()).map(|(n, _)| n).collect();
            mean(&numbers, 0.95).unwrap()
        });
        assert!(separate[0].high > separate[1].low, "{separate:?}");
    }

    /// Twenty figures of pure chance: one alone often seems to differ, all together seldom.
    #[test]
    fn chance_is_not_taken_for_a_difference() {
        use crate::kernel::{Draw, SplitMix64};
        let mut draws = SplitMix64::new(3);
        let (mut alone, mut together) = (0, 0);
        let names: Vec<_> = (0..20).map(|number| format!("figure{number}")).collect();
        for _ in 0..100 {
            let mut side = || {
                let mut figures =
                    || names.iter().map(|name| (name.clone(), Measure::Count(draws.below(1_000)))).collect();
                (0..12).map(|seed| row(seed, "holds", figures())).collect::<Vec<_>>()
            };
            let found = paired(&side(), &side());
            let excludes_zero = |figure: &PairedFigure| figure.difference.low > 0.0 || figure.difference.high < 0.0;
            alone += u32::from(found.figures.iter().any(excludes_zero));
            together += u32::from(found.figures.iter().any(|figure| figure.is_clear));
        }
        // 1 - 0.95^20 is 64%, and 5% are allowed.
        assert!(alone > 45 && together < 15, "{alone} {together}");
    }
}
