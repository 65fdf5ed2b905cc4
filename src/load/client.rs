//! A client: its sessions, each with a connection, and what they know.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::call::{Attempt, Done, Driver, Next, Policy, with_element};
use crate::host::{CallError, CallId, CausalContext, IdempotencyKey, Key, NodeId, Reply, Request, Terms, Value};
use crate::kernel::{Span, StreamClash, Streams, Time};

use super::operations::seen;
use super::plan::{Plan, Planned};
use super::{Answers, Arrivals, ClientSettings, Inserts, Outcome, ScriptedOperation, Workload};

/// A client of a running load.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) node: NodeId,
    pub(super) name: String,
    pub(super) stop: Time,
    pub(super) plan: Plan,
    /// Never empty.
    targets: Arc<[NodeId]>,
    prefer: Option<NodeId>,
    policy: Policy,
    answers: Answers,
    inserts: Inserts,
    timeout: Span,
    /// How many sessions it may have.
    limit: usize,
    sessions: BTreeMap<u32, Session>,
    /// The sessions that can take any operation.
    free: BTreeSet<u32>,
    /// Operations that wait for any session.
    waiting: VecDeque<Planned>,
    /// The last value that it saw of each object.
    seen: BTreeMap<Key, Value>,
    /// The last that it was told to have seen of each object.
    contexts: BTreeMap<Key, CausalContext>,
    /// The number of the next session that it opens, unique in the run.
    next_session: u64,
    /// Whether it has crashed and is still down.
    is_down: bool,
    /// Operations that never started because it crashed, or was down.
    lost: Vec<Planned>,
}

/// How many bits of a session's number count the sessions of one client; the bits above are the client's.
const SESSION_BITS: u32 = 40;

/// One of a client's sessions: it runs one operation at a time, over a connection of its own.
#[derive(Clone, Debug)]
struct Session {
    driver: Driver,
    /// Its number, unique in the run.
    id: u64,
    /// How many operations it began.
    began: u64,
    /// How often it was replaced after an unknown outcome.
    replaced: u32,
    running: Option<Running>,
    /// Operations that wait for this session.
    waiting: VecDeque<Planned>,
}

/// An operation under way.
#[derive(Clone, Debug)]
struct Running {
    planned: Planned,
    invoked: Time,
    /// Whom it asked, attempt by attempt.
    contacts: Vec<NodeId>,
    /// By which calls.
    calls: Vec<CallId>,
    step: Step,
}

/// What an operation asks for at the moment: an insert by the client has two steps, every other operation one.
#[derive(Clone, Debug)]
struct Step {
    request: Request,
    began: Time,
    /// What it has to have seen; `None`: the last that the client has seen of the object.
    seen: Option<CausalContext>,
}

impl Running {
    /// Whether this step only reads what the next one is to write.
    fn is_preparing(&self) -> bool {
        self.step.request.is_read() && !self.planned.request.is_read()
    }

    /// What is written back after the first step of an insert by the client has found this.
    fn next_step(&self, found: &Value) -> Option<Request> {
        match &self.planned.request {
            Request::Insert { key, element } if self.is_preparing() => {
                Some(Request::Write { key: *key, value: with_element(found, *element) })
            }
            _ => None,
        }
    }
}

/// An operation that is over.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub(super) planned: Planned,
    pub(super) session: u32,
    /// How often the session had been replaced before.
    pub(super) replaced: u32,
    pub(super) invoked: Time,
    pub(super) completed: Time,
    pub(super) contacts: Vec<NodeId>,
    pub(super) calls: Vec<CallId>,
    pub(super) outcome: Outcome,
}

/// What a session does after an answer.
#[derive(Debug)]
pub(super) enum Reaction {
    Retry { number: u64, after: Span, attempt: Attempt },
    End(Box<Ended>),
}

impl Client {
    pub(super) fn new(
        index: u32,
        node: NodeId,
        settings: ClientSettings,
        streams: &mut Streams,
    ) -> Result<Self, StreamClash> {
        let plan = Plan::new(index, &settings, streams)?;
        let limit = match &settings.workload {
            Workload::Generated(generated) => match generated.arrivals {
                Arrivals::Open { sessions, .. } => sessions,
                Arrivals::ClosedLoop { sessions, .. } => Some(sessions),
            },
            Workload::Scripted(_) => None,
        };
        let ClientSettings { name, targets, prefer, policy, answers, inserts, timeout, stop, .. } = settings;
        Ok(Self {
            node,
            name,
            stop,
            plan,
            targets: targets.into(),
            prefer,
            policy,
            answers,
            inserts,
            timeout,
            limit: limit.map_or(usize::MAX, |limit| limit.get() as usize),
            sessions: BTreeMap::new(),
            free: BTreeSet::new(),
            waiting: VecDeque::new(),
            seen: BTreeMap::new(),
            contexts: BTreeMap::new(),
            next_session: u64::from(index) << SESSION_BITS,
            is_down: false,
            lost: Vec::new(),
        })
    }

    /// Its process dies, and with it what it knew and what waited. Operations under way end as unknown, nobody waits for them,
    /// and every session is retired: another takes its place, as after any unknown outcome.
    pub(super) fn crash(&mut self, now: Time) -> Vec<Ended> {
        self.is_down = true;
        self.seen.clear();
        self.contexts.clear();
        self.lost.extend(self.waiting.drain(..));
        let mut ended = Vec::new();
        for (&place, session) in &mut self.sessions {
            match session.end(place, Outcome::Info("its client crashed".to_owned()), now) {
                Some(end) => ended.push(end),
                None => session.replaced += 1,
            }
            self.lost.extend(session.waiting.drain(..));
            let first = self.prefer.unwrap_or_else(|| self.targets[place as usize % self.targets.len()]);
            session.driver = Driver::new(first, Arc::clone(&self.targets), self.policy);
            session.id = self.next_session;
            session.began = 0;
            self.next_session += 1;
            self.free.insert(place);
        }
        ended
    }

    /// It starts again.
    pub(super) const fn restart(&mut self) {
        self.is_down = false;
    }

    /// Finds an idle session for an operation that arrives. If there is none, the operation waits; if it is down, it is lost.
    pub(super) fn place(&mut self, planned: Planned) -> Option<(u32, Planned)> {
        if self.is_down {
            self.lost.push(planned);
            return None;
        }
        if let Some(place) = planned.session {
            let session = self.session(place);
            if session.running.is_none() {
                return Some((place, planned));
            }
            session.waiting.push_back(planned);
            return None;
        }
        if let Some(place) = self.free.pop_first() {
            return Some((place, planned));
        }
        let unused = self.sessions.last_key_value().map_or(Some(0), |(last, _)| last.checked_add(1));
        match unused {
            Some(place) if self.sessions.len() < self.limit => Some((place, planned)),
            _ => {
                self.waiting.push_back(planned);
                None
            }
        }
    }

    /// The session of this number, opened if it is not.
    fn session(&mut self, place: u32) -> &mut Session {
        let first = self.first_target(place);
        let Self { sessions, targets, policy, next_session, .. } = self;
        sessions.entry(place).or_insert_with(|| {
            let driver = Driver::new(first, Arc::clone(targets), *policy);
            let id = *next_session;
            *next_session += 1;
            Session { driver, id, began: 0, replaced: 0, running: None, waiting: VecDeque::new() }
        })
    }

    /// Whom a session asks first of all.
    fn first_target(&self, place: u32) -> NodeId {
        self.prefer.unwrap_or_else(|| self.targets[place as usize % self.targets.len()])
    }

    /// An operation that never started, for a script. One that may run on any session is given to the first, which is as
    /// busy as all others are if the operation has to wait; it asks whom its session asks first of all.
    pub(super) fn listed(&self, planned: Planned) -> ScriptedOperation {
        let Planned { number, at, session, request, answers, asks } = planned;
        let session = session.unwrap_or(0);
        let asks = asks.or_else(|| Some(self.first_target(session)));
        ScriptedOperation { number, session: Some(session), at, request, answers, asks }
    }

    /// Starts an operation on an idle session.
    pub(super) fn start(&mut self, place: u32, mut planned: Planned, now: Time) -> Attempt {
        if self.plan.is_generated() {
            self.fill_in(&mut planned.request);
        }
        let request = match planned.request {
            Request::Insert { key, .. } if self.inserts == Inserts::ByClient => Request::Read { key },
            ref other => other.clone(),
        };
        let timeout = self.timeout;
        self.free.remove(&place);
        let session = self.session(place);
        session.began += 1;
        if let Some(target) = planned.asks {
            session.driver.turn_to(target);
        }
        let attempt = session.driver.begin(&request, timeout);
        let step = Step { request, began: now, seen: None };
        session.running = Some(Running { planned, invoked: now, contacts: Vec::new(), calls: Vec::new(), step });
        attempt
    }

    /// Notes that the session's operation is sent to a node; answers what is to be sent, and on which terms.
    pub(super) fn contact(&mut self, place: u32, to: NodeId) -> Option<(Request, Terms)> {
        let session = self.sessions.get_mut(&place)?;
        let running = session.running.as_mut()?;
        running.contacts.push(to);
        let (Step { request, seen, .. }, answers) = (&running.step, running.planned.answers);
        let usual = if request.is_read() { self.answers.read } else { self.answers.write };
        let terms = Terms {
            idempotency: Some(IdempotencyKey { session: session.id, number: session.began }),
            answers: answers.or(usual),
            seen: seen.clone().or_else(|| request.key().and_then(|key| self.contexts.get(&key).cloned())),
        };
        Some((request.clone(), terms))
    }

    /// Notes by which call a session asked.
    pub(super) fn asked(&mut self, place: u32, call: CallId) {
        if let Some(running) = self.sessions.get_mut(&place).and_then(|session| session.running.as_mut()) {
            running.calls.push(call);
        }
    }

    /// Puts what the client has seen of the object into a request that depends on it.
    fn fill_in(&self, request: &mut Request) {
        match request {
            Request::CompareAndSet { key, expected, .. } => {
                *expected = self.seen.get(key).cloned().unwrap_or_default();
            }
            Request::Release { key, token } => {
                if let Some(&Value::Int(given)) = self.seen.get(key) {
                    *token = given;
                }
            }
            _ => {}
        }
    }

    /// Takes the result of a session's last attempt, and what the client has seen of the object by it.
    pub(super) fn react(
        &mut self,
        place: u32,
        result: Result<Reply, CallError>,
        seen_by_it: Option<CausalContext>,
        now: Time,
    ) -> Option<Reaction> {
        let session = self.sessions.get_mut(&place)?;
        let running = session.running.as_mut()?;
        if let Some((key, context)) = running.planned.request.key().zip(seen_by_it.clone()) {
            self.contexts.insert(key, context);
        }
        let number = running.planned.number;
        let outcome = match session.driver.next(result, now.since(running.step.began)) {
            Next::Try { after, attempt } => return Some(Reaction::Retry { number, after, attempt }),
            Next::Done(Done::Ok(value)) => match running.next_step(&value) {
                Some(request) => {
                    let attempt = session.driver.begin(&request, self.timeout - now.since(running.invoked));
                    // Other sessions may have seen more by now than is merged here.
                    running.step = Step { request, began: now, seen: Some(seen_by_it.unwrap_or_default()) };
                    session.began += 1;
                    return Some(Reaction::Retry { number, after: Span::ZERO, attempt });
                }
                None => Outcome::Ok(value),
            },
            Next::Done(Done::No(value)) => Outcome::No(value),
            Next::Done(Done::NotDone(reason)) => Outcome::Fail(reason),
            // Nothing was to be changed yet.
            Next::Done(Done::Unknown(reason)) if running.is_preparing() => Outcome::Fail(reason),
            Next::Done(Done::Unknown(reason)) => Outcome::Info(reason),
        };
        let ended = session.end(place, outcome, now)?;
        if matches!(ended.outcome, Outcome::Info(_)) {
            session.id = self.next_session;
            session.began = 0;
            self.next_session += 1;
        }
        if let Outcome::Ok(found) | Outcome::No(found) = &ended.outcome {
            let took_effect = matches!(ended.outcome, Outcome::Ok(_));
            if let Some((key, value)) = seen(&ended.planned.request, took_effect, found) {
                self.seen.insert(key, value.clone());
            }
        }
        Some(Reaction::End(Box::new(ended)))
    }

    /// The operation that an idle session runs next. If none waits for it, it is free.
    pub(super) fn next_waiting(&mut self, place: u32) -> Option<Planned> {
        let waiting = self.sessions.get_mut(&place)?.waiting.pop_front().or_else(|| self.waiting.pop_front());
        if waiting.is_none() {
            self.free.insert(place);
        }
        waiting
    }

    /// Gives up what is under way, for the run is over, and hands out what has not started.
    pub(super) fn close(&mut self, now: Time) -> (Vec<Ended>, Vec<Planned>) {
        let mut open = Vec::new();
        let mut unstarted = std::mem::take(&mut self.lost);
        unstarted.extend(self.waiting.drain(..));
        for (&place, session) in &mut self.sessions {
            open.extend(session.end(place, Outcome::Info("open when the run ended".to_owned()), now));
            unstarted.extend(session.waiting.drain(..));
        }
        (open, unstarted)
    }
}

impl Session {
    /// Ends what it runs. After an unknown outcome another session takes its place.
    fn end(&mut self, place: u32, outcome: Outcome, now: Time) -> Option<Ended> {
        let Running { planned, invoked, contacts, calls, .. } = self.running.take()?;
        let replaced = self.replaced;
        self.replaced += u32::from(matches!(outcome, Outcome::Info(_)));
        Some(Ended { planned, session: place, replaced, invoked, completed: now, contacts, calls, outcome })
    }
}
