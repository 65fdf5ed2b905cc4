//! The key that orders events: one integer, one comparison.

use std::fmt;

use super::Time;

const CLASS_BITS: u32 = 4;
const SEQUENCE_BITS: u32 = 36;
const SLOT_BITS: u32 = 24;

const SEQUENCE_SHIFT: u32 = SLOT_BITS;
const CLASS_SHIFT: u32 = SEQUENCE_SHIFT + SEQUENCE_BITS;
const TIME_SHIFT: u32 = CLASS_SHIFT + CLASS_BITS;

/// What kind of event a key stands for: events at one instant go by class, the lowest first. The kernel gives
/// the numbers no meaning.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Class(u8);

impl Class {
    /// How many classes there are.
    pub const COUNT: u8 = 1 << CLASS_BITS;

    /// The class with this number; meant for constants, where a wrong number does not compile.
    ///
    /// # Panics
    /// If `number` is [`Class::COUNT`] or more.
    #[must_use]
    pub const fn new(number: u8) -> Self {
        assert!(number < Self::COUNT, "an event class is a number below 16");
        Self(number)
    }

    /// Its number, below [`Class::COUNT`].
    #[inline]
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// The total order of events: time (64 bits), class (4), sequence (36), slot (24), the most significant first.
///
/// At one instant the lowest class goes first, and within a class the lowest sequence number. The slot says
/// where the event itself is kept; it decides only between equal sequence numbers, which random ties can draw.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey(u128);

impl EventKey {
    /// The largest sequence number: 6.9e10 events.
    pub const MAX_SEQUENCE: u64 = (1 << SEQUENCE_BITS) - 1;
    /// The largest slot number: 1.7e7 events pending at once.
    pub const MAX_SLOT: u32 = (1 << SLOT_BITS) - 1;

    /// The key of an event; `None` if the sequence or the slot number does not fit, for a number that wrapped
    /// would silently reorder events.
    #[inline]
    #[must_use]
    pub const fn new(time: Time, class: Class, sequence: u64, slot: u32) -> Option<Self> {
        if sequence > Self::MAX_SEQUENCE || slot > Self::MAX_SLOT {
            return None;
        }
        let rank = (class.0 as u64) << CLASS_SHIFT | sequence << SEQUENCE_SHIFT | slot as u64;
        Some(Self((time.as_nanos() as u128) << TIME_SHIFT | rank as u128))
    }

    /// When the event happens.
    #[inline]
    #[must_use]
    pub const fn time(self) -> Time {
        Time::from_nanos((self.0 >> TIME_SHIFT) as u64)
    }

    /// Its class.
    #[inline]
    #[must_use]
    pub const fn class(self) -> Class {
        Class((self.0 >> CLASS_SHIFT) as u8 & (Class::COUNT - 1))
    }

    /// Its rank within its instant and class.
    #[inline]
    #[must_use]
    pub const fn sequence(self) -> u64 {
        (self.0 >> SEQUENCE_SHIFT) as u64 & Self::MAX_SEQUENCE
    }

    /// The slot in which the event is kept.
    #[inline]
    #[must_use]
    pub const fn slot(self) -> u32 {
        self.0 as u32 & Self::MAX_SLOT
    }
}

impl fmt::Debug for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.time(), self.class().number(), self.sequence(), self.slot())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_comes_back() {
        let check = |time, class, sequence, slot| {
            let key = EventKey::new(Time::from_nanos(time), Class::new(class), sequence, slot).expect("in range");
            assert_eq!(
                (key.time().as_nanos(), key.class().number(), key.sequence(), key.slot()),
                (time, class, sequence, slot)
            );
        };
        check(0, 0, 0, 0);
        check(1, 2, 3, 4);
        check(u64::MAX, 0, 0, 0);
        check(0, 15, 0, 0);
        check(0, 0, EventKey::MAX_SEQUENCE, 0);
        check(0, 0, 0, EventKey::MAX_SLOT);
        check(u64::MAX, 15, EventKey::MAX_SEQUENCE, EventKey::MAX_SLOT);
    }

    #[test]
    fn time_goes_before_class_before_sequence_before_slot() {
        let key = |time, class, sequence, slot| {
            EventKey::new(Time::from_nanos(time), Class::new(class), sequence, slot).expect("in range")
        };
        let ascending = [
            key(1, 1, 1, 1),
            key(1, 1, 1, EventKey::MAX_SLOT),
            key(1, 1, 2, 0),
            key(1, 1, EventKey::MAX_SEQUENCE, 0),
            key(1, 2, 0, 0),
            key(1, 15, 0, 0),
            key(2, 0, 0, 0),
        ];
        assert!(ascending.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let key = |sequence, slot| EventKey::new(Time::ZERO, Class::new(0), sequence, slot);
        assert_eq!(key(EventKey::MAX_SEQUENCE + 1, 0), None);
        assert_eq!(key(u64::MAX, 0), None);
        assert_eq!(key(0, EventKey::MAX_SLOT + 1), None);
        assert_eq!(key(0, u32::MAX), None);
    }

    #[test]
    #[should_panic(expected = "below 16")]
    fn there_is_no_sixteenth_class() {
        let _ = Class::new(16);
    }
}
