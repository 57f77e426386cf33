//! `resolver-probe check`: asks, compares, prints what was found, and says it with the exit code.

use anyhow::{Context, Result};
use registrar_shell::tell;
use resolver_probe::arguments::{CheckArgs, Format};
use resolver_probe::{CheckReport, CheckRequest, FindingId};

use super::{fail_on, now, print, runtime, seed};
use crate::inputs;

/// Runs the command, and returns its exit code.
pub(crate) fn run(arguments: &CheckArgs) -> Result<u8> {
    let request = request(arguments)?;
    let report = runtime()?.block_on(resolver_probe::check(request));
    let text = match arguments.format {
        Format::Human => resolver_probe::render_human(&report),
        Format::Json => resolver_probe::render_json(&report),
    };
    print(&text).context("failed to print the report")?;
    advise(&report);
    Ok(report.exit_code(fail_on(arguments.fail_on)))
}

fn request(arguments: &CheckArgs) -> Result<CheckRequest> {
    let name = inputs::name(&arguments.name)?;
    let (asking, seed) = (&arguments.asking, seed(arguments.asking.seed)?);
    Ok(CheckRequest {
        truth: inputs::truth(&name, &arguments.truth)?,
        history: inputs::history(&name, arguments.history.as_deref())?,
        name,
        servers: asking.server.clone(),
        roots: asking.root.clone(),
        finder: inputs::finder(asking, seed)?,
        resolvers: inputs::resolvers(asking, seed)?,
        reaching: inputs::reaching(&arguments.liveness, asking.ca.as_deref())?,
        samples: arguments.samples,
        timeout: asking.timeout,
        deadline: arguments.deadline,
        rate: arguments.rate,
        alpha: arguments.alpha,
        power: arguments.power,
        smallest_share: arguments.smallest_share,
        started_at: now(),
        seed,
        progress: None,
    })
}

/// Says once, beside the report, what else may explain it.
fn advise(report: &CheckReport) {
    let found = |id: FindingId| report.findings.iter().any(|finding| finding.id == id);
    if found(FindingId::StaleRecord) || found(FindingId::MissingIp) {
        tell("hint: dump the fleet again if instances came or went since it was dumped");
    }
    if found(FindingId::TooFewSamples) {
        tell("hint: use --samples auto, a longer --deadline or a higher --rate");
    }
}
