//! Which transactions precede which, in sessions and in real time, as few pairs whose transitive closure is the whole
//! order.

use std::collections::BTreeMap;

use super::history::{Fate, Transaction, TransactionHistory};
use super::level::Order;

/// The pairs of an order among `participants` (indices, in the order of invocation). A transaction of unknown fate
/// precedes nothing: it may take effect at any later time.
pub(super) fn pairs(history: &TransactionHistory, participants: &[usize], order: Order) -> Vec<(usize, usize)> {
    match order {
        Order::Any => Vec::new(),
        Order::Session => session_pairs(history, participants),
        Order::Realtime => realtime_pairs(history, participants),
    }
}

/// Each transaction with those of its session that follow it, up to the next that is certain.
fn session_pairs(history: &TransactionHistory, participants: &[usize]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    let mut last_of_session = BTreeMap::new();
    for &index in participants {
        let Transaction { session, fate, .. } = history.transactions()[index];
        if let Some(&last) = last_of_session.get(&session) {
            pairs.push((last, index));
        }
        if fate == Fate::Committed {
            last_of_session.insert(session, index);
        }
    }
    pairs
}

/// The transitive reduction of real-time order (Kingsbury and Alvaro 2020, section 5.1): a sweep over invocations and
/// completions keeps a frontier of the completed transactions that no other completed one follows. What touches at
/// one instant is concurrent, so at each instant invocations come first. As many pairs as there are transactions,
/// times how many run at once.
fn realtime_pairs(history: &TransactionHistory, participants: &[usize]) -> Vec<(usize, usize)> {
    let transaction = |index: usize| &history.transactions()[index];
    let mut events = Vec::with_capacity(2 * participants.len());
    for &index in participants {
        events.push((transaction(index).invoked, false, index));
        if transaction(index).fate == Fate::Committed {
            events.push((transaction(index).completed, true, index));
        }
    }
    events.sort_unstable();
    let (mut pairs, mut frontier) = (Vec::new(), Vec::<usize>::new());
    for (_, is_completion, index) in events {
        if is_completion {
            frontier.retain(|&earlier| transaction(earlier).completed >= transaction(index).invoked);
            frontier.push(index);
        } else {
            pairs.extend(frontier.iter().map(|&earlier| (earlier, index)));
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::Time;

    fn history(spans: &[(u64, u64, bool)]) -> TransactionHistory {
        let transaction = |(index, &(from, length, is_known)): (usize, &(u64, u64, bool))| Transaction {
            name: format!("t{index}"),
            session: index as u64,
            invoked: Time::from_nanos(from),
            completed: Time::from_nanos(from + length),
            fate: if is_known { Fate::Committed } else { Fate::Unknown },
            operations: Vec::new(),
        };
        TransactionHistory::new(spans.iter().enumerate().map(transaction).collect()).expect("no object at all")
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_closure_of_the_pairs_is_real_time_order(
            spans in prop::collection::vec((0u64..20, 0u64..8, prop::bool::weighted(0.8)), 0..15)
        ) {
            let history = history(&spans);
            let transactions = history.transactions();
            let all: Vec<usize> = (0..transactions.len()).collect();
            let pairs = pairs(&history, &all, Order::Realtime);
            let mut reached = vec![vec![false; all.len()]; all.len()];
            for &(a, b) in &pairs {
                reached[a][b] = true;
            }
            for via in 0..all.len() {
                for a in 0..all.len() {
                    for b in 0..all.len() {
                        reached[a][b] |= reached[a][via] && reached[via][b];
                    }
                }
            }
            for a in 0..all.len() {
                for b in 0..all.len() {
                    let (one, two) = (&transactions[a], &transactions[b]);
                    prop_assert_eq!(reached[a][b], one.fate == Fate::Committed && one.completed < two.invoked);
                }
            }
            for (place, &(a, b)) in pairs.iter().enumerate() {
                let between = |&c: &usize| reached[a][c] && reached[c][b];
                prop_assert!(!all.iter().any(between), "pair {} of {:?} is implied", place, pairs);
            }
        }
    }
}
