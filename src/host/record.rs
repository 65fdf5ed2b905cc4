//! What the trace says about a run, and the census of its messages.
//!
//! Each tag gives the fields of a [`crate::kernel::Record`] their meaning. Tags, like the order of the fields,
//! are part of the trace's version.

use std::collections::BTreeMap;

use super::{DropCause, FaultId};

/// What a record of the trace tells. `a` and `b` are nodes unless said otherwise.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Tag {
    /// Node `a` handles a message from `b`; `c` is its ordinal on the link, times two, plus one for a copy. If it was
    /// meant for another node, that is the link, and `c` has 2^35 times one more than that node's number added to it.
    Deliver = 1,
    /// A message to `a` from `b` dies; `c` as in [`Tag::Deliver`], times 16, plus the [`DropCause`]'s number. Its label
    /// ends with a tab and the name of the fault that it died of, if it did of one.
    Drop = 2,
    /// Node `a` handles a request from `b`; `c` is the call.
    Request = 3,
    /// Caller `a` learns the answer from `b`; `c` is the call.
    Answer = 4,
    /// A timer of node `a` fires; the payload is the timer's hash.
    Timer = 5,
    /// Disk operation `c` of node `a` completes.
    Disk = 6,
    /// Work number `c` of node `a` ends, and what it sent leaves.
    WorkDone = 7,
    /// Something reaches node `a`, which is busy or paused, and waits; `c` says what, as a tag.
    Waits = 8,
    /// Node `a` starts; `c` is its incarnation.
    Start = 9,
    /// Node `a` crashes; `c` is 1 if silently.
    Crash = 10,
    /// Node `a` pauses.
    Pause = 11,
    /// Node `a` goes on.
    Resume = 12,
    /// Links are cut by fault `c`.
    Cut = 13,
    /// The links cut or disturbed by fault `c` are healed.
    Heal = 14,
    /// The clock of node `a` changes; `c` is the change (ppb for drift, nanoseconds for a step).
    Clock = 15,
    /// Node `a` is ready to serve.
    Ready = 16,
    /// Node `a` takes on a role; `c` is its epoch, the payload the role's hash.
    Role = 17,
    /// Node `a` notes something; the payload is the note's hash.
    Note = 18,
    /// Node `a` reaches a named rare path; the payload is the name's hash.
    Reached = 19,
    /// A call of `a` to `b` is given up: no answer in time; `c` is the call.
    CallTimeout = 20,
    /// Something that an upper floor asked to be told: `a` is the class, `c` its token.
    Token = 21,
    /// Links are disturbed by fault `c`, until it is healed; the payload is the links' hash.
    Disturb = 22,
    /// A clog holds a message to `a` from `b` that would arrive; `c` as in [`Tag::Deliver`].
    Held = 23,
    /// Node `a` does the rare thing of a point ([`super::Context::maybe`]); the payload is the point's hash.
    Maybe = 24,
}

impl Tag {
    /// Every tag, in the order of their numbers.
    pub const ALL: [Self; 24] = [
        Self::Deliver,
        Self::Drop,
        Self::Request,
        Self::Answer,
        Self::Timer,
        Self::Disk,
        Self::WorkDone,
        Self::Waits,
        Self::Start,
        Self::Crash,
        Self::Pause,
        Self::Resume,
        Self::Cut,
        Self::Heal,
        Self::Clock,
        Self::Ready,
        Self::Role,
        Self::Note,
        Self::Reached,
        Self::CallTimeout,
        Self::Token,
        Self::Disturb,
        Self::Held,
        Self::Maybe,
    ];

    /// The tag with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// Whether `a` and `b` of its records are nodes.
    #[must_use]
    pub const fn is_about_nodes(self) -> bool {
        !matches!(self, Self::Cut | Self::Heal | Self::Disturb | Self::Token)
    }

    /// Its name in text and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deliver => "deliver",
            Self::Drop => "drop",
            Self::Request => "request",
            Self::Answer => "answer",
            Self::Timer => "timer",
            Self::Disk => "disk",
            Self::WorkDone => "work_done",
            Self::Waits => "waits",
            Self::Start => "start",
            Self::Crash => "crash",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cut => "cut",
            Self::Heal => "heal",
            Self::Clock => "clock",
            Self::Ready => "ready",
            Self::Role => "role",
            Self::Note => "note",
            Self::Reached => "reached",
            Self::CallTimeout => "call_timeout",
            Self::Token => "token",
            Self::Disturb => "disturb",
            Self::Held => "held",
            Self::Maybe => "maybe",
        }
    }
}

/// Where every message ended. At the end of a run `sent + duplicated = delivered + dropped + in_flight`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Census {
    /// Messages that nodes and clients sent.
    pub sent: u64,
    /// Copies that the network made.
    pub duplicated: u64,
    /// Messages whose receiver handled them.
    pub delivered: u64,
    /// Messages that died, by cause; all partitions together.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Messages that were under way, or waited at a busy receiver, when the run ended.
    pub in_flight: u64,
}

impl Census {
    /// Whether every message ended exactly once.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.sent + self.duplicated == self.delivered + self.dropped.values().sum::<u64>() + self.in_flight
    }
}

impl DropCause {
    /// Its name in text and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loss(_) => "loss",
            Self::Cut(_) => "partition",
            Self::ReceiverDown => "receiver_down",
            Self::QueueFull(_) => "queue_full",
            Self::Refused(_) => "refused",
            Self::Corrupted(_) => "corrupted",
            Self::StaleName(_) => "stale_name",
        }
    }

    /// The name of the cause with this number.
    #[must_use]
    pub fn name_of(number: u64) -> Option<&'static str> {
        let all = [
            Self::Loss(None),
            Self::Cut(FaultId(0)),
            Self::ReceiverDown,
            Self::QueueFull(None),
            Self::Refused(None),
            Self::Corrupted(None),
            Self::StaleName(FaultId(0)),
        ];
        all.into_iter().find(|cause| cause.number() == number).map(Self::name)
    }

    /// Its number in the trace.
    #[must_use]
    pub const fn number(self) -> u64 {
        match self {
            Self::Loss(_) => 0,
            Self::Cut(_) => 1,
            Self::ReceiverDown => 2,
            Self::QueueFull(_) => 3,
            Self::Refused(_) => 4,
            Self::Corrupted(_) => 5,
            Self::StaleName(_) => 6,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_have_the_numbers_that_they_are_found_by() {
        for tag in Tag::ALL {
            assert_eq!(Tag::from_number(tag as u8), Some(tag));
        }
        assert_eq!(Tag::from_number(0), None);
        assert_eq!(Tag::from_number(Tag::ALL.len() as u8 + 1), None);
    }
}
