//! What replicas say to each other.

use std::sync::Arc;

use crate::host::Message;

use super::entry::{Position, Shared};

/// A message of the protocol. Leaders number their rounds of heartbeats, and each answer says to which it belongs.
#[derive(Clone, Hash, Debug)]
pub enum RaftMessage {
    /// Vote for me (figure 3.1, RequestVote).
    RequestVote {
        /// The term of the election.
        term: u64,
        /// The end of the candidate's log.
        last: Position,
        /// What kind of election it is.
        election: Election,
    },
    /// The answer to a request for a vote.
    Vote {
        /// The term of the election; where the vote is denied, the voter's own.
        term: u64,
        /// The candidate has the vote.
        is_granted: bool,
        /// It was only asked whether it could have it.
        is_trial: bool,
    },
    /// Continue your log so; without entries a heartbeat (figure 3.1, AppendEntries).
    Append {
        /// The leader's term.
        term: u64,
        /// What the entries follow.
        previous: Position,
        /// The entries.
        entries: Vec<Shared>,
        /// Up to where the leader knows the log to be committed.
        commit: u64,
        /// The leader's round.
        round: u64,
    },
    /// The answer to an append: the follower's log agrees with the leader's.
    Appended {
        /// The follower's term.
        term: u64,
        /// Up to where it agrees, durably.
        matched: u64,
        /// The leader's round.
        round: u64,
    },
    /// The answer to an append that does not fit, or to whatever a leader of the past says.
    Rejected {
        /// The follower's term.
        term: u64,
        /// What the append was to follow.
        previous: u64,
        /// Where the follower's log first differs, as far as it can tell.
        conflict: Position,
        /// The leader's round.
        round: u64,
    },
    /// A piece of a snapshot (figure 5.3, InstallSnapshot).
    InstallSnapshot {
        /// The leader's term.
        term: u64,
        /// The last entry that the snapshot stands for.
        last: Position,
        /// How much of it comes before this piece, in bytes.
        offset: u64,
        /// The piece; empty to ask how much is there.
        data: Arc<[u8]>,
        /// Whether this is the end of it.
        is_end: bool,
        /// The leader's round.
        round: u64,
    },
    /// The answer to a piece that is not the last.
    PieceTaken {
        /// The follower's term.
        term: u64,
        /// Which snapshot.
        last: Position,
        /// How much of it is there, in bytes.
        received: u64,
        /// The leader's round.
        round: u64,
    },
    /// Stand for election at once (section 3.10).
    TimeoutNow {
        /// The leader's term.
        term: u64,
    },
}

/// Why there is an election.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Election {
    /// There is none yet: would you vote for me (section 9.6)?
    Trial,
    /// No leader was heard.
    Usual,
    /// The leader wants it (section 3.10): voters need not wait until they miss it.
    Wanted,
}

impl RaftMessage {
    /// The term in which the sender is; `None` where the message speaks of a term that nobody is in yet.
    pub(super) const fn term(&self) -> Option<u64> {
        match self {
            Self::RequestVote { election: Election::Trial, .. }
            | Self::Vote { is_granted: true, is_trial: true, .. } => None,
            Self::RequestVote { term, .. }
            | Self::Vote { term, .. }
            | Self::Append { term, .. }
            | Self::Appended { term, .. }
            | Self::Rejected { term, .. }
            | Self::InstallSnapshot { term, .. }
            | Self::PieceTaken { term, .. }
            | Self::TimeoutNow { term } => Some(*term),
        }
    }

    /// Whether only a leader says it, to those who follow it.
    pub(super) const fn is_of_leader(&self) -> bool {
        matches!(self, Self::Append { .. } | Self::InstallSnapshot { .. } | Self::TimeoutNow { .. })
    }

    /// Which round of the leader it answers.
    pub(super) const fn round(&self) -> Option<u64> {
        match self {
            Self::Appended { round, .. } | Self::Rejected { round, .. } | Self::PieceTaken { round, .. } => {
                Some(*round)
            }
            _ => None,
        }
    }
}

impl Message for RaftMessage {
    fn kind(&self) -> &'static str {
        match self {
            Self::RequestVote { .. } => "request_vote",
            Self::Vote { .. } => "vote",
            Self::Append { .. } => "append",
            Self::Appended { .. } => "appended",
            Self::Rejected { .. } => "rejected",
            Self::InstallSnapshot { .. } => "install_snapshot",
            Self::PieceTaken { .. } => "piece_taken",
            Self::TimeoutNow { .. } => "timeout_now",
        }
    }

    fn size_bytes(&self) -> u32 {
        const KIND_AND_TERM: u32 = 9;
        const NUMBER: u32 = 8;
        const POSITION: u32 = 16;
        match self {
            Self::RequestVote { .. } => KIND_AND_TERM + POSITION + 1,
            Self::Vote { .. } => KIND_AND_TERM + 2,
            Self::Append { entries, .. } => {
                entries.iter().fold(KIND_AND_TERM + POSITION + 2 * NUMBER, |sum: u32, entry| {
                    sum.saturating_add(entry.size_bytes())
                })
            }
            Self::Appended { .. } => KIND_AND_TERM + 2 * NUMBER,
            Self::Rejected { .. } | Self::PieceTaken { .. } => KIND_AND_TERM + POSITION + 2 * NUMBER,
            Self::InstallSnapshot { data, .. } => (KIND_AND_TERM + POSITION + 2 * NUMBER + 1)
                .saturating_add(u32::try_from(data.len()).unwrap_or(u32::MAX)),
            Self::TimeoutNow { .. } => KIND_AND_TERM,
        }
    }
}
