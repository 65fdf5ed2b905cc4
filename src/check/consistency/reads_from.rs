//! Who read from whom: what a history of registers says, if values tell their writers.

use std::collections::BTreeMap;

use super::Consistent;
use crate::check::anomaly::{ABORTED_READ, CONTRADICTORY_ANSWER, GARBAGE_READ};
use crate::check::model::{Effect, register_effect};
use crate::check::sentence::clause;
use crate::host::{Key, Value};
use crate::load::{History, Outcome};

/// What an operation read from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    /// The value that the object holds at first.
    Initial,
    /// This node.
    Node(usize),
}

/// An operation that took effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Node {
    /// Its index in the history.
    pub(super) operation: usize,
    pub(super) key: Key,
    pub(super) session: u64,
    /// The operation before it in its session.
    pub(super) prior: Option<usize>,
    pub(super) source: Option<Source>,
    pub(super) writes: bool,
}

/// What one operation did.
struct Deed<'h> {
    operation: usize,
    key: Key,
    read: Option<&'h Value>,
    written: Option<&'h Value>,
    is_open: bool,
}

/// The operations that took effect, in the order of invocation, so that each comes after those before it in its session.
/// An operation of unknown outcome is among them if something was read from it.
pub(super) fn nodes(history: &History, initial: &Value) -> Result<Vec<Node>, Consistent> {
    let deeds = deeds(history)?;
    let mut writers: BTreeMap<(Key, &Value), Vec<usize>> = BTreeMap::new();
    for (index, deed) in deeds.iter().enumerate() {
        if let Some(written) = deed.written {
            writers.entry((deed.key, written)).or_default().push(index);
        }
    }
    // What was read from took effect, and so read what it says itself.
    let mut happened: Vec<bool> = deeds.iter().map(|deed| !deed.is_open).collect();
    let mut sources: Vec<Option<Option<usize>>> = vec![None; deeds.len()];
    let mut queue: Vec<usize> = (0..deeds.len()).filter(|&index| happened[index]).collect();
    while let Some(index) = queue.pop() {
        let deed = &deeds[index];
        let Some(read) = deed.read else { continue };
        let source = source(history, deed, read, initial, writers.get(&(deed.key, read)).map_or(&[], Vec::as_slice))?;
        sources[index] = Some(source);
        if let Some(writer) = source.filter(|&writer| !happened[writer]) {
            happened[writer] = true;
            queue.push(writer);
        }
    }
    let mut numbers: Vec<usize> = vec![usize::MAX; deeds.len()];
    for (number, index) in (0..deeds.len()).filter(|&index| happened[index]).enumerate() {
        numbers[index] = number;
    }
    let mut latest: BTreeMap<u64, usize> = BTreeMap::new();
    let mut nodes = Vec::new();
    for (index, deed) in deeds.iter().enumerate().filter(|&(index, _)| happened[index]) {
        let session = history.operations[deed.operation].session;
        let prior = latest.get(&session).copied();
        if !deed.is_open {
            latest.insert(session, nodes.len());
        }
        let source =
            sources[index].map(|writer| writer.map_or(Source::Initial, |writer| Source::Node(numbers[writer])));
        let writes = deed.written.is_some();
        nodes.push(Node { operation: deed.operation, key: deed.key, session, prior, source, writes });
    }
    Ok(nodes)
}

/// What each operation did, if it may have happened.
fn deeds(history: &History) -> Result<Vec<Deed<'_>>, Consistent> {
    let mut deeds = Vec::new();
    for (operation, what) in history.operations.iter().enumerate() {
        let answer = match &what.outcome {
            Outcome::Fail(_) => continue,
            Outcome::Info(_) => None,
            answer => Some(answer),
        };
        let (read, written) = match register_effect(&what.request, answer) {
            Effect::Set(to) => (None, Some(to)),
            Effect::Move { from, to } => (Some(from), Some(to)),
            Effect::Observe(found) => (Some(found), None),
            Effect::Nothing => continue,
            Effect::Never => {
                let explanation = format!("{}: the answer contradicts itself.", clause(history, operation));
                let anomaly = Some(CONTRADICTORY_ANSWER.to_owned());
                return Err(Consistent::No { anomaly, explanation, operations: vec![operation] });
            }
            Effect::Other => {
                let why = format!("{} ({}) is no operation of a register", history.id(what), what.request);
                return Err(Consistent::Unknown { why });
            }
        };
        let Some(key) = what.request.key() else { continue };
        deeds.push(Deed { operation, key, read, written, is_open: answer.is_none() });
    }
    Ok(deeds)
}

/// Which deed wrote what was read; `None`: it was there at first.
fn source(
    history: &History,
    deed: &Deed<'_>,
    read: &Value,
    initial: &Value,
    writers: &[usize],
) -> Result<Option<usize>, Consistent> {
    let key = deed.key;
    match (writers, read == initial) {
        ([], true) => Ok(None),
        ([writer], false) => Ok(Some(*writer)),
        ([], false) => {
            let failed = |index: &usize| {
                let other = &history.operations[*index];
                let written = register_effect(&other.request, None);
                other.request.key() == Some(key)
                    && matches!(other.outcome, Outcome::Fail(_))
                    && matches!(written, Effect::Set(to) | Effect::Move { to, .. } if to == read)
            };
            let failed = (0..history.operations.len()).find(failed);
            let (anomaly, why) = match failed {
                Some(failed) => (
                    ABORTED_READ,
                    format!("the write of {read} certainly did not happen: {}", clause(history, failed)),
                ),
                None => (GARBAGE_READ, format!("nobody wrote {read}")),
            };
            let explanation = format!("{}, but {why}.", clause(history, deed.operation));
            let operations = failed.into_iter().chain([deed.operation]).collect();
            Err(Consistent::No { anomaly: Some(anomaly.to_owned()), explanation, operations })
        }
        _ => {
            let why = format!("{read} was written more than once to {key}, so what was read tells not from whom");
            Err(Consistent::Unknown { why })
        }
    }
}
