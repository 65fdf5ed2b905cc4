//! Who leads and who is a member, at an operator's wish or against a disturber.

use super::*;
use RaftSafeguard::SingleServerChange;

fn ask(name: &str, replica: u32) -> Request {
    Request::Custom { name: name.to_owned(), body: replica.to_string() }
}

/// Three of five replicas are members.
fn three_of_five(safeguard: Option<RaftSafeguard>) -> Harness {
    start(Raft { members: Some(3), ..without(safeguard) }, 5)
}

fn term(store: &Harness) -> u64 {
    let leading = NodeId(leader(store));
    store.simulation.role(leading).expect("it leads").1
}

#[test]
fn leadership_goes_where_it_is_wanted() {
    let mut store = start(quick(), 3);
    for _ in 0..3 {
        let old = leader(&store);
        let new = all_but(3, old)[0];
        assert_eq!(store.ask(old, write(i64::from(new))), done());
        assert_eq!(store.ask(old, ask("transfer_leadership", new)), done());
        store.run_for(MS(5));
        assert_eq!(leader(&store), new, "no timeout was awaited");
        assert_eq!(store.ask(new, read()), found(new.into()));
    }
    let leading = leader(&store);
    assert_eq!(store.ask(leading, ask("transfer_leadership", leading)), done());
    for nonsense in [ask("transfer_leadership", 3), ask("promote", 1)] {
        assert_eq!(store.ask(leading, nonsense), Ok(Reply::NotDone(NotDone::Unsupported)));
    }
}

#[test]
fn a_transfer_to_one_who_is_away_is_given_up() {
    let mut store = start(quick(), 3);
    let leading = leader(&store);
    let away = all_but(3, leading)[0];
    store.crash(away, CrashKeeps::Nothing);
    assert_eq!(store.ask(leading, write(1)), done());
    let transfer = store.call(leading, ask("transfer_leadership", away));
    store.run_for(MS(5));
    let unavailable = Ok(Reply::NotDone(NotDone::Unavailable));
    assert_eq!(store.ask(leading, write(2)), unavailable, "meanwhile nothing is taken");
    store.run_for(MS(100));
    assert_eq!(store.result(transfer), Some(&unavailable));
    assert_eq!(store.ask(leading, write(3)), done());
}

/// One that was cut off comes back: with pre-vote it has not begun new terms meanwhile.
#[test]
fn whoever_was_cut_off_does_not_depose_the_leader() {
    let disturbs = |pre_vote, check_quorum| {
        let mut store = start(Raft { pre_vote, check_quorum, ..quick() }, 3);
        let (leading, before) = (leader(&store), term(&store));
        let away = all_but(3, leading)[0];
        store.part(&[away], &all_but(3, away));
        store.run_for(MS(400));
        store.heal();
        store.run_for(MS(200));
        term(&store) != before
    };
    assert!(!disturbs(true, true));
    assert!(!disturbs(true, false));
    assert!(disturbs(false, false));
}

#[test]
fn a_leader_without_a_majority_steps_down() {
    for check_quorum in [true, false] {
        let mut store = start(Raft { check_quorum, ..quick() }, 3);
        let old = leader(&store);
        store.part(&[old], &all_but(3, old));
        store.run_for(MS(300));
        let leads = store.simulation.role(NodeId(old)).is_some_and(|(role, _)| role == "leader");
        assert_eq!(leads, !check_quorum);
        assert_eq!(store.reached("a leader stepped down that no majority answers"), check_quorum);
    }
}

#[test]
fn servers_join_and_leave_one_by_one() {
    let mut store = three_of_five(None);
    let first = leader(&store);
    assert!(first < 3, "the others are no members yet");
    for element in 0..200 {
        store.call(first, append(element));
    }
    store.run_for(MS(50));
    for server in [3, 4] {
        assert_eq!(store.ask(first, ask("add_server", server)), done());
    }
    assert!(store.reached("a server joined that had caught up"));
    store.run_for(MS(10));
    assert_eq!(store.view(4).entries, store.view(first).entries);
    // With five members, two may be away.
    let gone: Vec<_> = all_but(3, first);
    gone.iter().for_each(|&replica| store.crash(replica, CrashKeeps::Nothing));
    assert_eq!(store.ask(first, write(1)), done());
    for &replica in &gone {
        assert_eq!(store.ask(first, ask("remove_server", replica)), done());
    }
    assert_eq!(store.ask(first, ask("remove_server", first)), done());
    store.run_for(MS(300));
    assert!(store.reached("a leader left that was removed"));
    let last = leader(&store);
    assert!(last == 3 || last == 4);
    assert_eq!(store.ask(last, read()), found(1));
    assert_eq!(store.ask(last, ask("add_server", last)), done(), "it is one already");
    assert_eq!(store.ask(last, ask("remove_server", first)), done(), "it is none already");
}

#[test]
fn members_are_remembered() {
    for snapshot_after in [None, Some(1)] {
        let mut store = start(Raft { members: Some(1), snapshot_after, ..quick() }, 3);
        assert_eq!(store.ask(0, ask("add_server", 1)), done());
        assert_eq!(store.ask(0, ask("add_server", 2)), done());
        assert_eq!(store.ask(0, ask("remove_server", 0)), done());
        store.run_for(MS(200));
        store.power_cycle(&[0, 1, 2], CrashKeeps::Nothing);
        store.run_for(MS(300));
        let leading = leader(&store);
        assert_ne!(leading, 0);
        store.crash(0, CrashKeeps::Nothing);
        assert_eq!(store.ask(leading, write(1)), done());
    }
}

#[test]
fn a_server_that_does_not_answer_does_not_join() {
    let mut store = three_of_five(None);
    let leading = leader(&store);
    store.crash(4, CrashKeeps::Nothing);
    let joining = store.call(leading, ask("add_server", 4));
    store.run_for(MS(20));
    let unavailable = Ok(Reply::NotDone(NotDone::Unavailable));
    assert_eq!(store.ask(leading, ask("add_server", 3)), unavailable, "one at a time");
    assert!(store.reached("a change of members had to wait for another"));
    store.run_for(MS(1_000));
    assert_eq!(store.result(joining), Some(&unavailable));
    assert_eq!(store.ask(leading, ask("add_server", 3)), done());
}

/// The leader and the servers that join are cut off from the other two members.
#[test]
fn members_must_change_one_by_one_lest_there_are_two_majorities() {
    let joins = |safeguard| {
        let mut store = three_of_five(safeguard);
        let leading = leader(&store);
        let others = all_but(3, leading);
        store.part(&[leading, 3, 4], &others);
        let joining = [3, 4].map(|server| store.call(leading, ask("add_server", server)));
        store.run_for(MS(20));
        let write = store.call(leading, write(1));
        store.run_for(MS(300));
        let other = leader(&store);
        let served = [store.result(write) == Some(&done()), others.contains(&other)];
        (joining.map(|call| store.result(call) == Some(&done())), served)
    };
    assert_eq!(joins(None), ([false, false], [false, true]));
    let (joined, served) = joins(Some(SingleServerChange));
    assert_eq!(joined, [true, true]);
    assert_eq!(served, [true, true], "three of five have the write, and two of three have elected another");
}
