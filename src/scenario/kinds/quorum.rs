//! The settings of the kind `quorum`.

use crate::kernel::Span;
use crate::store::{Quorum, QuorumSafeguard, TooFew, Versioning};

use super::super::input::{Fields, boolean, count, one_of, positive_duration};
use super::without;

pub(super) fn quorum(fields: &mut Fields<'_>) -> Option<Quorum> {
    let default = Quorum::default();
    let n = fields.optional("n", "How many replicas hold an object.", count(1..=100), default.n);
    let r = fields.optional("r", "How many of them have to answer a read.", count(1..=100), default.r);
    let w = fields.optional("w", "How many of them have to store a write.", count(1..=100), default.w);
    let versions = fields.optional(
        "versions",
        "How writes are put in order: by what the client had seen, with siblings, or by the coordinators' wall clocks.",
        one_of([
            ("version_vectors", Versioning::VersionVectors),
            ("last_writer_wins", Versioning::LastWriterWins),
        ]),
        "version_vectors",
    );
    let sloppy = fields.optional(
        "sloppy",
        "Whether others stand in for replicas out of reach; if not, only the object's own replicas count.",
        boolean(),
        default.sloppy,
    );
    let too_few = fields.optional(
        "too_few",
        "What happens when too few replicas seem to be alive: the request fails at once, or waits until the timeout.",
        one_of([("fail", TooFew::Fail), ("wait", TooFew::Wait)]),
        "fail",
    );
    let virtual_nodes = fields.optional(
        "virtual_nodes",
        "In how many places of the ring a replica stands.",
        count(1..=1_000),
        default.virtual_nodes,
    );
    let mut span =
        |name: &str, doc: &str, usual: Span| fields.optional(name, doc, positive_duration(), usual.to_string());
    let ask_again_after = span(
        "ask_again_after",
        "After how long a coordinator asks those replicas again that have not answered.",
        default.ask_again_after,
    );
    let timeout = span("timeout", "How long a coordinator tries before it gives an operation up.", default.timeout);
    let suspect_after = span(
        "suspect_after",
        "After how long a replica that does not answer is believed to have failed.",
        default.suspect_after,
    );
    let hand_off_every =
        span("hand_off_every", "How often a replica offers what it keeps for others.", default.hand_off_every);
    let anti_entropy_every = span(
        "anti_entropy_every",
        "How often a replica compares what it holds with another one.",
        default.anti_entropy_every,
    );
    let tombstones_for = fields.maybe(
        "tombstones_for",
        "How long it is remembered that an object was deleted; without it, for ever.",
        positive_duration(),
    );
    let without = without(fields, QuorumSafeguard::ALL.map(|safeguard| (safeguard.name(), safeguard)));
    let (n, r, w) = (n?, r?, w?);
    for (name, answers) in [("r", r), ("w", w)] {
        if answers > n {
            fields.refuse(name, format!("no more than n = {n} replicas can answer"));
        }
    }
    (r.max(w) <= n).then_some(())?;
    Some(Quorum {
        n,
        r,
        w,
        versions: versions?,
        sloppy: sloppy?,
        too_few: too_few?,
        virtual_nodes: virtual_nodes?,
        ask_again_after: ask_again_after?,
        timeout: timeout?,
        suspect_after: suspect_after?,
        hand_off_every: hand_off_every?,
        anti_entropy_every: anti_entropy_every?,
        tombstones_for: tombstones_for?,
        without: without?,
    })
}
