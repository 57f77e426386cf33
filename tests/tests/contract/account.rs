//! The rules about hosted zones, changes in progress, and how often an account may ask.

use aws_stand_in::Route53Settings;
use registrar_core::SignedDuration;

use crate::records::{simple, weighted};
use crate::subject::{Subject, Verdict, refused, seen};

fn settings() -> Route53Settings {
    Route53Settings { throttling: false, ..Route53Settings::default() }
}

fn an_unknown_hosted_zone_is_not_found(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    refused(&zone.get("hostedzone/ZUNKNOWN/rrset"), "NoSuchHostedZone")?;
    refused(&zone.get("hostedzone/ZUNKNOWN"), "NoSuchHostedZone")
}

fn a_hosted_zone_is_described_with_its_name_and_servers(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    let answer = zone.get(&format!("hostedzone/{}", zone.id));
    let found = (
        answer.element("Name"),
        answer.element("ResourceRecordSetCount"),
        answer.elements("NameServer").count(),
    );
    seen(found, (Some("edge.example.com."), Some("2"), 4))
}

fn an_unknown_change_is_not_found(subject: &Subject) -> Verdict {
    refused(&subject.zone().get("change/CUNKNOWN"), "NoSuchChange")
}

fn a_change_is_pending_and_then_in_sync(subject: &Subject) -> Verdict {
    let propagation = SignedDuration::from_secs(60);
    let zone = subject.zone_with(Route53Settings { propagation, ..settings() });
    let answer = zone.submit(&[simple("CREATE", "a")]);
    seen(answer.element("Status"), Some("PENDING"))?;
    let id = answer.element("Id").ok_or("a change without an id")?.trim_start_matches('/').to_owned();
    seen(zone.get(&id).element("Status"), Some("PENDING"))?;
    zone.wait(propagation);
    seen(zone.get(&id).element("Status"), Some("INSYNC"))
}

fn a_change_while_another_is_in_progress_is_refused(subject: &Subject) -> Verdict {
    let change_in_progress = SignedDuration::from_secs(60);
    let zone = subject.zone_with(Route53Settings { change_in_progress, ..settings() });
    zone.accepts(&[simple("CREATE", "a")])?;
    zone.refuses(&[simple("CREATE", "b")], "PriorRequestNotComplete")?;
    zone.wait(change_in_progress);
    zone.accepts(&[simple("CREATE", "b")])
}

fn an_account_may_ask_50_times_at_once(subject: &Subject) -> Verdict {
    let zone = subject.zone_with(Route53Settings::default());
    // Whoever refills by the real time has refilled ten by the time that sixty have been asked.
    let refusal = (0..70).map(|_| zone.list("maxitems=1")).find(|answer| answer.status != 200);
    refused(&refusal.ok_or("70 requests in a row are served")?, "Throttling")?;
    zone.wait(SignedDuration::from_secs(1));
    seen(zone.list("maxitems=1").status, 200)
}

fn an_account_may_make_1500_changes_at_once(subject: &Subject) -> Verdict {
    let zone = subject.zone_with(Route53Settings::default());
    let batch = |prefix: &str| {
        (0..1_000).map(|number| weighted("CREATE", &format!("{prefix}{number}"), "x")).collect::<Vec<_>>()
    };
    zone.accepts(&batch("a"))?;
    zone.refuses(&batch("b"), "Throttling")?;
    zone.wait(SignedDuration::from_secs(5));
    zone.accepts(&batch("b"))
}

rules! {
    an_unknown_hosted_zone_is_not_found,
    a_hosted_zone_is_described_with_its_name_and_servers,
    an_unknown_change_is_not_found,
    a_change_is_pending_and_then_in_sync,
    a_change_while_another_is_in_progress_is_refused,
    an_account_may_ask_50_times_at_once,
    an_account_may_make_1500_changes_at_once,
}
