use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::check::model::{Decision, Model};
use crate::check::testing::{brute_force, cases, history, is_judged_as_by_brute_force};
use crate::check::{Budget, Linearizability, Refutation, Register, linearizable, queue_contract};
use crate::host::{Key, Request, Value};
use crate::kernel::Time;
use crate::load::{History, Operation, Outcome};

fn is_linearizable<M: Model>(model: &M, history: &History) -> bool {
    match linearizable(model, history, Budget::default()) {
        Linearizability::Linearizable => true,
        Linearizability::Refuted { .. } => false,
        Linearizability::Unknown { why } => panic!("{why}"),
    }
}

/// Judges histories: those that are accepted with what they show, the others also with the anomaly that is named.
#[track_caller]
fn judge_all<M: Model>(model: &M, accepted: &[(&str, &str)], rejected: &[(&str, &str, &str)]) {
    for (shows, text) in accepted {
        assert!(is_linearizable(model, &history(text)), "{shows}: {text}");
    }
    for (shows, anomaly, text) in rejected {
        match linearizable(model, &history(text), Budget::default()) {
            Linearizability::Refuted { refutation, .. } => {
                assert_eq!(refutation.anomaly, *anomaly, "{shows}: {text}")
            }
            answer => panic!("{shows}: {text}: {answer:?}"),
        }
    }
}

#[test]
fn counters_of_the_literature() {
    let accepted = [
        ("one after the other", "1 a1 ok 0 1\n2 a2 ok 2 3\n1 r ok3 4 5"),
        ("a read between concurrent additions", "1 r ok0 0 1\n1 a1 ok 2 5\n2 a2 ok 2 5\n3 r ok2 3 4"),
        ("an unknown addition that comes late", "1 a1 info 0 1\n2 r ok0 2 3\n2 r ok1 4 5"),
        ("sums told by additions", "1 a5 ok5 0 1\n1 a-2 ok3 2 3\n2 r ok3 4 5"),
        ("never added to", "1 r ok0 0 1"),
    ];
    let rejected = [
        ("lost increment", "impossible sum", "1 a1 ok 0 1\n2 a1 ok 2 3\n1 r ok1 4 5"),
        ("double increment", "impossible sum", "1 a1 ok 0 1\n1 r ok2 4 5"),
        (
            "a sum that never was, after one that contradicts it",
            "no order",
            "1 a1 ok 0 5\n2 a2 ok 0 5\n3 r ok1 1 2\n3 r ok2 3 4",
        ),
        ("aborted increment", "garbage read", "1 a1 fail 0 1\n1 r ok1 4 5"),
        ("one sum told twice", "no order", "1 a5 ok5 0 1\n2 a5 ok5 0 1"),
        ("going back", "no order", "1 a1 info 0 1\n2 r ok1 2 3\n2 r ok0 4 5"),
    ];
    judge_all(&Counter::default(), &accepted, &rejected);
}

#[test]
fn queues_of_the_literature() {
    let accepted = [
        ("Herlihy and Wing 1990, figure 1a", "1 e1 ok 0 2\n2 e2 ok 1 3\n2 d ok1 4 6\n1 d ok2 5 7\n1 e3 ok 8 9"),
        ("Herlihy and Wing 1990, figure 1c", "1 e1 ok 0 3\n2 d ok1 1 2"),
        ("empty before the insertion took effect", "1 e1 ok 0 3\n2 d ok0 2 3\n2 d ok1 4 5"),
        ("an unknown insertion that comes late", "1 e1 info 0 1\n2 d ok0 2 3\n2 d ok1 4 5"),
        ("an unknown taking took the first", "1 e1 ok 0 1\n1 e2 ok 2 3\n3 d info 0 1\n2 d ok2 4 5"),
        (
            "two unknown takings took the first two",
            "1 e1 ok 0 1\n1 e2 ok 2 3\n1 e3 ok 4 5\n3 d info 0 1\n4 d info 0 1\n2 d ok3 6 7",
        ),
        ("empty after an unknown taking", "1 e1 ok 0 1\n3 d info 2 3\n2 d ok0 4 5"),
        (
            "empty between what unknown takings took",
            "1 e1 ok 0 1\n3 d info 2 3\n2 d ok0 0 9\n1 e2 ok 4 5\n1 e3 ok 6 7",
        ),
        // Takings of one session over one interval are a drain.
        ("a drain in order", "1 e1 ok 0 1\n1 e2 ok 2 3\n2 d ok1 4 9\n2 d ok2 4 9\n2 d ok0 4 9"),
        ("a drain that overtakes nobody", "1 e1 ok 0 2\n3 e2 ok 1 3\n2 d ok2 4 9\n2 d ok1 4 9\n2 d ok0 4 9"),
        ("a drain that goes on", "1 e1 ok 0 1\n2 d ok1 2 9\n2 d ok2 2 9\n2 d ok0 2 9\n1 e2 ok 5 6\n1 e3 ok 7 8"),
    ];
    let rejected = [
        ("Herlihy and Wing 1990, figure 1b: last in, first out", "no order", "1 e1 ok 0 1\n2 e2 ok 2 3\n2 d ok2 4 5"),
        (
            "Herlihy and Wing 1990, figure 1d: one element, two owners",
            "duplicate element",
            "1 e1 ok 0 3\n2 e2 ok 0 1\n2 d ok1 4 6\n1 d ok2 7 8\n1 d ok2 9 10",
        ),
        // Henzinger, Sezgin and Vafeiadis 2013: the four ways in which a queue goes wrong.
        ("fresh: taken and never put in", "garbage read", "1 d ok1 0 1"),
        ("repeated: taken twice", "duplicate element", "1 e1 ok 0 1\n1 d ok1 2 3\n2 d ok1 2 3"),
        ("ordered: out of order", "no order", "1 e1 ok 0 1\n1 e2 ok 2 3\n2 d ok2 4 5\n2 d ok1 6 7"),
        ("witness: empty and yet not", "no order", "1 e1 ok 0 1\n2 d ok0 2 3\n2 d ok1 4 5"),
        (
            "an unknown taking that came too late to have taken the first",
            "no order",
            "1 e1 ok 0 1\n1 e2 ok 2 3\n3 d info 5 6\n2 d ok2 4 4",
        ),
        (
            "one unknown taking, two elements",
            "no order",
            "1 e1 ok 0 1\n1 e2 ok 2 3\n1 e3 ok 4 5\n3 d info 0 1\n2 d ok3 6 7",
        ),
        ("empty before an unknown taking began", "no order", "1 e1 ok 0 1\n2 d ok0 2 3\n3 d info 4 5"),
        (
            "empty, and one unknown taking of two elements",
            "no order",
            "1 e1 ok 0 1\n1 e2 ok 0 1\n3 d info 2 3\n2 d ok0 4 5",
        ),
        ("aborted insertion", "garbage read", "1 e1 fail 0 1\n2 d ok1 2 3"),
        ("a drain out of order", "no order", "1 e1 ok 0 1\n1 e2 ok 2 3\n2 d ok2 4 9\n2 d ok1 4 9\n2 d ok0 4 9"),
        ("a drain that leaves something", "no order", "1 e1 ok 0 1\n1 e2 ok 2 3\n2 d ok1 4 9\n2 d ok0 4 9"),
        (
            "a drain that ends empty only after more was put in",
            "no order",
            "1 e1 ok 0 1\n2 d ok1 2 9\n2 d ok3 2 9\n2 d ok0 2 9\n1 e2 ok 3 4\n1 e3 ok 5 6",
        ),
        (
            "two drains, of which none can go first",
            "no order",
            "1 e1 ok 0 1\n1 e2 ok 2 3\n1 e3 ok 4 5\n1 e4 ok 6 7\n2 d ok4 8 9\n2 d ok1 8 9\n3 d ok3 8 9\n3 d ok2 8 9",
        ),
    ];
    judge_all(&Queue, &accepted, &rejected);
}

#[test]
fn locks_of_the_literature() {
    let accepted_by_both = [
        ("one after the other", "1 l ok1 0 1\n1 u1 ok 2 3\n2 l ok2 4 5"),
        ("refused while it is held", "1 l ok1 0 1\n2 l no0 2 3\n1 u1 ok 4 5\n2 l ok7 6 7"),
        ("an unknown acquisition holds it", "1 l info 0 1\n2 l no0 2 3"),
        ("an unknown acquisition does not", "1 l info 0 1\n2 l ok1 2 3"),
        ("an unknown release comes late", "1 l ok1 0 1\n1 u1 info 2 3\n2 l no0 4 5\n2 l ok2 6 7"),
    ];
    let rejected_by_both = [
        ("two holders at once", "two holders", "1 l ok1 0 1\n2 l ok2 2 3"),
        ("refused although it is free", "refused while free", "1 l ok1 0 1\n1 u1 ok 2 3\n2 l no0 4 5"),
        (
            "nobody can give back what an unknown acquisition holds",
            "refused while free",
            "1 l info 0 1\n2 l no0 2 3\n2 l ok1 4 5",
        ),
    ];
    let accepted_by_fenced = [("refused to somebody with another token", "1 l ok1 0 1\n2 u3 no0 2 3")];
    let rejected_by_mutex = [("refused to give it back", "not given back", "1 l ok1 0 1\n2 u3 no0 2 3")];
    let rejected_by_fenced = [
        ("a token that falls (Kleppmann 2016)", "token that does not grow", "1 l ok2 0 1\n1 u2 ok 2 3\n2 l ok1 4 5"),
        ("a token that does not grow", "token that does not grow", "1 l ok2 0 1\n1 u2 ok 2 3\n2 l ok2 4 5"),
        ("given back by somebody else", "given back by another", "1 l ok1 0 1\n2 u3 ok 2 3"),
    ];
    let accepted_by_mutex = rejected_by_fenced.map(|(shows, _, text)| (shows, text));
    judge_all(
        &FencedLock,
        &[&accepted_by_both[..], &accepted_by_fenced].concat(),
        &[&rejected_by_both[..], &rejected_by_fenced].concat(),
    );
    judge_all(
        &Mutex,
        &[&accepted_by_both[..], &accepted_by_mutex].concat(),
        &[&rejected_by_both[..], &rejected_by_mutex].concat(),
    );
}

#[test]
fn a_refutation_shows_the_longest_prefix_and_what_cannot_follow() {
    let refutation = |answer: Linearizability| -> Refutation {
        match answer {
            Linearizability::Refuted { refutation, .. } => *refutation,
            answer => panic!("{answer:?}"),
        }
    };
    let history = history("1 e1 ok 0 1\n1 e2 ok 2 3\n2 d ok2 4 5\n2 d ok1 6 7");
    let found = refutation(linearizable(&Queue, &history, Budget::default()));
    assert_eq!((found.linearized, found.state_after.as_str()), (vec![0, 1], "[1, 2]"));
    let why = "s-2 dequeue from k0 -> 2 (4s, acknowledged at 5s), but what came before leaves [1, 2] (s-1 enqueue 2 into k0 (2s, \
               acknowledged at 3s))";
    assert_eq!(found.stuck, [(2, why.to_owned())]);
    let history = crate::check::testing::history("1 l ok1 0 1\n2 l ok2 2 3");
    let found = refutation(linearizable(&Mutex, &history, Budget::default()));
    assert_eq!((found.linearized, found.state_after.as_str(), found.core), (vec![0], "held", vec![0, 1]));
    let history = crate::check::testing::history("1 a1 ok 0 1\n2 a1 ok 2 3\n1 r ok1 4 5");
    let found = refutation(linearizable(&Counter::default(), &history, Budget::default()));
    assert_eq!((found.linearized, found.state_after.as_str()), (vec![0, 1], "2"));
    assert_eq!(found.stuck.len(), 1);
}

#[test]
fn long_queues_are_decided_and_a_planted_violation_is_found() {
    let session = |name: u64, number: u64, request: Request, outcome: Outcome| {
        let at = |offset| Time::from_nanos(number * 10 + name * 3 + offset);
        let (invoked, completed) = (at(0), at(8));
        Operation { client: 0, number, session: name, request, intended: invoked, invoked, completed, outcome }
    };
    let ok = |value| Outcome::Ok(value);
    let both = |number: u64| {
        let element = number as i64;
        let put = session(0, number, Request::Enqueue { key: KEY, element }, ok(Value::Nil));
        let taken = session(1, number, Request::Dequeue { key: KEY }, ok(Value::Int(element)));
        [put, taken]
    };
    let mut history = History { clients: vec!["s".into()], operations: (0..20_000).flat_map(both).collect() };
    let all: Vec<usize> = (0..history.operations.len()).collect();
    assert_eq!(Queue.decide(&history, &all), Decision::Linearizable);
    // Of every fifty takings the outcome of one is unknown, and no search is needed.
    let mut unknown = history.clone();
    for operation in unknown.operations.iter_mut().filter(|o| o.session == 1 && o.number % 50 == 7) {
        operation.session = 1_000 + operation.number;
        operation.outcome = Outcome::Info("timeout".into());
    }
    assert_eq!(Queue.decide(&unknown, &all), Decision::Linearizable);
    let is_unknown = |o: &&mut Operation| matches!(o.outcome, Outcome::Info(_));
    let last = unknown.operations.iter_mut().rev().find(is_unknown).expect("some are unknown");
    let (last, next) = (2 * last.number as usize, 2 * last.number as usize + 3);
    unknown.operations[last + 1].outcome = Outcome::Fail("refused".into());
    match Queue.decide(&unknown, &all) {
        // The first 400 are left, and 399 takings can have taken one.
        Decision::Refuted { core, sentence, .. } => {
            assert_eq!(core.len(), 2 + 400 + 399, "{sentence}");
            assert!(core.contains(&last) && core.contains(&next), "{sentence}");
        }
        decision => panic!("{decision:?}"),
    }
    let answers = [20_001, 20_005].map(|index| history.operations[index].outcome.clone());
    history.operations[20_001].outcome = answers[1].clone();
    history.operations[20_005].outcome = answers[0].clone();
    match Queue.decide(&history, &all) {
        Decision::Refuted { core, sentence, .. } => assert_eq!(core, [20_001, 20_004], "{sentence}"),
        decision => panic!("{decision:?}"),
    }
}

#[test]
fn a_queue_tells_how_it_went_wrong() {
    let check =
        |text: &str, expected: &str| match Queue.decide(&history(text), &[0, 1, 2, 3, 4][..text.lines().count()]) {
            Decision::Refuted { sentence, .. } => assert_eq!(sentence, expected),
            decision => panic!("{decision:?}"),
        };
    check("1 d ok1 0 1", "s-0 dequeue from k0 -> 1 (0s, acknowledged at 1s), but nobody put 1 in.");
    check(
        "1 e1 ok 0 1\n1 e2 ok 2 3\n2 d ok2 4 5",
        "s-2 dequeue from k0 -> 2 (4s, acknowledged at 5s), but another element was put in before 2, and taken later: s-0 \
         enqueue 1 into k0 (0s, acknowledged at 1s); s-1 enqueue 2 into k0 (2s, acknowledged at 3s); nobody took that one.",
    );
    check(
        "1 e1 ok 0 1\n1 e2 ok 0 1\n3 d info 0 1\n4 e3 ok 2 3\n2 d ok3 4 5",
        "s-4 dequeue from k0 -> 3 (4s, acknowledged at 5s), but 2 elements that nobody is known to have taken were put in before \
         3, and no more than 1 operation can have taken one by then: s-0 enqueue 1 into k0 (0s, acknowledged at 1s) and s-1 \
         enqueue 2 into k0 (0s, acknowledged at 1s); s-3 enqueue 3 into k0 (2s, acknowledged at 3s); s-2 dequeue from k0 (0s, \
         outcome unknown: timeout).",
    );
    check(
        "1 e1 ok 0 1\n1 e2 ok 2 3\n3 d ok1 4 6\n2 d ok0 3 4",
        "s-3 dequeue from k0 (3s, acknowledged at 4s), but the queue was never empty meanwhile: s-0 enqueue 1 into k0 (0s, \
         acknowledged at 1s), s-2 dequeue from k0 -> 1 (4s, acknowledged at 6s) and s-1 enqueue 2 into k0 (2s, \
         acknowledged at 3s).",
    );
}

/// One operation: session, kind, number, gap before it, length, when it takes effect in parts of its length, how it
/// ends, and which answer it lies with.
pub(in crate::check) type Draw = (u64, u8, i64, u64, u64, u64, u8, usize);

pub(in crate::check) fn draws() -> impl Strategy<Value = Vec<Draw>> {
    let draw = (0u64..3, 0u8..4, 1i64..4, 0u64..2, 0u64..6, 0u64..100, 0u8..8, 0usize..60);
    proptest::collection::vec(draw, 0..8)
}

/// Runs the draws on an atomic object: without a lie the history is linearizable. What is asked and which answers there
/// are is given; the first answer that is legal is given.
pub(in crate::check) fn perform<M: Model>(
    model: &M,
    draws: &[Draw],
    request: fn(u8, i64) -> Request,
    answers: fn(&Request) -> Vec<Outcome>,
) -> History {
    let mut operations = perform_in_order(model, draws, request, answers);
    operations.sort_by_key(|operation| (operation.invoked, operation.number));
    History { clients: vec!["s".into()], operations }
}

/// The same operations in the order in which they took effect.
pub(in crate::check) fn perform_in_order<M: Model>(
    model: &M,
    draws: &[Draw],
    request: fn(u8, i64) -> Request,
    answers: fn(&Request) -> Vec<Outcome>,
) -> Vec<Operation> {
    let mut clock: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    let mut planned = Vec::new();
    for (number, &(session, kind, parameter, gap, length, point, end, lie)) in draws.iter().enumerate() {
        let (now, name) = clock.entry(session).or_insert((0, session));
        let from = *now + gap;
        *now = from + length;
        let point = if end == 0 { from * 100 + point * 10 } else { from * 100 + length * point };
        let operation = Operation {
            client: 0,
            number: number as u64,
            session: *name,
            request: request(kind, parameter),
            intended: Time::from_nanos(from),
            invoked: Time::from_nanos(from),
            completed: Time::from_nanos(*now),
            outcome: Outcome::Info("timeout".into()),
        };
        if end == 0 {
            *name += 100;
        }
        planned.push((point, operation, end, lie));
    }
    planned.sort_by_key(|(point, operation, ..)| (*point, operation.number));
    let mut state = model.initial();
    let mut operations = Vec::new();
    for (_, mut operation, end, lie) in planned {
        let answers = answers(&operation.request);
        let legal =
            answers.iter().find_map(|answer| Some((answer, model.step(&state, &operation.request, Some(answer))?)));
        let (truth, next) = legal.expect("some answer is legal");
        state = next;
        match end {
            0 => {}
            1 => operation.outcome = answers.get(lie).unwrap_or(truth).clone(),
            _ => operation.outcome = truth.clone(),
        }
        operations.push(operation);
    }
    operations
}

/// A queue whose takings answer with any number, so that the elements can be named later.
struct AnyElement;

impl Model for AnyElement {
    type State = i64;

    fn initial(&self) -> i64 {
        0
    }

    fn supports(&self, _: &Request) -> bool {
        true
    }

    fn step(&self, length: &i64, request: &Request, answer: Option<&Outcome>) -> Option<i64> {
        match (request, answer) {
            (Request::Enqueue { .. }, _) => Some(length + 1),
            (_, Some(Outcome::Ok(Value::Nil))) => (*length == 0).then_some(0),
            (_, Some(_)) => (*length > 0).then_some(length - 1),
            (_, None) => Some((length - 1).max(0)),
        }
    }
}

pub(in crate::check) const KEY: Key = Key(0);

pub(in crate::check) fn numbers(range: std::ops::Range<i64>) -> impl Iterator<Item = Outcome> {
    range.map(|number| Outcome::Ok(Value::Int(number)))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: cases(1_000), ..ProptestConfig::default() })]

    #[test]
    fn counters_are_judged_as_by_brute_force(draws in draws(), tells_sums: bool) {
        let request = |kind: u8, delta: i64| match kind {
            0 => Request::Read { key: KEY },
            1 => Request::Add { key: KEY, delta: -delta },
            _ => Request::Add { key: KEY, delta },
        };
        let silent: fn(&Request) -> Vec<Outcome> = |request: &Request| match request {
            Request::Read { .. } => numbers(-30..30).collect(),
            _ => vec![Outcome::Ok(Value::Nil)],
        };
        let telling: fn(&Request) -> Vec<Outcome> = |_: &Request| numbers(-30..30).collect();
        let history = perform(&Counter::default(), &draws, request, if tells_sums { telling } else { silent });
        is_judged_as_by_brute_force(&Counter::default(), &history)?;
    }

    #[test]
    fn queues_are_judged_as_by_brute_force(draws in draws()) {
        let request = |kind: u8, element: i64| match kind {
            0 | 1 => Request::Dequeue { key: KEY },
            _ => Request::Enqueue { key: KEY, element },
        };
        let answers = |request: &Request| match request {
            Request::Dequeue { .. } => numbers(1..4).chain([Outcome::Ok(Value::Nil)]).collect(),
            _ => vec![Outcome::Ok(Value::Nil)],
        };
        let history = perform(&Queue, &draws, request, answers);
        is_judged_as_by_brute_force(&Queue, &history)?;
    }

    #[test]
    fn queues_are_decided_as_they_are_searched(draws in draws()) {
        let request = |kind: u8, _: i64| match kind {
            0 | 1 => Request::Dequeue { key: KEY },
            _ => Request::Enqueue { key: KEY, element: 0 },
        };
        let answers = |request: &Request| match request {
            Request::Dequeue { .. } => numbers(-1..1).chain([Outcome::Ok(Value::Nil)]).collect(),
            _ => vec![Outcome::Ok(Value::Nil)],
        };
        // The elements are numbered as they are put in; what is taken is what the search would take, or a lie.
        let mut history = perform(&AnyElement, &draws, request, answers);
        let mut next = 0;
        for operation in &mut history.operations {
            if let Request::Enqueue { element, .. } = &mut operation.request {
                next += 1;
                *element = next;
            }
        }
        for (operation, draw) in history.operations.iter_mut().zip(&draws) {
            if let Outcome::Ok(Value::Int(taken)) = &mut operation.outcome {
                *taken = draw.2;
            }
        }
        let operations: Vec<usize> = (0..history.operations.len()).collect();
        let expected = brute_force(&Queue, &history);
        match Queue.decide(&history, &operations) {
            Decision::Linearizable => prop_assert!(expected),
            Decision::Refuted { core, .. } => {
                prop_assert!(!expected);
                let operations = core.iter().map(|&index| history.operations[index].clone()).collect();
                let alone = History { operations, ..history.clone() };
                prop_assert!(!brute_force(&Queue, &alone), "{:?}", alone);
            }
            Decision::Search => prop_assert!(fifo::touches(&history, &operations)),
        }
        prop_assert_eq!(is_linearizable(&Queue, &history), expected);
    }

    #[test]
    fn drains_of_queues_are_judged_as_by_brute_force(
        puts in proptest::collection::vec((0u64..8, 0u64..6, 0u8..8), 1..5),
        drains in proptest::collection::vec((0u64..12, 1u64..6, 0usize..4, any::<bool>()), 1..3),
        order in Just([1i64, 2, 3, 4]).prop_shuffle(),
        sorted: bool,
        alone in proptest::option::of((0u64..12, 0u64..6, 0u8..3)),
        twins: bool,
    ) {
        let history = drained(&puts, &drains, (order, sorted), alone, twins);
        let expected = brute_force(&Queue, &history);
        prop_assert_eq!(is_linearizable(&Queue, &history), expected, "{:#?}", history.operations);
        let report = queue_contract(&history, &[]);
        prop_assert!(!expected || report.anomalies.is_empty(), "{:?} {:#?}", report, history.operations);
        if let Linearizability::Refuted { refutation, .. } = linearizable(&Queue, &history, Budget::default()) {
            let core = refutation.core.iter().map(|&index| history.operations[index].clone()).collect();
            let core = History { clients: history.clients.clone(), operations: core };
            prop_assert!(!brute_force(&Queue, &core), "{:#?} of {:#?}", core.operations, history.operations);
        }
    }

    #[test]
    fn locks_are_judged_as_by_brute_force(draws in draws()) {
        let request = |kind: u8, token: i64| match kind {
            0 | 1 => Request::Acquire { key: KEY },
            _ => Request::Release { key: KEY, token },
        };
        let answers = |request: &Request| match request {
            Request::Acquire { .. } => numbers(1..12).chain([Outcome::No(Value::Nil)]).collect(),
            _ => vec![Outcome::Ok(Value::Nil), Outcome::No(Value::Nil)],
        };
        let history = perform(&FencedLock, &draws, request, answers);
        is_judged_as_by_brute_force(&FencedLock, &history)?;
        is_judged_as_by_brute_force(&Mutex, &history)?;
    }
}

/// A queue into which elements are put at these times, for so long (the outcome of some is unknown, and with `twins` some are
/// put in twice); drains, which end empty or not, take those of `order` one after the other, in the order of the numbers if that is
/// asked for, and somebody takes an element alone, finds none, or does not know.
fn drained(
    puts: &[(u64, u64, u8)],
    drains: &[(u64, u64, usize, bool)],
    (order, sorted): ([i64; 4], bool),
    alone: Option<(u64, u64, u8)>,
    twins: bool,
) -> History {
    let mut operations: Vec<Operation> = Vec::new();
    let mut add = |session: u64, from: u64, length: u64, request: Request, outcome: Outcome| {
        let [invoked, completed] = [from, from + length].map(Time::from_nanos);
        let number = operations.len() as u64;
        operations.push(Operation {
            client: 0,
            number,
            session,
            request,
            intended: invoked,
            invoked,
            completed,
            outcome,
        });
    };
    for (place, &(from, length, outcome)) in (1i64..).zip(puts) {
        let outcome = if outcome == 0 { Outcome::Info("timeout".into()) } else { Outcome::Ok(Value::Nil) };
        let element = if twins { (place + 1) / 2 } else { place };
        add(place.unsigned_abs(), from, length, Request::Enqueue { key: KEY, element }, outcome);
    }
    let is_put = |element: &i64| *element <= puts.len() as i64;
    let mut left: Vec<i64> =
        order.into_iter().filter(is_put).map(|it| if twins { (it + 1) / 2 } else { it }).collect();
    if sorted {
        left.sort_unstable();
    }
    let mut left = left.into_iter();
    let take = Request::Dequeue { key: KEY };
    if let Some((from, length, kind)) = alone {
        let outcome = match kind {
            0 => Outcome::Info("timeout".into()),
            1 => Outcome::Ok(Value::Nil),
            _ => Outcome::Ok(left.next().map_or(Value::Nil, Value::Int)),
        };
        add(1_000, from, length, take.clone(), outcome);
    }
    for (session, &(from, length, count, ends_empty)) in (2_000..).zip(drains) {
        let elements = left.by_ref().take(count).map(Value::Int);
        let found: Vec<Value> = elements.chain(ends_empty.then_some(Value::Nil)).collect();
        found.into_iter().for_each(|found| add(session, from, length, take.clone(), Outcome::Ok(found)));
    }
    operations.sort_by_key(|operation| (operation.invoked, operation.number));
    History { clients: vec!["s".into()], operations }
}

/// What a model's objects are asked, by a draw and its place, and which answers there are.
pub(in crate::check) type Questions = (fn(u8, i64) -> Request, fn(&Request) -> Vec<Outcome>);

/// A long history of an atomic object: it is linearizable, and no longer so if a late operation is told what an early one of
/// its kind was told.
fn holds_until_something_is_planted<M: Model>(model: &M, draws: &[Draw], (request, answers): Questions) {
    let honest = |(place, &(session, kind, _, gap, length, point, _, _)): (usize, &Draw)| {
        (session, kind, place as i64 + 1, gap, length, point, 2, usize::MAX)
    };
    let draws: Vec<Draw> = draws.iter().enumerate().map(honest).collect();
    let mut history = perform(model, &draws, request, answers);
    assert!(is_linearizable(model, &history), "an atomic object is linearizable");
    let tells = |o: &Operation| matches!(&o.outcome, Outcome::Ok(found) if *found != Value::Nil);
    let Some(early) = history.operations.iter().position(tells) else { return };
    let told = history.operations[early].clone();
    let differs = |o: &Operation| o.request.kind() == told.request.kind() && o.outcome != told.outcome;
    let after = |o: &&Operation| o.invoked > Time::from_nanos(told.completed.as_nanos() + 100);
    let between = history.operations.iter().filter(after);
    // Enough has changed meanwhile, if anything ever does.
    let Some(late) = between.clone().skip(20).find(|o| differs(o)).map(|o| o.number) else { return };
    let late = history.operations.iter_mut().find(|o| o.number == late).expect("it is there");
    late.outcome = told.outcome;
    assert!(!is_linearizable(model, &history), "{:?}", history.operations);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: cases(2), ..ProptestConfig::default() })]

    #[test]
    fn in_long_histories_of_every_kind_what_is_planted_is_found(
        draws in proptest::collection::vec((0u64..3, 0u8..4, 1i64..4, 0u64..2, 0u64..6, 0u64..100, 0u8..8, 0usize..60), 60..120)
    ) {
        fn ok(_: &Request) -> Vec<Outcome> {
            vec![Outcome::Ok(Value::Nil)]
        }
        fn sums(_: &Request) -> Vec<Outcome> {
            numbers(0..600).collect()
        }
        fn add(kind: u8, place: i64) -> Request {
            if kind == 0 { Request::Read { key: KEY } } else { Request::Add { key: KEY, delta: place % 3 + 1 } }
        }
        let counter = Counter::default();
        holds_until_something_is_planted(&counter, &draws, (add, sums));
        let silent: fn(&Request) -> Vec<Outcome> = |request| if request.is_read() { sums(request) } else { ok(request) };
        holds_until_something_is_planted(&counter, &draws, (add, silent));
        let written: fn(&Request) -> Vec<Outcome> = |request| match request {
            Request::Read { .. } => numbers(1..251).chain([Outcome::Ok(Value::Nil)]).collect(),
            _ => ok(request),
        };
        let write = |kind: u8, place| match kind {
            0 | 1 => Request::Read { key: KEY },
            _ => Request::Write { key: KEY, value: Value::Int(place) },
        };
        holds_until_something_is_planted(&Register::default(), &draws, (write, written));
        let queue = |kind: u8, element| match kind {
            0 | 1 => Request::Dequeue { key: KEY },
            _ => Request::Enqueue { key: KEY, element },
        };
        let taken: fn(&Request) -> Vec<Outcome> = |request| match request {
            Request::Dequeue { .. } => numbers(1..251).chain([Outcome::Ok(Value::Nil)]).collect(),
            _ => ok(request),
        };
        holds_until_something_is_planted(&Queue, &draws, (queue, taken));
        let lock = |kind: u8, place| match kind {
            0 | 1 => Request::Acquire { key: KEY },
            _ => Request::Release { key: KEY, token: place % 8 },
        };
        let tokens: fn(&Request) -> Vec<Outcome> = |request| match request {
            Request::Acquire { .. } => numbers(1..251).chain([Outcome::No(Value::Nil)]).collect(),
            _ => vec![Outcome::Ok(Value::Nil), Outcome::No(Value::Nil)],
        };
        holds_until_something_is_planted(&FencedLock, &draws, (lock, tokens));
    }
}
