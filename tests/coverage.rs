//! What runs cover: every kind declares what it may reach, and what a sweep never covered is what it says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use partita::explore::{Coverage, Detail, Row};
use partita::scenario::{Aspect, Covered, Document, Registry, RunOptions, Scenario};
use serde_json::{Value, json};

fn read(value: &Value) -> Scenario {
    let document = Document::from_value("test", value).expect("JSON");
    Scenario::read(&document, &Registry::standard()).unwrap_or_else(|problems| panic!("{problems}"))
}

fn covered(scenario: &Scenario, seed: u64) -> Covered {
    scenario.run(RunOptions { seed, keep_trace: false }).expect("a run").covered
}

/// The files below a folder of the repository whose names end so.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let (mut folders, mut found) = (vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)], Vec::new());
    while let Some(inner) = folders.pop() {
        for entry in std::fs::read_dir(inner).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// What the sources of a kind pass to this method of their context, as far as it is written there.
fn said(kind: &str, method: &str) -> BTreeSet<String> {
    let is_code = |path: &PathBuf| !path.to_string_lossy().contains("tests");
    let sources = files(&format!("src/store/{kind}"), ".rs").into_iter().filter(is_code);
    let text: String = sources.map(|path| std::fs::read_to_string(path).expect("a source")).collect();
    let call = format!("cx.{method}(\"");
    let parts = text.split(&call).skip(1).map(|rest| rest.split('"').next());
    parts.flatten().map(str::to_owned).collect()
}

#[test]
fn every_kind_declares_its_rare_paths_and_roles() {
    for kind in ["single", "majority_register", "quorum", "raft", "transactional"] {
        let scenario =
            read(&json!({ "version": 1, "title": "Kind", "duration": "1s", "services": { "store": { kind: {} } } }));
        let declared = scenario.coverable();
        let mut paths = said(kind, "reached");
        // The log that all of them keep is no part of their sources.
        paths.insert("cut the torn tail of a log".to_owned());
        assert_eq!(declared.paths, paths, "{kind}");
        let roles: BTreeSet<_> = said(kind, "role").into_iter().map(|role| format!("store {role}")).collect();
        assert_eq!(declared.roles, roles, "{kind}");
        assert!(declared.hits.is_empty(), "nothing breaks");
    }
}

#[test]
fn what_the_bundled_scenarios_cover_is_declared() {
    let mut scenarios = files("scenarios", ".json");
    scenarios.extend(files("examples/safeguards", ".json"));
    let mut all = Covered::default();
    for path in scenarios {
        let text = std::fs::read(&path).expect("a scenario");
        let scenario = Scenario::parse(&path.to_string_lossy(), &text, &Registry::standard());
        let scenario = scenario.unwrap_or_else(|problems| panic!("{problems}"));
        let coverable = scenario.coverable();
        let covered = covered(&scenario, scenario.seed);
        for aspect in Aspect::ALL {
            let undeclared: Vec<_> = covered.of(aspect).difference(coverable.of(aspect)).collect();
            assert!(undeclared.is_empty(), "{}: {undeclared:?}", path.display());
        }
        all.extend(&covered);
    }
    // They are not idle: this much, and what a crash of a leader is.
    assert!(all.paths.len() >= 10 && all.hits.len() >= 30, "{all:#?}");
}

/// Three replicas of raft, and these faults.
fn raft(faults: &Value) -> Scenario {
    read(&json!({
        "version": 1, "title": "Coverage", "duration": "3s",
        "network": { "latency": { "exponential": { "mean": "2ms" } } },
        "services": { "store": { "raft": { "replicas": 3 } } },
        "clients": { "a": { "calls": "store", "arrivals": { "constant": "20/s" }, "operations": { "read": 1, "write": 1 } } },
        "faults": faults,
        "hypothesis": { "always": ["linearizable"] }
    }))
}

fn coverage(scenario: &Scenario) -> Coverage {
    let run = |seed| scenario.run(RunOptions { seed, keep_trace: false }).expect("a run");
    let rows: Vec<Row> = (0..3).map(|seed| Row::new(seed, 0, &run(seed), Detail::default())).collect();
    Coverage::of(rows.iter(), &scenario.coverable())
}

#[test]
fn faults_are_told_by_whom_they_hit() {
    let crash = |whom: Value| json!([{ "id": "crash", "crash": { "where": whom, "at": "1500ms", "for": "500ms" } }]);
    let seen = |faults: &Value| -> Vec<String> {
        coverage(&raft(faults)).seen(Aspect::Hit).map(|(name, sight)| format!("{name}: {}", sight.runs)).collect()
    };
    assert_eq!(seen(&json!([])), [""; 0]);
    assert_eq!(seen(&crash(json!({ "leader": { "of": "store" } }))), ["crash of store leader: 3"]);
    assert_eq!(seen(&crash(json!({ "followers": { "of": "store" } }))), ["crash of store follower: 3"]);
    let cut = json!([{ "partition": { "groups": [{ "leader": { "of": "store" } }, "rest"], "at": "1500ms", "for": "500ms" } }]);
    assert_eq!(seen(&cut), ["partition of store leader: 3"]);
    // Of links it is the ones whose links they are, and a client is a client.
    let slow = json!([{ "latency": { "links": { "of": ["a"] }, "factor": 2, "at": "1500ms", "for": "500ms" } }]);
    assert_eq!(seen(&slow), ["latency of client: 3"]);
    // One that is hit again while it starts is recovering.
    let again = json!([
        { "id": "crash", "restart": { "where": { "leader": { "of": "store" } }, "at": "1500ms", "after": "10ms" } },
        { "id": "again", "crash_loop": { "where": { "all": { "of": "store" } }, "up": "1us", "down": "1ms", "at": "1600ms", "for": "20ms" } }
    ]);
    assert!(seen(&again).iter().any(|name| name == "crash_loop of store recovering: 3"), "{:?}", seen(&again));
}

#[test]
fn what_is_never_covered_is_reported() {
    let none = coverage(&raft(&json!([])));
    let never: Vec<_> = none.never(Aspect::Path).collect();
    assert!(never.contains(&"a follower's log was overwritten"), "{never:?}");
    assert_eq!(none.never(Aspect::Hit).count(), 0, "nothing can hit anybody");
    assert_eq!(none.seen(Aspect::Role).map(|(name, _)| name).filter(|name| *name == "store leader").count(), 1);
    // A crash that may hit anybody and has not hit a candidate says so.
    let crash = json!([{ "crash": { "where": { "leader": { "of": "store" } }, "at": "1500ms", "for": "500ms" } }]);
    let crashed = coverage(&raft(&crash));
    let never: Vec<_> = crashed.never(Aspect::Hit).collect();
    assert!(never.contains(&"crash of store candidate") && !never.contains(&"crash of store leader"), "{never:?}");
}

/// What a fault finds is looked at, and changes nothing.
#[test]
fn a_swarm_can_cover_what_its_preset_has() {
    let with = |field: &str| {
        read(&json!({ "version": 1, "title": "Chaos", "duration": "5s", "services": { "store": { "raft": { "replicas": 3 } } }, field: "harsh" }))
            .coverable()
    };
    assert_eq!(with("swarm"), with("chaos"));
    assert!(with("swarm").hits.contains("crash of store leader"));
}
