//! Sequential consistency (Lamport 1979, "How to Make a Multiprocessor Computer That Correctly Executes Multiprocess
//! Programs"): can all operations be put into one order that keeps each session's own and explains every answer?
//!
//! It is not local: objects that are sequentially consistent each may not be so together. So this search walks all
//! objects at once. It is the search for a linearization without deadlines: what may come next is the next operation of
//! any session, or an open one. Of its rules the first holds here too, and those for operations in closed form that do
//! not speak of deadlines.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use super::Budget;
use super::object::{Action, Entry, INITIAL, Object, Price};
use super::search::Facts;
use crate::check::model::Model;
use crate::check::precedence::objects_by;
use crate::check::sentence::{clause, count, list};
use crate::host::Request;
use crate::load::{History, Operation, Outcome};

/// How many operations of a core a sentence tells.
const TOLD: usize = 8;

/// So many choices that wait to be tried count as an entry.
const CHOICES_PER_ENTRY: u64 = 4;

/// The answer of [`sequential`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sequential {
    /// There is such an order: indices into the history.
    Consistent(Vec<usize>),
    /// There is none.
    Refuted {
        /// Few operations that have none among themselves, in the order of invocation.
        core: Vec<usize>,
        /// The core in a sentence.
        explanation: String,
    },
    /// It could not be judged.
    Unknown {
        /// Why not.
        why: String,
    },
}

/// Judges all objects of the history together. Explaining a refutation may spend the budget once more.
#[must_use]
pub fn sequential<M: Model>(model: &M, history: &History, budget: Budget) -> Sequential
where
    M::State: Display,
{
    let is_foreign = |request: &Request| !model.supports(request) || model.object(request).is_none();
    let happened = |operation: &&Operation| !matches!(operation.outcome, Outcome::Fail(_));
    let mut operations = history.operations.iter().filter(happened);
    if let Some(operation) = operations.find(|operation| is_foreign(&operation.request)) {
        let why = format!("{} ({}) is no operation of the model", history.id(operation), operation.request);
        return Sequential::Unknown { why };
    }
    let operations: Vec<Vec<usize>> = objects_by(history, |request| model.object(request)).into_values().collect();
    let mut objects: Vec<Object<'_, M>> =
        operations.iter().map(|operations| Object::new(model, history, operations)).collect();
    let mut nodes: Vec<Node> = Vec::new();
    for (object, entries) in objects.iter().map(|object| &object.entries).enumerate() {
        nodes.extend(entries.iter().map(|&entry| Node { object, entry }));
    }
    nodes.sort_by_key(|node| {
        let operation = &history.operations[node.entry.operation];
        (operation.invoked, operation.number, node.entry.operation)
    });
    match search(&mut objects, &nodes, &mut { budget }) {
        Some(Some(order)) => Sequential::Consistent(order),
        Some(None) => refuted(&mut objects, nodes, budget),
        None => Sequential::Unknown { why: "the budget was spent before it was certain".to_owned() },
    }
}

/// An operation, and the object that it is about.
#[derive(Clone, Copy)]
struct Node {
    object: usize,
    entry: Entry,
}

/// Looks for an order. `None`: the budget was spent; `Some(None)`: there is none.
fn search<M: Model>(
    objects: &mut [Object<'_, M>],
    nodes: &[Node],
    budget: &mut Budget,
) -> Option<Option<Vec<usize>>> {
    Search::new(objects, nodes).run(budget)
}

struct Search<'s, 'h, M: Model> {
    objects: &'s mut [Object<'h, M>],
    facts: Vec<Facts>,
    sessions: Vec<Session>,
    open: Vec<Open>,
    /// The state of each object.
    states: Vec<u32>,
    done: Vec<Done>,
    /// What remains to be tried, and after how many operations.
    choices: Vec<(usize, Choice)>,
    seen: BTreeSet<Vec<u32>>,
    /// What the budget has not paid for: operations looked at, states added.
    unpaid: Price,
}

/// The bounded operations of one session, and how many of them are done.
struct Session {
    nodes: Vec<Node>,
    done: usize,
}

/// An open operation: it comes after the first `after` operations of its session.
struct Open {
    node: Node,
    session: Option<usize>,
    after: usize,
    is_done: bool,
}

#[derive(Clone, Copy)]
enum Choice {
    /// The next operation of this session.
    Next(usize),
    /// This open operation.
    Open(usize),
}

struct Done {
    choice: Choice,
    node: Node,
    /// The state of its object before.
    before: u32,
}

impl<'s, 'h, M: Model> Search<'s, 'h, M> {
    fn new(objects: &'s mut [Object<'h, M>], nodes: &[Node]) -> Self {
        let mut entries: Vec<Vec<Entry>> = vec![Vec::new(); objects.len()];
        nodes.iter().for_each(|node| entries[node.object].push(node.entry));
        let facts = objects.iter().zip(&entries).map(|(object, entries)| Facts::new(entries, object.states.len()));
        let facts: Vec<Facts> = facts.collect();
        let mut numbers: BTreeMap<u64, usize> = BTreeMap::new();
        let (mut sessions, mut open): (Vec<Session>, Vec<Open>) = (Vec::new(), Vec::new());
        for &node in nodes {
            let session = numbers.get(&node.entry.session).copied();
            if node.entry.is_open() {
                if facts[node.object].keeps(&node.entry) {
                    let after = session.map_or(0, |session| sessions[session].nodes.len());
                    open.push(Open { node, session, after, is_done: false });
                }
                continue;
            }
            let session = session.unwrap_or_else(|| {
                numbers.insert(node.entry.session, sessions.len());
                sessions.push(Session { nodes: Vec::new(), done: 0 });
                sessions.len() - 1
            });
            sessions[session].nodes.push(node);
        }
        let states = vec![INITIAL; objects.len()];
        let (done, choices, seen) = (Vec::new(), Vec::new(), BTreeSet::new());
        Self { objects, facts, sessions, open, states, done, choices, seen, unpaid: Price::default() }
    }

    fn run(mut self, budget: &mut Budget) -> Option<Option<Vec<usize>>> {
        loop {
            self.settle();
            if self.sessions.iter().all(|session| session.done == session.nodes.len()) {
                return Some(Some(self.done.iter().map(|done| done.node.entry.operation).collect()));
            }
            let configuration = self.configuration();
            let words = configuration.len() as u64;
            if self.seen.insert(configuration) {
                budget.entries = budget.entries.saturating_sub(words.div_ceil(2));
                self.gather(budget);
            }
            self.pay(budget);
            if budget.is_spent() {
                return None;
            }
            let Some((depth, choice)) = self.choices.pop() else { return Some(None) };
            while self.done.len() > depth {
                self.take_back();
            }
            self.take(choice);
        }
    }

    /// Takes what was done from the budget.
    fn pay(&mut self, budget: &mut Budget) {
        let Price { steps, entries } = std::mem::take(&mut self.unpaid);
        budget.steps = budget.steps.saturating_sub(steps);
        budget.entries = budget.entries.saturating_sub(entries);
    }

    /// The state of the operation's object after it, if it may come now.
    fn step(&mut self, node: &Node) -> Option<u32> {
        let object = &mut self.objects[node.object];
        let next = object.step(self.states[node.object], &node.entry);
        let Price { steps, entries } = object.states.take_unpaid();
        self.unpaid.steps += steps;
        self.unpaid.entries += entries;
        next
    }

    /// The operation of a choice, if it may come next.
    fn node(&mut self, choice: Choice) -> Option<Node> {
        self.unpaid.steps += 1;
        match choice {
            Choice::Next(session) => {
                let session = &self.sessions[session];
                session.nodes.get(session.done).copied()
            }
            Choice::Open(place) => {
                let open = &self.open[place];
                let done = open.session.map_or(0, |session| self.sessions[session].done);
                (!open.is_done && done >= open.after).then_some(open.node)
            }
        }
    }

    /// What changes nothing takes its turn as soon as it is legal.
    fn settle(&mut self) {
        let mut waiting = 0;
        let mut session = 0;
        while !self.sessions.is_empty() && waiting < self.sessions.len() {
            let choice = Choice::Next(session);
            let node = self.node(choice).filter(|node| node.entry.action.is_pure());
            if node.is_some_and(|node| self.step(&node).is_some()) {
                self.take(choice);
                waiting = 0;
            } else {
                waiting += 1;
                session = (session + 1) % self.sessions.len();
            }
        }
    }

    /// How far each session is, the states, and which open operations are done.
    fn configuration(&self) -> Vec<u32> {
        let small = |number: usize| u32::try_from(number).expect("a history has less than 2^32 operations");
        let mut configuration: Vec<u32> = self.sessions.iter().map(|session| small(session.done)).collect();
        configuration.extend(&self.states);
        let bit = |(place, open): (usize, &Open)| u32::from(open.is_done) << place;
        configuration.extend(self.open.chunks(32).map(|chunk| chunk.iter().enumerate().map(bit).sum::<u32>()));
        configuration
    }

    /// Pushes the choices of this configuration; the one that was invoked first is tried first. Some of them only, if the
    /// budget does not suffice for all.
    fn gather(&mut self, budget: &mut Budget) {
        let next = (0..self.sessions.len()).map(Choice::Next);
        let all: Vec<Choice> = next.chain((0..self.open.len()).map(Choice::Open)).collect();
        let mut found: Vec<(Node, Choice)> = Vec::new();
        for choice in all {
            self.pay(budget);
            if budget.is_spent() {
                return;
            }
            let node = self.node(choice);
            found.extend(node.filter(|node| self.is_worth_trying(node)).map(|node| (node, choice)));
        }
        found.sort_by_key(|(node, _)| std::cmp::Reverse((node.entry.call, node.entry.operation)));
        let depth = self.done.len();
        budget.entries = budget.entries.saturating_sub(found.len() as u64 / CHOICES_PER_ENTRY);
        self.choices.extend(found.into_iter().map(|(_, choice)| (depth, choice)));
    }

    fn is_worth_trying(&mut self, node: &Node) -> bool {
        let state = self.states[node.object];
        let Some(next) = self.step(node) else { return false };
        let facts = &self.facts[node.object];
        let is_useless = || node.entry.is_open() && facts.wanted[next as usize] == 0;
        !(facts.closed_form && (is_useless() || facts.strands(state, &node.entry, next)))
    }

    fn take(&mut self, choice: Choice) {
        let node = self.node(choice).expect("only what may come next is a choice");
        match choice {
            Choice::Next(session) => self.sessions[session].done += 1,
            Choice::Open(place) => self.open[place].is_done = true,
        }
        let before = self.states[node.object];
        let next = self.step(&node);
        self.states[node.object] = next.expect("only legal operations are choices");
        self.facts[node.object].count(&node.entry, -1);
        self.done.push(Done { choice, node, before });
    }

    fn take_back(&mut self) {
        let Done { choice, node, before } = self.done.pop().expect("deeper than where the choice was");
        match choice {
            Choice::Next(session) => self.sessions[session].done -= 1,
            Choice::Open(place) => self.open[place].is_done = false,
        }
        self.states[node.object] = before;
        self.facts[node.object].count(&node.entry, 1);
    }
}

/// Takes operations out as long as the rest has no order, as for linearizability.
fn refuted<M: Model>(objects: &mut [Object<'_, M>], mut core: Vec<Node>, mut budget: Budget) -> Sequential
where
    M::State: Display,
{
    let mut size = core.len().div_ceil(2);
    while size > 0 && !budget.is_spent() {
        let mut start = 0;
        while start < core.len() {
            let rest = without(&core, start, size);
            if rest.len() < core.len() && search(objects, &rest, &mut budget) == Some(None) {
                core = rest;
            } else {
                start += size;
            }
        }
        size /= 2;
    }
    let mut operations: Vec<usize> = core.iter().map(|node| node.entry.operation).collect();
    operations.sort_unstable();
    let history = objects[core[0].object].history;
    let told: Vec<String> = operations.iter().map(|&operation| clause(history, operation)).collect();
    let explanation = match told.as_slice() {
        [only] => format!("{only}: nothing explains this answer."),
        _ => format!(
            "No order that keeps each session's own explains {}: {}.",
            count(told.len(), "operation"),
            list(&told, TOLD)
        ),
    };
    Sequential::Refuted { core: operations, explanation }
}

/// `nodes` without those from `start` on, at most `size`, and without what requires a state that a removed one leads
/// to: what remains of an order of all is an order of the rest.
fn without(nodes: &[Node], start: usize, size: usize) -> Vec<Node> {
    let only_model_knows = |node: &&Node| matches!(node.entry.action, Action::Step | Action::Look);
    let stepped: BTreeSet<usize> = nodes.iter().filter(only_model_knows).map(|node| node.object).collect();
    let mut lost: BTreeSet<(usize, u32)> = BTreeSet::new();
    let mut removed = vec![false; nodes.len()];
    let mut queue: Vec<usize> = (start..nodes.len().min(start + size)).collect();
    while !queue.is_empty() {
        for index in queue.drain(..) {
            let Node { object, entry } = nodes[index];
            removed[index] = entry.action.is_pure() || !stepped.contains(&object);
            lost.extend(entry.action.produced().filter(|_| removed[index]).map(|state| (object, state)));
        }
        let requires_lost = |index: &usize| {
            let Node { object, entry } = nodes[*index];
            !removed[*index] && entry.action.required().is_some_and(|state| lost.contains(&(object, state)))
        };
        queue = (0..nodes.len()).filter(requires_lost).collect();
    }
    nodes.iter().zip(removed).filter(|(_, removed)| !removed).map(|(node, _)| *node).collect()
}
