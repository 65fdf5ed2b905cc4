//! `single`: registers on one node, kept in a write-ahead log on its disk.
//!
//! A request takes effect when its record is accepted by the [log](super::log): what is written is in the log before
//! it is in memory (the write-ahead rule: Gray and Reuter, Transaction Processing, 1993, chapter 9). Reads see only
//! what is accepted, so with [`SyncPolicy::Always`] nobody ever saw what a crash takes.
//!
//! The store has no replication. A second replica would be another store, which is why there is [one](Single::REPLICAS).

mod order;
mod points;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::host::{
    Birth, Context, DiskId, DiskResult, Key, Node, NodeId, NodeSet, NotDone, Reply, Request, RequestId, Value, View,
    Watch,
};
use crate::kernel::Span;

use super::log::{Acceptance, Failure, Fields, Log, LogEvent, Record, TORN_TAIL, put_number, put_value};
use super::{Crashes, Promise, Protocol, RarePoint, Tolerance};
use order::Order;

/// When written records are made durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SyncPolicy {
    /// Before they are acknowledged. Those that wait for one sync share it.
    #[default]
    Always,
    /// At most so long after they were acknowledged: a crash takes the writes since the last sync.
    Interval(Span),
    /// Never: a crash may take every write.
    Never,
}

/// A part of the protocol that can be left out, to see what it is there for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SingleSafeguard {
    /// With [`SyncPolicy::Always`], a write is acknowledged only when its sync has completed.
    SyncBeforeAck,
}

impl SingleSafeguard {
    /// Every safeguard.
    pub const ALL: [Self; 1] = [Self::SyncBeforeAck];

    /// Its name in scenario files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SyncBeforeAck => "sync_before_ack",
        }
    }
}

/// The kind `single`, with its settings.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Single {
    /// When written records are made durable.
    pub sync: SyncPolicy,
    /// What is left out of the protocol. It promises the same without.
    pub without: BTreeSet<SingleSafeguard>,
}

impl Single {
    /// How many replicas a service of this kind has.
    pub const REPLICAS: u32 = 1;

    fn acceptance(&self) -> Acceptance {
        match self.sync {
            SyncPolicy::Always if self.without.contains(&SingleSafeguard::SyncBeforeAck) => {
                Acceptance::WrittenThenSynced
            }
            SyncPolicy::Always => Acceptance::Durable,
            SyncPolicy::Interval(_) | SyncPolicy::Never => Acceptance::Written,
        }
    }
}

impl Protocol for Single {
    type Node = SingleNode;

    fn node(&self, _: Birth) -> SingleNode {
        let interval = match self.sync {
            SyncPolicy::Interval(interval) => Some(interval),
            SyncPolicy::Always | SyncPolicy::Never => None,
        };
        let log = Log::new("wal", self.acceptance());
        SingleNode { log, interval, sync_is_due: false, registers: BTreeMap::new(), waiting: Vec::new() }
    }

    fn order(&self) -> Option<Box<dyn Watch<SingleNode>>> {
        Some(Box::new(Order::default()))
    }

    fn memory_bytes(&self, objects: u64) -> Option<u64> {
        Some(objects.saturating_mul(REGISTER_BYTES))
    }

    fn rare_paths(&self) -> &'static [&'static str] {
        &[TORN_TAIL]
    }

    fn rare_points() -> &'static [RarePoint] {
        &points::ALL
    }

    fn recovers(&self) -> bool {
        true
    }

    fn promises(&self) -> Vec<Promise> {
        match self.sync {
            SyncPolicy::Always => vec![Promise::Linearizable, Promise::Durable],
            SyncPolicy::Interval(_) | SyncPolicy::Never => vec![Promise::Linearizable],
        }
    }

    fn reads_wall_clock(&self) -> bool {
        false
    }

    fn tolerates(&self) -> Tolerance {
        Tolerance::asynchronous(match self.sync {
            SyncPolicy::Always => Crashes::All,
            // A register that goes back in time is not linearizable either.
            SyncPolicy::Interval(_) | SyncPolicy::Never => Crashes::None,
        })
    }

    fn can_serve(&self, _: &Request, contact: NodeId, reachable: &NodeSet, _: &[NodeId]) -> bool {
        reachable.contains(contact)
    }
}

/// How long answers are held back at [`points::HOLD_ANSWERS`].
const HELD_FOR: Span = Span::from_millis(5);

/// What a register takes in memory, about: a key, a number and a value in a tree.
const REGISTER_BYTES: u64 = 64;

/// What a register was set to.
#[derive(Clone, Debug)]
struct Setting {
    key: Key,
    value: Value,
    /// What it had to be, if that was asked for. The disk need not know it.
    expected: Option<Value>,
}

impl Record for Setting {
    fn encode(&self, bytes: &mut Vec<u8>) {
        put_number(self.key.0, bytes);
        put_value(&self.value, bytes);
    }

    fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { key: Key(fields.number()?), value: fields.value()?, expected: None })
    }
}

/// The one replica of [`Single`].
#[derive(Clone, Debug)]
pub struct SingleNode {
    log: Log<Setting>,
    /// How long acknowledged records may stay unsynced, if the node has to sync them on its own.
    interval: Option<Span>,
    /// Whether the timer for that is set.
    sync_is_due: bool,
    /// What is accepted, with the number of its record.
    registers: BTreeMap<Key, (u64, Value)>,
    /// Answers that hold once the record of this number is accepted.
    waiting: Vec<(u64, RequestId, Reply)>,
}

/// The timer of [`SingleNode`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SingleTimer {
    /// To make durable what was acknowledged.
    Sync,
    /// To give the answers that were held back.
    Answer,
}

impl Node for SingleNode {
    type Message = std::convert::Infallible;
    type Timer = SingleTimer;

    fn start(&mut self, cx: &mut Context<'_, Self>) {
        self.log.open(cx);
    }

    fn request(&mut self, id: RequestId, request: &Request, cx: &mut Context<'_, Self>) {
        match request {
            Request::Read { key } => {
                let value = self.registers.get(key).map_or(Value::Nil, |(_, value)| value.clone());
                cx.reply(id, Reply::Ok(value));
            }
            Request::Write { key, value } => {
                self.set(id, Setting { key: *key, value: value.clone(), expected: None }, cx);
            }
            Request::CompareAndSet { key, expected, new } => {
                let (seen, found) = self.newest(*key);
                if found == expected {
                    let expected = Some(expected.clone());
                    self.set(id, Setting { key: *key, value: new.clone(), expected }, cx);
                } else {
                    let reply = Reply::No(found.clone());
                    self.waiting.push((seen, id, reply));
                    self.answer_accepted(cx);
                }
            }
            _ => cx.reply(id, Reply::NotDone(NotDone::Unsupported)),
        }
    }

    fn disk(&mut self, operation: DiskId, result: &DiskResult, cx: &mut Context<'_, Self>) {
        match self.log.disk(operation, result, cx) {
            LogEvent::Nothing => {}
            LogEvent::Opened => cx.ready(),
            LogEvent::Recovered(records) => self.apply(records),
            LogEvent::Accepted(records) => {
                self.apply(records);
                if cx.maybe(points::HOLD_ANSWERS.name) {
                    cx.set_timer(SingleTimer::Answer, HELD_FOR);
                } else {
                    self.answer_accepted(cx);
                }
                self.plan_sync(cx);
            }
            LogEvent::Failed(Failure::NotWritten) => {
                // What was held back is accepted.
                self.answer_accepted(cx);
                self.give_up_waiting(cx);
            }
            // What it holds may not be what is on its disk, so it has to read that again.
            LogEvent::Failed(Failure::Unknown) => cx.exit("its disk has failed"),
        }
        cx.holds(self.registers.len() as u64 * REGISTER_BYTES);
    }

    fn timer(&mut self, timer: SingleTimer, cx: &mut Context<'_, Self>) {
        match timer {
            SingleTimer::Sync => {
                self.sync_is_due = false;
                self.log.sync(cx);
            }
            SingleTimer::Answer => self.answer_accepted(cx),
        }
    }

    fn observe(&self, view: &mut View) {
        for (key, (version, value)) in &self.registers {
            view.entry(*key, *version, value.clone());
        }
        view.applied(self.log.accepted());
        view.waits_for.extend(self.log.waits_for().map(|what| format!("waits for {what}")));
        if !self.waiting.is_empty() {
            view.waits_for(format!("{} answers wait for the disk", self.waiting.len()));
        }
    }
}

impl SingleNode {
    /// What a register will hold when all that is pending is accepted, and the number of that record.
    fn newest(&self, key: Key) -> (u64, &Value) {
        let pending = self.log.pending().rev().find(|(_, setting)| setting.key == key);
        match (pending, self.registers.get(&key)) {
            (Some((number, setting)), _) => (number, &setting.value),
            (None, Some((number, value))) => (*number, value),
            (None, None) => (0, &Value::Nil),
        }
    }

    fn apply(&mut self, records: Vec<(u64, Setting)>) {
        self.registers.extend(records.into_iter().map(|(number, setting)| (setting.key, (number, setting.value))));
    }

    fn set(&mut self, id: RequestId, setting: Setting, cx: &mut Context<'_, Self>) {
        let is_refused = cx.maybe(points::REFUSE_WRITE.name);
        match if is_refused { None } else { self.log.push(setting, cx) } {
            Some(number) => self.waiting.push((number, id, Reply::Ok(Value::Nil))),
            None => cx.reply(id, Reply::NotDone(NotDone::Unavailable)),
        }
    }

    fn answer_accepted(&mut self, cx: &mut Context<'_, Self>) {
        let accepted = self.log.accepted();
        for (_, id, reply) in self.waiting.extract_if(.., |(number, ..)| *number <= accepted) {
            cx.reply(id, reply);
        }
    }

    fn plan_sync(&mut self, cx: &mut Context<'_, Self>) {
        if let Some(interval) = self.interval
            && !self.sync_is_due
        {
            if cx.maybe(points::EARLY_SYNC.name) {
                return self.log.sync(cx);
            }
            self.sync_is_due = true;
            cx.set_timer(SingleTimer::Sync, interval);
        }
    }

    fn give_up_waiting(&mut self, cx: &mut Context<'_, Self>) {
        for (_, id, _) in self.waiting.drain(..) {
            cx.reply(id, Reply::NotDone(NotDone::Unavailable));
        }
    }
}
