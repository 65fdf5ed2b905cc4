//! Many seeds: the same rows whoever runs them, in however many parts, and however often they are interrupted.

use super::harness::{Folder, REFUTED, SMALL};

const RESULTS: [&str; 2] = ["results.csv", "rows.jsonl"];

fn same(folder: &Folder, one: &str, other: &str) {
    for file in RESULTS {
        assert_eq!(folder.read(&format!("{one}/{file}")), folder.read(&format!("{other}/{file}")), "{file}");
    }
}

#[test]
fn threads_and_shards_make_no_difference() {
    let folder = Folder::new("sweep");
    folder.write("small.json", SMALL);
    let sweep = "sweep small.json --seeds 3..9 --vary /network/loss=[0,0.2]";
    let code = 0;
    folder.run(&format!("{sweep} --out whole --jobs 2"), code);
    folder.run(&format!("{sweep} --out alone --jobs 1"), code);
    same(&folder, "whole", "alone");
    folder.run(&format!("{sweep} --out first --shard 1/2"), code);
    folder.run(&format!("{sweep} --out second --shard 2/2"), code);
    folder.run("collect second first --out together", code);
    same(&folder, "whole", "together");
    let says = folder.run("collect first --out half", 2).stderr;
    assert!(says.contains("6 of 12 runs are in none of these folders"), "{says}");
    let table = folder.read("whole/results.csv");
    assert_eq!(table.lines().count(), 13);
    assert!(table.starts_with("scenario,seed,/network/loss,verdict,"), "{table}");
    assert!(table.lines().nth(12).is_some_and(|line| line.starts_with("small.json,8,0.2,")), "{table}");
}

#[test]
fn an_interrupted_sweep_goes_on() {
    let folder = Folder::new("sweep-resumed");
    folder.write("small.json", SMALL);
    folder.run("sweep small.json --seeds 0..6 --out whole", 0);
    // What is left of a sweep that was killed: some rows in any order, the last one cut short.
    let rows = folder.read("whole/rows.jsonl");
    let lines: Vec<_> = rows.lines().collect();
    let cut = &lines[3][..lines[3].len() / 2];
    folder.write("part/rows.partial.jsonl", format!("{}\n{}\n{}\n{cut}", lines[0], lines[5], lines[2]));
    let says = folder.run("sweep small.json --seeds 0..6 --out part", 2).stderr;
    assert!(says.contains("--resume"), "{says}");
    let says = folder.run("sweep small.json --seeds 0..7 --out part --resume", 2).stderr;
    assert!(says.contains("another sweep"), "{says}");
    folder.run("sweep small.json --seeds 0..6 --out part --resume", 0);
    same(&folder, "whole", "part");
    assert!(!folder.files("part").contains(&"rows.partial.jsonl".to_owned()));
}

#[test]
fn failures_are_grouped_and_can_be_repeated() {
    let folder = Folder::new("sweep-refuted");
    folder.write("lost.json", REFUTED);
    let document = folder.document("sweep lost.json --seeds 0..5", 1);
    let point = &document["points"][0];
    let refuted = point["verdicts"]["refuted"].as_u64().expect("some are refuted");
    let groups = point["failures"].as_array().expect("groups");
    assert_eq!(
        groups
            .iter()
            .filter(|group| group["class"] == "safety")
            .map(|group| group["runs"].as_u64())
            .sum::<Option<u64>>(),
        Some(refuted)
    );
    let seed = groups[0]["shortest_seed"].as_u64().expect("a seed");
    let run = folder.document(&format!("run lost.json --seed {seed}"), 1);
    assert_eq!(run["events"], groups[0]["shortest_events"]);
}

#[test]
fn a_sweep_stops_when_it_knows_enough() {
    let folder = Folder::new("sweep-enough");
    folder.write("small.json", SMALL);
    for jobs in [1, 2] {
        folder.run(&format!("sweep small.json --seeds 0..40 --until-width 0.5 --jobs {jobs} --out jobs-{jobs}"), 0);
    }
    same(&folder, "jobs-1", "jobs-2");
    assert!(folder.read("jobs-1/results.csv").lines().count() < 12);
}

#[test]
fn wrong_sweeps_are_refused() {
    let folder = Folder::new("sweep-wrong");
    folder.write("small.json", SMALL);
    let check = |arguments: &str, says: &str| {
        let stderr = folder.run(&format!("sweep small.json {arguments}"), 2).stderr;
        assert!(stderr.contains(says), "{arguments}: {stderr}");
    };
    check("", "--seeds");
    check("--seeds 5", "write A..B");
    check("--seeds 5..5", "there is no seed in it");
    check("--seeds 0..2 --shard 3/2", "write I/N");
    check("--seeds 0..2 --resume", "--out");
    check("--seeds 0..2 --vary /network/loss", "write /pointer=[value, ...]");
    check("--seeds 0..2 --vary /network/loss=0.1", "no JSON array");
    check("--seeds 0..2 --vary /network/loss=[]", "at least one value");
    check("--seeds 0..2 --vary /network/lost=[1]", "lost");
    check("--seeds 0..2 --until-width 2", "between 0 and 1");
}

#[test]
fn a_file_has_a_grid_of_its_own() {
    let folder = Folder::new("sweep-grid");
    let grid =
        "\"sweep\": { \"grid\": { \"/network/loss\": [0, 0.2], \"/duration\": [\"1s\", \"2s\"] }, \"repeat\": 2 },";
    folder.write("small.json", SMALL);
    folder.write("grid.json", SMALL.replace("\"seed\": 5,", &format!("\"seed\": 5, {grid}")));
    let table = |command: &str| {
        folder.run(&format!("{command} --out out"), 0);
        let table = folder.read("out/results.csv");
        std::fs::remove_dir_all(folder.path("out")).expect("the folder is there");
        table.split_once('\n').map(|(head, rows)| (head.to_owned(), rows.replace("grid.json", "small.json")))
    };
    let by_file = table("sweep grid.json");
    let by_options = "--vary /network/loss=[0,0.2] --vary /duration=[\"1s\",\"2s\"]";
    assert_eq!(by_file, table(&format!("sweep small.json --seeds 5..7 {by_options}")));
    assert_eq!(by_file.map(|(_, rows)| rows.lines().count()), Some(8));
    // What the command line says of a pointer goes before what the file says.
    let replaced = table("sweep grid.json --vary /network/loss=[0.1] --seeds 3..4").expect("a table").1;
    let starts: Vec<_> = replaced.lines().map(|line| line.split(',').take(4).collect::<Vec<_>>().join(",")).collect();
    assert_eq!(starts, ["small.json,3,0.1,\"\"\"1s\"\"\"", "small.json,3,0.1,\"\"\"2s\"\"\""]);

    // A run is the base, and what it resolves to is no sweep.
    assert_eq!(folder.digest("run grid.json"), folder.digest("run small.json"));
    folder.run("run grid.json --out run", 0);
    assert!(!folder.read("run/scenario.json").contains("\"sweep\""));
    folder.check("sweep grid.json --set /sweep/grid/~1network~1loss/1=2", 2, "", "2 at /network/loss: expected");
    folder.check("sweep grid.json --until-width 0.5", 2, "", "--until-width needs one point");
}
