//! Floor 3: replicated data systems, written against the public `Node` trait that a user has, and nothing else.
//!
//! Absent here: JSON, checkers, and any way to time, chance, disk or network but the `Context`.

#[cfg(test)]
mod disk_trials;
#[cfg(test)]
mod harness;
mod log;
mod majority_register;
mod protocol;
mod quorum;
mod raft;
mod single;
mod transactional;

pub use majority_register::{MajorityRegister, MajorityRegisterNode, MajorityRegisterSafeguard};
pub use protocol::{Crashes, Promise, Protocol, RarePoint, Tolerance};
pub use quorum::{Quorum, QuorumNode, QuorumSafeguard, TooFew, Versioning};
pub use raft::{Raft, RaftNode, RaftReads, RaftSafeguard};
pub use single::{Single, SingleNode, SingleSafeguard, SyncPolicy};
pub use transactional::{Isolation, Transactional, TransactionalNode, TransactionalSafeguard};
