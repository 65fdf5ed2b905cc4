use super::*;
use crate::host::{CrashKeeps, HostSettings, Value};
use crate::store::harness::{
    Harness, X, chaos, compare_and_set, done, found, is_linearizable, read, slow_disks, write,
};
use MajorityRegisterSafeguard::{QuorumQuery, ReadWriteBack, SyncBeforeAck};

fn without(safeguards: impl IntoIterator<Item = MajorityRegisterSafeguard>) -> MajorityRegister {
    MajorityRegister { without: safeguards.into_iter().collect(), ..MajorityRegister::default() }
}

/// The same, but a coordinator asks only once and does not give up while the script lasts.
fn patient(safeguards: impl IntoIterator<Item = MajorityRegisterSafeguard>) -> MajorityRegister {
    MajorityRegister { resend_after: Span::from_secs(60), timeout: Span::from_secs(60), ..without(safeguards) }
}

fn start(protocol: MajorityRegister, replicas: usize) -> Harness {
    Harness::new(protocol, replicas, &HostSettings::default())
}

#[test]
fn reads_find_the_last_write_wherever_it_was_made() {
    let mut store = start(without([]), 5);
    assert_eq!(store.ask(0, read()), done(), "nil at first");
    for (writer, reader) in [(0, 1), (3, 0), (3, 3), (4, 2)] {
        let value = i64::from(10 * writer + reader);
        assert_eq!(store.ask(writer, write(value)), done());
        assert_eq!(store.ask(reader, read()), found(value));
    }
    let refused = Ok(Reply::NotDone(NotDone::Unsupported));
    assert_eq!(store.ask(1, compare_and_set(1, 2)), refused);
}

#[test]
fn a_minority_is_not_missed() {
    let mut store = start(without([]), 5);
    assert_eq!(store.ask(0, write(1)), done());
    store.crash(1, CrashKeeps::Nothing);
    store.crash(2, CrashKeeps::Nothing);
    assert_eq!(store.ask(3, write(2)), done());
    assert_eq!(store.ask(4, read()), found(2));
    store.restart(1);
    store.run_for(Span::from_millis(5));
    assert_eq!(store.ask(1, read()), found(2), "it asks the others");
}

#[test]
fn without_a_majority_nothing_is_done_or_it_is_unknown() {
    let mut store = start(without([]), 3);
    assert_eq!(store.ask(0, write(1)), done());
    store.part(&[0], &[1, 2]);
    let unavailable = Ok(Reply::NotDone(NotDone::Unavailable));
    let (reading, writing) = (store.call(0, read()), store.call(0, write(2)));
    store.run_for(Span::from_millis(100));
    let waits = store.view(0).waits_for;
    for operation in ["read", "write"] {
        let expected = format!("{operation} k3 waits for 1 of replicas 1, 2 to say what they hold");
        assert!(waits.contains(&expected), "{waits:?}");
    }
    store.run_for(Span::from_millis(500));
    assert_eq!(store.result(reading), Some(&unavailable));
    assert_eq!(store.result(writing), Some(&unavailable));
    store.heal();
    assert_eq!(store.ask(0, read()), found(1));
    // Its query is answered, and what it asks to store is cut.
    let writing = store.call(0, write(3));
    store.run_for(Span::from_micros(3_500));
    store.part(&[0], &[1, 2]);
    store.run_for(Span::from_millis(100));
    assert_eq!(store.view(0).waits_for, ["write k3 waits for 1 of replicas 1, 2 to store it"]);
    store.run_for(Span::from_millis(500));
    let unknown = Ok(Reply::Unknown("1 of 3 replicas stored it in time".to_owned()));
    assert_eq!(store.result(writing), Some(&unknown));
    assert!(store.view(0).waits_for.is_empty());
}

/// A write has reached only its coordinator when two reads follow each other: the first sees it, the majority of the
/// second does not.
#[test]
fn a_read_must_write_back_lest_a_later_one_goes_back_in_time() {
    let check = |safeguards: &[MajorityRegisterSafeguard], second| {
        let mut store = start(patient(safeguards.iter().copied()), 3);
        assert_eq!(store.ask(0, write(1)), done());
        store.call(0, write(2));
        store.run_for(Span::from_micros(3_500));
        store.part(&[0], &[1, 2]);
        store.run_for(Span::from_millis(5));
        store.heal();
        store.part(&[0, 1], &[2]);
        assert_eq!(store.ask(1, read()), found(2));
        assert_eq!(store.reached("a read wrote back"), safeguards.is_empty());
        store.heal();
        store.part(&[0], &[1, 2]);
        assert_eq!(store.ask(2, read()), found(second));
    };
    check(&[], 2);
    check(&[ReadWriteBack], 1);
}

#[test]
fn a_store_must_be_durable_before_it_is_acknowledged() {
    let check = |safeguards: &[MajorityRegisterSafeguard], left| {
        let mut store = Harness::new(without(safeguards.iter().copied()), 3, &slow_disks());
        assert_eq!(store.ask(0, write(1)), done());
        store.run_for(Span::from_millis(50));
        assert_eq!(store.ask(0, write(2)), done());
        store.power_cycle(&[0, 1, 2], CrashKeeps::Nothing);
        assert_eq!(store.ask(1, read()), found(left));
    };
    check(&[], 2);
    check(&[SyncBeforeAck], 1);
}

#[test]
fn a_write_must_ask_for_the_newest_tag_lest_it_is_lost() {
    let check = |safeguards: &[MajorityRegisterSafeguard], left| {
        let mut store = start(patient(safeguards.iter().copied()), 3);
        store.part(&[0, 1], &[2]);
        assert_eq!(store.ask(0, write(1)), done());
        assert_eq!(store.ask(0, write(2)), done());
        store.heal();
        assert_eq!(store.ask(2, write(3)), done());
        assert_eq!(store.ask(2, read()), found(left));
    };
    check(&[], 3);
    check(&[QuorumQuery], 2);
}

/// A write reaches one replica, its coordinator crashes and forgets it, and makes another write with the same counter.
#[test]
fn a_coordinator_that_comes_back_makes_new_tags() {
    let mut store = Harness::new(patient([]), 3, &slow_disks());
    store.call(0, write(1));
    store.run_for(Span::from_micros(3_500));
    store.part(&[0, 1], &[2]);
    store.run_for(Span::from_millis(1));
    store.power_cycle(&[0], CrashKeeps::Nothing);
    assert_eq!(store.view(0).entries, [], "its own sync was under way");
    store.heal();
    store.part(&[0, 2], &[1]);
    assert_eq!(store.ask(0, write(2)), done());
    for (replica, value) in [(0, 2), (1, 1), (2, 2)] {
        assert_eq!(store.view(replica).entries, [(X, 1, Value::Int(value))]);
    }
    store.heal();
    store.part(&[0, 1], &[2]);
    let first = store.ask(1, read());
    store.heal();
    store.part(&[0, 2], &[1]);
    assert_eq!(store.ask(2, read()), first, "whichever write is the newer one, it is so for everyone");
}

#[test]
fn it_can_serve_whoever_reaches_a_majority() {
    let replicas = [0, 1, 2, 3].map(NodeId);
    let check = |contact, reachable: &[u32], expected| {
        let reachable = reachable.iter().copied().map(NodeId).collect();
        assert_eq!(without([]).can_serve(&read(), NodeId(contact), &reachable, &replicas), expected);
    };
    check(0, &[0, 1, 2], true);
    check(0, &[0, 1], false);
    check(0, &[0, 1, 9], false);
    check(0, &[1, 2, 3], false);
    check(0, &[], false);
}

#[test]
fn chaos_leaves_it_linearizable() {
    for seed in 0..150 {
        let calls = chaos(without([]), 3, &["read", "read", "write"], seed);
        assert!(is_linearizable(&calls), "seed {seed}: {calls:#?}");
    }
}

#[test]
fn chaos_finds_what_each_safeguard_is_there_for() {
    for safeguard in MajorityRegisterSafeguard::ALL {
        let found = (0..300)
            .find(|&seed| !is_linearizable(&chaos(without([safeguard]), 3, &["read", "read", "write"], seed)));
        assert!(found.is_some(), "{}", safeguard.name());
    }
}
