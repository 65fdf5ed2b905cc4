//! `partita trace`: what a saved trace says.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::kernel::Time;
use crate::report::{Selection, TraceFile, TraceForm, why};
use crate::scenario::duration;

use super::files;
use super::output::{Failure, Output};

/// Prints the events of a trace, why one of them happened, or the trace in another form.
///
/// Traces are written by `run --trace binary=PATH`, or into the folder of `--out`.
#[derive(Args)]
pub(super) struct Arguments {
    /// A trace.
    #[arg(value_name = "TRACE")]
    trace: PathBuf,
    /// Only what this node or client does, or what comes from it. May be repeated, as the next two.
    #[arg(long = "node", value_name = "NAME")]
    nodes: Vec<String>,
    /// Only events of this kind (`deliver`, `drop`, `request`, `crash` ...), or about messages of this kind.
    #[arg(long = "kind", value_name = "KIND")]
    kinds: Vec<String>,
    /// Only what belongs to this operation of a client (`shoppers-17`): its calls, and what they led to.
    #[arg(long = "operation", value_name = "ID")]
    operations: Vec<String>,
    /// Only from this instant on, as in 1.5s.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    from: Option<Time>,
    /// Only before this instant.
    #[arg(long, value_name = "TIME", value_parser = instant)]
    until: Option<Time>,
    /// What led to the event of this number, the first cause first.
    #[arg(long, value_name = "EVENT", conflicts_with_all = ["form", "nodes", "kinds", "operations", "from", "until"])]
    why: Option<usize>,
    /// How many causes `--why` shows; 0 for all.
    #[arg(long, value_name = "N", default_value_t = 20, requires = "why")]
    depth: usize,
    /// The trace in another form: jsonl, chrome (for Perfetto too), otlp, shiviz, or dot (the topology, for Graphviz). Only jsonl
    /// can be narrowed down.
    #[arg(long = "as", value_name = "FORM", value_parser = form)]
    form: Option<TraceForm>,
}

fn instant(text: &str) -> Result<Time, String> {
    duration(text).map(|span| Time::ZERO + span)
}

fn form(text: &str) -> Result<TraceForm, String> {
    TraceForm::named(text).ok_or_else(|| format!("it is one of {}", form_names()))
}

/// The names of the forms, for messages.
pub(super) fn form_names() -> String {
    TraceForm::ALL.map(TraceForm::name).join(", ")
}

pub(super) fn trace(arguments: &Arguments, output: &mut Output<'_>) -> Result<u8, Failure> {
    let file = read(&arguments.trace)?;
    let selection = Selection {
        nodes: arguments.nodes.clone(),
        kinds: arguments.kinds.clone(),
        from: arguments.from.unwrap_or(Time::ZERO),
        until: arguments.until,
        operations: arguments.operations.clone(),
    };
    if let Some(mistake) = selection.mistake(&file) {
        return Err(Failure::usage(format!("error: {mistake}")));
    }
    let text = match (arguments.why, arguments.form) {
        (Some(event), _) => why(&file, event, arguments.depth).ok_or_else(|| {
            let count = file.len();
            Failure::usage(format!("error: --why {event}: the trace has {count} events, which are numbered from 0"))
        })?,
        (None, None) => selection.lines(&file),
        (None, Some(TraceForm::Jsonl)) => selection.jsonl(&file),
        (None, Some(form)) if selection == Selection::default() => form.write(&file),
        (None, Some(form)) => {
            let says = format!("error: --as {}: only jsonl can be narrowed down", form.name());
            return Err(Failure::usage(says));
        }
    };
    output.say(&text)?;
    Ok(0)
}

/// Reads a saved trace.
pub(super) fn read(path: &Path) -> Result<TraceFile, Failure> {
    let bytes = files::read(path)?;
    TraceFile::decode(&bytes).map_err(|error| {
        let hint = "traces are written by `partita run ... --trace binary=PATH`";
        Failure::usage(format!("error: cannot read the trace {}: {error}; {hint}", path.display()))
    })
}
