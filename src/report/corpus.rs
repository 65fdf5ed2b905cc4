//! What became of runs that were kept, as text and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::check::{Class, Verdict};
use crate::explore::{Entry, Failure, Outcome, Replay};

use super::json::{digest, integer};

/// A run that was kept, and what it comes to now.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// Where it is kept: `corpus.jsonl:3`.
    pub place: String,
    /// What was kept.
    pub entry: Entry,
    /// What it comes to.
    pub replay: Replay,
}

impl Replayed {
    /// Whether it is as the corpus says: nondeterministic if the same version makes another run of it, refuted if it does not fail as
    /// it did.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        match self.replay.outcome {
            Outcome::Same | Outcome::AlikeByAnotherVersion => Verdict::Holds,
            Outcome::OtherFailure => Verdict::Refuted(Class::Safety),
            Outcome::OtherRun { .. } => Verdict::Nondeterministic,
        }
    }

    /// Why it is not as the corpus says, in sentences; empty if it is.
    fn difference(&self) -> String {
        let (was, is) = (words(self.entry.failure.as_ref()), words(self.replay.failure.as_ref()));
        match self.replay.outcome {
            Outcome::Same | Outcome::AlikeByAnotherVersion => String::new(),
            Outcome::OtherFailure => format!("It was kept because it {was}; now it {is}."),
            Outcome::OtherRun { is_repeatable } => {
                let why = if is_repeatable {
                    "Now it is the same twice, so this is another program than the one that kept it: the engine or a kind of service has \
                     changed and its version has not."
                } else {
                    "Now it is not even the same twice: a node draws on something outside its context. `run --check-determinism` shows \
                     the first event that differs."
                };
                let failure =
                    if was == is { format!("It {is}, as it did") } else { format!("It {was}; now it {is}") };
                let (kept, now) = (digest(self.entry.digest), digest(self.replay.digest));
                format!("The same version makes another run of it: digest {now}, kept {kept}. {why} {failure}.")
            }
        }
    }
}

fn words(failure: Option<&Failure>) -> String {
    failure.map_or_else(|| "holds".to_owned(), |failure| format!("fails: {failure}"))
}

/// A line for each run, and in the end how many are as they were.
#[must_use]
pub fn corpus_story(replayed: &[Replayed]) -> String {
    let mut text = String::new();
    for one in replayed {
        let Replayed { place, entry, replay } = one;
        let word = match replay.outcome {
            Outcome::Same => "same",
            Outcome::AlikeByAnotherVersion => "alike",
            Outcome::OtherFailure => "DIFFERS",
            Outcome::OtherRun { .. } => "OTHER RUN",
        };
        let what = words(entry.failure.as_ref());
        let _ = writeln!(text, "{word:<9}  {place}: {}, seed {}, {what}", entry.name, entry.seed);
        let difference = one.difference();
        if !difference.is_empty() {
            let _ = writeln!(text, "           {difference}");
        }
    }
    let as_kept = replayed.iter().filter(|one| one.verdict() == Verdict::Holds).count();
    let _ = writeln!(text, "{as_kept} of {} runs are as they were kept", replayed.len());
    text
}

/// The same as one JSON document.
#[must_use]
pub fn corpus_document(replayed: &[Replayed], verdict: Verdict) -> Value {
    let failure = |failure: Option<&Failure>| {
        failure.map(|failure| json!({ "check": failure.name(), "class": failure.class, "anomaly": failure.anomaly }))
    };
    let run = |one: &Replayed| {
        let Replayed { place, entry, replay } = one;
        let difference = one.difference();
        json!({
            "place": place,
            "name": entry.name,
            "seed": integer(entry.seed),
            "partita": entry.partita,
            "verdict": one.verdict().name(),
            "kept": { "failure": failure(entry.failure.as_ref()), "digest": digest(entry.digest) },
            "found": { "failure": failure(replay.failure.as_ref()), "digest": digest(replay.digest) },
            "difference": (!difference.is_empty()).then_some(difference),
        })
    };
    json!({
        "version": 1,
        "verdict": verdict.name(),
        "runs": replayed.iter().map(run).collect::<Vec<_>>(),
    })
}
