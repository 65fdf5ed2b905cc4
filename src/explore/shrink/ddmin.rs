//! Delta debugging: the smallest part of a list that still fails (Zeller and Hildebrandt, Simplifying and Isolating
//! Failure-Inducing Input, IEEE TSE 28(2), 2002, section 3.2).

/// A part of `items` of which no single item can be left out, if `fails` answers alike when asked again: `fails` is asked
/// of parts in the order of the list, never of the whole. First the empty list is tried.
pub(super) fn ddmin<T: Clone>(items: Vec<T>, mut fails: impl FnMut(&[T]) -> bool) -> Vec<T> {
    if items.is_empty() || fails(&[]) {
        return Vec::new();
    }
    let mut items = items;
    let mut parts = 2;
    while items.len() >= 2 {
        let size = items.len().div_ceil(parts);
        let without = |start: usize| {
            let end = (start + size).min(items.len());
            [&items[..start], &items[end..]].concat()
        };
        let smaller = (0..items.len()).step_by(size).map(without).find(|rest| !rest.is_empty() && fails(rest));
        match smaller {
            Some(smaller) => {
                items = smaller;
                parts = (parts - 1).max(2);
            }
            None if size == 1 => break,
            None => parts = (parts * 2).min(items.len()),
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// What fails is whatever holds all of some items: exactly they are left.
        #[test]
        fn what_matters_is_left(count in 0usize..60, needed in prop::collection::btree_set(0usize..60, 0..6)) {
            let needed: Vec<_> = needed.into_iter().filter(|&item| item < count).collect();
            let mut asked = 0;
            let left = ddmin((0..count).collect(), |part| {
                asked += 1;
                needed.iter().all(|item| part.contains(item))
            });
            prop_assert_eq!(&left, &needed);
            prop_assert!(asked <= (count + 2) * (count + 2), "{} times for {}", asked, count);
        }

        /// Where items matter in ways that depend on each other, what is left fails, and not without any one of its items.
        #[test]
        fn nothing_left_can_be_left_out(count in 1usize..30, modulus in 2usize..6) {
            let fails = |part: &[usize]| part.len() % modulus == count % modulus && part.contains(&(count / 2));
            let left = ddmin((0..count).collect(), fails);
            prop_assert!(fails(&left));
            for place in 0..left.len() {
                let mut less = left.clone();
                less.remove(place);
                prop_assert!(!fails(&less));
            }
        }
    }
}
