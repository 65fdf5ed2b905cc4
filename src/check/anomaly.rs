//! The kinds of violation that several checkers find, by the names of the literature where it has one.
//!
//! A name says of what kind a violation is and nothing of this one: no number, no node, no value. So runs that fail alike can be told by
//! it, and it stays what it is while a failure is made smaller. Transactions have names of their own
//! ([`super::transactions::AnomalyKind`]), queues theirs ([`super::QueueAnomaly`]).

/// A read returned what had been overwritten before it began (Jepsen, Elle).
pub(super) const STALE_READ: &str = "stale read";
/// A read returned a newer value, and a later one an older value again (Lamport 1986, "On Interprocess Communication").
pub(super) const INVERSION: &str = "new-old inversion";
/// Two values would have had to be held at once (Gibbons and Korach 1997).
pub(super) const OVERLAPPING_ZONES: &str = "overlapping zones";
/// Something was read that nobody wrote (Elle).
pub(super) const GARBAGE_READ: &str = "garbage read";
/// Something was read that certainly was not written: its write failed (Adya's G1a).
pub(super) const ABORTED_READ: &str = "aborted read";
/// Something was read before it was written.
pub(super) const FUTURE_READ: &str = "future read";
/// An answer that no object gives, whatever happened before.
pub(super) const CONTRADICTORY_ANSWER: &str = "contradictory answer";
/// No order of the operations explains the answers, and no simpler pattern is known.
pub(super) const NO_ORDER: &str = "no order";
/// What was put in once is there twice (Elle).
pub(super) const DUPLICATE_ELEMENT: &str = "duplicate element";
/// Two reads of which neither continues the other (Elle).
pub(super) const INCOMPATIBLE_ORDER: &str = "incompatible order";
/// Something is put in before, and found after, something else.
pub(super) const OUT_OF_ORDER: &str = "out of order";
/// A queue was found empty that never was.
pub(super) const FALSE_EMPTY: &str = "false empty";
