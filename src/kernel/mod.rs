//! Floor 0: virtual time, the pending events, random streams, samplers, trace and digest.
//!
//! Absent here: nodes, networks, JSON. An event's class is an opaque number; any discrete-event model could
//! run on this floor.

mod agenda;
mod counter;
mod digest;
mod draw;
mod hash;
mod key;
mod pending;
mod random;
mod sampler;
mod table;
mod time;
mod trace;
mod zipf;

pub use agenda::{Agenda, EventId, Fired, Full};
pub use counter::{FateKey, LinkKey, SplitMix64};
pub use digest::Digest;
pub use draw::Draw;
pub use hash::{StableHasher, stable_hash, stable_hash_str};
pub use key::{Class, EventKey};
pub use pending::{Ladder, Pending, StdHeap};
pub use random::{Purpose, Stream, StreamClash, StreamName, Streams};
pub(crate) use sampler::normal_quantile;
pub use sampler::{Sampler, SamplerError};
pub use table::Table;
pub use time::{Span, Time};
pub use trace::{DecodedTrace, Fact, LabelId, Record, Trace, TraceError};
pub use zipf::Zipf;
