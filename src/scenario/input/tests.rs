use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::host::Drift;
use crate::kernel::Span;
use crate::scenario::units::Rate;

mod validator;
use validator::violation;

/// Reads a text: the value, or the problems as plain text.
fn read<T: 'static>(shape: &Shape<T>, text: &str) -> Result<Reading<T>, String> {
    let document = Document::parse("a.json", text.as_bytes()).map_err(|problems| problems.to_string())?;
    let mut problems = document.problems();
    let reading = shape.read(&document, &mut problems);
    match reading {
        Some(reading) if problems.is_empty() => Ok(reading),
        _ => {
            assert!(!problems.is_empty(), "{text}: nothing was read and no problem was reported");
            Err(problems.to_string())
        }
    }
}

/// The messages alone, with their labels.
fn complaints<T: 'static>(shape: &Shape<T>, text: &str) -> Vec<String> {
    let errors = read(shape, text).map(drop).expect_err(text);
    let part = |line: &str| line.strip_prefix("error: ").or_else(|| line.strip_prefix("  = ")).map(str::to_owned);
    errors.lines().filter(|line| !line.starts_with("  = help")).filter_map(part).collect()
}

#[derive(Clone, Debug, PartialEq)]
enum Spread {
    Constant(Span),
    Uniform { low: Span, high: Span },
    Mixture(Vec<(u64, Spread)>),
}

/// A recursive shape.
fn spread() -> Shape<Spread> {
    named("spread", || {
        let uniform = object(|fields| {
            let low = fields.optional("low", "The least.", duration(), "0s");
            let high = fields.required("high", "The most.", duration());
            let (low, high) = (low?, high?);
            if low > high {
                fields.refuse("low", "the least is more than the most");
                return None;
            }
            Some(Spread::Uniform { low, high })
        });
        let part = object(|fields| {
            let weight = fields.required("weight", "How often, in relation to the others.", count(1..=1_000));
            let of = fields.required("of", "What.", spread());
            Some((weight?, of?))
        });
        tagged(
            "distribution",
            vec![
                kind("constant", "Always the same.", duration().map(Spread::Constant)),
                kind("uniform", "Anything between two bounds.", uniform),
                kind("mixture", "One of several.", non_empty_list(part).map(Spread::Mixture)),
            ],
        )
    })
}

#[derive(Clone, Debug, PartialEq)]
enum Effect {
    Crash { silent: bool },
    Partition(Vec<Vec<String>>),
    Heal,
}

#[derive(Clone, Debug, PartialEq)]
struct Fault {
    id: Option<String>,
    whom: Spanned<Vec<String>>,
    effect: Effect,
}

fn fault() -> Shape<Fault> {
    object(|fields| {
        let whom = either(one_of([("all", Vec::new())]), list(name())).spanned();
        let crash = object(|fields| {
            let silent = fields.optional("silent", "Without a word to its peers.", boolean(), false);
            Some(Effect::Crash { silent: silent? })
        });
        let id = fields.maybe("id", "What reports call it.", name());
        let whom = fields.optional("whom", "The nodes that it hits.", whom, "all");
        let effect = fields.kind(
            "fault",
            vec![
                kind("crash", "A node stops.", crash),
                kind("partition", "Groups cannot reach each other.", list(list(name())).map(Effect::Partition)),
                bare("heal", "All faults end.", Effect::Heal),
            ],
        );
        Some(Fault { id: id?, whom: whom?, effect: effect? })
    })
}

#[derive(Clone, Debug, PartialEq)]
struct Sample {
    replicas: u32,
    offset: i64,
    exponent: f64,
    drift: Drift,
    wait: Span,
    latency: Spread,
    load: Rate,
    loss: u64,
    page: u64,
    bandwidth: u64,
    zones: Vec<(Spanned<String>, i64)>,
    faults: Vec<Fault>,
}

fn sample() -> Shape<Sample> {
    object(|fields| {
        let replicas = fields.required("replicas", "How many.", count(1..=9));
        let offset = fields.optional("offset", "Of the clock.", signed_duration(), "-50ms");
        let exponent = fields.optional("exponent", "Of the key choice.", number(0.5..=2.0), 1.1);
        let drift = fields.optional("drift", "Of the clock.", drift(), "50ppm");
        let wait = fields.optional("wait", "Before a retry.", positive_duration(), "1s");
        let latency = fields.optional("latency", "Of a message.", spread(), json!({ "uniform": { "high": "2ms" } }));
        let load = fields.optional("load", "Requests.", rate(), "200/s");
        let loss = fields.optional("loss", "Of messages.", ratio(), 0);
        let page = fields.optional("page", "Of the disk.", size(), "4KiB");
        let bandwidth = fields.optional("bandwidth", "Of a link.", bandwidth(), "10Mbit/s");
        let zones = fields.optional("zones", "Zones and their rank.", map(integer(-5..=5)), json!({}));
        let faults = fields.optional("faults", "What breaks.", list(fault()), json!([]));
        Some(Sample {
            replicas: replicas?,
            offset: offset?,
            exponent: exponent?,
            drift: drift?,
            wait: wait?,
            latency: latency?,
            load: load?,
            loss: loss?,
            page: page?,
            bandwidth: bandwidth?,
            zones: zones?,
            faults: faults?,
        })
    })
}

#[test]
fn defaults_are_read_through_their_shape_and_fill_the_resolved_form() {
    let reading = read(&sample(), r#"{ "note": "small", "loss": "20%", "replicas": 3 }"#).unwrap();
    let value = reading.value;
    assert_eq!((value.replicas, value.offset, value.drift.ppb(), value.loss), (3, -50_000_000, 50_000, 200_000_000));
    assert_eq!((value.wait, value.page, value.bandwidth), (Span::from_secs(1), 4_096, 1_250_000));
    assert_eq!(value.latency, Spread::Uniform { low: Span::ZERO, high: Span::from_millis(2) });
    let expected = json!({
        "note": "small", "loss": "20%", "replicas": 3, "offset": "-50ms", "exponent": 1.1, "drift": "50ppm", "wait": "1s",
        "latency": { "uniform": { "high": "2ms", "low": "0s" } }, "load": "200/s", "page": "4KiB",
        "bandwidth": "10Mbit/s", "zones": {}, "faults": [],
    });
    // As texts: the order of the fields counts too.
    assert_eq!(reading.resolved.to_string(), expected.to_string());
}

#[test]
fn a_resolved_form_reads_to_the_same_value_and_is_its_own_resolved_form() {
    let check = |text: &str| {
        let reading = read(&sample(), text).unwrap();
        let again = read(&sample(), &reading.resolved.to_string()).unwrap();
        assert_eq!(again.resolved, reading.resolved, "{text}");
        // Places differ; all else is the same.
        let plain = |mut sample: Sample| {
            let nowhere = Place { pointer: String::new(), span: 0..0 };
            sample.faults.iter_mut().for_each(|fault| fault.whom.place = nowhere.clone());
            sample.zones.iter_mut().for_each(|zone| zone.0.place = nowhere.clone());
            sample
        };
        assert_eq!(plain(again.value), plain(reading.value), "{text}");
    };
    SAMPLES.iter().for_each(|text| check(text));
}

/// Documents that the sample shape reads.
const SAMPLES: &[&str] = &[
    r#"{ "replicas": 1 }"#,
    r#"{ "replicas": 9.0, "exponent": 2, "offset": "0s", "drift": "-1.5%", "load": "0.5/h" }"#,
    r#"{ "replicas": 3e0, "loss": 1, "page": "0B", "wait": "0.001us" }"#,
    r#"{ "replicas": 2, "latency": { "constant": "1.5ms" }, "note": "" }"#,
    r#"{ "replicas": 2, "latency": { "mixture": [ { "weight": 1, "of": { "mixture": [
        { "weight": 2, "of": { "constant": "1ms" }, "note": "the slow one" } ] } } ], "note": "nested" } }"#,
    r#"{ "replicas": 2, "zones": { "a": -5, "note": 0, "b-1_x": 5 } }"#,
    r#"{ "replicas": 2, "faults": [ { "crash": {} }, { "heal": {}, "whom": ["a-0", "a-1"] },
        { "id": "x", "crash": { "silent": true, "note": "power" }, "note": "first" },
        { "whom": "all", "partition": [["a-0"], []] } ] }"#,
];

/// Documents that the sample shape refuses, with its messages.
const BROKEN: &[(&str, &[&str])] = &[
    ("[]", &["expected an object, found an empty list"]),
    ("{}", &["the field \"replicas\" is missing"]),
    (r#"{ "replicas": 10 }"#, &["expected a whole number from 1 to 9, found the number 10"]),
    (r#"{ "replicas": 2.5 }"#, &["expected a whole number from 1 to 9, found the number 2.5"]),
    (r#"{ "replicas": "3" }"#, &["expected a whole number from 1 to 9, found \"3\""]),
    (r#"{ "replicas": null }"#, &["expected a whole number from 1 to 9, found null"]),
    (r#"{ "replicas": 3, "note": 4 }"#, &["expected a text, found the number 4"]),
    (
        r#"{ "replicaz": 3 }"#,
        &["the field \"replicas\" is missing", "unknown field \"replicaz\"", "did you mean \"replicas\"?"],
    ),
    (
        r#"{ "replicas": 3, "wait": 250 }"#,
        &[
            "expected a duration above zero such as \"250ms\", found the number 250",
            "add a unit and double quotes, as in \"250ms\"",
        ],
    ),
    (
        r#"{ "replicas": 3, "wait": "0.00s" }"#,
        &["expected a duration above zero such as \"250ms\", found \"0.00s\"", "it must be more than zero"],
    ),
    (
        r#"{ "replicas": 3, "wait": "1 s" }"#,
        &["expected a duration above zero such as \"250ms\", found \"1 s\"", "there is no space before the unit"],
    ),
    (r#"{ "replicas": 3, "exponent": 2.5 }"#, &["expected a number from 0.5 to 2, found the number 2.5"]),
    (
        r#"{ "replicas": 3, "loss": 1.5 }"#,
        &["expected a ratio such as 0.2 or \"20%\", found the number 1.5", "a ratio is at most 1, that is 100%"],
    ),
    (
        r#"{ "replicas": 3, "loss": "120%" }"#,
        &["expected a ratio such as 0.2 or \"20%\", found \"120%\"", "a ratio is at most 1, that is 100%"],
    ),
    (
        r#"{ "replicas": 3, "load": "0/s" }"#,
        &["expected a rate such as \"200/s\", found \"0/s\"", "a rate is more than zero"],
    ),
    (
        r#"{ "replicas": 3, "zones": { "A": 1 } }"#,
        &["\"A\" is not a name", "a name begins with a-z and goes on with a-z, 0-9, _ and -"],
    ),
    (
        r#"{ "replicas": 3, "latency": "constnt" }"#,
        &["no distribution is named \"constnt\"", "did you mean \"constant\"?"],
    ),
    (r#"{ "replicas": 3, "latency": "constant" }"#, &["\"constant\" says too little"]),
    (r#"{ "replicas": 3, "latency": "uniform" }"#, &["the field \"high\" is missing"]),
    (
        r#"{ "replicas": 3, "latency": 2 }"#,
        &["expected a distribution (constant, uniform, mixture), found the number 2"],
    ),
    (
        r#"{ "replicas": 3, "latency": { "mixture": [] } }"#,
        &["expected a list that is not empty, found an empty list"],
    ),
    (
        r#"{ "replicas": 3, "latency": { "unifrom": { "high": "1s" } } }"#,
        &["no distribution is named \"unifrom\"", "did you mean \"uniform\"?"],
    ),
    (
        r#"{ "replicas": 3, "latency": { "constant": "1s", "uniform": { "high": "1s" } } }"#,
        &["one distribution is of one kind: \"uniform\" beside \"constant\""],
    ),
    (r#"{ "replicas": 3, "latency": {} }"#, &["it is not said which distribution this is"]),
    (
        r#"{ "replicas": 3, "faults": [ { "id": "x" }, { "crash": { "silnt": true } }, { "crash": {}, "heal": {} },
        { "whom": 3, "crash": {} }, { "whom": "al", "heal": {} }, "heal", { "heal": {}, "ID": 1 } ] }"#,
        &[
            "it is not said which fault this is",
            "unknown field \"silnt\"",
            "did you mean \"silent\"?",
            "one fault is of one kind: \"heal\" beside \"crash\"",
            "expected \"all\" or a list, found the number 3",
            "expected \"all\", found \"al\"",
            "did you mean \"all\"?",
            "expected an object, found \"heal\"",
            "unknown field \"ID\"",
            "did you mean \"id\"?",
        ],
    ),
];

/// Documents that the schema cannot refuse.
const BEYOND_THE_SCHEMA: &[(&str, &[&str])] = &[
    (
        r#"{ "replicas": 3, "wait": "0.5ns" }"#,
        &[
            "expected a duration above zero such as \"250ms\", found \"0.5ns\"",
            "it is finer than a nanosecond, the smallest step",
        ],
    ),
    (
        r#"{ "replicas": 3, "wait": "9999999h" }"#,
        &["expected a duration above zero such as \"250ms\", found \"9999999h\"", "it is too large for 64 bits"],
    ),
    (
        r#"{ "replicas": 3, "drift": "-100%" }"#,
        &[
            "expected a drift such as \"50ppm\", found \"-100%\"",
            "a clock runs forwards: its drift is above -100% and at most 1000%",
        ],
    ),
    (
        r#"{ "replicas": 3, "latency": { "uniform": { "low": "2s", "high": "1s" } } }"#,
        &["the least is more than the most"],
    ),
];

#[test]
fn each_mistake_has_its_message() {
    for (text, expected) in BROKEN.iter().chain(BEYOND_THE_SCHEMA) {
        assert_eq!(complaints(&sample(), text), *expected, "{text}");
    }
}

#[test]
fn schema_and_shape_agree() {
    let schema = sample().schema("Sample", "All shapes.");
    let judge =
        |text: &str| violation(&schema, &Document::parse("a.json", text.as_bytes()).unwrap().tree().to_value());
    for text in SAMPLES {
        assert_eq!(judge(text), None, "{text}");
        assert_eq!(violation(&schema, &read(&sample(), text).unwrap().resolved), None, "resolved {text}");
    }
    for (text, _) in BROKEN {
        assert!(judge(text).is_some(), "the schema accepts {text}");
    }
    for (text, _) in BEYOND_THE_SCHEMA {
        assert_eq!(judge(text), None, "{text} could move to BROKEN");
    }
}

#[test]
fn a_schema_describes_fields_kinds_and_definitions() {
    let schema = sample().schema("Sample", "All shapes.");
    let check = |pointer: &str, expected: Value| assert_eq!(schema.pointer(pointer), Some(&expected), "{pointer}");
    check("/$schema", json!("https://json-schema.org/draft/2020-12/schema"));
    check("/required", json!(["replicas"]));
    check("/additionalProperties", json!(false));
    check(
        "/properties/replicas",
        json!({ "description": "How many.", "type": "integer", "minimum": 1, "maximum": 9 }),
    );
    check("/properties/wait/default", json!("1s"));
    check(
        "/properties/latency",
        json!({ "description": "Of a message.", "$ref": "#/$defs/spread", "default": { "uniform": { "high": "2ms" } } }),
    );
    check("/$defs/spread/properties/mixture/items/properties/of/$ref", json!("#/$defs/spread"));
    check("/$defs/spread/oneOf/2", json!({ "required": ["mixture"] }));
    check("/properties/faults/items/properties/whom/anyOf/0", json!({ "type": "string", "enum": ["all"] }));
    let defaults = [("crash", true), ("partition", false), ("heal", true)];
    let shape = tagged("fault", defaults.map(|(name, bare_too)| fault_kind(name, bare_too)).into());
    let bare = &shape.schema("Fault", "")["anyOf"][0]["enum"];
    assert_eq!(bare, &json!(["crash", "heal"]));
}

fn fault_kind(name: &str, may_be_bare: bool) -> Kind<bool> {
    let settings = object(move |fields| {
        let doc = "Whether it hurts.";
        if may_be_bare { fields.optional("x", doc, boolean(), true) } else { fields.required("x", doc, boolean()) }
    });
    kind(name, "A fault.", settings)
}

#[test]
fn a_bare_name_resolves_to_its_settings() {
    let shape = || tagged("fault", vec![fault_kind("crash", true), bare("heal", "All ends.", false)]);
    let check = |text: &str, value: bool, resolved: Value| {
        assert_eq!(read(&shape(), text).unwrap(), Reading { value, resolved }, "{text}");
    };
    check("\"heal\"", false, json!("heal"));
    check("{\"heal\": {}}", false, json!({ "heal": {} }));
    check("\"crash\"", true, json!({ "crash": { "x": true } }));
    check("{\"note\": \"n\", \"crash\": {}}", true, json!({ "note": "n", "crash": { "x": true } }));
}

#[test]
fn places_lead_back_to_the_text() {
    let text =
        r#"{ "replicas": 2, "zones": { "b": 1 }, "faults": [ { "whom": ["a-0"], "heal": {} }, { "heal": {} } ] }"#;
    let sample = read(&sample(), text).unwrap().value;
    let zone = &sample.zones[0].0;
    assert_eq!((zone.place.pointer.as_str(), &text[zone.place.span.clone()]), ("/zones/b", "\"b\""));
    let given = &sample.faults[0].whom.place;
    assert_eq!((given.pointer.as_str(), &text[given.span.clone()]), ("/faults/0/whom", "[\"a-0\"]"));
    let default = &sample.faults[1].whom.place;
    assert_eq!((default.pointer.as_str(), &text[default.span.clone()]), ("/faults/1/whom", "{"));
}

#[test]
fn a_whole_message_has_position_label_and_help() {
    let text = "{\n  \"replicas\": 3,\n  \"faults\": [ { \"crsh\": {} } ]\n}";
    assert_eq!(
        read(&sample(), text).unwrap_err(),
        "error: no fault is named \"crsh\"\n  --> a.json:3:17 (at /faults/0/crsh)\n  = did you mean \"crash\"?\n  \
         = help: faults: crash, partition, heal"
    );
    assert_eq!(
        read(&sample(), "{}").unwrap_err(),
        "error: the field \"replicas\" is missing\n  --> a.json:1:1\n  \
         = help: \"replicas\" is a whole number from 1 to 9: How many."
    );
}

#[test]
fn a_lenient_element_does_not_hide_its_neighbours() {
    let document = Document::parse("a.json", b"[1, \"x\", 3]").unwrap();
    let mut problems = document.problems();
    let reading = list(count(0..=9_u8).lenient()).read(&document, &mut problems).unwrap();
    assert_eq!(reading.value, [Some(1), None, Some(3)]);
    assert_eq!(reading.resolved, json!([1, "x", 3]));
    assert_eq!(problems.len(), 1);
}

#[test]
fn try_map_reports_at_the_value() {
    let even = || count(0..=99_u64).try_map(|n| if n % 2 == 0 { Ok(n / 2) } else { Err(format!("{n} is odd")) });
    assert_eq!(read(&list(even()), "[2, 4]").unwrap().value, [1, 2]);
    assert_eq!(read(&list(even()), "[2, 3]").unwrap_err(), "error: 3 is odd\n  --> a.json:1:5 (at /1)");
}

#[test]
fn checks_see_the_document_but_not_the_description() {
    let shape = || {
        object(|fields| {
            let low = fields.required("low", "The least.", count(0..=9_u8).spanned());
            fields.check(|object, problems| {
                assert_eq!(object.pointer, "");
                problems.add(Problem::new(object, "never good"));
            });
            low
        })
    };
    assert_eq!(complaints(&shape(), "{ \"low\": 1 }"), ["never good"]);
    assert_eq!(shape().schema("", "")["required"], json!(["low"]));
}

#[test]
fn a_default_that_does_not_fit_is_found_by_reading() {
    let shape = object(|fields| fields.optional("wait", "How long.", duration(), 5));
    let expected = [
        "expected a duration such as \"250ms\", found the number 5",
        "add a unit and double quotes, as in \"250ms\"",
    ];
    assert_eq!(complaints(&shape, "{}"), expected);
}

#[test]
#[should_panic(expected = "of one type")]
fn alternatives_of_one_type_are_a_mistake_of_the_program() {
    let _ = either(text(), name());
}

/// Puts `with` in the place of the `nth` part of a value, counted in the order of the text.
fn replace(value: &mut Value, nth: &mut usize, with: &Value) {
    if *nth == 0 {
        *value = with.clone();
    }
    *nth = nth.wrapping_sub(1);
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, nth, with)),
        Value::Object(entries) => entries.values_mut().for_each(|entry| replace(entry, nth, with)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_shape_reads_the_schema_accepts(
        sample_text in prop::sample::select(SAMPLES),
        mut nth in 0_usize..24,
        with in prop_oneof![
            "(-|0)?(0|[1-9])?[0-9](\\.[0-9]{1,2})?(ns|ms|s|/s|/h|ppm|%|KiB|B|Mbit/s)?".prop_map(Value::from),
            prop::sample::select(SAMPLES).prop_map(|text| serde_json::from_str(text).unwrap()),
            (0_i32..20).prop_map(Value::from),
            (-10.0..10.0).prop_map(|number: f64| Value::from(number)),
            prop::sample::select(vec![json!(null), json!(true), json!([]), json!({}), json!("all"), json!("heal")]),
            prop::sample::select(vec![json!({ "crash": {} }), json!({ "high": "1s" }), json!(["a"]), json!({ "a": 1 })]),
        ],
    ) {
        let mut value: Value = serde_json::from_str(sample_text).unwrap();
        replace(&mut value, &mut nth, &with);
        let verdict = violation(&sample().schema("", ""), &value);
        match read(&sample(), &value.to_string()) {
            Ok(_) => prop_assert_eq!(verdict, None, "{}", value),
            Err(problems) if verdict.is_none() => {
                let beyond = ["finer than", "too large for", "less than 100%", "the least is more", "whole number of bytes"];
                prop_assert!(beyond.iter().any(|part| problems.contains(part)), "{}: {}", value, problems);
            }
            Err(_) => {}
        }
    }
}
