//! Random histories: exact answers against the oracle, none where nothing is wrong, one where something was planted.

use proptest::prelude::*;

use super::oracle::{Oracle, perform};
use super::*;
use crate::check::testing::cases;

/// A transaction to be drawn.
#[derive(Clone, Debug)]
struct Draw {
    /// Reads (true) and writes of one of two objects.
    operations: Vec<(bool, bool)>,
    session: u64,
    from: u64,
    length: u64,
    /// Out of ten: aborted, unknown, else committed.
    fate: u8,
    /// Whether a transaction that did not commit takes effect.
    leaks: bool,
    /// How many transactions old the two objects' snapshots are.
    age: (usize, usize),
}

fn draw(operations: std::ops::Range<usize>) -> impl Strategy<Value = Draw> {
    let age = || prop_oneof![3 => Just(0usize), 2 => 1usize..4];
    let operations = prop::collection::vec(any::<(bool, bool)>(), operations);
    let ages = (age(), age(), prop::bool::weighted(0.6)).prop_map(|(a, b, same)| (a, if same { a } else { b }));
    (operations, 0u64..3, 0u64..8, 0u64..5, 0u8..10, prop::bool::weighted(0.3), ages).prop_map(
        |(operations, session, from, length, fate, leaks, age)| Draw {
            operations,
            session,
            from,
            length,
            fate,
            leaks,
            age,
        },
    )
}

/// What a store does that reads old snapshots and forgets what it is told, on lists and registers as `lists` says.
fn run(draws: &[Draw], lists: (bool, bool), unique: bool) -> TransactionHistory {
    let (mut states, mut written) = (vec![BTreeMap::<Key, Vec<i64>>::new()], 0);
    let mut transactions = Vec::new();
    for (number, draw) in draws.iter().enumerate() {
        let fate = match draw.fate {
            0 => Fate::Aborted,
            1 | 2 => Fate::Unknown,
            _ => Fate::Committed,
        };
        let at = |key: bool| states.len().saturating_sub(1 + if key { draw.age.1 } else { draw.age.0 });
        let mut view = BTreeMap::new();
        for key in [false, true] {
            view.insert(Key(key.into()), states[at(key)].get(&Key(key.into())).cloned().unwrap_or_default());
        }
        let mut state = states[states.len() - 1].clone();
        let mut operations = Vec::new();
        for &(is_read, which) in &draw.operations {
            let (key, is_list) = (Key(which.into()), if which { lists.1 } else { lists.0 });
            written = if unique { written + 1 } else { (written + 1) % 4 };
            let operation = match (is_read, is_list) {
                (false, true) => MicroOperation::Append { key, element: written },
                (false, false) => MicroOperation::Write { key, value: written },
                (true, true) => MicroOperation::ReadList { key, found: view[&key].clone() },
                (true, false) => MicroOperation::ReadRegister { key, found: view[&key].first().copied() },
            };
            perform(&mut view, &operation);
            if !is_read {
                perform(&mut state, &operation);
            }
            operations.push(operation);
        }
        if fate == Fate::Committed || draw.leaks {
            states.push(state);
        }
        transactions.push(Transaction {
            name: format!("t{number}"),
            session: draw.session,
            invoked: Time::from_nanos(draw.from),
            completed: Time::from_nanos(draw.from + draw.length),
            fate,
            operations,
        });
    }
    TransactionHistory::new(transactions).expect("each object of one type")
}

/// The history of a store that does one transaction after the other, each at an instant within its time; up to
/// `overlap` of them run at once.
fn atomic(draws: &[Draw], lists: (bool, bool), overlap: u64) -> TransactionHistory {
    let mut draws = draws.to_vec();
    for (number, draw) in (0..).zip(&mut draws) {
        let reach = |random: u64| 2 * (random % (overlap + 1));
        draw.length = reach(draw.from) + reach(draw.length);
        draw.from = 2 * (overlap + number) - reach(draw.from);
        (draw.age, draw.session) = ((0, 0), 100 + number);
        draw.leaks &= draw.fate != 0;
    }
    run(&draws, lists, true)
}

const STRICT: Level = Level { isolation: IsolationLevel::Serializable, order: Order::Realtime };

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: cases(400), ..ProptestConfig::default() })]

    #[test]
    fn small_histories_are_judged_exactly(
        draws in prop::collection::vec(draw(1..4), 1..6), lists: (bool, bool), unique in prop::bool::weighted(0.8)
    ) {
        let history = run(&draws, lists, unique);
        let isolation = check(&history, Budget::default());
        for order in Order::ALL {
            for (is_serial, name) in [(true, IsolationLevel::Serializable), (false, IsolationLevel::SnapshotIsolation)] {
                let expected = match Oracle::explains(&history, is_serial, order) {
                    true => Answer::Holds,
                    false => Answer::Refuted,
                };
                let level = Level { isolation: name, order };
                prop_assert_eq!(isolation.answer(level), expected, "{}: {:#?}\n{:#?}", level, history, isolation);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 30, ..ProptestConfig::default() })]

    #[test]
    fn an_atomic_store_shows_no_anomaly(
        draws in prop::collection::vec(draw(1..5), 0..120), lists: (bool, bool), overlap in 0u64..6
    ) {
        let isolation = check(&atomic(&draws, lists, overlap), Budget::default());
        prop_assert_eq!(&isolation.anomalies, &[]);
        prop_assert_eq!(isolation.answer(STRICT), Answer::Holds);
    }

    #[test]
    fn a_planted_stale_read_is_found(
        draws in prop::collection::vec(draw(1..5), 100), is_list: bool, victim in 0usize..100
    ) {
        // What was written must certainly have happened, or not to read it is no mistake.
        let certain = |draw: &Draw| Draw { fate: if draw.fate == 0 { 0 } else { 9 }, ..draw.clone() };
        let draws: Vec<Draw> = draws.iter().map(certain).collect();
        let mut transactions = atomic(&draws, (is_list, is_list), 0).transactions().to_vec();
        let element = |found: &MicroOperation| match found {
            MicroOperation::ReadList { found, .. } => found.last().copied(),
            MicroOperation::ReadRegister { found, .. } => *found,
            _ => None,
        };
        let is_victim = |transaction: &Transaction| {
            matches!(transaction.operations[..], [ref read] if element(read).is_some())
        };
        let places = (0..transactions.len()).cycle().skip(victim).take(transactions.len());
        let place = places.clone().find(|&place| is_victim(&transactions[place]));
        prop_assume!(place.is_some());
        let place = place.unwrap_or_default();
        match &mut transactions[place].operations[0] {
            MicroOperation::ReadList { found, .. } => drop(found.pop()),
            MicroOperation::ReadRegister { found, .. } => *found = None,
            _ => unreachable!("a victim reads"),
        }
        let history = TransactionHistory::new(transactions).expect("as before");
        let isolation = check(&history, Budget::default());
        prop_assert_eq!(isolation.answer(STRICT), Answer::Refuted);
        let named = isolation.anomalies.iter().any(|anomaly| anomaly.transactions.contains(&place));
        prop_assert!(named, "{:#?}", isolation);
    }
}
