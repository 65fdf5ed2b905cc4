//! Folders of sweeps: what belongs together, and what does not.

use serde_json::{Value, json};

use super::harness::{Folder, SMALL};

/// A row of a folder, by its place, with something changed.
fn tampered(folder: &Folder, file: &str, place: u64, change: impl Fn(&mut Value)) -> String {
    let text = folder.read(file);
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    for line in &mut lines[1..] {
        let mut row: Value = serde_json::from_str(line).expect("JSON");
        if row["index"] == place {
            change(&mut row);
            *line = row.to_string();
        }
    }
    lines.join("\n") + "\n"
}

#[test]
fn folders_that_contradict_each_other_are_named() {
    let folder = Folder::new("collect-contradiction");
    folder.write("small.json", SMALL);
    folder.run("sweep small.json --seeds 3..7 --vary /network/loss=[0,0.2] --shard 1/2 --out first", 0);
    folder.run("sweep small.json --seeds 3..7 --vary /network/loss=[0,0.2] --shard 2/2 --out second", 0);
    // The same run twice is one run, whoever has made it twice.
    let again = tampered(&folder, "second/rows.jsonl", 5, |row| row["is_rechecked"] = json!(true));
    folder.write("again/rows.jsonl", again);
    folder.run("collect first second again --out whole", 0);
    let other = tampered(&folder, "second/rows.jsonl", 5, |row| row["digest"] = json!(7));
    folder.write("other/rows.jsonl", other);
    let printed = folder.run("collect first second other --out wrong", 4);
    for part in [
        "NONDETERMINISTIC\n\nThe run of seed 4 is not the same in two folders:\n  second: holds, digest ",
        "\n  other: holds, digest 0000000000000007\n",
        "\nlook:  partita run small.json --seed 4 --set /network/loss=0.2 --check-determinism\n",
    ] {
        assert!(printed.stdout.contains(part), "no {part:?} in:\n{}", printed.stdout);
    }
    let document = folder.document("collect first second other --out wrong", 4);
    assert_eq!(
        (&document["verdict"], &document["folders"]),
        (&json!("nondeterministic"), &json!(["second", "other"]))
    );
    assert!(!folder.path("wrong").exists());
}

#[test]
fn rows_that_are_in_no_sweep_are_refused() {
    let folder = Folder::new("collect-misplaced");
    folder.write("small.json", SMALL);
    folder.run("sweep small.json --seeds 3..5 --out out", 0);
    let check = |field: &str| {
        folder.write("wrong/rows.jsonl", tampered(&folder, "out/rows.jsonl", 1, |row| row[field] = json!(9)));
        folder.check("collect wrong --out x", 2, "", "wrong/rows.jsonl:3: this is no row of a sweep: place ");
    };
    check("index");
    check("point");
    check("seed");
    let older = folder.read("out/rows.jsonl").replacen("\"version\":", "\"version\":1,\"was\":", 1);
    folder.write("wrong/rows.jsonl", older);
    folder.check("collect wrong --out x", 2, "", "was written by another version of Partita");
}

#[test]
fn an_early_stop_is_part_of_a_sweep() {
    let folder = Folder::new("sweep-until");
    folder.write("small.json", SMALL);
    let sweep = "sweep small.json --seeds 0..12 --out";
    folder.run(&format!("{sweep} all"), 0);
    let rows = folder.read("all/rows.jsonl");
    folder.check(&format!("{sweep} all --until-width 0.5 --resume"), 2, "", "the early stop (none, and here {");
    assert_eq!(folder.read("all/rows.jsonl"), rows, "nothing that was done is lost");

    folder.run(&format!("{sweep} few --until-width 0.5"), 0);
    let manifest: Value = serde_json::from_str(&folder.read("few/manifest.json")).expect("JSON");
    assert_eq!(manifest["sweep"]["until"], json!({ "width": 0.5, "confidence": 0.95 }));
    let rows = folder.read("few/rows.jsonl");
    assert!(rows.lines().count() < 10, "{rows}");
    folder.run(&format!("{sweep} few --until-width 0.5 --resume"), 0);
    assert_eq!(folder.read("few/rows.jsonl"), rows);
    for other in ["", "--until-width 0.4", "--until-width 0.5 --confidence 0.9"] {
        folder.check(&format!("{sweep} few --resume {other}"), 2, "", "the early stop ({");
    }
    // What has stopped early is whole; what was interrupted before that is not.
    folder.run("collect few --out whole", 0);
    assert_eq!(folder.read("whole/rows.jsonl"), rows);
    assert_eq!(folder.read("whole/results.csv"), folder.read("few/results.csv"));
    folder.write("part/rows.partial.jsonl", &rows);
    folder.check("collect part --out x", 2, "", "runs are in none of these folders");
}

#[test]
fn a_sweep_is_known_by_what_it_runs() {
    let folder = Folder::new("sweep-same");
    folder.write("small.json", SMALL);
    folder.run("sweep small.json --seeds 0..3 --shard 1/2 --out one", 0);
    let rows = folder.read("one/rows.jsonl");
    folder.run("sweep ./small.json --seeds 0..3 --shard 1/2 --out one --resume", 0);
    assert_eq!(folder.read("one/rows.jsonl"), rows);
    let check = |arguments: &str, says: &str| {
        folder.check(&format!("sweep small.json --out one --resume {arguments}"), 2, "", says);
        assert_eq!(folder.read("one/rows.jsonl"), rows);
    };
    check("--seeds 0..3 --shard 2/2", "another sweep: it differs in the shard (1/2, and here 2/2)");
    check("--seeds 0..4 --shard 1/2", "another sweep: it differs in the seeds (0..3, and here 0..4)");
    check("--seeds 0..3 --shard 1/2 --vary /network/loss=[0]", "another sweep: it differs in the grid (");
    check(
        "--seeds 0..3 --shard 1/2 --set /network/loss=0.1",
        "another sweep: it differs in the scenario's content, by its hash (",
    );
    check("--seeds 0..3 --shard 1/2 --requests", "another sweep: it differs in what is kept of each run (");
    let manifest: Value = serde_json::from_str(&folder.read("one/manifest.json")).expect("JSON");
    assert_eq!(manifest["sweep"]["shard"], json!([1, 2]));
    // Shards may name the file as they like.
    folder.run("sweep ./small.json --seeds 0..3 --shard 2/2 --out two", 0);
    folder.run("collect one two --out whole", 0);
}

#[test]
fn results_are_not_overwritten() {
    let folder = Folder::new("sweep-occupied");
    folder.write("small.json", SMALL);
    folder.run("run small.json --out run", 0);
    let manifest = folder.read("run/manifest.json");
    folder.check("sweep small.json --seeds 0..2 --out run", 2, "", "error: run holds the results of a run");
    assert_eq!(folder.read("run/manifest.json"), manifest);
    folder.run("sweep small.json --seeds 0..2 --out sweep", 0);
    folder.check("run small.json --out sweep", 2, "", "error: sweep holds a sweep");
    folder.check("collect sweep --out run", 2, "", "error: run holds the results of a run");
    folder.check("collect sweep --out sweep", 2, "", "error: sweep holds a sweep already: choose another folder");
    // What fails leaves nothing in the way of another try.
    folder.run("sweep small.json --seeds 0..2 --shard 1/2 --out half", 0);
    folder.run("collect half --out whole", 2);
    folder.write("file", "");
    folder.run("collect sweep --out file/below", 2);
    folder.run("collect sweep --out whole", 0);
    assert_eq!(folder.read("whole/manifest.json"), folder.read("sweep/manifest.json"));
}

#[test]
fn the_scenario_of_each_point_can_be_run() {
    let folder = Folder::new("sweep-points");
    folder.write("small.json", SMALL);
    folder.run("sweep small.json --seeds 4..6 --vary /network/loss=[0,0.2] --out out", 0);
    let table = folder.read("out/results.csv");
    let digest = folder.digest("run out/scenarios/point-1.json --seed 5");
    assert!(table.lines().any(|line| line.starts_with("small.json,5,0.2,") && line.contains(&digest)), "{table}");
    folder.check("run out", 2, "", "name the scenario of a point, as in out/scenarios/point-0.json");
    folder.run("collect out --out copy", 0);
    assert_eq!(folder.read("copy/scenarios/point-1.json"), folder.read("out/scenarios/point-1.json"));
}

/// A process that is killed may leave half a character.
#[test]
fn a_line_that_is_cut_within_a_character_is_dropped() {
    let folder = Folder::new("sweep-torn");
    folder.write("small.json", SMALL);
    folder.run("sweep small.json --seeds 0..3 --out whole", 0);
    let rows = folder.bytes("whole/rows.jsonl");
    let end = rows[..rows.len() - 1].iter().rposition(|&byte| byte == b'\n').expect("several lines") + 1;
    // The name of a rare path may have any letters.
    let torn = [&rows[..end], b"{\"index\":2,\"reached\":{\"k\xc3"].concat();
    folder.write("part/rows.partial.jsonl", torn);
    folder.run("sweep small.json --seeds 0..3 --out part --resume", 0);
    assert_eq!(folder.bytes("part/rows.jsonl"), rows);
}
