//! Floor 4: clients and the history that they record.
//!
//! A client's operations are drawn, or listed in a script; sessions run them, one at a time each, through the drivers of
//! [`crate::call`]. What a generated run did can be written out as scripts, which replay to the same history.
//!
//! Absent here: JSON, checkers, stores. A client knows of a service only what it answers.

mod arrivals;
mod client;
mod engine;
mod history;
mod keys;
mod operations;
mod plan;
mod recording;
mod settings;
mod transactions;

pub use arrivals::{Arrivals, Rate, Spacing};
pub use engine::Load;
pub use history::{History, Operation, Outcome};
pub use keys::Keys;
pub use operations::{Mix, OperationKind};
pub use recording::Recording;
pub use settings::{Answers, ClientSettings, Generated, Inserts, LoadError, ScriptedOperation, Workload};
pub use transactions::{Objects, Transactions};
