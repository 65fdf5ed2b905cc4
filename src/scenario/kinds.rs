//! The built-in kinds of service, and how their settings are read.

use std::collections::BTreeSet;

use crate::store::{MajorityRegister, MajorityRegisterSafeguard, Single, SingleSafeguard, SyncPolicy};

use super::input::{Fields, Shape, bare, kind, list, one_of, positive_duration, tagged};
use super::registry::Registry;

/// Adds every built-in kind.
pub(super) fn add_to(registry: Registry) -> Registry {
    registry
        .with(
            "single",
            "One node with a write-ahead log: a register and compare-and-set store.",
            Single::REPLICAS..=Single::REPLICAS,
            single,
        )
        .with(
            "majority_register",
            "Registers read and written by majorities, without a leader (Attiya, Bar-Noy, Dolev 1995).",
            3..=1_001,
            majority_register,
        )
}

fn single(fields: &mut Fields<'_>) -> Option<Single> {
    let policies = vec![
        bare("always", "Before a write is acknowledged.", SyncPolicy::Always),
        kind("interval", "So often: a crash takes the writes since.", positive_duration().map(SyncPolicy::Interval)),
        bare("never", "Not at all: a crash may take every write.", SyncPolicy::Never),
    ];
    let sync =
        fields.optional("sync", "When written records are made durable.", tagged("sync policy", policies), "always");
    let without = without(fields, SingleSafeguard::ALL.map(|safeguard| (safeguard.name(), safeguard)));
    Some(Single { sync: sync?, without: without? })
}

fn majority_register(fields: &mut Fields<'_>) -> Option<MajorityRegister> {
    let default = MajorityRegister::default();
    let resend_after = fields.optional(
        "resend_after",
        "After how long a coordinator asks those replicas again that have not answered.",
        positive_duration(),
        default.resend_after.to_string(),
    );
    let timeout = fields.optional(
        "timeout",
        "How long a coordinator tries before it gives an operation up.",
        positive_duration(),
        default.timeout.to_string(),
    );
    let without = without(fields, MajorityRegisterSafeguard::ALL.map(|safeguard| (safeguard.name(), safeguard)));
    Some(MajorityRegister { resend_after: resend_after?, timeout: timeout?, without: without? })
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
