//! Where results go, and how a command fails.

use std::io::{self, ErrorKind, Write};
use std::path::Path;

use crate::scenario::Problems;

/// The two streams of a command, and the name under which it runs.
pub(super) struct Output<'a> {
    pub(super) program: String,
    pub(super) stdout: &'a mut dyn Write,
    pub(super) stderr: &'a mut dyn Write,
    pub(super) colour: bool,
}

/// Why a command cannot go on.
#[derive(Debug)]
pub(super) enum Failure {
    /// The reader of our output went away: nobody to tell, and nothing wrong.
    ClosedPipe,
    /// Something is wrong with the command line, a file, or a result's destination. Says what, where, and how to
    /// mend it.
    Usage(String),
    /// A scenario file has problems.
    Problems(Box<Problems>),
}

/// The exit code for wrong usage.
const USAGE: u8 = 2;

/// How wide a problem is drawn.
const WIDTH: usize = 120;

impl Failure {
    pub(super) fn usage(says: impl Into<String>) -> Self {
        Self::Usage(says.into())
    }

    /// A file or folder that could not be read or written.
    pub(super) fn io(doing: &str, path: &Path, error: &io::Error) -> Self {
        Self::Usage(format!("error: cannot {doing} {}: {error}", path.display()))
    }
}

impl Output<'_> {
    /// Prints a result.
    pub(super) fn say(&mut self, text: &str) -> Result<(), Failure> {
        written(self.stdout.write_all(text.as_bytes()))
    }

    /// Prints a hint, a warning or progress. That it cannot be printed is no reason to fail.
    pub(super) fn hint(&mut self, text: &str) {
        let _ = writeln!(self.stderr, "{}", text.trim_end());
    }

    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        written(self.stdout.flush())
    }

    /// Reports a failure, and answers its exit code.
    pub(super) fn fail(&mut self, failure: &Failure) -> u8 {
        match failure {
            Failure::ClosedPipe => return 0,
            Failure::Usage(says) => self.hint(says),
            Failure::Problems(problems) => {
                let drawn = super::render(problems, WIDTH, self.colour);
                self.hint(&drawn);
            }
        }
        USAGE
    }
}

fn written(result: io::Result<()>) -> Result<(), Failure> {
    result.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::ClosedPipe,
        _ => Failure::usage(format!("error: cannot write the result: {error}")),
    })
}
