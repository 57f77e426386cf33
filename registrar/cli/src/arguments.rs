//! The command line of `registrar`, as data: what may be given, and its help.
//!
//! It reads no file and calls nothing. It is in the library, and the same with and without AWS, so that completions
//! and man pages can be made of it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use registrar_core::ids::{DeploymentName, InstanceId, PoolName};
use registrar_core::orders::check_reason;
use registrar_core::{SignedDuration, Timestamp};

/// How long a release may stand.
const LONGEST_RELEASE: SignedDuration = SignedDuration::from_hours(24);

/// How long a pause may last: 30 days.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(30 * 24);

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed, or a pool has an error
  2  usage
  3  something was held back, or not adopted
With plan --detailed-exitcode:
  0  nothing to change
  1  any error, usage included
  2  changes
  3  something was held back
  (where several hold, 1 comes before 3 and 3 before 2)";

const PLAN_USAGE: &str = "registrar plan --deployment <NAME> [--pool <NAME>...] [OPTIONS]
       registrar plan --fleet <FILE> --zone <FILE> --pool <FILE>... [OPTIONS]";

/// Keeps the DNS records of an edge fleet in step with its instances.
///
/// On AWS it takes credentials, Region and endpoints from wherever the SDK's users keep them: the environment, profiles,
/// SSO, or the role of the machine.
#[derive(Parser)]
#[command(name = "registrar", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the registrar can be asked to do.
#[derive(Subcommand)]
pub enum Command {
    /// Show what would change, on AWS or from dumps of the AWS CLI, without touching anything
    #[command(after_help = EXIT_CODES, override_usage = PLAN_USAGE)]
    Plan(Box<PlanArguments>),
    /// Make the records right: show the plan, ask, and execute it
    #[command(after_help = EXIT_CODES)]
    Apply(ApplyArguments),
    /// Show how each pool stands: members, records, what is held back and since when, and how full its limits are
    #[command(after_help = EXIT_CODES)]
    Status(StatusArguments),
    /// Let removals go that are held back, once
    ///
    /// Without --only, those that are over the removal budget. A pool's last record, and the records of a pool that
    /// EC2 knows nothing of, go only where --only names their instances. What is unknown stays.
    Release(ReleaseArguments),
    /// Leave a pool's records as they are for a while
    Pause(PauseArguments),
    /// End a pause
    Resume(ResumeArguments),
    /// Take over weighted records that others made for a pool's instances
    ///
    /// Those whose set identifier is an instance's id, as the published reference design writes them, and those that
    /// --record names. Their marks change, in one atomic batch; the TTL changes where the whole set becomes the pool's.
    #[command(after_help = EXIT_CODES)]
    Adopt(AdoptArguments),
    /// Validate pool documents
    #[command(subcommand)]
    Pool(PoolCommand),
}

/// How a deployment on AWS is reached.
#[derive(Args, Clone)]
pub struct Connection {
    /// Where the pool documents are in SSM [default: /registrar/DEPLOYMENT/pools]
    #[arg(long, value_name = "PATH", value_parser = parameter_path)]
    pub config_path: Option<String>,
    /// How long everything may take, waits for AWS included
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = registrar_shell::duration)]
    pub timeout: Duration,
}

/// What `plan` is given.
#[derive(Args)]
pub struct PlanArguments {
    /// On AWS, the names of the pools, all of them where left out; offline, pool documents, named by the file's stem or
    /// as NAME=FILE
    #[arg(long = "pool", value_name = "POOL", num_args = 1..)]
    pub pools: Vec<String>,
    /// The deployment to plan on AWS; offline, the one that owns the records [default, offline: default]
    #[arg(long, value_name = "NAME", required_unless_present = "fleet")]
    pub deployment: Option<DeploymentName>,
    /// Offline: what `aws ec2 describe-instances` printed
    #[arg(
        long,
        value_name = "FILE",
        requires_all = ["zone", "pools"],
        conflicts_with_all = ["config_path", "timeout"]
    )]
    pub fleet: Option<PathBuf>,
    /// Offline: what `aws autoscaling describe-auto-scaling-instances` or `describe-auto-scaling-groups` printed.
    /// Without it, an instance whose tag names a group is unknown: it is not added, and its record stays
    #[arg(long, value_name = "FILE", requires = "fleet")]
    pub groups: Option<PathBuf>,
    /// Offline: what `aws route53 list-resource-record-sets` printed
    #[arg(long, value_name = "FILE", requires = "fleet")]
    pub zone: Option<PathBuf>,
    /// Offline: EventBridge envelopes, one JSON a line
    #[arg(long, value_name = "FILE", requires = "fleet")]
    pub events: Option<PathBuf>,
    /// Offline: the time to plan for, instead of now
    #[arg(long, value_name = "RFC3339", requires = "fleet")]
    pub now: Option<Timestamp>,
    /// Tell by the exit code whether there is something to change
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// How the deployment is reached.
    #[command(flatten)]
    pub connection: Connection,
}

/// What a plan is printed as.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person: old and new values, reasons and hints
    Human,
    /// Schema registrar-plan/1
    Json,
    /// An array of documents for `aws route53 change-resource-record-sets --change-batch`
    ChangeBatch,
}

/// What `apply` is given.
#[derive(Args)]
pub struct ApplyArguments {
    /// The deployment
    #[arg(long, value_name = "NAME")]
    pub deployment: DeploymentName,
    /// The pools; all of them, or those of the reviewed plan, where left out
    #[arg(long = "pool", value_name = "NAME", num_args = 1..)]
    pub pools: Vec<PoolName>,
    /// Apply only this plan, which `plan --format json` printed and somebody reviewed; refuse where the world moved
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// How the deployment is reached.
    #[command(flatten)]
    pub connection: Connection,
}

/// What `status` is given.
#[derive(Args)]
pub struct StatusArguments {
    /// The deployment
    #[arg(long, value_name = "NAME")]
    pub deployment: DeploymentName,
    /// The pools; all of them where left out
    #[arg(long = "pool", value_name = "NAME", num_args = 1..)]
    pub pools: Vec<PoolName>,
    /// What to print
    #[arg(long, value_enum, default_value_t = StatusFormat::Human)]
    pub format: StatusFormat,
    /// How the deployment is reached.
    #[command(flatten)]
    pub connection: Connection,
}

/// What a status is printed as.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatusFormat {
    /// For a person
    Human,
    /// Schema registrar-status/1
    Json,
}

/// The pool that an order is about.
#[derive(Args)]
pub struct Target {
    /// The deployment
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub deployment: DeploymentName,
    /// The pool
    #[arg(long, value_name = "NAME")]
    pub pool: PoolName,
    /// How the deployment is reached.
    #[command(flatten)]
    pub connection: Connection,
}

/// What `release` is given.
#[derive(Args)]
pub struct ReleaseArguments {
    /// What it is about.
    #[command(flatten)]
    pub target: Target,
    /// How long the release stands if it is not used, up to 24h
    #[arg(long = "for", value_name = "DURATION", value_parser = release_time)]
    pub lasting: SignedDuration,
    /// Let only the records of these instances go
    #[arg(long, value_name = "INSTANCE", num_args = 1..)]
    pub only: Vec<InstanceId>,
    /// Why, for those who read the log
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: String,
}

/// What `pause` is given.
#[derive(Args)]
pub struct PauseArguments {
    /// What it is about.
    #[command(flatten)]
    pub target: Target,
    /// How long, up to 720h
    #[arg(long = "for", value_name = "DURATION", value_parser = pause_time, default_value = "2h")]
    pub lasting: SignedDuration,
    /// Why, for those who read the log
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: String,
}

/// What `resume` is given.
#[derive(Args)]
pub struct ResumeArguments {
    /// What it is about.
    #[command(flatten)]
    pub target: Target,
    /// Why, for those who read the log
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: Option<String>,
}

/// What `adopt` is given.
#[derive(Args)]
pub struct AdoptArguments {
    /// What it is about.
    #[command(flatten)]
    pub target: Target,
    /// A record of another tool's, by its set identifier, and the instance behind it
    #[arg(long = "record", value_name = "SET_IDENTIFIER=INSTANCE", num_args = 1.., value_parser = named_record)]
    pub records: Vec<(String, InstanceId)>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// What `pool` can do.
#[derive(Subcommand)]
pub enum PoolCommand {
    /// Validate a document, and say what is wrong and where
    Check {
        /// The document
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print the JSON Schema of pool documents
    Schema,
}

fn parameter_path(text: &str) -> Result<String, String> {
    let path = text.trim_end_matches('/');
    if path.starts_with('/') && path.len() > 1 {
        return Ok(path.to_owned());
    }
    Err("a path of parameters starts with /, such as /registrar/default/pools".to_owned())
}

fn release_time(text: &str) -> Result<SignedDuration, String> {
    time(text, LONGEST_RELEASE, "15m or 2h, of 24h at most")
}

fn pause_time(text: &str) -> Result<SignedDuration, String> {
    time(text, LONGEST_PAUSE, "30m or 2h, of 720h at most")
}

fn time(text: &str, longest: SignedDuration, such: &str) -> Result<SignedDuration, String> {
    let hint = || format!("write a time such as {such}");
    let time: SignedDuration = text.parse().map_err(|_| hint())?;
    if time >= SignedDuration::from_secs(1) && time <= longest { Ok(time) } else { Err(hint()) }
}

fn reason(text: &str) -> Result<String, String> {
    check_reason(text).map(|()| text.trim().to_owned()).map_err(|error| error.to_string())
}

/// A set identifier may itself have an equals sign.
fn named_record(text: &str) -> Result<(String, InstanceId), String> {
    let hint = "write SET_IDENTIFIER=INSTANCE, such as blue=i-0123456789abcdef0";
    let (identifier, instance) = text.rsplit_once('=').ok_or(hint)?;
    let instance = instance.parse().map_err(|error| format!("{error}; {hint}"))?;
    if identifier.is_empty() { Err(hint.to_owned()) } else { Ok((identifier.to_owned(), instance)) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times_are_bounded() {
        assert_eq!(release_time("15m"), Ok(SignedDuration::from_mins(15)));
        assert_eq!(release_time("1h 30m"), Ok(SignedDuration::from_mins(90)));
        assert_eq!(pause_time("720h"), Ok(LONGEST_PAUSE));
        for bad in ["24h 1s", "0s", "-5m", "soon", "15", "500ms", ""] {
            assert!(release_time(bad).is_err(), "{bad}");
        }
        assert!(pause_time("721h").unwrap_err().contains("720h"));
    }

    #[test]
    fn a_named_record_ends_in_its_instance() {
        assert_eq!(named_record("a=b=i-01"), Ok(("a=b".to_owned(), "i-01".parse().unwrap())));
        for bad in ["blue", "=i-01", "blue=", "blue=web-1"] {
            assert!(named_record(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_of_parameters_is_absolute() {
        assert_eq!(parameter_path("/dns/pools/"), Ok("/dns/pools".to_owned()));
        assert!(parameter_path("pools").is_err() && parameter_path("/").is_err());
    }
}
