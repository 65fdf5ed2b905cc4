//! A user's own kind of service has the whole command line; and when its code misbehaves, the command line says so.

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use partita::prelude::*;
use partita::scenario::input::one_of;

/// How a node misbehaves.
#[derive(Clone, Copy, Debug)]
enum Vice {
    /// It answers everything.
    None,
    /// It panics at the third request.
    Panics,
    /// It panics when it starts again.
    PanicsAtRestart,
    /// What it answers depends on how often it was asked in other runs.
    Counts,
    /// It sends itself what it sends itself, for ever, at one instant.
    Spins,
}

/// A kind whose settings name its vice.
struct Rogue(Vice);

#[derive(Clone)]
struct RogueNode {
    vice: Vice,
    incarnation: u64,
    requests: u32,
}

static ASKED: AtomicI64 = AtomicI64::new(0);

#[derive(Clone, Debug, Hash)]
struct Spin;

impl Message for Spin {
    fn kind(&self) -> &'static str {
        "spin"
    }
}

impl Node for RogueNode {
    type Message = Spin;
    type Timer = ();

    fn start(&mut self, cx: &mut Context<'_, Self>) {
        assert!(!matches!(self.vice, Vice::PanicsAtRestart) || self.incarnation == 0, "the log is\nunreadable");
        cx.ready();
    }

    fn receive(&mut self, _: NodeId, _: &Spin, cx: &mut Context<'_, Self>) {
        cx.send(cx.me(), Spin);
    }

    fn request(&mut self, id: RequestId, _: &Request, cx: &mut Context<'_, Self>) {
        self.requests += 1;
        let answer = match self.vice {
            Vice::None | Vice::PanicsAtRestart => 1,
            Vice::Panics => {
                assert!(self.requests < 3, "three is a crowd");
                1
            }
            Vice::Counts if self.requests < 3 => 1,
            Vice::Counts => ASKED.fetch_add(1, Ordering::Relaxed),
            Vice::Spins => {
                cx.send(cx.me(), Spin);
                1
            }
        };
        cx.reply(id, Reply::Ok(Value::Int(answer)));
    }
}

impl Protocol for Rogue {
    type Node = RogueNode;

    fn node(&self, birth: Birth) -> RogueNode {
        RogueNode { vice: self.0, incarnation: birth.incarnation, requests: 0 }
    }
}

fn registry() -> Registry {
    let vices = || {
        one_of([
            ("none", Vice::None),
            ("panics", Vice::Panics),
            ("panics_at_restart", Vice::PanicsAtRestart),
            ("counts", Vice::Counts),
            ("spins", Vice::Spins),
        ])
    };
    Registry::standard().with("rogue", "A node that misbehaves.", 1..=3, move |fields| {
        Some(Rogue(fields.optional("vice", "How it misbehaves.", vices(), "none")?))
    })
}

/// Runs a command line in this process; answers its exit code and what it printed.
fn run(arguments: &[&str]) -> (u8, String, String) {
    // The panic hook, which a run sets aside, belongs to the whole process.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let arguments = std::iter::once("/somewhere/mine").chain(arguments.iter().copied()).map(Into::into);
    let code = partita::cli::run_with(&registry(), arguments, &mut stdout, &mut stderr, false);
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (code, text(stdout), text(stderr))
}

/// Runs a scenario with one rogue; answers like [`run`].
fn misbehave(vice: &str, options: &[&str]) -> (u8, String, String) {
    let file = rogue(vice, &format!("{vice}-{}.json", options.len()));
    run(&[&["run", &file], options].concat())
}

/// Writes a scenario with one rogue; answers where it is.
fn rogue(vice: &str, name: &str) -> String {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("own-kind");
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join(name);
    let scenario = serde_json::json!({
        "version": 1,
        "title": "Rogue",
        "duration": "2s",
        "limits": { "events_at_one_instant": 1_000 },
        "services": { "store": { "rogue": { "vice": vice } } },
        "clients": { "a": { "calls": "store", "arrivals": { "constant": "10/s" }, "operations": { "read": 1 } } },
        "faults": [{ "restart": { "where": ["store-0"], "at": "1s", "after": "1ms" } }],
        "hypothesis": { "always": [{ "availability": { "at_least": "10%" } }] }
    });
    std::fs::write(&file, scenario.to_string()).expect("a scenario");
    file.to_str().expect("UTF-8").to_owned()
}

#[test]
fn an_own_kind_is_listed_described_and_run() {
    let (code, stdout, _) = run(&["list"]);
    assert!(code == 0 && stdout.contains("  rogue "), "{stdout}");
    let (code, schema, _) = run(&["schema"]);
    assert!(code == 0 && schema.contains("panics_at_restart"));
    let (code, stdout, stderr) = misbehave("none", &["--check-determinism"]);
    assert!(code == 0 && stdout.contains("1 replica of rogue") && stdout.contains("HOLDS"), "{stdout}{stderr}");
}

#[test]
fn an_own_binary_is_called_by_its_name() {
    let (_, _, stderr) = run(&["list"]);
    assert!(stderr.contains("run one: mine run first/majority-register"), "{stderr}");
    let (code, _, stderr) = run(&["run"]);
    assert!(code == 2 && stderr.contains("Usage: mine run "), "{stderr}");
    let (_, stdout, _) = misbehave("panics", &[]);
    assert!(stdout.contains("\nagain:    mine run "), "{stdout}");
}

#[test]
fn a_node_that_panics_refutes_the_run() {
    let check = |vice, says: &str| {
        let (code, stdout, stderr) = misbehave(vice, &[]);
        assert_eq!((code, stderr.as_str()), (1, ""), "{stdout}");
        assert!(stdout.contains("REFUTED (crash)") && stdout.contains(says), "{stdout}");
        let (code, document, _) = misbehave(vice, &["--format", "json"]);
        let document: serde_json::Value = serde_json::from_str(&document).expect("JSON");
        assert_eq!(
            (code, document["class"].as_str(), document["ended"].as_str()),
            (1, Some("crash"), Some("node_panic"))
        );
    };
    check("panics", "store-0 panicked while it handled event ");
    check("panics", "three is a crowd");
    check("panics_at_restart", "the log is unreadable");
}

#[test]
fn time_that_stands_still_refutes_the_run() {
    let (code, stdout, stderr) = misbehave("spins", &[]);
    assert_eq!((code, stderr.as_str()), (1, ""), "{stdout}");
    assert!(stdout.contains("REFUTED (liveness)") && stdout.contains("time stands still at "), "{stdout}");
}

#[test]
fn a_node_that_remembers_other_runs_is_nondeterministic() {
    let (code, stdout, stderr) = misbehave("counts", &["--check-determinism"]);
    assert_eq!(code, 4, "{stdout}{stderr}");
    for part in [
        "NONDETERMINISTIC\n\nTwo runs of seed 1 differ in digest, ",
        "history",
        " events and part at ",
        "\nfirst:\n",
        "\nsecond:\n",
        "> event ",
        "a is answered by store-0 (call ",
    ] {
        assert!(stdout.contains(part), "no {part:?} in:\n{stdout}");
    }
    let (code, document, _) = misbehave("counts", &["--check-determinism", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&document).expect("JSON");
    assert_eq!((code, document["verdict"].as_str()), (4, Some("nondeterministic")));
    assert!(document["difference"]["event"].as_u64().is_some(), "{document:#}");
    // What was asked for is written all the same.
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("own-kind/results");
    let (code, ..) = misbehave("counts", &["--check-determinism", "--out", out.to_str().expect("UTF-8")]);
    let manifest = std::fs::read_to_string(out.join("manifest.json")).expect("a manifest");
    assert!(code == 4 && manifest.contains("\"verdict\": \"nondeterministic\"") && out.join("trace.bin").exists());
}

/// Whoever makes many runs makes the first of them twice.
#[test]
fn many_runs_end_at_two_that_differ() {
    let (file, sound) = (rogue("counts", "many.json"), rogue("none", "sound.json"));
    let vary = "/clients/a/arrivals/constant=[\"10/s\",\"20/s\"]";
    let commands: [(&[&str], &str); 3] = [
        (
            &["sweep", &file, "--seeds", "4..9", "--set", "/title=\"it's\"", "--vary", vary],
            "--seed 4 --set '/title=\"it'\\''s\"' --set '/clients/a/arrivals/constant=\"10/s\"' --check-determinism\n",
        ),
        (&["compare", &sound, &file, "--seeds", "4..9"], "--seed 4 --check-determinism\n"),
        (
            &["tolerate", &file, "--vary", "/services/store/rogue/replicas=1..2", "--seeds", "4..9"],
            "--seed 4 --set /services/store/rogue/replicas=1 --check-determinism\n",
        ),
    ];
    for (command, again) in commands {
        let (code, stdout, stderr) = run(&[command, &["--jobs", "1"]].concat());
        assert_eq!(code, 4, "{stdout}{stderr}");
        let again = format!("\nlook:  mine run {file} {again}");
        for part in [
            "NONDETERMINISTIC\n\nTwo runs of seed 4",
            " differ in digest, ",
            " events and part at ",
            "\n> event ",
            &again,
        ] {
            assert!(stdout.contains(part), "no {part:?} in:\n{stdout}");
        }
        let (code, document, _) = run(&[command, &["--jobs", "1", "--format", "json"]].concat());
        let document: serde_json::Value = serde_json::from_str(&document).expect("JSON");
        assert_eq!((code, document["verdict"].as_str()), (4, Some("nondeterministic")));
        assert!(
            document["difference"]["story"].as_str().is_some_and(|story| story.contains("> event ")),
            "{document:#}"
        );
        assert_eq!(document["scenario"], file);
    }
}
