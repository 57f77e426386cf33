//! What is being waited for, on the terminal, where it takes longer than a second.
//!
//! Nothing is written where standard error is not a terminal.

use std::future::Future;
use std::io::{IsTerminal, Write};
use std::pin::pin;
use std::time::Duration;

use registrar_aws::deployment::Watcher;
use registrar_core::Timestamp;
use registrar_core::execute::RetryReason;
use registrar_core::plan::Batch;
use registrar_shell::tell;

/// How often the line is written anew, and how long it takes to appear.
const EVERY: Duration = Duration::from_secs(1);

/// Waits for something, and says so on the terminal.
pub(super) async fn during<T>(what: &str, waiting: impl Future<Output = T>) -> T {
    let mut waiting = pin!(waiting);
    if !std::io::stderr().is_terminal() {
        return waiting.await;
    }
    let mut seconds = 0_u32;
    loop {
        match tokio::time::timeout(EVERY, waiting.as_mut()).await {
            Ok(done) => {
                if seconds > 0 {
                    write("");
                }
                return done;
            }
            Err(_) => {
                seconds += 1;
                write(&format!("{what}… {seconds} s"));
            }
        }
    }
}

/// Writes over the line of the cursor. A terminal that takes nothing more is no reason to stop.
fn write(line: &str) {
    let mut terminal = std::io::stderr().lock();
    drop(write!(terminal, "\r\u{1b}[K{line}"));
    drop(terminal.flush());
}

/// Tells what a run waits for, a line each, wherever standard error goes.
#[derive(Default)]
pub(super) struct Waits(Option<RetryReason>);

impl Watcher for Waits {
    fn submitting(&mut self, _: &Batch) {
        self.0 = None;
    }

    fn waiting(&mut self, _: Timestamp, reason: RetryReason) {
        if self.0 != Some(reason) {
            if std::io::stderr().is_terminal() {
                write("");
            }
            tell(format_args!("waiting: {reason}; trying again"));
        }
        self.0 = Some(reason);
    }
}
