//! Points in the code of nodes where a rare thing may happen, as `FoundationDB`'s BUGGIFY.
//!
//! What happens there is legal: it breaks nothing that the node promises, and leads to where runs seldom come. The draw is a
//! function of the node, the point and how often the node has passed it, so switching a point on shifts no other draw.

use crate::kernel::{Draw, Time, stable_hash_str};

use super::core::Core;
use super::record::Tag;
use super::{NodeId, Simulation};

/// A point of [`super::Context::maybe`] that is switched on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Point {
    /// How many of 10^9 passes do the rare thing.
    pub ppb: u64,
    /// From here on it is switched on.
    pub start: Time,
    /// From here on it is not any more.
    pub stop: Time,
    /// How often nodes passed it while it was.
    pub passed: u64,
    /// How often they did the rare thing.
    pub taken: u64,
}

impl Point {
    /// Switched on from the beginning to the end of a run, and not passed yet.
    #[must_use]
    pub const fn always(ppb: u64) -> Self {
        Self { ppb, start: Time::ZERO, stop: Time::MAX, passed: 0, taken: 0 }
    }

    /// As it was before anybody passed it.
    pub(super) const fn reset(&mut self) {
        (self.passed, self.taken) = (0, 0);
    }
}

impl Core {
    /// Whether a point does its rare thing this time. Where none is switched on that costs a look at an empty map.
    #[inline]
    pub(crate) fn maybe(&mut self, node: NodeId, name: &str) -> bool {
        !self.maybes.is_empty() && self.pass(node, name)
    }

    fn pass(&mut self, node: NodeId, name: &str) -> bool {
        let now = self.now();
        let Some(point) = self.maybes.get_mut(name) else { return false };
        if now < point.start || now >= point.stop {
            return false;
        }
        let part = &mut self.parts[node.0 as usize];
        let hash = stable_hash_str(name);
        let passed = part.maybes.entry(hash).or_default();
        *passed += 1;
        let is_taken = self.draws.maybe.link(part.name_hash, hash).draws(*passed).chance(point.ppb);
        point.passed += 1;
        point.taken += u64::from(is_taken);
        if is_taken {
            self.annotate(Tag::Maybe, node, 0, name);
        }
        is_taken
    }
}

impl Simulation {
    /// The points of [`super::Context::maybe`] that are switched on, by name.
    pub fn maybes(&self) -> impl Iterator<Item = (&str, Point)> {
        self.core.maybes.iter().map(|(name, &point)| (name.as_str(), point))
    }
}
