//! `partita explore`: every run of a small scenario within a bound of deviations.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::Args;

use crate::check::Verdict;
use crate::explore::{Exhaustive, Exploration, Extent, FoundFailure};
use crate::kernel::Span;
use crate::report::{exploration_document, exploration_story, shell_word};
use crate::scenario::{Registry, duration};

use super::files::{self, Chosen};
use super::many::{INTERRUPTED, interrupted, progress};
use super::output::{Failure, Output};
use super::run::{Format, quietly};

/// Looks at every run of a small scenario that differs from its own by a few deviations.
///
/// A deviation lets a message come after what happens next at its receiver (at the same instant; with --deliveries, a
/// little later), or one of the faults named by --move start at another instant. Exit code: 1 if any run is refuted, 3 if
/// any is inconclusive or the budget is spent, 0 if every run within the bound holds; 130 if interrupted.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    chosen: Chosen,
    /// How many deviations a run has at most.
    #[arg(long, value_name = "D", default_value_t = 2)]
    bound: u32,
    /// How many runs are made at most.
    #[arg(long, value_name = "RUNS", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    budget: u64,
    /// Messages may also come after what happens at their receiver so much later, as in 2ms.
    #[arg(long, value_name = "WITHIN", value_parser = within)]
    deliveries: Option<Span>,
    /// Lets the fault of this id start at any instant at which something happens at a node that it may hit.
    #[arg(long = "move", value_name = "FAULT")]
    moved: Vec<String>,
    /// A folder for the results: exploration.json, and the first run of each failure as a scenario of its own.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

fn within(text: &str) -> Result<Span, String> {
    duration(text).map_err(|error| error.to_string())
}

pub(super) fn explore(registry: &Registry, arguments: &Arguments, output: &mut Output<'_>) -> Result<u8, Failure> {
    let Arguments { chosen, bound, budget, moved, .. } = arguments;
    let (scenario, seed) = chosen.read(registry)?;
    let name = &chosen.scenario;
    let exhaustive =
        Exhaustive { seed, bound: *bound, budget: *budget, within: arguments.deliveries.unwrap_or_default(), moved };
    let (is_interrupted, bar) = (interrupted(), progress(*budget));
    let is_over = || is_interrupted.load(Ordering::Relaxed);
    let explored = quietly(|| Ok(exhaustive.explore(&scenario, &is_over, &mut |_| bar.inc(1))))?.0;
    bar.finish_and_clear();
    let found = explored.map_err(|error| Failure::usage(format!("error: cannot explore {name}: {error}")))?;
    let files = arguments.out.as_ref().map(|folder| write(folder, name, *bound, &found)).transpose()?;
    let files = files.as_deref();
    match arguments.format {
        Format::Json => output.say(&format!("{:#}\n", exploration_document(name, *bound, &found, files)))?,
        Format::Human => {
            let program = output.program.clone();
            output.say(&exploration_story(name, *bound, &found, &program, files))?;
        }
    }
    Ok(exit_code(&found))
}

fn exit_code(found: &Exploration) -> u8 {
    let any = |code: u8| found.failures.iter().any(|found| found.first.verdict.exit_code() == code);
    let inconclusive = Verdict::Inconclusive.exit_code();
    match found.extent {
        Extent::Interrupted => INTERRUPTED,
        _ if any(1) => 1,
        Extent::BudgetSpent => inconclusive,
        Extent::Exhausted if any(inconclusive) => inconclusive,
        Extent::Exhausted => 0,
    }
}

/// Writes the results; answers where the failures are, for a shell.
fn write(folder: &Path, name: &str, bound: u32, found: &Exploration) -> Result<Vec<String>, Failure> {
    std::fs::create_dir_all(folder).map_err(|error| Failure::io("make the folder", folder, &error))?;
    let mut written = Vec::new();
    for FoundFailure { failure, first, .. } in &found.failures {
        let name = format!("{}-{}.json", failure.name(), failure.class);
        let file = folder.join(name.replace(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c), "-"));
        files::write(&file, format!("{:#}\n", first.resolved).as_bytes())?;
        written.push(shell_word(&file.display().to_string()).to_string());
    }
    let document = exploration_document(name, bound, found, Some(&written));
    files::write(&folder.join("exploration.json"), format!("{document:#}\n").as_bytes())?;
    Ok(written)
}
