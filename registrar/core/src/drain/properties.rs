//! Properties of drain tickets over all timings: they end, not too early, and their hooks are kept alive.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{Drain, DrainTicket, LONGEST_PROPAGATION, Stage, TicketStep, Visit, WaitingHook};

fn secs(secs: i64) -> SignedDuration {
    SignedDuration::from_secs(secs)
}

fn hook(instance: u32) -> WaitingHook {
    WaitingHook {
        group: "edge".parse().unwrap(),
        hook: "dns-drain".parse().unwrap(),
        instance: format!("i-{instance:08x}").parse().unwrap(),
        token: None,
    }
}

fn drain(ttl_secs: u32, heartbeat_secs: Option<u32>, waiting_since: Option<Timestamp>) -> Drain {
    Drain {
        deployment: "default".parse().unwrap(),
        pool: "video".parse().unwrap(),
        hooks: [hook(1)].into(),
        hosted_zone_id: "Z1".parse().unwrap(),
        ttl_secs,
        heartbeat_secs,
        waiting_since,
    }
}

fn start() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn through_the_queue(ticket: &DrainTicket) -> DrainTicket {
    DrainTicket::parse(&ticket.to_body()).expect("a ticket").expect("a good ticket")
}

/// One run of a drain: what may happen to it from outside.
#[derive(Clone, Debug)]
struct Run {
    ttl_secs: u32,
    timeout_secs: Option<u32>,
    /// When Route 53's servers have the change; never, within a day, for `None`.
    in_sync_secs: Option<i64>,
    has_change: bool,
    /// How long the hook had waited before the ticket was made.
    waited_millis: i64,
    /// How late the queue is at each visit, in thousandths of half of the hook's timeout.
    lags: Vec<i64>,
}

fn runs() -> impl Strategy<Value = Run> {
    let ttl_secs = prop_oneof![0u32..120, 0u32..=7_200];
    let timeout_secs = prop::option::of(prop_oneof![30u32..90, 30u32..=7_200]);
    let in_sync_secs = prop::option::of(prop_oneof![0i64..90, 0i64..2_000]);
    let lags = prop::collection::vec(0i64..850, 1..20);
    (ttl_secs, timeout_secs, in_sync_secs, any::<bool>(), 0i64..14_000, lags).prop_map(
        |(ttl_secs, timeout_secs, in_sync_secs, has_change, waited_millis, lags)| Run {
            ttl_secs,
            timeout_secs,
            in_sync_secs,
            has_change,
            waited_millis,
            lags,
        },
    )
}

impl Run {
    /// Follows the ticket to its end, and returns when it completed and when it was known to be in sync.
    fn follow(&self) -> (Timestamp, Option<Timestamp>) {
        let start = start();
        let since = start - SignedDuration::from_millis(self.waited_millis);
        let drain = drain(self.ttl_secs, self.timeout_secs, Some(since));
        let tickets = match self.has_change {
            true => DrainTicket::for_change(drain, "/change/C1", start),
            false => DrainTicket::without_change(drain, start),
        };
        let half_millis = i64::from(self.timeout_secs.unwrap_or(120)) * 500;
        let (mut now, mut beaten_at, mut in_sync_at) = (start, since, None);
        let mut visit = tickets[0].clone().postpone(now);
        for lag in self.lags.iter().cycle().take(20_000) {
            if visit.heartbeat {
                beaten_at = now;
            }
            now += secs(visit.delay_secs.into()) + SignedDuration::from_millis(half_millis * lag / 1000);
            if let Some(timeout) = self.timeout_secs {
                let unheard = now.duration_since(beaten_at);
                assert!(
                    unheard < secs(timeout.into()),
                    "the hook gave up: nothing for {unheard} of {timeout} s"
                );
            }
            let mut ticket = through_the_queue(&visit.ticket);
            if let TicketStep::AskChange { change_id } = ticket.next(now) {
                assert_eq!(change_id, "/change/C1");
                if self.in_sync_secs.is_some_and(|after| start + secs(after) <= now) {
                    in_sync_at = Some(now);
                    ticket = ticket.in_sync(now);
                } else {
                    visit = ticket.postpone(now);
                    continue;
                }
            }
            match ticket.next(now) {
                TicketStep::Complete => return (now, in_sync_at),
                TicketStep::Again(next) => visit = next,
                TicketStep::AskChange { .. } => panic!("asked twice in one visit"),
            }
        }
        panic!("the ticket never ends");
    }
}

proptest! {
    #[test]
    fn whatever_the_timings_a_drain_ends_after_its_wait_with_its_hook_alive(run in runs()) {
        let (completed_at, in_sync_at) = run.follow();
        let ttl = secs(run.ttl_secs.into());
        let waited_from = match in_sync_at {
            Some(at) => at,
            None if run.has_change => start() + LONGEST_PROPAGATION,
            None => start() + secs(60),
        };
        prop_assert!(completed_at >= waited_from + ttl, "completed before the old TTL was over");
        let lag = SignedDuration::from_millis(i64::from(run.timeout_secs.unwrap_or(120)) * 500);
        prop_assert!(completed_at <= waited_from + ttl + lag + secs(16), "completed long after the wait was over");
    }

    #[test]
    fn whatever_a_ticket_claims_following_it_comes_to_an_end(
        issued in any::<i32>(), beaten in any::<i32>(), until in prop::option::of(any::<i32>()),
        ttl_secs in any::<u32>(), heartbeat_secs in prop::option::of(any::<u32>()),
    ) {
        let at = |secs: i32| Timestamp::from_second(i64::from(secs) * 100).unwrap();
        let stage = match until {
            Some(until) => Stage::Expiring { until: at(until) },
            None => Stage::Propagating { change_id: "C1".to_owned() },
        };
        let mut ticket = DrainTicket::without_change(drain(0, None, None), start()).remove(0);
        (ticket.issued_at, ticket.beaten_at, ticket.stage) = (at(issued), at(beaten), stage);
        (ticket.ttl_secs, ticket.heartbeat_secs) = (ttl_secs, heartbeat_secs);
        let mut now = start();
        while ticket.next(now) != TicketStep::Complete {
            let visit: Visit = ticket.postpone(now);
            prop_assert!((1..=900).contains(&visit.delay_secs));
            now += secs(visit.delay_secs.into());
            ticket = visit.ticket;
            prop_assert!(now <= start() + LONGEST_PROPAGATION + secs(86_400 + 60 + 16), "it never ends");
        }
    }
}
