//! Latencies of many operations, as histograms that can be added up.

use std::time::Duration;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use crate::kernel::Span;

/// Answered operations by latency: each value, in nanoseconds to three digits, and how often it came.
pub type Counts = Vec<(u64, u64)>;

/// Latencies put together. Quantiles of many runs come from here; those of single runs are never averaged: that would be no
/// quantile of anything.
#[derive(Clone, Debug)]
pub struct Latencies {
    answered: Histogram<u64>,
    unanswered: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        let mut answered = Histogram::new(3).expect("three digits are allowed");
        answered.auto(true);
        Self { answered, unanswered: 0 }
    }
}

impl Latencies {
    /// Adds an answered operation.
    pub fn add(&mut self, latency: Span) {
        self.answered.record(latency.as_nanos()).expect("the histogram grows");
    }

    /// Adds others, and operations that were never answered.
    pub fn add_all(&mut self, counts: &[(u64, u64)], unanswered: u64) {
        for &(latency, count) in counts {
            self.answered.record_n(latency, count).expect("the histogram grows");
        }
        self.unanswered += unanswered;
    }

    /// The answered ones.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let recorded = self.answered.iter_recorded();
        recorded.map(|value| (value.value_iterated_to(), value.count_at_value())).collect()
    }

    /// How many operations there are, with those that were never answered.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.answered.len() + self.unanswered
    }

    /// The latency, in nanoseconds, that this share of the operations did not exceed; [`u64::MAX`] where the operation of that
    /// rank was never answered, `None` without an operation.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let rank = (share * self.operations() as f64).max(1.0);
        let among_answered = rank / self.answered.len() as f64;
        let nanos = || if among_answered <= 1.0 { self.answered.value_at_quantile(among_answered) } else { u64::MAX };
        (self.operations() > 0).then(nanos)
    }

    /// The share of the operations that were answered within each latency that came, ascending.
    #[must_use]
    pub fn distribution(&self) -> Vec<(u64, f64)> {
        let (mut sum, all) = (0, self.operations() as f64);
        let step = |(latency, count): (u64, u64)| {
            sum += count;
            (latency, sum as f64 / all)
        };
        self.counts().into_iter().map(step).collect()
    }
}

/// Answered operations by latency, as a histogram of them would count them; a run has too few operations to search a histogram
/// for them.
#[must_use]
pub(super) fn counted(mut latencies: Vec<Span>) -> Counts {
    latencies.sort_unstable();
    let to_three_digits = Latencies::default().answered;
    let mut counts = Counts::new();
    for latency in latencies {
        let latency = to_three_digits.highest_equivalent(latency.as_nanos());
        match counts.last_mut() {
            Some((last, count)) if *last == latency => *count += 1,
            _ => counts.push((latency, 1)),
        }
    }
    counts
}

/// Histograms as an HdrHistogram log (version 1.3, each V2, deflated and in base64), which the tools of that name open. Each has
/// a tag without white space and commas, and spans this time from 0 on.
#[must_use]
pub fn histogram_log<'a>(histograms: impl Iterator<Item = (String, &'a Latencies)>, duration: Span) -> Vec<u8> {
    let (mut log, mut serializer) = (Vec::new(), V2DeflateSerializer::new());
    let mut writer = IntervalLogWriterBuilder::new()
        .add_comment("latencies of answered operations in nanoseconds")
        .begin_log_with(&mut log, &mut serializer)
        .expect("memory can be written");
    for (tag, latencies) in histograms {
        let tag = Tag::new(&tag).expect("tags are ours");
        let length = Duration::from_nanos(duration.as_nanos());
        writer
            .write_histogram(&latencies.answered, Duration::ZERO, length, Some(tag))
            .expect("memory can be written");
    }
    log
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn unanswered_operations_take_for_ever() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantile(0.5), None);
        for nanos in [500, 100, 300, 200, 400] {
            latencies.add(Span::from_nanos(nanos));
        }
        latencies.add_all(&[(100, 1)], 4);
        let check = |share, expected| assert_eq!(latencies.quantile(share), Some(expected), "{share}");
        check(0.0, 100);
        check(0.2, 100);
        check(0.3, 200);
        check(0.6, 500);
        check(0.61, u64::MAX);
        assert_eq!(latencies.distribution().last(), Some(&(500, 0.6)));
        assert_eq!(latencies.counts()[0], (100, 2));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn counting_is_what_a_histogram_does(nanos in prop::collection::vec((any::<u64>(), 0u32..64), 0..30)) {
            let spans: Vec<_> = nanos.into_iter().map(|(nanos, shift)| Span::from_nanos(nanos >> shift)).collect();
            let mut histogram = Latencies::default();
            spans.iter().for_each(|&span| histogram.add(span));
            prop_assert_eq!(counted(spans), histogram.counts());
        }
    }

    #[test]
    fn a_log_reads_back() {
        let mut latencies = Latencies::default();
        latencies.add_all(&[(1_000_000, 3), (2_000_000, 1)], 7);
        let log = histogram_log([("point-0".to_owned(), &latencies)].into_iter(), Span::from_secs(2));
        let entries: Vec<_> = IntervalLogIterator::new(&log).map(|entry| entry.expect("an entry")).collect();
        let [LogEntry::Interval(interval)] = &entries[..] else { panic!("{} entries", entries.len()) };
        assert_eq!(interval.tag().map(|tag| tag.as_str().to_owned()), Some("point-0".to_owned()));
        assert_eq!(interval.duration(), Duration::from_secs(2));
        let bytes = base64(interval.encoded_histogram());
        let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut &bytes[..]).expect("a histogram");
        assert_eq!((histogram.len(), histogram.value_at_quantile(0.5) / 1_000), (4, 1_000));
    }

    /// The bytes that a base64 text stands for.
    fn base64(text: &str) -> Vec<u8> {
        let digit = |c: u8| match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        let digits: Vec<u8> = text.bytes().filter(|&c| c != b'=').map(digit).collect();
        let bits = |digits: &[u8]| {
            digits.iter().fold(0u32, |bits, &digit| bits << 6 | u32::from(digit)) << (6 * (4 - digits.len()))
        };
        digits.chunks(4).flat_map(|four| bits(four).to_be_bytes()[1..four.len()].to_vec()).collect()
    }
}
