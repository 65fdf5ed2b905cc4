//! Kinds: a value whose key says what it is, from a list that is put together when the program runs.

use serde_json::{Map, Value, json};

use super::fields::object;
use super::{Definitions, Form, Input, Reading, Shape, Types};
use crate::scenario::problem::{Problem, listed, quoted};
use crate::scenario::tree::{Node, Tree};

/// One kind of something: `"crash"` with the shape of its settings.
pub struct Kind<T> {
    /// The key that says it.
    pub name: String,
    /// What it is, for the schema: a sentence.
    pub doc: String,
    /// Its settings.
    pub settings: Shape<T>,
}

impl<T> Clone for Kind<T> {
    fn clone(&self) -> Self {
        Self { name: self.name.clone(), doc: self.doc.clone(), settings: self.settings.clone() }
    }
}

/// A kind with settings.
#[must_use]
pub fn kind<T>(name: impl Into<String>, doc: impl Into<String>, settings: Shape<T>) -> Kind<T> {
    Kind { name: name.into(), doc: doc.into(), settings }
}

/// A kind without settings.
#[must_use]
pub fn bare<T: Clone + Send + Sync + 'static>(name: impl Into<String>, doc: impl Into<String>, value: T) -> Kind<T> {
    kind(name, doc, object(move |_| Some(value.clone())))
}

/// An object with exactly one key, which says the kind: `{ "crash": { … } }`. Where all settings have defaults
/// the name alone will do: `"linearizable"`. `noun` names in messages what there are kinds of.
#[must_use]
pub fn tagged<T: 'static>(noun: impl Into<String>, kinds: Vec<Kind<T>>) -> Shape<T> {
    Shape::new(Tagged { noun: noun.into(), kinds })
}

struct Tagged<T> {
    noun: String,
    kinds: Vec<Kind<T>>,
}

impl<T: 'static> Tagged<T> {
    fn full(&self) -> Shape<T> {
        let (noun, kinds) = (self.noun.clone(), self.kinds.clone());
        object(move |fields| fields.kind(&noun, kinds.clone()))
    }

    /// A name alone stands for the kind with empty settings.
    fn read_bare(&self, name: &str, input: Input<'_>) -> Option<Reading<T>> {
        let Some(kind) = self.kinds.iter().find(|kind| kind.name == name) else {
            let names = self.kinds.iter().map(|kind| kind.name.as_str());
            input.problems.add(Problem::unknown_name(&input.place, &self.noun, name, names));
            return None;
        };
        if !kind.settings.0.types().overlaps(Types::OBJECT) {
            let says = format!("{} says too little", quoted(name));
            let help = format!("write {{ {}: … }} with {}", quoted(name), kind.settings.0.expects());
            input.problems.add(Problem::new(&input.place, says).help(help));
            return None;
        }
        let empty = Tree { node: Node::Object(Vec::new()), span: input.tree.span.clone() };
        let Reading { value, resolved } =
            kind.settings.0.read(Input { tree: &empty, place: input.place, problems: input.problems })?;
        let plain = resolved.as_object().is_some_and(Map::is_empty);
        Some(Reading { value, resolved: if plain { json!(name) } else { json!({ name: resolved }) } })
    }
}

impl<T: 'static> Form<T> for Tagged<T> {
    fn read(&self, input: Input<'_>) -> Option<Reading<T>> {
        match &input.tree.node {
            Node::Text(name) => self.read_bare(name, input),
            Node::Object(_) => self.full().0.read(input),
            _ => {
                input.unexpected(&self.expects(), None);
                None
            }
        }
    }

    fn describe(&self, definitions: &mut Definitions) -> Value {
        let full = self.full().0.describe(definitions);
        let may_be_bare = |kind: &&Kind<T>| {
            let settings = kind.settings.0.describe(definitions);
            accepts_nothing(&settings, definitions)
        };
        let bare: Vec<&str> = self.kinds.iter().filter(may_be_bare).map(|kind| kind.name.as_str()).collect();
        if bare.is_empty() { full } else { json!({ "anyOf": [{ "type": "string", "enum": bare }, full] }) }
    }

    fn types(&self) -> Types {
        Types::TEXT.and(Types::OBJECT)
    }

    fn expects(&self) -> String {
        format!("a {} ({})", self.noun, listed(self.kinds.iter().map(|kind| kind.name.as_str())))
    }
}

/// Whether a schema of ours accepts the empty object.
fn accepts_nothing(schema: &Value, definitions: &Definitions) -> bool {
    let reference = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/"));
    if let Some(name) = reference {
        return definitions.0.get(name).is_some_and(|target| accepts_nothing(target, definitions));
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        return choices.iter().any(|choice| accepts_nothing(choice, definitions));
    }
    schema["type"] == "object" && schema.get("required").is_none() && schema.get("oneOf").is_none()
}
