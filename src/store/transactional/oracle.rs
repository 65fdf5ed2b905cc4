//! The first node hands out timestamps, as the timestamp oracle of Percolator does (Peng and Dabek, "Large-scale
//! Incremental Processing Using Distributed Transactions and Notifications", OSDI 2010, section 2.3): it reserves many at a
//! time on its disk, so that after a crash it goes on above all that it ever handed out.

use crate::host::NodeId;

use super::message::{Purpose, Record, TransactionalMessage as Message};
use super::points;
use super::versions::Timestamp;
use super::{Cx, Deed, TransactionalNode};

/// How many timestamps are reserved at a time.
const BATCH: u64 = 1_000;

/// Who asked, under which number, and what for.
type Question = (NodeId, u64, Purpose);

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Oracle {
    next: Timestamp,
    /// Those below it may be handed out.
    reserved: Timestamp,
    is_reserving: bool,
    waiting: Vec<Question>,
}

impl Default for Oracle {
    fn default() -> Self {
        Self { next: Timestamp(1), reserved: Timestamp(1), is_reserving: false, waiting: Vec::new() }
    }
}

impl Oracle {
    /// Takes note of what the disk holds: an earlier incarnation may have handed out all that it had reserved.
    pub(super) fn recover(&mut self, limit: Timestamp) {
        (self.next, self.reserved) = (limit, limit);
    }
}

impl TransactionalNode {
    pub(super) fn ask(&mut self, question: Question, cx: &mut Cx<'_>) {
        // What is lost with a message is asked for again, and so nobody waits twice.
        if !self.oracle.waiting.contains(&question) {
            self.oracle.waiting.push(question);
        }
        if self.oracle.next < self.oracle.reserved && cx.maybe(points::WASTE_TIMESTAMPS.name) {
            self.oracle.next = self.oracle.reserved;
        }
        self.stamp(cx);
    }

    pub(super) fn reserved(&mut self, limit: Timestamp, cx: &mut Cx<'_>) {
        self.oracle.reserved = limit;
        self.oracle.is_reserving = false;
        self.stamp(cx);
    }

    /// Answers whom it can, and reserves more in good time.
    fn stamp(&mut self, cx: &mut Cx<'_>) {
        let Oracle { next, reserved, waiting, .. } = &mut self.oracle;
        let left = usize::try_from(reserved.0 - next.0).unwrap_or(usize::MAX);
        for (from, number, purpose) in waiting.drain(..waiting.len().min(left)) {
            cx.send(from, Message::Stamp { number, purpose, at: *next });
            next.0 += 1;
        }
        let limit = Timestamp(reserved.0 + BATCH);
        if reserved.0 - next.0 < BATCH / 2
            && !self.oracle.is_reserving
            && let Some(record) = self.log.push(Record::Reserved(limit), cx)
        {
            self.oracle.is_reserving = true;
            self.after(record, Deed::Reserved(limit), cx);
        }
    }
}
