//! Names that contain what the formats use themselves.

use super::*;
use crate::report::trace::reading::{Lane, Reading};

/// Markup, quotes, escapes, white space, what ShiViz's parser looks for, and two names that are one if cut short.
const NAMES: [&str; 5] = ["</script><b>\"", "a b {\"x\": 1}\nhost {}", "\\N\\\"\u{0}\u{7f}", "é%20\t", "é%20\u{20}"];

fn renamed() -> TraceFile {
    let mut file = storm(SERVICES[0], 5);
    file.header.nodes = NAMES.map(str::to_owned).to_vec();
    file.header.scenario = "say \"hi\" }\n\\".to_owned();
    file.header.services = vec![Some(NAMES[1].to_owned()), Some(NAMES[0].to_owned()), Some(NAMES[2].to_owned())];
    file.header.zones = NAMES.map(str::to_owned).to_vec();
    for fault in &mut file.header.faults {
        fault.id = format!("{}\n{}", NAMES[0], fault.id);
    }
    for operation in &mut file.header.operations {
        operation.id = format!("{}-{}", NAMES[1], operation.id);
        operation.reason = Some(NAMES[2].to_owned());
    }
    file
}

#[test]
fn formats_stay_sound_whatever_things_are_called() {
    let file = renamed();
    super::formats::check_all(&file);
    let chrome: serde_json::Value = serde_json::from_str(&TraceForm::Chrome.write(&file)).expect("JSON");
    let names: BTreeSet<_> = chrome["traceEvents"]
        .as_array()
        .expect("events")
        .iter()
        .filter(|event| event["name"] == "thread_name")
        .filter_map(|event| event["args"]["name"].as_str())
        .collect();
    assert!(NAMES.iter().all(|name| names.contains(name)), "nothing of a name is lost: {names:?}");
}

#[test]
fn hosts_of_shiviz_stay_apart_and_one_word() {
    let file = renamed();
    let log = TraceForm::Shiviz.write(&file);
    let (happenings, _) = Reading::new(&file).happenings();
    assert_eq!(log.lines().count(), 2 * happenings.len(), "no name breaks a line");
    let mut hosts: BTreeMap<Lane, BTreeSet<&str>> = BTreeMap::new();
    for (happening, line) in happenings.iter().zip(log.lines().skip(1).step_by(2)) {
        let (host, clock) = line.split_once(' ').expect("a host and a clock");
        let clock: BTreeMap<String, u64> = serde_json::from_str(clock).expect("JSON");
        assert!(clock.contains_key(host));
        hosts.entry(happening.lane).or_default().insert(host);
    }
    assert!(hosts.values().all(|names| names.len() == 1));
    assert_eq!(hosts.values().flatten().collect::<BTreeSet<_>>().len(), hosts.len(), "{hosts:?}");
}
