//! A user's own kind of service is held to the contracts of queues, counters, locks, ids and leaders from a scenario file: each
//! vice is found by the check that is meant for it, and without it the same scenario holds.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use partita::prelude::*;
use partita::scenario::input::one_of;
use serde_json::{Value as Json, json};

/// How a toy misbehaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Vice {
    None,
    /// Every fifth element is dropped.
    Loses,
    /// Every fifth element is given to whoever asks next, too, before the first has it.
    Doubles,
    /// The last element comes out first.
    Swaps,
    /// Every fifth element is put back some time after it was taken.
    Redelivers,
    /// Every fifth element that comes out was made up.
    Invents,
    /// Every fifth addition counts twice.
    Overcounts,
    /// Ids come again after ten.
    Repeats,
    /// Whoever asks gets the lock.
    Shares,
    /// Tokens count down.
    CountsDown,
    /// Every replica says that it leads.
    Usurps,
}

const VICES: [(&str, Vice); 11] = [
    ("none", Vice::None),
    ("loses", Vice::Loses),
    ("doubles", Vice::Doubles),
    ("swaps", Vice::Swaps),
    ("redelivers", Vice::Redelivers),
    ("invents", Vice::Invents),
    ("overcounts", Vice::Overcounts),
    ("repeats", Vice::Repeats),
    ("shares", Vice::Shares),
    ("counts_down", Vice::CountsDown),
    ("usurps", Vice::Usurps),
];

struct Toys(Vice);

/// A queue, a counter, a lock and a source of ids, in memory.
#[derive(Clone)]
struct Toy {
    vice: Vice,
    requests: u64,
    queue: VecDeque<i64>,
    /// What somebody was given, and the next one gets too.
    doubled: Option<i64>,
    /// What comes back when something else has been taken.
    returning: Option<i64>,
    sum: i64,
    holder: Option<i64>,
    given: i64,
}

impl Toy {
    fn dequeue(&mut self, is_fifth: bool) -> Value {
        if let Some(element) = self.doubled.take() {
            return Value::Int(element);
        }
        let taken = match self.vice {
            Vice::Swaps => self.queue.pop_back(),
            Vice::Invents if is_fifth => return Value::Int(-1),
            _ => self.queue.pop_front(),
        };
        let Some(element) = taken else { return Value::Nil };
        match self.vice {
            Vice::Doubles if is_fifth => self.doubled = Some(element),
            Vice::Redelivers if is_fifth => self.returning = Some(element),
            _ => self.queue.extend(self.returning.take()),
        }
        Value::Int(element)
    }

    fn serve(&mut self, request: &Request) -> Reply {
        self.requests += 1;
        let is_fifth = self.requests.is_multiple_of(5);
        let found = match *request {
            Request::Enqueue { .. } if self.vice == Vice::Loses && is_fifth => Value::Nil,
            Request::Enqueue { element, .. } => {
                self.queue.push_back(element);
                Value::Nil
            }
            Request::Dequeue { .. } => self.dequeue(is_fifth),
            Request::Add { delta, .. } => {
                self.sum += if self.vice == Vice::Overcounts && is_fifth { 2 * delta } else { delta };
                Value::Nil
            }
            Request::Read { .. } => Value::Int(self.sum),
            Request::Acquire { .. } if self.holder.is_some() && self.vice != Vice::Shares => {
                return Reply::No(Value::Nil);
            }
            Request::Acquire { .. } => {
                self.given += if self.vice == Vice::CountsDown { -1 } else { 1 };
                self.holder = Some(self.given);
                Value::Int(self.given)
            }
            Request::Release { token, .. } if self.holder == Some(token) => {
                self.holder = None;
                Value::Nil
            }
            Request::Release { .. } => return Reply::No(Value::Nil),
            Request::Custom { .. } => {
                self.given += 1;
                Value::Int(if self.vice == Vice::Repeats { self.given % 10 } else { self.given })
            }
            _ => return Reply::NotDone(NotDone::Unsupported),
        };
        Reply::Ok(found)
    }
}

impl Node for Toy {
    type Message = std::convert::Infallible;
    type Timer = ();

    fn start(&mut self, cx: &mut Context<'_, Self>) {
        if self.vice == Vice::Usurps || cx.replicas().next() == Some(cx.me()) {
            cx.role("leader", 7);
        }
        cx.ready();
    }

    fn request(&mut self, id: RequestId, request: &Request, cx: &mut Context<'_, Self>) {
        let reply = self.serve(request);
        cx.reply(id, reply);
    }

    fn observe(&self, view: &mut View) {
        view.entry(Key(0), 0, Value::List(self.queue.iter().copied().chain(self.doubled).collect()));
    }
}

impl Protocol for Toys {
    type Node = Toy;

    fn node(&self, _: Birth) -> Toy {
        Toy {
            vice: self.0,
            requests: 0,
            queue: VecDeque::new(),
            doubled: None,
            returning: None,
            sum: 0,
            holder: None,
            given: 0,
        }
    }
}

fn registry() -> Registry {
    Registry::standard().with("toys", "Toys that misbehave.", 1..=3, |fields| {
        Some(Toys(fields.optional("vice", "How they misbehave.", one_of(VICES), "none")?))
    })
}

/// What a run of the toys comes to: its exit code and its report.
fn play(name: &str, vice: &str, operations: &Json, expectation: &Json) -> (u8, Json) {
    // The panic hook, which a run sets aside, belongs to the whole process.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut client = json!({ "calls": "toys", "prefer": "toys-0", "operations": operations });
    if operations.get("script").is_none() {
        client["arrivals"] = json!({ "poisson": "200/s" });
    }
    let scenario = json!({
        "version": 1,
        "title": "Toys",
        "duration": "2s",
        "network": { "latency": { "uniform": { "low": "1ms", "high": "9ms" } } },
        "services": { "toys": { "toys": { "vice": vice, "replicas": 2 } } },
        "clients": { "a": client },
        "hypothesis": { "always": [expectation] }
    });
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("contracts");
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join(format!("{name}-{vice}.json"));
    std::fs::write(&file, scenario.to_string()).expect("a scenario");
    let arguments = ["partita", "run", file.to_str().expect("UTF-8"), "--format", "json"].map(Into::into);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let code = partita::cli::run_with(&registry(), arguments, &mut stdout, &mut stderr, false);
    assert!(stderr.is_empty(), "{}", String::from_utf8_lossy(&stderr));
    (code, serde_json::from_slice(&stdout).expect("JSON"))
}

#[test]
fn each_vice_is_found_by_its_check() {
    let check = |operations: Json, expectation: Json, vice: &str, says: &str| {
        let name = expectation.as_str().map_or_else(
            || expectation.as_object().and_then(|kind| kind.keys().next()).expect("a kind").clone(),
            str::to_owned,
        );
        let (code, report) = play(&name, "none", &operations, &expectation);
        assert_eq!(code, 0, "{name}: {:#}", report["checks"]);
        let (code, report) = play(&name, vice, &operations, &expectation);
        let found = &report["checks"][0];
        assert_eq!((code, found["name"].as_str()), (1, Some(name.as_str())), "{vice}: {:#}", report["checks"]);
        assert!(found["observed"].as_str().is_some_and(|observed| observed.contains(says)), "{vice}: {found:#}");
    };
    let queue = json!({ "enqueue": 1, "dequeue": 1 });
    let alone = json!({ "queue": {} });
    check(queue.clone(), alone.clone(), "loses", " lost");
    check(queue.clone(), alone.clone(), "doubles", " duplicated");
    check(queue.clone(), alone.clone(), "swaps", " reordered");
    check(queue.clone(), alone.clone(), "redelivers", " redelivered");
    check(queue.clone(), alone, "invents", " unexpected");
    check(queue, json!("linearizable"), "swaps", "k0 is not linearizable");
    let counter = json!({ "add": 1, "read": 1 });
    check(counter.clone(), json!({ "counter_bounds": { "at_least": 0 } }), "overcounts", " out of bounds");
    check(counter, json!("linearizable"), "overcounts", "k0 is not linearizable");
    let lock = json!({ "acquire": 1, "release": 1 });
    check(lock.clone(), json!("linearizable"), "shares", "k0 is not linearizable");
    check(lock.clone(), json!("linearizable"), "counts_down", "k0 is not linearizable");
    check(lock.clone(), json!("mutual_exclusion"), "shares", " while another one held the lock");
    check(lock, json!("mutual_exclusion"), "counts_down", " that did not grow");
    let generate = |number: u64| json!({ "number": number, "at": format!("{}ms", 20 * number), "custom": { "name": "generate" } });
    let ids = json!({ "script": (0..20).map(generate).collect::<Vec<_>>() });
    check(ids.clone(), json!("unique_ids"), "repeats", "10 ids twice");
    check(ids.clone(), json!("one_leader_per_epoch"), "usurps", "1 epoch with two leaders");
    let leaders = json!({ "in_role": { "role": "leader", "at_most": 1, "per": "epoch" } });
    check(ids, leaders, "usurps", "up to 2 per epoch");
}

#[test]
fn a_queue_may_break_its_contract_as_often_as_it_is_allowed_to() {
    let queue = json!({ "enqueue": 1, "dequeue": 1 });
    let allowed = |redelivered: u64, reordered: u64| json!({ "queue": { "redelivered": redelivered, "reordered": reordered, "duplicated": reordered } });
    let check =
        |limits: Json, code: u8| assert_eq!(play("allowed", "redelivers", &queue, &limits).0, code, "{limits}");
    check(allowed(1_000, 1_000), 0);
    check(allowed(3, 1_000), 1);
}
