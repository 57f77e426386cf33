//! The built `registrar`, run as an operator runs it: files in, text and exit codes out.
//!
//! `cargo test --workspace` builds the command before it runs these; with `-p registrar-tests` alone,
//! run `cargo build -p registrar-cli` first.

mod edge;
mod exit_codes;
mod input;
mod output;
mod pool;
