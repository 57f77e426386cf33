//! The built `registrar-local`, `resolver-probe` and `registrar` together, as an operator uses them:
//! files in a folder, processes, and DNS over loopback.
//!
//! `cargo test --workspace` builds the commands before it runs these; with `-p registrar-tests` alone,
//! run `cargo build --bins` first. Nothing here looks into a process: what it prints, writes, answers and
//! exits with is all there is.

mod caches;
mod change_batch;
mod commands;
mod demo;
mod dns;
mod documents;
mod events;
mod faults_of_name_servers;
mod faults_of_route53;
mod fleet;
mod formats;
mod groups;
mod lifetime;
mod liveness;
mod peers;
mod place;
mod probe;
mod propagate;
mod reads;
mod resolvers;
mod service;
mod serving;
mod startup;
mod streams;
mod strict;
mod tree;
mod waiting;
mod watch;
mod watching;
mod weights;
mod zone_file;
