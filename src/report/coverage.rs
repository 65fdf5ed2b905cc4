//! What a sweep covered, as text and as JSON.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::explore::{Coverage, Sight};
use crate::scenario::Aspect;

use super::json::integer;

/// How many things that were never covered are named, of each aspect, unless all are asked for.
const NAMED: usize = 3;

/// Coverage as text: how much of each aspect, and what never; a list of everything if that is asked for.
#[must_use]
pub fn coverage_story(coverage: &Coverage, lists_all: bool) -> String {
    let mut text = String::new();
    for aspect in Aspect::ALL {
        let (seen, never): (Vec<_>, Vec<_>) = (coverage.seen(aspect).collect(), coverage.never(aspect).collect());
        if seen.is_empty() && never.is_empty() {
            continue;
        }
        let heading = if text.is_empty() { "coverage" } else { "" };
        let _ = write!(text, "{heading:<14}  {} of {} {aspect}", seen.len(), seen.len() + never.len());
        if lists_all {
            text.push('\n');
            for (name, Sight { runs, first_seed }) in seen {
                let runs = if runs == 1 { "1 run,".to_owned() } else { format!("{runs} runs, first") };
                let _ = writeln!(text, "                  {name}: {runs} seed {first_seed}");
            }
            for name in never {
                let _ = writeln!(text, "                  {name}: never");
            }
            continue;
        }
        let mut named = never.iter().take(NAMED).copied().collect::<Vec<_>>().join("; ");
        if never.len() > NAMED {
            let _ = write!(named, "; {} more (--coverage)", never.len() - NAMED);
        }
        text += &if never.is_empty() { "\n".to_owned() } else { format!("; never: {named}\n") };
    }
    text
}

/// Coverage as JSON: by aspect what was seen, and what never.
pub(super) fn coverage_document(coverage: &Coverage) -> Value {
    let aspect = |aspect: Aspect| {
        let sight = |(name, Sight { runs, first_seed }): (&str, Sight)| {
            (name.to_owned(), json!({ "runs": integer(runs), "first_seed": integer(first_seed) }))
        };
        let seen: Map<_, _> = coverage.seen(aspect).map(sight).collect();
        let both = json!({ "seen": seen, "never": coverage.never(aspect).collect::<Vec<_>>() });
        (aspect.name().to_owned(), both)
    };
    Aspect::ALL.into_iter().map(aspect).collect::<Map<_, _>>().into()
}
