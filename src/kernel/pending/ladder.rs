//! The pending-event set of the kernel: a monotone radix wheel that feeds a short sorted run.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Pending;
use super::wheel::{KEPT_CAPACITY, Wheel};
use crate::kernel::{EventKey, Span, Time};

/// A slot of the wheel with more keys is dealt to lower levels before it is sorted.
const RUN_TARGET: usize = 24;
/// A run with this many keys gives its later part back to the wheel before it takes another one.
const RUN_LIMIT: usize = 48;

/// Keys in a wheel and a run; see the module's documentation.
///
/// Invariant: what the run and the stragglers hold is not later than `reach`, what the wheel holds is later, and
/// the base of the wheel is not later than `reach`.
#[derive(Clone, Debug, Default)]
pub struct Ladder {
    len: usize,
    /// Ascending from `head` on; what is before it has been popped.
    run: Vec<EventKey>,
    head: usize,
    /// Every key up to this instant is in the run or among the stragglers.
    reach: Time,
    /// Keys within reach that a full run does not take; empty unless an instant is crowded.
    stragglers: BinaryHeap<Reverse<EventKey>>,
    wheel: Wheel,
}

impl Pending for Ladder {
    #[inline]
    fn push(&mut self, key: EventKey) {
        self.len += 1;
        if key.time() > self.reach {
            self.wheel.push(key);
        } else if self.run.len() - self.head < RUN_LIMIT {
            self.insert(key);
        } else {
            self.insert_into_crowd(key);
        }
    }

    #[inline]
    fn pop(&mut self) -> Option<EventKey> {
        let key = match self.run.get(self.head) {
            Some(&key) if self.stragglers.is_empty() => {
                self.head += 1;
                key
            }
            _ => self.pop_elsewhere()?,
        };
        self.len -= 1;
        Some(key)
    }

    #[inline]
    fn peek(&mut self) -> Option<EventKey> {
        let straggler = self.stragglers.peek().map(|&Reverse(key)| key);
        let front = self.run.get(self.head).copied().into_iter().chain(straggler).min();
        front.or_else(|| self.wheel.peek())
    }

    #[inline]
    fn upcoming(&self, after: usize) -> Option<EventKey> {
        self.run.get(self.head + after).copied()
    }

    #[inline]
    fn len(&self) -> usize {
        self.len
    }

    fn clear(&mut self) {
        self.len = 0;
        self.run.clear();
        self.head = 0;
        self.reach = Time::ZERO;
        self.stragglers.clear();
        self.wheel.clear();
    }

    fn retain(&mut self, mut keep: impl FnMut(EventKey) -> bool) {
        self.run.drain(..self.head);
        self.head = 0;
        let mut kept = 0;
        let mut count = |key| {
            let keep = keep(key);
            kept += usize::from(keep);
            keep
        };
        self.run.retain(|&key| count(key));
        self.stragglers.retain(|&Reverse(key)| count(key));
        self.wheel.retain(&mut count);
        self.len = kept;
    }
}

impl Ladder {
    #[inline]
    fn insert(&mut self, key: EventKey) {
        if self.run.len() == self.run.capacity() && self.head >= self.run.len() / 2 {
            self.run.drain(..self.head);
            self.head = 0;
        }
        let mut at = self.run.len();
        self.run.push(key);
        while at > self.head && self.run[at - 1] > key {
            self.run[at] = self.run[at - 1];
            at -= 1;
        }
        self.run[at] = key;
    }

    /// Takes a key within reach while the run is full.
    #[cold]
    #[inline(never)]
    fn insert_into_crowd(&mut self, key: EventKey) {
        self.spill();
        if key.time() > self.reach {
            self.wheel.push(key);
        } else if self.run.len() - self.head < RUN_LIMIT {
            self.insert(key);
        } else if self.run.last().is_some_and(|&last| last < key) {
            self.run.push(key);
        } else {
            // One instant with many keys cannot be split, and inserting into the middle of them would be quadratic.
            self.stragglers.push(Reverse(key));
        }
    }

    /// Gives the later instants of the run back to the wheel, as far as the wheel can take them.
    fn spill(&mut self) {
        if !self.stragglers.is_empty() {
            return;
        }
        let (first, pivot) = (self.run[self.head].time(), self.run[self.head + RUN_TARGET].time());
        let before_pivot = if first < pivot { pivot - Span::from_nanos(1) } else { pivot };
        let reach = before_pivot.max(self.wheel.base());
        if reach >= self.reach {
            return;
        }
        self.reach = reach;
        let cut = self.run.partition_point(|key| key.time() <= reach);
        for key in self.run.drain(cut..) {
            self.wheel.push(key);
        }
    }

    /// Pops when the head of the run may not be the earliest key.
    #[inline(never)]
    fn pop_elsewhere(&mut self) -> Option<EventKey> {
        if let Some(&Reverse(straggler)) = self.stragglers.peek() {
            return match self.run.get(self.head) {
                Some(&key) if key < straggler => {
                    self.head += 1;
                    Some(key)
                }
                _ => self.stragglers.pop().map(|Reverse(key)| key),
            };
        }
        self.refill();
        let key = *self.run.first()?;
        self.head = 1;
        Some(key)
    }

    /// Fills the run, which is used up, with the earliest slot of the wheel.
    fn refill(&mut self) {
        self.run.clear();
        self.run.shrink_to(KEPT_CAPACITY);
        self.stragglers.shrink_to(KEPT_CAPACITY);
        self.head = 0;
        if let Some(reach) = self.wheel.drain_first(RUN_TARGET, &mut self.run) {
            self.reach = reach;
            self.run.sort_unstable();
        }
    }
}
