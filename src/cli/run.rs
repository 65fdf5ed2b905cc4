//! `partita run`: one run of a scenario, to a verdict.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::check::Verdict;
use crate::explore::{Detail, Row, check_determinism};
use crate::report::{
    Audience, Runs, Side, TraceFile, TraceForm, document, history_edn, history_lines, page, results, story,
    trace_file,
};
use crate::scenario::{Registry, Run, RunError, RunOptions, Scenario, scripted};

use super::compare;
use super::discord::{self, Discordant};
use super::files::{self, Chosen};
use super::journal;
use super::output::{Failure, Output};
use super::trace;

/// Runs a scenario once and judges its hypothesis; or two with one seed, side by side.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    chosen: Chosen,
    /// Another, to be shown beside the first: as `partita compare`.
    #[arg(value_name = "FILE|NAME", conflicts_with_all = ["out", "traces", "script", "check_determinism"])]
    beside: Option<String>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// A folder for the results: scenario.json (resolved), manifest.json, history.jsonl and history.edn, results.csv, timing.json, and
    /// trace.bin if the run is refuted or --trace is given.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Writes the trace: binary (for `partita trace` and `diff`), jsonl, chrome (for Perfetto too), otlp, shiviz, or dot
    /// (the topology, for Graphviz).
    #[arg(long = "trace", value_name = "KIND=PATH")]
    traces: Vec<String>,
    /// Writes a page that shows the run in any browser, without a network: the verdict, the space-time diagram, charts.
    #[arg(long, value_name = "PAGE.html")]
    report: Option<PathBuf>,
    /// Writes the operations into the resolved scenario one by one, so that it needs no generator.
    #[arg(long, requires = "out")]
    script: bool,
    /// Runs twice and compares everything.
    #[arg(long)]
    check_determinism: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A story that fits a screen.
    Human,
    /// One JSON document.
    Json,
}

/// The confidence of intervals unless another is asked for.
const CONFIDENCE: f64 = 0.95;

/// The columns of the story.
pub(super) const WIDTH: usize = 110;

pub(super) fn run(registry: &Registry, arguments: &Arguments, output: &mut Output<'_>) -> Result<u8, Failure> {
    if let Some(beside) = &arguments.beside {
        let Arguments { chosen: Chosen { scenario, seed, changes }, format, report, .. } = arguments;
        return compare::both(registry, [scenario, beside], *seed, changes, (*format, report.as_deref()), output);
    }
    if let Some(folder) = arguments.out.as_ref().filter(|folder| journal::is_there(folder)) {
        return Err(Failure::usage(format!("error: {} holds a sweep: choose another folder", folder.display())));
    }
    let (scenario, seed) = arguments.chosen.read(registry)?;
    let traces = arguments.traces.iter().map(|text| TraceWish::parse(text)).collect::<Result<Vec<_>, _>>()?;
    if arguments.check_determinism {
        let (mut run, second, found) = quietly(|| check_determinism(&scenario, seed))?.0;
        if let Some(found) = found {
            run.verdict = Verdict::Nondeterministic;
            write_files(&scenario, arguments, &traces, &run, None)?;
            let (name, changes) = (&arguments.chosen.scenario, &arguments.chosen.changes);
            let discordant = Discordant { name, changes, runs: [&run, &second], found: &found };
            return discord::report(discordant, None, arguments.format, output);
        }
        output.hint("the second run agreed in digest, verdict, history, metrics and final state");
        return finish(&scenario, arguments, &traces, &run, None, output);
    }
    let keep_trace = !traces.is_empty() || arguments.report.is_some();
    let (mut run, elapsed) = quietly(|| scenario.run(RunOptions { seed, keep_trace }))?;
    let wants_trace = arguments.out.is_some() && matches!(run.verdict, Verdict::Refuted(_));
    if wants_trace && !keep_trace {
        // The trace is kept only when it is wanted; the second run is the same run.
        run = quietly(|| scenario.run(RunOptions { seed, keep_trace: true }))?.0;
    }
    finish(&scenario, arguments, &traces, &run, Some(elapsed), output)
}

/// Prints and writes what was asked for.
fn finish(
    scenario: &Scenario,
    arguments: &Arguments,
    traces: &[TraceWish],
    run: &Run,
    elapsed: Option<Duration>,
    output: &mut Output<'_>,
) -> Result<u8, Failure> {
    let digest = format!("{:016x}", run.digest().value());
    if let Some(kept) = files::kept_digest(&arguments.chosen.scenario).filter(|kept| *kept != digest) {
        let name = &arguments.chosen.scenario;
        output.hint(&format!("the run that {name} keeps had the digest {kept}: this one is another"));
    }
    write_files(scenario, arguments, traces, run, elapsed)?;
    match arguments.format {
        Format::Json => output.say(&format!("{:#}\n", document(&arguments.chosen.scenario, run)))?,
        Format::Human => {
            let options: Vec<_> = arguments.chosen.changes.iter().flat_map(|change| ["--set", change]).collect();
            let audience = Audience {
                program: &output.program,
                scenario: &arguments.chosen.scenario,
                width: WIDTH,
                colour: output.colour,
                options: &options,
            };
            output.say(&story(scenario, run, &audience))?;
        }
    }
    Ok(run.verdict.exit_code())
}

/// Writes the files that were asked for.
fn write_files(
    scenario: &Scenario,
    arguments: &Arguments,
    traces: &[TraceWish],
    run: &Run,
    elapsed: Option<Duration>,
) -> Result<(), Failure> {
    for wish in traces {
        wish.write(&arguments.chosen.scenario, run)?;
    }
    if let Some(path) = &arguments.report {
        let side = Side { name: &arguments.chosen.scenario, scenario, run };
        files::write(path, page(&[side]).as_bytes())?;
    }
    arguments.out.as_ref().map_or(Ok(()), |folder| write_results(folder, arguments, run, elapsed))
}

/// A trace that somebody wants.
struct TraceWish {
    /// `None` is the binary form, which we read ourselves.
    form: Option<TraceForm>,
    path: PathBuf,
}

impl TraceWish {
    fn parse(text: &str) -> Result<Self, Failure> {
        let wish = text.split_once('=').filter(|(_, path)| !path.is_empty()).and_then(|(kind, path)| {
            let form = TraceForm::named(kind);
            (form.is_some() || kind == "binary").then(|| Self { form, path: path.into() })
        });
        let forms = trace::form_names();
        wish.ok_or_else(|| {
            Failure::usage(format!("error: --trace {text}: write KIND=PATH; the kinds are binary, {forms}"))
        })
    }

    fn write(&self, scenario: &str, run: &Run) -> Result<(), Failure> {
        let bytes = match self.form {
            None => trace_file(scenario, run).unwrap_or_default(),
            Some(form) => TraceFile::of(scenario, run).map(|file| form.write(&file)).unwrap_or_default().into_bytes(),
        };
        files::write(&self.path, &bytes)
    }
}

fn write_results(folder: &Path, arguments: &Arguments, run: &Run, elapsed: Option<Duration>) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| Failure::io("make the folder", folder, &error))?;
    let name = &arguments.chosen.scenario;
    let write = |file: &str, text: String| files::write(&folder.join(file), text.as_bytes());
    let resolved = if arguments.script { scripted(run) } else { run.resolved.clone() };
    write("scenario.json", format!("{resolved:#}\n"))?;
    write("history.jsonl", history_lines(run.history()))?;
    write("history.edn", history_edn(run.history()))?;
    let row = Row::new(0, 0, run, Detail::default());
    write("results.csv", results(Runs::new(name, &[], &[], &[&row]), CONFIDENCE))?;
    if let Some(bytes) = trace_file(name, run) {
        files::write(&folder.join("trace.bin"), &bytes)?;
    }
    let manifest = json!({
        "version": 1,
        "partita": env!("CARGO_PKG_VERSION"),
        "scenario": name,
        "scenario_hash": format!("{:016x}", crate::kernel::stable_hash_str(&run.resolved.to_string())),
        "result": document(name, run),
    });
    write("manifest.json", format!("{manifest:#}\n"))?;
    let seconds = elapsed.map(|elapsed| elapsed.as_secs_f64());
    let timing = json!({
        "run_seconds": seconds,
        "events_per_second": seconds.map(|seconds| run.events as f64 / seconds),
    });
    write("timing.json", format!("{timing:#}\n"))
}

/// Runs something in which nodes may panic, without a word on the terminal: a node's panic is a result. A panic of
/// ours goes on as it would have. Answers how long it took, too.
#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "how long a run took is no part of its result"
)]
pub(super) fn quietly<T>(run: impl FnOnce() -> Result<T, RunError>) -> Result<(T, Duration), Failure> {
    let said = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&said);
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        *sink.lock().unwrap_or_else(PoisonError::into_inner) = panic.to_string();
    }));
    let start = std::time::Instant::now();
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
    let elapsed = start.elapsed();
    std::panic::set_hook(hook);
    match result {
        Ok(Ok(value)) => Ok((value, elapsed)),
        Ok(Err(error)) => Err(Failure::usage(format!("error: this scenario cannot run: {error}"))),
        Err(panic) => {
            eprintln!("{}", said.lock().unwrap_or_else(PoisonError::into_inner));
            std::panic::resume_unwind(panic)
        }
    }
}
