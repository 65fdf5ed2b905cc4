//! From events, as Jepsen writes them, to operations.
//!
//! Each event is an invocation or the end of one: `ok` (it took effect), `fail` (it certainly did not) or `info` (it
//! may have, or may at any later time). A process runs one operation at a time, and none after an `info`. What is open
//! at the end is `info`.

use std::collections::{BTreeMap, BTreeSet};

use super::drain::{takings, unknown_takings};
use super::edn::{Edn, Form};
use super::meaning::{DRAIN, Keys, Meaning, unanswered};
use super::transactions::MicroModel;
use super::words::Words;
use super::{Fault, Format, Imported, Nil, ObjectKind};
use crate::host::{Request, Value};
use crate::kernel::Time;
use crate::load::{History, Operation, Outcome};

/// What an event says of its operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    Invoke,
    Ok,
    Fail,
    Info,
}

impl Stage {
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "invoke" => Some(Self::Invoke),
            "ok" => Some(Self::Ok),
            "fail" => Some(Self::Fail),
            "info" => Some(Self::Info),
            _ => None,
        }
    }
}

/// One event of a process.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) at: usize,
    /// `None`: the nemesis, or whatever is no client.
    pub(super) process: Option<u64>,
    pub(super) stage: Stage,
    /// What is asked for: `read`.
    pub(super) function: String,
    pub(super) value: Form,
    /// In nanoseconds.
    pub(super) time: Option<u64>,
    pub(super) reason: Option<String>,
}

impl Event {
    /// `{:process 0, :type :invoke, :f :read, :value nil, :time 17, :error :timeout}`, whatever else it has.
    pub(super) fn of_map(form: Form) -> Result<Self, Fault> {
        let at = form.at;
        let form = form.into_untagged();
        let Edn::Map(entries) = form.value else {
            let says = format!("an event is a map, as in {{:process 0, :type :invoke, :f :read}}, not {form}");
            return Err(Fault::new(at, says));
        };
        let mut fields: BTreeMap<String, Form> = BTreeMap::new();
        let mut entries = entries.into_iter();
        while let (Some(key), Some(value)) = (entries.next(), entries.next()) {
            let Edn::Keyword(name) = key.value else { continue };
            if fields.insert(name.clone(), value).is_some() {
                return Err(Fault::new(key.at, format!("the event has a second :{name}")));
            }
        }
        let missing = |name: &str| Fault::new(at, format!("the event has no :{name}"));
        let mut field = |name: &str| fields.remove(name);
        let process = field("process").ok_or_else(|| missing("process"))?.into_untagged();
        let process = match process.value {
            Edn::Integer(number) if number >= 0 => Some(number.unsigned_abs()),
            Edn::Keyword(_) => None,
            _ => return Err(Fault::new(process.at, format!("a process is a number from 0 on, not {process}"))),
        };
        let kind = field("type").ok_or_else(|| missing("type"))?;
        let stage = match &kind.value {
            Edn::Keyword(name) | Edn::Text(name) => Stage::of(name),
            _ => None,
        };
        let stage = stage
            .ok_or_else(|| Fault::new(kind.at, format!("{kind} is none of the types :invoke, :ok, :fail, :info")))?;
        let function = match field("f").map(|form| form.value) {
            Some(Edn::Keyword(name) | Edn::Text(name)) => name,
            None => String::new(),
            Some(_) if process.is_none() => String::new(),
            Some(_) => return Err(missing("f")),
        };
        let time = match field("time").map(|form| form.value) {
            Some(Edn::Integer(time)) => u64::try_from(time).ok(),
            _ => None,
        };
        let reason = field("error").or_else(|| field("exception")).map(|form| match form.value {
            Edn::Text(text) => text,
            _ => form.to_string(),
        });
        let value = field("value").unwrap_or(Form { at, value: Edn::Nil });
        Ok(Self { at, process, stage, function, value, time, reason })
    }
}

/// An invocation, and its end as far as it is known.
struct Call {
    process: u64,
    /// Which event of the file it is.
    invoked: usize,
    asked: Event,
    end: Option<(usize, Event)>,
}

/// The operations of these events, which are in the order in which they happened.
pub(super) fn history(
    events: impl Iterator<Item = Result<Event, Fault>>,
    words: Words,
    kind: ObjectKind,
    nil: Nil,
) -> Result<Imported, Fault> {
    let (calls, clock) = calls(events)?;
    match MicroModel::of(kind) {
        Some(model) => transactions(calls, &clock, words, model),
        None => single_operations(calls, &clock, words, (kind, nil)),
    }
}

fn transactions(calls: Vec<Call>, clock: &Clock, mut words: Words, model: MicroModel) -> Result<Imported, Fault> {
    let keys = Keys::of_transactions(calls.iter().map(|call| &call.asked.value));
    let mut clients = Clients::default();
    let mut operations = Vec::with_capacity(calls.len());
    for call in &calls {
        let request = model.request(&keys, &mut words, &call.asked.value)?;
        let outcome = match &call.end {
            None => still_open(),
            Some((_, end)) => model.answer(&keys, &mut words, &request, end)?,
        };
        operations.push(call.operation(clock, &mut clients, request, outcome));
    }
    let history = History { clients: clients.names, operations };
    Ok(Imported { history, format: Format::Edn, is_timed: clock.is_timed(), names: keys.into_names(), words })
}

fn single_operations(
    calls: Vec<Call>,
    clock: &Clock,
    words: Words,
    kind: (ObjectKind, Nil),
) -> Result<Imported, Fault> {
    let asked = calls.iter().map(|call| (call.asked.function.as_str(), &call.asked.value));
    let mut meaning = Meaning::new(kind, words, asked);
    let mut clients = Clients::default();
    let mut operations = Vec::with_capacity(calls.len());
    // Drains of unknown outcome, by place, and where each is in the file.
    let mut unknown = Vec::new();
    for call in &calls {
        let request = meaning.request(&call.asked)?;
        let end = call.end.as_ref().map(|(_, end)| end);
        if call.asked.function != DRAIN {
            let outcome = match end {
                None => still_open(),
                Some(end) => meaning.answer(&call.asked, &request, end)?,
            };
            operations.push(call.operation(clock, &mut clients, request, outcome));
            continue;
        }
        let elements = match end {
            Some(end) if end.stage == Stage::Ok => Some(meaning.drained(&call.asked, &request, end)?),
            _ => None,
        };
        let outcome = end.map_or_else(still_open, |end| unanswered(end).unwrap_or(Outcome::Ok(Value::Nil)));
        let drain = call.operation(clock, &mut clients, request, outcome);
        let drain = Operation { client: clients.number(format!("p{}-{}", call.process, call.invoked)), ..drain };
        match (elements, &drain.outcome) {
            (Some(elements), _) => operations.extend(takings(&drain, elements)),
            (None, Outcome::Info(_)) => {
                unknown.push((operations.len(), call.asked.at));
                operations.push(drain);
            }
            (None, _) => operations.push(drain),
        }
    }
    let operations = unknown_takings(operations, &unknown)?;
    let history = History { clients: clients.names, operations };
    let Meaning { keys, words, .. } = meaning;
    Ok(Imported { history, format: Format::Edn, is_timed: clock.is_timed(), names: keys.into_names(), words })
}

fn still_open() -> Outcome {
    Outcome::Info("still open at the end".to_owned())
}

/// Who acted, in the order in which they are first named.
#[derive(Default)]
struct Clients {
    names: Vec<String>,
    numbers: BTreeMap<String, u32>,
}

impl Clients {
    fn number(&mut self, name: String) -> u32 {
        *self.numbers.entry(name).or_insert_with_key(|name| {
            self.names.push(name.clone());
            u32::try_from(self.names.len() - 1).expect("fewer events than 2^32 fit into a file that is read")
        })
    }
}

impl Call {
    /// The operation that this is.
    fn operation(&self, clock: &Clock, clients: &mut Clients, request: Request, outcome: Outcome) -> Operation {
        let invoked = clock.at(self.invoked);
        Operation {
            client: clients.number(format!("p{}", self.process)),
            number: self.invoked as u64,
            session: self.process,
            request,
            intended: invoked,
            invoked,
            completed: self.end.as_ref().map_or_else(|| clock.last(), |(place, _)| clock.at(*place)),
            outcome,
        }
    }
}

/// Pairs invocations with their ends.
fn calls(events: impl Iterator<Item = Result<Event, Fault>>) -> Result<(Vec<Call>, Clock), Fault> {
    let mut calls: Vec<Call> = Vec::new();
    let mut open: BTreeMap<u64, usize> = BTreeMap::new();
    let mut retired: BTreeSet<u64> = BTreeSet::new();
    let mut clock = Clock::new();
    for (place, event) in events.enumerate() {
        let event = event?;
        clock.tick(event.time);
        let Some(process) = event.process else { continue };
        let fault = |says: String| Err(Fault::new(event.at, says));
        if event.stage == Stage::Invoke {
            if retired.contains(&process) {
                return fault(format!("process {process} goes on, although its last operation ended unknown"));
            }
            if open.insert(process, calls.len()).is_some() {
                return fault(format!("process {process} invokes :{} before its last one ended", event.function));
            }
            calls.push(Call { process, invoked: place, asked: event, end: None });
            continue;
        }
        let Some(call) = open.remove(&process) else {
            return fault(format!("process {process} ends what it never invoked"));
        };
        let call = &mut calls[call];
        if call.asked.function != event.function {
            let asked = &call.asked.function;
            return fault(format!("process {process} invoked :{asked}, and this ends :{}", event.function));
        }
        if event.stage == Stage::Info {
            retired.insert(process);
        }
        call.end = Some((place, event));
    }
    Ok((calls, clock))
}

/// When events happened: the times of the file if each event has one and none is before the one before it, else one
/// nanosecond apart. Events of one time are put a nanosecond apart too: the file says which came first.
struct Clock {
    times: Option<Vec<u64>>,
    /// The latest time in the file.
    latest: u64,
    events: usize,
}

impl Clock {
    const fn new() -> Self {
        Self { times: Some(Vec::new()), latest: 0, events: 0 }
    }

    fn tick(&mut self, time: Option<u64>) {
        self.events += 1;
        let usable = time.filter(|&time| time >= self.latest);
        let (Some(times), Some(time)) = (&mut self.times, usable) else {
            self.times = None;
            return;
        };
        self.latest = time;
        let next = times.last().map_or(0, |&last| last + 1);
        times.push(time.max(next));
    }

    fn is_timed(&self) -> bool {
        self.times.is_some()
    }

    fn at(&self, place: usize) -> Time {
        Time::from_nanos(self.times.as_ref().map_or(place as u64, |times| times[place]))
    }

    fn last(&self) -> Time {
        self.at(self.events.saturating_sub(1))
    }
}
