//! Which events of a trace somebody wants to see.

use std::collections::BTreeSet;

use crate::host::Tag;
use crate::kernel::Time;

use super::file::TraceFile;
use super::jsonl;
use super::reading::Reading;

/// Which events are wanted: those to which all of this applies. An empty list means any.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Selection {
    /// Names of nodes or clients: what one of them does, or what comes from it.
    pub nodes: Vec<String>,
    /// What happens (`deliver`, `drop` ...), or kinds of messages and requests.
    pub kinds: Vec<String>,
    /// Not before this instant.
    pub from: Time,
    /// Before this instant, if there is one.
    pub until: Option<Time>,
    /// Ids of operations: their calls, and what these led to.
    pub operations: Vec<String>,
}

impl Selection {
    /// What it names that is not in the trace, in words; `None` if all is.
    #[must_use]
    pub fn mistake(&self, file: &TraceFile) -> Option<String> {
        let names: Vec<_> = file.nodes().into_iter().map(|node| file.name(node)).collect();
        let names = names.iter().map(AsRef::as_ref).collect();
        let nodes = self.nodes.iter().map(|name| unknown("node", name, &names));
        let kinds = self.kinds.iter().map(|name| unknown("kind of event", name, &kinds(file)));
        let operations = self.operations.iter().map(|name| unknown("operation", name, &operations(file)));
        nodes.chain(kinds).chain(operations).find_map(|mistake| mistake)
    }

    /// The selected events in words, one a line.
    #[must_use]
    pub fn lines(&self, file: &TraceFile) -> String {
        let reading = Reading::new(file);
        let width = file.len().to_string().len();
        let line = |number| format!("{number:>width$}  {:<14} {}\n", reading.time(number), file.words(number));
        self.of(&reading).into_iter().map(line).collect()
    }

    /// The selected events as JSONL, behind the header.
    #[must_use]
    pub fn jsonl(&self, file: &TraceFile) -> String {
        jsonl::write(file, self)
    }

    /// The selected events by number.
    pub(super) fn of(&self, reading: &Reading<'_>) -> Vec<usize> {
        let file = reading.file;
        let of_operations = (!self.operations.is_empty()).then(|| self.records_of_operations(reading));
        let is_wanted = |&number: &usize| {
            let record = reading.record(number);
            let fact = &record.fact;
            let is_in_time = self.from <= fact.time && self.until.is_none_or(|until| fact.time < until);
            let named = |name: &String| {
                let is_node = |node| file.name(node) == *name;
                let is_about_nodes = Tag::from_number(fact.tag).is_some_and(Tag::is_about_nodes);
                is_about_nodes && (is_node(fact.a) || is_node(fact.b))
            };
            let is_kind = |kind: &String| {
                Tag::from_number(fact.tag).is_some_and(|tag| tag.name() == kind) || file.label(record).0 == kind
            };
            is_in_time
                && (self.nodes.is_empty() || self.nodes.iter().any(named))
                && (self.kinds.is_empty() || self.kinds.iter().any(is_kind))
                && of_operations.as_ref().is_none_or(|records| records.contains(&number))
        };
        (0..file.len()).filter(is_wanted).collect()
    }

    fn records_of_operations(&self, reading: &Reading<'_>) -> BTreeSet<usize> {
        let wanted = |id: &String| self.operations.contains(id);
        let operations = reading.file.header.operations.iter().filter(|operation| wanted(&operation.id));
        operations.flat_map(|operation| reading.records_of(operation)).collect()
    }
}

fn kinds(file: &TraceFile) -> BTreeSet<&str> {
    let mut kinds: BTreeSet<&str> = file.records().iter().map(|record| file.label(record).0).collect();
    kinds.remove("");
    kinds.extend(Tag::ALL.map(Tag::name));
    kinds
}

fn operations(file: &TraceFile) -> BTreeSet<&str> {
    file.header.operations.iter().map(|operation| operation.id.as_str()).collect()
}

fn unknown(what: &str, name: &str, known: &BTreeSet<&str>) -> Option<String> {
    let near = crate::scenario::closest(name, known.iter().copied());
    let hint = near.map_or(String::new(), |near| format!("; did you mean {near}?"));
    (!known.contains(name)).then(|| format!("no {what} in this trace is called {name}{hint}"))
}
