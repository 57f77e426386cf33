//! Asks one resolver, one question at a time.
//!
//! An encrypted connection is kept between questions, as RFC 7858 §3.4 asks; where the resolver has closed it
//! in the meantime, the question is sent once more over a new one, and both tries are counted.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::Message;
#[cfg(feature = "encrypted")]
use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use registrar_core::name::RecordName;
use serde::Serialize;

#[cfg(feature = "encrypted")]
use super::encrypted::{Connection, Trust, Upstream};
use super::{ResolverFailure, ResolverReply, ResolverSpec, SystemResolvers, Transport};
use crate::exchange::{self, Failure, Patience};
use crate::observation::Noise;
use crate::wire::{Asking, Question};

/// How resolvers are asked.
#[derive(Clone, Debug)]
pub struct Manner {
    timeout: Duration,
    tries: u32,
    #[cfg(feature = "encrypted")]
    trust: Trust,
}

impl Manner {
    /// Waits so long for each try, and for a connection; over UDP a question is sent so many times at most.
    /// Certificates are checked against what this machine trusts.
    #[must_use]
    pub fn new(timeout: Duration, tries: u32) -> Self {
        Self {
            timeout,
            tries: tries.max(1),
            #[cfg(feature = "encrypted")]
            trust: Trust::default(),
        }
    }

    /// Checks certificates against this.
    #[cfg(feature = "encrypted")]
    #[must_use]
    pub fn trusting(self, trust: Trust) -> Self {
        Self { trust, ..self }
    }
}

/// Why a list of resolvers names none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoResolver {
    /// This machine has none that can be asked.
    #[error("this machine has no resolver that can be asked{} (hint: /etc/resolv.conf should have a line such as \
             nameserver 192.0.2.53; or name a resolver in place of system)", listed(.unusable))]
    System {
        /// What /etc/resolv.conf names and cannot be asked.
        unusable: Vec<String>,
    },
    /// The program was built without encryption.
    #[error(
        "{spec} needs encryption, which this program was built without (hint: build with the feature \
             encrypted, or name the resolver by its address alone)"
    )]
    NotEncrypted {
        /// The resolver.
        spec: String,
    },
}

fn listed(unusable: &[String]) -> String {
    if unusable.is_empty() { String::new() } else { format!(" ({} cannot)", unusable.join(" and ")) }
}

/// Makes each named resolver ready to be asked, once; `system` stands for those of this machine.
///
/// # Errors
/// Where `system` is named and there are none, or one needs encryption that is not built in.
pub fn resolvers(
    specs: &[ResolverSpec],
    system: &SystemResolvers,
    manner: &Manner,
    seed: u64,
) -> Result<Vec<Resolver>, NoResolver> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut all: Vec<ResolverSpec> = Vec::new();
    for spec in specs {
        let named = match spec {
            ResolverSpec::System if system.resolvers.is_empty() => {
                return Err(NoResolver::System { unusable: system.unusable.clone() });
            }
            ResolverSpec::System => system.resolvers.as_slice(),
            other => std::slice::from_ref(other),
        };
        for spec in named.iter().filter(|spec| !all.contains(spec)).cloned().collect::<Vec<_>>() {
            all.push(spec);
        }
    }
    all.into_iter().map(|spec| Resolver::new(spec, manner.clone(), StdRng::from_rng(&mut random))).collect()
}

/// One resolver, ready to be asked.
#[derive(Debug)]
pub struct Resolver {
    spec: ResolverSpec,
    way: Way,
    manner: Manner,
    random: StdRng,
}

#[derive(Debug)]
enum Way {
    Plain(SocketAddr),
    #[cfg(feature = "encrypted")]
    Encrypted(Upstream, Option<Connection>),
}

/// A question to a resolver, when it is over.
#[derive(Clone, Debug, Serialize)]
pub struct ResolverExchange {
    /// How often the question was sent.
    pub tries: u32,
    /// Messages that answer nothing that was asked; they were not believed.
    pub mismatched: u64,
    /// Messages that could not be parsed.
    pub garbage: u64,
    /// The reply, or why there is none.
    #[serde(skip)]
    pub outcome: Result<ResolverReply, ResolverFailure>,
}

/// The same before it is reduced.
pub(crate) struct Raw {
    pub(crate) tries: u32,
    noise: Noise,
    pub(crate) outcome: Result<RawReply, ResolverFailure>,
}

pub(crate) struct RawReply {
    pub(crate) message: Message,
    transport: Transport,
    rtt: Duration,
    truncated: bool,
}

impl Resolver {
    fn new(spec: ResolverSpec, manner: Manner, random: StdRng) -> Result<Self, NoResolver> {
        let way = match &spec {
            ResolverSpec::Plain(address) => Way::Plain(*address),
            #[cfg(feature = "encrypted")]
            encrypted => match Upstream::of(encrypted) {
                Some(upstream) => Way::Encrypted(upstream, None),
                None => return Err(NoResolver::System { unusable: Vec::new() }),
            },
            #[cfg(not(feature = "encrypted"))]
            encrypted => return Err(NoResolver::NotEncrypted { spec: encrypted.to_string() }),
        };
        Ok(Self { spec, way, manner, random })
    }

    /// Returns who it is.
    #[must_use]
    pub fn spec(&self) -> &ResolverSpec {
        &self.spec
    }

    /// Asks for the IPv4 addresses of a name. Without recursion, a resolver says only what it has in its
    /// cache, if it says that; the answer is not made fresh by the question.
    ///
    /// It needs a tokio runtime with I/O and time.
    pub async fn ask(&mut self, name: &RecordName, recursion: bool) -> ResolverExchange {
        let raw = self.message(&Question::new(name), recursion).await;
        let reduce = |raw: RawReply| ResolverReply::of(&raw.message, raw.transport, raw.rtt, raw.truncated);
        ResolverExchange {
            tries: raw.tries,
            mismatched: raw.noise.mismatched,
            garbage: raw.noise.garbage,
            outcome: raw.outcome.map(reduce),
        }
    }

    /// Asks any question, and returns the whole reply.
    pub(crate) async fn message(&mut self, question: &Question, recursion: bool) -> Raw {
        let asking = Asking { recursion, nsid: true };
        match &mut self.way {
            Way::Plain(address) => {
                let patience = Patience { tries: self.manner.tries, timeout: self.manner.timeout };
                let exchange = exchange::ask(*address, question, asking, patience, &mut self.random).await;
                let transport = if exchange.truncated { Transport::Tcp } else { Transport::Udp };
                let outcome = exchange.outcome.map_err(ResolverFailure::from).map(|answered| RawReply {
                    message: answered.message,
                    transport,
                    rtt: answered.rtt,
                    truncated: exchange.truncated,
                });
                Raw { tries: exchange.tries, noise: exchange.noise, outcome }
            }
            #[cfg(feature = "encrypted")]
            Way::Encrypted(upstream, connection) => {
                let mut tries = 0;
                let id = self.random.random();
                let asked = upstream.ask(connection, &self.manner, question, asking, id, &mut tries).await;
                let outcome = asked.map(|(message, rtt)| RawReply {
                    message,
                    transport: upstream.transport(),
                    rtt,
                    truncated: false,
                });
                Raw { tries, noise: Noise::default(), outcome }
            }
        }
    }
}

impl From<Failure> for ResolverFailure {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Silent { .. } => Self::Silent,
            Failure::Refused => Self::Refused,
            Failure::Truncated(why) => Self::Failed(Failure::Truncated(why).to_string()),
            Failure::Failed(why) => Self::Failed(why),
        }
    }
}

#[cfg(feature = "encrypted")]
impl Manner {
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) fn trust(&self) -> &Trust {
        &self.trust
    }
}
