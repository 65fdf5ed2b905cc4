//! `partita shrink`: from a failing run to its cause.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use crate::check::Verdict;
use crate::explore::{self, FailureGroup, ShrinkError, Shrinking, Shrunk, Summary, Sweep, shrink};
use crate::kernel::Span;
use crate::report::shrunk_story;
use crate::scenario::Registry;

use super::files;
use super::many::Rows;
use super::output::{Failure, Output};
use super::run::quietly;

/// Makes a failing run smaller, until nothing can be left out, and writes what is left as a scenario of its own.
///
/// What is left fails by the same check, class and anomaly; it needs no generator: faults and operations are listed one by one. Exit
/// code 0 if it is written, 2 if the run does not fail.
#[derive(Args)]
pub(super) struct Arguments {
    /// A scenario file, or the name of a bundled scenario.
    #[arg(value_name = "FILE|NAME")]
    scenario: String,
    /// The seed; without it, the file's.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    seed: Option<u64>,
    /// Changes one value of the file, as `run` does.
    #[arg(long = "set", value_name = "/POINTER=JSON")]
    changes: Vec<String>,
    /// Where the smaller scenario goes.
    #[arg(long, value_name = "SMALLER.json")]
    out: PathBuf,
    /// How many runs it may take.
    #[arg(long, value_name = "RUNS", default_value_t = BUDGET, value_parser = clap::value_parser!(u64).range(1..))]
    budget: u64,
    /// How long it may take, as in 60s; without it, as long as its runs do.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    time: Option<Span>,
}

fn duration(text: &str) -> Result<Span, String> {
    crate::scenario::duration(text).map_err(|error| error.to_string())
}

/// How many runs shrinking takes at most, unless it is said.
const BUDGET: u64 = 2_000;

pub(super) fn run(registry: &Registry, arguments: &Arguments, output: &mut Output<'_>) -> Result<u8, Failure> {
    let scenario = files::scenario(registry, &arguments.scenario, &arguments.changes)?;
    let seed = arguments.seed.unwrap_or(scenario.seed);
    let is_over = is_over_after(arguments.time);
    let shrinking = Shrinking { is_over: &is_over, ..Shrinking::new(registry, arguments.budget) };
    let shrunk = quietly(|| Ok(shrinking.shrink(&scenario, seed)))?.0.map_err(|error| match error {
        ShrinkError::Holds => Failure::usage(format!(
            "error: {} holds under seed {seed}: only a run that fails can be shrunk; `sweep` finds seeds that do",
            arguments.scenario
        )),
        error => Failure::usage(format!("error: cannot shrink {}: {error}", arguments.scenario)),
    })?;
    files::write(&arguments.out, format!("{:#}\n", shrunk.scenario).as_bytes())?;
    let out = arguments.out.display();
    output.say(&format!("{}\nagain:    {} run {out}\n", shrunk_story(&shrunk), output.program.clone()))?;
    Ok(0)
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
    let mut reduced = Vec::new();
    for (number, point) in sweep.points.iter().enumerate() {
        // The confidence is that of intervals, and groups have none.
        let groups = Summary::of(rows.values().filter(|row| row.point == number), 0.95).failures;
        for group in groups.into_iter().filter(|group| group.failure.class != Verdict::Inconclusive.name()) {
            let seed = group.lowest_seed;
            let explore::Failure { check, class, anomaly } = &group.failure;
            let kind = anomaly.as_ref().map_or_else(String::new, |anomaly| format!("-{anomaly}"));
            let name = format!("point-{number}-{check}-{class}{kind}-seed-{seed}.json");
            let file = folder.join(name.replace(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c), "-"));
            match quietly(|| Ok(shrink(&point.scenario, seed, registry, BUDGET)))?.0 {
                Ok(shrunk) => {
                    files::write(&file, format!("{:#}\n", shrunk.scenario).as_bytes())?;
                    reduced.push(Reduced { point: number, group, shrunk, file });
                }
                Err(error) => output.hint(&format!("seed {seed} cannot be shrunk: {error}")),
            }
        }
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
            file.display()
        )
    }

    pub(super) fn document(&self) -> Value {
        let Self { point, group, shrunk, file } = self;
        json!({
            "point": point,
            "check": group.failure.check,
            "class": group.failure.class,
            "anomaly": group.failure.anomaly,
            "seed": group.lowest_seed,
            "file": file,
            "runs": shrunk.runs,
            "faults": shrunk.after.faults,
            "operations": shrunk.after.operations,
        })
    }
}
