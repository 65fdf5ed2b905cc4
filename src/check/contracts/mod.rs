//! What can be asked of objects that are not linearizable, or need not be: queues, counters, locks, unique ids.
//!
//! Each contract is judged by counting, without a search, and names what broke it. Nobody is accused of what an operation
//! of unknown outcome may have done.

mod counter;
mod mutual_exclusion;
mod queue;
#[cfg(test)]
mod tests;
mod unique_ids;

pub use counter::{CounterReport, OutOfBounds, counter_bounds};
pub use mutual_exclusion::{MutualExclusion, mutual_exclusion};
pub use queue::{QueueAnomaly, QueueLimits, QueueReport, queue_contract};
pub use unique_ids::{GENERATE, UniqueIds, unique_ids};
