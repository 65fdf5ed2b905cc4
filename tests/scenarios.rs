//! The bundled scenarios: each keeps its verdict, and each safeguard that they take away matters.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use partita::check::{Class, Figure, Quantity, Subject, Verdict};
use partita::kernel::Span;
use partita::scenario::{Document, Registry, Run, RunOptions, Scenario, scripted};
use partita::store::{MajorityRegisterSafeguard, RaftSafeguard, SingleSafeguard, TransactionalSafeguard};

/// What each bundled scenario comes to with its own seed: name, verdict, class, the checks that decide it, digest. A
/// changed digest means that runs are not what they were: a release that changes one says so in its CHANGELOG.
const EXPECTED: &str = "
cap/client-on-the-wrong-side holds         -       -                        1f06bfe0bf6c4fac
cap/heal                 holds         -       -                        c2ff1da078f6e5f5
cap/heal-raft            holds         -       -                        c3b88e61a9a0277d
cap/latency-without-partition holds         -       -                        352f62fd48a11313
cap/partition-quorum     refuted       safety  stale_reads              cfae63eee90c5345
cap/partition-raft       holds         -       -                        e2311510132ff332
cap/quorum-overlap       refuted       safety  stale_reads:hasty        38bb4590bbabe015
chaos/a-fifth-of-the-nodes refuted       availability availability             2811bc67a179a732
chaos/a-fifth-of-the-nodes-quorum holds         -       -                        f3d0d527fc85fa5b
chaos/harsh-swarm        holds         -       -                        09c85e743b8dd869
clocks/lease-and-drift   refuted       safety  linearizable,stale_reads c5c5fb2dd80d004c
clocks/skewed-writers    refuted       safety  lost_writes              56073436c0671f2d
clocks/version-vectors   holds         -       -                        b83c5a8030a796e7
fallacies/1-reliable     refuted       availability availability             74f91ae2aceb64ef
fallacies/1-reliable-mended holds         -       -                        bac5bcb53cabdf54
fallacies/2-latency      refuted       availability availability             eb63be5749d7a638
fallacies/2-latency-mended holds         -       -                        a3199d42eabe4f2f
fallacies/3-bandwidth    refuted       availability availability             09caea9e88dc6b9d
fallacies/3-bandwidth-mended holds         -       -                        b45681dd2f639f35
fallacies/4-secure       refuted       safety  linearizable             20a6f37791c87df8
fallacies/4-secure-mended holds         -       -                        9736e2fcbade337c
fallacies/5-topology     refuted       availability availability             91da1a740478701a
fallacies/5-topology-mended holds         -       -                        cf3dca80a5519a68
fallacies/6-administrator refuted       safety  stale_reads              df289278c4ec26c9
fallacies/6-administrator-mended holds         -       -                        adefdb21b950985d
fallacies/7-transport    refuted       availability availability             ed35b06f6362389a
fallacies/7-transport-mended holds         -       -                        c9a981c54426a680
fallacies/8-homogeneous  refuted       latency latency                  02be8e8bf12a4f57
fallacies/8-homogeneous-mended holds         -       -                        3be89b02d6cedba4
first/majority-lost      holds         -       -                        a7a3dcbaec1105e7
first/majority-register  holds         -       -                        eeacb4ce867105f1
first/one-node           holds         -       -                        8517bca3b4cfa870
first/read-write-back    refuted       safety  linearizable             f76853bbf42984dc
first/unsynced           refuted       safety  linearizable,lost_writes 4cd9115aac796d56
raft/duplicate-append    refuted       safety  linearizable             331276745164e0ac
raft/figure-8            refuted       safety  invariants,linearizable  a7ae20c9b8a3dd81
raft/forgotten-vote      refuted       safety  invariants,linearizable  fd449a411e7e3045
raft/two-majorities      refuted       safety  invariants,stale_reads   e496ee68fca11f63
schedules/crash-point    holds         -       -                        262c93f069c88717
schedules/late-store     holds         -       -                        cbebe791c1865cba
soak/quorum              holds         -       -                        48edaf91eac32331
soak/raft                holds         -       -                        6bc0aadf0d960a07
soak/transactional       holds         -       -                        6bb7503de67b0877
transactions/aborted-read refuted       safety  read_committed           63ff11b5264b040b
transactions/half-a-transaction refuted       safety  isolation                01e253923c879db2
transactions/lost-update refuted       safety  isolation                109700f3e13573c3
transactions/no-write-skew holds         -       -                        fb8ce566de24299c
transactions/snapshot    holds         -       -                        eef5381b87c60904
transactions/write-skew  refuted       safety  isolation                eef5381b87c60904
vacuous/idle-link        inconclusive  -       touched:idle             239dbbb6654bd875
";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// The names of the files under `scenarios/`, sorted.
fn names() -> Vec<String> {
    let mut names = BTreeSet::new();
    let mut folders = vec![folder()];
    while let Some(inner) = folders.pop() {
        for entry in std::fs::read_dir(inner).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                let name = path.strip_prefix(folder()).expect("under scenarios/").with_extension("");
                names.insert(name.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/"));
            }
        }
    }
    names.into_iter().collect()
}

/// A bundled scenario with some of its values set.
fn scenario(name: &str, changes: &[(&str, &str)]) -> Scenario {
    let bytes = std::fs::read(folder().join(format!("{name}.json"))).expect("a bundled scenario");
    let document = Document::parse(name, &bytes).expect("JSON");
    let set = |document: Document, (pointer, json): &(&str, &str)| document.set(pointer, json).expect(pointer);
    let document = changes.iter().fold(document, set);
    Scenario::read(&document, &Registry::standard()).unwrap_or_else(|problems| panic!("{problems}"))
}

fn run(scenario: &Scenario, seed: u64) -> Run {
    scenario.run(RunOptions { seed, keep_trace: false }).expect("a run")
}

/// The checks that decide the verdict, or `-` if all hold.
fn deciding(run: &Run) -> String {
    let names: Vec<_> = run.checks.iter().filter(|check| check.verdict != Verdict::Holds).collect();
    let names: Vec<_> = names.iter().filter(|check| check.verdict == run.verdict).map(|check| &*check.name).collect();
    if names.is_empty() { "-".to_owned() } else { names.join(",") }
}

#[test]
fn every_scenario_keeps_its_verdict_and_its_digest() {
    let mut found = String::from("\n");
    for name in names() {
        let scenario = scenario(&name, &[]);
        let run = run(&scenario, scenario.seed);
        let class = run.verdict.class().map_or("-", |class| class.name());
        let (verdict, checks, digest) = (run.verdict.name(), deciding(&run), run.digest().value());
        writeln!(found, "{name:<24} {verdict:<13} {class:<7} {checks:<24} {digest:016x}").expect("a text grows");
    }
    assert_eq!(found, EXPECTED, "if this is meant, the table is now:\n{found}");
}

#[test]
fn every_scenario_is_inside_the_binary() {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let arguments = ["partita", "list"].map(Into::into);
    assert_eq!(partita::cli::run_with(&Registry::standard(), arguments, &mut stdout, &mut stderr, false), 0);
    let stdout = String::from_utf8(stdout).expect("UTF-8");
    let listed = stdout.lines().skip(1).take_while(|line| !line.is_empty());
    let mut listed: Vec<_> = listed.filter_map(|line| line.split_whitespace().next()).collect();
    listed.sort_unstable();
    assert_eq!(listed, names());
}

#[test]
fn the_majority_register_holds_whatever_the_seed() {
    let scenario = scenario("first/majority-register", &[]);
    for seed in 0..20 {
        let run = run(&scenario, seed);
        assert_eq!(run.verdict, Verdict::Holds, "seed {seed}: {}", deciding(&run));
    }
}

/// Each fallacy of distributed computing refutes the design that believes in it, and not the mended one, by no luck of a
/// seed; and both designs meet the same faults.
#[test]
fn every_fallacy_refutes_the_naive_design_and_not_its_twin() {
    let naive: Vec<_> = names().into_iter().filter(|name| name.starts_with("fallacies/")).collect();
    let naive: Vec<_> = naive.iter().filter(|name| !name.ends_with("-mended")).collect();
    assert_eq!(naive.len(), 8);
    for name in naive {
        let twins = [scenario(name, &[]), scenario(&format!("{name}-mended"), &[])];
        assert_eq!(twins[0].resolved["faults"], twins[1].resolved["faults"], "{name}");
        for seed in 0..2 {
            let [verdict, mended] = [&twins[0], &twins[1]].map(|scenario| run(scenario, seed).verdict);
            assert!(matches!(verdict, Verdict::Refuted(_)), "{name}, seed {seed}: {verdict:?}");
            assert_eq!(mended, Verdict::Holds, "{name}-mended, seed {seed}");
        }
    }
}

/// With the safeguards that are left out, a scenario is refuted; with them, it is not.
#[test]
fn every_safeguard_matters() {
    let mut shown = BTreeSet::new();
    let mut check = |name: &str, pointer: &str, without: &str, seed: u64, changes: &[(&str, &str)]| {
        shown.insert((pointer.rsplit('/').nth(1).expect("a kind").to_owned(), without.to_owned()));
        let verdict = |without: &str| {
            let changes: Vec<_> = changes.iter().copied().chain([(pointer, without)]).collect();
            run(&scenario(name, &changes), seed).verdict.name()
        };
        assert_eq!(verdict(&format!("[\"{without}\"]")), "refuted", "{name} without {without}");
        assert_ne!(verdict("[]"), "refuted", "{name} with {without}");
    };
    let single = "/services/store/single/without";
    let register = "/services/store/majority_register/without";
    check("first/unsynced", single, "sync_before_ack", 42, &[]);
    check("first/read-write-back", register, "read_write_back", 42, &[]);
    check("first/read-write-back", register, "quorum_query", 42, &[]);
    check(
        "first/majority-register",
        register,
        "sync_before_ack",
        42,
        &[
            ("/services/store/host", r#"{ "disk": { "sync": "200ms" } }"#),
            (
                "/faults",
                r#"[{ "id": "all", "crash": { "where": { "all": { "of": "store" } }, "at": "10s", "for": "1s", "silent": true, "disk_keeps": "nothing" } }]"#,
            ),
            ("/hypothesis", r#"{ "always": ["linearizable", { "lost_writes": { "at_most": 0 } }] }"#),
        ],
    );
    raft_safeguards(&mut check);
    transactional_safeguards(&mut check);
    let kind = |kind: &'static str| move |safeguard: &'static str| (kind.to_owned(), safeguard.to_owned());
    let all: BTreeSet<_> = SingleSafeguard::ALL
        .map(|safeguard| kind("single")(safeguard.name()))
        .into_iter()
        .chain(MajorityRegisterSafeguard::ALL.map(|safeguard| kind("majority_register")(safeguard.name())))
        .chain(RaftSafeguard::ALL.map(|safeguard| kind("raft")(safeguard.name())))
        .chain(TransactionalSafeguard::ALL.map(|safeguard| kind("transactional")(safeguard.name())))
        .collect();
    assert_eq!(shown, all, "the safeguards that are shown to matter, and all there are");
}

/// The figure of this name, of a client or of all.
fn figure(run: &Run, name: &str, subject: &Subject) -> Quantity {
    let is_it = |figure: &&Figure| figure.name == name && figure.subject == *subject;
    run.figures.iter().find(is_it).expect("measured").quantity
}

/// A read takes a round trip to the nearest other region, 2 * 38 ms or 2 * 87 ms, and a write, one operation of five,
/// takes two.
#[test]
fn consistency_costs_latency_without_a_partition() {
    let run = run(&scenario("cap/latency-without-partition", &[]), 42);
    let check = |client: &str, figure_name: &str, expected: u64| {
        let latency = figure(&run, figure_name, &Subject::Client(client.to_owned()));
        let Quantity::Time(latency) = latency else { panic!("{client}: {latency:?}") };
        let (least, most) = (Span::from_millis(expected - 5), Span::from_millis(expected + 15));
        assert!(least < latency && latency < most, "{client}: {latency}");
    };
    for (client, round_trip) in [("ireland", 76), ("virginia", 76), ("singapore", 174)] {
        check(client, "latency_p50", round_trip);
        check(client, "latency_p90", 2 * round_trip);
    }
}

/// The same load, seed and partition: one store refuses at the smaller side and is never wrong, the other answers everybody.
#[test]
fn a_partition_costs_availability_or_freshness() {
    let during = |client: &str| Subject::ClientDuringFaults(client.to_owned());
    let store = Subject::Service("store".to_owned());
    let count = |run: &Run, name: &str| match figure(run, name, &store) {
        Quantity::Count(count) => count,
        other => panic!("{name}: {other:?}"),
    };
    let availability = |run: &Run, client: &str| match figure(run, "availability", &during(client)) {
        Quantity::Share(ppb) => ppb,
        other => panic!("{client}: {other:?}"),
    };
    let consistent = run(&scenario("cap/partition-raft", &[]), 42);
    assert_eq!(availability(&consistent, "left"), 0);
    assert!(availability(&consistent, "right") > 980_000_000);
    assert_eq!((count(&consistent, "stale_reads"), count(&consistent, "lost_writes")), (0, 0));
    let by_design = consistent.unavailable_by_design.iter().filter(|excused| **excused).count();
    assert!(by_design > 600, "{by_design}");
    let available = run(&scenario("cap/partition-quorum", &[]), 42);
    assert!(availability(&available, "left") > 990_000_000 && availability(&available, "right") > 990_000_000);
    assert!(count(&available, "stale_reads") > 300 && count(&available, "conflicting_reads") > 0);
    assert_eq!(count(&available, "lost_writes"), 0);
}

/// The hypothesis of the article holds for a patient client.
#[test]
fn a_patient_client_outlives_an_election() {
    let patient = [("/clients/shoppers/attempts", "100"), ("/clients/shoppers/backoff", "\"50ms\"")];
    let verdict = |changes: &[(&str, &str)]| run(&scenario("chaos/a-fifth-of-the-nodes", changes), 42).verdict;
    assert_eq!(verdict(&[]), Verdict::Refuted(Class::Availability));
    assert_eq!(verdict(&patient), Verdict::Holds);
}

/// A replica that was away stays behind until an operation reaches it; the final reads do.
#[test]
fn final_reads_reach_every_key_through_every_replica() {
    let text = r#"{
        "version": 1, "title": "One was away", "duration": "4s", "final_reads": true,
        "services": { "store": { "majority_register": { "replicas": 3 } } },
        "clients": { "shoppers": {
            "calls": "store", "arrivals": { "constant": "50/s" }, "operations": { "read": 1, "write": 2 },
            "keys": { "uniform": { "count": 20 } }
        } },
        "faults": [{ "id": "away", "partition": { "groups": [["store-2"], "rest"], "at": "1s" } }],
        "hypothesis": { "always": ["convergence", "linearizable"] }
    }"#;
    let read = |text: &str| Scenario::parse("away", text.as_bytes(), &Registry::standard()).expect("a scenario");
    let run_of = |text: &str| run(&read(text), 7);
    let converged = |run: &Run| figure(run, "converged_after", &Subject::Service("store".to_owned()));
    let without = run_of(&text.replace("\"final_reads\": true,", ""));
    assert_eq!((without.verdict, deciding(&without).as_str()), (Verdict::Refuted(Class::Safety), "convergence"));
    assert_eq!(converged(&without), Quantity::Never);

    let with = run_of(text);
    assert_eq!(with.verdict, Verdict::Holds, "{}", deciding(&with));
    let Quantity::Time(after) = converged(&with) else { panic!("{:?}", converged(&with)) };
    assert!(after >= Span::from_secs(1), "the reads begin when the run has settled: {after}");
    let history = with.history();
    assert_eq!(history.clients, ["shoppers", "final-reads:store"]);
    let (load, reads) = history.operations.split_at(without.history().operations.len());
    assert_eq!(load, without.history().operations);
    assert_eq!(with.metrics, without.metrics, "the load alone is measured");
    let keys: BTreeSet<_> = load.iter().map(|operation| operation.request.key()).collect();
    let of_key =
        |key| reads.iter().zip(&with.recording.contacts[load.len()..]).filter(move |(o, _)| o.request.key() == key);
    for &key in &keys {
        assert!(
            of_key(key).all(|(read, _)| read.client == 1 && read.request.is_read() && read.outcome.is_answered())
        );
        let asked: BTreeSet<_> = of_key(key).flat_map(|(_, contacts)| contacts).collect();
        assert_eq!((of_key(key).count(), asked.len()), (3, 3), "{key:?}");
    }
    assert_eq!((reads.len(), with.final_reads), (3 * keys.len(), 3 * keys.len()));
    let sessions: BTreeSet<_> = load.iter().map(|operation| operation.session).collect();
    assert!(reads.iter().all(|read| !sessions.contains(&read.session)), "sessions are unique in the whole history");

    let replay = scripted(&with).to_string();
    assert_eq!(run_of(&replay).digest().value(), with.digest().value());
}

/// Checks a scenario without a safeguard, and with it: name, pointer, safeguard, seed, changes.
type CheckSafeguard<'a> = &'a mut dyn FnMut(&str, &str, &str, u64, &[(&str, &str)]);

fn raft_safeguards(check: CheckSafeguard<'_>) {
    let without = "/services/store/raft/without";
    check("raft/forgotten-vote", without, "persist_vote", 2, &[]);
    check("raft/figure-8", without, "commit_only_own_term", 2, &[]);
    check("raft/duplicate-append", without, "session_deduplication", 42, &[]);
    check("raft/two-majorities", without, "single_server_change", 42, &[]);
    let lease = "clocks/lease-and-drift";
    let reads = |how| ("/services/store/raft/reads", how);
    check(lease, without, "lease_clock_bound", 42, &[reads(r#"{ "lease": { "clock_drift_bound": "65%" } }"#)]);
    let patient = ("/services/store/raft/check_quorum", "false");
    check(lease, without, "read_index_confirmation", 42, &[reads(r#""read_index""#), patient]);
    let power = r#"[{ "id": "power", "crash": { "where": { "all": { "of": "store" } }, "at": "5s", "for": "500ms", "silent": true, "disk_keeps": "nothing" } }]"#;
    check(lease, without, "persist_log", 42, &[reads(r#""log""#), ("/faults", power)]);
    let away = r#"[{ "id": "away", "partition": { "groups": [["store-0"], ["store-1", "store-2"]], "at": "4s", "for": "3s" } }]"#;
    let forward = ("/services/store/raft/pre_vote", "false");
    check(lease, without, "election_restriction", 42, &[reads(r#""log""#), patient, forward, ("/faults", away)]);
}

fn transactional_safeguards(check: CheckSafeguard<'_>) {
    let without = "/services/store/transactional/without";
    check("transactions/half-a-transaction", without, "durable_decision", 42, &[]);
    check("transactions/half-a-transaction", without, "durable_prepare", 42, &[]);
    check("transactions/snapshot", without, "wait_for_prepared", 42, &[]);
    check("transactions/snapshot", without, "first_committer_wins", 42, &[]);
    check("transactions/no-write-skew", without, "read_validation", 42, &[]);
}

/// Two services whose clients use the same keys share nothing: each is judged by its own history.
#[test]
fn services_are_judged_apart() {
    let text = r#"{
        "version": 1, "title": "Two registers", "duration": "10s",
        "services": {
            "one": { "majority_register": {} },
            "two": { "single": { "sync": "never" } }
        },
        "clients": {
            "first": { "calls": "one", "arrivals": { "poisson": "50/s" }, "operations": { "read": 1, "write": 1 } },
            "second": {
                "calls": "two", "arrivals": { "poisson": "50/s" }, "operations": { "read": 1, "write": 1 },
                "keys": { "uniform": { "count": 20 } }
            }
        },
        "faults": [{ "id": "power", "restart": { "where": ["two-0"], "at": "5s", "disk_keeps": "nothing" } }],
        "hypothesis": { "always": ["linearizable", { "stale_reads": { "at_most": 0 } }] }
    }"#;
    let scenario = Scenario::parse("two", text.as_bytes(), &Registry::standard()).expect("a scenario");
    let run = run(&scenario, 1);
    let verdict = |name: &str| run.checks.iter().find(|check| check.name == name).expect(name).verdict;
    assert_eq!(verdict("linearizable:one"), Verdict::Holds);
    assert_eq!(verdict("stale_reads:one"), Verdict::Holds);
    assert_eq!(verdict("linearizable:two"), Verdict::Refuted(Class::Safety));
    let refuted = run.checks.iter().find(|check| check.name == "linearizable:two").expect("judged");
    let clients = refuted.operations.iter().map(|&index| run.history().operations[index].client);
    assert!(clients.collect::<Vec<_>>().iter().all(|&client| client == 1), "the operations are the second client's");
}
