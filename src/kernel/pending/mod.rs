//! The set of pending events: which key is the least?
//!
//! # What it optimises
//!
//! A simulator asks this question for every event. [`Ladder`] answers it in a time that hardly depends on how many
//! events are pending, in the exact order of the keys, with no parameter to tune or to adapt while running, and
//! without a bad case: equal times, bursts, and times up to the end of representable time cost no more than a heap.
//!
//! # How it works
//!
//! A *wheel* holds the later keys. A time is a number of base-64 digits, and a key waits in the slot of the highest
//! digit in which its time differs from the wheel's base, which is a past instant (a radix heap: Ahuja, Mehlhorn,
//! Orlin and Tarjan, J. ACM 37(2), 1990, section 2; as a timer wheel: Varghese and Lauck, SOSP 1987, scheme 7). A
//! slot is a plain vector in no order, so that a push is an append. As time advances, the first slot is dealt to
//! finer ones until it is small or one single instant; then it is sorted, and becomes the *run*.
//!
//! The *run* holds every key up to an instant, its reach, ascending. A pop is a step of a cursor; a push within reach
//! is an insertion among few keys. When such pushes fill the run, its later part goes back to the wheel. One instant
//! cannot be divided like that: a run that consists of a single one takes further keys at its end, and what belongs into
//! its middle waits in a small heap, the *stragglers*.
//!
//! Looking at the least key moves neither the run nor the base, so earlier keys may still follow. Keys earlier than
//! the last one popped are sorted correctly too; but many of them, before the wheel's base, make the stragglers the only
//! structure in use.
//!
//! # What it costs
//!
//! Each key moves down at most eleven levels, in practice two or three, always through sequential memory.
//! Nanoseconds per event of the hold model (pop one, push one; exponential delays; the smallest cost of loop and draws
//! is 5), by the number of pending events, with 16-byte keys unless stated otherwise:
//!
//! | structure | 100 | 1,000 | 10^4 | 10^5 | 10^6 |
//! |---|---|---|---|---|---|
//! | this ladder, prototype | 23 | 26 | 29 | 39 | 46 |
//! | calendar queue (Brown 1988), slab lists | 22 | 21 | 23 | 37 | 161 |
//! | ladder queue (Tang, Goh and Thng 2005) | 23 | 22 | 25 | 62 | 164 |
//! | 4-ary heap, branch-free | 27 | 35 | 54 | 69 | 340 |
//! | hierarchical timer wheel, slab lists | 29 | 26 | 27 | 44 | 322 |
//! | radix heap, binary | 37 | 40 | 43 | 46 | 54 |
//! | std heap, `(time, sequence, node)` | 38 | 43 | 75 | 133 | 678 |
//! | std `BTreeMap` | 74 | 92 | 117 | 165 | 447 |
//!
//! The calendar queue is the fastest on smooth small sets, but needs its bucket width adapted, and collapses when
//! times are quantised (2,084 ns at 10^6). Whatever links keys in lists misses the cache at 10^6.

mod heap;
mod ladder;
#[cfg(test)]
mod tests;
mod wheel;

pub use heap::StdHeap;
pub use ladder::Ladder;

use super::EventKey;

/// A set of keys that gives back the least. Every implementation gives the same answers.
pub trait Pending: Clone + Default {
    /// Adds a key. Its time should not be earlier than that of the last key popped, which may cost speed;
    /// its class may be lower.
    fn push(&mut self, key: EventKey);

    /// Takes the least key.
    fn pop(&mut self) -> Option<EventKey>;

    /// The least key, which stays; a smaller one may still be pushed.
    fn peek(&mut self) -> Option<EventKey>;

    /// A key that is likely to be popped after so many others, if that is known without a search.
    #[inline]
    fn upcoming(&self, _after: usize) -> Option<EventKey> {
        None
    }

    /// How many keys are pending.
    fn len(&self) -> usize;

    /// Whether no key is pending.
    #[inline]
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets every key and every time, as if new, but keeps its memory; takes time in proportion to what is pending.
    fn clear(&mut self);

    /// Forgets the keys for which `keep` is false. Each key is visited once, in an order that is not part of the contract.
    fn retain(&mut self, keep: impl FnMut(EventKey) -> bool);
}
