//! Random histories of atomic objects, as long as one likes: correct by construction, since each operation takes effect
//! at an instant between its invocation and its answer.

use std::collections::VecDeque;

use partita::check::transactions::{Fate, MicroOperation, Transaction, TransactionHistory};
use partita::host::{Key, Request, Value};
use partita::kernel::{Draw, SplitMix64, Time};
use partita::load::{History, Operation, Outcome};

/// The longest time between two operations of a session, and the longest operation.
const PAUSE: u64 = 20;
const LENGTH: u64 = 200;

/// When something of a session begins, takes effect and ends, in the order in which it takes effect.
struct Plan {
    effect: u64,
    number: u64,
    session: u64,
    from: u64,
    to: u64,
}

/// So many sessions that are busy most of the time.
fn plans(length: u64, sessions: u64, draws: &mut SplitMix64) -> Vec<Plan> {
    let mut free_at = vec![0; sessions as usize];
    let plan = |number: u64| {
        let session = number % sessions;
        let from = free_at[session as usize] + 1 + draws.below(PAUSE);
        let to = from + 1 + draws.below(LENGTH);
        free_at[session as usize] = to;
        Plan { effect: from + draws.below(to - from + 1), number, session, from, to }
    };
    let mut plans: Vec<Plan> = (0..length).map(plan).collect();
    plans.sort_by_key(|plan| (plan.effect, plan.number));
    plans
}

fn operation(plan: &Plan, request: Request, outcome: Outcome) -> Operation {
    let [invoked, completed] = [plan.from, plan.to].map(Time::from_nanos);
    let Plan { number, session, .. } = *plan;
    Operation { client: 0, number, session, request, intended: invoked, invoked, completed, outcome }
}

/// Reads and writes of one register, one half each; with `changes`, a third of each and a third compare-and-sets, half of
/// which expect the wrong value. Each value is written once.
pub fn register(length: u64, sessions: u64, changes: bool) -> History {
    let mut draws = SplitMix64::new(42);
    let (key, mut state) = (Key(0), Value::Nil);
    let mut operations = Vec::with_capacity(length as usize);
    for plan in plans(length, sessions, &mut draws) {
        let new = Value::Int(plan.number as i64);
        let found = state.clone();
        let (request, outcome) = match draws.below(if changes { 3 } else { 2 }) {
            0 => (Request::Read { key }, Outcome::Ok(found)),
            1 => {
                state.clone_from(&new);
                (Request::Write { key, value: new }, Outcome::Ok(Value::Nil))
            }
            _ if draws.below(2) == 0 => {
                state.clone_from(&new);
                (Request::CompareAndSet { key, expected: found, new }, Outcome::Ok(Value::Nil))
            }
            _ => (Request::CompareAndSet { key, expected: Value::Int(-1), new }, Outcome::No(found)),
        };
        operations.push(operation(&plan, request, outcome));
    }
    operations.sort_by_key(|operation| (operation.invoked, operation.number));
    History { clients: vec!["s".into()], operations }
}

/// Takings from one FIFO queue, one half, and enqueuings of elements of their own. The outcome of one taking in `unknown_one_in`
/// is not known; its session goes on under another name.
pub fn queue(length: u64, sessions: u64, unknown_one_in: u64) -> History {
    let mut draws = SplitMix64::new(42);
    let (key, mut state) = (Key(0), VecDeque::new());
    let mut operations = Vec::with_capacity(length as usize);
    let mut lives = vec![0; sessions as usize];
    for mut plan in plans(length, sessions, &mut draws) {
        let element = plan.number as i64;
        let place = plan.session as usize;
        plan.session += sessions * lives[place];
        let (request, outcome) = if draws.below(2) == 0 {
            state.push_back(element);
            (Request::Enqueue { key, element }, Outcome::Ok(Value::Nil))
        } else {
            let taken = state.pop_front().map_or(Value::Nil, Value::Int);
            let is_unknown = draws.below(unknown_one_in) == 0;
            lives[place] += u64::from(is_unknown);
            let outcome = if is_unknown { Outcome::Info("timeout".into()) } else { Outcome::Ok(taken) };
            (Request::Dequeue { key }, outcome)
        };
        operations.push(operation(&plan, request, outcome));
    }
    operations.sort_by_key(|operation| (operation.invoked, operation.number));
    History { clients: vec!["s".into()], operations }
}

/// Appends to one log, and some ten reads of it.
pub fn log(length: u64, sessions: u64) -> History {
    let mut draws = SplitMix64::new(42);
    let (key, mut state) = (Key(0), Vec::new());
    let mut operations = Vec::with_capacity(length as usize);
    for plan in plans(length, sessions, &mut draws) {
        let element = plan.number as i64;
        let (request, outcome) = if draws.below(length / 10) == 0 {
            (Request::Read { key }, Outcome::Ok(Value::List(state.clone())))
        } else {
            state.push(element);
            (Request::Append { key, element }, Outcome::Ok(Value::Nil))
        };
        operations.push(operation(&plan, request, outcome));
    }
    operations.sort_by_key(|operation| (operation.invoked, operation.number));
    History { clients: vec!["s".into()], operations }
}

/// Transactions that read lists and append to them, two to four operations each, on as many lists as there are sessions. A
/// list is left alone after a while, so that it stays short.
pub fn appends(length: u64, sessions: u64) -> TransactionHistory {
    const APPENDS: usize = 64;
    let mut draws = SplitMix64::new(42);
    let mut lists: Vec<(u64, Vec<i64>)> = (0..sessions).map(|list| (list, Vec::new())).collect();
    let (mut next_list, mut next_element) = (sessions, 0);
    let mut transactions = Vec::with_capacity(length as usize);
    for plan in plans(length, sessions, &mut draws) {
        let mut operations = Vec::new();
        for _ in 0..draws.in_range(2..=4) {
            let (list, elements) = &mut lists[draws.below(sessions) as usize];
            let key = Key(*list);
            if draws.below(2) == 0 {
                operations.push(MicroOperation::ReadList { key, found: elements.clone() });
            } else {
                next_element += 1;
                elements.push(next_element);
                operations.push(MicroOperation::Append { key, element: next_element });
            }
            if elements.len() == APPENDS {
                (*list, next_list) = (next_list, next_list + 1);
                elements.clear();
            }
        }
        let [invoked, completed] = [plan.from, plan.to].map(Time::from_nanos);
        transactions.push(Transaction {
            name: format!("T{}", plan.number),
            session: plan.session,
            invoked,
            completed,
            fate: Fate::Committed,
            operations,
        });
    }
    TransactionHistory::new(transactions).expect("sessions run one transaction at a time")
}
