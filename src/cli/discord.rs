//! Two runs of one scenario and seed that differ: what the commands say that come upon them.

use serde_json::json;

use crate::check::Verdict;
use crate::explore::Difference;
use crate::report::{TraceFile, difference, document, shell_word};
use crate::scenario::Run;

use super::output::{Failure, Output};
use super::run::Format;

/// Which runs those are.
#[derive(Clone, Copy)]
pub(super) struct Discordant<'a> {
    /// What the scenario is called.
    pub(super) name: &'a str,
    /// What it was changed by: `/pointer=JSON`.
    pub(super) changes: &'a [String],
    /// Both, with their traces; the verdict of the first says that it is nondeterministic.
    pub(super) runs: [&'a Run; 2],
    pub(super) found: &'a Difference,
}

/// Shows the first event that differs, with what led to it in both runs; answers the exit code. `again` is the command that
/// makes the two runs once more, where it is another than the one that was typed.
pub(super) fn report(
    of: Discordant<'_>,
    again: Option<&str>,
    format: Format,
    output: &mut Output<'_>,
) -> Result<u8, Failure> {
    let Discordant { name, changes, runs: [one, other], found } = of;
    let trace = |run: &Run| TraceFile::of(name, run);
    let parts = trace(one).zip(trace(other)).and_then(|(one, other)| difference(&one, &other)).unwrap_or_default();
    match format {
        Format::Json => {
            let mut document = document(name, one);
            document["changes"] = json!(changes);
            document["difference"] = json!({ "what": found.what, "event": found.event, "story": parts });
            output.say(&format!("{document:#}\n"))?;
        }
        Format::Human => {
            let set: Vec<_> = changes.iter().map(|change| change.replacen('=', " = ", 1)).collect();
            let at = if set.is_empty() { String::new() } else { format!(" with {}", set.join(", ")) };
            let again = again.map_or_else(String::new, |command| format!("\nlook:  {command}\n"));
            output.say(&format!(
                "NONDETERMINISTIC\n\nTwo runs of seed {}{at} differ in {}.\n{parts}\nA node draws on something outside its \
                 context: a clock, a static, an address, a hash map's order.\n{again}",
                one.seed,
                found.what.join(", "),
            ))?;
        }
    }
    Ok(Verdict::Nondeterministic.exit_code())
}

/// The command that makes both runs again and compares them.
pub(super) fn again(program: &str, name: &str, seed: u64, changes: &[String]) -> String {
    let seed = seed.to_string();
    let changes = changes.iter().flat_map(|change| ["--set", change]);
    let words = [program, "run", name, "--seed", &seed].into_iter().chain(changes).chain(["--check-determinism"]);
    words.map(shell_word).collect::<Vec<_>>().join(" ")
}
