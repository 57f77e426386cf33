//! Who is asked, and how: what every command has that asks name servers or resolvers.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use crate::ResolverSpec;

/// Who is asked, and how.
#[derive(Args)]
pub struct AskingArgs {
    /// Authoritative name servers to ask, over UDP and TCP. The port is 53 unless given [default: all
    /// that the delegation from the root leads to, at each of their addresses]
    #[arg(long, value_name = "IP:PORT", num_args = 1.., value_delimiter = ',', value_parser = server)]
    pub server: Vec<SocketAddr>,
    /// Where the search for name servers begins, in place of the root: servers of any zone above the
    /// name. With a port, every name server is asked on it
    #[arg(long, value_name = "IP:PORT", num_args = 1.., value_delimiter = ',', value_parser = server,
          conflicts_with = "server")]
    pub root: Vec<SocketAddr>,
    /// Recursive resolvers to ask as well: IP:PORT, tls://HOST, https://HOST/PATH, quic://HOST, each with
    /// a port or, after an address, #NAME for its certificate where needed; or system, for those of this
    /// machine. Where the root servers lead nowhere, as behind many firewalls, the first of them (without
    /// any: of this machine's) is asked for the name servers, and those are still asked themselves
    #[arg(long, value_name = "RESOLVER", num_args = 1.., value_delimiter = ',')]
    pub resolver: Vec<ResolverSpec>,
    /// Certificates to trust, beside those that this machine trusts, in PEM form
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// How long each try waits for its reply; a query over UDP is tried four times
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = registrar_shell::duration)]
    pub timeout: Duration,
    /// Where message ids come from, to send the same ones again [default: random]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

/// The port of name servers, RFC 1035 §4.2.
const DNS_PORT: u16 = 53;

/// Reads `127.0.0.1:5353`, `127.0.0.1`, `[::1]:53` or `::1`.
fn server(text: &str) -> Result<SocketAddr, String> {
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
}
