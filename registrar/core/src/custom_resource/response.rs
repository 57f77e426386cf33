//! The answer to a custom-resource request, within CloudFormation's limit on its size.
//!
//! It is put to the request's address by whoever has a network.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{CustomResourceRequest, RequestKind};

/// The largest answer, in bytes (CloudFormation user guide, "Custom resource response objects").
pub const LARGEST_RESPONSE: usize = 4096;

/// How many bytes a reason may take from the data of an answer.
const LARGEST_REASON: usize = 1024;

/// Whether a request was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseStatus {
    /// It was.
    Success,
    /// It was not; the stack's operation fails.
    Failed,
}

/// The answer to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "CloudFormation waits for the answer"]
pub struct CustomResourceResponse {
    status: ResponseStatus,
    reason: String,
    physical_resource_id: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    data: BTreeMap<String, String>,
}

impl CustomResourceResponse {
    pub(super) fn new(
        request: &CustomResourceRequest,
        status: ResponseStatus,
        reason: String,
        physical_resource_id: String,
        data: BTreeMap<String, String>,
    ) -> Self {
        // CloudFormation demands a reason of a failure.
        let reason = match (status, reason.is_empty()) {
            (ResponseStatus::Failed, true) => "no reason was given".to_owned(),
            (ResponseStatus::Failed | ResponseStatus::Success, _) => reason,
        };
        // Nobody reads the data of what was deleted.
        let data = if request.kind == RequestKind::Delete { BTreeMap::new() } else { data };
        Self {
            status,
            reason,
            physical_resource_id,
            stack_id: request.stack_id.clone(),
            request_id: request.request_id.clone(),
            logical_resource_id: request.logical_resource_id.clone(),
            data,
        }
    }

    /// Returns whether the request was carried out.
    #[must_use]
    pub fn status(&self) -> ResponseStatus {
        self.status
    }

    /// Returns the answer's JSON, at most 4,096 bytes of it: the reason and the data are shortened, at the
    /// end of a character, until it is. An entry of which nothing would be left is left out.
    #[must_use]
    pub fn to_body(&self) -> String {
        let room = LARGEST_RESPONSE.saturating_sub(self.document("", &BTreeMap::new()).len());
        let for_reason = if self.data.is_empty() { room } else { room.min(LARGEST_REASON) };
        let reason = shortened(&self.reason, for_reason);
        let mut room = room - encoded_len(&reason);
        let mut data = BTreeMap::new();
        for (key, value) in &self.data {
            // Two pairs of quotes, a colon and a comma.
            let overhead = encoded_len(key) + 6;
            let value = shortened(value, room.saturating_sub(overhead));
            let size = overhead + encoded_len(&value);
            if size <= room && (!value.is_empty() || self.data[key].is_empty()) {
                room -= size;
                data.insert(key.as_str(), value);
            }
        }
        self.document(&reason, &data)
    }

    fn document(&self, reason: &str, data: &BTreeMap<&str, String>) -> String {
        let status = match self.status {
            ResponseStatus::Success => "SUCCESS",
            ResponseStatus::Failed => "FAILED",
        };
        let mut document = json!({
            "Status": status,
            "PhysicalResourceId": self.physical_resource_id,
            "StackId": self.stack_id,
            "RequestId": self.request_id,
            "LogicalResourceId": self.logical_resource_id,
            "NoEcho": false,
            "Reason": reason,
        });
        document["Data"] =
            data.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect::<Value>();
        document.to_string()
    }
}

/// Cuts a text so that it takes at most so many bytes in JSON, and marks where it was cut.
fn shortened(text: &str, most: usize) -> String {
    if encoded_len(text) <= most {
        return text.to_owned();
    }
    const MARK: char = '…';
    let mut left = most.saturating_sub(MARK.len_utf8());
    let mut kept = String::new();
    for character in text.chars() {
        let size = encoded_char_len(character);
        if size > left {
            break;
        }
        left -= size;
        kept.push(character);
    }
    if !kept.is_empty() {
        kept.push(MARK);
    }
    kept
}

fn encoded_len(text: &str) -> usize {
    text.chars().map(encoded_char_len).sum()
}

/// Returns how many bytes JSON takes for a character, as serde_json writes it.
fn encoded_char_len(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\u{0}'..='\u{1f}' => 6,
        _ => character.len_utf8(),
    }
}
