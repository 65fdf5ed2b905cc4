//! How the leader's log gets to the others, and what is committed (sections 3.5 and 3.6.2).
//!
//! Messages are pipelined: the next one does not wait for the answer to the last (section 10.2.1). After a rejection the
//! leader first finds out where the logs agree, one message at a time.

use crate::host::NodeId;

use super::entry::{Command, Entry, Position, Shared};
use super::membership::Joining;
use super::message::RaftMessage as Message;
use super::points;
use super::reads::Rounds;
use super::settings::RaftSafeguard;
use super::snapshot::Snapshot;
use super::transfer::Transfer;
use super::{Cx, RaftNode, RaftTimer, Role};

/// What a leader knows beyond what every replica knows.
#[derive(Clone, Debug)]
pub(super) struct Leadership {
    /// The index of its first entry.
    pub(super) first: u64,
    /// Those who are to have its log.
    pub(super) peers: Vec<Peer>,
    pub(super) rounds: Rounds,
    pub(super) joining: Vec<Joining>,
    pub(super) transfer: Option<Transfer>,
    /// Whether it told another to stand for election, ever.
    pub(super) has_abdicated: bool,
}

/// A follower, as its leader sees it.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) id: NodeId,
    /// Up to where its log is known to agree, durably.
    pub(super) matched: u64,
    /// The last round that it answered.
    pub(super) round: u64,
    /// When it was last heard, by the leader's monotonic clock.
    heard_at: u64,
    /// The next entry that is sent to it.
    next: u64,
    stage: Stage,
}

#[derive(Clone, Debug)]
enum Stage {
    /// Where the logs agree is still to be found out; whether an answer is awaited.
    Probing { is_asked: bool },
    /// What is sent is expected to fit.
    Streaming,
    /// It gets a snapshot: how much of it is there, and whether that has grown since the last heartbeat.
    Installing { snapshot: Snapshot, received: u64, has_grown: bool },
}

/// How many full messages may be under way to one follower.
const WINDOW: u64 = 16;

impl Leadership {
    pub(super) fn new(first: u64) -> Self {
        Self {
            first,
            peers: Vec::new(),
            rounds: Rounds::default(),
            joining: Vec::new(),
            transfer: None,
            has_abdicated: false,
        }
    }

    /// Has just these peers; new ones are sent `next` first.
    pub(super) fn meet(&mut self, wanted: &[NodeId], next: u64, now: u64) {
        self.peers.retain(|peer| wanted.contains(&peer.id));
        for &id in wanted {
            if self.place(id).is_none() {
                let stage = Stage::Probing { is_asked: false };
                self.peers.push(Peer { id, matched: 0, round: 0, heard_at: now, next, stage });
            }
        }
    }

    fn place(&self, id: NodeId) -> Option<usize> {
        self.peers.iter().position(|peer| peer.id == id)
    }
}

impl RaftNode {
    pub(super) fn append_no_op(&mut self, cx: &mut Cx<'_>) {
        self.append(Command::NoOp, cx);
    }

    /// Puts an entry of its own at the end of the log and begins to spread it.
    pub(super) fn append(&mut self, command: Command, cx: &mut Cx<'_>) {
        let is_change = matches!(command, Command::Configure(_));
        self.extend_log(Shared::new(Entry { term: self.term, command }), cx);
        if is_change {
            self.meet_peers(cx);
        }
        self.spread(cx);
        self.advance_commit(cx);
    }

    /// Puts an entry at the end of the log; what it says of members counts at once (section 4.1).
    fn extend_log(&mut self, entry: Shared, cx: &mut Cx<'_>) {
        let index = self.log.push(Shared::clone(&entry));
        if let Command::Configure(members) = &entry.command {
            self.members.change(index, members.clone());
        }
        self.storage.keep_entry(index, entry, cx);
    }

    /// Sends everyone what they lack.
    pub(super) fn spread(&mut self, cx: &mut Cx<'_>) {
        let Role::Leader(leadership) = &self.role else { return };
        for place in 0..leadership.peers.len() {
            self.replicate(place, cx);
        }
    }

    /// Sends a follower what it lacks, as far as it may be sent now.
    fn replicate(&mut self, place: usize, cx: &mut Cx<'_>) {
        let last = self.log.last_index();
        let window = WINDOW * u64::from(self.settings.entries_per_append);
        loop {
            let Role::Leader(leadership) = &self.role else { return };
            let peer = &leadership.peers[place];
            let may_send = match peer.stage {
                Stage::Probing { is_asked } => !is_asked,
                Stage::Streaming => peer.next <= last && peer.next <= peer.matched + window,
                Stage::Installing { .. } => false,
            };
            if !may_send {
                return;
            }
            self.send_append(place, true, cx);
        }
    }

    /// Sends a follower the next entries, if it is to have some now and there are some; or else a heartbeat.
    fn send_append(&mut self, place: usize, with_entries: bool, cx: &mut Cx<'_>) {
        let Role::Leader(leadership) = &mut self.role else { return };
        let round = leadership.rounds.last;
        let peer = &mut leadership.peers[place];
        let index = peer.next - 1;
        let Some(term) = self.log.term_at(index) else { return self.begin_to_install(place, cx) };
        let limit = if with_entries { self.settings.entries_per_append } else { 0 };
        let mut entries = self.log.batch(peer.next, limit);
        if entries.len() > 1 && cx.maybe(points::SHORT_APPEND.name) {
            entries.truncate(1);
        }
        match &mut peer.stage {
            Stage::Probing { is_asked } => *is_asked = true,
            _ => peer.next += entries.len() as u64,
        }
        let previous = Position { term, index };
        cx.send(peer.id, Message::Append { term: self.term, previous, entries, commit: self.commit, round });
    }

    /// Begins to send a follower the snapshot: what it lacks is no longer in the log (section 5.3).
    fn begin_to_install(&mut self, place: usize, cx: &mut Cx<'_>) {
        let (Role::Leader(leadership), Some(snapshot)) = (&mut self.role, &self.snapshot) else { return };
        leadership.peers[place].stage =
            Stage::Installing { snapshot: snapshot.clone(), received: 0, has_grown: true };
        self.send_piece(place, true, cx);
    }

    /// Sends the next piece of a snapshot, or only asks how much is there.
    fn send_piece(&mut self, place: usize, with_data: bool, cx: &mut Cx<'_>) {
        let Role::Leader(leadership) = &self.role else { return };
        let peer = &leadership.peers[place];
        let Stage::Installing { snapshot, received, .. } = &peer.stage else { return };
        let length = snapshot.image.len();
        let first = usize::try_from(*received).map_or(length, |received| received.min(length));
        let limit = if with_data { self.settings.snapshot_chunk_bytes as usize } else { 0 };
        let end = first.saturating_add(limit).min(length);
        let piece = Message::InstallSnapshot {
            term: self.term,
            last: snapshot.last,
            offset: *received,
            data: snapshot.image[first..end].into(),
            is_end: with_data && end == length,
            round: leadership.rounds.last,
        };
        cx.send(peer.id, piece);
    }

    /// A follower has that much of a snapshot.
    pub(super) fn piece_taken(&mut self, from: NodeId, last: Position, now_there: u64, cx: &mut Cx<'_>) {
        let Role::Leader(leadership) = &mut self.role else { return };
        let Some(place) = leadership.place(from) else { return };
        if let Stage::Installing { snapshot, received, has_grown } = &mut leadership.peers[place].stage
            && snapshot.last == last
        {
            // An answer to a question, or one that came late, sends no piece twice.
            let is_lost = now_there == *received && !*has_grown;
            let is_news = now_there != *received && (now_there > *received || !*has_grown);
            if is_lost || is_news {
                *received = now_there;
                *has_grown = true;
                self.send_piece(place, true, cx);
            }
        }
    }

    /// The leader's timer: it speaks up, unless it has reason to believe that nobody follows it any more (section 6.2).
    pub(super) fn heartbeat(&mut self, cx: &mut Cx<'_>) {
        let now = cx.monotonic_now();
        let patience = self.settings.election_timeout_max.as_nanos();
        let Role::Leader(leadership) = &self.role else { return };
        let members = self.members.current();
        let is_heard = |peer: &&Peer| members.contains(&peer.id) && now <= peer.heard_at.saturating_add(patience);
        let heard = leadership.peers.iter().filter(is_heard).count() + usize::from(members.contains(&cx.me()));
        if self.settings.check_quorum && heard < self.members.majority() {
            cx.reached("a leader stepped down that no majority answers");
            return self.follow(self.term, None, cx);
        }
        if cx.maybe(points::STEP_DOWN.name) {
            return self.follow(self.term, None, cx);
        }
        self.check_joining(cx);
        cx.set_timer(RaftTimer::Heartbeat, self.settings.heartbeat);
        if cx.maybe(points::HAND_OVER.name) {
            self.hand_over(cx);
        }
        self.speak_up(cx);
    }

    /// Begins a round: lets everyone hear that it leads. What was lost on the way comes to light by that.
    pub(super) fn speak_up(&mut self, cx: &mut Cx<'_>) {
        let now = cx.monotonic_now();
        let Role::Leader(leadership) = &mut self.role else { return };
        leadership.rounds.begin(now);
        for place in 0..leadership.peers.len() {
            let Role::Leader(leadership) = &mut self.role else { return };
            if let Stage::Installing { has_grown, .. } = &mut leadership.peers[place].stage {
                *has_grown = false;
                self.send_piece(place, false, cx);
            } else {
                self.send_append(place, false, cx);
            }
        }
        self.close_rounds(cx);
    }

    /// Takes what the leader of this term sends.
    pub(super) fn take_append(
        &mut self,
        leader: NodeId,
        previous: Position,
        entries: &[Shared],
        (commit, round): (u64, u64),
        cx: &mut Cx<'_>,
    ) {
        self.hear_leader(cx);
        // What a snapshot stands for is committed, so it agrees with what any leader has.
        let is_covered = previous.index < self.log.before().index;
        if !is_covered && !self.log.has(previous) {
            let conflict = self.log.conflict_at(previous.index);
            let rejected = Message::Rejected { term: self.term, previous: previous.index, conflict, round };
            return self.answer_leader(leader, rejected, cx);
        }
        // As if it had come before what it follows. Only the leader's guess of where the logs agree goes back by that.
        let may_reject = !entries.is_empty() && previous.index > 0 && !self.has_rejected;
        self.has_rejected = may_reject && cx.maybe(points::REJECT_APPEND.name);
        if self.has_rejected {
            let conflict = Position { term: 0, index: previous.index };
            let rejected = Message::Rejected { term: self.term, previous: previous.index, conflict, round };
            return self.answer_leader(leader, rejected, cx);
        }
        for (index, entry) in (previous.index + 1..).zip(entries) {
            if index > self.log.before().index {
                self.take_entry(index, entry, cx);
            }
        }
        let end = previous.index + entries.len() as u64;
        self.commit_to(commit.min(end), cx);
        let durable = self.storage.durable();
        if entries.is_empty() || end <= durable {
            let appended = Message::Appended { term: self.term, matched: end.min(durable), round };
            self.answer_leader(leader, appended, cx);
        } else {
            let appended = Message::Appended { term: self.term, matched: end, round };
            self.answer_leader_durably(leader, appended, cx);
        }
    }

    /// Has the leader's entry at an index, and nothing that contradicts it.
    fn take_entry(&mut self, index: u64, entry: &Shared, cx: &mut Cx<'_>) {
        match self.log.term_at(index) {
            Some(term) if term == entry.term => return,
            Some(_) => {
                cx.reached("a follower's log was overwritten");
                self.log.truncate(index);
                self.members.truncate(index);
                self.storage.truncated(index);
            }
            None => {}
        }
        self.extend_log(Shared::clone(entry), cx);
    }

    /// A follower answered: it follows, and did when the round began.
    pub(super) fn hear_follower(&mut self, from: NodeId, round: u64, cx: &mut Cx<'_>) {
        let now = cx.monotonic_now();
        let Role::Leader(leadership) = &mut self.role else { return };
        let Some(place) = leadership.place(from) else { return };
        let peer = &mut leadership.peers[place];
        peer.heard_at = now;
        if round > peer.round {
            peer.round = round;
            self.close_rounds(cx);
        }
    }

    /// A follower's log agrees up to there.
    pub(super) fn appended(&mut self, from: NodeId, matched: u64, cx: &mut Cx<'_>) {
        let Role::Leader(leadership) = &mut self.role else { return };
        let Some(place) = leadership.place(from) else { return };
        let peer = &mut leadership.peers[place];
        let is_news = matched > peer.matched;
        peer.matched = peer.matched.max(matched);
        let is_busy = matches!(&peer.stage, Stage::Installing { snapshot, .. } if matched < snapshot.last.index);
        if !is_busy {
            peer.next = peer.next.max(matched + 1);
            peer.stage = Stage::Streaming;
        }
        if is_news {
            self.advance_commit(cx);
            self.advance_joining(from, matched, cx);
            self.advance_transfer(cx);
        }
        // A commitment may have ended the leadership.
        if let Role::Leader(leadership) = &self.role
            && let Some(place) = leadership.place(from)
        {
            self.replicate(place, cx);
        }
    }

    /// A follower could not use what followed `previous`. Goes back a whole term at once, where it can (section 3.5).
    pub(super) fn rejected(&mut self, from: NodeId, previous: u64, conflict: Position, cx: &mut Cx<'_>) {
        let Role::Leader(leadership) = &mut self.role else { return };
        let Some(place) = leadership.place(from) else { return };
        let peer = &mut leadership.peers[place];
        let is_stale = match peer.stage {
            Stage::Streaming => previous <= peer.matched,
            Stage::Probing { .. } => previous != peer.next - 1,
            Stage::Installing { .. } => true,
        };
        if is_stale {
            return;
        }
        // Where the leader has entries of the term in conflict, the logs agree at most up to the last of them.
        let shared = self.log.last_of(conflict.term).filter(|_| conflict.term > 0);
        let next = shared.map_or(conflict.index, |last| last.index + 1);
        peer.next = next.min(previous).max(peer.matched + 1);
        if peer.next < previous {
            cx.reached("a leader went back several entries at once");
        }
        peer.stage = Stage::Probing { is_asked: false };
        self.replicate(place, cx);
    }

    /// Commits what a majority has durably, if the last of it is of this term: an older entry on a majority may still be
    /// overwritten (section 3.6.2, figure 3.7).
    pub(super) fn advance_commit(&mut self, cx: &mut Cx<'_>) {
        let Role::Leader(leadership) = &self.role else { return };
        let members = self.members.current();
        // A leader that is no longer a member does not count itself (section 4.2.2).
        let own = if members.contains(&cx.me()) { self.storage.durable() } else { 0 };
        let is_held = |index: &u64| {
            let holds = |peer: &&Peer| peer.matched >= *index && members.contains(&peer.id);
            let holders = leadership.peers.iter().filter(holds).count() + usize::from(own >= *index);
            holders >= self.members.majority()
        };
        let Some(index) = (self.commit + 1..).take_while(is_held).last() else { return };
        if self.log.term_at(index) == Some(self.term) || !self.settings.has(RaftSafeguard::CommitOnlyOwnTerm) {
            self.commit_to(index, cx);
            self.after_commit(cx);
        } else {
            cx.reached("an entry of an earlier term waits on a majority");
        }
    }

    /// The leader has committed more: reads may have waited for its first entry, and if it is no longer a member, its work is
    /// done (section 4.2.2).
    fn after_commit(&mut self, cx: &mut Cx<'_>) {
        if !self.members.contains(cx.me()) && self.members.changed_at() <= self.commit {
            cx.reached("a leader left that was removed");
            self.follow(self.term, None, cx);
        } else {
            self.confirm_reads(cx);
        }
    }

    /// Applies what is committed, and answers whom it answers.
    pub(super) fn commit_to(&mut self, index: u64, cx: &mut Cx<'_>) {
        if index <= self.commit {
            return;
        }
        self.commit = index;
        while self.machine.applied() < self.commit {
            let index = self.machine.applied() + 1;
            let Some(entry) = self.log.get(index) else { return };
            let is_asked = !self.asked.is_empty();
            let reply = self.machine.apply(entry, is_asked, cx);
            if is_asked {
                let term = entry.term;
                self.answer_applied(Position { term, index }, reply, cx);
            }
        }
        self.compact(cx);
    }
}
