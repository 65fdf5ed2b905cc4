//! Putting a simulation together.

use std::collections::BTreeMap;
use std::fmt;

use petgraph::data::{Element, FromElements};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::kernel::{Agenda, Span, Streams, Time, Trace, stable_hash_str};

use super::call::Calls;
use super::core::{CLIENT, Core, CoreDraws, Moment, NO_RECORD};
use super::drive::DiskTiming;
use super::network::{End, Link, Network};
use super::parts::{NodeParts, NodeState};
use super::point::Point;
use super::pool::Pool;
use super::priorities::{Priorities, PrioritySettings};
use super::record::{Census, Tag};
use super::service::{Birth, Group, Service};
use super::sign::Lookouts;
use super::simulation::{Limits, Simulation};
use super::{ClockSync, DEFAULT_CAPACITY, Drift, Node, NodeId, Watch};

/// A zone of the network (a rack, a data centre), as [`Builder::zone`] numbers them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ZoneId(pub u32);

/// What every host of a service is like.
#[derive(Clone, Debug, PartialEq)]
pub struct HostSettings {
    /// How many handlers may be at work at once; at least 1.
    pub cores: u32,
    /// What every event costs before its handler adds to it.
    pub cpu: Span,
    /// What every message and every part of a call costs that its handler sends to another node.
    pub send_cpu: Span,
    /// Work takes this many billionths of its time: 2 * 10^9 is half the speed.
    pub slowness_ppb: u64,
    /// How many messages may wait while a node is busy; more are dropped.
    pub queue: u32,
    /// How long disk operations take.
    pub disk: DiskTiming,
    /// How many bytes the disk holds.
    pub disk_capacity: u64,
    /// By how much the wall clock believes to be wrong at most.
    pub clock_error_bound: Span,
    /// By how much the oscillator of a host is wrong at most: each has a drift of its own, drawn once. Below 100%, and not
    /// negative.
    pub clock_drift: Drift,
    /// How it keeps its clocks right; `None`: not at all.
    pub clock_sync: Option<ClockSync>,
    /// After how long a process that has ended itself ([`super::Context::exit`]) is started again.
    pub restart_after: Span,
}

impl Default for HostSettings {
    /// One core, events cost nothing, a queue without limit, a disk of 1 GiB.
    fn default() -> Self {
        Self {
            cores: 1,
            cpu: Span::ZERO,
            send_cpu: Span::ZERO,
            slowness_ppb: 1_000_000_000,
            queue: u32::MAX,
            disk: DiskTiming::default(),
            disk_capacity: DEFAULT_CAPACITY,
            clock_error_bound: Span::ZERO,
            clock_drift: Drift::default(),
            clock_sync: None,
            restart_after: Span::from_secs(1),
        }
    }
}

/// Why a simulation cannot be built.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// Two nodes or services have this name.
    NameTaken(String),
    /// Two names have one random stream: rename one.
    StreamClash(String, String),
    /// There are more nodes than numbers.
    TooManyNodes,
    /// There are more than [`MOST_ZONES`].
    TooManyZones,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameTaken(name) => write!(f, "the name \"{name}\" is taken twice"),
            Self::StreamClash(one, other) => {
                write!(f, "\"{one}\" and \"{other}\" would share one random stream; rename one of them")
            }
            Self::TooManyNodes => f.write_str("a simulation has at most 2^24 nodes"),
            Self::TooManyZones => write!(f, "a simulation has at most {MOST_ZONES} zones"),
        }
    }
}

impl std::error::Error for BuildError {}

/// More nodes than this could not even all have one pending event.
const MOST_NODES: usize = 1 << 24;

/// How many zones a simulation has at most: every pair of them has its settings in a table.
pub const MOST_ZONES: usize = 1_024;

/// Collects hosts, services, clients and links; [`Self::finish`] makes a simulation of them.
pub struct Builder {
    seed: u64,
    /// Zones, and the links from one to another that have settings of their own.
    topology: DiGraph<(), Link>,
    link: Link,
    node_links: Vec<(NodeId, NodeId, Link)>,
    states: Vec<NodeState>,
    parts: Vec<NodeParts>,
    groups: Vec<Box<dyn Service>>,
    services: BTreeMap<String, (u32, u32)>,
    limits: Limits,
    keep_trace: bool,
    shuffle_ties: bool,
    priorities: Option<PrioritySettings>,
    maybes: BTreeMap<String, Point>,
}

impl Builder {
    /// Nothing yet but one zone, [`ZoneId`] 0.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            topology: DiGraph::from_elements([Element::Node { weight: () }]),
            link: Link::default(),
            node_links: Vec::new(),
            states: Vec::new(),
            parts: Vec::new(),
            groups: Vec::new(),
            services: BTreeMap::new(),
            limits: Limits::default(),
            keep_trace: false,
            shuffle_ties: false,
            priorities: None,
            maybes: BTreeMap::new(),
        }
    }

    /// Adds a zone.
    pub fn zone(&mut self) -> ZoneId {
        ZoneId(u32::try_from(self.topology.add_node(()).index()).unwrap_or(u32::MAX))
    }

    /// How every link behaves that has no settings of its own.
    pub fn links(&mut self, link: Link) -> &mut Self {
        self.link = link;
        self
    }

    /// How links from one zone to another behave, in that direction. The last word counts.
    pub fn zone_link(&mut self, from: ZoneId, to: ZoneId, link: Link) -> &mut Self {
        self.topology.update_edge(NodeIndex::new(from.0 as usize), NodeIndex::new(to.0 as usize), link);
        self
    }

    /// How one link behaves, in one direction.
    pub fn link(&mut self, from: NodeId, to: NodeId, link: Link) -> &mut Self {
        self.node_links.push((from, to, link));
        self
    }

    /// How much the run may do.
    pub const fn limits(&mut self, limits: Limits) -> &mut Self {
        self.limits = limits;
        self
    }

    /// Keeps every record of the trace, not only its digest.
    pub const fn keep_trace(&mut self) -> &mut Self {
        self.keep_trace = true;
        self
    }

    /// Lets events of one instant and class happen in a random order, not first-in first-out.
    pub const fn shuffle_ties(&mut self) -> &mut Self {
        self.shuffle_ties = true;
        self
    }

    /// Holds messages back by priorities that are drawn for the links.
    pub const fn prioritize(&mut self, settings: PrioritySettings) -> &mut Self {
        self.priorities = Some(settings);
        self
    }

    /// Switches a point of [`super::Context::maybe`] on, to be taken so many of 10^9 times.
    pub fn switch_on(&mut self, name: &str, ppb: u64) -> &mut Self {
        self.switch_on_between(name, ppb, Time::ZERO, Time::MAX)
    }

    /// Switches a point of [`super::Context::maybe`] on from `start` to `stop`, which is no part of it.
    pub fn switch_on_between(&mut self, name: &str, ppb: u64, start: Time, stop: Time) -> &mut Self {
        self.maybes.insert(name.to_owned(), Point { start, stop, ..Point::always(ppb) });
        self
    }

    /// Adds a service: `name-0`, `name-1` ... one replica for each zone in `placement`. The factory builds a
    /// replica at every start.
    pub fn service<N: Node>(
        &mut self,
        name: &str,
        placement: &[ZoneId],
        settings: &HostSettings,
        factory: impl Fn(Birth) -> N + Send + Sync + 'static,
    ) -> std::ops::Range<u32> {
        self.watched_service(name, placement, settings, factory, None)
    }

    /// As [`Self::service`], with invariants that are looked at after every event of the service.
    pub fn watched_service<N: Node>(
        &mut self,
        name: &str,
        placement: &[ZoneId],
        settings: &HostSettings,
        factory: impl Fn(Birth) -> N + Send + Sync + 'static,
        watch: Option<Box<dyn Watch<N>>>,
    ) -> std::ops::Range<u32> {
        let index = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        let first = u32::try_from(self.states.len()).unwrap_or(u32::MAX);
        let count = u32::try_from(placement.len()).unwrap_or(u32::MAX);
        for (replica, &zone) in placement.iter().enumerate() {
            self.host(format!("{name}-{replica}"), zone, index, settings);
        }
        self.groups.push(Box::new(Group::new(first, count, std::sync::Arc::new(factory), watch)));
        self.services.insert(name.to_owned(), (first, count));
        first..first.saturating_add(count)
    }

    /// Adds a client: it is part of the network and has no process.
    pub fn client(&mut self, name: &str, zone: ZoneId) -> NodeId {
        self.host(name.to_owned(), zone, CLIENT, &HostSettings::default())
    }

    fn host(&mut self, name: String, zone: ZoneId, service: u32, settings: &HostSettings) -> NodeId {
        let node = NodeId(u32::try_from(self.states.len()).unwrap_or(u32::MAX));
        let end = End::new(stable_hash_str(&name), zone.0);
        let mut part = NodeParts::new(name, settings);
        self.states.push(NodeState::new(service, part.works_for_nothing(), end));
        part.clock.set_error_bound(settings.clock_error_bound);
        self.parts.push(part);
        node
    }

    /// Makes the simulation.
    ///
    /// # Errors
    /// If names clash or there are too many nodes.
    pub fn finish(mut self) -> Result<Simulation, BuildError> {
        if self.states.len() > MOST_NODES {
            return Err(BuildError::TooManyNodes);
        }
        if self.topology.node_count() > MOST_ZONES {
            return Err(BuildError::TooManyZones);
        }
        let mut names = BTreeMap::new();
        for part in &self.parts {
            if let Some(other) = names.insert(part.name_hash, &part.name) {
                return Err(if *other == part.name {
                    BuildError::NameTaken(part.name.clone())
                } else {
                    BuildError::StreamClash(other.clone(), part.name.clone())
                });
            }
        }
        let zones = u32::try_from(self.topology.node_count()).unwrap_or(u32::MAX);
        let mut network = Network::new(self.seed, zones, self.link);
        for edge in self.topology.edge_references() {
            let zone = |index: NodeIndex| u32::try_from(index.index()).unwrap_or(u32::MAX);
            network.set_zone_link(zone(edge.source()), zone(edge.target()), edge.weight().clone());
        }
        for (from, to, link) in self.node_links {
            network.set_link(&mut self.states, from, to, link);
        }
        if self.keep_trace {
            network.faults.keep_log();
        }
        if let Some(settings) = self.priorities {
            network.faults.prioritize(Priorities::new(settings, self.seed));
        }
        let core = Core {
            agenda: Agenda::default(),
            trace: if self.keep_trace { Trace::keeping() } else { Trace::counting() },
            network,
            nodes: self.states,
            parts: self.parts,
            calls: Calls::default(),
            moment: Moment { node: NodeId(0), record: NO_RECORD, work: Span::ZERO, tag: Tag::Token },
            ended: None,
            census: Census::default(),
            touched: BTreeMap::new(),
            killed: BTreeMap::new(),
            fault_names: BTreeMap::new(),
            reached: BTreeMap::new(),
            violations: Vec::new(),
            roles: Vec::new(),
            outbox: Vec::new(),
            posts: Pool::default(),
            disk_operations: Pool::default(),
            services: self.services,
            streams: Streams::new(self.seed),
            shuffle_ties: self.shuffle_ties,
            maybes: self.maybes,
            draws: CoreDraws::new(self.seed),
            lookouts: Lookouts::default(),
            client_turns: Vec::new(),
        };
        let mut simulation = Simulation {
            core,
            services: self.groups,
            limits: self.limits,
            events: 0,
            at_this_instant: 0,
            told: None,
        };
        simulation.schedule_starts();
        Ok(simulation)
    }
}
