//! `partita history`: judges histories that were recorded elsewhere.

mod contract;
mod isolation;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::{Value as Json, json};

use crate::check::transactions::Level;
use crate::check::{
    self, AppendLog, Budget, Consistency, Consistent, Counter, FencedLock, GrowOnlySet, Guarantees, Linearizability,
    Model, Prefix, Queue, QueueAnomaly, Refutation, Register,
};
use crate::host::Value;
use crate::import::{self, Format, Imported, Nil, ObjectKind, Words};
use crate::load::History;

use super::files;
use super::output::{Failure, Output};
use contract::{Contract, allowed};
use isolation::{Judgement, level};

/// Judges histories that were recorded elsewhere.
///
/// They are our own history.jsonl, Jepsen's EDN, or lines of Jepsen's log. Each file gets a line, and one that is not linearizable a few more: how far it went well, and what could not follow. Exit code 1 if any is refuted, else 2 if any cannot be read, else 3 if any is unknown, else 0.
#[derive(Args)]
pub(super) struct Arguments {
    /// Histories; of a folder, all files in it and its folders that end in .edn, .jsonl, .log or .txt.
    #[arg(required = true, value_name = "FILE|DIR")]
    files: Vec<PathBuf>,
    /// What the objects are.
    #[arg(long, value_enum, default_value = "cas-register")]
    model: ModelName,
    /// What is to hold, linearizable (of transactions strict-serializable) if nothing else is said.
    ///
    /// Of every object: linearizable, sequential. Of registers also causal, read-atomic, read-committed, session
    /// guarantees (read-your-writes, monotonic-reads, monotonic-writes, writes-follow-reads; several with "+"),
    /// k-atomic=K, delta-atomic=DURATION. Of registers, sets and logs durable: what was acknowledged is there when it is
    /// read last. Of counters bounds: a sum lies between what was certainly added and what may have been. Of locks and mutexes
    /// mutual-exclusion: nobody is told that he holds it while somebody else does, and tokens grow. The models queue and
    /// unique-ids are contracts of their own. Of transactions an isolation level: serializable, repeatable-read,
    /// snapshot-isolation, read-committed, read-uncommitted; with the order of sessions strong-session-LEVEL, of real time
    /// strong-LEVEL or strict-serializable.
    #[arg(long, value_parser = goal, value_name = "MODEL")]
    consistency: Option<Goal>,
    /// How many anomalies of a kind a queue may have: lost, duplicated, reordered, redelivered, unexpected.
    #[arg(long = "allow", value_parser = allowed, value_name = "KIND=N")]
    allowed: Vec<(QueueAnomaly, u64)>,
    /// What registers and counters hold at first: nil or an integer; of registers any value, as EDN writes it.
    #[arg(long, value_name = "VALUE", default_value = "nil", value_parser = initial, allow_negative_numbers = true)]
    initial: String,
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
    /// A queue, first in first out, whose operations are linearizable.
    FifoQueue,
    /// A queue: what goes in comes out, once, in order.
    Queue,
    /// A lock that is acquired with a fencing token.
    Lock,
    /// A lock without tokens.
    Mutex,
    /// What gives out ids, each once.
    UniqueIds,
    /// Lists that transactions read and append to, as Elle has them.
    ListAppend,
    /// Registers that transactions read and write, as Elle has them.
    RwRegister,
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

/// What a name asks for: of single operations, and of transactions.
#[derive(Clone, Debug)]
struct Goal {
    text: String,
    of_operations: Option<Consistency>,
    of_transactions: Option<Level>,
}

fn goal(text: &str) -> Result<Goal, String> {
    let of_transactions = level(text);
    let is_contract = [BOUNDS, DURABLE, MUTUAL_EXCLUSION].contains(&text);
    let of_operations = match consistency(text) {
        Ok(consistency) => Some(consistency),
        Err(why) if of_transactions.is_none() && !is_contract => return Err(why),
        Err(_) => None,
    };
    Ok(Goal { text: text.to_owned(), of_operations, of_transactions })
}

/// What a counter may be held to instead of linearizability.
const BOUNDS: &str = "bounds";
/// What registers, sets and logs may be held to.
const DURABLE: &str = "durable";
/// What locks may be held to.
const MUTUAL_EXCLUSION: &str = "mutual-exclusion";

/// What is to be found out.
#[derive(Clone, Copy)]
enum Task {
    Contract(Contract),
    Operations(Consistency),
    Transactions(Level),
}

fn consistency(text: &str) -> Result<Consistency, String> {
    let number =
        |text: &str| text.parse().ok().filter(|&versions| versions > 0).ok_or("K is a number from 1 on, below 2^32");
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

fn initial(text: &str) -> Result<String, String> {
    Words::default().value(text).map(|_| text.to_owned())
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
            Self::FifoQueue | Self::Queue => ObjectKind::Queue,
            Self::UniqueIds => ObjectKind::UniqueIds,
            Self::Lock => ObjectKind::Lock,
            Self::Mutex => ObjectKind::Mutex,
            Self::ListAppend => ObjectKind::TransactionalList,
            Self::RwRegister => ObjectKind::TransactionalRegister,
        }
    }

    const fn is_of_transactions(self) -> bool {
        matches!(self, Self::ListAppend | Self::RwRegister)
    }

    /// Whether it is a contract of its own, with nothing else to ask for.
    const fn is_contract(self) -> bool {
        matches!(self, Self::Queue | Self::UniqueIds)
    }

    fn name(self) -> String {
        self.to_possible_value().map(|name| name.get_name().to_owned()).unwrap_or_default()
    }

    /// What can be asked of it, in words.
    const fn consistencies(self) -> &'static str {
        match self {
            Self::Register | Self::CasRegister => {
                "linearizable, sequential, causal, read-atomic, read-committed, read-your-writes, monotonic-reads, \
                 monotonic-writes, writes-follow-reads, k-atomic=K, delta-atomic=DURATION, durable"
            }
            Self::Counter => "linearizable, sequential, bounds",
            Self::Set | Self::AppendLog => "linearizable, sequential, durable",
            Self::FifoQueue => "linearizable, sequential",
            Self::Lock | Self::Mutex => "linearizable, sequential, mutual-exclusion",
            Self::Queue | Self::UniqueIds => "a contract of its own, so leave out --consistency",
            Self::ListAppend | Self::RwRegister => {
                "serializable, repeatable-read, snapshot-isolation, read-committed, read-uncommitted, each also after \
                 strong-session- and strong-, and strict-serializable"
            }
        }
    }
}

/// What was found of one file.
struct Judged {
    imported: Imported,
    said: Said,
}

/// What was found of single operations, or of transactions.
enum Said {
    Operations {
        answer: Consistent,
        /// The longest linearizable prefix and what cannot follow it, where that was looked for.
        prefix: Option<Prefix>,
    },
    Transactions(Judgement),
}

impl Said {
    fn word(&self) -> &'static str {
        match self {
            Self::Operations { answer: Consistent::Yes(_), .. } => "holds",
            Self::Operations { answer: Consistent::No { .. }, .. } => "refuted",
            Self::Operations { answer: Consistent::Unknown { .. }, .. } => "unknown",
            Self::Transactions(judgement) => judgement.word(),
        }
    }
}

pub(super) fn history(arguments: &Arguments, output: &mut Output<'_>) -> Result<u8, Failure> {
    let task = arguments.task()?;
    let mut paths = Vec::new();
    for path in &arguments.files {
        paths.extend(histories(path)?);
    }
    let judged = judge_all(arguments, task, &paths);
    let (mut files, mut counts): (Vec<Json>, BTreeMap<&str, u64>) = (Vec::new(), BTreeMap::new());
    for (path, judged) in paths.iter().zip(judged) {
        let word = match &judged {
            Ok(judged) => judged.said.word(),
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
            "model": arguments.model.name(),
            "consistency": match task {
                Task::Contract(contract) => contract.to_string(),
                Task::Operations(consistency) => consistency.to_string(),
                Task::Transactions(level) => level.to_string(),
            },
            "verdicts": counts,
            "files": files,
        });
        output.say(&format!("{document:#}\n"))?;
    }
    let codes = [("refuted", 1), ("unreadable", 2), ("unknown", 3)];
    Ok(codes.into_iter().find(|(word, _)| counts.contains_key(word)).map_or(0, |(_, code)| code))
}

/// The histories of a folder and the folders in it, or the file itself.
fn histories(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let (mut files, mut folders) = (Vec::new(), vec![path.to_owned()]);
    while let Some(folder) = folders.pop() {
        let failed = |error| Failure::io("read", &folder, &error);
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(failed)?);
            let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            // A link to a folder may lead round in a circle, as `latest` does in a store of Jepsen.
            if kind.is_dir() {
                folders.push(path);
            } else if ["edn", "jsonl", "log", "txt"].contains(&ending) && path.is_file() {
                files.push(path);
            }
        }
    }
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
fn judge_all(arguments: &Arguments, task: Task, paths: &[PathBuf]) -> Vec<Result<Judged, Failure>> {
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
                    let result = arguments.judge(path, task, budget);
                    *results[place].lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
                }
            });
        }
    });
    let judged = |result: Mutex<Option<_>>| result.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.into_iter().map(|result| judged(result).expect("each file was judged")).collect()
}

impl Arguments {
    /// What is asked for, if the command line goes together.
    fn task(&self) -> Result<Task, Failure> {
        let task = match &self.consistency {
            None => self.usual_task(),
            Some(goal) => self.task_of(goal).ok_or_else(|| {
                let (model, text) = (self.model.name(), &goal.text);
                let has = self.model.consistencies();
                Failure::usage(format!(
                    "error: --consistency {text} is not defined for --model {model}, which has {has}"
                ))
            })?,
        };
        let kinds: BTreeSet<QueueAnomaly> = self.allowed.iter().map(|&(kind, _)| kind).collect();
        if kinds.len() < self.allowed.len() {
            return Err(Failure::usage("error: --allow names a kind of anomaly twice"));
        }
        if self.model != ModelName::Queue && !self.allowed.is_empty() {
            return Err(Failure::usage("error: --allow is for --model queue; other models allow no anomaly"));
        }
        let is_register = self.model.objects() == ObjectKind::Register;
        if self.model.is_of_transactions() && self.nil == NilName::Unknown {
            return Err(Failure::usage("error: --nil unknown is not for transactions: what nobody wrote is nil"));
        }
        if !is_register && self.model != ModelName::Counter && self.initial != "nil" {
            return Err(Failure::usage("error: --initial is for registers and counters; other objects begin empty"));
        }
        if self.model == ModelName::Counter && self.initial != "nil" && self.initial.parse::<i64>().is_err() {
            return Err(Failure::usage("error: --initial of a counter is nil or an integer of 64 bits"));
        }
        Ok(task)
    }

    /// What is asked for without --consistency.
    fn usual_task(&self) -> Task {
        match self.model {
            ModelName::Queue => Task::Contract(Contract::of_queue(&self.allowed)),
            ModelName::UniqueIds => Task::Contract(Contract::UniqueIds),
            model if model.is_of_transactions() => Task::Transactions(Level::STRICT_SERIALIZABLE),
            _ => Task::Operations(Consistency::Linearizable),
        }
    }

    /// What --consistency asks for, if the model has it.
    fn task_of(&self, goal: &Goal) -> Option<Task> {
        if self.model.is_contract() {
            return None;
        }
        if self.model.is_of_transactions() {
            return goal.of_transactions.map(Task::Transactions);
        }
        let objects = self.model.objects();
        let contract = match (goal.text.as_str(), objects) {
            // Nil is 0 to a counter.
            (BOUNDS, ObjectKind::Counter) => Some(Contract::Bounds(self.initial.parse().unwrap_or(0))),
            (DURABLE, ObjectKind::Register | ObjectKind::Set | ObjectKind::Log) => Some(Contract::Durable),
            (MUTUAL_EXCLUSION, ObjectKind::Lock | ObjectKind::Mutex) => Some(Contract::MutualExclusion),
            _ => None,
        };
        let is_everywhere = |consistency| matches!(consistency, Consistency::Linearizable | Consistency::Sequential);
        let of_operations = goal.of_operations.filter(|&it| objects == ObjectKind::Register || is_everywhere(it));
        contract.map(Task::Contract).or(of_operations.map(Task::Operations))
    }

    fn judge(&self, path: &Path, task: Task, budget: Budget) -> Result<Judged, Failure> {
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
        let mut imported = import::read(&bytes, format, self.model.objects(), nil)
            .map_err(|error| Failure::usage(format!("error: {}:{error}", path.display())))?;
        let said = match task {
            Task::Contract(contract) => Said::Operations { answer: contract.judge(&imported.history), prefix: None },
            Task::Operations(consistency) => {
                let initial = imported.words.value(&self.initial).map_err(Failure::usage)?;
                let (answer, prefix) = self.answer(consistency, (&imported.history, &initial), budget);
                Said::Operations { answer, prefix }
            }
            Task::Transactions(level) => Said::Transactions(
                Judgement::of(&imported.history, level, budget)
                    .map_err(|error| Failure::usage(format!("error: {}: {error}", path.display())))?,
            ),
        };
        Ok(Judged { imported, said })
    }

    fn answer(
        &self,
        consistency: Consistency,
        (history, initial): (&History, &Value),
        budget: Budget,
    ) -> (Consistent, Option<Prefix>) {
        match (self.model.objects(), initial) {
            (ObjectKind::Register, initial) if consistency != Consistency::Linearizable => {
                (consistency.judge(initial, history, budget), None)
            }
            (ObjectKind::Counter, Value::Int(initial)) => {
                of(&Counter { initial: *initial }, consistency, history, budget)
            }
            (ObjectKind::Counter, _) => of(&Counter::default(), consistency, history, budget),
            (ObjectKind::Set, _) => of(&GrowOnlySet, consistency, history, budget),
            (ObjectKind::Log, _) => of(&AppendLog, consistency, history, budget),
            (ObjectKind::Queue, _) => of(&Queue, consistency, history, budget),
            (ObjectKind::Lock, _) => of(&FencedLock, consistency, history, budget),
            (ObjectKind::Mutex, _) => of(&check::Mutex, consistency, history, budget),
            (_, initial) => of(&Register { initial: initial.clone() }, consistency, history, budget),
        }
    }
}

/// The answer for objects of this model.
fn of<M: Model>(
    model: &M,
    consistency: Consistency,
    history: &History,
    budget: Budget,
) -> (Consistent, Option<Prefix>) {
    if consistency == Consistency::Sequential {
        return (check::sequential(model, history, budget).into(), None);
    }
    let answer = check::linearizable(model, history, budget);
    let prefix = match &answer {
        Linearizability::Refuted { refutation, .. } => {
            let Refutation { linearized, state_after, stuck, .. } = refutation.as_ref().clone();
            Some(Prefix { linearized, state_after, stuck })
        }
        _ => None,
    };
    (answer.into(), prefix)
}

fn line(path: &Path, judged: &Judged) -> String {
    let (said, noun, more) = match &judged.said {
        Said::Operations { answer, prefix } => {
            let story = prefix.as_ref().map(|prefix| prefix.story(&judged.imported.history)).unwrap_or_default();
            let indent = |place: usize| if place == 0 { "  " } else { "    " };
            let more = story.iter().enumerate().map(|(place, line)| format!("{}{line}\n", indent(place))).collect();
            let said = match answer {
                Consistent::Yes(said) => said.clone().unwrap_or_default(),
                Consistent::No { explanation, .. } => explanation.clone(),
                Consistent::Unknown { why } => why.clone(),
            };
            (said, "operations", more)
        }
        Said::Transactions(judgement) => (judgement.summary(), "transactions", judgement.anomalies()),
    };
    let words = &judged.imported.words;
    let (said, more) = (words.tell(&said), words.tell(&more));
    let names = judged.imported.names.iter().map(|(key, name)| format!("{key} is {name}"));
    let names = if said.is_empty() { String::new() } else { names.collect::<Vec<_>>().join(", ") };
    let notes: Vec<String> = [said, names].into_iter().filter(|note| !note.is_empty()).collect();
    let operations = judged.imported.history.operations.len();
    let colon = if notes.is_empty() { "" } else { ": " };
    let noun = if operations == 1 { noun.trim_end_matches('s') } else { noun };
    let (path, word) = (path.display(), judged.said.word());
    format!("{path}: {word} ({operations} {noun}){colon}{}\n{more}", notes.join(" Here "))
}

fn document(path: &Path, judged: &Judged) -> Json {
    let history = &judged.imported.history;
    let mut document = json!({
        "file": path.display().to_string(),
        "verdict": judged.said.word(),
        "input_format": match judged.imported.format {
            Format::Jsonl => "jsonl",
            Format::Edn => "edn",
            Format::Log => "log",
        },
        "timed": judged.imported.is_timed,
        "operations": history.operations.len(),
        "objects": judged.imported.names.iter().map(|(key, name)| (key.to_string(), json!(name))).collect::<serde_json::Map<_, _>>(),
    });
    match &judged.said {
        Said::Operations { answer, prefix } => add_answer(&mut document, history, answer, prefix.as_ref()),
        Said::Transactions(judgement) => judgement.add_to(&mut document),
    }
    tell(&judged.imported.words, &mut document);
    document
}

/// Puts the words of the history in the place of the numbers that stand for them.
fn tell(words: &Words, json: &mut Json) {
    match json {
        Json::String(text) => *text = words.tell(text),
        Json::Array(elements) => elements.iter_mut().for_each(|element| tell(words, element)),
        Json::Object(fields) => fields.values_mut().for_each(|value| tell(words, value)),
        _ => {}
    }
}

fn add_answer(document: &mut Json, history: &History, answer: &Consistent, prefix: Option<&Prefix>) {
    let ids = |operations: &[usize]| -> Vec<String> {
        operations.iter().map(|&operation| history.id(&history.operations[operation])).collect()
    };
    let (anomaly, explanation, operations) = match answer {
        Consistent::Yes(said) => (None, said.clone(), Vec::new()),
        Consistent::No { anomaly, explanation, operations } => {
            (anomaly.clone(), Some(explanation.clone()), ids(operations))
        }
        Consistent::Unknown { why } => (None, Some(why.clone()), Vec::new()),
    };
    document["anomaly"] = json!(anomaly);
    document["explanation"] = json!(explanation);
    document["shown_by"] = json!(operations);
    if let Some(Prefix { linearized, stuck, .. }) = prefix {
        document["linearized"] = json!(ids(linearized));
        let stuck = stuck
            .iter()
            .map(|(operation, why)| json!({ "operation": history.id(&history.operations[*operation]), "why": why }));
        document["stuck"] = stuck.collect();
    }
}
