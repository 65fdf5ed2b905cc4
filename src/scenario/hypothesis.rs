//! The `hypothesis` part of a scenario: what is expected to hold, and when.

use crate::check::transactions::{IsolationLevel, Level, Order};
use crate::check::{Consistency, Expectation, Guarantees, Phase, QueueAnomaly, QueueLimits, RoleLimit, Together};
use crate::kernel::Span;

use super::input::{
    Fields, Kind, Shape, Spanned, bare, count, duration, integer, kind, list, non_empty_list, object, one_of,
    positive_duration, ratio, tagged, text,
};

/// What is expected to hold in a run.
#[derive(Clone, Debug, Default)]
pub struct Hypothesis {
    /// Expectations with their phase, in the order of the file.
    pub expectations: Vec<(Phase, Expectation)>,
    /// How long after the last fault's end the phase "after" begins.
    pub within: Span,
    /// The roles that expectations name.
    pub(super) roles: Vec<Spanned<String>>,
}

/// An expectation, and the role that it names.
type Written = (Expectation, Option<Spanned<String>>);

pub(super) fn hypothesis() -> Shape<Hypothesis> {
    object(|fields| {
        let none = || serde_json::json!([]);
        let before = fields.optional("before", "The steady state, before the first fault.", expectations(), none());
        let during = fields.optional("during", "What holds while faults last.", expectations(), none());
        let after = fields.maybe("after", "What holds again after the last fault.", object(after));
        let always = fields.optional("always", "What holds over the whole run.", expectations(), none());
        let (within, after) = after?.unwrap_or_default();
        let phases =
            [(Phase::Before, before?), (Phase::During, during?), (Phase::After, after), (Phase::Always, always?)];
        let (mut expectations, mut roles) = (Vec::new(), Vec::new());
        for (phase, written) in phases {
            for (expectation, role) in written {
                expectations.push((phase, expectation));
                roles.extend(role);
            }
        }
        Some(Hypothesis { expectations, within, roles })
    })
}

fn after(fields: &mut Fields<'_>) -> Option<(Span, Vec<Written>)> {
    let within = fields.optional("within", "How long it may take to recover.", duration(), "0s");
    let hold = fields.required("hold", "What holds from then on.", expectations());
    Some((within?, hold?))
}

fn expectations() -> Shape<Vec<Written>> {
    let alone = |Kind { name, doc, settings }| kind(name, doc, settings.map(|expectation| (expectation, None)));
    let kinds = kinds().into_iter().map(alone).chain([in_role()]);
    list(tagged("expectation", kinds.collect()))
}

/// How many replicas may be in a role together.
fn in_role() -> Kind<Written> {
    kind(
        "in_role",
        "No more replicas than so many are in a role together, as they declare themselves.",
        object(|fields| {
            let role = fields.required("role", "The role.", text().spanned());
            let at_most = fields.required("at_most", "How many replicas.", count(1..=u64::from(u32::MAX)));
            let per = fields.optional(
                "per",
                "Which of them are together: those that are in it at one instant, or those of one epoch (term, view, ballot).",
                one_of([("instant", Together::Instant), ("epoch", Together::Epoch)]),
                "instant",
            );
            let (role, at_most, per) = (role?, at_most?, per?);
            let limit = RoleLimit { role: role.value.clone(), at_most, per };
            Some((Expectation::InRole(limit), Some(role)))
        }),
    )
}

fn kinds() -> Vec<Kind<Expectation>> {
    vec![
        kind(
            "availability",
            "The share of the operations that are answered, a definite \"no\" included.",
            object(|fields| {
                let at_least = fields.required("at_least", "The smallest share.", ratio());
                Some(Expectation::Availability { at_least: at_least? })
            }),
        ),
        kind(
            "latency",
            "How long answers take, from the intended start; unanswered operations take for ever.",
            object(|fields| {
                let quantile = fields.optional("quantile", "Which share must be in time.", ratio(), 0.99);
                let at_most = fields.required("at_most", "The longest that they may take.", positive_duration());
                Some(Expectation::Latency { quantile: quantile?, at_most: at_most? })
            }),
        ),
        bare(
            "linearizable",
            "Every object behaves as if operations took effect one after the other, each between its start and its answer.",
            Expectation::Linearizable,
        ),
        kind(
            "lost_writes",
            "Acknowledged writes that are gone.",
            object(|fields| Some(Expectation::LostWrites { at_most: at_most(fields)? })),
        ),
        kind(
            "stale_reads",
            "Reads that return what was overwritten before they began.",
            object(|fields| Some(Expectation::StaleReads { at_most: at_most(fields)? })),
        ),
        kind(
            "versions_behind",
            "How many newer versions had been acknowledged before a read began.",
            object(|fields| Some(Expectation::VersionsBehind { at_most: at_most(fields)? })),
        ),
        kind(
            "resurrected",
            "What failed, or was replaced by what somebody has read, and is there at the end.",
            object(|fields| Some(Expectation::Resurrected { at_most: at_most(fields)? })),
        ),
        kind(
            "conflicting_reads",
            "Reads that find several values at once, because the store could not put their writes in order.",
            object(|fields| Some(Expectation::ConflictingReads { at_most: at_most(fields)? })),
        ),
        kind(
            "t_visibility",
            "The share of the reads that return nothing older than the last write acknowledged some time before they began.",
            object(|fields| {
                let after = fields.required("after", "How long before they began.", duration());
                let at_least = fields.required("at_least", "The smallest share.", ratio());
                Some(Expectation::TVisibility { after: after?, at_least: at_least? })
            }),
        ),
        bare(
            "invariants",
            "What the kind of service declares of its own insides is true after every event.",
            Expectation::Invariants,
        ),
        kind(
            "liveness",
            "After everything has healed, every client completes an operation on every object that it uses.",
            object(|fields| {
                let within = fields.required("within", "How long that may take.", positive_duration());
                Some(Expectation::Liveness { within: within? })
            }),
        ),
        bare("convergence", "All live replicas hold the same at the end.", Expectation::Convergence),
    ]
    .into_iter()
    .chain(consistency_kinds())
    .chain(contract_kinds())
    .chain(isolation_kinds())
    .collect()
}

/// Consistency models weaker than linearizability, for registers.
fn consistency_kinds() -> Vec<Kind<Expectation>> {
    let model = |name: &str, doc: &str, model: Consistency| bare(name, doc, Expectation::Consistent(model));
    let guarantees = Guarantees::EACH.map(|guarantee| (guarantee.to_string().replace(' ', "_"), guarantee));
    vec![
        model(
            "sequential",
            "One order that keeps each session's own explains all objects together.",
            Consistency::Sequential,
        ),
        model("causal", "Who sees a write sees what happened before it.", Consistency::Causal),
        model("read_atomic", "Sessions see their own writes, in one order of all writes.", Consistency::ReadAtomic),
        model(
            "read_committed",
            "Reads see what was written, and nothing of their own future.",
            Consistency::ReadCommitted,
        ),
        kind(
            "session_guarantees",
            "These guarantees hold together.",
            non_empty_list(one_of(guarantees)).map(|chosen| {
                let together = chosen.into_iter().fold(Guarantees::NONE, Guarantees::and);
                Expectation::Consistent(Consistency::Session(together))
            }),
        ),
        kind(
            "k_atomic",
            "A read sees one of the last values of its object.",
            object(|fields| {
                let versions = fields.required("versions", "How many values that is.", count(1..=1_000));
                Some(Expectation::Consistent(Consistency::KAtomic(versions?)))
            }),
        ),
        kind(
            "delta_atomic",
            "Every object is linearizable if each read had begun earlier.",
            object(|fields| {
                let at_most = fields.required("at_most", "By how much earlier.", duration());
                Some(Expectation::Consistent(Consistency::DeltaAtomic(at_most?)))
            }),
        ),
    ]
}

/// What is asked of objects that need not be linearizable, and of who leads.
fn contract_kinds() -> Vec<Kind<Expectation>> {
    vec![
        kind(
            "queue",
            "What goes into a queue comes out, once, in order, but for so many anomalies.",
            object(|fields| {
                let limit = |fields: &mut Fields<'_>, anomaly: QueueAnomaly, doc: &str| {
                    fields.optional(anomaly.name(), doc, count(0..=u64::MAX), 0)
                };
                let limits = [
                    (QueueAnomaly::Lost, "How many elements may go in, be acknowledged, and never come out."),
                    (QueueAnomaly::Duplicated, "How often an element may be handed out to two at once."),
                    (QueueAnomaly::Reordered, "How many elements may come out after what was put in later."),
                    (QueueAnomaly::Redelivered, "How often an element may come out again after it came out."),
                    (QueueAnomaly::Unexpected, "How often something may come out that was not put in."),
                ]
                .map(|(anomaly, doc)| Some((anomaly, limit(fields, anomaly, doc)?)));
                let limits = limits.into_iter().collect::<Option<Vec<_>>>()?;
                let none = QueueLimits::default();
                Some(Expectation::Queue(
                    limits.into_iter().fold(none, |all, (anomaly, limit)| all.with(anomaly, limit)),
                ))
            }),
        ),
        kind(
            "counter_bounds",
            "No sum that a counter tells is less than what was certainly added before, or more than what may have been added.",
            object(|fields| {
                let any = || integer(i64::MIN..=i64::MAX);
                let at_least = fields.maybe("at_least", "The least sum that may be told.", any());
                let at_most = fields.maybe("at_most", "The greatest sum that may be told.", any());
                Some(Expectation::CounterBounds { at_least: at_least?, at_most: at_most? })
            }),
        ),
        bare(
            "mutual_exclusion",
            "Nobody holds a lock while somebody else does, and its fencing tokens grow.",
            Expectation::MutualExclusion,
        ),
        bare(
            "unique_ids",
            "Every answer to the custom request \"generate\" is an id that nobody else is given.",
            Expectation::UniqueIds,
        ),
        bare(
            "one_leader_per_epoch",
            "In no epoch (term, view, ballot) do two replicas declare that they lead.",
            Expectation::OneLeaderPerEpoch,
        ),
    ]
}

/// Isolation levels of transactions, the usual ones by their own names.
fn isolation_kinds() -> Vec<Kind<Expectation>> {
    let levels = || Level::all().map(|level| (level.to_string().replace(' ', "_"), level));
    let usual = |name: &str, doc: &str, isolation, order| {
        bare(name, doc, Expectation::Isolation { at_least: Level { isolation, order } })
    };
    vec![
        kind(
            "isolation",
            "What transactions see of each other.",
            object(move |fields| {
                let at_least = fields.required("at_least", "The weakest isolation level.", one_of(levels()));
                Some(Expectation::Isolation { at_least: at_least? })
            }),
        ),
        usual(
            "strict_serializable",
            "Transactions take effect one after the other, each between its start and its answer.",
            IsolationLevel::Serializable,
            Order::Realtime,
        ),
        usual(
            "serializable",
            "Transactions take effect as if one after the other.",
            IsolationLevel::Serializable,
            Order::Any,
        ),
        usual(
            "snapshot_isolation",
            "Each transaction reads one state, and none overwrites what it has not seen.",
            IsolationLevel::SnapshotIsolation,
            Order::Any,
        ),
    ]
}

fn at_most(fields: &mut Fields<'_>) -> Option<u64> {
    fields.optional("at_most", "How many there may be.", count(0..=u64::MAX), 0)
}
