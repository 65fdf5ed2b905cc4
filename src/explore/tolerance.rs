//! How much of something a system takes before its hypothesis fails: a sequential test at each point, and a bisection.
//!
//! The system tolerates a value if its hypothesis holds in a wanted share of runs; it is broken there if that share is lower
//! by more than a margin. Between the two either answer is right. Each point is tested seed by seed, no longer than is needed.

use std::collections::BTreeMap;

use crate::check::Verdict;

use super::row::Row;
use super::statistics::Estimate;
use super::summary::{FailureGroup, Summary};

/// A test between two rates of success which ends as soon as it knows enough: Wald's sequential probability ratio test
/// (Sequential Tests of Statistical Hypotheses, Annals of Mathematical Statistics 16, 1945). Its bounds are 1 / error, a
/// little wider than Wald's: the error is then never exceeded, whenever one looks (Ville's inequality).
#[derive(Clone, Copy, Debug)]
pub struct SequentialTest {
    /// By how much a success, and a failure, speak for the higher rate, as logarithms.
    weights: [f64; 2],
    bound: f64,
    /// How much has been said for the higher rate so far.
    evidence: f64,
}

impl SequentialTest {
    /// A test of a rate of at most `low` against one of at least `high`; 0 < `low` < `high` < 1. Each of the two answers is
    /// wrong with a probability of at most `error`.
    #[must_use]
    pub fn new(low: f64, high: f64, error: f64) -> Self {
        let weights = [libm::log(high / low), libm::log((1.0 - high) / (1.0 - low))];
        Self { weights, bound: -libm::log(error), evidence: 0.0 }
    }

    /// Hears of a trial; answers whether the rate is high, once that is known.
    pub fn add(&mut self, is_success: bool) -> Option<bool> {
        self.evidence += self.weights[usize::from(!is_success)];
        (self.evidence.abs() >= self.bound).then_some(self.evidence > 0.0)
    }

    /// How many successes in a row decide.
    #[must_use]
    pub fn straight_successes(&self) -> u64 {
        libm::ceil(self.bound / self.weights[0]) as u64
    }
}

/// What became of a point.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Endurance {
    /// The hypothesis holds often enough.
    Tolerated,
    /// It does not.
    Broken,
    /// The seeds did not suffice to tell.
    Undecided,
    /// Run after run was inconclusive: nothing was put to the test.
    Untested,
}

impl Endurance {
    /// Whether nothing broke.
    const fn passes(self) -> bool {
        matches!(self, Self::Tolerated | Self::Untested)
    }

    /// In one word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tolerated => "tolerated",
            Self::Broken => "broken",
            Self::Undecided => "undecided",
            Self::Untested => "untested",
        }
    }
}

/// The test of one point, run by run in the order of the seeds.
#[derive(Clone, Debug)]
pub struct Trial {
    test: SequentialTest,
    conclusive: u64,
    inconclusive: u64,
}

impl Trial {
    /// A trial that has seen no run.
    #[must_use]
    pub const fn new(test: SequentialTest) -> Self {
        Self { test, conclusive: 0, inconclusive: 0 }
    }

    /// Hears of the next run. An inconclusive one says nothing; if there are as many of them, and no other, as would have
    /// sufficed, the point is given up.
    pub fn add(&mut self, row: &Row) -> Option<Endurance> {
        if row.verdict == Verdict::Inconclusive.name() {
            self.inconclusive += 1;
            let is_hopeless = self.conclusive == 0 && self.inconclusive >= self.test.straight_successes();
            return is_hopeless.then_some(Endurance::Untested);
        }
        self.conclusive += 1;
        let is_high = self.test.add(row.holds())?;
        Some(if is_high { Endurance::Tolerated } else { Endurance::Broken })
    }
}

/// Which points are tested: some evenly over the range, for the curve; then ever nearer to where it first breaks.
#[derive(Clone, Debug)]
pub struct Search {
    steps: u64,
    tested: BTreeMap<u64, Endurance>,
}

/// The points of the curve that are tested first, besides the one at the start.
const QUARTERS: u64 = 4;

impl Search {
    /// A search over the steps 0 to `steps`, at least 1.
    #[must_use]
    pub const fn new(steps: u64) -> Self {
        Self { steps, tested: BTreeMap::new() }
    }

    /// How many points are tested at most.
    #[must_use]
    pub fn points(&self) -> u64 {
        let first = QUARTERS.min(self.steps);
        let widest = self.steps.div_ceil(first);
        first + 1 + u64::from(widest.next_power_of_two().trailing_zeros())
    }

    /// The next point to test; `None` when the cliff lies between two neighbours, or there is none.
    #[must_use]
    pub fn next(&self) -> Option<u64> {
        let first = QUARTERS.min(self.steps);
        let mut even = (0..=first).map(|quarter| self.steps * quarter / first);
        if let Some(point) = even.find(|point| !self.tested.contains_key(point)) {
            return Some(point);
        }
        let (below, above) = self.cliff()?;
        (above - below > 1).then_some(below + (above - below) / 2)
    }

    /// Remembers what became of a point.
    pub fn record(&mut self, point: u64, endurance: Endurance) {
        self.tested.insert(point, endurance);
    }

    /// The last point before the first that is not tolerated, and that one. An untested point is passed over: nothing broke
    /// there. `None` if the very first is not tolerated, or all are.
    #[must_use]
    pub fn cliff(&self) -> Option<(u64, u64)> {
        let above = *self.tested.iter().find(|(_, endurance)| !endurance.passes())?.0;
        let below = *self.tested.range(..above).next_back()?.0;
        Some((below, above))
    }

    /// What became of each point so far, ascending.
    #[must_use]
    pub const fn tested(&self) -> &BTreeMap<u64, Endurance> {
        &self.tested
    }
}

/// What a system takes.
#[derive(Clone, Debug)]
pub struct Tolerance {
    /// What was varied, as a JSON Pointer.
    pub pointer: String,
    /// The share of runs that is to hold.
    pub wanted: f64,
    /// By how much that share has to be missed before it counts.
    pub margin: f64,
    /// The points that were tested, in the order of the range.
    pub points: Vec<TestedPoint>,
    /// The places in `points` between which the cliff lies: see [`Search::cliff`].
    pub cliff: Option<(usize, usize)>,
    /// Whether the search was interrupted before it came to its end.
    pub is_interrupted: bool,
}

/// A point of the curve.
#[derive(Clone, Debug)]
pub struct TestedPoint {
    /// What was set, as a JSON text.
    pub value: String,
    /// What became of it.
    pub endurance: Endurance,
    /// Of the conclusive runs, the rate of those whose hypothesis held.
    pub holding: Option<Estimate>,
    /// What its runs came to.
    pub summary: Summary,
}

impl TestedPoint {
    /// The point of a curve from the runs that decided it.
    #[must_use]
    pub fn new<'a>(
        value: String,
        endurance: Endurance,
        rows: impl Iterator<Item = &'a Row> + Clone,
        confidence: f64,
    ) -> Self {
        let summary = Summary::of(rows, confidence);
        Self { value, endurance, holding: summary.holding_of_conclusive, summary }
    }

    /// By what most of its runs are refuted, if any is.
    #[must_use]
    pub fn gives_way(&self) -> Option<&FailureGroup> {
        self.summary.failures.iter().find(|group| group.failure.class != Verdict::Inconclusive.name())
    }
}

impl Tolerance {
    /// The points behind the cliff that are tolerated all the same.
    pub fn again(&self) -> impl Iterator<Item = &TestedPoint> {
        let behind = self.points.iter().position(|point| !point.endurance.passes()).unwrap_or(self.points.len());
        self.points[behind..].iter().filter(|point| point.endurance == Endurance::Tolerated)
    }
}

/// A range of values in equal steps, in the notation of scenario files: `0.0..0.5`, `1..5`, `10ms..900ms`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scale {
    /// The ends in units of 10^-`decimals`.
    ends: [i128; 2],
    decimals: u32,
    /// What follows the number: a unit, or nothing.
    unit: String,
    steps: u64,
}

impl Scale {
    /// Reads `from..to` and divides it into `steps` (at least 1); whole numbers are never divided.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(text: &str, steps: u64) -> Result<Self, String> {
        let (from, to) = text.split_once("..").ok_or("write FROM..TO, as in 0.0..0.5 or 10ms..900ms")?;
        let ends = [number(from)?, number(to)?];
        let [one, other] = [&ends[0].2, &ends[1].2];
        // Nothing is nothing in any unit.
        let unit = match (ends[0].0, ends[1].0) {
            _ if one == other => one.clone(),
            (0, _) if one.is_empty() => other.clone(),
            (_, 0) if other.is_empty() => one.clone(),
            _ => return Err(format!("one end is in {one:?}, the other in {other:?}: write both in one unit")),
        };
        let written = ends[0].1.max(ends[1].1);
        let is_whole = written == 0 && unit.is_empty();
        // Six digits more than were written are enough for a millionth of the range.
        let decimals = if is_whole { 0 } else { written + 6 };
        let scaled =
            |(digits, decimals_written, _): &(i128, u32, String)| digits * 10i128.pow(decimals - decimals_written);
        let ends = [scaled(&ends[0]), scaled(&ends[1])];
        let width = (ends[1] - ends[0]).unsigned_abs();
        if width == 0 {
            return Err("both ends are the same".to_owned());
        }
        let steps = u64::try_from(width).map_or(steps, |width| steps.min(width));
        Ok(Self { ends, decimals, unit, steps })
    }

    /// How many steps there are.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// The value at a step as a JSON text.
    #[must_use]
    pub fn value(&self, step: u64) -> String {
        let [from, to] = self.ends;
        let number = from + (to - from) * i128::from(step) / i128::from(self.steps);
        let (sign, number) = (if number < 0 { "-" } else { "" }, number.unsigned_abs());
        let power = 10u128.pow(self.decimals);
        let fraction = format!("{:0width$}", number % power, width = self.decimals as usize);
        let fraction = if self.decimals == 0 { "" } else { fraction.trim_end_matches('0') };
        let point = if fraction.is_empty() { "" } else { "." };
        let text = format!("{sign}{}{point}{fraction}{}", number / power, self.unit);
        if self.unit.is_empty() { text } else { format!("\"{text}\"") }
    }
}

/// Digits, how many of them stand behind the point, and the unit.
fn number(text: &str) -> Result<(i128, u32, String), String> {
    let text = text.trim().trim_matches('"');
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '-').unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = fraction.bytes().all(|c| c.is_ascii_digit()) && !whole.trim_start_matches('-').is_empty();
    let joined = format!("{whole}{fraction}");
    // Beyond this a range has no need of digits.
    if !is_number || joined.len() > 18 {
        return Err(format!("{text:?} is no number with at most 18 digits, and perhaps a unit"));
    }
    let digits = joined.parse().map_err(|_| format!("{text:?} is no number, and perhaps a unit"))?;
    Ok((digits, fraction.len() as u32, unit.to_owned()))
}

#[cfg(test)]
mod tests;
