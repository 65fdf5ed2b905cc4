//! Our own lines: a header, then one event a line. `docs/trace-format.md` describes them.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::host::Tag;

use super::super::json::{digest, integer};
use super::file::{Fault, TraceFile};
use super::reading::Reading;
use super::select::Selection;

/// The version of the lines: it changes when the meaning of a field does, not when one is added.
const VERSION: u32 = 1;

/// A trace as JSONL, of what is selected.
pub(super) fn write(file: &TraceFile, selection: &Selection) -> String {
    let reading = Reading::new(file);
    let mut text = header(file).to_string() + "\n";
    for number in selection.of(&reading) {
        let _ = writeln!(text, "{}", line(&reading, number));
    }
    text
}

fn header(file: &TraceFile) -> Value {
    let header = &file.header;
    let fault = |fault: &Fault| {
        json!({
            "id": fault.id,
            "number": fault.number,
            "kind": fault.kind,
            "targets": fault.targets.iter().map(|&node| file.name(node)).collect::<Vec<_>>(),
            "start_ns": fault.start_ns.map(integer),
            "end_ns": fault.end_ns.map(integer),
        })
    };
    json!({
        "version": VERSION,
        "scenario": header.scenario,
        "seed": header.seed,
        "digest": digest(file.trace.digest),
        "events": file.len(),
        "nodes": header.nodes,
        "services": header.services,
        "zones": header.zones,
        "faults": header.faults.iter().map(fault).collect::<Vec<_>>(),
    })
}

fn line(reading: &Reading<'_>, number: usize) -> Value {
    let file = reading.file;
    let record = reading.record(number);
    let fact = &record.fact;
    let tag = Tag::from_number(fact.tag);
    let (kind, content) = file.label(record);
    let node = |node| tag.filter(|tag| tag.is_about_nodes()).map(|_| file.name(node));
    let occasion = (tag == Some(Tag::Token)).then(|| file.words(number));
    let operation = reading.call_of(record).and_then(|call| reading.operations.get(&call));
    let mut line = json!({
        "event": number,
        "t_ns": integer(fact.time.as_nanos()),
        "what": tag.map_or("?", Tag::name),
        "node": node(fact.a),
        "peer": node(fact.b),
        "number": integer(fact.c),
        "kind": occasion.as_deref().unwrap_or(kind),
        "content": content,
        "cause": record.cause,
    });
    if let Some(message) = reading.message(number) {
        line["sent_ns"] = integer(message.sent.as_nanos());
        if let Some(death) = message.death {
            line["died_of"] = json!(death);
            line["fault"] = json!(file.killer(record));
        }
    }
    if let Some(&operation) = operation {
        line["operation"] = json!(file.header.operations[operation].id);
    }
    line
}
