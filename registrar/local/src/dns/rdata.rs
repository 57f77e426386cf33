//! Turns names and values from Route 53's presentation format into DNS records.
//!
//! It decides neither what is answered nor for how long.

use hickory_proto::rr::rdata::{A, AAAA, CAA, CNAME, MX, NS, PTR, SOA, SRV, TXT};
use hickory_proto::rr::{Name, RData};
use registrar_core::name::RecordName;
use registrar_core::record_set::RecordType;

use crate::value::{Soa, Value, unescape};

/// The bit of a CAA record's flags that makes its property critical (RFC 8659 §4.1).
const CAA_CRITICAL: u8 = 0x80;

/// Parses one value of a record set, and says `None` where it cannot be sent.
pub(crate) fn parse(record_type: &RecordType, value: &str) -> Option<RData> {
    rdata(Value::parse(record_type, value).ok()??)
}

/// Parses the value of a start of authority.
pub(crate) fn parse_soa(value: &str) -> Option<SOA> {
    match Value::parse(&RecordType::Soa, value) {
        Ok(Some(Value::Soa(value))) => soa(value),
        _ => None,
    }
}

fn rdata(value: Value) -> Option<RData> {
    Some(match value {
        Value::A(address) => RData::A(A(address)),
        Value::Aaaa(address) => RData::AAAA(AAAA(address)),
        Value::Caa { flags, tag, value } => RData::CAA(caa(flags, tag, value)),
        Value::Cname(target) => RData::CNAME(CNAME(wire_name(&target)?)),
        Value::Mx(preference, exchange) => RData::MX(MX::new(preference, or_root(exchange)?)),
        Value::Ns(server) => RData::NS(NS(wire_name(&server)?)),
        Value::Ptr(target) => RData::PTR(PTR(wire_name(&target)?)),
        Value::Soa(value) => RData::SOA(soa(value)?),
        Value::Srv { priority, weight, port, target } => {
            RData::SRV(SRV::new(priority, weight, port, or_root(target)?))
        }
        Value::Txt(strings) => RData::TXT(TXT::from_bytes(strings.iter().map(Vec::as_slice).collect())),
    })
}

fn soa(value: Soa) -> Option<SOA> {
    let Soa { primary, mailbox, serial, refresh, retry, expire, minimum } = value;
    let (primary, mailbox) = (wire_name(&primary)?, wire_name(&mailbox)?);
    Some(SOA::new(primary, mailbox, serial, refresh, retry, expire, minimum))
}

fn caa(flags: u8, tag: String, value: Vec<u8>) -> CAA {
    let mut caa = CAA::new_issue(flags & CAA_CRITICAL != 0, None, Vec::new());
    caa.reserved_flags = flags & !CAA_CRITICAL;
    caa.tag = tag;
    caa.value = value;
    caa
}

fn or_root(name: Option<RecordName>) -> Option<Name> {
    name.map_or_else(|| Some(Name::root()), |name| wire_name(&name))
}

/// Converts a name from its escaped text.
pub(crate) fn wire_name(name: &RecordName) -> Option<Name> {
    let labels: Option<Vec<Vec<u8>>> = name.labels().map(octets).collect();
    Name::from_labels(labels?).ok()
}

fn octets(label: &str) -> Option<Vec<u8>> {
    let mut bytes = label.bytes();
    let mut octets = Vec::with_capacity(label.len());
    while let Some(byte) = bytes.next() {
        octets.push(if byte == b'\\' { unescape(&mut bytes)? } else { byte });
    }
    Some(octets)
}

/// Converts a name to its escaped text; `None` for the root, which is in no hosted zone.
pub(crate) fn record_name(name: &Name) -> Option<RecordName> {
    let mut text = String::with_capacity(name.len());
    for label in name.iter() {
        if !text.is_empty() {
            text.push('.');
        }
        for byte in label {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
                text.push(char::from(*byte));
            } else {
                text.push_str(&format!("\\{byte:03o}"));
            }
        }
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(record_type: &str, value: &str) -> String {
        parse(&RecordType::from(record_type.to_owned()), value).unwrap().to_string()
    }

    #[test]
    fn every_type_that_is_served_is_parsed_from_its_presentation_form() {
        for (record_type, value) in [
            ("A", "192.0.2.1"),
            ("AAAA", "2001:db8::1"),
            ("CAA", "128 issue \"ca.example.net\""),
            ("CNAME", "a.example.com."),
            ("MX", "10 mail.example.com."),
            ("MX", "0 ."),
            ("NS", "ns.example.com."),
            ("PTR", "a.example.com."),
            ("SOA", "ns.example.com. h.example.com. 1 7200 900 1209600 86400"),
            ("SRV", "1 2 443 a.example.com."),
        ] {
            assert_eq!(text(record_type, value), value);
        }
        assert!(parse(&RecordType::Other("NAPTR".to_owned()), "x").is_none());
    }

    #[test]
    fn a_text_record_keeps_its_strings_apart_and_its_octets() {
        let Some(RData::TXT(txt)) = parse(&RecordType::Txt, "\"one\" \"\\377\"") else { panic!("no text") };
        let strings: Vec<&[u8]> = txt.txt_data.iter().map(AsRef::as_ref).collect();
        assert_eq!(strings, [b"one".as_slice(), &[0o377]]);
    }

    #[test]
    fn names_survive_the_way_to_the_wire_and_back_whatever_their_octets() {
        for name in ["video.example.com", "*.example.com", "a\\056b.example.com", "\\000\\377.example.com"] {
            let name: RecordName = name.parse().unwrap();
            let wire = wire_name(&name).unwrap();
            assert_eq!(wire.num_labels() + u8::from(wire.is_wildcard()), 3);
            assert_eq!(record_name(&wire), Some(name));
        }
        assert_eq!(record_name(&Name::root()), None);
    }
}
