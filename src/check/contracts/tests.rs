use proptest::prelude::*;

use super::*;
use crate::check::convergence::Replica;
use crate::check::models::{Counter, Queue};
use crate::check::precedence::precedes;
use crate::check::testing::{brute_force, cases, history};
use crate::host::{Key, Request, Value};
use crate::kernel::Time;
use crate::load::{History, Operation, Outcome};

const ALL: fn(usize) -> bool = |_| true;

#[test]
fn queues_break_their_contract_in_five_ways() {
    let check = |text: &str, held: Option<&[i64]>, expected: &str| {
        let entries = |held: &[i64]| vec![(Key(0), 1, Value::List(held.to_vec()))];
        let replicas: Vec<Replica> =
            held.iter().map(|held| Replica { entries: entries(held), ..Replica::default() }).collect();
        assert_eq!(queue_contract(&history(text), &replicas).observed(ALL), expected, "{text}");
    };
    check("", None, "no anomaly");
    check("1 e1 ok 0 1\n1 e2 ok 2 3\n2 d ok1 4 5\n2 d ok2 6 7\n2 d ok0 8 9", None, "no anomaly");
    // Lost: found empty later, or not held at the end; not if it may be there, or somebody may have it.
    check("1 e1 ok 0 1\n2 d ok0 2 3", None, "1 lost");
    check("1 e1 ok 0 1\n2 d ok0 1 3", None, "no anomaly");
    check("1 e1 ok 0 1", None, "no anomaly");
    check("1 e1 ok 0 1", Some(&[]), "1 lost");
    check("1 e1 ok 0 1", Some(&[1]), "no anomaly");
    check("1 e1 ok 0 1\n2 d ok0 2 3", Some(&[1]), "no anomaly");
    check("1 e1 info 0 1\n2 d ok0 2 3", Some(&[]), "no anomaly");
    check("1 e1 ok 0 1\n3 d info 0 1\n2 d no0 2 3", None, "no anomaly");
    check("1 e1 ok 0 1\n1 e2 ok 2 3\n3 d info 0 1\n2 d ok0 4 5", None, "1 lost");
    check("1 e1 ok 0 1\n1 e1 ok 2 3\n2 d ok1 4 5\n2 d ok0 6 7", None, "1 lost");
    // Duplicated: two have it at once. Redelivered: one after the other.
    check("1 e1 ok 0 1\n2 d ok1 2 5\n3 d ok1 3 4", None, "1 duplicated");
    check("1 e1 ok 0 1\n2 d ok1 2 3\n3 d ok1 4 5", None, "1 redelivered");
    check("1 e1 ok 0 1\n2 d ok1 2 3\n2 d ok1 4 5\n2 d ok1 6 7", None, "2 redelivered");
    check("1 e1 ok 0 1\n1 e1 ok 2 3\n2 d ok1 4 5\n2 d ok1 6 7", None, "no anomaly");
    // Reordered: also by what was put in with unknown outcome; not if the times leave it open.
    check("1 e1 ok 0 1\n1 e2 ok 2 3\n2 d ok2 4 5\n2 d ok1 6 7", None, "1 reordered");
    check("1 e1 ok 0 1\n2 e2 info 2 3\n3 d ok2 4 5\n3 d ok1 6 7", None, "1 reordered");
    check("1 e1 info 0 1\n2 e2 ok 2 3\n3 d ok2 4 5\n3 d ok1 6 7", None, "no anomaly");
    check("1 e1 ok 0 2\n2 e2 ok 1 3\n3 d ok2 4 5\n3 d ok1 6 7", None, "no anomaly");
    check("1 e1 ok 0 1\n1 e2 ok 2 3\n2 d ok2 4 6\n3 d ok1 5 7", None, "no anomaly");
    // A drain is in the order in which it tells; of what was put in twice, the last may be left.
    check("1 e1 ok 0 1\n1 e2 ok 2 3\n2 d ok2 4 9\n2 d ok1 4 9", None, "1 reordered");
    check("1 e1 ok 0 1\n1 e2 ok 2 3\n2 d ok1 4 9\n2 d ok2 4 9\n2 d ok0 4 9", None, "no anomaly");
    check("1 e1 ok 0 1\n2 d ok1 4 9\n2 d ok1 4 9", None, "1 redelivered");
    check("1 e1 ok 0 1\n1 e2 ok 2 3\n2 d ok1 4 9\n2 d ok0 4 9", None, "1 lost");
    check("1 e1 ok 0 9\n3 e1 ok 1 2\n2 d ok1 3 4\n2 d ok0 5 6", None, "no anomaly");
    // Unexpected: nobody put it in, certainly not, or only later.
    check("2 d ok1 0 1", None, "1 unexpected");
    check("1 e1 fail 0 1\n2 d ok1 2 3", None, "1 unexpected");
    check("2 d ok1 0 1\n1 e1 ok 2 3", None, "1 unexpected");
    check(
        "1 e1 ok 0 1\n1 e2 ok 2 3\n1 e3 ok 4 5\n2 d ok2 6 7\n2 d ok1 8 9\n3 d ok1 10 11\n3 d ok7 12 13\n3 d ok0 14 15",
        None,
        "1 lost, 1 reordered, 1 redelivered and 1 unexpected",
    );
}

#[test]
fn a_limit_lets_as_many_pass() {
    let text = "1 e1 ok 0 1\n2 d ok1 2 3\n2 d ok1 4 5\n2 d ok1 6 7";
    let history = history(text);
    let report = queue_contract(&history, &[]);
    let broken = |limit| {
        let limits = QueueLimits::default().with(QueueAnomaly::Redelivered, limit);
        report.broken(&history, limits, ALL).map(|(anomaly, sentence, _)| (anomaly, sentence))
    };
    let first = "2 elements redelivered; the first: s-2 dequeue from k0 -> 1 (4s, acknowledged at 5s); s-1 dequeue from k0 -> 1 \
                 (2s, acknowledged at 3s).";
    assert_eq!(broken(1), Some((QueueAnomaly::Redelivered, first.to_owned())));
    assert_eq!(broken(2), None);
    assert_eq!(report.broken(&history, QueueLimits::default(), |operation| operation == 0), None);
    let limits = QueueLimits::default().with(QueueAnomaly::Lost, 2).with(QueueAnomaly::Redelivered, 1);
    assert_eq!(limits.to_string(), "at most 2 lost and 1 redelivered");
}

#[test]
fn sums_lie_between_what_was_certainly_added_and_what_may_have_been() {
    let check = |text: &str, limits: (Option<i64>, Option<i64>), expected: &[&str]| {
        let history = history(text);
        let report = counter_bounds(&history, 10, limits);
        let told: Vec<String> = report.out_of_bounds.iter().map(|sum| sum.story(&history)).collect();
        assert_eq!(told, expected, "{text}");
    };
    let any = (None, None);
    check("1 r ok10 0 1", any, &[]);
    check("1 a5 ok 0 3\n2 r ok10 1 2\n2 r ok15 1 2", any, &[]);
    check("1 a5 info 0 1\n2 r ok15 2 3\n2 r ok10 4 5", any, &[]);
    check("1 a-5 ok 0 1\n2 a5 info 0 1\n3 r ok5 2 3\n3 r ok10 4 5", any, &[]);
    check(
        "1 a5 ok 0 1\n2 r ok10 2 3",
        any,
        &["s-1 reads 10 (2s to 3s), but by what was added it lies between 15 and 15."],
    );
    check(
        "1 a5 fail 0 1\n2 r ok15 2 3",
        any,
        &["s-1 reads 15 (2s to 3s), but by what was added it lies between 10 and 10."],
    );
    // Who is told the sum with the answer to an addition has added that.
    check("1 a5 ok15 0 1\n2 a-5 ok10 2 3", any, &[]);
    check(
        "1 a5 ok10 0 1",
        any,
        &["s-0 add 5 to k0 -> 10 (0s, acknowledged at 1s), but by what was added it lies between 15 and 15."],
    );
    // Limits that it must not leave, such as what is in stock.
    let stock = (Some(0), Some(20));
    check("1 a-11 ok 0 1\n2 r ok-1 2 3", stock, &["s-1 reads -1 (2s to 3s): that is outside of what is allowed."]);
    check("1 a10 ok 0 1\n2 r ok20 2 3", stock, &[]);
    // Registers are no counters.
    check("1 w5 ok 0 1\n2 r ok5 2 3", any, &[]);
}

#[test]
fn no_id_is_given_out_twice() {
    let check = |text: &str, given: u64, expected: Option<&str>| {
        let history = history(text);
        let ids = unique_ids(&history);
        assert_eq!((ids.given, ids.story(&history).as_deref()), (given, expected), "{text}");
    };
    check("", 0, None);
    check("1 g ok7 0 1\n2 g ok8 0 1\n3 g info 0 1\n4 g fail 0 1", 2, None);
    check(
        "1 g ok7 0 1\n2 g ok8 0 1\n2 g ok7 2 3",
        3,
        Some(
            "s-2 generate -> 7 (2s, acknowledged at 3s) was given what another had: s-0 generate -> 7 (0s, acknowledged at 1s).",
        ),
    );
}

/// One operation: session, what it does, its number, the gap before it, its length, how it ends.
type Draw = (u64, u8, i64, u64, u64, u8);

/// Operations that were answered with anything.
fn arbitrary(draws: &[Draw], request: fn(u8, i64) -> Request) -> History {
    let mut free_at = [0; 3];
    let mut names = [0, 1, 2];
    let operation = |(number, &(session, kind, parameter, gap, length, end)): (usize, &Draw)| {
        let from = free_at[session as usize] + gap;
        free_at[session as usize] = from + length;
        let name = names[session as usize];
        let request = request(kind, parameter);
        let outcome = match (&request, end) {
            (_, 0) => {
                names[session as usize] += 100;
                Outcome::Info("timeout".into())
            }
            (_, 1) => Outcome::Fail("refused".into()),
            (Request::Dequeue { .. }, 2) => Outcome::Ok(Value::Nil),
            (Request::Dequeue { .. } | Request::Read { .. }, _) => Outcome::Ok(Value::Int(parameter)),
            _ => Outcome::Ok(Value::Nil),
        };
        let [invoked, completed] = [from, from + length].map(Time::from_nanos);
        let number = number as u64;
        Operation { client: 0, number, session: name, request, intended: invoked, invoked, completed, outcome }
    };
    let mut operations: Vec<Operation> = draws.iter().enumerate().map(operation).collect();
    operations.sort_by_key(|operation| (operation.invoked, operation.number));
    History { clients: vec!["s".into()], operations }
}

fn draws(sizes: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Draw>> {
    proptest::collection::vec((0u64..3, 0u8..4, 1i64..5, 1u64..3, 0u64..5, 0u8..9), sizes)
}

fn of_a_queue(kind: u8, element: i64) -> Request {
    match kind {
        0 | 1 => Request::Dequeue { key: Key(0) },
        _ => Request::Enqueue { key: Key(0), element },
    }
}

/// How many takings can be explained at most, each by a put of its own that was asked for before it was over.
fn most_explained(takings: &[&Operation], puts: &[&Operation]) -> usize {
    let Some((first, rest)) = takings.split_first() else { return 0 };
    let with = puts.iter().enumerate().filter(|(_, put)| !precedes(first, put)).map(|(place, _)| {
        let left = [&puts[..place], &puts[place + 1..]].concat();
        1 + most_explained(rest, &left)
    });
    with.chain([most_explained(rest, puts)]).max().unwrap_or(0)
}

/// The takings that find nothing left when those go first that may have taken least.
fn too_many<'h>(by_choice: &[(usize, &'h Operation)]) -> Vec<(usize, &'h Operation)> {
    let mut explained = 0;
    let is_left = |&&(possible, _): &&(usize, &Operation)| {
        let is_explained = explained < possible;
        explained += usize::from(is_explained);
        possible > 0 && !is_explained
    };
    by_choice.iter().filter(is_left).copied().collect()
}

/// The anomalies by their definitions, read aloud.
fn literal(history: &History) -> [usize; 5] {
    let operations = &history.operations;
    let puts: Vec<(i64, &Operation)> = operations
        .iter()
        .filter(|operation| !matches!(operation.outcome, Outcome::Fail(_)))
        .filter_map(|operation| match operation.request {
            Request::Enqueue { element, .. } => Some((element, operation)),
            _ => None,
        })
        .collect();
    let takings: Vec<(i64, &Operation)> = operations
        .iter()
        .filter_map(|operation| match (&operation.request, &operation.outcome) {
            (Request::Dequeue { .. }, Outcome::Ok(Value::Int(element))) => Some((*element, operation)),
            _ => None,
        })
        .collect();
    let is = |element: i64| move |&&(other, _): &&(i64, &Operation)| other == element;
    let (mut duplicated, mut redelivered, mut unexpected) = (0, 0, 0);
    for element in 1..5 {
        // What is explained is a largest matching of takings with puts, found by trying all.
        let mut of_element: Vec<(usize, &Operation)> = Vec::new();
        for &(_, taking) in takings.iter().filter(is(element)) {
            let possible = puts.iter().filter(is(element)).filter(|(_, put)| !precedes(taking, put)).count();
            of_element.push((possible, taking));
        }
        unexpected += of_element.iter().filter(|(possible, _)| *possible == 0).count();
        let put_in: Vec<&Operation> = puts.iter().filter(is(element)).map(|&(_, put)| put).collect();
        let all: Vec<&Operation> =
            of_element.iter().filter(|(possible, _)| *possible > 0).map(|&(_, it)| it).collect();
        let again = all.len() - most_explained(&all, &put_in);
        // Which of several is one too many, nobody knows: those that may have taken most.
        of_element.sort_by_key(|&(possible, _)| possible);
        for &(_, taking) in too_many(&of_element).iter().take(again) {
            let is_again = of_element.iter().any(|(_, earlier)| precedes(earlier, taking));
            *(if is_again { &mut redelivered } else { &mut duplicated }) += 1;
        }
    }
    let is_empty = |o: &&Operation| o.request.kind() == "dequeue" && o.outcome == Outcome::Ok(Value::Nil);
    let is_acknowledged = |put: &Operation| matches!(put.outcome, Outcome::Ok(_));
    let mut missing = 0;
    for element in 1..5 {
        let taken = takings.iter().filter(is(element)).count();
        let mut acknowledged: Vec<_> =
            puts.iter().filter(is(element)).filter(|(_, put)| is_acknowledged(put)).collect();
        acknowledged.sort_by_key(|(_, put)| put.completed);
        missing += acknowledged
            .into_iter()
            .skip(taken)
            .filter(|(_, put)| operations.iter().filter(is_empty).any(|empty| precedes(put, empty)))
            .count();
    }
    let unknown =
        operations.iter().filter(|o| o.request.kind() == "dequeue" && matches!(o.outcome, Outcome::Info(_)));
    let lost = usize::saturating_sub(missing, unknown.count());
    let once: Vec<(&Operation, &Operation)> = (1..5)
        .filter_map(|element| {
            let mut put_in = puts.iter().filter(is(element));
            let put = put_in.next().filter(|_| put_in.next().is_none())?;
            Some((put.1, takings.iter().find(is(element))?.1))
        })
        .collect();
    let overtakes = |(put, taking): (&Operation, &Operation), (other, out): (&Operation, &Operation)| {
        put.completed < other.invoked && out.completed < taking.invoked
    };
    let is_late = |late: &&(&Operation, &Operation)| {
        is_acknowledged(late.0) && once.iter().any(|other| overtakes(**late, *other))
    };
    [lost, duplicated, once.iter().filter(is_late).count(), redelivered, unexpected]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: cases(1_000), ..ProptestConfig::default() })]

    #[test]
    fn anomalies_of_queues_are_those_of_the_definition(draws in draws(0..14)) {
        let history = arbitrary(&draws, of_a_queue);
        let report = queue_contract(&history, &[]);
        let found = QueueAnomaly::ALL.map(|anomaly| report.of(anomaly, ALL).count());
        prop_assert_eq!(found, literal(&history), "{:#?}", history.operations);
    }

    #[test]
    fn a_linearizable_queue_keeps_its_contract(draws in draws(0..7)) {
        let history = arbitrary(&draws, of_a_queue);
        let report = queue_contract(&history, &[]);
        prop_assert!(report.anomalies.is_empty() || !brute_force(&Queue, &history), "{:?}", report);
    }

    #[test]
    fn a_linearizable_counter_keeps_its_bounds(draws in draws(0..7)) {
        let history = arbitrary(&draws, |kind, delta| match kind {
            0 | 1 => Request::Read { key: Key(0) },
            2 => Request::Add { key: Key(0), delta: -delta },
            _ => Request::Add { key: Key(0), delta },
        });
        let report = counter_bounds(&history, 0, (None, None));
        prop_assert!(report.out_of_bounds.is_empty() || !brute_force(&Counter::default(), &history), "{:?}", report);
    }
}
