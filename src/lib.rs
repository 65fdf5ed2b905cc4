//! Partita, a deterministic simulator of distributed systems.
//!
//! A scenario says which services run, who calls them, what breaks and what is expected to hold; one seed
//! decides everything else. The same scenario and seed give the same run, event for event, on every machine.
//!
//! ```
//! use partita::check::Verdict;
//! use partita::scenario::{Registry, RunOptions, Scenario};
//!
//! let file = br#"{
//!     "version": 1,
//!     "title": "A replica is cut off from the others",
//!     "duration": "2s",
//!     "services": { "store": { "majority_register": { "replicas": 3 } } },
//!     "clients": {
//!         "shoppers": {
//!             "calls": "store",
//!             "arrivals": { "poisson": "100/s" },
//!             "operations": { "read": 1, "write": 1 }
//!         }
//!     },
//!     "faults": [{ "partition": { "groups": [["store-2"], "rest"], "at": "500ms", "for": "1s" } }],
//!     "hypothesis": { "always": ["linearizable", "lost_writes"] }
//! }"#;
//! let scenario = Scenario::parse("cut.json", file, &Registry::standard())?;
//! let play = || scenario.run(RunOptions { seed: 7, keep_trace: false });
//! let run = play()?;
//! assert_eq!(run.verdict, Verdict::Holds);
//! assert!(run.faults[0].touched > 0);
//! assert_eq!(run.digest().value(), play()?.digest().value());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to begin
//!
//! - To run scenarios: the program `partita`, or [`scenario::Scenario`] as above.
//! - To write a protocol: [`host::Node`] is the trait that it implements, [`store::Protocol`] makes a kind of service of it, and
//!   [`scenario::Registry`] gives that kind a name in scenario files. A binary that hands its registry to
#![cfg_attr(feature = "cli", doc = "  [`cli::main`]")]
#![cfg_attr(not(feature = "cli"), doc = "  `cli::main` (feature `cli`)")]
//!   has the whole command line. [`prelude`] has what that takes, and `examples/register.rs` does it.
//! - To test a protocol under `cargo test`: [`check_file`] with a scenario file, or `check` with random scenarios (feature `proptest`);
//!   see [`property`].
//! - To drive a simulation by hand: [`host::Builder`], [`host::Simulation`].
//! - To judge a history: [`mod@check`].
//!
//! # The house
//!
//! The modules are floors and rooms; each uses only those below it.
//!
//! | floor | room | |
//! |---|---|---|
//! | 9 | `cli` | the command line (feature `cli`, on by default) |
//! | 8 | [`report`], [`property`] | a finished run as text, JSON, CSV and traces; property tests |
//! | 7 | [`explore`] | runs beside other runs |
//! | 6 | [`scenario`] | the file, the registry of kinds, one run |
//! | 6 | [`import`] | histories from elsewhere |
//! | 5 | [`mod@check`] | verdicts |
//! | 4 | [`load`] | clients and the history that they record |
//! | 3 | [`store`], [`call`] | replicated data systems; the client side of a call |
//! | 2 | [`fault`] | what breaks, whom, when |
//! | 1 | [`host`] | what a node lives in |
//! | 0 | [`kernel`] | time, pending events, chance, trace |

#[cfg(feature = "cli")]
pub mod cli;

pub mod call;
pub mod check;
pub mod explore;
pub mod fault;
pub mod host;
pub mod import;
pub mod kernel;
pub mod load;
pub mod prelude;
pub mod property;
pub mod report;
pub mod scenario;
pub mod store;

pub use property::check_file;
#[cfg(feature = "proptest")]
pub use property::{any_scenario, check};
