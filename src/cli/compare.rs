//! `partita compare`: two scenarios side by side.

use clap::Args;

use crate::report::{Onlooker, Side, side_by_side, side_by_side_document};
use crate::scenario::{Registry, Run, RunOptions, Scenario};

use super::files;
use super::output::{Failure, Output};
use super::run::{Format, WIDTH, quietly};

/// Runs two scenarios with one seed, and shows where they differ.
///
/// Exit code: that of the graver of the two verdicts.
#[derive(Args)]
pub(super) struct Arguments {
    /// A scenario file, or the name of a bundled scenario.
    #[arg(value_name = "FILE|NAME")]
    one: String,
    /// Another.
    #[arg(value_name = "FILE|NAME")]
    other: String,
    /// The seed of both; without it, the first file's.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    seed: Option<u64>,
    /// Changes one value of both files: a JSON Pointer and a JSON text, as in /network/loss="5%".
    #[arg(long = "set", value_name = "/POINTER=JSON")]
    changes: Vec<String>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

pub(super) fn compare(registry: &Registry, arguments: &Arguments, output: &mut Output<'_>) -> Result<u8, Failure> {
    let Arguments { one, other, seed, changes, format } = arguments;
    both(registry, [one, other], *seed, changes, *format, output)
}

/// Runs two scenarios and shows them.
pub(super) fn both(
    registry: &Registry,
    names: [&String; 2],
    seed: Option<u64>,
    changes: &[String],
    format: Format,
    output: &mut Output<'_>,
) -> Result<u8, Failure> {
    let one = files::scenario(registry, names[0], changes)?;
    let other = files::scenario(registry, names[1], changes)?;
    let seed = seed.unwrap_or(one.seed);
    if seed != other.seed {
        output.hint(&format!("both run with seed {seed}; {} alone runs with {}", names[1], other.seed));
    }
    let run = |scenario: &Scenario| -> Result<Run, Failure> {
        Ok(quietly(|| scenario.run(RunOptions { seed, keep_trace: false }))?.0)
    };
    let runs = [run(&one)?, run(&other)?];
    let side = |name, scenario, run| Side { name, scenario, run };
    let sides = [side(names[0], &one, &runs[0]), side(names[1], &other, &runs[1])];
    match format {
        Format::Json => output.say(&format!("{:#}\n", side_by_side_document(sides)))?,
        Format::Human => {
            let options: Vec<_> = changes.iter().flat_map(|change| ["--set", change]).collect();
            let onlooker =
                Onlooker { program: &output.program, width: WIDTH, colour: output.colour, options: &options };
            let text = side_by_side(sides, &onlooker);
            output.say(&text)?;
        }
    }
    Ok(runs[0].verdict.and(runs[1].verdict).exit_code())
}
