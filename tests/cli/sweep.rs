//! Many seeds: the same rows whoever runs them, in however many parts, and however often they are interrupted.

use std::process::Stdio;

use super::harness::{Folder, REFUTED, SMALL};

/// All files of a sweep of one point but `timing.json`.
const RESULTS: [&str; 8] = [
    "figures.csv",
    "latencies.hlog",
    "manifest.json",
    "requests.csv",
    "results.csv",
    "rows.jsonl",
    "scenario.json",
    "series.csv",
];

/// What makes a sweep write all of them.
const ALL: &str = "--series 500ms --requests";

fn same(folder: &Folder, one: &str, other: &str) {
    let points = |name: &str| if folder.path(name).is_dir() { folder.files(name) } else { Vec::new() };
    let results = |name: &str| -> Vec<String> {
        let files =
            RESULTS.map(str::to_owned).into_iter().filter(|file| folder.path(&format!("{name}/{file}")).exists());
        let points = points(&format!("{name}/scenarios")).into_iter().map(|file| format!("scenarios/{file}"));
        files.chain(points).collect()
    };
    assert!(results(one).len() >= RESULTS.len());
    assert_eq!(results(one), results(other));
    for file in results(one) {
        assert_eq!(folder.read(&format!("{one}/{file}")), folder.read(&format!("{other}/{file}")), "{file}");
    }
}

#[test]
fn threads_and_shards_make_no_difference() {
    let folder = Folder::new("sweep");
    folder.write("small.json", SMALL);
    let sweep = format!("sweep small.json --seeds 3..9 --vary /network/loss=[0,0.2] {ALL}");
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
    let of_points = |file| if file == "scenario.json" { "scenarios" } else { file };
    let mut written: Vec<_> = RESULTS.into_iter().map(of_points).chain(["timing.json"]).collect();
    written.sort_unstable();
    assert_eq!(folder.files("whole"), written);
}

#[test]
fn an_interrupted_sweep_goes_on() {
    let folder = Folder::new("sweep-resumed");
    folder.write("small.json", SMALL);
    let sweep = format!("sweep small.json --seeds 0..6 {ALL}");
    folder.run(&format!("{sweep} --out whole"), 0);
    // What is left of a sweep that was killed: some rows in any order, the last one cut short.
    let rows = folder.read("whole/rows.jsonl");
    let lines: Vec<_> = rows.lines().collect();
    let cut = &lines[3][..lines[3].len() / 2];
    folder.write("part/rows.partial.jsonl", format!("{}\n{}\n{}\n{cut}", lines[0], lines[5], lines[2]));
    let says = folder.run(&format!("{sweep} --out part"), 2).stderr;
    assert!(says.contains("--resume"), "{says}");
    for other in ["sweep small.json --seeds 0..6", &sweep.replace("0..6", "0..7")] {
        let says = folder.run(&format!("{other} --out part --resume"), 2).stderr;
        assert!(says.contains("another sweep"), "{says}");
    }
    folder.run(&format!("{sweep} --out part --resume"), 0);
    same(&folder, "whole", "part");
    assert!(!folder.files("part").contains(&"rows.partial.jsonl".to_owned()));
}

#[test]
fn a_killed_sweep_goes_on() {
    let folder = Folder::new("sweep-killed");
    folder.write("small.json", SMALL);
    let sweep = format!("sweep small.json --seeds 0..60 --jobs 1 {ALL}");
    folder.run(&format!("{sweep} --out whole"), 0);
    let mut running =
        folder.command(&format!("{sweep} --out killed")).stdout(Stdio::null()).spawn().expect("it runs");
    let rows = folder.path("killed/rows.partial.jsonl");
    let made = || std::fs::read(&rows).map_or(0, |bytes| bytes.iter().filter(|&&byte| byte == b'\n').count());
    while made() < 5 {
        assert_eq!(running.try_wait().expect("a child"), None, "it ended before it was killed");
        std::thread::yield_now();
    }
    running.kill().expect("it is killed");
    assert!(!running.wait().expect("a child").success());
    assert_eq!(folder.files("killed"), ["rows.partial.jsonl"]);
    folder.run(&format!("{sweep} --out killed --resume"), 0);
    same(&folder, "whole", "killed");
}

#[test]
fn series_and_requests_add_up_to_the_figures() {
    let folder = Folder::new("sweep-detail");
    folder.write("small.json", SMALL);
    folder.run(&format!("sweep small.json --seeds 0..3 {ALL} --out out"), 0);
    let table = |file: &str| -> Vec<Vec<String>> {
        folder.read(&format!("out/{file}")).lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
    };
    let sum = |file: &str, column: &str, seed: &str| -> u64 {
        let table = table(file);
        let place = table[0].iter().position(|name| name == column).expect("the column");
        table[1..].iter().filter(|row| row[1] == seed).map(|row| row[place].parse::<u64>().expect("a number")).sum()
    };
    let (requests, series) = (table("requests.csv"), table("series.csv"));
    for seed in ["0", "1", "2"] {
        assert_eq!(series.iter().filter(|row| row[1] == seed).count(), 4, "two seconds in halves");
        assert_eq!(sum("series.csv", "invoked", seed), sum("results.csv", "operations", seed));
        assert_eq!(sum("series.csv", "answered", seed), sum("results.csv", "ok", seed));
        let asked = requests.iter().filter(|row| row[1] == seed).count() as u64;
        assert_eq!(asked, sum("results.csv", "operations", seed));
    }
    folder.check("sweep small.json --seeds 0..3 --series 500ms", 2, "", "--out");
    folder.check("sweep small.json --seeds 0..3 --series 5us --out x", 2, "", "at least 1ms");
}

#[test]
fn the_lowest_seed_of_each_failure_is_shrunk() {
    let folder = Folder::new("sweep-shrunk");
    folder.write("lost.json", REFUTED.replace("\"50/s\"", "\"20/s\""));
    let document = folder.document("sweep lost.json --seeds 3..5 --shrink --out out", 1);
    let shrunk = document["shrunk"].as_array().expect("a list");
    assert_eq!(shrunk.len(), document["points"][0]["failures"].as_array().expect("groups").len());
    for one in shrunk {
        let run = folder.document(&format!("run {}", one["file"].as_str().expect("a path")), 1);
        assert_eq!(run["class"], one["class"]);
        assert!(one["operations"].as_u64() < Some(5) && one["seed"] == 3, "{one}");
    }
    folder.check("sweep lost.json --seeds 3..5 --shrink", 2, "", "--out");
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
        folder.run(
            &format!("sweep small.json --seeds 0..40 --until-width 0.5 --jobs {jobs} {ALL} --out jobs-{jobs}"),
            0,
        );
    }
    same(&folder, "jobs-1", "jobs-2");
    assert!(folder.read("jobs-1/results.csv").lines().count() < 12);
}

#[test]
fn a_sweep_stops_when_nothing_new_is_covered() {
    let folder = Folder::new("sweep-plateau");
    let faults = r#""nemesis": { "storm": { "crash": { "where": { "one": { "of": "store" } } }, "every": "300ms", "for": "200ms" } }, "#;
    let raft =
        SMALL.replace("majority_register", "raft").replace("\"hypothesis\"", &format!("{faults}\"hypothesis\""));
    folder.write("storm.json", raft);
    let sweep = format!("sweep storm.json --seeds 0..60 --until-plateau 4 {ALL}");
    let code = folder.command(&format!("{sweep} --out jobs-1 --jobs 1")).output().expect("it runs").status.code();
    folder.run(&format!("{sweep} --out jobs-2 --jobs 2"), code.expect("a code"));
    same(&folder, "jobs-1", "jobs-2");
    let runs = folder.read("jobs-1/results.csv").lines().count() - 1;
    assert!((5..60).contains(&runs), "{runs} runs");
    // The last four have covered nothing that those before had not, and the one before them has.
    let manifest: serde_json::Value = serde_json::from_str(&folder.read("jobs-1/manifest.json")).expect("JSON");
    let coverage = &manifest["result"]["coverage"];
    let seen = ["paths", "roles", "hits"]
        .into_iter()
        .flat_map(|aspect| coverage[aspect]["seen"].as_object().expect("a map"));
    let last = seen.filter_map(|(_, sight)| sight["first_seed"].as_u64()).max().expect("something");
    assert_eq!(last + 4, runs as u64 - 1);
    assert!(coverage["hits"]["seen"]["crash of store leader"]["runs"].as_u64() > Some(0), "{coverage:#}");
    assert!(coverage["paths"]["never"].as_array().is_some_and(|never| !never.is_empty()), "{coverage:#}");
    for (options, says) in [("", "more (--coverage)"), ("--coverage", "store leader: 2 runs, first seed 0")] {
        let output = folder.command(&format!("sweep storm.json --seeds 0..2 {options}")).output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains(says), "{text}");
    }
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
    check("--seeds 0..2 --until-plateau 0", "0 is not in 1..");
    check("--seeds 0..2 --until-plateau 3 --shard 1/2", "cannot be used with");
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
    assert_eq!(starts, ["small.json,3,0.1,1s", "small.json,3,0.1,2s"]);

    // A run is the base, and what it resolves to is no sweep.
    assert_eq!(folder.digest("run grid.json"), folder.digest("run small.json"));
    folder.run("run grid.json --out run", 0);
    assert!(!folder.read("run/scenario.json").contains("\"sweep\""));
    folder.check("sweep grid.json --set /sweep/grid/~1network~1loss/1=2", 2, "", "2 at /network/loss: expected");
    folder.check("sweep grid.json --until-width 0.5", 2, "", "--until-width needs one point");
}
