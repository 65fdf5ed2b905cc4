//! Floor 6: histories that somebody else recorded, or an earlier run of ours.
//!
//! Bytes in, history out. Absent here: files, judgement. Three formats are read: the lines of our own
//! `history.jsonl`, Jepsen's EDN (one map per event, in a vector or one after the other), and the lines that Jepsen
//! logs. Whatever the bytes are, the answer is a history or an error with its place; memory and the depth of the stack
//! are bounded by the length of the input.

mod drain;
mod edn;
mod jepsen;
mod jsonl;
mod log;
mod meaning;
mod transactions;
mod words;

use std::collections::BTreeMap;
use std::fmt;

use crate::host::Key;
use crate::load::History;

pub use words::Words;

/// What the operations of a history are about: some names mean different things for different objects.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ObjectKind {
    /// `read`, `write`, `cas`.
    Register,
    /// `read`, `add`; in Jepsen's histories also `inc` and `dec`.
    Counter,
    /// `read`, `add`.
    Set,
    /// `read`, `append`.
    Log,
    /// `enqueue`, `dequeue`, and in Jepsen's histories `drain`: takings until nothing is found.
    Queue,
    /// `acquire`, answered with a fencing token; `release` of a token.
    Lock,
    /// `acquire`, `release`.
    Mutex,
    /// Lists of transactions, as Elle's list-append has them: `[[:append 8 1] [:r 8 nil]]`.
    TransactionalList,
    /// Registers of transactions, as Elle's rw-register has them: `[[:w 8 1] [:r 8 nil]]`.
    TransactionalRegister,
    /// `generate`, answered with an id that nobody else is given.
    UniqueIds,
}

/// How a history is written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Format {
    /// The lines of `history.jsonl`.
    Jsonl,
    /// Jepsen's EDN.
    Edn,
    /// Lines of Jepsen's log.
    Log,
}

/// What a read that found nil says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Nil {
    /// That the object held nil, a value like any other.
    Value,
    /// That nobody knows what it found: the read is dropped.
    Unknown,
}

/// A history that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Imported {
    /// What clients saw. Where the file has no usable times, each event happens a nanosecond after the one before.
    pub history: History,
    /// How it was written.
    pub format: Format,
    /// Whether its times are those of the file.
    pub is_timed: bool,
    /// What the file calls its objects, if they have other names than small integers.
    pub names: BTreeMap<Key, String>,
    /// What the file calls its values, if there are others than integers: in `history` each such value is a number.
    pub words: Words,
}

/// Why bytes are no history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong there.
    pub says: String,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.says)
    }
}

impl std::error::Error for ReadError {}

/// What is wrong, and at which byte.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Fault {
    at: usize,
    says: String,
}

impl Fault {
    fn new(at: usize, says: impl Into<String>) -> Self {
        Self { at, says: says.into() }
    }
}

/// Reads a history of such objects; without `format` the content tells which one it is.
///
/// ```
/// use partita::import::{Nil, ObjectKind, read};
///
/// let file = b"{:process 0, :type :invoke, :f :read, :value nil}\n{:process 0, :type :ok, :f :read, :value 3}";
/// let imported = read(file, None, ObjectKind::Register, Nil::Value)?;
/// assert_eq!(imported.history.operations.len(), 1);
/// # Ok::<(), partita::import::ReadError>(())
/// ```
///
/// # Errors
///
/// [`ReadError`]: bytes that are no text or not in this format; events that contradict each other (an answer to
/// nothing, two open operations of one process); operations and values that such objects do not have.
pub fn read(bytes: &[u8], format: Option<Format>, kind: ObjectKind, nil: Nil) -> Result<Imported, ReadError> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let (valid, rest) = bytes.split_at(error.valid_up_to());
            let says = format!("this is not UTF-8 text: the byte is {:#04x}", rest[0]);
            return Err(place(&String::from_utf8_lossy(valid), Fault::new(valid.len(), says)));
        }
    };
    let format = format.unwrap_or_else(|| format_of(text));
    let words = Words::of(text);
    let read = match format {
        Format::Jsonl => jsonl::read(text, words, kind, nil),
        Format::Edn => jepsen::history(edn::events(text), words, kind, nil),
        Format::Log => jepsen::history(log::events(text), words, kind, nil),
    };
    let mut imported = read.map_err(|fault| place(text, fault))?;
    if format == Format::Log && imported.history.operations.is_empty() {
        return Err(place(text, Fault::new(0, "no line of this text has an event of Jepsen")));
    }
    imported.format = format;
    Ok(imported)
}

/// Which format a text looks like. A line of JSON begins with a brace and a quote; EDN with a bracket of another kind.
fn format_of(text: &str) -> Format {
    let uncommented = text.lines().map(str::trim_start).find(|line| !line.is_empty() && !line.starts_with(';'));
    let start = uncommented.unwrap_or_default();
    match start.strip_prefix('{').map(str::trim_start) {
        Some(rest) if rest.starts_with('"') => Format::Jsonl,
        None if !start.is_empty() && !start.starts_with(['[', '(', '#']) => Format::Log,
        _ => Format::Edn,
    }
}

fn place(text: &str, fault: Fault) -> ReadError {
    // A fault may lie within a character of several bytes.
    let boundary = (0..=fault.at.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    let before = &text[..boundary.unwrap_or(0)];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    ReadError {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        says: fault.says,
    }
}

#[cfg(test)]
mod tests;
