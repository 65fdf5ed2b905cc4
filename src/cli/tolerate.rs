//! `partita tolerate`: how much a system takes before its hypothesis fails.

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};
use std::path::PathBuf;

use clap::Args;

use crate::explore::{
    Detail, Endurance, Point, Scale, Search, SequentialTest, Shard, Sweep, TestedPoint, Tolerance, Trial,
};
use crate::report::{Subject, tolerance_document, tolerance_story, tolerance_table};
use crate::scenario::{Registry, Scenario, check_pointer};

use super::files;
use super::many::{self, Effort, INTERRUPTED, Rows};
use super::output::{Failure, Output};
use super::run::Format;

/// Finds how much of something a system takes before its hypothesis fails.
///
/// Tests five points over the range, then halves the interval in which it first breaks. At each point seeds are run, the same
/// at every point, until a sequential test knows whether the wanted share of them holds, or misses it by more than the margin.
/// Exit code 0 if something is tolerated, 1 if the first value breaks already, 3 if nothing could be told; 130 if
/// interrupted, with what is known so far.
#[derive(Args)]
pub(super) struct Arguments {
    /// A scenario file, or the name of a bundled scenario.
    #[arg(value_name = "FILE|NAME")]
    scenario: String,
    /// What is varied, from harmless to harmful: 0.0..0.5, 0%..50%, 10ms..900ms; ends without a decimal point and a unit give
    /// whole numbers: 1..5.
    #[arg(long = "vary", value_name = "/POINTER=FROM..TO")]
    varied: String,
    /// Into how many steps the range is divided; the cliff is found to one of them.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    steps: u64,
    /// The share of runs that is to hold.
    #[arg(long, value_name = "SHARE", default_value = "0.95", value_parser = many::share)]
    holding: f64,
    /// By how much that share has to be missed before a value counts as not tolerated.
    #[arg(long, value_name = "SHARE", default_value = "0.1", value_parser = many::share)]
    margin: f64,
    /// The seeds that may be used at each point, half open.
    #[arg(long, value_name = "A..B", default_value = "0..500", value_parser = many::seeds)]
    seeds: Range<u64>,
    #[command(flatten)]
    effort: Effort,
    /// Changes one value of the file, as `run` does.
    #[arg(long = "set", value_name = "/POINTER=JSON")]
    changes: Vec<String>,
    /// A folder for the results: tolerance.csv and tolerance.json.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

pub(super) fn tolerate(registry: &Registry, arguments: &Arguments, output: &mut Output<'_>) -> Result<u8, Failure> {
    let (pointer, scale) = vary(arguments)?;
    if arguments.margin >= arguments.holding {
        return Err(Failure::usage("error: --margin is smaller than --holding: else nothing could miss it"));
    }
    // What is wrong with the far end, or with the folder, is said before the first run.
    scenario(registry, arguments, (&pointer, &scale.value(scale.steps())))?;
    arguments.out.as_ref().map_or(Ok(()), |folder| files::prepare_folder(folder))?;
    let mut search = Search::new(scale.steps());
    // Whoever asks many times errs many times: the error is shared out among the points.
    let error = (1.0 - arguments.effort.confidence) / search.points() as f64;
    let test = SequentialTest::new(arguments.holding - arguments.margin, arguments.holding, error);
    let mut points = Vec::new();
    let mut is_interrupted = false;
    while let Some(step) = search.next() {
        let value = scale.value(step);
        let (rows, endurance) = match point(registry, arguments, test, (&pointer, &value))? {
            Tried::Decided(rows, endurance) => (rows, endurance),
            Tried::Interrupted => {
                is_interrupted = true;
                break;
            }
            Tried::Stopped(error) => {
                let changes = arguments.changes.iter().cloned().chain([format!("{pointer}={value}")]).collect();
                let origin = |_| (arguments.scenario.clone(), changes);
                return many::stopped(&error, origin, arguments.format, output);
            }
        };
        output.hint(&format!("{pointer} = {value}: {} after {} runs", endurance.name(), rows.len()));
        search.record(step, endurance);
        let confidence = arguments.effort.confidence;
        points.push((step, TestedPoint::new(value, endurance, rows.values(), confidence)));
    }
    points.sort_by_key(|&(step, _)| step);
    let place = |step: u64| points.iter().position(|&(tested, _)| tested == step);
    let cliff = search.cliff().and_then(|(below, above)| place(below).zip(place(above)));
    let tolerance = Tolerance {
        pointer,
        wanted: arguments.holding,
        margin: arguments.margin,
        points: points.into_iter().map(|(_, point)| point).collect(),
        cliff,
        is_interrupted,
    };
    show(arguments, &tolerance, output)?;
    Ok(if is_interrupted { INTERRUPTED } else { exit_code(&tolerance) })
}

/// Writes what was found, and prints it even if it cannot be written.
fn show(arguments: &Arguments, tolerance: &Tolerance, output: &mut Output<'_>) -> Result<(), Failure> {
    let subject = Subject {
        program: &output.program.clone(),
        scenario: &arguments.scenario,
        changes: &arguments.changes,
        confidence: arguments.effort.confidence,
        wanted_width: many::WANTED_WIDTH,
        tells_figures: false,
    };
    let document = format!("{:#}\n", tolerance_document(subject, tolerance));
    let written = arguments.out.as_ref().map_or(Ok(()), |folder| {
        files::write(&folder.join("tolerance.csv"), tolerance_table(tolerance).as_bytes())?;
        files::write(&folder.join("tolerance.json"), document.as_bytes())
    });
    match arguments.format {
        Format::Json => output.say(&document)?,
        Format::Human => output.say(&tolerance_story(subject, tolerance))?,
    }
    written
}

fn exit_code(tolerance: &Tolerance) -> u8 {
    let first = |endurance| tolerance.points.first().is_some_and(|point| point.endurance == endurance);
    if first(Endurance::Broken) {
        1
    } else if tolerance.points.iter().any(|point| point.endurance == Endurance::Tolerated) {
        0
    } else {
        3
    }
}

/// What became of the runs of a point.
enum Tried {
    /// The runs that decided it, and how.
    Decided(Rows, Endurance),
    Interrupted,
    Stopped(crate::explore::SweepError),
}

/// Runs seed after seed with a value until the test knows enough. What runs beyond that is dropped, so the outcome does not
/// depend on how many run at a time.
fn point(
    registry: &Registry,
    arguments: &Arguments,
    test: SequentialTest,
    set: (&str, &str),
) -> Result<Tried, Failure> {
    let sweep = Sweep {
        points: vec![Point { values: Vec::new(), scenario: scenario(registry, arguments, set)? }],
        seeds: arguments.seeds.clone(),
        shard: Shard::WHOLE,
        recheck_one_in: arguments.effort.recheck_one_in(),
        detail: Detail::default(),
    };
    many::bounded(&sweep)?;
    let (mut rows, mut trial, mut heard, mut decided) = (Rows::new(), Trial::new(test), 0, None);
    let progress = many::progress(sweep.len());
    let ended = many::make(&sweep, &arguments.effort, &BTreeSet::new(), &progress, |row| {
        rows.insert(row.index, row);
        while let (None, Some(row)) = (decided, rows.get(&heard)) {
            decided = trial.add(row);
            heard += 1;
        }
        if decided.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    progress.finish_and_clear();
    rows.retain(|&index, _| index < heard);
    Ok(match (decided, ended.error) {
        (Some(endurance), _) => Tried::Decided(rows, endurance),
        (None, Some(error)) => Tried::Stopped(error),
        (None, None) if ended.is_interrupted => Tried::Interrupted,
        (None, None) => Tried::Decided(rows, Endurance::Undecided),
    })
}

/// The scenario with a value set.
fn scenario(registry: &Registry, arguments: &Arguments, (pointer, value): (&str, &str)) -> Result<Scenario, Failure> {
    let set = [(pointer.to_owned(), value.to_owned())];
    files::varied(registry, &arguments.scenario, &arguments.changes, &set)
}

/// What is varied, and over which values.
fn vary(arguments: &Arguments) -> Result<(String, Scale), Failure> {
    let varied = &arguments.varied;
    let wrong = |says: String| Failure::usage(format!("error: --vary {varied}: {says}"));
    let (pointer, range) =
        varied.split_once('=').ok_or_else(|| wrong("write /pointer=FROM..TO, as in /network/loss=0%..20%".into()))?;
    check_pointer(pointer).map_err(wrong)?;
    let scale = Scale::parse(range, arguments.steps).map_err(wrong)?;
    Ok((pointer.to_owned(), scale))
}
