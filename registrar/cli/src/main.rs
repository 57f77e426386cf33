//! `registrar`: the operator's command. The only place of it that reads the clock.

use std::process::ExitCode;

use registrar_cli::Shell;

fn main() -> ExitCode {
    registrar_cli::run(Shell { now, seed: seed() })
}

#[expect(clippy::disallowed_methods, reason = "the binary is where the time enters")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Jitter only has to differ between two that run at once.
fn seed() -> u64 {
    let nanos = now().as_nanosecond().unsigned_abs() & u128::from(u64::MAX);
    u64::try_from(nanos).unwrap_or_default() ^ u64::from(std::process::id()).rotate_left(32)
}
