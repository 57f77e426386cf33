//! Waits that ask again until something holds, and say at last what they saw.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long anything may take on a busy machine before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);
/// How long to leave the machine to others between two looks.
const PACE: Duration = Duration::from_millis(15);

#[expect(clippy::disallowed_methods, reason = "a deadline on real processes needs the real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Looks until `look` finds what it wants, or the patience is at its end: then its last words are told.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> Result<T> {
    let start = now();
    loop {
        match look() {
            Ok(found) => return Ok(found),
            Err(status) if start.elapsed() > PATIENCE => {
                bail!("{what}: not within {} s; at last: {status}", PATIENCE.as_secs())
            }
            Err(_) => std::thread::sleep(PACE),
        }
    }
}
