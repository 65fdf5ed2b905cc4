use super::*;
use crate::host::{CausalContext, CrashKeeps, FaultId, HostSettings, NotDone, Reply, Terms, Value};
use crate::store::harness::{Ending, Harness, X, compare_and_set, done, found, read, slow_disks, write};

mod latency;
mod repair;

/// A strict quorum that repairs nothing.
fn quorum(n: u32, r: u32, w: u32) -> Quorum {
    Quorum { n, r, w, sloppy: false, without: QuorumSafeguard::ALL.into(), ..Quorum::default() }
}

/// A coordinator asks only once and does not give up while the script lasts.
fn patient(settings: Quorum) -> Quorum {
    Quorum { ask_again_after: Span::from_secs(60), timeout: Span::from_secs(60), ..settings }
}

fn last_writer_wins(settings: Quorum) -> Quorum {
    Quorum { versions: Versioning::LastWriterWins, ..settings }
}

fn start(settings: Quorum, replicas: usize) -> Harness {
    Harness::new(settings, replicas, &HostSettings::default())
}

fn siblings(values: &[i64]) -> Ending {
    Ok(Reply::Ok(Value::Siblings(values.iter().copied().map(Value::Int).collect())))
}

fn delete() -> Request {
    Request::Write { key: X, value: Value::Nil }
}

fn having_seen(seen: Option<CausalContext>) -> Terms {
    Terms { seen, ..Terms::NONE }
}

fn answers(answers: u32) -> Terms {
    Terms { answers: Some(answers), ..Terms::NONE }
}

/// Who stores X among so many replicas, in the order of the ring.
fn walk(replicas: u32) -> Vec<u32> {
    Ring::new(NodeId(0), replicas, Quorum::default().virtual_nodes).walk(X).map(|node| node.0).collect()
}

#[test]
fn who_has_seen_a_value_replaces_it_and_who_has_not_adds_a_sibling() {
    let mut store = start(quorum(3, 2, 2), 5);
    let (ending, nothing) = store.ask_on_terms(0, read(), Terms::NONE);
    assert_eq!((ending, nothing), (done(), Some(CausalContext::default())), "nil at first");
    assert_eq!(store.ask(1, write(1)), done());
    assert_eq!(store.ask(2, write(2)), done());
    assert!(!store.reached("a read found siblings"));
    let (ending, both) = store.ask_on_terms(3, read(), Terms::NONE);
    assert_eq!(ending, siblings(&[1, 2]));
    assert!(store.reached("a read found siblings"));
    let (ending, after_third) = store.ask_on_terms(4, write(3), having_seen(both.clone()));
    assert_eq!(ending, done());
    assert_eq!(store.ask(0, read()), found(3));
    // A writer has seen its own write, and no other than before.
    assert_eq!(store.ask_on_terms(4, write(4), having_seen(both)).0, done());
    assert_eq!(store.ask_on_terms(4, write(5), having_seen(after_third)).0, done());
    assert_eq!(store.ask(0, read()), siblings(&[4, 5]));
    assert_eq!(store.ask(0, compare_and_set(1, 2)), Ok(Reply::NotDone(NotDone::Unsupported)));
    for replica in 0..5 {
        let entries = store.view(replica).entries;
        assert_eq!(entries.is_empty(), !walk(5)[..3].contains(&replica), "{replica}: {entries:?}");
    }
}

#[test]
fn the_clock_that_is_ahead_wins() {
    let check = |settings: Quorum, expected| {
        let mut store = start(settings, 3);
        store.simulation.step_clock(FaultId(9), NodeId(0), 1_000_000_000);
        assert_eq!(store.ask(0, write(1)), done());
        let (ending, seen) = store.ask_on_terms(1, read(), Terms::NONE);
        assert_eq!(ending, found(1));
        assert_eq!(store.ask_on_terms(1, write(2), having_seen(seen)).0, done());
        assert_eq!(store.ask(2, read()), found(expected));
    };
    check(last_writer_wins(quorum(3, 2, 2)), 1);
    check(quorum(3, 2, 2), 2);
}

#[test]
fn with_right_clocks_the_last_writer_wins() {
    let mut store = start(last_writer_wins(quorum(3, 2, 2)), 3);
    for (writer, reader, value) in [(0, 1, 1), (2, 0, 2), (1, 2, 3)] {
        assert_eq!(store.ask(writer, write(value)), done());
        assert_eq!(store.ask_on_terms(reader, read(), Terms::NONE), (found(value), None));
    }
}

/// A write reaches two of three replicas, and a read asks the third.
#[test]
fn quorums_that_overlap_see_what_was_acknowledged() {
    let check = |settings: Quorum, terms: [Terms; 2], expected: Ending| {
        let [writing, reading] = terms;
        let mut store = start(patient(settings), 3);
        store.part(&[0, 1], &[2]);
        assert_eq!(store.ask_on_terms(0, write(1), writing).0, done());
        store.heal();
        store.part(&[0], &[1, 2]);
        assert_eq!(store.ask_on_terms(2, read(), reading).0, expected);
    };
    let usual = || [Terms::NONE, Terms::NONE];
    check(quorum(3, 2, 2), usual(), found(1));
    check(quorum(3, 1, 2), usual(), done());
    check(quorum(3, 2, 2), [Terms::NONE, answers(1)], done());
    check(quorum(3, 1, 1), [Terms::NONE, answers(2)], found(1));
}

#[test]
fn more_answers_than_replicas_are_not_to_be_had() {
    let mut store = start(quorum(3, 2, 2), 5);
    let unsupported = Ok(Reply::NotDone(NotDone::Unsupported));
    assert_eq!(store.ask_on_terms(0, write(1), answers(4)).0, unsupported);
    assert_eq!(store.ask_on_terms(0, write(1), answers(3)).0, done());
}

#[test]
fn when_too_few_answer_a_read_is_not_done_and_a_write_unknown() {
    let mut store = start(Quorum { too_few: TooFew::Wait, ..quorum(3, 2, 2) }, 3);
    store.part(&[0], &[1, 2]);
    let (reading, writing) = (store.call(0, read()), store.call(0, write(2)));
    store.run_for(Span::from_millis(400));
    let expected = [
        "read k3 waits for 1 of replicas 1, 2 to say what they hold",
        "write k3 waits for 1 of replicas 1, 2 to store it",
    ];
    assert_eq!(store.view(0).waits_for, expected);
    store.run_for(Span::from_millis(200));
    assert_eq!(store.result(reading), Some(&Ok(Reply::NotDone(NotDone::Unavailable))));
    let unknown = Ok(Reply::Unknown("1 of 2 replicas stored it in time".to_owned()));
    assert_eq!(store.result(writing), Some(&unknown));
    assert!(store.view(0).waits_for.is_empty());
    let waiting = store.call(0, read());
    store.run_for(Span::from_millis(100));
    store.heal();
    store.run_for(Span::from_millis(100));
    assert_eq!(store.result(waiting), Some(&found(2)), "asked again in time");
}

#[test]
fn a_coordinator_that_knows_of_too_few_refuses_at_once_until_they_are_back() {
    let mut store = start(quorum(3, 2, 2), 3);
    store.part(&[0], &[1, 2]);
    store.ask(0, read()).expect("the client reaches it");
    assert_eq!(store.ask(1, write(1)), done(), "the others go on");
    let writing = store.call(0, write(2));
    store.run_for(Span::from_millis(3));
    assert_eq!(store.result(writing), Some(&Ok(Reply::NotDone(NotDone::Unavailable))));
    assert!(store.reached("an operation was refused, because too few replicas seemed alive"));
    store.heal();
    store.ask(0, read()).expect("refused, but the others are asked");
    store.run_for(Span::from_millis(3));
    assert_eq!(store.ask(0, read()), found(1));
}

#[test]
fn what_is_acknowledged_is_durable() {
    for settings in [quorum(3, 2, 2), last_writer_wins(quorum(3, 2, 2))] {
        let mut store = Harness::new(settings, 3, &slow_disks());
        assert_eq!(store.ask(0, write(1)), done());
        store.power_cycle(&[0, 1, 2], CrashKeeps::Nothing);
        let (ending, seen) = store.ask_on_terms(1, read(), Terms::NONE);
        assert_eq!(ending, found(1));
        assert_eq!(store.ask_on_terms(1, delete(), having_seen(seen)).0, done());
        store.power_cycle(&[0, 1, 2], CrashKeeps::Nothing);
        assert_eq!(store.ask(1, read()), done());
    }
}

/// A coordinator forgets with a crash which counters it has used; its new writes are other writes all the same.
#[test]
fn an_incarnation_is_an_actor_of_its_own() {
    let mut store = start(quorum(3, 2, 2), 3);
    assert_eq!(store.ask(0, write(1)), done());
    store.power_cycle(&[0], CrashKeeps::Nothing);
    assert_eq!(store.ask(0, write(2)), done());
    assert_eq!(store.ask(0, read()), siblings(&[1, 2]));
}

/// A replica misses a deletion. For as long as the others remember it, the value stays deleted.
#[test]
fn a_tombstone_that_is_dropped_lets_a_value_rise_again() {
    let check = |tombstones_for: Option<Span>, expected: Ending| {
        let mut store = start(patient(Quorum { tombstones_for, ..quorum(3, 2, 2) }), 3);
        let (_, seen) = store.ask_on_terms(0, write(1), Terms::NONE);
        store.run_for(Span::from_millis(50));
        store.part(&[0, 1], &[2]);
        assert_eq!(store.ask_on_terms(0, delete(), having_seen(seen)).0, done());
        assert_eq!(store.view(0).entries.len(), 1, "a tombstone");
        store.run_for(Span::from_secs(2));
        assert_eq!(store.reached("a tombstone was dropped"), tombstones_for.is_some());
        assert_eq!(store.view(0).entries.is_empty(), tombstones_for.is_some());
        store.heal();
        store.part(&[0], &[1, 2]);
        assert_eq!(store.ask(1, read()), expected);
    };
    check(None, done());
    check(Some(Span::from_secs(1)), found(1));
}

#[test]
fn a_value_that_comes_before_the_tombstone_is_dropped_stays() {
    let mut store = start(Quorum { tombstones_for: Some(Span::from_secs(1)), ..quorum(3, 2, 2) }, 3);
    let (_, seen) = store.ask_on_terms(0, delete(), Terms::NONE);
    store.run_for(Span::from_millis(900));
    assert_eq!(store.ask_on_terms(0, write(1), having_seen(seen)).0, done());
    store.run_for(Span::from_secs(2));
    assert_eq!(store.ask(0, read()), found(1));
    assert!(!store.reached("a tombstone was dropped"));
}

#[test]
fn it_can_serve_whoever_reaches_enough_of_the_preference_list() {
    let replicas = [0, 1, 2, 3, 4].map(NodeId);
    let order = walk(5);
    let check = |settings: &Quorum, request: &Request, reachable: &[usize], expected| {
        let contact = NodeId(order[reachable[0]]);
        let reachable = reachable.iter().map(|&place| NodeId(order[place])).collect();
        assert_eq!(settings.can_serve(request, contact, &reachable, &replicas), expected, "{reachable:?}");
    };
    let settings = quorum(3, 1, 3);
    check(&settings, &read(), &[0], true);
    check(&settings, &read(), &[4, 2], true);
    check(&settings, &read(), &[3, 4], false);
    check(&settings, &write(1), &[3, 0, 1, 2], true);
    check(&settings, &write(1), &[0, 1, 3, 4], false);
    assert!(!settings.can_serve(&read(), NodeId(order[0]), &NodeSet::default(), &replicas), "it is down");
    let sloppy = Quorum { sloppy: true, without: BTreeSet::new(), ..settings };
    check(&sloppy, &read(), &[3], true);
    check(&sloppy, &write(1), &[0, 3, 4], true);
    check(&sloppy, &write(1), &[3, 4], false);
    let no_hints = Quorum { without: [QuorumSafeguard::HintedHandoff].into(), ..sloppy };
    check(&no_hints, &write(1), &[0, 3, 4], false);
}

#[test]
fn promises_are_what_the_numbers_give() {
    let check = |settings: Quorum, expected: &[Promise]| assert_eq!(settings.promises(), expected);
    check(quorum(3, 2, 2), &[Promise::Durable, Promise::Fresh, Promise::Convergent]);
    check(quorum(3, 1, 2), &[Promise::Durable, Promise::Convergent]);
    check(Quorum { sloppy: true, ..quorum(3, 2, 2) }, &[Promise::Durable, Promise::Convergent]);
    check(Quorum { tombstones_for: Some(Span::from_secs(1)), ..quorum(3, 2, 2) }, &[Promise::Convergent]);
    assert!(quorum(3, 2, 2).tolerates().clocks);
    assert!(!last_writer_wins(quorum(3, 2, 2)).tolerates().clocks);
}
