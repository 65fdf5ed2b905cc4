//! Histories for tests, written compactly, and drawn at random.

use std::collections::BTreeMap;
use std::fmt::Display;

use proptest::prelude::*;

use super::precedence::precedes;
use super::writes::Kind;
use super::{
    AppendLog, Budget, GENERATE, GrowOnlySet, Linearizability, Model, Register, Sequential, linearizable, sequential,
};
use crate::host::{Key, Request, Value};
use crate::kernel::Time;
use crate::load::{History, Operation, Outcome};

/// How many cases a property is tried with: many more in optimised code, where a hundred thousand take seconds.
pub(super) const fn cases(in_debug_code: u32) -> u32 {
    if cfg!(debug_assertions) { in_debug_code } else { 20 * in_debug_code }
}

/// A value of the tests: 0 is nil.
pub(super) fn value(number: i64) -> Value {
    if number == 0 { Value::Nil } else { Value::Int(number) }
}

/// Reads a history from lines `SESSION DEED ANSWER FROM TO`, all on object 0 unless the deed is followed by
/// `@KEY`: `1 w4 ok 0 5`, `2 r ok4 6 7`, `3 c4>5 no6 1 9`, `4 w7 info 3 -`, `5 w8 fail 2 3`, `6 +4 ok 0 5` (append),
/// `7 i4 ok 0 5` (insert), `8 r ok[4,5] 6 7`, `9 r ok4|5 6 7` (siblings). 0 is nil; each instant is a second. Operations take their number in a client `s` from the order of the lines.
pub(super) fn history(text: &str) -> History {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut operations: Vec<Operation> = lines.enumerate().map(|(number, line)| operation(number, line)).collect();
    operations.sort_by_key(|operation| (operation.invoked, operation.number));
    History { clients: vec!["s".into()], operations }
}

fn operation(number: usize, line: &str) -> Operation {
    let words: Vec<&str> = line.split_whitespace().collect();
    let &[session, deed, answer, from, to] = words.as_slice() else { panic!("five words: {line}") };
    let int = |text: &str| text.parse::<i64>().expect(line);
    let (deed, key) =
        deed.split_once('@').map_or((deed, Key(0)), |(deed, key)| (deed, Key(key.parse().expect(line))));
    let request = match deed.split_at(1) {
        ("r", "") => Request::Read { key },
        ("w", written) => Request::Write { key, value: value(int(written)) },
        ("c", change) => {
            let (expected, new) = change.split_once('>').expect(line);
            Request::CompareAndSet { key, expected: value(int(expected)), new: value(int(new)) }
        }
        ("+", element) => Request::Append { key, element: int(element) },
        ("i", element) => Request::Insert { key, element: int(element) },
        ("a", delta) => Request::Add { key, delta: int(delta) },
        ("e", element) => Request::Enqueue { key, element: int(element) },
        ("d", "") => Request::Dequeue { key },
        ("l", "") => Request::Acquire { key },
        ("g", "") => Request::Custom { name: GENERATE.to_owned(), body: String::new() },
        ("u", token) => Request::Release { key, token: int(token) },
        _ => panic!("no deed: {line}"),
    };
    let outcome = match answer {
        "info" => Outcome::Info("timeout".into()),
        "fail" => Outcome::Fail("refused".into()),
        _ if answer.starts_with("ok") => Outcome::Ok(found(&answer[2..])),
        _ => Outcome::No(found(answer.strip_prefix("no").expect(line))),
    };
    let at = |text: &str| if text == "-" { Time::MAX } else { Time::from_nanos(int(text) as u64 * 1_000_000_000) };
    Operation {
        client: 0,
        number: number as u64,
        session: int(session) as u64,
        request,
        intended: at(from),
        invoked: at(from),
        completed: at(to),
        outcome,
    }
}

/// A value as written in a history: nothing is nil.
fn found(text: &str) -> Value {
    let int = |text: &str| text.parse::<i64>().unwrap_or_else(|_| panic!("a number: {text}"));
    if text.contains('|') {
        return Value::Siblings(text.split('|').map(found).collect());
    }
    match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        Some(elements) => Value::List(elements.split(',').filter(|element| !element.is_empty()).map(int).collect()),
        None if text.is_empty() => Value::Nil,
        None => value(int(text)),
    }
}

/// Whether a history of one object is linearizable, by trying every order.
pub(super) fn brute_force<M: Model>(model: &M, history: &History) -> bool {
    let is_first = |left: &[&Operation], next: usize| {
        let next = left[next];
        let is_before_in_series = |other: &Operation| other.is_in_series_with(next) && other.number < next.number;
        !left.iter().any(|other| precedes(other, next) || is_before_in_series(other))
    };
    try_orders(model, &happened(history), &BTreeMap::new(), &is_first)
}

/// Whether an order of all operations explains their answers and keeps each session's own, by trying every one.
pub(super) fn brute_force_in_sessions<M: Model>(model: &M, history: &History) -> bool {
    let is_first = |left: &[&Operation], next: usize| {
        !left[..next].iter().any(|other| other.session == left[next].session && other.outcome.is_answered())
    };
    try_orders(model, &happened(history), &BTreeMap::new(), &is_first)
}

/// Whether a checker's answers are those of trying every order: both as an object in real time, and by the order of the sessions alone.
pub(super) fn is_judged_as_by_brute_force<M: Model<State: Display>>(
    model: &M,
    history: &History,
) -> Result<(), TestCaseError> {
    let found = linearizable(model, history, Budget::default());
    prop_assert_eq!(found == Linearizability::Linearizable, brute_force(model, history), "{:?}", found);
    let expected = brute_force_in_sessions(model, history);
    let found = sequential(model, history, Budget::default());
    prop_assert_eq!(matches!(found, Sequential::Consistent(_)), expected, "{:?}", found);
    if let Sequential::Refuted { core, .. } = found {
        let operations = core.into_iter().map(|index| history.operations[index].clone()).collect();
        let core = History { operations, ..history.clone() };
        prop_assert!(!brute_force_in_sessions(model, &core), "{:?}", core);
    }
    Ok(())
}

/// What may have happened, and can be told to have: a read of unknown outcome says nothing.
fn happened(history: &History) -> Vec<&Operation> {
    let operations = history.operations.iter().filter(|operation| !matches!(operation.outcome, Outcome::Fail(_)));
    operations.filter(|o| !(o.request.is_read() && matches!(o.outcome, Outcome::Info(_)))).collect()
}

fn try_orders<M: Model>(
    model: &M,
    left: &[&Operation],
    states: &BTreeMap<Key, M::State>,
    is_first: &impl Fn(&[&Operation], usize) -> bool,
) -> bool {
    left.iter().all(|operation| matches!(operation.outcome, Outcome::Info(_)))
        || left.iter().enumerate().any(|(index, operation)| {
            let key = operation.request.key().expect("one object");
            let state = states.get(&key).cloned().unwrap_or_else(|| model.initial());
            let answer = operation.outcome.is_answered().then_some(&operation.outcome);
            let rest = [&left[..index], &left[index + 1..]].concat();
            is_first(left, index)
                && model.step(&state, &operation.request, answer).is_some_and(|next| {
                    let mut states = states.clone();
                    states.insert(key, next);
                    try_orders(model, &rest, &states, is_first)
                })
        })
}

/// What a random operation is made of; small numbers, so that values and times meet often.
#[derive(Clone, Debug)]
pub(super) struct Draw {
    session: u64,
    kind: u8,
    key: u64,
    written: i64,
    expected: i64,
    gap: u64,
    length: u64,
    /// When it takes effect, in parts of its length.
    point: u64,
    outcome: u8,
    /// A small chance to answer with any value.
    lie: Option<i64>,
}

/// Random operations of `sessions` sessions.
pub(super) fn draws(sizes: std::ops::Range<usize>, keys: u64, sessions: u64) -> impl Strategy<Value = Vec<Draw>> {
    let lie = prop_oneof![6 => Just(None), 1 => (0i64..5).prop_map(Some)];
    let who = (0..sessions, 0u8..4, 0..keys);
    let when = (0u64..3, 0u64..6, 0u64..100);
    let draw = (who, (0i64..5, 0i64..5), when, 0u8..8, lie).prop_map(|(who, values, when, outcome, lie)| {
        let (session, kind, key) = who;
        let ((written, expected), (gap, length, point)) = (values, when);
        // Operations of one session often touch.
        let gap = u64::saturating_sub(gap, 1);
        Draw { session, kind, key, written, expected, gap, length, point, outcome, lie }
    });
    proptest::collection::vec(draw, sizes)
}

/// A kind of object.
pub(super) fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Register), Just(Kind::Log), Just(Kind::Set)]
}

/// Runs the draws on atomic registers, so that without a lie the history is linearizable. With `unique`, each
/// write writes a value of its own.
pub(super) fn perform(draws: &[Draw], unique: bool) -> History {
    perform_on(draws, unique, Kind::Register)
}

/// Runs the draws on atomic objects of a kind.
pub(super) fn perform_on(draws: &[Draw], unique: bool, kind: Kind) -> History {
    let first = if unique { 10 } else { 0 };
    let mut clock: BTreeMap<u64, u64> = BTreeMap::new();
    let mut session_name: BTreeMap<u64, u64> = BTreeMap::new();
    let mut planned = Vec::new();
    for (number, draw) in draws.iter().enumerate() {
        let now = clock.entry(draw.session).or_default();
        let from = *now + draw.gap;
        *now = from + draw.length;
        let (key, element) = (Key(draw.key), if unique { number as i64 + first } else { draw.written });
        let request = match (draw.kind, kind) {
            (0 | 1, _) => Request::Read { key },
            (_, Kind::Log) => Request::Append { key, element },
            (_, Kind::Set) => Request::Insert { key, element },
            (2, Kind::Register) => Request::Write { key, value: value(element) },
            _ => Request::CompareAndSet { key, expected: value(draw.expected), new: value(element) },
        };
        let session = *session_name.entry(draw.session).or_insert(draw.session);
        if draw.outcome == 0 {
            session_name.insert(draw.session, session + 100);
        }
        let invoked = Time::from_nanos(from);
        let outcome = Outcome::Info("timeout".into());
        let completed = Time::from_nanos(*now);
        let number = number as u64;
        let operation =
            Operation { client: 0, number, session, request, intended: invoked, invoked, completed, outcome };
        let late = if draw.outcome == 0 { 1_000 } else { draw.length * 100 };
        planned.push((from * 100 + late * draw.point / 100, draw, operation));
    }
    planned.sort_by_key(|(point, _, operation)| (*point, operation.number));
    let mut states: BTreeMap<Key, Value> = BTreeMap::new();
    let take_effect = |(_, draw, operation): (u64, &Draw, Operation)| answer(&mut states, draw, first, operation);
    let mut operations: Vec<Operation> = planned.into_iter().map(take_effect).collect();
    operations.sort_by_key(|operation| (operation.invoked, operation.number));
    History { clients: vec!["s".into()], operations }
}

fn answer(states: &mut BTreeMap<Key, Value>, draw: &Draw, first: i64, mut operation: Operation) -> Operation {
    let state = states.entry(operation.request.key().expect("one object")).or_default();
    if let (4, Request::CompareAndSet { expected, .. }) = (draw.expected, &mut operation.request) {
        expected.clone_from(state);
    }
    let found = match (draw.lie, &*state) {
        (None, state) => state.clone(),
        (Some(lie), Value::List(elements)) => distorted(elements, lie, first),
        (Some(lie), _) => value(first + lie),
    };
    if draw.outcome == 1 {
        operation.outcome = Outcome::Fail("refused".into());
        return operation;
    }
    let outcome = match &operation.request {
        Request::CompareAndSet { expected, .. } if found != *expected => Outcome::No(found),
        Request::Read { .. } => Outcome::Ok(found),
        request => {
            let next = match request {
                Request::Append { .. } => AppendLog.step(state, request, None),
                Request::Insert { .. } => GrowOnlySet.step(state, request, None),
                _ => Register::default().step(state, request, None),
            };
            *state = next.unwrap_or(state.clone());
            Outcome::Ok(Value::Nil)
        }
    };
    if draw.outcome != 0 {
        operation.outcome = outcome;
    }
    operation
}

/// The same without compare-and-sets: those that took effect are writes, others reads.
pub(super) fn of_plain_operations(mut history: History) -> History {
    for operation in &mut history.operations {
        if let Request::CompareAndSet { key, new, .. } = &operation.request {
            (operation.request, operation.outcome) = match operation.outcome.clone() {
                Outcome::No(found) => (Request::Read { key: *key }, Outcome::Ok(found)),
                outcome => (Request::Write { key: *key, value: new.clone() }, outcome),
            };
        }
    }
    history
}

/// A list with something wrong, perhaps.
fn distorted(elements: &[i64], lie: i64, first: i64) -> Value {
    let mut elements = elements.to_vec();
    let last = elements.len() - 1;
    match lie {
        0 => elements.truncate(last),
        1 => elements.swap(0, last),
        2 => elements.push(elements[0]),
        3 => drop(elements.remove(0)),
        _ => elements.push(first + lie),
    }
    Value::List(elements)
}

/// The same history, where some reads answer two values at once: theirs, and the one of the read before.
pub(super) fn with_siblings(mut history: History) -> History {
    let mut before = Value::Nil;
    for (place, operation) in history.operations.iter_mut().enumerate() {
        let (true, Outcome::Ok(found)) = (operation.request.is_read(), &mut operation.outcome) else { continue };
        let own = found.clone();
        if place % 3 == 0 && own != before {
            *found = Value::Siblings(vec![own.clone().min(before.clone()), own.clone().max(before)]);
        }
        before = own;
    }
    history
}
