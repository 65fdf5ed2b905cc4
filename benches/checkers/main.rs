//! What verdicts cost: the processor time of a thread, which other work on the machine disturbs less than the wall clock.
//!
//! `cargo bench --no-default-features --bench checkers` measures everything; `-- register` only the groups of that name.
//!
//! | group | history | aim |
//! |---|---|---|
//! | register | reads and writes of unique values, 50 sessions | 10^6 in 2 s, and in at most 12 times as long as 10^5 |
//! | search | reads, writes and compare-and-sets, 10 sessions | |
//! | queue | elements put into a FIFO queue and taken, one taking in a hundred of unknown outcome, 50 sessions | as register |
//! | log | appends, and ten reads of what was appended by then, 50 sessions | |
//! | isolation | transactions of two to four reads of and appends to lists, 10 sessions | |

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a bench measures the wall clock")]

mod histories;

use std::time::{Duration, Instant};

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use partita::check::transactions::check;
use partita::check::{AppendLog, Budget, Linearizability, Model, Queue, Register, linearizable};
use partita::load::History;

/// The processor time of this thread; where the system does not tell it, the wall clock.
struct ProcessorTime;

/// The nanoseconds that this thread has run (Linux).
fn processor_time() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok()
}

impl Measurement for ProcessorTime {
    type Intermediate = (Option<u64>, Instant);
    type Value = Duration;

    fn start(&self) -> Self::Intermediate {
        (processor_time(), Instant::now())
    }
    fn end(&self, (before, start): Self::Intermediate) -> Duration {
        let passed = before.zip(processor_time()).map(|(before, now)| Duration::from_nanos(now - before));
        passed.unwrap_or_else(|| start.elapsed())
    }
    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }
    fn zero(&self) -> Duration {
        Duration::ZERO
    }
    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }
    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

fn measure(criterion: &mut Criterion<ProcessorTime>, group: &str, length: u64, mut work: impl FnMut()) {
    let mut group = criterion.benchmark_group(group);
    group.throughput(Throughput::Elements(length));
    group.bench_function(BenchmarkId::from_parameter(length), |bencher| bencher.iter(&mut work));
    group.finish();
}

/// How long it takes to find a history linearizable.
fn judge<M: Model>(criterion: &mut Criterion<ProcessorTime>, group: &str, model: &M, history: &History) {
    measure(criterion, group, history.operations.len() as u64, || {
        assert_eq!(linearizable(model, history, Budget::default()), Linearizability::Linearizable);
    });
}

fn register(criterion: &mut Criterion<ProcessorTime>) {
    for length in [100_000, 1_000_000] {
        judge(criterion, "register", &Register::default(), &histories::register(length, 50, false));
    }
}

fn queue(criterion: &mut Criterion<ProcessorTime>) {
    for length in [100_000, 1_000_000] {
        judge(criterion, "queue", &Queue, &histories::queue(length, 50, 100));
    }
}

fn log(criterion: &mut Criterion<ProcessorTime>) {
    for length in [100_000, 1_000_000] {
        judge(criterion, "log", &AppendLog, &histories::log(length, 50));
    }
}

fn search(criterion: &mut Criterion<ProcessorTime>) {
    for length in [1_000, 10_000] {
        judge(criterion, "search", &Register::default(), &histories::register(length, 10, true));
    }
}

fn isolation(criterion: &mut Criterion<ProcessorTime>) {
    for length in [10_000, 100_000] {
        let history = histories::appends(length, 10);
        measure(criterion, "isolation", length, || {
            let isolation = check(&history, Budget::default());
            assert_eq!(isolation.anomalies, []);
        });
    }
}

fn settings() -> Criterion<ProcessorTime> {
    let (warm_up, measurement) = (Duration::from_millis(500), Duration::from_secs(5));
    Criterion::default()
        .with_measurement(ProcessorTime)
        .warm_up_time(warm_up)
        .measurement_time(measurement)
        .sample_size(10)
}

criterion_group! { name = checkers; config = settings(); targets = register, queue, log, search, isolation }
criterion_main!(checkers);
