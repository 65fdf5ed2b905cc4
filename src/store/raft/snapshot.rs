//! Snapshots: what a beginning of the log has led to, instead of that beginning (chapter 5).

use std::sync::Arc;

use crate::host::NodeId;
use crate::store::log::{Fields, put_bytes, put_number};

use super::entry::Position;
use super::machine::Machine;
use super::membership::{Members, Membership};
use super::message::RaftMessage as Message;
use super::points;
use super::{Cx, RaftNode};

/// The state after an entry, in bytes: the members and the state machine.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    /// The entry.
    pub(super) last: Position,
    pub(super) image: Arc<[u8]>,
}

impl Snapshot {
    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        put_number(self.last.term, bytes);
        put_number(self.last.index, bytes);
        put_bytes(&self.image, bytes);
    }

    pub(super) fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        let last = Position { term: fields.number()?, index: fields.number()? };
        Some(Self { last, image: fields.bytes()?.into() })
    }

    fn image_of(members: &Members, machine: &Machine) -> Arc<[u8]> {
        let mut bytes = Vec::new();
        put_members(members, &mut bytes);
        machine.encode(&mut bytes);
        bytes.into()
    }

    fn open(&self, sessions: Option<u32>) -> Option<(Members, Machine)> {
        let mut fields = Fields::new(&self.image);
        let members = members(&mut fields)?;
        Some((members, Machine::decode(sessions, &mut fields)?))
    }
}

pub(super) fn put_members(members: &Members, bytes: &mut Vec<u8>) {
    put_number(members.len() as u64, bytes);
    members.iter().for_each(|node| put_number(node.0.into(), bytes));
}

pub(super) fn members(fields: &mut Fields<'_>) -> Option<Members> {
    (0..fields.number()?).map(|_| u32::try_from(fields.number()?).ok().map(NodeId)).collect()
}

/// A snapshot that arrives in pieces.
#[derive(Clone, Debug)]
pub(super) struct Arriving {
    last: Position,
    image: Vec<u8>,
}

impl RaftNode {
    /// Takes a snapshot if enough was applied since the last (section 5.1). Half as many entries stay in memory, for
    /// followers that are not far behind.
    pub(super) fn compact(&mut self, cx: &mut Cx<'_>) {
        let Some(every) = self.settings.snapshot_after else { return };
        let applied = self.machine.applied();
        let since = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.last.index);
        if self.storage.is_compacting() {
            return;
        }
        let is_due = applied - since >= every.into();
        let is_early = !is_due && applied > since && cx.maybe(points::COMPACT_NOW.name);
        if !is_due && !is_early {
            return;
        }
        let stays = if is_early { 0 } else { u64::from(every / 2) };
        let Some(term) = self.log.term_at(applied) else { return };
        let image = Snapshot::image_of(self.members.at(applied), &self.machine);
        let snapshot = Snapshot { last: Position { term, index: applied }, image };
        self.members.forget(applied);
        self.log.forget(applied.saturating_sub(stays).max(self.log.before().index));
        self.keep_snapshot(snapshot, cx);
    }

    fn keep_snapshot(&mut self, snapshot: Snapshot, cx: &mut Cx<'_>) {
        self.storage.compact((self.term, self.vote), &snapshot, &self.log, cx);
        self.snapshot = Some(snapshot);
    }

    /// Goes on from a snapshot that was on the disk, or came from the leader; `false` if it makes no sense.
    pub(super) fn restore(&mut self, snapshot: Snapshot) -> bool {
        let Some((members, machine)) = snapshot.open(self.settings.sessions()) else { return false };
        let last = snapshot.last;
        self.machine = machine;
        self.commit = self.commit.max(last.index);
        if self.log.has(last) {
            // What follows may still count (section 5.3, the end).
            self.log.forget(last.index);
            self.members.forget(last.index);
        } else {
            self.log.restart(last);
            self.storage.truncated(last.index + 1);
            self.members = Membership::new(members);
        }
        self.snapshot = Some(snapshot);
        true
    }

    /// Takes a piece of a snapshot from the leader of this term (figure 5.3). Pieces come in order; whatever does not fit is
    /// asked for again by saying how much is there.
    pub(super) fn take_piece(
        &mut self,
        leader: NodeId,
        piece: (Position, u64, &[u8], bool),
        round: u64,
        cx: &mut Cx<'_>,
    ) {
        let (last, offset, data, is_end) = piece;
        self.hear_leader(cx);
        if last.index <= self.commit {
            let matched = last.index.min(self.storage.durable());
            return self.answer_leader(leader, Message::Appended { term: self.term, matched, round }, cx);
        }
        let arriving = match &mut self.arriving {
            Some(arriving) if arriving.last == last => arriving,
            other => other.insert(Arriving { last, image: Vec::new() }),
        };
        // While the disk writes a snapshot of its own, the end of another has to come again.
        let fits = offset == arriving.image.len() as u64 && !(is_end && self.storage.is_compacting());
        if fits {
            arriving.image.extend_from_slice(data);
        }
        if !(fits && is_end) {
            let received = arriving.image.len() as u64;
            let taken = Message::PieceTaken { term: self.term, last, received, round };
            return self.answer_leader(leader, taken, cx);
        }
        let Some(Arriving { image, .. }) = self.arriving.take() else { return };
        let snapshot = Snapshot { last, image: image.into() };
        if self.restore(snapshot.clone()) {
            cx.reached("a follower went on from the leader's snapshot");
            self.unanswerable(last.index, cx);
            self.keep_snapshot(snapshot, cx);
            let appended = Message::Appended { term: self.term, matched: last.index, round };
            self.answer_leader_durably(leader, appended, cx);
        }
    }
}
