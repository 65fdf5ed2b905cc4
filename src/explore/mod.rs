//! Floor 7: runs beside other runs, and the only floor with threads below the command line.
//!
//! Absent here: another way to run a scenario. Everything goes through [`crate::scenario::Scenario::run`]. Files and
//! progress are the command line's.

mod corpus;
mod coverage;
mod detail;
mod determinism;
mod exhaustive;
mod figures;
mod latencies;
mod paired;
mod row;
mod shrink;
mod statistics;
mod summary;
mod sweep;
mod tolerance;

pub use corpus::{Entry, Outcome, Replay, merge};
pub use coverage::{Coverage, Plateau, Sight};
pub use detail::{Asked, Bucket, Detail, Moment, WithinRun, over_time};
pub use determinism::{Difference, check_determinism, first_difference};
pub use exhaustive::{Exhaustive, Exploration, ExploreError, Extent, FoundFailure, Level};
pub use figures::{FigureMean, figure_means};
pub use latencies::{Counts, Latencies, histogram_log};
pub use paired::{Paired, PairedFigure};
pub use row::{Failure, Measure, Row, Unit, figure_columns};
pub use shrink::{ShrinkError, Shrinking, Shrunk, Size, shrink};
pub use statistics::{Estimate, PairedCounts, batch_interval, mean, observations_for_width, rate, trials_for_width};
pub use summary::{FailureGroup, Summary, pooled};
pub use sweep::{Discord, Point, Shard, Sweep, SweepError};
pub use tolerance::{Endurance, Scale, Search, SequentialTest, TestedPoint, Tolerance, Trial};
