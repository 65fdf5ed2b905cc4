//! Real-time order, as every checker here understands it.

use std::collections::BTreeMap;

use crate::host::Key;
use crate::load::{History, Operation, Outcome};

/// Whether `a` was over before `b` began. Strict: operations of two sessions that touch at one instant are
/// concurrent, because the history does not say which event of that instant came first.
pub(super) fn precedes(a: &Operation, b: &Operation) -> bool {
    let bounded = !matches!(a.outcome, Outcome::Info(_));
    let same_session = a.session == b.session && (a.invoked, a.number) < (b.invoked, b.number);
    bounded && (a.completed < b.invoked || (same_session && a.completed <= b.invoked))
}

/// The operations of each object, by index, in the order of invocation. Requests that concern no single object
/// are left out.
pub(super) fn objects(history: &History) -> BTreeMap<Key, Vec<usize>> {
    let mut objects: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    for (index, operation) in history.operations.iter().enumerate() {
        if let Some(key) = operation.request.key() {
            objects.entry(key).or_default().push(index);
        }
    }
    for operations in objects.values_mut() {
        operations.sort_by_key(|&index| history.operations[index].invoked);
    }
    objects
}
