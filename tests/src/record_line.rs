//! Record sets in one line: `NAME TYPE [SET-IDENTIFIER] [weight=N] [multivalue] [ttl=N] … VALUES`.
//!
//! Reading goes through the JSON that `aws route53 list-resource-record-sets` prints.

use std::net::IpAddr;

use anyhow::{Context, Result, bail};
use registrar_core::plan::Change;
use registrar_core::record_set::RecordSet;
use serde_json::{Map, Value, json};

use crate::lines::words;

/// Reads a record set.
pub(crate) fn record(line: &str) -> Result<RecordSet> {
    serde_json::from_value(record_json(line)?).with_context(|| format!("record {line:?}"))
}

/// Expands a line into the AWS CLI's JSON.
pub(crate) fn record_json(line: &str) -> Result<Value> {
    let words = words(line);
    let [name, r#type, rest @ ..] = words.as_slice() else {
        bail!("{line:?} is no record: NAME TYPE … VALUES");
    };
    let mut fields = Map::new();
    let fqdn = if name.ends_with('.') { name.clone() } else { format!("{name}.") };
    fields.insert("Name".to_owned(), json!(fqdn));
    fields.insert("Type".to_owned(), json!(r#type));
    let mut values = Vec::new();
    for word in rest {
        if !add_field(&mut fields, word)? {
            let identifies = r#type == "A" && word.parse::<IpAddr>().is_err() && values.is_empty();
            if identifies && !fields.contains_key("SetIdentifier") {
                fields.insert("SetIdentifier".to_owned(), json!(word));
            } else {
                values.push(json!({ "Value": word }));
            }
        }
    }
    if !values.is_empty() {
        fields.insert("ResourceRecords".to_owned(), Value::Array(values));
    }
    Ok(Value::Object(fields))
}

/// Takes a word that is a field, and says whether it was one. `Key=…` with a capital is any other
/// field of Route 53's, in JSON or as text.
fn add_field(fields: &mut Map<String, Value>, word: &str) -> Result<bool> {
    if word == "multivalue" {
        fields.insert("MultiValueAnswer".to_owned(), json!(true));
        return Ok(true);
    }
    let Some((key, value)) = word.split_once('=').filter(|_| !word.starts_with('"')) else {
        return Ok(false);
    };
    let (key, value) = match key {
        "weight" => ("Weight", json!(value.parse::<u64>()?)),
        "ttl" => ("TTL", json!(value.parse::<u64>()?)),
        "health" => ("HealthCheckId", json!(value)),
        "alias" => ("AliasTarget", alias(value)),
        _ if key.starts_with(|first: char| first.is_ascii_uppercase()) => {
            (key, serde_json::from_str(value).unwrap_or_else(|_| json!(value)))
        }
        _ => return Ok(false),
    };
    fields.insert(key.to_owned(), value);
    Ok(true)
}

/// `NAME@HOSTED-ZONE`, with `!` at the end where the target's health is evaluated.
fn alias(text: &str) -> Value {
    let evaluate = text.ends_with('!');
    let (name, zone) = text.trim_end_matches('!').split_once('@').unwrap_or((text, "Z0EDGE"));
    json!({ "HostedZoneId": zone, "DNSName": format!("{name}."), "EvaluateTargetHealth": evaluate })
}

/// Writes a record set in one line.
pub(crate) fn line(record: &RecordSet) -> String {
    let mut line = format!("{} {}", record.name, record.r#type);
    let mut add = |word: String| {
        line.push(' ');
        line.push_str(&word);
    };
    record.set_identifier.iter().for_each(|id| add(id.clone()));
    record.weight.iter().for_each(|weight| add(format!("weight={weight}")));
    record.multi_value_answer.iter().filter(|on| **on).for_each(|_| add("multivalue".to_owned()));
    record.ttl_secs.iter().for_each(|ttl| add(format!("ttl={ttl}")));
    record.health_check_id.iter().for_each(|id| add(format!("health={id}")));
    if let Some(target) = &record.alias_target {
        let health = if target.evaluate_target_health { "!" } else { "" };
        add(format!("alias={}@{}{health}", target.dns_name, target.hosted_zone_id));
    }
    record.other.iter().for_each(|(key, value)| match value.as_str() {
        Some(text) => add(format!("{key}={text}")),
        None => add(format!("{key}={value}")),
    });
    record.values().for_each(|value| add(value.to_owned()));
    line
}

/// Writes a change in one line.
pub(crate) fn change_line(change: &Change) -> String {
    format!("{} {}", change.action, line(&change.record))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_back_as_it_was_written() {
        for text in [
            "video.example.com A registrar/default/video/i-0a weight=100 ttl=20 192.0.2.1",
            "video.example.com A x multivalue ttl=20 health=hc-1 192.0.2.1",
            "video.example.com A ttl=20 192.0.2.1 192.0.2.2",
            "registrar-owner.video.example.com TXT ttl=20 \"registrar/default/video/i-0a=192.0.2.1\" \"a b\"",
            "video.example.com A f weight=0 alias=lb.example.net@Z2!",
            "video.example.com A eu ttl=60 Region=eu-west-1 192.0.2.9",
        ] {
            assert_eq!(line(&record(text).unwrap()), text);
        }
    }
}
