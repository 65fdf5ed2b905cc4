//! Judges the same histories with our checker and with the linearizability tester of the crate `stateright`, in one process, and
//! prints how long each takes. The tester remembers nothing and copies the history at each step, so it is given so much time
//! and no more.

#[path = "../../checkers/histories.rs"]
#[expect(dead_code, reason = "transactions are not compared")]
mod histories;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use partita::check::{Budget, Linearizability, Register, linearizable};
use partita::host::{Request, Value};
use partita::load::{History, Operation, Outcome};
use stateright::semantics::register::{Register as Peer, RegisterOp, RegisterRet};
use stateright::semantics::{ConsistencyTester, LinearizabilityTester};

/// How long the tester may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Its recursion is as deep as the history is long.
const STACK_BYTES: usize = 1 << 30;

fn number(value: &Value) -> Option<i64> {
    if let Value::Int(number) = value { Some(*number) } else { None }
}

/// The history as the tester takes it: invocations and answers in the order of time, invocations first.
fn tester(history: &History) -> LinearizabilityTester<u64, Peer<Option<i64>>> {
    let events = history.operations.iter().flat_map(|operation| {
        [
            (operation.invoked, false, operation.number, operation),
            (operation.completed, true, operation.number, operation),
        ]
    });
    let mut events: Vec<(_, bool, u64, &Operation)> = events.collect();
    events.sort_by_key(|&(at, is_answer, number, _)| (at, is_answer, number));
    let mut tester = LinearizabilityTester::new(Peer(None));
    for (_, is_answer, _, operation) in events {
        let taken = match (is_answer, &operation.request, &operation.outcome) {
            (false, Request::Write { value, .. }, _) => {
                tester.on_invoke(operation.session, RegisterOp::Write(number(value)))
            }
            (false, ..) => tester.on_invoke(operation.session, RegisterOp::Read),
            (true, Request::Write { .. }, _) => tester.on_return(operation.session, RegisterRet::WriteOk),
            (true, _, Outcome::Ok(found)) => tester.on_return(operation.session, RegisterRet::ReadOk(number(found))),
            (true, ..) => continue,
        };
        taken.expect("sessions run one operation at a time");
    }
    tester
}

/// How long the tester takes to accept the history; `None` if it does not end in time.
fn theirs(history: &History) -> Option<Duration> {
    let tester = tester(history);
    let (done, result) = mpsc::channel();
    let judge = move || {
        let start = Instant::now();
        let is_consistent = tester.is_consistent();
        // Nobody listens any more if it took too long.
        let _ = done.send((is_consistent, start.elapsed()));
    };
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(judge).expect("a thread");
    let (is_consistent, elapsed) = result.recv_timeout(PATIENCE).ok()?;
    assert!(is_consistent, "the history is linearizable");
    Some(elapsed)
}

/// How long our checker takes to accept it, on average.
fn ours(history: &History) -> Duration {
    const TIMES: u32 = 100;
    let start = Instant::now();
    for _ in 0..TIMES {
        let answer = linearizable(&Register::default(), history, Budget::default());
        assert_eq!(answer, Linearizability::Linearizable);
    }
    start.elapsed() / TIMES
}

fn main() {
    println!("sessions operations stateright ours times");
    for sessions in [2, 4, 8] {
        for length in [10, 20, 50, 100, 200, 500, 1_000, 2_000] {
            let history = histories::register(length, sessions, false);
            let ours = ours(&history);
            let Some(theirs) = theirs(&history) else {
                println!("{sessions} {length} more than {PATIENCE:?}, {ours:.1?}");
                break;
            };
            let times = theirs.as_secs_f64() / ours.as_secs_f64();
            println!("{sessions} {length} {theirs:.1?} {ours:.1?} {times:.0}");
        }
    }
}
