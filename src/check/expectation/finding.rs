//! What was found of one expectation.

use crate::check::metrics::Reached;
use crate::check::verdict::{Class, Prefix, Verdict};

/// The part of a check that depends on the kind of expectation.
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    pub(super) observed: String,
    pub(super) explanation: String,
    /// What kind of violation was found, if there are several and it has a name.
    pub(super) anomaly: Option<String>,
    /// How far an object went well that is not linearizable.
    pub(super) prefix: Option<Prefix>,
    pub(super) operations: Vec<usize>,
}

impl Finding {
    pub(super) fn new(verdict: Verdict, observed: String, explanation: String, operations: Vec<usize>) -> Self {
        Self { verdict, observed, explanation, anomaly: None, prefix: None, operations }
    }

    pub(super) fn holds(observed: impl Into<String>, explanation: impl Into<String>) -> Self {
        Self::new(Verdict::Holds, observed.into(), explanation.into(), Vec::new())
    }

    pub(super) fn refuted(class: Class, observed: String, explanation: String, operations: Vec<usize>) -> Self {
        Self::new(Verdict::Refuted(class), observed, explanation, operations)
    }

    pub(super) fn inconclusive(observed: impl Into<String>, explanation: impl Into<String>) -> Self {
        Self::new(Verdict::Inconclusive, observed.into(), explanation.into(), Vec::new())
    }

    pub(super) fn of_share(reached: Reached, class: Class, observed: String, bad: Vec<usize>, story: String) -> Self {
        let (verdict, explanation) = match reached {
            Reached::Yes => (Verdict::Holds, story),
            Reached::No => (Verdict::Refuted(class), story),
            Reached::TooFew(least) => {
                (Verdict::Inconclusive, format!("Too few operations to tell: at least {least} are needed. {story}"))
            }
        };
        Self::new(verdict, observed, explanation, bad)
    }

    pub(super) fn of_number(bad: usize, at_most: u64) -> Verdict {
        if bad as u64 > at_most { Verdict::Refuted(Class::Safety) } else { Verdict::Holds }
    }

    /// The same, with the kind of violation that was found.
    pub(super) fn named(self, anomaly: impl Into<String>) -> Self {
        Self { anomaly: Some(anomaly.into()), ..self }
    }
}
