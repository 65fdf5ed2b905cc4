//! The points of the kind `raft`.

use crate::store::RarePoint;
use crate::store::log::SHORT_GROUP;

pub(super) const COMPACT_NOW: RarePoint = RarePoint {
    name: "raft.compact_now",
    doc: "A replica takes a snapshot before it has to, and keeps no entry in memory that the snapshot stands for.",
};
pub(super) const HAND_OVER: RarePoint = RarePoint {
    name: "raft.hand_over",
    doc: "A leader lets another member take over, of its own accord, and takes no requests meanwhile.",
};
pub(super) const IMPATIENT: RarePoint = RarePoint {
    name: "raft.impatient",
    doc: "A replica stands for election at once; where reads go by leases, only when it has heard no leader for the shortest \
          election timeout.",
};
pub(super) const REJECT_APPEND: RarePoint = RarePoint {
    name: "raft.reject_append",
    doc: "A follower rejects entries that would fit, but never twice in a row, and the leader has to find out again where the logs \
          agree.",
};
pub(super) const SHORT_APPEND: RarePoint =
    RarePoint { name: "raft.short_append", doc: "A leader sends one entry alone where it could send several." };
pub(super) const STEP_DOWN: RarePoint =
    RarePoint { name: "raft.step_down", doc: "A leader steps down instead of speaking up." };

pub(super) const ALL: [RarePoint; 7] =
    [SHORT_GROUP, COMPACT_NOW, HAND_OVER, IMPATIENT, REJECT_APPEND, SHORT_APPEND, STEP_DOWN];
