//! The families of faults, as scenario files write them: each makes a difference, says so, heals, and replays.

use std::collections::BTreeSet;
use std::path::Path;

use partita::check::Verdict;
use partita::fault::{FAMILIES, families_page};
use partita::scenario::{Document, Registry, Run, RunOptions, Scenario};
use serde_json::{Value, json};

#[test]
fn the_page_of_faults_is_what_is_printed() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md");
    let page = std::fs::read_to_string(file).unwrap_or_default();
    assert!(page == families_page(), "stale: partita list --faults > docs/faults.md");
}

/// What every fault may say.
const COMMON: [&str; 3] = ["at", "for", "note"];

#[test]
fn every_family_and_each_of_its_parameters_is_described() {
    let schema = Scenario::schema(&Registry::standard());
    let properties = |schema: &Value| schema["properties"].as_object().cloned().unwrap_or_default();
    let fault = properties(&schema["properties"]["faults"]["items"]);
    let read: BTreeSet<_> = fault
        .iter()
        .filter(|(_, schema)| schema["type"] == "object")
        .flat_map(|(family, schema)| {
            let fields: Vec<_> =
                properties(schema).keys().filter(|field| !COMMON.contains(&field.as_str())).cloned().collect();
            fields.into_iter().map(move |field| (family.clone(), field))
        })
        .collect();
    let described: BTreeSet<_> = FAMILIES
        .iter()
        .flat_map(|family| {
            family.parameters.iter().map(|parameter| (family.name.to_owned(), parameter.name.to_owned()))
        })
        .collect();
    assert_eq!(described, read, "what src/fault/family.rs describes, and what is read");
}

/// Five replicas, a client, and these faults.
fn scenario(faults: &Value) -> Scenario {
    read(&written(faults))
}

fn written(faults: &Value) -> Value {
    json!({
        "version": 1,
        "title": "One fault",
        "duration": "4s",
        "network": { "latency": { "lognormal": { "median": "2ms", "p99": "15ms" } } },
        "services": { "store": { "majority_register": { "replicas": 5 } } },
        "clients": {
            "shoppers": {
                "calls": "store",
                "arrivals": { "poisson": "100/s" },
                "operations": { "read": 0.5, "write": 0.5 },
                "keys": { "uniform": { "count": 5 } },
                "timeout": "500ms"
            }
        },
        "faults": faults,
        "hypothesis": { "always": ["linearizable", { "lost_writes": { "at_most": 0 } }] }
    })
}

fn read(value: &Value) -> Scenario {
    let document = Document::from_value("fault.json", value).expect("JSON");
    Scenario::read(&document, &Registry::standard()).unwrap_or_else(|problems| panic!("{problems}"))
}

fn run(scenario: &Scenario) -> Run {
    scenario.run(RunOptions { seed: 7, keep_trace: false }).expect("a run")
}

#[test]
fn a_fault_is_beyond_a_service_that_it_may_hit() {
    let noted = |whom: &str| {
        let mut written =
            written(&json!([{ "id": "blow", "crash": { "where": [whom], "at": "1s", "for": "500ms" } }]));
        written["services"]["log"] = json!({ "single": { "sync": "never" } });
        let note = "\"log\" does not promise to tolerate the fault \"blow\" (crash).";
        run(&read(&written)).notes.iter().any(|said| said == note)
    };
    assert!(noted("log-0"));
    assert!(!noted("shoppers"), "a client is no replica");
    assert!(!noted("store-0"), "a replica of another service");
}

/// Every family of links, at work from 1 s to 2 s where it has a time.
fn link_faults() -> Vec<Value> {
    let minority = || json!({ "minority": { "of": "store" } });
    let of = || json!({ "of": minority() });
    let mut faults = vec![
        json!({ "swizzle_clog": { "where": { "all": { "of": "store" } } } }),
        json!({ "swizzle_clog": { "steps": [{ "node": "store-1", "from": "0s", "until": "500ms" }] } }),
        json!({ "clog": {} }),
        json!({ "clog": { "links": of() } }),
        json!({ "loss": { "links": [{ "from": ["store-0"] }, { "to": minority() }], "share": "30%" } }),
        json!({ "burst_loss": { "links": of(), "starts": "5%", "ends": "20%", "within": "90%", "between": "1%" } }),
        json!({ "duplication": { "links": of(), "share": 0.5 } }),
        json!({ "duplication": { "share": 0.5, "after": { "uniform": { "low": "100ms", "high": "1s" } } } }),
        json!({ "reordering": { "share": 0.5, "within": "30ms" } }),
        json!({ "corruption": { "links": { "among": minority() }, "share": 0.5 } }),
        json!({ "latency": { "links": of(), "factor": 2.5, "add": "10ms" } }),
        json!({ "latency": { "share": "1%", "add": { "pareto": { "scale": "50ms", "shape": 1.5 } } } }),
        json!({ "bandwidth": { "links": of(), "rate": "20kB/s", "queue": "50ms" } }),
        json!({ "flapping": { "links": of(), "down": "30ms", "up": "70ms" } }),
        json!({ "connections": { "how": "refuse", "share": 0.5 } }),
        json!({ "connections": { "how": "reset", "links": { "from": ["shoppers"], "to": minority() } } }),
        json!({ "connections": { "how": "half_open", "links": { "between": [["shoppers"], ["store-0"]] } } }),
        json!({ "stale_name": { "links": { "to": minority() } } }),
        json!({ "stale_name": { "links": { "from": ["shoppers"], "to": ["store-0"] }, "old_place": "host" } }),
        json!({ "stale_name": { "links": { "to": ["store-0"] }, "old_place": { "taken_by": "store-1" } } }),
        json!({ "partition": { "links": { "between": [["shoppers"], minority()] } } }),
        json!({ "partition": { "links": { "to": ["store-3"] }, "cut": "send" } }),
    ];
    let patterns = ["halves", "split_one", "majority", "bridge", "majorities_ring"];
    faults.extend(patterns.map(|pattern| json!({ "partition": { "pattern": { pattern: { "of": "store" } } } })));
    faults.push(json!({ "partition": { "pattern": { "groups": { "of": "store", "n": 3 } } } }));
    for fault in &mut faults {
        let settings = fault.as_object_mut().and_then(|fault| fault.values_mut().next()).expect("one family");
        settings["at"] = json!("1s");
        settings["for"] = json!("1s");
    }
    let message = |deed: Value| {
        let mut settings = json!({ "from": "store-0", "to": "store-1", "nth": 30 });
        settings.as_object_mut().expect("an object").extend(deed.as_object().expect("an object").clone());
        json!({ "message": settings })
    };
    faults
        .extend([json!({ "drop": true }), json!({ "delay": "300ms" }), json!({ "duplicate": "300ms" })].map(message));
    faults.push(
        json!({ "message": { "from": "shoppers", "to": "store-2", "kind": "request", "nth": 9, "drop": true } }),
    );
    faults
}

#[test]
fn every_fault_of_links_makes_a_difference_heals_and_replays() {
    let without = run(&scenario(&json!([])));
    assert_eq!(without.verdict, Verdict::Holds);
    let mut shown = BTreeSet::from(["tampering"]);
    for fault in link_faults() {
        let with = run(&scenario(&json!([fault])));
        let report = &with.faults[0];
        shown.insert(report.kind);
        assert_eq!(report.tally.total(), report.touched);
        assert!(report.started && report.touched > 0 && !report.targets.is_empty(), "{fault}: {report:?}");
        let outcome = |run: &Run| (run.census.clone(), format!("{:?}", run.history().operations));
        assert_ne!(outcome(&with), outcome(&without), "{fault}");
        assert!(with.census.balances() && with.census.in_flight < 50, "{fault}: {:?}", with.census);
        // A register that keeps its safeguards stands all of them, and works again when they are over.
        assert_eq!(with.verdict, Verdict::Holds, "{fault}: {:?}", with.checks);
        let late = with.history().operations.iter().filter(|operation| operation.intended.as_nanos() > 3_000_000_000);
        assert!(
            late.clone().count() > 50 && late.clone().all(|operation| operation.outcome.is_answered()),
            "{fault}"
        );
        let replayed = run(&read(&with.resolved));
        assert_eq!(replayed.digest().value(), with.digest().value(), "{fault}: {:#}", with.resolved["faults"]);
        assert_eq!(replayed.resolved, with.resolved);
        assert_eq!(replayed.faults, with.faults);
    }
    let of_links: BTreeSet<_> =
        FAMILIES.iter().map(|family| family.name).skip_while(|&name| name != "partition").collect();
    assert!(shown.is_superset(&of_links), "{shown:?}");
}

/// The same to the end of the load: then it heals, everybody gets on, and the replicas come to hold the same.
#[test]
fn every_fault_of_links_that_lasts_to_the_end_heals() {
    for mut fault in link_faults() {
        let settings = fault.as_object_mut().and_then(|fault| fault.values_mut().next()).expect("one family");
        // Nodes are clogged one by one in the first half.
        if settings.get("for").is_some() {
            settings["for"] = json!("6s");
        }
        let mut value = written(&json!([fault]));
        value["final_reads"] = json!(true);
        value["hypothesis"] =
            json!({ "always": [{ "liveness": { "within": "5s" } }, "convergence", "linearizable"] });
        let healed = run(&read(&value));
        assert_eq!(healed.verdict, Verdict::Holds, "{fault}: {:?}", healed.checks);
    }
}

/// What a fault touched, it says by kinds.
#[test]
fn a_fault_says_what_it_touched() {
    let kinds = |fault: Value| {
        let run = run(&scenario(&json!([fault])));
        run.faults[0].tally.iter().map(|(what, _)| what.name()).collect::<Vec<_>>()
    };
    let all = json!({ "all": { "of": "store" } });
    assert_eq!(kinds(json!({ "loss": { "share": 0.1, "at": "1s", "for": "1s" } })), ["messages", "requests"]);
    assert_eq!(
        kinds(json!({ "connections": { "how": "reset", "share": 0.1, "at": "1s", "for": "1s" } })),
        ["requests"]
    );
    assert_eq!(
        kinds(json!({ "disk_slow": { "where": all, "factor": 3, "at": "1s", "for": "1s" } })),
        ["disk_operations"]
    );
    let drift = json!({ "clock_drift": { "where": all, "rate": "1%", "at": "1s", "for": "1s" } });
    assert_eq!(kinds(drift), ["clock_readings"]);
    let pause = json!({ "pause": { "where": { "minority": { "of": "store" } }, "at": "1s", "for": "1s" } });
    assert_eq!(kinds(pause)[..2], ["messages", "requests"]);
}

/// Nobody's checksum, nobody's fault: damage that nothing finds breaks what a register promises, and with a checksum
/// it is only lost.
#[test]
fn damage_that_no_checksum_finds_is_refuted_and_found_damage_is_not() {
    let verdict = |checksums: bool| {
        let fault = json!({ "corruption": {
            "links": { "among": { "all": { "of": "store" } } }, "share": 0.2, "checksums": checksums, "at": "1s", "for": "2s"
        } });
        run(&scenario(&json!([fault]))).verdict
    };
    assert!(matches!(verdict(false), Verdict::Refuted(_)), "{:?}", verdict(false));
    assert_eq!(verdict(true), Verdict::Holds);
}

/// Who forges what a client and a store say to each other breaks every promise, and the network, unless both ends prove who
/// they are; then what is forged is only lost.
#[test]
fn forgeries_are_refuted_and_authenticated_links_find_them() {
    let verdict = |authenticated: bool, links: Value| {
        let fault =
            json!({ "id": "mallory", "tampering": { "links": links, "share": 0.2, "at": "1s", "for": "2s" } });
        let mut value = written(&json!([fault]));
        value["network"]["authenticated"] = json!(authenticated);
        let first = run(&read(&value));
        let again = run(&read(&first.resolved));
        assert_eq!(again.digest().value(), first.digest().value());
        assert!(first.faults[0].touched > 20, "{:?}", first.faults);
        assert_eq!(first.faults[0].dropped > 0, authenticated);
        first.verdict
    };
    for links in [json!({ "of": ["shoppers"] }), json!({ "among": { "all": { "of": "store" } } })] {
        assert!(matches!(verdict(false, links.clone()), Verdict::Refuted(_)), "{links}");
        assert_eq!(verdict(true, links), Verdict::Holds);
    }
}

/// A client that is cut off from everyone waits in vain; unavailable by design, for there was no way to serve it.
#[test]
fn a_client_that_is_cut_off_could_not_have_been_served() {
    for fault in [
        json!({ "partition": { "groups": [["shoppers"], { "all": { "of": "store" } }], "at": "1s", "for": "1s" } }),
        json!({ "clog": { "links": { "of": ["shoppers"] }, "at": "1s", "for": "1s" } }),
        json!({ "connections": { "how": "refuse", "at": "1s", "for": "1s" } }),
        json!({ "loss": { "links": { "from": ["shoppers"] }, "share": 1, "at": "1s", "for": "1s" } }),
        json!({ "stale_name": { "links": { "from": ["shoppers"] }, "at": "1s", "for": "1s" } }),
    ] {
        let run = run(&scenario(&json!([fault])));
        let operations = &run.history().operations;
        let unanswered: Vec<_> =
            (0..operations.len()).filter(|&index| !operations[index].outcome.is_answered()).collect();
        assert!(unanswered.len() > 20, "{fault}: {}", unanswered.len());
        assert!(unanswered.iter().all(|&index| run.unavailable_by_design[index]), "{fault}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_where_it_stands() {
    let check = |fault: Value, at: &str, says: &str| {
        let value = json!({
            "version": 1, "title": "Bad", "duration": "4s",
            "services": { "store": { "majority_register": { "replicas": 3 } } },
            "faults": [fault]
        });
        let document = Document::from_value("bad.json", &value).expect("JSON");
        let problems = Scenario::read(&document, &Registry::standard()).err().expect("refused").to_string();
        assert!(problems.contains(at) && problems.contains(says), "{problems}");
    };
    let clog = |links: Value| json!({ "clog": { "links": links, "at": "1s" } });
    check(clog(json!("some")), "/faults/0/clog/links", "\"all\"");
    check(clog(json!({})), "/faults/0/clog/links", "by \"from\" and \"to\", by \"between\", \"among\", or \"of\"");
    check(clog(json!({ "from": ["store-0"], "of": ["store-1"] })), "/faults/0/clog/links", "links are given");
    check(clog(json!({ "between": [["store-0"]] })), "/faults/0/clog/links/between", "name two sides");
    check(clog(json!({ "of": ["stoer-1"] })), "/faults/0/clog/links/of/0", "did you mean \"store-1\"?");
    let stale = |old_place: Value| json!({ "stale_name": { "links": { "to": ["store-0"] }, "old_place": old_place, "at": "1s" } });
    check(stale(json!("gone")), "/faults/0/stale_name/old_place", "\"empty\"");
    check(stale(json!({ "taken_by": "stoer-1" })), "/faults/0/stale_name/old_place", "did you mean \"store-1\"?");
    check(json!({ "loss": { "at": "1s" } }), "/faults/0/loss", "\"share\" is missing");
    check(
        json!({ "bandwidth": { "rate": "0B/s", "at": "1s" } }),
        "/faults/0/bandwidth/rate",
        "a bandwidth is more than zero",
    );
    check(
        json!({ "swizzle_clog": { "at": "1s", "for": "1s" } }),
        "/faults/0/swizzle_clog",
        "either \"where\" or \"steps\"",
    );
    check(
        json!({ "swizzle_clog": { "where": ["store-0"], "at": "1s" } }),
        "/faults/0/swizzle_clog",
        "\"for\" is missing",
    );
    let step = json!({ "node": "store-0", "from": "2s", "until": "1s" });
    check(
        json!({ "swizzle_clog": { "steps": [step], "at": "1s", "for": "3s" } }),
        "/faults/0/swizzle_clog/steps/0/until",
        "it would end before it begins",
    );
    let message = |more: Value| {
        let mut message = json!({ "from": "store-0", "to": "store-1", "nth": 1 });
        message.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        json!({ "message": message })
    };
    check(message(json!({})), "/faults/0/message", "one of \"drop\", \"delay\" and \"duplicate\"");
    check(message(json!({ "drop": true, "delay": "1s" })), "/faults/0/message/drop", "one of");
    check(message(json!({ "drop": false })), "/faults/0/message/drop", "leave it out");
    check(message(json!({ "to": "store-0", "drop": true })), "/faults/0/message/to", "crosses no link");
    check(message(json!({ "nth": 0, "drop": true })), "/faults/0/message/nth", "from 1");
    check(
        json!({ "partition": { "groups": [["store-0"], "rest"], "pattern": { "halves": { "of": "store" } }, "at": "1s" } }),
        "/faults/0/partition/groups",
        "or a \"pattern\"",
    );
    check(
        json!({ "partition": { "pattern": { "thirds": { "of": "store" } }, "at": "1s" } }),
        "/faults/0/partition/pattern",
        "no pattern is named \"thirds\"",
    );
}
