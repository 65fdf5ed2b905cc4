//! Serializability and snapshot isolation, read aloud: every order of beginnings and commits is tried.

use std::collections::BTreeMap;

use super::*;

type State = BTreeMap<Key, Vec<i64>>;

pub(super) struct Oracle<'h> {
    transactions: &'h [Transaction],
    is_serial: bool,
    order: Order,
    begun: Vec<Option<State>>,
    committed: Vec<bool>,
    state: State,
}

impl<'h> Oracle<'h> {
    /// Whether some execution explains the history; under snapshot isolation unless `is_serial`.
    pub(super) fn explains(history: &'h TransactionHistory, is_serial: bool, order: Order) -> bool {
        let transactions = history.transactions();
        let count = transactions.len();
        let (begun, committed) = (vec![None; count], vec![false; count]);
        Self { transactions, is_serial, order, begun, committed, state: State::new() }.search()
    }

    fn search(&mut self) -> bool {
        let is_done =
            |(transaction, &committed): (&Transaction, &bool)| committed || transaction.fate != Fate::Committed;
        if self.transactions.iter().zip(&self.committed).all(is_done) {
            return true;
        }
        for index in 0..self.transactions.len() {
            if self.committed[index] || self.transactions[index].fate == Fate::Aborted {
                continue;
            }
            let is_found = match self.begun[index] {
                None => self.begin(index),
                Some(_) => self.commit(index),
            };
            if is_found {
                return true;
            }
        }
        false
    }

    fn begin(&mut self, index: usize) -> bool {
        let waits = (0..self.transactions.len())
            .any(|other| !self.committed[other] && precedes(self.transactions, self.order, other, index));
        let is_alone = (0..self.transactions.len()).all(|other| self.begun[other].is_none() || self.committed[other]);
        let mut view = self.state.clone();
        let agrees = self.transactions[index].operations.iter().all(|operation| perform(&mut view, operation));
        if waits || !agrees || self.is_serial && !is_alone {
            return false;
        }
        self.begun[index] = Some(self.state.clone());
        let is_found = if self.is_serial { self.commit(index) } else { self.search() };
        self.begun[index] = None;
        is_found
    }

    fn commit(&mut self, index: usize) -> bool {
        let transaction = &self.transactions[index];
        let written: Vec<Key> = writes(transaction).map(MicroOperation::key).collect();
        let conflicts = |other: usize| {
            let is_open = other != index && self.begun[other].is_some() && !self.committed[other];
            is_open && writes(&self.transactions[other]).any(|operation| written.contains(&operation.key()))
        };
        if (0..self.transactions.len()).any(conflicts) {
            return false;
        }
        let before = self.state.clone();
        for operation in writes(transaction) {
            perform(&mut self.state, operation);
        }
        self.committed[index] = true;
        let is_found = self.search();
        self.committed[index] = false;
        self.state = before;
        is_found
    }
}

/// Whether the order of sessions or of time puts one transaction before another.
pub(super) fn precedes(transactions: &[Transaction], order: Order, a: usize, b: usize) -> bool {
    let (one, two) = (&transactions[a], &transactions[b]);
    let in_session = one.session == two.session && a < b;
    one.fate == Fate::Committed
        && match order {
            Order::Any => false,
            Order::Session => in_session,
            Order::Realtime => in_session || one.completed < two.invoked,
        }
}

fn writes(transaction: &Transaction) -> impl Iterator<Item = &MicroOperation> {
    transaction.operations.iter().filter(|operation| operation.written().is_some())
}

/// Lets an operation happen; false if it reads something else.
pub(super) fn perform(state: &mut State, operation: &MicroOperation) -> bool {
    let held = state.entry(operation.key()).or_default();
    match operation {
        MicroOperation::Append { element, .. } => held.push(*element),
        MicroOperation::Write { value, .. } => *held = vec![*value],
        MicroOperation::ReadList { found, .. } => return held == found,
        MicroOperation::ReadRegister { found, .. } => return held.first() == found.as_ref(),
    }
    true
}
