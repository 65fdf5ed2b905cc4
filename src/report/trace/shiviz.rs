//! ShiViz's log: two lines an event, what happened and then whose it is with its vector clock.
//!
//! Vector clocks as Fidge and Mattern have them: an event's clock is the latest of those that led to it, entry by
//! entry, and counts its own lane one further. So one event's clock is below another's exactly if it happened before.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::file::TraceFile;
use super::reading::{Lane, Reading};

/// The trace as ShiViz reads it, with its default parser.
pub(super) fn write(file: &TraceFile) -> String {
    let reading = Reading::new(file);
    let (happenings, _) = reading.happenings();
    let causes: Vec<_> = happenings.iter().map(|happening| (happening.lane, happening.causes.as_slice())).collect();
    let mut text = String::new();
    for (happening, clock) in happenings.iter().zip(clocks(&causes)) {
        let said = reading.words(happening);
        let (said, own) = (said.split_whitespace().collect::<Vec<_>>().join(" "), host(file, happening.lane));
        let entries: Vec<_> =
            clock.iter().map(|(&lane, count)| format!("\"{}\": {count}", host(file, lane))).collect();
        let _ = writeln!(text, "{} ({})\n{own} {{{}}}", said, happening.at, entries.join(", "));
    }
    text
}

/// What an event knows of each lane: how many of its events happened before it, itself included.
pub(super) type Clock = BTreeMap<Lane, u64>;

/// The clocks of events, each given by its lane and the places of what led to it.
pub(super) fn clocks(events: &[(Lane, &[usize])]) -> Vec<Clock> {
    let mut last: BTreeMap<Lane, usize> = BTreeMap::new();
    let mut clocks: Vec<Clock> = Vec::with_capacity(events.len());
    for (place, &(lane, causes)) in events.iter().enumerate() {
        let mut clock = last.insert(lane, place).map(|before| clocks[before].clone()).unwrap_or_default();
        for &cause in causes {
            for (&other, &count) in &clocks[cause] {
                let known = clock.entry(other).or_default();
                *known = count.max(*known);
            }
        }
        *clock.entry(lane).or_default() += 1;
        clocks.push(clock);
    }
    clocks
}

/// A lane as ShiViz names it: one word that stands in JSON as it is. What is no letter, digit or `_-.` of a name is
/// written as its bytes in UTF-8, `%20`, so that two names never become one.
fn host(file: &TraceFile, lane: Lane) -> String {
    let node = match lane {
        Lane::Node(node) => node,
        // No node's name begins with `+`, once it is escaped.
        Lane::Network => return "+network".to_owned(),
        Lane::Faults => return "+faults".to_owned(),
    };
    let mut word = String::new();
    for byte in file.name(node).bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' => word.push(char::from(byte)),
            other => {
                let _ = write!(word, "%{other:02X}");
            }
        }
    }
    word
}
