//! What the API answers when it refuses a call.
//!
//! The variants are Route 53's error codes; whether to try again is the caller's decision.

/// A refused call, under the name that the API gives the refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Route53Error {
    /// The hosted zone does not exist.
    #[error("No hosted zone found with ID: {0}")]
    NoSuchHostedZone(String),
    /// The hosted zone exists already.
    #[error("A hosted zone already exists with ID: {0}")]
    HostedZoneAlreadyExists(String),
    /// The change was never submitted here, or so long ago that it was forgotten.
    #[error("Could not find resource with ID: {0}")]
    NoSuchChange(String),
    /// The request is malformed, whatever the hosted zone holds.
    #[error("{0}")]
    InvalidInput(String),
    /// The batch cannot be applied; nothing of it was. One message for each problem.
    #[error("[{}]", .0.join(", "))]
    InvalidChangeBatch(Vec<String>),
    /// Another change to the hosted zone is still being accepted.
    #[error(
        "The request was rejected because Route 53 was still processing a prior request for the same hosted zone"
    )]
    PriorRequestNotComplete,
    /// A token bucket of the account is empty.
    #[error("Rate exceeded")]
    Throttling,
}
