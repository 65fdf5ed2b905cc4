//! The built-in stores have nothing that a user's cannot have: their sources, tests included, compile here, outside
//! the library, against what it shows to everyone.

#![allow(dead_code, unused_imports, reason = "what the room exports is for the library")]

use partita::{host, kernel};

#[path = "../src/store/mod.rs"]
mod store;
