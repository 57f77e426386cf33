//! The function's settings, from its environment.
//!
//! Credentials, Region and endpoint are the SDK's own business. The names of the variables are public, so that
//! templates can be held to them.

use registrar_aws::deployment::ParameterPaths;
use registrar_core::ids::DeploymentName;
use tracing::level_filters::LevelFilter;

/// The deployment's name; the only variable that has to be set.
pub const DEPLOYMENT: &str = "REGISTRAR_DEPLOYMENT";

/// Where the pool documents are, if not at `/registrar/<deployment>/pools`.
pub const CONFIG_PATH: &str = "REGISTRAR_CONFIG_PATH";

/// The URL of the function's own queue, for drain tickets and for messages that come back.
pub const QUEUE_URL: &str = "REGISTRAR_QUEUE_URL";

/// The metrics' namespace.
pub const METRICS_NAMESPACE: &str = "POWERTOOLS_METRICS_NAMESPACE";

/// The variables that whoever deploys the function sets.
pub const VARIABLES: &[&str] = &[DEPLOYMENT, CONFIG_PATH, QUEUE_URL, METRICS_NAMESPACE];

/// The log level, which the platform sets by the function's logging configuration.
pub const LOG_LEVEL: &str = "AWS_LAMBDA_LOG_LEVEL";

/// The metrics' namespace where the platform's usual variable does not name one.
const DEFAULT_NAMESPACE: &str = "Registrar";

/// The settings.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The deployment, from `REGISTRAR_DEPLOYMENT`.
    pub deployment: DeploymentName,
    /// Where its parameters are, from `REGISTRAR_CONFIG_PATH`.
    pub paths: ParameterPaths,
    /// The queue that drain tickets go to, from `REGISTRAR_QUEUE_URL`.
    pub queue_url: Option<String>,
    /// The log level, from the platform's own `AWS_LAMBDA_LOG_LEVEL`.
    pub log_level: LevelFilter,
    /// The metrics' namespace, from `POWERTOOLS_METRICS_NAMESPACE`.
    pub namespace: String,
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// It is not set.
    #[error("{0} is not set (hint: set it in the function's environment)")]
    Missing(&'static str),
    /// Its value is not one that it may have.
    #[error("{name}={value:?}: {problem}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl Environment {
    /// Reads the settings; `variable` looks one up.
    ///
    /// # Errors
    /// When the deployment is missing, or a value cannot be used.
    pub fn read(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, EnvironmentError> {
        let set = |name| variable(name).filter(|value| !value.trim().is_empty());
        let name = DEPLOYMENT;
        let value = set(name).ok_or(EnvironmentError::Missing(name))?;
        let deployment: DeploymentName = value.parse().map_err(|error: registrar_core::ids::InvalidId| {
            EnvironmentError::Invalid { name, value: value.clone(), problem: error.to_string() }
        })?;
        let config_path = config_path(set(CONFIG_PATH))?;
        Ok(Self {
            paths: ParameterPaths::new(&deployment, config_path.as_deref()),
            deployment,
            queue_url: set(QUEUE_URL),
            log_level: log_level(set(LOG_LEVEL).as_deref()),
            namespace: set(METRICS_NAMESPACE).unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()),
        })
    }
}

/// Checks the path of the pool documents, where one is set.
///
/// # Errors
/// When it is none.
pub fn config_path(set: Option<String>) -> Result<Option<String>, EnvironmentError> {
    match set {
        Some(value) if !value.starts_with('/') => Err(EnvironmentError::Invalid {
            name: CONFIG_PATH,
            value,
            problem: "a path of parameters starts with /".to_owned(),
        }),
        path => Ok(path),
    }
}

/// Reads the platform's level; one that it does not have is taken as its default.
#[must_use]
pub fn log_level(name: Option<&str>) -> LevelFilter {
    match name.map(str::to_ascii_uppercase).as_deref() {
        Some("TRACE") => LevelFilter::TRACE,
        Some("DEBUG") => LevelFilter::DEBUG,
        Some("WARN") => LevelFilter::WARN,
        Some("ERROR" | "FATAL") => LevelFilter::ERROR,
        Some(_) | None => LevelFilter::INFO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Environment, EnvironmentError> {
        let found =
            |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Environment::read(&found)
    }

    #[test]
    fn the_deployment_is_needed_and_the_rest_has_defaults() {
        assert_eq!(read(&[]).unwrap_err(), EnvironmentError::Missing("REGISTRAR_DEPLOYMENT"));
        let environment = read(&[("REGISTRAR_DEPLOYMENT", "edge")]).unwrap();
        assert_eq!(environment.paths.config(), "/registrar/edge/pools");
        assert_eq!(environment.log_level, LevelFilter::INFO);
        assert_eq!(environment.queue_url, None);
    }

    #[test]
    fn what_is_read_is_what_the_lists_name() {
        let asked = std::cell::RefCell::new(std::collections::BTreeSet::new());
        let note = |name: &str| {
            asked.borrow_mut().insert(name.to_owned());
            (name == DEPLOYMENT).then(|| "edge".to_owned())
        };
        Environment::read(&note).unwrap();
        let named = VARIABLES.iter().chain(&[LOG_LEVEL]).map(|name| (*name).to_owned()).collect();
        assert_eq!(asked.into_inner(), named);
    }

    #[test]
    fn what_cannot_be_used_is_named_with_its_value() {
        let error = read(&[("REGISTRAR_DEPLOYMENT", "Edge!")]).unwrap_err().to_string();
        assert!(error.starts_with("REGISTRAR_DEPLOYMENT=\"Edge!\": "), "{error}");
        let error =
            read(&[("REGISTRAR_DEPLOYMENT", "edge"), ("REGISTRAR_CONFIG_PATH", "pools")]).unwrap_err();
        assert_eq!(error.to_string(), "REGISTRAR_CONFIG_PATH=\"pools\": a path of parameters starts with /");
    }

    #[test]
    fn the_platform_sets_the_level() {
        let set = [("REGISTRAR_DEPLOYMENT", "edge"), ("AWS_LAMBDA_LOG_LEVEL", "debug")];
        assert_eq!(read(&set).unwrap().log_level, LevelFilter::DEBUG);
    }
}
