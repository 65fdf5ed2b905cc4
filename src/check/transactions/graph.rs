//! The dependency graph of a history (Adya 1999, section 3.1; for lists and registers as Kingsbury and Alvaro 2020,
//! section 4).
//!
//! What is inferred is sound and near-linear in the history, not complete. The versions of a list follow each other
//! as in the longest list that was read; whatever was appended and never read comes after that.
//!
//! The versions of one register have one order, whatever it is, so writes of one register alone never go in a circle. That
//! a transaction which read a version and then wrote put its own after it (Elle's `wfr-keys?`) follows from read
//! committed, and not from less: where it did not, information went in a circle. So it gives no ww edge, which could
//! make a G0 of what is none; from read committed on the wr edge between the same two transactions says as much. It gives
//! rw edges, as do nil and, for the strong levels, a session or real time that shows one version before the other: these
//! count from snapshot isolation on.
//!
//! Where many transactions read a version that many others replace, their edges run through a node of their own,
//! so that there are as many as transactions and not as pairs of them.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::graph::{DiGraph, NodeIndex};

use super::history::{Fate, TransactionHistory};
use super::level::Order;
use super::objects::{Found, Object, Version};
use super::precedence::pairs;
use crate::host::Key;

/// How one transaction depends on another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Dependency {
    /// ww: the second wrote the next version.
    Write,
    /// wr: the second read what the first wrote.
    Read,
    /// rw: the second replaced what the first read.
    AntiRead,
    /// The second half of an rw edge that runs through a node of its own.
    Through,
}

/// An edge: what it points to comes later.
#[derive(Clone, Copy, Debug)]
pub(super) enum Link {
    /// By the order of a session or of time.
    Precedes(Order),
    Depends {
        dependency: Dependency,
        /// The order from which it was inferred, besides that of the data.
        by: Order,
        /// The place of its [`Fact`].
        fact: u32,
    },
}

impl Link {
    /// The order that a level must respect for the edge to count.
    pub(super) const fn order(self) -> Order {
        match self {
            Self::Precedes(order) | Self::Depends { by: order, .. } => order,
        }
    }

    pub(super) fn is(self, dependency: Dependency) -> bool {
        matches!(self, Self::Depends { dependency: own, .. } if own == dependency)
    }
}

/// What an edge was inferred from: an object and two of its versions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Fact {
    pub(super) key: Key,
    pub(super) is_list: bool,
    pub(super) from: Version,
    pub(super) to: Version,
}

/// The graph; the first nodes are the transactions, by their place in the history.
pub(super) struct Graph {
    pub(super) edges: DiGraph<(), Link>,
    pub(super) facts: Vec<Fact>,
}

/// An rw edge more than so many per reader adds nothing: the readers that write themselves have lost an update.
const ENOUGH: usize = 16;

pub(super) fn graph(history: &TransactionHistory, objects: &[Object<'_>], took_effect: &[bool]) -> Graph {
    let mut edges = DiGraph::default();
    for _ in history.transactions() {
        edges.add_node(());
    }
    let mut building = Building { history, took_effect, graph: Graph { edges, facts: Vec::new() } };
    for object in objects {
        if object.is_list {
            building.list(object);
        } else {
            building.register(object);
        }
    }
    let fate = |index: usize| history.transactions()[index].fate;
    let participants: Vec<usize> = (0..took_effect.len()).filter(|&index| fate(index) != Fate::Aborted).collect();
    for order in [Order::Session, Order::Realtime] {
        for (a, b) in pairs(history, &participants, order) {
            building.graph.edges.add_edge(NodeIndex::new(a), NodeIndex::new(b), Link::Precedes(order));
        }
    }
    building.graph
}

/// One end of an edge: a transaction, and the version that it read or wrote.
type End = (usize, Version);

struct Building<'h> {
    history: &'h TransactionHistory,
    took_effect: &'h [bool],
    graph: Graph,
}

impl Building<'_> {
    fn link(&mut self, from: NodeIndex, to: NodeIndex, dependency: Dependency, by: Order, fact: Fact) {
        let place = u32::try_from(self.graph.facts.len()).expect("less than 2^32 edges");
        self.graph.facts.push(fact);
        self.graph.edges.add_edge(from, to, Link::Depends { dependency, by, fact: place });
    }

    fn depend(&mut self, object: &Object<'_>, dependency: Dependency, by: Order, from: End, to: End) {
        if from.0 != to.0 {
            let fact = Fact { key: object.key, is_list: object.is_list, from: from.1, to: to.1 };
            self.link(NodeIndex::new(from.0), NodeIndex::new(to.0), dependency, by, fact);
        }
    }

    /// The writer of a version, unless it aborted or cannot be told.
    fn writer(&self, object: &Object<'_>, version: Version) -> Option<usize> {
        object.writer(version).filter(|&writer| self.history.transactions()[writer].fate != Fate::Aborted)
    }

    /// What a transaction read of others, with the wr edges for it. Versions that nobody can be told to have written
    /// stay out, except for the initial one.
    fn reads<'h>(&mut self, object: &Object<'h>) -> Vec<(usize, Found<'h>)> {
        let mut reads: Vec<(usize, Found<'h>)> = Vec::new();
        for read in &object.reads {
            let version = read.found.version();
            let writer = object.writer(version);
            let is_new = reads.last() != Some(&(read.transaction, read.found));
            if is_new && writer != Some(read.transaction) && (version.is_none() || writer.is_some()) {
                reads.push((read.transaction, read.found));
                if let Some(writer) = self.writer(object, version) {
                    let (from, to) = ((writer, version), (read.transaction, version));
                    self.depend(object, Dependency::Read, Order::Any, from, to);
                }
            }
        }
        reads
    }

    fn list(&mut self, object: &Object<'_>) {
        let longest = object.longest();
        let mut place_of = BTreeMap::new();
        let mut written: Vec<(usize, End)> = Vec::new();
        for (place, &element) in longest.iter().enumerate() {
            place_of.entry(element).or_insert(place);
            if let Some(writer) = self.writer(object, Some(element)) {
                written.push((place, (writer, Some(element))));
            }
        }
        for pair in written.windows(2) {
            self.depend(object, Dependency::Write, Order::Any, pair[0].1, pair[1].1);
        }
        let is_unread = |&(&transaction, value): &(&usize, &i64)| {
            self.took_effect[transaction]
                && !place_of.contains_key(value)
                && object.writer(Some(*value)) == Some(transaction)
        };
        let unread: Vec<End> = object
            .last_writes
            .iter()
            .filter(is_unread)
            .map(|(&transaction, &value)| (transaction, Some(value)))
            .collect();
        if let Some(&(_, last)) = written.last() {
            for &end in &unread {
                self.depend(object, Dependency::Write, Order::Any, last, end);
            }
        }
        let mut last_readers = Vec::new();
        for (reader, found) in self.reads(object) {
            let Found::List(elements) = found else { continue };
            if !longest.starts_with(elements) {
                continue;
            }
            let version = found.version();
            match written.get(written.partition_point(|&(place, _)| place < elements.len())) {
                Some(&(_, next)) => {
                    self.depend(object, Dependency::AntiRead, Order::Any, (reader, version), next);
                }
                None => last_readers.push((reader, version)),
            }
        }
        self.replace(object, Order::Any, &last_readers, &unread);
    }

    fn register(&mut self, object: &Object<'_>) {
        let mut readers: BTreeMap<Version, Vec<End>> = BTreeMap::new();
        for (reader, found) in self.reads(object) {
            readers.entry(found.version()).or_default().push((reader, found.version()));
        }
        let mut next: BTreeSet<(Version, usize)> = BTreeSet::new();
        let mut follows_another = BTreeSet::new();
        for update in &object.updates {
            next.insert((update.read, update.transaction));
            if update.read.is_some() {
                follows_another.insert(update.transaction);
            }
        }
        let blind = object.last_writes.keys().filter(|writer| !follows_another.contains(writer));
        next.extend(blind.filter(|&&writer| self.took_effect[writer]).map(|&writer| (None, writer)));
        self.replacements(object, Order::Any, &readers, &next);
        let mut known = next;
        for order in [Order::Session, Order::Realtime] {
            let seen = self.seen_in(object, order);
            let new: BTreeSet<_> = seen.difference(&known).copied().collect();
            self.replacements(object, order, &readers, &new);
            known.extend(new);
        }
    }

    /// Which transactions are seen by an order to have replaced which versions of a register: one transaction left
    /// or read a version, and a later one began with another.
    fn seen_in(&self, object: &Object<'_>, order: Order) -> BTreeSet<(Version, usize)> {
        let mut first: BTreeMap<usize, Version> = BTreeMap::new();
        let mut last: BTreeMap<usize, Version> = BTreeMap::new();
        for read in &object.reads {
            first.entry(read.transaction).or_insert(read.found.version());
            last.insert(read.transaction, read.found.version());
        }
        let updaters: BTreeSet<usize> = object.updates.iter().map(|update| update.transaction).collect();
        for (&writer, &value) in &object.last_writes {
            if self.took_effect[writer] {
                last.insert(writer, Some(value));
                if !updaters.contains(&writer) {
                    first.insert(writer, Some(value));
                }
            }
        }
        let participants: Vec<usize> = last.keys().copied().collect();
        let replaced = pairs(self.history, &participants, order).into_iter().filter_map(|(a, b)| {
            let writer = self.writer(object, first[&b])?;
            (last[&a] != first[&b]).then_some((last[&a], writer))
        });
        replaced.collect()
    }

    fn replacements(
        &mut self,
        object: &Object<'_>,
        by: Order,
        readers: &BTreeMap<Version, Vec<End>>,
        next: &BTreeSet<(Version, usize)>,
    ) {
        let mut writers: BTreeMap<Version, Vec<End>> = BTreeMap::new();
        for &(version, writer) in next {
            writers.entry(version).or_default().push((writer, Some(object.last_writes[&writer])));
        }
        for (version, writers) in writers {
            if let Some(readers) = readers.get(&version) {
                self.replace(object, by, readers, &writers);
            }
        }
    }

    /// Adds an rw edge from each reader to each writer, through a node of their own if they are many.
    fn replace(&mut self, object: &Object<'_>, by: Order, readers: &[End], writers: &[End]) {
        if readers.len() * writers.len() <= 2 * (readers.len() + writers.len()) {
            for &reader in readers {
                for &writer in writers {
                    self.depend(object, Dependency::AntiRead, by, reader, writer);
                }
            }
            return;
        }
        let fact = |from, to| Fact { key: object.key, is_list: object.is_list, from, to };
        let hub = self.graph.edges.add_node(());
        let writing: BTreeSet<usize> = writers.iter().map(|&(writer, _)| writer).collect();
        for &(writer, value) in writers {
            self.link(hub, NodeIndex::new(writer), Dependency::Through, by, fact(None, value));
        }
        for &(reader, version) in readers {
            if writing.contains(&reader) {
                for &writer in writers.iter().take(ENOUGH) {
                    self.depend(object, Dependency::AntiRead, by, (reader, version), writer);
                }
            } else {
                self.link(NodeIndex::new(reader), hub, Dependency::AntiRead, by, fact(version, None));
            }
        }
    }
}
