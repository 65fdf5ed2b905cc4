//! Where a run could have gone on otherwise: what is next, and a delivery that something else could overtake.
//!
//! Nothing here is used by a run that goes on as it does. Whoever explores stops a simulation before an event, clones it,
//! and lets the clone take another way ([`Simulation::hold_back`]), which is the way that the run would have taken with a
//! fault of a single message from the start.

use crate::kernel::{Class, Span, Time};

use super::event::{Event, Packet};
use super::tally::Touch;
use super::{FaultId, NodeId, Passage, SentMessage, Simulation};

/// A message that arrives next, and could arrive later.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// Its sender.
    pub from: NodeId,
    /// Its receiver.
    pub to: NodeId,
    /// What it is, as [`super::MessageFault::kind`] has it.
    pub kind: &'static str,
    /// Which one of its kind on this link, as [`super::MessageFault::nth`] counts.
    pub nth: u64,
    /// When it was sent.
    pub sent: Time,
    /// When it arrives.
    pub at: Time,
}

impl Simulation {
    /// Keeps a list of the messages that are sent from now on. It changes nothing; [`Self::next_delivery`] needs it.
    pub fn keep_messages(&mut self) {
        self.core.network.faults.keep_log();
    }

    /// When the next event happens; nothing if none is pending or the run is over.
    pub fn next_event(&mut self) -> Option<Time> {
        if self.core.ended.is_some() { None } else { self.core.agenda.peek_time() }
    }

    /// The nodes at which something is known to happen at an instant, ascending.
    pub fn active_at(&mut self, instant: Time) -> Vec<NodeId> {
        let mut events = Vec::new();
        self.core.agenda.look_through(|_, at, _, event| {
            if at == instant {
                events.push(*event);
            }
        });
        let mut nodes: Vec<_> = events.iter().filter_map(|event| self.node_of(event)).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }

    /// The next event, if it is a delivery that could come later. No such delivery: copies, what was led astray, held by a
    /// clog or sent together with copies, and messages on first-in first-out links, where later ones would wait for it.
    /// Needs [`Self::keep_messages`] from the start.
    pub fn next_delivery(&mut self) -> Option<Delivery> {
        let (at, _, event) = self.core.agenda.peek()?;
        let &Event::Arrive(Packet { from, to, number, .. }) = event else { return None };
        let is_original = from != to && number.is_multiple_of(2) && !Packet::is_astray(number);
        if !is_original || self.core.network.keeps_order(&self.core.nodes, from, to) {
            return None;
        }
        let message = self.core.network.faults.log()?.on_link(from, to, number / 2)?;
        let SentMessage { kind, nth, at: sent, ref passage, .. } = *message;
        let is_as_sent =
            matches!(passage, Passage::Takes { time, copies } if copies.is_empty() && sent + *time == at);
        is_as_sent.then_some(Delivery { from, to, kind, nth, sent, at })
    }

    /// Whether anything else is pending at the receiver of the next delivery at the same instant.
    pub fn is_tied(&mut self, next: &Delivery) -> bool {
        let mut events = Vec::new();
        self.core.agenda.look_through(|_, at, _, event| {
            if at == next.at {
                events.push(*event);
            }
        });
        // The delivery is one of them.
        events.iter().filter(|event| self.node_of(event) == Some(next.to)).count() > 1
    }

    /// Holds the message back that is to arrive next, as a fault of this single message would have from the start. May be
    /// asked for again when its new time has come.
    pub fn hold_back(&mut self, fault: FaultId, name: &str, delivery: &Delivery, by: Span) {
        let Some((_, _, &Event::Arrive(Packet { from, to, number, body, .. }))) = self.core.agenda.peek() else {
            return;
        };
        self.name_fault(fault, name);
        if self.core.network.faults.meet_late(fault, delivery.sent) {
            self.core.touch(fault, Touch::of(body), 1);
        }
        let message = self.core.network.faults.log().and_then(|log| log.on_link(from, to, number / 2));
        if let Some(Passage::Takes { time, .. }) = message.map(|message| &mut message.passage) {
            *time = *time + by;
        }
        self.core.agenda.postpone_next(by);
    }

    /// Takes back a wish to be told of an instant ([`Self::tell_at`]). Wishes of one class and token for one instant are
    /// alike; one of them goes.
    pub fn do_not_tell(&mut self, at: Time, class: Class, token: u64) {
        let mut wish = None;
        self.core.agenda.look_through(|id, when, of, event| {
            if (when, of) == (at, class) && matches!(event, Event::Token(is) if *is == token) {
                wish = Some(id);
            }
        });
        wish.and_then(|id| self.core.agenda.cancel(id));
    }

    /// The node at which an event happens, if it happens at one.
    fn node_of(&mut self, event: &Event) -> Option<NodeId> {
        match *event {
            Event::Arrive(packet) => Some(packet.to),
            Event::Timer { node, .. }
            | Event::Disk { node }
            | Event::WorkDone { node, .. }
            | Event::Start { node, .. }
            | Event::GoOn { node }
            | Event::ClockPoll { node }
            | Event::SlewEnd { node }
            | Event::Die { node }
            | Event::Revive { node, .. } => Some(node),
            Event::CallTimeout { call } => self.core.calls.get_mut(call).map(|call| call.caller),
            Event::Token(_) => None,
        }
    }
}
