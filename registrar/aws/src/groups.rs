//! Lifecycle states, from Auto Scaling: of whole groups by name, and of single instances.
//!
//! A group that does not exist, or an instance that belongs to none, is just not listed. A read never
//! fails: what could not be read is the gap.

use std::collections::BTreeSet;

use registrar_core::ids::{AutoScalingGroupName, InstanceId};
use registrar_core::inventory::{Gap, GapSource, Groups};

use crate::clients::{Aws, Deadline};
use crate::convert;
use crate::errors::{PortError, send};
use crate::pages::{Pages, more};

const GROUPS: &str = "autoscaling:DescribeAutoScalingGroups";
const INSTANCES: &str = "autoscaling:DescribeAutoScalingInstances";
/// Groups on a page, and names in a request (Auto Scaling API reference, `DescribeAutoScalingGroups`).
const GROUPS_PAGE: usize = 100;
/// Ids in a request (Auto Scaling API reference, `DescribeAutoScalingInstances`).
const INSTANCES_PAGE: usize = 50;

/// The memberships on one page, and the token of the next.
type Page = (Vec<convert::Membership>, Option<String>);

impl Aws {
    /// Reads every member of the groups with these names.
    pub async fn describe_groups(
        &self,
        names: &BTreeSet<AutoScalingGroupName>,
        deadline: Deadline,
    ) -> Groups {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut groups = Groups::default();
        for names in names.chunks(GROUPS_PAGE) {
            let mut pages = Pages::new(GROUPS);
            let mut token = None;
            loop {
                let page = self.groups_page(names, token.take(), deadline).await;
                match add(&mut groups, &mut pages, page) {
                    None => break,
                    next => token = next,
                }
            }
        }
        groups
    }

    /// Reads the memberships of these instances.
    pub async fn describe_memberships(&self, ids: &BTreeSet<InstanceId>, deadline: Deadline) -> Groups {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let mut groups = Groups::default();
        for ids in ids.chunks(INSTANCES_PAGE) {
            let mut pages = Pages::new(INSTANCES);
            let mut token = None;
            loop {
                let page = self.memberships_page(ids, token.take(), deadline).await;
                match add(&mut groups, &mut pages, page) {
                    None => break,
                    next => token = next,
                }
            }
        }
        groups
    }

    async fn groups_page(
        &self,
        names: &[String],
        token: Option<String>,
        deadline: Deadline,
    ) -> Result<Page, PortError> {
        let call = self
            .inner
            .autoscaling
            .describe_auto_scaling_groups()
            .set_auto_scaling_group_names(Some(names.to_vec()))
            .max_records(count(GROUPS_PAGE))
            .set_next_token(token);
        let page = send(GROUPS, deadline, call.send()).await?;
        let members = page.auto_scaling_groups().iter().flat_map(convert::members).collect();
        Ok((members, more(page.next_token())))
    }

    async fn memberships_page(
        &self,
        ids: &[String],
        token: Option<String>,
        deadline: Deadline,
    ) -> Result<Page, PortError> {
        let call = self
            .inner
            .autoscaling
            .describe_auto_scaling_instances()
            .set_instance_ids(Some(ids.to_vec()))
            .max_records(count(INSTANCES_PAGE))
            .set_next_token(token);
        let page = send(INSTANCES, deadline, call.send()).await?;
        let members = page.auto_scaling_instances().iter().map(convert::membership).collect();
        Ok((members, more(page.next_token())))
    }
}

/// Adds a page and returns the token of the next one; a failure ends the reading as a gap.
fn add(groups: &mut Groups, pages: &mut Pages<String>, page: Result<Page, PortError>) -> Option<String> {
    let next = page.and_then(|(members, next)| {
        for member in members {
            match member {
                Ok((instance, membership)) => {
                    groups.members.insert(instance, membership);
                }
                Err(problem) => {
                    groups.gap.get_or_insert(Gap::new(GapSource::Groups, problem));
                }
            }
        }
        next.clone().map_or(Ok(()), |next| pages.advance(next)).map(|()| next)
    });
    next.unwrap_or_else(|error| {
        groups.gap = Some(pages.gap(GapSource::Groups, &error));
        None
    })
}

fn count(size: usize) -> i32 {
    i32::try_from(size).unwrap_or(i32::MAX)
}
