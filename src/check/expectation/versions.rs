//! How reads that are behind, and what comes back, are judged.

use super::{Evidence, Finding, NAMED};
use crate::check::durability::{FinalState, resurrected};
use crate::check::sentence::{clause, count};
use crate::check::staleness::freshness;
use crate::check::verdict::{Class, Verdict};
use crate::check::window::Phase;

/// A number that is counted in a sentence.
pub(super) fn limit(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Evidence<'_> {
    pub(super) fn versions_behind(&self, phase: Phase, at_most: u64) -> Finding {
        let mut reads = freshness(self.history);
        reads.retain(|read| self.counts(phase, read.read));
        let worst = reads.iter().max_by_key(|read| (read.versions_behind, std::cmp::Reverse(read.read)));
        let behind = worst.map_or(0, |worst| worst.versions_behind);
        let stale = worst.and_then(|worst| Some((worst.read, worst.stale?)));
        let story = match stale {
            None => {
                "Every read returned the last version that was acknowledged before it began, or a newer one.".into()
            }
            Some((read, stale)) => format!(
                "The furthest behind: {}, {} after what it read had been overwritten: {}; {} had been acknowledged by then.",
                clause(self.history, read),
                stale.by,
                clause(self.history, stale.overwritten_by),
                count(limit(behind), "newer version")
            ),
        };
        let verdict = if behind > at_most { Verdict::Refuted(Class::Safety) } else { Verdict::Holds };
        let operations = stale.into_iter().flat_map(|(read, stale)| [read, stale.overwritten_by]).collect();
        self.unless_vacuous(verdict, format!("{} behind", count(limit(behind), "version")), story, operations)
    }

    pub(super) fn resurrected(&self, phase: Phase, at_most: u64) -> Finding {
        let mut answer = resurrected(self.history, &FinalState::new(self.replicas));
        answer.found.retain(|found| self.counts(phase, found.write));
        let observed = format!("{} resurrected", answer.found.len());
        let verdict = Finding::of_number(answer.found.len(), at_most);
        if verdict == Verdict::Holds && answer.examined == 0 {
            let why = "No write failed and none was read, or no replica was alive at the end: nothing could have come back.";
            return Finding::inconclusive(observed, why);
        }
        let explanation = match answer.found.first() {
            None => format!("Of {} that failed or were read, nothing came back.", count(answer.examined, "write")),
            Some(first) => format!("The first: {}", first.evidence),
        };
        let named = answer.found.iter().flat_map(|found| [Some(found.write), found.seen_by]).flatten();
        Finding::new(verdict, observed, explanation, named.take(NAMED).collect())
    }
}
