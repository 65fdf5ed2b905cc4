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
        // Without its id and its times.
        let found = told.map_or_else(|error| error, |line| line[5..line.len() - 4].to_owned());
        assert_eq!(found, expected, "{text}");
    };
    use ObjectKind::*;
    check(Register, "read", "nil", "[1 2]", "read k0 ok [1, 2]");
    check(Counter, "add", "-5", "-5", "add -5 to k0 ok nil");
    check(Counter, "read", "nil", "5N", "read k0 ok 5");
    check(Counter, "inc", "nil", "nil", "add 1 to k0 ok nil");
    check(Counter, "increment", "3", "3", "add 3 to k0 ok nil");
    check(Counter, "dec", "3", "3", "add -3 to k0 ok nil");
    check(Counter, "dec", "nil", "nil", "add -1 to k0 ok nil");
    check(Counter, "add", "1.5", "nil", "1:42: an integer of 64 bits is expected here, not 1.5");
    check(
        Counter,
        "dec",
        "-9223372036854775808",
        "nil",
        "1:42: an integer of 64 bits is expected here, not minus -9223372036854775808",
    );
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
        "1:39: a lock's fencing token is an integer of 64 bits, not nil; a lock without tokens is a mutex",
    );
}

/// An operation of process 0 as two events.
fn events(function: &str, asked: &str, answered: &str) -> String {
    format!(
        "{{:process 0 :type :invoke :f :{function} :value {asked}}}\n{{:process 0 :type :ok :f :{function} :value {answered}}}\n"
    )
}

#[test]
fn equal_values_are_one_and_no_others() {
    // Groups of values that are equal; each kind of register and set tells them from all others.
    const GROUPS: [&[&str]; 22] = [
        &[":a"],
        &[":a/b"],
        &["\"a\"", "\"\\u0061\""],
        &["\"\\\"\\n\"", "\"\\\"\n\""],
        &["\"u0061\""],
        &["a"],
        &["\\a"],
        &["true"],
        &["false"],
        &["1.5", "1.50", "15e-1", "+1.5"],
        &["0.0", "-0.0", "0e7"],
        &["1/2"],
        &["1.5M"],
        &["99999999999999999999", "99999999999999999999N", "+099999999999999999999N"],
        &["99999999999999999998N"],
        &["-99999999999999999999"],
        &["[:a 1]", "(:a, 1)", "[:a #_ 2 1] ; so"],
        &["[1 :a]"],
        &["{:a 1, :b [2 nil]}", "{:b (2 nil) :a 1}"],
        &["#inst \"2026\"", "#inst   \"2026\""],
        &["\"2026\""],
        &["#x.Y{:a 1}"],
    ];
    let values: Vec<(usize, &str)> = GROUPS
        .iter()
        .enumerate()
        .flat_map(|(group, values)| values.iter().map(move |&value| (group, value)))
        .collect();
    let text: String = values.iter().map(|(_, value)| events("write", &format!("{value}\n"), "nil")).collect();
    let numbers = |text: &str, kind: ObjectKind| -> (Vec<i64>, Words) {
        let imported = import(text, kind).unwrap_or_else(|error| panic!("{error}: {text}"));
        let number = |operation: &crate::load::Operation| match &operation.request {
            crate::host::Request::Write { value: crate::host::Value::Int(number), .. }
            | crate::host::Request::Insert { element: number, .. } => *number,
            other => panic!("{other}"),
        };
        (imported.history.operations.iter().map(number).collect(), imported.words)
    };
    for (text, kind) in [(text.clone(), ObjectKind::Register), (text.replace(":write", ":add"), ObjectKind::Set)] {
        let (numbers, words) = numbers(&text, kind);
        for (&one, (group, value)) in numbers.iter().zip(&values) {
            for (&other, (other_group, other_value)) in numbers.iter().zip(&values) {
                assert_eq!(one == other, group == other_group, "{value} and {other_value}");
            }
            // It is spelled as it was first.
            let spelled = words.spelled(one).expect("a word");
            let (first, _) = GROUPS[*group][0].split_once(" ;").unwrap_or((GROUPS[*group][0], ""));
            assert_eq!(words.tell(&format!("reads {one}, then -{one}")), format!("reads {spelled}, then -{spelled}"));
            assert_eq!(spelled, if first == "\"\\\"\n\"" { "\"\\\"\\n\"" } else { first });
        }
    }
}

#[test]
fn words_are_no_integers_that_occur() {
    let least = |n: i64| i64::MIN + n;
    let text = events("add", ":a", "nil")
        + &events("add", &least(0).to_string(), "nil")
        + &events("add", &format!("{}N", least(2)), "nil")
        + &events("add", ":b", "nil")
        + &events("read", "nil", &format!("#{{:a :b {} {} {}}}", least(0), least(2), i64::MAX));
    let imported = import(&text, ObjectKind::Set).unwrap();
    let words = &imported.words;
    assert_eq!(words.spelled(least(1)), Some(":a"));
    assert_eq!(words.spelled(least(3)), Some(":b"));
    assert_eq!((words.spelled(least(0)), words.spelled(least(2)), words.is_empty()), (None, None, false));
    let told = words.tell(&told(&imported)[4]);
    assert_eq!(
        told,
        format!("p0-8 read k0 ok [{}, :a, {}, :b, {}] 8-9", least(0), least(2), i64::MAX),
        "numbers that stand for themselves stay"
    );
    let untouched = format!("x{} 1{} é{}0", least(1), least(1), least(1));
    assert_eq!(words.tell(&untouched), untouched);
    assert!(import(&events("add", "3", "nil"), ObjectKind::Set).unwrap().words.is_empty());
}

#[test]
fn every_kind_has_words_where_it_has_elements() {
    use ObjectKind::*;
    let check = |kind: ObjectKind, text: &str, expected: &[&str]| {
        let imported = import(text, kind).unwrap_or_else(|error| panic!("{error}: {text}"));
        let told: Vec<String> = told(&imported).iter().map(|line| imported.words.tell(line)).collect();
        let without_times = |line: &String| line.rsplit_once(' ').map(|(line, _)| line.to_owned());
        let told: Vec<String> = told.iter().filter_map(without_times).collect();
        assert_eq!(told, expected, "{text}");
    };
    let both = |one: (&str, &str, &str), other: (&str, &str, &str)| {
        events(one.0, one.1, one.2) + &events(other.0, other.1, other.2)
    };
    check(
        Register,
        &both(("cas", "[:a nil]", "[:a nil]"), ("r", "nil", "[1 2]")),
        &["p0-0 compare-and-set k0: :a -> nil ok nil", "p0-2 read k0 ok [1, 2]"],
    );
    // A set that nobody wrote is several values at once.
    check(
        Register,
        &both(("w", ":b", ":b"), ("r", "nil", "#{:b 1}")),
        &["p0-0 write k0 = :b ok nil", "p0-2 read k0 ok :b | 1"],
    );
    check(
        Register,
        &both(("w", "#{:b 1}", "nil"), ("r", "nil", "#{1 :b}")),
        &["p0-0 write k0 = #{:b 1} ok nil", "p0-2 read k0 ok #{:b 1}"],
    );
    check(
        Set,
        &both(("add", "nil", "nil"), ("r", "nil", "#x/set #{\"a\" nil 2}")),
        &["p0-0 insert nil into k0 ok nil", "p0-2 read k0 ok [nil, \"a\", 2]"],
    );
    check(
        Log,
        &both(("append", "{:k 1}", "nil"), ("read", "nil", "({:k 1} 1)")),
        &["p0-0 append {:k 1} to k0 ok nil", "p0-2 read k0 ok [{:k 1}, 1]"],
    );
    check(
        Queue,
        &both(("enqueue", "true", "true"), ("dequeue", "nil", "true")),
        &["p0-0 enqueue true into k0 ok nil", "p0-2 dequeue from k0 ok true"],
    );
    check(UniqueIds, &events("generate", "nil", "\"7f-3\""), &["p0-0 generate ok \"7f-3\""]);
    check(
        TransactionalList,
        &events("txn", "[[:append :x :v] [:r :x nil]]", "[[:append :x :v] [:r :x [:u :v]]]"),
        &["p0-0 transaction [append :v to k0; read k0] ok ([:u, :v])"],
    );
    check(
        TransactionalRegister,
        &events("txn", "[[:w :x :v] [:r :x nil]]", "[[:w :x :v] [:r :x \"s\"]]"),
        &["p0-0 transaction [write k0 = :v; read k0] ok (\"s\")"],
    );
    // As Jepsen's independent has them, with a tag or without.
    check(
        Queue,
        "{:process 0 :type :invoke :f :enqueue :value #jepsen.independent/tuple [:q :a]}
         {:process 0 :type :ok :f :enqueue :value #jepsen.independent/tuple [:q :a]}
         {:process 1 :type :invoke :f :dequeue :value [:q nil]}
         {:process 1 :type :ok :f :dequeue :value [:q :a]}",
        &["p0-0 enqueue :a into k0 ok nil", "p1-2 dequeue from k0 ok :a"],
    );
    let refuse = |kind, text: &str, expected: &str| refused(text, kind, expected);
    refuse(
        Queue,
        &events("enqueue", "nil", "nil"),
        "1:46: nil cannot be put into a queue: who takes nil has found it empty",
    );
    refuse(
        TransactionalRegister,
        &events("txn", "[[:w 1 nil]]", "nil"),
        "1:49: a transaction cannot write nil: that is what a register holds that nobody wrote",
    );
    refuse(Set, &events("read", "nil", "7"), "2:39: a collection is expected here, as in [1 2 3], not 7");
}

#[test]
fn drains_are_takings_until_nothing_is_found() {
    let line = |process: u64, kind: &str, function: &str, value: &str| {
        format!("{{:process {process} :type :{kind} :f :{function} :value {value}}}\n")
    };
    let put = |element: &str| line(0, "invoke", "enqueue", element) + &line(0, "ok", "enqueue", element);
    let drain = |kind: &str, value: &str| line(1, "invoke", "drain", "nil") + &line(1, kind, "drain", value);
    let check = |text: String, expected: &[&str]| {
        let imported = import(&text, ObjectKind::Queue).unwrap_or_else(|error| panic!("{error}: {text}"));
        let of_the_drain = told(&imported).into_iter().filter(|line| line.starts_with("p1"));
        let told: Vec<String> = of_the_drain.map(|line| imported.words.tell(&line)).collect();
        assert_eq!(told, expected, "{text}");
        let dequeues = imported.history.operations.iter().filter(|operation| operation.session == 1);
        let dequeues: Vec<_> = dequeues.collect();
        assert!(dequeues.windows(2).all(|pair| pair[0].is_in_series_with(pair[1])));
    };
    let both = put(":a") + &put(":b");
    check(
        both.clone() + &drain("ok", "[:a :b]"),
        &[
            "p1-4-0 dequeue from k0 ok :a 4-5",
            "p1-4-1 dequeue from k0 ok :b 4-5",
            "p1-4-2 dequeue from k0 ok nil 4-5",
        ],
    );
    check(both.clone() + &drain("ok", "nil"), &["p1-4-0 dequeue from k0 ok nil 4-5"]);
    check(both.clone() + &drain("ok", ":exhausted"), &["p1-4-0 dequeue from k0 ok nil 4-5"]);
    check(both.clone() + &drain("fail", "nil"), &["p1-4-4 dequeue from k0 fail failed 4-5"]);
    // It may have taken whatever was left.
    let unknown = ["p1-4-0 dequeue from k0 info unknown 4-5", "p1-4-1 dequeue from k0 info unknown 4-5"];
    check(both.clone() + &drain("info", "nil"), &unknown);
    let open = unknown.map(|line| line.replace("unknown 4-5", "still open at the end 4-4"));
    check(both.clone() + &line(1, "invoke", "drain", "nil"), &open.each_ref().map(String::as_str));
    let taken = line(2, "invoke", "dequeue", "nil") + &line(2, "ok", "dequeue", ":b");
    check(both.clone() + &drain("info", "nil") + &taken, &unknown[..1]);
    check(drain("info", "nil"), &["p1-0-0 dequeue from k0 info unknown 0-1"]);
    check(
        put("7") + &put("7") + &taken.replace(":b", "7") + &drain("info", "nil"),
        &["p1-6-0 dequeue from k0 info unknown 6-7"],
    );
    refused(
        &drain("ok", "7"),
        ObjectKind::Queue,
        "2:40: a drain ends with the elements that it took, as in [1 2 3], not with 7",
    );
    // Of many drains no more is told than can be judged.
    let many: String = (0..1_001).map(|number| put(&number.to_string())).collect();
    let drains: String = (10..1_010).map(|process| line(process, "invoke", "drain", "nil")).collect();
    let says = import(&(many + &drains), ObjectKind::Queue).map(|imported| told(&imported).len());
    let expected = "2003:1: what the 1000 drains took whose outcome is unknown is more than can be judged: 1001000 takings, where \
                    1000000 are the most; leave out those that do not matter";
    assert_eq!(says, Err(expected.to_owned()));
}

#[test]
fn lines_of_ours_may_have_words() {
    let line = |number: u64, operation: &str, rest: &str| {
        format!(
            "{{\"id\":\"a-{number}\",\"session\":0,\"intended_ns\":0,\"invoked_ns\":{},\"completed_ns\":{},\"operation\":\"{operation}\",\"key\":0,\"outcome\":\"ok\",{rest}}}\n",
            10 * number,
            10 * number + 1
        )
    };
    let check = |kind: ObjectKind, text: String, expected: &[&str]| {
        let imported = import(&text, kind).unwrap_or_else(|error| panic!("{error}: {text}"));
        let told: Vec<String> = told(&imported).iter().map(|line| imported.words.tell(line)).collect();
        assert_eq!(told, expected);
    };
    check(
        ObjectKind::Register,
        line(0, "write", "\"value\":\"x\"")
            + &line(1, "read", "\"found\":[1.50,true]")
            + &line(2, "read", "\"found\":{\"a\":null}"),
        &["a-0 write k0 = \"x\" ok nil 0-1", "a-1 read k0 ok [1.5 true] 10-11", "a-2 read k0 ok {\"a\" nil} 20-21"],
    );
    check(
        ObjectKind::Set,
        line(0, "insert", "\"element\":\"x\"") + &line(1, "read", "\"found\":[3,\"x\",1]"),
        &["a-0 insert \"x\" into k0 ok nil 0-1", "a-1 read k0 ok [\"x\", 1, 3] 10-11"],
    );
    refused(
        &line(0, "write", "\"value\":99999999999999999999"),
        ObjectKind::Register,
        "1:1: 1e+20 has more digits than are kept apart: write it as a text, in quotes",
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
    check("17", "2:1: an event is a map, as in {:process 0, :type :invoke, :f :read}, not 17");
    let write = "{:process 0 :type :invoke :f :write :value 3}\n{:process 0 :type :ok :f :write :value 4}";
    refused(write, Register, "2:40: this acknowledges 4, but 3 was asked for");
    refused(invoke, Queue, "1:1: a queue has no operation :read; it has :enqueue, :dequeue, :drain");
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
