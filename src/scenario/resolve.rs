//! The resolved scenario: what a run used, in the format of the file, without anything left to chance but what
//! the seed decides.

use serde_json::{Value, json};

use crate::fault::{Effect, Fault, Group, LinkEffect, Plan, Selector, Shape, Start};
use crate::host::{MessageDeed, MessageFault, NodeId, Request};
use crate::load::ScriptedOperation;

use super::faults::{explicit, explicit_links, explicit_stages};
use super::file::Scenario;
use super::nemesis::Generator;
use super::points::Switch;
use super::run::Run;

/// The file with defaults, seed, ids and the targets of the faults filled in. After the faults of the file the plan
/// has those that the nemeses `made`; a nemesis that made none stays, so that it is still found wanting.
pub(super) fn resolved(
    scenario: &Scenario,
    seed: u64,
    (plan, made): (&Plan, &[(Generator, usize)]),
    (chaos, points): (Option<&str>, &[Switch]),
    names: &[String],
) -> Value {
    let mut resolved = scenario.resolved.clone();
    // A path from where the author's file lies; the resolved one lies elsewhere.
    resolved.as_object_mut().and_then(|resolved| resolved.shift_remove("$schema"));
    resolved["seed"] = json!(seed);
    let name = |node: NodeId| names.get(node.0 as usize).cloned().unwrap_or_default();
    let list = |selector: &Selector| match selector {
        Selector::Nodes(nodes) => json!(nodes.iter().map(|&node| name(node)).collect::<Vec<_>>()),
        // Not started, so never resolved.
        Selector::Replicas { .. } => Value::Null,
    };
    let side = |group: &Group| match group {
        Group::Of(selector) => list(selector),
        Group::Rest => json!("rest"),
    };
    let mut generated = plan.faults.iter().skip(scenario.plan.faults.len());
    for (number, (generator, made)) in made.iter().enumerate() {
        let entries: Vec<_> = generated.by_ref().take(*made).map(|fault| generator.entry(fault)).collect();
        if *made > 0 && number < scenario.nemeses.len() {
            resolved["nemesis"].as_object_mut().and_then(|nemeses| nemeses.shift_remove(&generator.nemesis.name));
        }
        resolved["faults"].as_array_mut().into_iter().for_each(|faults| faults.extend(entries.iter().cloned()));
    }
    // What was added under way stands behind all others.
    let late: Vec<_> = generated.filter_map(|fault| message_entry(fault, &name)).collect();
    resolved["faults"].as_array_mut().into_iter().for_each(|faults| faults.extend(late.iter().cloned()));
    for point in points {
        resolved["maybe"][point.name.as_str()] = point.entry();
    }
    // A preset that made nothing stays, so that it is found wanting; a swarm may draw nothing.
    let has_made = made.iter().skip(scenario.nemeses.len()).any(|(_, made)| *made > 0);
    for generator in [has_made.then_some("chaos"), Some("swarm")].into_iter().flatten() {
        resolved.as_object_mut().and_then(|resolved| resolved.shift_remove(generator));
    }
    if let (Some(chaos), None) = (chaos, resolved.get("chaos")) {
        let note = resolved["note"].as_str().map(|note| format!("{note}\n")).unwrap_or_default();
        resolved["note"] = json!(note + chaos);
    }
    for (fault, entry) in plan.faults.iter().zip(resolved["faults"].as_array_mut().into_iter().flatten()) {
        entry["id"] = json!(fault.id);
        if fault.keep.is_none() {
            entry.as_object_mut().and_then(|entry| entry.shift_remove("keep"));
        }
        let was = scenario.plan.faults.iter().find(|was| was.id == fault.id).map(|was| &was.start);
        let is_moved = matches!((was, &fault.start), (Some(Start::At(was)), Start::At(at)) if was != at);
        if is_moved {
            entry["may_miss"] = json!(true);
        }
        let settings = &mut entry[fault.what.kind()];
        if let (Start::At(at), true) = (&fault.start, settings["at"].is_object() || is_moved) {
            settings["at"] = json!(at.to_string());
        }
        let replaced = match &fault.what {
            Effect::Nodes { whom, .. } => vec![("where", Some(list(whom)))],
            Effect::Staged { stages, .. } => explicit_stages(stages, &name),
            Effect::Links(effect) => explicit(effect, &list),
            Effect::Partition { shape: Shape::Groups(groups), .. } => {
                vec![("pattern", None), ("groups", Some(groups.iter().map(side).collect()))]
            }
            Effect::Partition { shape: Shape::OneWay { from, to }, .. } => {
                vec![("from", Some(side(from))), ("to", Some(side(to)))]
            }
            Effect::Partition { shape: Shape::Links(links), .. } => {
                let links = explicit_links(links, &list);
                links.into_iter().chain([("pattern", None)]).collect()
            }
            Effect::Partition { shape: Shape::Drawn { .. }, .. } => Vec::new(),
        };
        for (field, value) in replaced {
            match value {
                Some(Value::Null) => {}
                Some(value) => settings[field] = value,
                None => {
                    settings.as_object_mut().and_then(|settings| settings.shift_remove(field));
                }
            }
        }
    }
    resolved
}

/// What a file says of a fault that holds one message back.
fn message_entry(fault: &Fault, name: &impl Fn(NodeId) -> String) -> Option<Value> {
    let Effect::Links(LinkEffect::Message(what)) = &fault.what else { return None };
    let MessageDeed::Delay(span) = what.deed else { return None };
    let MessageFault { from, to, kind, nth, .. } = what;
    let message =
        json!({ "from": name(*from), "to": name(*to), "kind": kind, "nth": nth, "delay": span.to_string() });
    Some(json!({ "id": fault.id, "message": message }))
}

/// The resolved scenario of a run, with clients that follow a script: what they were asked to do, one by one, and whom they asked
/// first.
#[must_use]
pub fn scripted(run: &Run) -> Value {
    let mut scripted = run.resolved.clone();
    for (index, name) in (0u32..).zip(&run.history().clients) {
        let script = run.recording.script(index);
        let script: Vec<_> = script.iter().map(|operation| script_entry(operation, run)).collect();
        let client = scripted["clients"].get_mut(name.as_str()).and_then(Value::as_object_mut);
        if let Some(client) = client {
            for replaced in ["arrivals", "keys", "sessions", "transactions"] {
                client.remove(replaced);
            }
            client.insert("operations".to_owned(), json!({ "script": script }));
        }
    }
    scripted
}

fn script_entry(operation: &ScriptedOperation, run: &Run) -> Value {
    let ScriptedOperation { number, session, at, request, answers, asks } = operation;
    let mut entry = json!({ "number": number, "session": session, "at": at.to_string() });
    if let Some(answers) = answers {
        entry["answers"] = json!(answers);
    }
    if let Some(asks) = asks {
        entry["asks"] = json!(run.name(*asks));
    }
    let kind = if let Request::Custom { .. } = request { "custom" } else { request.kind() };
    entry[kind] = settings(request);
    entry
}

/// What a script says of a request.
fn settings(request: &Request) -> Value {
    match request {
        Request::Transaction(parts) => parts.iter().map(|part| json!({ part.kind(): settings(part) })).collect(),
        Request::Custom { name, body } => json!({ "name": name, "body": body }),
        Request::Write { key, value } => json!({ "key": key.0, "value": plain(value) }),
        Request::CompareAndSet { key, expected, new } => {
            json!({ "key": key.0, "expected": plain(expected), "new": plain(new) })
        }
        Request::Append { key, element } | Request::Insert { key, element } | Request::Enqueue { key, element } => {
            json!({ "key": key.0, "element": element })
        }
        Request::Add { key, delta } => json!({ "key": key.0, "delta": delta }),
        Request::Release { key, token } => json!({ "key": key.0, "token": token }),
        request => json!({ "key": request.key().map(|key| key.0) }),
    }
}

/// A register's value as scripts write it.
fn plain(value: &crate::host::Value) -> Value {
    match value {
        crate::host::Value::Nil => json!("nil"),
        crate::host::Value::Int(number) => json!(number),
        crate::host::Value::List(elements) => json!(elements),
        crate::host::Value::Siblings(values) | crate::host::Value::Answers(values) => {
            values.iter().map(plain).collect()
        }
    }
}
