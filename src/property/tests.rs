use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

/// A folder of a test's own, empty.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("partita-property-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

const UNSYNCED: &str = r#"{
    "version": 1, "title": "Unsynced", "duration": "1s",
    "services": { "store": { "single": { "sync": "never", "without": ["sync_before_ack"] } } },
    "clients": { "a": { "calls": "store", "arrivals": { "poisson": "40/s" }, "operations": { "read": 1, "write": 1 } } },
    "faults": [{ "crash": { "where": ["store-0"], "at": "500ms", "for": "100ms", "silent": true, "disk_keeps": "nothing" } }],
    "hypothesis": { "always": ["linearizable"] }
}"#;

/// What a test panics with; none if it does not.
fn story(test: impl FnOnce()) -> Option<String> {
    catch_unwind(AssertUnwindSafe(test)).err().map(|story| *story.downcast::<String>().expect("a text"))
}

fn written(folder: &Path) -> PathBuf {
    let file = folder.join("unsynced.json");
    std::fs::write(&file, UNSYNCED).expect("a scenario");
    file
}

#[test]
fn a_failure_is_shrunk_kept_and_replayed_first() {
    let folder = folder("kept");
    let (file, kept) = (written(&folder), folder.join("kept"));
    let property = || Property::new(Registry::standard()).named("mine::it works").regressions(&kept);
    let told = story(|| property().check_file(&file, 0..20)).expect("it fails");
    for part in [
        "mine::it works: safety by linearizable (no order), seed ",
        "after      1 fault, 2 operations",
        "\nagain:    cargo test 'mine::it works'\n",
        "\nlook:     PARTITA_TRACE=trace.jsonl cargo test",
    ] {
        assert!(told.contains(part), "no {part:?} in:\n{told}");
    }
    let files: Vec<_> =
        std::fs::read_dir(&kept).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let name = files[0].file_name().and_then(|name| name.to_str()).expect("UTF-8");
    assert!(name.starts_with("mine-it-works-"), "{name}");
    // A test that would find nothing fails by what was kept; one of another name does not.
    let safe = property().set("/services/store/single/sync", "\"always\"").program("mine");
    let replayed = story(|| safe.check_file(&file, 0..20)).expect("it is replayed");
    assert!(replayed.contains(&format!("as it was kept in {}", files[0].display())), "{replayed}");
    assert!(replayed.contains(&format!("\nlook:     mine run {}", files[0].display())), "{replayed}");
    assert_eq!(story(|| safe.clone().named("another").check_file(&file, 0..20)), None);
}

#[test]
fn a_test_that_puts_nothing_to_the_test_fails() {
    let folder = folder("vacuous");
    let property = Property::new(Registry::standard()).regressions(&folder);
    let idle = property.clone().set("/clients/a/operations", r#"{ "write": 1 }"#).set("/faults", "[]");
    let told = story(|| idle.set("/hypothesis/always", r#"["linearizable"]"#).check_file(written(&folder), 0..3));
    assert!(told.as_ref().is_some_and(|told| told.starts_with("No run put the hypothesis to the test")), "{told:?}");
    let told = story(|| property.check_file(written(&folder), 3..3));
    assert!(told.as_ref().is_some_and(|told| told.starts_with("There was nothing to run")), "{told:?}");
}

#[test]
fn what_cannot_be_read_is_told() {
    let check = |file: &str, property: Property, says: &str| {
        let told = story(|| property.check_file(file, 0..3)).expect("it fails");
        assert!(told.contains(says), "{told}");
    };
    let property = || Property::new(Registry::standard());
    check("no/such/file.json", property(), "cannot read no/such/file.json");
    check("Cargo.toml", property(), "error: ");
    check("scenarios/first/one-node.json", property().set("/no/where", "1"), "cannot set /no/where: ");
}

#[test]
fn variables_change_a_test() {
    let folder = folder("variables");
    let file = written(&folder);
    let property = Property::new(Registry::standard()).named("variables").regressions(folder.join("unused"));
    let trace = folder.join("trace.jsonl");
    let path = trace.display().to_string();
    let told = |variables: &[(&str, &str)]| {
        let value = |name: &str| variables.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned());
        let environment = Environment::read(value).expect("they are right");
        let scenario = property.scenario(&file).expect("it is right");
        let cases = environment.seeds(0, 20).map(|seed| Ok(Case { scenario: scenario.clone(), seed }));
        property.test(&environment, cases, &|_| Ok(()))
    };
    let story =
        told(&[("PARTITA_REGRESSIONS", "none"), ("PARTITA_TRACE", &path), ("PARTITA_CHECK_DETERMINISM", "1")]);
    let story = story.expect_err("it fails");
    assert!(story.contains("\nagain:    PARTITA_SEED="), "{story}");
    assert!(!folder.join("unused").exists(), "nothing was to be kept");
    assert!(std::fs::read_to_string(&trace).expect("a trace").lines().count() > 10);
    assert!(
        told(&[("PARTITA_REGRESSIONS", "none"), ("PARTITA_CASES", "0")])
            .is_err_and(|says| says.contains("nothing to run"))
    );
}

/// A story is worth more than the file that it cannot be kept in.
#[test]
fn a_failure_that_cannot_be_kept_is_told() {
    let folder = folder("unwritable");
    let file = written(&folder);
    std::fs::write(folder.join("kept"), "no folder").expect("a file");
    let property = Property::new(Registry::standard()).named("unwritable").regressions(folder.join("kept/below"));
    let trace = folder.join("kept/trace.jsonl").display().to_string();
    let environment =
        Environment::read(|name| (name == "PARTITA_TRACE").then(|| trace.clone())).expect("it is right");
    let scenario = property.scenario(&file).expect("it is right");
    let mut tester = tester(&property, &environment);
    // Nothing can be replayed of a folder that is none.
    tester.regressions = Some(Regressions::new(folder.join("kept/below"), "unwritable"));
    let told =
        (0..20).find_map(|seed| tester.run(&Case { scenario: scenario.clone(), seed }).err()).expect("it fails");
    for part in [
        "tester: safety by ",
        "after      1 fault, 2 operations",
        "\nagain:    PARTITA_SEED=",
        "\nno trace: cannot write ",
    ] {
        assert!(told.contains(part), "no {part:?} in:\n{told}");
    }
    assert!(told.lines().last().is_some_and(|last| last.starts_with("not kept: cannot write ")), "{told}");
}

fn tester<'a>(property: &'a Property, environment: &'a Environment) -> Tester<'a> {
    Tester { property, environment, judge: &|_| Ok(()), name: "tester".to_owned(), regressions: None }
}

/// A failure that puts nothing to the test any more guards nothing.
#[test]
fn a_kept_failure_that_is_inconclusive_is_mentioned() {
    let kept = folder("faded");
    let idle = UNSYNCED.replace("\"read\": 1, \"write\": 1", "\"read\": 1");
    let (property, environment) = (Property::new(Registry::standard()), Environment::default());
    let regressions = Regressions::new(kept.clone(), "tester");
    regressions.keep(7, &idle).expect("it is kept");
    let tester = Tester { regressions: Some(regressions), ..tester(&property, &environment) };
    let warnings = tester.replay().expect("it does not fail");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("tester-0000000000000007.json is inconclusive now"), "{warnings:?}");
    Regressions::new(kept, "tester").keep(7, &UNSYNCED.replace("never", "always")).expect("it is kept");
    assert_eq!(tester.replay().map(|warnings| warnings.len()), Ok(0), "what holds needs no warning");
}

/// What a node answers depends on how often one was asked in other runs.
mod counting {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::prelude::*;

    struct Counting;

    #[derive(Clone)]
    struct Counter;

    #[derive(Clone, Debug, Hash)]
    struct Nothing;

    impl Message for Nothing {
        fn kind(&self) -> &'static str {
            "nothing"
        }
    }

    impl Node for Counter {
        type Message = Nothing;
        type Timer = ();

        fn start(&mut self, cx: &mut Context<'_, Self>) {
            cx.ready();
        }

        fn request(&mut self, id: RequestId, _: &Request, cx: &mut Context<'_, Self>) {
            static ASKED: AtomicI64 = AtomicI64::new(0);
            cx.reply(id, Reply::Ok(Value::Int(ASKED.fetch_add(1, Ordering::Relaxed))));
        }
    }

    impl Protocol for Counting {
        type Node = Counter;

        fn node(&self, _: Birth) -> Counter {
            Counter
        }
    }

    #[test]
    fn two_runs_that_differ_fail_a_test() {
        let registry = Registry::standard().with("counting", "It counts.", 1..=1, |_| Some(Counting));
        let property = Property::new(registry).named("counting").budget(10);
        let text =
            UNSYNCED.replace(r#""single": { "sync": "never", "without": ["sync_before_ack"] }"#, r#""counting": {}"#);
        let folder = folder("counting");
        let file = folder.join("counting.json");
        std::fs::write(&file, text).expect("a scenario");
        let scenario = property.scenario(&file).expect("it is right");
        let told = |twice: &str| {
            let variables = [("PARTITA_CHECK_DETERMINISM", twice), ("PARTITA_REGRESSIONS", "none")];
            let value =
                |name: &str| variables.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned());
            let environment = Environment::read(value).expect("they are right");
            let cases = std::iter::once(Ok(Case { scenario: scenario.clone(), seed: 3 }));
            property.test(&environment, cases, &|_| Ok(())).expect_err("it cannot hold")
        };
        let story = told("1");
        for part in [
            "Two runs of seed 3 of \"Unsynced\" differ in digest, ",
            " events and part at ",
            "\n> event ",
            "A node draws on",
        ] {
            assert!(story.contains(part), "no {part:?} in:\n{story}");
        }
        assert!(!told("0").contains("Two runs"), "nobody asked");
    }
}

#[cfg(feature = "proptest")]
mod random {
    use serde_json::json;

    use super::*;
    use crate::explore::Row;
    use crate::property::scenarios::drawn;

    fn single(sync: &str) -> AnyScenario {
        any_scenario()
            .service("store", json!({ "single": { "sync": sync } }))
            .faults(0..=3, ["crash", "pause", "loss"])
    }

    #[test]
    fn a_store_that_syncs_bears_every_scenario() {
        Property::new(Registry::standard()).cases(20).check(single("always"), |_| Ok(()));
    }

    #[test]
    fn one_that_does_not_is_found() {
        let property = Property::new(Registry::standard()).cases(100).regressions(folder("random"));
        let told = story(|| property.check(single("never"), |_| Ok(()))).expect("it is found");
        assert!(told.contains("A random scenario") && told.contains("1 fault, "), "{told}");
    }

    #[test]
    fn a_property_of_ones_own_is_shrunk_too() {
        let property = Property::new(Registry::standard()).regressions(folder("own"));
        let few = |run: &Run| match run.history().operations.len() {
            0..=5 => Ok(()),
            count => Err(format!("{count} operations are too many")),
        };
        let told = story(|| property.check(single("always"), few)).expect("it fails");
        assert!(told.contains("property: 6 operations are too many"), "{told}");
        assert!(told.contains("0 faults, 6 operations"), "{told}");
    }

    /// Every family can be drawn and is understood, and a seed draws the same scenario again.
    #[test]
    fn scenarios_are_right_and_repeat() {
        for family in AnyScenario::FAMILIES {
            let strategy = any_scenario().service("store", json!({ "quorum": {} })).milliseconds(500);
            let strategy = strategy.faults(1..=2, [family]);
            for seed in 0..2 {
                let scenario = drawn(&strategy, seed, &Registry::standard()).expect("it is right");
                let again = drawn(&strategy, seed, &Registry::standard()).expect("it is right");
                assert_eq!(scenario.resolved, again.resolved);
                assert!(scenario.resolved["faults"].to_string().contains(family));
                let run = scenario.run(RunOptions { seed, keep_trace: false }).expect("a run");
                assert!(Row::new(0, 0, &run, crate::explore::Detail::default()).invoked > 0);
            }
        }
    }
}
