//! What the nodes of a transactional store say to each other, and what they write on their disks.

use crate::host::{Key, Message, NodeId, Value};
use crate::store::log::{Fields, Record as LogRecord, put_number};

use super::versions::{Put, Timestamp};

/// What a timestamp is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Purpose {
    /// To begin a transaction: its snapshot, and its name from then on.
    Begin,
    /// To commit one.
    Commit,
}

/// Which version of an object a read is to find.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Version {
    /// That of this time.
    At(Timestamp),
    /// The last that is committed.
    Committed,
    /// The last there is, committed or not.
    Any,
}

/// What a transaction does to one object.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Write {
    pub(super) key: Key,
    /// One after the other.
    pub(super) puts: Vec<Put>,
    /// The version that it was told of, if it may not be another any more.
    pub(super) unchanged_since: Option<Timestamp>,
}

/// What one shard has to do with a transaction that is to be committed.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Share {
    /// What it read there and did not write, if that is to be as it was.
    pub(super) reads: Vec<Key>,
    pub(super) writes: Vec<Write>,
    /// A newer version of any of these objects is a conflict.
    pub(super) snapshot: Option<Timestamp>,
}

/// A message of the protocol. A transaction is named by the timestamp that it began with.
#[derive(Clone, Hash, Debug)]
pub enum TransactionalMessage {
    /// Asks the oracle for a timestamp, under a number that the answer repeats.
    Ask {
        /// The asker's number.
        number: u64,
        /// What for.
        purpose: Purpose,
    },
    /// The oracle's answer.
    Stamp {
        /// The asker's number.
        number: u64,
        /// What for.
        purpose: Purpose,
        /// Greater than all that were handed out before.
        at: Timestamp,
    },
    /// Asks a shard what an object holds.
    Read {
        /// The transaction.
        id: Timestamp,
        /// Which of its operations this is.
        place: u32,
        /// The object.
        key: Key,
        /// Which version.
        version: Version,
    },
    /// The answer to a read.
    Found {
        /// The transaction.
        id: Timestamp,
        /// Which of its operations.
        place: u32,
        /// What the object held.
        value: Value,
        /// Since when.
        since: Timestamp,
    },
    /// Asks a shard to make sure that it can commit its share.
    Prepare {
        /// The transaction.
        id: Timestamp,
        /// What is to be committed there.
        share: Share,
    },
    /// Whether a shard can, and will if it is told so.
    Vote {
        /// The transaction.
        id: Timestamp,
        /// Whether.
        can_commit: bool,
    },
    /// Tells a shard that the transaction is committed.
    Commit {
        /// The transaction.
        id: Timestamp,
        /// From when on others see it.
        at: Timestamp,
    },
    /// Tells a shard that the transaction is not committed and never will be.
    Abort {
        /// The transaction.
        id: Timestamp,
    },
    /// A shard has committed its share, durably.
    Done {
        /// The transaction.
        id: Timestamp,
    },
    /// Asks a coordinator what has become of a transaction.
    Inquire {
        /// The transaction.
        id: Timestamp,
    },
}

impl Message for TransactionalMessage {
    fn kind(&self) -> &'static str {
        match self {
            Self::Ask { .. } => "ask",
            Self::Stamp { .. } => "stamp",
            Self::Read { .. } => "read",
            Self::Found { .. } => "found",
            Self::Prepare { .. } => "prepare",
            Self::Vote { .. } => "vote",
            Self::Commit { .. } => "commit",
            Self::Abort { .. } => "abort",
            Self::Done { .. } => "done",
            Self::Inquire { .. } => "inquire",
        }
    }

    fn size_bytes(&self) -> u32 {
        const HEAD: u32 = 9;
        const NUMBER: u32 = 8;
        match self {
            Self::Ask { .. } | Self::Vote { .. } => HEAD + 1,
            Self::Stamp { .. } => HEAD + 1 + NUMBER,
            Self::Read { .. } => HEAD + 3 * NUMBER,
            Self::Found { value, .. } => (HEAD + 2 * NUMBER).saturating_add(value.size_bytes()),
            Self::Prepare { share, .. } => HEAD.saturating_add(share.size_bytes()),
            Self::Commit { .. } => HEAD + NUMBER,
            Self::Abort { .. } | Self::Done { .. } | Self::Inquire { .. } => HEAD,
        }
    }
}

impl Share {
    fn size_bytes(&self) -> u32 {
        let puts = self.writes.iter().flat_map(|write| &write.puts).map(Put::size_bytes);
        let keys = u32::try_from(self.reads.len() + 2 * self.writes.len()).unwrap_or(u32::MAX);
        puts.fold(keys.saturating_mul(8), u32::saturating_add)
    }
}

/// What is written at once.
#[derive(Clone, Debug)]
pub(super) enum Record {
    /// The oracle may hand out all timestamps below this one.
    Reserved(Timestamp),
    /// The shard will commit this if its coordinator says so.
    Prepared { id: Timestamp, coordinator: NodeId, share: Share },
    /// The shard has committed what it had prepared.
    Committed { id: Timestamp, at: Timestamp },
    /// The shard has dropped what it had prepared.
    Aborted(Timestamp),
    /// The coordinator has committed a transaction of these shards.
    Decided { id: Timestamp, at: Timestamp, shards: Vec<NodeId> },
    /// All shards have it.
    Delivered(Timestamp),
}

const RESERVED: u64 = 1;
const PREPARED: u64 = 2;
const COMMITTED: u64 = 3;
const ABORTED: u64 = 4;
const DECIDED: u64 = 5;
const DELIVERED: u64 = 6;

impl LogRecord for Record {
    fn encode(&self, bytes: &mut Vec<u8>) {
        let mut put = |numbers: &[u64]| numbers.iter().for_each(|&number| put_number(number, bytes));
        match self {
            Self::Reserved(limit) => put(&[RESERVED, limit.0]),
            Self::Committed { id, at } => put(&[COMMITTED, id.0, at.0]),
            Self::Aborted(id) => put(&[ABORTED, id.0]),
            Self::Delivered(id) => put(&[DELIVERED, id.0]),
            Self::Decided { id, at, shards } => {
                put(&[DECIDED, id.0, at.0, shards.len() as u64]);
                shards.iter().for_each(|shard| put(&[shard.0.into()]));
            }
            Self::Prepared { id, coordinator, share } => {
                put(&[PREPARED, id.0, coordinator.0.into(), share.reads.len() as u64]);
                share.reads.iter().for_each(|key| put(&[key.0]));
                put(&[share.writes.len() as u64]);
                for write in &share.writes {
                    put_number(write.key.0, bytes);
                    put_number(write.puts.len() as u64, bytes);
                    write.puts.iter().for_each(|put| put.encode(bytes));
                }
            }
        }
    }

    fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        let kind = fields.number()?;
        let id = Timestamp(fields.number()?);
        Some(match kind {
            RESERVED => Self::Reserved(id),
            COMMITTED => Self::Committed { id, at: Timestamp(fields.number()?) },
            ABORTED => Self::Aborted(id),
            DELIVERED => Self::Delivered(id),
            DECIDED => {
                let at = Timestamp(fields.number()?);
                let count = fields.number()?;
                Self::Decided { id, at, shards: (0..count).map(|_| node(fields)).collect::<Option<_>>()? }
            }
            PREPARED => {
                let coordinator = node(fields)?;
                let reads = fields.number()?;
                let reads = (0..reads).map(|_| fields.number().map(Key)).collect::<Option<_>>()?;
                let writes = fields.number()?;
                let writes = (0..writes).map(|_| write(fields)).collect::<Option<_>>()?;
                Self::Prepared { id, coordinator, share: Share { reads, writes, snapshot: None } }
            }
            _ => return None,
        })
    }
}

fn node(fields: &mut Fields<'_>) -> Option<NodeId> {
    u32::try_from(fields.number()?).ok().map(NodeId)
}

/// What was prepared has been checked, so that what it was checked against is not kept.
fn write(fields: &mut Fields<'_>) -> Option<Write> {
    let key = Key(fields.number()?);
    let count = fields.number()?;
    let puts = (0..count).map(|_| Put::decode(fields)).collect::<Option<_>>()?;
    Some(Write { key, puts, unchanged_since: None })
}
