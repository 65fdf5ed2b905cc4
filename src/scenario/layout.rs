//! Who is where: the names of a scenario's nodes and their numbers, known before anything is built.

use std::collections::BTreeMap;
use std::ops::Range;

use std::sync::Arc;

use crate::fault::{Ground, Selector};
use crate::host::{NodeId, ZoneId};
use crate::kernel::Span;

use super::input::Spanned;
use super::problem::{Problem, Problems};
use super::registry::Deployable;

/// The nodes of a scenario: services in the order of the file, then clients.
#[derive(Clone, Default)]
pub(super) struct Layout {
    /// `None` if they could not be read: then any name may be one of theirs.
    zones: Option<Vec<String>>,
    services: BTreeMap<String, Range<u32>>,
    /// What each service is, and the other settings that faults bring it.
    settings: BTreeMap<String, Vec<Arc<dyn Deployable>>>,
    nodes: BTreeMap<String, NodeId>,
    zone_of: Vec<ZoneId>,
    /// Services of which the number of replicas could not be read.
    broken: Vec<String>,
    /// Whether there may be services and clients that could not be read.
    is_incomplete: bool,
    pub(super) duration: Span,
}

impl Layout {
    /// A layout of these zones; without any there is one, which has no name.
    pub(super) fn new(zones: Option<Vec<String>>, duration: Span) -> Self {
        Self { zones, duration, ..Self::default() }
    }

    /// Notes that there may be services and clients that could not be read.
    pub(super) const fn mark_incomplete(&mut self) {
        self.is_incomplete = true;
    }

    /// The names of the zones; the one without a name counts where there is no other.
    pub(super) fn zone_names(&self) -> Vec<String> {
        self.zones.clone().filter(|zones| !zones.is_empty()).unwrap_or_else(|| vec![String::new()])
    }

    /// Adds a service of which the number of replicas could not be read.
    pub(super) fn add_broken_service(&mut self, name: &str) {
        self.services.insert(name.to_owned(), 0..0);
        self.broken.push(name.to_owned());
    }

    /// Whether a node of this name may be among those that could not be read.
    fn may_be_broken(&self, node: &str) -> bool {
        let is_replica_of =
            |service: &String| node.strip_prefix(service.as_str()).is_some_and(|n| n.starts_with('-'));
        self.is_incomplete || self.broken.iter().any(is_replica_of)
    }

    /// Adds a service with its replicas' zones; answers `false` if one of the names is taken.
    pub(super) fn add_service(&mut self, name: &str, placement: &[ZoneId]) -> bool {
        let first = self.count();
        let mut is_new = !self.services.contains_key(name);
        for (replica, &zone) in placement.iter().enumerate() {
            is_new &= self.add_node(format!("{name}-{replica}"), zone);
        }
        self.services.insert(name.to_owned(), first..self.count());
        is_new
    }

    /// Says what a service is.
    pub(super) fn set_kind(&mut self, service: &str, what: &Arc<dyn Deployable>) {
        self.settings.insert(service.to_owned(), vec![Arc::clone(what)]);
    }

    /// Adds other settings of a service, and answers the number by which its replicas know them; or why they do not fit.
    pub(super) fn add_settings(&mut self, service: &str, other: &Arc<dyn Deployable>) -> Result<u32, String> {
        let Some(settings) = self.settings.get_mut(service) else { return Ok(0) };
        if !other.is_like(&*settings[0]) {
            return Err("is another kind of service".to_owned());
        }
        if other.replicas() != settings[0].replicas() {
            return Err(format!("has {} replicas, and these settings must say so too", settings[0].replicas()));
        }
        settings.push(Arc::clone(other));
        Ok(u32::try_from(settings.len() - 1).unwrap_or(u32::MAX))
    }

    /// The other settings of a service, in the order of their numbers, from 1.
    pub(super) fn other_settings(&self, service: &str) -> &[Arc<dyn Deployable>] {
        self.settings.get(service).map_or(&[], |settings| &settings[1..])
    }

    /// The service of a replica.
    pub(super) fn service_of(&self, node: NodeId) -> Option<String> {
        let owner = self.services.iter().find(|(_, range)| range.contains(&node.0));
        owner.map(|(name, _)| name.clone())
    }

    /// Whether all of it could be read, so that what does not fit it is wrong.
    pub(super) const fn is_whole(&self) -> bool {
        self.zones.is_some() && self.broken.is_empty() && !self.is_incomplete
    }

    /// Whether a client has this name.
    pub(super) fn is_client(&self, name: &str) -> bool {
        self.nodes.get(name).is_some_and(|&node| self.service_of(node).is_none())
    }

    /// Every node that a selector might mean.
    pub(super) fn meant_by(&self, selector: &Selector) -> Vec<NodeId> {
        match selector {
            Selector::Nodes(nodes) => nodes.clone(),
            Selector::Replicas { of, .. } => self.services.get(of).cloned().unwrap_or_default().map(NodeId).collect(),
        }
    }

    /// Adds a client; answers `false` if the name is taken.
    pub(super) fn add_node(&mut self, name: String, zone: ZoneId) -> bool {
        let node = NodeId(self.count());
        self.zone_of.push(zone);
        self.nodes.insert(name, node).is_none()
    }

    fn count(&self) -> u32 {
        u32::try_from(self.zone_of.len()).unwrap_or(u32::MAX)
    }

    /// The node of this name, or a problem.
    pub(super) fn node(&self, name: &Spanned<String>, problems: &mut Problems) -> Option<NodeId> {
        let found = self.nodes.get(&name.value).copied();
        if found.is_none() && !self.may_be_broken(&name.value) {
            let known = self.nodes.keys().map(String::as_str);
            problems.add(Problem::unknown_name(&name.place, "node", &name.value, known));
        }
        found
    }

    /// The replicas of the service of this name, or a problem.
    pub(super) fn service(&self, name: &Spanned<String>, problems: &mut Problems) -> Option<Vec<NodeId>> {
        let found = self.services.get(&name.value).cloned();
        if found.is_none() && !self.is_incomplete {
            let known = self.services.keys().map(String::as_str);
            problems.add(Problem::unknown_name(&name.place, "service", &name.value, known));
        }
        found.map(|range| range.map(NodeId).collect())
    }

    /// The zone of this name, or a problem.
    pub(super) fn zone(&self, name: &Spanned<String>, problems: &mut Problems) -> Option<ZoneId> {
        let zones = self.zones.as_ref()?;
        let found = zones.iter().position(|zone| *zone == name.value);
        if found.is_none() {
            let known = zones.iter().map(String::as_str);
            problems.add(Problem::unknown_name(&name.place, "zone", &name.value, known));
        }
        found.map(|index| ZoneId(u32::try_from(index).unwrap_or(u32::MAX)))
    }

    /// Every node, clients included.
    pub(super) fn everyone(&self) -> Vec<NodeId> {
        (0..self.count()).map(NodeId).collect()
    }

    /// Every node of a zone, clients included.
    pub(super) fn nodes_in(&self, zone: &Spanned<String>, problems: &mut Problems) -> Vec<NodeId> {
        let Some(zone) = self.zone(zone, problems) else { return Vec::new() };
        (0..self.count()).map(NodeId).filter(|node| self.zone_of[node.0 as usize] == zone).collect()
    }
}

impl Ground for Layout {
    fn count(&self) -> usize {
        self.zone_of.len()
    }

    fn replicas_of(&self, service: &str) -> Option<Vec<NodeId>> {
        self.services.get(service).map(|range| range.clone().map(NodeId).collect())
    }

    fn service_of(&self, node: NodeId) -> Option<String> {
        Self::service_of(self, node)
    }

    fn name_of(&self, node: NodeId) -> String {
        self.nodes.iter().find(|&(_, &other)| other == node).map(|(name, _)| name.clone()).unwrap_or_default()
    }
}
