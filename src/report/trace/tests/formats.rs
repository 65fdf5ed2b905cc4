//! What the formats of other tools demand, as structure.

use super::*;
use serde_json::Value;

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// Where an event of Chrome's stands: process and thread.
fn thread(event: &Value) -> (u64, u64) {
    (event["pid"].as_u64().expect("a process"), event["tid"].as_u64().expect("a thread"))
}

fn check_chrome(file: &TraceFile) {
    let document = json(&TraceForm::Chrome.write(file));
    let events = document["traceEvents"].as_array().expect("events");
    let of = |phase: &'static str| events.iter().filter(move |event| event["ph"] == phase);
    // Everything stands somewhere that has a name.
    let named = |what: &str| of("M").filter(|event| event["name"] == what).map(thread).collect::<BTreeSet<_>>();
    let (processes, threads) = (named("process_name"), named("thread_name"));
    for event in events.iter().filter(|event| event["ph"] != "M") {
        let (process, place) = thread(event);
        assert!(processes.contains(&(process, 0)), "{event}");
        assert!(place == 0 || threads.contains(&(process, place)), "{event}");
        assert!(number(&event["ts"]) >= 0.0);
    }
    // Slices of a thread follow each other.
    let mut ends = BTreeMap::new();
    for event in of("X") {
        let (start, length) = (number(&event["ts"]), number(&event["dur"]));
        let end = ends.insert(thread(event), start + length).unwrap_or(0.0);
        assert!(length >= 0.0 && end <= start + 1e-3, "{event}");
    }
    // Asynchronous spans are balanced: what began last ends first, and not before it began.
    let mut open: BTreeMap<(&str, &str), Vec<&Value>> = BTreeMap::new();
    for event in events.iter().filter(|event| event["ph"] == "b" || event["ph"] == "e") {
        let stack = open.entry((text(&event["cat"]), text(&event["id"]))).or_default();
        if event["ph"] == "b" {
            assert!(stack.last().is_none_or(|outer| number(&outer["ts"]) <= number(&event["ts"])), "{event}");
            stack.push(event);
        } else {
            let begun = stack.pop().unwrap_or_else(|| panic!("{event} never began"));
            assert_eq!(begun["name"], event["name"]);
            assert!(number(&begun["ts"]) <= number(&event["ts"]), "{event}");
        }
    }
    assert!(open.values().all(Vec::is_empty), "every span ends");
    // Flows start before they end, once each.
    let mut flows: BTreeMap<u64, &Value> = BTreeMap::new();
    for event in of("s") {
        assert!(flows.insert(event["id"].as_u64().expect("an id"), event).is_none(), "{event}");
    }
    for event in of("f") {
        let start = flows.remove(&event["id"].as_u64().expect("an id")).unwrap_or_else(|| panic!("{event}"));
        assert!(number(&start["ts"]) <= number(&event["ts"]) && event["bp"] == "e", "{event}");
        assert_eq!(start["name"], event["name"]);
    }
    assert!(flows.is_empty(), "every flow ends");
    assert_eq!(of("f").count(), of("s").count());
}

/// OpenTelemetry's kinds of span, with the attributes that its conventions ask of a client of a database, of the client and the
/// server of a call, and of who sends a message; what a node does for itself has none.
const SPANS: [(u64, &[&str]); 5] = [
    (3, &["db.system.name", "db.operation.name", "db.query.text", "partita.operation", "partita.outcome"]),
    (3, &["server.address", "rpc.system.name"]),
    (2, &["client.address", "rpc.system.name"]),
    (4, &["messaging.system", "messaging.operation.type", "messaging.operation.name", "messaging.destination.name"]),
    (1, &[]),
];

fn check_otlp(file: &TraceFile) {
    let document = json(&TraceForm::Otlp.write(file));
    let resources = document["resourceSpans"].as_array().expect("resources");
    let spans: Vec<_> =
        resources.iter().flat_map(|resource| resource["scopeSpans"][0]["spans"].as_array().expect("spans")).collect();
    let is_hex = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
    let nanoseconds = |value: &Value| text(value).parse::<u64>().expect("nanoseconds as text");
    let mut by_id = BTreeMap::new();
    for span in &spans {
        assert!(is_hex(text(&span["traceId"]), 32) && is_hex(text(&span["spanId"]), 16), "{span}");
        assert!(text(&span["spanId"]).bytes().any(|byte| byte != b'0'), "no id is zero");
        assert!(nanoseconds(&span["startTimeUnixNano"]) <= nanoseconds(&span["endTimeUnixNano"]), "{span}");
        assert!(by_id.insert(text(&span["spanId"]), *span).is_none(), "an id twice: {span}");
        let keys: Vec<_> =
            span["attributes"].as_array().expect("attributes").iter().map(|a| text(&a["key"])).collect();
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len(), "{span}");
        assert_eq!(span["status"]["code"] == 2, keys.contains(&"error.type"), "{span}");
        let said: Vec<_> = keys.into_iter().filter(|key| *key != "error.type").collect();
        assert!(SPANS.contains(&(span["kind"].as_u64().expect("a kind"), &said)), "{span}");
    }
    let mut roots = BTreeSet::new();
    for span in &spans {
        match span.get("parentSpanId") {
            None => assert!(roots.insert(text(&span["traceId"])), "two roots: {span}"),
            Some(parent) => {
                let parent = by_id[text(parent)];
                assert_eq!(parent["traceId"], span["traceId"]);
                let start = |span: &Value| nanoseconds(&span["startTimeUnixNano"]);
                assert!(start(parent) <= start(span), "{parent} {span}");
            }
        }
    }
    let asked = file.header.operations.iter().filter(|operation| !operation.calls.is_empty());
    assert!(roots.len() <= asked.count());
    assert!(spans.iter().all(|span| roots.contains(text(&span["traceId"]))));
    for resource in resources {
        let attributes = resource["resource"]["attributes"].as_array().expect("attributes");
        assert_eq!(attributes[0]["key"], "service.name");
        assert_eq!(attributes[1]["key"], "service.instance.id");
    }
}

fn check_dot(file: &TraceFile) {
    let graph = TraceForm::Dot.write(file);
    let mut known = BTreeSet::new();
    let mut depth = 0;
    for line in graph.lines() {
        // Braces count outside of quotes, of which every line closes what it opens.
        let mut outside = String::new();
        let (mut is_quoted, mut is_escaped) = (false, false);
        for c in line.chars() {
            match c {
                _ if is_escaped => is_escaped = false,
                '\\' if is_quoted => is_escaped = true,
                '"' => is_quoted = !is_quoted,
                c if !is_quoted => outside.push(c),
                _ => {}
            }
        }
        assert!(!is_quoted, "{line}");
        depth += outside.matches('{').count() as i64 - outside.matches('}').count() as i64;
        assert!(depth >= 0, "{line}");
        let words: Vec<_> = outside.split_whitespace().collect();
        if words.get(1) == Some(&"--") {
            assert!(known.contains(words[0]) && known.contains(words[2]), "{line}");
        } else if let Some(node) =
            words.first().filter(|word| word.starts_with('n') && word[1..].parse::<u32>().is_ok())
        {
            known.insert((*node).to_owned());
            let number: u32 = node[1..].parse().expect("a number");
            let is_hit = file.header.faults.iter().any(|f| f.start_ns.is_some() && f.targets.contains(&number));
            assert_eq!(outside.contains("penwidth=2"), is_hit, "{line}");
        }
    }
    assert_eq!((depth, known.len()), (0, file.nodes().len()));
}

fn check_jsonl(file: &TraceFile) {
    let lines = TraceForm::Jsonl.write(file);
    assert_eq!(lines.lines().count(), file.len() + 1);
    for (number, line) in lines.lines().skip(1).enumerate() {
        let event = json(line);
        assert_eq!(event["event"].as_u64(), Some(number as u64));
        assert!(event["sent_ns"].is_null() || event["sent_ns"].as_u64() <= event["t_ns"].as_u64(), "{line}");
        assert_eq!(event["what"] == "drop", event.get("died_of").is_some(), "{line}");
    }
}

pub fn check_all(file: &TraceFile) {
    check_chrome(file);
    check_otlp(file);
    check_dot(file);
    check_jsonl(file);
}

proptest! {
    #![proptest_config(config(8))]

    #[test]
    fn every_format_is_sound_whatever_happens(file in some_storm()) {
        check_all(&file);
    }

    #[test]
    fn every_format_is_sound_for_bundled_scenarios(file in some_bundled()) {
        check_all(&file);
    }
}

#[test]
fn a_trace_without_names_has_numbers_and_is_sound() {
    let bytes = storm_run(SERVICES[1], 1).trace.encode(b"not ours").expect("it was kept");
    let file = TraceFile::decode(&bytes).expect("a trace");
    check_all(&file);
    assert!(
        Selection::default().lines(&file).lines().any(|line| line.contains("node-0 is asked by node-3 (call 0)"))
    );
}

#[test]
fn the_page_on_traces_explains_every_event_and_every_death() {
    let page = include_str!("../../../../docs/trace-format.md");
    let rows: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next()).collect();
    for tag in crate::host::Tag::ALL {
        let name = format!("`{}`", tag.name());
        assert!(rows.iter().any(|row| row.split(", ").any(|part| part == name)), "{name} is not in the table");
    }
    for cause in (0..).map_while(crate::host::DropCause::name_of) {
        assert!(page.contains(&format!("`{cause}`")), "{cause}");
    }
}
