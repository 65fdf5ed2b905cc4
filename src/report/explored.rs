//! What an exhaustive exploration came to, as text and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::explore::{Exploration, Extent, FoundFailure, Level};

use super::failed_story;

/// The story of an exploration of a scenario with at most `bound` deviations. `files` are where the failures were written, in
/// their order, if they were.
#[must_use]
pub fn exploration_story(
    scenario: &str,
    bound: u32,
    found: &Exploration,
    program: &str,
    files: Option<&[String]>,
) -> String {
    let mut text = String::new();
    let runs = found.runs();
    let _ = writeln!(text, "{scenario}: {runs} {} with up to {bound} {}", runs_of(runs), deviations_of(bound.into()));
    let _ = writeln!(text, "  {:<16}{}", "choices", found.choices);
    let levels: Vec<_> = found.levels.iter().map(level).collect();
    let _ = writeln!(text, "  {:<16}{}", "by deviations", levels.join(", "));
    let verdicts: Vec<_> = found.verdicts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
    let _ = writeln!(text, "  {:<16}{}", "verdicts", verdicts.join(", "));
    let Exploration { digests, outcomes, final_states, .. } = found;
    let _ = writeln!(
        text,
        "  {:<16}{digests} digests, {outcomes} outcomes for clients, {final_states} final states",
        "distinct"
    );
    let _ = writeln!(text, "  {:<16}{}", "looked at", extent(found));
    for (number, failure) in found.failures.iter().enumerate() {
        let FoundFailure { failure, runs, deviations, first } = failure;
        let _ = writeln!(
            text,
            "\n{failure}: {runs} {}, the first with {deviations} {}\n",
            runs_of(*runs),
            deviations_of(u64::from(*deviations))
        );
        text.push_str(&failed_story(first));
        if let Some(file) = files.and_then(|files| files.get(number)) {
            let _ = writeln!(text, "\nlook:     {program} run {file}");
            let _ = writeln!(text, "smaller:  {program} shrink {file} --out smaller.json");
        }
    }
    if !found.failures.is_empty() && files.is_none() {
        text.push_str("\nagain:    the same with --out DIR writes the failing runs as scenarios of their own\n");
    }
    text
}

fn level(level: &Level) -> String {
    let Level { deviations, runs, is_complete } = level;
    format!("{deviations}: {runs}{}", if *is_complete { "" } else { " of more" })
}

/// What was looked at and what was not, in words.
fn extent(found: &Exploration) -> String {
    let last = found.levels.last().map_or(0, |level| level.deviations);
    let complete = found.levels.iter().filter(|level| level.is_complete).map(|level| level.deviations).max();
    let not = match complete {
        Some(deviations) => format!("not all with more than {deviations}"),
        None => "not even the scenario's own".to_owned(),
    };
    match found.extent {
        Extent::Exhausted if found.levels.last().is_some_and(|level| level.runs == 0) => {
            format!("every run: none has {last} deviations")
        }
        Extent::Exhausted => format!("every run with up to {last} {}", deviations_of(last.into())),
        Extent::BudgetSpent => format!("{not}: the budget is spent"),
        Extent::Interrupted => format!("{not}: it was interrupted"),
    }
}

const fn runs_of(count: u64) -> &'static str {
    if count == 1 { "run" } else { "runs" }
}

const fn deviations_of(count: u64) -> &'static str {
    if count == 1 { "deviation" } else { "deviations" }
}

/// The same as one document.
#[must_use]
pub fn exploration_document(scenario: &str, bound: u32, found: &Exploration, files: Option<&[String]>) -> Value {
    let level =
        |level: &Level| json!({ "deviations": level.deviations, "runs": level.runs, "complete": level.is_complete });
    let failure = |(number, found): (usize, &FoundFailure)| {
        let mut failure = json!({
            "check": found.failure.name(),
            "class": found.failure.class,
            "runs": found.runs,
            "deviations": found.deviations,
            "digest": format!("{:016x}", found.first.digest().value()),
            "scenario": found.first.resolved,
        });
        if let Some(file) = files.and_then(|files| files.get(number)) {
            failure["file"] = json!(file);
        }
        failure
    };
    json!({
        "version": 1,
        "scenario": scenario,
        "bound": bound,
        "extent": match found.extent {
            Extent::Exhausted => "exhausted",
            Extent::BudgetSpent => "budget spent",
            Extent::Interrupted => "interrupted",
        },
        "choices": found.choices,
        "runs": found.runs(),
        "levels": found.levels.iter().map(level).collect::<Vec<_>>(),
        "verdicts": found.verdicts,
        "distinct": { "digests": found.digests, "outcomes": found.outcomes, "final_states": found.final_states },
        "failures": found.failures.iter().enumerate().map(failure).collect::<Vec<_>>(),
    })
}
