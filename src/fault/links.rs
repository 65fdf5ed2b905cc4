//! Faults of links: which links they mean, and what they do to them, some of it step by step.

use crate::host::{Cut, FaultId, LinkFault, Links, MessageFault, NodeId, NodeSet, OldPlace, Simulation};
use crate::kernel::{Draw, Span, Time};

use super::budget::{Out, links_within, within, without_majority};
use super::found::{Found, hit_by_links, look};
use super::selector::WHOLE_PPB;
use super::{Keep, Selector};

/// Which links a fault means, to be resolved when it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkSelector {
    /// Every link.
    All,
    /// The links from the first to the second of each pair, in that direction.
    Pairs(Vec<(Selector, Selector)>),
    /// The links between the two, in both directions.
    Between(Selector, Selector),
    /// The links among these.
    Among(Selector),
    /// Every link that starts or ends at one of these.
    Of(Selector),
}

/// What a fault does to links.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkEffect {
    /// The same all the time.
    Disturb {
        /// Which links.
        links: LinkSelector,
        /// What it does to them.
        what: LinkFault,
    },
    /// The links are cut and healed again and again, beginning with a cut.
    Flap {
        /// Which links.
        links: LinkSelector,
        /// How long they are cut each time; above zero.
        down: Span,
        /// How long they are whole each time; above zero.
        up: Span,
    },
    /// Nodes are clogged one by one, and let go one by one in another order (the swizzle-clogging of FoundationDB's
    /// tests).
    SwizzleClog(Swizzle),
    /// One message meets a fate of its own. The fault waits for it from the start of the run, and is said to start and
    /// end when it meets it.
    Message(MessageFault),
}

/// Whom a swizzle-clog clogs, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Swizzle {
    /// Each of these with probability one half, but at least one; from a random instant of the first half of the
    /// fault to a random one of the second half.
    Among(Selector),
    /// These.
    Explicit(Vec<Clogging>),
}

/// One node's part in a swizzle-clog: all its links are clogged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clogging {
    /// The node.
    pub node: NodeId,
    /// How long after the fault's start it begins.
    pub from: Span,
    /// How long after the fault's start it ends.
    pub until: Span,
}

/// A way to split a service, drawn when the fault starts. Clients keep all their links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Two halves; of an odd number, one has one more.
    Halves,
    /// One replica against the rest.
    SplitOne,
    /// The smallest majority against the largest minority.
    Majority,
    /// So many groups, as equal as can be.
    Groups(u32),
    /// Two halves and one replica that both can talk to.
    Bridge,
    /// Every replica hears a majority, and no two hear the same one (Jepsen's majorities ring).
    MajoritiesRing,
}

impl LinkSelector {
    /// The links that it means now.
    pub(super) fn resolve(&self, simulation: &Simulation, draws: &mut impl Draw) -> Links {
        let everyone = || simulation.nodes().collect::<NodeSet>();
        let mut choose = |selector: &Selector| selector.resolve(simulation, draws);
        Links(match self {
            Self::All => vec![(everyone(), everyone())],
            Self::Pairs(pairs) => pairs.iter().map(|(from, to)| (choose(from), choose(to))).collect(),
            Self::Between(one, other) => {
                let (one, other) = (choose(one), choose(other));
                vec![(one.clone(), other.clone()), (other, one)]
            }
            Self::Among(nodes) => {
                let nodes = choose(nodes);
                vec![(nodes.clone(), nodes)]
            }
            Self::Of(nodes) => links_of(choose(nodes), simulation).0,
        })
    }

    /// The selector that means these links.
    pub(super) fn explicit(links: &Links) -> Self {
        let listed = |nodes: &NodeSet| Selector::Nodes(nodes.iter().collect());
        Self::Pairs(links.0.iter().map(|(from, to)| (listed(from), listed(to))).collect())
    }

    /// The selectors that it is made of.
    pub(super) fn parts(&self) -> Vec<&Selector> {
        match self {
            Self::All => Vec::new(),
            Self::Pairs(pairs) => pairs.iter().flat_map(|(from, to)| [from, to]).collect(),
            Self::Between(one, other) => vec![one, other],
            Self::Among(nodes) | Self::Of(nodes) => vec![nodes],
        }
    }
}

/// All links that start or end at one of these.
pub(super) fn links_of(nodes: NodeSet, simulation: &Simulation) -> Links {
    let everyone: NodeSet = simulation.nodes().collect();
    Links(vec![(nodes.clone(), everyone.clone()), (everyone, nodes)])
}

impl LinkEffect {
    /// Its family's name in scenario files and reports.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Disturb { what, .. } => match what {
                LinkFault::Clog => "clog",
                LinkFault::Loss { .. } => "loss",
                LinkFault::BurstLoss(_) => "burst_loss",
                LinkFault::Duplication { .. } => "duplication",
                LinkFault::Reordering { .. } => "reordering",
                LinkFault::Corruption { .. } => "corruption",
                LinkFault::Latency { .. } => "latency",
                LinkFault::Bandwidth { .. } => "bandwidth",
                LinkFault::Connections { .. } => "connections",
                LinkFault::Tampering { .. } => "tampering",
                LinkFault::StaleName { .. } => "stale_name",
            },
            Self::Flap { .. } => "flapping",
            Self::SwizzleClog(_) => "swizzle_clog",
            Self::Message(_) => "message",
        }
    }

    /// Whether it lets nothing through, now and then or all the time, so that nodes are cut off.
    #[must_use]
    pub const fn takes_out(&self) -> bool {
        match self {
            Self::Disturb { what, .. } => match what {
                LinkFault::Clog | LinkFault::StaleName { old_place: OldPlace::Empty | OldPlace::Host } => true,
                LinkFault::Loss { ppb } => *ppb >= WHOLE_PPB,
                _ => false,
            },
            Self::Flap { .. } | Self::SwizzleClog(_) => true,
            Self::Message(_) => false,
        }
    }

    /// Whether it takes steps while it lasts, and so must be told for how long.
    #[must_use]
    pub const fn goes_by_steps(&self) -> bool {
        matches!(self, Self::Flap { .. } | Self::SwizzleClog(_))
    }
}

impl Pattern {
    /// The fewest replicas that it can split.
    pub(super) const fn least(self) -> u32 {
        match self {
            Self::Halves | Self::SplitOne => 2,
            Self::Majority | Self::Bridge | Self::MajoritiesRing => 3,
            Self::Groups(count) => count,
        }
    }

    /// A cut of this pattern among these.
    pub(super) fn draw(self, mut replicas: Vec<NodeId>, draws: &mut impl Draw) -> Cut {
        draws.shuffle(&mut replicas);
        let count = replicas.len();
        let two = |nodes: &[NodeId], first: usize| {
            let (one, other) = nodes.split_at(first.min(nodes.len()));
            Cut::Groups(vec![one.iter().copied().collect(), other.iter().copied().collect()])
        };
        match self {
            Self::Halves => two(&replicas, count / 2),
            Self::SplitOne => two(&replicas, 1),
            Self::Majority => two(&replicas, count / 2 + 1),
            Self::Bridge => two(&replicas[1.min(count)..], count.saturating_sub(1) / 2),
            Self::Groups(groups) => {
                let of = |group: u32| replicas.iter().skip(group as usize).step_by(groups as usize).copied();
                Cut::Groups((0..groups).map(|group| of(group).collect()).collect())
            }
            Self::MajoritiesRing => Cut::Links(ring(&replicas)),
        }
    }
}

/// Who must not be heard by whom, so that each replica hears the majority in whose middle it stands.
fn ring(replicas: &[NodeId]) -> Links {
    let count = replicas.len();
    let majority = count / 2 + 1;
    let unheard = |place: usize| {
        let first = place + count - majority / 2;
        (majority..count).map(|ahead| replicas[(first + ahead) % count]).collect::<NodeSet>()
    };
    let of = |(place, &receiver): (usize, &NodeId)| (unheard(place), [receiver].into_iter().collect());
    Links(replicas.iter().enumerate().map(of).collect())
}

/// A fault of links that has started.
#[derive(Clone, Debug)]
pub(super) struct LinkHit {
    /// What it does, with every choice made explicit.
    pub(super) explicit: LinkEffect,
    pub(super) targets: NodeSet,
    progress: Progress,
}

/// What is still to happen to it.
#[derive(Clone, Debug)]
enum Progress {
    Constant,
    Flap {
        links: Links,
        is_down: bool,
        next: Time,
    },
    /// Ascending: when, whose links, and whether they are clogged then or let go.
    Swizzle(Vec<(Time, bool, NodeId)>),
}

impl LinkHit {
    /// Lets an effect start now; `span` is how long it lasts, as far as that is known.
    pub(super) fn begin(
        effect: &LinkEffect,
        span: Option<Span>,
        (fault, budget): (FaultId, Option<&(Keep, Out)>),
        simulation: &mut Simulation,
        draws: &mut impl Draw,
        found: &mut Found,
    ) -> Self {
        let now = simulation.now();
        match effect {
            LinkEffect::Disturb { links, what } => {
                let links = links_within(budget, links.resolve(simulation, draws), simulation, draws);
                look(&hit_by_links(&links, simulation), simulation, found);
                simulation.disturb(fault, links.clone(), what.clone());
                let explicit = LinkEffect::Disturb { links: LinkSelector::explicit(&links), what: what.clone() };
                Self { explicit, targets: links.ends(), progress: Progress::Constant }
            }
            &LinkEffect::Flap { ref links, down, up } => {
                let links = links_within(budget, links.resolve(simulation, draws), simulation, draws);
                let explicit = LinkEffect::Flap { links: LinkSelector::explicit(&links), down, up };
                let targets = links.ends();
                let mut hit =
                    Self { explicit, targets, progress: Progress::Flap { links, is_down: false, next: now } };
                hit.step(fault, simulation, found);
                hit
            }
            LinkEffect::SwizzleClog(swizzle) => {
                let mut cloggings = swizzle.resolve(span.unwrap_or_default(), simulation, draws);
                let nodes = cloggings.iter().map(|clogging| clogging.node).collect();
                let nodes = within(budget, nodes, simulation, draws);
                cloggings.retain(|clogging| nodes.contains(clogging.node));
                let both = |clogging: &Clogging| {
                    let Clogging { node, from, until } = *clogging;
                    [(now + from, false, node), (now + until, true, node)]
                };
                let mut steps: Vec<_> = cloggings.iter().flat_map(both).collect();
                steps.sort_unstable();
                let targets = cloggings.iter().map(|clogging| clogging.node).collect();
                let explicit = LinkEffect::SwizzleClog(Swizzle::Explicit(cloggings));
                let mut hit = Self { explicit, targets, progress: Progress::Swizzle(steps) };
                hit.step(fault, simulation, found);
                hit
            }
            LinkEffect::Message(what) => {
                simulation.await_message(fault, what.clone());
                Self::met(what.clone())
            }
        }
    }

    /// A fault of a single message that has met it.
    pub(super) fn met(what: MessageFault) -> Self {
        let targets = [what.from, what.to].into_iter().collect();
        Self { explicit: LinkEffect::Message(what), targets, progress: Progress::Constant }
    }

    /// Whom it cuts off from most of their service, now or in one of its steps; `targets` are the ends of its links.
    pub(super) fn out(&self, simulation: &Simulation) -> NodeSet {
        match &self.explicit {
            LinkEffect::Disturb { links: LinkSelector::Pairs(pairs), .. }
            | LinkEffect::Flap { links: LinkSelector::Pairs(pairs), .. } => {
                let listed = |selector: &Selector| match selector {
                    Selector::Nodes(nodes) => nodes.iter().copied().collect(),
                    Selector::Replicas { .. } => NodeSet::default(),
                };
                let links = Links(pairs.iter().map(|(from, to)| (listed(from), listed(to))).collect());
                without_majority(&links, simulation)
            }
            LinkEffect::SwizzleClog(_) => self.targets.clone(),
            LinkEffect::Disturb { .. } | LinkEffect::Flap { .. } | LinkEffect::Message(_) => NodeSet::default(),
        }
    }

    /// When its next step is due.
    pub(super) fn next(&self) -> Option<Time> {
        match &self.progress {
            Progress::Constant => None,
            Progress::Flap { next, .. } => Some(*next),
            Progress::Swizzle(steps) => steps.first().map(|&(at, ..)| at),
        }
    }

    /// Takes the steps that are due, and notes in what state it finds whom they hit.
    pub(super) fn step(&mut self, fault: FaultId, simulation: &mut Simulation, found: &mut Found) {
        let now = simulation.now();
        match (&mut self.progress, &self.explicit) {
            (Progress::Flap { links, is_down, next }, LinkEffect::Flap { down, up, .. }) => {
                if *is_down {
                    simulation.heal(fault);
                } else {
                    look(&hit_by_links(links, simulation), simulation, found);
                    simulation.cut(fault, Cut::Links(links.clone()), crate::host::CutAt::SendAndArrival);
                }
                *is_down = !*is_down;
                *next = now + if *is_down { *down } else { *up };
            }
            (Progress::Swizzle(steps), _) => {
                for (_, lets_go, node) in steps.extract_if(.., |&mut (at, ..)| at <= now) {
                    let one: NodeSet = [node].into_iter().collect();
                    if !lets_go {
                        look(&one, simulation, found);
                    }
                    let links = links_of(one, simulation);
                    if lets_go {
                        simulation.calm(fault, &links);
                    } else {
                        simulation.disturb(fault, links, LinkFault::Clog);
                    }
                }
            }
            _ => {}
        }
    }
}

impl Swizzle {
    fn resolve(&self, span: Span, simulation: &Simulation, draws: &mut impl Draw) -> Vec<Clogging> {
        let candidates = match self {
            Self::Explicit(cloggings) => return cloggings.clone(),
            Self::Among(selector) => selector.resolve(simulation, draws),
        };
        let (half, whole) = (span.as_nanos() / 2, span.as_nanos());
        let mut drawn: Vec<_> = candidates
            .iter()
            .map(|node| {
                let taken = draws.chance(500_000_000);
                let from = Span::from_nanos(draws.in_range(0..=half));
                let until = Span::from_nanos(draws.in_range(half..=whole));
                (taken, Clogging { node, from, until })
            })
            .collect();
        if drawn.iter().all(|&(taken, _)| !taken) {
            let chosen = draws.below(drawn.len() as u64) as usize;
            drawn.iter_mut().skip(chosen).take(1).for_each(|(taken, _)| *taken = true);
        }
        drawn.into_iter().filter(|&(taken, _)| taken).map(|(_, clogging)| clogging).collect()
    }
}
