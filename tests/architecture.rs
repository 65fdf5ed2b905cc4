//! The house stands as `docs/architecture.md` says: a floor uses lower floors only, and what is absent from a floor
//! is absent.

#[path = "architecture/source.rs"]
mod source;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The floors from the ground up, each with its rooms.
const FLOORS: [&[&str]; 10] = [
    &["kernel"],
    &["host"],
    &["fault"],
    &["store", "service", "call"],
    &["load"],
    &["check"],
    &["scenario", "import"],
    &["explore"],
    &["report", "property"],
    &["cli", "prelude"],
];

/// Rooms that may use a room of their own floor.
const NEIGHBOURS: [(&str, &str); 1] = [("property", "report")];

/// Rooms that know nothing of a room below them: clients and checkers know no store, stores know no fault.
const STRANGERS: [(&str, &str); 4] = [("load", "store"), ("check", "store"), ("store", "fault"), ("call", "fault")];

/// Which rooms may use a crate; it is in `docs/dependencies.md` why they do.
const CRATES: [(&str, &[&str]); 11] = [
    ("libm", &["kernel", "explore", "report"]),
    ("rand_chacha", &["kernel"]),
    ("petgraph", &["host", "check"]),
    ("serde", &["scenario", "import", "explore", "report", "cli"]),
    ("serde_json", &["scenario", "import", "explore", "report", "property", "cli"]),
    ("proptest", &["property"]),
    ("hdrhistogram", &["explore"]),
    ("clap", &["cli"]),
    ("ctrlc", &["cli"]),
    ("indicatif", &["cli"]),
    ("annotate_snippets", &["cli"]),
];

/// The highest floor where a run is made: nothing up to here depends on anything but the scenario and the seed.
const TOP_OF_RUN: usize = 6;

/// What no such floor mentions.
const OUTSIDE_WORLD: [&[&str]; 15] = [
    &["std", "fs"],
    &["std", "env"],
    &["std", "net"],
    &["std", "thread"],
    &["std", "process"],
    &["std", "time", "Instant"],
    &["std", "time", "SystemTime"],
    &["HashMap"],
    &["HashSet"],
    &["RandomState"],
    &["println", "!"],
    &["eprintln", "!"],
    &["print", "!"],
    &["eprint", "!"],
    &["dbg", "!"],
];

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// What is wrong with the code of a module, whose path in the crate is `module`.
fn violations(module: &[String], code: &str) -> Vec<String> {
    let room = module[0].as_str();
    let mine = floor(room).unwrap_or_else(|| panic!("{room} is on no floor"));
    let mut found = BTreeSet::new();
    for path in source::paths(code) {
        let joined = path.join("::");
        if let Some(other) = room_of(module, &path)
            && let Some(theirs) = floor(&other)
        {
            let pair = (room, other.as_str());
            let allowed = other == room || theirs < mine && !STRANGERS.contains(&pair) || NEIGHBOURS.contains(&pair);
            if !allowed {
                found.insert(format!("{room} uses {other}: {joined}"));
            }
        }
        let outside = |banned: &&[&str]| path.windows(banned.len()).any(|part| *part == **banned);
        if mine <= TOP_OF_RUN && OUTSIDE_WORLD.iter().any(outside) {
            found.insert(format!("{room} depends on the world outside: {joined}"));
        }
        let in_crate = CRATES.iter().find(|(name, _)| *name == path[0]);
        if path.len() > 1 && in_crate.is_some_and(|(_, rooms)| !rooms.contains(&room)) {
            found.insert(format!("{room} uses the crate {joined}"));
        }
    }
    found.into_iter().collect()
}

/// Which room of the house a path leads to from a module, if it leads to one.
fn room_of(module: &[String], path: &[String]) -> Option<String> {
    let ups = path.iter().take_while(|part| *part == "super").count();
    let leads_to_root = path[0] == "crate" || ups > 0 && ups >= module.len();
    let first = if path[0] == "crate" { 1 } else { ups };
    path.get(first).filter(|_| leads_to_root).cloned()
}

/// A source of the library.
struct Source {
    file: PathBuf,
    /// Its path in the crate: `["host", "disk", "image"]`.
    module: Vec<String>,
    code: String,
}

/// Every source of the rooms, without tests.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    gather(&root, &mut files);
    let mut tests: BTreeSet<Vec<String>> = BTreeSet::new();
    let mut sources = Vec::new();
    for file in files {
        let relative = file.strip_prefix(&root).expect("a file of src").with_extension("");
        let mut module: Vec<_> = relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        if module.last().is_some_and(|last| last == "mod") {
            module.pop();
        }
        if module == ["lib"] || module == ["main"] {
            continue;
        }
        let text = std::fs::read_to_string(&file).expect("a readable source");
        let (code, test_modules) = source::without_tests(&source::code(&text));
        tests.extend(test_modules.into_iter().map(|name| [module.clone(), vec![name]].concat()));
        sources.push(Source { file, module, code });
    }
    sources.retain(|source| !(1..=source.module.len()).any(|depth| tests.contains(&source.module[..depth])));
    sources
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            gather(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn every_arrow_points_down() {
    let sources = sources();
    let rooms: BTreeSet<_> = sources.iter().map(|source| source.module[0].as_str()).collect();
    assert!(sources.len() > 80 && rooms.len() >= 10, "these sources are not the library: {rooms:?}");
    let wrong: Vec<_> = sources
        .iter()
        .flat_map(|source| violations(&source.module, &source.code).into_iter().map(|what| (&source.file, what)))
        .map(|(file, what)| format!("{}: {what}", file.display()))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_floor_that_uses_a_higher_one_is_found() {
    let check = |module: &str, code: &str, expected: &[&str]| {
        let module: Vec<_> = module.split("::").map(str::to_owned).collect();
        let (code, _) = source::without_tests(&source::code(code));
        assert_eq!(violations(&module, &code), expected, "{code}");
    };
    check("host::life", "use crate::kernel::Time;", &[]);
    check("kernel::time", "use crate::host::Node;", &["kernel uses host: crate::host::Node"]);
    check("kernel", "fn f() -> crate::report::Story { }", &["kernel uses report: crate::report::Story"]);
    check(
        "fault",
        "use crate::{host::Node, load::{Load, Keys}};",
        &["fault uses load: crate::load::Keys", "fault uses load: crate::load::Load"],
    );
    check("store::single", "use super::super::call::Driver;", &["store uses call: super::super::call::Driver"]);
    check("store::single::log", "use super::super::protocol::Protocol;", &[]);
    check("store", "use crate::call;", &["store uses call: crate::call"]);
    check("check", "crate::store::Single::REPLICAS;", &["check uses store: crate::store::Single::REPLICAS"]);
    check("cli::run", "use crate::explore::sweep; use std::fs; println!()", &[]);
    check("scenario", "std::env::var()", &["scenario depends on the world outside: std::env::var"]);
    check(
        "load",
        "use std::collections::{BTreeMap, HashMap};",
        &["load depends on the world outside: std::collections::HashMap"],
    );
    check("check", "dbg!(1)", &["check depends on the world outside: dbg::!"]);
    check("host", "use std::time::{Duration, Instant};", &["host depends on the world outside: std::time::Instant"]);
    check("check", "serde_json::json!({})", &["check uses the crate serde_json::json::!"]);
    check("report", "use clap::Parser;", &["report uses the crate clap::Parser"]);
    check("kernel", "/// See [`crate::host`]\n// std::fs::read\nfn f() { \"std::env::var\"; }", &[]);
    check("kernel", "#[cfg(test)]\nmod tests { use crate::host::Node; }", &[]);
}

/// The names that a floor's `mod.rs` shows to users of the library.
fn exports(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for item in code.split("pub use ").skip(1) {
        let item = format!("use {}", &item[..=item.find(';').expect("the import's end")]);
        names.extend(source::paths(&item).into_iter().filter_map(|mut path| path.pop()));
    }
    let words: Vec<_> = code.split_whitespace().collect();
    let defined = words.windows(3).filter(|words| words[0] == "pub" && words[1] != "use").map(|words| {
        let name = words[2].split(|c: char| !c.is_alphanumeric() && c != '_').next();
        name.unwrap_or_default().to_owned()
    });
    names.extend(defined);
    names
}

#[test]
fn stores_and_callers_import_only_what_a_user_can() {
    let sources = sources();
    for public in ["host", "kernel"] {
        let front = sources.iter().find(|source| source.module == [public]).expect("the floor's mod.rs");
        let exports = exports(&front.code);
        assert!(exports.len() > 10, "{exports:?}");
        for source in sources.iter().filter(|source| ["store", "service", "call"].contains(&&*source.module[0])) {
            for path in
                source::paths(&source.code).iter().filter(|path| path.starts_with(&["crate".into(), public.into()]))
            {
                let name = path.get(2).expect("a name");
                assert!(exports.contains(name), "{}: {} is not public", source.file.display(), path.join("::"));
            }
        }
    }
}

#[test]
fn exports_are_what_is_public() {
    let code = "mod a; pub mod b; pub(crate) mod c; pub use a::{D, e::F}; pub use g::H as I; pub(crate) use j::K;
                pub struct L(pub(crate) u64); pub fn m() {}";
    let expected = ["D", "F", "H", "L", "b", "m"].map(str::to_owned);
    assert_eq!(exports(code).into_iter().collect::<Vec<_>>(), expected);
}
