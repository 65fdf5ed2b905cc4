//! How long operations take, against the order statistics of the legs that they are made of.
//!
//! The model stands in `docs/validation.md`.

use super::*;
use crate::host::Link;
use crate::kernel::Sampler;

/// The longest time that a message between replicas takes; it is uniform from zero on.
const LEG: Span = Span::from_millis(10);
/// To the coordinator and back, on links that take a millisecond.
const CLIENT: Span = Span::from_millis(2);
/// Into the cache and onto the disk, with every replica alike.
const DISK: Span = Span::from_micros(1_020);
const OPERATIONS: usize = 1_500;

/// How long operations take without what is the same for all, as a share of [`LEG`], in ascending order.
fn measured(settings: &Quorum, request: &Request, constant: Span) -> Vec<f64> {
    let link = Link { latency: Sampler::uniform(Span::ZERO, LEG).expect("an interval"), ..Link::default() };
    let mut store =
        Harness::with_links(patient(settings.clone()), settings.n as usize, &HostSettings::default(), &link, 1);
    let mut one = || {
        let asked = store.simulation.now();
        store.ask(0, request.clone()).expect("an answer");
        let took = store.simulation.now().since(asked) - constant;
        // Late answers do not meet the next operation.
        store.run_for(Span::from_millis(30));
        took.as_nanos() as f64 / LEG.as_nanos() as f64
    };
    let mut took: Vec<_> = (0..OPERATIONS).map(|_| one()).collect();
    took.sort_unstable_by(f64::total_cmp);
    took
}

/// The probability that a round trip takes at most `t`: the sum of two uniform legs.
fn round_trip(t: f64) -> f64 {
    match t {
        ..0.0 => 0.0,
        0.0..1.0 => t * t / 2.0,
        1.0..2.0 => 1.0 - (2.0 - t) * (2.0 - t) / 2.0,
        _ => 1.0,
    }
}

/// The probability that at least `k` of `n` independent events happen, of which each has probability `p`.
fn at_least(k: u32, n: u32, p: f64) -> f64 {
    // One event after the other: `count[j]` is the probability that j of those so far have happened.
    let mut count = vec![0.0; n as usize + 1];
    count[0] = 1.0;
    for _ in 0..n {
        for j in (1..count.len()).rev() {
            count[j] = count[j] * (1.0 - p) + count[j - 1] * p;
        }
        count[0] *= 1.0 - p;
    }
    count[k as usize..].iter().sum()
}

/// The largest distance of the measured distribution from the model's. By the inequality of Dvoretzky, Kiefer and Wolfowitz
/// it exceeds d with a probability of at most 2 exp(-2 n d^2), with n = 1500 and d = 0.08 once in a hundred million.
fn distance(measured: &[f64], model: impl Fn(f64) -> f64) -> f64 {
    let count = measured.len() as f64;
    let off = |(place, t): (usize, &f64)| {
        let expected = model(*t);
        (expected - place as f64 / count).abs().max((expected - (place + 1) as f64 / count).abs())
    };
    measured.iter().enumerate().map(off).fold(0.0, f64::max)
}

#[test]
fn an_operation_takes_as_long_as_the_slowest_of_the_fastest() {
    const TOLERANCE: f64 = 0.08;
    for (n, needed) in [(3, 2), (3, 3), (5, 2), (5, 3), (5, 5)] {
        // The coordinator is one of the replicas, and answers itself at once.
        let model = |others: u32| move |t: f64| at_least(others, n - 1, round_trip(t));
        let settings = quorum(n, needed, needed);
        for (request, constant) in [(read(), CLIENT), (write(1), CLIENT + DISK)] {
            let settings = last_writer_wins(settings.clone());
            let measured = measured(&settings, &request, constant);
            let right = distance(&measured, model(needed - 1));
            assert!(right < TOLERANCE, "{needed} of {n}, {request}: {right}");
            // The test can tell: it is not the time of one answer more or less.
            let more = if needed < n { distance(&measured, model(needed)) } else { 1.0 };
            let less = if needed > 2 { distance(&measured, model(needed - 2)) } else { 1.0 };
            assert!(more.min(less) > 2.0 * TOLERANCE, "{needed} of {n}, {request}: {more} {less}");
        }
    }
}
