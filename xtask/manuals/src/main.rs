//! Writes the shell completions and man pages of the programs into a folder, laid out as below `/usr/share`.
//!
//! It is no part of the programs, so that they need not carry it, and no part of xtask, which everybody compiles first.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate};
use clap_mangen::Man;

/// Where each shell looks, and how it names its files.
const COMPLETIONS: [(Shell, &str, &str, &str); 3] = [
    (Shell::Bash, "bash-completion/completions", "", ""),
    (Shell::Zsh, "zsh/site-functions", "_", ""),
    (Shell::Fish, "fish/vendor_completions.d", "", ".fish"),
];

fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).context("say which folder to write to")?;
    for command in commands() {
        write_completions(&folder, &command)?;
        write_pages(&folder, command)?;
    }
    Ok(())
}

fn commands() -> Vec<Command> {
    vec![
        registrar_cli::command(),
        resolver_probe::arguments::Cli::command(),
        registrar_local::arguments::Cli::command(),
    ]
}

fn write_completions(folder: &Path, command: &Command) -> Result<()> {
    let name = command.get_name();
    for (shell, place, before, after) in COMPLETIONS {
        let mut text = Vec::new();
        generate(shell, &mut command.clone(), name, &mut text);
        write(folder, &format!("{place}/{before}{name}{after}"), &text)?;
    }
    Ok(())
}

/// Writes one page for the program and one for each of its commands, as `registrar-plan.1`.
fn write_pages(folder: &Path, command: Command) -> Result<()> {
    let mut open = vec![command.disable_help_subcommand(true)];
    if let Some(program) = open.first_mut() {
        program.build();
    }
    while let Some(command) = open.pop() {
        open.extend(command.get_subcommands().filter(|it| !it.is_hide_set()).cloned());
        let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
        let mut text = Vec::new();
        Man::new(command).render(&mut text).with_context(|| format!("no man page of {name}"))?;
        write(folder, &format!("man/man1/{name}.1"), &text)?;
    }
    Ok(())
}

fn write(folder: &Path, path: &str, text: &[u8]) -> Result<()> {
    let path = folder.join(path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("{} could not be made", parent.display()))?;
    }
    fs::write(&path, text).with_context(|| format!("{} could not be written", path.display()))
}
