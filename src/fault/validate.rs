//! What is wrong with a plan, found before the run starts.

use std::collections::BTreeSet;
use std::fmt;

use crate::host::{LinkFault, MessageFault, NodeId, NodeSet, OldPlace, Simulation};
use crate::kernel::{StreamClash, Time};

use super::links::{LinkEffect, LinkSelector, Swizzle};
use super::nodes::NodeEffect;
use super::plan::{Effect, Fault, Group, Plan, Shape};
use super::selector::{Selector, WHOLE_PPB, Which};
use super::staged::{Program, Stages};
use super::trigger::Start;

/// Why a plan cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanError {
    /// The id of the fault that is wrong.
    pub fault: String,
    /// What is wrong with it.
    pub mistake: PlanMistake,
}

/// What can be wrong with a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanMistake {
    /// Another fault has this id.
    IdTaken,
    /// Its id and another fault's select the same random stream.
    StreamClash(StreamClash),
    /// There is no service of this name.
    NoSuchService(String),
    /// There is no node with this number.
    NoSuchNode(NodeId),
    /// It acts on processes, and all whom it lists are clients, who have none.
    NoProcess,
    /// It wants more replicas than there are.
    TooMany {
        /// How many it wants.
        wanted: u32,
        /// How many there are.
        replicas: u32,
    },
    /// It wants a share above the whole, in parts per billion.
    ShareAboveOne(u64),
    /// A partition with fewer than two groups cuts nothing.
    TooFewGroups,
    /// Two groups are the rest.
    TwoRests,
    /// The other groups name no service, so that there is no rest.
    NoRest,
    /// Two groups list this node.
    InTwoGroups(String),
    /// It has an end of its own and is given another.
    EndsByItself,
    /// It takes steps over its length, and has none.
    NeedsLength,
    /// A span of time is zero that may not be.
    NoTime(&'static str),
    /// It waits for a message of a node to itself, which no link carries.
    OwnMessage,
    /// Messages are counted from 1.
    MessageZero,
    /// Messages are counted from the start of the run, and a later start is given.
    CountsFromStart,
    /// A bandwidth of zero carries nothing: that is a cut.
    NoBandwidth,
    /// Its nemesis would make more faults than so many.
    TooManyFaults(u32),
    /// It keeps to a budget of nodes that are out, and takes nobody out.
    NothingToKeep,
    /// Somebody's turn in it does not end after it begins.
    NoTurn,
    /// The backup that it restores is not taken before it starts.
    BackupTooLate,
    /// It restores a backup, and what triggers it may happen before that is taken.
    BackupOfTriggered,
    /// It shifts a clock by `i64::MIN` nanoseconds, which cannot be taken back.
    OffsetTooLarge,
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fault \"{}\": {}", self.fault, self.mistake)
    }
}

impl fmt::Display for PlanMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IdTaken => f.write_str("another fault has this id"),
            Self::StreamClash(clash) => clash.fmt(f),
            Self::NoSuchService(name) => write!(f, "no service is named \"{name}\""),
            Self::NoSuchNode(node) => write!(f, "there is no node number {}", node.0),
            Self::NoProcess => f.write_str("it acts on processes, and clients have none"),
            Self::TooMany { wanted, replicas } => write!(f, "{wanted} replicas are wanted and there are {replicas}"),
            Self::ShareAboveOne(ppb) => write!(f, "a share of {ppb} parts per billion is more than the whole"),
            Self::TooFewGroups => f.write_str("a partition needs at least two groups"),
            Self::TwoRests => f.write_str("only one group can be the rest"),
            Self::NoRest => f.write_str("the other groups name no service, so there is no rest of one"),
            Self::InTwoGroups(node) => write!(f, "\"{node}\" is in two groups"),
            Self::EndsByItself => f.write_str("it ends by itself and cannot be given a length"),
            Self::NeedsLength => f.write_str("it takes its steps over its length, and none is given"),
            Self::NoTime(what) => write!(f, "\"{what}\" must be more than no time"),
            Self::OwnMessage => f.write_str("a message of a node to itself crosses no link"),
            Self::MessageZero => f.write_str("messages are counted from 1"),
            Self::CountsFromStart => {
                f.write_str("messages are counted from the start of the run: it cannot start later")
            }
            Self::NoBandwidth => f.write_str("a bandwidth of nothing carries nothing; cut the links instead"),
            Self::TooManyFaults(most) => {
                write!(f, "it would make more than {most} faults: let more time pass between them")
            }
            Self::NothingToKeep => f.write_str("it keeps replicas from being out, and takes none out"),
            Self::NoTurn => f.write_str("a turn has to end after it begins"),
            Self::BackupTooLate => f.write_str("the backup has to be taken before the fault starts"),
            Self::BackupOfTriggered => {
                f.write_str("a fault that restores a backup has to start at an instant: a trigger may come before it")
            }
            Self::OffsetTooLarge => f.write_str("the offset cannot be taken back"),
        }
    }
}

impl std::error::Error for PlanError {}

/// What a fault is checked against: a simulation, or the names and numbers of one that is still to be built.
pub trait Ground {
    /// How many nodes there are, clients included.
    fn count(&self) -> usize;
    /// The replicas of a service; `None` if there is no such service.
    fn replicas_of(&self, service: &str) -> Option<Vec<NodeId>>;
    /// The service that a node is a replica of; none for a client.
    fn service_of(&self, node: NodeId) -> Option<String>;
    /// What a node is called.
    fn name_of(&self, node: NodeId) -> String;
}

impl Ground for Simulation {
    fn count(&self) -> usize {
        self.nodes().count()
    }

    fn replicas_of(&self, service: &str) -> Option<Vec<NodeId>> {
        self.service_names().any(|name| name == service).then(|| self.replicas(service).collect())
    }

    fn service_of(&self, node: NodeId) -> Option<String> {
        let names = &mut self.service_names();
        names.find(|name| self.replicas(name).any(|replica| replica == node)).map(str::to_owned)
    }

    fn name_of(&self, node: NodeId) -> String {
        self.name(node).to_owned()
    }
}

/// Finds the first mistake in a plan for this simulation.
pub(super) fn validate(plan: &Plan, simulation: &Simulation) -> Result<(), PlanError> {
    let mut ids = BTreeSet::new();
    for fault in &plan.faults {
        let checked = if ids.insert(fault.host_id()) { check(fault, simulation) } else { Err(PlanMistake::IdTaken) };
        checked.map_err(|mistake| PlanError { fault: fault.id.clone(), mistake })?;
    }
    Ok(())
}

/// Finds the first mistake in one fault.
///
/// # Errors
/// If it asks for something that cannot be on this ground. Whether another fault has its id is not looked at.
pub fn check(fault: &Fault, ground: &dyn Ground) -> Result<(), PlanMistake> {
    if fault.keep.is_some() && !fault.what.takes_out() {
        return Err(PlanMistake::NothingToKeep);
    }
    match (&fault.start, fault.what.backup_taken()) {
        (Start::At(at), Some(taken)) if taken >= *at => return Err(PlanMistake::BackupTooLate),
        (Start::When(_), Some(_)) => return Err(PlanMistake::BackupOfTriggered),
        _ => {}
    }
    if let Start::When(trigger) = &fault.start {
        let service = trigger.of.as_ref().filter(|of| ground.replicas_of(of).is_none());
        if let Some(service) = service {
            return Err(PlanMistake::NoSuchService(service.clone()));
        }
    }
    match &fault.what {
        Effect::Partition { shape, .. } => check_shape(shape, ground),
        Effect::Links(_) if fault.lasts.is_some() && fault.what.ends_by_itself() => Err(PlanMistake::EndsByItself),
        Effect::Links(LinkEffect::Message(_)) if fault.start != Start::At(Time::ZERO) => {
            Err(PlanMistake::CountsFromStart)
        }
        Effect::Links(_) if fault.what.needs_length() && fault.lasts.is_none() => Err(PlanMistake::NeedsLength),
        Effect::Links(effect) => check_links(effect, ground),
        Effect::Staged { stages, program } => check_staged(fault, stages, program, ground),
        Effect::Nodes { whom, what } => {
            if fault.lasts.is_some() && fault.what.ends_by_itself() {
                return Err(PlanMistake::EndsByItself);
            }
            if *what == (NodeEffect::ClockOffset { nanos: i64::MIN }) {
                return Err(PlanMistake::OffsetTooLarge);
            }
            check_selector(whom, ground)?;
            match whom {
                Selector::Nodes(nodes) if what.needs_process() => check_processes(nodes, ground),
                Selector::Nodes(_) | Selector::Replicas { .. } => Ok(()),
            }
        }
    }
}

fn check_staged(fault: &Fault, stages: &Stages, program: &Program, ground: &dyn Ground) -> Result<(), PlanMistake> {
    match (fault.lasts, program.ends_by_itself()) {
        (Some(_), true) => return Err(PlanMistake::EndsByItself),
        (None, false) => return Err(PlanMistake::NeedsLength),
        _ => {}
    }
    if program.effect() == (NodeEffect::ClockOffset { nanos: i64::MIN }) {
        return Err(PlanMistake::OffsetTooLarge);
    }
    let listed = match stages {
        Stages::Drawn(selector) => {
            check_selector(selector, ground)?;
            match selector {
                Selector::Nodes(nodes) => nodes.clone(),
                Selector::Replicas { .. } => return Ok(()),
            }
        }
        Stages::Explicit(stages) => {
            if stages.iter().any(|stage| stage.from >= stage.until) {
                return Err(PlanMistake::NoTurn);
            }
            stages.iter().map(|stage| stage.node).collect()
        }
    };
    check_selector(&Selector::Nodes(listed.clone()), ground)?;
    if program.effect().needs_process() { check_processes(&listed, ground) } else { Ok(()) }
}

fn check_selector(selector: &Selector, ground: &dyn Ground) -> Result<(), PlanMistake> {
    let (of, which) = match selector {
        Selector::Replicas { of, which } => (of, *which),
        Selector::Nodes(nodes) => {
            let total = ground.count();
            let unknown = nodes.iter().find(|node| node.0 as usize >= total);
            return unknown.map_or(Ok(()), |&node| Err(PlanMistake::NoSuchNode(node)));
        }
    };
    let Some(replicas) = ground.replicas_of(of) else { return Err(PlanMistake::NoSuchService(of.clone())) };
    let replicas = u32::try_from(replicas.len()).unwrap_or(u32::MAX);
    match which {
        Which::Count(wanted) if wanted > replicas => Err(PlanMistake::TooMany { wanted, replicas }),
        Which::Share(ppb) if ppb > WHOLE_PPB => Err(PlanMistake::ShareAboveOne(ppb)),
        _ => Ok(()),
    }
}

fn check_processes(nodes: &[NodeId], ground: &dyn Ground) -> Result<(), PlanMistake> {
    let has_process = |&node: &NodeId| ground.service_of(node).is_some();
    if nodes.is_empty() || nodes.iter().any(has_process) { Ok(()) } else { Err(PlanMistake::NoProcess) }
}

fn check_links(effect: &LinkEffect, ground: &dyn Ground) -> Result<(), PlanMistake> {
    match effect {
        LinkEffect::Disturb { links, what } => {
            check_link_fault(what)?;
            if let LinkFault::StaleName { old_place: OldPlace::Taken(node) } = *what {
                check_selector(&Selector::Nodes(vec![node]), ground)?;
                check_processes(&[node], ground)?;
            }
            check_link_selector(links, ground)
        }
        LinkEffect::Flap { down, .. } if down.is_zero() => Err(PlanMistake::NoTime("down")),
        LinkEffect::Flap { up, .. } if up.is_zero() => Err(PlanMistake::NoTime("up")),
        LinkEffect::Flap { links, .. } => check_link_selector(links, ground),
        LinkEffect::SwizzleClog(Swizzle::Among(selector)) => check_selector(selector, ground),
        LinkEffect::SwizzleClog(Swizzle::Explicit(cloggings)) => {
            let nodes = cloggings.iter().map(|clogging| clogging.node).collect();
            check_selector(&Selector::Nodes(nodes), ground)
        }
        LinkEffect::Message(MessageFault { nth: 0, .. }) => Err(PlanMistake::MessageZero),
        LinkEffect::Message(MessageFault { from, to, .. }) if from == to => Err(PlanMistake::OwnMessage),
        LinkEffect::Message(MessageFault { from, to, .. }) => {
            check_selector(&Selector::Nodes(vec![*from, *to]), ground)
        }
    }
}

fn check_link_selector(links: &LinkSelector, ground: &dyn Ground) -> Result<(), PlanMistake> {
    links.parts().into_iter().try_for_each(|selector| check_selector(selector, ground))
}

fn check_link_fault(what: &LinkFault) -> Result<(), PlanMistake> {
    let shares = match *what {
        LinkFault::Clog | LinkFault::StaleName { .. } | LinkFault::Bandwidth { rate: 1.., .. } => vec![],
        LinkFault::Bandwidth { .. } => return Err(PlanMistake::NoBandwidth),
        LinkFault::Reordering { within, .. } if within.is_zero() => return Err(PlanMistake::NoTime("within")),
        LinkFault::BurstLoss(burst) => vec![burst.starts, burst.ends, burst.within, burst.between],
        LinkFault::Loss { ppb }
        | LinkFault::Duplication { ppb, .. }
        | LinkFault::Reordering { ppb, .. }
        | LinkFault::Corruption { ppb, .. }
        | LinkFault::Latency { ppb, .. }
        | LinkFault::Tampering { ppb }
        | LinkFault::Connections { ppb, .. } => vec![ppb],
    };
    match shares.into_iter().find(|&ppb| ppb > WHOLE_PPB) {
        Some(ppb) => Err(PlanMistake::ShareAboveOne(ppb)),
        None => Ok(()),
    }
}

fn check_shape(shape: &Shape, ground: &dyn Ground) -> Result<(), PlanMistake> {
    match shape {
        Shape::Links(links) => return check_link_selector(links, ground),
        Shape::Drawn { of, pattern } => {
            let wanted = pattern.least();
            return match wanted {
                0 | 1 => Err(PlanMistake::TooFewGroups),
                _ => check_selector(&Selector::Replicas { of: of.clone(), which: Which::Count(wanted) }, ground),
            };
        }
        Shape::Groups(_) | Shape::OneWay { .. } => {}
    }
    let groups = shape.groups();
    if groups.len() < 2 {
        return Err(PlanMistake::TooFewGroups);
    }
    let mut listed = NodeSet::default();
    for group in &groups {
        let Group::Of(selector) = group else { continue };
        check_selector(selector, ground)?;
        if let Selector::Nodes(nodes) = selector {
            let side: NodeSet = nodes.iter().copied().collect();
            if let Some(twice) = side.iter().find(|&node| !listed.insert(node)) {
                return Err(PlanMistake::InTwoGroups(ground.name_of(twice)));
            }
        }
    }
    match groups.iter().filter(|group| ***group == Group::Rest).count() {
        0 => Ok(()),
        1 if services_of(shape, ground).is_empty() => Err(PlanMistake::NoRest),
        1 => Ok(()),
        _ => Err(PlanMistake::TwoRests),
    }
}

/// The services that a partition's groups name, or whose replicas they list, in the order of their names.
pub(super) fn services_of(shape: &Shape, ground: &dyn Ground) -> Vec<String> {
    let mut services = BTreeSet::new();
    for group in shape.groups() {
        match group {
            Group::Of(Selector::Replicas { of, .. }) => {
                services.insert(of.clone());
            }
            Group::Of(Selector::Nodes(nodes)) => {
                services.extend(nodes.iter().filter_map(|&node| ground.service_of(node)));
            }
            Group::Rest => {}
        }
    }
    services.into_iter().collect()
}
