//! The contract of Route 53's record-set API, as the registrar relies on it: one set of rules, on the wire.
//!
//! `REGISTRAR_CONTRACT` chooses who is held to it: `model`, the strict model behind the stand-in (the default,
//! and the referee), or `ministack`, an emulator that the Python in `REGISTRAR_PYTHON` has installed. Where the
//! emulator is known to differ, `differences.rs` says how, and a difference that is gone fails as well.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot set its scene has failed")]

/// Makes a test of each rule of a module.
macro_rules! rules {
    ($($rule:ident),+ $(,)?) => {
        mod tests {
            $(
                #[test]
                fn $rule() {
                    $crate::hold(stringify!($rule), super::$rule);
                }
            )+
        }
    };
}

mod account;
mod batches;
mod differences;
mod http;
mod listings;
mod policies;
mod records;
mod subject;

use subject::{Subject, Verdict};

/// Holds the chosen subject to a rule, or to its known difference from it.
fn hold(name: &str, rule: fn(&Subject) -> Verdict) {
    let subject = Subject::chosen();
    let observed = rule(&subject);
    let expected = match subject {
        Subject::Model => None,
        Subject::Ministack(_) => differences::of_ministack(name),
    };
    match (observed, expected) {
        (Ok(()), None) => {}
        (Err(observed), Some(expected)) if observed == expected => {}
        (Err(observed), None) => panic!("{name}: {observed}"),
        (Err(observed), Some(expected)) => {
            panic!("{name}: {observed}\nthe known difference was: {expected}");
        }
        (Ok(()), Some(expected)) => {
            panic!("{name} holds now; take it off the list of differences, where it was: {expected}");
        }
    }
}
