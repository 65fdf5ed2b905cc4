//! Who leads (sections 3.3 and 3.4), with pre-vote (section 9.6).

use crate::host::{NodeId, NodeSet};
use crate::kernel::{Draw, Span};

use super::entry::Position;
use super::message::{Election, RaftMessage as Message};
use super::points;
use super::replication::Leadership;
use super::settings::{RaftReads, RaftSafeguard};
use super::storage::Deed;
use super::{Cx, RaftNode, RaftTimer, Role};

/// How long a replica has been without a leader, by its monotonic clock.
///
/// A wait is drawn only when the shortest one is over: a replica that hears its leader touches no timer.
#[derive(Clone, Debug, Default)]
pub(super) struct Patience {
    /// When it last heard a leader, gave a vote or stood for election.
    waits_since: u64,
    /// Whether the wait since then is drawn already.
    is_drawn: bool,
    /// When it last heard a leader.
    heard_at: Option<u64>,
}

impl RaftNode {
    /// A replica that comes back waits for a leader. What it promised by answering one before it went away, it keeps: not to
    /// vote for another before the shortest timeout is over (section 6.4.1; the dissertation does not speak of restarts).
    pub(super) fn come_back(&mut self, cx: &mut Cx<'_>) {
        self.wait_for_leader(cx);
        if let RaftReads::Lease { .. } = self.settings.reads {
            self.patience.heard_at = Some(self.patience.waits_since);
        }
    }

    /// Begins to wait for a leader.
    fn wait_for_leader(&mut self, cx: &mut Cx<'_>) {
        self.patience.waits_since = cx.monotonic_now();
        self.patience.is_drawn = false;
        cx.set_timer(RaftTimer::Election, self.settings.election_timeout_min);
    }

    /// Waits anew.
    fn be_patient(&mut self, cx: &mut Cx<'_>) {
        if self.patience.is_drawn {
            self.wait_for_leader(cx);
        } else {
            self.patience.waits_since = cx.monotonic_now();
        }
    }

    /// Heard the leader of this term.
    pub(super) fn hear_leader(&mut self, cx: &mut Cx<'_>) {
        self.be_patient(cx);
        self.patience.heard_at = Some(self.patience.waits_since);
    }

    /// A wait without a leader: "chosen randomly from a fixed interval" (section 3.4).
    fn draw_wait(&self, cx: &mut Cx<'_>) -> Span {
        let (min, max) = (self.settings.election_timeout_min, self.settings.election_timeout_max);
        Span::from_nanos(cx.random().in_range(min.as_nanos()..=max.as_nanos()))
    }

    pub(super) fn election_timer(&mut self, cx: &mut Cx<'_>) {
        let silent = Span::from_nanos(cx.monotonic_now().saturating_sub(self.patience.waits_since));
        if !self.members.contains(cx.me()) {
            // Whoever is no member waits to become one (section 4.2.2).
            self.wait_for_leader(cx);
        } else if self.patience.is_drawn || self.is_impatient(silent, cx) {
            let election = if self.settings.pre_vote { Election::Trial } else { Election::Usual };
            self.campaign(election, cx);
        } else if silent < self.settings.election_timeout_min {
            cx.set_timer(RaftTimer::Election, self.settings.election_timeout_min - silent);
        } else {
            self.patience.is_drawn = true;
            let wait = self.draw_wait(cx);
            cx.set_timer(RaftTimer::Election, wait - silent);
        }
    }

    /// Whether to stand for election at once. That is nobody's harm but the leader's, unless leases go by what this replica has
    /// promised whom it heard (section 6.4.1).
    fn is_impatient(&self, silent: Span, cx: &mut Cx<'_>) -> bool {
        let has_promised =
            matches!(self.settings.reads, RaftReads::Lease { .. }) && silent < self.settings.election_timeout_min;
        !has_promised && cx.maybe(points::IMPATIENT.name)
    }

    /// The leader wants this replica to take over.
    pub(super) fn timeout_now(&mut self, cx: &mut Cx<'_>) {
        if self.members.contains(cx.me()) {
            cx.reached("a follower was told to take over");
            self.campaign(Election::Wanted, cx);
        }
    }

    /// Stands for election in a new term, and again after another wait if nobody wins; or asks first who would vote for it.
    fn campaign(&mut self, election: Election, cx: &mut Cx<'_>) {
        if matches!(self.role, Role::Candidate { election, .. } if election != Election::Trial) {
            cx.reached("an election had no winner");
        }
        self.leader = None;
        self.role = Role::Candidate { election, votes: NodeSet::default() };
        self.patience.waits_since = cx.monotonic_now();
        self.patience.is_drawn = true;
        let wait = self.draw_wait(cx);
        cx.set_timer(RaftTimer::Election, wait);
        if election == Election::Trial {
            cx.role("pre_candidate", self.term);
            return self.ask_for_votes(cx);
        }
        self.term += 1;
        self.vote = Some(cx.me());
        cx.role("candidate", self.term);
        self.storage.keep_ballot(self.term, self.vote, cx);
        let deed = self.storage.after_ballot(self.term, Deed::Campaign);
        self.act(deed, cx);
    }

    /// Its own vote is durable: a candidate asks for the others'.
    pub(super) fn ask_for_votes(&mut self, cx: &mut Cx<'_>) {
        let Role::Candidate { election, .. } = self.role else { return };
        let term = self.term + u64::from(election == Election::Trial);
        let (me, last) = (cx.me(), self.log.last());
        for &other in self.members.current().iter().filter(|&&node| node != me) {
            cx.send(other, Message::RequestVote { term, last, election });
        }
        self.count_vote(me, election == Election::Trial, cx);
    }

    pub(super) fn count_vote(&mut self, voter: NodeId, is_trial: bool, cx: &mut Cx<'_>) {
        let majority = self.members.majority();
        let is_member = self.members.contains(voter);
        let Role::Candidate { election, votes } = &mut self.role else { return };
        if !is_member || (*election == Election::Trial) != is_trial {
            return;
        }
        votes.insert(voter);
        if votes.len() < majority {
            return;
        }
        if is_trial { self.campaign(Election::Usual, cx) } else { self.lead(cx) }
    }

    /// Whether it heard a leader within the shortest election timeout, and therefore votes for nobody (section 4.2.3).
    pub(super) fn is_led(&self, cx: &mut Cx<'_>) -> bool {
        if !self.settings.protects_leaders() {
            return false;
        }
        let is_recent =
            |at: u64| cx.monotonic_now() < at.saturating_add(self.settings.election_timeout_min.as_nanos());
        matches!(self.role, Role::Leader(_)) || self.patience.heard_at.is_some_and(is_recent)
    }

    /// Answers a candidate of this term or an earlier one; on trial, of any.
    pub(super) fn request_vote(
        &mut self,
        candidate: NodeId,
        term: u64,
        last: Position,
        election: Election,
        cx: &mut Cx<'_>,
    ) {
        let is_trial = election == Election::Trial;
        let is_free = if is_trial {
            term > self.term
        } else {
            term == self.term && self.vote.is_none_or(|node| node == candidate)
        };
        let is_up_to_date = last >= self.log.last() || !self.settings.has(RaftSafeguard::ElectionRestriction);
        if is_free && !is_up_to_date {
            cx.reached("a vote was denied for a log that lacks something");
        }
        let is_granted = is_free && is_up_to_date;
        if is_granted && !is_trial {
            if self.vote.is_none() {
                self.vote = Some(candidate);
                self.storage.keep_ballot(self.term, self.vote, cx);
            }
            self.be_patient(cx);
        }
        let term = if is_granted { term } else { self.term };
        let vote = Message::Vote { term, is_granted, is_trial };
        let deed = self.storage.after_ballot(self.term, Deed::Send(candidate, vote));
        self.act(deed, cx);
    }

    /// Follows whoever leads a term, which is not over.
    pub(super) fn follow(&mut self, term: u64, leader: Option<NodeId>, cx: &mut Cx<'_>) {
        if term > self.term {
            self.term = term;
            self.vote = None;
            self.storage.keep_ballot(term, None, cx);
        }
        self.leader = leader;
        let was = std::mem::replace(&mut self.role, Role::Follower);
        if let Role::Leader(leadership) = was {
            self.step_down(*leadership, cx);
        }
        cx.role("follower", self.term);
    }

    fn step_down(&mut self, leadership: Leadership, cx: &mut Cx<'_>) {
        cx.cancel_timer(RaftTimer::Heartbeat);
        self.wait_for_leader(cx);
        self.refuse_reads(leadership.rounds, cx);
        self.refuse_joining(leadership.joining, cx);
        Self::end_transfer(leadership.transfer, cx);
    }

    /// Leads the term that it has won. Its first entry is of that term, lest entries of earlier terms stay uncommitted
    /// until a client writes (section 6.4).
    fn lead(&mut self, cx: &mut Cx<'_>) {
        self.leader = Some(cx.me());
        self.role = Role::Leader(Box::new(Leadership::new(self.log.last_index() + 1)));
        cx.role("leader", self.term);
        cx.cancel_timer(RaftTimer::Election);
        cx.set_timer(RaftTimer::Heartbeat, self.settings.heartbeat);
        self.meet_peers(cx);
        self.append_no_op(cx);
    }
}
