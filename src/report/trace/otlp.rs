//! OTLP in JSON: each operation of a client a trace, its calls, the work on them, messages between replicas and disks
//! its spans. Names of attributes are OpenTelemetry's semantic conventions where these have one, else `partita.*`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::kernel::{Time, stable_hash_str};

use super::file::{Operation, TraceFile};
use super::legs::{Leg, LegKind};
use super::reading::Reading;

/// OpenTelemetry's numbers of span kinds.
const INTERNAL: u32 = 1;
const SERVER: u32 = 2;
const CLIENT: u32 = 3;
const PRODUCER: u32 = 4;

/// The status of a span that failed.
const ERROR: u32 = 2;

/// The operations as one OTLP document. Time 0 of the run is the first instant of 1970.
pub(super) fn write(file: &TraceFile) -> String {
    let reading = Reading::new(file);
    // As texts: a tree of values would take many times their size.
    let mut spans: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    let mut made = 0;
    for (place, operation) in file.header.operations.iter().enumerate() {
        let legs = reading.legs(operation);
        // An operation that never left its client, since the run ended, has nothing to show.
        let Some(client) = legs.first().map(|leg| leg.node) else { continue };
        let trace = format!("{:016x}{:016x}", stable_hash_str(&file.header.scenario), place + 1);
        let root = made + 1;
        made += 1 + legs.len() as u64;
        spans.entry(client).or_default().push(root_span(operation, &trace, root).to_string());
        for (number, leg) in (root + 1..).zip(&legs) {
            let parent = leg.parent.map_or(root, |parent| root + 1 + parent as u64);
            spans.entry(leg.node).or_default().push(span(file, leg, &trace, (number, parent)).to_string());
        }
    }
    let scope = json!({ "name": "partita", "version": env!("CARGO_PKG_VERSION") });
    let resource = |(node, spans): (u32, Vec<String>)| {
        let (about, spans) = (json!({ "attributes": resource(file, node) }), spans.join(",\n"));
        format!("{{\"resource\":{about},\"scopeSpans\":[{{\"scope\":{scope},\"spans\":[{spans}]}}]}}")
    };
    let resources: Vec<_> = spans.into_iter().map(resource).collect();
    format!("{{\"resourceSpans\":[{}]}}\n", resources.join(","))
}

fn resource(file: &TraceFile, node: u32) -> Vec<Value> {
    let name = file.name(node);
    let mut attributes = vec![
        text("service.name", file.service(node).unwrap_or(&name)),
        text("service.instance.id", &name),
        text("host.name", &name),
    ];
    if let Some(zone) = file.header.zones.get(node as usize).filter(|zone| !zone.is_empty()) {
        attributes.push(text("cloud.availability_zone", zone));
    }
    attributes
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn root_span(operation: &Operation, trace: &str, id: u64) -> Value {
    let name = operation.request.split(' ').next().unwrap_or("operation");
    let mut attributes = vec![
        text("db.system.name", "partita"),
        text("db.operation.name", name),
        text("db.query.text", &operation.request),
        text("partita.operation", &operation.id),
        text("partita.outcome", &operation.outcome),
    ];
    let reason = operation.reason.as_deref().filter(|_| !operation.is_answered());
    attributes.extend(reason.map(|reason| text("error.type", reason)));
    finished(trace, (id, None), (name, CLIENT), operation.ends(), attributes, reason)
}

fn span(file: &TraceFile, leg: &Leg<'_>, trace: &str, (id, parent): (u64, u64)) -> Value {
    let peer = file.name(leg.peer);
    let (kind, name, mut attributes) = match leg.kind {
        LegKind::Call => {
            let about = vec![text("server.address", &peer), text("rpc.system.name", "partita")];
            (CLIENT, format!("call {peer}"), about)
        }
        LegKind::Serve => {
            let about = vec![text("client.address", &peer), text("rpc.system.name", "partita")];
            (SERVER, leg.said.to_owned(), about)
        }
        LegKind::Message => {
            let about = vec![
                text("messaging.system", "partita"),
                text("messaging.operation.type", "send"),
                text("messaging.operation.name", leg.said),
                text("messaging.destination.name", &peer),
            ];
            (PRODUCER, format!("{} {peer}", leg.said), about)
        }
        LegKind::Disk | LegKind::Work => (INTERNAL, leg.said.to_owned(), Vec::new()),
    };
    attributes.extend(leg.failure.as_ref().map(|failure| text("error.type", failure)));
    let times = (leg.start, leg.end);
    finished(trace, (id, Some(parent)), (&name, kind), times, attributes, leg.failure.as_deref())
}

fn finished(
    trace: &str,
    (id, parent): (u64, Option<u64>),
    (name, kind): (&str, u32),
    (start, end): (Time, Time),
    attributes: Vec<Value>,
    failure: Option<&str>,
) -> Value {
    let mut span = json!({
        "traceId": trace,
        "spanId": format!("{id:016x}"),
        "name": name,
        "kind": kind,
        "startTimeUnixNano": start.as_nanos().to_string(),
        "endTimeUnixNano": end.as_nanos().to_string(),
        "attributes": attributes,
    });
    if let Some(parent) = parent {
        span["parentSpanId"] = json!(format!("{parent:016x}"));
    }
    if let Some(failure) = failure {
        span["status"] = json!({ "code": ERROR, "message": failure });
    }
    span
}
