//! Where a report goes: to standard output, or into a file that is replaced at once.
//!
//! What the report says is the library's.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use resolver_probe::Look;
use resolver_probe::arguments::OutputArgs;

/// Writes a report where it was asked for. A file gets no colours.
pub(crate) fn deliver(text: &str, arguments: &OutputArgs) -> Result<()> {
    match &arguments.output {
        Some(path) => replace(path, &anstream::adapter::strip_str(text).to_string()),
        None => print(text).context("failed to print the report"),
    }
}

/// How a report for a person should look where it goes.
pub(crate) fn look(arguments: &OutputArgs) -> Look {
    let on_terminal = arguments.output.is_none() && io::stdout().is_terminal();
    let width = terminal_size::terminal_size_of(io::stdout()).filter(|_| on_terminal);
    let look = width.map_or_else(Look::default, |(width, _)| Look::of_width(usize::from(width.0)));
    Look { verbose: arguments.verbose, ..look }
}

/// Checks that there is a folder to write a file into.
pub(crate) fn writable(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    ensure!(
        folder.is_dir(),
        "{}: there is no folder {} (hint: make it first)",
        path.display(),
        folder.display()
    );
    Ok(())
}

/// Replaces a file at once: nobody reads half of it, and where it cannot be written, the old one stays.
pub(crate) fn replace(path: &Path, text: &str) -> Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let fail = || format!("failed to write {}", path.display());
    let mut file = tempfile::Builder::new()
        .prefix(".resolver-probe-")
        .permissions(readable_by_all())
        .tempfile_in(directory.unwrap_or(Path::new(".")))
        .with_context(fail)?;
    file.write_all(text.as_bytes()).with_context(fail)?;
    file.persist(path).with_context(fail)?;
    Ok(())
}

/// A temporary file is its owner's alone, but a collector or a web server reads what becomes of it.
fn readable_by_all() -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::Permissions::from_mode(0o644)
}

pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
