//! Cycles of dependencies, by class.
//!
//! Only transactions in a strongly connected component can lie on a cycle. Within them, for each class, a
//! breadth-first walk starts at each edge that the class must have, and follows the edges that it may have; what the
//! walk has already met of the class (the phase) is part of where it stands. A walk that comes home without
//! meeting a transaction twice is a cycle. The shortest is kept.

use std::collections::{BTreeSet, VecDeque};

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, EdgeIndex, NodeIndex};
use petgraph::visit::{EdgeFiltered, EdgeRef};

use super::anomaly::AnomalyKind;
use super::graph::{Dependency, Fact, Graph, Link};
use super::level::Order;
use crate::check::linearizable::Budget;

/// One edge of a cycle, between two transactions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) link: Link,
    /// What a dependency was inferred from.
    pub(super) fact: Option<Fact>,
}

pub(super) struct Cycle {
    pub(super) kind: AnomalyKind,
    pub(super) order: Order,
    pub(super) steps: Vec<Step>,
}

/// What [`cycles`] found.
pub(super) struct Cycles {
    /// The shortest cycle of each class, with the weakest order that shows one.
    pub(super) found: Vec<Cycle>,
    /// Whether the walks ended before every class was certain.
    pub(super) is_cut_short: bool,
}

const CLASSES: [AnomalyKind; 5] =
    [AnomalyKind::G0, AnomalyKind::G1c, AnomalyKind::GSingle, AnomalyKind::GNonadjacent, AnomalyKind::G2Item];

/// Looks for a cycle of each class; each class and order may spend the steps of the budget, an edge each, and look at all
/// edges once.
pub(super) fn cycles(graph: &Graph, budget: Budget) -> Cycles {
    let core = Core::new(graph);
    let mut cycles = Cycles { found: Vec::new(), is_cut_short: false };
    if core.edges.edge_count() == 0 {
        return cycles;
    }
    for order in Order::ALL {
        for class in CLASSES {
            if cycles.found.iter().any(|cycle| cycle.kind == class) {
                continue;
            }
            let mut search = Search::new(&core, class, order, budget);
            cycles.found.extend(search.shortest());
            cycles.is_cut_short |= search.is_cut_short;
        }
    }
    cycles
}

/// The part of the graph that cycles can lie on.
struct Core<'g> {
    graph: &'g Graph,
    /// Nodes carry their place in the whole graph, edges their link.
    edges: DiGraph<usize, Link>,
}

impl<'g> Core<'g> {
    fn new(graph: &'g Graph) -> Self {
        let components = components(&graph.edges, |_| true);
        let edges = graph.edges.filter_map(
            |node, ()| (components[node.index()] != ALONE).then_some(node.index()),
            |edge, link| {
                let (from, to) = graph.edges.edge_endpoints(edge)?;
                (components[from.index()] == components[to.index()]).then_some(*link)
            },
        );
        Self { graph, edges }
    }

    /// The edges of a walk, with hubs left out.
    fn steps(&self, walk: &[EdgeIndex]) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for &edge in walk {
            let (from, to) = self.edges.edge_endpoints(edge).expect("an edge of this graph");
            let (from, to, link) = (self.edges[from], self.edges[to], self.edges[edge]);
            let fact = match link {
                Link::Depends { fact, .. } => Some(self.graph.facts[fact as usize]),
                Link::Precedes(_) => None,
            };
            match (link.is(Dependency::Through), steps.last_mut()) {
                (true, Some(half)) => {
                    half.to = to;
                    if let (Some(whole), Some(fact)) = (&mut half.fact, fact) {
                        whole.to = fact.to;
                    }
                }
                _ => steps.push(Step { from, to, link, fact }),
            }
        }
        steps
    }
}

/// The component of a node that is one by itself.
const ALONE: u32 = u32::MAX;

/// The number of each node's strongly connected component, among the edges that `keep` names. (Kosaraju's algorithm,
/// since petgraph's form of Tarjan's is recursive and a long chain would overflow the stack.)
fn components<N>(graph: &DiGraph<N, Link>, keep: impl Fn(Link) -> bool) -> Vec<u32> {
    let mut component = vec![ALONE; graph.node_count()];
    let kept = EdgeFiltered::from_fn(graph, |edge| keep(*edge.weight()));
    for (number, members) in (0..).zip(kosaraju_scc(&kept)) {
        if members.len() > 1 {
            for node in members {
                component[node.index()] = number;
            }
        }
    }
    component
}

/// What a walk of a class does with its next edge: where it stands in the class then, if it may take it.
///
/// Phase 0 is directly after the first edge. For G-nonadjacent the phases 0 and 2 are directly after an rw edge, 1 and
/// 3 are not, and 2 and 3 know of a second one; for G2-item phase 1 knows of two in succession.
const fn next_phase(class: AnomalyKind, phase: u8, link: Link) -> Option<u8> {
    let dependency = match link {
        Link::Precedes(_) => None,
        Link::Depends { dependency, .. } => Some(dependency),
    };
    match (class, dependency, phase) {
        (_, Some(Dependency::Through), _) => Some(phase),
        (AnomalyKind::G2Item, Some(Dependency::AntiRead), _) | (AnomalyKind::G2Item, _, 1) => Some(1),
        (AnomalyKind::GNonadjacent, Some(Dependency::AntiRead), 1 | 3) => Some(2),
        (AnomalyKind::G2Item, ..) | (_, Some(Dependency::AntiRead), _) => None,
        (AnomalyKind::G0, Some(Dependency::Read), _) => None,
        (AnomalyKind::GNonadjacent, _, _) => Some(phase | 1),
        _ => Some(0),
    }
}

/// Whether a walk may come home in this phase.
const fn may_end(class: AnomalyKind, phase: u8) -> bool {
    match class {
        AnomalyKind::GNonadjacent => phase == 3,
        AnomalyKind::G2Item => phase == 1,
        _ => true,
    }
}

const PHASES: usize = 4;

struct Search<'c, 'g> {
    core: &'c Core<'g>,
    class: AnomalyKind,
    order: Order,
    component: Vec<u32>,
    /// Per node and phase: the last walk that stood there, and the edge by which it came, from which phase.
    walks: Vec<(u32, EdgeIndex, u8)>,
    walk: u32,
    allowance: u64,
    budget: Budget,
    is_cut_short: bool,
}

impl<'c, 'g> Search<'c, 'g> {
    fn new(core: &'c Core<'g>, class: AnomalyKind, order: Order, budget: Budget) -> Self {
        let is_allowed = |link: Link| {
            let banned = match class {
                AnomalyKind::G0 => link.is(Dependency::Read) || link.is(Dependency::AntiRead),
                AnomalyKind::G1c => link.is(Dependency::AntiRead),
                _ => false,
            };
            link.order() <= order && !banned
        };
        let component = components(&core.edges, is_allowed);
        let walks = vec![(0, EdgeIndex::end(), 0); core.edges.node_count() * PHASES];
        let allowance = budget.steps.max(core.edges.edge_count() as u64);
        Self { core, class, order, component, walks, walk: 0, allowance, budget, is_cut_short: false }
    }

    /// The shortest cycle of the class that the allowance suffices to find.
    fn shortest(&mut self) -> Option<Cycle> {
        let first = match self.class {
            AnomalyKind::G0 => Dependency::Write,
            AnomalyKind::G1c => Dependency::Read,
            _ => Dependency::AntiRead,
        };
        let mut shortest: Option<Vec<EdgeIndex>> = None;
        for edge in self.core.edges.edge_references() {
            if !edge.weight().is(first) || !self.is_inside(edge.source(), edge.target(), *edge.weight()) {
                continue;
            }
            let below = shortest.as_ref().map_or(usize::MAX, Vec::len);
            // A cycle has two edges, or one of them with two halves.
            if below <= 2 {
                break;
            }
            if self.allowance == 0 || self.budget.is_cancelled() {
                self.is_cut_short = true;
                break;
            }
            shortest = self.home(edge.id(), below).or(shortest);
        }
        let steps = self.core.steps(&shortest?);
        let order = steps.iter().map(|step| step.link.order()).max().unwrap_or(Order::Any);
        Some(Cycle { kind: self.class, order, steps })
    }

    fn is_inside(&self, from: NodeIndex, to: NodeIndex, link: Link) -> bool {
        let component = self.component[from.index()];
        link.order() <= self.order && component != ALONE && component == self.component[to.index()]
    }

    /// The shortest walk, of less than `below` edges, that starts with an edge and comes home.
    fn home(&mut self, start: EdgeIndex, below: usize) -> Option<Vec<EdgeIndex>> {
        let (home, first) = self.core.edges.edge_endpoints(start).expect("an edge of this graph");
        self.walk += 1;
        if self.class == AnomalyKind::G2Item {
            // What comes between the two rw edges must not be met again.
            self.visit(first, 1, start, 0);
        }
        self.visit(first, 0, start, 0);
        let mut queue = VecDeque::from([(first, 0, 1)]);
        while let Some((node, phase, length)) = queue.pop_front() {
            if length + 1 >= below {
                return None;
            }
            for edge in self.core.edges.edges(node) {
                self.allowance = self.allowance.saturating_sub(1);
                let (target, link) = (edge.target(), *edge.weight());
                let Some(next) = next_phase(self.class, phase, link) else { continue };
                if !self.is_inside(node, target, link) {
                    continue;
                }
                if target == home {
                    let walk = self.trace(start, edge.id(), node, phase);
                    if may_end(self.class, next) {
                        if self.is_simple(&walk) {
                            return Some(walk);
                        }
                        // A circle that is not simple has a simple one in it, of this class or a graver one. Of the
                        // last class the walks may have missed it.
                        self.is_cut_short |= self.class == AnomalyKind::G2Item;
                    }
                } else if self.visit(target, next, edge.id(), phase) {
                    queue.push_back((target, next, length + 1));
                }
            }
        }
        None
    }

    /// Notes that the walk came here; false if it has been here before.
    fn visit(&mut self, node: NodeIndex, phase: u8, by: EdgeIndex, from_phase: u8) -> bool {
        let place = &mut self.walks[node.index() * PHASES + usize::from(phase)];
        let is_new = place.0 != self.walk;
        if is_new {
            *place = (self.walk, by, from_phase);
        }
        is_new
    }

    /// The edges from `start` to `node`, and `last`.
    fn trace(&self, start: EdgeIndex, last: EdgeIndex, mut node: NodeIndex, mut phase: u8) -> Vec<EdgeIndex> {
        let mut walk = vec![last];
        loop {
            let (_, edge, from_phase) = self.walks[node.index() * PHASES + usize::from(phase)];
            walk.push(edge);
            if edge == start {
                break;
            }
            node = self.core.edges.edge_endpoints(edge).expect("an edge of this graph").0;
            phase = from_phase;
        }
        walk.reverse();
        walk
    }

    fn is_simple(&self, walk: &[EdgeIndex]) -> bool {
        let mut met = BTreeSet::new();
        self.core.steps(walk).iter().all(|step| met.insert(step.from))
    }
}
