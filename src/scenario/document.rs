//! A scenario file in memory: its text and its tree, and changes to it.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;

use super::parse::{Flaw, parse};
use super::problem::{Place, Problem, Problems, Source, closest, quoted};
use super::tree::{Node, Tree, list_index, pointer_tokens};

/// A JSON text together with its spanned tree: every position in the tree is a position in the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Document {
    source: Arc<Source>,
    tree: Tree,
}

impl Document {
    /// Reads the bytes of a file. `name` is what messages call it.
    ///
    /// # Errors
    /// The first byte that is not UTF-8, or the first syntax error, alone; or every repeated key.
    pub fn parse(name: impl Into<String>, bytes: &[u8]) -> Result<Self, Problems> {
        let (text, flaws) = match std::str::from_utf8(bytes) {
            Ok(text) => (text.to_owned(), Vec::new()),
            Err(error) => {
                let at = error.valid_up_to();
                let says = format!("the file is not UTF-8 text: byte {at} is 0x{:02x}", bytes[at]);
                let span = at..at + char::REPLACEMENT_CHARACTER.len_utf8();
                (String::from_utf8_lossy(bytes).into_owned(), vec![Flaw { span, says, label: None }])
            }
        };
        let source = Arc::new(Source { name: name.into(), text });
        let parsed = if flaws.is_empty() { parse(&source.text) } else { Err(flaws) };
        match parsed {
            Ok(tree) => Ok(Self { source, tree }),
            Err(flaws) => Err(problems_of(source, flaws)),
        }
    }

    /// A document made by a program: the value, pretty-printed, so that messages have lines to show.
    ///
    /// # Errors
    /// A value nested too deeply.
    pub fn from_value(name: impl Into<String>, value: &Value) -> Result<Self, Problems> {
        Self::parse(name, format!("{value:#}").as_bytes())
    }

    /// The text and its name.
    #[must_use]
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The root of the tree.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// An empty collection for the problems of this document.
    #[must_use]
    pub fn problems(&self) -> Problems {
        Problems::new(Arc::clone(&self.source))
    }

    /// This document with the value at `pointer` (RFC 6901) replaced by a JSON text, or added: under a new key of
    /// an object that is there, or at the end of a list (the token `-` or the list's length).
    ///
    /// It is the text that is edited, so positions and line numbers stay those that an editor shows.
    ///
    /// # Errors
    /// Says which part of the pointer leads nowhere, or what is wrong with the JSON text.
    pub fn set(&self, pointer: &str, json: &str) -> Result<Self, String> {
        let value = json.trim();
        parse(value).map_err(|flaws| {
            let (line, column) =
                Source { name: String::new(), text: value.to_owned() }.line_and_column(flaws[0].span.start);
            format!(
                "{value:?} is not JSON: {} (line {line}, column {column}); text needs double quotes",
                flaws[0].says
            )
        })?;
        let (range, inserted) = self.edit(pointer, value)?;
        let mut text = self.source.text.clone();
        text.replace_range(range, &inserted);
        let too_deep = |problems: Problems| problems.iter().map(|p| p.says.clone()).collect::<Vec<_>>().join("; ");
        Self::parse(self.source.name.clone(), text.as_bytes()).map_err(too_deep)
    }

    /// Which bytes to replace by which text in order to set the value at `pointer`.
    fn edit(&self, pointer: &str, value: &str) -> Result<(Range<usize>, String), String> {
        let not_one = || format!("{pointer:?} is not a JSON Pointer: it begins with `/`, as in /services/store");
        let tokens = pointer_tokens(pointer).ok_or_else(not_one)?;
        let Some((last, parents)) = tokens.split_last() else {
            return Ok((self.tree.span.clone(), value.to_owned()));
        };
        let mut parent = &self.tree;
        let mut place = Place { pointer: String::new(), span: 0..0 };
        for token in parents {
            parent = parent.child(token).ok_or_else(|| nothing_at(parent, &place, token))?;
            place = place.child(token, 0..0);
        }
        if let Some(old) = parent.child(last) {
            return Ok((old.span.clone(), value.to_owned()));
        }
        let close = parent.span.end - 1;
        let (end, entry) = match &parent.node {
            Node::Object(members) => {
                let entry = format!("{}: {value}", quoted(last));
                (members.last().map(|member| member.value.span.end), entry)
            }
            Node::List(items) if last == "-" || list_index(last) == Some(items.len()) => {
                (items.last().map(|item| item.span.end), value.to_owned())
            }
            _ => return Err(nothing_at(parent, &place, last)),
        };
        Ok(match end {
            Some(end) => (end..end, format!(", {entry}")),
            None => (close..close, entry),
        })
    }
}

fn problems_of(source: Arc<Source>, flaws: Vec<Flaw>) -> Problems {
    let mut problems = Problems::new(source);
    for Flaw { span, says, label } in flaws {
        let place = Place { pointer: String::new(), span };
        problems.add(Problem { label: label.map(str::to_owned), ..Problem::new(&place, says) });
    }
    problems
}

/// Why `token` leads nowhere from `parent`, which stands at `place`.
fn nothing_at(parent: &Tree, place: &Place, token: &str) -> String {
    let missing = place.child(token, 0..0).pointer;
    let whole = if place.pointer.is_empty() { "the document" } else { &place.pointer };
    match &parent.node {
        Node::Object(members) => {
            let near = closest(token, members.iter().map(|member| member.key.as_str()));
            let hint = near.map_or(String::new(), |near| format!("; did you mean {}?", quoted(near)));
            format!("there is nothing at {missing}: {whole} has no key {}{hint}", quoted(token))
        }
        Node::List(items) => format!("there is nothing at {missing}: {whole} is a list of {}", items.len()),
        _ => format!("there is nothing at {missing}: {whole} is neither an object nor a list"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{\n  \"seed\": 42,\n  \"faults\": [ { \"crash\": {} } ],\n  \"none\": [ ]\n}\n";

    #[test]
    fn set_edits_the_text() {
        let check = |pointer, json, from: &str, to: &str| {
            let document = Document::parse("a.json", TEXT.as_bytes()).unwrap().set(pointer, json).unwrap();
            assert_eq!(document.source().text, TEXT.replacen(from, to, 1), "{pointer}");
        };
        check("/seed", "7", "42", "7");
        check("/faults/0/crash", " {\"at\": \"1s\"} ", "{}", "{\"at\": \"1s\"}");
        check("/faults/0/crash/at", "\"1s\"", "{}", "{\"at\": \"1s\"}");
        check("/faults/-", "1", "} } ]", "} }, 1 ]");
        check("/faults/1", "1", "} } ]", "} }, 1 ]");
        check("/none/0", "[2]", "[ ]", "[ [2]]");
        check("/x\"~1y", "true", "[ ]\n", "[ ], \"x\\\"/y\": true\n");
        check("", "[]", TEXT.trim(), "[]");
    }

    #[test]
    fn set_says_what_is_missing() {
        let document = Document::parse("a.json", TEXT.as_bytes()).unwrap();
        let check = |pointer, json, expected: &str| {
            assert_eq!(document.set(pointer, json).unwrap_err(), expected, "{pointer}");
        };
        check("seed", "1", "\"seed\" is not a JSON Pointer: it begins with `/`, as in /services/store");
        check(
            "/fault/0/crash",
            "1",
            "there is nothing at /fault: the document has no key \"fault\"; did you mean \"faults\"?",
        );
        check(
            "/faults/0/partition/at",
            "1",
            "there is nothing at /faults/0/partition: /faults/0 has no key \"partition\"",
        );
        check("/faults/2", "1", "there is nothing at /faults/2: /faults is a list of 1");
        check("/faults/first", "1", "there is nothing at /faults/first: /faults is a list of 1");
        check("/seed/x", "1", "there is nothing at /seed/x: /seed is neither an object nor a list");
        check("/seed", "1s", "\"1s\" is not JSON: `1s` is not a number (line 1, column 1); text needs double quotes");
    }

    #[test]
    fn a_set_value_may_nest_too_deeply_where_it_stands() {
        let document = Document::parse("a.json", TEXT.as_bytes()).unwrap();
        let deep = format!("{}{}", "[".repeat(128), "]".repeat(128));
        assert_eq!(document.set("/seed", &deep).unwrap_err(), "nested too deeply: 128 levels are the limit");
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_located() {
        let problems = Document::parse("a.json", b"{\n \"a\": \"\xc3\x28\" }").unwrap_err();
        assert_eq!(problems.to_string(), "error: the file is not UTF-8 text: byte 9 is 0xc3\n  --> a.json:2:8");
        assert!(Document::parse("a.json", b"\xff").unwrap_err().len() == 1);
        assert!(Document::parse("a.json", b"\"\xe2\x82").unwrap_err().len() == 1);
    }

    #[test]
    fn a_generated_document_has_lines() {
        let value = serde_json::json!({ "a": [1, { "b": "x" }] });
        let document = Document::from_value("generated", &value).unwrap();
        assert_eq!(document.tree().to_value(), value);
        let place = document.tree().pointer("/a/1/b").unwrap().span.start;
        assert_eq!(document.source().line_and_column(place), (5, 12));
    }
}
