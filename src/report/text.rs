//! The text report: a story that fits a screen. What was asked, what broke and what that touched, each expectation
//! with what was observed, the events that explain a refutation, the next commands.

use std::fmt::Write as _;

use crate::check::{Check, Quantity, Subject, Verdict};
use crate::kernel::Span;
use crate::load::{Operation, Outcome};
use crate::scenario::{Run, Scenario};

use super::figures::{quantity, words};

/// For whom a story is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Audience<'a> {
    /// The program that it types commands to.
    pub program: &'a str,
    /// What they call the scenario on the command line.
    pub scenario: &'a str,
    /// The columns of their terminal.
    pub width: usize,
    /// Whether it shows colours.
    pub colour: bool,
    /// What else they said on the command line, word by word, to be said again in the next commands.
    pub options: &'a [&'a str],
}

/// How many operations of a refutation are shown.
const SHOWN: usize = 6;

/// The story of a run.
#[must_use]
pub fn story(scenario: &Scenario, run: &Run, audience: &Audience<'_>) -> String {
    let mut text = String::new();
    let paint = Paint(audience.colour);
    let _ = writeln!(text, "{}  ({}, seed {})", paint.bold(&scenario.title), audience.scenario, run.seed);
    wrap(&mut text, &scenario.story, "  ", audience.width);
    if !scenario.question.is_empty() {
        wrap(&mut text, &format!("Predict first: {}", scenario.question), "  ", audience.width);
    }
    text.push('\n');
    happened(&mut text, scenario, run);
    if let Some(chaos) = &run.chaos {
        wrap(&mut text, chaos, "", audience.width);
    }
    broke(&mut text, run);
    took(&mut text, run, audience);
    judged(&mut text, run, audience, paint);
    let _ = writeln!(text, "\n{}  digest {:016x}", verdict(run.verdict, paint), run.digest().value());
    next_commands(&mut text, run, audience);
    text
}

fn happened(text: &mut String, scenario: &Scenario, run: &Run) {
    for (name, service) in scenario.services() {
        let replicas = service.replicas();
        let _ = writeln!(
            text,
            "runs      {name}: {} of {}",
            count(u64::from(replicas), "replica"),
            service_kind(scenario, name)
        );
    }
    let all = run.load_operations().len() as u64;
    let never = match run.recording.never_started() {
        0 => String::new(),
        never => format!(", {never} never started"),
    };
    let _ = writeln!(
        text,
        "asked     {} in {}: {} ok, {} no, {} failed, {} unknown{never}",
        count(all, "operation"),
        scenario.duration,
        of(run, |outcome| matches!(outcome, Outcome::Ok(_))),
        of(run, |outcome| matches!(outcome, Outcome::No(_))),
        of(run, |outcome| matches!(outcome, Outcome::Fail(_))),
        of(run, |outcome| matches!(outcome, Outcome::Info(_))),
    );
    if run.final_reads > 0 {
        let _ = writeln!(text, "          {} when all was over", count(run.final_reads as u64, "final read"));
    }
    let by_design = run.unavailable_by_design.iter().filter(|&&by_design| by_design).count();
    if by_design > 0 {
        let _ =
            writeln!(text, "          {by_design} could not be served while they were open: unavailable by design");
    }
    let _ = writeln!(text, "          {}", served(run, &Subject::Run));
    measured(text, scenario, run);
    let census = &run.census;
    let dropped: u64 = census.dropped.values().sum();
    let causes: Vec<_> = census.dropped.iter().map(|(cause, count)| format!("{cause} {count}")).collect();
    let causes = if causes.is_empty() { String::new() } else { format!(" ({})", causes.join(", ")) };
    let _ = writeln!(
        text,
        "network   {} sent, {} duplicated, {} delivered, {dropped} dropped{causes}, {} in flight",
        count(census.sent, "message"),
        census.duplicated,
        census.delivered,
        census.in_flight
    );
}

/// Availability and latency.
fn served(run: &Run, subject: &Subject) -> String {
    let said = |name| words(quantity(run, name, subject));
    format!(
        "availability {}, latency p50 {}, p99 {}, max {}",
        said("availability"),
        said("latency_p50"),
        said("latency_p99"),
        said("latency_max")
    )
}

/// How each client was served, where that may differ, and what became of the data of each service.
fn measured(text: &mut String, scenario: &Scenario, run: &Run) {
    for figure in run.figures.iter().filter(|figure| figure.name == "availability") {
        match &figure.subject {
            Subject::Client(client) if run.history().clients.len() > 1 => {
                let _ = writeln!(text, "          {client}: {}", served(run, &figure.subject));
            }
            Subject::ClientDuringFaults(client) => {
                let _ = writeln!(text, "          {client} during faults: {}", served(run, &figure.subject));
            }
            _ => {}
        }
    }
    for (name, _) in scenario.services() {
        let of = |figure| quantity(run, figure, &Subject::Service(name.to_owned()));
        let (Quantity::Count(stale), Quantity::Count(lost), Quantity::Count(conflicting)) =
            (of("stale_reads"), of("lost_writes"), of("conflicting_reads"))
        else {
            continue;
        };
        let by = if stale == 0 { String::new() } else { format!(" (by {} at most)", words(of("stale_by_at_most"))) };
        let fresh = match of("t_visibility_p999") {
            Quantity::Time(Span::ZERO) => Some("99.9% of reads fresh at once".to_owned()),
            Quantity::Time(after) => Some(format!("99.9% of reads fresh after {}", words(Quantity::Time(after)))),
            _ => None,
        };
        let converged = match of("converged_after") {
            Quantity::Time(Span::ZERO) => Some("replicas equal when all had healed".to_owned()),
            Quantity::Time(after) => Some(format!("replicas equal {after} after all had healed")),
            Quantity::Never => Some("replicas differ at the end".to_owned()),
            _ => None,
        };
        let (stale, lost) = (count(stale, "stale read"), count(lost, "lost write"));
        let _ = writeln!(text, "data      {name}: {stale}{by}, {lost}, {}", count(conflicting, "conflicting read"));
        let more: Vec<_> = fresh.into_iter().chain(converged).collect();
        if !more.is_empty() {
            let _ = writeln!(text, "          {}", more.join(", "));
        }
    }
}

fn service_kind<'a>(scenario: &'a Scenario, name: &str) -> &'a str {
    let service = scenario.resolved["services"][name].as_object();
    let kind = |key: &&String| !matches!(key.as_str(), "host" | "note");
    service.and_then(|service| service.keys().find(kind)).map_or("?", String::as_str)
}

/// What broke.
pub(super) fn broke(text: &mut String, run: &Run) {
    for (index, fault) in run.faults.iter().enumerate() {
        let head = if index == 0 { "broke" } else { "" };
        let Some(start) = fault.start else {
            let _ = writeln!(text, "{head:<9} {} \"{}\" was never triggered", fault.kind, fault.id);
            continue;
        };
        let names: Vec<_> = fault.targets.iter().map(|&node| run.name(node)).collect();
        let end = fault.end.map_or("the end".to_owned(), |end| end.to_string());
        let _ = writeln!(
            text,
            "{head:<9} {} \"{}\" from {} to {end}: {}; touched {}{}",
            fault.kind,
            fault.id,
            start,
            if names.is_empty() { "nobody".to_owned() } else { names.join(", ") },
            count(fault.touched, "time"),
            if fault.touched > 0 { format!(" ({})", fault.tally) } else { String::new() },
        );
    }
}

/// What stands before the lines below the first of a paragraph.
const COLUMN: &str = "          ";

/// How often nodes did the rare things of the points that were switched on, where they did any.
fn took(text: &mut String, run: &Run, audience: &Audience<'_>) {
    let taken = run.points.iter().filter(|(_, point)| point.taken > 0);
    let taken: Vec<_> = taken.map(|(name, point)| format!("{name} {} of {}", point.taken, point.passed)).collect();
    let mut lines = String::new();
    wrap(&mut lines, &taken.join(", "), COLUMN, audience.width);
    if let Some(rest) = lines.strip_prefix(COLUMN) {
        let _ = write!(text, "points    {rest}");
    }
}

fn judged(text: &mut String, run: &Run, audience: &Audience<'_>, paint: Paint) {
    text.push('\n');
    for check in &run.checks {
        let mark = match check.verdict {
            Verdict::Holds => paint.green("holds       "),
            Verdict::Refuted(_) => paint.red("refuted     "),
            _ => paint.yellow("inconclusive"),
        };
        let _ = writeln!(
            text,
            "{mark}  {:<6}  {}: {}; expected {}",
            check.phase, check.name, check.observed, check.expected
        );
        if check.verdict != Verdict::Holds {
            wrap(text, &check.explanation, "              ", audience.width);
            evidence(text, run, check);
            prefix(text, run, check, audience.width);
        }
    }
    for note in &run.notes {
        wrap(text, &format!("note: {note}"), "", audience.width);
    }
}

/// The operations that explain a refutation, in the order of their start.
fn evidence(text: &mut String, run: &Run, check: &Check) {
    if !matches!(check.verdict, Verdict::Refuted(_)) {
        return;
    }
    let history = run.history();
    let mut shown: Vec<_> = check.operations.iter().take(SHOWN).copied().collect();
    shown.sort_unstable();
    shown.dedup();
    for operation in shown.into_iter().filter_map(|index| history.operations.get(index)) {
        let _ = writeln!(
            text,
            "                {:>12} .. {:<12} {:<14} {} {}",
            operation.invoked.to_string(),
            operation.completed.to_string(),
            history.id(operation),
            operation.request,
            outcome(operation)
        );
    }
}

/// How far an object went well that is not linearizable, and what could not follow.
fn prefix(text: &mut String, run: &Run, check: &Check, width: usize) {
    let story = check.prefix.as_ref().map(|prefix| prefix.story(run.history())).unwrap_or_default();
    for (place, line) in story.iter().enumerate() {
        wrap(text, line, if place == 0 { "              " } else { "                " }, width);
    }
}

fn outcome(operation: &Operation) -> String {
    match &operation.outcome {
        Outcome::Ok(value) if operation.request.is_read() => format!("-> {}", value.in_brief()),
        Outcome::Ok(_) => "-> ok".to_owned(),
        Outcome::No(value) => format!("-> no: found {value}"),
        Outcome::Fail(reason) => format!("-> failed: {reason}"),
        Outcome::Info(reason) => format!("-> unknown: {reason}"),
    }
}

/// A verdict as a headline.
pub(super) fn verdict(verdict: Verdict, paint: Paint) -> String {
    let word = verdict.name().to_uppercase();
    match verdict {
        Verdict::Holds => paint.green(&word),
        Verdict::Refuted(class) => format!("{} ({class})", paint.red(&word)),
        _ => paint.yellow(&word),
    }
}

fn next_commands(text: &mut String, run: &Run, audience: &Audience<'_>) {
    if run.verdict == Verdict::Holds {
        return;
    }
    let seed = run.seed.to_string();
    let Audience { program, scenario, options, .. } = audience;
    let words = [program, "run", scenario, "--seed", &seed].into_iter().chain(options.iter().copied());
    let again = words.map(shell_word).collect::<Vec<_>>().join(" ");
    let _ = writeln!(text, "again:    {again}");
    let _ = writeln!(text, "look:     {again} --trace jsonl=trace.jsonl");
    let _ = writeln!(text, "keep:     {again} --out results");
}

/// A word as a POSIX shell reads it: in single quotes if anything in it could mean something else.
pub(crate) fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn of(run: &Run, is: fn(&Outcome) -> bool) -> usize {
    run.load_operations().iter().filter(|operation| is(&operation.outcome)).count()
}

fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Writes prose in lines of at most `width` columns, each after `indent`.
pub(super) fn wrap(text: &mut String, prose: &str, indent: &str, width: usize) {
    let mut line = String::new();
    for word in prose.split_whitespace() {
        if !line.is_empty() && indent.len() + line.chars().count() + 1 + word.chars().count() > width {
            let _ = writeln!(text, "{indent}{line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        let _ = writeln!(text, "{indent}{line}");
    }
}

/// Colours, if there are any (ECMA-48 select graphic rendition).
#[derive(Clone, Copy)]
pub(super) struct Paint(pub(super) bool);

impl Paint {
    fn with(self, code: u8, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.with(1, text)
    }

    fn red(self, text: &str) -> String {
        self.with(31, text)
    }

    fn green(self, text: &str) -> String {
        self.with(32, text)
    }

    fn yellow(self, text: &str) -> String {
        self.with(33, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_shell() {
        let check = |word: &str, expected: &str| assert_eq!(shell_word(word), expected);
        check("first/one-node", "first/one-node");
        check("/seed=7", "/seed=7");
        check("", "''");
        check("my file.json", "'my file.json'");
        check("/title=\"it's\"", "'/title=\"it'\\''s\"'");
        check("$HOME", "'$HOME'");
    }

    #[test]
    fn prose_is_broken_into_lines() {
        let mut text = String::new();
        wrap(&mut text, "a bc  def\nghij k", "  ", 8);
        assert_eq!(text, "  a bc\n  def\n  ghij k\n");
    }
}
