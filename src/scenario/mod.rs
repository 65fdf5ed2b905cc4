//! Floor 6: the scenario file: spanned tree, problems with positions, units, shapes that read and describe.
//!
//! Absent here: the file system and the terminal. A file arrives as bytes; problems are drawn by `cli`.

mod chaos;
mod choices;
mod clients;
mod coverage;
mod distribution;
mod document;
mod evidence;
mod faults;
mod file;
mod grid;
mod hypothesis;
pub mod input;
mod judge;
mod kinds;
mod layout;
mod nemesis;
mod network;
mod parse;
mod points;
mod problem;
mod reach;
mod recovery;
mod registry;
mod resolve;
mod run;
mod scheduling;
mod settling;
mod tree;
mod trigger;
mod units;
mod vary;

pub use choices::{Choice, RunInProgress};
pub use coverage::{Aspect, Covered};
pub use distribution::distribution;
pub use document::Document;
pub use file::{Scenario, VERSION};
pub use grid::{Dimension, Grid, check_pointer};
pub use hypothesis::Hypothesis;
pub use points::points_page;
pub use problem::{Place, Problem, Problems, Source, closest};
pub use registry::{Deployable, Registry, Watched};
pub use resolve::scripted;
pub use run::{Home, Run, RunError, RunOptions};
pub use tree::{Member, Node, Tree};
pub use units::{Rate, duration};
