//! The state machine: registers, sets and append logs, and what clients have done so far. Every replica applies the same
//! entries in the same order.

use std::collections::BTreeMap;

use crate::host::{IdempotencyKey, Key, NotDone, Reply, Value, View};
use crate::store::log::{Fields, put_number, put_value};

use super::Cx;
use super::entry::{Command, Entry, Operation};
use super::sessions::{Recognised, Sessions};

/// What all entries up to an index have led to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Machine {
    /// The index of the last entry that was applied.
    applied: u64,
    /// What objects hold, with the index of the entry that made it so.
    objects: BTreeMap<Key, (u64, Value)>,
    /// `None`: operations are not recognised.
    sessions: Option<Sessions>,
}

impl Machine {
    /// As it is before the first entry. It knows again the operations of so many sessions, if it is to know any.
    pub(super) fn new(sessions: Option<u32>) -> Self {
        Self { applied: 0, objects: BTreeMap::new(), sessions: sessions.map(Sessions::new) }
    }

    /// How many objects it holds.
    pub(super) fn len(&self) -> u64 {
        self.objects.len() as u64
    }

    pub(super) const fn applied(&self) -> u64 {
        self.applied
    }

    /// What an object holds.
    pub(super) fn read(&self, key: Key) -> Value {
        self.objects.get(&key).map_or(Value::Nil, |(_, value)| value.clone())
    }

    /// Applies the next entry, and answers whoever asked for it. Where nobody did, a read need not be carried out.
    pub(super) fn apply(&mut self, entry: &Entry, is_asked: bool, cx: &mut Cx<'_>) -> Reply {
        self.applied += 1;
        match &entry.command {
            Command::NoOp | Command::Configure(_) => Reply::Ok(Value::Nil),
            Command::Apply(Operation::Read(key), _) if is_asked => Reply::Ok(self.read(*key)),
            Command::Apply(Operation::Read(_), _) => Reply::Ok(Value::Nil),
            Command::Apply(operation, Some(key)) => self.operate_once(operation, *key, cx),
            Command::Apply(operation, None) => self.operate(operation),
        }
    }

    fn operate_once(&mut self, operation: &Operation, key: IdempotencyKey, cx: &mut Cx<'_>) -> Reply {
        let Some(sessions) = &self.sessions else { return self.operate(operation) };
        match sessions.recognise(key) {
            Recognised::Applied(reply) => {
                cx.reached("an operation that came again was not applied again");
                return reply;
            }
            Recognised::Over => return Reply::Unknown("the session went on to a later operation".to_owned()),
            Recognised::New => {}
        }
        let reply = self.operate(operation);
        if let Some(sessions) = &mut self.sessions
            && sessions.remember(key, self.applied, reply.clone())
        {
            cx.reached("a session was forgotten");
        }
        reply
    }

    fn operate(&mut self, operation: &Operation) -> Reply {
        let (version, held) = self.objects.entry(operation.key()).or_default();
        match operation {
            Operation::Read(_) => return Reply::Ok(held.clone()),
            Operation::Write(_, value) => value.clone_into(held),
            Operation::CompareAndSet { expected, new, .. } => {
                if held != expected {
                    return Reply::No(held.clone());
                }
                new.clone_into(held);
            }
            Operation::Append(_, element) => match held {
                Value::Nil => *held = Value::List(vec![*element]),
                Value::List(elements) => elements.push(*element),
                _ => return Reply::NotDone(NotDone::Unsupported),
            },
            Operation::Insert(_, element) => match held {
                Value::Nil => *held = Value::List(vec![*element]),
                Value::List(elements) => {
                    if let Err(place) = elements.binary_search(element) {
                        elements.insert(place, *element);
                    }
                }
                _ => return Reply::NotDone(NotDone::Unsupported),
            },
        }
        *version = self.applied;
        Reply::Ok(Value::Nil)
    }

    pub(super) fn observe(&self, view: &mut View) {
        view.entries.reserve(self.objects.len());
        for (key, (version, value)) in &self.objects {
            view.entry(*key, *version, value.clone());
        }
        view.applied(self.applied);
    }

    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        put_number(self.applied, bytes);
        put_number(self.objects.len() as u64, bytes);
        for (key, (version, value)) in &self.objects {
            put_number(key.0, bytes);
            put_number(*version, bytes);
            put_value(value, bytes);
        }
        if let Some(sessions) = &self.sessions {
            sessions.encode(bytes);
        }
    }

    /// As another replica with the same settings has encoded it.
    pub(super) fn decode(sessions: Option<u32>, fields: &mut Fields<'_>) -> Option<Self> {
        let mut machine = Self::new(sessions);
        machine.applied = fields.number()?;
        for _ in 0..fields.number()? {
            let (key, version) = (Key(fields.number()?), fields.number()?);
            machine.objects.insert(key, (version, fields.value()?));
        }
        if let Some(limit) = sessions {
            machine.sessions = Some(Sessions::decode(limit, fields)?);
        }
        Some(machine)
    }
}
