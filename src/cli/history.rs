//! `partita history`: judges histories that were recorded elsewhere.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::{Value as Json, json};

use crate::check::{
    self, AppendLog, Budget, Consistency, Consistent, Counter, FencedLock, GrowOnlySet, Guarantees, Linearizability,
    Model, Queue, Register,
};
use crate::host::Value;
use crate::import::{self, Format, Imported, Nil, ObjectKind};
use crate::load::History;

use super::files;
use super::output::{Failure, Output};

/// Judges histories that were recorded elsewhere.
///
/// They are our own history.jsonl, Jepsen's EDN, or lines of Jepsen's log. Each file gets a line. Exit code 1 if any is refuted, else 2 if any cannot be read, else 3 if any is unknown, else 0.
#[derive(Args)]
pub(super) struct Arguments {
    /// Histories; of a folder, all of its files that end in .edn, .jsonl, .log or .txt.
    #[arg(required = true, value_name = "FILE|DIR")]
    files: Vec<PathBuf>,
    /// What the objects are.
    #[arg(long, value_enum, default_value = "cas-register")]
    model: ModelName,
    /// What is to hold: linearizable, sequential; of registers also causal, read-atomic, read-committed, session
    /// guarantees (read-your-writes, monotonic-reads, monotonic-writes, writes-follow-reads; several with "+"),
    /// k-atomic=K, delta-atomic=DURATION.
    #[arg(long, default_value = "linearizable", value_parser = consistency, value_name = "MODEL")]
    consistency: Consistency,
    /// What registers and counters hold at first: nil or an integer.
    #[arg(long, value_name = "VALUE", default_value = "nil", value_parser = initial, allow_negative_numbers = true)]
    initial: Value,
    /// What a read that found nil says.
    #[arg(long, value_enum, default_value = "value")]
    nil: NilName,
    /// After this time, whatever is not yet known stays unknown; as in 60s.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    time_limit: Option<Duration>,
    /// How the histories are written; without it, their content tells.
    #[arg(long, value_enum)]
    input_format: Option<FormatName>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value = "human")]
    format: Printed,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ModelName {
    /// A register that is read and written.
    Register,
    /// The same, with compare-and-set.
    CasRegister,
    /// A counter that is added to.
    Counter,
    /// A set that only grows.
    Set,
    /// A log that is appended to.
    AppendLog,
    /// A queue, first in first out.
    FifoQueue,
    /// A lock that is acquired with a fencing token.
    Lock,
    /// A lock without tokens.
    Mutex,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum NilName {
    /// That the object held nil.
    Value,
    /// Nothing: the read is dropped.
    Unknown,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatName {
    /// Our own lines.
    Jsonl,
    /// Jepsen's EDN.
    Edn,
    /// Jepsen's log.
    Log,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Printed {
    /// A line for each file.
    Human,
    /// One JSON document.
    Json,
}

fn consistency(text: &str) -> Result<Consistency, String> {
    let number = |text: &str| text.parse().ok().filter(|&versions| versions > 0).ok_or("K is a number from 1 on");
    Ok(match text.split_once('=') {
        Some(("k-atomic", versions)) => Consistency::KAtomic(number(versions)?),
        Some(("delta-atomic", delay)) => Consistency::DeltaAtomic(crate::scenario::duration(delay)?),
        Some(_) => return Err("only k-atomic=K and delta-atomic=DURATION have a value".to_owned()),
        None => match text {
            "linearizable" => Consistency::Linearizable,
            "sequential" => Consistency::Sequential,
            "causal" => Consistency::Causal,
            "read-atomic" => Consistency::ReadAtomic,
            "read-committed" => Consistency::ReadCommitted,
            "k-atomic" | "delta-atomic" => {
                return Err("it needs a value, as in k-atomic=2, delta-atomic=1s".to_owned());
            }
            names => {
                let all = names.split('+').map(guarantee).collect::<Option<Vec<_>>>();
                let all = all.ok_or("it is none of those that `partita history --help` names")?;
                Consistency::Session(all.into_iter().fold(Guarantees::NONE, Guarantees::and))
            }
        },
    })
}

fn guarantee(name: &str) -> Option<Guarantees> {
    Guarantees::EACH.into_iter().find(|guarantee| guarantee.to_string().replace(' ', "-") == name)
}

fn initial(text: &str) -> Result<Value, String> {
    match text {
        "nil" => Ok(Value::Nil),
        number => number.parse().map(Value::Int).map_err(|_| "write nil or an integer of 64 bits".to_owned()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    crate::scenario::duration(text).map(|span| Duration::from_nanos(span.as_nanos()))
}

impl ModelName {
    const fn objects(self) -> ObjectKind {
        match self {
            Self::Register | Self::CasRegister => ObjectKind::Register,
            Self::Counter => ObjectKind::Counter,
            Self::Set => ObjectKind::Set,
            Self::AppendLog => ObjectKind::Log,
            Self::FifoQueue => ObjectKind::Queue,
            Self::Lock => ObjectKind::Lock,
            Self::Mutex => ObjectKind::Mutex,
        }
    }
}

/// What was found of one file.
struct Judged {
    imported: Imported,
    answer: Consistent,
    /// The longest linearizable prefix and what cannot follow it, where that was looked for.
    prefix: Prefix,
}

pub(super) fn history(arguments: &Arguments, output: &mut Output<'_>) -> Result<u8, Failure> {
    arguments.check()?;
    let mut paths = Vec::new();
    for path in &arguments.files {
        paths.extend(histories(path)?);
    }
    let judged = judge_all(arguments, &paths);
    let (mut files, mut counts): (Vec<Json>, BTreeMap<&str, u64>) = (Vec::new(), BTreeMap::new());
    for (path, judged) in paths.iter().zip(judged) {
        let word = match &judged {
            Ok(judged) => word(&judged.answer),
            Err(_) => "unreadable",
        };
        *counts.entry(word).or_default() += 1;
        match (arguments.format, judged) {
            (Printed::Human, Ok(judged)) => output.say(&line(path, &judged))?,
            (Printed::Json, Ok(judged)) => files.push(document(path, &judged)),
            (_, Err(failure)) => {
                output.fail(&failure);
                files.push(json!({ "file": path.display().to_string(), "verdict": word }));
            }
        }
    }
    if arguments.format == Printed::Json {
        let document = json!({
            "version": 1,
            "model": arguments.model.to_possible_value().map(|name| name.get_name().to_owned()),
            "consistency": arguments.consistency.to_string(),
            "verdicts": counts,
            "files": files,
        });
        output.say(&format!("{document:#}\n"))?;
    }
    let codes = [("refuted", 1), ("unreadable", 2), ("unknown", 3)];
    Ok(codes.into_iter().find(|(word, _)| counts.contains_key(word)).map_or(0, |(_, code)| code))
}

/// The files of a folder, or the file itself.
fn histories(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |error| Failure::io("read", path, &error);
    let entries = std::fs::read_dir(path).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    let is_history = |path: &PathBuf| {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        path.is_file() && ["edn", "jsonl", "log", "txt"].contains(&ending)
    };
    files.retain(is_history);
    files.sort();
    match files.is_empty() {
        true => {
            let endings = "no file that ends in .edn, .jsonl, .log or .txt";
            Err(Failure::usage(format!("error: the folder {} has {endings}", path.display())))
        }
        false => Ok(files),
    }
}

/// Judges the files in parallel, and gives up when the time is over.
fn judge_all(arguments: &Arguments, paths: &[PathBuf]) -> Vec<Result<Judged, Failure>> {
    // It lives as long as the process, which ends with this command.
    let no_time = arguments.time_limit.is_some_and(|limit| limit.is_zero());
    let cancelled: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(no_time)));
    let budget = Budget { cancelled: Some(cancelled), ..Budget::default() };
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get).min(paths.len());
    let results: Vec<Mutex<Option<Result<Judged, Failure>>>> = paths.iter().map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let (is_done, done) = mpsc::channel::<()>();
        if let Some(limit) = arguments.time_limit {
            scope.spawn(move || {
                if done.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout) {
                    cancelled.store(true, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..workers {
            let is_done = is_done.clone();
            let (next, results) = (&next, &results);
            scope.spawn(move || {
                let _is_done = is_done;
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(path) = paths.get(place) else { break };
                    let result = arguments.judge(path, budget);
                    *results[place].lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
                }
            });
        }
    });
    let judged = |result: Mutex<Option<_>>| result.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.into_iter().map(|result| judged(result).expect("each file was judged")).collect()
}

impl Arguments {
    /// What of the command line does not go together.
    fn check(&self) -> Result<(), Failure> {
        let is_register = self.model.objects() == ObjectKind::Register;
        if !is_register && !matches!(self.consistency, Consistency::Linearizable | Consistency::Sequential) {
            let says = "is defined for registers only; for other objects: linearizable, sequential";
            return Err(Failure::usage(format!("error: --consistency {} {says}", self.consistency)));
        }
        if !is_register && self.model != ModelName::Counter && self.initial != Value::Nil {
            return Err(Failure::usage("error: --initial is for registers and counters; other objects begin empty"));
        }
        Ok(())
    }

    fn judge(&self, path: &Path, budget: Budget) -> Result<Judged, Failure> {
        let bytes = files::read(path)?;
        let format = self.input_format.map(|format| match format {
            FormatName::Jsonl => Format::Jsonl,
            FormatName::Edn => Format::Edn,
            FormatName::Log => Format::Log,
        });
        let nil = match self.nil {
            NilName::Value => Nil::Value,
            NilName::Unknown => Nil::Unknown,
        };
        let imported = import::read(&bytes, format, self.model.objects(), nil)
            .map_err(|error| Failure::usage(format!("error: {}:{error}", path.display())))?;
        let (answer, prefix) = self.answer(&imported.history, budget);
        Ok(Judged { imported, answer, prefix })
    }

    fn answer(&self, history: &History, budget: Budget) -> (Consistent, Prefix) {
        match (self.model, &self.initial) {
            (ModelName::Register | ModelName::CasRegister, initial) => match self.consistency {
                Consistency::Linearizable => self.of(&Register { initial: initial.clone() }, history, budget),
                consistency => (consistency.judge(initial, history, budget), None),
            },
            (ModelName::Counter, Value::Int(initial)) => self.of(&Counter { initial: *initial }, history, budget),
            (ModelName::Counter, _) => self.of(&Counter::default(), history, budget),
            (ModelName::Set, _) => self.of(&GrowOnlySet, history, budget),
            (ModelName::AppendLog, _) => self.of(&AppendLog, history, budget),
            (ModelName::FifoQueue, _) => self.of(&Queue, history, budget),
            (ModelName::Lock, _) => self.of(&FencedLock, history, budget),
            (ModelName::Mutex, _) => self.of(&check::Mutex, history, budget),
        }
    }

    /// The answer for objects of this model.
    fn of<M: Model>(&self, model: &M, history: &History, budget: Budget) -> (Consistent, Prefix) {
        if self.consistency == Consistency::Sequential {
            return (check::sequential(model, history, budget).into(), None);
        }
        let answer = check::linearizable(model, history, budget);
        let prefix = match &answer {
            Linearizability::Refuted { refutation, .. } => {
                Some((refutation.linearized.clone(), refutation.stuck.clone()))
            }
            _ => None,
        };
        (answer.into(), prefix)
    }
}

/// The longest linearizable prefix, and the operations that cannot follow it, each with why.
type Prefix = Option<(Vec<usize>, Vec<(usize, String)>)>;

const fn word(answer: &Consistent) -> &'static str {
    match answer {
        Consistent::Yes(_) => "holds",
        Consistent::No { .. } => "refuted",
        Consistent::Unknown { .. } => "unknown",
    }
}

fn line(path: &Path, judged: &Judged) -> String {
    let said = match &judged.answer {
        Consistent::Yes(said) => said.clone().unwrap_or_default(),
        Consistent::No { explanation, .. } => explanation.clone(),
        Consistent::Unknown { why } => why.clone(),
    };
    let names = judged.imported.names.iter().map(|(key, name)| format!("{key} is {name}"));
    let names = if said.is_empty() { String::new() } else { names.collect::<Vec<_>>().join(", ") };
    let notes: Vec<String> = [said, names].into_iter().filter(|note| !note.is_empty()).collect();
    let operations = judged.imported.history.operations.len();
    let colon = if notes.is_empty() { "" } else { ": " };
    format!("{}: {} ({operations} operations){colon}{}\n", path.display(), word(&judged.answer), notes.join(" Here "))
}

fn document(path: &Path, judged: &Judged) -> Json {
    let history = &judged.imported.history;
    let ids = |operations: &[usize]| -> Vec<String> {
        operations.iter().map(|&operation| history.id(&history.operations[operation])).collect()
    };
    let (explanation, operations) = match &judged.answer {
        Consistent::Yes(said) => (said.clone(), Vec::new()),
        Consistent::No { explanation, operations } => (Some(explanation.clone()), ids(operations)),
        Consistent::Unknown { why } => (Some(why.clone()), Vec::new()),
    };
    let mut document = json!({
        "file": path.display().to_string(),
        "verdict": word(&judged.answer),
        "input_format": match judged.imported.format {
            Format::Jsonl => "jsonl",
            Format::Edn => "edn",
            Format::Log => "log",
        },
        "timed": judged.imported.is_timed,
        "operations": history.operations.len(),
        "objects": judged.imported.names.iter().map(|(key, name)| (key.to_string(), json!(name))).collect::<serde_json::Map<_, _>>(),
        "explanation": explanation,
        "shown_by": operations,
    });
    if let Some((linearized, stuck)) = &judged.prefix {
        document["linearized"] = json!(ids(linearized));
        let stuck = stuck
            .iter()
            .map(|(operation, why)| json!({ "operation": history.id(&history.operations[*operation]), "why": why }));
        document["stuck"] = stuck.collect();
    }
    document
}
