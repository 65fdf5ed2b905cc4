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
const DISK_KEEPS: Parameter =
    parameter("disk_keeps", "`some`, `prefix`, `torn_prefix`, `nothing`", "what remains of unsynced writes");
const LINKS: Parameter = parameter("links", "links", "which links; all of them by default");
const SHARE: Parameter = parameter("share", "ratio", "which share of the messages");

/// Every family that a scenario can name.
pub const FAMILIES: &[Family] = &[
    Family {
        name: "crash",
        does: "Kills processes; each starts again from its disk when the fault ends.",
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
        does: "Stops processors: what arrives waits, timers fire late, nothing is lost.",
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
