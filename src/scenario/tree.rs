//! The spanned tree: a JSON value each of whose parts knows its bytes in the text.

use std::ops::Range;

use serde_json::{Map, Value};

/// One JSON value and where it stands in the text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tree {
    /// What it is.
    pub node: Node,
    /// Its bytes in the text, quotes and brackets included.
    pub span: Range<usize>,
}

/// What a JSON value is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Node {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, exactly as it is written.
    Number(String),
    /// A text, its escapes undone.
    Text(String),
    /// An array.
    List(Vec<Tree>),
    /// An object, in the order of the text; no key occurs twice.
    Object(Vec<Member>),
}

/// One key of an object with its value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// The key, its escapes undone.
    pub key: String,
    /// The key's bytes in the text, quotes included.
    pub key_span: Range<usize>,
    /// The value.
    pub value: Tree,
}

impl Tree {
    /// The value under a key of an object.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.node {
            Node::Object(members) => members.iter().find(|member| member.key == key).map(|member| &member.value),
            _ => None,
        }
    }

    /// The part at a JSON Pointer (RFC 6901).
    #[must_use]
    pub fn pointer(&self, pointer: &str) -> Option<&Self> {
        pointer_tokens(pointer)?.iter().try_fold(self, |tree, token| tree.child(token))
    }

    /// The part one pointer token down.
    #[must_use]
    pub(super) fn child(&self, token: &str) -> Option<&Self> {
        match &self.node {
            Node::List(items) => items.get(list_index(token)?),
            _ => self.get(token),
        }
    }

    /// A value that stands in no text, all of it taken to stand at `span`.
    pub(super) fn of_value(value: &Value, span: &Range<usize>) -> Self {
        let node = match value {
            Value::Null => Node::Null,
            Value::Bool(bool) => Node::Bool(*bool),
            Value::Number(number) => Node::Number(number.to_string()),
            Value::String(text) => Node::Text(text.clone()),
            Value::Array(items) => Node::List(items.iter().map(|item| Self::of_value(item, span)).collect()),
            Value::Object(entries) => {
                let member = |(key, value): (&String, &Value)| Member {
                    key: key.clone(),
                    key_span: span.clone(),
                    value: Self::of_value(value, span),
                };
                Node::Object(entries.iter().map(member).collect())
            }
        };
        Self { node, span: span.clone() }
    }

    /// The same value without positions. A whole number keeps its value as far as 64 bits hold it, another is the
    /// nearest double (`serde_json`'s own reading of a text may be one bit off).
    #[must_use]
    pub fn to_value(&self) -> Value {
        match &self.node {
            Node::Null => Value::Null,
            Node::Bool(bool) => Value::Bool(*bool),
            Node::Number(text) => number_value(text),
            Node::Text(text) => Value::String(text.clone()),
            Node::List(items) => items.iter().map(Self::to_value).collect(),
            Node::Object(members) => {
                let entry = |member: &Member| (member.key.clone(), member.value.to_value());
                Value::Object(members.iter().map(entry).collect::<Map<_, _>>())
            }
        }
    }
}

fn number_value(text: &str) -> Value {
    let whole = text.parse::<u64>().map(Value::from).or_else(|_| text.parse::<i64>().map(Value::from));
    whole.unwrap_or_else(|_| Value::from(text.parse::<f64>().expect("the parser checked the number")))
}

/// The tokens of a JSON Pointer, unescaped; nothing if it is none.
pub(super) fn pointer_tokens(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    let unescape = |token: &str| token.replace("~1", "/").replace("~0", "~");
    Some(pointer.strip_prefix('/')?.split('/').map(unescape).collect())
}

/// The index that a pointer token names in a list: decimal digits without a leading zero.
pub(super) fn list_index(token: &str) -> Option<usize> {
    let canonical = token == "0" || !token.starts_with(['0', '+']);
    if canonical { token.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Document;

    #[test]
    fn pointers_lead_to_parts() {
        let text = br#"{ "a": [10, { "b": true }], "": 2, "m~n": 3, "x/y": 4, "0": 5 }"#;
        let document = Document::parse("a.json", text).unwrap();
        let check = |pointer, expected: Option<&str>| {
            let found = document.tree().pointer(pointer).map(|tree| tree.to_value().to_string());
            assert_eq!(found.as_deref(), expected, "{pointer}");
            // The same reading of RFC 6901 as serde_json's.
            let value = document.tree().to_value().pointer(pointer).map(Value::to_string);
            assert_eq!(found, value, "{pointer}");
        };
        check("/a/0", Some("10"));
        check("/a/1/b", Some("true"));
        check("/", Some("2"));
        check("/m~0n", Some("3"));
        check("/x~1y", Some("4"));
        check("/0", Some("5"));
        check("/a/2", None);
        check("/a/-", None);
        check("/a/00", None);
        check("/a/+0", None);
        check("/a/1/b/c", None);
        check("/b", None);
        check("a", None);
    }

    #[test]
    fn numbers_keep_their_value() {
        let check = |text: &str, expected: Value| assert_eq!(number_value(text), expected, "{text}");
        check("18446744073709551615", Value::from(u64::MAX));
        check("-9223372036854775808", Value::from(i64::MIN));
        check("-4.667143419909287e+200", Value::from(-4.667143419909287e+200));
        check("1e3", Value::from(1000.0));
        check("18446744073709551616", Value::from(18446744073709551616.0));
    }

    #[test]
    fn a_value_makes_the_tree_of_its_text() {
        let document = Document::parse("a.json", br#"{"a":[1,-2.5,null,true],"b":{"c":"d"}}"#).unwrap();
        let value = document.tree().to_value();
        let tree = Tree::of_value(&value, &(3..4));
        assert_eq!(tree.to_value(), value);
        assert_eq!(tree.pointer("/b/c").unwrap().span, 3..4);
    }
}
