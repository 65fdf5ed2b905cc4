//! What is to fail, and when: the explicit form to which every source of faults compiles.

use crate::host::{CutAt, FaultId};
use crate::kernel::{Span, Time, stable_hash_str};

use super::{Keep, LinkEffect, LinkSelector, NodeEffect, Pattern, Program, Selector, Stages, Start};

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
    /// When it starts; a single message ([`LinkEffect::Message`]) is waited for from time zero.
    pub start: Start,
    /// How long it lasts; `None`: to the end of the run. Effects with an end of their own
    /// ([`NodeEffect::Restart`], [`NodeEffect::ClockStep`], [`LinkEffect::Message`]) take no other; those that go by
    /// steps ([`LinkEffect::goes_by_steps`]) need one.
    pub lasts: Option<Span>,
    /// Whether it may touch nothing. Otherwise a run in which it does proves nothing about it.
    pub may_miss: bool,
    /// The nemesis that made it, if one did: each of its faults may touch nothing, but not all of them.
    pub nemesis: Option<String>,
    /// The budget that it keeps to; `None`: it hits whomever it means.
    pub keep: Option<Keep>,
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

impl Fault {
    /// A fault at an instant, that has to touch something, and hits whomever it means.
    #[must_use]
    pub const fn new(id: String, what: Effect, at: Time, lasts: Option<Span>) -> Self {
        Self { id, what, start: Start::At(at), lasts, may_miss: false, nemesis: None, keep: None }
    }

    /// When it ends, if that is known and before the run's end.
    #[must_use]
    pub fn end(&self) -> Option<Time> {
        Some(self.start.instant()? + self.span()?)
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
    #[must_use]
    pub const fn ends_by_itself(&self) -> bool {
        match self {
            Self::Nodes { what, .. } => matches!(what, NodeEffect::Restart { .. } | NodeEffect::ClockStep { .. }),
            Self::Staged { program, .. } => program.ends_by_itself(),
            Self::Links(_) => self.is_one_message(),
            Self::Partition { .. } => false,
        }
    }

    /// Whether it keeps those whom it hits from taking part: down, paused, or cut off. A [`Keep`] limits these.
    #[must_use]
    pub const fn takes_out(&self) -> bool {
        match self {
            Self::Partition { .. } => true,
            Self::Links(effect) => effect.takes_out(),
            Self::Nodes { what, .. } => what.takes_out(),
            Self::Staged { program, .. } => program.effect().takes_out(),
        }
    }

    /// Whether it waits for one message, from the start of the run.
    #[must_use]
    pub const fn is_one_message(&self) -> bool {
        matches!(self, Self::Links(LinkEffect::Message(_)))
    }

    /// Whether it has to be told how long it lasts.
    #[must_use]
    pub const fn needs_length(&self) -> bool {
        match self {
            Self::Links(effect) => effect.goes_by_steps(),
            Self::Staged { program, .. } => !program.ends_by_itself(),
            Self::Partition { .. } | Self::Nodes { .. } => false,
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
        Fault::new(String::new(), what, seconds(at), lasts.map(Span::from_secs))
    }

    #[test]
    fn effects_that_end_by_themselves_have_their_own_window() {
        let how = CrashSettings { silent: false, keeps: CrashKeeps::Nothing };
        let check = |what, expected: Option<u64>| assert_eq!(fault(what, 7, None).end(), expected.map(seconds));
        check(NodeEffect::Crash(how), None);
        check(NodeEffect::Restart { how, after: Span::from_secs(3) }, Some(10));
        check(NodeEffect::Restart { how, after: Span::ZERO }, Some(7));
        check(NodeEffect::ClockStep { nanos: -5 }, Some(7));
    }
}
