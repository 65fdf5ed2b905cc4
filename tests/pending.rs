//! The agenda on the ladder against the agenda on the standard library's heap: ten million mixed operations,
//! every result compared, ids included.

use partita::kernel::{Agenda, Class, EventId, Full, Ladder, StdHeap, Time};

const OPERATIONS_PER_PATTERN: usize = 1_700_000;

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
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

    /// About exponential: geometric in its magnitude, uniform within it.
    fn smooth(&mut self, magnitude: u32) -> u64 {
        self.next() >> (64 - magnitude) >> self.next().trailing_zeros()
    }
}

/// Two agendas that get the same calls and must give the same answers.
#[derive(Default)]
struct Twins {
    ladder: Agenda<u64, Ladder>,
    heap: Agenda<u64, StdHeap>,
    /// Some of the ids handed out, most of them spent.
    ids: Vec<EventId>,
    scheduled: u64,
}

impl Twins {
    fn schedule(&mut self, at: Time, class: Class, tie: Option<u64>) {
        let event = self.scheduled;
        let (id, expected) = match tie {
            Some(tie) => (
                self.ladder.schedule_with_tie(at, class, tie, event),
                self.heap.schedule_with_tie(at, class, tie, event),
            ),
            None => (self.ladder.schedule(at, class, event), self.heap.schedule(at, class, event)),
        };
        assert_eq!(id, expected);
        self.scheduled += 1;
        if let Ok(id) = id {
            if self.ids.len() < 10_000 {
                self.ids.push(id);
            } else {
                self.ids[(event % 10_000) as usize] = id;
            }
        }
    }

    fn pop(&mut self) -> bool {
        let fired = self.ladder.pop();
        assert_eq!(fired, self.heap.pop());
        assert_eq!(self.ladder.now(), self.heap.now());
        fired.is_some()
    }

    fn cancel(&mut self, which: u64) {
        if !self.ids.is_empty() {
            let id = self.ids[(which % self.ids.len() as u64) as usize];
            assert_eq!(self.ladder.get(id), self.heap.get(id));
            assert_eq!(self.ladder.cancel(id), self.heap.cancel(id));
        }
    }

    fn reset(&mut self) {
        assert!(self.ladder.iter().eq(self.heap.iter()));
        self.ladder.reset();
        self.heap.reset();
        self.ids.clear();
    }
}

/// Mixed calls with delays from `delay`; the number pending swings between none and tens of thousands.
fn check(seed: u64, shuffled: bool, delay: impl Fn(&mut Draws) -> u64) {
    let mut draws = Draws(seed);
    let mut twins = Twins::default();
    let mut growing = true;
    for _ in 0..OPERATIONS_PER_PATTERN {
        let class = Class::new(draws.below(10) as u8);
        let tie = shuffled.then(|| draws.next());
        let now = twins.ladder.now().as_nanos();
        let roll = draws.below(100_000);
        match roll {
            0..4 => growing = !growing,
            4..8 => twins.reset(),
            8..12 => {
                let start = now.saturating_add(delay(&mut draws));
                for _ in 0..draws.below(5_000) {
                    let at = Time::from_nanos(start.saturating_add(draws.smooth(10)));
                    twins.schedule(at, class, tie.map(|_| draws.next()));
                }
            }
            12..5_000 => assert_eq!(twins.ladder.peek_time(), twins.heap.peek_time()),
            5_000..10_000 => twins.schedule(Time::from_nanos(now), class, tie),
            10_000..30_000 => twins.cancel(draws.next()),
            _ if (roll < 75_000) == growing => {
                let at = Time::from_nanos(now.saturating_add(delay(&mut draws)));
                twins.schedule(at, class, tie);
            }
            _ => {
                twins.pop();
            }
        }
        assert_eq!(twins.ladder.len(), twins.heap.len());
    }
    while twins.pop() {}
}

#[test]
fn smooth_delays() {
    check(1, false, |draws| 100_000 + draws.smooth(22));
}

#[test]
fn bimodal_delays() {
    check(2, false, |draws| match draws.below(5) {
        0 => 50_000_000 + draws.below(250_000_000),
        _ => 200_000 + draws.smooth(20),
    });
}

#[test]
fn quantised_delays() {
    check(3, false, |draws| 1_000_000 * draws.below(9));
}

#[test]
fn quantised_delays_with_shuffled_ties() {
    check(4, true, |draws| 1_000_000 * draws.below(9));
}

#[test]
fn mostly_the_present_instant_with_shuffled_ties() {
    check(5, true, |draws| u64::from(draws.below(8) == 0));
}

#[test]
fn delays_of_any_magnitude() {
    check(6, false, |draws| draws.next() >> (16 + draws.below(48)));
}

#[test]
fn the_past_is_refused_by_both() {
    let mut twins = Twins::default();
    twins.schedule(Time::from_nanos(10), Class::new(0), None);
    assert!(twins.pop());
    twins.schedule(Time::from_nanos(9), Class::new(0), None);
    assert_eq!(twins.ladder.schedule(Time::ZERO, Class::new(0), 0), Err(Full::InThePast));
    assert!(!twins.pop());
}
