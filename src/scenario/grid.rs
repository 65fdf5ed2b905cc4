//! What a file says of runs of it with other values: `"sweep": { "grid": { "/network/loss": [0, 0.1] }, "repeat": 30 }`.

use serde_json::{Value, json};

use super::document::Document;
use super::file::Scenario;
use super::input::{Shape, Spanned, anything, by_pointer, count, non_empty_list, object};
use super::problem::{Problem, Problems};
use super::registry::Registry;

/// The values and seeds with which a file asks to be run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grid {
    /// What is varied; every combination of values is a point of the grid.
    pub dimensions: Vec<Dimension>,
    /// How many seeds each point is run with, from the file's seed on.
    pub repeat: u64,
}

/// Something that is varied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dimension {
    /// Where it stands in the file, as a JSON Pointer.
    pub pointer: String,
    /// The values, as JSON texts; at least one.
    pub values: Vec<String>,
}

/// A grid as it stands in a file.
pub(super) struct WrittenGrid {
    dimensions: Vec<(Spanned<String>, Vec<Spanned<Value>>)>,
    repeat: u64,
}

/// More runs of each point are a mistake.
const MOST_REPEATS: u64 = 1 << 32;

pub(super) fn grid() -> Shape<WrittenGrid> {
    object(|fields| {
        let values = non_empty_list(anything().spanned());
        let dimensions = fields.optional(
            "grid",
            "The values to be set, by the JSON Pointer of their place.",
            by_pointer(values),
            json!({}),
        );
        let repeat = fields.optional(
            "repeat",
            "How many seeds each combination of values is run with, from the file's seed on.",
            count(1..=MOST_REPEATS),
            1,
        );
        Some(WrittenGrid { dimensions: dimensions?, repeat: repeat? })
    })
}

/// Refuses to vary what a sweep decides by itself.
///
/// # Errors
/// Says why the value at this pointer is none of a grid.
pub fn check_pointer(pointer: &str) -> Result<(), String> {
    match pointer.split('/').nth(1) {
        Some("sweep") => Err("a grid cannot vary itself".to_owned()),
        Some("seed") => Err("each point is run with the same seeds: say which by --seeds, or \"repeat\"".to_owned()),
        _ => Ok(()),
    }
}

impl WrittenGrid {
    /// Tries each value by itself.
    pub(super) fn check(&self, document: &Document, registry: &Registry, problems: &mut Problems) {
        for (pointer, values) in &self.dimensions {
            if let Err(says) = check_pointer(&pointer.value) {
                problems.add(Problem::new(&pointer.place, says));
                continue;
            }
            for value in values {
                let json = value.value.to_string();
                match document.set(&pointer.value, &json) {
                    Err(says) => problems.add(Problem::new(&pointer.place, says)),
                    Ok(changed) => {
                        let Err(found) = Scenario::read_base(&changed, registry) else { continue };
                        let says = found.iter().map(|problem| problem.says.as_str()).collect::<Vec<_>>().join("; ");
                        problems.add(Problem::new(&value.place, format!("{json} at {}: {says}", pointer.value)));
                    }
                }
            }
        }
    }
}

impl From<WrittenGrid> for Grid {
    fn from(WrittenGrid { dimensions, repeat }: WrittenGrid) -> Self {
        let dimension = |(pointer, values): (Spanned<String>, Vec<Spanned<Value>>)| Dimension {
            pointer: pointer.value,
            values: values.iter().map(|value| value.value.to_string()).collect(),
        };
        Self { dimensions: dimensions.into_iter().map(dimension).collect(), repeat }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{
  "version": 1, "title": "Small", "duration": "2s",
  "services": { "store": { "majority_register": { "replicas": 3 } } },
  "network": { "loss": 0.1 },
  "sweep": GRID
}"#;

    fn read(grid: &str) -> Result<Scenario, String> {
        let text = TEXT.replace("GRID", grid);
        Scenario::parse("a.json", text.as_bytes(), &Registry::standard()).map_err(|problems| problems.to_string())
    }

    #[test]
    fn a_grid_is_read_and_stays_out_of_the_resolved_scenario() {
        let scenario =
            read(r#"{ "grid": { "/network/loss": [0, "5%"], "/duration": ["1s"] }, "repeat": 30 }"#).unwrap();
        let dimension = |pointer: &str, values: &[&str]| Dimension {
            pointer: pointer.into(),
            values: values.iter().map(|&value| value.to_owned()).collect(),
        };
        let dimensions = vec![dimension("/network/loss", &["0", "\"5%\""]), dimension("/duration", &["\"1s\""])];
        assert_eq!(scenario.grid, Some(Grid { dimensions, repeat: 30 }));
        assert_eq!(scenario.resolved.get("sweep"), None);
        assert_eq!(read("{}").unwrap().grid, Some(Grid { dimensions: Vec::new(), repeat: 1 }));
    }

    #[test]
    fn a_value_that_the_scenario_refuses_is_found_where_it_stands() {
        let check = |grid: &str, expected: &str| {
            let problems = read(grid).err().unwrap_or_else(|| panic!("{grid} is accepted"));
            assert!(problems.contains(expected), "{problems}");
        };
        check(r#"{ "grid": { "/network/loss": [0, 1.5] } }"#, "1.5 at /network/loss: expected a ratio");
        check(r#"{ "grid": { "/network/loss": [0, 1.5] } }"#, "--> a.json:5:45 (at /sweep/grid/~1network~1loss/1)");
        check(r#"{ "grid": { "/netwrok/loss": [0] } }"#, "did you mean \"network\"?");
        check(r#"{ "grid": { "network": [0] } }"#, "\"network\" is not a JSON Pointer");
        check(r#"{ "grid": { "/network/loss": [] } }"#, "expected a list that is not empty");
        check(r#"{ "grid": { "/network/loss": 0.1 } }"#, "expected a list that is not empty");
        check(r#"{ "grid": { "/sweep/repeat": [5] } }"#, "a grid cannot vary itself");
        check(r#"{ "grid": { "/seed": [5] } }"#, "each point is run with the same seeds");
        check(r#"{ "repeat": 0 }"#, "expected a whole number");
        check(r#"{ "repeats": 5 }"#, "repeats");
    }
}
