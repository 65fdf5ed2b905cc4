//! Failures that were kept: a folder of scenario files, those of a test by its name.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// The kept failures of one test.
pub(super) struct Regressions {
    folder: PathBuf,
    /// How the names of its files begin.
    prefix: String,
}

impl Regressions {
    pub(super) fn new(folder: PathBuf, test: &str) -> Self {
        let plain = |c: char| if c.is_alphanumeric() || c == '_' { c } else { '-' };
        Self { folder, prefix: test.replace("::", "-").chars().map(plain).collect() }
    }

    /// The test's files, in the order of their names; none without a folder.
    pub(super) fn files(&self) -> Result<Vec<PathBuf>, String> {
        let failed = |error| format!("cannot read {}: {error}", self.folder.display());
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let paths: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
        let mut paths = paths.map_err(failed)?;
        paths.retain(|path| self.is_mine(path));
        paths.sort();
        Ok(paths)
    }

    /// Whether a file is called as this test calls its files; another test's name may begin with this one's.
    fn is_mine(&self, path: &Path) -> bool {
        let digest = path.file_name().and_then(|name| name.to_str()?.strip_prefix(&self.prefix)?.strip_prefix('-'));
        let digest = digest.and_then(|rest| rest.strip_suffix(".json"));
        digest.is_some_and(|digest| digest.len() == 16 && digest.chars().all(|c| c.is_ascii_hexdigit()))
    }

    /// Keeps a failure, by the digest of its run; answers where.
    pub(super) fn keep(&self, digest: u64, text: &str) -> Result<PathBuf, String> {
        let path = self.folder.join(format!("{}-{digest:016x}.json", self.prefix));
        let written = fs::create_dir_all(&self.folder).and_then(|()| write_whole(&path, text.as_bytes()));
        written.map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(path)
    }
}

/// Writes a file: whole or not at all. Nobody ever sees half of it.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".partial");
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
            let kept = Regressions::new(PathBuf::from("kept"), test);
            assert_eq!(kept.is_mine(&Path::new("kept").join(file)), expected, "{test}: {file}");
        };
        check("tests::a", "tests-a-0123456789abcdef.json", true);
        check("tests::a", "tests-a-b-0123456789abcdef.json", false);
        check("tests::a", "tests-a-0123456789abcdef.json.partial", false);
        check("a", "tests-a-0123456789abcdef.json", false);
        check("a", "a-0123456789abcde.json", false);
    }
}
