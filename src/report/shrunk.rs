//! A shrunk failure as text: what is left, what did not matter, and the story in steps.

use std::fmt::Write as _;

use serde_json::Value;

use crate::explore::Shrunk;
use crate::fault::FaultReport;
use crate::host::{NodeId, Tag};
use crate::kernel::Time;
use crate::load::{Operation, Outcome};
use crate::scenario::Run;

/// How many steps a story shows.
const STEPS: usize = 14;

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
    happened(&mut text, &shrunk.run);
    decided(&mut text, &shrunk.run);
    text
}

/// The story of a run that failed: what decided it, and if that fits what happened.
#[must_use]
pub fn failed_story(run: &Run) -> String {
    let mut text = String::new();
    if steps(run).len() <= STEPS {
        happened(&mut text, run);
    }
    decided(&mut text, run);
    text
}

fn happened(text: &mut String, run: &Run) {
    let steps = steps(run);
    let width = steps.iter().take(STEPS).map(|step| step.at.to_string().len()).max().unwrap_or(0);
    for (number, step) in steps.iter().take(STEPS).enumerate() {
        let _ = writeln!(text, "{:>3}. {:<width$}  {}", number + 1, step.at.to_string(), step.says);
    }
    if steps.len() > STEPS {
        let _ = writeln!(text, "     ... and {} more", steps.len() - STEPS);
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

/// Something that happens at an instant.
struct Step {
    at: Time,
    says: String,
}

/// What happens, by instants: faults start and end, leaders come, operations begin and end. An operation during which
/// nothing else happens is one step.
fn steps(run: &Run) -> Vec<Step> {
    let mut steps: Vec<Step> = faults(run).chain(leaders(run)).collect();
    let history = run.history();
    let mut instants: Vec<Time> = steps.iter().map(|step| step.at).collect();
    instants.extend(history.operations.iter().flat_map(|operation| [operation.invoked, operation.completed]));
    for operation in &history.operations {
        let Operation { request, invoked, completed, .. } = operation;
        let (id, end) = (history.id(operation), end(operation));
        // Its own two instants are among them.
        let is_alone = instants.iter().filter(|at| (invoked..=completed).contains(at)).count() <= 2;
        if is_alone {
            let says = format!("{id} asks: {request}, and {end} after {}", completed.since(*invoked));
            steps.push(Step { at: *invoked, says });
        } else {
            steps.push(Step { at: *invoked, says: format!("{id} asks: {request}") });
            steps.push(Step { at: *completed, says: format!("{id} {end}") });
        }
    }
    steps.sort_by_key(|step| step.at);
    steps
}

/// How an operation ends, for its id to go before.
fn end(operation: &Operation) -> String {
    match &operation.outcome {
        Outcome::Ok(value) if operation.request.is_read() => format!("reads {}", value.in_brief()),
        Outcome::Ok(_) => "is acknowledged".to_owned(),
        Outcome::No(value) => format!("is answered no: {}", value.in_brief()),
        Outcome::Fail(reason) => format!("fails: {reason}"),
        Outcome::Info(reason) => format!("ends without an answer: {reason}"),
    }
}

fn faults(run: &Run) -> impl Iterator<Item = Step> {
    // A fault whose trigger never came did not start.
    run.faults.iter().filter_map(|fault| Some((fault, fault.start?))).flat_map(|(fault, start)| {
        let says = hit(run, fault);
        let over = fault.end.filter(|&end| end > start);
        let over = over.map(|at| Step { at, says: format!("{} \"{}\" is over", fault.kind, fault.id) });
        [Step { at: start, says }].into_iter().chain(over)
    })
}

/// What a fault does, and to whom.
fn hit(run: &Run, fault: &FaultReport) -> String {
    let entries = run.resolved["faults"].as_array().into_iter().flatten();
    let settings = entries.filter(|entry| entry["id"] == *fault.id).map(|entry| &entry[fault.kind]).next();
    let settings = settings.unwrap_or(&Value::Null);
    if fault.kind == "message" {
        let word = |field: &str| settings[field].as_str().unwrap_or("message");
        let deed = match (settings["delay"].as_str(), settings["duplicate"].as_str()) {
            (Some(delay), _) => format!("takes {delay} longer"),
            (_, Some(after)) => format!("arrives once more after {after}"),
            _ => "is lost".to_owned(),
        };
        let nth = settings["nth"].as_u64().unwrap_or_default();
        return format!("{} {nth} from {} to {} {deed}", word("kind"), word("from"), word("to"));
    }
    let side = |side: &Value| match side.as_array() {
        Some(names) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        None => side.as_str().unwrap_or_default().to_owned(),
    };
    let whom = match settings["groups"].as_array() {
        Some(groups) => groups.iter().map(side).collect::<Vec<_>>().join(" | "),
        None => fault.targets.iter().map(|&node| run.name(node)).collect::<Vec<_>>().join(", "),
    };
    format!("{} \"{}\" hits {whom}", fault.kind, fault.id)
}

/// Who becomes leader, where the trace was kept.
fn leaders(run: &Run) -> impl Iterator<Item = Step> {
    let roles = run.trace.records().iter().filter(|record| Tag::from_number(record.fact.tag) == Some(Tag::Role));
    let leaders = roles.filter(|record| run.trace.label(record.label) == "leader");
    leaders.map(|record| {
        let says = format!("{} becomes leader, epoch {}", run.name(NodeId(record.fact.a)), record.fact.c);
        Step { at: record.fact.time, says }
    })
}
