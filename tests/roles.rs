//! How many replicas are in a role together: read from what they declare, whatever their kind.

use partita::check::{Class, Verdict};
use partita::scenario::{Registry, RunOptions, Scenario};
use serde_json::{Value, json};

/// Raft under a fault, and what is expected of its roles.
fn scenario(services: &Value, fault: &Value, expected: &Value) -> Value {
    let clients = services.as_object().expect("services").keys().map(|service| {
        let client = json!({
            "calls": service, "arrivals": { "constant": "20/s" }, "operations": { "read": 1, "write": 1 }
        });
        (format!("of-{service}"), client)
    });
    json!({
        "version": 1,
        "title": "Roles",
        "duration": "8s",
        "services": services,
        "clients": clients.collect::<serde_json::Map<_, _>>(),
        "faults": fault,
        "hypothesis": { "always": expected }
    })
}

fn in_role(role: &str, at_most: u64, per: &str) -> Value {
    json!({ "in_role": { "role": role, "at_most": at_most, "per": per } })
}

#[test]
fn who_is_in_a_role_together_is_found() {
    let raft = json!({ "store": { "raft": { "replicas": 3, "check_quorum": false } } });
    let leader = json!({ "leader": { "of": "store" } });
    let cut = json!([{ "partition": { "groups": [leader, "rest"], "at": "3s", "for": "3s" } }]);
    let crash = json!([{ "crash": { "where": leader, "at": "3s", "for": "3s" } }]);
    let refuted = Verdict::Refuted(Class::Safety);
    let check = |services: &Value, fault: &Value, expected: Value, found: &[(&str, Verdict)]| {
        let value = scenario(services, fault, &json!([expected]));
        let scenario = Scenario::parse("roles", value.to_string().as_bytes(), &Registry::standard());
        let scenario = scenario.unwrap_or_else(|problems| panic!("{problems}"));
        let run = scenario.run(RunOptions { seed: 1, keep_trace: false }).expect("a run");
        let checks: Vec<_> = run.checks.iter().filter(|check| check.name.starts_with("in_role")).collect();
        let verdicts: Vec<_> = checks.iter().map(|check| (check.name.as_str(), check.verdict)).collect();
        assert_eq!(verdicts, found, "{checks:#?}");
    };
    // An old leader that is cut off does not know that another leads, in a later term.
    check(&raft, &cut, in_role("leader", 1, "epoch"), &[("in_role", Verdict::Holds)]);
    check(&raft, &cut, in_role("leader", 1, "instant"), &[("in_role", refuted)]);
    check(&raft, &cut, in_role("leader", 2, "instant"), &[("in_role", Verdict::Holds)]);
    // Whoever is down leads nobody.
    check(&raft, &crash, in_role("leader", 1, "instant"), &[("in_role", Verdict::Holds)]);
    check(&raft, &crash, in_role("follower", 1, "instant"), &[("in_role", refuted)]);
    check(&raft, &crash, in_role("candidate", 3, "instant"), &[("in_role", Verdict::Holds)]);
    // Where some kind declares the role, the others have nothing to do with it; where none does, nobody can say.
    let both = json!({ "store": { "raft": { "replicas": 3 } }, "other": { "single": {} } });
    check(&both, &crash, in_role("leader", 1, "instant"), &[("in_role:store", Verdict::Holds)]);
    let other = json!({ "store": { "single": {} } });
    check(&other, &json!([]), in_role("leader", 1, "epoch"), &[("in_role", Verdict::Inconclusive)]);
}

#[test]
fn a_role_that_no_kind_declares_is_a_mistake() {
    let check = |role: &str, at_most: u64, per: &str, says: &[&str]| {
        let value = scenario(&json!({ "store": { "raft": {} } }), &json!([]), &json!([in_role(role, at_most, per)]));
        let problems = Scenario::parse("roles", value.to_string().as_bytes(), &Registry::standard()).err();
        let problems = problems.expect("a problem").to_string();
        assert!(says.iter().all(|says| problems.contains(says)), "{problems}");
    };
    let all = "roles: candidate, follower, leader, pre_candidate";
    check("leder", 1, "epoch", &["no role is named \"leder\"", "did you mean \"leader\"?", all]);
    check("leader", 0, "epoch", &["at_most"]);
    check("leader", 1, "term", &["per", "epoch", "instant"]);
}
