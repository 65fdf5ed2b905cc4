//! The command line through the real binary: what it prints where, which code it ends with, which files it writes.

#[path = "cli/bad_input.rs"]
mod bad_input;
#[path = "cli/commands.rs"]
mod commands;
#[path = "cli/corpus.rs"]
mod corpus;
#[path = "cli/explore.rs"]
mod explore;
#[path = "cli/harness.rs"]
mod harness;
#[path = "cli/history.rs"]
mod history;
#[cfg(target_os = "linux")]
#[path = "cli/interruption.rs"]
mod interruption;
#[path = "cli/page.rs"]
mod page;
#[path = "cli/paired.rs"]
mod paired;
#[path = "cli/plot.rs"]
mod plot;
#[path = "cli/results.rs"]
mod results;
#[path = "cli/shrink.rs"]
mod shrink;
#[path = "cli/side_by_side.rs"]
mod side_by_side;
#[path = "cli/streams.rs"]
mod streams;
#[path = "cli/sweep.rs"]
mod sweep;
#[path = "cli/sweep_folders.rs"]
mod sweep_folders;
#[path = "cli/sweep_says.rs"]
mod sweep_says;
#[path = "cli/tolerate.rs"]
mod tolerate;
#[path = "cli/trace.rs"]
mod trace;
