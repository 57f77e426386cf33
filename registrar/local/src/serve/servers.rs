//! The name servers and the resolvers of a service, with the faults that a document gives them.
//!
//! The document is read elsewhere.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;

use anyhow::{Result, anyhow};

use super::{FaultsDocument, ServeConfig};
use crate::dns::{
    Clock, NameServer, NameServerConfig, NameServerError, Resolver, ResolverConfig, ResolverFaults,
};
use crate::edge::SharedModel;

/// Everything that answers over DNS, each in the order of its arguments.
pub(super) struct Servers {
    name_servers: Vec<NameServer>,
    resolvers: Vec<Resolver>,
}

impl Servers {
    /// Starts the name servers, and the resolvers that ask all of them.
    pub(super) async fn start(config: &ServeConfig, model: &SharedModel, clock: &Clock) -> Result<Self> {
        let mut servers = Self { name_servers: Vec::new(), resolvers: Vec::new() };
        let mut seeds = (1..).map(|step| config.seed.wrapping_add(step));
        for (address, seed) in config.dns.iter().zip(&mut seeds) {
            let config = NameServerConfig::new(*address, Arc::clone(model) as _, Arc::clone(clock), seed);
            servers.name_servers.push(NameServer::start(config).await.map_err(told)?);
        }
        for (address, seed) in config.resolvers.iter().zip(&mut seeds) {
            let config = ResolverConfig {
                address: *address,
                authorities: servers.name_servers.iter().map(NameServer::authority).collect(),
                clock: Arc::clone(clock),
                seed,
                faults: ResolverFaults::default(),
            };
            servers.resolvers.push(Resolver::start(config).await.map_err(told)?);
        }
        Ok(servers)
    }

    /// Returns where the name servers listen.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.name_servers.iter().map(NameServer::address).collect()
    }

    /// Returns where the resolvers listen.
    pub(super) fn resolvers(&self) -> Vec<SocketAddr> {
        self.resolvers.iter().map(Resolver::address).collect()
    }

    /// Arms faults anew. Those of servers that there are not are left out.
    pub(super) fn arm(&self, faults: &FaultsDocument) {
        for (index, server) in self.name_servers.iter().enumerate() {
            server.faults().set(faults.name_servers.get(index).cloned().unwrap_or_default());
        }
        for (index, resolver) in self.resolvers.iter().enumerate() {
            resolver.faults().set(faults.resolvers.get(index).cloned().unwrap_or_default());
        }
    }

    /// Stops answering.
    pub(super) async fn shutdown(&mut self) {
        for server in self.name_servers.drain(..) {
            server.shutdown().await;
        }
        for resolver in self.resolvers.drain(..) {
            resolver.shutdown().await;
        }
    }
}

impl FaultsDocument {
    /// Says what of it cannot be armed on these name servers and resolvers, as `path: problem`.
    pub(super) fn problem(&self, name_servers: &[SocketAddr], resolvers: &[SocketAddr]) -> Option<String> {
        let too_many = |path, what, there: usize, faulty: usize, option| {
            (faulty > there).then(|| {
                format!("{path}: there are {there} {what}, and faults for {faulty} (hint: give one {option} for each)")
            })
        };
        let mut servers = self.name_servers.iter().zip(name_servers).enumerate();
        too_many("name_servers", "name servers", name_servers.len(), self.name_servers.len(), "--dns")
            .or_else(|| {
                too_many("resolvers", "resolvers", resolvers.len(), self.resolvers.len(), "--resolver")
            })
            .or_else(|| {
                servers.find_map(|(index, (faults, server))| {
                    let problem = source_problem(faults.wrong_source?, *server)?;
                    Some(format!("name_servers[{index}].wrong_source: {problem}"))
                })
            })
    }
}

/// Says why a server's replies cannot come from an address: they would be silence.
fn source_problem(source: IpAddr, server: SocketAddr) -> Option<String> {
    if source.is_ipv4() != server.is_ipv4() {
        return Some(format!("{source} is of another family than {server} (hint: name one of the same)"));
    }
    let error = UdpSocket::bind((source, 0)).err()?;
    let hint = "name an address of this machine's own, such as 127.0.0.77";
    Some(format!("replies cannot come from {source}: {error} (hint: {hint})"))
}

fn told(error: NameServerError) -> anyhow::Error {
    let hint = error.hint().map(|hint| format!(" (hint: {hint})")).unwrap_or_default();
    anyhow!("failed to {:#}{hint}", anyhow::Error::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(document: &str) -> Option<String> {
        serde_json::from_str::<FaultsDocument>(document)
            .unwrap()
            .problem(&["127.0.0.1:53".parse().unwrap()], &[])
    }

    #[test]
    fn faults_are_for_servers_that_there_are_and_sources_of_this_machine() {
        assert_eq!(problem(r#"{"name_servers": [{"wrong_source": "127.0.0.77"}]}"#), None);
        for (document, path) in [
            (r#"{"name_servers": [{}, {}]}"#, "name_servers: there are 1 name servers, and faults for 2"),
            (r#"{"resolvers": [{}]}"#, "resolvers: there are 0 resolvers, and faults for 1"),
            (r#"{"name_servers": [{"wrong_source": "192.0.2.1"}]}"#, "name_servers[0].wrong_source: replies"),
            (
                r#"{"name_servers": [{"wrong_source": "::1"}]}"#,
                "name_servers[0].wrong_source: ::1 is of another",
            ),
        ] {
            let problem = problem(document).unwrap();
            assert!(problem.starts_with(path) && problem.contains("hint"), "{problem}");
        }
    }
}
