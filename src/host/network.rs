//! The network: what becomes of a message between being sent and arriving.
//!
//! There is no table of N x N links. A message's link settings follow from the zones of its ends, with
//! overrides for single links; its fate (latency, loss, duplication, corruption, each a draw of its own) is a
//! counter-based function of (seed, purpose, sender's name, receiver's name, ordinal on that link), so that
//! removing one message, node or fault never shifts another message's draws.

use crate::kernel::{Draw, FateKey, Purpose, Sampler, Span, Table, Time};

use super::core::scale;
use super::link_faults::LinkFaults;
use super::ordinals::Ordinals;
use super::parts::NodeState;
use super::{FaultId, NodeId};

/// How one kind of link behaves.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// One-way delay of a message, apart from its bandwidth.
    pub latency: Sampler,
    /// How many of 10^9 messages are lost.
    pub loss_ppb: u64,
    /// How many of 10^9 messages arrive twice; the copy has a latency of its own.
    pub duplication_ppb: u64,
    /// How many of 10^9 messages are damaged on the way.
    pub corruption_ppb: u64,
    /// Whether a checksum finds damaged messages: they are dropped then. Otherwise they arrive damaged.
    pub checksums: bool,
    /// Whether both ends prove to each other who they are and what they said: what is forged on the way is found, and
    /// dropped.
    pub authenticated: bool,
    /// Whether messages of one link arrive in the order in which they were sent, as over one connection.
    pub fifo: bool,
    /// Bytes per second that one link carries; `None`: no limit.
    pub bandwidth: Option<u64>,
    /// The longest wait for the bandwidth; a message that would wait longer is dropped (full queue).
    pub queue: Span,
}

impl Default for Link {
    /// A constant millisecond, and nothing goes wrong.
    fn default() -> Self {
        Self {
            latency: Sampler::constant(Span::from_millis(1)),
            loss_ppb: 0,
            duplication_ppb: 0,
            corruption_ppb: 0,
            checksums: true,
            authenticated: false,
            fifo: false,
            bandwidth: None,
            queue: Span::MAX,
        }
    }
}

/// Why a message was not delivered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum DropCause {
    /// The link lost it, by itself or because of a fault.
    Loss(Option<FaultId>),
    /// A partition cut its link.
    Cut(FaultId),
    /// The receiver was down, or went down before it handled the message.
    ReceiverDown,
    /// The link's or the receiver's queue was full, by itself or because of a fault that narrows the link.
    QueueFull(Option<FaultId>),
    /// The receiver's host refused it: no process listened, or a fault lets nobody in.
    Refused(Option<FaultId>),
    /// It was damaged, by the link itself or by a fault, or forged, and a checksum or its authentication found that.
    Corrupted(Option<FaultId>),
    /// It went to where its receiver was before a move, and nobody there knew what to do with it.
    StaleName(FaultId),
}

impl DropCause {
    /// The fault to which it is due by itself; none for a link's own doing, and for a receiver that is down.
    #[must_use]
    pub const fn fault(self) -> Option<FaultId> {
        match self {
            Self::Cut(fault) | Self::StaleName(fault) => Some(fault),
            Self::Loss(fault) | Self::QueueFull(fault) | Self::Refused(fault) | Self::Corrupted(fault) => fault,
            Self::ReceiverDown => None,
        }
    }
}

/// What the network decides when a message is sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Faults are at work on links, and have to be asked.
    Disturbed {
        ordinal: u64,
    },
    Dropped {
        ordinal: u64,
        cause: DropCause,
    },
    Arrives {
        ordinal: u64,
        at: Time,
        damage: Option<u64>,
        copy_at: Option<Time>,
    },
}

/// A node as an end of links.
#[derive(Clone, Debug)]
pub(crate) struct End {
    /// Stable hash of the node's name.
    name: u64,
    zone: u32,
    /// Whether some link of this node has settings of its own.
    overridden: bool,
    sent: Ordinals,
}

/// The settings of one kind of link.
#[derive(Clone, Debug)]
struct Kind {
    link: Link,
    /// Whether all that ever happens to a message is its latency.
    only_delays: bool,
}

impl Kind {
    fn new(link: Link) -> Self {
        let chances = link.loss_ppb | link.duplication_ppb | link.corruption_ppb;
        Self { only_delays: chances == 0 && !link.fifo && link.bandwidth.is_none(), link }
    }
}

/// What a link with an order or a bandwidth remembers.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    last_arrival: Time,
    busy_until: Time,
}

/// Every link of a run.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    zones: u32,
    /// Index into `kinds` by (zone of sender, zone of receiver).
    by_zones: Vec<u32>,
    overrides: Table<u64, u32>,
    kinds: Vec<Kind>,
    lines: Table<u64, Line>,
    pub(crate) faults: LinkFaults,
    draws: Draws,
}

/// One function of fates per purpose.
#[derive(Clone, Debug)]
struct Draws {
    latency: FateKey,
    copy_latency: FateKey,
    loss: FateKey,
    duplication: FateKey,
    corruption: FateKey,
    damage: FateKey,
}

impl Draws {
    fn new(seed: u64) -> Self {
        let fates = |purpose| FateKey::new(seed, Purpose::new(purpose));
        Self {
            latency: fates("message latency"),
            copy_latency: fates("copy latency"),
            loss: fates("message loss"),
            duplication: fates("message duplication"),
            corruption: fates("message corruption"),
            damage: fates("message damage"),
        }
    }
}

/// A message that sets out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Journey {
    pub(crate) now: Time,
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
    /// Stable hashes of the names of sender and receiver.
    pub(crate) names: (u64, u64),
    pub(crate) ordinal: u64,
}

/// By how much faults lengthen a latency.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    factor_ppb: u64,
    pub(crate) add: Span,
}

impl Default for Stretch {
    fn default() -> Self {
        Self { factor_ppb: PARTS_PER_BILLION, add: Span::ZERO }
    }
}

impl Stretch {
    pub(crate) fn multiply(&mut self, factor_ppb: u64) {
        self.factor_ppb = scale(Span::from_nanos(self.factor_ppb), factor_ppb).as_nanos();
    }

    fn of(self, latency: Span) -> Span {
        scale(latency, self.factor_ppb) + self.add
    }
}

const PARTS_PER_BILLION: u64 = 1_000_000_000;

pub(crate) fn pair(from: NodeId, to: NodeId) -> u64 {
    u64::from(from.0) << 32 | u64::from(to.0)
}

/// The stable hashes of the names of sender and receiver.
#[inline]
pub(crate) fn names(nodes: &[NodeState], from: NodeId, to: NodeId) -> (u64, u64) {
    (nodes[from.0 as usize].end.name, nodes[to.0 as usize].end.name)
}

impl End {
    /// The end of a node in this zone, given the stable hash of its name.
    pub(crate) fn new(name: u64, zone: u32) -> Self {
        Self { name, zone, overridden: false, sent: Ordinals::default() }
    }

    /// Back to the start.
    pub(crate) fn reset(&mut self) {
        self.sent.clear();
    }
}

impl Network {
    /// A network where all links behave as `link`.
    pub(crate) fn new(seed: u64, zones: u32, link: Link) -> Self {
        Self {
            zones,
            by_zones: vec![0; (zones * zones) as usize],
            overrides: Table::default(),
            kinds: vec![Kind::new(link)],
            lines: Table::default(),
            faults: LinkFaults::new(seed),
            draws: Draws::new(seed),
        }
    }

    /// Back to the start, under another seed.
    pub(crate) fn reset(&mut self, seed: u64) {
        self.lines.clear();
        self.faults.reset(seed);
        self.draws = Draws::new(seed);
    }

    /// Gives the links from one zone to another settings of their own.
    pub(crate) fn set_zone_link(&mut self, from: u32, to: u32, link: Link) {
        self.by_zones[(from * self.zones + to) as usize] = self.add_kind(link);
    }

    /// Gives one link settings of its own.
    pub(crate) fn set_link(&mut self, nodes: &mut [NodeState], from: NodeId, to: NodeId, link: Link) {
        let kind = self.add_kind(link);
        self.overrides.insert(pair(from, to), kind);
        nodes[from.0 as usize].end.overridden = true;
    }

    fn add_kind(&mut self, link: Link) -> u32 {
        let index = u32::try_from(self.kinds.len()).expect("fewer link settings than 2^32");
        self.kinds.push(Kind::new(link));
        index
    }

    /// Decides the fate of a message sent at `now` from one node to another. Its kind is asked only where a fault waits for a
    /// message, its size only where a bandwidth matters.
    #[inline]
    pub(crate) fn send(
        &mut self,
        nodes: &mut [NodeState],
        now: Time,
        (from, to): (NodeId, NodeId),
        kind: impl FnOnce() -> &'static str,
        size_bytes: impl FnOnce() -> u32,
    ) -> Fate {
        let count = nodes.len();
        let ordinal = nodes[from.0 as usize].end.sent.next(to, count);
        if from == to {
            return Fate::Arrives { ordinal, at: now, damage: None, copy_at: None };
        }
        if self.faults.watch_sending() && self.faults.meet(from, to, kind) {
            return Fate::Disturbed { ordinal };
        }
        let kind = self.kind_of(nodes, from, to);
        let names = names(nodes, from, to);
        let Kind { link, only_delays } = &self.kinds[kind as usize];
        if *only_delays {
            let mut draws = self.draws.latency.link(names.0, names.1).draws(ordinal);
            let at = now + link.latency.sample(&mut draws);
            return Fate::Arrives { ordinal, at, damage: None, copy_at: None };
        }
        self.decide(kind, Journey { now, from, to, names, ordinal }, Stretch::default(), size_bytes)
    }

    #[inline]
    fn kind_of(&self, nodes: &[NodeState], from: NodeId, to: NodeId) -> u32 {
        let (sender, receiver) = (&nodes[from.0 as usize].end, &nodes[to.0 as usize].end);
        let kind = self.by_zones[(sender.zone * self.zones + receiver.zone) as usize];
        if sender.overridden { self.overrides.get(pair(from, to)).copied().unwrap_or(kind) } else { kind }
    }

    /// The fate that a message's link has for it, after faults have lengthened its latency.
    pub(crate) fn disturbed_fate(
        &mut self,
        nodes: &[NodeState],
        journey: Journey,
        stretch: Stretch,
        size_bytes: u32,
    ) -> Fate {
        let kind = self.kind_of(nodes, journey.from, journey.to);
        self.decide(kind, journey, stretch, || size_bytes)
    }

    /// Whether forged messages are found out on this link.
    pub(crate) fn is_authenticated(&self, nodes: &[NodeState], from: NodeId, to: NodeId) -> bool {
        self.kinds[self.kind_of(nodes, from, to) as usize].link.authenticated
    }

    /// Whether messages of this link arrive in the order of their sending.
    pub(crate) fn keeps_order(&self, nodes: &[NodeState], from: NodeId, to: NodeId) -> bool {
        self.kinds[self.kind_of(nodes, from, to) as usize].link.fifo
    }

    /// When a copy that a fault makes arrives: in its order, if the link keeps one.
    pub(crate) fn copy_arrives(&mut self, nodes: &[NodeState], from: NodeId, to: NodeId, at: Time) -> Time {
        if !self.keeps_order(nodes, from, to) {
            return at;
        }
        let line = self.lines.get_or_default(pair(from, to));
        line.last_arrival = at.max(line.last_arrival);
        line.last_arrival
    }

    /// Decides the fate of a message on a link that may do more than delay it.
    #[inline(never)]
    fn decide(&mut self, kind: u32, journey: Journey, stretch: Stretch, size_bytes: impl FnOnce() -> u32) -> Fate {
        let Journey { now, from, to, names, ordinal } = journey;
        let link = &self.kinds[kind as usize].link;
        let draws = |key: FateKey| key.link(names.0, names.1).draws(ordinal);
        let hits = |key: FateKey, ppb: u64| ppb > 0 && draws(key).chance(ppb);
        if hits(self.draws.loss, link.loss_ppb) {
            return Fate::Dropped { ordinal, cause: DropCause::Loss(None) };
        }
        let mut damage = None;
        if hits(self.draws.corruption, link.corruption_ppb) {
            if link.checksums {
                return Fate::Dropped { ordinal, cause: DropCause::Corrupted(None) };
            }
            damage = Some(draws(self.draws.damage).next_u64());
        }
        let latency = stretch.of(link.latency.sample(&mut draws(self.draws.latency)));
        let mut at = now + latency;
        if link.fifo || link.bandwidth.is_some() {
            let line = self.lines.get_or_default(pair(from, to));
            let mut departs = now;
            if let Some(bandwidth) = link.bandwidth {
                let start = now.max(line.busy_until);
                if start.since(now) > link.queue {
                    return Fate::Dropped { ordinal, cause: DropCause::QueueFull(None) };
                }
                departs = start + transmission(size_bytes(), bandwidth);
                line.busy_until = departs;
            }
            at = departs + latency;
            if link.fifo {
                at = at.max(line.last_arrival);
                line.last_arrival = at;
            }
        }
        let copy_at = hits(self.draws.duplication, link.duplication_ppb).then(|| {
            let copy_at = now + stretch.of(link.latency.sample(&mut draws(self.draws.copy_latency)));
            if !link.fifo {
                return copy_at;
            }
            let line = self.lines.get_or_default(pair(from, to));
            line.last_arrival = copy_at.max(at);
            line.last_arrival
        });
        Fate::Arrives { ordinal, at, damage, copy_at }
    }
}

/// How long `size` bytes take at `bandwidth` bytes per second, rounded up.
pub(crate) fn transmission(size: u32, bandwidth: u64) -> Span {
    Span::from_nanos((u64::from(size) * PARTS_PER_BILLION).div_ceil(bandwidth.max(1)))
}
