//! The families of chaos: whom each may hit, and how hard.

mod links;
mod nodes;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::host::ZoneId;
use crate::kernel::Span;
use crate::scenario::file::{Client, Scenario, Service};
use crate::scenario::units::duration;
use crate::store::{Crashes, Tolerance};

/// A number that is calm, realistic, or harsh.
pub(super) type Knob = [u64; 3];

/// A family of faults, for one service.
pub(super) struct Family {
    /// Its name in the names of nemeses.
    pub(super) name: &'static str,
    /// Whether a service stays right under it.
    pub(super) tolerated: fn(&Subject<'_>) -> bool,
    /// About how many faults there are in the time of chaos.
    pub(super) faults: Knob,
    /// About how long each lasts, in milliseconds; `None` if it ends by itself.
    pub(super) lasts_ms: Option<Knob>,
    /// How strong each is; what that means, the settings say.
    pub(super) strength: Option<(Knob, &'static str)>,
    /// Whether even harsh chaos lets a majority of the service be.
    pub(super) keeps: fn(&Subject<'_>) -> Keeps,
    /// Whether one begins only when the one before it has ended: several at once would multiply.
    pub(super) one_at_a_time: bool,
    /// Its settings in a scenario file, for a service and a strength.
    pub(super) settings: fn(&Subject<'_>, u64) -> Value,
}

/// A service that faults are for.
pub(super) struct Subject<'a> {
    name: &'a str,
    tolerance: Tolerance,
    /// Whether its hosts keep their clocks right.
    has_time_servers: bool,
    /// Whether its wall clocks claim an error.
    claims_errors: bool,
    reads_wall_clock: bool,
    replicas: u32,
    /// About how much memory a replica needs for the objects that clients use, in bytes, if its kind says so.
    memory: Option<u64>,
    /// The replicas that share a zone, by zone, if they do not all live in one.
    zones: Vec<Vec<String>>,
    /// The clients that call it.
    clients: Vec<&'a str>,
    /// How it is written, with every default filled in.
    written: &'a Value,
}

impl<'a> Subject<'a> {
    pub(super) fn of(service: &'a Service, scenario: &'a Scenario) -> Self {
        let calls_it = |client: &&Client| scenario.services[client.service].name == service.name;
        let clients = scenario.clients.iter().filter(calls_it);
        let objects = clients.clone().map(|client| client.written.workload.objects()).max().unwrap_or_default();
        let mut zones: BTreeMap<ZoneId, Vec<String>> = BTreeMap::new();
        for (replica, &zone) in service.placement.iter().enumerate() {
            zones.entry(zone).or_default().push(format!("{}-{replica}", service.name));
        }
        Self {
            name: &service.name,
            tolerance: service.what.tolerates(),
            has_time_servers: service.host.clock_sync.is_some(),
            claims_errors: service.host.clock_sync.is_some() || !service.host.clock_error_bound.is_zero(),
            reads_wall_clock: service.what.reads_wall_clock(),
            replicas: service.what.replicas(),
            memory: service.what.memory_bytes(objects),
            zones: if zones.len() > 1 { zones.into_values().collect() } else { Vec::new() },
            clients: clients.map(|client| client.name.as_str()).collect(),
            written: &scenario.resolved["services"][service.name.as_str()],
        }
    }

    fn one(&self) -> Value {
        json!({ "one": { "of": self.name } })
    }

    fn all(&self) -> Value {
        json!({ "all": { "of": self.name } })
    }

    /// The service with all those spans of time so many times as long that may differ between replicas.
    fn slower(&self, times: u64) -> Value {
        let mut other = self.written.clone();
        other.as_object_mut().and_then(|service| service.shift_remove("host"));
        for (_, kind) in other.as_object_mut().into_iter().flatten() {
            for name in self.tolerance.timings {
                if let Some(span) = kind.pointer_mut(&format!("/{name}"))
                    && let Some(Ok(read)) = span.as_str().map(duration)
                {
                    *span = json!(Span::from_nanos(read.as_nanos().saturating_mul(times)).to_string());
                }
            }
        }
        other
    }
}

/// Whether a majority of a service is let be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Keeps {
    Always,
    /// Unless the chaos is harsh.
    UnlessHarsh,
    /// It takes nobody out.
    Needless,
}

const fn keeps(subject: &Subject<'_>) -> Keeps {
    match subject.tolerance.crashes {
        Crashes::All => Keeps::UnlessHarsh,
        Crashes::None | Crashes::Minority => Keeps::Always,
    }
}

fn crashes(subject: &Subject<'_>) -> bool {
    subject.tolerance.crashes != Crashes::None
}

/// A process whose disk fails ends itself, and nothing keeps a majority from doing so.
fn failing_disks(subject: &Subject<'_>) -> bool {
    subject.tolerance.crashes == Crashes::All
}

const fn pauses(subject: &Subject<'_>) -> bool {
    subject.tolerance.pauses
}

const fn partitions(subject: &Subject<'_>) -> bool {
    subject.tolerance.partitions
}

const fn messages(subject: &Subject<'_>) -> bool {
    subject.tolerance.messages
}

/// Messages among replicas: there have to be some.
const fn among(subject: &Subject<'_>) -> bool {
    messages(subject) && subject.replicas > 1
}

const fn clocks(subject: &Subject<'_>) -> bool {
    subject.tolerance.clocks && subject.reads_wall_clock
}

const fn damage(subject: &Subject<'_>) -> bool {
    subject.tolerance.damage
}

/// Every family, in the order in which `docs/chaos.md` lists them: a row is what it says of one.
pub(super) fn all() -> impl Iterator<Item = &'static Family> {
    FAMILIES.iter().chain(&links::FAMILIES).chain(&nodes::FAMILIES)
}

const FAMILIES: [Family; 29] = [
    Family {
        name: "crash",
        tolerated: crashes,
        faults: [1, 4, 16],
        lasts_ms: Some([200, 1_000, 3_000]),
        strength: None,
        keeps,
        one_at_a_time: false,
        settings: |of, _| json!({ "crash": { "where": of.one() } }),
    },
    Family {
        name: "power",
        tolerated: crashes,
        faults: [1, 2, 8],
        lasts_ms: Some([200, 1_000, 3_000]),
        strength: None,
        keeps,
        one_at_a_time: false,
        settings: |of, _| json!({ "crash": { "where": of.one(), "silent": true, "disk_keeps": "torn_prefix" } }),
    },
    Family {
        name: "restart",
        tolerated: crashes,
        faults: [1, 4, 16],
        lasts_ms: None,
        strength: Some(([1, 50, 500], "ms until it starts again")),
        keeps,
        one_at_a_time: false,
        settings: |of, ms| json!({ "restart": { "where": of.one(), "after": format!("{ms}ms") } }),
    },
    Family {
        name: "pause",
        tolerated: pauses,
        faults: [2, 8, 32],
        lasts_ms: Some([50, 300, 2_000]),
        strength: None,
        keeps: |_| Keeps::UnlessHarsh,
        one_at_a_time: false,
        settings: |of, _| json!({ "pause": { "where": of.one() } }),
    },
    Family {
        name: "split",
        tolerated: |of| partitions(of) && of.replicas > 1,
        faults: [1, 4, 12],
        lasts_ms: Some([200, 1_500, 4_000]),
        strength: None,
        keeps: |_| Keeps::UnlessHarsh,
        one_at_a_time: false,
        settings: |of, _| json!({ "partition": { "groups": [{ "minority": { "of": of.name } }, "rest"] } }),
    },
    Family {
        name: "one-way",
        tolerated: |of| partitions(of) && of.replicas > 1,
        faults: [1, 4, 12],
        lasts_ms: Some([200, 1_500, 4_000]),
        strength: None,
        keeps: |_| Keeps::UnlessHarsh,
        one_at_a_time: false,
        settings: |of, _| json!({ "partition": { "from": of.one(), "to": "rest" } }),
    },
    Family {
        name: "drift",
        tolerated: |of| of.tolerance.drift_ppb >= PPM,
        faults: [1, 2, 6],
        lasts_ms: Some([2_000, 5_000, 10_000]),
        strength: Some(([50, 500, 50_000], "ppm too fast")),
        keeps: |_| Keeps::Needless,
        one_at_a_time: false,
        settings: |of, ppm| {
            let ppm = ppm.min(of.tolerance.drift_ppb / PPM);
            json!({ "clock_drift": { "where": of.one(), "rate": format!("{ppm}ppm") } })
        },
    },
    Family {
        name: "step",
        tolerated: clocks,
        faults: [1, 3, 10],
        lasts_ms: None,
        strength: Some(([5, 100, 5_000], "ms backwards")),
        keeps: |_| Keeps::Needless,
        one_at_a_time: false,
        settings: |of, ms| json!({ "clock_step": { "where": of.one(), "by": format!("-{ms}ms") } }),
    },
    Family {
        name: "clog",
        tolerated: messages,
        faults: [1, 4, 12],
        lasts_ms: Some([100, 500, 3_000]),
        strength: None,
        keeps: |_| Keeps::UnlessHarsh,
        one_at_a_time: false,
        settings: |of, _| json!({ "clog": { "links": { "of": of.one() } } }),
    },
    Family {
        name: "swizzle",
        tolerated: messages,
        faults: [1, 2, 6],
        lasts_ms: Some([500, 2_000, 5_000]),
        strength: None,
        keeps: |_| Keeps::UnlessHarsh,
        one_at_a_time: false,
        settings: |of, _| json!({ "swizzle_clog": { "where": of.all() } }),
    },
    Family {
        name: "loss",
        tolerated: among,
        faults: [1, 4, 12],
        lasts_ms: Some([500, 2_000, 5_000]),
        strength: Some(([1, 5, 30], "% of the messages")),
        keeps: |_| Keeps::Needless,
        one_at_a_time: false,
        settings: |of, percent| json!({ "loss": { "links": { "among": of.all() }, "share": format!("{percent}%") } }),
    },
    Family {
        name: "copies",
        tolerated: among,
        faults: [1, 4, 12],
        lasts_ms: Some([500, 2_000, 5_000]),
        strength: Some(([1, 10, 50], "% of the messages")),
        keeps: |_| Keeps::Needless,
        one_at_a_time: false,
        settings: |of, percent| {
            json!({ "duplication": {
                "links": { "among": of.all() }, "share": format!("{percent}%"), "after": { "exponential": { "mean": "200ms" } }
            } })
        },
    },
    Family {
        name: "slow",
        tolerated: messages,
        faults: [1, 4, 12],
        lasts_ms: Some([500, 2_000, 5_000]),
        strength: Some(([2, 5, 50], "times the latency")),
        keeps: |_| Keeps::Needless,
        one_at_a_time: true,
        settings: |of, factor| json!({ "latency": { "links": { "of": of.one() }, "factor": factor } }),
    },
    Family {
        name: "calls",
        tolerated: messages,
        faults: [1, 2, 6],
        lasts_ms: Some([200, 1_000, 3_000]),
        strength: Some(([1, 10, 50], "% of the replies")),
        keeps: |_| Keeps::Needless,
        one_at_a_time: false,
        settings: |of, percent| json!({ "connections": { "links": { "to": of.all() }, "how": "half_open", "share": format!("{percent}%") } }),
    },
    Family {
        name: "offset",
        tolerated: clocks,
        faults: [1, 2, 6],
        lasts_ms: Some([2_000, 5_000, 10_000]),
        strength: Some(([10, 500, 60_000], "ms ahead")),
        keeps: |_| Keeps::Needless,
        one_at_a_time: false,
        settings: |of, ms| json!({ "clock_offset": { "where": of.one(), "by": format!("{ms}ms") } }),
    },
    Family {
        name: "strobe",
        tolerated: clocks,
        faults: [1, 2, 6],
        lasts_ms: Some([500, 2_000, 5_000]),
        strength: Some(([5, 100, 5_000], "ms ahead and back, every 100 ms")),
        keeps: |_| Keeps::Needless,
        one_at_a_time: false,
        settings: |of, ms| json!({ "clock_strobe": { "where": of.one(), "by": format!("{ms}ms"), "period": "100ms" } }),
    },
    Family {
        name: "no-time",
        tolerated: |of| of.has_time_servers && of.tolerance.clocks && of.tolerance.drift_ppb == Tolerance::ANY_DRIFT,
        faults: [1, 2, 4],
        lasts_ms: Some([2_000, 5_000, 10_000]),
        strength: None,
        keeps: |_| Keeps::Needless,
        one_at_a_time: false,
        settings: |of, _| json!({ "clock_sync_loss": { "where": of.one() } }),
    },
    Family {
        name: "sure",
        tolerated: |of| clocks(of) && of.claims_errors,
        faults: [1, 2, 6],
        lasts_ms: Some([2_000, 5_000, 10_000]),
        strength: None,
        keeps: |_| Keeps::Needless,
        one_at_a_time: false,
        settings: |of, _| json!({ "clock_bound": { "where": of.one(), "bound": "0s" } }),
    },
    Family {
        name: "gray",
        tolerated: pauses,
        faults: [1, 3, 8],
        lasts_ms: Some([500, 2_000, 5_000]),
        strength: Some(([2, 5, 10], "times as slow: work and disk")),
        keeps: |_| Keeps::Needless,
        one_at_a_time: true,
        settings: |of, factor| json!({ "slow": { "where": of.one(), "cpu": factor, "disk": factor } }),
    },
    Family {
        name: "disk-errors",
        tolerated: failing_disks,
        faults: [1, 2, 6],
        lasts_ms: Some([200, 1_000, 3_000]),
        strength: Some(([1, 5, 30], "% of the operations")),
        keeps: |_| Keeps::UnlessHarsh,
        one_at_a_time: false,
        settings: |of, percent| json!({ "disk_errors": { "where": of.one(), "share": format!("{percent}%") } }),
    },
    Family {
        name: "sync-errors",
        tolerated: failing_disks,
        faults: [1, 2, 6],
        lasts_ms: Some([200, 1_000, 3_000]),
        strength: Some(([1, 10, 50], "% of the syncs")),
        keeps: |_| Keeps::UnlessHarsh,
        one_at_a_time: false,
        settings: |of, percent| json!({ "failed_sync": { "where": of.one(), "share": format!("{percent}%") } }),
    },
    Family {
        name: "disk-full",
        tolerated: failing_disks,
        faults: [1, 2, 6],
        lasts_ms: Some([200, 1_000, 3_000]),
        strength: None,
        keeps: |_| Keeps::UnlessHarsh,
        one_at_a_time: false,
        settings: |of, _| json!({ "disk_full": { "where": of.one() } }),
    },
    Family {
        name: "disk-slow",
        tolerated: pauses,
        faults: [1, 3, 8],
        lasts_ms: Some([500, 2_000, 5_000]),
        strength: Some(([2, 10, 50], "times as long")),
        keeps: |_| Keeps::Needless,
        one_at_a_time: true,
        settings: |of, factor| json!({ "disk_slow": { "where": of.one(), "factor": factor } }),
    },
    Family {
        name: "disk-stall",
        tolerated: pauses,
        faults: [1, 3, 8],
        lasts_ms: Some([50, 300, 2_000]),
        strength: None,
        keeps: |_| Keeps::UnlessHarsh,
        one_at_a_time: false,
        settings: |of, _| json!({ "disk_stall": { "where": of.one() } }),
    },
    Family {
        name: "rot",
        tolerated: damage,
        faults: [1, 2, 6],
        lasts_ms: Some([200, 1_000, 3_000]),
        strength: Some(([1, 2, 10], "% of the sectors that are read")),
        keeps: |_| Keeps::Needless,
        one_at_a_time: false,
        settings: |of, percent| json!({ "bit_rot": { "where": of.one(), "share": format!("{percent}%") } }),
    },
    Family {
        name: "astray",
        tolerated: damage,
        faults: [1, 2, 6],
        lasts_ms: Some([200, 1_000, 3_000]),
        strength: Some(([1, 2, 10], "% of the sectors that are written")),
        keeps: |_| Keeps::Needless,
        one_at_a_time: false,
        settings: |of, percent| json!({ "misdirected_writes": { "where": of.one(), "share": format!("{percent}%") } }),
    },
    Family {
        name: "panic",
        tolerated: crashes,
        faults: [1, 2, 8],
        lasts_ms: Some([500, 1_000, 3_000]),
        strength: Some(([1, 2, 5], "deaths, each at the 20th of what it handles")),
        keeps,
        one_at_a_time: false,
        settings: |of, times| json!({ "panic": { "where": of.one(), "nth": 20, "times": times, "after": "200ms" } }),
    },
    Family {
        name: "memory",
        tolerated: |of| crashes(of) && of.memory.is_some_and(|bytes| bytes > 0),
        faults: [1, 2, 6],
        lasts_ms: Some([500, 1_000, 3_000]),
        strength: Some(([1, 2, 4], "is what twice the memory that a replica needs is divided by to get the limit")),
        keeps,
        one_at_a_time: false,
        settings: |of, parts| {
            let limit = (of.memory.unwrap_or_default().min(MOST_MEMORY) * 2 / parts.max(1)).max(1);
            json!({ "memory_limit": { "where": of.one(), "limit": format!("{limit}B"), "after": "200ms" } })
        },
    },
    Family {
        name: "settings",
        tolerated: |of| crashes(of) && !of.tolerance.timings.is_empty(),
        faults: [1, 2, 6],
        lasts_ms: Some([500, 2_000, 5_000]),
        strength: Some(([2, 4, 10], "times as long timings")),
        keeps,
        one_at_a_time: false,
        settings: |of, times| json!({ "wrong_settings": { "where": of.one(), "to": of.slower(times) } }),
    },
];

/// No replica needs more, in bytes.
const MOST_MEMORY: u64 = 1 << 40;

/// Parts per billion.
const PPM: u64 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn subject<'a>(tolerance: Tolerance, written: &'a Value) -> Subject<'a> {
        Subject {
            name: "store",
            tolerance,
            has_time_servers: true,
            claims_errors: true,
            reads_wall_clock: true,
            replicas: 5,
            memory: Some(64 << 10),
            zones: Vec::new(),
            clients: Vec::new(),
            written,
        }
    }

    #[test]
    fn only_what_is_tolerated_takes_part() {
        let nothing = json!({});
        let check = |tolerance: Tolerance, expected: &[&str]| {
            let subject = subject(tolerance, &nothing);
            let families = all().filter(|family| (family.tolerated)(&subject));
            assert_eq!(families.map(|family| family.name).collect::<Vec<_>>(), expected);
        };
        check(Tolerance::NOTHING, &[]);
        check(Tolerance { clocks: true, ..Tolerance::NOTHING }, &["step", "offset", "strobe", "sure"]);
        check(Tolerance { drift_ppb: 10_000, ..Tolerance::NOTHING }, &["drift"]);
        let clocks = Tolerance { clocks: true, drift_ppb: Tolerance::ANY_DRIFT, ..Tolerance::NOTHING };
        check(clocks, &["drift", "step", "offset", "strobe", "no-time", "sure"]);
        let partitions = ["split", "one-way", "halves", "split-one", "groups", "bridge", "ring", "flaps"];
        check(Tolerance { partitions: true, ..Tolerance::NOTHING }, &partitions);
        let pauses = ["pause", "gray", "disk-slow", "disk-stall", "pauses"];
        check(Tolerance { pauses: true, ..Tolerance::NOTHING }, &pauses);
        let messages =
            ["clog", "swizzle", "loss", "copies", "slow", "calls", "bursts", "reorder", "corrupt", "narrow"];
        let calls = ["refusals", "resets", "stale-name"];
        check(Tolerance { messages: true, ..Tolerance::NOTHING }, &[&messages[..], &calls].concat());
        let damage = Tolerance { damage: true, crashes: Crashes::Minority, ..Tolerance::NOTHING };
        let is_of_damage = |name: &str| ["rot", "astray", "wiped", "restored"].contains(&name);
        assert_eq!(
            all()
                .filter(|family| (family.tolerated)(&subject(damage, &nothing)))
                .filter(|it| is_of_damage(it.name))
                .count(),
            4
        );
        let minority = Tolerance { crashes: Crashes::Minority, ..Tolerance::NOTHING };
        let of_processes = ["crash", "power", "restart", "panic", "memory", "loop", "together", "rolling"];
        check(minority, &of_processes);
        let is_of_them = |family: &&Family| of_processes.contains(&family.name);
        let minority = subject(minority, &nothing);
        assert!(all().filter(is_of_them).all(|family| (family.keeps)(&minority) == Keeps::Always));
        let any = Tolerance { crashes: Crashes::All, timings: &["timeout"], ..Tolerance::NOTHING };
        let failing =
            ["crash", "power", "restart", "disk-errors", "sync-errors", "disk-full", "panic", "memory", "settings"];
        check(any, &[&failing[..], &["loop", "together", "rolling", "upgrade"]].concat());
    }

    #[test]
    fn a_drift_keeps_to_its_bound() {
        let (tolerance, nothing) = (Tolerance { drift_ppb: 300_000, ..Tolerance::NOTHING }, json!({}));
        let subject = subject(tolerance, &nothing);
        let drift = all().find(|family| family.name == "drift").expect("a family");
        let rate = |ppm| (drift.settings)(&subject, ppm)["clock_drift"]["rate"].clone();
        assert_eq!((rate(200), rate(50_000)), (json!("200ppm"), json!("300ppm")));
    }

    #[test]
    fn a_limit_of_memory_is_one_that_a_replica_can_live_with() {
        let nothing = json!({});
        let subject = subject(Tolerance::NOTHING, &nothing);
        let memory = all().find(|family| family.name == "memory").expect("a family");
        let limit = |parts| (memory.settings)(&subject, parts)["memory_limit"]["limit"].clone();
        assert_eq!([1, 2, 4].map(limit), ["131072B", "65536B", "32768B"].map(|bytes| json!(bytes)));
        let says_nothing = Subject { memory: None, tolerance: Tolerance::asynchronous(Crashes::All), ..subject };
        assert!(!(memory.tolerated)(&says_nothing));
    }

    #[test]
    fn wrong_settings_are_slow_timings() {
        let written = json!({
            "raft": { "replicas": 5, "election_timeout": { "min": "150ms", "max": "300ms" }, "heartbeat": "50ms", "timeout": "1s" },
            "host": { "cores": 2 }
        });
        let tolerance =
            Tolerance { timings: &["election_timeout/min", "heartbeat", "missing"], ..Tolerance::NOTHING };
        let expected = json!({
            "raft": { "replicas": 5, "election_timeout": { "min": "600ms", "max": "300ms" }, "heartbeat": "200ms", "timeout": "1s" }
        });
        assert_eq!(subject(tolerance, &written).slower(4), expected);
    }

    #[test]
    fn the_page_says_what_the_table_says() {
        let page = include_str!("../../../docs/chaos.md");
        for family in all() {
            let knob = |knob: Knob| format!("{} / {} / {}", knob[0], knob[1], knob[2]);
            let lasts = family.lasts_ms.map_or("-".to_owned(), knob);
            let strength =
                family.strength.map_or("-".to_owned(), |(numbers, what)| format!("{} {what}", knob(numbers)));
            let row = format!("| `{}` | {} | {lasts} | {strength} |", family.name, knob(family.faults));
            assert!(page.contains(&row), "docs/chaos.md lacks the row {row}");
        }
    }
}
