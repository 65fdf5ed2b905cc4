//! What a run covered, and what the runs of a scenario could cover: rare paths, roles, and the states in which faults found whom they hit.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::fault::{CLIENT, Effect, FaultReport, RECOVERING, SERVING};
use crate::host::{NodeId, Simulation};

use super::chaos::Chaos;
use super::file::Scenario;
use super::run::{Home, RunOptions};

/// What can be covered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Aspect {
    /// A rare path in the code of nodes ([`Context::reached`](crate::host::Context::reached)).
    Path,
    /// A role that a replica of a service took on ([`Context::role`](crate::host::Context::role)): `store leader`.
    Role,
    /// A family of faults, and the state of somebody whom one of them hit, then: `crash of store leader`.
    Hit,
}

impl Aspect {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Path, Self::Role, Self::Hit];

    /// Its key in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Path => "paths",
            Self::Role => "roles",
            Self::Hit => "hits",
        }
    }
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Path => "rare paths",
            Self::Role => "roles",
            Self::Hit => "states that faults hit",
        })
    }
}

/// What is covered, by aspect and name.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Covered {
    /// See [`Aspect::Path`].
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub paths: BTreeSet<String>,
    /// See [`Aspect::Role`].
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub roles: BTreeSet<String>,
    /// See [`Aspect::Hit`].
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub hits: BTreeSet<String>,
}

impl Covered {
    /// The names of an aspect.
    #[must_use]
    pub const fn of(&self, aspect: Aspect) -> &BTreeSet<String> {
        match aspect {
            Aspect::Path => &self.paths,
            Aspect::Role => &self.roles,
            Aspect::Hit => &self.hits,
        }
    }

    /// Everything that is covered.
    pub fn iter(&self) -> impl Iterator<Item = (Aspect, &str)> {
        Aspect::ALL.into_iter().flat_map(|aspect| self.of(aspect).iter().map(move |name| (aspect, name.as_str())))
    }

    /// Adds what another covers.
    pub fn extend(&mut self, other: &Self) {
        self.paths.extend(other.paths.iter().cloned());
        self.roles.extend(other.roles.iter().cloned());
        self.hits.extend(other.hits.iter().cloned());
    }

    /// What a run covered. A fault that touched nothing hit nobody.
    pub(super) fn by(simulation: &Simulation, homes: &[Home], faults: &[FaultReport]) -> Self {
        let roles: BTreeSet<_> =
            simulation.roles().iter().map(|taken| (service(homes, taken.node), taken.role)).collect();
        let hits: BTreeSet<_> = faults
            .iter()
            .filter(|fault| fault.touched > 0)
            .flat_map(|fault| fault.found.iter().map(|&(node, state)| (fault.kind, service(homes, node), state)))
            .collect();
        Self {
            paths: simulation.reached().map(|(name, _)| name.to_owned()).collect(),
            roles: roles.into_iter().map(|(service, role)| state(service, role)).collect(),
            hits: hits.into_iter().map(|(kind, service, found)| hit(kind, service, found)).collect(),
        }
    }
}

fn service(homes: &[Home], node: NodeId) -> Option<&str> {
    homes.get(node.0 as usize)?.service.as_deref()
}

fn state(service: Option<&str>, state: &str) -> String {
    service.map_or_else(|| state.to_owned(), |service| format!("{service} {state}"))
}

fn hit(kind: &str, service: Option<&str>, found: &str) -> String {
    format!("{kind} of {}", state(service, found))
}

impl Scenario {
    /// What its runs could cover, by what the kinds of its services declare and its faults may hit. A run may cover more: what the
    /// seed draws of other values of the file is not looked at, and a kind need not declare anything.
    #[must_use]
    pub fn coverable(&self) -> Covered {
        let mut coverable = Covered::default();
        for (name, service) in self.services() {
            coverable.paths.extend(service.rare_paths().iter().map(|&path| path.to_owned()));
            coverable.roles.extend(service.roles().iter().map(|&role| state(Some(name), role)));
        }
        // A swarm draws from the families of the preset of its level.
        let chaos = self.chaos.map(Chaos::whole).and_then(|chaos| chaos.unleashed(self, self.seed).ok());
        let options = RunOptions { seed: self.seed, keep_trace: false };
        let Ok(simulation) = self.simulation(options, chaos.as_ref()) else { return coverable };
        let homes = self.homes();
        let scripted = self.plan.faults.iter().map(|fault| &fault.what);
        let generators = self.nemeses.iter().chain(chaos.iter().flat_map(|chaos| &chaos.generators));
        for what in scripted.chain(generators.map(|generator| &generator.nemesis.what)) {
            coverable.hits.extend(self.hits(what, &simulation, &homes));
        }
        coverable
    }

    /// The states in which a fault might find whom it might hit.
    fn hits(&self, what: &Effect, simulation: &Simulation, homes: &[Home]) -> BTreeSet<String> {
        let whom: BTreeSet<_> = what.may_hit(simulation).iter().map(|node| service(homes, node)).collect();
        let mut hits = BTreeSet::new();
        for of in whom {
            let Some(kind) = of.and_then(|of| self.services().find(|(name, _)| *name == of)).map(|(_, kind)| kind)
            else {
                hits.insert(hit(what.kind(), of, CLIENT));
                continue;
            };
            let roles = if kind.roles().is_empty() { &[SERVING] } else { kind.roles() };
            let recovering = kind.recovers().then_some(RECOVERING);
            hits.extend(roles.iter().copied().chain(recovering).map(|found| hit(what.kind(), of, found)));
        }
        hits
    }
}
