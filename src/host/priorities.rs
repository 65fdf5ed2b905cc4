//! Priorities of messages: a random schedule that finds what takes few, but rare, orders of messages.
//!
//! Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi and Nagarakatte, A Randomized Scheduler with
//! Probabilistic Guarantees of Finding Bugs, ASPLOS 2010) gives each thread a random priority, lets the highest go on
//! until it waits, and lowers the one that is running at `depth - 1` steps, drawn uniformly. A bug of depth d, one that
//! d orders of two events are enough for, is met with a probability of at least 1 / (n k^(d-1)) for n threads and k
//! steps. Here time goes on for all, so a low priority is a *hold*: time that a message takes besides its latency.
//!
//! - The chains of the algorithm, n of them, are the messages of one kind on one link. Each chain has a hold of its own,
//!   `spread * u^4` for a uniform u. A node notices in which order messages reach it, so it is the ways to it that differ;
//!   a hold that everything to one node shared would change nothing there. And kinds differ, because what a question finds
//!   out must be able to overtake what tells the same unasked. The fourth power sets the holds apart: one alone is often
//!   longer than several others together, so that messages over several links overtake one message, and half of the chains
//!   are hardly slower than they were.
//! - At a change point one message is held back for longer than any chain is. What follows from it waits with it, as what
//!   a thread of lowered priority does next; later messages of its chain overtake it. So two messages of one chain can
//!   change their order, for which Ozkan, Majumdar, Niksic, Befrouei and Weissenbacher (Randomized Testing of Distributed
//!   Systems with Probabilistic Guarantees, OOPSLA 2018) put concurrent messages into different chains.
//!
//! A chain's hold is a function of the seed, the names of its ends and its kind, and a change point one of the seed and its
//! number: removing a node, a fault or a client draws nothing anew. Holds differ almost always, so ties of messages
//! go by them as well.

use crate::kernel::{Draw, FateKey, Purpose, Span, stable_hash_str};

use super::network::Journey;

/// How messages are scheduled by priorities.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PrioritySettings {
    /// The depth of the bugs that are looked for: one more than there are change points; at least 1.
    pub depth: u32,
    /// The change points lie among so many messages, the first of the run; at least 1.
    pub messages: u64,
    /// Chains hold messages for up to this, change points for up to twice as long; above zero.
    pub spread: Span,
}

/// The priorities of one run.
#[derive(Clone, Debug)]
pub(crate) struct Priorities {
    settings: PrioritySettings,
    chains: FateKey,
    /// Which messages of the run are held back, ascending, counted from 0, and for how long.
    changes: Vec<(u64, Span)>,
    sent: u64,
}

impl Priorities {
    pub(crate) fn new(settings: PrioritySettings, seed: u64) -> Self {
        let points = FateKey::new(seed, Purpose::new("priority change")).link(0, 0);
        let count = u64::from(settings.depth.saturating_sub(1));
        // Each is held for another time, so that they differ among themselves, too.
        let hold = |point: u64| settings.spread + Span::from_nanos(share(settings.spread, point, count));
        let change = |point: u64| (points.draws(point).below(settings.messages), hold(point + 1));
        let mut changes: Vec<_> = (0..count).map(change).collect();
        changes.sort_unstable();
        Self { settings, chains: FateKey::new(seed, Purpose::new("message priority")), changes, sent: 0 }
    }

    /// The same under another seed, at the start.
    pub(crate) fn reset(&self, seed: u64) -> Self {
        Self::new(self.settings, seed)
    }

    /// How long the message that is sent now is held, being of this kind; each message is asked for once.
    pub(crate) fn hold(&mut self, journey: &Journey, kind: &str) -> Span {
        let number = self.sent;
        self.sent += 1;
        let chain = self.chains.of(stable_hash_str(kind)).link(journey.names.0, journey.names.1);
        let changed = self.changes.iter().filter(|(at, _)| *at == number).map(|&(_, hold)| hold);
        changed.max().unwrap_or_else(|| of_chain(self.settings.spread, chain.draw(0)))
    }
}

/// `spread * u^4`, u being the word as a share of 2^64; rounded down.
fn of_chain(spread: Span, word: u64) -> Span {
    let times = |one: u64, other: u64| ((u128::from(one) * u128::from(other)) >> 64) as u64;
    let square = times(word, word);
    Span::from_nanos(times(spread.as_nanos(), times(square, square)))
}

/// `part / whole` of a span, in nanoseconds; `part` is at most `whole`.
fn share(span: Span, part: u64, whole: u64) -> u64 {
    (u128::from(span.as_nanos()) * u128::from(part) / u128::from(whole.max(1))) as u64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::host::NodeId;
    use crate::kernel::Time;

    const SETTINGS: PrioritySettings = PrioritySettings { depth: 1, messages: 100, spread: Span::from_millis(50) };

    fn journey(from: &str, to: &str) -> Journey {
        let names = (stable_hash_str(from), stable_hash_str(to));
        Journey { now: Time::ZERO, from: NodeId(0), to: NodeId(1), names, ordinal: 0 }
    }

    #[test]
    fn a_chain_holds_all_its_messages_alike_and_others_for_another_time() {
        let links = ["a", "b", "c", "d"].map(|from| ["x", "y", "z"].map(|to| journey(from, to))).concat();
        let chains: Vec<_> = links.iter().flat_map(|link| ["ask", "tell"].map(|kind| (link, kind))).collect();
        for seed in 0..50 {
            let mut priorities = Priorities::new(SETTINGS, seed);
            let holds: Vec<_> = chains.iter().map(|(link, kind)| priorities.hold(link, kind)).collect();
            let again: Vec<_> = chains.iter().rev().map(|(link, kind)| priorities.hold(link, kind)).rev().collect();
            assert_eq!(holds, again);
            // Those below a nanosecond are none.
            assert!(holds.iter().collect::<BTreeSet<_>>().len() >= chains.len() - 4);
            assert!(holds.iter().all(|hold| *hold < SETTINGS.spread));
        }
    }

    /// A uniform u is below 1/2 half the time, and then u^4 is below 1/16.
    #[test]
    fn half_of_the_chains_are_held_for_a_sixteenth_of_the_spread_at_most() {
        let hold = |seed: u64| Priorities::new(SETTINGS, seed).hold(&journey("a", "b"), "ask");
        let count = (0..10_000).filter(|&seed| hold(seed) > Span::from_nanos(50_000_000 / 16)).count();
        assert!(count.abs_diff(5_000) < 200, "{count}");
    }

    /// Of n chains each is the lowest with a probability of 1 / n; and where one message has to wait for m others behind each
    /// other, its hold is the longer one with a probability of c / (m + 1), as the module's test computes c.
    #[test]
    fn one_hold_is_often_longer_than_several_together() {
        // Gamma(5/4)^m / Gamma(1 + m/4) / (m + 1), the volume where the sum of m fourth powers stays below another.
        for (others, expected) in [(1, 0.5), (2, 0.3090), (3, 0.2026), (4, 0.1350)] {
            let wins = |seed: &u64| {
                let mut priorities = Priorities::new(SETTINGS, *seed);
                let alone = priorities.hold(&journey("a", "b"), "ask");
                let together: u64 = (0..others)
                    .map(|number: u64| priorities.hold(&journey("c", &number.to_string()), "ask").as_nanos())
                    .sum();
                alone.as_nanos() > together
            };
            let share = (0..20_000).filter(wins).count() as f64 / 20_000.0;
            // Four standard errors.
            assert!((share - expected).abs() < 0.0142, "{others}: {share}");
        }
    }

    #[test]
    fn change_points_hold_single_messages_for_longer_than_any_chain() {
        let settings = PrioritySettings { depth: 4, ..SETTINGS };
        let mut seen = BTreeSet::new();
        for seed in 0..300 {
            let mut priorities = Priorities::new(settings, seed);
            let holds: Vec<_> = (0..200).map(|_| priorities.hold(&journey("a", "b"), "ask")).collect();
            let held: Vec<_> = (0..200).filter(|&at| holds[at] > settings.spread).collect();
            // Two that fall on one message are one.
            assert!((1..=3).contains(&held.len()) && held.iter().all(|at| *at < 100), "{held:?}");
            assert!(holds.iter().all(|hold| *hold <= settings.spread + settings.spread));
            seen.extend(held);
        }
        assert_eq!(seen.len(), 100, "every message is met by some seed");
    }
}
