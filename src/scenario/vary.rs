//! What a swarm draws besides faults: any value of the scenario file, by its JSON Pointer.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::kernel::{Draw, Purpose, Stream, Streams};

use super::document::Document;
use super::file::Scenario;
use super::input::{Fields, Shape, Spanned, anything, by_pointer, either, non_empty_list, object};
use super::problem::{Problem, Problems};
use super::registry::Registry;

/// What may be drawn for one value.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Values {
    /// One of these, all equally likely.
    Choices(Vec<Value>),
    /// A number between two, on a logarithmic scale.
    Range(Range),
}

/// The numbers from `low` to `high`, counted in `10^-decimals` of the unit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Range {
    low: u64,
    high: u64,
    decimals: usize,
    /// Empty for a plain number.
    unit: String,
}

/// What is drawn where.
pub(super) type Written = Vec<(Spanned<String>, Values)>;

pub(super) fn vary() -> Shape<Written> {
    by_pointer(either(non_empty_list(anything()).map(Values::Choices), object(range).map(Values::Range)))
}

fn range(fields: &mut Fields<'_>) -> Option<Range> {
    let low = fields.required("from", "The smallest, more than zero.", anything());
    let high = fields.required("to", "The largest, in the same unit.", anything());
    let (low, high) = (low?, high?);
    match Range::between(&low, &high) {
        Ok(range) => Some(range),
        Err((name, says)) => {
            fields.refuse(name, says);
            None
        }
    }
}

impl Range {
    /// Whole numbers between two whole ones, else numbers with three decimal places more than these have. Otherwise which
    /// end is wrong, and why.
    fn between(low: &Value, high: &Value) -> Result<Self, (&'static str, String)> {
        const FINER: usize = 3;
        let says =
            |value: &Value| format!("{value} is not a number, with or without a unit, as in 5, \"250ms\" or \"1%\"");
        let (from, unit) = number(low).ok_or_else(|| ("from", says(low)))?;
        let (to, other) = number(high).ok_or_else(|| ("to", says(high)))?;
        if unit != other || low.is_string() != high.is_string() {
            return Err(("to", format!("{high} is in another unit than {low}")));
        }
        let places = |text: &str| text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let most = places(&from).max(places(&to));
        let decimals = if most == 0 { 0 } else { most + FINER };
        let counted = |text: &str| {
            let digits = text.replace('.', "") + &"0".repeat(decimals - places(text));
            digits.parse().map_err(|_| ("to", format!("{text} has too many digits")))
        };
        let (low, high) = (counted(&from)?, counted(&to)?);
        match low {
            0 => Err(("from", "a logarithmic scale has no zero: begin above it".to_owned())),
            _ if high < low => Err(("to", format!("{to}{unit} is less than {from}{unit}"))),
            _ => Ok(Self { low, high, decimals, unit }),
        }
    }

    /// This many in the notation of the file.
    fn written(&self, count: u64) -> Value {
        let digits = format!("{count:0>width$}", width = self.decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - self.decimals);
        let number = if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") };
        if self.unit.is_empty() {
            return number.parse::<serde_json::Number>().map_or(Value::Null, Value::Number);
        }
        json!(number + &self.unit)
    }
}

/// A value's number and unit, as they are written; `None` if it is no number that has neither sign nor exponent.
fn number(value: &Value) -> Option<(String, String)> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let is_number = number.parse::<f64>().is_ok() && !number.starts_with('.') && !number.ends_with('.');
    (is_number && value.is_string() != unit.is_empty()).then(|| (number.to_owned(), unit.to_owned()))
}

impl Values {
    fn draw(&self, stream: &mut Stream) -> Value {
        match self {
            Self::Choices(choices) => stream.pick(choices).cloned().unwrap_or_default(),
            Self::Range(range) => range.written(stream.log_uniform(range.low, range.high)),
        }
    }

    /// Those that show whether the file would accept all.
    fn samples(&self) -> Vec<Value> {
        match self {
            Self::Choices(choices) => choices.clone(),
            Self::Range(range) => vec![range.written(range.low), range.written(range.high)],
        }
    }
}

/// A scenario file of which a seed draws some values.
#[derive(Clone)]
pub(super) struct Varied(Arc<File>);

struct File {
    document: Document,
    registry: Registry,
    vary: Written,
}

const DRAWN: Purpose = Purpose::new("vary");

/// What nobody may draw: it would be drawn by itself.
const FIXED: [&str; 4] = ["/seed", "/swarm", "/sweep", "/version"];

fn is_within(pointer: &str, part: &str) -> bool {
    pointer.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Varied {
    /// What is varied in a file, which is right as it stands. Each value alone has to be right, too.
    pub(super) fn new(document: &Document, registry: &Registry, vary: Written, problems: &mut Problems) -> Self {
        for (pointer, values) in &vary {
            if let Some(part) = FIXED.into_iter().find(|part| is_within(&pointer.value, part)) {
                problems.add(Problem::new(&pointer.place, format!("{part} cannot be drawn: it is what decides")));
                continue;
            }
            for value in values.samples() {
                if let Err(says) = with(document, registry, [(pointer.value.as_str(), &value)]) {
                    problems.add(Problem::new(&pointer.place, format!("{value} does not fit there: {says}")));
                }
            }
        }
        Self(Arc::new(File { document: document.clone(), registry: registry.clone(), vary }))
    }

    /// The scenario of a seed, and what it has drawn, in words.
    ///
    /// # Errors
    /// If values that fit alone do not fit together.
    pub(super) fn draw(&self, seed: u64) -> Result<(Scenario, String), String> {
        let File { document, registry, vary } = &*self.0;
        let mut streams = Streams::new(seed);
        let mut drawn = Vec::new();
        for (pointer, values) in vary {
            let mut stream = streams.open(DRAWN, &pointer.value).map_err(|clash| clash.to_string())?;
            drawn.push((pointer.value.as_str(), values.draw(&mut stream)));
        }
        let mut words = String::from("Drawn:");
        for (number, (pointer, value)) in drawn.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(words, "{comma} {pointer} = {value}").map_err(|error| error.to_string())?;
        }
        let scenario = with(document, registry, drawn.iter().map(|(pointer, value)| (*pointer, value)))
            .map_err(|says| format!("what seed {seed} draws does not fit together ({words}): {says}"))?;
        Ok((scenario, words + "."))
    }
}

/// The file's scenario with these values set, in their order.
fn with<'a>(
    document: &Document,
    registry: &Registry,
    values: impl IntoIterator<Item = (&'a str, &'a Value)>,
) -> Result<Scenario, String> {
    let mut document = document.clone();
    for (pointer, value) in values {
        document = document.set(pointer, &value.to_string())?;
    }
    let says =
        |problems: Problems| problems.iter().map(|problem| problem.says.clone()).collect::<Vec<_>>().join("; ");
    Scenario::read_base(&document, registry).map(|base| base.scenario).map_err(says)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::scenario::RunOptions;

    fn text(vary: &str) -> String {
        format!(
            r#"{{
                "version": 1, "title": "Varied", "duration": "2s", "network": {{}},
                "services": {{ "store": {{ "quorum": {{ "replicas": 5, "n": 3 }} }} }},
                "clients": {{ "c": {{ "calls": "store", "arrivals": {{ "poisson": "20/s" }}, "operations": {{ "read": 1, "write": 1 }} }} }},
                "swarm": {{ "vary": {vary} }},
                "hypothesis": {{ "always": ["stale_reads"] }}
            }}"#
        )
    }

    fn read(vary: &str) -> Result<Scenario, String> {
        let read = Scenario::parse("varied.json", text(vary).as_bytes(), &Registry::standard());
        read.map_err(|problems| problems.to_string())
    }

    fn drawn(scenario: &Scenario, seed: u64) -> Value {
        scenario.varied.as_ref().expect("varied").draw(seed).expect("right").0.resolved
    }

    const MANY: &str = r#"{
        "/services/store/quorum/replicas": [3, 5, 7],
        "/clients/c/timeout": { "from": "100ms", "to": "10000ms" },
        "/clients/c/operations/write": { "from": 0.1, "to": 10 },
        "/network/loss": { "from": "0.1%", "to": "1%" },
        "/network/latency": ["1ms", { "exponential": { "mean": "5ms" } }]
    }"#;

    #[test]
    fn every_value_is_drawn() {
        let scenario = read(MANY).expect("right");
        let (mut replicas, mut decades) = (BTreeMap::<u64, u32>::new(), BTreeMap::<u64, u32>::new());
        for seed in 0..600 {
            let drawn = drawn(&scenario, seed);
            let count = drawn["services"]["store"]["quorum"]["replicas"].as_u64().expect("a number");
            *replicas.entry(count).or_default() += 1;
            let timeout =
                drawn["clients"]["c"]["timeout"].as_str().and_then(|text| text.strip_suffix("ms")).expect("ms");
            *decades.entry(timeout.parse::<u64>().expect("whole") / 1_000).or_default() += 1;
            let write = drawn["clients"]["c"]["operations"]["write"].as_f64().expect("a number");
            assert!((0.1..=10.0).contains(&write) && write.to_string().len() <= 7, "{write}");
        }
        // The deviation of 600 draws of a third is 12, of one half 12.
        assert_eq!(replicas.keys().copied().collect::<Vec<_>>(), [3, 5, 7]);
        assert!(replicas.values().all(|count| count.abs_diff(200) < 60), "{replicas:?}");
        assert!(decades[&0].abs_diff(300) < 60, "half of them are below a second: {decades:?}");
    }

    #[test]
    fn a_value_is_drawn_alike_whatever_its_neighbours() {
        let few = r#"{ "/clients/c/timeout": { "from": "100ms", "to": "10000ms" } }"#;
        let (many, few) = (read(MANY).expect("right"), read(few).expect("right"));
        let timeout = |scenario: &Scenario, seed| drawn(scenario, seed)["clients"]["c"]["timeout"].clone();
        assert!((0..20).all(|seed| timeout(&many, seed) == timeout(&few, seed)));
    }

    #[test]
    fn the_resolved_scenario_draws_nothing() {
        let scenario = read(MANY).expect("right");
        for seed in 0..6 {
            let run = scenario.run(RunOptions { seed, keep_trace: false }).expect("a run");
            assert!(
                run.resolved.get("swarm").is_none() && run.resolved["note"] == json!(run.chaos),
                "{:#}",
                run.resolved
            );
            assert!(
                run.chaos
                    .as_deref()
                    .is_some_and(|words| words.starts_with("Drawn: /services/store/quorum/replicas = "))
            );
            let document = Document::from_value("resolved", &run.resolved).expect("not too deep");
            let replay =
                Scenario::read(&document, &Registry::standard()).unwrap_or_else(|problems| panic!("{problems}"));
            let again = replay.run(RunOptions { seed, keep_trace: false }).expect("a run");
            assert_eq!(again.digest().value(), run.digest().value(), "seed {seed}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let check = |vary: &str, expected: &str| {
            let error = read(vary).err().unwrap_or_default();
            assert!(error.contains(expected), "{vary}: {error}");
        };
        check(r#"{ "services": [1] }"#, "\"services\" is not a JSON Pointer");
        check(r#"{ "/clients/d/timeout": ["1s"] }"#, "\"1s\" does not fit there: there is nothing at /clients/d");
        check(r#"{ "/clients/c/timeout": ["1s", 3] }"#, "3 does not fit there: expected a duration");
        check(r#"{ "/services/store/quorum/replicas": { "from": 1, "to": 5 } }"#, "1 does not fit there");
        check(r#"{ "/clients/c/timeout": [] }"#, "expected a list that is not empty");
        check(
            r#"{ "/clients/c/timeout": { "from": "1s", "to": "9000ms" } }"#,
            "\"9000ms\" is in another unit than \"1s\"",
        );
        check(r#"{ "/clients/c/timeout": { "from": "2s", "to": "1s" } }"#, "1s is less than 2s");
        check(r#"{ "/clients/c/timeout": { "from": "0s", "to": "1s" } }"#, "has no zero");
        check(r#"{ "/clients/c/timeout": { "from": true, "to": "1s" } }"#, "true is not a number");
        check(r#"{ "/clients/c/timeout": { "from": "5", "to": "7" } }"#, "\"5\" is not a number");
        check(r#"{ "/swarm/level": ["calm"] }"#, "/swarm cannot be drawn");
        // Three replicas and n = 4 fit alone, not together.
        let scenario =
            read(r#"{ "/services/store/quorum/replicas": [3], "/services/store/quorum/n": [4] }"#).expect("alone");
        let error = scenario.run(RunOptions { seed: 1, keep_trace: false }).map(|_| ()).expect_err("not together");
        assert!(
            error.to_string().contains("does not fit together (Drawn: /services/store/quorum/replicas = 3"),
            "{error}"
        );
    }

    #[test]
    fn numbers_keep_their_unit_and_are_as_fine_as_their_ends() {
        let check = |low: Value, high: Value, count: u64, expected: Value| {
            assert_eq!(Range::between(&low, &high).expect("a range").written(count), expected);
        };
        check(json!(3), json!(9), 4, json!(4));
        check(json!("3ms"), json!("9ms"), 4, json!("4ms"));
        check(json!(0.1), json!(2), 4_321, json!(0.4321));
        check(json!("0.5s"), json!("2s"), 12_345, json!("1.2345s"));
        check(json!("0.01%"), json!("2%"), 12_345, json!("0.12345%"));
    }
}
