//! Histories from elsewhere: what is said of them, and the exit codes.

use serde_json::{Value, json};

use super::harness::{Folder, REFUTED, SMALL};

const FINE: &str = "{:process 0, :type :invoke, :f :write, :value 3}
{:process 0, :type :ok, :f :write, :value 3}
{:process 1, :type :invoke, :f :read, :value nil}
{:process 1, :type :ok, :f :read, :value 3}
";

#[test]
fn each_file_gets_a_line_and_the_gravest_decides() {
    let folder = Folder::new("history");
    let stale = FINE.replace(":f :read, :value 3", ":f :read, :value nil");
    let log = "INFO  jepsen.util - 0\t:invoke\t:read\tnil\nINFO  jepsen.util - 0\t:ok\t:read\tnil\n";
    folder.write("fine.edn", FINE).write("stale.edn", &stale).write("read.log", log).write("broken.edn", "{:a");
    folder.check(
        "history fine.edn read.log",
        0,
        "fine.edn: holds (2 operations)\nread.log: holds (1 operation)\n",
        "",
    );
    let printed = folder.check("history fine.edn stale.edn", 1, "fine.edn: holds (2 operations)\n", "");
    let expected =
        "stale.edn: refuted (2 operations): On k0: p1-2 reads nil (2ns to 3ns), but 3 was written and acknowledged";
    assert!(printed.stdout.contains(expected), "{}", printed.stdout);
    folder.check("history stale.edn --consistency sequential", 0, "stale.edn: holds", "");
    folder.check("history stale.edn --nil unknown", 0, "stale.edn: holds", "");
    folder.check(
        "history fine.edn --initial 3 --consistency read-your-writes+monotonic-reads",
        3,
        "written more than once",
        "",
    );
    folder.check("history fine.edn --time-limit 0s", 3, "fine.edn: unknown", "");
    folder.check(
        "history fine.edn broken.edn",
        2,
        "fine.edn: holds",
        "error: broken.edn:1:4: the text ends inside the map",
    );
    folder.check("history stale.edn broken.edn", 1, "stale.edn: refuted", "error: broken.edn:1:4:");
    folder.check("history fine.edn --input-format jsonl", 2, "", "error: fine.edn:1:2: key must be a string");
    folder.check(
        "history fine.edn --model mutex",
        2,
        "",
        "a mutex has no operation :write; it has :acquire, :release",
    );
    folder.write("store/test/20260101/history.edn", FINE);
    let all = folder.run("history .", 1);
    let files = all.stdout.lines().filter(|line| !line.starts_with(' '));
    assert_eq!(files.count(), 4, "{}", all.stdout);
    assert!(all.stdout.contains("store/test/20260101/history.edn: holds"), "{}", all.stdout);
}

#[test]
fn objects_are_what_they_are_said_to_be() {
    let folder = Folder::new("history-models");
    let events = |operations: &[(&str, &str)]| -> String {
        let event = |(function, value): &(&str, &str)| {
            let asked = if matches!(*function, "read" | "dequeue") || value.starts_with('t') { "nil" } else { value };
            let value = value.trim_start_matches('t');
            format!(
                "{{:process 0, :type :invoke, :f :{function}, :value {asked}}}\n{{:process 0, :type :ok, :f :{function}, :value {value}}}\n"
            )
        };
        operations.iter().map(event).collect()
    };
    let check = |model: &str, code: i32, operations: &[(&str, &str)]| {
        folder.write("h.edn", events(operations));
        for consistency in ["linearizable", "sequential"] {
            folder.run(&format!("history h.edn --model {model} --consistency {consistency}"), code);
        }
    };
    check("register", 0, &[("write", "1"), ("read", "1")]);
    check("register", 1, &[("write", "1"), ("read", "nil")]);
    check("counter", 0, &[("add", "1"), ("add", "2"), ("read", "3")]);
    check("counter", 1, &[("add", "1"), ("add", "2"), ("read", "2")]);
    check("set", 0, &[("read", "#{}"), ("add", "2"), ("add", "1"), ("read", "#{1 2}")]);
    check("set", 1, &[("add", "2"), ("add", "1"), ("read", "#{1}")]);
    check("append-log", 0, &[("read", "[]"), ("append", "2"), ("append", "1"), ("read", "[2 1]")]);
    check("append-log", 1, &[("append", "2"), ("append", "1"), ("read", "[1 2]")]);
    check("fifo-queue", 0, &[("enqueue", "1"), ("enqueue", "2"), ("dequeue", "1")]);
    check("fifo-queue", 1, &[("enqueue", "1"), ("enqueue", "2"), ("dequeue", "2")]);
    check("lock", 0, &[("acquire", "t5"), ("release", "5"), ("acquire", "t6")]);
    check("lock", 1, &[("acquire", "t5"), ("release", "5"), ("acquire", "t4")]);
    check("mutex", 0, &[("acquire", "nil"), ("release", "nil")]);
    check("mutex", 1, &[("acquire", "nil"), ("acquire", "nil")]);
    let check = |options: &str, code: i32, operations: &[(&str, &str)], says: &str| {
        folder.write("h.edn", events(operations));
        let printed = folder.run(&format!("history h.edn {options}"), code);
        assert!(printed.stdout.contains(says), "{}", printed.stdout);
    };
    let again: &[(&str, &str)] = &[("enqueue", "1"), ("dequeue", "1"), ("dequeue", "1"), ("dequeue", "nil")];
    check("--model queue", 0, &again[..2], "holds");
    check("--model queue", 1, again, "1 element redelivered; the first: p0-4 dequeue");
    check("--model queue --allow redelivered=1 --allow lost=0", 0, again, "holds (4 operations): 1 redelivered");
    check("--model queue", 1, &[("enqueue", "1"), ("dequeue", "nil")], "1 element lost");
    check("--model queue", 3, &[("enqueue", "1")], "of what was put in, 1 was not seen again");
    check("--model unique-ids", 0, &[("generate", "t7"), ("generate", "t8")], "holds");
    check("--model unique-ids", 1, &[("generate", "t7"), ("generate", "t7")], "was given what another had");
    check("--model counter --consistency bounds --initial 5", 0, &[("add", "1"), ("read", "6")], "holds");
    check("--model counter --consistency bounds", 1, &[("add", "1"), ("read", "3")], "it lies between 1 and 1");
}

#[test]
fn a_document_has_what_was_found() {
    let folder = Folder::new("history-document");
    folder.write("stale.edn", FINE.replace(":f :read, :value 3", ":f :read, :value nil"));
    let document = folder.document("history stale.edn", 1);
    let said = |pointer: &str| document.pointer(pointer).cloned().expect(pointer);
    assert_eq!(said("/consistency"), "linearizable");
    assert_eq!(said("/verdicts"), serde_json::json!({ "refuted": 1 }));
    assert_eq!(said("/files/0/verdict"), "refuted");
    assert_eq!(said("/files/0/shown_by"), serde_json::json!(["p0-0", "p1-2"]));
    assert_eq!(said("/files/0/linearized"), serde_json::json!(["p0-0"]));
    assert_eq!(said("/files/0/stuck/0/operation"), "p1-2");
}

#[test]
fn a_line_shows_how_far_it_went_well_and_what_cannot_follow() {
    let folder = Folder::new("history-prefix");
    folder.write("stale.edn", FINE.replace(":f :read, :value 3", ":f :read, :value nil"));
    let printed = folder.run("history stale.edn", 1);
    let lines: Vec<&str> = printed.stdout.lines().collect();
    let [line, prefix, stuck] = lines.as_slice() else { panic!("{}", printed.stdout) };
    assert!(line.starts_with("stale.edn: refuted (2 operations): On "), "{line}");
    assert_eq!(*prefix, "  In order up to there: 1 operation, which leaves 3. This cannot follow:");
    assert!(stuck.starts_with("    p1-2 reads nil ("), "{stuck}");
}

/// What a process does, as Jepsen prints it: who, what, with what, how it ends, with what. Between two events is one of the nemesis.
fn recorded(operations: &[(u64, &str, &str, &str, &str)]) -> String {
    let mut text = String::from("; recorded by hand\n");
    let mut time = 0;
    let mut event = |process: &str, kind: &str, function: &str, value: &str, more: &str| {
        time += 1_000;
        let event = format!(":time {time}, :type :{kind}, :process {process}, :f :{function}, :value {value}{more}");
        text += &format!("#jepsen.history.Op{{:index {}, {event}}}\n", time / 1_000 - 1);
    };
    for &(process, function, asked, end, found) in operations {
        let process = process.to_string();
        event(&process, "invoke", function, asked, "");
        event(":nemesis", "info", "start-partition", "[:isolated {\"n1\" #{\"n2\"}}]", ", :error nil");
        event(&process, end, function, found, if end == "ok" { "" } else { ", :error [:timed-out {:after 5.0}]" });
    }
    text
}

#[test]
fn workloads_of_jepsen_are_judged() {
    let folder = Folder::new("history-workloads");
    type Operations<'a> = &'a [(u64, &'a str, &'a str, &'a str, &'a str)];
    let check = |options: &str, code: i32, operations: Operations<'_>, says: &str| {
        folder.write("h.edn", recorded(operations));
        let printed = folder.run(&format!("history h.edn {options}"), code);
        assert!(printed.stdout.contains(says), "{options} {operations:?}\n{}", printed.stdout);
        assert!(!printed.stdout.contains("922337203685477"), "{}", printed.stdout);
        let document = folder.run(&format!("history h.edn {options} --format json"), code).stdout;
        assert!(!document.contains("922337203685477"), "{document}");
    };
    // Registers: keywords, strings, floats, collections; reads that find a set; objects with names.
    let register: Operations<'_> = &[
        (0, "write", ":foo", "ok", ":foo"),
        (1, "cas", "[:foo \"b\"]", "ok", "[:foo \"b\"]"),
        (2, "read", "nil", "ok", "\"b\""),
    ];
    check("", 0, register, "holds (3 operations)");
    check("", 1, &[register[0], (1, "r", "nil", "ok", "\"b\"")], "p1-3 reads \"b\"");
    check("", 1, &[register[0], (1, "r", "nil", "ok", "nil")], "p1-3 reads nil (4us to 6us), but :foo was written");
    check("--consistency causal", 1, &[register[0], (0, "r", "nil", "ok", "1.5")], "reads 1.5");
    check("--initial false", 0, &[(0, "read", "nil", "ok", "false"), (0, "w", "[1 :a]", "ok", "nil")], "holds");
    check("--initial true", 1, &[(0, "read", "nil", "ok", "false")], "reads false");
    let keyed: Operations<'_> =
        &[(0, "write", "[:x {:a 1}]", "ok", "[:x {:a 1}]"), (1, "read", "[:y nil]", "ok", "[:y {:a 1}]")];
    check("", 1, keyed, "Here k0 is :x, k1 is :y");
    check("", 0, &[keyed[0], (1, "read", "[:x nil]", "ok", "[:x {:a 1}]")], "holds");
    // Sets, also by what was read last alone.
    let set: Operations<'_> =
        &[(0, "add", "\"a\"", "ok", "\"a\""), (1, "add", ":b", "info", ":b"), (2, "read", "nil", "ok", "#{\"a\"}")];
    check("--model set", 0, set, "holds");
    check("--model set --consistency durable", 0, set, "holds (3 operations): 1 acknowledged write looked for");
    for consistency in ["linearizable", "durable"] {
        let lost = [set[0], set[1], (2, "read", "nil", "ok", "#{:b}")];
        check(&format!("--model set --consistency {consistency}"), 1, &lost, "\"a\"");
    }
    check("--model set --consistency durable", 3, &set[..2], "nobody read what was written");
    check("--consistency durable", 0, register, "2 acknowledged writes looked for");
    check(
        "--consistency durable",
        1,
        &[register[0], (1, "r", "nil", "ok", "nil")],
        "1 acknowledged write lost; the first: p0-0 writes :foo",
    );
    // Logs.
    let log: Operations<'_> =
        &[(0, "append", ":a", "ok", ":a"), (0, "append", "[2]", "ok", "[2]"), (1, "read", "nil", "ok", "[:a [2]]")];
    check("--model append-log", 0, log, "holds");
    check("--model append-log", 1, &[log[0], log[1], (1, "read", "nil", "ok", "[[2] :a]")], ":a");
    // Counters.
    let counter: Operations<'_> =
        &[(0, "inc", "nil", "ok", "nil"), (0, "add", "5", "ok", "5"), (0, "dec", "2", "ok", "2")];
    for consistency in ["linearizable", "bounds"] {
        let options = format!("--model counter --consistency {consistency}");
        check(&options, 0, &[counter, &[(1, "read", "nil", "ok", "4")]].concat(), "holds");
        check(&options, 1, &[counter, &[(1, "read", "nil", "ok", "8")]].concat(), "reads 8");
    }
    // Queues: what goes in comes out, at the latest when it is drained.
    let put: Operations<'_> = &[(0, "enqueue", ":a", "ok", ":a"), (0, "enqueue", ":b", "ok", ":b")];
    let queue = |models: &[&str], code: i32, more: Operations<'_>, says: &str| {
        models.iter().for_each(|model| check(&format!("--model {model}"), code, &[put, more].concat(), says));
    };
    let both = ["queue", "fifo-queue"];
    queue(&both, 0, &[(1, "drain", "nil", "ok", "[:a :b]")], "holds");
    queue(&both, 0, &[(1, "dequeue", "nil", "ok", ":a"), (1, "drain", "nil", "ok", "[:b]")], "holds");
    queue(&both, 0, &[(1, "dequeue", "nil", "fail", ":empty"), (1, "drain", "nil", "ok", "(:a :b)")], "holds");
    queue(&both, 0, &[(1, "drain", "nil", "info", "nil"), (2, "drain", "nil", "ok", "[]")], "holds");
    queue(&["queue"], 1, &[(1, "drain", "nil", "ok", "[:a]")], "1 element lost; the first: p0-3 enqueue :b");
    queue(&["queue"], 1, &[(1, "drain", "nil", "ok", "[:b :a]")], "1 element reordered; the first: p1-6-1 dequeue");
    queue(&["queue"], 1, &[(1, "drain", "nil", "ok", "[:a :b :a]")], "1 element redelivered");
    queue(&["queue"], 1, &[(1, "drain", "nil", "ok", "[:a :b :c]")], "1 element unexpected; the first: p1-6-2");
    queue(&["queue"], 3, &[], "2 was not seen again");
    queue(&["fifo-queue"], 1, &[(1, "drain", "nil", "ok", "[:a]")], "but the queue was never empty meanwhile");
    queue(
        &["fifo-queue"],
        1,
        &[(1, "drain", "nil", "ok", "[:b :a]")],
        "and after it another element that was put in before",
    );
    queue(
        &["fifo-queue"],
        1,
        &[(1, "drain", "nil", "fail", "nil"), (2, "dequeue", "nil", "ok", "nil")],
        "never empty",
    );
    // Locks: whoever holds one holds it alone, even where linearizability asks for more.
    let mutex: Operations<'_> =
        &[(0, "acquire", "nil", "ok", "nil"), (0, "release", "nil", "ok", "nil"), (1, "acquire", "nil", "ok", "nil")];
    for consistency in ["linearizable", "mutual-exclusion"] {
        let options = format!("--model mutex --consistency {consistency}");
        check(&options, 0, mutex, "holds");
        check(&options, 1, &[mutex[0], mutex[2]], "");
    }
    let two = "Two held it at once: p0-0 acquire k0 (1us, acknowledged at 3us), and had not asked to give it back: p1-3 acquire k0";
    check("--model mutex --consistency mutual-exclusion", 1, &[mutex[0], mutex[2]], two);
    let lock: Operations<'_> =
        &[(0, "acquire", "nil", "ok", "7"), (0, "release", "7", "ok", "7"), (1, "acquire", "nil", "ok", "5")];
    check("--model lock --consistency mutual-exclusion", 0, &lock[..2], "holds (2 operations): 1 acquisition");
    check("--model lock --consistency mutual-exclusion", 1, lock, "The token did not grow");
    // Ids, and transactions.
    check(
        "--model unique-ids",
        0,
        &[(0, "generate", "nil", "ok", "\"a-1\""), (1, "generate", "nil", "ok", "\"a-2\"")],
        "holds",
    );
    check(
        "--model unique-ids",
        1,
        &[(0, "generate", "nil", "ok", "\"a-1\""), (1, "generate", "nil", "ok", "\"a-1\"")],
        "generate -> \"a-1\"",
    );
    let append = |value: &'static str| (0, "txn", "[[:append :x :v]]", "ok", value);
    check(
        "--model list-append",
        0,
        &[append("[[:append :x :v]]"), (1, "txn", "[[:r :x nil]]", "ok", "[[:r :x [:v]]]")],
        "holds",
    );
    check(
        "--model list-append",
        1,
        &[append("[[:append :x :v]]"), (1, "txn", "[[:r :x nil]]", "ok", "[[:r :x [:u]]]")],
        "reads :u from k0",
    );
    let write = (0, "txn", "[[:w \"x\" \"v\"]]", "ok", "[[:w \"x\" \"v\"]]");
    check("--model rw-register", 0, &[write, (1, "txn", "[[:r \"x\" nil]]", "ok", "[[:r \"x\" \"v\"]]")], "holds");
    check(
        "--model rw-register",
        1,
        &[write, (1, "txn", "[[:r \"x\" nil]]", "ok", "[[:r \"x\" \"u\"]]")],
        "reads \"u\" from k0",
    );
}

/// Write skew: each reads what the other writes.
const SKEW: &str = "{:process 0, :type :invoke, :f :txn, :value [[:r :x nil] [:append :y 1]]}
{:process 1, :type :invoke, :f :txn, :value [[:r :y nil] [:append :x 2]]}
{:process 0, :type :ok, :f :txn, :value [[:r :x []] [:append :y 1]]}
{:process 1, :type :ok, :f :txn, :value [[:r :y nil] [:append :x 2]]}
{:process 2, :type :invoke, :f :txn, :value [[:r :x nil] [:r :y nil]]}
{:process 2, :type :ok, :f :txn, :value [[:r :x [2]] [:r :y [1]]]}
";

#[test]
fn transactions_are_judged_by_isolation_levels() {
    let folder = Folder::new("history-transactions");
    let log: String = SKEW
        .lines()
        .map(|line| {
            let (process, rest) = line[10..].split_once(',').expect("a process");
            let (stage, rest) = rest[7..].split_once(',').expect("a stage");
            let value = rest[16..].trim_end_matches('}');
            format!("INFO  jepsen.util - {process}\t{stage}\t:txn\t{value}\n")
        })
        .collect();
    folder.write("skew.edn", SKEW).write("skew.log", log);
    let story = "; the strongest level that it satisfies is strong snapshot isolation. Here k0 is :x, k1 is :y
  G2-item, which rules out repeatable read:
    p0-0 reads k0 when it is empty, without 2, which p1-1 appends.
    p1-1 reads k1 when it is empty, without 1, which p0-0 appends.
";
    for file in ["skew.edn", "skew.log"] {
        let check = |level: &str, code, said: &str| {
            let level = if level.is_empty() { String::new() } else { format!("--consistency {level}") };
            let expected = format!("{file}: {said}{story}");
            folder.check(&format!("history {file} --model list-append {level}"), code, &expected, "");
        };
        check("", 1, "refuted (3 transactions): not strict serializable");
        check("serializable", 1, "refuted (3 transactions): not serializable");
        check("snapshot-isolation", 0, "holds (3 transactions): snapshot isolation");
        check("strong-session-snapshot-isolation", 0, "holds (3 transactions): strong session snapshot isolation");
        check("read-committed", 0, "holds (3 transactions): read committed");
    }
    let document = folder.document("history skew.edn --model list-append --consistency serializable", 1);
    let said = |pointer: &str| document.pointer(pointer).cloned().expect(pointer);
    assert_eq!(said("/consistency"), "serializable");
    assert_eq!(said("/files/0/shown_by"), serde_json::json!(["p0-0", "p1-1"]));
    assert_eq!(said("/files/0/anomalies/0/anomaly"), "G2-item");
    assert_eq!(
        said("/files/0/anomalies/0/story/1"),
        "p1-1 reads k1 when it is empty, without 1, which p0-0 appends."
    );
    assert_eq!(said("/files/0/strongest"), serde_json::json!(["strong snapshot isolation"]));
    assert_eq!(said("/files/0/levels/repeatable read"), "refuted");
}

#[test]
fn registers_of_transactions_are_read() {
    let folder = Folder::new("history-rw-register");
    let events = "{:process 0, :type :invoke, :value [[:r 3 nil] [:w 3 1] [:r 3 nil]]}
{:process 1, :type :invoke, :value [[:r 3 nil] [:w 3 2]]}
{:process 0, :type :ok, :value [[:r 3 nil] [:w 3 1] [:r 3 1]]}
{:process 1, :type :ok, :value [[:r 3 nil] [:w 3 2]]}
";
    folder.write("lost.edn", events);
    let lost = "lost.edn: refuted (2 transactions): not snapshot isolation; the strongest level that it satisfies is strong read committed.
  lost update, which rules out snapshot isolation:
    p0-0 and p1-1 all read k3 before its first write, and all write it.
";
    folder.check("history lost.edn --model rw-register --consistency snapshot-isolation", 1, lost, "");
    let check = |from: &str, to: &str, says: &str| {
        folder.write("bad.edn", events.replace(from, to));
        folder.check("history bad.edn --model rw-register", 2, "", says);
    };
    check(":w 3 1] [:r 3 1", ":w 3 1] [:r 4 1", "bad.edn:3:32: this ends another transaction");
    check(
        ":w 3 1] [:r 3 1",
        ":w 3 7] [:r 3 1",
        "bad.edn:3:32: this ends another transaction than the process invoked",
    );
    check("[:w 3 2]", "[:w 3 nil]", "bad.edn:2:54: a transaction cannot write nil");
    check(
        "[:w 3 2]",
        "[:append 3 2]",
        "bad.edn:2:48: a register of transactions has no operation :append; it has :w, :r",
    );
    check("[[:r 3 nil] [:w 3 2]]", "7", "bad.edn:2:36: a transaction is a vector of operations, as in");
    check(
        "[[:r 3 nil] [:w 3 2]]",
        "[7]",
        "bad.edn:2:37: an operation of a transaction is a vector, as in [:append 8 1], not 7",
    );
    folder.write("blind.edn", events.replace("[:r 3 nil] [:w 3 2]", "[:w 3 2]"));
    folder.check("history blind.edn --model rw-register", 0, "blind.edn: holds", "");
    folder.check("history blind.edn --model rw-register --time-limit 0s", 3, "not certain", "");
    folder.check("history lost.edn", 2, "", "lost.edn:1:1: the event has no :f");
}

#[test]
fn bad_usage_is_said() {
    let folder = Folder::new("history-usage");
    folder.write("fine.edn", FINE);
    let check = |arguments: &str, says: &str| {
        folder.check(&format!("history {arguments}"), 2, "", says);
    };
    check("missing.edn", "cannot read missing.edn");
    check("fine.edn --consistency strong", "it is none of those that `partita history --help` names");
    check("fine.edn --consistency k-atomic", "it needs a value, as in k-atomic=2");
    check("fine.edn --consistency k-atomic=0", "K is a number from 1 on");
    check("fine.edn --initial x", "write one value as EDN does: nil, 3, :foo");
    check("fine.edn --initial [1", "the text ends inside the vector");
    check("fine.edn --model counter --initial :foo", "--initial of a counter is nil or an integer");
    check("fine.edn --time-limit 60", "60");
    let undefined = |model: &str, consistency: &str, has: &str| {
        let says = format!("error: --consistency {consistency} is not defined for --model {model}, which has {has}");
        check(&format!("fine.edn --model {model} --consistency {consistency}"), &says);
    };
    undefined("mutex", "causal", "linearizable, sequential, mutual-exclusion\n");
    undefined("lock", "durable", "linearizable, sequential, mutual-exclusion\n");
    undefined("counter", "read-your-writes", "linearizable, sequential, bounds\n");
    undefined("cas-register", "bounds", "linearizable, sequential, causal, read-atomic, read-committed, read-your");
    undefined("register", "serializable", "linearizable, sequential, causal");
    undefined("set", "mutual-exclusion", "linearizable, sequential, durable\n");
    undefined("append-log", "k-atomic=2", "linearizable, sequential, durable\n");
    undefined("fifo-queue", "durable", "linearizable, sequential\n");
    undefined("queue", "linearizable", "a contract of its own, so leave out --consistency\n");
    undefined("unique-ids", "durable", "a contract of its own");
    undefined("list-append", "causal", "serializable, repeatable-read, snapshot-isolation");
    check("fine.edn --allow lost=1", "--allow is for --model queue");
    check("fine.edn --model queue --allow lost=1 --allow lost=2", "--allow names a kind of anomaly twice");
    check("fine.edn --model queue --allow lost", "write KIND=N, as in redelivered=3");
    check("fine.edn --model queue --allow stolen=1", "KIND is lost, duplicated");
    check("fine.edn --model mutex --initial 3", "--initial is for registers and counters");
    check("fine.edn --model rw-register --nil unknown", "--nil unknown is not for transactions");
    check("fine.edn --model rw-register --initial 3", "--initial is for registers and counters");
}

#[test]
fn a_long_log_with_unknown_appends_takes_no_search() {
    let folder = Folder::new("history-long-log");
    let mut text = String::new();
    for key in 0..50 {
        let mut held: Vec<String> = Vec::new();
        for number in 0..2_000 {
            let (function, value) = match number % 100 {
                99 => ("read", format!("[{}]", held.join(" "))),
                _ => ("append", number.to_string()),
            };
            let asked = if function == "read" { "nil" } else { &value };
            // The effect of every fiftieth append is unknown; half of these took effect.
            let end = if number % 50 == 7 { "info" } else { "ok" };
            let process = if end == "info" { 1_000_000 + key * 10_000 + number } else { key };
            if function == "append" && number % 100 != 7 {
                held.push(number.to_string());
            }
            for (kind, value) in [("invoke", asked), (end, value.as_str())] {
                text += &format!("{{:process {process}, :type :{kind}, :f :{function}, :value [{key} {value}]}}\n");
            }
        }
    }
    folder.write("long.edn", &text);
    folder.check("history long.edn --model append-log", 0, "long.edn: holds (100000 operations)", "");
    // The last read of one log finds an element twice.
    let last = text.rfind("1998]]").expect("the last read");
    text.replace_range(last..last + 4, "1997");
    folder.write("wrong.edn", &text);
    folder.check("history wrong.edn --model append-log", 1, "wrong.edn: refuted (100000 operations): On k", "");
}

#[test]
fn what_a_run_leaves_is_judged_as_by_the_run() {
    let folder = Folder::new("history-of-a-run");
    folder.write("small.json", SMALL).write("lost.json", REFUTED);
    folder.run("run small.json --out held", 0);
    folder.run("run lost.json --out lost", 1);
    for file in ["history.jsonl", "history.edn"] {
        folder.check(&format!("history held/{file}"), 0, "holds", "");
        folder.check(&format!("history lost/{file}"), 1, "refuted", "");
    }
    // Logs and sets are judged as by the run too, also where the outcome of some operations is unknown.
    for (model, operation) in [("append-log", "append"), ("set", "insert")] {
        let mut scenario: Value = serde_json::from_str(SMALL).expect("JSON");
        scenario["services"] = json!({ "store": { "raft": { "replicas": 3 } } });
        scenario["clients"]["shoppers"]["operations"] = json!({ "read": 0.3, operation: 0.7 });
        scenario["clients"]["shoppers"]["timeout"] = json!("100ms");
        scenario["faults"] =
            json!([{ "crash": { "where": { "leader": { "of": "store" } }, "at": "1s", "for": "200ms" } }]);
        folder.write("grown.json", scenario.to_string());
        folder.run(&format!("run grown.json --out {model}"), 0);
        for file in ["history.jsonl", "history.edn"] {
            folder.check(&format!("history {model}/{file} --model {model}"), 0, "holds", "");
        }
        let text = folder.read(&format!("{model}/history.jsonl"));
        assert!(text.contains("\"info\""), "{model}: some outcome is unknown");
    }
    folder.run("run raft/duplicate-append --out twice", 1);
    for file in ["history.jsonl", "history.edn"] {
        folder.check(&format!("history twice/{file} --model append-log"), 1, "was appended only once", "");
    }
    let operations = |folder: &Folder, file: &str| -> Value {
        folder.document(&format!("history held/{file} --consistency causal"), 0)["files"][0]["operations"].clone()
    };
    assert_eq!(operations(&folder, "history.jsonl"), operations(&folder, "history.edn"));
}
