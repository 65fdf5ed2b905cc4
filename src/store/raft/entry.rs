//! Entries of the replicated log: what they say, and their form on a disk.

use std::sync::Arc;

use crate::host::{IdempotencyKey, Key, Request, Value};
use crate::store::log::{Fields, put_number, put_value};

use super::membership::Members;
use super::snapshot::{members, put_members};

/// A place in a log, with the term of the entry there. Position 0 is before every entry.
///
/// Positions are ordered as section 3.6.1 says whose log is more up to date: by the last term, then by length.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Position {
    pub(super) term: u64,
    pub(super) index: u64,
}

/// What a leader put into the log.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Entry {
    /// The leader's term.
    pub(super) term: u64,
    pub(super) command: Command,
}

/// What an entry lets happen.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Command {
    /// Nothing: a new leader's first entry (section 6.4).
    NoOp,
    /// A client's operation, and which one it is.
    Apply(Operation, Option<IdempotencyKey>),
    /// The members are these (section 4.1).
    Configure(Members),
}

/// What clients can ask the state machine for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Operation {
    /// See [`Request::Read`].
    Read(Key),
    /// See [`Request::Write`].
    Write(Key, Value),
    /// See [`Request::CompareAndSet`].
    CompareAndSet {
        /// The register.
        key: Key,
        /// What it must hold.
        expected: Value,
        /// Its new value.
        new: Value,
    },
    /// See [`Request::Append`].
    Append(Key, i64),
    /// See [`Request::Insert`].
    Insert(Key, i64),
}

impl Command {
    /// What a client had asked for, if one had.
    pub(super) fn request(&self) -> Option<Request> {
        match self {
            Self::Apply(operation, _) => Some(operation.request()),
            _ => None,
        }
    }
}

impl Operation {
    /// What is asked for, if the state machine can do it.
    pub(super) fn of(request: &Request) -> Option<Self> {
        Some(match request {
            Request::Read { key } => Self::Read(*key),
            Request::Write { key, value } => Self::Write(*key, value.clone()),
            Request::CompareAndSet { key, expected, new } => {
                Self::CompareAndSet { key: *key, expected: expected.clone(), new: new.clone() }
            }
            Request::Append { key, element } => Self::Append(*key, *element),
            Request::Insert { key, element } => Self::Insert(*key, *element),
            _ => return None,
        })
    }

    /// The object that it concerns.
    pub(super) const fn key(&self) -> Key {
        match self {
            Self::Read(key)
            | Self::Write(key, _)
            | Self::CompareAndSet { key, .. }
            | Self::Append(key, _)
            | Self::Insert(key, _) => *key,
        }
    }

    /// What was asked for.
    fn request(&self) -> Request {
        match self {
            Self::Read(key) => Request::Read { key: *key },
            Self::Write(key, value) => Request::Write { key: *key, value: value.clone() },
            Self::CompareAndSet { key, expected, new } => {
                Request::CompareAndSet { key: *key, expected: expected.clone(), new: new.clone() }
            }
            Self::Append(key, element) => Request::Append { key: *key, element: *element },
            Self::Insert(key, element) => Request::Insert { key: *key, element: *element },
        }
    }

    fn size_bytes(&self) -> u32 {
        match self {
            Self::Read(_) => 9,
            Self::Write(_, value) => value.size_bytes().saturating_add(9),
            Self::CompareAndSet { expected, new, .. } => {
                expected.size_bytes().saturating_add(new.size_bytes()).saturating_add(9)
            }
            Self::Append(..) | Self::Insert(..) => 17,
        }
    }

    fn encode(&self, bytes: &mut Vec<u8>) {
        let kind = match self {
            Self::Read(_) => READ,
            Self::Write(..) => WRITE,
            Self::CompareAndSet { .. } => COMPARE_AND_SET,
            Self::Append(..) => APPEND,
            Self::Insert(..) => INSERT,
        };
        put_number(kind, bytes);
        put_number(self.key().0, bytes);
        match self {
            Self::Read(_) => {}
            Self::Write(_, value) => put_value(value, bytes),
            Self::CompareAndSet { expected, new, .. } => {
                put_value(expected, bytes);
                put_value(new, bytes);
            }
            Self::Append(_, element) | Self::Insert(_, element) => put_number(element.cast_unsigned(), bytes),
        }
    }

    fn decode(kind: u64, fields: &mut Fields<'_>) -> Option<Self> {
        let key = Key(fields.number()?);
        Some(match kind {
            READ => Self::Read(key),
            WRITE => Self::Write(key, fields.value()?),
            COMPARE_AND_SET => Self::CompareAndSet { key, expected: fields.value()?, new: fields.value()? },
            APPEND => Self::Append(key, fields.number()?.cast_signed()),
            INSERT => Self::Insert(key, fields.number()?.cast_signed()),
            _ => return None,
        })
    }
}

const NO_OP: u64 = 0;
const READ: u64 = 1;
const WRITE: u64 = 2;
const COMPARE_AND_SET: u64 = 3;
const APPEND: u64 = 4;
const INSERT: u64 = 5;
const CONFIGURE: u64 = 6;

impl Entry {
    /// Its size in a message.
    pub(super) fn size_bytes(&self) -> u32 {
        const TERM_AND_KIND: u32 = 9;
        const IDEMPOTENCY_KEY: u32 = 16;
        match &self.command {
            Command::NoOp => TERM_AND_KIND,
            Command::Configure(members) => TERM_AND_KIND + 8 * (members.len() as u32 + 1),
            Command::Apply(operation, _) => operation.size_bytes().saturating_add(TERM_AND_KIND + IDEMPOTENCY_KEY),
        }
    }

    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        put_number(self.term, bytes);
        match &self.command {
            Command::NoOp => put_number(NO_OP, bytes),
            Command::Configure(members) => {
                put_number(CONFIGURE, bytes);
                put_members(members, bytes);
            }
            Command::Apply(operation, key) => {
                operation.encode(bytes);
                let IdempotencyKey { session, number } = key.unwrap_or(IdempotencyKey { session: 0, number: 0 });
                put_number(session, bytes);
                put_number(number, bytes);
            }
        }
    }

    pub(super) fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        let term = fields.number()?;
        let command = match fields.number()? {
            NO_OP => Command::NoOp,
            CONFIGURE => Command::Configure(members(fields)?),
            kind => {
                let operation = Operation::decode(kind, fields)?;
                let key = IdempotencyKey { session: fields.number()?, number: fields.number()? };
                // Sessions number their operations from 1.
                Command::Apply(operation, (key.number > 0).then_some(key))
            }
        };
        Some(Self { term, command })
    }
}

/// Entries that logs and messages share.
pub(super) type Shared = Arc<Entry>;
