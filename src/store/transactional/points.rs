//! The points of the kind `transactional`.

use crate::store::RarePoint;
use crate::store::log::SHORT_GROUP;

pub(super) const DELIVER_LATE: RarePoint = RarePoint {
    name: "transactional.deliver_late",
    doc: "A coordinator that has committed answers its client and tells the shards only when the time to ask again has come.",
};
pub(super) const INQUIRE_EARLY: RarePoint = RarePoint {
    name: "transactional.inquire_early",
    doc: "A shard asks at once what has become of the transaction that it prepares.",
};
pub(super) const REFUSE_PREPARE: RarePoint = RarePoint {
    name: "transactional.refuse_prepare",
    doc: "A shard votes against a transaction that it could commit.",
};
pub(super) const WASTE_TIMESTAMPS: RarePoint = RarePoint {
    name: "transactional.waste_timestamps",
    doc: "The oracle drops the timestamps that it has reserved, as a crash would, and has to reserve others before it answers.",
};

pub(super) const ALL: [RarePoint; 5] = [SHORT_GROUP, DELIVER_LATE, INQUIRE_EARLY, REFUSE_PREPARE, WASTE_TIMESTAMPS];
