//! In what state a fault finds whom it hits: what tells the crash of a leader from that of a follower.

use std::collections::BTreeSet;

use crate::host::{Cut, Links, NodeId, NodeSet, Simulation};

use super::budget::cut_off;
use super::injector::affected;
use super::links::{LinkEffect, LinkSelector, Swizzle};
use super::plan::{Effect, Group, Shape};
use super::selector::Selector;
use super::validate::{Ground, services_of};

/// The state of a replica that has not said since its start that it can serve.
pub const RECOVERING: &str = "recovering";
/// The state of a replica that serves and has said nothing of a role.
pub const SERVING: &str = "serving";
/// The state of a client.
pub const CLIENT: &str = "client";

/// Whom a fault hit, and the role that each had then, or [`RECOVERING`], [`SERVING`] or [`CLIENT`].
pub(super) type Found = BTreeSet<(NodeId, &'static str)>;

/// Notes in what state these are. Who is down is in none: a fault finds nobody there.
pub(super) fn look(nodes: &NodeSet, simulation: &Simulation, found: &mut Found) {
    let state = |node: NodeId| match simulation.role(node) {
        _ if simulation.service_of(node).is_none() => Some(CLIENT),
        _ if !simulation.is_up(node) => None,
        _ if !simulation.is_ready(node) => Some(RECOVERING),
        Some((role, _)) => Some(role),
        None => Some(SERVING),
    };
    found.extend(nodes.iter().filter_map(|node| Some((node, state(node)?))));
}

/// Whom a cut hits: those that it separates from most of their service, or if it separates none, whoever loses a link.
pub(super) fn hit_by_cut(cut: &Cut, simulation: &Simulation) -> NodeSet {
    let separated = cut_off(cut, simulation);
    if separated.iter().next().is_some() { separated } else { cut.ends() }
}

/// Whom a fault of links hits: those at both ends, unless all nodes are at the one and only some at the other.
pub(super) fn hit_by_links(links: &Links, simulation: &Simulation) -> NodeSet {
    let all = simulation.nodes().count();
    let ends = links.0.iter().flat_map(|(from, to)| match (from.len() == all, to.len() == all) {
        (true, false) => vec![to],
        (false, true) => vec![from],
        _ => vec![from, to],
    });
    ends.flat_map(NodeSet::iter).collect()
}

impl Effect {
    /// Whom it might hit, at some instant of some run.
    #[must_use]
    pub fn may_hit(&self, simulation: &Simulation) -> NodeSet {
        let of = |selector: &Selector| selector.candidates(simulation).into_iter().collect::<NodeSet>();
        match self {
            Self::Nodes { whom, what } => affected(&of(whom), *what, simulation),
            Self::Staged { stages, program } => affected(&of(&stages.whom()), program.effect(), simulation),
            Self::Partition { shape: Shape::Links(links), .. }
            | Self::Links(LinkEffect::Disturb { links, .. } | LinkEffect::Flap { links, .. }) => {
                hit_by_links(&links.candidates(simulation), simulation)
            }
            Self::Partition { shape: Shape::Drawn { of, .. }, .. } => simulation.replicas(of).collect(),
            Self::Partition { shape, .. } => {
                let rest = || services_of(shape, simulation).into_iter().flat_map(|name| simulation.replicas(&name));
                let group = |group: &Group| match group {
                    Group::Of(selector) => selector.candidates(simulation),
                    Group::Rest => rest().collect(),
                };
                shape.groups().into_iter().flat_map(group).collect()
            }
            Self::Links(LinkEffect::SwizzleClog(Swizzle::Among(selector))) => of(selector),
            Self::Links(LinkEffect::SwizzleClog(Swizzle::Explicit(cloggings))) => {
                cloggings.iter().map(|clogging| clogging.node).collect()
            }
            // Nobody knows what its ends do when the message comes.
            Self::Links(LinkEffect::Message(_)) => NodeSet::default(),
        }
    }
}

impl LinkSelector {
    /// Every link that it might mean.
    fn candidates(&self, simulation: &Simulation) -> Links {
        let of = |selector: &Selector| selector.candidates(simulation).into_iter().collect::<NodeSet>();
        let everyone = || simulation.nodes().collect::<NodeSet>();
        Links(match self {
            Self::All => vec![(everyone(), everyone())],
            Self::Pairs(pairs) => pairs.iter().map(|(from, to)| (of(from), of(to))).collect(),
            Self::Between(one, other) => vec![(of(one), of(other))],
            Self::Among(nodes) => vec![(of(nodes), of(nodes))],
            Self::Of(nodes) => vec![(of(nodes), everyone())],
        })
    }
}
