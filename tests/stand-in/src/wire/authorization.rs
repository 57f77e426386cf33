//! Who signed a request, for which Region and service.
//!
//! The signature itself is not verified: the stand-in knows no secrets. That there is one, and that it
//! is meant for the service that is called, is.

use hyper::HeaderMap;

use super::refusal::Refusal;
use crate::operation::Service;

/// The credential that a request was signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) access_key_id: String,
    pub(crate) region: String,
    pub(crate) session_token: Option<String>,
}

/// Reads the credential from `Authorization: AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, …`
/// (IAM User Guide, "Elements of an AWS API request signature").
///
/// # Errors
/// When there is none, or it is not complete, or meant for another service.
pub(crate) fn credential(headers: &HeaderMap, service: Service) -> Result<Credential, Refusal> {
    let Some(header) = headers.get("authorization") else {
        return Err(Refusal::new(403, "MissingAuthenticationToken", "Missing Authentication Token"));
    };
    let header = header.to_str().unwrap_or_default();
    let scope: Vec<&str> = header
        .strip_prefix("AWS4-HMAC-SHA256 ")
        .into_iter()
        .flat_map(|rest| rest.split(','))
        .find_map(|part| part.trim().strip_prefix("Credential="))
        .map(|credential| credential.split('/').collect())
        .unwrap_or_default();
    let signed = header.contains("Signature=") && header.contains("SignedHeaders=");
    let (true, [access_key_id, _, region, scoped, "aws4_request"]) = (signed, scope.as_slice()) else {
        let problem = "Authorization header requires 'Credential' of KEY/DATE/REGION/SERVICE/aws4_request, \
                       'SignedHeaders' and 'Signature'";
        return Err(Refusal::bad_request("IncompleteSignature", problem));
    };
    if *scoped != service.signing_name() {
        let problem = format!("Credential should be scoped to correct service: '{service}'.");
        return Err(Refusal::new(403, "SignatureDoesNotMatch", problem));
    }
    let session_token = headers.get("x-amz-security-token").and_then(|token| token.to_str().ok());
    Ok(Credential {
        access_key_id: (*access_key_id).to_owned(),
        region: (*region).to_owned(),
        session_token: session_token.map(str::to_owned),
    })
}
