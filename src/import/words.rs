//! Values that are no integers, as integers: checkers compare values and look no further.

use std::collections::{BTreeMap, BTreeSet};

/// A number of fewer digits than this stands for no word.
const DIGITS: usize = 19;

/// The words of a history: what it calls values that are no integers of 64 bits, each with a number that no integer of
/// the history has. Two values have one number if and only if they are equal.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Words {
    numbers: BTreeMap<String, i64>,
    spelled: BTreeMap<i64, String>,
    /// Integers that occur and might be taken for words.
    taken: BTreeSet<i64>,
}

impl Words {
    /// For the history in this text, before any value of it is read.
    pub(super) fn of(text: &str) -> Self {
        let taken = digits(text).filter_map(|(from, to)| text[..to].get(from.checked_sub(1)?..)?.parse().ok());
        Self { taken: taken.collect(), ..Self::default() }
    }

    /// The number of a value, from its identity (equal values have equal ones) and how it is spelled. Numbers count from the
    /// least integer of 64 bits on, which is as far as can be from those that histories have.
    pub(super) fn number(&mut self, identity: String, spelled: impl FnOnce() -> String) -> i64 {
        if let Some(&number) = self.numbers.get(&identity) {
            return number;
        }
        let last = self.spelled.last_key_value().map(|(&number, _)| number);
        let mut number = last.map_or(i64::MIN, |last| last + 1);
        while self.taken.contains(&number) {
            number += 1;
        }
        self.spelled.insert(number, spelled());
        self.numbers.insert(identity, number);
        number
    }

    /// Whether all values are integers, nil, and lists of integers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spelled.is_empty()
    }

    /// What a number stands for, as the history spells it where it is first found.
    #[must_use]
    pub fn spelled(&self, number: i64) -> Option<&str> {
        self.spelled.get(&number).map(String::as_str)
    }

    /// A text that speaks of the values of the history, in the words of the history.
    #[must_use]
    pub fn tell(&self, text: &str) -> String {
        if self.is_empty() {
            return text.to_owned();
        }
        let (mut told, mut rest) = (String::new(), 0);
        for (from, to) in digits(text) {
            let before = &text[rest..from];
            let Some(before) = before.strip_suffix('-').filter(|before| !before.ends_with(char::is_alphanumeric))
            else {
                continue;
            };
            let number = text[from - 1..to].parse().ok();
            if let Some(word) = number.and_then(|number| self.spelled(number)) {
                told.push_str(before);
                told.push_str(word);
                rest = to;
            }
        }
        told + &text[rest..]
    }
}

/// Where the digits of long numbers stand in a text.
fn digits(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let from = at + bytes.get(at..)?.iter().position(u8::is_ascii_digit)?;
            let length = bytes[from..].iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len() - from);
            at = from + length;
            if length >= DIGITS {
                return Some((from, at));
            }
        }
    })
}
