//! How a run went, slice by slice of its time: what charts show.

use std::collections::BTreeMap;

use super::metrics::Metrics;
use super::staleness::freshness;
use crate::host::{DropCause, Tag};
use crate::kernel::{Fact, Record, Span, Time, Trace};
use crate::load::{History, Operation};

/// One slice of a run's time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Slice {
    /// Its first instant; it ends where the next one begins.
    pub start: Time,
    /// What became of the operations that were meant to start in it, those of the warm-up included.
    pub metrics: Metrics,
    /// How many reads among them were answered.
    pub reads: u64,
    /// How many of these were stale.
    pub stale_reads: u64,
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
        let metrics = Metrics::of_operations(mine.iter().copied());
        Slice { start: Time::from_nanos(number * width), metrics, reads: 0, stale_reads: 0 }
    };
    let mut slices: Vec<_> = (0..slices).map(slice).collect();
    for read in freshness(history) {
        let number = slice_of(&history.operations[read.read]);
        if let Some(slice) = usize::try_from(number).ok().and_then(|number| slices.get_mut(number)) {
            slice.reads += 1;
            slice.stale_reads += u64::from(read.stale.is_some());
        }
    }
    slices
}

/// The ends of a run's messages, slice by slice.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Traffic {
    /// How many were delivered in each slice.
    pub delivered: Vec<u64>,
    /// How many died in each slice, by cause.
    pub dropped: BTreeMap<&'static str, Vec<u64>>,
}

/// The messages of a kept trace in slices of `width` (at least a nanosecond), from time 0 to the last event. What a node
/// tells itself is no message here.
#[must_use]
pub fn traffic(trace: &Trace, width: Span) -> Traffic {
    let width = width.as_nanos().max(1);
    let slice_of = |fact: &Fact| usize::try_from(fact.time.as_nanos() / width).unwrap_or(usize::MAX);
    let slices = trace.records().last().map_or(0, |last| slice_of(&last.fact) + 1);
    let mut traffic = Traffic { delivered: vec![0; slices], dropped: BTreeMap::new() };
    for Record { fact, .. } in trace.records().iter().filter(|record| record.fact.a != record.fact.b) {
        match Tag::from_number(fact.tag) {
            Some(Tag::Deliver | Tag::Request | Tag::Answer) => traffic.delivered[slice_of(fact)] += 1,
            Some(Tag::Drop) => {
                let cause = DropCause::name_of(fact.c % 16).unwrap_or("unknown");
                traffic.dropped.entry(cause).or_insert_with(|| vec![0; slices])[slice_of(fact)] += 1;
            }
            _ => {}
        }
    }
    traffic
}

/// How many operations took how long.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Histogram {
    /// Ascending bounds, one more than counts: ten to a power of ten.
    pub bounds: Vec<Span>,
    /// How many answered operations took as long as a bound or longer, and not as long as the next.
    pub counts: Vec<u64>,
    /// How many were never answered.
    pub never: u64,
}

/// What a power of ten is cut into: the preferred numbers R10 (ISO 3).
const PREFERRED: [u64; 10] = [100, 125, 160, 200, 250, 315, 400, 500, 630, 800];

/// The latencies of some operations as a histogram.
#[must_use]
pub fn histogram(metrics: &Metrics) -> Histogram {
    let latencies = metrics.latencies();
    let never = metrics.invoked - metrics.answered();
    let (Some(&least), Some(&most)) = (latencies.first(), latencies.last()) else {
        return Histogram { never, ..Histogram::default() };
    };
    let (least, most) = (least.as_nanos().max(100), most.as_nanos().max(100));
    let all = (0..18).flat_map(|power| PREFERRED.map(|bound| bound.saturating_mul(10u64.saturating_pow(power))));
    let all: Vec<u64> = all.collect();
    let first = all.partition_point(|&bound| bound <= least) - 1;
    let last = all.partition_point(|&bound| bound <= most).min(all.len() - 1);
    let mut bounds: Vec<_> = all[first..=last].iter().map(|&bound| Span::from_nanos(bound)).collect();
    let below = |bound: Span| latencies.partition_point(|&latency| latency < bound) as u64;
    let mut counts: Vec<_> = bounds.windows(2).map(|pair| below(pair[1]) - below(pair[0])).collect();
    if let (Some(bound), Some(count)) = (bounds.first_mut(), counts.first_mut()) {
        // What took less than the least bound of all.
        *count += below(*bound);
        *bound = Span::from_nanos(bound.as_nanos().min(latencies[0].as_nanos()));
    }
    Histogram { bounds, counts, never }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::check::testing::{draws, perform};
    use crate::check::{Phase, Windows, stale_reads};

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
            let reads: u64 = slices.iter().map(|slice| slice.reads).sum();
            prop_assert_eq!(reads, freshness(&history).len() as u64);
            let stale: u64 = slices.iter().map(|slice| slice.stale_reads).sum();
            prop_assert_eq!(stale, stale_reads(&history).len() as u64);
        }

        #[test]
        fn a_histogram_counts_every_operation_between_its_bounds(draws in draws(0..30, 2, 4)) {
            let window = Windows::new(Time::ZERO, Time::MAX, &[], Span::ZERO);
            let metrics = Metrics::of(&perform(&draws, true), &window, Phase::Always);
            let Histogram { bounds, counts, never } = histogram(&metrics);
            prop_assert_eq!(counts.iter().sum::<u64>() + never, metrics.invoked);
            prop_assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert_eq!(bounds.len(), counts.len() + usize::from(!counts.is_empty()));
            for (pair, &count) in bounds.windows(2).zip(&counts) {
                let inside = metrics.latencies().iter().filter(|&&latency| pair[0] <= latency && latency < pair[1]);
                prop_assert_eq!(inside.count() as u64, count);
            }
        }
    }

    #[test]
    fn traffic_counts_messages_where_they_end() {
        let mut trace = Trace::keeping();
        let mut enter = |at: u64, tag: Tag, a, b, c| {
            trace.enter(Fact { time: Time::from_nanos(at), tag: tag as u8, a, b, c, payload: 0 }, None, "");
        };
        enter(3, Tag::Deliver, 0, 1, 0);
        enter(9, Tag::Deliver, 0, 0, 0);
        enter(10, Tag::Drop, 0, 1, 3 * 16 + 1);
        enter(19, Tag::Answer, 1, 0, 7);
        enter(20, Tag::Timer, 1, 1, 0);
        let traffic = traffic(&trace, Span::from_nanos(10));
        assert_eq!(traffic.delivered, [1, 1, 0]);
        assert_eq!(traffic.dropped, BTreeMap::from([("partition", vec![0, 1, 0])]));
    }
}
