//! Failures that were kept: a folder of scenario files, those of a test by its name.

use std::path::{Path, PathBuf};
use std::sync::Once;
use std::{fs, io};

use super::warn;

/// The kept failures of one test.
pub(super) struct Regressions {
    folder: PathBuf,
    /// How the names of its files begin.
    prefix: String,
}

impl Regressions {
    pub(super) fn new(folder: PathBuf, test: &str) -> Self {
        Self { folder, prefix: flat(test) }
    }

    /// The test's files, in the order of their names; none without a folder.
    pub(super) fn files(&self) -> Result<Vec<PathBuf>, String> {
        let mut paths = self.all()?;
        paths.retain(|path| owner(path) == Some(&self.prefix));
        paths.sort();
        Ok(paths)
    }

    /// Warns of failures that no test replays, because theirs has another name now, or is gone; once in a process.
    pub(super) fn report_orphans(&self) {
        static ONCE: Once = Once::new();
        // Cargo runs tests in the folder of their package.
        ONCE.call_once(|| self.orphans(Path::new(".")).iter().for_each(|says| warn(says)));
    }

    /// The files whose test is not found in the sources of a package, in words. A test that a macro makes may be called by a
    /// name that stands nowhere, so this is no error.
    fn orphans(&self, package: &Path) -> Vec<String> {
        let mut paths = self.all().unwrap_or_default();
        paths.retain(|path| owner(path).is_some_and(|owner| owner != self.prefix));
        paths.sort();
        if paths.is_empty() {
            return Vec::new();
        }
        let mut sources = Vec::new();
        read_sources(package, &mut sources);
        let is_found = |owner: &str| {
            let function = format!("fn-{}-", owner.rsplit('-').next().unwrap_or(owner));
            let name = format!("-{owner}-");
            sources.iter().any(|source| source.contains(&function) || source.contains(&name))
        };
        let orphaned = paths.iter().filter(|path| owner(path).is_some_and(|owner| !is_found(owner)));
        let says = |path: &PathBuf| {
            format!(
                "no test replays {}: none is called {} any more. Rename the file after its test, or remove it",
                path.display(),
                owner(path).unwrap_or_default()
            )
        };
        orphaned.map(says).collect()
    }

    /// All files of the folder; none without one.
    fn all(&self) -> Result<Vec<PathBuf>, String> {
        let failed = |error| format!("cannot read {}: {error}", self.folder.display());
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let paths: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
        paths.map_err(failed)
    }

    /// Keeps a failure, by the digest of its run; answers where.
    pub(super) fn keep(&self, digest: u64, text: &str) -> Result<PathBuf, String> {
        let path = self.folder.join(format!("{}-{digest:016x}.json", self.prefix));
        let written = fs::create_dir_all(&self.folder).and_then(|()| write_whole(&path, text.as_bytes()));
        written.map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(path)
    }
}

/// A test's name as the names of files begin.
fn flat(test: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || c == '_' { c } else { '-' };
    test.replace("::", "-").chars().map(plain).collect()
}

/// The test whose failure a file keeps, by its name.
fn owner(path: &Path) -> Option<&str> {
    let (owner, digest) = path.file_name()?.to_str()?.strip_suffix(".json")?.rsplit_once('-')?;
    let is_digest = digest.len() == 16 && digest.chars().all(|c| c.is_ascii_hexdigit());
    is_digest.then_some(owner)
}

/// Adds the Rust files below a folder, each as one flat text.
fn read_sources(folder: &Path, sources: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let Ok(kind) = entry.file_type() else { continue };
        let is_built = name == "target" || name.to_string_lossy().starts_with('.');
        if kind.is_dir() && !is_built {
            read_sources(&path, sources);
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "rs") {
            sources.extend(fs::read_to_string(&path).ok().map(|text| flat(&text)));
        }
    }
}

/// Where a file stands while it is written.
fn temporary(path: &Path) -> PathBuf {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".partial");
    temporary.into()
}

/// Whether [`write_whole`] could write there: it leaves nothing behind.
#[cfg(feature = "cli")]
pub(crate) fn probe(path: &Path) -> io::Result<()> {
    let temporary = temporary(path);
    fs::write(&temporary, []).and_then(|()| fs::remove_file(&temporary))
}

/// Writes a file: whole or not at all. Nobody ever sees half of it.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = temporary(path);
    let result = fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    if result.is_err() {
        // Nothing is left behind; that even this fails changes nothing.
        let _ = fs::remove_file(&temporary);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_belong_to_one_test() {
        let check = |test: &str, file: &str, expected: bool| {
            let path = Path::new("kept").join(file);
            assert_eq!(owner(&path) == Some(&flat(test)), expected, "{test}: {file}");
        };
        check("tests::a", "tests-a-0123456789abcdef.json", true);
        check("tests::a", "tests-a-b-0123456789abcdef.json", false);
        check("tests::a", "tests-a-0123456789abcdef.json.partial", false);
        check("a", "tests-a-0123456789abcdef.json", false);
        check("a", "a-0123456789abcde.json", false);
    }

    #[test]
    fn failures_without_a_test_are_reported() {
        let folder = std::env::temp_dir().join(format!("partita-orphans-{}", std::process::id()));
        let (kept, source) = (folder.join("kept"), folder.join("src"));
        for folder in [&kept, &source, &folder.join("target")] {
            fs::create_dir_all(folder).expect("a folder");
        }
        let names = ["tests-it_holds", "mine-it-works", "tests-renamed", "tests-it"];
        for name in names {
            fs::write(kept.join(format!("{name}-0123456789abcdef.json")), "{}").expect("a file");
        }
        fs::write(kept.join("notes.txt"), "").expect("a file");
        fs::write(source.join("a.rs"), "fn it_holds() {}\nfn b() { named(\"mine::it works\") }").expect("a source");
        fs::write(folder.join("target/old.rs"), "fn renamed() {}").expect("a source");
        let orphans = Regressions::new(kept.clone(), "tests::other").orphans(&folder);
        assert_eq!(orphans.len(), 2, "{orphans:?}");
        assert!(
            orphans[0].contains("tests-it-0123456789abcdef.json: none is called tests-it any more"),
            "{orphans:?}"
        );
        assert!(orphans[1].contains("tests-renamed"), "{orphans:?}");
        let own = Regressions::new(kept, "tests::renamed").orphans(&folder);
        assert_eq!(own.len(), 1, "a test's own are replayed: {own:?}");
        fs::remove_dir_all(folder).expect("the folder is there");
    }
}
