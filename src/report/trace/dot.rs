//! The topology for Graphviz: hosts in their zones, coloured by service, and who has sent messages to whom.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::file::TraceFile;
use super::reading::Reading;

/// Okabe and Ito's colours, light enough for black text, for services in their order.
const FILLS: [&str; 6] = ["#9ad0f5", "#ffd28a", "#a6e3cd", "#f3c1dc", "#f6ef9c", "#ffb38a"];

/// The topology as a graph in the DOT language.
pub(super) fn write(file: &TraceFile) -> String {
    let header = &file.header;
    let mut text = format!("graph {} {{\n", quoted(&header.scenario));
    text.push_str("  layout=dot; rankdir=LR; compound=true;\n");
    text.push_str("  node [shape=box, style=\"filled,rounded\", fontname=\"sans-serif\"];\n");
    text.push_str("  edge [color=\"#555555\"];\n");
    let mut zones: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for node in file.nodes() {
        zones.entry(header.zones.get(node as usize).map_or("", String::as_str)).or_default().push(node);
    }
    for (number, (zone, nodes)) in zones.iter().enumerate() {
        if !zone.is_empty() {
            let _ = writeln!(text, "  subgraph cluster_{number} {{\n    label={}; style=rounded;", quoted(zone));
        }
        for &node in nodes {
            let _ = writeln!(text, "    n{node} [{}];", attributes(file, node));
        }
        if !zone.is_empty() {
            text.push_str("  }\n");
        }
    }
    for ((one, other), link) in links(&Reading::new(file)) {
        let style = match link {
            Link::Whole => String::new(),
            Link::Cut => ", style=dashed, color=\"#d55e00\", tooltip=\"cut by a partition for a while\"".to_owned(),
        };
        let _ = writeln!(text, "  n{one} -- n{other} [weight=1{style}];");
    }
    text.push_str("}\n");
    text
}

fn attributes(file: &TraceFile, node: u32) -> String {
    let name = file.name(node);
    let mut services: Vec<_> = file.header.services.iter().flatten().map(String::as_str).collect();
    services.dedup();
    let place = |service: &str| services.iter().position(|other| *other == service).unwrap_or(0);
    let mut text = match file.service(node) {
        Some(service) => format!("label={}, fillcolor=\"{}\"", quoted(&name), FILLS[place(service) % FILLS.len()]),
        None => format!("label={}, shape=ellipse, fillcolor=white", quoted(&name)),
    };
    let hit = file.header.faults.iter().filter(|fault| fault.start_ns.is_some() && fault.targets.contains(&node));
    let hit: Vec<_> = hit.map(|fault| format!("{} ({})", fault.id, fault.kind)).collect();
    if !hit.is_empty() {
        let _ = write!(text, ", color=\"#d55e00\", penwidth=2, tooltip={}", quoted(&hit.join(", ")));
    }
    text
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Link {
    Whole,
    Cut,
}

/// The pairs of nodes that have sent each other something, and whether a partition has stopped any of it.
fn links(reading: &Reading<'_>) -> BTreeMap<(u32, u32), Link> {
    let mut links = BTreeMap::new();
    for message in (0..reading.file.len()).filter_map(|number| reading.message(number)) {
        let pair = (message.from.min(message.to), message.from.max(message.to));
        let found = if message.death == Some("partition") { Link::Cut } else { Link::Whole };
        if message.from != message.to {
            let known = links.entry(pair).or_insert(found);
            *known = found.max(*known);
        }
    }
    links
}

/// A text as DOT quotes it. Backslashes would begin an escape, and control characters have no place in a label.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push(' '),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
