//! Figures: what is measured of every run, whatever its hypothesis asks.

use super::conflicts::conflicting_reads;
use super::convergence::Replica;
use super::durability::{FinalState, lost_writes};
use super::metrics::{BILLION, Metrics, Quantiles};
use super::staleness::{Freshness, freshness};
use super::window::{Phase, Windows};
use crate::kernel::Span;
use crate::load::History;

/// One thing that was measured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Figure {
    /// What: `availability`, `latency_p99`, `stale_reads` ...
    pub name: &'static str,
    /// Of whom, and when.
    pub subject: Subject,
    /// How much.
    pub quantity: Quantity,
}

impl Figure {
    /// Whether it is a time, even where there was none to measure.
    #[must_use]
    pub fn is_time(&self) -> bool {
        self.name.starts_with("latency_") || TIMES.contains(&self.name)
    }
}

/// The figures that are times, besides latencies.
const TIMES: [&str; 3] = ["stale_by_at_most", "t_visibility_p999", "converged_after"];

/// What a figure speaks of.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Subject {
    /// All clients, without the warm-up.
    Run,
    /// One client, without the warm-up.
    Client(String),
    /// One client, while a fault lasted.
    ClientDuringFaults(String),
    /// One service, in the whole run.
    Service(String),
}

/// How much of something there was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quantity {
    /// So many.
    Count(u64),
    /// A share, in parts per billion.
    Share(u64),
    /// So long.
    Time(Span),
    /// It did not come to an end.
    Never,
    /// There was nothing to measure.
    Nothing,
}

impl Quantity {
    /// A latency: the operation of that rank was perhaps never answered, or there was none.
    fn latency(span: Option<Span>) -> Self {
        match span {
            None => Self::Nothing,
            Some(Span::MAX) => Self::Never,
            Some(span) => Self::Time(span),
        }
    }
}

/// The share of the reads that the figure `t_visibility` speaks of: 99.9%.
const VISIBLE: u64 = BILLION / 1000 * 999;

/// How all clients, and each of the first `clients`, were served. `unavailable_by_design` says of each operation of the
/// history whether it could not have been served.
#[must_use]
pub fn load_figures(
    history: &History,
    windows: &Windows,
    clients: usize,
    unavailable_by_design: &[bool],
) -> Vec<Figure> {
    let metrics = Metrics::of(history, windows, Phase::Always);
    let measured = |index: usize| windows.contains(Phase::Always, history.operations[index].intended);
    let by_design = unavailable_by_design.iter().enumerate().filter(|&(index, &is)| is && measured(index)).count();
    let counts = [
        ("operations", metrics.invoked),
        ("ok", metrics.ok),
        ("no", metrics.no),
        ("fail", metrics.fail),
        ("info", metrics.info),
        ("unavailable_by_design", by_design as u64),
    ];
    let figure = |(name, count)| Figure { name, subject: Subject::Run, quantity: Quantity::Count(count) };
    let mut figures: Vec<Figure> = counts.map(figure).into();
    figures.extend(served(&Subject::Run, &metrics));
    let has_faults = !windows.of(Phase::During).is_empty();
    for (index, name) in (0..).zip(history.clients.iter().take(clients)) {
        let of = |phase| Metrics::of_client(history, windows, phase, index);
        figures.extend(served(&Subject::Client(name.clone()), &of(Phase::Always)));
        if has_faults {
            figures.extend(served(&Subject::ClientDuringFaults(name.clone()), &of(Phase::During)));
        }
    }
    figures
}

/// Availability and latency.
fn served(subject: &Subject, metrics: &Metrics) -> [Figure; 6] {
    let Quantiles { p50, p90, p99, p999, max } = metrics.quantiles();
    let figure = |name, quantity| Figure { name, subject: subject.clone(), quantity };
    [
        figure("availability", metrics.availability().map_or(Quantity::Nothing, Quantity::Share)),
        figure("latency_p50", Quantity::latency(p50)),
        figure("latency_p90", Quantity::latency(p90)),
        figure("latency_p99", Quantity::latency(p99)),
        figure("latency_p999", Quantity::latency(p999)),
        figure("latency_max", Quantity::latency(max)),
    ]
}

/// What became of the data of one service. `history` is that of its clients, `replicas` are those that live at the end,
/// and `converged` says how long they took to agree after all was over.
#[must_use]
pub fn service_figures(service: &str, history: &History, replicas: &[Replica], converged: Quantity) -> Vec<Figure> {
    let reads = freshness(history);
    let stale = reads.iter().filter_map(|read| read.stale);
    let worst = stale.clone().map(|stale| stale.by).max();
    let behind = reads.iter().map(|read| read.versions_behind).max();
    let lost = lost_writes(history, &FinalState::new(replicas)).lost.len();
    let visible = visible_after(&reads, VISIBLE);
    let figure = |name, quantity| Figure { name, subject: Subject::Service(service.into()), quantity };
    vec![
        figure("stale_reads", Quantity::Count(stale.count() as u64)),
        figure("stale_by_at_most", worst.map_or(Quantity::Nothing, Quantity::Time)),
        figure("versions_behind_at_most", behind.map_or(Quantity::Nothing, Quantity::Count)),
        figure("lost_writes", Quantity::Count(lost as u64)),
        figure("conflicting_reads", Quantity::Count(conflicting_reads(history).len() as u64)),
        figure("t_visibility_p999", visible.map_or(Quantity::Nothing, Quantity::Time)),
        figure("converged_after", converged),
    ]
}

/// The shortest time such that of the reads that began so long after a write of their object was acknowledged at least
/// the share `ratio` (in parts per billion) returned nothing older; `None` if no read began so long after a write.
fn visible_after(reads: &[Freshness], ratio: u64) -> Option<Span> {
    let mut since_first: Vec<Span> = reads.iter().filter_map(|read| read.first_write).collect();
    let mut stale_by: Vec<Span> = reads.iter().filter_map(|read| read.stale).map(|stale| stale.by).collect();
    since_first.sort_unstable();
    stale_by.sort_unstable();
    let count_from = |spans: &[Span], after: Span| (spans.len() - spans.partition_point(|&span| span < after)) as u64;
    let just_after = |&by: &Span| by + Span::from_nanos(1);
    let candidates = std::iter::once(Span::ZERO).chain(stale_by.iter().map(just_after));
    let is_visible = |after: &Span| {
        let (all, stale) = (count_from(&since_first, *after), count_from(&stale_by, *after));
        u128::from(stale) * u128::from(BILLION) <= u128::from(all) * u128::from(BILLION - ratio)
    };
    candidates.into_iter().find(is_visible).filter(|&after| count_from(&since_first, after) > 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{draws, history, kinds, perform_on};
    use super::super::window::Interval;
    use super::*;
    use crate::host::{Key, Value};
    use crate::kernel::Time;

    fn second(second: u64) -> Time {
        Time::ZERO + Span::from_secs(second)
    }

    /// `name of subject` and quantity, of all figures of that name.
    fn lines(figures: &[Figure], name: &str) -> Vec<(Subject, Quantity)> {
        let named = figures.iter().filter(|figure| figure.name == name);
        named.map(|figure| (figure.subject.clone(), figure.quantity)).collect()
    }

    #[test]
    fn clients_are_measured_apart_and_during_faults() {
        let mut history = history("1 w1 ok 2 3\n2 w2 ok 12 14\n3 w3 info 12 15\n4 w4 ok 13 14\n5 w5 fail 25 26");
        history.clients.push("t".into());
        history.clients.push("after all".into());
        history.operations[3].client = 1;
        let windows =
            Windows::new(second(1), second(20), &[Interval { start: second(10), end: second(15) }], Span::ZERO);
        let figures = load_figures(&history, &windows, 2, &[false, false, true, false, true]);
        let (s, t) = ("s".to_owned(), "t".to_owned());
        let half = Quantity::Share(BILLION / 2);
        let expected = [
            (Subject::Run, Quantity::Share(BILLION / 4 * 3)),
            (Subject::Client(s.clone()), Quantity::Share(666_666_666)),
            (Subject::ClientDuringFaults(s), half),
            (Subject::Client(t.clone()), Quantity::Share(BILLION)),
            (Subject::ClientDuringFaults(t), Quantity::Share(BILLION)),
        ];
        assert_eq!(lines(&figures, "availability"), expected);
        assert_eq!(lines(&figures, "latency_max")[2].1, Quantity::Never);
        assert_eq!(lines(&figures, "latency_p50")[2].1, Quantity::Time(Span::from_secs(2)));
        assert_eq!(lines(&figures, "operations"), [(Subject::Run, Quantity::Count(4))]);
        assert_eq!(lines(&figures, "unavailable_by_design"), [(Subject::Run, Quantity::Count(1))]);
        assert!(
            figures
                .iter()
                .all(|figure| figure.is_time() == matches!(figure.quantity, Quantity::Time(_) | Quantity::Never))
        );
        let nothing = load_figures(&History::default(), &windows, 0, &[]);
        assert_eq!(lines(&nothing, "latency_p99"), [(Subject::Run, Quantity::Nothing)]);
    }

    #[test]
    fn data_are_measured_by_service() {
        let history = history("1 w1 ok 0 1\n1 w2 ok 2 3\n2 r ok1 5 6\n2 r ok1|2 7 8\n2 r ok2 9 10");
        let replica =
            |value| Replica { node: "store-0".into(), entries: vec![(Key(0), 1, value)], ..Replica::default() };
        let figures = service_figures("store", &history, &[replica(Value::Int(1))], Quantity::Never);
        let quantities: Vec<_> = figures.iter().map(|figure| (figure.name, figure.quantity)).collect();
        let expected = [
            ("stale_reads", Quantity::Count(1)),
            ("stale_by_at_most", Quantity::Time(Span::from_secs(2))),
            ("versions_behind_at_most", Quantity::Count(1)),
            ("lost_writes", Quantity::Count(1)),
            ("conflicting_reads", Quantity::Count(1)),
            ("t_visibility_p999", Quantity::Time(Span::from_secs(2) + Span::from_nanos(1))),
            ("converged_after", Quantity::Never),
        ];
        assert_eq!(quantities, expected);
        let times: Vec<_> = figures.iter().filter(|figure| figure.is_time()).map(|figure| figure.name).collect();
        assert_eq!(times, TIMES);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn visibility_is_that_of_the_definition(
            draws in draws(0..30, 2, 4), kind in kinds(), ratio in (0u64..=10).prop_map(|tenths| tenths * BILLION / 10),
        ) {
            let reads = freshness(&perform_on(&draws, true, kind));
            let share_is_fresh = |after: Span| {
                let tested: Vec<_> = reads.iter().filter(|read| read.first_write.is_some_and(|since| since >= after)).collect();
                let stale = tested.iter().filter(|read| read.stale.is_some_and(|stale| stale.by >= after)).count();
                (!tested.is_empty()).then(|| (tested.len() - stale) as u64 * BILLION >= ratio * tested.len() as u64)
            };
            // Times in the drawn histories are a few nanoseconds.
            let mut spans = (0..1_000).map(|nanos| (nanos, share_is_fresh(Span::from_nanos(nanos))));
            let first = spans.find(|(_, fresh)| *fresh != Some(false)).expect("no read begins so late");
            let expected = first.1.map(|_| Span::from_nanos(first.0));
            prop_assert_eq!(visible_after(&reads, ratio), expected);
        }
    }
}
