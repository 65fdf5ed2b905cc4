//! The part of a node that holds registers and answers coordinators.

use std::collections::BTreeMap;

use crate::host::{Context, DiskId, DiskResult, Key, NodeId, View};
use crate::store::log::{Acceptance, Failure, Log, LogEvent};

use super::MajorityRegisterNode;
use super::message::{MajorityRegisterMessage as Message, Tagged, Update};

/// What a register takes in memory, about: a key, a tag and a value in a tree.
pub(super) const REGISTER_BYTES: u64 = 96;

/// Registers in memory, and the log that they are recovered from.
///
/// A replica answers for what it holds durably and for nothing else: a majority that has stored a value must have it
/// after any crash, or two majorities no longer meet in a replica that knows it. This is why the crash-recovery
/// registers log a value before they acknowledge it (Cachin, Guerraoui and Rodrigues, Reliable and Secure Distributed
/// Programming, 2011, section 4.5).
#[derive(Clone, Debug)]
pub(super) struct Replica {
    log: Log<Update>,
    is_open: bool,
    registers: BTreeMap<Key, Tagged>,
    /// The record that must be accepted first, the coordinator, and its operation that waits for it.
    waiting: Vec<(u64, NodeId, u64)>,
}

type Cx<'a> = Context<'a, MajorityRegisterNode>;

impl Replica {
    pub(super) const fn new(acceptance: Acceptance) -> Self {
        let log = Log::new("registers", acceptance);
        Self { log, is_open: false, registers: BTreeMap::new(), waiting: Vec::new() }
    }

    pub(super) fn start(&mut self, cx: &mut Cx<'_>) {
        self.log.open(cx);
    }

    /// What this replica holds of a register, durably.
    pub(super) fn held(&self, key: Key) -> &Tagged {
        self.registers.get(&key).unwrap_or(const { &Tagged::UNWRITTEN })
    }

    /// Answers a query. A replica that has not read its log yet does not know the answer; it will be asked again.
    pub(super) fn query(&self, from: NodeId, operation: u64, key: Key, cx: &mut Cx<'_>) {
        if self.is_open {
            cx.send(from, Message::Found { operation, held: self.held(key).clone() });
        }
    }

    /// Holds something newer, and says so once it is durable. What a full or failed disk does not take is not
    /// acknowledged; the coordinator asks again.
    pub(super) fn store(&mut self, from: NodeId, operation: u64, update: Update, cx: &mut Cx<'_>) {
        if !self.is_open {
            return;
        }
        let is_held = self.held(update.key).tag >= update.newer.tag;
        let covers = |pending: &&Update| pending.key == update.key && pending.newer.tag >= update.newer.tag;
        let pending = self.log.pending().find(|(_, pending)| covers(pending)).map(|(number, _)| number);
        let awaited = if is_held { Some(self.log.accepted()) } else { pending.or_else(|| self.log.push(update, cx)) };
        if let Some(number) = awaited {
            self.waiting.push((number, from, operation));
            self.acknowledge(cx);
        }
    }

    pub(super) fn disk(&mut self, done: DiskId, result: &DiskResult, cx: &mut Cx<'_>) {
        match self.log.disk(done, result, cx) {
            LogEvent::Nothing => {}
            LogEvent::Opened => {
                self.is_open = true;
                cx.ready();
            }
            // Of one register, each record is newer than those before it.
            LogEvent::Recovered(updates) | LogEvent::Accepted(updates) => {
                self.registers.extend(updates.into_iter().map(|(_, update)| (update.key, update.newer)));
                self.acknowledge(cx);
            }
            LogEvent::Failed(Failure::NotWritten) => self.waiting.clear(),
            // What it holds may not be what is on its disk, so it has to read that again.
            LogEvent::Failed(Failure::Unknown) => cx.exit("its disk has failed"),
        }
        cx.holds(self.registers.len() as u64 * REGISTER_BYTES);
    }

    fn acknowledge(&mut self, cx: &mut Cx<'_>) {
        let accepted = self.log.accepted();
        for (_, from, operation) in self.waiting.extract_if(.., |(number, ..)| *number <= accepted) {
            cx.send(from, Message::Stored { operation });
        }
    }

    pub(super) fn observe(&self, view: &mut View) {
        for (key, Tagged { tag, value }) in &self.registers {
            view.entry(*key, tag.counter, value.clone());
        }
        view.waits_for.extend(self.log.waits_for().map(|what| format!("waits for {what}")));
    }
}
