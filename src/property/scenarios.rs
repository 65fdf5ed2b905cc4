//! Random scenarios, as a proptest strategy. Nothing of them is shrunk by proptest: a failing run is shrunk as every run is.

use std::ops::RangeInclusive;

use proptest::prelude::*;
use proptest::strategy::{NewTree, NoShrink, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};

use crate::kernel::{Draw, SplitMix64};
use crate::scenario::{Document, Registry, Scenario};

/// A strategy for scenarios: random load and random faults on the services that are given. Without clients and faults
/// being narrowed down, one or two clients read and write a few keys, and up to three faults hit replicas and links.
#[must_use]
pub fn any_scenario() -> AnyScenario {
    AnyScenario {
        services: Map::new(),
        hypothesis: json!(["linearizable", "lost_writes"]),
        duration_ms: 3_000,
        clients: 1..=2,
        operations: json!({ "read": 1, "write": 1 }),
        keys: 1..=4,
        faults: 0..=3,
        families: AnyScenario::FAMILIES.to_vec(),
    }
}

/// What [`any_scenario`] draws from.
#[derive(Clone, Debug)]
pub struct AnyScenario {
    services: Map<String, Value>,
    hypothesis: Value,
    duration_ms: u64,
    clients: RangeInclusive<usize>,
    operations: Value,
    keys: RangeInclusive<u64>,
    faults: RangeInclusive<usize>,
    families: Vec<&'static str>,
}

impl AnyScenario {
    /// The families of faults that can be drawn.
    pub const FAMILIES: [&'static str; 9] =
        ["crash", "restart", "pause", "partition", "loss", "duplication", "reordering", "latency", "clock_step"];

    /// Adds a service, as scenario files have it: `json!({ "raft": { "replicas": 3 } })`. Clients call the first one.
    #[must_use]
    pub fn service(mut self, name: &str, what: Value) -> Self {
        self.services.insert(name.to_owned(), what);
        self
    }

    /// What is always expected, as scenario files have it; linearizability and no lost write if nobody says otherwise.
    #[must_use]
    pub fn always(mut self, expectations: Value) -> Self {
        self.hypothesis = expectations;
        self
    }

    /// How long clients are active, in milliseconds: 3,000 if nobody says otherwise.
    ///
    /// # Panics
    /// With less than 10 milliseconds.
    #[must_use]
    pub fn milliseconds(mut self, duration: u64) -> Self {
        assert!(duration >= 10, "a scenario of {duration} milliseconds is too short for a fault");
        self.duration_ms = duration;
        self
    }

    /// How many clients there are.
    #[must_use]
    pub fn clients(mut self, count: RangeInclusive<usize>) -> Self {
        self.clients = count;
        self
    }

    /// What clients do, with weights, as scenario files have it: `json!({ "read": 9, "write": 1 })`.
    #[must_use]
    pub fn operations(mut self, weights: Value) -> Self {
        self.operations = weights;
        self
    }

    /// How many keys clients use.
    #[must_use]
    pub fn keys(mut self, count: RangeInclusive<u64>) -> Self {
        self.keys = count;
        self
    }

    /// How many faults there are, and of which of [`Self::FAMILIES`].
    ///
    /// # Panics
    /// With a family that is not one of them, or none.
    #[must_use]
    pub fn faults(mut self, count: RangeInclusive<usize>, families: impl IntoIterator<Item = &'static str>) -> Self {
        self.families = families.into_iter().collect();
        let unknown = self.families.iter().find(|family| !Self::FAMILIES.contains(family));
        assert!(unknown.is_none(), "{unknown:?} cannot be drawn; these can: {:?}", Self::FAMILIES);
        assert!(!self.families.is_empty() || *count.end() == 0, "faults of no family cannot be drawn");
        self.faults = count;
        self
    }

    fn strategy(&self) -> BoxedStrategy<Value> {
        let service = self.services.keys().next().cloned().unwrap_or_default();
        let latency = prop_oneof![
            Just(json!("1ms")),
            Just(json!({ "exponential": { "mean": "2ms" } })),
            Just(json!({ "lognormal": { "median": "2ms", "p99": "15ms" } })),
        ];
        let clients = prop::collection::vec(self.client(&service), self.clients.clone());
        let faults = match self.families.is_empty() {
            true => Just(Vec::new()).boxed(),
            false => prop::collection::vec(self.fault(&service), self.faults.clone()).boxed(),
        };
        let (services, hypothesis) = (self.services.clone(), self.hypothesis.clone());
        let duration = milliseconds(self.duration_ms);
        (latency, clients, faults)
            .prop_map(move |(latency, clients, faults)| {
                let named = (1..).zip(clients).map(|(number, client)| (format!("client{number}"), client));
                json!({
                    "version": 1,
                    "title": "A random scenario",
                    "duration": duration,
                    "network": { "latency": latency },
                    "services": services,
                    "clients": named.collect::<Map<_, _>>(),
                    "faults": faults,
                    "hypothesis": { "always": hypothesis },
                })
            })
            .boxed()
    }

    fn client(&self, service: &str) -> BoxedStrategy<Value> {
        let (service, operations) = (service.to_owned(), self.operations.clone());
        (10u64..200, self.keys.clone())
            .prop_map(move |(rate, keys)| {
                json!({
                    "calls": service,
                    "arrivals": { "poisson": format!("{rate}/s") },
                    "operations": operations,
                    "keys": { "uniform": { "count": keys } },
                    "timeout": "500ms",
                })
            })
            .boxed()
    }

    /// A fault on the first service. That it meets nothing is no reason to doubt a run: there are others.
    fn fault(&self, service: &str) -> BoxedStrategy<Value> {
        let one = json!({ "one": { "of": service } });
        let (families, all) = (self.families.clone(), self.duration_ms);
        (prop::sample::select(families), all / 10..all * 9 / 10, all / 50..all / 2, 1u64..50)
            .prop_map(move |(family, at, lasts, percent)| {
                let (at, lasts) = (milliseconds(at), milliseconds(lasts));
                let share = format!("{percent}%");
                let fault = match family {
                    "restart" => json!({ "where": one, "at": at, "after": lasts }),
                    "clock_step" => json!({ "where": one, "at": at, "by": lasts }),
                    "partition" => json!({ "groups": [one, "rest"], "at": at, "for": lasts }),
                    "loss" | "duplication" | "reordering" => json!({ "share": share, "at": at, "for": lasts }),
                    "latency" => json!({ "factor": percent, "share": "50%", "at": at, "for": lasts }),
                    _ => json!({ "where": one, "at": at, "for": lasts }),
                };
                json!({ family: fault, "may_miss": true })
            })
            .boxed()
    }
}

fn milliseconds(count: u64) -> String {
    format!("{count}ms")
}

impl Strategy for AnyScenario {
    type Tree = NoShrink<Box<dyn ValueTree<Value = Value>>>;
    type Value = Value;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        self.strategy().no_shrink().new_tree(runner)
    }
}

/// The scenario that a strategy draws with a seed.
pub(super) fn drawn(
    scenarios: &impl Strategy<Value = Value>,
    seed: u64,
    registry: &Registry,
) -> Result<Scenario, String> {
    let mut words = SplitMix64::new(seed);
    let bytes: Vec<u8> = (0..4).flat_map(|_| words.next_u64().to_le_bytes()).collect();
    let config = Config { failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let tree = scenarios.new_tree(&mut runner).map_err(|reason| format!("no scenario could be drawn: {reason}"))?;
    let mut value = tree.current();
    if let Some(scenario) = value.as_object_mut() {
        scenario.entry("seed").or_insert(json!(seed));
    }
    let document = Document::from_value("random scenario", &value).map_err(|problems| problems.to_string())?;
    Scenario::read(&document, registry).map_err(|problems| problems.to_string())
}
