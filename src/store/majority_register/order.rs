//! In which order writes took effect, looked at from outside: that of their tags.
//!
//! So Lynch and Shvartsman prove their register: writes take effect in the order of their tags, and a read after the write whose
//! tag it found.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::host::{Breach, Key, NodeId, Request, Value, Watch};

use super::MajorityRegisterNode;
use super::message::Tag;

/// Every write that has taken a tag so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    writes: BTreeMap<(Key, Tag), Value>,
    /// By the coordinator's number the last of its writes.
    seen: Vec<Option<u64>>,
}

impl Watch<MajorityRegisterNode> for Order {
    /// No handler gives out two tags.
    fn look(&mut self, _: NodeId, node: &MajorityRegisterNode) -> Vec<Breach> {
        let place = node.birth.replica as usize;
        if self.seen.len() <= place {
            self.seen.resize(place + 1, None);
        }
        if self.seen[place] != node.last_tagged {
            self.seen[place] = node.last_tagged;
            let write = node.last_tagged.and_then(|number| node.operations.get(&number)?.tagged());
            self.writes.extend(write.map(|(key, newer)| ((key, newer.tag), newer.value.clone())));
        }
        Vec::new()
    }

    fn applied(&self) -> Cow<'_, [Request]> {
        let write = |(&(key, _), value): (&(Key, Tag), &Value)| Request::Write { key, value: value.clone() };
        self.writes.iter().map(write).collect()
    }

    fn boxed_clone(&self) -> Box<dyn Watch<MajorityRegisterNode>> {
        Box::new(self.clone())
    }
}
