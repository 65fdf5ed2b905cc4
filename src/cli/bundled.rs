//! The scenarios that are inside the binary.

/// A bundled scenario.
pub(super) struct Bundled {
    /// Its name on the command line: its path under `scenarios/`, without `.json`.
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

macro_rules! bundled {
    ($($name:literal),+ $(,)?) => {
        &[$(Bundled { name: $name, text: include_str!(concat!("../../scenarios/", $name, ".json")) }),+]
    };
}

/// All of them, in the order in which a newcomer may read them.
pub(super) const SCENARIOS: &[Bundled] = bundled![
    "first/one-node",
    "first/unsynced",
    "first/majority-register",
    "first/majority-lost",
    "first/read-write-back",
    "raft/duplicate-append",
    "raft/forgotten-vote",
    "raft/figure-8",
    "raft/two-majorities",
    "clocks/lease-and-drift",
    "schedules/late-store",
    "schedules/crash-point",
    "vacuous/idle-link",
    "cap/partition-raft",
    "cap/partition-quorum",
    "cap/quorum-overlap",
    "cap/heal",
    "cap/heal-raft",
    "cap/client-on-the-wrong-side",
    "cap/latency-without-partition",
    "clocks/skewed-writers",
    "clocks/version-vectors",
    "fallacies/1-reliable",
    "fallacies/1-reliable-mended",
    "fallacies/2-latency",
    "fallacies/2-latency-mended",
    "fallacies/3-bandwidth",
    "fallacies/3-bandwidth-mended",
    "fallacies/4-secure",
    "fallacies/4-secure-mended",
    "fallacies/5-topology",
    "fallacies/5-topology-mended",
    "fallacies/6-administrator",
    "fallacies/6-administrator-mended",
    "fallacies/7-transport",
    "fallacies/7-transport-mended",
    "fallacies/8-homogeneous",
    "fallacies/8-homogeneous-mended",
    "chaos/a-fifth-of-the-nodes",
    "chaos/a-fifth-of-the-nodes-quorum",
    "chaos/harsh-swarm",
    "soak/raft",
    "soak/quorum",
    "transactions/write-skew",
    "transactions/snapshot",
    "transactions/no-write-skew",
    "transactions/lost-update",
    "transactions/aborted-read",
    "transactions/half-a-transaction",
    "soak/transactional",
];

/// The bundled scenario of this name; `.json` and a leading `scenarios/` do not matter.
pub(super) fn find(name: &str) -> Option<&'static Bundled> {
    let name = name.strip_prefix("scenarios/").unwrap_or(name);
    let name = name.strip_suffix(".json").unwrap_or(name);
    SCENARIOS.iter().find(|bundled| bundled.name == name)
}
