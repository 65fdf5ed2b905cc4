use super::*;
use crate::check::testing::{history, value};
use crate::check::transactions::{self, TransactionHistory};
use crate::check::{Consistent, Interval, Linearizability, Queue, Refutation, Together};
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

fn judge(expectation: &Expectation, phase: Phase, history: &History, replicas: &[Replica]) -> Check {
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
    let check = |expectation: &Expectation, phase: Phase, history: &History, expected: Verdict, observed: &str| {
        let check = judge(expectation, phase, history, &[]);
        assert_eq!((check.verdict, check.observed.as_str()), (expected, observed), "{}", check.explanation);
    };
    let availability = Expectation::Availability { at_least: 990_000_000 };
    check(&availability, Phase::During, &many(100, 1), Verdict::Holds, "99% (99 of 100)");
    check(&availability, Phase::During, &many(100, 2), Verdict::Refuted(Class::Availability), "98% (98 of 100)");
    check(&availability, Phase::After, &many(100, 2), Verdict::Refuted(Class::Availability), "98% (98 of 100)");
    check(&availability, Phase::Before, &many(100, 2), Verdict::Inconclusive, "98% (98 of 100)");
    check(&availability, Phase::During, &many(99, 0), Verdict::Inconclusive, "100% (99 of 99)");
    check(&availability, Phase::During, &many(0, 0), Verdict::Inconclusive, "nothing");
    let latency = |at_most| Expectation::Latency { quantile: 900_000_000, at_most: Span::from_millis(at_most) };
    check(&latency(90), Phase::After, &many(100, 0), Verdict::Holds, "90% within 90ms");
    check(&latency(89), Phase::After, &many(100, 0), Verdict::Refuted(Class::Latency), "90% within 90ms");
    check(&latency(89), Phase::Before, &many(100, 0), Verdict::Inconclusive, "90% within 90ms");
    check(&latency(90), Phase::After, &many(99, 0), Verdict::Inconclusive, "90% within 90ms");
    check(&latency(90), Phase::After, &many(100, 50), Verdict::Refuted(Class::Latency), "never");
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
    let check = |expectation: &Expectation, text: &str, held: &[i64], expected: Verdict, explanation: &str| {
        let replicas: Vec<Replica> = (0..).zip(held).map(|(n, &held)| replica(&format!("store-{n}"), held)).collect();
        let check = judge(expectation, Phase::Always, &history(text), &replicas);
        assert_eq!((check.verdict, check.explanation.as_str()), (expected, explanation), "{text}");
    };
    let refuted = Verdict::Refuted(Class::Safety);
    let (alone, seen, stale) = ("1 w1 ok 2 3\n1 r ok1 4 5", "1 w1 ok 2 3\n2 r ok1 4 5", "1 w1 ok 2 3\n2 r ok0 4 5");
    let vacuous = "No read could have seen another session's write.";
    check(&Expectation::Linearizable, alone, &[], Verdict::Inconclusive, vacuous);
    let story = "2 answered operations have an order that explains them.";
    check(&Expectation::Linearizable, seen, &[], Verdict::Holds, story);
    let story = "On k0: s-1 reads nil (4s to 5s), but 1 was written and acknowledged before it began: \
                 s-0 writes 1 (2s, acknowledged at 3s); nil is the initial value.";
    check(&Expectation::Linearizable, stale, &[], refuted, story);

    let none = Expectation::StaleReads { at_most: 0 };
    check(&none, alone, &[], Verdict::Inconclusive, vacuous);
    let story = "Every read returned what was acknowledged before it began, or something newer.";
    check(&none, seen, &[], Verdict::Holds, story);
    let story = "The worst: s-1 reads nil (4s to 5s), 1s after what it read had been overwritten: \
                 s-0 writes 1 (2s, acknowledged at 3s).";
    check(&none, stale, &[], refuted, story);
    check(&Expectation::StaleReads { at_most: 1 }, stale, &[], Verdict::Holds, story);

    let none = Expectation::ConflictingReads { at_most: 0 };
    let vacuous = "No read could have seen writes of two sessions at once.";
    check(&none, seen, &[], Verdict::Inconclusive, vacuous);
    let (both, siblings) = ("1 w1 ok 2 3\n2 w2 ok 2 3\n2 r ok2 4 5", "1 w1 ok 2 3\n2 w2 ok 2 3\n2 r ok1|2 4 5");
    check(&none, both, &[], Verdict::Holds, "Every read found one value.");
    check(&none, siblings, &[], refuted, "The first: s-2 reads 1 | 2 (4s to 5s).");
    check(
        &Expectation::ConflictingReads { at_most: 1 },
        siblings,
        &[],
        Verdict::Holds,
        "The first: s-2 reads 1 | 2 (4s to 5s).",
    );
    let story = "On k0: s-2 reads 1 | 2 (4s to 5s): it holds one value at a time.";
    check(&Expectation::Linearizable, siblings, &[], refuted, story);

    let visible = |after, at_least| Expectation::TVisibility { after: Span::from_secs(after), at_least };
    let half = "1 w1 ok 2 3\n1 w2 ok 4 5\n2 r ok2 6 7\n2 r ok1 8 9";
    let story = "Of 2 reads that began 1s or more after a write of their object was acknowledged, 1 returned that or something \
                 newer; the worst: s-3 reads 1 (8s to 9s), 3s after what it read had been overwritten: \
                 s-1 writes 2 (4s, acknowledged at 5s).";
    check(&visible(1, 500_000_000), half, &[], Verdict::Holds, story);
    check(&visible(1, 1_000_000_000), half, &[], refuted, story);
    let story = "Of 1 read that began 4s or more after a write of their object was acknowledged, 1 returned that or something \
                 newer.";
    check(&visible(4, 1_000_000_000), half, &[], Verdict::Holds, story);
    let few = "Too few operations to tell: at least 10 are needed. ";
    check(&visible(4, 900_000_000), half, &[], Verdict::Inconclusive, &format!("{few}{story}"));
    let story = "No answered read began 6s or more after a write of its object was acknowledged.";
    check(&visible(6, 900_000_000), half, &[], Verdict::Inconclusive, story);
    let alone = "1 w1 ok 2 3\n1 r ok1 4 5";
    let vacuous = "No read could have seen another session's write.";
    check(&visible(1, 1_000_000_000), alone, &[], Verdict::Inconclusive, vacuous);

    let none = Expectation::LostWrites { at_most: 0 };
    check(&none, "2 r ok0 4 5", &[0], Verdict::Inconclusive, "No write was acknowledged, so none could be lost.");
    let story = "No replica was alive at the end, and no read began after a write was acknowledged.";
    check(&none, "1 w1 ok 2 3", &[], Verdict::Inconclusive, story);
    let story = "Each of 1 acknowledged write was still there, or covered by a newer one.";
    check(&none, "1 w1 ok 2 3", &[1], Verdict::Holds, story);
    let story = "Of 1 acknowledged write, the first lost: s-0 writes 1 (2s, acknowledged at 3s), \
                 but at the end store-0 holds nil for k0, and nil is the initial value.";
    check(&none, "1 w1 ok 2 3", &[0], refuted, story);

    let story = "At the end the replicas differ on k0: store-0 holds 1 (version 1) and store-1 holds 2 (version 1).";
    check(&Expectation::Convergence, "", &[1, 2], refuted, story);
    check(&Expectation::Convergence, "", &[1, 1], Verdict::Holds, "2 live replicas agree on 1 object.");
    let story = "1 live replica and 1 object: nothing could differ.";
    check(&Expectation::Convergence, "", &[1], Verdict::Inconclusive, story);
}

#[test]
fn a_check_says_what_was_asked_and_names_its_operations() {
    let text = "1 w1 ok 2 3\n2 r ok0 4 5\n2 r ok0 12 13";
    let check = judge(&Expectation::StaleReads { at_most: 0 }, Phase::During, &history(text), &[]);
    assert_eq!((check.name.as_str(), check.expected.as_str()), ("stale_reads", "no stale read"));
    assert_eq!((check.observed.as_str(), check.operations.as_slice()), ("1 stale read", &[2, 0][..]));
}

#[test]
fn weaker_models_are_judged_and_never_vacuously() {
    let check = |model: Consistency, text: &str, expected: Verdict, observed: &str| {
        let check = judge(&Expectation::Consistent(model), Phase::Always, &history(text), &[]);
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

/// A checker that refutes whatever it sees.
fn broken() -> Linearizability {
    Linearizability::Refuted {
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
    }
}

#[test]
fn a_refutation_that_the_service_belies_is_our_own_bug() {
    let key = Key(0);
    let write = |number| Request::Write { key, value: value(number) };
    let (put, take) = (|element| Request::Enqueue { key, element }, || Request::Dequeue { key });
    let (lock, unlock) = (|| Request::Acquire { key }, |token| Request::Release { key, token });
    let check = |text: &str, valid: &[Request], invalid: &[Request]| {
        let (history, windows) = (history(text), windows());
        let with = |applied| Evidence { applied, ..evidence(&history, &windows, &[]) };
        // As the objects that they are, and as those of a model of somebody's own.
        let own = AnyModel::new(Queue);
        let models = [None, Some(&own).filter(|_| text.contains(" e1 "))];
        for (applied, model) in [valid, invalid, &[]].into_iter().flat_map(|it| models.map(|model| (it, model))) {
            let finding = Evidence { model, ..with(applied) }.linearizable(broken());
            // An order that explains nothing acquits nobody, and neither does none.
            let (verdict, observed) = match applied == valid {
                true => (Verdict::Inconclusive, "the checker is wrong"),
                false => (Verdict::Refuted(Class::Safety), "k0 is not linearizable"),
            };
            assert!(model.is_some() || (finding.verdict, finding.observed.as_str()) == (verdict, observed), "{text}");
            let is_ours = finding.explanation.starts_with("This is a bug of Partita");
            assert_eq!(is_ours, verdict == Verdict::Inconclusive, "{text}: {}", finding.explanation);
        }
        // The converse is no bug of ours: what clients saw may have another order.
        assert_eq!(Expectation::Linearizable.judge(Phase::Always, &with(invalid)).verdict, Verdict::Holds, "{text}");
    };
    check("1 w1 ok 0 9\n2 w2 ok 0 9\n3 r ok1 10 11", &[write(2), write(1)], &[write(1), write(2)]);
    let (valid, invalid) = ([put(2), put(1), take()], [put(1), put(2), take()]);
    check("1 e1 ok 0 9\n2 e2 ok 0 9\n3 d ok2 10 11", &valid, &invalid);
    let (valid, invalid) = ([lock(), unlock(3), lock()], [lock(), lock(), unlock(3)]);
    check("1 l ok3 0 9\n1 u3 ok 10 11\n2 l ok4 10 12", &valid, &invalid);
}

#[test]
fn refutations_of_other_models_are_held_against_the_order_too() {
    let (history, windows) = (history("1 w1 ok 0 9\n2 w2 ok 0 9\n3 r ok1 10 11"), windows());
    let write = |number| Request::Write { key: Key(0), value: value(number) };
    let wrong = || Consistent::No { anomaly: None, explanation: "I do not like it.".into(), operations: vec![0] };
    // Write skew, which this history has nothing of.
    let skew = transactions_of(&[(&[0], (1, 1)), (&[0], (0, 2))]);
    let skew =
        transactions::check(&TransactionHistory::from_history(&skew).expect("transactions"), Budget::default());
    let level = Level::STRICT_SERIALIZABLE;
    assert_eq!(skew.answer(level), transactions::Answer::Refuted);
    for (applied, is_ours) in [([write(2), write(1)], true), ([write(1), write(2)], false)] {
        let evidence = Evidence { applied: &applied, ..evidence(&history, &windows, &[]) };
        let findings =
            [evidence.consistent(Consistency::Causal, wrong()), evidence.isolated(level, &skew, &mut Vec::new())];
        for finding in findings {
            let expected = if is_ours { Verdict::Inconclusive } else { Verdict::Refuted(Class::Safety) };
            assert_eq!(finding.verdict, expected, "{}", finding.explanation);
            assert_eq!(finding.explanation.starts_with("This is a bug of Partita"), is_ours);
        }
    }
}

/// Two concurrent transactions, each of which reads one of two registers (what it finds is given) and sets the other.
fn transactions_of(each: &[(&[i64], (u64, i64))]) -> History {
    let one = history("1 w1 ok 0 9").operations.remove(0);
    let transaction = |(number, (found, (sets, to))): (u64, &(&[i64], (u64, i64)))| Operation {
        number,
        session: number,
        request: Request::Transaction(vec![
            Request::Read { key: Key(1 - sets) },
            Request::Write { key: Key(*sets), value: value(*to) },
        ]),
        outcome: Outcome::Ok(Value::Answers(found.iter().map(|&found| value(found)).collect())),
        ..one.clone()
    };
    History { clients: vec!["s".into()], operations: (0..).zip(each).map(transaction).collect() }
}

#[test]
fn a_violation_has_the_name_of_its_kind() {
    let check = |expectation: &Expectation, text: &str, expected: Option<&str>| {
        let check = judge(expectation, Phase::Always, &history(text), &[replica("a", 0)]);
        assert_eq!(check.anomaly.as_deref(), expected, "{text}: {}", check.explanation);
    };
    check(&Expectation::Linearizable, "1 w1 ok 0 1\n2 r ok0 2 3", Some("no order"));
    check(&Expectation::Linearizable, "1 w1 ok 0 1\n2 r ok1 2 3", None);
    let causal = Expectation::Consistent(Consistency::Causal);
    check(&causal, "1 w1 ok 0 1\n1 r ok0 2 3", Some("read your writes"));
    check(&causal, "1 r ok7 2 3", Some("garbage read"));
    // Of this there is one kind only.
    check(&Expectation::StaleReads { at_most: 0 }, "1 w1 ok 0 1\n2 r ok0 2 3", None);
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
        until: None,
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
    let story = "Of 2 leaders, no two shared an epoch.";
    check(&[first.clone(), again, declared(3, "b", "leader", 2)], Verdict::Holds, story);
    check(
        &[first, declared(2, "b", "follower", 1), declared(3, "b", "leader", 1)],
        Verdict::Refuted(Class::Safety),
        "a led epoch 1 from 1s on, and b took the lead of the same epoch at 3s.",
    );
}

#[test]
fn a_role_has_so_many() {
    let refuted = Verdict::Refuted(Class::Safety);
    let declared = |at: u64, until: u64, node: &str, epoch: u64| Declared {
        at: second(at),
        until: (until > 0).then(|| second(until)),
        node: node.into(),
        role: "primary",
        epoch,
    };
    let roles = [declared(3, 0, "a", 1), declared(12, 15, "b", 2), declared(15, 0, "c", 2), declared(25, 0, "d", 2)];
    let check = |roles: &[Declared], phase: Phase, at_most: u64, per: Together, expected: (Verdict, &str, &str)| {
        let (history, windows) = (History::default(), windows());
        let evidence = Evidence { roles, ..evidence(&history, &windows, &[]) };
        let limit = RoleLimit { role: "primary".to_owned(), at_most, per };
        let check = Expectation::InRole(limit).judge(phase, &evidence);
        assert_eq!((check.verdict, check.observed.as_str(), check.explanation.as_str()), expected);
    };
    use Together::{Epoch, Instant};
    let together = "At 12s, 2 replicas were in the role primary, and 1 may be: a from 3s on (epoch 1) and b from 12s on \
                    (epoch 2).";
    check(&roles, Phase::Always, 1, Instant, (refuted, "up to 3 at once", together));
    check(
        &roles,
        Phase::Before,
        1,
        Instant,
        (Verdict::Holds, "up to 1 at once", "Replicas took on the role primary 1 time, never too many at once."),
    );
    let three = "At 25s, 3 replicas were in the role primary, and 2 may be: a from 3s on (epoch 1), c from 15s on (epoch 2) \
                 and d from 25s on (epoch 2).";
    check(&roles, Phase::Always, 2, Instant, (refuted, "up to 3 at once", three));
    let shared = "In epoch 2, 3 replicas took on the role primary, and 2 may: b at 12s, c at 15s and d at 25s.";
    check(&roles, Phase::Always, 2, Epoch, (refuted, "up to 3 per epoch", shared));
    check(
        &roles[..3],
        Phase::Always,
        2,
        Epoch,
        (Verdict::Holds, "up to 2 per epoch", "Replicas took on the role primary 3 times, never too many per epoch."),
    );
    check(
        &[],
        Phase::Always,
        1,
        Epoch,
        (Verdict::Inconclusive, "up to 0 per epoch", "No replica took on the role primary."),
    );
}

#[test]
fn contracts_are_judged_and_never_vacuously() {
    let refuted = Verdict::Refuted(Class::Safety);
    let check = |expectation: &Expectation, text: &str, expected: Verdict, observed: &str| {
        let check = judge(expectation, Phase::Always, &history(text), &[]);
        assert_eq!((check.verdict, check.observed.as_str()), (expected, observed), "{text}: {}", check.explanation);
    };
    let queue = Expectation::Queue(QueueLimits::default());
    check(&queue, "1 e1 ok 0 1", Verdict::Inconclusive, "no anomaly");
    check(&queue, "1 e1 ok 0 1\n2 d ok1 2 3", Verdict::Holds, "no anomaly");
    check(&queue, "1 e1 ok 0 1\n1 e2 ok 2 3\n2 d ok1 4 5", Verdict::Inconclusive, "no anomaly");
    let again = "1 e1 ok 0 1\n2 d ok1 2 3\n3 d ok1 4 5";
    check(&queue, again, refuted, "1 redelivered");
    let lenient = QueueLimits { redelivered: 1, ..QueueLimits::default() };
    check(&Expectation::Queue(lenient), again, Verdict::Holds, "1 redelivered");
    let bounds = Expectation::CounterBounds { at_least: Some(0), at_most: None };
    check(&bounds, "1 a1 ok 0 1", Verdict::Inconclusive, "0 sums out of bounds");
    check(&bounds, "1 a1 ok 0 1\n2 r ok1 2 3", Verdict::Holds, "0 sums out of bounds");
    check(&bounds, "1 a1 ok 0 1\n2 r ok2 2 3", refuted, "1 sum out of bounds");
    check(&bounds, "1 a-1 ok 0 1\n2 r ok-1 2 3", refuted, "1 sum out of bounds");
    let exclusive = Expectation::MutualExclusion;
    let one = "one holder at a time";
    check(&exclusive, "1 l ok1 0 1\n1 u1 ok 2 3\n2 l ok2 2 5", Verdict::Holds, one);
    check(&exclusive, "1 l ok1 0 1\n1 u1 info 2 3\n2 l ok2 2 5", Verdict::Holds, one);
    check(&exclusive, "1 l ok1 0 1\n2 l info 2 3", Verdict::Inconclusive, one);
    check(&exclusive, "1 l ok1 0 1\n2 l no0 2 3", Verdict::Inconclusive, one);
    let two = "1 acquisition while another one held the lock";
    check(&exclusive, "1 l ok1 0 1\n2 l ok2 2 3\n1 u1 ok 4 5", refuted, two);
    check(&exclusive, "1 l ok1 0 1\n2 l ok2 2 3", refuted, two);
    check(&exclusive, "1 l ok 0 1\n2 l ok 2 3\n1 u0 ok 4 5", refuted, two);
    check(&exclusive, "1 l ok 0 1\n1 u0 ok 2 3\n2 l ok 4 5\n2 u0 ok 6 7\n1 l ok 8 9", Verdict::Holds, one);
    check(&exclusive, "1 l ok2 0 1\n1 u2 ok 2 3\n2 l ok1 4 5", refuted, "1 token that did not grow");
    check(&exclusive, "1 l ok2 0 1\n1 u2 fail 2 3\n2 l ok3 4 5", refuted, two);
    let behind = |at_most| Expectation::VersionsBehind { at_most };
    let text = "1 w1 ok 0 1\n1 w2 ok 2 3\n1 w3 ok 4 5\n2 r ok1 6 7";
    check(&behind(1), text, refuted, "2 versions behind");
    check(&behind(2), text, Verdict::Holds, "2 versions behind");
    check(&behind(0), "1 w1 ok 0 1", Verdict::Inconclusive, "0 versions behind");
    check(&Expectation::UniqueIds, "1 g ok1 0 1", Verdict::Inconclusive, "0 ids twice");
    check(&Expectation::UniqueIds, "1 g ok1 0 1\n2 g ok2 0 1", Verdict::Holds, "0 ids twice");
    check(&Expectation::UniqueIds, "1 g ok1 0 1\n2 g ok1 0 1", refuted, "1 id twice");
    // Objects other than registers are judged as what they were asked to be.
    check(&Expectation::Linearizable, "1 a1 ok 0 1\n2 r ok1 2 3", Verdict::Holds, "linearizable");
    check(&Expectation::Linearizable, "1 a1 ok 0 1\n2 r ok2 2 3", refuted, "k0 is not linearizable");
    check(&Expectation::Linearizable, "1 e1 ok 0 1\n2 d ok1 2 3", Verdict::Holds, "linearizable");
    check(&Expectation::Linearizable, "1 l ok1 0 1\n2 l no0 2 3", Verdict::Holds, "linearizable");
    check(&Expectation::Linearizable, "1 l ok1 0 1\n2 l ok2 2 3", refuted, "k0 is not linearizable");
}
