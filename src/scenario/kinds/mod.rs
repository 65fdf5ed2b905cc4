//! The built-in kinds of service, and how their settings are read: a file for each.

mod majority_register;
mod quorum;
mod raft;
mod single;
mod transactional;

use std::collections::BTreeSet;

use crate::store::Single;

use super::input::{Fields, Shape, list, one_of};
use super::registry::Registry;

/// Adds every built-in kind.
pub(super) fn add_to(registry: Registry) -> Registry {
    registry
        .with(
            "single",
            "One node with a write-ahead log: a register and compare-and-set store.",
            Single::REPLICAS..=Single::REPLICAS,
            single::single,
        )
        .with(
            "majority_register",
            "Registers read and written by majorities, without a leader (Attiya, Bar-Noy, Dolev 1995).",
            3..=1_001,
            majority_register::majority_register,
        )
        .with(
            "quorum",
            "Always writeable: R and W of N replicas answer, and versions are reconciled later (Dynamo, 2007).",
            3..=100,
            quorum::quorum,
        )
        .with("raft", "A replicated state machine with a leader (Ongaro 2014).", 3..=1_001, raft::raft)
        .with(
            "transactional",
            "Objects on shards, and transactions across them: snapshots, and two-phase commit.",
            3..=100,
            transactional::transactional,
        )
}

/// The safeguards that are taken away.
fn without<S, const N: usize>(fields: &mut Fields<'_>, safeguards: [(&'static str, S); N]) -> Option<BTreeSet<S>>
where
    S: Copy + Ord + Send + Sync + 'static,
{
    let shape: Shape<BTreeSet<S>> = list(one_of(safeguards)).map(|taken| taken.into_iter().collect());
    fields.optional(
        "without",
        "Safeguards that are taken away, to see what they are there for.",
        shape,
        serde_json::json!([]),
    )
}
