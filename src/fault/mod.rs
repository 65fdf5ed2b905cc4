//! Floor 2: the fault plan, where it comes from, whom it hits.
//!
//! Whatever fails in a run is an entry of one explicit [`Plan`]: what ([`Effect`]), whom ([`Selector`]), when
//! ([`Start`]). A [`Nemesis`] makes such entries before the run starts. An [`Injector`] lets the plan happen to a
//! simulation and accounts for each fault: whom it hit, from when to when, and how much it touched. Three things hold for every fault:
//!
//! 1. Faults are independent. What one does ends with it, and with it alone; what one chooses at random comes from
//!    a stream of its own name. Removing a fault changes nothing before its start and no other fault's choice.
//! 2. Faults at one instant end before others start, and go by their ids; clocks change last.
//! 3. Selectors are resolved when the fault starts, and the resolved plan replays to the same run.
//!
//! Absent here: how a host crashes or a link is cut (floor 1), JSON, and what a fault that touched nothing means.

mod budget;
mod family;
mod found;
mod injector;
mod links;
mod nemesis;
mod nodes;
mod otherwise;
mod plan;
mod selector;
mod staged;
mod trigger;
mod validate;

#[cfg(test)]
mod tests;

pub use budget::Keep;
pub use family::{FAMILIES, Family, Parameter, families_page};
pub use found::{CLIENT, RECOVERING, SERVING};
pub use injector::{FaultReport, Injector};
pub use links::{Clogging, LinkEffect, LinkSelector, Pattern, Swizzle};
pub use nemesis::Nemesis;
pub use nodes::NodeEffect;
pub use plan::{Effect, Fault, Group, Plan, Shape};
pub use selector::{Selector, Which};
pub use staged::{MOST_TURNS, Program, Stage, Stages};
pub use trigger::{Start, Trigger};
pub use validate::{Ground, PlanError, PlanMistake, check};
