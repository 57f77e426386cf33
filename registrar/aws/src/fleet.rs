//! The instances, from EC2.
//!
//! Filters narrow what is read on EC2's side; which instance a pool selects is decided by the core. A
//! read never fails: what could not be read is the fleet's gap.

use std::collections::{BTreeMap, BTreeSet};

use registrar_core::ids::{AutoScalingGroupName, InstanceId, WavelengthZone};
use registrar_core::inventory::fleet::GROUP_TAG;
use registrar_core::inventory::{Fleet, Gap, GapSource};
use registrar_core::pool::Policy;

use crate::clients::{Aws, Deadline};
use crate::convert;
use crate::errors::{PortError, send};
use crate::pages::{Pages, more};

const OPERATION: &str = "ec2:DescribeInstances";
/// Instances on a page (EC2 API reference, `DescribeInstances`: 5 to 1,000).
const PAGE: i32 = 1_000;
/// Values of one filter (EC2 user guide, "Filter your resources": 200).
const MOST_VALUES: usize = 200;

/// Which instances to read. What is empty filters nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FleetQuery {
    /// Instances in any of these zones.
    pub wavelength_zones: BTreeSet<WavelengthZone>,
    /// Instances that have, for each of these tags, any of its values; without values the tag alone.
    pub tags: BTreeMap<String, BTreeSet<String>>,
    /// Instances of any of these Auto Scaling groups, by the tag that Auto Scaling puts on them.
    pub auto_scaling_groups: BTreeSet<AutoScalingGroupName>,
    /// Also instances that stop, terminate, or did so a short while ago.
    pub include_ended: bool,
}

/// A filter: its name and the values any of which is asked for.
pub(crate) type Filter = (String, Vec<String>);

impl FleetQuery {
    /// Asks for the instances that a pool selects, and for as few others as filters allow.
    #[must_use]
    pub fn selecting(policy: &Policy) -> Self {
        let selector = policy.selector();
        let value = |(key, value): (&String, &String)| (key.clone(), BTreeSet::from([value.clone()]));
        Self {
            wavelength_zones: selector.wavelength_zones.iter().cloned().collect(),
            tags: selector.tags.iter().map(value).collect(),
            auto_scaling_groups: selector.auto_scaling_groups.iter().cloned().collect(),
            include_ended: false,
        }
    }

    /// Returns the filters of each request that the query takes: more than one where a filter has more
    /// values than a request may name.
    fn requests(&self) -> Vec<Vec<Filter>> {
        let alive = ["pending", "running"].as_slice();
        let ended = ["shutting-down", "terminated", "stopping", "stopped"].as_slice();
        let states = alive.iter().chain(if self.include_ended { ended } else { &[] });
        let states = states.map(|state| (*state).to_owned()).collect();
        let mut requests = vec![vec![("instance-state-name".to_owned(), states)]];
        let zones: Vec<String> = self.wavelength_zones.iter().map(ToString::to_string).collect();
        narrow(&mut requests, "availability-zone", &zones);
        for (key, values) in &self.tags {
            let values: Vec<String> = values.iter().map(|value| literal(value)).collect();
            if values.is_empty() {
                narrow(&mut requests, "tag-key", &[literal(key)]);
            } else {
                narrow(&mut requests, &format!("tag:{key}"), &values);
            }
        }
        let groups: Vec<String> =
            self.auto_scaling_groups.iter().map(|name| literal(name.as_str())).collect();
        narrow(&mut requests, &format!("tag:{GROUP_TAG}"), &groups);
        requests
    }
}

/// Adds a filter to every request, each of them once for every 200 values.
fn narrow(requests: &mut Vec<Vec<Filter>>, name: &str, values: &[String]) {
    if values.is_empty() {
        return;
    }
    let with = |request: &Vec<Filter>, values: &[String]| {
        let mut request = request.clone();
        request.push((name.to_owned(), values.to_vec()));
        request
    };
    *requests = requests
        .iter()
        .flat_map(|request| values.chunks(MOST_VALUES).map(|values| with(request, values)))
        .collect();
}

/// Writes a value so that a filter matches it and nothing else: `*`, `?` and `\` mean something in filters
/// (EC2 user guide, "Filter your resources").
fn literal(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for character in value.chars() {
        if matches!(character, '*' | '?' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text
}

impl Aws {
    /// Reads the instances that a query asks for: the pending and running ones, unless it asks for more.
    pub async fn describe_fleet(&self, query: &FleetQuery, deadline: Deadline) -> Fleet {
        let mut fleet = Fleet::default();
        for filters in query.requests() {
            self.describe(&filters, deadline, &mut fleet).await;
        }
        fleet
    }

    /// Reads the instances with these ids, in whatever state. One that EC2 does not know is simply absent;
    /// naming ids outside a filter would fail for all of them.
    pub async fn describe_ids(&self, ids: &BTreeSet<InstanceId>, deadline: Deadline) -> Fleet {
        let mut fleet = Fleet::default();
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        for ids in ids.chunks(MOST_VALUES) {
            self.describe(&[("instance-id".to_owned(), ids.to_vec())], deadline, &mut fleet).await;
        }
        fleet
    }

    async fn describe(&self, filters: &[Filter], deadline: Deadline, fleet: &mut Fleet) {
        let mut pages = Pages::new(OPERATION);
        let mut token = None;
        loop {
            let page = self.instances_page(filters, token.take(), deadline).await;
            let next = page.and_then(|(instances, next)| {
                for instance in instances {
                    match instance {
                        Ok(instance) => fleet.add(instance),
                        Err(problem) => {
                            fleet.gap.get_or_insert(Gap::new(GapSource::Fleet, problem));
                        }
                    }
                }
                next.clone().map_or(Ok(()), |next| pages.advance(next)).map(|()| next)
            });
            match next {
                Ok(None) => return,
                Ok(next) => token = next,
                Err(error) => {
                    fleet.gap = Some(pages.gap(GapSource::Fleet, &error));
                    return;
                }
            }
        }
    }

    async fn instances_page(
        &self,
        filters: &[Filter],
        token: Option<String>,
        deadline: Deadline,
    ) -> Result<(Vec<convert::Described>, Option<String>), PortError> {
        let call = self
            .inner
            .ec2
            .describe_instances()
            .set_filters(Some(filters.iter().map(convert::filter).collect()))
            .max_results(PAGE)
            .set_next_token(token);
        let page = send(OPERATION, deadline, call.send()).await?;
        let instances = page.reservations().iter().flat_map(|reservation| reservation.instances());
        Ok((instances.map(convert::instance).collect(), more(page.next_token())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_of_more_than_two_hundred_values_takes_several_requests() {
        let ids: BTreeSet<String> = (0..450).map(|number| format!("v{number:03}")).collect();
        let query = FleetQuery {
            wavelength_zones: BTreeSet::from(["us-east-1-wl1-bos-wlz-1".parse().unwrap()]),
            tags: BTreeMap::from([("edge-dns".to_owned(), ids)]),
            auto_scaling_groups: BTreeSet::new(),
            include_ended: false,
        };
        let requests = query.requests();
        let sizes: Vec<usize> = requests.iter().map(|request| request[2].1.len()).collect();
        assert_eq!(sizes, [200, 200, 50]);
        assert!(requests.iter().all(|request| request[0].0 == "instance-state-name"));
        assert!(requests.iter().all(|request| request[1].1 == ["us-east-1-wl1-bos-wlz-1"]));
    }

    #[test]
    fn a_value_is_matched_as_it_is_written() {
        assert_eq!(literal("a*b?c\\d"), "a\\*b\\?c\\\\d");
    }

    #[test]
    fn a_tag_without_values_is_asked_for_by_its_key() {
        let query = FleetQuery {
            tags: BTreeMap::from([("edge-dns".to_owned(), BTreeSet::new())]),
            ..FleetQuery::default()
        };
        assert_eq!(query.requests()[0][1], ("tag-key".to_owned(), vec!["edge-dns".to_owned()]));
    }
}
