//! Kinds of service say in which order they let operations take effect, and that order explains what their clients saw, although
//! replicas crash. Where clients are told something else, or a safeguard is missing, it explains nothing.

use std::any::type_name;
use std::collections::BTreeSet;
use std::num::NonZeroU64;

use partita::call::Policy;
use partita::check::transactions::serializes;
use partita::check::{Budget, Linearizability, linearizable_as_asked, linearizes};
use partita::host::{
    Builder, CrashKeeps, CrashSettings, FaultId, HostSettings, Link, NodeId, Request, Simulation, Step, Value,
    ZoneId, class,
};
use partita::kernel::{Sampler, Span, Time};
use partita::load::{
    Answers, Arrivals, ClientSettings, Generated, History, Inserts, Keys, Load, Mix, OperationKind, Outcome, Rate,
    Spacing, Transactions, Workload,
};
use partita::store::{
    MajorityRegister, MajorityRegisterSafeguard, Protocol, Raft, RaftReads, Single, SingleSafeguard, SyncPolicy,
    Transactional, TransactionalSafeguard,
};

/// A second of load on a service whose order is watched.
fn store<P: Protocol>(protocol: P, replicas: u32, seed: u64) -> (Simulation, Load) {
    let mut builder = Builder::new(seed);
    let latency = Sampler::uniform(Span::from_micros(200), Span::from_millis(5)).expect("in order");
    builder.links(Link { latency, ..Link::default() });
    let watch = protocol.order();
    let places = vec![ZoneId(0); replicas as usize];
    builder.watched_service("store", &places, &HostSettings::default(), move |birth| protocol.node(birth), watch);
    let client = builder.client("c", ZoneId(0));
    let kinds = [(OperationKind::Read, 2), (OperationKind::Write, 2), (OperationKind::CompareAndSet, 1)];
    let rate = Rate::new(NonZeroU64::new(300).expect("above 0"), Span::from_secs(1)).expect("a rate");
    let generated = Generated {
        arrivals: Arrivals::Open { rate, spacing: Spacing::Poisson, sessions: None },
        operations: Mix::new(&kinds).expect("weights"),
        transactions: Transactions::default(),
        keys: Keys::Uniform { count: NonZeroU64::new(3).expect("above 0") },
        start: Time::ZERO,
    };
    let settings = ClientSettings {
        name: "c".to_owned(),
        targets: (0..replicas).map(NodeId).collect(),
        prefer: None,
        policy: Policy::default(),
        answers: Answers::default(),
        inserts: Inserts::ByService,
        timeout: Span::from_millis(200),
        stop: Time::ZERO + Span::from_secs(1),
        workload: Workload::Generated(generated),
    };
    let load = Load::new(vec![(client, settings)], seed).expect("a load");
    (builder.finish().expect("names differ"), load)
}

/// Runs it for three seconds; every 300 ms the leader crashes, or each replica in turn, and comes back 150 ms later.
fn play<P: Protocol>(protocol: P, replicas: u32, seed: u64) -> (History, Vec<Request>) {
    let (mut simulation, mut load) = store(protocol, replicas, seed);
    for token in 0..20 {
        simulation.tell_at(Time::ZERO + Span::from_millis(150 * token), class::CHECK, token);
    }
    load.schedule(&mut simulation);
    let mut down = None;
    loop {
        match simulation.run() {
            Step::Token { class: class::CLIENT, .. } => load.wake(&mut simulation),
            Step::Token { token: 19, .. } => break,
            Step::Token { token, .. } => match down.take() {
                Some((fault, node)) => simulation.restart(fault, node),
                None => {
                    let in_turn = NodeId(u32::try_from(token / 2).expect("few") % replicas);
                    let (fault, node) = (FaultId(token), simulation.leader("store").unwrap_or(in_turn));
                    let keeps = CrashKeeps::Prefix { torn: true };
                    simulation.crash(fault, node, CrashSettings { silent: false, keeps });
                    down = Some((fault, node));
                }
            },
            Step::Answer { client, tag, result, seen, .. } => {
                load.answer(&mut simulation, client, tag, result, seen);
            }
            step @ Step::Ended(_) => panic!("{step:?}"),
            Step::Ran | Step::Turned { .. } => {}
        }
    }
    (load.finish(simulation.now()).history, simulation.applied("store").to_vec())
}

fn without<S: Ord>(safeguard: S) -> BTreeSet<S> {
    BTreeSet::from([safeguard])
}

fn is_linearizable(history: &History) -> bool {
    match linearizable_as_asked(history, Budget::default()) {
        Linearizability::Unknown { why } => panic!("{why}"),
        answer => answer == Linearizability::Linearizable,
    }
}

/// The order explains what clients saw, and no longer if one of them is told something else.
fn explains<P: Protocol>(make: impl Fn(u64) -> P, replicas: u32) {
    let mut unknown = 0;
    for seed in 1..5 {
        let (mut history, applied) = play(make(seed), replicas, seed);
        unknown += history.operations.iter().filter(|o| matches!(o.outcome, Outcome::Info(_))).count();
        assert!(applied.len() > 30, "seed {seed} puts nothing to the test");
        assert!(is_linearizable(&history) && linearizes(&history, None, &applied), "{} {seed}", type_name::<P>());
        // A read that finds what was overwritten long before.
        let late = history.operations.iter().rposition(|operation| {
            operation.request.is_read() && matches!(operation.outcome, Outcome::Ok(Value::Int(_)))
        });
        history.operations[late.expect("some read")].outcome = Outcome::Ok(Value::Nil);
        assert!(!linearizes(&history, None, &applied), "seed {seed}");
    }
    assert!(unknown > 0, "crashes put nothing to the test");
}

/// Some seed shows what the safeguard is there for, and no order that the service gives denies it.
fn explains_no_bug<P: Protocol>(make: impl Fn() -> P, replicas: u32) {
    let broken = (1..200).map(|seed| play(make(), replicas, seed)).find(|(history, _)| !is_linearizable(history));
    let (history, applied) = broken.expect("some seed shows it");
    assert!(!applied.is_empty() && !linearizes(&history, None, &applied));
}

#[test]
fn the_order_of_a_service_explains_what_clients_saw() {
    let reads = |seed| if seed % 2 == 0 { RaftReads::Log } else { RaftReads::ReadIndex };
    explains(|seed| Raft { reads: reads(seed), ..Raft::default() }, 3);
    explains(|_| Single::default(), 1);
    explains(|_| MajorityRegister::default(), 3);
    explains(|_| Transactional::default(), 3);
    let (history, applied) = play(Transactional::default(), 3, 5);
    assert!(serializes(&history, &applied), "timestamps order all objects together");
}

#[test]
fn no_order_explains_a_bug_of_the_service() {
    explains_no_bug(|| Single { without: without(SingleSafeguard::SyncBeforeAck), ..Single::default() }, 1);
    // What it was told to lose is no bug of its own, and none of ours.
    explains_no_bug(|| Single { sync: SyncPolicy::Never, ..Single::default() }, 1);
    let register = || MajorityRegister {
        without: without(MajorityRegisterSafeguard::QuorumQuery),
        ..MajorityRegister::default()
    };
    explains_no_bug(register, 3);
    let transactional =
        || Transactional { without: without(TransactionalSafeguard::DurablePrepare), ..Transactional::default() };
    explains_no_bug(transactional, 3);
}
