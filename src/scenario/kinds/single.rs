//! The settings of the kind `single`.

use crate::store::{Single, SingleSafeguard, SyncPolicy};

use super::super::input::{Fields, bare, kind, positive_duration, tagged};
use super::without;

pub(super) fn single(fields: &mut Fields<'_>) -> Option<Single> {
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
