//! `resolver-probe reach`: asks addresses, prints what was found, and says it with the exit code.

use anyhow::Result;
use registrar_shell::tell;
use resolver_probe::arguments::{Format, ReachArgs};
use resolver_probe::reach::{self, Echo, ReachDocument, ReachRequest};

use super::output::deliver;
use super::{now, runtime, seed};
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
    let policy = arguments.output.exit.policy();
    let text = match arguments.output.format {
        Format::Human => reach::render_human(&document),
        Format::Json => reach::render_json(&document),
        Format::Nagios => resolver_probe::render_reach_nagios(&document, policy),
        Format::Prometheus => resolver_probe::render_reach_prometheus(&document, policy, seconds()),
        Format::Junit => resolver_probe::render_reach_junit(&document, policy),
    };
    deliver(&text, &arguments.output)?;
    advise(&document);
    Ok(document.exit_code(policy))
}

/// The time of day, in seconds since 1970.
fn seconds() -> f64 {
    now().as_millisecond() as f64 / 1000.0
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
