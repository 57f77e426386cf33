//! What the code calls and where it keeps its parameters, for the templates to agree with.

use registrar_aws::deployment::ParameterPaths;
use registrar_aws::{ACTIONS, NeededBy};
use registrar_core::ids::{DeploymentName, InvalidId};

/// Returns every IAM action that the function's adapters need.
pub(crate) fn actions() -> Vec<&'static str> {
    let needed = ACTIONS.iter().filter(|action| action.needed_by == NeededBy::Function);
    needed.map(|action| action.name).collect()
}

/// Returns the paths of the deployment that the templates make by default.
pub(crate) fn paths() -> Result<ParameterPaths, InvalidId> {
    "edge".parse().map(|deployment: DeploymentName| ParameterPaths::new(&deployment, None))
}
