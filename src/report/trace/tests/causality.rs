//! Vector clocks, against the happens-before of the records themselves.

use super::*;
use crate::host::Tag;
use crate::report::trace::reading::{Lane, Reading};

/// For each record with a lane, the records that happened before it: what led to it, what its lane did before it, and, for
/// a message that a client sent when its time had come, what the client did before that.
fn ancestors(file: &TraceFile) -> BTreeMap<usize, BTreeSet<usize>> {
    let reading = Reading::new(file);
    let mut known: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    let mut lanes: BTreeMap<Lane, Vec<usize>> = BTreeMap::new();
    for number in 0..file.len() {
        let Some(lane) = reading.lane(number) else { continue };
        let own = lanes.entry(lane).or_default().last().copied();
        let cause = file.cause(number);
        let sender = reading.message(number).map(|message| Lane::Node(message.from));
        let sent = cause
            .zip(sender)
            .and_then(|(cause, sender)| lanes.get(&sender)?.iter().rev().copied().find(|&before| before < cause));
        let before: Vec<_> = [own, cause, sent].into_iter().flatten().filter(|n| known.contains_key(n)).collect();
        let mut all: BTreeSet<_> = before.iter().flat_map(|n| known[n].clone()).collect();
        all.extend(before);
        known.insert(number, all);
        lanes.entry(lane).or_default().push(number);
    }
    known
}

/// The clocks of a ShiViz log, as its default parser finds them, in the order of the lines.
fn parsed(log: &str) -> Vec<(String, BTreeMap<String, u64>)> {
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(lines.len() % 2, 0);
    let event = |pair: &[&str]| {
        let (host, clock) = pair[1].split_once(' ').expect("a host and a clock");
        assert!(!host.is_empty() && !host.contains(char::is_whitespace));
        (host.to_owned(), serde_json::from_str(clock).expect("a clock is JSON"))
    };
    lines.chunks(2).map(event).collect()
}

fn is_before(one: &BTreeMap<String, u64>, other: &BTreeMap<String, u64>) -> bool {
    one != other && one.iter().all(|(host, count)| other.get(host).is_some_and(|known| count <= known))
}

#[test]
fn a_clock_is_below_another_exactly_if_its_event_happened_before() {
    for service in SERVICES {
        let document = Document::parse("storm", STORM.as_bytes()).expect("JSON");
        let document =
            document.set("/services/store", service).and_then(|document| document.set("/settle", "\"0s\""));
        let document = document.and_then(|document| document.set("/clients/right/arrivals/poisson", "\"5/s\""));
        let document = document.expect("pointers");
        let scenario = Scenario::read(&document, &Registry::standard()).expect("a scenario");
        let file = named(&run(&scenario, 3));
        let reading = Reading::new(&file);
        let (happenings, _) = reading.happenings();
        let events = parsed(&TraceForm::Shiviz.write(&file));
        assert_eq!(events.len(), happenings.len());
        let ancestors = ancestors(&file);
        let clocks: BTreeMap<_, _> = happenings
            .iter()
            .zip(&events)
            .filter(|(happening, _)| !happening.is_sending)
            .map(|(happening, (_, clock))| (happening.record, clock))
            .collect();
        assert_eq!(clocks.keys().collect::<Vec<_>>(), ancestors.keys().collect::<Vec<_>>());
        // Every pair would be millions; a stride that is prime to what repeats visits all sorts.
        for (&event, before) in ancestors.iter().step_by(17) {
            for (&other, clock) in clocks.iter().step_by(5) {
                assert_eq!(is_before(clock, clocks[&event]), before.contains(&other), "{other} before {event}");
            }
        }
    }
}

proptest! {
    #![proptest_config(config(6))]

    #[test]
    fn each_host_counts_its_own_events(file in some_storm()) {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for (host, clock) in parsed(&TraceForm::Shiviz.write(&file)) {
            let count = counts.entry(host.clone()).or_default();
            *count += 1;
            prop_assert_eq!(clock[&host], *count);
            for (other, known) in &clock {
                prop_assert!(counts.get(other).is_some_and(|made| known <= made), "{} knows the future of {}", host, other);
            }
        }
    }

    #[test]
    fn causes_come_before_what_they_lead_to(file in some_storm()) {
        let (happenings, flights) = Reading::new(&file).happenings();
        for (place, happening) in happenings.iter().enumerate() {
            for &cause in &happening.causes {
                prop_assert!(cause < place && happenings[cause].at <= happening.at);
            }
        }
        let reading = Reading::new(&file);
        let ended = (0..file.len()).filter(|&number| reading.message(number).is_some()).count();
        prop_assert_eq!(flights.len(), ended, "every message that ended has a way");
    }
}

#[test]
fn what_is_done_from_outside_has_the_fault_as_its_cause_and_a_timeout_its_call() {
    let file = storm(SERVICES[0], 1);
    let mut seen = BTreeSet::new();
    for (number, record) in file.records().iter().enumerate() {
        let tag = Tag::from_number(record.fact.tag);
        let cause = file.cause(number).map(|cause| (file.words(cause), file.records()[cause].fact.time));
        match tag {
            Some(tag @ (Tag::Crash | Tag::Pause | Tag::Cut)) => {
                let (words, at) = cause.expect("a fault did it");
                assert!(words.ends_with(" starts") && at == record.fact.time, "{words}");
                seen.insert(tag);
            }
            Some(Tag::CallTimeout) => {
                let (_, at) = cause.expect("it was called");
                assert!(at < record.fact.time);
                seen.insert(Tag::CallTimeout);
            }
            _ => {}
        }
    }
    assert_eq!(seen.len(), 4, "{seen:?}");
}
