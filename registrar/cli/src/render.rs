//! A plan on standard output, in the form that was asked for, and its exit code.
//!
//! The forms themselves are the core's.

use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use anyhow::Result;
use registrar_core::plan::Plan;
use registrar_shell::tell;

use crate::arguments::Format;

/// Prints a plan; what a machine-readable form has no place for goes to standard error.
pub(crate) fn print_plan(plan: &Plan, format: Format) -> Result<()> {
    crate::print(&render(plan, format)?)?;
    if format != Format::Human {
        report_aside(plan);
    }
    Ok(())
}

fn render(plan: &Plan, format: Format) -> Result<String> {
    let mut text = match format {
        Format::Human => return Ok(colour(&plan.to_string())),
        Format::Json => serde_json::to_string_pretty(&plan.to_document())?,
        Format::ChangeBatch => {
            let documents: Vec<_> = plan.batches.iter().map(|batch| batch.to_change_batch()).collect();
            serde_json::to_string_pretty(&documents)?
        }
    };
    text.push('\n');
    Ok(text)
}

/// What a machine-readable form leaves to standard error: why something is not in it.
fn report_aside(plan: &Plan) {
    for gap in &plan.gaps {
        tell(format_args!("incomplete read of {gap}; no record is removed on its account"));
    }
    for pool in &plan.pools {
        for held in &pool.held_back {
            tell(format_args!("{}: {}", pool.name, held.to_string().trim()));
        }
        for error in &pool.errors {
            tell(format_args!("error: {}: {error}", pool.name));
        }
    }
}

/// Colours a plan's or a status's lines by how they begin.
pub(crate) fn colour(text: &str) -> String {
    let style = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
    let painted = text.lines().map(|line| {
        let style = match line.trim_start() {
            start if start.starts_with("+ ") => style(AnsiColor::Green),
            start if start.starts_with("- ") => style(AnsiColor::Red),
            start if start.starts_with("~ ") => style(AnsiColor::Yellow),
            start if start.starts_with("held back") || start.starts_with("! ") => style(AnsiColor::Magenta),
            start if start.starts_with("error") => style(AnsiColor::Red).bold(),
            start if start.starts_with("not adopted:") => style(AnsiColor::Magenta),
            start if start.starts_with("hint:") => style(AnsiColor::Cyan),
            _ => return format!("{line}\n"),
        };
        format!("{style}{line}{style:#}\n")
    });
    painted.collect()
}

/// An error comes before what is held back, and that before changes.
pub(crate) fn exit_code(plan: &Plan, detailed: bool) -> ExitCode {
    let held_back = plan.held_back_count() > 0;
    ExitCode::from(match (plan.has_errors(), held_back, plan.change_count() > 0) {
        (true, _, _) => 1,
        (false, true, _) => 3,
        (false, false, true) if detailed => 2,
        (false, false, _) => 0,
    })
}
