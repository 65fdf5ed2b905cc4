//! What a client is told to do.

use std::collections::BTreeSet;
use std::fmt;

use crate::call::Policy;
use crate::host::{NodeId, Request};
use crate::kernel::{Span, StreamClash, Time};

use super::{Arrivals, Keys, Mix, Transactions};

/// A client: whom it calls, how, and what it asks for.
#[derive(Clone, PartialEq, Debug)]
pub struct ClientSettings {
    /// Its name: the first part of its operations' ids, and of its random streams.
    pub name: String,
    /// The replicas of the service that it calls, in the order in which it fails over.
    pub targets: Vec<NodeId>,
    /// Whom all its sessions ask first. `None`: the sessions start at one target after the other.
    pub prefer: Option<NodeId>,
    /// How hard it tries.
    pub policy: Policy,
    /// How many replicas are to answer its operations, unless an operation says so itself.
    pub answers: Answers,
    /// How it puts an element into a set.
    pub inserts: Inserts,
    /// How long an operation may take in all, from its first attempt.
    pub timeout: Span,
    /// From this instant no operation starts; those under way may still end.
    pub stop: Time,
    /// What it asks for.
    pub workload: Workload,
}

/// How many replicas are to answer an operation; `None`: as the service is set up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Answers {
    /// If it is a read.
    pub read: Option<u32>,
    /// If it is not.
    pub write: Option<u32>,
}

/// How a client puts an element into a set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Inserts {
    /// The service does it.
    #[default]
    ByService,
    /// The client reads the set, adds the element to all that it finds ([`with_element`](crate::call::with_element)), and
    /// writes it back: for a store that keeps writes that have not seen each other as siblings.
    ByClient,
}

/// Where a client's operations come from.
#[derive(Clone, PartialEq, Debug)]
pub enum Workload {
    /// They are drawn.
    Generated(Generated),
    /// They are listed.
    Scripted(Vec<ScriptedOperation>),
}

impl Workload {
    /// How many objects its operations concern.
    #[must_use]
    pub fn objects(&self) -> u64 {
        match self {
            Self::Generated(generated) => generated.keys.count(),
            Self::Scripted(script) => {
                let parts = |operation: &ScriptedOperation| match &operation.request {
                    Request::Transaction(parts) => parts.iter().filter_map(Request::key).collect::<Vec<_>>(),
                    alone => alone.key().into_iter().collect(),
                };
                script.iter().flat_map(parts).collect::<BTreeSet<_>>().len() as u64
            }
        }
    }
}

/// Operations that are drawn.
#[derive(Clone, PartialEq, Debug)]
pub struct Generated {
    /// When they start.
    pub arrivals: Arrivals,
    /// Of which kinds they are.
    pub operations: Mix,
    /// What transactions consist of, if there are any.
    pub transactions: Transactions,
    /// Which objects they concern.
    pub keys: Keys,
    /// From when on.
    pub start: Time,
}

/// One listed operation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScriptedOperation {
    /// Its number, unique for the client: with the client's name its stable id, `shoppers-17`.
    pub number: u64,
    /// The client's session that runs it, as the client counts its sessions: from 0, and through replacements after
    /// unknown outcomes. A session runs its operations one after the other. `None`: any that is free.
    pub session: Option<u32>,
    /// When it starts, or later if its session is busy then.
    pub at: Time,
    /// What it asks for.
    pub request: Request,
    /// How many replicas are to answer; `None`: as the client says of all its operations.
    pub answers: Option<u32>,
    /// Which of the client's targets it asks first, whatever its session did before; `None`: whom its session stays with.
    pub asks: Option<NodeId>,
}

/// Why there can be no such load.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// Two clients have this name.
    NameTaken(String),
    /// The client of this name has nobody to call.
    NoTargets(String),
    /// Two listed operations have this id.
    NumberTaken(String),
    /// The listed operation of this id starts when no operation may start any more.
    StartsTooLate(String),
    /// There are more clients than 2^20.
    TooManyClients,
    /// Two clients would draw the same random numbers.
    Stream(StreamClash),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameTaken(name) => write!(f, "two clients are named \"{name}\""),
            Self::NoTargets(name) => write!(f, "the client \"{name}\" has nobody to call"),
            Self::NumberTaken(id) => write!(f, "two operations have the id \"{id}\""),
            Self::StartsTooLate(id) => write!(f, "the operation \"{id}\" starts after the end of the load"),
            Self::TooManyClients => f.write_str("a load has at most 2^20 clients"),
            Self::Stream(clash) => clash.fmt(f),
        }
    }
}

impl std::error::Error for LoadError {}
