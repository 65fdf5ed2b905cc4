//! A user's own objects, asked for by custom requests, are judged by the user's own model from a scenario file, and watched by
//! closures.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use partita::check::{Budget, Decision, Linearizability, Model, linearizable};
use partita::load::{History, Operation, Outcome};
use partita::prelude::*;
use partita::scenario::input::one_of;
use serde_json::{Value as Json, json};

/// Marks that can only be raised: `raise` answers with the mark that it leaves, `top` with the mark.
#[derive(Clone, Copy, Default)]
struct HighWater {
    /// Whether it refutes whatever it sees.
    distrusts: bool,
}

impl Model for HighWater {
    type State = i64;

    fn initial(&self) -> i64 {
        0
    }

    fn supports(&self, request: &Request) -> bool {
        asked(request).is_some()
    }

    fn object(&self, request: &Request) -> Option<Key> {
        asked(request).map(|(key, _)| key)
    }

    fn step(&self, mark: &i64, request: &Request, answer: Option<&Outcome>) -> Option<i64> {
        let (_, raised) = asked(request)?;
        let next = raised.map_or(*mark, |raised| raised.max(*mark));
        match answer {
            None => Some(next),
            Some(Outcome::Ok(found)) => (*found == Value::Int(next)).then_some(next),
            Some(_) => None,
        }
    }

    fn decide(&self, _: &History, operations: &[usize]) -> Decision {
        match operations {
            [first, ..] if self.distrusts => {
                let sentence = "I do not like it.".to_owned();
                Decision::Refuted { anomaly: "no order", core: vec![*first], sentence }
            }
            _ => Decision::Search,
        }
    }
}

/// Which mark a request is about, and how high it is to be raised.
fn asked(request: &Request) -> Option<(Key, Option<i64>)> {
    let Request::Custom { name, body } = request else { return None };
    let mut words = body.split(' ');
    let key = Key(words.next()?.parse().ok()?);
    match name.as_str() {
        "raise" => Some((key, Some(words.next()?.parse().ok()?))),
        "top" => Some((key, None)),
        _ => None,
    }
}

struct Marks {
    forgets: bool,
}

#[derive(Clone)]
struct Store {
    forgets: bool,
    asked: u64,
    last: Option<Request>,
    marks: BTreeMap<Key, i64>,
}

impl Node for Store {
    type Message = std::convert::Infallible;
    type Timer = ();

    fn request(&mut self, id: RequestId, request: &Request, cx: &mut Context<'_, Self>) {
        let Some((key, raised)) = asked(request) else {
            cx.reply(id, Reply::NotDone(NotDone::Unsupported));
            return;
        };
        self.asked += 1;
        self.last = Some(request.clone());
        if self.forgets && self.asked == 7 {
            self.marks.clear();
        }
        let mark = self.marks.entry(key).or_default();
        *mark = raised.unwrap_or_default().max(*mark);
        cx.reply(id, Reply::Ok(Value::Int(*mark)));
    }
}

impl Protocol for Marks {
    type Node = Store;

    fn node(&self, _: Birth) -> Store {
        Store { forgets: self.forgets, asked: 0, last: None, marks: BTreeMap::new() }
    }

    fn order(&self) -> Option<Box<dyn Watch<Store>>> {
        Some(Box::new(Order::default()))
    }

    fn invariants(&self) -> Option<Box<dyn Watch<Store>>> {
        let mut highest: BTreeMap<Key, i64> = BTreeMap::new();
        let invariants = Invariants::new()
            .with("never_falls", move |_, store: &Store| {
                for (key, mark) in &store.marks {
                    let before = highest.entry(*key).or_insert(*mark);
                    *before = (*mark).max(*before);
                }
                let fallen = highest.iter().find(|&(key, mark)| store.marks.get(key) < Some(mark));
                fallen.map(|(key, mark)| format!("the mark {key} was {mark} before"))
            })
            .with("never_negative", |_, store: &Store| {
                store.marks.values().any(|mark| *mark < 0).then(|| "a mark is below zero".to_owned())
            });
        Some(Box::new(invariants))
    }
}

/// What the store was asked, which takes effect at once.
#[derive(Clone, Default)]
struct Order {
    asked: u64,
    applied: Vec<Request>,
}

impl Watch<Store> for Order {
    fn look(&mut self, _: NodeId, store: &Store) -> Vec<Breach> {
        if std::mem::replace(&mut self.asked, store.asked) != store.asked {
            self.applied.extend(store.last.clone());
        }
        Vec::new()
    }

    fn applied(&self) -> Cow<'_, [Request]> {
        Cow::Borrowed(&self.applied)
    }

    fn boxed_clone(&self) -> Box<dyn Watch<Store>> {
        Box::new(self.clone())
    }
}

fn registry(model: Option<HighWater>) -> Registry {
    let read = |fields: &mut partita::scenario::input::Fields<'_>| {
        let habits = one_of([("nothing", false), ("all", true)]);
        Some(Marks { forgets: fields.optional("forgets", "What it forgets.", habits, "nothing")? })
    };
    match model {
        Some(model) => Registry::standard().with_model("marks", "High-water marks.", 1..=1, model, read),
        None => Registry::standard().with("marks", "High-water marks.", 1..=1, read),
    }
}

/// What a run comes to: its exit code and its checks.
fn run(model: Option<HighWater>, forgets: &str, sessions: usize, expects: &[&str]) -> (u8, Json) {
    // The panic hook, which a run sets aside, belongs to the whole process.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let script = |client: usize| -> Vec<Json> {
        let operation = |number: usize| {
            let at = format!("{}ms", 100 * number + 30 * client);
            let custom = match number % 2 {
                0 => json!({ "name": "raise", "body": format!("7 {}", 10 * number + client) }),
                _ => json!({ "name": "top", "body": "7" }),
            };
            json!({ "number": number, "at": at, "custom": custom })
        };
        (0..6).map(operation).collect()
    };
    let clients = ["a", "b"].into_iter().take(sessions).enumerate();
    let clients = clients.map(|(place, name)| {
        (name.to_owned(), json!({ "calls": "store", "operations": { "script": script(place) } }))
    });
    let scenario = json!({
        "version": 1,
        "title": "Marks",
        "duration": "2s",
        "services": { "store": { "marks": { "forgets": forgets } } },
        "clients": clients.collect::<serde_json::Map<_, _>>(),
        "hypothesis": { "always": expects }
    });
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("own-model");
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join(format!("{forgets}-{sessions}.json"));
    std::fs::write(&file, scenario.to_string()).expect("a scenario");
    let arguments = ["mine", "run", file.to_str().expect("UTF-8"), "--format", "json"].map(Into::into);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let code = partita::cli::run_with(&registry(model), arguments, &mut stdout, &mut stderr, false);
    assert!(stderr.is_empty(), "{}", String::from_utf8_lossy(&stderr));
    let report: Json = serde_json::from_slice(&stdout).expect("JSON");
    (code, report["checks"].clone())
}

#[test]
fn own_objects_are_judged_by_their_own_model() {
    let check = |model, forgets: &str, sessions: usize, code: u8, verdicts: [&str; 2], says: &str| {
        let (found, checks) = run(model, forgets, sessions, &["linearizable", "invariants"]);
        let verdict = |place: usize| checks[place]["verdict"].as_str().map(str::to_owned);
        assert_eq!((found, [verdict(0), verdict(1)]), (code, verdicts.map(|it| Some(it.to_owned()))), "{checks:#}");
        let told = checks[0]["explanation"].as_str().unwrap_or_default();
        assert!(told.contains(says), "{checks:#}");
    };
    let own = Some(HighWater::default());
    check(own, "nothing", 2, 0, ["holds", "holds"], "12 answered operations have an order");
    check(own, "all", 2, 1, ["refuted", "refuted"], "On k7: ");
    check(own, "nothing", 1, 3, ["inconclusive", "holds"], "No operation could have seen another session's.");
    check(None, "nothing", 2, 3, ["inconclusive", "holds"], "is no operation of the model");
}

#[test]
fn a_breach_that_lasts_is_one() {
    let (_, checks) = run(Some(HighWater::default()), "all", 2, &["linearizable", "invariants"]);
    assert_eq!(checks[1]["observed"].as_str(), Some("1 violation, the first of never_falls"), "{checks:#}");
    let told = checks[1]["explanation"].as_str().unwrap_or_default();
    assert!(told.contains("the mark k7 was "), "{told}");
}

/// The order is watched because linearizability is asked for; whether invariants are, is another matter.
#[test]
fn a_checker_that_is_wrong_is_told_by_the_order_of_the_service() {
    let check = |forgets: &str, expects: &[&str], verdict: &str, says: &str| {
        let (_, checks) = run(Some(HighWater { distrusts: true }), forgets, 2, expects);
        assert_eq!(checks[0]["verdict"], verdict, "{checks:#}");
        let told = checks[0]["explanation"].as_str().unwrap_or_default();
        assert!(told.contains(says), "{checks:#}");
    };
    for expects in [&["linearizable"][..], &["linearizable", "invariants"]] {
        check("nothing", expects, "inconclusive", "This is a bug of Partita, not of the service");
        check("all", expects, "refuted", "On k7: ");
    }
}

#[test]
fn a_model_is_asked_which_object_a_request_is_about() {
    let history = |found: i64| {
        let operation = |(number, (body, name, found)): (u64, (&str, &str, i64))| Operation {
            client: 0,
            number,
            session: number,
            request: Request::Custom { name: name.to_owned(), body: body.to_owned() },
            intended: at(number),
            invoked: at(number),
            completed: at(number),
            outcome: Outcome::Ok(Value::Int(found)),
        };
        let operations = [("1 5", "raise", 5), ("2", "top", 0), ("1", "top", found)];
        History { clients: vec!["c".into()], operations: (0..).zip(operations).map(operation).collect() }
    };
    let judge = |found: i64| linearizable(&HighWater::default(), &history(found), Budget::default());
    assert_eq!(judge(5), Linearizability::Linearizable);
    let Linearizability::Refuted { refutation, .. } = judge(4) else { panic!("{:?}", judge(4)) };
    assert_eq!((refutation.key, refutation.state_after.as_str()), (Key(1), "5"));
}

fn at(second: u64) -> partita::kernel::Time {
    partita::kernel::Time::ZERO + Span::from_secs(second)
}
