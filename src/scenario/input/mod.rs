//! How parts of a scenario file are read: one description is parser, defaults, resolved form and JSON Schema.
//!
//! A [`Shape<T>`] knows how to read a `T` from JSON and how to describe itself. Shapes are small values, built
//! by the functions of this module when the program runs, so a user's binary composes them from its own kinds:
//!
//! ```
//! use partita::kernel::Span;
//! use partita::scenario::Document;
//! use partita::scenario::input::{Fields, Shape, bare, count, duration, kind, object, one_of, tagged};
//!
//! #[derive(Debug, PartialEq)]
//! struct Store { replicas: u32, sync: Sync, timeout: Span, zone: Option<String> }
//!
//! #[derive(Clone, Debug, PartialEq)]
//! enum Sync { Always, Never }
//!
//! fn store(fields: &mut Fields) -> Option<Store> {
//!     let sync = one_of([("always", Sync::Always), ("never", Sync::Never)]);
//!     // First ask for every field, whatever the others say: that is how a shape learns which there are.
//!     let replicas = fields.required("replicas", "How many copies there are.", count(1..=1_000));
//!     let sync = fields.optional("sync", "When the log is synced.", sync, "always");
//!     let timeout = fields.optional("timeout", "How long a client waits.", duration(), "1s");
//!     let zone = fields.maybe("zone", "The zone of every replica.", partita::scenario::input::name());
//!     // Then put the results together; `None` means that a problem was reported.
//!     Some(Store { replicas: replicas?, sync: sync?, timeout: timeout?, zone: zone? })
//! }
//!
//! let document = Document::parse("a.json", br#"{ "replicas": 3, "note": "a small one" }"#)?;
//! let mut problems = document.problems();
//! let shape: Shape<Store> = object(store);
//! let reading = shape.read(&document, &mut problems).ok_or(problems)?;
//! assert_eq!(reading.value.timeout, Span::from_secs(1));
//! // The resolved form: defaults filled in, everything else as the author wrote it.
//! assert_eq!(
//!     reading.resolved.to_string(),
//!     r#"{"replicas":3,"note":"a small one","sync":"always","timeout":"1s"}"#
//! );
//! # Ok::<(), partita::scenario::Problems>(())
//! ```
//!
//! - **Scalars**: [`boolean`], [`text`], [`name`], [`count`], [`integer`], [`number`], [`one_of`], and with units
//!   [`duration`], [`positive_duration`], [`signed_duration`], [`drift`], [`rate`], [`ratio`], [`size`],
//!   [`bandwidth`].
//! - **Composed**: [`list`], [`non_empty_list`], [`map`] (free names as keys), [`object`], [`either`] (two shapes of
//!   different JSON types), [`named`] (shared or recursive: a `$ref` in the schema).
//! - **Kinds**: [`tagged`] reads `{ "crash": { … } }`, or `"crash"` where all settings have defaults;
//!   [`Fields::kind`] reads the kind's key beside other fields: `{ "id": "fifth", "crash": { … } }`. Kinds are
//!   [`kind`] (with settings) and [`bare`] (without), gathered in a `Vec` when the program runs.
//! - **Changed**: [`Shape::map`], [`Shape::try_map`] (a problem if it says so), [`Shape::spanned`] (keeps the place,
//!   for checks that come later), [`Shape::lenient`] (a broken element does not hide its neighbours).
//! - **Problems** of meaning: [`Fields::refuse`] and [`Fields::check`] inside an object; later
//!   `problems.add(Problem::new(&spanned.place, "…"))`.
//!
//! Every object accepts `note`, a text that means nothing to the run. Unknown fields are problems. The schema
//! accepts everything that the shape reads; of what the shape refuses it lets pass only what a schema cannot
//! say: sums, overflow, steps finer than the smallest, and what `try_map` and checks add.

mod compound;
mod fields;
mod kinds;
mod scalars;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::document::Document;
use super::problem::{Place, Problem, Problems, quoted};
use super::tree::{Node, Tree};

pub(super) use compound::point_names;
pub use compound::{by_pointer, either, list, map, named, non_empty_list};
pub use fields::{Fields, object};
pub use kinds::{Kind, bare, kind, tagged};
pub use scalars::{
    anything, bandwidth, boolean, count, drift, duration, integer, name, number, one_of, positive_duration, rate,
    ratio, signed_duration, size, text,
};

/// How a `T` is written in JSON. See the [module](self) for how to build and use one.
pub struct Shape<T>(Arc<dyn Form<T>>);

impl<T> Clone for Shape<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// What was read: the value, and the JSON it came from with every default filled in.
#[derive(Clone, PartialEq, Debug)]
pub struct Reading<T> {
    /// The value.
    pub value: T,
    /// Defaults filled in; everything else, notes too, as the author wrote it. It reads to an equal value.
    pub resolved: Value,
}

/// A value that knows where it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands; the object around it if it is a default.
    pub place: Place,
}

/// What every shape does, in its two modes.
trait Form<T>: Send + Sync {
    /// Reads the value, or reports at least one problem.
    fn read(&self, input: Input<'_>) -> Option<Reading<T>>;
    /// The JSON Schema of what it reads.
    fn describe(&self, definitions: &mut Definitions) -> Value;
    /// The JSON types that it reads.
    fn types(&self) -> Types;
    /// What it reads, in words: `a duration such as "250ms"`.
    fn expects(&self) -> String;
}

/// One value to be read.
struct Input<'a> {
    tree: &'a Tree,
    place: Place,
    problems: &'a mut Problems,
}

impl<'a> Input<'a> {
    /// A part of this value.
    fn child<'b>(&'b mut self, token: &str, tree: &'b Tree) -> Input<'b> {
        Input { tree, place: self.place.child(token, tree.span.clone()), problems: self.problems }
    }

    /// Reports that this is not what was expected.
    fn unexpected(self, expects: &str, label: Option<String>) {
        let problem = Problem::new(&self.place, format!("expected {expects}, found {}", found(&self.tree.node)));
        self.problems.add(Problem { label, ..problem });
    }
}

/// What stands in the file, in words.
fn found(node: &Node) -> String {
    const SHOWN: usize = 40;
    match node {
        Node::Null => "null".into(),
        Node::Bool(bool) => bool.to_string(),
        Node::Number(number) => format!("the number {number}"),
        Node::Text(text) if text.chars().count() > SHOWN => {
            format!("{}…", quoted(&text.chars().take(SHOWN).collect::<String>()))
        }
        Node::Text(text) => quoted(text),
        Node::List(items) if items.is_empty() => "an empty list".into(),
        Node::List(_) => "a list".into(),
        Node::Object(_) => "an object".into(),
    }
}

impl<T: 'static> Shape<T> {
    fn new(form: impl Form<T> + 'static) -> Self {
        Self(Arc::new(form))
    }

    /// Reads a whole document. Problems are added to those that are known; `None` if there was one.
    pub fn read(&self, document: &Document, problems: &mut Problems) -> Option<Reading<T>> {
        let tree = document.tree();
        let place = Place { pointer: String::new(), span: tree.span.clone() };
        self.0.read(Input { tree, place, problems })
    }

    /// The JSON Schema (draft 2020-12) of documents of this shape.
    #[must_use]
    pub fn schema(&self, title: &str, description: &str) -> Value {
        let mut definitions = Definitions::default();
        let body = self.0.describe(&mut definitions);
        let mut schema = Map::new();
        schema.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
        schema.insert("title".into(), json!(title));
        schema.insert("description".into(), json!(description));
        schema.extend(body.as_object().cloned().unwrap_or_default());
        if !definitions.0.is_empty() {
            schema.insert("$defs".into(), Value::Object(definitions.0));
        }
        Value::Object(schema)
    }

    /// The same notation for another value.
    #[must_use]
    pub fn map<U: 'static>(self, into: impl Fn(T) -> U + Send + Sync + 'static) -> Shape<U> {
        self.try_map(move |value| Ok(into(value)))
    }

    /// The same notation for another value, where not every value has one: the text of an error becomes a
    /// problem at the value's place.
    #[must_use]
    pub fn try_map<U: 'static>(self, into: impl Fn(T) -> Result<U, String> + Send + Sync + 'static) -> Shape<U> {
        Shape::new(compound::TryMap { shape: self, into })
    }

    /// The same with the place where it is written.
    #[must_use]
    pub fn spanned(self) -> Shape<Spanned<T>> {
        Shape::new(compound::WithPlace(self))
    }

    /// The same, but a value with problems reads as `None` instead of spoiling what it is part of, so that one
    /// broken element of a list does not keep the others from being checked. The problems stay reported.
    #[must_use]
    pub fn lenient(self) -> Shape<Option<T>> {
        Shape::new(compound::Lenient(self))
    }
}

/// The schemas that others refer to, by name.
#[derive(Default)]
struct Definitions(Map<String, Value>);

/// A set of JSON types.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Types(u8);

impl Types {
    const NONE: Self = Self(0);
    const BOOL: Self = Self(1);
    const NUMBER: Self = Self(2);
    const TEXT: Self = Self(4);
    const LIST: Self = Self(8);
    const OBJECT: Self = Self(16);

    /// The type of a value. No shape reads `null`: a field without a value is left out.
    const fn of(node: &Node) -> Self {
        match node {
            Node::Null => Self::NONE,
            Node::Bool(_) => Self::BOOL,
            Node::Number(_) => Self::NUMBER,
            Node::Text(_) => Self::TEXT,
            Node::List(_) => Self::LIST,
            Node::Object(_) => Self::OBJECT,
        }
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn overlaps(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

#[cfg(test)]
mod tests;
