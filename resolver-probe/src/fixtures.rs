//! Small fleets, truths and observations for the unit tests.
//!
//! They go through the same parsers as real files; nothing here is judged.

use std::net::{Ipv4Addr, SocketAddr};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use registrar_core::inventory::{Fleet, Groups};
use registrar_core::pool::Policy;
use registrar_core::{Timestamp, dump};
use serde_json::json;

use crate::check::CheckRequest;
use crate::observation::Observation;
use crate::records::RecordInventory;
use crate::truth::Truth;
use crate::wire::{Rcode, Reply};

/// An instance: id, Carrier IP, state and weight tag.
pub(crate) type Row<'a> = (&'a str, &'a str, &'a str, &'a str);

/// When every check of a test begins.
pub(crate) const STARTED_AT: Timestamp = Timestamp::UNIX_EPOCH;

pub(crate) const NAME: &str = "video.bos.edge.example.com";

pub(crate) fn address(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, last)
}

/// The n-th server of a test: 127.0.0.n:53.
pub(crate) fn server(n: u8) -> SocketAddr {
    ([127, 0, 0, n], 53).into()
}

/// A policy with further members of the document, such as `,"state":"paused"`.
pub(crate) fn policy(more: &str) -> Policy {
    document("weighted", more)
}

pub(crate) fn policy_with_routing(routing: &str) -> Policy {
    document(routing, "")
}

fn document(routing: &str, more: &str) -> Policy {
    let text = format!(
        r#"{{"version":1,"record":{{"hosted_zone_id":"Z0123456789ABCDEFGHIJ","name":"{NAME}","routing":"{routing}"}},"members":{{"tags":{{"edge-dns":"video"}}}}{more}}}"#
    );
    Policy::parse(&text).unwrap()
}

pub(crate) fn fleet(instances: &[Row<'_>]) -> Fleet {
    let instances: Vec<_> = instances
        .iter()
        .map(|(id, carrier_ip, state, weight)| {
            json!({
                "InstanceId": id,
                "State": { "Name": state },
                "Tags": [
                    { "Key": "edge-dns", "Value": "video" },
                    { "Key": "edge-dns-weight", "Value": weight },
                ],
                "NetworkInterfaces": [{
                    "Attachment": { "DeviceIndex": 0 },
                    "PrivateIpAddresses": [{ "Primary": true, "Association": { "CarrierIp": carrier_ip } }],
                }],
            })
        })
        .collect();
    dump::read_fleet(&json!({ "Reservations": [{ "Instances": instances }] }).to_string()).unwrap()
}

pub(crate) fn groups(members: &[(&str, &str)]) -> Groups {
    let members: Vec<_> = members
        .iter()
        .map(|(id, state)| {
            json!({ "InstanceId": id, "AutoScalingGroupName": "edge", "LifecycleState": state })
        })
        .collect();
    dump::read_groups(&json!({ "AutoScalingInstances": members }).to_string()).unwrap()
}

pub(crate) fn truth(more: &str, instances: &[Row<'_>]) -> Truth {
    Truth::new(&policy(more), &fleet(instances), None)
}

/// A record set of the name as the AWS CLI prints it, weighted where it has a set identifier.
pub(crate) fn record(kind: &str, identifier: &str, weight: u8, value: &str) -> String {
    let weighted = match identifier {
        "" => String::new(),
        identifier => format!(r#""SetIdentifier":"{identifier}","Weight":{weight},"#),
    };
    format!(
        r#"{{"Name":"{NAME}.","Type":"{kind}",{weighted}"TTL":20,"ResourceRecords":[{{"Value":"{value}"}}]}}"#
    )
}

/// What a hosted zone holds for the pool `video` of the deployment `edge`.
pub(crate) fn listing(records: &[String]) -> RecordInventory {
    let listed = format!(r#"{{"ResourceRecordSets":[{}]}}"#, records.join(","));
    let listed = dump::read_hosted_zone(&listed).unwrap();
    let (deployment, pool) = ("edge".parse().unwrap(), "video".parse().unwrap());
    RecordInventory::new(&NAME.parse().unwrap(), &listed, &deployment, Some(&pool))
}

pub(crate) fn request(truth: Option<Truth>) -> CheckRequest {
    CheckRequest { truth, ..CheckRequest::new(NAME.parse().unwrap(), Vec::new(), STARTED_AT, 42) }
}

pub(crate) fn reply(rcode: Rcode, address: Option<Ipv4Addr>) -> Reply {
    Reply {
        rcode,
        authoritative: true,
        truncated: false,
        addresses: address.into_iter().collect(),
        ttls: address.map(|_| 20).into_iter().collect(),
        unrelated: 0,
        negative_ttl: None,
    }
}

/// A server that was reached over UDP and TCP, and answered each address so many times, in no order.
pub(crate) fn observation(n: u8, answers: &[(u8, u64)]) -> Observation {
    let times = |(last, count): &(u8, u64)| vec![*last; usize::try_from(*count).unwrap()];
    let mut answered: Vec<u8> = answers.iter().flat_map(times).collect();
    answered.shuffle(&mut StdRng::seed_from_u64(u64::from(n)));
    observation_of(n, answered.into_iter().map(|last| reply(Rcode::NO_ERROR, Some(address(last)))))
}

pub(crate) fn observation_of(n: u8, replies: impl Iterator<Item = Reply>) -> Observation {
    let mut observed = Observation::new(server(n));
    for reply in replies {
        observed.udp.queries += 1;
        observed.udp.tries += 1;
        observed.udp.replies += 1;
        observed.note_answer(&reply);
    }
    observed.wanted = observed.udp.queries;
    observed.tcp.queries = 3;
    observed.tcp.replies = 3;
    observed
}
