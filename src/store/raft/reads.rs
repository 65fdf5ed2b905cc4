//! Reads that need no entry in the log (section 6.4).
//!
//! A leader cannot know by itself that it still leads: another may have been elected behind its back, and have
//! written. So before it answers from what it has applied, it hears from a majority in a round of heartbeats that began after
//! the read came (section 6.4), or goes by the promise that lies in such a round: nobody who answered it votes for another
//! before the shortest election timeout is over (section 6.4.1).

use std::collections::VecDeque;

use crate::host::{Key, NotDone, Reply, RequestId};
use crate::kernel::Span;

use super::settings::{Raft, RaftReads, RaftSafeguard};
use super::{Cx, RaftNode, Role};

/// A read that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read {
    pub(super) id: RequestId,
    pub(super) key: Key,
}

/// Rounds of heartbeats of one leadership, and the reads that wait for them.
#[derive(Clone, Debug, Default)]
pub(super) struct Rounds {
    /// The number of the last round.
    pub(super) last: u64,
    /// Rounds that no majority has answered yet, and when each began.
    open: VecDeque<(u64, u64)>,
    /// When the last round began that a majority has answered.
    confirmed_at: Option<u64>,
    /// Reads for which no round has begun.
    fresh: Vec<Read>,
    /// Reads that wait for a round, and which.
    waiting: Option<(u64, Vec<Read>)>,
}

impl Rounds {
    /// Begins a round, in which the leader speaks to all.
    pub(super) fn begin(&mut self, now: u64) {
        self.last += 1;
        self.open.push_back((self.last, now));
    }

    /// A majority has answered a round, and with it all before. Answers the reads that have waited for it.
    fn confirm(&mut self, round: u64) -> Vec<Read> {
        let confirmed = self.open.iter().take_while(|(number, _)| *number <= round).count();
        if let Some((_, began)) = self.open.drain(..confirmed).next_back() {
            self.confirmed_at = Some(began);
        }
        self.waiting.take_if(|(number, _)| *number <= round).map(|(_, reads)| reads).unwrap_or_default()
    }

    /// All reads that wait, for the leader leads no more.
    pub(super) fn give_up(self) -> impl Iterator<Item = Read> {
        self.fresh.into_iter().chain(self.waiting.into_iter().flat_map(|(_, reads)| reads))
    }
}

impl Raft {
    /// How long a leader may go by a round, by its own clock, from the round's beginning: less than the shortest election
    /// timeout by as much as its clock may be slow, and another's fast (section 6.4.1).
    pub(super) fn lease(&self) -> Span {
        let RaftReads::Lease { clock_drift_bound_ppb } = self.reads else { return Span::ZERO };
        if !self.has(RaftSafeguard::LeaseClockBound) {
            return self.election_timeout_min;
        }
        const BILLION: u128 = 1_000_000_000;
        let bound = u128::from(clock_drift_bound_ppb).min(BILLION);
        let nanos = u128::from(self.election_timeout_min.as_nanos()) * (BILLION - bound) / (BILLION + bound);
        Span::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

impl RaftNode {
    /// Reads as the leader.
    pub(super) fn read(&mut self, read: Read, cx: &mut Cx<'_>) {
        let holds_lease = self.holds_lease(cx);
        let knows_commits = self.knows_commits();
        let Role::Leader(leadership) = &mut self.role else { return };
        let is_confirmed = holds_lease || !self.settings.has(RaftSafeguard::ReadIndexConfirmation);
        if is_confirmed && knows_commits {
            cx.reply(read.id, Reply::Ok(self.machine.read(read.key)));
        } else {
            leadership.rounds.fresh.push(read);
            self.confirm_reads(cx);
        }
    }

    /// Whether it has committed an entry of its own term: only then does it know all that is committed (section 6.4).
    pub(super) fn knows_commits(&self) -> bool {
        let Role::Leader(leadership) = &self.role else { return false };
        self.commit >= leadership.first
    }

    /// Whether nobody can have been elected in its place yet, if clocks keep to their bound.
    fn holds_lease(&self, cx: &mut Cx<'_>) -> bool {
        let (Role::Leader(leadership), RaftReads::Lease { .. }) = (&self.role, self.settings.reads) else {
            return false;
        };
        // Whoever was told to stand for election at once does not wait.
        let began = leadership.rounds.confirmed_at.filter(|_| !leadership.has_abdicated);
        began.is_some_and(|began| cx.monotonic_now() < began.saturating_add(self.settings.lease().as_nanos()))
    }

    /// Begins a round for the reads that wait for one, unless one is under way for others: those that come meanwhile share
    /// the next.
    pub(super) fn confirm_reads(&mut self, cx: &mut Cx<'_>) {
        if !self.knows_commits() {
            return;
        }
        let Role::Leader(leadership) = &mut self.role else { return };
        let rounds = &mut leadership.rounds;
        if rounds.waiting.is_some() || rounds.fresh.is_empty() {
            return;
        }
        let reads = std::mem::take(&mut rounds.fresh);
        rounds.waiting = Some((rounds.last + 1, reads));
        self.speak_up(cx);
    }

    /// Closes the rounds that a majority has answered by now.
    pub(super) fn close_rounds(&mut self, cx: &mut Cx<'_>) {
        let (me, majority) = (cx.me(), self.members.majority());
        let Role::Leader(leadership) = &mut self.role else { return };
        let members = self.members.current();
        let answered = |round: u64| {
            let others = leadership.peers.iter().filter(|peer| peer.round >= round && members.contains(&peer.id));
            others.count() + usize::from(members.contains(&me))
        };
        let mut rounds = leadership.rounds.open.iter().rev().map(|&(number, _)| number);
        let Some(round) = rounds.find(|&round| answered(round) >= majority) else { return };
        for read in leadership.rounds.confirm(round) {
            cx.reply(read.id, Reply::Ok(self.machine.read(read.key)));
        }
        self.confirm_reads(cx);
    }

    /// Reads as a leader that leads no more.
    pub(super) fn refuse_reads(&self, rounds: Rounds, cx: &mut Cx<'_>) {
        for read in rounds.give_up() {
            cx.reply(read.id, Reply::NotDone(NotDone::Redirect(self.leader)));
        }
    }
}
