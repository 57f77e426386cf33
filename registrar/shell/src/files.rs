//! Reading the files that a command line names, with errors that say which file and what to do.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use registrar_core::json::JsonError;

/// No dump of a fleet comes near it: a described instance takes about 5 KB.
const LARGEST_FILE: u64 = 256 * 1024 * 1024;

/// Reads a text file, or standard input for `-`; `what` names its part in the error.
///
/// # Errors
/// When it cannot be read, is not text, or has more than 256 MiB.
pub fn read(what: &str, path: &Path) -> Result<String> {
    let fail = || format!("{what} {} could not be read", path.display());
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(LARGEST_FILE + 1).read_to_string(&mut text)
    } else {
        File::open(path).with_context(fail)?.take(LARGEST_FILE + 1).read_to_string(&mut text)
    };
    read.with_context(fail)?;
    if text.len() as u64 > LARGEST_FILE {
        bail!("{what} {} has more than {LARGEST_FILE} bytes", path.display());
    }
    Ok(text)
}

/// Reads a dump that `command` of the AWS CLI printed.
///
/// # Errors
/// When it cannot be read, or is not that JSON: the error names line, column and JSON path.
pub fn read_dump<T>(
    what: &str,
    path: &Path,
    command: &str,
    parse: fn(&str) -> Result<T, JsonError>,
) -> Result<T> {
    parse(&read(what, path)?).map_err(|error| {
        anyhow!(
            "{what} {} is not what `{command}` prints: {error} (hint: run that command again and keep its whole output)",
            path.display()
        )
    })
}
