//! Reads without the log, and what each way to read depends on.

use super::*;
use crate::host::{Drift, FaultId};
use RaftSafeguard::{LeaseClockBound, ReadIndexConfirmation};

const READ_INDEX: RaftReads = RaftReads::ReadIndex;
const LEASE: RaftReads = RaftReads::Lease { clock_drift_bound_ppb: 10_000_000 };

fn reading(reads: RaftReads, without: Option<RaftSafeguard>) -> Raft {
    Raft { reads, ..super::without(without) }
}

#[test]
fn every_way_to_read_finds_the_last_write() {
    for reads in [RaftReads::Log, READ_INDEX, LEASE, RaftReads::Local] {
        let mut store = start(reading(reads, None), 3);
        let leading = leader(&store);
        for value in 1..4 {
            assert_eq!(store.ask(leading, write(value)), done());
            assert_eq!(store.ask(leading, read()), found(value), "{reads:?}");
        }
        let follower = all_but(3, leading)[0];
        store.run_for(MS(20));
        let redirect = Ok(Reply::NotDone(NotDone::Redirect(Some(NodeId(leading)))));
        let expected = if reads == RaftReads::Local { found(3) } else { redirect };
        assert_eq!(store.ask(follower, read()), expected, "{reads:?}");
    }
}

#[test]
fn only_reads_through_the_log_lengthen_it() {
    for (reads, longer) in [(RaftReads::Log, true), (READ_INDEX, false), (LEASE, false), (RaftReads::Local, false)] {
        let mut store = start(reading(reads, None), 3);
        let leading = leader(&store);
        let before = store.view(leading).applied;
        store.ask(leading, read()).expect("an answer");
        assert_eq!(store.view(leading).applied > before, longer, "{reads:?}");
    }
}

#[test]
fn reads_that_come_together_share_a_round() {
    let mut store = start(reading(READ_INDEX, None), 3);
    let leading = leader(&store);
    assert_eq!(store.ask(leading, write(1)), done());
    let sent = store.simulation.census().sent;
    let calls: Vec<_> = (0..50).map(|_| store.call(leading, read())).collect();
    store.run_for(MS(10));
    assert!(calls.iter().all(|&call| store.result(call) == Some(&found(1))));
    let sent = store.simulation.census().sent - sent;
    assert!(sent < 2 * 50 + 40, "{sent} messages, of which 100 are the client's");
}

/// A leader is cut off, another writes, and the first is asked to read.
fn stale_read(protocol: Raft, drift: i64) -> Option<crate::store::harness::Ending> {
    let lease = protocol.clone();
    let mut store = start(protocol, 3);
    let old = leader(&store);
    assert_eq!(store.ask(old, write(1)), done());
    assert_eq!(store.ask(old, read()), found(1));
    store.simulation.begin_drift(FaultId(77), NodeId(old), Drift::from_ppb(drift).expect("a drift"));
    store.run_for(MS(50));
    store.part(&[old], &all_but(3, old));
    let new = loop {
        store.run_for(Span::from_micros(200));
        let new = leader(&store);
        if new != old {
            break new;
        }
    };
    assert_eq!(store.ask(new, write(2)), done());
    let reading = store.call(old, read());
    store.run_for(lease.election_timeout_min);
    store.result(reading).cloned()
}

#[test]
fn a_read_index_must_be_confirmed_lest_the_read_is_stale() {
    let patient = |without| Raft { check_quorum: false, ..reading(READ_INDEX, without) };
    assert_eq!(stale_read(patient(None), 0), None, "it waits for a majority that does not answer");
    assert_eq!(stale_read(patient(Some(ReadIndexConfirmation)), 0), Some(found(1)));
}

/// The leader's clock runs at half speed.
#[test]
fn a_lease_holds_as_far_as_clocks_keep_to_the_bound() {
    let patient = |clock_drift_bound_ppb, without| Raft {
        election_timeout_max: MS(45),
        pre_vote: false,
        ..reading(RaftReads::Lease { clock_drift_bound_ppb }, without)
    };
    let half = -500_000_000;
    let is_stale = |protocol, drift| stale_read(protocol, drift) == Some(found(1));
    assert!(!is_stale(patient(500_000_000, None), half), "within the bound");
    assert!(is_stale(patient(10_000_000, None), half), "beyond it");
    assert!(is_stale(patient(500_000_000, Some(LeaseClockBound)), half), "the bound is not heeded");
    assert!(!is_stale(patient(10_000_000, None), 0));
}

#[test]
fn a_lease_is_shorter_than_the_shortest_election_timeout() {
    let check = |clock_drift_bound_ppb, expected| {
        let raft = reading(RaftReads::Lease { clock_drift_bound_ppb }, None);
        assert_eq!(raft.lease(), Span::from_nanos(expected));
    };
    check(0, 30_000_000);
    check(500_000_000, 10_000_000);
    check(1_000_000_000, 0);
    check(u64::MAX, 0);
    assert_eq!(reading(READ_INDEX, None).lease(), Span::ZERO);
}

/// Who answered a heartbeat and lost its memory must not vote as if it had not.
#[test]
fn a_lease_survives_the_restart_of_a_follower() {
    let mut store = start(Raft { election_timeout_max: MS(45), ..reading(LEASE, None) }, 3);
    let old = leader(&store);
    assert_eq!(store.ask(old, write(1)), done());
    store.part(&[old], &all_but(3, old));
    for follower in all_but(3, old) {
        store.crash(follower, CrashKeeps::Nothing);
        store.restart(follower);
    }
    store.run_for(MS(20));
    assert_eq!(leader(&store), old, "nobody else before the lease is over");
    store.run_for(MS(100));
    assert_ne!(leader(&store), old);
}

#[test]
fn a_new_leader_reads_only_when_it_knows_what_is_committed() {
    let mut store = start(reading(READ_INDEX, None), 3);
    let (old, new) = depose(&mut store, 3);
    store.heal();
    store.run_for(MS(50));
    assert_eq!(store.ask(new, write(5)), done());
    assert_eq!(store.ask(new, read()), found(5));
    assert_ne!(old, new);
}

#[test]
fn what_is_promised_depends_on_how_reads_are_answered() {
    let check = |reads, promises: &[Promise], any_drift| {
        let raft = reading(reads, None);
        assert_eq!(raft.promises(), promises);
        assert_eq!(raft.tolerates().drift_ppb == Tolerance::ANY_DRIFT, any_drift);
    };
    check(RaftReads::Log, &[Promise::Linearizable, Promise::Durable], true);
    check(LEASE, &[Promise::Linearizable, Promise::Durable], false);
    check(RaftReads::Local, &[Promise::Durable], true);
    let alone = [NodeId(0)].into_iter().collect();
    let replicas = [0, 1, 2].map(NodeId);
    assert!(reading(RaftReads::Local, None).can_serve(&read(), NodeId(0), &alone, &replicas));
    assert!(!reading(RaftReads::Local, None).can_serve(&write(1), NodeId(0), &alone, &replicas));
    assert!(!reading(READ_INDEX, None).can_serve(&read(), NodeId(0), &alone, &replicas));
}
