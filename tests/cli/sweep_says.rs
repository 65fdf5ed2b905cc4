//! What a sweep says: of how much it made twice, how sure it is, and what to type next.

use serde_json::{Value, json};

use super::harness::{Folder, Printed, REFUTED, SMALL};

#[test]
fn every_sweep_makes_some_runs_twice_and_says_how_many() {
    let folder = Folder::new("sweep-rechecked");
    folder.write("small.json", SMALL);
    let sweep = "sweep small.json --seeds 0..3 --vary /network/loss=[0,0.2]";
    let rechecked = |options: &str| -> Vec<Value> {
        let document = folder.document(&format!("{sweep} {options}"), 0);
        document["points"].as_array().expect("points").iter().map(|point| point["rechecked"].clone()).collect()
    };
    assert_eq!(rechecked("--recheck 1000000"), [1, 1]);
    assert_eq!(rechecked("--recheck 1"), [3, 3]);
    assert_eq!(rechecked("--recheck 0"), [0, 0]);
    let printed = folder.run(&format!("{sweep} --out out --recheck 1000000"), 0).stdout;
    assert!(printed.contains("\n  rechecked     1 run was made twice, and came to the same\n"), "{printed}");
    let manifest: Value = serde_json::from_str(&folder.read("out/manifest.json")).expect("JSON");
    assert_eq!(manifest["result"]["points"][1]["rechecked"], 1);
}

#[test]
fn figures_have_means_with_intervals() {
    let folder = Folder::new("sweep-figures");
    folder.write("small.json", SMALL);
    let sweep = "sweep small.json --seeds 0..4 --vary /network/loss=[0,0.2] --out out --figures --width 0.05";
    let printed = folder.run(sweep, 0).stdout;
    assert!(printed.contains("\n    latency_p50_ns ") && printed.contains("95% confidence by itself"), "{printed}");
    assert!(printed.contains("an interval of 5% takes about "), "{printed}");
    let table: Vec<Vec<String>> =
        folder.read("out/figures.csv").lines().map(|line| line.split(',').map(str::to_owned).collect()).collect();
    assert_eq!(table[0][..5], ["scenario", "/network/loss", "figure", "runs", "without"]);
    assert!(table.iter().all(|row| row.len() == table[0].len()), "{table:?}");
    // The mean of a column of the table of runs.
    let results = folder.read("out/results.csv");
    let column = results.lines().next().and_then(|head| head.split(',').position(|name| name == "latency_p50_ns"));
    let of_point = results.lines().filter(|line| line.split(',').nth(2) == Some("0.2"));
    let numbers: Vec<f64> = of_point
        .map(|line| line.split(',').nth(column.expect("a column")).expect("a cell").parse().expect("a number"))
        .collect();
    let row = table.iter().find(|row| row[1] == "0.2" && row[2] == "latency_p50_ns").expect("a row");
    let cell = |place: usize| row[place].parse::<f64>().expect("a number");
    assert_eq!((row[3].as_str(), row[4].as_str()), ("4", "0"));
    assert!((cell(5) - numbers.iter().sum::<f64>() / 4.0).abs() < 1e-6, "{row:?} {numbers:?}");
    assert!(cell(6) < cell(5) && cell(5) < cell(7) && cell(8) >= 2.0, "{row:?}");

    let manifest: Value = serde_json::from_str(&folder.read("out/manifest.json")).expect("JSON");
    let point = &manifest["result"]["points"][1];
    assert_eq!(manifest["result"]["wanted_width"], 0.05);
    assert!(point["runs_for_width"].as_u64() > Some(50), "{}", point["runs_for_width"]);
    let figures = point["figures"].as_array().expect("figures");
    let median = figures.iter().find(|figure| figure["name"] == "latency_p50_ns").expect("a median");
    assert_eq!(median["mean"]["value"].as_f64(), Some(cell(5)));
    assert_eq!(median["runs_for_width"].as_f64(), Some(cell(8)));
    folder.check("sweep small.json --seeds 0..2 --width 2", 2, "", "between 0 and 1");
}

#[test]
fn inconclusive_runs_are_told_apart() {
    let folder = Folder::new("sweep-inconclusive");
    folder.write("small.json", SMALL);
    let idle = "sweep small.json --seeds 0..3 --set /clients/shoppers/operations={\"read\":1}";
    let document = folder.document(idle, 3);
    let point = &document["points"][0];
    assert_eq!((&point["holding"]["value"], &point["holding_of_conclusive"]), (&json!(0.0), &Value::Null));
    let printed = folder.run(idle, 3).stdout;
    assert!(
        printed.contains("an inconclusive run counts as not holding; of the conclusive ones none was"),
        "{printed}"
    );
    assert!(!folder.run("sweep small.json --seeds 0..2", 0).stdout.contains("inconclusive"), "there are none");
}

#[test]
fn commands_to_type_next_can_be_typed() {
    let folder = Folder::new("sweep-quoted");
    folder.write("lost.json", REFUTED);
    let mut command = folder.command("sweep lost.json --seeds 3..4");
    let output = command.args(["--set", "/title=\"it's\""]).output().expect("the binary runs");
    let printed = Printed::of(&output, "sweep", 1).stdout;
    assert!(printed.contains(r#" run lost.json --set '/title="it'\''s"' --seed 3"#), "{printed}");
}

#[test]
fn seeds_that_no_reader_of_numbers_can_read_are_texts() {
    let folder = Folder::new("sweep-high");
    folder.write("lost.json", REFUTED.replace("\"50/s\"", "\"20/s\""));
    let sweep = "sweep lost.json --seeds 18446744073709551613..18446744073709551614 --shrink --out out";
    let document = folder.document(sweep, 1);
    assert_eq!(document["shrunk"][0]["seed"], "18446744073709551613");
    let manifest: Value = serde_json::from_str(&folder.read("out/manifest.json")).expect("JSON");
    assert_eq!(manifest["sweep"]["seeds"], json!(["18446744073709551613", "18446744073709551614"]));
    let resumed = "sweep lost.json --seeds 18446744073709551613..18446744073709551614 --out out --resume";
    folder.run(resumed, 1);
}

#[test]
fn what_nobody_would_see_the_end_of_is_refused() {
    let folder = Folder::new("sweep-endless");
    folder.write("small.json", SMALL);
    let check = |command: &str, says: &str| drop(folder.check(command, 2, "", says));
    let all = "0..18446744073709551615";
    check(&format!("sweep small.json --seeds {all}"), "too many: a sweep has at most 4294967296 runs");
    check(&format!("compare small.json small.json --seeds {all}"), "18446744073709551615 seeds at each of 2 points");
    check(&format!("tolerate small.json --vary /network/loss=0..1 --seeds {all}"), "too many");
    check("sweep small.json --seeds 0..3000000000 --vary /network/loss=[0,0.1]", "at each of 2 points");
    let values = format!("[{}]", vec!["0"; 300].join(","));
    let wide = format!("--vary /network/loss={values} --vary /duration={values}");
    check(&format!("sweep small.json --seeds 0..1 {wide}"), "a grid of 300 x 300 points is too large");
    folder.write(
        "late.json",
        SMALL.replace("\"seed\": 5,", "\"seed\": 18446744073709551615, \"sweep\": { \"repeat\": 3 },"),
    );
    check("sweep late.json", "goes beyond 2^64");
}

#[test]
fn what_cannot_be_varied_is_refused_by_its_option() {
    let folder = Folder::new("sweep-vary");
    folder.write("small.json", SMALL);
    let check = |command: &str, says: &str| drop(folder.check(command, 2, "", says));
    check(
        "sweep small.json --seeds 0..2 --vary /seed=[1,2]",
        "error: --vary /seed=[1,2]: each point is run with the same seeds",
    );
    check("sweep small.json --seeds 0..2 --vary /sweep/repeat=[1]", "a grid cannot vary itself");
    check("tolerate small.json --vary /seed=1..5", "error: --vary /seed=1..5: each point is run with the same seeds");
    let twice = "--vary /network/loss=[0] --vary /network/loss=[0.1]";
    check(&format!("sweep small.json --seeds 0..2 {twice}"), "error: --vary /network/loss is said twice");
    check("sweep small.json --seeds 0..2 --vary /no/where=[1]", "error: --vary /no/where: there is nothing at /no");
    check("tolerate small.json --vary /no/where=1..5", "error: --vary /no/where: there is nothing at /no");
}
