//! Real-time order, as every checker here understands it.

use std::collections::BTreeMap;

use crate::host::{Key, Request};
use crate::kernel::Time;
use crate::load::{History, Operation, Outcome};

/// Whether `a` was over before `b` began. Strict: operations of two sessions that touch at one instant are
/// concurrent, because the history does not say which event of that instant came first.
pub(super) fn precedes(a: &Operation, b: &Operation) -> bool {
    let bounded = !matches!(a.outcome, Outcome::Info(_));
    let same_session = a.session == b.session && (a.invoked, a.number) < (b.invoked, b.number);
    bounded && (a.completed < b.invoked || (same_session && a.completed <= b.invoked))
}

/// For each operation (in the order of invocation, by its session, its invocation and its end, if it has one) the one of its
/// session that ends at the very instant of its invocation: of what precedes an operation, all that times alone do not tell.
/// A session has one operation at a time, but reads that are judged as if they had begun earlier overlap with what their
/// session did before.
pub(super) fn predecessors(operations: impl Iterator<Item = (u64, Time, Option<Time>)>) -> Vec<Option<u32>> {
    // Of each session those that may still touch a later one, the last of each end.
    let mut latest: BTreeMap<u64, Vec<(u32, Time)>> = BTreeMap::new();
    let predecessor = |(place, (session, call, end)): (u32, (u64, Time, Option<Time>))| {
        let own = latest.entry(session).or_default();
        own.retain(|&(_, other)| other >= call);
        let touching = own.iter().find(|&&(_, other)| other == call).map(|&(other, _)| other);
        if let Some(end) = end {
            own.retain(|&(_, other)| other != end);
            own.push((place, end));
        }
        touching
    };
    (0..).zip(operations).map(predecessor).collect()
}

/// The series of takings among these operations, each in its order: what drains took.
pub(super) fn series(history: &History, operations: &[usize]) -> Vec<Vec<usize>> {
    let operation = |index: usize| &history.operations[index];
    let mut takings: Vec<usize> = operations.to_vec();
    takings.retain(|&index| operation(index).is_in_series_with(operation(index)));
    takings.sort_by_key(|&index| {
        let Operation { session, invoked, completed, number, .. } = operation(index);
        (*session, *invoked, *completed, *number)
    });
    let runs = takings.chunk_by(|&one, &next| operation(one).is_in_series_with(operation(next)));
    runs.filter(|run| run.len() > 1).map(<[usize]>::to_vec).collect()
}

/// The operations of each object, by index, in the order of invocation. Requests that concern no single object
/// are left out.
pub(super) fn objects(history: &History) -> BTreeMap<Key, Vec<usize>> {
    objects_by(history, Request::key)
}

/// The same, where `object` says which object a request is about.
pub(super) fn objects_by(history: &History, object: impl Fn(&Request) -> Option<Key>) -> BTreeMap<Key, Vec<usize>> {
    let mut objects: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
    for (index, operation) in history.operations.iter().enumerate() {
        if let Some(key) = object(&operation.request) {
            objects.entry(key).or_default().push(index);
        }
    }
    for operations in objects.values_mut() {
        operations.sort_by_key(|&index| history.operations[index].invoked);
    }
    objects
}
