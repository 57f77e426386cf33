//! QUIC in two ways at once: the question for versions, and a whole handshake beside it.
//!
//! The first shows at once whether a port is closed, and the second who answers. Naming versions is optional
//! for a server (RFC 9000 §5.2.2), so that neither waits for the other. Nothing is judged.

use std::net::SocketAddrV4;
use std::time::Duration;

use super::conversation::{Conversation, Ending, Manner};
use super::engine::ReachRequest;
use super::evidence::{Handshake, ReachEvidence};
use super::probe::ReachProbe;

/// Who should answer, and in which application protocol. Without encryption nobody can be asked.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    #[cfg(feature = "encrypted")]
    pub(super) name: String,
    #[cfg(feature = "encrypted")]
    pub(super) alpn: Option<String>,
    #[cfg(feature = "encrypted")]
    pub(super) trust: crate::resolver::Trust,
}

impl Wanted {
    /// Returns what a request wants of a handshake, where it wants one.
    pub(super) fn of(request: &ReachRequest) -> Option<Self> {
        match &request.probe {
            #[cfg(feature = "encrypted")]
            ReachProbe::QuicHandshake { name, alpn, .. } => {
                Some(Self { name: name.clone(), alpn: alpn.clone(), trust: request.trust.clone() })
            }
            #[cfg(not(feature = "encrypted"))]
            ReachProbe::QuicHandshake { .. } => Some(Self {}),
            _ => None,
        }
    }
}

/// Asks for versions and begins a handshake; waits for both, unless the port is closed.
pub(super) async fn run(
    mut conversation: Conversation,
    server: SocketAddrV4,
    wanted: &Wanted,
    manner: Manner,
) -> (ReachEvidence, Vec<Duration>) {
    let shaking = shake(server, wanted, manner);
    tokio::pin!(shaking);
    let mut shaken = None;
    let ended = {
        let talking = conversation.talk(manner);
        tokio::pin!(talking);
        loop {
            tokio::select! {
                biased;
                ended = &mut talking => break ended,
                outcome = &mut shaking, if shaken.is_none() => shaken = Some(outcome),
            }
        }
    };
    let outcome = match (shaken, ended) {
        (Some(outcome), _) => Some(outcome),
        (None, Ending::Refused | Ending::Failed) => None,
        (None, Ending::Answered | Ending::Silent) => Some(shaking.await),
    };
    let (mut evidence, mut rtts) = conversation.seen();
    match outcome {
        Some(Ok(handshake)) => note(handshake, &mut evidence, &mut rtts),
        Some(Err(why)) => evidence.failure = Some(why),
        None => {}
    }
    (evidence, rtts)
}

/// A completed handshake is a reply, also of a server that does not name its versions.
fn note(handshake: Handshake, evidence: &mut ReachEvidence, rtts: &mut Vec<Duration>) {
    if let (Handshake::Agreed { took_us }, 0) = (&handshake, evidence.replies) {
        evidence.replies = 1;
        rtts.push(Duration::from_micros(*took_us));
    }
    evidence.handshake = Some(handshake);
}

#[cfg(feature = "encrypted")]
async fn shake(server: SocketAddrV4, wanted: &Wanted, manner: Manner) -> Result<Handshake, String> {
    let until = (tokio::time::Instant::now() + manner.timeout).min(manner.over);
    super::handshake::run(server, wanted, until).await
}

#[cfg(not(feature = "encrypted"))]
async fn shake(_server: SocketAddrV4, _wanted: &Wanted, _manner: Manner) -> Result<Handshake, String> {
    Err("a handshake needs encryption, which this program was built without".to_owned())
}
