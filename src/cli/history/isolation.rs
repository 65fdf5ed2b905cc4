//! The isolation of transactions, as `partita history` says it.

use std::fmt::Write;

use serde_json::{Value as Json, json};

use crate::check::Budget;
use crate::check::transactions::{self, Anomaly, Answer, Isolation, Level, TransactionError, TransactionHistory};
use crate::load::History;

/// What was found of transactions, and what was asked for.
pub(super) struct Judgement {
    level: Level,
    history: TransactionHistory,
    isolation: Isolation,
}

/// The level of this name, as in strong-session-snapshot-isolation.
pub(super) fn level(name: &str) -> Option<Level> {
    Level::all().find(|level| level.to_string().replace(' ', "-") == name)
}

impl Judgement {
    /// Judges transactions by an isolation level.
    pub(super) fn of(history: &History, level: Level, budget: Budget) -> Result<Self, TransactionError> {
        let history = TransactionHistory::from_history(history)?;
        let isolation = transactions::check(&history, budget);
        Ok(Self { level, history, isolation })
    }

    pub(super) fn word(&self) -> &'static str {
        match self.isolation.answer(self.level) {
            Answer::Holds => "holds",
            Answer::Refuted => "refuted",
            Answer::Unknown => "unknown",
        }
    }

    /// What it is, and the strongest level that it satisfies.
    pub(super) fn summary(&self) -> String {
        let level = self.level;
        let asked = match self.isolation.answer(level) {
            Answer::Holds => format!("{level}"),
            Answer::Refuted => format!("not {level}"),
            Answer::Unknown => format!("not certain that it is {level}: it was not found out within the budget"),
        };
        format!("{asked}; {}.", self.isolation.strongest_in_words())
    }

    /// Each anomaly with its story, a line for each sentence.
    pub(super) fn anomalies(&self) -> String {
        let mut text = String::new();
        for anomaly in &self.isolation.anomalies {
            // Writing into a text cannot fail.
            let _ = writeln!(text, "  {anomaly}, which rules out {}:", anomaly.weakest_ruled_out());
            for sentence in &anomaly.story {
                let _ = writeln!(text, "    {sentence}");
            }
        }
        text
    }

    pub(super) fn add_to(&self, document: &mut Json) {
        let names = |anomaly: &Anomaly| -> Vec<&str> {
            anomaly.transactions.iter().map(|&index| self.history.transactions()[index].name.as_str()).collect()
        };
        let anomaly = |anomaly: &Anomaly| {
            json!({
                "anomaly": anomaly.to_string(),
                "rules_out": anomaly.weakest_ruled_out().to_string(),
                "transactions": names(anomaly),
                "story": anomaly.story,
            })
        };
        let gravest = self.isolation.reasons(self.level).next();
        document["explanation"] = json!(self.summary());
        document["shown_by"] = json!(gravest.map(names).unwrap_or_default());
        document["anomalies"] = self.isolation.anomalies.iter().map(anomaly).collect();
        document["strongest"] = self.isolation.strongest().iter().map(ToString::to_string).collect();
        let answer = |level: Level| match self.isolation.answer(level) {
            Answer::Holds => json!("holds"),
            Answer::Refuted => json!("refuted"),
            Answer::Unknown => json!("unknown"),
        };
        document["levels"] = Level::all().map(|level| (level.to_string(), answer(level))).collect();
    }
}
