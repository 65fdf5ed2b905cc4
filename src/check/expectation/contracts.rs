//! How the contracts of queues, counters and ids are judged, and who is in which role.

use super::{Evidence, Finding, NAMED};
use crate::check::contracts::{QueueLimits, counter_bounds, mutual_exclusion, queue_contract, unique_ids};
use crate::check::roles::{InRole, RoleLimit, in_role};
use crate::check::sentence::count;
use crate::check::verdict::Class;
use crate::check::window::Phase;

/// Limits in words.
pub(super) fn bounds(at_least: Option<i64>, at_most: Option<i64>) -> String {
    match (at_least, at_most) {
        (None, None) => "sums of what was added".to_owned(),
        (Some(least), None) => format!("sums of at least {least}"),
        (None, Some(most)) => format!("sums of at most {most}"),
        (Some(least), Some(most)) => format!("sums from {least} to {most}"),
    }
}

impl Evidence<'_> {
    pub(super) fn queue(&self, phase: Phase, limits: QueueLimits) -> Finding {
        let report = queue_contract(self.history, self.replicas);
        let counts = |operation: usize| self.counts(phase, operation);
        let observed = report.observed(counts);
        if let Some((anomaly, explanation, operations)) = report.broken(self.history, limits, counts) {
            let operations = operations.iter().copied().take(NAMED).collect();
            return Finding::refuted(Class::Safety, observed, explanation, operations).named(anomaly.name());
        }
        if report.deliveries == 0 {
            return Finding::inconclusive(observed, "Nothing came out of a queue, so nothing could go wrong.");
        }
        if report.left > limits.lost {
            let left = count(usize::try_from(report.left).unwrap_or(usize::MAX), "acknowledged element");
            let why =
                format!("Nothing shows whether {left} were lost or are still in: nobody found the queue empty.");
            return Finding::inconclusive(observed, why);
        }
        let takings = count(usize::try_from(report.deliveries).unwrap_or(usize::MAX), "taking");
        let explanation = format!("In {takings}: {observed}.");
        Finding::holds(observed, explanation)
    }

    pub(super) fn counter_bounds(&self, phase: Phase, limits: (Option<i64>, Option<i64>)) -> Finding {
        let report = counter_bounds(self.history, 0, limits);
        let bad = report.out_of_bounds.iter().filter(|sum| self.counts(phase, sum.operation));
        let bad: Vec<_> = bad.collect();
        let observed = format!("{} out of bounds", count(bad.len(), "sum"));
        match bad.first() {
            Some(first) => {
                let explanation = format!("The first: {}", first.story(self.history));
                let operations = bad.iter().map(|sum| sum.operation).take(NAMED).collect();
                Finding::refuted(Class::Safety, observed, explanation, operations).named(first.anomaly())
            }
            None if report.sums == 0 => Finding::inconclusive(observed, "No counter told a sum."),
            None => {
                let sums = count(usize::try_from(report.sums).unwrap_or(usize::MAX), "sum");
                let says = format!("Each of {sums} lies between what was certainly added and what may have been.");
                Finding::holds(observed, says)
            }
        }
    }

    pub(super) fn mutual_exclusion(&self, phase: Phase) -> Finding {
        let mut locks = mutual_exclusion(self.history);
        locks.together.retain(|&(late, _)| self.counts(phase, late));
        locks.tokens.retain(|&(late, _)| self.counts(phase, late));
        let (together, tokens) = (locks.together.len(), locks.tokens.len());
        let observed = match (together, tokens) {
            (0, 0) => "one holder at a time".to_owned(),
            (0, _) => format!("{} that did not grow", count(tokens, "token")),
            _ => format!("{} while another one held the lock", count(together, "acquisition")),
        };
        if let Some((anomaly, explanation, operations)) = locks.worst(self.history) {
            return Finding::refuted(Class::Safety, observed, explanation, operations.to_vec()).named(anomaly);
        }
        if !locks.is_shared {
            return Finding::inconclusive(observed, "No two sessions took one lock.");
        }
        let taken = count(usize::try_from(locks.acquisitions).unwrap_or(usize::MAX), "time");
        Finding::holds(observed, format!("Locks were taken {taken}, each while nobody certainly held it."))
    }

    pub(super) fn unique_ids(&self, phase: Phase) -> Finding {
        let mut ids = unique_ids(self.history);
        ids.repeated.retain(|&(again, _)| self.counts(phase, again));
        let observed = format!("{} twice", count(ids.repeated.len(), "id"));
        if let Some(explanation) = ids.story(self.history) {
            let operations = ids.repeated.iter().flat_map(|&(again, first)| [first, again]).take(NAMED).collect();
            return Finding::refuted(Class::Safety, observed, explanation, operations);
        }
        if ids.given < 2 {
            return Finding::inconclusive(
                observed,
                "Fewer than two ids were given out, so none could be given twice.",
            );
        }
        let explanation = format!("{} ids were given out, each once.", ids.given);
        Finding::holds(observed, explanation)
    }

    pub(super) fn one_leader_per_epoch(&self, phase: Phase) -> Finding {
        let taken = self.taken(phase, &RoleLimit::one_leader_per_epoch());
        let shared: Vec<&InRole<'_>> = taken.iter().filter(|it| it.replicas.len() > 1).collect();
        let epochs = shared.iter().filter(|it| it.replicas.len() == 2).count();
        let observed = format!("{} with two leaders", count(epochs, "epoch"));
        if let Some([.., before, leader]) = shared.first().map(|it| it.replicas.as_slice()) {
            let explanation = format!(
                "{} led epoch {} from {} on, and {} took the lead of the same epoch at {}.",
                before.node, leader.epoch, before.at, leader.node, leader.at
            );
            return Finding::refuted(Class::Safety, observed, explanation, Vec::new());
        }
        if taken.is_empty() {
            return Finding::inconclusive(observed, "No replica said that it leads.");
        }
        let explanation = format!("Of {}, no two shared an epoch.", count(taken.len(), "leader"));
        Finding::holds(observed, explanation)
    }

    pub(super) fn in_role(&self, phase: Phase, limit: &RoleLimit) -> Finding {
        let RoleLimit { role, at_most, per } = limit;
        let taken = self.taken(phase, limit);
        let is_bad = |it: &&InRole<'_>| it.replicas.len() as u64 > *at_most;
        let most = taken.iter().map(|it| it.replicas.len()).max().unwrap_or_default();
        let observed = format!("up to {most} {per}");
        if let Some(first) = taken.iter().find(is_bad) {
            return Finding::refuted(Class::Safety, observed, first.story(limit), Vec::new());
        }
        if taken.is_empty() {
            return Finding::inconclusive(observed, format!("No replica took on the role {role}."));
        }
        let times = count(taken.len(), "time");
        Finding::holds(observed, format!("Replicas took on the role {role} {times}, never too many {per}."))
    }

    /// Who was in a role when somebody took it on in this phase.
    fn taken(&self, phase: Phase, limit: &RoleLimit) -> Vec<InRole<'_>> {
        let mut taken = in_role(self.roles, limit);
        taken.retain(|it| phase == Phase::Always || self.windows.contains(phase, it.at()));
        taken
    }
}
