//! Plots of a sweep for papers: curves with their intervals, heat maps, distributions of latency. Each is one SVG file.

mod chart;
mod heat;
mod svg;

use crate::explore::{Estimate, Latencies, Moment, Summary, Unit};
use crate::kernel::Span;
use crate::scenario::duration;

use super::json::plain;
use super::sweep::PointSummary;
use chart::{Chart, Curve, decades};
use heat::HeatMap;

/// What is plotted.
#[derive(Clone, Copy)]
pub struct Plotted<'a> {
    /// What the scenario is called.
    pub scenario: &'a str,
    /// The points of the grid, with what was set there and what its runs came to.
    pub points: &'a [PointSummary],
    /// The latencies of each point.
    pub latencies: &'a [Latencies],
    /// How each point went over time, if that was kept.
    pub moments: &'a [Vec<Moment>],
}

/// The figures that are drawn over what was varied: a file's name, what it is in words, and where a summary has it.
type Drawn = (&'static str, &'static str, fn(&Summary) -> Option<Estimate>);

const DRAWN: [Drawn; 2] = [
    ("holding", "share of runs that hold", |summary| summary.holding),
    ("availability", "availability", |summary| summary.availability),
];

/// The plots that these runs allow, by the names of their files.
#[must_use]
pub fn plots(plotted: Plotted<'_>) -> Vec<(String, String)> {
    let mut files = vec![("latency-cdf.svg".to_owned(), distributions(plotted))];
    match plotted.points.first().map_or(0, |point| point.values.len()) {
        1 => {
            let curve = |(file, says, of): Drawn| (format!("{file}.svg"), over_value(plotted, says, of));
            files.extend(DRAWN.map(curve));
            files.push(("latency.svg".to_owned(), latency_over_value(plotted)));
        }
        2 => files.extend(DRAWN.map(|(file, says, of)| (format!("{file}-heat.svg"), heat(plotted, says, of)))),
        _ => {}
    }
    if plotted.moments.iter().any(|moments| !moments.is_empty()) {
        files.push(("availability-over-time.svg".to_owned(), availability_over_time(plotted)));
        files.push(("latency-over-time.svg".to_owned(), latency_over_time(plotted)));
    }
    files
}

/// What was set at a point.
fn label(point: &PointSummary) -> String {
    let values: Vec<_> = point.values.iter().map(|(_, value)| plain(value)).collect();
    if values.is_empty() { "all runs".to_owned() } else { values.join(", ") }
}

/// Where a value stands on an axis, if it is a number, a percentage or a time.
fn position(value: &str) -> Option<f64> {
    let value = plain(value);
    let percentage = value.strip_suffix('%').and_then(|number| number.parse::<f64>().ok()).map(|number| number / 1e2);
    let time = || duration(&value).ok().map(|span| span.as_nanos() as f64);
    value.parse().ok().or(percentage).or_else(time)
}

/// The places of the points on an axis: by their values, or one after the other if some are no numbers.
fn places(points: &[PointSummary]) -> Vec<f64> {
    let by_value: Option<Vec<f64>> =
        points.iter().map(|point| point.values.first().and_then(|(_, value)| position(value))).collect();
    by_value.unwrap_or_else(|| (0..points.len()).map(|place| place as f64).collect())
}

fn varied(plotted: Plotted<'_>, dimension: usize) -> String {
    plotted
        .points
        .first()
        .and_then(|point| point.values.get(dimension))
        .map_or_else(String::new, |(name, _)| name.clone())
}

fn chart_over_value(plotted: Plotted<'_>, y: &str, unit: Unit, curves: Vec<Curve>) -> String {
    let marks = places(plotted.points).into_iter().zip(plotted.points.iter().map(label)).collect();
    let chart = Chart {
        title: plotted.scenario.to_owned(),
        x: varied(plotted, 0),
        marks,
        is_logarithmic: false,
        y: y.to_owned(),
        unit,
        curves,
    };
    chart.draw()
}

/// A rate over what was varied, with its interval.
fn over_value(plotted: Plotted<'_>, says: &str, of: fn(&Summary) -> Option<Estimate>) -> String {
    let places = places(plotted.points);
    let estimates: Vec<_> =
        places.iter().zip(plotted.points).filter_map(|(&place, point)| Some((place, of(&point.summary)?))).collect();
    chart_over_value(plotted, says, Unit::Share, vec![estimated(says.to_owned(), &estimates)])
}

/// A curve of estimates.
fn estimated(name: String, estimates: &[(f64, Estimate)]) -> Curve {
    let points = estimates.iter().map(|&(x, estimate)| (x, estimate.value)).collect();
    let within = |&(x, Estimate { low, high, .. }): &(f64, Estimate)| (x, low.max(0.0), high.min(1.0));
    Curve { name, points, band: estimates.iter().map(within).collect(), has_dots: true }
}

fn latency_over_value(plotted: Plotted<'_>) -> String {
    let places = places(plotted.points);
    let curve = |&(name, share): &(&str, f64)| {
        let quantile = |(&place, latencies): (&f64, &Latencies)| Some((place, answered(latencies.quantile(share)?)?));
        let points = places.iter().zip(plotted.latencies).filter_map(quantile).collect();
        Curve { name: name.to_owned(), points, band: Vec::new(), has_dots: true }
    };
    let curves = QUANTILES.iter().map(curve).collect();
    chart_over_value(plotted, "latency, all runs together", Unit::Time, curves)
}

const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)];

/// A latency that came to an end: for ever has no place on an axis.
fn answered(nanos: u64) -> Option<f64> {
    (nanos != u64::MAX).then_some(nanos as f64)
}

/// The share of operations that were answered within each latency. What never was keeps a curve below 100%.
fn distributions(plotted: Plotted<'_>) -> String {
    let curve = |(point, latencies): (&PointSummary, &Latencies)| {
        let points = latencies.distribution().into_iter().map(|(nanos, share)| (nanos as f64, share)).collect();
        Curve { name: label(point), points, band: Vec::new(), has_dots: false }
    };
    let curves: Vec<Curve> = plotted.points.iter().zip(plotted.latencies).map(curve).collect();
    let nanos = curves.iter().flat_map(|curve| curve.points.iter().map(|&(nanos, _)| nanos));
    let chart = Chart {
        title: plotted.scenario.to_owned(),
        x: "latency".to_owned(),
        marks: decades(nanos),
        is_logarithmic: true,
        y: "share of operations answered within it".to_owned(),
        unit: Unit::Share,
        curves,
    };
    chart.draw()
}

fn heat(plotted: Plotted<'_>, says: &str, of: fn(&Summary) -> Option<Estimate>) -> String {
    let values = |dimension: usize| {
        let mut values: Vec<String> = Vec::new();
        for value in plotted.points.iter().map(|point| &point.values[dimension].1) {
            if !values.contains(value) {
                values.push(value.clone());
            }
        }
        values
    };
    let (columns, rows) = (values(0), values(1));
    let cell = |column: &String, row: &String| {
        let is_here = |point: &&PointSummary| point.values[0].1 == *column && point.values[1].1 == *row;
        plotted.points.iter().find(is_here).and_then(|point| of(&point.summary)).map(|estimate| estimate.value)
    };
    let cells = rows.iter().map(|row| columns.iter().map(|column| cell(column, row)).collect()).collect();
    let plain = |values: &[String]| values.iter().map(|value| plain(value)).collect();
    let map = HeatMap {
        title: format!("{}: {says}", plotted.scenario),
        x: (varied(plotted, 0), plain(&columns)),
        y: (varied(plotted, 1), plain(&rows)),
        cells,
    };
    map.draw()
}

fn chart_over_time(plotted: Plotted<'_>, y: &str, unit: Unit, curves: Vec<Curve>) -> String {
    let longest = plotted.moments.iter().max_by_key(|moments| moments.len()).map_or(&[][..], Vec::as_slice);
    let mark = |moment: &Moment| (moment.start_ns as f64, Span::from_nanos(moment.start_ns).to_string());
    let chart = Chart {
        title: plotted.scenario.to_owned(),
        x: "time".to_owned(),
        marks: longest.iter().map(mark).collect(),
        is_logarithmic: false,
        y: y.to_owned(),
        unit,
        curves,
    };
    chart.draw()
}

fn availability_over_time(plotted: Plotted<'_>) -> String {
    let curve = |(point, moments): (&PointSummary, &Vec<Moment>)| {
        let estimate = |moment: &Moment| Some((moment.start_ns as f64, moment.availability?));
        let estimates: Vec<_> = moments.iter().filter_map(estimate).collect();
        Curve { has_dots: false, ..estimated(label(point), &estimates) }
    };
    let curves = plotted.points.iter().zip(plotted.moments).map(curve).collect();
    chart_over_time(plotted, "availability, mean of the runs", Unit::Share, curves)
}

fn latency_over_time(plotted: Plotted<'_>) -> String {
    let several = plotted.points.len() > 1;
    let curves = plotted.points.iter().zip(plotted.moments).flat_map(|(point, moments)| {
        [("p50", 0.5), ("p99", 0.99)].map(|(name, share)| {
            let quantile =
                |moment: &Moment| Some((moment.start_ns as f64, answered(moment.latencies.quantile(share)?)?));
            let name = if several { format!("{name} {}", label(point)) } else { name.to_owned() };
            Curve { name, points: moments.iter().filter_map(quantile).collect(), band: Vec::new(), has_dots: false }
        })
    });
    chart_over_time(plotted, "latency, all runs together", Unit::Time, curves.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_find_their_places() {
        let check = |value: &str, expected| assert_eq!(position(value), expected, "{value}");
        check("0.25", Some(0.25));
        check("\"5%\"", Some(0.05));
        check("\"20ms\"", Some(2e7));
        check("\"lease\"", None);
    }
}
