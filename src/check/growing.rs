//! What only grows: append logs and grow-only sets.

use super::linearizable::grown;
use super::model::{Decision, Effect, Model};
use super::writes::Kind;
use crate::host::{Request, Value};
use crate::load::{History, Outcome};

/// A log: an append puts an element at its end, a read answers all elements in order. Nil is the empty log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AppendLog;

/// A set: an insert puts an element into it unless it is there, a read answers all elements in ascending order. Nil is
/// the empty set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GrowOnlySet;

impl Model for AppendLog {
    type State = Value;

    fn initial(&self) -> Value {
        Value::Nil
    }

    fn supports(&self, request: &Request) -> bool {
        matches!(request, Request::Read { .. } | Request::Append { .. })
    }

    fn step(&self, state: &Value, request: &Request, answer: Option<&Outcome>) -> Option<Value> {
        match (effect(request, answer), request) {
            (Effect::Other, Request::Append { element, .. }) => {
                Some(Value::List([elements(state)?, &[*element]].concat()))
            }
            (effect, _) => unchanged(&effect, state),
        }
    }

    fn effect(&self, request: &Request, answer: Option<&Outcome>) -> Effect<Value> {
        effect(request, answer)
    }

    fn size(&self, state: &Value) -> u64 {
        size(state)
    }

    fn decide(&self, history: &History, operations: &[usize]) -> Decision {
        grown::decide(history, Kind::Log, operations)
    }

    fn linearization(&self, history: &History, operations: &[usize]) -> Option<(Vec<usize>, Value)> {
        grown::linearization(history, Kind::Log, operations)
    }
}

impl Model for GrowOnlySet {
    type State = Value;

    fn initial(&self) -> Value {
        Value::Nil
    }

    fn supports(&self, request: &Request) -> bool {
        matches!(request, Request::Read { .. } | Request::Insert { .. })
    }

    fn step(&self, state: &Value, request: &Request, answer: Option<&Outcome>) -> Option<Value> {
        match (effect(request, answer), request) {
            (Effect::Other, Request::Insert { element, .. }) => {
                let mut elements = elements(state)?.to_vec();
                if let Err(place) = elements.binary_search(element) {
                    elements.insert(place, *element);
                }
                Some(Value::List(elements))
            }
            (effect, _) => unchanged(&effect, state),
        }
    }

    fn effect(&self, request: &Request, answer: Option<&Outcome>) -> Effect<Value> {
        effect(request, answer)
    }

    fn size(&self, state: &Value) -> u64 {
        size(state)
    }

    fn decide(&self, history: &History, operations: &[usize]) -> Decision {
        grown::decide(history, Kind::Set, operations)
    }

    fn linearization(&self, history: &History, operations: &[usize]) -> Option<(Vec<usize>, Value)> {
        grown::linearization(history, Kind::Set, operations)
    }
}

/// What a request does to a log or a set; [`Effect::Other`] if it puts an element there.
fn effect(request: &Request, answer: Option<&Outcome>) -> Effect<Value> {
    match (request, answer) {
        (Request::Read { .. }, Some(Outcome::Ok(found) | Outcome::No(found))) => match elements(found) {
            None => Effect::Never,
            Some([]) => Effect::Observe(Value::Nil),
            Some(elements) => Effect::Observe(Value::List(elements.to_vec())),
        },
        (Request::Read { .. }, None) | (_, Some(Outcome::No(_))) => Effect::Nothing,
        _ => Effect::Other,
    }
}

/// The state after an operation that changes nothing; `None` if it is not legal.
fn unchanged(effect: &Effect<Value>, state: &Value) -> Option<Value> {
    let is_legal = match effect {
        Effect::Nothing => true,
        Effect::Observe(found) => found == state,
        _ => false,
    };
    is_legal.then(|| state.clone())
}

/// The elements of a log or a set; `None` if the value is neither.
pub(super) fn elements(value: &Value) -> Option<&[i64]> {
    match value {
        Value::Nil => Some(&[]),
        Value::List(elements) => Some(elements),
        Value::Int(_) | Value::Siblings(_) | Value::Answers(_) => None,
    }
}

/// How much a log or a set holds.
fn size(state: &Value) -> u64 {
    elements(state).unwrap_or_default().len() as u64
}

/// Whether the element is in a log or a set, or in one of several siblings.
pub(super) fn holds(value: &Value, element: i64) -> bool {
    match value {
        Value::List(elements) => elements.contains(&element),
        Value::Siblings(values) => values.iter().any(|value| holds(value, element)),
        Value::Nil | Value::Int(_) | Value::Answers(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Key;

    fn list(elements: &[i64]) -> Value {
        Value::List(elements.to_vec())
    }

    fn check<M: Model<State = Value>>(
        model: M,
        state: &Value,
        request: &Request,
        answer: Option<Outcome>,
        expected: Option<Value>,
    ) {
        let next = model.step(state, request, answer.as_ref());
        assert_eq!(next, expected, "{request} in {state} answered {answer:?}");
    }

    #[test]
    fn logs_and_sets_step_as_their_answers_say() {
        let key = Key(0);
        let ok = |value: Value| Some(Outcome::Ok(value));
        let (append, insert) = (Request::Append { key, element: 3 }, Request::Insert { key, element: 3 });
        let read = Request::Read { key };
        check(AppendLog, &Value::Nil, &append, ok(Value::Nil), Some(list(&[3])));
        check(AppendLog, &list(&[5, 3]), &append, None, Some(list(&[5, 3, 3])));
        check(AppendLog, &list(&[5]), &append, Some(Outcome::No(Value::Nil)), Some(list(&[5])));
        check(AppendLog, &list(&[5, 3]), &read, ok(list(&[5, 3])), Some(list(&[5, 3])));
        check(AppendLog, &list(&[5, 3]), &read, ok(list(&[3, 5])), None);
        check(AppendLog, &Value::Nil, &read, ok(list(&[])), Some(Value::Nil));
        check(AppendLog, &Value::Nil, &read, ok(Value::Int(3)), None);
        check(GrowOnlySet, &list(&[1, 5]), &insert, ok(Value::Nil), Some(list(&[1, 3, 5])));
        check(GrowOnlySet, &list(&[3]), &insert, None, Some(list(&[3])));
        check(GrowOnlySet, &list(&[3, 5]), &read, ok(list(&[5, 3])), None);
        check(GrowOnlySet, &list(&[3, 5]), &read, ok(list(&[3, 5])), Some(list(&[3, 5])));
        check(GrowOnlySet, &list(&[3]), &read, ok(Value::Siblings(vec![list(&[3]), Value::Nil])), None);
        assert!(AppendLog.supports(&append) && !AppendLog.supports(&insert));
        assert!(GrowOnlySet.supports(&insert) && !GrowOnlySet.supports(&append));
    }

    #[test]
    fn an_element_is_looked_for_in_all_siblings() {
        let check = |value: Value, expected: bool| assert_eq!(holds(&value, 3), expected, "{value}");
        check(list(&[1, 3]), true);
        check(list(&[1]), false);
        check(Value::Nil, false);
        check(Value::Int(3), false);
        check(Value::Siblings(vec![list(&[1]), list(&[2, 3])]), true);
    }
}
