//! Shapes of single values: numbers, texts, choices, and texts with units.

use std::ops::RangeInclusive;

use serde_json::{Value, json};

use super::{Definitions, Form, Input, Reading, Shape, Types};
use crate::host::Drift;
use crate::kernel::Span;
use crate::scenario::problem::{closest, quoted};
use crate::scenario::tree::Node;
use crate::scenario::units::{self, PERCENTAGE_PATTERN, Quantity, Rate};

/// A form without parts.
trait Scalar<T>: Send + Sync {
    /// The value, or why there is none in a few words, where there is more to say than what is expected.
    fn value(&self, node: &Node) -> Result<T, Option<String>>;
    fn schema(&self) -> Value;
    fn types(&self) -> Types;
    fn expects(&self) -> String;
}

/// Makes a form of a scalar.
struct Leaf<S>(S);

impl<T, S: Scalar<T>> Form<T> for Leaf<S> {
    fn read(&self, input: Input<'_>) -> Option<Reading<T>> {
        match self.0.value(&input.tree.node) {
            Ok(value) => Some(Reading { value, resolved: input.tree.to_value() }),
            Err(label) => {
                input.unexpected(&self.0.expects(), label);
                None
            }
        }
    }

    fn describe(&self, _: &mut Definitions) -> Value {
        self.0.schema()
    }

    fn types(&self) -> Types {
        self.0.types()
    }

    fn expects(&self) -> String {
        self.0.expects()
    }
}

/// `true` or `false`.
#[must_use]
pub fn boolean() -> Shape<bool> {
    Shape::new(Leaf(Boolean))
}

struct Boolean;

impl Scalar<bool> for Boolean {
    fn value(&self, node: &Node) -> Result<bool, Option<String>> {
        match node {
            Node::Bool(bool) => Ok(*bool),
            _ => Err(None),
        }
    }

    fn schema(&self) -> Value {
        json!({ "type": "boolean" })
    }

    fn types(&self) -> Types {
        Types::BOOL
    }

    fn expects(&self) -> String {
        "true or false".into()
    }
}

/// Any value, for whoever reads it later.
#[must_use]
pub fn anything() -> Shape<Value> {
    Shape::new(Anything)
}

struct Anything;

impl Form<Value> for Anything {
    fn read(&self, input: Input<'_>) -> Option<Reading<Value>> {
        let value = input.tree.to_value();
        Some(Reading { value: value.clone(), resolved: value })
    }

    fn describe(&self, _: &mut Definitions) -> Value {
        json!({})
    }

    fn types(&self) -> Types {
        [Types::NUMBER, Types::TEXT, Types::LIST, Types::OBJECT].into_iter().fold(Types::BOOL, Types::and)
    }

    fn expects(&self) -> String {
        "a value".into()
    }
}

/// Any text.
#[must_use]
pub fn text() -> Shape<String> {
    Shape::new(Leaf(Text))
}

struct Text;

impl Scalar<String> for Text {
    fn value(&self, node: &Node) -> Result<String, Option<String>> {
        match node {
            Node::Text(text) => Ok(text.clone()),
            _ => Err(None),
        }
    }

    fn schema(&self) -> Value {
        json!({ "type": "string" })
    }

    fn types(&self) -> Types {
        Types::TEXT
    }

    fn expects(&self) -> String {
        "a text".into()
    }
}

/// What a name looks like, for JSON Schema.
pub(super) const NAME_PATTERN: &str = "^[a-z][a-z0-9_-]*$";

/// Why a text is no name, if it is none.
pub(super) fn name_flaw(text: &str) -> Option<&'static str> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    let good = text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(inner);
    (!good).then_some("a name begins with a-z and goes on with a-z, 0-9, _ and -")
}

/// A name: `[a-z][a-z0-9_-]*`.
#[must_use]
pub fn name() -> Shape<String> {
    Shape::new(Leaf(Name))
}

struct Name;

impl Scalar<String> for Name {
    fn value(&self, node: &Node) -> Result<String, Option<String>> {
        match node {
            Node::Text(text) => match name_flaw(text) {
                None => Ok(text.clone()),
                Some(flaw) => Err(Some(flaw.into())),
            },
            _ => Err(None),
        }
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "pattern": NAME_PATTERN })
    }

    fn types(&self) -> Types {
        Types::TEXT
    }

    fn expects(&self) -> String {
        "a name such as \"store-1\"".into()
    }
}

/// A whole number in a range of numbers from 0 up.
///
/// # Panics
/// If the range begins below 0.
#[must_use]
pub fn count<N>(range: RangeInclusive<N>) -> Shape<N>
where
    N: Copy + TryFrom<u64> + TryInto<u64> + Send + Sync + 'static,
{
    let bound = |number: N| number.try_into().unwrap_or_else(|_| panic!("a count is never below 0"));
    let inner = Shape::new(Leaf(Count(bound(*range.start())..=bound(*range.end()))));
    inner.try_map(|number| N::try_from(number).map_err(|_| "too large".into()))
}

struct Count(RangeInclusive<u64>);

impl Scalar<u64> for Count {
    fn value(&self, node: &Node) -> Result<u64, Option<String>> {
        let Node::Number(number) = node else { return Err(None) };
        units::count(number).ok().filter(|count| self.0.contains(count)).ok_or(None)
    }

    fn schema(&self) -> Value {
        let mut schema = json!({ "type": "integer", "minimum": self.0.start() });
        if *self.0.end() < u64::MAX {
            schema["maximum"] = json!(self.0.end());
        }
        schema
    }

    fn types(&self) -> Types {
        Types::NUMBER
    }

    fn expects(&self) -> String {
        match (*self.0.start(), *self.0.end()) {
            (only, end) if only == end => format!("the number {only}"),
            (start, u64::MAX) => format!("a whole number from {start}"),
            (start, end) => format!("a whole number from {start} to {end}"),
        }
    }
}

/// A whole number in a range.
#[must_use]
pub fn integer(range: RangeInclusive<i64>) -> Shape<i64> {
    Shape::new(Leaf(Integer(range)))
}

struct Integer(RangeInclusive<i64>);

impl Scalar<i64> for Integer {
    fn value(&self, node: &Node) -> Result<i64, Option<String>> {
        let Node::Number(number) = node else { return Err(None) };
        units::integer(number).ok().filter(|integer| self.0.contains(integer)).ok_or(None)
    }

    fn schema(&self) -> Value {
        json!({ "type": "integer", "minimum": self.0.start(), "maximum": self.0.end() })
    }

    fn types(&self) -> Types {
        Types::NUMBER
    }

    fn expects(&self) -> String {
        format!("a whole number from {} to {}", self.0.start(), self.0.end())
    }
}

/// A number in a range. For ratios that decide an event use [`ratio`], which is exact.
#[must_use]
pub fn number(range: RangeInclusive<f64>) -> Shape<f64> {
    Shape::new(Leaf(Number(range)))
}

struct Number(RangeInclusive<f64>);

impl Scalar<f64> for Number {
    fn value(&self, node: &Node) -> Result<f64, Option<String>> {
        let Node::Number(number) = node else { return Err(None) };
        number.parse().ok().filter(|number| self.0.contains(number)).ok_or(None)
    }

    fn schema(&self) -> Value {
        json!({ "type": "number", "minimum": self.0.start(), "maximum": self.0.end() })
    }

    fn types(&self) -> Types {
        Types::NUMBER
    }

    fn expects(&self) -> String {
        format!("a number from {} to {}", self.0.start(), self.0.end())
    }
}

/// One of a few words, each with its meaning.
#[must_use]
pub fn one_of<T, W>(choices: impl IntoIterator<Item = (W, T)>) -> Shape<T>
where
    T: Clone + Send + Sync + 'static,
    W: Into<String>,
{
    Shape::new(Leaf(OneOf(choices.into_iter().map(|(word, meaning)| (word.into(), meaning)).collect())))
}

struct OneOf<T>(Vec<(String, T)>);

impl<T> OneOf<T> {
    fn words(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(word, _)| word.as_str())
    }
}

impl<T: Clone + Send + Sync> Scalar<T> for OneOf<T> {
    fn value(&self, node: &Node) -> Result<T, Option<String>> {
        let Node::Text(text) = node else { return Err(None) };
        match self.0.iter().find(|(word, _)| word == text) {
            Some((_, meaning)) => Ok(meaning.clone()),
            None => Err(closest(text, self.words()).map(|near| format!("did you mean {}?", quoted(near)))),
        }
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "enum": self.words().collect::<Vec<_>>() })
    }

    fn types(&self) -> Types {
        Types::TEXT
    }

    fn expects(&self) -> String {
        let words: Vec<String> = self.words().map(quoted).collect();
        match words.split_last() {
            Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
            _ => words.concat(),
        }
    }
}

/// A text of a number and a unit.
struct WithUnit<T> {
    quantity: Quantity,
    value: fn(&str) -> Result<T, String>,
    noun: &'static str,
    example: &'static str,
}

impl<T> Scalar<T> for WithUnit<T> {
    fn value(&self, node: &Node) -> Result<T, Option<String>> {
        match node {
            Node::Text(text) => (self.value)(text).map_err(Some),
            Node::Number(_) => Err(Some(format!("add a unit and double quotes, as in \"{}\"", self.example))),
            _ => Err(None),
        }
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "pattern": units::pattern(self.quantity), "examples": [self.example] })
    }

    fn types(&self) -> Types {
        Types::TEXT
    }

    fn expects(&self) -> String {
        format!("{} such as \"{}\"", self.noun, self.example)
    }
}

/// A length of time from 0: `"250ms"`, `"1.5s"`, `"2m"`; units `ns`, `us`, `ms`, `s`, `m`, `h`.
#[must_use]
pub fn duration() -> Shape<Span> {
    let value = units::duration;
    Shape::new(Leaf(WithUnit { quantity: Quantity::Duration, value, noun: "a duration", example: "250ms" }))
}

/// A length of time of at least a nanosecond.
#[must_use]
pub fn positive_duration() -> Shape<Span> {
    let value = |text: &str| match units::duration(text)? {
        Span::ZERO => Err("it must be more than zero".into()),
        span => Ok(span),
    };
    let (quantity, noun) = (Quantity::PositiveDuration, "a duration above zero");
    Shape::new(Leaf(WithUnit { quantity, value, noun, example: "250ms" }))
}

/// A length of time that may be negative, in nanoseconds: `"-50ms"`.
#[must_use]
pub fn signed_duration() -> Shape<i64> {
    let (quantity, value) = (Quantity::SignedDuration, units::signed_duration);
    Shape::new(Leaf(WithUnit { quantity, value, noun: "a duration, negative or not,", example: "-50ms" }))
}

/// By how much a clock runs fast or, if negative, slow: `"50ppm"`, `"-3ppb"`, `"1%"`; what [`Drift`] can be.
#[must_use]
pub fn drift() -> Shape<Drift> {
    let value = units::drift;
    Shape::new(Leaf(WithUnit { quantity: Quantity::Drift, value, noun: "a drift", example: "50ppm" }))
}

/// How often something happens: `"200/s"`, `"0.5/s"`, `"12000/m"`; units `/ms`, `/s`, `/m`, `/h`.
#[must_use]
pub fn rate() -> Shape<Rate> {
    let value = units::rate;
    Shape::new(Leaf(WithUnit { quantity: Quantity::Rate, value, noun: "a rate", example: "200/s" }))
}

/// A number of bytes: `"512B"`, `"4KiB"`, `"1MB"`.
#[must_use]
pub fn size() -> Shape<u64> {
    let value = units::size;
    Shape::new(Leaf(WithUnit { quantity: Quantity::Size, value, noun: "a size", example: "4KiB" }))
}

/// A throughput in bytes a second: `"10Mbit/s"`, `"1MiB/s"`.
#[must_use]
pub fn bandwidth() -> Shape<u64> {
    let value = units::bandwidth;
    Shape::new(Leaf(WithUnit { quantity: Quantity::Bandwidth, value, noun: "a bandwidth", example: "10Mbit/s" }))
}

/// A part of a whole in parts per billion, exact: `0.2` or `"20%"`.
#[must_use]
pub fn ratio() -> Shape<u64> {
    Shape::new(Leaf(Ratio))
}

struct Ratio;

impl Scalar<u64> for Ratio {
    fn value(&self, node: &Node) -> Result<u64, Option<String>> {
        match node {
            Node::Number(number) => units::ratio(number).map_err(Some),
            Node::Text(text) => units::percentage(text).map_err(Some),
            _ => Err(None),
        }
    }

    fn schema(&self) -> Value {
        json!({ "anyOf": [
            { "type": "number", "minimum": 0, "maximum": 1 },
            { "type": "string", "pattern": PERCENTAGE_PATTERN },
        ], "examples": [0.2, "20%"] })
    }

    fn types(&self) -> Types {
        Types::NUMBER.and(Types::TEXT)
    }

    fn expects(&self) -> String {
        "a ratio such as 0.2 or \"20%\"".into()
    }
}
