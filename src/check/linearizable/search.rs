//! The search for a linearization of one object.
//!
//! Wing and Gong's search (1993, "Testing and Verifying Concurrent Objects"): choose an operation that no other
//! one must precede, apply it, go on; when nothing fits, go back. With Lowe's improvements (2017, "Testing for
//! Linearizability"): configurations are remembered, so that none is explored twice, and operations are
//! linearized just in time, by the earliest deadline first. A configuration is (the first bounded operation not
//! yet linearized in the order of deadlines, the state, which of the operations open there are linearized);
//! the last part is a few bits, because each operation borrows a slot only while it is open.
//!
//! Five rules cut branches; each keeps at least one linearization if there is any from here. "Closed form" means
//! that every operation of the object is a [`Set`](Action::Set), [`Move`](Action::Move) or
//! [`Observe`](Action::Observe), so that what directly follows an operation whose state nobody requires is a
//! `Set` (or nothing), and the operation can be taken out, or put in directly before a `Set`, at no cost.
//!
//! 1. *Pure first.* An operation that changes nothing is linearized at once when it is legal: moved here from
//!    its place in any linearization it still is legal and all others stay so.
//! 2. *Twins.* Of operations with the same action the one with the earlier deadline goes first (else swap
//!    them); open ones by invocation. Neither may wait for its own session's previous operation.
//! 3. *Unneeded* (closed form). An open operation that leads to a state that none requires is dropped for good.
//!    A bounded `Set` to such a state goes directly before the next `Set`, or at its deadline, or when its own
//!    session's next operation waits for it.
//! 4. *Observed at once* (closed form). An open operation is followed by one that requires its state; followed
//!    by a `Set` it might as well never have happened.
//! 5. *Supply* (closed form). A state that a bounded operation still requires is not left for good: if no
//!    operation that leads back to it remains, the branch is dead.

use std::collections::BTreeMap;

use super::Budget;
use super::memo::{Bits, Memo};
use super::object::{Action, Entry, INITIAL, Object, Price};
use crate::check::model::Model;
use crate::check::precedence::predecessors;
use crate::kernel::Time;
use crate::load::History;

/// What a search found.
pub(super) enum Found {
    /// A linearization: indices into the history, and the last state.
    Linearization { order: Vec<usize>, state: u32 },
    /// There is none.
    Nothing,
    /// The budget was spent before either was certain.
    Unknown,
}

/// Searches for a linearization of `entries` (in the order of invocation), and takes what it costs from `budget`.
pub(super) fn search<M: Model>(object: &mut Object<'_, M>, entries: &[Entry], budget: &mut Budget) -> Found {
    let facts = Facts::new(entries, object.states.len());
    let needed: Vec<Entry> = entries.iter().filter(|entry| facts.keeps(entry)).copied().collect();
    Search::new(object, &needed, facts).run(budget)
}

/// What is known beforehand of the states in closed form.
pub(super) struct Facts {
    pub(super) closed_form: bool,
    /// Per state: operations not yet linearized that require it; bounded ones among them; and those that lead
    /// to it.
    pub(super) wanted: Vec<u32>,
    demand: Vec<u32>,
    supply: Vec<u32>,
    /// Per state: whether some operation requires it.
    needed: Vec<bool>,
}

impl Facts {
    pub(super) fn new(entries: &[Entry], states: usize) -> Self {
        let closed_form = !entries.iter().any(|entry| matches!(entry.action, Action::Step | Action::Look));
        let mut facts = Self {
            closed_form,
            wanted: vec![0; states],
            demand: vec![0; states],
            supply: vec![0; states],
            needed: Vec::new(),
        };
        let mut open_producers: BTreeMap<u32, Vec<&Entry>> = BTreeMap::new();
        for entry in entries {
            facts.count(entry, 1);
            if let (true, Some(to)) = (entry.is_open(), entry.action.produced()) {
                open_producers.entry(to).or_default().push(entry);
            }
        }
        // Dropping an open compare-and-set may leave the state that it required unneeded in its turn.
        let mut unneeded: Vec<u32> =
            open_producers.keys().copied().filter(|&state| facts.wanted[state as usize] == 0).collect();
        while let Some(state) = unneeded.pop() {
            for entry in open_producers.remove(&state).unwrap_or_default() {
                facts.count(entry, -1);
                unneeded.extend(entry.action.required().filter(|&from| facts.wanted[from as usize] == 0));
            }
        }
        facts.needed = facts.wanted.iter().map(|&wanted| wanted > 0).collect();
        facts
    }

    pub(super) fn keeps(&self, entry: &Entry) -> bool {
        !(self.closed_form && entry.is_open() && entry.action.produced().is_some_and(|to| !self.needed[to as usize]))
    }

    /// Counts an operation in (1) when it waits to be linearized, or out (-1).
    pub(super) fn count(&mut self, entry: &Entry, change: i32) {
        let add = |count: &mut u32| *count = count.wrapping_add_signed(change);
        if let Some(from) = entry.action.required() {
            add(&mut self.wanted[from as usize]);
            if !entry.is_open() {
                add(&mut self.demand[from as usize]);
            }
        }
        if let Some(to) = entry.action.produced() {
            add(&mut self.supply[to as usize]);
        }
    }

    /// Rule 5: whether going from `state` to `next` by `entry` leaves a state for good that another bounded operation
    /// requires.
    pub(super) fn strands(&self, state: u32, entry: &Entry, next: u32) -> bool {
        let own = u32::from(!entry.is_open() && entry.action.required() == Some(state));
        next != state && self.supply[state as usize] == 0 && self.demand[state as usize] > own
    }

    fn is_unneeded_set(&self, entry: &Entry) -> bool {
        self.closed_form && matches!(entry.action, Action::Set(to) if !self.needed[to as usize])
    }
}

/// Where the search stands: what a frame restores.
#[derive(Clone, Copy)]
struct Place {
    /// The first bounded operation not yet linearized, as an index into `deadlines`.
    frontier: usize,
    state: u32,
    /// Whether an open operation led to the state and nothing has observed it (rule 4).
    unobserved: bool,
    /// How many operations are linearized.
    depth: usize,
}

/// A configuration whose remaining choices are `choices[first_choice..]`, best last.
struct Frame {
    place: Place,
    first_choice: usize,
}

struct Search<'s, 'h, M: Model> {
    object: &'s mut Object<'h, M>,
    entries: &'s [Entry],
    facts: Facts,
    /// The bounded operations by deadline.
    deadlines: Vec<u32>,
    /// How many operations are invoked by the deadline of each; entries are in the order of invocation.
    invoked: Vec<u32>,
    slots: Vec<u32>,
    /// The operation of the same session that touches this one's invocation, or is before it in a series, and so must go
    /// first.
    predecessor: Vec<Option<u32>>,
    /// Whether it is some operation's predecessor.
    precedes: Vec<bool>,
    /// The previous open operation with the same action.
    twin: Vec<Option<u32>>,
    /// The operations not linearized, doubly linked (Knuth's dancing links); the last index is the ring's head.
    next: Vec<u32>,
    previous: Vec<u32>,
    taken: Vec<bool>,
    bits: Bits,
    place: Place,
    order: Vec<u32>,
    choices: Vec<u32>,
    frames: Vec<Frame>,
    /// Operations looked at.
    steps: u64,
}

/// So many choices take as much memory as an entry.
const CHOICES_PER_ENTRY: u64 = 10;

fn small(index: usize) -> u32 {
    u32::try_from(index).expect("a history has less than 2^32 operations")
}

/// Lets each taking of a series wait for the one before it.
fn follow_series(history: &History, entries: &[Entry], predecessor: &mut [Option<u32>]) {
    let mut latest: BTreeMap<u64, usize> = BTreeMap::new();
    for (e, entry) in entries.iter().enumerate() {
        let operation = &history.operations[entry.operation];
        if !entry.is_open() && operation.is_in_series_with(operation) {
            let before = latest.insert(entry.session, e);
            let before = before.filter(|&e| operation.is_in_series_with(&history.operations[entries[e].operation]));
            predecessor[e] = before.map(small).or(predecessor[e]);
        }
    }
}

impl<'s, 'h, M: Model> Search<'s, 'h, M> {
    fn new(object: &'s mut Object<'h, M>, entries: &'s [Entry], facts: Facts) -> Self {
        let length = small(entries.len());
        let mut deadlines: Vec<u32> = (0..length).filter(|&e| !entries[e as usize].is_open()).collect();
        deadlines.sort_by_key(|&e| entries[e as usize].deadline());
        let by_call = |time: Time| small(entries.partition_point(|entry| entry.call <= time));
        let invoked = deadlines.iter().map(|&e| by_call(entries[e as usize].deadline())).collect();
        let (slots, width) = assign_slots(entries, &deadlines);
        let mut predecessor = predecessors(entries.iter().map(Entry::times));
        follow_series(object.history, entries, &mut predecessor);
        let (mut twins, mut twin) = (BTreeMap::new(), Vec::new());
        for (e, entry) in (0..length).zip(entries) {
            let is_comparable = entry.is_open() && !matches!(entry.action, Action::Step | Action::Look);
            twin.push(if is_comparable { twins.insert(entry.action, e) } else { None });
        }
        let mut precedes = vec![false; entries.len()];
        for &before in predecessor.iter().flatten() {
            precedes[before as usize] = true;
        }
        Self {
            object,
            entries,
            facts,
            deadlines,
            invoked,
            slots,
            predecessor,
            precedes,
            twin,
            next: (1..=length).chain([0]).collect(),
            previous: [length].into_iter().chain(0..length).collect(),
            taken: vec![false; entries.len()],
            bits: Bits::new(width),
            place: Place { frontier: 0, state: INITIAL, unobserved: false, depth: 0 },
            order: Vec::new(),
            choices: Vec::new(),
            frames: Vec::new(),
            steps: 0,
        }
    }

    fn run(mut self, budget: &mut Budget) -> Found {
        let mut memo = Memo::new(self.bits.words());
        self.settle();
        loop {
            if self.place.frontier == self.deadlines.len() {
                let order = self.order.iter().map(|&e| self.entries[e as usize].operation).collect();
                return Found::Linearization { order, state: self.place.state };
            }
            self.frames.push(Frame { place: self.place, first_choice: self.choices.len() });
            if memo.insert(self.configuration(), &self.bits) {
                budget.entries = budget.entries.saturating_sub(self.bits.words() as u64);
                self.gather(budget);
                self.pay(budget);
                if budget.is_spent() {
                    return Found::Unknown;
                }
            }
            let Some(choice) = self.next_choice() else { return Found::Nothing };
            self.apply(choice);
            self.settle();
            self.pay(budget);
            if budget.is_spent() {
                return Found::Unknown;
            }
        }
    }

    /// Takes what was done from the budget.
    fn pay(&mut self, budget: &mut Budget) {
        let Price { steps, entries } = self.object.states.take_unpaid();
        budget.steps = budget.steps.saturating_sub(steps + std::mem::take(&mut self.steps));
        budget.entries = budget.entries.saturating_sub(entries);
    }

    /// The configuration without its bits, as one number.
    fn configuration(&self) -> u64 {
        let Place { frontier, state, unobserved, .. } = self.place;
        (frontier as u64) << 32 | u64::from(state) << 1 | u64::from(unobserved)
    }

    /// Goes back to the latest configuration with a choice left.
    fn next_choice(&mut self) -> Option<u32> {
        while let Some(&Frame { place, first_choice }) = self.frames.last() {
            self.restore(place);
            if self.choices.len() > first_choice {
                return self.choices.pop();
            }
            self.frames.pop();
        }
        None
    }

    /// Whether its own session does not hold it back.
    fn is_free(&self, e: u32) -> bool {
        self.predecessor[e as usize].is_none_or(|before| self.taken[before as usize])
    }

    /// The operations that may go next by real time: invoked by the frontier's deadline, their own session's
    /// predecessor done. Starts at the ring's head; `after` is the previous answer.
    fn candidate(&mut self, after: Option<u32>) -> Option<u32> {
        let mut e = self.next[after.map_or(self.entries.len(), |e| e as usize)];
        let end = self.invoked.get(self.place.frontier).copied()?;
        while e < end {
            self.steps += 1;
            if self.is_free(e) {
                return Some(e);
            }
            e = self.next[e as usize];
        }
        None
    }

    /// Rule 1, as far as it goes, and the frontier with it.
    fn settle(&mut self) {
        loop {
            let before = self.order.len();
            let mut at = None;
            while let Some(e) = self.candidate(at) {
                let entry = self.entries[e as usize];
                if entry.action.is_pure() && self.object.step(self.place.state, &entry).is_some() {
                    self.take(e);
                    self.place.unobserved = false;
                }
                at = Some(e);
            }
            while let Some(&e) = self.deadlines.get(self.place.frontier).filter(|&&e| self.taken[e as usize]) {
                self.bits.flip(self.slots[e as usize]);
                self.place.frontier += 1;
            }
            if self.order.len() == before {
                return;
            }
        }
    }

    /// Pushes the choices of this configuration, the earliest deadline last. Some of them only, if the budget does not
    /// suffice for all.
    fn gather(&mut self, budget: &mut Budget) {
        let first = self.choices.len();
        let mut at = None;
        while let Some(e) = self.candidate(at) {
            let Price { steps, entries } = self.object.states.unpaid();
            if steps >= budget.steps || entries >= budget.entries {
                return;
            }
            at = Some(e);
            if self.is_worth_trying(e) {
                self.choices.push(e);
            }
        }
        let entries = self.entries;
        let deadline = |e: u32| entries[e as usize].deadline();
        let found = &mut self.choices[first..];
        found.sort_by_key(|&e| (deadline(e), e));
        let bounded = found.partition_point(|&e| !entries[e as usize].is_open());
        let mut kept: Vec<u32> = Vec::with_capacity(found.len());
        for (index, &e) in found.iter().enumerate() {
            let action = entries[e as usize].action;
            let is_twin = |&other: &u32| entries[other as usize].action == action && deadline(other) < deadline(e);
            if !(self.facts.closed_form && found[..index.min(bounded)].iter().any(is_twin)) {
                kept.push(e);
            }
        }
        self.choices.truncate(first);
        self.choices.extend(kept.iter().rev());
        budget.entries = budget.entries.saturating_sub(kept.len() as u64 / CHOICES_PER_ENTRY);
    }

    fn is_worth_trying(&mut self, e: u32) -> bool {
        let entry = self.entries[e as usize];
        let Some(next) = self.object.step(self.place.state, &entry) else { return false };
        if self.twin[e as usize].is_some_and(|twin| !self.taken[twin as usize] && self.is_free(twin)) {
            return false;
        }
        if !self.facts.closed_form {
            return true;
        }
        let is_useless = entry.is_open() && self.facts.wanted[next as usize] == 0;
        let is_vain = self.place.unobserved && matches!(entry.action, Action::Set(_));
        let is_due = self.deadlines[self.place.frontier] == e || self.precedes[e as usize];
        let is_early = self.facts.is_unneeded_set(&entry) && !is_due;
        !(is_useless || is_vain || is_early || self.facts.strands(self.place.state, &entry, next))
    }

    /// Linearizes a choice, and directly before a `Set` every unneeded one (rule 3).
    fn apply(&mut self, choice: u32) {
        let entry = self.entries[choice as usize];
        if matches!(entry.action, Action::Set(_)) {
            let mut at = None;
            while let Some(e) = self.candidate(at) {
                if e != choice && self.facts.is_unneeded_set(&self.entries[e as usize]) {
                    self.take(e);
                }
                at = Some(e);
            }
        }
        let next = self.object.step(self.place.state, &entry);
        self.take(choice);
        self.place.state = next.expect("only legal operations are choices");
        self.place.unobserved = self.facts.closed_form && entry.is_open();
    }

    fn take(&mut self, e: u32) {
        let (before, after) = (self.previous[e as usize], self.next[e as usize]);
        self.next[before as usize] = after;
        self.previous[after as usize] = before;
        self.taken[e as usize] = true;
        self.bits.flip(self.slots[e as usize]);
        self.facts.count(&self.entries[e as usize], -1);
        self.order.push(e);
        self.place.depth += 1;
    }

    fn restore(&mut self, place: Place) {
        for index in place.frontier..self.place.frontier {
            self.bits.flip(self.slots[self.deadlines[index] as usize]);
        }
        while self.order.len() > place.depth {
            let e = self.order.pop().expect("longer than the depth");
            let (before, after) = (self.previous[e as usize], self.next[e as usize]);
            self.next[before as usize] = e;
            self.previous[after as usize] = e;
            self.taken[e as usize] = false;
            self.bits.flip(self.slots[e as usize]);
            self.facts.count(&self.entries[e as usize], 1);
        }
        self.place = place;
    }
}

/// Gives each operation the lowest slot that is free while it is open, and says how many there are. The slot
/// of a bounded operation is free again after its deadline.
fn assign_slots(entries: &[Entry], deadlines: &[u32]) -> (Vec<u32>, usize) {
    let (mut slots, mut free, mut width) = (Vec::with_capacity(entries.len()), Vec::new(), 0);
    let mut ended = deadlines.iter().peekable();
    for entry in entries {
        while let Some(&e) = ended.next_if(|&&e| entries[e as usize].deadline() < entry.call) {
            free.push(slots[e as usize]);
        }
        slots.push(free.pop().unwrap_or_else(|| {
            width += 1;
            width - 1
        }));
    }
    (slots, width as usize)
}
