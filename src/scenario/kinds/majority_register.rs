//! The settings of the kind `majority_register`.

use crate::store::{MajorityRegister, MajorityRegisterSafeguard};

use super::super::input::{Fields, positive_duration};
use super::without;

pub(super) fn majority_register(fields: &mut Fields<'_>) -> Option<MajorityRegister> {
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
