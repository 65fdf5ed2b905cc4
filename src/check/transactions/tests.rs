use crate::check::Budget;
use crate::host::{Key, Request, Value};
use crate::kernel::Time;
use crate::load::{History, Operation, Outcome};

use super::*;

mod oracle;
mod random;
mod weak;

/// Reads a history, a transaction per line: `#SESSION FROM-TO fail|info OPERATIONS`. All but the operations may be
/// missing: a session of its own, concurrent with all, committed. `x+1` appends 1 to list x and `x[1,2]` reads it,
/// `y=1` writes register y and `y:1` reads it (`y:nil`).
fn history(text: &str) -> TransactionHistory {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let transactions = lines.enumerate().map(|(number, line)| transaction(number, line)).collect();
    TransactionHistory::new(transactions).expect(text)
}

fn transaction(number: usize, line: &str) -> Transaction {
    let int = |text: &str| text.parse::<i64>().expect(line);
    let seconds = |text: &str| Time::from_nanos(int(text) as u64 * 1_000_000_000);
    let mut transaction = Transaction {
        name: format!("t{number}"),
        session: 100 + number as u64,
        invoked: Time::ZERO,
        completed: Time::from_nanos(9_000_000_000),
        fate: Fate::Committed,
        operations: Vec::new(),
    };
    for word in line.split_whitespace() {
        match (word, word.split_once('-')) {
            ("fail", _) => transaction.fate = Fate::Aborted,
            ("info", _) => transaction.fate = Fate::Unknown,
            (_, Some((from, to))) => (transaction.invoked, transaction.completed) = (seconds(from), seconds(to)),
            _ if word.starts_with('#') => transaction.session = int(&word[1..]) as u64,
            _ => transaction.operations.push(operation(word)),
        }
    }
    transaction
}

fn operation(word: &str) -> MicroOperation {
    let key = Key(u64::from(word.as_bytes()[0] - b'w'));
    let int = |text: &str| text.parse::<i64>().expect(word);
    let (deed, rest) = word[1..].split_at(1);
    match deed {
        "+" => MicroOperation::Append { key, element: int(rest) },
        "=" => MicroOperation::Write { key, value: int(rest) },
        ":" => MicroOperation::ReadRegister { key, found: (rest != "nil").then(|| int(rest)) },
        "[" => {
            let elements = rest.trim_end_matches(']').split(',').filter(|element| !element.is_empty());
            MicroOperation::ReadList { key, found: elements.map(int).collect() }
        }
        _ => panic!("no operation: {word}"),
    }
}

fn names<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Checks the anomalies of a history, and the strongest levels that it has.
fn case(name: &str, text: &str, anomalies: &str, strongest: &str) {
    let isolation = check(&history(text), Budget::default());
    let found = (names(&isolation.anomalies), names(&isolation.strongest()));
    assert_eq!((found.0.as_str(), found.1.as_str()), (anomalies, strongest), "{name}: {isolation:#?}");
    assert!(Level::all().all(|level| isolation.answer(level) != Answer::Unknown), "{name}: {isolation:#?}");
}

const STRICT: &str = "strict serializable";
const READ_COMMITTED: &str = "strong read committed";
const READ_UNCOMMITTED: &str = "strong read uncommitted";
const SNAPSHOTS: &str = "strong snapshot isolation";

#[test]
fn what_is_no_anomaly_is_none() {
    let accept = |name: &str, text: &str| case(name, text, "", STRICT);
    accept("nothing", "");
    accept("reads in turn", "0-1 x+1\n2-3 x+2\n4-5 x[1,2]");
    accept("nil is the initial value", "0-1 x[] y:nil\n2-3 x[] y:nil");
    accept("the same version twice", "0-1 x+1 y=1\n2-3 x[1] x[1] y:1 y:1");
    accept("own writes", "x+1 x[1] x+2 x[1,2] y=1 y:1 y=2 y:2");
    accept("own appends after another's", "x+1\nx+2 x[1,2]");
    accept("aborted and unread", "fail x+1 y=1\n x[] y:nil");
    accept("unknown and unread", "0-1 info x+1 y=1\n2-3 x[] y:nil");
    accept("unknown and read", "0-1 info x+1 y=1\n2-3 x[1] y:1");
    accept("unknown takes effect late", "0-1 info x+1 y=1\n2-3 x[] y:nil\n4-5 x[1] y:1");
    accept("unknown takes effect late, in a session", "#1 0-1 info x+1\n#1 2-3 x[]\n#1 4-5 x[1]");
    accept("touching transactions are concurrent", "0-1 x+1 y=1\n1-2 x[] y:nil");
    accept("reads of unknown transactions are dropped", "0-1 x+1 y=1\n2-3 info x[] y:nil x[7]");
    accept("read, modify, write", "0-1 y:nil y=1\n2-3 y:1 y=2\n4-5 y:2 y=3");
    accept("unread appends", "0-1 x[] x+1\n2-3 x+2\n2-3 x+3\n2-3 x+4");
    accept("blind writes", "0-5 y=1\n0-5 y=2\n1-2 y:1\n3-4 y:2");
    accept("a value written twice", "0-1 y=1\n2-3 y=2\n4-5 y=1\n6-7 y:1");
    accept("an unknown write of a value written twice", "0-1 y=1\n0-1 info y=1\n2-3 y=2\n4-5 y:1");
}

#[test]
fn anomalies_that_show_directly() {
    case("aborted read", "fail x+1\nx[1]", "G1a", READ_UNCOMMITTED);
    case("aborted read of a register", "fail y=1\ny:1", "G1a", READ_UNCOMMITTED);
    case("aborted read below another element", "fail x+1\nx+2\nx[1,2]", "dirty update, G1a", READ_UNCOMMITTED);
    case("intermediate read", "x+1 x+2\nx[1]\nx[1,2]", "G1b, G-single", READ_UNCOMMITTED);
    case("intermediate read, the last unread", "x+1 x+2\nx[1]", "G1b, G-single", READ_UNCOMMITTED);
    case("intermediate read of a register", "y=1 y=2\ny:1", "G1b", READ_UNCOMMITTED);
    case("does not read its own append", "x+1 x[]", "internal", READ_COMMITTED);
    case("does not read its own write", "y=1\ny=2 y:1", "internal", READ_COMMITTED);
    case("reads its own later write", "y:1 y=1", "internal", READ_COMMITTED);
    case("reads its own later append", "x[1] x+1", "internal", READ_COMMITTED);
    case("reads two versions", "x[] x[1]\nx+1", "internal, G-single", READ_COMMITTED);
    case("reads two versions of a register", "y:nil y:1\ny=1", "internal, G-single", READ_COMMITTED);
    case("garbage", "x[7]", "garbage read", "");
    case("garbage in a register", "y:7", "garbage read", "");
    case("duplicate", "x+1\nx[1,1]", "duplicate element", "");
    case("incompatible orders", "x+1\nx+2\nx[1]\nx[2]", "incompatible order", READ_UNCOMMITTED);
    case("lost update, both unread", "x[] x+1\nx[] x+2", "lost update, G2-item", READ_COMMITTED);
    case("lost update", "x[] x+1\nx[] x+2\nx[1,2]", "lost update, G-single", READ_COMMITTED);
    case("lost update of a register", "y:nil y=1\ny:nil y=2", "lost update, G2-item", READ_COMMITTED);
    case("lost update of a written register", "y=7\ny:7 y=1\ny:7 y=2", "lost update, G2-item", READ_COMMITTED);
}

#[test]
fn cycles_of_the_literature() {
    case("dirty write", "x+1 y+1\nx+2 y+2\nx[1,2] y[2,1]", "G0", "");
    case("circular information flow", "x+1 y[1]\ny+1 x[1]", "G1c", READ_UNCOMMITTED);
    case("circular information flow, registers", "x=1 y:1\ny=1 x:1", "G1c", READ_UNCOMMITTED);
    // Whichever of its two versions came first, the writes of one register are no circle.
    case("each read the other's write of one register", "x:2 x=1\nx:1 x=2", "G1c", READ_UNCOMMITTED);
    case("circular information flow over three", "x+1 z[1]\ny+1 x[1]\nz+1 y[1]", "G1c", READ_UNCOMMITTED);
    case("fractured read (read skew)", "x+1 y+1\nx[] y[1]", "G-single", READ_COMMITTED);
    case("fractured read, registers", "x=1 y=1\nx:nil y:1", "G-single", READ_COMMITTED);
    case("causality violation", "x+1\nx[1] y+1\ny[1] x[]", "G-single", READ_COMMITTED);
    case("causality violation, registers", "x=1\nx:1 y=1\ny:1 x:nil", "G-single", READ_COMMITTED);
    case("long fork", "x+1\ny+1\nx[1] y[]\nx[] y[1]", "G-nonadjacent", READ_COMMITTED);
    case("long fork, registers", "x=1\ny=1\nx:1 y:nil\nx:nil y:1", "G-nonadjacent", READ_COMMITTED);
    case("write skew", "x[] y[] x+1\nx[] y[] y+1", "G2-item", SNAPSHOTS);
    case("write skew, registers", "x:nil y:nil x=1\nx:nil y:nil y=1", "G2-item", SNAPSHOTS);
    case("write skew over three", "x[] y+1\ny[] z+1\nz[] x+1", "G2-item", SNAPSHOTS);
    // Fekete, O'Neil and O'Neil 2004: a savings and a checking account, a fee, and a reader who sees it in between.
    let batch = "y:nil y=20\nx:nil y:nil x=-11\nx:nil y:20";
    case("read-only anomaly", &batch.replace("-11", "11"), "G2-item", SNAPSHOTS);
    case("no order known, registers", "x=1 y=1\nx=2 y=2\nx:1 y:2", "no snapshots", READ_COMMITTED);
    case("write skew, no order known", "x=1 y=1\n x:1 y:1 x=2\nx:1 y:1 y=2\nx:2 y:2", "G2-item", SNAPSHOTS);
}

#[test]
fn sessions_and_real_time_forbid_more() {
    let any = "serializable, strong read committed";
    let session = "strong session serializable, strong read committed";
    case("read your writes", "#1 0-1 x+1\n#1 1-2 x[]", "G-single-process", any);
    case("read your writes, register", "#1 0-1 y=1\n#1 1-2 y:nil", "G-single-process", any);
    case("stale read", "0-1 x+1\n2-3 x[]", "G-single-realtime", session);
    case("stale read, register", "0-1 y=1\n2-3 y=2\n4-5 y:1", "G-single-realtime", session);
    case(
        "reads go back",
        "0-9 y=1\n0-9 y=2\n1-2 y:1\n3-4 y:2\n5-6 y:1",
        "G-single-realtime, G-nonadjacent-realtime",
        session,
    );
    case(
        "monotonic reads",
        "0-9 y=1\n0-9 y=2\n#1 1-2 y:1\n#1 3-4 y:2\n#1 4-5 y:1",
        "G-single-process, G-nonadjacent-process",
        any,
    );
    case("monotonic writes", "#1 0-1 x+1\n#1 1-2 x+2\nx[2,1]", "G0-process", "serializable");
    case("writes out of time", "0-1 x+1\n2-3 x+2\n4-5 x[2,1]", "G0-realtime", "strong session serializable");
    case(
        "reads the future",
        "0-1 x[1]\n2-3 x+1",
        "G1c-realtime",
        "strong session serializable, strong read uncommitted",
    );
    case(
        "long fork in time",
        "x+1\ny+1\n0-1 x[1] y[]\n2-3 x[] y[1]",
        "G-nonadjacent, G-single-realtime",
        READ_COMMITTED,
    );
    case(
        "write skew in time",
        "0-1 y+1\n0-9 x+1 y[]\n2-9 x[]",
        "G2-item-realtime",
        "strong session serializable, strong snapshot isolation",
    );
    case("a lone session is plain", "#1 0-1 x+1\n#1 1-2 x[1]", "", STRICT);
}

/// Whether each edge begins where the one before ends.
fn goes_round(edges: &[crate::check::Edge]) {
    assert!(edges.len() > 1, "{edges:?}");
    for (edge, next) in edges.iter().zip(edges.iter().cycle().skip(1)) {
        assert_eq!(edge.to, Some(next.from), "{edges:?}");
    }
}

#[test]
fn edges_say_what_kind_they_are() {
    let check = |text: &str, expected: &str| {
        let isolation = check(&history(text), Budget::default());
        let edges = &isolation.anomalies[0].edges;
        goes_round(edges);
        let kinds: Vec<_> = edges.iter().map(|edge| edge.kind).collect();
        assert_eq!(kinds.join(" "), expected, "{text}");
    };
    check("x+1 y+1\nx+2 y+2\nx[1,2] y[2,1]", "ww ww");
    check("x+1 y[1]\ny+1 x[1]", "wr wr");
    check("x[] y[] x+1\nx[] y[] y+1", "rw rw");
    check("x[] x+1\nx[] x+2", "rw rw");
    check("#1 0-1 x+1\n#1 1-2 x[]", "rw session");
    check("0-1 x+1\n2-3 x[]", "rw realtime");
}

#[test]
fn a_cycle_is_told_edge_by_edge() {
    let check = |text: &str, expected: &[&str]| {
        let isolation = check(&history(text), Budget::default());
        let anomaly = &isolation.anomalies[0];
        assert_eq!(anomaly.story, expected, "{text}");
        // What shows directly has one sentence, and no edge to it.
        if expected.len() > 1 {
            assert!(anomaly.edges.iter().map(|edge| edge.words.as_str()).eq(expected.iter().copied()), "{text}");
            goes_round(&anomaly.edges);
        }
    };
    check("y+1 x[1]\nx+1 y[1]", &["t1 appends 1 to k1, which t0 reads.", "t0 appends 1 to k2, which t1 reads."]);
    check(
        "x+1 y+1\nx+2 y+2\nx[1,2] y[2,1]",
        &["t0 appends 1 to k1, and t1 appends 2 after it.", "t1 appends 2 to k2, and t0 appends 1 after it."],
    );
    check(
        "x+1 y+1\nx[] y[1]",
        &["t1 reads k1 when it is empty, without 1, which t0 appends.", "t0 appends 1 to k2, which t1 reads."],
    );
    check(
        "0-1 x=1\n2-3 x=2\n4-5 x:1",
        &[
            "t2 reads k1 = 1, and t1 writes 2; in real time 1 was there before 2.",
            "t1 was over at 3s, before t2 began at 4s.",
        ],
    );
    check(
        "#1 0-1 x:nil x=1\n#1 2-3 x:nil",
        &["t1 reads k1 = nil, which t0 replaces by 1.", "t0 comes before t1 in session 1."],
    );
    check("x=1 y:2 y=3\nx:1 x=2 y=2", &["t0 writes k1 = 1, which t1 reads.", "t1 writes k2 = 2, which t0 reads."]);
    check("x+1\nx+2\nx[1]\nx[2]", &["t3 reads [2] from k1, and t2 reads [1]; neither continues the other."]);
    check("x[] x+1\nx[] x+2", &["t0 and t1 all read k1 before its first write, and all write it."]);
    check("x+1\nx[1] x+2 x[1]", &["t1 reads [1] from k1, although by its own operations it holds [1, 2]."]);
}

#[test]
fn many_readers_and_many_writers_are_linked_through_a_hub() {
    let (writers, readers) = ("x=2\nx=3\nx=4\nx=5\nx=6\n", "x:nil\nx:nil\nx:nil\nx:nil\nx:nil\n");
    case("a hub", &format!("{writers}{readers}"), "", STRICT);
    case("write skew", &format!("{writers}{readers}x=1 y:nil\nx:nil y=1"), "G2-item", SNAPSHOTS);
    let stale = format!("{writers}{readers}3-4 x=1\n5-6 x:nil");
    case("stale read", &stale, "G-single-realtime", "strong session serializable, strong read committed");
    case("lost update", &format!("{writers}{readers}x:nil x=1\nx:nil x=7"), "lost update, G2-item", READ_COMMITTED);
    let edges = |count: usize| {
        let history = history(&("x=1\nx=2\nx:nil\nx:nil\n".repeat(count)));
        let objects = objects::objects(&history);
        let took_effect = objects::took_effect(&history, &objects);
        graph::graph(&history, &objects, &took_effect).edges.edge_count()
    };
    assert!(edges(100) <= 2 * edges(50), "{} {}", edges(50), edges(100));
}

#[test]
fn without_a_budget_nothing_is_certain_that_takes_a_search() {
    let history = history("x=1 y=1\nx=2 y=2\nx:1 y:2");
    let isolation = check(&history, Budget { steps: 0, entries: 0, ..Budget::default() });
    assert_eq!((isolation.anomalies.len(), names(&isolation.strongest())), (0, STRICT.into()));
    let answer = |level| isolation.answer(Level { isolation: level, order: Order::Any });
    assert_eq!(answer(IsolationLevel::ReadCommitted), Answer::Holds);
    assert_eq!(answer(IsolationLevel::SnapshotIsolation), Answer::Unknown);
    assert_eq!(answer(IsolationLevel::Serializable), Answer::Unknown);
}

#[test]
fn what_must_precede_what_is_inferred_before_a_search_guesses() {
    // Forty pairs of registers' versions, each read by somebody, in whatever order; and one read of half of each of two.
    let pair = |number: u64| format!("x={number} y={number}\nx:{number} y:{number}\n");
    let pairs: String = (1..=40).map(pair).collect();
    let budget = Budget { steps: 1_000_000, ..Budget::default() };
    let check = |text: &str, expected: Answer| {
        let isolation = check(&history(text), budget);
        for isolation_level in [IsolationLevel::SnapshotIsolation, IsolationLevel::Serializable] {
            let level = Level { isolation: isolation_level, order: Order::Any };
            assert_eq!(isolation.answer(level), expected, "{level}");
        }
    };
    check(&pairs, Answer::Holds);
    check(&format!("{pairs}x:17 y:23"), Answer::Refuted);
    // Snapshots may miss each other's writes, as long as nobody overwrites what he has not read.
    let skewed = history(&format!("{pairs}z:nil x:40 y:40 x=41\nx:40 y:40 z:nil z=42"));
    let level = |isolation| Level { isolation, order: Order::Any };
    let isolation = super::check(&skewed, budget);
    assert_eq!(isolation.answer(level(IsolationLevel::SnapshotIsolation)), Answer::Holds);
    assert_eq!(isolation.answer(level(IsolationLevel::Serializable)), Answer::Refuted);
}

/// A recorded operation of a client `s`.
fn recorded(number: u64, request: Request, outcome: Outcome) -> Operation {
    let at = |offset: u64| Time::from_nanos(2 * number + offset);
    Operation { client: 0, number, session: 7, request, intended: at(0), invoked: at(0), completed: at(1), outcome }
}

#[test]
fn recorded_histories_become_transactions() {
    let (list, register) = (Key(1), Key(2));
    let (read_list, read_register) = (Request::Read { key: list }, Request::Read { key: register });
    let append = Request::Append { key: list, element: 1 };
    let write = Request::Write { key: register, value: Value::Int(5) };
    let transaction = Request::Transaction(vec![read_list.clone(), append.clone(), read_register.clone(), write]);
    let operations = |answer| {
        vec![
            recorded(0, transaction.clone(), Outcome::Ok(answer)),
            recorded(1, transaction.clone(), Outcome::Fail("refused".into())),
            recorded(2, transaction.clone(), Outcome::Info("timeout".into())),
            recorded(3, read_list.clone(), Outcome::Ok(Value::List(vec![1]))),
            recorded(4, read_register.clone(), Outcome::Ok(Value::Int(5))),
            recorded(5, append.clone(), Outcome::No(Value::Nil)),
        ]
    };
    let convert = |answer| {
        let history = History { clients: vec!["s".into()], operations: operations(answer) };
        TransactionHistory::from_history(&history).expect("transactions")
    };
    let converted = convert(Value::Answers(vec![Value::Nil, Value::Nil]));
    let expected = history("x[] x+1 y:nil y=5\nfail x+1 y=5\ninfo x+1 y=5\nx[1]\ny:5\nfail x+1");
    let mut expected = expected.transactions().to_vec();
    for (number, transaction) in (0u64..).zip(&mut expected) {
        let at = |offset: u64| Time::from_nanos(2 * number + offset);
        (transaction.name, transaction.session) = (format!("s-{number}"), 7);
        (transaction.invoked, transaction.completed) = (at(0), at(1));
    }
    assert_eq!(converted.transactions(), expected);
    let unanswered = convert(Value::Nil);
    assert_eq!(unanswered.transactions()[0].operations, expected[1].operations);
}

#[test]
fn what_is_no_transaction_is_refused_with_a_reason() {
    let refuse = |request: Request, found: Vec<Value>, expected: &str| {
        let operations = vec![
            recorded(0, Request::Append { key: Key(1), element: 1 }, Outcome::Ok(Value::Nil)),
            recorded(1, request, Outcome::Ok(Value::Answers(found))),
        ];
        let history = History { clients: vec!["s".into()], operations };
        let error = TransactionHistory::from_history(&history).expect_err(expected);
        assert_eq!(error.to_string(), expected);
    };
    let transaction = |part| Request::Transaction(vec![part]);
    refuse(
        transaction(Request::Write { key: Key(1), value: Value::Int(3) }),
        vec![],
        "k1 is used as a list and as a register; give each type of object keys of its own",
    );
    refuse(
        transaction(Request::Add { key: Key(2), delta: 3 }),
        vec![],
        "s-1 (add 3 to k2) is no transaction; transactions consist of reads, writes of registers and appends to lists",
    );
    refuse(
        transaction(Request::Read { key: Key(2) }),
        vec![],
        "s-1 has reads: 1, answers: 0; there must be one for each read",
    );
    refuse(
        transaction(Request::Read { key: Key(1) }),
        vec![Value::Int(4)],
        "s-1 has 4 for k1; a list holds a list, a register one number, and nil is only its initial value",
    );
    refuse(
        transaction(Request::Read { key: Key(2) }),
        vec![Value::Siblings(vec![Value::Int(4), Value::Int(5)])],
        "s-1 has 4 | 5 for k2; a list holds a list, a register one number, and nil is only its initial value",
    );
    refuse(
        Request::Write { key: Key(2), value: Value::Nil },
        vec![],
        "s-1 has nil for k2; a list holds a list, a register one number, and nil is only its initial value",
    );
}
