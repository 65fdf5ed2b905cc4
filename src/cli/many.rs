//! What the commands that make many runs share: their options, progress, interruption, exit codes.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::ops::{ControlFlow, Range};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::explore::{Discord, Row, Sweep, SweepError};

use super::discord::{self, Discordant};
use super::output::{Failure, Output};
use super::run::{Format, quietly};

/// The exit code of an interrupted command.
pub(super) const INTERRUPTED: u8 = 130;

/// Rows by their place in the sweep.
pub(super) type Rows = BTreeMap<u64, Row>;

/// How runs are made and judged.
#[derive(Args)]
pub(super) struct Effort {
    /// How many runs at a time; without it, one for each core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Of so many runs one is run twice and compared in full, and the first at each point; 0: none.
    #[arg(long, value_name = "N", default_value_t = 20)]
    recheck: u64,
    /// The confidence of the intervals.
    #[arg(long, value_name = "SHARE", default_value = "0.95", value_parser = share)]
    pub(super) confidence: f64,
}

impl Effort {
    pub(super) fn jobs(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        self.jobs.map_or_else(cores, usize::from)
    }

    pub(super) fn recheck_one_in(&self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.recheck)
    }
}

/// How wide intervals are to be, unless it is said.
pub(super) const WANTED_WIDTH: f64 = 0.01;

/// What is said of how sure a sweep makes us.
#[derive(Args)]
pub(super) struct Precision {
    /// Says how many runs it takes until intervals are this wide: of a share as it stands, of another mean as a part of it.
    #[arg(long, value_name = "WIDTH", default_value_t = WANTED_WIDTH, value_parser = share)]
    pub(super) width: f64,
    /// Tells the mean of every figure too.
    #[arg(long)]
    pub(super) figures: bool,
}

/// How the making of many runs ended.
#[derive(Default)]
pub(super) struct Ended {
    /// What ended it before its time.
    pub(super) error: Option<SweepError>,
    pub(super) is_interrupted: bool,
    pub(super) elapsed: Duration,
}

/// Makes the runs of a sweep that are not in `done` and hands out their rows, until `row` has enough or the process is
/// interrupted.
pub(super) fn make(
    sweep: &Sweep,
    effort: &Effort,
    done: &BTreeSet<u64>,
    progress: &ProgressBar,
    mut row: impl FnMut(Row) -> ControlFlow<()>,
) -> Result<Ended, Failure> {
    let interrupted = interrupted();
    let mut has_enough = false;
    let counted = |finished: Row| {
        progress.inc(1);
        let flow = row(finished);
        has_enough |= flow.is_break();
        flow
    };
    let (outcome, elapsed) = quietly(|| Ok(sweep.run(effort.jobs(), done, interrupted, counted)))?;
    let error = outcome.err();
    let is_interrupted = interrupted.load(Ordering::Relaxed) && !has_enough && error.is_none();
    Ok(Ended { error, is_interrupted, elapsed })
}

/// Reports what ended a sweep before its time. `origin` says of a point what its scenario is called, and what it was changed by.
pub(super) fn stopped(
    error: &SweepError,
    origin: impl FnOnce(usize) -> (String, Vec<String>),
    format: Format,
    output: &mut Output<'_>,
) -> Result<u8, Failure> {
    match error {
        SweepError::Run(error) => Err(Failure::usage(format!("error: this scenario cannot run: {error}"))),
        SweepError::Nondeterministic(discord) => {
            let Discord { point, runs: [one, other], difference, .. } = &**discord;
            let (name, changes) = origin(*point);
            let again = discord::again(&output.program, &name, one.seed, &changes);
            let discordant = Discordant { name: &name, changes: &changes, runs: [one, other], found: difference };
            discord::report(discordant, Some(&again), format, output)
        }
    }
}

/// More runs than this are a mistake.
const MOST_RUNS: u64 = 1 << 32;

/// Refuses a sweep that nobody would see the end of, and one that has none.
pub(super) fn bounded(sweep: &Sweep) -> Result<(), Failure> {
    let (points, seeds) = (sweep.points.len(), sweep.seeds.end.saturating_sub(sweep.seeds.start));
    if sweep.len() > MOST_RUNS {
        let of_points = if points == 1 { String::new() } else { format!(" at each of {points} points") };
        return Err(Failure::usage(format!(
            "error: {seeds} seeds{of_points} are too many: a sweep has at most {MOST_RUNS} runs"
        )));
    }
    if sweep.is_empty() { Err(Failure::usage("error: there is no seed to run")) } else { Ok(()) }
}

/// The exit code of runs that were all made: that of the gravest verdict.
pub(super) fn exit_code(rows: &Rows) -> u8 {
    let any = |verdict: &str| rows.values().any(|row| row.verdict == verdict);
    if any("refuted") {
        1
    } else if any("inconclusive") || rows.is_empty() {
        3
    } else {
        0
    }
}

/// A bar on the terminal, with rate and time left; nothing elsewhere.
pub(super) fn progress(runs: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} runs, {per_sec}, {eta} left");
    ProgressBar::new(runs).with_style(style.expect("the template is right"))
}

/// Set when the process is interrupted; a second interruption ends it at once.
pub(super) fn interrupted() -> &'static AtomicBool {
    static IS_INTERRUPTED: AtomicBool = AtomicBool::new(false);
    static HANDLER: Once = Once::new();
    HANDLER.call_once(|| {
        // Without a handler an interruption ends the process, and the journal keeps what was finished all the same.
        let _ = ctrlc::set_handler(|| {
            if IS_INTERRUPTED.swap(true, Ordering::Relaxed) {
                std::process::exit(i32::from(INTERRUPTED));
            }
        });
    });
    &IS_INTERRUPTED
}

pub(super) fn seeds(text: &str) -> Result<Range<u64>, String> {
    let parsed = text.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    let range: Range<u64> = parsed.ok_or("write A..B, as in 0..1000")?;
    if range.is_empty() { Err("there is no seed in it: the end is not one of them".to_owned()) } else { Ok(range) }
}

pub(super) fn share(text: &str) -> Result<f64, String> {
    let parsed: f64 = text.parse().map_err(|_| "write a number between 0 and 1")?;
    if parsed > 0.0 && parsed < 1.0 { Ok(parsed) } else { Err("it lies between 0 and 1".to_owned()) }
}
