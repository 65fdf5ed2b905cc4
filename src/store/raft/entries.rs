//! A replica's log as it has it in memory.

use std::collections::VecDeque;

use super::entry::{Entry, Position, Shared};

/// Entries with their indices. Of those at the beginning, which a [snapshot](super::snapshot) stands for, some may be gone.
#[derive(Clone, Debug, Default)]
pub(super) struct Entries {
    /// What stands before the first entry that is left.
    before: Position,
    entries: VecDeque<Shared>,
    /// How often entries were removed from the end, and the index of the first that was, the last time.
    truncations: u64,
    truncated_at: u64,
}

impl Entries {
    /// What stands before the first entry that is left.
    pub(super) const fn before(&self) -> Position {
        self.before
    }

    /// How many entries are in memory.
    pub(super) fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    /// The index of the last entry.
    pub(super) fn last_index(&self) -> u64 {
        self.before.index + self.entries.len() as u64
    }

    /// The end of the log.
    pub(super) fn last(&self) -> Position {
        let term = self.entries.back().map_or(self.before.term, |entry| entry.term);
        Position { term, index: self.last_index() }
    }

    pub(super) fn get(&self, index: u64) -> Option<&Shared> {
        self.entries.get(usize::try_from(index.checked_sub(self.before.index + 1)?).ok()?)
    }

    /// The term of the entry at an index, if the log has it.
    pub(super) fn term_at(&self, index: u64) -> Option<u64> {
        if index == self.before.index { Some(self.before.term) } else { self.get(index).map(|entry| entry.term) }
    }

    /// Whether the entry at a position is this log's.
    pub(super) fn has(&self, position: Position) -> bool {
        self.term_at(position.index) == Some(position.term)
    }

    /// How many entries stand before an index.
    fn place(&self, index: u64) -> usize {
        index.saturating_sub(self.before.index + 1).min(self.entries.len() as u64) as usize
    }

    /// At most `limit` entries from an index on.
    pub(super) fn batch(&self, from: u64, limit: u32) -> Vec<Shared> {
        let first = self.place(from);
        let end = (first + limit as usize).min(self.entries.len());
        self.entries.range(first..end).cloned().collect()
    }

    /// The entries from an index on, with their indices.
    pub(super) fn from(&self, index: u64) -> impl Iterator<Item = (u64, &Shared)> {
        let first = index.max(self.before.index + 1);
        (first..).zip(self.entries.range(self.place(index)..))
    }

    /// Adds an entry and answers its index.
    pub(super) fn push(&mut self, entry: Shared) -> u64 {
        self.entries.push_back(entry);
        self.last_index()
    }

    /// Removes the entry at an index and all behind it.
    pub(super) fn truncate(&mut self, from: u64) {
        if from <= self.last_index() {
            self.entries.truncate(self.place(from));
            self.truncations += 1;
            self.truncated_at = from;
        }
    }

    /// Forgets the entries up to an index: a snapshot stands for them.
    pub(super) fn forget(&mut self, upto: u64) {
        if let Some(term) = self.term_at(upto) {
            self.entries.drain(..self.place(upto + 1));
            self.before = Position { term, index: upto };
        }
    }

    /// Begins anew behind a position, without entries.
    pub(super) fn restart(&mut self, before: Position) {
        self.entries.clear();
        self.before = before;
        self.truncations += 1;
        self.truncated_at = 1;
    }

    /// How often the log lost entries at its end, and from which index on the last time.
    pub(super) const fn truncations(&self) -> (u64, u64) {
        (self.truncations, self.truncated_at)
    }

    /// Where a log that has another entry at `index`, or none, may differ first: behind its end, or at the first entry of
    /// the term that it has there (section 3.5, the end).
    pub(super) fn conflict_at(&self, index: u64) -> Position {
        let Some(term) = self.term_at(index) else {
            return Position { term: 0, index: self.last_index() + 1 };
        };
        let first = self.first_of(|entry| entry.term >= term);
        Position { term, index: first }
    }

    /// The last position with a term of at most `term`, if its term is just that.
    pub(super) fn last_of(&self, term: u64) -> Option<Position> {
        let index = self.first_of(|entry| entry.term > term) - 1;
        (self.term_at(index) == Some(term)).then_some(Position { term, index })
    }

    /// The index of the first entry for which it is so; terms never fall along a log.
    fn first_of(&self, is_so: impl Fn(&Entry) -> bool) -> u64 {
        self.before.index + 1 + self.entries.partition_point(|entry| !is_so(entry)) as u64
    }
}
