//! A model whose type is not known where its objects are judged: that of a user's own kind of service.

use std::fmt;
use std::sync::Arc;

use super::linearizable::{Budget, Linearizability, linearizable, linearizes_as};
use super::model::Model;
use super::vacuity::could_meet_another;
use crate::host::{Key, Request};
use crate::load::History;

/// Any [`Model`].
#[derive(Clone)]
pub struct AnyModel(Arc<dyn Judge>);

/// What is asked of a model here.
trait Judge: Send + Sync {
    fn linearizable(&self, history: &History, budget: Budget) -> Linearizability;
    fn linearizes(&self, history: &History, key: Key, applied: &[Request]) -> bool;
    fn object_of(&self, request: &Request) -> Option<Key>;
}

impl<M: Model + Send + Sync> Judge for M {
    fn linearizable(&self, history: &History, budget: Budget) -> Linearizability {
        linearizable(self, history, budget)
    }

    fn linearizes(&self, history: &History, key: Key, applied: &[Request]) -> bool {
        linearizes_as(self, history, Some(key), applied)
    }

    fn object_of(&self, request: &Request) -> Option<Key> {
        self.object(request)
    }
}

impl AnyModel {
    /// This model.
    pub fn new(model: impl Model + Send + Sync + 'static) -> Self {
        Self(Arc::new(model))
    }

    /// Judges every object of the history, as [`linearizable`] does.
    #[must_use]
    pub fn linearizable(&self, history: &History, budget: Budget) -> Linearizability {
        self.0.linearizable(history, budget)
    }

    /// Whether the requests `applied`, in that order, linearize the operations on an object, as [`linearizes_as`] says.
    pub(super) fn linearizes(&self, history: &History, key: Key, applied: &[Request]) -> bool {
        self.0.linearizes(history, key, applied)
    }

    /// Whether some answered operation could have seen what another session did to its object.
    pub(super) fn could_see_another(&self, history: &History) -> bool {
        could_meet_another(history, |request| self.0.object_of(request))
    }
}

impl fmt::Debug for AnyModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyModel")
    }
}
