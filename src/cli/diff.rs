//! `partita diff`: where two traces part.

use std::path::PathBuf;

use clap::Args;

use crate::report::difference;

use super::output::{Failure, Output};
use super::trace;

/// Shows the first event at which two traces part, and what led to it on both sides.
///
/// Traces are written by `run --trace binary=PATH`, or into the folder of `--out`. Exit code 0 if they agree,
/// 1 if they differ.
#[derive(Args)]
pub(super) struct Arguments {
    /// A trace.
    #[arg(value_name = "TRACE")]
    one: PathBuf,
    /// Another.
    #[arg(value_name = "TRACE")]
    other: PathBuf,
}

pub(super) fn diff(arguments: &Arguments, output: &mut Output<'_>) -> Result<u8, Failure> {
    let (one, other) = (trace::read(&arguments.one)?, trace::read(&arguments.other)?);
    match difference(&one, &other) {
        None => {
            output.say(&format!("The traces agree in all {} events.\n", one.len()))?;
            Ok(0)
        }
        Some(text) => {
            output.say(&text)?;
            Ok(1)
        }
    }
}
