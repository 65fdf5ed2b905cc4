//! The objects of a history: who wrote which of their versions, and who read them.
//!
//! A version goes by the value that made it: a register's value, a list's last element, `None` before the first
//! write. So a version tells its writer, as long as no value is written twice (Elle's traceability).

use std::collections::{BTreeMap, BTreeSet};

use super::history::{Fate, MicroOperation, TransactionHistory};
use crate::host::Key;

/// A version of an object, by the value that made it.
pub(super) type Version = Option<i64>;

/// Who wrote a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Writer {
    One {
        transaction: usize,
        /// Its place among the transaction's operations.
        place: usize,
    },
    /// Several operations wrote it: what read it cannot be traced back.
    Several,
}

/// What a read found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Found<'h> {
    List(&'h [i64]),
    Register(Option<i64>),
}

impl Found<'_> {
    pub(super) fn version(&self) -> Version {
        match self {
            Self::List(elements) => elements.last().copied(),
            Self::Register(value) => *value,
        }
    }
}

/// A read by a committed transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read<'h> {
    pub(super) transaction: usize,
    pub(super) found: Found<'h>,
}

/// A committed transaction that read a version before it wrote the object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Update {
    pub(super) transaction: usize,
    pub(super) read: Version,
}

/// One list or register.
#[derive(Debug)]
pub(super) struct Object<'h> {
    pub(super) key: Key,
    pub(super) is_list: bool,
    pub(super) writers: BTreeMap<i64, Writer>,
    /// The last write of each transaction that writes the object, by transaction.
    pub(super) last_writes: BTreeMap<usize, i64>,
    /// All reads, in the order of the history.
    pub(super) reads: Vec<Read<'h>>,
    pub(super) updates: Vec<Update>,
}

impl<'h> Object<'h> {
    fn new(key: Key, is_list: bool) -> Self {
        let (writers, last_writes) = (BTreeMap::new(), BTreeMap::new());
        Self { key, is_list, writers, last_writes, reads: Vec::new(), updates: Vec::new() }
    }

    /// The one transaction that wrote a version.
    pub(super) fn writer(&self, version: Version) -> Option<usize> {
        match self.writers.get(&version?) {
            Some(&Writer::One { transaction, .. }) => Some(transaction),
            _ => None,
        }
    }

    /// Whether no value was written twice.
    pub(super) fn is_traceable(&self) -> bool {
        !self.writers.values().any(|&writer| writer == Writer::Several)
    }

    /// Whether the order of its versions is known, of those that took effect: of a list, all were read but the last.
    pub(super) fn is_ordered(&self, took_effect: &[bool]) -> bool {
        let read: BTreeSet<i64> = self.longest().iter().copied().collect();
        let last_writes = self.last_writes.iter().filter(|&(&transaction, _)| took_effect[transaction]);
        last_writes.filter(|&(_, value)| !read.contains(value)).count() <= 1
    }

    /// The longest list that was read, the first of them.
    pub(super) fn longest(&self) -> &'h [i64] {
        let mut longest: &[i64] = &[];
        for read in &self.reads {
            if let Found::List(elements) = read.found
                && elements.len() > longest.len()
            {
                longest = elements;
            }
        }
        longest
    }
}

/// All objects, by key.
pub(super) fn objects(history: &TransactionHistory) -> Vec<Object<'_>> {
    let mut objects: BTreeMap<Key, Object<'_>> = BTreeMap::new();
    for (index, transaction) in history.transactions().iter().enumerate() {
        for (place, operation) in transaction.operations.iter().enumerate() {
            let key = operation.key();
            let object = objects.entry(key).or_insert_with(|| Object::new(key, operation.is_on_list()));
            let found = match operation {
                MicroOperation::ReadList { found, .. } => Found::List(found),
                MicroOperation::ReadRegister { found, .. } => Found::Register(*found),
                MicroOperation::Append { element: value, .. } | MicroOperation::Write { value, .. } => {
                    note_write(object, index, place, *value);
                    continue;
                }
            };
            object.reads.push(Read { transaction: index, found });
        }
    }
    let mut objects: Vec<_> = objects.into_values().collect();
    for object in &mut objects {
        note_updates(history, object);
    }
    objects
}

fn note_write(object: &mut Object<'_>, transaction: usize, place: usize, value: i64) {
    object.last_writes.insert(transaction, value);
    let writer = object.writers.entry(value).or_insert(Writer::One { transaction, place });
    if *writer != (Writer::One { transaction, place }) {
        *writer = Writer::Several;
    }
}

/// Finds the transactions whose first access to the object is a read and that write it afterwards.
fn note_updates(history: &TransactionHistory, object: &mut Object<'_>) {
    let mut last = None;
    for read in &object.reads {
        let transaction = &history.transactions()[read.transaction];
        let is_first_read = last.replace(read.transaction) != Some(read.transaction);
        if is_first_read && transaction.fate == Fate::Committed && object.last_writes.contains_key(&read.transaction)
        {
            let first = transaction.operations.iter().find(|operation| operation.key() == object.key);
            if first.is_some_and(|operation| operation.written().is_none()) {
                object.updates.push(Update { transaction: read.transaction, read: read.found.version() });
            }
        }
    }
}

/// Which transactions certainly took effect: those that committed, and those of unknown fate of which somebody read
/// a write.
pub(super) fn took_effect(history: &TransactionHistory, objects: &[Object<'_>]) -> Vec<bool> {
    let mut took_effect: Vec<bool> =
        history.transactions().iter().map(|transaction| transaction.fate == Fate::Committed).collect();
    for object in objects {
        let last_elements = object.reads.iter().filter_map(|read| read.found.version());
        for value in last_elements.chain(object.longest().iter().copied()) {
            if let Some(writer) = object.writer(Some(value)) {
                took_effect[writer] |= history.transactions()[writer].fate == Fate::Unknown;
            }
        }
    }
    took_effect
}
