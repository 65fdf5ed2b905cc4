//! Floor 5: verdicts. What a run's history and its end say about each expectation, and why.
//!
//! Absent here: stores, JSON, the event loop. A checker sees what clients saw (the history) and what the
//! replicas said of themselves at the end, nothing else; it never asks a store whether it did well.
//! No checker has a deadline in wall-clock time: a budget counts steps, so that it is spent at the same point
//! on every machine.
//!
//! Real-time order: one operation precedes another if it was answered before the other was invoked. Operations
//! that touch at one instant count as concurrent, unless one session ran both. An operation without a known
//! outcome precedes nothing.

mod anomaly;
mod any_model;
mod conflicts;
mod consistency;
mod contracts;
mod convergence;
mod durability;
mod expectation;
mod figures;
mod growing;
mod linearizable;
mod liveness;
mod metrics;
mod model;
mod models;
mod precedence;
mod roles;
mod sentence;
mod series;
mod staleness;
#[cfg(test)]
mod testing;
pub mod transactions;
mod vacuity;
mod verdict;
mod window;
mod writes;

pub use any_model::AnyModel;
pub use conflicts::conflicting_reads;
pub use consistency::{Consistency, Consistent, Guarantees, KAtomic, Recent, least_delay};
pub use contracts::{
    CounterReport, GENERATE, MutualExclusion, OutOfBounds, QueueAnomaly, QueueLimits, QueueReport, UniqueIds,
    counter_bounds, mutual_exclusion, queue_contract, unique_ids,
};
pub use convergence::{Divergence, Replica, diverged};
pub use durability::{FinalState, LostWrite, LostWrites, Resurrected, Resurrection, lost_writes, resurrected};
pub use expectation::{Evidence, Expectation, JudgedIsolation};
pub use figures::{Figure, Quantity, Subject, load_figures, service_figures};
pub use growing::{AppendLog, GrowOnlySet};
pub use linearizable::{
    Budget, Linearizability, Refutation, Sequential, linearizable, linearizable_as_asked, linearizes, linearizes_as,
    sequential,
};
pub use liveness::{Recovery, probes};
pub use metrics::{BILLION, Metrics, Quantiles};
pub use model::{Decision, Effect, Model, Register};
pub use models::{Counter, Fenced, FencedLock, Holder, Mutex, Queue, Queued};
pub use roles::{Declared, RoleLimit, Together};
pub use series::{Histogram, Slice, Traffic, histogram, series, traffic};
pub use staleness::{Freshness, StaleRead, freshness, stale_reads};
pub use verdict::{Check, Class, Edge, Prefix, Verdict};
pub use window::{Interval, Phase, Windows};
