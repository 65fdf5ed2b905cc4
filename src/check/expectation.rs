//! Expectations: what a hypothesis can ask of a run, and how each is judged.

mod consistency;
mod contracts;
mod finding;
mod isolation;
mod versions;

use super::any_model::AnyModel;
use super::conflicts::conflicting_reads;
use super::consistency::Consistency;
use super::contracts::QueueLimits;
use super::convergence::{Divergence, Replica, diverged};
use super::durability::{FinalState, lost_writes};
use super::linearizable::{Budget, linearizable_as_asked};
use super::liveness::{Liveness, Recovery};
use super::metrics::{Metrics, percent, reaches, share_of};
use super::roles::{Declared, RoleLimit};
use super::sentence::{clause, count, list};
use super::staleness::{freshness, stale_reads};
use super::transactions::{Isolation, Level, TransactionError};
use super::vacuity::{could_see_a_conflict, could_see_a_foreign_write};
use super::verdict::{Check, Class, Edge, Verdict};
use super::window::{Phase, Windows};
use super::writes::is_acknowledged_write;
use crate::host::{Request, Value};
use crate::kernel::Span;
use crate::load::History;
use finding::Finding;
use versions::limit;

/// How many operations a check names.
const NAMED: usize = 10;

/// Bad operations that the least conclusive window lets pass: availability needs `1/(1-target)` operations.
const AVAILABILITY_ALLOWANCE: u64 = 1;

/// As above: a quantile needs `10/(1-q)` operations, so that it does not hang on a single one.
const QUANTILE_ALLOWANCE: u64 = 10;

/// One thing that is to hold.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Expectation {
    /// Enough operations are answered.
    Availability {
        /// Answered over invoked, in parts per billion up to [`BILLION`](super::BILLION).
        at_least: u64,
    },
    /// Answers come in time.
    Latency {
        /// This part of the operations, in parts per billion up to [`BILLION`](super::BILLION) ...
        quantile: u64,
        /// ... takes no longer than this from the intended start.
        at_most: Span,
    },
    /// Each object is a linearizable register, log, set, counter, queue or lock. Always judged on the whole history.
    Linearizable,
    /// Acknowledged writes stay.
    LostWrites {
        /// How many may be lost.
        at_most: u64,
    },
    /// Reads return what was acknowledged before they began, or something newer.
    StaleReads {
        /// How many may not.
        at_most: u64,
    },
    /// Reads return one of the last versions that were acknowledged before they began (k-staleness; Bailis et al., VLDB 2012,
    /// section 2.1).
    VersionsBehind {
        /// How many newer versions there may be.
        at_most: u64,
    },
    /// What failed, or was replaced by what somebody has read, is not there at the end.
    Resurrected {
        /// How much may be.
        at_most: u64,
    },
    /// Reads that find one value, and not several that the store could not put in order.
    ConflictingReads {
        /// How many may not.
        at_most: u64,
    },
    /// Writes can be read some time after they were acknowledged (t-visibility; Bailis et al., "Probabilistically Bounded
    /// Staleness for Practical Partial Quorums", VLDB 2012, section 3).
    TVisibility {
        /// A read that begins so long after a write was acknowledged ...
        after: Span,
        /// ... returns it or something newer: the share of such reads, in parts per billion up to
        /// [`BILLION`](super::BILLION).
        at_least: u64,
    },
    /// All live replicas hold the same at the end.
    Convergence,
    /// What the kind of service declares of its own insides is true after every event.
    Invariants,
    /// After everything has healed, every client completes an operation on every object that it uses.
    Liveness {
        /// In so much time.
        within: Span,
    },
    /// The objects are registers that are together consistent in this way. Always judged on the whole history.
    Consistent(Consistency),
    /// What goes into a queue comes out, once, in order, but for so many anomalies.
    Queue(QueueLimits),
    /// No sum that a counter tells contradicts what was added to it, or leaves these limits.
    CounterBounds {
        /// No less than this.
        at_least: Option<i64>,
        /// No more than this.
        at_most: Option<i64>,
    },
    /// Nobody holds a lock while somebody else does, and its fencing tokens grow.
    MutualExclusion,
    /// No id is given out twice ([`GENERATE`](super::GENERATE)).
    UniqueIds,
    /// In no epoch two replicas declare themselves leader ([`Context::role`](crate::host::Context::role)).
    OneLeaderPerEpoch,
    /// No more replicas than so many are in a role together, as they declare ([`Context::role`](crate::host::Context::role)).
    InRole(RoleLimit),
    /// Transactions are isolated from each other at least so much. Always judged on the whole history.
    Isolation {
        /// The level.
        at_least: Level,
    },
}

/// What an expectation is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// What clients saw.
    pub history: &'a History,
    /// When before, during and after were.
    pub windows: &'a Windows,
    /// What the live replicas of the service hold at the end.
    pub replicas: &'a [Replica],
    /// What was seen to break the invariants of the service, in the order of time, in sentences; `None` if it has no
    /// invariants.
    pub violations: Option<&'a [(&'static str, String)]>,
    /// The roles that its replicas took on, in the order of time.
    pub roles: &'a [Declared],
    /// What the service let take effect, in that order, as far as it says so; else nothing.
    pub applied: &'a [Request],
    /// What the objects are; `None` if what was asked of each tells.
    pub model: Option<&'a AnyModel>,
    /// What clients were asked after everything had healed; `None` if they were not.
    pub recovery: Option<&'a Recovery>,
    /// Where the isolation of `history` is kept, so that several expectations judge it once; `None` if it is not.
    pub isolation: Option<&'a JudgedIsolation>,
    /// What a check may spend.
    pub budget: Budget,
}

/// The isolation of a history, once it was judged.
pub type JudgedIsolation = std::cell::OnceCell<Result<Isolation, TransactionError>>;

impl Expectation {
    /// The name in scenario files.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Availability { .. } => "availability",
            Self::Latency { .. } => "latency",
            Self::Linearizable => "linearizable",
            Self::LostWrites { .. } => "lost_writes",
            Self::StaleReads { .. } => "stale_reads",
            Self::VersionsBehind { .. } => "versions_behind",
            Self::Resurrected { .. } => "resurrected",
            Self::ConflictingReads { .. } => "conflicting_reads",
            Self::TVisibility { .. } => "t_visibility",
            Self::Convergence => "convergence",
            Self::Invariants => "invariants",
            Self::Liveness { .. } => "liveness",
            Self::Consistent(consistency) => consistency.name(),
            Self::Queue(_) => "queue",
            Self::CounterBounds { .. } => "counter_bounds",
            Self::MutualExclusion => "mutual_exclusion",
            Self::UniqueIds => "unique_ids",
            Self::OneLeaderPerEpoch => "one_leader_per_epoch",
            Self::InRole(_) => "in_role",
            Self::Isolation { .. } => "isolation",
        }
    }

    /// What is asked for, in a few words.
    #[must_use]
    pub fn expected(&self) -> String {
        match self {
            Self::Availability { at_least } => format!("at least {}", percent(*at_least)),
            Self::Latency { quantile, at_most } => format!("{} within {at_most}", percent(*quantile)),
            Self::Linearizable => "linearizable".into(),
            Self::LostWrites { at_most: 0 } => "no lost write".into(),
            Self::LostWrites { at_most } => format!("at most {at_most} lost"),
            Self::StaleReads { at_most: 0 } => "no stale read".into(),
            Self::StaleReads { at_most } => format!("at most {at_most} stale"),
            Self::VersionsBehind { at_most } => format!("at most {} behind", count(limit(*at_most), "version")),
            Self::Resurrected { at_most: 0 } => "nothing resurrected".into(),
            Self::Resurrected { at_most } => format!("at most {at_most} resurrected"),
            Self::ConflictingReads { at_most: 0 } => "no conflicting read".into(),
            Self::ConflictingReads { at_most } => format!("at most {at_most} conflicting"),
            Self::TVisibility { after, at_least } => format!("{} fresh after {after}", percent(*at_least)),
            Self::Convergence => "all replicas equal".into(),
            Self::Invariants => "true after every event".into(),
            Self::Liveness { within } => format!("every client gets on within {within}"),
            Self::Consistent(consistency) => consistency.to_string(),
            Self::Queue(limits) => limits.to_string(),
            Self::CounterBounds { at_least, at_most } => contracts::bounds(*at_least, *at_most),
            Self::MutualExclusion => "one holder at a time".into(),
            Self::UniqueIds => "no id twice".into(),
            Self::OneLeaderPerEpoch => "at most one leader per epoch".into(),
            Self::InRole(limit) => limit.to_string(),
            Self::Isolation { at_least } => at_least.to_string(),
        }
    }

    /// The role that it speaks of, if it speaks of one: services that never take it on have nothing to do with it.
    #[must_use]
    pub fn role(&self) -> Option<&str> {
        match self {
            Self::InRole(limit) => Some(&limit.role),
            _ => None,
        }
    }

    /// Whether it speaks of the objects of one service, and not of how clients were served in all.
    #[must_use]
    pub const fn is_of_one_service(&self) -> bool {
        !matches!(self, Self::Availability { .. } | Self::Latency { .. } | Self::Liveness { .. })
    }

    /// Whether the order in which the service let operations take effect may belie a refutation.
    #[must_use]
    pub const fn may_be_belied(&self) -> bool {
        matches!(self, Self::Linearizable | Self::Consistent(_) | Self::Isolation { .. })
    }

    /// Whether it speaks of what follows after faults have healed.
    #[must_use]
    pub const fn needs_healing(&self) -> bool {
        matches!(self, Self::Convergence | Self::Liveness { .. })
    }

    /// Judges the expectation in a phase of the run. Lost writes and bad reads count in the phase that they
    /// were meant to start in, over the whole history for [`Phase::Always`], warm-up included. What availability
    /// or latency lack before the first fault is not refuted but inconclusive: the steady state that the
    /// hypothesis starts from never held.
    #[must_use]
    pub fn judge(&self, phase: Phase, evidence: &Evidence<'_>) -> Check {
        let mut edges = Vec::new();
        let finding = match *self {
            Self::Availability { at_least } => evidence.availability(phase, at_least),
            Self::Latency { quantile, at_most } => evidence.latency(phase, quantile, at_most),
            Self::Linearizable => evidence.linearizable(match evidence.model {
                Some(model) => model.linearizable(evidence.history, evidence.budget),
                None => linearizable_as_asked(evidence.history, evidence.budget),
            }),
            Self::LostWrites { at_most } => evidence.lost_writes(phase, at_most, &mut edges),
            Self::StaleReads { at_most } => evidence.stale_reads(phase, at_most),
            Self::VersionsBehind { at_most } => evidence.versions_behind(phase, at_most),
            Self::Resurrected { at_most } => evidence.resurrected(phase, at_most),
            Self::ConflictingReads { at_most } => evidence.conflicting_reads(phase, at_most),
            Self::TVisibility { after, at_least } => evidence.t_visibility(phase, after, at_least),
            Self::Convergence => evidence.convergence(),
            Self::Invariants => evidence.invariants(),
            Self::Liveness { within } => evidence.liveness(within),
            Self::Consistent(Consistency::ReadCommitted) if evidence.has_transactions() => {
                evidence.isolation(Level::READ_COMMITTED, &mut edges)
            }
            Self::Consistent(consistency) => {
                let answer = consistency.judge(&Value::Nil, evidence.history, evidence.budget);
                evidence.consistent(consistency, answer)
            }
            Self::Queue(limits) => evidence.queue(phase, limits),
            Self::CounterBounds { at_least, at_most } => evidence.counter_bounds(phase, (at_least, at_most)),
            Self::MutualExclusion => evidence.mutual_exclusion(phase),
            Self::UniqueIds => evidence.unique_ids(phase),
            Self::OneLeaderPerEpoch => evidence.one_leader_per_epoch(phase),
            Self::InRole(ref limit) => evidence.in_role(phase, limit),
            Self::Isolation { at_least } => evidence.isolation(at_least, &mut edges),
        };
        let (verdict, explanation) = match (phase, finding.verdict) {
            (Phase::Before, Verdict::Refuted(Class::Availability | Class::Latency)) => {
                (Verdict::Inconclusive, format!("The steady state never held. {}", finding.explanation))
            }
            (_, verdict) => (verdict, finding.explanation),
        };
        Check {
            name: self.name().into(),
            service: None,
            phase,
            verdict,
            observed: finding.observed,
            expected: self.expected(),
            explanation,
            anomaly: finding.anomaly,
            prefix: finding.prefix,
            operations: finding.operations,
            edges,
        }
    }
}

impl Evidence<'_> {
    /// Why the phase's metrics say nothing, if they do not.
    fn nothing_to_measure(&self, phase: Phase, metrics: &Metrics) -> Option<Finding> {
        let why = if self.windows.of(phase).is_empty() {
            format!("The window \"{phase}\" is empty: no time of the run lies {}.", phase.words())
        } else if metrics.invoked == 0 {
            format!("The window \"{phase}\" is empty: no operation was meant to start {}.", phase.words())
        } else {
            return None;
        };
        Some(Finding::inconclusive("nothing", why))
    }

    fn operations_in(&self, phase: Phase) -> impl Iterator<Item = usize> {
        let operations = self.history.operations.iter().enumerate();
        operations.filter(move |(_, o)| self.windows.contains(phase, o.intended)).map(|(index, _)| index)
    }

    fn availability(&self, phase: Phase, at_least: u64) -> Finding {
        let metrics = Metrics::of(self.history, self.windows, phase);
        if let Some(finding) = self.nothing_to_measure(phase, &metrics) {
            return finding;
        }
        let (answered, invoked) = (metrics.answered(), metrics.invoked);
        let ratio = percent(metrics.availability().unwrap_or_default());
        let reached = reaches(at_least, AVAILABILITY_ALLOWANCE, invoked, invoked - answered);
        let is_unanswered = |&index: &usize| !self.history.operations[index].outcome.is_answered();
        let bad: Vec<usize> = self.operations_in(phase).filter(is_unanswered).take(NAMED).collect();
        let first = match bad.first() {
            Some(&first) => format!("; the first that was not: {}", clause(self.history, first)),
            None => String::new(),
        };
        let story =
            format!("Of {invoked} operations meant to start {}, {answered} were answered{first}.", phase.words());
        Finding::of_share(reached, Class::Availability, format!("{ratio} ({answered} of {invoked})"), bad, story)
    }

    fn latency(&self, phase: Phase, quantile: u64, at_most: Span) -> Finding {
        let metrics = Metrics::of(self.history, self.windows, phase);
        if let Some(finding) = self.nothing_to_measure(phase, &metrics) {
            return finding;
        }
        let (slow, invoked) = (metrics.slower_than(at_most), metrics.invoked);
        let latency = match metrics.latency(quantile) {
            None | Some(Span::MAX) => "never".into(),
            Some(latency) => format!("{} within {latency}", percent(quantile)),
        };
        let reached = reaches(quantile, QUANTILE_ALLOWANCE, invoked, slow);
        let lasted = |index: usize| {
            let operation = &self.history.operations[index];
            let span = operation.completed.since(operation.intended);
            if operation.outcome.is_answered() { span } else { Span::MAX }
        };
        let mut bad: Vec<usize> = self.operations_in(phase).filter(|&index| lasted(index) > at_most).collect();
        bad.sort_by_key(|&index| (std::cmp::Reverse(lasted(index)), index));
        bad.truncate(NAMED);
        let slowest = match bad.first() {
            Some(&slowest) => format!("; the slowest: {}", clause(self.history, slowest)),
            None => String::new(),
        };
        let story = format!(
            "Of {invoked} operations meant to start {}, {slow} took longer than {at_most} or were never answered{slowest}.",
            phase.words()
        );
        Finding::of_share(reached, Class::Latency, latency, bad, story)
    }

    fn invariants(&self) -> Finding {
        let Some(violations) = self.violations else {
            return Finding::inconclusive("nothing", "This kind of service declares no invariants.");
        };
        match violations {
            [] => Finding::holds("no violation", "After every event, what must never be true was not."),
            [(invariant, first), ..] => {
                let observed = format!("{}, the first of {invariant}", count(violations.len(), "violation"));
                Finding::refuted(Class::Safety, observed, first.clone(), Vec::new()).named(*invariant)
            }
        }
    }

    fn stale_reads(&self, phase: Phase, at_most: u64) -> Finding {
        let mut stale = stale_reads(self.history);
        stale.retain(|stale| self.counts(phase, stale.read));
        stale.sort_by_key(|stale| (std::cmp::Reverse(stale.by), stale.read));
        let story = match stale.first() {
            None => "Every read returned what was acknowledged before it began, or something newer.".into(),
            Some(worst) => format!(
                "The worst: {}, {} after what it read had been overwritten: {}.",
                clause(self.history, worst.read),
                worst.by,
                clause(self.history, worst.overwritten_by)
            ),
        };
        let observed = count(stale.len(), "stale read");
        let verdict = Finding::of_number(stale.len(), at_most);
        let operations = stale.iter().flat_map(|stale| [stale.read, stale.overwritten_by]).take(NAMED).collect();
        self.unless_vacuous(verdict, observed, story, operations)
    }

    fn conflicting_reads(&self, phase: Phase, at_most: u64) -> Finding {
        let mut reads = conflicting_reads(self.history);
        reads.retain(|&read| self.counts(phase, read));
        let observed = count(reads.len(), "conflicting read");
        let verdict = Finding::of_number(reads.len(), at_most);
        let explanation = match reads.first() {
            None if !could_see_a_conflict(self.history) => {
                return Finding::inconclusive(observed, "No read could have seen writes of two sessions at once.");
            }
            None => "Every read found one value.".into(),
            Some(&first) => format!("The first: {}.", clause(self.history, first)),
        };
        reads.truncate(NAMED);
        Finding::new(verdict, observed, explanation, reads)
    }

    fn t_visibility(&self, phase: Phase, after: Span, at_least: u64) -> Finding {
        let reads = freshness(self.history);
        let reads: Vec<_> = reads
            .iter()
            .filter(|read| self.counts(phase, read.read) && read.first_write.is_some_and(|since| since >= after))
            .collect();
        if reads.is_empty() {
            let why = format!("No answered read began {after} or more after a write of its object was acknowledged.");
            return Finding::inconclusive("nothing", why);
        }
        let mut stale: Vec<_> =
            reads.iter().filter_map(|read| read.stale).filter(|stale| stale.by >= after).collect();
        stale.sort_by_key(|stale| (std::cmp::Reverse(stale.by), stale.read));
        let (all, bad) = (reads.len() as u64, stale.len() as u64);
        let reached = reaches(at_least, AVAILABILITY_ALLOWANCE, all, bad);
        let worst = match stale.first() {
            None => String::new(),
            Some(worst) => format!(
                "; the worst: {}, {} after what it read had been overwritten: {}",
                clause(self.history, worst.read),
                worst.by,
                clause(self.history, worst.overwritten_by)
            ),
        };
        let story = format!(
            "Of {} that began {after} or more after a write of their object was acknowledged, {} returned that \
             or something newer{worst}.",
            count(reads.len(), "read"),
            all - bad
        );
        let observed = format!("{} ({} of {all})", percent(share_of(all - bad, all)), all - bad);
        let operations = stale.iter().flat_map(|stale| [stale.read, stale.overwritten_by]).take(NAMED).collect();
        let finding = Finding::of_share(reached, Class::Safety, observed, operations, story);
        self.unless_vacuous(finding.verdict, finding.observed, finding.explanation, finding.operations)
    }

    fn lost_writes(&self, phase: Phase, at_most: u64, edges: &mut Vec<Edge>) -> Finding {
        let mut answer = lost_writes(self.history, &FinalState::new(self.replicas));
        answer.lost.retain(|lost| self.counts(phase, lost.write));
        let observed = count(answer.lost.len(), "lost write");
        let verdict = Finding::of_number(answer.lost.len(), at_most);
        let is_write = |&index: &usize| is_acknowledged_write(&self.history.operations[index]);
        let writes = (0..self.history.operations.len()).filter(is_write).filter(|&index| self.counts(phase, index));
        let writes = writes.count();
        if verdict == Verdict::Holds && writes == 0 {
            return Finding::inconclusive(observed, "No write was acknowledged, so none could be lost.");
        }
        if verdict == Verdict::Holds && answer.examined == 0 {
            let why = "No replica was alive at the end, and no read began after a write was acknowledged.";
            return Finding::inconclusive(observed, why);
        }
        edges.extend(answer.lost.iter().take(NAMED).map(|lost| lost.edge(self.history)));
        let explanation = match answer.lost.first() {
            None => {
                format!("Each of {} was still there, or covered by a newer one.", count(writes, "acknowledged write"))
            }
            Some(lost) => format!("Of {}, the first lost: {}", count(writes, "acknowledged write"), lost.evidence),
        };
        let named = answer.lost.iter().flat_map(|lost| [Some(lost.write), lost.shown_by]).flatten();
        Finding::new(verdict, observed, explanation, named.take(NAMED).collect())
    }

    fn liveness(&self, within: Span) -> Finding {
        let Some(recovery) = self.recovery else {
            return Finding::inconclusive("nobody was asked", "The run ended before everything had healed.");
        };
        match recovery.within(within) {
            Liveness::Vacuous => {
                let why = "No client had used an object that it could have been asked for again.";
                Finding::inconclusive("nobody was asked", why)
            }
            Liveness::Live { probes, slowest } => {
                let explanation = format!(
                    "After everything had healed, each client completed an operation on each of its objects: {} in {slowest}.",
                    count(probes, "operation")
                );
                Finding::holds(format!("all within {slowest}"), explanation)
            }
            Liveness::Stuck { observed, story } => Finding::refuted(Class::Liveness, observed, story, Vec::new()),
        }
    }

    fn convergence(&self) -> Finding {
        let diverged = diverged(self.replicas);
        if let Some(Divergence { key, held }) = diverged.first() {
            let says = |(node, version, value): &(String, u64, crate::host::Value)| {
                format!("{node} holds {value} (version {version})")
            };
            let held: Vec<String> = held.iter().map(says).collect();
            let observed = format!("{} differ", count(diverged.len(), "object"));
            let explanation = format!("At the end the replicas differ on {key}: {}.", list(&held, NAMED));
            return Finding::refuted(Class::Safety, observed, explanation, Vec::new());
        }
        let objects = self.replicas.iter().map(|replica| replica.entries.len()).max().unwrap_or_default();
        let replicas = count(self.replicas.len(), "live replica");
        if self.replicas.len() < 2 || objects == 0 {
            let why = format!("{replicas} and {}: nothing could differ.", count(objects, "object"));
            return Finding::inconclusive("nothing to compare", why);
        }
        Finding::holds("all equal", format!("{replicas} agree on {}.", count(objects, "object")))
    }

    /// Whether an anomaly of the operation counts in the phase.
    fn counts(&self, phase: Phase, index: usize) -> bool {
        phase == Phase::Always || self.windows.contains(phase, self.history.operations[index].intended)
    }

    /// A consistency check's finding; "holds" only if something could have been seen.
    fn unless_vacuous(
        &self,
        verdict: Verdict,
        observed: String,
        explanation: String,
        operations: Vec<usize>,
    ) -> Finding {
        if verdict == Verdict::Holds && !could_see_a_foreign_write(self.history) {
            return Finding::inconclusive(observed, "No read could have seen another session's write.");
        }
        Finding::new(verdict, observed, explanation, operations)
    }
}

#[cfg(test)]
mod tests;
