//! A terminal's other screen, for a picture that is drawn again and again; the first one comes back at the end, even
//! after a panic.
//!
//! It takes no input, and so leaves the terminal's modes alone: Ctrl-C works as always.

use std::io::{self, IsTerminal, Write};

use anyhow::{Context, Result};

/// To the other screen, and the cursor away.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l";
/// The cursor back, and to the first screen.
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";
/// Where the size of a terminal is not known.
const USUAL: (usize, usize) = (80, 24);

/// The other screen of the terminal behind standard output.
pub(super) struct Screen {
    pub(super) colour: bool,
}

impl Screen {
    /// Turns to the other screen, where standard output is a terminal.
    pub(super) fn of_terminal() -> Result<Option<Self>> {
        let stdout = io::stdout();
        if !stdout.is_terminal() {
            return Ok(None);
        }
        let colour = anstream::AutoStream::choice(&stdout) != anstream::ColorChoice::Never;
        write(ENTER).context("failed to draw on the terminal")?;
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // What it says would vanish with the other screen.
            drop(write(LEAVE));
            hook(panic);
        }));
        Ok(Some(Self { colour }))
    }

    /// Returns the columns and rows that there are now.
    pub(super) fn size() -> (usize, usize) {
        let size = terminal_size::terminal_size();
        size.map_or(USUAL, |(columns, rows)| (usize::from(columns.0), usize::from(rows.0)))
    }

    /// Draws these rows over those before.
    pub(super) fn draw(&self, rows: &[String]) -> io::Result<()> {
        let mut text = String::from("\u{1b}[H");
        for (place, row) in rows.iter().enumerate() {
            // A line break after the last row would move everything up.
            text.push_str(if place > 0 { "\r\n" } else { "" });
            text.push_str(row);
            text.push_str("\u{1b}[K");
        }
        text.push_str("\u{1b}[J");
        write(&text)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone needs no first screen.
        drop(write(LEAVE));
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
