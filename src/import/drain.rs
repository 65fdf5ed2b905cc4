//! Drains of queues as what they are: takings of one process, one after the other, until it finds nothing.
//!
//! The takings of a drain share its session and its interval, since nobody knows when within it each happened, and count
//! up from 0 under a client of their own; so [`Operation::is_in_series_with`] knows them.

use std::collections::BTreeMap;

use super::Fault;
use crate::host::{Key, Request, Value};
use crate::load::{Operation, Outcome};

/// So many takings of drains of unknown outcome are told.
const MOST: usize = 1_000_000;

/// The takings of a drain that took these elements in this order, and then found nothing. `drain` says when, and who.
pub(super) fn takings(drain: &Operation, elements: Vec<i64>) -> impl Iterator<Item = Operation> {
    let found = elements.into_iter().map(Value::Int).chain([Value::Nil]);
    (0..).zip(found).map(|(number, found)| Operation { number, outcome: Outcome::Ok(found), ..drain.clone() })
}

/// Puts takings of unknown outcome in the place of each drain of unknown outcome (by place, and where it is in the file): as many as
/// the queue had elements that no taking is known to have taken, because it may have taken all of these or any.
pub(super) fn unknown_takings(
    operations: Vec<Operation>,
    drains: &[(usize, usize)],
) -> Result<Vec<Operation>, Fault> {
    let Some(&(_, at)) = drains.first() else { return Ok(operations) };
    let left = left(&operations);
    let takings = |place: usize| {
        let key = operations[place].request.key();
        key.and_then(|key| left.get(&key)).copied().unwrap_or(0).max(1)
    };
    let all = drains.iter().map(|&(place, _)| takings(place)).fold(0, usize::saturating_add);
    if all > MOST {
        let says = format!(
            "what the {} drains took whose outcome is unknown is more than can be judged: {all} takings, where {MOST} are \
             the most; leave out those that do not matter",
            drains.len()
        );
        return Err(Fault::new(at, says));
    }
    let copies: BTreeMap<usize, usize> = drains.iter().map(|&(place, _)| (place, takings(place))).collect();
    let mut told = Vec::with_capacity(operations.len() + all);
    for (place, operation) in operations.into_iter().enumerate() {
        match copies.get(&place) {
            None => told.push(operation),
            Some(&count) => {
                told.extend((0..count as u64).map(|number| Operation { number, ..operation.clone() }));
            }
        }
    }
    Ok(told)
}

/// How many elements were put into each queue, or may have been, that no taking is known to have taken.
fn left(operations: &[Operation]) -> BTreeMap<Key, usize> {
    let mut counts: BTreeMap<(Key, i64), i64> = BTreeMap::new();
    for operation in operations {
        match (&operation.request, &operation.outcome) {
            (Request::Enqueue { key, element }, Outcome::Ok(_) | Outcome::Info(_)) => {
                *counts.entry((*key, *element)).or_default() += 1;
            }
            (Request::Dequeue { key }, Outcome::Ok(Value::Int(element))) => {
                *counts.entry((*key, *element)).or_default() -= 1;
            }
            _ => {}
        }
    }
    let mut left: BTreeMap<Key, usize> = BTreeMap::new();
    for ((key, _), count) in counts {
        *left.entry(key).or_default() += usize::try_from(count).unwrap_or(0);
    }
    left
}
