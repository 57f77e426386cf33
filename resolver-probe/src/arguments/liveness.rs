//! What a check asks the addresses themselves, and from where.

use std::time::Duration;

use clap::Args;

use crate::reach::{CarrierGateway, ReachProbe, Vantage};

/// What the addresses are asked.
#[derive(Args)]
pub struct LivenessArgs {
    /// Ask every address that is answered or expected whether it is alive: stun:PORT, quic:PORT, srt:PORT,
    /// tcp:PORT, icmp, udp:PORT,send=HEX with ,expect=HEX for what a reply has to begin with, or
    /// quic:PORT,name=HOST for a whole handshake, with a certificate for HOST and ,alpn=PROTOCOL in place
    /// of h3. May be given several times
    #[arg(long, value_name = "PROBE")]
    pub reach: Vec<ReachProbe>,
    /// Where this runs; what cannot be judged from there is UNKNOWN
    #[arg(long, value_enum, default_value_t, requires = "reach")]
    pub vantage: Vantage,
    /// The Region that the Wavelength zones belong to; zones of eu-west-3 let UDP and TCP in from the
    /// internet [default: as the fleet's zones say]
    #[arg(long, value_name = "REGION", requires = "reach")]
    pub parent_region: Option<String>,
    /// How long each address is waited for; within it, a datagram is repeated after 0.5 s, 1 s and 2 s
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = registrar_shell::duration,
          requires = "reach")]
    pub reach_timeout: Duration,
}

impl LivenessArgs {
    /// Returns what carrier gateways let in, where that was said.
    #[must_use]
    pub fn gateway(&self) -> Option<CarrierGateway> {
        self.parent_region.as_deref().map(CarrierGateway::of_parent_region)
    }
}
