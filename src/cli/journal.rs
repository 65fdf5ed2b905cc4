//! The rows of a sweep on disk: written one by one as they come, so that an interruption loses nothing that was finished.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::explore::{Detail, Row};
use crate::scenario::Covered;

use super::files;
use super::many::Rows;
use super::output::Failure;

/// What a sweep is, in its first line: rows of different sweeps do not belong together.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Header {
    /// The version of this form.
    pub(super) version: u32,
    /// The version of the program: another may run the same seed differently.
    pub(super) partita: String,
    pub(super) scenario: String,
    /// What it was changed by: `/pointer=JSON`.
    pub(super) changes: Vec<String>,
    /// A hash of the resolved scenarios of all points.
    pub(super) scenario_hash: String,
    /// The first seed, and the one after the last.
    pub(super) seeds: (u64, u64),
    /// The pointers that are varied, and the JSON texts at each point.
    pub(super) varied: Vec<String>,
    pub(super) values: Vec<Vec<String>>,
    /// What is kept of each run besides its figures.
    pub(super) detail: Detail,
    /// What its runs could cover, all points together.
    pub(super) coverable: Covered,
    /// How long operations are started, in nanoseconds: the longest of all points.
    pub(super) duration_ns: u64,
}

impl Header {
    pub(super) const VERSION: u32 = 3;

    /// How many runs the whole sweep has.
    pub(super) fn runs(&self) -> u64 {
        self.values.len() as u64 * (self.seeds.1 - self.seeds.0)
    }
}

/// The file while a sweep runs, and its name when it is over: then it is sorted, and the same however it came about.
const RUNNING: &str = "rows.partial.jsonl";
const FINISHED: &str = "rows.jsonl";

/// The file that the rows of a sweep go to.
pub(super) struct Journal {
    folder: PathBuf,
    header: Header,
    file: File,
}

impl Journal {
    /// Begins a journal in a folder, or goes on with the one that is there if `resume` says so; answers the rows that it has
    /// already.
    pub(super) fn open(folder: &Path, header: &Header, resume: bool) -> Result<(Self, Rows), Failure> {
        fs::create_dir_all(folder).map_err(|error| Failure::io("make the folder", folder, &error))?;
        let rows = match read(folder)? {
            None => Rows::new(),
            Some(_) if !resume => {
                let says = format!(
                    "error: {} holds a sweep already: go on with it by --resume, or choose another folder",
                    folder.display()
                );
                return Err(Failure::usage(says));
            }
            Some((found, rows)) if found == *header => rows,
            Some(_) => {
                let says = format!(
                    "error: {} holds another sweep (scenario, seeds, grid or version differ): choose another folder",
                    folder.display()
                );
                return Err(Failure::usage(says));
            }
        };
        let path = folder.join(RUNNING);
        // A line that an interruption cut short is gone by this.
        files::write(&path, lines(header, &rows).as_bytes())?;
        let opened = OpenOptions::new().append(true).open(&path);
        let file = opened.map_err(|error| Failure::io("write", &path, &error))?;
        Ok((Self { folder: folder.to_owned(), header: header.clone(), file }, rows))
    }

    /// Keeps a row.
    pub(super) fn add(&mut self, row: &Row) -> Result<(), Failure> {
        let line = json(row) + "\n";
        let written = self.file.write_all(line.as_bytes());
        written.map_err(|error| Failure::io("write", &self.folder.join(RUNNING), &error))
    }

    /// The sweep is over and came to these rows: writes them in their order under the last name.
    pub(super) fn finish(self, rows: &Rows) -> Result<(), Failure> {
        files::write(&self.folder.join(FINISHED), lines(&self.header, rows).as_bytes())?;
        let running = self.folder.join(RUNNING);
        fs::remove_file(&running).map_err(|error| Failure::io("remove", &running, &error))
    }
}

/// The sweep in a folder, running or finished; `None` if there is none.
pub(super) fn read(folder: &Path) -> Result<Option<(Header, Rows)>, Failure> {
    let paths = [RUNNING, FINISHED].map(|name| folder.join(name));
    let Some(path) = paths.iter().find(|path| path.exists()) else { return Ok(None) };
    let file = File::open(path).map_err(|error| Failure::io("read", path, &error))?;
    let lines = BufReader::new(file).lines().collect::<Result<Vec<_>, _>>();
    let lines = lines.map_err(|error| Failure::io("read", path, &error))?;
    let wrong = |number: usize, error: &dyn std::fmt::Display| {
        Failure::usage(format!("error: {}:{}: this is no row of a sweep: {error}", path.display(), number + 1))
    };
    let mut lines = lines.iter().enumerate().peekable();
    let Some((number, first)) = lines.next() else { return Ok(None) };
    let header = serde_json::from_str(first).map_err(|error| wrong(number, &error))?;
    let mut rows = Rows::new();
    while let Some((number, line)) = lines.next() {
        match serde_json::from_str::<Row>(line) {
            Ok(row) => drop(rows.insert(row.index, row)),
            // The last line of a sweep that was killed may be half a row.
            Err(_) if lines.peek().is_none() => {}
            Err(error) => return Err(wrong(number, &error)),
        }
    }
    Ok(Some((header, rows)))
}

fn lines(header: &Header, rows: &Rows) -> String {
    std::iter::once(json(header)).chain(rows.values().map(json)).map(|line| line + "\n").collect()
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("rows are plain data")
}
