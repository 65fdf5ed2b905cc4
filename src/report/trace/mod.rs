//! Traces: their file, what it says in words, and the same for other tools.
//!
//! Everything starts from a [`TraceFile`], whether it was just written or is read again, so that a saved trace
//! converts to exactly what `run --trace` would have written. `reading` puts the records together once (messages,
//! calls, who did what after what), `legs` the parts of one operation; each format has a file of its own.

mod chrome;
mod difference;
mod dot;
mod file;
mod jsonl;
mod legs;
mod otlp;
mod reading;
mod select;
mod shiviz;
mod why;
mod words;

pub use difference::difference;
pub use file::{TraceFile, trace_file};
pub(super) use legs::Leg;
pub use select::Selection;
pub use why::why;

/// A form of a trace for readers and other tools.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TraceForm {
    /// Our own lines: `docs/trace-format.md`.
    Jsonl,
    /// The Trace Event Format of Chrome, which Perfetto opens.
    Chrome,
    /// Spans of OpenTelemetry, as OTLP writes them in JSON: Jaeger and others open them.
    Otlp,
    /// Events with vector clocks, for ShiViz.
    Shiviz,
    /// The topology, for Graphviz.
    Dot,
}

impl TraceForm {
    /// Every form.
    pub const ALL: [Self; 5] = [Self::Jsonl, Self::Chrome, Self::Otlp, Self::Shiviz, Self::Dot];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Chrome => "chrome",
            Self::Otlp => "otlp",
            Self::Shiviz => "shiviz",
            Self::Dot => "dot",
        }
    }

    /// The form of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.name() == name)
    }

    /// A trace in this form.
    #[must_use]
    pub fn write(self, file: &TraceFile) -> String {
        match self {
            Self::Jsonl => jsonl::write(file, &Selection::default()),
            Self::Chrome => chrome::write(file),
            Self::Otlp => otlp::write(file),
            Self::Shiviz => shiviz::write(file),
            Self::Dot => dot::write(file),
        }
    }
}

#[cfg(test)]
mod tests;
