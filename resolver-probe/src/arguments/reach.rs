//! The command line of `reach`: which addresses, what to ask them, and from where.

use std::net::Ipv4Addr;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use registrar_core::address::AddressKind;

use super::OutputArgs;
use crate::reach::{CarrierGateway, ReachProbe, ReachTarget, Vantage};

/// Which addresses to ask, what, and from where.
#[derive(Args)]
pub struct ReachArgs {
    /// The addresses to ask. From a VPC, a Carrier IP needs the private address of its instance too
    #[arg(required = true, value_name = "ADDRESS[=PRIVATE]")]
    pub addresses: Vec<AddressArg>,
    /// What to ask: stun:PORT, quic:PORT, srt:PORT, tcp:PORT, icmp, udp:PORT,send=HEX with ,expect=HEX for
    /// what a reply has to begin with, or quic:PORT,name=HOST for a whole handshake, with a certificate for
    /// HOST and ,alpn=PROTOCOL in place of h3
    #[arg(long, value_name = "PROBE")]
    pub with: ReachProbe,
    /// Where this runs; what cannot be judged from there is UNKNOWN
    #[arg(long, value_enum, default_value_t)]
    pub vantage: Vantage,
    /// What kind of addresses they are [default: private-ip for addresses of private networks and
    /// loopback, carrier-ip for others]
    #[arg(long, value_enum)]
    pub kind: Option<KindArg>,
    /// The Region that the Wavelength zone belongs to; zones of eu-west-3 let UDP and TCP in from the
    /// internet
    #[arg(long, value_name = "REGION")]
    pub parent_region: Option<String>,
    /// Certificates to trust, beside those that this machine trusts, in PEM form
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// How long a try waits for its reply; within it, a datagram is repeated after 0.5 s, 1 s and 2 s
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = registrar_shell::duration)]
    pub timeout: Duration,
    /// Tries of an address that answers, one a second; one that does not is tried once
    #[arg(long, value_name = "N", default_value = "3", value_parser = tries)]
    pub tries: NonZeroU16,
    /// When it ends, done or not
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = registrar_shell::duration)]
    pub deadline: Duration,
    /// Where ids come from, to send the same ones again [default: random]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Where the report goes, and what it exits with.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// A kind of address, as pool documents name it.
#[derive(Clone, Copy, ValueEnum)]
pub enum KindArg {
    /// The Carrier IP of an instance in a Wavelength zone
    CarrierIp,
    /// A public address
    PublicIp,
    /// A customer-owned address of an Outpost
    CustomerOwnedIp,
    /// A private address
    PrivateIp,
}

/// An address, and the private address of the same instance where that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressArg {
    address: Ipv4Addr,
    private: Option<Ipv4Addr>,
}

impl ReachArgs {
    /// Returns the addresses with everything that is said of them.
    #[must_use]
    pub fn targets(&self) -> Vec<ReachTarget> {
        let target = |argument: &AddressArg| {
            let plain = ReachTarget::new(argument.address);
            ReachTarget {
                private: argument.private,
                kind: self.kind.map_or(plain.kind, AddressKind::from),
                gateway: self
                    .parent_region
                    .as_deref()
                    .map_or(plain.gateway, CarrierGateway::of_parent_region),
                ..plain
            }
        };
        self.addresses.iter().map(target).collect()
    }
}

impl From<KindArg> for AddressKind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::CarrierIp => Self::CarrierIp,
            KindArg::PublicIp => Self::PublicIp,
            KindArg::CustomerOwnedIp => Self::CustomerOwnedIp,
            KindArg::PrivateIp => Self::PrivateIp,
        }
    }
}

impl FromStr for AddressArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, private) = match text.split_once('=') {
            Some((address, private)) => (address, Some(private)),
            None => (text, None),
        };
        Ok(Self { address: ipv4(address)?, private: private.map(ipv4).transpose()? })
    }
}

fn ipv4(text: &str) -> Result<Ipv4Addr, String> {
    text.parse().map_err(|_| {
        format!("{text:?} is not an IPv4 address: write 155.146.10.111, or 155.146.10.111=10.0.3.112")
    })
}

fn tries(text: &str) -> Result<NonZeroU16, String> {
    let number = text.parse().ok().filter(|tries: &NonZeroU16| tries.get() <= MOST_TRIES);
    number.ok_or_else(|| format!("write a number from 1 to {MOST_TRIES}"))
}

/// A quarter of an hour, at one try a second.
const MOST_TRIES: u16 = 900;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_bring_the_private_one_of_its_instance() {
        let address = Ipv4Addr::new(155, 146, 10, 111);
        let private = Ipv4Addr::new(10, 0, 3, 112);
        assert_eq!("155.146.10.111".parse(), Ok(AddressArg { address, private: None }));
        assert_eq!("155.146.10.111=10.0.3.112".parse(), Ok(AddressArg { address, private: Some(private) }));
    }

    #[test]
    fn what_is_no_address_is_refused_and_named() {
        for text in ["", "example.com", "155.146.10.111=", "=10.0.3.112", "::1", "1.2.3.4=5.6.7.8=9.9.9.9"] {
            assert!(text.parse::<AddressArg>().is_err(), "{text:?} was accepted");
        }
        let error = "155.146.10.111=here".parse::<AddressArg>().unwrap_err();
        assert!(error.starts_with("\"here\" is not an IPv4 address"), "{error}");
    }

    #[test]
    fn tries_are_bounded() {
        assert_eq!(tries("900").unwrap().get(), 900);
        for text in ["0", "901", "-1", "many"] {
            assert!(tries(text).is_err(), "{text} was accepted");
        }
    }
}
