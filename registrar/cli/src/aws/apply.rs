//! `registrar apply`: shows the plan, asks, and executes it; or executes only what was reviewed before.
//!
//! What was shown or reviewed binds the whole run: where another look asks for more, the run ends.

use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use registrar_aws::deployment::{Executed, Looked, Watcher};
use registrar_core::Timestamp;
use registrar_core::execute::{Outcome, RetryReason};
use registrar_core::ids::PoolName;
use registrar_core::plan::{Batch, MovedWorld, Plan, ReviewedPlan};
use registrar_core::record_set::ChangeAction;
use registrar_core::report::Report;
use registrar_shell::{read, tell};

use super::audit::{AuditLine, What};
use super::confirm::confirm;
use super::plan::plan;
use super::progress::{Waits, during};
use super::session::Session;
use crate::Shell;
use crate::arguments::{ApplyArguments, Format};
use crate::render::{exit_code, print_plan};

pub(super) async fn run(arguments: &ApplyArguments, shell: Shell) -> Result<ExitCode> {
    let reviewed = arguments.plan.as_ref().map(|_| read_reviewed(arguments)).transpose()?;
    let mut session = Session::open(&arguments.deployment, &arguments.connection, shell).await?;
    let pools = pools(arguments, reviewed.as_ref());
    let looked = session.look(&pools).await?;
    let shown = plan(&session, &looked)?;
    print_plan(&shown, Format::Human)?;
    if let Some(reviewed) = &reviewed {
        reviewed.matches(&shown).map_err(|moved| refuse(&moved))?;
    }
    if shown.change_count() == 0 {
        return Ok(exit_code(&shown, false));
    }
    let (looked, bound) = match (reviewed, arguments.yes) {
        (Some(reviewed), _) => (looked, Some(Bound { plan: reviewed, exactly: true })),
        (None, true) => (looked, None),
        (None, false) => {
            ask(&shown)?;
            session.reopen(&arguments.connection).await?;
            let plan = ReviewedPlan::parse(&serde_json::to_string(&shown.to_document())?)?;
            (session.look(&pools).await?, Some(Bound { plan, exactly: false }))
        }
    };
    execute(&mut session, looked, bound, &shown).await
}

fn read_reviewed(arguments: &ApplyArguments) -> Result<ReviewedPlan> {
    let path = arguments.plan.as_deref().context("--plan is missing")?;
    let reviewed = ReviewedPlan::parse(&read("plan", path)?)
        .with_context(|| format!("plan {} cannot be used", path.display()))?;
    if *reviewed.deployment() != arguments.deployment {
        bail!(
            "plan {} is of deployment {}, and not of {} (hint: give --deployment {})",
            path.display(),
            reviewed.deployment(),
            arguments.deployment,
            reviewed.deployment()
        );
    }
    Ok(reviewed)
}

fn pools(arguments: &ApplyArguments, reviewed: Option<&ReviewedPlan>) -> Vec<PoolName> {
    match reviewed {
        Some(reviewed) if arguments.pools.is_empty() => reviewed.pools().iter().cloned().collect(),
        Some(_) | None => arguments.pools.clone(),
    }
}

fn refuse(moved: &MovedWorld) -> anyhow::Error {
    for difference in &moved.differences {
        tell(format_args!("moved: {difference}"));
    }
    if moved.more > 0 {
        tell(format_args!("moved: {} more", moved.more));
    }
    anyhow!("nothing was changed: the world is not as it was reviewed (hint: plan and review again)")
}

fn ask(shown: &Plan) -> Result<()> {
    let question = format!("Make these {} changes?", shown.change_count());
    if confirm(&question)? { Ok(()) } else { bail!("nothing was changed: it was not confirmed") }
}

/// The plan that a run may not go beyond.
struct Bound {
    plan: ReviewedPlan,
    /// Whether the run has to begin with exactly this plan.
    exactly: bool,
}

/// Tells what a run waits for, and ends it where it would go beyond what was shown.
struct Reins {
    bound: Option<Bound>,
    waits: Waits,
}

impl Watcher for Reins {
    fn submitting(&mut self, batch: &Batch) {
        self.waits.submitting(batch);
    }

    fn waiting(&mut self, until: Timestamp, reason: RetryReason) {
        self.waits.waiting(until, reason);
    }

    fn replanned(&mut self, plan: &Plan) -> Result<(), String> {
        let Some(bound) = &mut self.bound else { return Ok(()) };
        let first = std::mem::replace(&mut bound.exactly, false);
        let same = if first { bound.plan.matches(plan) } else { bound.plan.covers(plan) };
        same.map_err(|moved| moved.to_string())
    }
}

async fn execute(
    session: &mut Session,
    looked: Looked,
    bound: Option<Bound>,
    shown: &Plan,
) -> Result<ExitCode> {
    let mut reins = Reins { bound, waits: Waits::default() };
    let deadline = session.deadline;
    let applying = Box::pin(session.deployment.apply(looked, deadline, &mut reins));
    let executed = during("applying", applying).await.map_err(|problem| anyhow!(problem))?;
    audit(session, &executed, shown).await;
    tell_undone(&executed.outcome);
    tell(format_args!("= {}", Report::new(&executed.plan, &executed.outcome)));
    if let Some(objection) = &executed.objection {
        bail!("the run was ended: {objection} (hint: plan again; what was made until then stays)");
    }
    if !executed.outcome.is_complete() {
        return Ok(ExitCode::FAILURE);
    }
    Ok(exit_code(&executed.plan, false))
}

async fn audit(session: &Session, executed: &Executed, shown: &Plan) {
    let applied = executed.outcome.applied.iter();
    let changes: Vec<ChangeAction> =
        applied.flat_map(|applied| applied.batch.changes()).map(|change| change.action).collect();
    let count = |wanted| changes.iter().filter(|action| **action == wanted).count();
    let line = AuditLine {
        audit: "apply",
        at: session.now(),
        who: session.who().await,
        deployment: &shown.deployment,
        pools: shown.pools.iter().filter(|pool| !pool.changes.is_empty()).map(|pool| &pool.name).collect(),
        reason: None,
        what: What::Changes {
            plan: shown.checksum().to_string(),
            created: count(ChangeAction::Create),
            deleted: count(ChangeAction::Delete),
            complete: executed.outcome.is_complete() && executed.objection.is_none(),
        },
    };
    line.tell();
}

/// Tells what was not done, and why.
pub(super) fn tell_undone(outcome: &Outcome) {
    for poison in &outcome.poison {
        for change in &poison.unit.changes {
            tell(format_args!("refused: {} {}", change.action, change.record));
        }
        tell(format_args!("  Route 53 says: {}", poison.messages.join("; ")));
    }
    for unit in &outcome.handed_back {
        for change in &unit.changes {
            tell(format_args!("not made: {} {}", change.action, change.record));
        }
    }
    if let Some(denied) = &outcome.denied {
        tell(format_args!("denied: {denied}"));
    }
    if let Some(problem) = outcome.failed_looks.last() {
        tell(format_args!("a look failed: {problem}"));
    }
}
