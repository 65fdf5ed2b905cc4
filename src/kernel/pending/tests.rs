use super::*;
use crate::kernel::{Class, Time};

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), enough to draw operations.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A span that is about exponential: geometric in its magnitude, uniform within it.
    fn smooth(&mut self, magnitude: u32) -> u64 {
        self.next() >> (64 - magnitude) >> self.next().trailing_zeros()
    }
}

/// How far ahead a key is pushed.
type Delay = fn(&mut Draws) -> u64;

const DELAYS: [(&str, Delay); 6] = [
    ("smooth", |draws| 100_000 + draws.smooth(22)),
    (
        "bimodal",
        |draws| if draws.below(5) > 0 { 200_000 + draws.smooth(20) } else { 50_000_000 + draws.below(250_000_000) },
    ),
    ("quantised", |draws| 1_000_000 * draws.below(9)),
    ("the present instant", |draws| u64::from(draws.below(8) == 0)),
    ("far future", |draws| draws.next() >> draws.below(64)),
    ("neighbouring instants", |draws| draws.below(200)),
];

/// A ladder and the heap that it must agree with.
#[derive(Clone, Default)]
struct Pair {
    ladder: Ladder,
    heap: StdHeap,
    now: u64,
    pushed: u64,
}

impl Pair {
    fn push(&mut self, time: u64, class: u8, rank: u64) {
        let slot = (self.pushed % (1 << 24)) as u32;
        let key = EventKey::new(Time::from_nanos(time), Class::new(class), rank % (1 << 36), slot).expect("in range");
        self.pushed += 1;
        self.ladder.push(key);
        self.heap.push(key);
    }

    /// In the order of arrival, or shuffled.
    fn push_after(&mut self, delay: u64, draws: &mut Draws, shuffled: bool) {
        let rank = if shuffled { draws.next() } else { self.pushed };
        self.push(self.now.saturating_add(delay), draws.below(10) as u8, rank);
    }

    fn pop(&mut self) -> Option<EventKey> {
        let key = self.ladder.pop();
        assert_eq!(key, self.heap.pop());
        self.now = key.map_or(self.now, |key| key.time().as_nanos());
        key
    }

    fn peek(&mut self) {
        assert_eq!(self.ladder.peek(), self.heap.peek());
    }

    fn clear(&mut self) {
        self.ladder.clear();
        self.heap.clear();
        (self.now, self.pushed) = (0, 0);
    }

    fn retain(&mut self, keep: impl Fn(EventKey) -> bool) {
        self.ladder.retain(&keep);
        self.heap.retain(&keep);
    }

    fn drain(mut self) {
        while self.pop().is_some() {
            assert_eq!(self.ladder.len(), self.heap.len());
        }
    }
}

/// Mixed operations: the number pending swings between none and a few thousand, with bursts.
fn check_mixed(name: &str, delay: Delay, operations: usize, shuffled: bool) {
    let mut draws = Draws(name.len() as u64);
    let mut pair = Pair::default();
    let mut growing = true;
    for _ in 0..operations {
        match draws.below(10_000) {
            0 => growing = !growing,
            1 => {
                let at = delay(&mut draws);
                for _ in 0..draws.below(3_000) {
                    let spread = draws.smooth(12);
                    pair.push_after(at.saturating_add(spread), &mut draws, shuffled);
                }
            }
            2 => pair.clone().drain(),
            3 => {
                let kept = draws.below(4);
                pair.retain(|key| u64::from(key.slot()) % 4 <= kept);
            }
            4 if draws.below(4) == 0 => pair.clear(),
            5..500 => pair.peek(),
            500..1_000 => pair.push_after(0, &mut draws, shuffled),
            roll if (roll < 6_500) == growing => pair.push_after(delay(&mut draws), &mut draws, shuffled),
            _ => {
                pair.pop();
            }
        }
        assert_eq!(pair.ladder.len(), pair.heap.len());
    }
    pair.drain();
}

#[test]
fn the_ladder_agrees_with_the_heap_in_order_of_arrival() {
    for (name, delay) in DELAYS {
        check_mixed(name, delay, 80_000, false);
    }
}

#[test]
fn the_ladder_agrees_with_the_heap_under_shuffled_ties() {
    for (name, delay) in DELAYS {
        check_mixed(name, delay, 80_000, true);
    }
}

/// Quadratic work on a burst would take minutes.
const BURST: u64 = 100_000;

#[test]
fn a_burst_at_one_instant_in_any_order_of_ranks() {
    let mut draws = Draws(1);
    let mut pair = Pair::default();
    for _ in 0..BURST {
        pair.push(1 << 30, 5, draws.next());
    }
    // Each event adds another at its own instant, of a lower, equal or higher class.
    for _ in 0..BURST {
        pair.pop();
        let class = 4 + draws.below(3) as u8;
        pair.push(1 << 30, class, draws.next());
    }
    pair.drain();
}

#[test]
fn a_burst_inside_one_slot_while_it_is_being_worked_off() {
    let mut draws = Draws(2);
    let mut pair = Pair::default();
    pair.push(1 << 30, 0, 0);
    for _ in 0..BURST {
        pair.push((1 << 30) + draws.below(1 << 18), 0, draws.next());
    }
    for _ in 0..BURST {
        pair.pop();
        pair.push(pair.now + draws.below(1 << 12), 0, draws.next());
        pair.peek();
    }
    pair.drain();
}

#[test]
fn looks_at_a_growing_slot() {
    let mut draws = Draws(3);
    let mut pair = Pair::default();
    for _ in 0..BURST {
        pair.push((1 << 40) + draws.below(1 << 30), 0, draws.next());
        pair.peek();
    }
    pair.drain();
}

#[test]
fn a_look_ahead_leaves_room_for_earlier_keys() {
    let mut pair = Pair::default();
    pair.push(u64::MAX, 0, 0);
    for time in (0..1_000).rev() {
        pair.peek();
        pair.push(time << 40, 0, 0);
    }
    pair.peek();
    pair.drain();
}

#[test]
fn a_lower_class_at_the_present_instant_goes_first() {
    let mut pair = Pair::default();
    let key = |class, rank| EventKey::new(Time::from_nanos(9), Class::new(class), rank, 0);
    pair.push(9, 4, 0);
    pair.push(9, 6, 1);
    assert_eq!(pair.ladder.pop(), key(4, 0));
    pair.ladder.push(key(2, 3).expect("in range"));
    pair.ladder.push(key(4, 4).expect("in range"));
    let rest: Vec<_> = std::iter::from_fn(|| pair.ladder.pop()).map(|key| key.class().number()).collect();
    assert_eq!(rest, [2, 4, 6]);
}

#[test]
fn the_end_of_time_is_an_instant_like_any_other() {
    let mut draws = Draws(4);
    let mut pair = Pair::default();
    for back in [0, 0, 1, 63, 64, 1 << 59, 1 << 60, 1 << 63, u64::MAX] {
        for rank in 0..60 {
            pair.push(u64::MAX - back, draws.below(16) as u8, rank);
        }
    }
    while pair.pop().is_some() {
        if pair.pushed < 2_000 {
            pair.push_after(draws.next(), &mut draws, true);
        }
    }
}

#[test]
fn a_look_after_the_least_key_was_dropped() {
    let mut pair = Pair::default();
    for rank in 0..10 {
        pair.push((1 << 40) + rank, 0, rank);
    }
    for dropped in 0..10 {
        pair.peek();
        pair.retain(|key| key.sequence() > dropped);
    }
    assert_eq!(pair.ladder.peek(), None);
}

#[test]
fn keys_before_the_last_one_popped_are_still_sorted() {
    let mut draws = Draws(5);
    for (instants, apart) in [(4, 16), (12, 16), (64, 1), (1 << 12, 1), (1 << 40, 1)] {
        let mut pair = Pair::default();
        for round in 0..100 {
            let popped_of_ten = if round % 2 == 0 { 3 } else { 7 };
            for _ in 0..300 {
                if draws.below(10) < popped_of_ten {
                    pair.pop();
                } else {
                    pair.push(draws.below(instants) * apart, 0, draws.next());
                }
            }
        }
        pair.drain();
    }
}

#[test]
fn a_crowd_stays_sorted_when_a_second_one_comes_before_it() {
    let mut pair = Pair::default();
    pair.push(64, 0, 0);
    pair.push(127, 0, 0);
    pair.pop();
    for rank in (0..120).step_by(2).chain((1..120).step_by(2)) {
        pair.push(100, 0, rank);
    }
    for _ in 0..40 {
        pair.pop();
    }
    for rank in 0..60 {
        pair.push(70, 0, rank);
    }
    pair.drain();
}
