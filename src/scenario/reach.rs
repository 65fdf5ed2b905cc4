//! Who could reach whom, and when: what decides whether an unanswered operation was unavailable by design.
//!
//! Computed from the faults alone, never from what a store says.

use crate::host::{NodeId, NodeSet, Simulation};
use crate::kernel::Time;
use crate::load::History;

use super::file::Scenario;

/// The connections of a run over time.
#[derive(Clone)]
pub(super) struct Reach {
    /// Every client and every replica that a client calls.
    contacts: Vec<NodeId>,
    /// From each instant on, whom each of the contacts could talk to.
    epochs: Vec<(Time, Vec<NodeSet>)>,
}

impl Reach {
    pub(super) fn new(simulation: &Simulation, scenario: &Scenario) -> Self {
        let called = scenario.clients.iter().flat_map(|client| client.targets.iter().copied().chain([client.node]));
        let mut contacts: Vec<_> = called.collect();
        contacts.sort_unstable();
        contacts.dedup();
        let mut reach = Self { contacts, epochs: Vec::new() };
        reach.look(simulation);
        reach
    }

    /// Looks at the connections after something has changed them.
    pub(super) fn look(&mut self, simulation: &Simulation) {
        let now: Vec<_> = self.contacts.iter().map(|&node| simulation.reachable(node)).collect();
        match self.epochs.last_mut() {
            Some((_, last)) if *last == now => {}
            Some((at, last)) if *at == simulation.now() => *last = now,
            _ => self.epochs.push((simulation.now(), now)),
        }
    }

    fn reachable(&self, epoch: &[NodeSet], from: NodeId) -> NodeSet {
        self.contacts.binary_search(&from).map(|index| epoch[index].clone()).unwrap_or_default()
    }

    /// By operation: whether it was not answered, and at some instant while it was open no replica that its client
    /// could reach could have served it.
    pub(super) fn unavailable_by_design(&self, scenario: &Scenario, history: &History, end: Time) -> Vec<bool> {
        let servable = |operation: &crate::load::Operation, epoch: &[NodeSet]| {
            let Some(client) = scenario.clients.get(operation.client as usize) else { return true };
            let service = &scenario.services[client.service].what;
            let known = self.reachable(epoch, client.node);
            let serves = |&contact: &NodeId| {
                let reachable = self.reachable(epoch, contact);
                service.can_serve(&operation.request, contact, &reachable, &client.targets)
            };
            client.targets.iter().filter(|&&contact| known.contains(contact)).any(serves)
        };
        let until = |index: usize| self.epochs.get(index + 1).map_or(end, |&(at, _)| at);
        let judge = |operation: &crate::load::Operation| {
            let overlaps = |(index, (from, _)): &(usize, &(Time, Vec<NodeSet>))| {
                *from <= operation.completed && operation.invoked <= until(*index)
            };
            !operation.outcome.is_answered()
                && self.epochs.iter().enumerate().filter(overlaps).any(|(_, (_, epoch))| !servable(operation, epoch))
        };
        history.operations.iter().map(judge).collect()
    }
}
