//! Runs that are kept, and run again.

use super::harness::{Folder, REFUTED, SMALL};

/// A corpus of one run that is refuted and one that holds.
fn kept(folder: &Folder) -> Vec<String> {
    folder.write("lost.json", REFUTED);
    folder.write("small.json", SMALL);
    folder.run("sweep lost.json --seeds 3..6 --corpus corpus.jsonl", 1);
    folder.run("corpus add corpus.jsonl small.json --seed 7", 0);
    folder.read("corpus.jsonl").lines().map(str::to_owned).collect()
}

#[test]
fn what_fails_is_kept_and_fails_again() {
    let folder = Folder::new("corpus");
    let lines = kept(&folder);
    let groups = folder.document("sweep lost.json --seeds 3..6", 1)["points"][0]["failures"].clone();
    let groups = groups.as_array().expect("groups").iter().filter(|group| group["class"] == "safety");
    assert_eq!(lines.len(), groups.count() + 1);
    // It needs no file but itself.
    for file in ["lost.json", "small.json"] {
        std::fs::remove_file(folder.path(file)).expect("the file is there");
    }
    let document = folder.document("corpus run corpus.jsonl", 0);
    assert_eq!(document["verdict"], "holds");
    let runs = document["runs"].as_array().expect("runs");
    assert_eq!((&runs[0]["name"], &runs[0]["kept"]), (&"lost.json".into(), &runs[0]["found"]));
    assert_eq!(runs[0]["kept"]["failure"]["class"], "safety");
    assert!(runs.iter().any(|run| run["kept"]["failure"].is_null() && run["seed"] == 7));
    folder.check("corpus run corpus.jsonl", 0, "runs are as they were kept", "");
}

#[test]
fn seeds_that_are_swept_later_displace_no_lower_one() {
    let folder = Folder::new("corpus-again");
    let lines = kept(&folder);
    folder.write("lost.json", REFUTED);
    folder.run("sweep lost.json --seeds 4..8 --corpus corpus.jsonl", 1);
    let of = |lines: &[String]| lines.iter().filter(|line| line.contains("\"seed\":3")).cloned().collect::<Vec<_>>();
    let after: Vec<_> = folder.read("corpus.jsonl").lines().map(str::to_owned).collect();
    assert_eq!(of(&after), of(&lines));
    assert!(folder.files(".").iter().all(|name| !name.contains("partial") && !name.contains("tmp")));
}

#[test]
fn corpora_are_put_together_in_any_order() {
    let folder = Folder::new("corpus-merged");
    folder.write("lost.json", REFUTED);
    folder.run("sweep lost.json --seeds 3..6 --corpus a.jsonl", 1);
    folder.run("sweep lost.json --seeds 0..3 --corpus b.jsonl", 1);
    folder.run("corpus merge a.jsonl b.jsonl --out ab.jsonl", 0);
    folder.run("corpus merge b.jsonl a.jsonl --out ba.jsonl", 0);
    assert_eq!(folder.read("ab.jsonl"), folder.read("ba.jsonl"));
    folder.run("corpus merge ab.jsonl a.jsonl --out ab.jsonl", 0);
    assert_eq!(folder.read("ab.jsonl"), folder.read("ba.jsonl"));
    assert!(folder.read("ab.jsonl").contains("\"seed\":0,"));
    folder.run("corpus run ab.jsonl", 0);
}

#[test]
fn what_is_no_longer_so_is_told() {
    let folder = Folder::new("corpus-differs");
    let lines = kept(&folder);
    let line = &lines[0];
    let digest = line.split("\"digest\":\"").nth(1).and_then(|rest| rest.get(..16)).expect("a digest");
    let version = env!("CARGO_PKG_VERSION");
    let (kept_by, other) = (format!("\"partita\":\"{version}\""), "\"partita\":\"0.0.1\"");
    let check = |line: &str, code, stdout: &str, stderr: &str| {
        folder.write("other.jsonl", format!("{line}\n"));
        folder.check("corpus run other.jsonl", code, stdout, stderr);
    };
    // The same version made another run: whatever it comes to, that is the graver.
    let moved = line.replace(digest, "0123456789abcdef");
    check(&moved, 4, "The same version makes another run of it", "");
    check(&moved, 4, "Now it is the same twice", "");
    // Kept again, it is as it was kept.
    folder.write("again.jsonl", format!("{moved}\n"));
    folder.run("corpus add again.jsonl lost.json --seed 3", 0);
    assert_eq!(folder.read("again.jsonl").lines().count(), 1);
    folder.run("corpus run again.jsonl", 0);
    // Another version may, and it is said before anything is compared.
    check(&moved.replace(&kept_by, other), 0, "alike", "warning: runs of version 0.0.1 are among them");
    // What does not fail as it did.
    let anomaly = line.replace("\"check\":\"", "\"check\":\"un");
    check(&anomaly, 1, "DIFFERS", "");
    check(&anomaly, 1, "It was kept because it fails: safety by un", "");
    check(&anomaly.replace(&kept_by, other).replace(digest, "0123456789abcdef"), 1, "DIFFERS", "warning");
    folder.write("both.jsonl", format!("{anomaly}\n\n{line}\n"));
    let document = folder.document("corpus run both.jsonl", 1);
    assert_eq!((&document["verdict"], &document["runs"][1]["place"]), (&"refuted".into(), &"both.jsonl:3".into()));
}

#[test]
fn wrong_lines_are_refused_with_their_place() {
    let folder = Folder::new("corpus-wrong");
    let lines = kept(&folder);
    let check = |text: &str, says: &str| {
        folder.write("wrong.jsonl", text);
        for command in ["corpus run wrong.jsonl", "corpus merge wrong.jsonl --out out.jsonl"] {
            folder.check(command, 2, "", says);
        }
    };
    check(&format!("{}\n{}\n", lines[0], &lines[0][..40]), "wrong.jsonl:2: this is no entry of a corpus");
    check(
        &lines[0].replace("\"cpu\"", "\"cup\"").replace("\"title\":\"Lost\"", "\"title\":\"Found\""),
        "wrong.jsonl:1: the scenario was changed",
    );
    folder.check("corpus run none.jsonl", 2, "", "none.jsonl");
    folder.check("corpus add out.jsonl none.json", 2, "", "none.json");
}

/// What CI replays has a canary: a run that must be refuted, so that a Partita which refutes nothing is found out.
#[test]
fn the_corpus_of_this_repository_is_as_it_was_kept() {
    let folder = Folder::new("corpus-own");
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus.jsonl");
    let document = folder.document(&format!("corpus run {}", corpus.display()), 0);
    let runs = document["runs"].as_array().expect("runs");
    assert!(runs.iter().any(|run| run["found"]["failure"]["class"] == "safety"));
    assert!(runs.iter().any(|run| run["found"]["failure"].is_null()));
}
