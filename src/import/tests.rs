//! Histories as other tools write them, and what hostile bytes come to.

use proptest::prelude::*;

use super::*;
use crate::load::Outcome;

/// The operations of a history, a line each.
fn told(imported: &Imported) -> Vec<String> {
    let line = |operation: &crate::load::Operation| {
        let outcome = match &operation.outcome {
            Outcome::Ok(found) => format!("ok {found}"),
            Outcome::No(found) => format!("no {found}"),
            Outcome::Fail(why) => format!("fail {why}"),
            Outcome::Info(why) => format!("info {why}"),
        };
        let (from, to) = (operation.invoked.as_nanos(), operation.completed.as_nanos());
        format!("{} {} {outcome} {from}-{to}", imported.history.id(operation), operation.request)
    };
    imported.history.operations.iter().map(line).collect()
}

fn import(text: &str, kind: ObjectKind) -> Result<Imported, String> {
    read(text.as_bytes(), None, kind, Nil::Value).map_err(|error| error.to_string())
}

#[track_caller]
fn check(text: &str, kind: ObjectKind, format: Format, expected: &[&str]) {
    let imported = import(text, kind).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!((imported.format, told(&imported)), (format, expected.iter().map(|&line| line.into()).collect()));
}

#[track_caller]
fn refused(text: &str, kind: ObjectKind, expected: &str) {
    assert_eq!(import(text, kind).map(|imported| told(&imported)), Err(expected.to_owned()), "{:.200}", text);
}

const EVENTS: &str = "{:type :invoke, :f :write, :value 3, :process 0, :time 10, :index 0}
{:type :invoke, :f :read, :process 1, :value nil, :time 10}
{:process :nemesis, :type :info, :f :start, :value [:isolated {\"n1\" #{\"n2\"}}], :time 20} ; a comment
{:type :ok, :f :write, :value 3, :process 0, :time 30}
{:type :ok, :f :read, :process 1, :value 3, :time 40}
{:type :invoke, :f :cas, :process 0, :value [3 4], :time 50}
{:type :fail, :f :cas, :process 0, :value [3 4], :error :timeout, :time 60}
{:type :invoke, :f :cas, :process 0, :value [3 5], :time 70}
{:type :info, :f :cas, :process 0, :value [3 5], :error [:net \"down\"], :time 80}
{:type :invoke, :f :read, :process 1, :value nil, :time 90}";

const OPERATIONS: [&str; 5] = [
    "p0-0 write k0 = 3 ok nil 10-30",
    "p1-1 read k0 ok 3 11-40",
    "p0-5 compare-and-set k0: 3 -> 4 fail :timeout 50-60",
    "p0-7 compare-and-set k0: 3 -> 5 info [:net \"down\"] 70-80",
    "p1-9 read k0 info still open at the end 90-90",
];

#[test]
fn events_of_jepsen_are_read() {
    use Format::Edn;
    use ObjectKind::Register;
    check(EVENTS, Register, Edn, &OPERATIONS);
    check(&format!("[{EVENTS}\n]"), Register, Edn, &OPERATIONS);
    check(&format!("; recorded by hand\n#jepsen.history [#_ {{}} {EVENTS}\n]"), Register, Edn, &OPERATIONS);
    check(&format!("({})", EVENTS.replace("{:type", "#jepsen.history.Op{:type")), Register, Edn, &OPERATIONS);
    check("", Register, Edn, &[]);
    check("[]", Register, Edn, &[]);
    check("#_ {:process 1}", Register, Edn, &[]);
}

#[test]
fn lines_of_a_log_are_read() {
    let log = "2026-11-23 INFO  jepsen.core - Running test: etcd\r
INFO  jepsen.util - 0\t:invoke\t:write\t3\r
INFO  jepsen.util - :nemesis\t:info\t:start\tnil\r
INFO  jepsen.util - 1\t:invoke\t:cas\t[3 4]\r
INFO  jepsen.util - 0\t:ok\t:write\t3\r
INFO  jepsen.util - 1\t:info\t:cas\t:timed-out\r
INFO  jepsen.util - 2\t:invoke\t:read\tnil\r
INFO  jepsen.util - 2\t:fail\t:read\tnil\t:timed-out\r
";
    let expected = [
        "p0-0 write k0 = 3 ok nil 0-2",
        "p1-1 compare-and-set k0: 3 -> 4 info unknown 1-3",
        "p2-4 read k0 fail :timed-out 4-5",
    ];
    check(log, ObjectKind::Register, Format::Log, &expected);
    refused("no history\n", ObjectKind::Register, "1:1: no line of this text has an event of Jepsen");
    refused("x - 0 :invoke read nil", ObjectKind::Register, "1:7: a function follows here, as in \":invoke :read\"");
}

#[test]
fn objects_may_have_names() {
    let text = |one: &str, other: &str| {
        format!(
            "{{:process 0 :type :invoke :f :cas :value [{one} [1 2]]}} {{:process 0 :type :ok :f :cas :value [{one} [1 2]]}}
             {{:process 1 :type :invoke :f :read :value [{other} nil]}} {{:process 1 :type :ok :f :read :value [{other} 3]}}"
        )
    };
    let expected = |one: &str, other: &str| {
        [format!("p0-0 compare-and-set {one}: 1 -> 2 ok nil 0-1"), format!("p1-2 read {other} ok 3 2-3")]
    };
    let imported = import(&text("7", "2"), ObjectKind::Register).unwrap();
    assert_eq!((told(&imported), imported.names), (expected("k7", "k2").to_vec(), BTreeMap::new()));
    let imported = import(&text(":b", "\"a\""), ObjectKind::Register).unwrap();
    let names = BTreeMap::from([(Key(0), ":b".to_owned()), (Key(1), "\"a\"".to_owned())]);
    assert_eq!((told(&imported), imported.names), (expected("k0", "k1").to_vec(), names));
    // A pair is a change of one object where it cannot be a named one.
    let cas = "{:process 0 :type :invoke :f :cas :value [1 2]}";
    check(
        cas,
        ObjectKind::Register,
        Format::Edn,
        &["p0-0 compare-and-set k0: 1 -> 2 info still open at the end 0-0"],
    );
}

#[test]
fn each_kind_of_object_has_its_operations() {
    let check = |kind: ObjectKind, function: &str, asked: &str, answered: &str, expected: &str| {
        let text = format!(
            "{{:process 0 :type :invoke :f :{function} :value {asked}}}{{:process 0 :type :ok :f :{function} :value {answered}}}"
        );
        let told = import(&text, kind).map(|imported| told(&imported).remove(0));
        let found = told.map_or_else(|error| error, |line| line[5..line.len() - 4].to_owned());
        assert_eq!(found, expected, "{text}");
    };
    use ObjectKind::*;
    check(Register, "read", "nil", "[1 2]", "read k0 ok [1, 2]");
    check(Counter, "add", "-5", "-5", "add -5 to k0 ok nil");
    check(Counter, "read", "nil", "5N", "read k0 ok 5");
    check(Set, "add", "5", "nil", "insert 5 into k0 ok nil");
    check(Set, "read", "nil", "#{3 1 2}", "read k0 ok [1, 2, 3]");
    check(Log, "append", "5", "5", "append 5 to k0 ok nil");
    check(Log, "read", "nil", "[3 1]", "read k0 ok [3, 1]");
    check(Queue, "enqueue", "5", "5", "enqueue 5 into k0 ok nil");
    check(Queue, "dequeue", "nil", "5", "dequeue from k0 ok 5");
    check(Queue, "dequeue", "nil", "nil", "dequeue from k0 ok nil");
    check(Lock, "acquire", "nil", "8", "acquire k0 ok 8");
    check(Lock, "release", "8", "8", "release k0 (token 8) ok nil");
    check(Mutex, "acquire", "nil", "nil", "acquire k0 ok nil");
    check(UniqueIds, "generate", "nil", "17", "generate ok 17");
    refused(
        "{:process 0 :type :invoke :f :acquire}{:process 0 :type :ok :f :acquire}",
        Lock,
        "1:39: an integer of 64 bits is expected here, not nil",
    );
}

#[test]
fn contradictions_are_refused_with_their_place() {
    use ObjectKind::{Queue, Register};
    let invoke = "{:process 0 :type :invoke :f :read}\n";
    let check = |events: &str, expected: &str| refused(&format!("{invoke}{events}"), Register, expected);
    check(invoke, "2:1: process 0 invokes :read before its last one ended");
    check("{:process 1 :type :ok :f :read}", "2:1: process 1 ends what it never invoked");
    check("{:process 0 :type :ok :f :write}", "2:1: process 0 invoked :read, and this ends :write");
    check(
        &format!("{{:process 0 :type :info :f :read}}\n  {invoke}"),
        "3:3: process 0 goes on, although its last operation ended unknown",
    );
    check("{:type :ok :f :read}", "2:1: the event has no :process");
    check("{:process 0 :type :done}", "2:19: :done is none of the types :invoke, :ok, :fail, :info");
    check("{:process -1 :type :ok}", "2:11: a process is a number from 0 on, not -1");
    check("{:process 1 :process 1}", "2:13: the event has a second :process");
    check(
        "{:process 0 :type :ok :f :read :value 1.5}",
        "2:39: a register holds nil, an integer of 64 bits or a vector of them, not 1.5",
    );
    check("17", "2:1: an event is a map, as in {:process 0, :type :invoke, :f :read}, not 17");
    let write = "{:process 0 :type :invoke :f :write :value 3}\n{:process 0 :type :ok :f :write :value 4}";
    refused(write, Register, "2:40: this acknowledges 4, but 3 was asked for");
    refused(invoke, Queue, "1:1: a queue has no operation :read; it has :enqueue, :dequeue");
}

#[test]
fn broken_text_is_refused_with_its_place() {
    let check = |text: &str, expected: &str| refused(text, ObjectKind::Register, expected);
    check("[{:process 0", "1:13: the text ends inside the map that line 1 opens");
    check("[\n(", "2:2: the text ends inside the list that line 2 opens");
    check("[{:process 0]}", "1:13: ] cannot close a map: } is expected");
    check("{} }", "1:1: the event has no :process");
    check("#_ {} }", "1:7: } closes nothing");
    check("{:process}", "1:1: a map whose last key has no value");
    check("{:value \"a", "1:9: a text without its closing quote");
    check("{:value #_ }", "1:12: nothing follows the #_");
    check(&"{[".repeat(100_000), "1:101: forms within forms, deeper than 100");
    let bytes = read(b"{:a \xff}", None, ObjectKind::Register, Nil::Value).map_err(|error| error.to_string());
    assert_eq!(bytes, Err("1:5: this is not UTF-8 text: the byte is 0xff".to_owned()));
    check("{\"id\": 1}", "1:8: invalid type: integer `1`, expected a string");
    check(&format!("{{\"id\": {}", "[".repeat(100_000)), "1:7: invalid type: sequence, expected a string");
}

#[test]
fn nil_may_mean_that_nobody_knows() {
    let text = "{:process 0 :type :invoke :f :read} {:process 0 :type :ok :f :read :value nil}";
    let found =
        |nil| read(text.as_bytes(), None, ObjectKind::Register, nil).map(|imported| told(&imported).remove(0));
    assert_eq!(found(Nil::Value), Ok("p0-0 read k0 ok nil 0-1".to_owned()));
    assert_eq!(found(Nil::Unknown), Ok("p0-0 read k0 info what it found is not known 0-1".to_owned()));
}

#[test]
fn times_that_run_backwards_are_not_used() {
    let text = |first: u64, second: u64| {
        format!(
            "{{:process 0 :type :invoke :f :read :time {first}}} {{:process 0 :type :ok :f :read :time {second}}}"
        )
    };
    let times = |first, second| {
        let imported = import(&text(first, second), ObjectKind::Register).unwrap();
        let operation = &imported.history.operations[0];
        (imported.is_timed, operation.invoked.as_nanos(), operation.completed.as_nanos())
    };
    assert_eq!(times(7, 9), (true, 7, 9));
    assert_eq!(times(7, 7), (true, 7, 8));
    assert_eq!(times(7, 6), (false, 0, 1));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_are_too_hostile(
        bytes in proptest::collection::vec(any::<u8>(), 0..60),
        parts in proptest::collection::vec(0usize..30, 0..30),
        format in 0usize..4,
    ) {
        const PARTS: [&str; 30] = [
            "{", "}", "[", "]", "(", ")", "#{", "#_", "#tag ", "\"", "\\", "\\(", ";", "\n", " ", ":", ":process ", "0 ",
            ":type ", ":invoke ", ":ok ", ":f ", ":read ", ":value ", "nil ", "{\"id\":\"a-1\"", "\t", "é", "#", "99999999999999999999 ",
        ];
        let format = [None, Some(Format::Jsonl), Some(Format::Edn), Some(Format::Log)][format];
        let text: String = parts.into_iter().map(|part| PARTS[part]).collect();
        for bytes in [bytes.as_slice(), text.as_bytes()] {
            let _ = read(bytes, format, ObjectKind::Register, Nil::Value);
        }
    }
}
