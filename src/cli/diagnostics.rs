//! Problems of a scenario file for a terminal: the line, a caret, and what to do.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::scenario::{Problem, Problems};

/// Draws the problems, one after the other, with an empty line between them. Lines of the file longer than
/// `width` columns are cut on both sides of what is underlined.
#[must_use]
pub fn render(problems: &Problems, width: usize, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() }.term_width(width);
    let drawn = problems.shown().map(|problem| draw(&renderer, problems, problem));
    let drawn: Vec<String> = drawn.chain(problems.not_shown()).collect();
    drawn.join("\n\n") + "\n"
}

fn draw(renderer: &Renderer, problems: &Problems, problem: &Problem) -> String {
    let text = &problems.source().text;
    let (line, underlined) = first_line(text, &problem.place.span);
    let (number, column) = problems.source().line_and_column(underlined.start);
    let path = problems.source().name.as_str();
    // The renderer sees this one line: it would scan the whole file for every problem.
    let mark = AnnotationKind::Primary
        .span(underlined.start - line.start..underlined.end - line.start)
        .label(problem.label.as_deref());
    let snippet = Snippet::source(&text[line]).path(path).line_start(number).annotation(mark);
    let group = Level::ERROR.primary_title(problem.says.as_str()).element(snippet);
    let help = problem.help.as_deref().map(|help| Level::HELP.message(help));
    let drawn = renderer.render(&[group.elements(help)]);
    // It knows no pointers, so that part of the position is added to what it drew.
    drawn.replacen(&format!("{path}:{number}:{column}"), &problems.locate(problem), 1)
}

/// The line in which a span begins, and as much of the span as lies in it.
fn first_line(text: &str, span: &Range<usize>) -> (Range<usize>, Range<usize>) {
    let start = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[span.start..].find('\n').map_or(text.len(), |newline| span.start + newline);
    (start..end, span.start..span.end.min(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Document, Place};

    /// Draws the problem that a name is unknown, which stands at the first `"stoer-1"` of `text`.
    fn check(text: &str, change: impl FnOnce(Problem) -> Problem, expected: &str) {
        let document = Document::parse("split.json", text.as_bytes()).unwrap();
        let mut problems = document.problems();
        let start = text.find("\"stoer-1\"").unwrap();
        let place = Place { pointer: "/faults/1".into(), span: start..start + 9 };
        problems.add(change(Problem::new(&place, "no node is named \"stoer-1\"")));
        let drawn = render(&problems, 60, false);
        assert_eq!(drawn, expected, "\n{drawn}");
    }

    #[test]
    fn a_problem_shows_its_line_with_a_caret_a_label_and_a_help() {
        check(
            "{\n  \"faults\": [ [\"store-0\", \"stoer-1\"] ]\n}",
            |problem| problem.label("did you mean \"store-1\"?").help("nodes: store-0, store-1"),
            r#"error: no node is named "stoer-1"
 --> split.json:2:27 (at /faults/1)
  |
2 |   "faults": [ ["store-0", "stoer-1"] ]
  |                           ^^^^^^^^^ did you mean "store-1"?
  |
  = help: nodes: store-0, store-1
"#,
        );
    }

    #[test]
    fn tabs_and_wide_characters_keep_the_caret_in_place() {
        check(
            "{\n\t\"faults\":\t[ [\"漢字\", \"stoer-1\"] ]\n}",
            |problem| problem,
            r#"error: no node is named "stoer-1"
 --> split.json:2:21 (at /faults/1)
  |
2 |     "faults":    [ ["漢字", "stoer-1"] ]
  |                             ^^^^^^^^^
"#,
        );
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let many = "\"abcdef\", ".repeat(30);
        check(
            &format!("[{many}\"stoer-1\", {many}0]"),
            |problem| problem.label("did you mean \"store-1\"?"),
            r#"error: no node is named "stoer-1"
 --> split.json:1:302 (at /faults/1)
  |
1 | ...bcdef", "stoer-1", "abcdef", "abcdef", "abcdef", "...
  |            ^^^^^^^^^ did you mean "store-1"?
"#,
        );
    }

    #[test]
    fn of_many_lines_only_the_first_is_underlined() {
        let document = Document::parse("a.json", b"[ { \"a\":\n 1 },\n 2 ]").unwrap();
        let mut problems = document.problems();
        problems.add(Problem::new(&Place { pointer: "/0".into(), span: 2..13 }, "expected a text"));
        let expected = "error: expected a text\n --> a.json:1:3 (at /0)\n  |\n1 | [ { \"a\":\n  |   ^^^^^^\n";
        assert_eq!(render(&problems, 60, false), expected);
    }

    #[test]
    fn files_that_are_no_json_are_shown_too() {
        let check = |bytes: &[u8], expected: &str| {
            let problems = Document::parse("x", bytes).unwrap_err();
            assert_eq!(render(&problems, 60, false), expected);
        };
        check(b"", "error: the file is empty: a JSON value is expected\n --> x:1:1\n  |\n1 |\n  | ^\n");
        check(b"{\n", "error: the file ends inside the object that line 1 opens\n --> x:2:1\n  |\n2 |\n  | ^\n");
        check(
            b"{\"a\": \"\xff\xfe\"}",
            "error: the file is not UTF-8 text: byte 7 is 0xff\n --> x:1:8\n  |\n1 | {\"a\": \"\u{fffd}\u{fffd}\"}\n  |        ^\n",
        );
        check(b"[1,]", "error: a comma without anything after it\n --> x:1:3\n  |\n1 | [1,]\n  |   ^ remove it\n");
    }

    #[test]
    fn colour_changes_nothing_but_the_colour() {
        let problems = Document::parse("x", b"[1 2]").unwrap_err();
        let coloured = render(&problems, 60, true);
        assert!(coloured.contains("\u{1b}["));
        let mut bare = String::new();
        for part in coloured.split('\u{1b}') {
            bare.push_str(part.strip_prefix('[').and_then(|code| Some(code.split_once('m')?.1)).unwrap_or(part));
        }
        assert_eq!(bare, render(&problems, 60, false));
    }
}
