//! Roles that nodes declare, and how many nodes may be in one together.

use std::collections::BTreeMap;
use std::fmt;

use super::sentence::list;
use crate::kernel::Time;

/// A replica that took on a role, as it said itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Declared {
    /// When.
    pub at: Time,
    /// When it took on another, or its process ended; `None` if it was still in it at the end.
    pub until: Option<Time>,
    /// The replica's name.
    pub node: String,
    /// The role.
    pub role: &'static str,
    /// In which epoch: a term, a view, a ballot.
    pub epoch: u64,
}

/// How many replicas may be in a role.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoleLimit {
    /// The role.
    pub role: String,
    /// So many.
    pub at_most: u64,
    /// Of which of them.
    pub per: Together,
}

/// Which replicas are in a role together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Together {
    /// Those that are in it at one instant, whatever their epochs.
    Instant,
    /// Those that took it on in one epoch, whenever.
    Epoch,
}

impl RoleLimit {
    /// At most one leader in each epoch.
    pub(super) fn one_leader_per_epoch() -> Self {
        Self { role: "leader".to_owned(), at_most: 1, per: Together::Epoch }
    }
}

impl fmt::Display for RoleLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role, at_most, per } = self;
        let nodes = if *at_most == 1 { "replica" } else { "replicas" };
        write!(f, "at most {at_most} {nodes} in the role {role} {per}")
    }
}

impl fmt::Display for Together {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Instant => "at once",
            Self::Epoch => "per epoch",
        })
    }
}

/// Replicas that were in a role together when the last of them took it on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct InRole<'a> {
    /// In the order in which they took it on, each once.
    pub(super) replicas: Vec<&'a Declared>,
}

impl InRole<'_> {
    /// When the last took it on.
    pub(super) fn at(&self) -> Time {
        self.replicas.last().map_or(Time::ZERO, |last| last.at)
    }

    /// Who was in it, and from when on.
    pub(super) fn story(&self, limit: &RoleLimit) -> String {
        let RoleLimit { role, at_most, per } = limit;
        let epoch = self.replicas.last().map_or(0, |last| last.epoch);
        let took = |declared: &&Declared| match per {
            Together::Epoch => format!("{} at {}", declared.node, declared.at),
            Together::Instant => format!("{} from {} on (epoch {})", declared.node, declared.at, declared.epoch),
        };
        let took: Vec<String> = self.replicas.iter().map(took).collect();
        let (number, took) = (self.replicas.len(), list(&took, NAMED));
        match per {
            Together::Epoch => {
                format!("In epoch {epoch}, {number} replicas took on the role {role}, and {at_most} may: {took}.")
            }
            Together::Instant => {
                format!("At {}, {number} replicas were in the role {role}, and {at_most} may be: {took}.", self.at())
            }
        }
    }
}

/// How many replicas a story names.
const NAMED: usize = 10;

/// Of each replica that took on the role who was in it together then, in the order of time. `declared` is in that order.
pub(super) fn in_role<'a>(declared: &'a [Declared], limit: &RoleLimit) -> Vec<InRole<'a>> {
    let mut together: BTreeMap<u64, Vec<&Declared>> = BTreeMap::new();
    let takes = declared.iter().filter(|declared| declared.role == limit.role);
    let in_role = |taken: &'a Declared| {
        let group = together.entry(if limit.per == Together::Epoch { taken.epoch } else { 0 }).or_default();
        match limit.per {
            // What a replica says again of an epoch is no news.
            Together::Epoch if group.iter().any(|other| other.node == taken.node) => return None,
            Together::Epoch => {}
            // Who leaves at the very instant has left.
            Together::Instant => {
                group.retain(|other| other.node != taken.node && other.until.is_none_or(|until| until > taken.at));
            }
        }
        group.push(taken);
        Some(InRole { replicas: group.clone() })
    };
    takes.filter_map(in_role).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Span;

    #[test]
    fn who_was_in_a_role_together() {
        let second = |second: u64| Time::ZERO + Span::from_secs(second);
        let declared = |at: u64, until: u64, node: &str, role: &'static str, epoch: u64| Declared {
            at: second(at),
            until: (until > 0).then(|| second(until)),
            node: node.to_owned(),
            role,
            epoch,
        };
        let check = |per: Together, all: &[Declared], expected: &[&str]| {
            let limit = RoleLimit { role: "leader".to_owned(), at_most: 1, per };
            let names = |it: &InRole<'_>| it.replicas.iter().map(|it| it.node.as_str()).collect::<Vec<_>>().join("");
            let found: Vec<String> = in_role(all, &limit).iter().map(names).collect();
            assert_eq!(found, expected, "{per}: {all:?}");
        };
        let all = [
            declared(1, 5, "a", "leader", 1),
            declared(2, 3, "b", "follower", 1),
            declared(3, 6, "b", "leader", 2),
            declared(5, 7, "a", "leader", 2),
            declared(6, 0, "c", "leader", 3),
            declared(7, 8, "a", "leader", 3),
            declared(9, 0, "a", "leader", 3),
        ];
        check(Together::Instant, &all, &["a", "ab", "ba", "ac", "ca", "ca"]);
        check(Together::Epoch, &all, &["a", "b", "ba", "c", "ca"]);
        check(Together::Instant, &all[1..2], &[]);
    }
}
