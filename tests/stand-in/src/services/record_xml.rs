//! Record sets and change batches in Route 53's XML.
//!
//! Only the form is judged here: what the schema does not know is refused, as Route 53 refuses it. The
//! rules for record sets are the model's.

use registrar_core::record_set::{AliasTarget, RecordSet, RecordType, ResourceRecord};
use registrar_local::route53::{ModelAction, ModelChange};
use serde_json::{Map, Value};

use crate::wire::element::Element;
use crate::wire::refusal::Refusal;

/// The types that Route 53 has (API reference, `ResourceRecordSet`).
const TYPES: [&str; 17] = [
    "SOA", "A", "TXT", "NS", "CNAME", "MX", "NAPTR", "PTR", "SRV", "SPF", "AAAA", "CAA", "DS", "TLSA",
    "SSHFP", "SVCB", "HTTPS",
];
/// Fields of a record set that the model keeps without looking into them, text first.
const KEPT_TEXT: [&str; 3] = ["Region", "Failover", "TrafficPolicyInstanceId"];
const KEPT_TREE: [&str; 3] = ["GeoLocation", "CidrRoutingConfig", "GeoProximityLocation"];
/// Longest comment of a batch (API reference, `ChangeBatch`).
const LONGEST_COMMENT: usize = 256;

/// Reads the body of `ChangeResourceRecordSets`: the comment and the changes.
pub(super) fn read_batch(body: &str) -> Result<(Option<String>, Vec<ModelChange>), Refusal> {
    let root = Element::parse(body).map_err(|problem| invalid(&problem))?;
    if root.name != "ChangeResourceRecordSetsRequest" {
        return Err(invalid(&format!("Cannot find the declaration of element '{}'.", root.name)));
    }
    let batch = only_children(&root, &["ChangeBatch"])?.child("ChangeBatch");
    let batch = only_children(batch.ok_or_else(|| missing("ChangeBatch"))?, &["Comment", "Changes"])?;
    let comment = batch.child("Comment").map(|comment| comment.text.clone());
    if comment.as_ref().is_some_and(|comment| comment.chars().count() > LONGEST_COMMENT) {
        return Err(invalid(&format!("Comment has more than {LONGEST_COMMENT} characters")));
    }
    let changes = batch.child("Changes").ok_or_else(|| missing("Changes"))?;
    let changes = only_children(changes, &["Change"])?.children.iter().map(read_change);
    Ok((comment, changes.collect::<Result<_, _>>()?))
}

fn read_change(change: &Element) -> Result<ModelChange, Refusal> {
    let change = only_children(change, &["Action", "ResourceRecordSet"])?;
    let action = match text_of(change, "Action")? {
        "CREATE" => ModelAction::Create,
        "DELETE" => ModelAction::Delete,
        "UPSERT" => ModelAction::Upsert,
        other => return Err(enumeration(other, "[CREATE, DELETE, UPSERT]")),
    };
    let record = change.child("ResourceRecordSet").ok_or_else(|| missing("ResourceRecordSet"))?;
    Ok(ModelChange { action, record: read_record(record)? })
}

fn read_record(element: &Element) -> Result<RecordSet, Refusal> {
    const KNOWN: [&str; 9] = [
        "Name",
        "Type",
        "SetIdentifier",
        "Weight",
        "MultiValueAnswer",
        "TTL",
        "ResourceRecords",
        "AliasTarget",
        "HealthCheckId",
    ];
    let known: Vec<&str> = KNOWN.into_iter().chain(KEPT_TEXT).chain(KEPT_TREE).collect();
    let element = only_children(element, &known)?;
    let record_type = text_of(element, "Type")?;
    if !TYPES.contains(&record_type) {
        return Err(enumeration(record_type, &format!("[{}]", TYPES.join(", "))));
    }
    let mut record = RecordSet::simple(
        name(text_of(element, "Name")?)?,
        RecordType::from(record_type.to_owned()),
        0,
        Vec::new(),
    );
    record.set_identifier = element.child("SetIdentifier").map(|id| id.text.clone());
    record.weight = element.child("Weight").map(|weight| number(weight, u8::MAX.into())).transpose()?;
    record.ttl_secs = element.child("TTL").map(|ttl| number(ttl, u32::MAX)).transpose()?;
    record.multi_value_answer = element.child("MultiValueAnswer").map(boolean).transpose()?;
    record.health_check_id = element.child("HealthCheckId").map(|id| id.text.clone());
    record.resource_records = element.child("ResourceRecords").map(values).transpose()?.unwrap_or_default();
    record.alias_target = element.child("AliasTarget").map(alias_target).transpose()?;
    let kept = element.children.iter().filter(|child| !KNOWN.contains(&child.name.as_str()));
    record.other = kept.map(|child| (child.name.clone(), to_json(child))).collect();
    Ok(record)
}

fn values(element: &Element) -> Result<Vec<ResourceRecord>, Refusal> {
    let records = only_children(element, &["ResourceRecord"])?.children.iter();
    let value = |record: &Element| {
        let value = text_of(only_children(record, &["Value"])?, "Value")?.to_owned();
        Ok(ResourceRecord { value })
    };
    records.map(value).collect()
}

fn alias_target(element: &Element) -> Result<AliasTarget, Refusal> {
    let element = only_children(element, &["HostedZoneId", "DNSName", "EvaluateTargetHealth"])?;
    let health = element.child("EvaluateTargetHealth").ok_or_else(|| missing("EvaluateTargetHealth"))?;
    Ok(AliasTarget {
        hosted_zone_id: text_of(element, "HostedZoneId")?.to_owned(),
        dns_name: name(text_of(element, "DNSName")?)?,
        evaluate_target_health: boolean(health)?,
    })
}

fn name(text: &str) -> Result<registrar_core::name::RecordName, Refusal> {
    text.parse().map_err(|_| Refusal::bad_request("InvalidInput", format!("Invalid DNS name: '{text}'")))
}

fn number<T: TryFrom<u64>>(element: &Element, greatest: u32) -> Result<T, Refusal> {
    let parsed = element.text.parse::<u64>().ok().filter(|number| *number <= greatest.into());
    parsed.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
        invalid(&format!("'{}' is not a valid value of '{}', 0 to {greatest}", element.text, element.name))
    })
}

fn boolean(element: &Element) -> Result<bool, Refusal> {
    match element.text.as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        other => Err(invalid(&format!("'{other}' is not a valid value for 'boolean'."))),
    }
}

fn text_of<'a>(element: &'a Element, name: &str) -> Result<&'a str, Refusal> {
    Ok(&element.child(name).ok_or_else(|| missing(name))?.text)
}

/// Refuses children that the schema does not know, and those that are there twice unless they are a list.
fn only_children<'a>(element: &'a Element, known: &[&str]) -> Result<&'a Element, Refusal> {
    for (index, child) in element.children.iter().enumerate() {
        let repeated =
            known.len() > 1 && element.children[..index].iter().any(|other| other.name == child.name);
        if repeated || !known.contains(&child.name.as_str()) {
            return Err(invalid(&format!(
                "cvc-complex-type.2.4.a: Invalid content was found starting with element '{}'.",
                child.name
            )));
        }
    }
    Ok(element)
}

fn missing(name: &str) -> Refusal {
    invalid(&format!("cvc-complex-type.2.4.b: '{name}' is expected."))
}

fn enumeration(value: &str, allowed: &str) -> Refusal {
    invalid(&format!(
        "cvc-enumeration-valid: Value '{value}' is not facet-valid with respect to enumeration '{allowed}'."
    ))
}

fn invalid(problem: &str) -> Refusal {
    Refusal::bad_request("InvalidInput", format!("Invalid XML ; {problem}"))
}

/// Turns what the model keeps into the JSON that the AWS CLI prints, where a bias is the one number.
fn to_json(element: &Element) -> Value {
    if !element.children.is_empty() {
        let fields = element.children.iter().map(|child| (child.name.clone(), to_json(child)));
        return Value::Object(fields.collect::<Map<_, _>>());
    }
    match element.text.parse::<i64>() {
        Ok(bias) if element.name == "Bias" => bias.into(),
        _ => element.text.clone().into(),
    }
}

fn from_json(name: &str, value: &Value) -> Element {
    match value {
        Value::Object(fields) => {
            let element = Element::new(name);
            fields.iter().fold(element, |element, (name, value)| element.with(from_json(name, value)))
        }
        Value::String(text) => Element::text(name, text),
        other => Element::text(name, other),
    }
}

/// Writes a record set as a listing shows it.
pub(super) fn write_record(record: &RecordSet) -> Element {
    let element = Element::new("ResourceRecordSet")
        .field("Name", record.name.to_fqdn())
        .field("Type", &record.r#type)
        .optional("SetIdentifier", record.set_identifier.as_ref())
        .optional("Weight", record.weight);
    let kept = record.other.iter().map(|(name, value)| from_json(name, value));
    let element = kept
        .fold(element, Element::with)
        .optional("MultiValueAnswer", record.multi_value_answer)
        .optional("TTL", record.ttl_secs);
    let element = if record.resource_records.is_empty() {
        element
    } else {
        let value = |value| Element::new("ResourceRecord").field("Value", value);
        element.list("ResourceRecords", record.values().map(value))
    };
    let alias = record.alias_target.iter().map(|alias| {
        Element::new("AliasTarget")
            .field("HostedZoneId", &alias.hosted_zone_id)
            .field("DNSName", alias.dns_name.to_fqdn())
            .field("EvaluateTargetHealth", alias.evaluate_target_health)
    });
    alias.fold(element, Element::with).optional("HealthCheckId", record.health_check_id.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(record: &str) -> String {
        format!(
            "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch>\
             <Changes><Change><Action>CREATE</Action><ResourceRecordSet>{record}</ResourceRecordSet></Change>\
             </Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
        )
    }

    #[test]
    fn a_record_set_is_written_as_it_was_read() {
        let records = [
            "<Name>a.example.com.</Name><Type>A</Type><SetIdentifier>x &amp; y</SetIdentifier><Weight>0</Weight>\
             <TTL>20</TTL><ResourceRecords><ResourceRecord><Value>192.0.2.1</Value></ResourceRecord></ResourceRecords>\
             <HealthCheckId>h</HealthCheckId>",
            "<Name>\\052.example.com.</Name><Type>A</Type><SetIdentifier>g</SetIdentifier><GeoProximityLocation>\
             <Bias>-5</Bias><Coordinates><Latitude>1.00</Latitude></Coordinates></GeoProximityLocation><AliasTarget>\
             <HostedZoneId>Z2</HostedZoneId><DNSName>b.example.com.</DNSName>\
             <EvaluateTargetHealth>true</EvaluateTargetHealth></AliasTarget>",
        ];
        for record in records {
            let (_, changes) = read_batch(&change(record)).unwrap();
            let written = write_record(&changes[0].record);
            let read = Element::parse(&format!("<ResourceRecordSet>{record}</ResourceRecordSet>")).unwrap();
            assert_eq!(written, read);
        }
    }

    #[test]
    fn what_the_schema_does_not_know_is_invalid_input() {
        let good = "<Name>a.example.com</Name><Type>A</Type><TTL>20</TTL>";
        assert!(read_batch(&change(good)).is_ok());
        for bad in [
            "<Name>a.example.com</Name>",
            "<Type>A</Type>",
            "<Name>a.example.com</Name><Type>B</Type>",
            "<Name>a..example.com</Name><Type>A</Type>",
            "<Name>a.example.com</Name><Type>A</Type><Colour>red</Colour>",
            "<Name>a.example.com</Name><Type>A</Type><TTL>1</TTL><TTL>2</TTL>",
            "<Name>a.example.com</Name><Type>A</Type><Weight>256</Weight>",
            "<Name>a.example.com</Name><Type>A</Type><TTL>soon</TTL>",
            "<Name>a.example.com</Name><Type>A</Type><MultiValueAnswer>yes</MultiValueAnswer>",
        ] {
            let refusal = read_batch(&change(bad)).unwrap_err();
            assert_eq!((refusal.status, refusal.code.as_str()), (400, "InvalidInput"), "{bad}");
        }
        assert!(read_batch("<ChangeBatch/>").is_err());
        assert!(read_batch("not XML").is_err());
    }
}
