//! What a replica has on its disk, and what waits until it is there (section 3.8).
//!
//! One [log](crate::store::log) of checksummed records holds everything. A record never changes: an entry that takes the
//! place of another is written behind it, and what stands later counts when the disk is read. So a torn tail loses the
//! newest records and nothing else.

use crate::host::{Context, DiskId, DiskResult, NodeId};
use crate::store::log::{Acceptance, Fields, Log, LogEvent, Record as LogRecord, put_number};

use super::entries::Entries;
use super::entry::{Entry, Position, Shared};
use super::message::RaftMessage;
use super::settings::{Raft, RaftSafeguard};
use super::snapshot::Snapshot;
use super::{Cx, RaftNode};

/// What is written at once.
#[derive(Clone, Debug)]
pub(super) enum Record {
    /// The term, and whom this replica has voted for in it.
    Ballot { term: u64, vote: Option<NodeId> },
    /// The log continues with this entry at this index; whatever stood there and behind is gone.
    Entry { index: u64, entry: Shared },
    /// The log begins behind this.
    Snapshot(Snapshot),
}

const BALLOT: u64 = 1;
const ENTRY: u64 = 2;
const SNAPSHOT: u64 = 3;

impl LogRecord for Record {
    fn encode(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Ballot { term, vote } => {
                put_number(BALLOT, bytes);
                put_number(*term, bytes);
                put_number(vote.map_or(0, |node| u64::from(node.0) + 1), bytes);
            }
            Self::Entry { index, entry } => {
                put_number(ENTRY, bytes);
                put_number(*index, bytes);
                entry.encode(bytes);
            }
            Self::Snapshot(snapshot) => {
                put_number(SNAPSHOT, bytes);
                snapshot.encode(bytes);
            }
        }
    }

    fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        Some(match fields.number()? {
            BALLOT => {
                let term = fields.number()?;
                let vote = fields.number()?.checked_sub(1).map(u32::try_from).transpose().ok()?.map(NodeId);
                Self::Ballot { term, vote }
            }
            ENTRY => Self::Entry { index: fields.number()?, entry: Shared::new(Entry::decode(fields)?) },
            SNAPSHOT => Self::Snapshot(Snapshot::decode(fields)?),
            _ => return None,
        })
    }
}

/// What a replica does once something is durable, if its term is still the same.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    Send(NodeId, RaftMessage),
    /// To ask for votes.
    Campaign,
}

/// What has become of the disk.
#[derive(Clone, Debug)]
pub(super) enum StorageEvent {
    Nothing,
    /// These records were found, in this order.
    Recovered(Vec<Record>),
    Opened,
    /// Something more is durable.
    Durable,
    /// The disk failed: nobody knows what it holds.
    Failed,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Storage {
    wal: Log<Record>,
    keeps_ballots: bool,
    keeps_entries: bool,
    /// The last record, and the last one of a ballot.
    pushed: u64,
    ballot: u64,
    /// Up to which index the log is durable.
    durable: u64,
    /// What waits for which record, in which term.
    waiting: Vec<(u64, u64, Deed)>,
}

impl Storage {
    pub(super) fn new(settings: &Raft) -> Self {
        Self {
            wal: Log::new("raft", Acceptance::Durable),
            keeps_ballots: settings.has(RaftSafeguard::PersistVote),
            keeps_entries: settings.has(RaftSafeguard::PersistLog),
            pushed: 0,
            ballot: 0,
            durable: 0,
            waiting: Vec::new(),
        }
    }

    pub(super) fn open(&mut self, cx: &mut Cx<'_>) {
        self.wal.open(cx);
    }

    /// Up to which index the log is durable.
    pub(super) const fn durable(&self) -> u64 {
        self.durable
    }

    /// Notes that the log, as it was read, is durable up to its end.
    pub(super) const fn recovered(&mut self, last_index: u64) {
        self.durable = last_index;
        self.pushed = self.wal.accepted();
    }

    /// Begins to make a term and the vote in it durable.
    pub(super) fn keep_ballot(&mut self, term: u64, vote: Option<NodeId>, cx: &mut Cx<'_>) {
        if self.keeps_ballots {
            self.push(Record::Ballot { term, vote }, cx);
            self.ballot = self.pushed;
        }
    }

    /// Begins to make an entry durable, the last of the log by now.
    pub(super) fn keep_entry(&mut self, index: u64, entry: Shared, cx: &mut Cx<'_>) {
        if self.keeps_entries {
            self.push(Record::Entry { index, entry }, cx);
        } else {
            self.durable = index;
        }
    }

    fn push(&mut self, record: Record, cx: &mut Cx<'_>) {
        if let Some(number) = self.wal.push(record, cx) {
            self.pushed = number;
        }
    }

    /// Begins to replace all that was written by a snapshot, the ballot and the entries behind the snapshot.
    pub(super) fn compact(
        &mut self,
        (term, vote): (u64, Option<NodeId>),
        snapshot: &Snapshot,
        log: &Entries,
        cx: &mut Cx<'_>,
    ) {
        if !self.keeps_entries {
            self.durable = log.last_index();
            return;
        }
        let behind = log.from(snapshot.last.index + 1);
        let entries = behind.map(|(index, entry)| Record::Entry { index, entry: Shared::clone(entry) });
        let ballot = self.keeps_ballots.then_some(Record::Ballot { term, vote });
        let records = [Record::Snapshot(snapshot.clone())].into_iter().chain(ballot).chain(entries).collect();
        if let Some(number) = self.wal.replace(records, cx) {
            self.pushed = number;
        }
    }

    /// Whether that is still under way.
    pub(super) const fn is_compacting(&self) -> bool {
        self.wal.is_being_replaced()
    }

    /// Notes that the log ends before an index.
    pub(super) fn truncated(&mut self, from: u64) {
        self.durable = self.durable.min(from.saturating_sub(1));
    }

    /// Lets a deed wait until term and vote are durable; answers it if they are.
    pub(super) fn after_ballot(&mut self, term: u64, deed: Deed) -> Option<Deed> {
        self.after(self.ballot, term, deed)
    }

    /// Lets a deed wait until all that was written is durable; answers it if it is.
    pub(super) fn after_all(&mut self, term: u64, deed: Deed) -> Option<Deed> {
        self.after(self.pushed, term, deed)
    }

    fn after(&mut self, number: u64, term: u64, deed: Deed) -> Option<Deed> {
        if number <= self.wal.accepted() {
            return Some(deed);
        }
        self.waiting.push((number, term, deed));
        None
    }

    /// The deeds that have waited long enough.
    pub(super) fn due(&mut self, term: u64) -> Vec<Deed> {
        let accepted = self.wal.accepted();
        let due = self.waiting.extract_if(.., |(number, ..)| *number <= accepted);
        due.filter(|&(_, then, _)| then == term).map(|(.., deed)| deed).collect()
    }

    pub(super) fn disk(
        &mut self,
        done: DiskId,
        result: &DiskResult,
        log: &Entries,
        cx: &mut Context<'_, RaftNode>,
    ) -> StorageEvent {
        match self.wal.disk(done, result, cx) {
            LogEvent::Nothing => StorageEvent::Nothing,
            LogEvent::Opened => StorageEvent::Opened,
            LogEvent::Recovered(records) => {
                StorageEvent::Recovered(records.into_iter().map(|(_, record)| record).collect())
            }
            LogEvent::Accepted(records) => {
                for (_, record) in records {
                    let position = match record {
                        Record::Ballot { .. } => continue,
                        Record::Entry { index, entry } => Position { term: entry.term, index },
                        Record::Snapshot(snapshot) => snapshot.last,
                    };
                    // What was overwritten meanwhile says nothing of what took its place.
                    if position.index <= log.before().index || log.has(position) {
                        self.durable = self.durable.max(position.index);
                    }
                }
                StorageEvent::Durable
            }
            LogEvent::Failed(_) => StorageEvent::Failed,
        }
    }

    /// Why the disk does not serve, if it does not.
    pub(super) const fn waits_for(&self) -> Option<&'static str> {
        self.wal.waits_for()
    }
}
