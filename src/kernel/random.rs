//! Random streams: one for each purpose and name, so that no use of randomness shifts another.

use super::counter::SplitMix64;
use super::draw::Draw;
use super::hash::StableHasher;
use super::table::Table;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::fmt;
use std::hash::Hasher;

/// What randomness is used for, by name: `"arrivals"`, `"latency"` ... The kernel knows none; each floor names its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Purpose(&'static str);

impl Purpose {
    /// The purpose of that name. Renaming a purpose changes every run that uses it.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0
    }
}

/// Who uses a stream, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamName {
    purpose: Purpose,
    entity: Box<str>,
    number: u64,
}

impl StreamName {
    /// The ChaCha stream that it selects.
    fn stream_id(&self) -> u64 {
        let mut hasher = StableHasher::new();
        hasher.write(self.purpose.name().as_bytes());
        hasher.write(self.entity.as_bytes());
        hasher.write_u64(self.number);
        hasher.finish()
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` of `{}`, number {}", self.purpose.name(), self.entity, self.number)
    }
}

/// Two openings that would draw the same words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamClash {
    /// That stream was opened before.
    OpenedTwice(StreamName),
    /// Two names hash to one stream: one of them must be changed.
    SameStream {
        /// The name that was opened before.
        opened: StreamName,
        /// The name that cannot be opened.
        refused: StreamName,
    },
}

impl fmt::Display for StreamClash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenedTwice(name) => write!(f, "the random stream {name} is opened twice"),
            Self::SameStream { opened, refused } => {
                write!(f, "the random streams {opened} and {refused} would draw the same words: rename one")
            }
        }
    }
}

impl std::error::Error for StreamClash {}

/// The random streams of one run.
///
/// All share one ChaCha key, the first four words of [`SplitMix64`] from the seed, little-endian; a stream's 64-bit
/// nonce is the stable hash of its purpose, entity and number. So a stream's words depend on the seed and its name
/// alone, not on which other streams exist or when they were opened.
#[derive(Clone, Debug)]
pub struct Streams {
    key: [u8; 32],
    opened: Table<u64, StreamName>,
}

impl Streams {
    /// The streams of the run of `seed`; none is open.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { key: expand(seed), opened: Table::new() }
    }

    /// Forgets every opened stream and starts over from another seed, as [`new`](Self::new) would.
    pub fn reset(&mut self, seed: u64) {
        self.key = expand(seed);
        self.opened.clear();
    }

    /// Opens the stream of `purpose` for the entity of that name: the same as its number 0.
    ///
    /// # Errors
    /// If it is open already, or if another name selects the same words.
    pub fn open(&mut self, purpose: Purpose, entity: &str) -> Result<Stream, StreamClash> {
        self.open_numbered(purpose, entity, 0)
    }

    /// Opens the stream of `purpose` for one of several lives of an entity, such as the incarnations of a node.
    ///
    /// # Errors
    /// If it is open already, or if another name selects the same words.
    pub fn open_numbered(&mut self, purpose: Purpose, entity: &str, number: u64) -> Result<Stream, StreamClash> {
        let name = StreamName { purpose, entity: entity.into(), number };
        let id = name.stream_id();
        self.claim(id, name)?;
        Ok(Stream::new(self.key, id))
    }

    fn claim(&mut self, id: u64, name: StreamName) -> Result<(), StreamClash> {
        match self.opened.get(id) {
            None => {
                self.opened.insert(id, name);
                Ok(())
            }
            Some(opened) if *opened == name => Err(StreamClash::OpenedTwice(name)),
            Some(opened) => Err(StreamClash::SameStream { opened: opened.clone(), refused: name }),
        }
    }
}

/// A 64-bit seed as a 256-bit key.
fn expand(seed: u64) -> [u8; 32] {
    let mut words = SplitMix64::new(seed);
    let mut key = [0; 32];
    for bytes in key.as_chunks_mut::<8>().0 {
        *bytes = words.next_u64().to_le_bytes();
    }
    key
}

/// One stream of random words: ChaCha with 8 rounds (Bernstein, ChaCha, a variant of Salsa20, 2008), 64-bit counter
/// and 64-bit nonce. What can be drawn from it is in [`Draw`].
#[derive(Clone, Debug)]
pub struct Stream {
    words: ChaCha8Rng,
}

impl Stream {
    fn new(key: [u8; 32], id: u64) -> Self {
        let mut words = ChaCha8Rng::from_seed(key);
        words.set_stream(id);
        Self { words }
    }
}

impl Draw for Stream {
    #[inline]
    fn next_u64(&mut self) -> u64 {
        self.words.next_u64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARRIVALS: Purpose = Purpose::new("arrivals");
    const KEYS: Purpose = Purpose::new("keys");

    fn first_words<const N: usize>(mut stream: Stream) -> [u64; N] {
        std::array::from_fn(|_| stream.next_u64())
    }

    /// ChaCha with 8 rounds, a key and nonce of zeros: draft-strombergson-chacha-test-vectors-01, TC1, 256-bit key.
    #[test]
    fn chacha8_gives_its_published_words() {
        let expected = ["3e00ef2f895f40d6", "7f5bb8e81f09a5a1", "2c840ec3ce9a7f3b", "181be188ef711a1e"];
        let words = first_words::<4>(Stream::new([0; 32], 0));
        let bytes = words.map(|word| format!("{:016x}", word.swap_bytes()));
        assert_eq!(bytes, expected);
    }

    #[test]
    fn golden_words() {
        let mut streams = Streams::new(42);
        let words = first_words::<4>(streams.open(ARRIVALS, "shoppers").unwrap());
        assert_eq!(words, GOLDEN, "{words:#x?}");
    }

    #[test]
    fn a_stream_depends_on_its_seed_and_name_alone() {
        let alone = first_words::<8>(Streams::new(7).open(ARRIVALS, "shoppers").unwrap());
        let mut streams = Streams::new(8);
        let of_another_seed = first_words::<8>(streams.open(ARRIVALS, "shoppers").unwrap());
        streams.reset(7);
        let mut others = Vec::new();
        for (purpose, entity, number) in
            [(KEYS, "shoppers", 0), (ARRIVALS, "shoppers", 1), (ARRIVALS, "shopper", 0), (ARRIVALS, "", 0)]
        {
            others.push(first_words::<8>(streams.open_numbered(purpose, entity, number).unwrap()));
        }
        assert_eq!(first_words::<8>(streams.open(ARRIVALS, "shoppers").unwrap()), alone);
        assert!(!others.contains(&alone) && alone != of_another_seed);
    }

    #[test]
    fn a_copy_goes_on_where_the_stream_stands() {
        let mut stream = Streams::new(1).open(KEYS, "a").unwrap();
        let _ = first_words::<100>(stream.clone());
        stream.next_u64();
        assert_eq!(first_words::<100>(stream.clone()), first_words::<100>(stream));
    }

    #[test]
    fn clashes_are_errors() {
        let mut streams = Streams::new(1);
        streams.open(KEYS, "a").unwrap();
        let again = streams.open_numbered(KEYS, "a", 0).unwrap_err();
        assert_eq!(again.to_string(), "the random stream `keys` of `a`, number 0 is opened twice");

        // No two names with one hash are known, so the second is claimed under the first one's id.
        let name = |entity: &str| StreamName { purpose: KEYS, entity: entity.into(), number: 0 };
        let clash = streams.claim(name("a").stream_id(), name("b")).unwrap_err();
        assert_eq!(clash, StreamClash::SameStream { opened: name("a"), refused: name("b") });
        assert!(clash.to_string().ends_with("would draw the same words: rename one"));
        assert!(streams.open(KEYS, "b").is_ok());
    }

    const GOLDEN: [u64; 4] =
        [0x69e5_ac3b_9030_d2ea, 0x9b8d_d806_eb36_660f, 0xd901_6774_54cf_761e, 0x2de5_5571_d9ba_23c3];
}
