//! How often an election has no winner, against a model; `docs/validation.md` derives it.

use super::*;
use crate::host::Link;
use crate::kernel::Sampler;

/// The chance that at least `least` of `n` happen, each independently with the chance `p`.
fn at_least(least: u32, n: u32, p: f64) -> f64 {
    let power = |base: f64, times: u32| (0..times).fold(1.0, |product, _| product * base);
    let ways = |k: u32| (0..k).fold(1.0, |ways, i| ways * f64::from(n - i) / f64::from(i + 1));
    (least..=n).map(|k| ways(k) * power(p, k) * power(1.0 - p, n - k)).sum()
}

/// Of `standing` replicas that wait, `majority` votes are needed, and a request for a vote takes a part `delta` of the range
/// of waits to arrive: the chance that nobody wins.
fn split(standing: u32, majority: u32, delta: f64) -> f64 {
    at_least(standing - majority + 1, standing, delta)
}

/// How many microseconds pass between a wait's end and the arrival of the candidate's requests: the ballot is written and
/// synced, and a message takes a millisecond.
const REQUEST_MICROS: u64 = 20 + 1_000 + 1_000;

/// A service of so many replicas whose requests take a part `delta` of the range of waits.
fn service(replicas: usize, delta: f64) -> Harness {
    let range = Span::from_nanos((REQUEST_MICROS as f64 * 1_000.0 / delta) as u64);
    let election_timeout_min = Span::from_millis(40);
    let raft = Raft {
        election_timeout_min,
        election_timeout_max: election_timeout_min + range,
        pre_vote: false,
        check_quorum: false,
        ..quick()
    };
    assert_eq!(Link::default().latency, Sampler::constant(MS(1)), "the model counts on it");
    Harness::new(raft, replicas, &HostSettings::default())
}

/// Counts in how many of `runs` runs the first term with a candidate has no leader; with `after_a_crash`, the first after
/// that of a leader that dies.
fn count(store: &mut Harness, runs: u64, after_a_crash: bool) -> u64 {
    let lead = |store: &mut Harness| loop {
        store.run_for(MS(50));
        if let Some(leading) = store.simulation.leader("store") {
            return (leading, store.simulation.role(leading).expect("it leads").1);
        }
    };
    let is_split = |seed: &u64| {
        store.simulation.reset(*seed);
        let (mut before, (mut leading, mut term)) = (0, lead(store));
        if after_a_crash {
            store.run_for(MS(50));
            before = term;
            store.crash(leading.0, CrashKeeps::Nothing);
            (leading, term) = lead(store);
            assert!(store.simulation.is_up(leading));
        }
        term > before + 1
    };
    (0..runs).filter(is_split).count() as u64
}

fn check(runs: u64, replicas: u32, delta: f64, after_a_crash: bool) {
    let mut store = service(replicas as usize, delta);
    let split = split(replicas - u32::from(after_a_crash), replicas / 2 + 1, delta);
    let found = count(&mut store, runs, after_a_crash) as f64 / runs as f64;
    let error = (split * (1.0 - split) / runs as f64).sqrt();
    println!("{replicas} replicas, {delta}, after a crash {after_a_crash}: {split:.4} {found:.4} +- {error:.4}");
    assert!((found - split).abs() < 4.0 * error, "model {split:.4}, found {found:.4}, standard error {error:.4}");
}

#[test]
fn the_model_of_a_split_vote() {
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
    near(split(2, 2, 0.1), 0.19);
    near(split(3, 2, 0.5), 0.5);
    near(split(4, 3, 1.0), 1.0);
    near(split(5, 3, 0.0), 0.0);
}

#[test]
fn elections_are_split_as_often_as_the_model_says() {
    check(400, 3, 0.2, false);
    check(400, 5, 0.4, false);
    check(300, 3, 0.1, true);
    check(300, 5, 0.3, true);
}

#[test]
#[ignore = "a minute or more; for the table in docs/validation.md"]
fn elections_are_split_as_often_as_the_model_says_everywhere() {
    for delta in [0.05, 0.1, 0.2, 0.4, 0.8] {
        for replicas in [3, 5, 7] {
            check(2_000, replicas, delta, false);
            check(2_000, replicas, delta, true);
        }
    }
}
