//! The `clients` part of a scenario: who calls which service, when, with what.

use std::num::{NonZeroU32, NonZeroU64};

use crate::call::Policy;
use crate::host::{Key, Request, Value};
use crate::kernel::{Sampler, Span, Time};
use crate::load::{
    Answers, Arrivals, Generated, Inserts, Keys, Mix, OperationKind, Rate, ScriptedOperation, Spacing, Transactions,
    Workload,
};

use super::distribution::{distribution, weight_ppb};
use super::input::{
    Fields, Kind, Shape, Spanned, bare, boolean, count, either, integer, kind, list, name, number, object, one_of,
    positive_duration, rate, tagged, text,
};
use super::network::empty;
use super::units;

mod transactions;

/// A client as written: names are still names.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) calls: Spanned<String>,
    pub(super) zone: Option<Spanned<String>>,
    pub(super) prefer: Option<Spanned<String>>,
    pub(super) workload: Workload,
    /// Whom each operation of its script asks first, as far as they say so.
    pub(super) asks: Vec<Option<Spanned<String>>>,
    pub(super) timeout: Span,
    pub(super) answers: Answers,
    pub(super) inserts: Inserts,
    pub(super) policy: Policy,
}

pub(super) fn client() -> Shape<Written> {
    object(|fields| {
        let calls = fields.required("calls", "The service that it calls.", name().spanned());
        let zone = fields.maybe("zone", "The zone that it lives in; without it, the first.", name().spanned());
        let prefer = fields.maybe(
            "prefer",
            "The replica that it asks first; without it, its sessions start at one replica after the other.",
            name().spanned(),
        );
        let arrivals = fields.maybe(
            "arrivals",
            "When operations start; not with a script.",
            tagged("arrival process", arrivals()),
        );
        let operations =
            fields.required("operations", "What is asked for: weights by kind, or a script.", object(operations));
        let transactions = fields.maybe(
            "transactions",
            "What transactions consist of; only where \"operations\" has some.",
            object(transactions::transactions),
        );
        let keys =
            fields.optional("keys", "Which objects are asked for.", tagged("choice of keys", keys()), "single");
        let timeout = fields.optional(
            "timeout",
            "How long an operation may take before its outcome is unknown.",
            positive_duration(),
            "1s",
        );
        let usual = Policy::default();
        let attempts =
            fields.optional("attempts", "How often a request is sent at most.", count(1..=100), usual.attempts);
        let resends_writes = fields.optional(
            "resend_writes",
            "Whether a write that may have had an effect is sent again: safe where the service applies it once.",
            boolean(),
            usual.resends_writes,
        );
        let answers = fields.optional(
            "answers",
            "How many replicas are to answer, where the service can be asked for that.",
            object(answers),
            empty(),
        );
        let inserts = fields.optional(
            "inserts",
            "Who puts an element into a set: the service, or the client, which reads, merges what it finds, and writes.",
            one_of([("by_service", Inserts::ByService), ("by_client", Inserts::ByClient)]),
            "by_service",
        );
        let attempt_timeout = fields.maybe(
            "attempt_timeout",
            "How long one attempt waits; without it, the whole timeout.",
            positive_duration(),
        );
        let backoff = fields.optional(
            "backoff",
            "The wait before a replica is asked again.",
            super::input::duration(),
            usual.backoff.to_string(),
        );
        let sessions = fields.maybe(
            "sessions",
            "How many operations it runs at once at most; others wait.",
            count(1..=1_000_000),
        );
        let (arrivals, operations, sessions) = (arrivals?, operations?, sessions?);
        let process = (arrivals, sessions.and_then(NonZeroU32::new));
        let (workload, asks) = workload(fields, process, operations, transactions?, keys?)?;
        Some(Written {
            calls: calls?,
            zone: zone?,
            prefer: prefer?,
            workload,
            asks,
            timeout: timeout?,
            answers: answers?,
            inserts: inserts?,
            policy: Policy {
                attempts: attempts?,
                attempt_timeout: attempt_timeout?,
                backoff: backoff?,
                resends_writes: resends_writes?,
            },
        })
    })
}

/// An operation of a script, and the name of whom it asks first.
type Listed = (ScriptedOperation, Option<Spanned<String>>);

/// Weights, or a script.
type Operations = (Vec<(OperationKind, u64)>, Option<Vec<Listed>>);

fn operations(fields: &mut Fields<'_>) -> Option<Operations> {
    let weights: Vec<_> = OperationKind::ALL
        .into_iter()
        .map(|kind| {
            let doc = format!("How much of it is of kind {}, against the other weights.", kind.name());
            Some((kind, fields.maybe(kind.name(), &doc, number(0.0..=1e6))?))
        })
        .collect();
    let script = fields.maybe("script", "Instead of weights: each operation, one by one.", list(object(scripted)));
    let weights: Option<Vec<_>> = weights.into_iter().collect();
    let given = weights?.into_iter().filter_map(|(kind, weight)| Some((kind, weight_ppb(weight?)))).collect();
    Some((given, script?))
}

fn workload(
    fields: &mut Fields<'_>,
    (arrivals, sessions): (Option<Process>, Option<NonZeroU32>),
    (weights, script): Operations,
    transactions: Option<Transactions>,
    keys: Keys,
) -> Option<(Workload, Vec<Option<Spanned<String>>>)> {
    let has_transactions = weights.iter().any(|&(kind, weight)| kind == OperationKind::Transaction && weight > 0);
    if transactions.is_some() && !has_transactions {
        fields.refuse("transactions", "there are none: \"operations\" has no weight for \"transaction\"");
        return None;
    }
    let process = match (arrivals, script) {
        (None, Some(script)) if weights.is_empty() && sessions.is_none() => {
            let (script, asks) = script.into_iter().unzip();
            return Some((Workload::Scripted(script), asks));
        }
        (_, Some(_)) => {
            let says = "a script says when what is asked for: leave out weights, \"arrivals\" and \"sessions\"";
            fields.refuse("operations", says);
            return None;
        }
        (None, None) => {
            fields.refuse("arrivals", "the field \"arrivals\" is missing: it says when operations start");
            return None;
        }
        (Some(process), None) => process,
    };
    let Some(operations) = Mix::new(&weights) else {
        fields.refuse("operations", "at least one kind of operation needs a weight above 0");
        return None;
    };
    let arrivals = match process {
        Process::Open(rate, spacing) => Arrivals::Open { rate, spacing, sessions },
        Process::Closed(..) if sessions.is_some() => {
            fields.refuse("sessions", "a closed loop says itself how many sessions it has");
            return None;
        }
        Process::Closed(think, sessions) => Arrivals::ClosedLoop { think, sessions },
    };
    let transactions = transactions.unwrap_or_default();
    let generated = Generated { arrivals, operations, transactions, keys, start: Time::ZERO };
    Some((Workload::Generated(generated), Vec::new()))
}

/// What makes operations start, before it is known how many sessions there are.
#[derive(Clone, Debug)]
enum Process {
    Open(Rate, Spacing),
    Closed(Sampler, NonZeroU32),
}

fn arrivals() -> Vec<Kind<Process>> {
    let exact = |rate: units::Rate| {
        NonZeroU64::new(rate.events).and_then(|events| Rate::new(events, rate.per)).ok_or("no rate".to_owned())
    };
    vec![
        kind(
            "constant",
            "At equal intervals, whatever became of the operations before.",
            rate().try_map(exact).map(|rate| Process::Open(rate, Spacing::Constant)),
        ),
        kind(
            "poisson",
            "At random, independent of each other and of the service.",
            rate().try_map(exact).map(|rate| Process::Open(rate, Spacing::Poisson)),
        ),
        kind(
            "closed",
            "So many sessions, each of which waits for its answer, thinks, and asks again.",
            object(|fields| {
                let sessions = fields.required("sessions", "How many.", count(1..=1_000_000));
                let think = fields.optional("think", "How long a session thinks.", distribution(), "0s");
                let sessions = NonZeroU32::new(sessions?)?;
                Some(Process::Closed(think?, sessions))
            }),
        ),
    ]
}

fn keys() -> Vec<Kind<Keys>> {
    let most = 1..=1_000_000_000_000;
    let how_many =
        move |fields: &mut Fields<'_>| fields.required("count", "How many objects there are.", count(most.clone()));
    let (uniform, zipf, sequential) = (how_many.clone(), how_many.clone(), how_many);
    vec![
        bare("single", "Always the same object.", Keys::Single),
        kind(
            "uniform",
            "Every object is equally likely.",
            object(move |fields| Some(Keys::Uniform { count: NonZeroU64::new(uniform(fields)?)? })),
        ),
        kind(
            "zipf",
            "A few objects are asked for much more often than the others.",
            object(move |fields| {
                let count = zipf(fields);
                let exponent =
                    fields.optional("exponent", "How much more often: 0 is uniform.", number(0.0..=10.0), 1.0);
                let zipf = crate::kernel::Zipf::new(count?, exponent?);
                zipf.map_err(|error| fields.refuse("exponent", error.to_string())).ok().map(Keys::Zipf)
            }),
        ),
        kind(
            "sequential",
            "One object after the other, and again from the first.",
            object(move |fields| Some(Keys::Sequential { count: NonZeroU64::new(sequential(fields)?)? })),
        ),
    ]
}

/// More replicas than any service has.
const MOST_ANSWERS: u32 = 1_001;

/// How many replicas are to answer reads and writes.
fn answers(fields: &mut Fields<'_>) -> Option<Answers> {
    let read = fields.maybe("read", "How many replicas are to answer a read.", count(1..=MOST_ANSWERS));
    let write = fields.maybe("write", "How many replicas are to answer a write.", count(1..=MOST_ANSWERS));
    Some(Answers { read: read?, write: write? })
}

/// One operation of a script.
fn scripted(fields: &mut Fields<'_>) -> Option<Listed> {
    let number = fields.required(
        "number",
        "Its number among the client's operations: the stable id is `client-number`.",
        count(0..=u64::MAX >> 1),
    );
    let session = fields.maybe(
        "session",
        "The client's session that runs it, one operation at a time; without it, any that is free.",
        count(0..=u32::MAX),
    );
    let at = fields.required("at", "When it is meant to start.", super::input::duration());
    let request = fields.kind("request", requests());
    let answers = fields.maybe("answers", "How many replicas are to answer this one.", count(1..=MOST_ANSWERS));
    let asks = fields.maybe(
        "asks",
        "The replica that it asks first; without it, the one that answered its session last.",
        name().spanned(),
    );
    let (number, session, request, answers) = (number?, session?, request?, answers?);
    let operation = ScriptedOperation { number, session, at: Time::ZERO + at?, request, answers, asks: None };
    Some((operation, asks?))
}

fn requests() -> Vec<Kind<Request>> {
    let key = |fields: &mut Fields<'_>| Some(Key(fields.required("key", "The object.", count(0..=u64::MAX >> 1))?));
    let others = vec![
        kind(
            "compare_and_set",
            "Write a register if it holds what is expected.",
            object(move |fields| {
                let key = key(fields);
                let expected = fields.required("expected", "What it must hold.", value());
                let new = fields.required("new", "What is written.", value());
                Some(Request::CompareAndSet { key: key?, expected: expected?, new: new? })
            }),
        ),
        kind(
            "insert",
            "Put an element into a set.",
            object(move |fields| {
                let (key, element) = (key(fields), element(fields));
                Some(Request::Insert { key: key?, element: element? })
            }),
        ),
        kind(
            "add",
            "Add to a counter.",
            object(move |fields| {
                let key = key(fields);
                let delta = fields.required("delta", "What is added; may be negative.", integer(i64::MIN..=i64::MAX));
                Some(Request::Add { key: key?, delta: delta? })
            }),
        ),
        kind(
            "enqueue",
            "Put an element at the end of a queue.",
            object(move |fields| {
                let (key, element) = (key(fields), element(fields));
                Some(Request::Enqueue { key: key?, element: element? })
            }),
        ),
        kind(
            "dequeue",
            "Take the element at the head of a queue.",
            object(move |fields| Some(Request::Dequeue { key: key(fields)? })),
        ),
        kind("acquire", "Take a lock.", object(move |fields| Some(Request::Acquire { key: key(fields)? }))),
        kind(
            "release",
            "Give a lock back.",
            object(move |fields| {
                let key = key(fields);
                let token = fields.required("token", "The token of its holder.", integer(i64::MIN..=i64::MAX));
                Some(Request::Release { key: key?, token: token? })
            }),
        ),
        kind(
            "transaction",
            "Several operations that take effect together or not at all.",
            list(tagged("operation of a transaction", transactions::parts())).map(Request::Transaction),
        ),
        kind(
            "custom",
            "Whatever else the service understands: that is up to its kind.",
            object(|fields| {
                let name = fields.required("name", "What is asked for.", text());
                let body = fields.optional("body", "With what.", text(), "");
                Some(Request::Custom { name: name?, body: body? })
            }),
        ),
    ];
    transactions::parts().into_iter().chain(others).collect()
}

fn element(fields: &mut Fields<'_>) -> Option<i64> {
    fields.required("element", "What is put there.", integer(i64::MIN..=i64::MAX))
}

fn value() -> Shape<Value> {
    either(integer(i64::MIN..=i64::MAX).map(Value::Int), one_of([("nil", Value::Nil)]))
}
