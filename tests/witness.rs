//! Raft says in which order it let operations take effect, and that order explains what its clients saw, although leaders crash.
//! Where clients are told something else, it explains nothing.

use std::num::NonZeroU64;

use partita::call::Policy;
use partita::check::linearizes;
use partita::host::{
    Builder, CrashKeeps, CrashSettings, FaultId, HostSettings, Link, NodeId, Request, Simulation, Step, Value,
    ZoneId, class,
};
use partita::kernel::{Sampler, Span, Time};
use partita::load::{
    Answers, Arrivals, ClientSettings, Generated, History, Inserts, Keys, Load, Mix, OperationKind, Outcome, Rate,
    Spacing, Transactions, Workload,
};
use partita::store::{Protocol, Raft, RaftReads};

const REPLICAS: u32 = 3;

/// A second of load on a watched service.
fn store(raft: Raft, seed: u64) -> (Simulation, Load) {
    let mut builder = Builder::new(seed);
    let latency = Sampler::uniform(Span::from_micros(200), Span::from_millis(5)).expect("in order");
    builder.links(Link { latency, ..Link::default() });
    let watch = raft.invariants();
    let places = [ZoneId(0); REPLICAS as usize];
    builder.watched_service("store", &places, &HostSettings::default(), move |birth| raft.node(birth), watch);
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
        targets: (0..REPLICAS).map(NodeId).collect(),
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

/// Runs it for three seconds; every 300 ms the leader crashes, and comes back 150 ms later.
fn play(raft: Raft, seed: u64) -> (History, Vec<Request>) {
    let (mut simulation, mut load) = store(raft, seed);
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
                    down = simulation.leader("store").map(|leader| (FaultId(token), leader));
                    if let Some((fault, leader)) = down {
                        let keeps = CrashKeeps::Prefix { torn: true };
                        simulation.crash(fault, leader, CrashSettings { silent: false, keeps });
                    }
                }
            },
            Step::Answer { client, tag, result, seen, .. } => {
                load.answer(&mut simulation, client, tag, result, seen);
            }
            step @ Step::Ended(_) => panic!("{step:?}"),
            Step::Ran | Step::Turned { .. } => {}
        }
    }
    assert_eq!(simulation.violations(), &[]);
    (load.finish(simulation.now()).history, simulation.applied("store").to_vec())
}

#[test]
fn the_order_of_raft_explains_what_clients_saw() {
    for seed in 1..5 {
        let reads = if seed % 2 == 0 { RaftReads::Log } else { RaftReads::ReadIndex };
        let (mut history, applied) = play(Raft { reads, ..Raft::default() }, seed);
        let unknown = history.operations.iter().filter(|operation| matches!(operation.outcome, Outcome::Info(_)));
        assert!(unknown.count() > 0 && applied.len() > 50, "seed {seed} puts nothing to the test");
        assert!(linearizes(&history, None, &applied), "seed {seed}");
        // A read that finds what was overwritten long before.
        let late = history.operations.iter().rposition(|operation| {
            operation.request.is_read() && matches!(operation.outcome, Outcome::Ok(Value::Int(_)))
        });
        history.operations[late.expect("some read")].outcome = Outcome::Ok(Value::Nil);
        assert!(!linearizes(&history, None, &applied), "seed {seed}");
    }
}
