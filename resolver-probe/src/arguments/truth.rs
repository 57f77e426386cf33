//! What should be answered: where the fleet, its groups and the pool document come from.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

/// What should be answered.
#[derive(Args)]
pub struct TruthArgs {
    /// What serves: a file with what `aws ec2 describe-instances` prints
    #[arg(long, value_name = "file:FLEET.json", requires = "pool")]
    pub truth: Option<TruthSource>,
    /// The pool document of the name
    #[arg(long, value_name = "POOL.json", requires = "truth")]
    pub pool: Option<String>,
    /// The members' lifecycle states: what `aws autoscaling describe-auto-scaling-instances` or
    /// `describe-auto-scaling-groups` prints. Without it, members that run count as in service
    #[arg(long, value_name = "FILE", requires = "truth")]
    pub groups: Option<PathBuf>,
}

/// Where the truth comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TruthSource {
    /// A file with a dump of the fleet.
    File(PathBuf),
}

impl FromStr for TruthSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("file:") {
            Some(path) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(_) | None => Err("write file:FLEET.json, a file with what `aws ec2 describe-instances` \
                                   prints"
                .to_owned()),
        }
    }
}
