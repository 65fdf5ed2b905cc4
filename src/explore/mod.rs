//! Floor 7: runs beside other runs.
//!
//! Absent here: another way to run a scenario. Everything goes through [`crate::scenario::Scenario::run`].

mod determinism;

pub use determinism::{Difference, check_determinism, first_difference};
