//! The exact answer for small histories: is there an execution of a level that explains all reads?
//!
//! An execution is built event by event. A transaction begins, when all that it reads of others must be what the
//! objects hold, and commits, when its writes take effect. In a serial execution it does both at once. Under snapshot
//! isolation (Berenson et al. 1995; generalized as by Elnikety et al. 2005, a snapshot may be old) it may commit
//! later, but no two transactions that write one object may overlap.
//!
//! What the dependency graph knows holds in every such execution, and so does what follows from it ([`saturate`]), so it cuts
//! the search: who wrote or precedes, commits before the other begins; who read, begins before the one who replaced it commits. Three more cuts keep an
//! execution if there is one: a transaction that only reads is done as soon as it can begin; a version that some
//! transaction still has to read is not replaced, unless it may come back; no configuration is explored twice.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Dependency, Graph};
use super::level::Order;
use super::plan::{Effect, INITIAL, Plans};
use super::saturate::{Event, Saturated, saturate};
use crate::check::Budget;
use crate::check::linearizable::mix;

/// What is searched for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Execution {
    /// One transaction after the other.
    Serial,
    /// Snapshot isolation.
    Snapshots,
}

/// Whether there is an execution in the given order; `None` if the budget was spent before that was certain.
pub(super) fn search(
    plans: Plans,
    graph: &Graph,
    execution: Execution,
    order: Order,
    budget: &mut Budget,
) -> Option<bool> {
    let known = known(&plans, graph, execution, order);
    let must_commit = |event: Event| match event {
        Event::Begin(place) | Event::Commit(place) => plans.transactions[place].must_commit,
    };
    let certain: Vec<_> = known.iter().copied().filter(|&(_, to)| must_commit(to)).collect();
    let forced = match saturate(&plans, execution, &certain, budget) {
        Saturated::Contradiction => return Some(false),
        Saturated::Forced(forced) => forced,
    };
    let mut search = Search::new(plans, execution);
    known.into_iter().chain(forced).for_each(|(from, to)| search.wait(from, to));
    search.run(budget)
}

/// What the graph knows to come after transactions that must commit. (What runs through hubs is left out: it is many, and
/// follows from what is read.)
fn known(plans: &Plans, graph: &Graph, execution: Execution, order: Order) -> Vec<(Event, Event)> {
    let mut place_of = BTreeMap::new();
    for (place, plan) in plans.transactions.iter().enumerate() {
        place_of.insert(plan.transaction, place);
    }
    let mut known = Vec::new();
    for edge in graph.edges.edge_indices() {
        let link = graph.edges[edge];
        let ends = graph.edges.edge_endpoints(edge).filter(|_| link.order() <= order);
        let places = ends.and_then(|(a, b)| Some((*place_of.get(&a.index())?, *place_of.get(&b.index())?)));
        let Some((from, to)) = places.filter(|&(from, _)| plans.transactions[from].must_commit) else {
            continue;
        };
        known.push(match link.is(Dependency::AntiRead) && execution == Execution::Snapshots {
            true => (Event::Begin(from), Event::Commit(to)),
            false => (Event::Commit(from), Event::Begin(to)),
        });
    }
    known
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Waiting,
    Begun,
    Committed,
}

/// Where the search stands after an event: what takes the event back, and which choices remain.
#[derive(Default)]
struct Frame {
    /// The transaction of the event, by place, and its stage before; nothing at the very beginning.
    event: Option<(usize, Stage)>,
    /// The versions that the event replaced, by object.
    replaced: Vec<(usize, u32)>,
    /// To be tried: commits of transactions from this place on, then beginnings from that place on.
    commits_from: usize,
    begins_from: usize,
    /// All transactions before this place have begun.
    first_waiting: usize,
    /// Whether the last choice makes the others needless.
    is_settled: bool,
}

struct Search {
    plans: Plans,
    execution: Execution,
    stages: Vec<Stage>,
    /// The version that each object holds.
    held: Vec<u32>,
    /// How many waiting transactions have to read a version of an object.
    wanted: BTreeMap<(usize, u32), u32>,
    /// How many events each beginning, and each commit, still waits for.
    begin_waits: Vec<u32>,
    commit_waits: Vec<u32>,
    /// Beginnings that wait for a commit; commits that wait for a beginning.
    after_commit: Vec<Vec<usize>>,
    after_begin: Vec<Vec<usize>>,
    /// The transactions that have begun and not committed.
    open: BTreeSet<usize>,
    /// How many transactions must still commit.
    missing: usize,
    /// A hash of the configuration, which follows each change (Zobrist 1970).
    hash: u64,
    /// Configurations that lead nowhere, by their hash.
    dead: BTreeSet<(u64, Vec<u32>)>,
    steps: u64,
}

impl Search {
    fn new(plans: Plans, execution: Execution) -> Self {
        let count = plans.transactions.len();
        let mut wanted = BTreeMap::new();
        for (&object, &version) in plans.transactions.iter().flat_map(|plan| &plan.reads) {
            *wanted.entry((object, version)).or_default() += 1;
        }
        Self {
            execution,
            stages: vec![Stage::Waiting; count],
            held: vec![INITIAL; plans.may_recur.len()],
            wanted,
            begin_waits: vec![0; count],
            commit_waits: vec![0; count],
            after_commit: vec![Vec::new(); count],
            after_begin: vec![Vec::new(); count],
            open: BTreeSet::new(),
            missing: plans.transactions.iter().filter(|plan| plan.must_commit).count(),
            hash: 0,
            dead: BTreeSet::new(),
            steps: 0,
            plans,
        }
    }

    /// Lets an event wait for another.
    fn wait(&mut self, from: Event, to: Event) {
        match (from, to) {
            (Event::Begin(from), Event::Commit(to)) if self.execution == Execution::Snapshots => {
                self.after_begin[from].push(to);
                self.commit_waits[to] += 1;
            }
            (Event::Begin(from) | Event::Commit(from), Event::Begin(to) | Event::Commit(to)) => {
                self.after_commit[from].push(to);
                self.begin_waits[to] += 1;
            }
        }
    }

    fn run(&mut self, budget: &mut Budget) -> Option<bool> {
        let mut frames = vec![Frame::default()];
        let answer = loop {
            let Some(frame) = frames.last_mut() else { break Some(false) };
            if self.missing == 0 {
                break Some(true);
            }
            if self.steps >= budget.steps || budget.is_cancelled() {
                break None;
            }
            if let Some(place) = self.choose(frame) {
                let first_waiting = frame.first_waiting;
                frames.push(self.apply(place, first_waiting));
                if self.is_dead()
                    && let Some(frame) = frames.pop()
                {
                    self.take_back(frame);
                }
                continue;
            }
            let configuration = self.configuration();
            // An entry of the budget is 40 bytes.
            let cost = 2 + configuration.len() as u64 / 10;
            if budget.entries < cost {
                break None;
            }
            budget.entries -= cost;
            self.dead.insert((self.hash, configuration));
            if let Some(frame) = frames.pop() {
                self.take_back(frame);
            }
        };
        budget.steps = budget.steps.saturating_sub(self.steps);
        answer
    }

    fn is_dead(&mut self) -> bool {
        let first = self.dead.range((self.hash, Vec::new())..).next();
        if first.is_none_or(|&(hash, _)| hash != self.hash) {
            return false;
        }
        let configuration = self.configuration();
        self.dead.contains(&(self.hash, configuration))
    }

    fn set_stage(&mut self, place: usize, stage: Stage) {
        let before = std::mem::replace(&mut self.stages[place], stage);
        let part = |stage: Stage| mix((place as u64) << 2 | stage as u64);
        self.hash ^= part(before) ^ part(stage);
    }

    fn set_held(&mut self, object: usize, version: u32) {
        let before = std::mem::replace(&mut self.held[object], version);
        let part = |version: u32| mix(!((object as u64) << 32 | u64::from(version)));
        self.hash ^= part(before) ^ part(version);
    }

    /// What the objects hold and how far each transaction is: all that the future depends on.
    fn configuration(&mut self) -> Vec<u32> {
        let stages = self.stages.chunks(16).map(|stages| {
            stages.iter().fold(0, |word, stage| {
                word << 2
                    | match stage {
                        Stage::Waiting => 0,
                        Stage::Begun => 1,
                        Stage::Committed => 2,
                    }
            })
        });
        let configuration: Vec<u32> = self.held.iter().copied().chain(stages).collect();
        self.steps += configuration.len() as u64;
        configuration
    }

    /// The next transaction that can make its next step.
    fn choose(&mut self, frame: &mut Frame) -> Option<usize> {
        if frame.is_settled {
            return None;
        }
        while let Some(&place) = self.open.range(frame.commits_from..).next() {
            self.steps += 1;
            frame.commits_from = place + 1;
            if self.can_commit(place) {
                return Some(place);
            }
        }
        while frame.begins_from < self.stages.len() {
            self.steps += 1;
            let place = frame.begins_from;
            frame.begins_from += 1;
            let plan = &self.plans.transactions[place];
            let can_begin = self.stages[place] == Stage::Waiting
                && self.begin_waits[place] == 0
                && plan.reads.iter().all(|(&object, &version)| self.held[object] == version);
            if can_begin && (self.execution == Execution::Snapshots || self.can_commit(place)) {
                frame.is_settled = plan.writes.is_empty();
                return Some(place);
            }
        }
        None
    }

    /// Whether a transaction may commit now, or, while it waits, directly after it begins.
    fn can_commit(&self, place: usize) -> bool {
        let plan = &self.plans.transactions[place];
        let is_waiting = self.stages[place] == Stage::Waiting;
        let leaves_what_is_wanted = plan.writes.keys().all(|&object| {
            let held = self.held[object];
            let own = u32::from(is_waiting && plan.reads.get(&object) == Some(&held));
            self.plans.may_recur[object] || self.wanted.get(&(object, held)).is_none_or(|&wanted| wanted == own)
        });
        let overlaps = |&other: &usize| {
            other != place
                && self.plans.transactions[other].writes.keys().any(|object| plan.writes.contains_key(object))
        };
        self.commit_waits[place] == 0 && leaves_what_is_wanted && !self.open.iter().any(overlaps)
    }

    /// Lets a transaction begin or commit; one that has nothing to wait for does both.
    fn apply(&mut self, place: usize, mut first_waiting: usize) -> Frame {
        let before = self.stages[place];
        if before == Stage::Waiting {
            self.begin(place, true);
        }
        let is_done = before == Stage::Begun
            || self.execution == Execution::Serial
            || self.plans.transactions[place].writes.is_empty();
        let replaced = if is_done { self.commit(place) } else { Vec::new() };
        while self.stages.get(first_waiting).is_some_and(|&stage| stage != Stage::Waiting) {
            first_waiting += 1;
        }
        Frame {
            event: Some((place, before)),
            replaced,
            begins_from: first_waiting,
            first_waiting,
            ..Frame::default()
        }
    }

    /// Notes that a transaction has begun, or (`is_forward` false) that it has not.
    fn begin(&mut self, place: usize, is_forward: bool) {
        let plan = &self.plans.transactions[place];
        for (&object, &version) in &plan.reads {
            let wanted = self.wanted.entry((object, version)).or_default();
            *wanted = if is_forward { *wanted - 1 } else { *wanted + 1 };
        }
        self.steps += self.after_begin[place].len() as u64;
        for &other in &self.after_begin[place] {
            let waits = &mut self.commit_waits[other];
            *waits = if is_forward { *waits - 1 } else { *waits + 1 };
        }
        if is_forward {
            self.open.insert(place);
            self.set_stage(place, Stage::Begun);
        } else {
            self.open.remove(&place);
            self.set_stage(place, Stage::Waiting);
        }
    }

    /// Lets a transaction's writes take effect; returns the versions that they replaced.
    fn commit(&mut self, place: usize) -> Vec<(usize, u32)> {
        let plan = &self.plans.transactions[place];
        let mut changes = Vec::with_capacity(plan.writes.len());
        for (&object, effect) in &plan.writes {
            let version = match effect {
                Effect::Set(version) => *version,
                Effect::Append(elements) => self.plans.lists.append(self.held[object], elements),
            };
            changes.push((object, version));
        }
        self.missing -= usize::from(plan.must_commit);
        let mut replaced = Vec::with_capacity(changes.len());
        for (object, version) in changes {
            replaced.push((object, self.held[object]));
            self.set_held(object, version);
        }
        self.steps += (replaced.len() + self.after_commit[place].len()) as u64;
        for &other in &self.after_commit[place] {
            self.begin_waits[other] -= 1;
        }
        self.open.remove(&place);
        self.set_stage(place, Stage::Committed);
        replaced
    }

    fn take_back(&mut self, frame: Frame) {
        let Some((place, before)) = frame.event else { return };
        if self.stages[place] == Stage::Committed {
            for (object, version) in frame.replaced {
                self.set_held(object, version);
            }
            self.missing += usize::from(self.plans.transactions[place].must_commit);
            for &other in &self.after_commit[place] {
                self.begin_waits[other] += 1;
            }
            self.open.insert(place);
            self.set_stage(place, Stage::Begun);
        }
        if before == Stage::Waiting {
            self.begin(place, false);
        }
    }
}
