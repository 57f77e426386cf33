//! The stack of `infra/registrar.yaml` on ministack, an emulator that somebody else wrote: deployed from a bucket with
//! the package for this machine, fed through its queue, updated and deleted, with another client than the product's own.
//! Beside it the scheduled probe of `infra/prober.yaml`, with a package of its own.
//!
//! What ministack cannot show: it has no Carrier IPs (the pools publish public addresses), checks no permissions, and
//! takes no event of `aws.*` sources (messages are put into the queue as EventBridge would). A package that does not exist
//! it deploys as a function without code, where AWS refuses it.
//!
//! It needs the Python environment that `cargo xtask python` makes and the zips that `cargo xtask package` makes, and is
//! run by `cargo xtask ci`:
//! `REGISTRAR_PYTHON=$PWD/target/python/bin/python cargo test --workspace --test deployed -- --ignored`.

mod aws;
mod deletions;
mod life;
mod package;
mod prober;
mod refusals;
mod stack;
mod world;
