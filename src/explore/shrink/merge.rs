//! One fault in place of two of its family: leaving out either of them is not enough where a failure needs the time of both.

use serde_json::{Value, json};

use crate::kernel::Span;
use crate::scenario::duration as parse_duration;

use super::Shrinker;
use super::passes::{members, with};

/// Of more faults than this not every pair is tried.
const MOST: usize = 8;

/// Leaves out faults whose time another one of their family, on whatever it is, can take over.
pub(super) fn merge(shrinker: &mut Shrinker<'_>) {
    while let Some(faults) = shrinker.best["faults"].as_array().filter(|faults| faults.len() <= MOST).cloned() {
        let pairs = (0..faults.len()).flat_map(|one| (0..faults.len()).map(move |other| (one, other)));
        let mut merged = pairs.filter(|(one, other)| one != other).filter_map(|(one, other)| {
            let both = spanning(&faults[one], &faults[other])?;
            let mut fewer = faults.clone();
            fewer[one] = both;
            fewer.remove(other);
            Some(fewer)
        });
        let is_smaller = merged.any(|fewer| shrinker.keep(with(&shrinker.best, "/faults", json!(fewer))));
        if !is_smaller {
            return;
        }
    }
}

/// A fault for as long as it and another of its family are there, from the first to the last instant.
fn spanning(fault: &Value, other: &Value) -> Option<Value> {
    let (family, from, until) = extent(fault)?;
    let (of_other, other_from, other_until) = extent(other)?;
    if family != of_other {
        return None;
    }
    let (from, until) = (from.min(other_from), until.max(other_until));
    let mut spanning = fault.clone();
    spanning[family]["at"] = json!(Span::from_nanos(from).to_string());
    spanning[family]["for"] = json!(Span::from_nanos(until - from).to_string());
    Some(spanning)
}

/// A fault's family, and from when until when it is there, if it says so.
fn extent(fault: &Value) -> Option<(&str, u64, u64)> {
    let (family, settings) = members(fault).find(|(_, settings)| settings.is_object())?;
    let nanos = |name: &str| settings[name].as_str().and_then(|text| parse_duration(text).ok()).map(Span::as_nanos);
    let (from, length) = (nanos("at")?, nanos("for")?);
    Some((family, from, from.checked_add(length)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_takes_over_the_time_of_another_of_its_family() {
        let fault = |family: &str, whom: &str, at: &str, length: &str| json!({ "id": whom, family: { "where": [whom], "at": at, "for": length } });
        let pause = fault("pause", "a", "200ms", "100ms");
        let check = |other, expected: Option<Value>| assert_eq!(spanning(&pause, &other), expected);
        check(fault("pause", "b", "250ms", "1s"), Some(fault("pause", "a", "200ms", "1.05s")));
        check(fault("pause", "b", "50ms", "10ms"), Some(fault("pause", "a", "50ms", "250ms")));
        check(fault("pause", "b", "210ms", "10ms"), Some(pause.clone()));
        check(fault("crash", "b", "250ms", "1s"), None);
        check(json!({ "pause": { "where": ["b"], "at": "250ms" } }), None);
    }
}
