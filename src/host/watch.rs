//! Invariants that are looked at during the run, not only at its end.

use std::borrow::Cow;
use std::collections::BTreeSet;

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
    /// nothing is. What changed nothing may be left out. A checker that finds no order although this one explains everything
    /// is wrong.
    fn applied(&self) -> Cow<'_, [Request]> {
        Cow::Borrowed(&[])
    }

    /// A copy of its own, for a clone of the simulation.
    fn boxed_clone(&self) -> Box<dyn Watch<N>>;
}

/// Invariants as closures.
///
/// ```
/// use partita::prelude::*;
///
/// struct Replica {
///     committed: u64,
///     stored: u64,
/// }
///
/// let invariants = Invariants::<Replica>::new().with("commits_what_it_stores", |_, replica| {
///     let (committed, stored) = (replica.committed, replica.stored);
///     (committed > stored).then(|| format!("committed up to {committed}, and stored up to {stored}"))
/// });
/// let watch: Option<Box<dyn Watch<Replica>>> = Some(Box::new(invariants)); // What `Protocol::invariants` answers.
/// ```
pub struct Invariants<N> {
    each: Vec<Box<dyn Watch<N>>>,
}

impl<N> Invariants<N> {
    /// What several watches look at; `None` if there is none.
    pub(crate) fn together(mut watches: Vec<Box<dyn Watch<N>>>) -> Option<Box<dyn Watch<N>>>
    where
        N: 'static,
    {
        if watches.len() > 1 { Some(Box::new(Self { each: watches })) } else { watches.pop() }
    }

    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { each: Vec::new() }
    }

    /// Adds one: `look` is called with a replica after each of its handlers, and answers what is wrong with it, in a sentence,
    /// if anything is. As long as that goes on it is one breach. What the closure captures is its memory; each run begins with
    /// what it was at first.
    #[must_use]
    pub fn with(
        mut self,
        invariant: &'static str,
        look: impl FnMut(NodeId, &N) -> Option<String> + Clone + Send + 'static,
    ) -> Self {
        self.each.push(Box::new(Closure { invariant, look, broken: BTreeSet::new() }));
        self
    }
}

impl<N> Default for Invariants<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<N: 'static> Watch<N> for Invariants<N> {
    fn look(&mut self, node: NodeId, replica: &N) -> Vec<Breach> {
        self.each.iter_mut().flat_map(|watch| watch.look(node, replica)).collect()
    }

    fn applied(&self) -> Cow<'_, [Request]> {
        let known = self.each.iter().map(|watch| watch.applied()).find(|applied| !applied.is_empty());
        known.unwrap_or(Cow::Borrowed(&[]))
    }

    fn boxed_clone(&self) -> Box<dyn Watch<N>> {
        Box::new(Self { each: self.each.iter().map(|watch| watch.boxed_clone()).collect() })
    }
}

/// One invariant, and the replicas of which it does not hold.
#[derive(Clone)]
struct Closure<F> {
    invariant: &'static str,
    look: F,
    broken: BTreeSet<NodeId>,
}

impl<N, F: FnMut(NodeId, &N) -> Option<String> + Clone + Send + 'static> Watch<N> for Closure<F> {
    fn look(&mut self, node: NodeId, replica: &N) -> Vec<Breach> {
        let Some(explanation) = (self.look)(node, replica) else {
            self.broken.remove(&node);
            return Vec::new();
        };
        let is_new = self.broken.insert(node);
        is_new.then_some(Breach { invariant: self.invariant, explanation }).into_iter().collect()
    }

    fn boxed_clone(&self) -> Box<dyn Watch<N>> {
        Box::new(self.clone())
    }
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
    /// When it took on another one, or its process ended; `None` if it is in it.
    pub until: Option<Time>,
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

    pub(crate) fn applied(&self) -> Cow<'_, [Request]> {
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
