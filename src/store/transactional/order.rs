//! In which order transactions were committed, looked at from outside: that of their commit timestamps. Those that only read
//! have none.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::host::{Breach, NodeId, Request, Watch};
use crate::store::log::Seen;

use super::TransactionalNode;
use super::message::Record;
use super::versions::Timestamp;

/// What was committed so far, and what is about to be.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    committed: BTreeMap<Timestamp, Request>,
    /// By the node's number.
    seen: Vec<Coordinated>,
}

/// What was seen of a coordinator.
#[derive(Clone, Debug, Default)]
struct Coordinated {
    records: Seen,
    /// What it has decided, while its disk may not hold the decision yet.
    decided: Vec<Decided>,
}

#[derive(Clone, Debug)]
struct Decided {
    incarnation: u64,
    record: u64,
    id: Timestamp,
    at: Timestamp,
    request: Request,
}

impl Watch<TransactionalNode> for Order {
    fn look(&mut self, _: NodeId, node: &TransactionalNode) -> Vec<Breach> {
        let place = node.birth.replica as usize;
        if self.seen.len() <= place {
            self.seen.resize_with(place + 1, Coordinated::default);
        }
        let incarnation = node.birth.incarnation;
        let Coordinated { records, decided } = &mut self.seen[place];
        if decided.is_empty() && records.is_all_of(&node.log) {
            return Vec::new();
        }
        for (record, what) in records.look(&node.log) {
            if let Record::Decided { id, at, .. } = what
                && let Some(request) = node.coordinator.asked(*id)
            {
                decided.push(Decided { incarnation, record, id: *id, at: *at, request: request.clone() });
            }
        }
        if decided.is_empty() || !node.is_open {
            return Vec::new();
        }
        let is_durable = |decided: &Decided| {
            decided.incarnation == incarnation && decided.record <= node.log.accepted()
                || node.coordinator.has_decided(decided.id)
        };
        let durable = decided.extract_if(.., |decided| is_durable(decided));
        self.committed.extend(durable.map(|decided| (decided.at, decided.request)));
        // A coordinator that comes back has found on its disk what it had decided, or it has not.
        decided.retain(|decided| decided.incarnation == incarnation);
        Vec::new()
    }

    fn applied(&self) -> Cow<'_, [Request]> {
        self.committed.values().cloned().collect()
    }

    fn boxed_clone(&self) -> Box<dyn Watch<TransactionalNode>> {
        Box::new(self.clone())
    }
}
