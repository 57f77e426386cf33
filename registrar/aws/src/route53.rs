//! Record sets, by Route 53: listing names or whole hosted zones, and submitting one batch.
//!
//! A listing never fails: what could not be read is its gap. A batch is sent once; the core's executor
//! decides what follows. Which records should stand is decided elsewhere.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_route53::config::Builder;
use aws_sdk_route53::config::retry::RetryConfig;
use registrar_core::execute::Reply;
use registrar_core::inventory::{Gap, GapSource, HostedZone};
use registrar_core::name::RecordName;
use registrar_core::plan::{Batch, RouteBudget};
use registrar_core::record_set::{RecordSet, RecordType};

use crate::accounts::{Account, ZoneAccess};
use crate::budget::{BudgetSpent, Cost};
use crate::clients::{Aws, Deadline};
use crate::convert;
use crate::elements::UnknownElements;
use crate::errors::{Kind, PortError, send};
use crate::pages::Pages;
use crate::replies::{self, CHANGE, Sent};
use crate::skip_scan::{Cursor, SkipScan, of_pool};

const LIST: &str = "route53:ListResourceRecordSets";
const GET_CHANGE: &str = "route53:GetChange";
/// Record sets on a page (Route 53 API reference, `ListResourceRecordSets`).
const PAGE: i32 = 300;
/// How many record sets are read to find the start of authority.
const APEX_PAGE: i32 = 10;

/// One page of a listing.
struct Page {
    records: Vec<Result<RecordSet, String>>,
    next: Option<Cursor>,
}

impl Aws {
    /// Reads the record sets of pools at these names: there, at the names of their owner texts and at their
    /// leaves, and as few others as pages allow.
    pub async fn list_names(
        &self,
        zone: &ZoneAccess,
        names: &BTreeSet<RecordName>,
        deadline: Deadline,
    ) -> HostedZone {
        let wanted: BTreeSet<RecordName> = names.iter().flat_map(of_pool).collect();
        let mut scan = SkipScan::new(names);
        let Some(start) = scan.start() else { return HostedZone::default() };
        let is_wanted = |record: &RecordSet| wanted.contains(&record.name);
        self.list(zone, Some(start), deadline, is_wanted, |next| scan.after(next)).await
    }

    /// Reads every record set of a hosted zone.
    pub async fn list_whole(&self, zone: &ZoneAccess, deadline: Deadline) -> HostedZone {
        let mut listed = self.list(zone, None, deadline, |_| true, |next| next.cloned()).await;
        listed.record_count = listed.gap.is_none().then_some(listed.records.len() as u64);
        listed
    }

    /// Returns the hosted zone's own name.
    ///
    /// # Errors
    /// When Route 53 does not answer or refuses, or lists no start of authority.
    pub async fn origin(&self, zone: &ZoneAccess, deadline: Deadline) -> Result<RecordName, PortError> {
        let account = self.inner.accounts.of(zone).await;
        let page = list_page(&account, zone, None, APEX_PAGE, deadline).await?;
        let soa = |record: &&RecordSet| record.r#type == RecordType::Soa;
        let listed: Vec<RecordSet> = page.records.into_iter().flatten().collect();
        if let Some(found) = listed.iter().find(soa) {
            return Ok(found.name.clone());
        }
        // Many records stand at the apex before it; the apex is what a listing starts with.
        let missing = || PortError::new(LIST, Kind::Other, "the hosted zone lists no start of authority");
        let apex = listed.first().ok_or_else(missing)?;
        let start = Cursor { r#type: Some(RecordType::Soa.to_string()), ..Cursor::at(&apex.name) };
        let page = list_page(&account, zone, Some(start), 1, deadline).await?;
        let listed: Vec<RecordSet> = page.records.into_iter().flatten().collect();
        listed.iter().find(soa).map(|found| found.name.clone()).ok_or_else(missing)
    }

    /// Returns what is left of the budget of the account that a hosted zone is in; nothing is sent for it.
    pub async fn budget(&self, zone: &ZoneAccess) -> RouteBudget {
        self.inner.accounts.of(zone).await.limiter.left()
    }

    /// Submits a batch as one request, once.
    ///
    /// Where the account's budget, or the time, would not allow it, nothing is sent and the reply is
    /// [`Reply::Throttled`]. A request that could not be signed is [`Reply::Denied`], since nothing was
    /// sent; one that was sent and not answered is [`Reply::Lost`].
    pub async fn change_records(&self, zone: &ZoneAccess, batch: &Batch, deadline: Deadline) -> Reply {
        self.change_records_within(zone, batch, deadline.remaining(), deadline).await
    }

    /// Submits a batch as [`Self::change_records`] does, where the account's budget lets it go within
    /// `patience`: what it was planned on grows old while it waits, and a smaller one may go sooner.
    pub async fn change_records_within(
        &self,
        zone: &ZoneAccess,
        batch: &Batch,
        patience: Duration,
        deadline: Deadline,
    ) -> Reply {
        let changes = match convert::change_batch(batch) {
            Ok(changes) => changes,
            Err(problem) => return Reply::InvalidChangeBatch(vec![problem]),
        };
        let account = self.inner.accounts.of(zone).await;
        let granted = account.limiter.acquire(Cost::of(batch), deadline.or_after(patience)).await;
        if granted.is_err() || deadline.has_passed() {
            return Reply::Throttled;
        }
        let sent = Sent::default();
        let call = account
            .client
            .change_resource_record_sets()
            .hosted_zone_id(zone.id.as_str())
            .change_batch(changes)
            .customize()
            .config_override(Builder::new().retry_config(RetryConfig::disabled()))
            .interceptor(sent.clone());
        let reply = match tokio::time::timeout_at(deadline.0, call.send()).await {
            Ok(Ok(accepted)) => convert::accepted(&accepted),
            Ok(Err(error)) => replies::failed(&error, sent.has_left()),
            Err(_) if sent.has_left() => Reply::Lost(PortError::out_of_time(CHANGE).to_string()),
            Err(_) => Reply::Denied(format!("{CHANGE} failed: no credentials came before the deadline")),
        };
        tracing::debug!(operation = CHANGE, hosted_zone = %zone.id, ?reply, "submitted");
        reply
    }

    /// Says whether a change has reached every name server.
    ///
    /// # Errors
    /// When Route 53 does not answer, refuses, or does not know the change any more.
    pub async fn change_is_in_sync(
        &self,
        zone: &ZoneAccess,
        change_id: &str,
        deadline: Deadline,
    ) -> Result<bool, PortError> {
        let account = self.inner.accounts.of(zone).await;
        let granted = account.limiter.acquire(Cost::REQUEST, deadline).await;
        granted.map_err(|spent| budget_spent(GET_CHANGE, spent))?;
        let call = account.client.get_change().id(change_id);
        send(GET_CHANGE, deadline, call.send()).await.map(|change| convert::is_in_sync(&change))
    }

    async fn list(
        &self,
        zone: &ZoneAccess,
        mut cursor: Option<Cursor>,
        deadline: Deadline,
        is_wanted: impl Fn(&RecordSet) -> bool,
        mut after: impl FnMut(Option<&Cursor>) -> Option<Cursor>,
    ) -> HostedZone {
        let account = self.inner.accounts.of(zone).await;
        let mut pages = Pages::new(LIST);
        let (mut records, mut gap, mut is_unknown) = (Vec::new(), None, false);
        loop {
            let page = match list_page(&account, zone, cursor.take(), PAGE, deadline).await {
                Ok(page) => page,
                Err(error) => {
                    is_unknown = error.kind == Kind::NotFound;
                    gap = Some(pages.gap(GapSource::HostedZone, &error));
                    break;
                }
            };
            for record in page.records {
                match record {
                    Ok(record) if is_wanted(&record) => records.push(record),
                    Ok(_) => {}
                    Err(problem) => {
                        gap.get_or_insert(Gap::new(GapSource::HostedZone, problem));
                    }
                }
            }
            let Some(next) = after(page.next.as_ref()) else { break };
            if let Err(error) = pages.advance(next.clone()) {
                gap = Some(pages.gap(GapSource::HostedZone, &error));
                break;
            }
            cursor = Some(next);
        }
        HostedZone { is_unknown, ..HostedZone::from_records(records, gap) }
    }
}

async fn list_page(
    account: &Account,
    zone: &ZoneAccess,
    start: Option<Cursor>,
    size: i32,
    deadline: Deadline,
) -> Result<Page, PortError> {
    let granted = account.limiter.acquire(Cost::REQUEST, deadline).await;
    granted.map_err(|spent| budget_spent(LIST, spent))?;
    let unknown = UnknownElements::default();
    let call = account.client.list_resource_record_sets().hosted_zone_id(zone.id.as_str()).max_items(size);
    let call = convert::start_at(call, start).customize().interceptor(unknown.clone());
    let listed = send(LIST, deadline, call.send()).await?;
    let unknown = unknown.take();
    let of_record = |index: usize| unknown.get(index).into_iter().flatten();
    let records = listed.resource_record_sets().iter().enumerate();
    let records = records.map(|(index, record)| convert::record_set(record, of_record(index))).collect();
    let next = listed.is_truncated().then(|| convert::next_cursor(&listed)).flatten();
    if listed.is_truncated() && next.is_none() {
        return Err(PortError::new(LIST, Kind::Other, "it is truncated and does not say where it goes on"));
    }
    Ok(Page { records, next })
}

pub(crate) fn budget_spent(operation: &'static str, spent: BudgetSpent) -> PortError {
    let message = format!(
        "the registrar's share of the account's Route 53 requests is spent: the next one may go in {} ms, \
         after the deadline",
        spent.wait.as_millis()
    );
    PortError::new(operation, Kind::Throttled, message)
}
