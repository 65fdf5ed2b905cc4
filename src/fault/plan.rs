//! What is to fail, and when: the explicit form to which every source of faults compiles.

use crate::host::{CutAt, FaultId};
use crate::kernel::{Span, Time, stable_hash_str};

use super::{LinkEffect, LinkSelector, NodeEffect, Pattern, Program, Selector, Stages};

/// Everything that is to fail in a run. Ids are unique.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Plan {
    /// The faults, in no particular order.
    pub faults: Vec<Fault>,
}

/// One fault.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Its name: in reports, for its random stream, and for the order of faults at one instant.
    pub id: String,
    /// What it does, and to whom.
    pub what: Effect,
    /// When it starts; that of a single message ([`LinkEffect::Message`]) is zero.
    pub at: Time,
    /// How long it lasts; `None`: to the end of the run. Effects with an end of their own
    /// ([`NodeEffect::Restart`], [`NodeEffect::ClockStep`], [`LinkEffect::Message`]) take no other; those that go by
    /// steps ([`LinkEffect::goes_by_steps`]) need one.
    pub lasts: Option<Span>,
}

/// What a fault does.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Cuts links.
    Partition {
        /// Which links.
        shape: Shape,
        /// When the cut kills a message.
        cut_at: CutAt,
    },
    /// Disturbs links otherwise.
    Links(LinkEffect),
    /// Does the same to each of some nodes.
    Nodes {
        /// Whom it hits.
        whom: Selector,
        /// What it does to each.
        what: NodeEffect,
    },
    /// Does the same to each of some nodes, again and again or one after the other.
    Staged {
        /// Whom it hits, and when.
        stages: Stages,
        /// What it does, and by which plan.
        program: Program,
    },
}

/// Which links a partition cuts. One link in both directions is two groups of one node each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Every link between two different groups.
    Groups(Vec<Group>),
    /// Every link from one group to another, in that direction only.
    OneWay {
        /// Those who are not heard.
        from: Group,
        /// Those who do not hear them.
        to: Group,
    },
    /// These links.
    Links(LinkSelector),
    /// The replicas of a service are split by chance.
    Drawn {
        /// The service.
        of: String,
        /// How.
        pattern: Pattern,
    },
}

/// A side of a partition. A node that two sides choose is in the first. Nodes on no side keep all their links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Group {
    /// These nodes.
    Of(Selector),
    /// The remaining replicas of the services that the other groups name or whose replicas they list. Clients
    /// are never among them.
    Rest,
}

impl Plan {
    /// When some fault is at work, before `until`: the union of the faults' windows, ascending and disjoint. A
    /// fault that is over at once has a window without length.
    #[must_use]
    pub fn windows(&self, until: Time) -> Vec<(Time, Time)> {
        let window = |fault: &Fault| (fault.at, fault.end().unwrap_or(until).min(until));
        let mut windows: Vec<_> = self.faults.iter().filter(|fault| fault.at < until).map(window).collect();
        windows.sort_unstable();
        windows.dedup_by(|next, last| {
            let touches = next.0 <= last.1;
            if touches {
                last.1 = last.1.max(next.1);
            }
            touches
        });
        windows
    }
}

impl Fault {
    /// When it ends, if it does before the run.
    #[must_use]
    pub fn end(&self) -> Option<Time> {
        self.span().map(|span| self.at + span)
    }

    /// What hosts know it by.
    pub(super) fn host_id(&self) -> FaultId {
        FaultId(stable_hash_str(&self.id))
    }

    /// How long it is at work, if not to the end of the run.
    pub(super) const fn span(&self) -> Option<Span> {
        match self.what {
            Effect::Nodes { what: NodeEffect::Restart { after, .. }, .. } => Some(after),
            Effect::Nodes { what: NodeEffect::ClockStep { .. }, .. } | Effect::Links(LinkEffect::Message(_)) => {
                Some(Span::ZERO)
            }
            _ => self.lasts,
        }
    }
}

impl Effect {
    /// Whether its end follows from what it is.
    pub(super) const fn ends_by_itself(&self) -> bool {
        match self {
            Self::Nodes { what, .. } => matches!(what, NodeEffect::Restart { .. } | NodeEffect::ClockStep { .. }),
            Self::Staged { program, .. } => program.ends_by_itself(),
            Self::Links(effect) => matches!(effect, LinkEffect::Message(_)),
            Self::Partition { .. } => false,
        }
    }

    /// Whether it acts on clocks alone.
    pub(super) const fn is_of_clocks(&self) -> bool {
        match self {
            Self::Nodes { what, .. } => what.is_of_clocks(),
            Self::Staged { program, .. } => program.effect().is_of_clocks(),
            Self::Partition { .. } | Self::Links(_) => false,
        }
    }

    /// When the backup is taken of the disks that it restores, if it restores any.
    #[must_use]
    pub fn backup_taken(&self) -> Option<Time> {
        self.backup().map(|(taken, _)| taken)
    }

    /// When a backup is taken of the disks that it restores, and of whose, if it restores any.
    pub(super) fn backup(&self) -> Option<(Time, Selector)> {
        let (what, whom) = match self {
            Self::Nodes { whom, what } => (*what, whom.clone()),
            Self::Staged { stages, program } => (program.effect(), stages.whom()),
            Self::Partition { .. } | Self::Links(_) => return None,
        };
        Some((what.backup()?, whom))
    }

    /// Its family's name in scenario files and reports.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Partition { .. } => "partition",
            Self::Links(effect) => effect.kind(),
            Self::Nodes { what, .. } => what.kind(),
            Self::Staged { program, .. } => program.kind(),
        }
    }
}

impl Shape {
    /// Its sides, in order; none if it is not made of sides.
    #[must_use]
    pub fn groups(&self) -> Vec<&Group> {
        match self {
            Self::Groups(groups) => groups.iter().collect(),
            Self::OneWay { from, to } => vec![from, to],
            Self::Links(_) | Self::Drawn { .. } => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{CrashKeeps, CrashSettings};

    fn seconds(at: u64) -> Time {
        Time::ZERO + Span::from_secs(at)
    }

    fn fault(what: NodeEffect, at: u64, lasts: Option<u64>) -> Fault {
        let what = Effect::Nodes { whom: Selector::Nodes(vec![]), what };
        Fault { id: String::new(), what, at: seconds(at), lasts: lasts.map(Span::from_secs) }
    }

    #[test]
    fn windows_are_merged_and_clipped() {
        let check = |pauses: &[(u64, Option<u64>)], expected: &[(u64, u64)]| {
            let faults = pauses.iter().map(|&(at, lasts)| fault(NodeEffect::Pause, at, lasts)).collect();
            let windows = Plan { faults }.windows(seconds(60));
            assert_eq!(windows, expected.iter().map(|&(a, b)| (seconds(a), seconds(b))).collect::<Vec<_>>());
        };
        check(&[], &[]);
        check(&[(45, Some(5)), (20, Some(20))], &[(20, 40), (45, 50)]);
        check(&[(10, Some(20)), (12, Some(1)), (30, Some(5))], &[(10, 35)]);
        check(&[(50, Some(20)), (70, None)], &[(50, 60)]);
        check(&[(50, None), (10, Some(1))], &[(10, 11), (50, 60)]);
        check(&[(60, None)], &[]);
    }

    #[test]
    fn effects_that_end_by_themselves_have_their_own_window() {
        let how = CrashSettings { silent: false, keeps: CrashKeeps::Nothing };
        let check = |what, expected: Option<u64>| assert_eq!(fault(what, 7, None).end(), expected.map(seconds));
        check(NodeEffect::Crash(how), None);
        check(NodeEffect::Restart { how, after: Span::from_secs(3) }, Some(10));
        check(NodeEffect::Restart { how, after: Span::ZERO }, Some(7));
        check(NodeEffect::ClockStep { nanos: -5 }, Some(7));
        let plan = Plan { faults: vec![fault(NodeEffect::ClockStep { nanos: 1 }, 7, None)] };
        assert_eq!(plan.windows(seconds(60)), [(seconds(7), seconds(7))]);
    }
}
