//! After the load: what heals, and whether clients get on then.

use crate::call::Policy;
use crate::check::{Expectation, Recovery, probes};
use crate::host::{CrashKeeps, CrashSettings, FaultId, NodeId, Simulation};
use crate::kernel::{Draw, Purpose, Span, Streams, Time, stable_hash_str};
use crate::load::{ClientSettings, Load, ScriptedOperation, Workload};

use super::file::Scenario;
use super::input::{Fields, one_of};
use super::reach::Reach;
use super::run::client_settings;

/// What heals when the load has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Heal {
    /// Everything.
    #[default]
    Everything,
    /// A majority of every service, drawn at random, and all links; the other replicas have failed for good.
    Core,
    /// Nothing: only safety can be judged.
    Nothing,
}

/// The field `heal`.
pub(super) fn heal(fields: &mut Fields<'_>) -> Option<Heal> {
    fields.optional(
        "heal",
        "What heals when the load has ended: everything, a random majority of every service while the rest has failed \
         for good, or nothing.",
        one_of([("everything", Heal::Everything), ("core", Heal::Core), ("nothing", Heal::Nothing)]),
        "everything",
    )
}

const CORE: Purpose = Purpose::new("core");

/// How the replicas outside the core fail: as by a loss of power.
const FAILS: CrashSettings = CrashSettings { silent: true, keeps: CrashKeeps::Independent };

/// Lets the replicas outside a random majority of every service fail for good; answers whom.
pub(super) fn freeze(simulation: &mut Simulation, scenario: &Scenario, seed: u64) -> Vec<NodeId> {
    let mut streams = Streams::new(seed);
    let fault = FaultId(stable_hash_str("outside the core"));
    let mut frozen = Vec::new();
    for service in &scenario.services {
        let mut replicas: Vec<_> = simulation.replicas(&service.name).collect();
        // Services have different names, so their streams are different.
        if let Ok(mut stream) = streams.open(CORE, &service.name) {
            stream.shuffle(&mut replicas);
        }
        let core = replicas.len() / 2 + 1;
        frozen.extend(replicas.into_iter().skip(core));
    }
    frozen.sort_unstable();
    frozen.iter().for_each(|&node| simulation.crash(fault, node, FAILS));
    frozen
}

/// Clients that are asked once more for everything that they use.
#[derive(Clone)]
pub(super) struct Probing {
    pub(super) load: Load,
    pub(super) healed: Time,
    total: usize,
    /// When they are given up.
    pub(super) deadline: Time,
}

/// The operations start within the first such part of the time that they have: at once would be a stampede.
const STARTS_WITHIN: u64 = 10;

/// An operation that was open in the instant of the heal was open while things were broken.
const AFTER: Span = Span::from_nanos(1);

impl Probing {
    /// The clients of a scenario whose hypothesis speaks of liveness, after a load; `None` for any other.
    pub(super) fn new(scenario: &Scenario, load: &Load, seed: u64, simulation: &mut Simulation) -> Option<Self> {
        let within = scenario.hypothesis.expectations.iter().filter_map(|(_, expectation)| match expectation {
            Expectation::Liveness { within } => Some(*within),
            _ => None,
        });
        let within = within.max()?;
        let healed = simulation.now();
        let deadline = healed + within;
        let history = load.clone().finish(healed).history;
        let mut total = 0;
        let mut clients = Vec::new();
        for (index, client) in (0..).zip(&scenario.clients) {
            let requests = probes(&history, index);
            total += requests.len();
            let apart = Span::from_nanos(within.as_nanos() / STARTS_WITHIN / (requests.len() as u64).max(1));
            let planned = (0..).zip(requests).map(|(number, request)| {
                let at = healed + AFTER + apart.times(number);
                ScriptedOperation { number, session: None, at, request, answers: None, asks: None }
            });
            let (node, settings) = client_settings(scenario, client);
            // A client that does not give up: each of its attempts is as patient as its operations were.
            let patience = settings.policy.attempt_timeout.unwrap_or(settings.timeout);
            let policy = Policy { attempts: u32::MAX, attempt_timeout: Some(patience), ..settings.policy };
            let workload = Workload::Scripted(planned.collect());
            clients.push((node, ClientSettings { policy, timeout: within, stop: deadline, workload, ..settings }));
        }
        let mut load = Load::new(clients, seed).ok()?.numbered(1);
        load.schedule(simulation);
        Some(Self { load, healed, total, deadline })
    }

    /// Whether every operation has ended.
    pub(super) fn is_over(&self) -> bool {
        self.load.ended() == self.total
    }

    /// What came of it.
    pub(super) fn finish(self, scenario: &Scenario, simulation: &Simulation, reach: &Reach) -> Recovery {
        let now = simulation.now();
        let is_over = self.is_over();
        let probes = self.load.finish(now).history;
        let excused = reach.unavailable_by_design(scenario, &probes, now);
        let pending = if is_over { Vec::new() } else { pending(simulation) };
        Recovery { healed: self.healed, probes, excused, pending }
    }
}

/// What nodes wait for.
fn pending(simulation: &Simulation) -> Vec<(String, Vec<String>)> {
    let mut pending = Vec::new();
    for node in simulation.nodes() {
        let mut reasons = simulation.observe(node).waits_for;
        if !simulation.is_up(node) {
            reasons.push("its process, which is down".to_owned());
        } else if !simulation.is_ready(node) {
            reasons.push("its own readiness".to_owned());
        }
        if !reasons.is_empty() {
            pending.push((simulation.name(node).to_owned(), reasons));
        }
    }
    pending
}
