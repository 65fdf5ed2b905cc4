use super::*;
use crate::host::Key;
use proptest::prelude::*;

const READ: Request = Request::Read { key: Key(0) };
const WRITE: Request = Request::Write { key: Key(0), value: Value::Int(7) };
const OK: Result<Reply, CallError> = Ok(Reply::Ok(Value::Nil));
const UNAVAILABLE: Result<Reply, CallError> = Ok(Reply::NotDone(NotDone::Unavailable));
const OVERLOADED: Result<Reply, CallError> = Ok(Reply::NotDone(NotDone::Overloaded));
const REFUSED: Result<Reply, CallError> = Err(CallError::Refused);
const TIMEOUT: Result<Reply, CallError> = Err(CallError::Timeout);
const RESET: Result<Reply, CallError> = Err(CallError::Reset);

fn redirect(to: Option<u32>) -> Result<Reply, CallError> {
    Ok(Reply::NotDone(NotDone::Redirect(to.map(NodeId))))
}

/// Three targets, a 10 ms backoff, six attempts.
fn driver(first: u32) -> Driver {
    let policy = Policy { attempts: 6, attempt_timeout: None, backoff: Span::from_millis(10), resends_writes: false };
    Driver::new(NodeId(first), [0, 1, 2].map(NodeId).into(), policy)
}

/// Plays `results` back, each a millisecond after its attempt, to an operation of 100 ms. Answers the targets in
/// the order of asking (a backoff as `.`) and the end.
fn play(driver: &mut Driver, request: &Request, results: &[Result<Reply, CallError>]) -> String {
    let mut attempt = driver.begin(request, Span::from_millis(100));
    let mut elapsed = Span::ZERO;
    let mut story = attempt.to.0.to_string();
    for result in results {
        elapsed = elapsed + if *result == TIMEOUT { attempt.timeout } else { Span::from_millis(1) };
        match driver.next(result.clone(), elapsed) {
            Next::Try { after, attempt: next } => {
                story += if after.is_zero() { " " } else { " . " };
                story += &next.to.0.to_string();
                elapsed = elapsed + after;
                attempt = next;
            }
            Next::Done(done) => return format!("{story} {done:?}"),
        }
    }
    story
}

fn check(request: &Request, results: &[Result<Reply, CallError>], expected: &str) {
    assert_eq!(play(&mut driver(0), request, results), expected, "{results:?}");
}

#[test]
fn a_write_of_unknown_fate_is_sent_again_only_if_the_policy_says_so() {
    let unknown = Ok(Reply::Unknown("who knows".to_owned()));
    for lost in [RESET, unknown] {
        let mut bold = driver(0);
        bold.policy.resends_writes = true;
        assert_eq!(play(&mut bold, &WRITE, &[lost.clone(), OK]), "0 1 Ok(Nil)");
        assert!(play(&mut driver(0), &WRITE, &[lost]).starts_with("0 Unknown"));
    }
}

#[test]
fn answers_end_an_operation() {
    check(&READ, &[Ok(Reply::Ok(Value::Int(3)))], "0 Ok(Int(3))");
    check(&WRITE, &[Ok(Reply::No(Value::Int(3)))], "0 No(Int(3))");
    check(&WRITE, &[REFUSED, Ok(Reply::No(Value::Nil))], "0 1 No(Nil)");
}

#[test]
fn what_certainly_did_not_happen_is_tried_elsewhere() {
    for setback in [REFUSED, UNAVAILABLE, OVERLOADED, redirect(None)] {
        check(&WRITE, &[setback.clone(), OK], "0 1 Ok(Nil)");
        check(&WRITE, &[setback.clone(), setback.clone(), setback.clone(), OK], "0 1 2 . 0 Ok(Nil)");
    }
}

#[test]
fn attempts_are_limited() {
    let refused = [REFUSED, REFUSED, REFUSED, REFUSED, REFUSED];
    check(&WRITE, &[&refused[..], &[OK]].concat(), "0 1 2 . 0 1 2 Ok(Nil)");
    let end = "0 1 2 . 0 1 2 NotDone(\"the service is unavailable\")";
    check(&WRITE, &[&refused[..], &[UNAVAILABLE]].concat(), end);
    let policy = Policy { attempts: 0, ..Policy::default() };
    let mut once = Driver::new(NodeId(0), [NodeId(0)].into(), policy);
    assert_eq!(play(&mut once, &READ, &[REFUSED]), "0 NotDone(\"the connection was refused\")");
}

#[test]
fn redirects_are_followed_once_a_round() {
    check(&WRITE, &[redirect(Some(2)), OK], "0 2 Ok(Nil)");
    check(&WRITE, &[redirect(Some(2)), redirect(Some(0)), OK], "0 2 1 Ok(Nil)");
    check(&WRITE, &[redirect(Some(2)), redirect(Some(0)), redirect(Some(2)), OK], "0 2 1 . 2 Ok(Nil)");
    check(&WRITE, &[redirect(Some(0)), OK], "0 1 Ok(Nil)");
    // Whom it does not know it does not ask.
    check(&WRITE, &[redirect(Some(99)), OK], "0 1 Ok(Nil)");
}

#[test]
fn an_unknown_fate_is_final_except_for_reads() {
    for (unknown, reason) in [
        (RESET, "the connection was reset"),
        (TIMEOUT, "no answer in 100ms"),
        (Ok(Reply::Unknown("no quorum".to_owned())), "no quorum"),
    ] {
        check(&WRITE, std::slice::from_ref(&unknown), &format!("0 Unknown({reason:?})"));
    }
    check(&WRITE, &[REFUSED, RESET], "0 1 Unknown(\"the connection was reset\")");
    check(&READ, &[RESET, Ok(Reply::Unknown("no quorum".to_owned())), OK], "0 1 2 Ok(Nil)");
    // Once an attempt may have happened, no later refusal makes it certain that none did.
    let refused = [RESET, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED];
    check(&READ, &refused, "0 1 2 . 0 1 2 Unknown(\"the connection was refused\")");
}

#[test]
fn an_unsupported_operation_fails_at_once() {
    let unsupported = Ok(Reply::NotDone(NotDone::Unsupported));
    let end = "0 NotDone(\"the service has no such operation\")";
    check(&WRITE, std::slice::from_ref(&unsupported), end);
}

#[test]
fn it_stays_with_whoever_answered_last() {
    let mut driver = driver(2);
    let mut check = |request: &Request, results: &[_], expected: &str| {
        assert_eq!(play(&mut driver, request, results), expected);
    };
    check(&READ, &[OK], "2 Ok(Nil)");
    check(&READ, &[REFUSED, OK], "2 0 Ok(Nil)");
    check(&READ, &[OK], "0 Ok(Nil)");
    check(&WRITE, &[TIMEOUT], "0 Unknown(\"no answer in 100ms\")");
    check(&WRITE, &[redirect(Some(2)), OK], "1 2 Ok(Nil)");
    check(&WRITE, &[OK], "2 Ok(Nil)");
}

#[test]
fn timeouts_of_attempts_and_of_the_operation() {
    let policy = Policy {
        attempts: 9,
        attempt_timeout: Some(Span::from_millis(30)),
        backoff: Span::from_millis(20),
        resends_writes: false,
    };
    let mut driver = Driver::new(NodeId(0), [0, 1].map(NodeId).into(), policy);
    // 30 and 60 ms; backoff to 80 ms; the 20 ms that are left.
    assert_eq!(play(&mut driver, &READ, &[TIMEOUT, TIMEOUT, TIMEOUT]), "0 1 . 0 Unknown(\"no answer in 100ms\")");
    assert_eq!(play(&mut driver, &WRITE, &[TIMEOUT]), "1 Unknown(\"no answer in 30ms\")");
    // A backoff that would reach the deadline is not waited for.
    let mut hasty = Driver::new(NodeId(0), [NodeId(0)].into(), Policy { backoff: Span::from_millis(99), ..policy });
    assert_eq!(play(&mut hasty, &READ, &[REFUSED]), "0 NotDone(\"the connection was refused\")");
}

#[test]
fn without_a_list_it_knows_only_the_first() {
    let policy = Policy { backoff: Span::from_millis(10), ..Policy::default() };
    let mut driver = Driver::new(NodeId(4), [].into(), policy);
    assert_eq!(play(&mut driver, &READ, &[redirect(Some(1)), REFUSED, OK]), "4 . 4 . 4 Ok(Nil)");
}

fn any_result() -> impl Strategy<Value = Result<Reply, CallError>> {
    let redirects = prop::option::of(0..4u32).prop_map(redirect);
    prop_oneof![Just(OK), Just(REFUSED), Just(RESET), Just(TIMEOUT), Just(UNAVAILABLE), redirects]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the service says: an operation ends within its attempts and its time, never asks a target twice
    /// without a backoff, and its outcome is certain just if every attempt's was.
    #[test]
    fn outcomes_follow_from_the_attempts(
        results in prop::collection::vec(any_result(), 6),
        is_read: bool,
        waits in prop::collection::vec(1..40u64, 6),
    ) {
        let mut driver = driver(1);
        let timeout = Span::from_millis(100);
        let mut attempt = driver.begin(if is_read { &READ } else { &WRITE }, timeout);
        let mut elapsed = Span::ZERO;
        let mut round = vec![attempt.to];
        let mut is_certain = true;
        let mut end = None;
        for (result, wait) in results.into_iter().zip(waits) {
            prop_assert!(elapsed + attempt.timeout <= timeout && !attempt.timeout.is_zero());
            let wait = if result == TIMEOUT { attempt.timeout } else { attempt.timeout.min(Span::from_millis(wait)) };
            elapsed = elapsed + wait;
            let had_no_effect = match &result {
                Ok(reply) => matches!(reply, Reply::NotDone(_)),
                Err(error) => error.certainly_not_done(),
            };
            is_certain &= had_no_effect;
            match driver.next(result, elapsed) {
                Next::Done(done) => {
                    end = Some(done);
                    break;
                }
                Next::Try { after, attempt: next } => {
                    prop_assert!(had_no_effect || is_read, "sent again though it may have happened");
                    if !after.is_zero() {
                        round.clear();
                    }
                    prop_assert!(!round.contains(&next.to));
                    round.push(next.to);
                    elapsed = elapsed + after;
                    attempt = next;
                }
            }
        }
        match end {
            Some(Done::Ok(_) | Done::No(_)) => {}
            Some(Done::NotDone(_)) => prop_assert!(is_certain),
            Some(Done::Unknown(_)) => prop_assert!(!is_certain),
            None => prop_assert!(false, "six attempts and no end"),
        }
    }
}
