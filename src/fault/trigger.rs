//! When a fault starts: at an instant, or because of what nodes and clients do.
//!
//! A triggered fault takes effect a nanosecond after its cause. In the resolved plan it is a fault at that instant,
//! which needs no trigger.

use crate::host::{Lookout, NodeSet, Sign, Simulation};
use crate::kernel::{Class, Time};

/// When a fault starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// At this instant.
    At(Time),
    /// When this has happened.
    When(Trigger),
}

/// What a fault waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// What has to happen.
    pub sign: Sign,
    /// At a replica of this service; `None`: anywhere.
    pub of: Option<String>,
    /// How often: from 1. Zero never happens.
    pub times: u64,
    /// The fault starts before, or not at all.
    pub until: Time,
}

impl Start {
    /// The instant, if there is one.
    #[must_use]
    pub const fn instant(&self) -> Option<Time> {
        match self {
            Self::At(at) => Some(*at),
            Self::When(_) => None,
        }
    }
}

impl Trigger {
    /// What the host has to look out for. Tokens of `class` tell of it.
    pub(super) fn lookout(&self, simulation: &Simulation, class: Class) -> Lookout {
        let at: NodeSet = match &self.of {
            Some(service) => simulation.replicas(service).collect(),
            None => simulation.nodes().collect(),
        };
        Lookout { sign: self.sign.clone(), at, times: self.times, until: self.until, class }
    }
}
