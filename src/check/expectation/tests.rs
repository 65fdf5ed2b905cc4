use super::*;
use crate::check::testing::{history, value};
use crate::check::{Interval, Refutation};
use crate::host::Key;
use crate::kernel::Time;
use crate::load::{Operation, Outcome};

fn second(second: u64) -> Time {
    Time::ZERO + Span::from_secs(second)
}

/// A run of 30 seconds with a fault from 10 to 20.
fn windows() -> Windows {
    Windows::new(second(1), second(30), &[Interval { start: second(10), end: second(20) }], Span::from_secs(2))
}

fn replica(node: &str, held: i64) -> Replica {
    Replica { node: node.into(), entries: vec![(Key(0), 1, value(held))], ..Replica::default() }
}

fn evidence<'a>(history: &'a History, windows: &'a Windows, replicas: &'a [Replica]) -> Evidence<'a> {
    let budget = Budget::default();
    Evidence {
        history,
        windows,
        replicas,
        violations: None,
        roles: &[],
        applied: &[],
        model: None,
        recovery: None,
        isolation: None,
        budget,
    }
}

fn judge(expectation: Expectation, phase: Phase, history: &History, replicas: &[Replica]) -> Check {
    expectation.judge(phase, &evidence(history, &windows(), replicas))
}

/// One operation in each window, repeated, of which the first `unanswered` fail.
fn many(each: u64, unanswered: u64) -> History {
    let one = history("1 w1 ok 0 0").operations.remove(0);
    let operation = |number: u64, start: u64| {
        let intended = second(start);
        let outcome = if number < unanswered { Outcome::Fail("refused".into()) } else { Outcome::Ok(value(0)) };
        let completed = intended + Span::from_millis(number + 1);
        Operation { number, session: number, intended, invoked: intended, completed, outcome, ..one.clone() }
    };
    let operations = [2, 12, 25].into_iter().flat_map(|start| (0..each).map(move |number| operation(number, start)));
    History { clients: vec!["s".into()], operations: operations.collect() }
}

#[test]
fn availability_and_latency_are_judged_by_window() {
    let check = |expectation: Expectation, phase: Phase, history: &History, expected: Verdict, observed: &str| {
        let check = judge(expectation, phase, history, &[]);
        assert_eq!((check.verdict, check.observed.as_str()), (expected, observed), "{}", check.explanation);
    };
    let availability = Expectation::Availability { at_least: 990_000_000 };
    check(availability, Phase::During, &many(100, 1), Verdict::Holds, "99% (99 of 100)");
    check(availability, Phase::During, &many(100, 2), Verdict::Refuted(Class::Availability), "98% (98 of 100)");
    check(availability, Phase::After, &many(100, 2), Verdict::Refuted(Class::Availability), "98% (98 of 100)");
    check(availability, Phase::Before, &many(100, 2), Verdict::Inconclusive, "98% (98 of 100)");
    check(availability, Phase::During, &many(99, 0), Verdict::Inconclusive, "100% (99 of 99)");
    check(availability, Phase::During, &many(0, 0), Verdict::Inconclusive, "nothing");
    let latency = |at_most| Expectation::Latency { quantile: 900_000_000, at_most: Span::from_millis(at_most) };
    check(latency(90), Phase::After, &many(100, 0), Verdict::Holds, "90% within 90ms");
    check(latency(89), Phase::After, &many(100, 0), Verdict::Refuted(Class::Latency), "90% within 90ms");
    check(latency(89), Phase::Before, &many(100, 0), Verdict::Inconclusive, "90% within 90ms");
    check(latency(90), Phase::After, &many(99, 0), Verdict::Inconclusive, "90% within 90ms");
    check(latency(90), Phase::After, &many(100, 50), Verdict::Refuted(Class::Latency), "never");
}

#[test]
fn an_empty_window_is_named() {
    let windows = Windows::new(second(1), second(30), &[], Span::ZERO);
    let history = many(1, 0);
    let check = Expectation::Availability { at_least: 1 }.judge(Phase::During, &evidence(&history, &windows, &[]));
    assert_eq!(check.explanation, "The window \"during\" is empty: no time of the run lies during the faults.");
}

#[test]
fn consistency_is_judged_and_never_vacuously() {
    let check = |expectation: Expectation, text: &str, held: &[i64], expected: Verdict, explanation: &str| {
        let replicas: Vec<Replica> = (0..).zip(held).map(|(n, &held)| replica(&format!("store-{n}"), held)).collect();
        let check = judge(expectation, Phase::Always, &history(text), &replicas);
        assert_eq!((check.verdict, check.explanation.as_str()), (expected, explanation), "{text}");
    };
    let refuted = Verdict::Refuted(Class::Safety);
    let (alone, seen, stale) = ("1 w1 ok 2 3\n1 r ok1 4 5", "1 w1 ok 2 3\n2 r ok1 4 5", "1 w1 ok 2 3\n2 r ok0 4 5");
    let vacuous = "No read could have seen another session's write.";
    check(Expectation::Linearizable, alone, &[], Verdict::Inconclusive, vacuous);
    let story = "2 answered operations have an order that explains them.";
    check(Expectation::Linearizable, seen, &[], Verdict::Holds, story);
    let story = "On k0: s-1 reads nil (4s to 5s), but 1 was written and acknowledged before it began: \
                 s-0 writes 1 (2s, acknowledged at 3s); nil is the initial value.";
    check(Expectation::Linearizable, stale, &[], refuted, story);

    let none = Expectation::StaleReads { at_most: 0 };
    check(none, alone, &[], Verdict::Inconclusive, vacuous);
    let story = "Every read returned what was acknowledged before it began, or something newer.";
    check(none, seen, &[], Verdict::Holds, story);
    let story = "The worst: s-1 reads nil (4s to 5s), 1s after what it read had been overwritten: \
                 s-0 writes 1 (2s, acknowledged at 3s).";
    check(none, stale, &[], refuted, story);
    check(Expectation::StaleReads { at_most: 1 }, stale, &[], Verdict::Holds, story);

    let none = Expectation::ConflictingReads { at_most: 0 };
    let vacuous = "No read could have seen writes of two sessions at once.";
    check(none, seen, &[], Verdict::Inconclusive, vacuous);
    let (both, siblings) = ("1 w1 ok 2 3\n2 w2 ok 2 3\n2 r ok2 4 5", "1 w1 ok 2 3\n2 w2 ok 2 3\n2 r ok1|2 4 5");
    check(none, both, &[], Verdict::Holds, "Every read found one value.");
    check(none, siblings, &[], refuted, "The first: s-2 reads 1 | 2 (4s to 5s).");
    check(
        Expectation::ConflictingReads { at_most: 1 },
        siblings,
        &[],
        Verdict::Holds,
        "The first: s-2 reads 1 | 2 (4s to 5s).",
    );
    let story = "On k0: s-2 reads 1 | 2 (4s to 5s): it holds one value at a time.";
    check(Expectation::Linearizable, siblings, &[], refuted, story);

    let visible = |after, at_least| Expectation::TVisibility { after: Span::from_secs(after), at_least };
    let half = "1 w1 ok 2 3\n1 w2 ok 4 5\n2 r ok2 6 7\n2 r ok1 8 9";
    let story = "Of 2 reads that began 1s or more after a write of their object was acknowledged, 1 returned that or something \
                 newer; the worst: s-3 reads 1 (8s to 9s), 3s after what it read had been overwritten: \
                 s-1 writes 2 (4s, acknowledged at 5s).";
    check(visible(1, 500_000_000), half, &[], Verdict::Holds, story);
    check(visible(1, 1_000_000_000), half, &[], refuted, story);
    let story = "Of 1 read that began 4s or more after a write of their object was acknowledged, 1 returned that or something \
                 newer.";
    check(visible(4, 1_000_000_000), half, &[], Verdict::Holds, story);
    let few = "Too few operations to tell: at least 10 are needed. ";
    check(visible(4, 900_000_000), half, &[], Verdict::Inconclusive, &format!("{few}{story}"));
    let story = "No answered read began 6s or more after a write of its object was acknowledged.";
    check(visible(6, 900_000_000), half, &[], Verdict::Inconclusive, story);
    let alone = "1 w1 ok 2 3\n1 r ok1 4 5";
    let vacuous = "No read could have seen another session's write.";
    check(visible(1, 1_000_000_000), alone, &[], Verdict::Inconclusive, vacuous);

    let none = Expectation::LostWrites { at_most: 0 };
    check(none, "2 r ok0 4 5", &[0], Verdict::Inconclusive, "No write was acknowledged, so none could be lost.");
    let story = "No replica was alive at the end, and no read began after a write was acknowledged.";
    check(none, "1 w1 ok 2 3", &[], Verdict::Inconclusive, story);
    let story = "Each of 1 acknowledged write was still there, or covered by a newer one.";
    check(none, "1 w1 ok 2 3", &[1], Verdict::Holds, story);
    let story = "Of 1 acknowledged write, the first lost: s-0 writes 1 (2s, acknowledged at 3s), \
                 but at the end store-0 holds nil for k0, and nil is the initial value.";
    check(none, "1 w1 ok 2 3", &[0], refuted, story);

    let story = "At the end the replicas differ on k0: store-0 holds 1 (version 1) and store-1 holds 2 (version 1).";
    check(Expectation::Convergence, "", &[1, 2], refuted, story);
    check(Expectation::Convergence, "", &[1, 1], Verdict::Holds, "2 live replicas agree on 1 object.");
    let story = "1 live replica and 1 object: nothing could differ.";
    check(Expectation::Convergence, "", &[1], Verdict::Inconclusive, story);
}

#[test]
fn a_check_says_what_was_asked_and_names_its_operations() {
    let text = "1 w1 ok 2 3\n2 r ok0 4 5\n2 r ok0 12 13";
    let check = judge(Expectation::StaleReads { at_most: 0 }, Phase::During, &history(text), &[]);
    assert_eq!((check.name.as_str(), check.expected.as_str()), ("stale_reads", "no stale read"));
    assert_eq!((check.observed.as_str(), check.operations.as_slice()), ("1 stale read", &[2, 0][..]));
}

#[test]
fn weaker_models_are_judged_and_never_vacuously() {
    let check = |model: Consistency, text: &str, expected: Verdict, observed: &str| {
        let check = judge(Expectation::Consistent(model), Phase::Always, &history(text), &[]);
        assert_eq!((check.verdict, check.observed.as_str()), (expected, observed), "{}", check.explanation);
    };
    let refuted = Verdict::Refuted(Class::Safety);
    let buffered = "1 w1@1 ok 0 1\n1 r@2 ok0 2 3\n2 w1@2 ok 0 1\n2 r@1 ok0 2 3";
    check(Consistency::Sequential, buffered, refuted, "not sequential");
    check(Consistency::Causal, buffered, Verdict::Holds, "causal");
    check(Consistency::Causal, "1 w1 ok 0 1\n1 r ok1 2 3", Verdict::Inconclusive, "causal");
    check(Consistency::Causal, "1 w1 ok 0 1\n2 w1 ok 2 3\n3 r ok1 4 5", Verdict::Inconclusive, "unknown");
    let stale = "1 w1 ok 0 1\n1 w2 ok 2 3\n2 r ok1 4 5";
    check(Consistency::KAtomic(1), stale, refuted, "not 1-atomic");
    check(Consistency::KAtomic(2), stale, Verdict::Holds, "2-atomic");
    check(Consistency::DeltaAtomic(Span::from_millis(999)), stale, refuted, "not atomic within 999ms");
    check(Consistency::DeltaAtomic(Span::from_secs(1)), stale, Verdict::Holds, "atomic within 1s");
}

#[test]
fn a_refutation_that_the_service_belies_is_our_own_bug() {
    let (history, windows) = (history("1 w1 ok 0 9\n2 w2 ok 0 9\n3 r ok1 10 11"), windows());
    let write = |number| Request::Write { key: Key(0), value: value(number) };
    let (valid, invalid) = ([write(2), write(1)], [write(1), write(2)]);
    // A checker that refutes whatever it sees.
    let broken = || Linearizability::Refuted {
        refutation: Box::new(Refutation {
            anomaly: "no order",
            key: Key(0),
            linearized: Vec::new(),
            state_after: "nil".into(),
            stuck: Vec::new(),
            core: vec![0],
            explanation: "I do not like it.".into(),
        }),
        also: Vec::new(),
    };
    let check = |applied: &[Request], expected: Verdict, observed: &str| {
        let finding = Evidence { applied, ..evidence(&history, &windows, &[]) }.linearizable(broken());
        assert_eq!((finding.verdict, finding.observed.as_str()), (expected, observed));
        assert_eq!(finding.explanation.starts_with("This is a bug of Partita"), expected == Verdict::Inconclusive);
    };
    check(&valid, Verdict::Inconclusive, "the checker is wrong");
    // An order that explains nothing acquits nobody, and neither does none.
    check(&invalid, Verdict::Refuted(Class::Safety), "k0 is not linearizable");
    check(&[], Verdict::Refuted(Class::Safety), "k0 is not linearizable");
    // The converse is no bug of ours: what clients saw may have another order.
    let evidence = Evidence { applied: &invalid, ..evidence(&history, &windows, &[]) };
    assert_eq!(Expectation::Linearizable.judge(Phase::Always, &evidence).verdict, Verdict::Holds);
}

#[test]
fn a_violation_has_the_name_of_its_kind() {
    let check = |expectation: Expectation, text: &str, expected: Option<&str>| {
        let check = judge(expectation, Phase::Always, &history(text), &[replica("a", 0)]);
        assert_eq!(check.anomaly.as_deref(), expected, "{text}: {}", check.explanation);
    };
    check(Expectation::Linearizable, "1 w1 ok 0 1\n2 r ok0 2 3", Some("no order"));
    check(Expectation::Linearizable, "1 w1 ok 0 1\n2 r ok1 2 3", None);
    let causal = Expectation::Consistent(Consistency::Causal);
    check(causal, "1 w1 ok 0 1\n1 r ok0 2 3", Some("read your writes"));
    check(causal, "1 r ok7 2 3", Some("garbage read"));
    // Of this there is one kind only.
    check(Expectation::StaleReads { at_most: 0 }, "1 w1 ok 0 1\n2 r ok0 2 3", None);
    let invariants = [("log_matching", "At 1s, on store-1: 5 differs.".to_owned())];
    let (history, windows) = (history(""), windows());
    let evidence = Evidence { violations: Some(&invariants), ..evidence(&history, &windows, &[]) };
    let broken = Expectation::Invariants.judge(Phase::Always, &evidence);
    assert_eq!(broken.anomaly.as_deref(), Some("log_matching"));
}

#[test]
fn an_epoch_has_one_leader() {
    let declared = |at: u64, node: &str, role: &'static str, epoch: u64| Declared {
        at: second(at),
        node: node.into(),
        role,
        epoch,
    };
    let check = |roles: &[Declared], expected: Verdict, explanation: &str| {
        let (history, windows) = (History::default(), windows());
        let evidence = Evidence { roles, ..evidence(&history, &windows, &[]) };
        let check = Expectation::OneLeaderPerEpoch.judge(Phase::Always, &evidence);
        assert_eq!((check.verdict, check.explanation.as_str()), (expected, explanation));
    };
    let (first, again) = (declared(1, "a", "leader", 1), declared(2, "a", "leader", 1));
    check(&[declared(1, "a", "follower", 1)], Verdict::Inconclusive, "No replica said that it leads.");
    let story = "Of 3 leaders, no two shared an epoch.";
    check(&[first.clone(), again, declared(3, "b", "leader", 2)], Verdict::Holds, story);
    check(
        &[first, declared(2, "b", "follower", 1), declared(3, "b", "leader", 1)],
        Verdict::Refuted(Class::Safety),
        "a led epoch 1 from 1s on, and b took the lead of the same epoch at 3s.",
    );
}

#[test]
fn contracts_are_judged_and_never_vacuously() {
    let refuted = Verdict::Refuted(Class::Safety);
    let check = |expectation: Expectation, text: &str, expected: Verdict, observed: &str| {
        let check = judge(expectation, Phase::Always, &history(text), &[]);
        assert_eq!((check.verdict, check.observed.as_str()), (expected, observed), "{text}: {}", check.explanation);
    };
    let queue = Expectation::Queue(QueueLimits::default());
    check(queue, "1 e1 ok 0 1", Verdict::Inconclusive, "no anomaly");
    check(queue, "1 e1 ok 0 1\n2 d ok1 2 3", Verdict::Holds, "no anomaly");
    check(queue, "1 e1 ok 0 1\n1 e2 ok 2 3\n2 d ok1 4 5", Verdict::Inconclusive, "no anomaly");
    let again = "1 e1 ok 0 1\n2 d ok1 2 3\n3 d ok1 4 5";
    check(queue, again, refuted, "1 redelivered");
    let lenient = QueueLimits { redelivered: 1, ..QueueLimits::default() };
    check(Expectation::Queue(lenient), again, Verdict::Holds, "1 redelivered");
    let bounds = Expectation::CounterBounds { at_least: Some(0), at_most: None };
    check(bounds, "1 a1 ok 0 1", Verdict::Inconclusive, "0 sums out of bounds");
    check(bounds, "1 a1 ok 0 1\n2 r ok1 2 3", Verdict::Holds, "0 sums out of bounds");
    check(bounds, "1 a1 ok 0 1\n2 r ok2 2 3", refuted, "1 sum out of bounds");
    check(bounds, "1 a-1 ok 0 1\n2 r ok-1 2 3", refuted, "1 sum out of bounds");
    let exclusive = Expectation::MutualExclusion;
    let one = "one holder at a time";
    check(exclusive, "1 l ok1 0 1\n1 u1 ok 2 3\n2 l ok2 2 5", Verdict::Holds, one);
    check(exclusive, "1 l ok1 0 1\n1 u1 info 2 3\n2 l ok2 2 5", Verdict::Holds, one);
    check(exclusive, "1 l ok1 0 1\n2 l info 2 3", Verdict::Inconclusive, one);
    check(exclusive, "1 l ok1 0 1\n2 l no0 2 3", Verdict::Inconclusive, one);
    let two = "1 acquisition while another one held the lock";
    check(exclusive, "1 l ok1 0 1\n2 l ok2 2 3\n1 u1 ok 4 5", refuted, two);
    check(exclusive, "1 l ok1 0 1\n2 l ok2 2 3", refuted, two);
    check(exclusive, "1 l ok 0 1\n2 l ok 2 3\n1 u0 ok 4 5", refuted, two);
    check(exclusive, "1 l ok 0 1\n1 u0 ok 2 3\n2 l ok 4 5\n2 u0 ok 6 7\n1 l ok 8 9", Verdict::Holds, one);
    check(exclusive, "1 l ok2 0 1\n1 u2 ok 2 3\n2 l ok1 4 5", refuted, "1 token that did not grow");
    check(exclusive, "1 l ok2 0 1\n1 u2 fail 2 3\n2 l ok3 4 5", refuted, two);
    let behind = |at_most| Expectation::VersionsBehind { at_most };
    let text = "1 w1 ok 0 1\n1 w2 ok 2 3\n1 w3 ok 4 5\n2 r ok1 6 7";
    check(behind(1), text, refuted, "2 versions behind");
    check(behind(2), text, Verdict::Holds, "2 versions behind");
    check(behind(0), "1 w1 ok 0 1", Verdict::Inconclusive, "0 versions behind");
    check(Expectation::UniqueIds, "1 g ok1 0 1", Verdict::Inconclusive, "0 ids twice");
    check(Expectation::UniqueIds, "1 g ok1 0 1\n2 g ok2 0 1", Verdict::Holds, "0 ids twice");
    check(Expectation::UniqueIds, "1 g ok1 0 1\n2 g ok1 0 1", refuted, "1 id twice");
    // Objects other than registers are judged as what they were asked to be.
    check(Expectation::Linearizable, "1 a1 ok 0 1\n2 r ok1 2 3", Verdict::Holds, "linearizable");
    check(Expectation::Linearizable, "1 a1 ok 0 1\n2 r ok2 2 3", refuted, "k0 is not linearizable");
    check(Expectation::Linearizable, "1 e1 ok 0 1\n2 d ok1 2 3", Verdict::Holds, "linearizable");
    check(Expectation::Linearizable, "1 l ok1 0 1\n2 l no0 2 3", Verdict::Holds, "linearizable");
    check(Expectation::Linearizable, "1 l ok1 0 1\n2 l ok2 2 3", refuted, "k0 is not linearizable");
}
