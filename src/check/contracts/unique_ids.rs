//! Unique ids: nobody is given what somebody else was given.

use std::collections::BTreeMap;

use crate::check::sentence::clause;
use crate::host::{Request, Value};
use crate::load::{History, Outcome};

/// The request for an id: [`Request::Custom`] of this name.
pub const GENERATE: &str = "generate";

/// What was found of the ids that were given out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UniqueIds {
    /// How many were given out.
    pub given: u64,
    /// Who was given an id that was given out before, and who had it first, as indices.
    pub repeated: Vec<(usize, usize)>,
}

impl UniqueIds {
    /// The first repetition in a sentence.
    #[must_use]
    pub fn story(&self, history: &History) -> Option<String> {
        let &(again, first) = self.repeated.first()?;
        Some(format!("{} was given what another had: {}.", clause(history, again), clause(history, first)))
    }
}

/// Looks at every answer to [`GENERATE`]. What an operation of unknown outcome was given, nobody has.
#[must_use]
pub fn unique_ids(history: &History) -> UniqueIds {
    let mut found = UniqueIds::default();
    let mut first: BTreeMap<&Value, usize> = BTreeMap::new();
    for (index, operation) in history.operations.iter().enumerate() {
        if let (Request::Custom { name, .. }, Outcome::Ok(id)) = (&operation.request, &operation.outcome)
            && name == GENERATE
        {
            found.given += 1;
            match first.get(id) {
                Some(&before) => found.repeated.push((index, before)),
                None => drop(first.insert(id, index)),
            }
        }
    }
    found
}
