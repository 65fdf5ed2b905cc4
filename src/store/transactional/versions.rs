//! The versions of objects: what each held at which time.

use crate::host::Value;
use crate::store::log::{Fields, put_number, put_value};

/// A point in the order of all transactions, as the oracle hands them out: no two are equal, and one that is handed out
/// later is greater. The first is 1; 0 is before all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp(pub(super) u64);

/// What a transaction does to an object.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Put {
    /// Its new value.
    Value(Value),
    /// One more element at its end. A number counts as the list of it alone.
    Element(i64),
}

impl Put {
    pub(super) fn apply(&self, held: Value) -> Value {
        match (self, held) {
            (Self::Value(value), _) => value.clone(),
            (Self::Element(element), Value::List(mut elements)) => {
                elements.push(*element);
                Value::List(elements)
            }
            (Self::Element(element), Value::Int(number)) => Value::List(vec![number, *element]),
            (Self::Element(element), _) => Value::List(vec![*element]),
        }
    }

    pub(super) fn size_bytes(&self) -> u32 {
        match self {
            Self::Value(value) => value.size_bytes(),
            Self::Element(_) => 9,
        }
    }

    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Value(value) => {
                put_number(0, bytes);
                put_value(value, bytes);
            }
            Self::Element(element) => {
                put_number(1, bytes);
                put_number(element.cast_unsigned(), bytes);
            }
        }
    }

    pub(super) fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        match fields.number()? {
            0 => Some(Self::Value(fields.value()?)),
            1 => Some(Self::Element(fields.number()?.cast_signed())),
            _ => None,
        }
    }
}

/// One object, as what was done to it, in the order of time. Elements are versions of their own, so that a list takes as
/// much memory as it has elements, whatever the number of its versions.
#[derive(Clone, Debug, Default)]
pub(super) struct Object {
    puts: Vec<(Timestamp, Put)>,
}

impl Object {
    /// What it held at a time, and since when.
    pub(super) fn at(&self, at: Timestamp) -> (Value, Timestamp) {
        let known = self.puts.partition_point(|&(since, _)| since <= at);
        let known = &self.puts[..known];
        let first = known.iter().rposition(|(_, put)| matches!(put, Put::Value(_))).unwrap_or(0);
        let value = known[first..].iter().fold(Value::Nil, |held, (_, put)| put.apply(held));
        (value, known.last().map_or_else(Timestamp::default, |&(since, _)| since))
    }

    /// Since when it holds what it holds.
    pub(super) fn since(&self) -> Timestamp {
        self.puts.last().map_or_else(Timestamp::default, |&(since, _)| since)
    }

    /// Does this to it from that time on, which is not before any other.
    pub(super) fn put(&mut self, at: Timestamp, puts: Vec<Put>) {
        self.puts.extend(puts.into_iter().map(|put| (at, put)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_what_was_done_to_it_by_then() {
        let mut object = Object::default();
        let list = |elements: &[i64]| Value::List(elements.to_vec());
        object.put(Timestamp(3), vec![Put::Element(1), Put::Element(2)]);
        object.put(Timestamp(5), vec![Put::Value(Value::Int(7))]);
        object.put(Timestamp(8), vec![Put::Element(9)]);
        let check = |at, value: Value, since| assert_eq!(object.at(Timestamp(at)), (value, Timestamp(since)));
        check(2, Value::Nil, 0);
        check(3, list(&[1, 2]), 3);
        check(4, list(&[1, 2]), 3);
        check(7, Value::Int(7), 5);
        check(u64::MAX, list(&[7, 9]), 8);
        assert_eq!(object.since(), Timestamp(8));
    }
}
