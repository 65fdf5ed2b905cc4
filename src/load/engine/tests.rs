//! Clients against a small service of unreliable memory, run as a scenario would run them.

use super::*;
use crate::call::Policy;
use crate::host::{
    Birth, Builder, CausalContext, Context, CrashKeeps, CrashSettings, FaultId, HostSettings, Key, Link, Node,
    NotDone, Request, RequestId, Step, Terms, Value, ZoneId,
};
use crate::kernel::{Draw, Sampler, Span, Zipf};
use crate::load::{
    Answers, Arrivals, Generated, Inserts, Keys, Mix, OperationKind, Outcome, Rate, ScriptedOperation, Spacing,
};
use proptest::prelude::*;
use std::num::{NonZeroU32, NonZeroU64};

mod sessions;

/// A replica that keeps registers in memory, each replica its own.
#[derive(Clone)]
struct Echo {
    mood: Mood,
    registers: BTreeMap<Key, Value>,
    replies: Vec<(RequestId, Reply)>,
}

/// How a replica treats requests.
#[derive(Clone, Debug)]
enum Mood {
    /// It answers at once.
    Prompt,
    /// It answers after so long.
    Slow(Span),
    /// It never answers.
    Silent,
    /// It names another replica.
    Refers(u32),
    /// It serves nothing.
    Refuses(NotDone),
    /// It answers with the terms on which it is asked (session, number, answers, and what was seen), and counts what is
    /// seen.
    Literal,
    /// It hears and says that nobody knows whether it did.
    Vague,
    /// Now this, now that.
    Moody,
}

impl Echo {
    fn serve(&mut self, request: &Request) -> Reply {
        match request {
            Request::Read { key } => Reply::Ok(self.registers.get(key).cloned().unwrap_or_default()),
            Request::Write { key, value } => {
                self.registers.insert(*key, value.clone());
                Reply::Ok(Value::Nil)
            }
            Request::CompareAndSet { key, expected, new } => {
                let found = self.registers.entry(*key).or_default();
                if found != expected {
                    return Reply::No(found.clone());
                }
                *found = new.clone();
                Reply::Ok(Value::Nil)
            }
            _ => Reply::NotDone(NotDone::Unsupported),
        }
    }

    fn serve_after(&mut self, id: RequestId, request: &Request, delay: Span, cx: &mut Context<'_, Self>) {
        let reply = self.serve(request);
        cx.set_timer(self.replies.len() as u64, delay);
        self.replies.push((id, reply));
    }
}

impl Node for Echo {
    type Message = std::convert::Infallible;
    type Timer = u64;

    fn start(&mut self, cx: &mut Context<'_, Self>) {
        cx.ready();
    }

    fn request(&mut self, id: RequestId, request: &Request, cx: &mut Context<'_, Self>) {
        match &self.mood {
            Mood::Prompt => {
                let reply = self.serve(request);
                cx.reply(id, reply);
            }
            &Mood::Slow(delay) => self.serve_after(id, request, delay, cx),
            Mood::Silent => {}
            Mood::Refers(to) => cx.reply(id, Reply::NotDone(NotDone::Redirect(Some(NodeId(*to))))),
            Mood::Refuses(why) => cx.reply(id, Reply::NotDone(why.clone())),
            Mood::Literal => {
                let Terms { idempotency, answers, seen } = cx.terms().clone();
                let key = idempotency.expect("every operation has a key");
                let seen = seen.map_or(0, |seen| seen.0[0].1);
                let terms = [key.session, key.number, answers.unwrap_or(0).into(), seen].map(u64::cast_signed);
                cx.reply_seen(id, Reply::Ok(Value::List(terms.to_vec())), CausalContext(vec![(0, seen + 1)]));
            }
            Mood::Vague => cx.reply(id, Reply::Unknown("vague".to_owned())),
            Mood::Moody => match cx.random().below(12) {
                0 => {}
                1 => cx.reply(id, Reply::NotDone(NotDone::Unavailable)),
                2 => cx.reply(id, Reply::NotDone(NotDone::Redirect(None))),
                3 => cx.reply(id, Reply::Unknown("moody".to_owned())),
                4..8 => {
                    let delay = Span::from_millis(cx.random().below(60));
                    self.serve_after(id, request, delay, cx);
                }
                _ => {
                    let reply = self.serve(request);
                    cx.reply(id, reply);
                }
            },
        }
    }

    fn timer(&mut self, timer: u64, cx: &mut Context<'_, Self>) {
        let (id, reply) = self.replies[timer as usize].clone();
        cx.reply(id, reply);
    }
}

/// Everything about a run but its clients: one replica for each mood, the nodes 0, 1 ..., and then the clients.
#[derive(Clone, Debug)]
struct World {
    seed: u64,
    moods: Vec<Mood>,
    latency: Sampler,
    /// Replica 0 is down from 100 ms to 250 ms.
    crashes: bool,
}

impl World {
    fn new(moods: &[Mood]) -> Self {
        let latency = Sampler::constant(Span::from_millis(1));
        Self { seed: 1, moods: moods.to_vec(), latency, crashes: false }
    }

    fn build(&self, clients: &[ClientSettings]) -> (Load, Simulation) {
        let mut builder = Builder::new(self.seed);
        builder.links(Link { latency: self.latency.clone(), ..Link::default() });
        let moods = self.moods.clone();
        let placement = vec![ZoneId(0); moods.len()];
        let echo = move |birth: Birth| Echo {
            mood: moods[birth.replica as usize].clone(),
            registers: BTreeMap::new(),
            replies: Vec::new(),
        };
        assert_eq!(builder.service("echo", &placement, &HostSettings::default(), echo).count(), placement.len());
        let settings = clients.iter().map(|client| (builder.client(&client.name, ZoneId(0)), client.clone()));
        let load = Load::new(settings.collect(), self.seed).unwrap();
        (load, builder.finish().unwrap())
    }

    /// Runs the clients to the end of everything; answers their recording and the digest of the trace.
    fn run(&self, clients: &[ClientSettings]) -> (Recording, u64) {
        let (mut load, mut simulation) = self.build(clients);
        if self.crashes {
            simulation.tell_at(millis(100), class::FAULT_START, 0);
            simulation.tell_at(millis(250), class::FAULT_END, 0);
        }
        load.schedule(&mut simulation);
        let crash = CrashSettings { silent: false, keeps: CrashKeeps::Nothing };
        loop {
            match simulation.run() {
                Step::Token { class: class::CLIENT, .. } => load.wake(&mut simulation),
                Step::Token { class: class::FAULT_START, .. } => simulation.crash(FaultId(0), NodeId(0), crash),
                Step::Token { .. } => simulation.restart(FaultId(0), NodeId(0)),
                Step::Answer { client, tag, result, seen, .. } => {
                    load.answer(&mut simulation, client, tag, result, seen);
                }
                Step::Ran | Step::Turned { .. } => {}
                Step::Ended(end) => {
                    assert_eq!(end, crate::host::End::Quiet);
                    break;
                }
            }
        }
        assert_eq!(load.open(), 0, "everything has its timeout");
        (load.finish(simulation.now()), simulation.trace().digest().value())
    }
}

const fn millis(milliseconds: u64) -> Time {
    Time::from_nanos(milliseconds * 1_000_000)
}

fn rate(per_second: u64) -> Rate {
    Rate::new(NonZeroU64::new(per_second).unwrap(), Span::from_secs(1)).unwrap()
}

fn open_load(per_second: u64, spacing: Spacing, sessions: u32) -> Arrivals {
    Arrivals::Open { rate: rate(per_second), spacing, sessions: NonZeroU32::new(sessions) }
}

fn closed_load(think_millis: u64, sessions: u32) -> Arrivals {
    let think = Sampler::constant(Span::from_millis(think_millis));
    Arrivals::ClosedLoop { think, sessions: NonZeroU32::new(sessions).unwrap() }
}

/// A client of the nodes 0 to `targets` - 1 for the first half second.
fn client(name: &str, targets: u32, workload: Workload) -> ClientSettings {
    ClientSettings {
        answers: Answers::default(),
        inserts: Inserts::default(),
        name: name.to_owned(),
        targets: (0..targets).map(NodeId).collect(),
        prefer: None,
        policy: Policy { attempts: 20, backoff: Span::from_millis(5), ..Policy::default() },
        timeout: Span::from_millis(40),
        stop: millis(500),
        workload,
    }
}

fn generated(arrivals: Arrivals, keys: Keys) -> Workload {
    let weights = [(OperationKind::Read, 2), (OperationKind::Write, 1), (OperationKind::CompareAndSet, 1)];
    Workload::Generated(Generated {
        arrivals,
        operations: Mix::new(&weights).unwrap(),
        transactions: crate::load::Transactions::default(),
        keys,
        start: millis(10),
    })
}

fn write(number: u64, session: u32, at: u64) -> ScriptedOperation {
    let request = Request::Write { key: Key(number), value: Value::Int(number as i64) };
    ScriptedOperation { number, session: Some(session), at: millis(at), request, answers: None, asks: None }
}

/// The run of a list of clients, each replaced by the script that its recording gives.
fn scripts(clients: &[ClientSettings], recording: &Recording) -> Vec<ClientSettings> {
    let scripted = |(index, client): (u32, &ClientSettings)| ClientSettings {
        workload: Workload::Scripted(recording.script(index)),
        ..client.clone()
    };
    (0..).zip(clients).map(scripted).collect()
}

fn any_keys() -> impl Strategy<Value = Keys> {
    let count = NonZeroU64::new(4).unwrap();
    prop_oneof![
        Just(Keys::Single),
        Just(Keys::Uniform { count }),
        Just(Keys::Sequential { count }),
        Just(Keys::Zipf(Zipf::new(4, 1.1).unwrap())),
    ]
}

fn any_arrivals() -> impl Strategy<Value = Arrivals> {
    prop_oneof![
        (50..400u64, 0..4u32).prop_map(|(rate, limit)| open_load(rate, Spacing::Constant, limit)),
        (50..400u64, 0..4u32).prop_map(|(rate, limit)| open_load(rate, Spacing::Poisson, limit)),
        (0..20u64, 1..4u32).prop_map(|(think, sessions)| closed_load(think, sessions)),
    ]
}

fn any_client(name: &'static str) -> impl Strategy<Value = ClientSettings> {
    let attempt_timeout = prop::option::of(Just(Span::from_millis(15)));
    (any_arrivals(), any_keys(), attempt_timeout, prop::option::of(0..3u32)).prop_map(
        move |(arrivals, keys, attempt_timeout, prefer)| {
            let mut client = client(name, 3, generated(arrivals, keys));
            client.policy.attempt_timeout = attempt_timeout;
            client.prefer = prefer.map(NodeId);
            client
        },
    )
}

fn any_world() -> impl Strategy<Value = World> {
    let latency = prop_oneof![
        Just(Sampler::constant(Span::from_millis(1))),
        Just(Sampler::exponential(Span::from_millis(3), Span::ZERO).unwrap()),
    ];
    let mood = prop_oneof![Just(Mood::Prompt), Just(Mood::Moody), Just(Mood::Refers(2)), Just(Mood::Silent)];
    (any::<u64>(), prop::collection::vec(mood, 3), latency, any::<bool>())
        .prop_map(|(seed, moods, latency, crashes)| World { seed, moods, latency, crashes })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_script_replays_the_run_that_it_was_taken_from(
        world in any_world(),
        clients in (any_client("shoppers"), any_client("robots")).prop_map(|(a, b)| [a, b]),
    ) {
        let (recording, digest) = world.run(&clients);
        prop_assert!(recording.history.operations.len() >= 10);
        let scripted = scripts(&clients, &recording);
        let (replay, digest_of_replay) = world.run(&scripted);
        prop_assert_eq!(&replay, &recording);
        prop_assert_eq!(digest_of_replay, digest);
        prop_assert_eq!(scripts(&clients, &replay), scripted);
    }

    /// Taking operations out of a script changes nothing of what the others ask for, or when, or whom they ask first.
    #[test]
    fn operations_do_not_depend_on_each_other(
        world in any_world(),
        client in any_client("shoppers"),
        keep in prop::collection::vec(any::<bool>(), 50),
    ) {
        let clients = [client];
        let script = world.run(&clients).0.script(0);
        let mut rest = script.clone();
        rest.retain(|operation| keep[operation.number as usize % keep.len()]);
        let workload = Workload::Scripted(rest.clone());
        let (recording, _) = world.run(&[ClientSettings { workload, ..clients[0].clone() }]);
        prop_assert_eq!(recording.script(0), rest.clone());
        let asks: BTreeMap<_, _> = rest.iter().map(|operation| (operation.number, operation.asks)).collect();
        for (operation, contacts) in recording.history.operations.iter().zip(&recording.contacts) {
            prop_assert_eq!(asks[&operation.number], contacts.first().copied());
        }
    }

    /// No client shifts what another asks for, nor when, in an open load; its values only name its place.
    #[test]
    fn clients_do_not_depend_on_each_other(
        world in any_world(),
        arrivals in (50..400u64).prop_map(|rate| open_load(rate, Spacing::Poisson, 0)),
        keys in any_keys(),
        other in any_client("robots"),
    ) {
        let shoppers = client("shoppers", 3, generated(arrivals, keys));
        let asked = |clients: &[ClientSettings], place| -> Vec<_> {
            let script = world.run(clients).0.script(place);
            let about = |op: ScriptedOperation| (op.number, op.at, op.request.kind().to_owned(), op.request.key());
            script.into_iter().map(about).collect()
        };
        prop_assert_eq!(asked(&[other, shoppers.clone()], 1), asked(&[shoppers], 0));
    }
}

#[test]
fn generated_writes_are_unique() {
    let workload = generated(open_load(200, Spacing::Poisson, 0), Keys::Single);
    let clients = [client("shoppers", 1, workload.clone()), client("robots", 1, workload)];
    let (recording, _) = World::new(&[Mood::Prompt]).run(&clients);
    let written: Vec<&Value> = recording
        .history
        .operations
        .iter()
        .filter_map(|operation| match &operation.request {
            Request::Write { value, .. } | Request::CompareAndSet { new: value, .. } => Some(value),
            _ => None,
        })
        .collect();
    let unique: BTreeSet<_> = written.iter().collect();
    assert!(written.len() > 50 && unique.len() == written.len());
}

/// With one client and one register, what a client saw last is what the register holds: every compare-and-set
/// succeeds. With two clients, some find what the other wrote.
#[test]
fn a_compare_and_set_expects_what_its_client_saw_last() {
    let workload = generated(closed_load(1, 1), Keys::Single);
    let refusals = |clients: &[ClientSettings]| {
        let (recording, _) = World::new(&[Mood::Prompt]).run(clients);
        let kinds = recording.history.operations.iter().filter(|operation| operation.request.kind() != "read");
        kinds.filter(|operation| matches!(operation.outcome, Outcome::No(_))).count()
    };
    assert_eq!(refusals(&[client("shoppers", 1, workload.clone())]), 0);
    assert!(refusals(&[client("shoppers", 1, workload.clone()), client("robots", 1, workload)]) > 5);
}

/// Times in milliseconds, session, whom it asked and the outcome of each operation.
fn story(world: &World, settings: ClientSettings) -> Vec<String> {
    let (recording, _) = world.run(&[settings]);
    let tell = |(operation, contacts): (&crate::load::Operation, &Vec<NodeId>)| {
        let at = |time: Time| time.as_nanos() / 1_000_000;
        let contacts: Vec<_> = contacts.iter().map(|node| node.0.to_string()).collect();
        format!(
            "{}: {} {}-{} s{} [{}] {:?}",
            operation.number,
            at(operation.intended),
            at(operation.invoked),
            at(operation.completed),
            operation.session,
            contacts.join(" "),
            operation.outcome
        )
    };
    recording.history.operations.iter().zip(&recording.contacts).map(tell).collect()
}

#[test]
fn clients_find_who_serves() {
    let unavailable = Mood::Refuses(NotDone::Unavailable);
    let check = |moods: &[Mood], expected: &[&str]| {
        let script = Workload::Scripted(vec![write(0, 0, 10), write(1, 0, 30)]);
        assert_eq!(story(&World::new(moods), client("c", moods.len() as u32, script)), expected);
    };
    check(&[Mood::Prompt], &["0: 10 10-12 s0 [0] Ok(Nil)", "1: 30 30-32 s0 [0] Ok(Nil)"]);
    // The driver stays with the leader that it was referred to.
    check(
        &[Mood::Refers(2), Mood::Refers(2), Mood::Prompt],
        &["0: 10 10-14 s0 [0 2] Ok(Nil)", "1: 30 30-32 s0 [2] Ok(Nil)"],
    );
    check(&[unavailable.clone(), Mood::Prompt], &["0: 10 10-14 s0 [0 1] Ok(Nil)", "1: 30 30-32 s0 [1] Ok(Nil)"]);
    // Each 2 ms, and 5 ms after every round of two: four backoffs fit.
    check(
        &[unavailable.clone(), unavailable],
        &[
            "0: 10 10-50 s0 [0 1 0 1 0 1 0 1 0 1] Fail(\"the service is unavailable\")",
            "1: 30 50-90 s0 [0 1 0 1 0 1 0 1 0 1] Fail(\"the service is unavailable\")",
        ],
    );
    check(
        &[Mood::Silent, Mood::Slow(Span::from_millis(3))],
        &["0: 10 10-50 s0 [0] Info(\"no answer in 40ms\")", "1: 30 50-55 s1 [1] Ok(Nil)"],
    );
}

/// Without the operation that was referred to the leader, the next one would ask who refers to it, unless it says whom it asks.
#[test]
fn an_operation_says_whom_it_asks_first() {
    let world = World::new(&[Mood::Refers(2), Mood::Refers(2), Mood::Prompt]);
    let check = |asks: [Option<u32>; 2], expected: [&str; 2]| {
        let operation = |(number, asks): (u64, Option<u32>)| ScriptedOperation {
            asks: asks.map(NodeId),
            ..write(number, 0, 10 + 20 * number)
        };
        let script = Workload::Scripted((0..).zip(asks).map(operation).collect());
        assert_eq!(story(&world, client("c", 3, script)), expected);
    };
    check([None, None], ["0: 10 10-14 s0 [0 2] Ok(Nil)", "1: 30 30-32 s0 [2] Ok(Nil)"]);
    check([Some(1), Some(0)], ["0: 10 10-14 s0 [1 2] Ok(Nil)", "1: 30 30-34 s0 [0 2] Ok(Nil)"]);
    check([Some(2), None], ["0: 10 10-12 s0 [2] Ok(Nil)", "1: 30 30-32 s0 [2] Ok(Nil)"]);
}

#[test]
fn bad_settings_are_errors() {
    let check = |clients: &[ClientSettings], expected: &str| {
        let settings = (7..).map(NodeId).zip(clients.iter().cloned()).collect();
        assert_eq!(Load::new(settings, 1).unwrap_err().to_string(), expected);
    };
    let scripted = |operations: &[ScriptedOperation]| client("c", 1, Workload::Scripted(operations.to_vec()));
    check(&[scripted(&[]), scripted(&[])], "two clients are named \"c\"");
    check(&[client("c", 0, Workload::Scripted(Vec::new()))], "the client \"c\" has nobody to call");
    check(&[scripted(&[write(3, 0, 1), write(3, 1, 2)])], "two operations have the id \"c-3\"");
    check(&[scripted(&[write(3, 0, 500)])], "the operation \"c-3\" starts after the end of the load");
}

#[test]
fn what_is_not_asked_for_is_ignored() {
    let script = Workload::Scripted(vec![write(0, 0, 10)]);
    let (mut load, mut simulation) = World::new(&[Mood::Prompt]).build(&[client("c", 1, script)]);
    let node = simulation.node("c").unwrap();
    load.wake(&mut simulation);
    load.schedule(&mut simulation);
    load.wake(&mut simulation);
    for (client, tag) in [(node, 0), (node, u64::MAX), (NodeId(99), 0)] {
        load.answer(&mut simulation, client, tag, Err(CallError::Timeout), None);
    }
    assert_eq!(load.open(), 0);
    assert_eq!(load.finish(Time::ZERO).history.operations, []);
}
