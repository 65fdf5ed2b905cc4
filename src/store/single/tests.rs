use super::*;
use crate::host::{CrashKeeps, HostSettings};
use crate::store::harness::{
    Harness, X, chaos, compare_and_set, done, found, is_linearizable, read, slow_disks, write,
};

fn single(sync: SyncPolicy, without: impl IntoIterator<Item = SingleSafeguard>) -> Single {
    Single { sync, without: without.into_iter().collect() }
}

fn always() -> Single {
    single(SyncPolicy::Always, [])
}

const INTERVAL: SyncPolicy = SyncPolicy::Interval(Span::from_millis(100));

fn unavailable() -> Reply {
    Reply::NotDone(NotDone::Unavailable)
}

#[test]
fn registers_are_set_compared_and_read() {
    let mut store = Harness::new(always(), 1, &HostSettings::default());
    assert_eq!(store.ask(0, read()), done(), "nil at first");
    assert_eq!(store.ask(0, compare_and_set(1, 2)), Ok(Reply::No(Value::Nil)));
    assert_eq!(store.ask(0, write(1)), done());
    assert_eq!(store.ask(0, compare_and_set(1, 2)), done());
    assert_eq!(store.ask(0, compare_and_set(1, 3)), Ok(Reply::No(Value::Int(2))));
    assert_eq!(store.ask(0, read()), found(2));
    assert_eq!(store.view(0).entries, [(X, 2, Value::Int(2))]);
    let refused = Ok(Reply::NotDone(NotDone::Unsupported));
    assert_eq!(store.ask(0, Request::Acquire { key: X }), refused);
}

#[test]
fn a_crash_takes_what_the_policy_lets_it_take() {
    let check = |store: Single, left| {
        let mut store = Harness::new(store, 1, &slow_disks());
        assert_eq!(store.ask(0, write(1)), done());
        store.run_for(Span::from_millis(200));
        assert_eq!(store.ask(0, write(2)), done());
        store.power_cycle(&[0], CrashKeeps::Nothing);
        assert_eq!(store.ask(0, read()), left);
    };
    check(always(), found(2));
    check(single(INTERVAL, []), found(1));
    check(single(SyncPolicy::Never, []), done());
    check(single(SyncPolicy::Always, [SingleSafeguard::SyncBeforeAck]), found(1));
}

#[test]
fn writes_that_wait_for_the_disk_share_a_sync() {
    let mut store = Harness::new(always(), 1, &slow_disks());
    let calls: Vec<_> = (1..=20).map(|value| store.call(0, write(value))).collect();
    store.run_for(Span::from_millis(50));
    let ends: BTreeSet<_> =
        calls.iter().filter_map(|&call| store.calls[call].end.as_ref().map(|end| end.0)).collect();
    assert_eq!(ends.len(), 2, "the first write alone, and the others: {ends:?}");
    assert_eq!(store.ask(0, read()), found(20));
}

#[test]
fn nobody_sees_what_is_not_durable_yet() {
    let mut store = Harness::new(always(), 1, &slow_disks());
    let writing = store.call(0, write(1));
    let losing = store.call(0, compare_and_set(7, 8));
    let winning = store.call(0, compare_and_set(1, 2));
    store.run_for(Span::from_millis(3));
    assert_eq!(store.ask(0, read()), done());
    assert!([writing, losing, winning].iter().all(|&call| store.result(call).is_none()));
    store.run_for(Span::from_millis(50));
    let no = Ok(Reply::No(Value::Int(1)));
    assert_eq!([writing, losing, winning].map(|call| store.result(call)), [Some(&done()), Some(&no), Some(&done())]);
    assert_eq!(store.ask(0, read()), found(2));
}

#[test]
fn a_full_disk_refuses_writes_and_loses_none() {
    let mut store = Harness::new(always(), 1, &HostSettings { disk_capacity: 100, ..slow_disks() });
    let mut last = 0;
    while store.ask(0, write(last + 1)) == done() {
        last += 1;
    }
    assert!(last > 0);
    // The second one builds on the first, and fails with it.
    let calls = [write(100), compare_and_set(100, 101)].map(|request| store.call(0, request));
    store.run_for(Span::from_millis(50));
    assert_eq!(calls.map(|call| store.result(call)), [Some(&Ok(unavailable())); 2]);
    assert_eq!(store.ask(0, read()), found(last));
    store.power_cycle(&[0], CrashKeeps::Nothing);
    assert_eq!(store.ask(0, read()), found(last));
}

/// Writes of several sectors each, torn by one crash after the other: a prefix of them is left each time, and the log
/// goes on behind it.
#[test]
fn a_torn_tail_is_cut() {
    let mut store = Harness::new(single(SyncPolicy::Never, []), 1, &HostSettings::default());
    let mut written = 0;
    let value = |key| Value::List((0..200).map(|element| key as i64 * 1_000 + element).collect());
    for _ in 0..20 {
        for key in written..written + 3 {
            assert_eq!(store.ask(0, Request::Write { key: Key(key), value: value(key) }), done());
        }
        store.power_cycle(&[0], CrashKeeps::Prefix { torn: true });
        let entries = store.view(0).entries;
        assert!((written..=written + 3).contains(&(entries.len() as u64)), "{} of {written} are left", entries.len());
        written = entries.len() as u64;
        let expected: Vec<_> = (0..written).map(|key| (Key(key), key + 1, value(key))).collect();
        assert_eq!(entries, expected);
    }
    assert!(store.reached("cut the torn tail of a log"));
}

#[test]
fn a_log_longer_than_a_chunk_is_read_in_pieces() {
    let mut store = Harness::new(always(), 1, &HostSettings::default());
    let long = |first| Value::List((first..first + 20_000).collect());
    for key in 0..3 {
        assert_eq!(store.ask(0, Request::Write { key: Key(key), value: long(key as i64) }), done());
    }
    store.power_cycle(&[0], CrashKeeps::Nothing);
    let expected: Vec<_> = (0..3).map(|key| (Key(key), key + 1, long(key as i64))).collect();
    assert_eq!(store.view(0).entries, expected);
}

#[test]
fn it_promises_what_its_policy_can_keep() {
    let check = |store: Single, durable, crashes| {
        assert_eq!(store.promises().contains(&Promise::Durable), durable);
        assert_eq!(store.tolerates().crashes, crashes);
        let reached = NodeSet::from_iter([NodeId(4)]);
        assert!(store.can_serve(&read(), NodeId(4), &reached, &[NodeId(4)]));
        assert!(!store.can_serve(&read(), NodeId(4), &NodeSet::default(), &[NodeId(4)]));
    };
    check(always(), true, Crashes::All);
    check(single(INTERVAL, []), false, Crashes::None);
    check(single(SyncPolicy::Never, []), false, Crashes::None);
}

#[test]
fn chaos_leaves_it_linearizable_while_it_syncs_first() {
    let holds = |store: Single, seed| is_linearizable(&chaos(store, 1, &["read", "write", "compare_and_set"], seed));
    for seed in 0..100 {
        assert!(holds(always(), seed), "seed {seed}");
    }
    let hasty = [INTERVAL, SyncPolicy::Never].map(|sync| single(sync, []));
    for store in hasty.into_iter().chain([single(SyncPolicy::Always, [SingleSafeguard::SyncBeforeAck])]) {
        assert!((0..100).any(|seed| !holds(store.clone(), seed)), "{store:?}");
    }
}
