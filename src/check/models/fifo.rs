//! Whether a queue is linearizable, in log-linear time, if its elements are unique.
//!
//! Henzinger, Sezgin and Vafeiadis (2013, "Aspect-Oriented Linearizability Proofs", section 4): a complete history of a
//! queue is linearizable unless an element is taken that was not put in before; or taken twice; or two elements come out
//! in the wrong order; or the queue is found empty although at every instant some element must have been in it. What
//! was put in with unknown outcome was put in if it was taken.
//!
//! A taking of unknown outcome took nothing, or one of the elements that no other taking is known to have taken (those
//! that are *left*), at any time from its invocation on. So such takings are alike but for when they may begin, and
//! what is asked of them is a number: by the time `t` at which some element is taken that was put in after the first `n`
//! elements that are left, or at which the queue is found empty although these were put in before, `n` of them must have
//! begun. Two such demands do not compete, because the first elements that one asks for are the first that the other
//! asks for. So it is enough that each demand can be met alone: that each taking of a known element is preceded by few
//! enough of what is left ([`Fifo::left_behind`]), and that each taking that found nothing has an instant at which nothing
//! else is in the queue and few enough of what is left was put in before ([`Fifo::never_empty`]).
//!
//! A drain is a series of takings whose order is known although their times are not. Where no other element is known to have
//! been taken meanwhile, that order is respected as soon as no two of its elements come out in the wrong order
//! ([`Fifo::out_of_series`]), and it is found empty only after the last of them was put in. Else a search decides.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::anomaly::{DUPLICATE_ELEMENT, FUTURE_READ, GARBAGE_READ, NO_ORDER};
use crate::check::model::Decision;
use crate::check::precedence::{precedes, predecessors, series};
use crate::check::sentence::{clause, count, list};
use crate::host::{Request, Value};
use crate::kernel::Time;
use crate::load::{History, Operation, Outcome};

/// How many operations a sentence tells.
const TOLD: usize = 8;

/// An element: which operation put it in, and which took it out.
#[derive(Clone, Copy)]
struct Element {
    put: usize,
    taken: Option<usize>,
}

/// The operations of one queue.
struct Fifo<'h> {
    history: &'h History,
    elements: BTreeMap<i64, Element>,
    /// What put in the elements that no taking is known to have taken, by when they were in.
    left: Vec<usize>,
    /// The takings that found it empty, and those of unknown outcome, in the order of invocation.
    empty: Vec<usize>,
    unknown: Vec<usize>,
    /// Takings of known outcome that followed each other, each with what put the element in, if it found one.
    series: Vec<Vec<(usize, Option<usize>)>>,
}

/// Decides about the operations of one queue.
pub(super) fn decide(history: &History, operations: &[usize]) -> Decision {
    match Fifo::new(history, operations) {
        Err(decision) => decision,
        Ok(fifo) => {
            let found = fifo.out_of_order().or_else(|| fifo.out_of_series());
            let found = found.or_else(|| fifo.left_behind()).or_else(|| fifo.never_empty());
            let is_undecided = touches(history, operations) || fifo.has_mixed_series();
            let otherwise = if is_undecided { Decision::Search } else { Decision::Linearizable };
            found.unwrap_or(otherwise)
        }
    }
}

/// Whether a session goes on at the very instant of an answer: then its operations are in an order that their times
/// alone do not tell.
pub(super) fn touches(history: &History, operations: &[usize]) -> bool {
    let times = operations.iter().map(|&index| {
        let Operation { session, invoked, completed, outcome, .. } = &history.operations[index];
        (*session, *invoked, outcome.is_answered().then_some(*completed))
    });
    predecessors(times).iter().any(Option::is_some)
}

fn refuted(anomaly: &'static str, mut core: Vec<usize>, sentence: String) -> Decision {
    core.sort_unstable();
    core.dedup();
    Decision::Refuted { anomaly, core, sentence }
}

impl<'h> Fifo<'h> {
    /// Gathers the elements. An element that is taken without having been put in, or twice, decides already.
    fn new(history: &'h History, operations: &[usize]) -> Result<Self, Decision> {
        let (left, empty, unknown) = (Vec::new(), Vec::new(), Vec::new());
        let mut fifo = Self { history, elements: BTreeMap::new(), left, empty, unknown, series: Vec::new() };
        let mut takings: Vec<(i64, usize)> = Vec::new();
        for &index in operations {
            let operation = &history.operations[index];
            match (&operation.request, &operation.outcome) {
                (_, Outcome::Fail(_)) | (Request::Enqueue { .. }, Outcome::No(_)) => {}
                (Request::Enqueue { element, .. }, _) => {
                    if fifo.elements.insert(*element, Element { put: index, taken: None }).is_some() {
                        return Err(Decision::Search);
                    }
                }
                (_, Outcome::Info(_)) => fifo.unknown.push(index),
                (_, Outcome::Ok(Value::Int(element))) => takings.push((*element, index)),
                (_, Outcome::Ok(Value::Nil) | Outcome::No(_)) => fifo.empty.push(index),
                _ => return Err(Decision::Search),
            }
        }
        for (element, taking) in takings {
            let told = clause(history, taking);
            let Some(Element { put, taken }) = fifo.elements.get_mut(&element) else {
                return Err(refuted(GARBAGE_READ, vec![taking], format!("{told}, but nobody put {element} in.")));
            };
            if precedes(&history.operations[taking], &history.operations[*put]) {
                let later = clause(history, *put);
                let sentence = format!("{told}, but {element} was put in only later: {later}.");
                return Err(refuted(FUTURE_READ, vec![*put, taking], sentence));
            }
            if let Some(first) = taken.replace(taking) {
                let first_told = clause(history, first);
                return Err(refuted(
                    DUPLICATE_ELEMENT,
                    vec![first, taking],
                    format!("{element} was taken twice: {first_told}; {told}."),
                ));
            }
        }
        let put_of: BTreeMap<usize, usize> =
            fifo.elements.values().filter_map(|element| Some((element.taken?, element.put))).collect();
        let with_put = |taking: usize| (taking, put_of.get(&taking).copied());
        let of_known_outcome = |series: &Vec<usize>| history.operations[series[0]].outcome.is_answered();
        let all = series(history, operations).into_iter().filter(of_known_outcome);
        fifo.series = all.map(|series| series.into_iter().map(with_put).collect()).collect();
        // What nobody is known to have taken might as well never have been put in, if that is unknown.
        let is_left = |element: &&Element| {
            element.taken.is_none() && !matches!(history.operations[element.put].outcome, Outcome::Info(_))
        };
        let mut left: Vec<usize> = fifo.elements.values().filter(is_left).map(|element| element.put).collect();
        left.sort_by_key(|&put| (fifo.deadline(put), put));
        fifo.left = left;
        Ok(fifo)
    }

    fn clause(&self, operation: usize) -> String {
        clause(self.history, operation)
    }

    fn invoked(&self, operation: usize) -> Time {
        self.history.operations[operation].invoked
    }

    /// By when it must have taken effect.
    fn deadline(&self, operation: usize) -> Time {
        let Operation { completed, outcome, .. } = &self.history.operations[operation];
        if matches!(outcome, Outcome::Info(_)) { Time::MAX } else { *completed }
    }

    /// How many takings of unknown outcome may have taken effect by then.
    fn unknown_by(&self, at: Time) -> usize {
        self.unknown.partition_point(|&taking| self.invoked(taking) <= at)
    }

    /// The elements that somebody is known to have taken, and the times between which they must have been in the
    /// queue, both exclusive.
    fn stays(&self) -> Vec<(Time, Time, Element)> {
        let stay = |element: &Element| Some((self.deadline(element.put), self.invoked(element.taken?), *element));
        let mut stays: Vec<_> = self.elements.values().filter_map(stay).collect();
        stays.sort_by_key(|&(from, ..)| from);
        stays
    }

    /// An element that was taken before another one that was put in before it.
    fn out_of_order(&self) -> Option<Decision> {
        let stays = self.stays();
        let mut by_invocation: Vec<(i64, Element)> =
            self.elements.iter().map(|(&name, &element)| (name, element)).collect();
        by_invocation.sort_by_key(|(_, element)| self.invoked(element.put));
        let mut put_before = stays.iter().peekable();
        let mut last_to_leave: Option<&(Time, Time, Element)> = None;
        for (name, late) in by_invocation {
            while let Some(stay) = put_before.next_if(|(from, ..)| *from < self.invoked(late.put)) {
                last_to_leave = last_to_leave.filter(|last| last.1 >= stay.1).or(Some(stay));
            }
            let (Some(taken), Some((_, until, early))) = (late.taken, last_to_leave) else { continue };
            if self.deadline(taken) < *until {
                let after = early.taken.map(|taken| self.clause(taken)).unwrap_or_default();
                let sentence = format!(
                    "{}, but another element was put in before {name}, and taken later: {}; {}; {after}.",
                    self.clause(taken),
                    self.clause(early.put),
                    self.clause(late.put)
                );
                let core = [taken, late.put, early.put].into_iter().chain(early.taken);
                return Some(refuted(NO_ORDER, core.collect(), sentence));
            }
        }
        None
    }

    /// An element that comes after another one in a series that was put in after it.
    fn out_of_series(&self) -> Option<Decision> {
        for series in &self.series {
            let mut last: Option<(usize, usize)> = None;
            for &(taking, put) in series {
                let Some(put) = put else { continue };
                if let Some((other, other_put)) = last.filter(|&(_, other)| self.deadline(put) < self.invoked(other))
                {
                    let sentence = format!(
                        "{}, and after it another element that was put in before it: {}; {}; {}.",
                        self.clause(other),
                        self.clause(put),
                        self.clause(other_put),
                        self.clause(taking)
                    );
                    return Some(refuted(NO_ORDER, vec![other, put, other_put, taking], sentence));
                }
                last = last.filter(|&(_, other)| self.invoked(other) >= self.invoked(put)).or(Some((taking, put)));
            }
        }
        None
    }

    /// Whether an element is known to have been taken by somebody else during a series of several.
    fn has_mixed_series(&self) -> bool {
        if self.series.is_empty() {
            return false;
        }
        let takings = || self.elements.values().filter_map(|element| element.taken);
        let mut begun: Vec<Time> = takings().map(|taking| self.invoked(taking)).collect();
        let mut ended: Vec<Time> = takings().map(|taking| self.deadline(taking)).collect();
        begun.sort_unstable();
        ended.sort_unstable();
        self.series.iter().any(|series| {
            let own = series.iter().filter(|(_, put)| put.is_some()).count();
            let (from, to) = (self.invoked(series[0].0), self.deadline(series[0].0));
            let meanwhile = begun.partition_point(|&at| at <= to) - ended.partition_point(|&at| at < from);
            own > 1 && meanwhile > own
        })
    }

    /// Of the takings that found nothing at the end of a series: the one before that took what was put in last, and that put.
    fn before_empty(&self) -> BTreeMap<usize, (usize, usize)> {
        let last = |series: &Vec<(usize, Option<usize>)>| {
            let &(empty, _) = series.last().filter(|(_, put)| put.is_none())?;
            let found = series.iter().filter_map(|&(taking, put)| Some((taking, put?)));
            Some((empty, found.max_by_key(|&(_, put)| self.invoked(put))?))
        };
        self.series.iter().filter_map(last).collect()
    }

    /// An element that was taken although more was put in before it than can have been taken by then.
    fn left_behind(&self) -> Option<Decision> {
        let taken =
            |(&name, element): (&i64, &Element)| Some((self.invoked(element.put), name, *element, element.taken?));
        let mut first: Vec<_> = self.elements.iter().filter_map(taken).collect();
        first.sort_by_key(|&(put, name, ..)| (put, name));
        // Of the elements that were put in then or later, the one whose taking was over first.
        let mut at = first.len();
        while at > 1 {
            at -= 1;
            if self.deadline(first[at].3) < self.deadline(first[at - 1].3) {
                let (_, name, element, taken) = first[at];
                (first[at - 1].1, first[at - 1].2, first[at - 1].3) = (name, element, taken);
            }
        }
        for (before, &put) in self.left.iter().enumerate() {
            let after = first.partition_point(|&(invoked, ..)| invoked <= self.deadline(put));
            let &(_, name, element, taken) = first.get(after)?;
            if self.unknown_by(self.deadline(taken)) > before {
                continue;
            }
            // As many takings have begun as there are elements before this one, or one of those would have been too many.
            let (left, takings) = (&self.left[..=before], &self.unknown[..before]);
            let (told, late) = (self.clause(taken), self.clause(element.put));
            let puts: Vec<String> = left.iter().map(|&put| self.clause(put)).collect();
            let sentence = match before {
                0 => format!(
                    "{told}, but another element was put in before {name}, and taken later: {}; {late}; nobody took that one.",
                    puts[0]
                ),
                _ => {
                    let unknown: Vec<String> = takings.iter().map(|&taking| self.clause(taking)).collect();
                    format!(
                        "{told}, but {} that nobody is known to have taken were put in before {name}, and no more than {} \
                         can have taken one by then: {}; {late}; {}.",
                        count(left.len(), "element"),
                        count(takings.len(), "operation"),
                        list(&puts, TOLD),
                        list(&unknown, TOLD)
                    )
                }
            };
            let core = [taken, element.put].into_iter().chain(left.iter().copied()).chain(takings.iter().copied());
            return Some(refuted(NO_ORDER, core.collect(), sentence));
        }
        None
    }

    /// Instants at which the queue can have been empty, in order: if there is any during a taking that found nothing, one
    /// of these is.
    fn empty_at(&self, stays: &[(Time, Time, Element)]) -> Vec<Time> {
        let mut filled: Vec<(Time, Time)> = Vec::new();
        for &(from, until, _) in stays.iter().filter(|(from, until, _)| from < until) {
            match filled.last_mut() {
                Some((_, end)) if from < *end => *end = until.max(*end),
                _ => filled.push((from, until)),
            }
        }
        let is_free = |at: Time| {
            let before = filled.partition_point(|&(from, _)| from < at);
            before == 0 || filled[before - 1].1 <= at
        };
        let are_enough = |at: Time| self.left.partition_point(|&put| self.deadline(put) < at) <= self.unknown_by(at);
        // The later the better, until another element is in that is left.
        let ends = self.empty.iter().chain(&self.left).map(|&operation| self.deadline(operation));
        let mut instants: Vec<Time> = ends.chain(filled.iter().map(|&(from, _)| from)).collect();
        instants.retain(|&at| is_free(at) && are_enough(at));
        instants.sort_unstable();
        instants
    }

    /// A taking that found nothing, although at every instant of it some element must have been in the queue.
    fn never_empty(&self) -> Option<Decision> {
        let stays = self.stays();
        let instants = self.empty_at(&stays);
        let before_empty = self.before_empty();
        let from = |empty: usize| {
            let put = before_empty.get(&empty).map(|&(_, put)| self.invoked(put));
            self.invoked(empty).max(put.unwrap_or(Time::ZERO))
        };
        let is_never_empty = |&&empty: &&usize| {
            let first = instants.partition_point(|&at| at < from(empty));
            instants.get(first).is_none_or(|&at| self.deadline(empty) < at)
        };
        let &empty = self.empty.iter().find(is_never_empty)?;
        // At each instant the element that stays longest, or more elements that are left than can have been taken.
        let (mut at, mut core, mut seen) = (from(empty), vec![empty], BTreeSet::new());
        if let Some(&(taking, put)) =
            before_empty.get(&empty).filter(|&&(_, put)| self.invoked(empty) < self.invoked(put))
        {
            core.extend([put, taking].into_iter().filter(|&operation| seen.insert(operation)));
        }
        while at <= self.deadline(empty) {
            let there = stays.iter().take_while(|(from, ..)| *from < at).max_by_key(|(_, until, _)| *until);
            let (why, until): (Vec<usize>, Time) = match there {
                Some((_, until, element)) if *until > at => {
                    ([element.put].into_iter().chain(element.taken).collect(), *until)
                }
                _ => {
                    let begun = self.unknown_by(at);
                    let until = self.unknown.get(begun).map_or(Time::MAX, |&taking| self.invoked(taking));
                    ([&self.left[..=begun], &self.unknown[..begun]].concat(), until)
                }
            };
            core.extend(why.into_iter().filter(|&operation| seen.insert(operation)));
            if until == Time::MAX {
                break;
            }
            at = until;
        }
        let told: Vec<String> = core[1..].iter().map(|&operation| self.clause(operation)).collect();
        let sentence =
            format!("{}, but the queue was never empty meanwhile: {}.", self.clause(empty), list(&told, TOLD));
        Some(refuted(NO_ORDER, core, sentence))
    }
}
