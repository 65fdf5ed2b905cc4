//! Runs that are kept: what is needed to run each again, and what it came to.
//!
//! An entry stands alone. It holds the scenario itself, with every default filled in, so that a file that is edited later takes no failure
//! away; and it says by which version it was kept, because another may play other notes. A corpus is a set of entries, one for each scenario
//! and failure, and putting two together has one result, in whatever order and however often.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::kernel::stable_hash_str;
use crate::scenario::{Document, Problems, Registry, Run, RunError, RunOptions, Scenario};

use super::row::{Failure, Row};

/// A run that is kept.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The version of this form: [`Entry::VERSION`].
    pub version: u32,
    /// What its scenario is called: for people, and for the order of entries.
    pub name: String,
    /// Its seed.
    #[serde(serialize_with = "write_exactly", deserialize_with = "read_exactly")]
    pub seed: u64,
    /// By what it fails; `None` if it holds.
    pub failure: Option<Failure>,
    /// A hash of the scenario, whatever the seed.
    #[serde(serialize_with = "write_hex", deserialize_with = "read_hex")]
    pub scenario_digest: u64,
    /// The digest of everything that happened.
    #[serde(serialize_with = "write_hex", deserialize_with = "read_hex")]
    pub digest: u64,
    /// How many events happened.
    pub events: u64,
    /// The version of Partita that made the run.
    pub partita: String,
    /// The scenario with every default filled in.
    pub scenario: Value,
}

/// What makes two entries one: the scenario, and by what its run fails.
type Kind = (u64, Option<Failure>);

impl Entry {
    /// The version of the form of entries.
    pub const VERSION: u32 = 1;

    /// The entry of a run of this scenario.
    #[must_use]
    pub fn of_run(name: &str, scenario: &Scenario, run: &Run) -> Self {
        Self::new(name, scenario, (run.seed, Failure::of_run(run), run.digest().value(), run.events))
    }

    /// The entry of a run of this scenario, of which a row is left.
    #[must_use]
    pub fn of_row(name: &str, scenario: &Scenario, row: &Row) -> Self {
        Self::new(name, scenario, (row.seed, row.failure.clone(), row.digest, row.events))
    }

    fn new(name: &str, scenario: &Scenario, run: (u64, Option<Failure>, u64, u64)) -> Self {
        let (seed, failure, digest, events) = run;
        let mut written = scenario.resolved.clone();
        written.as_object_mut().and_then(|scenario| scenario.shift_remove("seed"));
        Self {
            version: Self::VERSION,
            name: name.to_owned(),
            seed,
            failure,
            scenario_digest: digest_of(&written),
            digest,
            events,
            partita: env!("CARGO_PKG_VERSION").to_owned(),
            scenario: written,
        }
    }

    /// Reads a line of a corpus.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(line: &str) -> Result<Self, String> {
        let entry: Self =
            serde_json::from_str(line).map_err(|error| format!("this is no entry of a corpus: {error}"))?;
        if entry.version != Self::VERSION {
            return Err(format!(
                "entries of version {} are not known, only of version {}",
                entry.version,
                Self::VERSION
            ));
        }
        let found = digest_of(&entry.scenario);
        if found != entry.scenario_digest {
            return Err(format!(
                "the scenario was changed after its run was kept: its digest is {found:016x}, not {:016x}",
                entry.scenario_digest
            ));
        }
        Ok(entry)
    }

    /// The line of a corpus that it is.
    #[must_use]
    pub fn line(&self) -> String {
        serde_json::to_string(self).expect("entries are plain data")
    }

    /// Whether this version of Partita made its run.
    #[must_use]
    pub fn is_of_this_version(&self) -> bool {
        self.partita == env!("CARGO_PKG_VERSION")
    }

    /// Its scenario, as one that could have been read from a file.
    ///
    /// # Errors
    /// What this version of Partita, or this set of kinds, refuses of it.
    pub fn read(&self, registry: &Registry) -> Result<Scenario, Box<Problems>> {
        let document = Document::from_value(self.name.as_str(), &self.scenario)?;
        Ok(Scenario::read(&document, registry)?)
    }

    /// Runs it again.
    ///
    /// # Errors
    /// If its scenario cannot be run.
    pub fn replay(&self, scenario: &Scenario) -> Result<Replay, RunError> {
        let options = RunOptions { seed: self.seed, keep_trace: false };
        let run = scenario.run(options)?;
        let (failure, digest) = (Failure::of_run(&run), run.digest().value());
        let outcome = if digest != self.digest && self.is_of_this_version() {
            let again = scenario.run(options)?;
            Outcome::OtherRun { is_repeatable: again.digest().value() == digest }
        } else if failure != self.failure {
            Outcome::OtherFailure
        } else if digest != self.digest {
            Outcome::AlikeByAnotherVersion
        } else {
            Outcome::Same
        };
        Ok(Replay { failure, digest, outcome })
    }

    fn kind(&self) -> Kind {
        (self.scenario_digest, self.failure.clone())
    }

    /// Of entries of one kind the lesser one stays: of the lowest seed, then of the newest version, the shortest; the rest only makes it
    /// an order.
    fn rank(&self) -> (u64, Reverse<Vec<u64>>, u64, u64, String) {
        let numbers = self.partita.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().unwrap_or(0));
        (self.seed, Reverse(numbers.collect()), self.events, self.digest, self.line())
    }
}

/// What a kept run comes to now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replay {
    /// By what it fails now.
    pub failure: Option<Failure>,
    /// Its digest now.
    pub digest: u64,
    /// What that means.
    pub outcome: Outcome,
}

/// How a kept run compares with what it comes to now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Event for event the same.
    Same,
    /// It fails alike. Its digest differs, as it may: another version made it.
    AlikeByAnotherVersion,
    /// It does not fail as it did.
    OtherFailure,
    /// The same version made another run of it.
    OtherRun {
        /// Whether the run is now the same twice: then it is no chance, but the program that is another.
        is_repeatable: bool,
    },
}

/// Puts entries together: of those with one scenario and failure the one with the lowest seed stays; of one seed, that of the newest version,
/// then the one with the fewest events. They are sorted by name, scenario, failure and seed. The result is the same in whatever order
/// entries come, and however often.
#[must_use]
pub fn merge(entries: impl IntoIterator<Item = Entry>) -> Vec<Entry> {
    let mut kept = BTreeMap::<Kind, Entry>::new();
    for entry in entries {
        match kept.get_mut(&entry.kind()) {
            Some(found) if entry.rank() < found.rank() => *found = entry,
            Some(_) => {}
            None => drop(kept.insert(entry.kind(), entry)),
        }
    }
    let mut kept: Vec<_> = kept.into_values().collect();
    kept.sort_by(|one, other| one.name.cmp(&other.name));
    kept
}

fn digest_of(scenario: &Value) -> u64 {
    stable_hash_str(&scenario.to_string())
}

fn write_hex<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format!("{value:016x}"))
}

fn read_hex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = String::deserialize(deserializer)?;
    let is_written_so = text.len() == 16 && text.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c));
    let wrong = || serde::de::Error::custom(format!("{text:?} is no digest: 16 digits of 0 to 9 and a to f"));
    if is_written_so { u64::from_str_radix(&text, 16).map_err(|_| wrong()) } else { Err(wrong()) }
}

/// The largest integer that every reader of JSON reads exactly; greater ones are texts.
const LARGEST_EXACT: u64 = 1 << 53;

fn write_exactly<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    if *value > LARGEST_EXACT {
        serializer.serialize_str(&value.to_string())
    } else {
        serializer.serialize_u64(*value)
    }
}

fn read_exactly<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    number.ok_or_else(|| serde::de::Error::custom(format!("{value} is no seed: a number from 0 to 2^64 - 1")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn entry((scenario, failure, seed, events, version): (u8, u8, u64, u64, u8)) -> Entry {
        let written = json!({ "title": scenario });
        let failure = (failure > 0).then(|| Failure {
            check: "linearizable".to_owned(),
            service: None,
            class: "safety".to_owned(),
            anomaly: (failure > 1).then(|| "stale read".to_owned()),
        });
        Entry {
            version: Entry::VERSION,
            name: format!("scenario-{}", scenario % 2),
            seed,
            failure,
            scenario_digest: digest_of(&written),
            digest: seed ^ u64::from(version),
            events,
            partita: format!("0.{version}.0"),
            scenario: written,
        }
    }

    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let one = (0u8..3, 0u8..3, prop_oneof![0u64..4, Just(u64::MAX)], 0u64..3, 8u8..12);
        prop::collection::vec(one.prop_map(entry), 0..12)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn putting_together_has_one_result(a in entries(), b in entries(), c in entries()) {
            let both = |one: &[Entry], other: &[Entry]| merge(one.iter().chain(other).cloned());
            let (left, right) = (both(&both(&a, &b), &c), both(&a, &both(&b, &c)));
            prop_assert_eq!(&left, &right);
            prop_assert_eq!(&both(&a, &b), &both(&b, &a));
            let merged = merge(a.clone());
            prop_assert_eq!(&both(&merged, &merged), &merged);
            prop_assert_eq!(&both(&merged, &[]), &merged);
            // Of each scenario and failure the lowest seed is there, once.
            for entry in &a {
                let alike: Vec<_> = merged.iter().filter(|kept| kept.kind() == entry.kind()).collect();
                prop_assert!(alike.len() == 1 && alike[0].seed <= entry.seed);
            }
            prop_assert!(merged.is_sorted_by_key(|entry| &entry.name));
        }

        #[test]
        fn a_line_reads_back(entries in entries()) {
            for entry in entries {
                prop_assert_eq!(Entry::parse(&entry.line()), Ok(entry));
            }
        }
    }

    #[test]
    fn of_one_seed_the_newest_version_stays() {
        let check = |one, other, expected: &str| {
            let merged = merge([entry(one), entry(other)]);
            assert_eq!(merged.iter().map(|entry| entry.partita.as_str()).collect::<Vec<_>>(), [expected]);
        };
        check((0, 1, 5, 10, 9), (0, 1, 5, 20, 10), "0.10.0");
        check((0, 1, 4, 10, 9), (0, 1, 5, 20, 10), "0.9.0");
    }

    #[test]
    fn wrong_lines_are_refused() {
        let line = entry((0, 1, 5, 10, 9)).line();
        let check = |line: &str, says: &str| {
            let found = Entry::parse(line).expect_err(line);
            assert!(found.contains(says), "{found}");
        };
        check("", "this is no entry of a corpus");
        check("{}", "missing field `version`");
        check(&line.replace("\"version\":1", "\"version\":2"), "version 2 are not known");
        check(&line.replace("\"title\":0", "\"title\":1"), "changed after its run was kept");
        check(&line.replace("\"seed\":5", "\"seed\":-5"), "-5 is no seed");
        check(&line.replace("\"events\"", "\"event\""), "unknown field `event`");
        check(&line.replace(&format!("{:016x}", 5 ^ 9), "12"), "\"12\" is no digest");
    }
}
