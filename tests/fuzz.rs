//! Whatever bytes a parser is given, it answers with a value or an error: it never panics.
//!
//! Each target begins with real files, damages them, and keeps what it has not seen before; the draws are the same each
//! time. `PARTITA_FUZZ_CASES` says how many inputs each target tries, so that a long run is one environment variable
//! away: `PARTITA_FUZZ_CASES=1000000 cargo test --test fuzz`. A panic is shown with the smallest input that was found.

#[path = "fuzz/fuzzer.rs"]
mod fuzzer;

use std::path::{Path, PathBuf};

use fuzzer::Fuzzer;
use partita::check::transactions::{TransactionHistory, check};
use partita::check::{
    Budget, Consistency, Consistent, Counter, Guarantees, Linearizability, Queue, Register, counter_bounds,
    linearizable, linearizable_as_asked, queue_contract, unique_ids,
};
use partita::host::Value;
use partita::import::{Format, Nil, ObjectKind, read};
use partita::kernel::StableHasher;
use partita::report::{TraceFile, TraceForm, difference, history_edn, history_lines, imported_edn, trace_file, why};
use partita::scenario::{Document, Registry, Run, RunOptions, Scenario, duration};

/// Inputs of each target, unless the environment says otherwise: some seconds in debug code.
const CASES: u64 = 1_000;

#[expect(clippy::disallowed_methods, reason = "a person may want to wait longer")]
fn cases() -> u64 {
    std::env::var("PARTITA_FUZZ_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES)
}

/// Runs a target; `shapes` is how many different answers it has to be brought to, lest the damage stops at the door.
#[track_caller]
fn fuzz(corpus: Vec<Vec<u8>>, words: &'static [&'static str], shapes: usize, target: impl Fn(&[u8]) -> String) {
    let mut fuzzer = Fuzzer::new(corpus, words);
    if let Err(panic) = fuzzer.run(cases(), target) {
        panic!("{:?} panics: {}", String::from_utf8_lossy(&panic.input), panic.says);
    }
    assert!(fuzzer.shapes() >= shapes, "only {} answers of different shapes", fuzzer.shapes());
}

/// Every bundled scenario.
fn scenarios() -> Vec<Vec<u8>> {
    fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { gather(&path, files) } else { files.push(path) }
        }
    }
    let mut files = Vec::new();
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios"), &mut files);
    files.sort();
    files.into_iter().map(|file| std::fs::read(file).expect("a scenario")).collect()
}

/// A short run that has something of everything: unknown outcomes, refusals, two objects.
fn run() -> (Scenario, Run) {
    let file = serde_json::json!({
        "version": 1, "title": "Fuzz", "duration": "300ms", "settle": "50ms",
        "services": { "store": { "majority_register": { "replicas": 3 } } },
        "clients": { "a": {
            "calls": "store", "arrivals": { "constant": "100/s" }, "timeout": "50ms", "keys": { "uniform": { "count": 2 } },
            "operations": { "read": 1, "write": 1, "compare_and_set": 1 }
        } },
        "faults": [{ "crash": { "where": ["store-0", "store-1"], "at": "100ms", "for": "100ms" } }],
        "hypothesis": { "always": ["linearizable"] }
    });
    let scenario =
        Scenario::parse("fuzz.json", file.to_string().as_bytes(), &Registry::standard()).expect("a scenario");
    let run = scenario.run(RunOptions { seed: 1, keep_trace: true }).expect("a run");
    (scenario, run)
}

/// What is said of a history: first whether it can be read, then what every checker says within a small budget.
fn judged(bytes: &[u8], format: Option<Format>) -> String {
    const KINDS: [ObjectKind; 10] = [
        ObjectKind::Register,
        ObjectKind::Counter,
        ObjectKind::Set,
        ObjectKind::Log,
        ObjectKind::Queue,
        ObjectKind::Lock,
        ObjectKind::Mutex,
        ObjectKind::UniqueIds,
        ObjectKind::TransactionalList,
        ObjectKind::TransactionalRegister,
    ];
    let kind = KINDS[bytes.len() % KINDS.len()];
    let nil = if bytes.len().is_multiple_of(2) { Nil::Value } else { Nil::Unknown };
    let imported = match read(bytes, format, kind, nil) {
        Err(error) => return error.to_string(),
        Ok(imported) => imported,
    };
    let budget = Budget { steps: 10_000, entries: 1_000, ..Budget::default() };
    let history = &imported.history;
    let isolation = match TransactionHistory::from_history(history) {
        Ok(transactions) => format!("{:?}", check(&transactions, budget).strongest()),
        Err(error) => error.to_string(),
    };
    let word = |answer: Linearizability| match answer {
        Linearizability::Linearizable => "linearizable".to_owned(),
        Linearizability::Refuted { refutation, .. } => refutation.explanation,
        Linearizability::Unknown { why } => why,
    };
    let models = [Consistency::Sequential, Consistency::Causal, Consistency::ReadCommitted, Consistency::KAtomic(2)];
    let weak = models.into_iter().chain(Guarantees::EACH.map(Consistency::Session));
    let weak: Vec<String> = weak.map(|model| format!("{:?}", model.judge(&Value::Nil, history, budget))).collect();
    let written = [history_lines(history), history_edn(history), imported_edn(&imported)];
    if imported.format != Format::Jsonl {
        let again = read(written[2].as_bytes(), Some(Format::Edn), kind, Nil::Value);
        let again = again.unwrap_or_else(|error| panic!("{error}, where this was written:\n{}", written[2]));
        assert_eq!(again.history.operations.len(), history.operations.len());
    }
    let written = written.map(|text| imported.words.tell(&text).len());
    let strong =
        [linearizable(&Register::default(), history, budget), linearizable_as_asked(history, budget)].map(word);
    let (queue, ids) = (queue_contract(history, &[]), unique_ids(history));
    let counts = (queue.observed(|_| true), ids.given, counter_bounds(history, i64::MIN, (None, None)).sums);
    format!("{kind:?} {strong:?} {weak:?} {written:?} {isolation} {counts:?}")
}

const EDN: &[&str] = &[
    ":process",
    ":type",
    ":invoke",
    ":ok",
    ":fail",
    ":info",
    ":f",
    ":read",
    ":write",
    ":cas",
    ":add",
    ":append",
    ":enqueue",
    ":dequeue",
    ":acquire",
    ":release",
    ":generate",
    ":txn",
    "[[:append 8 1]]",
    "[:r 8 [1]]",
    ":value",
    ":time",
    ":error",
    ":nemesis",
    "nil",
    "[",
    "]",
    "{",
    "}",
    "#{",
    "#_",
    "#inst ",
    "\\newline",
    "\\",
    "\"",
    ";",
    "\n",
    ",",
    "1N",
    "1/2",
    "[1 2]",
    "[:x [1 2]]",
    ":drain",
    ":inc",
    ":dec",
    ":exhausted",
    "[1 :a nil]",
    "#{\"a\" 1.5}",
    "{:a 1, :b (true)}",
    "#x.Op",
    "#jepsen.independent/tuple [:k 1]",
    "\\u00e9",
    "-9223372036854775808",
    "99999999999999999999",
    "##NaN",
    "\u{feff}",
    "é",
];

#[test]
fn edn() {
    let queue = "{:process 0 :type :invoke :f :enqueue :value 1}{:process 0 :type :ok :f :enqueue :value 1}
                 {:process 1 :type :invoke :f :dequeue :value nil}{:process 1 :type :ok :f :dequeue :value 1}";
    let transactions = "{:process 0 :type :invoke :f :txn :value [[:append 8 1] [:r 8 nil]]}
                        {:process 0 :type :ok :f :txn :value [[:append 8 1] [:r 8 [1]]]}
                        {:process 1 :type :invoke :f :txn :value [[:w 9 2] [:r 9 nil]]}
                        {:process 1 :type :ok :f :txn :value [[:w 9 2] [:r 9 2]]}";
    let drains = "{:process 0 :type :invoke :f :enqueue :value :a}{:process 0 :type :ok :f :enqueue :value :a}
                  {:process 0 :type :invoke :f :enqueue :value \"b\"}{:process 0 :type :ok :f :enqueue :value \"b\"}
                  {:process 1 :type :invoke :f :drain :value nil}{:process 1 :type :ok :f :drain :value [:a]}
                  {:process 2 :type :invoke :f :drain :value nil}{:process 2 :type :info :f :drain :value nil}";
    let words = "#x.Op{:process 0, :type :invoke, :f :write, :value [:k {:a 1.5}]}#x.Op{:process 0, :type :ok, :f :write, :value nil}
                 {:process 1 :type :invoke :f :cas :value [:k [true #inst \"2026\"]]}{:process 1 :type :info :f :cas :value nil}
                 {:process 2 :type :invoke :f :read :value [:k nil]}{:process 2 :type :ok :f :read :value [:k #{1 \\a}]}";
    let recorded = history_edn(&run().1.recording.history);
    let corpus =
        [recorded.as_str(), queue, transactions, drains, words].map(|text| text.as_bytes().to_vec()).to_vec();
    fuzz(corpus, EDN, 100, |bytes| judged(bytes, Some(Format::Edn)));
}

#[test]
fn logs_of_jepsen() {
    let log = "2026-11-23 INFO  jepsen.core - Running test: etcd\r
INFO  jepsen.util - 0\t:invoke\t:write\t3\r
INFO  jepsen.util - :nemesis\t:info\t:start\tnil\r
INFO  jepsen.util - 1\t:invoke\t:cas\t[3 4]\r
INFO  jepsen.util - 0\t:ok\t:write\t3\r
INFO  jepsen.util - 1\t:info\t:cas\t:timed-out\r
INFO  jepsen.util - 2\t:invoke\t:read\tnil\r
INFO  jepsen.util - 2\t:ok\t:read\t3\r\n";
    fuzz(vec![log.as_bytes().to_vec()], EDN, 50, |bytes| judged(bytes, Some(Format::Log)));
}

#[test]
fn lines_of_ours() {
    const WORDS: &[&str] = &[
        "\"id\"",
        "\"session\"",
        "\"operation\"",
        "\"outcome\"",
        "\"found\"",
        "\"value\"",
        "\"expected\"",
        "\"siblings\"",
        "\"element\"",
        "\"delta\"",
        "\"token\"",
        "\"key\"",
        "\"read\"",
        "\"enqueue\"",
        "\"ok\"",
        "\"no\"",
        "\"info\"",
        "null",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "\n",
        "\"",
        "\\u0000",
        "\\ud800",
        "true",
        "1.5",
        "1e400",
        "-9223372036854775808",
        "18446744073709551616",
        "{\"a\":[null]}",
    ];
    let corpus = vec![history_lines(&run().1.recording.history).into_bytes()];
    fuzz(corpus.clone(), WORDS, 75, |bytes| judged(bytes, Some(Format::Jsonl)));
    fuzz(corpus, EDN, 75, |bytes| judged(bytes, None));
}

/// What is said of a scenario file.
fn read_scenario(bytes: &[u8]) -> String {
    match Scenario::parse("fuzz.json", bytes, &Registry::standard()) {
        Ok(_) => "a scenario".to_owned(),
        Err(problems) => problems.to_string(),
    }
}

const JSON: &[&str] = &[
    "null",
    "true",
    "\"\"",
    "{}",
    "[]",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u12",
    "\\ud83d",
    "\n",
    "\t",
    "\u{0}",
    "\"10ms\"",
    "\"20%\"",
    "\"100/s\"",
    "\"10MB/s\"",
    "\"rest\"",
    "\"majority\"",
    "\"store-0\"",
    "\"at\"",
    "\"for\"",
    "\"where\"",
    "\"faults\"",
    "\"crash\"",
    "\"partition\"",
    "\"groups\"",
    "\"services\"",
    "\"raft\"",
    "\"quorum\"",
    "é",
];

#[test]
fn scenario_files() {
    fuzz(scenarios(), JSON, 100, read_scenario);
}

#[test]
fn changes_of_scenario_files() {
    let document = Document::parse("fuzz.json", &scenarios()[0]).expect("a scenario");
    let corpus =
        ["/seed=7", "/clients/a~1b/arrivals={\"poisson\": \"3/s\"}", "/faults/-=[]", "/faults/0/at=\"1s\"", "="];
    let corpus = corpus.map(|text| text.as_bytes().to_vec()).to_vec();
    fuzz(corpus, JSON, 75, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let Some((pointer, json)) = text.split_once('=') else { return "no change".to_owned() };
        match document.set(pointer, json) {
            Ok(changed) => read_scenario(changed.source().text.as_bytes()),
            Err(says) => says,
        }
    });
}

#[test]
fn quantities_with_units() {
    const WORDS: &[&str] = &[
        "ns", "us", "ms", "s", "m", "h", "d", "%", "/s", "/ms", "B", "KiB", "MB/s", "Gbit/s", "ppm", ".", "-", "+",
        "e", " ",
    ];
    let corpus =
        ["250ms", "1.5s", "0.1%", "200/s", "10MB/s", "1GiB", "-3ms", "50ppm"].map(|text| text.as_bytes().to_vec());
    let (scenario, _) = run();
    let document = Document::from_value("fuzz.json", &scenario.resolved).expect("a document");
    let places =
        ["/duration", "/network/loss", "/network/bandwidth", "/clients/a/arrivals/constant", "/clients/a/timeout"];
    fuzz(corpus.to_vec(), WORDS, 25, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let json = serde_json::Value::from(text.as_ref()).to_string();
        let read = |place| match document.set(place, &json) {
            Ok(changed) => read_scenario(changed.source().text.as_bytes()),
            Err(says) => says,
        };
        let place = places[bytes.len() % places.len()];
        duration(&text).map_or_else(|says| says, |span| span.to_string()) + " " + &read(place)
    });
}

#[test]
fn traces() {
    let (scenario, run) = run();
    let file = trace_file(&scenario.title, &run).expect("it was kept");
    let whole = TraceFile::decode(&file).expect("a trace");
    // The last eight bytes are a checksum. Where the damage is sealed, it goes past that.
    let short = file[..file.len().min(1_500)].to_vec();
    fuzz(vec![file, short], &["partita\u{1a}", "\u{0}\u{0}\u{0}\u{0}", "\u{1}", "store-0"], 6, |bytes| {
        let mut sealed = bytes.to_vec();
        if !bytes.len().is_multiple_of(4) && bytes.len() > 8 {
            let content = bytes.len() - 8;
            let mut hasher = StableHasher::new();
            std::hash::Hasher::write(&mut hasher, &bytes[..content]);
            sealed[content..].copy_from_slice(&std::hash::Hasher::finish(&hasher).to_le_bytes());
        }
        match TraceFile::decode(&sealed) {
            Ok(trace) => {
                let forms = TraceForm::ALL.map(|form| form.write(&trace));
                let why = why(&trace, trace.len() / 2, 0).unwrap_or_default();
                difference(&trace, &whole).unwrap_or_default() + &why + &forms.concat()
            }
            Err(error) => error.to_string(),
        }
    });
}

#[test]
fn options_of_the_command_line() {
    const OPTIONS: [(&str, &str); 9] = [
        ("sweep", "--seeds"),
        ("sweep", "--vary"),
        ("sweep", "--shard"),
        ("sweep", "--jobs"),
        ("sweep", "--until-width"),
        ("run", "--set"),
        ("history", "--consistency"),
        ("history", "--initial"),
        ("history", "--time-limit"),
    ];
    const WORDS: &[&str] =
        &["..", "/", "=", "[", "]", "+", "-", "k-atomic=", "delta-atomic=", "causal", "1s", "nil", "."];
    let corpus = ["0..1000", "1/4", "/seed=[1, 2]", "0.5", "k-atomic=2", "monotonic-reads+read-your-writes", "60s"];
    let corpus = corpus.map(|text| text.as_bytes().to_vec()).to_vec();
    fuzz(corpus, WORDS, 75, |bytes| {
        let (command, option) = OPTIONS[bytes.len() % OPTIONS.len()];
        let value = format!("{option}={}", String::from_utf8_lossy(bytes));
        // There is no such file, so nothing is run.
        let arguments = ["partita", command, "there-is-no-such-file", &value].map(Into::into);
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let code = partita::cli::run_with(&Registry::standard(), arguments, &mut stdout, &mut stderr, false);
        assert_eq!(code, 2, "{value}");
        String::from_utf8_lossy(&stderr).into_owned()
    });
}

/// A parser with a bug behind four checks: of a name, of a number, of an end, and of a list that is empty.
fn fragile(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let Some((name, rest)) = text.split_once('=') else { return "no =".to_owned() };
    if !["rate", "size"].contains(&name) {
        return format!("unknown name {name:?}");
    }
    let Some(list) = rest.strip_prefix('[') else { return "no list".to_owned() };
    let Some(list) = list.strip_suffix(']') else { return "the list has no end".to_owned() };
    let numbers: Result<Vec<u64>, _> = list.split(',').filter(|number| !number.is_empty()).map(str::parse).collect();
    match numbers {
        Err(_) => "no number".to_owned(),
        Ok(numbers) => format!("the mean is {}", numbers.iter().sum::<u64>() / numbers.len() as u64),
    }
}

#[test]
fn a_planted_bug_is_found_and_made_small() {
    let mut fuzzer = Fuzzer::new(vec![b"some=text".to_vec()], &["rate", "size", "[", "]", "="]);
    let panic = fuzzer.run(200_000, fragile).expect_err("the mean of nothing");
    assert!(panic.says.contains("divide by zero") || panic.says.contains("overflow"), "{panic:?}");
    assert!(panic.input.len() <= 30, "{panic:?}");
    // Nothing of a sound target is taken for a bug.
    let sound = |bytes: &[u8]| if bytes.ends_with(b"[]") { "empty".to_owned() } else { fragile(bytes) };
    assert!(Fuzzer::new(vec![b"some=text".to_vec()], &["x"]).run(2_000, sound).is_ok());
}

/// A history in EDN whose operations are all still open at the end.
fn open_operations(count: u64, function: &str) -> String {
    let line = |process| format!("{{:process {process} :type :invoke :f :{function} :value {process}}}\n");
    (0..count).map(line).collect()
}

/// How many operations are open: a million in optimised code.
const OPEN: u64 = if cfg!(debug_assertions) { 5_000 } else { 1_000_000 };

#[test]
fn many_open_operations_are_judged() {
    let check = |function: &str, kind: ObjectKind, read_of: &str, is_certain: bool| {
        let end = format!(
            "{{:process 5000000 :type :invoke :f :{read_of}}}\n{{:process 5000000 :type :ok :f :{read_of} :value 7}}"
        );
        let text = open_operations(OPEN, function) + &end;
        let history = read(text.as_bytes(), None, kind, Nil::Value).expect("a history").history;
        assert_eq!(history.operations.len() as u64, OPEN + 1);
        let answer = match kind {
            ObjectKind::Queue => linearizable(&Queue, &history, Budget::default()),
            ObjectKind::Counter => linearizable(&Counter::default(), &history, Budget::default()),
            _ => linearizable(&Register::default(), &history, Budget::default()),
        };
        match answer {
            Linearizability::Linearizable => {}
            Linearizability::Refuted { refutation, .. } => panic!("{kind:?}: {}", refutation.explanation),
            Linearizability::Unknown { why } => assert!(!is_certain, "{kind:?}: {why}"),
        }
        if kind == ObjectKind::Register {
            for model in
                [Consistency::Sequential, Consistency::Causal, Consistency::ReadAtomic, Consistency::KAtomic(2)]
            {
                let answer = model.judge(&Value::Nil, &history, Budget::default());
                assert!(!matches!(answer, Consistent::No { .. }), "{model}: {answer:?}");
            }
        }
    };
    check("write", ObjectKind::Register, "read", true);
    check("enqueue", ObjectKind::Queue, "dequeue", true);
    // Which of so many numbers add up to seven may be more than a budget can tell.
    check("add", ObjectKind::Counter, "read", false);
}
