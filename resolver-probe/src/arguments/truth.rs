//! What should be answered: where the fleet, its groups, the pool document and the records come from.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use registrar_core::ids::{DeploymentName, RoleArn};

/// What should be answered.
#[derive(Args)]
pub struct TruthArgs {
    /// What serves: aws, as SSM, EC2, Auto Scaling and Route 53 have it now, with credentials, Region and
    /// endpoints from wherever the SDK's users keep them; or a file with what `aws ec2 describe-instances`
    /// prints
    #[arg(long, value_name = "aws|file:FLEET.json", requires = "pool")]
    pub truth: Option<TruthSource>,
    /// With --truth aws, the pool's name; with a file, the pool document of the name, named by its stem
    /// or as NAME=FILE
    #[arg(long, value_name = "NAME|POOL.json", requires = "truth")]
    pub pool: Option<String>,
    /// The deployment that the pool and the records belong to
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub deployment: DeploymentName,
    /// With --truth aws, where the pool documents are in SSM [default: /registrar/DEPLOYMENT/pools]
    #[arg(long, value_name = "PATH", requires = "truth", value_parser = parameter_path)]
    pub config_path: Option<String>,
    /// With --truth aws, the role that reads the hosted zone where another account owns it [default: the
    /// one of the pool document]
    #[arg(long, value_name = "ARN", requires = "truth")]
    pub dns_role_arn: Option<RoleArn>,
    /// With a file, the members' lifecycle states: what `aws autoscaling describe-auto-scaling-instances`
    /// or `describe-auto-scaling-groups` prints. Without it, members that run count as in service
    #[arg(long, value_name = "FILE", requires = "truth")]
    pub groups: Option<PathBuf>,
    /// The records behind the name: what `aws route53 list-resource-record-sets` prints. With --truth aws
    /// they are listed
    #[arg(long, value_name = "FILE")]
    pub records: Option<PathBuf>,
}

/// Where the truth comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TruthSource {
    /// AWS, now.
    Aws,
    /// A file with a dump of the fleet.
    File(PathBuf),
}

impl FromStr for TruthSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("file:") {
            Some(path) if !path.is_empty() => Ok(Self::File(path.into())),
            None if text == "aws" => Ok(Self::Aws),
            Some(_) | None => Err("write aws, or file:FLEET.json, a file with what `aws ec2 \
                                   describe-instances` prints"
                .to_owned()),
        }
    }
}

/// Reads a path of parameters, as the registrar's own command does.
fn parameter_path(text: &str) -> Result<String, String> {
    let path = text.trim_end_matches('/');
    if path.starts_with('/') && path.len() > 1 {
        return Ok(path.to_owned());
    }
    Err("a path of parameters starts with /, such as /registrar/default/pools".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_truth_is_aws_or_a_file() {
        assert_eq!("aws".parse(), Ok(TruthSource::Aws));
        assert_eq!("file:fleet.json".parse(), Ok(TruthSource::File("fleet.json".into())));
        for text in ["", "file:", "AWS", "fleet.json", "aws:edge"] {
            assert!(text.parse::<TruthSource>().is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn a_path_of_parameters_is_absolute() {
        assert_eq!(parameter_path("/dns/pools/"), Ok("/dns/pools".to_owned()));
        assert!(parameter_path("pools").is_err() && parameter_path("/").is_err());
    }
}
