//! `partita corpus`: runs that are kept, in files with a line for each.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::check::Verdict;
use crate::explore::{Entry, Summary, Sweep, merge};
use crate::report::{Replayed, corpus_document, corpus_story};
use crate::scenario::{Registry, RunOptions};

use super::files::{self, Chosen};
use super::many::Rows;
use super::output::{Failure, Output};
use super::run::{Format, quietly};

/// Keeps runs, and runs again what was kept.
///
/// A corpus is a file of lines, a run each: the scenario itself, the seed, by what the run fails if it does, and its digest.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(Run),
    Merge(Merge),
    Add(Add),
}

/// Runs everything again that was kept, and compares.
///
/// Exit code 0 if every run fails as it did, or holds as it did; 1 if one does not; 4 if one is another run although this very version
/// kept it; 2 if a line or its scenario is refused. A digest counts only within one version.
#[derive(Args)]
struct Run {
    /// The files.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

/// Puts corpora together: of each scenario and failure the lowest seed stays.
#[derive(Args)]
struct Merge {
    /// The files.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Where the whole goes; it may be one of them.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Keeps one run, whatever it comes to.
#[derive(Args)]
struct Add {
    /// The file that it goes to.
    #[arg(value_name = "CORPUS")]
    corpus: PathBuf,
    #[command(flatten)]
    chosen: Chosen,
}

pub(super) fn corpus(registry: &Registry, arguments: &Arguments, output: &mut Output<'_>) -> Result<u8, Failure> {
    match &arguments.command {
        Command::Run(arguments) => run(registry, arguments, output),
        Command::Merge(arguments) => {
            let mut entries = Vec::new();
            for path in &arguments.files {
                entries.extend(read(path)?.into_iter().map(|(_, entry)| entry));
            }
            write(&arguments.out, entries, output)?;
            Ok(0)
        }
        Command::Add(arguments) => {
            let (scenario, seed) = arguments.chosen.read(registry)?;
            let options = RunOptions { seed, keep_trace: false };
            let played = quietly(|| Ok(scenario.run(options)))?.0;
            let played = played.map_err(|error| cannot_run(&arguments.chosen.scenario, &error))?;
            let entry = Entry::of_run(&arguments.chosen.scenario, &scenario, &played);
            add(&arguments.corpus, vec![entry], output)?;
            Ok(0)
        }
    }
}

fn cannot_run(name: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::usage(format!("error: cannot run {name}: {error}"))
}

/// Adds the lowest seed of each failure at each point of a sweep.
pub(super) fn add_failures(
    path: &Path,
    name: &str,
    sweep: &Sweep,
    rows: &Rows,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let mut entries = Vec::new();
    for (number, point) in sweep.points.iter().enumerate() {
        let of_point = || rows.values().filter(move |row| row.point == number);
        // The confidence is that of intervals, and groups have none.
        for group in Summary::of(of_point(), 0.95).failures {
            if group.failure.class != Verdict::Inconclusive.name() {
                let lowest = of_point().find(|row| row.seed == group.lowest_seed);
                entries.extend(lowest.map(|row| Entry::of_row(name, &point.scenario, row)));
            }
        }
    }
    add(path, entries, output)
}

/// Adds entries to a file, which need not be there yet. What it says of the same runs is out of date.
fn add(path: &Path, entries: Vec<Entry>, output: &mut Output<'_>) -> Result<(), Failure> {
    let old = if path.exists() { read(path)? } else { Vec::new() };
    let run = |entry: &Entry| (entry.scenario_digest, entry.seed);
    let added: BTreeSet<_> = entries.iter().map(run).collect();
    let old = old.into_iter().map(|(_, entry)| entry).filter(|entry| !added.contains(&run(entry)));
    write(path, old.chain(entries).collect(), output)
}

/// Writes entries, put together, whole or not at all.
fn write(path: &Path, entries: Vec<Entry>, output: &mut Output<'_>) -> Result<(), Failure> {
    let merged = merge(entries);
    let text: String = merged.iter().map(|entry| entry.line() + "\n").collect();
    files::write(path, text.as_bytes())?;
    let runs = if merged.len() == 1 { "1 run".to_owned() } else { format!("{} runs", merged.len()) };
    output.hint(&format!("{}: {runs} kept", path.display()));
    Ok(())
}

/// The entries of a file, with the numbers of their lines. Empty lines are none.
fn read(path: &Path) -> Result<Vec<(usize, Entry)>, Failure> {
    let bytes = files::read(path)?;
    let text = String::from_utf8(bytes)
        .map_err(|error| Failure::usage(format!("error: {} is not UTF-8 text: {error}", path.display())))?;
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    let entry = |(line, number): (&str, usize)| {
        let entry = Entry::parse(line);
        let entry = entry.map_err(|says| Failure::usage(format!("error: {}:{number}: {says}", path.display())));
        Ok((number, entry?))
    };
    lines.map(entry).collect()
}

fn run(registry: &Registry, arguments: &Run, output: &mut Output<'_>) -> Result<u8, Failure> {
    let mut entries = Vec::new();
    for path in &arguments.files {
        for (number, entry) in read(path)? {
            let place = format!("{}:{number}", path.display());
            let scenario = entry.read(registry).map_err(|problems| {
                output.hint(&format!("{place}: the scenario of this entry is refused:"));
                Failure::Problems(problems)
            })?;
            entries.push((place, entry, scenario));
        }
    }
    // Before anything is compared, it is said what comparing is worth.
    let others = entries.iter().map(|(_, entry, _)| entry).filter(|entry| !entry.is_of_this_version());
    let others: BTreeSet<_> = others.map(|entry| entry.partita.clone()).collect();
    for version in others {
        output.hint(&format!(
            "warning: runs of version {version} are among them, and this is {}: their digests may differ and are not compared",
            env!("CARGO_PKG_VERSION")
        ));
    }
    let mut replayed = Vec::new();
    for (place, entry, scenario) in entries {
        let replay = quietly(|| Ok(entry.replay(&scenario)))?.0.map_err(|error| cannot_run(&place, &error))?;
        replayed.push(Replayed { place, entry, replay });
    }
    let verdict = replayed.iter().map(Replayed::verdict).reduce(Verdict::and).unwrap_or(Verdict::Holds);
    match arguments.format {
        Format::Json => output.say(&format!("{:#}\n", corpus_document(&replayed, verdict)))?,
        Format::Human => output.say(&corpus_story(&replayed))?,
    }
    Ok(verdict.exit_code())
}
