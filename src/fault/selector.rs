//! Whom a fault hits.

use crate::host::{NodeId, NodeSet, Simulation};
use crate::kernel::Draw;

/// Whom a fault hits, to be resolved to nodes when it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Some replicas of a service.
    Replicas {
        /// The service's name.
        of: String,
        /// Which of them.
        which: Which,
    },
    /// These nodes: named ones, clients too, or all that a zone has.
    Nodes(Vec<NodeId>),
}

/// Which replicas of a service. Random choices take any replica, whatever its state, so that no other fault
/// shifts them; a greater number chosen by the same fault contains the smaller one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Every one.
    All,
    /// One at random.
    One,
    /// So many at random.
    Count(u32),
    /// A share at random, in parts per billion: rounded to the nearest number of replicas, half up, but at least
    /// one of any share above zero (a fifth of five is one, and so is a fifth of two).
    Share(u64),
    /// The one that leads at that instant; nobody if none does.
    Leader,
    /// Every one but the leader; nobody if none leads.
    Followers,
    /// The largest minority, at random: two of five, one of four.
    Minority,
    /// The smallest majority, at random: three of five, three of four.
    Majority,
    /// As many as may be arbitrarily faulty where agreement needs n > 3f, at random: one of four, two of seven.
    MinorityThird,
}

/// The whole, as a share.
pub(super) const WHOLE_PPB: u64 = 1_000_000_000;

impl Selector {
    /// The nodes that it means now.
    pub(super) fn resolve(&self, simulation: &Simulation, draws: &mut impl Draw) -> NodeSet {
        match self {
            Self::Nodes(nodes) => nodes.iter().copied().collect(),
            Self::Replicas { of, which } => {
                let replicas = simulation.replicas(of).collect();
                which.choose(replicas, || simulation.leader(of), draws)
            }
        }
    }
}

impl Selector {
    /// Every node that it might mean at some instant.
    pub(super) fn candidates(&self, simulation: &Simulation) -> Vec<NodeId> {
        match self {
            Self::Nodes(nodes) => nodes.clone(),
            Self::Replicas { of, .. } => simulation.replicas(of).collect(),
        }
    }
}

impl Which {
    fn choose(
        self,
        replicas: Vec<NodeId>,
        leader: impl FnOnce() -> Option<NodeId>,
        draws: &mut impl Draw,
    ) -> NodeSet {
        let total = replicas.len() as u64;
        match self {
            Self::All => replicas.into_iter().collect(),
            Self::Leader => leader().into_iter().collect(),
            Self::Followers => {
                let Some(leader) = leader() else { return NodeSet::default() };
                replicas.into_iter().filter(|&node| node != leader).collect()
            }
            Self::One => at_random(replicas, 1, draws),
            Self::Count(count) => at_random(replicas, u64::from(count), draws),
            Self::Share(ppb) => at_random(replicas, share(total, ppb), draws),
            Self::Minority => at_random(replicas, total.saturating_sub(1) / 2, draws),
            Self::Majority => at_random(replicas, total / 2 + 1, draws),
            Self::MinorityThird => at_random(replicas, total.saturating_sub(1) / 3, draws),
        }
    }
}

/// A share of `total`, as [`Which::Share`] rounds it.
fn share(total: u64, ppb: u64) -> u64 {
    let rounded = (u128::from(total) * u128::from(ppb) + u128::from(WHOLE_PPB / 2)) / u128::from(WHOLE_PPB);
    u64::try_from(rounded).unwrap_or(u64::MAX).clamp(u64::from(ppb > 0), total.max(1))
}

/// The whole set is shuffled, whatever the count: what is drawn does not depend on how many are wanted.
fn at_random(mut nodes: Vec<NodeId>, count: u64, draws: &mut impl Draw) -> NodeSet {
    draws.shuffle(&mut nodes);
    nodes.into_iter().zip(0..count).map(|(node, _)| node).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::SplitMix64;

    fn choose(which: Which, replicas: u32, leader: Option<u32>, seed: u64) -> Vec<u32> {
        let nodes = (0..replicas).map(NodeId).collect();
        let chosen = which.choose(nodes, || leader.map(NodeId), &mut SplitMix64::new(seed));
        chosen.iter().map(|node| node.0).collect()
    }

    #[test]
    fn as_many_are_chosen_as_the_selector_says() {
        let check = |which, replicas, expected: usize| {
            for seed in 0..20 {
                let chosen = choose(which, replicas, None, seed);
                assert_eq!(chosen.len(), expected, "{which:?} of {replicas}: {chosen:?}");
                assert!(chosen.iter().all(|&node| node < replicas));
            }
        };
        let fifth = Which::Share(200_000_000);
        check(Which::All, 5, 5);
        check(Which::One, 5, 1);
        check(Which::One, 0, 0);
        check(Which::Count(0), 5, 0);
        check(Which::Count(3), 5, 3);
        check(Which::Count(9), 5, 5);
        check(fifth, 5, 1);
        check(fifth, 3, 1);
        check(fifth, 2, 1);
        check(fifth, 7, 1);
        check(fifth, 8, 2);
        check(fifth, 0, 0);
        check(Which::Share(500_000_000), 5, 3);
        check(Which::Share(0), 5, 0);
        check(Which::Share(1), 5, 1);
        check(Which::Share(WHOLE_PPB), 5, 5);
        for (replicas, third, minority, majority) in
            [(1, 0, 0, 1), (2, 0, 0, 2), (3, 0, 1, 2), (4, 1, 1, 3), (5, 1, 2, 3), (7, 2, 3, 4)]
        {
            check(Which::MinorityThird, replicas, third);
            check(Which::Minority, replicas, minority);
            check(Which::Majority, replicas, majority);
        }
    }

    #[test]
    fn leader_and_followers_follow_the_state() {
        assert_eq!(choose(Which::Leader, 3, Some(1), 0), [1]);
        assert_eq!(choose(Which::Followers, 3, Some(1), 0), [0, 2]);
        assert!(choose(Which::Leader, 3, None, 0).is_empty());
        assert!(choose(Which::Followers, 3, None, 0).is_empty());
    }

    #[test]
    fn a_greater_choice_contains_the_smaller_one() {
        for seed in 0..50 {
            let three = choose(Which::Count(3), 7, None, seed);
            assert!(choose(Which::Count(2), 7, None, seed).iter().all(|node| three.contains(node)));
        }
    }

    #[test]
    fn every_replica_is_chosen_about_equally_often() {
        let mut counts = [0u32; 5];
        for seed in 0..5_000 {
            choose(Which::Minority, 5, None, seed).into_iter().for_each(|node| counts[node as usize] += 1);
        }
        // Binomial(5000, 2/5): mean 2000, standard deviation 35.
        assert!(counts.iter().all(|&count| count.abs_diff(2_000) < 175), "{counts:?}");
    }
}
