//! What a client will ask for: the next operation, drawn or listed.

use std::collections::BTreeSet;

use crate::host::{NodeId, Request};
use crate::kernel::{Purpose, Sampler, Stream, StreamClash, Streams, Time};

use super::arrivals::Instants;
use super::operations::unique_value;
use super::transactions::Transactions;
use super::{Arrivals, ClientSettings, Generated, Keys, Mix, ScriptedOperation, Workload};

/// An operation that has not started.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) number: u64,
    /// When it is meant to start.
    pub(super) at: Time,
    /// The session that has to run it; `None`: any.
    pub(super) session: Option<u32>,
    pub(super) request: Request,
    /// How many replicas are to answer, if this operation says so itself.
    pub(super) answers: Option<u32>,
    /// Whom it asks first, if it says so itself.
    pub(super) asks: Option<NodeId>,
}

/// Where a client's operations come from.
///
/// Numbers, keys and kinds are drawn for one operation after the other in the order of their numbers, each from a stream
/// of its own: no outcome and no session shifts them.
#[derive(Clone, Debug)]
pub(super) enum Plan {
    Open { instants: Instants, draws: Stream, choices: Choices },
    ClosedLoop { think: Sampler, sessions: u32, start: Time, draws: Stream, choices: Choices },
    Script(std::vec::IntoIter<ScriptedOperation>),
}

/// What generated operations ask for.
#[derive(Clone, Debug)]
pub(super) struct Choices {
    client: u32,
    made: u64,
    keys: Keys,
    key_draws: Stream,
    operations: Mix,
    operation_draws: Stream,
    transactions: Transactions,
    transaction_draws: Stream,
}

const ARRIVALS: Purpose = Purpose::new("client arrivals");
const KEYS: Purpose = Purpose::new("client keys");
const OPERATIONS: Purpose = Purpose::new("client operations");
const TRANSACTIONS: Purpose = Purpose::new("client transactions");

impl Choices {
    fn next(&mut self, at: Time, session: Option<u32>) -> Planned {
        let number = self.made;
        self.made += 1;
        let key = self.keys.choose(number, &mut self.key_draws);
        let kind = self.operations.choose(&mut self.operation_draws);
        let Self { client, keys, transactions, transaction_draws, .. } = self;
        let parts = || transactions.parts((*client, number), key, keys, transaction_draws);
        let request = kind.request(key, unique_value(*client, number), parts);
        Planned { number, at, session, request, answers: None, asks: None }
    }
}

impl Plan {
    /// The plan of a client, which is number `client` of the load.
    pub(super) fn new(client: u32, settings: &ClientSettings, streams: &mut Streams) -> Result<Self, StreamClash> {
        let Generated { arrivals, operations, transactions, keys, start } = match &settings.workload {
            Workload::Generated(generated) => generated.clone(),
            Workload::Scripted(operations) => {
                let mut operations = operations.clone();
                operations.sort_by_key(|operation| (operation.at, operation.number));
                return Ok(Self::Script(operations.into_iter()));
            }
        };
        let mut open = |purpose| streams.open(purpose, &settings.name);
        let (mut draws, key_draws, operation_draws) = (open(ARRIVALS)?, open(KEYS)?, open(OPERATIONS)?);
        let transaction_draws = open(TRANSACTIONS)?;
        let made = 0;
        let choices =
            Choices { client, made, keys, key_draws, operations, operation_draws, transactions, transaction_draws };
        Ok(match arrivals {
            Arrivals::Open { rate, spacing, .. } => {
                let instants = Instants::new(rate, spacing, start, &mut draws);
                Self::Open { instants, draws, choices }
            }
            Arrivals::ClosedLoop { think, sessions } => {
                Self::ClosedLoop { think, sessions: sessions.get(), start, draws, choices }
            }
        })
    }

    /// Whether its requests are drawn, so that what a compare-and-set expects has to be filled in.
    pub(super) const fn is_generated(&self) -> bool {
        !matches!(self, Self::Script(_))
    }

    /// The operations that are known at the start of the run.
    pub(super) fn first(&mut self) -> Vec<Planned> {
        match self {
            Self::ClosedLoop { sessions, start, .. } => {
                let (sessions, start) = (*sessions, *start);
                (0..sessions).filter_map(|session| self.after_completion(start, session)).collect()
            }
            _ => self.after_arrival().into_iter().collect(),
        }
    }

    /// The operations that are planned when a client starts again after a crash: in a closed loop every session begins anew for
    /// which none is `planned`; others go on as they were.
    pub(super) fn again(&mut self, now: Time, planned: &BTreeSet<u32>) -> Vec<Planned> {
        let Self::ClosedLoop { sessions, .. } = self else { return Vec::new() };
        let idle = (0..*sessions).filter(|session| !planned.contains(session));
        idle.collect::<Vec<_>>().into_iter().filter_map(|session| self.after_completion(now, session)).collect()
    }

    /// The operation that is planned when another arrives.
    pub(super) fn after_arrival(&mut self) -> Option<Planned> {
        match self {
            Self::Open { instants, draws, choices } => Some(choices.next(instants.next(draws), None)),
            Self::ClosedLoop { .. } => None,
            Self::Script(operations) => operations.next().map(|listed| {
                let ScriptedOperation { number, session, at, request, answers, asks } = listed;
                Planned { number, at, session, request, answers, asks }
            }),
        }
    }

    /// The operation that is planned when a session has become free.
    pub(super) fn after_completion(&mut self, now: Time, session: u32) -> Option<Planned> {
        match self {
            Self::ClosedLoop { think, draws, choices, .. } => {
                Some(choices.next(now + think.sample(draws), Some(session)))
            }
            Self::Open { .. } | Self::Script(_) => None,
        }
    }
}
