//! One running name server.
//!
//! It keeps its sockets served until it is shut down. What it answers is decided elsewhere.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::faults::{FaultsHandle, NameServerFaults};
use super::handler::Handler;
use super::served::Served;
use super::sockets::NameServerError;
use super::source::{Clock, ZoneSource};

/// What a name server needs.
#[derive(Clone)]
pub struct NameServerConfig {
    /// Where to listen; port 0 takes any free one. Not a wildcard address.
    pub address: SocketAddr,
    /// What to answer from.
    pub zones: Arc<dyn ZoneSource>,
    /// What to take the time from.
    pub clock: Clock,
    /// Where the random numbers begin, of the draws and of the faults.
    pub seed: u64,
    /// How many UDP sockets share the port, at least one.
    pub udp_sockets: usize,
    /// What is wrong with the server from the start.
    pub faults: NameServerFaults,
}

impl NameServerConfig {
    /// Builds the configuration of a sound name server with two UDP sockets.
    #[must_use]
    pub fn new(address: SocketAddr, zones: Arc<dyn ZoneSource>, clock: Clock, seed: u64) -> Self {
        Self { address, zones, clock, seed, udp_sockets: 2, faults: NameServerFaults::default() }
    }
}

/// A name server that answers until it is shut down or dropped.
#[derive(Debug)]
pub struct NameServer {
    authority: Authority,
    served: Served,
}

/// What a name server answers, for a resolver in the same process.
#[derive(Clone)]
pub struct Authority(pub(crate) Arc<Handler>);

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Authority").field(&self.0.faults).finish()
    }
}

impl NameServer {
    /// Binds the address and begins to answer. Must be awaited within a tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be listened on, or is a wildcard.
    pub async fn start(config: NameServerConfig) -> Result<Self, NameServerError> {
        let handler = Arc::new(Handler {
            zones: config.zones,
            clock: config.clock,
            faults: FaultsHandle::new(config.faults, config.seed),
            rng: Mutex::new(StdRng::seed_from_u64(config.seed)),
        });
        let served = Served::start(config.address, config.udp_sockets, &handler)?;
        Ok(Self { authority: Authority(handler), served })
    }

    /// Returns where the server listens, with the port that was chosen.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.served.address()
    }

    /// Returns what reads and changes the server's faults.
    #[must_use]
    pub fn faults(&self) -> FaultsHandle {
        self.authority.0.faults.clone()
    }

    /// Returns what a resolver in this process asks.
    #[must_use]
    pub fn authority(&self) -> Authority {
        self.authority.clone()
    }

    /// Stops answering and frees the address.
    pub async fn shutdown(self) {
        self.served.shutdown().await;
    }
}
