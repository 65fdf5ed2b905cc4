//! The classical anomalies of a register, each a handful of operations and one sentence.
//!
//! After Gibbons and Korach (1997, "Testing Shared Memories", section 4.3): if a value is written once, the
//! operations that wrote or saw it form a cluster. The register holds the value at least from the first end in
//! the cluster to its last invocation. If that is an interval in time (a forward zone), no other value's forward
//! zone may overlap it, and no other value's operations may all lie within it. With unique values and without
//! compare-and-set these rules (and that a value is written before it is seen) are complete; otherwise each
//! violation still is one, but the search may know of others.

use std::fmt::Display;

use super::object::{Action, Entry, INITIAL, Object};
use crate::check::anomaly::{ABORTED_READ, CONTRADICTORY_ANSWER, FUTURE_READ, GARBAGE_READ, NO_ORDER};
use crate::check::model::{Effect, Model};
use crate::check::precedence::{precedes, predecessors};
use crate::check::sentence::clause;
use crate::host::Value;
use crate::kernel::Time;
use crate::load::Outcome;

/// Operations that contradict each other, and how.
pub(super) struct Pattern {
    /// What kind of contradiction it is.
    pub(super) anomaly: &'static str,
    /// Indices into the history, sorted.
    pub(super) core: Vec<usize>,
    pub(super) sentence: String,
}

/// The operations that wrote or saw one value.
#[derive(Clone, Copy)]
struct Cluster {
    state: u32,
    /// The one that wrote it; `None` for the initial value.
    writer: Option<usize>,
    /// The operation that ends first, and when; `None` for the initial value, which was there before.
    first: Option<(Time, usize)>,
    /// The operation that is invoked last, and when.
    last: (Time, usize),
}

impl Cluster {
    /// `None`, which is before all times, for the initial value.
    fn first_end(&self) -> Option<Time> {
        self.first.map(|(end, _)| end)
    }

    fn last_call(&self) -> Option<Time> {
        Some(self.last.0)
    }

    /// Where the zone begins: at the first end if it is forward, at the last invocation if not.
    fn low(&self) -> Option<Time> {
        self.first_end().min(self.last_call())
    }

    /// What shows that the register held the value by its first end.
    fn origin(&self) -> impl Iterator<Item = usize> {
        self.writer.into_iter().chain(self.first.map(|(_, operation)| operation))
    }

    /// Whether the register would have had to hold both values at once.
    fn overlaps(&self, other: &Self) -> bool {
        self.state != other.state && self.first_end() < other.last_call() && other.first_end() < self.last_call()
    }

    fn is_forward(&self) -> bool {
        self.first_end() < self.last_call()
    }
}

/// Whether the patterns decide about these `entries`: each value was written once and by a plain write, never the initial one,
/// and no session goes on at the very instant of an answer, so that times alone tell what precedes what.
pub(super) fn decide<M: Model>(object: &Object<'_, M>, entries: &[Entry]) -> bool {
    let mut is_written = vec![false; object.states.len()];
    is_written[INITIAL as usize] = true;
    let is_plain = |entry: &Entry| match entry.action {
        Action::Set(to) => !std::mem::replace(&mut is_written[to as usize], true),
        Action::Observe(_) | Action::Never => true,
        Action::Move { .. } | Action::Step | Action::Look => false,
    };
    entries.iter().all(is_plain) && predecessors(entries.iter().map(Entry::times)).iter().all(Option::is_none)
}

/// The first contradiction among `entries` (in the order of invocation) of a register.
pub(super) fn pattern<M: Model>(object: &Object<'_, M>, entries: &[Entry]) -> Option<Pattern>
where
    M::State: Display,
{
    if entries.iter().any(|entry| matches!(entry.action, Action::Step | Action::Look)) {
        return None;
    }
    let finder = Finder { object, entries };
    finder.contradiction().or_else(|| finder.unwritten()).or_else(|| finder.overlap())
}

/// Which operations lead to which state, in the order of invocation.
struct Producers {
    /// Where those of each state begin, and where those of the last end.
    starts: Vec<usize>,
    operations: Vec<usize>,
}

impl Producers {
    fn of<M: Model>(object: &Object<'_, M>) -> Self {
        let produced =
            || object.entries.iter().filter_map(|entry| Some((entry.action.produced()? as usize, entry.operation)));
        let mut starts = vec![0; object.states.len() + 1];
        produced().for_each(|(state, _)| starts[state + 1] += 1);
        for state in 1..starts.len() {
            starts[state] += starts[state - 1];
        }
        let mut next = starts.clone();
        let mut operations = vec![0; *starts.last().unwrap_or(&0)];
        for (state, operation) in produced() {
            operations[next[state]] = operation;
            next[state] += 1;
        }
        Self { starts, operations }
    }

    fn get(&self, state: u32) -> &[usize] {
        let state = state as usize;
        &self.operations[self.starts[state]..self.starts[state + 1]]
    }
}

struct Finder<'p, 'h, M: Model> {
    object: &'p Object<'h, M>,
    entries: &'p [Entry],
}

impl<M: Model> Finder<'_, '_, M>
where
    M::State: Display,
{
    fn value(&self, state: u32) -> &M::State {
        self.object.states.get(state)
    }

    fn clause(&self, operation: usize) -> String {
        clause(self.object.history, operation)
    }

    /// Whether operation `a` precedes operation `b`.
    fn precedes(&self, a: usize, b: usize) -> bool {
        precedes(&self.object.history.operations[a], &self.object.history.operations[b])
    }

    /// An answer that contradicts itself.
    fn contradiction(&self) -> Option<Pattern> {
        let entry = self.entries.iter().find(|entry| entry.action == Action::Never)?;
        let why = match self.object.history.operations[entry.operation].outcome {
            Outcome::Ok(Value::Siblings(_)) | Outcome::No(Value::Siblings(_)) => "it holds one value at a time",
            _ => "it found what it expected and yet changed nothing",
        };
        let sentence = format!("{}: {why}.", self.clause(entry.operation));
        Some(Pattern { anomaly: CONTRADICTORY_ANSWER, core: vec![entry.operation], sentence })
    }

    /// A value seen that nobody wrote, or only later.
    fn unwritten(&self) -> Option<Pattern> {
        let producers = Producers::of(self.object);
        let observers = self.entries.iter().filter(|entry| !entry.is_open());
        for (entry, state) in observers.filter_map(|entry| Some((entry, entry.action.required()?))) {
            let (observer, written) = (entry.operation, producers.get(state));
            if state == INITIAL || !written.iter().all(|&writer| self.precedes(observer, writer)) {
                continue;
            }
            let value = self.value(state);
            let (anomaly, why) = match (written.first(), self.failed_writer(state)) {
                (Some(&writer), _) => {
                    (FUTURE_READ, format!("{value} was first written later: {}", self.clause(writer)))
                }
                (None, Some(writer)) => {
                    (ABORTED_READ, format!("the write of {value} certainly did not happen: {}", self.clause(writer)))
                }
                (None, None) => (GARBAGE_READ, format!("nobody wrote {value}")),
            };
            let sentence = format!("{}, but {why}.", self.clause(observer));
            return Some(pattern_of(anomaly, written.iter().copied().chain([observer]), sentence));
        }
        None
    }

    /// A failed operation that would have led to the state.
    fn failed_writer(&self, state: u32) -> Option<usize> {
        let (history, model, value) = (self.object.history, self.object.model, self.value(state));
        let key = model.object(&history.operations[self.entries.first()?.operation].request);
        history.operations.iter().position(|operation| {
            let leads_to = match model.effect(&operation.request, None) {
                Effect::Set(to) | Effect::Move { to, .. } => to == *value,
                _ => false,
            };
            leads_to && model.object(&operation.request) == key && matches!(operation.outcome, Outcome::Fail(_))
        })
    }

    /// The clusters of the values written at most once, by their zone's beginning.
    fn clusters(&self) -> Vec<Cluster> {
        let mut clusters: Vec<Option<Cluster>> = vec![None; self.object.states.len()];
        let mut is_written = vec![false; clusters.len()];
        for entry in self.entries {
            if let Some(state) = entry.action.produced() {
                let cluster = Cluster {
                    state,
                    writer: Some(entry.operation),
                    first: Some((entry.deadline(), entry.operation)),
                    last: (entry.call, entry.operation),
                };
                let is_second = state == INITIAL || std::mem::replace(&mut is_written[state as usize], true);
                clusters[state as usize] = (!is_second).then_some(cluster);
            }
        }
        let is_initial_written = self.entries.iter().any(|entry| entry.action.produced() == Some(INITIAL));
        for entry in self.entries.iter().filter(|entry| !entry.is_open()) {
            let Some(state) = entry.action.required() else { continue };
            let seen = (entry.call, entry.operation);
            let cluster = &mut clusters[state as usize];
            if state == INITIAL && !is_initial_written && cluster.is_none() {
                *cluster = Some(Cluster { state, writer: None, first: None, last: seen });
            }
            if let Some(cluster) = cluster {
                cluster.first = cluster.first.map(|first| first.min((entry.deadline(), entry.operation)));
                cluster.last = cluster.last.max(seen);
            }
        }
        let mut clusters: Vec<Cluster> = clusters.into_iter().flatten().collect();
        clusters.sort_by_key(|cluster| (cluster.low(), cluster.state));
        clusters
    }

    /// Two values that the register would have had to hold at once: as a stale read or a new-old inversion if
    /// one of the two with some third value can be told so.
    fn overlap(&self) -> Option<Pattern> {
        let clusters = self.clusters();
        let (one, other) = first_overlap(&clusters)?;
        let partners = |cluster: Cluster| {
            let overlapping = clusters.iter().filter(move |partner| cluster.overlaps(partner));
            overlapping.flat_map(move |&partner| [(cluster, partner), (partner, cluster)])
        };
        let pairs = || partners(one).chain(partners(other));
        let acknowledged = |new: &Cluster| new.writer.map(|writer| self.object.history.operations[writer].completed);
        let stale = pairs().filter(|(old, new)| self.is_stale(old, new)).max_by_key(|(_, new)| acknowledged(new));
        let inversion = || pairs().find(|(old, new)| self.is_inverted(old, new));
        let stale = stale.and_then(|(old, new)| self.stale(&old, &new));
        stale
            .or_else(|| inversion().and_then(|(old, new)| self.inversion(&old, &new)))
            .or_else(|| Some(self.back_and_forth(&one, &other)))
    }

    /// `old` is seen after `new` was written and acknowledged, although it was there before `new`.
    fn is_stale(&self, old: &Cluster, new: &Cluster) -> bool {
        new.writer.is_some_and(|writer| self.is_older(old, writer) && self.precedes(writer, old.last.1))
    }

    fn stale(&self, old: &Cluster, new: &Cluster) -> Option<Pattern> {
        let (writer, reader) = (new.writer?, old.last.1);
        let sentence = format!(
            "{}, but {} was written and acknowledged before it began: {}; {}.",
            self.clause(reader),
            self.value(new.state),
            self.clause(writer),
            self.age(old)
        );
        Some(pattern_of(NO_ORDER, old.origin().chain([writer, reader]), sentence))
    }

    /// `new` is seen, and then `old` again.
    fn is_inverted(&self, old: &Cluster, new: &Cluster) -> bool {
        let seen_before = |first: (Time, usize)| self.precedes(first.1, old.last.1);
        new.writer.is_some_and(|writer| self.is_older(old, writer)) && new.first.is_some_and(seen_before)
    }

    fn inversion(&self, old: &Cluster, new: &Cluster) -> Option<Pattern> {
        let (writer, early, late) = (new.writer?, new.first?.1, old.last.1);
        let sentence = format!(
            "{}, but {} had been seen before it began: {}; {}.",
            self.clause(late),
            self.value(new.state),
            self.clause(early),
            self.age(old)
        );
        Some(pattern_of(NO_ORDER, old.origin().chain([writer, early, late]), sentence))
    }

    /// Whether the register held `old` before `writer` began.
    fn is_older(&self, old: &Cluster, writer: usize) -> bool {
        old.first.is_none_or(|(_, first)| self.precedes(first, writer))
    }

    fn age(&self, old: &Cluster) -> String {
        let value = self.value(old.state);
        match old.first {
            None => format!("{value} is the initial value"),
            Some((_, first)) => format!("{value} is older: {}", self.clause(first)),
        }
    }

    fn back_and_forth(&self, one: &Cluster, other: &Cluster) -> Pattern {
        let first = |cluster: &Cluster| match cluster.first {
            None => format!("it began with {}", self.value(cluster.state)),
            Some((_, operation)) => self.clause(operation),
        };
        let sentence = format!(
            "{} after {}, and {} after {}: it would have had to hold {} and {} at once, each written only once.",
            self.clause(other.last.1),
            first(one),
            self.clause(one.last.1),
            first(other),
            self.value(one.state),
            self.value(other.state)
        );
        let core = one.origin().chain(other.origin()).chain([one.last.1, other.last.1]);
        pattern_of(NO_ORDER, core, sentence)
    }
}

/// Two clusters that overlap, found in one sweep over the clusters by their zones' beginning: of the forward
/// zones that began before, the one that lasts longest is the one to overlap.
fn first_overlap(clusters: &[Cluster]) -> Option<(Cluster, Cluster)> {
    let mut holder: Option<Cluster> = None;
    for &cluster in clusters {
        if let Some(holder) = holder.filter(|holder| holder.overlaps(&cluster)) {
            return Some((holder, cluster));
        }
        if cluster.is_forward() && holder.is_none_or(|holder| holder.last.0 < cluster.last.0) {
            holder = Some(cluster);
        }
    }
    None
}

fn pattern_of(anomaly: &'static str, core: impl Iterator<Item = usize>, sentence: String) -> Pattern {
    let mut core: Vec<usize> = core.collect();
    core.sort_unstable();
    core.dedup();
    Pattern { anomaly, core, sentence }
}
