//! Asks a person before something is changed.

use std::io::{IsTerminal, Write};

use anyhow::{Context, Result, bail};

/// Asks a question that is answered with yes or no; anything but yes is no.
///
/// # Errors
/// When there is nobody to ask.
pub(super) fn confirm(question: &str) -> Result<bool> {
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        bail!(
            "nothing was changed: there is no terminal to ask at (hint: give --yes to go ahead without asking)"
        );
    }
    let mut terminal = std::io::stderr().lock();
    write!(terminal, "{question} [y/N] ")
        .and_then(|()| terminal.flush())
        .context("the terminal is closed")?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("the answer could not be read")?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
