//! Quantities with units, in exact decimal arithmetic: `"250ms"`, `"200/s"`, `"20%"`, `"4KiB"`, `"10Mbit/s"`.
//!
//! No float takes part, so what a file says is what a run uses, to the nanosecond and to the part per billion.
//! Each reader answers an exact integer or says why there is none.

use crate::host::Drift;
use crate::kernel::Span;

/// How often something happens on average: `events` in every `per`, in lowest terms, so `"0.5/s"` is 1 in 2 s.
/// At most one event a nanosecond, at least one in the longest span.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// How many events.
    pub events: u64,
    /// In which time.
    pub per: Span,
}

impl Rate {
    /// The mean time between two events, rounded to nanoseconds half up.
    #[must_use]
    pub const fn mean_interval(self) -> Span {
        // At most `per`: the quotient fits.
        Span::from_nanos(((self.per.as_nanos() as u128 + self.events as u128 / 2) / self.events as u128) as u64)
    }
}

/// A unit's name and how many of the smallest unit one of it is.
type Unit = (&'static str, u64);

const TIME_UNITS: &[Unit] = &[
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];
const RATE_UNITS: &[Unit] =
    &[("/ms", 1_000_000), ("/s", 1_000_000_000), ("/m", 60_000_000_000), ("/h", 3_600_000_000_000)];
const DRIFT_UNITS: &[Unit] = &[("ppb", 1), ("ppm", 1_000), ("%", 10_000_000)];
const SIZE_UNITS: &[Unit] = &[
    ("B", 1),
    ("kB", 1_000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
];
/// In bits a second.
const BANDWIDTH_UNITS: &[Unit] = &[
    ("bit/s", 1),
    ("kbit/s", 1_000),
    ("Mbit/s", 1_000_000),
    ("Gbit/s", 1_000_000_000),
    ("B/s", 8),
    ("kB/s", 8_000),
    ("KiB/s", 8 << 10),
    ("MB/s", 8_000_000),
    ("MiB/s", 8 << 20),
    ("GB/s", 8_000_000_000),
    ("GiB/s", 8 << 30),
];

/// One billion: ratios and drifts count parts of it.
const BILLION: u64 = 1_000_000_000;

/// A duration such as `250ms`, `1.5s`, `2m`.
///
/// # Errors
///
/// What is wrong with the text, and how to write a duration.
pub fn duration(text: &str) -> Result<Span, String> {
    let (decimal, unit) = split_unit(text, TIME_UNITS)?;
    Ok(Span::from_nanos(decimal.times(unit).map_err(|misfit| misfit.says("a nanosecond"))?))
}

/// A duration that may be negative, such as `-50ms`, in nanoseconds.
pub(super) fn signed_duration(text: &str) -> Result<i64, String> {
    let (negative, magnitude) = split_sign(text);
    signed(negative, duration(magnitude)?.as_nanos())
}

/// By how much a clock runs fast (or slow, if negative), such as `50ppm`.
pub(super) fn drift(text: &str) -> Result<Drift, String> {
    let (negative, magnitude) = split_sign(text);
    let (decimal, unit) = split_unit(magnitude, DRIFT_UNITS)?;
    let parts = decimal.times(unit).map_err(|misfit| misfit.says("a part per billion"))?;
    let says = "a clock runs forwards: its drift is above -100% and at most 1000%";
    signed(negative, parts).ok().and_then(Drift::from_ppb).ok_or_else(|| says.to_owned())
}

/// A rate such as `200/s`, `0.5/s`, `12000/m`; more than zero.
pub(super) fn rate(text: &str) -> Result<Rate, String> {
    let (decimal, unit) = split_unit(text, RATE_UNITS)?;
    if decimal.mantissa == 0 {
        return Err("a rate is more than zero".into());
    }
    // mantissa / 10^scale events in `unit`: mantissa events in unit x 10^scale.
    let (events, per) = match 10_u128.checked_pow(decimal.scale).and_then(|power| power.checked_mul(unit.into())) {
        Some(per) => (decimal.mantissa / gcd(decimal.mantissa, per), per / gcd(decimal.mantissa, per)),
        None => return Err("more decimal places than can be kept".into()),
    };
    match (u64::try_from(events), u64::try_from(per)) {
        (Ok(events), Ok(per)) if events <= per => Ok(Rate { events, per: Span::from_nanos(per) }),
        (_, Ok(_)) => Err("a rate is at most one event in a nanosecond".into()),
        (_, Err(_)) => Err("more decimal places than can be kept".into()),
    }
}

/// A percentage such as `20%` or `99.9%`, in parts per billion of one; at most 100%.
pub(super) fn percentage(text: &str) -> Result<u64, String> {
    let (decimal, unit) = split_unit(text, &[("%", 10_000_000)])?;
    ratio_of(decimal, unit)
}

/// A JSON number from 0 to 1, in parts per billion.
pub(super) fn ratio(number: &str) -> Result<u64, String> {
    ratio_of(Decimal::of_number(number)?, BILLION)
}

fn ratio_of(decimal: Decimal, unit: u64) -> Result<u64, String> {
    match decimal.times(unit) {
        Ok(parts) if parts <= BILLION => Ok(parts),
        Ok(_) | Err(Misfit::TooLarge) => Err("a ratio is at most 1, that is 100%".into()),
        Err(misfit) => Err(misfit.says("a part per billion")),
    }
}

/// A size such as `512B`, `4KiB`, `1MB`, in bytes.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let (decimal, unit) = split_unit(text, SIZE_UNITS)?;
    decimal.times(unit).map_err(|misfit| misfit.says("a byte"))
}

/// A bandwidth such as `10Mbit/s` or `1MiB/s`, in bytes a second; more than zero.
pub(super) fn bandwidth(text: &str) -> Result<u64, String> {
    let (decimal, unit) = split_unit(text, BANDWIDTH_UNITS)?;
    match decimal.times(unit).map_err(|misfit| misfit.says("a bit a second"))? {
        0 => Err("a bandwidth is more than zero".into()),
        bits if bits % 8 != 0 => Err("a bandwidth is a whole number of bytes a second".into()),
        bits => Ok(bits / 8),
    }
}

/// A whole number, however it is written: `3`, `3.0`, `3e0`.
pub(super) fn integer(number: &str) -> Result<i64, String> {
    let (negative, magnitude) = split_sign(number);
    signed(negative, Decimal::of_number(magnitude)?.times(1).map_err(|misfit| misfit.says("one"))?)
}

/// A whole number from 0, however it is written.
pub(super) fn count(number: &str) -> Result<u64, String> {
    Decimal::of_number(number)?.times(1).map_err(|misfit| misfit.says("one"))
}

fn signed(negative: bool, magnitude: u64) -> Result<i64, String> {
    let magnitude = i64::try_from(magnitude).map_err(|_| Misfit::TooLarge.says(""))?;
    Ok(if negative { -magnitude } else { magnitude })
}

fn split_sign(text: &str) -> (bool, &str) {
    text.strip_prefix('-').map_or((false, text), |magnitude| (true, magnitude))
}

/// A number without sign and exponent, then one of the units.
fn split_unit(text: &str, units: &[Unit]) -> Result<(Decimal, u64), String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, name) = text.split_at(digits);
    let decimal = Decimal::parse(number, 0);
    let unit = units.iter().find(|(unit, _)| *unit == name).map(|&(_, factor)| factor);
    match (decimal, unit) {
        (Some(decimal), Some(factor)) => Ok((decimal?, factor)),
        (Some(_), None) if name.is_empty() => Err(format!("the unit is missing: add {}", alternatives(units))),
        (Some(_), None) if name.starts_with(' ') => Err("there is no space before the unit".into()),
        (Some(_), None) => Err(format!("{name:?} is not a unit here: use {}", alternatives(units))),
        (None, _) if text.starts_with('-') => Err("it cannot be negative".into()),
        (None, _) => Err("it begins with a number such as 0.5 or 20".into()),
    }
}

fn alternatives(units: &[Unit]) -> String {
    let (last, others) = units.split_last().expect("a quantity has units");
    let others: Vec<&str> = others.iter().map(|(name, _)| *name).collect();
    if others.is_empty() { last.0.to_owned() } else { format!("{} or {}", others.join(", "), last.0) }
}

/// What a text with a unit measures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Quantity {
    Duration,
    PositiveDuration,
    SignedDuration,
    Drift,
    Rate,
    Size,
    Bandwidth,
}

/// The regular expression (ECMA 262, as JSON Schema has it) of a number with one of the quantity's units.
pub(super) fn pattern(quantity: Quantity) -> String {
    const ANY: &str = "(0|[1-9][0-9]*)(\\.[0-9]+)?";
    const POSITIVE: &str = "([1-9][0-9]*(\\.[0-9]+)?|0\\.0*[1-9][0-9]*)";
    let (number, units) = match quantity {
        Quantity::Duration => (ANY.to_owned(), TIME_UNITS),
        Quantity::PositiveDuration => (POSITIVE.to_owned(), TIME_UNITS),
        Quantity::SignedDuration => (format!("-?{ANY}"), TIME_UNITS),
        Quantity::Drift => (format!("-?{ANY}"), DRIFT_UNITS),
        Quantity::Rate => (POSITIVE.to_owned(), RATE_UNITS),
        Quantity::Size => (ANY.to_owned(), SIZE_UNITS),
        Quantity::Bandwidth => (POSITIVE.to_owned(), BANDWIDTH_UNITS),
    };
    let names: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
    format!("^{number}({})$", names.join("|"))
}

/// The regular expression of a percentage.
pub(super) const PERCENTAGE_PATTERN: &str = "^(100(\\.0+)?|[1-9]?[0-9](\\.[0-9]+)?)%$";

/// `mantissa / 10^scale`, without a trailing zero in the fraction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Decimal {
    mantissa: u128,
    scale: u32,
}

/// Why a number is no whole multiple of the smallest unit.
enum Misfit {
    TooFine,
    TooLarge,
}

impl Misfit {
    fn says(&self, smallest: &str) -> String {
        match self {
            Self::TooFine => format!("it is finer than {smallest}, the smallest step"),
            Self::TooLarge => "it is too large for 64 bits".into(),
        }
    }
}

impl Decimal {
    /// Digits with an optional fraction, times 10^exponent. Nothing if it is not that; an error if it is beyond
    /// every quantity.
    fn parse(text: &str, exponent: i32) -> Option<Result<Self, String>> {
        let (whole, fraction) = match text.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (text, ""),
        };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        if whole.is_empty() || leading_zero || !digits(whole) || !digits(fraction) {
            return None;
        }
        let all = format!("{whole}{fraction}");
        let significant = all.trim_start_matches('0').trim_end_matches('0');
        if significant.is_empty() {
            return Some(Ok(Self { mantissa: 0, scale: 0 }));
        }
        let dropped = all.len() - all.trim_end_matches('0').len();
        let scale = fraction.len() as i64 - dropped as i64 - i64::from(exponent);
        Some(Self::scaled(significant, scale))
    }

    fn scaled(significant: &str, scale: i64) -> Result<Self, String> {
        let too_large = || Misfit::TooLarge.says("");
        let mantissa: u128 = significant.parse().map_err(|_| "it has too many digits".to_owned())?;
        if scale >= 0 {
            let scale = u32::try_from(scale).map_err(|_| "it has too many digits".to_owned())?;
            return Ok(Self { mantissa, scale });
        }
        let power = u32::try_from(-scale).ok().and_then(|power| 10_u128.checked_pow(power)).ok_or_else(too_large)?;
        Ok(Self { mantissa: mantissa.checked_mul(power).ok_or_else(too_large)?, scale: 0 })
    }

    /// A number in JSON's notation.
    fn of_number(number: &str) -> Result<Self, String> {
        let (digits, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let (negative, digits) = split_sign(digits);
        if negative && digits.contains(|c| ('1'..='9').contains(&c)) {
            return Err("it cannot be negative".into());
        }
        let exponent: i32 = exponent.parse().map_err(|_| "its exponent has too many digits".to_owned())?;
        Self::parse(digits, exponent).unwrap_or_else(|| Err("it is not a number".into()))
    }

    /// How many smallest units this many units are, exactly.
    fn times(self, unit: u64) -> Result<u64, Misfit> {
        // Tens that the unit has in common with 10^scale cancel first, so nothing overflows that fits.
        let Some(power) = 10_u128.checked_pow(self.scale) else { return Err(Misfit::TooFine) };
        let common = gcd(power, unit.into());
        let (divisor, factor) = (power / common, u128::from(unit) / common);
        if !self.mantissa.is_multiple_of(divisor) {
            return Err(Misfit::TooFine);
        }
        let product = (self.mantissa / divisor).checked_mul(factor).ok_or(Misfit::TooLarge)?;
        u64::try_from(product).map_err(|_| Misfit::TooLarge)
    }
}

/// Greatest common divisor (Euclid).
const fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests;
