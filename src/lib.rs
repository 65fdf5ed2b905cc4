//! Partita, a deterministic simulator of distributed systems.
//!
//! A scenario says which services run, who calls them, what breaks and what is expected to hold; one seed
//! decides everything else. The same scenario and seed give the same run, event for event, on every machine.

pub mod call;
pub mod check;
pub mod fault;
pub mod host;
pub mod kernel;
pub mod load;
pub mod scenario;
pub mod store;
