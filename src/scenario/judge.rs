//! From what happened to a verdict: the hypothesis, and whether it was put to the test.

use crate::check::{Budget, Check, Class, Evidence, Phase, Verdict, Windows};
use crate::fault::{Effect, FaultReport, LinkEffect, NodeEffect};
use crate::host::{DiskFault, End, LinkFault, NodeId, Simulation};
use crate::load::History;
use crate::store::{Crashes, Tolerance};

use super::evidence::ServiceEvidence;
use super::file::Scenario;

/// Judges a run: every expectation, then whether the run came to its end, then whether every fault touched
/// something.
pub(super) fn judge(
    scenario: &Scenario,
    history: &History,
    windows: &Windows,
    services: &[ServiceEvidence<'_>],
    faults: &[FaultReport],
    ended_early: Option<&End>,
    names: &[String],
) -> Vec<Check> {
    let expectations = &scenario.hypothesis.expectations;
    let mut checks = Vec::new();
    for (phase, expectation) in expectations {
        if expectation.is_of_one_service() {
            checks.extend(services.iter().map(|service| service.judge(*phase, expectation, windows)));
        } else {
            let evidence = Evidence { history, windows, replicas: &[], violations: None, budget: Budget::default() };
            checks.push(expectation.judge(*phase, &evidence));
        }
    }
    checks.extend(ended_early.map(|end| ended(end, names)));
    checks.extend(faults.iter().filter(|fault| fault.touched == 0).map(idle));
    if checks.is_empty() {
        checks.push(Check {
            name: "hypothesis".to_owned(),
            phase: Phase::Always,
            verdict: Verdict::Inconclusive,
            observed: "nothing was judged".to_owned(),
            expected: "at least one expectation".to_owned(),
            explanation: "The scenario expects nothing of what its clients do, so nothing was put to the test. Add \
                          clients and a \"hypothesis\"."
                .to_owned(),
            operations: Vec::new(),
        });
    }
    checks
}

/// A run that did not come to its end.
fn ended(end: &End, names: &[String]) -> Check {
    let name = |node: &crate::host::NodeId| names.get(node.0 as usize).map_or("?", String::as_str).to_owned();
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
    Check {
        name: name.to_owned(),
        phase: Phase::Always,
        verdict,
        observed,
        expected: "a run that comes to its end".to_owned(),
        explanation,
        operations: Vec::new(),
    }
}

/// A fault that touched nothing: what holds under it holds for no reason.
fn idle(fault: &FaultReport) -> Check {
    Check {
        name: format!("touched:{}", fault.id),
        phase: Phase::Always,
        verdict: Verdict::Inconclusive,
        observed: "touched nothing".to_owned(),
        expected: "every fault touches something".to_owned(),
        explanation: format!(
            "The fault \"{}\" ({}) met no message, process, task or clock reading: what held under it was not put to \
             the test.",
            fault.id, fault.kind
        ),
        operations: Vec::new(),
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

/// Whether a kind of service that tolerates so much does not promise to tolerate this.
fn is_beyond(what: NodeEffect, tolerance: Tolerance) -> bool {
    use NodeEffect as Is;
    let (crashes, pauses) = (tolerance.crashes == Crashes::None, !tolerance.pauses);
    match what {
        Is::Crash(how) | Is::Restart { how, .. } | Is::Upgrade { how, .. } => crashes || how.keeps.damages(),
        Is::Panic(_) | Is::MemoryLimit(_) => crashes,
        Is::Pause | Is::Slow { .. } => pauses,
        // Nobody promises to work with the wrong settings, or on a disk that lies.
        Is::Settings { .. } | Is::Disk(DiskFault::BitRot { .. } | DiskFault::Misdirection { .. }) => true,
        Is::Disk(DiskFault::Errors { .. } | DiskFault::FailedSync { .. } | DiskFault::Full) => crashes,
        Is::Disk(DiskFault::Slow { .. } | DiskFault::Stall) => pauses,
        Is::ClockOffset { .. }
        | Is::ClockDrift(_)
        | Is::ClockStep { .. }
        | Is::ClockSyncLoss
        | Is::ClockBound { .. } => !tolerance.clocks,
    }
}

/// Faults that go beyond what a kind of service promises to tolerate: allowed, and said.
pub(super) fn notes(scenario: &Scenario) -> Vec<String> {
    let mut notes = Vec::new();
    for (name, service) in scenario.services() {
        let tolerance = service.tolerates();
        for fault in &scenario.plan.faults {
            let beyond = match &fault.what {
                Effect::Partition { .. } | Effect::Links(LinkEffect::Flap { .. }) => !tolerance.partitions,
                // Nobody promises to see through a lie.
                Effect::Links(LinkEffect::Disturb {
                    what: LinkFault::Corruption { checksums: false, .. }, ..
                }) => true,
                Effect::Links(_) => !tolerance.messages,
                Effect::Nodes { what, .. } => is_beyond(*what, tolerance),
                Effect::Staged { program, .. } => is_beyond(program.effect(), tolerance),
            };
            if beyond {
                let kind = fault.what.kind();
                notes.push(format!("\"{name}\" does not promise to tolerate the fault \"{}\" ({kind}).", fault.id));
            }
        }
    }
    notes
}
