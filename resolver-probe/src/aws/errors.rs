//! Why there is no truth: what was not found or not read, and what to do about it.
//!
//! What was read only in part is no error; it is a gap of the truth.

use registrar_aws::{Kind, PortError};
use registrar_core::ids::{DeploymentName, PoolName};
use registrar_core::name::RecordName;
use registrar_core::pool::DocumentError;

/// Why a look came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookError {
    /// Nobody says which Region it is.
    #[error("no AWS Region is set (hint: set AWS_REGION, or `region` in the profile that AWS_PROFILE names)")]
    NoRegion,
    /// SSM was not asked, did not answer, or refused.
    #[error("the pool document was not read: {0}{hint}", hint = hint(.0))]
    NotRead(#[from] PortError),
    /// There is no deployment of this name.
    #[error(
        "there are no pool documents under {path} in {region} (hint: check the deployment's name, the \
         account and the Region)"
    )]
    NoDocuments {
        /// Where was looked.
        path: String,
        /// In which Region.
        region: String,
    },
    /// The deployment has other pools.
    #[error("deployment {deployment} has no pool {pool} (hint: its pools are {})", pools.join(", "))]
    NoPool {
        /// The deployment.
        deployment: DeploymentName,
        /// The pool that was asked for.
        pool: PoolName,
        /// Those that exist.
        pools: Vec<String>,
    },
    /// The document is not one that this release reads.
    #[error("pool document {parameter}: {problem} (hint: {})", problem.hint)]
    Unusable {
        /// The document's parameter.
        parameter: String,
        /// What is wrong with it.
        problem: DocumentError,
    },
    /// The pool has another name than the one that is checked.
    #[error(
        "pool {pool} in {region} is about {found}, and not about {name} (hint: check the pool, or whose \
         credentials these are)"
    )]
    OtherName {
        /// The pool.
        pool: PoolName,
        /// The name that is checked.
        name: RecordName,
        /// The name in its document.
        found: RecordName,
        /// In which Region.
        region: String,
    },
}

/// Adds what to do to a failure whose own text does not say it.
fn hint(error: &PortError) -> String {
    let hint = match error.kind {
        _ if error.message.contains("(hint: ") => None,
        Kind::Denied if error.message.contains("credentials") => Some(
            "log in, for example with `aws sso login`, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY",
        ),
        Kind::Unreachable => Some("check the network and the Region, and AWS_ENDPOINT_URL if it is set"),
        Kind::Throttled => Some("try again in a while: the account's budget for such calls is spent"),
        Kind::Denied | Kind::NotFound | Kind::Other => None,
    };
    hint.map_or_else(String::new, |hint| format!(" (hint: {hint})"))
}
