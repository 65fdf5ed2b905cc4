//! Our own lines, as a run writes them into `history.jsonl`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

use super::edn::{Edn, Form};
use super::transactions::MicroModel;
use super::words::Words;
use super::{Fault, Format, Imported, Nil, ObjectKind};
use crate::check::GENERATE;
use crate::host::{Key, Request, Value};
use crate::kernel::Time;
use crate::load::{History, Operation, Outcome};

/// One operation. What follows the outcome depends on the operation; what is absent is null.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: String,
    session: Count,
    intended_ns: Count,
    invoked_ns: Count,
    completed_ns: Count,
    operation: String,
    key: Option<Count>,
    outcome: String,
    expected: Option<Json>,
    value: Option<Json>,
    found: Option<Json>,
    element: Option<Json>,
    delta: Option<i64>,
    token: Option<i64>,
    parts: Option<Vec<Part>>,
    reason: Option<String>,
}

/// One request of a transaction.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    operation: String,
    key: Count,
    value: Option<Json>,
    element: Option<Json>,
}

/// A number; above 2^53 it is a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Count {
    Number(u64),
    Text(String),
}

impl Count {
    fn value(&self) -> Result<u64, String> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Text(text) => text.parse().map_err(|_| format!("{text:?} is no integer of 64 bits")),
        }
    }
}

pub(super) fn read(text: &str, words: Words, kind: ObjectKind, nil: Nil) -> Result<Imported, Fault> {
    let mut values = Values { words, kind };
    let mut clients = Vec::new();
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    let mut operations: Vec<(usize, Operation)> = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let at = start;
        start += line.len();
        if line.trim().is_empty() {
            continue;
        }
        let read: Line = serde_json::from_str(line).map_err(|error| {
            let says = error.to_string();
            let says = says.rsplit_once(" at line").map_or(says.as_str(), |(says, _)| says);
            Fault::new(at + error.column().saturating_sub(1), says)
        })?;
        let mut client = |name: &str| {
            *numbers.entry(name.to_owned()).or_insert_with(|| {
                clients.push(name.to_owned());
                u32::try_from(clients.len() - 1).expect("fewer lines than 2^32 fit into a file that is read")
            })
        };
        let operation = read.operation(&mut values, nil, &mut client).map_err(|says| Fault::new(at, says))?;
        operations.push((at, operation));
    }
    operations.sort_by_key(|(_, operation)| (operation.invoked, operation.client, operation.number));
    one_at_a_time(&operations)?;
    let operations = operations.into_iter().map(|(_, operation)| operation).collect();
    let history = History { clients, operations };
    Ok(Imported { history, format: Format::Jsonl, is_timed: true, names: BTreeMap::new(), words: values.words })
}

/// A session runs one operation at a time, and none after one that ended unknown.
fn one_at_a_time(operations: &[(usize, Operation)]) -> Result<(), Fault> {
    let mut latest: BTreeMap<u64, &Operation> = BTreeMap::new();
    for (at, operation) in operations {
        let Some(before) = latest.insert(operation.session, operation) else { continue };
        let session = operation.session;
        if matches!(before.outcome, Outcome::Info(_)) && !before.is_in_series_with(operation) {
            let says = format!("session {session} goes on, although its last operation ended unknown");
            return Err(Fault::new(*at, says));
        }
        if before.completed > operation.invoked && !before.is_in_series_with(operation) {
            return Err(Fault::new(*at, format!("session {session} invokes this before its last operation ended")));
        }
    }
    Ok(())
}

impl Line {
    fn operation(
        &self,
        values: &mut Values,
        nil: Nil,
        client: &mut impl FnMut(&str) -> u32,
    ) -> Result<Operation, String> {
        let no_id = || format!("the id {:?} is no name and number, as in \"shoppers-17\"", self.id);
        let (name, number) = self.id.rsplit_once('-').ok_or_else(no_id)?;
        let time = |count: &Count| count.value().map(Time::from_nanos);
        let request = self.request(values)?;
        let (invoked, completed) = (time(&self.invoked_ns)?, time(&self.completed_ns)?);
        let mut outcome = self.outcome(values, &request, nil)?;
        if let Some(model) = MicroModel::of(values.kind) {
            model.check(&request)?;
            if let Outcome::Ok(found) = &mut outcome {
                model.settle(found);
            }
        }
        if completed < invoked {
            return Err("the operation is completed before it is invoked".to_owned());
        }
        Ok(Operation {
            client: client(name),
            number: number.parse().map_err(|_| no_id())?,
            session: self.session.value()?,
            intended: time(&self.intended_ns)?,
            invoked,
            completed,
            request,
            outcome,
        })
    }

    fn request(&self, values: &mut Values) -> Result<Request, String> {
        let missing = |name: &str| format!("a line of the operation {:?} needs \"{name}\"", self.operation);
        let key = || Ok::<_, String>(Key(self.key.as_ref().ok_or_else(|| missing("key"))?.value()?));
        let mut element = || values.element(self.element.as_ref().ok_or_else(|| missing("element"))?);
        Ok(match self.operation.as_str() {
            "read" => Request::Read { key: key()? },
            "write" => Request::Write { key: key()?, value: values.value(self.value.as_ref())? },
            "compare_and_set" => Request::CompareAndSet {
                key: key()?,
                expected: values.value(self.expected.as_ref())?,
                new: values.value(self.value.as_ref())?,
            },
            "add" => Request::Add { key: key()?, delta: self.delta.ok_or_else(|| missing("delta"))? },
            "insert" => Request::Insert { key: key()?, element: element()? },
            "append" => Request::Append { key: key()?, element: element()? },
            "enqueue" => Request::Enqueue { key: key()?, element: element()? },
            "dequeue" => Request::Dequeue { key: key()? },
            "acquire" => Request::Acquire { key: key()? },
            "release" => Request::Release { key: key()?, token: self.token.ok_or_else(|| missing("token"))? },
            "transaction" => {
                let parts = self.parts.as_ref().ok_or_else(|| missing("parts"))?;
                Request::Transaction(parts.iter().map(|part| part.request(values)).collect::<Result<_, _>>()?)
            }
            GENERATE => Request::Custom { name: GENERATE.to_owned(), body: String::new() },
            other => return Err(format!("the operation {other:?} is not known")),
        })
    }

    fn outcome(&self, values: &mut Values, request: &Request, nil: Nil) -> Result<Outcome, String> {
        let mut found = || match (request, &self.found) {
            (Request::Transaction(_), Some(Json::Array(found))) => {
                Ok(Value::Answers(found.iter().map(|found| values.found(Some(found))).collect::<Result<_, _>>()?))
            }
            (_, found) => values.found(found.as_ref()),
        };
        let reason = || self.reason.clone().unwrap_or_default();
        Ok(match self.outcome.as_str() {
            "ok" => match found()? {
                Value::Nil if request.is_read() && nil == Nil::Unknown => {
                    Outcome::Info("what it found is not known".to_owned())
                }
                found => Outcome::Ok(found),
            },
            "no" => Outcome::No(found()?),
            "fail" => Outcome::Fail(reason()),
            "info" => Outcome::Info(reason()),
            other => return Err(format!("{other:?} is none of the outcomes ok, no, fail, info")),
        })
    }
}

impl Part {
    fn request(&self, values: &mut Values) -> Result<Request, String> {
        let key = Key(self.key.value()?);
        Ok(match (self.operation.as_str(), &self.element) {
            ("read", None) => Request::Read { key },
            ("write", None) => Request::Write { key, value: values.value(self.value.as_ref())? },
            ("append", Some(element)) => Request::Append { key, element: values.element(element)? },
            ("append", None) => return Err("an \"append\" needs \"element\"".to_owned()),
            (other, _) => {
                return Err(format!("a transaction has no operation {other:?}; it has read, write, append"));
            }
        })
    }
}

/// What the values of the lines are.
struct Values {
    words: Words,
    kind: ObjectKind,
}

impl Values {
    /// What an object of this kind was found to hold.
    fn found(&mut self, json: Option<&Json>) -> Result<Value, String> {
        let has_elements = matches!(self.kind, ObjectKind::Set | ObjectKind::Log | ObjectKind::TransactionalList);
        match json {
            Some(Json::Array(elements)) if has_elements => {
                let elements: Result<Vec<i64>, String> =
                    elements.iter().map(|element| self.element(element)).collect();
                let mut elements = elements?;
                if self.kind == ObjectKind::Set {
                    elements.sort_unstable();
                }
                Ok(Value::List(elements))
            }
            json => self.value(json),
        }
    }

    /// A value as the lines have it: null is nil, and what is neither an integer, a list of integers nor siblings is a word.
    fn value(&mut self, json: Option<&Json>) -> Result<Value, String> {
        let Some(json) = json else { return Ok(Value::Nil) };
        match json {
            Json::Null => return Ok(Value::Nil),
            Json::Array(elements) => {
                if let Some(elements) = elements.iter().map(Json::as_i64).collect() {
                    return Ok(Value::List(elements));
                }
            }
            Json::Object(fields) if fields.len() == 1 => {
                if let Some(Json::Array(values)) = fields.get("siblings") {
                    let values = values.iter().map(|json| self.value(Some(json)));
                    return Ok(Value::Siblings(values.collect::<Result<_, _>>()?));
                }
            }
            _ => {}
        }
        Ok(Value::Int(self.element(json)?))
    }

    /// An integer of 64 bits as it is, everything else as the number of a word.
    fn element(&mut self, json: &Json) -> Result<i64, String> {
        Ok(self.words.element(&form(json)?))
    }
}

/// Below this, 2 to the power of 53, each integer is a float of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The same in EDN.
fn form(json: &Json) -> Result<Form, String> {
    let value = match json {
        Json::Null => Edn::Nil,
        Json::Bool(flag) => Edn::Other(flag.to_string()),
        Json::String(text) => Edn::Text(text.clone()),
        // The text of a float is that of another one as well, if it has too many digits.
        Json::Number(number) if number.as_f64().is_some_and(|float| number.is_f64() && float.abs() >= EXACT) => {
            return Err(format!("{json} has more digits than are kept apart: write it as a text, in quotes"));
        }
        Json::Number(number) => number.as_i64().map_or_else(|| Edn::Other(number.to_string()), Edn::Integer),
        Json::Array(elements) => Edn::Sequence(elements.iter().map(form).collect::<Result<_, _>>()?),
        Json::Object(fields) => {
            let mut entries = Vec::with_capacity(2 * fields.len());
            for (name, value) in fields {
                entries.extend([Form { at: 0, value: Edn::Text(name.clone()) }, form(value)?]);
            }
            Edn::Map(entries)
        }
    };
    Ok(Form { at: 0, value })
}
