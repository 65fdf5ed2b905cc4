//! Families of links beyond those that every simulator has: patterns of partitions, and what else becomes of messages.

use serde_json::json;

use super::{Family, Keeps, among, messages, partitions};

/// A row for links among the replicas.
const fn row(name: &'static str) -> Family {
    Family {
        name,
        tolerated: messages,
        faults: [1, 4, 12],
        lasts_ms: Some([500, 2_000, 5_000]),
        strength: None,
        keeps: |_| Keeps::Needless,
        one_at_a_time: false,
        settings: |_, _| serde_json::Value::Null,
    }
}

/// A row for a way to split a service.
const fn pattern(name: &'static str) -> Family {
    Family {
        tolerated: |of| partitions(of) && of.replicas > 2,
        faults: [1, 2, 6],
        lasts_ms: Some([200, 1_500, 4_000]),
        keeps: |_| Keeps::UnlessHarsh,
        ..row(name)
    }
}

pub(super) const FAMILIES: [Family; 14] = [
    Family {
        settings: |of, _| json!({ "partition": { "pattern": { "halves": { "of": of.name } } } }),
        ..pattern("halves")
    },
    Family {
        settings: |of, _| json!({ "partition": { "pattern": { "split_one": { "of": of.name } } } }),
        ..pattern("split-one")
    },
    Family {
        settings: |of, _| json!({ "partition": { "pattern": { "groups": { "of": of.name, "n": 3 } } } }),
        ..pattern("groups")
    },
    Family {
        settings: |of, _| json!({ "partition": { "pattern": { "bridge": { "of": of.name } } } }),
        ..pattern("bridge")
    },
    Family {
        settings: |of, _| json!({ "partition": { "pattern": { "majorities_ring": { "of": of.name } } } }),
        ..pattern("ring")
    },
    Family {
        tolerated: |of| partitions(of) && !of.clients.is_empty(),
        faults: [1, 4, 12],
        keeps: |_| Keeps::Needless,
        settings: |of, _| json!({ "partition": { "links": { "between": [of.clients, of.one()] } } }),
        ..pattern("cut-off")
    },
    Family {
        tolerated: partitions,
        settings: |of, _| json!({ "flapping": { "links": { "of": of.one() }, "down": "50ms", "up": "100ms" } }),
        ..pattern("flaps")
    },
    Family {
        tolerated: among,
        strength: Some(([1, 2, 10], "% of the messages begin a burst of ten")),
        settings: |of, percent| json!({ "burst_loss": { "links": { "among": of.all() }, "starts": format!("{percent}%"), "ends": "10%" } }),
        ..row("bursts")
    },
    Family {
        tolerated: among,
        strength: Some(([1, 10, 50], "% of the messages")),
        settings: |of, percent| json!({ "reordering": { "links": { "among": of.all() }, "share": format!("{percent}%"), "within": "200ms" } }),
        ..row("reorder")
    },
    Family {
        tolerated: among,
        strength: Some(([1, 5, 30], "% of the messages")),
        settings: |of, percent| json!({ "corruption": { "links": { "among": of.all() }, "share": format!("{percent}%") } }),
        ..row("corrupt")
    },
    Family {
        strength: Some(([1, 10, 200], "is what 1 MB/s are divided by to get the rate")),
        settings: |of, parts| {
            let rate = format!("{}B/s", 1_000_000 / parts);
            json!({ "bandwidth": { "links": { "of": of.one() }, "rate": rate, "queue": "200ms" } })
        },
        ..row("narrow")
    },
    Family {
        faults: [1, 2, 6],
        lasts_ms: Some([200, 1_000, 3_000]),
        strength: Some(([1, 10, 50], "% of the calls")),
        settings: |of, percent| json!({ "connections": { "links": { "to": of.all() }, "how": "refuse", "share": format!("{percent}%") } }),
        ..row("refusals")
    },
    Family {
        faults: [1, 2, 6],
        lasts_ms: Some([200, 1_000, 3_000]),
        strength: Some(([1, 10, 50], "% of the calls")),
        settings: |of, percent| json!({ "connections": { "links": { "to": of.all() }, "how": "reset", "share": format!("{percent}%") } }),
        ..row("resets")
    },
    Family {
        faults: [1, 2, 6],
        lasts_ms: Some([200, 1_000, 3_000]),
        keeps: |_| Keeps::UnlessHarsh,
        settings: |of, _| json!({ "stale_name": { "links": { "to": of.one() } } }),
        ..row("stale-name")
    },
];
