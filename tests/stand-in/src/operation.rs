//! The services and operations that the stand-in knows, as closed sets.
//!
//! A fault or a page size on an operation that is misspelt cannot be armed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A service of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// EC2, protocol `ec2`, version 2016-11-15.
    Ec2,
    /// EC2 Auto Scaling, protocol `query`, version 2011-01-01.
    AutoScaling,
    /// Route 53, protocol `rest-xml`, version 2013-04-01.
    Route53,
    /// Systems Manager, protocol JSON 1.1.
    Ssm,
    /// SQS, protocol JSON 1.0.
    Sqs,
    /// STS, protocol `query`, version 2011-06-15.
    Sts,
}

impl Service {
    /// Returns the name that requests are signed for.
    #[must_use]
    pub fn signing_name(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::AutoScaling => "autoscaling",
            Self::Route53 => "route53",
            Self::Ssm => "ssm",
            Self::Sqs => "sqs",
            Self::Sts => "sts",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.signing_name())
    }
}

macro_rules! operations {
    ($($service:ident: $($name:ident),+;)+) => {
        /// An operation that the stand-in answers, printed as `ec2:DescribeInstances`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        #[expect(missing_docs, reason = "the names are those of AWS's own references")]
        pub enum Operation { $($($name),+),+ }

        impl Operation {
            /// Every operation.
            pub const ALL: &[Self] = &[$($(Self::$name),+),+];

            /// Returns the service that it belongs to.
            #[must_use]
            pub fn service(self) -> Service {
                match self { $($(Self::$name)|+ => Service::$service),+ }
            }

            /// Returns its name without the service.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $($(Self::$name => stringify!($name)),+),+ }
            }
        }
    };
}

operations! {
    Ec2: DescribeInstances, DescribeAvailabilityZones;
    AutoScaling: DescribeAutoScalingGroups, DescribeAutoScalingInstances, DescribeLifecycleHooks,
        CompleteLifecycleAction, RecordLifecycleActionHeartbeat;
    Route53: ListResourceRecordSets, ChangeResourceRecordSets, GetChange, GetHostedZone;
    Ssm: GetParametersByPath, GetParameter, GetParameters, PutParameter, DeleteParameter, DeleteParameters;
    Sqs: SendMessage, ReceiveMessage, DeleteMessage, DeleteMessageBatch, ChangeMessageVisibility,
        ChangeMessageVisibilityBatch, GetQueueAttributes, GetQueueUrl;
    Sts: AssumeRole, GetCallerIdentity;
}

impl Operation {
    /// Finds an operation of a service.
    #[must_use]
    pub fn of(service: Service, name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.service() == service && known.name() == name)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service(), self.name())
    }
}

/// Text that names no operation of the stand-in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an operation of the stand-in (hint: write it as ec2:DescribeInstances)")]
pub struct UnknownOperation(String);

impl FromStr for Operation {
    type Err = UnknownOperation;

    fn from_str(text: &str) -> Result<Self, UnknownOperation> {
        let found = Self::ALL.iter().copied().find(|known| known.to_string() == text);
        found.ok_or_else(|| UnknownOperation(text.to_owned()))
    }
}

impl TryFrom<String> for Operation {
    type Error = UnknownOperation;

    fn try_from(text: String) -> Result<Self, UnknownOperation> {
        text.parse()
    }
}

impl From<Operation> for String {
    fn from(operation: Operation) -> String {
        operation.to_string()
    }
}
