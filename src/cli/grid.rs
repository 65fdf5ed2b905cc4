//! The grid of a sweep: what the file says is varied, and what the command line says.

use std::ops::Range;

use crate::explore::Point;
use crate::scenario::{Dimension, Registry, Scenario};

use super::files;
use super::output::Failure;

/// A scenario at every point of its grid, and the seeds that its file asks for. What --vary says of a pointer goes before
/// what the file says.
pub(super) fn points(
    registry: &Registry,
    name: &str,
    changes: &[String],
    varied: &[String],
) -> Result<(Vec<Point>, Option<Range<u64>>), Failure> {
    let base = files::scenario(registry, name, changes)?;
    let seeds = base.grid.as_ref().map(|grid| base.seed..base.seed.saturating_add(grid.repeat));
    let mut dimensions = base.grid.as_ref().map_or_else(Vec::new, |grid| grid.dimensions.clone());
    for varied in varied {
        let dimension = dimension(varied)?;
        match dimensions.iter_mut().find(|found| found.pointer == dimension.pointer) {
            Some(found) => *found = dimension,
            None => dimensions.push(dimension),
        }
    }
    let combinations = combinations(&dimensions);
    let points: Result<_, _> =
        combinations.into_iter().map(|values| point(registry, name, (&base, changes), values)).collect();
    Ok((points?, seeds))
}

/// A scenario with some values set.
fn point(
    registry: &Registry,
    name: &str,
    (base, changes): (&Scenario, &[String]),
    values: Vec<(String, String)>,
) -> Result<Point, Failure> {
    // The grid was checked once; a point of it has none.
    let alone = base.grid.as_ref().map(|_| "/sweep={}".to_owned());
    let set = values.iter().map(|(pointer, value)| format!("{pointer}={value}"));
    let changes: Vec<_> = changes.iter().cloned().chain(alone).chain(set).collect();
    Ok(Point { scenario: files::scenario(registry, name, &changes)?, values })
}

/// Every combination of values; the last dimension changes fastest.
fn combinations(dimensions: &[Dimension]) -> Vec<Vec<(String, String)>> {
    let mut all = vec![Vec::new()];
    for Dimension { pointer, values } in dimensions {
        let with = |point: &Vec<(String, String)>| {
            let point = point.clone();
            values
                .iter()
                .map(move |value| point.iter().cloned().chain([(pointer.clone(), value.clone())]).collect())
                .collect::<Vec<_>>()
        };
        all = all.iter().flat_map(with).collect();
    }
    all
}

fn dimension(varied: &str) -> Result<Dimension, Failure> {
    let wrong =
        |says: &str| Failure::usage(format!("error: --vary {varied}: {says}, as in --vary /network/loss=[0,0.01]"));
    let (pointer, list) = varied.split_once('=').ok_or_else(|| wrong("write /pointer=[value, ...]"))?;
    let list: Vec<serde_json::Value> =
        serde_json::from_str(list).map_err(|error| wrong(&format!("no JSON array ({error})")))?;
    if list.is_empty() {
        return Err(wrong("at least one value is needed"));
    }
    Ok(Dimension { pointer: pointer.to_owned(), values: list.iter().map(serde_json::Value::to_string).collect() })
}
