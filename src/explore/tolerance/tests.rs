use super::super::row::testing::row;
use super::*;
use crate::kernel::{Draw, SplitMix64};

/// The probability of a wrong answer is what was promised, and answers come early.
#[test]
fn a_sequential_test_keeps_its_error() {
    let mut draws = SplitMix64::new(11);
    let mut wrong_and_trials = |rate: u64, is_high: bool| {
        let (mut wrong, mut trials) = (0u64, 0u64);
        for _ in 0..1_000 {
            let mut test = SequentialTest::new(0.8, 0.95, 0.05);
            let answer = loop {
                trials += 1;
                if let Some(answer) = test.add(draws.below(100) < rate) {
                    break answer;
                }
            };
            wrong += u64::from(answer != is_high);
        }
        (wrong, trials / 1_000)
    };
    // 50 expected at most; three deviations are 21.
    for (rate, is_high) in [(80, false), (95, true), (50, false), (100, true)] {
        let (wrong, trials) = wrong_and_trials(rate, is_high);
        assert!(wrong < 71 && trials < 60, "{rate}: {wrong} wrong, {trials} trials");
    }
    assert_eq!(SequentialTest::new(0.8, 0.95, 0.05).straight_successes(), 18);
}

#[test]
fn a_trial_hears_verdicts() {
    let test = SequentialTest::new(0.8, 0.95, 0.05);
    let outcome = |verdicts: &mut dyn Iterator<Item = &str>| {
        let mut trial = Trial::new(test);
        verdicts
            .zip(0..1_000)
            .find_map(|(verdict, seed)| Some((trial.add(&row(seed, verdict, Vec::new()))?, seed + 1)))
    };
    let repeat = |verdict: &'static str| std::iter::repeat(verdict);
    assert_eq!(outcome(&mut repeat("holds")), Some((Endurance::Tolerated, 18)));
    assert_eq!(outcome(&mut repeat("refuted")), Some((Endurance::Broken, 3)));
    assert_eq!(outcome(&mut repeat("inconclusive")), Some((Endurance::Untested, 18)));
    assert_eq!(outcome(&mut ["inconclusive", "holds"].into_iter().cycle()), Some((Endurance::Tolerated, 36)));
    assert_eq!(outcome(&mut repeat("holds").take(17)), None);
}

/// For every place of a cliff the search ends beside it, within the points that it announced.
#[test]
fn a_search_ends_at_the_cliff() {
    for steps in [1, 2, 3, 4, 5, 7, 10, 64, 100] {
        for cliff in 0..=steps + 1 {
            let mut search = Search::new(steps);
            while let Some(point) = search.next() {
                assert!(!search.tested().contains_key(&point), "{point} again");
                search.record(point, if point < cliff { Endurance::Tolerated } else { Endurance::Broken });
            }
            let expected = (1..=steps).contains(&cliff).then(|| (cliff - 1, cliff));
            assert_eq!(search.cliff(), expected, "{steps} steps");
            assert!(search.tested().len() as u64 <= search.points(), "{steps} steps: {:?}", search.tested());
        }
    }
}

#[test]
fn what_cannot_be_told_is_not_tolerated_and_what_was_not_tested_did_not_break() {
    let ended = |outcome: fn(u64) -> Endurance| {
        let mut search = Search::new(16);
        while let Some(point) = search.next() {
            search.record(point, outcome(point));
        }
        search.cliff()
    };
    use Endurance::{Broken, Tolerated, Undecided, Untested};
    assert_eq!(ended(|point| if point < 5 { Tolerated } else { Undecided }), Some((4, 5)));
    assert_eq!(ended(|point| if point < 3 { Untested } else { Broken }), Some((2, 3)));
    assert_eq!(ended(|_| Broken), None);
    assert_eq!(ended(|_| Untested), None);
}

#[test]
fn scales_are_exact() {
    let check = |text, steps, expected: &[&str]| {
        let scale = Scale::parse(text, steps).unwrap();
        let values: Vec<_> = (0..=scale.steps()).map(|step| scale.value(step)).collect();
        assert_eq!(values, expected, "{text}");
    };
    check("0.0..0.5", 4, &["0", "0.125", "0.25", "0.375", "0.5"]);
    check("0..3", 64, &["0", "1", "2", "3"]);
    check("3..0", 64, &["3", "2", "1", "0"]);
    check("0..10", 4, &["0", "2", "5", "7", "10"]);
    check("0%..50%", 4, &["\"0%\"", "\"12.5%\"", "\"25%\"", "\"37.5%\"", "\"50%\""]);
    check("0..1s", 2, &["\"0s\"", "\"0.5s\"", "\"1s\""]);
    check("50/s..200/s", 2, &["\"50/s\"", "\"125/s\"", "\"200/s\""]);
    check("-1.5..1.5", 2, &["-1.5", "0", "1.5"]);
    check("0.0..1.0", 3, &["0", "0.3333333", "0.6666666", "1"]);
    let refused = |text, says: &str| {
        let error = Scale::parse(text, 4).unwrap_err();
        assert!(error.contains(says), "{text}: {error}");
    };
    refused("5", "write FROM..TO");
    refused("..5", "no number");
    refused("a..b", "no number");
    refused("1-2..5", "no number");
    refused("1.2.3..5", "no number");
    refused("0..99999999999999999999", "no number");
    refused("10ms..2s", "write both in one unit");
    refused("1..1", "the same");
}
