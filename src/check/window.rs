//! When expectations hold: before, during and after the faults.

use std::fmt;

use crate::kernel::{Span, Time};

/// A part of a run that expectations speak of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Phase {
    /// From the end of the warm-up to the first fault: the steady state.
    Before,
    /// While at least one fault lasts.
    During,
    /// From some time after the last fault on.
    After,
    /// The whole run; for availability and latency without the warm-up.
    Always,
}

impl Phase {
    /// The name in scenario files: `before`, `during`, `after`, `always`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::During => "during",
            Self::After => "after",
            Self::Always => "always",
        }
    }

    /// The window in a sentence: "operations meant to start ...".
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Before => "before the first fault",
            Self::During => "during the faults",
            Self::After => "after the faults",
            Self::Always => "after the warm-up",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The instants from `start` on and before `end`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Interval {
    /// The first instant.
    pub start: Time,
    /// The first instant after it; [`Time::MAX`] for a fault that never ends.
    pub end: Time,
}

impl Interval {
    /// Whether there is no instant in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// Whether it holds the instant.
    #[must_use]
    pub fn contains(self, time: Time) -> bool {
        self.start <= time && time < self.end
    }

    fn clip(self, within: Self) -> Self {
        Self { start: self.start.max(within.start), end: self.end.min(within.end) }
    }
}

/// The windows of one run. An operation belongs to the windows that hold its intended start.
///
/// Before is `[warm_up, first fault)`, during the union of the faults' windows, after
/// `[last fault's end + within, duration]`; all of it without the warm-up. What lies between two faults, or
/// between the last one's end and the end of the grace period, belongs to none of the three.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Windows {
    before: Vec<Interval>,
    during: Vec<Interval>,
    after: Vec<Interval>,
    always: Vec<Interval>,
}

impl Windows {
    /// The windows of a run that lasts until `duration` inclusively and whose faults lasted so. Without a fault
    /// all is before.
    #[must_use]
    pub fn new(warm_up: Time, duration: Time, faults: &[Interval], within: Span) -> Self {
        let run = Interval { start: warm_up, end: duration + Span::from_nanos(1) };
        let first = faults.iter().map(|fault| fault.start).min().unwrap_or(Time::MAX);
        let last = faults.iter().map(|fault| fault.end).max().unwrap_or(Time::MAX);
        let clip = |interval: Interval| Some(interval.clip(run)).filter(|part| !part.is_empty());
        Self {
            before: clip(Interval { start: Time::ZERO, end: first }).into_iter().collect(),
            during: union(faults.iter().filter_map(|&fault| clip(fault)).collect()),
            after: clip(Interval { start: last + within, end: Time::MAX }).into_iter().collect(),
            always: clip(run).into_iter().collect(),
        }
    }

    /// The intervals of a phase, disjoint and in order; none if the phase has no instant.
    #[must_use]
    pub fn of(&self, phase: Phase) -> &[Interval] {
        match phase {
            Phase::Before => &self.before,
            Phase::During => &self.during,
            Phase::After => &self.after,
            Phase::Always => &self.always,
        }
    }

    /// Whether the instant belongs to the phase.
    #[must_use]
    pub fn contains(&self, phase: Phase, time: Time) -> bool {
        let intervals = self.of(phase);
        let next = intervals.partition_point(|interval| interval.end <= time);
        intervals.get(next).is_some_and(|interval| interval.contains(time))
    }
}

fn union(mut intervals: Vec<Interval>) -> Vec<Interval> {
    intervals.sort_unstable();
    let mut merged: Vec<Interval> = Vec::new();
    for interval in intervals {
        match merged.last_mut() {
            Some(last) if interval.start <= last.end => last.end = last.end.max(interval.end),
            _ => merged.push(interval),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(start: u64, end: u64) -> Interval {
        let at = |second: u64| if second == 99 { Time::MAX } else { Time::ZERO + Span::from_secs(second) };
        Interval { start: at(start), end: at(end) }
    }

    #[test]
    fn faults_divide_a_run() {
        let check = |faults: &[Interval], phase: Phase, inside: &[u64]| {
            let second = |second: u64| Time::ZERO + Span::from_secs(second);
            let windows = Windows::new(second(5), second(20), faults, Span::from_secs(2));
            let found: Vec<u64> = (0..25).filter(|&s| windows.contains(phase, second(s))).collect();
            assert_eq!(found, inside, "{phase} {faults:?}");
        };
        let two = [seconds(12, 14), seconds(8, 10)];
        check(&two, Phase::Before, &[5, 6, 7]);
        check(&two, Phase::During, &[8, 9, 12, 13]);
        check(&two, Phase::After, &[16, 17, 18, 19, 20]);
        check(&two, Phase::Always, &(5..=20).collect::<Vec<_>>());
        check(&[seconds(8, 12), seconds(9, 10), seconds(12, 13)], Phase::During, &[8, 9, 10, 11, 12]);
        check(&[], Phase::Before, &(5..=20).collect::<Vec<_>>());
        check(&[], Phase::During, &[]);
        check(&[], Phase::After, &[]);
        check(&[seconds(2, 8)], Phase::Before, &[]);
        check(&[seconds(2, 8)], Phase::During, &[5, 6, 7]);
        check(&[seconds(17, 99)], Phase::During, &[17, 18, 19, 20]);
        check(&[seconds(17, 99)], Phase::After, &[]);
        check(&[seconds(17, 19)], Phase::After, &[]);
        check(&[seconds(8, 8)], Phase::During, &[]);
        check(&[seconds(8, 8)], Phase::After, &(10..=20).collect::<Vec<_>>());
    }
}
