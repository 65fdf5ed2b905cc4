//! The faults that are at work on links, and what they do to a message; priorities, too, which hold messages back.
//!
//! Each fault draws by a key of its own, and for each message anew, as a function of the link and the message's
//! ordinal on it. So faults are independent of each other and of what links do by themselves, and a fault shifts
//! nothing for messages that it does not meet.

use std::collections::BTreeMap;

use crate::kernel::{Draw, FateKey, Purpose, Span, Table, Time};

use super::event::Packet;
use super::links::{BurstLoss, ConnectionFault, Cut, CutAt, LinkFault, Links, MessageDeed, MessageFault, OldPlace};
use super::message_log::MessageLog;
use super::network::{DropCause, Journey, Stretch, pair, transmission};
use super::priorities::Priorities;
use super::{CallId, FaultId, NodeId};

/// Everything that faults do to links now.
#[derive(Clone, Debug)]
pub(crate) struct LinkFaults {
    /// Whether a message that sets out may meet anything here: all that an undisturbed run asks then.
    watches_sending: bool,
    /// Whether it may meet more than faults that wait for a single message.
    meets_all: bool,
    /// Whether one that arrives may: all that an undisturbed run asks then.
    meets_arrivals: bool,
    key: FateKey,
    cuts: Vec<(FaultId, Cut, CutAt)>,
    rules: Vec<Rule>,
    /// Faults that wait for a single message, by its link. A table, since every message that is sent meanwhile looks in.
    awaited: Table<u64, Vec<Awaited>>,
    /// Each of them once, with its link.
    waiting: Vec<(FaultId, u64)>,
    /// What clogs hold, in the order in which it would have arrived.
    held: Vec<(FaultId, Packet)>,
    /// When faults of single messages met theirs.
    met: BTreeMap<FaultId, Time>,
    /// What was sent, if somebody wants to know.
    log: Option<MessageLog>,
    /// How long links hold messages back, if they are scheduled by priorities.
    priorities: Option<Priorities>,
}

/// A fault on some links.
#[derive(Clone, Debug)]
struct Rule {
    fault: FaultId,
    links: Links,
    what: LinkFault,
    key: FateKey,
    lines: Table<u64, Line>,
}

/// What a rule remembers of a link.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    in_burst: bool,
    busy_until: Time,
}

/// A fault that waits for its message.
#[derive(Clone, Debug)]
struct Awaited {
    fault: FaultId,
    what: MessageFault,
    /// How many of its kind are still to come, itself included; none once it has come.
    to_come: u64,
}

/// A message that is sent, as far as faults look at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Letter {
    pub(crate) journey: Journey,
    pub(crate) kind: &'static str,
    pub(crate) size_bytes: u32,
    pub(crate) is_call: bool,
    /// Whether it goes back over a connection, so that no name has to be looked up.
    pub(crate) is_answer: bool,
}

/// What faults do to one message.
#[derive(Debug, Default)]
pub(crate) struct Toll {
    pub(crate) dropped: Option<DropCause>,
    pub(crate) stretch: Stretch,
    /// Faults that damage it, and the draws that say where.
    pub(crate) damages: Vec<(FaultId, u64)>,
    /// Faults that forge it, and the draws that say what it says then.
    pub(crate) forgeries: Vec<(FaultId, u64)>,
    /// The fault that leads it to another node than it was meant for, and that node.
    pub(crate) astray: Option<(FaultId, NodeId)>,
    /// How long after the original each of its copies arrives.
    pub(crate) copies: Vec<Span>,
    /// Faults that delay or copy it.
    pub(crate) touched: Vec<FaultId>,
}

const WHOLE_PPB: u64 = 1_000_000_000;
const LINK_FAULTS: Purpose = Purpose::new("link fault");

/// What sets the draws for calls that are open apart from those for messages.
const OPEN_CALLS: u64 = 1;

impl LinkFaults {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            watches_sending: false,
            meets_all: false,
            meets_arrivals: false,
            key: FateKey::new(seed, LINK_FAULTS),
            cuts: Vec::new(),
            rules: Vec::new(),
            awaited: Table::new(),
            waiting: Vec::new(),
            held: Vec::new(),
            met: BTreeMap::new(),
            log: None,
            priorities: None,
        }
    }

    /// Back to the start, under another seed.
    pub(crate) fn reset(&mut self, seed: u64) {
        let log = self.log.as_ref().map(|_| MessageLog::default());
        let priorities = self.priorities.as_ref().map(|priorities| priorities.reset(seed));
        *self = Self { log, priorities, ..Self::new(seed) };
        self.look();
    }

    /// Keeps a log of what is sent from now on.
    pub(crate) fn keep_log(&mut self) {
        self.log.get_or_insert_default();
        self.look();
    }

    /// Holds messages back by priorities from now on.
    pub(crate) fn prioritize(&mut self, priorities: Priorities) {
        self.priorities = Some(priorities);
        self.look();
    }

    pub(crate) fn log(&mut self) -> Option<&mut MessageLog> {
        self.log.as_mut()
    }

    /// Whether messages that set out have to be shown to [`Self::meet`].
    #[inline]
    pub(crate) const fn watch_sending(&self) -> bool {
        self.watches_sending
    }

    /// Whether a message that arrives may meet a fault.
    #[inline]
    pub(crate) const fn meet_arrivals(&self) -> bool {
        self.meets_arrivals
    }

    /// Whether this message, which sets out now, meets anything here. Each is asked about once: faults that wait for a
    /// single message count it.
    pub(crate) fn meet(&mut self, from: NodeId, to: NodeId, kind: impl FnOnce() -> &'static str) -> bool {
        let mut is_met = self.meets_all;
        let Some(on_link) = self.awaited.get_mut(pair(from, to)) else { return is_met };
        let kind = kind();
        for awaited in on_link {
            if awaited.what.kind.as_ref().is_none_or(|wanted| wanted == kind) {
                awaited.to_come -= 1;
                is_met |= awaited.to_come == 0;
            }
        }
        is_met
    }

    pub(crate) fn cut(&mut self, fault: FaultId, cut: Cut, at: CutAt) {
        self.cuts.push((fault, cut, at));
        self.look();
    }

    pub(crate) fn disturb(&mut self, fault: FaultId, links: Links, what: LinkFault) {
        self.rules.push(Rule { fault, links, what, key: self.key.of(fault.0), lines: Table::default() });
        self.look();
    }

    pub(crate) fn await_message(&mut self, fault: FaultId, what: MessageFault) {
        let link = pair(what.from, what.to);
        self.waiting.push((fault, link));
        self.awaited.get_or_default(link).push(Awaited { fault, to_come: what.nth.max(1), what });
        self.look();
    }

    /// A fault of a single message has met it, as is said only now; whether that is news.
    pub(crate) fn meet_late(&mut self, fault: FaultId, sent: Time) -> bool {
        self.met.insert(fault, sent).is_none()
    }

    /// When a fault of a single message met it.
    pub(crate) fn met(&self, fault: FaultId) -> Option<Time> {
        self.met.get(&fault).copied()
    }

    /// Ends everything of this fault and nothing of another. Answers what it held, link by link, on each link in the
    /// order of sending.
    pub(crate) fn heal(&mut self, fault: FaultId) -> Vec<Packet> {
        self.cuts.retain(|&(id, ..)| id != fault);
        self.rules.retain(|rule| rule.fault != fault);
        for (fault, link) in self.waiting.extract_if(.., |(waiting, _)| *waiting == fault) {
            if let Some(on_link) = self.awaited.get_mut(link) {
                on_link.retain(|awaited| awaited.fault != fault);
            }
        }
        self.look();
        self.let_go(|holder, _| holder == fault)
    }

    /// Ends what this fault does to just these links; answers what it held on them, as [`Self::heal`] does.
    pub(crate) fn calm(&mut self, fault: FaultId, links: &Links) -> Vec<Packet> {
        self.rules.retain(|rule| rule.fault != fault || rule.links != *links);
        self.look();
        self.let_go(|holder, packet| holder == fault && links.contain(packet.from, packet.to))
    }

    fn let_go(&mut self, which: impl Fn(FaultId, &Packet) -> bool) -> Vec<Packet> {
        let held = self.held.extract_if(.., |(holder, packet)| which(*holder, packet));
        let mut released: Vec<_> = held.map(|(_, packet)| packet).collect();
        released.sort_by_key(|packet| (packet.from, packet.to, packet.number));
        released
    }

    fn look(&mut self) {
        self.meets_arrivals = !self.cuts.is_empty() || !self.rules.is_empty();
        self.meets_all = self.meets_arrivals || self.log.is_some() || self.priorities.is_some();
        self.watches_sending = self.meets_all || !self.waiting.is_empty();
    }

    /// The first fault that cuts this link now.
    fn severed(&self, from: NodeId, to: NodeId) -> Option<FaultId> {
        self.cuts.iter().find(|(_, cut, _)| cut.severs(from, to)).map(|&(fault, ..)| fault)
    }

    /// The first fault that cuts this link for a message which arrives now.
    pub(crate) fn severed_at_arrival(&self, from: NodeId, to: NodeId) -> Option<FaultId> {
        let severs = |(_, cut, at): &&(FaultId, Cut, CutAt)| *at == CutAt::SendAndArrival && cut.severs(from, to);
        self.cuts.iter().find(severs).map(|&(fault, ..)| fault)
    }

    /// Holds what would arrive now if a clog is on its link; answers by which fault.
    pub(crate) fn hold(&mut self, packet: Packet) -> Option<FaultId> {
        let is_clogged =
            |rule: &&Rule| matches!(rule.what, LinkFault::Clog) && rule.links.contain(packet.from, packet.to);
        let fault = self.rules.iter().find(is_clogged)?.fault;
        self.held.push((fault, packet));
        Some(fault)
    }

    /// How many messages clogs hold.
    pub(crate) const fn held(&self) -> usize {
        self.held.len()
    }

    /// Whether nothing gets from `from` to `to` now; for a caller, no call.
    pub(crate) fn stop(&self, from: NodeId, to: NodeId, calls: bool) -> bool {
        let stops = |what: &LinkFault| match what {
            LinkFault::Clog => true,
            // Somebody else answers.
            LinkFault::StaleName { old_place } => !matches!(old_place, OldPlace::Taken(_)),
            LinkFault::Loss { ppb } => *ppb >= WHOLE_PPB,
            LinkFault::BurstLoss(burst) => burst.within.min(burst.between) >= WHOLE_PPB,
            // A damaged part of a call is dropped in any case.
            LinkFault::Corruption { ppb, checksums } => (*checksums || calls) && *ppb >= WHOLE_PPB,
            LinkFault::Connections { ppb, .. } => calls && *ppb >= WHOLE_PPB,
            _ => false,
        };
        let stopped = |rule: &Rule| stops(&rule.what) && rule.links.contain(from, to);
        self.meets_arrivals && (self.severed(from, to).is_some() || self.rules.iter().any(stopped))
    }

    /// The fault that breaks the call which this packet is part of, and how. `link` is that from the caller to the
    /// callee; the draw is the packet's own.
    pub(crate) fn breaks(
        &self,
        link: (NodeId, NodeId),
        names: (u64, u64),
        packet: &Packet,
        wanted: impl Fn(ConnectionFault) -> bool,
    ) -> Option<(FaultId, ConnectionFault)> {
        self.rules.iter().filter(|rule| rule.links.contain(link.0, link.1)).find_map(|rule| match rule.what {
            LinkFault::Connections { ppb, how } if wanted(how) => {
                let mut draws = rule.key.link(names.0, names.1).draws(packet.number);
                draws.chance(ppb).then_some((rule.fault, how))
            }
            LinkFault::StaleName { old_place: OldPlace::Host } if wanted(ConnectionFault::Refuse) => {
                Some((rule.fault, ConnectionFault::Refuse))
            }
            _ => None,
        })
    }

    /// Whether this fault, which begins now, resets a call that is open from a caller to a callee of these names.
    pub(crate) fn resets(&self, fault: FaultId, link: (NodeId, NodeId), names: (u64, u64), call: CallId) -> bool {
        self.rules.iter().filter(|rule| rule.fault == fault && rule.links.contain(link.0, link.1)).any(|rule| {
            let LinkFault::Connections { ppb, how: ConnectionFault::Reset } = rule.what else { return false };
            rule.key.of(OPEN_CALLS).link(names.0, names.1).draws(call.0).chance(ppb)
        })
    }

    /// What the faults at work do to a message that is sent now. A drop by a single message's fault goes before a
    /// cut, a cut before all others, and those go by their starts.
    pub(crate) fn toll(&mut self, letter: &Letter) -> Toll {
        let Journey { from, to, .. } = letter.journey;
        let mut toll = Toll::default();
        if let Some(priorities) = &mut self.priorities {
            toll.stretch.add = priorities.hold(&letter.journey, letter.kind);
        }
        self.take_awaited(letter, &mut toll);
        if toll.dropped.is_none() {
            toll.dropped = self.severed(from, to).map(DropCause::Cut);
        }
        for rule in &mut self.rules {
            if toll.dropped.is_some() {
                break;
            }
            if rule.links.contain(from, to) {
                rule.take(letter, &mut toll);
            }
        }
        toll
    }

    /// Lets the faults that waited for this message, and have found it just now, do their deeds.
    fn take_awaited(&mut self, letter: &Letter, toll: &mut Toll) {
        let link = pair(letter.journey.from, letter.journey.to);
        let Some(on_link) = self.awaited.get_mut(link) else { return };
        for Awaited { fault, what, .. } in on_link.extract_if(.., |awaited| awaited.to_come == 0) {
            if let Some(place) = self.waiting.iter().position(|waiting| *waiting == (fault, link)) {
                self.waiting.swap_remove(place);
            }
            self.met.insert(fault, letter.journey.now);
            match what.deed {
                MessageDeed::Drop => toll.dropped = toll.dropped.or(Some(DropCause::Loss(Some(fault)))),
                MessageDeed::Delay(span) => toll.delay(fault, span),
                MessageDeed::Duplicate(after) => toll.copy(fault, after, letter),
            }
        }
        self.look();
    }
}

impl Rule {
    fn take(&mut self, letter: &Letter, toll: &mut Toll) {
        let fault = self.fault;
        let Journey { now, from, to, names, ordinal } = letter.journey;
        let mut draws = self.key.link(names.0, names.1).draws(ordinal);
        match &self.what {
            LinkFault::Clog | LinkFault::Connections { .. } => {}
            LinkFault::Loss { ppb } => {
                if draws.chance(*ppb) {
                    toll.dropped = Some(DropCause::Loss(Some(fault)));
                }
            }
            LinkFault::BurstLoss(burst) => {
                let line = self.lines.get_or_default(pair(from, to));
                if burst.hits(&mut line.in_burst, &mut draws) {
                    toll.dropped = Some(DropCause::Loss(Some(fault)));
                }
            }
            LinkFault::Duplication { ppb, after } => {
                if draws.chance(*ppb) {
                    toll.copy(fault, after.sample(&mut draws), letter);
                }
            }
            LinkFault::Reordering { ppb, within } => {
                if draws.chance(*ppb) {
                    toll.delay(fault, Span::from_nanos(draws.in_range(1..=within.as_nanos())));
                }
            }
            LinkFault::Corruption { ppb, checksums } => {
                if draws.chance(*ppb) {
                    match checksums {
                        true => toll.dropped = Some(DropCause::Corrupted(Some(fault))),
                        false => toll.damages.push((fault, draws.next_u64())),
                    }
                }
            }
            LinkFault::Tampering { ppb } => {
                if draws.chance(*ppb) {
                    toll.forgeries.push((fault, draws.next_u64()));
                }
            }
            LinkFault::StaleName { .. } if letter.is_answer => {}
            LinkFault::StaleName { old_place: OldPlace::Taken(node) } => {
                toll.astray = toll.astray.or(Some((fault, *node)));
            }
            // A call is refused when it arrives.
            LinkFault::StaleName { old_place: OldPlace::Host } if letter.is_call => {}
            LinkFault::StaleName { .. } => toll.dropped = Some(DropCause::StaleName(fault)),
            LinkFault::Latency { ppb, factor_ppb, add } => {
                if draws.chance(*ppb) {
                    toll.stretch.multiply(*factor_ppb);
                    toll.delay(fault, add.sample(&mut draws));
                    if *factor_ppb != WHOLE_PPB && toll.touched.last() != Some(&fault) {
                        toll.touched.push(fault);
                    }
                }
            }
            LinkFault::Bandwidth { rate, queue } => {
                let line = self.lines.get_or_default(pair(from, to));
                let start = now.max(line.busy_until);
                if start.since(now) > *queue {
                    toll.dropped = Some(DropCause::QueueFull(Some(fault)));
                } else {
                    line.busy_until = start + transmission(letter.size_bytes, *rate);
                    toll.delay(fault, line.busy_until.since(now));
                }
            }
        }
    }
}

impl BurstLoss {
    /// Takes a step, and says whether the message is lost. Always draws twice.
    fn hits(&self, in_burst: &mut bool, draws: &mut impl Draw) -> bool {
        let changes = draws.chance(if *in_burst { self.ends } else { self.starts });
        *in_burst ^= changes;
        draws.chance(if *in_burst { self.within } else { self.between })
    }
}

impl Toll {
    fn delay(&mut self, fault: FaultId, span: Span) {
        self.stretch.add = self.stretch.add + span;
        if !span.is_zero() {
            self.touched.push(fault);
        }
    }

    /// A call is a connection, which knows its own segments again: no copy of it reaches the process.
    fn copy(&mut self, fault: FaultId, after: Span, letter: &Letter) {
        if !letter.is_call {
            self.copies.push(after);
            self.touched.push(fault);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::SplitMix64;

    #[test]
    fn bursts_are_as_long_and_as_frequent_as_told() {
        let burst = BurstLoss { starts: 20_000_000, ends: 100_000_000, within: WHOLE_PPB, between: 0 };
        let (mut draws, mut in_burst) = (SplitMix64::new(1), false);
        let lost: Vec<_> = (0..200_000).map(|_| burst.hits(&mut in_burst, &mut draws)).collect();
        let count = lost.iter().filter(|&&lost| lost).count();
        let bursts = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count();
        // A sixth of the time in bursts of ten on average: 3,333 bursts, whose lengths deviate by ten.
        assert!(count.abs_diff(33_333) < 4_000, "{count}");
        assert!((10 * count / bursts).abs_diff(100) < 10, "{count} in {bursts}");
    }
}
