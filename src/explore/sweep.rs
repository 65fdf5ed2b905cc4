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
use crate::scenario::{RunError, RunOptions, Scenario};

use super::detail::Detail;
use super::determinism::check_determinism;
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
    /// Of so many runs one is run twice, and the two are compared in full; `None`: none.
    pub recheck_one_in: Option<NonZeroU64>,
    /// What is kept of each run besides its figures.
    pub detail: Detail,
}

/// Why a sweep cannot go on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SweepError {
    /// A scenario of the grid cannot be run.
    Run(RunError),
    /// Two runs of one seed differed: at this point and seed, in these respects, from this event on.
    Nondeterministic {
        /// The row of the first of the two runs.
        row: Box<Row>,
        /// What differs, in words.
        what: Vec<&'static str>,
        /// The number of the first event that differs.
        event: Option<usize>,
    },
}

impl Sweep {
    /// How many runs the whole sweep has, all shards together.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.points.len() as u64 * self.seeds_per_point()
    }

    const fn seeds_per_point(&self) -> u64 {
        self.seeds.end - self.seeds.start
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
        let mut todo: Vec<u64> = self.indexes().filter(|index| !done.contains(index)).collect();
        todo.sort_by_key(|index| index % self.seeds_per_point());
        let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let (send, receive) = mpsc::channel();
        std::thread::scope(|scope| {
            for _ in 0..jobs.clamp(1, todo.len().max(1)) {
                let (send, next, stop, todo) = (send.clone(), &next, &stop, &todo);
                scope.spawn(move || {
                    while !cancel.load(Ordering::Relaxed) && !stop.load(Ordering::Relaxed) {
                        let place = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap_or(usize::MAX);
                        let Some(&index) = todo.get(place) else { return };
                        if send.send(self.one(index)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(send);
            let mut outcome = Ok(());
            for finished in receive {
                let is_over = match finished {
                    Ok(finished) => row(finished).is_break(),
                    Err(error) => {
                        outcome = outcome.and(Err(error));
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

    /// The run at a place.
    fn one(&self, index: u64) -> Result<Row, SweepError> {
        let seeds = self.seeds_per_point();
        let (point, seed) = ((index / seeds) as usize, self.seeds.start + index % seeds);
        let scenario = &self.points[point].scenario;
        let is_rechecked = self.recheck_one_in.is_some_and(|one_in| SplitMix64::new(index).next_u64() % one_in == 0);
        if !is_rechecked {
            let run = scenario.run(RunOptions { seed, keep_trace: false }).map_err(SweepError::Run)?;
            return Ok(Row::new(index, point, &run, self.detail));
        }
        let (mut run, _, difference) = check_determinism(scenario, seed).map_err(SweepError::Run)?;
        match difference {
            None => Ok(Row::new(index, point, &run, self.detail)),
            Some(difference) => {
                run.verdict = Verdict::Nondeterministic;
                let row = Box::new(Row::new(index, point, &run, self.detail));
                Err(SweepError::Nondeterministic { row, what: difference.what, event: difference.event })
            }
        }
    }
}
