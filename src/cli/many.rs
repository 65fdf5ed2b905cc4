//! What the commands that make many runs share: their options, progress, interruption, exit codes.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::ops::{ControlFlow, Range};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::check::Verdict;
use crate::explore::{Row, Sweep, SweepError};

use super::output::{Failure, Output};
use super::run::quietly;

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
    /// Of so many runs one is run twice and compared in full; 0: none.
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

/// Reports what ended a sweep before its time.
pub(super) fn stopped(scenario: &str, error: &SweepError, output: &mut Output<'_>) -> Result<u8, Failure> {
    match error {
        SweepError::Run(error) => Err(Failure::usage(format!("error: this scenario cannot run: {error}"))),
        SweepError::Nondeterministic { row, what, event } => {
            let first = event.map_or_else(String::new, |event| format!(" from event {event} on"));
            output.say(&format!(
                "NONDETERMINISTIC\n\nTwo runs of seed {} differ in {}{first}.\nlook: {} run {scenario} --seed {} --check-determinism\n",
                row.seed,
                what.join(", "),
                output.program.clone(),
                row.seed
            ))?;
            Ok(Verdict::Nondeterministic.exit_code())
        }
    }
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
