//! `resolver-probe reach`: asks addresses, prints what was found, and says it with the exit code.

use anyhow::{Context, Result};
use registrar_shell::tell;
use resolver_probe::arguments::{ReachArgs, ReachFormat};
use resolver_probe::reach::{self, Echo, ReachDocument, ReachRequest};

use super::{fail_on, print, runtime, seed};
use crate::inputs;

/// Runs the command, and returns its exit code.
pub(crate) fn run(arguments: &ReachArgs) -> Result<u8> {
    #[cfg(not(feature = "encrypted"))]
    inputs::refuse_ca(arguments.ca.as_deref())?;
    let request = ReachRequest {
        targets: arguments.targets(),
        probe: arguments.with.clone(),
        vantage: arguments.vantage,
        timeout: arguments.timeout,
        tries: arguments.tries,
        deadline: arguments.deadline,
        #[cfg(feature = "encrypted")]
        trust: inputs::trust(arguments.ca.as_deref())?,
        seed: seed(arguments.seed)?,
    };
    let reports = runtime()?.block_on(reach::reach(&request));
    let document = ReachDocument::new(request.probe, request.vantage, reports, request.seed);
    let text = match arguments.format {
        ReachFormat::Human => reach::render_human(&document),
        ReachFormat::Json => reach::render_json(&document),
    };
    print(&text).context("failed to print the report")?;
    advise(&document);
    Ok(document.exit_code(fail_on(arguments.fail_on)))
}

/// Says once, beside the report, what would let it see more.
fn advise(document: &ReachDocument) {
    let hints = document.addresses.iter().filter_map(|report| {
        let evidence = &report.evidence;
        let why = match &evidence.echo {
            // Where the address is alive, nobody misses the echo.
            Some(Echo::NotAsked { why }) if evidence.replies == 0 => Some(why),
            _ => evidence.failure.as_ref(),
        };
        why?.split_once("(hint: ").map(|(_, hint)| hint.trim_end_matches(')'))
    });
    if let Some(hint) = hints.into_iter().next() {
        tell(format_args!("hint: {hint}"));
    }
}
