//! What many runs have covered together, and what none of them has.

use std::collections::{BTreeMap, BTreeSet};

use crate::scenario::{Aspect, Covered};

use super::row::Row;

/// Something that was covered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sight {
    /// In how many runs.
    pub runs: u64,
    /// The lowest seed among them.
    pub first_seed: u64,
}

/// What runs have covered, and what they never have.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Coverage {
    seen: BTreeMap<(Aspect, String), Sight>,
    never: BTreeSet<(Aspect, String)>,
}

impl Coverage {
    /// Of these rows, against what their runs could cover.
    #[must_use]
    pub fn of<'a>(rows: impl Iterator<Item = &'a Row>, coverable: &Covered) -> Self {
        let mut seen = BTreeMap::<(Aspect, String), Sight>::new();
        for row in rows {
            for (aspect, name) in row.covered.iter() {
                let first = Sight { runs: 0, first_seed: row.seed };
                let sight = seen.entry((aspect, name.to_owned())).or_insert(first);
                *sight = Sight { runs: sight.runs + 1, first_seed: sight.first_seed.min(row.seed) };
            }
        }
        let coverable = coverable.iter().map(|(aspect, name)| (aspect, name.to_owned()));
        let never = coverable.filter(|one| !seen.contains_key(one)).collect();
        Self { seen, never }
    }

    /// What was covered of an aspect, by name.
    pub fn seen(&self, aspect: Aspect) -> impl Iterator<Item = (&str, Sight)> {
        self.seen.iter().filter(move |((of, _), _)| *of == aspect).map(|((_, name), sight)| (name.as_str(), *sight))
    }

    /// What could have been covered of an aspect, and was not, by name.
    pub fn never(&self, aspect: Aspect) -> impl Iterator<Item = &str> {
        self.never.iter().filter(move |(of, _)| *of == aspect).map(|(_, name)| name.as_str())
    }
}

/// Runs one after the other, and how many of them in succession have covered nothing new.
#[derive(Clone, Debug, Default)]
pub struct Plateau {
    seen: BTreeSet<(Aspect, String)>,
    length: u64,
}

impl Plateau {
    /// Adds the next run; answers how many runs up to it have covered nothing new.
    pub fn add(&mut self, covered: &Covered) -> u64 {
        let before = self.seen.len();
        self.seen.extend(covered.iter().map(|(aspect, name)| (aspect, name.to_owned())));
        self.length = if self.seen.len() > before { 0 } else { self.length + 1 };
        self.length
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::testing::row;
    use super::*;

    fn covered(paths: &[&str], hits: &[&str]) -> Covered {
        let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Covered { paths: set(paths), hits: set(hits), ..Covered::default() }
    }

    #[test]
    fn what_was_never_covered_is_what_could_have_been() {
        let covering = |seed, covered| Row { covered, ..row(seed, "holds", Vec::new()) };
        let rows = [
            covering(5, covered(&["a"], &["crash of store leader"])),
            covering(3, covered(&["a", "b"], &[])),
            covering(4, Covered::default()),
        ];
        let coverage = Coverage::of(rows.iter(), &covered(&["a", "c"], &["crash of store follower"]));
        let seen: Vec<_> =
            coverage.seen(Aspect::Path).map(|(name, sight)| (name, sight.runs, sight.first_seed)).collect();
        assert_eq!(seen, [("a", 2, 3), ("b", 1, 3)]);
        assert_eq!(coverage.never(Aspect::Path).collect::<Vec<_>>(), ["c"]);
        assert_eq!(coverage.seen(Aspect::Hit).count(), 1);
        assert_eq!(coverage.never(Aspect::Hit).collect::<Vec<_>>(), ["crash of store follower"]);
    }

    #[test]
    fn a_plateau_ends_with_whatever_is_new() {
        let mut plateau = Plateau::default();
        let mut check =
            |paths: &[&str], hits: &[&str], expected| assert_eq!(plateau.add(&covered(paths, hits)), expected);
        check(&[], &[], 1);
        check(&["a"], &[], 0);
        check(&["a"], &[], 1);
        check(&[], &[], 2);
        // The same name in another aspect is something else.
        check(&[], &["a"], 0);
        check(&["a"], &["a"], 1);
    }
}
