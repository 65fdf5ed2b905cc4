//! Why something happened: the chain of its causes, as text.

use std::fmt::Write as _;

use crate::host::Tag;

use super::file::TraceFile;
use super::reading::Reading;

/// Why an event happened: what led to it, the earliest first, at most `depth` causes; 0 for all of them. `None` if there
/// is no such event.
#[must_use]
pub fn why(file: &TraceFile, event: usize, depth: usize) -> Option<String> {
    file.records().get(event)?;
    let reading = Reading::new(file);
    let mut chain: Vec<_> = std::iter::successors(Some(event), |&number| file.cause(number)).collect();
    let all = chain.len();
    if depth > 0 {
        chain.truncate(depth + 1);
    }
    chain.reverse();
    let mut text = String::new();
    if chain.len() < all {
        let _ = writeln!(text, "({} earlier causes are left out; --depth 0 shows all)", all - chain.len());
    }
    let width = event.to_string().len();
    for (place, &number) in chain.iter().enumerate() {
        let before = place.checked_sub(1).map(|before| reading.time(chain[before]));
        let after = match before.map(|before| reading.time(number).since(before)) {
            Some(span) if !span.is_zero() => format!(", {span} later"),
            _ => String::new(),
        };
        let mark = if number == event { '>' } else { ' ' };
        let _ = writeln!(text, "{mark} {number:>width$}  at {}{after}: {}", reading.time(number), file.words(number));
        for aside in asides(&reading, number) {
            let _ = writeln!(text, "  {:>width$}    {aside}", "");
        }
    }
    Some(text)
}

/// What else is known of an event that helps to understand it.
fn asides(reading: &Reading<'_>, number: usize) -> Vec<String> {
    let mut asides = Vec::new();
    let record = reading.record(number);
    let call = reading.call_of(record);
    if let Some(&place) = call.and_then(|call| reading.operations.get(&call)) {
        let operation = &reading.file.header.operations[place];
        let reason = operation.reason.as_ref().map_or(String::new(), |reason| format!(" ({reason})"));
        asides
            .push(format!("of the operation {}: {}, {}{reason}", operation.id, operation.request, operation.outcome));
    }
    if reading.tag(number) == Some(Tag::CallTimeout)
        && let Some(call) = call.and_then(|call| reading.calls.get(&call))
    {
        asides.push(match (call.request, call.lost_request, call.lost_answer) {
            (_, Some(lost), _) | (_, _, Some(lost)) => format!("event {lost}: {}", reading.file.words(lost)),
            (Some(request), ..) => format!("the request was received in event {request}; no answer arrived"),
            (None, None, None) => "the request was still under way".to_owned(),
        });
    }
    if let Some(message) = reading.message(number).filter(|message| message.death == Some("partition")) {
        let at = message.ended.as_nanos();
        let is_at_work = |fault: &&super::file::Fault| {
            let (start, end) = (fault.start_ns.unwrap_or(u64::MAX), fault.end_ns.unwrap_or(u64::MAX));
            start <= at && at <= end && matches!(fault.kind.as_str(), "partition" | "flapping")
        };
        let faults = reading.file.header.faults.iter().filter(is_at_work);
        asides.extend(faults.map(|fault| format!("the fault {} ({}) was at work", fault.id, fault.kind)));
    }
    asides
}
