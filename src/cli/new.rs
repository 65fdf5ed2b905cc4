//! `partita new`: a scenario to start from.

use std::path::PathBuf;

use clap::Args;

use super::files;
use super::output::{Failure, Output};

/// Writes a starting scenario, NAME.json, whose `note` fields explain it.
#[derive(Args)]
pub(super) struct Arguments {
    /// The file's name, with or without `.json`.
    name: String,
}

/// What every new scenario begins as.
const TEMPLATE: &str = include_str!("template.json");

pub(super) fn new(arguments: &Arguments, output: &mut Output<'_>) -> Result<u8, Failure> {
    let name = arguments.name.strip_suffix(".json").unwrap_or(&arguments.name);
    let path = PathBuf::from(format!("{name}.json"));
    if path.exists() {
        return Err(Failure::usage(format!("error: {} exists; choose another name", path.display())));
    }
    files::write(&path, TEMPLATE.as_bytes())?;
    output.say(&format!("{}\n", path.display()))?;
    output.hint(&format!("run it: {} run {}", output.program, path.display()));
    Ok(0)
}
