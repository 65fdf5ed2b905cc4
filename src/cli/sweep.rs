//! `partita sweep`: a scenario under many seeds.

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use clap::Args;
use serde_json::json;

use crate::explore::{Coverage, Detail, Plateau, Point, Shard, Summary, Sweep, histogram_log, pooled, rate};
use crate::kernel::{Span, stable_hash_str};
use crate::report::{
    PointSummary, Runs, Subject, coverage_story, figures_table, integer, requests, results, series, sweep_document,
    sweep_story,
};
use crate::scenario::{Covered, Registry, duration};

use super::corpus;
use super::files;
use super::grid::points;
use super::journal::{Header, Journal, Until};
use super::many::{
    self, Effort, Ended, INTERRUPTED, Precision, Rows, bounded, exit_code, progress, seeds, share, stopped,
};
use super::output::{Failure, Output};
use super::resolved;
use super::run::Format;
use super::shrink::{self, Reduced};

/// Runs a scenario under many seeds and sums up what it comes to.
///
/// Which runs there are and what they come to depends on the scenario, the grid and the seeds alone, whatever --jobs and
/// --shard say. Exit code: 4 if two runs of one seed differed, else 1 if any run is refuted, else 3 if any is
/// inconclusive, else 0; 130 if interrupted.
#[derive(Args)]
pub(super) struct Arguments {
    /// A scenario file, or the name of a bundled scenario.
    #[arg(value_name = "FILE|NAME")]
    scenario: String,
    /// The seeds, half open: 0..1000 are a thousand. Without them, as many as the file asks for.
    #[arg(long, value_name = "A..B", value_parser = seeds)]
    seeds: Option<Range<u64>>,
    /// Changes one value of the file, as `run` does.
    #[arg(long = "set", value_name = "/POINTER=JSON")]
    changes: Vec<String>,
    /// Runs every seed with each of several values; more than one of these make a grid, together with that of the file.
    #[arg(long = "vary", value_name = "/POINTER=[JSON, ...]")]
    varied: Vec<String>,
    /// Runs only part I of N; `collect` puts the parts together.
    #[arg(long, value_name = "I/N", value_parser = shard)]
    shard: Option<Shard>,
    /// A folder for the results: results.csv, figures.csv, latencies.hlog, rows.jsonl, scenario.json (resolved), manifest.json, timing.json.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Goes on with the sweep that is in the folder of --out.
    #[arg(long, requires = "out")]
    resume: bool,
    /// Keeps how each run went over time, in buckets of this width: series.csv.
    #[arg(long, value_name = "WIDTH", requires = "out", value_parser = bucket)]
    series: Option<Span>,
    /// Keeps every request of every run: requests.csv.
    #[arg(long, requires = "out")]
    requests: bool,
    /// Shrinks the lowest seed of each group of refuted runs, into the folder of --out.
    #[arg(long, requires = "out", conflicts_with = "shard")]
    shrink: bool,
    /// Adds the lowest seed of each group of refuted runs to this file, for `corpus run`.
    #[arg(long, value_name = "FILE")]
    corpus: Option<PathBuf>,
    /// Stops as soon as the interval of the rate of holding runs is this narrow, judged in the order of the seeds.
    /// There is one point, and no shard.
    #[arg(long, value_name = "WIDTH", conflicts_with = "shard", conflicts_with = "varied", value_parser = share)]
    until_width: Option<f64>,
    /// Stops when so many seeds in succession have covered nothing new: no rare path, no role, no state that a fault hit. There is one
    /// point, and no shard.
    #[arg(long, value_name = "N", conflicts_with = "shard", conflicts_with = "varied", value_parser = clap::value_parser!(u64).range(1..))]
    until_plateau: Option<u64>,
    /// Lists all that was covered, in how many runs and by which seed first, and all that never was.
    #[arg(long)]
    coverage: bool,
    #[command(flatten)]
    precision: Precision,
    #[command(flatten)]
    effort: Effort,
    /// How the result is printed.
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

pub(super) fn sweep(registry: &Registry, arguments: &Arguments, output: &mut Output<'_>) -> Result<u8, Failure> {
    let effort = &arguments.effort;
    let (points, asked) = points(registry, &arguments.scenario, &arguments.changes, &arguments.varied)?;
    let Some(seeds) = arguments.seeds.clone().or(asked) else {
        return Err(Failure::usage(
            "error: under how many seeds? Say --seeds A..B, or \"sweep\": { \"repeat\": N } in the file",
        ));
    };
    let is_open =
        [(arguments.until_width.is_some(), "--until-width"), (arguments.until_plateau.is_some(), "--until-plateau")];
    if let Some((_, name)) = is_open.into_iter().find(|&(is_asked, _)| is_asked && points.len() > 1) {
        return Err(Failure::usage(format!("error: {name} needs one point, and the file has a grid")));
    }
    let sweep = Sweep {
        points,
        seeds,
        shard: arguments.shard.unwrap_or(Shard::WHOLE),
        recheck_one_in: effort.recheck_one_in(),
        detail: Detail { bucket_ns: arguments.series.map(Span::as_nanos), requests: arguments.requests },
    };
    bounded(&sweep)?;
    let header = header(arguments, &sweep);
    let opened = arguments.out.as_ref().map(|folder| Journal::open(folder, &header, arguments.resume)).transpose()?;
    let (mut journal, done) = opened.unzip();
    let header = journal.as_ref().map_or(header, |journal: &Journal| journal.header().clone());
    let mut rows = done.unwrap_or_default();
    let before = rows.len();
    let ended = add_rows(arguments, &sweep, &mut rows, journal.as_mut())?;
    if let Some(error) = &ended.error {
        return stopped(error, |point| origin(arguments, &sweep.points[point]), arguments.format, output);
    }
    let subject = Subject {
        program: &output.program.clone(),
        scenario: &header.scenario,
        changes: &header.changes,
        confidence: effort.confidence,
        wanted_width: arguments.precision.width,
        tells_figures: arguments.precision.figures,
    };
    let mut shrunk = Vec::new();
    if ended.is_interrupted {
        let missing = sweep.runs().saturating_sub(rows.len() as u64);
        output.hint(&format!("interrupted: {} runs are done, {missing} are not", rows.len()));
        if let Some(folder) = &arguments.out {
            output
                .hint(&format!("go on with the same command and --resume; what is done is in {}", folder.display()));
        }
    } else if let (Some(folder), Some(journal)) = (&arguments.out, journal) {
        resolved::write(folder, &sweep.points)?;
        let write = |file: &str, text: String| files::write(&folder.join(file), text.as_bytes());
        let (made, seconds) = (rows.len().saturating_sub(before) as f64, ended.elapsed.as_secs_f64());
        let timing = json!({ "seconds": seconds, "jobs": effort.jobs(), "runs_per_second": made / seconds });
        write("timing.json", format!("{timing:#}\n"))?;
        write_results(folder, subject, &header, &rows)?;
        journal.finish(&rows)?;
        if arguments.shrink {
            shrunk = shrink::lowest_of_groups(registry, folder, &sweep, &rows, output)?;
        }
    }
    if let Some(corpus) = arguments.corpus.as_ref().filter(|_| !ended.is_interrupted) {
        corpus::add_failures(corpus, &arguments.scenario, &sweep, &rows, output)?;
    }
    report((arguments.format, arguments.coverage), subject, &header, &rows, &shrunk, output)?;
    let is_interrupted = ended.is_interrupted || arguments.shrink && many::interrupted().load(Ordering::Relaxed);
    Ok(if is_interrupted { INTERRUPTED } else { exit_code(&rows) })
}

/// Makes the runs that are not in `rows` yet, and puts each into the journal too.
fn add_rows(
    arguments: &Arguments,
    sweep: &Sweep,
    rows: &mut Rows,
    mut journal: Option<&mut Journal>,
) -> Result<Ended, Failure> {
    let done: BTreeSet<u64> = rows.keys().copied().collect();
    let mut prefix = Prefix::default();
    let mut decided = |rows: &Rows| prefix.enough(rows, arguments);
    let (mut failure, mut enough) = (None, decided(rows));
    let mut ended = Ended::default();
    if enough.is_none() {
        // What was done before is no part of the rate.
        let progress = progress(sweep.runs().saturating_sub(done.len() as u64));
        ended = many::make(sweep, &arguments.effort, &done, &progress, |row| {
            let kept = journal.as_mut().map_or(Ok(()), |journal| journal.add(&row));
            rows.insert(row.index, row);
            failure = kept.err();
            enough = enough.or_else(|| decided(rows));
            if failure.is_some() || enough.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        progress.finish_and_clear();
    }
    // Runs beyond the prefix that decided are not part of the result: how many there are is chance.
    if let Some(count) = enough {
        rows.retain(|&index, _| index < count);
    }
    failure.map_or(Ok(ended), Err)
}

/// The longest prefix of the sweep, in the order of the seeds, that is finished.
#[derive(Default)]
struct Prefix {
    runs: u64,
    held: u64,
    plateau: Plateau,
}

impl Prefix {
    /// After how many runs there were enough: the interval was narrow, or nothing new was covered. None if there is no such wish.
    fn enough(&mut self, rows: &Rows, arguments: &Arguments) -> Option<u64> {
        if arguments.until_width.is_none() && arguments.until_plateau.is_none() {
            return None;
        }
        while let Some(row) = rows.get(&self.runs) {
            self.runs += 1;
            self.held += u64::from(row.holds());
            let estimate = rate(self.held, self.runs, arguments.effort.confidence);
            let is_narrow = |width| estimate.as_ref().is_some_and(|estimate| estimate.width() <= width);
            let length = self.plateau.add(&row.covered);
            if arguments.until_width.is_some_and(is_narrow)
                || arguments.until_plateau.is_some_and(|least| length >= least)
            {
                return Some(self.runs);
            }
        }
        None
    }
}

/// When it stops before its last seed, if it does.
fn until(arguments: &Arguments) -> Option<Until> {
    let Arguments { until_width: width, until_plateau: plateau, effort, .. } = arguments;
    let until = Until { width: *width, confidence: width.map(|_| effort.confidence), plateau: *plateau };
    (until != Until::default()).then_some(until)
}

/// What the scenario of a point is called, and what it was changed by.
fn origin(arguments: &Arguments, point: &Point) -> (String, Vec<String>) {
    let set = point.values.iter().map(|(pointer, value)| format!("{pointer}={value}"));
    (arguments.scenario.clone(), arguments.changes.iter().cloned().chain(set).collect())
}

fn header(arguments: &Arguments, sweep: &Sweep) -> Header {
    let resolved: String = sweep.points.iter().map(|point| point.scenario.resolved.to_string()).collect();
    let mut coverable = Covered::default();
    sweep.points.iter().for_each(|point| coverable.extend(&point.scenario.coverable()));
    let values = |point: &Point| point.values.iter().map(|(_, value)| value.clone()).collect();
    Header {
        version: Header::VERSION,
        partita: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: arguments.scenario.clone(),
        changes: arguments.changes.clone(),
        scenario_hash: format!("{:016x}", stable_hash_str(&resolved)),
        seeds: (sweep.seeds.start, sweep.seeds.end),
        shard: sweep.shard.part(),
        until: until(arguments),
        varied: sweep.points[0].values.iter().map(|(pointer, _)| pointer.clone()).collect(),
        values: sweep.points.iter().map(values).collect(),
        detail: sweep.detail,
        coverable,
        duration_ns: sweep.points.iter().map(|point| point.scenario.duration.as_nanos()).max().unwrap_or(0),
    }
}

/// The tables of a sweep that has come to its end.
pub(super) fn write_results(
    folder: &std::path::Path,
    subject: Subject<'_>,
    header: &Header,
    rows: &Rows,
) -> Result<(), Failure> {
    let write = |file: &str, text: String| files::write(&folder.join(file), text.as_bytes());
    let listed: Vec<_> = rows.values().collect();
    let runs = Runs::new(&header.scenario, &header.varied, &header.values, &listed);
    write("results.csv", results(runs, subject.confidence))?;
    if let Some(width) = header.detail.bucket_ns {
        write("series.csv", series(runs, Span::from_nanos(width)))?;
    }
    let points = summaries(header, rows, subject.confidence);
    write("figures.csv", figures_table(subject, &points))?;
    if header.detail.requests {
        write("requests.csv", requests(runs))?;
    }
    let of = |point: usize| pooled(rows.values().filter(move |row| row.point == point));
    let histograms: Vec<_> = (0..header.values.len()).map(|point| (format!("point-{point}"), of(point))).collect();
    let log = histogram_log(
        histograms.iter().map(|(tag, latencies)| (tag.clone(), latencies)),
        Span::from_nanos(header.duration_ns),
    );
    files::write(&folder.join("latencies.hlog"), &log)?;
    let digests: String = rows.values().map(|row| format!("{:016x}", row.digest)).collect();
    let mut described = json!(header);
    described["seeds"] = json!([integer(header.seeds.0), integer(header.seeds.1)]);
    let manifest = json!({
        "version": 1,
        "sweep": described,
        "digest": format!("{:016x}", stable_hash_str(&digests)),
        "result": sweep_document(subject, &points, &covered(header, rows)),
    });
    write("manifest.json", format!("{manifest:#}\n"))
}

/// What all runs have covered together.
fn covered(header: &Header, rows: &Rows) -> Coverage {
    Coverage::of(rows.values(), &header.coverable)
}

/// What the runs at each point come to.
pub(super) fn summaries(header: &Header, rows: &Rows, confidence: f64) -> Vec<PointSummary> {
    let point = |(point, values): (usize, &Vec<String>)| PointSummary {
        values: header.varied.iter().cloned().zip(values.iter().cloned()).collect(),
        summary: Summary::of(rows.values().filter(|row| row.point == point), confidence),
    };
    header.values.iter().enumerate().map(point).collect()
}

/// Prints what a sweep came to.
pub(super) fn report(
    (format, lists_coverage): (Format, bool),
    subject: Subject<'_>,
    header: &Header,
    rows: &Rows,
    shrunk: &[Reduced],
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let (points, coverage) = (summaries(header, rows, subject.confidence), covered(header, rows));
    match format {
        Format::Json => {
            let mut document = sweep_document(subject, &points, &coverage);
            document["shrunk"] = shrunk.iter().map(Reduced::document).collect();
            output.say(&format!("{document:#}\n"))
        }
        Format::Human => {
            let shrunk: String = shrunk.iter().map(|reduced| reduced.story(subject.program)).collect();
            let coverage = coverage_story(&coverage, lists_coverage);
            output.say(&(sweep_story(subject, &points) + &coverage + &shrunk))
        }
    }
}

/// The width of a bucket of time.
fn bucket(text: &str) -> Result<Span, String> {
    let width = duration(text)?;
    if width >= Span::from_millis(1) { Ok(width) } else { Err("at least 1ms".to_owned()) }
}

fn shard(text: &str) -> Result<Shard, String> {
    let parsed = text.split_once('/').and_then(|(number, of)| Shard::new(number.parse().ok()?, of.parse().ok()?));
    parsed.ok_or_else(|| "write I/N, as in 1/4; parts count from 1".to_owned())
}
