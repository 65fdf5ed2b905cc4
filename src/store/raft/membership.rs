//! Who the members are, and how one joins or leaves (chapter 4).
//!
//! Members change one at a time, so that a majority of the old ones and one of the new ones always share a replica (section
//! 4.1). A leader begins a change only when the last one is committed, and an entry of its own term: without the latter two
//! leaders can begin changes from the same members that share no majority (Ongaro, bug in single-server membership changes,
//! raft-dev mailing list, 2015).

use std::sync::Arc;

use crate::host::{NodeId, NotDone, Reply, RequestId};
use crate::kernel::Span;

use super::entry::Command;
use super::settings::RaftSafeguard;
use super::{Cx, RaftNode, Role};

/// Members in ascending order.
pub(super) type Members = Arc<[NodeId]>;

/// The members as the log has them: a replica goes by the last that it has heard of, committed or not (section 4.1).
#[derive(Clone, Debug)]
pub(super) struct Membership {
    /// As the snapshot has them, or as they were at first.
    base: Members,
    /// Each change in the log, with the index of its entry.
    changes: Vec<(u64, Members)>,
}

impl Membership {
    pub(super) const fn new(base: Members) -> Self {
        Self { base, changes: Vec::new() }
    }

    pub(super) fn current(&self) -> &Members {
        self.changes.last().map_or(&self.base, |(_, members)| members)
    }

    /// Which index has made them so; 0 if none that is still known.
    pub(super) fn changed_at(&self) -> u64 {
        self.changes.last().map_or(0, |(index, _)| *index)
    }

    /// Who they were when the entry at an index was applied.
    pub(super) fn at(&self, index: u64) -> &Members {
        let change = self.changes.iter().rev().find(|(at, _)| *at <= index);
        change.map_or(&self.base, |(_, members)| members)
    }

    /// How many of them are more than half.
    pub(super) fn majority(&self) -> usize {
        self.current().len() / 2 + 1
    }

    pub(super) fn contains(&self, node: NodeId) -> bool {
        self.current().contains(&node)
    }

    /// An entry at an index changes them.
    pub(super) fn change(&mut self, index: u64, members: Members) {
        self.changes.push((index, members));
    }

    /// The entry at an index and those behind it are gone.
    pub(super) fn truncate(&mut self, from: u64) {
        self.changes.retain(|(index, _)| *index < from);
    }

    /// A snapshot stands for the entries up to an index.
    pub(super) fn forget(&mut self, upto: u64) {
        self.base = Arc::clone(self.at(upto));
        self.changes.retain(|(index, _)| *index > upto);
    }
}

/// A server that is to join, and is brought up to date before (section 4.2.1): in rounds, each of which replicates what the
/// log had at its beginning, until one is shorter than an election timeout.
#[derive(Clone, Debug)]
pub(super) struct Joining {
    pub(super) server: NodeId,
    id: RequestId,
    /// What the round replicates, and when it began.
    end: u64,
    began: u64,
    rounds_left: u32,
}

/// "The dissertation's algorithm waits a fixed number of rounds (such as 10)" (section 4.2.1).
const ROUNDS: u32 = 10;

impl RaftNode {
    /// A replica by its number in the service, if there is one.
    pub(super) fn replica_of(&self, text: &str) -> Option<NodeId> {
        let number: u32 = text.trim().parse().ok()?;
        (number < self.birth.replicas).then(|| NodeId(self.birth.id.0 - self.birth.replica + number))
    }

    /// Whether a change may begin.
    fn may_change(&self) -> bool {
        let Role::Leader(leadership) = &self.role else { return false };
        if !self.settings.has(RaftSafeguard::SingleServerChange) {
            return true;
        }
        self.knows_commits() && self.members.changed_at() <= self.commit && leadership.joining.is_empty()
    }

    /// Lets a server join, once it is up to date.
    pub(super) fn add_server(&mut self, id: RequestId, server: NodeId, cx: &mut Cx<'_>) {
        if self.members.contains(server) {
            return cx.reply(id, Reply::Ok(crate::host::Value::Nil));
        }
        if !self.may_change() {
            cx.reached("a change of members had to wait for another");
            return cx.reply(id, Reply::NotDone(NotDone::Unavailable));
        }
        let (end, began) = (self.log.last_index(), cx.monotonic_now());
        if let Role::Leader(leadership) = &mut self.role {
            leadership.joining.push(Joining { server, id, end, began, rounds_left: ROUNDS });
        }
        self.meet_peers(cx);
        self.spread(cx);
    }

    /// Lets a member go.
    pub(super) fn remove_server(&mut self, id: RequestId, server: NodeId, cx: &mut Cx<'_>) {
        if !self.members.contains(server) {
            return cx.reply(id, Reply::Ok(crate::host::Value::Nil));
        }
        if self.members.current().len() == 1 {
            return cx.reply(id, Reply::NotDone(NotDone::Unsupported));
        }
        if !self.may_change() {
            cx.reached("a change of members had to wait for another");
            return cx.reply(id, Reply::NotDone(NotDone::Unavailable));
        }
        let left = self.members.current().iter().copied().filter(|&node| node != server).collect();
        self.configure(id, left, cx);
    }

    fn configure(&mut self, id: RequestId, members: Members, cx: &mut Cx<'_>) {
        self.asked.insert((self.log.last_index() + 1, self.term), id);
        self.append(Command::Configure(members), cx);
    }

    /// Begins to replicate to whoever is to have the log, and stops with others.
    pub(super) fn meet_peers(&mut self, cx: &mut Cx<'_>) {
        let (me, now) = (cx.me(), cx.monotonic_now());
        let next = self.log.last_index() + 1;
        let Role::Leader(leadership) = &mut self.role else { return };
        let members = self.members.current().iter().copied();
        let others =
            members.chain(leadership.joining.iter().map(|joining| joining.server)).filter(|&node| node != me);
        let wanted: Vec<_> = others.collect();
        leadership.meet(&wanted, next, now);
    }

    /// A follower has more than before: if it is to join, its round may be over.
    pub(super) fn advance_joining(&mut self, server: NodeId, matched: u64, cx: &mut Cx<'_>) {
        let now = cx.monotonic_now();
        let last_index = self.log.last_index();
        let Role::Leader(leadership) = &mut self.role else { return };
        let Some(place) = leadership.joining.iter().position(|joining| joining.server == server) else { return };
        let joining = &mut leadership.joining[place];
        if matched < joining.end {
            return;
        }
        let lasted = Span::from_nanos(now.saturating_sub(joining.began));
        if lasted <= self.settings.election_timeout_min {
            let Joining { id, .. } = leadership.joining.remove(place);
            let mut members = self.members.current().to_vec();
            members.push(server);
            members.sort_unstable();
            cx.reached("a server joined that had caught up");
            return self.configure(id, members.into(), cx);
        }
        joining.rounds_left -= 1;
        joining.end = last_index;
        joining.began = now;
        if joining.rounds_left == 0 {
            self.give_up_joining(place, cx);
        }
    }

    /// Gives up servers that do not get up to date (section 4.2.1): whose round takes many election timeouts.
    pub(super) fn check_joining(&mut self, cx: &mut Cx<'_>) {
        let now = cx.monotonic_now();
        let longest = self.settings.election_timeout_max.as_nanos().saturating_mul(ROUNDS.into());
        let Role::Leader(leadership) = &self.role else { return };
        let late = leadership.joining.iter().position(|joining| now.saturating_sub(joining.began) > longest);
        if let Some(place) = late {
            self.give_up_joining(place, cx);
        }
    }

    fn give_up_joining(&mut self, place: usize, cx: &mut Cx<'_>) {
        let Role::Leader(leadership) = &mut self.role else { return };
        let Joining { id, .. } = leadership.joining.remove(place);
        cx.reached("a server was too slow to join");
        cx.reply(id, Reply::NotDone(NotDone::Unavailable));
        self.meet_peers(cx);
    }

    /// Those who wait for servers to join, of a leader that leads no more.
    pub(super) fn refuse_joining(&self, joining: Vec<Joining>, cx: &mut Cx<'_>) {
        for Joining { id, .. } in joining {
            cx.reply(id, Reply::NotDone(NotDone::Redirect(self.leader)));
        }
    }
}
