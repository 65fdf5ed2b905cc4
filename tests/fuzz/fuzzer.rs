//! A fuzzer in safe, stable Rust: it damages real inputs, and keeps those that a target answers in a new way.
//!
//! After AFL (Zalewski, technical details, "Detecting new behaviors"), with what a target says instead of its branches: an
//! input whose answer has a new shape joins the corpus, so that the next damage begins beyond the check that it passed.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use partita::kernel::{Draw, SplitMix64};

/// Damages that are done to an input at most, one on top of the other.
const MOST_DAMAGES: u64 = 5;

/// An input grows no longer than this.
const LONGEST: usize = 1 << 16;

/// Inputs that are kept, the real ones included.
const MOST_KEPT: usize = 1_000;

/// One input in two is one of the last so many that were kept: they lead further than the others.
const NEWEST: usize = 16;

/// What of an answer makes its shape.
const LINES_OF_SHAPE: usize = 2;
const LONGEST_SHAPE: usize = 100;

/// Attempts to make an input that panics smaller.
const SHRINKING: usize = 2_000;

/// Numbers that are too large, too small or not quite numbers.
const NUMBERS: [&str; 14] = [
    "-1",
    "0",
    "1e9",
    "1e999",
    "0.1",
    "-0.0",
    "18446744073709551615",
    "18446744073709551616",
    "9223372036854775807",
    "-9223372036854775808",
    "99999999999999999999999999",
    "NaN",
    "00",
    "1_000",
];

/// Repeated, they nest.
const NESTS: [&str; 6] = ["[", "{\"a\":", "(", "#{", "#_", "{:a "];

pub struct Fuzzer {
    corpus: Vec<Vec<u8>>,
    /// What the format is made of.
    words: &'static [&'static str],
    shapes: BTreeSet<String>,
    draws: SplitMix64,
}

/// An input that makes its target panic.
#[derive(Debug)]
pub struct Panic {
    pub input: Vec<u8>,
    pub says: String,
}

impl Fuzzer {
    /// Begins with real inputs, at least one.
    pub fn new(corpus: Vec<Vec<u8>>, words: &'static [&'static str]) -> Self {
        assert!(!corpus.is_empty(), "there is nothing to damage");
        Self { corpus, words, shapes: BTreeSet::new(), draws: SplitMix64::new(20_261_123) }
    }

    /// How many answers of different shapes there were.
    pub fn shapes(&self) -> usize {
        self.shapes.len()
    }

    /// Tries the corpus, and then so many damaged inputs. The target answers what it says of an input.
    pub fn run(&mut self, cases: u64, target: impl Fn(&[u8]) -> String) -> Result<(), Panic> {
        for place in 0..self.corpus.len() {
            let input = self.corpus[place].clone();
            let answer = attempt(&target, &input).map_err(|says| Panic { input, says })?;
            self.shapes.insert(shape(&answer));
        }
        for _ in 0..cases {
            let input = self.damaged();
            match attempt(&target, &input) {
                Ok(answer) => {
                    if self.shapes.insert(shape(&answer)) && self.corpus.len() < MOST_KEPT {
                        self.corpus.push(input);
                    }
                }
                Err(_) => return Err(smallest(&target, input)),
            }
        }
        Ok(())
    }

    fn damaged(&mut self) -> Vec<u8> {
        let newest = if self.draws.below(2) == 0 { self.corpus.len().saturating_sub(NEWEST) } else { 0 };
        let mut input = self.draws.pick(&self.corpus[newest..]).cloned().unwrap_or_default();
        for _ in 0..=self.draws.below(MOST_DAMAGES) {
            self.damage(&mut input);
            input.truncate(LONGEST);
        }
        input
    }

    fn damage(&mut self, input: &mut Vec<u8>) {
        let at = self.draws.below(input.len() as u64 + 1) as usize;
        let length = self.draws.log_uniform(1, 64) as usize;
        let end = (at + length).min(input.len());
        match self.draws.below(10) {
            0 if at < input.len() => input[at] ^= 1 << self.draws.below(8),
            1 if at < input.len() => input[at] = self.draws.below(256) as u8,
            2 => drop(input.drain(at..end)),
            3 => {
                let again = input[at..end].to_vec();
                input.splice(at..at, again);
            }
            4 => {
                let other = self.draws.pick(&self.corpus).cloned().unwrap_or_default();
                let from = self.draws.below(other.len() as u64 + 1) as usize;
                let part = other[from..(from + length).min(other.len())].to_vec();
                input.splice(at..end, part);
            }
            5 => {
                let word = self.draws.pick(self.words).copied().unwrap_or_default();
                input.splice(at..at, word.bytes());
            }
            6 => self.replace(input, at, |byte| byte.is_ascii_digit(), &NUMBERS),
            7 => self.replace(input, at, |byte| byte.is_ascii_alphabetic(), self.words),
            8 => {
                let nest = self.draws.pick(&NESTS).copied().unwrap_or_default();
                let times = self.draws.log_uniform(1, 5_000) as usize;
                input.splice(at..at, nest.repeat(times).into_bytes());
            }
            _ => input.truncate(at),
        }
    }

    /// Puts another word in place of the next run of such bytes after `at`.
    fn replace(&mut self, input: &mut Vec<u8>, at: usize, belongs: fn(u8) -> bool, by: &[&str]) {
        let Some(start) = input[at..].iter().position(|&byte| belongs(byte)).map(|offset| at + offset) else {
            return;
        };
        let length = input[start..].iter().take_while(|&&byte| belongs(byte)).count();
        let word = self.draws.pick(by).copied().unwrap_or_default();
        input.splice(start..start + length, word.bytes());
    }
}

/// An answer without what varies in it: numbers, and all from the first quote of a line to its last.
fn shape(answer: &str) -> String {
    let line = |line: &str| {
        let quoted = line.find('"').unwrap_or(line.len())..line.rfind('"').unwrap_or(line.len());
        let said = [&line[..quoted.start], &line[quoted.end..]].concat();
        said.chars().filter(|letter| !letter.is_ascii_digit()).take(LONGEST_SHAPE).collect::<String>()
    };
    answer.lines().take(LINES_OF_SHAPE).map(line).collect()
}

thread_local! {
    static IS_TRYING: Cell<bool> = const { Cell::new(false) };
}

/// What the target answers, or what its panic says; the panic is not printed.
fn attempt(target: &impl Fn(&[u8]) -> String, input: &[u8]) -> Result<String, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !IS_TRYING.get() {
                usual(panic);
            }
        }));
    });
    IS_TRYING.set(true);
    let answer = catch_unwind(AssertUnwindSafe(|| target(input)));
    IS_TRYING.set(false);
    answer.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
    })
}

/// Takes pieces out of an input, ever smaller ones, as long as the target still panics.
fn smallest(target: &impl Fn(&[u8]) -> String, mut input: Vec<u8>) -> Panic {
    let mut says = attempt(target, &input).err().unwrap_or_default();
    let (mut size, mut tries) = (input.len().div_ceil(2), 0);
    while size > 0 && tries < SHRINKING {
        let mut at = 0;
        while at < input.len() && tries < SHRINKING {
            let rest = [&input[..at], &input[input.len().min(at + size)..]].concat();
            tries += 1;
            match attempt(target, &rest) {
                Err(panic) => (input, says) = (rest, panic),
                Ok(_) => at += size,
            }
        }
        size /= 2;
    }
    Panic { input, says }
}
