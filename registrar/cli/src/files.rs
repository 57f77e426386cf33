//! Reading the files that the command line names, with errors that say which file and what to do.

use std::fmt::Display;
use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use registrar_core::json::JsonError;

/// No dump of a fleet comes near it: a described instance takes about 5 KB.
const LARGEST_FILE: u64 = 256 * 1024 * 1024;

/// Reads a file, or standard input for `-`.
pub(crate) fn read(what: &str, path: &Path) -> Result<String> {
    let fail = || format!("{what} {} could not be read", path.display());
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(LARGEST_FILE + 1).read_to_string(&mut text)
    } else {
        let file = std::fs::File::open(path).with_context(fail)?;
        file.take(LARGEST_FILE + 1).read_to_string(&mut text)
    };
    read.with_context(fail)?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(anyhow!("{what} {} has more than {LARGEST_FILE} bytes", path.display()));
    }
    Ok(text)
}

/// Reads a dump of the AWS CLI.
pub(crate) fn read_dump<T>(
    what: &str,
    path: &Path,
    command: &str,
    parse: fn(&str) -> Result<T, JsonError>,
) -> Result<T> {
    parse(&read(what, path)?).map_err(|error| {
        anyhow!(
            "{what} {} is not what `{command}` prints: {error} (hint: run it again and keep its whole output; \
             nothing was changed)",
            path.display()
        )
    })
}

/// Writes an error to standard error, its hint on a line of its own.
pub(crate) fn report_error(error: &anyhow::Error) {
    let joined = format!("{error:#}");
    let (problem, hint) = split_hint(&joined);
    warn(format_args!("error: {problem}"));
    if let Some(hint) = hint {
        warn(format_args!("hint: {hint}"));
    }
}

fn split_hint(text: &str) -> (&str, Option<&str>) {
    match text.split_once(" (hint: ") {
        Some((problem, hint)) => (problem, Some(hint.strip_suffix(')').unwrap_or(hint))),
        None => (text, None),
    }
}

/// Writes a line to standard error; there is nowhere left to report that it could not be written.
pub(crate) fn warn(line: impl Display) {
    drop(writeln!(anstream::stderr(), "{line}"));
}
