//! `partita plot`: figures for papers from a sweep.

use std::path::PathBuf;

use clap::Args;

use crate::explore::{over_time, pooled};
use crate::kernel::Span;
use crate::report::{Plotted, plots};

use super::files;
use super::journal;
use super::many::share;
use super::output::{Failure, Output};
use super::sweep::summaries;

/// Draws what a sweep came to: SVG files, the same bytes each time.
///
/// Always the distribution of latency; over one varied value the share of runs that hold, availability and latency, with their
/// intervals; over two values heat maps; and, of a sweep with --series, availability and latency over time.
#[derive(Args)]
pub(super) struct Arguments {
    /// The folder of a sweep: what `sweep --out` or `collect` wrote.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Where the files go; without it, into the folder `plots` there.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The confidence of the intervals.
    #[arg(long, value_name = "SHARE", default_value = "0.95", value_parser = share)]
    confidence: f64,
}

pub(super) fn plot(arguments: &Arguments, output: &mut Output<'_>) -> Result<u8, Failure> {
    let folder = &arguments.folder;
    let Some((header, rows)) = journal::read(folder)? else {
        return Err(Failure::usage(format!("error: {} holds no sweep", folder.display())));
    };
    let points = summaries(&header, &rows, arguments.confidence);
    let of = |point: usize| rows.values().filter(move |row| row.point == point);
    let latencies: Vec<_> = (0..points.len()).map(|point| pooled(of(point))).collect();
    let bucket = header.detail.bucket_ns.map(Span::from_nanos);
    let moments = |point| bucket.map_or_else(Vec::new, |width| over_time(of(point), width, arguments.confidence));
    let moments: Vec<_> = (0..points.len()).map(moments).collect();
    let drawn =
        plots(Plotted { scenario: &header.scenario, points: &points, latencies: &latencies, moments: &moments });
    let out = arguments.out.clone().unwrap_or_else(|| folder.join("plots"));
    std::fs::create_dir_all(&out).map_err(|error| Failure::io("make the folder", &out, &error))?;
    for (name, svg) in drawn {
        let path = out.join(name);
        files::write(&path, svg.as_bytes())?;
        output.say(&format!("{}\n", path.display()))?;
    }
    Ok(0)
}
