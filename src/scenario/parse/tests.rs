use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;
use crate::scenario::tree::Node;

fn says(text: &str) -> Vec<(Range<usize>, String)> {
    parse(text).unwrap_err().into_iter().map(|flaw| (flaw.span, flaw.says)).collect()
}

#[test]
fn syntax_errors_say_what_and_where() {
    let check = |text: &str, span: Range<usize>, expected: &str| {
        assert_eq!(says(text), [(span, expected.to_owned())], "{text}");
    };
    check("", 0..0, "the file is empty: a JSON value is expected");
    check(" \n\t ", 0..0, "the file is empty: a JSON value is expected");
    check("\u{feff}{}", 0..3, "the file begins with a byte order mark");
    check("[1,]", 2..3, "a comma without anything after it");
    check("{\"a\": 1 , }", 8..9, "a comma without anything after it");
    check("[,1]", 1..2, "expected a value, found ','");
    check("[1 2]", 3..4, "expected `,` or `]`, found '2'");
    check("{\"a\": 1 \"b\": 2}", 8..9, "expected `,` or `}`, found '\"'");
    check("{a: 1}", 1..2, "expected a key in double quotes, found 'a'");
    check("{\"a\" 1}", 5..6, "expected `:` after the key, found '1'");
    check("{\"a\"", 4..4, "expected `:` after the key, found the end of the file");
    check("{\"a\":", 5..5, "expected a value, found the end of the file");
    check("{\n\"a\": [1,\n2", 12..12, "the file ends inside the list that line 2 opens");
    check("{\n\"a\": 1,\n", 10..10, "the file ends inside the object that line 1 opens");
    check("{} {}", 3..4, "expected the end of the file, found '{'");
    check("{} // why", 3..4, "expected the end of the file, found '/'");
    check("['a']", 1..2, "expected a value, found '\\''");
    check("[é]", 1..3, "expected a value, found 'é'");
    check("True", 0..4, "`True` is not JSON");
    check("[NaN]", 1..4, "`NaN` is not JSON");
    check("[01]", 1..3, "`01` is not a number");
    check("[-]", 1..2, "`-` is not a number");
    check("[1.]", 1..3, "`1.` is not a number");
    check("[.5]", 1..2, "expected a value, found '.'");
    check("[1e]", 1..3, "`1e` is not a number");
    check("[+1]", 1..2, "expected a value, found '+'");
    check("[250ms]", 1..6, "`250ms` is not a number");
    check("[0x10]", 1..5, "`0x10` is not a number");
    check("[1e999]", 1..6, "the number 1e999 is too large");
    check("[\"abc]", 1..6, "this text has no closing quote on its line");
    check("[\"ab\nc\"]", 1..4, "this text has no closing quote on its line");
    check("\"a\tb\"", 2..3, "a control character in a text is written \\u0009");
    check("\"\\x\"", 1..3, "`\\x` is not an escape");
    check("\"\\é\"", 1..4, "`\\é` is not an escape");
    check("\"\\", 1..2, "the file ends inside this escape");
    check("\"\\u12G4\"", 1..3, "`\\u` is followed by four hexadecimal digits");
    check("\"\\u12\"", 1..3, "`\\u` is followed by four hexadecimal digits");
    check("\"\\ud800\"", 1..7, "this escape is half a character");
    check("\"\\udc00\"", 1..7, "this escape is half a character");
    check("\"\\ud800\\u0041\"", 1..13, "this escape is half a character: a low surrogate must follow");
}

#[test]
fn repeated_keys_are_reported_together_with_the_line_of_the_first() {
    let text = "{\n \"a\": 1,\n \"b\": { \"c\": 1, \"\\u0063\": 2 },\n \"a\": 2, \"a\": 3 }";
    let expected = [
        (text.find("\"\\u0063\"").unwrap(), "the key \"c\" was already given on line 3"),
        (text.find("\"a\": 2").unwrap(), "the key \"a\" was already given on line 2"),
        (text.find("\"a\": 3").unwrap(), "the key \"a\" was already given on line 2"),
    ];
    let mut found: Vec<(usize, String)> = says(text).into_iter().map(|(span, says)| (span.start, says)).collect();
    found.sort();
    assert_eq!(found, expected.map(|(at, says)| (at, says.to_owned())));
}

#[test]
fn a_syntax_error_hides_repeated_keys() {
    assert_eq!(says("{\"a\": 1, \"a\": 2,}").len(), 1);
}

#[test]
fn nesting_has_a_limit() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(parse(&nested(DEPTH_LIMIT)).is_ok());
    let expected = [(DEPTH_LIMIT..DEPTH_LIMIT + 1, "nested too deeply: 128 levels are the limit".to_owned())];
    assert_eq!(says(&nested(DEPTH_LIMIT + 1)), expected);
    assert_eq!(says(&"[".repeat(10_000)), expected);
    let objects = "{\"a\":".repeat(10_000);
    assert_eq!(says(&objects)[0].0.start, 5 * DEPTH_LIMIT);
}

#[test]
fn spans_cover_keys_and_values_exactly() {
    let text = "  { \"k\" : [ 1.50 , \"é\\n\" ] }\n";
    let tree = parse(text).unwrap();
    assert_eq!(&text[tree.span.clone()], "{ \"k\" : [ 1.50 , \"é\\n\" ] }");
    let Node::Object(members) = &tree.node else { panic!("{tree:?}") };
    assert_eq!(&text[members[0].key_span.clone()], "\"k\"");
    let Node::List(items) = &members[0].value.node else { panic!("{tree:?}") };
    assert_eq!((&items[0].node, &text[items[0].span.clone()]), (&Node::Number("1.50".into()), "1.50"));
    assert_eq!((&items[1].node, &text[items[1].span.clone()]), (&Node::Text("é\n".into()), "\"é\\n\""));
}

/// Any JSON value whose nesting both parsers accept.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..5)
                .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Whether two values are the same, where `serde_json` may read a double one bit off.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| same(ours, theirs))
        }
        (Value::Object(ours), Value::Object(theirs)) => {
            let pairs = ours.iter().zip(theirs);
            ours.len() == theirs.len()
                && pairs.into_iter().all(|(ours, theirs)| ours.0 == theirs.0 && same(ours.1, theirs.1))
        }
        (Value::Number(ours), Value::Number(theirs)) if ours != theirs => {
            let (ours, theirs) = (ours.as_f64().unwrap(), theirs.as_f64().unwrap());
            (ours - theirs).abs() <= ours.abs() * f64::EPSILON
        }
        _ => ours == theirs,
    }
}

/// Accepts what `serde_json` accepts, as the same value, apart from repeated keys.
fn agrees_with_serde_json(text: &str) {
    let theirs = serde_json::from_str::<Value>(text);
    match (parse(text), &theirs) {
        (Ok(tree), Ok(value)) => assert!(same(&tree.to_value(), value), "{text:?}: {tree:?} {value}"),
        (Err(flaws), Ok(_)) => {
            assert!(flaws.iter().all(|flaw| flaw.says.contains("already given")), "{text:?}: {flaws:?}");
        }
        (Ok(_), Err(error)) => panic!("{text:?} was accepted; serde_json says {error}"),
        (Err(flaws), Err(_)) => {
            // Whatever is wrong, its position can be shown.
            assert!(flaws.iter().all(|flaw| text.get(flaw.span.clone()).is_some()), "{text:?}: {flaws:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_value_is_read_back(value in any_value()) {
        for text in [value.to_string(), format!("{value:#}")] {
            prop_assert_eq!(parse(&text).unwrap().to_value(), value.clone());
        }
    }

    #[test]
    fn broken_texts_are_judged_as_serde_json_judges_them(
        value in any_value(),
        at in any::<prop::sample::Index>(),
        with in prop::sample::select(vec!["", "\"", "\\", ",", ":", "{", "}", "[", "]", "0", "-", ".", "e9", " ", "\u{1}", "\\u", "é", "null"]),
        cut in 0_usize..3,
    ) {
        let mut text: Vec<char> = value.to_string().chars().collect();
        let at = at.index(text.len());
        text.splice(at..(at + cut).min(text.len()), with.chars());
        agrees_with_serde_json(&text.into_iter().collect::<String>());
    }

    #[test]
    fn short_texts_of_json_characters_are_judged_as_serde_json_judges_them(
        text in "[-+.,:\\[\\]{}\"\\\\/ \n01e9Eutrlfasn]{0,12}",
    ) {
        agrees_with_serde_json(&text);
    }

    #[test]
    fn numbers_are_judged_as_serde_json_judges_them(text in "-?[0-9]{0,4}(\\.[0-9]{0,3})?([eE][-+]?[0-9]{0,3})?") {
        agrees_with_serde_json(&text);
    }

    #[test]
    fn escapes_are_judged_as_serde_json_judges_them(text in "\"(\\\\u[dD][89abCD0][0-9a-f]{2}|\\\\[\"\\\\/bfnrtu]|a){0,4}\"") {
        agrees_with_serde_json(&text);
    }
}
