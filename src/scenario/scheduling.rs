//! The `scheduling` part of a scenario: who goes first, besides the order of time.

use crate::host::PrioritySettings;

use super::input::{Shape, count, kind, object, positive_duration, tagged};

/// How messages are scheduled.
pub(super) fn scheduling() -> Shape<PrioritySettings> {
    let priorities = object(|fields| {
        let depth = fields.optional(
            "depth",
            "Of bugs that so many orders of two events are enough for: one less message is held back, wherever it falls.",
            count(1..=16),
            3,
        );
        let messages = fields.optional(
            "messages",
            "Among how many messages, the first of the run, those lie that are held back: about as many as a run has.",
            count(1..=1 << 36),
            2_000,
        );
        let spread = fields.optional(
            "spread",
            "How long the messages of one kind on one link are held at most; single messages are held for up to twice as long.",
            positive_duration(),
            "50ms",
        );
        Some(PrioritySettings { depth: depth?, messages: messages?, spread: spread? })
    });
    tagged(
        "scheduling",
        vec![kind(
            "priorities",
            "The messages of one kind on one link are held back for a time of their own.",
            priorities,
        )],
    )
}
