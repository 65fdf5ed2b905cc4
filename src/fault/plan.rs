//! What is to fail, and when: the explicit form to which every source of faults compiles.

use crate::host::{CrashSettings, CutAt, Drift, FaultId};
use crate::kernel::{Span, Time, stable_hash_str};

use super::{Keep, LinkEffect, LinkSelector, Pattern, Selector, Start};

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
}

/// What a fault does to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeEffect {
    /// The process is down while the fault lasts, and starts again at its end.
    Crash(CrashSettings),
    /// A crash that ends by itself: the process starts again after a delay, or at once.
    Restart {
        /// How it dies.
        how: CrashSettings,
        /// How long it is down.
        after: Span,
    },
    /// The processor stands still while the fault lasts.
    Pause,
    /// The wall clock is ahead by so many nanoseconds (behind, if negative) while the fault lasts.
    ClockOffset {
        /// Nanoseconds; above `i64::MIN`, so that they can be taken back.
        nanos: i64,
    },
    /// Both clocks run at another rate while the fault lasts; what they gained or lost stays.
    ClockDrift(Drift),
    /// The wall clock moves by so many nanoseconds, once. The fault is over at once and its effect is not undone.
    ClockStep {
        /// Nanoseconds.
        nanos: i64,
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
        matches!(self, Self::Nodes { what: NodeEffect::Restart { .. } | NodeEffect::ClockStep { .. }, .. })
            || self.is_one_message()
    }

    /// Whether it keeps those whom it hits from taking part: down, paused, or cut off. A [`Keep`] limits these.
    #[must_use]
    pub const fn takes_out(&self) -> bool {
        match self {
            Self::Partition { .. } => true,
            Self::Links(_) => false,
            Self::Nodes { what, .. } => what.needs_process(),
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
        matches!(self, Self::Links(effect) if effect.goes_by_steps())
    }

    /// Its family's name in scenario files and reports.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Partition { .. } => "partition",
            Self::Links(effect) => effect.kind(),
            Self::Nodes { what, .. } => what.kind(),
        }
    }
}

impl NodeEffect {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Crash(_) => "crash",
            Self::Restart { .. } => "restart",
            Self::Pause => "pause",
            Self::ClockOffset { .. } => "clock_offset",
            Self::ClockDrift(_) => "clock_drift",
            Self::ClockStep { .. } => "clock_step",
        }
    }

    /// Whether it acts on a process, which clients do not have.
    pub(super) const fn needs_process(&self) -> bool {
        matches!(self, Self::Crash(_) | Self::Restart { .. } | Self::Pause)
    }

    /// Whether it acts on clocks alone.
    pub(super) const fn is_of_clocks(&self) -> bool {
        matches!(self, Self::ClockOffset { .. } | Self::ClockDrift(_) | Self::ClockStep { .. })
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
    use crate::host::CrashKeeps;

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
