//! Floor 8: a finished run as text, JSON, CSV and traces.
//!
//! Absent here: decisions and figures. What a report shows was computed below; it only says it.

mod history;
mod json;
mod shrunk;
mod sweep;
mod table;
mod text;
mod trace;

pub use history::history_lines;
pub use json::document;
pub use shrunk::shrunk_story;
pub use sweep::{PointSummary, Subject, sweep_document, sweep_story};
pub use table::results;
pub use text::{Audience, story};
pub use trace::{TraceFile, difference, trace_file, trace_lines};
