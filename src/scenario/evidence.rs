//! What each service is judged by. Services share no objects, even where their keys have the same numbers; so each
//! has a history and a final state of its own.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::check::{
    AnyModel, Budget, Check, Declared, Evidence, Expectation, Figure, JudgedIsolation, Phase, Quantity, Replica,
    Windows, service_figures,
};
use crate::host::{Request, RoleTaken, Simulation, Violation};
use crate::load::History;

use super::file::Scenario;

/// What the clients of one service saw, and what its live replicas hold at the end.
pub(super) struct ServiceEvidence<'a> {
    name: &'a str,
    /// Whether nobody calls another service.
    is_alone: bool,
    history: Cow<'a, History>,
    /// Where each of its operations stands in the history of the run; `None` if that is its own.
    places: Option<Vec<usize>>,
    replicas: Vec<Replica>,
    violations: Option<Vec<(&'static str, String)>>,
    roles: Vec<Declared>,
    /// The roles that its kind may take on; nothing if it declares none.
    declares: &'static [&'static str],
    applied: Cow<'a, [Request]>,
    model: Option<&'a AnyModel>,
    /// What was found of its transactions, by the first expectation that asks.
    isolation: JudgedIsolation,
}

impl<'a> ServiceEvidence<'a> {
    /// The evidence on every service that somebody calls.
    pub(super) fn of_all(scenario: &'a Scenario, history: &'a History, simulation: &'a Simulation) -> Vec<Self> {
        let called = scenario.called();
        let evidence = |&service: &usize| {
            let name = scenario.services[service].name.as_str();
            let what = &scenario.services[service].what;
            let has_invariants = what.has_invariants();
            let violations = has_invariants.then(|| violations(simulation, name));
            let places = places(scenario, history, service);
            let is_whole = places.len() == history.operations.len();
            let (history, places) = match is_whole {
                true => (Cow::Borrowed(history), None),
                false => (Cow::Owned(selected(history, &places)), Some(places)),
            };
            let is_alone = called.len() == 1;
            let replicas = live_replicas(scenario, service, simulation);
            let (roles, declares, applied) = (roles(simulation, name), what.roles(), simulation.applied(name));
            let model = what.model();
            let isolation = JudgedIsolation::new();
            Self { name, is_alone, history, places, replicas, violations, roles, declares, applied, model, isolation }
        };
        called.iter().map(evidence).collect()
    }

    /// What is measured of this service's data; `converged` says how long the replicas took to agree.
    pub(super) fn figures(&self, converged: impl FnOnce(&[Replica]) -> Quantity) -> Vec<Figure> {
        service_figures(self.name, &self.history, &self.replicas, converged(&self.replicas))
    }

    /// Whether its kind says that its replicas may take on this role.
    pub(super) fn declares(&self, role: &str) -> bool {
        self.declares.contains(&role)
    }

    /// Judges an expectation of this service alone. Where others are called too, the check says of whom it speaks.
    pub(super) fn judge(&self, phase: Phase, expectation: &Expectation, windows: &Windows) -> Check {
        let violations = self.violations.as_deref();
        let evidence = Evidence {
            history: &self.history,
            windows,
            replicas: &self.replicas,
            violations,
            roles: &self.roles,
            applied: &self.applied,
            model: self.model,
            recovery: None,
            isolation: Some(&self.isolation),
            budget: Budget::default(),
        };
        let mut check = expectation.judge(phase, &evidence);
        check.service = Some(self.name.to_owned());
        if !self.is_alone {
            check.name = format!("{}:{}", check.name, self.name);
        }
        if let Some(places) = &self.places {
            check.moved_to(places);
        }
        check
    }
}

/// Where the operations stand in the history that are about the objects of one service.
fn places(scenario: &Scenario, history: &History, service: usize) -> Vec<usize> {
    let what = &scenario.services[service].what;
    let is_meant = |&index: &usize| {
        let operation = &history.operations[index];
        scenario.service_of(operation.client) == Some(service) && what.is_about_objects(&operation.request)
    };
    (0..history.operations.len()).filter(is_meant).collect()
}

fn selected(history: &History, places: &[usize]) -> History {
    let operations = places.iter().map(|&index| history.operations[index].clone()).collect();
    History { clients: history.clients.clone(), operations }
}

/// The roles that the replicas of a service took on.
fn roles(simulation: &Simulation, service: &str) -> Vec<Declared> {
    let replicas: Vec<_> = simulation.replicas(service).collect();
    let of_service = simulation.roles().iter().filter(|taken| replicas.contains(&taken.node));
    let declared = of_service.map(|&RoleTaken { at, node, role, epoch, until }| {
        let node = simulation.name(node).to_owned();
        Declared { at, until, node, role, epoch }
    });
    declared.collect()
}

/// What was seen of the service's replicas that its invariants forbid: the invariant, and when, where and what.
fn violations(simulation: &Simulation, service: &str) -> Vec<(&'static str, String)> {
    let replicas: Vec<_> = simulation.replicas(service).collect();
    let of_service = simulation.violations().iter().filter(|violation| replicas.contains(&violation.node));
    of_service
        .map(|Violation { at, node, breach, .. }| {
            (breach.invariant, format!("At {at}, on {}: {}", simulation.name(*node), breach.explanation))
        })
        .collect()
}

/// What the live replicas of a service hold, as they say themselves.
pub(super) fn live_replicas(scenario: &Scenario, service: usize, simulation: &Simulation) -> Vec<Replica> {
    let service = &scenario.services[service];
    let nodes: Vec<_> = simulation.replicas(&service.name).collect();
    let live = nodes.iter().copied().filter(|&node| simulation.is_up(node));
    let views: Vec<_> = live.map(|node| (node, simulation.observe(node).entries)).collect();
    let keys: BTreeSet<_> = views.iter().flat_map(|(_, entries)| entries.iter().map(|(key, ..)| *key)).collect();
    let replica = |(node, entries)| {
        let elsewhere = keys.iter().copied().filter(|key| !service.what.holds(*key, node, &nodes)).collect();
        Replica { node: simulation.name(node).to_owned(), entries, elsewhere }
    };
    views.into_iter().map(replica).collect()
}
