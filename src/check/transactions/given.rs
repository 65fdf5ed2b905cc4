//! Whether an order that somebody gives is a serialization: all objects are one, which transactions change as a whole.

use std::collections::BTreeMap;
use std::fmt;

use super::super::linearizable::linearizes_as;
use super::super::model::{Effect, Model};
use crate::host::{Key, Request, Value};
use crate::load::{History, Outcome};

/// Whether the transactions `applied`, in that order and each at once, explain what all transactions of the history found, those
/// that only read somewhere among them, and none against real time: strict serializability (Herlihy and Wing 1990, section
/// 3.4). `true` is a proof of that and of every weaker level, whoever gives the order; `false` says that this order is none.
#[must_use]
pub fn serializes(history: &History, applied: &[Request]) -> bool {
    linearizes_as(&Database, history, None, applied)
}

/// All objects together.
struct Database;

/// What each object holds; nil if it is not here.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
struct Held(BTreeMap<Key, Value>);

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.0).finish()
    }
}

fn parts(request: &Request) -> &[Request] {
    match request {
        Request::Transaction(parts) => parts,
        alone => std::slice::from_ref(alone),
    }
}

impl Model for Database {
    type State = Held;

    fn initial(&self) -> Held {
        Held::default()
    }

    fn supports(&self, request: &Request) -> bool {
        let is_known =
            |part: &Request| matches!(part, Request::Read { .. } | Request::Write { .. } | Request::Append { .. });
        parts(request).iter().all(is_known)
    }

    fn object(&self, _: &Request) -> Option<Key> {
        Some(Key(0))
    }

    fn step(&self, state: &Held, request: &Request, answer: Option<&Outcome>) -> Option<Held> {
        let mut next = state.clone();
        let mut told = match (request, answer) {
            (Request::Transaction(_), Some(Outcome::Ok(Value::Answers(found)))) => Some(found.iter()),
            (Request::Read { .. }, Some(Outcome::Ok(found))) => Some(std::slice::from_ref(found).iter()),
            _ => None,
        };
        for part in parts(request) {
            match part {
                Request::Read { key } => {
                    let held = next.0.get(key).unwrap_or(&Value::Nil);
                    let is_told = |found: &Value| found == held || is_nothing(found) && is_nothing(held);
                    if told.as_mut().is_some_and(|told| !told.next().is_some_and(is_told)) {
                        return None;
                    }
                }
                Request::Write { key, value } => drop(next.0.insert(*key, value.clone())),
                Request::Append { key, element } => match next.0.entry(*key).or_default() {
                    Value::List(elements) => elements.push(*element),
                    nil @ Value::Nil => *nil = Value::List(vec![*element]),
                    _ => return None,
                },
                _ => return None,
            }
        }
        Some(next)
    }

    fn effect(&self, _: &Request, answer: Option<&Outcome>) -> Effect<Held> {
        match answer {
            Some(Outcome::No(_)) => Effect::Nothing,
            _ => Effect::Other,
        }
    }
}

/// A list without elements is none.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Nil => true,
        Value::List(elements) => elements.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;
    use crate::load::Operation;

    /// What a transaction asks for, what its reads found, and from when to when it ran.
    type Told<'a> = (&'a [Request], &'a [i64], (u64, u64));

    fn write(key: u64, value: i64) -> Request {
        Request::Write { key: Key(key), value: Value::Int(value) }
    }

    fn read(key: u64) -> Request {
        Request::Read { key: Key(key) }
    }

    /// Transactions; of what their reads found 0 is nil.
    fn history(transactions: &[Told<'_>]) -> History {
        let operation = |(number, (parts, found, (from, to))): (u64, &Told<'_>)| {
            let found = found.iter().map(|&found| if found == 0 { Value::Nil } else { Value::Int(found) });
            let invoked = Time::from_nanos(*from);
            Operation {
                client: 0,
                number,
                session: number,
                request: Request::Transaction(parts.to_vec()),
                intended: invoked,
                invoked,
                completed: Time::from_nanos(*to),
                outcome: Outcome::Ok(Value::Answers(found.collect())),
            }
        };
        History { clients: vec!["t".into()], operations: (0..).zip(transactions).map(operation).collect() }
    }

    #[test]
    fn a_serialization_is_one_and_write_skew_has_none() {
        let check = |transactions: &[Told<'_>], applied: &[usize], expected: bool| {
            let history = history(transactions);
            let applied: Vec<Request> =
                applied.iter().map(|&place| history.operations[place].request.clone()).collect();
            assert_eq!(serializes(&history, &applied), expected, "{history:?}: {applied:?}");
        };
        let (first, second) = ([read(1), write(2, 5)], [read(2), write(1, 6)]);
        let skew: [Told<'_>; 2] = [(&first, &[0], (0, 9)), (&second, &[0], (0, 9))];
        check(&skew, &[0, 1], false);
        check(&skew, &[1, 0], false);
        let seen: [Told<'_>; 2] = [(&first, &[0], (0, 9)), (&second, &[5], (0, 9))];
        check(&seen, &[0, 1], true);
        check(&seen, &[1, 0], false);
        check(&seen, &[0], false);
        let late: [Told<'_>; 2] = [(&first, &[0], (5, 9)), (&second, &[5], (0, 3))];
        check(&late, &[0, 1], false);
        // One that only reads is not in the order, and comes where what it found was true.
        let look = [read(1), read(2)];
        let looks: [Told<'_>; 3] = [(&first, &[0], (0, 9)), (&second, &[5], (0, 9)), (&look, &[0, 5], (0, 9))];
        check(&looks, &[0, 1], true);
        let torn: [Told<'_>; 3] = [(&first, &[0], (0, 9)), (&second, &[5], (0, 9)), (&look, &[6, 0], (0, 9))];
        check(&torn, &[0, 1], false);
        // A transaction reads what it wrote itself.
        let own = [write(1, 7), read(1)];
        check(&[(&own, &[7], (0, 1))], &[0], true);
        check(&[(&own, &[0], (0, 1))], &[0], false);
    }
}
