//! `resolver-probe check`: asks, compares, prints what was found, and says it with the exit code.

use anyhow::{Context, Result};
use registrar_shell::tell;
use resolver_probe::arguments::{CheckArgs, Format, TruthArgs, TruthSource};
use resolver_probe::{CheckReport, CheckRequest, FindingId};
use tokio::time::Instant;

use super::{fail_on, now, print, runtime, seed};
use crate::inputs::{self, Told};

/// Runs the command, and returns its exit code.
pub(crate) fn run(arguments: &CheckArgs) -> Result<u8> {
    let report = runtime()?.block_on(check(arguments))?;
    let text = match arguments.format {
        Format::Human => resolver_probe::render_human(&report),
        Format::Json => resolver_probe::render_json(&report),
    };
    print(&text).context("failed to print the report")?;
    advise(&report, &arguments.truth);
    Ok(report.exit_code(fail_on(arguments.fail_on)))
}

/// Checks within the deadline, what it takes to learn the truth included.
async fn check(arguments: &CheckArgs) -> Result<CheckReport> {
    let began = Instant::now();
    let mut request = request(arguments)?;
    let Told { truth, records } = inputs::told(&request.name, &arguments.truth, arguments.deadline).await?;
    (request.truth, request.records) = (truth, records);
    request.deadline = arguments.deadline.saturating_sub(began.elapsed());
    Ok(resolver_probe::check(request).await)
}

fn request(arguments: &CheckArgs) -> Result<CheckRequest> {
    let name = inputs::name(&arguments.name)?;
    let (asking, seed) = (&arguments.asking, seed(arguments.asking.seed)?);
    Ok(CheckRequest {
        name,
        truth: None,
        records: None,
        untold: Vec::new(),
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
fn advise(report: &CheckReport, truth: &TruthArgs) {
    let found = |id: FindingId| report.findings.iter().any(|finding| finding.id == id);
    let is_dumped = matches!(truth.truth, Some(TruthSource::File(_)));
    if is_dumped && (found(FindingId::StaleRecord) || found(FindingId::MissingIp)) {
        tell("hint: dump the fleet again if instances came or went since it was dumped");
    }
    if found(FindingId::TooFewSamples) {
        tell("hint: use --samples auto, a longer --deadline or a higher --rate");
    }
}
