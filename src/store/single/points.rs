//! The points of the kind `single`.

use crate::store::RarePoint;
use crate::store::log::SHORT_GROUP;

pub(super) const EARLY_SYNC: RarePoint = RarePoint {
    name: "single.early_sync",
    doc: "Acknowledged records are synced at once instead of at the end of the interval.",
};
pub(super) const HOLD_ANSWERS: RarePoint = RarePoint {
    name: "single.hold_answers",
    doc: "Writes that are accepted are acknowledged 5 ms later, or with the next ones.",
};
pub(super) const REFUSE_WRITE: RarePoint =
    RarePoint { name: "single.refuse_write", doc: "A write that could be taken is refused." };

pub(super) const ALL: [RarePoint; 4] = [EARLY_SYNC, HOLD_ANSWERS, REFUSE_WRITE, SHORT_GROUP];
