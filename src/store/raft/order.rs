//! In which order entries were committed, looked at from outside: the order in which what clients asked for took effect.

use std::borrow::Cow;

use crate::host::{Breach, NodeId, Request, Watch};

use super::RaftNode;

/// What was committed so far. An operation that arrived again is in the log again, and so it is here.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    /// The index of the last entry that is known to be committed.
    committed: u64,
    applied: Vec<Request>,
}

impl Watch<RaftNode> for Order {
    /// Whoever is the first to know that an entry is committed has it in its log.
    fn look(&mut self, _: NodeId, replica: &RaftNode) -> Vec<Breach> {
        while self.committed < replica.commit
            && let Some(entry) = replica.log.get(self.committed + 1)
        {
            self.committed += 1;
            self.applied.extend(entry.command.request());
        }
        Vec::new()
    }

    fn applied(&self) -> Cow<'_, [Request]> {
        Cow::Borrowed(&self.applied)
    }

    fn boxed_clone(&self) -> Box<dyn Watch<RaftNode>> {
        Box::new(self.clone())
    }
}
