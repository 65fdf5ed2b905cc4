//! Floor 8: property tests: scenarios as plain functions under `cargo test` and nextest.
//!
//! ```no_run
//! #[test]
//! fn a_register_survives_its_backups() {
//!     partita::check_file("scenarios/register.json", 0..200);
//! }
//! ```
//!
//! A test replays the failures that were kept before, then runs its scenario under many seeds, or many scenarios. It
//! panics at the first that is refuted: the failure is shrunk, kept as a scenario file, and told as a story that ends in
//! the commands to type next. [`Property`] is for protocols of one's own.
//!
//! A test's runs depend on its name and these variables, so a retry repeats them:
//!
//! | variable | |
//! |---|---|
//! | `PARTITA_SEED` | where the seeds begin: a number, or a commit hash for others on each commit |
//! | `PARTITA_CASES` | how many runs |
//! | `PARTITA_CHECK_DETERMINISM` | `1`: every run is made twice and compared |
//! | `PARTITA_REGRESSIONS` | the folder of kept failures instead of `tests/regressions`; `none`: none is replayed or kept |
//! | `PARTITA_TRACE` | where the trace of a failing run is written, as lines of JSON |
//!
//! Absent here: a way to run, judge, shrink or tell of its own.

mod environment;
mod regressions;
#[cfg(feature = "proptest")]
mod scenarios;

#[cfg(test)]
mod tests;

use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::check::Verdict;
use crate::explore::{Failure, Shrinking, check_determinism};
use crate::report::{TraceFile, TraceForm, difference, failed_story, shell_word, shrunk_story};
use crate::scenario::{Document, Registry, Run, RunOptions, Scenario};

use environment::Environment;
use regressions::Regressions;

#[cfg(feature = "cli")]
pub(crate) use regressions::probe;
pub(crate) use regressions::write_whole;
#[cfg(feature = "proptest")]
pub use scenarios::{AnyScenario, any_scenario};

/// Runs a scenario file of built-in kinds under these seeds, and panics if a run is refuted: [`Property::check_file`].
///
/// # Panics
/// With the story of the failure, shrunk.
#[track_caller]
pub fn check_file(file: impl AsRef<Path>, seeds: Range<u64>) {
    Property::new(Registry::standard()).check_file(file, seeds);
}

/// Runs random scenarios of built-in kinds, and panics if one is refuted or `property` does not hold of it:
/// [`Property::check`].
///
/// # Panics
/// With the story of the failure, shrunk.
#[cfg(feature = "proptest")]
#[track_caller]
pub fn check(
    scenarios: impl proptest::strategy::Strategy<Value = serde_json::Value>,
    property: impl Fn(&Run) -> Result<(), String>,
) {
    Property::new(Registry::standard()).check(scenarios, property);
}

/// How a property is tested.
#[derive(Clone)]
pub struct Property {
    registry: Registry,
    changes: Vec<(String, String)>,
    name: Option<String>,
    program: Option<String>,
    regressions: PathBuf,
    cases: u64,
    budget: u64,
}

/// How many random scenarios a test runs if nobody says otherwise.
const CASES: u64 = 64;
/// How many runs shrinking takes at most if nobody says otherwise.
const BUDGET: u64 = 2_000;

impl Property {
    /// A test of scenarios with these kinds of service.
    #[must_use]
    pub fn new(registry: Registry) -> Self {
        let regressions = PathBuf::from("tests/regressions");
        Self { registry, changes: Vec::new(), name: None, program: None, regressions, cases: CASES, budget: BUDGET }
    }

    /// Names the test, instead of the thread that runs it. The name decides the seeds of random scenarios, and which kept
    /// failures are replayed.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Changes one value of the scenario file, as `run --set` does: a JSON Pointer and a JSON text.
    #[must_use]
    pub fn set(mut self, pointer: impl Into<String>, json: impl Into<String>) -> Self {
        self.changes.push((pointer.into(), json.into()));
        self
    }

    /// The program that runs scenarios with this registry, as one types it: `cargo run --example mine --`. It is for the
    /// commands at the end of a failure; without it, they are built from `cargo test` alone.
    #[must_use]
    pub fn program(mut self, program: impl Into<String>) -> Self {
        self.program = Some(program.into());
        self
    }

    /// The folder of kept failures, from the folder of the package: `tests/regressions` if nobody says otherwise.
    #[must_use]
    pub fn regressions(mut self, folder: impl Into<PathBuf>) -> Self {
        self.regressions = folder.into();
        self
    }

    /// How many random scenarios are run: 64 if nobody says otherwise.
    #[must_use]
    pub const fn cases(mut self, cases: u64) -> Self {
        self.cases = cases;
        self
    }

    /// How many runs shrinking may take: 2,000 if nobody says otherwise.
    #[must_use]
    pub const fn budget(mut self, runs: u64) -> Self {
        self.budget = runs;
        self
    }

    /// Runs a scenario file under these seeds.
    ///
    /// # Panics
    /// If a run is refuted, with the story of the failure, shrunk. If no run put the hypothesis to the test. If the file
    /// cannot be read, or is refused.
    #[track_caller]
    pub fn check_file(&self, file: impl AsRef<Path>, seeds: Range<u64>) {
        let outcome = Environment::of_process().and_then(|environment| {
            let scenario = self.scenario(file.as_ref())?;
            let seeds = environment.seeds(seeds.start, seeds.end.saturating_sub(seeds.start));
            let cases = seeds.map(|seed| Ok(Case { scenario: scenario.clone(), seed }));
            self.test(&environment, cases, &|_| Ok(()))
        });
        if let Err(story) = outcome {
            panic!("{story}");
        }
    }

    /// Runs random scenarios: documents in the format of scenario files, as [`any_scenario`] makes them. Besides the
    /// hypothesis of the scenario, `property` says whether a run is as it should be.
    ///
    /// # Panics
    /// If a run is refuted or the property does not hold of it, with the story of the failure, shrunk. If no run put the
    /// hypothesis to the test, or a scenario is refused.
    #[cfg(feature = "proptest")]
    #[track_caller]
    pub fn check(
        &self,
        scenarios: impl proptest::strategy::Strategy<Value = serde_json::Value>,
        property: impl Fn(&Run) -> Result<(), String>,
    ) {
        let outcome = Environment::of_process().and_then(|environment| {
            let first = crate::kernel::stable_hash_str(&self.name()?);
            let cases = environment.seeds(first, self.cases).map(|seed| {
                let scenario = scenarios::drawn(&scenarios, seed, &self.registry)?;
                Ok(Case { scenario, seed })
            });
            self.test(&environment, cases, &property)
        });
        if let Err(story) = outcome {
            panic!("{story}");
        }
    }

    fn scenario(&self, file: &Path) -> Result<Scenario, String> {
        let name = file.display().to_string();
        let bytes = std::fs::read(file).map_err(|error| format!("cannot read {name}: {error}"))?;
        let mut document = Document::parse(name, &bytes).map_err(|problems| problems.to_string())?;
        for (pointer, json) in &self.changes {
            document = document.set(pointer, json).map_err(|says| format!("cannot set {pointer}: {says}"))?;
        }
        Scenario::read(&document, &self.registry).map_err(|problems| problems.to_string())
    }

    /// Replays what was kept, then runs the cases; answers the story of the first failure.
    fn test(
        &self,
        environment: &Environment,
        cases: impl Iterator<Item = Result<Case, String>>,
        property: &dyn Fn(&Run) -> Result<(), String>,
    ) -> Result<(), String> {
        let name = self.name()?;
        let regressions = environment.regressions(&self.regressions).map(|folder| Regressions::new(folder, &name));
        let mut tester = Tester { property: self, environment, judge: property, name, regressions };
        let warnings = tester.replay()?;
        warnings.iter().for_each(|warning| warn(warning));
        tester.regressions.iter().for_each(Regressions::report_orphans);
        let (mut held, mut inconclusive) = (0u64, None);
        for case in cases {
            let run = tester.run(&case?)?;
            match run.verdict {
                Verdict::Holds => held += 1,
                _ => inconclusive = inconclusive.or(Some(run)),
            }
        }
        match inconclusive {
            Some(run) if held == 0 => Err(format!(
                "No run put the hypothesis to the test; the first is of seed {}:\n\n{}",
                run.seed,
                failed_story(&run)
            )),
            None if held == 0 => Err("There was nothing to run: no seeds, or PARTITA_CASES=0.".to_owned()),
            _ => Ok(()),
        }
    }

    /// The test's name: its own, or that of the thread, which the test harness names after the test.
    fn name(&self) -> Result<String, String> {
        let of_thread = || std::thread::current().name().filter(|&name| name != "main").map(str::to_owned);
        let nameless =
            "This test runs in a thread without a name of its own: name it, `Property::new(..).named(\"..\")`.";
        self.name.clone().or_else(of_thread).ok_or_else(|| nameless.to_owned())
    }
}

/// A scenario and a seed.
struct Case {
    scenario: Scenario,
    seed: u64,
}

/// A test under way.
struct Tester<'a> {
    property: &'a Property,
    environment: &'a Environment,
    judge: &'a dyn Fn(&Run) -> Result<(), String>,
    name: String,
    /// Where failures are kept, if they are.
    regressions: Option<Regressions>,
}

impl Tester<'_> {
    /// By what a run fails: a refuted hypothesis, or the property. What was not put to the test is no failure.
    fn failure(&self, run: &Run) -> Option<Failure> {
        match run.verdict {
            Verdict::Refuted(_) | Verdict::Nondeterministic => Failure::of_run(run),
            Verdict::Holds | Verdict::Inconclusive => (self.judge)(run).is_err().then(|| Failure {
                check: "property".to_owned(),
                service: None,
                class: "safety".to_owned(),
                anomaly: None,
            }),
        }
    }

    /// Replays every failure of this test that was kept; answers what is to be known of those that do not fail.
    fn replay(&self) -> Result<Vec<String>, String> {
        let mut warnings = Vec::new();
        for file in self.regressions.iter().map(Regressions::files).collect::<Result<Vec<_>, _>>()?.concat() {
            let path = file.display().to_string();
            let bytes = std::fs::read(&file).map_err(|error| format!("cannot read {path}: {error}"))?;
            let scenario = Scenario::parse(&path, &bytes, &self.property.registry).map_err(|problems| {
                format!("This kept failure is no scenario any more; mend or remove it.\n{problems}")
            })?;
            let run = play(&scenario, scenario.seed, self.environment.checks_determinism)?;
            if let Some(failure) = self.failure(&run) {
                let head = format!("{}: {failure}, as it was kept in {path}", self.name);
                let story = failed_story(&run) + &self.complaint(&run);
                return Err(format!("{head}\n\n{story}\n{}", self.commands(&scenario, scenario.seed, Some(&file))?));
            }
            if run.verdict == Verdict::Inconclusive {
                warnings.push(format!(
                    "{}: the failure that was kept in {path} is inconclusive now: it puts nothing to the test any more",
                    self.name
                ));
            }
        }
        Ok(warnings)
    }

    /// Runs a case; answers the run if it does not fail, else its story.
    fn run(&mut self, case: &Case) -> Result<Run, String> {
        let Case { scenario, seed } = case;
        let run = play(scenario, *seed, self.environment.checks_determinism)?;
        let Some(failure) = self.failure(&run) else { return Ok(run) };
        let judge = |run: &Run| self.failure(run);
        let shrinking = Shrinking { judge: &judge, ..Shrinking::new(&self.property.registry, self.property.budget) };
        let head = format!("{}: {failure}, seed {seed} of {:?}", self.name, scenario.title);
        let shrunk = match shrinking.shrink(scenario, *seed) {
            Ok(shrunk) => shrunk,
            Err(error) => {
                let story = format!("{}{}not shrunk: {error}\n", failed_story(&run), self.complaint(&run));
                return Err(format!("{head}\n\n{story}\n{}", self.commands(scenario, *seed, None)?));
            }
        };
        let document = Document::from_value("shrunk", &shrunk.scenario).map_err(|problems| problems.to_string())?;
        let smaller = Scenario::read(&document, &self.property.registry).map_err(|problems| problems.to_string())?;
        let (digest, text) = (shrunk.run.digest().value(), &document.source().text);
        // A story that cannot be kept is told all the same.
        let commands = match self.regressions.as_ref().map(|kept| kept.keep(digest, text)) {
            Some(Ok(file)) => self.commands(&smaller, smaller.seed, Some(&file))?,
            Some(Err(says)) => self.commands(scenario, *seed, None)? + &format!("not kept: {says}\n"),
            None => self.commands(scenario, *seed, None)?,
        };
        let story = shrunk_story(&shrunk) + &self.complaint(&shrunk.run);
        Err(format!("{head}\n\n{story}\n{commands}"))
    }

    /// What the property says against a run.
    fn complaint(&self, run: &Run) -> String {
        (self.judge)(run).err().map(|says| format!("\nproperty: {says}\n")).unwrap_or_default()
    }

    /// What to type next. Writes the trace if it was asked for.
    fn commands(&self, scenario: &Scenario, seed: u64, kept: Option<&Path>) -> Result<String, String> {
        let test = format!("cargo test{} {}", environment::target_flag(), shell_word(&self.name));
        let mut text = String::new();
        let mut line = |head: &str, what: &str| text += &format!("{head:<9} {what}\n");
        let again = match kept {
            Some(file) => {
                line("kept:", &shell_word(&file.display().to_string()));
                test
            }
            None => format!("PARTITA_SEED={seed} PARTITA_CASES=1 {test}"),
        };
        line("again:", &again);
        match (kept, &self.property.program) {
            (Some(file), Some(program)) => {
                line("look:", &format!("{program} run {}", shell_word(&file.display().to_string())))
            }
            _ => line("look:", &format!("PARTITA_TRACE=trace.jsonl {again}")),
        }
        if let Some(file) = &self.environment.trace {
            let run = scenario.run(RunOptions { seed, keep_trace: true }).map_err(|error| error.to_string())?;
            let trace = TraceFile::of(&scenario.title, &run);
            let lines = trace.map(|trace| TraceForm::Jsonl.write(&trace)).unwrap_or_default();
            let path = file.display();
            match write_whole(file, lines.as_bytes()) {
                Ok(()) => line("trace:", &path.to_string()),
                Err(error) => line("no trace:", &format!("cannot write {path}: {error}")),
            }
        }
        Ok(text)
    }
}

/// Runs a scenario, twice if its determinism is in question.
fn play(scenario: &Scenario, seed: u64, twice: bool) -> Result<Run, String> {
    let cannot = |error| format!("{:?} cannot be run: {error}", scenario.title);
    if !twice {
        return scenario.run(RunOptions { seed, keep_trace: false }).map_err(cannot);
    }
    let (run, second, found) = check_determinism(scenario, seed).map_err(cannot)?;
    let Some(found) = found else { return Ok(run) };
    let trace = |run: &Run| TraceFile::of(&scenario.title, run);
    let parts = trace(&run).zip(trace(&second)).and_then(|(one, other)| difference(&one, &other));
    Err(format!(
        "Two runs of seed {seed} of {:?} differ in {}.\n{}\nA node draws on something outside its context: a clock, a \
         static, an address, a hash map's order.",
        scenario.title,
        found.what.join(", "),
        parts.unwrap_or_default()
    ))
}

/// Says something on the terminal, whether or not the test fails: the harness hides only what is printed by macros.
fn warn(says: &str) {
    // That nobody hears it is no reason to fail.
    let _ = writeln!(std::io::stderr(), "warning: {says}");
}
