//! The rows of several folders as those of one sweep.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::check::Verdict;
use crate::explore::Row;
use crate::report::integer;

use super::discord;
use super::journal::{self, Header};
use super::many::Rows;
use super::output::{Failure, Output};
use super::run::Format;

/// What several folders hold together.
pub(super) struct Whole {
    /// The sweep, as if it had not been divided.
    pub(super) header: Header,
    pub(super) rows: Rows,
    /// A run that two of them made, and that came to something else in each.
    pub(super) contradiction: Option<Contradiction>,
}

/// Two rows of one run.
pub(super) struct Contradiction {
    folders: [PathBuf; 2],
    rows: [Row; 2],
}

/// Reads the folders, at least one.
pub(super) fn whole(folders: &[PathBuf]) -> Result<Whole, Failure> {
    let mut sweep: Option<Header> = None;
    let (mut rows, mut owners) = (Rows::new(), BTreeMap::<u64, &Path>::new());
    let mut contradiction = None;
    for folder in folders {
        let Some((header, part)) = journal::read(folder)? else {
            return Err(Failure::usage(format!("error: {} holds no sweep", folder.display())));
        };
        let header = Header { shard: None, ..header };
        let differs = sweep.as_ref().map(|first| first.differs(&header)).unwrap_or_default();
        if !differs.is_empty() {
            return Err(Failure::usage(format!(
                "error: {} holds another sweep than {}: it differs in {}",
                folder.display(),
                folders[0].display(),
                differs.join(", ")
            )));
        }
        sweep.get_or_insert(header);
        for (index, row) in part {
            let Some(known) = rows.get_mut(&index) else {
                owners.insert(index, folder);
                rows.insert(index, row);
                continue;
            };
            // Whether a run was made twice is no part of what it came to.
            let is_rechecked = known.is_rechecked || row.is_rechecked;
            known.is_rechecked = is_rechecked;
            let row = Row { is_rechecked, ..row };
            if *known != row && contradiction.is_none() {
                let folders = [owners[&index].to_owned(), folder.clone()];
                contradiction = Some(Contradiction { folders, rows: [known.clone(), row] });
            }
        }
    }
    let header = sweep.ok_or_else(|| Failure::usage("error: name the folders of the shards"))?;
    // What has stopped early is all there.
    let has_stopped = header.until.is_some() && folders.iter().all(|folder| journal::is_finished(folder));
    let missing = header.runs() - rows.len() as u64;
    if missing > 0 && !has_stopped {
        let all = header.runs();
        return Err(Failure::usage(format!("error: {missing} of {all} runs are in none of these folders")));
    }
    Ok(Whole { header, rows, contradiction })
}

impl Contradiction {
    /// Says where the run differs; answers the exit code.
    pub(super) fn report(&self, header: &Header, format: Format, output: &mut Output<'_>) -> Result<u8, Failure> {
        let Self { folders: [one, other], rows: [first, second] } = self;
        let values = header.varied.iter().zip(&header.values[first.point]);
        let set = values.map(|(pointer, value)| format!("{pointer}={value}"));
        let changes: Vec<_> = header.changes.iter().cloned().chain(set).collect();
        let digests = [first, second].map(|row| format!("{:016x}", row.digest));
        match format {
            Format::Json => {
                let document = json!({
                    "version": 1,
                    "scenario": header.scenario,
                    "changes": changes,
                    "verdict": Verdict::Nondeterministic.name(),
                    "seed": integer(first.seed),
                    "folders": [one, other],
                    "digests": digests,
                });
                output.say(&format!("{document:#}\n"))?;
            }
            Format::Human => {
                let again = discord::again(&output.program, &header.scenario, first.seed, &changes);
                let [digest, another] = digests;
                output.say(&format!(
                    "NONDETERMINISTIC\n\nThe run of seed {} is not the same in two folders:\n  {}: {}, digest {digest}\n  {}: {}, \
                     digest {another}\n\nlook:  {again}\n",
                    first.seed,
                    one.display(),
                    first.verdict,
                    other.display(),
                    second.verdict,
                ))?;
            }
        }
        Ok(Verdict::Nondeterministic.exit_code())
    }
}
