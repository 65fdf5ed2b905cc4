//! In which order requests took effect, looked at from outside: that of their records in the log.

use std::borrow::Cow;

use crate::host::{Breach, NodeId, Request, Watch};

use super::{Setting, SingleNode};

/// What the log holds. What a crash or a failed disk took out of it had never taken effect, or is lost: then what clients were
/// told has no order, and this one explains nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    /// What the records have asked for; the first has the number 1.
    requests: Vec<Request>,
    /// How many of them are accepted.
    accepted: usize,
}

impl Setting {
    fn request(&self) -> Request {
        let Self { key, value, expected } = self.clone();
        match expected {
            Some(expected) => Request::CompareAndSet { key, expected, new: value },
            None => Request::Write { key, value },
        }
    }
}

impl Watch<SingleNode> for Order {
    fn look(&mut self, _: NodeId, replica: &SingleNode) -> Vec<Breach> {
        let log = &replica.log;
        // Before it has read its disk nobody knows what is left.
        if log.waits_for().is_none() {
            let length = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
            self.accepted = length(log.accepted());
            self.requests.truncate(length(log.last()));
            let known = self.requests.len().saturating_sub(self.accepted);
            self.requests.extend(log.pending().skip(known).map(|(_, setting)| setting.request()));
        }
        Vec::new()
    }

    fn applied(&self) -> Cow<'_, [Request]> {
        Cow::Borrowed(&self.requests[..self.accepted.min(self.requests.len())])
    }

    fn boxed_clone(&self) -> Box<dyn Watch<SingleNode>> {
        Box::new(self.clone())
    }
}
