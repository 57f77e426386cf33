//! Zones of a Region, by EC2: what they are, and whether the account may use them.
//!
//! Whether a pool can be there is the core's business.

use std::collections::{BTreeMap, BTreeSet};

use registrar_core::ids::WavelengthZone;
use registrar_core::preflight::ZoneFacts;

use crate::clients::{Aws, Deadline};
use crate::convert;
use crate::errors::{PortError, send};

const DESCRIBE: &str = "ec2:DescribeAvailabilityZones";
/// Values of one filter (EC2 user guide, "Filter your resources": 200).
const MOST_VALUES: usize = 200;

impl Aws {
    /// Describes the zones of these names, also those that the account has not opted in to. A zone that the Region
    /// does not have is absent: naming it outside a filter would fail for all of them.
    ///
    /// # Errors
    /// When EC2 does not answer or refuses.
    pub async fn describe_zones(
        &self,
        names: &BTreeSet<WavelengthZone>,
        deadline: Deadline,
    ) -> Result<BTreeMap<WavelengthZone, ZoneFacts>, PortError> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut found = BTreeMap::new();
        for names in names.chunks(MOST_VALUES) {
            let filter = convert::filter(&("zone-name".to_owned(), names.to_vec()));
            let call =
                self.inner.ec2.describe_availability_zones().all_availability_zones(true).filters(filter);
            let answer = send(DESCRIBE, deadline, call.send()).await?;
            found.extend(answer.availability_zones().iter().filter_map(convert::zone_facts));
        }
        Ok(found)
    }
}
