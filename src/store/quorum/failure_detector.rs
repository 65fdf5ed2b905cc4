//! Which replicas a node believes to be out of reach.
//!
//! `DeCandia` et al., Dynamo, SOSP 2007, section 4.8.3: a purely local notion is enough. A node considers another failed
//! if that does not answer, even if it answers others, and finds out when it is back by asking it again. With requests
//! under way all the time, nothing has to be sent for it.

use std::collections::BTreeMap;

use crate::host::NodeId;
use crate::kernel::Span;

/// So many messages have to remain without any answer: one or two may be lost.
const SUSPICIOUS: u32 = 3;

/// What a node has not heard of others. It starts out trusting everybody.
#[derive(Clone, Debug, Default)]
pub(super) struct FailureDetector {
    /// Since when (on the monotonic clock) and how often it has been asked in vain.
    silent: BTreeMap<NodeId, (u64, u32)>,
}

impl FailureDetector {
    /// Takes note that a node was asked for something.
    pub(super) fn asked(&mut self, node: NodeId, now: u64) {
        self.silent.entry(node).or_insert((now, 0)).1 += 1;
    }

    /// Takes note of a sign of life.
    pub(super) fn heard(&mut self, node: NodeId) {
        self.silent.remove(&node);
    }

    /// Whether a node was asked in vain for more than `patience`.
    pub(super) fn suspects(&self, node: NodeId, now: u64, patience: Span) -> bool {
        let is_late =
            |&(since, times): &(u64, u32)| times >= SUSPICIOUS && now.saturating_sub(since) > patience.as_nanos();
        self.silent.get(&node).is_some_and(is_late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_asked_in_vain_is_suspected_until_heard() {
        let (node, patience) = (NodeId(4), Span::from_nanos(10));
        let mut detector = FailureDetector::default();
        let check = |detector: &FailureDetector, now, expected| {
            assert_eq!(detector.suspects(node, now, patience), expected, "at {now}");
        };
        check(&detector, 1_000, false);
        detector.asked(node, 1_000);
        detector.asked(node, 1_001);
        check(&detector, 2_000, false);
        detector.asked(node, 1_002);
        check(&detector, 1_010, false);
        check(&detector, 1_011, true);
        assert!(!detector.suspects(NodeId(5), 1_011, patience));
        detector.heard(node);
        check(&detector, 1_012, false);
        (0..3).for_each(|_| detector.asked(node, 1_020));
        check(&detector, 1_030, false);
        check(&detector, 1_031, true);
    }
}
