//! The steps that make a scenario smaller, from the coarse to the fine.

use serde_json::{Map, Value, json};

use crate::kernel::Span;
use crate::load::Operation;
use crate::scenario::{Run, duration as parse_duration};

use super::ddmin::ddmin;
use super::freeze::freeze;
use super::merge::merge;
use super::{Shrinker, Size};

/// Everything, again and again, until nothing gets smaller or the budget is spent.
pub(super) fn all(shrinker: &mut Shrinker<'_>) {
    focus(shrinker);
    let mut is_first = true;
    loop {
        let before = shrinker.best.clone();
        truncate(shrinker);
        // Without chance in the network, what is removed shifts no message's fate.
        network(shrinker);
        freeze(shrinker);
        faults(shrinker, Shrinker::keep);
        operations(shrinker, Shrinker::keep_without_operations);
        freeze(shrinker);
        operations(shrinker, Shrinker::keep_without_operations);
        clients(shrinker);
        services(shrinker);
        replicas(shrinker);
        // Before anything is shortened: what fits one seed to the millisecond fits no other.
        let mut is_cut = is_first && !under_other_seeds(shrinker);
        is_first = false;
        settings(shrinker);
        shorten(shrinker);
        round(shrinker);
        if shrinker.best == before {
            merge(shrinker);
            contacts(shrinker);
            is_cut = !under_other_seeds(shrinker);
        }
        if shrinker.best == before && !is_cut || shrinker.is_exhausted() {
            return;
        }
    }
}

/// Leaves out faults and operations, and chance, where another seed allows for it; whether it came to the end. It takes a
/// quarter of the budget at most, and goes on from there when it is called again.
fn under_other_seeds(shrinker: &mut Shrinker<'_>) -> bool {
    let last = shrinker.runs + shrinker.settings.budget / 4;
    let keep =
        |shrinker: &mut Shrinker<'_>, candidate| shrinker.runs < last && shrinker.keep_under_another_seed(candidate);
    faults(shrinker, keep);
    operations(shrinker, keep);
    let plain = with(&shrinker.best, "/network", plain_network());
    if plain != shrinker.best {
        keep(shrinker, plain);
    }
    shrinker.runs < last
}

pub(super) fn size(scenario: &Value) -> Size {
    let services = members(&scenario["services"]);
    let replicas = |service: &Value| members(service).filter_map(|(_, kind)| kind["replicas"].as_u64()).sum::<u64>();
    let (messages, faults): (Vec<_>, Vec<_>) =
        scenario["faults"].as_array().into_iter().flatten().partition(|fault| fault.get("message").is_some());
    Size {
        faults: faults.len(),
        messages: messages.len(),
        operations: scripts(scenario).len(),
        clients: members(&scenario["clients"]).count(),
        replicas: services.map(|(_, service)| replicas(service)).sum(),
    }
}

pub(super) fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// Guesses from what the check names: only its operations, or only those on their objects. A guess that is right saves
/// most of the search.
fn focus(shrinker: &mut Shrinker<'_>) {
    let best = shrinker.best.clone();
    let Ok(run) = shrinker.run_of(&best) else { return };
    let history = run.history();
    let named = named_by_check(&run);
    let keys: Vec<_> = named.iter().filter_map(|operation| operation.request.key()).collect();
    let ids: Vec<_> = named.iter().map(|operation| history.id(operation)).collect();
    let id = |(client, entry): &(String, Value)| format!("{client}-{}", entry["number"]);
    let is_on_keys = |(_, entry): &(String, Value)| {
        members(entry)
            .any(|(_, request)| request["key"].as_u64().is_some_and(|key| keys.iter().any(|of| of.0 == key)))
    };
    let all = scripts(&best);
    let guesses: [Vec<_>; 2] = [
        all.iter().filter(|operation| ids.contains(&id(operation))).cloned().collect(),
        all.iter().filter(|operation| is_on_keys(operation)).cloned().collect(),
    ];
    let with_only = |guess: &[(String, Value)]| {
        let mut candidate = best.clone();
        set_scripts(&mut candidate, guess);
        candidate
    };
    let candidates: Vec<_> = guesses.iter().filter(|guess| !guess.is_empty()).map(|guess| with_only(guess)).collect();
    // Or the others do no more than shift chance, while there is still all of it.
    let _ = candidates.iter().any(|candidate| shrinker.keep(candidate.clone()))
        || candidates.into_iter().any(|candidate| shrinker.keep_under_another_seed(candidate));
}

/// The operations that the check names which decides the verdict.
pub(super) fn named_by_check(run: &Run) -> Vec<&Operation> {
    let check = run.checks.iter().find(|check| check.verdict == run.verdict);
    let indices = check.map(|check| check.operations.as_slice()).unwrap_or_default();
    indices.iter().filter_map(|&index| run.history().operations.get(index)).collect()
}

/// Ends the run as early as it still fails.
fn truncate(shrinker: &mut Shrinker<'_>) {
    let Some(full) = shrinker.best["duration"].as_str().and_then(|text| parse_duration(text).ok()) else { return };
    let (mut low, mut high) = (0, full.as_nanos());
    // To a twentieth is enough: rounding makes it finer than that.
    while high - low > high / 20 && !shrinker.is_exhausted() {
        let middle = low + (high - low) / 2;
        if shrinker.keep(ended_at(&shrinker.best, Span::from_nanos(middle))) {
            high = middle;
        } else {
            low = middle;
        }
    }
}

/// A scenario without what starts at or after an instant.
fn ended_at(scenario: &Value, end: Span) -> Value {
    let mut ended = scenario.clone();
    ended["duration"] = json!(end.to_string());
    let starts_in_time =
        |entry: &Value| entry["at"].as_str().and_then(|at| parse_duration(at).ok()).is_none_or(|at| at < end);
    let kept: Vec<_> = scripts(scenario).into_iter().filter(|(_, operation)| starts_in_time(operation)).collect();
    set_scripts(&mut ended, &kept);
    if let Some(faults) = ended["faults"].as_array_mut() {
        faults.retain(|fault| members(fault).all(|(_, settings)| starts_in_time(settings)));
    }
    if ended["warm_up"]
        .as_str()
        .and_then(|warm_up| parse_duration(warm_up).ok())
        .is_some_and(|warm_up| warm_up >= end)
    {
        ended["warm_up"] = json!("0s");
    }
    ended
}

/// With a scenario instead of the best one, if `keep` finds that it fails alike.
fn faults<'s>(shrinker: &mut Shrinker<'s>, keep: impl Fn(&mut Shrinker<'s>, Value) -> bool) {
    let Some(faults) = shrinker.best["faults"].as_array().cloned() else { return };
    ddmin(faults, |part| {
        let candidate = with(&shrinker.best, "/faults", json!(part));
        keep(shrinker, candidate)
    });
}

fn operations<'s>(shrinker: &mut Shrinker<'s>, keep: impl Fn(&mut Shrinker<'s>, Value) -> bool) {
    ddmin(scripts(&shrinker.best), |part| {
        let mut candidate = shrinker.best.clone();
        set_scripts(&mut candidate, part);
        keep(shrinker, candidate)
    });
}

/// Each operation of each client's script, with the client's name.
pub(super) fn scripts(scenario: &Value) -> Vec<(String, Value)> {
    let script = |(name, client): (&String, &Value)| {
        let operations = client["operations"]["script"].as_array().cloned().unwrap_or_default();
        let name = name.clone();
        operations.into_iter().map(move |operation| (name.clone(), operation)).collect::<Vec<_>>()
    };
    members(&scenario["clients"]).flat_map(script).collect()
}

fn set_scripts(scenario: &mut Value, operations: &[(String, Value)]) {
    for (name, client) in scenario["clients"].as_object_mut().into_iter().flatten() {
        if client["operations"]["script"].is_array() {
            let own: Vec<_> =
                operations.iter().filter(|(of, _)| of == name).map(|(_, operation)| operation).collect();
            client["operations"]["script"] = json!(own);
        }
    }
}

/// Leaves out clients who do nothing, or nothing that matters.
fn clients(shrinker: &mut Shrinker<'_>) {
    remove_members(shrinker, "/clients");
}

/// Leaves out services that nobody needs.
fn services(shrinker: &mut Shrinker<'_>) {
    remove_members(shrinker, "/services");
}

fn remove_members(shrinker: &mut Shrinker<'_>, pointer: &str) {
    for name in names_at(&shrinker.best, pointer) {
        let candidate = without(&shrinker.best, &format!("{pointer}/{}", escaped(&name)));
        shrinker.keep(candidate);
    }
}

/// Leaves out whom operations ask first where it does not matter: of all, or else of one after the other. Only when no operation
/// can go any more, for without that an operation asks whom the ones before it have left to it.
fn contacts(shrinker: &mut Shrinker<'_>) {
    let all = scripts(&shrinker.best);
    let says: Vec<_> = (0..all.len()).filter(|&place| all[place].1.get("asks").is_some()).collect();
    let silent = |silent: &[usize]| {
        let mut operations = all.clone();
        for &place in silent {
            operations[place].1.as_object_mut().and_then(|operation| operation.shift_remove("asks"));
        }
        operations
    };
    let mut candidate = shrinker.best.clone();
    set_scripts(&mut candidate, &silent(&says));
    if shrinker.keep(candidate) || says.len() > MOST_CONTACTS {
        return;
    }
    let mut quiet = Vec::new();
    for place in says {
        quiet.push(place);
        let mut candidate = shrinker.best.clone();
        set_scripts(&mut candidate, &silent(&quiet));
        if !shrinker.keep(candidate) {
            quiet.pop();
        }
    }
}

/// Of more operations than this it is not tried one by one whether it matters whom they ask first.
const MOST_CONTACTS: usize = 12;

/// Fewer replicas, the last ones first, down to one. What was asked of one that goes is asked of another.
fn replicas(shrinker: &mut Shrinker<'_>) {
    for pointer in kinds(&shrinker.best) {
        let pointer = format!("{pointer}/replicas");
        let Some(count) = shrinker.best.pointer(&pointer).and_then(Value::as_u64) else { continue };
        for fewer in 1..count {
            let mut candidate = with(&shrinker.best, &pointer, json!(fewer));
            retarget(&mut candidate, &pointer, fewer);
            if shrinker.keep(candidate) {
                break;
            }
        }
    }
}

/// Makes operations that ask a replica that is gone ask another one first: with 2 left, number 2 becomes number 0.
fn retarget(scenario: &mut Value, pointer: &str, replicas: u64) {
    let service = pointer.split('/').nth(2).map(unescaped).unwrap_or_default();
    let mut operations = scripts(scenario);
    for (_, operation) in &mut operations {
        let replica = operation["asks"].as_str().and_then(|asks| asks.strip_prefix(&service)?.strip_prefix('-'));
        if let Some(number) =
            replica.and_then(|number| number.parse::<u64>().ok()).filter(|&number| number >= replicas)
        {
            operation["asks"] = json!(format!("{service}-{}", number % replicas));
        }
    }
    set_scripts(scenario, &operations);
}

/// The pointers to the kinds of all services: `/services/store/raft`.
fn kinds(scenario: &Value) -> Vec<String> {
    let of_service = |(name, service): (&String, &Value)| {
        let kinds = members(service).filter(|(kind, _)| *kind != "host");
        kinds.map(|(kind, _)| format!("/services/{}/{kind}", escaped(name))).collect::<Vec<_>>()
    };
    members(&scenario["services"]).flat_map(of_service).collect()
}

/// A name within a JSON Pointer (RFC 6901, section 3).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn unescaped(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}

pub(super) fn with(scenario: &Value, pointer: &str, value: Value) -> Value {
    let mut changed = scenario.clone();
    if let Some(place) = changed.pointer_mut(pointer) {
        *place = value;
    }
    changed
}

fn without(scenario: &Value, pointer: &str) -> Value {
    let mut changed = scenario.clone();
    if let Some((parent, name)) = pointer.rsplit_once('/')
        && let Some(object) = changed.pointer_mut(parent).and_then(Value::as_object_mut)
    {
        object.shift_remove(&unescaped(name));
    }
    changed
}

fn plain_network() -> Value {
    json!({ "latency": "1ms" })
}

/// The network at its plainest: a constant latency, else whatever of it can go.
fn network(shrinker: &mut Shrinker<'_>) {
    if shrinker.keep(with(&shrinker.best, "/network", plain_network())) {
        return;
    }
    shrinker.keep(with(&shrinker.best, "/network/latency", json!("1ms")));
    for name in names_at(&shrinker.best, "/network").into_iter().filter(|name| name != "latency") {
        shrinker.keep(without(&shrinker.best, &format!("/network/{name}")));
    }
}

/// The settings of a scenario that have defaults, and are no pass's own.
const TOP: [&str; 12] = [
    "story",
    "question",
    "hosts",
    "ties",
    "scheduling",
    "limits",
    "settle",
    "warm_up",
    "final_reads",
    "heal",
    "nemesis",
    "maybe",
];

/// Every setting to its default; what stays matters.
fn settings(shrinker: &mut Shrinker<'_>) {
    let top = TOP.map(|name| format!("/{name}"));
    let hosts =
        names_at(&shrinker.best, "/services").into_iter().map(|name| format!("/services/{}/host", escaped(&name)));
    let of_kinds = kinds(&shrinker.best).into_iter().flat_map(|kind| {
        let names =
            names_at(&shrinker.best, &kind).into_iter().filter(|name| !matches!(&**name, "replicas" | "without"));
        names.map(|name| format!("{kind}/{name}")).collect::<Vec<_>>()
    });
    let of_clients = names_at(&shrinker.best, "/clients").into_iter().flat_map(|client| {
        let client = format!("/clients/{}", escaped(&client));
        let names =
            names_at(&shrinker.best, &client).into_iter().filter(|name| !matches!(&**name, "calls" | "operations"));
        names.map(|name| format!("{client}/{name}")).collect::<Vec<_>>()
    });
    let points = names_at(&shrinker.best, "/maybe").into_iter().map(|name| format!("/maybe/{}", escaped(&name)));
    let points: Vec<_> = points.collect();
    let pointers: Vec<_> = top.into_iter().chain(points).chain(hosts).chain(of_kinds).chain(of_clients).collect();
    for pointer in pointers {
        if shrinker.best.pointer(&pointer).is_some() {
            shrinker.keep(without(&shrinker.best, &pointer));
        }
    }
    hypothesis(shrinker);
}

fn names_at(scenario: &Value, pointer: &str) -> Vec<String> {
    let object: Option<&Map<String, Value>> = scenario.pointer(pointer).and_then(Value::as_object);
    object.into_iter().flatten().map(|(name, _)| name.clone()).collect()
}

/// The expectations that do not fail are not what the scenario is about.
fn hypothesis(shrinker: &mut Shrinker<'_>) {
    for pointer in ["/hypothesis/before", "/hypothesis/during", "/hypothesis/after", "/hypothesis/always"] {
        let Some(list) = shrinker.best.pointer(pointer).and_then(Value::as_array).cloned() else {
            if shrinker.best.pointer(pointer).is_some() {
                shrinker.keep(without(&shrinker.best, pointer));
            }
            continue;
        };
        if !list.is_empty() {
            ddmin(list, |part| {
                let candidate = with(&shrinker.best, pointer, json!(part));
                shrinker.keep(candidate)
            });
        }
    }
}

/// Nothing is made shorter than this, in nanoseconds: a person reads milliseconds.
const SHORTEST: u64 = Span::from_millis(1).as_nanos();

/// Begins earlier, and lets faults last half as long, for as long as that fails alike.
fn shorten(shrinker: &mut Shrinker<'_>) {
    let nanos = |scenario: &Value, pointer: &str| {
        let text = scenario.pointer(pointer).and_then(Value::as_str);
        text.and_then(|text| parse_duration(text).ok()).map(Span::as_nanos)
    };
    let starts: Vec<_> = instants(&shrinker.best).into_iter().filter(|pointer| pointer.ends_with("/at")).collect();
    let mut idle = starts.iter().filter_map(|pointer| nanos(&shrinker.best, pointer)).min().unwrap_or(0);
    while idle >= Span::from_millis(10).as_nanos() {
        let mut earlier = shrinker.best.clone();
        for pointer in starts.iter().map(String::as_str).chain(["/duration"]) {
            if let (Some(at), Some(place)) = (nanos(&earlier, pointer), earlier.pointer_mut(pointer)) {
                *place = json!(Span::from_nanos(at - idle).to_string());
            }
        }
        if shrinker.keep(earlier) {
            break;
        }
        idle /= 2;
    }
    for pointer in instants(&shrinker.best).into_iter().filter(|pointer| !pointer.ends_with("/at")) {
        while let Some(half) =
            nanos(&shrinker.best, &pointer).map(|length| length / 2).filter(|&half| half >= SHORTEST)
        {
            if !shrinker.keep(with(&shrinker.best, &pointer, json!(Span::from_nanos(half).to_string()))) {
                break;
            }
        }
    }
}

/// Rounder instants and lengths, the roundest first: of faults, and of operations all at once or one by one.
fn round(shrinker: &mut Shrinker<'_>) {
    const GRAINS: [Span; 4] =
        [Span::from_secs(1), Span::from_millis(100), Span::from_millis(10), Span::from_millis(1)];
    let mut rounded_all = shrinker.best.clone();
    for grain in GRAINS.into_iter().rev() {
        let mut candidate = rounded_all.clone();
        round_instants(&mut candidate, grain);
        if shrinker.keep(candidate.clone()) {
            rounded_all = candidate;
        }
    }
    let pointers = instants(&shrinker.best);
    for pointer in pointers {
        for grain in GRAINS {
            let Some(text) = shrinker.best.pointer(&pointer).and_then(Value::as_str) else { break };
            let Some(rounded) = rounded(text, grain) else { continue };
            if rounded == text || shrinker.keep(with(&shrinker.best, &pointer, json!(rounded))) {
                break;
            }
        }
    }
}

/// The settings of a fault that say when it happens and how long it takes.
const LENGTHS: [&str; 5] = ["at", "for", "after", "delay", "duplicate"];

/// The pointers to the instants and lengths of faults and operations.
fn instants(scenario: &Value) -> Vec<String> {
    let mut pointers = Vec::new();
    for (place, fault) in scenario["faults"].as_array().into_iter().flatten().enumerate() {
        for (kind, settings) in members(fault) {
            let names =
                members(settings).filter(|(name, value)| LENGTHS.contains(&name.as_str()) && value.is_string());
            pointers.extend(names.map(|(name, _)| format!("/faults/{place}/{kind}/{name}")));
        }
    }
    for (name, client) in members(&scenario["clients"]) {
        let count = client["operations"]["script"].as_array().map_or(0, Vec::len);
        pointers.extend((0..count).map(|place| format!("/clients/{}/operations/script/{place}/at", escaped(name))));
    }
    pointers
}

fn round_instants(scenario: &mut Value, grain: Span) {
    for pointer in instants(scenario) {
        if let Some(place) = scenario.pointer_mut(&pointer)
            && let Some(rounded) = place.as_str().and_then(|text| rounded(text, grain))
        {
            *place = json!(rounded);
        }
    }
}

/// A duration rounded half up to a multiple of `grain`, if it is not smaller than that. So it grows by half at most, and what
/// [`shorten`] halves does not grow back.
fn rounded(text: &str, grain: Span) -> Option<String> {
    let (nanos, grain) = (parse_duration(text).ok()?.as_nanos(), grain.as_nanos());
    let multiple = nanos.checked_add(grain / 2)? / grain * grain;
    (nanos >= grain).then(|| Span::from_nanos(multiple).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asked_a_replica_that_goes_asks_another() {
        let clients = |asks: [Value; 4]| {
            let script: Vec<_> = asks.iter().map(|asks| json!({ "asks": asks })).collect();
            json!({ "clients": { "a": { "operations": { "script": script } } } })
        };
        let mut scenario = clients([json!("store-0"), json!("store-2"), json!("store-b-2"), Value::Null]);
        retarget(&mut scenario, "/services/store/raft/replicas", 2);
        assert_eq!(scenario, clients([json!("store-0"), json!("store-0"), json!("store-b-2"), Value::Null]));
    }
}
