use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::check::linearizable::{Budget, Linearizability, linearizable_as_asked};
use crate::check::testing::{
    brute_force, cases, draws, history, is_judged_as_by_brute_force, kinds, perform_on, with_siblings,
};
use crate::check::{AppendLog, GrowOnlySet, Model, Register};

fn judge(history: &History) -> Linearizability {
    linearizable_as_asked(history, Budget::default())
}

#[test]
fn a_refutation_of_a_log_or_a_set_is_a_few_operations_and_a_sentence() {
    let check = |text: &str, core: &[u64], expected: &str| {
        let history = history(text);
        let Linearizability::Refuted { refutation, .. } = judge(&history) else { panic!("{text} is refuted") };
        let numbers: Vec<u64> = refutation.core.iter().map(|&index| history.operations[index].number).collect();
        assert_eq!((refutation.explanation.as_str(), numbers.as_slice()), (expected, core));
    };
    check(
        "1 +1 ok 0 1\n2 r ok[1,1] 2 3",
        &[0, 1],
        "s-1 reads [1, 1] (2s to 3s), but 1 was appended only once: s-0 appends 1 (0s, acknowledged at 1s).",
    );
    check("1 +1 ok 0 1\n2 r ok[1,7] 2 3", &[1], "s-1 reads [1, 7] (2s to 3s), but nobody appended 7.");
    check(
        "1 i1 fail 0 1\n2 i2 ok 0 1\n2 r ok[1,2] 2 3",
        &[2],
        "s-2 reads [1, 2] (2s to 3s), but 1 certainly was not inserted: s-0 inserts 1 (0s, failed at 1s: refused).",
    );
    check(
        "2 r ok[1] 0 1\n1 +1 ok 2 3",
        &[0, 1],
        "s-0 reads [1] (0s to 1s), but 1 was appended later: s-1 appends 1 (2s, acknowledged at 3s).",
    );
    check(
        "1 i2 ok 0 9\n2 i1 ok 0 9\n3 r ok[2,1] 2 3",
        &[2],
        "s-2 reads [2, 1] (2s to 3s): a set answers in ascending order.",
    );
    check("1 +2 ok 0 1\n3 r ok5 2 3", &[1], "s-1 reads 5 (2s to 3s): that is no list of elements.");
    check("1 i2 ok 0 1\n3 r ok[2]|0 2 3", &[1], "s-1 reads [2] | nil (2s to 3s): it holds one value at a time.");
    check(
        "1 +1 ok 0 9\n2 +2 ok 0 9\n3 r ok[1] 2 3\n4 r ok[2,1] 2 3",
        &[2, 3],
        "s-2 reads [1] (2s to 3s) and s-3 reads [2, 1] (2s to 3s): neither continues the other.",
    );
    check(
        "1 i1 ok 0 9\n2 i2 ok 0 9\n3 r ok[1] 2 3\n4 r ok[2] 2 3",
        &[2, 3],
        "s-2 reads [1] (2s to 3s) and s-3 reads [2] (2s to 3s): neither has all that the other has.",
    );
    check(
        "1 +1 ok 0 1\n1 +2 ok 2 3\n3 r ok[1] 4 5",
        &[1, 2],
        "s-2 reads [1] (4s to 5s), but 2 was appended and acknowledged before it began: s-1 appends 2 (2s, acknowledged at 3s).",
    );
    check(
        "1 +1 ok 0 1\n1 +2 ok 2 3\n2 +3 ok 4 5\n3 r ok[1,3] 4 5",
        &[1, 2, 3],
        "s-3 reads [1, 3] (4s to 5s), but 2 was acknowledged before 3 was appended: \
         s-1 appends 2 (2s, acknowledged at 3s); s-2 appends 3 (4s, acknowledged at 5s).",
    );
    check(
        "1 +1 ok 0 1\n1 +2 ok 2 3\n3 r ok[2,1] 4 5",
        &[0, 1, 2],
        "s-2 reads [2, 1] (4s to 5s), but 1 was acknowledged before 2 was appended: \
         s-0 appends 1 (0s, acknowledged at 1s); s-1 appends 2 (2s, acknowledged at 3s).",
    );
    check(
        "1 +1 ok 0 9\n3 r ok[1] 1 2\n4 r ok0 3 4",
        &[1, 2],
        "s-2 reads nil (3s to 4s), but more had been seen before it began: s-1 reads [1] (1s to 2s).",
    );
}

#[test]
fn what_happened_in_some_order_is_linearizable() {
    let check = |text: &str| assert_eq!(judge(&history(text)), Linearizability::Linearizable, "{text}");
    check("1 +1 ok 0 1\n2 +2 ok 0 3\n3 r ok[1] 2 3\n3 r ok[1,2] 4 5");
    check("1 +1 info 0 1\n2 +2 ok 0 3\n3 r ok[2] 4 5\n3 r ok[2,1] 6 7");
    check("1 i1 ok 0 9\n2 i2 info 0 1\n3 r ok[] 2 3\n3 r ok[2] 4 5\n3 r ok[1,2] 6 7");
    check("1 +1 ok 0 1\n2 r ok[1] 1 2\n3 r ok0 1 2");
    check("1 +1@1 ok 0 1\n1 i1@2 ok 2 3\n1 w1@3 ok 4 5\n2 r@1 ok[1] 6 7\n2 r@2 ok[1] 6 7\n2 r@3 ok1 6 7");
    // Elements that come twice.
    check("1 +1 ok 0 1\n2 +1 ok 2 3\n3 r ok[1,1] 4 5");
    check("1 i1 ok 0 1\n2 i1 ok 2 3\n3 r ok[1] 4 5");
}

#[test]
fn an_object_that_was_taken_for_two_kinds_is_not_judged() {
    let why = "k0 was asked to be objects of two kinds at once".to_owned();
    assert_eq!(judge(&history("1 +1 ok 0 1\n1 w1 ok 2 3")), Linearizability::Unknown { why });
    // What certainly did not happen does not count, and keeps nothing from being judged.
    assert_eq!(judge(&history("1 +1 fail 0 1\n1 w1 ok 2 3\n2 r ok1 4 5")), Linearizability::Linearizable);
    assert_ne!(judge(&history("1 +1 fail 0 1\n1 w1 ok 2 3\n2 r ok7 4 5")), Linearizability::Linearizable);
    assert_ne!(judge(&history("1 a5 ok 0 1\n1 e5 ok 2 3")), Linearizability::Linearizable);
}

fn by_brute_force(kind: Kind, history: &History) -> bool {
    match kind {
        Kind::Register => brute_force(&Register::default(), history),
        Kind::Log => brute_force(&AppendLog, history),
        Kind::Set => brute_force(&GrowOnlySet, history),
        other => panic!("{other:?} is not drawn"),
    }
}

/// The operations of a core, and those that put in what its reads show: without them no read would be explained.
fn core_with_writers(history: &History, core: &[usize]) -> History {
    let mut chosen: BTreeSet<usize> = core.iter().copied().collect();
    let found = core.iter().filter_map(|&index| match &history.operations[index].outcome {
        Outcome::Ok(found) => elements(found),
        _ => None,
    });
    let shown: BTreeSet<i64> = found.flatten().copied().collect();
    let puts_in = |index: &usize| match written(&history.operations[*index]) {
        Some(Written::Element(element)) => shown.contains(&element),
        _ => false,
    };
    chosen.extend((0..history.operations.len()).filter(puts_in));
    let operations = chosen.into_iter().map(|index| history.operations[index].clone()).collect();
    History { operations, ..history.clone() }
}

#[test]
fn a_refutation_shows_the_longest_prefix_and_what_cannot_follow() {
    let check = |text: &str, linearized: &[usize], state: &str, stuck: &[(usize, &str)]| {
        let Linearizability::Refuted { refutation, .. } = judge(&history(text)) else { panic!("{text} is refuted") };
        let stuck: Vec<(usize, String)> = stuck.iter().map(|&(operation, why)| (operation, why.to_owned())).collect();
        assert_eq!((refutation.linearized.as_slice(), refutation.state_after.as_str()), (linearized, state));
        assert_eq!(refutation.stuck, stuck);
    };
    check(
        "1 +1 ok 0 1\n1 +2 ok 2 3\n2 r ok[1,2] 4 5\n2 r ok[1] 6 7\n1 +3 ok 8 9",
        &[0, 1, 2],
        "[1, 2]",
        &[(
            3,
            "s-3 reads [1] (6s to 7s), but what came before leaves [1, 2] (s-1 appends 2 (2s, acknowledged at 3s))",
        )],
    );
    check(
        "1 i2 ok 0 1\n1 i1 info 2 -\n2 r ok[1,2] 4 5\n3 r ok[2] 6 7",
        &[0, 1, 2],
        "[1, 2]",
        &[(
            3,
            "s-3 reads [2] (6s to 7s), but what came before leaves [1, 2] (s-1 inserts 1 (2s, outcome unknown: timeout))",
        )],
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: cases(1_000), ..ProptestConfig::default() })]

    #[test]
    fn every_kind_of_object_is_judged_as_by_brute_force(
        draws in draws(0..8, 1, 4), unique: bool, kind in kinds(), doubled in proptest::bool::weighted(0.1),
    ) {
        let mut history = perform_on(&draws, unique, kind);
        if doubled {
            history = with_siblings(history);
        }
        // Reads alone are of a register.
        let wrote = history.operations.iter().any(|operation| written(operation).is_some());
        let expected = by_brute_force(if wrote { kind } else { Kind::Register }, &history);
        let answer = judge(&history);
        prop_assert_eq!(answer == Linearizability::Linearizable, expected);
        match kind {
            Kind::Log => is_judged_as_by_brute_force(&AppendLog, &history)?,
            Kind::Set => is_judged_as_by_brute_force(&GrowOnlySet, &history)?,
            _ => is_judged_as_by_brute_force(&Register::default(), &history)?,
        }
        if let (Linearizability::Refuted { refutation, .. }, Kind::Log | Kind::Set) = (answer, kind) {
            let core = core_with_writers(&history, &refutation.core);
            prop_assert!(!by_brute_force(kind, &core), "{:?}", core);
        }
    }

    #[test]
    fn the_prefix_of_a_refutation_is_a_linearization(draws in draws(4..12, 1, 3), is_log: bool) {
        let kind = if is_log { Kind::Log } else { Kind::Set };
        let history = perform_on(&draws, true, kind);
        let wrote = history.operations.iter().any(|operation| written(operation).is_some());
        if let (true, Linearizability::Refuted { refutation, .. }) = (wrote, judge(&history)) {
            let mut state = Value::Nil;
            for &index in &refutation.linearized {
                let operation = &history.operations[index];
                let step = |answer: Option<&Outcome>| match is_log {
                    true => AppendLog.step(&state, &operation.request, answer),
                    false => GrowOnlySet.step(&state, &operation.request, answer),
                };
                let next = step(Some(&operation.outcome)).or_else(|| step(None));
                state = next.expect("legal");
            }
            prop_assert_eq!(state.to_string(), refutation.state_after);
        }
    }
}
