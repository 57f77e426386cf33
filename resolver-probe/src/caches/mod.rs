//! Watches resolvers over some TTLs of a name: which of them stretch, clamp or serve stale, and what shows it.
//!
//! It judges caches, and not the name: what the name servers answer is learnt to compare with, and nothing is
//! said of whether it is right.

mod render;
mod report;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use registrar_core::Timestamp;
use registrar_core::name::RecordName;
use tokio::time::Instant;

use crate::discover::{DiscoverRequest, Discovery, discover};
use crate::history::History;
use crate::judge::{discovered, finding, resolvers};
use crate::progress::Progress;
use crate::report::{Finding, FindingId, Severity, Verdict};
use crate::resolver::Resolver;
use crate::staleness::{Asker, Authority, EVERY, Reference, Resolved, Run, Told, learn, watch};

pub use render::{render_human, render_json};
pub use report::{AuthorityReport, CachesReport};

/// How long to watch: so many TTLs and a little more, so that each cache is seen to run out and fill again, and
/// long enough for stale answers to stand out where the TTL is very short.
const TTLS: u32 = 2;
const MARGIN: Duration = Duration::from_secs(5);
const SHORTEST: Duration = Duration::from_secs(20);
/// Questions to one resolver, at most: with a long TTL they are further apart.
const MOST_QUESTIONS: u32 = 120;
/// How long the name servers are asked at first, at most, to know what they answer.
const LEARNING_SECS: u64 = 3;
/// What caches may add to a TTL by rounding.
const ROUNDING: Duration = Duration::from_secs(2);

/// What to watch, and how.
#[derive(Debug)]
pub struct CachesRequest {
    /// The name that clients ask for.
    pub name: RecordName,
    /// Its name servers; without any, they are found.
    pub servers: Vec<SocketAddr>,
    /// Where finding them begins, in place of the root servers.
    pub roots: Vec<SocketAddr>,
    /// The resolver that is asked for the name servers where the root servers lead nowhere.
    pub finder: Option<Resolver>,
    /// The resolvers to watch.
    pub resolvers: Vec<Resolver>,
    /// What the name answered before, where that was watched.
    pub history: Option<History>,
    /// How long to watch; without it, two TTLs and a little more.
    pub lasting: Option<Duration>,
    /// When it ends, done or not.
    pub deadline: Duration,
    /// How long each try of a query to a name server waits.
    pub timeout: Duration,
    /// The time at which it begins.
    pub started_at: Timestamp,
    /// Where message ids come from.
    pub seed: u64,
    /// Who is told how far it has come.
    pub progress: Option<Arc<dyn Progress>>,
}

/// Watches the resolvers, and judges their caches.
///
/// It needs a tokio runtime with I/O and time, and never fails: what goes wrong is in the report.
pub async fn caches(mut request: CachesRequest) -> CachesReport {
    let began = Instant::now();
    let discovery = if request.servers.is_empty() { Some(find(&mut request).await) } else { None };
    let mut run = Run {
        name: request.name.clone(),
        began,
        end: began + request.deadline,
        timeout: request.timeout,
        rate: None,
        seed: request.seed,
        told: Told::default(),
    };
    let mut authority = Authority::new(&request.servers, None);
    learn(&mut authority, LEARNING_SECS, &run).await;
    let lasting = request.lasting.unwrap_or_else(|| long_enough(authority.ttl_secs()));
    let every = EVERY.max(lasting / MOST_QUESTIONS);
    let askers: Vec<Asker> = std::mem::take(&mut request.resolvers).into_iter().map(Asker::new).collect();
    let questions = lasting.as_millis() / every.as_millis().max(1) * askers.len() as u128;
    run.told = Told::new(request.progress.clone(), u64::try_from(questions).unwrap_or(u64::MAX));
    let watched_from = Instant::now();
    run.end = run.end.min(watched_from + lasting);
    let askers = watch(askers, &mut authority, every, &run).await;
    let series = askers.into_iter().map(|asker| asker.series).collect();
    judge(request, Resolved { authority, series }, discovery, watched_from.elapsed(), began.elapsed())
}

fn long_enough(ttl_secs: Option<u32>) -> Duration {
    let ttl = Duration::from_secs(ttl_secs.unwrap_or(0).into());
    (ttl * TTLS + MARGIN).max(SHORTEST)
}

/// Finds the name servers, within a quarter of the time.
async fn find(request: &mut CachesRequest) -> Discovery {
    let found = discover(DiscoverRequest {
        name: request.name.clone(),
        roots: request.roots.clone(),
        resolver: request.finder.take(),
        timeout: request.timeout,
        limit: request.deadline / 4,
        seed: request.seed,
    })
    .await;
    if !found.belongs_to_others() {
        request.servers = found.servers().map(|(server, _)| server).collect();
    }
    found
}

fn judge(
    request: CachesRequest,
    resolved: Resolved,
    discovery: Option<Discovery>,
    watched: Duration,
    duration: Duration,
) -> CachesReport {
    let Resolved { authority, series } = &resolved;
    let reference = Reference {
        authority,
        truth: None,
        history: request.history.as_ref(),
        started_at: request.started_at,
    };
    let judged = resolvers::judge(&reference, series);
    let mut findings = judged.findings;
    findings.extend(discovery.iter().flat_map(discovered::findings));
    findings.extend(too_short(authority, watched));
    findings.sort_by(|one, other| {
        (one.severity, one.id, &one.resolver).cmp(&(other.severity, other.id, &other.resolver))
    });
    CachesReport {
        schema: report::SCHEMA,
        name: request.name.to_string(),
        verdict: Verdict::of(findings.iter().map(|finding| finding.severity)),
        started_at: request.started_at,
        duration,
        watched,
        authority: AuthorityReport::of(authority),
        discovery,
        resolvers: judged.reports,
        findings,
        seed: request.seed,
    }
}

/// Says what was not seen: without the authority's TTL nothing can be compared, and before a TTL is over nobody
/// has had to ask again.
fn too_short(authority: &Authority, watched: Duration) -> Option<Finding> {
    let unknown = |message: String| finding(FindingId::TooFewSamples, Severity::Unknown, message);
    let Some(ttl) = authority.ttl_secs() else {
        let message = "no name server answered with an address: the TTL to compare with is not known";
        return Some(unknown(message.to_owned()));
    };
    if watched >= Duration::from_secs(ttl.into()) + ROUNDING {
        return None;
    }
    let seconds = watched.as_secs();
    let message = format!(
        "the resolvers were watched for {seconds} s, and the TTL is {ttl} s: what they do when it is over was not \
         seen"
    );
    let finding = unknown(message).with("watched_secs", seconds);
    Some(finding.with("authority_ttl_secs", u64::from(ttl)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolvers_are_watched_for_two_ttls_and_at_least_twenty_seconds() {
        assert_eq!(long_enough(Some(20)), Duration::from_secs(45));
        assert_eq!(long_enough(Some(4)), SHORTEST);
        assert_eq!(long_enough(None), SHORTEST);
        assert!(long_enough(Some(u32::MAX)) > Duration::from_secs(8_000_000_000));
    }
}
