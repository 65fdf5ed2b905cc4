//! Replicas compare what they hold, and give each other what one lacks.
//!
//! `DeCandia` et al., Dynamo, SOSP 2007, section 4.7: hinted handoff is enough while nodes fail rarely and for a short time;
//! where hints are lost before they are handed off, replicas compare [hash trees](super::merkle). The scheme is push-pull
//! (Demers et al., Epidemic Algorithms for Replicated Database Maintenance, PODC 1987, section 1.3), but a node goes through
//! its partners in tours of random order, so that it meets each of them once in a tour.

use crate::host::{Context, Key, NodeId};
use crate::kernel::Draw;

use super::merkle::{LEAVES, Leaf, Tree, TreeNode};
use super::message::QuorumMessage as Message;
use super::record::Change;
use super::version::Versions;
use super::{QuorumNode, QuorumTimer as Timer};

type Cx<'a> = Context<'a, QuorumNode>;

impl QuorumNode {
    /// Begins an exchange with the next partner.
    pub(super) fn compare_with_next(&mut self, cx: &mut Cx<'_>) {
        cx.set_timer(Timer::AntiEntropy, self.settings.anti_entropy_every);
        if self.tour.is_empty() {
            self.tour = cx.others().collect();
            cx.random().shuffle(&mut self.tour);
        }
        if let Some(partner) = self.tour.pop()
            && self.replica.is_open()
        {
            let root = self.tree(partner).root();
            cx.send(partner, Message::Compare { level: 0, nodes: vec![root] });
        }
    }

    /// A partner tells of nodes on one level of its tree: the exchange goes on below those that differ, and ends if none does.
    pub(super) fn compare(&mut self, from: NodeId, level: u32, nodes: &[TreeNode], cx: &mut Cx<'_>) {
        if !self.replica.is_open() {
            return;
        }
        let tree = self.tree(from);
        let differing: Vec<_> = tree.differing(level, nodes).collect();
        if differing.is_empty() {
            return;
        }
        if level < LEAVES {
            let nodes = differing.iter().flat_map(|&place| tree.children(level, place)).collect();
            cx.send(from, Message::Compare { level: level + 1, nodes });
        } else {
            let leaves: Vec<_> = differing.into_iter().map(Leaf).collect();
            let objects = self.shared_in(from, &leaves);
            cx.send(from, Message::Offer { leaves, objects });
        }
    }

    /// A partner shows all that it holds in these leaves. Takes what is new, and gives what the partner lacks.
    pub(super) fn offered(&mut self, from: NodeId, leaves: &[Leaf], objects: &[(Key, Versions)], cx: &mut Cx<'_>) {
        let known = |key: &Key| objects.binary_search_by_key(key, |(key, _)| *key).map(|place| &objects[place].1);
        let lacks = |(key, versions): &(Key, Versions)| known(key).map_or(true, |known| !known.covers_all(versions));
        let missing: Vec<_> = self.shared_in(from, leaves).into_iter().filter(lacks).collect();
        for (key, versions) in objects {
            if !self.replica.held(*key).covers_all(versions) {
                cx.reached("anti-entropy brought a version");
                self.replica.change(Change::Merge { key: *key, versions: versions.clone() }, cx);
            }
        }
        if !missing.is_empty() {
            cx.send(from, Message::Offer { leaves: Vec::new(), objects: missing });
        }
    }

    /// The tree of what this node holds of the objects that both are to hold.
    fn tree(&self, partner: NodeId) -> Tree {
        let shared = self.replica.objects().filter(|(key, _)| self.is_shared(*key, partner));
        Tree::of(shared.map(|(key, object)| (key, object.hash)))
    }

    fn shared_in(&self, partner: NodeId, leaves: &[Leaf]) -> Vec<(Key, Versions)> {
        let in_leaves = |key: Key| leaves.contains(&Leaf::of(key)) && self.is_shared(key, partner);
        let objects = self.replica.objects().filter(|(key, _)| in_leaves(*key));
        objects.map(|(key, object)| (key, object.versions.clone())).collect()
    }

    fn is_shared(&self, key: Key, partner: NodeId) -> bool {
        let preferred: Vec<_> = self.preferred(key).collect();
        preferred.contains(&partner) && preferred.contains(&self.me)
    }
}
