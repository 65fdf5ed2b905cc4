//! What was sent, message by message, and how long it took: what a run with random links needs to be said again without
//! chance. It is kept together with the trace, and changes nothing.

use std::collections::BTreeMap;

use crate::kernel::{Span, Time};

use super::NodeId;

/// A message that was sent from one node to another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SentMessage {
    /// Its sender.
    pub from: NodeId,
    /// Its receiver.
    pub to: NodeId,
    /// What it is, as [`super::MessageFault::kind`] has it.
    pub kind: &'static str,
    /// Which one of its kind on this link, from 1, as [`super::MessageFault::nth`] counts.
    pub nth: u64,
    /// When it was sent.
    pub at: Time,
    /// The number of the record that led to it, if one did.
    pub cause: Option<u64>,
    /// What its link had for it.
    pub passage: Passage,
}

/// What a link has for a message. It may die for other reasons: a cut, a receiver that is down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Passage {
    /// It is lost by chance: by loss, or by damage that was found.
    Lost,
    /// It does not set out: its link is cut, or the queue before it is full.
    Barred,
    /// It arrives.
    Takes {
        /// So long after it was sent.
        time: Span,
        /// And again, so long after that.
        copies: Vec<Span>,
    },
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct MessageLog {
    sent: Vec<SentMessage>,
    counts: BTreeMap<(NodeId, NodeId, &'static str), u64>,
}

impl MessageLog {
    /// Enters a message; its number is given here.
    pub(crate) fn enter(&mut self, message: SentMessage) {
        let count = self.counts.entry((message.from, message.to, message.kind)).or_default();
        *count += 1;
        self.sent.push(SentMessage { nth: *count, ..message });
    }

    /// The message of this number on its link, counted from 0.
    pub(crate) fn on_link(&mut self, from: NodeId, to: NodeId, ordinal: u64) -> Option<&mut SentMessage> {
        let mut on_link = self.sent.iter_mut().filter(|message| (message.from, message.to) == (from, to));
        on_link.nth(usize::try_from(ordinal).ok()?)
    }

    /// Takes the messages out.
    pub(crate) fn take(&mut self) -> Vec<SentMessage> {
        std::mem::take(&mut self.sent)
    }
}
