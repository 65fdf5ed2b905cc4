//! What a crash leaves on a disk.

use std::collections::BTreeSet;

use super::Disk;
use super::image::{Change, Image};
use crate::kernel::Time;

/// What survives on the disk when the machine loses power: of the unsynced changes, unless the disk itself is replaced.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CrashKeeps {
    /// Everything: only the process died, and the page cache is the operating system's.
    Everything,
    /// Nothing: the disk holds exactly what was synced.
    Nothing,
    /// The first k of all changes in the order in which they were made, k drawn uniformly from none to all.
    Prefix {
        /// Whether the last write that survives may be torn: its sectors survive only up to a drawn one, the first
        /// at least.
        torn: bool,
    },
    /// Each sector of each write, and each truncation, with probability one half. Changes of names are journaled: a
    /// drawn prefix of them survives. A sector survives as the page cache held it after the write, with earlier
    /// writes to it; so it is never a mixture that was not in the cache at some moment.
    Independent,
    /// Nothing at all, synced or not: the disk is replaced by an empty one.
    Wiped,
    /// What was durable when the disk was backed up ([`Disk::back_up`]): the disk is restored from that copy; from none,
    /// it is empty.
    Backup {
        /// When the copy was made.
        taken: Time,
    },
}

/// What a crash took. A change counts where the disk does not hold it afterwards, even if a later change had
/// overwritten it; those to the content of a file that the node had removed do not count. Making a file is a change
/// of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct CrashLoss {
    /// Changes of which nothing survived.
    pub changes_lost: u64,
    /// Writes of which some sectors survived and some did not.
    pub writes_torn: u64,
    /// Bytes of writes that did not survive.
    pub bytes_lost: u64,
    /// Synced files that are gone or set back.
    pub files_replaced: u64,
}

impl Disk {
    /// Loses power: what was synced stays, and of the rest what `keeps` says with draws uniform over all of `u64`.
    /// Equal disks and equal draws give equal disks.
    pub fn crash(&mut self, keeps: CrashKeeps, draws: &mut dyn FnMut() -> u64) -> CrashLoss {
        if keeps == CrashKeeps::Everything {
            return CrashLoss::default();
        }
        let changes = self.take_unsynced();
        let survives = keeps.draw(&changes, draws);
        self.durable.apply_surviving(&changes, &survives);
        if let Some(pristine) = &mut self.pristine {
            pristine.apply_surviving(&changes, &survives);
        }
        let seen = std::mem::replace(&mut self.cached, self.durable.clone());
        let loss = CrashLoss::between(&seen, &self.durable, &changes, &survives);
        let files_replaced = match keeps {
            CrashKeeps::Wiped => self.replace(Image::default()),
            CrashKeeps::Backup { taken } => self.replace(self.backups.get(&taken).cloned().unwrap_or_default()),
            _ => 0,
        };
        CrashLoss { files_replaced, ..loss }
    }
}

impl CrashKeeps {
    /// Whether it takes what was synced.
    #[must_use]
    pub const fn damages(self) -> bool {
        matches!(self, Self::Wiped | Self::Backup { .. })
    }

    /// Which parts of which changes survive.
    fn draw(self, changes: &[Change], draws: &mut dyn FnMut() -> u64) -> Vec<Vec<bool>> {
        match self {
            Self::Everything => draw_parts(changes, |_| true),
            Self::Nothing | Self::Wiped | Self::Backup { .. } => draw_parts(changes, |_| false),
            Self::Prefix { torn } => {
                let kept = up_to(changes.len(), draws);
                let mut survives: Vec<_> =
                    changes.iter().enumerate().map(|(i, change)| vec![i < kept; change.parts()]).collect();
                if torn && let Some(last) = survives[..kept].last_mut() {
                    let whole = 1 + up_to(last.len() - 1, draws);
                    last[whole..].fill(false);
                }
                survives
            }
            Self::Independent => {
                let of_names = changes.iter().filter(|change| change.file().is_none()).count();
                let mut journaled = up_to(of_names, draws);
                let part = |change: &Change| {
                    if change.file().is_some() {
                        return draws() >> 63 == 1;
                    }
                    let survives = journaled > 0;
                    journaled = journaled.saturating_sub(1);
                    survives
                };
                draw_parts(changes, part)
            }
        }
    }
}

fn draw_parts(changes: &[Change], mut part: impl FnMut(&Change) -> bool) -> Vec<Vec<bool>> {
    changes.iter().map(|change| (0..change.parts()).map(|_| part(change)).collect()).collect()
}

/// A number from 0 to `most`, by multiplication (Lemire 2019, section 3, without the rejection: the bias is at most
/// `most` in 2^64).
fn up_to(most: usize, draws: &mut dyn FnMut() -> u64) -> usize {
    ((u128::from(draws()) * (most as u128 + 1)) >> 64) as usize
}

impl CrashLoss {
    fn between(seen: &Image, left: &Image, changes: &[Change], survives: &[Vec<bool>]) -> Self {
        let mut loss = Self::default();
        // Sectors that a later write, seen first here, carried to the disk together with what was in them.
        let mut carried = BTreeSet::new();
        for (change, parts) in changes.iter().zip(survives).rev() {
            let file = change.file();
            if file.is_some_and(|file| !seen.holds(file)) {
                continue;
            }
            let file_left = file.is_none_or(|file| left.holds(file));
            let Change::Write { data, .. } = change else {
                loss.changes_lost += u64::from(!(file_left && parts[0]));
                continue;
            };
            let mut bytes_left = 0;
            for (sector, survives) in change.sectors().zip(parts) {
                if file_left && *survives {
                    carried.insert((file, sector));
                }
                if carried.contains(&(file, sector)) {
                    bytes_left += change.bytes_in(sector);
                }
            }
            loss.changes_lost += u64::from(bytes_left == 0);
            loss.writes_torn += u64::from(bytes_left > 0 && bytes_left < data.len());
            loss.bytes_lost += (data.len() - bytes_left) as u64;
        }
        loss
    }
}
