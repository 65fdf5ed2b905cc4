//! Roles that nodes declare: in each epoch at most one leader.

use std::collections::BTreeMap;

use crate::kernel::Time;

/// A replica that took on a role, as it said itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Declared {
    /// When.
    pub at: Time,
    /// The replica's name.
    pub node: String,
    /// The role.
    pub role: &'static str,
    /// In which epoch: a term, a view, a ballot.
    pub epoch: u64,
}

/// The role of which there is at most one in each epoch.
pub(super) const LEADER: &str = "leader";

/// Which leaders took on their role in an epoch that another replica had led, each with the first one of its epoch.
pub(super) fn shared_epochs(declared: &[Declared]) -> Vec<(&Declared, &Declared)> {
    let mut first: BTreeMap<u64, &Declared> = BTreeMap::new();
    let leaders = declared.iter().filter(|declared| declared.role == LEADER);
    leaders
        .filter_map(|leader| {
            let holder = *first.entry(leader.epoch).or_insert(leader);
            (holder.node != leader.node).then_some((leader, holder))
        })
        .collect()
}
