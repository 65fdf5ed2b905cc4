//! How a run went, slice by slice of its time: what charts show.

use super::metrics::Metrics;
use crate::kernel::{Span, Time};
use crate::load::{History, Operation};

/// One slice of a run's time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Slice {
    /// Its first instant; it ends where the next one begins.
    pub start: Time,
    /// What became of the operations that were meant to start in it, those of the warm-up included.
    pub metrics: Metrics,
}

/// The history in slices of `width` (at least a nanosecond), from time 0 to the last intended start, without a gap.
#[must_use]
pub fn series(history: &History, width: Span) -> Vec<Slice> {
    let width = width.as_nanos().max(1);
    let slice_of = |operation: &Operation| operation.intended.as_nanos() / width;
    let mut operations: Vec<_> = history.operations.iter().collect();
    operations.sort_by_key(|operation| operation.intended);
    let slices = operations.last().map_or(0, |last| slice_of(last) + 1);
    let mut rest = operations.as_slice();
    let slice = |number: u64| {
        let (mine, later) = rest.split_at(rest.partition_point(|operation| slice_of(operation) <= number));
        rest = later;
        Slice { start: Time::from_nanos(number * width), metrics: Metrics::of_operations(mine.iter().copied()) }
    };
    (0..slices).map(slice).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::check::testing::{draws, perform};
    use crate::check::{Phase, Windows};

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn slices_are_what_their_windows_measure(
            draws in draws(0..30, 2, 4), width in 1u64..20,
        ) {
            let history = perform(&draws, true);
            let slices = series(&history, Span::from_nanos(width));
            for slice in &slices {
                let end = slice.start + Span::from_nanos(width - 1);
                let window = Windows::new(slice.start, end, &[], Span::ZERO);
                prop_assert_eq!(&slice.metrics, &Metrics::of(&history, &window, Phase::Always));
            }
            let all: u64 = slices.iter().map(|slice| slice.metrics.invoked).sum();
            prop_assert_eq!(all, history.operations.len() as u64);
        }
    }
}
