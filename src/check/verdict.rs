//! Verdicts: one per expectation, one per run, and how many make one.

use std::fmt;

use super::sentence::clause;
use super::window::Phase;
use crate::host::Key;
use crate::load::History;

/// What kind of promise was broken. The order decides which class a run with several refutations is of, the
/// gravest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Class {
    /// A node panicked.
    Crash,
    /// Something happened that never may: a wrong answer, a lost write.
    Safety,
    /// Something that must happen after all has healed never did.
    Liveness,
    /// Too few operations were answered.
    Availability,
    /// Answers came too late.
    Latency,
}

/// The answer to a hypothesis.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It held, and was put to the test.
    Holds,
    /// It did not hold.
    Refuted(Class),
    /// It was not put to the test, or not enough to tell.
    Inconclusive,
    /// Two runs of one seed differed: no other answer of theirs counts.
    Nondeterministic,
}

impl Verdict {
    /// The exit code of the command line.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Holds => 0,
            Self::Refuted(_) => 1,
            Self::Inconclusive => 3,
            Self::Nondeterministic => 4,
        }
    }

    /// The name in reports: `holds`, `refuted`, `inconclusive`, `nondeterministic`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Refuted(_) => "refuted",
            Self::Inconclusive => "inconclusive",
            Self::Nondeterministic => "nondeterministic",
        }
    }

    /// The class of a refutation.
    #[must_use]
    pub const fn class(self) -> Option<Class> {
        match self {
            Self::Refuted(class) => Some(class),
            _ => None,
        }
    }

    /// The verdict on two hypotheses together: nondeterministic before refuted before inconclusive before holds;
    /// of two refutations the one of the graver class. A counterexample is never vacuous.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let rank = |verdict: Self| match verdict {
            Self::Nondeterministic => (0, None),
            Self::Refuted(class) => (1, Some(class)),
            Self::Inconclusive => (2, None),
            Self::Holds => (3, None),
        };
        if rank(other) < rank(self) { other } else { self }
    }
}

impl Class {
    /// The name in reports: `crash`, `safety`, `liveness`, `availability`, `latency`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Safety => "safety",
            Self::Liveness => "liveness",
            Self::Availability => "availability",
            Self::Latency => "latency",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How far an object went well that is not linearizable. Operations are indices into the history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prefix {
    /// A linearization of the longest prefix that has one, up to the end of some operation. Empty if it is not known.
    pub linearized: Vec<usize>,
    /// What the object holds after it.
    pub state_after: String,
    /// The operations that cannot follow, and why each cannot; first the one with which the prefix ends.
    pub stuck: Vec<(usize, String)>,
}

/// How many operations that cannot follow a story names.
const NAMED: usize = 3;

/// How many characters of a state a story shows.
const SHOWN: usize = 60;

impl Prefix {
    /// The same in a few lines: how many operations have an order and what that leaves, then some of those that cannot follow, and
    /// how many more there are. Nothing if it is not known how far the object went well.
    #[must_use]
    pub fn story(&self, history: &History) -> Vec<String> {
        let Self { linearized, state_after, stuck } = self;
        if stuck.is_empty() {
            return Vec::new();
        }
        let left = match state_after.char_indices().nth(SHOWN) {
            None => state_after.clone(),
            Some((end, _)) => format!("{}...", &state_after[..end]),
        };
        let cannot = match stuck.as_slice() {
            [_] => "This cannot follow:".to_owned(),
            all => format!("These {} cannot follow:", all.len()),
        };
        let well = match linearized.len() {
            0 => format!("No operation comes before, and the object holds {left}. {cannot}"),
            1 => format!("In order up to there: 1 operation, which leaves {left}. {cannot}"),
            before => format!("In order up to there: {before} operations, which leave {left}. {cannot}"),
        };
        let named = stuck.iter().take(NAMED).map(|(operation, _)| clause(history, *operation));
        let more = stuck.len().saturating_sub(NAMED);
        let more = (more > 0).then(|| format!("and {more} more"));
        std::iter::once(well).chain(named).chain(more).collect()
    }
}

/// One expectation, judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Check {
    /// The expectation's name in scenario files; where several services are called, with the service that it is about:
    /// `linearizable:store`.
    pub name: String,
    /// The service that it is about, where each is judged by itself, however many are called.
    pub service: Option<String>,
    /// When it was to hold.
    pub phase: Phase,
    /// Whether it did.
    pub verdict: Verdict,
    /// What was found, in a few words.
    pub observed: String,
    /// What was asked for, in a few words.
    pub expected: String,
    /// How that came, in sentences.
    pub explanation: String,
    /// What kind of violation was found, where the expectation can be violated in several ways: the name of a kind, without numbers
    /// and names of nodes, so that it is the same in every run that fails alike.
    pub anomaly: Option<String>,
    /// How far the object went well, if it is not linearizable.
    pub prefix: Option<Prefix>,
    /// The operations that show it, as indices into the history; the most telling first, not necessarily all.
    pub operations: Vec<usize>,
    /// How these operations hang together, where a drawing can show it; of a cycle in its order.
    pub edges: Vec<Edge>,
}

/// What links two operations that tell of a violation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edge {
    /// The operation where it begins, as an index into the history.
    pub from: usize,
    /// The operation where it ends; `None`: what the replicas hold at the end of the run.
    pub to: Option<usize>,
    /// `ww`, `wr` or `rw` for a dependency of transactions (Adya 1999, section 3.1), `session` or `realtime` for an
    /// order that they must keep, `lost` from an acknowledged write to what shows that it is gone.
    pub kind: &'static str,
    /// The object that it is about, if it is about one.
    pub key: Option<Key>,
    /// The same in a sentence.
    pub words: String,
}

impl Check {
    /// The same, where the history in which its operations stand is part of a longer one: `places` says where there.
    pub(crate) fn moved_to(&mut self, places: &[usize]) {
        let prefix = self.prefix.iter_mut().flat_map(|prefix| {
            prefix.linearized.iter_mut().chain(prefix.stuck.iter_mut().map(|(operation, _)| operation))
        });
        self.operations.iter_mut().chain(prefix).for_each(|index| *index = places[*index]);
    }

    /// The verdict on all of them. Where nothing was expected nothing was put to the test: inconclusive.
    #[must_use]
    pub fn verdict_of(checks: &[Self]) -> Verdict {
        checks.iter().map(|check| check.verdict).reduce(Verdict::and).unwrap_or(Verdict::Inconclusive)
    }
}

#[cfg(test)]
mod tests {
    use Class::{Availability, Crash, Latency, Liveness, Safety};
    use Verdict::{Holds, Inconclusive, Nondeterministic, Refuted};

    use super::*;
    use crate::check::testing::history;

    #[test]
    fn the_gravest_verdict_decides() {
        let check = |verdicts: &[Verdict], expected: Verdict| {
            let together = verdicts.iter().copied().reduce(Verdict::and).expect("not empty");
            let backwards = verdicts.iter().copied().rev().reduce(Verdict::and).expect("not empty");
            assert_eq!((together, backwards), (expected, expected), "{verdicts:?}");
        };
        check(&[Holds, Holds], Holds);
        check(&[Holds, Inconclusive], Inconclusive);
        check(&[Inconclusive, Refuted(Latency)], Refuted(Latency));
        check(&[Refuted(Latency), Refuted(Availability)], Refuted(Availability));
        check(&[Refuted(Availability), Holds, Refuted(Liveness), Refuted(Safety)], Refuted(Safety));
        check(&[Refuted(Safety), Refuted(Crash)], Refuted(Crash));
        check(&[Refuted(Crash), Nondeterministic], Nondeterministic);
        assert_eq!(Check::verdict_of(&[]), Inconclusive);
    }

    #[test]
    fn a_prefix_is_told_in_a_few_lines() {
        let history = history("1 w1 ok 0 1\n2 r ok5 2 3\n2 r ok6 4 5\n2 r ok7 6 7\n2 r ok8 8 9\n2 r ok9 10 11");
        let check = |linearized: usize, stuck: &[usize], state_after: &str, expected: &[&str]| {
            let stuck = stuck.iter().map(|&operation| (operation, "a reason".to_owned())).collect();
            let prefix = Prefix { linearized: (0..linearized).collect(), state_after: state_after.to_owned(), stuck };
            assert_eq!(prefix.story(&history), expected);
        };
        check(1, &[], "1", &[]);
        let first = "s-1 reads 5 (2s to 3s)";
        check(0, &[1], "nil", &["No operation comes before, and the object holds nil. This cannot follow:", first]);
        check(1, &[1], "1", &["In order up to there: 1 operation, which leaves 1. This cannot follow:", first]);
        let all = [
            "In order up to there: 2 operations, which leave 1. These 5 cannot follow:",
            first,
            "s-2 reads 6 (4s to 5s)",
            "s-3 reads 7 (6s to 7s)",
            "and 2 more",
        ];
        check(2, &[1, 2, 3, 4, 5], "1", &all);
        let long = "é".repeat(61);
        let shown =
            format!("In order up to there: 1 operation, which leaves {}.... This cannot follow:", "é".repeat(60));
        check(1, &[1], &long, &[&shown, first]);
    }

    #[test]
    fn each_verdict_has_its_exit_code() {
        let codes = [Holds, Refuted(Safety), Inconclusive, Nondeterministic].map(Verdict::exit_code);
        assert_eq!(codes, [0, 1, 3, 4]);
    }
}
