//! Versions of an object, and which of two is the newer one.
//!
//! `DeCandia` et al., Dynamo, SOSP 2007, section 4.4: a vector clock tells whether one version descends from another; if
//! neither does they are siblings, both are kept, and the client that reads them reconciles them. A client that writes
//! says which versions it has seen (the context).
//!
//! Dynamo's clocks count by coordinator, and so two writes that the same coordinator takes from clients who have seen the
//! same look like one after the other: the first is lost without a trace. Here each write has a [`Dot`], a name of its own,
//! beside the set of writes that it descends from: dotted version vectors (Preguiça et al., Dotted Version Vectors: Logical
//! Clocks for Optimistic Replication, 2010).

use std::collections::{BTreeMap, BTreeSet};

use crate::host::{CausalContext, Value};

/// The name of a write: no two have the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Dot {
    /// The incarnation of a coordinator that took it: one that comes back from a crash does not know which counters it has
    /// used, so it begins anew under another number.
    pub(super) actor: u64,
    /// The write among all those of this object that the actor took, from 1.
    pub(super) counter: u64,
}

/// A set of writes, exact: a version vector, with the writes apart that lie beyond a gap (as in Malkhi and Terry,
/// Concise Version Vectors in `WinFS`, 2005). A vector alone would claim the writes in the gap too, which nobody has seen, and
/// they would be lost.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Past(BTreeMap<u64, Counted>);

/// Writes of one actor.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct Counted {
    /// All up to this one.
    up_to: u64,
    /// And these.
    beyond: BTreeSet<u64>,
}

impl Counted {
    fn insert(&mut self, counter: u64) {
        if counter > self.up_to {
            self.beyond.insert(counter);
        }
        self.close_gap();
    }

    fn close_gap(&mut self) {
        self.beyond.retain(|&counter| counter > self.up_to);
        while self.beyond.remove(&(self.up_to + 1)) {
            self.up_to += 1;
        }
    }
}

impl Past {
    pub(super) fn contains(&self, dot: Dot) -> bool {
        let counted = self.0.get(&dot.actor);
        counted.is_some_and(|counted| dot.counter <= counted.up_to || counted.beyond.contains(&dot.counter))
    }

    pub(super) fn insert(&mut self, dot: Dot) {
        self.0.entry(dot.actor).or_default().insert(dot.counter);
    }

    pub(super) fn extend(&mut self, other: &Self) {
        for (&actor, theirs) in &other.0 {
            let ours = self.0.entry(actor).or_default();
            ours.up_to = ours.up_to.max(theirs.up_to);
            ours.beyond.extend(&theirs.beyond);
            ours.close_gap();
        }
    }

    /// How many writes it has.
    pub(super) fn len(&self) -> u64 {
        self.0.values().map(|counted| counted.up_to + counted.beyond.len() as u64).sum()
    }

    /// As clients carry it: of each actor the counter up to which all are in, then those beyond.
    pub(super) fn to_context(&self) -> CausalContext {
        let of_one = |(&actor, counted): (&u64, &Counted)| {
            let counters: Vec<_> = [counted.up_to].into_iter().chain(counted.beyond.iter().copied()).collect();
            counters.into_iter().map(move |counter| (actor, counter))
        };
        CausalContext(self.0.iter().flat_map(of_one).collect())
    }

    /// What a client brings back.
    pub(super) fn from_context(context: &CausalContext) -> Self {
        let mut past = Self::default();
        for &(actor, counter) in &context.0 {
            match past.0.get_mut(&actor) {
                Some(counted) => counted.insert(counter),
                None => {
                    past.0.insert(actor, Counted { up_to: counter, beyond: BTreeSet::new() });
                }
            }
        }
        past
    }
}

/// What puts a version before or behind others.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Clock {
    /// The coordinator's wall clock: of two versions the one with the higher reading is the newer one, and the other is
    /// lost ("last write wins": section 4.4; Thomas, A Majority Consensus Approach, 1979).
    Wall(u64),
    /// The writes that it descends from. What descends from neither is concurrent.
    Past(Past),
}

/// A value that was written.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Version {
    pub(super) dot: Dot,
    pub(super) clock: Clock,
    /// [`Value::Nil`] is a tombstone: without it a replica that missed the deletion would bring the old value back.
    pub(super) value: Value,
    /// When a tombstone may be forgotten, by anybody's wall clock (nanoseconds); `None`: never.
    pub(super) forgotten_at: Option<u64>,
}

impl Version {
    /// Whether whoever has this one need not keep that one.
    fn supersedes(&self, other: &Self) -> bool {
        match (&self.clock, &other.clock) {
            (Clock::Wall(mine), Clock::Wall(theirs)) => (mine, self.dot) > (theirs, other.dot),
            (Clock::Past(past), _) => past.contains(other.dot),
            (Clock::Wall(_), Clock::Past(_)) => false,
        }
    }
}

/// The newest versions of an object that somebody knows: none of them supersedes another. Two of these are merged to the same
/// in either order, and merging again changes nothing, so that replicas can exchange them however often.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Versions {
    /// In the order of their dots.
    newest: Vec<Version>,
}

impl Versions {
    /// What a key that was never written has.
    pub(super) const NONE: Self = Self { newest: Vec::new() };

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Version> {
        self.newest.iter()
    }

    /// Whether this one is known, or one that supersedes it.
    fn covers(&self, version: &Version) -> bool {
        self.newest.iter().any(|known| known.dot == version.dot || known.supersedes(version))
    }

    /// Whether merging these changes nothing.
    pub(super) fn covers_all(&self, others: &Self) -> bool {
        others.newest.iter().all(|version| self.covers(version))
    }

    pub(super) fn add(&mut self, version: Version) {
        if !self.covers(&version) {
            self.newest.retain(|known| !version.supersedes(known));
            let place = self.newest.partition_point(|known| known.dot < version.dot);
            self.newest.insert(place, version);
        }
    }

    pub(super) fn merge(&mut self, others: &Self) {
        others.newest.iter().for_each(|version| self.add(version.clone()));
    }

    /// What a read of these answers.
    pub(super) fn value(&self) -> Value {
        let mut values: Vec<_> = self.newest.iter().map(|version| version.value.clone()).collect();
        values.sort_unstable();
        values.dedup();
        match values.len() {
            0 | 1 => values.pop().unwrap_or_default(),
            _ => Value::Siblings(values),
        }
    }

    /// What whoever reads these has seen; `None` if clocks of the wall order them, to which it is nothing.
    pub(super) fn seen(&self) -> Option<Past> {
        let mut seen = Past::default();
        for version in &self.newest {
            let Clock::Past(past) = &version.clock else { return None };
            seen.extend(past);
            seen.insert(version.dot);
        }
        Some(seen)
    }

    /// A number that grows with every newer version, to show.
    pub(super) fn age(&self) -> u64 {
        let wall = |version: &Version| if let Clock::Wall(wall) = version.clock { Some(wall) } else { None };
        match self.newest.iter().find_map(wall) {
            Some(wall) => wall,
            None => self.seen().map_or(0, |seen| seen.len()),
        }
    }

    /// Takes out what the others have.
    pub(super) fn remove_all(&mut self, others: &Self) {
        self.newest.retain(|version| others.newest.iter().all(|other| other.dot != version.dot));
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.newest.is_empty()
    }

    /// When the object may be forgotten, if nothing but tombstones that may be is left of it.
    pub(super) fn forgotten_at(&self) -> Option<u64> {
        let each = self.newest.iter().map(|version| version.forgotten_at);
        each.reduce(|one, other| Some(one?.max(other?))).flatten()
    }

    /// Whether nothing but tombstones is left of it.
    pub(super) fn is_deleted(&self) -> bool {
        !self.newest.is_empty() && self.newest.iter().all(|version| version.value == Value::Nil)
    }
}

impl FromIterator<Version> for Versions {
    fn from_iter<I: IntoIterator<Item = Version>>(versions: I) -> Self {
        let mut merged = Self::NONE;
        versions.into_iter().for_each(|version| merged.add(version));
        merged
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dot(actor: u64, counter: u64) -> Dot {
        Dot { actor, counter }
    }

    /// A service without replicas: clients at random write with what they have seen at random.
    ///
    /// Each step is (actor, which earlier versions were read). Answers each version with the dots of its true past.
    fn writes(steps: &[(u64, Vec<prop::sample::Index>)], wall: bool) -> Vec<(Version, BTreeSet<Dot>)> {
        let mut made: Vec<(Version, BTreeSet<Dot>)> = Vec::new();
        for (number, (actor, read)) in steps.iter().enumerate() {
            let counter = made.iter().filter(|(version, _)| version.dot.actor == *actor).count() as u64 + 1;
            let (mut past, mut truth) = (Past::default(), BTreeSet::new());
            for index in read.iter().filter(|_| !made.is_empty()) {
                let (version, theirs) = index.get(&made);
                if let Some(seen) = [version.clone()].into_iter().collect::<Versions>().seen() {
                    past.extend(&Past::from_context(&seen.to_context()));
                }
                truth.extend(theirs.iter().copied().chain([version.dot]));
            }
            let clock = if wall { Clock::Wall(number as u64 / 3) } else { Clock::Past(past) };
            made.push((
                Version { dot: dot(*actor, counter), clock, value: Value::Int(number as i64), forgotten_at: None },
                truth,
            ));
        }
        made
    }

    fn steps() -> impl Strategy<Value = Vec<(u64, Vec<prop::sample::Index>)>> {
        prop::collection::vec((0..3u64, prop::collection::vec(any::<prop::sample::Index>(), 0..3)), 1..20)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_past_is_a_set(dots in prop::collection::vec((0..3u64, 1..12u64), 0..40), cut in 0..40usize) {
            let dots: Vec<_> = dots.into_iter().map(|(actor, counter)| dot(actor, counter)).collect();
            let past_of = |dots: &[Dot]| {
                let mut past = Past::default();
                dots.iter().for_each(|&dot| past.insert(dot));
                past
            };
            let (some, rest) = dots.split_at(cut.min(dots.len()));
            let mut past = past_of(some);
            past.extend(&past_of(rest));
            let model: BTreeSet<_> = dots.iter().copied().collect();
            for dot in (0..3).flat_map(|actor| (1..14).map(move |counter| dot(actor, counter))) {
                prop_assert_eq!(past.contains(dot), model.contains(&dot));
            }
            prop_assert_eq!(past.len(), model.len() as u64);
            prop_assert_eq!(&past_of(&dots), &past, "one set has one form");
            prop_assert_eq!(Past::from_context(&past.to_context()), past);
        }

        /// Exactly the versions are left that no other descends from, whatever the order of arrival.
        #[test]
        fn what_descends_from_nothing_newer_is_kept(steps in steps(), order in any::<u64>()) {
            let made = writes(&steps, false);
            let descended: BTreeSet<_> = made.iter().flat_map(|(_, past)| past.iter().copied()).collect();
            let expected: BTreeSet<_> =
                made.iter().map(|(version, _)| version.dot).filter(|dot| !descended.contains(dot)).collect();
            let mut arriving = made;
            arriving.sort_by_key(|(version, _)| crate::kernel::stable_hash(&(order, version.dot)));
            let merged: Versions = arriving.into_iter().map(|(version, _)| version).collect();
            prop_assert_eq!(merged.iter().map(|version| version.dot).collect::<BTreeSet<_>>(), expected);
        }

        #[test]
        fn merging_is_a_join(steps in steps(), wall: bool, a in any::<u32>(), b in any::<u32>(), c in any::<u32>()) {
            let made = writes(&steps, wall);
            let chosen = |mask: u32| -> Versions {
                let chosen = made.iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1);
                chosen.map(|(_, (version, _))| version.clone()).collect()
            };
            let (a, b, c) = (chosen(a), chosen(b), chosen(c));
            let join = |x: &Versions, y: &Versions| {
                let mut joined = x.clone();
                joined.merge(y);
                joined
            };
            prop_assert_eq!(join(&a, &b), join(&b, &a));
            prop_assert_eq!(join(&join(&a, &b), &c), join(&a, &join(&b, &c)));
            prop_assert_eq!(join(&a, &a), a.clone());
            prop_assert!(join(&a, &b).covers_all(&a));
            prop_assert_eq!(a.covers_all(&b), join(&a, &b) == a);
            prop_assert!(!wall || a.iter().count() <= 1, "the last writer wins");
        }
    }

    /// What a vector of counters without dots gets wrong: two clients who have seen the same write through one coordinator.
    #[test]
    fn two_writes_through_one_coordinator_are_siblings() {
        let write = |counter, value, past: &Past| Version {
            dot: dot(1, counter),
            clock: Clock::Past(past.clone()),
            value: Value::Int(value),
            forgotten_at: None,
        };
        let mut versions: Versions = [write(1, 10, &Past::default())].into_iter().collect();
        let seen = versions.seen().unwrap();
        versions.add(write(2, 20, &seen));
        versions.add(write(3, 30, &seen));
        assert_eq!(versions.value(), Value::Siblings(vec![Value::Int(20), Value::Int(30)]));
        // A reader that knows the last of them alone has not seen the one before.
        let late: Versions = [write(3, 30, &seen)].into_iter().collect();
        versions.add(write(4, 40, &late.seen().unwrap()));
        assert_eq!(versions.value(), Value::Siblings(vec![Value::Int(20), Value::Int(40)]));
    }

    #[test]
    fn an_object_is_forgotten_with_its_last_tombstone() {
        let check = |tombstones: &[Option<u64>], expected| {
            let write = |(counter, &forgotten_at): (u64, &Option<u64>)| {
                let clock = Clock::Past(Past::default());
                Version { dot: dot(1, counter), clock, value: Value::Nil, forgotten_at }
            };
            let versions: Versions = (1..).zip(tombstones).map(write).collect();
            assert_eq!(versions.forgotten_at(), expected, "{tombstones:?}");
        };
        check(&[], None);
        check(&[None], None);
        check(&[Some(7)], Some(7));
        check(&[Some(7), Some(9), Some(8)], Some(9));
        check(&[Some(7), None], None);
    }

    #[test]
    fn a_tombstone_is_a_version() {
        let write =
            |counter, value| Version { dot: dot(1, counter), clock: Clock::Wall(counter), value, forgotten_at: None };
        let mut versions = Versions::NONE;
        assert!(!versions.is_deleted());
        versions.add(write(1, Value::Int(5)));
        assert!(!versions.is_deleted());
        versions.add(write(2, Value::Nil));
        assert!(versions.is_deleted());
        assert_eq!((versions.value(), versions.age()), (Value::Nil, 2));
    }
}
