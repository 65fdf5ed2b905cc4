//! What a node keeps for others that could not be reached, until they can.
//!
//! `DeCandia` et al., Dynamo, SOSP 2007, section 4.6: a version that its owner did not take is kept by another node with a
//! hint whose it is, in a local database of its own that is looked through periodically; when the owner is back it is handed
//! over, and only then forgotten.

use std::collections::BTreeMap;

use crate::host::{Context, Key, NodeId, NodeSet};

use super::message::{Errand, QuorumMessage as Message};
use super::points;
use super::record::Change;
use super::version::Versions;
use super::{QuorumNode, QuorumTimer as Timer};

/// The hinted versions of one node.
#[derive(Clone, Debug, Default)]
pub(super) struct Hints {
    kept: BTreeMap<(Key, NodeId), Versions>,
}

impl Hints {
    pub(super) fn keep(&mut self, key: Key, owner: NodeId, versions: &Versions) {
        self.kept.entry((key, owner)).or_default().merge(versions);
    }

    /// Forgets what the owner has taken; what came in the meantime stays.
    pub(super) fn release(&mut self, key: Key, owner: NodeId, taken: &Versions) {
        if let Some(kept) = self.kept.get_mut(&(key, owner)) {
            kept.remove_all(taken);
            if kept.is_empty() {
                self.kept.remove(&(key, owner));
            }
        }
    }

    /// What is kept of an object, for whomever.
    pub(super) fn of(&self, key: Key) -> impl Iterator<Item = &Versions> {
        self.kept.range((key, NodeId(0))..=(key, NodeId(u32::MAX))).map(|(_, versions)| versions)
    }

    /// Whether these need not be kept once more.
    pub(super) fn covers_all(&self, key: Key, owner: NodeId, versions: &Versions) -> bool {
        self.kept.get(&(key, owner)).is_some_and(|kept| kept.covers_all(versions))
    }
}

type Cx<'a> = Context<'a, QuorumNode>;

impl QuorumNode {
    /// Offers what is kept to its owners: all of it to those that seem to be back, and one object to the others, to find out.
    pub(super) fn hand_off(&mut self, cx: &mut Cx<'_>) {
        cx.set_timer(Timer::HandOff, self.settings.hand_off_every);
        let (now, patience) = (cx.monotonic_now(), self.settings.suspect_after);
        let mut asked = NodeSet::default();
        let is_offered = |(_, owner): &(Key, NodeId)| {
            let is_first = asked.insert(*owner);
            is_first || !self.failures.suspects(*owner, now, patience)
        };
        let offered: Vec<_> = self.replica.hints.kept.keys().copied().filter(is_offered).collect();
        self.handing_off.clear();
        for (key, owner) in offered {
            let versions = self.replica.hints.kept[&(key, owner)].clone();
            let number = self.next_operation();
            self.handing_off.insert(number, (key, owner, versions.clone()));
            self.failures.asked(owner, now);
            cx.send(owner, Message::Store { errand: Errand::HandOff(number), key, owner, versions });
        }
    }

    /// An owner has taken what was kept for it.
    pub(super) fn handed_off(&mut self, number: u64, cx: &mut Cx<'_>) {
        if let Some((key, owner, versions)) = self.handing_off.remove(&number) {
            cx.reached("a hint was handed off");
            if cx.maybe(points::HAND_OFF_AGAIN.name) {
                return;
            }
            self.replica.change(Change::Release { key, owner, versions }, cx);
        }
    }
}
