//! What the functions and values of Jepsen's events mean for each kind of object.

use std::collections::BTreeMap;

use super::edn::{Edn, Form, Forms};
use super::jepsen::{Event, Stage};
use super::words::Words;
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
    pub(super) fn split<'f>(&self, value: &'f Form) -> Result<(Key, &'f Form), Fault> {
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

/// The function that takes whatever a queue has left.
pub(super) const DRAIN: &str = "drain";

/// What the events of one history mean.
pub(super) struct Meaning {
    kind: ObjectKind,
    nil: Nil,
    pub(super) keys: Keys,
    pub(super) words: Words,
    /// Whether a register is written sets. If not, a set that is read is several values at once: siblings.
    has_sets: bool,
}

impl Meaning {
    /// That of events which ask for these functions with these values.
    pub(super) fn new<'f>(
        (kind, nil): (ObjectKind, Nil),
        words: Words,
        asked: impl Iterator<Item = (&'f str, &'f Form)> + Clone,
    ) -> Self {
        let keys = Keys::of(asked.clone());
        let is_set = |form: &Form| matches!(form.value, Edn::Set(_));
        let writes_set = |(function, value): (&str, &Form)| {
            let (_, value) = keys.split(value).ok()?;
            let pair = value.pair().filter(|_| is_compare_and_set(function));
            Some(pair.map_or_else(|| is_set(value), |(expected, new)| is_set(expected) || is_set(new)))
        };
        let has_sets = kind == ObjectKind::Register && asked.filter_map(writes_set).any(|is_set| is_set);
        Self { kind, nil, keys, words, has_sets }
    }

    /// What an event asks for.
    pub(super) fn request(&mut self, event: &Event) -> Result<Request, Fault> {
        use ObjectKind::{Counter, Lock, Log, Mutex, Queue, Register, Set, UniqueIds};
        let (key, value) = self.keys.split(&event.value)?;
        let request = match (self.kind, event.function.as_str()) {
            (Register | Counter | Set | Log, "read" | "r") => Request::Read { key },
            (Register, "write" | "w") => {
                Request::Write { key, value: self.words.register_value(value, self.has_sets) }
            }
            (Register, function) if is_compare_and_set(function) => {
                let (expected, new) = value.pair().ok_or_else(|| {
                    Fault::new(value.at, format!("a compare-and-set is of [expected new], not {value}"))
                })?;
                let expected = self.words.register_value(expected, self.has_sets);
                Request::CompareAndSet { key, expected, new: self.words.register_value(new, self.has_sets) }
            }
            (Counter, "add") => Request::Add { key, delta: integer(value)? },
            (Counter, "inc" | "increment") => Request::Add { key, delta: one_or(value)? },
            (Counter, "dec" | "decrement") => Request::Add { key, delta: negated(value)? },
            (Set, "add" | "insert") => Request::Insert { key, element: self.words.element(value) },
            (Log, "append") => Request::Append { key, element: self.words.element(value) },
            (Queue, "enqueue") if value.value == Edn::Nil => {
                let says = "nil cannot be put into a queue: who takes nil has found it empty";
                return Err(Fault::new(value.at, says));
            }
            (Queue, "enqueue") => Request::Enqueue { key, element: self.words.element(value) },
            (Queue, "dequeue" | DRAIN) => Request::Dequeue { key },
            (Lock | Mutex, "acquire") => Request::Acquire { key },
            (Lock, "release") => Request::Release { key, token: token(value)? },
            (UniqueIds, GENERATE) => Request::Custom { name: GENERATE.to_owned(), body: String::new() },
            (Mutex, "release") => Request::Release { key, token: 0 },
            (_, "") => return Err(Fault::new(event.at, "the event has no :f")),
            (kind, function) => {
                let says = format!("a {} has no operation :{function}; it has {}", kind.name(), kind.operations());
                return Err(Fault::new(event.at, says));
            }
        };
        Ok(request)
    }

    /// How the operation that asked for `request` ended.
    pub(super) fn answer(&mut self, asked: &Event, request: &Request, end: &Event) -> Result<Outcome, Fault> {
        if let Some(outcome) = unanswered(end) {
            return Ok(outcome);
        }
        let learns = matches!(request, Request::Read { .. } | Request::Dequeue { .. } | Request::Custom { .. })
            || self.kind == ObjectKind::Lock && matches!(request, Request::Acquire { .. });
        if !learns {
            let is_nil = |value: &Form| value.value == Edn::Nil;
            let says_nothing = is_nil(&end.value) || end.value == asked.value;
            let says_nothing = says_nothing || self.keys.split(&end.value).is_ok_and(|(_, value)| is_nil(value));
            if !says_nothing && self.request(end)? != *request {
                let says = format!("this acknowledges {}, but {} was asked for", end.value, asked.value);
                return Err(Fault::new(end.value.at, says));
            }
            return Ok(Outcome::Ok(Value::Nil));
        }
        let found = self.found(asked, request, end)?;
        let is_nil = found.value == Edn::Nil;
        let found = match self.kind {
            ObjectKind::Counter | ObjectKind::Queue | ObjectKind::Set | ObjectKind::Log if is_nil => Value::Nil,
            ObjectKind::Register => self.words.register_value(found, self.has_sets),
            ObjectKind::Set => {
                let mut elements = self.words.elements(found)?;
                elements.sort_unstable();
                Value::List(elements)
            }
            ObjectKind::Log => Value::List(self.words.elements(found)?),
            ObjectKind::Queue | ObjectKind::UniqueIds => Value::Int(self.words.element(found)),
            ObjectKind::Lock => Value::Int(token(found)?),
            _ => Value::Int(integer(found)?),
        };
        if found == Value::Nil && self.nil == Nil::Unknown {
            return Ok(Outcome::Info("what it found is not known".to_owned()));
        }
        Ok(Outcome::Ok(found))
    }

    /// What a drain took, in this order, if it took effect. It ends when it finds nothing.
    pub(super) fn drained(&mut self, asked: &Event, request: &Request, end: &Event) -> Result<Vec<i64>, Fault> {
        let found = self.found(asked, request, end)?;
        match &found.untagged().value {
            Edn::Sequence(_) | Edn::Set(_) => self.words.elements(found),
            Edn::Nil => Ok(Vec::new()),
            // What the drain of RabbitMQ's test says, whose takings are events of their own.
            Edn::Keyword(name) if name == "exhausted" => Ok(Vec::new()),
            _ => {
                let says = format!("a drain ends with the elements that it took, as in [1 2 3], not with {found}");
                Err(Fault::new(found.at, says))
            }
        }
    }

    /// What an answer tells of the object that was asked for.
    fn found<'e>(&self, asked: &Event, request: &Request, end: &'e Event) -> Result<&'e Form, Fault> {
        let (key, found) = match (&self.kind, &end.value.value) {
            // Without a name it can only be the object that was asked for.
            (ObjectKind::Queue, Edn::Nil | Edn::Keyword(_)) => return Ok(&end.value),
            _ => self.keys.split(&end.value)?,
        };
        if request.key().is_some_and(|asked| asked != key) {
            return Err(Fault::new(end.value.at, format!("this answers about another object than {}", asked.value)));
        }
        Ok(found)
    }
}

/// How an operation ended that was not answered; `None` if it was.
pub(super) fn unanswered(end: &Event) -> Option<Outcome> {
    let reason = |otherwise: &str| end.reason.clone().unwrap_or_else(|| otherwise.to_owned());
    match end.stage {
        Stage::Ok => None,
        Stage::Fail => Some(Outcome::Fail(reason("failed"))),
        Stage::Info | Stage::Invoke => Some(Outcome::Info(reason("unknown"))),
    }
}

impl Words {
    /// An integer of 64 bits as it is, everything else as the number of a word.
    pub(super) fn element(&mut self, form: &Form) -> i64 {
        match form.value {
            Edn::Integer(number) => number,
            _ => self.number(form.identity(), || form.to_string()),
        }
    }

    /// The value of a register: nil, an integer, a list of integers, several values at once unless it holds sets, or a word.
    pub(super) fn register_value(&mut self, form: &Form, has_sets: bool) -> Value {
        let integer = |form: &Form| match form.value {
            Edn::Integer(number) => Some(number),
            _ => None,
        };
        match &form.value {
            Edn::Nil => Value::Nil,
            Edn::Sequence(elements) => match elements.iter().map(integer).collect() {
                Some(elements) => Value::List(elements),
                None => Value::Int(self.element(form)),
            },
            Edn::Set(values) if !has_sets => {
                let mut values: Vec<Value> =
                    values.iter().map(|value| self.register_value(value, has_sets)).collect();
                values.sort_unstable();
                Value::Siblings(values)
            }
            _ => Value::Int(self.element(form)),
        }
    }

    /// A value as a history in EDN writes it, alone in a text: `nil`, `3`, `:foo`, `"foo"`.
    ///
    /// # Errors
    ///
    /// What is wrong with the text.
    pub fn value(&mut self, text: &str) -> Result<Value, String> {
        let refused = || "write one value as EDN does: nil, 3, :foo, \"foo\", 1.5, true".to_owned();
        let mut forms = Forms::new(text, 0);
        let form = forms.whole().map_err(|fault| fault.says)?.ok_or_else(refused)?;
        let is_symbol = matches!(&form.value, Edn::Other(name) if name != "true" && name != "false")
            && text.trim().starts_with(char::is_alphabetic);
        if is_symbol || !matches!(forms.whole(), Ok(None)) {
            return Err(refused());
        }
        Ok(self.register_value(&form, true))
    }

    /// The elements of a collection.
    pub(super) fn elements(&mut self, form: &Form) -> Result<Vec<i64>, Fault> {
        match &form.untagged().value {
            Edn::Sequence(elements) | Edn::Set(elements) => {
                Ok(elements.iter().map(|element| self.element(element)).collect())
            }
            _ => Err(Fault::new(form.at, format!("a collection is expected here, as in [1 2 3], not {form}"))),
        }
    }
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
            Self::Counter => ":read, :add, :inc, :dec",
            Self::Set => ":read, :add",
            Self::Log => ":read, :append",
            Self::Queue => ":enqueue, :dequeue, :drain",
            Self::Lock | Self::Mutex => ":acquire, :release",
            Self::TransactionalList => ":append, :r",
            Self::TransactionalRegister => ":w, :r",
            Self::UniqueIds => ":generate",
        }
    }
}

fn integer(form: &Form) -> Result<i64, Fault> {
    match form.value {
        Edn::Integer(number) => Ok(number),
        _ => Err(Fault::new(form.at, format!("an integer of 64 bits is expected here, not {form}"))),
    }
}

/// By how much a counter grows; nil is one.
fn one_or(form: &Form) -> Result<i64, Fault> {
    if form.value == Edn::Nil { Ok(1) } else { integer(form) }
}

fn negated(form: &Form) -> Result<i64, Fault> {
    let delta = one_or(form)?.checked_neg();
    delta.ok_or_else(|| Fault::new(form.at, format!("an integer of 64 bits is expected here, not minus {form}")))
}

fn token(form: &Form) -> Result<i64, Fault> {
    let says =
        || format!("a lock's fencing token is an integer of 64 bits, not {form}; a lock without tokens is a mutex");
    integer(form).map_err(|_| Fault::new(form.at, says()))
}
