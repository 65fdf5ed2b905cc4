//! The points of the kind `quorum`.

use crate::store::RarePoint;
use crate::store::log::SHORT_GROUP;

pub(super) const ASK_ONE_MORE: RarePoint = RarePoint {
    name: "quorum.ask_one_more",
    doc: "A coordinator waits for one answer more than it needs, if the preference list has one.",
};
pub(super) const COMPARE_NOW: RarePoint = RarePoint {
    name: "quorum.compare_now",
    doc: "When an operation has ended, its coordinator compares what it holds with another replica at once.",
};
pub(super) const HAND_OFF_AGAIN: RarePoint = RarePoint {
    name: "quorum.hand_off_again",
    doc: "A hint that its owner has taken is kept, and handed off once more.",
};
pub(super) const SKIP_READ_REPAIR: RarePoint = RarePoint {
    name: "quorum.skip_read_repair",
    doc: "A read leaves replicas that it finds behind to anti-entropy.",
};
pub(super) const STAND_IN_EARLY: RarePoint = RarePoint {
    name: "quorum.stand_in_early",
    doc: "Another replica stands in for one of the preference list, or keeps its copy for it, although nothing is \
          known against that one.",
};

pub(super) const ALL: [RarePoint; 6] =
    [SHORT_GROUP, ASK_ONE_MORE, COMPARE_NOW, HAND_OFF_AGAIN, SKIP_READ_REPAIR, STAND_IN_EARLY];
