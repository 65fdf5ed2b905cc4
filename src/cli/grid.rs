//! The grid of a sweep: what the file says is varied, and what the command line says.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::explore::Point;
use crate::scenario::{Dimension, Grid, Registry, Scenario, check_pointer};

use super::files;
use super::output::Failure;

/// A grid of more points is a mistake.
const MOST_POINTS: usize = 1 << 16;

/// A scenario at every point of its grid, and the seeds that its file asks for. What --vary says of a pointer goes before
/// what the file says.
pub(super) fn points(
    registry: &Registry,
    name: &str,
    changes: &[String],
    varied: &[String],
) -> Result<(Vec<Point>, Option<Range<u64>>), Failure> {
    let base = files::scenario(registry, name, changes)?;
    let last = |grid: &Grid| {
        let says = "error: there are not so many seeds from the file's on: its \"repeat\" goes beyond 2^64";
        base.seed.checked_add(grid.repeat).ok_or_else(|| Failure::usage(says))
    };
    let seeds = base.grid.as_ref().map(|grid| Ok(base.seed..last(grid)?)).transpose()?;
    let mut dimensions = base.grid.as_ref().map_or_else(Vec::new, |grid| grid.dimensions.clone());
    let mut said = BTreeSet::new();
    for varied in varied {
        let dimension = dimension(varied)?;
        if !said.insert(dimension.pointer.clone()) {
            let pointer = &dimension.pointer;
            let says = format!(
                "error: --vary {pointer} is said twice: write all its values into one, as in {pointer}=[1,2]"
            );
            return Err(Failure::usage(says));
        }
        match dimensions.iter_mut().find(|found| found.pointer == dimension.pointer) {
            Some(found) => *found = dimension,
            None => dimensions.push(dimension),
        }
    }
    let count = dimensions.iter().try_fold(1usize, |count, dimension| count.checked_mul(dimension.values.len()));
    if count.is_none_or(|count| count > MOST_POINTS) {
        let sizes: Vec<_> = dimensions.iter().map(|dimension| dimension.values.len().to_string()).collect();
        let says = format!("error: a grid of {} points is too large: at most {MOST_POINTS}", sizes.join(" x "));
        return Err(Failure::usage(says));
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
    let changes: Vec<_> = changes.iter().cloned().chain(alone).collect();
    Ok(Point { scenario: files::varied(registry, name, &changes, &values)?, values })
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
    check_pointer(pointer).map_err(|says| Failure::usage(format!("error: --vary {varied}: {says}")))?;
    Ok(Dimension { pointer: pointer.to_owned(), values: list.iter().map(serde_json::Value::to_string).collect() })
}
