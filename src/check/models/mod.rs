//! What objects other than registers are, one file each.

mod counter;
mod fifo;
mod lock;
mod queue;

pub use counter::Counter;
pub use lock::{Fenced, FencedLock, Holder, Mutex};
pub use queue::{Queue, Queued};

#[cfg(test)]
pub(super) mod tests;
