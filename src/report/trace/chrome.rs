//! The Trace Event Format of Chrome, which Perfetto opens: services are processes, replicas their threads, operations
//! and calls asynchronous spans, messages flows.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::host::Tag;
use crate::kernel::Time;

use super::file::{Fault, Operation, TraceFile};
use super::reading::{Flight, Happening, Lane, Reading};

/// How long an event is drawn at most, in nanoseconds: without a length there would be nothing to point an arrow at.
const SHOWN_NS: u64 = 1_000;

/// The process of the network, and that of the faults; services and clients come after these.
const NETWORK: u32 = 1;
const FAULTS: u32 = 2;
const FIRST: u32 = 3;

/// The trace as one JSON object.
pub(super) fn write(file: &TraceFile) -> String {
    let reading = Reading::new(file);
    let processes = Processes::of(file);
    let (happenings, flights) = reading.happenings();
    let about = json!({ "scenario": file.header.scenario, "seed": file.header.seed, "clock": "simulated" });
    let mut text = format!("{{\"displayTimeUnit\":\"ms\",\"otherData\":{about},\"traceEvents\":[");
    // Written one by one: as a tree of values they would take many times their size.
    let events = processes.names(file).into_iter().chain(slices(&reading, &processes, &happenings));
    let flows = (1..).zip(flights).flat_map(|(id, flight)| flow(&reading, &processes, &happenings, id, flight));
    let spans = operations(&reading, &processes).chain(work(&reading, &processes)).chain(faults(file));
    for (number, event) in events.chain(flows).chain(spans).enumerate() {
        let _ = write!(text, "{}{event}", if number == 0 { "" } else { ",\n" });
    }
    text + "]}\n"
}

/// Microseconds, exactly: a nanosecond is three digits behind the point.
fn microseconds(time: Time) -> f64 {
    time.as_nanos() as f64 / 1e3
}

/// The process of each service, by name; clients are one.
struct Processes {
    services: BTreeMap<String, u32>,
    clients: u32,
    of_node: BTreeMap<u32, u32>,
}

impl Processes {
    fn of(file: &TraceFile) -> Self {
        let mut services = BTreeMap::new();
        for service in file.header.services.iter().flatten() {
            let next = FIRST + u32::try_from(services.len()).unwrap_or(u32::MAX - FIRST);
            services.entry(service.clone()).or_insert(next);
        }
        let clients = FIRST + u32::try_from(services.len()).unwrap_or(u32::MAX - FIRST);
        let process = |node| file.service(node).and_then(|service| services.get(service)).copied().unwrap_or(clients);
        Self { of_node: file.nodes().into_iter().map(|node| (node, process(node))).collect(), services, clients }
    }

    /// Process and thread of a lane.
    fn place(&self, lane: Lane) -> (u32, u64) {
        match lane {
            Lane::Node(node) => (self.of_node.get(&node).copied().unwrap_or(self.clients), u64::from(node) + 1),
            Lane::Network => (NETWORK, 1),
            Lane::Faults => (FAULTS, 1),
        }
    }

    fn names(&self, file: &TraceFile) -> Vec<Value> {
        let meta = |name: &str, pid: u32, tid: u64, key: &str, value: Value| json!({ "ph": "M", "name": name, "pid": pid, "tid": tid, "args": { key: value } });
        let mut events = Vec::new();
        let own = [("clients", self.clients, 0), ("faults", FAULTS, 1), ("network", NETWORK, 2)];
        let services = self.services.iter().map(|(name, &pid)| (name.as_str(), pid, pid));
        for (name, pid, order) in own.into_iter().chain(services) {
            events.push(meta("process_name", pid, 0, "name", json!(name)));
            events.push(meta("process_sort_index", pid, 0, "sort_index", json!(order)));
        }
        for &node in self.of_node.keys() {
            let (pid, tid) = self.place(Lane::Node(node));
            events.push(meta("thread_name", pid, tid, "name", json!(file.name(node))));
        }
        events.push(meta("thread_name", NETWORK, 1, "name", json!("messages that died")));
        events.push(meta("thread_name", FAULTS, 1, "name", json!("faults")));
        events
    }
}

/// Every event, as short as it has to be not to run into the next one of its lane.
fn slices<'a>(
    reading: &'a Reading<'_>,
    processes: &'a Processes,
    happenings: &'a [Happening],
) -> impl Iterator<Item = Value> + 'a {
    let mut lengths = vec![SHOWN_NS; happenings.len()];
    let mut last: BTreeMap<Lane, usize> = BTreeMap::new();
    for (place, happening) in happenings.iter().enumerate() {
        if let Some(before) = last.insert(happening.lane, place) {
            lengths[before] = SHOWN_NS.min(happening.at.since(happenings[before].at).as_nanos());
        }
    }
    let slice = move |(happening, length): (&Happening, u64)| {
        let (pid, tid) = processes.place(happening.lane);
        let record = reading.record(happening.record);
        let (kind, content) = reading.file.label(record);
        let what = if happening.is_sending { "send" } else { reading.tag(happening.record).map_or("?", Tag::name) };
        let name = if kind.is_empty() { what.to_owned() } else { format!("{what} {kind}") };
        json!({
            "ph": "X", "cat": what, "name": name, "pid": pid, "tid": tid,
            "ts": microseconds(happening.at), "dur": length as f64 / 1e3,
            "args": { "event": happening.record, "cause": record.cause, "content": content },
        })
    };
    happenings.iter().zip(lengths).map(slice)
}

/// A message, from the event that sent it to the one that it led to.
fn flow(
    reading: &Reading<'_>,
    processes: &Processes,
    happenings: &[Happening],
    id: u64,
    flight: Flight,
) -> [Value; 2] {
    let message = reading.message(happenings[flight.to].record);
    let name = message.map_or("message", |message| message.kind);
    let end = |ph: &str, place: usize| {
        let happening = &happenings[place];
        let (pid, tid) = processes.place(happening.lane);
        json!({
            "ph": ph, "cat": "message", "name": name, "id": id, "pid": pid, "tid": tid,
            "ts": microseconds(happening.at),
        })
    };
    let mut arrives = end("f", flight.to);
    arrives["bp"] = json!("e");
    [end("s", flight.from), arrives]
}

/// One asynchronous span: its beginning and its end.
fn span(category: &str, name: &str, id: &str, pid: u32, (start, end): (Time, Time), args: Value) -> [Value; 2] {
    let tid = 0;
    [
        json!({ "ph": "b", "cat": category, "name": name, "id": id, "pid": pid, "tid": tid,
            "ts": microseconds(start), "args": args }),
        json!({ "ph": "e", "cat": category, "name": name, "id": id, "pid": pid, "tid": tid, "ts": microseconds(end) }),
    ]
}

/// Operations, and inside them the calls by which they asked, one after the other.
fn operations<'a>(reading: &'a Reading<'_>, processes: &'a Processes) -> impl Iterator<Item = Value> + 'a {
    let pid = processes.clients;
    let spans = move |operation: &Operation| {
        let ends = operation.ends();
        let args = json!({ "request": operation.request, "outcome": operation.outcome, "reason": operation.reason });
        let name = operation.request.split(' ').next().unwrap_or("operation");
        let [begins, over] = span("operation", name, &operation.id, pid, ends, args);
        let mut events = vec![begins];
        for leg in reading.legs(operation).iter().filter(|leg| leg.parent.is_none()) {
            let name = format!("ask {}", reading.file.name(leg.peer));
            // An answer may come to a client whose operation was over by then.
            let ends = (leg.start.clamp(ends.0, ends.1), leg.end.clamp(ends.0, ends.1));
            let args = json!({ "failure": leg.failure });
            events.extend(span("operation", &name, &operation.id, pid, ends, args));
        }
        events.push(over);
        events
    };
    reading.file.header.operations.iter().flat_map(spans)
}

/// The processors at work.
fn work<'a>(reading: &'a Reading<'_>, processes: &'a Processes) -> impl Iterator<Item = Value> + 'a {
    let ends = (0..reading.file.len()).filter(|&number| reading.tag(number) == Some(Tag::WorkDone));
    let job = |end: usize| {
        let begin = reading.file.cause(end)?;
        let (pid, _) = processes.place(Lane::Node(reading.record(end).fact.a));
        let name = format!("{} works", reading.file.name(reading.record(end).fact.a));
        let ends = (reading.time(begin), reading.time(end));
        Some(span("work", &name, &format!("work-{begin}"), pid, ends, json!({ "event": begin })))
    };
    ends.filter_map(job).flatten()
}

/// The faults while they were at work; those that nobody ended until the end of the trace.
fn faults(file: &TraceFile) -> impl Iterator<Item = Value> {
    let last = file.records().last().map_or(Time::ZERO, |record| record.fact.time);
    let spans = move |fault: &Fault| {
        let start = fault.start_ns.map(Time::from_nanos)?;
        let end = fault.end_ns.map_or(last, Time::from_nanos).max(start);
        let targets: Vec<_> = fault.targets.iter().map(|&node| file.name(node)).collect();
        let args = json!({ "id": fault.id, "targets": targets });
        Some(span("fault", &fault.kind, &fault.id, FAULTS, (start, end), args))
    };
    file.header.faults.iter().filter_map(spans).flatten()
}
