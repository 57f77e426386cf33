//! The function's settings, from its environment.
//!
//! Credentials, Region and endpoint are the SDK's own business. The names of the variables are public, so that
//! templates can be held to them.

use std::fmt::Display;
use std::net::SocketAddr;
use std::str::FromStr;

use clap::ValueEnum;
use registrar_core::ids::{DeploymentName, PoolName, RoleArn};
use registrar_core::name::RecordName;
use registrar_lambda::EnvironmentError;
use registrar_lambda::environment::{
    CONFIG_PATH, DEPLOYMENT, LOG_LEVEL, METRICS_NAMESPACE, config_path, log_level,
};
use resolver_probe::Dimensions;
use resolver_probe::aws::LookRequest;
use resolver_probe::reach::{ReachProbe, Vantage};
use tracing::level_filters::LevelFilter;

/// The pool, by its name.
pub const POOL: &str = "PROBE_POOL";

/// The name that is checked; the pool's document has to be about it.
pub const NAME: &str = "PROBE_NAME";

/// Where the function is: `vpc` where it is attached to the instances' VPC.
pub const VANTAGE: &str = "PROBE_VANTAGE";

/// What the addresses are asked, as `resolver-probe check --reach` takes it; empty asks nobody.
pub const REACH: &str = "PROBE_REACH";

/// The role that reads the hosted zone where another account owns it.
pub const DNS_ROLE_ARN: &str = "PROBE_DNS_ROLE_ARN";

/// The variables that whoever deploys the function sets.
pub const VARIABLES: &[&str] =
    &[DEPLOYMENT, CONFIG_PATH, POOL, NAME, VANTAGE, REACH, DNS_ROLE_ARN, METRICS_NAMESPACE];

/// Name servers to ask in place of those that the delegation leads to, as `IP:PORT,…`: for a hosted zone that
/// nothing delegates to. No template sets it.
pub const SERVERS: &str = "PROBE_SERVERS";

/// The metrics' namespace where the platform's usual variable does not name one.
const DEFAULT_NAMESPACE: &str = "ResolverProbe";

/// The settings.
#[derive(Clone, Debug)]
pub struct Environment {
    /// What AWS is asked about.
    pub look: LookRequest,
    /// Where the metrics belong.
    pub dimensions: Dimensions,
    /// Where the function is.
    pub vantage: Vantage,
    /// What the addresses are asked, where anything is.
    pub reach: Option<ReachProbe>,
    /// The name servers to ask, where they are not to be found.
    pub servers: Vec<SocketAddr>,
    /// The log level, from the platform's own `AWS_LAMBDA_LOG_LEVEL`.
    pub log_level: LevelFilter,
}

impl Environment {
    /// Reads the settings; `variable` looks one up.
    ///
    /// # Errors
    /// When deployment, pool or name is missing, or a value cannot be used.
    pub fn read(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, EnvironmentError> {
        let set = |name| variable(name).filter(|value| !value.trim().is_empty());
        let needed = |name| set(name).ok_or(EnvironmentError::Missing(name));
        let deployment: DeploymentName = parse(DEPLOYMENT, &needed(DEPLOYMENT)?)?;
        let pool: PoolName = parse(POOL, &needed(POOL)?)?;
        let name: RecordName = parse(NAME, &needed(NAME)?)?;
        let servers = set(SERVERS).unwrap_or_default();
        let servers = servers.split(',').map(str::trim).filter(|server| !server.is_empty());
        Ok(Self {
            dimensions: Dimensions {
                namespace: set(METRICS_NAMESPACE).unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()),
                deployment: deployment.to_string(),
                pool: pool.to_string(),
            },
            look: LookRequest {
                name,
                deployment,
                config_path: config_path(set(CONFIG_PATH))?,
                pool,
                dns_role_arn: parse_set::<RoleArn>(DNS_ROLE_ARN, set(DNS_ROLE_ARN))?,
            },
            vantage: set(VANTAGE).map_or(Ok(Vantage::default()), |value| vantage(&value))?,
            reach: parse_set(REACH, set(REACH))?,
            servers: servers.map(|server| parse(SERVERS, server)).collect::<Result<_, _>>()?,
            log_level: log_level(set(LOG_LEVEL).as_deref()),
        })
    }
}

fn parse<T: FromStr<Err: Display>>(name: &'static str, value: &str) -> Result<T, EnvironmentError> {
    let invalid = |problem: T::Err| EnvironmentError::Invalid {
        name,
        value: value.to_owned(),
        problem: problem.to_string(),
    };
    value.parse().map_err(invalid)
}

fn parse_set<T: FromStr<Err: Display>>(
    name: &'static str,
    value: Option<String>,
) -> Result<Option<T>, EnvironmentError> {
    value.map(|value| parse(name, &value)).transpose()
}

fn vantage(value: &str) -> Result<Vantage, EnvironmentError> {
    Vantage::from_str(value, false).map_err(|_| EnvironmentError::Invalid {
        name: VANTAGE,
        value: value.to_owned(),
        problem: "write internet, carrier or vpc".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use super::*;

    const NEEDED: [(&str, &str); 3] =
        [(DEPLOYMENT, "edge"), (POOL, "video"), (NAME, "video.bos.edge.example.com")];

    fn read(more: &[(&str, &str)]) -> Result<Environment, EnvironmentError> {
        let set = [more, &NEEDED].concat();
        let found =
            |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Environment::read(&found)
    }

    #[test]
    fn deployment_pool_and_name_are_needed_and_the_rest_has_defaults() {
        for (missing, _) in NEEDED {
            let error = read(&[(missing, "")]).unwrap_err();
            assert_eq!(error, EnvironmentError::Missing(missing));
        }
        let environment = read(&[(REACH, ""), (DNS_ROLE_ARN, "")]).unwrap();
        assert_eq!(environment.vantage, Vantage::Internet);
        assert!(environment.reach.is_none() && environment.look.dns_role_arn.is_none());
        assert_eq!(environment.dimensions.namespace, "ResolverProbe");
    }

    #[test]
    fn what_the_template_sets_is_understood() {
        let environment = read(&[
            (CONFIG_PATH, "/registrar/edge/pools"),
            (VANTAGE, "vpc"),
            (REACH, "udp:5000,send=70696e67,expect=706f6e67"),
            (DNS_ROLE_ARN, "arn:aws:iam::210987654321:role/edge-dns-reader"),
            (METRICS_NAMESPACE, "Probes"),
        ]);
        let environment = environment.unwrap();
        assert_eq!(environment.vantage, Vantage::Vpc);
        assert!(environment.reach.is_some() && environment.look.dns_role_arn.is_some());
        assert_eq!(environment.dimensions.namespace, "Probes");
    }

    #[test]
    fn what_is_read_is_what_the_lists_name() {
        let asked = RefCell::new(BTreeSet::new());
        let note = |name: &str| {
            asked.borrow_mut().insert(name.to_owned());
            NEEDED.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        Environment::read(&note).unwrap();
        let named = VARIABLES.iter().chain(&[SERVERS, LOG_LEVEL]).map(|name| (*name).to_owned()).collect();
        assert_eq!(asked.into_inner(), named);
    }

    #[test]
    fn what_cannot_be_used_is_named_with_its_value() {
        for (name, value) in [
            (DEPLOYMENT, "Edge!"),
            (POOL, "Video!"),
            (NAME, "video..example.com"),
            (CONFIG_PATH, "pools"),
            (VANTAGE, "here"),
            (REACH, "stun"),
            (DNS_ROLE_ARN, "edge-dns-reader"),
            (SERVERS, "127.0.0.1:53,here"),
        ] {
            let error = read(&[(name, value)]).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{name}=")), "{error}");
        }
    }
}
