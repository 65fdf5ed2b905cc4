//! What brings a version to the replicas that missed it.

use super::*;
use crate::store::harness::X;
use QuorumSafeguard::{AntiEntropy, HintedHandoff, ReadRepair};

/// A strict quorum with nothing but these to repair it.
fn with(safeguards: &[QuorumSafeguard]) -> Quorum {
    let left_out = QuorumSafeguard::ALL.into_iter().filter(|safeguard| !safeguards.contains(safeguard));
    Quorum { without: left_out.collect(), ..quorum(3, 2, 2) }
}

fn holds(store: &Harness, replica: u32, expected: &[i64]) {
    let values: Vec<_> = store.view(replica).entries.into_iter().map(|(key, _, value)| (key, value)).collect();
    let expected: Vec<_> = expected.iter().map(|&value| (X, Value::Int(value))).collect();
    assert_eq!(values, expected, "replica {replica}");
}

/// A replica misses a write, and is back.
fn after_a_missed_write(settings: Quorum) -> Harness {
    let mut store = start(settings, 3);
    store.part(&[0, 1], &[2]);
    assert_eq!(store.ask(0, write(1)), done());
    store.run_for(Span::from_millis(100));
    holds(&store, 2, &[]);
    store.heal();
    store
}

#[test]
fn a_read_repairs_whom_it_finds_behind() {
    let check = |safeguards: &[QuorumSafeguard], expected: &[i64]| {
        let mut store = after_a_missed_write(with(safeguards));
        store.run_for(Span::from_secs(2));
        holds(&store, 2, &[]);
        assert_eq!(store.ask(1, read()), found(1));
        store.run_for(Span::from_millis(100));
        holds(&store, 2, expected);
        assert_eq!(store.reached("a read repaired a replica"), !expected.is_empty());
    };
    check(&[ReadRepair], &[1]);
    check(&[], &[]);
}

#[test]
fn siblings_are_repaired_as_a_whole() {
    let mut store = start(Quorum { r: 3, w: 1, ..with(&[ReadRepair]) }, 3);
    store.part(&[0, 1], &[2]);
    assert_eq!(store.ask(0, write(1)), done());
    assert_eq!(store.ask(2, write(2)), done());
    store.run_for(Span::from_millis(100));
    store.heal();
    assert_eq!(store.ask(1, read()), siblings(&[1, 2]));
    store.run_for(Span::from_millis(100));
    for replica in 0..3 {
        assert_eq!(store.view(replica).entries[0].2, Value::Siblings(vec![Value::Int(1), Value::Int(2)]));
    }
}

#[test]
fn a_hint_is_handed_off_when_its_owner_is_back() {
    let check = |safeguards: &[QuorumSafeguard], expected: &[i64]| {
        let mut store = after_a_missed_write(with(safeguards));
        store.power_cycle(&[0, 1], CrashKeeps::Nothing);
        store.run_for(Span::from_secs(1));
        holds(&store, 2, expected);
        assert_eq!(store.reached("a hint was handed off"), !expected.is_empty());
    };
    check(&[HintedHandoff], &[1]);
    check(&[], &[]);
}

/// A hint that was handed off is forgotten, also by its keeper's disk: it does not bring back what is deleted and buried.
#[test]
fn a_hint_is_handed_off_once() {
    let settings = Quorum { tombstones_for: Some(Span::from_secs(5)), ..with(&[HintedHandoff]) };
    let mut store = after_a_missed_write(settings);
    store.run_for(Span::from_secs(1));
    let (_, seen) = store.ask_on_terms(0, read(), Terms::NONE);
    assert_eq!(store.ask_on_terms(0, delete(), having_seen(seen)).0, done());
    store.run_for(Span::from_secs(6));
    store.power_cycle(&[0, 1, 2], CrashKeeps::Nothing);
    store.run_for(Span::from_secs(1));
    (0..3).for_each(|replica| holds(&store, replica, &[]));
    assert!(store.reached("a tombstone was dropped"));
}

#[test]
fn replicas_that_compare_what_they_hold_become_equal() {
    let check = |safeguards: &[QuorumSafeguard], expected: &[i64]| {
        let mut store = after_a_missed_write(with(safeguards));
        store.run_for(Span::from_secs(1));
        holds(&store, 2, expected);
        assert_eq!(store.reached("anti-entropy brought a version"), !expected.is_empty());
    };
    check(&[AntiEntropy], &[1]);
    check(&[], &[]);
}

/// Many objects, each held by three of five replicas, of which each replica misses some.
#[test]
fn an_exchange_finds_every_object_that_differs() {
    let settings = Quorum { n: 3, r: 1, w: 1, ..with(&[AntiEntropy]) };
    let mut store = start(settings.clone(), 5);
    store.part(&[0, 1], &[2, 3, 4]);
    for key in 0..300 {
        let value = Value::Int(key as i64);
        store.call(key as u32 % 5, Request::Write { key: Key(key), value });
        store.run_for(Span::from_millis(2));
    }
    store.run_for(Span::from_secs(1));
    let all = [0, 1, 2, 3, 4].map(NodeId);
    let missing = |store: &Harness| -> usize {
        let lacks = |node: NodeId| {
            let entries = store.view(node.0).entries;
            let is_there = |key: &Key| entries.iter().any(|(held, ..)| held == key);
            (0..300).map(Key).filter(|key| settings.holds(*key, node, &all) && !is_there(key)).count()
        };
        all.into_iter().map(lacks).sum()
    };
    assert!(missing(&store) > 300, "{}", missing(&store));
    store.heal();
    store.run_for(Span::from_secs(2));
    // Who reaches none of a key's replicas cannot have written it.
    let written: BTreeSet<_> = (0..5).flat_map(|replica| store.view(replica).entries).map(|(key, ..)| key).collect();
    assert_eq!(missing(&store), 3 * (300 - written.len()));
    assert!(written.len() > 200, "{}", written.len());
}

/// Two of the three owners are out of reach: the next on the ring stand in, and hand over later.
#[test]
fn others_stand_in_for_owners_that_are_out_of_reach() {
    let order = walk(5);
    let (here, there) = (&order[2..], &order[..2]);
    let check = |sloppy: bool, expected: &Ending| {
        let settings = Quorum { n: 3, r: 3, w: 3, sloppy, ..with(&[HintedHandoff]) };
        let mut store = start(settings, 5);
        store.part(here, there);
        assert_eq!(&store.ask(order[4], write(1)), expected);
        if sloppy {
            assert_eq!(store.ask(order[3], read()), found(1), "who stands in answers for what it keeps");
        }
        order[3..].iter().for_each(|&keeper| holds(&store, keeper, &[]));
        store.heal();
        store.run_for(Span::from_secs(1));
        order[..3].iter().for_each(|&owner| holds(&store, owner, &[1]));
        order[3..].iter().for_each(|&keeper| holds(&store, keeper, &[]));
    };
    check(true, &done());
    check(false, &Ok(Reply::Unknown("1 of 3 replicas stored it in time".to_owned())));
}

#[test]
fn a_suspected_owner_is_not_waited_for() {
    let order = walk(4);
    let mut store = start(Quorum { w: 3, ..Quorum::default() }, 4);
    store.crash(order[0], CrashKeeps::Nothing);
    let mut latency = |value| {
        let before = store.simulation.now();
        assert_eq!(store.ask(order[1], write(value)), done());
        store.simulation.now().since(before)
    };
    assert!(latency(1) > Span::from_millis(50), "the time to ask again");
    (2..10).for_each(|value| {
        latency(value);
    });
    assert!(latency(10) < Span::from_millis(20));
}

/// Quorums overlap in numbers and not in replicas: the price of always being writeable.
#[test]
fn a_sloppy_quorum_goes_on_at_both_sides_and_conflicts() {
    let order = walk(5);
    let mut store = start(Quorum::default(), 5);
    store.part(&order[..2], &order[2..]);
    assert_eq!(store.ask(order[0], write(1)), done());
    assert_eq!(store.ask(order[4], write(2)), done());
    assert_eq!(store.ask(order[1], read()), found(1));
    assert_eq!(store.ask(order[3], read()), found(2));
    store.heal();
    store.run_for(Span::from_secs(2));
    assert_eq!(store.ask(order[4], read()), siblings(&[1, 2]));
}
