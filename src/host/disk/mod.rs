//! A node's disk: named files whose changes are durable once synced, and what a crash leaves of the others.
//!
//! The process reads and writes through a page cache: it sees every change at once. A change becomes durable when
//! its file is synced; until then a crash may take it. As on a journaling file system:
//!
//! 1. `sync` of a file makes its content durable, and all changes of names (files made, renamed, removed) so far, of
//!    whatever file. It does not touch the content of other files: a file renamed before it was synced may come back
//!    empty under its new name.
//! 2. A rename is atomic: after a crash either the old names stand or the new ones.
//! 3. A sector of [`SECTOR_BYTES`] is written whole or not at all; a longer write may be torn.
//!
//! Beside what the disk holds stands what an ideal disk would hold, so that a check can tell a node that never
//! synced from a disk that lost what was synced ([`Disk::lies`]).
//!
//! Absent here: latency, queues and failing operations. The host calls [`Disk::apply`] when an operation is done.

mod crash;
mod damage;
mod image;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use crash::{CrashKeeps, CrashLoss};
use image::{Change, FileId, Image};

use crate::kernel::{Time, stable_hash};

/// The unit in which a disk writes, tears and rots, in bytes.
pub const SECTOR_BYTES: u64 = 512;

/// The largest length of a file, in bytes. Files are held in memory, holes included.
pub const LARGEST_FILE: u64 = 1 << 30;

/// The capacity of a disk unless a scenario says otherwise, in bytes.
pub const DEFAULT_CAPACITY: u64 = 1 << 30;

/// What a node asks of its disk. Offsets and lengths are in bytes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum DiskOperation {
    /// Writes at the end of a file, which is made if there is none.
    Append {
        /// The file.
        file: String,
        /// What to write.
        data: Vec<u8>,
    },
    /// Writes anywhere in a file, which is made if there is none. A gap behind the file's end fills with zeros.
    WriteAt {
        /// The file.
        file: String,
        /// Where to write.
        offset: u64,
        /// What to write.
        data: Vec<u8>,
    },
    /// Sets a file's length: cuts it, or fills it up with zeros.
    Truncate {
        /// The file.
        file: String,
        /// Its new length.
        length: u64,
    },
    /// Reads up to `length` bytes: fewer at the file's end, none behind it.
    Read {
        /// The file.
        file: String,
        /// Where to begin.
        offset: u64,
        /// How much to read at most; `u64::MAX` reads to the end.
        length: u64,
    },
    /// Makes a file's content durable, and all changes of names so far.
    Sync {
        /// The file.
        file: String,
    },
    /// Gives a file another name, atomically replacing the file that has it.
    Rename {
        /// Its name now.
        from: String,
        /// Its new name.
        to: String,
    },
    /// Removes a file.
    Remove {
        /// The file.
        file: String,
    },
    /// Lists the names of all files.
    List,
}

/// What a disk answers.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum DiskOutput {
    /// Done, and there is nothing to tell: to a write, truncation, sync, rename or removal.
    Done,
    /// To an append: where the data begins.
    Appended {
        /// The length that the file had before.
        offset: u64,
    },
    /// To a read: what was found.
    Data(Vec<u8>),
    /// To a list: all names in byte order.
    Files(Vec<String>),
}

/// Why an operation failed. It then changed nothing, but for a failed sync.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum DiskError {
    /// There is no file of that name.
    NotFound,
    /// The disk has no room for it.
    Full,
    /// The file would be longer than [`LARGEST_FILE`].
    TooLarge,
    /// The device failed. After a failed sync nobody knows what of the file is durable.
    Io,
}

/// How an operation ended.
pub type DiskResult = Result<DiskOutput, DiskError>;

/// A disk. A clone is another disk with the same content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Disk {
    capacity: u64,
    /// What the process sees: `durable` with all unsynced changes.
    cached: Image,
    /// What the disk holds.
    durable: Image,
    /// What the disk would hold had it never lied; `None` while it has not, and equals `durable`.
    pristine: Option<Image>,
    /// The files that it has ever damaged, lost or set back behind the process's back.
    damaged: BTreeSet<String>,
    /// What it held when it was backed up.
    backups: BTreeMap<Time, Image>,
    /// Unsynced changes of names, each with its number in the order of all changes.
    unsynced_names: Vec<(u64, Change)>,
    /// Unsynced changes of contents, likewise.
    unsynced_contents: BTreeMap<FileId, Vec<(u64, Change)>>,
    /// The number of the next change, and the id of the file that it makes.
    next: u64,
}

impl Disk {
    /// An empty disk with room for `capacity` bytes of content.
    #[must_use]
    pub fn new(capacity: u64) -> Self {
        Self {
            capacity,
            cached: Image::default(),
            durable: Image::default(),
            pristine: None,
            damaged: BTreeSet::new(),
            backups: BTreeMap::new(),
            unsynced_names: Vec::new(),
            unsynced_contents: BTreeMap::new(),
            next: 0,
        }
    }

    /// Empties the disk, as new.
    pub fn clear(&mut self) {
        *self = Self::new(self.capacity);
    }

    /// A hash of the files as the process sees them: their names and contents.
    #[must_use]
    pub fn content_hash(&self) -> u64 {
        stable_hash(&self.cached)
    }

    /// Executes an operation.
    ///
    /// # Errors
    /// [`DiskError::NotFound`] if there is no such file; [`DiskError::Full`] and [`DiskError::TooLarge`] where a
    /// write or truncation would pass the capacity or the largest length of a file.
    pub fn apply(&mut self, operation: &DiskOperation) -> DiskResult {
        match operation {
            DiskOperation::Append { file, data } => {
                let offset = self.write(file, |length| length, data)?;
                return Ok(DiskOutput::Appended { offset });
            }
            DiskOperation::WriteAt { file, offset, data } => {
                self.write(file, |_| *offset, data)?;
            }
            DiskOperation::Truncate { file, length } => {
                let file = self.find(file)?;
                let length = self.room(self.cached.content(file).len(), *length)?;
                self.change(Change::Truncate { file, length });
            }
            DiskOperation::Read { file, offset, length } => {
                let content = self.cached.content(self.find(file)?);
                let within = |position: u64| position.min(content.len() as u64) as usize;
                let range = within(*offset)..within(offset.saturating_add(*length));
                return Ok(DiskOutput::Data(content[range].to_vec()));
            }
            DiskOperation::Sync { file } => {
                let file = self.find(file)?;
                self.sync(file);
            }
            DiskOperation::Rename { from, to } => {
                self.find(from)?;
                if from != to {
                    self.change(Change::Rename { from: from.clone(), to: to.clone() });
                }
            }
            DiskOperation::Remove { file } => {
                self.find(file)?;
                self.change(Change::Remove { name: file.clone() });
            }
            DiskOperation::List => return Ok(DiskOutput::Files(self.cached.names.keys().cloned().collect())),
        }
        Ok(DiskOutput::Done)
    }

    /// The bytes of all files as the process sees them, holes included. What comes back when a crash undoes a removal
    /// may take it over the capacity; then nothing grows until room is made.
    #[must_use]
    pub const fn bytes_used(&self) -> u64 {
        self.cached.bytes()
    }

    /// The bytes of all writes that a crash may take.
    #[must_use]
    pub fn unsynced_bytes(&self) -> u64 {
        let written = |(_, change): &(u64, Change)| match change {
            Change::Write { data, .. } => data.len() as u64,
            _ => 0,
        };
        self.unsynced_contents.values().flatten().map(written).sum()
    }

    fn find(&self, name: &str) -> Result<FileId, DiskError> {
        self.cached.names.get(name).copied().ok_or(DiskError::NotFound)
    }

    /// Checks that a file may grow from `old` to `new` bytes.
    fn room(&self, old: usize, new: u64) -> Result<usize, DiskError> {
        if new > LARGEST_FILE {
            return Err(DiskError::TooLarge);
        }
        let growth = new.saturating_sub(old as u64);
        if growth > 0 && growth > self.capacity.saturating_sub(self.bytes_used()) {
            return Err(DiskError::Full);
        }
        Ok(new as usize)
    }

    /// Writes to a file, which is made if there is none, where `offset` says, given the file's length. Answers where.
    fn write(&mut self, name: &str, offset: impl FnOnce(u64) -> u64, data: &[u8]) -> Result<u64, DiskError> {
        let found = self.find(name).ok();
        let length = found.map_or(0, |file| self.cached.content(file).len());
        let offset = offset(length as u64);
        if !data.is_empty() {
            let end = offset.saturating_add(data.len() as u64);
            self.room(length, end.max(length as u64))?;
        }
        let file = found.unwrap_or_else(|| self.create(name));
        if !data.is_empty() {
            self.change(Change::Write { file, offset: offset as usize, data: data.to_vec() });
        }
        Ok(offset)
    }

    fn create(&mut self, name: &str) -> FileId {
        let file = FileId(self.next);
        self.change(Change::Create { name: name.to_owned(), file });
        file
    }

    /// Makes a change that is not durable yet.
    fn change(&mut self, change: Change) {
        self.cached.apply(&change);
        let unsynced = match change.file() {
            Some(file) => self.unsynced_contents.entry(file).or_default(),
            None => &mut self.unsynced_names,
        };
        unsynced.push((self.next, change));
        self.next += 1;
    }

    fn sync(&mut self, file: FileId) {
        let of_names = std::mem::take(&mut self.unsynced_names);
        let of_content = self.unsynced_contents.remove(&file).unwrap_or_default();
        // In this order a file's creation comes before its content. The file has a name now, so none of the changes
        // of names removes it.
        for (_, change) in of_names.iter().chain(&of_content) {
            self.durable.apply(change);
            if let Some(pristine) = &mut self.pristine {
                pristine.apply(change);
            }
        }
        if of_names.iter().any(|(_, change)| matches!(change, Change::Remove { .. } | Change::Rename { .. })) {
            self.unsynced_contents.retain(|&file, _| self.cached.holds(file));
        }
    }

    /// Takes all unsynced changes, in the order in which they were made.
    fn take_unsynced(&mut self) -> Vec<Change> {
        let mut changes = std::mem::take(&mut self.unsynced_names);
        changes.extend(std::mem::take(&mut self.unsynced_contents).into_values().flatten());
        changes.sort_unstable_by_key(|&(number, _)| number);
        changes.into_iter().map(|(_, change)| change).collect()
    }
}

impl Default for Disk {
    fn default() -> Self {
        Self::new(DEFAULT_CAPACITY)
    }
}
