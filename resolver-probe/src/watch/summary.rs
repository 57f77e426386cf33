//! Sums up how everything stands, in the form that is told and drawn.
//!
//! Nothing is judged here.

use std::net::{Ipv4Addr, SocketAddr};

use super::event::{AddressSummary, PresenceWord, ServerSummary, Summary};
use super::server::{Presence, ServerState};
use super::state::State;
use crate::report::Verdict;
use crate::statistics::{Alpha, Interval, wilson};

pub(super) fn of(state: &State) -> Summary {
    let findings = state.ledger.standing();
    let servers = state.servers.iter().map(|(address, server)| of_server(state, *address, server));
    let opened = state.ledger.opened().iter().map(|(id, count)| (id.to_string(), *count));
    Summary {
        started_at: state.started_at,
        verdict: Verdict::of(findings.iter().map(|standing| standing.finding.severity)),
        compared: state.truth.is_some(),
        servers: servers.collect(),
        resolvers: state.resolvers.iter().map(|resolver| resolver.summary(state.started_at)).collect(),
        findings,
        opened: opened.collect(),
    }
}

fn of_server(state: &State, server: SocketAddr, heard: &ServerState) -> ServerSummary {
    let compared = heard.weights.as_ref().map(|watch| watch.p_value());
    let addresses =
        heard.addresses.iter().map(|(address, presence)| of_address(state, *address, presence)).collect();
    ServerSummary {
        server,
        name_server: heard.name_server.clone(),
        queries: heard.tally.queries,
        replies: heard.tally.replies,
        answers: heard.tally.answers,
        left_out: heard.tally.left_out,
        last_answer_at: heard.tally.last_answer_at,
        ttl_secs: heard.ttl_secs,
        addresses,
        p_value: compared.map(|(p_value, _)| p_value),
        compared_answers: compared.map(|(_, answers)| answers),
    }
}

fn of_address(state: &State, address: Ipv4Addr, presence: &Presence) -> AddressSummary {
    let share = presence.trail.map_or(0.0, |trail| if presence.is_gone { 0.0 } else { trail.share() });
    let interval = presence.trail.map(|trail| trail.counts()).map(|(seen, of)| {
        let Interval { low, high } = wilson(seen, of, Alpha::FIVE_PERCENT);
        Interval { low: rounded(low), high: rounded(high) }
    });
    AddressSummary {
        address,
        answers: presence.answers,
        share: rounded(share),
        expected_share: state.truth.as_ref().and_then(|truth| truth.share_beside(address, 0)).map(rounded),
        interval,
        last_seen_at: presence.trail.map(|trail| trail.last_at),
        presence: match (presence.is_gone, presence.trail) {
            (true, _) => PresenceWord::Gone,
            (false, Some(_)) => PresenceWord::There,
            (false, None) => PresenceWord::Unseen,
        },
    }
}

fn rounded(share: f64) -> f64 {
    (share * 10_000.0).round() / 10_000.0
}
