//! Shapes and words of an SVG file. Numbers have two decimals, so the bytes are the same on every machine.

use std::fmt::Write as _;

/// A drawing of a fixed size, in pixels.
pub(super) struct Drawing {
    body: String,
    width: f64,
    height: f64,
}

/// Where a text stands relative to its point.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// Colours that people with any colour vision tell apart (Okabe and Ito, Color Universal Design, 2008).
pub(super) const COLOURS: [&str; 8] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#888888"];

/// Dashes that tell curves apart where colours do not; the first is whole.
pub(super) const DASHES: [&str; 5] = ["", "7 3", "2 2.5", "9 3 2 3", "5 2 1.5 2 1.5 2"];

impl Drawing {
    pub(super) const fn new(width: f64, height: f64) -> Self {
        Self { body: String::new(), width, height }
    }

    pub(super) fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), class: &str) {
        let _ = writeln!(
            self.body,
            "<line class=\"{class}\" x1=\"{x1:.2}\" y1=\"{y1:.2}\" x2=\"{x2:.2}\" y2=\"{y2:.2}\"/>"
        );
    }

    /// A curve; `dash` is empty for a whole line.
    pub(super) fn polyline(&mut self, points: &[(f64, f64)], colour: &str, dash: &str) {
        let dash = if dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dash}\"") };
        let points = pairs(points);
        let _ = writeln!(self.body, "<polyline class=\"curve\" stroke=\"{colour}\"{dash} points=\"{points}\"/>");
    }

    pub(super) fn band(&mut self, points: &[(f64, f64)], colour: &str) {
        let _ = writeln!(self.body, "<polygon class=\"band\" fill=\"{colour}\" points=\"{}\"/>", pairs(points));
    }

    pub(super) fn dot(&mut self, (x, y): (f64, f64), colour: &str) {
        let _ = writeln!(self.body, "<circle class=\"dot\" cx=\"{x:.2}\" cy=\"{y:.2}\" r=\"3\" fill=\"{colour}\"/>");
    }

    pub(super) fn rectangle(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), class: &str, colour: &str) {
        let _ = writeln!(
            self.body,
            "<rect class=\"{class}\" x=\"{x:.2}\" y=\"{y:.2}\" width=\"{width:.2}\" height=\"{height:.2}\" fill=\"{colour}\"/>"
        );
    }

    pub(super) fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escaped(text);
        let _ = writeln!(
            self.body,
            "<text class=\"{class}\" x=\"{x:.2}\" y=\"{y:.2}\" text-anchor=\"{anchor}\">{text}</text>"
        );
    }

    /// A text that reads upwards.
    pub(super) fn upright(&mut self, (x, y): (f64, f64), text: &str) {
        let text = escaped(text);
        let _ = writeln!(
            self.body,
            "<text class=\"label\" transform=\"translate({x:.2} {y:.2}) rotate(-90)\" text-anchor=\"middle\">{text}</text>"
        );
    }

    pub(super) fn finish(self) -> String {
        let Self { body, width, height } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
             <style>\n\
             text {{ font-family: Helvetica, Arial, sans-serif; font-size: 12px; fill: #222 }}\n\
             .title {{ font-size: 14px; font-weight: bold }}\n\
             .axis {{ stroke: #222 }}\n\
             .grid {{ stroke: #ddd }}\n\
             .curve {{ fill: none; stroke-width: 2; stroke-linejoin: round }}\n\
             .band {{ fill-opacity: 0.2 }}\n\
             .light {{ fill: #fff }}\n\
             </style>\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n{body}</svg>\n"
        )
    }
}

fn pairs(points: &[(f64, f64)]) -> String {
    points.iter().map(|(x, y)| format!("{x:.2},{y:.2}")).collect::<Vec<_>>().join(" ")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
