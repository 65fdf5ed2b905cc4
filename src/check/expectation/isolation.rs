//! How the isolation of transactions is judged.

use std::cell::OnceCell;

use super::super::sentence::count;
use super::super::transactions::{self, Answer, Isolation, Level, TransactionHistory, serializes};
use super::super::vacuity::transactions_met;
use super::super::verdict::{Class, Edge};
use super::{Evidence, Finding, NAMED};
use crate::host::Request;

impl Evidence<'_> {
    pub(super) fn isolation(&self, level: Level, edges: &mut Vec<Edge>) -> Finding {
        let judged = || Ok(transactions::check(&TransactionHistory::from_history(self.history)?, self.budget));
        let own = OnceCell::new();
        let isolation = match self.isolation.unwrap_or(&own).get_or_init(judged) {
            Ok(isolation) => isolation,
            Err(error) => return Finding::inconclusive("unknown", format!("Not certain: {error}.")),
        };
        self.isolated(level, isolation, edges)
    }

    /// What the checker's answer means.
    pub(super) fn isolated(&self, level: Level, isolation: &Isolation, edges: &mut Vec<Edge>) -> Finding {
        // Of two that are as short, the graver.
        let plainest = isolation.reasons(level).min_by_key(|anomaly| anomaly.story.len());
        edges.extend(plainest.into_iter().flat_map(|anomaly| &anomaly.edges).cloned());
        let strongest = isolation.strongest_in_words();
        match (isolation.answer(level), plainest) {
            // A serialization is an execution as every level has it.
            (Answer::Refuted, Some(anomaly)) if serializes(self.history, self.applied) => {
                edges.clear();
                self.our_own_bug(&format!("the history is not {level}"), &anomaly.story.join(" "))
            }
            (Answer::Refuted, Some(anomaly)) => {
                let explanation = format!("{} Not {level}; {strongest}.", anomaly.story.join(" "));
                let operations = anomaly.transactions.iter().copied().take(NAMED).collect();
                let kind = anomaly.kind.to_string();
                Finding::refuted(Class::Safety, anomaly.to_string(), explanation, operations).named(kind)
            }
            (Answer::Holds, _) => {
                let committed = count(self.committed(), "committed transaction");
                let story = format!("{committed}; {strongest}.");
                self.unless_isolated_anyway(Finding::holds(level.to_string(), story))
            }
            _ => {
                let why = "the budget was spent before an execution was found that explains the history";
                Finding::inconclusive("unknown", format!("Not certain: {why}. By what was found, {strongest}."))
            }
        }
    }

    /// Whether there are transactions, so that single operations are judged with them.
    pub(super) fn has_transactions(&self) -> bool {
        self.history.operations.iter().any(|operation| matches!(operation.request, Request::Transaction(_)))
    }

    fn committed(&self) -> usize {
        self.history.operations.iter().filter(|o| matches!(o.outcome, crate::load::Outcome::Ok(_))).count()
    }

    /// A finding that holds only if the transactions could have been seen in each other's way.
    fn unless_isolated_anyway(&self, finding: Finding) -> Finding {
        let has_several = self.history.operations.iter().any(|operation| {
            let is_committed = matches!(operation.outcome, crate::load::Outcome::Ok(_));
            is_committed && matches!(&operation.request, Request::Transaction(parts) if parts.len() > 1)
        });
        let why = if !has_several {
            "No committed transaction has more than one operation."
        } else if !transactions_met(self.history) {
            "No two transactions of different sessions that committed ran at one time on one object that one of them wrote."
        } else {
            return finding;
        };
        Finding::inconclusive(finding.observed, why)
    }
}
