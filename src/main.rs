//! The command line of Partita: see [`partita::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    partita::cli::main(partita::scenario::Registry::standard())
}
