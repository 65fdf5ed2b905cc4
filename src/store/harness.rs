//! What the stores' tests share: a service with one client, scripts, chaos, and an oracle for linearizability.

use std::collections::BTreeSet;

use crate::host::{
    Builder, CallError, CausalContext, CrashKeeps, CrashSettings, Cut, CutAt, DiskTiming, FaultId, HostSettings, Key,
    Link, NodeId, NodeSet, Reply, Request, Simulation, Step, Terms, Value, View, ZoneId, class,
};
use crate::kernel::{Draw, Sampler, Span, SplitMix64, Time};

use super::Protocol;

/// The register that scripts use.
pub const X: Key = Key(3);

pub fn read() -> Request {
    Request::Read { key: X }
}

pub fn write(value: i64) -> Request {
    Request::Write { key: X, value: Value::Int(value) }
}

pub fn compare_and_set(expected: i64, new: i64) -> Request {
    Request::CompareAndSet { key: X, expected: Value::Int(expected), new: Value::Int(new) }
}

pub fn found(value: i64) -> Ending {
    Ok(Reply::Ok(Value::Int(value)))
}

pub fn done() -> Ending {
    Ok(Reply::Ok(Value::Nil))
}

/// Hosts whose disks take ten milliseconds to sync, longer than a message to go and its answer to come.
pub fn slow_disks() -> HostSettings {
    let disk = DiskTiming { sync: Sampler::constant(Span::from_millis(10)), ..DiskTiming::default() };
    HostSettings { disk, ..HostSettings::default() }
}

/// How a call ended.
pub type Ending = Result<Reply, CallError>;

/// A request of the client.
#[derive(Clone, Debug)]
pub struct Call {
    pub request: Request,
    pub invoked: Time,
    /// When it ended, and how.
    pub end: Option<(Time, Ending)>,
    /// What the client has seen of the object by it, if the store told.
    pub seen: Option<CausalContext>,
}

/// A service named `store` and a client that talks to any of its replicas.
pub struct Harness {
    pub simulation: Simulation,
    client: NodeId,
    pub calls: Vec<Call>,
    waits: u64,
}

const CALL_TIMEOUT: Span = Span::from_secs(2);

impl Harness {
    /// Starts the replicas, all links taking a millisecond, and lets them get ready.
    pub fn new<P: Protocol>(protocol: P, replicas: usize, host: &HostSettings) -> Self {
        Self::with_links(protocol, replicas, host, &Link::default(), 1)
    }

    /// The same with links of this kind between the replicas.
    pub fn with_links<P: Protocol>(
        protocol: P,
        replicas: usize,
        host: &HostSettings,
        link: &Link,
        seed: u64,
    ) -> Self {
        let mut builder = Builder::new(seed);
        builder.links(link.clone());
        let nodes = builder.service("store", &vec![ZoneId(0); replicas], host, move |birth| protocol.node(birth));
        let client = builder.client("client", ZoneId(0));
        for node in nodes.map(NodeId) {
            builder.link(client, node, Link::default()).link(node, client, Link::default());
        }
        let simulation = builder.finish().expect("the names differ");
        let mut harness = Self { simulation, client, calls: Vec::new(), waits: 0 };
        harness.run_for(Span::from_millis(50));
        harness
    }

    /// Sends a request to a replica; answers its number among the calls.
    pub fn call(&mut self, replica: u32, request: Request) -> usize {
        self.call_on_terms(replica, request, Terms::NONE)
    }

    pub fn call_on_terms(&mut self, replica: u32, request: Request, terms: Terms) -> usize {
        let invoked = self.simulation.now();
        let (number, to, asked) = (self.calls.len(), NodeId(replica), request.clone());
        self.simulation.call_on_terms(self.client, to, asked, terms, CALL_TIMEOUT, number as u64);
        self.calls.push(Call { request, invoked, end: None, seen: None });
        number
    }

    /// Sends a request to a replica and waits for its end.
    pub fn ask(&mut self, replica: u32, request: Request) -> Ending {
        self.ask_on_terms(replica, request, Terms::NONE).0
    }

    /// The same, with what the client has seen by it.
    pub fn ask_on_terms(&mut self, replica: u32, request: Request, terms: Terms) -> (Ending, Option<CausalContext>) {
        let number = self.call_on_terms(replica, request, terms);
        loop {
            self.step();
            if let Call { end: Some((_, result)), seen, .. } = &self.calls[number] {
                return (result.clone(), seen.clone());
            }
        }
    }

    pub fn run_for(&mut self, span: Span) {
        self.waits += 1;
        self.simulation.tell_at(self.simulation.now() + span, class::CHECK, self.waits);
        while self.step() != Some(self.waits) {}
    }

    /// Runs to the next thing that is told, and answers its token.
    fn step(&mut self) -> Option<u64> {
        match self.simulation.run() {
            Step::Answer { tag, result, seen, .. } => {
                let end = Some((self.simulation.now(), result));
                let call = &mut self.calls[tag as usize];
                (call.end, call.seen) = (end, seen);
                None
            }
            Step::Token { token, .. } => Some(token),
            step => panic!("{step:?}"),
        }
    }

    /// Lets replicas crash and their disks lose what `keeps` does not keep, and lets them get ready again.
    pub fn power_cycle(&mut self, replicas: &[u32], keeps: CrashKeeps) {
        replicas.iter().for_each(|&replica| self.crash(replica, keeps));
        self.run_for(Span::from_millis(5));
        replicas.iter().for_each(|&replica| self.restart(replica));
        self.run_for(Span::from_millis(50));
    }

    /// How a call ended.
    pub fn result(&self, call: usize) -> Option<&Ending> {
        self.calls[call].end.as_ref().map(|(_, result)| result)
    }

    pub fn crash(&mut self, replica: u32, keeps: CrashKeeps) {
        // Each crash needs a restart of its own.
        if self.simulation.is_up(NodeId(replica)) {
            self.simulation.crash(FaultId(replica.into()), NodeId(replica), CrashSettings { silent: false, keeps });
        }
    }

    pub fn restart(&mut self, replica: u32) {
        self.simulation.restart(FaultId(replica.into()), NodeId(replica));
    }

    /// Parts the replicas into two groups, until healed; the client reaches both.
    pub fn part(&mut self, group: &[u32], other: &[u32]) {
        let set = |nodes: &[u32]| nodes.iter().copied().map(NodeId).collect::<NodeSet>();
        self.simulation.cut(CUT, Cut::Groups(vec![set(group), set(other)]), CutAt::SendAndArrival);
    }

    pub fn heal(&mut self) {
        self.simulation.heal(CUT);
    }

    pub fn view(&self, replica: u32) -> View {
        self.simulation.observe(NodeId(replica))
    }

    pub fn reached(&self, path: &str) -> bool {
        self.simulation.reached().any(|(name, _)| name == path)
    }
}

const CUT: FaultId = FaultId(1_000);

/// Sends random requests to random replicas while replicas crash and links fail, and answers what the client saw.
pub fn chaos<P: Protocol>(protocol: P, replicas: u32, requests: &[&str], seed: u64) -> Vec<Call> {
    let latency = Sampler::uniform(Span::ZERO, Span::from_millis(4)).expect("an interval");
    let link = Link { latency, loss_ppb: 50_000_000, duplication_ppb: 50_000_000, ..Link::default() };
    let mut harness = Harness::with_links(protocol, replicas as usize, &slow_disks(), &link, seed);
    let mut draws = SplitMix64::new(seed);
    for number in 1..=16 {
        match draws.below(6) {
            0 => harness.crash(draws.below(replicas.into()) as u32, CrashKeeps::Nothing),
            1 => {
                let alone = draws.below(replicas.into()) as u32;
                harness.part(&[alone], &(0..replicas).filter(|&other| other != alone).collect::<Vec<_>>());
            }
            2 => harness.heal(),
            3 => (0..replicas).for_each(|replica| harness.restart(replica)),
            _ => {}
        }
        let request = match requests[draws.below(requests.len() as u64) as usize] {
            "read" => read(),
            "write" => write(number),
            _ => compare_and_set(draws.below(number as u64) as i64, number),
        };
        harness.call(draws.below(replicas.into()) as u32, request);
        harness.run_for(Span::from_micros(draws.below(6_000)));
    }
    harness.heal();
    (0..replicas).for_each(|replica| harness.restart(replica));
    harness.run_for(CALL_TIMEOUT);
    harness.ask(0, read()).expect("all is healed");
    harness.calls
}

/// What a call says to the oracle.
struct Effect<'a> {
    request: &'a Request,
    invoked: Time,
    /// When the answer came, and what it was; the end of time, if the effect may come at any time.
    completed: Time,
    answer: Option<&'a Reply>,
}

impl Effect<'_> {
    /// What the register holds after it, if it could have been answered so before.
    fn after(&self, held: &Value) -> Option<Value> {
        let (answer, next) = match self.request {
            Request::Write { value, .. } => (Reply::Ok(Value::Nil), value.clone()),
            Request::CompareAndSet { expected, new, .. } if held == expected => (Reply::Ok(Value::Nil), new.clone()),
            Request::CompareAndSet { .. } => (Reply::No(held.clone()), held.clone()),
            _ => (Reply::Ok(held.clone()), held.clone()),
        };
        self.answer.is_none_or(|given| *given == answer).then_some(next)
    }
}

/// Whether there is an order of the calls, one after the other, that explains every answer (Wing and Gong, Testing and
/// Verifying Concurrent Objects, 1993, with states that were seen before left out).
pub fn is_linearizable(calls: &[Call]) -> bool {
    let effects: Vec<_> = calls.iter().filter_map(effect).collect();
    assert!(effects.len() <= 64, "one bit for each call");
    let mut seen = BTreeSet::new();
    let mut open = vec![(0u64, Value::Nil)];
    while let Some((taken, held)) = open.pop() {
        let rest = || (0..effects.len()).filter(|bit| taken >> bit & 1 == 0);
        let Some(deadline) = rest().filter(|&i| effects[i].answer.is_some()).map(|i| effects[i].completed).min()
        else {
            return true;
        };
        for i in rest().filter(|&i| effects[i].invoked <= deadline) {
            if let Some(next) = effects[i].after(&held)
                && seen.insert((taken | 1 << i, next.clone()))
            {
                open.push((taken | 1 << i, next));
            }
        }
    }
    false
}

/// `None` for a call that certainly had no effect.
fn effect(call: &Call) -> Option<Effect<'_>> {
    let (completed, answer) = match call.end.as_ref() {
        Some((_, Ok(Reply::NotDone(_)) | Err(CallError::Refused))) => return None,
        // A write that was aborted.
        Some((_, Ok(Reply::No(_)))) if matches!(call.request, Request::Write { .. }) => return None,
        Some((at, Ok(reply @ (Reply::Ok(_) | Reply::No(_))))) => (*at, Some(reply)),
        _ => (Time::MAX, None),
    };
    Some(Effect { request: &call.request, invoked: call.invoked, completed, answer })
}
