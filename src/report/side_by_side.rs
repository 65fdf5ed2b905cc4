//! Two runs beside each other: what each is about, and where they differ.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::check::{Check, Figure, Quantity, Subject};
use crate::scenario::{Run, Scenario};

use super::figures::{heading, label, quantity, value, words};
use super::json::document;
use super::text::{Paint, broke, shell_word, verdict, wrap};

/// A finished run, and what its scenario is called on the command line.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// The scenario's name.
    pub name: &'a str,
    /// The scenario.
    pub scenario: &'a Scenario,
    /// The run.
    pub run: &'a Run,
}

/// For whom two runs are shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Onlooker<'a> {
    /// The program that they type commands to.
    pub program: &'a str,
    /// The columns of their terminal.
    pub width: usize,
    /// Whether it shows colours.
    pub colour: bool,
    /// What else they said on the command line, word by word, to be said again in the next commands.
    pub options: &'a [&'a str],
}

/// The widest cell of the table.
const WIDEST: usize = 60;

/// Both stories, a table of the figures that differ, and the verdicts.
#[must_use]
pub fn side_by_side(sides: [Side<'_>; 2], onlooker: &Onlooker<'_>) -> String {
    let mut text = String::new();
    let paint = Paint(onlooker.colour);
    for (letter, side) in ["A", "B"].into_iter().zip(&sides) {
        let _ =
            writeln!(text, "{letter}  {}  ({}, seed {})", paint.bold(&side.scenario.title), side.name, side.run.seed);
        wrap(&mut text, &side.scenario.story, "   ", onlooker.width);
        broke(&mut text, side.run);
        text.push('\n');
    }
    let runs = sides.map(|side| side.run);
    let mut figures = figures(runs);
    if runs.iter().all(|run| run.history().clients.len() == 1) {
        // What a client alone was given was said of all of them.
        figures.retain(|row| !matches!(row.figure.subject, Subject::Client(_)));
    }
    let differing: Vec<_> = figures.iter().filter(|row| row.differs()).collect();
    let mut table = vec![["".to_owned(), "A".to_owned(), "B".to_owned()]];
    table.extend(differing.iter().map(|row| row.cells()));
    let checks = checks(runs);
    table.extend(checks.iter().filter(|row| row[1] != row[2]).cloned());
    write_table(&mut text, &table);
    let same = figures.len() - differing.len();
    let agreed = checks.iter().filter(|row| row[1] == row[2]).count();
    let _ = writeln!(text, "the same: {same} figures, {agreed} checks");
    text.push('\n');
    for (letter, side) in ["A", "B"].into_iter().zip(&sides) {
        let run = side.run;
        let _ = writeln!(text, "{letter}  {}  digest {:016x}", verdict(run.verdict, paint), run.digest().value());
    }
    for (letter, side) in ["A", "B"].into_iter().zip(&sides) {
        let seed = side.run.seed.to_string();
        let words =
            [onlooker.program, "run", side.name, "--seed", &seed].into_iter().chain(onlooker.options.iter().copied());
        let _ = writeln!(text, "{letter} alone:  {}", words.map(shell_word).collect::<Vec<_>>().join(" "));
    }
    text
}

/// One JSON document of both runs and the figures that differ.
#[must_use]
pub fn side_by_side_document(sides: [Side<'_>; 2]) -> Value {
    let [one, other] = sides;
    let figures = figures([one.run, other.run]);
    let row = |row: &Row<'_>| {
        let mut object = heading(row.figure);
        object["values"] = row.quantities.map(value).to_vec().into();
        object
    };
    json!({
        "version": 1,
        "verdict": one.run.verdict.and(other.run.verdict).name(),
        "runs": [document(one.name, one.run), document(other.name, other.run)],
        "differing": figures.iter().filter(|row| row.differs()).map(row).collect::<Vec<_>>(),
    })
}

/// A figure of two runs.
struct Row<'a> {
    figure: &'a Figure,
    quantities: [Quantity; 2],
}

impl Row<'_> {
    fn differs(&self) -> bool {
        self.quantities[0] != self.quantities[1]
    }

    fn cells(&self) -> [String; 3] {
        let [one, other] = self.quantities.map(words);
        [label(self.figure), one, other]
    }
}

/// All figures that one of the runs has.
fn figures(runs: [&Run; 2]) -> Vec<Row<'_>> {
    let [one, other] = runs;
    let is_new = |figure: &&Figure| !one.figures.iter().any(|f| f.name == figure.name && f.subject == figure.subject);
    let all = one.figures.iter().chain(other.figures.iter().filter(is_new));
    let row = |figure: &'_ Figure| runs.map(|run| quantity(run, figure.name, &figure.subject));
    all.map(|figure| Row { figure, quantities: row(figure) }).collect()
}

/// What became of each check that one of the runs was judged by.
fn checks(runs: [&Run; 2]) -> Vec<[String; 3]> {
    let is_same = |a: &Check, b: &Check| (&a.name, a.phase, &a.expected) == (&b.name, b.phase, &b.expected);
    let [one, other] = runs;
    let is_new = |check: &&Check| !one.checks.iter().any(|found| is_same(found, check));
    let verdict = |run: &Run, check: &Check| {
        let found = run.checks.iter().find(|found| is_same(found, check));
        found.map_or("-".to_owned(), |found| found.verdict.to_string())
    };
    let row = |check: &Check| {
        let name = format!("{} {}: {}", check.phase, check.name, check.expected);
        [name, verdict(one, check), verdict(other, check)]
    };
    one.checks.iter().chain(other.checks.iter().filter(is_new)).map(row).collect()
}

/// Rows of cells, each column as wide as its widest cell.
fn write_table(text: &mut String, rows: &[[String; 3]]) {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).min(WIDEST);
    let (first, second) = (width(0), width(1));
    for [name, one, other] in rows {
        let _ = writeln!(text, "{name:<first$}  {one:>second$}  {other}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let mut text = String::new();
        write_table(
            &mut text,
            &[row(["", "A", "B"]), row(["availability", "99.12%", "5%"]), row(["p99", "-", "never"])],
        );
        assert_eq!(text, "                   A  B\navailability  99.12%  5%\np99                -  never\n");
    }
}
