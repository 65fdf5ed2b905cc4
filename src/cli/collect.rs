//! `partita collect`: shards of one sweep, put together.

use std::path::PathBuf;

use clap::Args;

use crate::report::Subject;

use super::journal;
use super::many::{Precision, exit_code, share};
use super::output::{Failure, Output};
use super::resolved;
use super::run::Format;
use super::shards::{self, Whole};
use super::sweep::{report, write_results};

/// Puts the shards of one sweep together.
///
/// Exit code: 4 if a run that is in two of them differs, else that of the whole sweep.
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
    #[command(flatten)]
    precision: Precision,
    /// How the result is printed.
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

pub(super) fn collect(arguments: &Arguments, output: &mut Output<'_>) -> Result<u8, Failure> {
    let Whole { header, rows, contradiction } = shards::whole(&arguments.shards)?;
    if let Some(contradiction) = contradiction {
        return contradiction.report(&header, arguments.format, output);
    }
    journal::check_empty(&arguments.out)?;
    let subject = Subject {
        program: &output.program.clone(),
        scenario: &header.scenario,
        changes: &header.changes,
        confidence: arguments.confidence,
        wanted_width: arguments.precision.width,
        tells_figures: arguments.precision.figures,
    };
    resolved::copy(&arguments.shards[0], &arguments.out)?;
    write_results(&arguments.out, subject, &header, &rows)?;
    journal::write_finished(&arguments.out, &header, &rows)?;
    report((arguments.format, arguments.coverage), subject, &header, &rows, &[], output)?;
    Ok(exit_code(&rows))
}
