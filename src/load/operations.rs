//! What clients ask for.

use crate::host::{Key, Request, Value};
use crate::kernel::Draw;

/// A kind of operation that a load can be made of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum OperationKind {
    /// Read a register.
    Read,
    /// Write a value that no other operation of the run writes.
    Write,
    /// Replace the value that this client saw last under the key by a unique one.
    CompareAndSet,
    /// Put a unique element at the end of a log.
    Append,
    /// Put a unique element into a set.
    Insert,
    /// Add one to a counter.
    Add,
    /// Put a unique element at the end of a queue.
    Enqueue,
    /// Take the element at the head of a queue.
    Dequeue,
    /// Take a lock.
    Acquire,
    /// Give a lock back, with the token that this client was last given for it; 0 if none.
    Release,
    /// Several operations that take effect together: see [`Transactions`](super::Transactions).
    Transaction,
}

impl OperationKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Read,
        Self::Write,
        Self::CompareAndSet,
        Self::Append,
        Self::Insert,
        Self::Add,
        Self::Enqueue,
        Self::Dequeue,
        Self::Acquire,
        Self::Release,
        Self::Transaction,
    ];

    /// Its name in scenario files: that of its requests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::CompareAndSet => "compare_and_set",
            Self::Append => "append",
            Self::Insert => "insert",
            Self::Add => "add",
            Self::Enqueue => "enqueue",
            Self::Dequeue => "dequeue",
            Self::Acquire => "acquire",
            Self::Release => "release",
            Self::Transaction => "transaction",
        }
    }

    /// The request of this kind that writes `unique`, if it writes; a compare-and-set expects [`Value::Nil`], a release has
    /// the token 0, and a transaction is of `parts`.
    pub(super) fn request(self, key: Key, unique: i64, parts: impl FnOnce() -> Vec<Request>) -> Request {
        let value = Value::Int(unique);
        match self {
            Self::Read => Request::Read { key },
            Self::Write => Request::Write { key, value },
            Self::CompareAndSet => Request::CompareAndSet { key, expected: Value::Nil, new: value },
            Self::Append => Request::Append { key, element: unique },
            Self::Insert => Request::Insert { key, element: unique },
            Self::Add => Request::Add { key, delta: 1 },
            Self::Enqueue => Request::Enqueue { key, element: unique },
            Self::Dequeue => Request::Dequeue { key },
            Self::Acquire => Request::Acquire { key },
            Self::Release => Request::Release { key, token: 0 },
            Self::Transaction => Request::Transaction(parts()),
        }
    }
}

/// Kinds of operations, each chosen in proportion to its weight.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mix {
    /// Each kind with the sum of the weights up to and with its own.
    kinds: Vec<(u64, OperationKind)>,
    total: u64,
}

impl Mix {
    /// Operations of these weights; `None` if no weight is above zero, or their sum is beyond 2^64 - 1.
    #[must_use]
    pub fn new(weights: &[(OperationKind, u64)]) -> Option<Self> {
        let mut total = 0u64;
        let mut kinds = Vec::with_capacity(weights.len());
        for &(kind, weight) in weights {
            total = total.checked_add(weight)?;
            kinds.push((total, kind));
        }
        (total > 0).then_some(Self { kinds, total })
    }

    /// The kind of the next operation.
    pub(super) fn choose(&self, draws: &mut impl Draw) -> OperationKind {
        let chosen = draws.below(self.total);
        let place = self.kinds.partition_point(|&(weight_so_far, _)| weight_so_far <= chosen);
        self.kinds[place].1
    }
}

/// From one client's values to the next one's. An operation of a run takes several events, of which there are fewer than
/// 2^36, so no client has that many.
const CLIENT_STRIDE: u64 = 1_000_000_000_000;

/// How many clients there can be: the values of all fit into an `i64`.
pub(super) const MOST_CLIENTS: usize = 1 << 20;

/// A value of its own for each operation of each client, easy to trace back: 18 is of number 17 of the first client,
/// 1000000000018 of number 17 of the second.
pub(super) fn unique_value(client: u32, number: u64) -> i64 {
    let value = u64::from(client) * CLIENT_STRIDE + number + 1;
    value.cast_signed()
}

/// What a client knows of an object after an operation was answered: that it took effect and found `found`, or was
/// refused because of `found`. `None`: nothing new.
pub(super) fn seen<'a>(request: &'a Request, took_effect: bool, found: &'a Value) -> Option<(Key, &'a Value)> {
    match request {
        Request::Read { key } | Request::Acquire { key } if took_effect => Some((*key, found)),
        Request::Write { key, value } if took_effect => Some((*key, value)),
        Request::CompareAndSet { key, new, .. } => Some((*key, if took_effect { new } else { found })),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::SplitMix64;
    use std::collections::BTreeSet;

    use OperationKind::{CompareAndSet, Read, Write};

    #[test]
    fn names_are_those_of_the_requests() {
        for kind in OperationKind::ALL {
            assert_eq!(kind.name(), kind.request(Key(0), 1, Vec::new).kind());
        }
    }

    #[test]
    fn kinds_come_in_proportion_to_their_weights() {
        let mix = Mix::new(&[(Read, 60), (Write, 0), (CompareAndSet, 20)]).unwrap();
        let mut draws = SplitMix64::new(1);
        let mut counts = [0u32; 3];
        (0..10_000).for_each(|_| counts[mix.choose(&mut draws) as usize] += 1);
        // The deviation is the root of 10,000 * 3/4 * 1/4, about 43.
        assert!(counts[0].abs_diff(7_500) < 220 && counts[1] == 0, "{counts:?}");
    }

    #[test]
    fn a_mix_of_nothing_is_none() {
        assert_eq!(Mix::new(&[]), None);
        assert_eq!(Mix::new(&[(Read, 0), (Write, 0)]), None);
        assert_eq!(Mix::new(&[(Read, u64::MAX), (Write, 1)]), None);
    }

    #[test]
    fn values_are_unique() {
        let clients = [0, 1, 2, MOST_CLIENTS as u32 - 1];
        let numbers = [0, 1, 2, 999, 1 << 36];
        let values: BTreeSet<i64> =
            clients.iter().flat_map(|&client| numbers.map(|number| unique_value(client, number))).collect();
        assert_eq!(values.len(), clients.len() * numbers.len());
        assert!(values.iter().all(|&value| value >= 1));
        assert_eq!(unique_value(1, 17), 1_000_000_000_018);
    }

    #[test]
    fn what_an_answer_tells() {
        let key = Key(3);
        let (one, two) = (Value::Int(1), Value::Int(2));
        let cas = Request::CompareAndSet { key, expected: Value::Nil, new: one.clone() };
        assert_eq!(seen(&Request::Read { key }, true, &two), Some((key, &two)));
        assert_eq!(seen(&Request::Write { key, value: one.clone() }, true, &Value::Nil), Some((key, &one)));
        assert_eq!(seen(&cas, true, &Value::Nil), Some((key, &one)));
        assert_eq!(seen(&cas, false, &two), Some((key, &two)));
        assert_eq!(seen(&Request::Acquire { key }, true, &two), Some((key, &two)));
        assert_eq!(seen(&Request::Acquire { key }, false, &two), None);
    }
}
