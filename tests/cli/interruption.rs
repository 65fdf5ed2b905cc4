//! Ctrl-C: what is done is kept and told, and the exit code is 130.

use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::harness::{Folder, Printed, REFUTED, SMALL};

/// Seeds enough for anybody to interrupt them.
const MANY: &str = "0..2000000000";

/// Starts the binary, waits until `is_time`, interrupts it, and waits for its end.
fn interrupted(folder: &Folder, arguments: &str, is_time: impl Fn(&Child) -> bool) -> Printed {
    let mut command = folder.command(arguments);
    let mut running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
    while !is_time(&running) {
        assert_eq!(running.try_wait().expect("a child"), None, "{arguments}: it ended before it was interrupted");
        std::thread::yield_now();
    }
    let kill = format!("kill -INT {}", running.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
    Printed::of(&running.wait_with_output().expect("the binary ends"), arguments, 130)
}

/// Whether a process hears of an interruption, instead of dying of it: the second bit of the signals that it catches.
fn hears(process: &Child) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    caught.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & 2 != 0))
}

#[test]
fn an_interrupted_sweep_keeps_its_rows() {
    let folder = Folder::new("interrupted-sweep");
    folder.write("small.json", SMALL);
    let rows = folder.path("out/rows.partial.jsonl");
    let made =
        |_: &Child| std::fs::read(&rows).is_ok_and(|bytes| bytes.iter().filter(|&&byte| byte == b'\n').count() > 3);
    let sweep = format!("sweep small.json --seeds {MANY} --out out --jobs 1");
    let printed = interrupted(&folder, &sweep, made);
    assert!(printed.stderr.contains("interrupted: ") && printed.stderr.contains("--resume"), "{}", printed.stderr);
    assert!(printed.stdout.contains("small.json: "), "{}", printed.stdout);
    assert_eq!(folder.files("out"), ["rows.partial.jsonl"]);
    let before = folder.read("out/rows.partial.jsonl");
    interrupted(&folder, &format!("{sweep} --resume"), hears);
    assert!(folder.read("out/rows.partial.jsonl").lines().count() >= before.lines().count());
}

#[test]
fn an_interrupted_comparison_says_what_it_knows() {
    let folder = Folder::new("interrupted-compare");
    folder.write("small.json", SMALL);
    let printed = interrupted(&folder, &format!("compare small.json small.json --seeds {MANY} --jobs 1"), hears);
    assert!(printed.stderr.contains("of 2000000000 seeds have run under both"), "{}", printed.stderr);
    assert!(printed.stdout.contains(" seeds, each under both"), "{}", printed.stdout);
}

#[test]
fn an_interrupted_search_is_marked() {
    let folder = Folder::new("interrupted-tolerate");
    folder.write("small.json", SMALL);
    let command = "tolerate small.json --vary /network/loss=0%..2% --margin 0.001 --seeds 0..2000000000 --out out";
    let printed = interrupted(&folder, command, hears);
    let document: Value = serde_json::from_str(&folder.read("out/tolerance.json")).expect("JSON");
    assert_eq!(document["interrupted"], true);
    assert!(
        printed.stdout.contains("Interrupted: what is known so far. No point was decided."),
        "{}",
        printed.stdout
    );
    assert!(!printed.stdout.contains("All of these"), "there are none: {}", printed.stdout);
}

#[test]
fn interrupted_shrinking_writes_the_best_so_far() {
    let folder = Folder::new("interrupted-shrink");
    folder.write("lost.json", REFUTED);
    let printed = interrupted(&folder, "shrink lost.json --seed 3 --out smaller.json", hears);
    assert!(printed.stderr.contains("interrupted: what is left so far is in smaller.json"), "{}", printed.stderr);
    assert!(printed.stdout.contains("again:    partita run smaller.json"), "{}", printed.stdout);
    folder.run("run smaller.json", 1);
}

#[test]
fn an_interruption_ends_the_shrinking_of_a_sweep() {
    let folder = Folder::new("interrupted-sweep-shrink");
    folder.write("lost.json", REFUTED);
    let shrunk = folder.path("out/shrunk");
    let printed = interrupted(&folder, "sweep lost.json --seeds 3..5 --shrink --out out", |_| shrunk.exists());
    assert!(printed.stderr.contains("were not shrunk"), "{}", printed.stderr);
    assert!(folder.files("out").contains(&"results.csv".to_owned()), "the sweep itself is over");
}
