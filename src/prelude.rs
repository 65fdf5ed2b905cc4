//! What the author of a protocol needs, for `use partita::prelude::*`.
//!
//! ```
//! use partita::prelude::*;
//!
//! /// A service that says no to everything, and all that a kind of service has to be.
//! #[derive(Clone)]
//! struct Refuser;
//!
//! impl Node for Refuser {
//!     type Message = std::convert::Infallible;
//!     type Timer = ();
//!
//!     fn request(&mut self, id: RequestId, _: &Request, cx: &mut Context<'_, Self>) {
//!         cx.reply(id, Reply::No(Value::Nil));
//!     }
//! }
//!
//! impl Protocol for Refuser {
//!     type Node = Self;
//!
//!     fn node(&self, _: Birth) -> Self {
//!         self.clone()
//!     }
//! }
//!
//! let registry = Registry::standard().with("refuser", "Says no.", 1..=1, |_| Some(Refuser));
//! assert!(registry.names().any(|(name, _)| name == "refuser"));
//! ```
//!
//! Not here are the shapes that settings are read with ([`scenario::input`](crate::scenario::input)), and what drives
//! a simulation by hand ([`host`](crate::host)).

pub use crate::host::{
    Birth, Breach, CallError, CallId, CausalContext, Context, DiskError, DiskId, DiskOperation, DiskOutput,
    DiskResult, IdempotencyKey, Invariants, Key, Message, Node, NodeId, NodeSet, NotDone, Reply, Request, RequestId,
    Terms, Value, View, WallTime, Watch,
};
pub use crate::kernel::{Draw, Span};
pub use crate::scenario::Registry;
pub use crate::store::{Crashes, Promise, Protocol, RarePoint, Tolerance};
