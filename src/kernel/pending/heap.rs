//! The standard library's binary heap as a pending-event set: the oracle of the tests, the yardstick of the
//! benches.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Pending;
use crate::kernel::EventKey;

/// Keys in a binary heap: O(log n) a push and a pop, no assumption about time.
#[derive(Clone, Debug, Default)]
pub struct StdHeap(BinaryHeap<Reverse<EventKey>>);

impl Pending for StdHeap {
    #[inline]
    fn push(&mut self, key: EventKey) {
        self.0.push(Reverse(key));
    }

    #[inline]
    fn pop(&mut self) -> Option<EventKey> {
        self.0.pop().map(|Reverse(key)| key)
    }

    #[inline]
    fn peek(&mut self) -> Option<EventKey> {
        self.0.peek().map(|&Reverse(key)| key)
    }

    #[inline]
    fn len(&self) -> usize {
        self.0.len()
    }

    fn clear(&mut self) {
        self.0.clear();
    }

    fn retain(&mut self, mut keep: impl FnMut(EventKey) -> bool) {
        self.0.retain(|&Reverse(key)| keep(key));
    }
}
