//! Causal chains, selections and the legs of an operation.

use super::*;
use crate::host::Tag;
use crate::report::trace::legs::LegKind;
use crate::report::trace::reading::Reading;

#[test]
fn a_chain_goes_from_the_first_cause_to_the_event() {
    let file = storm(SERVICES[2], 2);
    let last = (0..file.len()).rev().find(|&n| Reading::new(&file).tag(n) == Some(Tag::Answer)).expect("an answer");
    let text = why(&file, last, 0).expect("the event is there");
    let lines: Vec<_> = text.lines().filter(|line| line.contains("  at ")).collect();
    assert!(lines.first().is_some_and(|line| line.contains("a client acts")), "{text}");
    assert!(lines.last().is_some_and(|line| line.starts_with("> ") && line.contains("is answered by")), "{text}");
    let numbers: Vec<usize> = lines
        .iter()
        .map(|line| line[1..].split_whitespace().next().and_then(|n| n.parse().ok()).expect("a number"))
        .collect();
    for pair in numbers.windows(2) {
        assert_eq!(file.cause(pair[1]), Some(pair[0]), "{text}");
    }
    assert!(text.contains("of the operation "), "{text}");
    let short = why(&file, last, 1).expect("the event is there");
    assert!(short.contains(&format!("({} earlier causes are left out", numbers.len() - 2)), "{short}");
    assert_eq!(why(&file, file.len(), 0), None);
}

#[test]
fn a_timeout_tells_what_became_of_its_call() {
    let file = storm(SERVICES[2], 2);
    let reading = Reading::new(&file);
    let timeouts: Vec<_> = (0..file.len()).filter(|&n| reading.tag(n) == Some(Tag::CallTimeout)).collect();
    let texts: String = timeouts.iter().filter_map(|&number| why(&file, number, 1)).collect();
    assert!(texts.contains("gives up waiting for store-"), "{texts}");
    assert!(texts.contains("dies (partition, fault "), "a request or its answer was cut off:\n{texts}");
    let lost =
        (0..file.len()).find(|&n| reading.message(n).is_some_and(|message| message.death == Some("partition")));
    let text = why(&file, lost.expect("the partition stopped something"), 3).expect("it is there");
    assert!(text.contains("the fault split (partition) was at work"), "{text}");
}

fn selected(file: &TraceFile, selection: &Selection) -> Vec<String> {
    assert_eq!(selection.mistake(file), None);
    selection.lines(file).lines().map(str::to_owned).collect()
}

#[test]
fn selections_narrow_down() {
    let file = storm(SERVICES[0], 1);
    let all = selected(&file, &Selection::default());
    assert_eq!(all.len(), file.len());
    let named = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let of_node = selected(&file, &Selection { nodes: named(&["store-2"]), ..Selection::default() });
    assert!(!of_node.is_empty() && of_node.len() < all.len());
    assert!(of_node.iter().all(|line| line.contains("store-2")));
    let drops = selected(&file, &Selection { kinds: named(&["drop", "crash"]), ..Selection::default() });
    assert!(drops.iter().all(|line| line.contains(" dies (") || line.contains(" crashes")), "{drops:?}");
    assert!(drops.iter().any(|line| line.contains("store-1 crashes")));
    let (from, until) = (crate::kernel::Time::from_nanos(500_000_000), crate::kernel::Time::from_nanos(600_000_000));
    let early = Selection { until: Some(from), ..Selection::default() };
    let middle = Selection { from, until: Some(until), ..Selection::default() };
    let late = Selection { from: until, ..Selection::default() };
    let parts: Vec<_> = [early, middle, late].iter().flat_map(|part| selected(&file, part)).collect();
    assert_eq!(parts, all, "three windows side by side show everything once");
    let jsonl = Selection { nodes: named(&["store-2"]), ..Selection::default() }.jsonl(&file);
    assert_eq!(jsonl.lines().count(), 1 + of_node.len());
}

#[test]
fn a_selection_of_what_is_not_there_says_so() {
    let file = storm(SERVICES[0], 1);
    let check =
        |selection: Selection, expected: &str| assert_eq!(selection.mistake(&file).as_deref(), Some(expected));
    let one = |name: &str| vec![name.to_owned()];
    check(
        Selection { nodes: one("stoer-1"), ..Selection::default() },
        "no node in this trace is called stoer-1; did you mean store-1?",
    );
    check(
        Selection { kinds: one("crush"), ..Selection::default() },
        "no kind of event in this trace is called crush; did you mean crash?",
    );
    check(
        Selection { operations: one("left-999"), ..Selection::default() },
        "no operation in this trace is called left-999; did you mean left-19?",
    );
}

#[test]
fn an_operation_has_the_legs_of_its_protocol() {
    let quiet = STORM.replace("\"loss\": \"2%\", \"duplication\": \"2%\"", "\"loss\": 0");
    let quiet = Document::parse("quiet", quiet.as_bytes()).expect("JSON");
    let quiet = quiet.set("/services/store", SERVICES[2]).and_then(|document| document.set("/faults", "[]"));
    let scenario = Scenario::read(&quiet.expect("pointers"), &Registry::standard()).expect("a scenario");
    let file = named(&run(&scenario, 1));
    let reading = Reading::new(&file);
    for operation in &file.header.operations {
        let legs = reading.legs(operation);
        let of = |kind| legs.iter().filter(move |leg| leg.kind == kind);
        assert_eq!((of(LegKind::Call).count(), of(LegKind::Serve).count()), (1, 1), "{operation:?}");
        assert!(legs.iter().all(|leg| leg.failure.is_none() && leg.start <= leg.end));
        assert_eq!(legs[0].start.as_nanos(), operation.invoked_ns);
        assert_eq!(legs[0].end.as_nanos(), operation.completed_ns);
        // All three are asked, the coordinator by itself too, and two have to answer.
        let messages = of(LegKind::Message).count();
        assert!(messages >= 5, "{messages} messages: {legs:?}");
        assert!(of(LegKind::Message).all(|leg| leg.parent.is_some()));
        let records = reading.records_of(operation);
        assert!(records.len() > messages, "{records:?}");
    }
    assert!(file.header.operations.len() > 50);
}
