//! What the functions and values of Jepsen's events mean for each kind of object.

use std::collections::BTreeMap;

use super::edn::{Edn, Form};
use super::jepsen::{Event, Stage};
use super::{Fault, Nil, ObjectKind};
use crate::check::GENERATE;
use crate::host::{Key, Request, Value};
use crate::load::Outcome;

/// Which objects the operations are about. A history is keyed, as Jepsen's `independent` makes them, if every
/// operation's value is a pair, and that of a compare-and-set a pair with a pair; else it is about one object.
pub(super) struct Keys {
    is_keyed: bool,
    /// The numbers of the objects by their names, unless all names are numbers from 0 on.
    numbers: Option<BTreeMap<String, Key>>,
}

impl Keys {
    /// Those of operations, given as functions with the values that they were invoked with.
    pub(super) fn of<'f>(asked: impl Iterator<Item = (&'f str, &'f Form)> + Clone) -> Self {
        let is_keyed_operation = |(function, value): (&str, &Form)| match value.pair() {
            Some((_, inner)) => !is_compare_and_set(function) || inner.pair().is_some(),
            None => false,
        };
        let is_keyed = asked.clone().next().is_some() && asked.clone().all(is_keyed_operation);
        let names = asked.filter_map(|(_, value)| Some(value.pair()?.0));
        Self { is_keyed, numbers: if is_keyed { numbers(names) } else { None } }
    }

    /// Those of transactions, given as they were invoked: each micro-operation names its object.
    pub(super) fn of_transactions<'f>(asked: impl Iterator<Item = &'f Form> + Clone) -> Self {
        let names = asked.filter_map(Form::elements).flatten().filter_map(|part| part.elements()?.get(1));
        Self { is_keyed: true, numbers: numbers(names) }
    }

    /// The object of an event, and the value without it.
    fn split<'f>(&self, value: &'f Form) -> Result<(Key, &'f Form), Fault> {
        if !self.is_keyed {
            return Ok((Key(0), value));
        }
        let (name, inner) = value.pair().ok_or_else(|| Fault::new(value.at, format!("{value} is no [key value]")))?;
        Ok((self.of_name(name)?, inner))
    }

    /// The object of this name.
    pub(super) fn of_name(&self, name: &Form) -> Result<Key, Fault> {
        let key = match (&self.numbers, &name.value) {
            (Some(numbers), _) => numbers.get(&name.to_string()).copied(),
            (None, Edn::Integer(number)) => u64::try_from(*number).ok().map(Key),
            _ => None,
        };
        key.ok_or_else(|| Fault::new(name.at, format!("no invocation names the object {name}")))
    }

    /// What the file calls its objects, if those are other names than numbers.
    pub(super) fn into_names(self) -> BTreeMap<Key, String> {
        self.numbers.into_iter().flatten().map(|(name, key)| (key, name)).collect()
    }
}

/// A number for each name, unless they are numbers from 0 on themselves.
fn numbers<'f>(mut names: impl Iterator<Item = &'f Form> + Clone) -> Option<BTreeMap<String, Key>> {
    let named = names.clone();
    if names.all(|name| matches!(name.value, Edn::Integer(0..))) {
        return None;
    }
    let mut numbers = BTreeMap::new();
    for name in named {
        let next = Key(numbers.len() as u64);
        numbers.entry(name.to_string()).or_insert(next);
    }
    Some(numbers)
}

fn is_compare_and_set(function: &str) -> bool {
    matches!(function, "cas" | "compare-and-set" | "compare_and_set")
}

/// What an event asks for.
pub(super) fn request(kind: ObjectKind, keys: &Keys, event: &Event) -> Result<Request, Fault> {
    let (key, value) = keys.split(&event.value)?;
    let request = match (kind, event.function.as_str()) {
        (ObjectKind::Register | ObjectKind::Counter | ObjectKind::Set | ObjectKind::Log, "read" | "r") => {
            Request::Read { key }
        }
        (ObjectKind::Register, "write" | "w") => Request::Write { key, value: register_value(value)? },
        (ObjectKind::Register, function) if is_compare_and_set(function) => {
            let (expected, new) = value.pair().ok_or_else(|| {
                Fault::new(value.at, format!("a compare-and-set is of [expected new], not {value}"))
            })?;
            Request::CompareAndSet { key, expected: register_value(expected)?, new: register_value(new)? }
        }
        (ObjectKind::Counter, "add") => Request::Add { key, delta: integer(value)? },
        (ObjectKind::Set, "add" | "insert") => Request::Insert { key, element: integer(value)? },
        (ObjectKind::Log, "append") => Request::Append { key, element: integer(value)? },
        (ObjectKind::Queue, "enqueue") => Request::Enqueue { key, element: integer(value)? },
        (ObjectKind::Queue, "dequeue") => Request::Dequeue { key },
        (ObjectKind::Lock | ObjectKind::Mutex, "acquire") => Request::Acquire { key },
        (ObjectKind::Lock, "release") => Request::Release { key, token: integer(value)? },
        (ObjectKind::UniqueIds, GENERATE) => Request::Custom { name: GENERATE.to_owned(), body: String::new() },
        (ObjectKind::Mutex, "release") => Request::Release { key, token: 0 },
        (_, "") => return Err(Fault::new(event.at, "the event has no :f")),
        (_, function) => {
            let says = format!("a {} has no operation :{function}; it has {}", kind.name(), kind.operations());
            return Err(Fault::new(event.at, says));
        }
    };
    Ok(request)
}

/// How the operation that asked for `request` ended.
pub(super) fn answer(
    kind: ObjectKind,
    keys: &Keys,
    asked: &Event,
    request: &Request,
    end: &Event,
    nil: Nil,
) -> Result<Outcome, Fault> {
    let reason = |otherwise: &str| end.reason.clone().unwrap_or_else(|| otherwise.to_owned());
    match end.stage {
        Stage::Ok => {}
        Stage::Fail => return Ok(Outcome::Fail(reason("failed"))),
        Stage::Info | Stage::Invoke => return Ok(Outcome::Info(reason("unknown"))),
    }
    let learns = matches!(request, Request::Read { .. } | Request::Dequeue { .. } | Request::Custom { .. })
        || kind == ObjectKind::Lock && matches!(request, Request::Acquire { .. });
    if !learns {
        let says_nothing = end.value.value == Edn::Nil || end.value == asked.value;
        if !says_nothing && self::request(kind, keys, end)? != *request {
            let says = format!("this acknowledges {}, but {} was asked for", end.value, asked.value);
            return Err(Fault::new(end.value.at, says));
        }
        return Ok(Outcome::Ok(Value::Nil));
    }
    let (key, found) = keys.split(&end.value)?;
    if request.key().is_some_and(|asked| asked != key) {
        return Err(Fault::new(end.value.at, format!("this answers about another object than {}", asked.value)));
    }
    let found = match (kind, request) {
        (ObjectKind::Counter | ObjectKind::Queue | ObjectKind::Set | ObjectKind::Log, _)
            if found.value == Edn::Nil =>
        {
            Value::Nil
        }
        (ObjectKind::Register, _) => register_value(found)?,
        (ObjectKind::Set, _) => {
            let mut elements = elements(found)?;
            elements.sort_unstable();
            Value::List(elements)
        }
        (ObjectKind::Log, _) => Value::List(elements(found)?),
        _ => Value::Int(integer(found)?),
    };
    if found == Value::Nil && nil == Nil::Unknown {
        return Ok(Outcome::Info("what it found is not known".to_owned()));
    }
    Ok(Outcome::Ok(found))
}

impl ObjectKind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Counter => "counter",
            Self::Set => "set",
            Self::Log => "log",
            Self::Queue => "queue",
            Self::Lock => "lock",
            Self::Mutex => "mutex",
            Self::TransactionalList => "list of transactions",
            Self::TransactionalRegister => "register of transactions",
            Self::UniqueIds => "generator of ids",
        }
    }

    pub(super) const fn operations(self) -> &'static str {
        match self {
            Self::Register => ":read, :write, :cas",
            Self::Counter | Self::Set => ":read, :add",
            Self::Log => ":read, :append",
            Self::Queue => ":enqueue, :dequeue",
            Self::Lock | Self::Mutex => ":acquire, :release",
            Self::TransactionalList => ":append, :r",
            Self::TransactionalRegister => ":w, :r",
            Self::UniqueIds => ":generate",
        }
    }
}

pub(super) fn integer(form: &Form) -> Result<i64, Fault> {
    match form.value {
        Edn::Integer(number) => Ok(number),
        _ => Err(Fault::new(form.at, format!("an integer of 64 bits is expected here, not {form}"))),
    }
}

fn register_value(form: &Form) -> Result<Value, Fault> {
    match &form.value {
        Edn::Nil => Ok(Value::Nil),
        Edn::Integer(number) => Ok(Value::Int(*number)),
        Edn::Sequence(elements) => Ok(Value::List(elements.iter().map(integer).collect::<Result<_, _>>()?)),
        _ => {
            let says = format!("a register holds nil, an integer of 64 bits or a vector of them, not {form}");
            Err(Fault::new(form.at, says))
        }
    }
}

/// The elements of a collection.
pub(super) fn elements(form: &Form) -> Result<Vec<i64>, Fault> {
    match &form.value {
        Edn::Sequence(elements) | Edn::Set(elements) => elements.iter().map(integer).collect(),
        _ => Err(Fault::new(form.at, format!("a collection of integers is expected here, not {form}"))),
    }
}
