//! Floor 3: the client side of a call: whom to ask, whom to ask next, and when to give up.
//!
//! Absent here: time, chance and the network. What decides is a pure state machine; whoever drives it makes the calls
//! that it asks for.

mod driver;
mod merge;

pub use driver::{Attempt, Done, Driver, Next, Policy};
pub use merge::with_element;
