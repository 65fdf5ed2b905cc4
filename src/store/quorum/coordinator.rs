//! The part of a node that carries out a client's operation: `get()` and `put()` of section 4.5 of the Dynamo paper.
//!
//! The coordinator asks all N nodes of the key's preference list, and answers its client when R have told what they hold, or W
//! have stored the new version. It asks again those that have not answered, because messages and answers get lost; asking
//! twice changes nothing, because versions are merged. In a sloppy quorum (section 4.6) the first N nodes that are healthy serve:
//! for each that is suspected, or lets the time to ask again pass, the next one on the ring stands in.
//!
//! An operation goes on for a while after its client was answered: a read to hear of replicas that lag behind, a write until
//! each of the N has its copy, or somebody keeps it for it.

use std::collections::VecDeque;

use crate::host::{Context, Key, NodeId, NodeSet, NotDone, Reply, Request, RequestId, Value};

use super::message::{Errand, QuorumMessage as Message};
use super::points;
use super::version::{Clock, Dot, Past, Version, Versions};
use super::{QuorumNode, QuorumSafeguard as Safeguard, QuorumTimer as Timer, TooFew, Versioning};

/// An operation under way. A crash of the coordinator forgets it.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    /// Whose answer is due; `None` once it was given.
    client: Option<RequestId>,
    key: Key,
    goal: Goal,
    /// How many have to answer.
    needed: usize,
    /// The key's preference list.
    preferred: Vec<NodeId>,
    /// Who may stand in and does not yet, in the order of the ring.
    spare: VecDeque<NodeId>,
    /// Who stands in, and for whom.
    standing_in: Vec<(NodeId, NodeId)>,
    /// Who has answered, of those that count.
    answered: NodeSet,
}

#[derive(Clone, Debug)]
enum Goal {
    /// To learn the newest versions; these were found so far.
    Read { found: Vec<(NodeId, Versions)> },
    Write {
        /// The new version, alone.
        written: Versions,
        /// What the client will have seen.
        seen: Option<Past>,
        /// Those whose copies are safe, with themselves or with others.
        provided: NodeSet,
    },
}

type Cx<'a> = Context<'a, QuorumNode>;

impl QuorumNode {
    /// Takes a client's operation on. How many replicas must answer is the client's to say: applications tune N, R and W
    /// (section 6).
    pub(super) fn begin(&mut self, id: RequestId, request: &Request, cx: &mut Cx<'_>) {
        let (key, usual) = match request {
            Request::Read { key } => (*key, self.settings.r),
            Request::Write { key, .. } => (*key, self.settings.w),
            _ => return cx.reply(id, Reply::NotDone(NotDone::Unsupported)),
        };
        let needed = cx.terms().answers.unwrap_or(usual) as usize;
        let preferred: Vec<_> = self.preferred(key).collect();
        if needed > preferred.len() {
            return cx.reply(id, Reply::NotDone(NotDone::Unsupported));
        }
        let spare: VecDeque<_> = if self.settings.is_sloppy() {
            self.ring.walk(key).skip(preferred.len()).collect()
        } else {
            VecDeque::new()
        };
        let number = self.next_operation();
        let alive = preferred.iter().chain(&spare).filter(|node| !self.suspects(**node, cx)).count();
        if self.settings.too_few == TooFew::Fail && alive < needed {
            // Nothing else may be sent to them for long: so it is found out when they are back.
            preferred.iter().for_each(|&node| cx.send(node, Message::Query { operation: number, key }));
            cx.reached("an operation was refused, because too few replicas seemed alive");
            return cx.reply(id, Reply::NotDone(NotDone::Unavailable));
        }
        let goal = match request {
            Request::Write { value, .. } => self.write(key, value.clone(), cx),
            _ => Goal::Read { found: Vec::new() },
        };
        let (answered, standing_in) = (NodeSet::default(), Vec::new());
        let mut operation =
            Operation { client: Some(id), key, goal, needed, preferred, spare, standing_in, answered };
        if operation.needed < operation.preferred.len() && cx.maybe(points::ASK_ONE_MORE.name) {
            operation.needed += 1;
        }
        let suspected: Vec<_> = operation.preferred.iter().copied().filter(|node| self.suspects(*node, cx)).collect();
        suspected.into_iter().for_each(|owner| operation.find_stand_in(owner));
        if operation.standing_in.is_empty() {
            self.stand_in_early(&mut operation, cx);
        }
        self.operations.insert(number, operation);
        cx.set_timer(Timer::GiveUp(number), self.settings.timeout);
        self.ask(number, cx);
    }

    /// Lets somebody stand in for one of the preference list at once, at the point for that.
    fn stand_in_early(&self, operation: &mut Operation, cx: &mut Cx<'_>) {
        let may_be_kept =
            matches!(operation.goal, Goal::Write { .. }) && !self.settings.is_without(Safeguard::HintedHandoff);
        if (may_be_kept || !operation.spare.is_empty())
            && cx.maybe(points::STAND_IN_EARLY.name)
            && let Some(owner) = operation.preferred.iter().copied().find(|&owner| owner != self.me)
        {
            if may_be_kept { operation.find_keeper(owner, self.me) } else { operation.find_stand_in(owner) }
        }
    }

    /// The version that a client's write makes: of its own dot, and newer than what the client has seen (section 4.4).
    fn write(&mut self, key: Key, value: Value, cx: &mut Cx<'_>) -> Goal {
        let counter = self.counters.entry(key).or_default();
        *counter += 1;
        let dot = Dot { actor: self.actor, counter: *counter };
        let (clock, seen) = match self.settings.versions {
            Versioning::LastWriterWins => (Clock::Wall(cx.wall_now().nanos), None),
            Versioning::VersionVectors => {
                let past = cx.terms().seen.as_ref().map(Past::from_context).unwrap_or_default();
                let mut seen = past.clone();
                seen.insert(dot);
                (Clock::Past(past), Some(seen))
            }
        };
        let kept_for = self.settings.tombstones_for.filter(|_| value == Value::Nil);
        let forgotten_at = kept_for.map(|span| cx.wall_now().nanos.saturating_add(span.as_nanos()));
        let written = [Version { dot, clock, value, forgotten_at }].into_iter().collect();
        Goal::Write { written, seen, provided: NodeSet::default() }
    }

    fn suspects(&self, node: NodeId, cx: &mut Cx<'_>) -> bool {
        self.failures.suspects(node, cx.monotonic_now(), self.settings.suspect_after)
    }

    /// Asks those that have not answered, now and again.
    fn ask(&mut self, number: u64, cx: &mut Cx<'_>) {
        let Some(operation) = self.operations.get(&number) else { return };
        let now = cx.monotonic_now();
        for (node, owner) in operation.silent() {
            cx.send(node, operation.goal.message(number, operation.key, owner));
            self.failures.asked(node, now);
        }
        cx.set_timer(Timer::AskAgain(number), self.settings.ask_again_after);
    }

    /// The time to ask again has come: for those that are still silent, others stand in.
    pub(super) fn ask_again(&mut self, number: u64, cx: &mut Cx<'_>) {
        let Some(operation) = self.operations.get_mut(&number) else { return };
        let is_answered = operation.client.is_none();
        match &operation.goal {
            Goal::Read { .. } if is_answered => return self.repair(number, cx),
            Goal::Write { .. } if is_answered && self.settings.is_without(Safeguard::HintedHandoff) => {
                return self.forget(number, cx);
            }
            Goal::Write { .. } if !self.settings.is_without(Safeguard::HintedHandoff) => {
                let me = self.me;
                operation.unprovided().into_iter().for_each(|owner| operation.find_keeper(owner, me));
            }
            Goal::Read { .. } | Goal::Write { .. } => {
                let silent = |node: &NodeId| !operation.answered.contains(*node);
                let owners: Vec<_> = operation.preferred.iter().copied().filter(silent).collect();
                owners.into_iter().for_each(|owner| operation.find_stand_in(owner));
            }
        }
        self.ask(number, cx);
    }

    /// A replica tells what it holds.
    pub(super) fn found(&mut self, from: NodeId, number: u64, versions: &Versions, cx: &mut Cx<'_>) {
        let Some(operation) = self.operations.get_mut(&number) else { return };
        let Goal::Read { found } = &mut operation.goal else { return };
        if operation.answered.insert(from) {
            found.push((from, versions.clone()));
        }
        self.answer_if_enough(number, cx);
    }

    /// A replica says that it holds what the operation lets it hold, or keeps it for its owner.
    pub(super) fn stored(&mut self, from: NodeId, number: u64, owner: NodeId, cx: &mut Cx<'_>) {
        let Some(operation) = self.operations.get_mut(&number) else { return };
        let Goal::Write { provided, .. } = &mut operation.goal else { return };
        provided.insert(owner);
        if from != owner {
            cx.reached("a hint was kept");
        }
        // In a strict quorum the coordinator keeps hints, and counts only if the key is its own.
        if from == owner || self.settings.is_sloppy() {
            operation.answered.insert(from);
        }
        self.answer_if_enough(number, cx);
    }

    /// Answers the client when enough have answered, and ends the operation when nothing is left to do.
    fn answer_if_enough(&mut self, number: u64, cx: &mut Cx<'_>) {
        let Some(operation) = self.operations.get_mut(&number) else { return };
        if operation.answered.len() >= operation.needed
            && let Some(client) = operation.client.take()
        {
            let (value, seen) = match &operation.goal {
                Goal::Read { .. } => {
                    let newest = operation.newest();
                    (newest.value(), newest.seen())
                }
                Goal::Write { seen, .. } => (Value::Nil, seen.clone()),
            };
            if matches!(value, Value::Siblings(_)) {
                cx.reached("a read found siblings");
            }
            match seen {
                Some(seen) => cx.reply_seen(client, Reply::Ok(value), seen.to_context()),
                None => cx.reply(client, Reply::Ok(value)),
            }
        }
        if operation.client.is_none() && operation.silent().is_empty() {
            self.repair(number, cx);
        }
    }

    /// Ends an operation: replicas that were found to lag behind get what they lack (read repair, section
    /// 5).
    fn repair(&mut self, number: u64, cx: &mut Cx<'_>) {
        let Some(operation) = self.operations.get(&number) else { return };
        if let Goal::Read { found } = &operation.goal
            && !self.settings.is_without(Safeguard::ReadRepair)
        {
            let newest = operation.newest();
            let lags =
                |(node, held): &&(NodeId, Versions)| operation.preferred.contains(node) && !held.covers_all(&newest);
            let lagging: Vec<_> = found.iter().filter(lags).map(|(node, _)| *node).collect();
            // What would never be repaired otherwise is not left.
            let may_skip = !lagging.is_empty() && !self.settings.is_without(Safeguard::AntiEntropy);
            if !(may_skip && cx.maybe(points::SKIP_READ_REPAIR.name)) {
                for owner in lagging {
                    cx.reached("a read repaired a replica");
                    let (key, versions) = (operation.key, newest.clone());
                    cx.send(owner, Message::Store { errand: Errand::Repair, key, owner, versions });
                }
            }
        }
        if !self.settings.is_without(Safeguard::AntiEntropy) && cx.maybe(points::COMPARE_NOW.name) {
            self.compare_with_next(cx);
        }
        self.forget(number, cx);
    }

    /// Ends an operation for which the time is over. A read has no effect; a write was sent to all N replicas and may be
    /// seen from now on, later, or never.
    pub(super) fn give_up(&mut self, number: u64, cx: &mut Cx<'_>) {
        let Some(Operation { client, goal, answered, needed, .. }) = self.operations.get(&number) else { return };
        if let Some(client) = *client {
            let reply = match goal {
                Goal::Read { .. } => Reply::NotDone(NotDone::Unavailable),
                Goal::Write { .. } => {
                    Reply::Unknown(format!("{} of {needed} replicas stored it in time", answered.len()))
                }
            };
            cx.reply(client, reply);
        }
        self.forget(number, cx);
    }

    fn forget(&mut self, number: u64, cx: &mut Cx<'_>) {
        self.operations.remove(&number);
        cx.cancel_timer(Timer::AskAgain(number));
        cx.cancel_timer(Timer::GiveUp(number));
    }
}

impl Goal {
    fn message(&self, operation: u64, key: Key, owner: NodeId) -> Message {
        match self {
            Self::Read { .. } => Message::Query { operation, key },
            Self::Write { written, .. } => {
                Message::Store { errand: Errand::Operation(operation), key, owner, versions: written.clone() }
            }
        }
    }
}

impl Operation {
    /// Who was asked and has not answered, each with the owner of the copy that it is asked about.
    fn silent(&self) -> Vec<(NodeId, NodeId)> {
        let owners = self.preferred.iter().map(|owner| (*owner, *owner));
        let asked = owners.chain(self.standing_in.iter().copied());
        let is_silent = |(node, owner): &(NodeId, NodeId)| match &self.goal {
            Goal::Write { provided, .. } if provided.contains(*owner) => {
                // It is kept for this node, which may yet be needed.
                node == owner && self.client.is_some() && !self.answered.contains(*node)
            }
            Goal::Write { .. } => true,
            Goal::Read { .. } => !self.answered.contains(*node),
        };
        asked.filter(is_silent).collect()
    }

    /// Lets the next node on the ring stand in for this one; for a read, that is another one to ask.
    fn find_stand_in(&mut self, owner: NodeId) {
        if let Some(node) = self.spare.pop_front() {
            self.standing_in.push((node, owner));
        }
    }

    /// The owners of copies that are not safe yet.
    fn unprovided(&self) -> Vec<NodeId> {
        let Goal::Write { provided, .. } = &self.goal else { return Vec::new() };
        self.preferred.iter().copied().filter(|owner| !provided.contains(*owner)).collect()
    }

    /// Lets somebody keep this node's copy: the next on the ring, or if there is none the coordinator.
    fn find_keeper(&mut self, owner: NodeId, coordinator: NodeId) {
        let asked = self.standing_in.len();
        self.find_stand_in(owner);
        if self.standing_in.len() == asked
            && owner != coordinator
            && !self.standing_in.contains(&(coordinator, owner))
        {
            self.standing_in.push((coordinator, owner));
        }
    }

    /// What was found, merged.
    fn newest(&self) -> Versions {
        let mut newest = Versions::NONE;
        if let Goal::Read { found } = &self.goal {
            found.iter().for_each(|(_, versions)| newest.merge(versions));
        }
        newest
    }

    /// What its client waits for: `write k3 waits for 1 of replicas 1, 2 to store it`. Replicas are numbered from `first`.
    pub(super) fn waits_for(&self, first: NodeId) -> Option<String> {
        self.client?;
        let mut silent: Vec<_> = self.silent().into_iter().map(|(node, _)| node.0 - first.0).collect();
        silent.sort_unstable();
        silent.dedup();
        let silent: Vec<_> = silent.iter().map(u32::to_string).collect();
        let missing = self.needed.saturating_sub(self.answered.len());
        let (goal, what) = match self.goal {
            Goal::Read { .. } => ("read", "say what they hold"),
            Goal::Write { .. } => ("write", "store it"),
        };
        Some(format!("{goal} {} waits for {missing} of replicas {} to {what}", self.key, silent.join(", ")))
    }
}
