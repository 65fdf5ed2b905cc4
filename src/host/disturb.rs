//! What can be done to links from outside, and what becomes of messages that do not simply arrive.

use crate::kernel::{Span, Table, Time, stable_hash};

use super::call_packet::CallPacket;
use super::core::{Bodies, CLIENT, Core, NO_RECORD, kind, size};
use super::event::{Body, Event, Packet, class};
use super::link_faults::{Letter, Toll};
use super::network::{Fate, Journey, names, pair};
use super::record::Tag;
use super::tally::Touch;
use super::{
    CallError, CallId, ConnectionFault, Cut, CutAt, DropCause, FaultId, LinkFault, Links, MessageFault, NodeId,
    NodeSet, Passage, SentMessage, Simulation,
};

impl Simulation {
    /// Cuts links until [`Self::heal`].
    pub fn cut(&mut self, fault: FaultId, cut: Cut, at: CutAt) {
        self.tell(Tag::Cut, NodeId(0), fault.0, stable_hash(&cut));
        self.core.network.faults.cut(fault, cut, at);
    }

    /// Disturbs links until [`Self::heal`], beside what other faults do to them. A fault that resets connections begins
    /// with those that are open.
    pub fn disturb(&mut self, fault: FaultId, links: Links, what: LinkFault) {
        self.tell(Tag::Disturb, NodeId(0), fault.0, stable_hash(&links));
        let resets = matches!(what, LinkFault::Connections { how: ConnectionFault::Reset, .. });
        self.core.network.faults.disturb(fault, links, what);
        if resets {
            self.reset_open_calls(fault);
        }
    }

    /// Both ends of a call that is open learn that its connection was reset, or the caller does: the callee may be about to
    /// do what it was asked for.
    fn reset_open_calls(&mut self, fault: FaultId) {
        let Core { calls, network, nodes, .. } = &self.core;
        let is_hit = |&(call, caller, callee): &(CallId, NodeId, NodeId)| {
            network.faults.resets(fault, (caller, callee), names(nodes, caller, callee), call)
        };
        let hit: Vec<_> = calls.ends().filter(is_hit).collect();
        self.core.touch(fault, Touch::Requests, hit.len() as u64);
        for (call, caller, callee) in hit {
            self.with_bodies(callee, |core, bodies| {
                core.answer_call(callee, caller, call, Err(CallError::Reset), bodies);
            });
        }
    }

    /// Lets a fault wait for a single message. Nothing is recorded before it has come, so this may be asked for
    /// before the run.
    pub fn await_message(&mut self, fault: FaultId, what: MessageFault) {
        self.core.network.faults.await_message(fault, what);
    }

    /// When the fault of a single message has met it.
    #[must_use]
    pub fn met(&self, fault: FaultId) -> Option<Time> {
        self.core.network.faults.met(fault)
    }

    /// Heals the links that this fault cut or disturbed, and no other. What it held arrives now, a nanosecond apart on
    /// each link, so that its order stands however ties are broken.
    pub fn heal(&mut self, fault: FaultId) {
        self.tell(Tag::Heal, NodeId(0), fault.0, 0);
        let released = self.core.network.faults.heal(fault);
        self.release(released);
    }

    /// Ends what this fault does to just these links, with which [`Self::disturb`] was called.
    pub fn calm(&mut self, fault: FaultId, links: &Links) {
        self.tell(Tag::Heal, NodeId(0), fault.0, stable_hash(links));
        let released = self.core.network.faults.calm(fault, links);
        self.release(released);
    }

    fn release(&mut self, packets: Vec<Packet>) {
        let now = self.now();
        let mut released: Table<u64, u64> = Table::default();
        for packet in packets {
            let before = released.get_or_default(pair(packet.from, packet.to));
            let at = now + Span::from_nanos(*before);
            *before += 1;
            self.core.schedule(at, class::DELIVERY, packet.to, Event::Arrive(packet));
        }
    }

    /// The nodes that no fault keeps down or pauses, and whose links to and from `contact` let something through now; with
    /// `contact` itself, if it is one of them.
    #[must_use]
    pub fn reachable(&self, contact: NodeId) -> NodeSet {
        let runs = |node: NodeId| !self.is_taken_out(node);
        let faults = &self.core.network.faults;
        let calls = self.core.nodes[contact.0 as usize].service == CLIENT;
        let linked = |node| !faults.stop(contact, node, calls) && !faults.stop(node, contact, false);
        self.nodes().filter(|&node| runs(contact) && runs(node) && linked(node)).collect()
    }

    /// Whether a packet that would arrive does not: its link is cut, or clogged.
    #[cold]
    pub(crate) fn is_stopped(&mut self, packet: Packet) -> bool {
        let Packet { from, to, number, cause, .. } = packet;
        let faults = &mut self.core.network.faults;
        if from == to {
            return false;
        }
        if let Some(fault) = faults.severed_at_arrival(from, to) {
            self.drop_packet(packet, DropCause::Cut(fault));
            return true;
        }
        let Some(fault) = faults.hold(packet) else { return false };
        self.core.touch(fault, Touch::of(packet.body), 1);
        self.core.enter(Tag::Held, (to, from, number, 0), cause, String::new);
        true
    }

    /// Lets a faulty connection break a call whose reply arrives: the reply is lost, or turned into a reset. Answers
    /// whether it is lost.
    #[cold]
    pub(crate) fn is_reply_lost(&mut self, packet: &Packet, slot: u32) -> bool {
        let CallPacket::Answer { result: Ok(_), .. } = self.core.posts.get(slot) else { return false };
        let broken = self.core.broken((packet.to, packet.from), packet, |how| how != ConnectionFault::Refuse);
        match broken {
            None | Some((_, ConnectionFault::Refuse)) => false,
            Some((fault, ConnectionFault::HalfOpen)) => {
                self.drop_packet(*packet, DropCause::Loss(Some(fault)));
                true
            }
            Some((fault, ConnectionFault::Reset)) => {
                self.core.touch(fault, Touch::Requests, 1);
                if let CallPacket::Answer { result, seen, .. } = self.core.posts.get_mut(slot) {
                    *result = Err(CallError::Reset);
                    *seen = None;
                }
                false
            }
        }
    }
}

impl Core {
    /// The fault that refuses a request which arrives at a node that would serve it.
    pub(crate) fn refusing(&self, packet: &Packet) -> Option<FaultId> {
        if !self.network.faults.meet_arrivals() {
            return None;
        }
        let broken = self.broken((packet.from, packet.to), packet, |how| how == ConnectionFault::Refuse);
        broken.map(|(fault, _)| fault)
    }

    fn broken(
        &self,
        link: (NodeId, NodeId),
        packet: &Packet,
        wanted: impl Fn(ConnectionFault) -> bool,
    ) -> Option<(FaultId, ConnectionFault)> {
        self.network.faults.breaks(link, names(&self.nodes, packet.from, packet.to), packet, wanted)
    }

    /// Sends a packet to which more happens than an arrival.
    #[cold]
    pub(crate) fn send_unluckily(&mut self, mut packet: Packet, fate: Fate, bodies: &mut dyn Bodies) {
        match fate {
            Fate::Disturbed { ordinal } => {
                packet.number = ordinal * 2;
                self.send_disturbed(packet, ordinal, bodies);
            }
            Fate::Dropped { ordinal, cause } => {
                packet.number = ordinal * 2;
                self.drop_packet(packet, cause, bodies);
            }
            Fate::Arrives { ordinal, at, damage, copy_at } => {
                packet.number = ordinal * 2;
                copy_at.into_iter().for_each(|copy_at| self.send_copy(packet, copy_at, bodies));
                let draws = damage.map(|draw| (None, draw));
                self.send_damaged(packet, at, draws, bodies);
            }
        }
    }

    /// Sends a packet that may meet faults.
    fn send_disturbed(&mut self, packet: Packet, ordinal: u64, bodies: &mut dyn Bodies) {
        let Packet { from, to, body, .. } = packet;
        let kind = kind(body, bodies, &self.posts);
        let journey = Journey { now: self.now(), from, to, names: names(&self.nodes, from, to), ordinal };
        let size_bytes = size(body, bodies, &self.posts);
        let is_answer = matches!(body, Body::Call(slot) if matches!(self.posts.get(slot), CallPacket::Answer { .. }));
        let letter = Letter { journey, kind, size_bytes, is_call: matches!(body, Body::Call(_)), is_answer };
        let Toll { dropped, stretch, damages, forgeries, astray, copies, touched } =
            self.network.faults.toll(&letter);
        let dropped = dropped.or_else(|| self.forge(&packet, &forgeries, bodies));
        let misled = astray.filter(|&(_, taker)| !self.takes(taker, &packet));
        let fate = match dropped.or(misled.map(|(fault, _)| DropCause::StaleName(fault))) {
            Some(cause) => Fate::Dropped { ordinal, cause },
            None => self.network.disturbed_fate(&self.nodes, journey, stretch, size_bytes),
        };
        match fate {
            Fate::Arrives { at, damage, copy_at, .. } => {
                touched.into_iter().for_each(|fault| self.touch(fault, Touch::of(body), 1));
                let copies =
                    copies.into_iter().map(|after| self.network.copy_arrives(&self.nodes, from, to, at + after));
                let copies: Vec<_> = copy_at.into_iter().chain(copies).collect();
                let after = |copy: &Time| copy.since(at);
                self.log(&packet, &letter, || Passage::Takes {
                    time: at.since(journey.now),
                    copies: copies.iter().map(after).collect(),
                });
                let packet = self.lead(packet, astray);
                copies.into_iter().for_each(|copy_at| self.send_copy(packet, copy_at, bodies));
                let own = damage.map(|draw| (None, draw)).into_iter();
                let draws = own.chain(damages.into_iter().map(|(fault, draw)| (Some(fault), draw)));
                self.send_damaged(packet, at, draws, bodies);
            }
            Fate::Dropped { cause, .. } => {
                let is_chance = matches!(cause, DropCause::Loss(_) | DropCause::Corrupted(_));
                self.log(&packet, &letter, || if is_chance { Passage::Lost } else { Passage::Barred });
                self.drop_packet(packet, cause, bodies);
            }
            Fate::Disturbed { .. } => unreachable!("a link decides by itself"),
        }
    }

    /// Enters a message into the log of what is sent, if one is kept.
    fn log(&mut self, packet: &Packet, letter: &Letter, passage: impl FnOnce() -> Passage) {
        let Packet { from, to, cause, .. } = *packet;
        if let Some(log) = self.network.faults.log() {
            let cause = (cause != NO_RECORD).then_some(cause);
            let (kind, at) = (letter.kind, letter.journey.now);
            log.enter(SentMessage { from, to, kind, nth: 0, at, cause, passage: passage() });
        }
    }

    /// Lets forgers change a packet; answers why it dies, if that is found out or nothing sensible is left.
    fn forge(&mut self, packet: &Packet, forgeries: &[(FaultId, u64)], bodies: &mut dyn Bodies) -> Option<DropCause> {
        let &(first, _) = forgeries.first()?;
        if self.network.is_authenticated(&self.nodes, packet.from, packet.to) {
            return Some(DropCause::Corrupted(Some(first)));
        }
        for &(fault, draw) in forgeries {
            let is_changed = match packet.body {
                Body::Message(slot) if !bodies.corrupt(slot, draw) => return Some(DropCause::Corrupted(Some(fault))),
                Body::Message(_) => true,
                Body::Call(slot) => self.posts.get_mut(slot).forge(draw),
            };
            self.touch(fault, Touch::of(packet.body), u64::from(is_changed));
        }
        None
    }

    /// Whether a node can do anything with a packet that was meant for another one.
    fn takes(&self, taker: NodeId, packet: &Packet) -> bool {
        let service = |node: NodeId| self.nodes[node.0 as usize].service;
        let understands = matches!(packet.body, Body::Call(_)) || service(taker) == service(packet.to);
        taker != packet.from && understands
    }

    /// The packet on its way to where a fault leads it.
    fn lead(&mut self, packet: Packet, astray: Option<(FaultId, NodeId)>) -> Packet {
        let Some((fault, taker)) = astray else { return packet };
        self.touch(fault, Touch::of(packet.body), 1);
        packet.led_astray(taker)
    }

    /// Sends a copy of a message. A call is a connection, which knows its own segments again: no copy of it reaches
    /// the process.
    fn send_copy(&mut self, packet: Packet, at: Time, bodies: &mut dyn Bodies) {
        if let Body::Message(slot) = packet.body {
            self.census.duplicated += 1;
            let body = Body::Message(bodies.duplicate(slot));
            let copy = Packet { number: packet.number + 1, body, ..packet };
            self.schedule(at, class::DELIVERY, packet.to, Event::Arrive(copy));
        }
    }

    /// Sends a packet that arrives damaged by these faults or by its link, and dies if it is no message any more. A
    /// damaged call never parses; a damaged message is the protocol's own to misread.
    fn send_damaged(
        &mut self,
        packet: Packet,
        at: Time,
        damages: impl IntoIterator<Item = (Option<FaultId>, u64)>,
        bodies: &mut dyn Bodies,
    ) {
        for (fault, draw) in damages {
            let survives = match packet.body {
                Body::Message(slot) => bodies.corrupt(slot, draw),
                Body::Call(_) => false,
            };
            if !survives {
                self.drop_packet(packet, DropCause::Corrupted(fault), bodies);
                return;
            }
            fault.into_iter().for_each(|fault| self.touch(fault, Touch::of(packet.body), 1));
        }
        self.schedule(at, class::DELIVERY, packet.to, Event::Arrive(packet));
    }
}
