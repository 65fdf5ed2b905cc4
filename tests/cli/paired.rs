//! Two scenarios under many seeds.

use serde_json::{Value, json};

use super::harness::{Folder, REFUTED, SMALL};

#[test]
fn what_differs_is_measured_seed_by_seed() {
    let folder = Folder::new("paired");
    folder.write("small.json", SMALL).write("slow.json", SMALL.replace("\"2ms\"", "\"3ms\""));
    let document = folder.document("compare small.json slow.json --seeds 0..8", 0);
    assert_eq!((&document["seeds"], &document["changed"]), (&json!(8), &json!(0)));
    let figures = document["figures"].as_array().expect("figures");
    let figure = |name: &str| figures.iter().find(|figure| figure["name"] == name);
    let median = figure("latency_p50_ns").expect("latencies differ");
    assert!(median["difference"]["low"].as_f64() > Some(500_000.0), "{median}");
    assert_eq!(median["clear"], true, "the same luck under both shows it with eight seeds");
    assert_eq!(figure("operations"), None, "both are asked as much");
    // Each run is the run that it is alone.
    let alone = |name: &str, seed: u64| {
        let run = folder.document(&format!("run {name} --seed {seed}"), 0);
        run["latency_ns"]["p50"].as_f64().expect("a median")
    };
    let mean = |name: &str| (0..8).map(|seed| alone(name, seed)).sum::<f64>() / 8.0;
    assert_eq!(median["means"], json!([mean("small.json"), mean("slow.json")]));

    let printed =
        [1, 2].map(|jobs| folder.run(&format!("compare small.json slow.json --seeds 0..8 --jobs {jobs}"), 0).stdout);
    assert_eq!(printed[0], printed[1]);
    for part in [
        "A  small.json\nB  slow.json\n8 seeds, each under both\n",
        "\nlatency_p50_ns ",
        " *\n",
        "\nlook:  partita compare small.json slow.json --seed 0\n",
    ] {
        assert!(printed[0].contains(part), "no {part:?} in:\n{}", printed[0]);
    }
}

#[test]
fn seeds_whose_verdict_changes_are_named() {
    let folder = Folder::new("paired-verdicts");
    let kept = REFUTED.replace("\"never\"", "\"always\"");
    folder.write("lost.json", REFUTED).write("kept.json", kept);
    let document = folder.document("compare lost.json kept.json --seeds 1..5", 1);
    assert_eq!(document["verdicts"], json!([{ "verdicts": ["refuted", "holds"], "seeds": [1, 2, 3, 4] }]));
    assert_eq!(document["holding"]["second_alone"], 4);
    assert_eq!(document["holding"]["mcnemar_p"], 0.125);
    let printed = folder.run("compare lost.json kept.json --seeds 1..5", 1).stdout;
    for part in [
        "the verdict changes under 4 of 4 seeds\n  refuted -> holds: 4 (seeds 1, 2, 3, 4)\n",
        "McNemar's test: p = 0.1250",
    ] {
        assert!(printed.contains(part), "no {part:?} in:\n{printed}");
    }
}

#[test]
fn a_scenario_does_not_differ_from_itself() {
    let folder = Folder::new("paired-same");
    folder.write("small.json", SMALL);
    let document = folder.document("compare small.json small.json --seeds 3..6", 0);
    assert_eq!(document["figures"], Value::from(Vec::<Value>::new()));
    assert!(document["same"].as_u64() > Some(10), "{document}");
    folder.check("compare small.json small.json --seeds 3..6 --seed 4", 2, "", "cannot be used with");
    folder.check("compare small.json small.json --seeds 3", 2, "", "write A..B");
}
