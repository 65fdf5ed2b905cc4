//! `partita list`: what is inside the binary.

use clap::Args;

use crate::fault::families_page;
use crate::scenario::{Registry, points_page};

use super::bundled;
use super::output::{Failure, Output};

/// Shows the bundled scenarios and the kinds of service.
#[derive(Args)]
pub(super) struct Arguments {
    /// Shows the families of faults instead, as the page docs/faults.md
    #[arg(long)]
    faults: bool,
    /// Shows the points of the kinds of service instead, as the page docs/points.md
    #[arg(long, conflicts_with = "faults")]
    points: bool,
}

/// One line for each bundled scenario, then one for each kind of service.
pub(super) fn list(registry: &Registry, arguments: &Arguments, output: &mut Output<'_>) -> Result<u8, Failure> {
    if arguments.faults {
        return output.say(&families_page()).map(|()| 0);
    }
    if arguments.points {
        return output.say(&points_page(registry)).map(|()| 0);
    }
    let widest = bundled::SCENARIOS.iter().map(|bundled| bundled.name.len()).max().unwrap_or_default();
    output.say("scenarios:\n")?;
    for bundled in bundled::SCENARIOS {
        let title: serde_json::Value = serde_json::from_str(bundled.text).unwrap_or_default();
        let title = title["title"].as_str().unwrap_or("?").to_owned();
        output.say(&format!("  {:<widest$}  {title}\n", bundled.name))?;
    }
    output.say("\nkinds of service:\n")?;
    for (name, doc) in registry.names() {
        output.say(&format!("  {name:<widest$}  {doc}\n"))?;
    }
    output.say("\npoints where a rare thing may happen (\"maybe\"), by kind:\n")?;
    for (kind, points) in registry.rare_points().filter(|(_, points)| !points.is_empty()) {
        let names: Vec<_> = points.iter().map(|point| point.name).collect();
        output.say(&format!("  {kind:<widest$}  {}\n", names.join(", ")))?;
    }
    output.hint(&format!("\nrun one: {} run first/majority-register", output.program));
    Ok(0)
}
