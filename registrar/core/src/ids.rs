//! Validated identifiers of instances, pools, deployments and hosted zones.
//!
//! They are parsed once, at the edge, and cannot be built any other way; nothing here looks
//! anything up.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A string that is not the identifier it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not {expected}")]
pub struct InvalidId {
    /// What was given, cut to 80 characters.
    pub value: String,
    /// What was expected, as a noun phrase.
    pub expected: &'static str,
}

impl InvalidId {
    pub(crate) fn new(value: &str, expected: &'static str) -> Self {
        Self { value: value.chars().take(80).collect(), expected }
    }
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $expected:expr, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Returns the identifier as it was written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(text.into())) } else { Err(InvalidId::new(text, $expected)) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

identifier!(
    /// An EC2 instance id.
    ///
    /// EC2 issues 8 or 17 hexadecimal digits and calls ids opaque, so any 1 to 32 lower-case letters
    /// and digits are accepted: enough to keep `/` and white space out of set identifiers.
    InstanceId,
    "an EC2 instance id such as i-0123456789abcdef0",
    |text| text.strip_prefix("i-").is_some_and(|rest| within(rest, 32, |b| b.is_ascii_digit()
        || b.is_ascii_lowercase()))
);

identifier!(
    /// The name of a pool: `[a-z0-9-]{1,32}`.
    PoolName,
    "a pool name of 1 to 32 characters from a-z, 0-9 and -",
    is_short_name
);

identifier!(
    /// The name of a deployment of the registrar: `[a-z0-9-]{1,32}`.
    DeploymentName,
    "a deployment name of 1 to 32 characters from a-z, 0-9 and -",
    is_short_name
);

identifier!(
    /// The id of a Route 53 hosted zone, without the `/hostedzone/` prefix of its ARN form.
    HostedZoneId,
    "a hosted zone id such as Z0123456789ABCDEFGHIJ",
    |text| within(text, 32, |b| b.is_ascii_digit() || b.is_ascii_uppercase())
);

identifier!(
    /// The name of an EC2 Auto Scaling group (1 to 255 printable characters).
    AutoScalingGroupName,
    "an Auto Scaling group name of 1 to 255 printable characters",
    |text| within(text, 255, |b| (0x20..0x7f).contains(&b))
);

identifier!(
    /// The name of an Auto Scaling lifecycle hook (`[A-Za-z0-9_/-]{1,255}`).
    LifecycleHookName,
    "a lifecycle hook name of 1 to 255 characters from A-Z, a-z, 0-9, _, / and -",
    |text| within(text, 255, |b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'/'))
);

identifier!(
    /// The name of a Wavelength zone, or of any other zone of EC2.
    ///
    /// The names are irregular (`us-east-1-wl1-bos-wlz-1`, `us-east-1-foe-wlz-1a`), so only their
    /// alphabet is checked.
    WavelengthZone,
    "a zone name such as us-east-1-wl1-bos-wlz-1",
    |text| within(text, 64, |b| b.is_ascii_digit() || b.is_ascii_lowercase() || b == b'-')
);

identifier!(
    /// The ARN of an IAM role: `arn:<partition>:iam::<12 digits>:role/<path and name>`.
    ///
    /// A path has up to 512 printable characters and a name up to 64 (IAM user guide, "IAM and STS character
    /// limits").
    RoleArn,
    "the ARN of an IAM role such as arn:aws:iam::123456789012:role/edge-dns",
    is_role_arn
);

fn is_role_arn(text: &str) -> bool {
    let mut parts = text.splitn(6, ':');
    let mut next = || parts.next().unwrap_or_default();
    let partition = |text: &str| {
        text == "aws"
            || text
                .strip_prefix("aws-")
                .is_some_and(|rest| within(rest, 32, |b| b.is_ascii_lowercase() || b == b'-'))
    };
    next() == "arn"
        && partition(next())
        && next() == "iam"
        && next().is_empty()
        && Some(next())
            .is_some_and(|account| account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()))
        && next().strip_prefix("role/").is_some_and(|role| within(role, 576, |b| (0x21..0x7f).contains(&b)))
}

fn is_short_name(text: &str) -> bool {
    within(text, 32, |b| b.is_ascii_digit() || b.is_ascii_lowercase() || b == b'-')
}

fn within(text: &str, longest: usize, allowed: fn(u8) -> bool) -> bool {
    (1..=longest).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instance_ids_keep_separators_out_of_set_identifiers() {
        assert!("i-0123456789abcdef0".parse::<InstanceId>().is_ok());
        assert!("i-abcd1111".parse::<InstanceId>().is_ok());
        for bad in ["", "i-", "abcd1111", "i-abc/def", "i-ABCD1111", "i-abc def", "i-abcd1111\n"] {
            assert!(bad.parse::<InstanceId>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn names_are_bounded() {
        assert!("a".repeat(32).parse::<PoolName>().is_ok());
        assert!("a".repeat(33).parse::<PoolName>().is_err());
        assert!("Video".parse::<PoolName>().is_err());
        assert!("a/b".parse::<DeploymentName>().is_err());
    }

    #[test]
    fn a_role_is_named_by_its_whole_arn() {
        for good in [
            "arn:aws:iam::123456789012:role/edge-dns",
            "arn:aws-us-gov:iam::123456789012:role/path/to/edge-dns",
            "arn:aws-cn:iam::123456789012:role/edge+dns=,.@-_",
        ] {
            assert_eq!(good.parse::<RoleArn>().map(|arn| arn.to_string()), Ok(good.to_owned()));
        }
        for bad in [
            "edge-dns",
            "arn:aws:iam::123456789012:user/edge-dns",
            "arn:aws:iam::12345678901:role/edge-dns",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:sts::123456789012:role/edge-dns",
            "arn:AWS:iam::123456789012:role/edge-dns",
            "arn:aws:iam:us-east-1:123456789012:role/edge-dns",
            "arn:aws:iam::123456789012:role/edge dns",
        ] {
            assert!(bad.parse::<RoleArn>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn an_error_names_the_value_and_what_was_expected() {
        let error = "Video!".parse::<PoolName>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"Video!\" is not a pool name of 1 to 32 characters from a-z, 0-9 and -"
        );
    }
}
