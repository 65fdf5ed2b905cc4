//! The timers of one node: a pending deadline per key, on one of the node's two clocks.

use crate::kernel::{EventId, Time};

use super::Clock;
use super::event::TimerHandle;

/// When a timer is due, on the clock that it runs on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Deadline {
    /// Nanoseconds of the monotonic clock.
    Monotonic(u64),
    /// Nanoseconds of the wall clock.
    Wall(u64),
}

impl Deadline {
    /// The true time at which the clock will show the deadline, if nothing changes it.
    pub(crate) fn when(self, clock: &Clock, now: Time) -> Time {
        match self {
            Self::Monotonic(target) => clock.when_monotonic(now, target),
            Self::Wall(target) => clock.when_wall(now, target),
        }
    }
}

#[derive(Clone, Debug)]
struct Entry<T> {
    key: T,
    number: u32,
    /// The record of the handler that set it.
    cause: u64,
    deadline: Deadline,
    /// When it fires, if the clock does not change.
    at: Time,
    /// The pending event; `None` once it has fired and waits for the node.
    event: Option<EventId>,
}

/// The timers of one node.
#[derive(Clone, Debug)]
pub(crate) struct Timers<T> {
    entries: Vec<Option<Entry<T>>>,
    /// Slots by key.
    by_key: Vec<(T, u32)>,
    free: Vec<u32>,
    settings: u32,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), by_key: Vec::new(), free: Vec::new(), settings: 0 }
    }
}

impl<T: Copy + Ord> Timers<T> {
    /// Adds a setting for a key that has none; [`Self::attach`] gives it its event.
    pub(crate) fn add(&mut self, key: T, deadline: Deadline, cause: u64) -> TimerHandle {
        self.settings = self.settings.wrapping_add(1);
        let entry = Entry { key, number: self.settings, cause, deadline, at: Time::MAX, event: None };
        let slot = if let Some(slot) = self.free.pop() {
            self.entries[slot as usize] = Some(entry);
            slot
        } else {
            self.entries.push(Some(entry));
            u32::try_from(self.entries.len() - 1).expect("fewer timers than event slots")
        };
        if let Err(place) = self.by_key.binary_search_by(|(other, _)| other.cmp(&key)) {
            self.by_key.insert(place, (key, slot));
        }
        TimerHandle { slot, number: self.settings }
    }

    /// Notes the pending event of a setting, and when it happens.
    pub(crate) fn attach(&mut self, handle: TimerHandle, at: Time, event: Option<EventId>) {
        if let Some(entry) = self.entries.get_mut(handle.slot as usize).and_then(Option::as_mut) {
            entry.at = at;
            entry.event = event;
        }
    }

    /// Takes a key's setting away; answers its pending event, to be cancelled.
    pub(crate) fn remove(&mut self, key: T) -> Option<EventId> {
        let place = self.by_key.binary_search_by(|(other, _)| other.cmp(&key)).ok()?;
        let (_, slot) = self.by_key.remove(place);
        self.free.push(slot);
        self.entries[slot as usize].take()?.event
    }

    /// Takes a fired setting away, and answers its key and the record of the handler that set it; `None` if it was
    /// set again or cancelled meanwhile.
    pub(crate) fn fire(&mut self, handle: TimerHandle) -> Option<(T, u64)> {
        let entry = self.entries.get(handle.slot as usize)?.as_ref()?;
        if entry.number != handle.number {
            return None;
        }
        let fired = (entry.key, entry.cause);
        self.remove(fired.0);
        Some(fired)
    }

    /// Notes that a setting's event has fired, and that it waits for the node.
    pub(crate) fn waits(&mut self, handle: TimerHandle) {
        self.attach(handle, Time::MAX, None);
    }

    /// The events of all pending settings, in the order of their keys.
    pub(crate) fn pending(&self) -> impl Iterator<Item = EventId> + '_ {
        self.by_key.iter().filter_map(|&(_, slot)| self.entries[slot as usize].as_ref()?.event)
    }

    /// The pending settings that fire at another instant by this clock: setting, old event, new instant.
    pub(crate) fn moved(&self, clock: &Clock, now: Time) -> Vec<(TimerHandle, EventId, Time)> {
        let moved = |&(_, slot): &(T, u32)| {
            let entry = self.entries[slot as usize].as_ref()?;
            let at = entry.deadline.when(clock, now);
            (at != entry.at).then_some((TimerHandle { slot, number: entry.number }, entry.event?, at))
        };
        self.by_key.iter().filter_map(moved).collect()
    }

    /// Forgets everything and keeps the memory. Numbers go on, so that nothing old is taken for new.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.by_key.clear();
        self.free.clear();
    }
}
