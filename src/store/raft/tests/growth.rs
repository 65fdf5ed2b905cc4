//! Sessions that recognise operations, and snapshots that keep the log short.

use super::*;
use crate::host::{IdempotencyKey, Terms};
use RaftSafeguard::SessionDeduplication;

fn on_terms(session: u64, number: u64) -> Terms {
    Terms { idempotency: Some(IdempotencyKey { session, number }), ..Terms::NONE }
}

fn list(store: &mut Harness) -> Vec<i64> {
    let leading = leader(store);
    match store.ask(leading, Request::Read { key: Key(7) }) {
        Ok(Reply::Ok(Value::List(elements))) => elements,
        other => panic!("{other:?}"),
    }
}

fn compacting(every: u32) -> Raft {
    Raft { snapshot_after: Some(every), snapshot_chunk_bytes: 100, ..quick() }
}

#[test]
fn an_operation_that_comes_again_is_applied_once() {
    for (safeguard, expected) in [(None, vec![1, 2]), (Some(SessionDeduplication), vec![1, 1, 2, 1])] {
        let mut store = start(without(safeguard), 3);
        let leading = leader(&store);
        for (number, element) in [(1, 1), (1, 1), (2, 2), (1, 1)] {
            store.call_on_terms(leading, append(element), on_terms(9, number));
        }
        store.run_for(MS(50));
        assert_eq!(store.reached("an operation that came again was not applied again"), safeguard.is_none());
        assert_eq!(list(&mut store), expected, "{safeguard:?}");
    }
}

/// The leader applies an operation and dies; its successor is asked again, after a power failure, and goes by a snapshot.
#[test]
fn every_leader_recognises_it() {
    for snapshot_after in [None, Some(1)] {
        let mut store = start(Raft { snapshot_after, ..quick() }, 3);
        let (first, number) = (leader(&store), on_terms(9, 4));
        let compare = compare_and_set(8, 9);
        let refused = store.ask_on_terms(first, compare.clone(), on_terms(8, 1)).0;
        assert_eq!(refused, Ok(Reply::No(Value::Nil)));
        assert_eq!(store.ask_on_terms(first, append(1), number.clone()).0, done());
        store.power_cycle(&[0, 1, 2], CrashKeeps::Nothing);
        store.run_for(MS(300));
        let (_, second) = depose(&mut store, 3);
        assert_eq!(store.ask_on_terms(second, append(1), number).0, done());
        assert_eq!(store.ask_on_terms(second, compare, on_terms(8, 1)).0, refused, "the same answer");
        assert_eq!(list(&mut store), [1]);
    }
}

#[test]
fn a_session_is_forgotten_when_enough_others_were_used() {
    let mut store = start(Raft { session_limit: 2, ..quick() }, 3);
    let leading = leader(&store);
    let mut append_as = |session, element| {
        assert_eq!(store.ask_on_terms(leading, append(element), on_terms(session, 1)).0, done());
    };
    append_as(1, 1);
    append_as(2, 2);
    append_as(1, 1);
    append_as(3, 3);
    append_as(2, 2);
    append_as(1, 1);
    assert!(store.reached("a session was forgotten"));
    assert_eq!(list(&mut store), [1, 2, 3, 1], "1 was forgotten for 3, which came after it; 2 was used last before");
}

#[test]
fn a_follower_that_was_away_gets_a_snapshot() {
    let mut store = start(compacting(10), 3);
    let leading = leader(&store);
    let away = all_but(3, leading)[0];
    store.crash(away, CrashKeeps::Nothing);
    for element in 0..60 {
        store.call(leading, append(element));
        store.run_for(MS(1));
    }
    store.run_for(MS(30));
    store.restart(away);
    store.run_for(MS(200));
    assert!(store.reached("a follower went on from the leader's snapshot"));
    assert_eq!(store.view(away), store.view(leading));
    assert_eq!(list(&mut store), (0..60).collect::<Vec<_>>());
    store.power_cycle(&[away], CrashKeeps::Nothing);
    store.run_for(MS(50));
    assert_eq!(store.view(away).entries, store.view(leading).entries, "what it was sent is on its disk");
}

/// The power fails at any moment while logs are replaced.
#[test]
fn nothing_is_lost_while_a_snapshot_takes_the_place_of_the_log() {
    for moment in 0..40 {
        let mut store = start(compacting(4), 3);
        let leading = leader(&store);
        let calls: Vec<_> = (0..12)
            .map(|element| {
                let call = store.call(leading, append(element));
                store.run_for(Span::from_micros(700 + 30 * moment));
                call
            })
            .collect();
        store.power_cycle(&[0, 1, 2], CrashKeeps::Prefix { torn: true });
        store.run_for(MS(300));
        let acknowledged = calls.iter().filter(|&&call| store.result(call) == Some(&done())).count();
        let left = list(&mut store);
        assert!(left.len() >= acknowledged, "{acknowledged} were acknowledged: {left:?}");
        assert_eq!(left, (0..left.len() as i64).collect::<Vec<_>>());
        assert!(acknowledged >= 6, "{acknowledged}");
    }
}
