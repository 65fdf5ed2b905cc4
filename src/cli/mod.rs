//! Floor 9: the command line. One file per command; `main` is what a binary calls.
//!
//! stdout carries results only, stderr everything else. Exit codes: 0 holds, 1 refuted, 2 usage (bad command line,
//! bad scenario file, a result that could not be written), 3 inconclusive, 4 nondeterministic. A closed pipe is 0.

mod bundled;
mod collect;
mod compare;
mod corpus;
mod diagnostics;
mod diff;
mod discord;
mod explore;
mod files;
mod grid;
mod history;
mod journal;
mod list;
mod many;
mod new;
mod output;
mod plot;
mod resolved;
mod run;
mod schema;
mod shards;
mod shrink;
mod sweep;
mod tolerate;
mod trace;
mod validate;

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::scenario::Registry;

pub use diagnostics::render;
use output::{Failure, Output};

/// A deterministic simulator of distributed systems: a scenario file, one seed, a verdict.
///
/// Exit codes: 0 the hypothesis holds, 1 it is refuted, 2 the command line or the file is wrong or a result could not
/// be written, 3 nothing was put to the test, 4 two runs of one seed differed.
#[derive(Parser)]
#[command(name = "partita", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// When to use colours.
    #[arg(long, global = true, default_value = "auto", value_name = "WHEN")]
    color: ColorChoice,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Arguments),
    Compare(compare::Arguments),
    Sweep(sweep::Arguments),
    Collect(collect::Arguments),
    Plot(plot::Arguments),
    Corpus(corpus::Arguments),
    Tolerate(tolerate::Arguments),
    Shrink(shrink::Arguments),
    Explore(explore::Arguments),
    Validate(validate::Arguments),
    List(list::Arguments),
    New(new::Arguments),
    /// Prints the JSON Schema of scenario files, for editors.
    Schema,
    Diff(diff::Arguments),
    Trace(trace::Arguments),
    History(history::Arguments),
}

/// Runs the command line of this process with these kinds of service: all that a user's binary needs.
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     partita::cli::main(partita::scenario::Registry::standard())
/// }
/// ```
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is where the command line is read")]
pub fn main(registry: Registry) -> ExitCode {
    // One answer for both streams: neither a file of results nor one of errors gets colours that nobody asked for.
    let are_terminals = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
    let colour = are_terminals && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let (mut stdout, mut stderr) = (std::io::stdout().lock(), std::io::stderr());
    ExitCode::from(run_with(&registry, std::env::args_os(), &mut stdout, &mut stderr, colour))
}

/// Runs a command line; `arguments` begin with the program's path, whose file stem names it in what is printed. Answers
/// the exit code. `colour` says whether `--color auto` means colours.
pub fn run_with(
    registry: &Registry,
    arguments: impl IntoIterator<Item = OsString>,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
    colour: bool,
) -> u8 {
    let arguments: Vec<_> = arguments.into_iter().collect();
    let program = program(arguments.first());
    let parsed = Arguments::command().bin_name(&program).try_get_matches_from(arguments);
    let mut output = Output { program, stdout, stderr, colour };
    let outcome = match parsed.and_then(|found| Arguments::from_arg_matches(&found)) {
        Ok(Arguments { command, color }) => {
            output.colour = match color {
                ColorChoice::Auto => colour,
                ColorChoice::Always => true,
                ColorChoice::Never => false,
            };
            dispatch(registry, command, &mut output)
        }
        Err(error) if error.use_stderr() => Err(Failure::usage(error.render().to_string())),
        Err(help) => output.say(&help.render().to_string()).map(|()| 0),
    };
    // What was buffered has to reach its place before success is claimed.
    match outcome.and_then(|code| output.flush().map(|()| code)) {
        Ok(code) => code,
        Err(failure) => output.fail(&failure),
    }
}

/// What the program is called, by the path that it was started with.
fn program(path: Option<&OsString>) -> String {
    let stem = path.and_then(|path| Path::new(path).file_stem());
    stem.map_or_else(|| "partita".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

fn dispatch(registry: &Registry, command: Command, output: &mut Output<'_>) -> Result<u8, Failure> {
    match command {
        Command::Run(arguments) => run::run(registry, &arguments, output),
        Command::Compare(arguments) => compare::compare(registry, &arguments, output),
        Command::Sweep(arguments) => sweep::sweep(registry, &arguments, output),
        Command::Collect(arguments) => collect::collect(&arguments, output),
        Command::Plot(arguments) => plot::plot(&arguments, output),
        Command::Corpus(arguments) => corpus::corpus(registry, &arguments, output),
        Command::Tolerate(arguments) => tolerate::tolerate(registry, &arguments, output),
        Command::Shrink(arguments) => shrink::run(registry, &arguments, output),
        Command::Explore(arguments) => explore::explore(registry, &arguments, output),
        Command::Validate(arguments) => validate::validate(registry, &arguments, output),
        Command::List(arguments) => list::list(registry, &arguments, output),
        Command::New(arguments) => new::new(&arguments, output),
        Command::Schema => schema::schema(registry, output),
        Command::Diff(arguments) => diff::diff(&arguments, output),
        Command::Trace(arguments) => trace::trace(&arguments, output),
        Command::History(arguments) => history::history(&arguments, output),
    }
}
