//! A shrunk failure as text: what is left, what did not matter, and the story in steps.

use std::fmt::Write as _;

use serde_json::Value;

use crate::explore::Shrunk;
use crate::fault::FaultReport;
use crate::host::{NodeId, Tag};
use crate::kernel::Time;
use crate::load::{Operation, Outcome};
use crate::scenario::Run;

/// How many steps a story shows, unless more are needed; and how many of the last ones are.
const STEPS: usize = 14;
const LAST: usize = 4;

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
    let shown = shown(&steps);
    let width = shown.iter().map(|&place| steps[place].at.to_string().len()).max().unwrap_or(0);
    let mut next = 0;
    for place in shown {
        if place > next {
            let _ = writeln!(text, "     ... {} more", place - next);
        }
        let step = &steps[place];
        let _ = writeln!(text, "{:>3}. {:<width$}  {}", place + 1, step.at.to_string(), step.says);
        next = place + 1;
    }
}

/// Which steps a story shows: those that it needs and the last ones, and for as long as there is room the first ones, too.
fn shown(steps: &[Step]) -> Vec<usize> {
    let is_needed = |place: usize| steps[place].is_needed || place + LAST >= steps.len();
    let needed = (0..steps.len()).filter(|&place| is_needed(place)).count();
    let mut room = STEPS.saturating_sub(needed);
    let mut has_room = |place: usize| {
        let has_room = !is_needed(place) && room > 0;
        room -= usize::from(has_room);
        has_room
    };
    (0..steps.len()).filter(|&place| is_needed(place) || has_room(place)).collect()
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
    /// Whether it is of a fault, or of an operation that the check names.
    is_needed: bool,
}

/// What happens, by instants: faults start and end, leaders come, operations begin and end. An operation during which
/// nothing else happens is one step.
fn steps(run: &Run) -> Vec<Step> {
    let mut steps: Vec<Step> = faults(run).chain(leaders(run)).collect();
    let history = run.history();
    let mut instants: Vec<Time> = steps.iter().map(|step| step.at).collect();
    instants.extend(history.operations.iter().flat_map(|operation| [operation.invoked, operation.completed]));
    let deciding = run.checks.iter().find(|check| check.verdict == run.verdict);
    let named = deciding.map(|check| check.operations.as_slice()).unwrap_or_default();
    for (place, operation) in history.operations.iter().enumerate() {
        let is_needed = named.contains(&place);
        let Operation { request, invoked, completed, .. } = operation;
        let (id, end) = (history.id(operation), end(operation));
        // Its own two instants are among them.
        let is_alone = instants.iter().filter(|at| (invoked..=completed).contains(at)).count() <= 2;
        if is_alone {
            let says = format!("{id} asks: {request}, and {end} after {}", completed.since(*invoked));
            steps.push(Step { at: *invoked, says, is_needed });
        } else {
            steps.push(Step { at: *invoked, says: format!("{id} asks: {request}"), is_needed });
            steps.push(Step { at: *completed, says: format!("{id} {end}"), is_needed });
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
        let over =
            over.map(|at| Step { at, says: format!("{} \"{}\" is over", fault.kind, fault.id), is_needed: true });
        [Step { at: start, says, is_needed: true }].into_iter().chain(over)
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
        Step { at: record.fact.time, says, is_needed: false }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scenario::{Registry, RunOptions, Scenario};

    /// The end of a story is what it is told for, and so are faults and the operations that the check names.
    #[test]
    fn a_long_story_loses_its_middle() {
        let check = |count: usize, needed: &[usize], expected: &[std::ops::RangeInclusive<usize>]| {
            let step = |place| Step { at: Time::ZERO, says: String::new(), is_needed: needed.contains(&place) };
            let steps: Vec<_> = (0..count).map(step).collect();
            let expected: Vec<_> = expected.iter().cloned().flatten().collect();
            assert_eq!(shown(&steps), expected, "{count} steps, of which {needed:?} are needed");
        };
        check(0, &[], &[]);
        check(STEPS, &[3], &[0..=13]);
        check(30, &[], &[0..=9, 26..=29]);
        check(30, &[15, 2, 28], &[0..=8, 15..=15, 26..=29]);
        let many: Vec<_> = (5..25).collect();
        check(30, &many, &[5..=24, 26..=29]);
    }

    /// Of twenty writes and a read, with a fault in their midst, the check names the read at the end.
    #[test]
    fn a_story_ends_with_what_the_check_is_about() {
        let mut script: Vec<_> = (0..40)
            .map(|number| json!({ "number": number, "at": format!("{}ms", 10 * (number + 1)), "write": { "key": 0, "value": number } }))
            .collect();
        script.push(json!({ "number": 40, "at": "900ms", "read": { "key": 0 } }));
        let text = json!({
            "version": 1, "title": "Forgotten", "duration": "1s",
            "services": { "store": { "single": { "sync": "never", "without": ["sync_before_ack"] } } },
            "clients": { "a": { "calls": "store", "operations": { "script": script } } },
            "faults": [{ "id": "power", "restart": { "where": ["store-0"], "at": "205ms", "after": "1ms", "disk_keeps": "nothing" } },
                { "id": "again", "restart": { "where": ["store-0"], "at": "800ms", "after": "1ms", "disk_keeps": "nothing" } }],
            "hypothesis": { "always": ["linearizable"] }
        });
        let scenario = Scenario::parse("story", text.to_string().as_bytes(), &Registry::standard())
            .unwrap_or_else(|problems| panic!("{problems}"));
        let run = scenario.run(RunOptions { seed: 1, keep_trace: true }).expect("a run");
        let mut text = String::new();
        happened(&mut text, &run);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].contains("  1. ") && lines[0].contains("a-0 asks: write"), "{text}");
        assert!(lines.iter().filter(|line| line.contains(" hits store-0")).count() == 2, "{text}");
        assert!(lines.iter().any(|line| line.starts_with("     ... ")), "{text}");
        assert!(lines.last().is_some_and(|line| line.contains("a-40 asks: read")), "{text}");
        let named = run.checks.iter().find(|check| check.verdict == run.verdict).expect("it decides");
        for &place in &named.operations {
            let id = run.history().id(&run.history().operations[place]);
            assert!(text.contains(&format!("{id} asks")), "{id} in {text}");
        }
    }
}
