use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::check::testing::{
    brute_force, brute_force_in_sessions, cases, draws, history, of_plain_operations, perform, value,
};
use crate::host::{Key, Request};
use crate::kernel::Time;
use crate::load::{Operation, Outcome};

const SECOND: u64 = 1_000_000_000;

/// Every model with the letter that the table has for it.
fn models() -> Vec<(char, Consistency)> {
    let [own, reads, writes, follow] = Guarantees::EACH.map(Consistency::Session);
    vec![
        ('L', Consistency::Linearizable),
        ('S', Consistency::Sequential),
        ('C', Consistency::Causal),
        ('A', Consistency::ReadAtomic),
        ('R', Consistency::ReadCommitted),
        ('y', own),
        ('r', reads),
        ('w', writes),
        ('f', follow),
        ('2', Consistency::KAtomic(2)),
    ]
}

fn judge(consistency: Consistency, history: &History) -> Consistent {
    consistency.judge(&Value::Nil, history, Budget::default())
}

#[test]
fn histories_of_the_literature_have_their_place() {
    let mut wrong = Vec::new();
    let mut check = |source: &str, expected: &str, text: &str| {
        let history = history(text);
        let holds = |(_, model): &(char, Consistency)| matches!(judge(*model, &history), Consistent::Yes(_));
        let found: String = models().into_iter().filter(holds).map(|(letter, _)| letter).collect();
        if found != expected {
            wrong.push(format!("{source}: {expected} is {found}"));
        }
    };
    check("nothing", "LSCARyrwf2", "");
    check("one after the other", "LSCARyrwf2", "1 w1 ok 0 1\n2 r ok1 2 3\n2 w2 ok 4 5\n1 r ok2 6 7");
    // Herlihy and Shavit 2008, figure 3.7: sequential, not linearizable.
    check("late", "SCARyrwf2", "1 w7 ok 0 1\n2 w3 ok 2 3\n1 r ok7 4 5\n2 r ok7 6 7");
    // Sequential consistency is not local: Herlihy and Wing 1990, section 3.3. Each object alone is sequential.
    check(
        "two queues, as registers",
        "Ryrwf2",
        "1 w1@1 ok 0 1\n1 w1@2 ok 2 3\n1 r@2 ok2 4 5\n2 w2@2 ok 0 1\n2 w2@1 ok 2 3\n2 r@1 ok1 4 5",
    );
    // Dekker's algorithm under store buffering, and independent readers of independent writes: causal, not sequential.
    check("store buffering", "CARyrwf2", "1 w1@1 ok 0 1\n1 r@2 ok0 2 3\n2 w1@2 ok 0 1\n2 r@1 ok0 2 3");
    check(
        "independent reads of independent writes",
        "CARyrwf2",
        "1 w1@1 ok 0 1\n2 w1@2 ok 0 1\n3 r@1 ok1 2 3\n3 r@2 ok0 4 5\n4 r@2 ok1 2 3\n4 r@1 ok0 4 5",
    );
    // Ahamad et al. 1995 let two readers see concurrent writes in two orders. With one order of all writes both readers
    // cannot be monotonic.
    check("two orders", "ARywf2", "1 w1 ok 0 1\n2 w2 ok 0 1\n3 r ok1 2 3\n3 r ok2 4 5\n4 r ok2 2 3\n4 r ok1 4 5");
    // Terry et al. 1994: each guarantee's absence.
    check("read your writes", "Rrwf2", "1 w1 ok 0 1\n1 r ok0 2 3");
    check("monotonic reads", "ARywf2", "1 w1 ok 0 1\n2 r ok1 2 3\n2 r ok0 4 5");
    check("monotonic writes", "ARyrwf2", "1 w1@1 ok 0 1\n1 w1@2 ok 2 3\n2 r@2 ok1 4 5\n2 r@1 ok0 6 7");
    check(
        "writes follow reads",
        "ARyrwf2",
        "1 w1@1 ok 0 1\n2 r@1 ok1 2 3\n2 w1@2 ok 4 5\n3 r@2 ok1 6 7\n3 r@1 ok0 8 9",
    );
    check("back and forth", "ARywf2", "1 w1 ok 0 1\n1 w2 ok 2 3\n2 r ok2 4 5\n2 r ok1 6 7\n2 r ok2 8 9");
    // Adya 1999, G1a and values from nowhere; and effects before their causes.
    check("aborted read", "", "1 w1 fail 0 1\n2 r ok1 2 3");
    check("out of thin air", "", "2 r ok1 2 3");
    check("own future", "", "1 r ok1 0 1\n1 w1 ok 2 3");
    check("cyclic information flow", "", "1 r@1 ok1 0 1\n1 w1@2 ok 2 3\n2 r@2 ok1 0 1\n2 w1@1 ok 2 3");
    // Staleness in versions.
    check("one behind", "SCARyrwf2", "1 w1 ok 0 1\n1 w2 ok 2 3\n2 r ok1 4 5");
    check("two behind", "SCARyrwf", "1 w1 ok 0 1\n1 w2 ok 2 3\n1 w3 ok 4 5\n2 r ok1 6 7");
    // An unknown write may come late or never, and a session ends with it.
    check("unknown, seen", "LSCARyrwf2", "1 w1 info 0 1\n2 r ok0 2 3\n2 r ok1 4 5");
    check("unknown, gone again", "ARywf2", "1 w1 info 0 1\n2 r ok1 2 3\n2 r ok0 4 5");
    check("unknown change of an unknown write", "LSCARyrwf2", "1 w1 info 0 1\n2 c1>2 info 2 3\n3 r ok2 4 5");
    // Lost update: allowed by causal consistency, not by the models above.
    check("lost update", "CARyrwf", "1 w1 ok 0 1\n2 c1>2 ok 2 3\n3 c1>3 ok 2 3");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_refutation_is_told_edge_by_edge() {
    let check = |model: Consistency, text: &str, expected: &str| match judge(model, &history(text)) {
        Consistent::No { explanation, .. } => assert_eq!(explanation, expected),
        answer => panic!("{answer:?}"),
    };
    check(
        Consistency::Causal,
        "1 w1 ok 0 1\n1 r ok0 2 3",
        "This breaks read your writes. s-1 reads nil (2s to 3s), but has to see s-0 writes 1 (0s, acknowledged at 1s) of \
         its own session.",
    );
    check(
        Consistency::Causal,
        "1 w1@1 ok 0 1\n2 r@1 ok1 2 3\n2 w1@2 ok 4 5\n3 r@2 ok1 6 7\n3 r@1 ok0 8 9",
        "This breaks monotonic reads and writes follow reads. s-4 reads nil (8s to 9s), but has to see s-0 writes 1 (0s, \
         acknowledged at 1s) by way of s-3 reads 1 (6s to 7s), s-2 writes 1 (4s, acknowledged at 5s) and s-1 reads 1 (2s \
         to 3s).",
    );
    check(
        Consistency::Sequential,
        "1 w1 ok 0 1\n1 w2 ok 2 3\n2 r ok2 4 5\n2 r ok1 6 7",
        "This breaks monotonic reads and monotonic writes. No order of the writes explains the reads: s-0 writes 1 (0s, \
         acknowledged at 1s) has to come before s-1 writes 2 (2s, acknowledged at 3s), since one session wrote both; and \
         s-1 writes 2 (2s, acknowledged at 3s) has to come before s-0 writes 1 (0s, acknowledged at 1s), since s-3 reads 1 \
         (6s to 7s) and has to see the former by way of s-2 reads 2 (4s to 5s).",
    );
    check(
        Consistency::Sequential,
        "1 w1@1 ok 0 1\n1 r@2 ok0 2 3\n2 w1@2 ok 0 1\n2 r@1 ok0 2 3\n3 r@1 ok0 0 1",
        "No order that keeps each session's own explains 4 operations: s-0 writes 1 (0s, acknowledged at 1s), s-2 writes 1 \
         (0s, acknowledged at 1s), s-1 reads nil (2s to 3s) and s-3 reads nil (2s to 3s).",
    );
    check(
        Consistency::ReadCommitted,
        "1 r@1 ok1 0 1\n1 w1@2 ok 2 3\n2 r@2 ok1 0 1\n2 w1@1 ok 2 3",
        "Something was read from its own future, each after the one before: s-0 reads 1 (0s to 1s); s-1 writes 1 (2s, \
         acknowledged at 3s); s-2 reads 1 (0s to 1s); s-3 writes 1 (2s, acknowledged at 3s); s-0 reads 1 (0s to 1s).",
    );
    check(
        Consistency::DeltaAtomic(Span::from_secs(4)),
        "1 w1 ok 0 1\n1 w2 ok 2 3\n2 r ok1 8 9",
        "Only a delay of 5s explains every read. Had reads begun that much earlier, still: On k0: s-2 reads 1 (4s to 9s), \
         but 2 was written and acknowledged before it began: s-1 writes 2 (2s, acknowledged at 3s); 1 is older: s-0 writes \
         1 (0s, acknowledged at 1s).",
    );
}

#[test]
fn the_least_delay_is_exact() {
    let check = |text: &str, expected: Result<Option<u64>, &str>| {
        let found = least_delay(&Register::default(), &history(text), Budget::default());
        let expected = expected.map(|delay| delay.map(Span::from_nanos)).map_err(str::to_owned);
        assert_eq!(found, expected, "{text}");
    };
    check("", Ok(Some(0)));
    check("1 w1 ok 0 1\n2 r ok1 2 3", Ok(Some(0)));
    // What touches is concurrent, so to begin at the end of the newer write is enough.
    check("1 w1 ok 0 1\n1 w2 ok 2 3\n2 r ok1 8 9", Ok(Some(5 * SECOND)));
    check("1 w1 ok 0 1\n2 r ok0 9 9", Ok(Some(8 * SECOND)));
    check("1 w1 ok 0 1\n2 r ok1 4 5\n2 r ok0 9 9", Ok(Some(8 * SECOND)));
    check("1 w1 ok 0 1\n2 r ok7 2 3", Ok(None));
    // However early the second read had begun, the first one was over when its session wrote what it found.
    check("1 c0>1 ok 0 0\n2 r ok2 0 1\n2 w2 ok 1 1\n2 r ok2 1 2", Ok(None));
    // The first read, begun earlier, overlaps with what its session wrote at one instant before.
    check("2 w5 ok 0 1\n2 w6 ok 1 1\n2 r ok6 3 4\n3 r ok5 9 10", Ok(Some(8 * SECOND)));
    check("1 a5 ok 0 1", Err("s-0 (add 5 to k0) is no operation of the model"));
}

#[test]
fn what_cannot_be_judged_is_unknown() {
    let check = |model: Consistency, text: &str, budget: Budget, expected: &str| {
        let answer = model.judge(&Value::Nil, &history(text), budget);
        assert_eq!(answer, Consistent::Unknown { why: expected.into() }, "{model}");
    };
    let fine = Budget::default();
    let twice = "3 was written more than once to k0, so what was read tells not from whom";
    check(Consistency::Causal, "1 w3 ok 0 1\n2 w3 ok 0 1\n3 r ok3 2 3", fine, twice);
    let foreign = "s-0 (add 5 to k0) is no operation of a register";
    check(Consistency::ReadCommitted, "1 a5 ok 0 1", fine, foreign);
    let text = "1 w1 ok 0 1\n2 w2 ok 0 1\n3 r ok1 2 3\n4 r ok2 2 3";
    let spent = "the budget was spent before it was certain";
    check(Consistency::Causal, text, Budget { steps: 1, ..fine }, spent);
    check(Consistency::Sequential, text, Budget { entries: 1, ..fine }, spent);
    static CANCELLED: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(true);
    for model in [Consistency::Sequential, Consistency::Causal, Consistency::Linearizable] {
        let budget = Budget { cancelled: Some(&CANCELLED), ..fine };
        let answer = model.judge(&Value::Nil, &history("1 w1 ok 0 1\n2 r ok1 2 3"), budget);
        assert!(matches!(answer, Consistent::Unknown { .. }), "{model}: {answer:?}");
    }
}

/// One operation: session, object, what it does, which of the values of the object a read finds, how it ends.
type Deed = (u64, u64, u8, usize, u8);

/// A history in which reads find anything that is written at all; times only tell the order within sessions.
fn arbitrary(deeds: &[Deed]) -> History {
    let written = |object: u64| -> Vec<i64> {
        let writes = |(place, deed): (usize, &Deed)| (deed.1 == object && deed.2 > 1).then_some(place as i64 + 1);
        std::iter::once(0).chain(deeds.iter().enumerate().filter_map(writes)).collect()
    };
    let mut retired: BTreeMap<u64, u64> = BTreeMap::new();
    let operation = |(place, &(session, object, kind, choice, end)): (usize, &Deed)| {
        let values = written(object);
        let (key, found, new) = (Key(object), value(values[choice % values.len()]), value(place as i64 + 1));
        let request = match kind {
            0 | 1 => Request::Read { key },
            2 => Request::Write { key, value: new },
            _ => Request::CompareAndSet { key, expected: found.clone(), new },
        };
        let outcome = match (end, kind) {
            (0, _) => Outcome::Info("timeout".into()),
            (_, 0 | 1) => Outcome::Ok(found),
            _ => Outcome::Ok(Value::Nil),
        };
        let at = Time::from_nanos(place as u64);
        let name = retired.entry(session).or_insert(session);
        let session = *name;
        if end == 0 {
            *name += 100;
        }
        Operation {
            client: 0,
            number: place as u64,
            session,
            request,
            intended: at,
            invoked: at,
            completed: at,
            outcome,
        }
    };
    let operations = deeds.iter().enumerate().map(operation).collect();
    History { clients: vec!["s".into()], operations }
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    proptest::collection::vec((0u64..3, 0u64..2, 0u8..4, 0usize..6, 0u8..8), 0..7)
}

/// The definition of the session guarantees, read aloud: sets of operations instead of bits, and every order of writes.
fn literal(history: &History, visible: Guarantees, ordered: Guarantees) -> bool {
    let nodes = match reads_from::nodes(history, &Value::Nil) {
        Ok(nodes) => nodes,
        Err(Consistent::No { .. }) => return false,
        Err(answer) => panic!("{answer:?}"),
    };
    use reads_from::Source;
    let session_before = |at: usize| {
        let mut before = Vec::new();
        let mut prior = nodes[at].prior;
        while let Some(node) = prior {
            before.push(node);
            prior = nodes[node].prior;
        }
        before
    };
    let all = 0..nodes.len();
    let mut happened_before: BTreeSet<(usize, usize)> = BTreeSet::new();
    for at in all.clone() {
        happened_before.extend(session_before(at).into_iter().map(|before| (before, at)));
        if let Some(Source::Node(source)) = nodes[at].source {
            happened_before.insert((source, at));
        }
    }
    for middle in all.clone() {
        for from in all.clone().filter(|&from| happened_before.contains(&(from, middle))).collect::<Vec<_>>() {
            for to in all.clone().filter(|&to| happened_before.contains(&(middle, to))).collect::<Vec<_>>() {
                happened_before.insert((from, to));
            }
        }
    }
    if all.clone().any(|at| happened_before.contains(&(at, at))) {
        return false;
    }
    let mut sees: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); nodes.len()];
    loop {
        let before = sees.clone();
        for at in all.clone().filter(|&at| nodes[at].source.is_some()) {
            let mut seen = sees[at].clone();
            seen.extend(match nodes[at].source {
                Some(Source::Node(source)) => Some(source),
                _ => None,
            });
            for earlier in session_before(at) {
                if visible.read_your_writes && nodes[earlier].writes {
                    seen.insert(earlier);
                }
                if visible.monotonic_reads {
                    seen.extend(&sees[earlier]);
                }
            }
            for write in seen.clone() {
                for earlier in session_before(write).into_iter().chain([write]) {
                    if visible.monotonic_writes && nodes[earlier].writes {
                        seen.insert(earlier);
                    }
                    if visible.writes_follow_reads {
                        seen.extend(&sees[earlier]);
                    }
                }
            }
            sees[at] = seen;
        }
        if before == sees {
            break;
        }
    }
    let writes: Vec<usize> = all.clone().filter(|&at| nodes[at].writes).collect();
    let explains = |order: &[usize]| {
        let place = |write: usize| order.iter().position(|&other| other == write).expect("a write");
        all.clone().all(|at| {
            let overwritten = |write: &&usize| nodes[**write].key == nodes[at].key;
            let mut rivals = sees[at].iter().filter(overwritten);
            let is_last = match nodes[at].source {
                None => true,
                Some(Source::Initial) => rivals.next().is_none(),
                Some(Source::Node(source)) => rivals.all(|&write| place(write) <= place(source)),
            };
            let source = |at: usize| match nodes[at].source {
                Some(Source::Node(source)) => Some(source),
                _ => None,
            };
            let comes_after = |earlier: usize| {
                let own = ordered.monotonic_writes && nodes[earlier].writes && place(earlier) > place(at);
                let read =
                    ordered.writes_follow_reads && source(earlier).is_some_and(|source| place(source) > place(at));
                !own && !read
            };
            let is_after = !nodes[at].writes
                || source(at).is_none_or(|source| place(source) < place(at))
                    && session_before(at).into_iter().all(comes_after);
            is_last && is_after
        })
    };
    permutations(&writes).iter().any(|order| explains(order))
}

fn permutations(of: &[usize]) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for &next in of {
        let with = |order: &Vec<usize>| {
            let order = order.clone();
            (0..=order.len()).map(move |place| [&order[..place], &[next], &order[place..]].concat())
        };
        all = all.iter().flat_map(with).collect();
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: cases(1_000), ..ProptestConfig::default() })]

    #[test]
    fn sequential_consistency_is_judged_as_by_brute_force(deeds in deeds()) {
        let history = arbitrary(&deeds);
        let expected = brute_force_in_sessions(&Register::default(), &history);
        let found = sequential(&Register::default(), &history, Budget::default());
        prop_assert_eq!(matches!(found, Sequential::Consistent(_)), expected, "{:?}", found);
        prop_assert_eq!(matches!(judge(Consistency::Sequential, &history), Consistent::Yes(_)), expected);
        if let Sequential::Refuted { core, .. } = found {
            let operations = core.into_iter().map(|index| history.operations[index].clone()).collect();
            let core = History { operations, ..history };
            prop_assert!(!brute_force_in_sessions(&Register::default(), &core), "{:?}", core);
        }
    }

    #[test]
    fn session_guarantees_are_judged_as_by_their_definition(deeds in deeds(), visible in 0usize..16, ordered in 0usize..16) {
        let history = arbitrary(&deeds);
        let set = |bits: usize| (0..4).filter(move |place| bits >> place & 1 == 1).map(|place| Guarantees::EACH[place]);
        let set = |bits: usize| set(bits).fold(Guarantees::NONE, Guarantees::and);
        let pairs = [(set(visible), set(ordered)), (set(visible), set(visible)), (Guarantees::ALL, Guarantees::ALL)];
        for (visible, ordered) in pairs {
            let answer = visibility::judge(&Value::Nil, &history, visible, ordered, Budget::default());
            let answer = answer.unwrap_or_else(|answer| answer);
            let expected = literal(&history, visible, ordered);
            prop_assert_eq!(matches!(answer, Consistent::Yes(_)), expected, "{:?} {:?}", visible, answer);
        }
    }

    #[test]
    fn each_model_implies_the_weaker_ones(deeds in deeds()) {
        let history = arbitrary(&deeds);
        let holds = |model| matches!(judge(model, &history), Consistent::Yes(_));
        let stronger = [
            (Consistency::Linearizable, Consistency::Sequential),
            (Consistency::Linearizable, Consistency::KAtomic(2)),
            (Consistency::Sequential, Consistency::Causal),
            (Consistency::Causal, Consistency::ReadAtomic),
            (Consistency::ReadAtomic, Consistency::ReadCommitted),
        ];
        for (strong, weak) in stronger {
            prop_assert!(!holds(strong) || holds(weak), "{} but not {}", strong, weak);
        }
    }

    #[test]
    fn staleness_in_versions_is_judged_as_by_brute_force(draws in draws(0..7, 1, 4), unique: bool, versions in 1u32..4) {
        let history = perform(&draws, unique);
        let model = KAtomic { initial: Value::Nil, versions };
        let holds = matches!(judge(Consistency::KAtomic(versions), &history), Consistent::Yes(_));
        prop_assert_eq!(holds, brute_force(&model, &history));
        if versions == 1 {
            prop_assert_eq!(holds, brute_force(&Register::default(), &history));
        }
    }

    #[test]
    fn the_least_delay_is_that_of_its_definition(draws in draws(0..6, 1, 3), is_plain: bool) {
        let history = perform(&draws, true);
        let history = if is_plain { of_plain_operations(history) } else { history };
        let earlier = |delay: &u64| bounded::begun_earlier(&history, Span::from_nanos(*delay));
        let expected = (0..100).find(|delay| brute_force(&Register::default(), &earlier(delay))).map(Span::from_nanos);
        prop_assert_eq!(least_delay(&Register::default(), &history, Budget::default()), Ok(expected));
    }
}
