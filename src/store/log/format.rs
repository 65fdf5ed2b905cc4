//! The bytes of a record log, and what can still be read of them after a crash.
//!
//! A record is the length of its payload (4 bytes), a checksum (8 bytes) and the payload, numbers little-endian. The
//! checksum covers the payload and the checksum of the record before it. So a record counts only behind the very
//! record that it was written behind: what a crash leaves of a torn tail cannot pass for the continuation of what is
//! written over it later.

use std::hash::Hasher;

use crate::host::Value;
use crate::kernel::StableHasher;

/// A payload that a log can hold.
pub trait Record: Clone + 'static {
    /// Appends the record's bytes.
    fn encode(&self, bytes: &mut Vec<u8>);

    /// Reads a record back; `None` if no record has these bytes.
    fn decode(fields: &mut Fields<'_>) -> Option<Self>;
}

/// What a log ends with: the first record follows 0.
pub(super) type Checksum = u64;

const HEADER_BYTES: usize = 12;

/// Appends a record that follows the one with checksum `previous`, and answers its own checksum.
pub(super) fn write_record(record: &impl Record, previous: Checksum, bytes: &mut Vec<u8>) -> Checksum {
    let header = bytes.len();
    bytes.resize(header + HEADER_BYTES, 0);
    record.encode(bytes);
    let payload = &bytes[header + HEADER_BYTES..];
    let length = u32::try_from(payload.len()).expect("a record is much shorter than 4 GiB");
    let checksum = checksum(previous, payload);
    bytes[header..header + 4].copy_from_slice(&length.to_le_bytes());
    bytes[header + 4..header + HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
    checksum
}

fn checksum(previous: Checksum, payload: &[u8]) -> Checksum {
    let mut hasher = StableHasher::new();
    hasher.write_u64(previous);
    hasher.write(payload);
    hasher.finish()
}

/// Reads a log in pieces, from its beginning to its end or to the first byte that is damaged.
#[derive(Clone, Debug, Default)]
pub(super) struct Replay {
    /// Bytes of whole, valid records so far.
    pub(super) valid: u64,
    /// The checksum of the last of them.
    pub(super) last: Checksum,
    /// Whether what follows is no record.
    pub(super) damaged: bool,
    /// Bytes behind them that may yet become a record.
    rest: Vec<u8>,
}

impl Replay {
    /// Reads the next piece and answers the records that it completes.
    pub(super) fn feed<R: Record>(&mut self, piece: &[u8]) -> Vec<R> {
        self.rest.extend_from_slice(piece);
        let mut records = Vec::new();
        let mut read = 0;
        while !self.damaged {
            let Some((payload, expected)) = split_record(&self.rest[read..]) else { break };
            let decoded = if checksum(self.last, payload) == expected { decode(payload) } else { None };
            match decoded {
                Some(record) => records.push(record),
                None => self.damaged = true,
            }
            if !self.damaged {
                self.last = expected;
                read += HEADER_BYTES + payload.len();
            }
        }
        self.rest.drain(..read);
        self.valid += read as u64;
        records
    }

    /// Whether something follows the valid records.
    pub(super) const fn has_tail(&self) -> bool {
        !self.rest.is_empty()
    }

    /// How many bytes were read so far.
    pub(super) const fn position(&self) -> u64 {
        self.valid + self.rest.len() as u64
    }
}

/// The payload and checksum of the first record; `None` if it is not whole.
fn split_record(bytes: &[u8]) -> Option<(&[u8], Checksum)> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (checksum, rest) = rest.split_first_chunk::<8>()?;
    let payload = rest.get(..usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    Some((payload, u64::from_le_bytes(*checksum)))
}

fn decode<R: Record>(payload: &[u8]) -> Option<R> {
    let mut fields = Fields { rest: payload };
    let record = R::decode(&mut fields)?;
    fields.rest.is_empty().then_some(record)
}

/// Reads the fields of a record one after the other.
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields in these bytes.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// As many bytes as [`put_bytes`] has put there.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(bytes)
    }

    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    /// A number of 64 bits.
    pub fn number(&mut self) -> Option<u64> {
        let (bytes, rest) = self.rest.split_first_chunk::<8>()?;
        self.rest = rest;
        Some(u64::from_le_bytes(*bytes))
    }

    /// What an object holds.
    pub fn value(&mut self) -> Option<Value> {
        match self.byte()? {
            SIBLINGS => self.plain_values().map(Value::Siblings),
            ANSWERS => self.plain_values().map(Value::Answers),
            kind => self.value_of(kind),
        }
    }

    /// Several values, none of which is several values itself.
    fn plain_values(&mut self) -> Option<Vec<Value>> {
        let count = self.number()?;
        (0..count).map(|_| self.plain_value()).collect()
    }

    fn plain_value(&mut self) -> Option<Value> {
        let kind = self.byte()?;
        self.value_of(kind)
    }

    fn value_of(&mut self, kind: u8) -> Option<Value> {
        match kind {
            NIL => Some(Value::Nil),
            INT => Some(Value::Int(self.number()?.cast_signed())),
            LIST => {
                let count = self.number()?;
                (0..count).map(|_| Some(self.number()?.cast_signed())).collect::<Option<_>>().map(Value::List)
            }
            _ => None,
        }
    }
}

const NIL: u8 = 0;
const INT: u8 = 1;
const LIST: u8 = 2;
const SIBLINGS: u8 = 3;
const ANSWERS: u8 = 4;

/// Appends a number as [`Fields::number`] reads it.
pub fn put_number(number: u64, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&number.to_le_bytes());
}

/// Appends bytes as [`Fields::bytes`] reads them.
pub fn put_bytes(content: &[u8], bytes: &mut Vec<u8>) {
    put_number(content.len() as u64, bytes);
    bytes.extend_from_slice(content);
}

/// Appends a value as [`Fields::value`] reads it.
pub fn put_value(value: &Value, bytes: &mut Vec<u8>) {
    match value {
        Value::Nil => bytes.push(NIL),
        Value::Int(number) => {
            bytes.push(INT);
            put_number(number.cast_unsigned(), bytes);
        }
        Value::List(elements) => {
            bytes.push(LIST);
            put_number(elements.len() as u64, bytes);
            for element in elements {
                put_number(element.cast_unsigned(), bytes);
            }
        }
        Value::Siblings(values) | Value::Answers(values) => {
            bytes.push(if matches!(value, Value::Siblings(_)) { SIBLINGS } else { ANSWERS });
            put_number(values.len() as u64, bytes);
            values.iter().for_each(|value| put_value(value, bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Pair(u64, Value);

    impl Record for Pair {
        fn encode(&self, bytes: &mut Vec<u8>) {
            put_number(self.0, bytes);
            put_value(&self.1, bytes);
        }

        fn decode(fields: &mut Fields<'_>) -> Option<Self> {
            Some(Self(fields.number()?, fields.value()?))
        }
    }

    fn any_pair() -> impl Strategy<Value = Pair> {
        let value = prop_oneof![
            Just(Value::Nil),
            any::<i64>().prop_map(Value::Int),
            prop::collection::vec(any::<i64>(), 0..5).prop_map(Value::List),
            prop::collection::vec(any::<i64>().prop_map(Value::Int), 0..4).prop_map(Value::Siblings),
            prop::collection::vec(any::<i64>().prop_map(Value::Int), 0..4).prop_map(Value::Answers),
        ];
        (any::<u64>(), value).prop_map(|(number, value)| Pair(number, value))
    }

    /// The bytes of the records, and where each of them ends.
    fn write(records: &[Pair]) -> (Vec<u8>, Vec<usize>) {
        let (mut bytes, mut ends, mut last) = (Vec::new(), Vec::new(), 0);
        for record in records {
            last = write_record(record, last, &mut bytes);
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    fn read(bytes: &[u8], piece: usize) -> (Vec<Pair>, Replay) {
        let mut replay = Replay::default();
        let records = bytes.chunks(piece).flat_map(|piece| replay.feed(piece)).collect();
        (records, replay)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_cut_log_reads_as_its_whole_records(
            records in prop::collection::vec(any_pair(), 0..8), cut: prop::sample::Index, piece in 1usize..40,
        ) {
            let (bytes, ends) = write(&records);
            let cut = cut.index(bytes.len() + 1);
            let whole = ends.iter().filter(|&&end| end <= cut).count();
            let valid = whole.checked_sub(1).map_or(0, |last| ends[last]);
            let (read, replay) = read(&bytes[..cut], piece);
            prop_assert_eq!(&read[..], &records[..whole]);
            prop_assert_eq!(replay.valid, valid as u64);
            prop_assert_eq!(replay.position(), cut as u64);
            prop_assert_eq!(replay.has_tail(), valid < cut);
        }

        #[test]
        fn a_damaged_log_reads_as_the_records_before_the_damage(
            records in prop::collection::vec(any_pair(), 1..8), at: prop::sample::Index, flip in 1u8..=255,
        ) {
            let (mut bytes, ends) = write(&records);
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            let sound = ends.iter().filter(|&&end| end <= at).count();
            prop_assert_eq!(&read(&bytes, bytes.len()).0[..], &records[..sound]);
        }

        #[test]
        fn what_was_overwritten_does_not_come_back(old in any_pair(), new in any_pair(), stale in any_pair()) {
            prop_assume!(old != new);
            let (mut bytes, _) = write(&[old, stale]);
            let (head, ends) = write(std::slice::from_ref(&new));
            prop_assume!(ends[0] < bytes.len());
            bytes[..ends[0]].copy_from_slice(&head);
            prop_assert_eq!(read(&bytes, bytes.len()).0, vec![new]);
        }
    }

    #[test]
    fn zeros_are_no_record() {
        let (records, replay) = read(&[0; 64], 64);
        assert_eq!((records, replay.damaged, replay.valid), (vec![], true, 0));
    }
}
