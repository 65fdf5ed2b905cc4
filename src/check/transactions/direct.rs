//! Anomalies that show without a cycle: in one transaction, or in the versions of one object.

use std::collections::{BTreeMap, BTreeSet};

use super::anomaly::{Anomaly, AnomalyKind};
use super::history::{Fate, MicroOperation, TransactionHistory};
use super::level::Order;
use super::objects::{Found, Object, Read, Version, Writer};
use crate::check::sentence::list;
use crate::check::verdict::Edge;
use crate::host::{Key, Value};

/// How many transactions a story names.
const NAMED: usize = 5;

/// What is collected: the first anomaly of each kind.
pub(super) struct Direct<'h> {
    history: &'h TransactionHistory,
    found: BTreeMap<AnomalyKind, Anomaly>,
}

/// The first anomaly of each kind that shows without a cycle.
pub(super) fn direct(history: &TransactionHistory, objects: &[Object<'_>]) -> Vec<Anomaly> {
    let mut direct = Direct { history, found: BTreeMap::new() };
    let by_key: BTreeMap<Key, &Object<'_>> = objects.iter().map(|object| (object.key, object)).collect();
    for index in 0..history.transactions().len() {
        direct.within(index, &by_key);
    }
    for object in objects {
        let clean = direct.clean(object);
        for read in &object.reads {
            // Most reads of a list are of the beginning of the longest, which is looked at once.
            if !matches!(read.found, Found::List(elements) if clean.starts_with(elements)) {
                direct.sources(object, read);
            }
            direct.intermediate(object, read);
        }
        if object.is_list {
            direct.orders(object);
            direct.dirty_updates(object);
        }
        direct.lost_updates(object);
    }
    direct.found.into_values().collect()
}

/// What a transaction knows of an object from its own operations.
#[derive(Default)]
struct Known<'h> {
    /// What it last read or, of a register, wrote.
    held: Option<Found<'h>>,
    /// What it appended since then.
    appended: Vec<i64>,
}

impl Known<'_> {
    fn allows(&self, found: Found<'_>) -> bool {
        match (self.held, found) {
            (Some(Found::List(held)), Found::List(found)) => {
                found.len() == held.len() + self.appended.len()
                    && found.starts_with(held)
                    && found.ends_with(&self.appended)
            }
            (None, Found::List(found)) => found.ends_with(&self.appended),
            (Some(held), found) => held == found,
            (None, _) => true,
        }
    }
}

impl Direct<'_> {
    fn add(&mut self, kind: AnomalyKind, mut transactions: Vec<usize>, story: impl FnOnce() -> String) {
        self.found.entry(kind).or_insert_with(|| {
            let mut seen = BTreeSet::new();
            transactions.retain(|&transaction| seen.insert(transaction));
            Anomaly { kind, order: Order::Any, transactions, story: vec![story()], edges: Vec::new() }
        });
    }

    /// Whether a transaction agrees with itself.
    fn within(&mut self, index: usize, objects: &BTreeMap<Key, &Object<'_>>) {
        let mut known: BTreeMap<Key, Known<'_>> = BTreeMap::new();
        let name = self.history.name(index);
        for (place, operation) in self.history.transactions()[index].operations.iter().enumerate() {
            let key = operation.key();
            let (object, known) = (objects[&key], known.entry(key).or_default());
            let found = match operation {
                MicroOperation::Append { element, .. } => {
                    known.appended.push(*element);
                    continue;
                }
                MicroOperation::Write { value, .. } => {
                    known.held = Some(Found::Register(Some(*value)));
                    continue;
                }
                MicroOperation::ReadList { found, .. } => Found::List(found),
                MicroOperation::ReadRegister { found, .. } => Found::Register(*found),
            };
            let is_later = |value: &i64| {
                matches!(object.writers.get(value), Some(&Writer::One { transaction, place: written })
                    if transaction == index && written > place)
            };
            let early = match found {
                Found::List(_) if !object.last_writes.contains_key(&index) => None,
                Found::List(elements) => elements.iter().find(|value| is_later(value)).copied(),
                Found::Register(value) => value.filter(is_later),
            };
            if let Some(value) = early {
                let story = || format!("{name} reads {value} from {key} before it writes it itself.");
                self.add(AnomalyKind::Internal, vec![index], story);
            } else if !known.allows(found) {
                let story = || format!("{name} reads {} from {key}, {}.", shown(found), expectation(known, found));
                self.add(AnomalyKind::Internal, vec![index], story);
            }
            *known = Known { held: Some(found), appended: Vec::new() };
        }
    }

    /// The longest list that was read, if each of its elements was written by one transaction, which did not abort,
    /// and is there once.
    fn clean<'o>(&self, object: &Object<'o>) -> &'o [i64] {
        let longest = object.longest();
        let mut seen = BTreeSet::new();
        let is_clean = |&value: &i64| {
            let writer = object.writer(Some(value)).map(|writer| self.history.transactions()[writer].fate);
            seen.insert(value) && writer.is_some_and(|fate| fate != Fate::Aborted)
        };
        if longest.iter().all(is_clean) { longest } else { &[] }
    }

    /// Whether what was read was written, once, and for good.
    fn sources(&mut self, object: &Object<'_>, read: &Read<'_>) {
        let (history, key, reader) = (self.history, object.key, read.transaction);
        let name = history.name(reader);
        let of_register;
        let values = match read.found {
            Found::List(elements) => elements,
            Found::Register(value) => {
                of_register = value;
                of_register.as_slice()
            }
        };
        let mut seen = BTreeSet::new();
        for value in values {
            if !seen.insert(value) {
                let story = || format!("{name} reads {} from {key}, with {value} twice.", shown(read.found));
                if object.writers.get(value) != Some(&Writer::Several) {
                    self.add(AnomalyKind::DuplicateElement, vec![reader], story);
                }
            }
            match object.writers.get(value) {
                None => self.add(AnomalyKind::GarbageRead, vec![reader], || {
                    format!("{name} reads {value} from {key}, which nobody wrote.")
                }),
                Some(&Writer::One { transaction, .. }) => {
                    if history.transactions()[transaction].fate == Fate::Aborted {
                        let writer = history.name(transaction);
                        self.add(AnomalyKind::G1a, vec![transaction, reader], || {
                            format!("{name} reads {value} from {key}, which {writer} wrote, and {writer} aborted.")
                        });
                    }
                }
                Some(Writer::Several) => (),
            }
        }
    }

    /// Whether what was read was its writer's last write.
    fn intermediate(&mut self, object: &Object<'_>, read: &Read<'_>) {
        let (history, key, reader) = (self.history, object.key, read.transaction);
        let version = read.found.version();
        if let (Some(value), Some(writer)) = (version, object.writer(version))
            && writer != reader
            && object.last_writes[&writer] != value
        {
            let (last, name, writer_name) = (object.last_writes[&writer], history.name(reader), history.name(writer));
            self.add(AnomalyKind::G1b, vec![writer, reader], || {
                format!(
                    "{name} reads {value} from {key}, but {writer_name}, which wrote it, goes on to write {last}."
                )
            });
        }
    }

    /// Whether all reads of a list are prefixes of the longest.
    fn orders(&mut self, object: &Object<'_>) {
        let longest = object.longest();
        let first_longest = object.reads.iter().find(|read| read.found == Found::List(longest));
        for read in &object.reads {
            let Found::List(elements) = read.found else { continue };
            if let Some(other) = first_longest
                && !longest.starts_with(elements)
            {
                let (name, other_name) = (self.history.name(read.transaction), self.history.name(other.transaction));
                self.add(AnomalyKind::IncompatibleOrder, vec![read.transaction, other.transaction], || {
                    let place = elements.iter().zip(longest).take_while(|(one, two)| one == two).count();
                    let (one, two) = (around(elements, place), around(longest, place));
                    format!(
                        "{name} reads {one} from {}, and {other_name} reads {two}; neither continues the other.",
                        object.key
                    )
                });
            }
        }
    }

    /// Whether a list that was read has an aborted element before a committed one.
    fn dirty_updates(&mut self, object: &Object<'_>) {
        let writers = object.longest().iter().filter_map(|&value| Some((value, object.writer(Some(value))?)));
        let mut aborted: Option<(i64, usize)> = None;
        for (value, writer) in writers {
            match (self.history.transactions()[writer].fate, aborted) {
                (Fate::Aborted, _) => aborted = Some((value, writer)),
                (_, Some((dirty, from))) => {
                    let (name, source) = (self.history.name(writer), self.history.name(from));
                    return self.add(AnomalyKind::DirtyUpdate, vec![from, writer], || {
                        format!("{name} appends {value} to {} after {dirty} of {source}, which aborted.", object.key)
                    });
                }
                _ => (),
            }
        }
    }

    /// Whether several transactions replaced one version.
    fn lost_updates(&mut self, object: &Object<'_>) {
        if self.found.contains_key(&AnomalyKind::LostUpdate) {
            return;
        }
        let mut updates: BTreeMap<Version, Vec<usize>> = BTreeMap::new();
        for update in &object.updates {
            let value = update.read.and_then(|value| object.writers.get(&value));
            if value != Some(&Writer::Several) {
                updates.entry(update.read).or_default().push(update.transaction);
            }
        }
        let Some((version, transactions)) = updates.into_iter().find(|(_, transactions)| transactions.len() > 1)
        else {
            return;
        };
        let names: Vec<_> = transactions.iter().map(|&transaction| self.history.name(transaction)).collect();
        let state = match version {
            Some(value) if object.is_list => format!("as of {value}"),
            Some(value) => format!("as {value}"),
            None => "before its first write".into(),
        };
        let story = format!("{} all read {} {state}, and all write it.", list(&names, NAMED), object.key);
        let next = transactions.iter().cycle().skip(1);
        let edge = |(&from, &to): (&usize, &usize)| {
            let (one, other) = (self.history.name(from), self.history.name(to));
            let words = format!("{one} reads {} {state}, which {other} replaces.", object.key);
            Edge { from, to: Some(to), kind: "rw", key: Some(object.key), words }
        };
        let edges = transactions.iter().zip(next).filter(|(from, to)| from != to).take(NAMED).map(edge).collect();
        self.add(AnomalyKind::LostUpdate, transactions, || story);
        self.found.entry(AnomalyKind::LostUpdate).and_modify(|anomaly| anomaly.edges = edges);
    }
}

/// How many elements of a list are shown before the one that matters, and from there on.
const NEARBY: (usize, usize) = (2, 4);

/// A list around the element at `place`; all of it, if it is short.
fn around(elements: &[i64], place: usize) -> String {
    let (from, to) = (place.saturating_sub(NEARBY.0), (place + NEARBY.1).min(elements.len()));
    if elements.len() <= NEARBY.0 + NEARBY.1 || from >= to {
        return Value::List(elements.to_vec()).in_brief();
    }
    let near: Vec<_> = elements[from..to].iter().map(ToString::to_string).collect();
    let before = if from > 0 { "..., " } else { "" };
    let after = if to < elements.len() { ", ..." } else { "" };
    format!("[{before}{}{after}]", near.join(", "))
}

fn shown(found: Found<'_>) -> String {
    match found {
        Found::List(elements) => Value::List(elements.to_vec()).in_brief(),
        Found::Register(Some(value)) => value.to_string(),
        Found::Register(None) => "nil".into(),
    }
}

/// What a read should have found.
fn expectation(known: &Known<'_>, found: Found<'_>) -> String {
    match (known.held, found) {
        (None, _) => format!("although it has just appended {:?}", known.appended),
        (Some(Found::List(held)), _) => {
            let expected = Value::List([held, &known.appended].concat()).in_brief();
            format!("although by its own operations it holds {expected}")
        }
        (Some(held), _) => format!("although by its own operations it holds {}", shown(held)),
    }
}
