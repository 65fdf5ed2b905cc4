//! A pool of values that are on their way: each has exactly one owner, the packet that carries its slot.

/// Values in reusable slots, the last freed slot first, so that a reply takes the memory of its request.
#[derive(Clone, Debug)]
pub(crate) struct Pool<T> {
    slots: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }
}

impl<T> Pool<T> {
    /// Stores a value and answers its slot.
    #[inline]
    pub(crate) fn put(&mut self, value: T) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Some(value);
            return slot;
        }
        let slot = u32::try_from(self.slots.len()).expect("fewer values on their way than event slots");
        self.slots.push(Some(value));
        slot
    }

    /// Takes the value out of a slot, which may then be used again.
    #[inline]
    pub(crate) fn take(&mut self, slot: u32) -> T {
        let value = self.slots[slot as usize].take().expect("a slot has one owner");
        self.free.push(slot);
        value
    }

    /// Whether there is a value in a slot.
    #[inline]
    pub(crate) fn holds(&self, slot: u32) -> bool {
        self.slots[slot as usize].is_some()
    }

    /// The value in a slot.
    pub(crate) fn get(&self, slot: u32) -> &T {
        self.slots[slot as usize].as_ref().expect("a slot has one owner")
    }

    /// The value in a slot, to change it.
    pub(crate) fn get_mut(&mut self, slot: u32) -> &mut T {
        self.slots[slot as usize].as_mut().expect("a slot has one owner")
    }

    /// Drops everything and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.slots.clear();
        self.free.clear();
    }
}
