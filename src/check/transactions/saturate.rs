//! What must come before what in every execution, beyond what the graph knows: the versions of registers are in no order
//! that shows, but of most pairs of writes only one order is possible.
//!
//! Of two transactions that write one register, the second begins after the first commits; who reads what one of them wrote
//! begins before the commit of any other that comes later. (In a serial execution a transaction begins and commits at
//! once.) So if one is known to begin before the other commits, they are in that order, and if one is known to
//! commit before somebody begins who reads what the other wrote, it comes before that other. What follows may decide
//! further pairs, so this goes on until nothing follows any more (Biswas and Enea, "On the Complexity of Checking
//! Transactional Consistency", OOPSLA 2019, section 3; the pruning of Tan et al., "Cobra", OSDI 2020, section 4.3). If
//! something then precedes itself, there is no execution. Otherwise most pairs are decided, and a search need not guess them.

use std::collections::BTreeMap;

use super::plan::{Effect, INITIAL, Plans};
use super::search::Execution;
use crate::check::Budget;

/// Of more events nothing is inferred: what is known of each pair of them is a bit.
const MOST_EVENTS: usize = 1 << 13;

/// A transaction, by place, begins or commits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Event {
    Begin(usize),
    Commit(usize),
}

/// What is inferred.
pub(super) enum Saturated {
    /// These events are in these orders, besides what was known.
    Forced(Vec<(Event, Event)>),
    /// There is no execution.
    Contradiction,
}

/// Of the steps of a search, those that inferring beforehand may take.
const SHARE: u64 = 4;

/// Infers from what is known. Only transactions that must commit are considered.
pub(super) fn saturate(
    plans: &Plans,
    execution: Execution,
    known: &[(Event, Event)],
    budget: &mut Budget,
) -> Saturated {
    let steps = budget.steps;
    let mut own = Budget { steps: steps / SHARE, ..*budget };
    let saturated = inferred(plans, execution, known, &mut own);
    budget.steps = steps - (steps / SHARE - own.steps);
    saturated
}

fn inferred(plans: &Plans, execution: Execution, known: &[(Event, Event)], budget: &mut Budget) -> Saturated {
    if budget.is_spent() {
        return Saturated::Forced(Vec::new());
    }
    let mut saturation = Saturation::new(plans, execution);
    if saturation.registers.is_empty() || saturation.edges.len() > MOST_EVENTS {
        return Saturated::Forced(Vec::new());
    }
    for &(from, to) in known {
        let [a, b] = [from, to].map(|event| saturation.node(event));
        saturation.edges[a].push(b);
    }
    let mut forced = Vec::new();
    loop {
        if !saturation.close(budget) {
            return Saturated::Contradiction;
        }
        let new = saturation.infer(budget);
        if new.is_empty() || budget.is_spent() {
            saturation.reduce(&mut forced);
            return Saturated::Forced(forced);
        }
        forced.extend(new);
    }
}

/// A version of a register: who writes it (nobody the first), and who reads it.
#[derive(Default)]
struct Version {
    writer: Option<usize>,
    readers: Vec<usize>,
}

struct Saturation {
    execution: Execution,
    transactions: usize,
    registers: Vec<Vec<Version>>,
    /// What comes directly after each event, and what after all.
    edges: Vec<Vec<usize>>,
    later: Vec<Vec<u64>>,
}

impl Saturation {
    fn new(plans: &Plans, execution: Execution) -> Self {
        let mut registers: Vec<BTreeMap<u32, Version>> = Vec::new();
        registers.resize_with(plans.may_recur.len(), BTreeMap::new);
        for (place, plan) in plans.transactions.iter().enumerate().filter(|(_, plan)| plan.must_commit) {
            for (&object, effect) in &plan.writes {
                if let Effect::Set(version) = effect {
                    registers[object].entry(*version).or_default().writer = Some(place);
                }
            }
            for (&object, &version) in &plan.reads {
                registers[object].entry(version).or_default().readers.push(place);
            }
        }
        let is_written =
            |versions: &BTreeMap<u32, Version>| versions.values().any(|version| version.writer.is_some());
        let registers = registers.into_iter().zip(&plans.may_recur);
        let registers = registers.filter(|(versions, may_recur)| !**may_recur && is_written(versions));
        // What nobody known wrote is no version that others can be compared with, but for the first.
        let is_known = |(number, version): &(u32, Version)| *number == INITIAL || version.writer.is_some();
        let registers = registers
            .map(|(versions, _)| versions.into_iter().filter(is_known).map(|(_, version)| version).collect())
            .collect();
        let transactions = plans.transactions.len();
        let events = if execution == Execution::Serial { transactions } else { 2 * transactions };
        Self { execution, transactions, registers, edges: vec![Vec::new(); events], later: Vec::new() }
    }

    fn node(&self, event: Event) -> usize {
        match event {
            Event::Begin(place) => place,
            Event::Commit(place) if self.execution == Execution::Serial => place,
            Event::Commit(place) => self.transactions + place,
        }
    }

    /// Finds what comes after each event; false if something comes after itself.
    fn close(&mut self, budget: &mut Budget) -> bool {
        let events = self.edges.len();
        if self.execution == Execution::Snapshots && self.later.is_empty() {
            (0..self.transactions).for_each(|place| self.edges[place].push(self.transactions + place));
        }
        let mut waits = vec![0u32; events];
        self.edges.iter().flatten().for_each(|&to| waits[to] += 1);
        let mut order: Vec<usize> = (0..events).filter(|&event| waits[event] == 0).collect();
        let mut next = 0;
        while let Some(&event) = order.get(next) {
            next += 1;
            for &to in &self.edges[event] {
                waits[to] -= 1;
                if waits[to] == 0 {
                    order.push(to);
                }
            }
        }
        let words = events.div_ceil(64);
        self.later = vec![Vec::new(); events];
        for &event in order.iter().rev() {
            let mut later = vec![0u64; words];
            for &to in &self.edges[event] {
                later[to / 64] |= 1 << (to % 64);
                later.iter_mut().zip(&self.later[to]).for_each(|(word, other)| *word |= other);
            }
            budget.steps = budget.steps.saturating_sub((words * (1 + self.edges[event].len())) as u64);
            self.later[event] = later;
        }
        order.len() == events
    }

    /// Leaves out what follows from the rest.
    fn reduce(&self, forced: &mut Vec<(Event, Event)>) {
        forced.sort_unstable();
        let mut kept = Vec::new();
        for from_one in forced.chunk_by(|one, other| one.0 == other.0) {
            let mut implied = vec![0u64; self.edges.len().div_ceil(64)];
            for &next in &self.edges[self.node(from_one[0].0)] {
                implied.iter_mut().zip(&self.later[next]).for_each(|(word, other)| *word |= other);
            }
            let is_needed = |&&(_, to): &&(Event, Event)| {
                let to = self.node(to);
                implied[to / 64] >> (to % 64) & 1 == 0
            };
            kept.extend(from_one.iter().filter(is_needed));
        }
        *forced = kept;
    }

    fn precedes(&self, one: Event, other: Event) -> bool {
        let (one, other) = (self.node(one), self.node(other));
        self.later[one][other / 64] >> (other % 64) & 1 == 1
    }

    /// What follows directly from what is known, and is not known.
    fn infer(&mut self, budget: &mut Budget) -> Vec<(Event, Event)> {
        let mut new: Vec<(Event, Event)> = Vec::new();
        let mut steps = 0;
        for register in &self.registers {
            for version in register {
                for other in register.iter().filter_map(|other| other.writer) {
                    if version.writer == Some(other) {
                        continue;
                    }
                    steps += 1 + version.readers.len() as u64;
                    let is_first =
                        version.writer.is_none_or(|writer| self.precedes(Event::Begin(writer), Event::Commit(other)));
                    let readers = || version.readers.iter().copied().filter(|&reader| reader != other);
                    if is_first {
                        new.extend(version.writer.map(|writer| (Event::Commit(writer), Event::Begin(other))));
                        new.extend(readers().map(|reader| (Event::Begin(reader), Event::Commit(other))));
                    } else if let Some(writer) = version.writer
                        && readers().any(|reader| self.precedes(Event::Commit(other), Event::Begin(reader)))
                    {
                        new.push((Event::Commit(other), Event::Begin(writer)));
                    }
                }
            }
        }
        budget.steps = budget.steps.saturating_sub(steps);
        new.retain(|&(one, other)| !self.precedes(one, other));
        new.sort_unstable();
        new.dedup();
        for &(from, to) in &new {
            let [from, to] = [from, to].map(|event| self.node(event));
            self.edges[from].push(to);
        }
        new
    }
}
