//! Objects: the fields that a reader asks for, read or described.

use serde_json::{Map, Value, json};

use super::kinds::Kind;
use super::{Definitions, Form, Input, Reading, Shape, Types};
use crate::scenario::problem::{Place, Problem, Problems, listed, quoted};
use crate::scenario::tree::{Member, Node, Tree};

/// The field that every object has.
const NOTE: &str = "note";

/// An object, read by a function that asks for its fields.
///
/// The function serves two modes. It must ask for all the fields before it uses any (`?` comes last): when the
/// object is described, every answer is `None`.
#[must_use]
pub fn object<T: 'static>(read: impl Fn(&mut Fields<'_>) -> Option<T> + Send + Sync + 'static) -> Shape<T> {
    Shape::new(Object(read))
}

struct Object<F>(F);

impl<F> Object<F> {
    fn description<'a, T>(&self, definitions: &'a mut Definitions) -> Describing<'a>
    where
        F: Fn(&mut Fields<'_>) -> Option<T>,
    {
        let describing = Describing { definitions, properties: Map::new(), required: Vec::new(), kinds: Vec::new() };
        let mut fields = Fields(Mode::Describing(describing));
        (self.0)(&mut fields);
        match fields.0 {
            Mode::Describing(describing) => describing,
            Mode::Reading(_) => unreachable!("a mode never changes"),
        }
    }
}

impl<T, F: Fn(&mut Fields<'_>) -> Option<T> + Send + Sync> Form<T> for Object<F> {
    fn read(&self, input: Input<'_>) -> Option<Reading<T>> {
        let Node::Object(members) = &input.tree.node else {
            input.unexpected("an object", None);
            return None;
        };
        let place = Place { span: opening(input.tree, input.problems), pointer: input.place.pointer };
        let asked = vec![None; members.len()];
        let reading =
            Members { members, place, problems: input.problems, asked, defaults: Map::new(), kindless: None };
        let mut fields = Fields(Mode::Reading(reading));
        let _ = fields.maybe(NOTE, "", super::text());
        let value = (self.0)(&mut fields);
        let Mode::Reading(mut reading) = fields.0 else { unreachable!("a mode never changes") };
        if reading.asked.contains(&None) {
            reading.report_strangers(&self.description(&mut Definitions::default()));
        } else if let Some((noun, names)) = &reading.kindless {
            let says = format!("it is not said which {noun} this is");
            let help = format!("add one of the keys {}", listed(names.iter().map(String::as_str)));
            reading.problems.add(Problem::new(&reading.place, says).help(help));
        }
        let resolved = reading.resolved();
        Some(Reading { value: value?, resolved })
    }

    fn describe(&self, definitions: &mut Definitions) -> Value {
        self.description(definitions).into_schema()
    }

    fn types(&self) -> Types {
        Types::OBJECT
    }

    fn expects(&self) -> String {
        "an object".into()
    }
}

/// The brace that opens an object: what is missing from an object is missing there. A whole object would
/// underline many lines.
fn opening(tree: &Tree, problems: &Problems) -> std::ops::Range<usize> {
    let written = problems.source().text.as_bytes().get(tree.span.start) == Some(&b'{');
    tree.span.start..if written { tree.span.start + 1 } else { tree.span.end }
}

/// The fields of one object: a reader asks for each of them once, by name.
pub struct Fields<'a>(Mode<'a>);

enum Mode<'a> {
    Reading(Members<'a>),
    Describing(Describing<'a>),
}

impl Fields<'_> {
    /// A field that has to be there.
    pub fn required<T: 'static>(&mut self, name: &str, doc: &str, shape: Shape<T>) -> Option<T> {
        match &mut self.0 {
            Mode::Reading(members) => match members.ask(name, &shape) {
                Some(value) => value,
                None => {
                    let expects = shape.0.expects();
                    let problem = Problem::new(&members.place, format!("the field {} is missing", quoted(name)));
                    members.problems.add(problem.help(format!("{} is {expects}: {doc}", quoted(name))));
                    None
                }
            },
            Mode::Describing(describing) => {
                describing.property(name, doc, &shape, None);
                describing.required.push(name.into());
                None
            }
        }
    }

    /// A field with a default, given in the notation of the file. A default that the shape cannot read is
    /// reported like a value of the file, so any test that reads the object finds it.
    pub fn optional<T: 'static>(
        &mut self,
        name: &str,
        doc: &str,
        shape: Shape<T>,
        default: impl Into<Value>,
    ) -> Option<T> {
        let default = default.into();
        match &mut self.0 {
            Mode::Reading(members) => {
                members.ask(name, &shape).unwrap_or_else(|| members.fill_in(name, &shape, &default))
            }
            Mode::Describing(describing) => {
                describing.property(name, doc, &shape, Some(default));
                None
            }
        }
    }

    /// A field that may be left out and then is `Some(None)`; the outer `None` means a problem, as always.
    pub fn maybe<T: 'static>(&mut self, name: &str, doc: &str, shape: Shape<T>) -> Option<Option<T>> {
        match &mut self.0 {
            Mode::Reading(members) => match members.ask(name, &shape) {
                Some(value) => value.map(Some),
                None => Some(None),
            },
            Mode::Describing(describing) => {
                describing.property(name, doc, &shape, None);
                None
            }
        }
    }

    /// The one key that says of which kind this is, beside the other fields: `"crash"` in
    /// `{ "id": "fifth", "crash": { … } }`. `noun` names in messages what there are kinds of. An object has at
    /// most one such key.
    pub fn kind<T: 'static>(&mut self, noun: &str, kinds: Vec<Kind<T>>) -> Option<T> {
        match &mut self.0 {
            Mode::Reading(members) => members.ask_kind(noun, &kinds),
            Mode::Describing(describing) => {
                for kind in kinds {
                    describing.property(&kind.name, &kind.doc, &kind.settings, None);
                    describing.kinds.push(kind.name);
                }
                None
            }
        }
    }

    /// Reports that the value of a field does not fit (the object itself, if the field was left out).
    pub fn refuse(&mut self, name: &str, says: impl Into<String>) {
        if let Mode::Reading(members) = &mut self.0 {
            let place = match members.members.iter().find(|member| member.key == name) {
                Some(member) => members.place.child(name, member.value.span.clone()),
                None => members.place.clone(),
            };
            members.problems.add(Problem::new(&place, says));
        }
    }

    /// Runs a check of several fields together, which may add problems; it gets the place of the object. It does
    /// not run when the object is described.
    pub fn check(&mut self, check: impl FnOnce(&Place, &mut Problems)) {
        if let Mode::Reading(members) = &mut self.0 {
            check(&members.place, members.problems);
        }
    }
}

/// An object that is being read.
struct Members<'a> {
    members: &'a [Member],
    /// Its opening brace.
    place: Place,
    problems: &'a mut Problems,
    /// The resolved form of each member, once it was asked for.
    asked: Vec<Option<Value>>,
    defaults: Map<String, Value>,
    /// What has no kind, and the kinds, if none is here.
    kindless: Option<(String, Vec<String>)>,
}

impl Members<'_> {
    /// The value of a member, `Some(None)` if it has problems, `None` if it is not there.
    fn ask<T>(&mut self, name: &str, shape: &Shape<T>) -> Option<Option<T>> {
        let index = self.members.iter().position(|member| member.key == name)?;
        Some(self.read(index, shape))
    }

    fn read<T>(&mut self, index: usize, shape: &Shape<T>) -> Option<T> {
        let Member { key, value, .. } = &self.members[index];
        let place = self.place.child(key, value.span.clone());
        let reading = shape.0.read(Input { tree: value, place, problems: self.problems });
        let (value, resolved) = match reading {
            Some(Reading { value, resolved }) => (Some(value), resolved),
            None => (None, value.to_value()),
        };
        self.asked[index] = Some(resolved);
        value
    }

    fn fill_in<T>(&mut self, name: &str, shape: &Shape<T>, default: &Value) -> Option<T> {
        let tree = Tree::of_value(default, &self.place.span);
        let place = self.place.child(name, self.place.span.clone());
        let Reading { value, resolved } = shape.0.read(Input { tree: &tree, place, problems: self.problems })?;
        self.defaults.insert(name.into(), resolved);
        Some(value)
    }

    fn ask_kind<T>(&mut self, noun: &str, kinds: &[Kind<T>]) -> Option<T> {
        let of_key = |key: &str| kinds.iter().find(|kind| kind.name == key);
        let found = |(index, member): (usize, &Member)| Some((index, of_key(&member.key)?));
        let found: Vec<(usize, &Kind<T>)> = self.members.iter().enumerate().filter_map(found).collect();
        let Some((&(first, kind), others)) = found.split_first() else {
            self.kindless = Some((noun.into(), kinds.iter().map(|kind| kind.name.clone()).collect()));
            return None;
        };
        for &(index, other) in others {
            let place = self.place.child(&other.name, self.members[index].key_span.clone());
            let says = format!("one {noun} is of one kind: {} beside {}", quoted(&other.name), quoted(&kind.name));
            self.problems.add(Problem::new(&place, says));
            self.read(index, &other.settings);
        }
        let value = self.read(first, &kind.settings);
        if others.is_empty() { value } else { None }
    }

    /// Reports each member that nobody asked for.
    fn report_strangers(&mut self, known: &Describing<'_>) {
        let names = || known.properties.keys().map(String::as_str);
        for (member, asked) in self.members.iter().zip(&self.asked) {
            if asked.is_some() {
                continue;
            }
            let place = self.place.child(&member.key, member.key_span.clone());
            // Where no key says the kind, the first stranger is taken for a misspelt one.
            let problem = match self.kindless.take() {
                Some((noun, kinds)) => {
                    let says = format!("no {noun} is named {}", quoted(&member.key));
                    let help = format!("{noun}s: {}", listed(kinds.iter().map(String::as_str)));
                    Problem::new(&place, says).suggest(&member.key, names()).help(help)
                }
                None => Problem::new(&place, format!("unknown field {}", quoted(&member.key)))
                    .suggest(&member.key, names())
                    .help(format!("known fields: {}", listed(names()))),
            };
            self.problems.add(problem);
        }
    }

    /// The members in the order of the file, then the defaults.
    fn resolved(self) -> Value {
        let named = |(member, asked): (&Member, Option<Value>)| {
            (member.key.clone(), asked.unwrap_or_else(|| member.value.to_value()))
        };
        Value::Object(self.members.iter().zip(self.asked).map(named).chain(self.defaults).collect())
    }
}

/// An object that is being described.
struct Describing<'a> {
    definitions: &'a mut Definitions,
    properties: Map<String, Value>,
    required: Vec<String>,
    kinds: Vec<String>,
}

impl Describing<'_> {
    fn property<T>(&mut self, name: &str, doc: &str, shape: &Shape<T>, default: Option<Value>) {
        let mut schema = Map::new();
        schema.insert("description".into(), json!(doc));
        if let Value::Object(body) = shape.0.describe(self.definitions) {
            schema.extend(body);
        }
        if let Some(default) = default {
            schema.insert("default".into(), default);
        }
        let before = self.properties.insert(name.into(), Value::Object(schema));
        assert!(before.is_none(), "two fields of one object are named {name:?}");
    }

    fn into_schema(mut self) -> Value {
        self.property(NOTE, "Prose for people; it means nothing to the run.", &super::text(), None);
        let mut schema = Map::new();
        schema.insert("type".into(), json!("object"));
        schema.insert("properties".into(), Value::Object(self.properties));
        schema.insert("additionalProperties".into(), json!(false));
        if !self.required.is_empty() {
            schema.insert("required".into(), json!(self.required));
        }
        if !self.kinds.is_empty() {
            let choices: Vec<Value> = self.kinds.iter().map(|kind| json!({ "required": [kind] })).collect();
            schema.insert("oneOf".into(), json!(choices));
        }
        Value::Object(schema)
    }
}
