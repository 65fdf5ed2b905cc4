//! From what happened to a verdict: the hypothesis, and whether it was put to the test.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::{Budget, Check, Class, Evidence, Phase, Recovery, Verdict, Windows};
use crate::fault::{Effect, FaultReport, LinkEffect, NodeEffect};
use crate::host::{DiskFault, End, LinkFault, NodeId, NodeSet, Point, Simulation};
use crate::load::History;
use crate::store::{Crashes, Tolerance};

use super::chaos::{CHAOS, Chaos};
use super::evidence::ServiceEvidence;
use super::file::Scenario;

/// What a run is judged by.
pub(super) struct Finished<'a> {
    pub(super) history: &'a History,
    pub(super) windows: &'a Windows,
    pub(super) services: &'a [ServiceEvidence<'a>],
    pub(super) faults: &'a [FaultReport],
    pub(super) recovery: Option<&'a Recovery>,
    pub(super) ended_early: Option<&'a End>,
    pub(super) simulation: &'a Simulation,
}

/// Judges a run: every expectation, then whether the run came to its end, then whether every fault touched
/// something.
pub(super) fn judge(scenario: &Scenario, finished: &Finished<'_>) -> Vec<Check> {
    let Finished { history, windows, services, faults, recovery, ended_early, simulation } = *finished;
    let expectations = &scenario.hypothesis.expectations;
    let mut checks = Vec::new();
    for (phase, expectation) in expectations {
        if expectation.is_of_one_service() {
            // Where some kind declares a role, the others have nothing to do with it.
            let has_to_do = |service: &&ServiceEvidence<'_>| {
                expectation
                    .role()
                    .is_none_or(|role| service.declares(role) || !services.iter().any(|other| other.declares(role)))
            };
            let concerned = services.iter().filter(has_to_do);
            checks.extend(concerned.map(|service| service.judge(*phase, expectation, windows)));
        } else {
            let budget = Budget::default();
            let evidence = Evidence {
                history,
                windows,
                replicas: &[],
                violations: None,
                roles: &[],
                applied: &[],
                model: None,
                recovery,
                isolation: None,
                budget,
            };
            checks.push(expectation.judge(*phase, &evidence));
        }
    }
    checks.extend(ended_early.map(|end| ended(end, simulation)));
    let must_touch = |fault: &&FaultReport| !fault.may_miss && fault.nemesis.is_none();
    checks.extend(faults.iter().filter(must_touch).filter(|fault| fault.touched == 0).map(idle));
    checks.extend(idle_nemeses(scenario, faults));
    let has_to_be_taken =
        |name: &str| scenario.points.iter().any(|switch| switch.name == name && switch.has_to_be_taken());
    checks.extend(
        simulation.maybes().filter(|(name, point)| point.taken == 0 && has_to_be_taken(name)).map(idle_point),
    );
    if checks.is_empty() {
        checks.push(Check {
            name: "hypothesis".to_owned(),
            service: None,
            phase: Phase::Always,
            verdict: Verdict::Inconclusive,
            observed: "nothing was judged".to_owned(),
            expected: "at least one expectation".to_owned(),
            explanation: "The scenario expects nothing of what its clients do, so nothing was put to the test. Add \
                          clients and a \"hypothesis\"."
                .to_owned(),
            anomaly: None,
            prefix: None,
            operations: Vec::new(),
            edges: Vec::new(),
        });
    }
    checks
}

/// A run that did not come to its end.
fn ended(end: &End, simulation: &Simulation) -> Check {
    let name = |node: &crate::host::NodeId| simulation.name(*node).to_owned();
    let (name, verdict, observed, explanation) = match end {
        End::Panic { node, record, message } => (
            "no_panic",
            Verdict::Refuted(Class::Crash),
            format!("{} panicked", name(node)),
            format!("{} panicked while it handled event {record}: {message}.", name(node)),
        ),
        End::EndlessLoop { at } => (
            "time_passes",
            Verdict::Refuted(Class::Liveness),
            format!("time stands still at {at}"),
            format!(
                "More events happened at {at} than a run allows: nodes keep each other busy without time passing."
            ),
        ),
        End::BudgetSpent => (
            "completes",
            Verdict::Inconclusive,
            "the budget of events was spent".to_owned(),
            "The run was given up before its end; raise \"limits\", or make it shorter.".to_owned(),
        ),
        _ => (
            "completes",
            Verdict::Inconclusive,
            "the run had more events than can be numbered".to_owned(),
            "The run was given up before its end; make it shorter.".to_owned(),
        ),
    };
    let anomaly = if let End::Panic { message, .. } = end { Some(kind_of_panic(message)) } else { None };
    Check {
        name: name.to_owned(),
        service: None,
        phase: Phase::Always,
        verdict,
        observed,
        expected: "a run that comes to its end".to_owned(),
        explanation,
        anomaly,
        prefix: None,
        operations: Vec::new(),
        edges: Vec::new(),
    }
}

/// How much of a panic's message tells its kind, in characters.
const KIND_OF_PANIC: usize = 80;

/// What is the same of a panic's message whenever it comes from one place: the beginning of its first line, with every number as `N`.
fn kind_of_panic(message: &str) -> String {
    let mut kind = String::new();
    for c in message.lines().next().unwrap_or_default().chars().take(KIND_OF_PANIC) {
        match c.is_ascii_digit() {
            true if kind.ends_with('N') => {}
            true => kind.push('N'),
            false => kind.push(c),
        }
    }
    kind
}

/// A fault that touched nothing: what holds under it holds for no reason.
fn idle(fault: &FaultReport) -> Check {
    Check {
        name: format!("touched:{}", fault.id),
        service: None,
        phase: Phase::Always,
        verdict: Verdict::Inconclusive,
        observed: "touched nothing".to_owned(),
        expected: "every fault touches something".to_owned(),
        explanation: match fault.start {
            None => format!("What would trigger the fault \"{}\" ({}) never happened.", fault.id, fault.kind),
            Some(_) => format!(
                "The fault \"{}\" ({}) met no message, process, task, disk operation or clock reading: what held under \
                 it was not put to the test.",
                fault.id, fault.kind
            ),
        },
        anomaly: None,
        prefix: None,
        operations: Vec::new(),
        edges: Vec::new(),
    }
}

/// Nemeses of whose faults none touched anything. Each fault alone may miss.
fn idle_nemeses(scenario: &Scenario, faults: &[FaultReport]) -> Vec<Check> {
    let named = scenario.nemeses.iter().map(|generator| (generator.nemesis.name.as_str(), 0));
    // A swarm may leave every family out.
    let chaos = matches!(scenario.chaos, Some(Chaos::Preset(_))).then_some((CHAOS, 0));
    let mut touched: BTreeMap<&str, u64> = named.chain(chaos).collect();
    for fault in faults {
        if let Some(nemesis) = &fault.nemesis {
            *touched.entry(nemesis).or_default() += fault.touched;
        }
    }
    let made = |name: &str| faults.iter().filter(|fault| fault.nemesis.as_deref() == Some(name)).count();
    let idle = |(name, _): (&str, u64)| Check {
        name: format!("touched:{name}"),
        service: None,
        phase: Phase::Always,
        verdict: Verdict::Inconclusive,
        observed: format!("{} faults touched nothing", made(name)),
        expected: "some fault of every nemesis touches something".to_owned(),
        explanation: match made(name) {
            0 => format!(
                "The nemesis \"{name}\" made no fault before its end: shorten \"every\", or give it more time."
            ),
            _ => format!(
                "No fault of the nemesis \"{name}\" met a message, process, task, disk operation or clock reading, or \
                 its budget let it take nobody: what held under it was not put to the test."
            ),
        },
        anomaly: None,
        prefix: None,
        operations: Vec::new(),
        edges: Vec::new(),
    };
    touched.into_iter().filter(|&(_, touched)| touched == 0).map(idle).collect()
}

/// A point in the nodes' code that was switched on and changed nothing.
fn idle_point((name, point): (&str, Point)) -> Check {
    let passed = point.passed;
    Check {
        name: format!("maybe:{name}"),
        service: None,
        phase: Phase::Always,
        verdict: Verdict::Inconclusive,
        observed: format!("passed {passed} times, never taken"),
        expected: "every point that is switched on is taken".to_owned(),
        explanation: match passed {
            0 => format!(
                "No node passed the point \"{name}\" while it was switched on: does the kind have it with these \
                 settings, and did the run come there?"
            ),
            _ => format!("The nodes passed the point \"{name}\" and never did the rare thing: raise its ratio."),
        },
        anomaly: None,
        prefix: None,
        operations: Vec::new(),
        edges: Vec::new(),
    }
}

/// Disks that do not hold what they were told: what is missing there, no node has to answer for.
pub(super) fn disk_notes(simulation: &Simulation) -> Vec<String> {
    let note = |node: NodeId| {
        let files: Vec<_> = simulation.disk(node).damaged().collect();
        let name = simulation.name(node);
        (!files.is_empty())
            .then(|| format!("The disk of \"{name}\" lied: it did not keep what was synced to {}.", files.join(", ")))
    };
    simulation.nodes().filter_map(note).collect()
}

/// The families of chaos that touched nothing: no verdict, for chaos draws what may miss, but what held was not held against
/// them.
pub(super) fn chaos_note(faults: &[FaultReport]) -> Option<String> {
    let mut families: BTreeMap<&str, u64> = BTreeMap::new();
    for fault in faults.iter().filter(|fault| fault.nemesis.as_deref() == Some(CHAOS)) {
        let family = fault.id.rsplit_once('-').map_or(fault.id.as_str(), |(family, _)| family);
        *families.entry(family).or_default() += fault.touched;
    }
    let idle: Vec<_> = families.into_iter().filter(|&(_, touched)| touched == 0).map(|(family, _)| family).collect();
    (!idle.is_empty()).then(|| format!("Faults that were drawn and touched nothing: {}.", idle.join(", ")))
}

/// Whether a kind of service that tolerates so much does not promise to tolerate this.
fn is_beyond(what: NodeEffect, tolerance: Tolerance) -> bool {
    use NodeEffect as Is;
    let (crashes, pauses) = (tolerance.crashes == Crashes::None, !tolerance.pauses);
    match what {
        Is::Crash(how) | Is::Restart { how, .. } | Is::Upgrade { how, .. } => crashes || how.keeps.damages(),
        Is::Panic(_) | Is::MemoryLimit(_) => crashes,
        Is::Pause | Is::Slow { .. } => pauses,
        // Some wrong settings are harmless; which, nobody knows from here.
        Is::Settings { .. } => true,
        Is::Disk(DiskFault::BitRot { .. } | DiskFault::Misdirection { .. }) => !tolerance.damage,
        Is::Disk(DiskFault::Errors { .. } | DiskFault::FailedSync { .. } | DiskFault::Full) => crashes,
        Is::Disk(DiskFault::Slow { .. } | DiskFault::Stall) => pauses,
        Is::ClockDrift(drift) => drift.ppb().unsigned_abs() > tolerance.drift_ppb,
        Is::ClockOffset { .. } | Is::ClockStep { .. } | Is::ClockBound { .. } => !tolerance.clocks,
        Is::ClockSyncLoss => !tolerance.clocks || tolerance.drift_ppb < Tolerance::ANY_DRIFT,
    }
}

/// Faults that go beyond what a kind of service promises to tolerate: allowed, and said. And who failed for good.
pub(super) fn notes(scenario: &Scenario, frozen: &[NodeId], simulation: &Simulation) -> Vec<String> {
    let mut notes = Vec::new();
    if !frozen.is_empty() {
        let names: Vec<_> = frozen.iter().map(|&node| simulation.name(node)).collect();
        notes.push(format!("Outside the core, and failed for good when the rest healed: {}.", names.join(", ")));
    }
    for (name, service) in scenario.services() {
        let tolerance = service.tolerates();
        let replicas: NodeSet = simulation.replicas(name).collect();
        // Faults of nodes concern those whom they may hit. Links have two ends, and a kind bears what its clients' links do.
        let concerns = |what: &Effect| match what {
            Effect::Nodes { .. } | Effect::Staged { .. } => {
                what.may_hit(simulation).iter().any(|node| replicas.contains(node))
            }
            Effect::Partition { .. } | Effect::Links(_) => true,
        };
        // A replay has the faults that a nemesis made, which say its name; chaos keeps to what is tolerated.
        let scripted = scenario.plan.faults.iter().filter(|fault| fault.nemesis.as_deref() != Some(CHAOS));
        let scripted = scripted.map(|fault| (fault.nemesis.as_ref().unwrap_or(&fault.id).as_str(), &fault.what));
        let generated = scenario.nemeses.iter().map(|it| (it.nemesis.name.as_str(), &it.nemesis.what));
        let mut said = BTreeSet::new();
        for (id, what) in scripted.chain(generated).filter(|&(id, _)| said.insert(id)) {
            let beyond = match what {
                Effect::Partition { .. } | Effect::Links(LinkEffect::Flap { .. }) => !tolerance.partitions,
                // Nobody promises to see through a lie.
                Effect::Links(LinkEffect::Disturb {
                    what: LinkFault::Corruption { checksums: false, .. }, ..
                }) => true,
                Effect::Links(_) => !tolerance.messages,
                Effect::Nodes { what, .. } => is_beyond(*what, tolerance),
                Effect::Staged { program, .. } => is_beyond(program.effect(), tolerance),
            };
            if beyond && concerns(what) {
                let kind = what.kind();
                notes.push(format!("\"{name}\" does not promise to tolerate the fault \"{id}\" ({kind})."));
            }
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::kind_of_panic;

    #[test]
    fn a_panic_of_one_place_is_of_one_kind() {
        let check = |message: &str, expected: &str| assert_eq!(kind_of_panic(message), expected);
        check("", "");
        check(
            "index out of bounds: the len is 3 but the index is 127",
            "index out of bounds: the len is N but the index is N",
        );
        check(
            "assertion `left == right` failed: store-0\n  left: 1\n right: 2",
            "assertion `left == right` failed: store-N",
        );
        check(&"x".repeat(300), &"x".repeat(80));
    }
}
