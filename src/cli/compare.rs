//! `partita compare`: two scenarios side by side, with one seed or with many.

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::explore::{Detail, Paired, Point, Shard, Sweep};
use crate::report::{Onlooker, Pair, Side, page, paired_document, paired_story, side_by_side, side_by_side_document};
use crate::scenario::{Registry, Run, RunOptions, Scenario};

use super::files;
use super::many::{self, Effort, INTERRUPTED, Rows};
use super::output::{Failure, Output};
use super::run::{Format, WIDTH, quietly};

/// Runs two scenarios with one seed, and shows where they differ; or with many, and says how sure that is.
///
/// With --seeds every seed is run under both, and what is shown are differences within a seed: means with the interval of the
/// paired t-test, rates of holding with Newcombe's interval and McNemar's exact test. Exit code: that of the gravest verdict;
/// 130 if interrupted, with what the seeds came to that both have run.
#[derive(Args)]
pub(super) struct Arguments {
    /// A scenario file, or the name of a bundled scenario.
    #[arg(value_name = "FILE|NAME")]
    one: String,
    /// Another.
    #[arg(value_name = "FILE|NAME")]
    other: String,
    /// The seed of both; without it, the first file's.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    seed: Option<u64>,
    /// Many seeds, half open: 0..1000 are a thousand.
    #[arg(long, value_name = "A..B", value_parser = many::seeds, conflicts_with = "seed")]
    seeds: Option<Range<u64>>,
    #[command(flatten)]
    effort: Effort,
    /// Changes one value of both files: a JSON Pointer and a JSON text, as in /network/loss="5%".
    #[arg(long = "set", value_name = "/POINTER=JSON")]
    changes: Vec<String>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// Writes a page that shows both runs on one clock, in any browser, without a network.
    #[arg(long, value_name = "PAGE.html", conflicts_with = "seeds")]
    report: Option<PathBuf>,
}

pub(super) fn compare(registry: &Registry, arguments: &Arguments, output: &mut Output<'_>) -> Result<u8, Failure> {
    let Arguments { one, other, seed, seeds, changes, format, report, .. } = arguments;
    match seeds {
        Some(seeds) => paired(registry, arguments, seeds, output),
        None => both(registry, [one, other], *seed, changes, (*format, report.as_deref()), output),
    }
}

/// Runs two scenarios with many seeds and compares them seed by seed.
fn paired(
    registry: &Registry,
    arguments: &Arguments,
    seeds: &Range<u64>,
    output: &mut Output<'_>,
) -> Result<u8, Failure> {
    let Arguments { one, other, effort, changes, format, .. } = arguments;
    let point = |name: &String| {
        let scenario = files::scenario(registry, name, changes)?;
        Ok(Point { values: Vec::new(), scenario })
    };
    let sweep = Sweep {
        points: vec![point(one)?, point(other)?],
        seeds: seeds.clone(),
        shard: Shard::WHOLE,
        recheck_one_in: effort.recheck_one_in(),
        detail: Detail::default(),
    };
    many::bounded(&sweep)?;
    let mut rows = Rows::new();
    let progress = many::progress(sweep.len());
    let ended = many::make(&sweep, effort, &BTreeSet::new(), &progress, |row| {
        rows.insert(row.index, row);
        ControlFlow::Continue(())
    })?;
    progress.finish_and_clear();
    if let Some(error) = &ended.error {
        let names = [one, other];
        return many::stopped(error, |point| (names[point].clone(), changes.clone()), *format, output);
    }
    let of = |point: usize| rows.values().filter(move |row| row.point == point);
    let paired = Paired::of(of(0), of(1), effort.confidence);
    if ended.is_interrupted {
        output.hint(&format!("interrupted: {} of {} seeds have run under both", paired.seeds, sweep.len() / 2));
    }
    let pair = Pair { program: &output.program.clone(), names: [one, other], changes, confidence: effort.confidence };
    match format {
        Format::Json => output.say(&format!("{:#}\n", paired_document(pair, &paired)))?,
        Format::Human => output.say(&paired_story(pair, &paired))?,
    }
    Ok(if ended.is_interrupted { INTERRUPTED } else { many::exit_code(&rows) })
}

/// Runs two scenarios and shows them, on a page too where one is asked for.
pub(super) fn both(
    registry: &Registry,
    names: [&String; 2],
    seed: Option<u64>,
    changes: &[String],
    (format, report): (Format, Option<&Path>),
    output: &mut Output<'_>,
) -> Result<u8, Failure> {
    let one = files::scenario(registry, names[0], changes)?;
    let other = files::scenario(registry, names[1], changes)?;
    let seed = seed.unwrap_or(one.seed);
    if seed != other.seed {
        output.hint(&format!("both run with seed {seed}; {} alone runs with {}", names[1], other.seed));
    }
    let run = |scenario: &Scenario| -> Result<Run, Failure> {
        Ok(quietly(|| scenario.run(RunOptions { seed, keep_trace: report.is_some() }))?.0)
    };
    let runs = [run(&one)?, run(&other)?];
    let side = |name, scenario, run| Side { name, scenario, run };
    let sides = [side(names[0], &one, &runs[0]), side(names[1], &other, &runs[1])];
    if let Some(path) = report {
        files::write(path, page(&sides).as_bytes())?;
    }
    match format {
        Format::Json => output.say(&format!("{:#}\n", side_by_side_document(sides)))?,
        Format::Human => {
            let options: Vec<_> = changes.iter().flat_map(|change| ["--set", change]).collect();
            let onlooker =
                Onlooker { program: &output.program, width: WIDTH, colour: output.colour, options: &options };
            let text = side_by_side(sides, &onlooker);
            output.say(&text)?;
        }
    }
    Ok(runs[0].verdict.and(runs[1].verdict).exit_code())
}
