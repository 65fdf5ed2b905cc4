use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::check::linearizable::{Budget, Linearizability, linearizable};
use crate::check::models::Mutex;
use crate::check::models::tests::{Draw, KEY, Questions, draws, numbers, perform, perform_in_order};
use crate::check::testing::{brute_force, cases, history, value};
use crate::host::Value;

/// The deeds of a history's lines: `w1` writes, `e1` puts into a queue, `d` takes, `l` acquires, `u1` gives back.
fn requests(deeds: &str) -> Vec<Request> {
    let request = |deed: &str| {
        let number = || deed[1..].parse().expect(deed);
        match &deed[..1] {
            "w" => Request::Write { key: KEY, value: value(number()) },
            "+" => Request::Append { key: KEY, element: number() },
            "a" => Request::Add { key: KEY, delta: number() },
            "e" => Request::Enqueue { key: KEY, element: number() },
            "d" => Request::Dequeue { key: KEY },
            "l" => Request::Acquire { key: KEY },
            "u" => Request::Release { key: KEY, token: number() },
            _ => panic!("no deed: {deed}"),
        }
    };
    deeds.split_whitespace().map(request).collect()
}

#[test]
fn an_order_that_is_given_is_a_proof_or_none() {
    let check = |text: &str, applied: &str, expected: bool| {
        assert_eq!(linearizes(&history(text), Some(KEY), &requests(applied)), expected, "{text}: {applied}");
    };
    check("", "", true);
    check("1 w1 ok 0 9\n2 w2 ok 0 9\n3 r ok1 10 11", "w2 w1", true);
    check("1 w1 ok 0 9\n2 w2 ok 0 9\n3 r ok1 10 11", "w1 w2", false);
    check("1 w1 ok 0 1\n2 w2 ok 2 3", "w2 w1", false);
    check("1 w1 ok 0 1\n2 w2 ok 2 3", "w1", false);
    check("1 w1 ok 0 1\n2 w2 ok 2 3", "w1 w7 w2", true);
    check("1 w1 ok 0 1\n1 r ok0 2 3", "w1", false);
    check("1 w1 ok 0 1\n2 r ok0 1 3", "w1", true);
    check("1 w1 ok 0 1\n1 r ok0 1 3", "w1", false);
    check("1 +1 ok 0 9\n2 +2 ok 0 9\n3 r ok[2,1] 10 11", "+2 +1", true);
    check("1 +1 ok 0 9\n2 +2 ok 0 9\n3 r ok[2,1] 10 11", "+1 +2", false);
    // What nobody was told of took effect if the order says so.
    check("1 w1 info 0 1\n2 r ok1 2 3", "w1", true);
    check("1 w1 info 0 1\n2 r ok1 2 3", "", false);
    check("1 w1 info 0 1\n2 r ok0 2 3\n2 r ok0 4 5", "", true);
    // What was applied twice took effect once; two who asked for the same take their turns.
    check("1 w1 ok 0 1\n2 w2 ok 2 3\n3 r ok1 4 5", "w1 w2 w1", false);
    check("1 w1 ok 0 1\n2 w2 ok 2 3\n1 w1 ok 4 5\n3 r ok1 6 7", "w1 w2 w1", true);
    check("1 w1 ok 0 1\n2 w2 ok 2 3\n1 w1 ok 4 5\n3 r ok1 6 7", "w1 w1 w2", false);
    check("1 w1 info 0 1\n1 w1 ok 2 3\n2 w2 ok 4 5\n3 r ok1 6 7", "w1 w2 w1", true);
    check("1 w1 info 0 1\n1 w1 ok 2 3\n2 w2 ok 4 5\n3 r ok1 6 7", "w1 w2", false);
    check("1 a1 ok1 0 9\n2 a1 ok2 0 5\n3 r ok1 2 3", "a1 a1", true);
    check("1 a1 ok1 0 9\n2 a1 ok2 0 5\n3 r ok3 2 3", "a1 a1", false);
}

#[test]
fn what_a_taking_took_follows_from_the_order() {
    let check = |text: &str, applied: &str, expected: bool| {
        assert_eq!(linearizes(&history(text), None, &requests(applied)), expected, "{text}: {applied}");
    };
    let both = "1 e1 ok 0 9\n2 e2 ok 0 9\n3 d ok2 10 19\n4 d ok1 10 15";
    check(both, "e2 e1 d d", true);
    check(both, "e1 e2 d d", true);
    check("1 e1 ok 0 9\n2 e2 ok 0 9\n3 d ok2 10 11\n4 d ok1 12 15", "e1 e2 d d", false);
    check("1 e1 ok 0 9\n2 e2 ok 0 9\n3 d ok2 10 11\n4 d ok1 12 15", "e2 e1 d d", true);
    check(both, "e2 e1 d", false);
    check(both, "d e1 d e2", false);
    // An empty queue changes nothing, whether the order has it or not.
    let empty = "1 d ok0 0 1\n1 e1 ok 2 3\n1 d ok1 4 5\n2 d no 6 7";
    check(empty, "e1 d", true);
    check(empty, "d e1 d d", true);
    check(empty, "e1", false);
    // Of a taking without an answer the order says what it took, and that it took nothing.
    let unknown = "1 e1 ok 0 1\n1 e2 ok 2 3\n3 d info 0 1\n2 d ok2 4 5";
    check(unknown, "e1 e2 d d", true);
    check(unknown, "e1 d e2 d", true);
    check(unknown, "d e1 e2 d d", true);
    check(unknown, "e1 e2 d", false);
    check("1 l ok1 0 9\n2 l no 1 2\n1 u1 ok 10 11\n2 l ok2 10 19", "l u1 l", true);
    check("1 l ok1 0 9\n2 l no 1 2\n1 u1 ok 10 11\n2 l ok2 10 19", "l l u1", false);
    // Tokens grow, so the second to be told was the first.
    check("1 l ok1 0 9\n3 u1 ok 0 9\n2 l ok2 0 5", "l u1 l", true);
    check("1 l ok3 0 9\n3 u1 ok 0 9\n2 l ok2 0 5", "l u1 l", false);
}

/// What is left of a bag when an element is taken is the rest of it.
struct Bag;

impl Model for Bag {
    type State = Value;

    fn initial(&self) -> Value {
        Value::List(Vec::new())
    }

    fn supports(&self, request: &Request) -> bool {
        Queue.supports(request)
    }

    fn step(&self, state: &Value, request: &Request, answer: Option<&Outcome>) -> Option<Value> {
        let Value::List(elements) = state else { return None };
        let mut elements = elements.clone();
        match (request, answer) {
            (Request::Enqueue { element, .. }, _) => elements.push(*element),
            (_, Some(Outcome::Ok(Value::Int(taken)))) => {
                elements.remove(elements.iter().position(|element| element == taken)?);
            }
            (_, Some(_)) if !elements.is_empty() => return None,
            (_, Some(_)) => {}
            (_, None) => drop(elements.pop()),
        }
        elements.sort_unstable();
        Some(Value::List(elements))
    }

    fn effect(&self, request: &Request, answer: Option<&Outcome>) -> Effect<Value> {
        match (request, answer) {
            (Request::Dequeue { .. }, Some(Outcome::Ok(Value::Nil))) => Effect::Observe(self.initial()),
            _ => Effect::Other,
        }
    }
}

#[test]
fn where_there_is_a_choice_each_is_tried() {
    let check = |text: &str, applied: &str, expected: bool| {
        assert_eq!(linearizes_as(&Bag, &history(text), None, &requests(applied)), expected, "{text}: {applied}");
    };
    check("1 e1 ok 0 1\n1 e2 ok 2 3\n3 d ok2 4 9\n4 d ok1 4 5\n4 d ok0 6 7", "e1 e2 d d", true);
    check("1 e1 ok 0 1\n1 e2 ok 2 3\n3 d ok2 4 9\n4 d ok1 4 5\n4 d ok0 6 7", "e1 e2 d", false);
    // Whoever ends first took the second element.
    check("1 e1 ok 0 1\n3 d ok2 0 5\n4 d ok1 0 9\n1 e2 ok 2 3", "e1 d e2 d", true);
    check("1 e1 ok 0 1\n3 d ok2 0 5\n4 d ok1 0 9\n1 e2 ok 2 3", "e2 d e1 d", false);
    let foreign = history("1 w1 ok 0 1");
    assert!(!linearizes_as(&Bag, &foreign, None, &requests("w1")), "it is no operation of the model");
}

/// A linearization of the operations left, in which changes come as `given` says, if it is given: by trying every order.
fn brute_order<'h, M: Model>(
    model: &M,
    left: &[&'h Operation],
    state: &M::State,
    given: Option<&[Request]>,
) -> Option<Vec<&'h Operation>> {
    if left.iter().all(|operation| !operation.outcome.is_answered()) && given.is_none_or(<[_]>::is_empty) {
        return Some(Vec::new());
    }
    left.iter().enumerate().find_map(|(place, &operation)| {
        let rest = [&left[..place], &left[place + 1..]].concat();
        if rest.iter().any(|other| precedes(other, operation)) {
            return None;
        }
        let rest_given = match given {
            Some([first, rest @ ..]) if !changes_nothing(model, operation) && *first == operation.request => {
                Some(rest)
            }
            Some(_) if !changes_nothing(model, operation) => return None,
            given => given,
        };
        let next = model.step(state, &operation.request, answer(operation))?;
        let mut order = brute_order(model, &rest, &next, rest_given)?;
        order.insert(0, operation);
        Some(order)
    })
}

fn of_one_object(history: &History) -> Vec<&Operation> {
    history.operations.iter().filter(|operation| may_matter(operation)).collect()
}

/// Holds an order that explains a random history, one that is mixed up, and any order at all against all orders and against the
/// search.
fn agrees_with_every_order<M: Model>(model: &M, draws: &[Draw], (request, answers): Questions) {
    let history = perform(model, draws, request, answers);
    let answer = linearizable(model, &history, Budget::default());
    let given = |applied: &[Request]| {
        let is_proved = linearizes_as(model, &history, None, applied);
        assert!(!is_proved || answer == Linearizability::Linearizable, "{history:?}: {applied:?} and {answer:?}");
        is_proved
    };
    let operations = of_one_object(&history);
    let found = brute_order(model, &operations, &model.initial(), None);
    let mut applied: Vec<Request> = operations.iter().map(|operation| operation.request.clone()).collect();
    if let Some(order) = &found {
        let all = order.iter().map(|operation| operation.request.clone());
        applied = all.filter(|request| !request.is_read()).collect();
        assert!(given(&applied), "{history:?}: {applied:?}");
        let changes = order.iter().filter(|operation| !changes_nothing(model, operation));
        applied = changes.map(|operation| operation.request.clone()).collect();
        assert!(given(&applied), "{history:?}: {applied:?}");
    }
    if let Some(place) = draws.first().map(|draw| draw.7).filter(|_| applied.len() > 1) {
        let place = place % (applied.len() - 1);
        applied.swap(place, place + 1);
        assert!(!given(&applied) || brute_force(model, &history), "{history:?}: {applied:?}");
        if found.is_some() && operations.iter().all(|operation| operation.outcome.is_answered()) {
            let expected = brute_order(model, &operations, &model.initial(), Some(&applied)).is_some();
            assert_eq!(given(&applied), expected, "{history:?}: {applied:?}");
        }
    }
}

fn ok(_: &Request) -> Vec<Outcome> {
    vec![Outcome::Ok(Value::Nil)]
}

fn lists(request: &Request) -> Vec<Outcome> {
    let mut lists = vec![Vec::new()];
    for place in 0..127 {
        let list: Vec<i64> = lists[place].clone();
        lists.extend([1, 2].map(|element| [list.as_slice(), &[element]].concat()));
    }
    let reads = || lists.iter().map(|list| Outcome::Ok(Value::List(list.clone()))).collect();
    if request.is_read() { reads() } else { ok(request) }
}

fn sums(request: &Request) -> Vec<Outcome> {
    if request.is_read() { numbers(-30..30).collect() } else { ok(request) }
}

fn told_sums(_: &Request) -> Vec<Outcome> {
    numbers(-30..30).collect()
}

fn taken(request: &Request) -> Vec<Outcome> {
    match request {
        Request::Dequeue { .. } => numbers(1..4).chain([Outcome::Ok(Value::Nil)]).collect(),
        _ => ok(request),
    }
}

fn tokens(request: &Request) -> Vec<Outcome> {
    match request {
        Request::Acquire { .. } => numbers(1..12).chain([Outcome::No(Value::Nil)]).collect(),
        _ => vec![Outcome::Ok(Value::Nil), Outcome::No(Value::Nil)],
    }
}

fn held(request: &Request) -> Vec<Outcome> {
    match request {
        Request::Read { .. } => numbers(1..4).chain([Outcome::Ok(Value::Nil)]).collect(),
        Request::CompareAndSet { .. } => {
            ok(request).into_iter().chain((0..4).map(|found| Outcome::No(value(found)))).collect()
        }
        _ => ok(request),
    }
}

fn read_or(kind: u8, change: Request) -> Request {
    if kind == 0 { Request::Read { key: KEY } } else { change }
}

fn on_counter(kind: u8, delta: i64) -> Request {
    read_or(kind, Request::Add { key: KEY, delta: if kind == 1 { -delta } else { delta } })
}

fn on_queue(kind: u8, element: i64) -> Request {
    if kind < 2 { Request::Dequeue { key: KEY } } else { Request::Enqueue { key: KEY, element } }
}

fn on_lock(kind: u8, token: i64) -> Request {
    if kind < 2 { Request::Acquire { key: KEY } } else { Request::Release { key: KEY, token } }
}

fn on_register(kind: u8, number: i64) -> Request {
    let change = match kind {
        1 => Request::CompareAndSet { key: KEY, expected: value(number % 3), new: value(number) },
        _ => Request::Write { key: KEY, value: value(number) },
    };
    read_or(kind, change)
}

fn on_log(kind: u8, element: i64) -> Request {
    read_or(kind, Request::Append { key: KEY, element: element % 2 + 1 })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: cases(300), ..ProptestConfig::default() })]

    #[test]
    fn an_order_is_right_if_trying_all_says_so(draws in draws()) {
        agrees_with_every_order(&Register::default(), &draws, (on_register, held));
        agrees_with_every_order(&AppendLog, &draws, (on_log, lists));
        agrees_with_every_order(&Counter::default(), &draws, (on_counter, sums));
        agrees_with_every_order(&Counter::default(), &draws, (on_counter, told_sums));
        agrees_with_every_order(&Queue, &draws, (on_queue, taken));
        agrees_with_every_order(&Bag, &draws, (on_queue, taken));
        agrees_with_every_order(&FencedLock, &draws, (on_lock, tokens));
        agrees_with_every_order(&Mutex, &draws, (on_lock, tokens));
    }
}

/// In a long history of an atomic object, the order in which operations took effect is one; and it is none if two changes
/// that follow each other change places, where one precedes the other and they ask for different things.
fn long_histories_have_an_order<M: Model>(model: &M, draws: &[Draw], (request, answers): Questions) {
    let honest = |(place, draw): (usize, &Draw)| {
        (draw.0, draw.1, place as i64 + 1, draw.3, draw.4, draw.5, draw.6.min(1) * 2, usize::MAX)
    };
    let draws: Vec<Draw> = draws.iter().enumerate().map(honest).collect();
    let history = perform(model, &draws, request, answers);
    let mut order = perform_in_order(model, &draws, request, answers);
    order.retain(|operation| !changes_nothing(model, operation));
    let mut applied: Vec<Request> = order.iter().map(|operation| operation.request.clone()).collect();
    assert!(linearizes_as(model, &history, Some(KEY), &applied), "{history:?}: {applied:?}");
    let mut asked: BTreeMap<u64, usize> = BTreeMap::new();
    for operation in of_one_object(&history) {
        *asked.entry(stable_hash(&operation.request)).or_default() += 1;
    }
    let is_one = |operation: &Operation| asked[&stable_hash(&operation.request)] == 1;
    let wrong = (1..order.len()).find(|&place| {
        let pair = [&order[place - 1], &order[place]];
        precedes(pair[0], pair[1])
            && pair.iter().all(|&operation| is_one(operation) && operation.outcome.is_answered())
    });
    if let Some(place) = wrong {
        applied.swap(place - 1, place);
        assert!(!linearizes_as(model, &history, Some(KEY), &applied), "{place} in {history:?}: {applied:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: cases(5), ..ProptestConfig::default() })]

    #[test]
    fn long_histories_have_an_order_and_not_any_other(
        draws in proptest::collection::vec((0u64..4, 0u8..4, 1i64..4, 0u64..2, 0u64..6, 0u64..100, 0u8..20, 0usize..60), 60..120)
    ) {
        fn many(request: &Request) -> Vec<Outcome> {
            match request {
                Request::Read { .. } | Request::Dequeue { .. } => {
                    numbers(1..251).chain([Outcome::Ok(Value::Nil)]).collect()
                }
                _ => ok(request),
            }
        }
        fn many_tokens(request: &Request) -> Vec<Outcome> {
            match request {
                Request::Acquire { .. } => numbers(1..251).chain([Outcome::No(Value::Nil)]).collect(),
                _ => tokens(request),
            }
        }
        fn many_sums(request: &Request) -> Vec<Outcome> {
            if request.is_read() { numbers(-8_000..8_000).collect() } else { ok(request) }
        }
        let write = |kind: u8, place| read_or(kind, Request::Write { key: KEY, value: Value::Int(place) });
        let release = |kind: u8, place| on_lock(kind, place % 8);
        long_histories_have_an_order(&Register::default(), &draws, (write, many));
        long_histories_have_an_order(&Counter::default(), &draws, (on_counter, many_sums));
        long_histories_have_an_order(&Queue, &draws, (on_queue, many));
        // Which token an unanswered acquisition got, and what an unanswered taking took out of a bag, nobody knows.
        let answered: Vec<Draw> = draws.iter().map(|&(s, k, p, g, l, at, _, lie)| (s, k, p, g, l, at, 1, lie)).collect();
        long_histories_have_an_order(&FencedLock, &answered, (release, many_tokens));
        long_histories_have_an_order(&Bag, &answered, (on_queue, many));
    }
}
