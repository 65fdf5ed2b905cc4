//! A history as Jepsen's EDN: one event a line, for its checkers and others that read it.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::check::GENERATE;
use crate::host::{Key, Request, Value};
use crate::import::Imported;
use crate::load::{History, Operation, Outcome};

/// The events of a history, a line each. If there are objects beside number 0, values are pairs of object and value, as
/// Jepsen's `independent` has them. Events of one instant are put into an order: invocations first, unless they follow
/// an answer to their own session, so that what is concurrent stays so. What was answered with "no" is `:fail`, without
/// what was found. A history with transactions has nothing else: a read, write or append alone is a transaction of one.
#[must_use]
pub fn history_edn(history: &History) -> String {
    events(history, |Key(key)| key.to_string())
}

/// The same of a history from elsewhere, in its own words: read again, it is the same history.
#[must_use]
pub fn imported_edn(imported: &Imported) -> String {
    let name = |key: Key| imported.names.get(&key).cloned().unwrap_or_else(|| key.0.to_string());
    imported.words.tell(&events(&imported.history, name))
}

fn events(history: &History, name: impl Fn(Key) -> String) -> String {
    let is_transactional = history.operations.iter().any(|o| matches!(o.request, Request::Transaction(_)));
    let mut keys = history.operations.iter().filter_map(|operation| operation.request.key());
    let is_keyed = !is_transactional && keys.any(|key| name(key) != "0");
    let mut latest: BTreeMap<u64, (u64, u32)> = BTreeMap::new();
    let mut events = Vec::new();
    let drains = drains(history);
    for (index, operation) in history.operations.iter().enumerate().filter(|(index, _)| drains[*index] != Part::Rest)
    {
        let (invoked, completed) = (operation.invoked.as_nanos(), operation.completed.as_nanos());
        let before = latest.get(&operation.session).filter(|(completed, _)| *completed == invoked);
        let rank = before.map_or(0, |(_, rank)| rank + 1);
        let end_rank = if completed == invoked { rank + 1 } else { 1 };
        latest.insert(operation.session, (completed, end_rank));
        events.push((invoked, rank, index, false));
        events.push((completed, end_rank, index, true));
    }
    events.sort_unstable();
    let mut text = String::new();
    for (place, (time, _, index, is_end)) in events.into_iter().enumerate() {
        let operation = &history.operations[index];
        let (stage, found, reason) = match (is_end, &operation.outcome) {
            (false, _) => ("invoke", None, None),
            (true, Outcome::Ok(found)) => ("ok", Some(found), None),
            (true, Outcome::No(_)) => ("fail", None, None),
            (true, Outcome::Fail(reason)) => ("fail", None, Some(reason)),
            (true, Outcome::Info(reason)) => ("info", None, Some(reason)),
        };
        let (function, value) = match (&operation.request, &drains[index]) {
            (_, Part::First(elements)) => ("drain", found.map_or("nil".to_owned(), |_| elements.clone())),
            (Request::Transaction(parts), _) => ("txn", transaction(parts, found, &name)),
            (part, _) if is_transactional => ("txn", transaction(std::slice::from_ref(part), found, &name)),
            (request, _) => deed(request, found),
        };
        let value = match operation.request.key().filter(|_| is_keyed) {
            Some(key) => format!("[{} {value}]", name(key)),
            None => value,
        };
        let process = operation.session;
        let reason = reason.map(|reason| format!(", :error {}", quoted(reason))).unwrap_or_default();
        // Writing into a text cannot fail.
        let _ = writeln!(
            text,
            "{{:index {place}, :time {time}, :process {process}, :type :{stage}, :f :{function}, :value {value}{reason}}}"
        );
    }
    text
}

/// What an operation is of a drain.
#[derive(Clone, PartialEq, Eq)]
enum Part {
    None,
    /// The taking that stands for it, and all that it took.
    First(String),
    Rest,
}

/// For each operation, what it is of a drain: a series of takings.
fn drains(history: &History) -> Vec<Part> {
    let mut parts = vec![Part::None; history.operations.len()];
    let mut first: BTreeMap<u64, usize> = BTreeMap::new();
    let mut took: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (index, operation) in history.operations.iter().enumerate() {
        if !operation.is_in_series_with(operation) {
            continue;
        }
        let before = first.get(&operation.session).copied();
        match before.filter(|&before| operation.is_in_series_with(&history.operations[before])) {
            Some(before) => {
                parts[index] = Part::Rest;
                took.entry(before).or_insert_with(|| taken(&history.operations[before])).extend(taken(operation));
            }
            None => drop(first.insert(operation.session, index)),
        }
    }
    for (index, elements) in took {
        parts[index] = Part::First(format!("[{}]", elements.join(" ")));
    }
    parts
}

/// The element that a taking found, if it did.
fn taken(operation: &Operation) -> Vec<String> {
    match &operation.outcome {
        Outcome::Ok(found) if *found != Value::Nil => vec![plain(found)],
        _ => Vec::new(),
    }
}

/// A request in Jepsen's words: the function, and the value; what was found, where the request asks for something.
fn deed(request: &Request, found: Option<&Value>) -> (&'static str, String) {
    let found = || found.map_or("nil".to_owned(), plain);
    match request {
        Request::Read { .. } => ("read", found()),
        Request::Write { value, .. } => ("write", plain(value)),
        Request::CompareAndSet { expected, new, .. } => ("cas", format!("[{} {}]", plain(expected), plain(new))),
        Request::Add { delta, .. } => ("add", delta.to_string()),
        Request::Insert { element, .. } => ("add", element.to_string()),
        Request::Append { element, .. } => ("append", element.to_string()),
        Request::Enqueue { element, .. } => ("enqueue", element.to_string()),
        Request::Dequeue { .. } => ("dequeue", found()),
        Request::Acquire { .. } => ("acquire", found()),
        Request::Release { token, .. } => ("release", token.to_string()),
        Request::Transaction(parts) => ("txn", transaction(parts, None, &|Key(key)| key.to_string())),
        Request::Custom { name, .. } if name == GENERATE => (GENERATE, found()),
        Request::Custom { .. } => ("custom", format!("{:?}", request.to_string())),
    }
}

/// A transaction in Elle's words, `[[:append 8 1] [:r 8 [1]]]`: the micro-operations, each read with what it found.
fn transaction(parts: &[Request], found: Option<&Value>, name: &impl Fn(Key) -> String) -> String {
    let mut found = match found {
        Some(Value::Answers(values)) => values.as_slice(),
        Some(value) => std::slice::from_ref(value),
        None => &[],
    }
    .iter();
    let part = |part: &Request| match part {
        Request::Read { key } => format!("[:r {} {}]", name(*key), found.next().map_or("nil".to_owned(), plain)),
        Request::Write { key, value } => format!("[:w {} {}]", name(*key), plain(value)),
        Request::Append { key, element } => format!("[:append {} {element}]", name(*key)),
        other => {
            let (function, value) = deed(other, None);
            format!("[:{function} {value}]")
        }
    };
    format!("[{}]", parts.iter().map(part).collect::<Vec<_>>().join(" "))
}

/// A text in quotes, on one line.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\r', "\\r");
    format!("\"{escaped}\"")
}

fn plain(value: &Value) -> String {
    let all = |values: Vec<String>| values.join(" ");
    match value {
        Value::Nil => "nil".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::List(elements) => format!("[{}]", all(elements.iter().map(ToString::to_string).collect())),
        Value::Siblings(values) => format!("#{{{}}}", all(values.iter().map(plain).collect())),
        Value::Answers(values) => format!("[{}]", all(values.iter().map(plain).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::{Nil, ObjectKind, read};
    use crate::kernel::Time;

    fn operation(session: u64, request: Request, from: u64, to: u64, outcome: Outcome) -> Operation {
        let (invoked, completed) = (Time::from_nanos(from), Time::from_nanos(to));
        Operation { client: 0, number: from, session, request, intended: invoked, invoked, completed, outcome }
    }

    fn history(operations: Vec<Operation>) -> History {
        History { clients: vec!["c".into()], operations }
    }

    #[test]
    fn events_are_in_an_order_that_keeps_what_is_concurrent() {
        let key = Key(0);
        let write = |value| Request::Write { key, value: Value::Int(value) };
        let ok = || Outcome::Ok(Value::Nil);
        let history = history(vec![
            operation(1, write(1), 0, 5, ok()),
            operation(2, write(2), 5, 5, Outcome::Fail("a \"reason\"".into())),
            operation(1, Request::Read { key }, 5, 9, Outcome::Ok(Value::Int(1))),
            operation(3, write(3), 6, 9, Outcome::Info("timeout".into())),
            operation(
                4,
                Request::CompareAndSet { key, expected: Value::Nil, new: Value::Int(4) },
                7,
                8,
                Outcome::No(Value::Int(1)),
            ),
        ]);
        let expected = "{:index 0, :time 0, :process 1, :type :invoke, :f :write, :value 1}
{:index 1, :time 5, :process 2, :type :invoke, :f :write, :value 2}
{:index 2, :time 5, :process 1, :type :ok, :f :write, :value 1}
{:index 3, :time 5, :process 2, :type :fail, :f :write, :value 2, :error \"a \\\"reason\\\"\"}
{:index 4, :time 5, :process 1, :type :invoke, :f :read, :value nil}
{:index 5, :time 6, :process 3, :type :invoke, :f :write, :value 3}
{:index 6, :time 7, :process 4, :type :invoke, :f :cas, :value [nil 4]}
{:index 7, :time 8, :process 4, :type :fail, :f :cas, :value [nil 4]}
{:index 8, :time 9, :process 1, :type :ok, :f :read, :value 1}
{:index 9, :time 9, :process 3, :type :info, :f :write, :value 3, :error \"timeout\"}
";
        assert_eq!(history_edn(&history), expected);
    }

    /// A history from elsewhere, written again, is the same to checkers.
    #[test]
    fn what_is_imported_can_be_written_again() {
        let check = |kind: ObjectKind, text: &str| {
            let first =
                read(text.as_bytes(), None, kind, Nil::Value).unwrap_or_else(|error| panic!("{error}\n{text}"));
            let written = imported_edn(&first);
            let again =
                read(written.as_bytes(), None, kind, Nil::Value).unwrap_or_else(|error| panic!("{error}\n{written}"));
            // What is open at the end ends with an event of its own.
            let end = |o: &Operation| o.outcome.is_answered().then_some(o.completed.as_nanos() / 10);
            let deed = |o: &Operation| (o.request.clone(), o.outcome.clone(), o.session, o.invoked, end(o));
            let deeds = |history: &History| -> Vec<_> { history.operations.iter().map(deed).collect() };
            assert_eq!(deeds(&again.history), deeds(&first.history), "{written}");
            assert_eq!((&again.words, &again.names), (&first.words, &first.names), "{written}");
        };
        let time = std::cell::Cell::new(0);
        let event = |process: u64, kind: &str, function: &str, value: &str| {
            time.set(time.get() + 10);
            let time = time.get();
            format!("{{:time {time}, :process {process}, :type :{kind}, :f :{function}, :value {value}}}\n")
        };
        let both = |process: u64, function: &str, asked: &str, found: &str| {
            event(process, "invoke", function, asked) + &event(process, "ok", function, found)
        };
        let register = both(0, "write", "[:x \"a \\\"b\\\"\"]", "[:x nil]")
            + &both(0, "read", "[:y nil]", "[:y {:a [1 2.50], :b #{:c}}]")
            + &both(0, "cas", "[:x [true #inst \"2026\"]]", "[:x [true #inst \"2026\"]]")
            + "{:time 900, :process 0, :type :invoke, :f :read, :value [:x nil]}
               {:time 910, :process 0, :type :info, :f :read, :value [:x nil], :error [:net \"down \\\\ \"]}";
        check(ObjectKind::Register, &register.replace("[:y {", "[:y #x/y {"));
        check(ObjectKind::Set, &(both(0, "add", ":a", ":a") + &both(0, "read", "nil", "#{1 :a \\space}")));
        check(ObjectKind::Log, &(both(0, "append", "(1 :a)", "nil") + &both(0, "read", "nil", "[[1 :a] nil]")));
        let puts = both(0, "enqueue", ":a", ":a") + &both(0, "enqueue", "3", "3") + &both(0, "enqueue", ":c", "nil");
        let drains = [
            both(1, "drain", "nil", "[:a 3]"),
            both(1, "drain", "nil", "nil"),
            event(1, "invoke", "drain", "nil") + &event(1, "info", "drain", "nil"),
            event(1, "invoke", "drain", "nil") + &event(1, "fail", "drain", "nil"),
            event(1, "invoke", "drain", "nil"),
        ];
        for drain in drains {
            check(ObjectKind::Queue, &(puts.clone() + &drain));
            check(ObjectKind::Queue, &(puts.clone() + &drain + &both(2, "dequeue", "nil", ":c")));
        }
        check(ObjectKind::UniqueIds, &both(0, "generate", "nil", "\"7f\""));
        check(
            ObjectKind::TransactionalList,
            &both(0, "txn", "[[:append :x :v] [:r :y nil]]", "[[:append :x :v] [:r :y [:u 1]]]"),
        );
        check(
            ObjectKind::TransactionalRegister,
            &both(0, "txn", "[[:w :x :v] [:r :y nil]]", "[[:w :x :v] [:r :y 1/2]]"),
        );
    }

    #[test]
    fn what_is_written_can_be_read_again() {
        let check = |kind: ObjectKind, requests: Vec<(Request, Outcome)>| {
            let number = |place: usize| place as u64 * 10;
            let with_times = |(place, (request, outcome))| {
                operation(place as u64, request, number(place), number(place) + 5, outcome)
            };
            let history = history(requests.into_iter().enumerate().map(with_times).collect());
            let texts = [history_edn(&history), super::super::history_lines(&history)];
            for text in texts {
                let imported =
                    read(text.as_bytes(), None, kind, Nil::Value).unwrap_or_else(|error| panic!("{error}\n{text}"));
                let deeds = |history: &History| -> Vec<(Request, Outcome, u64, Time)> {
                    let deed = |o: &Operation| (o.request.clone(), o.outcome.clone(), o.session, o.completed);
                    history.operations.iter().map(deed).collect()
                };
                assert_eq!(deeds(&imported.history), deeds(&history), "{text}");
            }
        };
        let ok = |value| Outcome::Ok(value);
        let (one, two) = (Key(1), Key(2));
        let list = || Value::List(vec![3, 4]);
        check(
            ObjectKind::Register,
            vec![
                (Request::Write { key: one, value: Value::Int(-3) }, ok(Value::Nil)),
                (Request::Write { key: two, value: list() }, ok(Value::Nil)),
                (Request::Read { key: two }, ok(list())),
                (Request::Read { key: one }, ok(Value::Nil)),
                (Request::CompareAndSet { key: one, expected: Value::Nil, new: Value::Int(7) }, ok(Value::Nil)),
            ],
        );
        let key = Key(0);
        check(
            ObjectKind::Counter,
            vec![(Request::Add { key, delta: -3 }, ok(Value::Nil)), (Request::Read { key }, ok(Value::Int(-3)))],
        );
        check(
            ObjectKind::Set,
            vec![(Request::Insert { key, element: 3 }, ok(Value::Nil)), (Request::Read { key }, ok(list()))],
        );
        check(
            ObjectKind::Log,
            vec![(Request::Append { key, element: 3 }, ok(Value::Nil)), (Request::Read { key }, ok(list()))],
        );
        check(
            ObjectKind::Queue,
            vec![
                (Request::Enqueue { key, element: 3 }, ok(Value::Nil)),
                (Request::Dequeue { key }, ok(Value::Int(3))),
                (Request::Dequeue { key }, ok(Value::Nil)),
            ],
        );
        check(
            ObjectKind::Lock,
            vec![(Request::Acquire { key }, ok(Value::Int(3))), (Request::Release { key, token: 3 }, ok(Value::Nil))],
        );
        let both = |read: Key| {
            vec![Request::Append { key: one, element: 3 }, Request::Read { key: read }, Request::Read { key: two }]
        };
        check(
            ObjectKind::TransactionalList,
            vec![
                (Request::Transaction(both(one)), ok(Value::Answers(vec![list(), Value::List(vec![])]))),
                (Request::Transaction(both(two)), ok(Value::Answers(vec![Value::List(vec![]), Value::List(vec![])]))),
            ],
        );
        let both = vec![Request::Write { key: one, value: Value::Int(3) }, Request::Read { key: one }];
        check(
            ObjectKind::TransactionalRegister,
            vec![
                (Request::Transaction(both.clone()), ok(Value::Answers(vec![Value::Int(3)]))),
                (Request::Transaction(vec![both[1].clone()]), ok(Value::Answers(vec![Value::Nil]))),
                (Request::Transaction(vec![both[0].clone()]), ok(Value::Answers(vec![]))),
            ],
        );
        let generate = || Request::Custom { name: GENERATE.into(), body: String::new() };
        check(ObjectKind::UniqueIds, vec![(generate(), ok(Value::Int(3))), (generate(), ok(Value::Int(4)))]);
        check(
            ObjectKind::Mutex,
            vec![(Request::Acquire { key }, ok(Value::Nil)), (Request::Release { key, token: 0 }, ok(Value::Nil))],
        );
    }
}
