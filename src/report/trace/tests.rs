use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::Config;

use super::*;
use crate::scenario::{Document, Registry, Run, RunOptions, Scenario};

mod causality;
mod formats;
mod hostile;
mod stories;

/// A scenario in which messages die in every common way: by loss, a partition, a crash, and as copies.
const STORM: &str = r#"{
  "version": 1, "title": "Storm", "duration": "1500ms", "settle": "200ms",
  "hosts": { "zones": { "north": {}, "south": {} }, "placement": { "store": ["north", "south"] } },
  "network": { "latency": { "exponential": { "mean": "3ms" } }, "loss": "2%", "duplication": "2%" },
  "services": { "store": { "raft": { "replicas": 3 }, "host": { "cpu": "50us" } } },
  "clients": {
    "left": { "calls": "store", "zone": "north", "arrivals": { "poisson": "40/s" },
      "operations": { "read": 0.5, "write": 0.5 }, "timeout": "300ms", "attempt_timeout": "60ms" },
    "right": { "calls": "store", "zone": "south", "arrivals": { "poisson": "20/s" },
      "operations": { "read": 1 }, "timeout": "300ms" }
  },
  "faults": [
    { "id": "split", "partition": { "groups": [["store-0", "left"], "rest"], "at": "500ms", "for": "300ms" } },
    { "id": "fall", "crash": { "where": ["store-1"], "at": "900ms", "for": "200ms" } },
    { "id": "sleep", "pause": { "where": ["store-2"], "at": "1200ms", "for": "100ms" } }
  ],
  "hypothesis": { "always": ["linearizable"] }
}"#;

/// The services that the storm goes over.
const SERVICES: [&str; 4] = [
    r#"{ "raft": { "replicas": 3 }, "host": { "cpu": "50us" } }"#,
    r#"{ "quorum": { "replicas": 3 } }"#,
    r#"{ "majority_register": { "replicas": 3 } }"#,
    r#"{ "majority_register": { "replicas": 3 }, "host": { "cpu": "100us", "cores": 2 } }"#,
];

/// The trace of a storm over one of the services.
fn storm(service: &str, seed: u64) -> TraceFile {
    named(&storm_run(service, seed))
}

fn storm_run(service: &str, seed: u64) -> Run {
    let document = Document::parse("storm", STORM.as_bytes()).expect("JSON");
    let document = document.set("/services/store", service).expect("a pointer");
    run(&Scenario::read(&document, &Registry::standard()).expect("a scenario"), seed)
}

fn run(scenario: &Scenario, seed: u64) -> Run {
    scenario.run(RunOptions { seed, keep_trace: true }).expect("it runs")
}

fn named(run: &Run) -> TraceFile {
    TraceFile::of("a scenario", run).expect("it was kept")
}

fn config(cases: u32) -> Config {
    Config { failure_persistence: None, cases, ..Config::default() }
}

fn some_storm() -> impl Strategy<Value = TraceFile> {
    (proptest::sample::select(&SERVICES[..]), any::<u64>()).prop_map(|(service, seed)| storm(service, seed))
}

/// Bundled scenarios whose runs are short.
const BUNDLED: [&str; 3] = [
    include_str!("../../../scenarios/raft/figure-8.json"),
    include_str!("../../../scenarios/raft/forgotten-vote.json"),
    include_str!("../../../scenarios/raft/duplicate-append.json"),
];

fn some_bundled() -> impl Strategy<Value = TraceFile> {
    (proptest::sample::select(&BUNDLED[..]), any::<u64>()).prop_map(|(text, seed)| {
        named(&run(&Scenario::parse("bundled", text.as_bytes(), &Registry::standard()).expect("a scenario"), seed))
    })
}
