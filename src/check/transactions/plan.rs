//! What each transaction needs and does, in the form that the search walks: versions are small integers.

use std::collections::BTreeMap;

use super::history::{Fate, MicroOperation, TransactionHistory};
use super::objects::{Object, Writer};
use crate::host::Key;

/// The number of every object's first version.
pub(super) const INITIAL: u32 = 0;

/// What a commit does to an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Effect {
    /// A register takes this version.
    Set(u32),
    /// A list is continued by these elements.
    Append(Vec<i64>),
}

/// One transaction that must or may take effect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Plan {
    /// Its place in the history.
    pub(super) transaction: usize,
    pub(super) must_commit: bool,
    /// Which objects must hold which versions when it begins.
    pub(super) reads: BTreeMap<usize, u32>,
    /// What it does to which objects when it commits.
    pub(super) writes: BTreeMap<usize, Effect>,
}

/// All that a search needs to know. Objects go by their place.
pub(super) struct Plans {
    /// In the order of invocation.
    pub(super) transactions: Vec<Plan>,
    pub(super) lists: Lists,
    /// Per object: whether a version that was replaced may come back, because a value is written twice.
    pub(super) may_recur: Vec<bool>,
}

/// The lists that were met, as a trie: the number of a list and one more element give the number of the longer list.
#[derive(Default)]
pub(super) struct Lists(BTreeMap<(u32, i64), u32>);

impl Lists {
    /// The number of the list that is `list` continued by `elements`.
    pub(super) fn append(&mut self, list: u32, elements: &[i64]) -> u32 {
        elements.iter().fold(list, |list, &element| {
            let next = u32::try_from(self.0.len() + 1).expect("each list costs a step, and the budget ends first");
            *self.0.entry((list, element)).or_insert(next)
        })
    }
}

impl Plans {
    /// The transactions that take effect, and those of unknown fate that may have written a value which was read.
    /// Whose writes nobody can have read might as well never have happened. Transactions must agree with themselves.
    pub(super) fn new(history: &TransactionHistory, objects: &[Object<'_>], took_effect: &[bool]) -> Self {
        let place_of: BTreeMap<Key, usize> = (0..).zip(objects).map(|(place, object)| (object.key, place)).collect();
        let mut values: BTreeMap<i64, u32> = BTreeMap::new();
        let mut plans = Self {
            transactions: Vec::new(),
            lists: Lists::default(),
            may_recur: objects.iter().map(|object| !object.is_list && !object.is_traceable()).collect(),
        };
        for (index, transaction) in history.transactions().iter().enumerate() {
            let is_ambiguous = |operation: &MicroOperation| {
                let object = &objects[place_of[&operation.key()]];
                operation.written().is_some_and(|value| object.writers.get(&value) == Some(&Writer::Several))
            };
            let may_commit = transaction.fate == Fate::Unknown && transaction.operations.iter().any(is_ambiguous);
            if !took_effect[index] && !may_commit {
                continue;
            }
            let (mut reads, mut writes) = (BTreeMap::new(), BTreeMap::new());
            let mut number = |value: i64| {
                let next = u32::try_from(values.len() + 1).expect("less than 2^32 operations");
                *values.entry(value).or_insert(next)
            };
            for operation in &transaction.operations {
                let object = place_of[&operation.key()];
                match operation {
                    MicroOperation::Write { value, .. } => {
                        writes.insert(object, Effect::Set(number(*value)));
                    }
                    MicroOperation::Append { element, .. } => {
                        match writes.entry(object).or_insert(Effect::Append(Vec::new())) {
                            Effect::Append(elements) => elements.push(*element),
                            Effect::Set(_) => unreachable!("an object has one type"),
                        }
                    }
                    MicroOperation::ReadRegister { found, .. } => {
                        if !writes.contains_key(&object) {
                            reads.entry(object).or_insert(found.map_or(INITIAL, &mut number));
                        }
                    }
                    MicroOperation::ReadList { found, .. } => {
                        let own = match writes.get(&object) {
                            Some(Effect::Append(elements)) => elements.len(),
                            _ => 0,
                        };
                        let lists = &mut plans.lists;
                        let before = &found[..found.len().saturating_sub(own)];
                        reads.entry(object).or_insert_with(|| lists.append(INITIAL, before));
                    }
                }
            }
            plans.transactions.push(Plan { transaction: index, must_commit: took_effect[index], reads, writes });
        }
        plans
    }
}
