//! A small internet for tests: name servers by address, with zones in a few lines of text each.
//!
//! They answer as RFC 1034 §4.3.2 says; a server that should not is given an answer of its own.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use hickory_proto::op::{Message, MessageType, OpCode, Query as Asked, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, NS, SOA};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::result::Discovery;
use super::walk::{Next, Origin, Peer, Start, Walk};

/// What a server says in place of the right answer; `None` is silence.
type Odd = Box<dyn Fn(&Name, RecordType) -> Option<Message> + Send>;

#[derive(Default)]
pub(super) struct World {
    zones: BTreeMap<IpAddr, Vec<Zone>>,
    odd: BTreeMap<IpAddr, Odd>,
}

struct Zone {
    apex: Name,
    records: Vec<Record>,
}

pub(super) fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn record(line: &str) -> Record {
    let parts: Vec<&str> = line.split_whitespace().collect();
    let [owner, record_type, data] = parts[..] else { panic!("{line}") };
    let data = match record_type {
        "A" => RData::A(A(data.parse().unwrap())),
        "AAAA" => RData::AAAA(AAAA(data.parse().unwrap())),
        "NS" => RData::NS(NS(name(data))),
        "CNAME" => RData::CNAME(CNAME(name(data))),
        _ => panic!("{line}"),
    };
    Record::from_rdata(name(owner), 300, data)
}

pub(super) fn soa(apex: &Name) -> Record {
    let data = SOA::new(name("ns."), name("root."), 7, 1, 1, 1, 60);
    Record::from_rdata(apex.clone(), 900, RData::SOA(data))
}

/// A reply to the question with this response code, with or without authority.
pub(super) fn reply(asked: &Name, record_type: RecordType, code: ResponseCode, authority: bool) -> Message {
    let mut message = Message::new(0, MessageType::Response, OpCode::Query);
    message.metadata.authoritative = authority;
    message.metadata.response_code = code;
    message.add_query(Asked::query(asked.clone(), record_type));
    message
}

impl World {
    /// Puts a zone on servers. Each line is an owner, a type and a value; the SOA record comes by itself.
    pub(super) fn zone(mut self, servers: &[&str], apex: &str, lines: &[&str]) -> Self {
        for server in servers {
            let mut records: Vec<Record> = lines.iter().map(|line| record(line)).collect();
            records.push(soa(&name(apex)));
            let zones = self.zones.entry(server.parse().unwrap()).or_default();
            zones.push(Zone { apex: name(apex), records });
        }
        self
    }

    /// Makes a server say something else.
    pub(super) fn odd(
        mut self,
        server: &str,
        says: impl Fn(&Name, RecordType) -> Option<Message> + Send + 'static,
    ) -> Self {
        self.odd.insert(server.parse().unwrap(), Box::new(says));
        self
    }

    /// What the server answers; `None` is silence.
    pub(super) fn answer(&self, server: IpAddr, asked: &Name, record_type: RecordType) -> Option<Message> {
        if let Some(odd) = self.odd.get(&server) {
            return odd(asked, record_type);
        }
        let zones = self.zones.get(&server)?;
        let of_name = zones.iter().filter(|zone| zone.apex.zone_of(asked));
        Some(match of_name.max_by_key(|zone| zone.apex.num_labels()) {
            Some(zone) => zone.answer(asked, record_type),
            None => reply(asked, record_type, ResponseCode::Refused, false),
        })
    }

    /// Walks down from these servers, to the end.
    pub(super) fn discover(&self, target: &str, from: &[&str]) -> Discovery {
        let servers = from.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 53)).collect();
        self.walk(Start { name: name(target), from: Origin::Servers(servers), port: 53, ipv6: true })
    }

    pub(super) fn walk(&self, start: Start) -> Discovery {
        let mut walk = Walk::new(start);
        while let Next::Ask(queries) = walk.next() {
            for query in queries {
                let Peer::Server(server) = query.peer else { panic!("{query:?}") };
                let answer = self.answer(server.ip(), &query.name, query.record_type);
                walk.take(query.token, answer.as_ref().ok_or("4 tries went unanswered"));
            }
        }
        assert_eq!(walk.next(), Next::Done);
        walk.finish()
    }
}

impl Zone {
    fn answer(&self, asked: &Name, record_type: RecordType) -> Message {
        let cuts = self.records.iter().filter(|record| record.record_type() == RecordType::NS);
        let cut = cuts.map(|record| &record.name).find(|cut| **cut != self.apex && cut.zone_of(asked));
        if let Some(cut) = cut {
            return self.referral(cut, asked, record_type);
        }
        let at_name: Vec<&Record> = self.records.iter().filter(|record| record.name == *asked).collect();
        let exists = self.records.iter().any(|record| asked.zone_of(&record.name));
        let code = if exists { ResponseCode::NoError } else { ResponseCode::NXDomain };
        let mut message = reply(asked, record_type, code, true);
        let matches = |record: &&Record| {
            record.record_type() == record_type || record.record_type() == RecordType::CNAME
        };
        let answers: Vec<Record> = at_name.into_iter().filter(matches).cloned().collect();
        if answers.is_empty() {
            message.add_authority(soa(&self.apex));
        }
        message.add_answers(answers);
        message
    }

    fn referral(&self, cut: &Name, asked: &Name, record_type: RecordType) -> Message {
        let mut message = reply(asked, record_type, ResponseCode::NoError, false);
        let at_cut = |record: &&Record| record.name == *cut && record.record_type() == RecordType::NS;
        for record in self.records.iter().filter(at_cut) {
            let RData::NS(server) = &record.data else { continue };
            let of_server = |glue: &&Record| glue.name == server.0 && glue.record_type() != RecordType::NS;
            message.add_additionals(self.records.iter().filter(of_server).cloned());
            message.add_authority(record.clone());
        }
        message
    }
}
