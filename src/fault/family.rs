//! The families of faults in words: what `docs/faults.md` says is printed from here.

/// A family of faults, as people look it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// Its key in scenario files.
    pub name: &'static str,
    /// What it does, in a sentence or two.
    pub does: &'static str,
    /// What can be said about it, beside `at`, `for` and `id`.
    pub parameters: &'static [Parameter],
    /// What counts as touched by it.
    pub touches: &'static str,
    /// Which other systems have it.
    pub elsewhere: &'static str,
}

/// A field of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its key.
    pub name: &'static str,
    /// Its unit or form.
    pub unit: &'static str,
    /// What it says.
    pub says: &'static str,
}

const fn parameter(name: &'static str, unit: &'static str, says: &'static str) -> Parameter {
    Parameter { name, unit, says }
}

const WHERE: Parameter = parameter("where", "selector", "whom it hits");
const SILENT: Parameter = parameter("silent", "boolean", "a loss of power: nobody is told");
const DISK_KEEPS: Parameter = parameter(
    "disk_keeps",
    "`some`, `prefix`, `torn_prefix`, `nothing`, `everything`, `wiped`, or `backup` with a time",
    "what remains of unsynced writes; or of everything",
);
const LINKS: Parameter = parameter("links", "links", "which links; all of them by default");
const SHARE: Parameter = parameter("share", "ratio", "which share of the messages");

const SECTORS: Parameter = parameter("share", "ratio", "which share of the sectors");
const AFTER: Parameter = parameter("after", "duration", "how long until a process is started again");
const DOWN: Parameter = parameter("down", "duration", "how long each is down");
const EVERY: Parameter = parameter("every", "duration", "how long after one is back it is the next one's turn");
const TO: Parameter = parameter("to", "service", "the other settings: the same kind, as many replicas");
const STEPS: Parameter = parameter(
    "steps",
    "list of `node`, `from`, `until`",
    "instead of `where`: whose turn it is, counted from its start",
);

/// Every family that a scenario can name.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "crash",
        does: "Kills processes; each starts again from its disk when the fault ends. A client that is named loses its \
               sessions, and what it did is unknown.",
        parameters: &[WHERE, SILENT, DISK_KEEPS],
        touches: "processes killed, messages that died at them",
        elsewhere: "all",
    },
    Family {
        name: "restart",
        does: "Kills processes and starts them again after a time.",
        parameters: &[WHERE, parameter("after", "duration", "how long it is down"), SILENT, DISK_KEEPS],
        touches: "processes killed, messages that died at them",
        elsewhere: "all",
    },
    Family {
        name: "pause",
        does: "Stops processors: what arrives waits, timers fire late, nothing is lost. Clients too.",
        parameters: &[WHERE],
        touches: "work and messages delayed",
        elsewhere: "TigerBeetle, MadSim, Jepsen, Antithesis",
    },
    Family {
        name: "clock_offset",
        does: "Sets wall clocks wrong for a while.",
        parameters: &[WHERE, parameter("by", "signed duration", "how far ahead")],
        touches: "clock readings, timers moved",
        elsewhere: "Jepsen",
    },
    Family {
        name: "clock_drift",
        does: "Lets both clocks run fast or slow for a while.",
        parameters: &[WHERE, parameter("rate", "ppm or %", "how fast")],
        touches: "clock readings, timers moved",
        elsewhere: "Jepsen",
    },
    Family {
        name: "clock_step",
        does: "Moves wall clocks once.",
        parameters: &[WHERE, parameter("by", "signed duration", "how far forwards")],
        touches: "clock readings, timers moved",
        elsewhere: "Jepsen",
    },
    Family {
        name: "crash_loop",
        does: "Kills processes again and again, each by itself, beginning at once.",
        parameters: &[
            WHERE,
            parameter("up", "distribution", "how long each is up"),
            parameter("down", "distribution", "how long it is down"),
            STEPS,
            SILENT,
            DISK_KEEPS,
        ],
        touches: "processes killed, messages that died at them",
        elsewhere: "Jepsen",
    },
    Family {
        name: "correlated_crash",
        does: "Kills some processes for one cause, soon after each other; all start again when it ends.",
        parameters: &[
            WHERE,
            parameter("likelihood", "ratio", "how likely each is hit"),
            parameter("within", "duration", "how soon"),
            STEPS,
            SILENT,
            DISK_KEEPS,
        ],
        touches: "processes killed, messages that died at them",
        elsewhere: "FoundationDB (machines, data halls)",
    },
    Family {
        name: "rolling_restart",
        does: "Restarts processes one after the other.",
        parameters: &[WHERE, DOWN, EVERY, STEPS, SILENT, DISK_KEEPS],
        touches: "processes killed, messages that died at them",
        elsewhere: "FoundationDB",
    },
    Family {
        name: "rolling_upgrade",
        does: "Restarts processes one after the other with other settings of their service, which they keep.",
        parameters: &[WHERE, TO, DOWN, EVERY, STEPS, SILENT, DISK_KEEPS],
        touches: "processes killed, messages that died at them, starts with these settings",
        elsewhere: "FoundationDB, TigerBeetle",
    },
    Family {
        name: "wrong_settings",
        does: "Restarts processes with other settings of their service, and with their own when it ends.",
        parameters: &[WHERE, TO],
        touches: "processes killed, starts with these settings",
        elsewhere: "none",
    },
    Family {
        name: "panic",
        does: "Plants a bug: processes die at some of what they handle, and what they were about to send does not leave.",
        parameters: &[
            WHERE,
            parameter("on", "`anything`, `start`, `message`, `request`, `timer`, `disk`", "what they handle then"),
            parameter("nth", "number from 1", "at every so many-th of these"),
            parameter("times", "number from 1", "how often each dies at most"),
            AFTER,
        ],
        touches: "processes killed, messages that died at them",
        elsewhere: "FoundationDB (BUGGIFY), fail points",
    },
    Family {
        name: "memory_limit",
        does: "Kills processes that hold too much, by their own word (`Context::holds`).",
        parameters: &[WHERE, parameter("limit", "size", "how much each may hold"), AFTER],
        touches: "processes killed, messages that died at them",
        elsewhere: "Antithesis",
    },
    Family {
        name: "pauses",
        does: "Stops processors again and again, each by itself, as garbage collection does.",
        parameters: &[
            WHERE,
            parameter("every", "distribution", "how long each runs before it stands still"),
            parameter("length", "distribution", "how long it stands still"),
            STEPS,
        ],
        touches: "work and messages delayed",
        elsewhere: "Antithesis",
    },
    Family {
        name: "slow",
        does: "Machines work, but slowly: a gray failure.",
        parameters: &[
            WHERE,
            parameter("cpu", "factor from 1", "how many times as long work takes"),
            parameter("disk", "factor from 1", "how many times as long disk operations take"),
            parameter("network", "factor from 1", "how many times as long messages take, to and fro"),
        ],
        touches: "work, disk operations and messages delayed",
        elsewhere: "FoundationDB (disks), Antithesis",
    },
    Family {
        name: "bit_rot",
        does: "Sectors are found to have rotted when they are read: one bit of each is flipped, for good.",
        parameters: &[WHERE, SECTORS],
        touches: "sectors damaged",
        elsewhere: "FoundationDB, TigerBeetle, Turmoil, moonpool, Jepsen (lazyfs)",
    },
    Family {
        name: "misdirected_writes",
        does: "Sectors that a sync writes land in the place of others, for good.",
        parameters: &[WHERE, SECTORS],
        touches: "sectors gone astray",
        elsewhere: "TigerBeetle",
    },
    Family {
        name: "disk_errors",
        does: "Disk operations fail and change nothing.",
        parameters: &[
            WHERE,
            parameter("of", "`reads`, `writes`, `both`", "which operations"),
            parameter("share", "ratio", "which share of them"),
        ],
        touches: "operations failed",
        elsewhere: "FoundationDB, Turmoil, moonpool",
    },
    Family {
        name: "failed_sync",
        does: "Syncs fail, and the page cache drops what they should have made durable, or keeps it.",
        parameters: &[
            WHERE,
            parameter("share", "ratio", "which share of them"),
            parameter("drops", "boolean", "whether the cache drops it"),
        ],
        touches: "syncs failed",
        elsewhere: "Turmoil, moonpool",
    },
    Family {
        name: "disk_full",
        does: "No file can grow.",
        parameters: &[WHERE],
        touches: "operations failed",
        elsewhere: "FoundationDB, Turmoil (by capacity)",
    },
    Family {
        name: "disk_slow",
        does: "Disk operations take longer.",
        parameters: &[WHERE, parameter("factor", "factor from 1", "how many times as long")],
        touches: "operations delayed",
        elsewhere: "FoundationDB, TigerBeetle, moonpool",
    },
    Family {
        name: "disk_stall",
        does: "Disks do nothing until it ends, and then what they were asked to.",
        parameters: &[WHERE],
        touches: "operations delayed",
        elsewhere: "FoundationDB, moonpool",
    },
    Family {
        name: "clock_strobe",
        does: "Wall clocks jump ahead and back, again and again.",
        parameters: &[
            WHERE,
            parameter("by", "signed duration", "how far ahead"),
            parameter("period", "duration", "how long until each jump"),
            STEPS,
        ],
        touches: "clock readings, timers moved",
        elsewhere: "Jepsen",
    },
    Family {
        name: "clock_sync_loss",
        does: "Hosts do not reach their time servers: their clocks drift.",
        parameters: &[WHERE],
        touches: "polls missed",
        elsewhere: "none",
    },
    Family {
        name: "clock_bound",
        does: "Wall clocks claim a bound for their error, true or not.",
        parameters: &[WHERE, parameter("bound", "duration", "the bound")],
        touches: "clock readings",
        elsewhere: "none",
    },
    Family {
        name: "partition",
        does: "Cuts links: between groups, in one direction, any set of them, or by a pattern drawn at the start. A \
               client is cut off by its name in a group.",
        parameters: &[
            parameter("groups", "list of sides", "nodes of two sides cannot talk"),
            parameter("from", "side", "who is not heard ..."),
            parameter("to", "side", "... by whom, in that direction"),
            parameter("links", "links", "just these links"),
            parameter(
                "pattern",
                "`halves`, `split_one`, `majority`, `groups`, `bridge`, `majorities_ring`",
                "how the replicas of a service are split",
            ),
            parameter("cut", "`send_and_arrival`, `send`", "when a message dies"),
        ],
        touches: "messages dropped",
        elsewhere: "all; bridge and ring: Jepsen",
    },
    Family {
        name: "clog",
        does: "Holds what would arrive; when it ends all of it arrives at once, on each link in the order of sending.",
        parameters: &[LINKS],
        touches: "messages held",
        elsewhere: "FoundationDB, TigerBeetle, moonpool, Turmoil (hold and release)",
    },
    Family {
        name: "swizzle_clog",
        does: "Clogs all links of a random half of some nodes, one node after the other in the first half of its time, \
               and lets them go in another order in the second half.",
        parameters: &[
            parameter("where", "selector", "among whom"),
            parameter("steps", "list of `node`, `from`, `until`", "instead: whom, and when, counted from its start"),
        ],
        touches: "messages held",
        elsewhere: "FoundationDB",
    },
    Family {
        name: "loss",
        does: "Loses messages, each independently of the others.",
        parameters: &[LINKS, SHARE],
        touches: "messages dropped",
        elsewhere: "TigerBeetle, MadSim, Jepsen, Stateright, Antithesis",
    },
    Family {
        name: "burst_loss",
        does: "Loses messages in bursts (Gilbert and Elliott): a chain of two states takes a step with each message of \
               a link.",
        parameters: &[
            LINKS,
            parameter("starts", "ratio", "how likely a message starts a burst"),
            parameter("ends", "ratio", "how likely a message ends it"),
            parameter("within", "ratio", "how likely a message within one is lost"),
            parameter("between", "ratio", "how likely any other message is lost"),
        ],
        touches: "messages dropped",
        elsewhere: "netem in part",
    },
    Family {
        name: "duplication",
        does: "Messages arrive once more, possibly much later. Calls do not: they are connections.",
        parameters: &[LINKS, SHARE, parameter("after", "distribution", "how long after the original")],
        touches: "messages copied",
        elsewhere: "TigerBeetle, Jepsen, Stateright, AnySystem",
    },
    Family {
        name: "reordering",
        does: "Holds messages back, so that later ones overtake them; on a link with `fifo` those wait.",
        parameters: &[LINKS, SHARE, parameter("within", "duration", "for how long at most, uniformly")],
        touches: "messages held back",
        elsewhere: "Jepsen; others by their latencies",
    },
    Family {
        name: "corruption",
        does: "Damages messages. A checksum finds that, and they are dropped; or none does, and they arrive damaged. \
               A damaged part of a call is always dropped.",
        parameters: &[LINKS, SHARE, parameter("checksums", "boolean", "whether damage is found")],
        touches: "messages dropped or damaged",
        elsewhere: "FoundationDB, moonpool, Jepsen, AnySystem",
    },
    Family {
        name: "latency",
        does: "Messages take longer: slow links, or with a small share spikes.",
        parameters: &[
            LINKS,
            SHARE,
            parameter("factor", "number from 1", "the latency is so many times what it would be ..."),
            parameter("add", "distribution", "... and so much more"),
        ],
        touches: "messages delayed",
        elsewhere: "FoundationDB, Jepsen, Antithesis; in part most",
    },
    Family {
        name: "bandwidth",
        does: "Each link carries less; what waits too long is dropped.",
        parameters: &[
            LINKS,
            parameter("rate", "bytes per second", "how much one link carries"),
            parameter("queue", "duration", "the longest wait"),
        ],
        touches: "messages delayed or dropped",
        elsewhere: "Jepsen, SimGrid, happysim",
    },
    Family {
        name: "flapping",
        does: "Links are cut and healed again and again, beginning with a cut.",
        parameters: &[
            LINKS,
            parameter("down", "duration", "how long they are cut"),
            parameter("up", "duration", "how long they are whole"),
        ],
        touches: "messages dropped",
        elsewhere: "none as a family",
    },
    Family {
        name: "connections",
        does: "Calls go wrong, messages do not: refused (certainly not done), reset (done, and the caller does not \
               know), or half-open (the same, and the caller waits until it gives up).",
        parameters: &[
            parameter("links", "links", "from the callers to the callees; all by default"),
            parameter("share", "ratio", "which share of the calls"),
            parameter("how", "`refuse`, `reset`, `half_open`", "what becomes of them"),
        ],
        touches: "calls broken",
        elsewhere: "FoundationDB, moonpool, Turmoil",
    },
    Family {
        name: "stale_name",
        does: "The names of some nodes still point to where these were before a move. What is sent to them is lost there, \
               or refused, or handled by another node that has taken the place. Answers to calls find their way.",
        parameters: &[
            parameter("links", "links", "from those who go by the old name to those who have moved"),
            parameter(
                "old_place",
                "`empty`, `host`, or `taken_by` with a name",
                "what they find there: nothing, a host without the process, or another node",
            ),
        ],
        touches: "messages that died or arrived there",
        elsewhere: "none",
    },
    Family {
        name: "tampering",
        does: "Somebody on the way changes what messages and calls say, so that no checksum finds it. Where links are \
               `authenticated` it is found, and they are dropped.",
        parameters: &[LINKS, SHARE],
        touches: "messages and calls changed or dropped",
        elsewhere: "AnySystem (by corruption); Byzantine simulators",
    },
    Family {
        name: "message",
        does: "One message is lost, late, or arrives twice. It takes no `at`: its message is counted from the start of \
               the run, and the fault starts and ends with it.",
        parameters: &[
            parameter("from", "name", "its sender"),
            parameter("to", "name", "its receiver"),
            parameter("kind", "text", "what it is: its name in the trace, such as `request` or `reply` for calls"),
            parameter("nth", "number from 1", "which one of these"),
            parameter("drop", "`true`", "it is lost, or ..."),
            parameter("delay", "duration", "... it takes so much longer, or ..."),
            parameter("duplicate", "duration", "... it arrives once more, so long after the original"),
        ],
        touches: "the message",
        elsewhere: "Stateright, by exploring",
    },
];

/// The page `docs/faults.md`.
#[must_use]
pub fn families_page() -> String {
    use std::fmt::Write as _;
    let mut page = String::from(
        "# Faults\n\nWhat can fail, printed from the code (`src/fault/family.rs`). How each is written, with units and \
         defaults, is in\n[scenario-format.md](scenario-format.md#faults). Every fault counts what it touches; one that \
         touched nothing makes the run\ninconclusive.\n\nEach has an `id`, and but for `message` an `at`; most have a \
         `for`.\n\n| family | what it does | parameters | touches | elsewhere |\n|---|---|---|---|---|\n",
    );
    for Family { name, does, parameters, touches, elsewhere } in FAMILIES {
        let listed: Vec<_> =
            parameters.iter().map(|Parameter { name, unit, says }| format!("`{name}` ({unit}): {says}")).collect();
        let _ = writeln!(page, "| `{name}` | {does} | {} | {touches} | {elsewhere} |", listed.join("<br>"));
    }
    page
}
