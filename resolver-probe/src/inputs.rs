//! Reads what the command line names: servers, sample counts, and the files that the truth is made of.
//!
//! Every failure says which input it was, what is wrong with it, and what to do.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Result, anyhow, bail};
use registrar_core::dump;
use registrar_core::name::RecordName;
use registrar_core::pool::Policy;
use registrar_shell::{read, read_dump};
use resolver_probe::{Samples, Truth};

/// The port of name servers, RFC 1035 §4.2.
const DNS_PORT: u16 = 53;

/// Reads `127.0.0.1:5353`, `127.0.0.1`, `[::1]:53` or `::1`.
pub(crate) fn server(text: &str) -> Result<SocketAddr, String> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = SocketAddr::from_str(text)
        .or_else(|_| IpAddr::from_str(bare).map(|address| SocketAddr::new(address, DNS_PORT)))
        .map_err(|_| {
            "write an address such as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53".to_owned()
        })?;
    if address.port() == 0 {
        return Err("0 is not a port: leave it out for port 53".to_owned());
    }
    Ok(address)
}

/// Reads `auto` or a number.
pub(crate) fn samples(text: &str) -> Result<Samples, String> {
    match text {
        "auto" => Ok(Samples::Auto),
        number => {
            number.parse().map(Samples::Exactly).map_err(|_| "write auto, or a number from 1".to_owned())
        }
    }
}

/// Where the truth comes from.
#[derive(Clone, Debug)]
pub(crate) struct TruthSource(PathBuf);

impl FromStr for TruthSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("file:") {
            Some(path) if !path.is_empty() => Ok(Self(path.into())),
            Some(_) | None => Err("write file:FLEET.json, a file with what `aws ec2 describe-instances` \
                                   prints; there is no other source yet"
                .to_owned()),
        }
    }
}

/// Reads the name to ask for.
pub(crate) fn name(text: &str) -> Result<RecordName> {
    text.parse().map_err(|error| anyhow!("NAME: {error} (hint: give the full name that clients ask for)"))
}

/// Makes the truth about `name` of a fleet dump, a pool document and, where given, the groups.
pub(crate) fn truth(
    name: &RecordName,
    fleet: &TruthSource,
    pool: &Path,
    groups: Option<&Path>,
) -> Result<Truth> {
    let fleet = read_dump("fleet", &fleet.0, "aws ec2 describe-instances", dump::read_fleet)?;
    let command = "aws autoscaling describe-auto-scaling-groups";
    let groups = groups.map(|path| read_dump("groups", path, command, dump::read_groups)).transpose()?;
    let policy = Policy::parse(&read("pool document", pool)?)
        .map_err(|error| anyhow!("pool document {}: {error} (hint: {})", pool.display(), error.hint))?;
    if policy.name != *name {
        bail!(
            "pool document {} is about {}, and not about {name} (hint: give the document of the name that is checked)",
            pool.display(),
            policy.name
        );
    }
    Ok(Truth::new(&policy, &fleet, groups.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_without_a_port_is_asked_on_port_53() {
        for (text, address) in [
            ("127.0.0.1", "127.0.0.1:53"),
            ("127.0.0.1:5353", "127.0.0.1:5353"),
            ("::1", "[::1]:53"),
            ("[::1]", "[::1]:53"),
            ("[::1]:5353", "[::1]:5353"),
        ] {
            assert_eq!(server(text).unwrap().to_string(), address);
        }
    }

    #[test]
    fn what_is_no_server_address_is_refused() {
        for text in ["", "localhost", "127.0.0.1:0", "127.0.0.1:99999", "300.0.0.1"] {
            assert!(server(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn samples_are_auto_or_a_positive_number() {
        assert_eq!(samples("auto"), Ok(Samples::Auto));
        assert!(samples("60").is_ok());
        assert!(samples("0").is_err());
    }
}
