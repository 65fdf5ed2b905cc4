//! Shapes made of shapes: lists, maps, alternatives, definitions, and changed values.

use serde_json::{Map, Value, json};

use super::scalars::{NAME_PATTERN, name_flaw};
use super::{Definitions, Form, Input, Reading, Shape, Spanned, Types};
use crate::scenario::problem::{Problem, quoted};
use crate::scenario::tree::Node;

/// A list of any length.
#[must_use]
pub fn list<T: 'static>(shape: Shape<T>) -> Shape<Vec<T>> {
    Shape::new(List { shape, at_least: 0 })
}

/// A list of at least one element.
#[must_use]
pub fn non_empty_list<T: 'static>(shape: Shape<T>) -> Shape<Vec<T>> {
    Shape::new(List { shape, at_least: 1 })
}

struct List<T> {
    shape: Shape<T>,
    at_least: usize,
}

impl<T> Form<Vec<T>> for List<T> {
    fn read(&self, mut input: Input<'_>) -> Option<Reading<Vec<T>>> {
        let Node::List(items) = &input.tree.node else {
            input.unexpected(&self.expects(), None);
            return None;
        };
        if items.len() < self.at_least {
            input.unexpected(&self.expects(), None);
            return None;
        }
        // Every item is read, even after one that cannot be: all problems are wanted.
        let read =
            items.iter().enumerate().map(|(index, item)| self.shape.0.read(input.child(&index.to_string(), item)));
        let read: Vec<Option<Reading<T>>> = read.collect();
        let (mut value, mut resolved) = (Vec::with_capacity(read.len()), Vec::with_capacity(read.len()));
        for reading in read {
            let reading = reading?;
            value.push(reading.value);
            resolved.push(reading.resolved);
        }
        Some(Reading { value, resolved: Value::Array(resolved) })
    }

    fn describe(&self, definitions: &mut Definitions) -> Value {
        let mut schema = json!({ "type": "array", "items": self.shape.0.describe(definitions) });
        if self.at_least > 0 {
            schema["minItems"] = json!(self.at_least);
        }
        schema
    }

    fn types(&self) -> Types {
        Types::LIST
    }

    fn expects(&self) -> String {
        match self.at_least {
            0 => "a list".into(),
            _ => "a list that is not empty".into(),
        }
    }
}

/// An object whose keys are names of the author's choice (`[a-z][a-z0-9_-]*`), in the order of the file. It is
/// the one kind of object without a `note`: there that is a name like any other.
#[must_use]
pub fn map<T: 'static>(shape: Shape<T>) -> Shape<Vec<(Spanned<String>, T)>> {
    Shape::new(Entrywise { shape, keys: NAMES, known: Vec::new() })
}

/// An object whose keys are JSON Pointers, in the order of the file.
#[must_use]
pub fn by_pointer<T: 'static>(shape: Shape<T>) -> Shape<Vec<(Spanned<String>, T)>> {
    Shape::new(Entrywise { shape, keys: POINTERS, known: Vec::new() })
}

/// An object whose keys are names of points (`[a-z][a-z0-9_.-]*`), in the order of the file. The schema tells of those that are
/// `known`, each with what it is; others are read as well.
#[must_use]
pub(in crate::scenario) fn point_names<T: 'static>(
    known: impl IntoIterator<Item = (String, String)>,
    shape: Shape<T>,
) -> Shape<Vec<(Spanned<String>, T)>> {
    Shape::new(Entrywise { shape, keys: POINTS, known: known.into_iter().collect() })
}

struct Entrywise<T> {
    shape: Shape<T>,
    keys: Keys,
    /// Keys that the schema tells of, each with what it is.
    known: Vec<(String, String)>,
}

/// What the keys of an object may be.
#[derive(Clone, Copy)]
struct Keys {
    /// One of them.
    noun: &'static str,
    /// All of them.
    plural: &'static str,
    /// What they look like, for JSON Schema.
    pattern: &'static str,
    /// Why a text is no such key, if it is none.
    flaw: fn(&str) -> Option<&'static str>,
}

const NAMES: Keys = Keys { noun: "a name", plural: "names", pattern: NAME_PATTERN, flaw: name_flaw };

const POINTERS: Keys = Keys { noun: "a JSON Pointer", plural: "JSON Pointers", pattern: "^/", flaw: pointer_flaw };

const POINTS: Keys =
    Keys { noun: "the name of a point", plural: "names of points", pattern: "^[a-z][a-z0-9_.-]*$", flaw: point_flaw };

fn point_flaw(text: &str) -> Option<&'static str> {
    let flaw = name_flaw(&text.replace('.', "_"));
    flaw.map(|_| "a point's name begins with a-z and goes on with a-z, 0-9, _, - and .")
}

fn pointer_flaw(text: &str) -> Option<&'static str> {
    (!text.starts_with('/')).then_some("begins with `/`, as in /network/loss")
}

type Entries<T> = Vec<(Spanned<String>, T)>;

impl<T> Form<Entries<T>> for Entrywise<T> {
    fn read(&self, mut input: Input<'_>) -> Option<Reading<Entries<T>>> {
        let Node::Object(members) = &input.tree.node else {
            input.unexpected(&self.expects(), None);
            return None;
        };
        let (mut value, mut resolved) = (Vec::with_capacity(members.len()), Map::new());
        for member in members {
            let place = input.place.child(&member.key, member.key_span.clone());
            let flaw = (self.keys.flaw)(&member.key);
            if let Some(flaw) = flaw {
                let says = format!("{} is not {}", quoted(&member.key), self.keys.noun);
                input.problems.add(Problem::new(&place, says).label(flaw));
            }
            let reading = self.shape.0.read(input.child(&member.key, &member.value));
            if let (None, Some(reading)) = (flaw, reading) {
                value.push((Spanned { value: member.key.clone(), place }, reading.value));
                resolved.insert(member.key.clone(), reading.resolved);
            }
        }
        (value.len() == members.len()).then_some(Reading { value, resolved: Value::Object(resolved) })
    }

    fn describe(&self, definitions: &mut Definitions) -> Value {
        let values = self.shape.0.describe(definitions);
        let mut schema = json!({
            "type": "object", "propertyNames": { "pattern": self.keys.pattern }, "additionalProperties": values,
        });
        for (name, doc) in &self.known {
            schema["properties"][name] = values.clone();
            schema["properties"][name]["description"] = json!(doc);
        }
        schema
    }

    fn types(&self) -> Types {
        Types::OBJECT
    }

    fn expects(&self) -> String {
        format!("an object with {} as keys", self.keys.plural)
    }
}

/// One of two shapes, told apart by their JSON types: `"all"` or `["store-0"]`.
///
/// # Panics
/// If both read values of one JSON type.
#[must_use]
pub fn either<T: 'static>(one: Shape<T>, other: Shape<T>) -> Shape<T> {
    assert!(
        !one.0.types().overlaps(other.0.types()),
        "{} and {} are of one type",
        one.0.expects(),
        other.0.expects()
    );
    Shape::new(Either { one, other })
}

struct Either<T> {
    one: Shape<T>,
    other: Shape<T>,
}

impl<T> Form<T> for Either<T> {
    fn read(&self, input: Input<'_>) -> Option<Reading<T>> {
        let found = Types::of(&input.tree.node);
        if self.one.0.types().overlaps(found) {
            self.one.0.read(input)
        } else if self.other.0.types().overlaps(found) {
            self.other.0.read(input)
        } else {
            input.unexpected(&self.expects(), None);
            None
        }
    }

    fn describe(&self, definitions: &mut Definitions) -> Value {
        json!({ "anyOf": [self.one.0.describe(definitions), self.other.0.describe(definitions)] })
    }

    fn types(&self) -> Types {
        self.one.0.types().and(self.other.0.types())
    }

    fn expects(&self) -> String {
        format!("{} or {}", self.one.0.expects(), self.other.0.expects())
    }
}

/// A shape that stands once in the schema, under `$defs`, and may contain itself: `build` is called when it is
/// needed, so a function may call itself inside `named`.
#[must_use]
pub fn named<T: 'static>(name: impl Into<String>, build: impl Fn() -> Shape<T> + Send + Sync + 'static) -> Shape<T> {
    Shape::new(Definition { name: name.into(), build })
}

struct Definition<B> {
    name: String,
    build: B,
}

impl<T: 'static, B: Fn() -> Shape<T> + Send + Sync> Form<T> for Definition<B> {
    fn read(&self, input: Input<'_>) -> Option<Reading<T>> {
        (self.build)().0.read(input)
    }

    fn describe(&self, definitions: &mut Definitions) -> Value {
        if !definitions.0.contains_key(&self.name) {
            // Known from now on, so that a reference inside its own description finds it.
            definitions.0.insert(self.name.clone(), Value::Null);
            let schema = (self.build)().0.describe(definitions);
            definitions.0.insert(self.name.clone(), schema);
        }
        json!({ "$ref": format!("#/$defs/{}", self.name) })
    }

    fn types(&self) -> Types {
        (self.build)().0.types()
    }

    fn expects(&self) -> String {
        (self.build)().0.expects()
    }
}

/// See [`Shape::try_map`].
pub(super) struct TryMap<T, F> {
    pub(super) shape: Shape<T>,
    pub(super) into: F,
}

impl<T, U, F: Fn(T) -> Result<U, String> + Send + Sync> Form<U> for TryMap<T, F> {
    fn read(&self, input: Input<'_>) -> Option<Reading<U>> {
        let Input { tree, place, problems } = input;
        let reading = self.shape.0.read(Input { tree, place: place.clone(), problems })?;
        match (self.into)(reading.value) {
            Ok(value) => Some(Reading { value, resolved: reading.resolved }),
            Err(says) => {
                problems.add(Problem::new(&place, says));
                None
            }
        }
    }

    fn describe(&self, definitions: &mut Definitions) -> Value {
        self.shape.0.describe(definitions)
    }

    fn types(&self) -> Types {
        self.shape.0.types()
    }

    fn expects(&self) -> String {
        self.shape.0.expects()
    }
}

/// See [`Shape::spanned`].
pub(super) struct WithPlace<T>(pub(super) Shape<T>);

impl<T> Form<Spanned<T>> for WithPlace<T> {
    fn read(&self, input: Input<'_>) -> Option<Reading<Spanned<T>>> {
        let place = input.place.clone();
        let Reading { value, resolved } = self.0.0.read(input)?;
        Some(Reading { value: Spanned { value, place }, resolved })
    }

    fn describe(&self, definitions: &mut Definitions) -> Value {
        self.0.0.describe(definitions)
    }

    fn types(&self) -> Types {
        self.0.0.types()
    }

    fn expects(&self) -> String {
        self.0.0.expects()
    }
}

/// See [`Shape::lenient`].
pub(super) struct Lenient<T>(pub(super) Shape<T>);

impl<T> Form<Option<T>> for Lenient<T> {
    fn read(&self, input: Input<'_>) -> Option<Reading<Option<T>>> {
        let tree = input.tree;
        Some(match self.0.0.read(input) {
            Some(Reading { value, resolved }) => Reading { value: Some(value), resolved },
            None => Reading { value: None, resolved: tree.to_value() },
        })
    }

    fn describe(&self, definitions: &mut Definitions) -> Value {
        self.0.0.describe(definitions)
    }

    fn types(&self) -> Types {
        self.0.0.types()
    }

    fn expects(&self) -> String {
        self.0.0.expects()
    }
}
