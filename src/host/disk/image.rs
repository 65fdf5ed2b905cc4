//! What a disk holds at one moment, and the changes that lead to the next.

use std::collections::BTreeMap;
use std::ops::Range;

use super::SECTOR_BYTES;

const SECTOR: usize = SECTOR_BYTES as usize;

/// A file whatever its name: a rename keeps it, a file made later under an old name is another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct FileId(pub(super) u64);

/// A change of a disk. Those of names are atomic; a write goes to the disk sector by sector.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Change {
    Create { name: String, file: FileId },
    Rename { from: String, to: String },
    Remove { name: String },
    Truncate { file: FileId, length: usize },
    Write { file: FileId, offset: usize, data: Vec<u8> },
}

/// Names and contents of all files.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Image {
    pub(super) names: BTreeMap<String, FileId>,
    contents: BTreeMap<FileId, Vec<u8>>,
    bytes: u64,
}

impl Change {
    /// The file whose content changes; none for a change of names.
    pub(super) const fn file(&self) -> Option<FileId> {
        match self {
            Self::Truncate { file, .. } | Self::Write { file, .. } => Some(*file),
            Self::Create { .. } | Self::Rename { .. } | Self::Remove { .. } => None,
        }
    }

    /// The sectors that a write covers, wholly or in part; none for other changes.
    pub(super) fn sectors(&self) -> Range<usize> {
        match self {
            Self::Write { offset, data, .. } => offset / SECTOR..(offset + data.len()).div_ceil(SECTOR),
            _ => 0..0,
        }
    }

    /// How many parts of it can survive a crash each without the others.
    pub(super) fn parts(&self) -> usize {
        self.sectors().len().max(1)
    }

    /// How many bytes of a write lie in `sector`.
    pub(super) fn bytes_in(&self, sector: usize) -> usize {
        match self {
            Self::Write { offset, data, .. } => {
                let end = (offset + data.len()).min((sector + 1) * SECTOR);
                end.saturating_sub(*(offset.max(&(sector * SECTOR))))
            }
            _ => 0,
        }
    }

    /// Whether it decides the byte at `position` of its file.
    pub(super) fn covers(&self, position: usize) -> bool {
        match self {
            Self::Write { offset, data, .. } => (*offset..offset + data.len()).contains(&position),
            Self::Truncate { length, .. } => *length <= position,
            Self::Create { .. } | Self::Rename { .. } | Self::Remove { .. } => false,
        }
    }
}

impl Image {
    /// The bytes of all files, holes included.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn holds(&self, file: FileId) -> bool {
        self.contents.contains_key(&file)
    }

    pub(super) fn content(&self, file: FileId) -> &[u8] {
        self.contents.get(&file).map_or(&[], Vec::as_slice)
    }

    pub(super) fn content_mut(&mut self, file: FileId) -> &mut [u8] {
        self.contents.get_mut(&file).map_or(&mut [], Vec::as_mut_slice)
    }

    /// The content of the file of that name.
    pub(super) fn named(&self, name: &str) -> Option<&[u8]> {
        self.names.get(name).map(|&file| self.content(file))
    }

    /// The part of a file that lies in `sector`; shorter at the file's end.
    pub(super) fn sector(&self, file: FileId, sector: usize) -> &[u8] {
        let content = self.content(file);
        let start = content.len().min(sector.saturating_mul(SECTOR));
        &content[start..content.len().min(start + SECTOR)]
    }

    /// Every sector of every file.
    pub(super) fn sectors(&self) -> impl Iterator<Item = (FileId, usize)> + '_ {
        let of = |(&file, content): (&FileId, &Vec<u8>)| {
            (0..content.len().div_ceil(SECTOR)).map(move |sector| (file, sector))
        };
        self.contents.iter().flat_map(of)
    }

    /// Puts as much of `data` into a sector as the file has room for there; what is left of the sector becomes 0.
    pub(super) fn overwrite_sector(&mut self, file: FileId, sector: usize, data: &[u8]) {
        let length = self.sector(file, sector).len();
        let mut filled = vec![0; length];
        let room = length.min(data.len());
        filled[..room].copy_from_slice(&data[..room]);
        self.write(file, sector * SECTOR, &filled);
    }

    /// Makes a change. What names a file that the image does not hold changes nothing: the file's creation was lost.
    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Create { name, file } => {
                // Only where the disk lied about a file of that name.
                let replaced = self.names.insert(name.clone(), *file);
                self.forget(replaced);
                self.contents.insert(*file, Vec::new());
            }
            Change::Rename { from, to } => {
                if let Some(file) = self.names.remove(from) {
                    let replaced = self.names.insert(to.clone(), file);
                    self.forget(replaced);
                }
            }
            Change::Remove { name } => {
                let removed = self.names.remove(name);
                self.forget(removed);
            }
            Change::Truncate { file, length } => self.resize(*file, *length),
            Change::Write { file, offset, data } => self.write(*file, *offset, data),
        }
    }

    /// Makes those parts of `changes` that `survives` marks, in order, and no others. A sector is written as a page
    /// cache writes it back: with all that was in it once the write was made, older writes that were lost included.
    pub(super) fn apply_surviving(&mut self, changes: &[Change], survives: &[Vec<bool>]) {
        let mut cache = self.clone();
        for (change, parts) in changes.iter().zip(survives) {
            cache.apply(change);
            match change {
                Change::Write { file, .. } => {
                    for (sector, _) in change.sectors().zip(parts).filter(|(_, survives)| **survives) {
                        self.write_sector(*file, sector, cache.sector(*file, sector));
                    }
                }
                _ if parts[0] => self.apply(change),
                _ => {}
            }
        }
    }

    /// Writes a sector whose file ends after `data`: what the image still holds behind it in that sector becomes 0.
    fn write_sector(&mut self, file: FileId, sector: usize, data: &[u8]) {
        let start = sector * SECTOR;
        self.write(file, start, data);
        let content = self.content_mut(file);
        let end = content.len().min(start + SECTOR);
        if let Some(behind) = content.get_mut(start + data.len()..end) {
            behind.fill(0);
        }
    }

    fn write(&mut self, file: FileId, offset: usize, data: &[u8]) {
        let Some(content) = self.contents.get_mut(&file) else { return };
        let end = offset + data.len();
        if end > content.len() {
            self.bytes += (end - content.len()) as u64;
            content.resize(end, 0);
        }
        content[offset..end].copy_from_slice(data);
    }

    fn resize(&mut self, file: FileId, length: usize) {
        if let Some(content) = self.contents.get_mut(&file) {
            self.bytes = self.bytes - content.len() as u64 + length as u64;
            content.resize(length, 0);
        }
    }

    fn forget(&mut self, file: Option<FileId>) {
        if let Some(content) = file.and_then(|file| self.contents.remove(&file)) {
            self.bytes -= content.len() as u64;
        }
    }
}
