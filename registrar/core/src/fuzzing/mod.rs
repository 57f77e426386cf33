//! Entry points for hostile input: each gives it to a reader of what comes from outside, and says which promise that
//! broke. They are no part of the library's interface.
//!
//! Nothing here is called by a program. A promise is stated without the code that keeps it.

mod documents;
mod dumps;
mod messages;
mod planning;

pub use documents::{orders, places, pool_document, pool_state, reviewed_plan};
pub use dumps::{fleet_dump, groups_dump, records_dump};
pub use messages::event;
pub use planning::plan;

/// Whether every promise was kept, or which was not.
pub type Kept = Result<(), String>;

/// What an error may add to what it quotes, in bytes.
const WORDS: usize = 1024;
/// How many bytes one byte takes at most where it is escaped.
const ESCAPED: usize = 10;

/// Checks that a text is one line of bounded length, whatever it quotes.
fn is_line(what: &str, text: &str, most: usize) -> Kept {
    if text.chars().count() > most {
        return Err(format!("{what} has {} characters, more than {most}", text.chars().count()));
    }
    match text.chars().find(|character| character.is_control()) {
        Some(character) => Err(format!("{what} has the control character {character:?}")),
        None => Ok(()),
    }
}

/// Checks that what is said of an input is no longer than the input and some words, escapes included.
fn in_proportion(what: &str, said: &str, input: &str) -> Kept {
    let most = ESCAPED * input.len() + WORDS;
    if said.len() <= most {
        Ok(())
    } else {
        Err(format!("{what} has {} bytes, more than {most}", said.len()))
    }
}

fn promise(is_kept: bool, broken: impl FnOnce() -> String) -> Kept {
    if is_kept { Ok(()) } else { Err(broken()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_promise_would_be_told() {
        assert!(is_line("it", "one line", 8).is_ok());
        assert!(is_line("it", "one line", 7).is_err());
        assert!(is_line("it", "two\nlines", 80).is_err());
        assert!(in_proportion("it", &"x".repeat(WORDS + 1), "").is_err());
        assert!(promise(false, || "broken".to_owned()).is_err());
    }
}
