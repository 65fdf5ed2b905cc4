//! The rows of a sweep on disk: written one by one as they come, so that an interruption loses nothing that was finished.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::explore::{Detail, Row};
use crate::scenario::Covered;

use super::files;
use super::many::Rows;
use super::output::Failure;

/// What a sweep is, in its first line: rows of different sweeps do not belong together.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
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
    /// Which part of the sweep it is, and of how many, if it is not all of it.
    pub(super) shard: Option<(u64, u64)>,
    /// When it stops before its last seed, if it does.
    pub(super) until: Option<Until>,
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

/// The early stop: as soon as one of these is so.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Until {
    /// The interval of the rate of holding runs is this narrow ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) width: Option<f64>,
    /// ... with this confidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) confidence: Option<f64>,
    /// So many seeds in succession have covered nothing new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) plateau: Option<u64>,
}

impl Header {
    pub(super) const VERSION: u32 = 3;

    /// How many runs the whole sweep has.
    pub(super) fn runs(&self) -> u64 {
        (self.values.len() as u64).saturating_mul(self.seeds_per_point())
    }

    fn seeds_per_point(&self) -> u64 {
        self.seeds.1.saturating_sub(self.seeds.0)
    }

    /// Whether a row has the place that its point and seed have.
    fn has(&self, row: &Row) -> bool {
        let seeds = self.seeds_per_point();
        row.index < self.runs()
            && row.point as u64 == row.index / seeds
            && row.seed == self.seeds.0 + row.index % seeds
    }

    /// In what another sweep differs from this one, in words: nothing if their rows belong together. What the scenario is called,
    /// and by which options it was changed, does not matter, as long as it is the same scenario.
    pub(super) fn differs(&self, other: &Self) -> Vec<String> {
        let is_other_grid = self.varied != other.varied || self.values != other.values;
        let stop = |until: Option<Until>| until.map_or("none".to_owned(), |until| json(&until));
        let shard =
            |shard: Option<(u64, u64)>| shard.map_or("all".to_owned(), |(number, of)| format!("{number}/{of}"));
        [
            (
                "the version of Partita",
                self.partita != other.partita,
                [&self.partita, &other.partita].map(Clone::clone),
            ),
            ("the grid", is_other_grid, [self, other].map(|header| json(&(&header.varied, &header.values)))),
            (
                "the scenario's content, by its hash",
                self.scenario_hash != other.scenario_hash && !is_other_grid,
                [self, other].map(|header| header.scenario_hash.clone()),
            ),
            (
                "the seeds",
                self.seeds != other.seeds,
                [self, other].map(|header| format!("{}..{}", header.seeds.0, header.seeds.1)),
            ),
            ("the shard", self.shard != other.shard, [self.shard, other.shard].map(shard)),
            ("the early stop", self.until != other.until, [self.until, other.until].map(stop)),
            (
                "what is kept of each run (--series, --requests)",
                self.detail != other.detail,
                [self.detail, other.detail].map(|detail| json(&detail)),
            ),
        ]
        .into_iter()
        .filter(|&(_, differs, _)| differs)
        .map(|(what, _, [one, other])| format!("{what} ({one}, and here {other})"))
        .collect()
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
        let mut header = header.clone();
        let rows = match read(folder)? {
            None => {
                check_free(folder)?;
                Rows::new()
            }
            Some(_) if !resume => {
                let says = format!(
                    "error: {} holds a sweep already: go on with it by --resume, or choose another folder",
                    folder.display()
                );
                return Err(Failure::usage(says));
            }
            Some((found, rows)) => {
                let differs = found.differs(&header);
                if !differs.is_empty() {
                    let says = format!(
                        "error: {} holds another sweep: it differs in {}. Choose another folder",
                        folder.display(),
                        differs.join(", ")
                    );
                    return Err(Failure::usage(says));
                }
                // Its tables go on under the names that they began with.
                header = found;
                rows
            }
        };
        let path = folder.join(RUNNING);
        // A line that an interruption cut short is gone by this.
        files::write(&path, lines(&header, &rows).as_bytes())?;
        let opened = OpenOptions::new().append(true).open(&path);
        let file = opened.map_err(|error| Failure::io("write", &path, &error))?;
        Ok((Self { folder: folder.to_owned(), header, file }, rows))
    }

    /// What the sweep is, as it was begun.
    pub(super) const fn header(&self) -> &Header {
        &self.header
    }

    /// Keeps a row.
    pub(super) fn add(&mut self, row: &Row) -> Result<(), Failure> {
        let line = json(row) + "\n";
        let written = self.file.write_all(line.as_bytes());
        written.map_err(|error| Failure::io("write", &self.folder.join(RUNNING), &error))
    }

    /// The sweep is over and came to these rows: writes them in their order under the last name.
    pub(super) fn finish(self, rows: &Rows) -> Result<(), Failure> {
        write_finished(&self.folder, &self.header, rows)?;
        let running = self.folder.join(RUNNING);
        fs::remove_file(&running).map_err(|error| Failure::io("remove", &running, &error))
    }
}

/// Writes the rows of a sweep that is over, in their order.
pub(super) fn write_finished(folder: &Path, header: &Header, rows: &Rows) -> Result<(), Failure> {
    files::write(&folder.join(FINISHED), lines(header, rows).as_bytes())
}

/// Whether the sweep in a folder came to its end.
pub(super) fn is_finished(folder: &Path) -> bool {
    folder.join(FINISHED).exists() && !folder.join(RUNNING).exists()
}

/// Whether there is a sweep in a folder, running or finished.
pub(super) fn is_there(folder: &Path) -> bool {
    [RUNNING, FINISHED].iter().any(|name| folder.join(name).exists())
}

/// Refuses a folder that holds the results of something else than a sweep.
fn check_free(folder: &Path) -> Result<(), Failure> {
    let Ok(manifest) = fs::read(folder.join("manifest.json")) else { return Ok(()) };
    let is_of_a_sweep = serde_json::from_slice(&manifest).is_ok_and(|manifest: Value| manifest["sweep"].is_object());
    // A manifest without rows is left of a sweep whose rows could not be written.
    if is_of_a_sweep {
        return Ok(());
    }
    Err(Failure::usage(format!("error: {} holds the results of a run: choose another folder", folder.display())))
}

/// Refuses a folder that holds results: those of a sweep too.
pub(super) fn check_empty(folder: &Path) -> Result<(), Failure> {
    if is_there(folder) {
        return Err(Failure::usage(format!(
            "error: {} holds a sweep already: choose another folder",
            folder.display()
        )));
    }
    check_free(folder)
}

/// The sweep in a folder, running or finished; `None` if there is none.
pub(super) fn read(folder: &Path) -> Result<Option<(Header, Rows)>, Failure> {
    let paths = [RUNNING, FINISHED].map(|name| folder.join(name));
    let Some(path) = paths.iter().find(|path| path.exists()) else { return Ok(None) };
    let bytes = fs::read(path).map_err(|error| Failure::io("read", path, &error))?;
    let wrong = |number: usize, says: &dyn std::fmt::Display| {
        Failure::usage(format!("error: {}:{number}: this is no row of a sweep: {says}", path.display()))
    };
    let mut lines = bytes.split(|&byte| byte == b'\n').zip(1..).filter(|(line, _)| !line.is_empty()).peekable();
    let Some((first, number)) = lines.next() else { return Ok(None) };
    let first: Value = serde_json::from_slice(first).map_err(|error| wrong(number, &error))?;
    if first["version"] != Header::VERSION {
        let says = format!(
            "error: {} was written by another version of Partita ({}), in a form that this one does not read",
            path.display(),
            first["partita"].as_str().unwrap_or("unknown")
        );
        return Err(Failure::usage(says));
    }
    let header: Header = serde_json::from_value(first).map_err(|error| wrong(number, &error))?;
    let mut rows = Rows::new();
    while let Some((line, number)) = lines.next() {
        match serde_json::from_slice::<Row>(line) {
            Ok(row) if header.has(&row) => drop(rows.insert(row.index, row)),
            Ok(row) => {
                let Row { index, point, seed, .. } = row;
                let says = format!("place {index}, point {point} and seed {seed} do not fit together");
                return Err(wrong(number, &says));
            }
            // The last line of a sweep that was killed may be half a row, and end within a character.
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
