use super::*;
use crate::host::{Birth, Key, Value};
use crate::store::Protocol;
use crate::store::raft::Raft;
use crate::store::raft::entry::{Command, Entry, Operation, Position, Shared};
use crate::store::raft::replication::Leadership;

/// An entry of a term; the value tells two of one term apart.
fn entry(term: u64, value: i64) -> Shared {
    Shared::new(Entry { term, command: Command::Apply(Operation::Write(Key(1), Value::Int(value)), None) })
}

fn replica(number: u32) -> RaftNode {
    let birth = Birth { id: NodeId(number), replica: number, replicas: 5, incarnation: 0, settings: 0 };
    let mut replica = Raft::default().node(birth);
    replica.role = Role::Follower;
    replica
}

fn lead(replica: &mut RaftNode, term: u64) {
    replica.term = term;
    replica.role = Role::Leader(Box::new(Leadership::new(replica.log.last_index() + 1)));
}

fn push(replica: &mut RaftNode, entries: &[(u64, i64)]) {
    for &(term, value) in entries {
        replica.log.push(entry(term, value));
    }
}

/// The names of what is wrong with a replica now.
fn look(watch: &mut Invariants, replica: &RaftNode) -> Vec<&'static str> {
    watch.look(replica.birth.id, replica).into_iter().map(|breach| breach.invariant).collect()
}

const NOTHING: [&str; 0] = [];

#[test]
fn a_usual_life_breaks_nothing() {
    let (mut watch, mut a, mut b) = (Invariants::default(), replica(0), replica(1));
    lead(&mut a, 1);
    push(&mut a, &[(1, 1), (1, 2)]);
    push(&mut b, &[(1, 1)]);
    a.commit = 1;
    b.commit = 1;
    for replica in [&a, &b, &a] {
        assert_eq!(look(&mut watch, replica), NOTHING);
    }
    // Another leads, and overwrites what is not committed.
    a.role = Role::Follower;
    lead(&mut b, 2);
    push(&mut b, &[(2, 3)]);
    a.log.truncate(2);
    push(&mut a, &[(2, 3)]);
    (a.commit, b.commit) = (2, 2);
    // It restarts from a snapshot and the entry behind it.
    let mut restarted = replica(0);
    restarted.birth.incarnation = 1;
    restarted.log.restart(Position { term: 1, index: 1 });
    push(&mut restarted, &[(2, 3)]);
    restarted.commit = 2;
    for replica in [&b, &a, &b, &restarted] {
        assert_eq!(look(&mut watch, replica), NOTHING);
    }
}

#[test]
fn two_leaders_of_a_term() {
    let (mut watch, mut a, mut b) = (Invariants::default(), replica(0), replica(1));
    lead(&mut a, 3);
    lead(&mut b, 3);
    assert_eq!(look(&mut watch, &a), NOTHING);
    assert_eq!(look(&mut watch, &b), ["election_safety"]);
    assert_eq!(look(&mut watch, &b), NOTHING, "each once");
}

#[test]
fn a_leader_that_removes_entries() {
    let (mut watch, mut a) = (Invariants::default(), replica(0));
    lead(&mut a, 1);
    push(&mut a, &[(1, 1), (1, 2)]);
    assert_eq!(look(&mut watch, &a), NOTHING);
    a.log.truncate(2);
    push(&mut a, &[(1, 3)]);
    assert!(look(&mut watch, &a).contains(&"leader_append_only"));
}

#[test]
fn logs_that_meet_again() {
    let (mut watch, mut a, mut b) = (Invariants::default(), replica(0), replica(1));
    push(&mut a, &[(1, 1), (2, 2)]);
    push(&mut b, &[(1, 9), (2, 2)]);
    assert_eq!(look(&mut watch, &a), NOTHING);
    assert_eq!(look(&mut watch, &b), ["log_matching"]);
}

#[test]
fn a_leader_that_lacks_what_is_committed() {
    let (mut watch, mut a, mut b) = (Invariants::default(), replica(0), replica(1));
    lead(&mut a, 1);
    push(&mut a, &[(1, 1)]);
    a.commit = 1;
    assert_eq!(look(&mut watch, &a), NOTHING);
    lead(&mut b, 2);
    assert_eq!(look(&mut watch, &b), ["leader_completeness"]);
}

/// The old leader commits when the new one is already elected.
#[test]
fn a_leader_that_lacks_what_is_committed_late() {
    let (mut watch, mut a, mut b) = (Invariants::default(), replica(0), replica(1));
    lead(&mut a, 1);
    lead(&mut b, 2);
    push(&mut a, &[(1, 1)]);
    assert_eq!(look(&mut watch, &b), NOTHING);
    a.commit = 1;
    assert_eq!(look(&mut watch, &a), ["leader_completeness"]);
}

#[test]
fn replicas_that_apply_different_entries() {
    let (mut watch, mut a, mut b) = (Invariants::default(), replica(0), replica(1));
    push(&mut a, &[(1, 1)]);
    push(&mut b, &[(2, 2)]);
    (a.commit, b.commit) = (1, 1);
    assert_eq!(look(&mut watch, &a), NOTHING);
    assert_eq!(look(&mut watch, &b), ["state_machine_safety"]);
}
