//! Two scenarios under the same seeds, as text and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::explore::{Estimate, Paired, PairedFigure, Unit, rate};
use crate::kernel::Span;

use super::figures::rounded;
use super::json::integer;
use super::sweep::{estimate, percentages};
use super::text::shell_word;

/// What two scenarios are called, and how they were run.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// What the program is called.
    pub program: &'a str,
    /// What the scenarios are called.
    pub names: [&'a str; 2],
    /// What both were changed by: `/pointer=JSON`.
    pub changes: &'a [String],
    /// The confidence of the intervals, between 0 and 1.
    pub confidence: f64,
}

/// How many seeds of a list are shown.
const SEEDS_SHOWN: usize = 12;

/// The comparison as text.
#[must_use]
pub fn paired_story(pair: Pair<'_>, paired: &Paired) -> String {
    let mut text = String::new();
    let [one, other] = pair.names;
    let _ = writeln!(text, "A  {one}\nB  {other}\n{} seeds, each under both\n", paired.seeds);
    holding(&mut text, pair, paired);
    figures(&mut text, pair, paired);
    let _ = write!(text, "the same under every seed: {} figures", paired.same);
    if !paired.one_sided.is_empty() {
        let _ = write!(text, "; only one has {}", paired.one_sided.join(", "));
    }
    text.push('\n');
    let changed = paired.verdicts.iter().find(|((one, other), _)| one != other);
    let seed = changed.or(paired.verdicts.iter().next()).and_then(|(_, seeds)| seeds.first());
    if let Some(seed) = seed {
        let seed = seed.to_string();
        let options = pair.changes.iter().flat_map(|change| ["--set", change]);
        let words = [pair.program, "compare", one, other, "--seed", &seed].into_iter().chain(options);
        let _ = writeln!(text, "\nlook:  {}", words.map(shell_word).collect::<Vec<_>>().join(" "));
    }
    text
}

fn holding(text: &mut String, pair: Pair<'_>, paired: &Paired) {
    let counts = &paired.holding;
    let held = [counts.both + counts.first, counts.both + counts.second];
    for (letter, held) in ["A", "B"].into_iter().zip(held) {
        if let Some(rate) = rate(held, paired.seeds, pair.confidence) {
            let _ = writeln!(text, "{letter} holds    {}", percentages(&rate, pair.confidence));
        }
    }
    if let Some(difference) = counts.difference(pair.confidence) {
        let p = counts.p_value();
        let _ = writeln!(
            text,
            "B - A      {}; McNemar's test: p {}",
            percentages(&difference, pair.confidence),
            if p < 1e-4 { "< 0.0001".to_owned() } else { format!("= {p:.4}") }
        );
    }
    let _ = writeln!(text, "the verdict changes under {} of {} seeds", paired.changed(), paired.seeds);
    for ((one, other), seeds) in paired.verdicts.iter().filter(|((one, other), _)| one != other) {
        let shown: Vec<_> = seeds.iter().take(SEEDS_SHOWN).map(u64::to_string).collect();
        let more = if seeds.len() > SEEDS_SHOWN { " ..." } else { "" };
        let _ = writeln!(text, "  {one} -> {other}: {} (seeds {}{more})", seeds.len(), shown.join(", "));
    }
    text.push('\n');
}

fn figures(text: &mut String, pair: Pair<'_>, paired: &Paired) {
    if paired.figures.is_empty() {
        return;
    }
    let interval = format!("{}% interval", pair.confidence * 1e2);
    let mut table = vec![["mean of a run".to_owned(), "A".into(), "B".into(), "B - A".into(), interval]];
    table.extend(paired.figures.iter().map(cells));
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let [name, a, b, difference] = [0, 1, 2, 3].map(width);
    for [column, one, other, by, interval] in &table {
        let line = format!("{column:<name$}  {one:>a$}  {other:>b$}  {by:>difference$}  {interval}");
        let _ = writeln!(text, "{}", line.trim_end());
    }
    if paired.figures.iter().any(|figure| figure.is_clear) {
        text.push_str(
            "* not zero even if the intervals of all these figures are to be right together (Bonferroni)\n",
        );
    }
}

fn cells(figure: &PairedFigure) -> [String; 5] {
    let PairedFigure { column, unit, pairs, without, means, difference, is_clear } = figure;
    let in_words = |value: f64| words(value, *unit);
    let Estimate { value, low, high } = *difference;
    let mut interval = if low.is_finite() { format!("{} to {}", in_words(low), in_words(high)) } else { "-".into() };
    if *is_clear {
        interval += " *";
    }
    if *without != [0, 0] {
        let _ = write!(interval, " ({pairs} pairs; without a number: A {}, B {})", without[0], without[1]);
    }
    [column.clone(), in_words(means[0]), in_words(means[1]), in_words(value), interval]
}

/// A number with its unit, rounded to be read.
pub(super) fn words(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Count if value.fract() == 0.0 => format!("{value}"),
        Unit::Count => format!("{value:.2}"),
        Unit::Share => format!("{:.3}%", value * 1e2),
        Unit::Time => {
            let sign = if value < 0.0 { "-" } else { "" };
            format!("{sign}{}", rounded(Span::from_nanos(value.abs() as u64)))
        }
    }
}

/// The comparison as one JSON document.
#[must_use]
pub fn paired_document(pair: Pair<'_>, paired: &Paired) -> Value {
    let counts = &paired.holding;
    let holds = |held: u64| rate(held, paired.seeds, pair.confidence).as_ref().map(estimate);
    let change = |((one, other), seeds): (&(String, String), &Vec<u64>)| {
        let seeds: Vec<_> = seeds.iter().map(|&seed| integer(seed)).collect();
        json!({ "verdicts": [one, other], "seeds": seeds })
    };
    json!({
        "version": 1,
        "scenarios": pair.names,
        "confidence": pair.confidence,
        "seeds": integer(paired.seeds),
        "holding": {
            "rates": [holds(counts.both + counts.first), holds(counts.both + counts.second)],
            "difference": counts.difference(pair.confidence).as_ref().map(estimate),
            "both": integer(counts.both),
            "first_alone": integer(counts.first),
            "second_alone": integer(counts.second),
            "neither": integer(counts.neither),
            "mcnemar_p": counts.p_value(),
        },
        "changed": paired.changed(),
        "verdicts": paired.verdicts.iter().map(change).collect::<Vec<_>>(),
        "figures": paired.figures.iter().map(figure).collect::<Vec<_>>(),
        "same": paired.same,
        "one_sided": paired.one_sided,
    })
}

fn figure(figure: &PairedFigure) -> Value {
    json!({
        "name": figure.column,
        "pairs": integer(figure.pairs),
        "without": figure.without,
        "means": figure.means,
        "difference": estimate(&figure.difference),
        "clear": figure.is_clear,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_with_their_unit() {
        let check = |value, unit, expected: &str| assert_eq!(words(value, unit), expected);
        check(12.0, Unit::Count, "12");
        check(-2.125, Unit::Count, "-2.12");
        check(0.9991, Unit::Share, "99.910%");
        check(-0.5, Unit::Share, "-50.000%");
        check(-1_234_567.0, Unit::Time, "-1.234ms");
        check(0.0, Unit::Time, "0s");
    }
}
