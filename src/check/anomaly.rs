//! The kinds of violation that several checkers find, by the names of the literature where it has one.
//!
//! A name says of what kind a violation is and nothing of this one: no number, no node, no value. So runs that fail alike can be told by
//! it, and it stays what it is while a failure is made smaller. A stale read, a new-old inversion and two values at once are therefore one
//! kind: which of them shows depends on who happened to read when, and one bug shows as all of them. Transactions have names of
//! their own ([`super::transactions::AnomalyKind`]), queues theirs ([`super::QueueAnomaly`]).

/// No order of the operations explains the answers, although each could have been given.
pub(super) const NO_ORDER: &str = "no order";
/// Something was read that nobody wrote (Elle).
pub(super) const GARBAGE_READ: &str = "garbage read";
/// Something was read that certainly was not written: its write failed (Adya's G1a).
pub(super) const ABORTED_READ: &str = "aborted read";
/// Something was read before it was written.
pub(super) const FUTURE_READ: &str = "future read";
/// What was put in once is there twice (Elle).
pub(super) const DUPLICATE_ELEMENT: &str = "duplicate element";
/// An answer that no object gives, whatever happened before.
pub(super) const CONTRADICTORY_ANSWER: &str = "contradictory answer";
