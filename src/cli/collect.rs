//! `partita collect`: shards of one sweep, put together.

use std::path::PathBuf;

use clap::Args;

use crate::report::Subject;

use super::files;
use super::journal::{self, Header, Journal};
use super::many::{Rows, exit_code, share};
use super::output::{Failure, Output};
use super::run::Format;
use super::sweep::{report, write_results};

/// Puts the shards of one sweep together.
#[derive(Args)]
pub(super) struct Arguments {
    /// The folders of the shards.
    #[arg(value_name = "DIR", required = true)]
    shards: Vec<PathBuf>,
    /// The folder for the whole.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The confidence of the intervals.
    #[arg(long, value_name = "SHARE", default_value = "0.95", value_parser = share)]
    confidence: f64,
    /// Lists all that was covered, in how many runs and by which seed first, and all that never was.
    #[arg(long)]
    coverage: bool,
    /// How the result is printed.
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

pub(super) fn collect(arguments: &Arguments, output: &mut Output<'_>) -> Result<u8, Failure> {
    let mut whole: Option<(Header, Rows)> = None;
    for folder in &arguments.shards {
        let Some((header, rows)) = journal::read(folder)? else {
            return Err(Failure::usage(format!("error: {} holds no sweep", folder.display())));
        };
        match &mut whole {
            None => whole = Some((header, rows)),
            Some((first, _)) if *first != header => {
                let says =
                    format!("error: {} holds another sweep than {}", folder.display(), arguments.shards[0].display());
                return Err(Failure::usage(says));
            }
            Some((_, all)) => all.extend(rows),
        }
    }
    let (header, rows) = whole.unwrap_or_else(|| unreachable!("clap asks for a folder"));
    let missing = header.runs() - rows.len() as u64;
    if missing > 0 {
        return Err(Failure::usage(format!(
            "error: {missing} of {} runs are in none of these folders",
            header.runs()
        )));
    }
    let subject = Subject {
        program: &output.program.clone(),
        scenario: &header.scenario,
        changes: &header.changes,
        confidence: arguments.confidence,
    };
    let (journal, _) = Journal::open(&arguments.out, &header, false)?;
    let resolved = arguments.shards[0].join("scenario.json");
    files::write(&arguments.out.join("scenario.json"), &files::read(&resolved)?)?;
    write_results(&arguments.out, subject, &header, &rows)?;
    report((arguments.format, arguments.coverage), subject, &header, &rows, &[], output)?;
    journal.finish(&rows)?;
    Ok(exit_code(&rows))
}
