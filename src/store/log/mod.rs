//! A log of checksummed records in one file of a node's disk, with group commit: the durable part of a store.
//!
//! Records that are pushed while the disk is busy go to it together, in one append and one sync (group commit: DeWitt
//! and others, Implementation Techniques for Main Memory Database Systems, SIGMOD 1984, section 5). At most one group is
//! under way, so that a group which fails takes with it those pushed after it, and none that was accepted.
//!
//! The log grows with every record until the disk is full, unless it is [replaced](Log::replace) by a shorter one: that is
//! written to a file of its own, which takes the log's name when it is durable, so that a crash finds the one or the other.

mod format;

use std::collections::VecDeque;

use crate::host::{Context, DiskError, DiskId, DiskOperation, DiskOutput, DiskResult, Node};

use super::RarePoint;
use format::{Checksum, Replay, write_record};
pub use format::{Fields, Record, put_bytes, put_number, put_value};

/// The rare path of every kind of service that keeps such a log.
pub const TORN_TAIL: &str = "cut the torn tail of a log";

/// A point of every kind of service that keeps such a log.
pub const SHORT_GROUP: RarePoint = RarePoint {
    name: "log.short_group",
    doc: "Of several records that wait for the disk one is written alone, and the others wait for the next group.",
};

/// What most records take at most.
const RECORD_BYTES: usize = 128;

/// How much is read at once when a log is replayed.
const CHUNK_BYTES: u64 = 64 << 10;

/// When a record is accepted, and whether the log syncs on its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Acceptance {
    /// Each group is synced, and accepted then.
    Durable,
    /// Each group is accepted when it is in the file, and synced then.
    WrittenThenSynced,
    /// Each group is accepted when it is in the file. Only [`Log::sync`] makes it durable.
    Written,
}

/// What the completion of a disk operation means to whoever uses the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LogEvent<R> {
    /// Nothing yet.
    Nothing,
    /// These records were found on the disk, in this order, each with its number in the log, from 1.
    Recovered(Vec<(u64, R)>),
    /// All that the disk holds was recovered and is durable: records can be pushed from now on.
    Opened,
    /// These records are accepted, in this order.
    Accepted(Vec<(u64, R)>),
    /// Nothing that was pushed and not accepted will be.
    Failed(Failure),
}

/// What is certain of the records of a failed log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// They are not in the file. The log takes others.
    NotWritten,
    /// They may or may not be durable. The log takes no others: after a failed sync nobody knows what the file holds
    /// (Rebello and others, Can Applications Recover from fsync Failures?, USENIX ATC 2020). A restart reads it again.
    Unknown,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Log<R> {
    file: &'static str,
    acceptance: Acceptance,
    state: State,
    /// The checksum of the last record in the file.
    last: Checksum,
    /// How many records were accepted.
    accepted: u64,
    /// The records of the group that is under way, then those that wait for the next.
    pending: VecDeque<R>,
    /// How many of them are under way.
    under_way: usize,
    /// What the whole log is to be replaced by, and how many of the records that wait now stand before that.
    replacement: Option<(usize, Vec<R>)>,
}

/// What the log waits for.
#[derive(Clone, Debug)]
enum State {
    Closed,
    Reading(DiskId, Replay),
    Cutting(DiskId),
    /// For the sync of what was read.
    Opening(DiskId),
    Idle,
    /// For an append that will leave this checksum as the last.
    Appending(DiskId, Checksum),
    Syncing(DiskId),
    /// For the next step of a replacement that will leave this checksum as the last.
    Replacing(DiskId, Step, Checksum),
    Broken,
}

/// How far a replacement is.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// What an earlier replacement left is being removed, if it left anything.
    Clearing,
    Writing,
    /// The new file is synced.
    Syncing,
    Renaming,
    /// The new name is synced.
    Ending,
}

impl<R: Record> Log<R> {
    /// The log in that file, which is made with the first record.
    pub const fn new(file: &'static str, acceptance: Acceptance) -> Self {
        let pending = VecDeque::new();
        let (state, replacement) = (State::Closed, None);
        Self { file, acceptance, state, last: 0, accepted: 0, pending, under_way: 0, replacement }
    }

    /// Begins to read what the disk holds; to be called once, at the node's start.
    pub fn open<N: Node>(&mut self, cx: &mut Context<'_, N>) {
        self.read_on(Replay::default(), cx);
    }

    fn read_on<N: Node>(&mut self, replay: Replay, cx: &mut Context<'_, N>) {
        let (offset, file) = (replay.position(), self.file.to_owned());
        let read = cx.disk(DiskOperation::Read { file, offset, length: CHUNK_BYTES });
        self.state = State::Reading(read, replay);
    }

    /// Adds a record and answers its number, by which it will be accepted; `None` if the log takes none now, because
    /// it is not open yet or is broken.
    pub fn push<N: Node>(&mut self, record: R, cx: &mut Context<'_, N>) -> Option<u64> {
        if !self.is_open() {
            return None;
        }
        self.pending.push_back(record);
        let number = self.last();
        self.append_next(cx);
        Some(number)
    }

    /// Replaces everything that was pushed so far by these records, which count as one: they are accepted together, after
    /// what waits now and before what is pushed later. Answers the number by which they will be; `None` if the log takes
    /// none now, because it is not open yet, is broken, or is being replaced.
    pub fn replace<N: Node>(&mut self, records: Vec<R>, cx: &mut Context<'_, N>) -> Option<u64> {
        if !self.is_open() || self.is_being_replaced() {
            return None;
        }
        self.replacement = Some((self.pending.len(), records));
        let number = self.accepted + self.pending.len() as u64 + 1;
        self.append_next(cx);
        Some(number)
    }

    /// Whether a replacement waits or is under way.
    pub const fn is_being_replaced(&self) -> bool {
        self.replacement.is_some()
    }

    const fn is_open(&self) -> bool {
        matches!(self.state, State::Idle | State::Appending(..) | State::Syncing(_) | State::Replacing(..))
    }

    /// The number of the last accepted record.
    pub const fn accepted(&self) -> u64 {
        self.accepted
    }

    /// The number of the last record that was pushed, or was found on the disk.
    pub fn last(&self) -> u64 {
        self.accepted + self.pending.len() as u64 + u64::from(self.is_being_replaced())
    }

    /// The records that were pushed and not accepted yet, with their numbers, in the order of these.
    pub fn pending(&self) -> impl DoubleEndedIterator<Item = (u64, &R)> {
        let first = self.accepted + 1;
        // A replacement has a number among theirs.
        let before = self.replacement.as_ref().map_or(usize::MAX, |(before, _)| *before);
        let number = move |place: usize| first + place as u64 + u64::from(place >= before);
        self.pending.iter().enumerate().map(move |(place, record)| (number(place), record))
    }

    /// Why the log takes no records, if it does not.
    pub const fn waits_for(&self) -> Option<&'static str> {
        match self.state {
            State::Closed | State::Reading(..) => Some("its log to be read"),
            State::Cutting(_) | State::Opening(_) => Some("its log to be mended"),
            State::Broken => Some("a restart, because its disk has failed"),
            State::Idle | State::Appending(..) | State::Syncing(_) | State::Replacing(..) => None,
        }
    }

    /// Makes durable what is in the file by now.
    pub fn sync<N: Node>(&self, cx: &mut Context<'_, N>) {
        self.start_sync(cx);
    }

    fn start_sync<N: Node>(&self, cx: &mut Context<'_, N>) -> DiskId {
        cx.disk(DiskOperation::Sync { file: self.file.to_owned() })
    }

    /// Takes note of a completed disk operation. The node must have no others than those of this log.
    pub fn disk<N: Node>(&mut self, done: DiskId, result: &DiskResult, cx: &mut Context<'_, N>) -> LogEvent<R> {
        match (std::mem::replace(&mut self.state, State::Idle), result) {
            (State::Reading(read, replay), _) if read == done => self.after_read(replay, result, cx),
            // The file is as it was before: `last` stays.
            (State::Appending(append, _), Err(_)) if append == done => self.fail(Failure::NotWritten),
            (State::Replacing(step, Step::Clearing, last), Err(DiskError::NotFound)) if step == done => {
                self.replace_on(Step::Clearing, last, cx)
            }
            (_, Err(_)) => self.fail(Failure::Unknown),
            (State::Cutting(cut), Ok(_)) if cut == done => {
                self.state = State::Opening(self.start_sync(cx));
                LogEvent::Nothing
            }
            (State::Opening(sync), Ok(_)) if sync == done => LogEvent::Opened,
            (State::Appending(append, last), Ok(_)) if append == done => {
                self.last = last;
                self.after_append(cx)
            }
            (State::Syncing(sync), Ok(_)) if sync == done => {
                let accepted = self.accept_group();
                self.append_next(cx);
                accepted
            }
            (State::Replacing(operation, step, last), Ok(_)) if operation == done => self.replace_on(step, last, cx),
            // A sync that the node asked for.
            (state, Ok(_)) => {
                self.state = state;
                LogEvent::Nothing
            }
        }
    }

    fn after_read<N: Node>(
        &mut self,
        mut replay: Replay,
        result: &DiskResult,
        cx: &mut Context<'_, N>,
    ) -> LogEvent<R> {
        let piece = match result {
            Ok(DiskOutput::Data(piece)) => piece,
            Err(DiskError::NotFound) => return LogEvent::Opened,
            _ => return self.fail(Failure::Unknown),
        };
        let found: Vec<R> = replay.feed(piece);
        if piece.len() as u64 == CHUNK_BYTES && !replay.damaged {
            self.read_on(replay, cx);
        } else {
            self.end_reading(&replay, cx);
        }
        if found.is_empty() { LogEvent::Nothing } else { LogEvent::Recovered(number(&mut self.accepted, found)) }
    }

    /// Cuts off what no record begins with, and makes what was read durable before anyone acts on it: the process that
    /// wrote it may have died before its sync.
    fn end_reading<N: Node>(&mut self, replay: &Replay, cx: &mut Context<'_, N>) {
        self.last = replay.last;
        self.state = if replay.has_tail() {
            cx.reached(TORN_TAIL);
            State::Cutting(cx.disk(DiskOperation::Truncate { file: self.file.to_owned(), length: replay.valid }))
        } else {
            State::Opening(self.start_sync(cx))
        };
    }

    /// Starts the next group, if there is one and the disk is free.
    fn append_next<N: Node>(&mut self, cx: &mut Context<'_, N>) {
        if !matches!(self.state, State::Idle) {
            return;
        }
        let mut group = self.replacement.as_ref().map_or(self.pending.len(), |(before, _)| *before);
        if group > 1 && cx.maybe(SHORT_GROUP.name) {
            group = 1;
        }
        if group == 0 {
            if self.is_being_replaced() {
                let clear = cx.disk(DiskOperation::Remove { file: self.new_file() });
                self.state = State::Replacing(clear, Step::Clearing, 0);
            }
            return;
        }
        let (mut data, mut last) = (Vec::with_capacity(group * RECORD_BYTES), self.last);
        for record in self.pending.range(..group) {
            last = write_record(record, last, &mut data);
        }
        self.under_way = group;
        self.state = State::Appending(cx.disk(DiskOperation::Append { file: self.file.to_owned(), data }), last);
    }

    /// Where a replacement is written.
    fn new_file(&self) -> String {
        format!("{}.new", self.file)
    }

    /// A step of a replacement is done: takes the next one.
    fn replace_on<N: Node>(&mut self, done: Step, mut last: Checksum, cx: &mut Context<'_, N>) -> LogEvent<R> {
        let (operation, step) = match done {
            Step::Clearing => {
                let mut data = Vec::new();
                for record in self.replacement.iter().flat_map(|(_, records)| records) {
                    last = write_record(record, last, &mut data);
                }
                (DiskOperation::Append { file: self.new_file(), data }, Step::Writing)
            }
            Step::Writing => (DiskOperation::Sync { file: self.new_file() }, Step::Syncing),
            Step::Syncing => {
                (DiskOperation::Rename { from: self.new_file(), to: self.file.to_owned() }, Step::Renaming)
            }
            Step::Renaming => (DiskOperation::Sync { file: self.file.to_owned() }, Step::Ending),
            Step::Ending => {
                self.last = last;
                self.accepted += 1;
                let (_, records) = self.replacement.take().unwrap_or_default();
                let number = self.accepted;
                self.append_next(cx);
                return LogEvent::Accepted(records.into_iter().map(|record| (number, record)).collect());
            }
        };
        self.state = State::Replacing(cx.disk(operation), step, last);
        LogEvent::Nothing
    }

    fn after_append<N: Node>(&mut self, cx: &mut Context<'_, N>) -> LogEvent<R> {
        match self.acceptance {
            Acceptance::Durable => {
                self.state = State::Syncing(self.start_sync(cx));
                LogEvent::Nothing
            }
            Acceptance::WrittenThenSynced => {
                self.state = State::Syncing(self.start_sync(cx));
                self.accept_group()
            }
            Acceptance::Written => {
                let accepted = self.accept_group();
                self.append_next(cx);
                accepted
            }
        }
    }

    fn accept_group(&mut self) -> LogEvent<R> {
        let group = std::mem::take(&mut self.under_way);
        if let Some((before, _)) = &mut self.replacement {
            *before -= group;
        }
        let accepted = number(&mut self.accepted, self.pending.drain(..group));
        if accepted.is_empty() { LogEvent::Nothing } else { LogEvent::Accepted(accepted) }
    }

    fn fail(&mut self, failure: Failure) -> LogEvent<R> {
        if failure == Failure::Unknown {
            self.state = State::Broken;
        }
        self.pending.clear();
        self.replacement = None;
        self.under_way = 0;
        LogEvent::Failed(failure)
    }
}

/// Numbers records that come after so many, and counts them.
fn number<R>(accepted: &mut u64, records: impl IntoIterator<Item = R>) -> Vec<(u64, R)> {
    let numbered = |record| {
        *accepted += 1;
        (*accepted, record)
    };
    records.into_iter().map(numbered).collect()
}

/// Which records of a log somebody has seen who looks at it after every handler of its node: no record is accepted within the
/// handler that pushes it, so that each is pending at some look.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen(u64);

impl Seen {
    /// Whether nothing was pushed or taken away since the last look.
    pub fn is_all_of<R: Record>(&self, log: &Log<R>) -> bool {
        self.0 == log.last()
    }

    /// The records that were pushed since the last look, with their numbers.
    pub fn look<'l, R: Record>(&mut self, log: &'l Log<R>) -> impl Iterator<Item = (u64, &'l R)> + use<'l, R> {
        let last = log.last();
        // What a crash or a failed disk took has left its numbers to others.
        let before = std::mem::replace(&mut self.0, last).min(last);
        log.pending().skip(usize::try_from(before.saturating_sub(log.accepted())).unwrap_or(usize::MAX))
    }
}
