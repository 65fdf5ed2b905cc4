//! The isolation of transactions, as Elle checks it (Kingsbury and Alvaro, "Elle: Inferring Isolation Anomalies from
//! Experimental Observations", VLDB 2020; levels and cycles by Adya's thesis, 1999).
//!
//! What transactions read tells in what order they took effect: a list shows all appends before it, a register's
//! unique value its writer. From that follow anomalies that show directly, and a graph of dependencies whose cycles
//! are the others. Each anomaly rules levels out. What is inferred is sound: no anomaly is found in a history that
//! has the level. For histories of lists it is also complete up to serializability, and where every append was read in the
//! end, for snapshot isolation; where it is not, a search answers exactly for small histories.

mod anomaly;
mod cycles;
mod direct;
mod given;
mod graph;
mod history;
mod level;
mod objects;
mod plan;
mod precedence;
mod saturate;
mod search;
mod story;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::linearizable::Budget;
use super::sentence::list;
use objects::Object;
use plan::Plans;
use search::Execution;

pub use anomaly::{Anomaly, AnomalyKind};
pub use given::serializes;
pub use history::{Fate, MicroOperation, Transaction, TransactionError, TransactionHistory};
pub use level::{IsolationLevel, Level, Order};

/// Whether a history is of a level.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It is.
    Holds,
    /// It is not: some anomaly rules the level out.
    Refuted,
    /// No anomaly was found, and that proves nothing.
    Unknown,
}

/// The answer of [`check`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Isolation {
    /// What went wrong, the gravest first; of each kind and order one.
    pub anomalies: Vec<Anomaly>,
    answers: BTreeMap<Level, Answer>,
}

impl Isolation {
    /// Whether the history is of a level.
    #[must_use]
    pub fn answer(&self, level: Level) -> Answer {
        self.answers[&level]
    }

    /// The strongest levels that no anomaly rules out: those that imply all others of the kind. None, if the history
    /// is not even read uncommitted.
    #[must_use]
    pub fn strongest(&self) -> Vec<Level> {
        let possible = || Level::all().filter(|&level| self.answer(level) != Answer::Refuted);
        possible().filter(|&level| !possible().any(|other| other != level && other.implies(level))).collect()
    }

    /// The same as a clause: `the strongest level that it satisfies is read committed`.
    #[must_use]
    pub fn strongest_in_words(&self) -> String {
        let strongest = self.strongest();
        let levels = list(&strongest, strongest.len());
        let is_certain = strongest.iter().all(|&level| self.answer(level) == Answer::Holds);
        match (strongest.len(), is_certain) {
            (0, _) => "it satisfies no level at all".to_owned(),
            (1, true) => format!("the strongest level that it satisfies is {levels}"),
            (1, false) => format!("the strongest level that it may satisfy is {levels}"),
            (_, true) => format!("the strongest levels that it satisfies are {levels}"),
            (_, false) => format!("the strongest levels that it may satisfy are {levels}"),
        }
    }

    /// The anomalies that rule a level out, the gravest first.
    pub fn reasons(&self, level: Level) -> impl Iterator<Item = &Anomaly> {
        self.anomalies.iter().filter(move |anomaly| anomaly.rules_out(level))
    }
}

/// Judges the isolation of a history. The budget is for the searches for an execution; looking for
/// cycles takes a part of it besides.
///
/// ```
/// use partita::check::Budget;
/// use partita::check::transactions::{TransactionHistory, check};
///
/// let isolation = check(&TransactionHistory::default(), Budget::default());
/// assert_eq!(isolation.strongest()[0].to_string(), "strict serializable");
/// ```
#[must_use]
pub fn check(history: &TransactionHistory, budget: Budget) -> Isolation {
    let objects = objects::objects(history);
    let took_effect = objects::took_effect(history, &objects);
    let mut anomalies = direct::direct(history, &objects);
    let graph = graph::graph(history, &objects, &took_effect);
    let cycles = cycles::cycles(&graph, Budget { steps: budget.steps / CYCLE_SEARCHES, ..budget });
    anomalies.extend(cycles.found.into_iter().map(|cycle| story::tell(history, cycle)));

    let mut judging = Judging { anomalies, answers: BTreeMap::new(), budget };
    let is_traceable = objects.iter().all(Object::is_traceable);
    let is_certain = is_traceable && !cycles.is_cut_short;
    let are_lists = objects.iter().all(|object| object.is_list);
    let are_ordered = are_lists && objects.iter().all(|object| object.is_ordered(&took_effect));
    judging.infer(is_certain, are_lists, are_ordered);
    for execution in [Execution::Serial, Execution::Snapshots] {
        judging.search(execution, |order, budget| {
            let plans = Plans::new(history, &objects, &took_effect);
            search::search(plans, &graph, execution, order, budget)
        });
    }
    let Judging { mut anomalies, answers, .. } = judging;
    anomalies.sort_by_key(|anomaly| (anomaly.order, anomaly.kind));
    Isolation { anomalies, answers }
}

/// There are up to fifteen searches for cycles, a class and an order each; all together they may spend a seventh of the
/// budget, since what they look at is in nobody's cache.
const CYCLE_SEARCHES: u64 = 15 * 7;

struct Judging {
    anomalies: Vec<Anomaly>,
    answers: BTreeMap<Level, Answer>,
    budget: Budget,
}

impl Judging {
    /// The answers that anomalies and their absence give.
    fn infer(&mut self, is_certain: bool, are_lists: bool, are_ordered: bool) {
        for level in Level::all() {
            let is_refuted = self.anomalies.iter().any(|anomaly| anomaly.rules_out(level));
            // Up to read committed, the versions of a register can be put into any order that the graph leaves open.
            // Lists leave none open that matters to a serial order.
            let is_proved = is_certain && (are_lists || level.isolation <= IsolationLevel::ReadCommitted);
            // Where the versions have one order only, a history without a cycle that has no two rw edges in succession
            // has snapshots (Cerone and Gotsman, "Analysing Snapshot Isolation", PODC 2016).
            let is_proved = is_proved && (are_ordered || level.isolation != IsolationLevel::SnapshotIsolation);
            let answer = match (is_refuted, is_proved) {
                (true, _) => Answer::Refuted,
                (false, true) => Answer::Holds,
                (false, false) => Answer::Unknown,
            };
            self.answers.insert(level, answer);
        }
        self.spread();
    }

    /// Searches for executions where the answer is unknown, the strongest order first, since it proves the others.
    fn search(&mut self, execution: Execution, mut search: impl FnMut(Order, &mut Budget) -> Option<bool>) {
        let (isolation, kind) = match execution {
            Execution::Serial => (IsolationLevel::Serializable, AnomalyKind::NoSerialOrder),
            Execution::Snapshots => (IsolationLevel::SnapshotIsolation, AnomalyKind::NoSnapshots),
        };
        let mut refuted = None;
        for order in Order::ALL.into_iter().rev() {
            let level = Level { isolation, order };
            if self.answers[&level] != Answer::Unknown {
                continue;
            }
            match search(order, &mut self.budget) {
                Some(true) => {
                    self.answers.insert(level, Answer::Holds);
                    self.spread();
                }
                Some(false) => refuted = Some(order),
                None => (),
            }
        }
        let Some(order) = refuted else { return };
        let (what, explain) = match execution {
            Execution::Serial => ("serial order", "explains"),
            Execution::Snapshots => ("snapshots", "explain"),
        };
        let respecting = match order {
            Order::Any => "",
            Order::Session => " in the order of their sessions",
            Order::Realtime => " in real time",
        };
        let story =
            vec![format!("A search found that no {what} of the transactions{respecting} {explain} all reads.")];
        let anomaly = Anomaly { kind, order, transactions: Vec::new(), story, edges: Vec::new() };
        for (&level, answer) in &mut self.answers {
            if anomaly.rules_out(level) {
                *answer = Answer::Refuted;
            }
        }
        // What snapshots cannot explain, no serial order can.
        self.anomalies.retain(|other| other.kind != AnomalyKind::NoSerialOrder || other.order < order);
        self.anomalies.push(anomaly);
    }

    /// What holds makes all that it implies hold.
    fn spread(&mut self) {
        let holding: Vec<Level> =
            self.answers.iter().filter(|&(_, &answer)| answer == Answer::Holds).map(|(&level, _)| level).collect();
        for (&level, answer) in &mut self.answers {
            if holding.iter().any(|stronger| stronger.implies(level)) {
                *answer = Answer::Holds;
            }
        }
    }
}
