//! `partita validate`: whether scenario files are right, and nothing else.

use clap::Args;

use crate::scenario::Registry;

use super::files;
use super::output::{Failure, Output};

/// Checks scenario files without running them.
///
/// Every mistake is shown at once, with its place and how to mend it. Exit code 0 if all are right, else 2.
#[derive(Args)]
pub(super) struct Arguments {
    /// Scenario files, or names of bundled scenarios.
    #[arg(required = true, value_name = "FILE|NAME")]
    files: Vec<String>,
}

pub(super) fn validate(registry: &Registry, arguments: &Arguments, output: &mut Output<'_>) -> Result<u8, Failure> {
    let mut code = 0;
    for name in &arguments.files {
        match files::scenario(registry, name, &[]) {
            Ok(_) => output.say(&format!("{name}: ok\n"))?,
            Err(Failure::ClosedPipe) => return Err(Failure::ClosedPipe),
            Err(failure) => code = output.fail(&failure),
        }
    }
    Ok(code)
}
