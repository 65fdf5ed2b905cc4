//! What an event costs, as ratios measured within one process: the two sides of a ratio take turns, slice by slice,
//! so that a machine that is shared and changes its speed does not decide the result.
//!
//! `cargo bench` prints every ratio with its interval; `cargo bench -- phold` only those of one group.
//!
//! | group | ratio | aim |
//! |---|---|---|
//! | phold | a full event / an event of a bare `BinaryHeap<(u64, u64, u32)>` loop with the same draws | 1.15, 1.15, 1.0, 0.9 |
//! | echo | a delivered message / an event of the bare loop at 1,024 pending | 2.0 |
//! | faults | a message of the echo while faults of links, nodes, disks, clocks and processes wait for their time, for a sign, or for a message / without any | 1.05 |
//! | reuse | a reused simulation of 5 nodes and 100 messages / 100 messages of the running echo | 1.5 |
//! | raft | an event of a replicated log under load, history and checks included / an event of the bare loop | 12 |
//! | sweep | one thread's time for the runs of `raft-200.json` / two threads' time for as many; two cores at least | 1.8, at least |
//! | pending, nodes | a full event / one with 10^2 pending, with 10 nodes | 2.5 |

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "a bench measures the wall clock")]

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::hint::black_box;
use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use criterion::measurement::{Measurement, ValueFormatter};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use partita::explore::{Detail, Point, Shard, Sweep};
use partita::fault::{
    Effect, Fault, Group, Injector, LinkEffect, LinkSelector, NodeEffect, Plan, Selector, Shape, Start, Trigger,
    Which,
};
use partita::host::{
    Builder, Context, CrashKeeps, CrashSettings, CutAt, DiskFault, Drift, HostSettings, Link, LinkFault, Message,
    MessageDeed, MessageFault, Node, NodeId, PanicOn, PlantedPanic, Sign, Simulation, ZoneId,
};
use partita::kernel::{Draw, FateKey, Purpose, Sampler, Span, SplitMix64, Time};
use partita::scenario::{Registry, RunOptions, Scenario};

/// Events in one slice of a measurement.
const SLICE: u64 = 5_000;

/// The time of one side over the time of the other, each over the same number of slices.
struct Ratio;

impl Measurement for Ratio {
    type Intermediate = ();
    type Value = f64;

    fn start(&self) {}
    fn end(&self, (): ()) -> f64 {
        unreachable!("every benchmark measures both sides itself")
    }
    fn add(&self, one: &f64, other: &f64) -> f64 {
        one + other
    }
    fn zero(&self) -> f64 {
        0.0
    }
    fn to_f64(&self, value: &f64) -> f64 {
        *value
    }
    fn formatter(&self) -> &dyn ValueFormatter {
        &Times
    }
}

struct Times;

impl ValueFormatter for Times {
    fn scale_values(&self, _: f64, _: &mut [f64]) -> &'static str {
        "times"
    }
    fn scale_throughputs(&self, _: f64, _: &Throughput, _: &mut [f64]) -> &'static str {
        "times"
    }
    fn scale_for_machines(&self, _: &mut [f64]) -> &'static str {
        "times"
    }
}

/// Lets two sides take turns, and adds the ratio of their times per unit as a benchmark.
fn compare(
    criterion: &mut Criterion<Ratio>,
    group: &str,
    id: &str,
    mut side: impl FnMut() -> f64,
    mut base: impl FnMut() -> f64,
) {
    let mut group = criterion.benchmark_group(group);
    group.bench_function(BenchmarkId::from_parameter(id), |bencher| {
        bencher.iter_custom(|iterations| {
            let (mut this, mut that) = (0.0, 0.0);
            for _ in 0..iterations {
                this += side();
                that += base();
            }
            this / that * iterations as f64
        });
    });
    group.finish();
}

/// The time of one unit of work, if `work` does so many.
fn per_unit(units: u64, work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() / units as f64
}

/// The delay of classic PHOLD: a look-ahead and an exponential.
fn delay() -> Sampler {
    Sampler::exponential(Span::from_millis(1), Span::from_micros(100)).expect("a positive mean")
}

/// A bare event loop: no nodes, no network, no digest.
struct Bare {
    heap: BinaryHeap<Reverse<(u64, u64, u32)>>,
    draws: SplitMix64,
    delay: Sampler,
    fates: FateKey,
    sequence: u64,
    nodes: u64,
    seen: u64,
}

impl Bare {
    fn new(nodes: u32, pending: u32) -> Self {
        let fates = FateKey::new(7, Purpose::new("bare"));
        let (draws, nodes) = (SplitMix64::new(7), u64::from(nodes));
        let mut bare = Self { heap: BinaryHeap::new(), draws, delay: delay(), fates, sequence: 0, nodes, seen: 0 };
        for node in 0..pending {
            bare.push(0, node % nodes as u32);
        }
        bare
    }

    fn push(&mut self, now: u64, from: u32) {
        let to = self.draws.below(self.nodes) as u32;
        let mut draws = self.fates.link(u64::from(from), u64::from(to)).draws(self.sequence);
        let at = now + self.delay.sample(&mut draws).as_nanos();
        self.heap.push(Reverse((at, self.sequence, to)));
        self.sequence += 1;
    }

    fn run(&mut self, events: u64) {
        for _ in 0..events {
            let Some(Reverse((now, _, node))) = self.heap.pop() else { return };
            self.seen = self.seen.wrapping_add(now) ^ u64::from(node);
            self.push(now, node);
        }
        black_box(self.seen);
    }
}

/// A message of 32 bytes.
#[derive(Clone, Debug, Hash)]
struct Ball([u64; 4]);

impl Message for Ball {
    fn kind(&self) -> &'static str {
        "ball"
    }
}

/// Throws every ball that it gets to another player.
#[derive(Clone)]
struct Player {
    serves: u32,
    /// To whom: any of so many players from itself on.
    among: u64,
    players: u64,
    draws: SplitMix64,
}

impl Player {
    fn throw(&mut self, ball: Ball, cx: &mut Context<'_, Self>) {
        let to = (u64::from(cx.me().0) + self.draws.below(self.among)) % self.players;
        cx.send(NodeId(to as u32), ball);
    }
}

impl Node for Player {
    type Message = Ball;
    type Timer = u8;

    fn start(&mut self, cx: &mut Context<'_, Self>) {
        for serve in 0..self.serves {
            self.throw(Ball([u64::from(serve), 0, 0, 0]), cx);
        }
    }

    fn receive(&mut self, _: NodeId, ball: &Ball, cx: &mut Context<'_, Self>) {
        let Ball([a, b, c, d]) = *ball;
        self.throw(Ball([a + 1, b ^ a, c, d]), cx);
    }
}

/// Everything on: boxed services, 32-byte payloads, link latency, a partition to check, the digest.
fn players(nodes: u32, pending: u32, among: u32) -> Simulation {
    let mut builder = Builder::new(7);
    builder.links(Link { latency: delay(), ..Link::default() });
    let placement = vec![ZoneId(0); nodes as usize];
    let (each, more) = (pending / nodes, pending % nodes);
    builder.service("player", &placement, &HostSettings::default(), move |birth| Player {
        serves: each + u32::from(birth.replica < more),
        among: u64::from(among),
        players: u64::from(nodes),
        draws: SplitMix64::new(u64::from(birth.replica)),
    });
    let mut simulation = builder.finish().expect("names are unique");
    // Starts, and the first touch of everything.
    for _ in 0..u64::from(nodes) + 4 * u64::from(pending) {
        simulation.step();
    }
    simulation
}

fn run(simulation: &mut Simulation, events: u64) {
    for _ in 0..events {
        simulation.step();
    }
}

fn phold(criterion: &mut Criterion<Ratio>) {
    for (nodes, pending) in [(100, 100), (1_024, 1_024), (1_024, 16_384), (10_000, 100_000)] {
        let (mut full, mut bare) = (players(nodes, pending, nodes), Bare::new(nodes, pending));
        let side = || per_unit(SLICE, || run(&mut full, SLICE));
        let base = || per_unit(SLICE, || bare.run(SLICE));
        compare(criterion, "phold", &pending.to_string(), side, base);
    }
}

/// Sends everything back.
#[derive(Clone)]
struct Echo {
    window: u32,
}

impl Node for Echo {
    type Message = Ball;
    type Timer = u8;

    fn start(&mut self, cx: &mut Context<'_, Self>) {
        let next = NodeId((cx.me().0 + 1) % cx.replicas().len() as u32);
        for number in 0..self.window {
            cx.send(next, Ball([u64::from(number); 4]));
        }
    }

    fn receive(&mut self, from: NodeId, ball: &Ball, cx: &mut Context<'_, Self>) {
        cx.send(from, ball.clone());
    }
}

fn echoes(nodes: u32, window: u32) -> Simulation {
    let mut builder = Builder::new(7);
    let latency = Sampler::uniform(Span::from_millis(1), Span::from_millis(10)).expect("in order");
    builder.links(Link { latency, ..Link::default() });
    builder.service("echo", &vec![ZoneId(0); nodes as usize], &HostSettings::default(), move |_| Echo { window });
    let mut simulation = builder.finish().expect("names are unique");
    run(&mut simulation, u64::from(nodes) * (1 + 4 * u64::from(window)));
    simulation
}

fn echo(criterion: &mut Criterion<Ratio>) {
    for nodes in [5, 100] {
        let (mut full, mut bare) = (echoes(nodes, 16), Bare::new(1_024, 1_024));
        let side = || per_unit(SLICE, || run(&mut full, SLICE));
        let base = || per_unit(SLICE, || bare.run(SLICE));
        compare(criterion, "echo", &format!("{nodes} nodes"), side, base);
    }
}

/// A fault of each kind of thing that can fail, with this start.
fn one_of_each(start: &Start) -> Plan {
    let replicas = |which| Selector::Replicas { of: "echo".to_owned(), which };
    let nodes = |what| Effect::Nodes { whom: replicas(Which::One), what };
    let links = |what| Effect::Links(LinkEffect::Disturb { links: LinkSelector::All, what });
    let halves = Shape::Groups(vec![Group::Of(replicas(Which::Minority)), Group::Rest]);
    let twice = 2_000_000_000;
    let effects = [
        Effect::Partition { shape: halves, cut_at: CutAt::SendAndArrival },
        links(LinkFault::Loss { ppb: 500_000_000 }),
        links(LinkFault::Clog),
        nodes(NodeEffect::Crash(CrashSettings { silent: false, keeps: CrashKeeps::Everything })),
        nodes(NodeEffect::Pause),
        nodes(NodeEffect::Slow { cpu_ppb: twice, disk_ppb: twice, network_ppb: twice }),
        nodes(NodeEffect::Disk(DiskFault::Slow { factor_ppb: twice })),
        nodes(NodeEffect::ClockDrift(Drift::from_ppb(1_000_000).expect("a small drift"))),
        nodes(NodeEffect::ClockStep { nanos: 1_000_000 }),
        nodes(NodeEffect::Panic(PlantedPanic { on: PanicOn::Anything, nth: 1, times: 1, after: Span::from_secs(1) })),
    ];
    let fault = |(number, what): (usize, Effect)| {
        let lasts = (!what.ends_by_itself()).then_some(Span::from_secs(1));
        Fault { start: start.clone(), ..Fault::new(format!("fault-{number}"), what, Time::ZERO, lasts) }
    };
    Plan { faults: effects.into_iter().enumerate().map(fault).collect() }
}

/// Faults of single messages that never come, one on each of so many links.
fn one_message_each(links: u32) -> Plan {
    let fault = |number: u32| {
        let (from, to) = (NodeId(number % 5), NodeId((number % 5 + 1 + number / 5) % 5));
        let never = MessageFault { from, to, kind: Some("never".to_owned()), nth: 1, deed: MessageDeed::Drop };
        Fault::new(format!("message-{number}"), Effect::Links(LinkEffect::Message(never)), Time::ZERO, None)
    };
    Plan { faults: (0..links).map(fault).collect() }
}

fn faults(criterion: &mut Criterion<Ratio>) {
    let never = Time::ZERO + Span::from_secs(1_000_000_000);
    let when = |sign| Start::When(Trigger { sign, of: Some("echo".to_owned()), times: 1, until: never });
    for (id, plan) in [
        ("one of each waits for its time", one_of_each(&Start::At(never))),
        ("one of each waits for a leader", one_of_each(&when(Sign::Role("leader".to_owned())))),
        ("one of each waits for a kind of message", one_of_each(&when(Sign::Message("never".to_owned())))),
        ("one waits for a message", one_message_each(1)),
        ("eight wait for messages of eight links", one_message_each(8)),
    ] {
        let (mut with, mut without) = (echoes(5, 16), echoes(5, 16));
        let mut injector = Injector::new(plan, 7, &with).expect("a good plan");
        injector.schedule(&mut with);
        let side = || per_unit(SLICE, || run(&mut with, SLICE));
        let base = || per_unit(SLICE, || run(&mut without, SLICE));
        compare(criterion, "faults", id, side, base);
    }
}

fn reuse(criterion: &mut Criterion<Ratio>) {
    const MESSAGES: u64 = 100;
    const RUNS: u64 = 50;
    let (mut reused, mut running, mut seed) = (echoes(5, 1), echoes(5, 1), 0);
    let side = || {
        per_unit(RUNS, || {
            for _ in 0..RUNS {
                seed += 1;
                reused.reset(seed);
                run(&mut reused, 5 + MESSAGES);
            }
        })
    };
    let base = || per_unit(RUNS, || run(&mut running, RUNS * MESSAGES));
    compare(criterion, "reuse", "5 nodes, 100 messages", side, base);
}

fn scale(criterion: &mut Criterion<Ratio>) {
    for exponent in 3..=6 {
        let pending = 10u32.pow(exponent);
        let (mut many, mut few) = (players(100, pending, 100), players(100, 100, 100));
        let side = || per_unit(SLICE, || run(&mut many, SLICE));
        let base = || per_unit(SLICE, || run(&mut few, SLICE));
        compare(criterion, "pending", &format!("10^{exponent}"), side, base);
    }
    // Nodes have ten neighbours each, as those of a large cluster have few; one message per node is under way.
    for exponent in 2..=5 {
        let nodes = 10u32.pow(exponent);
        let (mut many, mut few) = (players(nodes, nodes, 10), players(10, 10, 10));
        let side = || per_unit(SLICE, || run(&mut many, SLICE));
        let base = || per_unit(SLICE, || run(&mut few, SLICE));
        compare(criterion, "nodes", &format!("10^{exponent}"), side, base);
    }
}

/// A replicated log of five replicas under 200 requests a second for a minute.
const LOG: &str = r#"{
    "version": 1, "title": "A replicated log under load", "duration": "60s",
    "network": { "latency": { "lognormal": { "median": "2ms", "p99": "15ms" } } },
    "services": { "store": { "raft": { "replicas": 5, "reads": "read_index" } } },
    "clients": {
        "shoppers": {
            "calls": "store", "arrivals": { "poisson": "200/s" }, "operations": { "read": 0.9, "write": 0.1 },
            "keys": { "zipf": { "count": 100, "exponent": 1.1 } }
        }
    },
    "hypothesis": { "always": ["linearizable", { "lost_writes": { "at_most": 0 } }, { "stale_reads": { "at_most": 0 } }] }
}"#;

fn raft(criterion: &mut Criterion<Ratio>) {
    let scenario = Scenario::parse("log", LOG.as_bytes(), &Registry::standard()).expect("a scenario");
    let run = || scenario.run(RunOptions { seed: 1, keep_trace: false }).expect("a run");
    let (events, mut bare) = (run().events, Bare::new(1_024, 1_024));
    let side = || per_unit(events, || drop(run()));
    let base = || per_unit(SLICE, || bare.run(SLICE));
    compare(criterion, "raft", "5 nodes, 200/s for 60s", side, base);
}

/// What seeds per second are measured with.
const RAFT_200: &str = include_str!("raft-200.json");

fn sweep(criterion: &mut Criterion<Ratio>) {
    const RUNS: u64 = 64;
    let scenario = Scenario::parse("raft-200", RAFT_200.as_bytes(), &Registry::standard()).expect("a scenario");
    let points = vec![Point { values: Vec::new(), scenario }];
    let (shard, detail) = (Shard::WHOLE, Detail::default());
    let sweep = Sweep { points, seeds: 0..RUNS, shard, recheck_one_in: None, detail };
    let jobs = |jobs| {
        per_unit(RUNS, || {
            let mut rows = Vec::new();
            let keep = |row| {
                rows.push(row);
                ControlFlow::Continue(())
            };
            sweep.run(jobs, &BTreeSet::new(), &AtomicBool::new(false), keep).expect("runs");
            black_box(rows);
        })
    };
    compare(criterion, "sweep", "one job / two", || jobs(1), || jobs(2));
}

fn settings() -> Criterion<Ratio> {
    let (warm_up, measurement) = (Duration::from_millis(500), Duration::from_secs(3));
    Criterion::default().with_measurement(Ratio).warm_up_time(warm_up).measurement_time(measurement).sample_size(20)
}

criterion_group! { name = engine; config = settings(); targets = phold, echo, faults, reuse, scale, raft, sweep }
criterion_main!(engine);
