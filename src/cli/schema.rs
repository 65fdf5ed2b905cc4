//! `partita schema`: the JSON Schema of scenario files.

use crate::scenario::{Registry, Scenario};

use super::output::{Failure, Output};

/// Prints the schema.
pub(super) fn schema(registry: &Registry, output: &mut Output<'_>) -> Result<u8, Failure> {
    output.say(&format!("{:#}\n", Scenario::schema(registry)))?;
    Ok(0)
}
