//! `raft`: a replicated state machine with a leader.
//!
//! Ongaro, Consensus: Bridging Theory and Practice, Stanford 2014; sections and figures are cited where a rule stands.
//! A replica that the clock calls [stands for election](election); the one that wins lets its log become
//! [everyone's](replication); what a majority holds durably is committed, and [applied](machine) by each replica, an
//! operation of a [session](sessions) only once. What must survive a crash is in [storage], and a [snapshot] instead of
//! what became too long. Some [reads] need no log. [Members](membership) come and go, and leaders [hand over](transfer).

mod election;
mod entries;
mod entry;
mod invariants;
mod machine;
mod membership;
mod message;
mod order;
mod points;
mod reads;
mod replication;
mod sessions;
mod settings;
mod snapshot;
mod storage;
#[cfg(test)]
mod tests;
mod transfer;

use std::collections::BTreeMap;

use crate::host::{
    Birth, Context, DiskId, DiskResult, Node, NodeId, NodeSet, NotDone, Reply, Request, RequestId, View, Watch,
};

use super::log::TORN_TAIL;
use super::{Crashes, Promise, Protocol, RarePoint, Tolerance};
use election::Patience;
use entries::Entries;
use entry::{Command, Operation, Position};
use invariants::Invariants;
use machine::Machine;
use membership::Membership;
use message::{Election, RaftMessage as Message};
use order::Order;
use reads::Read;
use replication::Leadership;
pub use settings::{Raft, RaftReads, RaftSafeguard};
use snapshot::{Arriving, Snapshot};
use storage::{Deed, Record, Storage, StorageEvent};

impl Protocol for Raft {
    type Node = RaftNode;

    fn node(&self, birth: Birth) -> RaftNode {
        let first = birth.id.0 - birth.replica;
        let members = first..first + self.members.map_or(birth.replicas, |count| count.min(birth.replicas));
        RaftNode {
            storage: Storage::new(self),
            settings: self.clone(),
            birth,
            term: 0,
            vote: None,
            leader: None,
            role: Role::Recovering,
            patience: Patience::default(),
            log: Entries::default(),
            commit: 0,
            machine: Machine::new(self.sessions()),
            members: Membership::new(members.map(NodeId).collect()),
            snapshot: None,
            arriving: None,
            has_rejected: false,
            asked: BTreeMap::new(),
        }
    }

    fn memory_bytes(&self, objects: u64) -> Option<u64> {
        // The log has between half as many entries as lead to a snapshot, and as many.
        let entries = u64::from(self.snapshot_after.unwrap_or(1_000)) * 3 / 4;
        Some(objects.saturating_add(entries).saturating_mul(ITEM_BYTES))
    }

    fn rare_paths(&self) -> &'static [&'static str] {
        &[
            "a change of members had to wait for another",
            "a follower was told to take over",
            "a follower went on from the leader's snapshot",
            "a follower's log was overwritten",
            "a leader left that was removed",
            "a leader stepped down that no majority answers",
            "a leader went back several entries at once",
            "a server joined that had caught up",
            "a server was too slow to join",
            "a session was forgotten",
            "a transfer of leadership was given up",
            "a vote was asked for while a leader is heard",
            "a vote was denied for a log that lacks something",
            "an election had no winner",
            "an entry lost its place to another",
            "an entry of an earlier term waits on a majority",
            "an operation that came again was not applied again",
            TORN_TAIL,
        ]
    }

    fn rare_points() -> &'static [RarePoint] {
        &points::ALL
    }

    fn roles(&self) -> &'static [&'static str] {
        &["candidate", "follower", "leader", "pre_candidate"]
    }

    fn recovers(&self) -> bool {
        true
    }

    fn promises(&self) -> Vec<Promise> {
        match self.reads {
            RaftReads::Local => vec![Promise::Durable],
            _ => vec![Promise::Linearizable, Promise::Durable],
        }
    }

    /// Leases depend on clocks, nothing else does.
    /// Leases go by the monotonic clock, and by its bound; and they are shorter than *every* replica's election timeout.
    fn reads_wall_clock(&self) -> bool {
        false
    }

    fn tolerates(&self) -> Tolerance {
        let drift_ppb = match self.reads {
            RaftReads::Lease { clock_drift_bound_ppb } => clock_drift_bound_ppb,
            _ => Tolerance::ANY_DRIFT,
        };
        let timings: &[_] = match self.reads {
            RaftReads::Lease { .. } => &[],
            _ => &["election_timeout/min", "election_timeout/max", "heartbeat"],
        };
        Tolerance { drift_ppb, timings, ..Tolerance::asynchronous(Crashes::All) }
    }

    fn invariants(&self) -> Option<Box<dyn Watch<RaftNode>>> {
        Some(Box::new(Invariants::default()))
    }

    fn order(&self) -> Option<Box<dyn Watch<RaftNode>>> {
        Some(Box::new(Order::default()))
    }

    /// Members and leaders are no objects.
    fn is_about_objects(&self, request: &Request) -> bool {
        !matches!(request, Request::Custom { .. })
    }

    fn refuses(&self, replicas: u32) -> Option<String> {
        let members = self.members.filter(|&members| members > replicas)?;
        Some(format!("{members} of them are to be members at first"))
    }

    /// Whoever reaches a majority can be elected. Where members come and go, nobody can tell from here who they are: then a
    /// majority of the first members, or one of all replicas, may do.
    fn can_serve(&self, request: &Request, contact: NodeId, reachable: &NodeSet, replicas: &[NodeId]) -> bool {
        let is_local = self.reads == RaftReads::Local && request.is_read();
        let first = &replicas[..self.members.map_or(replicas.len(), |count| replicas.len().min(count as usize))];
        reachable.contains(contact) && (is_local || reachable.majority_of(first) || reachable.majority_of(replicas))
    }
}

/// What an entry of the log takes in memory, or an object, about.
const ITEM_BYTES: u64 = 64;

/// A replica of [`Raft`].
#[derive(Clone, Debug)]
pub struct RaftNode {
    settings: Raft,
    birth: Birth,
    storage: Storage,
    term: u64,
    /// Whom it voted for in this term.
    vote: Option<NodeId>,
    /// Who leads this term, if it knows.
    leader: Option<NodeId>,
    role: Role,
    patience: Patience,
    log: Entries,
    /// Up to where it knows the log to be committed.
    commit: u64,
    machine: Machine,
    members: Membership,
    /// What stands for the beginning of the log.
    snapshot: Option<Snapshot>,
    /// What there is of a snapshot that the leader sends.
    arriving: Option<Arriving>,
    /// Whether it has rejected the last entries, at the point for that.
    has_rejected: bool,
    /// Who waits for an entry to be applied: index and term of the entry.
    asked: BTreeMap<(u64, u64), RequestId>,
}

/// What a replica is to the others.
#[derive(Clone, Debug)]
enum Role {
    /// It reads its disk.
    Recovering,
    Follower,
    Candidate {
        election: Election,
        votes: NodeSet,
    },
    Leader(Box<Leadership>),
}

/// A timer of [`RaftNode`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RaftTimer {
    /// To stand for election.
    Election,
    /// To speak up as the leader.
    Heartbeat,
    /// To give up handing over.
    Transfer,
}

type Cx<'a> = Context<'a, RaftNode>;

impl Node for RaftNode {
    type Message = Message;
    type Timer = RaftTimer;

    fn start(&mut self, cx: &mut Cx<'_>) {
        self.storage.open(cx);
    }

    fn request(&mut self, id: RequestId, request: &Request, cx: &mut Cx<'_>) {
        match (&self.role, request) {
            (_, Request::Read { key }) if self.settings.reads == RaftReads::Local => {
                cx.reply(id, Reply::Ok(self.machine.read(*key)));
            }
            (Role::Leader(leadership), _) if leadership.transfer.is_some() => {
                cx.reply(id, Reply::NotDone(NotDone::Unavailable));
            }
            (Role::Leader(_), Request::Custom { name, body }) => self.administer(id, name, body, cx),
            (Role::Leader(_), Request::Read { key }) if self.settings.reads != RaftReads::Log => {
                self.read(Read { id, key: *key }, cx);
            }
            (Role::Leader(_), _) => self.operate(id, request, cx),
            _ => cx.reply(id, Reply::NotDone(NotDone::Redirect(self.leader))),
        }
    }

    fn receive(&mut self, from: NodeId, message: &Message, cx: &mut Cx<'_>) {
        if matches!(self.role, Role::Recovering) {
            return;
        }
        if let Message::RequestVote { election: Election::Trial | Election::Usual, .. } = message
            && self.is_led(cx)
        {
            return cx.reached("a vote was asked for while a leader is heard");
        }
        // Whoever leads a term is followed in it; a higher term ends whatever went on before (section 3.3).
        if let Some(term) = message.term() {
            let leader = message.is_of_leader().then_some(from);
            if term > self.term || term == self.term && leader.is_some() && leader != self.leader {
                self.follow(term, leader, cx);
            } else if term < self.term && leader.is_some() {
                return self.refuse_old_leader(from, cx);
            } else if term < self.term && message.round().is_some() {
                return;
            }
        }
        if let Some(round) = message.round() {
            self.hear_follower(from, round, cx);
        }
        match message {
            Message::RequestVote { term, last, election } => self.request_vote(from, *term, *last, *election, cx),
            Message::Vote { term, is_granted: true, is_trial } => {
                if *term == self.term + u64::from(*is_trial) {
                    self.count_vote(from, *is_trial, cx);
                }
            }
            Message::Vote { .. } => {}
            Message::Append { previous, entries, commit, round, .. } => {
                self.take_append(from, *previous, entries, (*commit, *round), cx);
            }
            Message::Appended { matched, .. } => self.appended(from, *matched, cx),
            Message::Rejected { previous, conflict, .. } => self.rejected(from, *previous, *conflict, cx),
            Message::InstallSnapshot { last, offset, data, is_end, round, .. } => {
                self.take_piece(from, (*last, *offset, data, *is_end), *round, cx);
            }
            Message::PieceTaken { last, received, .. } => self.piece_taken(from, *last, *received, cx),
            Message::TimeoutNow { .. } => self.timeout_now(cx),
        }
    }

    fn disk(&mut self, operation: DiskId, result: &DiskResult, cx: &mut Cx<'_>) {
        match self.storage.disk(operation, result, &self.log, cx) {
            StorageEvent::Nothing => {}
            StorageEvent::Recovered(records) => records.into_iter().for_each(|record| self.recover(record)),
            StorageEvent::Opened => self.take_part(cx),
            StorageEvent::Durable => {
                for deed in self.storage.due(self.term) {
                    self.act(Some(deed), cx);
                }
                self.advance_commit(cx);
            }
            StorageEvent::Failed => cx.exit("its disk has failed"),
        }
        cx.holds((self.log.len() + self.machine.len()) * ITEM_BYTES);
    }

    fn timer(&mut self, timer: RaftTimer, cx: &mut Cx<'_>) {
        match timer {
            RaftTimer::Election => self.election_timer(cx),
            RaftTimer::Heartbeat => self.heartbeat(cx),
            RaftTimer::Transfer => self.give_up_transfer(cx),
        }
    }

    fn observe(&self, view: &mut View) {
        self.machine.observe(view);
        view.waits_for.extend(self.storage.waits_for().map(|what| format!("waits for {what}")));
        let (term, members) = (self.term, self.members.current().len());
        match &self.role {
            Role::Follower if self.leader.is_none() => {
                view.waits_for(format!("follower in term {term} waits for a leader"));
            }
            Role::Candidate { votes, .. } => {
                view.waits_for(format!("candidate in term {term} waits for votes, has {} of {members}", votes.len()));
            }
            Role::Leader(_) if self.commit < self.log.last_index() => {
                let (first, last) = (self.commit + 1, self.log.last_index());
                view.waits_for(format!(
                    "leader of term {term} waits for a majority to hold entries {first} to {last}"
                ));
            }
            _ => {}
        }
    }
}

impl RaftNode {
    /// Takes note of what was on the disk.
    fn recover(&mut self, record: Record) {
        match record {
            Record::Ballot { term, vote } => {
                self.term = term;
                self.vote = vote;
            }
            Record::Entry { index, entry } => {
                // With a ballot that was not kept, the log is all that tells of a term.
                if entry.term > self.term {
                    self.term = entry.term;
                    self.vote = None;
                }
                self.log.truncate(index);
                self.members.truncate(index);
                if let Command::Configure(members) = &entry.command {
                    self.members.change(index, members.clone());
                }
                self.log.push(entry);
            }
            Record::Snapshot(snapshot) => {
                self.restore(snapshot);
            }
        }
    }

    /// The disk is read: this replica is one of them again.
    fn take_part(&mut self, cx: &mut Cx<'_>) {
        self.storage.recovered(self.log.last_index());
        self.role = Role::Follower;
        cx.role("follower", self.term);
        self.come_back(cx);
        cx.ready();
    }

    /// Does what need not wait any longer.
    fn act(&mut self, deed: Option<Deed>, cx: &mut Cx<'_>) {
        match deed {
            Some(Deed::Send(to, message)) => cx.send(to, message),
            Some(Deed::Campaign) if matches!(self.role, Role::Candidate { .. }) => self.ask_for_votes(cx),
            Some(Deed::Campaign) | None => {}
        }
    }

    /// Answers the leader once the term is durable.
    fn answer_leader(&mut self, leader: NodeId, message: Message, cx: &mut Cx<'_>) {
        let deed = self.storage.after_ballot(self.term, Deed::Send(leader, message));
        self.act(deed, cx);
    }

    /// Answers the leader once all that it has sent is durable.
    fn answer_leader_durably(&mut self, leader: NodeId, message: Message, cx: &mut Cx<'_>) {
        let deed = self.storage.after_all(self.term, Deed::Send(leader, message));
        self.act(deed, cx);
    }

    /// Tells a leader whose term is over so.
    fn refuse_old_leader(&mut self, leader: NodeId, cx: &mut Cx<'_>) {
        let rejected = Message::Rejected { term: self.term, previous: 0, conflict: self.log.last(), round: 0 };
        self.answer_leader(leader, rejected, cx);
    }

    /// Puts a client's operation into the log.
    fn operate(&mut self, id: RequestId, request: &Request, cx: &mut Cx<'_>) {
        let Some(operation) = Operation::of(request) else {
            return cx.reply(id, Reply::NotDone(NotDone::Unsupported));
        };
        self.asked.insert((self.log.last_index() + 1, self.term), id);
        self.append(Command::Apply(operation, cx.terms().idempotency), cx);
    }

    /// Does what an operator asks for, about a replica.
    fn administer(&mut self, id: RequestId, name: &str, replica: &str, cx: &mut Cx<'_>) {
        match (name, self.replica_of(replica)) {
            ("add_server", Some(server)) => self.add_server(id, server, cx),
            ("remove_server", Some(server)) => self.remove_server(id, server, cx),
            ("transfer_leadership", Some(server)) => self.transfer_leadership(id, server, cx),
            _ => cx.reply(id, Reply::NotDone(NotDone::Unsupported)),
        }
    }

    /// Answers whoever waits for the entry that is now applied. If its place was taken by another entry, it will never
    /// be committed. A leader that was deposed keeps those who wait: their entries may be committed by another.
    fn answer_applied(&mut self, applied: Position, reply: Reply, cx: &mut Cx<'_>) {
        let mut reply = Some(reply);
        while let Some(first) = self.asked.first_entry()
            && first.key().0 <= applied.index
        {
            let ((index, term), id) = first.remove_entry();
            let answer = if (Position { term, index }) == applied { reply.take() } else { None };
            if answer.is_none() {
                cx.reached("an entry lost its place to another");
            }
            cx.reply(id, answer.unwrap_or(Reply::NotDone(NotDone::Redirect(self.leader))));
        }
    }

    /// A snapshot stands for the entries up to an index: what became of those that somebody waits for is not known.
    fn unanswerable(&mut self, upto: u64, cx: &mut Cx<'_>) {
        while let Some(first) = self.asked.first_entry()
            && first.key().0 <= upto
        {
            let unknown = Reply::Unknown("a snapshot came instead of the entry".to_owned());
            cx.reply(first.remove(), unknown);
        }
    }
}
