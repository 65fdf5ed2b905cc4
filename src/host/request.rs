//! What travels between services and from clients: requests, replies and the values in them.
//!
//! Messages stay inside one service and are the service's own; these few types are what services share, so
//! that any store gets load, history and checkers without writing them.

use std::fmt;

/// The name of one object of a store. Objects are independent of each other: checkers judge each alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Key(pub u64);

/// What an object holds. `Nil` is a value like any other and every object's first one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Value {
    /// Nothing was written.
    #[default]
    Nil,
    /// One number; generated writes are unique.
    Int(i64),
    /// The elements of a set (sorted) or of an append log (in order).
    List(Vec<i64>),
    /// Several values at once, in ascending order: writes that the store could not put in order (`DeCandia` et al.,
    /// Dynamo, SOSP 2007, section 4.4).
    Siblings(Vec<Value>),
    /// What the reads of a transaction found, in their order: no object holds it.
    Answers(Vec<Value>),
}

/// What a client or another service asks for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Request {
    /// Answer with the register's value.
    Read {
        /// The register.
        key: Key,
    },
    /// Set the register.
    Write {
        /// The register.
        key: Key,
        /// Its new value.
        value: Value,
    },
    /// Set the register to `new` if it holds `expected`; otherwise change nothing and answer [`Reply::No`].
    CompareAndSet {
        /// The register.
        key: Key,
        /// What it must hold.
        expected: Value,
        /// Its new value.
        new: Value,
    },
    /// Add to a counter.
    Add {
        /// The counter.
        key: Key,
        /// What to add; may be negative.
        delta: i64,
    },
    /// Put an element into a set.
    Insert {
        /// The set.
        key: Key,
        /// The element.
        element: i64,
    },
    /// Put an element at the end of a log.
    Append {
        /// The log.
        key: Key,
        /// The element.
        element: i64,
    },
    /// Put an element at the end of a queue.
    Enqueue {
        /// The queue.
        key: Key,
        /// The element.
        element: i64,
    },
    /// Take the element at the head of a queue; the answer is the element, nil if there is none.
    Dequeue {
        /// The queue.
        key: Key,
    },
    /// Take a lock; the answer is its fencing token.
    Acquire {
        /// The lock.
        key: Key,
    },
    /// Give a lock back.
    Release {
        /// The lock.
        key: Key,
        /// The fencing token that [`Request::Acquire`] answered with.
        token: i64,
    },
    /// Several requests that take effect together or not at all. The answer has what each read among them found
    /// ([`Value::Answers`]).
    Transaction(Vec<Request>),
    /// A request of a user's own service.
    Custom {
        /// What is asked.
        name: String,
        /// With what.
        body: String,
    },
}

/// The answer to a [`Request`]. It says whether the request took effect, certainly did not, or may have.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Reply {
    /// It took effect. Carries what a read found; [`Value::Nil`] for a write.
    Ok(Value),
    /// Answered with a definite "no" and without effect: compare-and-set found another value (carried here),
    /// a lock was held by another.
    No(Value),
    /// It certainly had no effect, and is not answered.
    NotDone(NotDone),
    /// It may take effect, now or later, or never.
    Unknown(String),
}

/// Why a request certainly had no effect.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum NotDone {
    /// Ask another replica: this one, if it is known.
    Redirect(Option<super::NodeId>),
    /// The service cannot serve now (no quorum, not ready).
    Unavailable,
    /// The service sheds load.
    Overloaded,
    /// The service has no such operation.
    Unsupported,
}

impl Request {
    /// The operation's name in scenario files, histories and reports.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::Read { .. } => "read",
            Self::Write { .. } => "write",
            Self::CompareAndSet { .. } => "compare_and_set",
            Self::Add { .. } => "add",
            Self::Insert { .. } => "insert",
            Self::Append { .. } => "append",
            Self::Enqueue { .. } => "enqueue",
            Self::Dequeue { .. } => "dequeue",
            Self::Acquire { .. } => "acquire",
            Self::Release { .. } => "release",
            Self::Transaction(_) => "transaction",
            Self::Custom { name, .. } => name,
        }
    }

    /// The one object that it concerns, if it is one.
    #[must_use]
    pub const fn key(&self) -> Option<Key> {
        match self {
            Self::Read { key }
            | Self::Write { key, .. }
            | Self::CompareAndSet { key, .. }
            | Self::Add { key, .. }
            | Self::Insert { key, .. }
            | Self::Append { key, .. }
            | Self::Enqueue { key, .. }
            | Self::Dequeue { key }
            | Self::Acquire { key }
            | Self::Release { key, .. } => Some(*key),
            Self::Transaction(_) | Self::Custom { .. } => None,
        }
    }

    /// Whether it changes nothing, so that asking twice is the same as asking once.
    #[must_use]
    pub fn is_read(&self) -> bool {
        match self {
            Self::Read { .. } => true,
            Self::Transaction(parts) => parts.iter().all(Self::is_read),
            _ => false,
        }
    }
}

/// How many elements of a list a person reads.
const LIST_SHOWN: usize = 8;

impl Value {
    /// As a person reads it: of a long list the first and the last elements.
    #[must_use]
    pub fn in_brief(&self) -> String {
        match self {
            Self::List(elements) if elements.len() > LIST_SHOWN => {
                let text = |part: &[i64]| part.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                let (first, last) = (&elements[..LIST_SHOWN / 2], &elements[elements.len() - LIST_SHOWN / 2..]);
                format!("[{}, ..., {}] ({} elements)", text(first), text(last), elements.len())
            }
            Self::Siblings(values) => values.iter().map(Self::in_brief).collect::<Vec<_>>().join(" | "),
            Self::Answers(values) => {
                format!("({})", values.iter().map(Self::in_brief).collect::<Vec<_>>().join("; "))
            }
            short => short.to_string(),
        }
    }

    /// Its size on the wire and on a disk: a byte that says what it is, and 8 bytes for a number.
    #[must_use]
    pub fn size_bytes(&self) -> u32 {
        match self {
            Self::Nil => 1,
            Self::Int(_) => 9,
            Self::List(elements) => {
                u32::try_from(elements.len()).unwrap_or(u32::MAX).saturating_mul(8).saturating_add(9)
            }
            Self::Siblings(values) | Self::Answers(values) => {
                values.iter().fold(9, |sum: u32, value| sum.saturating_add(value.size_bytes()))
            }
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "k{}", self.0)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("nil"),
            Self::Int(number) => write!(f, "{number}"),
            Self::List(elements) => write!(f, "{elements:?}"),
            Self::Siblings(values) => {
                for (place, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if place == 0 { "" } else { " | " })?;
                }
                Ok(())
            }
            Self::Answers(values) => {
                f.write_str("(")?;
                for (place, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if place == 0 { "" } else { "; " })?;
                }
                f.write_str(")")
            }
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { key } => write!(f, "read {key}"),
            Self::Write { key, value } => write!(f, "write {key} = {value}"),
            Self::CompareAndSet { key, expected, new } => {
                write!(f, "compare-and-set {key}: {expected} -> {new}")
            }
            Self::Add { key, delta } => write!(f, "add {delta} to {key}"),
            Self::Insert { key, element } => write!(f, "insert {element} into {key}"),
            Self::Append { key, element } => write!(f, "append {element} to {key}"),
            Self::Enqueue { key, element } => write!(f, "enqueue {element} into {key}"),
            Self::Dequeue { key } => write!(f, "dequeue from {key}"),
            Self::Acquire { key } => write!(f, "acquire {key}"),
            Self::Release { key, token } => write!(f, "release {key} (token {token})"),
            Self::Transaction(parts) => {
                f.write_str("transaction [")?;
                for (i, part) in parts.iter().enumerate() {
                    write!(f, "{}{part}", if i == 0 { "" } else { "; " })?;
                }
                f.write_str("]")
            }
            Self::Custom { name, body } if body.is_empty() => f.write_str(name),
            Self::Custom { name, body } => write!(f, "{name} {body}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut() {
        let check = |value: Value, expected: &str| assert_eq!(value.in_brief(), expected);
        check(Value::Nil, "nil");
        check(Value::List((1..=8).collect()), "[1, 2, 3, 4, 5, 6, 7, 8]");
        check(Value::List((1..=9).collect()), "[1, 2, 3, 4, ..., 6, 7, 8, 9] (9 elements)");
        check(Value::Siblings(vec![Value::Int(1), Value::Int(2)]), "1 | 2");
        check(Value::Answers(vec![Value::Nil, Value::List(vec![1, 2])]), "(nil; [1, 2])");
    }
}
