//! What can be seen of a simulation from outside: who is there, what they show, what happened so far.

use std::borrow::Cow;

use crate::kernel::{Trace, stable_hash};

use super::super::event::{Event, Task};
use super::super::message_log::MessageLog;
use super::super::record::Census;
use super::super::{FaultId, NodeId, Request, RoleTaken, SentMessage, Tally, View, Violation};
use super::Simulation;

impl Simulation {
    /// The name of a node.
    #[must_use]
    pub fn name(&self, node: NodeId) -> &str {
        self.core.parts.get(node.0 as usize).map_or("?", |part| &part.name)
    }

    /// The node of this name.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<NodeId> {
        let index = self.core.parts.iter().position(|part| part.name == name)?;
        Some(NodeId(u32::try_from(index).unwrap_or(u32::MAX)))
    }

    /// Every node, clients included, in ascending order.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..u32::try_from(self.core.nodes.len()).unwrap_or(u32::MAX)).map(NodeId)
    }

    /// The replicas of a service in ascending order; none if there is no such service.
    pub fn replicas(&self, service: &str) -> impl Iterator<Item = NodeId> + use<> {
        let (first, count) = self.core.services.get(service).copied().unwrap_or_default();
        (first..first + count).map(NodeId)
    }

    /// The services by name.
    pub fn service_names(&self) -> impl Iterator<Item = &str> {
        self.core.services.keys().map(String::as_str)
    }

    /// What a node shows of itself; nothing while it is down, and nothing for a client.
    #[must_use]
    pub fn observe(&self, node: NodeId) -> View {
        let mut view = View::default();
        if let Some(service) = self.services.get(self.core.nodes[node.0 as usize].service as usize) {
            service.observe(node, &mut view);
        }
        view
    }

    /// Whether a node's process runs.
    #[must_use]
    pub fn is_up(&self, node: NodeId) -> bool {
        self.core.nodes[node.0 as usize].is_up
    }

    /// Whether a node serves requests.
    #[must_use]
    pub fn is_ready(&self, node: NodeId) -> bool {
        let state = &self.core.nodes[node.0 as usize];
        state.is_up && state.is_ready
    }

    /// The role and epoch that a live node has last taken on.
    #[must_use]
    pub fn role(&self, node: NodeId) -> Option<(&'static str, u64)> {
        self.core.parts[node.0 as usize].role.filter(|_| self.is_up(node))
    }

    /// The replica of a service that leads: up, in the role `"leader"`, with the highest epoch.
    #[must_use]
    pub fn leader(&self, service: &str) -> Option<NodeId> {
        let epoch = |node: &NodeId| self.role(*node).and_then(|(role, epoch)| (role == "leader").then_some(epoch));
        self.replicas(service).filter(|node| epoch(node).is_some()).max_by_key(epoch)
    }

    /// How often a fault has touched something: messages dropped, processes killed, tasks delayed, clocks read.
    #[must_use]
    pub fn touched(&self, fault: FaultId) -> u64 {
        self.tally(fault).total()
    }

    /// The same by kinds of things.
    #[must_use]
    pub fn tally(&self, fault: FaultId) -> Tally {
        self.core.touched.get(&fault).copied().unwrap_or_default()
    }

    /// How many messages died of a fault.
    #[must_use]
    pub fn killed(&self, fault: FaultId) -> u64 {
        self.core.killed.get(&fault).copied().unwrap_or(0)
    }

    /// Says what a fault is called where the trace tells of it.
    pub fn name_fault(&mut self, fault: FaultId, name: &str) {
        self.core.fault_names.insert(fault, name.to_owned());
    }

    /// What was seen to break the invariants of watched services ([`crate::host::Watch`]), in the order of time.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.core.violations
    }

    /// Every role that a node took on, in the order of time.
    #[must_use]
    pub fn roles(&self) -> &[RoleTaken] {
        &self.core.roles
    }

    /// What a watched service let take effect so far, in that order, as its watch says ([`crate::host::Watch::applied`]); nothing
    /// of another one.
    #[must_use]
    pub fn applied(&self, service: &str) -> Cow<'_, [Request]> {
        let replica = self.replicas(service).next().map(|node| self.core.nodes[node.0 as usize].service as usize);
        replica.and_then(|group| self.services.get(group)).map_or(Cow::Borrowed(&[]), |group| group.applied())
    }

    /// How often each rare path was reached.
    pub fn reached(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.core.reached.iter().map(|(&name, &count)| (name, count))
    }

    /// The trace so far.
    #[must_use]
    pub const fn trace(&self) -> &Trace {
        &self.core.trace
    }

    /// The trace, taken out of a simulation that is over; and if it was kept, every message that was sent.
    #[must_use]
    pub fn into_trace(mut self) -> (Trace, Vec<SentMessage>) {
        let messages = self.core.network.faults.log().map(MessageLog::take).unwrap_or_default();
        (self.core.trace, messages)
    }

    /// Events so far.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// Where every message is by now: those neither delivered nor dropped are in flight.
    #[must_use]
    pub fn census(&self) -> Census {
        let mut census = self.core.census.clone();
        let waits = |task: &&Task| matches!(task, Task::Packet(_));
        let waiting: usize = self.core.parts.iter().map(|part| part.run.waiting().filter(waits).count()).sum();
        let flying = self.core.agenda.iter().filter(|(_, event)| matches!(event, Event::Arrive(_))).count();
        census.in_flight = (waiting + flying + self.core.network.faults.held()) as u64;
        census
    }

    /// A hash of everything that the nodes show of themselves, and of their disks: two runs that agree in it
    /// have ended in one state.
    #[must_use]
    pub fn final_state(&self) -> u64 {
        let views: Vec<_> = self
            .nodes()
            .map(|node| {
                let view = self.observe(node);
                (view.entries, view.applied, view.waits_for, self.is_up(node), self.is_ready(node))
            })
            .collect();
        let disks: Vec<_> = self.core.parts.iter().map(|part| part.drive.disk.content_hash()).collect();
        stable_hash(&(views, disks))
    }
}
