//! Session guarantees and what they add up to.
//!
//! After Terry et al. 1994, "Session Guarantees for Weakly Consistent Replicated Data". A read sees the write that it
//! read from. Each guarantee makes it see more: its session's own writes, what its session saw before, the writes that
//! came in their session before one that is seen, or what their session had seen before. The order of writes has to
//! agree with all that: of the writes to its object that a read sees, the one that it read from comes last. All four
//! together are causal consistency (Brzezinski, Sobaniec, Wawrzyniak 2004, "From Session Causality to Causal
//! Consistency").

use std::collections::BTreeMap;
use std::fmt;

use super::Consistent;
use super::graph::Graph;
use super::reads_from::{Node, Source, nodes};
use crate::check::anomaly::FUTURE_READ;
use crate::check::linearizable::Budget;
use crate::check::sentence::{clause, list};
use crate::host::{Key, Value};
use crate::load::History;

/// Which session guarantees are to hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Guarantees {
    /// A session's reads see its own earlier writes.
    pub read_your_writes: bool,
    /// A session's reads see what its earlier reads saw.
    pub monotonic_reads: bool,
    /// A session's writes take effect in their order, and who sees one sees those before it.
    pub monotonic_writes: bool,
    /// A session's writes come after the writes that it had seen, and who sees one sees those.
    pub writes_follow_reads: bool,
}

impl Guarantees {
    /// None of them.
    pub const NONE: Self =
        Self { read_your_writes: false, monotonic_reads: false, monotonic_writes: false, writes_follow_reads: false };

    /// All of them: causal consistency.
    pub const ALL: Self =
        Self { read_your_writes: true, monotonic_reads: true, monotonic_writes: true, writes_follow_reads: true };

    /// Each alone.
    pub const EACH: [Self; 4] = [
        Self { read_your_writes: true, ..Self::NONE },
        Self { monotonic_reads: true, ..Self::NONE },
        Self { monotonic_writes: true, ..Self::NONE },
        Self { writes_follow_reads: true, ..Self::NONE },
    ];

    /// Every set of at most three of them, the smaller ones first.
    pub(super) fn sets() -> impl Iterator<Item = Self> {
        let of_size = |size| (0u32..15).filter(move |set| set.count_ones() == size);
        let chosen = |set: u32| (0..4).filter(move |place| set >> place & 1 == 1).map(|place| Self::EACH[place]);
        (0..4).flat_map(of_size).map(move |set| chosen(set).fold(Self::NONE, Self::and))
    }

    /// All that one of both has.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            read_your_writes: self.read_your_writes || other.read_your_writes,
            monotonic_reads: self.monotonic_reads || other.monotonic_reads,
            monotonic_writes: self.monotonic_writes || other.monotonic_writes,
            writes_follow_reads: self.writes_follow_reads || other.writes_follow_reads,
        }
    }
}

impl fmt::Display for Guarantees {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = [
            (self.read_your_writes, "read your writes"),
            (self.monotonic_reads, "monotonic reads"),
            (self.monotonic_writes, "monotonic writes"),
            (self.writes_follow_reads, "writes follow reads"),
        ];
        let names: Vec<&str> = named.into_iter().filter(|(holds, _)| *holds).map(|(_, name)| name).collect();
        match names.as_slice() {
            [] => f.write_str("what every session guarantee stands on"),
            names => f.write_str(&list(names, names.len())),
        }
    }
}

/// How many edges are tried for a short cycle, and how many operations on the way from a read to a write are told.
const TRIES: usize = 100;
const TOLD: usize = 4;

/// Judges a history of registers by what reads have to see and what the order of writes has to agree with.
pub(super) fn judge(
    initial: &Value,
    history: &History,
    visible: Guarantees,
    ordered: Guarantees,
    budget: Budget,
) -> Result<Consistent, Consistent> {
    let nodes = nodes(history, initial)?;
    let view = View { history, nodes: &nodes, visible };
    let order = view.causal_order()?;
    let forced = view.forced(&order, ordered.monotonic_writes, budget)?;
    let graph = view.write_order(ordered, &forced);
    let sorted = graph.order();
    if sorted.len() == 3 * nodes.len() {
        return Ok(Consistent::Yes(None));
    }
    let unsorted = unsorted(forced.keys().copied(), &sorted, 3 * nodes.len());
    let cycle = graph.cycle(unsorted.into_iter(), TRIES).expect("without forced edges there is no cycle");
    Ok(view.explain(&cycle, &forced))
}

/// The edges between nodes that have no place in the order.
fn unsorted(edges: impl Iterator<Item = (usize, usize)>, sorted: &[usize], nodes: usize) -> Vec<(usize, usize)> {
    let mut is_sorted = vec![false; nodes];
    sorted.iter().for_each(|&node| is_sorted[node] = true);
    edges.filter(|&(from, to)| !is_sorted[from] && !is_sorted[to]).collect()
}

/// For each pair of writes that a read forces into an order, that read.
type Forced = BTreeMap<(usize, usize), usize>;

struct View<'v> {
    history: &'v History,
    nodes: &'v [Node],
    visible: Guarantees,
}

/// What of the writes of one chunk is seen by, or by way of, a node, as bits.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// By its read.
    read: u64,
    /// By whoever sees its write, that write included.
    write: u64,
    /// By whoever sees the writes of its session up to it.
    session_writes: u64,
    /// By the reads of its session up to it.
    session_reads: u64,
}

impl View<'_> {
    fn clause(&self, node: usize) -> String {
        clause(self.history, self.nodes[node].operation)
    }

    /// The nodes in an order of sessions and sources; if there is none, something was read from its own future.
    fn causal_order(&self) -> Result<Vec<usize>, Consistent> {
        let mut graph = Graph::new(self.nodes.len());
        let mut reads = Vec::new();
        for (to, node) in self.nodes.iter().enumerate() {
            node.prior.into_iter().for_each(|prior| graph.add(prior, to));
            if let Some(Source::Node(from)) = node.source {
                graph.add(from, to);
                reads.push((from, to));
            }
        }
        let order = graph.order();
        if order.len() == self.nodes.len() {
            return Ok(order);
        }
        let unsorted = unsorted(reads.into_iter(), &order, self.nodes.len());
        let mut cycle = graph.cycle(unsorted.into_iter(), TRIES).expect("a session alone has no cycle");
        let operations = self.operations(cycle.iter().copied());
        cycle.push(cycle[0]);
        let told: Vec<String> = cycle.iter().map(|&node| self.clause(node)).collect();
        let explanation =
            format!("Something was read from its own future, each after the one before: {}.", told.join("; "));
        Err(Consistent::No { anomaly: Some(FUTURE_READ.to_owned()), explanation, operations })
    }

    fn operations(&self, nodes: impl Iterator<Item = usize>) -> Vec<usize> {
        let mut operations: Vec<usize> = nodes.map(|node| self.nodes[node].operation).collect();
        operations.sort_unstable();
        operations.dedup();
        operations
    }

    /// The pairs of writes of one object that some read forces into an order, since it sees the first and reads the
    /// second. With `only_last`, of a session's writes only the last that the read sees: the others come before it.
    fn forced(&self, order: &[usize], only_last: bool, budget: Budget) -> Result<Forced, Consistent> {
        let mut writes: Vec<usize> = (0..self.nodes.len()).filter(|&node| self.nodes[node].writes).collect();
        writes.sort_by_key(|&node| (self.nodes[node].key, self.nodes[node].session, node));
        let mut forced = Forced::new();
        let mut steps = budget.steps;
        for chunk in writes.chunks(64) {
            let mut objects: BTreeMap<Key, u64> = BTreeMap::new();
            for (bit, &write) in chunk.iter().enumerate() {
                *objects.entry(self.nodes[write].key).or_default() |= 1 << bit;
            }
            let seen = self.seen(order, chunk);
            for (reader, node) in self.nodes.iter().enumerate() {
                let (Some(source), Some(mask)) = (node.source, objects.get(&node.key)) else { continue };
                let mut left = seen[reader].read & mask;
                let mut last_session = None;
                while left != 0 {
                    let bit = 63 - left.leading_zeros();
                    left &= !(1 << bit);
                    let write = chunk[bit as usize];
                    let session = self.nodes[write].session;
                    if only_last && last_session.replace(session) == Some(session) || source == Source::Node(write) {
                        continue;
                    }
                    let Source::Node(source) = source else { return Err(self.overlooked(reader, write)) };
                    forced.entry((write, source)).or_insert(reader);
                    steps = steps.saturating_sub(1);
                }
            }
            steps = steps.saturating_sub(self.nodes.len() as u64);
            if (Budget { steps, ..budget }).is_spent() {
                return Err(Consistent::Unknown { why: "the budget was spent before it was certain".to_owned() });
            }
        }
        Ok(forced)
    }

    /// What of a chunk of writes is seen by each node.
    fn seen(&self, order: &[usize], chunk: &[usize]) -> Vec<Seen> {
        let mut seen = vec![Seen::default(); self.nodes.len()];
        for (bit, &write) in chunk.iter().enumerate() {
            seen[write].write = 1 << bit;
        }
        let if_ = |holds: bool, bits: u64| if holds { bits } else { 0 };
        for &at in order {
            let node = &self.nodes[at];
            let before = node.prior.map(|prior| seen[prior]).unwrap_or_default();
            let mut now = before;
            if let Some(source) = node.source {
                now.read = match source {
                    Source::Initial => 0,
                    Source::Node(source) => seen[source].write,
                };
                now.read |= if_(self.visible.read_your_writes, before.session_writes);
                now.read |= if_(self.visible.monotonic_reads, before.session_reads);
                now.session_reads |= now.read;
            } else {
                now.read = 0;
            }
            now.write = seen[at].write;
            if node.writes {
                now.write |= if_(self.visible.monotonic_writes, before.session_writes);
                now.write |= if_(self.visible.writes_follow_reads, now.session_reads);
                now.session_writes |= now.write;
            }
            seen[at] = now;
        }
        seen
    }

    /// The order of writes. Each node stands in it three times: as itself, for the writes of its session up to it, and
    /// for what the reads of its session up to it read from.
    fn write_order(&self, ordered: Guarantees, forced: &Forced) -> Graph {
        let count = self.nodes.len();
        let mut graph = Graph::new(3 * count);
        for (at, node) in self.nodes.iter().enumerate() {
            let source = match node.source {
                Some(Source::Node(source)) => Some(source),
                _ => None,
            };
            if let (Some(source), true) = (source, node.writes) {
                graph.add(source, at);
            }
            if ordered.monotonic_writes && node.writes {
                graph.add(at, count + at);
            }
            if let (true, Some(source)) = (ordered.writes_follow_reads, source) {
                graph.add(source, 2 * count + at);
            }
            let chains = [(ordered.monotonic_writes, count), (ordered.writes_follow_reads, 2 * count)];
            for (_, chain) in chains.into_iter().filter(|(holds, _)| *holds) {
                let Some(prior) = node.prior else { continue };
                graph.add(chain + prior, chain + at);
                if node.writes {
                    graph.add(chain + prior, at);
                }
            }
        }
        forced.keys().for_each(|&(before, after)| graph.add(before, after));
        graph
    }

    /// A read of the initial value that has to see a write.
    fn overlooked(&self, reader: usize, write: usize) -> Consistent {
        let way = self.way(reader, write);
        let explanation =
            format!("{}, but has to see {}{}.", self.clause(reader), self.clause(write), self.told(&way));
        let operations = self.operations([reader, write].into_iter().chain(way));
        Consistent::No { anomaly: None, explanation, operations }
    }

    /// Writes that each have to come before the next, and the last before the first.
    fn explain(&self, cycle: &[usize], forced: &Forced) -> Consistent {
        let count = self.nodes.len();
        let first = cycle.iter().position(|&node| node < count).expect("sessions alone have no cycle");
        let around: Vec<usize> = cycle[first..].iter().chain(&cycle[..=first]).copied().collect();
        let writes: Vec<usize> = (0..around.len()).filter(|&place| around[place] < count).collect();
        let mut sentences = Vec::new();
        let mut shown = Vec::new();
        for pair in writes.windows(2) {
            let (before, after) = (around[pair[0]], around[pair[1]]);
            shown.push(before);
            let between = around[pair[0] + 1..pair[1]].first().copied();
            let why = match (between, forced.get(&(before, after))) {
                (None, Some(&reader)) => {
                    let way = self.way(reader, before);
                    let told = self.told(&way);
                    shown.push(reader);
                    shown.extend(way);
                    format!("{} and has to see the former{told}", self.clause(reader))
                }
                (Some(chain), _) if chain >= 2 * count => {
                    shown.push(chain - 2 * count);
                    format!("its session had read it: {}", self.clause(chain - 2 * count))
                }
                (Some(_), _) => "one session wrote both".to_owned(),
                (None, None) => "the latter read it".to_owned(),
            };
            sentences.push(format!("{} has to come before {}, since {why}", self.clause(before), self.clause(after)));
        }
        let explanation = format!("No order of the writes explains the reads: {}.", sentences.join("; and "));
        Consistent::No { anomaly: None, explanation, operations: self.operations(shown.into_iter()) }
    }

    /// By way of which operations a read has to see a write.
    fn way(&self, reader: usize, write: usize) -> Vec<usize> {
        let count = self.nodes.len();
        let (write_of, writes_of, reads_of) = (count, 2 * count, 3 * count);
        let mut graph = Graph::new(4 * count);
        let Guarantees { read_your_writes, monotonic_reads, monotonic_writes, writes_follow_reads } = self.visible;
        for (at, node) in self.nodes.iter().enumerate() {
            if let Some(Source::Node(source)) = node.source {
                graph.add(at, write_of + source);
            }
            if node.source.is_some() {
                graph.add(reads_of + at, at);
                if writes_follow_reads {
                    graph.add(write_of + at, at);
                }
            }
            if node.writes {
                graph.add(writes_of + at, write_of + at);
            }
            let Some(prior) = node.prior else { continue };
            graph.add(writes_of + at, writes_of + prior);
            graph.add(reads_of + at, reads_of + prior);
            let rules = [
                (read_your_writes, at, writes_of),
                (monotonic_reads, at, reads_of),
                (monotonic_writes, write_of + at, writes_of),
                (writes_follow_reads, write_of + at, reads_of),
            ];
            rules.into_iter().filter(|rule| rule.0).for_each(|(_, from, chain)| graph.add(from, chain + prior));
        }
        let way = graph.way(reader, write_of + write).unwrap_or_default();
        let mut between: Vec<usize> = Vec::new();
        for node in way.into_iter().filter(|&node| node < writes_of).map(|node| node % count) {
            if node != reader && node != write && !between.contains(&node) {
                between.push(node);
            }
        }
        between
    }

    fn told(&self, way: &[usize]) -> String {
        match way {
            [] => " of its own session".to_owned(),
            way => {
                let told: Vec<String> = way.iter().map(|&node| self.clause(node)).collect();
                format!(" by way of {}", list(&told, TOLD))
            }
        }
    }
}
