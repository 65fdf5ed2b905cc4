//! What each safeguard of each store is there for, measured under faults that know nothing of it.
//!
//!     cargo run --profile ci --example safeguards > docs/safeguards.md     # the whole table: ten minutes of one core
//!     cargo run --profile ci --example safeguards -- sample                # what CI runs: a minute of one core
//!     cargo run --profile ci --example safeguards -- 100 raft              # 100 seeds, one store
//!
//! The scenarios lie beside this file. Intact, none may be refuted and nine of ten have to hold. Without a safeguard, seeds are
//! tried until a run is refuted; that run is shrunk. Whatever falls short of that is in the table, and makes the command fail.
//! All but the processor seconds is the same every time. `sample` runs a few seeds of every profile intact, and each seed of the
//! table without its safeguard: it has to fail by the same check, and to shrink to as little as is wanted.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use partita::check::Verdict;
use partita::explore::{Shrunk, Size, shrink};
use partita::scenario::{Document, Registry, Run, RunOptions, Scenario};
use partita::store::{
    MajorityRegisterSafeguard, QuorumSafeguard, RaftSafeguard, SingleSafeguard, TransactionalSafeguard,
};
use serde_json::Value;

/// How many seeds are tried unless the command line says so, and how many runs shrinking may take.
const SEEDS: u64 = 2_000;
const BUDGET: u64 = 2_000;
/// How many seeds of each profile a sample runs.
const SAMPLE: u64 = 20;
/// From how many runs that are refuted the plainest is chosen.
const CANDIDATES: usize = 8;
/// What shrinking aims at.
const FEW_FAULTS: usize = 5;
const FEW_OPERATIONS: usize = 10;

/// A kind of store, its safeguards, and its profiles, the general one first.
struct Store {
    kind: &'static str,
    safeguards: Vec<&'static str>,
    profiles: &'static [&'static str],
    /// The safeguards that another profile than the general one is for.
    special: &'static [(&'static str, &'static str)],
}

impl Store {
    fn profile_of(&self, safeguard: &str) -> &'static str {
        let special = self.special.iter().find(|(of, _)| *of == safeguard);
        special.map_or(self.profiles[0], |&(_, profile)| profile)
    }
}

fn stores() -> [Store; 5] {
    [
        Store {
            kind: "single",
            safeguards: SingleSafeguard::ALL.map(SingleSafeguard::name).into(),
            profiles: &["single"],
            special: &[],
        },
        Store {
            kind: "majority_register",
            safeguards: MajorityRegisterSafeguard::ALL.map(MajorityRegisterSafeguard::name).into(),
            profiles: &["majority-register"],
            special: &[],
        },
        Store {
            kind: "quorum",
            safeguards: QuorumSafeguard::ALL.map(QuorumSafeguard::name).into(),
            profiles: &["quorum", "quorum-reads", "quorum-hints"],
            special: &[("read_repair", "quorum-reads"), ("hinted_handoff", "quorum-hints")],
        },
        Store {
            kind: "raft",
            safeguards: RaftSafeguard::ALL.map(RaftSafeguard::name).into(),
            profiles: &["raft", "raft-storms", "raft-leases", "raft-members"],
            special: &[
                ("commit_only_own_term", "raft-storms"),
                ("lease_clock_bound", "raft-leases"),
                ("single_server_change", "raft-members"),
            ],
        },
        Store {
            kind: "transactional",
            safeguards: TransactionalSafeguard::ALL.map(TransactionalSafeguard::name).into(),
            profiles: &["transactional"],
            special: &[],
        },
    ]
}

type Outcome<T> = Result<T, Box<dyn Error>>;

#[expect(clippy::disallowed_methods, reason = "this is where the command line is read")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let seeds = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(SEEDS);
    let is_wanted = |store: &Store| {
        let mut kinds = arguments.iter().filter(|argument| argument.parse::<u64>().is_err()).peekable();
        kinds.peek().is_none() || kinds.any(|kind| kind == store.kind)
    };
    let outcome =
        if arguments.iter().any(|argument| argument == "sample") { sample() } else { table(seeds, is_wanted) };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn path(name: &str) -> String {
    format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn read(profile: &str) -> Outcome<(String, Vec<u8>)> {
    let name = format!("examples/safeguards/{profile}.json");
    let text = std::fs::read(path(&name))?;
    Ok((name, text))
}

/// A profile, as it is or without a safeguard of its store.
fn scenario(profile: &str, kind: &str, without: Option<&str>) -> Outcome<Scenario> {
    let (name, text) = read(profile)?;
    let document = Document::parse(&*name, &text).map_err(|problems| problems.to_string())?;
    let json = without.map_or_else(|| "[]".to_owned(), |safeguard| format!("[\"{safeguard}\"]"));
    let document = document.set(&format!("/services/store/{kind}/without"), &json)?;
    Ok(Scenario::read(&document, &Registry::standard()).map_err(|problems| problems.to_string())?)
}

fn run(scenario: &Scenario, seed: u64) -> Outcome<Run> {
    Ok(scenario.run(RunOptions { seed, keep_trace: false })?)
}

/// What a profile comes to with every safeguard in place.
#[derive(Default)]
struct Intact {
    holds: u64,
    inconclusive: u64,
    /// The seeds that are.
    refuted: Vec<u64>,
    /// By family, how many faults touched something, and how much all of them touched.
    families: BTreeMap<&'static str, (u64, u64)>,
    cpu: f64,
}

impl Intact {
    fn of(profile: &str, kind: &str, seeds: u64) -> Outcome<Self> {
        let (scenario, start) = (scenario(profile, kind, None)?, cpu_seconds());
        let mut intact = Self::default();
        for seed in 0..seeds {
            let run = run(&scenario, seed)?;
            match run.verdict {
                Verdict::Holds => intact.holds += 1,
                Verdict::Inconclusive => intact.inconclusive += 1,
                _ => intact.refuted.push(seed),
            }
            for fault in run.faults.iter().filter(|fault| fault.touched > 0) {
                let (faults, touched) = intact.families.entry(fault.kind).or_default();
                (*faults, *touched) = (*faults + 1, *touched + fault.touched);
            }
        }
        intact.cpu = cpu_seconds() - start;
        Ok(intact)
    }

    fn problem(&self, profile: &str, seeds: u64) -> Option<String> {
        let Self { holds, refuted, .. } = self;
        if !refuted.is_empty() {
            return Some(format!("{profile}, intact: refuted with the seeds {refuted:?}"));
        }
        (holds * 10 < seeds * 9).then(|| format!("{profile}, intact: only {holds} of {seeds} seeds hold"))
    }

    fn row(&self, profile: &str) -> String {
        let Self { holds, inconclusive, refuted, families, cpu } = self;
        let touched = families.iter().map(|(family, (faults, touched))| format!("{family} {faults} ({touched})"));
        let (touched, refuted) = (touched.collect::<Vec<_>>().join(", "), refuted.len());
        format!("| `{profile}` | {holds} | {inconclusive} | {refuted} | {cpu:.0} | {touched} |\n")
    }
}

/// How a missing safeguard was found.
struct Found {
    /// The first seed that is refuted.
    first: u64,
    /// The seed whose run was shrunk to this.
    seed: u64,
    shrunk: Shrunk,
    /// What shrinking spent, on all seeds together.
    runs: u64,
    /// Of processor time, to find it and to shrink it.
    cpu: (f64, f64),
}

/// Shrinks the run with the fewest faults of the first few that are refuted, as a person would choose; where what is left is too large, the next one
/// with what is left of the budget, of which each gets half at most. The smallest stays.
fn find(store: &Store, safeguard: &str, seeds: u64) -> Outcome<Option<Found>> {
    let scenario = scenario(store.profile_of(safeguard), store.kind, Some(safeguard))?;
    let (start, mut finding, mut refuted) = (cpu_seconds(), 0.0, Vec::new());
    for seed in 0..seeds {
        let run = run(&scenario, seed)?;
        if matches!(run.verdict, Verdict::Refuted(_)) {
            if refuted.is_empty() {
                finding = cpu_seconds() - start;
            }
            refuted.push((run.faults.len(), run.events, seed));
            if refuted.len() == CANDIDATES {
                break;
            }
        }
    }
    let Some(first) = refuted.iter().map(|&(.., seed)| seed).min() else { return Ok(None) };
    refuted.sort_unstable();
    let (start, mut best, mut spent): (_, Option<Found>, u64) = (cpu_seconds(), None, 0);
    for (.., seed) in refuted {
        let shrunk = shrink(&scenario, seed, &Registry::standard(), (BUDGET - spent).min(BUDGET / 2))?;
        spent = BUDGET.min(spent + shrunk.runs);
        let cpu = (finding, cpu_seconds() - start);
        let size = |shrunk: &Shrunk| (!is_small(shrunk.after), shrunk.after.faults + shrunk.after.operations);
        best = match best {
            Some(best) if size(&best.shrunk) <= size(&shrunk) => Some(Found { runs: spent, cpu, ..best }),
            _ => Some(Found { first, seed, shrunk, runs: spent, cpu }),
        };
        if spent >= BUDGET || best.as_ref().is_some_and(|best| is_small(best.shrunk.after)) {
            break;
        }
    }
    Ok(best)
}

/// A line of one of the page's tables: of a safeguard's, if it is about one, or of a profile's; and what is wrong with it.
struct Line {
    text: String,
    is_safeguards: bool,
    problem: Option<String>,
}

/// The safeguards and profiles of stores, and whether each is a safeguard.
fn tasks(stores: &[Store]) -> Vec<(&Store, &str, bool)> {
    let mut tasks = Vec::new();
    for store in stores {
        tasks.extend(store.safeguards.iter().map(|safeguard| (store, *safeguard, true)));
        tasks.extend(store.profiles.iter().map(|profile| (store, *profile, false)));
    }
    tasks
}

/// Prints the page. What falls short is in it, and told again as an error.
fn table(seeds: u64, is_wanted: impl Fn(&Store) -> bool) -> Outcome<()> {
    let stores: Vec<_> = stores().into_iter().filter(is_wanted).collect();
    let lines = in_parallel(&tasks(&stores), |&(store, what, is_safeguards)| {
        let line = if is_safeguards { row(store, what, seeds) } else { profile(store, what, seeds) };
        let (text, problem) = line.map_err(|error| format!("{} {what}: {error}", store.kind))?;
        eprint!("{text}");
        Ok(Line { text, is_safeguards, problem })
    })?;
    let text = |of_safeguards| {
        lines.iter().filter(|line| line.is_safeguards == of_safeguards).map(|line| &*line.text).collect::<String>()
    };
    let profiles = stores.iter().flat_map(|store| store.profiles).map(|profile| parameters(profile));
    let profiles = profiles.collect::<Outcome<Vec<_>>>()?.concat();
    let page = PAGE.replace("ROWS\n", &text(true)).replace("INTACT\n", &text(false));
    print!("{}", page.replace("PROFILES\n", &profiles).replace("SEEDS", &seeds.to_string()));
    let problems: Vec<_> = lines.iter().filter_map(|line| line.problem.as_deref()).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n").into()) }
}

/// The results of all tasks in their order, made on as many threads as there are processors; the first error, if there is one.
fn in_parallel<T: Sync, R: Send>(tasks: &[T], work: impl Fn(&T) -> Result<R, String> + Sync) -> Outcome<Vec<R>> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(task) = tasks.get(place) else { return };
                    let result = work(task);
                    results.lock().expect("no thread panics with it").insert(place, result);
                }
            });
        }
    });
    let results = results.into_inner().expect("no thread panics with it");
    Ok(results.into_values().collect::<Result<_, _>>()?)
}

fn profile(store: &Store, profile: &str, seeds: u64) -> Outcome<(String, Option<String>)> {
    let intact = Intact::of(profile, store.kind, seeds)?;
    Ok((intact.row(profile), intact.problem(profile, seeds)))
}

fn row(store: &Store, safeguard: &str, seeds: u64) -> Outcome<(String, Option<String>)> {
    let (kind, profile) = (store.kind, store.profile_of(safeguard));
    let Some(found) = find(store, safeguard, seeds)? else {
        let text = format!("| `{kind}` | `{safeguard}` | `{profile}` | not found | | | | | | | |\n");
        return Ok((text, Some(format!("{kind} without {safeguard}: not found in {seeds} seeds"))));
    };
    let Found { first, seed, shrunk, runs, cpu: (finding, shrinking) } = found;
    let Shrunk { before, after, failure, scenario, .. } = shrunk;
    let mut left = BTreeMap::<&str, u32>::new();
    for fault in scenario["faults"].as_array().into_iter().flatten() {
        let kinds = fault.as_object().into_iter().flatten().filter(|(_, settings)| settings.is_object());
        kinds.for_each(|(kind, _)| *left.entry(kind).or_default() += 1);
    }
    let points = scenario["maybe"].as_object().into_iter().flatten().map(|(point, _)| format!("`{point}`"));
    let left = left
        .iter()
        .map(|(kind, count)| if *count == 1 { (*kind).to_owned() } else { format!("{count} {kind}") })
        .chain(points);
    let problem = too_large(kind, safeguard, after);
    let text = format!(
        "| `{kind}` | `{safeguard}` | `{profile}` | {first} | {seed} | {} | {} / {} | {} / {}{} | {} | {runs} | {finding:.1} + {shrinking:.1} |\n",
        failure.check,
        before.faults,
        before.operations,
        after.faults,
        after.operations,
        if problem.is_none() { "" } else { " (too large)" },
        left.collect::<Vec<_>>().join(", "),
    );
    Ok((text, problem))
}

/// What a profile draws and does, as its file says.
fn parameters(profile: &str) -> Outcome<String> {
    let (_, text) = read(profile)?;
    let file: Value = serde_json::from_slice(&text)?;
    let swarm = &file["swarm"];
    let level = swarm["level"].as_str().map(|level| format!("a {level} swarm"));
    let members = |value: &Value| value.as_object().cloned().unwrap_or_default().into_iter();
    let drawn = members(&swarm["vary"]).map(|(pointer, values)| format!("`{pointer}` from `{values}`"));
    let storms = members(&file["nemesis"]).map(|(name, storm)| format!("`{name}`: `{storm}`"));
    let said: Vec<_> = level.into_iter().chain(drawn).chain(storms).collect();
    Ok(format!("- [`{profile}`](../examples/safeguards/{profile}.json): {}.\n", said.join(", ")))
}

/// Whether the table still says what is.
fn sample() -> Outcome<()> {
    let page = std::fs::read_to_string(path("docs/safeguards.md"))?;
    let rows: Vec<Vec<&str>> =
        page.lines().map(|line| line.split('|').map(|cell| cell.trim().trim_matches('`')).collect()).collect();
    let stores = stores();
    let problems = in_parallel(&tasks(&stores), |&(store, what, is_safeguards)| {
        let problem = match is_safeguards {
            true => sampled(store, what, &rows),
            false => Intact::of(what, store.kind, SAMPLE).map(|intact| intact.problem(what, SAMPLE)),
        };
        problem.map_err(|error| format!("{} {what}: {error}", store.kind))
    })?;
    let problems: Vec<_> = problems.into_iter().flatten().collect();
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n").into()) }
}

/// What is wrong with a safeguard's row, if something is.
fn sampled(store: &Store, safeguard: &str, rows: &[Vec<&str>]) -> Outcome<Option<String>> {
    let kind = store.kind;
    let row = rows.iter().find(|row| row.len() > 6 && row[1] == kind && row[2] == safeguard);
    let row = row.ok_or_else(|| format!("docs/safeguards.md lacks {kind} without {safeguard}"))?;
    let (profile, seed, check) = (row[3], row[5], row[6]);
    let Shrunk { failure, after, runs, .. } =
        shrink(&scenario(profile, kind, Some(safeguard))?, seed.parse()?, &Registry::standard(), BUDGET)?;
    println!(
        "{kind} without {safeguard}: seed {seed} is refuted by {}, shrunk in {runs} runs to {after}",
        failure.check
    );
    Ok(match failure.check == check {
        true => too_large(kind, safeguard, after),
        false => Some(format!("{kind} without {safeguard}: the page says {check}, found {}", failure.check)),
    })
}

/// What is wrong with the size of a shrunk failure, if something is.
fn too_large(kind: &str, safeguard: &str, after: Size) -> Option<String> {
    (!is_small(after)).then(|| format!("{kind} without {safeguard}: shrunk to {after} only"))
}

const fn is_small(size: Size) -> bool {
    size.faults <= FEW_FAULTS && size.operations <= FEW_OPERATIONS
}

/// The time that this thread has spent on a processor, where the system tells it (Linux); else nothing.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap_or_default() / 1e9
}

const PAGE: &str = "# What each safeguard is there for

Every store here can be run without one of its safeguards (`\"without\"`). This page says how long it takes to notice, by searching under
faults that know nothing of it. It is printed by one command, some minutes of two cores:

    cargo run --profile ci --example safeguards > docs/safeguards.md

A profile is a scenario under `examples/safeguards/`, the same for all safeguards of a store but for the one line that takes one away. The
first profile of each store is a harsh swarm: every family of faults that the store tolerates and every point in its code is in or out with
probability one half, and the seed also draws sizes, timings, settings and mixes of operations. The others are for what the general one
seldom or never finds: storms of leaders that are cut off, slow clocks under leases, members that join at once, and quorum stores in which
only one of the three ways to repair is left, because any one of them makes up for the others.

## Without a safeguard

`first` is the first of SEEDS seeds that is refuted, counted from 0. `seed` is the one whose run was shrunk: of the first eight that are
refuted the one with the fewest faults, or where that would not become small in half of the budget, the next with what is left. Sizes are
faults / operations, at first and when shrunk (at most 5 / 10 is wanted); `what is left` has also the single messages and the
[points](points.md) that matter; `runs` is what shrinking spent in all, of 2,000 at most; processor seconds are for finding the first and for
shrinking. All but these is the same whenever the page is printed.

| store | without | found by | first | seed | refuted by | before | after | what is left | runs | processor seconds |
|---|---|---|---|---|---|---|---|---|---|---|
ROWS

To see a row again: `partita run examples/safeguards/raft.json --seed N --set '/services/store/raft/without=[\"persist_vote\"]'`, and
`partita shrink` likewise.

## Intact

Of SEEDS seeds from 0 how many hold, liveness included (but for `quorum-hints`, where it would read and so repair). Of each family:
how many faults touched something, and how much all of them touched together (messages, processes, disk operations, clock readings).

| profile | hold | inconclusive | refuted | processor seconds | what faults touched |
|---|---|---|---|---|---|
INTACT

## Profiles

What each draws or does. In a harsh swarm each family's numbers lie between the first and the last of those in [chaos.md](chaos.md#chaos),
on a logarithmic scale; what one seed has drawn, `partita run` prints.

PROFILES

CI runs 20 seeds of every profile intact, and shrinks the seed of every row above: `cargo run --profile ci --example safeguards -- sample`.
";
