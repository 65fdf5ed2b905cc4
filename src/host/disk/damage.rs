//! What can go wrong with a disk besides a loss of power: rot, misdirection, failed syncs, replacement.
//!
//! Whatever the disk does behind everyone's back is left out of the pristine copy, so that [`Disk::lies`] tells it, and is
//! remembered, so that [`Disk::damaged`] does.

use std::collections::BTreeSet;

use super::image::{FileId, Image};
use super::{Disk, DiskOperation, SECTOR_BYTES};
use crate::kernel::Time;

impl Disk {
    /// Flips the bit of a sector that `draw` selects, on the disk and behind everyone's back. A process reads it
    /// unless it has overwritten that byte and not synced yet. Returns whether there was anything to flip.
    pub fn rot(&mut self, file: &str, sector: u64, draw: u64) -> bool {
        let (Ok(file), Ok(sector)) = (self.find(file), usize::try_from(sector)) else { return false };
        let bits = 8 * self.durable.sector(file, sector).len() as u64;
        if bits == 0 {
            return false;
        }
        self.pristine.get_or_insert_with(|| self.durable.clone());
        self.damages(file);
        let position = sector * SECTOR_BYTES as usize + (draw % bits / 8) as usize;
        let mask = 1 << (draw % 8);
        self.durable.content_mut(file)[position] ^= mask;
        let unsynced = self.unsynced_contents.get(&file);
        if !unsynced.is_some_and(|changes| changes.iter().any(|(_, change)| change.covers(position))) {
            self.cached.content_mut(file)[position] ^= mask;
        }
        true
    }

    /// Whether an operation would make a file longer.
    pub(crate) fn would_grow(&self, what: &DiskOperation) -> bool {
        let (file, end) = match what {
            DiskOperation::Append { data, .. } => return !data.is_empty(),
            DiskOperation::WriteAt { data, .. } if data.is_empty() => return false,
            DiskOperation::WriteAt { file, offset, data } => (file, offset.saturating_add(data.len() as u64)),
            DiskOperation::Truncate { file, length } => (file, *length),
            _ => return false,
        };
        end > self.cached.named(file).map_or(0, <[u8]>::len) as u64
    }

    /// The sectors of a file that a read of `length` bytes from `offset` on touches.
    pub(crate) fn sectors_read(&self, file: &str, offset: u64, length: u64) -> std::ops::Range<u64> {
        let whole = self.cached.named(file).map_or(0, <[u8]>::len) as u64;
        let end = offset.saturating_add(length).min(whole);
        offset.min(end) / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES)
    }

    /// Syncs a file, but some of the sectors that are to be written land in the place of another sector, of any file,
    /// and where they should have gone the old content stays. For each sector `draw` says whether, and by a word of
    /// chance where. Answers how many went astray.
    pub fn sync_astray(&mut self, file: &str, draw: &mut dyn FnMut() -> Option<u64>) -> u64 {
        let Ok(file) = self.find(file) else { return 0 };
        let unsynced = self.unsynced_contents.get(&file).into_iter().flatten();
        let written: BTreeSet<usize> = unsynced.flat_map(|(_, change)| change.sectors()).collect();
        let astray: Vec<_> = written.into_iter().filter_map(|sector| Some((sector, draw()?))).collect();
        if astray.is_empty() {
            self.sync(file);
            return 0;
        }
        self.pristine.get_or_insert_with(|| self.durable.clone());
        let before = self.durable.clone();
        self.sync(file);
        for &(sector, draw) in &astray {
            self.misdirect(file, sector, before.sector(file, sector), draw);
        }
        self.fill_cache();
        astray.len() as u64
    }

    fn misdirect(&mut self, file: FileId, sector: usize, old: &[u8], draw: u64) {
        let data = self.durable.sector(file, sector).to_vec();
        self.damages(file);
        self.durable.overwrite_sector(file, sector, old);
        let others: Vec<_> = self.durable.sectors().filter(|&other| other != (file, sector)).collect();
        let chosen = (u128::from(draw) * others.len() as u128) >> 64;
        if let Some(&(file, sector)) = others.get(chosen as usize) {
            self.damages(file);
            self.durable.overwrite_sector(file, sector, &data);
        }
    }

    /// Drops the unsynced changes of a file's content, as a page cache does whose write-back failed. Answers how many.
    pub fn drop_unsynced(&mut self, file: &str) -> u64 {
        let Ok(file) = self.find(file) else { return 0 };
        let dropped = self.unsynced_contents.remove(&file).unwrap_or_default().len() as u64;
        if dropped > 0 {
            self.fill_cache();
        }
        dropped
    }

    /// Makes the cache what it always is: what is durable, with all unsynced changes.
    fn fill_cache(&mut self) {
        self.cached = self.durable.clone();
        let mut changes: Vec<_> = self.unsynced_contents.values().flatten().chain(&self.unsynced_names).collect();
        changes.sort_unstable_by_key(|(number, _)| *number);
        for (_, change) in changes {
            self.cached.apply(change);
        }
    }

    /// Keeps a copy of what is durable now, for [`super::CrashKeeps::Backup`].
    pub fn back_up(&mut self, at: Time) {
        self.backups.insert(at, self.durable.clone());
    }

    /// Puts another disk in the place of this one; answers how many files that takes or sets back.
    pub(super) fn replace(&mut self, by: Image) -> u64 {
        let lost = |name: &&String| by.named(name) != self.durable.named(name);
        let lost: Vec<_> = self.durable.names.keys().filter(lost).cloned().collect();
        let files = lost.len() as u64;
        self.pristine.get_or_insert_with(|| self.durable.clone());
        self.damaged.extend(lost);
        self.cached = by.clone();
        self.durable = by;
        files
    }

    /// The files that the disk holds now otherwise than an ideal disk would that had been told the same. Empty: whatever
    /// is missing was never synced, or was lost before the process wrote it anew.
    #[must_use]
    pub fn lies(&self) -> Vec<&str> {
        let Some(pristine) = &self.pristine else { return Vec::new() };
        let names: BTreeSet<&String> = self.durable.names.keys().chain(pristine.names.keys()).collect();
        let lied = |name: &&String| self.durable.named(name) != pristine.named(name);
        names.into_iter().filter(lied).map(String::as_str).collect()
    }

    /// The files about which the disk has ever lied, whatever the process has made of that: a log, say, that was cut where
    /// it was damaged.
    pub fn damaged(&self) -> impl Iterator<Item = &str> {
        self.damaged.iter().map(String::as_str)
    }

    /// Notes that a file is not what it was synced to be.
    fn damages(&mut self, file: FileId) {
        let name = self.durable.names.iter().find(|&(_, &named)| named == file);
        self.damaged.extend(name.map(|(name, _)| name.clone()));
    }
}
