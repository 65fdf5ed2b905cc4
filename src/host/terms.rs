//! What goes with a request besides what it asks for, as a header goes with a call.

/// On which terms a client asks. Everything is optional: a store that knows nothing of it may ignore it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Terms {
    /// Which operation this is an attempt at. Every attempt at one operation carries the same key, so that a store can
    /// apply it once however often it arrives.
    pub idempotency: Option<IdempotencyKey>,
    /// How many replicas are to answer, if this one operation wants another number than the service is set up with.
    pub answers: Option<u32>,
    /// What the client has seen of the object, as an earlier reply told.
    pub seen: Option<CausalContext>,
}

impl Terms {
    /// No terms at all.
    pub const NONE: Self = Self { idempotency: None, answers: None, seen: None };
}

/// Names an operation for whoever serves it: sessions are unique in a run, and number their operations in ascending
/// order, one at a time. An operation of a higher number says that those below are over.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct IdempotencyKey {
    /// The session.
    pub session: u64,
    /// The operation's number in the session, from 1.
    pub number: u64,
}

/// What a client has seen of an object: a token that a store hands out with a reply and gets back with the client's next
/// request on the same object (the context of `get` and `put` in `DeCandia` et al., Dynamo, SOSP 2007, section 4.4).
/// Clients do not look inside.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct CausalContext(pub Vec<(u64, u64)>);
