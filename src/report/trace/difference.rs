//! Where two traces part.

use std::fmt::Write as _;

use super::file::TraceFile;

/// How many causes of an event are shown.
const CAUSES: usize = 6;

/// Where two traces part, in words: the first differing event, with what led to it on both sides; `None` if they
/// agree.
#[must_use]
pub fn difference(one: &TraceFile, other: &TraceFile) -> Option<String> {
    let first = one.trace.first_difference(&other.trace)?;
    let at = one.records().get(first).or(other.records().get(first)).map(|record| record.fact.time);
    let mut text = match at {
        Some(at) => format!("The runs agree in {first} events and part at {at}.\n"),
        None => format!("The runs agree in {first} events.\n"),
    };
    for (side, trace) in [("first", one), ("second", other)] {
        let _ = writeln!(text, "\n{side}:");
        if first >= trace.len() {
            let _ = writeln!(text, "  the trace ends after {} events", trace.len());
            continue;
        }
        let causes = std::iter::successors(Some(first), |&number| trace.cause(number));
        let mut chain: Vec<_> = causes.take(CAUSES).collect();
        chain.reverse();
        for number in chain {
            let mark = if number == first { '>' } else { ' ' };
            let fact = &trace.records()[number].fact;
            let (words, payload) = (trace.words(number), fact.payload);
            let _ = writeln!(text, "{mark} event {number} at {}: {words} (payload {payload:016x})", fact.time);
        }
    }
    Some(text)
}
