//! Exhaustive exploration: what it finds is written as a scenario, and the exit code says how much was looked at.

use super::harness::Folder;

const LATE: &str = "explore schedules/late-store --deliveries 10ms";

#[test]
fn a_failing_run_is_written_and_replays() {
    let folder = Folder::new("explore");
    let found = folder.document(&format!("{LATE} --out found"), 1);
    assert_eq!((&found["extent"], &found["failures"][0]["deviations"]), (&"exhausted".into(), &1.into()));
    assert_eq!(folder.files("found"), ["exploration.json", "linearizable-safety.json"]);
    let again = folder.document("run found/linearizable-safety.json", 1);
    assert_eq!(again["digest"], found["failures"][0]["digest"]);
    let says = folder.run(&format!("{LATE} --out found"), 1).stdout;
    assert!(says.contains("run found/linearizable-safety.json\n"), "{says}");
    folder.run("shrink found/linearizable-safety.json --out smaller.json", 0);
    // The same whatever it is asked for twice.
    assert_eq!(folder.run(LATE, 1).stdout, folder.run(LATE, 1).stdout);
}

#[test]
fn the_exit_code_says_how_much_was_looked_at() {
    let folder = Folder::new("explore-codes");
    let intact = format!("{LATE} --set /services/store/majority_register/without=[]");
    folder.check(&intact, 0, "every run with up to 2 deviations", "");
    folder.check(&format!("{intact} --budget 5"), 3, "not all with more than 0: the budget is spent", "");
    folder.check(&format!("{LATE} --budget 9"), 1, "not all with more than 1: the budget is spent", "");
    folder.check("explore schedules/crash-point --move power", 1, "1 refuted", "");
    folder.check("explore schedules/crash-point --move nobody", 2, "", "there are: power");
    folder.check("explore nothing-like-it", 2, "", "no bundled scenario");
}
