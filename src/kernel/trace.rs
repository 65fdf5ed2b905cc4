//! What happened in a run: always counted and hashed, kept on demand, with a canonical form in bytes.

use super::digest::Digest;
use super::time::Time;
use std::collections::BTreeMap;

mod form;

pub use form::{DecodedTrace, TraceError};

/// What happened, as far as the digest goes: two runs are the same if these are, in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    /// When it happened.
    pub time: Time,
    /// What kind of thing it is; the kernel knows no kinds.
    pub tag: u8,
    /// A number whose meaning depends on the tag, such as who acted.
    pub a: u32,
    /// Another, such as upon whom.
    pub b: u32,
    /// Another, such as which message.
    pub c: u64,
    /// The stable hash of what was carried, or 0.
    pub payload: u64,
}

impl Fact {
    #[inline]
    fn words(&self) -> [u64; 5] {
        let parties = u64::from(self.a) << 32 | u64::from(self.b);
        [self.time.as_nanos(), u64::from(self.tag), parties, self.c, self.payload]
    }
}

/// A text of a trace's table of labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LabelId(u32);

/// One line of a kept trace. Its sequence number is its place in the trace, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// What happened: the part that is hashed.
    pub fact: Fact,
    /// The sequence number of the earlier record that led to it, if one did.
    pub cause: Option<u64>,
    /// What to call it, to be looked up in the trace.
    pub label: LabelId,
}

/// The trace of a run.
#[derive(Clone, Debug)]
pub struct Trace {
    digest: Digest,
    kept: Option<Kept>,
}

impl Trace {
    /// A trace that counts and hashes, and keeps nothing.
    #[must_use]
    pub const fn counting() -> Self {
        Self { digest: Digest::new(), kept: None }
    }

    /// A trace that also keeps every record.
    #[must_use]
    pub fn keeping() -> Self {
        Self { digest: Digest::new(), kept: Some(Kept::default()) }
    }

    /// Whether records are kept. If not, labels are not looked at, and need not be put together.
    #[inline]
    #[must_use]
    pub const fn is_keeping(&self) -> bool {
        self.kept.is_some()
    }

    /// Enters what happened next and returns its sequence number. `cause` and `label` are provenance: the digest does
    /// not depend on them. A cause that is not the number of an earlier record is kept as none.
    #[inline]
    pub fn enter(&mut self, fact: Fact, cause: Option<u64>, label: &str) -> u64 {
        let sequence = self.digest.count();
        self.digest.record(fact.words());
        if let Some(kept) = &mut self.kept {
            kept.keep(fact, cause.filter(|cause| *cause < sequence), label);
        }
        sequence
    }

    /// The digest of everything that was entered.
    #[inline]
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The kept records by sequence number; none if only counted.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        self.kept.as_ref().map_or(&[], |kept| &kept.records)
    }

    /// The text of a record's label; empty for one of another trace.
    #[must_use]
    pub fn label(&self, id: LabelId) -> &str {
        self.kept.as_ref().and_then(|kept| kept.labels.texts.get(id.0 as usize)).map_or("", |text| text)
    }

    /// The canonical form, with a header for whoever reads it; nothing if the records were not kept.
    ///
    /// Version 1, all integers little-endian; a text is its length in bytes, u64, and those bytes:
    ///
    /// ```text
    /// magic     8 bytes: "partita" and 0x1a
    /// version   u32: 1
    /// header    text, opaque to the kernel
    /// labels    u64 n, then n texts in UTF-8: the empty one, then in order of first use
    /// records   u64 n, then n of
    ///             time u64 (nanoseconds), tag u8, a u32, b u32, c u64, payload u64
    ///             cause u64 (2^64 - 1 for none), label u32
    /// digest    u64, of the facts: see Digest
    /// checksum  u64, of all bytes before it: see StableHasher
    /// ```
    #[must_use]
    pub fn encode(&self, header: &[u8]) -> Option<Vec<u8>> {
        let kept = self.kept.as_ref()?;
        Some(form::encode(header, &kept.labels.texts, &kept.records, self.digest.value()))
    }

    /// Starts over, keeping or counting as before, and keeps the memory.
    pub fn reset(&mut self) {
        self.digest.reset();
        if let Some(kept) = &mut self.kept {
            kept.records.clear();
            kept.labels.reset();
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Kept {
    records: Vec<Record>,
    labels: Labels,
}

impl Kept {
    #[cold]
    fn keep(&mut self, fact: Fact, cause: Option<u64>, label: &str) {
        let label = self.labels.intern(label);
        self.records.push(Record { fact, cause, label });
    }
}

/// Each text once, numbered in order of first use; number 0 is the empty one.
#[derive(Clone, Debug)]
struct Labels {
    texts: Vec<String>,
    ids: BTreeMap<String, LabelId>,
}

impl Labels {
    fn intern(&mut self, text: &str) -> LabelId {
        if let Some(id) = self.ids.get(text) {
            return *id;
        }
        // Each text takes far more than a byte, so memory ends before the numbers do.
        let id = LabelId(self.texts.len() as u32);
        self.texts.push(text.to_owned());
        self.ids.insert(text.to_owned(), id);
        id
    }

    fn reset(&mut self) {
        self.texts.clear();
        self.ids.clear();
        self.intern("");
    }
}

impl Default for Labels {
    fn default() -> Self {
        let mut labels = Self { texts: Vec::new(), ids: BTreeMap::new() };
        labels.reset();
        labels
    }
}

#[cfg(test)]
mod tests;
