//! A shrunk failure as text: what is left, what did not matter, and the story in steps.

use std::fmt::Write as _;

use crate::explore::Shrunk;
use crate::kernel::Time;
use crate::load::Outcome;
use crate::scenario::Run;

/// How many steps a story shows.
const STEPS: usize = 16;

/// The story of a shrunk failure.
#[must_use]
pub fn shrunk_story(shrunk: &Shrunk) -> String {
    let mut text = String::new();
    let failure = &shrunk.failure;
    let _ = writeln!(text, "{failure}, shrunk in {} runs{}", shrunk.runs, budget(shrunk));
    let _ = writeln!(text, "before     {}", shrunk.before);
    let _ = writeln!(text, "after      {}", shrunk.after);
    if !shrunk.irrelevant.is_empty() {
        let _ = writeln!(text, "irrelevant {}", shrunk.irrelevant.join("; "));
    }
    text.push('\n');
    happened(&mut text, &shrunk.run, STEPS);
    decided(&mut text, &shrunk.run);
    text
}

/// The story of a run that failed before it was shrunk, or after: what decided it, and if that fits what happened.
#[must_use]
pub fn failed_story(run: &Run) -> String {
    let mut text = String::new();
    if steps(run).len() <= STEPS {
        happened(&mut text, run, STEPS);
    }
    decided(&mut text, run);
    text
}

fn happened(text: &mut String, run: &Run, most: usize) {
    let steps = steps(run);
    for (number, (at, step)) in steps.iter().take(most).enumerate() {
        let _ = writeln!(text, "{:>3}. {at}  {step}", number + 1);
    }
    if steps.len() > most {
        let _ = writeln!(text, "     ... and {} more", steps.len() - most);
    }
}

/// What the check says that decided the verdict.
fn decided(text: &mut String, run: &Run) {
    if let Some(check) = run.checks.iter().find(|check| check.verdict == run.verdict) {
        let _ = writeln!(text, "\n{}: {}", check.name, check.explanation);
    }
}

const fn budget(shrunk: &Shrunk) -> &'static str {
    if shrunk.is_exhausted { " (the budget is spent: more might be left out)" } else { "" }
}

/// What happens, by instants: faults start and end, operations begin and are answered.
fn steps(run: &Run) -> Vec<(Time, String)> {
    let mut steps = Vec::new();
    for fault in &run.faults {
        let targets: Vec<_> =
            fault.targets.iter().filter_map(|node| run.names.get(node.0 as usize)).cloned().collect();
        // A fault whose trigger never came did not start.
        let Some(start) = fault.start else { continue };
        steps.push((start, format!("{} \"{}\" hits {}", fault.kind, fault.id, targets.join(", "))));
        if let Some(end) = fault.end {
            steps.push((end, format!("{} \"{}\" is over", fault.kind, fault.id)));
        }
    }
    let history = run.history();
    for operation in &history.operations {
        let id = history.id(operation);
        steps.push((operation.invoked, format!("{id} asks: {}", operation.request)));
        let end = match &operation.outcome {
            Outcome::Ok(value) if operation.request.is_read() => format!("{id} reads {value}"),
            Outcome::Ok(_) => format!("{id} is acknowledged"),
            Outcome::No(value) => format!("{id} is answered no: {value}"),
            Outcome::Fail(reason) => format!("{id} fails: {reason}"),
            Outcome::Info(reason) => format!("{id} ends without an answer: {reason}"),
        };
        steps.push((operation.completed, end));
    }
    steps.sort_by_key(|&(at, _)| at);
    steps
}
