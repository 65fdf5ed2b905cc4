//! Faults that wait for something to happen.

use super::*;
use crate::fault::Trigger;
use crate::host::Sign;

/// Every 10 ms each node works, sends to the others, and says what it does; after 100 ms node 2 leads.
const TALKING: Play = |rounds, heard, cx| match heard {
    Heard::Start => {
        cx.ready();
        cx.set_timer(0, ms(10));
    }
    Heard::Timer(_) => {
        rounds.push(1);
        cx.others().for_each(|to| cx.send(to, Word(1)));
        cx.note("round");
        if rounds.len() % 5 == 0 {
            cx.reached("a fifth round");
        }
        if rounds.len() == 10 && cx.me() == NodeId(2) {
            cx.role("leader", 1);
        }
        if rounds.len() < 30 {
            cx.set_timer(0, ms(10));
        }
    }
    Heard::Request(id) => cx.reply(id, Reply::Ok(Value::Nil)),
    _ => {}
};

fn when(sign: Sign, of: Option<&str>, times: u64) -> Start {
    Start::When(Trigger { sign, of: of.map(str::to_owned), times, until: at(250) })
}

/// A fault of two nodes that waits.
fn waiting(start: Start, what: NodeEffect) -> Fault {
    let what = on(replicas(Which::Minority), what);
    let lasts = (!what.ends_by_itself()).then_some(20);
    Fault { start, ..fault("waiting", what, 0, lasts) }
}

fn signs() -> Vec<(Sign, Option<&'static str>, u64)> {
    vec![
        (Sign::Role("leader".into()), Some("n"), 1),
        (Sign::Note("round".into()), Some("n"), 17),
        (Sign::Note("round".into()), Some("m"), 17),
        (Sign::Reached("a fifth round".into()), None, 3),
        (Sign::Message("word".into()), Some("n"), 40),
        (Sign::Acknowledgement, None, 7),
    ]
}

#[test]
fn a_fault_starts_a_nanosecond_after_its_cause() {
    let start = |(sign, of, times): (Sign, Option<&str>, u64)| {
        let plan = Plan { faults: vec![waiting(when(sign, of, times), NodeEffect::Pause)] };
        let (simulation, injector) = carried_out(cluster(1, false, TALKING), plan, 1);
        let [report] = &injector.report(&simulation)[..] else { panic!("one fault") };
        assert!(report.started && report.touched > 0, "{report:?}");
        report.start.expect("triggered")
    };
    let after = |milliseconds| at(milliseconds) + Span::from_nanos(1);
    let [leader, fourth, ninth, reached, message, acknowledged] = signs().try_into().expect("six");
    assert_eq!(start(leader), after(100));
    assert_eq!(start(fourth), after(40));
    assert_eq!(start(ninth), after(90));
    assert_eq!(start(reached), after(50));
    assert!((after(20)..after(40)).contains(&start(message)));
    assert!((after(65)..after(90)).contains(&start(acknowledged)));
}

#[test]
fn what_was_triggered_replays_as_an_instant() {
    for shuffled in [false, true] {
        for (sign, of, times) in signs() {
            for what in [NodeEffect::Pause, NodeEffect::Crash(DIES), NodeEffect::ClockStep { nanos: 1_000_000 }] {
                let plan = Plan { faults: vec![waiting(when(sign.clone(), of, times), what)] };
                let (run, injector) = carried_out(cluster(1, shuffled, TALKING), plan, 1);
                let resolved = injector.resolved();
                assert!(resolved.faults[0].start.instant().is_some());
                let (replay, replayed) = carried_out(cluster(1, shuffled, TALKING), resolved, 2);
                assert_eq!(digest(&replay), digest(&run), "{sign:?}, {what:?}");
                assert_eq!(replayed.report(&replay), injector.report(&run));
            }
        }
    }
}

#[test]
fn what_never_happens_triggers_nothing() {
    let (without, _) = carried_out(cluster(1, false, TALKING), Plan::default(), 1);
    let check = |start: Start| {
        let plan = Plan { faults: vec![waiting(start, NodeEffect::Pause)] };
        let (simulation, injector) = carried_out(cluster(1, false, TALKING), plan.clone(), 1);
        let report = &injector.report(&simulation)[0];
        assert_eq!((report.start, report.started, report.touched), (None, false, 0));
        assert_eq!(digest(&simulation), digest(&without), "waiting costs nothing");
        assert_eq!(injector.resolved(), plan);
    };
    check(when(Sign::Role("leader".into()), Some("m"), 1));
    check(when(Sign::Role("follower".into()), None, 1));
    check(when(Sign::Note("a fifth round".into()), None, 1));
    check(when(Sign::Message("vote".into()), None, 1));
    check(when(Sign::Acknowledgement, None, 1_000));
    // The 30th round comes too late.
    check(when(Sign::Reached("a fifth round".into()), None, 40));
    check(when(Sign::Acknowledgement, None, 0));
}

#[test]
fn a_run_that_is_reused_waits_anew() {
    let plan = || Plan { faults: vec![waiting(when(Sign::Acknowledgement, None, 7), NodeEffect::Crash(DIES))] };
    let (mut used, _) = carried_out(cluster(3, false, TALKING), plan(), 3);
    let fresh = carried_out(cluster(5, false, TALKING), plan(), 5);
    used.reset(5);
    assert_eq!(digest(&carried_out(used, plan(), 5).0), digest(&fresh.0));
}

#[test]
fn healing_calls_off_what_still_waits() {
    let plan = Plan { faults: vec![waiting(when(Sign::Role("leader".into()), Some("n"), 1), NodeEffect::Pause)] };
    for (heals, starts) in [(99, None), (100, Some(at(100) + Span::from_nanos(1)))] {
        let mut simulation = cluster(1, false, TALKING);
        let mut injector = prepare(&mut simulation, plan.clone(), 1);
        go_on(&mut simulation, &mut injector, Some(at(heals)));
        injector.heal_all(&mut simulation);
        go_on(&mut simulation, &mut injector, None);
        let report = &injector.report(&simulation)[0];
        assert_eq!((report.start, report.started), (starts, false));
    }
}
