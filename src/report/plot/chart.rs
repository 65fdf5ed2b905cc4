//! Curves with their bands in a frame.

use crate::explore::Unit;

use super::super::paired::words;
use super::svg::{Anchor, COLOURS, DASHES, Drawing};

/// Curves over one axis.
pub(super) struct Chart {
    pub(super) title: String,
    /// What is on the horizontal axis, where its marks are, and what they say.
    pub(super) x: String,
    pub(super) marks: Vec<(f64, String)>,
    /// Whether equal distances on it are equal factors.
    pub(super) is_logarithmic: bool,
    pub(super) y: String,
    pub(super) unit: Unit,
    pub(super) curves: Vec<Curve>,
}

/// One curve.
pub(super) struct Curve {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
    /// Where its interval lies: a place, the lower end, the upper one.
    pub(super) band: Vec<(f64, f64, f64)>,
    /// Whether each point is marked: few measured ones are, the many of a distribution are not.
    pub(super) has_dots: bool,
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 100.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 52.0;
const RIGHT: f64 = 20.0;
/// What the legend takes on the right.
const LEGEND: f64 = 150.0;
/// About how many marks fit on an axis.
const MARKS: usize = 8;

/// From values to places on the drawing.
struct Frame {
    x: (f64, f64),
    y: (f64, f64),
    is_logarithmic: bool,
    right: f64,
}

impl Frame {
    fn x(&self, value: f64) -> f64 {
        let scale = |value: f64| if self.is_logarithmic { libm::log10(value.max(1.0)) } else { value };
        let (low, high) = (scale(self.x.0), scale(self.x.1));
        let share = if high > low { (scale(value) - low) / (high - low) } else { 0.5 };
        LEFT + share * (self.right - LEFT)
    }

    fn y(&self, value: f64) -> f64 {
        let (low, high) = self.y;
        HEIGHT - BOTTOM - (value.clamp(low, high) - low) / (high - low) * (HEIGHT - BOTTOM - TOP)
    }
}

impl Chart {
    pub(super) fn draw(&self) -> String {
        let mut drawing = Drawing::new(WIDTH, HEIGHT);
        let has_legend = self.curves.len() > 1;
        let right = WIDTH - RIGHT - if has_legend { LEGEND } else { 0.0 };
        let ends = |curve: &Curve| curve.band.iter().flat_map(|&(_, low, high)| [low, high]).collect::<Vec<_>>();
        let values = || self.curves.iter().flat_map(|curve| curve.points.iter());
        let heights = values().map(|&(_, y)| y).chain(self.curves.iter().flat_map(ends));
        let ticks = ticks(range(heights), self.unit);
        let frame = Frame {
            x: range(values().map(|&(x, _)| x).chain(self.marks.iter().map(|&(x, _)| x))),
            y: (ticks[0], ticks[ticks.len() - 1]),
            is_logarithmic: self.is_logarithmic,
            right,
        };
        drawing.text((LEFT, 22.0), Anchor::Start, "title", &self.title);
        self.axes(&mut drawing, &frame, &ticks);
        for (number, curve) in self.curves.iter().enumerate() {
            let (colour, dash) = (COLOURS[number % COLOURS.len()], DASHES[number % DASHES.len()]);
            let place = |&(x, y): &(f64, f64)| (frame.x(x), frame.y(y));
            let upper = curve.band.iter().map(|&(x, _, high)| place(&(x, high)));
            let lower = curve.band.iter().rev().map(|&(x, low, _)| place(&(x, low)));
            let band: Vec<_> = upper.chain(lower).collect();
            if !band.is_empty() {
                drawing.band(&band, colour);
            }
            let points: Vec<_> = curve.points.iter().map(place).collect();
            drawing.polyline(&points, colour, dash);
            if curve.has_dots {
                points.iter().for_each(|&point| drawing.dot(point, colour));
            }
            if has_legend {
                let y = TOP + 10.0 + 18.0 * number as f64;
                let is_empty = curve.points.is_empty();
                if !is_empty {
                    drawing.polyline(&[(right + 14.0, y), (right + 38.0, y)], colour, dash);
                }
                // Of a curve without a point it is better said than looked for.
                let name = if is_empty { format!("{}: never", curve.name) } else { curve.name.clone() };
                drawing.text((right + 44.0, y + 4.0), Anchor::Start, "label", &name);
            }
        }
        drawing.finish()
    }

    fn axes(&self, drawing: &mut Drawing, frame: &Frame, ticks: &[f64]) {
        let floor = HEIGHT - BOTTOM;
        for &tick in ticks {
            let y = frame.y(tick);
            drawing.line((LEFT, y), (frame.right, y), "grid");
            drawing.text((LEFT - 8.0, y + 4.0), Anchor::End, "label", &words(tick, self.unit));
        }
        let every = self.marks.len().div_ceil(MARKS).max(1);
        for (x, says) in self.marks.iter().step_by(every) {
            let x = frame.x(*x);
            drawing.line((x, floor), (x, floor + 5.0), "axis");
            drawing.text((x, floor + 19.0), Anchor::Middle, "label", says);
        }
        drawing.line((LEFT, floor), (frame.right, floor), "axis");
        drawing.line((LEFT, TOP), (LEFT, floor), "axis");
        drawing.text(((LEFT + frame.right) / 2.0, HEIGHT - 12.0), Anchor::Middle, "label", &self.x);
        drawing.upright((18.0, (TOP + floor) / 2.0), &self.y);
    }
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let fold = |(low, high): (f64, f64), value: f64| (low.min(value), high.max(value));
    let (low, high) = values.filter(|value| value.is_finite()).fold((f64::INFINITY, f64::NEG_INFINITY), fold);
    if low <= high { (low, high) } else { (0.0, 1.0) }
}

/// Round numbers from just below to just above a range, a few of them; a share never leaves 0 to 1.
fn ticks((low, high): (f64, f64), unit: Unit) -> Vec<f64> {
    let width = if high > low { high - low } else { high.abs().max(1.0) * 0.01 };
    let rough = width / 5.0;
    let power = libm::pow(10.0, libm::floor(libm::log10(rough)));
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|&step| step >= rough);
    let step = step.unwrap_or(power);
    let (first, last) = (libm::floor(low / step) as i64, libm::ceil(high / step) as i64);
    let last = last.max(first + 1);
    let mut ticks: Vec<f64> = (first..=last).map(|number| number as f64 * step).collect();
    if unit == Unit::Share {
        let most = 1.0 + step * 1e-6;
        ticks.retain(|&tick| (-step * 1e-6..=most).contains(&tick));
        if ticks.len() < 2 {
            ticks = vec![(1.0 - step).max(0.0), 1.0];
        }
    }
    ticks
}

/// The decades over a range of nanoseconds.
pub(super) fn decades(values: impl Iterator<Item = f64>) -> Vec<(f64, String)> {
    let (low, high) = range(values);
    let (first, last) =
        (libm::floor(libm::log10(low.max(1.0))) as i32, libm::ceil(libm::log10(high.max(1.0))) as i32);
    let mark = |power: i32| {
        let value = libm::pow(10.0, f64::from(power));
        (value, words(value, Unit::Time))
    };
    (first..=last).map(mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_range() {
        let check = |range, unit, expected: &[f64]| {
            let found = ticks(range, unit);
            assert_eq!(found.len(), expected.len(), "{found:?}");
            found.iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-9, "{found:?}"));
        };
        check((0.0, 1.0), Unit::Share, &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        check((0.93, 1.0), Unit::Share, &[0.92, 0.94, 0.96, 0.98, 1.0]);
        check((3.0, 47.0), Unit::Count, &[0.0, 10.0, 20.0, 30.0, 40.0, 50.0]);
        check((5.0, 5.0), Unit::Count, &[5.0, 5.01]);
        assert!(ticks((1.0, 1.0), Unit::Share).windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn decades_are_said_as_times() {
        let marks = decades([2e6, 3e7].into_iter());
        assert_eq!(marks.iter().map(|(_, says)| says.as_str()).collect::<Vec<_>>(), ["1ms", "10ms", "100ms"]);
    }
}
