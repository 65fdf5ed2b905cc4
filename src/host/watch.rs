//! Invariants that are looked at during the run, not only at its end.

use crate::kernel::Time;

use super::{NodeId, Request};

/// Watches the replicas of one service and knows what must never be true of them.
///
/// It looks from outside: it draws nothing, sends nothing and changes nothing, so that a watched run is the same run. It
/// may remember what it saw, of other replicas too (who led in which term, what was ever committed).
pub trait Watch<N>: Send {
    /// Looks at a replica after one of its handlers has run. Answers what is wrong now that was not before; each once.
    fn look(&mut self, node: NodeId, replica: &N) -> Vec<Breach>;

    /// The requests that took effect so far, in the order in which the service let them, as far as that is known; by default
    /// nothing is. A checker that finds no order although this one explains everything is wrong.
    fn applied(&self) -> &[Request] {
        &[]
    }

    /// A copy of its own, for a clone of the simulation.
    fn boxed_clone(&self) -> Box<dyn Watch<N>>;
}

/// An invariant that does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Breach {
    /// The invariant's name: `election_safety`.
    pub invariant: &'static str,
    /// What was seen, in a sentence.
    pub explanation: String,
}

/// A [`Breach`] with its place in the run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// When.
    pub at: Time,
    /// The record of the event after which it was seen.
    pub record: u64,
    /// The replica that was looked at.
    pub node: NodeId,
    /// What is wrong.
    pub breach: Breach,
}

/// A role that a node took on ([`Context::role`](super::Context::role)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RoleTaken {
    /// When.
    pub at: Time,
    /// The node.
    pub node: NodeId,
    /// The role.
    pub role: &'static str,
    /// In which epoch.
    pub epoch: u64,
}

/// The invariants of one service: as they are at the start of a run, and as they are now.
pub(crate) struct Watcher<N> {
    pristine: Box<dyn Watch<N>>,
    current: Box<dyn Watch<N>>,
}

impl<N> Watcher<N> {
    pub(crate) fn new(pristine: Box<dyn Watch<N>>) -> Self {
        Self { current: pristine.boxed_clone(), pristine }
    }

    pub(crate) fn look(&mut self, node: NodeId, replica: &N) -> Vec<Breach> {
        self.current.look(node, replica)
    }

    pub(crate) fn applied(&self) -> &[Request] {
        self.current.applied()
    }

    pub(crate) fn reset(&mut self) {
        self.current = self.pristine.boxed_clone();
    }
}

impl<N> Clone for Watcher<N> {
    fn clone(&self) -> Self {
        Self { pristine: self.pristine.boxed_clone(), current: self.current.boxed_clone() }
    }
}
