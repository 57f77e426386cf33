//! `registrar plan`: what would change, from dumps of the AWS CLI.
//!
//! It reads files and prints; it never talks to AWS.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use registrar_core::guard::RemovalLedger;
use registrar_core::ids::{DeploymentName, HostedZoneId};
use registrar_core::inventory::{Groups, HostedZone, Inventory};
use registrar_core::lint::CheckedPlan;
use registrar_core::offline::{PoolArgument, RecordedEvents, single_hosted_zone};
use registrar_core::orders::Orders;
use registrar_core::plan::{Plan, PlanInput};
use registrar_core::pool::Pool;
use registrar_core::{Timestamp, dump};
use registrar_shell::{read, read_dump, tell};

/// What `plan` is given.
#[derive(Args)]
pub(crate) struct PlanArguments {
    /// A pool document, named by the file's stem, or as NAME=FILE.
    #[arg(long = "pool", value_name = "FILE", required = true, num_args = 1..)]
    pools: Vec<String>,
    /// What `aws ec2 describe-instances` printed.
    #[arg(long, value_name = "FILE")]
    fleet: PathBuf,
    /// What `aws autoscaling describe-auto-scaling-instances` or `describe-auto-scaling-groups` printed. Without it,
    /// an instance whose tag names a group is unknown: it is not added, and its record stays.
    #[arg(long, value_name = "FILE")]
    groups: Option<PathBuf>,
    /// What `aws route53 list-resource-record-sets` printed.
    #[arg(long, value_name = "FILE")]
    zone: PathBuf,
    /// EventBridge envelopes, one JSON a line.
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// The deployment that owns the records.
    #[arg(long, value_name = "NAME", default_value = "default")]
    deployment: DeploymentName,
    /// The time to plan for, instead of now.
    #[arg(long, value_name = "RFC3339")]
    now: Option<Timestamp>,
    /// Tell by the exit code whether there is something to change.
    #[arg(long)]
    detailed_exitcode: bool,
    /// What to print.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For a person: old and new values, reasons and hints.
    Human,
    /// Schema registrar-plan/1.
    Json,
    /// An array of documents for `aws route53 change-resource-record-sets --change-batch`.
    ChangeBatch,
}

pub(crate) fn run(arguments: &PlanArguments, clock: Timestamp) -> Result<ExitCode> {
    let now = arguments.now.unwrap_or(clock);
    let pools = read_pools(&arguments.pools)?;
    let inventory = read_inventory(arguments, &pools, now)?;
    let input = PlanInput {
        deployment: &arguments.deployment,
        pools: &pools,
        inventory: &inventory,
        ledger: &RemovalLedger::default(),
        orders: &Orders::default(),
    };
    let plan = CheckedPlan::new(Plan::new(input), &pools, &inventory)
        .context("this is a mistake in the registrar: please report it")?
        .into_plan();
    crate::print(&render(&plan, arguments.format)?)?;
    if !matches!(arguments.format, Format::Human) {
        report_aside(&plan);
    }
    Ok(exit_code(&plan, arguments.detailed_exitcode))
}

fn read_pools(arguments: &[String]) -> Result<Vec<Pool>> {
    let mut pools = Vec::new();
    for pool in PoolArgument::parse_all(arguments)? {
        let document = read("pool document", &pool.file)?;
        pools.push(Pool::read(pool.name, &document).in_file(&pool.file.display().to_string()));
    }
    Ok(pools)
}

fn read_inventory(arguments: &PlanArguments, pools: &[Pool], now: Timestamp) -> Result<Inventory> {
    let fleet = read_dump("fleet", &arguments.fleet, "aws ec2 describe-instances", dump::read_fleet)?;
    let groups = match &arguments.groups {
        Some(path) => {
            let command = "aws autoscaling describe-auto-scaling-groups";
            read_dump("groups", path, command, dump::read_groups)?
        }
        None => Groups::default(),
    };
    let command = "aws route53 list-resource-record-sets";
    let zone = read_dump("zone", &arguments.zone, command, dump::read_hosted_zone)?;
    let hosted_zones: BTreeMap<HostedZoneId, HostedZone> =
        single_hosted_zone(pools)?.map(|id| (id, zone)).into_iter().collect();
    let events = match &arguments.events {
        Some(path) => RecordedEvents::read(&read("events", path)?, now),
        None => RecordedEvents::default(),
    };
    for (line, dropped) in &events.dropped {
        let path = arguments.events.as_deref().unwrap_or_else(|| "-".as_ref());
        tell(format_args!("dropped: {} line {line}: {dropped}", path.display()));
    }
    if !events.dropped.is_empty() {
        let kinds: Vec<String> =
            events.dropped_by_kind().iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        tell(format_args!("events: {} understood, dropped {}", events.understood, kinds.join(", ")));
    }
    Ok(Inventory { observed_at: now, fleet, groups, hosted_zones, memory: events.memory })
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

fn colour(text: &str) -> String {
    let style = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
    let painted = text.lines().map(|line| {
        let style = match line.trim_start() {
            start if start.starts_with("+ ") => style(AnsiColor::Green),
            start if start.starts_with("- ") => style(AnsiColor::Red),
            start if start.starts_with("~ ") => style(AnsiColor::Yellow),
            start if start.starts_with("held back:") || start.starts_with("! ") => style(AnsiColor::Magenta),
            start if start.starts_with("error:") => style(AnsiColor::Red).bold(),
            start if start.starts_with("hint:") => style(AnsiColor::Cyan),
            _ => return format!("{line}\n"),
        };
        format!("{style}{line}{style:#}\n")
    });
    painted.collect()
}

fn exit_code(plan: &Plan, detailed: bool) -> ExitCode {
    let held_back = plan.held_back_count() > 0;
    ExitCode::from(match (plan.has_errors(), held_back, plan.change_count() > 0) {
        (true, _, _) => 1,
        (false, true, _) => 3,
        (false, false, true) if detailed => 2,
        (false, false, _) => 0,
    })
}
