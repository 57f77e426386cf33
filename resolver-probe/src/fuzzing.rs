//! Entry points for hostile input: each gives it to a parser of what comes from the network, and says which promise
//! that broke. They are no part of the library's interface.
//!
//! Ids are taken out of the input itself, since a parser that stops at a wrong id would never be seen to go on.

use std::net::Ipv4Addr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use hickory_proto::rr::{Name, RecordType};
use registrar_core::dump;
use registrar_core::pool::Policy;

use crate::history::History;
use crate::reach::{IcmpError, Obstacle};
use crate::truth::Truth;
use crate::wire::{Question, Rejected, read, read_message, read_twice};
use crate::{discover, resolver, tcp};

/// What every message should be about.
pub const NAME: &str = "video.bos.edge.example.com";
/// The pool that fleets are looked at for.
const POOL: &str = r#"{"version":1,"record":{"hosted_zone_id":"Z0123456789ABCDEFGHIJ",
    "name":"video.bos.edge.example.com"},"members":{"tags":{"edge-dns":"video"}}}"#;
/// What is read off a message that says nothing: a bound has to be above it.
const LEAST: usize = 64;

/// Whether every promise was kept, or which was not.
pub type Kept = Result<(), String>;

/// Reads a name server's reply as sampling does: in both ways that there are, which have to agree.
pub fn dns_reply(message: &[u8]) -> Kept {
    let (question, id) = (question(RecordType::A), id(message));
    let reply = read(message, &question, id);
    if reply.is_ok() && !matches!(read(message, &question, !id), Err(Rejected::OtherId(other)) if other == id)
    {
        return Err("a reply to another query was believed".to_owned());
    }
    let Ok((short, whole)) = read_twice(message, &question, id) else { return Ok(()) };
    if short.is_some() && short.as_ref() != whole.as_ref().ok() {
        return Err(format!("{short:?} and {whole:?} are the same message"));
    }
    match reply {
        Ok(reply) if reply.addresses.len() * 4 > message.len() || reply.ttls.len() * 4 > message.len() => {
            Err(format!("{reply:?} is more than came"))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Reads a resolver's reply.
pub fn dns_resolver(message: &[u8]) -> Kept {
    match read_message(message, &question(RecordType::A), id(message)) {
        Ok(read) => resolver::keeps_bounds(&read, message.len().max(LEAST)),
        Err(_) => Ok(()),
    }
}

/// Reads a name server's reply on the way down the delegation.
pub fn dns_discovery(message: &[u8]) -> Kept {
    let name = name();
    for record_type in [RecordType::A, RecordType::NS, RecordType::SOA] {
        if let Ok(read) = read_message(message, &question(record_type), id(message)) {
            discover::keeps_bounds(&read, &name)?;
        }
    }
    Ok(())
}

/// Reads a message off a stream, as over TCP, TLS and QUIC.
pub fn dns_stream(stream: &[u8]) -> Kept {
    let query = question(RecordType::A).encode(1);
    let mut connection = tokio::io::join(stream, tokio::io::sink());
    let read = ready(tcp::exchange(&mut connection, &query)).ok_or("the stream is waited for")?;
    let expected = stream.split_first_chunk::<2>().and_then(|(length, rest)| {
        let length = usize::from(u16::from_be_bytes(*length));
        rest.get(..length)
    });
    if read.as_deref().ok() != expected {
        return Err(format!("{read:?} was read"));
    }
    #[cfg(feature = "encrypted")]
    if let Some(message) = resolver::doq_message(stream)
        && Some(message.as_slice()) != expected
    {
        return Err(format!("{message:?} was read over QUIC"));
    }
    read.map_or(Ok(()), |message| dns_reply(&message))
}

/// Reads what a server of DNS over HTTPS sends after the handshake.
///
/// # Errors
/// Also where the runtime cannot be started.
#[cfg(feature = "encrypted")]
pub fn doh_response(sent: &[u8]) -> Kept {
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
    let query = question(RecordType::A).encode(0);
    match runtime.block_on(resolver::doh_body(sent.to_vec(), &query)) {
        Some(message) if message.len() > usize::from(u16::MAX) => Err("a message without end".to_owned()),
        // Nothing is made larger on the way.
        Some(message) if message.len() > sent.len() => Err("more than was sent".to_owned()),
        Some(_) | None => Ok(()),
    }
}

/// Reads an ICMP error as the kernel keeps it: type, code and sender.
pub fn icmp_error(input: &[u8]) -> Kept {
    let [kind, code, ref from @ ..] = *input else { return Ok(()) };
    let from = from.first_chunk::<4>().map(|octets| Ipv4Addr::from(*octets));
    let error = IcmpError { kind, code, from };
    let obstacle = Obstacle::of_icmp(error);
    if obstacle.is_some_and(|obstacle| obstacle.icmp != Some(error)) {
        return Err(format!("{obstacle:?} is not about {error:?}"));
    }
    let told = error.to_string();
    if told.starts_with(&format!("ICMP {kind}/{code}, ")) { Ok(()) } else { Err(told) }
}

/// Reads a file with a fleet, and works out what should be answered.
pub fn fleet(text: &[u8]) -> Kept {
    let text = String::from_utf8_lossy(text);
    let policy = Policy::parse(POOL).map_err(|error| error.to_string())?;
    let groups = dump::read_groups(&text).ok();
    let Ok(fleet) = dump::read_fleet(&text) else { return Ok(()) };
    let truth = Truth::new(&policy, &fleet, groups.as_ref());
    let shares: Vec<f64> = truth.expected().map(|(_, share)| share).collect();
    let sum: f64 = shares.iter().sum();
    if shares.iter().any(|share| !(0.0..=1.0).contains(share)) || sum > 1.0 + 1e-9 {
        return Err(format!("shares of {shares:?}"));
    }
    let unheld = truth.expected().find(|(address, _)| truth.holder(*address).is_none());
    unheld.map_or(Ok(()), |(address, _)| Err(format!("nobody has {address}")))
}

/// Reads a file with an answer history, and asks it for every address that it names.
pub fn history(text: &[u8]) -> Kept {
    let Ok(history) = History::read(&String::from_utf8_lossy(text)) else { return Ok(()) };
    for address in history.addresses() {
        let Some(presence) = history.of(address) else { return Err(format!("{address} was never there")) };
        if presence.gone_by.is_some_and(|gone| presence.last_valid_at.is_some_and(|valid| valid > gone)) {
            return Err(format!("{address}: {presence:?}"));
        }
        if presence.gone_by > history.until() || presence.last_valid_at > history.until() {
            return Err(format!("{address} after the end: {presence:?}"));
        }
    }
    Ok(())
}

fn name() -> Name {
    let mut name = Name::from_ascii(NAME).unwrap_or_default();
    // As it comes out of a message: names that are not whole are different names.
    name.set_fqdn(true);
    name
}

fn question(record_type: RecordType) -> Question {
    Question::of(&name(), record_type)
}

fn id(message: &[u8]) -> u16 {
    message.first_chunk::<2>().map_or(0, |id| u16::from_be_bytes(*id))
}

/// Runs what has nothing to wait for.
fn ready<F: Future>(work: F) -> Option<F::Output> {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn seeds(target: &str, of: &str) -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let named = entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(of));
        named.map(|path| std::fs::read(path).unwrap()).collect()
    }

    #[test]
    fn the_replies_of_real_servers_are_read() {
        for server in ["bind-", "unbound", "dnsmasq"] {
            for target in ["dns_reply", "dns_resolver"] {
                let seeds = seeds(target, server);
                assert!(!seeds.is_empty(), "{server} in {target}");
                for seed in seeds {
                    let read = read(&seed, &question(RecordType::A), id(&seed));
                    assert!(read.is_ok(), "{server} in {target}: {read:?}");
                }
            }
        }
    }

    #[test]
    fn histories_and_fleets_are_read() {
        for (seed, addresses) in [("watching", 2), ("change", 2), ("two-servers", 1)] {
            let seeds = seeds("history", seed);
            let [seed] = seeds.as_slice() else { panic!("one seed") };
            let history = History::read(std::str::from_utf8(seed).unwrap()).unwrap();
            assert_eq!(history.addresses().len(), addresses);
        }
        let seeds = seeds("fleet", "two");
        let fleet = dump::read_fleet(std::str::from_utf8(&seeds[0]).unwrap()).unwrap();
        assert_eq!(Truth::new(&Policy::parse(POOL).unwrap(), &fleet, None).expected().count(), 2);
    }

    #[test]
    fn counts_that_no_message_can_hold_are_refused_before_anything_is_allocated() {
        let seeds = seeds("dns_reply", "hostile-counts");
        let [seed] = seeds.as_slice() else { panic!("one seed") };
        assert_eq!(read(seed, &question(RecordType::A), id(seed)), Err(Rejected::Garbage));
        assert_eq!(dns_reply(seed), Ok(()));
    }

    #[test]
    fn a_broken_promise_would_be_told() {
        let mut message = hickory_proto::op::Message::from_vec(&question(RecordType::A).encode(1)).unwrap();
        message.metadata.message_type = hickory_proto::op::MessageType::Response;
        assert_eq!(resolver::keeps_bounds(&message, 0), Ok(()));
        let address = hickory_proto::rr::RData::A(Ipv4Addr::LOCALHOST.into());
        message.add_answer(hickory_proto::rr::Record::from_rdata(name(), 20, address));
        assert!(resolver::keeps_bounds(&message, 0).is_err());
    }
}
