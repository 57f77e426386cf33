//! The README's commands, taken out of it and run, so that it cannot promise what does not work.
//!
//! Every line of a `sh` block is a command. A line may end in `# exit N` where its exit code is not 0.
//! `cargo xtask ci` itself is left out, since it is what runs this.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::root;
use crate::tell;

struct Shown {
    command: String,
    exit_code: i32,
}

/// Runs every command at the root of the workspace.
pub(crate) fn run() -> Result<()> {
    let shown = commands()?;
    if shown.is_empty() {
        bail!("the README shows no commands");
    }
    for Shown { command, exit_code } in shown {
        tell(&format!("$ {command}"));
        let status = Command::new("sh").args(["-euc", &command]).current_dir(root()).status();
        let status = status.with_context(|| format!("{command:?} could not be started"))?;
        if status.code() != Some(exit_code) {
            bail!("{command:?} ended with {status}, and the README says {exit_code}");
        }
    }
    Ok(())
}

/// Lists every command.
pub(crate) fn list() -> Result<()> {
    for shown in commands()? {
        tell(&shown.command);
    }
    Ok(())
}

fn commands() -> Result<Vec<Shown>> {
    let readme = std::fs::read_to_string(root().join("README.md")).context("README.md could not be read")?;
    Ok(extract(&readme))
}

fn extract(readme: &str) -> Vec<Shown> {
    let mut shown = Vec::new();
    let mut in_block = false;
    for line in readme.lines().map(str::trim) {
        match line {
            "```sh" => in_block = true,
            "```" => in_block = false,
            "" | "cargo xtask ci" => {}
            command if in_block => shown.push(parse(command)),
            _ => {}
        }
    }
    shown
}

fn parse(line: &str) -> Shown {
    let (command, exit_code) = match line.rsplit_once(" # exit ") {
        Some((command, code)) => (command, code.trim().parse().unwrap_or(-1)),
        None => (line, 0),
    };
    Shown { command: command.trim().to_owned(), exit_code }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_sh_blocks_are_commands_with_their_exit_codes() {
        let readme =
            "text\n```sh\ncargo xtask ci\ntrue\nfalse   # exit 1\n```\n```json\n{}\n```\n```sh\nls\n```\n";
        let found: Vec<(String, i32)> =
            extract(readme).into_iter().map(|shown| (shown.command, shown.exit_code)).collect();
        let expected = [("true", 0), ("false", 1), ("ls", 0)];
        assert_eq!(found, expected.map(|(command, code)| (command.to_owned(), code)));
    }
}
