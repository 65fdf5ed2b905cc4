//! `partita shrink`: from a failing run to its cause.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::check::Verdict;
use crate::explore::{self, FailureGroup, ShrinkError, Shrinking, Shrunk, Size, Summary, Sweep};
use crate::kernel::Span;
use crate::report::{integer, shell_word, shrunk_story};
use crate::scenario::{Registry, Run};

use super::files::{self, Chosen};
use super::many::{self, INTERRUPTED, Rows};
use super::output::{Failure, Output};
use super::run::quietly;

/// Makes a failing run smaller, until nothing can be left out, and writes what is left as a scenario of its own.
///
/// What is left fails by the same check, class and anomaly; it needs no generator: faults and operations are listed one by one. Exit
/// code 0 if it is written, 2 if the run does not fail; 130 if interrupted, with what is left so far.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    chosen: Chosen,
    /// Where the smaller scenario goes.
    #[arg(long, value_name = "SMALLER.json")]
    out: PathBuf,
    /// How many runs it may take, as in 2000 or "2000 runs"; or how long, as in 60s, however many runs that is.
    #[arg(long, value_name = "RUNS|DURATION", default_value = "2000 runs", value_parser = budget)]
    budget: Budget,
    /// How long it may take besides, as in 60s; without it, as long as its runs do.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    time: Option<Span>,
    /// Shrinks a run that is inconclusive too: to what keeps its hypothesis from being put to the test.
    #[arg(long)]
    inconclusive: bool,
}

/// How much shrinking may cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Budget {
    Runs(u64),
    Time(Span),
}

fn budget(text: &str) -> Result<Budget, String> {
    let number = text.strip_suffix("runs").or_else(|| text.strip_suffix("run")).map_or(text, str::trim_end);
    match (number.parse(), duration(text)) {
        (Ok(0), _) => Err("at least one run is needed".to_owned()),
        (Ok(runs), _) => Ok(Budget::Runs(runs)),
        (Err(_), Ok(time)) => Ok(Budget::Time(time)),
        (Err(_), Err(_)) => Err("write a number of runs, as in 2000, or a duration, as in 60s".to_owned()),
    }
}

fn duration(text: &str) -> Result<Span, String> {
    crate::scenario::duration(text).map_err(|error| error.to_string())
}

/// How many runs shrinking takes at most, unless it is said.
const BUDGET: u64 = 2_000;

pub(super) fn run(registry: &Registry, arguments: &Arguments, output: &mut Output<'_>) -> Result<u8, Failure> {
    let (scenario, seed) = arguments.chosen.read(registry)?;
    files::prepare(&arguments.out)?;
    let (runs, limit) = match arguments.budget {
        Budget::Runs(runs) => (runs, None),
        Budget::Time(time) => (u64::MAX, Some(time)),
    };
    let times = [is_over_after(limit), is_over_after(arguments.time)];
    let interrupted = many::interrupted();
    let is_over = || interrupted.load(Ordering::Relaxed) || times.iter().any(|is_over| is_over());
    let is_untested = Cell::new(false);
    let judge = |run: &Run| {
        let is_inconclusive = run.verdict == Verdict::Inconclusive && !arguments.inconclusive;
        is_untested.set(is_inconclusive);
        explore::Failure::of_run(run).filter(|_| !is_inconclusive)
    };
    let progress = progress(limit.is_none().then_some(runs));
    let watch = |runs, size| show(&progress, runs, size);
    let shrinking = Shrinking { judge: &judge, is_over: &is_over, watch: &watch, ..Shrinking::new(registry, runs) };
    let outcome = quietly(|| Ok(shrinking.shrink(&scenario, seed)))?.0;
    progress.finish_and_clear();
    let name = &arguments.chosen.scenario;
    let shrunk = outcome.map_err(|error| match error {
        ShrinkError::Holds if is_untested.get() => Failure::usage(format!(
            "error: {name} is inconclusive under seed {seed}: nothing was put to the test, so there is no failure to \
             shrink; with --inconclusive, what keeps it from the test is"
        )),
        ShrinkError::Holds => Failure::usage(format!(
            "error: {name} holds under seed {seed}: only a run that fails can be shrunk; `sweep` finds seeds that do"
        )),
        error => Failure::usage(format!("error: cannot shrink {name}: {error}")),
    })?;
    // What was found is told even if it cannot be written.
    let written = files::write(&arguments.out, format!("{:#}\n", shrunk.scenario).as_bytes());
    let said = output.say(&format!("{}\n", shrunk_story(&shrunk)));
    written.and(said)?;
    let out = arguments.out.display().to_string();
    output.say(&format!("again:    {} run {}\n", shell_word(&output.program.clone()), shell_word(&out)))?;
    if interrupted.load(Ordering::Relaxed) {
        output.hint(&format!("interrupted: what is left so far is in {out}; shrinking that goes on from there"));
        return Ok(INTERRUPTED);
    }
    Ok(0)
}

/// How far shrinking is, on the terminal: of so many runs, if their number is limited.
fn progress(runs: Option<u64>) -> ProgressBar {
    let of = if runs.is_some() { "{bar:40} {pos} of at most {len} runs" } else { "{spinner} {pos} runs" };
    let style = ProgressStyle::with_template(&format!("{of}, {{per_sec}}; {{msg}}")).expect("the template is right");
    runs.map_or_else(ProgressBar::new_spinner, ProgressBar::new).with_style(style)
}

fn show(progress: &ProgressBar, runs: u64, size: Size) {
    progress.set_position(runs);
    progress.set_message(format!("left: {size}"));
}

/// Whether so much time has gone by since this was called.
#[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "a budget of time is the user's own wish")]
fn is_over_after(time: Option<Span>) -> impl Fn() -> bool {
    let start = std::time::Instant::now();
    move || time.is_some_and(|time| start.elapsed() >= std::time::Duration::from_nanos(time.as_nanos()))
}

/// A group of runs that were refuted alike, and the lowest seed of it, shrunk.
pub(super) struct Reduced {
    point: usize,
    group: FailureGroup,
    shrunk: Shrunk,
    file: PathBuf,
}

/// Shrinks the lowest seed of each group of refuted runs, at each point of a sweep, into files in a folder.
pub(super) fn lowest_of_groups(
    registry: &Registry,
    folder: &Path,
    sweep: &Sweep,
    rows: &Rows,
    output: &mut Output<'_>,
) -> Result<Vec<Reduced>, Failure> {
    let folder = folder.join("shrunk");
    std::fs::create_dir_all(&folder).map_err(|error| Failure::io("make the folder", &folder, &error))?;
    let (mut reduced, mut left) = (Vec::new(), 0);
    let interrupted = many::interrupted();
    let is_over = || interrupted.load(Ordering::Relaxed);
    for (number, point) in sweep.points.iter().enumerate() {
        // The confidence is that of intervals, and groups have none.
        let groups = Summary::of(rows.values().filter(|row| row.point == number), 0.95).failures;
        for group in groups.into_iter().filter(|group| group.failure.class != Verdict::Inconclusive.name()) {
            if is_over() {
                left += 1;
                continue;
            }
            let seed = group.lowest_seed;
            let explore::Failure { class, anomaly, .. } = &group.failure;
            let check = group.failure.name();
            let kind = anomaly.as_ref().map_or_else(String::new, |anomaly| format!("-{anomaly}"));
            let name = format!("point-{number}-{check}-{class}{kind}-seed-{seed}.json");
            let file = folder.join(name.replace(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c), "-"));
            let progress = progress(Some(BUDGET));
            let watch = |runs, size| show(&progress, runs, size);
            let shrinking = Shrinking { is_over: &is_over, watch: &watch, ..Shrinking::new(registry, BUDGET) };
            let outcome = quietly(|| Ok(shrinking.shrink(&point.scenario, seed)))?.0;
            progress.finish_and_clear();
            match outcome {
                Ok(shrunk) => {
                    files::write(&file, format!("{:#}\n", shrunk.scenario).as_bytes())?;
                    reduced.push(Reduced { point: number, group, shrunk, file });
                }
                Err(error) => output.hint(&format!("seed {seed} cannot be shrunk: {error}")),
            }
        }
    }
    if is_over() {
        output
            .hint(&format!("interrupted: {left} failures were not shrunk, and the last one perhaps not to its end"));
    }
    Ok(reduced)
}

impl Reduced {
    /// What is left, and the command that runs it.
    pub(super) fn story(&self, program: &str) -> String {
        let Self { group: FailureGroup { failure, lowest_seed, .. }, shrunk, file, .. } = self;
        format!(
            "shrunk: {failure}, seed {lowest_seed}: {} left of {}\n    {program} run {}\n",
            shrunk.after,
            shrunk.before,
            shell_word(&file.display().to_string())
        )
    }

    pub(super) fn document(&self) -> Value {
        let Self { point, group, shrunk, file } = self;
        json!({
            "point": point,
            "check": group.failure.name(),
            "class": group.failure.class,
            "anomaly": group.failure.anomaly,
            "seed": integer(group.lowest_seed),
            "file": file,
            "runs": shrunk.runs,
            "faults": shrunk.after.faults,
            "operations": shrunk.after.operations,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_counts_runs_or_time() {
        let check = |text: &str, expected: Result<Budget, &str>| {
            assert_eq!(budget(text), expected.map_err(str::to_owned), "{text}");
        };
        check("2000", Ok(Budget::Runs(2_000)));
        check("2000 runs", Ok(Budget::Runs(2_000)));
        check("1 run", Ok(Budget::Runs(1)));
        check("90s", Ok(Budget::Time(Span::from_secs(90))));
        check("0", Err("at least one run is needed"));
        for wrong in ["", "many", "runs", "-1", "5 hops"] {
            check(wrong, Err("write a number of runs, as in 2000, or a duration, as in 60s"));
        }
    }
}
