//! A caching resolver in front of the name servers of the same process, to test witnesses against.
//!
//! It is deliberately simple: it asks the name servers without a network in between, follows nothing and
//! validates nothing. What it does well is to keep answers as other resolvers keep them, the bad habits
//! included, under a clock and a seed of the caller's.

mod cache;
mod faults;
mod handler;

use std::net::SocketAddr;
use std::sync::Arc;

pub use faults::{ResolverFaults, ResolverFaultsHandle, ServeStale, StaleWhen, Stretch};

use self::handler::Handler;
use super::served::Served;
use super::server::Authority;
use super::sockets::NameServerError;
use super::source::Clock;

/// What a resolver needs.
#[derive(Clone)]
pub struct ResolverConfig {
    /// Where to listen; port 0 takes any free one. Not a wildcard address.
    pub address: SocketAddr,
    /// Whom to ask, in an order that is drawn.
    pub authorities: Vec<Authority>,
    /// What to take the time from.
    pub clock: Clock,
    /// Where the random numbers begin: which cache answers, and which name server is asked.
    pub seed: u64,
    /// What is wrong with it from the start.
    pub faults: ResolverFaults,
}

/// A resolver that answers until it is shut down or dropped.
#[derive(Debug)]
pub struct Resolver {
    faults: ResolverFaultsHandle,
    served: Served,
}

impl Resolver {
    /// Binds the address and begins to answer. Must be awaited within a tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be listened on, or is a wildcard.
    pub async fn start(config: ResolverConfig) -> Result<Self, NameServerError> {
        let faults = ResolverFaultsHandle::new(config.faults);
        let handler = Handler::new(config.authorities, config.clock, faults.clone(), config.seed);
        // One socket: several would leave the order of the draws to the kernel.
        let served = Served::start(config.address, 1, &Arc::new(handler))?;
        Ok(Self { faults, served })
    }

    /// Returns where the resolver listens, with the port that was chosen.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.served.address()
    }

    /// Returns what reads and changes the resolver's faults.
    #[must_use]
    pub fn faults(&self) -> ResolverFaultsHandle {
        self.faults.clone()
    }

    /// Stops answering and frees the address.
    pub async fn shutdown(self) {
        self.served.shutdown().await;
    }
}
