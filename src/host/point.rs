//! Points in the code of nodes where a rare thing may happen, as `FoundationDB`'s BUGGIFY.

use crate::kernel::{Draw, stable_hash_str};

use super::core::Core;
use super::{NodeId, Simulation};

/// A point of [`super::Context::maybe`] that is switched on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Point {
    /// How many of 10^9 passes do the rare thing.
    pub ppb: u64,
    /// How often nodes passed it.
    pub passed: u64,
    /// How often they did the rare thing.
    pub taken: u64,
}

impl Core {
    /// Whether a switched-on point does its rare thing this time.
    pub(crate) fn maybe(&mut self, node: NodeId, name: &str) -> bool {
        let Some(point) = self.maybes.get_mut(name) else { return false };
        let part = &mut self.parts[node.0 as usize];
        let hash = stable_hash_str(name);
        let passed = part.maybes.entry(hash).or_default();
        *passed += 1;
        let is_taken = self.draws.maybe.link(part.name_hash, hash).draws(*passed).chance(point.ppb);
        point.passed += 1;
        point.taken += u64::from(is_taken);
        is_taken
    }
}

impl Simulation {
    /// The points of [`super::Context::maybe`] that are switched on, by name.
    pub fn maybes(&self) -> impl Iterator<Item = (&str, Point)> {
        self.core.maybes.iter().map(|(name, &point)| (name.as_str(), point))
    }
}
