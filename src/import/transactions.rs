//! What transactions of Elle mean: vectors of micro-operations, `[[:append 8 1] [:r 8 [1]] [:w 9 3]]`.

use super::edn::{Edn, Form};
use super::jepsen::Event;
use super::meaning::{Keys, unanswered};
use super::words::Words;
use super::{Fault, ObjectKind};
use crate::host::{Request, Value};
use crate::load::Outcome;

/// What the objects of transactions are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MicroModel {
    Lists,
    Registers,
}

impl MicroModel {
    pub(super) const fn of(kind: ObjectKind) -> Option<Self> {
        match kind {
            ObjectKind::TransactionalList => Some(Self::Lists),
            ObjectKind::TransactionalRegister => Some(Self::Registers),
            _ => None,
        }
    }

    const fn kind(self) -> ObjectKind {
        match self {
            Self::Lists => ObjectKind::TransactionalList,
            Self::Registers => ObjectKind::TransactionalRegister,
        }
    }

    /// What an invocation asks for. Elle does not look at its function, so neither is it looked at here.
    pub(super) fn request(self, keys: &Keys, words: &mut Words, asked: &Form) -> Result<Request, Fault> {
        let mut part = |part: &Form| {
            let (function, key, value) = split(keys, part)?;
            match (self, function) {
                (_, "r" | "read") => Ok(Request::Read { key }),
                (Self::Lists, "append") => Ok(Request::Append { key, element: words.element(value) }),
                (Self::Registers, "w" | "write") if value.value == Edn::Nil => {
                    let says = "a transaction cannot write nil: that is what a register holds that nobody wrote";
                    Err(Fault::new(value.at, says))
                }
                (Self::Registers, "w" | "write") => {
                    Ok(Request::Write { key, value: Value::Int(words.element(value)) })
                }
                (_, function) => Err(Fault::new(part.at, self.strange(&format!(":{function}")))),
            }
        };
        Ok(Request::Transaction(parts(asked)?.iter().map(&mut part).collect::<Result<_, _>>()?))
    }

    /// How a transaction that asked for `request` ended.
    pub(super) fn answer(
        self,
        keys: &Keys,
        words: &mut Words,
        request: &Request,
        end: &Event,
    ) -> Result<Outcome, Fault> {
        if let Some(outcome) = unanswered(end) {
            return Ok(outcome);
        }
        if self.request(keys, words, &end.value)? != *request {
            let says = "this ends another transaction than the process invoked: only what reads found may differ";
            return Err(Fault::new(end.value.at, says));
        }
        let found = |part: &Form| {
            let (function, _, value) = split(keys, part).ok()?;
            matches!(function, "r" | "read").then(|| self.found(words, value))
        };
        let found = parts(&end.value)?.iter().filter_map(found).collect::<Result<_, _>>()?;
        Ok(Outcome::Ok(Value::Answers(found)))
    }

    /// What a read found. A list that nobody wrote is nil or empty.
    fn found(self, words: &mut Words, value: &Form) -> Result<Value, Fault> {
        match (self, &value.value) {
            (Self::Lists, Edn::Nil) => Ok(Value::List(Vec::new())),
            (Self::Lists, _) => Ok(Value::List(words.elements(value)?)),
            (Self::Registers, Edn::Nil) => Ok(Value::Nil),
            (Self::Registers, _) => Ok(Value::Int(words.element(value))),
        }
    }

    /// Whether a request of our own lines is of such objects, alone or in a transaction.
    pub(super) fn check(self, request: &Request) -> Result<(), String> {
        match (self, request) {
            (_, Request::Transaction(parts)) => parts.iter().try_for_each(|part| self.check(part)),
            (_, Request::Read { .. })
            | (Self::Lists, Request::Append { .. })
            | (Self::Registers, Request::Write { .. }) => Ok(()),
            (_, request) => Err(self.strange(request.kind())),
        }
    }

    /// Gives the answer to such a request of our own lines the form that it has here: an empty list is no nil.
    pub(super) fn settle(self, found: &mut Value) {
        match found {
            Value::Answers(values) => values.iter_mut().for_each(|value| self.settle(value)),
            Value::Nil if self == Self::Lists => *found = Value::List(Vec::new()),
            _ => {}
        }
    }

    fn strange(self, function: &str) -> String {
        let kind = self.kind();
        format!("a {} has no operation {function}; it has {}", kind.name(), kind.operations())
    }
}

/// The micro-operations of a transaction.
fn parts(form: &Form) -> Result<&[Form], Fault> {
    let refused = || format!("a transaction is a vector of operations, as in [[:append 8 1] [:r 8 nil]], not {form}");
    form.elements().ok_or_else(|| Fault::new(form.at, refused()))
}

/// The function, the object and the value of a micro-operation.
fn split<'f>(keys: &Keys, part: &'f Form) -> Result<(&'f str, crate::host::Key, &'f Form), Fault> {
    match part.elements() {
        Some([Form { value: Edn::Keyword(function) | Edn::Text(function), .. }, name, value]) => {
            Ok((function, keys.of_name(name)?, value))
        }
        _ => {
            let says = format!("an operation of a transaction is a vector, as in [:append 8 1], not {part}");
            Err(Fault::new(part.at, says))
        }
    }
}
