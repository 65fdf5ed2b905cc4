//! One scenario under many seeds, at every point of a grid, on all cores.
//!
//! Which runs there are, and what each of them comes to, depends on nothing but the grid and the seeds: rows are the same
//! whatever the number of threads and shards, and whoever collects them puts them in the order of [`Row::index`].

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;

use crate::check::Verdict;
use crate::kernel::{Draw, SplitMix64};
use crate::scenario::{Run, RunError, RunOptions, Scenario};

use super::detail::Detail;
use super::determinism::{Difference, check_determinism};
use super::row::Row;

/// A scenario at one point of the grid.
#[derive(Clone)]
pub struct Point {
    /// What was set there: a JSON Pointer and a JSON text for each dimension.
    pub values: Vec<(String, String)>,
    /// The scenario with these values.
    pub scenario: Scenario,
}

/// Which part of a sweep is run: part `number` of `of`, counted from 1. Runs are dealt out in turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shard {
    number: NonZeroU64,
    of: NonZeroU64,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Self = Self { number: NonZeroU64::MIN, of: NonZeroU64::MIN };

    /// Part `number` of `of`; `None` unless 1 <= `number` <= `of`.
    #[must_use]
    pub fn new(number: u64, of: u64) -> Option<Self> {
        let (number, of) = (NonZeroU64::new(number)?, NonZeroU64::new(of)?);
        (number <= of).then_some(Self { number, of })
    }

    /// Its number and how many there are; `None` if it is all.
    #[must_use]
    pub fn part(self) -> Option<(u64, u64)> {
        (self != Self::WHOLE).then(|| (self.number.get(), self.of.get()))
    }

    const fn has(self, index: u64) -> bool {
        index % self.of.get() == self.number.get() - 1
    }
}

/// A sweep: every seed at every point.
#[derive(Clone)]
pub struct Sweep {
    /// The grid; one point without values if nothing is varied.
    pub points: Vec<Point>,
    /// The seeds.
    pub seeds: Range<u64>,
    /// Which part of it is run.
    pub shard: Shard,
    /// Of so many runs one is run twice, and the two are compared in full, as is the first run of each point; `None`: none.
    pub recheck_one_in: Option<NonZeroU64>,
    /// What is kept of each run besides its figures.
    pub detail: Detail,
}

/// Why a sweep cannot go on.
#[derive(Debug)]
pub enum SweepError {
    /// A scenario of the grid cannot be run.
    Run(RunError),
    /// Two runs of one seed differed.
    Nondeterministic(Box<Discord>),
}

/// Two runs of one scenario and seed that are not the same.
#[derive(Debug)]
pub struct Discord {
    /// Their place in the sweep.
    pub index: u64,
    /// The point of the grid.
    pub point: usize,
    /// Both, with their traces; the verdict of the first says that it is nondeterministic.
    pub runs: [Run; 2],
    /// How they differ.
    pub difference: Difference,
}

impl Sweep {
    /// How many runs the whole sweep has, all shards together; [`u64::MAX`] if no number says how many.
    #[must_use]
    pub fn len(&self) -> u64 {
        (self.points.len() as u64).saturating_mul(self.seeds_per_point())
    }

    /// How many runs this shard has.
    #[must_use]
    pub fn runs(&self) -> u64 {
        let Shard { number, of } = self.shard;
        self.len() / of.get() + u64::from(self.len() % of.get() >= number.get())
    }

    const fn seeds_per_point(&self) -> u64 {
        self.seeds.end.saturating_sub(self.seeds.start)
    }

    /// Whether there is nothing to run.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The places of this shard's runs, ascending.
    pub fn indexes(&self) -> impl Iterator<Item = u64> + '_ {
        (0..self.len()).filter(|&index| self.shard.has(index))
    }

    /// Makes every run of the shard that is not in `done`, on `jobs` threads (at least one), and hands out the rows as
    /// they come: seed by seed, each at every point, so that what is there after an interruption can be compared. Stops
    /// early if `cancel` is set, or `row` says so: runs under way then still come to their end and are handed out.
    ///
    /// # Errors
    /// If a scenario cannot be run, or two runs of one seed differ.
    pub fn run(
        &self,
        jobs: usize,
        done: &BTreeSet<u64>,
        cancel: &AtomicBool,
        mut row: impl FnMut(Row) -> ControlFlow<()>,
    ) -> Result<(), SweepError> {
        let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let most = usize::try_from(self.runs()).unwrap_or(usize::MAX);
        let (send, receive) = mpsc::channel();
        std::thread::scope(|scope| {
            for _ in 0..jobs.clamp(1, most.max(1)) {
                let (send, next, stop) = (send.clone(), &next, &stop);
                scope.spawn(move || {
                    while !cancel.load(Ordering::Relaxed) && !stop.load(Ordering::Relaxed) {
                        let Some(index) = self.in_turn(next.fetch_add(1, Ordering::Relaxed)) else { return };
                        let is_mine = self.shard.has(index) && !done.contains(&index);
                        if is_mine && send.send(self.one(index)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(send);
            let mut outcome: Result<(), SweepError> = Ok(());
            for finished in receive {
                let is_over = match finished {
                    Ok(finished) => row(finished).is_break(),
                    Err(error) => {
                        // Of several that came at a time, the one at the lowest place.
                        let is_lower = outcome.as_ref().err().is_none_or(|other| error.place() < other.place());
                        if is_lower {
                            outcome = Err(error);
                        }
                        true
                    }
                };
                if is_over {
                    stop.store(true, Ordering::Relaxed);
                }
            }
            outcome
        })
    }

    /// The place of the run that is made as the `turn`th of all: seed by seed, each at every point.
    fn in_turn(&self, turn: u64) -> Option<u64> {
        let points = self.points.len() as u64;
        (turn < self.len()).then(|| turn % points * self.seeds_per_point() + turn / points)
    }

    /// The run at a place.
    fn one(&self, index: u64) -> Result<Row, SweepError> {
        let seeds = self.seeds_per_point();
        let (point, seed) = ((index / seeds) as usize, self.seeds.start + index % seeds);
        let scenario = &self.points[point].scenario;
        let is_drawn = |one_in: NonZeroU64| SplitMix64::new(index).next_u64() % one_in == 0;
        if !self.recheck_one_in.is_some_and(|one_in| index.is_multiple_of(seeds) || is_drawn(one_in)) {
            let run = scenario.run(RunOptions { seed, keep_trace: false }).map_err(SweepError::Run)?;
            return Ok(Row::new(index, point, &run, self.detail));
        }
        let (mut run, second, difference) = check_determinism(scenario, seed).map_err(SweepError::Run)?;
        match difference {
            None => Ok(Row { is_rechecked: true, ..Row::new(index, point, &run, self.detail) }),
            Some(difference) => {
                run.verdict = Verdict::Nondeterministic;
                let discord = Discord { index, point, runs: [run, second], difference };
                Err(SweepError::Nondeterministic(Box::new(discord)))
            }
        }
    }
}

impl SweepError {
    /// Where it came up; a scenario that cannot be run goes before everything.
    fn place(&self) -> Option<u64> {
        match self {
            Self::Run(_) => None,
            Self::Nondeterministic(discord) => Some(discord.index),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::scenario::Registry;

    fn sweep(points: usize, seeds: Range<u64>, shard: Shard) -> Sweep {
        let text = br#"{
            "version": 1, "title": "Idle", "duration": "10ms",
            "services": { "store": { "single": {} } },
            "clients": { "a": { "calls": "store", "arrivals": { "constant": "200/s" }, "operations": { "write": 1 } } }
        }"#;
        let scenario = Scenario::parse("idle.json", text, &Registry::standard()).expect("it is right");
        let point = Point { values: Vec::new(), scenario };
        let recheck_one_in = NonZeroU64::new(1_000_000);
        Sweep { points: vec![point; points], seeds, shard, recheck_one_in, detail: Detail::default() }
    }

    /// The rows of a sweep that is stopped after so many.
    fn rows(sweep: &Sweep, done: &BTreeSet<u64>, most: usize) -> BTreeMap<u64, Row> {
        let mut rows = BTreeMap::new();
        let add = |row: Row| {
            rows.insert(row.index, row);
            if rows.len() >= most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        sweep.run(1, done, &AtomicBool::new(false), add).expect("it runs");
        rows
    }

    #[test]
    fn every_shard_makes_its_own_runs_once() {
        for of in 1..=4 {
            let shards = (1..=of).map(|number| sweep(3, 5..8, Shard::new(number, of).expect("a shard")));
            let mut all = Vec::new();
            for shard in shards {
                let done: BTreeSet<u64> = shard.indexes().take(1).collect();
                let made: BTreeSet<u64> = rows(&shard, &done, 100).into_keys().collect();
                assert!(made.is_disjoint(&done));
                assert_eq!((made.len() + done.len()) as u64, shard.runs());
                all.extend(made.into_iter().chain(done));
            }
            all.sort_unstable();
            assert_eq!(all, (0..9).collect::<Vec<_>>(), "{of} shards");
        }
    }

    /// Seed by seed, and the first run of each point is made twice however seldom others are.
    #[test]
    fn points_take_turns_and_each_is_rechecked() {
        let made = rows(&sweep(2, 5..9, Shard::WHOLE), &BTreeSet::new(), 100);
        let rechecked: Vec<_> =
            made.values().filter(|row| row.is_rechecked).map(|row| (row.point, row.seed)).collect();
        assert_eq!(rechecked, [(0, 5), (1, 5)]);
        let mut order = Vec::new();
        let note = |row: Row| {
            order.push(row.index);
            ControlFlow::Continue(())
        };
        sweep(2, 5..9, Shard::WHOLE).run(1, &BTreeSet::new(), &AtomicBool::new(false), note).expect("it runs");
        assert_eq!(order, [0, 4, 1, 5, 2, 6, 3, 7]);
    }

    /// What is not run takes neither time nor space.
    #[test]
    fn a_sweep_of_any_length_can_begin() {
        let endless = sweep(3, 0..u64::MAX, Shard::WHOLE);
        assert_eq!((endless.len(), endless.runs()), (u64::MAX, u64::MAX));
        assert!(rows(&sweep(1, 0..u64::MAX, Shard::WHOLE), &BTreeSet::new(), 2).contains_key(&1));
    }
}
