//! Transactions that a client makes up.

use crate::host::{Key, Request, Value};
use crate::kernel::Draw;

use super::Keys;
use super::operations::unique_value;

/// What the transactions of a client consist of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transactions {
    /// How many operations a transaction has at least; from 1 to `most`.
    pub least: u32,
    /// How many at most, all equally likely; up to [`Transactions::MOST`].
    pub most: u32,
    /// How many of them read, in parts per billion.
    pub reads_ppb: u64,
    /// How many of them read an object and then write it, in parts per billion, which with those that read are at most a
    /// billion; the others only write. A request each for the read and the write, they count as one.
    pub updates_ppb: u64,
    /// What they read and write.
    pub objects: Objects,
}

/// What the objects of transactions are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Objects {
    /// Lists, to which writes append: what is read tells the order of all writes before.
    Lists,
    /// Registers, which writes set.
    Registers,
}

impl Default for Transactions {
    /// One to four operations on lists, half of them reads.
    fn default() -> Self {
        Self { least: 1, most: 4, reads_ppb: 500_000_000, updates_ppb: 0, objects: Objects::Lists }
    }
}

/// All, of parts per billion.
const BILLION: u64 = 1_000_000_000;

/// From one write of an object in a transaction to the next: a client makes fewer operations than 10^11, and no other
/// client's values come within ten times as many.
const REWRITE_STRIDE: i64 = 100_000_000_000;

impl Transactions {
    /// How many operations a transaction may have.
    pub const MOST: u32 = 10;

    /// The operations of a client's transaction of this number, the first of them on `key`. What they write is unique for
    /// each object: the value of the client's operation, and if it writes one object again, that plus 10^11 each time.
    pub(super) fn parts(
        self,
        (client, number): (u32, u64),
        key: Key,
        keys: &Keys,
        draws: &mut impl Draw,
    ) -> Vec<Request> {
        let count = self.least + u32::try_from(draws.below(u64::from(self.most - self.least) + 1)).unwrap_or(0);
        let mut parts: Vec<Request> = Vec::new();
        for place in 0..u64::from(count) {
            let key = if place == 0 { key } else { keys.choose(number + place, draws) };
            let is_write = |part: &&Request| !part.is_read() && part.key() == Some(key);
            let written = i64::try_from(parts.iter().filter(is_write).count()).unwrap_or(0);
            let unique = unique_value(client, number) + written * REWRITE_STRIDE;
            let chosen = draws.below(BILLION);
            if chosen < self.reads_ppb + self.updates_ppb {
                parts.push(Request::Read { key });
            }
            if chosen >= self.reads_ppb {
                parts.push(match self.objects {
                    Objects::Lists => Request::Append { key, element: unique },
                    Objects::Registers => Request::Write { key, value: Value::Int(unique) },
                });
            }
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::num::NonZeroU64;

    use super::*;
    use crate::kernel::SplitMix64;

    #[test]
    fn transactions_are_as_they_are_to_be_and_write_unique_values() {
        let keys = Keys::Uniform { count: NonZeroU64::new(3).unwrap() };
        let mut draws = SplitMix64::new(1);
        for objects in [Objects::Lists, Objects::Registers] {
            let transactions = Transactions { least: 2, most: 10, reads_ppb: 250_000_000, updates_ppb: 0, objects };
            let (mut lengths, mut written) = (BTreeSet::new(), BTreeSet::new());
            for number in 0..200 {
                let parts = transactions.parts((number as u32 % 2, number / 2), Key(7), &keys, &mut draws);
                assert_eq!(parts[0].key(), Some(Key(7)));
                lengths.insert(parts.len());
                for part in parts {
                    let is_new = match part {
                        Request::Read { .. } => true,
                        Request::Append { key, element } if objects == Objects::Lists => {
                            written.insert((key, element))
                        }
                        Request::Write { key, value: Value::Int(value) } => written.insert((key, value)),
                        other => panic!("{other}"),
                    };
                    assert!(is_new);
                }
            }
            assert_eq!(lengths, (2..=10).collect());
        }
    }

    #[test]
    fn an_update_reads_what_it_writes() {
        let transactions =
            Transactions { least: 2, most: 2, reads_ppb: 0, updates_ppb: BILLION, ..Transactions::default() };
        let parts = transactions.parts((0, 4), Key(7), &Keys::Single, &mut SplitMix64::new(1));
        let names: Vec<String> = parts.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["read k7", "append 5 to k7", "read k0", "append 5 to k0"]);
    }
}
