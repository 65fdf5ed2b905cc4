use proptest::prelude::*;

use super::*;
use crate::check::testing::{brute_force, cases, draws, history, of_plain_operations, perform};
use crate::check::{Effect, Register};
use crate::host::{Request, Value};
use crate::kernel::{Span, Time};
use crate::load::Operation;

fn judge(history: &History) -> Linearizability {
    linearizable(&Register::default(), history, Budget::default())
}

fn refutation(history: &History) -> Refutation {
    match judge(history) {
        Linearizability::Refuted { refutation, .. } => *refutation,
        answer => panic!("{answer:?}"),
    }
}

#[test]
fn histories_of_the_literature_are_judged_as_there() {
    let check = |source: &str, expected: bool, text: &str| {
        let found = judge(&history(text)) == Linearizability::Linearizable;
        assert_eq!(found, expected, "{source}: {text}");
    };
    check("nothing", true, "");
    // Lamport 1986, "On Interprocess Communication": atomic, and regular but not atomic (new-old inversion).
    check("Lamport, atomic", true, "1 w1 ok 0 1\n1 w2 ok 2 9\n2 r ok1 3 4\n2 r ok2 5 6");
    check("Lamport, new-old inversion", false, "1 w1 ok 0 1\n1 w2 ok 2 9\n2 r ok2 3 4\n2 r ok1 5 6");
    check("Lamport, overlapping reads", true, "1 w1 ok 0 1\n1 w2 ok 2 9\n2 r ok2 3 6\n3 r ok1 4 7");
    // Herlihy and Wing 1990, section 2: reads of overlapping writes, and of a value overwritten before.
    check("Herlihy and Wing, H1", true, "1 w1 ok 0 4\n2 w2 ok 1 3\n3 r ok2 5 6\n1 r ok2 7 8");
    check("Herlihy and Wing, either order", true, "1 w1 ok 0 4\n2 w2 ok 1 3\n3 r ok1 5 6\n1 r ok1 7 8");
    check("Herlihy and Wing, both orders", false, "1 w1 ok 0 4\n2 w2 ok 1 3\n3 r ok1 5 6\n1 r ok2 7 8");
    check("Herlihy and Wing, stale", false, "1 w1 ok 0 1\n2 w2 ok 2 3\n1 r ok1 4 5");
    check(
        "Herlihy and Wing, pending write took effect",
        true,
        "1 w1 ok 0 1\n2 w2 info 2 -\n1 r ok2 4 5\n1 r ok2 6 7",
    );
    check(
        "Herlihy and Wing, pending write, then gone",
        false,
        "1 w1 ok 0 1\n2 w2 info 2 -\n1 r ok2 4 5\n1 r ok1 6 7",
    );
    // Herlihy and Shavit 2008, figures 3.4 and 3.7 (sequentially consistent, not linearizable).
    check("Herlihy and Shavit, linearizable", true, "1 w7 ok 0 3\n2 w3 ok 2 5\n1 r ok3 4 6\n2 r ok3 6 7");
    check("Herlihy and Shavit, program order only", false, "1 w7 ok 0 1\n2 w3 ok 2 3\n1 r ok7 4 5\n2 r ok7 6 7");
    // Athalye 2017, the register of Porcupine's introduction.
    check("Porcupine, accepted", true, "1 w1 ok 0 10\n2 r ok1 2 7\n3 r ok0 3 6");
    check("Porcupine, rejected", false, "1 w2 ok 0 10\n2 r ok2 1 3\n3 r ok0 4 9");
    // Kingsbury's Knossos: an unknown write may come late, a failed one never.
    check("Knossos, late", true, "1 w1 ok 0 1\n2 w2 info 2 3\n1 r ok1 4 5\n1 r ok2 6 7");
    check("Knossos, back", false, "1 w1 ok 0 1\n2 w2 info 2 3\n1 r ok2 4 5\n1 w3 ok 6 7\n1 r ok2 8 9");
    check("Knossos, failed", false, "1 w1 ok 0 1\n2 w2 fail 2 3\n1 r ok2 4 5");
    check("Knossos, unknown read", true, "1 w1 ok 0 1\n2 r info 2 3\n1 r ok1 4 5");
    // Compare-and-set.
    check("cas", true, "1 w1 ok 0 1\n2 c1>2 ok 2 3\n1 r ok2 4 5");
    check("cas, lost race", true, "1 w1 ok 0 1\n2 c1>2 ok 2 5\n3 c1>3 no2 2 5\n1 r ok2 6 7");
    check("cas, both won", false, "1 w1 ok 0 1\n2 c1>2 ok 2 5\n3 c1>3 ok 2 5");
    check("cas, wrong no", false, "1 w1 ok 0 1\n2 c1>2 no1 2 5");
    check("cas, no without a reason", false, "1 w1 ok 0 1\n2 c1>2 no0 2 5");
    check("cas, unknown chain", true, "1 w1 ok 0 1\n2 c1>2 info 2 3\n3 c2>3 info 4 5\n1 r ok3 9 10");
    check("cas, unknown chain broken", false, "1 w1 ok 0 1\n2 c1>2 info 2 3\n3 c4>3 info 4 5\n1 r ok3 9 10");
    check("cas from nil", true, "1 c0>1 ok 0 1\n2 r ok1 2 3");
    // Instants: operations that touch are concurrent, unless one session ran both.
    check("touching", true, "1 w1 ok 0 1\n2 r ok0 1 2");
    check("touching in one session", false, "1 w1 ok 0 1\n1 r ok0 1 2");
    check("touching in one session, overwritten", true, "3 r ok2 2 6\n1 w3 ok 2 6\n1 w2 ok 6 6");
    check("touching in one session, twins", true, "1 r ok4 0 0\n1 w4 info 0 0\n2 w4 info 0 0");
    check("instantaneous", true, "1 w1 ok 1 1\n1 r ok1 1 1\n2 r ok0 1 1");
    check("instantaneous in one session", false, "1 w1 ok 1 1\n1 r ok0 1 1");
    // Objects are independent, and values may come back.
    check("two objects", true, "1 w1@1 ok 0 1\n1 w2@2 ok 2 3\n2 r@1 ok1 4 5\n2 r@2 ok2 6 7");
    check("crossed objects", false, "1 w1@1 ok 0 1\n1 w2@2 ok 2 3\n2 r@1 ok2 4 5\n2 r@2 ok1 6 7");
    check("written twice", true, "1 w1 ok 0 1\n1 w2 ok 2 3\n1 w1 ok 4 5\n2 r ok1 6 7");
}

#[test]
fn a_refutation_names_the_classical_anomaly() {
    let check = |anomaly: &str, text: &str, core: &[u64], expected: &str| {
        let history = history(text);
        let refutation = refutation(&history);
        let numbers: Vec<u64> = refutation.core.iter().map(|&index| history.operations[index].number).collect();
        assert_eq!((refutation.explanation.as_str(), numbers.as_slice()), (expected, core));
        assert_eq!(refutation.anomaly, anomaly);
    };
    check("garbage read", "1 w1 ok 0 1\n2 r ok7 2 3", &[1], "s-1 reads 7 (2s to 3s), but nobody wrote 7.");
    check(
        "aborted read",
        "1 w1 fail 0 1\n2 r ok1 2 3",
        &[1],
        "s-1 reads 1 (2s to 3s), but the write of 1 certainly did not happen: s-0 writes 1 (0s, failed at 1s: refused).",
    );
    check(
        "future read",
        "2 r ok1 0 1\n1 w1 ok 2 3",
        &[0, 1],
        "s-0 reads 1 (0s to 1s), but 1 was first written later: s-1 writes 1 (2s, acknowledged at 3s).",
    );
    check(
        "no order",
        "1 w4 ok 0 1\n1 w9 ok 2 3\n9 w5 ok 2 9\n2 r ok4 4 5",
        &[0, 1, 3],
        "s-3 reads 4 (4s to 5s), but 9 was written and acknowledged before it began: s-1 writes 9 (2s, acknowledged at 3s); \
         4 is older: s-0 writes 4 (0s, acknowledged at 1s).",
    );
    check(
        "no order",
        "1 w4 ok 0 1\n2 r ok0 2 3",
        &[0, 1],
        "s-1 reads nil (2s to 3s), but 4 was written and acknowledged before it began: \
         s-0 writes 4 (0s, acknowledged at 1s); nil is the initial value.",
    );
    check(
        "no order",
        "1 w1 ok 0 1\n1 w2 info 2 -\n2 r ok2 3 4\n2 r ok1 5 6",
        &[0, 1, 2, 3],
        "s-3 reads 1 (5s to 6s), but 2 had been seen before it began: s-2 reads 2 (3s to 4s); \
         1 is older: s-0 writes 1 (0s, acknowledged at 1s).",
    );
    check(
        "no order",
        "1 w1 ok 0 9\n2 w2 ok 0 9\n3 r ok1 1 2\n3 r ok2 3 4\n3 r ok1 5 6",
        &[0, 1, 2, 3, 4],
        "s-3 reads 2 (3s to 4s) after s-2 reads 1 (1s to 2s), and s-4 reads 1 (5s to 6s) after s-3 reads 2 (3s to 4s): \
         it would have had to hold 1 and 2 at once, each written only once.",
    );
    check(
        "no order",
        "1 w1 ok 0 1\n2 c1>2 ok 2 5\n3 c1>3 ok 2 5\n4 r ok1 0 2",
        &[0, 1, 2],
        "No order of 3 operations explains them all: s-0 writes 1 (0s, acknowledged at 1s), \
         s-1 changes 1 to 2 (2s, acknowledged at 5s) and s-2 changes 1 to 3 (2s, acknowledged at 5s).",
    );
    check(
        "contradictory answer",
        "1 w1 ok 0 1\n2 c1>2 no1 2 5",
        &[1],
        "s-1 finds 1 where it expects 1 (2s to 5s): it found what it expected and yet changed nothing.",
    );
}

#[test]
fn a_refutation_shows_the_longest_prefix_and_what_cannot_follow() {
    let history = history("1 w1 ok 0 1\n1 w2 ok 2 3\n2 r ok2 4 5\n2 r ok1 6 8\n3 r ok0 7 9\n1 w3 ok 10 11");
    let refutation = refutation(&history);
    assert_eq!((refutation.linearized, refutation.state_after.as_str()), (vec![0, 1, 2], "2"));
    let held = "but what came before leaves 2 (s-1 writes 2 (2s, acknowledged at 3s))";
    let expected =
        vec![(3, format!("s-3 reads 1 (6s to 8s), {held}")), (4, format!("s-4 reads nil (7s to 9s), {held}"))];
    assert_eq!(refutation.stuck, expected);
}

#[test]
fn every_refuted_object_is_named() {
    let text = "1 w1@1 ok 0 1\n2 r@1 ok0 2 3\n1 w1@2 ok 4 5\n2 r@2 ok1 6 7\n1 w1@3 ok 8 9\n2 r@3 ok0 10 11";
    match judge(&history(text)) {
        Linearizability::Refuted { refutation, also } => assert_eq!((refutation.key, also), (Key(1), vec![Key(3)])),
        answer => panic!("{answer:?}"),
    }
}

#[test]
fn what_cannot_be_judged_is_unknown() {
    let check = |history: &History, budget: Budget, expected: &str| {
        let answer = linearizable(&Register::default(), history, budget);
        assert_eq!(answer, Linearizability::Unknown { why: expected.into() });
    };
    let fine = Budget::default();
    check(&history("1 a5 ok 0 1"), fine, "s-0 (add 5 to k0) is no operation of the model");
    let mut transaction = history("1 w5 ok 0 1");
    transaction.operations[0].request = Request::Transaction(vec![]);
    check(&transaction, fine, "s-0 (transaction []) is no operation of the model");
    let overlapping = history("1 w1 ok 0 9\n2 w1 ok 0 9\n3 w2 ok 0 9\n4 r ok1 1 5\n5 r ok2 4 7");
    check(&overlapping, Budget { steps: 3, ..fine }, "the budget was spent on k0 before it was certain");
    check(&overlapping, Budget { entries: 1, ..fine }, "the budget was spent on k0 before it was certain");
}

/// A counter that answers an addition with the sum: a model without a closed form.
struct Counter;

impl Model for Counter {
    type State = i64;

    fn initial(&self) -> i64 {
        0
    }

    fn supports(&self, request: &Request) -> bool {
        matches!(request, Request::Add { .. } | Request::Read { .. })
    }

    fn step(&self, state: &i64, request: &Request, answer: Option<&Outcome>) -> Option<i64> {
        let next = state + if let Request::Add { delta, .. } = request { *delta } else { 0 };
        match answer {
            Some(Outcome::Ok(Value::Int(sum))) => (*sum == next).then_some(next),
            _ => Some(next),
        }
    }

    fn effect(&self, request: &Request, answer: Option<&Outcome>) -> Effect<i64> {
        match (request, answer) {
            (Request::Read { .. }, Some(Outcome::Ok(Value::Int(sum)))) => Effect::Observe(*sum),
            _ => Effect::Other,
        }
    }
}

/// The same, with states that are said to be large; it counts how often it was asked for the next.
#[derive(Default)]
struct Large {
    size: u64,
    asked: std::cell::Cell<u64>,
}

impl Model for Large {
    type State = i64;

    fn initial(&self) -> i64 {
        0
    }

    fn supports(&self, request: &Request) -> bool {
        Counter.supports(request)
    }

    fn step(&self, state: &i64, request: &Request, answer: Option<&Outcome>) -> Option<i64> {
        self.asked.set(self.asked.get() + 1);
        Counter.step(state, request, answer)
    }

    fn effect(&self, request: &Request, answer: Option<&Outcome>) -> Effect<i64> {
        Counter.effect(request, answer)
    }

    fn size(&self, _: &i64) -> u64 {
        self.size
    }
}

#[test]
fn large_states_cost_a_search_what_they_take() {
    // Eight concurrent additions come to 256 sums, of which none is the one that was read.
    let additions: String = (0..8).map(|session| format!("{session} a{} ok 0 9\n", 1 << session)).collect();
    let history = history(&format!("{additions}9 r ok999 10 11"));
    let asked = |size: u64, budget: Budget, expected: bool| {
        let large = Large { size, ..Large::default() };
        let answer = linearizable(&large, &history, budget);
        assert_eq!(matches!(answer, Linearizability::Refuted { .. }), expected, "{size}: {answer:?}");
        large.asked.get()
    };
    let few_steps = Budget { steps: 100_000, ..Budget::default() };
    let little_memory = Budget { entries: 4_000, ..Budget::default() };
    assert!(asked(0, few_steps, true) > 1_000 && asked(0, little_memory, true) > 1_000);
    assert!(asked(1_000, few_steps, false) <= 110, "a hundred steps of 1000 words each");
    assert!(asked(1_000, little_memory, false) <= 110, "twenty states of 1000 words each");
    let sums = |size: u64| {
        let large = Large { size, ..Large::default() };
        let answer = sequential(&large, &history, few_steps);
        (matches!(answer, Sequential::Refuted { .. }), large.asked.get())
    };
    assert!(sums(0).0 && !sums(1_000).0 && sums(1_000).1 <= 110);
}

/// The same answers as those of registers, as sums.
fn as_counter(mut history: History) -> History {
    for operation in &mut history.operations {
        let key = Key(0);
        match &operation.request {
            Request::Write { value: Value::Int(delta), .. } => {
                operation.request = Request::Add { key, delta: *delta }
            }
            Request::CompareAndSet { new: Value::Int(delta), .. } => {
                if operation.outcome.is_answered() {
                    operation.outcome = Outcome::Ok(Value::Int(*delta));
                }
                operation.request = Request::Add { key, delta: *delta };
            }
            _ => operation.request = Request::Read { key },
        }
    }
    history
}

fn assert_core_is_refuted(history: &History) {
    let core = refutation(history).core;
    let operations: Vec<Operation> = core.iter().map(|&index| history.operations[index].clone()).collect();
    let alone = History { operations, ..history.clone() };
    assert!(core.len() <= history.operations.len() && !brute_force(&Register::default(), &alone), "{alone:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: cases(1_000), ..ProptestConfig::default() })]

    #[test]
    fn registers_are_judged_as_by_brute_force(draws in draws(0..8, 1, 4), unique: bool) {
        let history = perform(&draws, unique);
        let expected = brute_force(&Register::default(), &history);
        prop_assert_eq!(judge(&history) == Linearizability::Linearizable, expected);
        if !expected {
            assert_core_is_refuted(&history);
        }
    }

    #[test]
    fn the_zones_of_unique_values_decide_as_the_search_does(draws in draws(0..30, 1, 5)) {
        let history = of_plain_operations(perform(&draws, true));
        let operations: Vec<usize> = (0..history.operations.len()).collect();
        let register = Register::default();
        let mut object = Object::new(&register, &history, &operations);
        let entries = object.entries.clone();
        let decided = zones::decide(&object, &entries).then(|| zones::pattern(&object, &entries).is_none());
        let found = matches!(search(&mut object, &entries, &mut Budget::default()), Found::Linearization { .. });
        prop_assert!(decided.is_none_or(|decided| decided == found), "{:#?}", history.operations);
    }

    #[test]
    fn the_order_that_a_search_finds_is_accepted_and_no_other_answer_is(draws in draws(0..12, 1, 4)) {
        let history = perform(&draws, true);
        let operations: Vec<usize> = (0..history.operations.len()).collect();
        let register = Register::default();
        let mut object = Object::new(&register, &history, &operations);
        let entries = object.entries.clone();
        let requests = |order: &[usize]| -> Vec<Request> {
            order.iter().map(|&index| history.operations[index].request.clone()).collect()
        };
        match search(&mut object, &entries, &mut Budget::default()) {
            // What no search can find, no order is taken for.
            Found::Nothing => {
                let all = requests(&operations);
                let backwards: Vec<Request> = all.iter().rev().cloned().collect();
                prop_assert!(!linearizes(&history, None, &all) && !linearizes(&history, None, &backwards));
            }
            Found::Linearization { order, .. } => prop_assert!(linearizes(&history, None, &requests(&order))),
            Found::Unknown => prop_assert!(false, "so few operations"),
        }
    }

    #[test]
    fn models_without_a_closed_form_are_judged_as_by_brute_force(draws in draws(0..8, 1, 4)) {
        let history = as_counter(perform(&draws, false));
        let answer = linearizable(&Counter, &history, Budget::default());
        prop_assert_eq!(answer == Linearizability::Linearizable, brute_force(&Counter, &history));
    }

    #[test]
    fn the_prefix_of_a_refutation_is_a_linearization(draws in draws(4..12, 1, 3), unique: bool) {
        let history = perform(&draws, unique);
        if let Linearizability::Refuted { refutation, .. } = judge(&history) {
            let mut state = Value::Nil;
            for &index in &refutation.linearized {
                let operation = &history.operations[index];
                let answer = operation.outcome.is_answered().then_some(&operation.outcome);
                let open = Register::default().step(&state, &operation.request, None);
                state = Register::default().step(&state, &operation.request, answer).or(open).expect("legal");
            }
            prop_assert_eq!(state.to_string(), refutation.state_after);
        }
    }
}

/// A correct history of one register: `sessions` sessions, some writes of unknown outcome, some reads long.
pub(super) fn atomic(length: u64, sessions: u64, unknown_every: u64) -> History {
    let mut random: u64 = 42;
    let mut draw = move |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut planned = Vec::new();
    let mut busy_until = vec![0; sessions as usize];
    for number in 0..length {
        let session = (number % sessions) as usize;
        let from = busy_until[session] + 1 + draw(20);
        let to = from + 1 + draw(200);
        busy_until[session] = to;
        planned.push((from + draw(to - from + 1), number, session as u64, from, to, draw(2) == 0));
    }
    planned.sort_unstable();
    let mut state = Value::Nil;
    let mut operations: Vec<Operation> = Vec::new();
    for (_, number, session, from, to, is_read) in planned {
        let is_unknown = !is_read && number % unknown_every == 1;
        let written = Value::Int(number as i64);
        let request = match is_read {
            true => Request::Read { key: Key(0) },
            false => Request::Write { key: Key(0), value: written.clone() },
        };
        if !is_read {
            state = written;
        }
        let outcome = match (is_read, is_unknown) {
            (true, _) => Outcome::Ok(state.clone()),
            (_, true) => Outcome::Info("timeout".into()),
            _ => Outcome::Ok(Value::Nil),
        };
        let session = if is_unknown { number + 1_000 } else { session };
        let (invoked, completed) = (Time::from_nanos(from), Time::from_nanos(to));
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
    }
    operations.sort_by_key(|operation| (operation.invoked, operation.number));
    History { clients: vec!["s".into()], operations }
}

#[test]
fn long_histories_are_judged_and_a_planted_anomaly_is_found() {
    let check = |mut history: History| {
        assert_eq!(judge(&history), Linearizability::Linearizable);
        let middle = history.operations.len() / 2;
        let is_read = |o: &Operation| o.request.is_read() && matches!(o.outcome, Outcome::Ok(Value::Int(_)));
        let early = history.operations.iter().position(is_read).expect("some read");
        let late = middle + history.operations[middle..].iter().position(is_read).expect("some read");
        history.operations[late].outcome = history.operations[early].outcome.clone();
        let refutation = refutation(&history);
        assert!(refutation.core.contains(&late) && refutation.core.len() <= 5, "{refutation:?}");
    };
    check(atomic(20_000, 10, 1_000_000));
    check(atomic(5_000, 10, 10));
    check(atomic(2_000, 50, 100));
}

#[test]
fn latest_possible_deadline_is_no_special_case() {
    let mut history = history("1 w1 ok 0 1\n2 r ok1 2 3");
    history.operations[1].completed = Time::MAX;
    assert_eq!(judge(&history), Linearizability::Linearizable);
    history.operations[1].completed = history.operations[1].invoked - Span::from_secs(1);
    assert_eq!(judge(&history), Linearizability::Linearizable);
}
