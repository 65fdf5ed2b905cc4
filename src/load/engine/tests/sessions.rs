//! Who runs which operation.

use super::*;

/// How many operations were under way at once at most, and per session.
fn most_at_once(recording: &Recording) -> usize {
    let operations = &recording.history.operations;
    let mut changes: Vec<(Time, i32)> =
        operations.iter().flat_map(|operation| [(operation.invoked, 1), (operation.completed, -1)]).collect();
    changes.sort_unstable();
    let mut running = 0;
    let counts = changes.into_iter().map(|(_, change)| {
        running += change;
        running
    });
    counts.max().unwrap_or(0) as usize
}

const fn limit(client: &ClientSettings) -> Option<NonZeroU32> {
    match &client.workload {
        Workload::Generated(Generated { arrivals: Arrivals::Open { sessions, .. }, .. }) => *sessions,
        Workload::Generated(Generated { arrivals: Arrivals::ClosedLoop { sessions, .. }, .. }) => Some(*sessions),
        Workload::Scripted(_) => None,
    }
}

/// What each operation of a script was told of its terms: session, number, answers, seen.
fn terms(moods: &[Mood], answers: Answers, policy: Policy, script: &[ScriptedOperation]) -> Vec<Vec<i64>> {
    let workload = Workload::Scripted(script.to_vec());
    let client = ClientSettings { answers, policy, ..client("shopper", moods.len() as u32, workload) };
    let (recording, _) = World::new(moods).run(&[client]);
    let told = |operation: &crate::load::Operation| match &operation.outcome {
        Outcome::Ok(Value::List(terms)) => terms.clone(),
        _ => Vec::new(),
    };
    recording.history.operations.iter().map(told).collect()
}

#[test]
fn an_operation_says_on_which_terms_it_asks() {
    let read = |number, session, at, answers| ScriptedOperation {
        request: Request::Read { key: Key(0) },
        answers,
        ..write(number, session, at)
    };
    let write = |number, session, at| ScriptedOperation {
        request: Request::Write { key: Key(0), value: Value::Int(1) },
        ..write(number, session, at)
    };
    let asks = Answers { read: Some(2), write: None };
    let script = [read(0, 0, 10, None), write(1, 0, 20), read(2, 1, 30, Some(3))];
    // The second session begins to count; what was seen is the client's.
    let expected = [[0, 1, 2, 0], [0, 2, 0, 1], [1, 1, 3, 2]].map(|terms| terms.to_vec());
    assert_eq!(terms(&[Mood::Literal], asks, Policy::default(), &script), expected);
    // Every attempt at an operation carries its key; after an unknown outcome the session is another.
    let script = [write(0, 0, 10), write(1, 0, 20)];
    let resends = Policy { resends_writes: true, ..Policy::default() };
    let told = terms(&[Mood::Vague, Mood::Literal], Answers::default(), resends, &script);
    assert_eq!(told, [[0, 1, 0, 0], [0, 2, 0, 1]].map(|terms| terms.to_vec()));
    let told = terms(&[Mood::Vague, Mood::Literal], Answers::default(), Policy::default(), &script);
    assert_eq!(told, [Vec::new(), vec![1, 1, 0, 0]]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn sessions_run_one_operation_at_a_time_until_an_unknown_outcome(
        world in any_world(),
        clients in (any_client("shoppers"), any_client("robots")).prop_map(|(a, b)| [a, b]),
    ) {
        let (recording, _) = world.run(&clients);
        let mut last: BTreeMap<u64, &crate::load::Operation> = BTreeMap::new();
        for operation in &recording.history.operations {
            prop_assert!(operation.intended <= operation.invoked && operation.invoked <= operation.completed);
            prop_assert!(operation.invoked < clients[operation.client as usize].stop);
            prop_assert!(operation.completed.since(operation.invoked) <= Span::from_millis(40));
            if let Some(before) = last.insert(operation.session, operation) {
                prop_assert_eq!(before.client, operation.client, "sessions are unique in the whole history");
                prop_assert!(before.completed <= operation.invoked);
                prop_assert!(!matches!(before.outcome, Outcome::Info(_)), "an unknown outcome retires its session");
            }
        }
        prop_assert!(last.keys().copied().eq(0..last.len() as u64), "numbered without gaps");
    }

    #[test]
    fn limits_hold(world in any_world(), client in any_client("shoppers")) {
        let limit = limit(&client);
        let (recording, _) = world.run(&[client]);
        if let Some(limit) = limit {
            prop_assert!(most_at_once(&recording) <= limit.get() as usize);
        } else {
            // As many sessions as needed: nothing ever waits.
            prop_assert!(recording.history.operations.iter().all(|op| op.invoked == op.intended));
            prop_assert_eq!(recording.never_started(), 0);
        }
    }
}

/// 100 operations a second of 25 ms each, on two sessions: they can run 80.
#[test]
fn with_a_limit_operations_wait_for_their_turn() {
    let workload = generated(open_load(100, Spacing::Constant, 2), Keys::Single);
    let world = World::new(&[Mood::Slow(Span::from_millis(23))]);
    let (recording, _) = world.run(&[client("shoppers", 1, workload)]);
    let operations = &recording.history.operations;
    assert_eq!(operations.len() + recording.never_started(), 49, "from 10 ms, every 10 ms, before 500 ms");
    assert_eq!(operations.len(), 40);
    let numbers: Vec<u64> = operations.iter().map(|operation| operation.number).collect();
    assert!(numbers.into_iter().eq(0..40), "first come, first served");
    let wait = |index: usize| operations[index].invoked.since(operations[index].intended).as_nanos() / 1_000_000;
    assert_eq!([wait(0), wait(1), wait(2), wait(3), wait(39)], [0, 0, 5, 5, 95]);
    assert_eq!(most_at_once(&recording), 2);
}

#[test]
fn in_a_closed_loop_each_session_thinks_between_its_operations() {
    let world = World::new(&[Mood::Slow(Span::from_millis(3))]);
    let workload = generated(closed_load(20, 3), Keys::Single);
    let (recording, _) = world.run(&[client("shoppers", 1, workload)]);
    let starts: Vec<u64> =
        recording.history.operations.iter().map(|operation| operation.invoked.as_nanos() / 1_000_000).collect();
    // Thinks 20 ms from 10 ms on, then 5 ms of operation and 20 ms of thought, in each of three sessions.
    let expected: Vec<u64> = (0..19).flat_map(|turn| [30 + 25 * turn; 3]).collect();
    assert_eq!(starts, expected);
    let operations = &recording.history.operations;
    assert!(operations.iter().all(|operation| operation.invoked == operation.intended && operation.session < 3));
}

#[test]
fn sessions_start_at_different_targets_unless_one_is_preferred() {
    let check = |prefer: Option<u32>, expected: [u32; 3]| {
        let mut settings = client("c", 2, Workload::Scripted((0..3).map(|n| write(n, n as u32, 10)).collect()));
        settings.prefer = prefer.map(NodeId);
        let (recording, _) = World::new(&[Mood::Prompt, Mood::Prompt]).run(&[settings]);
        assert_eq!(recording.contacts, expected.map(|node| vec![NodeId(node)]));
    };
    check(None, [0, 1, 0]);
    check(Some(1), [1, 1, 1]);
}

#[test]
fn a_scripted_operation_waits_for_its_session() {
    let script = vec![write(0, 0, 10), write(1, 5, 11), write(2, 0, 12), write(3, 5, 30)];
    let world = World::new(&[Mood::Slow(Span::from_millis(3)), Mood::Slow(Span::from_millis(3))]);
    let expected = [
        "0: 10 10-15 s0 [0] Ok(Nil)",
        "1: 11 11-16 s1 [1] Ok(Nil)",
        "2: 12 15-20 s0 [0] Ok(Nil)",
        "3: 30 30-35 s1 [1] Ok(Nil)",
    ];
    assert_eq!(story(&world, client("c", 2, Workload::Scripted(script))), expected);
}

#[test]
fn a_scripted_operation_without_a_session_takes_any_that_is_free() {
    let any = |operation: ScriptedOperation| ScriptedOperation { session: None, ..operation };
    let script =
        vec![any(write(0, 0, 10)), write(1, 0, 11), write(2, 7, 12), any(write(3, 0, 13)), any(write(4, 0, 24))];
    let world = World::new(&[Mood::Slow(Span::from_millis(3))]);
    let settings = client("c", 1, Workload::Scripted(script));
    let expected = [
        "0: 10 10-15 s0 [0] Ok(Nil)",
        "2: 12 12-17 s1 [0] Ok(Nil)",
        "3: 13 13-18 s2 [0] Ok(Nil)",
        "1: 11 15-20 s0 [0] Ok(Nil)",
        "4: 24 24-29 s0 [0] Ok(Nil)",
    ];
    assert_eq!(story(&world, settings.clone()), expected);
    let sessions: Vec<_> = world.run(&[settings]).0.script(0).into_iter().map(|op| op.session).collect();
    assert_eq!(sessions, [0, 0, 7, 8, 0].map(Some));
}

#[test]
fn what_is_open_when_the_run_ends_is_unknown() {
    let script = Workload::Scripted(vec![write(0, 0, 10), write(1, 0, 11), write(2, 1, 400)]);
    let (mut load, mut simulation) = World::new(&[Mood::Silent]).build(&[client("c", 1, script.clone())]);
    load.schedule(&mut simulation);
    for _ in 0..2 {
        assert!(matches!(simulation.run(), Step::Token { class: class::CLIENT, .. }));
        load.wake(&mut simulation);
    }
    assert_eq!(load.open(), 1);
    let recording = load.finish(millis(12));
    let [operation] = &recording.history.operations[..] else { panic!("one has started") };
    assert_eq!(operation.outcome, Outcome::Info("open when the run ended".to_owned()));
    assert_eq!((operation.invoked, operation.completed), (millis(10), millis(12)));
    assert_eq!(recording.never_started(), 2);
    // Those that never started are to ask whom their sessions would have asked.
    let mut asked = recording.script(0);
    asked.iter_mut().for_each(|operation| assert_eq!(operation.asks.take(), Some(NodeId(0))));
    assert_eq!(Workload::Scripted(asked), script);
}
