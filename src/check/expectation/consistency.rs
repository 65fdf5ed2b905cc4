//! What the answers of the checkers of linearizability and of the weaker models mean, held against the service's own order.

use super::{Evidence, Finding, NAMED};
use crate::check::consistency::{Consistency, Consistent};
use crate::check::linearizable::{Linearizability, Refutation, linearizes};
use crate::check::sentence::{count, list};
use crate::check::verdict::{Class, Prefix, Verdict};
use crate::host::Key;

impl Evidence<'_> {
    /// A refutation that the service's own order of events belies.
    pub(super) fn our_own_bug(&self, what: &str, explanation: &str) -> Finding {
        let says = format!(
            "This is a bug of Partita, not of the service: its checker says that {what}, but the order in which the \
             service let the operations take effect explains every answer. Please report it, with the scenario and the \
             seed. The checker says: {explanation}"
        );
        Finding::inconclusive("the checker is wrong", says)
    }

    /// What the checker's answer means. The service's own order of events can only acquit: where it explains nothing, what
    /// clients saw still may have an order.
    pub(super) fn linearizable(&self, answer: Linearizability) -> Finding {
        match answer {
            Linearizability::Refuted { refutation, also } => {
                let refuted = || std::iter::once(refutation.key).chain(also.iter().copied());
                let is_belied = |key: &Key| match self.model {
                    Some(model) => model.linearizes(self.history, *key, self.applied),
                    None => linearizes(self.history, Some(*key), self.applied),
                };
                if let Some(key) = refuted().find(is_belied) {
                    return self.our_own_bug(&format!("{key} is not linearizable"), &refutation.explanation);
                }
                let others = match also.as_slice() {
                    [] => String::new(),
                    also => format!(" Not linearizable either: {}.", list(also, NAMED)),
                };
                let observed = format!("{} is not linearizable", refutation.key);
                let explanation = format!("On {}: {}{others}", refutation.key, refutation.explanation);
                let Refutation { anomaly, core, linearized, state_after, stuck, .. } = *refutation;
                let prefix = Some(Prefix { linearized, state_after, stuck });
                let finding = Finding::refuted(Class::Safety, observed, explanation, core);
                Finding { prefix, ..finding.named(anomaly) }
            }
            Linearizability::Unknown { why } => Finding::inconclusive("unknown", format!("Not certain: {why}.")),
            Linearizability::Linearizable => {
                let answered = self.history.operations.iter().filter(|o| o.outcome.is_answered()).count();
                let story = format!("{} have an order that explains them.", count(answered, "answered operation"));
                if let Some(model) = self.model {
                    return match model.could_see_another(self.history) {
                        true => Finding::holds("linearizable", story),
                        false => {
                            Finding::inconclusive("linearizable", "No operation could have seen another session's.")
                        }
                    };
                }
                self.unless_vacuous(Verdict::Holds, "linearizable".into(), story, Vec::new())
            }
        }
    }

    pub(super) fn consistent(&self, consistency: Consistency, answer: Consistent) -> Finding {
        match answer {
            Consistent::Yes(said) => {
                let story = said.unwrap_or_else(|| format!("What was read is {consistency}."));
                self.unless_vacuous(Verdict::Holds, consistency.to_string(), story, Vec::new())
            }
            // A linearization of all objects is an order as every weaker model has it.
            Consistent::No { explanation, .. } if linearizes(self.history, None, self.applied) => {
                self.our_own_bug(&format!("the history is not {consistency}"), &explanation)
            }
            Consistent::No { anomaly, explanation, operations } => {
                let observed = format!("not {consistency}");
                Finding { anomaly, ..Finding::refuted(Class::Safety, observed, explanation, operations) }
            }
            Consistent::Unknown { why } => Finding::inconclusive("unknown", format!("Not certain: {why}.")),
        }
    }
}
