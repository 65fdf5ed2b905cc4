//! Families of nodes that go by a timetable, or hit several at a time, or clients.

use serde_json::json;

use super::{Family, Keeps, Subject, crashes, damage, keeps, pauses};

/// A row for processes that die.
const fn row(name: &'static str) -> Family {
    Family {
        name,
        tolerated: crashes,
        faults: [1, 2, 6],
        lasts_ms: Some([500, 1_500, 4_000]),
        strength: None,
        keeps,
        one_at_a_time: false,
        settings: |_, _| serde_json::Value::Null,
    }
}

/// A row for what clients suffer.
const fn of_clients(name: &'static str) -> Family {
    Family {
        tolerated: |of| !of.clients.is_empty(),
        lasts_ms: Some([50, 300, 2_000]),
        keeps: |_| Keeps::Needless,
        ..row(name)
    }
}

fn loses_disks(of: &Subject<'_>) -> bool {
    crashes(of) && damage(of)
}

pub(super) const FAMILIES: [Family; 10] = [
    Family {
        settings: |of, _| json!({ "crash_loop": { "where": of.one(), "up": "300ms", "down": "100ms" } }),
        ..row("loop")
    },
    Family {
        strength: Some(([20, 40, 80], "% of the replicas crash")),
        settings: |of, percent| json!({ "correlated_crash": { "where": of.all(), "likelihood": format!("{percent}%"), "within": "100ms" } }),
        ..row("together")
    },
    Family {
        faults: [1, 2, 4],
        lasts_ms: None,
        strength: Some(([10, 100, 500], "ms until each starts again")),
        settings: |of, ms| json!({ "rolling_restart": { "where": of.all(), "down": format!("{ms}ms"), "every": "200ms" } }),
        ..row("rolling")
    },
    Family {
        tolerated: |of| crashes(of) && !of.tolerance.timings.is_empty(),
        faults: [1, 1, 2],
        lasts_ms: None,
        strength: Some(([1, 2, 4], "times as long timings, for good")),
        settings: |of, times| json!({ "rolling_upgrade": { "where": of.all(), "to": of.slower(times), "down": "100ms", "every": "200ms" } }),
        ..row("upgrade")
    },
    Family {
        tolerated: |of| crashes(of) && !of.zones.is_empty(),
        faults: [1, 1, 3],
        // Which of them: those that there are come again and again.
        strength: Some(([1, 2, 3], "is the place of the zone that crashes, among its own")),
        settings: |of, place| json!({ "crash": { "where": of.zones[place as usize % of.zones.len()], "silent": true } }),
        ..row("zone")
    },
    Family {
        tolerated: pauses,
        strength: Some(([5, 20, 200], "ms each pause, every 100 ms")),
        keeps: |_| Keeps::UnlessHarsh,
        settings: |of, ms| {
            let (every, length) = (
                json!({ "exponential": { "mean": "100ms" } }),
                json!({ "exponential": { "mean": format!("{ms}ms") } }),
            );
            json!({ "pauses": { "where": of.one(), "every": every, "length": length } })
        },
        ..row("pauses")
    },
    Family {
        tolerated: loses_disks,
        faults: [1, 1, 3],
        lasts_ms: None,
        settings: |of, _| json!({ "restart": { "where": of.one(), "after": "100ms", "disk_keeps": "wiped" } }),
        ..row("wiped")
    },
    Family {
        tolerated: loses_disks,
        faults: [1, 1, 3],
        lasts_ms: None,
        settings: |of, _| json!({ "restart": { "where": of.one(), "after": "100ms", "disk_keeps": { "backup": "0s" } } }),
        ..row("restored")
    },
    Family { settings: |of, _| json!({ "pause": { "where": of.clients } }), ..of_clients("client-pause") },
    Family { settings: |of, _| json!({ "crash": { "where": of.clients } }), ..of_clients("client-crash") },
];
