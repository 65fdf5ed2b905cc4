//! Messages are held back by priorities: planted bugs of a known depth are met as often as the algorithm promises.

use super::*;
use crate::host::PrioritySettings;

/// Node 0 sends words 0 to 19 to node 1, a millisecond apart. Two bugs are planted in node 1: it is surprised to hear word 8
/// before word 7, and word 16 before word 15.
const WORDS: Play = |memory, heard, cx| match heard {
    Heard::Start | Heard::Timer(_) if cx.me() == NodeId(0) => {
        cx.send(NodeId(1), Word(memory.len() as u32));
        memory.push(0);
        if memory.len() < 20 {
            cx.set_timer(0, ms(1));
        }
    }
    Heard::Word(_, word) => {
        if word == 8 && !memory.contains(&7) {
            cx.reached("first");
        }
        if word == 16 && !memory.contains(&15) {
            cx.reached("second");
        }
        memory.push(word);
    }
    _ => {}
};

/// Under how many of so many seeds node 1 is surprised so many times.
fn surprised(times: usize, depth: Option<u32>, seeds: u64) -> u64 {
    let mut builder = Builder::new(0);
    actors(&mut builder, "n", 2, &HostSettings::default(), WORDS);
    if let Some(depth) = depth {
        builder.prioritize(PrioritySettings { depth, messages: 20, spread: ms(50) });
    }
    let mut simulation = builder.finish().expect("names are unique");
    let is_surprised = |&seed: &u64| {
        simulation.reset(seed);
        while simulation.run() != Step::Ended(End::Quiet) {}
        simulation.reached().count() == times
    };
    (0..seeds).filter(is_surprised).count() as u64
}

/// One chain, n = 1, and k = 20 messages. A bug that takes one message to be late has depth 2 here, one that takes two has
/// depth 3: at least 1 / (n k^(d-1)) of the seeds meet them, and twice that where either change point may be either of the
/// two. What they do not meet at a lower depth cannot be met at all: latency is the same for all.
#[test]
fn bugs_are_met_as_often_as_their_depth_promises() {
    let check = |times, depth, seeds, expected: u64, tolerance: u64| {
        let met = surprised(times, depth, seeds);
        assert!(met.abs_diff(expected) <= tolerance, "{times} at depth {depth:?}: {met}");
    };
    check(1, None, 500, 0, 0);
    check(1, Some(1), 500, 0, 0);
    // Two places of twenty; four standard errors.
    check(1, Some(2), 4_000, 400, 76);
    check(2, Some(2), 4_000, 0, 0);
    check(2, Some(3), 8_000, 40, 25);
}
