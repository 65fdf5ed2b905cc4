//! Reading scenarios and writing results.

use std::fs;
use std::path::Path;

use clap::Args;

use crate::property::{probe, write_whole};
use crate::scenario::{Document, Registry, Scenario};

use super::bundled;
use super::output::Failure;

/// A scenario file larger than this is a mistake.
const LARGEST_FILE: u64 = 256 << 20;

/// What a folder of results holds of its scenario.
pub(super) const RESOLVED: &str = "scenario.json";

/// The scenario that a command is about, and its seed.
#[derive(Args)]
pub(super) struct Chosen {
    /// A scenario file, or the name of a bundled scenario.
    #[arg(value_name = "FILE|NAME")]
    pub(super) scenario: String,
    /// The seed; without it, the (first) file's.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(super) seed: Option<u64>,
    /// Changes one value of the file: a JSON Pointer and a JSON text, as in /network/loss="5%".
    #[arg(long = "set", value_name = "/POINTER=JSON")]
    pub(super) changes: Vec<String>,
}

impl Chosen {
    /// Reads the scenario; answers its seed unless another was given.
    pub(super) fn read(&self, registry: &Registry) -> Result<(Scenario, u64), Failure> {
        let scenario = scenario(registry, &self.scenario, &self.changes)?;
        let seed = self.seed.unwrap_or(scenario.seed);
        Ok((scenario, seed))
    }
}

/// Where a folder of a sweep over a grid has the scenarios of its points.
pub(super) const GRID: &str = "scenarios";

/// Reads a scenario: a file, the folder of a run's results, or a bundled one by its name. `changes` are `/pointer=JSON` texts.
pub(super) fn scenario(registry: &Registry, name: &str, changes: &[String]) -> Result<Scenario, Failure> {
    varied(registry, name, changes, &[])
}

/// Like [`scenario`], with what --vary sets after that: pointers and JSON texts.
pub(super) fn varied(
    registry: &Registry,
    name: &str,
    changes: &[String],
    varied: &[(String, String)],
) -> Result<Scenario, Failure> {
    let bytes = source(name)?;
    let mut document = Document::parse(name, &bytes).map_err(|problems| Failure::Problems(Box::new(problems)))?;
    for change in changes {
        let Some((pointer, json)) = change.split_once('=') else {
            return Err(Failure::usage(format!("error: --set {change}: write /pointer=JSON, as in --set /seed=7")));
        };
        document =
            document.set(pointer, json).map_err(|says| Failure::usage(format!("error: --set {change}: {says}")))?;
    }
    for (pointer, json) in varied {
        let wrong = |says| Failure::usage(format!("error: --vary {pointer}: {says}"));
        document = document.set(pointer, json).map_err(wrong)?;
    }
    Scenario::read(&document, registry).map_err(|problems| Failure::Problems(Box::new(problems)))
}

/// The digest of the run that a folder of results holds.
pub(super) fn kept_digest(name: &str) -> Option<String> {
    let manifest = fs::read(Path::new(name).join("manifest.json")).ok()?;
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).ok()?;
    manifest["result"]["digest"].as_str().map(str::to_owned)
}

/// The bytes of a scenario.
fn source(name: &str) -> Result<Vec<u8>, Failure> {
    let path = Path::new(name);
    if path.is_dir() {
        let resolved = path.join(RESOLVED);
        return if resolved.exists() {
            read(&resolved)
        } else if path.join(GRID).is_dir() {
            Err(Failure::usage(format!(
                "error: the folder {name} holds a sweep over a grid; name the scenario of a point, as in {}",
                path.join(GRID).join("point-0.json").display()
            )))
        } else {
            Err(Failure::usage(format!(
                "error: the folder {name} has no {RESOLVED}; name a scenario file, or a folder that --out has written"
            )))
        };
    }
    if !path.exists() {
        if let Some(bundled) = bundled::find(name) {
            return Ok(bundled.text.as_bytes().to_vec());
        }
        let with_ending = format!("{name}.json");
        if Path::new(&with_ending).exists() {
            return Err(Failure::usage(format!("error: there is no file {name}; did you mean {with_ending}?")));
        }
        let names = bundled::SCENARIOS.iter().map(|bundled| bundled.name);
        let near = crate::scenario::closest(name, names);
        let hint =
            near.map_or("`partita list` shows the bundled ones".to_owned(), |near| format!("did you mean {near}?"));
        return Err(Failure::usage(format!("error: there is no file and no bundled scenario {name}; {hint}")));
    }
    read(path)
}

/// The bytes of a file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let metadata = fs::metadata(path).map_err(|error| Failure::io("read", path, &error))?;
    if metadata.len() > LARGEST_FILE {
        let size = metadata.len();
        return Err(Failure::usage(format!(
            "error: {} has {size} bytes; at most {LARGEST_FILE} are read",
            path.display()
        )));
    }
    fs::read(path).map_err(|error| Failure::io("read", path, &error))
}

/// Makes the folder of a result, and sees whether one can write there: before the work, not after it.
pub(super) fn prepare_folder(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| Failure::io("make the folder", folder, &error))?;
    prepare(&folder.join("result"))
}

/// Sees whether a result can be written: before the work, not after it.
pub(super) fn prepare(path: &Path) -> Result<(), Failure> {
    let failed = |error| Failure::io("write", path, &error);
    match path.metadata() {
        Ok(metadata) if metadata.is_dir() => Err(failed(std::io::ErrorKind::IsADirectory.into())),
        // A device or a pipe is written as it is.
        Ok(metadata) if !metadata.is_file() => Ok(()),
        _ => probe(path).map_err(failed),
    }
}

/// Writes a result: whole or not at all.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error| Failure::io("write", path, &error);
    if path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        // A device or a pipe has no name to be renamed to.
        return fs::write(path, bytes).map_err(failed);
    }
    write_whole(path, bytes).map_err(failed)
}
