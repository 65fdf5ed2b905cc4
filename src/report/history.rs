//! A history as JSONL: one operation a line.

use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::host::{Request, Value};
use crate::load::{History, Operation, Outcome};

use super::json::integer;

/// The lines of a history, each ended by a line feed.
#[must_use]
pub fn history_lines(history: &History) -> String {
    history.operations.iter().map(|operation| json!(Line::new(history, operation)).to_string() + "\n").collect()
}

/// One operation. An operation has the fields after its outcome where they say something.
#[derive(Serialize)]
struct Line {
    id: String,
    session: Json,
    intended_ns: Json,
    invoked_ns: Json,
    completed_ns: Json,
    operation: String,
    key: Option<Json>,
    outcome: &'static str,
    /// What a compare-and-set expects.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<Json>,
    /// What it writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Json>,
    /// What it puts into a set, a log or a queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    element: Option<i64>,
    /// What it adds to a counter.
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<i64>,
    /// The fencing token that it gives back.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<i64>,
    /// What a transaction asks for, one after the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<Vec<Json>>,
    /// What it was answered with, unless it is a write; of a transaction what each of its reads found.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<Json>,
    /// Why it failed, or why its outcome is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Line {
    fn new(history: &History, operation: &Operation) -> Self {
        let (outcome, answer, reason) = match &operation.outcome {
            Outcome::Ok(value) => ("ok", Some(value), None),
            Outcome::No(value) => ("no", Some(value), None),
            Outcome::Fail(reason) => ("fail", None, Some(reason)),
            Outcome::Info(reason) => ("info", None, Some(reason)),
        };
        let (expected, value) = match &operation.request {
            Request::Write { value, .. } => (None, Some(value)),
            Request::CompareAndSet { expected, new, .. } => (Some(expected), Some(new)),
            _ => (None, None),
        };
        let (element, delta, token) = match operation.request {
            Request::Insert { element, .. } | Request::Append { element, .. } | Request::Enqueue { element, .. } => {
                (Some(element), None, None)
            }
            Request::Add { delta, .. } => (None, Some(delta), None),
            Request::Release { token, .. } => (None, None, Some(token)),
            _ => (None, None, None),
        };
        let parts = match &operation.request {
            Request::Transaction(parts) => Some(parts.iter().map(part).collect()),
            _ => None,
        };
        let is_write = matches!(operation.request, Request::Write { .. });
        Self {
            id: history.id(operation),
            session: integer(operation.session),
            intended_ns: integer(operation.intended.as_nanos()),
            invoked_ns: integer(operation.invoked.as_nanos()),
            completed_ns: integer(operation.completed.as_nanos()),
            operation: operation.request.kind().to_owned(),
            key: operation.request.key().map(|key| integer(key.0)),
            outcome,
            expected: expected.map(plain),
            value: value.map(plain),
            element,
            delta,
            token,
            parts,
            found: answer.filter(|_| !is_write).map(plain),
            reason: reason.cloned(),
        }
    }
}

/// One request of a transaction: what it asks for, under the names that lines have for it.
fn part(request: &Request) -> Json {
    let (operation, key) = (request.kind(), request.key().map(|key| integer(key.0)));
    match request {
        Request::Write { value, .. } => json!({ "operation": operation, "key": key, "value": plain(value) }),
        Request::Append { element, .. } => json!({ "operation": operation, "key": key, "element": element }),
        _ => json!({ "operation": operation, "key": key }),
    }
}

/// A value as JSON: nil is `null`.
fn plain(value: &Value) -> Json {
    match value {
        Value::Nil => Json::Null,
        Value::Int(number) => json!(number),
        Value::List(elements) => json!(elements),
        Value::Siblings(values) => json!({ "siblings": values.iter().map(plain).collect::<Vec<_>>() }),
        Value::Answers(values) => values.iter().map(plain).collect(),
    }
}
