//! Waiting for signs of what nodes and clients do: what a triggered fault waits for.

use crate::kernel::{Class, Span, Time};

use super::core::Core;
use super::{NodeId, NodeSet, Simulation};

/// Something that can be seen from outside when it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sign {
    /// A node takes on this role ([`super::Context::role`]), in whatever epoch.
    Role(String),
    /// A node notes this ([`super::Context::note`]).
    Note(String),
    /// A node reaches the rare path of this name ([`super::Context::reached`]).
    Reached(String),
    /// A node begins to handle a message of this kind ([`super::Message::kind`]).
    Message(String),
    /// A client learns a reply that says yes or a definite no.
    Acknowledgement,
}

/// A sign to look out for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookout {
    /// What to see.
    pub sign: Sign,
    /// At whom: the node that acts, or the client that learns.
    pub at: NodeSet,
    /// How often it has to be seen: from 1.
    pub times: u64,
    /// From here on nothing is seen.
    pub until: Time,
    /// The class of the token that tells it, a nanosecond after the cause.
    pub class: Class,
}

/// A sign as it happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seen<'a> {
    Role(&'a str),
    Note(&'a str),
    Reached(&'a str),
    Message(&'a str),
    Acknowledgement,
}

impl Sign {
    fn is(&self, seen: Seen<'_>) -> bool {
        match (self, seen) {
            (Self::Role(wanted), Seen::Role(seen))
            | (Self::Note(wanted), Seen::Note(seen))
            | (Self::Reached(wanted), Seen::Reached(seen))
            | (Self::Message(wanted), Seen::Message(seen)) => wanted == seen,
            (Self::Acknowledgement, Seen::Acknowledgement) => true,
            _ => false,
        }
    }
}

/// From a cause to what it triggers.
const REACTION: Span = Span::from_nanos(1);

/// Everything that is looked out for in a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lookouts {
    waiting: Vec<Waiting>,
    /// What came to pass, to be collected: the number of the lookout, and when its token comes.
    fired: Vec<(usize, Time)>,
    /// The kinds of messages among what is still to come, each once: all that a message of another kind costs a look at.
    kinds: Vec<String>,
}

#[derive(Clone, Debug)]
struct Waiting {
    lookout: Lookout,
    seen: u64,
}

impl Lookouts {
    /// Begins to look out; answers the lookout's number.
    pub(crate) fn add(&mut self, lookout: Lookout) -> usize {
        self.waiting.push(Waiting { lookout, seen: 0 });
        self.list_kinds();
        self.waiting.len() - 1
    }

    /// Takes a sign; answers when tokens of which classes are to come for what it completes.
    pub(crate) fn see(&mut self, now: Time, node: NodeId, sign: Seen<'_>) -> Vec<(Time, Class)> {
        let at = now + REACTION;
        let mut tokens = Vec::new();
        for (number, Waiting { lookout, seen }) in self.waiting.iter_mut().enumerate() {
            if at < lookout.until && lookout.at.contains(node) && lookout.sign.is(sign) {
                *seen += 1;
                if *seen == lookout.times {
                    self.fired.push((number, at));
                    tokens.push((at, lookout.class));
                }
            }
        }
        if !tokens.is_empty() {
            self.list_kinds();
        }
        tokens
    }

    fn list_kinds(&mut self) {
        self.kinds.clear();
        for Waiting { lookout, seen } in &self.waiting {
            if let Sign::Message(kind) = &lookout.sign
                && *seen < lookout.times
                && !self.kinds.contains(kind)
            {
                self.kinds.push(kind.clone());
            }
        }
    }

    /// Whether somebody looks out for messages of some kind.
    #[inline]
    pub(crate) const fn are_for_messages(&self) -> bool {
        !self.kinds.is_empty()
    }

    /// Whether somebody looks out for messages of this kind.
    pub(crate) fn are_for_kind(&self, kind: &str) -> bool {
        self.kinds.iter().any(|wanted| wanted == kind)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What came to pass since it was last asked.
    pub(crate) fn collect(&mut self) -> Vec<(usize, Time)> {
        std::mem::take(&mut self.fired)
    }

    /// Lookouts for nothing any more.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Core {
    /// Shows a sign to whoever looks out for it. A token tells of what it completes.
    #[cold]
    pub(crate) fn show(&mut self, node: NodeId, sign: Seen<'_>) {
        if self.lookouts.is_empty() {
            return;
        }
        for (at, class) in self.lookouts.see(self.agenda.now(), node, sign) {
            self.schedule_token(at, class, 0);
        }
    }
}

impl Simulation {
    /// Begins to look out for a sign, and answers the lookout's number. A nanosecond after it has been seen often enough, a
    /// token 0 of the lookout's class comes, and [`Self::signs`] says so.
    pub fn look_out(&mut self, lookout: Lookout) -> usize {
        self.core.lookouts.add(lookout)
    }

    /// What was seen since this was last asked: the number of the lookout, and when its token comes.
    pub fn signs(&mut self) -> Vec<(usize, Time)> {
        self.core.lookouts.collect()
    }

    /// Looks out for nothing any more.
    pub fn stop_looking_out(&mut self) {
        self.core.lookouts.clear();
    }
}
