//! What a kind of service says of itself besides how it works: what it promises, what it tolerates, and when
//! it could serve at all.

use crate::host::{Birth, Key, Node, NodeId, NodeSet, Request, Watch};

/// A kind of service with its settings: builds replicas, and declares what may be expected of them.
///
/// Declarations are judged, never believed: a promise is what a checker tests, `can_serve` only explains an
/// unanswered operation, and both are pure functions of their arguments. A kind that declares nothing promises nothing.
pub trait Protocol: Send + Sync + 'static {
    /// Its replicas.
    type Node: Node;

    /// Builds a replica, at every start.
    fn node(&self, birth: Birth) -> Self::Node;

    /// What it promises with these settings; by default nothing.
    fn promises(&self) -> Vec<Promise> {
        Vec::new()
    }

    /// Under which faults it promises that; by default under none.
    fn tolerates(&self) -> Tolerance {
        Tolerance::NOTHING
    }

    /// Whether its replicas ask what time it is ([`Context::wall_now`](crate::host::Context::wall_now)): if not, faults of wall
    /// clocks have nothing to act on, and `chaos` leaves them out. By default they may.
    fn reads_wall_clock(&self) -> bool {
        true
    }

    /// About how much a replica holds in memory, by its own word ([`Context::holds`](crate::host::Context::holds)), in bytes, when
    /// clients use so many objects: what `chaos` sets limits by. By default it says nothing of it, and `chaos` sets none.
    fn memory_bytes(&self, objects: u64) -> Option<u64> {
        let _ = objects;
        None
    }

    /// Why a service of this kind cannot have so many replicas with these settings, if it cannot.
    fn refuses(&self, replicas: u32) -> Option<String> {
        let _ = replicas;
        None
    }

    /// What must never be true of its replicas, if somebody wants that watched at every event; by default nothing is
    /// known.
    fn invariants(&self) -> Option<Box<dyn Watch<Self::Node>>> {
        None
    }

    /// What finds out in which order its replicas let requests take effect ([`Watch::applied`]), if somebody wants a checker's
    /// refutation held against that; by default nothing does. It is asked for nothing else, and has to be cheap: a service
    /// whose invariants nobody wants to know is watched by it alone.
    fn order(&self) -> Option<Box<dyn Watch<Self::Node>>> {
        None
    }

    /// The rare paths that its replicas may reach ([`Context::reached`](crate::host::Context::reached)), with whatever settings, so that a
    /// sweep can say which were never reached; by default none is known.
    fn rare_paths(&self) -> &'static [&'static str] {
        &[]
    }

    /// The roles that its replicas may take on ([`Context::role`](crate::host::Context::role)), so that a sweep can say which nobody ever
    /// had, and which no fault ever hit; by default none.
    fn roles(&self) -> &'static [&'static str] {
        &[]
    }

    /// The points in the code of its replicas where a rare thing may happen ([`Context::maybe`](crate::host::Context::maybe)), with
    /// whatever settings: scenario files may name these and no others, and `chaos` and a `swarm` switch them on. By default none
    /// is known, and then scenario files may name what they like.
    #[must_use]
    fn rare_points() -> &'static [RarePoint]
    where
        Self: Sized,
    {
        &[]
    }

    /// Whether a replica that has started is not ready at once ([`Context::ready`](crate::host::Context::ready)), so that a sweep can say
    /// whether a fault ever hit one that still recovers; by default it is ready.
    fn recovers(&self) -> bool {
        false
    }

    /// Whether `replica`, one of all `replicas`, is to hold the object; by default each of them is.
    fn holds(&self, key: Key, replica: NodeId, replicas: &[NodeId]) -> bool {
        let _ = (key, replica, replicas);
        true
    }

    /// Whether a request may read or change objects, so that checks of objects have to understand it; by default each is. One
    /// that changes who the members are, say, is not.
    fn is_about_objects(&self, request: &Request) -> bool {
        let _ = request;
        true
    }

    /// Whether a client that talks to `contact` could be served, if `contact` can talk to `reachable` of all `replicas`:
    /// itself, unless it is down, and others. By default a replica that is up serves alone.
    fn can_serve(&self, request: &Request, contact: NodeId, reachable: &NodeSet, replicas: &[NodeId]) -> bool {
        let _ = (request, replicas);
        reachable.contains(contact)
    }
}

/// A point in the code of a kind's replicas where a rare thing may happen: [`Context::maybe`](crate::host::Context::maybe).
///
/// The thing has to be legal: whatever a kind promises it keeps with any of its points switched on. Otherwise no run that switches
/// them on says anything.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RarePoint {
    /// Its name in scenario files: `raft.short_append`. It begins with `a-z` and goes on with `a-z`, `0-9`, `_`, `-` and `.`.
    pub name: &'static str,
    /// What happens there then: a sentence.
    pub doc: &'static str,
}

/// Something that a checker can test.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Promise {
    /// Every object is linearizable.
    Linearizable,
    /// No acknowledged write is lost.
    Durable,
    /// No read returns what had been overwritten before it began.
    Fresh,
    /// Replicas hold the same once faults and load have ended.
    Convergent,
    /// Transactions take effect one after the other, in real time.
    StrictSerializable,
    /// Each transaction reads one state of the store, and none overwrites what it has not seen.
    SnapshotIsolation,
    /// Transactions read what is committed.
    ReadCommitted,
    /// Writes of transactions do not mix.
    ReadUncommitted,
}

/// How many replicas may crash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Crashes {
    /// None: a crash may break a promise.
    None,
    /// Fewer than half at a time.
    Minority,
    /// Any number at a time.
    All,
}

/// Under which faults the promises hold. Availability is another matter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Tolerance {
    /// Crashes with restart.
    pub crashes: Crashes,
    /// Partitions of any shape.
    pub partitions: bool,
    /// Messages lost, repeated and reordered.
    pub messages: bool,
    /// Pauses of any length.
    pub pauses: bool,
    /// Wall clocks that are wrong, and claim not to be.
    pub clocks: bool,
    /// Clocks that run fast or slow by up to so many parts per billion.
    pub drift_ppb: u64,
    /// Disks that do not keep what was synced: rot, and writes that go astray.
    pub damage: bool,
    /// Replicas that differ in these settings, each a span of time: their names in scenario files, as
    /// `"election_timeout/min"`.
    pub timings: &'static [&'static str],
}

impl Tolerance {
    /// Clocks that run as fast or slow as they like.
    pub const ANY_DRIFT: u64 = u64::MAX;

    /// No fault of any kind.
    pub const NOTHING: Self = Self {
        crashes: Crashes::None,
        partitions: false,
        messages: false,
        pauses: false,
        clocks: false,
        drift_ppb: 0,
        damage: false,
        timings: &[],
    };

    /// What an asynchronous protocol bears, which trusts neither clocks nor the network; and as many crashes as given. Disks
    /// keep what was synced, and settings agree.
    #[must_use]
    pub const fn asynchronous(crashes: Crashes) -> Self {
        Self {
            crashes,
            partitions: true,
            messages: true,
            pauses: true,
            clocks: true,
            drift_ppb: Self::ANY_DRIFT,
            damage: false,
            timings: &[],
        }
    }
}
