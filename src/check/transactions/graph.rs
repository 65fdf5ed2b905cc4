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

/// A version of a register, and who replaced it.
type Replacement = (Version, usize);

/// What a transaction began with, who wrote that, and what it left.
struct Access {
    transaction: usize,
    first: Version,
    writer: Option<usize>,
    left: Version,
}

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
        let mut known: Vec<Replacement> = object.updates.iter().map(|it| (it.read, it.transaction)).collect();
        let follows_another: BTreeSet<usize> =
            object.updates.iter().filter(|update| update.read.is_some()).map(|update| update.transaction).collect();
        let blind = object.last_writes.keys().filter(|writer| !follows_another.contains(writer));
        known.extend(blind.filter(|&&writer| self.took_effect[writer]).map(|&writer| (None, writer)));
        known.sort_unstable();
        known.dedup();
        self.replacements(object, Order::Any, &readers, &known);
        let accesses = self.accesses(object);
        for order in [Order::Session, Order::Realtime] {
            let mut seen = self.seen_in(&accesses, order);
            seen.retain(|replacement| known.binary_search(replacement).is_err());
            self.replacements(object, order, &readers, &seen);
            known.extend(seen);
            known.sort_unstable();
        }
    }

    /// What each transaction that read or wrote a register began with, and what it left, by transaction.
    fn accesses(&self, object: &Object<'_>) -> Vec<Access> {
        let mut accesses: Vec<Access> = Vec::new();
        for read in &object.reads {
            let (transaction, version) = (read.transaction, read.found.version());
            match accesses.last_mut().filter(|last| last.transaction == transaction) {
                Some(last) => last.left = version,
                None => accesses.push(Access { transaction, first: version, writer: None, left: version }),
            }
        }
        let readers = accesses.len();
        let updaters: BTreeSet<usize> = object.updates.iter().map(|update| update.transaction).collect();
        for (&transaction, &value) in &object.last_writes {
            if !self.took_effect[transaction] {
                continue;
            }
            let version = Some(value);
            match accesses[..readers].binary_search_by_key(&transaction, |access| access.transaction) {
                Ok(place) => {
                    accesses[place].left = version;
                    if !updaters.contains(&transaction) {
                        accesses[place].first = version;
                    }
                }
                Err(_) => accesses.push(Access { transaction, first: version, writer: None, left: version }),
            }
        }
        accesses.sort_unstable_by_key(|access| access.transaction);
        for access in &mut accesses {
            access.writer = self.writer(object, access.first);
        }
        accesses
    }

    /// Which transactions are seen by an order to have replaced which versions of a register: one transaction left
    /// or read a version, and a later one began with another. In ascending order.
    fn seen_in(&self, accesses: &[Access], order: Order) -> Vec<Replacement> {
        let participants: Vec<usize> = accesses.iter().map(|access| access.transaction).collect();
        let access = |transaction: usize| {
            let place = accesses.binary_search_by_key(&transaction, |access| access.transaction);
            &accesses[place.expect("pairs are of participants")]
        };
        let replacement = |(a, b): (usize, usize)| {
            let (left, next) = (access(a).left, access(b));
            next.writer.filter(|_| left != next.first).map(|writer| (left, writer))
        };
        let mut seen: Vec<Replacement> =
            pairs(self.history, &participants, order).into_iter().filter_map(replacement).collect();
        seen.sort_unstable();
        seen.dedup();
        seen
    }

    /// Adds the rw edges that follow from replacements, which are in ascending order.
    fn replacements(
        &mut self,
        object: &Object<'_>,
        by: Order,
        readers: &BTreeMap<Version, Vec<End>>,
        replacements: &[Replacement],
    ) {
        for of_one in replacements.chunk_by(|one, other| one.0 == other.0) {
            if let Some(readers) = readers.get(&of_one[0].0) {
                let end = |&(_, writer): &Replacement| (writer, Some(object.last_writes[&writer]));
                let writers: Vec<End> = of_one.iter().map(end).collect();
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
