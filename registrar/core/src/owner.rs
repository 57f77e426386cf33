//! Ownership marks: the set identifier of a member's record, and the text values beside a simple set.
//!
//! A mark is compared component by component, never by prefix, so that pool `video` does not own the
//! records of pool `video-2`. Nothing here reads or changes a record.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use crate::ids::{DeploymentName, InstanceId, PoolName};
use crate::leaf::Leaf;

/// The label in front of a simple pool's name under which its owner marks stand.
pub const OWNER_LABEL: &str = "registrar-owner";

/// Who owns a record: one pool of one deployment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// The deployment.
    pub deployment: DeploymentName,
    /// The pool.
    pub pool: PoolName,
}

impl Owner {
    /// Returns the mark of one of this owner's records.
    #[must_use]
    pub fn mark(&self, role: Role) -> OwnerMark {
        OwnerMark { owner: self.clone(), role }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.deployment, self.pool)
    }
}

/// What an owned record stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The address of one instance.
    Member(InstanceId),
    /// The weight-0 record that serves when nothing else does.
    Fallback,
    /// The alias to a leaf of the pool's tree.
    Leaf(Leaf),
}

/// The mark on a record: `registrar/<deployment>/<pool>/<instance-id, "fallback" or a leaf's label>`.
///
/// It is the record's set identifier, which Route 53 limits to 128 characters; the longest mark has
/// 10 + 32 + 1 + 32 + 1 + 34 = 110.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OwnerMark {
    /// Who owns the record.
    pub owner: Owner,
    /// What the record stands for.
    pub role: Role,
}

/// A text that is not one of the registrar's marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an owner mark of the registrar")]
pub struct NotAMark;

impl FromStr for OwnerMark {
    type Err = NotAMark;

    fn from_str(text: &str) -> Result<Self, NotAMark> {
        let mut parts = text.split('/');
        let mut next = || parts.next().ok_or(NotAMark);
        if next()? != "registrar" {
            return Err(NotAMark);
        }
        let deployment = next()?.parse().map_err(|_| NotAMark)?;
        let pool = next()?.parse().map_err(|_| NotAMark)?;
        let role = match next()? {
            "fallback" => Role::Fallback,
            text => match text.parse() {
                Ok(leaf) => Role::Leaf(leaf),
                Err(_) => Role::Member(text.parse().map_err(|_| NotAMark)?),
            },
        };
        match parts.next() {
            None => Ok(Self { owner: Owner { deployment, pool }, role }),
            Some(_) => Err(NotAMark),
        }
    }
}

impl fmt::Display for OwnerMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "registrar/{}/", self.owner)?;
        match &self.role {
            Role::Member(id) => id.fmt(f),
            Role::Fallback => f.write_str("fallback"),
            Role::Leaf(leaf) => leaf.fmt(f),
        }
    }
}

/// One value of the text record set beside a simple set: a member's mark and its address.
///
/// In presentation format: `"registrar/<deployment>/<pool>/<instance-id>=<address>"`, quotes included.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemberText {
    /// Who owns the address.
    pub owner: Owner,
    /// The instance.
    pub instance: InstanceId,
    /// Its published address.
    pub address: Ipv4Addr,
}

impl FromStr for MemberText {
    type Err = NotAMark;

    fn from_str(text: &str) -> Result<Self, NotAMark> {
        let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or(NotAMark)?;
        let (mark, address) = inner.split_once('=').ok_or(NotAMark)?;
        let address = address.parse().map_err(|_| NotAMark)?;
        match mark.parse()? {
            OwnerMark { owner, role: Role::Member(instance) } => Ok(Self { owner, instance, address }),
            OwnerMark { role: Role::Fallback | Role::Leaf(_), .. } => Err(NotAMark),
        }
    }
}

impl fmt::Display for MemberText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"registrar/{}/{}={}\"", self.owner, self.instance, self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_back_as_it_was_written() {
        for text in [
            "registrar/default/video/i-0123456789abcdef0",
            "registrar/default/video/fallback",
            "registrar/default/video/l07",
        ] {
            assert_eq!(text.parse::<OwnerMark>().unwrap().to_string(), text);
        }
        let text = "\"registrar/default/video/i-0123456789abcdef0=192.0.2.1\"";
        assert_eq!(text.parse::<MemberText>().unwrap().to_string(), text);
    }

    #[test]
    fn marks_are_compared_by_component_and_not_by_prefix() {
        let mark: OwnerMark = "registrar/default/video-2/i-0123456789abcdef0".parse().unwrap();
        assert_eq!(mark.owner.pool.as_str(), "video-2");
    }

    #[test]
    fn foreign_identifiers_are_not_marks() {
        for text in [
            "",
            "i-0123456789abcdef0",
            "registrar/default/video",
            "registrar/default/video/",
            "registrar/default/video/i-0123456789abcdef0/x",
            "registrar/Default/video/i-0123456789abcdef0",
            "Registrar/default/video/i-0123456789abcdef0",
            "registrar/default/video/l100",
        ] {
            assert_eq!(text.parse::<OwnerMark>(), Err(NotAMark), "{text:?}");
        }
    }
}
