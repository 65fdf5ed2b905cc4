//! Operations in plain words, as every explanation uses them.

use std::fmt::Display;

use crate::host::{Request, Value};
use crate::load::{History, Outcome};

/// What one operation did, with its id, values and times: `shoppers-17 reads 4 (12s to 12.1s)`.
pub(super) fn clause(history: &History, index: usize) -> String {
    let operation = &history.operations[index];
    let (id, began, ended) = (history.id(operation), operation.invoked, operation.completed);
    let deed = match (&operation.request, &operation.outcome) {
        (Request::Read { .. }, Outcome::Ok(found) | Outcome::No(found)) => format!("reads {}", found.in_brief()),
        (Request::Write { value, .. }, _) => format!("writes {value}"),
        (Request::Append { element, .. }, _) => format!("appends {element}"),
        (Request::Insert { element, .. }, _) => format!("inserts {element}"),
        (Request::CompareAndSet { expected, new, .. }, Outcome::Ok(_)) => format!("changes {expected} to {new}"),
        (Request::CompareAndSet { expected, .. }, Outcome::No(found)) => {
            format!("finds {found} where it expects {expected}")
        }
        (request, Outcome::Ok(Value::Nil)) => request.to_string(),
        (request, Outcome::Ok(found) | Outcome::No(found)) => format!("{request} -> {found}"),
        (request, _) => request.to_string(),
    };
    let when = match &operation.outcome {
        Outcome::Ok(_) if !operation.request.is_read() => format!("{began}, acknowledged at {ended}"),
        Outcome::Ok(_) | Outcome::No(_) => format!("{began} to {ended}"),
        Outcome::Fail(why) => format!("{began}, failed at {ended}: {why}"),
        Outcome::Info(why) => format!("{began}, outcome unknown: {why}"),
    };
    format!("{id} {deed} ({when})")
}

/// `a`, `a and b`, `a, b and c`, and after `shown` items `a, b and 7 more`.
pub(super) fn list<T: Display>(items: &[T], shown: usize) -> String {
    let mut words: Vec<String> = items.iter().take(shown).map(ToString::to_string).collect();
    if items.len() > shown {
        words.push(format!("{} more", items.len() - shown));
    }
    match words.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// `1 operation`, `2 operations`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_as_prose() {
        let check = |items: &[&str], expected: &str| assert_eq!(list(items, 3), expected);
        check(&[], "");
        check(&["a"], "a");
        check(&["a", "b"], "a and b");
        check(&["a", "b", "c"], "a, b and c");
        check(&["a", "b", "c", "d", "e"], "a, b, c and 2 more");
    }
}
