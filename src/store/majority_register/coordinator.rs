//! The part of a node that carries out a client's operation, in up to two phases with a majority each.
//!
//! A phase is the procedure `communicate` of Attiya, Bar-Noy and Dolev (1995): ask every replica until a majority has
//! answered. It is asked again of those that have not, because messages and answers get lost; asking twice changes
//! nothing, because replicas only ever move to newer values.

use std::cmp::Ordering;

use crate::host::{Context, Key, NodeId, NodeSet, NotDone, Reply, RequestId, Value};

use super::message::{MajorityRegisterMessage as Message, Tag, Tagged};
use super::points;
use super::{MajorityRegisterNode, MajorityRegisterSafeguard as Safeguard, MajorityRegisterTimer as Timer};

/// An operation under way. A crash of the coordinator forgets it.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    id: RequestId,
    key: Key,
    goal: Goal,
    phase: Phase,
}

#[derive(Clone, Debug)]
enum Goal {
    Read,
    Write(Value),
}

#[derive(Clone, Debug)]
enum Phase {
    /// What is the newest that a majority holds? Every completed operation has left its value or a newer one at a
    /// majority, and two majorities have a replica in common.
    Query {
        answered: NodeSet,
        newest: Tagged,
        /// Those of them that hold it.
        holders: NodeSet,
    },
    /// Let a majority hold this or something newer.
    Store { stored: NodeSet, newer: Tagged },
}

type Cx<'a> = Context<'a, MajorityRegisterNode>;

impl MajorityRegisterNode {
    pub(super) fn read(&mut self, id: RequestId, key: Key, cx: &mut Cx<'_>) {
        let number = self.begin(id, key, Goal::Read, cx);
        self.ask(number, cx);
    }

    pub(super) fn write(&mut self, id: RequestId, key: Key, value: Value, cx: &mut Cx<'_>) {
        let number = self.begin(id, key, Goal::Write(value), cx);
        if self.settings.without.contains(&Safeguard::QuorumQuery) {
            self.after_query(number, self.replica.held(key).clone(), NodeSet::default(), cx);
        } else {
            self.ask(number, cx);
        }
    }

    fn begin(&mut self, id: RequestId, key: Key, goal: Goal, cx: &mut Cx<'_>) -> u64 {
        let number = self.next_operation;
        self.next_operation = number.wrapping_add(1);
        let (answered, holders) = (NodeSet::default(), NodeSet::default());
        let phase = Phase::Query { answered, newest: Tagged::UNWRITTEN, holders };
        self.operations.insert(number, Operation { id, key, goal, phase });
        cx.set_timer(Timer::GiveUp(number), self.settings.timeout);
        number
    }

    /// The time to ask again has come.
    pub(super) fn ask_again(&mut self, number: u64, cx: &mut Cx<'_>) {
        if cx.maybe(points::GIVE_UP_EARLY.name) {
            self.give_up(number, cx);
        } else {
            self.send_to_silent(number, usize::MAX, cx);
        }
    }

    /// Asks the replicas in a new phase.
    fn ask(&mut self, number: u64, cx: &mut Cx<'_>) {
        let most = if cx.maybe(points::ASK_FEWER.name) { cx.majority() } else { usize::MAX };
        self.send_to_silent(number, most, cx);
        if cx.maybe(points::ASK_TWICE.name) {
            self.send_to_silent(number, most, cx);
        }
    }

    /// Asks so many of the replicas that have not answered in this phase.
    fn send_to_silent(&mut self, number: u64, most: usize, cx: &mut Cx<'_>) {
        let Some(Operation { key, phase, .. }) = self.operations.get(&number) else { return };
        for replica in cx.replicas().filter(|replica| !phase.heard().contains(*replica)).take(most) {
            cx.send(replica, phase.message(number, *key));
        }
        cx.set_timer(Timer::Resend(number), self.settings.resend_after);
    }

    /// A replica tells what it holds.
    pub(super) fn found(&mut self, from: NodeId, number: u64, held: &Tagged, cx: &mut Cx<'_>) {
        let Some(operation) = self.operations.get_mut(&number) else { return };
        let Phase::Query { answered, newest, holders } = &mut operation.phase else { return };
        answered.insert(from);
        match held.tag.cmp(&newest.tag) {
            Ordering::Less => {}
            Ordering::Equal => {
                holders.insert(from);
            }
            Ordering::Greater => {
                *newest = held.clone();
                *holders = NodeSet::from_iter([from]);
            }
        }
        if answered.len() >= cx.majority() {
            let (newest, holders) = (newest.clone(), std::mem::take(holders));
            self.after_query(number, newest, holders, cx);
        }
    }

    /// A majority has told what it holds: lets a majority hold what the operation read or writes.
    ///
    /// A write takes a higher tag than the newest (Lynch and Shvartsman, 1997). A read writes back what it has found
    /// before it answers with it: otherwise a later read, whose majority may have heard of it nowhere, could answer with
    /// an older value (the new-old inversion; Attiya, Bar-Noy and Dolev, 1995). Those replicas that were found to hold
    /// it need not be asked to store it; if they are a majority, the read is done.
    fn after_query(&mut self, number: u64, newest: Tagged, holders: NodeSet, cx: &mut Cx<'_>) {
        let Some(operation) = self.operations.get_mut(&number) else { return };
        let (stored, newer) = match &operation.goal {
            Goal::Read => {
                let must_write_back = !self.settings.without.contains(&Safeguard::ReadWriteBack);
                let is_held = holders.len() >= cx.majority();
                if !must_write_back || is_held && !cx.maybe(points::WRITE_BACK.name) {
                    self.finish(number, Reply::Ok(newest.value), cx);
                    return;
                }
                cx.reached("a read wrote back");
                // Where a majority holds it already, all are asked as if nobody did.
                let holders = if is_held { NodeSet::default() } else { holders };
                (holders, newest)
            }
            Goal::Write(value) => {
                let tag = Tag { counter: newest.tag.counter + 1, coordinator: cx.me(), operation: number };
                self.last_tagged = Some(number);
                (NodeSet::default(), Tagged { tag, value: value.clone() })
            }
        };
        operation.phase = Phase::Store { stored, newer };
        self.ask(number, cx);
    }

    /// A replica says that it holds what the operation lets it hold, or something newer.
    pub(super) fn stored(&mut self, from: NodeId, number: u64, cx: &mut Cx<'_>) {
        let Some(operation) = self.operations.get_mut(&number) else { return };
        let Phase::Store { stored, newer } = &mut operation.phase else { return };
        stored.insert(from);
        if stored.len() >= cx.majority() {
            let answer = match operation.goal {
                Goal::Read => std::mem::take(&mut newer.value),
                Goal::Write(_) => Value::Nil,
            };
            self.finish(number, Reply::Ok(answer), cx);
        }
    }

    /// Ends an operation that found no majority in time. A write that no replica was asked to store had no effect, and
    /// a read never has one; any other write may be seen from now on, later, or never.
    pub(super) fn give_up(&mut self, number: u64, cx: &mut Cx<'_>) {
        let Some(operation) = self.operations.get(&number) else { return };
        let reply = match (&operation.goal, &operation.phase) {
            (Goal::Write(_), Phase::Store { stored, .. }) => {
                Reply::Unknown(format!("{} of {} replicas stored it in time", stored.len(), cx.replicas().len()))
            }
            _ => Reply::NotDone(NotDone::Unavailable),
        };
        self.finish(number, reply, cx);
    }

    fn finish(&mut self, number: u64, reply: Reply, cx: &mut Cx<'_>) {
        if let Some(operation) = self.operations.remove(&number) {
            cx.cancel_timer(Timer::Resend(number));
            cx.cancel_timer(Timer::GiveUp(number));
            cx.reply(operation.id, reply);
        }
    }
}

impl Phase {
    /// The replicas that need not be asked any more.
    const fn heard(&self) -> &NodeSet {
        match self {
            Self::Query { answered, .. } => answered,
            Self::Store { stored, .. } => stored,
        }
    }

    fn message(&self, operation: u64, key: Key) -> Message {
        match self {
            Self::Query { .. } => Message::Query { operation, key },
            Self::Store { newer, .. } => Message::Store { operation, key, newer: newer.clone() },
        }
    }
}

impl Operation {
    /// The register that a write sets, and to what, once it has a tag.
    pub(super) const fn tagged(&self) -> Option<(Key, &Tagged)> {
        match (&self.goal, &self.phase) {
            (Goal::Write(_), Phase::Store { newer, .. }) => Some((self.key, newer)),
            _ => None,
        }
    }

    /// What it waits for, among replicas given with their numbers in the service: `write k3 waits for 2 of replicas 1, 2
    /// to store it`.
    pub(super) fn waits_for(&self, replicas: &[(NodeId, u32)]) -> String {
        let heard = self.phase.heard();
        let silent: Vec<_> = replicas
            .iter()
            .filter(|(node, _)| !heard.contains(*node))
            .map(|(_, number)| number.to_string())
            .collect();
        let missing = (replicas.len() / 2 + 1).saturating_sub(heard.len());
        let goal = match self.goal {
            Goal::Read => "read",
            Goal::Write(_) => "write",
        };
        let what = match self.phase {
            Phase::Query { .. } => "say what they hold",
            Phase::Store { .. } => "store it",
        };
        format!("{goal} {} waits for {missing} of replicas {} to {what}", self.key, silent.join(", "))
    }
}
