//! What turned out not to matter: what the original scenario has and the smaller one has not.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::scenario::duration as parse_duration;

use super::Size;
use super::passes::{members, size};

/// What is left out, in a few words each.
pub(super) fn irrelevant(original: &Value, smaller: &Value) -> Vec<String> {
    let mut said = Vec::new();
    let (families, left) = (families(original), families(smaller));
    let gone: Vec<_> = families.difference(&left).map(String::as_str).collect();
    if !gone.is_empty() {
        said.push(format!("faults of {}", gone.join(", ")));
    }
    said.extend(counts(size(original), size(smaller)));
    let length = |scenario: &Value| scenario["duration"].as_str().and_then(|text| parse_duration(text).ok());
    if let (Some(full), Some(end)) = (length(original), length(smaller))
        && end < full
    {
        said.push(format!("what happens after {end}"));
    }
    said.extend(network(&original["network"], &smaller["network"]));
    let names = ["hosts", "ties", "scheduling", "warm_up", "final_reads"];
    let was_set =
        |name: &&str| original[*name] != smaller[*name] && smaller[*name].is_null() && !is_plain(&original[*name]);
    said.extend(names.into_iter().filter(was_set).map(|name| format!("\"{name}\"")));
    said
}

fn counts(before: Size, after: Size) -> impl Iterator<Item = String> {
    let counts = [
        (before.faults as u64, after.faults as u64, "faults"),
        (before.operations as u64, after.operations as u64, "operations"),
        (before.clients as u64, after.clients as u64, "clients"),
        (before.replicas, after.replicas, "replicas"),
    ];
    let gone = |&(before, after, _): &(u64, u64, &str)| after < before;
    counts.into_iter().filter(gone).map(|(before, after, what)| match after {
        0 => format!("all {what}"),
        _ => format!("{} of {before} {what}", before - after),
    })
}

/// The families of a scenario's faults.
fn families(scenario: &Value) -> BTreeSet<String> {
    let faults = scenario["faults"].as_array().into_iter().flatten();
    let family =
        |fault: &Value| members(fault).find(|(_, settings)| settings.is_object()).map(|(family, _)| family.clone());
    faults.filter_map(family).collect()
}

/// What is different about links.
fn network(original: &Value, smaller: &Value) -> Vec<String> {
    let mut said = Vec::new();
    if original["latency"].is_object() && smaller["latency"].is_string() {
        said.push("the distribution of latency".to_owned());
    }
    let others = members(original).filter(|(name, value)| *name != "latency" && !is_plain(value));
    said.extend(
        others.filter(|(name, _)| smaller.get(name).is_none_or(is_plain)).map(|(name, _)| format!("{name} of links")),
    );
    said
}

/// Whether a setting is what it is by default.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => matches!(&**text, "0s" | "first_in_first_out"),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.values().all(is_plain),
    }
}
