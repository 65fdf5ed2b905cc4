//! How much a system takes.

use serde_json::{Value, json};

use super::harness::{Folder, SMALL};

/// Three replicas of which some crash: two leave no majority.
fn crashing() -> String {
    SMALL
        .replace(
            "\"hypothesis\": {",
            "\"faults\": [{ \"crash\": { \"where\": { \"count\": { \"of\": \"store\", \"n\": 1 } }, \"at\": \"1s\", \"for\": \"500ms\" } }],
  \"hypothesis\": { \"during\": [{ \"availability\": { \"at_least\": \"80%\" } }],",
        )
        .replace("\"timeout\": \"1s\"", "\"timeout\": \"200ms\"")
}

const WHERE: &str = "/faults/0/crash/where/count/n";

#[test]
fn the_cliff_is_found_and_explained() {
    let folder = Folder::new("tolerate");
    folder.write("crash.json", crashing());
    let command = format!("tolerate crash.json --vary {WHERE}=1..3");
    let outs = [1, 2].map(|jobs| {
        let out = format!("out-{jobs}");
        folder.run(&format!("{command} --jobs {jobs} --out {out}"), 0);
        ["tolerance.csv", "tolerance.json"].map(|file| folder.read(&format!("{out}/{file}")))
    });
    assert_eq!(outs[0], outs[1]);
    let document: Value = serde_json::from_str(&outs[0][1]).expect("JSON");
    assert_eq!(document["cliff"], json!({ "below": 1, "above": 2 }));
    let outcomes: Vec<_> =
        document["points"].as_array().expect("points").iter().map(|point| &point["outcome"]).collect();
    assert_eq!(outcomes, ["tolerated", "broken", "broken"]);
    assert_eq!(document["points"][1]["gives_way"]["check"], "availability");
    let table: Vec<Vec<_>> = outs[0][0].lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(table.len(), 4);
    assert!(table.iter().all(|row| row.len() == table[0].len()), "{table:?}");
    assert_eq!(table[1][..2], ["1", "tolerated"]);

    let printed = folder.run(&command, 0).stdout;
    for part in [
        &format!("The cliff: of {WHERE}, up to 1 is tolerated, 2 is not."),
        "right with 95% confidence",
        "What gives way at 2: availability by availability",
        &format!("look:  partita run crash.json --seed 0 --set {WHERE}=2"),
    ] {
        assert!(printed.contains(part), "no {part:?} in:\n{printed}");
    }
    folder.run(&format!("run crash.json --seed 0 --set {WHERE}=2"), 1);
}

#[test]
fn what_was_not_put_to_the_test_is_not_called_tolerated() {
    let folder = Folder::new("tolerate-untested");
    folder.write("crash.json", crashing()).write("small.json", SMALL);
    let check = |arguments: &str, code, says: &str| {
        let printed = folder.run(&format!("tolerate {arguments}"), code).stdout;
        assert!(printed.contains(says), "{arguments}: no {says:?} in:\n{printed}");
    };
    check(&format!("crash.json --vary {WHERE}=2..3"), 1, "= 2 breaks it already");
    check(&format!("crash.json --vary {WHERE}=1..2 --seeds 0..3"), 3, "3 runs do not suffice to tell");
    check(
        "small.json --vary /network/loss=0%..2% --steps 1 --holding 0.8 --margin 0.5",
        0,
        "= 2% is still tolerated",
    );
    // Without writes no read could show another's: inconclusive.
    check(
        "small.json --set /clients/shoppers/operations={\"read\":1} --vary /network/loss=0%..1% --steps 1",
        3,
        "nothing was put to the test",
    );
}

#[test]
fn wrong_ranges_are_refused() {
    let folder = Folder::new("tolerate-wrong");
    folder.write("small.json", SMALL);
    let check = |arguments: &str, says: &str| {
        let stderr = folder.run(&format!("tolerate small.json {arguments}"), 2).stderr;
        assert!(stderr.contains(says), "{arguments}: {stderr}");
    };
    check("", "--vary");
    check("--vary /network/loss", "write /pointer=FROM..TO");
    check("--vary /network/loss=0.1", "write FROM..TO");
    check("--vary /network/loss=0ms..1s", "write both in one unit");
    check("--vary /network/loss=0..1 --margin 0.96", "--margin is smaller than --holding");
    check("--vary /network/lost=0.0..1.0", "lost");
    check("--vary /network/loss=0..5", "found the number 5");
}
