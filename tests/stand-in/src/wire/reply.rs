//! An answer before it is sent.

use hyper::body::Bytes;
use serde_json::Value;

use crate::serving::Body;

/// An answer: status, headers and body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Reply {
    pub(crate) fn xml(status: u16, content_type: &str, body: String) -> Self {
        Self { status, headers: vec![("content-type", content_type.to_owned())], body }
    }

    /// Builds an answer in a version of AWS's JSON protocol.
    pub(crate) fn json(status: u16, version: &str, body: &Value) -> Self {
        let content_type = format!("application/x-amz-json-{version}");
        Self { status, headers: vec![("content-type", content_type)], body: body.to_string() }
    }

    /// Builds an answer in plain JSON, for the interfaces that are not AWS's.
    pub(crate) fn plain_json(status: u16, body: &Value) -> Self {
        Self::raw_json(status, body.to_string())
    }

    /// Builds an answer that is JSON already, or is meant not to be.
    pub(crate) fn raw_json(status: u16, body: String) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, body }
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Makes it ready to be sent, whole or cut in the middle. A header that cannot be sent is left out.
    pub(crate) fn into_response(self, cut: bool) -> hyper::Response<Body> {
        let body = Bytes::from(self.body);
        let mut response = hyper::Response::new(if cut { Body::cut(&body) } else { Body::whole(body) });
        *response.status_mut() =
            hyper::StatusCode::from_u16(self.status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            if let Ok(value) = value.parse() {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}
