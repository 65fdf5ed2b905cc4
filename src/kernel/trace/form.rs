//! The canonical form of a trace, written and read; [`Trace::encode`](super::Trace::encode) gives its layout.

use super::{Fact, LabelId, Record};
use crate::kernel::digest::Digest;
use crate::kernel::hash::StableHasher;
use crate::kernel::time::Time;
use std::fmt;
use std::hash::Hasher;

const MAGIC: [u8; 8] = *b"partita\x1a";
const VERSION: u32 = 1;
const NO_CAUSE: u64 = u64::MAX;
const RECORD_BYTES: usize = 45;

/// A trace read back from its canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodedTrace {
    /// The header, as it was given to [`Trace::encode`](super::Trace::encode).
    pub header: Vec<u8>,
    /// The records by sequence number.
    pub records: Vec<Record>,
    /// The digest of the records.
    pub digest: u64,
    labels: Vec<String>,
}

/// Why some bytes are not a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TraceError {
    /// They do not start as a trace does.
    NotATrace,
    /// They are a trace of a version that this program cannot read.
    Version(u32),
    /// They end too early.
    Truncated,
    /// They were changed after they were written; the text says what gives it away.
    Corrupted(&'static str),
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotATrace => f.write_str("this is not a trace: it does not start with `partita`"),
            Self::Version(version) => {
                write!(f, "this trace has format version {version}; this program reads version {VERSION}")
            }
            Self::Truncated => f.write_str("the trace is truncated"),
            Self::Corrupted(what) => write!(f, "the trace is corrupted: {what}"),
        }
    }
}

impl std::error::Error for TraceError {}

impl DecodedTrace {
    /// Reads the canonical form.
    ///
    /// # Errors
    /// If the bytes are anything else, down to one changed bit.
    pub fn decode(bytes: &[u8]) -> Result<Self, TraceError> {
        let mut reader = Reader(bytes);
        if !MAGIC.starts_with(&bytes[..bytes.len().min(MAGIC.len())]) {
            return Err(TraceError::NotATrace);
        }
        reader.take(MAGIC.len())?;
        match reader.u32()? {
            VERSION => (),
            other => return Err(TraceError::Version(other)),
        }
        let header = reader.text()?.to_vec();
        let labels = reader.labels()?;
        let records = reader.records(labels.len())?;
        let digest = reader.u64()?;
        let hashed = bytes.len() - reader.0.len();
        let checksum = reader.u64()?;
        if !reader.0.is_empty() {
            return Err(TraceError::Corrupted("something follows its end"));
        }
        if checksum != checksum_of(&bytes[..hashed]) {
            return Err(TraceError::Corrupted("its checksum differs from its content"));
        }
        if digest != digest_of(&records) {
            return Err(TraceError::Corrupted("its digest differs from its records"));
        }
        Ok(Self { header, records, digest, labels })
    }

    /// The text of a record's label; empty for one of another trace.
    #[must_use]
    pub fn label(&self, id: LabelId) -> &str {
        self.labels.get(id.0 as usize).map_or("", |text| text)
    }

    /// The sequence number of the first record that tells of another fact than the other trace's, or that only one of
    /// them has. Causes and labels are not compared.
    #[must_use]
    pub fn first_difference(&self, other: &Self) -> Option<usize> {
        let both = self.records.len().min(other.records.len());
        let differs = |&n: &usize| self.records[n].fact != other.records[n].fact;
        (0..both).find(differs).or_else(|| (self.records.len() != other.records.len()).then_some(both))
    }
}

pub(super) fn encode(header: &[u8], labels: &[String], records: &[Record], digest: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256 + header.len() + records.len() * RECORD_BYTES);
    bytes.extend(MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    write_text(&mut bytes, header);
    bytes.extend((labels.len() as u64).to_le_bytes());
    for label in labels {
        write_text(&mut bytes, label.as_bytes());
    }
    bytes.extend((records.len() as u64).to_le_bytes());
    for Record { fact, cause, label } in records {
        bytes.extend(fact.time.as_nanos().to_le_bytes());
        bytes.push(fact.tag);
        bytes.extend(fact.a.to_le_bytes());
        bytes.extend(fact.b.to_le_bytes());
        bytes.extend(fact.c.to_le_bytes());
        bytes.extend(fact.payload.to_le_bytes());
        bytes.extend(cause.unwrap_or(NO_CAUSE).to_le_bytes());
        bytes.extend(label.0.to_le_bytes());
    }
    bytes.extend(digest.to_le_bytes());
    bytes.extend(checksum_of(&bytes).to_le_bytes());
    bytes
}

fn write_text(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text);
}

fn checksum_of(bytes: &[u8]) -> u64 {
    let mut hasher = StableHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

fn digest_of(records: &[Record]) -> u64 {
    let mut digest = Digest::new();
    records.iter().for_each(|record| digest.record(record.fact.words()));
    digest.value()
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], TraceError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(TraceError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], TraceError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(TraceError::Truncated)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u32(&mut self) -> Result<u32, TraceError> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, TraceError> {
        self.array().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> Result<&'a [u8], TraceError> {
        let length = self.u64()?;
        self.take(usize::try_from(length).map_err(|_| TraceError::Truncated)?)
    }

    fn labels(&mut self) -> Result<Vec<String>, TraceError> {
        let count = self.u64()?;
        let mut labels = Vec::new();
        for _ in 0..count {
            let text = str::from_utf8(self.text()?).map_err(|_| TraceError::Corrupted("a label is not UTF-8"))?;
            labels.push(text.to_owned());
        }
        Ok(labels)
    }

    fn records(&mut self, labels: usize) -> Result<Vec<Record>, TraceError> {
        let count = self.u64()?;
        // Through a `Result`, collecting allocates as it reads, so a wrong count costs no memory.
        (0..count).map(|sequence| self.record(sequence, labels)).collect()
    }

    fn record(&mut self, sequence: u64, labels: usize) -> Result<Record, TraceError> {
        let fact = Fact {
            time: Time::from_nanos(self.u64()?),
            tag: self.array::<1>()?[0],
            a: self.u32()?,
            b: self.u32()?,
            c: self.u64()?,
            payload: self.u64()?,
        };
        let cause = match self.u64()? {
            NO_CAUSE => None,
            cause if cause < sequence => Some(cause),
            _ => return Err(TraceError::Corrupted("a record is not caused by an earlier one")),
        };
        let label = LabelId(self.u32()?);
        if label.0 as usize >= labels {
            return Err(TraceError::Corrupted("a record has no label"));
        }
        Ok(Record { fact, cause, label })
    }
}
