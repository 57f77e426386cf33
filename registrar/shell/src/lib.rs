//! What the binaries share around the core: bounded reading of files, time spans, and errors with hints.
//!
//! It reads what it is told to read, and decides nothing.

mod files;
mod report;

pub use files::{read, read_dump};
pub use report::{duration, report_error, tell};
