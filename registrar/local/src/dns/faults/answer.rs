//! Faults of what a name server says about a question: other addresses, another order, denials, lies.
//!
//! What they make is a well-formed answer. The random numbers are the caller's.

use std::net::Ipv4Addr;
use std::num::NonZeroU64;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{Name, RData, Record, RecordType as WireType};
use rand::Rng;
use registrar_core::name::RecordName;
use registrar_core::record_set::{RecordSet, RecordType, RoutingKind};
use serde::{Deserialize, Serialize};

use super::{NameServerFaults, Share};
use crate::dns::lookup::{Response, denial};
use crate::dns::rdata;
use crate::route53::PublishedZone;

/// TTL of a lie about a name that has no answer of its own, and of what nobody asked for.
const LIE_TTL_SECS: u32 = 20;

/// A wrong answer to queries for the addresses of a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lie {
    /// The name that is lied about.
    pub name: RecordName,
    /// The address that is given instead of the answer.
    pub address: Ipv4Addr,
    /// The share of the queries that get it.
    pub share: Share,
}

/// Lies, of which those about one name have at most a share of 1 together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Lie>", into = "Vec<Lie>")]
pub struct Lies(Vec<Lie>);

/// Lies about one name with more than a share of 1.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("the shares of the lies about {name} add up to {sum}, which is more than 1")]
pub struct LiesExceedAll {
    name: RecordName,
    sum: f64,
}

/// A name whose addresses are drawn once for many queries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sticky {
    /// The name.
    pub name: RecordName,
    /// How many queries for its addresses get the same answer.
    pub queries: NonZeroU64,
}

/// An address that nobody asked for, sent along with every answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Poison {
    /// The name that it is said to belong to.
    pub name: RecordName,
    /// The address.
    pub address: Ipv4Addr,
    /// Where it stands.
    pub section: PoisonedSection,
}

/// A section of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PoisonedSection {
    /// Behind the answer itself.
    Answer,
    /// Behind what was sent to save a question.
    Additional,
}

/// How a server fails to be an authority for what it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lameness {
    /// It answers REFUSED.
    Refused,
    /// It answers SERVFAIL.
    Servfail,
    /// It answers without the AA bit.
    NotAuthoritative,
}

impl Lies {
    /// Returns every lie.
    #[must_use]
    pub fn as_slice(&self) -> &[Lie] {
        &self.0
    }

    /// Draws whether a lie is told about a name, and which.
    fn draw(&self, name: &RecordName, rng: &mut impl Rng) -> Option<Ipv4Addr> {
        let mut lies = self.0.iter().filter(|lie| lie.name == *name).peekable();
        lies.peek()?;
        let draw = rng.next_u32();
        let mut up_to = 0.0;
        lies.find(|lie| {
            up_to += f64::from(lie.share);
            Share::try_from(up_to.min(1.0)).is_ok_and(|share| share.covers(draw))
        })
        .map(|lie| lie.address)
    }
}

impl TryFrom<Vec<Lie>> for Lies {
    type Error = LiesExceedAll;

    fn try_from(lies: Vec<Lie>) -> Result<Self, LiesExceedAll> {
        for Lie { name, .. } in &lies {
            let of_name = lies.iter().filter(|lie| lie.name == *name);
            let sum: f64 = of_name.map(|lie| f64::from(lie.share)).sum();
            if sum > 1.0 + 1e-9 {
                return Err(LiesExceedAll { name: name.clone(), sum });
            }
        }
        Ok(Self(lies))
    }
}

impl From<Lies> for Vec<Lie> {
    fn from(lies: Lies) -> Self {
        lies.0
    }
}

/// What was asked, and the hosted zone that answers for it.
pub(crate) struct Asked<'a> {
    pub(crate) hosted_zone: &'a PublishedZone,
    pub(crate) name: &'a RecordName,
    /// The name as it was asked, whose case the answer keeps.
    pub(crate) owner: &'a Name,
    pub(crate) wire_type: WireType,
}

impl NameServerFaults {
    /// Makes an answer wrong. `turn` says which of some record sets, given by their weights, is next.
    pub(super) fn distort(
        &self,
        asked: &Asked<'_>,
        response: &mut Response,
        rng: &mut impl Rng,
        turn: impl FnOnce(&[u8]) -> Option<usize>,
    ) {
        if asked.wire_type == WireType::A {
            if self.round_robin.contains(asked.name)
                && let Some(answers) = next_in_turn(asked, turn)
            {
                response.answers = answers;
            }
            if let Some(address) = self.lies.draw(asked.name, rng) {
                lie(asked.owner, address, response);
            }
        }
        if self.nxdomain.iter().any(|denied| asked.name.is_within(denied)) {
            *response = denial(asked.hosted_zone);
        }
        if let Some(ttl_secs) = self.ttl_secs {
            response.answers.iter_mut().for_each(|record| record.ttl = ttl_secs);
        }
        for poison in &self.poison {
            let record = rdata::wire_name(&poison.name).map(|name| address_of(name, poison.address));
            match poison.section {
                PoisonedSection::Answer => response.answers.extend(record),
                PoisonedSection::Additional => response.additionals.extend(record),
            }
        }
        match self.lame {
            None => {}
            Some(Lameness::Refused) => *response = Response::refusal(ResponseCode::Refused),
            Some(Lameness::Servfail) => *response = Response::refusal(ResponseCode::ServFail),
            Some(Lameness::NotAuthoritative) => response.authoritative = false,
        }
    }
}

/// Answers with the record set whose turn it is, where the name has weighted ones.
fn next_in_turn(asked: &Asked<'_>, turn: impl FnOnce(&[u8]) -> Option<usize>) -> Option<Vec<Record>> {
    let sets: Vec<&RecordSet> = asked
        .hosted_zone
        .set(asked.name, &RecordType::A)
        .filter(|record_set| record_set.routing() == RoutingKind::Weighted)
        .collect();
    let weights: Vec<u8> = sets.iter().filter_map(|record_set| record_set.weight).collect();
    let next = sets.get(turn(&weights)?)?;
    let records = next.addresses().map(|address| {
        let ttl_secs = next.ttl_secs.unwrap_or_default();
        Record::from_rdata(asked.owner.clone(), ttl_secs, RData::A(A(address)))
    });
    Some(records.collect())
}

fn lie(owner: &Name, address: Ipv4Addr, response: &mut Response) {
    let mut answer = address_of(owner.clone(), address);
    if let Some(true_one) = response.answers.first() {
        answer.ttl = true_one.ttl;
    }
    *response =
        Response { authoritative: true, answers: vec![answer], ..Response::refusal(ResponseCode::NoError) };
}

fn address_of(name: Name, address: Ipv4Addr) -> Record {
    Record::from_rdata(name, LIE_TTL_SECS, RData::A(A(address)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn told(lies: &str, count: u32) -> BTreeMap<Option<String>, u32> {
        let lies: Lies = serde_json::from_str(lies).unwrap();
        let (name, mut rng) = ("video.example.com".parse().unwrap(), StdRng::seed_from_u64(1));
        let mut told = BTreeMap::new();
        for _ in 0..count {
            let lie = lies.draw(&name, &mut rng).map(|address| address.to_string());
            *told.entry(lie).or_default() += 1;
        }
        told
    }

    #[test]
    fn several_lies_about_a_name_each_have_their_share() {
        let lies = r#"[
            {"name": "video.example.com", "address": "192.0.2.66", "share": 0.1},
            {"name": "audio.example.com", "address": "192.0.2.1", "share": 1.0},
            {"name": "video.example.com", "address": "192.0.2.67", "share": 0.3}]"#;
        let told = told(lies, 10_000);
        // 1,000, 3,000 and 6,000 are expected; the bound is five standard deviations of the widest.
        let count = |lie: Option<&str>| told[&lie.map(str::to_owned)];
        let counts = [count(Some("192.0.2.66")), count(Some("192.0.2.67")), count(None)];
        assert!(
            told.len() == 3 && counts.iter().zip([1_000, 3_000, 6_000]).all(|(c, e)| c.abs_diff(e) < 245)
        );
    }

    #[test]
    fn lies_can_leave_nothing_true_and_no_more() {
        let lie = |share: f64| {
            format!(r#"{{"name": "video.example.com", "address": "192.0.2.66", "share": {share}}}"#)
        };
        let all = told(&format!("[{}, {}, {}]", lie(0.7), lie(0.1), lie(0.2)), 1_000);
        assert_eq!(all.keys().flatten().collect::<Vec<_>>(), ["192.0.2.66"]);
        assert_eq!(all.len(), 1);
        let error = serde_json::from_str::<Lies>(&format!("[{}, {}]", lie(0.6), lie(0.5))).unwrap_err();
        assert!(error.to_string().contains("video.example.com add up to 1.1"), "{error}");
    }
}
