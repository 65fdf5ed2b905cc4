//! What a fault can do to links: the words in which the floors above ask for it.

use crate::kernel::{Sampler, Span};

use super::{NodeId, NodeSet};

/// A set of links, each from a sender to a receiver. A node's way to itself is no link.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Links(
    /// Senders and receivers: every link from one of the former to one of the latter.
    pub Vec<(NodeSet, NodeSet)>,
);

impl Links {
    /// Whether the link from `from` to `to` is in.
    #[must_use]
    pub fn contain(&self, from: NodeId, to: NodeId) -> bool {
        from != to && self.0.iter().any(|(senders, receivers)| senders.contains(from) && receivers.contains(to))
    }

    /// Everyone at one of their ends.
    #[must_use]
    pub fn ends(&self) -> NodeSet {
        self.0.iter().flat_map(|(senders, receivers)| senders.iter().chain(receivers.iter())).collect()
    }
}

/// Which links a partition cuts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Cut {
    /// Every link between two different groups; a node in no group keeps all its links.
    Groups(Vec<NodeSet>),
    /// Every link from one of these nodes to one of those, in that direction only.
    OneWay {
        /// Senders that are not heard.
        from: NodeSet,
        /// Receivers that do not hear them.
        to: NodeSet,
    },
    /// These links.
    Links(Links),
}

/// When a cut kills a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutAt {
    /// If the link is cut when the message is sent or when it arrives.
    SendAndArrival,
    /// Only if the link is cut when it is sent: what is in flight still arrives.
    Send,
}

impl Cut {
    /// Whether this cuts the link from `from` to `to`.
    #[must_use]
    pub fn severs(&self, from: NodeId, to: NodeId) -> bool {
        match self {
            Self::Groups(groups) => {
                let group = |node| groups.iter().position(|group| group.contains(node));
                match (group(from), group(to)) {
                    (Some(a), Some(b)) => a != b,
                    _ => false,
                }
            }
            Self::OneWay { from: senders, to: receivers } => senders.contains(from) && receivers.contains(to),
            Self::Links(links) => links.contain(from, to),
        }
    }

    /// Everyone at an end of a link that it may cut.
    #[must_use]
    pub fn ends(&self) -> NodeSet {
        match self {
            Self::Groups(groups) => groups.iter().flat_map(NodeSet::iter).collect(),
            Self::OneWay { from, to } => from.iter().chain(to.iter()).collect(),
            Self::Links(links) => links.ends(),
        }
    }
}

/// What a fault does to the messages of some links, beside what the links do by themselves. Shares are parts per
/// billion. Except for [`Self::Clog`] and [`Self::Connections`], a message's fate is decided when it is sent.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkFault {
    /// What would arrive is held until the fault ends, and then arrives at once, on each link in the order of
    /// sending, a nanosecond apart.
    Clog,
    /// Messages are lost, each independently of the others.
    Loss {
        /// Which share.
        ppb: u64,
    },
    /// Messages are lost in bursts.
    BurstLoss(BurstLoss),
    /// Messages arrive once more. Calls do not: they are connections.
    Duplication {
        /// Which share.
        ppb: u64,
        /// How long after the original.
        after: Sampler,
    },
    /// Messages are held back, so that later ones overtake them; on a first-in first-out link those wait.
    Reordering {
        /// Which share.
        ppb: u64,
        /// For how long at most; every time up to that is equally likely.
        within: Span,
    },
    /// Messages are damaged on the way.
    Corruption {
        /// Which share.
        ppb: u64,
        /// Whether a checksum finds that: the message is dropped then. Otherwise it arrives damaged.
        checksums: bool,
    },
    /// Messages take longer.
    Latency {
        /// Which share.
        ppb: u64,
        /// The latency is so many billionths of what it would be ...
        factor_ppb: u64,
        /// ... and so much more.
        add: Sampler,
    },
    /// Each link carries less.
    Bandwidth {
        /// Bytes per second; at least 1.
        rate: u64,
        /// The longest wait; a message that would wait longer is dropped (full queue).
        queue: Span,
    },
    /// Calls go wrong; messages do not. The link is the one from the caller to the callee.
    Connections {
        /// Which share.
        ppb: u64,
        /// What becomes of the call.
        how: ConnectionFault,
    },
    /// Somebody on the way changes what messages say, and knows how: no checksum finds that. Where links are
    /// authenticated ([`super::Link::authenticated`]) it is found, and they are dropped.
    Tampering {
        /// Which share.
        ppb: u64,
    },
    /// The senders reach for the receivers where these were before a move. Answers to calls find their way: they go back
    /// over the connection that the call has opened.
    StaleName {
        /// What they find there.
        old_place: OldPlace,
    },
}

/// What is where a node was before a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldPlace {
    /// Nothing: whatever comes is lost.
    Empty,
    /// A host without the process: calls are refused, and messages lost.
    Host,
    /// Another node, which takes what comes for its own. Messages of a service that it is not part of are lost.
    Taken(NodeId),
}

/// Loss in bursts, as a chain of two states that takes a step with each message of a link (Gilbert, Capacity of a
/// Burst-Noise Channel, 1960; Elliott, Estimates of Error Rates for Codes on Burst-Noise Channels, 1963). All in
/// parts per billion. A link starts outside of a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BurstLoss {
    /// How likely a message starts a burst.
    pub starts: u64,
    /// How likely a message within a burst ends it.
    pub ends: u64,
    /// How likely a message within a burst is lost.
    pub within: u64,
    /// How likely a message outside of a burst is lost.
    pub between: u64,
}

/// What becomes of a call over a faulty connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionFault {
    /// The callee's host refuses it: it certainly had no effect.
    Refuse,
    /// The callee does its work, and instead of its reply the caller learns that the connection was reset.
    Reset,
    /// The callee does its work, and its reply is lost: the caller believes in the connection until it gives up.
    HalfOpen,
}

/// A fault that meets exactly one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageFault {
    /// Its sender.
    pub from: NodeId,
    /// Its receiver.
    pub to: NodeId,
    /// What it is: a [`super::Message::kind`], or for a part of a call `"request"`, `"reply"` or the name of an
    /// error. `None`: anything.
    pub kind: Option<String>,
    /// Which one, from 1: of all of this kind that the sender sends to the receiver in the run, lost ones included
    /// and the network's copies not.
    pub nth: u64,
    /// What becomes of it.
    pub deed: MessageDeed,
}

/// What becomes of a single message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageDeed {
    /// It is lost.
    Drop,
    /// It takes so much longer.
    Delay(Span),
    /// It arrives once more, so long after the original.
    Duplicate(Span),
}
