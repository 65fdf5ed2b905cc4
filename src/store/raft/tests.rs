use super::*;
use crate::host::{CrashKeeps, HostSettings, Key, Value};
use crate::kernel::{Draw, Span, SplitMix64};
use crate::store::harness::{
    Call, Harness, X, compare_and_set, done, found, is_linearizable, read, slow_disks, write,
};

mod growth;
mod members;
mod reading;
mod safety;
mod split;

const MS: fn(u64) -> Span = Span::from_millis;

/// Elections after 30 to 60 ms, a heartbeat each 5 ms.
fn quick() -> Raft {
    Raft { election_timeout_min: MS(30), election_timeout_max: MS(60), heartbeat: MS(5), ..Raft::default() }
}

fn without(safeguard: Option<RaftSafeguard>) -> Raft {
    Raft { without: safeguard.into_iter().collect(), ..quick() }
}

/// Starts replicas and lets them elect a leader.
fn start(protocol: Raft, replicas: usize) -> Harness {
    let mut store = Harness::new(protocol, replicas, &HostSettings::default());
    store.run_for(MS(500));
    store
}

/// The live leader of the highest term.
fn leader(store: &Harness) -> u32 {
    store.simulation.leader("store").expect("a leader").0
}

fn all_but(replicas: u32, one: u32) -> Vec<u32> {
    (0..replicas).filter(|&other| other != one).collect()
}

/// Cuts the leader off from all others and lets these elect another; answers both.
fn depose(store: &mut Harness, replicas: u32) -> (u32, u32) {
    let old = leader(store);
    store.part(&[old], &all_but(replicas, old));
    store.run_for(MS(500));
    let new = leader(store);
    assert_ne!(old, new, "the others elect one of them");
    (old, new)
}

fn append(element: i64) -> Request {
    Request::Append { key: Key(7), element }
}

#[test]
fn a_leader_serves_and_others_point_to_it() {
    let mut store = start(quick(), 5);
    let leading = leader(&store);
    assert_eq!(store.ask(leading, read()), done(), "nil at first");
    assert_eq!(store.ask(leading, write(1)), done());
    assert_eq!(store.ask(leading, read()), found(1));
    assert_eq!(store.ask(leading, compare_and_set(1, 2)), done());
    assert_eq!(store.ask(leading, compare_and_set(1, 3)), Ok(Reply::No(Value::Int(2))));
    for follower in all_but(5, leading) {
        let redirect = Ok(Reply::NotDone(NotDone::Redirect(Some(NodeId(leading)))));
        assert_eq!(store.ask(follower, write(9)), redirect);
    }
    let unsupported = Ok(Reply::NotDone(NotDone::Unsupported));
    assert_eq!(store.ask(leading, Request::Acquire { key: X }), unsupported);
    store.run_for(MS(10));
    for replica in 0..5 {
        assert_eq!(store.view(replica).entries, [(X, 5, Value::Int(2))], "replica {replica}");
    }
}

#[test]
fn one_replica_is_a_majority_of_one() {
    let mut store = start(quick(), 1);
    assert_eq!(store.ask(0, write(1)), done());
    store.power_cycle(&[0], CrashKeeps::Nothing);
    store.run_for(MS(200));
    assert_eq!(store.ask(0, read()), found(1));
}

#[test]
fn logs_and_sets_are_lists() {
    let mut store = start(quick(), 3);
    let leading = leader(&store);
    let list = |elements: &[i64]| Ok(Reply::Ok(Value::List(elements.to_vec())));
    for element in [5, 3, 5] {
        assert_eq!(store.ask(leading, append(element)), done());
        assert_eq!(store.ask(leading, Request::Insert { key: Key(8), element }), done());
    }
    assert_eq!(store.ask(leading, Request::Read { key: Key(7) }), list(&[5, 3, 5]));
    assert_eq!(store.ask(leading, Request::Read { key: Key(8) }), list(&[3, 5]));
    assert_eq!(store.ask(leading, write(1)), done());
    let element_of = |key| [Request::Append { key, element: 1 }, Request::Insert { key, element: 1 }];
    for request in element_of(X) {
        assert_eq!(store.ask(leading, request), Ok(Reply::NotDone(NotDone::Unsupported)), "a register is no list");
    }
    assert_eq!(store.ask(leading, read()), found(1));
}

#[test]
fn another_leader_has_what_was_acknowledged() {
    let mut store = start(quick(), 3);
    let first = leader(&store);
    assert_eq!(store.ask(first, write(1)), done());
    store.crash(first, CrashKeeps::Nothing);
    store.run_for(MS(300));
    let second = leader(&store);
    assert_ne!(first, second);
    assert_eq!(store.ask(second, compare_and_set(1, 2)), done());
    store.restart(first);
    store.run_for(MS(100));
    assert_eq!(store.view(first).entries, store.view(second).entries, "it catches up");
}

#[test]
fn what_a_deposed_leader_alone_has_is_overwritten() {
    let mut store = start(quick(), 3);
    let old = leader(&store);
    assert_eq!(store.ask(old, write(1)), done());
    store.part(&[old], &all_but(3, old));
    let lost: Vec<_> = (10..13).map(|value| store.call(old, write(value))).collect();
    store.run_for(MS(300));
    let new = leader(&store);
    assert_ne!(old, new);
    assert_eq!(store.ask(new, write(2)), done());
    assert!(lost.iter().all(|&call| store.result(call).is_none()), "nobody knows yet");
    store.heal();
    store.run_for(MS(100));
    assert!(store.reached("a follower's log was overwritten"));
    for value in 3..5 {
        assert_eq!(store.ask(new, write(value)), done());
    }
    store.run_for(MS(10));
    for call in lost {
        let redirect = Ok(Reply::NotDone(NotDone::Redirect(Some(NodeId(new)))));
        assert_eq!(store.result(call), Some(&redirect), "another entry has its place: it is certainly not done");
    }
    assert_eq!(store.ask(new, read()), found(4));
    assert_eq!(store.view(old).entries, store.view(new).entries);
}

/// A replica that has forty entries of its own and lacks three hundred of the others' is brought up to date in a few steps
/// back and a few full messages.
#[test]
fn a_follower_far_behind_catches_up() {
    let mut store = start(Raft { entries_per_append: 8, snapshot_after: None, ..quick() }, 3);
    let (old, second) = depose(&mut store, 3);
    let stale: Vec<_> = (0..40).map(|value| store.call(old, write(1_000 + value))).collect();
    let calls: Vec<_> = (0..300).map(|element| store.call(second, append(element))).collect();
    store.run_for(MS(100));
    assert!(calls.iter().all(|&call| store.result(call) == Some(&done())));
    store.crash(second, CrashKeeps::Nothing);
    store.heal();
    store.run_for(MS(300));
    let third = leader(&store);
    assert!(third != old && third != second, "only it has the whole log");
    assert!(store.reached("a leader went back several entries at once"));
    assert_eq!(store.view(old).entries, store.view(third).entries);
    assert!(stale.iter().all(|&call| matches!(store.result(call), Some(Ok(Reply::NotDone(_))))), "deposed");
}

#[test]
fn all_that_was_acknowledged_survives_a_power_failure() {
    let mut store = start(quick(), 3);
    let first = leader(&store);
    for value in 1..20 {
        assert_eq!(store.ask(first, write(value)), done());
    }
    store.call(first, write(20));
    store.run_for(Span::from_micros(1_500));
    store.power_cycle(&[0, 1, 2], CrashKeeps::Prefix { torn: true });
    store.run_for(MS(300));
    let second = leader(&store);
    let left = store.ask(second, read());
    assert!(left == found(19) || left == found(20), "{left:?}");
}

#[test]
fn a_minority_alone_says_what_it_waits_for() {
    let mut store = start(quick(), 3);
    let old = leader(&store);
    store.part(&[old], &all_but(3, old));
    store.call(old, write(1));
    store.run_for(MS(20));
    let waits = store.view(old).waits_for;
    assert!(waits.iter().any(|what| what.contains("waits for a majority to hold entries 2 to 2")), "{waits:?}");
    store.crash(old, CrashKeeps::Nothing);
    store.heal();
    let others = all_but(3, old);
    store.crash(others[0], CrashKeeps::Nothing);
    store.run_for(MS(300));
    let waits = store.view(others[1]).waits_for;
    assert!(waits.iter().any(|what| what.contains("waits for votes, has 1 of 3")), "{waits:?}");
}

#[test]
fn it_can_serve_whoever_reaches_a_majority() {
    let replicas = [0, 1, 2, 3].map(NodeId);
    let check = |contact, reachable: &[u32], expected| {
        let reachable = reachable.iter().copied().map(NodeId).collect();
        assert_eq!(quick().can_serve(&read(), NodeId(contact), &reachable, &replicas), expected);
    };
    check(0, &[0, 1, 2], true);
    check(0, &[0, 1], false);
    check(0, &[1, 2, 3], false);
}
