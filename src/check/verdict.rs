//! Verdicts: one per expectation, one per run, and how many make one.

use std::fmt;

use super::window::Phase;
use crate::host::Key;

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
    fn each_verdict_has_its_exit_code() {
        let codes = [Holds, Refuted(Safety), Inconclusive, Nondeterministic].map(Verdict::exit_code);
        assert_eq!(codes, [0, 1, 3, 4]);
    }
}
