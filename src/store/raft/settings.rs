//! What a service of kind `raft` can be set to, and what can be taken from it.

use std::collections::BTreeSet;

use crate::kernel::Span;

/// How reads are answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RaftReads {
    /// Through the log, as writes are (section 6.4, first paragraph).
    #[default]
    Log,
    /// By the leader, from what it has applied, after a round of heartbeats in which a majority still follows it (section
    /// 6.4).
    ReadIndex,
    /// By the leader, without a round where an earlier one is recent enough (section 6.4.1).
    Lease {
        /// By how much any clock may run fast or slow, in parts per billion.
        clock_drift_bound_ppb: u64,
    },
    /// By any replica, from what it has applied: what is read may be old.
    Local,
}

/// A part of the protocol that can be left out, to see what it is there for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RaftSafeguard {
    /// Term and vote are durable before anyone hears of them (section 3.8); otherwise a restart forgets both.
    PersistVote,
    /// Entries are durable before they are acknowledged (section 3.8); otherwise a restart forgets them.
    PersistLog,
    /// A vote goes only to a candidate whose log is at least as up to date (section 3.6.1).
    ElectionRestriction,
    /// A leader commits by counting only entries of its own term (section 3.6.2, figure 3.7).
    CommitOnlyOwnTerm,
    /// An operation that arrives again is not applied again (section 6.3).
    SessionDeduplication,
    /// A leader that reads without the log makes sure that it still leads (section 6.4).
    ReadIndexConfirmation,
    /// A lease is shorter than the shortest election timeout, as clocks may differ (section 6.4.1).
    LeaseClockBound,
    /// Members change one at a time (section 4.1), each after an entry of the leader's term is committed.
    SingleServerChange,
}

impl RaftSafeguard {
    /// Every safeguard.
    pub const ALL: [Self; 8] = [
        Self::PersistVote,
        Self::PersistLog,
        Self::ElectionRestriction,
        Self::CommitOnlyOwnTerm,
        Self::SessionDeduplication,
        Self::ReadIndexConfirmation,
        Self::LeaseClockBound,
        Self::SingleServerChange,
    ];

    /// Its name in scenario files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PersistVote => "persist_vote",
            Self::PersistLog => "persist_log",
            Self::ElectionRestriction => "election_restriction",
            Self::CommitOnlyOwnTerm => "commit_only_own_term",
            Self::SessionDeduplication => "session_deduplication",
            Self::ReadIndexConfirmation => "read_index_confirmation",
            Self::LeaseClockBound => "lease_clock_bound",
            Self::SingleServerChange => "single_server_change",
        }
    }
}

/// The kind `raft`, with its settings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Raft {
    /// The shortest time without a leader after which a replica stands for election.
    pub election_timeout_min: Span,
    /// The longest: each wait is drawn uniformly from between the two. Not shorter than the shortest.
    pub election_timeout_max: Span,
    /// How often a leader speaks up at least; less than the shortest election timeout.
    pub heartbeat: Span,
    /// How many entries a message carries at most; more than none.
    pub entries_per_append: u32,
    /// How reads are answered.
    pub reads: RaftReads,
    /// How many client sessions are remembered.
    pub session_limit: u32,
    /// After how many entries a snapshot takes the place of the log, if at all; more than none.
    pub snapshot_after: Option<u32>,
    /// How many bytes of a snapshot a message carries at most; more than none.
    pub snapshot_chunk_bytes: u32,
    /// How many replicas are members at first, those with the lowest numbers; `None`: all. The others wait to be added.
    pub members: Option<u32>,
    /// Whether a replica asks, before it begins a new term for an election, if it could win (section 9.6).
    pub pre_vote: bool,
    /// Whether a leader steps down that hears from no majority for an election timeout (section 6.2), and nobody votes
    /// against a leader that was heard within the shortest one (section 4.2.3).
    pub check_quorum: bool,
    /// What is left out of the protocol. It promises the same without.
    pub without: BTreeSet<RaftSafeguard>,
}

impl Default for Raft {
    /// Elections after 150 to 300 ms (section 9.3), a heartbeat each 50 ms, at most 64 entries a message, reads through the
    /// log, 10,000 sessions, a snapshot each 1,000 entries in pieces of 64 KiB; all replicas are members, pre-vote and
    /// check-quorum are on, and nothing is left out.
    fn default() -> Self {
        Self {
            election_timeout_min: Span::from_millis(150),
            election_timeout_max: Span::from_millis(300),
            heartbeat: Span::from_millis(50),
            entries_per_append: 64,
            reads: RaftReads::Log,
            session_limit: 10_000,
            snapshot_after: Some(1_000),
            snapshot_chunk_bytes: 64 << 10,
            members: None,
            pre_vote: true,
            check_quorum: true,
            without: BTreeSet::new(),
        }
    }
}

impl Raft {
    pub(super) fn has(&self, safeguard: RaftSafeguard) -> bool {
        !self.without.contains(&safeguard)
    }

    /// How many sessions are remembered, if operations are to be recognised at all.
    pub(super) fn sessions(&self) -> Option<u32> {
        self.has(RaftSafeguard::SessionDeduplication).then_some(self.session_limit)
    }

    /// Whether nobody votes against a leader that was heard recently (section 4.2.3). Leases stand on it (section 6.4.1).
    pub(super) const fn protects_leaders(&self) -> bool {
        self.check_quorum || matches!(self.reads, RaftReads::Lease { .. })
    }
}
