//! Which operation each client session did last, so that one that arrives again is not applied again (section 6.3).
//!
//! Sessions are part of the replicated state: every replica knows the same, and forgets the same. One is opened by its first
//! operation, not by a request of its own as in the dissertation, and forgotten when so many others have been used since
//! as the limit says. An operation that arrives again after that is applied again: the limit has to be above the number of
//! sessions that are used within the time in which clients ask again.

use std::collections::BTreeMap;

use crate::host::{IdempotencyKey, NotDone, Reply, Value};
use crate::store::log::{Fields, put_number, put_value};

/// The sessions that are known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Sessions {
    /// How many are kept.
    limit: u32,
    by_id: BTreeMap<u64, Last>,
    /// The sessions by the index of their last operation.
    by_use: BTreeMap<u64, u64>,
}

/// The last operation of a session.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Last {
    number: u64,
    /// Where it stands in the log.
    index: u64,
    reply: Reply,
}

/// What is known of an operation that is to be applied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Recognised {
    /// Nothing: it is new.
    New,
    /// It was applied, and this was the answer.
    Applied(Reply),
    /// The session went on to later ones: nobody waits for it any more.
    Over,
}

impl Sessions {
    pub(super) const fn new(limit: u32) -> Self {
        Self { limit, by_id: BTreeMap::new(), by_use: BTreeMap::new() }
    }

    pub(super) fn recognise(&self, key: IdempotencyKey) -> Recognised {
        match self.by_id.get(&key.session) {
            Some(last) if last.number == key.number => Recognised::Applied(last.reply.clone()),
            Some(last) if last.number > key.number => Recognised::Over,
            _ => Recognised::New,
        }
    }

    /// Remembers what the operation at an index was answered. Answers whether a session had to be forgotten for it.
    pub(super) fn remember(&mut self, key: IdempotencyKey, index: u64, reply: Reply) -> bool {
        if let Some(before) = self.by_id.insert(key.session, Last { number: key.number, index, reply }) {
            self.by_use.remove(&before.index);
        }
        self.by_use.insert(index, key.session);
        let is_full = self.by_id.len() > self.limit as usize;
        if is_full && let Some((_, oldest)) = self.by_use.pop_first() {
            self.by_id.remove(&oldest);
        }
        is_full
    }

    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        put_number(self.by_id.len() as u64, bytes);
        for (session, Last { number, index, reply }) in &self.by_id {
            put_number(*session, bytes);
            put_number(*number, bytes);
            put_number(*index, bytes);
            let (kind, value) = match reply {
                Reply::Ok(value) => (OK, value),
                Reply::No(value) => (NO, value),
                _ => (UNSUPPORTED, &Value::Nil),
            };
            put_number(kind, bytes);
            put_value(value, bytes);
        }
    }

    pub(super) fn decode(limit: u32, fields: &mut Fields<'_>) -> Option<Self> {
        let mut sessions = Self::new(limit);
        for _ in 0..fields.number()? {
            let (session, number, index) = (fields.number()?, fields.number()?, fields.number()?);
            let (kind, value) = (fields.number()?, fields.value()?);
            let reply = match kind {
                OK => Reply::Ok(value),
                NO => Reply::No(value),
                _ => Reply::NotDone(NotDone::Unsupported),
            };
            sessions.by_id.insert(session, Last { number, index, reply });
            sessions.by_use.insert(index, session);
        }
        Some(sessions)
    }
}

const OK: u64 = 0;
const NO: u64 = 1;
const UNSUPPORTED: u64 = 2;
