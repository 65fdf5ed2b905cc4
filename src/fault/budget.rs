//! Fault budgets: how many replicas of a service stay, whatever faults would like to do.
//!
//! A replica is out while a fault keeps it down, paused, or cut off from the others, or may do so: it has a turn in the
//! fault's timetable, or a planted bug or limit of memory may end its process. A fault with a budget counts
//! all that are out when it starts, by whichever fault, and takes no more than the budget leaves. Faults without
//! one take whom they mean. Nodes that are clogged, or whose links lose everything, are cut off as in a partition; one whose
//! disk stalls or fails can do nothing that lasts, and may end itself. A rolling fault takes out one node at a time, whichever
//! that is.

use crate::host::{Cut, Links, NodeId, NodeSet, Simulation};
use crate::kernel::Draw;

/// How many replicas of every service are never out at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// More than half.
    Majority,
    /// So many.
    Replicas(u32),
}

impl Keep {
    fn of(self, replicas: usize) -> usize {
        match self {
            Self::Majority => replicas / 2 + 1,
            Self::Replicas(count) => count as usize,
        }
    }
}

/// Who is out, as far as budgets are concerned.
#[derive(Clone, Debug, Default)]
pub(super) struct Out {
    pub(super) nodes: NodeSet,
    /// By rolling fault that is at work: those whose turn it is or will be, one at a time.
    pub(super) rolling: Vec<NodeSet>,
}

/// Those of `wanted` that may be taken out while others are: drawn at random if not all may. Clients are in no budget.
pub(super) fn granted(
    keep: Keep,
    wanted: &NodeSet,
    out: &Out,
    simulation: &Simulation,
    draws: &mut impl Draw,
) -> NodeSet {
    let services: Vec<Vec<NodeId>> =
        simulation.service_names().map(|name| simulation.replicas(name).collect()).collect();
    let mut order: Vec<_> = wanted.iter().collect();
    draws.shuffle(&mut order);
    let Out { nodes: mut out, rolling } = out.clone();
    let may_go = |node: &NodeId| {
        let fits = services.iter().find(|replicas| replicas.contains(node)).is_none_or(|replicas| {
            let is_in = |replica: &NodeId| !out.contains(*replica);
            let left = replicas.iter().filter(|replica| is_in(replica)).count();
            let rolls = |turns: &&NodeSet| turns.iter().any(|turn| is_in(&turn) && replicas.contains(&turn));
            out.contains(*node) || left > keep.of(replicas.len()) + rolling.iter().filter(rolls).count()
        });
        if fits {
            out.insert(*node);
        }
        fits
    };
    order.into_iter().filter(may_go).collect()
}

/// Those of these nodes that a fault may hit: all of them, unless it keeps to a budget while others are out.
pub(super) fn within(
    budget: Option<&(Keep, Out)>,
    wanted: NodeSet,
    simulation: &Simulation,
    draws: &mut impl Draw,
) -> NodeSet {
    match budget {
        Some((keep, out)) => granted(*keep, &wanted, out, simulation, draws),
        None => wanted,
    }
}

/// The same of nodes that are taken out one at a time: each for which there is room by itself.
pub(super) fn within_by_turns(
    budget: Option<&(Keep, Out)>,
    wanted: NodeSet,
    simulation: &Simulation,
    draws: &mut impl Draw,
) -> NodeSet {
    let alone = |node| within(budget, NodeSet::from_iter([node]), simulation, draws);
    wanted.iter().map(alone).collect::<Vec<_>>().iter().flat_map(NodeSet::iter).collect()
}

/// These links, if the budget allows that they let nothing through; none otherwise, since some of them would be another fault.
pub(super) fn links_within(
    budget: Option<&(Keep, Out)>,
    links: Links,
    simulation: &Simulation,
    draws: &mut impl Draw,
) -> Links {
    let wanted = without_majority(&links, simulation);
    let allowed = within(budget, wanted.clone(), simulation, draws);
    if allowed.len() == wanted.len() { links } else { Links::default() }
}

/// The replicas that a cut separates from most of their service: all but those of its largest side, the first of
/// several. Replicas on no side are with every side. Where a cut has no sides, those who cannot talk with a majority.
pub(super) fn cut_off(cut: &Cut, simulation: &Simulation) -> NodeSet {
    let sides: Vec<&NodeSet> = match cut {
        Cut::Groups(groups) => groups.iter().collect(),
        Cut::OneWay { from, to } => vec![from, to],
        Cut::Links(links) => return without_majority(links, simulation),
    };
    let separated = |service: &str| {
        let on = |side: &NodeSet| simulation.replicas(service).filter(|&replica| side.contains(replica)).count();
        let largest = sides.iter().enumerate().rev().max_by_key(|(_, side)| on(side)).map(|(index, _)| index);
        let others = sides.iter().enumerate().filter(move |&(index, _)| Some(index) != largest);
        let others: Vec<NodeId> = others.flat_map(|(_, side)| side.iter()).collect();
        simulation.replicas(service).filter(move |replica| others.contains(replica)).collect::<Vec<_>>()
    };
    simulation.service_names().flat_map(separated).collect()
}

/// The replicas that can talk with no majority of their service, themselves included, both ways.
pub(super) fn without_majority(cut: &Links, simulation: &Simulation) -> NodeSet {
    let alone = |service: &str| {
        let replicas: Vec<NodeId> = simulation.replicas(service).collect();
        let talk = |one, other| !cut.contain(one, other) && !cut.contain(other, one);
        let with = |one: NodeId| replicas.iter().filter(|&&other| talk(one, other)).count();
        replicas.iter().copied().filter(|&one| with(one) <= replicas.len() / 2).collect::<Vec<_>>()
    };
    simulation.service_names().flat_map(alone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests::{Play, actors};
    use crate::host::{Builder, HostSettings, ZoneId};
    use crate::kernel::SplitMix64;

    const IDLE: Play = |_, _, _| {};

    /// Five nodes "n" (0 to 4), two nodes "m" (5 and 6), and a client (7).
    fn cluster() -> Simulation {
        let mut builder = Builder::new(1);
        actors(&mut builder, "n", 5, &HostSettings::default(), IDLE);
        actors(&mut builder, "m", 2, &HostSettings::default(), IDLE);
        builder.client("client", ZoneId(0));
        builder.finish().expect("names are unique")
    }

    fn set(nodes: &[u32]) -> NodeSet {
        nodes.iter().copied().map(NodeId).collect()
    }

    #[test]
    fn no_more_are_granted_than_the_budget_leaves() {
        let simulation = cluster();
        let check = |keep, wanted: &[u32], out: &[u32], expected: usize| {
            for seed in 0..20 {
                let out = &Out { nodes: set(out), rolling: Vec::new() };
                let granted = granted(keep, &set(wanted), out, &simulation, &mut SplitMix64::new(seed));
                assert_eq!(granted.len(), expected, "{keep:?}: {wanted:?} while {out:?}: {granted:?}");
                assert!(granted.iter().all(|node| wanted.contains(&node.0)));
            }
        };
        check(Keep::Majority, &[0, 1, 2, 3, 4], &[], 2);
        check(Keep::Majority, &[0, 1, 2, 3, 4], &[1], 2);
        check(Keep::Majority, &[0, 2, 3, 4], &[1], 1);
        check(Keep::Majority, &[0, 2], &[1, 3], 0);
        check(Keep::Majority, &[1, 3], &[1, 3], 2);
        check(Keep::Majority, &[1, 3], &[0, 1, 2, 3, 4], 2);
        check(Keep::Majority, &[5, 6], &[], 0);
        check(Keep::Majority, &[0, 5, 7], &[], 2);
        check(Keep::Replicas(1), &[0, 1, 2, 3, 4, 5, 6], &[], 5);
        check(Keep::Replicas(9), &[0, 5], &[], 0);
        check(Keep::Replicas(4), &[0, 1], &[5], 1);
    }

    #[test]
    fn who_goes_by_turns_goes_alone_and_leaves_room_for_the_next() {
        let simulation = cluster();
        let all = || set(&[0, 1, 2, 3, 4]);
        let by_turns = |out: &[u32]| {
            let budget = (Keep::Majority, Out { nodes: set(out), rolling: Vec::new() });
            within_by_turns(Some(&budget), all(), &simulation, &mut SplitMix64::new(1)).len()
        };
        assert_eq!((by_turns(&[]), by_turns(&[0]), by_turns(&[0, 1]), by_turns(&[0, 1, 2])), (5, 5, 2, 3));
        // While one rolls, only one more may go, be it one that has its turn or one that has none.
        let out = Out { nodes: NodeSet::default(), rolling: vec![set(&[3, 4])] };
        for wanted in [set(&[0, 1]), set(&[3, 4]), all()] {
            assert_eq!(granted(Keep::Majority, &wanted, &out, &simulation, &mut SplitMix64::new(1)).len(), 1);
        }
    }

    #[test]
    fn links_are_cut_whole_or_not_at_all() {
        let simulation = cluster();
        let of =
            |nodes: &[u32]| Links(vec![(set(nodes), set(&[0, 1, 2, 3, 4])), (set(&[0, 1, 2, 3, 4]), set(nodes))]);
        let check = |nodes: &[u32], out: &[u32], whole: bool| {
            let budget = (Keep::Majority, Out { nodes: set(out), rolling: Vec::new() });
            let links = links_within(Some(&budget), of(nodes), &simulation, &mut SplitMix64::new(1));
            assert_eq!(links == of(nodes), whole, "{nodes:?} while {out:?}");
        };
        check(&[0, 1], &[], true);
        check(&[0, 1], &[2], false);
        check(&[0, 1], &[0], true);
        check(&[7], &[0, 1], true);
    }

    #[test]
    fn whoever_is_granted_is_drawn() {
        let simulation = cluster();
        let draw = |seed| {
            let all = set(&[0, 1, 2, 3, 4]);
            granted(Keep::Replicas(4), &all, &Out::default(), &simulation, &mut SplitMix64::new(seed))
        };
        let drawn: std::collections::BTreeSet<_> =
            (0..60).flat_map(|seed| draw(seed).iter().collect::<Vec<_>>()).collect();
        assert_eq!(drawn.len(), 5, "{drawn:?}");
    }

    #[test]
    fn the_largest_side_is_not_cut_off() {
        let simulation = cluster();
        let check = |cut: Cut, expected: &[u32]| {
            let found: Vec<u32> = cut_off(&cut, &simulation).iter().map(|node| node.0).collect();
            assert_eq!(found, expected, "{cut:?}");
        };
        let groups = |sides: &[&[u32]]| Cut::Groups(sides.iter().map(|side| set(side)).collect());
        check(groups(&[&[0, 1], &[2, 3, 4]]), &[0, 1]);
        check(groups(&[&[2, 3, 4], &[0, 1]]), &[0, 1]);
        check(groups(&[&[0], &[1, 2], &[3, 4]]), &[0, 3, 4]);
        check(groups(&[&[0], &[1]]), &[1]);
        check(groups(&[&[0, 5], &[1, 2, 6]]), &[0, 6]);
        check(groups(&[&[7], &[0, 1, 2, 3, 4]]), &[]);
        check(groups(&[]), &[]);
        check(Cut::OneWay { from: set(&[0]), to: set(&[1, 2, 3, 4]) }, &[0]);
        let links = |from: &[u32], to: &[u32]| Cut::Links(Links(vec![(set(from), set(to))]));
        check(links(&[0, 5], &[1, 2, 3, 4, 6]), &[0, 5, 6]);
        check(links(&[0], &[1, 2]), &[]);
        check(links(&[7], &[0, 1, 2, 3, 4]), &[]);
    }
}
