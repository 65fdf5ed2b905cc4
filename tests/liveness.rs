//! After everything has healed every client gets on, or the run says who waits for what.

use std::collections::{BTreeSet, VecDeque};

use partita::check::{Check, Class, Verdict};
use partita::host::NodeSet;
use partita::prelude::*;
use partita::scenario::input::boolean;
use partita::scenario::{Document, Run, RunOptions, Scenario};
use serde_json::{Value as Json, json};

/// A kind that answers one request after the other, each when every other replica has said that it is there.
struct RollCall {
    /// Whether it asks those again who do not answer.
    resends: bool,
    /// Whether it admits that it needs everyone.
    admits: bool,
}

#[derive(Clone, Debug, Hash)]
enum Call {
    Ping(u64),
    Pong(u64),
}

impl Message for Call {
    fn kind(&self) -> &'static str {
        match self {
            Self::Ping(_) => "ping",
            Self::Pong(_) => "pong",
        }
    }
}

#[derive(Clone)]
struct Caller {
    resends: bool,
    round: u64,
    waiting: VecDeque<RequestId>,
    missing: BTreeSet<NodeId>,
}

impl Caller {
    fn ask(&self, cx: &mut Context<'_, Self>) {
        self.missing.iter().for_each(|&to| cx.send(to, Call::Ping(self.round)));
        if self.resends {
            cx.set_timer((), Span::from_millis(50));
        }
    }

    fn begin(&mut self, cx: &mut Context<'_, Self>) {
        self.round += 1;
        self.missing = cx.others().collect();
        self.ask(cx);
    }
}

impl Node for Caller {
    type Message = Call;
    type Timer = ();

    fn request(&mut self, id: RequestId, _: &Request, cx: &mut Context<'_, Self>) {
        if cx.maybe("forget") {
            return;
        }
        self.waiting.push_back(id);
        if self.waiting.len() == 1 {
            self.begin(cx);
        }
    }

    fn receive(&mut self, from: NodeId, message: &Call, cx: &mut Context<'_, Self>) {
        match *message {
            Call::Ping(round) => cx.send(from, Call::Pong(round)),
            Call::Pong(round) if round == self.round && self.missing.remove(&from) && self.missing.is_empty() => {
                if let Some(id) = self.waiting.pop_front() {
                    cx.reply(id, Reply::Ok(Value::Nil));
                }
                if !self.waiting.is_empty() {
                    self.begin(cx);
                }
            }
            Call::Pong(_) => {}
        }
    }

    fn timer(&mut self, (): (), cx: &mut Context<'_, Self>) {
        if !self.missing.is_empty() {
            self.ask(cx);
        }
    }

    fn observe(&self, view: &mut View) {
        view.waits_for.extend(self.missing.iter().map(|node| format!("a pong of node {}", node.0)));
    }
}

impl Protocol for RollCall {
    type Node = Caller;

    fn node(&self, _: Birth) -> Caller {
        Caller { resends: self.resends, round: 0, waiting: VecDeque::new(), missing: BTreeSet::new() }
    }

    fn can_serve(&self, _: &Request, contact: NodeId, reachable: &NodeSet, replicas: &[NodeId]) -> bool {
        if self.admits { replicas.iter().all(|&node| reachable.contains(node)) } else { reachable.contains(contact) }
    }
}

fn read(value: &Json) -> Result<Scenario, String> {
    let registry = Registry::standard().with("roll_call", "Answers when all are there.", 3..=5, |fields| {
        let resends = fields.optional("resends", "Whether it asks again.", boolean(), true);
        let admits = fields.optional("admits", "Whether it says that it needs all.", boolean(), true);
        Some(RollCall { resends: resends?, admits: admits? })
    });
    let document = Document::from_value("test", value).expect("not too deep");
    Scenario::read(&document, &registry).map_err(|problems| problems.to_string())
}

fn run(value: &Json, seed: u64) -> Run {
    let scenario = read(value).unwrap_or_else(|problems| panic!("{problems}"));
    scenario.run(RunOptions { seed, keep_trace: false }).expect("a run")
}

fn scenario(store: Json, faults: Json) -> Json {
    json!({
        "version": 1, "title": "Recovery", "duration": "3s",
        "services": { "store": store },
        "clients": { "a": {
            "calls": "store", "prefer": "store-0", "arrivals": { "constant": "50/s" }, "operations": { "read": 1, "write": 1 },
            "keys": { "uniform": { "count": 8 } }, "timeout": "200ms"
        } },
        "faults": faults,
        "hypothesis": { "always": [{ "liveness": { "within": "4s" } }] }
    })
}

fn split() -> Json {
    json!([{ "id": "split", "partition": { "groups": [["store-0"], ["store-1"], ["store-2"]], "at": "1s" } }])
}

fn liveness(run: &Run) -> &Check {
    run.checks.iter().find(|check| check.name == "liveness").expect("it was asked for")
}

#[test]
fn a_node_that_waits_for_ever_is_the_story() {
    let stuck = run(&scenario(json!({ "roll_call": { "resends": false } }), split()), 1);
    assert_eq!(stuck.verdict, Verdict::Refuted(Class::Liveness));
    let check = liveness(&stuck);
    assert_eq!(check.observed, "8 of 8 operations got nowhere", "{}", check.explanation);
    assert!(
        check.explanation.contains("store-0 waits for a pong of node 1 and a pong of node 2"),
        "{}",
        check.explanation
    );
    let mended = run(&scenario(json!({ "roll_call": { "resends": true } }), split()), 1);
    assert_eq!(mended.verdict, Verdict::Holds, "{:?}", mended.checks);
}

#[test]
fn what_no_client_asked_for_is_put_to_no_test() {
    let mut scenario = scenario(json!({ "roll_call": {} }), json!([]));
    scenario["clients"]["a"] = json!({ "calls": "store", "operations": { "script": [] } });
    let run = run(&scenario, 1);
    assert_eq!((run.verdict, liveness(&run).observed.as_str()), (Verdict::Inconclusive, "nobody was asked"));
}

/// What holds a client, or lets its clock crawl, keeps it from ending its operations; so nobody waits for it before
/// everything heals. It gets on then, and what was open ends.
#[test]
fn what_holds_a_client_heals() {
    let holds = [
        json!([{ "id": "held", "pause": { "where": ["a"], "at": "1s" } }]),
        json!([
            { "clock_drift": { "where": ["a"], "rate": "-99.9999%", "at": "1s" } },
            { "partition": { "groups": [["a"], { "all": { "of": "store" } }], "at": "1s" } }
        ]),
        json!([{ "crash": { "where": ["a"], "at": "1s" } }]),
    ];
    for store in [json!({ "raft": { "replicas": 3 } }), json!({ "majority_register": { "replicas": 3 } })] {
        for faults in &holds {
            let mut scenario = scenario(store.clone(), faults.clone());
            scenario["limits"] = json!({ "events": 500_000 });
            scenario["final_reads"] = json!(true);
            scenario["hypothesis"]["always"] =
                json!([{ "liveness": { "within": "4s" } }, "linearizable", "convergence"]);
            let healed = run(&scenario, 1);
            assert_eq!(healed.verdict, Verdict::Holds, "{faults}: {:?}", healed.checks);
            assert_eq!(healed.ended_early, None);
            assert_eq!(run(&healed.resolved, 1).digest().value(), healed.digest().value(), "{faults}");
            // What nothing heals comes to its end all the same.
            scenario["heal"] = json!("nothing");
            scenario["hypothesis"] = json!({ "always": [{ "availability": { "at_least": "1%" } }] });
            let unhealed = run(&scenario, 1);
            assert_eq!((unhealed.verdict, unhealed.ended_early), (Verdict::Holds, None), "{faults}");
        }
    }
}

/// Who is down decides what could be served, not how they came to be down; but who ends itself is not excused.
#[test]
fn processes_that_die_by_a_fault_are_down_by_that_fault() {
    let unserved = |fault: Json| {
        let mut scenario = scenario(json!({ "majority_register": { "replicas": 3 } }), json!([fault]));
        scenario["hypothesis"] = json!({ "always": [{ "availability": { "at_least": "1%" } }] });
        run(&scenario, 1).unavailable_by_design.iter().filter(|&&by_design| by_design).count()
    };
    let all = json!({ "all": { "of": "store" } });
    let crash = unserved(json!({ "crash": { "where": all, "at": "1s", "for": "1s" } }));
    let panic = unserved(json!({ "panic": { "where": all, "after": "1s", "at": "1s", "for": "1900ms" } }));
    assert!(crash > 40 && crash.abs_diff(panic) < 10, "{crash} and {panic}");

    let mut scenario = scenario(
        json!({ "raft": { "replicas": 3 } }),
        json!([{ "id": "x", "disk_errors": { "where": all, "at": "1s" } }]),
    );
    scenario["services"]["store"]["host"] = json!({ "restart_after": "1h" });
    let given_up = run(&scenario, 1);
    assert_eq!(given_up.verdict, Verdict::Refuted(Class::Liveness), "{:?}", given_up.checks);
    assert!(liveness(&given_up).explanation.contains("waits for its process, which is down"));
}

#[test]
fn liveness_is_about_what_follows_healing() {
    let mut unhealed = scenario(json!({ "majority_register": { "replicas": 3 } }), json!([]));
    unhealed["heal"] = json!("nothing");
    let problems = read(&unhealed).err().expect("there is nothing to recover from");
    assert!(problems.contains("\"liveness\" is about what follows after everything has healed"), "{problems}");
}

#[test]
fn a_core_gets_on_without_the_rest() {
    let of_core = |store: Json, seed: u64| {
        let mut scenario =
            scenario(store, json!([{ "id": "off", "pause": { "where": { "all": { "of": "store" } }, "at": "1s" } }]));
        scenario["heal"] = json!("core");
        scenario["clients"]["a"]["attempt_timeout"] = json!("100ms");
        run(&scenario, seed)
    };
    let mut cores = BTreeSet::new();
    for seed in 0..6 {
        let quorum = of_core(json!({ "majority_register": { "replicas": 5 } }), seed);
        assert_eq!(quorum.verdict, Verdict::Holds, "seed {seed}: {:?}", quorum.checks);
        assert!(quorum.notes[0].starts_with("Outside the core"), "{:?}", quorum.notes);
        cores.insert(quorum.notes[0].clone());
        let everyone = of_core(json!({ "roll_call": { "admits": false } }), seed);
        assert_eq!(everyone.verdict, Verdict::Refuted(Class::Liveness), "seed {seed}");
        assert!(liveness(&everyone).explanation.contains("waits for its process, which is down"));
        // What says that it cannot serve without everyone is not held to it.
        let excused = of_core(json!({ "roll_call": {} }), seed);
        assert_eq!(excused.verdict, Verdict::Inconclusive, "seed {seed}: {:?}", excused.checks);
    }
    assert!(cores.len() > 2, "the core is drawn: {cores:?}");
}

#[test]
fn recovery_replays() {
    for heal in ["everything", "core"] {
        let mut scenario = scenario(json!({ "majority_register": { "replicas": 5 } }), split());
        scenario["heal"] = json!(heal);
        let first = run(&scenario, 3);
        let second = run(&first.resolved, 3);
        assert_eq!(second.digest().value(), first.digest().value(), "{heal}");
        assert_eq!(second.checks, first.checks, "{heal}");
    }
}

#[test]
fn a_point_that_is_switched_on_has_to_be_taken() {
    let with = |maybe: Json| {
        let mut scenario = scenario(json!({ "roll_call": {} }), json!([]));
        scenario["maybe"] = maybe;
        scenario["hypothesis"] = json!({ "always": [{ "availability": { "at_least": "50%" } }] });
        run(&scenario, 1)
    };
    let verdict = |run: &Run| {
        let deciding = run.checks.iter().find(|check| check.verdict != Verdict::Holds);
        (run.verdict.name(), deciding.map(|check| check.name.clone()))
    };
    let (off, some) = (with(json!({})), with(json!({ "forget": "30%" })));
    assert_eq!(verdict(&off), ("holds", None));
    assert_eq!(verdict(&some), ("holds", None));
    assert!(some.metrics.availability() < off.metrics.availability());
    assert_eq!(verdict(&with(json!({ "forget": 0 }))), ("inconclusive", Some("maybe:forget".to_owned())));
    assert_eq!(verdict(&with(json!({ "forgets": 1 }))), ("inconclusive", Some("maybe:forgets".to_owned())));
    // One point more shifts no other.
    let more = with(json!({ "forget": "30%", "forgets": 1 }));
    assert_eq!(more.digest().value(), some.digest().value());
    assert_eq!(run(&some.resolved, 1).digest().value(), some.digest().value());
}
