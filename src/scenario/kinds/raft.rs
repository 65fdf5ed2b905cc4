//! The settings of the kind `raft`.

use crate::store::{Raft, RaftReads, RaftSafeguard};

use super::super::input::{
    Fields, Kind, bare, boolean, count, either, kind, object, one_of, positive_duration, ratio, tagged,
};
use super::without;

pub(super) fn raft(fields: &mut Fields<'_>) -> Option<Raft> {
    let default = Raft::default();
    let election_timeout = fields.optional(
        "election_timeout",
        "How long a replica waits for a leader before it stands for election: drawn anew each time, uniformly.",
        object(|fields| {
            let default = Raft::default();
            let min = default.election_timeout_min.to_string();
            let max = default.election_timeout_max.to_string();
            let min = fields.optional("min", "The shortest wait.", positive_duration(), min);
            let max = fields.optional("max", "The longest wait.", positive_duration(), max);
            let (min, max) = (min?, max?);
            if min > max {
                fields.refuse("max", format!("the longest wait is {max}, and the shortest {min}"));
                return None;
            }
            Some((min, max))
        }),
        serde_json::json!({}),
    );
    let heartbeat = fields.optional(
        "heartbeat",
        "How often a leader speaks up at least; less than the shortest election timeout.",
        positive_duration(),
        default.heartbeat.to_string(),
    );
    let entries_per_append = fields.optional(
        "entries_per_append",
        "How many log entries a message carries at most.",
        count(1..=1_000_000),
        default.entries_per_append,
    );
    let reads = fields.optional("reads", "How reads are answered.", tagged("way to read", raft_reads()), "log");
    let session_limit = fields.optional(
        "session_limit",
        "How many client sessions are remembered, so that an operation that comes again is not applied again.",
        count(1..=1_000_000_000),
        default.session_limit,
    );
    let snapshot_after = fields.optional(
        "snapshot_after",
        "After how many log entries a snapshot takes their place.",
        either(one_of([("never", None)]), count(1..=u32::MAX).map(Some)),
        default.snapshot_after,
    );
    let snapshot_chunk_bytes = fields.optional(
        "snapshot_chunk_bytes",
        "How many bytes of a snapshot a message carries at most.",
        count(1..=1 << 30),
        default.snapshot_chunk_bytes,
    );
    let members = fields.maybe(
        "members",
        "How many of the replicas are members at first, those with the lowest numbers; without it, all of them.",
        count(1..=1_001),
    );
    let pre_vote = fields.optional(
        "pre_vote",
        "Whether a replica asks if it could win before it begins a new term for an election.",
        boolean(),
        default.pre_vote,
    );
    let check_quorum = fields.optional(
        "check_quorum",
        "Whether a leader steps down that hears from no majority, and nobody votes against a leader that is heard.",
        boolean(),
        default.check_quorum,
    );
    let without = without(fields, RaftSafeguard::ALL.map(|safeguard| (safeguard.name(), safeguard)));
    let ((election_timeout_min, election_timeout_max), heartbeat) = (election_timeout?, heartbeat?);
    if heartbeat >= election_timeout_min {
        let says = format!("followers stand for election after {election_timeout_min}, before they hear a heartbeat");
        fields.refuse("heartbeat", says);
        return None;
    }
    Some(Raft {
        election_timeout_min,
        election_timeout_max,
        heartbeat,
        entries_per_append: entries_per_append?,
        reads: reads?,
        session_limit: session_limit?,
        snapshot_after: snapshot_after?,
        snapshot_chunk_bytes: snapshot_chunk_bytes?,
        members: members?,
        pre_vote: pre_vote?,
        check_quorum: check_quorum?,
        without: without?,
    })
}

fn raft_reads() -> Vec<Kind<RaftReads>> {
    vec![
        bare("log", "Through the log, as writes are.", RaftReads::Log),
        bare("read_index", "By the leader, once a majority still follows it.", RaftReads::ReadIndex),
        kind(
            "lease",
            "By the leader, as long as nobody can have been elected in its place if clocks are good enough.",
            object(|fields| {
                let bound =
                    fields.required("clock_drift_bound", "By how much a clock may run fast or slow.", ratio());
                Some(RaftReads::Lease { clock_drift_bound_ppb: bound? })
            }),
        ),
        bare("local", "By any replica, from what it has: knowingly stale.", RaftReads::Local),
    ]
}

#[cfg(test)]
mod tests {
    use crate::scenario::{Registry, Scenario};

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        let check = |settings: &str, expected: &str| {
            let text = format!(
                r#"{{ "version": 1, "title": "t", "duration": "1s", "services": {{ "store": {{ "raft": {settings} }} }} }}"#
            );
            let read = Scenario::parse("t", text.as_bytes(), &Registry::standard());
            let problems = read.err().map(|problems| problems.to_string()).unwrap_or_default();
            assert!(problems.contains(expected), "{settings}: {problems}");
        };
        let patience = |settings: &str| format!(r#"{{ "election_timeout": {settings} }}"#);
        check(&patience(r#"{ "min": "2s", "max": "1s" }"#), "the longest wait is 1s, and the shortest 2s");
        check(&patience(r#"{ "min": "50ms" }"#), "stand for election after 50ms, before they hear a heartbeat");
        check(r#"{ "members": 4 }"#, "there cannot be 3 replicas: 4 of them are to be members at first");
        check(r#"{ "reads": { "lease": {} } }"#, "clock_drift_bound");
        check(r#"{ "snapshot_after": 0 }"#, "snapshot_after");
    }
}
