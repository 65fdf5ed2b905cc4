//! The variables that change a test, and the program that it runs in.

use std::path::{Path, PathBuf};

use crate::kernel::stable_hash_str;

/// What the process's environment says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Environment {
    seed: Option<u64>,
    cases: Option<u64>,
    pub(super) checks_determinism: bool,
    regressions: Option<PathBuf>,
    pub(super) trace: Option<PathBuf>,
}

impl Environment {
    /// That of this process.
    #[expect(clippy::disallowed_methods, reason = "tests are told by variables which seeds to run")]
    pub(super) fn of_process() -> Result<Self, String> {
        Self::read(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// What these variables say.
    pub(super) fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let cases = variable("PARTITA_CASES").map(|text| {
            text.parse()
                .map_err(|_| format!("PARTITA_CASES={text}: it is a number of runs, as in PARTITA_CASES=1000"))
        });
        let checks_determinism = match variable("PARTITA_CHECK_DETERMINISM").as_deref() {
            None | Some("0" | "false") => false,
            Some("1" | "true") => true,
            Some(other) => return Err(format!("PARTITA_CHECK_DETERMINISM={other}: it is 1 or 0")),
        };
        Ok(Self {
            seed: variable("PARTITA_SEED").map(|text| seed(&text)),
            cases: cases.transpose()?,
            checks_determinism,
            regressions: variable("PARTITA_REGRESSIONS").map(PathBuf::from),
            trace: variable("PARTITA_TRACE").map(PathBuf::from),
        })
    }

    /// The seeds of a test that would run so many from `first` on.
    pub(super) fn seeds(&self, first: u64, count: u64) -> impl Iterator<Item = u64> + use<> {
        let (first, count) = (self.seed.unwrap_or(first), self.cases.unwrap_or(count));
        (0..count).map(move |place| first.wrapping_add(place))
    }

    /// The folder of kept failures, if there is one; `usual` unless another is named.
    pub(super) fn regressions(&self, usual: &Path) -> Option<PathBuf> {
        match &self.regressions {
            Some(none) if none.as_os_str() == "none" => None,
            Some(folder) => Some(folder.clone()),
            None => Some(usual.to_owned()),
        }
    }
}

/// A number as it stands; anything else, such as a commit hash, as a number of its own.
fn seed(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| stable_hash_str(text))
}

/// What `cargo test` needs to be told to run the tests of this process and no others: examples are not among those that
/// it runs by name otherwise.
pub(super) fn target_flag() -> String {
    std::env::current_exe()
        .ok()
        .and_then(|program| example(&program))
        .map_or_else(String::new, |example| format!(" --example {example}"))
}

/// The example whose tests a program holds: `target/debug/examples/register-0123456789abcdef`.
fn example(program: &Path) -> Option<String> {
    let folder = program.parent()?.file_name()?;
    let (name, _hash) = program.file_stem()?.to_str()?.rsplit_once('-')?;
    (folder == "examples").then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Environment, String> {
        let value = |name: &str| variables.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned());
        Environment::read(value)
    }

    #[test]
    fn seeds_begin_where_they_are_told_to() {
        let check = |variables: &[(&str, &str)], expected: &[u64]| {
            let seeds: Vec<_> = read(variables).expect("they are right").seeds(5, 3).collect();
            assert_eq!(seeds, expected, "{variables:?}");
        };
        check(&[], &[5, 6, 7]);
        check(&[("PARTITA_SEED", "17")], &[17, 18, 19]);
        check(&[("PARTITA_CASES", "2")], &[5, 6]);
        check(&[("PARTITA_SEED", "18446744073709551615"), ("PARTITA_CASES", "2")], &[u64::MAX, 0]);
        let hash = stable_hash_str("28ad392");
        check(&[("PARTITA_SEED", "28ad392"), ("PARTITA_CASES", "1")], &[hash]);
    }

    #[test]
    fn what_makes_no_sense_is_an_error() {
        let check = |name: &str, value: &str| {
            let says = read(&[(name, value)]).expect_err("it makes no sense");
            assert!(says.starts_with(&format!("{name}={value}: ")), "{says}");
        };
        check("PARTITA_CASES", "many");
        check("PARTITA_CASES", "-1");
        check("PARTITA_CHECK_DETERMINISM", "perhaps");
    }

    #[test]
    fn regressions_have_a_folder_unless_nobody_wants_them() {
        let check = |value: Option<&str>, expected: Option<&str>| {
            let variables: Vec<_> = value.map(|value| ("PARTITA_REGRESSIONS", value)).into_iter().collect();
            let folder = read(&variables).expect("they are right").regressions(Path::new("usual"));
            assert_eq!(folder.as_deref(), expected.map(Path::new));
        };
        check(None, Some("usual"));
        check(Some("elsewhere"), Some("elsewhere"));
        check(Some("none"), None);
    }

    #[test]
    fn examples_are_named_to_cargo() {
        let check = |program: &str, expected: Option<&str>| {
            assert_eq!(example(Path::new(program)).as_deref(), expected, "{program}");
        };
        check("/x/target/debug/examples/own_register-0123456789abcdef", Some("own_register"));
        check("/x/target/debug/deps/own_register-0123456789abcdef", None);
        check("/x/target/debug/examples/own", None);
    }
}
