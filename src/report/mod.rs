//! Floor 8: a finished run as text, JSON, CSV and traces.
//!
//! Absent here: decisions and figures. What a report shows was computed below; it only says it.

mod corpus;
mod coverage;
mod edn;
mod explored;
mod figures;
mod history;
mod json;
mod means;
mod page;
mod paired;
mod plot;
mod shrunk;
mod side_by_side;
mod sweep;
mod table;
mod text;
mod tolerance;
mod trace;

pub use corpus::{Replayed, corpus_document, corpus_story};
pub use coverage::coverage_story;
pub use edn::{history_edn, imported_edn};
pub use explored::{exploration_document, exploration_story};
pub use history::history_lines;
pub use json::document;
#[cfg(feature = "cli")]
pub(crate) use json::integer;
pub use means::figures_table;
pub use page::page;
pub use paired::{Pair, paired_document, paired_story};
pub use plot::{Plotted, plots};
pub use shrunk::{failed_story, shrunk_story};
pub use side_by_side::{Onlooker, Side, side_by_side, side_by_side_document};
pub use sweep::{PointSummary, Subject, sweep_document, sweep_story};
pub use table::{Runs, requests, results, series};
pub(crate) use text::shell_word;
pub use text::{Audience, story};
pub use tolerance::{tolerance_document, tolerance_story, tolerance_table};
pub use trace::{Selection, TraceFile, TraceForm, difference, trace_file, why};
