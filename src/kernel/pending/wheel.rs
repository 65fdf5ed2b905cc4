//! The coarse part of the ladder: keys sorted only by the highest digit in which their time differs from a base.

use crate::kernel::{EventKey, Time};

const DIGIT_BITS: u32 = 6;
const SLOTS: usize = 1 << DIGIT_BITS;
const LEVELS: usize = u64::BITS.div_ceil(DIGIT_BITS) as usize;

/// A slot that has been emptied keeps room for this many keys at most, so that one burst does not pin its
/// memory for the rest of a run: 704 slots of 16 KiB in the worst case.
pub(super) const KEPT_CAPACITY: usize = 1024;

/// Keys later than the base, by level and digit.
///
/// A time belongs to the level of its highest base-64 digit that differs from the base, and there to the slot of
/// that digit. As the base never exceeds a stored time, the first slot of the lowest level holds the earliest keys,
/// and raising the base to the start of that slot leaves every other slot valid.
#[derive(Clone, Debug, Default)]
pub(super) struct Wheel {
    base: u64,
    /// Bit `l`: level `l` holds a key.
    levels: u16,
    /// Bit `d` of word `l`: the slot of digit `d` on level `l` holds a key.
    digits: [u64; LEVELS],
    /// Level after level, created up to the highest level used so far.
    slots: Vec<Vec<EventKey>>,
    glimpse: Glimpse,
}

/// What a look at the first slot found. A slot only grows until it is drained, so the next look starts where
/// this one ended; that keeps repeated looks at a big slot from being quadratic.
#[derive(Clone, Debug, Default)]
struct Glimpse {
    index: usize,
    seen: usize,
    least: Option<EventKey>,
}

/// The slot of one digit on one level.
#[derive(Clone, Copy)]
struct Slot {
    level: usize,
    digit: usize,
}

impl Slot {
    #[inline]
    const fn index(self) -> usize {
        self.level * SLOTS + self.digit
    }
}

/// How many bits of a time lie below the digit of a level.
#[inline]
const fn shift(level: usize) -> u32 {
    level as u32 * DIGIT_BITS
}

/// The level of the highest digit in which two times differ, given their difference bit by bit; 0 if in none.
#[inline]
const fn level_of(difference: u64) -> usize {
    ((u64::BITS - 1 - (difference | 1).leading_zeros()) / DIGIT_BITS) as usize
}

impl Wheel {
    /// No stored time is earlier.
    #[inline]
    pub(super) fn base(&self) -> Time {
        Time::from_nanos(self.base)
    }

    /// Stores a key, which must not be earlier than the base.
    #[inline]
    pub(super) fn push(&mut self, key: EventKey) {
        let time = key.time().as_nanos();
        debug_assert!(time >= self.base, "the wheel does not turn back");
        let level = level_of(time ^ self.base);
        let slot = Slot { level, digit: (time >> shift(level)) as usize % SLOTS };
        self.digits[level] |= 1 << slot.digit;
        self.levels |= 1 << level;
        match self.slots.get_mut(slot.index()) {
            Some(keys) if keys.len() < keys.capacity() => keys.push(key),
            _ => self.push_with_more_room(slot, key),
        }
    }

    #[cold]
    #[inline(never)]
    fn push_with_more_room(&mut self, slot: Slot, key: EventKey) {
        if slot.index() >= self.slots.len() {
            self.slots.resize((slot.level + 1) * SLOTS, Vec::new());
        }
        self.slots[slot.index()].push(key);
    }

    /// The slot that holds the earliest keys.
    #[inline]
    fn first(&self) -> Option<Slot> {
        if self.levels == 0 {
            return None;
        }
        let level = self.levels.trailing_zeros() as usize;
        Some(Slot { level, digit: self.digits[level].trailing_zeros() as usize })
    }

    /// The earliest key, left where it is.
    pub(super) fn peek(&mut self) -> Option<EventKey> {
        let index = self.first()?.index();
        if self.glimpse.index != index {
            self.glimpse = Glimpse { index, ..Glimpse::default() };
        }
        let slot = &self.slots[index];
        let unseen = slot[self.glimpse.seen..].iter().copied();
        self.glimpse.least = unseen.chain(self.glimpse.least).min();
        self.glimpse.seen = slot.len();
        self.glimpse.least
    }

    /// Moves the earliest keys to the end of `run`, in no order, and gives the instant up to which it took them all.
    /// More than `limit` keys are taken only if they are of one instant.
    pub(super) fn drain_first(&mut self, limit: usize, run: &mut Vec<EventKey>) -> Option<Time> {
        loop {
            let slot = self.first()?;
            let keys = &self.slots[slot.index()];
            let time = keys[0].time().as_nanos();
            let below = (1 << shift(slot.level)) - 1;
            if keys.len() <= limit {
                self.drain(slot, time & !below, run);
                return Some(Time::from_nanos(time | below));
            }
            let difference = keys.iter().fold(0, |bits, key| bits | key.time().as_nanos() ^ time);
            if difference == 0 {
                self.drain(slot, time, run);
                return Some(Time::from_nanos(time));
            }
            // Straight to the level on which the keys part, for quantised times have many digits in common.
            let parting = shift(level_of(difference));
            self.scatter(slot, (time >> parting & !(SLOTS as u64 - 1)) << parting);
        }
    }

    #[inline]
    fn drain(&mut self, first: Slot, base: u64, run: &mut Vec<EventKey>) {
        self.advance(first, base);
        let keys = &mut self.slots[first.index()];
        run.extend_from_slice(keys);
        keys.clear();
        keys.shrink_to(KEPT_CAPACITY);
    }

    /// Deals the keys of the first slot to the levels below it.
    fn scatter(&mut self, first: Slot, base: u64) {
        self.advance(first, base);
        let mut keys = std::mem::take(&mut self.slots[first.index()]);
        for &key in &keys {
            self.push(key);
        }
        keys.clear();
        keys.shrink_to(KEPT_CAPACITY);
        self.slots[first.index()] = keys;
    }

    /// Takes the first slot out of use and raises the base to an instant within it.
    #[inline]
    fn advance(&mut self, first: Slot, base: u64) {
        self.base = base;
        self.digits[first.level] &= !(1 << first.digit);
        if self.digits[first.level] == 0 {
            self.levels &= !(1 << first.level);
        }
        self.glimpse = Glimpse::default();
    }

    /// Forgets every key and returns the base to 0, in time proportional to the slots in use.
    pub(super) fn clear(&mut self) {
        self.retain(|_| false);
        self.base = 0;
    }

    /// Keeps the keys for which `keep` is true, in an unspecified order of visits.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(EventKey) -> bool) {
        self.glimpse = Glimpse::default();
        for (level, digits) in self.digits.iter_mut().enumerate() {
            let mut unvisited = *digits;
            while unvisited != 0 {
                let slot = Slot { level, digit: unvisited.trailing_zeros() as usize };
                unvisited &= unvisited - 1;
                let keys = &mut self.slots[slot.index()];
                keys.retain(|&key| keep(key));
                if keys.is_empty() {
                    *digits &= !(1 << slot.digit);
                    keys.shrink_to(KEPT_CAPACITY);
                }
            }
            if *digits == 0 {
                self.levels &= !(1 << level);
            }
        }
    }
}
