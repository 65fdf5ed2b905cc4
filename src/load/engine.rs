//! All clients of a run, driven by a simulation.

use std::collections::{BTreeMap, BTreeSet};

use crate::call::Attempt;
use crate::host::{CallError, CausalContext, NodeId, Reply, Simulation, class};
use crate::kernel::{Streams, Time};

use super::client::{Client, Ended, Reaction};
use super::operations::MOST_CLIENTS;
use super::plan::Planned;
use super::{ClientSettings, LoadError, Recording, Workload};

/// The clients of a run.
///
/// Whoever drives the simulation calls [`Self::schedule`] once before the first step, [`Self::wake`] for each
/// [`Step::Token`](crate::host::Step::Token) of [`class::CLIENT`], [`Self::answer`] for each
/// [`Step::Answer`](crate::host::Step::Answer), [`Self::turn`] where clients can crash, and [`Self::finish`] at the end.
///
/// What several clients do at one instant goes by (client, number of the operation), however it came to be planned for
/// that instant: so a run and its script agree.
#[derive(Clone, Debug)]
pub struct Load {
    clients: Vec<Client>,
    by_node: BTreeMap<NodeId, u32>,
    /// What is to be done at which instant, by (instant, client, number of the operation).
    due: BTreeMap<(Time, u32, u64), Due>,
    ended: Vec<(u32, Ended)>,
    open: usize,
    /// The upper half of the tags of its calls.
    number: u32,
}

/// What a client does at an instant.
#[derive(Clone, Debug)]
enum Due {
    Arrival(Planned),
    Retry { session: u32, attempt: Attempt },
}

/// Each pending instant has one token; all are the same, for what to do is looked up.
const TOKEN: u64 = 0;

impl Load {
    /// The load of these clients, each with its place in the network, in the run of `seed`.
    ///
    /// # Errors
    /// If settings do not make sense; see [`LoadError`].
    pub fn new(settings: Vec<(NodeId, ClientSettings)>, seed: u64) -> Result<Self, LoadError> {
        if settings.len() > MOST_CLIENTS {
            return Err(LoadError::TooManyClients);
        }
        let mut streams = Streams::new(seed);
        let mut names = BTreeSet::new();
        let mut clients = Vec::with_capacity(settings.len());
        let mut by_node = BTreeMap::new();
        for (index, (node, settings)) in (0..).zip(settings) {
            if !names.insert(settings.name.clone()) || by_node.insert(node, index).is_some() {
                return Err(LoadError::NameTaken(settings.name));
            }
            check(&settings)?;
            clients.push(Client::new(index, node, settings, &mut streams).map_err(LoadError::Stream)?);
        }
        Ok(Self { clients, by_node, due: BTreeMap::new(), ended: Vec::new(), open: 0, number: 0 })
    }

    /// Sets its calls apart from those of other loads of the same simulation, each with a number of its own; that of a
    /// load which was not given one is 0.
    #[must_use]
    pub fn numbered(self, number: u32) -> Self {
        Self { number, ..self }
    }

    /// Whether it has made the call with this tag.
    #[must_use]
    pub const fn has_asked(&self, tag: u64) -> bool {
        tag >> u32::BITS == self.number as u64
    }

    /// Whether something is to be done by `now`.
    #[must_use]
    pub fn is_due(&self, now: Time) -> bool {
        self.due.first_key_value().is_some_and(|(&(at, ..), _)| at <= now)
    }

    /// Plans the first operations.
    pub fn schedule(&mut self, simulation: &mut Simulation) {
        for client in 0..self.by_node.len() as u32 {
            for planned in self.client(client).plan.first() {
                self.plan(simulation, client, planned);
            }
        }
    }

    /// Does what is due first; an instant of [`class::CLIENT`] has come.
    pub fn wake(&mut self, simulation: &mut Simulation) {
        let Some(first) = self.due.first_entry().filter(|first| first.key().0 <= simulation.now()) else { return };
        let ((_, client, _), due) = first.remove_entry();
        match due {
            Due::Retry { session, attempt } => self.send(simulation, client, session, attempt),
            Due::Arrival(planned) => {
                if let Some(next) = self.client(client).plan.after_arrival() {
                    self.plan(simulation, client, next);
                }
                if let Some((session, planned)) = self.client(client).place(planned) {
                    self.start(simulation, client, session, planned);
                }
            }
        }
    }

    /// Takes the end of a client's call, if it is its own; `tag` is the call's, and `seen` what the service said that the
    /// client has seen.
    pub fn answer(
        &mut self,
        simulation: &mut Simulation,
        client: NodeId,
        tag: u64,
        result: Result<Reply, CallError>,
        seen: Option<CausalContext>,
    ) {
        let Some(&client) = self.by_node.get(&client).filter(|_| self.has_asked(tag)) else { return };
        // The lower half of a tag is the session.
        let session = tag as u32;
        let now = simulation.now();
        match self.client(client).react(session, result, seen, now) {
            None => {}
            Some(Reaction::Retry { after, attempt, .. }) if after.is_zero() => {
                self.send(simulation, client, session, attempt);
            }
            Some(Reaction::Retry { number, after, attempt }) => {
                self.due.insert((now + after, client, number), Due::Retry { session, attempt });
                simulation.tell_at(now + after, class::CLIENT, TOKEN);
            }
            Some(Reaction::End(ended)) => {
                self.ended.push((client, *ended));
                self.open -= 1;
                self.go_on(simulation, client, session);
            }
        }
    }

    /// A client has crashed, or started again: see [`Simulation::client_turns`]. Its operations under way end as unknown, and
    /// its sessions are replaced by others under new ids. What arrives while it is down never starts.
    pub fn turn(&mut self, simulation: &mut Simulation, client: NodeId, is_up: bool) {
        let Some(&client) = self.by_node.get(&client) else { return };
        let now = simulation.now();
        if is_up {
            self.client(client).restart();
            let planned: BTreeSet<_> = self.planned(client).collect();
            for next in self.client(client).plan.again(now, &planned) {
                self.plan(simulation, client, next);
            }
            return;
        }
        self.due.retain(|&(_, of, _), due| of != client || matches!(due, Due::Arrival(_)));
        let ended = self.client(client).crash(now);
        self.open -= ended.len();
        self.ended.extend(ended.into_iter().map(|ended| (client, ended)));
    }

    /// The sessions for which a client's next operation is planned.
    fn planned(&self, client: u32) -> impl Iterator<Item = u32> + '_ {
        self.due.iter().filter(move |((_, of, _), _)| *of == client).filter_map(|(_, due)| match due {
            Due::Arrival(planned) => planned.session,
            Due::Retry { .. } => None,
        })
    }

    /// How many operations have started and not ended.
    #[must_use]
    pub const fn open(&self) -> usize {
        self.open
    }

    /// How many operations have ended.
    #[must_use]
    pub const fn ended(&self) -> usize {
        self.ended.len()
    }

    /// The recording of the run, which is over at `now`. What is open then ends as unknown.
    #[must_use]
    pub fn finish(mut self, now: Time) -> Recording {
        let mut unstarted = Vec::new();
        for (index, client) in (0..).zip(&mut self.clients) {
            let (open, waiting) = client.close(now);
            self.ended.extend(open.into_iter().map(|ended| (index, ended)));
            unstarted.extend(waiting.into_iter().map(|planned| (index, client.listed(planned))));
        }
        for ((_, client, _), due) in self.due {
            if let Due::Arrival(planned) = due {
                unstarted.push((client, self.clients[client as usize].listed(planned)));
            }
        }
        let names = self.clients.into_iter().map(|client| client.name).collect();
        Recording::new(names, self.ended, unstarted)
    }

    fn client(&mut self, index: u32) -> &mut Client {
        &mut self.clients[index as usize]
    }

    /// Plans an operation, unless none may start any more by then.
    fn plan(&mut self, simulation: &mut Simulation, client: u32, planned: Planned) {
        let at = planned.at;
        if at < self.client(client).stop {
            self.due.insert((at, client, planned.number), Due::Arrival(planned));
            simulation.tell_at(at, class::CLIENT, TOKEN);
        }
    }

    fn start(&mut self, simulation: &mut Simulation, client: u32, session: u32, planned: Planned) {
        let attempt = self.client(client).start(session, planned, simulation.now());
        self.open += 1;
        self.send(simulation, client, session, attempt);
    }

    fn send(&mut self, simulation: &mut Simulation, client: u32, session: u32, attempt: Attempt) {
        let number = self.number;
        let client = self.client(client);
        if let Some((request, terms)) = client.contact(session, attempt.to) {
            let tag = u64::from(number) << u32::BITS | u64::from(session);
            let call = simulation.call_on_terms(client.node, attempt.to, request, terms, attempt.timeout, tag);
            client.asked(session, call);
        }
    }

    /// A session is idle: it runs what waits, and in a closed loop thinks.
    fn go_on(&mut self, simulation: &mut Simulation, client: u32, session: u32) {
        let now = simulation.now();
        if let Some(planned) = self.client(client).plan.after_completion(now, session) {
            self.plan(simulation, client, planned);
        }
        if now < self.client(client).stop
            && let Some(planned) = self.client(client).next_waiting(session)
        {
            self.start(simulation, client, session, planned);
        }
    }
}

/// Refuses settings that do not make sense.
fn check(settings: &ClientSettings) -> Result<(), LoadError> {
    if settings.targets.is_empty() {
        return Err(LoadError::NoTargets(settings.name.clone()));
    }
    let Workload::Scripted(operations) = &settings.workload else { return Ok(()) };
    let mut numbers = BTreeSet::new();
    for operation in operations {
        let id = || format!("{}-{}", settings.name, operation.number);
        if !numbers.insert(operation.number) {
            return Err(LoadError::NumberTaken(id()));
        }
        if operation.at >= settings.stop {
            return Err(LoadError::StartsTooLate(id()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
