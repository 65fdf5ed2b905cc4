//! What is wrong with a scenario file: every problem with its position, gathered before any is shown.
//!
//! The rendering here is plain text without a dependency, for users of the library; `cli` draws the same
//! problems with source lines and carets.

use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A text with the name that messages call it by, usually a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// What messages call it.
    pub name: String,
    /// The whole text. Bytes that were not UTF-8 are shown as U+FFFD.
    pub text: String,
}

impl Source {
    /// Line and column of a byte position, both from 1; a column is a character.
    #[must_use]
    pub fn line_and_column(&self, position: usize) -> (usize, usize) {
        let before = self.text.get(..position).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// Where in a scenario file something stands: its JSON Pointer (RFC 6901) and its bytes in the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The JSON Pointer; empty for the whole document.
    pub pointer: String,
    /// The bytes of the text that messages underline.
    pub span: Range<usize>,
}

impl Place {
    /// The place of a part, one pointer token further down, that covers `span`.
    #[must_use]
    pub fn child(&self, token: &str, span: Range<usize>) -> Self {
        let token = token.replace('~', "~0").replace('/', "~1");
        Self { pointer: format!("{}/{token}", self.pointer), span }
    }
}

/// One thing that is wrong, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Where: a value, or the key where the key is at fault.
    pub place: Place,
    /// What is wrong: a sentence without capital letter and full stop.
    pub says: String,
    /// A few words for the underlined text itself, such as `did you mean "store-1"?`.
    pub label: Option<String>,
    /// What to do, or what would be possible.
    pub help: Option<String>,
}

impl Problem {
    /// A problem at a place.
    #[must_use]
    pub fn new(place: &Place, says: impl Into<String>) -> Self {
        Self { place: place.clone(), says: says.into(), label: None, help: None }
    }

    /// A name that nothing has: `no node is named "stoer-1"`, with the nearest of the `known` names as its label
    /// and, while they fit on a line, all of them as its help.
    #[must_use]
    pub fn unknown_name<'a>(
        place: &Place,
        noun: &str,
        name: &str,
        known: impl IntoIterator<Item = &'a str> + Clone,
    ) -> Self {
        let says = format!("no {noun} is named {}", quoted(name));
        Self::new(place, says).suggest(name, known.clone()).help(format!("{noun}s: {}", listed(known)))
    }

    /// Adds a label.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Adds the label `did you mean …?` if one of the known names is close to `name`.
    #[must_use]
    pub fn suggest<'a>(self, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match closest(name, known) {
            Some(near) => self.label(format!("did you mean {}?", quoted(near))),
            None => self,
        }
    }

    /// Adds a help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Words separated by commas, cut short after a dozen.
pub(super) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    const LISTED: usize = 12;
    let words: Vec<&str> = words.into_iter().collect();
    match words.len().checked_sub(LISTED) {
        None | Some(0) => words.join(", "),
        Some(more) => format!("{} and {more} more", words[..LISTED].join(", ")),
    }
}

/// A name in double quotes, as it stands in the file.
pub(super) fn quoted(name: &str) -> String {
    serde_json::Value::from(name).to_string()
}

/// How many problems a message shows.
const SHOWN: usize = 100;

/// All the problems of one file, in the order of the text, each once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problems {
    source: Arc<Source>,
    sorted: Vec<Problem>,
}

impl Problems {
    /// No problem yet.
    #[must_use]
    pub fn new(source: Arc<Source>) -> Self {
        Self { source, sorted: Vec::new() }
    }

    /// Adds a problem, unless the same is known already.
    pub fn add(&mut self, problem: Problem) {
        let key = |problem: &Problem| (problem.place.span.start, problem.place.span.end);
        let from = self.sorted.partition_point(|known| key(known) < key(&problem));
        let to = self.sorted.partition_point(|known| key(known) <= key(&problem));
        if !self.sorted[from..to].contains(&problem) {
            self.sorted.insert(to, problem);
        }
    }

    /// The text that the positions refer to.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// The problems, in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.sorted.iter()
    }

    /// The first problems, as many as a message shows: nobody reads on after a hundred, and to find lines and
    /// columns for all the problems of a large generated file would take minutes.
    pub fn shown(&self) -> impl Iterator<Item = &Problem> {
        self.iter().take(SHOWN)
    }

    /// `and 3 more problems`, if there are more than are shown.
    #[must_use]
    pub fn not_shown(&self) -> Option<String> {
        let more = self.len().checked_sub(SHOWN).filter(|&more| more > 0)?;
        Some(format!("and {more} more {}", if more == 1 { "problem" } else { "problems" }))
    }

    /// `name:line:column (at /pointer)` of a problem.
    #[must_use]
    pub fn locate(&self, problem: &Problem) -> String {
        let (line, column) = self.source.line_and_column(problem.place.span.start);
        let at = match problem.place.pointer.as_str() {
            "" => String::new(),
            pointer => format!(" (at {pointer})"),
        };
        format!("{}:{line}:{column}{at}", self.source.name)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.shown().enumerate() {
            if index > 0 {
                writeln!(f, "\n")?;
            }
            write!(f, "error: {}\n  --> {}", problem.says, self.locate(problem))?;
            if let Some(label) = &problem.label {
                write!(f, "\n  = {label}")?;
            }
            if let Some(help) = &problem.help {
                write!(f, "\n  = help: {help}")?;
            }
        }
        self.not_shown().map_or(Ok(()), |more| write!(f, "\n\n{more}"))
    }
}

impl Error for Problems {}

/// The candidate nearest to a misspelt name, if one is near: at most one edit per three characters, case aside.
/// Of equally near ones, the first.
#[must_use]
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let limit = name.chars().count().div_ceil(3);
    let near = |candidate: &'a str| {
        let edits = edit_distance(&name, &candidate.to_lowercase());
        (edits <= limit).then_some((edits, candidate))
    };
    Some(candidates.into_iter().filter_map(near).min_by_key(|&(edits, _)| edits)?.1)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one text into the other, no part edited
/// twice (Damerau 1964; the "optimal string alignment" recurrence).
fn edit_distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows = vec![(0..=to.len()).collect::<Vec<usize>>()];
    for i in 1..=from.len() {
        let mut row = vec![i];
        for j in 1..=to.len() {
            let replace = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_name_is_a_likely_misspelling() {
        let names = ["store-0", "store-1", "api", "latency", "read_index"];
        let check = |name, expected| assert_eq!(closest(name, names), expected, "{name}");
        check("stoer-1", Some("store-1"));
        check("store", Some("store-0"));
        check("latncy", Some("latency"));
        check("readIndex", Some("read_index"));
        check("API", Some("api"));
        check("aip", Some("api"));
        check("worker", None);
        check("", None);
    }

    #[test]
    fn a_swap_of_neighbours_is_one_edit() {
        let check = |from, to, expected| {
            assert_eq!(edit_distance(from, to), expected, "{from} {to}");
            assert_eq!(edit_distance(to, from), expected, "{to} {from}");
        };
        check("", "", 0);
        check("", "abc", 3);
        check("abcd", "acbd", 1);
        check("kitten", "sitting", 3);
        check("ca", "abc", 3);
    }

    #[test]
    fn lines_and_columns_count_characters() {
        let source = Source { name: "a".into(), text: "é\tx\r\nяb\n".into() };
        let check = |position, expected| assert_eq!(source.line_and_column(position), expected, "{position}");
        check(0, (1, 1));
        check(2, (1, 2));
        check(3, (1, 3));
        check(6, (2, 1));
        check(8, (2, 2));
        check(10, (3, 1));
        check(99, (3, 1));
    }

    #[test]
    fn problems_come_in_the_order_of_the_text_each_once() {
        let source = Source { name: "split.json".into(), text: "{\n  \"a\": [\"stoer-1\", 2]\n}".into() };
        let mut problems = Problems::new(Arc::new(source));
        let root = Place { pointer: String::new(), span: 0..26 };
        let list = root.child("a", 9..23);
        problems.add(Problem::new(&list.child("1", 21..22), "expected text"));
        for _ in 0..2 {
            problems.add(Problem::unknown_name(&list.child("0", 10..19), "node", "stoer-1", ["store-1", "api"]));
        }
        problems.add(Problem::new(&root, "missing"));
        assert_eq!(
            problems.to_string(),
            "error: missing\n  --> split.json:1:1\n\n\
             error: no node is named \"stoer-1\"\n  --> split.json:2:9 (at /a/0)\n  = did you mean \"store-1\"?\n  \
             = help: nodes: store-1, api\n\n\
             error: expected text\n  --> split.json:2:20 (at /a/1)"
        );
    }

    #[test]
    fn a_message_shows_the_first_hundred() {
        let source = Arc::new(Source { name: "a".into(), text: " ".repeat(200) });
        let check = |count: usize, expected: Option<&str>| {
            let mut problems = Problems::new(Arc::clone(&source));
            for at in (0..count).rev() {
                problems.add(Problem::new(&Place { pointer: String::new(), span: at..at + 1 }, "no"));
            }
            assert_eq!(problems.not_shown().as_deref(), expected, "{count}");
            assert_eq!(problems.to_string().matches("error: ").count(), count.min(100), "{count}");
            assert!(problems.to_string().ends_with(expected.unwrap_or(&count.to_string())), "{count}");
        };
        check(1, None);
        check(100, None);
        check(101, Some("and 1 more problem"));
        check(150, Some("and 50 more problems"));
    }

    #[test]
    fn pointers_escape_tilde_and_slash() {
        let place = Place { pointer: String::new(), span: 0..0 };
        assert_eq!(place.child("a/b~c", 0..0).pointer, "/a~1b~0c");
    }
}
