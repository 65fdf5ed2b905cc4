//! The agenda of a run: every event that is still to happen, and the present instant.

use std::fmt;
use std::hint::black_box;

use super::{Class, EventKey, Ladder, Pending, Span, Time};

/// The agenda does not compact up to this many tombstones.
const COMPACTION_FLOOR: usize = 64;

/// Names a scheduled event until it happens or is cancelled; afterwards it names nothing, even when its slot is
/// used again. An id from before a [`reset`](Agenda::reset) is void and must not be used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EventId {
    slot: u32,
    generation: u32,
}

/// An event whose time has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fired<E> {
    /// The present instant.
    pub time: Time,
    /// The class it was scheduled under.
    pub class: Class,
    /// What happens.
    pub event: E,
}

/// Why an event could not be scheduled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Full {
    /// The run has scheduled 2^36 events in order of arrival.
    SequenceExhausted,
    /// 2^24 events are pending.
    SlotsExhausted,
    /// The event was to happen before the present instant.
    InThePast,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SequenceExhausted => "the run has scheduled 2^36 events, the most that it can order",
            Self::SlotsExhausted => "2^24 events are pending, the most that a run can hold",
            Self::InThePast => "an event was scheduled before the present instant",
        })
    }
}

impl std::error::Error for Full {}

/// Events of type `E` in a slab, their keys in `Q`, and the present instant.
///
/// Cancelling drops the event at once and leaves its key behind as a tombstone, which is passed over when its
/// time comes; its slot is not used again before that. When tombstones outnumber the living they are all removed.
#[derive(Clone, Debug)]
pub struct Agenda<E, Q = Ladder> {
    now: Time,
    sequence: u64,
    entries: Vec<Entry<E>>,
    /// Slots without a key, the next one to use last.
    free: Vec<u32>,
    tombstones: usize,
    pending: Q,
}

/// One slot: free or a tombstone without an event.
#[derive(Clone, Debug)]
struct Entry<E> {
    generation: u32,
    event: Option<E>,
}

impl<E, Q: Pending> Default for Agenda<E, Q> {
    fn default() -> Self {
        Self {
            now: Time::ZERO,
            sequence: 0,
            entries: Vec::new(),
            free: Vec::new(),
            tombstones: 0,
            pending: Q::default(),
        }
    }
}

impl<E, Q: Pending> Agenda<E, Q> {
    /// An empty agenda at time zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The present instant: the time of the event popped last.
    #[inline]
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// How many events are still to happen.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.pending.len() - self.tombstones
    }

    /// Whether nothing is still to happen.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Schedules an event after all that are already scheduled at the same instant in the same class.
    ///
    /// # Errors
    /// If `at` has passed, or the agenda is full; the event is dropped.
    #[inline]
    pub fn schedule(&mut self, at: Time, class: Class, event: E) -> Result<EventId, Full> {
        let sequence = self.sequence;
        if sequence > EventKey::MAX_SEQUENCE {
            return Err(Full::SequenceExhausted);
        }
        let id = self.insert(at, class, sequence, event)?;
        self.sequence = sequence + 1;
        Ok(id)
    }

    /// Schedules an event whose place among those at the same instant in the same class is by the low 36 bits of
    /// `tie`, usually drawn at random; equal ties go by slot. Do not mix with [`schedule`](Self::schedule) within one class.
    ///
    /// # Errors
    /// If `at` has passed, or the agenda is full; the event is dropped.
    #[inline]
    pub fn schedule_with_tie(&mut self, at: Time, class: Class, tie: u64, event: E) -> Result<EventId, Full> {
        self.insert(at, class, tie & EventKey::MAX_SEQUENCE, event)
    }

    #[inline]
    fn insert(&mut self, at: Time, class: Class, sequence: u64, event: E) -> Result<EventId, Full> {
        if at < self.now {
            return Err(Full::InThePast);
        }
        let slot = self.free.last().copied().unwrap_or(self.entries.len() as u32);
        let key = EventKey::new(at, class, sequence, slot).ok_or(Full::SlotsExhausted)?;
        let generation = match self.free.pop() {
            Some(_) => {
                let entry = &mut self.entries[slot as usize];
                entry.event = Some(event);
                entry.generation
            }
            None => {
                self.entries.push(Entry { generation: 0, event: Some(event) });
                0
            }
        };
        self.pending.push(key);
        Ok(EventId { slot, generation })
    }

    /// Takes the next event and moves the present instant to it.
    #[inline]
    pub fn pop(&mut self) -> Option<Fired<E>> {
        while !self.is_empty() {
            let key = self.pending.pop()?;
            if let Some(event) = self.release(key.slot()) {
                self.now = key.time();
                return Some(Fired { time: key.time(), class: key.class(), event });
            }
            self.tombstones -= 1;
        }
        None
    }

    /// The event that is likely to be next, if that is known without a search. Asked after each pop, it is in the cache
    /// by the time of the question, for the question before has read the slot of the one after.
    #[inline]
    pub fn upcoming(&self) -> Option<&E> {
        if let Some(key) = self.pending.upcoming(1) {
            black_box(self.entries[key.slot() as usize].generation);
        }
        self.entries[self.pending.upcoming(0)?.slot() as usize].event.as_ref()
    }

    /// When the next event happens; the present instant stays.
    #[inline]
    pub fn peek_time(&mut self) -> Option<Time> {
        while !self.is_empty() {
            let key = self.pending.peek()?;
            if self.entries[key.slot() as usize].event.is_some() {
                return Some(key.time());
            }
            self.pending.pop();
            self.release(key.slot());
            self.tombstones -= 1;
        }
        None
    }

    /// Frees the slot of a key that has left the queue, and gives its event unless it was cancelled.
    #[inline]
    fn release(&mut self, slot: u32) -> Option<E> {
        let entry = &mut self.entries[slot as usize];
        // A slot out of generations stays unused, for an old id must never name a new event.
        if let Some(generation) = entry.generation.checked_add(1) {
            entry.generation = generation;
            self.free.push(slot);
        }
        entry.event.take()
    }

    /// Takes an event back before it happens; `None` if it has happened or was cancelled already.
    #[inline]
    pub fn cancel(&mut self, id: EventId) -> Option<E> {
        let entry = self.entries.get_mut(id.slot as usize)?;
        if entry.generation != id.generation {
            return None;
        }
        let event = entry.event.take()?;
        self.tombstones += 1;
        if self.tombstones > COMPACTION_FLOOR && self.tombstones > self.len() {
            self.compact();
        }
        Some(event)
    }

    /// Removes the tombstones from the queue and frees their slots.
    #[cold]
    fn compact(&mut self) {
        let mut dead = Vec::with_capacity(self.tombstones);
        let entries = &self.entries;
        self.pending.retain(|key| {
            let living = entries[key.slot() as usize].event.is_some();
            if !living {
                dead.push(key.slot());
            }
            living
        });
        // The order in which slots are used again may break ties, so it must not hang on how the queue is built.
        dead.sort_unstable_by(|a, b| b.cmp(a));
        for slot in dead {
            self.release(slot);
        }
        self.tombstones = 0;
    }

    /// A scheduled event that has neither happened nor been cancelled.
    #[inline]
    #[must_use]
    pub fn get(&self, id: EventId) -> Option<&E> {
        let entry = self.entries.get(id.slot as usize)?;
        entry.event.as_ref().filter(|_| entry.generation == id.generation)
    }

    /// As [`get`](Self::get), to change the event; its place in the order stays.
    #[inline]
    pub fn get_mut(&mut self, id: EventId) -> Option<&mut E> {
        let entry = self.entries.get_mut(id.slot as usize)?;
        entry.event.as_mut().filter(|_| entry.generation == id.generation)
    }

    /// The events that are still to happen, in the order of their slots, which is not that of their times.
    pub fn iter(&self) -> impl Iterator<Item = (EventId, &E)> {
        self.entries.iter().zip(0..).filter_map(|(entry, slot)| {
            let id = EventId { slot, generation: entry.generation };
            entry.event.as_ref().map(|event| (id, event))
        })
    }

    /// Shows every event that is still to happen, with its time and class, in no order. Takes time in proportion to how
    /// many there are.
    pub fn look_through(&mut self, mut see: impl FnMut(EventId, Time, Class, &E)) {
        let entries = &self.entries;
        self.pending.retain(|key| {
            let Entry { generation, event } = &entries[key.slot() as usize];
            if let Some(event) = event {
                see(EventId { slot: key.slot(), generation: *generation }, key.time(), key.class(), event);
            }
            true
        });
    }

    /// The next event, which stays, with its time and class.
    pub fn peek(&mut self) -> Option<(Time, Class, &E)> {
        self.peek_time()?;
        let key = self.pending.peek()?;
        let event = self.entries[key.slot() as usize].event.as_ref()?;
        Some((key.time(), key.class(), event))
    }

    /// Lets the next event happen later by so much, in the place that it would have had there if it had been scheduled so
    /// in the first place: before what was scheduled after it. Does nothing if there is none.
    pub fn postpone_next(&mut self, by: Span) {
        if self.peek_time().is_none() {
            return;
        }
        if let Some(key) = self.pending.pop() {
            let later = EventKey::new(key.time() + by, key.class(), key.sequence(), key.slot());
            // Sequence and slot have fitted before.
            self.pending.push(later.unwrap_or(key));
        }
    }

    /// Drops every event and returns to time zero. From here on the agenda behaves as a new one, down to the slots
    /// it hands out, but keeps its memory.
    pub fn reset(&mut self) {
        self.now = Time::ZERO;
        self.sequence = 0;
        self.entries.clear();
        self.free.clear();
        self.tombstones = 0;
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests;
