//! Traces: their file, their lines, and where two of them part.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::host::{Tag, class};
use crate::kernel::{DecodedTrace, Record, Trace, TraceError};

use super::json::integer;

/// The trace of a run in its canonical binary form; `None` if it was not kept. The names of the nodes are its
/// header.
#[must_use]
pub fn trace_file(scenario: &str, seed: u64, names: &[String], trace: &Trace) -> Option<Vec<u8>> {
    let header = json!({ "scenario": scenario, "seed": integer(seed), "nodes": names });
    trace.encode(header.to_string().as_bytes())
}

/// A trace read from a file.
#[derive(Clone, Debug)]
pub struct TraceFile {
    trace: DecodedTrace,
    /// What the scenario was called.
    pub scenario: String,
    names: Vec<String>,
}

impl TraceFile {
    /// Reads a trace.
    ///
    /// # Errors
    /// If the bytes are no trace of this version, or damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, TraceError> {
        let trace = DecodedTrace::decode(bytes)?;
        let header: Value = serde_json::from_slice(&trace.header).unwrap_or_default();
        let names = header["nodes"].as_array().into_iter().flatten();
        let names = names.map(|name| name.as_str().unwrap_or("?").to_owned()).collect();
        let scenario = header["scenario"].as_str().unwrap_or("?").to_owned();
        Ok(Self { trace, scenario, names })
    }

    /// How many events it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.trace.records.len()
    }

    /// Whether nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.trace.records.is_empty()
    }

    fn lines(&self) -> Lines<'_> {
        Lines { records: &self.trace.records, names: &self.names, labels: Labels::Read(&self.trace) }
    }
}

/// A trace as JSONL: a header, then one event a line.
#[must_use]
pub fn trace_lines(scenario: &str, seed: u64, names: &[String], trace: &Trace) -> String {
    let header = json!({ "version": 1, "scenario": scenario, "seed": integer(seed), "nodes": names });
    let lines = Lines { records: trace.records(), names, labels: Labels::Kept(trace) };
    let mut text = header.to_string() + "\n";
    for (number, record) in lines.records.iter().enumerate() {
        let (kind, content) = split(lines.label_of(record));
        let tag = Tag::from_number(record.fact.tag);
        let kind = if tag == Some(Tag::Token) { occasion(record.fact.a) } else { kind };
        let node = |node| tag.filter(|tag| tag.is_about_nodes()).map(|_| lines.name(node));
        let line = json!({
            "event": number,
            "t_ns": integer(record.fact.time.as_nanos()),
            "what": tag.map_or("?", Tag::name),
            "node": node(record.fact.a),
            "peer": node(record.fact.b),
            "number": integer(record.fact.c),
            "kind": kind,
            "content": content,
            "cause": record.cause,
        });
        let _ = writeln!(text, "{line}");
    }
    text
}

/// Where two traces part, in words: the first differing event, with what led to it on both sides; `None` if they
/// agree.
#[must_use]
pub fn difference(one: &TraceFile, other: &TraceFile) -> Option<String> {
    let first = one.trace.first_difference(&other.trace)?;
    let at = one.lines().records.get(first).or(other.lines().records.get(first)).map(|record| record.fact.time);
    let mut text = match at {
        Some(at) => format!("The runs agree in {first} events and part at {at}.\n"),
        None => format!("The runs agree in {first} events.\n"),
    };
    for (side, trace) in [("first", one), ("second", other)] {
        let _ = writeln!(text, "\n{side}:");
        let lines = trace.lines();
        if first >= lines.records.len() {
            let _ = writeln!(text, "  the trace ends after {} events", lines.records.len());
            continue;
        }
        for number in lines.chain(first) {
            let mark = if number == first { '>' } else { ' ' };
            let _ = writeln!(text, "{mark} {}", lines.describe(number));
        }
    }
    Some(text)
}

/// How many causes of an event are shown.
const CAUSES: usize = 6;

struct Lines<'a> {
    records: &'a [Record],
    names: &'a [String],
    labels: Labels<'a>,
}

/// Where the texts of the labels are.
enum Labels<'a> {
    Kept(&'a Trace),
    Read(&'a DecodedTrace),
}

impl<'a> Lines<'a> {
    fn name(&self, node: u32) -> &'a str {
        self.names.get(node as usize).map_or("?", String::as_str)
    }

    fn label_of(&self, record: &Record) -> &'a str {
        match self.labels {
            Labels::Kept(trace) => trace.label(record.label),
            Labels::Read(trace) => trace.label(record.label),
        }
    }

    /// An event and what led to it, the earliest cause first.
    fn chain(&self, number: usize) -> Vec<usize> {
        let cause = |&number: &usize| self.records[number].cause.and_then(|cause| usize::try_from(cause).ok());
        let mut chain: Vec<_> = std::iter::successors(Some(number), cause).take(CAUSES).collect();
        chain.reverse();
        chain
    }

    /// One event in words.
    fn describe(&self, number: usize) -> String {
        let record = &self.records[number];
        let fact = &record.fact;
        let (a, b) = (self.name(fact.a), self.name(fact.b));
        let (kind, content) = split(self.label_of(record));
        let said = if content.is_empty() { kind } else { content };
        let what = match Tag::from_number(fact.tag) {
            Some(Tag::Deliver) => format!("{a} receives from {b}: {said}"),
            Some(Tag::Drop) => format!("a message from {b} to {a} dies: {said}"),
            Some(Tag::Request) => format!("{a} is asked by {b}: {said}"),
            Some(Tag::Answer) => format!("{a} is answered by {b}: {said}"),
            Some(Tag::Timer) => format!("a timer of {a} fires: {said}"),
            Some(Tag::Disk) => format!("disk operation {} of {a} completes", fact.c),
            Some(Tag::CallTimeout) => format!("{a} gives up waiting for {b}"),
            Some(Tag::Token) => occasion(fact.a).to_owned(),
            Some(Tag::Cut) => "a fault cuts links".to_owned(),
            Some(Tag::Heal) => "a fault's links are healed".to_owned(),
            None => format!("an event of the unknown kind {}", fact.tag),
            Some(tag) => format!("{a}: {} {said}", tag.name()),
        };
        format!("event {number} at {}: {} (payload {:016x})", fact.time, what.trim_end(), fact.payload)
    }
}

/// What happens when an upper floor is told that an instant of this class has come.
fn occasion(number: u32) -> &'static str {
    let occasions = [
        (class::FAULT_END, "a fault ends"),
        (class::FAULT_START, "a fault starts"),
        (class::CLOCK, "a fault changes clocks"),
        (class::CLIENT, "a client acts"),
        (class::CHECK, "the load or the run ends"),
    ];
    let known = occasions.iter().find(|(class, _)| u32::from(class.number()) == number);
    known.map_or("something is due", |&(_, occasion)| occasion)
}

/// The kind and the content of a label.
fn split(label: &str) -> (&str, &str) {
    label.split_once('\t').unwrap_or((label, ""))
}
