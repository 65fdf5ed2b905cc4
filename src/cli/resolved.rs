//! The resolved scenarios of a sweep in its folder: `scenario.json`, or of a grid `scenarios/point-0.json` and so on, in the
//! order of its points. Each can be run.

use std::fs;
use std::path::{Path, PathBuf};

use crate::explore::Point;

use super::files;
use super::output::Failure;

fn path(folder: &Path, point: usize, of: usize) -> PathBuf {
    if of == 1 { folder.join(files::RESOLVED) } else { folder.join(files::GRID).join(format!("point-{point}.json")) }
}

/// Writes those of the points of a sweep.
pub(super) fn write(folder: &Path, points: &[Point]) -> Result<(), Failure> {
    for (number, point) in points.iter().enumerate() {
        let path = path(folder, number, points.len());
        make_parent(&path)?;
        files::write(&path, format!("{:#}\n", point.scenario.resolved).as_bytes())?;
    }
    Ok(())
}

/// Copies them from a folder to another.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let points = (0..).take_while(|&point| path(from, point, usize::MAX).exists()).count().max(1);
    for number in 0..points {
        let [from, to] = [from, to].map(|folder| path(folder, number, points));
        let bytes = files::read(&from)?;
        make_parent(&to)?;
        files::write(&to, &bytes)?;
    }
    Ok(())
}

fn make_parent(path: &Path) -> Result<(), Failure> {
    let Some(folder) = path.parent() else { return Ok(()) };
    fs::create_dir_all(folder).map_err(|error| Failure::io("make the folder", folder, &error))
}
