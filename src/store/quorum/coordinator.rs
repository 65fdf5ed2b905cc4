//! The part of a node that carries out a client's operation: `get()` and `put()` of section 4.5 of the Dynamo paper.
//!
//! The coordinator asks all N nodes of the key's preference list, and answers its client when R of them have told what
//! they hold, or W have stored the new version. It asks again those that have not answered, because messages and answers get
//! lost; asking twice changes nothing, because versions are merged.

use crate::host::{Context, Key, NodeId, NodeSet, NotDone, Reply, Request, RequestId, Value};

use super::message::QuorumMessage as Message;
use super::version::{Clock, Dot, Past, Version, Versions};
use super::{QuorumNode, QuorumTimer as Timer, TooFew, Versioning};

/// An operation under way. A crash of the coordinator forgets it.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    id: RequestId,
    key: Key,
    goal: Goal,
    /// How many have to answer.
    needed: usize,
    /// The key's preference list.
    preferred: Vec<NodeId>,
    answered: NodeSet,
}

#[derive(Clone, Debug)]
enum Goal {
    /// To learn the newest versions; these were found so far.
    Read { found: Versions },
    /// To store a new version, given as the only one, for a client who will then have seen so much.
    Write { written: Versions, seen: Option<Past> },
}

type Cx<'a> = Context<'a, QuorumNode>;

impl QuorumNode {
    /// Takes a client's operation on. How many replicas must answer is the client's to say (section 6: "the main advantage
    /// of Dynamo is that its client applications can tune the values of N, R and W").
    pub(super) fn begin(&mut self, id: RequestId, request: &Request, cx: &mut Cx<'_>) {
        let (key, usual) = match request {
            Request::Read { key } => (*key, self.settings.r),
            Request::Write { key, .. } => (*key, self.settings.w),
            _ => return cx.reply(id, Reply::NotDone(NotDone::Unsupported)),
        };
        let needed = cx.terms().answers.unwrap_or(usual) as usize;
        let preferred: Vec<_> = self.ring.walk(key).take(self.settings.n as usize).collect();
        if needed > preferred.len() {
            return cx.reply(id, Reply::NotDone(NotDone::Unsupported));
        }
        let number = self.next_operation;
        self.next_operation = number.wrapping_add(1);
        if self.settings.too_few == TooFew::Fail && self.believed_alive(&preferred, cx) < needed {
            self.probe(number, key, &preferred, cx);
            cx.reached("an operation was refused, because too few replicas seemed alive");
            return cx.reply(id, Reply::NotDone(NotDone::Unavailable));
        }
        let goal = match request {
            Request::Write { value, .. } => self.write(key, value.clone(), cx),
            _ => Goal::Read { found: Versions::NONE },
        };
        self.operations.insert(number, Operation { id, key, goal, needed, preferred, answered: NodeSet::default() });
        cx.set_timer(Timer::GiveUp(number), self.settings.timeout);
        self.ask(number, cx);
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
        let written = [Version { dot, clock, value }].into_iter().collect();
        Goal::Write { written, seen }
    }

    /// How many of these nodes are not suspected.
    fn believed_alive(&self, nodes: &[NodeId], cx: &mut Cx<'_>) -> usize {
        let (now, patience) = (cx.monotonic_now(), self.settings.suspect_after);
        nodes.iter().filter(|node| !self.failures.suspects(**node, now, patience)).count()
    }

    /// Asks nodes something for an operation that is refused, so that it is found out when they are back.
    fn probe(&self, number: u64, key: Key, nodes: &[NodeId], cx: &mut Cx<'_>) {
        nodes.iter().for_each(|&node| cx.send(node, Message::Query { operation: number, key }));
    }

    /// Asks those replicas of the preference list that have not answered, now and again.
    pub(super) fn ask(&mut self, number: u64, cx: &mut Cx<'_>) {
        let Some(Operation { key, goal, preferred, answered, .. }) = self.operations.get(&number) else { return };
        let now = cx.monotonic_now();
        for &replica in preferred.iter().filter(|replica| !answered.contains(**replica)) {
            cx.send(replica, goal.message(number, *key));
            self.failures.asked(replica, now);
        }
        cx.set_timer(Timer::AskAgain(number), self.settings.ask_again_after);
    }

    /// A replica tells what it holds.
    pub(super) fn found(&mut self, from: NodeId, number: u64, versions: &Versions, cx: &mut Cx<'_>) {
        let Some(operation) = self.operations.get_mut(&number) else { return };
        let Goal::Read { found } = &mut operation.goal else { return };
        found.merge(versions);
        operation.answered.insert(from);
        self.answer_if_enough(number, cx);
    }

    /// A replica says that it holds what the operation lets it hold.
    pub(super) fn stored(&mut self, from: NodeId, number: u64, cx: &mut Cx<'_>) {
        let Some(operation) = self.operations.get_mut(&number) else { return };
        operation.answered.insert(from);
        self.answer_if_enough(number, cx);
    }

    fn answer_if_enough(&mut self, number: u64, cx: &mut Cx<'_>) {
        let Some(operation) = self.operations.get(&number) else { return };
        if operation.answered.len() < operation.needed {
            return;
        }
        let (value, seen) = match &operation.goal {
            Goal::Read { found } => (found.value(), found.seen()),
            Goal::Write { seen, .. } => (Value::Nil, seen.clone()),
        };
        if matches!(value, Value::Siblings(_)) {
            cx.reached("a read found siblings");
        }
        let id = operation.id;
        match seen {
            Some(seen) => cx.reply_seen(id, Reply::Ok(value), seen.to_context()),
            None => cx.reply(id, Reply::Ok(value)),
        }
        self.forget(number, cx);
    }

    /// Ends an operation that was not answered in time. A read has no effect; a write was sent to all N replicas and may be
    /// seen from now on, later, or never.
    pub(super) fn give_up(&mut self, number: u64, cx: &mut Cx<'_>) {
        let Some(operation) = self.operations.get(&number) else { return };
        let reply = match &operation.goal {
            Goal::Read { .. } => Reply::NotDone(NotDone::Unavailable),
            Goal::Write { .. } => Reply::Unknown(format!(
                "{} of {} replicas stored it in time",
                operation.answered.len(),
                operation.needed
            )),
        };
        cx.reply(operation.id, reply);
        self.forget(number, cx);
    }

    fn forget(&mut self, number: u64, cx: &mut Cx<'_>) {
        self.operations.remove(&number);
        cx.cancel_timer(Timer::AskAgain(number));
        cx.cancel_timer(Timer::GiveUp(number));
    }
}

impl Goal {
    fn message(&self, operation: u64, key: Key) -> Message {
        match self {
            Self::Read { .. } => Message::Query { operation, key },
            Self::Write { written, .. } => Message::Store { operation, key, versions: written.clone() },
        }
    }
}

impl Operation {
    /// What it waits for: `write k3 waits for 1 of replicas 1, 2 to store it`. Replicas are numbered from `first`.
    pub(super) fn waits_for(&self, first: NodeId) -> String {
        let silent = self.preferred.iter().filter(|node| !self.answered.contains(**node));
        let mut silent: Vec<_> = silent.map(|node| node.0 - first.0).collect();
        silent.sort_unstable();
        let silent: Vec<_> = silent.iter().map(u32::to_string).collect();
        let missing = self.needed.saturating_sub(self.answered.len());
        let (goal, what) = match self.goal {
            Goal::Read { .. } => ("read", "say what they hold"),
            Goal::Write { .. } => ("write", "store it"),
        };
        format!("{goal} {} waits for {missing} of replicas {} to {what}", self.key, silent.join(", "))
    }
}
