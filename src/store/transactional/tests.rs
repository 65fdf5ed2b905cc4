use super::*;
use crate::host::{CrashKeeps, HostSettings, Value};
use crate::store::harness::{Ending, Harness, X, chaos, compare_and_set, is_linearizable, read, slow_disks, write};

const A: Key = Key(0);
const B: Key = Key(1);

fn of(isolation: Isolation) -> Transactional {
    Transactional { isolation, ..Transactional::default() }
}

fn start(isolation: Isolation) -> Harness {
    Harness::new(of(isolation), 3, &HostSettings::default())
}

fn get(key: Key) -> Request {
    Request::Read { key }
}

fn append(key: Key, element: i64) -> Request {
    Request::Append { key, element }
}

fn transaction(parts: impl IntoIterator<Item = Request>) -> Request {
    Request::Transaction(parts.into_iter().collect())
}

fn found(lists: &[&[i64]]) -> Ending {
    let list = |elements: &&[i64]| if elements.is_empty() { Value::Nil } else { Value::List(elements.to_vec()) };
    Ok(Reply::Ok(Value::Answers(lists.iter().map(list).collect())))
}

const ABORTED: Ending = Ok(Reply::No(Value::Nil));

#[test]
fn a_transaction_sees_what_is_committed_and_what_it_does_itself() {
    for isolation in
        [Isolation::Serializable, Isolation::Snapshot, Isolation::ReadCommitted, Isolation::ReadUncommitted]
    {
        let mut store = start(isolation);
        let first = transaction([get(A), append(A, 1), get(A), append(B, 2), append(A, 3), get(A), get(B)]);
        assert_eq!(store.ask(0, first), found(&[&[], &[1], &[1, 3], &[2]]));
        assert_eq!(store.ask(1, transaction([get(B), get(B), get(A)])), found(&[&[2], &[2], &[1, 3]]));
        assert_eq!(store.ask(2, get(A)), Ok(Reply::Ok(Value::List(vec![1, 3]))));
        assert_eq!(store.ask(2, append(A, 4)), Ok(Reply::Ok(Value::Nil)));
        let rewrite = |value| Request::Write { key: A, value: Value::Int(value) };
        let answer = Ok(Reply::Ok(Value::Answers(vec![Value::Int(8)])));
        assert_eq!(store.ask(1, transaction([rewrite(7), rewrite(8), get(A)])), answer);
        assert_eq!(store.ask(0, transaction([])), found(&[]));
        let refused = Ok(Reply::NotDone(NotDone::Unsupported));
        assert_eq!(store.ask(0, transaction([get(A), compare_and_set(1, 2)])), refused);
    }
}

/// Two transactions are at the same place at the same time: each reads A and B, and writes what the other does not.
#[test]
fn what_two_may_do_at_a_time_depends_on_the_isolation() {
    let check = |isolation, one: [Key; 3], other: [Key; 3], aborted: usize| {
        let mut store = start(isolation);
        let of = |[a, b, written]: [Key; 3], element| transaction([get(a), get(b), append(written, element)]);
        let (first, second) = (store.call(0, of(one, 1)), store.call(1, of(other, 2)));
        store.run_for(Span::from_millis(200));
        let ends = [store.result(first), store.result(second)];
        assert_eq!(ends.iter().filter(|end| **end == Some(&ABORTED)).count(), aborted, "{isolation:?}: {ends:?}");
    };
    // Write skew.
    check(Isolation::Snapshot, [A, B, A], [A, B, B], 0);
    check(Isolation::ReadCommitted, [A, B, A], [A, B, B], 0);
    let mut store = start(Isolation::Serializable);
    let (one, other) = (transaction([get(A), append(B, 1)]), transaction([get(B), append(A, 2)]));
    let (one, other) = (store.call(0, one), store.call(1, other));
    store.run_for(Span::from_millis(200));
    assert!([one, other].iter().any(|&call| store.result(call) == Some(&ABORTED)));
    // One prepares while the other has prepared.
    check(Isolation::Snapshot, [A, B, A], [A, B, A], 1);
}

/// A transaction begins, another one commits, and then the first writes the same object.
#[test]
fn the_first_committer_wins() {
    let check = |protocol: Transactional, request: Request, expected: Ending| {
        let mut store = Harness::new(protocol, 3, &HostSettings::default());
        let slow = store.call(1, request);
        store.run_for(Span::from_micros(3_100));
        assert_eq!(store.ask(2, append(B, 7)), Ok(Reply::Ok(Value::Nil)));
        store.run_for(Span::from_secs(1));
        assert_eq!(store.result(slow), Some(&expected));
    };
    let snapshots = |without: &[TransactionalSafeguard]| Transactional {
        without: without.iter().copied().collect(),
        ..of(Isolation::Snapshot)
    };
    // Thirty reads of other objects keep it busy for a while.
    let busy = |first: Option<Request>| {
        let reads = (0..30).map(|number| get(Key(3 * number)));
        transaction(first.into_iter().chain(reads).chain([append(B, 8)]))
    };
    let lists = vec![&[][..]; 30];
    check(snapshots(&[]), busy(None), ABORTED);
    check(snapshots(&[TransactionalSafeguard::FirstCommitterWins]), busy(None), found(&lists));
}

/// A coordinator goes down after shards have prepared, and nothing says that it had decided.
#[test]
fn what_nobody_decided_is_aborted_when_its_coordinator_is_back() {
    let mut store = start(Isolation::Snapshot);
    store.call(1, transaction([append(A, 1), append(Key(2), 1)]));
    store.run_for(Span::from_micros(4_500));
    store.crash(1, CrashKeeps::Nothing);
    let waiting = store.call(0, get(A));
    store.run_for(Span::from_millis(200));
    assert_eq!(store.result(waiting), None, "it waits for what is prepared");
    let waits = store.view(0).waits_for;
    assert!(waits.iter().any(|reason| reason.contains("node 1 to tell what becomes of transaction 1")), "{waits:?}");
    store.restart(1);
    store.run_for(Span::from_millis(200));
    assert_eq!(store.result(waiting), Some(&Ok(Reply::Ok(Value::Nil))));
    assert!(store.reached("a shard asked what became of a transaction"));
    assert_eq!(store.ask(2, transaction([append(A, 2), get(Key(2))])), found(&[&[]]));
}

/// The lights go out everywhere as soon as the client has its answer.
#[test]
fn what_is_committed_survives_everywhere() {
    let check = |without: &[TransactionalSafeguard], expected: &[&[i64]]| {
        let protocol = Transactional { without: without.iter().copied().collect(), ..Transactional::default() };
        let mut store = Harness::new(protocol, 3, &slow_disks());
        assert_eq!(store.ask(0, transaction([append(A, 1), append(B, 1)])), found(&[]));
        store.power_cycle(&[0, 1, 2], CrashKeeps::Nothing);
        store.run_for(Span::from_millis(300));
        assert_eq!(store.ask(2, transaction([get(A), get(B)])), found(expected), "without {without:?}");
    };
    check(&[], &[&[1], &[1]]);
    check(&[TransactionalSafeguard::DurableDecision], &[&[], &[]]);
}

/// A shard is down when it is told to commit; the decision is delivered when it is back.
#[test]
fn a_decision_reaches_every_shard_in_the_end() {
    let mut store = Harness::new(Transactional::default(), 3, &slow_disks());
    let writing = store.call(0, transaction([append(A, 1), append(B, 1)]));
    while store.result(writing).is_none() {
        store.run_for(Span::from_micros(200));
    }
    store.crash(1, CrashKeeps::Nothing);
    store.run_for(Span::from_millis(300));
    let waits = store.view(0).waits_for;
    assert!(waits.contains(&"shards 1 to commit transaction 1".to_owned()), "{waits:?}");
    store.restart(1);
    store.run_for(Span::from_millis(300));
    assert_eq!(store.ask(2, transaction([get(A), get(B)])), found(&[&[1], &[1]]));
    assert!(store.view(0).waits_for.is_empty());
}

#[test]
fn without_the_oracle_or_a_shard_nothing_is_done() {
    let mut store = start(Isolation::Serializable);
    let unavailable = Ok(Reply::NotDone(NotDone::Unavailable));
    store.part(&[0], &[1, 2]);
    assert_eq!(store.ask(1, get(B)), unavailable);
    store.heal();
    store.part(&[2], &[0, 1]);
    assert_eq!(store.ask(0, transaction([append(A, 1), append(B, 1)])), found(&[]));
    assert_eq!(store.ask(0, transaction([append(A, 2), append(Key(2), 2)])), unavailable);
    store.heal();
    store.run_for(Span::from_millis(200));
    assert_eq!(store.ask(2, transaction([get(A), get(Key(2))])), found(&[&[1], &[]]));
    let nodes = [NodeId(0), NodeId(1), NodeId(2)];
    let serves = |request: Request, reachable: &[u32]| {
        let reachable: NodeSet = reachable.iter().copied().map(NodeId).collect();
        Transactional::default().can_serve(&request, NodeId(1), &reachable, &nodes)
    };
    assert!(serves(transaction([get(B), append(A, 1)]), &[0, 1]));
    assert!(!serves(get(B), &[1, 2]) && !serves(transaction([get(B), get(Key(5))]), &[0, 1]));
}

#[test]
fn single_operations_are_linearizable_whatever_happens() {
    for seed in 0..20 {
        let calls = chaos(Transactional::default(), 3, &["read", "write"], seed);
        assert!(is_linearizable(&calls), "seed {seed}: {calls:#?}");
    }
    let mut store = start(Isolation::Serializable);
    assert_eq!(store.ask(0, write(4)), Ok(Reply::Ok(Value::Nil)));
    assert_eq!(store.ask(1, read()), Ok(Reply::Ok(Value::Int(4))));
    assert!(Transactional::default().holds(X, NodeId(0), &[NodeId(0), NodeId(1), NodeId(2)]));
}
