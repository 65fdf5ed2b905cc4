//! From a failing run to its cause, by the command line.

use super::harness::{Folder, Printed, REFUTED, SMALL};

/// Writes are lost, in few runs.
fn lost() -> String {
    REFUTED.replace("\"50/s\"", "\"20/s\"")
}

#[test]
fn what_is_left_fails_alike() {
    let folder = Folder::new("shrink");
    folder.write("lost.json", lost());
    let printed = folder.check("shrink lost.json --seed 3 --out smaller.json", 0, "\nafter      1 fault, ", "");
    assert!(printed.stdout.ends_with("\nagain:    partita run smaller.json\n"), "{}", printed.stdout);
    let [before, after] = ["run lost.json --seed 3", "run smaller.json"].map(|run| folder.document(run, 1));
    assert_eq!(before["class"], after["class"]);
}

#[test]
fn a_budget_counts_runs_or_time() {
    let folder = Folder::new("shrink-budget");
    folder.write("lost.json", lost());
    let check = |options: &[&str], is_spent: bool| {
        let mut command = folder.command("shrink lost.json --seed 3 --out smaller.json");
        let output = command.args(options).output().expect("the binary runs");
        let printed = Printed::of(&output, &options.join(" "), 0);
        assert_eq!(printed.stdout.contains("the budget is spent"), is_spent, "{options:?}: {}", printed.stdout);
        folder.run("run smaller.json", 1);
    };
    check(&["--budget", "8"], true);
    check(&["--budget", "8 runs"], true);
    check(&["--budget", "1us"], true);
    check(&["--time", "1us"], true);
    check(&["--budget", "2000 runs", "--time", "1h"], false);
    folder.check("shrink lost.json --out smaller.json --budget 0", 2, "", "at least one run is needed");
    folder.check("shrink lost.json --out smaller.json --budget much", 2, "", "write a number of runs, as in 2000");
}

#[test]
fn what_does_not_fail_is_not_shrunk() {
    let folder = Folder::new("shrink-holds");
    folder.write("small.json", SMALL);
    folder.check("shrink small.json --seed 3 --out x.json", 2, "", "error: small.json holds under seed 3");
    // Without writes no read could show another's: inconclusive.
    let idle = "shrink small.json --set /clients/shoppers/operations={\"read\":1} --out x.json";
    folder.check(idle, 2, "", "error: small.json is inconclusive under seed 5: nothing was put to the test");
    assert_eq!(folder.files("."), ["small.json"]);
    let printed = folder.run(&format!("{idle} --inconclusive --budget 30"), 0);
    assert!(printed.stdout.starts_with("inconclusive by linearizable, shrunk in "), "{}", printed.stdout);
    folder.run("run x.json", 3);
}

/// Nobody waits for a result that cannot be written.
#[test]
fn a_place_that_cannot_be_written_is_found_before_the_first_run() {
    let folder = Folder::new("shrink-unwritable");
    folder.write("lost.json", lost()).write("file", "precious");
    folder.check("shrink lost.json --seed 3 --out none/x.json", 2, "", "error: cannot write none/x.json: ");
    folder.check("shrink lost.json --seed 3 --out .", 2, "", "error: cannot write .: ");
    let tolerate = "tolerate lost.json --vary /duration=4s..5s --out file";
    let printed = folder.check(tolerate, 2, "", "error: cannot make the folder file: ");
    assert_eq!(printed.stderr.lines().count(), 1, "no run was made: {}", printed.stderr);
    assert_eq!(
        (folder.read("file").as_str(), folder.files(".")),
        ("precious", vec!["file".into(), "lost.json".into()])
    );
}
