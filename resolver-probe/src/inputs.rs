//! Reads what the command line names: the name to ask for, who is asked, and the files of the truth.
//!
//! Every failure says which input it was, what is wrong with it, and what to do.

mod told;

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use registrar_core::name::RecordName;
use registrar_shell::read;
use resolver_probe::arguments::{AskingArgs, LivenessArgs};
use resolver_probe::{
    History, NoResolver, Reaching, Resolver, ResolverManner, ResolverSpec, SystemResolvers, system_resolvers,
};

pub(crate) use told::{Told, told};

/// Over UDP a question to a resolver is sent three times at most.
const RESOLVER_TRIES: u32 = 3;
/// A resolver that waits for the authority before it answers stale takes 1.8 s (RFC 8767 §5): whoever gives up before
/// never sees it.
const RESOLVER_PATIENCE: Duration = Duration::from_millis(2_500);
/// Where the C library reads its resolvers from, and so everybody else.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// Reads the name to ask for.
pub(crate) fn name(text: &str) -> Result<RecordName> {
    text.parse().map_err(|error| anyhow!("NAME: {error} (hint: give the full name that clients ask for)"))
}

/// Reads what `name` answered before, where that is given.
pub(crate) fn history(name: &RecordName, path: Option<&Path>) -> Result<Option<History>> {
    let Some(path) = path else { return Ok(None) };
    let history = History::read(&read("history", path)?)
        .map_err(|error| anyhow!("history {}: {error}", path.display()))?;
    if let Some(other) = history.name().filter(|other| *other != name) {
        bail!(
            "history {} is about {other}, and not about {name} (hint: give the history of the name that is asked for)",
            path.display()
        );
    }
    Ok(Some(history))
}

/// Returns the resolver that is asked for name servers where the root servers lead nowhere: the first that
/// is given, or the first of this machine. A machine without any can still ask name servers.
pub(crate) fn finder(arguments: &AskingArgs, seed: u64) -> Result<Option<Resolver>> {
    let given = arguments.resolver.first().cloned();
    let is_given = given.is_some();
    match make(&[given.unwrap_or(ResolverSpec::System)], arguments, arguments.timeout, seed) {
        Ok(made) => Ok(made.into_iter().next()),
        Err(_) if !is_given => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the resolvers that are asked themselves.
pub(crate) fn resolvers(arguments: &AskingArgs, seed: u64) -> Result<Vec<Resolver>> {
    make(&arguments.resolver, arguments, arguments.timeout.max(RESOLVER_PATIENCE), seed)
}

/// Returns the same, or the resolvers of this machine where none is given.
pub(crate) fn resolvers_or_system(arguments: &AskingArgs, seed: u64) -> Result<Vec<Resolver>> {
    if arguments.resolver.is_empty() {
        return make(&[ResolverSpec::System], arguments, arguments.timeout.max(RESOLVER_PATIENCE), seed);
    }
    resolvers(arguments, seed)
}

fn make(
    specs: &[ResolverSpec],
    arguments: &AskingArgs,
    timeout: Duration,
    seed: u64,
) -> Result<Vec<Resolver>> {
    let manner = manner(arguments, timeout)?;
    let made = resolver_probe::resolvers(specs, &system(), &manner, seed);
    made.map_err(|error: NoResolver| anyhow!("--resolver: {error}"))
}

fn manner(arguments: &AskingArgs, timeout: Duration) -> Result<ResolverManner> {
    let manner = ResolverManner::new(timeout, RESOLVER_TRIES);
    #[cfg(feature = "encrypted")]
    let manner = manner.trusting(trust(arguments.ca.as_deref())?);
    #[cfg(not(feature = "encrypted"))]
    refuse_ca(arguments.ca.as_deref())?;
    Ok(manner)
}

/// Returns what the addresses are asked.
pub(crate) fn reaching(arguments: &LivenessArgs, ca: Option<&Path>) -> Result<Reaching> {
    #[cfg(not(feature = "encrypted"))]
    refuse_ca(ca)?;
    Ok(Reaching {
        probes: arguments.reach.clone(),
        vantage: arguments.vantage,
        gateway: arguments.gateway(),
        timeout: arguments.reach_timeout,
        #[cfg(feature = "encrypted")]
        trust: trust(ca)?,
    })
}

#[cfg(not(feature = "encrypted"))]
pub(crate) fn refuse_ca(ca: Option<&Path>) -> Result<()> {
    match ca {
        None => Ok(()),
        Some(path) => bail!("--ca {}: this program was built without encryption", path.display()),
    }
}

/// Reads which resolvers this machine uses. Without the file there are none, as far as this program goes.
fn system() -> SystemResolvers {
    std::fs::read_to_string(RESOLV_CONF).map(|text| system_resolvers(&text)).unwrap_or_default()
}

/// Reads the certificates to trust.
#[cfg(feature = "encrypted")]
pub(crate) fn trust(ca: Option<&Path>) -> Result<resolver_probe::Trust> {
    match ca {
        None => Ok(resolver_probe::Trust::default()),
        Some(path) => resolver_probe::Trust::with_ca(read("certificates", path)?.as_bytes())
            .map_err(|error| anyhow!("certificates {}: {error}", path.display())),
    }
}
