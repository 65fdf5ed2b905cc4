//! The end of a run: what is under way comes to rest, and, where the scenario asks for it, every key is read once more.

use std::collections::BTreeSet;

use crate::check::{Quantity, Replica, diverged};
use crate::host::{Key, Request, Simulation, Value};
use crate::kernel::{Span, Time};
use crate::load::{ClientSettings, History, Load, Recording, ScriptedOperation, Workload};

use super::evidence::live_replicas;
use super::file::Scenario;
use super::run::client_settings;

/// How often the replicas are compared while the run settles.
const LOOKS: u64 = 100;

/// The shortest time between two comparisons.
const LOOKS_APART: Span = Span::from_millis(1);

/// How many reads each replica answers at a time at the end.
const READS_AT_ONCE: u64 = 16;

/// A run that settles. Replicas are compared from time to time, by looking: it is no event and leaves no trace.
#[derive(Clone)]
pub(super) struct Settling {
    /// Since when everything has healed.
    healed: Time,
    apart: Span,
    next_look: Time,
    /// How many events the run had had at the last comparison.
    seen: Option<u64>,
    /// By service that is called: since when its live replicas hold the same.
    agreed: Vec<Option<Time>>,
    reads: Option<FinalReads>,
}

/// Reads of every key through every replica.
#[derive(Clone)]
struct FinalReads {
    load: Load,
    total: usize,
    /// Whether they have ended, and the run settles again.
    is_over: bool,
    /// When they are given up: a client that nothing heals may never get its answers.
    deadline: Time,
}

impl Settling {
    /// A run in which everything has healed some time ago, and which settles from `now` on.
    pub(super) fn new(scenario: &Scenario, healed: Time, now: Time) -> Self {
        let apart = Span::from_nanos(scenario.settle.as_nanos() / LOOKS).max(LOOKS_APART);
        let agreed = vec![None; scenario.called().len()];
        Self { healed, apart, next_look: now, seen: None, agreed, reads: None }
    }

    /// When the replicas are to be compared next.
    pub(super) const fn next_look(&self) -> Time {
        self.next_look
    }

    /// Compares the replicas at the instant for which that was meant.
    pub(super) fn look(&mut self, scenario: &Scenario, simulation: &Simulation) {
        let at = self.next_look;
        self.next_look = at + self.apart;
        let events = Some(simulation.events());
        // Without an event nothing has changed.
        if std::mem::replace(&mut self.seen, events) == events {
            return;
        }
        for (agreed, &service) in self.agreed.iter_mut().zip(&scenario.called()) {
            *agreed = agree(scenario, service, simulation).then(|| agreed.unwrap_or(at));
        }
    }

    /// How long the replicas of the service, number `place` of those that are called, took to hold the same for good;
    /// the run ended at `end`.
    pub(super) fn converged(&self, place: usize, replicas: &[Replica], end: Time) -> Quantity {
        if replicas.len() < 2 || replicas.iter().all(|replica| replica.entries.is_empty()) {
            return Quantity::Nothing;
        }
        if !diverged(replicas).is_empty() {
            return Quantity::Never;
        }
        let since = self.agreed.get(place).copied().flatten().unwrap_or(end);
        Quantity::Time(since.since(self.healed))
    }

    /// The run has settled: begins to read every key that `history` names. Answers whether there is one.
    pub(super) fn begin_reads(
        &mut self,
        scenario: &Scenario,
        seed: u64,
        history: &History,
        simulation: &mut Simulation,
    ) -> bool {
        // Operations that begin with the last of the load would be measured with it.
        let at = simulation.now().max(Time::ZERO + scenario.duration + Span::from_nanos(1));
        let clients: Vec<_> = scenario
            .called()
            .iter()
            .filter_map(|&service| reader(scenario, service, history, (simulation, at)))
            .collect();
        let total = clients.iter().map(|(_, settings)| scripted(&settings.workload)).sum();
        let Ok(load) = Load::new(clients, seed) else { return false };
        let mut load = load.numbered(2);
        load.schedule(simulation);
        let patience = scenario.longest_timeout().times(2 * total as u64);
        self.reads = Some(FinalReads { load, total, is_over: false, deadline: at + patience });
        total > 0
    }

    /// The clients that read, if they do.
    pub(super) fn load(&mut self) -> Option<&mut Load> {
        self.reads.as_mut().map(|reads| &mut reads.load)
    }

    /// Whether the last read has just ended, or they are given up.
    pub(super) fn reads_end(&mut self, now: Time) -> bool {
        // Where nothing happens for long, looking goes on.
        let now = now.max(self.next_look);
        let Some(reads) = &mut self.reads else { return false };
        let ended = !reads.is_over && (reads.load.ended() == reads.total || now >= reads.deadline);
        reads.is_over |= ended;
        ended
    }

    /// What was read.
    pub(super) fn finish(&mut self, now: Time) -> Option<Recording> {
        self.reads.take().map(|reads| reads.load.finish(now))
    }
}

/// Whether the live replicas of a service hold the same. Mostly they show the same, and it need not be found out who of them
/// is to hold what.
fn agree(scenario: &Scenario, service: usize, simulation: &Simulation) -> bool {
    let nodes = simulation.replicas(&scenario.services[service].name).filter(|&node| simulation.is_up(node));
    let mut views = nodes.map(|node| simulation.observe(node).entries);
    let Some(first) = views.next() else { return true };
    let same = |(one, other): (&(Key, u64, Value), &(Key, u64, Value))| (one.0, &one.2) == (other.0, &other.2);
    let shows_the_same = |entries: Vec<_>| entries.len() == first.len() && entries.iter().zip(&first).all(same);
    views.all(shows_the_same) || diverged(&live_replicas(scenario, service, simulation)).is_empty()
}

/// How many operations a script has.
fn scripted(workload: &Workload) -> usize {
    if let Workload::Scripted(operations) = workload { operations.len() } else { 0 }
}

/// A client that reads every key of a service through every replica, where the first client of that service lives and
/// as patiently. All replicas that hold the object are to answer, where the service can be asked for that.
fn reader(
    scenario: &Scenario,
    service: usize,
    history: &History,
    (simulation, at): (&Simulation, Time),
) -> Option<(crate::host::NodeId, ClientSettings)> {
    let client = scenario.clients.iter().find(|client| client.service == service && simulation.is_up(client.node))?;
    let calls_it = |client: u32| scenario.service_of(client) == Some(service);
    let mut keys = BTreeSet::new();
    for operation in history.operations.iter().filter(|operation| calls_it(operation.client)) {
        add_keys(&operation.request, &mut keys);
    }
    let replicas = u32::try_from(client.targets.len()).ok()?;
    let mut operations = Vec::new();
    let what = &scenario.services[service].what;
    for (turn, key) in (0u64..).zip(keys) {
        let holders = client.targets.iter().filter(|&&replica| what.holds(key, replica, &client.targets)).count();
        let answers = u32::try_from(holders).ok();
        for replica in 0..replicas {
            // Session s asks replica s first, modulo their number.
            let session = u32::try_from(turn % READS_AT_ONCE).ok()? * replicas + replica;
            let (number, request) = (operations.len() as u64, Request::Read { key });
            operations.push(ScriptedOperation { number, session: Some(session), at, request, answers, asks: None });
        }
    }
    let (node, settings) = client_settings(scenario, client);
    let name = format!("final-reads:{}", scenario.services[service].name);
    let workload = Workload::Scripted(operations);
    Some((node, ClientSettings { name, prefer: None, stop: Time::MAX, workload, ..settings }))
}

/// The keys that a request concerns.
fn add_keys(request: &Request, keys: &mut BTreeSet<Key>) {
    match request {
        Request::Transaction(parts) => parts.iter().for_each(|part| add_keys(part, keys)),
        request => keys.extend(request.key()),
    }
}
