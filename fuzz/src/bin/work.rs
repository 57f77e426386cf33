//! Counts the work of inputs that grow: how many comparisons the compiled code makes, in our crates and in those that
//! they use. Twice the input may take twice of them, and a little more for what is sorted.
//!
//! The fuzzer's instrumentation calls a function at each comparison; here that function counts. No clock is asked, so
//! that the result is the same on a busy machine.

use std::io::{Write, stdout};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use registrar_fuzz::growth::{GROWING, Growing};

/// How much more work twice the input may be, in percent: sorting a million things twice over takes 10 % more.
const MOST: u64 = 240;

static COMPARISONS: AtomicU64 = AtomicU64::new(0);

fn main() -> ExitCode {
    let mut is_kept = true;
    for growing in &GROWING {
        let (small, large) = (comparisons(growing, growing.parts), comparisons(growing, 2 * growing.parts));
        let percent = 100 * large / small.max(1);
        is_kept &= small > 0 && percent <= MOST;
        let line = format!("{:4} %  {small:>11} {large:>11}  {}", percent, growing.name);
        if writeln!(stdout(), "{line}").is_err() {
            return ExitCode::FAILURE;
        }
    }
    if is_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn comparisons(growing: &Growing, parts: usize) -> u64 {
    let input = (growing.input)(parts);
    let before = COMPARISONS.load(Ordering::Relaxed);
    (growing.target)(input.as_bytes());
    COMPARISONS.load(Ordering::Relaxed) - before
}

/// What the instrumentation calls, as libFuzzer defines it for the targets.
#[cfg(fuzzing)]
mod hooks {
    use super::{COMPARISONS, Ordering};

    macro_rules! comparisons {
        ($($name:ident: $operand:ty),+) => {$(
            #[unsafe(no_mangle)]
            extern "C" fn $name(_: $operand, _: $operand) {
                COMPARISONS.fetch_add(1, Ordering::Relaxed);
            }
        )+};
    }

    comparisons! {
        __sanitizer_cov_trace_cmp1: u8,
        __sanitizer_cov_trace_cmp2: u16,
        __sanitizer_cov_trace_cmp4: u32,
        __sanitizer_cov_trace_cmp8: u64,
        __sanitizer_cov_trace_const_cmp1: u8,
        __sanitizer_cov_trace_const_cmp2: u16,
        __sanitizer_cov_trace_const_cmp4: u32,
        __sanitizer_cov_trace_const_cmp8: u64
    }

    #[unsafe(no_mangle)]
    extern "C" fn __sanitizer_cov_trace_switch(_: u64, _: *const u64) {
        COMPARISONS.fetch_add(1, Ordering::Relaxed);
    }

    #[unsafe(no_mangle)]
    extern "C" fn __sanitizer_cov_trace_pc_indir(_: usize) {}

    #[unsafe(no_mangle)]
    extern "C" fn __sanitizer_cov_8bit_counters_init(_: *mut u8, _: *mut u8) {}

    #[unsafe(no_mangle)]
    extern "C" fn __sanitizer_cov_pcs_init(_: *const usize, _: *const usize) {}
}
