//! The points of the kind `majority_register`.

use crate::store::RarePoint;
use crate::store::log::SHORT_GROUP;

pub(super) const ASK_FEWER: RarePoint = RarePoint {
    name: "majority_register.ask_fewer",
    doc: "A coordinator asks a bare majority of the replicas, and the others only if these do not answer in time.",
};
pub(super) const ASK_TWICE: RarePoint =
    RarePoint { name: "majority_register.ask_twice", doc: "A coordinator asks every replica twice." };
pub(super) const GIVE_UP_EARLY: RarePoint = RarePoint {
    name: "majority_register.give_up_early",
    doc: "A coordinator gives an operation up when the time has come to ask again, long before its timeout.",
};
pub(super) const WRITE_BACK: RarePoint = RarePoint {
    name: "majority_register.write_back",
    doc: "A read writes back what it has found although a majority holds it.",
};

pub(super) const ALL: [RarePoint; 5] = [SHORT_GROUP, ASK_FEWER, ASK_TWICE, GIVE_UP_EARLY, WRITE_BACK];
