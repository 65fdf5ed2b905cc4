//! The settings of the kind `transactional`.

use crate::store::{Isolation, Transactional, TransactionalSafeguard};

use super::super::input::{Fields, bare, positive_duration, tagged};
use super::without;

pub(super) fn transactional(fields: &mut Fields<'_>) -> Option<Transactional> {
    let default = Transactional::default();
    let levels = vec![
        bare(
            "serializable",
            "What was committed when it began, and is so still at its commit.",
            Isolation::Serializable,
        ),
        bare("snapshot", "What was committed when it began; the first to commit a write wins.", Isolation::Snapshot),
        bare("read_committed", "What is committed at the time of each read.", Isolation::ReadCommitted),
        bare("read_uncommitted", "What may never be committed, too.", Isolation::ReadUncommitted),
    ];
    let isolation = fields.optional(
        "isolation",
        "What a transaction sees of others.",
        tagged("isolation", levels),
        "serializable",
    );
    let resend_after = fields.optional(
        "resend_after",
        "After how long is asked again what was not answered.",
        positive_duration(),
        default.resend_after.to_string(),
    );
    let timeout = fields.optional(
        "timeout",
        "How long a coordinator tries before it gives a transaction up.",
        positive_duration(),
        default.timeout.to_string(),
    );
    let without = without(fields, TransactionalSafeguard::ALL.map(|safeguard| (safeguard.name(), safeguard)));
    Some(Transactional { isolation: isolation?, resend_after: resend_after?, timeout: timeout?, without: without? })
}
