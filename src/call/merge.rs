//! A set in a store that knows only whole values: the client reads, merges and writes.
//!
//! So the shopping cart of `DeCandia` et al., Dynamo, SOSP 2007, section 4.4: carts that were changed apart are united, so
//! that what was put into one of them is never lost. Doing it again changes nothing.

use std::collections::BTreeSet;

use crate::host::Value;

/// The set that unites all siblings that were found, with one more element. A number counts as the set of it alone.
#[must_use]
pub fn with_element(found: &Value, element: i64) -> Value {
    let mut elements = BTreeSet::from([element]);
    collect(found, &mut elements);
    Value::List(elements.into_iter().collect())
}

fn collect(found: &Value, elements: &mut BTreeSet<i64>) {
    match found {
        Value::Nil => {}
        Value::Int(number) => {
            elements.insert(*number);
        }
        Value::List(list) => elements.extend(list),
        Value::Siblings(siblings) | Value::Answers(siblings) => {
            siblings.iter().for_each(|sibling| collect(sibling, elements))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siblings_are_united() {
        let list = |elements: &[i64]| Value::List(elements.to_vec());
        let check = |found: &Value, expected: &[i64]| {
            let merged = with_element(found, 5);
            assert_eq!(merged, list(expected));
            assert_eq!(with_element(&merged, 5), merged, "once more changes nothing");
        };
        check(&Value::Nil, &[5]);
        check(&Value::Int(7), &[5, 7]);
        check(&list(&[5, 9]), &[5, 9]);
        check(&Value::Siblings(vec![Value::Nil, list(&[1, 9]), list(&[2, 9])]), &[1, 2, 5, 9]);
    }
}
