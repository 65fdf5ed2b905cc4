//! The file of a trace: the records as the kernel keeps them, behind a header that gives their numbers names.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::host::Tag;
use crate::kernel::{DecodedTrace, Record, Time, TraceError, stable_hash_str};
use crate::load::Outcome;
use crate::scenario::Run;

use super::super::json::{digest, integer};

/// What a trace's records speak of.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Header {
    pub(super) scenario: String,
    pub(super) seed: Value,
    /// The names of the nodes, by number.
    pub(super) nodes: Vec<String>,
    /// The service of each node; `None` for a client.
    pub(super) services: Vec<Option<String>>,
    /// The zone of each node; empty where the scenario names none.
    pub(super) zones: Vec<String>,
    pub(super) faults: Vec<Fault>,
    /// The operations of the clients, in the order in which they began.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) operations: Vec<Operation>,
}

/// A fault.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Fault {
    pub(super) id: String,
    /// By which records know it: the stable hash of its id, in hexadecimal digits.
    pub(super) number: String,
    pub(super) kind: String,
    /// Numbers of nodes.
    pub(super) targets: Vec<u32>,
    pub(super) start_ns: Option<u64>,
    pub(super) end_ns: Option<u64>,
}

/// An operation of a client.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) request: String,
    pub(super) invoked_ns: u64,
    pub(super) completed_ns: u64,
    /// `ok`, `no`, `fail` or `info`.
    pub(super) outcome: String,
    /// Why it was not answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// The calls by which it asked, attempt by attempt.
    pub(super) calls: Vec<u64>,
}

impl Operation {
    /// Its invocation and its completion.
    pub(super) fn ends(&self) -> (Time, Time) {
        (Time::from_nanos(self.invoked_ns), Time::from_nanos(self.completed_ns.max(self.invoked_ns)))
    }

    pub(super) fn is_answered(&self) -> bool {
        matches!(self.outcome.as_str(), "ok" | "no")
    }
}

impl Header {
    fn of(scenario: &str, run: &Run) -> Self {
        Self {
            scenario: scenario.to_owned(),
            seed: integer(run.seed),
            nodes: run.names.clone(),
            services: run.homes.iter().map(|home| home.service.clone()).collect(),
            zones: run.homes.iter().map(|home| home.zone.clone()).collect(),
            faults: faults(run),
            operations: operations(run),
        }
    }
}

fn faults(run: &Run) -> Vec<Fault> {
    let fault = |fault: &crate::fault::FaultReport| Fault {
        id: fault.id.clone(),
        number: digest(stable_hash_str(&fault.id)),
        kind: fault.kind.to_owned(),
        targets: fault.targets.iter().map(|node| node.0).collect(),
        start_ns: fault.start.filter(|_| fault.started).map(|start| start.as_nanos()),
        end_ns: fault.end.filter(|_| fault.started).map(|end| end.as_nanos()),
    };
    run.faults.iter().map(fault).collect()
}

fn operations(run: &Run) -> Vec<Operation> {
    let history = run.history();
    let operation = |(operation, calls): (&crate::load::Operation, &Vec<crate::host::CallId>)| {
        let (outcome, reason) = match &operation.outcome {
            Outcome::Ok(_) => ("ok", None),
            Outcome::No(_) => ("no", None),
            Outcome::Fail(reason) => ("fail", Some(reason.clone())),
            Outcome::Info(reason) => ("info", Some(reason.clone())),
        };
        Operation {
            id: history.id(operation),
            request: operation.request.to_string(),
            invoked_ns: operation.invoked.as_nanos(),
            completed_ns: operation.completed.as_nanos(),
            outcome: outcome.to_owned(),
            reason,
            calls: calls.iter().map(|call| call.0).collect(),
        }
    };
    history.operations.iter().zip(&run.recording.calls).map(operation).collect()
}

/// The trace of a run in its canonical binary form, behind a header that says what it is about; `None` if it was not
/// kept. `scenario` is what the scenario is called.
#[must_use]
pub fn trace_file(scenario: &str, run: &Run) -> Option<Vec<u8>> {
    let header = serde_json::to_vec(&Header::of(scenario, run)).unwrap_or_default();
    run.trace.encode(&header)
}

/// A trace read from a file.
#[derive(Clone, Debug)]
pub struct TraceFile {
    pub(super) header: Header,
    pub(super) trace: DecodedTrace,
}

impl TraceFile {
    /// The trace of a run; `None` if it was not kept. `scenario` is what the scenario is called.
    #[must_use]
    pub fn of(scenario: &str, run: &Run) -> Option<Self> {
        Self::decode(&trace_file(scenario, run)?).ok()
    }

    /// Reads a trace.
    ///
    /// # Errors
    /// If the bytes are no trace of this version, or damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, TraceError> {
        let trace = DecodedTrace::decode(bytes)?;
        // A header is for readers; a trace of somebody else's program may have another one.
        let header = serde_json::from_slice(&trace.header).unwrap_or_default();
        Ok(Self { header, trace })
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

    pub(super) fn records(&self) -> &[Record] {
        &self.trace.records
    }

    /// The name of a node; its number if the header has none.
    pub(super) fn name(&self, node: u32) -> Cow<'_, str> {
        let name = self.header.nodes.get(node as usize);
        name.map_or_else(|| Cow::Owned(format!("node-{node}")), |name| Cow::Borrowed(name.as_str()))
    }

    /// Every node that the header names, or a record is about.
    pub(super) fn nodes(&self) -> BTreeSet<u32> {
        let is_about_nodes = |record: &&Record| Tag::from_number(record.fact.tag).is_some_and(Tag::is_about_nodes);
        let acting = self.records().iter().filter(is_about_nodes).flat_map(|record| [record.fact.a, record.fact.b]);
        acting.chain((0..).zip(&self.header.nodes).map(|(node, _)| node)).collect()
    }

    /// The service of a node; `None` for a client.
    pub(super) fn service(&self, node: u32) -> Option<&str> {
        self.header.services.get(node as usize).and_then(Option::as_deref)
    }

    /// The kind and the content of a record's label.
    pub(super) fn label(&self, record: &Record) -> (&str, &str) {
        let label = self.trace.label(record.label);
        let (kind, content) = label.split_once('\t').unwrap_or((label, ""));
        // Of a message that died the label ends with the fault that it died of.
        let is_death = record.fact.tag == Tag::Drop as u8;
        (kind, if is_death { content.rsplit_once('\t').map_or(content, |(content, _)| content) } else { content })
    }

    /// The fault that a message died of, if it did of one.
    pub(super) fn killer(&self, record: &Record) -> Option<&str> {
        let (_, fault) = self.trace.label(record.label).rsplit_once('\t')?;
        (record.fact.tag == Tag::Drop as u8 && !fault.is_empty()).then_some(fault)
    }

    /// The record that led to this one, by its number.
    pub(super) fn cause(&self, number: usize) -> Option<usize> {
        let record = self.records().get(number)?;
        record.cause.and_then(|cause| usize::try_from(cause).ok())
    }
}
